"""Passages: what is embedded, indexed, found and shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from sqlite_utils import Database

from kb.store.rows import batches, conditions, placeholders, to_kind, to_moment
from kb.types import (
    DocumentId,
    IndexablePassage,
    Kind,
    Passage,
    PassageFacts,
    PassageId,
)

_COLUMNS = (
    "id, document_id, part_number, ordinal, anchor, heading, text, language, "
    "visibility, content_hash, created_at, opening"
)

_CURRENT = "CROSS JOIN documents d ON d.id = p.document_id AND d.current"


class Passages:
    """Reads passages; they are written with their document."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def of_document(self, document_id: DocumentId) -> tuple[Passage, ...]:
        """All passages of a document, in its order."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM passages "  # noqa: S608
            "WHERE document_id = ? ORDER BY ordinal, id",
            [document_id],
        )
        return tuple(_passage(row) for row in rows)

    def load(self, ids: Sequence[PassageId]) -> dict[PassageId, Passage]:
        """The stored ones among *ids*, by id; what was deleted is simply absent."""
        found: dict[PassageId, Passage] = {}
        for some in batches(ids):
            rows = self._conn.execute(
                f"SELECT {_COLUMNS} FROM passages "  # noqa: S608
                f"WHERE id IN ({placeholders(some)})",
                some,
            )
            for row in rows:
                passage = _passage(row)
                found[passage.id] = passage
        return found

    def facts(self, ids: Sequence[PassageId] | None) -> dict[PassageId, PassageFacts]:
        """What ranking must know of the stored ones among *ids*, by id; ``None`` means
        all."""
        rows: list[tuple[int, int, bool, int]] = []
        for condition, some in conditions("id", ids):
            rows += self._conn.execute(
                "SELECT id, document_id, opening, part_number FROM passages "  # noqa: S608
                f"WHERE {condition}",
                some,
            )
        # A thousand passages are of some three hundred documents: once for each.
        documents = None if ids is None else list({row[1] for row in rows})
        known = {row[0]: (*row[1:4], to_moment(row[4])) for row in self._of(documents)}
        accepted = set(self._accepted(documents))
        found: dict[PassageId, PassageFacts] = {}
        for passage_id, document_id, opening, number in rows:
            # Between two queries another process may have deleted it.
            if document_id in known:
                kind, visibility, parts_count, created_at = known[document_id]
                found[PassageId(passage_id)] = PassageFacts(
                    DocumentId(document_id),
                    to_kind(kind),
                    visibility,
                    bool(opening),
                    number,
                    parts_count,
                    created_at,
                    accepted=(document_id, number) in accepted,
                )
        return found

    def _of(self, documents: Sequence[int] | None) -> Iterator[tuple[Any, ...]]:
        for condition, some in conditions("id", documents):
            yield from self._conn.execute(
                "SELECT id, kind, visibility, parts_count, created_at FROM documents "  # noqa: S608
                f"WHERE {condition}",
                some,
            )

    def _accepted(self, documents: Sequence[int] | None) -> Iterator[tuple[int, int]]:
        for condition, some in conditions("document_id", documents):
            yield from self._conn.execute(
                "SELECT document_id, number FROM parts INDEXED BY parts_accepted "  # noqa: S608
                f"WHERE accepted AND {condition}",
                some,
            )

    def of_solution(self, document_id: DocumentId) -> tuple[Passage, ...]:
        """Passages of the posts that were accepted as the solution, in order."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM passages "  # noqa: S608
            "WHERE document_id = ? AND part_number IN "
            "(SELECT number FROM parts WHERE document_id = ? AND accepted) "
            "ORDER BY ordinal, id",
            [document_id, document_id],
        )
        return tuple(_passage(row) for row in rows)

    def count(self, *, after_generation: int = -1) -> int:
        """How many `indexable` yields for the same argument."""
        row = self._conn.execute(
            f"SELECT count(*) FROM passages p {_CURRENT} WHERE p.generation > ?",  # noqa: S608
            [after_generation],
        ).fetchone()
        return int(row[0])

    def newest(self, *, after_generation: int, limit: int) -> list[PassageId]:
        """Ids of the newest of those that `count` counts, the highest first."""
        rows = self._conn.execute(
            f"SELECT p.id FROM passages p {_CURRENT} WHERE p.generation > ?"  # noqa: S608
            " ORDER BY p.id DESC LIMIT ?",
            [after_generation, limit],
        )
        return [PassageId(i) for (i,) in rows]

    def content_hashes(self) -> Iterator[str]:
        """The hash of every passage that is searched, lazily; those of equal text come
        repeatedly."""
        rows = self._conn.execute(
            f"SELECT p.content_hash FROM passages p {_CURRENT}"  # noqa: S608
        )
        return (hashed for (hashed,) in rows)

    def indexable(
        self, *, after_generation: int = -1, after_id: int = 0
    ) -> Generator[IndexablePassage]:
        """Passages made after a generation, by id; all of them by default. Those of
        versions that are not searched are left out.

        Lazy: memory does not grow with the number of passages.

        Args:
            after_id: Only those with a higher id.
        """
        rows = self._conn.execute(
            "SELECT p.id, p.document_id, d.kind, d.title, p.heading, p.text,"  # noqa: S608
            " p.language, p.visibility, p.opening, p.content_hash, p.created_at"
            f" FROM passages p {_CURRENT} WHERE p.generation > ? AND p.id > ?"
            " ORDER BY p.id",
            [after_generation, after_id],
        )
        for row in rows:
            yield IndexablePassage(
                id=PassageId(row[0]),
                document_id=DocumentId(row[1]),
                kind=Kind(row[2]),
                title=row[3],
                heading=row[4],
                text=row[5],
                language=row[6],
                visibility=row[7],
                opening=bool(row[8]),
                content_hash=row[9],
                created_at=to_moment(row[10]),
            )

    def removed(self, *, after_generation: int) -> list[PassageId]:
        """Ids of passages that were deleted after a generation."""
        rows = self._conn.execute(
            "SELECT passage_id FROM tombstones WHERE generation > ? "
            "ORDER BY passage_id",
            [after_generation],
        )
        return [PassageId(i) for (i,) in rows]


def _passage(row: Sequence[Any]) -> Passage:
    return Passage(
        id=PassageId(row[0]),
        document_id=DocumentId(row[1]),
        part_number=row[2],
        ordinal=row[3],
        anchor=row[4],
        heading=row[5],
        text=row[6],
        language=row[7],
        visibility=row[8],
        content_hash=row[9],
        created_at=to_moment(row[10]),
        opening=bool(row[11]),
    )
