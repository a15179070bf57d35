"""What a batch tells of documents that it does not bring, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from indexer.pipeline import RefreshReport, refresh
from indexer.source import Batch
from kb.errors import SourceError
from kb.store import CATEGORIES, Look, Store
from kb.types import LoosePart, Part
from tests.indexer.samples import CHUNKER, NOW, ListSource, by_line, page

BEFORE = NOW - timedelta(hours=1)
LOOSE = LoosePart("a", Part(2, "two", external_id=12))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kb.db") as opened:
        yield opened


def run(store: Store, *batches: Batch | Exception) -> RefreshReport:
    source = ListSource(*batches, is_exhaustive=False)
    return refresh(source, store, by_line, CHUNKER, clock=lambda: NOW)


def hint(store: Store, *keys: str, late: bool = False) -> None:
    at = NOW + timedelta(seconds=1) if late else BEFORE
    with store.transaction():
        store.looks.add("docs", keys, "post_edited", at)


def test_loose_parts_are_kept_until_their_document_is_written(store: Store) -> None:
    run(store, Batch(loose=(LOOSE,)))
    assert store.loose.of("docs", "a") == (LOOSE.content,)
    run(store, Batch(unchanged=("a",)))
    assert store.loose.count_keys("docs") == 1
    run(store, Batch(documents=(page("a", "one", "two"),)))
    assert store.loose.count_keys("docs") == 0


@pytest.mark.parametrize(
    "batch",
    [
        Batch(gone=("a",)),
        Batch(skipped=(("a", "private"),)),
        Batch(set_aside=(("a", "broken"),)),
        Batch(documents=(page("a"),)),
    ],
    ids=["gone", "skipped", "set aside", "refused"],
)
def test_what_waits_for_a_document_is_dropped_with_it(
    store: Store, batch: Batch
) -> None:
    """One that is set aside is read again with every walk, whole."""
    hint(store, "a", "b")
    run(store, Batch(loose=(LOOSE,)), batch)
    assert store.loose.count_keys("docs") == 0
    assert [look.key for look in store.looks.keys("docs")] == ["b"]


def test_hints_are_kept_until_they_are_followed(store: Store) -> None:
    """As if they had been there when the walk began: it may follow them itself."""
    run(store, Batch(looks=(("a", "moved"), ("b", "moved"))))
    assert store.looks.keys("docs") == [
        Look("a", "moved", NOW),
        Look("b", "moved", NOW),
    ]
    run(store, Batch(documents=(page("a", "one"),)))
    assert [look.key for look in store.looks.keys("docs")] == ["b"]
    noted = Batch(looks=(("c", "moved"),))
    run(store, noted, Batch(documents=(page("c", "one"), page("b", "one"))))
    assert store.looks.count("docs") == 0


def test_a_hint_that_comes_while_a_walk_is_under_way_outlives_it(store: Store) -> None:
    hint(store, "a", late=True)
    run(store, Batch(documents=(page("a", "one"),)))
    assert [look.key for look in store.looks.keys("docs")] == ["a"]


def test_a_hint_that_is_no_document_is_settled_by_itself(store: Store) -> None:
    hint(store, CATEGORIES, "a")
    run(store, Batch(settled=(CATEGORIES,)))
    assert [look.key for look in store.looks.keys("docs")] == ["a"]


def test_counts_change_without_the_document_changing(store: Store) -> None:
    run(store, Batch(documents=(page("a", "one"),)))
    generation, before = store.generation, store.documents.state("docs", "a")
    run(store, Batch(unchanged=("a",), counts=(("a", 70, 3), ("none", 1, 1))))
    document = store.holdings("docs").document("a")
    assert document is not None
    assert (document.views, document.likes) == (70, 3)
    assert store.documents.state("docs", "a") == before
    assert store.generation == generation


def test_documents_that_were_compared_keep_when_that_was(store: Store) -> None:
    run(store, Batch(documents=(page("a", "one"), page("b", "one", verified_at=NOW))))
    run(store, Batch(verified=("a", "none"), verified_at=BEFORE))
    run(store, Batch(verified=("b",)))
    held = store.holdings("docs")
    assert held.stalest(9, before=NOW) == ["a"]
    assert held.stalest(9, before=BEFORE) == []


def test_a_document_that_is_read_unchanged_counts_as_compared(store: Store) -> None:
    run(store, Batch(documents=(page("a", "one"),)))
    assert store.holdings("docs").stalest(9, before=NOW) == ["a"]
    report = run(store, Batch(documents=(page("a", "one", verified_at=NOW),)))
    assert report.unchanged == 1
    assert store.holdings("docs").stalest(9, before=NOW) == []


def test_what_a_batch_tells_is_stored_with_its_cursor_or_not_at_all(
    store: Store,
) -> None:
    run(store, Batch(documents=tuple(page(f"p{n}", "text") for n in range(30))))
    noted = Batch(
        loose=(LOOSE,),
        looks=(("p1", "moved"),),
        gone=tuple(f"p{n}" for n in range(25)),
        cursor="c2",
    )
    with pytest.raises(SourceError):
        run(store, noted)
    assert (store.loose.count_keys("docs"), store.looks.count("docs")) == (0, 0)
    assert store.progress.source("docs").cursor is None


def test_requests_are_counted_by_what_they_were_for(store: Store) -> None:
    told: list[tuple[dict[str, int], int | None]] = []
    source = ListSource(is_exhaustive=False)

    def batches() -> Iterator[Batch]:
        steps = (("posts", 3, 9), ("posts", 5, 4), ("topics", 6, 0))
        for phase, requests, left in steps:
            source.requests = requests
            yield Batch(phase=phase, remaining=left)

    source.batches = batches()
    report = refresh(
        source,
        store,
        by_line,
        CHUNKER,
        progress=lambda r: told.append((dict(r.phases), r.remaining)),
    )
    assert told == [
        ({"posts": 3}, 9),
        ({"posts": 5}, 4),
        ({"posts": 5, "topics": 1}, 0),
    ]
    assert (report.requests, report.remaining) == (6, 0)
