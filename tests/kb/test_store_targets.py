"""Whether what is stored still answers, and who says so last."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kb.store import Store, Target
from kb.types import DocumentId
from tests.kb.stored import NOON, delete, insert, page, rewrite

DAY = timedelta(days=1)


def mark(store: Store, document_id: DocumentId, problem: str, at: datetime) -> None:
    target = store.targets.get(document_id)
    assert target is not None
    with store.transaction():
        store.targets.mark(document_id, target.url, problem=problem, at=at)


def verify(store: Store, document_id: DocumentId, at: datetime) -> None:
    """What a harvest does that saw the document at its source."""
    with store.transaction():
        store.documents.verify([document_id], at=at)


def is_dead(store: Store, document_id: DocumentId) -> bool:
    """As search sees it."""
    return store.documents.summaries([document_id])[document_id].dead


def test_of_what_nobody_looked_at_nothing_is_known(store: Store) -> None:
    cats = insert(store, page("cats", "Cats sleep.", visibility="source:handbook"))

    known = Target(
        cats,
        source="handbook",
        kind="docs",
        key="cats",
        title="Cats",
        url="https://example.org/cats",
        seen_at=None,
        visibility="source:handbook",
    )
    assert store.targets.get(cats) == known
    assert store.targets.find("handbook", "cats") == known
    assert not is_dead(store, cats)


def test_what_is_not_stored_is_no_target(store: Store) -> None:
    insert(store, page("cats", "Cats sleep."))

    assert store.targets.get(DocumentId(99)) is None
    assert store.targets.find("handbook", "dogs") is None
    assert store.targets.find("wiki", "cats") is None


def test_a_dead_document_says_why_and_since_when(store: Store) -> None:
    cats = insert(store, page("cats", "Cats sleep."))
    mark(store, cats, "404, it is not there", NOON)
    mark(store, cats, "410, it is gone", NOON + DAY)

    found = store.targets.get(cats)

    assert found is not None
    assert (found.seen_at, found.problem, found.dead_at) == (
        NOON + DAY,
        "410, it is gone",
        NOON,
    )
    assert list(store.targets.dead()) == [found]
    assert is_dead(store, cats)


def test_a_later_look_makes_it_alive_again(store: Store) -> None:
    cats = insert(store, page("cats", "Cats sleep."))
    mark(store, cats, "404, it is not there", NOON)
    mark(store, cats, "", NOON + DAY)

    found = store.targets.get(cats)

    assert found is not None
    assert (found.seen_at, found.problem, found.dead_at) == (NOON + DAY, "", None)
    assert list(store.targets.dead()) == []
    assert not is_dead(store, cats)


def test_a_later_harvest_makes_it_alive_again(store: Store) -> None:
    cats = insert(store, page("cats", "Cats sleep."))
    mark(store, cats, "404, it is not there", NOON)
    verify(store, cats, NOON + DAY)

    found = store.targets.get(cats)

    assert found is not None
    assert (found.seen_at, found.problem, found.dead_at) == (NOON + DAY, "", None)
    assert list(store.targets.dead()) == []
    assert store.targets.dead_by_source() == {}
    assert not is_dead(store, cats)


def test_what_dies_again_is_dead_since_then(store: Store) -> None:
    cats = insert(store, page("cats", "Cats sleep."))
    mark(store, cats, "404, it is not there", NOON)
    verify(store, cats, NOON + DAY)
    mark(store, cats, "404, it is not there", NOON + 2 * DAY)

    [found] = store.targets.dead()

    assert found.dead_at == NOON + 2 * DAY


def test_an_earlier_harvest_does_not(store: Store) -> None:
    cats = insert(store, page("cats", "Cats sleep."))
    verify(store, cats, NOON)
    mark(store, cats, "404, it is not there", NOON + DAY)

    assert [target.document_id for target in store.targets.dead()] == [cats]
    assert is_dead(store, cats)


def test_what_was_found_at_another_address_does_not_count(store: Store) -> None:
    old = page("cats", "Cats sleep.")
    cats = insert(store, old)
    mark(store, cats, "404, it is not there", NOON)
    rewrite(store, cats, replace(old, url="https://example.org/felines"))

    found = store.targets.get(cats)

    assert found is not None
    assert (found.url, found.seen_at, found.problem) == (
        "https://example.org/felines",
        None,
        "",
    )
    assert list(store.targets.dead()) == []
    assert not is_dead(store, cats)


def test_a_document_takes_what_is_known_of_it_along(store: Store) -> None:
    cats = insert(store, page("cats", "Cats sleep."))
    mark(store, cats, "404, it is not there", NOON)
    delete(store, cats)

    with store.transaction():
        store.targets.mark(cats, "https://example.org/cats", problem="late", at=NOON)

    assert store.targets.get(cats) is None
    assert list(store.targets.dead()) == []


@pytest.mark.parametrize(
    ("before", "keys"),
    [
        (NOON, ["never"]),
        (NOON + 2 * DAY, ["never", "looked"]),
        (NOON + 9 * DAY, ["never", "looked", "harvested"]),
    ],
)
def test_those_that_nobody_saw_for_longest_come_first(
    store: Store, before: datetime, keys: list[str]
) -> None:
    harvested, looked, _never, hidden = (
        insert(store, document)
        for document in (
            page("harvested", "One."),
            page("looked", "Two."),
            page("never", "Three."),
            replace(page("hidden", "Four."), listed=False),
        )
    )
    assert hidden
    mark(store, harvested, "404, it is not there", NOON)
    verify(store, harvested, NOON + 5 * DAY)
    mark(store, looked, "", NOON + DAY)

    found = store.targets.oldest("handbook", before=before)

    assert [target.key for target in found] == keys
    assert store.targets.oldest("handbook", before=before, limit=1) == found[:1]
    assert store.targets.oldest("wiki", before=before) == []


def test_the_dead_are_told_longest_dead_first_and_counted(store: Store) -> None:
    cats, dogs, mice = (
        insert(store, document)
        for document in (
            page("cats", "One."),
            replace(page("dogs", "Two."), source="wiki"),
            page("mice", "Three."),
        )
    )
    mark(store, cats, "404, it is not there", NOON + DAY)
    mark(store, dogs, "410, it is gone", NOON)
    mark(store, mice, "", NOON)

    assert [target.key for target in store.targets.dead()] == ["dogs", "cats"]
    assert store.targets.dead_by_source() == {"handbook": 1, "wiki": 1}
