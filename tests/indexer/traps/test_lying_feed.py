"""Feeds that lie: they repeat, never end, or hold what no forum has.

Whatever they say, a harvest ends, tells of it, and keeps what is true.
"""

from __future__ import annotations

import pytest

from bot.sandbox import Community, Sandbox
from tests.indexer.traps.world import Json, World, asked, shown, topics_asked

FEED = "/posts.json"


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
