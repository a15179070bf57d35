"""The academy and the channel of the sandbox, as Open edX and YouTube answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.sandbox import Sandbox
from bot.sandbox.library import Course, Playlist, Video
from bot.sandbox.outline import unit_id

CHANGED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
COURSE = "course-v1:Org+C1+2026"
BLOCKS = "/academy/api/courses/v2/blocks/"
API = "/videos/youtube/v3/"


@pytest.fixture(autouse=True)
def library(box: Sandbox) -> None:
    box.library.courses = [
        Course(
            id=COURSE,
            name="Maps",
            short_description="What it is about.",
            language="en",
            level="introductory",
            effort="2 hours",
            start=CHANGED,
            enrollment_start=None,
            pacing="self",
            outline=(("One", ("Text", "Film")), ("Two", ("Last",))),
            public=True,
            texts={"Text": "<p>Words.</p>"},
        )
    ]
    videos = tuple(
        Video(f"vid{n}", f"Video {n}", "Words.", CHANGED, 412, "en") for n in range(3)
    )
    box.library.playlists = [Playlist("PL1", "All", videos)]


def ask(web: httpx.Client, path: str, **query: str) -> Any:
    return web.get(path, params=query).json()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_visitor_sees_the_outline_of_a_public_course(
    web: httpx.Client, version: str
) -> None:
    answer = ask(
        web,
        BLOCKS.replace("v2", version),
        course_id=COURSE,
        username="",
        depth="all",
        requested_fields="children,block_id",
        student_view_data="html",
    )

    blocks = answer["blocks"]
    names = []
    waiting = [answer["root"]]
    while waiting:
        block = blocks[waiting.pop(0)]
        names.append((block["type"], block["display_name"]))
        waiting = [*block.get("children", []), *waiting]
    assert names == [
        ("course", "Maps"),
        ("chapter", "One"),
        ("sequential", "Section 1"),
        ("vertical", "Text"),
        ("html", "Text"),
        ("vertical", "Film"),
        ("video", "Film"),
        ("chapter", "Two"),
        ("sequential", "Section 2"),
        ("vertical", "Last"),
        ("video", "Last"),
    ]
    views = [
        b["student_view_data"] for b in blocks.values() if "student_view_data" in b
    ]
    assert views == [{"enabled": True, "html": "<p>Words.</p>"}]


@pytest.mark.parametrize(
    ("query", "public", "status"),
    [
        ({"course_id": COURSE, "username": ""}, False, 403),
        ({"course_id": COURSE, "username": "ben"}, True, 403),
        ({"course_id": COURSE, "all_blocks": "true"}, True, 403),
        ({"course_id": COURSE}, True, 400),
        ({"course_id": "none", "username": ""}, True, 404),
        ({}, True, 404),
    ],
)
def test_other_outlines_are_refused(
    box: Sandbox,
    web: httpx.Client,
    query: Mapping[str, str],
    public: bool,
    status: int,
) -> None:
    box.library.change_course(COURSE, public=public)

    assert web.get(BLOCKS, params=dict(query)).status_code == status


def test_a_course_and_its_units_have_pages(box: Sandbox, web: httpx.Client) -> None:
    unit = unit_id(box.library.courses[0], "Film")
    base = f"/academy/courses/{COURSE}"

    tails = ["", "/about", f"/jump_to_id/{unit}", "/jump_to_id/none", "/x"]
    statuses = [web.get(base + tail).status_code for tail in tails]

    assert statuses == [200, 200, 200, 404, 404]


def test_a_course_may_be_listed_nowhere(box: Sandbox, web: httpx.Client) -> None:
    box.library.change_course(COURSE, listed=False)
    listed = ask(web, "/academy/api/courses/v1/courses/")
    detail = web.get(f"/academy/api/courses/v1/courses/{COURSE}")
    box.library.remove_course(COURSE)
    removed = web.get(f"/academy/api/courses/v1/courses/{COURSE}")

    assert (listed["results"], listed["pagination"]["count"]) == ([], 0)
    assert (detail.status_code, removed.status_code) == (200, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/academy/api/courses/v1/courses/",
        f"/academy/api/courses/v1/courses/{COURSE}",
        f"{BLOCKS}?course_id=course-v1%3AOrg%2BC1%2B2026&username=",
        f"{API}playlists?id=PL1",
        f"{API}playlistItems?playlistId=PL1",
        f"{API}videos?id=vid1",
        "/videos/feeds/videos.xml?playlist_id=PL1",
    ],
)
def test_what_did_not_change_is_not_sent_again(
    box: Sandbox, web: httpx.Client, path: str
) -> None:
    first = web.get(path)
    names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    marks = {names[k]: v for k, v in first.headers.items() if k in names}
    same = web.get(path, headers=marks)
    box.library.change_course(COURSE, name="Other")
    box.library.change_video("vid1", title="Other")
    box.library.change_playlist("PL1", title="Other")
    other = web.get(path, headers=marks)

    assert len(marks) == 1
    assert (first.status_code, same.status_code, same.content) == (200, 304, b"")
    assert (other.status_code, "Other" in other.text) == (200, True)


def test_a_refusal_has_no_mark(web: httpx.Client) -> None:
    answer = web.get(f"{API}playlistItems?playlistId=none")

    assert (answer.status_code, "etag" in answer.headers) == (404, False)


@pytest.mark.parametrize(
    ("headers", "query", "status", "reason"),
    [
        ({}, {}, 403, "forbidden"),
        ({"X-Goog-Api-Key": "bad"}, {}, 400, "badRequest"),
        ({}, {"key": "bad"}, 400, "badRequest"),
        ({"X-Goog-Api-Key": "good"}, {}, 200, None),
        ({}, {"key": "good"}, 200, None),
    ],
)
def test_the_api_may_ask_for_a_key(
    box: Sandbox,
    web: httpx.Client,
    headers: dict[str, str],
    query: dict[str, str],
    status: int,
    reason: str | None,
) -> None:
    box.library.api_keys = frozenset({"good"})
    answer = web.get(f"{API}videos", params={"id": "vid1", **query}, headers=headers)

    error = answer.json().get("error")
    assert answer.status_code == status
    assert (error["errors"][0]["reason"] if error else None) == reason


def test_a_quota_is_used_up(box: Sandbox, web: httpx.Client) -> None:
    box.library.api_quota = 2
    answers = [web.get(f"{API}videos?id=vid1") for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 403]
    error = answers[2].json()["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (403, "quotaExceeded")


def test_an_answer_has_the_parts_that_are_asked_for(web: httpx.Client) -> None:
    some = ask(web, f"{API}videos", id="vid1", part="snippet,status")["items"][0]
    lists = ask(web, f"{API}playlists", id="PL1,none", part="snippet")["items"]

    assert set(some) == {"kind", "id", "snippet", "status"}
    assert some["status"]["privacyStatus"] == "public"
    assert [(each["id"], each["snippet"]["title"]) for each in lists] == [
        ("PL1", "All")
    ]


@pytest.mark.parametrize(
    ("privacy", "title", "embedding", "page", "told"),
    [
        ("public", "Video 1", 200, 200, 1),
        ("unlisted", "Video 1", 200, 200, 1),
        ("private", "Private video", 403, 200, 0),
        ("deleted", "Deleted video", 404, 404, 0),
    ],
)
def test_a_video_is_shown_as_its_owner_wants(
    box: Sandbox,
    web: httpx.Client,
    privacy: str,
    title: str,
    embedding: int,
    page: int,
    told: int,
) -> None:
    box.library.change_video("vid1", privacy=privacy)
    items = ask(web, f"{API}playlistItems", playlistId="PL1")["items"]
    url = f"{box.videos_url}/watch?v=vid1"
    feed = web.get("/videos/feeds/videos.xml?playlist_id=PL1").text
    watched = web.get("/videos/watch?v=vid1")

    assert items[1]["snippet"]["title"] == title
    assert len(ask(web, f"{API}videos", id="vid1")["items"]) == told
    shown = web.get("/videos/oembed", params={"url": url, "format": "json"})
    assert shown.status_code == embedding
    assert watched.status_code == page
    assert ("vid1" in feed, "Video 1" in watched.text) == (bool(told), bool(told))


def test_a_link_to_no_video_cannot_be_embedded(web: httpx.Client) -> None:
    for url in ("", "https://e.org/", "/watch?v=none"):
        assert web.get("/videos/oembed", params={"url": url}).status_code == 404


def test_a_private_playlist_looks_like_none(box: Sandbox, web: httpx.Client) -> None:
    box.library.change_playlist("PL1", private=True)

    assert ask(web, f"{API}playlists", id="PL1")["items"] == []
    items = web.get(f"{API}playlistItems?playlistId=PL1")
    assert items.json()["error"]["errors"][0]["reason"] == "playlistNotFound"
    feed = web.get("/videos/feeds/videos.xml?playlist_id=PL1")
    assert (items.status_code, feed.status_code) == (404, 404)


def test_videos_outlive_their_playlist(box: Sandbox, web: httpx.Client) -> None:
    box.library.change_playlist("PL1", videos=box.library.playlists[0].videos[:1])
    box.library.remove_playlist("PL1")

    told = ask(web, f"{API}videos", id="vid0,vid1,vid2")["items"]
    assert [each["id"] for each in told] == ["vid0", "vid1", "vid2"]
