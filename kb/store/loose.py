"""Parts that were read before the rest of their document."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database

from kb.store.rows import batches, clean, placeholders, to_moment, to_text
from kb.types import LeftOut, LoosePart, Part

_COLUMNS = (
    "number, body, format, external_id, author_id, author, created_at, updated_at, "
    "likes, accepted, reply_to, staff"
)


class LooseParts:
    """Reads and writes them; writes belong inside ``Store.transaction``.

    They are not searched. They leave when their document is written or deleted.
    """

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def add(self, source: str, parts: Iterable[LoosePart]) -> None:
        """Keep *parts*; one that is there already is replaced, whatever its key was.

        Of parts with one id the last is kept.
        """
        rows = {part.external_id: _row(source, part) for part in parts}
        self._conn.executemany(
            "DELETE FROM loose_parts WHERE source = ? AND external_id = ?",
            [(source, external_id) for external_id in rows],
        )
        self._conn.executemany(
            f"INSERT INTO loose_parts VALUES ({placeholders(range(16))})",  # noqa: S608
            list(rows.values()),
        )

    def of(self, source: str, key: str) -> tuple[Part | LeftOut, ...]:
        """Those of one document, by number."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS}, cause FROM loose_parts "  # noqa: S608
            "WHERE source = ? AND key = ? ORDER BY number, external_id",
            [source, key],
        )
        return tuple(_content(row) for row in rows)

    def keys(self, source: str, *, after: str = "", limit: int = 1000) -> list[str]:
        """Documents that have some, in the order of their keys as text."""
        rows = self._conn.execute(
            "SELECT DISTINCT key FROM loose_parts WHERE source = ? AND key > ? "
            "ORDER BY key LIMIT ?",
            [source, after, limit],
        )
        return [key for (key,) in rows]

    def count_keys(self, source: str) -> int:
        """How many documents have some."""
        row = self._conn.execute(
            "SELECT count(DISTINCT key) FROM loose_parts WHERE source = ?", [source]
        ).fetchone()
        return int(row[0])

    def drop(self, source: str, keys: Sequence[str]) -> None:
        """Forget those of some documents."""
        for some in batches(keys):
            self._conn.execute(
                "DELETE FROM loose_parts "  # noqa: S608
                f"WHERE source = ? AND key IN ({placeholders(some)})",
                [source, *some],
            )

    def drop_categories(self, source: str, ids: Sequence[int]) -> None:
        """Forget what was read of documents in categories that closed."""
        self._conn.execute(
            "DELETE FROM loose_parts "  # noqa: S608
            f"WHERE source = ? AND category_id IN ({placeholders(ids)})",
            [source, *ids],
        )


def _row(source: str, loose: LoosePart) -> tuple[Any, ...]:
    content, external_id = loose.content, loose.external_id
    if isinstance(content, LeftOut):
        nothing = ("", "text", None, None, None, None, 0, False, None, False)
        tail = (content.cause, loose.category_id)
        return (source, loose.key, external_id, content.number, *nothing, *tail)
    return (
        source,
        loose.key,
        external_id,
        content.number,
        clean(content.body),
        content.format,
        content.author_id,
        content.author,
        to_text(content.created_at),
        to_text(content.updated_at),
        content.likes,
        content.accepted,
        content.reply_to,
        content.staff,
        None,
        loose.category_id,
    )


def _content(row: Sequence[Any]) -> Part | LeftOut:
    if row[12] is not None:
        return LeftOut(row[3], row[0], row[12])
    return part_of(row)


def part_of(row: Sequence[Any]) -> Part:
    """A part from its columns, in the order of the table `parts`."""
    return Part(
        number=row[0],
        body=row[1],
        format=row[2],
        external_id=row[3],
        author_id=row[4],
        author=row[5],
        created_at=to_moment(row[6]),
        updated_at=to_moment(row[7]),
        likes=row[8],
        accepted=bool(row[9]),
        reply_to=row[10],
        staff=bool(row[11]),
    )
