"""The posts of all topics, page by page: each server's way, none missed, bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox, Settings
from bot.sandbox.records import Topic
from indexer.discourse import DiscourseClient
from indexer.http import Transport
from indexer.source import Batch
from indexer.sources.categories import Categories
from indexer.sources.feed import FeedReader, pages_left
from indexer.sources.position import FeedWalk
from indexer.sources.threads import ForumRules
from kb.errors import (
    ForumRejectedError,
    ForumUnavailableError,
)
from tests.indexer.forum_world import (
    START,
    Hands,
    World,
    asked,
    complicate,
    feed,
    ids,
    listed,
    page,
    post,
    serve,
    topics_asked,
    without_feed,
)
from tests.indexer.loopback import Loopback, as_json

both = pytest.mark.parametrize("generation", ["2022", "2026"])


@pytest.fixture
def reader(world: World) -> Iterator[FeedReader]:
    """What compares the feed with a store that holds nothing yet."""
    rules = ForumRules()
    with Transport(
        world.url, requests_per_second=None, sleep=lambda _: None, max_attempts=1
    ) as transport:
        client = DiscourseClient(transport)
        categories = Categories(client, rules, client.categories())
        yield FeedReader(client, rules, categories, world.store.holdings("forum"))


def steps(reader: FeedReader, walk: FeedWalk) -> list[tuple[FeedWalk, Batch]]:
    return list(reader.read(walk))


def met(found: list[tuple[FeedWalk, Batch]]) -> list[int]:
    """Ids of the posts that a walk found to be new."""
    return sorted(part.external_id for _, batch in found for part in batch.loose)


def befores(box: Sandbox) -> list[int | None]:
    """Where each page of the feed was asked to begin."""
    pages = [request for request in box.requests if "/posts.json" in request]
    found = [re.search(r"before=(\d+)", each) for each in pages]
    return [int(each[1]) if each else None for each in found]


def private(community: Community, posts: int) -> Topic:
    """A topic in a category that visitors may not read."""
    if "Staff" not in {each.name for each in community.categories.values()}:
        community.add_category("Staff", read_restricted=True)
    return community.add_topics(1, posts=posts, category="staff")[0]


# -- pages -----------------------------------------------------------------------


@both
def test_all_posts_are_met_fifty_in_a_request(
    community: Community, box: Sandbox, reader: FeedReader, generation: Any
) -> None:
    box.settings = Settings(generation=generation)
    community.add_topics(30, posts=5)
    found = steps(reader, FeedWalk(START))
    assert met(found) == list(range(1, 151))
    assert befores(box) == [None, 100, 50]
    walk = found[-1][0]
    assert (walk.top, walk.is_over, walk.has_gaps) == (150, True, False)


@pytest.mark.parametrize(
    ("generation", "pages"), [("2022", [None, 70, 20]), ("2026", [None, 70])]
)
def test_a_page_without_posts_in_mid_history_is_not_the_end(
    community: Community,
    box: Sandbox,
    reader: FeedReader,
    generation: Any,
    pages: list[int | None],
) -> None:
    """An elder server answers with a window of ids, whatever of it we may see."""
    box.settings = Settings(generation=generation)
    community.add_topics(2, posts=5)
    private(community, posts=60)
    community.add_topics(10, posts=5)
    found = steps(reader, FeedWalk(START))
    assert met(found) == [*range(1, 11), *range(71, 121)]
    assert befores(box) == pages


@both
def test_short_pages_are_followed_too(
    community: Community, box: Sandbox, reader: FeedReader, generation: Any
) -> None:
    """Deleted posts, hidden ones and whole topics leave holes everywhere."""
    box.settings = Settings(generation=generation)
    topics = community.add_topics(40, posts=5)
    for topic in topics[::3]:
        community.delete_topic(topic.id)
    for topic in topics[1::3]:
        community.delete_post(community.posts_of(topic.id)[2].id)
        community.hide_post(community.posts_of(topic.id)[3].id)
    seen = [
        each.id
        for topic in community.topics.values()
        if topic.deleted_at is None
        for each in community.posts_of(topic.id)
        if each.deleted_at is None and not each.hidden
    ]
    assert met(steps(reader, FeedWalk(START))) == sorted(seen)
    assert len(befores(box)) <= 5


@both
def test_a_walk_ends_at_its_floor(
    community: Community, box: Sandbox, reader: FeedReader, generation: Any
) -> None:
    box.settings = Settings(generation=generation)
    community.add_topics(40, posts=5)
    found = steps(reader, FeedWalk(START, floor=130))
    assert befores(box) == [None, 150]
    assert [each for each in met(found) if each > 130] == list(range(131, 201))


@both
def test_a_walk_goes_on_where_it_was(
    community: Community, box: Sandbox, reader: FeedReader, generation: Any
) -> None:
    box.settings = Settings(generation=generation)
    community.add_topics(30, posts=5)
    first, _ = next(reader.read(FeedWalk(START)))
    community.add_topics(1, posts=5)
    found = steps(reader, first)
    assert met(found) == list(range(1, 101))
    # What came meanwhile is above its top, for the next walk to find.
    assert found[-1][0].top == 150


@both
def test_a_forum_without_posts_is_over_at_once(
    box: Sandbox, reader: FeedReader, generation: Any
) -> None:
    box.settings = Settings(generation=generation)
    [(walk, batch)] = steps(reader, FeedWalk(START))
    assert (walk.is_over, batch.loose) == (True, ())
    assert befores(box) == [None]


def test_a_first_page_that_shows_nothing_was_no_comparison(
    community: Community, box: Sandbox, world: World
) -> None:
    """On an elder server the last fifty posts may all be for others."""
    box.settings = Settings(generation="2022")
    topic = community.add_topics(30, posts=2)[3]
    private(community, posts=60)
    world.harvest()
    assert len(world.keys) == 30
    community.edit_post(community.posts_of(topic.id)[0].id, "Put in a better way.")
    world.harvest(full=True)
    assert world.document(topic.id).parts[0].body == "<p>Put in a better way.</p>"


@pytest.mark.parametrize(
    ("walk", "pages"),
    [
        (FeedWalk(START), 1),
        (FeedWalk(START, before=150), 3),
        (FeedWalk(START, before=151), 4),
        (FeedWalk(START, before=151, floor=140), 1),
        (FeedWalk(START, before=-20), 0),
    ],
)
def test_how_many_pages_are_left_at_most(walk: FeedWalk, pages: int) -> None:
    assert pages_left(walk) == pages


# -- servers that err --------------------------------------------------------------


def test_a_server_that_does_not_heed_where_to_begin_is_given_up(
    server: Loopback, scripted: World
) -> None:
    """A cache, say, that takes every page of the feed for the first one."""
    feed(server, *range(151, 201))
    newest = server.answer("/posts.json")
    for before in range(151):
        server.on(f"/posts.json?before={before}", newest)
    numbers = [1, 70, *range(151, 201)]
    serve(server, [page(*(listed(n) for n in numbers))], [1, 70])
    scripted.harvest()
    assert asked(server).count("/posts.json") == 4
    assert scripted.keys == numbers
    assert topics_asked(server) == [1, 70]
    reasons = dict(scripted.aside())
    assert reasons["feed"].endswith("answers with newer posts than asked for")


def test_a_small_forum_is_harvested_all_the_same(
    server: Loopback, scripted: World
) -> None:
    """What the feed does not tell is read with its topics."""
    feed(server, *range(11, 61))
    newest = server.answer("/posts.json")
    for before in range(11):
        server.on(f"/posts.json?before={before}", newest)
    serve(server, [page(*(listed(n) for n in range(1, 61)))], range(1, 61))
    scripted.harvest()
    assert scripted.keys == list(range(1, 61))
    assert sorted(topics_asked(server)) == list(range(1, 11))


def test_posts_above_where_a_page_should_begin_do_not_move_the_walk(
    server: Loopback, scripted: World
) -> None:
    feed(server, *range(51, 101))
    both_ends = [
        post(n, topic_id=n, topic_title=f"Topic {n}", category_id=3)
        for n in (60, 55, 50, 30, 10)
    ]
    server.on("/posts.json?before=50", as_json({"latest_posts": both_ends}))
    numbers = [10, 30, 50, *range(51, 101)]
    serve(server, [page(*(listed(n) for n in numbers))], [])
    scripted.harvest()
    assert scripted.keys == numbers
    assert topics_asked(server) == []


@both
def test_a_page_that_always_fails_is_skipped_and_its_topics_are_read(
    community: Community, box: Sandbox, world: World, generation: Any
) -> None:
    box.settings = Settings(generation=generation)
    topics = community.add_topics(75, posts=2)
    box.faults.fail_next(999, "/posts.json?before=100", status=500)
    report = world.harvest()
    assert (report.inserted, world.keys) == (75, ids(topics))
    assert sorted(topics_asked(box)) == ids(topics)[25:50]
    [(key, reason)] = world.aside()
    assert key == "feed below 100"
    assert "500" in reason
    # It is a note for who runs us, and no topic to be tried again.
    box.faults.clear()
    count = len(box.requests)
    world.harvest()
    assert (world.aside(), topics_asked(box, count)) == ([], [])


@pytest.mark.parametrize("again", [False, True], ids=["full", "again"])
def test_stored_topics_of_a_page_that_always_fails_are_read_too(
    community: Community, box: Sandbox, world: World, again: bool
) -> None:
    """Nobody could compare their posts; those of their neighbours were."""
    topics = community.add_topics(75, posts=2)
    world.harvest()
    for topic in topics:
        community.edit_post(community.posts_of(topic.id)[0].id, "Said in another way.")
    box.faults.fail_next(999, "/posts.json?before=100", status=500)
    count = len(box.requests)
    report = world.harvest(full=not again, recrawl_per_day=2400 if again else 0)
    if again:
        world.clock.now = START.replace(hour=1)
        count = len(box.requests)
        report = world.harvest(recrawl_per_day=2400)
    assert sorted(topics_asked(box, count)) == ids(topics)[25:50]
    bodies = {world.document(topic.id).parts[0].body for topic in topics}
    assert bodies == {"<p>Said in another way.</p>"}
    assert report.complete


def test_three_pages_that_fail_in_a_row_stop_the_walk(
    community: Community, box: Sandbox, world: World
) -> None:
    """It goes on behind those that were skipped, for they may fail for ever."""
    topics = community.add_topics(180, posts=2)
    box.faults.fail_next(9, re.compile("before="), status=500)
    with pytest.raises(ForumUnavailableError):
        world.harvest(max_attempts=1)
    assert befores(box) == [None, 310, 260, 210]
    assert not world.store.progress.source("forum").is_complete

    box.faults.clear()
    world.harvest()
    assert befores(box)[4:] == [210, 160, 110, 60, 10, None]
    assert world.keys == ids(topics)


def test_a_forum_that_fails_for_the_newest_posts_is_not_read_topic_by_topic(
    community: Community, box: Sandbox, world: World
) -> None:
    """Not the first time: it may be back soon, and a whole forum is much."""
    topics = community.add_topics(60)
    box.faults.fail_next(3, "/posts.json", status=500)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    assert (world.keys, topics_asked(box)) == ([], [])
    world.harvest()
    assert world.keys == ids(topics)


def test_once_harvested_what_changed_is_read_even_while_the_feed_fails(
    community: Community,
    box: Sandbox,
    world: World,
    clock: Hands,
    caplog: pytest.LogCaptureFixture,
) -> None:
    topics = community.add_topics(60, posts=2)
    world.harvest()
    clock.now = START.replace(hour=1)
    community.add_post(topics[7].id, "One more thing about it.")
    box.faults.fail_next(3, "/posts.json", status=500)
    count = len(box.requests)
    world.harvest()
    assert world.numbers(topics[7].id) == [1, 2, 3]
    assert topics_asked(box, count) == [topics[7].id]
    assert "no feed of posts, so topics are read one by one" in caplog.text

    # Back again, it tells all since it was last read.
    count = len(box.requests)
    world.harvest()
    assert asked(box, count) == ["/posts.json", "/latest.json"]


def test_a_forum_without_feed_is_read_topic_by_topic(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(5, posts=3)
    without_feed(box)
    report = world.harvest()
    assert (report.inserted, world.keys) == (5, ids(topics))
    assert sorted(topics_asked(box)) == ids(topics)
    count = len(box.requests)
    assert world.harvest(full=True).unchanged == 5
    assert sorted(topics_asked(box, count)) == ids(topics)


def test_a_feed_that_is_refused_in_mid_history_stops_the_walk(
    community: Community, box: Sandbox, world: World
) -> None:
    """A proxy that blocks us now is no forum without a feed."""
    topics = community.add_topics(60, posts=2)
    box.faults.fail_next(1, "/posts.json?before=", status=403, body="<html>Blocked")
    with pytest.raises(ForumRejectedError):
        world.harvest()
    assert topics_asked(box) == []
    world.harvest()
    assert (world.keys, topics_asked(box)) == (ids(topics), [])


# -- posts -----------------------------------------------------------------------


def test_posts_are_kept_until_the_list_tells_what_their_topics_are(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(30, posts=2)
    box.faults.fail_next(3, "/latest.json", status=503)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    held = world.store.holdings("forum")
    assert (world.keys, held.count_loose()) == ([], 30)
    world.harvest()
    assert (world.keys, held.count_loose()) == (ids(topics), 0)


def test_a_topic_that_only_it_can_tell_whole_is_read_by_itself(
    community: Community, box: Sandbox, world: World
) -> None:
    """Small actions are counted by the list and in no feed."""
    topics = community.add_topics(4, posts=2)
    complicate(community, topics[2])
    world.harvest()
    assert topics_asked(box) == [topics[2].id]
    assert len(world.document(topics[2].id).left_out) == 1

    # From then on they are known, and one more post is put to them.
    community.add_post(topics[2].id, "One more thing about it.")
    world.harvest()
    assert topics_asked(box) == [topics[2].id]
    assert world.numbers(topics[2].id) == [1, 2, 4]


def test_a_post_in_the_feed_that_nobody_can_place_is_set_aside(
    server: Loopback, scripted: World
) -> None:
    feed(server, 1, 2)
    data = json.loads(server.answer("/posts.json").body)
    odd = [{"id": 9}, "?", {"id": None, "topic_id": 3}]
    server.on("/posts.json", as_json({"latest_posts": [*odd, *data["latest_posts"]]}))
    serve(server, [page(listed(1), listed(2))], [])
    report = scripted.harvest()
    assert (report.inserted, report.set_aside) == (2, 1)
    [(key, reason)] = scripted.aside()
    assert (key, reason.startswith("latest_posts[")) == ("feed", True)
