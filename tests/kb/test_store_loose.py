"""Parts that wait for the rest of their document: kept whole, and not searched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kb.store import Store
from kb.types import LeftOut, LoosePart, Part
from tests.kb.stored import NOON, insert, page

FULL = Part(
    number=2,
    body="<p>Use the <b>app</b>.</p>",
    format="html",
    external_id=72,
    author_id=5,
    author="amina",
    created_at=NOON,
    updated_at=NOON + timedelta(seconds=0.678),
    likes=3,
    accepted=True,
    reply_to=1,
    staff=True,
)
BARE = Part(number=1, body="Hello", format="markdown", external_id=71)
HIDDEN = LeftOut(73, 3, "hidden")
OPENING = LeftOut(70, 0, "hidden", 5)


def add(store: Store, *contents: Part | LeftOut, key: str = "7") -> None:
    with store.transaction():
        store.loose.add("forum", [LoosePart(key, each) for each in contents])


def drop(store: Store, keys: Iterable[str]) -> None:
    with store.transaction():
        store.loose.drop("forum", list(keys))


def test_parts_come_back_as_they_were_by_number(store: Store, store_path: Path) -> None:
    add(store, HIDDEN, FULL, BARE, OPENING)
    store.close()
    with Store.open(store_path) as again:
        assert again.loose.of("forum", "7") == (OPENING, BARE, FULL, HIDDEN)
        assert again.holdings("forum").loose("7") == (OPENING, BARE, FULL, HIDDEN)


def test_parts_are_kept_per_source_and_document(store: Store) -> None:
    add(store, BARE)
    add(store, FULL, key="8")
    with store.transaction():
        store.loose.add("other", [LoosePart("7", HIDDEN)])
    assert store.loose.of("forum", "7") == (BARE,)
    assert store.loose.of("forum", "8") == (FULL,)
    assert store.loose.of("other", "7") == (HIDDEN,)
    assert store.loose.of("other", "8") == ()


def test_a_part_that_is_read_again_replaces_itself(store: Store) -> None:
    """By its own id: its number changes when it moves to another document."""
    add(store, BARE, FULL)
    hidden = LeftOut(72, 2, "hidden")
    add(store, hidden)
    assert store.loose.of("forum", "7") == (BARE, hidden)
    moved = replace(FULL, number=9, body="<p>Moved</p>")
    add(store, moved, key="8")
    assert store.loose.of("forum", "7") == (BARE,)
    assert store.loose.of("forum", "8") == (moved,)


def test_of_a_part_that_comes_twice_at_once_the_last_is_kept(store: Store) -> None:
    """A page may hold a post twice."""
    add(store, BARE, FULL, replace(BARE, body="Later"))
    assert store.loose.of("forum", "7") == (replace(BARE, body="Later"), FULL)


def test_two_parts_of_one_number_are_both_kept(store: Store) -> None:
    other = replace(BARE, external_id=70)
    add(store, BARE, other)
    assert store.loose.of("forum", "7") == (other, BARE)


def test_text_is_kept_as_the_store_keeps_all_text(store: Store) -> None:
    add(store, replace(BARE, body="a\x00b\ud800c"))
    assert store.loose.of("forum", "7") == (replace(BARE, body="abc"),)


def test_documents_with_loose_parts_are_told_in_pages(store: Store) -> None:
    for number in range(25):
        add(store, replace(BARE, external_id=100 + number), key=f"{number:02}")
        add(store, replace(FULL, external_id=200 + number), key=f"{number:02}")
    keys = [f"{number:02}" for number in range(25)]
    first = store.loose.keys("forum", limit=10)
    second = store.loose.keys("forum", after=first[-1], limit=10)
    third = store.loose.keys("forum", after=second[-1], limit=10)
    assert [*first, *second, *third] == keys
    assert store.loose.keys("forum", after=third[-1]) == []
    assert store.loose.count_keys("forum") == 25
    assert list(store.holdings("forum").loose_keys()) == keys
    assert store.holdings("forum").count_loose() == 25


def test_what_was_settled_meanwhile_is_not_told_any_more(store: Store) -> None:
    """In pages: a walk settles documents while it goes through their keys."""
    for number in range(1005):
        add(store, replace(BARE, external_id=100 + number), key=f"{number:04}")
    told = []
    for key in store.holdings("forum").loose_keys():
        told.append(key)
        drop(store, ["1002", key])
    assert told == [f"{number:04}" for number in range(1005) if number != 1002]
    assert store.loose.count_keys("forum") == 0


def test_dropped_parts_are_gone_and_the_others_stay(store: Store) -> None:
    add(store, BARE)
    add(store, FULL, key="8")
    drop(store, [])
    drop(store, ["7", "9"])
    assert store.loose.keys("forum") == ["8"]
    drop(store, [str(number) for number in range(2000)])
    assert store.loose.count_keys("forum") == 0


def test_a_part_without_an_id_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="part 1 of 7 has no id"):
        add(store, replace(BARE, external_id=None))


def test_loose_parts_are_neither_documents_nor_passages(store: Store) -> None:
    add(store, BARE, FULL, HIDDEN)
    assert list(store.holdings("forum")) == []
    assert store.passages.count() == 0
    assert store.holdings("forum").parts([71, 72, 73]) == {}


def test_what_is_rolled_back_was_never_loose(store: Store) -> None:
    insert(store, page("cats", "Cats sleep."))
    unnamed = LoosePart("cats", replace(FULL, external_id=None))
    with pytest.raises(ValueError, match="has no id"), store.transaction():
        store.loose.add("forum", [LoosePart("7", BARE), unnamed])
    assert store.loose.count_keys("forum") == 0
