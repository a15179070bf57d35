"""The facts of all that is searched, as columns: what an index in memory is made of.

Read whole, whenever the store went on: of 11,000 documents with 86,000 passages in a
fifth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from kb.store.rows import seen_by, to_kind, to_moment, to_tags
from kb.tongues import primary
from kb.types import DocumentId, Kind, PassageId

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """What is known of a document that somebody may be led to.

    Attributes:
        language: Without its region; empty where nobody knows it.
        versions: Of its page, when that comes in several; else its own.
        changed: When it was last changed, in seconds since 1970; NaN for nobody knows.
        likes: Of all its posts together.
        outdated: See `kb.types.DocumentSummary`; so *work*.
    """

    id: DocumentId
    kind: Kind
    source: str
    visibility: str
    language: str
    category: str | None
    tags: tuple[str, ...]
    versions: tuple[str, ...]
    changed: float
    parts_count: int
    likes: int
    solved: bool
    outdated: bool
    work: str


class Columns:
    """Reads only."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def documents(self) -> list[DocumentRow]:
        """All that are listed, the searched ones of several versions, by id."""
        rows = self._conn.execute(
            "SELECT id, kind, source, visibility, language, category, tags,"
            " CASE page WHEN '' THEN CASE WHEN version IS NULL THEN '[]'"
            " ELSE json_array(version) END ELSE (SELECT"
            " json_group_array(o.version) FROM documents o"
            " WHERE o.source = d.source AND o.page = d.page AND o.listed"
            " AND o.visibility = d.visibility AND o.version IS NOT NULL) END,"
            " coalesce(updated_at, created_at),"
            " CASE kind WHEN 'thread' THEN parts_count ELSE 1 END,"
            # A forum counts the likes of a topic itself; other sources only by post.
            " max(likes, coalesce((SELECT sum(p.likes)"
            " FROM parts p INDEXED BY parts_order WHERE p.document_id = d.id), 0)),"
            " solved, outdated, work FROM documents d WHERE listed AND current"
            " ORDER BY id"
        )
        return [
            DocumentRow(
                id=DocumentId(row[0]),
                kind=to_kind(row[1]),
                source=row[2],
                visibility=row[3],
                language=primary(row[4]),
                category=row[5],
                tags=to_tags(row[6]),
                versions=to_tags(row[7]),
                changed=_seconds(to_moment(row[8])),
                parts_count=row[9],
                likes=row[10],
                solved=bool(row[11]),
                outdated=bool(row[12]),
                work=row[13],
            )
            for row in rows
        ]

    def passages(self, *, after_id: int = 0) -> tuple[Int64, Int64]:
        """Passages by id, and the document of each; those of versions that are not
        searched as well.

        Args:
            after_id: Only those with a higher id.
        """
        rows = self._conn.execute(
            "SELECT id, document_id FROM passages WHERE id > ? ORDER BY id", [after_id]
        )
        table = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, 2)
        return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])

    def counts(
        self, visible_to: frozenset[str] | None
    ) -> tuple[dict[Kind, int], dict[str, int], int, datetime | None]:
        """Documents by kind and by language, passages, and when something was last
        changed: of what is searched and a reader may see."""
        condition, values = seen_by(visible_to)
        shown = f"FROM documents d WHERE d.listed AND d.current AND {condition}"
        kinds = self._conn.execute(
            f"SELECT kind, count(*) {shown} GROUP BY kind",
            values,
        )
        by_kind = {to_kind(kind): count for kind, count in kinds}
        spoken = self._conn.execute(
            f"SELECT language, count(*) {shown} GROUP BY language",
            values,
        )
        by_language: dict[str, int] = {}
        for language, count in spoken:
            if known := primary(language):
                by_language[known] = by_language.get(known, 0) + count
        passages = self._conn.execute(
            "SELECT count(*) FROM passages p CROSS JOIN documents d"  # noqa: S608
            f" ON d.id = p.document_id WHERE d.listed AND d.current AND {condition}",
            values,
        ).fetchone()
        newest = self._conn.execute(
            f"SELECT max(coalesce(d.updated_at, d.created_at)) {shown}",
            values,
        ).fetchone()
        return (
            {kind: by_kind[kind] for kind in Kind if kind in by_kind},
            dict(sorted(by_language.items(), key=lambda item: (-item[1], item[0]))),
            int(passages[0]),
            to_moment(newest[0]),
        )

    def openings(self, ids: Sequence[DocumentId]) -> dict[DocumentId, PassageId]:
        """The first passage of each of some documents; those without are absent."""
        found: dict[DocumentId, PassageId] = {}
        for document_id in ids:
            row = self._conn.execute(
                "SELECT id FROM passages WHERE document_id = ?"
                " ORDER BY ordinal, id LIMIT 1",
                [document_id],
            ).fetchone()
            if row is not None:
                found[document_id] = PassageId(row[0])
        return found


def _seconds(moment: datetime | None) -> float:
    return float("nan") if moment is None else moment.timestamp()
