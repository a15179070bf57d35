"""The facts of all that is searched, as columns: what an index in memory is made of.

Read whole, whenever the store went on: of 11,000 documents with 86,000 passages in a
fifth of a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from kb.store.documents import dead_in
from kb.store.rows import seen_by, to_kind, to_moment, to_tags
from kb.tongues import primary
from kb.types import DocumentId, Kind, PassageId

Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DocumentRow:
    """What is known of a document that somebody may be led to.

    Attributes:
        language: Without its region; empty where nobody knows it.
        versions: Of its page, when that comes in several; else its own.
        changed: When it was last changed, in seconds since 1970; NaN for nobody knows.
        expires: From then on nobody is led to it, likewise; NaN for never.
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
    expires: float
    parts_count: int
    likes: int
    solved: bool
    outdated: bool
    work: str

    @cached_property
    def values(self) -> tuple[tuple[str, str], ...]:
        """What it has of each facet, see `kb.instant.records.FACETS`."""
        return tuple(self._values())

    def _values(self) -> Iterator[tuple[str, str]]:
        yield "kind", self.kind.value
        if self.language:
            yield "lang", self.language
        if self.category:
            yield "category", self.category
        for tag in self.tags:
            yield "tag", tag
        for version in self.versions:
            yield "version", version
        if self.kind is Kind.THREAD:
            yield "solved", "yes" if self.solved else "no"


@dataclass(frozen=True, slots=True)
class DocumentRows:
    """All documents by id, beside what they were made of.

    Attributes:
        read: As the store has each.
    """

    rows: tuple[DocumentRow, ...] = ()
    read: tuple[tuple[Any, ...], ...] = ()


NO_ROWS = DocumentRows()


class Columns:
    """Reads only."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def documents(self, before: DocumentRows = NO_ROWS) -> DocumentRows:
        """All that are listed and not dead, the searched ones of several versions, by
        id.

        Args:
            before: What was read earlier: rows that did not change are those.
        """
        # A forum counts the likes of a topic itself; other sources only by post.
        likes = dict(
            self._conn.execute(
                "SELECT document_id, sum(likes) FROM parts INDEXED BY parts_order"
                " GROUP BY document_id HAVING sum(likes) > 0"
            ).fetchall()
        )
        found = self._conn.execute(
            "SELECT id, kind, source, visibility, language, category, tags,"  # noqa: S608
            " CASE page WHEN '' THEN CASE WHEN version IS NULL THEN '[]'"
            " ELSE json_array(version) END ELSE (SELECT"
            " json_group_array(o.version) FROM documents o"
            " WHERE o.source = d.source AND o.page = d.page AND o.listed"
            " AND o.visibility = d.visibility AND o.version IS NOT NULL) END,"
            " coalesce(updated_at, created_at),"
            " CASE kind WHEN 'thread' THEN parts_count ELSE 1 END, likes,"
            " solved, outdated, work, expires_at FROM documents d"
            f" WHERE listed AND current AND NOT {dead_in('d')} ORDER BY id"
        )
        read = tuple((*row, likes.get(row[0], 0)) for row in found)
        known = dict(zip((r.id for r in before.rows), before.read, strict=True))
        rows = {row.id: row for row in before.rows}
        return DocumentRows(
            tuple(
                rows[each[0]] if known.get(each[0]) == each else _document(each)
                for each in read
            ),
            read,
        )

    def passages(self) -> tuple[Int64, Int64]:
        """Passages by id, and the document of each; those of versions that are not
        searched as well."""
        rows = self._conn.execute("SELECT id, document_id FROM passages ORDER BY id")
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


def _document(read: Sequence[Any]) -> DocumentRow:
    return DocumentRow(
        id=DocumentId(read[0]),
        kind=to_kind(read[1]),
        source=read[2],
        visibility=read[3],
        language=primary(read[4]),
        category=read[5],
        tags=to_tags(read[6]),
        versions=to_tags(read[7]),
        changed=_seconds(to_moment(read[8])),
        parts_count=read[9],
        expires=_seconds(to_moment(read[14])),
        likes=max(read[10], read[15]),
        solved=bool(read[11]),
        outdated=bool(read[12]),
        work=read[13],
    )


def _seconds(moment: datetime | None) -> float:
    return float("nan") if moment is None else moment.timestamp()
