"""An academy and a channel on a real socket, and a knowledge base that reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.sandbox import Sandbox
from bot.sandbox.library import Course, Playlist, Video
from indexer.channel import ChannelOptions
from indexer.chunk import chunk_document
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.robots import Robots
from indexer.source import Source
from indexer.sources.courses import CoursesSettings, CoursesSource
from indexer.sources.videos import VideosSettings, VideosSource
from kb.store import Store
from kb.types import Document, Passage, PassageDraft
from tests.indexer.forum_world import Hands
from tests.indexer.samples import CHUNKER

STARTS = datetime(2026, 2, 3, 8, 0, tzinfo=UTC)
KEY = "key-of-nobody"


def course(number: int, **changes: Any) -> Course:
    """Its two units have a text and a video."""
    fields: dict[str, Any] = {
        "id": f"course-v1:Org+C{number}+2026",
        "name": f"Course {number}",
        "short_description": "What & why.",
        "language": "en",
        "level": "introductory",
        "effort": "2 hours",
        "start": STARTS,
        "enrollment_start": None,
        "pacing": "self",
        "outline": (("Maps", ("Layers", "Legends")),),
        "texts": {"Layers": "<p>Add a thematic layer.</p>"},
    }
    return Course(**(fields | changes))


def video(number: int, **changes: Any) -> Video:
    fields: dict[str, Any] = {
        "id": f"vid{number:02}",
        "title": f"Video {number}",
        "description": "How maps work.\n0:00 Intro\n1:10 Layers\n2:05 Legends",
        "published": STARTS.replace(day=1 + number % 27),
        "duration_s": 412,
        "language": "en",
    }
    return Video(**(fields | changes))


def playlist(name: str, *videos: Video, **changes: Any) -> Playlist:
    return Playlist(name, f"List {name}", videos, **changes)


def cut(document: Document) -> tuple[PassageDraft, ...]:
    return chunk_document(document, count_tokens=lambda text: len(text.split()))


@dataclass
class Reading:
    """A source of the sandbox, and the store that follows it."""

    box: Sandbox
    store: Store
    clock: Hands
    waits: list[float] = field(default_factory=list)
    api_key: str | None = KEY
    polite: bool = False

    def courses(self, **options: Any) -> RefreshReport:
        with self._transport(self.box.academy_url) as site:
            settings = CoursesSettings(**options)
            source = CoursesSource("academy", site, settings, clock=self.clock)
            return self._refresh(source)

    def videos(
        self, *playlists: str, full: bool = False, **options: Any
    ) -> RefreshReport:
        given: Any = options.pop("playlists", tuple((name, None) for name in playlists))
        settings = VideosSettings(playlists=given, **options)
        headers = {"X-Goog-Api-Key": self.api_key} if self.api_key else {}
        url = self.box.videos_url
        with self._transport(url) as site, self._transport(url, headers) as api:
            source = VideosSource(
                "films",
                site,
                api if self.api_key else None,
                settings,
                clock=self.clock,
            )
            return self._refresh(source, full=full)

    def _transport(self, url: str, headers: dict[str, str] | None = None) -> Transport:
        options: ChannelOptions = {
            "headers": headers or {},
            "requests_per_second": None,
            "sleep": self.waits.append,
            "max_attempts": 2,
            "now": self.clock,
        }
        if self.polite:
            options["robots"] = Robots(now=self.clock)
        return Transport(url, **options)

    def _refresh(self, source: Source, *, full: bool = False) -> RefreshReport:
        return refresh(source, self.store, cut, CHUNKER, clock=self.clock, full=full)

    # -- what is stored --------------------------------------------------------

    def keys(self, source: str) -> list[str]:
        return sorted(self.store.documents.states(source))

    def document(self, source: str, key: str) -> Document:
        state = self.store.documents.state(source, key)
        assert state is not None, key
        found = self.store.documents.load(state.id)
        assert found is not None
        return found

    def verified(self, source: str) -> dict[str, datetime | None]:
        """When each document was last seen alive."""
        return {
            key: self.document(source, key).verified_at for key in self.keys(source)
        }

    def passages(self, source: str, key: str) -> list[Passage]:
        state = self.store.documents.state(source, key)
        assert state is not None, key
        return list(self.store.passages.of_document(state.id))

    def links(self, source: str, key: str) -> list[tuple[str, str, str]]:
        """``(anchor, heading, text)`` of its passages."""
        found = self.passages(source, key)
        return [(each.anchor, each.heading, each.text) for each in found]

    def aside(self, source: str) -> dict[str, str]:
        return {i.key: i.reason for i in self.store.progress.all_set_aside(source)}

    def asked(self, act: Callable[[], object]) -> list[tuple[str, bool]]:
        """``(address, whether conditional)`` of the requests that *act* makes."""
        before = len(self.box.recorded)
        act()
        return [
            (
                each.target,
                bool({"if-none-match", "if-modified-since"} & set(each.headers)),
            )
            for each in self.box.recorded[before:]
        ]
