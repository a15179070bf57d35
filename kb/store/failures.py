"""SQLite's errors as `StoreError`, wrapped once, with what to do about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kb.errors import StoreError

_ADVICE = {
    "locked": "another program holds it; let it finish and run again",
    "readonly": "make the file and its folder writable",
    "full": "free space and run again; nothing was lost",
    "unable to open": "check that the folder exists and may be read and written",
    "not a database": "damaged or foreign; restore a backup or remove it",
    "malformed": "damaged; restore a backup, or remove it and harvest again",
}


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.Error as exc:
        raise StoreError(path, advice(str(exc))) from exc


def advice(message: str) -> str:
    """SQLite's words, and what a person can do.

    >>> advice("database is locked")
    'database is locked (another program holds it; let it finish and run again)'
    """
    for word, hint in _ADVICE.items():
        if word in message:
            return f"{message} ({hint})"
    return message


@contextmanager
def alone(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold others off while a database is made or migrated.

    SQLite's own waiting does not cover the change to WAL mode: of two programs
    that start on a new folder, one would fail.
    """
    try:
        with FileLock(f"{path}.lock", timeout=timeout_s):
            yield
    except Timeout as exc:
        raise StoreError(path, advice("database is locked")) from exc
    except OSError as exc:
        raise StoreError(path, f"{exc} ({_ADVICE['readonly']})") from exc


def connection_factory(path: Path) -> type[sqlite3.Connection]:
    """A connection class for *path* whose statements raise `StoreError`."""

    # A damaged page shows only when its rows are fetched.
    class StoreCursor(sqlite3.Cursor):
        def __next__(self) -> Any:
            # Not the context manager: it would cost more than the row itself.
            try:
                return super().__next__()
            except sqlite3.Error as exc:
                raise StoreError(path, advice(str(exc))) from exc

        def fetchone(self) -> Any:
            with sqlite_errors(path):
                return super().fetchone()

        def fetchall(self) -> list[Any]:
            with sqlite_errors(path):
                return super().fetchall()

    class StoreConnection(sqlite3.Connection):
        def cursor(self, factory: Any = StoreCursor, /) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            with sqlite_errors(path):
                return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
            with sqlite_errors(path):
                return super().executemany(sql, parameters)

    return StoreConnection
