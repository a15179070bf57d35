"""Embedding for an index that is still to come, into the cache alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.errors import EmbeddingError
from kb.index import embed_ahead
from kb.index.known import count_texts, known_of
from kb.store import EmbeddingCache, Store
from kb.types import DocumentId
from tests.kb.stored import delete, insert, page
from tests.kb.test_index import CountingEmbedder, Desk

NEW = 16


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[EmbeddingCache]:
    with EmbeddingCache.open(tmp_path / "embeddings.db") as opened:
        yield opened


def filled(store: Store, count: int) -> DocumentId:
    """The last of *count* pages."""
    ids = [insert(store, page(f"p{n}", f"Text of number {n}")) for n in range(count)]
    return ids[-1]


def test_all_that_is_searched_is_embedded_once(
    store: Store, cache: EmbeddingCache
) -> None:
    filled(store, 300)
    embedder = CountingEmbedder(NEW)
    seen: list[tuple[int, int]] = []

    first = embed_ahead(
        store, embedder, cache, progress=lambda done, all_: seen.append((done, all_))
    )
    read = sorted(embedder.read)
    again = embed_ahead(store, embedder, cache)

    assert (first, again) == (True, True)
    assert len(read) == len(set(read)) == count_texts(store)
    assert sorted(embedder.read) == read
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {seen[-1][0]}
    assert known_of(store, cache, embedder.model_id) == (len(read), len(read))


def test_an_index_of_what_is_known_needs_no_model(
    store: Store, cache: EmbeddingCache, tmp_path: Path
) -> None:
    filled(store, 3)
    embedder = CountingEmbedder(NEW)
    embed_ahead(store, embedder, cache)
    embedder.read.clear()

    report = Desk(store, cache, tmp_path / "index", embedder).build()

    assert (report.passages, report.embedded) == (3, 0)
    assert embedder.read == []


def test_it_ends_between_two_batches_and_goes_on_from_there(
    store: Store, cache: EmbeddingCache
) -> None:
    filled(store, 300)
    embedder = CountingEmbedder(NEW)
    answers = iter([True, False])

    ended = embed_ahead(store, embedder, cache, go_on=lambda: next(answers))
    known, total = known_of(store, cache, embedder.model_id)
    first = set(embedder.read)
    embedder.read.clear()
    complete = embed_ahead(store, embedder, cache)

    assert (ended, complete) == (False, True)
    assert known == len(first) < total
    assert first.isdisjoint(embedder.read)


def test_what_is_known_asks_nobody_whether_to_go_on(
    store: Store, cache: EmbeddingCache
) -> None:
    filled(store, 3)
    embed_ahead(store, CountingEmbedder(NEW), cache)

    assert embed_ahead(store, CountingEmbedder(NEW), cache, go_on=lambda: False)


def test_the_store_may_change_on_the_way(
    store: Store, store_path: Path, cache: EmbeddingCache
) -> None:
    """Another process harvests: what comes is embedded, what left is not missed."""
    last = filled(store, 200)
    embedder = CountingEmbedder(NEW)
    changed = False

    def change() -> bool:
        nonlocal changed
        if not changed:
            changed = True
            with Store.open(store_path) as other:
                delete(other, last)
                insert(other, page("late", "It came late"))
        return True

    assert embed_ahead(store, embedder, cache, go_on=change)

    assert any("It came late" in text for text in embedder.read)
    assert not any("number 199" in text for text in embedder.read)


def test_equal_texts_are_read_once_and_all_counted(
    store: Store, cache: EmbeddingCache
) -> None:
    insert(store, page("same", "Same text"))
    insert(store, page("SAME", "Same text"))
    embedder = CountingEmbedder(NEW)
    seen: list[tuple[int, int]] = []

    embed_ahead(
        store, embedder, cache, progress=lambda done, all_: seen.append((done, all_))
    )

    assert sorted(embedder.read) == ["Same", "Same\nSame text"]
    assert seen[-1] == (3, 3)
    assert known_of(store, cache, embedder.model_id) == (2, 2)


def test_a_model_that_fails_loses_one_batch(
    store: Store, cache: EmbeddingCache
) -> None:
    filled(store, 200)
    insert(store, page("bad", "poison"))
    embedder = CountingEmbedder(NEW)

    with pytest.raises(EmbeddingError, match="cannot read poison"):
        embed_ahead(store, embedder, cache)

    assert known_of(store, cache, embedder.model_id)[0] == 128


def test_an_empty_store_is_complete(store: Store, cache: EmbeddingCache) -> None:
    assert embed_ahead(store, CountingEmbedder(NEW), cache, go_on=lambda: False)
    assert known_of(store, cache, "any") == (0, 0)
