"""Odd lists of topics: they end, lose nothing and delete nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kb.errors import ForumProtocolError
from tests.indexer.forum_world import (
    START,
    Hands,
    World,
    asked,
    feed,
    listed,
    page,
    post,
    serve,
    topics_asked,
)
from tests.indexer.loopback import Loopback, as_json, as_text

# With a feed of posts, as nearly all forums have one, and without.
roads = pytest.mark.parametrize("has_feed", [True, False], ids=["feed", "no feed"])


@roads
def test_a_list_that_repeats_its_last_page_for_ever_ends(
    server: Loopback, scripted: World, has_feed: bool
) -> None:
    if has_feed:
        feed(server, 1)
    server.on("/latest.json", page(listed(1), more=True))
    serve(server, [], [1])
    assert scripted.harvest().inserted == 1
    assert asked(server).count("/latest.json") == 4


@roads
def test_a_list_that_never_ends_is_bounded_and_deletes_nothing(
    server: Loopback, scripted: World, has_feed: bool
) -> None:
    if has_feed:
        feed(server, 1, 2, 3, 4, 5, 9)
    serve(server, [page(listed(1), listed(9))], [1, 9])
    scripted.harvest()
    endless = [page(listed(n), more=True) for n in range(1, 6)]
    serve(server, endless, range(1, 6))
    server.on("/t/9.json", as_json({"errors": ["no"], "error_type": "not_found"}, 404))
    scripted.harvest(full=True, max_pages=5)
    assert scripted.keys == [1, 2, 3, 4, 5, 9]
    assert scripted.aside() == [("list", "does not end after 5 pages")]


@roads
def test_pinned_topics_on_top_do_not_end_a_walk(
    server: Loopback, scripted: World, clock: Hands, has_feed: bool
) -> None:
    """Old pinned topics fill the first page; what is new stands on the second."""
    if has_feed:
        feed(server, 1, 2, 3)
    pins = [listed(n, 400, pinned=True) for n in (1, 2)]
    serve(server, [page(*pins, more=True), page(listed(3))], [1, 2, 3])
    scripted.harvest()
    clock.now += timedelta(hours=1)
    if has_feed:
        feed(server, 1, 2, 3, 4, created_at=clock.now.isoformat())
    new = listed(4, bumped_at=clock.now.isoformat())
    serve(server, [page(*pins, more=True), page(new, listed(3))], [4])
    count = len(server.requests)
    assert scripted.harvest().inserted == 1
    assert topics_asked(server, count) == ([] if has_feed else [4])


@roads
def test_a_walk_reads_on_until_a_page_is_older_than_the_last_walk(
    server: Loopback, scripted: World, has_feed: bool
) -> None:
    if has_feed:
        feed(server, *range(1, 6))
    old = [page(listed(n, days_ago=n), more=n < 5) for n in range(1, 6)]
    serve(server, old, range(1, 6))
    scripted.harvest()
    count = len(server.requests)
    scripted.harvest()
    # Page 0 ends with the latest topic of the last walk; page 1 is older.
    assert server.requests[count:] == [
        "GET /posts.json",
        "GET /latest.json?order=activity&per_page=30&page=0",
        "GET /latest.json?order=activity&per_page=30&page=1",
    ]


@roads
def test_an_empty_list_does_not_hide_what_changed_before_it(
    server: Loopback, scripted: World, clock: Hands, has_feed: bool
) -> None:
    """A cache that serves an empty list once must not move the watermark."""
    if has_feed:
        feed(server, 1)
    serve(server, [page(listed(1))], [1])
    scripted.harvest()
    clock.now += timedelta(hours=2)
    serve(server, [page()], [])
    scripted.harvest()
    late, later, latest = (
        listed(number, bumped_at=(START + timedelta(minutes=minutes)).isoformat())
        for number, minutes in ((2, 60), (3, 90), (4, 120))
    )
    if has_feed:
        feed(server, 1, 2, 3, 4)
    pages = [page(latest, more=True), page(later, more=True), page(late, listed(1))]
    serve(server, pages, [2, 3, 4])
    assert scripted.harvest().inserted == 3


@roads
def test_a_broken_item_of_a_list_is_set_aside(
    server: Loopback, scripted: World, has_feed: bool
) -> None:
    if has_feed:
        feed(server, 1, 2)
    serve(server, [page(listed(1), listed(2, title=None), "?")], [1, 2])
    report = scripted.harvest()
    assert (report.inserted, report.set_aside) == (1, 2)
    assert scripted.aside() == [
        ("2", "topic_list.topics[1].title: expected str, got null"),
        ("topic_list.topics[2]", "topic_list.topics[2]: expected object, got str"),
    ]
    serve(server, [page(listed(1), listed(2))], [])
    assert scripted.harvest().inserted == 1
    assert scripted.aside() == []


def test_an_empty_thread_is_skipped(server: Loopback, scripted: World) -> None:
    serve(server, [page(listed(1))], [])
    empty: dict[str, list[int]] = {"posts": [], "stream": []}
    data = {"id": 1, "title": "T", "category_id": 3, "post_stream": empty}
    server.on("/t/1.json", as_json(data))
    assert scripted.harvest().skipped == {"no readable post": 1}


@roads
def test_two_posts_of_one_number_set_their_topic_aside(
    server: Loopback, scripted: World, has_feed: bool
) -> None:
    serve(server, [page(listed(1, posts_count=2))], [])
    if has_feed:
        feed(server, 1, 2, topic_id=1)
    stream = {"posts": [post(1), post(2)], "stream": [1, 2]}
    data = {"id": 1, "title": "T", "category_id": 3, "post_stream": stream}
    server.on("/t/1.json", as_json(data))
    assert scripted.harvest().set_aside == 1
    assert scripted.aside() == [
        ("1", "forum:1: parts[1].number: expected more than 1, got 1")
    ]


def test_a_topic_that_is_listed_and_not_there_is_counted(
    server: Loopback, scripted: World
) -> None:
    serve(server, [page(listed(1), listed(2))], [1])
    report = scripted.harvest()
    assert (scripted.keys, report.skipped) == ([1], {"listed but not there for us": 1})


@roads
def test_a_cursor_that_is_not_ours_leads_to_a_whole_walk(
    server: Loopback, scripted: World, has_feed: bool
) -> None:
    if has_feed:
        feed(server, 1)
    serve(server, [page(listed(1))], [1])
    scripted.harvest()
    store = scripted.store
    for cursor in ("[]", "{", '{"since": "x", "listed_at": "y", "stamp": 1}'):
        with store.transaction():
            store.progress.advance("forum", cursor)
        count = len(server.requests)
        assert scripted.harvest().complete
        assert store.progress.source("forum").cursor != cursor
        # All is read but what is known to be as it was.
        assert asked(server, count) == ["/site.json", "/posts.json", "/latest.json"]


def test_a_list_that_is_no_list_stops_the_walk(
    server: Loopback, scripted: World
) -> None:
    server.on("/latest.json", as_text('{"topic_list": null}'))
    with pytest.raises(ForumProtocolError) as caught:
        scripted.harvest()
    assert caught.value.field == "topic_list"
    assert not scripted.store.progress.source("forum").is_complete
