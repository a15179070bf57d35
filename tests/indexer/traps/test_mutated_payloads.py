"""Whatever becomes of a payload, reading it gives a named error or a true record.

Never another exception, and never a post less: each is kept, left out with a cause,
or told to be broken.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.settings import Generation
from indexer.wire import (
    Category,
    FeedPost,
    Post,
    TopicItem,
    read_categories,
    read_feed,
    read_posts,
    read_topic,
    read_topic_list,
)
from kb.errors import RecordError
from kb.types import LeftOut
from tests.conftest import SHARED
from tests.indexer.traps.mutating import Mutated, Payloads, mutated, payloads
from tests.indexer.traps.world import Json

GENERATIONS: tuple[Generation, ...] = ("2022", "2026")
quickly = settings(max_examples=150, deadline=None, derandomize=True, database=None)

# Which fields of a payload a record's field is made of, where the names differ.
_POST = {
    "number": {"post_number"},
    "body": {"cooked", "raw", "is_localized"},
    "format": {"cooked", "raw", "is_localized"},
    "reply_to": {"reply_to_post_number"},
    "likes": {"actions_summary"},
    "accepted": {"accepted_answer"},
    "staff": {"admin", "moderator", "staff"},
}
_TOPIC = {
    "pinned": {"pinned", "pinned_globally"},
    "likes": {"like_count"},
    "deleted": {"deleted_at"},
    "accepted": {"accepted_answers", "accepted_answer"},
    "stream": {"post_stream"},
    "posts": {"post_stream", "id"},
}
_ITEM = {
    "bumped_at": {"bumped_at", "last_posted_at", "created_at"},
    "pinned": {"pinned", "pinned_globally"},
    "solved": {"has_accepted_answer"},
    "likes": {"like_count"},
    "last_number": {"highest_post_number"},
    "facts": {
        "title", "category_id", "visible", "pinned", "pinned_globally", "closed",
        "archived", "has_accepted_answer", "tags",
    },
    "activity": {
        "bumped_at", "last_posted_at", "created_at", "posts_count",
        "highest_post_number",
    },
}  # fmt: skip
_CATEGORY = {
    "parent_id": {"parent_category_id"},
    "restricted": {"read_restricted"},
    "about_topic_id": {"topic_url"},
}


@cache
def ours() -> tuple[Payloads, ...]:
    """What the sandbox answers, in both ages of the software."""
    return tuple(payloads(generation) for generation in GENERATIONS)


def real(name: str, most: int) -> list[Json]:
    """Some real payloads, where the shared samples are."""
    path = SHARED / "discourse" / "samples" / name
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line, _ in zip(lines, range(most), strict=False)]


@cache
def topics() -> list[Json]:
    short = [data for data in real("topics.jsonl.gz", 40) if data["posts_count"] < 9]
    return [*(data for each in ours() for data in each.topics.values()), *short[:10]]


@cache
def feeds() -> list[Json]:
    posts = real("posts.jsonl.gz", 12)
    more = [{"latest_posts": posts}] if posts else []
    return [*(each.feed for each in ours()), *more]


def one_of(data: st.DataObject, choices: Sequence[Any]) -> Any:
    """One of *choices*; what failed is told by its place, since payloads are long."""
    return choices[data.draw(st.integers(0, len(choices) - 1))]


def alike(
    before: Any, after: Any, touched: set[str], made_of: Mapping[str, set[str]]
) -> bool:
    """Whether two records are equal in each field that is made of nothing touched."""
    return all(
        getattr(before, field.name) == getattr(after, field.name)
        for field in fields(before)
        if not touched & made_of.get(field.name, {field.name})
    )


def named(case: Mutated, problems: Iterable[str]) -> bool:
    """Whether each problem names a field that was touched."""
    return all(case.names(problem.partition(": ")[0]) for problem in problems)


def read(case: Mutated, reader: Callable[[Any, str], Any]) -> Any:
    """What is read, or ``None`` for an error that names what was touched."""
    try:
        return reader(case.data, "/x.json")
    except RecordError as exc:
        problem = exc
    assert case.names(problem.field), problem
    return None


def touched_in(before: Mapping[str, Any], after: Any) -> set[str]:
    """Names of the fields in which an object is not as it was."""
    if not isinstance(after, dict):
        return set(before)
    return {
        name
        for name in before.keys() | after.keys()
        if name not in before
        or name not in after
        or not _same(before[name], after[name])
    }


def _same(before: Any, after: Any) -> bool:
    """Equal as JSON is, where true is not 1."""
    try:
        return repr(before) == repr(after)
    except RecursionError:  # one of them is nested too deeply, the other never is
        return False


# -- topics --------------------------------------------------------------------


def check_posts(base: list[Json], case: list[Any], read_posts: Any, was: Any) -> None:
    """Each post in the payload is accounted for, and true."""
    kept = {post.id: post for post in read_posts.kept}
    left = {
        each.external_id: each for each in (*read_posts.dropped, *read_posts.broken)
    }
    before: dict[int, Post | LeftOut] = {post.id: post for post in was.kept}
    before |= {each.external_id: each for each in was.dropped}
    items = [item for item in case if isinstance(item, dict)]
    assert len(items) == len(case)
    originals = {item["id"]: item for item in base}
    accounted = len(read_posts.kept) + len(read_posts.dropped) + len(read_posts.broken)
    assert accounted == len(read_posts.met)
    for item in items:
        number = int(item["id"])
        original = originals.get(number)
        changed = touched_in(original, item) if original is not None else {"id"}
        if "topic_id" in changed and number not in set(read_posts.met):
            # It says that it is another topic's.
            continue
        assert number in kept or number in left
        found, then = kept.get(number), before.get(number)
        if changed and (found is None or not isinstance(then, Post)):
            continue
        if not changed:
            assert then in (found, left.get(number))
        elif found is not None and number not in left and isinstance(then, Post):
            assert alike(then, found, changed, _POST)


@quickly
@given(data=st.data())
def test_a_mutated_topic_is_read_truly_or_its_bad_field_is_named(
    data: st.DataObject,
) -> None:
    base = one_of(data, topics())
    within = data.draw(st.sampled_from(["", r"post_stream\.posts", r"^[a-z_]+$"]))
    case = data.draw(mutated(base, within=within))
    found = read(case, read_topic)
    if found is None:
        return

    was = read_topic(base, "/x.json")
    changed = touched_in(base, case.data)
    assert alike(was, found, changed, _TOPIC)
    assert named(case, (each.cause for each in found.posts.broken))
    if "id" not in changed:
        stream, posts = base["post_stream"], case.data["post_stream"]["posts"]
        check_posts(stream["posts"], posts, found.posts, was.posts)


@quickly
@given(data=st.data())
def test_a_mutated_chunk_of_posts_is_read_truly_or_its_bad_field_is_named(
    data: st.DataObject,
) -> None:
    base = one_of(data, [chunk for each in ours() for chunk in each.posts])
    case = data.draw(mutated(base, within="post_stream"))
    topic_id = base["id"]
    found = read(case, lambda answer, path: read_posts(answer, path, topic_id))
    if found is None:
        return

    was = read_posts(base, "/x.json", topic_id)
    assert named(case, (each.cause for each in found.broken))
    posts = case.data["post_stream"]["posts"]
    check_posts(base["post_stream"]["posts"], posts, found, was)


# -- the feed --------------------------------------------------------------------


@quickly
@given(data=st.data())
def test_a_mutated_feed_loses_no_post(data: st.DataObject) -> None:
    base = one_of(data, feeds())
    case = data.draw(mutated(base, within="latest_posts"))
    found = read(case, read_feed)
    if found is None:
        return

    assert named(case, (problem for _, problem in found.broken))
    was: dict[int, FeedPost] = {p.id: p for p in read_feed(base, "/x.json").posts}
    now = {post.id: post for post in found.posts}
    originals = {item["id"]: item for item in base["latest_posts"]}
    readable = [_number(item) for item in case.data["latest_posts"]]
    ids = {number for number in readable if number is not None}
    assert set(found.ids) == ids
    assert found.nameless == readable.count(None)
    # Each item is read, broken, or a post that came before.
    assert len(found.posts) + len(found.broken) == len(ids) + found.nameless
    seen: set[int] = set()
    for item in case.data["latest_posts"]:
        number = _number(item)
        if number is None or number in seen or number not in now or number not in was:
            seen.add(number or 0)
            continue
        seen.add(number)
        changed = touched_in(originals[number], item)
        before, after = was[number], now[number]
        if not changed:
            assert before == after
            continue
        pairs = {"title": "topic_title"}
        for name in ("topic_id", "category_id", "title"):
            if pairs.get(name, name) not in changed:
                assert getattr(before, name) == getattr(after, name)
        if isinstance(before.content, Post) and isinstance(after.content, Post):
            assert alike(before.content, after.content, changed, _POST)


def _number(item: Any) -> int | None:
    """The id as it can be read."""
    value: Any = item.get("id") if isinstance(item, dict) else None
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    usable = isinstance(value, int) and not isinstance(value, bool)
    return value if usable and 0 < value < 2**63 else None


# -- lists and categories ----------------------------------------------------------


@quickly
@given(data=st.data())
def test_a_mutated_list_loses_no_topic(data: st.DataObject) -> None:
    base = one_of(data, [each.list for each in ours()])
    case = data.draw(mutated(base, within=r"topic_list\.(topics|more)"))
    found = read(case, read_topic_list)
    if found is None:
        return

    items = case.data["topic_list"]["topics"]
    assert len(found.items) + len(found.broken) == len(items)
    assert named(case, (problem for _, problem in found.broken))
    was: dict[int, TopicItem] = {
        item.id: item for item in read_topic_list(base, "/x.json").items
    }
    originals = {item["id"]: item for item in base["topic_list"]["topics"]}
    readable = [item for item in items if _number(item) in originals]
    for item in found.items:
        candidates = [each for each in readable if _number(each) == item.id]
        assert not candidates or any(
            alike(was[item.id], item, touched_in(originals[item.id], each), _ITEM)
            for each in candidates
        )


@quickly
@given(data=st.data())
def test_mutated_categories_are_read_truly_and_never_opened(
    data: st.DataObject,
) -> None:
    site = one_of(data, [each.site for each in ours()])
    private = [{**each, "read_restricted": True} for each in site["categories"]]
    base = {"categories": one_of(data, [site["categories"], private])}
    case = data.draw(mutated(base, within="categories"))
    found = read(case, read_categories)
    if found is None:
        return

    was = {each.id: each for each in read_categories(base, "/x.json")}
    originals = {each["id"]: each for each in base["categories"]}
    last: dict[int, Json] = {int(item["id"]): item for item in case.data["categories"]}
    assert {each.id for each in found} == set(last)
    for category in found:
        before: Category | None = was.get(category.id)
        if before is None:
            continue
        changed = touched_in(originals[category.id], last[category.id])
        assert alike(before, category, changed, _CATEGORY)
        said = last[category.id].get("read_restricted")
        assert category.restricted == (said is not False)


@pytest.mark.parametrize("data", [None, [], "x", 7, True, {}, {"a": 1}], ids=str)
@pytest.mark.parametrize(
    "reader", [read_topic, read_posts, read_feed, read_topic_list, read_categories]
)
def test_what_is_no_payload_at_all_is_named(
    reader: Callable[[Any, str], Any], data: Any
) -> None:
    with pytest.raises(RecordError) as caught:
        reader(data, "/x.json")

    assert caught.value.field


@pytest.mark.parametrize("name", ["has_accepted_answer", "posts_count", "tags"])
def test_what_is_just_not_too_deep_to_be_parsed_is_not_too_deep_to_be_read(
    name: str,
) -> None:
    """Python can write out a little less depth than it can read in."""
    text = json.dumps(ours()[0].list)
    parsed = 0
    for depth in range(800, 1000):
        deep = "[" * depth + "]" * depth
        try:
            data = json.loads(
                re.sub(rf'"{name}": (\[.*?\]|\w+)', f'"{name}": {deep}', text)
            )
        except RecursionError:
            break
        found = read_topic_list(data, "/x.json")
        assert (len(found.items), found.broken) == (3, ())
        parsed += 1
    assert 0 < parsed < 200
