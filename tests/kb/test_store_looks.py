"""Hints that documents must be read: a set, in order, and none is lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from kb.store import Look, Store
from tests.kb.stored import NOON

LATER = NOON + timedelta(minutes=1)
LAST = NOON + timedelta(minutes=2)


def test_hints_are_kept_per_source_and_told_oldest_first(
    store: Store, store_path: Path
) -> None:
    with store.transaction():
        store.looks.add("forum", ["9"], "post_edited", LATER)
        store.looks.add("forum", ["12", "3"], "post_created", NOON)
        store.looks.add("other", ["3"], "topic_edited", NOON)
    store.close()

    with Store.open(store_path) as again:
        found = again.looks.keys("forum")
        first = again.looks.keys("forum", limit=1)
        counts = [again.looks.count(name) for name in ("forum", "other", "none")]

    assert found == [
        Look("12", "post_created", NOON),
        Look("3", "post_created", NOON),
        Look("9", "post_edited", LATER),
    ]
    assert first == found[:1]
    assert counts == [3, 1, 0]


def test_a_second_hint_keeps_its_place_and_tells_the_newest_reason(
    store: Store,
) -> None:
    with store.transaction():
        store.looks.add("forum", ["3"], "post_created", NOON)
        store.looks.add("forum", ["3"], "post_destroyed\0", LATER)

    assert store.looks.keys("forum") == [Look("3", "post_destroyed", NOON)]


def test_what_was_read_is_done_with_and_nothing_else(store: Store) -> None:
    with store.transaction():
        store.looks.add("forum", ["3", "4"], "post_created", NOON)
        store.looks.add("other", ["3"], "post_created", NOON)
        store.looks.done("forum", ["3", "5"], before=NOON)

    assert store.looks.keys("forum") == [Look("4", "post_created", NOON)]
    assert store.looks.count("other") == 1


def test_a_hint_that_comes_while_its_document_is_read_outlives_that(
    store: Store,
) -> None:
    """Of a known document and of a new one; both stand where that hint puts them."""
    with store.transaction():
        store.looks.add("forum", ["3"], "post_created", NOON)
    began = LATER
    with store.transaction():
        store.looks.add("forum", ["3", "4"], "post_edited", LAST)
        store.looks.done("forum", ["3", "4"], before=began)

    assert store.looks.keys("forum") == [
        Look("3", "post_edited", LAST),
        Look("4", "post_edited", LAST),
    ]


def test_hints_that_arrive_out_of_order_leave_the_widest_span(store: Store) -> None:
    with store.transaction():
        store.looks.add("forum", ["3"], "post_edited", LAST)
        store.looks.add("forum", ["3"], "post_created", NOON)
        store.looks.done("forum", ["3"], before=LATER)

    assert store.looks.keys("forum") == [Look("3", "post_created", LAST)]


def test_more_hints_than_fit_into_one_statement_are_done_with(store: Store) -> None:
    keys = [str(number) for number in range(1_200)]
    with store.transaction():
        store.looks.add("forum", keys, "post_created", NOON)
        store.looks.done("forum", keys[:-1], before=NOON)

    assert store.looks.keys("forum") == [Look("1199", "post_created", NOON)]


def test_no_hints_is_no_change(store: Store) -> None:
    with store.transaction():
        store.looks.add("forum", [], "post_created", NOON)
        store.looks.done("forum", [], before=NOON)

    assert store.looks.keys("forum") == []
