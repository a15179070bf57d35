"""Pages and their translations."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from sqlite_utils import Database

from kb.store.rows import batches, placeholders, primary_of
from kb.types import PUBLIC, DocumentId, content_hash

_A, _B = primary_of("a"), primary_of("b")
# What everybody may read, and is searched: old versions say the same once more.
_PUBLIC = "{0}.current AND {0}.listed AND {0}.visibility = ?"
_PAIRS = (
    "FROM documents a INDEXED BY documents_work CROSS JOIN documents b"
    " INDEXED BY documents_work ON b.source = a.source AND b.work = a.work"
    f" AND b.work != '' AND b.id != a.id AND {_PUBLIC.format('b')}"
    f" WHERE a.work != '' AND {_PUBLIC.format('a')}"
)


class Works:
    """Reads which documents say the same in other languages."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def of(
        self, ids: Collection[DocumentId]
    ) -> Mapping[DocumentId, tuple[tuple[DocumentId, str | None], ...]]:
        """The translations of documents, themselves included: ``(id, language)`` by id.

        Only those that one can be led to (searched, listed, not dead) and that the same
        people may read. What no rule gives a language has none and is left out.
        """
        found: defaultdict[DocumentId, list[tuple[DocumentId, str | None]]]
        found = defaultdict(list)
        for some in batches(sorted(ids)):
            rows = self._conn.execute(
                "SELECT d.id, o.id, o.language FROM documents d CROSS JOIN documents o"  # noqa: S608
                " INDEXED BY documents_work ON o.source = d.source AND o.work = d.work"
                f" WHERE d.id IN ({placeholders(some)}) AND o.work != ''"
                " AND o.visibility = d.visibility AND (o.id = d.id OR"
                " o.listed AND o.current AND NOT EXISTS (SELECT 1 FROM targets t"
                " WHERE t.document_id = o.id AND t.url = o.url"
                " AND t.dead_at IS NOT NULL"
                " AND coalesce(o.verified_at, '') <= t.checked_at))"
                " ORDER BY d.id, o.id",
                some,
            )
            for number, other, language in rows:
                found[DocumentId(number)].append((DocumentId(other), language))
        return {number: tuple(others) for number, others in found.items()}

    def languages(self) -> dict[tuple[str, str], int]:
        """How many pages are in both of two languages, by these, a before b."""
        rows = self._conn.execute(
            f"SELECT {_A} AS x, {_B} AS y, count(DISTINCT a.source || a.work)"
            f" {_PAIRS} AND x < y GROUP BY x, y ORDER BY x, y",
            [PUBLIC, PUBLIC],
        )
        return {(a, b): works for a, b, works in rows}

    def translated(self, a: str, b: str) -> Iterator[tuple[DocumentId, DocumentId]]:
        """Public pages in the language *a*, each with its translation into *b*."""
        rows = self._conn.execute(
            f"SELECT a.id, b.id {_PAIRS} AND {_A} = ? AND {_B} = ? ORDER BY a.id, b.id",
            [PUBLIC, PUBLIC, a, b],
        )
        for one, other in rows.fetchall():
            yield DocumentId(one), DocumentId(other)

    def mark(self) -> str:
        """Changes whenever anything that `translated` pages say does."""
        rows = self._conn.execute(
            "SELECT a.source, a.work, a.language, a.content_hash, a.chunker"  # noqa: S608
            " FROM documents a INDEXED BY documents_work"
            f" WHERE a.work != '' AND {_PUBLIC.format('a')}"
            " ORDER BY a.source, a.work, a.id",
            [PUBLIC],
        )
        return content_hash(*(value for row in rows for value in row))
