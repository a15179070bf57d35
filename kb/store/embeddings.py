"""Embeddings on disk, by content hash and model: no text is embedded twice.

A file of its own, because it is derived: it may be deleted, and a backup of the
truth need not carry it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from kb.errors import StoreError
from kb.store.failures import alone, connection_factory
from kb.store.rows import batches, placeholders

MIGRATIONS = Migrations("baraza-embeddings")
_TIMEOUT_S = 10.0


@MIGRATIONS(name="001_start")
def _start(db: Database) -> None:
    db.conn.execute(
        "CREATE TABLE embeddings (model_id TEXT NOT NULL, content_hash TEXT NOT NULL,"
        " vector BLOB NOT NULL, PRIMARY KEY (model_id, content_hash)) WITHOUT ROWID"
    )


class EmbeddingCache:
    """Vectors of one or more models; float32, little endian."""

    def __init__(self, db: Database, path: Path) -> None:
        self._conn: sqlite3.Connection = db.conn
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the cache.

        Raises:
            StoreError: It is not a database, locked or cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                path, timeout=_TIMEOUT_S, factory=connection_factory(path)
            )
        except (OSError, sqlite3.Error) as exc:
            raise StoreError(path, str(exc)) from exc
        db = Database(connection)
        try:
            connection.isolation_level = None
            with alone(path, timeout_s=_TIMEOUT_S):
                connection.execute("PRAGMA journal_mode = WAL")
                MIGRATIONS.apply(db)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
        except (StoreError, sqlite3.Error) as exc:
            connection.close()
            raise StoreError(
                path, f"{exc.__cause__ or exc} (it may be deleted, and fills anew)"
            ) from exc
        return cls(db, path)

    def get(
        self, model_id: str, hashes: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        """The known ones among *hashes*; each vector has shape ``(dim,)``."""
        found: dict[str, NDArray[np.float32]] = {}
        for some in batches(hashes):
            rows = self._conn.execute(
                "SELECT content_hash, vector FROM embeddings "  # noqa: S608
                f"WHERE model_id = ? AND content_hash IN ({placeholders(some)})",
                [model_id, *some],
            )
            for hashed, blob in rows:
                # Whole numbers only: a damaged length is the caller's to notice.
                whole = blob[: len(blob) // 4 * 4]
                found[hashed] = np.frombuffer(whole, dtype="<f4").astype(np.float32)
        return found

    def missing(self, model_id: str, hashes: Iterable[str]) -> Iterator[str]:
        """Those without a vector, in order, each once; memory grows with those only."""
        seen: set[str] = set()
        for hashed in hashes:
            if hashed in seen:
                continue
            known = self._conn.execute(
                "SELECT 1 FROM embeddings WHERE model_id = ? AND content_hash = ?",
                [model_id, hashed],
            ).fetchone()
            if known is None:
                seen.add(hashed)
                yield hashed

    def put(self, model_id: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep vectors, all or none.

        Raises:
            StoreError: The disk is full, or another program holds the file.
        """
        with self._transaction():
            self._conn.executemany(
                "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
                [
                    (model_id, hashed, vector.astype("<f4").tobytes())
                    for hashed, vector in vectors.items()
                ],
            )

    def models(self) -> list[str]:
        """Ids of the models that it holds vectors of."""
        rows = self._conn.execute(
            "SELECT DISTINCT model_id FROM embeddings ORDER BY model_id"
        )
        return [model_id for (model_id,) in rows]

    def keep_only(self, model_id: str, hashes: Iterable[str]) -> int:
        """Forget this model's vectors of texts that are gone; returns how many.

        What leaves the forum leaves the cache as well: a vector still says
        something about its text.
        """
        self._conn.execute(
            "CREATE TEMP TABLE IF NOT EXISTS wanted (hash TEXT PRIMARY KEY)"
        )
        with self._transaction():
            self._conn.execute("DELETE FROM wanted")
            self._conn.executemany(
                "INSERT OR IGNORE INTO wanted VALUES (?)", ((h,) for h in hashes)
            )
            cursor = self._conn.execute(
                "DELETE FROM embeddings WHERE model_id = ? "
                "AND content_hash NOT IN (SELECT hash FROM wanted)",
                [model_id],
            )
        return cursor.rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._conn.execute("COMMIT")
        except BaseException:
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
