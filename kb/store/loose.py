"""Parts that were read before the rest of their document."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database

from kb.store.parts import PART_COLUMNS, part_of, part_values
from kb.store.rows import batches, placeholders
from kb.types import LeftOut, LoosePart, Part

_PART = ", ".join(PART_COLUMNS)
_COLUMNS = f"source, key, {_PART}, cause, category_id"


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
            f"INSERT INTO loose_parts ({_COLUMNS}) "  # noqa: S608
            f"VALUES ({placeholders(range(len(PART_COLUMNS) + 4))})",
            list(rows.values()),
        )

    def of(self, source: str, key: str) -> tuple[Part | LeftOut, ...]:
        """Those of one document, by number."""
        rows = self._conn.execute(
            f"SELECT {_PART}, cause FROM loose_parts "  # noqa: S608
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
    content, cause = loose.content, None
    if isinstance(content, LeftOut):
        cause = content.cause
        content = Part(
            content.number,
            "",
            "text",
            content.external_id,
            author_id=content.author_id,
        )
    return (source, loose.key, *part_values(content), cause, loose.category_id)


def _content(row: Sequence[Any]) -> Part | LeftOut:
    cause = row[len(PART_COLUMNS)]
    if cause is not None:
        return LeftOut(row[3], row[0], cause, row[4])
    return part_of(row)
