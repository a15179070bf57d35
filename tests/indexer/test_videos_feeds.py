"""Playlists by their feeds: the newest are followed, the older ones stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import Community, Library, Sandbox
from indexer.playlists import read_feed
from indexer.sources.playlist_memory import Listed, Memory
from kb.errors import ForumProtocolError, ForumUnavailableError, SourceError
from kb.store import Store
from kb.types import Details
from tests.indexer.forum_world import Hands
from tests.indexer.learning_world import KEY, STARTS, Reading, playlist, video
from tests.indexer.samples import content

FEED = "/videos/feeds/videos.xml?playlist_id="


@pytest.fixture
def box() -> Iterator[Sandbox]:
    library = Library(
        playlists=[
            playlist("PL1", *map(video, range(1, 4))),
            playlist("PL2", video(3), video(4)),
        ]
    )
    with Sandbox(Community.empty(), library=library) as running:
        yield running


@pytest.fixture
def films(box: Sandbox, store: Store, clock: Hands) -> Reading:
    return Reading(box, store, clock, api_key=None)


def publish(box: Sandbox, *numbers: int) -> None:
    """Add videos to the first playlist, the newest last."""
    before = box.library.playlists[0].videos
    days = STARTS + timedelta(days=100)
    added = [video(n, published=days + timedelta(days=n)) for n in numbers]
    box.library.change_playlist("PL1", videos=(*before, *added))


def test_feeds_tell_all_but_length_and_language(films: Reading, box: Sandbox) -> None:
    report = films.videos(playlists=(("PL1", "fr"), ("PL2", None)))

    assert (report.inserted, report.requests) == (4, 2)
    found = films.document("films", "vid03")
    assert (found.title, found.language, found.url, found.created_at) == (
        "Video 3",
        "fr",
        f"{box.videos_url}/watch?v=vid03",
        STARTS.replace(day=4),
    )
    assert found.details == Details(lists=("List PL1", "List PL2"))
    assert [each[0] for each in films.links("films", "vid03")] == [
        "",
        "&t=0",
        "&t=70",
        "&t=125",
    ]
    assert films.document("films", "vid04").language is None


def test_a_second_refresh_asks_only_for_what_changed_and_changes_nothing(
    films: Reading, store: Store
) -> None:
    films.videos("PL1", "PL2")
    before, generation = content(store, "films"), store.generation

    asked = films.asked(lambda: films.videos("PL1", "PL2"))

    assert asked == [(f"{FEED}PL1", True), (f"{FEED}PL2", True)]
    assert (content(store, "films"), store.generation) == (before, generation)


def test_what_a_feed_holds_no_more_stays_and_follows_the_config(
    films: Reading, box: Sandbox
) -> None:
    films.videos("PL1")
    publish(box, *range(20, 40))
    films.videos("PL1")
    box.library.change_playlist("PL1", title="New name")
    films.videos("PL1", language="pt", visibility="source:films")

    # The 15 newest of the second time, and the three of the first.
    assert films.keys("films") == sorted(
        ["vid01", "vid02", "vid03", *(f"vid{n}" for n in range(25, 40))]
    )
    found = [films.document("films", key) for key in films.keys("films")]
    assert {(d.language, d.visibility, d.details.lists) for d in found} == {
        ("pt", "source:films", ("New name",))
    }


def test_only_what_a_feed_holds_was_seen_alive(
    films: Reading, box: Sandbox, clock: Hands
) -> None:
    films.videos("PL1")
    first = clock.now
    publish(box, *range(20, 35))
    clock.now += timedelta(days=1)
    films.videos("PL1")

    seen = films.verified("films")
    assert {key for key, at in seen.items() if at == first} == {
        "vid01",
        "vid02",
        "vid03",
    }
    assert {at for key, at in seen.items() if key >= "vid20"} == {clock.now}


def test_an_edited_video_is_read_anew(films: Reading, box: Sandbox) -> None:
    films.videos("PL1")
    box.library.change_video("vid01", title="Other & more <b>", description="A & B")
    report = films.videos("PL1")

    assert (report.updated, report.unchanged) == (1, 2)
    assert films.document("films", "vid01").title == "Other & more <b>"
    assert films.links("films", "vid01") == [("", "", "A & B")]


def test_a_playlist_that_is_not_there_is_kept_until_that_is_certain(
    films: Reading, box: Sandbox, clock: Hands
) -> None:
    films.videos("PL1", "PL2")
    box.library.change_playlist("PL1", private=True)
    reports = []
    for hours in (0, 23, 2, 1):
        clock.now += timedelta(hours=hours)
        reports.append(films.videos("PL1", "PL2").deleted)

    assert reports == [0, 0, 2, 0]
    assert films.keys("films") == ["vid03", "vid04"]
    assert films.document("films", "vid03").details.lists == ("List PL2",)
    assert "is gone: 404" in films.aside("films")["playlist PL1"]


def test_videos_of_a_playlist_that_the_config_drops_leave(films: Reading) -> None:
    films.videos("PL1", "PL2")
    films.videos("PL2")

    assert films.keys("films") == ["vid03", "vid04"]


def test_what_the_api_told_stays_when_the_key_is_given_up(
    films: Reading, box: Sandbox
) -> None:
    publish(box, *range(20, 40))
    films.api_key = KEY
    films.videos("PL1")
    films.api_key = None
    report = films.videos("PL1", visibility="source:films")

    assert (report.deleted, report.unchanged) == (0, 0)
    found = [films.document("films", key) for key in films.keys("films")]
    assert len(found) == 23
    assert {each.visibility for each in found} == {"source:films"}
    assert films.document("films", "vid01").details.duration_s == 412
    assert films.videos("PL1", visibility="source:films").unchanged == 23


def test_a_key_brings_the_older_ones(films: Reading, box: Sandbox) -> None:
    publish(box, *range(20, 40))
    films.videos("PL1")
    assert len(films.keys("films")) == 15
    films.api_key = KEY
    films.videos("PL1")

    assert len(films.keys("films")) == 23
    assert films.document("films", "vid39").details.duration_s == 412


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, ForumUnavailableError),
        ({"status": 200, "body": "<html>hello</html>"}, ForumProtocolError),
        ({"status": 200, "body": "{}"}, ForumProtocolError),
        ({"drop": True}, ForumUnavailableError),
    ],
)
def test_a_feed_that_fails_loses_nothing_and_is_asked_again(
    films: Reading, box: Sandbox, fault: dict[str, Any], error: type[Exception]
) -> None:
    films.videos("PL1")
    before = content(films.store, "films")
    box.library.change_video("vid01", description="Other words.")
    box.faults.fail_next(2, f"{FEED}PL1", **fault)
    with pytest.raises(error):
        films.videos("PL1")
    held = content(films.store, "films")
    box.faults.clear()

    assert held == before
    assert films.videos("PL1").updated == 1


def test_one_feed_that_fails_does_not_keep_others_from_being_read(
    films: Reading, box: Sandbox
) -> None:
    box.faults.fail_next(2, f"{FEED}PL1", status=500)
    films.videos("PL1", "PL2")

    assert films.keys("films") == ["vid03", "vid04"]
    assert list(films.aside("films")) == ["playlist PL1"]


def test_rules_for_crawlers_are_told_with_the_way_out(
    box: Sandbox, store: Store, clock: Hands
) -> None:
    box.faults.fail_next(
        1,
        "/robots.txt",
        status=200,
        headers={"Content-Type": "text/plain"},
        body="User-agent: *\nDisallow: /videos/feeds/\n",
    )
    films = Reading(box, store, clock, api_key=None, polite=True)
    with pytest.raises(SourceError) as raised:
        films.videos("PL1")

    assert "sources.films.api_key_env" in str(raised.value)
    assert "sources.films.respect_robots" in str(raised.value)


ENTRY = """<entry><yt:videoId>{id}</yt:videoId><title>{title}</title>
<published>{at}</published></entry>"""
HEAD = """<feed xmlns="http://www.w3.org/2005/Atom"
xmlns:yt="http://www.youtube.com/xml/schemas/2015"><title> A  list </title>"""


@given(
    st.sampled_from(["", HEAD, HEAD + "<entry>"]),
    st.binary() | st.text(alphabet="<>/&;entryid ").map(str.encode),
)
def test_no_feed_is_too_odd(head: str, body: bytes) -> None:
    try:
        feed = read_feed(head.encode() + body, "http://f.example/feed")
    except ForumProtocolError:
        return
    assert feed.videos == ()


def test_entries_that_name_no_video_are_left_out() -> None:
    entries = [
        ENTRY.format(id="ok", title="A", at="soon"),
        ENTRY.format(id="../x", title="B", at=""),
        ENTRY.format(id="none", title="", at=""),
        "<entry><title>C</title></entry>",
    ]
    feed = read_feed((HEAD + "".join(entries) + "</feed>").encode(), "f")

    assert feed.title == "A list"
    assert [(v.id, v.title, v.published_at) for v in feed.videos] == [("ok", "A", None)]


@pytest.mark.parametrize(
    "cursor", [None, "", "{", "[]", '{"format": 9}', '{"format": 1, "lists": {"a": 1}}']
)
def test_a_cursor_of_another_kind_holds_nothing(cursor: str | None) -> None:
    assert Memory.of_cursor(cursor) == Memory()


def test_a_memory_comes_back_as_it_was() -> None:
    feed = read_feed(
        (HEAD + ENTRY.format(id="a", title="é", at="") + "</feed>").encode(), "f"
    )
    memory = Memory({"PL": Listed("T", ("a", "b"))}, {"a": feed.videos[0]})

    assert Memory.of_cursor(memory.cursor()) == memory
