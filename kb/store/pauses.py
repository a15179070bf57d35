"""Whether the bot may post at all: a row here stops it, whoever wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlite_utils import Database

from kb.store.rows import clean, to_text

PauseOrigin = Literal["operator", "staff", "precision"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing is posted."""

    reason: str
    origin: PauseOrigin
    at: datetime


class Pauses:
    """Reads and writes pauses; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def get(self, forum: str) -> Pause | None:
        """The pause of a forum's bot; ``None`` while it may post."""
        row = self._conn.execute(
            "SELECT reason, origin, at FROM pauses WHERE forum = ?", [forum]
        ).fetchone()
        if row is None:
            return None
        return Pause(row[0], row[1], datetime.fromisoformat(row[2]))

    def start(
        self, forum: str, reason: str, origin: PauseOrigin, *, at: datetime
    ) -> bool:
        """Post nothing from now on; False if there was a pause, which stays."""
        cursor = self._conn.execute(
            "INSERT INTO pauses VALUES (?, ?, ?, ?) ON CONFLICT (forum) DO NOTHING",
            [forum, clean(reason), origin, to_text(at)],
        )
        return cursor.rowcount == 1

    def end(self, forum: str, *, at: datetime) -> bool:
        """Post again; False if there was no pause."""
        cursor = self._conn.execute("DELETE FROM pauses WHERE forum = ?", [forum])
        if cursor.rowcount != 1:
            return False
        self._conn.execute(
            "INSERT INTO meta VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [_resumed(forum), to_text(at)],
        )
        return True

    def ended_at(self, forum: str) -> datetime | None:
        """When the last pause ended: what was said before it counts no more."""
        row = self._conn.execute(
            "SELECT value FROM meta WHERE key = ?", [_resumed(forum)]
        ).fetchone()
        return None if row is None else datetime.fromisoformat(row[0])

    def ordered_at(self, forum: str) -> datetime | None:
        """When the newest order of staff, to pause or to go on, was written."""
        row = self._conn.execute(
            "SELECT value FROM meta WHERE key = ?", [_ordered(forum)]
        ).fetchone()
        return None if row is None else datetime.fromisoformat(row[0])

    def set_ordered(self, forum: str, at: datetime) -> None:
        """An order that was written at a time holds: older ones are void."""
        self._conn.execute(
            "INSERT INTO meta VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [_ordered(forum), to_text(at)],
        )


def _ordered(forum: str) -> str:
    return f"ordered:{forum}"


def _resumed(forum: str) -> str:
    return f"resumed:{forum}"
