"""How much is searched, what many searched in vain, and whether what was found helped.

Counts by day, and queries that many different people had: nothing in here is of one
person, and who searched is not written anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlite_utils import Database

from kb.store.rows import clean
from kb.types import DocumentId


@dataclass(frozen=True, slots=True)
class SearchDay:
    """The searches of a day, of UTC.

    Attributes:
        in_vain: Those that found nothing.
        told: Searches in vain that `Miss` names under this day; some may be of days
            before.
    """

    day: date
    searches: int
    in_vain: int
    told: int


@dataclass(frozen=True, slots=True)
class Miss:
    """What was searched in vain.

    Attributes:
        query: Its words, sorted; see `kb.instant.searched`.
        people: That at least so many different ones searched it.
        times: How often they did.
    """

    query: str
    people: int
    times: int


class Searches:
    """Reads and writes; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def count(self, day: date, searches: int, in_vain: int) -> None:
        """So many more searches on a day."""
        self._count(day, searches, in_vain, 0)

    def miss(self, day: date, query: str, people: int, times: int) -> None:
        """Name a query under a day.

        Args:
            people: That searched it lately, also before; the most that a day is told
                of count.
            times: More than the day was told of before.
        """
        self._conn.execute(
            "INSERT INTO search_misses VALUES (?, ?, ?, ?)"
            " ON CONFLICT (day, query) DO UPDATE SET"
            " people = max(people, excluded.people), times = times + excluded.times",
            [day.isoformat(), clean(query), people, times],
        )
        self._count(day, 0, 0, times)

    def _count(self, day: date, searches: int, in_vain: int, told: int) -> None:
        self._conn.execute(
            "INSERT INTO search_days VALUES (?, ?, ?, ?)"
            " ON CONFLICT (day) DO UPDATE SET searches = searches + excluded.searches,"
            " in_vain = in_vain + excluded.in_vain, told = told + excluded.told",
            [day.isoformat(), searches, in_vain, told],
        )

    def days(self, since: date, before: date) -> list[SearchDay]:
        """The days from *since* on, before *before*, on which something was counted,
        oldest first."""
        rows = self._conn.execute(
            "SELECT day, searches, in_vain, told FROM search_days"
            " WHERE day >= ? AND day < ? ORDER BY day",
            [since.isoformat(), before.isoformat()],
        )
        return [SearchDay(date.fromisoformat(day), *counts) for day, *counts in rows]

    def misses(self, since: date, before: date, limit: int) -> list[Miss]:
        """What was named from a day on, before another: that of most people first.

        Of several days the times are added up, of people the most of one day is told:
        they may be the same ones.
        """
        rows = self._conn.execute(
            "SELECT query, max(people) AS most, sum(times) AS often FROM search_misses"
            " WHERE day >= ? AND day < ? GROUP BY query"
            " ORDER BY most DESC, often DESC, query LIMIT ?",
            [since.isoformat(), before.isoformat(), limit],
        )
        return [Miss(*row) for row in rows]

    def tells(self, query: str) -> bool:
        """Whether a query is told of, under any day."""
        row = self._conn.execute(
            "SELECT 1 FROM search_misses WHERE query = ? LIMIT 1", [query]
        ).fetchone()
        return row is not None

    def feedback(self, document_id: DocumentId, day: date, *, helped: bool) -> bool:
        """Count a word on a document; False where there is no such document."""
        cursor = self._conn.execute(
            "INSERT INTO search_feedback SELECT id, ?, ?, ? FROM documents WHERE id = ?"
            " ON CONFLICT (document_id, day) DO UPDATE SET"
            " helped = helped + excluded.helped,"
            " not_helped = not_helped + excluded.not_helped",
            [day.isoformat(), int(helped), int(not helped), document_id],
        )
        return cursor.rowcount == 1

    def helped(self, document_id: DocumentId) -> tuple[int, int]:
        """``(helped, not helped)``: the words on a document that are kept."""
        row: tuple[Any, ...] = self._conn.execute(
            "SELECT coalesce(sum(helped), 0), coalesce(sum(not_helped), 0)"
            " FROM search_feedback WHERE document_id = ?",
            [document_id],
        ).fetchone()
        return int(row[0]), int(row[1])

    def forget(self, before: date) -> int:
        """Forget the days before one; gives how many rows."""
        return sum(
            self._conn.execute(
                f"DELETE FROM {table} WHERE day < ?",  # noqa: S608
                [before.isoformat()],
            ).rowcount
            for table in ("search_days", "search_misses", "search_feedback")
        )
