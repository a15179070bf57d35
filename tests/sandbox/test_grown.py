"""A grown forum is as big as was asked, the same each time, and of real shares."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.sandbox import Community, Library, PostType, Sandbox, Settings
from bot.sandbox.cook import cook
from bot.sandbox.grown import (
    GAPPED,
    HIDDEN,
    PRIVATE_RUN,
    SIZES,
    SOLVED,
    WITHDRAWN,
    Growth,
    grow,
)
from bot.sandbox.records import Post, Topic
from tests.sandbox.conftest import FakeClock, client

GROWTH = Growth(topics=400, posts=2_960, longest=300, seed=3)


@pytest.fixture(scope="module")
def forum() -> Community:
    return grow(Community.empty(FakeClock()), GROWTH)


def shown(forum: Community) -> list[Topic]:
    """What visitors are listed, without the topics that introduce categories."""
    about = {category.topic_id for category in forum.categories.values()}
    return [
        topic
        for topic in forum.topics.values()
        if forum.may_list(topic, None) and topic.id not in about
    ]


def posts_shown(forum: Community) -> list[Post]:
    return [post for topic in shown(forum) for post in forum.seen_posts(topic, None)]


def test_visitors_see_as_many_topics_and_posts_as_were_asked_for(
    forum: Community,
) -> None:
    sizes = [len(forum.seen_posts(topic, None)) for topic in shown(forum)]

    assert (len(sizes), sum(sizes), max(sizes)) == (400, 2_960, 300)


def test_the_same_seed_grows_the_same_forum_and_another_one_does_not(
    forum: Community,
) -> None:
    again = grow(Community.empty(FakeClock()), GROWTH)
    other = grow(Community.empty(FakeClock()), Growth(400, 2_960, 300, seed=4))

    assert (again.posts, again.topics) == (forum.posts, forum.topics)
    assert other.posts != forum.posts


def test_posts_have_ids_in_order_of_time_as_on_any_forum(forum: Community) -> None:
    by_id = [forum.posts[post_id].created_at for post_id in sorted(forum.posts)]
    numbers = [
        [post.created_at for post in forum.posts_of(topic.id)]
        for topic in forum.topics.values()
    ]

    assert by_id == sorted(by_id)
    assert numbers == [sorted(times) for times in numbers]
    assert by_id[-1] < forum.now()


def test_what_is_served_is_what_the_forum_would_have_cooked(forum: Community) -> None:
    given = [
        post
        for post in forum.posts.values()
        if post.given_cooked and post.type is not PostType.SMALL_ACTION
    ]

    assert len(given) > 2_000
    for post in given[::7]:
        cooked = cook(post.raw, forum.kitchen())
        # Addresses are put in when the forum is served; a cook escapes the braces.
        assert cooked.replace("%7Bforum%7D", "{forum}") == post.cooked


def test_the_shares_are_those_of_a_real_forum() -> None:
    # Twice as many topics as of one forum, so that chance matters less.
    forum = grow(Community.empty(FakeClock()), Growth(4_000, 29_600, 1_200))
    topics, posts = shown(forum), posts_shown(forum)
    kinds = Counter(post.type for post in posts)

    def share(count: int, of: int) -> float:
        return count / of

    gapped = sum(
        topic.highest != len(forum.seen_posts(topic, None)) for topic in topics
    )
    assert share(gapped, len(topics)) == pytest.approx(GAPPED, rel=0.25)
    solved = sum(bool(topic.accepted) for topic in topics)
    assert share(solved, len(topics)) == pytest.approx(SOLVED, rel=0.15)
    withdrawn = sum(post.user_deleted for post in posts)
    assert share(withdrawn, len(posts)) == pytest.approx(WITHDRAWN, rel=0.25)
    hidden = sum(post.hidden for post in posts)
    assert share(hidden, len(posts)) == pytest.approx(HIDDEN, rel=0.6)
    assert kinds[PostType.SMALL_ACTION] > kinds[PostType.MODERATOR_ACTION] > 0
    assert sum(topic.closed for topic in topics) > 10
    assert {topic.pinned for topic in topics} == {"", "category", "globally"}
    sizes = [len(forum.seen_posts(topic, None)) for topic in topics]
    assert sum(size == 1 for size in sizes) > 200
    assert sum(size > 100 for size in sizes) > 10
    assert max(sizes) == 1_200


def test_sizes_may_come_from_another_forum(forum: Community) -> None:
    alike = grow(
        Community.empty(FakeClock()), Growth(50, 260, longest=15, sizes=(5, 5, 5))
    )
    sizes = [len(alike.seen_posts(topic, None)) for topic in shown(alike)]

    assert sorted(sizes)[1:-1] == [5] * 48
    assert max(SIZES) > 15


def test_an_impossible_forum_is_refused() -> None:
    with pytest.raises(ValueError, match="topics=10"):
        Growth(topics=10, posts=15, longest=10)


def test_an_older_server_shows_empty_pages_in_the_middle_of_its_stream() -> None:
    forum = grow(Community.empty(FakeClock()), GROWTH)
    before, empty, found = forum.last_post_id, 0, 0
    settings = Settings(generation="2022")
    with Sandbox(forum, settings, library=Library()) as box, client(box) as web:
        while before > 0:
            posts = web.get(f"/posts.json?before={before}").json()["latest_posts"]
            empty += not posts
            found += len(posts)
            before -= 50

    assert empty >= PRIVATE_RUN // 50 - 1
    assert found > 2_800
