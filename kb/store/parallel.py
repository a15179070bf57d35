"""Texts that say the same in several languages, as sources of terms bring them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator

from sqlite_utils import Database

from kb.store.rows import clean, primary_of
from kb.types import ParallelText

_A, _B = primary_of("a"), primary_of("b")
# What reads the same on both sides was not translated, or needs no translation.
_PAIRS = (
    "FROM parallel_texts a INDEXED BY parallel_units"
    " CROSS JOIN parallel_texts b INDEXED BY parallel_units"
    " ON b.source = a.source AND b.unit = a.unit AND lower(b.text) != lower(a.text)"
)


class Parallel:
    """Reads and writes them; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def replace(self, source: str, file: str, units: Iterable[ParallelText]) -> int:
        """Make the store hold *units* as all that *file* says.

        Of several texts of a unit in the same language the last counts.

        Returns:
            How many texts came, changed or went.
        """
        now = {
            (clean(each.unit), each.language): clean(each.text)
            for each in units
            if each.unit and each.text
        }
        before = {
            (unit, language): text
            for unit, language, text in self._conn.execute(
                "SELECT unit, language, text FROM parallel_texts"
                " WHERE source = ? AND file = ?",
                [source, file],
            )
        }
        gone = before.keys() - now.keys()
        come = {key: text for key, text in now.items() if before.get(key) != text}
        self._conn.executemany(
            "DELETE FROM parallel_texts WHERE source = ? AND file = ? AND unit = ?"
            " AND language = ?",
            [(source, file, *key) for key in gone],
        )
        self._conn.executemany(
            "INSERT OR REPLACE INTO parallel_texts VALUES (?, ?, ?, ?, ?)",
            [(source, file, *key, text) for key, text in come.items()],
        )
        return self._changed(len(gone) + len(come))

    def forget_files(self, source: str, *, keep: Collection[str] = ()) -> int:
        """Drop what files of *source* say that are not in *keep*; how many texts."""
        gone = set(self.files(source)) - set(keep)
        dropped = 0
        for file in gone:
            dropped += self._conn.execute(
                "DELETE FROM parallel_texts WHERE source = ? AND file = ?",
                [source, file],
            ).rowcount
        return self._changed(dropped)

    def _changed(self, texts: int) -> int:
        if texts:
            self._conn.execute(
                "UPDATE meta SET value = CAST(value AS INTEGER) + 1"
                " WHERE key = 'parallel'"
            )
        return texts

    def files(self, source: str) -> dict[str, int]:
        """How many texts each file of *source* has, by its name."""
        rows = self._conn.execute(
            "SELECT file, count(*) FROM parallel_texts WHERE source = ?"
            " GROUP BY file ORDER BY file",
            [source],
        )
        return dict(rows.fetchall())

    def by_source(self) -> dict[str, int]:
        """How many texts each source has; those without any are not named."""
        rows = self._conn.execute(
            "SELECT source, count(*) FROM parallel_texts GROUP BY source"
        )
        return dict(rows.fetchall())

    def counts(self) -> dict[tuple[str, str], int]:
        """How many texts there are, by source and language as its files have it."""
        rows = self._conn.execute(
            "SELECT source, language, count(*) FROM parallel_texts"
            " GROUP BY source, language ORDER BY source, language"
        )
        return {(source, language): texts for source, language, texts in rows}

    def languages(self) -> dict[tuple[str, str], int]:
        """How many pairs `pairs` has for ``(a, b)``, a before b, where it has any.

        Regions count as their language: ``pt-BR`` as ``pt``.
        """
        rows = self._conn.execute(
            "SELECT x, y, count(*) FROM"  # noqa: S608
            f" (SELECT DISTINCT {_A} AS x, {_B} AS y, a.text, b.text {_PAIRS}"
            " WHERE x < y) GROUP BY x, y ORDER BY x, y"
        )
        return {(a, b): pairs for a, b, pairs in rows}

    def pairs(self, a: str, b: str) -> Iterator[tuple[str, str]]:
        """What the same units say in two languages, such as ``fr`` and ``en``.

        Each pair once, whatever units and sources say it, in the order of its texts;
        none where both are the same but for upper case.
        """
        rows = self._conn.execute(
            f"SELECT DISTINCT a.text, b.text {_PAIRS} WHERE {_A} = ? AND {_B} = ?"
            " ORDER BY a.text, b.text",
            [a, b],
        )
        yield from rows

    def mark(self) -> str:
        """Changes whenever any text does, and differs from other stores' marks."""
        rows = self._conn.execute(
            "SELECT value FROM meta WHERE key IN ('uuid', 'parallel') ORDER BY key"
        )
        return ":".join(value for (value,) in rows)
