"""Pages and their translations."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlite_utils import Database

from kb.store.rows import batches, placeholders
from kb.types import DocumentId


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
