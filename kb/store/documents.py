"""Documents and their parts; changes come as plans and are applied whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.details import details_of, details_text
from kb.store.generation import next_generation, outline
from kb.store.links import document_key, replace_links, stored_rules
from kb.store.parts import PART_COLUMNS, part_of, part_values
from kb.store.rows import (
    batches,
    clean,
    placeholders,
    to_json,
    to_kind,
    to_moment,
    to_tags,
    to_text,
)
from kb.tongues import primary
from kb.types import (
    Document,
    DocumentChange,
    DocumentId,
    DocumentSummary,
    LeftOut,
    PassageDraft,
    StoredState,
    content_hash,
    passage_input,
)


def dead_in(table: str) -> str:
    """SQL for whether the address of a document does not answer any more."""
    # Its own source may have seen it alive since, or it has moved.
    return (
        f"EXISTS (SELECT 1 FROM targets t WHERE t.document_id = {table}.id AND "  # noqa: S608
        f"t.url = {table}.url AND t.dead_at IS NOT NULL AND "
        f"coalesce({table}.verified_at, '') <= t.checked_at)"
    )


_SUMMARY = (
    "id, source, kind, key, url, title, language, visibility, category, tags, "
    "version, created_at, updated_at, solved, closed, listed, views, parts_count, "
    "page, current, outdated, details, expires_at, verified_at, work, "
    f"{dead_in('documents')}"
)
_MORE = "revision, category_id, archived, pinned, likes"


class Documents:
    """Reads and writes documents; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    # -- writing -----------------------------------------------------------

    def apply(self, change: DocumentChange, *, walk: int | None) -> DocumentId:
        """Make the store hold ``change.document``; unchanged passages keep their id.

        Args:
            change: Made by ``indexer.plan`` against the state stored now.
            walk: The walk of its source that met the document; ``None`` leaves
                it as it is, for a stored document that is only cut anew.

        Returns:
            The id of the document.
        """
        other_text = bool(change.insert or change.delete)
        before = None
        if other_text:
            # First of all: new passages and tombstones carry it.
            next_generation(self._conn)
        elif change.document_id is not None:
            before = outline(self._conn, change.document_id)
        document_id = self._write_document(change, walk)
        self._delete_passages(change.delete)
        self._conn.executemany(
            "UPDATE passages SET ordinal = ? WHERE id = ? AND ordinal != ?",
            [(ordinal, pid, ordinal) for pid, ordinal in change.keep],
        )
        self._insert_passages(document_id, change.document, change.insert)
        rules = stored_rules(self._conn)
        replace_links(self._conn, document_id, change.document, change.links, rules)
        if not other_text and outline(self._conn, document_id) != before:
            next_generation(self._conn)
        return document_id

    def touch(self, ids: Iterable[DocumentId], *, walk: int) -> None:
        """Note that *walk* met these documents unchanged."""
        self._conn.executemany(
            "UPDATE documents SET walk = ? WHERE id = ?", [(walk, i) for i in ids]
        )

    def verify(self, ids: Iterable[DocumentId], *, at: datetime) -> None:
        """Note that all of these documents was compared with their source."""
        moment = to_text(at)
        self._conn.executemany(
            "UPDATE documents SET verified_at = ? "
            "WHERE id = ? AND (verified_at IS NULL OR verified_at < ?)",
            [(moment, i, moment) for i in ids],
        )

    def count_again(self, counts: Iterable[tuple[DocumentId, int, int]]) -> None:
        """Set ``(id, views, likes)``, which change without the document changing."""
        self._conn.executemany(
            "UPDATE documents SET views = ?, likes = ? "
            "WHERE id = ? AND (views != ? OR likes != ?)",
            [(v, n, i, v, n) for i, v, n in counts],
        )

    def delete(self, ids: Sequence[DocumentId]) -> int:
        """Remove documents with parts and passages; returns how many there were."""
        if not ids:
            return 0
        next_generation(self._conn)
        removed = 0
        for some in batches(ids):
            marks = placeholders(some)
            # Passages first: a cascade would not fire their trigger for tombstones
            # unless recursive triggers were on.
            self._conn.execute(
                f"DELETE FROM passages WHERE document_id IN ({marks})",  # noqa: S608
                some,
            )
            removed += self._conn.execute(
                f"DELETE FROM documents WHERE id IN ({marks})",  # noqa: S608
                some,
            ).rowcount
        return removed

    def languages(self, visible_to: Collection[str]) -> frozenset[str]:
        """The languages, without their regions, that listed documents are in which
        a reader may see who may see *visible_to*."""
        rows = self._conn.execute(
            "SELECT DISTINCT language, visibility FROM documents"
            " WHERE listed AND current AND language IS NOT NULL"
        )
        seen = {primary(code) for code, visibility in rows if visibility in visible_to}
        return frozenset(seen - {""})

    def _write_document(self, change: DocumentChange, walk: int | None) -> DocumentId:
        document = change.document
        values: dict[str, Any] = {
            "source": document.source,
            "kind": document.kind.value,
            "key": document.key,
            "url": clean(document.url),
            "title": clean(document.title),
            "language": document.language,
            "visibility": document.visibility,
            "category": document.category,
            "tags": to_json(document.tags),
            "version": document.version,
            "created_at": to_text(document.created_at),
            "updated_at": to_text(document.updated_at),
            "solved": document.solved,
            "closed": document.closed,
            "listed": document.listed,
            "views": document.views,
            "parts_count": len(document.parts),
            "revision": document.revision,
            "content_hash": document_hash(document),
            "chunker": change.chunker,
            "category_id": document.category_id,
            "archived": document.archived,
            "pinned": document.pinned,
            "likes": document.likes,
            "link_key": document_key(document, stored_rules(self._conn)),
            "page": clean(document.page),
            "work": clean(document.work),
            "details": details_text(document.details),
            "expires_at": to_text(document.expires_at),
        }
        if walk is not None:
            values["walk"] = walk
        if document.verified_at is not None:
            values["verified_at"] = to_text(document.verified_at)
        if change.document_id is None:
            names = ", ".join(values)
            cursor = self._conn.execute(
                f"INSERT INTO documents ({names}) "  # noqa: S608
                f"VALUES ({placeholders(values)})",
                list(values.values()),
            )
            document_id = DocumentId(int(cursor.lastrowid or 0))
        else:
            document_id = change.document_id
            assignments = ", ".join(f"{name} = ?" for name in values)
            self._conn.execute(
                f"UPDATE documents SET {assignments} WHERE id = ?",  # noqa: S608
                [*values.values(), document_id],
            )
            for table in ("parts", "left_out"):
                self._conn.execute(
                    f"DELETE FROM {table} WHERE document_id = ?",  # noqa: S608
                    [document_id],
                )
        self._conn.executemany(
            f"INSERT INTO parts (document_id, {', '.join(PART_COLUMNS)})"  # noqa: S608
            f" VALUES ({placeholders(range(len(PART_COLUMNS) + 1))})",
            [(document_id, *part_values(part)) for part in document.parts],
        )
        self._conn.executemany(
            "INSERT INTO left_out (document_id, external_id, number, cause, author_id)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (
                    document_id,
                    item.external_id,
                    item.number,
                    item.cause,
                    item.author_id,
                )
                for item in document.left_out
            ],
        )
        return document_id

    def _delete_passages(self, ids: Sequence[int]) -> None:
        self._conn.executemany(
            "DELETE FROM passages WHERE id = ?", [(pid,) for pid in ids]
        )

    def _insert_passages(
        self,
        document_id: DocumentId,
        document: Document,
        drafts: Sequence[PassageDraft],
    ) -> None:
        if not drafts:
            return
        first = document.parts[0].number
        self._conn.executemany(
            "INSERT INTO passages (document_id, part_number, ordinal, anchor, heading,"
            " text, language, visibility, opening, content_hash, created_at,"
            " generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            " (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'))",
            [
                (
                    document_id,
                    draft.part_number,
                    draft.ordinal,
                    draft.anchor,
                    clean(draft.heading),
                    clean(draft.text),
                    document.language,
                    document.visibility,
                    draft.part_number == first,
                    passage_hash(document, draft),
                    to_text(draft.created_at),
                )
                for draft in drafts
            ],
        )

    # -- reading -----------------------------------------------------------

    def states(self, source: str) -> dict[str, StoredState]:
        """What a plan must know of every stored document of *source*, by key."""
        rows = self._conn.execute(
            "SELECT key, id, revision, content_hash, chunker, title FROM documents "
            "WHERE source = ?",
            [source],
        )
        return {
            key: StoredState(DocumentId(i), revision, hashed, chunker, title)
            for key, i, revision, hashed, chunker, title in rows
        }

    def state(self, source: str, key: str) -> StoredState | None:
        """The same for one document; ``None`` when it is not stored."""
        row = self._conn.execute(
            "SELECT id, revision, content_hash, chunker, title FROM documents "
            "WHERE source = ? AND key = ?",
            [source, key],
        ).fetchone()
        return None if row is None else StoredState(DocumentId(row[0]), *row[1:])

    def not_met(self, source: str, *, walk: int) -> list[tuple[DocumentId, str]]:
        """``(id, key)`` of the documents that *walk* did not meet, by id."""
        rows = self._conn.execute(
            "SELECT id, key FROM documents WHERE source = ? AND walk < ? ORDER BY id",
            [source, walk],
        )
        return [(DocumentId(i), key) for i, key in rows]

    def visibilities(self) -> frozenset[str]:
        """All that some document may be seen as, see `kb.types.Document`."""
        rows = self._conn.execute("SELECT DISTINCT visibility FROM documents")
        return frozenset(visibility for (visibility,) in rows)

    def summaries(self, ids: Sequence[DocumentId]) -> dict[DocumentId, DocumentSummary]:
        """The stored ones among *ids*, by id."""
        found: dict[DocumentId, DocumentSummary] = {}
        for some in batches(ids):
            rows = self._conn.execute(
                f"SELECT {_SUMMARY} FROM documents "  # noqa: S608
                f"WHERE id IN ({placeholders(some)})",
                some,
            )
            for row in rows:
                summary = _summary(row)
                found[summary.id] = summary
        return found

    def find(self, source: str, key: str) -> DocumentSummary | None:
        """The document that *source* knows as *key*, or ``None``."""
        row = self._conn.execute(
            f"SELECT {_SUMMARY} FROM documents "  # noqa: S608
            "WHERE source = ? AND key = ?",
            [source, key],
        ).fetchone()
        return None if row is None else _summary(row)

    def load(self, document_id: DocumentId) -> Document | None:
        """A whole document with its parts, as it was harvested, or ``None``."""
        row = self._conn.execute(
            f"SELECT {_SUMMARY}, {_MORE} FROM documents WHERE id = ?",  # noqa: S608
            [document_id],
        ).fetchone()
        if row is None:
            return None
        summary = _summary(row)
        revision, category_id, archived, pinned, likes = row[-5:]
        parts = self._conn.execute(
            f"SELECT {', '.join(PART_COLUMNS)} FROM parts"  # noqa: S608
            " WHERE document_id = ? ORDER BY number",
            [document_id],
        )
        left_out = self._conn.execute(
            "SELECT external_id, number, cause, author_id FROM left_out"
            " WHERE document_id = ? ORDER BY number, external_id",
            [document_id],
        )
        return Document(
            source=summary.source,
            kind=summary.kind,
            key=summary.key,
            url=summary.url,
            title=summary.title,
            parts=tuple(part_of(values) for values in parts),
            language=summary.language,
            visibility=summary.visibility,
            category=summary.category,
            tags=summary.tags,
            version=summary.version,
            created_at=summary.created_at,
            updated_at=summary.updated_at,
            solved=summary.solved,
            closed=summary.closed,
            listed=summary.listed,
            views=summary.views,
            revision=revision,
            category_id=category_id,
            archived=bool(archived),
            pinned=bool(pinned),
            likes=likes,
            left_out=tuple(LeftOut(*values) for values in left_out),
            verified_at=summary.verified_at,
            page=summary.page,
            details=summary.details,
            expires_at=summary.expires_at,
            work=summary.work,
        )

    def with_other_chunker(self, source: str, chunker: str) -> Iterator[DocumentId]:
        """Documents of *source* whose passages were cut by other code or settings.

        The settings of a thread include the templates of its category.
        """
        rows = self._conn.execute(
            "SELECT id FROM documents AS d LEFT JOIN template_sets AS t"
            " ON t.source = d.source AND t.category = coalesce(d.category, '')"
            " AND d.kind = 'thread'"
            " WHERE d.source = ? AND chunker != ? || coalesce(t.stamp, '')"
            " ORDER BY id",
            [source, chunker],
        ).fetchall()
        return (DocumentId(i) for (i,) in rows)

    def counts(self) -> list[dict[str, Any]]:
        """Per source and kind: documents, parts and passages, for people."""
        rows = self._conn.execute(
            "SELECT source, kind, count(*), sum(parts_count), "
            "sum((SELECT count(*) FROM passages WHERE document_id = documents.id)) "
            "FROM documents GROUP BY source, kind ORDER BY source, kind"
        )
        names = ("source", "kind", "documents", "parts", "passages")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def count_by_language(self) -> dict[str | None, int]:
        """How many documents there are in each language, most first; ``None``: in
        one that could not be told."""
        rows = self._conn.execute(
            "SELECT language, count(*) FROM documents GROUP BY language "
            "ORDER BY count(*) DESC, language"
        )
        return dict(rows.fetchall())


def document_hash(document: Document) -> str:
    """Hash of all that the store keeps of a document, apart from `views` and the
    like, which change with every visit and would make every topic look changed.
    """
    return content_hash(
        document.kind,
        document.url,
        document.title,
        document.language,
        document.visibility,
        document.category,
        document.tags,
        document.version,
        to_text(document.created_at),
        to_text(document.updated_at),
        document.solved,
        document.closed,
        document.listed,
        document.category_id,
        document.archived,
        document.pinned,
        document.parts,
        document.left_out,
        # What few documents have; the others keep the hash they had without it.
        *([more] if (more := _more(document)) else []),
        *(["work", document.work] if document.work else []),
        *(["begun by", *begun] if (begun := _begun_by(document)) else []),
    )


def _begun_by(document: Document) -> list[int]:
    return [item.author_id for item in document.left_out if item.author_id is not None]


def _more(document: Document) -> tuple[object, ...]:
    places = [(p.anchor, p.heading) for p in document.parts if p.anchor or p.heading]
    details = details_text(document.details)
    more = (document.page, details, to_text(document.expires_at), places)
    return more if any(more) else ()


def passage_hash(document: Document, draft: PassageDraft) -> str:
    """Hash of what is embedded: the key of the embedding cache."""
    return content_hash(
        passage_input(clean(document.title), clean(draft.heading), clean(draft.text))
    )


def _summary(row: Sequence[Any]) -> DocumentSummary:
    return DocumentSummary(
        id=DocumentId(row[0]),
        source=row[1],
        kind=to_kind(row[2]),
        key=row[3],
        url=row[4],
        title=row[5],
        language=row[6],
        visibility=row[7],
        category=row[8],
        tags=to_tags(row[9]),
        version=row[10],
        created_at=to_moment(row[11]),
        updated_at=to_moment(row[12]),
        solved=bool(row[13]),
        closed=bool(row[14]),
        listed=bool(row[15]),
        views=row[16],
        parts_count=row[17],
        page=row[18],
        current=bool(row[19]),
        outdated=bool(row[20]),
        details=details_of(row[21]),
        expires_at=to_moment(row[22]),
        verified_at=to_moment(row[23]),
        work=row[24],
        dead=bool(row[25]),
    )
