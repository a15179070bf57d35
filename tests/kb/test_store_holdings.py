"""What is held of a source, as its walk asks for it: lazily, and as it is now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kb.store import CATEGORIES, Coverage, Held, Store
from kb.types import (
    Document,
    DocumentChange,
    DocumentId,
    Kind,
    LeftOut,
    LoosePart,
    Part,
)
from tests.kb.stored import NOON, delete, insert, rewrite


def topic(key: str, *ids: int, **changes: Any) -> Document:
    """A thread whose posts have these ids, numbered from 1."""
    fields: dict[str, Any] = {
        "source": "forum",
        "kind": Kind.THREAD,
        "key": key,
        "url": f"https://forum.example/t/{key}",
        "title": f"Topic {key}",
        "parts": tuple(
            Part(number, f"<p>{i}</p>", external_id=i, author="amina", created_at=NOON)
            for number, i in enumerate(ids, start=1)
        ),
        "category_id": 3,
        "revision": "r1",
        **changes,
    }
    return Document(**fields)


def verify(store: Store, *ids: DocumentId, days_ago: int = 0) -> None:
    with store.transaction():
        store.documents.verify(ids, at=NOON - timedelta(days=days_ago))


# -- a mapping ---------------------------------------------------------------


def test_holdings_map_keys_to_what_is_stored(store: Store) -> None:
    insert(store, topic("7", 71))
    insert(store, topic("8", 81, source="other"))
    held = store.holdings("forum")
    assert list(held) == ["7"]
    assert len(held) == 1
    assert "7" in held
    assert "8" not in held
    assert held["7"] == store.documents.state("forum", "7")
    assert held.get("8") is None
    with pytest.raises(KeyError):
        held["8"]


def test_a_walk_sees_what_it_changes(store: Store) -> None:
    held = store.holdings("forum")
    first = insert(store, topic("7", 71))
    assert held["7"].revision == "r1"
    rewrite(store, first, topic("7", 71, revision="r2"))
    assert held["7"].revision == "r2"
    delete(store, first)
    assert (len(held), "7" in held) == (0, False)


def test_documents_may_leave_while_their_keys_are_told(store: Store) -> None:
    """In pages, of which the first is 1,000 keys long."""
    with store.transaction():
        ids = [_insert(store, topic(str(number), number)) for number in range(1, 1203)]
    told = []
    for key in store.holdings("forum"):
        told.append(key)
        if key == "5":
            delete(store, ids[0], ids[1000], ids[1001])
    assert told == [str(n) for n in range(1, 1203) if n not in {1001, 1002}]


def _insert(store: Store, document: Document) -> DocumentId:
    return store.documents.apply(DocumentChange(document, None, "test-1"), walk=1)


def test_a_whole_document_is_read_when_it_is_asked_for(store: Store) -> None:
    whole = topic(
        "7", 71, 72, left_out=(LeftOut(73, 3, "hidden", 5),), verified_at=NOON, likes=4
    )
    insert(store, whole)
    assert store.holdings("forum").document("7") == whole
    assert store.holdings("forum").document("8") is None
    assert store.holdings("other").document("7") is None


# -- parts, by the source's own ids --------------------------------------------


def test_parts_are_found_by_their_ids_with_what_their_document_is(
    store: Store,
) -> None:
    hidden = LeftOut(73, 3, "hidden", 5)
    seven = topic("7", 71, 72, left_out=(hidden,))
    eight = topic("8", 81, title="Another", category_id=None)
    insert(store, seven)
    insert(store, eight)
    insert(store, topic("9", 91, source="other"))

    assert store.holdings("forum").parts([72, 73, 81, 91, 99]) == {
        72: Held("7", "Topic 7", 3, seven.parts[1]),
        73: Held("7", "Topic 7", 3, hidden),
        81: Held("8", "Another", None, eight.parts[0]),
    }
    assert store.holdings("forum").parts([]) == {}


def test_a_part_is_found_as_it_was_stored_to_the_last_field(store: Store) -> None:
    whole = Part(
        number=1,
        body="Hello **there**",
        format="markdown",
        external_id=71,
        author_id=-1,
        author="system",
        created_at=NOON,
        updated_at=NOON + timedelta(seconds=0.678),
        likes=2,
        accepted=True,
        reply_to=4,
        staff=True,
    )
    insert(store, topic("7", parts=(whole,)))
    assert store.holdings("forum").parts([71])[71].content == whole


def test_more_ids_than_fit_into_one_statement_are_looked_up(store: Store) -> None:
    insert(store, topic("7", *range(1, 1501)))
    assert len(store.holdings("forum").parts(range(1, 3001))) == 1500


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (70, 72, [(71, "7"), (72, "7")]),
        (71, 81, [(72, "7"), (81, "8")]),
        (0, 2**63 - 1, [(71, "7"), (72, "7"), (81, "8")]),
        (72, 72, []),
        (-50, 0, []),
    ],
)
def test_held_parts_of_a_window_are_told_without_its_lower_end(
    store: Store, low: int, high: int, found: list[tuple[int, str]]
) -> None:
    """Those that are left out are not: no feed serves them."""
    insert(store, topic("7", 71, 72, left_out=(LeftOut(75, 3, "hidden"),)))
    insert(store, topic("8", 81))
    insert(store, topic("9", 73, source="other"))
    assert store.holdings("forum").held_between(low, high) == found


def test_a_document_begins_in_the_window_of_its_first_part(store: Store) -> None:
    """Posts may have come out of order: the smallest id counts."""
    insert(store, topic("7", 71, 95))
    insert(store, topic("8", 81, 62))
    insert(store, topic("9", 72, source="other"))
    held = store.holdings("forum")
    assert held.begun_between(70, 100) == ["7"]
    assert held.begun_between(60, 70) == ["8"]
    assert held.begun_between(80, 100) == []
    assert sorted(held.begun_between(0, 2**63 - 1)) == ["7", "8"]


def test_a_document_that_waits_to_be_read_or_put_together_has_not_begun(
    store: Store,
) -> None:
    for key, part_id in (("7", 71), ("8", 81), ("9", 91)):
        insert(store, topic(key, part_id))
    with store.transaction():
        store.looks.add("forum", ["7"], "post_edited", NOON)
        store.loose.add("forum", [LoosePart("8", Part(2, "x", external_id=82))])
        store.looks.add("other", ["9"], "post_edited", NOON)
    assert store.holdings("forum").begun_between(0, 100) == ["9"]


# -- documents, by what is known of them -----------------------------------------


def test_the_stalest_documents_come_first_and_those_never_compared_before(
    store: Store,
) -> None:
    ids = [insert(store, topic(str(n), n)) for n in range(1, 6)]
    insert(store, topic("9", 9, source="other"))
    for document_id, days_ago in zip(ids[:4], (3, 1, 7, 5), strict=True):
        verify(store, document_id, days_ago=days_ago)
    held = store.holdings("forum")
    assert held.stalest(9, before=NOON) == ["5", "3", "4", "1", "2"]
    assert held.stalest(2, before=NOON) == ["5", "3"]
    assert held.stalest(9, before=NOON - timedelta(days=4)) == ["5", "3", "4"]
    assert held.stalest(9, before=NOON - timedelta(days=7)) == ["5"]


def test_a_comparison_is_never_taken_back_by_an_elder_one(store: Store) -> None:
    document_id = insert(store, topic("7", 71))
    verify(store, document_id, days_ago=1)
    verify(store, document_id, days_ago=3)
    loaded = store.holdings("forum").document("7")
    assert loaded is not None
    assert loaded.verified_at == NOON - timedelta(days=1)


def test_writing_a_document_that_was_not_compared_keeps_when_it_was(
    store: Store,
) -> None:
    document_id = insert(store, topic("7", 71, verified_at=NOON))
    rewrite(store, document_id, topic("7", 71, 72, verified_at=None))
    loaded = store.holdings("forum").document("7")
    assert loaded is not None
    assert (len(loaded.parts), loaded.verified_at) == (2, NOON)


def test_documents_of_categories_are_told(store: Store) -> None:
    insert(store, topic("7", 71))
    insert(store, topic("8", 81, category_id=4))
    insert(store, topic("9", 91, category_id=None))
    insert(store, topic("6", 61, source="other"))
    held = store.holdings("forum")
    assert held.of_categories([3]) == ["7"]
    assert held.of_categories([4, 3, 5]) == ["7", "8"]
    assert held.of_categories([]) == []


# -- what waits ------------------------------------------------------------------


def test_hints_are_told_apart_from_the_one_about_categories(store: Store) -> None:
    held = store.holdings("forum")
    assert (held.looks(), held.must_read_categories()) == ([], False)
    with store.transaction():
        store.looks.add("forum", [CATEGORIES], "category_updated", NOON)
        later = NOON + timedelta(minutes=1)
        store.looks.add("forum", ["8"], "post_edited", later + timedelta(minutes=1))
        store.looks.add("forum", ["7"], "post_edited", later)
        store.looks.add("other", ["9"], "post_edited", NOON)
    assert held.looks() == ["7", "8"]
    assert held.must_read_categories()
    with store.transaction():
        store.looks.done("forum", [CATEGORIES], before=NOON)
    assert not held.must_read_categories()


def test_what_is_held_is_counted(store: Store) -> None:
    left_out = (LeftOut(73, 3, "hidden"), LeftOut(74, 4, "small action"))
    first = insert(store, topic("7", 71, 72, left_out=left_out))
    insert(store, topic("8", 81, left_out=(LeftOut(82, 2, "hidden"),)))
    second = insert(store, topic("9", 91))
    insert(store, topic("6", 61, source="other"))
    verify(store, first, days_ago=9)
    verify(store, second, days_ago=2)
    with store.transaction():
        store.loose.add("forum", [LoosePart("5", Part(1, "x", external_id=51))])
        store.looks.add("forum", ["4"], "post_edited", NOON)

    held = store.holdings("forum").coverage(stale_before=NOON - timedelta(days=7))

    assert held == Coverage(
        documents=3,
        parts=4,
        left_out={"hidden": 2, "small action": 1},
        loose=1,
        looks=1,
        compared=2,
        stale=2,
        oldest_at=NOON - timedelta(days=9),
    )
    nothing = store.holdings("none").coverage(stale_before=NOON)
    assert nothing == Coverage(0, 0, {}, 0, 0, 0, 0, None)


def test_what_a_document_leaves_out_changes_it(store: Store) -> None:
    """A post that is hidden makes another document of it, and so does one more."""
    before = topic("7", 71, 72)
    document_id = insert(store, before)
    hashes = {store.holdings("forum")["7"].content_hash}
    for left_out in (
        (LeftOut(73, 3, "hidden"),),
        (LeftOut(73, 3, "hidden", 5),),
        (LeftOut(73, 3, "deleted"),),
    ):
        rewrite(store, document_id, replace(before, left_out=left_out))
        hashes.add(store.holdings("forum")["7"].content_hash)
    assert len(hashes) == 4
    rewrite(store, document_id, before)
    loaded = store.holdings("forum").document("7")
    assert loaded is not None
    assert loaded.left_out == ()
