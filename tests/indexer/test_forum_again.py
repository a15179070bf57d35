"""What no list and no newest post tells is found by looking again, in its turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox, Settings
from bot.sandbox.records import Topic
from tests.indexer.forum_world import (
    START,
    Hands,
    World,
    asked,
    ids,
    topics_asked,
    without_feed,
)

# A burst of 100 requests: more than looking at all of these forums takes.
PLENTY = 2400
HOUR = timedelta(hours=1)


def long_ago(
    community: Community, clock: Hands, count: int, *, posts: int
) -> list[Topic]:
    """Topics that are far down in the list."""
    clock.now = START - timedelta(days=30)
    topics = community.add_topics(count, posts=posts)
    clock.now = START
    return topics


@pytest.fixture
def old(community: Community, world: World, clock: Hands) -> list[Topic]:
    """Topics that are elder than the newest page of posts, and their harvest."""
    community.add_category("Support")
    community.add_category("Staff", read_restricted=True)
    topics = long_ago(community, clock, 6, posts=4)
    community.solve(community.posts_of(topics[5].id)[2].id)
    community.add_topics(40, posts=2)
    world.recrawl = PLENTY
    world.harvest()
    clock.now += HOUR
    return topics


Change = Callable[[Community, Topic, Topic], object]


def _second(community: Community, topic: Topic) -> int:
    return community.posts_of(topic.id)[1].id


def edited(community: Community, topic: Topic, _: Topic) -> None:
    community.edit_post(_second(community, topic), "A reply, put in a better way.")


def edited_twice(community: Community, topic: Topic, _: Topic) -> None:
    """The second time within the grace period: no new version, no other time."""
    post = community.posts[_second(community, topic)]
    version, at = post.version, post.updated_at
    community.edit_post(post.id, "A reply, put in a better way.")
    post.version, post.updated_at = version, at


def deleted(community: Community, topic: Topic, _: Topic) -> None:
    bumped_at = topic.bumped_at
    community.delete_post(_second(community, topic))
    assert topic.bumped_at == bumped_at


def hidden(community: Community, topic: Topic, _: Topic) -> None:
    community.hide_post(_second(community, topic))


def withdrawn(community: Community, topic: Topic, _: Topic) -> None:
    community.withdraw_post(_second(community, topic))


def split(community: Community, topic: Topic, _: Topic) -> None:
    posts = [_second(community, topic)]
    new = community.move_posts(posts, title="A question that became its own")
    new.bumped_at = START - timedelta(days=30)


def moved(community: Community, topic: Topic, other: Topic) -> None:
    bumped_at = other.bumped_at
    community.move_posts([_second(community, topic)], to_topic=other.id)
    other.bumped_at = bumped_at


def merged(community: Community, topic: Topic, other: Topic) -> None:
    bumped_at = other.bumped_at
    posts = [post.id for post in community.posts_of(topic.id)]
    community.move_posts(posts, to_topic=other.id)
    community.delete_topic(topic.id)
    other.bumped_at = bumped_at


def anonymised(community: Community, topic: Topic, _: Topic) -> None:
    author = community.posts[_second(community, topic)].user_id
    community.users[author].username = "anon1234"


def solved(community: Community, topic: Topic, _: Topic) -> None:
    community.solve(_second(community, topic))


def solved_otherwise(community: Community, _: Topic, other: Topic) -> None:
    community.solve(_second(community, other))


def solved_no_more(community: Community, _: Topic, other: Topic) -> None:
    community.unsolve(other.accepted[0])


def categorised(community: Community, topic: Topic, _: Topic) -> None:
    community.set_category(topic.id, "support")


def closed_off(community: Community, topic: Topic, _: Topic) -> None:
    community.set_category(topic.id, "staff")


def retitled(community: Community, topic: Topic, _: Topic) -> None:
    community.retitle(topic.id, "A title that says more than the old one")


def privatised(community: Community, topic: Topic, _: Topic) -> None:
    community.privatise(topic.id)


def unlisted(community: Community, topic: Topic, _: Topic) -> None:
    community.set_status(topic.id, "visible", enabled=False)


def gone(community: Community, topic: Topic, _: Topic) -> None:
    community.delete_topic(topic.id)


@pytest.mark.parametrize("generation", ["2022", "2026"])
@pytest.mark.parametrize(
    "change",
    [
        edited,
        edited_twice,
        deleted,
        hidden,
        withdrawn,
        split,
        moved,
        merged,
        anonymised,
        solved,
        solved_otherwise,
        solved_no_more,
        categorised,
        closed_off,
        retitled,
        privatised,
        unlisted,
        gone,
    ],
)
def test_what_bumps_nothing_is_found_by_looking_again(
    community: Community,
    box: Sandbox,
    world: World,
    old: list[Topic],
    change: Change,
    generation: Any,
) -> None:
    box.settings = Settings(generation=generation)
    assert world.differences() == {}
    change(community, old[1], old[5])
    if change is not anonymised:
        # Who wrote much is known by new posts, too.
        poll = world.harvest(recrawl_per_day=0)
        assert (poll.inserted, poll.deleted) == (0, 0)
        assert world.differences() != {}

    world.clock.now += HOUR
    count = len(box.requests)
    report = world.harvest()

    # All posts were looked at, and of the topics those alone that changed.
    assert len(topics_asked(box, count)) <= 2
    assert asked(box, count).count("/posts.json") <= 6
    assert (world.differences(), report.set_aside) == ({}, 0)


def test_what_a_feed_does_not_tell_is_found_with_the_whole_list(
    community: Community, box: Sandbox, world: World, old: list[Topic], clock: Hands
) -> None:
    """Tags, for one."""
    community.set_tags(old[1].id, ["import"])
    world.harvest()
    assert world.document(old[1].id).tags == ()
    clock.now += timedelta(days=1)
    count = len(box.requests)
    world.harvest(full_walk_every=timedelta(days=1))
    assert world.document(old[1].id).tags == ("import",)
    assert topics_asked(box, count) == []


def test_a_post_that_comes_back_is_held_again(
    community: Community, world: World, old: list[Topic], clock: Hands
) -> None:
    post = community.posts_of(old[1].id)[1]
    community.hide_post(post.id)
    world.harvest()
    assert world.numbers(old[1].id) == [1, 3, 4]
    community.hide_post(post.id, hidden=False)
    clock.now += HOUR
    world.harvest()
    assert world.numbers(old[1].id) == [1, 2, 3, 4]
    assert world.differences() == {}


# -- in turns --------------------------------------------------------------------


def pages(box: Sandbox, since: int) -> list[str]:
    """Where pages of the feed were asked to begin."""
    queries = [request.partition("/posts.json")[2] for request in box.requests[since:]]
    return [query.removeprefix("?before=") for query in queries if query]


@pytest.fixture
def thrifty(community: Community, world: World) -> list[Topic]:
    """A forum of six pages of posts, and a budget of three requests a day."""
    topics = community.add_topics(100, posts=3)
    world.recrawl = 3
    world.harvest(full_walk_every=timedelta(days=999))
    return topics


def days_later(world: World, days: float, **settings: Any) -> None:
    world.clock.now += timedelta(days=days)
    world.harvest(full_walk_every=timedelta(days=999), **settings)


def test_looking_again_goes_on_where_it_stopped_within_its_budget(
    box: Sandbox, world: World, thrifty: list[Topic]
) -> None:
    """A request a day is for the categories."""
    turns = []
    for _ in range(4):
        count = len(box.requests)
        days_later(world, 1)
        turns.append(pages(box, count))
        assert len(box.requests) - count == 5
    assert turns == [["300", "250"], ["200", "150"], ["100", "50"], ["300", "250"]]


def test_an_idle_forum_costs_two_requests_when_the_budget_is_spent(
    box: Sandbox, world: World, thrifty: list[Topic]
) -> None:
    days_later(world, 1)
    count = len(box.requests)
    days_later(world, 0)
    days_later(world, 0.1)
    assert asked(box, count) == ["/posts.json", "/latest.json"] * 2


def test_topics_count_as_compared_when_all_of_their_posts_were(
    world: World, thrifty: list[Topic]
) -> None:
    """As of the time when looking at them began."""
    day = timedelta(days=1)
    first, last = thrifty[0].id, thrifty[-1].id
    days_later(world, 1)
    assert world.document(first).verified_at == START
    assert world.document(last).verified_at == START + day
    days_later(world, 1)
    days_later(world, 1)
    assert world.document(first).verified_at == START + day
    assert world.position.swept_at == START + day
    verified = {world.document(topic.id).verified_at for topic in thrifty}
    assert verified == {START + day}


def test_topics_that_are_not_reached_in_time_are_read_by_themselves(
    box: Sandbox, world: World, thrifty: list[Topic]
) -> None:
    """Within the same budget, those first that were never compared."""
    never = thrifty[40].id
    with world.store.transaction():
        world.store.db.conn.execute(
            "UPDATE documents SET verified_at = NULL WHERE key = ?", [str(never)]
        )
    days_later(world, 1)
    world.recrawl = 10
    count = len(box.requests)
    days_later(world, 20, max_age=timedelta(days=14))
    # The budget: one for the categories, five to end looking at all posts.
    assert pages(box, count) == ["200", "150", "100", "50"]
    assert len(topics_asked(box, count)) == 5
    assert len(box.requests) - count == 12


def test_a_post_that_differs_keeps_its_topic_from_counting_as_compared(
    community: Community, world: World, thrifty: list[Topic]
) -> None:
    """Until it is looked at again: of its other posts nobody knows yet."""
    topic = thrifty[83]
    posts = [post.id for post in community.posts_of(topic.id)]
    assert posts == [250, 251, 252]
    community.edit_post(posts[2], "Put in another way than before.", bump=False)
    days_later(world, 1)
    assert world.document(topic.id).parts[2].body.startswith("<p>Put in another")
    assert world.document(topic.id).verified_at == START
    for _ in range(5):
        days_later(world, 1)
    assert world.document(topic.id).verified_at == START + timedelta(days=4)


def test_what_must_be_read_is_bounded_in_one_walk(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = long_ago(community, clock, 230, posts=2)
    community.add_topics(40, posts=2)
    # What is found costs its budget at once: four hundred requests an hour.
    world.recrawl = 24 * 400
    world.harvest()
    for topic in topics:
        community.delete_post(community.posts_of(topic.id)[1].id)
    clock.now += HOUR
    turns = []
    for _ in range(3):
        count = len(box.requests)
        world.harvest()
        turns.append(len(topics_asked(box, count)))
        clock.now += HOUR * 6
    assert turns == [200, 30, 0]
    assert world.differences() == {}


# -- without a feed ----------------------------------------------------------------


def test_without_a_feed_topics_are_read_again_in_turns(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """The list does not tell of edits, nor of posts that moderators hide."""
    topics = community.add_topics(5, posts=2)
    without_feed(box)
    world.recrawl = 3
    world.harvest()
    turns = []
    for _ in range(4):
        clock.now += timedelta(days=1)
        since = len(box.requests)
        world.harvest(full_walk_every=timedelta(days=999))
        turns.append(topics_asked(box, since))

    # The third request is for the categories.
    first, second, third, fourth, fifth = reversed(ids(topics))
    assert turns == [[first, second], [third, fourth], [fifth, first], [second, third]]


def test_without_a_feed_a_turn_finds_what_bumped_nothing(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = community.add_topics(4, posts=3)
    without_feed(box)
    world.recrawl = 5
    world.harvest()
    second = [community.posts_of(topic.id)[1].id for topic in topics]
    community.hide_post(second[0])
    community.withdraw_post(second[1])
    community.edit_post(second[2], "Put better, and long enough.")
    community.privatise(topics[3].id)
    clock.now += timedelta(days=1)
    seldom = timedelta(days=999)
    assert world.harvest(recrawl_per_day=0, full_walk_every=seldom).updated == 0

    clock.now += timedelta(days=1)
    report = world.harvest(full_walk_every=seldom)

    assert (report.updated, report.deleted) == (3, 1)
    assert [len(world.document(topic.id).parts) for topic in topics[:3]] == [2, 2, 3]
    assert world.differences() == {}


def test_a_light_walk_looks_at_nothing_again_and_reads_no_list_whole(
    community: Community, box: Sandbox, world: World, old: list[Topic], clock: Hands
) -> None:
    """It is for what was hinted, and for what is new."""
    community.edit_post(community.posts_of(old[1].id)[1].id, "In other words, then.")
    community.edit_post(community.posts_of(old[2].id)[1].id, "In other words, then.")
    with world.store.transaction():
        world.store.looks.add("forum", [str(old[2].id)], "post_edited", clock.now)
    clock.now += timedelta(days=3)
    count = len(box.requests)
    world.harvest(light=True)
    assert asked(box, count) == [
        "/posts.json",
        "/latest.json",
        f"/t/{old[2].id}.json",
    ]
    assert list(world.differences()) == [str(old[1].id)]
    world.harvest()
    assert world.differences() == {}


def test_a_feed_that_tells_no_solutions_proves_none(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """That of elder forums: a solution that became another post's shows in the topic
    alone, which is read when it has waited for too long."""

    def silent(answer: Any) -> Any:
        for post in answer["latest_posts"]:
            post.pop("accepted_answer", None)
        return answer

    box.faults.alter(silent, "/posts.json")
    solved, other, *_ = long_ago(community, clock, 3, posts=4)
    _, first, second, _ = community.posts_of(solved.id)
    community.solve(first.id)
    community.add_topics(40, posts=2)
    world.recrawl = PLENTY
    world.harvest()
    assert [part.accepted for part in world.document(solved.id).parts][1:3] == [1, 0]
    community.unsolve(first.id)
    community.solve(second.id)

    clock.now += timedelta(days=1)
    world.harvest()
    assert world.document(other.id).verified_at == clock.now
    assert world.document(solved.id).verified_at == START

    clock.now += timedelta(days=14)
    world.harvest()
    assert [part.accepted for part in world.document(solved.id).parts][1:3] == [0, 1]
    assert world.document(solved.id).verified_at == clock.now
