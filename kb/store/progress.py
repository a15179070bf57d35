"""How far each source was read, and which records were set aside and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.rows import clean, to_moment, to_text


@dataclass(frozen=True, slots=True)
class SourceState:
    """Where a source stands.

    Attributes:
        cursor: The source's own opaque JSON; ``None`` before the first batch.
        walk: Number of the latest walk; `complete_walk` equals it once it ended.
    """

    name: str
    cursor: str | None
    walk: int
    complete_walk: int
    started_at: datetime | None
    finished_at: datetime | None
    last_error: str | None

    @property
    def is_complete(self) -> bool:
        """The latest walk reached its end."""
        return self.walk > 0 and self.walk == self.complete_walk


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that could not be read; it is tried again later."""

    source: str
    key: str
    reason: str
    times: int
    first_at: datetime
    last_at: datetime


class Progress:
    """Reads and writes progress; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def source(self, name: str) -> SourceState:
        """The state of a source; one that was never read has walk 0."""
        row = self._conn.execute(
            "SELECT name, cursor, walk, complete_walk, started_at, finished_at, "
            "last_error FROM sources WHERE name = ?",
            [name],
        ).fetchone()
        if row is None:
            return SourceState(name, None, 0, 0, None, None, None)
        return _source_state(row)

    def sources(self) -> list[SourceState]:
        """All sources that were ever read, by name."""
        rows = self._conn.execute(
            "SELECT name, cursor, walk, complete_walk, started_at, finished_at, "
            "last_error FROM sources ORDER BY name"
        )
        return [_source_state(row) for row in rows]

    def begin(self, name: str, *, at: datetime) -> SourceState:
        """Start a walk, or go on with the one that was interrupted."""
        state = self.source(name)
        if state.walk == state.complete_walk:
            self._conn.execute(
                "INSERT INTO sources (name, walk, started_at) VALUES (?, 1, ?) "
                "ON CONFLICT (name) DO UPDATE SET walk = walk + 1, started_at = ?",
                [name, to_text(at), to_text(at)],
            )
        return self.source(name)

    def advance(self, name: str, cursor: str | None) -> None:
        """Keep where the source goes on, together with what was read up to there."""
        self._conn.execute(
            "UPDATE sources SET cursor = ? WHERE name = ?", [cursor, name]
        )

    def finish(self, name: str, *, at: datetime) -> None:
        """The walk reached its end."""
        self._conn.execute(
            "UPDATE sources SET complete_walk = walk, finished_at = ?, "
            "last_error = NULL WHERE name = ?",
            [to_text(at), name],
        )

    def fail(self, name: str, error: str) -> None:
        """The walk stopped early; the next one goes on from the cursor."""
        self._conn.execute(
            "UPDATE sources SET last_error = ? WHERE name = ?", [clean(error), name]
        )

    def set_aside(self, source: str, key: str, reason: str, *, at: datetime) -> None:
        """Note a record that could not be read."""
        self._conn.execute(
            "INSERT INTO set_aside VALUES (?, ?, ?, 1, ?, ?) "
            "ON CONFLICT (source, key) DO UPDATE SET "
            "reason = excluded.reason, times = times + 1, last_at = excluded.last_at",
            [source, key, clean(reason), to_text(at), to_text(at)],
        )

    def take_back(self, source: str, key: str) -> None:
        """The record was read after all, or has left its source."""
        self._conn.execute(
            "DELETE FROM set_aside WHERE source = ? AND key = ?", [source, key]
        )

    def times(self, source: str, key: str) -> int:
        """How often a record was set aside and not taken back."""
        row = self._conn.execute(
            "SELECT times FROM set_aside WHERE source = ? AND key = ?", [source, key]
        ).fetchone()
        return 0 if row is None else int(row[0])

    def all_set_aside(self, source: str | None = None) -> list[SetAside]:
        """What could not be read, by source and key."""
        rows = self._conn.execute(
            "SELECT source, key, reason, times, first_at, last_at FROM set_aside "
            "WHERE ? IS NULL OR source = ? ORDER BY source, key",
            [source, source],
        )
        return [
            SetAside(
                source=row[0],
                key=row[1],
                reason=row[2],
                times=row[3],
                first_at=datetime.fromisoformat(row[4]),
                last_at=datetime.fromisoformat(row[5]),
            )
            for row in rows
        ]


def _source_state(row: tuple[Any, ...]) -> SourceState:
    return SourceState(
        name=row[0],
        cursor=row[1],
        walk=row[2],
        complete_walk=row[3],
        started_at=to_moment(row[4]),
        finished_at=to_moment(row[5]),
        last_error=row[6],
    )
