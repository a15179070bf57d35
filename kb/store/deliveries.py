"""Webhook deliveries that were taken, so that a repeated one is known as such.

A delivery is known by a hash of its signed body: its id stands in a header, which
nobody signs.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlite_utils import Database

from kb.store.rows import to_text


class Deliveries:
    """Remembers deliveries; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def take(self, source: str, body: bytes, *, at: datetime) -> bool:
        """Remember a delivery; False when it was taken before."""
        cursor = self._conn.execute(
            "INSERT INTO deliveries VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [source, hashlib.sha256(body).digest(), to_text(at)],
        )
        return cursor.rowcount == 1

    def forget(self, before: datetime) -> int:
        """Forget what came earlier than a time; gives how many."""
        cursor = self._conn.execute(
            "DELETE FROM deliveries WHERE at < ?", [to_text(before)]
        )
        return cursor.rowcount
