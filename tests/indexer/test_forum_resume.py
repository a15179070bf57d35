"""A walk that is stopped at any request goes on, and ends as an undisturbed one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox, Settings
from kb.errors import ForumError, RateLimitedError
from kb.store import Store
from tests.indexer.forum_world import (
    START,
    Hands,
    World,
    as_readers_see,
    asked,
    complicate,
    ids,
    topics_asked,
)


def populate(community: Community) -> None:
    """Some pages of posts and of topics, and what only a topic tells."""
    community.add_category("Support")
    community.add_category("Staff", read_restricted=True)
    topics = community.add_topics(32, posts=3)
    community.add_topics(2, posts=20, category="staff")
    community.add_topics(4, posts=5, category="support")
    complicate(community, *topics[3:6])
    community.hide_post(community.posts_of(topics[8].id)[1].id)
    community.solve(community.posts_of(topics[9].id)[1].id)
    community.set_tags(topics[10].id, ["import"])


def change(community: Community) -> None:
    """What a list tells, what a feed tells, and what neither does."""
    topics = [t for t in community.topics.values() if t.category_id == 1]
    posts = {topic.id: community.posts_of(topic.id) for topic in topics}
    for topic in topics[:3]:
        community.edit_post(posts[topic.id][0].id, "A question, put in another way.")
    community.delete_post(posts[topics[11].id][1].id)
    community.hide_post(posts[topics[12].id][1].id)
    community.move_posts([posts[topics[13].id][1].id], to_topic=topics[14].id)
    community.delete_topic(topics[15].id)
    community.privatise(topics[16].id)
    community.set_category(topics[17].id, "support")
    community.retitle(topics[18].id, "A title that says more than the old one")
    community.solve(posts[topics[19].id][1].id)
    community.unsolve(posts[topics[9].id][1].id)
    community.add_post(topics[20].id, "One more thing about it.")
    community.add_post(topics[21].id, "One more thing about that, too.")
    community.edit_post(posts[topics[21].id][1].id, "A reply in other words.")
    community.add_topic("A question that came later", "How is it done?")


Stop = Callable[[Sandbox, int], None]


def stop_by_limit(box: Sandbox, number: int) -> None:
    """The forum asks for a wait that is too long for one walk."""
    if number > 1:
        box.faults.fail_next(number - 1, delay_s=0.0)
    box.faults.limit_next(1, wait_s=3600)


def stop_by_failure(box: Sandbox, number: int) -> None:
    if number > 1:
        box.faults.fail_next(number - 1, delay_s=0.0)
    box.faults.fail_next(1, status=500)


def stop_by_downtime(box: Sandbox, number: int) -> None:
    """It fails for good, until it is back."""
    if number > 1:
        box.faults.fail_next(number - 1, delay_s=0.0)
    box.faults.fail_next(9_999, status=502)


@pytest.fixture
def at(box: Sandbox, clock: Hands, tmp_path: Path) -> Callable[[Store], World]:
    return lambda store: World(box.url, store, clock)


def harvest_all(world: World, stop: Stop, number: int, box: Sandbox, full: bool) -> int:
    """Harvest, stopped at a request, and go on until all is done.

    Returns:
        How many walks it took.
    """
    walks = 1
    stop(box, number)
    try:
        world.harvest(full=full, max_attempts=1)
    except ForumError:
        assert not world.store.progress.source("forum").is_complete
    box.faults.clear()
    while world.aside() or not world.store.progress.source("forum").is_complete:
        # Not in full: what was begun as a full walk goes on as one.
        world.harvest()
        walks += 1
    return walks


@pytest.mark.parametrize("generation", ["2022", "2026"])
@pytest.mark.parametrize("stop", [stop_by_limit, stop_by_failure, stop_by_downtime])
def test_a_backfill_stopped_at_any_request_ends_as_an_undisturbed_one(
    community: Community,
    box: Sandbox,
    at: Callable[[Store], World],
    tmp_path: Path,
    stop: Stop,
    generation: Any,
) -> None:
    box.settings = Settings(generation=generation)
    populate(community)
    with Store.open(tmp_path / "calm.db") as store:
        report = at(store).harvest()
        calm = as_readers_see(store)
    assert report.inserted == 36
    for number in range(1, report.requests + 1):
        with Store.open(tmp_path / f"{number}.db") as store:
            walks = harvest_all(at(store), stop, number, box, full=False)
            assert as_readers_see(store) == calm, number
            assert store.holdings("forum").count_loose() == 0
            assert walks <= 3


@pytest.mark.parametrize("generation", ["2022", "2026"])
@pytest.mark.parametrize("stop", [stop_by_limit, stop_by_failure, stop_by_downtime])
def test_a_full_walk_stopped_at_any_request_goes_on_as_a_full_one(
    community: Community,
    box: Sandbox,
    at: Callable[[Store], World],
    tmp_path: Path,
    stop: Stop,
    generation: Any,
) -> None:
    box.settings = Settings(generation=generation)
    populate(community)
    with Store.open(tmp_path / "calm.db") as store:
        at(store).harvest()
    before = (tmp_path / "calm.db").read_bytes()
    change(community)
    with Store.open(tmp_path / "calm.db") as store:
        report = at(store).harvest(full=True)
        calm = as_readers_see(store)
        assert at(store).differences() == {}
    for number in range(1, report.requests + 1):
        (tmp_path / f"{number}.db").write_bytes(before)
        with Store.open(tmp_path / f"{number}.db") as store:
            harvest_all(at(store), stop, number, box, full=True)
            assert as_readers_see(store) == calm, number


def test_a_walk_that_was_stopped_in_the_posts_reads_no_page_twice(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(100, posts=3)
    stop_by_limit(box, 5)
    with pytest.raises(RateLimitedError):
        world.harvest()
    count = len(box.requests)
    assert asked(box) == ["/site.json", *["/posts.json"] * 4]

    world.harvest()

    # Three that were missing, and what was written meanwhile.
    again = [request for request in box.requests[count:] if "/posts.json" in request]
    assert again == [
        *[f"GET /posts.json?before={number}" for number in (150, 100, 50)],
        "GET /posts.json",
    ]
    assert (world.keys, topics_asked(box)) == (ids(topics), [])


def test_a_full_walk_after_a_poll_that_was_stopped_is_a_full_one(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = community.add_topics(60, posts=2)
    world.harvest()
    clock.now += timedelta(hours=1)
    first = community.posts_of(topics[0].id)[0]
    community.edit_post(first.id, "A question, put in another way.")
    community.add_topics(60, posts=2)
    stop_by_limit(box, 2)
    with pytest.raises(RateLimitedError):
        world.harvest()
    feed = world.position.feed
    assert feed is not None
    assert feed.floor == 120

    world.harvest(full=True)

    assert world.differences() == {}


@pytest.mark.parametrize("stored", [False, True], ids=["new", "stored"])
def test_what_was_edited_while_a_walk_lay_still_is_read(
    community: Community, box: Sandbox, world: World, clock: Hands, stored: bool
) -> None:
    """Its posts were read before that, and all of them are known to the count."""
    topics = community.add_topics(60, posts=2)
    if stored:
        world.harvest()
    box.faults.limit_next(1, "/latest.json", wait_s=3600)
    clock.now += timedelta(minutes=1)
    with pytest.raises(RateLimitedError):
        world.harvest(full=True)
    began = clock.now
    clock.now += timedelta(hours=1)
    last = community.posts_of(topics[0].id)[1]
    community.edit_post(last.id, "A reply, put in another way.")

    clock.now += timedelta(hours=1)
    world.harvest()

    assert world.differences() == {}
    assert topics_asked(box)[0] == topics[0].id
    # The others were compared when their posts were read, and not later.
    assert world.document(topics[1].id).verified_at == began
    assert began > START


def test_a_hint_to_a_topic_is_followed_by_reading_all_of_it(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """What was read of it before may be just what the hint is about."""
    topic, *_ = community.add_topics(3, posts=40)
    stop_by_limit(box, 5)
    with pytest.raises(RateLimitedError):
        world.harvest()
    assert world.position.compared
    clock.now += timedelta(hours=1)
    hidden, edited = community.posts_of(topic.id)[30:32]
    community.hide_post(hidden.id)
    community.edit_post(edited.id, "A reply, put in another way.")
    with world.store.transaction():
        world.store.looks.add("forum", [str(topic.id)], "post_edited", clock.now)
    clock.now += timedelta(hours=1)

    world.harvest()

    assert world.store.holdings("forum").looks() == []
    assert world.differences() == {}
