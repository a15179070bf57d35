"""The facts of all that is searched, as columns."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from kb.store import Store
from kb.types import DocumentId, Kind
from tests.kb.instant.world import NOW, STAFF, document, put


def test_documents_are_told_with_what_filters_and_ranking_ask_for(store: Store) -> None:
    changed = datetime(2025, 1, 2, tzinfo=UTC)
    first = put(
        store,
        document(
            "one",
            "A",
            "B",
            category="Data entry",
            tags=("a", "b"),
            language="pt-BR",
            version="2.41",
            updated_at=changed,
            solved=True,
            likes=4,
            work="w",
        ),
    )
    put(store, document("gone", "C", listed=False))
    undated = put(
        store,
        document("two", "D", kind=Kind.DOCS, created_at=None, updated_at=None),
    )

    one, two = store.columns.documents().rows

    assert (one.id, one.kind, one.source, one.visibility) == (
        first,
        Kind.THREAD,
        "forum",
        "public",
    )
    assert (one.language, one.category, one.tags) == ("pt", "Data entry", ("a", "b"))
    assert (one.versions, one.changed) == (("2.41",), changed.timestamp())
    assert (one.parts_count, one.likes, one.solved, one.work) == (2, 4, True, "w")
    assert (two.id, two.versions, two.parts_count) == (undated, (), 1)
    assert math.isnan(two.changed)


def test_of_a_page_in_several_versions_all_are_named(store: Store) -> None:
    for version in ("2.40", "2.41"):
        put(
            store,
            document(version, "A", kind=Kind.DOCS, page="backup", version=version),
        )
    with store.transaction():
        store.editions.settle("forum", None)

    (row,) = store.columns.documents().rows

    assert sorted(row.versions) == ["2.40", "2.41"]


def test_passages_come_with_their_documents_by_id(store: Store) -> None:
    first = put(store, document("one", "A", "B"))
    second = put(store, document("two", "C"))

    ids, documents = store.columns.passages()

    assert ids.tolist() == sorted(ids.tolist())
    assert documents.tolist() == [first, first, second]


def test_an_empty_store_has_empty_columns(store: Store) -> None:
    ids, documents = store.columns.passages()

    assert (len(ids), len(documents), store.columns.documents().rows) == (0, 0, ())
    assert store.columns.counts(None) == ({}, {}, 0, None)


def test_counts_are_of_what_the_reader_may_see(store: Store) -> None:
    put(store, document("one", "A", "B", language="pt-BR"))
    put(store, document("two", "C", language="pt"))
    put(store, document("secret", "D", visibility=STAFF))
    put(store, document("gone", "E", listed=False))

    public = store.columns.counts(frozenset({"public"}))
    every = store.columns.counts(None)

    assert public == ({Kind.THREAD: 2}, {"pt": 2}, 3, NOW)
    assert every == ({Kind.THREAD: 3}, {"pt": 2, "en": 1}, 4, NOW)
    assert store.columns.counts(frozenset()) == ({}, {}, 0, None)


def test_openings_are_first_passages_of_documents_that_have_some(store: Store) -> None:
    first = put(store, document("one", "A", "B"))

    found = store.columns.openings([first, DocumentId(99)])

    assert found == {first: store.passages.of_document(first)[0].id}


def test_rows_that_did_not_change_are_those_of_before(store: Store) -> None:
    put(store, document("one", "A"))
    changed = put(store, document("two", "B"))
    before = store.columns.documents()
    put(store, document("two", "B", solved=True), over=changed)
    put(store, document("three", "C"))

    after = store.columns.documents(before)

    assert after.rows[0] is before.rows[0]
    assert [row.solved for row in after.rows] == [False, True, False]
    assert after.read == store.columns.documents().read
