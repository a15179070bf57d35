"""Searches are kept as counts and as queries of many; days and documents take theirs
with them."""

from __future__ import annotations

from datetime import date, timedelta

from kb.store import Miss, SearchDay, Store
from kb.types import DocumentId
from tests.kb.stored import delete, insert, page, rewrite

MONDAY = date(2026, 3, 2)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)


def miss(store: Store, day: date, query: str, people: int, times: int) -> None:
    with store.transaction():
        store.searches.miss(day, query, people, times)


def say(store: Store, document_id: DocumentId, day: date, *, helped: bool) -> bool:
    with store.transaction():
        return store.searches.feedback(document_id, day, helped=helped)


def test_a_new_store_tells_of_no_search(store: Store) -> None:
    assert store.searches.days(date.min, date.max) == []
    assert store.searches.misses(date.min, date.max, 20) == []
    assert store.searches.helped(DocumentId(1)) == (0, 0)


def test_counts_of_a_day_add_up_and_days_stay_apart(store: Store) -> None:
    with store.transaction():
        store.searches.count(TUESDAY, 10, 3)
        store.searches.count(MONDAY, 1, 0)
        store.searches.count(TUESDAY, 5, 5)

    assert store.searches.days(MONDAY, WEDNESDAY) == [
        SearchDay(MONDAY, 1, 0, 0),
        SearchDay(TUESDAY, 15, 8, 0),
    ]
    assert store.searches.days(MONDAY, TUESDAY) == [SearchDay(MONDAY, 1, 0, 0)]


def test_times_add_up_and_of_people_the_most_of_a_day_counts(store: Store) -> None:
    miss(store, MONDAY, "import tracker", 5, 7)
    miss(store, MONDAY, "import tracker", 6, 1)
    miss(store, TUESDAY, "import tracker", 5, 2)
    miss(store, TUESDAY, "offline sync", 9, 9)

    assert store.searches.misses(MONDAY, WEDNESDAY, 20) == [
        Miss("offline sync", 9, 9),
        Miss("import tracker", 6, 10),
    ]
    assert store.searches.misses(MONDAY, TUESDAY, 20) == [Miss("import tracker", 6, 8)]
    assert store.searches.days(MONDAY, WEDNESDAY) == [
        SearchDay(MONDAY, 0, 0, 8),
        SearchDay(TUESDAY, 0, 0, 11),
    ]


def test_what_most_people_sought_comes_first_then_what_was_sought_most(
    store: Store,
) -> None:
    for query, people, times in [("b", 5, 9), ("a", 5, 9), ("c", 5, 10), ("d", 6, 6)]:
        miss(store, MONDAY, query, people, times)

    found = store.searches.misses(MONDAY, TUESDAY, 3)

    assert [each.query for each in found] == ["d", "c", "a"]


def test_a_query_that_sqlite_could_not_hold_is_cleaned(store: Store) -> None:
    miss(store, MONDAY, "a\0b\ud800 '; DROP TABLE documents; --", 5, 5)

    (found,) = store.searches.misses(MONDAY, TUESDAY, 20)
    assert found.query == "ab '; DROP TABLE documents; --"


def test_words_on_a_document_are_counted_and_leave_with_it(store: Store) -> None:
    backup, maps = (insert(store, page(key, "Text")) for key in ("backup", "maps"))
    for helped in (True, False, True):
        assert say(store, backup, MONDAY, helped=helped)
    assert say(store, backup, TUESDAY, helped=True)
    assert say(store, maps, MONDAY, helped=False)

    rewrite(store, backup, page("backup", "Another text"))
    assert store.searches.helped(backup) == (3, 1)
    delete(store, backup)

    assert store.searches.helped(backup) == (0, 0)
    assert store.searches.helped(maps) == (0, 1)
    assert not say(store, backup, TUESDAY, helped=True)
    assert store.db.conn.execute(
        "SELECT document_id FROM search_feedback"
    ).fetchall() == [(maps,)]


def test_days_that_are_over_are_forgotten(store: Store) -> None:
    backup = insert(store, page("backup", "Text"))
    for day in (MONDAY, TUESDAY):
        with store.transaction():
            store.searches.count(day, 9, 9)
        miss(store, day, f"query of {day}", 5, 5)
        say(store, backup, day, helped=True)

    with store.transaction():
        assert store.searches.forget(TUESDAY) == 3
        assert store.searches.forget(TUESDAY) == 0

    assert store.searches.days(date.min, date.max) == [SearchDay(TUESDAY, 9, 9, 5)]
    assert [each.query for each in store.searches.misses(date.min, date.max, 9)] == [
        f"query of {TUESDAY}"
    ]
    assert store.searches.helped(backup) == (1, 0)


def test_who_is_forgotten_is_in_no_query_any_more(store: Store) -> None:
    for query in (
        "quetzal_coatl widget",
        "quetzal",
        "backup",
        "the",
    ):
        miss(store, MONDAY, query, 5, 5)

    for name, dropped in [("Quetzal_CÓATL", 1), ("the", 0), ("nobody", 0), ("--", 0)]:
        person = store.forgetting.person("forum", name)
        with store.transaction():
            assert store.forgetting.drop_searches(person) == dropped

    left = {each.query for each in store.searches.misses(MONDAY, TUESDAY, 9)}
    assert left == {"quetzal", "backup", "the"}
