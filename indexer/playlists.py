"""Playlists and their videos, as YouTube's feeds and its Data API tell of them. Pure.

Sources: https://developers.google.com/youtube/v3/docs and the Atom feeds that
YouTube serves at ``/feeds/videos.xml``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import feedparser
import isodate

from indexer.fields import Fields, moment_of
from kb.errors import ForumProtocolError
from kb.store.rows import clean

_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LANGUAGE = re.compile(r"[a-z]{2}(?![a-z])")
# What the API calls a video that it must not tell of.
_TITLES_OF_NONE = frozenset({"Private video", "Deleted video"})
# Such as the sound of music.
_NO_LANGUAGE = frozenset({"zxx", "und"})


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is told of a video.

    Attributes:
        language: Two letters, where the API tells it.
        refused: Why it is not for us: ``private``; empty where it is.
    """

    id: str
    title: str
    description: str
    published_at: datetime | None = None
    duration_s: int | None = None
    language: str | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """The newest videos of a playlist."""

    title: str
    videos: tuple[VideoFacts, ...]


def read_feed(body: bytes, url: str) -> Feed:
    """A playlist's feed; entries that name no video are left out.

    Raises:
        ForumProtocolError: It is no Atom feed.
    """
    # As a stream: bytes would be tried as the name of a file.
    feed = feedparser.parse(
        io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False
    )
    if not str(feed.get("version", "")).startswith("atom"):
        raise ForumProtocolError(url, "is no Atom feed")
    videos = tuple(
        VideoFacts(
            entry["yt_videoid"],
            _one_line(entry.get("title", "")),
            clean(entry.get("summary", "")),
            moment_of(entry.get("published", "")),
        )
        for entry in feed.entries
        if _VIDEO_ID.fullmatch(entry.get("yt_videoid", "")) and entry.get("title")
    )
    if feed.bozo and not videos:
        raise ForumProtocolError(url, "is no feed that can be read")
    return Feed(_one_line(feed.feed.get("title", "")), videos)


def item_video(item: Fields) -> str:
    """The video that an item of a playlist is.

    Raises:
        RecordError: It names none.
    """
    video = item.inner("contentDetails").text("videoId")
    if not _VIDEO_ID.fullmatch(video):
        raise item.bad("contentDetails.videoId", f"expected an id, got {video[:40]!r}")
    return video


def video_facts(item: Fields) -> VideoFacts:
    """What the API tells of a video.

    Raises:
        RecordError: It is not as documented.
    """
    snippet = item.inner("snippet")
    title = _one_line(snippet.text("title"))
    status = item.inner("status") if item.has("status") else None
    privacy = None if status is None else status.maybe_text("privacyStatus")
    is_private = title in _TITLES_OF_NONE if privacy is None else privacy == "private"
    refused = "private" if is_private else ""
    if not (title or refused):
        raise snippet.bad("title", "is empty")
    return VideoFacts(
        item.text("id"),
        title,
        snippet.maybe_text("description") or "",
        snippet.maybe_moment("publishedAt"),
        None if refused else _duration(item),
        _language(snippet),
        refused,
    )


def facts_json(facts: VideoFacts) -> list[str | None]:
    """What of a video of a feed must be known when the feed holds it no more."""
    at = facts.published_at
    moment = None if at is None else at.isoformat()
    return [facts.title, facts.description, moment]


def facts_of_json(video: str, told: Fields) -> VideoFacts:
    """The reverse of `facts_json`, out of an object that holds it at *video*.

    Raises:
        RecordError: It is something else.
    """
    match told.raw(video):
        case [str(title), str(description), None | str() as moment]:
            return VideoFacts(video, title, description, moment_of(moment or ""))
    raise told.bad(video, "expected title, description and time")


def pages(ids: list[str], size: int) -> Iterator[list[str]]:
    """*ids* in lists of at most *size*."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _duration(item: Fields) -> int | None:
    """Seconds; ``None`` for what is live, or was not told."""
    if not item.has("contentDetails"):
        return None
    details = item.inner("contentDetails")
    text = details.maybe_text("duration")
    if text is None:
        return None
    try:
        length = isodate.parse_duration(text)
        # Years and months, of which no number of seconds is known.
        seconds = length.total_seconds() if isinstance(length, timedelta) else 0
    except (isodate.ISO8601Error, ValueError, OverflowError, ArithmeticError) as exc:
        raise details.bad("duration", f"expected a duration, got {text[:40]!r}") from (
            exc
        )
    return int(seconds) or None


def _language(snippet: Fields) -> str | None:
    for name in ("defaultAudioLanguage", "defaultLanguage"):
        told = (snippet.maybe_text(name) or "").lower()
        if told not in _NO_LANGUAGE and (found := _LANGUAGE.match(told)):
            return found[0]
    return None


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())
