"""What a walk knew of playlists, for the next: a source's cursor.

A feed names the 15 newest videos alone, and a playlist that cannot be read names none;
yet the others are still in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from indexer.fields import Fields
from indexer.playlists import VideoFacts, facts_json, facts_of_json
from kb.errors import RecordError

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """A playlist: its title, and its videos in its order."""

    title: str
    videos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """Playlists by id, and of videos that feeds told of what they told."""

    lists: Mapping[str, Listed] = field(default_factory=dict)
    videos: Mapping[str, VideoFacts] = field(default_factory=dict)

    @classmethod
    def of_cursor(cls, cursor: str | None) -> Memory:
        """What *cursor* holds; nothing where it is of another format, and then no
        video leaves for not being in it."""
        try:
            told = Fields(json.loads(cursor or "null"), "cursor")
            if told.whole("format") != _FORMAT:
                return cls()
            lists = told.inner("lists")
            videos = told.inner("videos")
            return cls(
                {name: _listed(lists.inner(name)) for name in lists.names()},
                {name: facts_of_json(name, videos) for name in videos.names()},
            )
        except (ValueError, RecursionError, RecordError):
            return cls()

    def cursor(self) -> str:
        lists = {
            name: {"title": each.title, "videos": list(each.videos)}
            for name, each in self.lists.items()
        }
        videos = {name: facts_json(facts) for name, facts in self.videos.items()}
        return json.dumps(
            {"format": _FORMAT, "lists": lists, "videos": videos},
            ensure_ascii=False,
            separators=(",", ":"),
        )


def _listed(fields: Fields) -> Listed:
    videos = fields.raw("videos")
    if not isinstance(videos, list):
        raise fields.bad("videos", "expected list")
    return Listed(fields.text("title"), tuple(map(str, videos)))
