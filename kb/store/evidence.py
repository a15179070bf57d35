"""What ranking reads of the store: facts, links, people, and texts by field.

Facts, links and people are read whenever an index is opened or a question asked, so
they never touch the bodies of parts: `schema` has the indexes that cover them.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from sqlite_utils import Database

from kb.corpus import DocumentFacts
from kb.graph import Edge
from kb.people import People
from kb.store.document_texts import document_texts
from kb.store.editions import Editions
from kb.store.incoming import ACCEPTED, FROM_OPENING, OF_THE_FORUM
from kb.store.rows import conditions, placeholders, to_kind, to_moment, to_tags
from kb.texts import DocumentText
from kb.types import (
    PUBLIC,
    DocumentId,
    IndexablePassage,
    Kind,
    LinkRole,
    PassageId,
)

_PUBLIC = frozenset({PUBLIC})


def person_key(
    source: str, author_id: int | None, author: str | None = None
) -> str | None:
    """Names an author, as `kb.people` does: by id, since names change, else by name.
    Within one source, since forums count their members alike.

    Returns:
        ``None`` when nobody knows who it is.

    >>> person_key("forum", 5, "amina"), person_key("forum", None, "amina")
    ('forum:5', 'forum:@amina')
    """
    if author_id is not None:
        return f"{source}:{author_id}"
    return None if author is None else f"{source}:@{author}"


class Evidence:
    """Reads only. Documents that are not listed count as if they were not there:
    nobody is led to them, nor by them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._conn: sqlite3.Connection = db.conn

    # -- while a question is answered ---------------------------------------

    def document_facts(
        self, ids: Sequence[DocumentId] | None
    ) -> dict[DocumentId, DocumentFacts]:
        """What ranking must know of the stored ones among *ids*, by id; ``None`` means
        all."""
        found: dict[DocumentId, DocumentFacts] = {}
        for condition, some in conditions("id", ids):
            # A forum counts the likes of a topic itself; other sources only by post.
            rows = self._conn.execute(
                "SELECT id, kind, visibility, language, version, category, tags,"  # noqa: S608
                " created_at, CASE kind WHEN 'thread' THEN parts_count ELSE 1 END,"
                " max(likes, coalesce((SELECT sum(p.likes)"
                " FROM parts p INDEXED BY parts_order WHERE p.document_id = d.id), 0)),"
                " solved, CASE page WHEN '' THEN '[]' ELSE (SELECT"
                " json_group_array(o.version) FROM documents o"
                " WHERE o.source = d.source AND o.page = d.page"
                " AND o.listed AND o.visibility = d.visibility"
                " AND o.version IS NOT NULL) END FROM documents d"
                f" WHERE listed AND current AND {condition}",
                some,
            )
            for row in rows:
                found[DocumentId(row[0])] = DocumentFacts(
                    id=DocumentId(row[0]),
                    kind=to_kind(row[1]),
                    visibility=row[2],
                    language=row[3],
                    version=row[4],
                    category=row[5],
                    tags=to_tags(row[6]),
                    created_at=to_moment(row[7]),
                    parts_count=row[8],
                    likes=row[9],
                    solved=bool(row[10]),
                    versions=to_tags(row[11]),
                )
        return found

    def passages_of(
        self, ids: Sequence[DocumentId] | None
    ) -> dict[DocumentId, list[PassageId]]:
        """The passages of documents, in their order; those without any are absent.
        ``None`` means all documents."""
        found: defaultdict[DocumentId, list[PassageId]] = defaultdict(list)
        for condition, some in conditions("document_id", ids):
            rows = self._conn.execute(
                "SELECT document_id, id FROM passages "  # noqa: S608
                f"WHERE {condition} "
                "ORDER BY document_id, ordinal, id",
                some,
            )
            for document_id, passage_id in rows:
                found[DocumentId(document_id)].append(PassageId(passage_id))
        return dict(found)

    # -- when an index is opened --------------------------------------------

    def edges(self, *, visible_to: Collection[str] = _PUBLIC) -> Iterator[Edge]:
        """All links between stored documents, lazily; write nothing meanwhile.

        Links in the opening post of a thread are part of its question, and left out;
        so are those in versions of a page that are not searched: they say the same.

        Args:
            visible_to: What the reader may see, of linking documents and targets.
        """
        if not visible_to:
            return
        may = sorted(visible_to)
        marks = placeholders(may)
        where = (
            f" AND d.listed AND d.current AND d.visibility IN ({marks})"
            f" AND t.listed AND t.visibility IN ({marks}) AND NOT {FROM_OPENING}"
        )
        columns = (
            f"SELECT l.document_id, t.id, l.role, l.created_at, {ACCEPTED},"
            " l.part_number, l.ordinal, t.page != ''"
        )
        # CROSS JOIN keeps this order: SQLite does not know which table is small.
        # From the targets, because most links lead elsewhere.
        by_key = self._conn.execute(
            f"{columns} FROM documents t"
            " CROSS JOIN links l ON l.link_key = t.link_key"
            " CROSS JOIN documents d ON d.id = l.document_id"
            f" WHERE t.link_key NOT IN ('', d.link_key) {where}",
            [*may, *may],
        )
        by_post = self._conn.execute(
            f"{columns} FROM links l INDEXED BY links_post"
            " CROSS JOIN parts p INDEXED BY parts_external ON p.external_id = l.post_id"
            " CROSS JOIN documents t ON t.id = p.document_id"
            " CROSS JOIN documents d ON d.id = l.document_id"
            f" WHERE l.post_id IS NOT NULL AND {OF_THE_FORUM}"
            f" AND t.link_key != d.link_key {where}",
            [*may, *may],
        )
        standing = Editions(self._db).standing()
        # A link may fit the addresses of several versions of one page.
        met: set[tuple[int, ...]] = set()
        for row in chain(by_key, by_post):
            source, target, role, at, accepted, part, ordinal, is_edition = row
            target = standing.get(target, target)
            if is_edition:
                link = (source, part, ordinal, target)
                # A page's own link to another of its versions is no news, either.
                if link in met or source == target:
                    continue
                met.add(link)
            yield Edge(
                DocumentId(source),
                DocumentId(target),
                LinkRole(role),
                to_moment(at),
                bool(accepted),
            )

    def people(self) -> People:
        """Who asked and who helped in the threads that everybody may read.

        Of those whose forum tells the ids of their authors.
        """
        people = People()
        rows = self._conn.execute(
            "SELECT d.id, d.source, p.number, p.author_id FROM documents d"
            " CROSS JOIN parts p INDEXED BY parts_order ON p.document_id = d.id"
            " WHERE d.kind = ? AND d.listed AND d.visibility = ?"
            " ORDER BY d.id, p.number",
            [Kind.THREAD.value, PUBLIC],
        )
        for document_id, source, number, author_id in rows:
            person = person_key(source, author_id)
            if person is not None:
                # Without the post that asks, nobody knows who asked.
                is_asking = number == 1
                people.wrote(DocumentId(document_id), person, opening=is_asking)
        return people

    # -- when an index is built ---------------------------------------------

    def texts(self, ids: Sequence[DocumentId] | None = None) -> Iterator[DocumentText]:
        """Documents as the document index wants them, by id, lazily.

        Args:
            ids: Only these; ``None`` for all.
        """
        return document_texts(self._conn, ids)

    def titles(self) -> Iterator[tuple[DocumentId, str]]:
        """The titles of all documents that have one, by id, lazily."""
        rows = self._conn.execute(
            "SELECT id, title FROM documents WHERE listed AND current"
            " AND trim(title) != '' ORDER BY id"
        )
        return ((DocumentId(i), title) for i, title in rows)

    def questions(self) -> Iterator[IndexablePassage]:
        """The passage that each thread opens with, by document id, lazily."""
        rows = self._conn.execute(
            "SELECT d.id, p.id, d.title, p.heading, p.text, p.language, p.visibility,"
            " p.content_hash, p.created_at FROM documents d"
            " CROSS JOIN passages p ON p.id = (SELECT o.id FROM passages o"
            " INDEXED BY passages_opening WHERE o.document_id = d.id AND o.opening"
            " ORDER BY o.ordinal, o.id LIMIT 1)"
            " WHERE d.kind = ? AND d.listed ORDER BY d.id",
            [Kind.THREAD.value],
        )
        for row in rows:
            yield IndexablePassage(
                id=PassageId(row[1]),
                document_id=DocumentId(row[0]),
                kind=Kind.THREAD,
                title=row[2],
                heading=row[3],
                text=row[4],
                language=row[5],
                visibility=row[6],
                opening=True,
                content_hash=row[7],
                created_at=to_moment(row[8]),
            )
