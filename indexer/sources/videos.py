"""The videos of YouTube playlists, with their chapters and transcripts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from indexer.http import Transport
from indexer.playlists import VideoFacts, pages, video_facts
from indexer.reader import Reader
from indexer.site_json import SiteJson, not_asked
from indexer.source import Batch
from indexer.sources.failures import WHOLE_FORUM
from indexer.sources.playlist_memory import Memory
from indexer.sources.playlist_reading import (
    PAGE,
    ApiPlaylists,
    FeedPlaylists,
    Playlists,
    Shelf,
)
from indexer.sources.video_documents import Membership, VideoMaker, VideosSettings
from kb.errors import (
    ForumProtocolError,
    ForumUnavailableError,
    KBError,
    RecordError,
)
from kb.store import Fetch, Holdings, SourceState
from kb.types import Clock

__all__ = ["VideosSettings", "VideosSource"]


class VideosSource:
    """Reads playlists, each video as one document, however many list it.

    With the API a video leaves at once when it is private or deleted, or in no
    playlist any more. Feeds tell of the newest only; the others stay as they are.

    Args:
        name: In the config.
        site: Of YouTube, where people watch.
        api: Of its Data API, with the key among its headers; ``None`` without one.
    """

    is_exhaustive = False

    def __init__(
        self,
        name: str,
        site: Transport,
        api: Transport | None,
        settings: VideosSettings,
        *,
        clock: Clock,
    ) -> None:
        self._name = name
        self._site = site
        self._api = api
        self._settings = settings
        self._clock = clock

    @property
    def name(self) -> str:
        return self._name

    @property
    def requests(self) -> int:
        return self._site.requests + (self._api.requests if self._api else 0)

    def walk(
        self,
        state: SourceState,
        known: Holdings,
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `indexer.source.Source.walk`; the cursor is a `Memory`.

        Raises:
            SourceError: The key is refused, or its quota is used up; robots.txt
                forbids the feeds; the folder of transcripts cannot be listed.
        """
        maker = VideoMaker(self._name, self._site.base_url, self._settings, known, full)
        before = Memory.of_cursor(state.cursor)
        walk = _Walk(self._settings, known, maker, before, self._clock())
        if self._api is None:
            reader = Reader(self._site, known.fetch, clock=self._clock)
            feeds = FeedPlaylists(self._name, self._site.base_url, reader, fresh=full)
            yield from walk.by_feeds(feeds)
        else:
            reader = Reader(self._api, known.fetch, clock=self._clock)
            site = SiteJson(reader, fresh=full)
            yield from walk.by_api(ApiPlaylists(self._name, self._api.base_url, site))


class _Walk:
    """One walk: first all playlists, then their videos, at last what left."""

    def __init__(
        self,
        settings: VideosSettings,
        known: Holdings,
        maker: VideoMaker,
        before: Memory,
        now: datetime,
    ) -> None:
        self._now = now
        self._settings = settings
        self._known = known
        self._maker = maker
        self._before = before
        self._shelves: dict[str, Shelf] = {}
        self._aside: list[tuple[str, str]] = []

    def by_api(self, api: ApiPlaylists) -> Iterator[Batch]:
        api.read_titles([name for name, _ in self._settings.playlists])
        self._read_all(api)
        members = self._members()
        yield Batch(fetched=_taken(api.fetched), phase="playlists")
        absent: set[str] = set()
        for some in pages(list(members), PAGE):
            batch, missing = self._told_by_api(api, some, members)
            absent |= missing
            yield batch
        stored = set(self._known)
        unsure = any(
            shelf.listed is None and not shelf.gone for shelf in self._shelves.values()
        )
        left = absent if unsure else absent | (stored - set(members))
        yield self._last(api, left & stored, {})

    def _told_by_api(
        self,
        api: ApiPlaylists,
        some: list[str],
        members: Mapping[str, Membership],
    ) -> tuple[Batch, set[str]]:
        """What the API tells of these videos, and those it tells nothing of."""
        told = api.videos(some)
        facts: dict[str, VideoFacts] = {}
        aside: list[tuple[str, str]] = []
        for index in range(told.count("items")):
            key = f"videos#{index}"
            try:
                item = told.item("items", index)
                key = item.text("id")
                if key in members:
                    facts[key] = video_facts(item)
            except RecordError as exc:
                aside.append((key, str(exc)))
        broken = {key for key, _ in aside}
        shown = [each for each in facts.values() if not each.refused]
        made = self._maker.batch(shown, members)
        batch = replace(
            made,
            verified=tuple(each.id for each in shown),
            verified_at=self._now,
            skipped=tuple((f.id, f.refused) for f in facts.values() if f.refused),
            set_aside=(*made.set_aside, *aside),
            fetched=_taken(api.fetched),
            phase="videos",
        )
        # One that has not even an id may be any of them.
        unknown = any("#" in key for key in broken)
        missing = set() if unknown else set(some) - facts.keys() - broken
        return batch, missing

    def by_feeds(self, feeds: FeedPlaylists) -> Iterator[Batch]:
        self._read_all(feeds)
        members = self._members()
        told = {
            video.id: video
            for shelf in self._shelves.values()
            for video in shelf.videos
        }
        facts = {
            name: each
            for name, each in {**self._before.videos, **told}.items()
            if name in members
        }
        yield Batch(fetched=_taken(feeds.fetched), phase="playlists")
        for some in pages(list(facts), PAGE):
            videos = [facts[name] for name in some]
            yield replace(
                self._maker.batch(videos, members),
                verified=tuple(name for name in some if name in told),
                verified_at=self._now,
                phase="videos",
            )
        yield self._untold(set(members) - set(facts))
        dropped = {
            video
            for name, listed in self._before.lists.items()
            if name not in self._shelves or self._shelves[name].gone
            for video in listed.videos
        }
        stored = set(self._known)
        yield self._last(feeds, (dropped - set(members)) & stored, facts)

    def _untold(self, members: Collection[str]) -> Batch:
        """Videos that the API told of when there was a key: they stay as they are,
        and only who may read them follows the config."""
        visibility = self._settings.visibility
        others = [
            filed.key for filed in self._known.filed() if filed.visibility != visibility
        ]
        found = [self._known.document(key) for key in others if key in members]
        changed = [replace(each, visibility=visibility) for each in found if each]
        unchanged = set(members) - {each.key for each in changed}
        return Batch(documents=tuple(changed), unchanged=tuple(sorted(unchanged)))

    def _read_all(self, playlists: Playlists) -> None:
        """Ask for every playlist; one that fails is what it was before.

        Raises:
            KBError: All of them fail.
        """
        failures: list[KBError] = []
        for name, _ in self._settings.playlists:
            before = self._before.lists.get(name)
            try:
                shelf = playlists.read(name, before)
            except WHOLE_FORUM:
                raise
            except (ForumUnavailableError, ForumProtocolError, RecordError) as exc:
                failures.append(exc)
                shelf = Shelf(before, str(exc))
            self._shelves[name] = shelf
            self._aside += shelf.set_aside
            if shelf.problem:
                self._aside.append((f"playlist {name}", shelf.problem))
        if failures and len(failures) == len(self._shelves):
            raise failures[-1]

    def _members(self) -> dict[str, Membership]:
        """All videos that are in a playlist, in the order of the config."""
        found: dict[str, Membership] = {}
        for name, language in self._settings.playlists:
            listed = self._shelves[name].listed
            for video in listed.videos if listed else ():
                before = found.get(video, Membership((), None))
                titles = dict.fromkeys([*before.titles, listed.title if listed else ""])
                found[video] = Membership(tuple(titles), before.language or language)
        return found

    def _last(
        self, playlists: Playlists, left: set[str], videos: Mapping[str, VideoFacts]
    ) -> Batch:
        lists = {
            name: shelf.listed
            for name, shelf in self._shelves.items()
            if shelf.listed is not None
        }
        return Batch(
            gone=tuple(sorted(left)),
            set_aside=tuple(self._aside),
            forgotten=tuple(not_asked(self._known, playlists.asked)),
            cursor=Memory(lists, videos).cursor(),
            phase="departures",
        )


def _taken(fetched: list[Fetch]) -> tuple[Fetch, ...]:
    taken = tuple(fetched)
    fetched.clear()
    return taken
