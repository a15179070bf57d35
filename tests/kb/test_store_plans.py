"""What a walk asks for each page of a feed costs the same in a store of any size, and
what ranking asks reads no bodies of posts.

Nothing is timed: SQLite says which way it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from kb.store import Store
from kb.types import DocumentId, LoosePart, Part, PassageId
from tests.kb.stored import insert, page


def searched(store: Store, act: Callable[[], object]) -> list[str]:
    """Where each statement of *act* begins, as SQLite plans it."""
    connection = store.db.conn
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    act()
    connection.set_trace_callback(None)
    first = []
    for statement in statements:
        if statement.startswith(("SELECT", "DELETE")):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            first.append(str(plan[0][3]))
    assert first
    return first


def test_parts_are_found_by_their_own_ids(store: Store) -> None:
    insert(store, page("cats", "Cats sleep."))
    held = store.holdings("handbook")

    for act in (
        lambda: held.parts([7, 8]),
        lambda: held.held_between(1, 9),
        lambda: held.begun_between(1, 9),
    ):
        for way in searched(store, act):
            assert way.startswith("SEARCH"), way
            assert "external_id" in way, way


def test_loose_parts_are_replaced_by_their_own_ids(store: Store) -> None:
    parts = [LoosePart("cats", Part(1, "Cats sleep.", external_id=7))]

    with store.transaction():
        ways = searched(store, lambda: store.loose.add("handbook", parts))

    assert all("external_id=?" in way for way in ways), ways


def test_loose_documents_are_counted_without_reading_their_texts(store: Store) -> None:
    ways = searched(store, lambda: store.loose.count_keys("handbook"))

    assert all("COVERING INDEX" in way for way in ways), ways


def test_documents_are_walked_through_without_sorting_them_for_each_step(
    store: Store,
) -> None:
    held = store.holdings("handbook")
    since = datetime(2026, 3, 1, tzinfo=UTC)

    for act in (
        held.any_url,
        lambda: held.has_url_below("https://example.org/"),
        lambda: list(held.not_compared(since=since)),
        lambda: list(held.filed()),
    ):
        for way in searched(store, act):
            assert "documents" in way, way
            assert "INDEX" not in way, way


def steps(store: Store, act: Callable[[], object]) -> list[str]:
    """Every step of every statement of *act*, as SQLite plans it."""
    connection = store.db.conn
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    act()
    connection.set_trace_callback(None)
    return [
        str(row[3])
        for statement in statements
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]


def test_what_ranking_asks_reads_no_bodies(store: Store) -> None:
    """A part is read by indexes that hold all that is asked of it."""
    insert(store, page("cats", "Cats sleep."))
    ids = [DocumentId(1)]
    evidence = store.evidence
    for act in (
        lambda: list(evidence.edges()),
        evidence.people,
        lambda: evidence.document_facts(ids),
        lambda: store.passages.facts([PassageId(1)]),
        lambda: list(evidence.texts(ids)),
    ):
        plan = steps(store, act)
        of_parts = [step for step in plan if " parts_" in step]
        assert of_parts
        for step in of_parts:
            assert "COVERING INDEX parts_" in step, step
        for step in plan:
            assert "PRIMARY KEY (document_id" not in step, step
            assert step not in ("SCAN a", "SCAN o", "SCAN p"), step


def test_passages_of_documents_are_told_without_their_text(store: Store) -> None:
    plan = steps(store, lambda: store.evidence.passages_of([DocumentId(1)]))

    assert all("COVERING INDEX passages_document" in step for step in plan), plan
