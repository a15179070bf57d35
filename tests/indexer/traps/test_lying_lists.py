"""Lists of topics and of categories that repeat, never end or lead in circles.

Whatever they say, a harvest ends, tells of it, and keeps what is true.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox
from kb.errors import ForumError, ForumProtocolError, RateLimitedError
from tests.indexer.traps.world import (
    Hands,
    Json,
    World,
    alter_items,
    asked,
    relist,
    rows,
    shown,
    topics_asked,
    without_feed,
)


def test_a_list_that_repeats_its_page_for_ever_is_told_of_and_drops_nothing(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    topics = community.add_topics(8, posts=2)
    world.harvest()
    since = len(box.requests)
    relist(box, rows(box)[:3], ends=False)

    report = world.harvest(full=True)

    assert (report.complete, report.deleted) == (True, 0)
    assert world.held() == shown(community)
    assert world.aside() == {"list": "repeats itself from page 1 on"}
    assert asked(box, since).count("/latest.json") == 5
    # What such a list does not show is not asked for topic by topic.
    assert len(topics_asked(box, since)) <= (3 if road == "topic by topic" else 0)
    assert len(topics) == len(world.keys)


@pytest.mark.parametrize("count", [1, 30])
def test_a_list_that_never_ends_is_bounded_and_told_of(
    community: Community, box: Sandbox, world: World, count: int
) -> None:
    """Each page names topics that nobody has seen."""
    community.add_topics(5, posts=2)
    number = 10_000

    def endless(data: Json) -> Json:
        nonlocal number
        number += count
        whole = data["topic_list"]
        sample = whole["topics"][0] if whole["topics"] else made[0]
        made.append(sample)
        items = [{**sample, "id": number + n} for n in range(count)]
        topics = [*whole["topics"], *items]
        more = {"topics": topics, "more_topics_url": "/latest?page=9"}
        return {**data, "topic_list": {**whole, **more}}

    made: list[Json] = []
    box.faults.alter(endless, "/latest.json")

    report = world.harvest(max_pages=6)

    assert (report.complete, world.held()) == (True, shown(community))
    assert asked(box).count("/latest.json") == 6
    assert world.aside()["list"] == "does not end after 6 pages"
    assert report.skipped == {"listed but not there for us": 6 * count}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (301, {"Location": "/latest.json"}, ""),
        (200, {}, "<html>Log in"),
        (200, {}, '{"topic_list": {"topics": "none"}}'),
        (200, {}, "[" * 100_000),
    ],
    ids=["loop", "login", "no list", "deep"],
)
def test_a_list_that_is_none_stops_the_walk_and_loses_nothing(
    community: Community,
    box: Sandbox,
    world: World,
    status: int,
    headers: dict[str, str],
    body: str,
) -> None:
    """Without it nobody knows what the topics are; what was read is kept."""
    topics = community.add_topics(3, posts=2)
    world.harvest()
    before = world.held()
    community.add_post(topics[0].id, "One more thing about this.")
    since = len(box.requests)
    box.faults.fail_next(999, "/latest.json", status=status, headers=headers, body=body)

    with pytest.raises(ForumProtocolError) as caught:
        world.harvest()

    assert world.held() == before
    assert asked(box, since).count("/latest.json") <= 6
    state = world.store.progress.source("forum")
    assert (state.is_complete, state.last_error) == (False, str(caught.value))
    box.faults.clear()
    assert world.harvest().complete
    assert (world.held(), world.waiting()) == (shown(community), (0, 0))


@pytest.mark.parametrize("wait_s", ["99999999", "9" * 40])
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_beyond_all_patience_ends_the_walk_at_once(
    community: Community, box: Sandbox, world: World, status: int, wait_s: str
) -> None:
    community.add_topics(3, posts=2)
    world.harvest()
    before = world.held()
    since = len(box.requests)
    box.faults.fail_next(
        9, "/", status=status, headers={"Retry-After": wait_s}, body=""
    )

    with pytest.raises(ForumError) as caught:
        world.harvest(full=True)

    assert isinstance(caught.value, RateLimitedError) == (status == 429)
    assert (len(box.requests) - since, world.waits) == (1, [])
    assert world.held() == before
    assert world.store.progress.source("forum").last_error == str(caught.value)


def nest_in_a_circle(box: Sandbox, community: Community) -> None:
    """Say of east that it is in west, and of west that it is in east."""
    east, west = community.category("east"), community.category("west")
    above = {east.id: west.id, west.id: east.id}

    def circle(data: Json) -> Json:
        return {
            **data,
            "categories": [
                {**each, "parent_category_id": above.get(each["id"])}
                for each in data["categories"]
            ],
        }

    box.faults.alter(circle, "/site.json")


def test_categories_in_a_circle_are_read_to_an_end(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """Each is in the other; nothing says that it is private."""
    community.add_category("East")
    community.add_category("West")
    community.add_topics(2, category="east")
    nest_in_a_circle(box, community)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))


def test_a_private_category_in_a_circle_makes_all_of_it_private(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    community.add_user("boss", admin=True)
    world.keyed = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    community.add_category("East")
    community.add_category("West", read_restricted=True)
    community.add_topics(2, category="east")
    nest_in_a_circle(box, community)

    report = world.harvest()

    assert (world.keys, report.skipped) == ([], {"private category": 2})


@pytest.mark.parametrize(
    "categories",
    [None, {}, "none", [None], [{"id": "x", "name": "X"}], [{"id": 1, "name": None}]],
)
def test_categories_that_cannot_be_read_stop_the_walk_before_anything_is_stored(
    community: Community, box: Sandbox, world: World, categories: Any
) -> None:
    """Nobody knows then who may read what."""
    community.add_topics(3, posts=2)
    box.faults.alter(lambda data: {**data, "categories": categories}, "/site.json")

    with pytest.raises(ForumProtocolError, match="categor"):
        world.harvest()

    assert (world.held(), asked(box)) == ({}, ["/site.json"])


@pytest.mark.parametrize(
    "changes",
    [
        {"id": -5},
        {"id": 0},
        {"id": None},
        {"id": "x"},
        {"id": 2**70},
        {"title": None},
        {"title": ["a"]},
        {"category_id": "x"},
        {"bumped_at": "yesterday"},
        {"visible": "yes"},
    ],
    ids=str,
)
def test_an_item_of_a_list_that_cannot_be_read_costs_no_other(
    community: Community,
    box: Sandbox,
    world: World,
    clock: Hands,
    changes: Json,
    road: str,
) -> None:
    """It is set aside, told, and tried again with the next walk."""
    topics = community.add_topics(4, posts=2)
    bad = topics[1].id

    alter_items(box, lambda item: {**item, **changes} if item["id"] == bad else item)

    report = world.harvest()

    good = shown(community)
    assert report.complete
    assert report.set_aside == 1
    held = world.held()
    assert {**held, bad: good[bad]} == good
    box.faults.clear()
    if road == "topic by topic":
        without_feed(box)
    clock.now += timedelta(minutes=30)
    report = world.harvest()
    assert (world.held(), world.aside()) == (good, {})


def test_a_category_that_does_not_say_who_may_read_it_is_not_for_all(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    community.add_user("boss", admin=True)
    world.keyed = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    community.add_category("Staff", read_restricted=True)
    community.add_topics(2, category="staff")
    public = community.add_topics(1, category="support")[0]

    def silent(data: Json) -> Json:
        kept = []
        for each in data["categories"]:
            if each["read_restricted"]:
                each = {k: v for k, v in each.items() if k != "read_restricted"}
            kept.append(each)
        return {**data, "categories": kept}

    box.faults.alter(silent, "/site.json")

    report = world.harvest()

    assert (world.keys, report.skipped) == ([public.id], {"private category": 2})
