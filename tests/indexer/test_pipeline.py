"""A refresh makes the store equal its source: again, after a crash, or cut anew."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from indexer.pipeline import RefreshReport, rechunk, refresh
from indexer.source import Batch, Source
from kb.errors import (
    ForumUnavailableError,
    RecordError,
    SourceError,
    StoreError,
)
from kb.store import Store
from kb.types import Document, DocumentId, Part, PassageDraft
from tests.indexer.samples import CHUNKER, NOW, ListSource, by_line, content, page


class Ticking:
    """A clock that goes on by a second with every look at it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


CLOCK = Ticking()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kb.db") as opened:
        yield opened


def run(
    source: Source, store: Store, *, full: bool = False, accept_deletions: bool = False
) -> RefreshReport:
    return refresh(
        source,
        store,
        by_line,
        CHUNKER,
        clock=CLOCK,
        full=full,
        accept_deletions=accept_deletions,
    )


def counts(report: RefreshReport) -> RefreshReport:
    """The report without its duration."""
    return replace(report, seconds=0.0)


def read(*documents: Document, cursor: str | None = None) -> Batch:
    return Batch(documents=documents, cursor=cursor)


def test_a_first_refresh_stores_everything(store: Store) -> None:
    report = run(ListSource(read(page("a", "one\ntwo")), read(page("b", "x"))), store)
    assert counts(report) == RefreshReport(
        source="docs", inserted=2, passages_added=3, remaining=0, complete=True
    )
    assert report.seconds > 0
    assert [p.text for p in store.passages.of_document(_id(store, "a"))] == [
        "one",
        "two",
    ]
    state = store.progress.source("docs")
    assert (state.walk, state.is_complete, state.last_error) == (1, True, None)


def test_a_second_refresh_changes_nothing(store: Store) -> None:
    source = ListSource(read(page("a", "one"), page("b", "two")))
    run(source, store)
    before, generation = content(store), store.generation
    assert counts(run(source, store)) == RefreshReport(
        source="docs", unchanged=2, remaining=0, complete=True
    )
    assert (content(store), store.generation) == (before, generation)


def test_edits_additions_and_departures_are_followed(store: Store) -> None:
    run(ListSource(read(page("a", "one\ntwo"), page("b", "x"), page("c", "y"))), store)
    kept = store.passages.of_document(_id(store, "a"))[0].id

    edited = read(page("a", "one\nTWO"), page("d", "new"))
    report = run(ListSource(edited, Batch(unchanged=("c",))), store)

    assert counts(report) == RefreshReport(
        source="docs",
        inserted=1,
        updated=1,
        unchanged=1,
        deleted=1,
        passages_added=2,
        passages_removed=2,
        remaining=0,
        complete=True,
    )
    assert sorted(store.documents.states("docs")) == ["a", "c", "d"]
    assert store.passages.of_document(_id(store, "a"))[0].id == kept


def test_a_source_that_is_not_exhaustive_loses_only_what_it_reports(
    store: Store,
) -> None:
    run(ListSource(read(page("a", "1"), page("b", "2"), page("c", "3"))), store)
    later = ListSource(
        Batch(gone=("a",), skipped=(("b", "private"), ("z", "private"))),
        is_exhaustive=False,
    )
    report = run(later, store)
    assert sorted(store.documents.states("docs")) == ["c"]
    assert (report.deleted, report.skipped) == (2, {"private": 2})
    assert report.passages_removed == 2


def test_two_sources_do_not_touch_each_other(store: Store) -> None:
    run(ListSource(read(page("a", "1"))), store)
    run(ListSource(read(page("a", "2", source="more")), name="more"), store)
    run(ListSource(name="more"), store)
    assert list(store.documents.states("docs")) == ["a"]
    assert list(store.documents.states("more")) == []


def test_the_source_is_asked_with_what_the_store_knows(store: Store) -> None:
    source = ListSource(
        read(page("a", "1"), cursor="c1"), Batch(set_aside=(("b", "broken"),))
    )
    run(source, store)
    run(source, store, full=True)
    assert source.asked == [(None, set(), False, set()), ("c1", {"a"}, True, {"b"})]


def test_a_batch_without_cursor_leaves_it_as_it_is(store: Store) -> None:
    run(ListSource(read(page("a", "1"), cursor="c1"), read(page("b", "2"))), store)
    assert store.progress.source("docs").cursor == "c1"


def test_progress_is_told_after_every_batch(store: Store) -> None:
    told: list[tuple[int, bool]] = []
    refresh(
        ListSource(read(page("a", "1")), read(page("b", "2"))),
        store,
        by_line,
        CHUNKER,
        progress=lambda report: told.append((report.inserted, report.complete)),
    )
    assert told == [(1, False), (2, False)]


def test_what_a_source_cannot_know_is_filled_in(store: Store) -> None:
    refresh(
        ListSource(read(page("a", "un"))),
        store,
        by_line,
        CHUNKER,
        prepare=lambda document: replace(document, language="fr"),
    )
    assert store.passages.of_document(_id(store, "a"))[0].language == "fr"


# -- interruptions ---------------------------------------------------------


def test_a_failed_walk_keeps_what_it_read_and_says_why(store: Store) -> None:
    error = ForumUnavailableError("https://f/latest.json", "502 Bad Gateway")
    source = ListSource(read(page("a", "1"), cursor="c1"), error)
    with pytest.raises(ForumUnavailableError):
        run(source, store)
    state = store.progress.source("docs")
    assert (state.cursor, state.is_complete) == ("c1", False)
    assert state.last_error == "https://f/latest.json: 502 Bad Gateway"
    assert list(store.documents.states("docs")) == ["a"]


def test_an_interrupted_walk_goes_on_and_ends_as_an_undisturbed_one(
    store: Store, tmp_path: Path
) -> None:
    first = read(page("a", "1"), page("b", "2"), cursor="c1")
    second = read(page("c", "3"), cursor="c2")
    old = ListSource(read(page("a", "1"), page("x", "0")))
    run(old, store)
    with pytest.raises(SourceError):
        run(ListSource(first, SourceError("docs", "unplugged")), store)
    resumed = ListSource(second)
    run(resumed, store)

    with Store.open(tmp_path / "other.db") as other:
        run(old, other)
        run(ListSource(first, second), other)
        assert content(store) == content(other)
    assert resumed.asked[0][0] == "c1"
    state = store.progress.source("docs")
    assert (state.walk, state.is_complete, state.last_error) == (2, True, None)


def test_what_an_interrupted_walk_set_aside_stays_set_aside(store: Store) -> None:
    broken = Batch(set_aside=(("b", "line 2: broken"),), cursor="line 2")
    with pytest.raises(SourceError):
        run(ListSource(broken, SourceError("docs", "unplugged")), store)
    run(ListSource(read(page("c", "3"))), store)
    assert _aside(store) == [("b", "line 2: broken")]
    run(ListSource(read(page("c", "3"))), store)
    assert _aside(store) == []


def test_a_bug_is_not_taken_for_the_sources_fault(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        run(ListSource(read(page("a", "1")), ZeroDivisionError()), store)
    assert store.progress.source("docs").last_error is None


def test_a_store_that_fails_raises_and_keeps_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "kb.db"
    batches = [read(page("a", "1"), page("b", "2")), read(page("c", "3"))]
    with Store.open(path, busy_timeout_s=0.01) as store, Store.open(path) as other:

        def lock(report: RefreshReport) -> None:
            other.db.conn.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="locked"):
            refresh(ListSource(*batches), store, by_line, CHUNKER, progress=lock)
    with Store.open(path) as store:
        assert sorted(store.documents.states("docs")) == ["a", "b"]


# -- broken records --------------------------------------------------------


def test_broken_records_are_set_aside_counted_and_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    batch = Batch(documents=(page("a", "1"),), set_aside=(("b", "no cooked"),))
    report = run(ListSource(batch), store)
    assert (report.inserted, report.set_aside) == (1, 1)
    assert _aside(store) == [("b", "no cooked")]
    assert caplog.messages == ["source=docs key=b set aside: no cooked"]


def test_a_stored_document_survives_its_broken_record(store: Store) -> None:
    run(ListSource(read(page("a", "good"))), store)
    report = run(ListSource(Batch(set_aside=(("a", "broken"),))), store)
    assert (report.deleted, list(store.documents.states("docs"))) == (0, ["a"])
    report = run(ListSource(read(page("a", "good"))), store)
    assert (report.unchanged, _aside(store)) == (1, [])


def test_a_document_that_cannot_be_stored_is_set_aside(store: Store) -> None:
    twice = page("b", parts=(Part(1, "x"), Part(1, "y")))
    report = run(ListSource(read(page("a", "1"), twice, page("c"))), store)
    assert (report.inserted, report.set_aside) == (1, 2)
    assert _aside(store) == [
        ("b", "docs:b: parts[1].number: expected more than 1, got 1"),
        ("c", "docs:c: parts: expected at least one, got none"),
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            RecordError("docs:a", "parts[0].body", "no text"),
            "docs:a: parts[0].body: no text",
        ),
        (RecursionError(), "docs:a: parts: nested too deeply"),
    ],
)
def test_a_document_that_cannot_be_cut_is_set_aside(
    store: Store, error: Exception, reason: str
) -> None:
    def chunk(document: Document) -> tuple[PassageDraft, ...]:
        if document.key == "a":
            raise error
        return by_line(document)

    source = ListSource(read(page("a", "1"), page("b", "2")))
    report = refresh(source, store, chunk, CHUNKER)
    assert (report.inserted, report.set_aside) == (1, 1)
    assert _aside(store) == [("a", reason)]


def test_a_record_that_is_whole_again_is_taken_back(store: Store) -> None:
    run(ListSource(Batch(set_aside=(("a", "x"), ("b", "x"), ("c", "x")))), store)
    batch = Batch(documents=(page("a", "1"),), gone=("b",), set_aside=(("c", "y"),))
    run(ListSource(batch), store)
    assert _aside(store) == [("c", "y")]


def test_a_record_set_aside_and_then_read_in_one_walk_is_not_counted(
    store: Store,
) -> None:
    broken = Batch(set_aside=(("a", "broken"),))
    report = run(ListSource(broken, read(page("a", "1"))), store)
    assert (report.set_aside, _aside(store)) == (0, [])


def test_a_document_met_twice_in_a_walk_is_stored_as_met_last(store: Store) -> None:
    run(ListSource(read(page("a", "1")), read(page("a", "2"), page("a", "3"))), store)
    assert [p.text for p in store.passages.of_document(_id(store, "a"))] == ["3"]


# -- mass deletion ---------------------------------------------------------


def _many(count: int) -> Batch:
    return read(*(page(f"p{number:03}", "text") for number in range(count)))


@pytest.mark.parametrize("reported", [True, False], ids=["gone", "not met"])
def test_most_documents_do_not_leave_without_a_confirmation(
    store: Store, reported: bool
) -> None:
    run(ListSource(_many(40)), store)
    before = content(store)
    left = tuple(f"p{number:03}" for number in range(19, 40))
    later = Batch(gone=left) if reported else _many(19)
    with pytest.raises(SourceError) as caught:
        run(ListSource(later, is_exhaustive=not reported), store)
    assert str(caught.value) == (
        "docs: 21 of 40 documents have left it all at once; nothing was deleted. "
        "If that is so, confirm it with --accept-deletions"
    )
    assert content(store) == before

    source = ListSource(later, is_exhaustive=not reported)
    report = run(source, store, accept_deletions=True)
    assert (report.deleted, len(store.documents.states("docs"))) == (21, 19)


@pytest.mark.parametrize(("stored", "stays"), [(20, 0), (42, 21)])
def test_few_or_half_may_leave_at_once(store: Store, stored: int, stays: int) -> None:
    run(ListSource(_many(stored)), store)
    assert run(ListSource(_many(stays)), store).deleted == stored - stays


def test_what_became_private_leaves_without_asking(store: Store) -> None:
    run(ListSource(_many(30)), store)
    skipped = tuple((f"p{number:03}", "private") for number in range(30))
    report = run(ListSource(Batch(skipped=skipped), is_exhaustive=False), store)
    assert (report.deleted, store.passages.count()) == (30, 0)


# -- cutting anew ----------------------------------------------------------


def by_part(document: Document) -> tuple[PassageDraft, ...]:
    return tuple(
        PassageDraft(part.number, ordinal, f"/{part.number}", "", part.body)
        for ordinal, part in enumerate(document.parts)
    )


def test_another_chunker_cuts_anew_without_harvesting(store: Store) -> None:
    run(ListSource(read(page("a", "one\ntwo"), page("b", "x"))), store)
    report = rechunk(store, "docs", by_part, "parts-1", clock=CLOCK)
    assert counts(report) == RefreshReport(
        source="docs",
        recut=2,
        passages_added=1,
        passages_removed=2,
        remaining=0,
        complete=True,
    )
    assert [p.text for p in store.passages.of_document(_id(store, "a"))] == ["one\ntwo"]
    again = rechunk(store, "docs", by_part, "parts-1", clock=CLOCK)
    assert counts(again) == RefreshReport(source="docs", remaining=0, complete=True)


def test_a_refresh_cuts_unchanged_documents_anew(store: Store) -> None:
    run(ListSource(read(page("a", "one\ntwo"))), store)
    met = ListSource(Batch(unchanged=("a",)))
    report = refresh(met, store, by_part, "parts-1", clock=CLOCK)
    assert counts(report) == RefreshReport(
        source="docs",
        unchanged=1,
        recut=1,
        passages_added=1,
        passages_removed=2,
        remaining=0,
        complete=True,
    )


def test_cutting_anew_does_not_make_a_document_look_met(store: Store) -> None:
    run(ListSource(read(page("a", "1"), page("b", "2"))), store)
    with pytest.raises(SourceError):
        run(ListSource(read(page("a", "1")), SourceError("docs", "unplugged")), store)
    refresh(ListSource(), store, by_part, "parts-1", clock=CLOCK)
    assert list(store.documents.states("docs")) == ["a"]


def test_what_cannot_be_cut_anew_keeps_its_passages(store: Store) -> None:
    def chunk(document: Document) -> tuple[PassageDraft, ...]:
        raise RecordError(f"docs:{document.key}", "parts[0].body", "too odd")

    run(ListSource(read(page("a", "one\ntwo"))), store)
    report = rechunk(store, "docs", chunk, "odd-1", clock=CLOCK)
    assert (report.recut, report.set_aside) == (0, 1)
    assert len(store.passages.of_document(_id(store, "a"))) == 2


def _id(store: Store, key: str) -> DocumentId:
    return store.documents.states("docs")[key].id


def _aside(store: Store) -> list[tuple[str, str]]:
    return [(item.key, item.reason) for item in store.progress.all_set_aside("docs")]
