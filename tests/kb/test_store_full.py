"""A full disk: a clear error, and a store that is as it was before."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.errors import StoreError
from kb.store import Store
from tests.kb.stored import delete, insert, page


def allow_pages(store: Store, more: int) -> None:
    connection = store.db.conn
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + more}")


def state(store: Store) -> tuple[object, ...]:
    return (
        store.generation,
        list(store.passages.indexable()),
        store.documents.counts(),
        store.passages.removed(after_generation=-1),
    )


@pytest.mark.parametrize("room", [0, 1, 5, 20])
def test_a_full_disk_undoes_the_transaction_and_loses_nothing(
    store: Store, store_path: Path, room: int
) -> None:
    insert(store, page("old", "Dump nightly", "Restore"))
    before = state(store)
    allow_pages(store, room)

    with pytest.raises(StoreError, match=r"full.*free space and run again"):
        insert(store, page("big", *("word " * 1000 for _ in range(60))))

    assert state(store) == before
    check = store.db.conn.execute("PRAGMA integrity_check").fetchone()[0]
    assert check == "ok"
    with Store.open(store_path, readonly=True) as reader:
        assert state(reader) == before


def test_work_goes_on_once_there_is_room(store: Store) -> None:
    insert(store, page("old", "Dump nightly"))
    allow_pages(store, 1)
    big = page("big", *("word " * 1000 for _ in range(60)))
    with pytest.raises(StoreError):
        insert(store, big)

    allow_pages(store, 10_000)
    document = insert(store, big)

    assert store.documents.load(document) == big


def test_a_full_disk_lets_text_be_deleted(store: Store) -> None:
    document = insert(store, page("old", *("word " * 1000 for _ in range(20))))
    allow_pages(store, 0)

    assert delete(store, document) == 1
    assert store.passages.count() == 0
