"""The generation grows with what derived indexes hold, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kb.links import LinkRules
from kb.store import Store
from kb.types import Document, DocumentChange, LinkDraft
from tests.kb.linked import FORUM, RULES, STAFF_ROOM, docs, link, put, thread

THREAD = thread(5, "q", "a", "b")
LINKS = (
    link(THREAD, 2, f"{FORUM}/t/1", "there"),
    link(THREAD, 3, f"{FORUM}/t/2", "and there"),
)


def grown(store: Store, document: Document, *links: LinkDraft) -> int:
    """By how much the generation grows when *document* takes the place of `THREAD`,
    whose passages stay."""
    put(store, THREAD, *LINKS)
    before = store.generation
    put(store, document, *links)
    return store.generation - before


@pytest.mark.parametrize(
    "links",
    [
        LINKS[:1],
        (*LINKS, link(THREAD, 3, "https://elsewhere.example/")),
        (replace(LINKS[0], text="elsewhere"), LINKS[1]),
        (replace(LINKS[0], part_number=3), LINKS[1]),
    ],
    ids=["fewer", "more", "another text", "another post"],
)
def test_other_links_count(store: Store, links: tuple[LinkDraft, ...]) -> None:
    assert grown(store, THREAD, *links) == 1


def test_links_in_another_order_do_not_count(store: Store) -> None:
    assert grown(store, THREAD, *reversed(LINKS)) == 0


@pytest.mark.parametrize(
    ("change", "growth"),
    [
        ({"title": "Another"}, 1),
        ({"visibility": STAFF_ROOM}, 1),
        ({"listed": False}, 1),
        ({"url": f"{FORUM}/t/6"}, 1),
        ({"parts": thread(5, "q", "a", "b", accepted=2).parts}, 1),
        ({"parts": thread(5, "q", "a", "b", authors=(1, 2, 9)).parts}, 1),
        ({"parts": thread(5, "q", "a", "b", "c").parts}, 1),
        ({"views": 9, "likes": 9, "solved": True, "closed": True, "revision": "2"}, 0),
        ({"category": "Other", "tags": ("x",), "updated_at": THREAD.created_at}, 0),
        ({"parts": tuple(replace(p, likes=40) for p in THREAD.parts)}, 0),
    ],
)
def test_what_others_are_told_counts(
    store: Store, change: dict[str, Any], growth: int
) -> None:
    assert grown(store, replace(THREAD, **change), *LINKS) == growth


def test_a_solution_without_links_does_not_count(store: Store) -> None:
    """Whether a passage is of the solution is read when it is asked for."""
    solved = thread(5, "q", "a", "b", accepted=1)

    assert grown(store, solved, *LINKS) == 0


def test_passages_in_another_order_count(store: Store) -> None:
    page = docs("backup", "Why.", "How.")
    document = put(store, page)
    first, second = store.evidence.passages_of([document])[document]
    before = store.generation

    with store.transaction():
        store.documents.apply(
            DocumentChange(page, document, "test-1", keep=((second, 0), (first, 1))),
            walk=1,
        )

    assert store.generation == before + 1


def test_a_document_without_text_counts(store: Store) -> None:
    """Others may have linked it already."""
    put(store, thread(1), cut=False)

    assert store.generation == 1


def test_a_change_of_text_and_links_counts_once(store: Store) -> None:
    document = put(store, THREAD, *LINKS)
    passages = store.evidence.passages_of([document])[document]
    before = store.generation

    with store.transaction():
        store.documents.apply(
            DocumentChange(THREAD, document, "test-1", delete=tuple(passages)), walk=1
        )

    assert store.generation == before + 1


def test_other_rules_count_where_they_change_something(store: Store) -> None:
    put(store, THREAD, *LINKS)
    with store.transaction():
        store.links.use(LinkRules(forums=(FORUM,)))
    before = store.generation
    with store.transaction():
        store.links.use(RULES)
    assert store.generation == before

    put(store, docs("v41/backup", "x"))
    before = store.generation
    with store.transaction():
        store.links.use(LinkRules(forums=(FORUM,)))

    assert store.generation == before + 1
