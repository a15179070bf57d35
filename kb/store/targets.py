"""Whether what may be suggested still answers under its address."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.rows import clean, to_moment, to_text
from kb.types import PUBLIC, DocumentId

# What a look found holds for the address that was looked at, until the document's own
# source sees it.
_SEEN = "coalesce(t.checked_at, d.verified_at, '')"
_TARGETS = (
    f"SELECT d.id, d.source, d.kind, d.key, d.title, d.url, {_SEEN}, t.problem,"  # noqa: S608
    " t.dead_at, d.visibility FROM documents d LEFT JOIN targets t"
    " ON t.document_id = d.id AND t.url = d.url"
    " AND t.checked_at >= coalesce(d.verified_at, '')"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A document as something to be led to.

    Attributes:
        seen_at: When it was last known to answer, or to be dead.
        problem: Why nobody is led to it; empty while nothing is known against it.
        dead_at: Since when.
        visibility: See `kb.types.Document`.
    """

    document_id: DocumentId
    source: str
    kind: str
    key: str
    title: str
    url: str
    seen_at: datetime | None
    problem: str = ""
    dead_at: datetime | None = None
    visibility: str = PUBLIC


class Targets:
    """Reads and writes them; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def get(self, document_id: DocumentId) -> Target | None:
        """What is known of a document; ``None`` when it is not stored."""
        row = self._conn.execute(
            f"{_TARGETS} WHERE d.id = ?",
            [document_id],
        ).fetchone()
        return None if row is None else _target(row)

    def find(self, source: str, key: str) -> Target | None:
        """As `get`, of the document with that *key* of its source."""
        row = self._conn.execute(
            f"{_TARGETS} WHERE d.source = ? AND d.key = ?",
            [source, key],
        ).fetchone()
        return None if row is None else _target(row)

    def oldest(
        self,
        source: str,
        *,
        before: datetime,
        dead_before: datetime | None = None,
        limit: int = 100_000,
    ) -> list[Target]:
        """Listed documents of *source* that nobody looked at since *before*, those
        never seen first.

        Args:
            dead_before: For what is dead, where it is later: one bad hour must not hide
                a page for as long as a good one vouches for it.
        """
        rows = self._conn.execute(
            f"{_TARGETS} WHERE d.source = ? AND d.listed"
            f" AND {_SEEN} < CASE WHEN t.dead_at IS NULL THEN ? ELSE ? END"
            f" ORDER BY {_SEEN}, d.id LIMIT ?",
            [source, to_text(before), to_text(dead_before or before), limit],
        )
        return [_target(row) for row in rows]

    def dead(self) -> Iterator[Target]:
        """All that nobody is led to because it does not answer, longest dead first."""
        rows = self._conn.execute(
            f"{_TARGETS} WHERE t.dead_at IS NOT NULL ORDER BY t.dead_at, d.id"
        )
        return map(_target, rows)

    def dead_by_source(self) -> dict[str, int]:
        """How many are dead, by source; those without any are not named."""
        counts: Counter[str] = Counter(target.source for target in self.dead())
        return dict(counts)

    def mark(
        self, document_id: DocumentId, url: str, *, problem: str, at: datetime
    ) -> None:
        """Note what a look at *url* found: a *problem*, or with an empty one none.

        Nothing is noted of a document that was deleted meanwhile.
        """
        self._conn.execute(
            "INSERT INTO targets (document_id, url, checked_at, problem, dead_at)"
            " SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM documents WHERE id = ?)"
            " ON CONFLICT (document_id) DO UPDATE SET"
            " url = excluded.url, checked_at = excluded.checked_at,"
            " problem = excluded.problem, dead_at = CASE excluded.problem"
            # Dead since the first look that found it so, unless it was alive meanwhile.
            " WHEN '' THEN NULL ELSE coalesce(CASE WHEN targets.url = excluded.url AND"
            " checked_at >= coalesce((SELECT verified_at FROM documents"
            " WHERE id = excluded.document_id), '') THEN dead_at END,"
            " excluded.dead_at) END",
            [
                document_id,
                clean(url),
                to_text(at),
                clean(problem),
                to_text(at) if problem else None,
                document_id,
            ],
        )


def _target(row: tuple[Any, ...]) -> Target:
    return Target(
        document_id=DocumentId(row[0]),
        source=row[1],
        kind=row[2],
        key=row[3],
        title=row[4],
        url=row[5],
        seen_at=to_moment(row[6] or None),
        problem=row[7] or "",
        dead_at=to_moment(row[8]),
        visibility=row[9],
    )
