"""Feeds that lie: they repeat, never end, or hold what no forum has.

Whatever they say, a harvest ends, tells of it, and keeps what is true.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.sandbox import Community, Sandbox, Settings
from tests.indexer.traps.world import (
    Hands,
    Json,
    World,
    asked,
    shown,
    topics_asked,
)

FEED = "/posts.json"
PAGES = 12


def test_a_feed_of_one_post_fifty_times_stores_it_once(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(30, posts=2)

    def one(data: Json) -> Json:
        return {**data, "latest_posts": data["latest_posts"][:1] * 50}

    box.faults.alter(one, FEED)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert asked(box).count(FEED) < 6


def test_a_feed_of_posts_beyond_all_numbers_hides_no_other(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(30, posts=2)

    def far(data: Json) -> Json:
        first, *rest = data["latest_posts"]
        return {**data, "latest_posts": [{**first, "id": 2**62}, *rest]}

    box.faults.alter(far, FEED, n=1)
    world.harvest()
    box.faults.clear()
    world.harvest(full=True)

    assert (world.held(), world.waiting()) == (shown(community), (0, 0))
    # What comes later is still met.
    for topic in topics:
        community.add_post(topic.id, "One more thing about this.")
    world.harvest()
    assert world.held() == shown(community)


@pytest.mark.parametrize(
    "number", [0, -1, -(2**40)], ids=["zero", "minus one", "far below"]
)
def test_a_feed_with_ids_below_one_hides_no_other(
    community: Community, box: Sandbox, world: World, number: int
) -> None:
    """The id decides where the feed goes on."""
    community.add_topics(60, posts=2)

    def below(data: Json) -> Json:
        first, *rest = data["latest_posts"]
        bad = {**first, "id": number}
        return {**data, "latest_posts": [bad, *rest]}

    box.faults.alter(below, FEED, n=1)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    # From the feed, but for the topic of the post that lied.
    assert len(topics_asked(box)) <= 2


@pytest.mark.parametrize("number", [0, -4, 2**62])
def test_a_feed_with_topics_that_are_none_is_settled(
    community: Community, box: Sandbox, world: World, number: int
) -> None:
    community.add_topics(10, posts=2)

    def homeless(data: Json) -> Json:
        first, *rest = data["latest_posts"]
        return {**data, "latest_posts": [{**first, "topic_id": number}, *rest]}

    box.faults.alter(homeless, FEED)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert world.waiting() == (0, 0)


def repeat(box: Sandbox, path: str | re.Pattern[str]) -> None:
    """The first answer to *path*, for ever."""
    told: list[Json] = []

    def same(data: Json) -> Json:
        told.append(data)
        return told[0]

    box.faults.alter(same, path)


def test_a_feed_that_ignores_where_to_begin_is_told_of_and_done_without(
    community: Community, box: Sandbox, world: World
) -> None:
    """It answers with the newest posts, whatever it is asked for."""
    community.add_topics(120, posts=2)
    repeat(box, FEED)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert asked(box).count(FEED) == 4
    assert "answers with newer posts than asked for" in world.aside()["feed"]

    # It is tried again with the next walk.
    box.faults.clear()
    report = world.harvest()

    assert (report.complete, report.set_aside, world.aside()) == (True, 0, {})
    assert world.held() == shown(community)


def test_a_feed_that_repeats_a_page_is_told_of_and_done_without(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(120, posts=2)
    repeat(box, f"{FEED}?before=")

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert asked(box).count(FEED) == 5
    assert "answers with newer posts than asked for" in world.aside()["feed"]


def test_a_feed_that_mixes_newer_posts_into_its_pages_loses_none(
    community: Community, box: Sandbox, world: World
) -> None:
    """Half of each page stood on the one before."""
    community.add_topics(120, posts=2)
    last: list[Json] = []

    def mixed(data: Json) -> Json:
        page = [*last[-25:], *data["latest_posts"]][:50]
        last[:] = data["latest_posts"]
        return {**data, "latest_posts": page}

    box.faults.alter(mixed, FEED)

    report = world.harvest()

    assert (report.complete, report.set_aside) == (True, 0)
    assert (world.held(), world.waiting()) == (shown(community), (0, 0))
    assert asked(box).count(FEED) <= 8


def test_a_feed_that_lies_when_all_is_looked_at_again_stops_no_walk(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = community.add_topics(120, posts=2)
    world.harvest()
    clock.now += timedelta(days=1)
    community.add_post(topics[5].id, "One more thing about this.")
    repeat(box, f"{FEED}?before=")

    report = world.harvest(recrawl=2000)

    assert (report.complete, world.held()) == (True, shown(community))
    assert "answers with newer posts than asked for" in world.aside()["feed"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        (301, {"Location": f"{FEED}?before=1"}, "", "more than 5 redirects"),
        (200, {}, "<html><form action='/session'>Log in</form>", "is not JSON"),
        (200, {}, "[" * 100_000, "JSON nested too deeply"),
        (200, {}, '{"latest_posts": {}}', "expected list, got object"),
        (200, {}, '{"latest_posts": null}', "expected list, got null"),
        (200, {}, "[]", "expected object, got list"),
        (200, {}, '{"latest_posts": ' + "9" * 5000 + "}", "too many digits"),
        (302, {"Location": ""}, "", "redirects to nowhere"),
    ],
    ids=["loop", "login", "deep", "object", "null", "list", "digits", "nowhere"],
)
@pytest.mark.parametrize("pages", [0, 1], ids=["first page", "second page"])
def test_a_feed_that_answers_with_nonsense_is_told_of_and_done_without(
    community: Community,
    box: Sandbox,
    world: World,
    status: int,
    headers: dict[str, str],
    body: str,
    reason: str,
    pages: int,
) -> None:
    community.add_topics(120, posts=2)
    path = f"{FEED}?before=" if pages else FEED
    box.faults.fail_next(999, path, status=status, headers=headers, body=body)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert reason in world.aside()["feed"]
    # Each page is asked for twice at most, and three of them; six for a redirect.
    assert asked(box).count(FEED) <= 1 + 3 * 6


@pytest.mark.parametrize("generation_", ["2022", "2026"])
def test_a_feed_that_never_ends_is_bounded_and_told_of(
    community: Community, box: Sandbox, world: World, generation_: str
) -> None:
    """A post for every id there may be; or window after window with one in each, as
    if its newest post had an id beyond all numbers."""
    box.settings = Settings(generation="2022" if generation_ == "2022" else "2026")
    community.add_topics(5, posts=2)
    newest = 10**15
    count = 1 if generation_ == "2022" else 50
    sample: Json = {}

    def endless(data: Json) -> Json:
        nonlocal newest
        sample.update(data["latest_posts"][0] if not sample else {})
        found = [{**sample, "id": newest - n, "topic_id": newest} for n in range(count)]
        newest -= 50
        return {**data, "latest_posts": found}

    box.faults.alter(endless, FEED)

    report = world.harvest(max_pages=PAGES)

    assert (report.complete, world.held()) == (True, shown(community))
    assert asked(box).count(FEED) == PAGES
    assert world.aside()["feed"] == (
        f"does not end after {PAGES} pages; the next walk goes on"
    )
    assert world.waiting() == (0, 0)


def test_a_feed_that_names_posts_of_topics_that_are_not_there_stores_none(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(5, posts=2)

    def elsewhere(data: Json) -> Json:
        posts = [{**p, "topic_id": p["topic_id"] + 900} for p in data["latest_posts"]]
        return {**data, "latest_posts": posts}

    box.faults.alter(elsewhere, FEED)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert (report.skipped, world.waiting()) == (
        {"listed but not there for us": 5},
        (0, 0),
    )
