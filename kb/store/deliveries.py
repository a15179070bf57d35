"""Webhook deliveries that were taken, so that a repeated one is known as such."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from kb.store.rows import to_text


class Deliveries:
    """Remembers deliveries; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def take(self, source: str, mark: bytes, *, at: datetime) -> bool:
        """Remember a delivery by what tells it from others; False when it was taken
        before."""
        cursor = self._conn.execute(
            "INSERT INTO deliveries VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [source, mark, to_text(at)],
        )
        return cursor.rowcount == 1

    def forget(self, before: datetime) -> int:
        """Forget what came earlier than a time; gives how many."""
        cursor = self._conn.execute(
            "DELETE FROM deliveries WHERE at < ?", [to_text(before)]
        )
        return cursor.rowcount
