"""Playlists by the Data API: what is shown stays, what is private leaves at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Community, Library, Sandbox
from kb.errors import ForumUnavailableError, KBError, RateLimitedError, SourceError
from kb.store import Store
from kb.types import Details, Kind
from tests.indexer.forum_world import Hands
from tests.indexer.learning_world import KEY, STARTS, Reading, playlist, video
from tests.indexer.samples import content

DAY = timedelta(hours=25)
LIST_ITEMS = "/videos/youtube/v3/playlistItems"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    library = Library(
        playlists=[
            playlist("PL1", *map(video, range(1, 4))),
            playlist("PL2", video(3), video(4)),
        ],
        api_keys=frozenset({KEY}),
    )
    with Sandbox(Community.empty(), library=library) as running:
        yield running


@pytest.fixture
def films(box: Sandbox, store: Store, clock: Hands) -> Reading:
    return Reading(box, store, clock)


def test_a_first_refresh_reads_all_videos_with_their_chapters(
    films: Reading, box: Sandbox
) -> None:
    report = films.videos("PL1", "PL2")

    assert (report.inserted, report.requests, report.complete) == (4, 4, True)
    assert films.keys("films") == ["vid01", "vid02", "vid03", "vid04"]
    found = films.document("films", "vid03")
    assert (found.kind, found.url, found.title, found.language, found.created_at) == (
        Kind.VIDEO,
        f"{box.videos_url}/watch?v=vid03",
        "Video 3",
        "en",
        STARTS.replace(day=4),
    )
    assert found.details == Details(duration_s=412, lists=("List PL1", "List PL2"))
    assert films.links("films", "vid03") == [
        ("", "", "How maps work."),
        ("&t=0", "Intro", "Intro"),
        ("&t=70", "Layers", "Layers"),
        ("&t=125", "Legends", "Legends"),
    ]


def test_a_second_refresh_asks_only_for_what_changed_and_changes_nothing(
    films: Reading, store: Store
) -> None:
    films.videos("PL1", "PL2")
    before, generation = content(store, "films"), store.generation

    asked = films.asked(lambda: films.videos("PL1", "PL2"))

    assert len(asked) == 4
    assert all(conditional for _, conditional in asked)
    assert (content(store, "films"), store.generation) == (before, generation)


def test_a_video_that_the_api_tells_of_was_seen_alive(
    films: Reading, clock: Hands
) -> None:
    films.videos("PL1", "PL2")
    first = clock.now
    clock.now += DAY
    films.videos("PL2")

    assert clock.now != first
    assert films.verified("films") == {"vid03": clock.now, "vid04": clock.now}


def test_the_key_is_in_no_address(films: Reading, box: Sandbox) -> None:
    asked = films.asked(lambda: films.videos("PL1"))

    assert not [target for target, _ in asked if KEY in target]
    assert {each.headers["x-goog-api-key"] for each in box.recorded} == {KEY}


def test_long_playlists_are_read_page_by_page(films: Reading, box: Sandbox) -> None:
    videos = [video(number) for number in range(120)]
    box.library.change_playlist("PL1", videos=tuple(videos))

    asked = films.asked(lambda: films.videos("PL1"))

    assert films.keys("films") == sorted(each.id for each in videos)
    paths = [target.partition("?")[0].rpartition("/")[2] for target, _ in asked]
    assert paths == ["playlists", *["playlistItems"] * 3, *["videos"] * 3]


@pytest.mark.parametrize("privacy", ["private", "deleted"])
def test_a_video_that_is_not_shown_any_more_leaves_at_once(
    films: Reading, box: Sandbox, privacy: str
) -> None:
    films.videos("PL1", "PL2")

    box.library.change_video("vid03", privacy=privacy)
    report = films.videos("PL1", "PL2")

    assert report.deleted == 1
    assert films.keys("films") == ["vid01", "vid02", "vid04"]


def test_a_video_that_the_api_calls_private_is_not_held(
    films: Reading, box: Sandbox
) -> None:
    def private(answer: Any) -> Any:
        answer["items"][0]["status"]["privacyStatus"] = "private"
        return answer

    films.videos("PL1")
    box.faults.alter(private, "/videos/youtube/v3/videos")
    report = films.videos("PL1", full=True)

    assert (report.deleted, report.skipped) == (1, {"private": 1})
    assert films.keys("films") == ["vid02", "vid03"]


def test_an_unlisted_video_of_a_playlist_stays(films: Reading, box: Sandbox) -> None:
    box.library.change_video("vid02", privacy="unlisted")
    films.videos("PL1")

    assert films.keys("films") == ["vid01", "vid02", "vid03"]


def test_a_public_video_may_be_called_a_private_one(
    films: Reading, box: Sandbox
) -> None:
    box.library.change_video("vid02", title="Private video")
    films.videos("PL1")

    assert films.document("films", "vid02").title == "Private video"


def test_what_was_taken_out_of_all_playlists_leaves(
    films: Reading, box: Sandbox
) -> None:
    films.videos("PL1", "PL2")

    box.library.change_playlist("PL1", videos=(video(1),))
    films.videos("PL1", "PL2")

    assert films.keys("films") == ["vid01", "vid03", "vid04"]
    assert films.document("films", "vid03").details.lists == ("List PL2",)


def test_videos_of_a_playlist_that_the_config_drops_leave(films: Reading) -> None:
    films.videos("PL1", "PL2")
    films.videos("PL2")

    assert films.keys("films") == ["vid03", "vid04"]


def test_nothing_leaves_while_a_playlist_that_was_never_read_may_hold_it(
    films: Reading, clock: Hands
) -> None:
    films.videos("PL1", "PL2")
    first = films.videos("PL2", "PLnone")
    clock.now += DAY
    second = films.videos("PL2", "PLnone")

    assert (first.deleted, second.deleted) == (0, 2)
    assert films.keys("films") == ["vid03", "vid04"]


def test_what_is_asked_no_more_is_forgotten(films: Reading, store: Store) -> None:
    films.videos("PL1", "PL2")
    films.videos("PL2")
    films.videos("PL2")

    asked = [fetch.url for fetch in store.fetches.all("films")]
    assert len(asked) == 3
    assert not [url for url in asked if "PL1" in url or "vid01" in url]


def test_an_edited_video_is_read_anew_and_the_others_are_not(
    films: Reading, box: Sandbox
) -> None:
    films.videos("PL1")
    kept = films.passages("films", "vid02")

    box.library.change_video("vid01", description="Only words.")
    report = films.videos("PL1")

    assert (report.updated, report.unchanged) == (1, 2)
    assert films.links("films", "vid01") == [("", "", "Only words.")]
    assert films.passages("films", "vid02") == kept


@pytest.mark.parametrize("how", ["private", "removed", "refused"])
def test_a_playlist_that_is_not_there_is_kept_until_that_is_certain(
    films: Reading, box: Sandbox, clock: Hands, how: str
) -> None:
    """Its videos stay for a day; those of another playlist stay for good."""
    films.videos("PL1", "PL2")

    if how == "private":
        box.library.change_playlist("PL1", private=True)
    elif how == "removed":
        box.library.remove_playlist("PL1")
    else:
        box.faults.fail_next(
            9,
            f"{LIST_ITEMS}?part=snippet,contentDetails,status&maxResults=50"
            "&playlistId=PL1",
            status=403,
            body=_error("playlistItemsNotAccessible"),
        )
    first = films.videos("PL1", "PL2")
    clock.now += timedelta(hours=23)
    second = films.videos("PL1", "PL2")
    kept, aside = films.keys("films"), films.aside("films")
    clock.now += timedelta(hours=2)
    third = films.videos("PL1", "PL2")

    assert (first.deleted, second.deleted, third.deleted) == (0, 0, 2)
    assert kept == ["vid01", "vid02", "vid03", "vid04"]
    assert list(aside) == ["playlist PL1"]
    assert aside["playlist PL1"].endswith("its videos stay until that is certain")
    assert films.keys("films") == ["vid03", "vid04"]
    assert "is gone: 40" in films.aside("films")["playlist PL1"]
    assert films.document("films", "vid03").details.lists == ("List PL2",)


def test_a_playlist_that_comes_back_within_a_day_lost_nothing(
    films: Reading, box: Sandbox, clock: Hands
) -> None:
    films.videos("PL1", "PL2")
    before = films.passages("films", "vid01")
    box.library.change_playlist("PL1", private=True)
    films.videos("PL1", "PL2")

    box.library.change_playlist("PL1", private=False)
    clock.now += DAY
    report = films.videos("PL1", "PL2")

    assert (report.deleted, report.unchanged, report.set_aside) == (0, 4, 0)
    assert films.passages("films", "vid01") == before
    assert films.aside("films") == {}


def test_a_private_video_leaves_a_playlist_that_cannot_be_read(
    films: Reading, box: Sandbox
) -> None:
    films.videos("PL1", "PL2")
    box.library.change_playlist("PL1", private=True)
    box.library.change_video("vid01", privacy="private")
    films.videos("PL1", "PL2")

    assert films.keys("films") == ["vid02", "vid03", "vid04"]


def _error(reason: str, message: str = "No.", code: int = 403) -> str:
    detail = {"message": message, "domain": "global", "reason": reason}
    error = {"code": code, "message": message, "errors": [detail]}
    return json.dumps({"error": error})


def _without_key(films: Reading, box: Sandbox) -> None:
    box.library.api_keys = frozenset({"another"})


def _without_quota(films: Reading, box: Sandbox) -> None:
    box.library.api_quota = 2


def _switched_off(films: Reading, box: Sandbox) -> None:
    body = _error("accessNotConfigured")
    box.faults.fail_next(1, LIST_ITEMS, status=403, body=body)


def _proxy(films: Reading, box: Sandbox) -> None:
    box.faults.fail_next(1, LIST_ITEMS, status=403)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_without_key, "400 API key not valid"),
        (_without_quota, r"403 The request cannot be completed.*\(quotaExceeded\)"),
        (_switched_off, r"403 No\. \(accessNotConfigured\)"),
        (_proxy, "403 Forbidden"),
    ],
)
def test_a_refused_key_is_told_by_its_field_and_nothing_is_lost(
    films: Reading,
    box: Sandbox,
    clock: Hands,
    spoil: Callable[[Reading, Sandbox], None],
    words: str,
) -> None:
    films.videos("PL1", "PL2")
    before = content(films.store, "films")

    spoil(films, box)
    with pytest.raises(SourceError, match=words) as raised:
        films.videos("PL1", "PL2")
    held = content(films.store, "films")
    box.library.api_keys, box.library.api_quota = frozenset({KEY}), None
    # A refusal of the key is no sign that a playlist is gone, however old it is.
    clock.now += DAY
    report = films.videos("PL1", "PL2")

    assert "sources.films.api_key_env" in str(raised.value)
    assert KEY not in str(raised.value)
    assert held == before
    assert (report.unchanged, report.deleted) == (4, 0)


def test_a_quota_that_ends_in_the_middle_is_gone_on_from(
    films: Reading, box: Sandbox
) -> None:
    videos = tuple(video(number) for number in range(70))
    box.library.change_playlist("PL1", videos=videos)
    box.library.api_quota = 4
    with pytest.raises(SourceError, match="quotaExceeded"):
        films.videos("PL1")
    half = len(films.keys("films"))

    box.library.api_quota = None
    report = films.videos("PL1")

    assert half == 50
    assert (report.inserted, report.unchanged) == (20, 50)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, ForumUnavailableError),
        ({"status": 429, "headers": {"Retry-After": "7"}}, RateLimitedError),
        ({"malformed": True}, KBError),
        ({"status": 200, "body": "<html>hello</html>"}, KBError),
        ({"status": 200, "body": "[]"}, KBError),
        ({"status": 200, "body": '{"items": 3}'}, KBError),
        ({"drop": True}, ForumUnavailableError),
    ],
)
@pytest.mark.parametrize("path", ["playlists", "playlistItems", "videos"])
def test_an_api_that_fails_loses_nothing_and_is_asked_again(
    films: Reading, box: Sandbox, fault: dict[str, Any], error: type[KBError], path: str
) -> None:
    films.videos("PL1")
    before = content(films.store, "films")

    box.library.change_video("vid01", description="Other words.")
    box.faults.fail_next(4, f"/videos/youtube/v3/{path}?", **fault)
    with pytest.raises(error):
        # All is asked for whole: what did not change has no body to spoil.
        films.videos("PL1", full=True)
    held = content(films.store, "films")
    box.faults.clear()
    report = films.videos("PL1")

    assert held == before
    assert (report.updated, report.unchanged) == (1, 2)


def test_one_playlist_that_fails_does_not_keep_others_from_being_read(
    films: Reading, box: Sandbox
) -> None:
    films.videos("PL1", "PL2")
    box.library.change_playlist("PL2", videos=(video(4), video(5)))
    box.faults.fail_next(
        2,
        f"{LIST_ITEMS}?part=snippet,contentDetails,status&maxResults=50&playlistId=PL1",
        status=500,
    )
    report = films.videos("PL1", "PL2")

    assert (report.inserted, report.deleted) == (1, 0)
    assert list(films.aside("films")) == ["playlist PL1"]
    assert films.keys("films") == ["vid01", "vid02", "vid03", "vid04", "vid05"]


def test_pages_that_lead_in_a_circle_end(films: Reading, box: Sandbox) -> None:
    def circle(answer: Any) -> Any:
        return answer | {"nextPageToken": "0"}

    box.faults.alter(circle, LIST_ITEMS)
    with pytest.raises(SourceError, match="nextPageToken: leads in a circle"):
        films.videos("PL1")


def test_a_playlist_without_end_is_an_error(films: Reading, box: Sandbox) -> None:
    tokens = count(1)

    def endless(answer: Any) -> Any:
        return answer | {"items": [], "nextPageToken": str(next(tokens))}

    box.faults.alter(endless, LIST_ITEMS)
    with pytest.raises(SourceError, match="nextPageToken: leads on without end"):
        films.videos("PL1")


def test_broken_items_are_set_aside_and_what_was_stored_of_them_stays(
    films: Reading, box: Sandbox
) -> None:
    films.videos("PL1", "PL2")

    def spoil(answer: Any) -> Any:
        answer["items"][0]["contentDetails"] = {"videoId": 7}
        return answer

    def spoil_video(answer: Any) -> Any:
        answer["items"][1]["contentDetails"] = {"duration": "soon"}
        return answer

    box.faults.alter(spoil, LIST_ITEMS, n=1)
    box.faults.alter(spoil_video, "/videos/youtube/v3/videos", n=1)
    report = films.videos("PL1", "PL2", full=True)

    assert (report.deleted, report.set_aside) == (0, 2)
    assert films.keys("films") == ["vid01", "vid02", "vid03", "vid04"]
    assert sorted(films.aside("films")) == ["PL1#0", "vid03"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"defaultAudioLanguage": "pt-BR"}, "pt"),
        ({"defaultAudioLanguage": "zxx", "defaultLanguage": "FR"}, "fr"),
        ({"defaultLanguage": "fil"}, "sw"),
        ({}, "sw"),
    ],
)
def test_the_language_is_what_the_api_tells_else_the_playlists(
    films: Reading, box: Sandbox, told: dict[str, str], expected: str
) -> None:
    def tell(answer: Any) -> Any:
        for item in answer["items"]:
            del item["snippet"]["defaultAudioLanguage"]
            item["snippet"] |= told
        return answer

    box.faults.alter(tell, "/videos/youtube/v3/videos")
    films.videos(playlists=(("PL1", "sw"), ("PL2", None)), language="es")

    assert films.document("films", "vid01").language == expected
    others = films.document("films", "vid04").language
    assert others == ("es" if expected == "sw" else expected)


def test_transcripts_are_passages_within_their_chapters(
    films: Reading, tmp_path: Path
) -> None:
    cues = [(3, "Hello."), (65, "Still"), (72, "a layer."), (130, "A legend.")]
    (tmp_path / "vid01.vtt").write_text(_vtt(cues))
    (tmp_path / "vid01.fr.vtt").write_text(_vtt([(3, "Bonjour.")]))
    (tmp_path / "vid02.txt").write_text("Said at some time.")
    (tmp_path / "vid03.srt").write_bytes(b"\xff")
    films.videos("PL1", transcripts=tmp_path)

    assert films.links("films", "vid01") == [
        ("", "", "How maps work."),
        ("&t=3", "Intro", "Hello."),
        ("&t=65", "Intro", "Still"),
        ("&t=72", "Layers", "a layer."),
        ("&t=130", "Legends", "A legend."),
    ]
    assert films.links("films", "vid02")[:2] == [
        ("", "", "How maps work."),
        ("", "", "Said at some time."),
    ]
    assert films.aside("films") == {"vid03.srt": "text: not UTF-8 at byte 0"}
    assert len(films.links("films", "vid03")) == 4


def test_transcripts_are_followed_when_they_change(
    films: Reading, tmp_path: Path
) -> None:
    films.videos("PL1", transcripts=tmp_path)
    file = tmp_path / "vid01.vtt"

    file.write_text("no transcript")
    broken = [films.videos("PL1", transcripts=tmp_path) for _ in range(2)]
    reasons = films.aside("films")
    file.write_text(_vtt([(3, "Hello.")]))
    mended = films.videos("PL1", transcripts=tmp_path)
    again = films.videos("PL1", transcripts=tmp_path)
    file.unlink()
    without = films.videos("PL1", transcripts=tmp_path)

    assert [(r.updated, r.set_aside) for r in broken] == [(0, 1), (0, 1)]
    assert list(reasons) == ["vid01.vtt"]
    assert (mended.updated, mended.set_aside, films.aside("films")) == (1, 0, {})
    assert (again.updated, again.unchanged) == (0, 3)
    assert without.updated == 1
    assert len(films.links("films", "vid01")) == 4


def test_who_may_read_follows_the_config(films: Reading) -> None:
    films.videos("PL1")
    films.videos("PL1", visibility="source:films")

    found = [films.document("films", key) for key in films.keys("films")]
    assert {each.visibility for each in found} == {"source:films"}


def _vtt(cues: list[tuple[int, str]]) -> str:
    def time(seconds: int) -> str:
        return f"00:{seconds // 60:02}:{seconds % 60:02}.000"

    return "WEBVTT\n\n" + "\n".join(
        f"{time(start)} --> {time(start + 2)}\n{text}\n" for start, text in cues
    )
