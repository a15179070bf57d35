"""The read-only client against the sandbox, and against a forum that errs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.sandbox import Community, PostType, Sandbox, Settings
from indexer.discourse import DiscourseClient
from indexer.http import Transport
from indexer.wire import Category
from kb.errors import ForumProtocolError, ForumRejectedError
from kb.types import LeftOut, PostId, TopicId
from tests.indexer.loopback import Loopback, Reply, as_json, as_text


@pytest.fixture
def community() -> Community:
    return Community.empty()


@pytest.fixture
def box(community: Community) -> Iterator[Sandbox]:
    with Sandbox(community=community) as running:
        yield running


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@contextmanager
def client(url: str, **headers: str) -> Iterator[DiscourseClient]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with Transport(
        url, requests_per_second=None, sleep=lambda _: None, headers=named
    ) as transport:
        yield DiscourseClient(transport)


@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_a_long_topic_is_read_whole_in_few_requests(
    community: Community, box: Sandbox, generation: Any
) -> None:
    """20 posts come with the topic; the other 100 in two requests."""
    box.settings = Settings(generation=generation)
    topic = community.add_topics(1, posts=120)[0]
    with client(box.url) as forum:
        read = forum.topic(TopicId(topic.id))
    assert [post.number for post in read.posts.kept] == list(range(1, 121))
    assert len(box.requests) == 3
    assert not any("page=" in request for request in box.requests)


def test_gaps_small_actions_and_hidden_posts_leave_the_rest_whole(
    community: Community, box: Sandbox
) -> None:
    topic = community.add_topics(1, posts=60)[0]
    posts = {post.number: post for post in community.posts_of(topic.id)}
    community.delete_post(posts[30].id)
    community.hide_post(posts[40].id)
    community.withdraw_post(posts[41].id)
    small = community.add_post(
        topic.id, "", type=PostType.SMALL_ACTION, action_code="closed.enabled"
    )
    with client(box.url) as forum:
        read = forum.topic(TopicId(topic.id))
    expected = [number for number in range(1, 61) if number not in {30, 40, 41}]
    assert [post.number for post in read.posts.kept] == expected
    assert read.posts.dropped == (
        LeftOut(posts[40].id, 40, "hidden"),
        LeftOut(posts[41].id, 41, "deleted"),
        LeftOut(small.id, 61, "small action"),
    )


def test_whispers_are_dropped_even_for_an_admin(
    community: Community, box: Sandbox
) -> None:
    community.add_user("boss", admin=True)
    topic = community.add_topics(1, posts=2)[0]
    whisper = community.add_post(
        topic.id, "Only for staff to see.", type=PostType.WHISPER
    )
    with client(box.url, Api_Key=box.admin_key, Api_Username="boss") as forum:
        read = forum.topic(TopicId(topic.id))
    assert [post.number for post in read.posts.kept] == [1, 2]
    assert LeftOut(whisper.id, 3, "whisper") in read.posts.dropped


def test_translations_are_declined(community: Community, box: Sandbox) -> None:
    community.add_topics(1)
    with client(box.url) as forum:
        forum.latest(0)
    assert box.recorded[-1].headers["cookie"] == "automatically_translate=false"


@pytest.mark.parametrize(("generation", "size"), [("2022", 30), ("2026", 100)])
def test_lists_are_read_by_page(
    community: Community, box: Sandbox, generation: Any, size: int
) -> None:
    """As long as a server makes them; an elder one does not ask how long."""
    box.settings = Settings(generation=generation)
    community.add_topics(size + 5)
    with client(box.url) as forum:
        first, second, third = forum.latest(0), forum.latest(1), forum.latest(2)
    assert [len(page.items) for page in (first, second, third)] == [size, 5, 0]
    assert [page.has_more for page in (first, second, third)] == [True, False, False]
    assert first.items[0].bumped_at > second.items[-1].bumped_at


def test_categories_tell_who_may_read_them(community: Community, box: Sandbox) -> None:
    support = community.add_category("Support")
    inner = community.add_category(
        "Back office", parent="support", read_restricted=True
    )
    community.add_user("boss", admin=True)
    with client(box.url) as forum:
        public = {found.id: found for found in forum.categories()}
    with client(box.url, Api_Key=box.admin_key, Api_Username="boss") as forum:
        private = {found.id: found for found in forum.categories()}
    assert public[support.id] == Category(
        support.id, "Support", "support", None, False, None
    )
    assert inner.id not in public
    assert private[inner.id] == Category(
        inner.id, "Back office", "back-office", support.id, True, None
    )


def test_a_forum_that_leaves_categories_out_is_asked_elsewhere(
    server: Loopback,
) -> None:
    support = {"id": 3, "name": "Support", "slug": "support"}
    server.on("/site.json", as_json({"groups": []}))
    server.on("/categories.json", as_json({"category_list": {"categories": [support]}}))
    server.on("/c/4/show.json", as_json({"category": {**support, "id": 4}}))
    server.on("/c/5/show.json", as_json({"category": None}))
    with client(server.url) as forum:
        assert [found.id for found in forum.categories()] == [3]
        found = forum.category(4)
        assert found is not None
        assert found.id == 4
        assert forum.category(6) is None
        with pytest.raises(
            ForumProtocolError, match=r"categories\[0\]: expected object"
        ):
            forum.category(5)
    assert server.requests[1] == "GET /categories.json?include_subcategories=true"


# -- answers that are not as they should be --------------------------------

RAW = "include_raw=true"
POST = {"id": 1, "post_number": 1, "cooked": "<p>x</p>", "created_at": "2026-01-01"}


def topic(*posts: dict[str, Any], stream: list[int] | None, id: int = 7) -> Reply:
    inner: dict[str, Any] = {"posts": list(posts)}
    if stream is not None:
        inner["stream"] = stream
    return as_json({"id": id, "title": "T", "category_id": 1, "post_stream": inner})


def numbered(*ids: int) -> list[dict[str, Any]]:
    return [{**POST, "id": i, "post_number": i} for i in ids]


def chunk(*ids: int) -> Reply:
    return as_json({"post_stream": {"posts": numbered(*ids)}})


def test_posts_that_are_not_served_are_asked_for_once_more(server: Loopback) -> None:
    server.on("/t/7.json", topic(*numbered(1), stream=[1, 2, 3, 4, 4]))
    server.on("/t/7/posts.json", chunk(4, 2), chunk())
    with client(server.url) as forum:
        read = forum.topic(TopicId(7))
    assert [post.id for post in read.posts.kept] == [1, 2, 4]
    assert server.requests == [
        f"GET /t/7.json?{RAW}",
        f"GET /t/7/posts.json?post_ids%5B%5D=2&post_ids%5B%5D=3&post_ids%5B%5D=4&{RAW}",
        f"GET /t/7/posts.json?post_ids%5B%5D=3&{RAW}",
    ]


def test_a_post_that_is_served_twice_is_read_once(server: Loopback) -> None:
    hidden = {**POST, "id": 2, "post_number": 2, "hidden": True}
    broken = {**POST, "id": 3, "post_number": 3, "cooked": None}
    all_of_it = [*numbered(1, 1), hidden, hidden, broken, broken]
    server.on("/t/7.json", topic(*all_of_it, stream=[1, 2, 3]))
    with client(server.url) as forum:
        posts = forum.topic(TopicId(7)).posts
    assert [post.id for post in posts.kept] == [1]
    assert [post.external_id for post in posts.dropped] == [2]
    assert [post.external_id for post in posts.broken] == [3]


def test_a_topic_too_long_for_its_list_of_posts_is_followed_by_number(
    server: Loopback,
) -> None:
    server.on("/t/7.json", topic(*numbered(1, 2), stream=None))
    server.on(f"/t/7/posts.json?post_number=2&asc=true&{RAW}", chunk(3, 5))
    server.on(f"/t/7/posts.json?post_number=5&asc=true&{RAW}", chunk(6))
    server.on(f"/t/7/posts.json?post_number=6&asc=true&{RAW}", chunk(5, 6))
    with client(server.url) as forum:
        read = forum.topic(TopicId(7))
    assert [post.id for post in read.posts.kept] == [1, 2, 3, 5, 6]


def test_another_topic_than_asked_for_means_that_it_moved(server: Loopback) -> None:
    server.on("/t/7.json", Reply(301, headers={"Location": "/t/8.json"}))
    server.on("/t/8.json", topic(*numbered(1), stream=[1], id=8))
    with client(server.url) as forum, pytest.raises(ForumRejectedError) as caught:
        forum.topic(TopicId(7))
    assert caught.value.error_type == "moved"
    assert str(caught.value) == f"{server.url}/t/7.json: 301 leads to topic 8"


def test_a_missing_topic_is_refused_in_the_forums_words(
    community: Community, box: Sandbox
) -> None:
    with client(box.url) as forum, pytest.raises(ForumRejectedError) as caught:
        forum.topic(TopicId(404))
    assert (caught.value.status, caught.value.error_type) == (404, "not_found")


def test_a_bad_post_in_a_later_chunk_is_named(server: Loopback) -> None:
    server.on("/t/7.json", topic(*numbered(1), stream=[1, 2]))
    bad = {**POST, "id": 2, "cooked": None}
    server.on("/t/7/posts.json", as_json({"post_stream": {"posts": [bad]}}))
    with client(server.url) as forum:
        posts = forum.topic(TopicId(7)).posts
    assert [post.id for post in posts.kept] == [1]
    problem = "post_stream.posts[0].cooked: expected str, got null"
    assert posts.broken == (LeftOut(PostId(2), 1, problem),)


@pytest.mark.parametrize("status", [403, 404])
def test_only_the_forums_own_word_says_that_a_category_is_not_there(
    server: Loopback, status: int
) -> None:
    page = as_text("<html>Attention Required!", status, "text/html")
    server.on("/c/4/show.json", page)
    with client(server.url) as forum:
        with pytest.raises(ForumRejectedError):
            forum.category(4)
        server.on("/c/4/show.json", as_json({"errors": ["No."]}, status))
        assert forum.category(4) is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "answer: expected object, got list"),
        (b"{}", "topic_list: expected object, but it is missing"),
        (b'{"topic_list": {}}', "topic_list.topics: expected list, but it is missing"),
    ],
)
def test_a_list_that_is_none_is_a_protocol_error(
    server: Loopback, body: bytes, problem: str
) -> None:
    server.on("/latest.json", Reply(body=body))
    with client(server.url) as forum, pytest.raises(ForumProtocolError) as caught:
        forum.latest(0)
    assert str(caught.value) == f"{server.url}/latest.json: {problem}"


def test_categories_that_are_none_are_a_protocol_error(server: Loopback) -> None:
    server.on("/site.json", as_json({"categories": [{"id": "x"}]}))
    with client(server.url) as forum, pytest.raises(ForumProtocolError) as caught:
        forum.categories()
    assert caught.value.field == "categories[0].id"


def test_every_kind_of_fault_is_survived(community: Community, box: Sandbox) -> None:
    """A third of all answers is spoilt; what arrives is whole all the same."""
    topics = community.add_topics(12, posts=25)
    box.faults.at_random(0.33, seed=11)
    with Transport(
        box.url, requests_per_second=None, sleep=lambda _: None, max_attempts=12
    ) as transport:
        forum = DiscourseClient(transport)
        for each in topics:
            read = _patiently(forum, TopicId(each.id))
            assert [post.number for post in read] == list(range(1, 26))
        assert forum.requests > 12 * 2


def _patiently(forum: DiscourseClient, topic_id: TopicId) -> list[Any]:
    """JSON that is malformed twice in a row is given up; then ask anew."""
    for _ in range(8):
        try:
            return list(forum.topic(topic_id).posts.kept)
        except ForumProtocolError:
            continue
    raise AssertionError("never whole")
