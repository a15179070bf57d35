"""Opening the store: pragmas, migrations, transactions, clear errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlite_utils import Database

from kb.errors import SchemaVersionError, StoreError
from kb.store.activity import Activity
from kb.store.columns import Columns
from kb.store.deliveries import Deliveries
from kb.store.documents import Documents
from kb.store.editions import Editions
from kb.store.evidence import Evidence
from kb.store.failures import alone, connection_factory, sqlite_errors
from kb.store.feedback import Feedback
from kb.store.fetches import Fetches
from kb.store.forgetting import Forgetting
from kb.store.holdings import Holdings
from kb.store.keys import ApiKeys
from kb.store.ledger import Ledger
from kb.store.links import Links
from kb.store.looks import Looks
from kb.store.loose import LooseParts
from kb.store.members import Members
from kb.store.messages import Messages
from kb.store.parallel import Parallel
from kb.store.passages import Passages
from kb.store.pauses import Pauses
from kb.store.profiles import Profiles
from kb.store.progress import Progress
from kb.store.schema import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION
from kb.store.searches import Searches
from kb.store.targets import Targets
from kb.store.templates import LearnedTemplates
from kb.store.upkeep import Upkeep
from kb.store.verdicts import Verdicts
from kb.store.watched import Watched
from kb.store.works import Works

# Another process may be in the middle of a write transaction; those last
# milliseconds, so a longer wait means that somebody holds the file.
BUSY_TIMEOUT_S = 10.0


class Store:
    """One connection to the knowledge base; not to be shared between threads."""

    def __init__(self, db: Database, path: Path) -> None:
        self.db = db
        self.path = path
        self.documents = Documents(db)
        self.passages = Passages(db)
        self.links = Links(db)
        self.evidence = Evidence(db)
        self.columns = Columns(db)
        self.progress = Progress(db)
        self.templates = LearnedTemplates(db)
        self.ledger = Ledger(db)
        self.loose = LooseParts(db)
        self.looks = Looks(db)
        self.fetches = Fetches(db)
        self.editions = Editions(db)
        self.targets = Targets(db)
        self.works = Works(db)
        self.parallel = Parallel(db)
        self.messages = Messages(db)
        self.feedback = Feedback(db)
        self.members = Members(db)
        self.pauses = Pauses(db)
        self.forgetting = Forgetting(db)
        self.watched = Watched(db)
        self.deliveries = Deliveries(db)
        self.activity = Activity(db)
        self.verdicts = Verdicts(db)
        self.profiles = Profiles(db)
        self.upkeep = Upkeep(db)
        self.api_keys = ApiKeys(db)
        self.searches = Searches(db)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        readonly: bool = False,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Open the store, making or migrating it unless *readonly*.

        Raises:
            SchemaVersionError: The file was written by a newer version.
            StoreError: It is missing (with *readonly*), locked, read-only, not
                a database, or not ours.
        """
        with sqlite_errors(path):
            if readonly:
                if not path.is_file():
                    raise StoreError(path, "no knowledge base here; run baraza harvest")
                connection = sqlite3.connect(
                    f"{path.absolute().as_uri()}?mode=ro",
                    uri=True,
                    timeout=busy_timeout_s,
                    factory=connection_factory(path),
                )
            else:
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                except OSError as exc:
                    raise StoreError(path, f"cannot make its folder: {exc}") from exc
                connection = sqlite3.connect(
                    path, timeout=busy_timeout_s, factory=connection_factory(path)
                )
            try:
                db = _prepare(
                    connection, path, readonly=readonly, timeout_s=busy_timeout_s
                )
            except BaseException:
                connection.close()
                raise
        return cls(db, path)

    def holdings(self, source: str) -> Holdings:
        """What is stored of one source, for its walk."""
        return Holdings(self.db, source)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception inside undoes everything since its start.

        Raises:
            StoreError: SQLite could not write: locked, disk full, read-only.
        """
        connection = self.db.conn
        # IMMEDIATE, so that two writers queue up instead of failing half way.
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may already have rolled the transaction back.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads inside see one state, whatever others write meanwhile.

        Writers are not held up, but the write-ahead log grows until it ends.
        """
        connection = self.db.conn
        connection.execute("BEGIN")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    @property
    def uuid(self) -> str:
        """Identity of this store; derived indexes carry it in their stamp."""
        return self._meta("uuid")

    @property
    def generation(self) -> int:
        """Grows with every change that an index holds: of passages, titles, readers,
        links. Indexes say which one they hold."""
        return int(self._meta("generation"))

    @property
    def data_version(self) -> int:
        """Another number whenever another connection has written; of this connection
        alone."""
        row = self.db.conn.execute("PRAGMA data_version").fetchone()
        return int(row[0])

    def _meta(self, key: str) -> str:
        row = self.db.conn.execute(
            "SELECT value FROM meta WHERE key = ?", [key]
        ).fetchone()
        return str(row[0])

    def backup(self, target: Path) -> None:
        """Write a compact, consistent copy while others go on working.

        Raises:
            StoreError: *target* exists or cannot be written.
        """
        if target.exists():
            raise StoreError(target, "exists already; a backup never overwrites")
        with sqlite_errors(target):
            self.db.conn.execute("VACUUM INTO ?", [str(target)])

    def close(self) -> None:
        self.db.conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _prepare(
    connection: sqlite3.Connection, path: Path, *, readonly: bool, timeout_s: float
) -> Database:
    # Autocommit: transactions are opened by Store.transaction and by nobody else.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # What is deleted is overwritten; whether by default depends on the build.
    connection.execute("PRAGMA secure_delete = ON")
    _refuse_foreign_file(connection, path)
    db = Database(connection)
    if readonly:
        if _user_version(connection) < SCHEMA_VERSION:
            raise SchemaVersionError(
                path,
                "written by an older version; any baraza harvest or index migrates it",
            )
        return db
    if not _is_ready(connection):
        with alone(path, timeout_s=timeout_s):
            # First of all: a killed first start must leave a file that is ours.
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("PRAGMA journal_mode = WAL")
            MIGRATIONS.apply(db)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    # In WAL mode NORMAL survives a killed process; only a power cut may
    # take the last transactions, and those are harvested again.
    connection.execute("PRAGMA synchronous = NORMAL")
    return db


def _is_ready(connection: sqlite3.Connection) -> bool:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    return mode == "wal" and _user_version(connection) == SCHEMA_VERSION


def _refuse_foreign_file(connection: sqlite3.Connection, path: Path) -> None:
    """A wrong ``data_dir`` must not turn somebody else's database into ours."""
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if tables and application_id != APPLICATION_ID:
        raise StoreError(path, "is a database, but not a Baraza knowledge base")
    if _user_version(connection) > SCHEMA_VERSION:
        raise SchemaVersionError(
            path,
            f"has schema {_user_version(connection)}, this program knows "
            f"{SCHEMA_VERSION}; install a newer Baraza",
        )


def _user_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
