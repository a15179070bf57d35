"""Discourse's JSON as records: every shape that was seen, every bad field named."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer.fields import Fields
from indexer.wire import (
    Category,
    Post,
    TopicItem,
    read_categories,
    read_posts,
    read_tags,
    read_topic,
    read_topic_list,
)
from kb.errors import RecordError
from kb.types import LeftOut, PostId, TopicId

SAMPLES = (
    Path(__file__).resolve().parents[2].parent / "shared" / "discourse" / "samples"
)
URL = "/t/7.json"


def post(**changes: Any) -> dict[str, Any]:
    return {
        "id": 71,
        "post_number": 1,
        "post_type": 1,
        "cooked": "<p>Hello</p>",
        "created_at": "2026-01-02T03:04:05.678Z",
        "updated_at": "2026-01-03T00:00:00.000Z",
        "user_id": 5,
        "username": "amina",
        "reply_to_post_number": None,
        "actions_summary": [{"id": 2, "count": 3}, {"id": 8, "count": 1}],
        "hidden": False,
        "user_deleted": False,
        "deleted_at": None,
        **changes,
    }


def topic(*posts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    posts = posts or (post(),)
    return {
        "id": 7,
        "title": "How do I <import>?",
        "fancy_title": "How do I &lt;import&gt;?",
        "category_id": 3,
        "archetype": "regular",
        "tags": ["data"],
        "created_at": "2026-01-02T03:04:05.678Z",
        "views": 9,
        "visible": True,
        "closed": False,
        "archived": False,
        "post_stream": {"posts": list(posts), "stream": [item["id"] for item in posts]},
        **changes,
    }


def item(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "title": "How do I import?",
        "category_id": 3,
        "archetype": "regular",
        "bumped_at": "2026-01-05T00:00:00.000Z",
        "created_at": "2026-01-01T00:00:00.000Z",
        "posts_count": 2,
        "highest_post_number": 2,
        "pinned": False,
        "visible": True,
        "closed": False,
        "archived": False,
        "tags": ["data"],
        "views": 9,
        **changes,
    }


def page(*items: Any, more: str | None = None) -> dict[str, Any]:
    return {"topic_list": {"topics": list(items), "more_topics_url": more}}


# -- topics and posts ------------------------------------------------------


def test_a_post_is_read_whole() -> None:
    read = read_topic(topic(), URL)
    assert read.posts.kept == (
        Post(
            id=PostId(71),
            number=1,
            body="<p>Hello</p>",
            format="html",
            created_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
            updated_at=datetime(2026, 1, 3, tzinfo=UTC),
            user_id=5,
            username="amina",
            reply_to=None,
            likes=3,
            accepted=None,
        ),
    )
    assert (read.id, read.title, read.category_id) == (7, "How do I <import>?", 3)
    assert (read.tags, read.views, read.stream) == (("data",), 9, (71,))
    assert (read.visible, read.closed, read.archetype) == (True, False, "regular")


def test_optional_keys_may_be_missing_and_unknown_ones_come_along() -> None:
    bare = {"id": 71, "post_number": 1, "cooked": "x", "created_at": "2026-01-02"}
    stream = {"posts": [bare], "stream": [71]}
    read = read_topic(
        {"id": 7, "title": "T", "post_stream": stream, "brand_new": {"a": [1]}}, URL
    )
    only = read.posts.kept[0]
    assert (only.user_id, only.username, only.likes, only.updated_at) == (
        None,
        None,
        0,
        None,
    )
    assert (read.category_id, read.archetype, read.visible) == (None, "regular", True)


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("posts.0.id", "x", "post_stream.posts[0].id: expected int, got str"),
        ("posts.0.id", True, "post_stream.posts[0].id: expected int, got bool"),
        ("posts.0.id", 2**63, "post_stream.posts[0].id: is too large"),
        ("posts.0.hidden", "no", "post_stream.posts[0].hidden: expected bool, got str"),
        ("posts.0", "gone", "post_stream.posts[0]: expected object, got str"),
        ("posts", {}, "post_stream.posts: expected list, got object"),
        ("stream", [71, None], "post_stream.stream[1]: expected int, got null"),
    ],
)
def test_a_bad_field_is_named(where: str, value: Any, message: str) -> None:
    data = topic()
    target: Any = data["post_stream"]
    *path, last = where.split(".")
    for step in path:
        target = target[int(step)] if step.isdecimal() else target[step]
    target[int(last) if last.isdecimal() else last] = value
    with pytest.raises(RecordError) as caught:
        read_topic(data, URL)
    assert str(caught.value) == f"{URL}: {message}"


def test_a_missing_field_is_named_with_its_place() -> None:
    bad = post(id=72)
    del bad["post_number"]
    with pytest.raises(RecordError) as caught:
        read_topic(topic(post(), bad), URL)
    assert caught.value.field == "post_stream.posts[1].post_number"
    assert caught.value.problem == "expected int, but it is missing"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"cooked": None}, "cooked: expected str, got null"),
        ({"cooked": 5}, "cooked: expected str, got int"),
        ({"created_at": "yesterday"}, "created_at: expected a time, got 'yesterday'"),
    ],
)
def test_a_post_that_cannot_be_read_costs_its_topic_no_other(
    changes: dict[str, Any], problem: str
) -> None:
    bad = post(id=72, post_number=2, **changes)
    read = read_topic(topic(post(), bad, post(id=73, post_number=3)), URL)
    assert [kept.number for kept in read.posts.kept] == [1, 3]
    problem = f"post_stream.posts[1].{problem}"
    assert read.posts.broken == (LeftOut(72, 2, problem),)
    assert read.posts.met == (71, 72, 73)


@pytest.mark.parametrize("data", [None, [], "text", 4])
def test_an_answer_that_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(RecordError, match="answer: expected object, got"):
        read_topic(data, URL)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"post_type": 3, "cooked": ""}, "small action"),
        ({"post_type": 4}, "whisper"),
        ({"post_type": 9}, "post type 9"),
        ({"hidden": True}, "hidden"),
        ({"cooked_hidden": True}, "hidden"),
        ({"user_deleted": True}, "deleted"),
        ({"deleted_at": "2026-01-02T00:00:00Z"}, "deleted"),
        ({"hidden": True, "cooked": None}, "hidden"),
    ],
)
def test_what_readers_do_not_see_is_dropped_with_its_cause(
    changes: dict[str, Any], cause: str
) -> None:
    read = read_topic(topic(post(), post(id=72, post_number=2, **changes)), URL)
    assert [kept.number for kept in read.posts.kept] == [1]
    assert read.posts.dropped == (LeftOut(72, 2, cause),)
    assert (read.posts.met, read.posts.last_number) == ((71, 72), 2)


@pytest.mark.parametrize(
    ("user_id", "kept"), [(5, 5), ("5", 5), (None, None), ("?", None)]
)
def test_of_a_first_post_that_is_dropped_its_author_is_kept(
    user_id: object, kept: int | None
) -> None:
    read = read_topic(topic(post(hidden=True, user_id=user_id)), URL)
    [dropped] = read.posts.dropped
    assert (dropped, dropped.author_id) == (LeftOut(71, 1, "hidden", kept), kept)


def test_a_moderators_post_is_text_like_any_other() -> None:
    read = read_topic(topic(post(post_type=2)), URL)
    assert [kept.number for kept in read.posts.kept] == [1]


def test_numbers_may_come_as_strings_and_users_may_be_gone() -> None:
    odd = post(
        id="71",
        post_number="1",
        reply_to_post_number="2",
        user_id=None,
        username=None,
    )
    only = read_topic(topic(odd), URL).posts.kept[0]
    assert (only.id, only.number, only.reply_to) == (71, 1, 2)
    assert (only.user_id, only.username) == (None, None)


def test_nul_bytes_and_lone_surrogates_are_dropped_from_texts() -> None:
    odd = post(cooked="a\x00b\ud800c")
    read = read_topic(topic(odd, title="T\x00"), URL)
    assert (read.posts.kept[0].body, read.title) == ("abc", "T")


@pytest.mark.parametrize(
    ("solved", "numbers"),
    [
        ({"accepted_answer": {"post_number": 2, "excerpt": "…"}}, {2}),
        ({"accepted_answer": None}, set()),
        ({"accepted_answers": [{"post_number": 2}, {"post_number": 4}]}, {2, 4}),
        ({"accepted_answers": []}, set()),
        ({"accepted_answers": ["?"], "accepted_answer": 1}, set()),
        ({}, set()),
    ],
)
def test_both_shapes_of_solutions_are_read(
    solved: dict[str, Any], numbers: set[int]
) -> None:
    assert read_topic(topic(**solved), URL).accepted == numbers


@pytest.mark.parametrize(
    ("mark", "accepted"),
    [(True, True), (False, False), ("x", None), (None, None)],
)
def test_a_post_may_say_itself_that_it_is_the_solution(
    mark: object, accepted: bool | None
) -> None:
    read = read_topic(topic(post(accepted_answer=mark)), URL)
    assert read.posts.kept[0].accepted is accepted


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (["a", "b"], ("a", "b")),
        ([{"id": 1, "name": "a", "slug": "a-s"}], ("a",)),
        ([{"name": "traduit", "original_name": "original"}], ("original",)),
        ([{"id": 1, "slug": "s"}], ("s",)),
        ([1, None, "", {}, "a"], ("a",)),
        (None, ()),
        ("a", ()),
    ],
)
def test_both_shapes_of_tags_are_read(tags: Any, names: tuple[str, ...]) -> None:
    assert read_tags(tags) == names


@pytest.mark.parametrize(
    "actions", [None, [], "x", [3], [{"id": 2}], [{"id": 2, "count": "many"}]]
)
def test_likes_of_another_shape_count_as_none(actions: Any) -> None:
    read = read_topic(topic(post(actions_summary=actions), views=None), URL)
    assert (read.posts.kept[0].likes, read.views) == (0, 0)


def test_a_topic_of_ten_thousand_posts_comes_without_its_stream() -> None:
    stream = {"posts": [post()], "isMegaTopic": True, "lastId": 99999}
    assert read_topic(topic(post_stream=stream), URL).stream is None


def test_an_empty_thread_has_no_posts() -> None:
    read = read_topic(topic(post_stream={"posts": [], "stream": []}), URL)
    assert (read.posts.kept, read.posts.met, read.stream) == ((), (), ())


def test_posts_are_read_from_a_chunk() -> None:
    read = read_posts({"post_stream": {"posts": [post()]}, "id": 7}, URL)
    assert [kept.id for kept in read.kept] == [71]


def test_a_chunk_without_its_envelope_is_refused() -> None:
    with pytest.raises(RecordError, match="post_stream: expected object, but it is"):
        read_posts({"posts": []}, URL)


# -- lists -----------------------------------------------------------------


def test_a_list_is_read_with_its_broken_items_apart() -> None:
    read = read_topic_list(
        page(item(), item(id=8, title=None), "?", more="/latest?page=1"), URL
    )
    assert [found.id for found in read.items] == [7]
    assert read.broken == (
        ("8", "topic_list.topics[1].title: expected str, got null"),
        ("topic_list.topics[2]", "topic_list.topics[2]: expected object, got str"),
    )
    assert read.has_more


def test_a_list_item_is_read_whole() -> None:
    found = read_topic_list(page(item(pinned_globally=True, like_count=4)), URL).items[
        0
    ]
    assert found == TopicItem(
        id=TopicId(7),
        title="How do I import?",
        category_id=3,
        archetype="regular",
        bumped_at=datetime(2026, 1, 5, tzinfo=UTC),
        pinned=True,
        visible=True,
        facts=found.facts,
        activity=found.activity,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        tags=("data",),
        posts_count=2,
        last_number=2,
        views=9,
        likes=4,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other"},
        {"category_id": 4},
        {"closed": True},
        {"archived": True},
        {"visible": False},
        {"has_accepted_answer": True},
        {"tags": ["data", "import"]},
        {"pinned": True},
        {"pinned_globally": True},
    ],
)
def test_a_lists_facts_change_with_what_a_topic_is(changes: dict[str, Any]) -> None:
    before, now = listed(), listed(**changes)
    assert (now.facts != before.facts, now.activity) == (True, before.activity)


@pytest.mark.parametrize(
    "changes",
    [
        {"bumped_at": "2026-01-06T00:00:00Z"},
        {"posts_count": 3},
        {"highest_post_number": 3},
    ],
)
def test_a_lists_activity_changes_with_the_posts(changes: dict[str, Any]) -> None:
    before, now = listed(), listed(**changes)
    assert (now.facts, now.activity != before.activity) == (before.facts, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"views": 1000},
        {"like_count": 5},
        {"tags": [{"id": 1, "name": "data", "slug": "data"}]},
        {"fancy_title": "<b>"},
    ],
)
def test_facts_and_activity_stay_for_all_else(changes: dict[str, Any]) -> None:
    before, now = listed(), listed(**changes)
    assert (now.facts, now.activity) == (before.facts, before.activity)


def listed(**changes: Any) -> TopicItem:
    return read_topic_list(page(item(**changes)), URL).items[0]


def test_a_topic_never_bumped_counts_from_its_start() -> None:
    found = read_topic_list(page(item(bumped_at=None)), URL).items[0]
    assert found.bumped_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_list_that_names_no_further_page_is_the_last() -> None:
    data = page()
    assert not read_topic_list(data, URL).has_more
    del data["topic_list"]["more_topics_url"]
    assert not read_topic_list(data, URL).has_more


# -- categories ------------------------------------------------------------

SUPPORT = {
    "id": 3,
    "name": "Support",
    "slug": "support",
    "read_restricted": False,
    "topic_url": "/t/about-the-support-category/12",
}
STAFF = {"id": 4, "name": "Staff", "slug": "staff", "read_restricted": True}


def test_categories_are_read_flat_and_nested() -> None:
    support = Category(3, "Support", "support", None, False, TopicId(12))
    staff = Category(4, "Staff", "staff", 3, True, None)
    flat = {"categories": [SUPPORT, {**STAFF, "parent_category_id": 3}]}
    nested = deepcopy(flat["categories"])
    nested[0]["subcategory_list"] = [nested.pop()]
    assert read_categories(flat, URL) == (support, staff)
    assert read_categories({"category_list": {"categories": nested}}, URL) == (
        support,
        staff,
    )


def test_a_category_that_hides_who_may_read_it_is_refused() -> None:
    bad = {"categories": [{**SUPPORT, "read_restricted": "yes"}]}
    with pytest.raises(RecordError) as caught:
        read_categories(bad, "/site.json")
    assert str(caught.value) == (
        "/site.json: categories[0].read_restricted: expected bool, got str"
    )


# -- fields ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05.678Z", datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_are_in_utc(text: str, moment: datetime) -> None:
    assert Fields({"at": text}, URL).moment("at") == moment


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+12:00", "2026-13-01", ""])
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RecordError, match="at: expected a time, got"):
        Fields({"at": text}, URL).moment("at")


# -- real payloads ---------------------------------------------------------


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not here")
def test_every_real_topic_is_read() -> None:
    with gzip.open(SAMPLES / "topics.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            data = json.loads(line)
            read = read_topic(data, f"/t/{data['id']}.json")
            posts = data["post_stream"]["posts"]
            assert read.title == data["title"]
            assert list(read.posts.met) == [entry["id"] for entry in posts]
            assert len(read.posts.kept) + len(read.posts.dropped) == len(posts)
            assert set(read.posts.met) <= set(read.stream or ())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not here")
def test_every_real_post_is_read() -> None:
    with gzip.open(SAMPLES / "posts.jsonl.gz", "rt", encoding="utf-8") as lines:
        posts = [json.loads(line) for line in lines]
    read = read_posts({"post_stream": {"posts": posts}}, "/posts.json")
    assert list(read.met) == [entry["id"] for entry in posts]
    shown = [p for p in posts if not (p.get("hidden") or p.get("user_deleted"))]
    assert [kept.body for kept in read.kept] == [p["cooked"] for p in shown]
    assert {kept.format for kept in read.kept} == {"html"}
