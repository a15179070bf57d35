"""The versions of pages in the store; one of each is searched, see `kb.versions`."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlite_utils import Database

from kb.store.generation import next_generation
from kb.store.rows import conditions
from kb.types import DocumentId
from kb.versions import current_of, outdated_among

# Of a passage; its id is made anew, because indexes hold each id once and for all.
_COPIED = (
    "document_id, part_number, ordinal, anchor, heading, text, language, visibility,"
    " opening, content_hash, created_at"
)


class Editions:
    """Reads and writes which version is searched; writes belong inside
    ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def settle(self, source: str, preferred: str | None) -> int:
        """Choose the current version of each page of *source*.

        What becomes current gets new passage ids, and indexes take it in; what was
        current leaves them.

        Args:
            preferred: The version to search where a page has it.

        Returns:
            How many documents changed.
        """
        pages: defaultdict[str, list[tuple[DocumentId, str | None]]] = defaultdict(list)
        was: dict[DocumentId, tuple[bool, bool]] = {}
        rows = self._conn.execute(
            "SELECT id, page, version, current, outdated FROM documents"
            " INDEXED BY documents_page WHERE source = ? AND page != ''",
            [source],
        )
        for number, page, version, current, outdated in rows:
            pages[page].append((DocumentId(number), version))
            was[DocumentId(number)] = bool(current), bool(outdated)
        is_current = {current_of(some, preferred) for some in pages.values()}
        is_outdated = outdated_among(pages, preferred)
        alone = self._conn.execute(
            "SELECT id, current, outdated FROM documents INDEXED BY documents_past"
            " WHERE source = ? AND page = '' AND NOT current",
            [source],
        )
        for number, current, outdated in alone:
            was[DocumentId(number)] = bool(current), bool(outdated)
            is_current.add(DocumentId(number))
        now = {i: (i in is_current, i in is_outdated) for i in was}
        changed = [i for i in was if was[i] != now[i]]
        renewed = [i for i in changed if was[i][0] != now[i][0]]
        if renewed:
            next_generation(self._conn)
        self._conn.executemany(
            "UPDATE documents SET current = ?, outdated = ? WHERE id = ?",
            [(*now[i], i) for i in changed],
        )
        for document_id in renewed:
            self._renew_passages(document_id)
        return len(changed)

    def _renew_passages(self, document_id: DocumentId) -> None:
        old = [
            i
            for (i,) in self._conn.execute(
                "SELECT id FROM passages WHERE document_id = ?", [document_id]
            )
        ]
        self._conn.execute(
            f"INSERT INTO passages ({_COPIED}, generation) SELECT {_COPIED},"  # noqa: S608
            " (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation')"
            " FROM passages WHERE document_id = ? ORDER BY ordinal, id",
            [document_id],
        )
        self._conn.executemany("DELETE FROM passages WHERE id = ?", [(i,) for i in old])

    def searched(self, ids: Collection[DocumentId]) -> frozenset[DocumentId]:
        """Documents, but in place of versions that are not searched the ones of their
        pages that are."""
        standing = self.standing(sorted(ids))
        return frozenset(standing.get(i, i) for i in ids)

    def standing(
        self, ids: Sequence[DocumentId] | None = None
    ) -> dict[DocumentId, DocumentId]:
        """For each version that is not searched the one of its page that is.

        Args:
            ids: Only for those among these; ``None`` for all.
        """
        found: dict[DocumentId, DocumentId] = {}
        for condition, some in conditions("o.id", ids):
            rows = self._conn.execute(
                "SELECT o.id, c.id FROM documents o CROSS JOIN documents c"  # noqa: S608
                " INDEXED BY documents_page ON c.source = o.source AND c.page = o.page"
                " WHERE NOT o.current AND c.page != '' AND c.current"
                f" AND {condition}",
                some,
            )
            found |= {DocumentId(old): DocumentId(new) for old, new in rows}
        return found

    def of(self, document_id: DocumentId) -> list[tuple[DocumentId, str | None]]:
        """``(id, version)`` of all listed versions of a page, its own included, that
        the same people may read; none for what comes in one version only."""
        rows = self._conn.execute(
            "SELECT o.id, o.version FROM documents d JOIN documents o"
            " ON o.source = d.source AND o.page = d.page"
            " WHERE d.id = ? AND d.page != '' AND o.listed"
            " AND o.visibility = d.visibility ORDER BY o.id",
            [document_id],
        )
        return [(DocumentId(i), version) for i, version in rows]
