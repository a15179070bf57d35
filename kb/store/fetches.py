"""What was asked of websites, and what became of it: so that the next refresh asks
only for what changed, and a page leaves only when that is certain."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.rows import clean, placeholders, to_moment, to_text

_COLUMNS = (
    "url, checked_at, etag, last_modified, body, key, reason, stamp, content_hash, "
    "failures, failed_at"
)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One address that was asked for.

    Attributes:
        checked_at: When it last answered: with the whole, or that nothing changed.
        etag: Of the last whole answer; so *last_modified*.
        body: That answer, of what must be at hand again: lists, not pages.
        key: Of the document it became.
        reason: Why it became none: a copy of another page, not for indexes.
        stamp: What a list told of it (its date), and the settings it was read with.
        content_hash: Of what was made of it.
        failures: How often in a row it was missing or refused since.
        failed_at: The first time of these.
    """

    url: str
    checked_at: datetime
    etag: str = ""
    last_modified: str = ""
    body: bytes | None = None
    key: str = ""
    reason: str = ""
    stamp: str = ""
    content_hash: str = ""
    failures: int = 0
    failed_at: datetime | None = None

    def failed(self, at: datetime) -> Fetch:
        """The same, missing or refused once more."""
        return replace(self, failures=self.failures + 1, failed_at=self.failed_at or at)

    @property
    def conditions(self) -> dict[str, str]:
        """Headers that ask for it only if it changed; empty where nothing was told."""
        told = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in told.items() if value}


class Fetches:
    """Reads and writes them; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def get(self, source: str, url: str) -> Fetch | None:
        """The last time that *source* asked for *url*."""
        row = self._conn.execute(
            f"SELECT {_COLUMNS} FROM fetches WHERE source = ? AND url = ?",  # noqa: S608
            [source, url],
        ).fetchone()
        return None if row is None else _fetch(row)

    def of_key(self, source: str, key: str) -> list[Fetch]:
        """Those that became the document *key*, by address."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM fetches WHERE source = ? AND key = ?"  # noqa: S608
            " ORDER BY url",
            [source, key],
        )
        return [_fetch(row) for row in rows]

    def with_content(self, source: str, content_hash: str) -> list[Fetch]:
        """Those whose content is the same, by address."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM fetches WHERE source = ?"  # noqa: S608
            " AND content_hash = ? ORDER BY url",
            [source, content_hash],
        )
        return [_fetch(row) for row in rows]

    def all(self, source: str) -> Iterator[Fetch]:
        """All of *source* by address, without their bodies, lazily; those that are
        written meanwhile may be left out."""
        columns = _COLUMNS.replace("body", "NULL")
        after = ""
        while True:
            rows = self._conn.execute(
                f"SELECT {columns} FROM fetches WHERE source = ? AND url > ?"  # noqa: S608
                " ORDER BY url LIMIT 1000",
                [source, after],
            ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield from map(_fetch, rows)

    def put(self, source: str, fetches: Iterable[Fetch]) -> None:
        """Keep *fetches*, in place of what was kept of the same addresses."""
        rows = [(source, *_row(fetch)) for fetch in fetches]
        marks = placeholders(range(12))
        self._conn.executemany(
            f"INSERT OR REPLACE INTO fetches (source, {_COLUMNS}) VALUES ({marks})",  # noqa: S608
            rows,
        )

    def forget(self, source: str, urls: Iterable[str]) -> None:
        """Drop what is kept of some addresses."""
        self._conn.executemany(
            "DELETE FROM fetches WHERE source = ? AND url = ?",
            [(source, url) for url in urls],
        )


def _row(fetch: Fetch) -> tuple[Any, ...]:
    return (
        clean(fetch.url),
        to_text(fetch.checked_at),
        clean(fetch.etag),
        clean(fetch.last_modified),
        fetch.body,
        fetch.key,
        clean(fetch.reason),
        clean(fetch.stamp),
        fetch.content_hash,
        fetch.failures,
        to_text(fetch.failed_at),
    )


def _fetch(row: Sequence[Any]) -> Fetch:
    checked_at = to_moment(row[1])
    if checked_at is None:  # the column is NOT NULL
        raise ValueError(f"{row[0]}: without a time")
    return Fetch(
        url=row[0],
        checked_at=checked_at,
        etag=row[2],
        last_modified=row[3],
        body=row[4],
        key=row[5],
        reason=row[6],
        stamp=row[7],
        content_hash=row[8],
        failures=row[9],
        failed_at=to_moment(row[10]),
    )
