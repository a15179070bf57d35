"""A whole harvest of a forum of which one answer went wrong.

It ends, or stops with the error told; no topic that was not touched is changed by
it, none is missing without a word, and none is more public than it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import ForumError
from kb.store import Store
from tests.indexer.loopback import Loopback, Reply, as_json
from tests.indexer.traps.mutating import Payloads, mutated, payloads
from tests.indexer.traps.world import Hands, Thread, World

FEED, LIST, SITE = "/posts.json", "/latest.json", "/site.json"
slowly = settings(max_examples=30, deadline=None, derandomize=True, database=None)


@cache
def ours() -> Payloads:
    return payloads("2026")


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@dataclass(frozen=True)
class Outcome:
    """What a harvest came to.

    Attributes:
        threads: What is held.
        told: Keys of what was set aside.
        skipped: How many topics must not be held, for whatever reason.
        waiting: Topics with loose posts, and those that must be looked at.
        problem: What stopped it; also what its source was told.
    """

    threads: dict[int, Thread]
    told: Collection[str]
    skipped: int
    waiting: tuple[int, int]
    problem: ForumError | None


def harvested(server: Loopback) -> Outcome:
    """A new knowledge base after a harvest."""
    with (
        TemporaryDirectory() as folder,
        Store.open(Path(folder) / "kb.db") as store,
    ):
        world = World(server.url, store, Hands())
        skipped, problem = 0, None
        try:
            skipped = sum(world.harvest(max_pages=6).skipped.values())
        except ForumError as exc:
            problem = exc
        told = store.progress.source("forum").last_error
        assert told == (str(problem) if problem else None)
        return Outcome(world.held(), world.aside(), skipped, world.waiting(), problem)


def serve(server: Loopback, *, has_feed: bool) -> None:
    """Answer as the sandbox did."""
    missing = as_json({"errors": ["No such page."], "error_type": "not_found"}, 404)
    server.on(SITE, as_json(ours().site))
    server.on(LIST, as_json(ours().list))
    server.on(FEED, as_json(ours().feed) if has_feed else missing)
    for key, data in ours().topics.items():
        server.on(f"/t/{key}.json", as_json(data))


def reply(data: Any) -> Reply:
    try:
        return as_json(data)
    except RecursionError:  # as a server of another language would write it
        return Reply(body=b'{"deep": ' + b"[" * 2000 + b"]" * 2000 + b"}")


@cache
def honest() -> dict[int, Thread]:
    """What is held of the forum when nothing is wrong."""
    with Loopback() as server:
        serve(server, has_feed=True)
        outcome = harvested(server)
    assert (outcome.told, outcome.problem, outcome.waiting) == ({}, None, (0, 0))
    return outcome.threads


def topics_of(paths: Collection[tuple[str | int, ...]], items: list[Any]) -> set[int]:
    """Topics of the items of a list at which something was touched; all of them
    when it was the list itself."""
    places = [
        path[2] if len(path) > 2 and path[0] == "topic_list" else None for path in paths
    ]
    return {
        item["id"]
        for place, item in enumerate(items)
        if any(each is None or each == place for each in places)
    }


def check(
    outcome: Outcome, touched: Collection[int], unlisted: Collection[int] = ()
) -> None:
    """Nothing but *touched* differs, and what is missing was told of.

    Args:
        unlisted: Topics of which the forum says nothing at all.
    """
    if outcome.problem is not None:
        return
    missing = honest().keys() - outcome.threads.keys() - set(unlisted)
    assert missing <= set(touched)
    assert len(missing) <= len(outcome.told) + outcome.skipped
    for key, thread in outcome.threads.items():
        if key in touched:
            assert thread.visibility == "public"
        else:
            assert thread == honest()[key]
    assert outcome.waiting == (0, 0)


def test_the_forum_of_these_tests_is_read_alike_by_both_roads(server: Loopback) -> None:
    serve(server, has_feed=False)

    outcome = harvested(server)

    assert (outcome.threads, len(outcome.threads)) == (honest(), 3)


@slowly
@given(data=st.data())
def test_a_mutated_feed_spoils_no_other_topic(
    server: Loopback, data: st.DataObject
) -> None:
    case = data.draw(mutated(ours().feed, within="latest_posts"))
    serve(server, has_feed=True)
    server.on(FEED, reply(case.data))

    outcome = harvested(server)

    posts = ours().feed["latest_posts"]
    touched = {
        post["topic_id"]
        for place, post in enumerate(posts)
        if any(len(path) < 2 or path[1] == place for path in case.paths)
    }
    check(outcome, touched)
    # No post is lost to a feed: what it spoils is read by itself.
    assert outcome.problem is None
    for key, thread in outcome.threads.items():
        known = {(post[0], post[1]) for post in thread.posts}
        known |= {(item[0], item[1]) for item in thread.left_out}
        everything = {(post[0], post[1]) for post in honest()[key].posts}
        everything |= {(item[0], item[1]) for item in honest()[key].left_out}
        assert known == everything


@slowly
@given(data=st.data())
def test_a_mutated_list_spoils_no_other_topic(
    server: Loopback, data: st.DataObject
) -> None:
    has_feed = data.draw(st.booleans())
    case = data.draw(mutated(ours().list, within="topic_list", most=2))
    serve(server, has_feed=has_feed)
    server.on(LIST, reply(case.data))

    outcome = harvested(server)

    items = ours().list["topic_list"]["topics"]
    whole = case.data.get("topic_list")
    shown = whole.get("topics") if isinstance(whole, dict) else None
    named = {each["id"] for each in shown or () if is_named(each)}
    # What the list does not show, the feed does.
    unlisted = () if has_feed else {each["id"] for each in items} - named
    check(outcome, topics_of(case.paths, items), unlisted)


def is_named(item: Any) -> bool:
    return isinstance(item, dict) and type(item.get("id")) is int


@slowly
@given(data=st.data())
def test_a_mutated_topic_spoils_no_other(server: Loopback, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(ours().topics)))
    case = data.draw(mutated(ours().topics[key]))
    serve(server, has_feed=False)
    server.on(f"/t/{key}.json", reply(case.data))

    outcome = harvested(server)

    assert outcome.problem is None
    check(outcome, {key})


@slowly
@given(data=st.data())
def test_mutated_categories_never_open_a_topic(
    server: Loopback, data: st.DataObject
) -> None:
    case = data.draw(mutated(ours().site, within="^categories", most=2))
    serve(server, has_feed=data.draw(st.booleans()))
    server.on(SITE, reply(case.data))

    outcome = harvested(server)

    # With other names or descriptions, they are still the same topics.
    assert outcome.threads.keys() <= honest().keys()
    missing = honest().keys() - outcome.threads.keys()
    assert outcome.problem is not None or len(missing) <= outcome.skipped
    for key, thread in outcome.threads.items():
        assert (thread.title, thread.posts) == (
            honest()[key].title,
            honest()[key].posts,
        )
        assert thread.visibility == "public"
