"""Progress of sources: walks, cursors, records set aside."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kb.store import SetAside, SourceState, Store
from tests.kb.stored import NOON

LATER = NOON + timedelta(hours=1)


def test_a_source_that_was_never_read_has_walk_0(store: Store) -> None:
    state = store.progress.source("forum")

    assert state == SourceState("forum", None, 0, 0, None, None, None)
    assert not state.is_complete
    assert store.progress.sources() == []


def test_an_interrupted_walk_goes_on_and_a_finished_one_is_followed_by_the_next(
    store: Store, store_path: Path
) -> None:
    with store.transaction():
        store.progress.begin("forum", at=NOON)
        store.progress.advance("forum", '{"page": 3}')
    store.close()
    with Store.open(store_path) as again:
        with again.transaction():
            resumed = again.progress.begin("forum", at=LATER)
        with again.transaction():
            again.progress.finish("forum", at=LATER)
        finished = again.progress.source("forum")
        with again.transaction():
            following = again.progress.begin("forum", at=LATER)

    assert resumed == SourceState("forum", '{"page": 3}', 1, 0, NOON, None, None)
    assert finished.is_complete
    assert following == SourceState("forum", '{"page": 3}', 2, 1, LATER, LATER, None)


def test_progress_and_what_was_read_are_kept_or_lost_together(store: Store) -> None:
    with store.transaction():
        store.progress.begin("forum", at=NOON)

    def stop_half_way() -> None:
        with store.transaction():
            store.progress.advance("forum", "far ahead")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()

    assert store.progress.source("forum").cursor is None


def test_an_error_is_kept_until_a_walk_reaches_its_end(store: Store) -> None:
    with store.transaction():
        store.progress.begin("forum", at=NOON)
        store.progress.fail("forum", "503\0 read-only")
    failed = store.progress.source("forum").last_error
    with store.transaction():
        store.progress.finish("forum", at=LATER)

    assert failed == "503 read-only"
    assert store.progress.source("forum").last_error is None


def test_records_set_aside_are_counted_until_they_are_taken_back(store: Store) -> None:
    with store.transaction():
        store.progress.set_aside("forum", "812", "no cooked", at=NOON)
        store.progress.set_aside("forum", "812", "cooked: \ud800null", at=LATER)
        store.progress.set_aside("docs", "a.md", "too large", at=NOON)

    assert store.progress.all_set_aside() == [
        SetAside("docs", "a.md", "too large", 1, NOON, NOON),
        SetAside("forum", "812", "cooked: null", 2, NOON, LATER),
    ]
    assert store.progress.times("forum", "812") == 2
    assert store.progress.times("docs", "812") == 0
    with store.transaction():
        store.progress.take_back("forum", "812")
    assert store.progress.all_set_aside("forum") == []
    assert len(store.progress.all_set_aside("docs")) == 1
