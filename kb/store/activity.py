"""What happened on forums: threads and their posts over time, for a report."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from kb.store.rows import batches, placeholders, seen_by, to_moment, to_tags, to_text
from kb.types import DocumentId, Kind


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread without its posts; see `kb.types.Document` for what is not told here.

    Attributes:
        solved: Its forum says so, and no post that is held is marked.
        asker_id: Of a first post that is not held, where it is known whose it is.
    """

    id: DocumentId
    source: str
    key: str
    url: str
    title: str
    language: str | None
    visibility: str
    category: str | None
    tags: tuple[str, ...]
    created_at: datetime
    views: int
    solved: bool
    closed: bool
    pinned: bool
    asker_id: int | None = None


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post without its text; see `kb.types.Part`."""

    document_id: DocumentId
    number: int
    author_id: int | None
    author: str | None
    created_at: datetime | None
    likes: int
    accepted: bool
    staff: bool
    reply_to: int | None


@dataclass(frozen=True, slots=True)
class PostText:
    """The text of a post, as the forum serves it."""

    document_id: DocumentId
    number: int
    body: str
    format: str


class Activity:
    """Reads only. Threads that a forum keeps out of its lists are not there."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def mark(self) -> str:
        """Changes with all that a report tells of and whom it may name: what indexes
        hold, what moderators and members said, what the bot did."""
        row = self._conn.execute(
            "SELECT (SELECT value FROM meta WHERE key = 'generation'),"
            " (SELECT count(*) || ' ' || max(at) FROM verdicts),"
            " (SELECT count(*) || ' ' || max(at) FROM members),"
            " (SELECT count(*) || ' ' || max(at) FROM pauses),"
            " (SELECT count(*) || ' ' || max(updated_at) FROM decisions),"
            " (SELECT count(*) || ' ' || max(at) FROM feedback)"
        ).fetchone()
        return "|".join(map(str, row))

    def threads(
        self, source: str, *, before: datetime, visible_to: Collection[str] | None
    ) -> Iterator[ThreadRow]:
        """The threads of a source that were begun before a time, by time, then id;
        write nothing meanwhile.

        Args:
            visible_to: What the reader may see; ``None``: everything.
        """
        condition, values = seen_by(visible_to)
        rows = self._conn.execute(
            "SELECT id, source, key, url, title, language, visibility, category, tags,"  # noqa: S608
            " created_at, views, solved AND NOT EXISTS (SELECT 1 FROM parts p"
            " WHERE p.document_id = d.id AND p.accepted), closed OR archived, pinned,"
            " (SELECT l.author_id FROM left_out l WHERE l.document_id = d.id"
            " AND l.number = 1 LIMIT 1) FROM documents d"
            " WHERE kind = ? AND source = ? AND listed AND created_at < ?"
            f" AND {condition} ORDER BY created_at, id",
            [Kind.THREAD.value, source, to_text(before), *values],
        )
        for row in rows:
            created_at = to_moment(row[9])
            if created_at is None:  # pragma: no cover - NULL compares with nothing.
                continue
            yield ThreadRow(
                id=DocumentId(row[0]),
                source=row[1],
                key=row[2],
                url=row[3],
                title=row[4],
                language=row[5],
                visibility=row[6],
                category=row[7],
                tags=to_tags(row[8]),
                created_at=created_at,
                views=row[10],
                solved=bool(row[11]),
                closed=bool(row[12]),
                pinned=bool(row[13]),
                asker_id=row[14],
            )

    def posts(
        self, source: str, *, before: datetime, visible_to: Collection[str] | None
    ) -> Iterator[PostRow]:
        """The posts of those threads that were written before a time, by thread and
        number; those whose time nobody knows as well. Write nothing meanwhile."""
        condition, values = seen_by(visible_to)
        rows = self._conn.execute(
            "SELECT p.document_id, p.number, p.author_id, p.author, p.created_at,"  # noqa: S608
            " p.likes, p.accepted, p.staff, p.reply_to FROM documents d"
            " CROSS JOIN parts p ON p.document_id = d.id"
            " WHERE d.kind = ? AND d.source = ? AND d.listed AND d.created_at < ?"
            f" AND {condition} AND (p.created_at IS NULL OR p.created_at < ?)"
            " ORDER BY p.document_id, p.number",
            [Kind.THREAD.value, source, to_text(before), *values, to_text(before)],
        )
        for row in rows:
            yield PostRow(
                DocumentId(row[0]),
                row[1],
                row[2],
                row[3],
                to_moment(row[4]),
                row[5],
                bool(row[6]),
                bool(row[7]),
                row[8],
            )

    def texts(
        self,
        ids: Collection[DocumentId],
        *,
        before: datetime,
        visible_to: Collection[str] | None,
    ) -> Iterator[PostText]:
        """What was written in some threads before a time, by thread and number."""
        condition, values = seen_by(visible_to)
        for some in batches(sorted(ids)):
            rows = self._conn.execute(
                "SELECT p.document_id, p.number, p.body, p.format FROM documents d"  # noqa: S608
                " CROSS JOIN parts p ON p.document_id = d.id"
                f" WHERE d.id IN ({placeholders(some)}) AND d.listed AND {condition}"
                " AND (p.created_at IS NULL OR p.created_at < ?)"
                " ORDER BY p.document_id, p.number",
                [*some, *values, to_text(before)],
            )
            for row in rows:
                yield PostText(DocumentId(row[0]), row[1], row[2], row[3])

    def openings(
        self, ids: Collection[DocumentId], *, visible_to: Collection[str] | None
    ) -> dict[DocumentId, str]:
        """Title and question of some threads as plain text, templates left out; of
        those without a question the title."""
        condition, values = seen_by(visible_to)
        found: dict[DocumentId, str] = {}
        for some in batches(sorted(ids)):
            marks = placeholders(some)
            titles = self._conn.execute(
                f"SELECT id, title FROM documents d WHERE id IN ({marks})"  # noqa: S608
                f" AND listed AND {condition} ORDER BY id",
                [*some, *values],
            )
            for document_id, title in titles:
                found[DocumentId(document_id)] = title
            rows = self._conn.execute(
                "SELECT document_id, text FROM passages INDEXED BY passages_opening"  # noqa: S608
                f" WHERE opening AND document_id IN ({marks})"
                " ORDER BY document_id, ordinal, id",
                some,
            )
            for document_id, text in rows:
                if document_id in found:
                    found[DocumentId(document_id)] += f"\n{text}"
        return found
