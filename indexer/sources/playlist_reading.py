"""Asking YouTube for playlists: its Data API with a key, else its feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from indexer.fields import Fields
from indexer.playlists import VideoFacts, item_video, pages, read_feed
from indexer.reader import Reader, Reply
from indexer.site_json import SiteJson, Told
from indexer.sources.playlist_memory import Listed
from kb.errors import DisallowedError, RecordError, SourceError
from kb.store import Fetch

PAGE = 50
"""Items that the API tells of at once, at most."""

# A playlist holds 5,000 videos at most, those of uploads some more.
_MAX_PAGES = 500
# What the API says of a playlist; all else that it refuses is about the key.
_ABOUT_A_PLAYLIST = frozenset(
    {"playlistNotFound", "playlistItemsNotAccessible", "playlistForbidden"}
)
_FEED_TYPES = "application/atom+xml, application/xml;q=0.9, text/xml;q=0.9"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is known of a playlist, now that it was asked for.

    Attributes:
        listed: What was known before, where `problem` tells why it cannot be read;
            ``None`` where nothing was, or it is `gone`.
        gone: Certainly.
        videos: What its feed told of them.
        set_aside: ``(item, reason)`` of what is broken in it.
    """

    listed: Listed | None
    problem: str = ""
    gone: bool = False
    videos: tuple[VideoFacts, ...] = ()
    set_aside: tuple[tuple[str, str], ...] = ()


class Playlists(Protocol):
    """A way to read playlists.

    Attributes:
        fetched: What must be remembered of its requests; taken out by the caller.
        asked: All addresses that it asked for.
    """

    fetched: list[Fetch]

    @property
    def asked(self) -> set[str]: ...

    def read(self, playlist: str, before: Listed | None) -> Shelf:
        """What *playlist* holds.

        Raises:
            SourceError: No playlist can be read: the key, or robots.txt.
            RecordError: This one's answer is not as documented.
            ForumError: No answer, or none of this kind.
        """


class ApiPlaylists:
    """Reads whole playlists, and their videos.

    Args:
        source: Its name in the config.
        url: Of the API, without a trailing slash.
    """

    def __init__(self, source: str, url: str, site: SiteJson) -> None:
        self._source = source
        self._url = f"{url}/youtube/v3"
        self._site = site
        self._titles: dict[str, str] = {}
        self.fetched: list[Fetch] = []

    @property
    def asked(self) -> set[str]:
        return self._site.asked

    def read_titles(self, playlists: Sequence[str]) -> None:
        """Learn what they are called; raises as `Playlists.read`."""
        for some in pages(list(playlists), PAGE):
            told = self._get(
                "playlists", part="snippet,status", maxResults=PAGE, id=",".join(some)
            )
            for item in _present(told).each("items"):
                title = " ".join(item.inner("snippet").text("title").split())
                self._titles[item.text("id")] = title
            self.fetched.append(told.reply.fetch)

    def read(self, playlist: str, before: Listed | None) -> Shelf:
        found: dict[str, None] = {}
        aside: list[tuple[str, str]] = []
        tokens = [""]
        while True:
            told = self._items(playlist, tokens[-1])
            if told.fields is None:
                self.fetched.append(told.reply.fetch)
                return _unread(told.reply, before, first=len(tokens) == 1)
            for index in range(told.fields.count("items")):
                try:
                    found[item_video(told.fields.item("items", index))] = None
                except RecordError as exc:
                    aside.append((f"{playlist}#{index}", str(exc)))
            token = told.fields.maybe_text("nextPageToken") or ""
            if len(tokens) > _MAX_PAGES:
                raise told.fields.bad("nextPageToken", "leads on without end")
            if token in tokens[1:]:
                raise told.fields.bad("nextPageToken", "leads in a circle")
            # Now: what cannot be read must not be what is remembered.
            self.fetched.append(told.reply.fetch)
            if not token:
                break
            tokens.append(token)
        if aside and before is not None:
            # Which video the broken item is nobody knows.
            found |= dict.fromkeys(before.videos)
        known = playlist if before is None else before.title
        title = self._titles.get(playlist) or known
        return Shelf(Listed(title, tuple(found)), set_aside=tuple(aside))

    def videos(self, ids: Sequence[str]) -> Fields:
        """What the API tells of up to 50 videos; raises as `Playlists.read`."""
        part = "snippet,contentDetails,status"
        told = self._get("videos", part=part, id=",".join(ids))
        fields = _present(told)
        fields.count("items")
        self.fetched.append(told.reply.fetch)
        return fields

    def _items(self, playlist: str, token: str) -> Told:
        query = {"pageToken": token} if token else {}
        return self._get(
            "playlistItems",
            part="snippet,contentDetails,status",
            maxResults=PAGE,
            playlistId=playlist,
            **query,
        )

    def _get(self, name: str, **query: str | int) -> Told:
        told = self._site.get(f"{self._url}/{name}?{urlencode(query, safe=',')}")
        reply = told.reply
        is_missing = name == "playlistItems" and (
            reply.is_missing or reply.error_type in _ABOUT_A_PLAYLIST
        )
        if told.fields is None and not is_missing:
            # Not remembered: it would count against a playlist that is still there.
            why = f"{reply.status} {reply.problem}"
            reason = f" ({reply.error_type})" if reply.error_type else ""
            raise SourceError(
                self._source,
                f"{reply.url}: {why}{reason}; see the key that "
                f"sources.{self._source}.api_key_env names, and its quota",
            )
        return told


class FeedPlaylists:
    """Reads the newest videos of playlists.

    Args:
        source: Its name in the config.
        url: Of the site, without a trailing slash.
        fresh: Ask for everything whole.
    """

    def __init__(
        self, source: str, url: str, reader: Reader, *, fresh: bool = False
    ) -> None:
        self._source = source
        self._url = url
        self._reader = reader
        self._fresh = fresh
        self.fetched: list[Fetch] = []
        self.asked: set[str] = set()

    def read(self, playlist: str, before: Listed | None) -> Shelf:
        query = urlencode({"playlist_id": playlist})
        url = f"{self._url}/feeds/videos.xml?{query}"
        self.asked.add(url)
        try:
            reply = self._reader.get(
                url, accept=_FEED_TYPES, keep_body=True, fresh=self._fresh
            )
        except DisallowedError as exc:
            raise SourceError(
                self._source,
                f"{exc}; set sources.{self._source}.api_key_env and read the Data API, "
                f"or sources.{self._source}.respect_robots to false",
            ) from exc
        if not (reply.is_whole or reply.is_unchanged):
            self.fetched.append(reply.fetch)
            return _unread(reply, before, first=True)
        feed = read_feed(reply.body, url)
        self.fetched.append(reply.fetch)
        ids = dict.fromkeys(video.id for video in feed.videos)
        # Those that are older than the feed are still in the playlist.
        ids |= dict.fromkeys(() if before is None else before.videos)
        return Shelf(Listed(feed.title or playlist, tuple(ids)), videos=feed.videos)


def _unread(reply: Reply, before: Listed | None, *, first: bool) -> Shelf:
    problem = f"{reply.status} {reply.problem}"
    if first and reply.is_gone:
        return Shelf(None, f"is gone: {problem}", gone=True)
    return Shelf(before, f"{problem}; its videos stay until that is certain")


def _present(told: Told) -> Fields:
    if told.fields is None:  # `_get` has raised then
        raise ValueError(f"{told.reply.url}: without an answer")
    return told.fields
