"""Opening the store: what is made, migrated, refused, and with which advice."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from kb.errors import SchemaVersionError, StoreError
from kb.store import EmbeddingCache, Store
from kb.store.schema import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION
from kb.types import DocumentId, PassageId, TopicId
from tests.kb.stored import NOON, delete, insert, page


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as any SQLite program sees it, in autocommit mode."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def schema_of(path: Path) -> list[tuple[str, str]]:
    with raw(path) as connection:
        return connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()


def test_a_new_store_is_empty_marked_as_ours_and_survives_reopening(
    store_path: Path,
) -> None:
    with Store.open(store_path) as store:
        uuid = store.uuid
        assert (store.generation, store.passages.count()) == (0, 0)
    with raw(store_path) as connection:
        marks = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version", "journal_mode")
        ]
    before = schema_of(store_path)

    with Store.open(store_path) as store:
        assert store.uuid == uuid

    assert marks == [APPLICATION_ID, SCHEMA_VERSION, "wal"]
    assert schema_of(store_path) == before


def test_two_stores_have_two_identities(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as a, Store.open(tmp_path / "b.db") as b:
        assert a.uuid != b.uuid


def test_an_empty_file_becomes_a_store_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "touched.db").touch()

    Store.open(tmp_path / "touched.db").close()
    Store.open(tmp_path / "new.db").close()

    assert schema_of(tmp_path / "touched.db") == schema_of(tmp_path / "new.db")


def test_migrating_keeps_what_is_stored(store_path: Path) -> None:
    """A file whose migrations ran but were not yet noted as complete is finished."""
    with Store.open(store_path) as store:
        document = insert(store, page("backup", "Dump nightly"))
        uuid = store.uuid
    with raw(store_path) as connection:
        connection.execute("PRAGMA user_version = 0")

    with Store.open(store_path) as store:
        assert store.documents.load(document) == page("backup", "Dump nightly")
        assert store.uuid == uuid


def test_a_store_of_version_2_is_migrated_with_all_that_it_holds(
    store_path: Path,
) -> None:
    store_path.parent.mkdir()
    with raw(store_path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        MIGRATIONS.apply(Database(connection), stop_before="003_ranking")
        connection.execute("PRAGMA user_version = 2")
        connection.execute("UPDATE meta SET value = '7' WHERE key = 'generation'")
        connection.execute(
            "INSERT INTO documents (source, kind, key, url, title, visibility, tags,"
            " solved, closed, listed, views, parts_count, revision, content_hash,"
            " chunker, walk) VALUES ('forum', 'thread', '1', 'u', 'Import fails',"
            " 'public', '[]', 1, 0, 1, 9, 2, '', '', 'v1', 1)"
        )
        connection.executemany(
            "INSERT INTO parts (document_id, number, body, format, author_id, likes,"
            " accepted) VALUES (1, ?, 'text', 'text', ?, ?, ?)",
            [(1, 7, 0, False), (2, 8, 5, True)],
        )
        connection.executemany(
            "INSERT INTO passages (document_id, part_number, ordinal, anchor, heading,"
            " text, visibility, opening, content_hash, generation)"
            " VALUES (1, ?, ?, '', '', 'text', 'public', ?, '', 7)",
            [(1, 0, True), (2, 1, False)],
        )
    with pytest.raises(SchemaVersionError, match="written by an older version"):
        Store.open(store_path, readonly=True)

    with Store.open(store_path) as store:
        facts = store.passages.facts([PassageId(1), PassageId(2)])
        people = store.evidence.people()

        assert store.generation == 7
        assert [fact.accepted for fact in facts.values()] == [False, True]
        assert people.helpers(DocumentId(1)) == {"forum:8": 1}
        assert store.evidence.document_facts([DocumentId(1)])[DocumentId(1)].likes == 5
        assert [p.part_number for p in store.passages.of_solution(DocumentId(1))] == [2]
    Store.open(store_path.with_name("new.db")).close()
    assert schema_of(store_path) == schema_of(store_path.with_name("new.db"))


def test_a_store_of_version_6_keeps_the_ledger_of_its_bot(store_path: Path) -> None:
    store_path.parent.mkdir()
    with raw(store_path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        MIGRATIONS.apply(Database(connection), stop_before="007_report")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA user_version = 6")
        connection.execute(
            "INSERT INTO decisions (forum, topic_id, title, mode, state, reasons,"
            " suggestions, decided_at, updated_at) VALUES ('forum', 812, 'Import"
            " fails', 'public', 'posted', '[\"sure\"]', '[]',"
            " '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z')"
        )

    with Store.open(store_path) as store:
        decision = store.ledger.get("forum", TopicId(812))
        assert store.verdicts.of("forum") == {}
        assert store.profiles.of("forum") == {}

    assert decision is not None
    assert (decision.state, decision.reasons) == ("posted", ("sure",))
    Store.open(store_path.with_name("new.db")).close()
    assert schema_of(store_path) == schema_of(store_path.with_name("new.db"))


def test_a_store_of_version_7_takes_keys_and_counts_searches(store_path: Path) -> None:
    store_path.parent.mkdir()
    at = "2026-01-01T00:00:00.000000Z"
    with raw(store_path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        MIGRATIONS.apply(Database(connection), stop_before="008_search")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA user_version = 7")
        connection.execute(
            "INSERT INTO verdicts VALUES ('forum', 812, 'not_a_question', 'staff', ?)",
            [at],
        )

    with Store.open(store_path) as store:
        assert store.verdicts.of("forum") == {TopicId(812): "not_a_question"}
        assert store.api_keys.list() == []
        with store.transaction():
            store.searches.count(NOON.date(), 3, 1)
            secret = store.api_keys.add("wiki", ["private"], NOON)
        assert store.api_keys.find(secret) is not None

    Store.open(store_path.with_name("new.db")).close()
    assert schema_of(store_path) == schema_of(store_path.with_name("new.db"))


@pytest.mark.parametrize("migrated", [False, True])
def test_a_first_start_that_was_killed_is_finished_by_the_next(
    store_path: Path, migrated: bool
) -> None:
    store_path.parent.mkdir()
    with raw(store_path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        if migrated:
            MIGRATIONS.apply(Database(connection))

    with Store.open(store_path) as store:
        assert store.generation == 0


def test_programs_that_start_at_the_same_time_share_the_new_files(
    tmp_path: Path,
) -> None:
    barrier = threading.Barrier(8)
    failures: list[StoreError] = []

    def start(number: int) -> None:
        barrier.wait()
        try:
            if number % 2:
                Store.open(tmp_path / "baraza.db").close()
            else:
                EmbeddingCache.open(tmp_path / "embeddings.db").close()
        except StoreError as exc:
            failures.append(exc)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_store_of_a_newer_version_is_refused(store_path: Path) -> None:
    Store.open(store_path).close()
    with raw(store_path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")

    for readonly in (False, True):
        with pytest.raises(SchemaVersionError, match="install a newer Baraza"):
            Store.open(store_path, readonly=readonly)


def test_a_reader_does_not_migrate(store_path: Path) -> None:
    Store.open(store_path).close()
    with raw(store_path) as connection:
        connection.execute("PRAGMA user_version = 0")

    with pytest.raises(SchemaVersionError, match="written by an older version"):
        Store.open(store_path, readonly=True)


def test_a_foreign_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with raw(path) as connection:
        connection.execute("CREATE TABLE photos (id)")
    before = path.read_bytes()

    with pytest.raises(StoreError, match="not a Baraza knowledge base"):
        Store.open(path)

    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["photos.db"]


@pytest.mark.parametrize("content", [b"junk" * 1000, b"%PDF-1.4 and so on" * 60])
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "baraza.db"
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"not a database.*restore a backup or remove"):
        Store.open(path)

    assert path.read_bytes() == content


def test_a_truncated_store_says_what_to_do(store_path: Path) -> None:
    with Store.open(store_path) as store:
        insert(store, page("long", *("word " * 400 for _ in range(40))))
        store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = store_path.read_bytes()
    store_path.write_bytes(whole[: len(whole) // 3])

    with (
        pytest.raises(StoreError, match=r"malformed.*restore a backup"),
        Store.open(store_path) as store,
    ):
        list(store.passages.indexable())


def test_a_damaged_page_says_what_to_do_when_it_is_reached(store_path: Path) -> None:
    """SQLite notices only when rows are fetched, after the statement had started."""
    with Store.open(store_path) as store:
        insert(store, page("long", *("word " * 400 for _ in range(80))))
        store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = bytearray(store_path.read_bytes())
    whole[len(whole) // 3 : -4096] = b"\xa5" * (len(whole) - 4096 - len(whole) // 3)
    store_path.write_bytes(whole)

    with (
        Store.open(store_path, readonly=True) as store,
        pytest.raises(StoreError, match=r"malformed.*restore a backup"),
    ):
        list(store.passages.indexable())


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"{tmp_path}: unable to open"):
        Store.open(tmp_path)


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")

    with pytest.raises(StoreError, match="cannot make its folder"):
        Store.open(tmp_path / "data" / "baraza.db")


def test_a_missing_store_tells_a_reader_what_to_run(store_path: Path) -> None:
    with pytest.raises(StoreError, match="run baraza harvest"):
        Store.open(store_path, readonly=True)

    assert not store_path.parent.exists()


def test_a_reader_cannot_write(store: Store, store_path: Path) -> None:
    with (
        Store.open(store_path, readonly=True) as reader,
        pytest.raises(StoreError, match=r"readonly database \(make the file"),
    ):
        insert(reader, page("backup", "Dump nightly"))

    assert store.passages.count() == 0


def test_a_locked_store_says_so(store: Store, store_path: Path) -> None:
    with (
        Store.open(store_path, busy_timeout_s=0.05) as other,
        store.transaction(),
        pytest.raises(StoreError, match=r"locked.*another program holds it"),
        other.transaction(),
    ):
        pytest.fail("two transactions at once")


def test_a_store_that_is_held_whole_says_so(store_path: Path) -> None:
    Store.open(store_path).close()
    with raw(store_path) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")

        with pytest.raises(StoreError, match=r"locked.*another program holds it"):
            Store.open(store_path, busy_timeout_s=0.05)


def test_what_is_deleted_is_not_left_in_the_file(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where SQLite was built to leave it, as it is not everywhere."""
    connect = sqlite3.connect

    def connect_as_such_a_build(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_as_such_a_build)
    secret = "The safe opens with 31-07-19. "
    with Store.open(store_path) as store:
        short = insert(store, page("short", secret))
        long = insert(store, page("long", secret * 500))
        insert(store, page("other", "Dump nightly"))
        store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = store_path.read_bytes()

        delete(store, short, long)
        store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        files = [path.read_bytes() for path in store_path.parent.iterdir()]
    assert before.count(b"31-07-19") > 500
    assert [data.count(b"31-07-19") for data in files] == [0] * len(files)
    assert any(b"Dump nightly" in data for data in files)


def test_readers_go_on_while_somebody_writes(store: Store, store_path: Path) -> None:
    with (
        store.transaction(),
        Store.open(store_path, readonly=True, busy_timeout_s=0.05) as reader,
    ):
        assert reader.generation == 0


def test_a_backup_is_the_same_store(store: Store, tmp_path: Path) -> None:
    document = insert(store, page("backup", "Dump nightly"))
    target = tmp_path / "copy.db"

    store.backup(target)

    with Store.open(target, readonly=True) as copy:
        assert (copy.uuid, copy.generation) == (store.uuid, store.generation)
        assert copy.documents.load(document) == page("backup", "Dump nightly")


def test_a_backup_never_overwrites(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "precious.txt"
    target.write_text("mine")

    with pytest.raises(StoreError, match="never overwrites"):
        store.backup(target)
    with pytest.raises(StoreError, match="unable to open"):
        store.backup(tmp_path / "no" / "such" / "folder.db")

    assert target.read_text() == "mine"
