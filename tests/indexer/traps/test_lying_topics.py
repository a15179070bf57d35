"""Topics that lie: about their posts, how many there are, and whose they are.

Whatever they say, a harvest ends, tells of it, and keeps what is true.
"""

from __future__ import annotations

import re

import pytest

from bot.sandbox import Community, Sandbox
from tests.indexer.traps.world import (
    Json,
    World,
    alter_items,
    asked,
    shown,
    topics_asked,
    without_feed,
)


def test_posts_of_other_topics_are_not_taken_for_its_own(
    community: Community, box: Sandbox, world: World
) -> None:
    """Asked for posts of one topic, the server answers with those of another."""
    without_feed(box)
    one, other = community.add_topics(2, posts=30)
    foreign = [post.id for post in community.posts_of(other.id)][20:]
    path = f"/t/{one.id}/posts.json"
    taken: list[Json] = []

    def note(data: Json) -> Json:
        taken.extend(data["post_stream"]["posts"])
        return data

    def swap(data: Json) -> Json:
        return {**data, "post_stream": {"posts": taken}}

    box.faults.alter(note, f"/t/{other.id}/posts.json")
    box.faults.alter(swap, path)

    report = world.harvest()

    held = world.held()
    assert report.complete
    assert held[other.id] == shown(community)[other.id]
    ids = {post[0] for post in held[one.id].posts}
    assert not ids & set(foreign)
    assert held[one.id].posts == shown(community)[one.id].posts[:20]
    assert asked(box).count(path) == 2


def test_posts_that_come_twice_are_stored_once(
    community: Community, box: Sandbox, world: World
) -> None:
    """A server that ignores which posts are asked for sends the first ones again."""
    without_feed(box)
    topic = community.add_topics(1, posts=30)[0]
    posts = community.posts_of(topic.id)
    community.hide_post(posts[3].id)
    community.set_status(topic.id, "closed", enabled=True)

    def everything(data: Json) -> Json:
        stream = data["post_stream"]
        return {**data, "post_stream": {**stream, "posts": stream["posts"] * 2}}

    box.faults.alter(everything, re.compile(r"^/t/\d+"))

    report = world.harvest()

    assert (report.complete, report.set_aside) == (True, 0)
    assert world.held() == shown(community)


def test_a_stream_with_duplicates_and_ids_never_served_is_bounded(
    community: Community, box: Sandbox, world: World
) -> None:
    without_feed(box)
    topic = community.add_topics(1, posts=30)[0]

    def lying(data: Json) -> Json:
        stream = data["post_stream"]
        ids = [*stream["stream"] * 3, *range(10_000, 30_000)]
        return {**data, "post_stream": {**stream, "stream": ids}}

    box.faults.alter(lying, f"/t/{topic.id}.json")

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert asked(box).count(f"/t/{topic.id}/posts.json") < 20


def test_posts_after_a_long_gap_in_what_is_served_are_read(
    community: Community, box: Sandbox, world: World
) -> None:
    """Two hundred posts moved away after the topic was asked for."""
    without_feed(box)
    one, other = community.add_topics(2, posts=260)
    posts = community.posts_of(one.id)

    def move(data: Json) -> Json:
        for post in posts[25:230]:
            community.delete_post(post.id)
        return data

    box.faults.alter(move, f"/t/{one.id}.json", n=1)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert {one.id, other.id} == set(world.keys)


def test_a_topic_without_a_stream_that_never_ends_is_set_aside(
    community: Community, box: Sandbox, world: World
) -> None:
    """Of ten thousand posts and more, no ids are told: they are followed by number."""
    without_feed(box)
    one, other = community.add_topics(2, posts=22)
    number, sample = 100, dict[str, object]()

    def no_stream(data: Json) -> Json:
        posts = data["post_stream"]["posts"]
        return {**data, "post_stream": {"posts": posts, "isMegaTopic": True}}

    def one_more(data: Json) -> Json:
        nonlocal number
        number += 1
        post = {**sample, "id": number + 1000, "post_number": number}
        return {**data, "post_stream": {"posts": [post]}}

    def first(data: Json) -> Json:
        sample.update(data["post_stream"]["posts"][0])
        return one_more(data)

    box.faults.alter(no_stream, f"/t/{one.id}.json")
    box.faults.alter(first, f"/t/{one.id}/posts.json", n=1)
    box.faults.alter(one_more, f"/t/{one.id}/posts.json")

    report = world.harvest(max_posts=50)

    assert (report.complete, world.keys) == (True, [other.id])
    assert "does not end after 50 posts" in world.aside()[str(one.id)]
    # Twenty came with it, then one with each answer.
    assert asked(box).count(f"/t/{one.id}/posts.json") == 51


def test_a_topic_that_lists_posts_without_end_is_set_aside(
    community: Community, box: Sandbox, world: World
) -> None:
    without_feed(box)
    one, other = community.add_topics(2, posts=2)

    def promising(data: Json) -> Json:
        stream = {**data["post_stream"], "stream": list(range(1, 2000))}
        return {**data, "post_stream": stream}

    box.faults.alter(promising, f"/t/{one.id}.json")

    report = world.harvest(max_posts=1000)

    assert (report.complete, world.keys) == (True, [other.id])
    assert "does not end after 1,000 posts" in world.aside()[str(one.id)]
    assert asked(box).count(f"/t/{one.id}/posts.json") == 0


@pytest.mark.parametrize(
    "lie", [10**9, 1, 0, -3, "many", "2", None, True, 2.5, [], {"a": 1}, 2**70]
)
def test_a_list_that_lies_about_how_many_posts_there_are_costs_a_request_a_topic(
    community: Community, box: Sandbox, world: World, lie: object
) -> None:
    """What does not add up is read by itself, once."""
    topics = community.add_topics(4, posts=2)
    alter_items(
        box, lambda item: {**item, "posts_count": lie, "highest_post_number": lie}
    )

    world.harvest()
    since = len(box.requests)
    report = world.harvest()

    assert world.held() == shown(community)
    assert sorted(topics_asked(box)) == [topic.id for topic in topics]
    assert (report.unchanged, topics_asked(box, since)) == (4, [])


def test_a_topic_that_answers_as_another_is_not_stored_under_its_id(
    community: Community, box: Sandbox, world: World
) -> None:
    """A cache that mixes up its answers."""
    without_feed(box)
    one, other = community.add_topics(2, posts=2)
    taken: list[Json] = []

    def note(data: Json) -> Json:
        taken.append(data)
        return data

    box.faults.alter(note, f"/t/{other.id}.json")
    box.faults.alter(lambda data: taken[0], f"/t/{one.id}.json")

    report = world.harvest()

    assert report.complete
    assert world.held() == {other.id: shown(community)[other.id]}
    assert report.skipped == {"listed but not there for us": 1}
