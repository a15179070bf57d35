"""What the store holds of one source, as the source's walk looks at it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.documents import Documents
from kb.store.fetches import Fetch, Fetches
from kb.store.looks import CATEGORIES, Looks
from kb.store.loose import LooseParts
from kb.store.parts import PART_COLUMNS, part_of
from kb.store.rows import batches, placeholders, to_moment, to_text
from kb.types import Document, LeftOut, Part, StoredState

_PART = ", ".join(f"p.{name}" for name in PART_COLUMNS)
# Documents that are in memory at once.
_STEP = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """A part that is known, and what its document is."""

    key: str
    title: str
    category_id: int | None
    content: Part | LeftOut


@dataclass(frozen=True, slots=True)
class Filed:
    """Where a document is, and who may read it."""

    key: str
    url: str
    category_id: int | None
    category: str | None
    visibility: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a source is held, and how old that knowledge is.

    Attributes:
        parts: Whose text is held.
        left_out: How many are known and not held, by cause.
        loose: Parts that wait for the rest of their document.
        looks: Documents that wait to be read.
        compared: Documents that were compared with the source at least once.
        stale: Documents that were not, or too long ago.
        oldest_at: When the document that was not compared the longest was.
    """

    documents: int
    parts: int
    left_out: Mapping[str, int]
    loose: int
    looks: int
    compared: int
    stale: int
    oldest_at: datetime | None


class Holdings(Mapping[str, StoredState]):
    """The stored documents of a source by key, read when asked for.

    Memory does not grow with their number. A walk sees what it changed itself.

    Attributes:
        resting: Keys of records that stay broken, and are not to be tried now.
    """

    def __init__(self, db: Database, source: str) -> None:
        self._conn = db.conn
        self._source = source
        self._documents = Documents(db)
        self._loose = LooseParts(db)
        self._looks = Looks(db)
        self._fetches = Fetches(db)
        self.resting: frozenset[str] = frozenset()

    def __getitem__(self, key: str) -> StoredState:
        state = self._documents.state(self._source, key)
        if state is None:
            raise KeyError(key)
        return state

    def __iter__(self) -> Iterator[str]:
        return (key for (key,) in self._by_id("key"))

    def _by_id(
        self, columns: str, where: str = "true", values: Sequence[object] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """*columns* of each document by id, read when asked for; what is written
        meanwhile may be left out."""
        last = 0
        while True:
            # By id, whatever indexes there are: else all are sorted for each step.
            rows = self._conn.execute(
                f"SELECT id, {columns} FROM documents NOT INDEXED"  # noqa: S608
                f" WHERE source = ? AND id > ? AND {where} ORDER BY id LIMIT ?",
                [self._source, last, *values, _STEP],
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from (row[1:] for row in rows)

    def __len__(self) -> int:
        row = self._conn.execute(
            "SELECT count(*) FROM documents WHERE source = ?", [self._source]
        ).fetchone()
        return int(row[0])

    def document(self, key: str) -> Document | None:
        """The whole document, or ``None`` when it is not stored."""
        state = self._documents.state(self._source, key)
        return None if state is None else self._documents.load(state.id)

    def any_url(self) -> str | None:
        """The address of the document that was stored last, or ``None``."""
        row = self._conn.execute(
            "SELECT url FROM documents NOT INDEXED WHERE source = ?"
            " ORDER BY id DESC LIMIT 1",
            [self._source],
        ).fetchone()
        return None if row is None else str(row[0])

    def has_url_below(self, address: str) -> bool:
        """Whether a document is from *address* or below it."""
        row = self._conn.execute(
            "SELECT 1 FROM documents NOT INDEXED WHERE source = ?"
            " AND substr(url, 1, ?) = ? LIMIT 1",
            [self._source, len(address), address],
        ).fetchone()
        return row is not None

    # -- parts, by the source's own ids -------------------------------------
    #
    # CROSS JOIN makes SQLite begin with the ids; it would go through all documents
    # of the source, because it does not know how many there are.

    def parts(self, ids: Collection[int]) -> dict[int, Held]:
        """Those among *ids* that are known, with or without their text, by id."""
        found: dict[int, Held] = {}
        for some in batches(list(ids)):
            marks = placeholders(some)
            rows = self._conn.execute(
                f"SELECT p.external_id, d.key, d.title, d.category_id, {_PART}"  # noqa: S608
                " FROM parts p CROSS JOIN documents d ON d.id = p.document_id"
                f" WHERE d.source = ? AND p.external_id IN ({marks})",
                [self._source, *some],
            )
            for row in rows:
                found[row[0]] = Held(row[1], row[2], row[3], part_of(row[4:]))
            rows = self._conn.execute(
                "SELECT l.external_id, d.key, d.title, d.category_id,"  # noqa: S608
                " l.external_id, l.number, l.cause, l.author_id"
                " FROM left_out l CROSS JOIN documents d ON d.id = l.document_id"
                f" WHERE d.source = ? AND l.external_id IN ({marks})",
                [self._source, *some],
            )
            for row in rows:
                found[row[0]] = Held(row[1], row[2], row[3], LeftOut(*row[4:]))
        return found

    def held_between(self, low: int, high: int) -> list[tuple[int, str]]:
        """``(external id, key)`` of the parts held with ``low < id <= high``."""
        rows = self._conn.execute(
            "SELECT p.external_id, d.key FROM parts p"
            " CROSS JOIN documents d ON d.id = p.document_id"
            " WHERE d.source = ? AND p.external_id > ? AND p.external_id <= ?"
            " ORDER BY p.external_id",
            [self._source, low, high],
        )
        return [(external_id, key) for external_id, key in rows]

    def begun_between(
        self, low: int, high: int, *, unsolved: bool = False
    ) -> list[str]:
        """Keys of the documents whose smallest part id is ``low < id <= high``, but
        for those that wait to be read or put together.

        Args:
            unsolved: Without documents that are solved.
        """
        rows = self._conn.execute(
            "SELECT DISTINCT d.key FROM parts p"
            " CROSS JOIN documents d ON d.id = p.document_id"
            " WHERE d.source = ? AND p.external_id > ? AND p.external_id <= ?"
            " AND NOT EXISTS (SELECT 1 FROM parts o WHERE"
            " o.document_id = p.document_id AND o.external_id <= ?)"
            " AND NOT EXISTS (SELECT 1 FROM looks k"
            " WHERE k.source = d.source AND k.key = d.key)"
            " AND NOT EXISTS (SELECT 1 FROM loose_parts l"
            " WHERE l.source = d.source AND l.key = d.key)"
            " AND NOT (? AND d.solved)",
            [self._source, low, high, low, unsolved],
        )
        return [key for (key,) in rows]

    # -- documents, by what we know of them ---------------------------------

    def stalest(self, limit: int, *, before: datetime) -> list[str]:
        """Keys of documents that were last compared with their source before then,
        those never compared first."""
        rows = self._conn.execute(
            "SELECT key FROM documents WHERE source = ?"
            " AND (verified_at IS NULL OR verified_at < ?)"
            " ORDER BY verified_at IS NOT NULL, verified_at, id LIMIT ?",
            [self._source, to_text(before), limit],
        )
        return [key for (key,) in rows]

    def not_compared(self, *, since: datetime) -> Iterator[str]:
        """Keys of documents that were not compared with their source after then, read
        when asked for; those that are compared meanwhile may be left out."""
        where = "(verified_at IS NULL OR verified_at <= ?)"
        return (key for (key,) in self._by_id("key", where, [to_text(since)]))

    def filed(self) -> Iterator[Filed]:
        """Where each document is, read when asked for; those that are written
        meanwhile may be left out."""
        columns = "key, url, category_id, category, visibility"
        return (Filed(*row) for row in self._by_id(columns))

    def of_categories(self, ids: Sequence[int]) -> list[str]:
        """Keys of the documents in these categories."""
        rows = self._conn.execute(
            "SELECT key FROM documents WHERE source = ? "  # noqa: S608
            f"AND category_id IN ({placeholders(ids)}) ORDER BY id",
            [self._source, *ids],
        )
        return [key for (key,) in rows]

    def coverage(self, *, stale_before: datetime) -> Coverage:
        """How complete and how fresh it all is.

        Args:
            stale_before: Documents that were last compared before then are stale.
        """
        one = self._conn.execute(
            "SELECT count(*), coalesce(sum(parts_count), 0), count(verified_at),"
            " coalesce(sum(verified_at IS NULL OR verified_at < ?), 0),"
            " min(verified_at) FROM documents WHERE source = ?",
            [to_text(stale_before), self._source],
        ).fetchone()
        causes = self._conn.execute(
            "SELECT l.cause, count(*) FROM left_out l"
            " JOIN documents d ON d.id = l.document_id WHERE d.source = ?"
            " GROUP BY l.cause ORDER BY count(*) DESC, l.cause",
            [self._source],
        )
        loose = self._conn.execute(
            "SELECT count(*) FROM loose_parts WHERE source = ?", [self._source]
        ).fetchone()
        return Coverage(
            documents=one[0],
            parts=one[1],
            left_out=dict(causes.fetchall()),
            loose=loose[0],
            looks=self._looks.count(self._source),
            compared=one[2],
            stale=one[3],
            oldest_at=to_moment(one[4]),
        )

    # -- what was asked of its site ------------------------------------------

    def fetch(self, url: str) -> Fetch | None:
        """The last time that the source asked for *url*."""
        return self._fetches.get(self._source, url)

    def fetches(self) -> Iterator[Fetch]:
        """All that it asked for, without bodies, read when asked for; those that are
        written meanwhile may be left out."""
        return self._fetches.all(self._source)

    def fetches_of(self, key: str) -> list[Fetch]:
        """Those that became the document *key*."""
        return self._fetches.of_key(self._source, key)

    def fetches_like(self, content_hash: str) -> list[Fetch]:
        """Those whose content is the same."""
        return self._fetches.with_content(self._source, content_hash)

    # -- what waits ----------------------------------------------------------

    def loose(self, key: str) -> tuple[Part | LeftOut, ...]:
        """Parts of a document that were read before the rest of it, by number."""
        return self._loose.of(self._source, key)

    def loose_keys(self) -> Iterator[str]:
        """Documents that have some, but for those that are settled meanwhile."""
        after = ""
        while keys := self._loose.keys(self._source, after=after):
            yield from keys
            after = keys[-1]

    def count_loose(self) -> int:
        """How many documents have loose parts."""
        return self._loose.count_keys(self._source)

    def looks(self, limit: int | None = None) -> list[str]:
        """Keys of documents that must be read soon, the longest waiting first."""
        waiting = self._looks.keys(self._source, limit=limit)
        return [look.key for look in waiting if look.key != CATEGORIES]

    def is_resting(self, key: str) -> bool:
        """Nothing is held of the record, and it is not to be tried now."""
        return key in self.resting and key not in self

    def must_read(self, key: str) -> bool:
        """Something told that the document is not as it is stored."""
        return self._looks.has(self._source, key)

    def must_read_categories(self) -> bool:
        """Somebody hinted that the source's categories changed."""
        return self._looks.has(self._source, CATEGORIES)
