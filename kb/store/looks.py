"""Documents that must be read soon, and why: hints that are not yet followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlite_utils import Database

from kb.store.rows import batches, clean, placeholders, to_text

# No document's key: the source's categories themselves must be read again.
CATEGORIES = "categories"


class Look(NamedTuple):
    """A hint that a document changed.

    Attributes:
        key: Of the document within its source, or `CATEGORIES`.
        reason: What the latest hint said.
        at: When the first one came that is not yet followed.
    """

    key: str
    reason: str
    at: datetime


class Looks:
    """Reads and writes hints; writes belong inside ``Store.transaction``.

    They are a set: however often a document is hinted at, it is read once.
    """

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def add(self, source: str, keys: Iterable[str], reason: str, at: datetime) -> None:
        """Note that these documents must be read.

        A key that is noted already keeps its place in the line and takes the new
        reason.
        """
        noted = to_text(at)
        self._conn.executemany(
            "INSERT INTO looks (source, key, reason, at, last_at) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (source, key) DO UPDATE SET "
            "reason = excluded.reason, at = min(at, excluded.at), "
            "last_at = max(last_at, excluded.last_at)",
            [(source, key, clean(reason), noted, noted) for key in keys],
        )

    def keys(self, source: str, limit: int | None = None) -> list[Look]:
        """What must be read, oldest first, all of it without *limit*."""
        rows = self._conn.execute(
            "SELECT key, reason, at FROM looks WHERE source = ? "
            "ORDER BY at, key LIMIT ?",
            [source, -1 if limit is None else limit],
        )
        return [Look(row[0], row[1], datetime.fromisoformat(row[2])) for row in rows]

    def has(self, source: str, key: str) -> bool:
        """Whether a document waits to be read."""
        row = self._conn.execute(
            "SELECT 1 FROM looks WHERE source = ? AND key = ?", [source, key]
        ).fetchone()
        return row is not None

    def done(self, source: str, keys: Sequence[str], *, before: datetime) -> None:
        """These documents were read, from the moment *before* on.

        A hint that came later than that may speak of what was not there to be read:
        it stays, at the place that it has by itself.
        """
        moment = to_text(before)
        for some in batches(keys):
            those = f"source = ? AND key IN ({placeholders(some)})"
            self._conn.execute(
                f"DELETE FROM looks WHERE {those} AND last_at <= ?",  # noqa: S608
                [source, *some, moment],
            )
            self._conn.execute(
                "UPDATE looks SET at = last_at "  # noqa: S608
                f"WHERE {those} AND at <= ?",
                [source, *some, moment],
            )

    def count(self, source: str) -> int:
        """How many documents of *source* wait to be read."""
        row = self._conn.execute(
            "SELECT count(*) FROM looks WHERE source = ?", [source]
        ).fetchone()
        return int(row[0])
