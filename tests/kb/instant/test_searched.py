"""What is searched in vain is told of many, never of few, and counts add up."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.instant.searched import Searched, told_as
from kb.store import Miss, SearchDay, Store
from tests.kb.stored import NOON

TODAY, TOMORROW = NOON.date(), NOON.date() + timedelta(days=1)
DAY = timedelta(days=1)


def seek(searched: Searched, query: str, *clients: str, at: datetime = NOON) -> None:
    for client in clients:
        searched.note(query, client, in_vain=True, at=at)


def people(count: int) -> list[str]:
    return [f"192.0.2.{number}" for number in range(count)]


def misses(store: Store) -> list[Miss]:
    return store.searches.misses(date.min, date.max, 100)


def test_five_people_make_a_query_known_and_four_do_not(store: Store) -> None:
    searched = Searched()
    seek(searched, "Offline sync of the tracker", *people(4), *people(4))
    assert searched.flush(store, NOON)
    assert misses(store) == []

    seek(searched, "tracker offline SYNC!", "192.0.2.99")
    assert searched.flush(store, NOON)

    assert misses(store) == [Miss("offline sync tracker", 5, 9)]
    assert store.searches.days(TODAY, TOMORROW) == [SearchDay(TODAY, 9, 9, 9)]


def test_what_was_told_is_not_told_again_and_what_comes_later_is_added(
    store: Store,
) -> None:
    searched = Searched(k=2)
    seek(searched, "offline sync", "a", "b")
    for _ in range(3):
        searched.flush(store, NOON)
    assert misses(store) == [Miss("offline sync", 2, 2)]

    seek(searched, "offline sync", "a", "c", at=NOON + DAY)
    for _ in range(3):
        searched.flush(store, NOON + DAY)

    assert misses(store) == [Miss("offline sync", 3, 4)]
    assert store.searches.days(date.min, date.max) == [
        SearchDay(TODAY, 2, 2, 2),
        SearchDay(TOMORROW, 2, 2, 2),
    ]


def test_a_query_stands_under_the_day_of_its_last_search(store: Store) -> None:
    """Which is counted there: no day tells of queries and of no search."""
    searched = Searched(k=2)
    seek(searched, "offline sync", "a", at=NOON)
    seek(searched, "offline sync", "b", at=NOON + DAY)
    searched.flush(store, NOON + 2 * DAY)

    assert store.searches.days(date.min, date.max) == [
        SearchDay(TODAY, 1, 1, 0),
        SearchDay(TOMORROW, 1, 1, 2),
    ]


def test_what_is_found_is_counted_and_never_named(store: Store) -> None:
    searched = Searched(k=2)
    for client in people(9):
        searched.note("offline sync", client, in_vain=False, at=NOON)
    seek(searched, "offline sync", "192.0.2.1")
    searched.flush(store, NOON)

    assert misses(store) == []
    assert store.searches.days(TODAY, TOMORROW) == [SearchDay(TODAY, 10, 1, 0)]


def test_people_of_longer_ago_than_the_window_do_not_count(store: Store) -> None:
    searched = Searched(k=3, window=30 * DAY)
    seek(searched, "offline sync", "a", "b")
    seek(searched, "offline sync", "b", "c", at=NOON + 31 * DAY)
    searched.flush(store, NOON + 31 * DAY)
    assert misses(store) == []

    seek(searched, "offline sync", "a", at=NOON + 60 * DAY)
    searched.flush(store, NOON + 60 * DAY)

    assert [each.people for each in misses(store)] == [3]


def test_a_network_of_one_household_is_one_client(store: Store) -> None:
    """A computer takes another address of its network every day, or at will."""
    searched = Searched(k=2)
    seek(searched, "offline sync", *(f"2001:db8:0:1::{n:x}" for n in range(1, 50)))
    searched.flush(store, NOON)
    assert misses(store) == []

    seek(searched, "offline sync", "2001:db8:0:2::1")
    searched.flush(store, NOON)

    assert [each.people for each in misses(store)] == [2]


def test_two_old_addresses_in_new_form_are_two_clients(store: Store) -> None:
    searched = Searched(k=2)
    seek(searched, "offline sync", "::ffff:192.0.2.1", "::ffff:192.0.2.2")
    searched.flush(store, NOON)

    assert [each.people for each in misses(store)] == [2]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("The import of the METADATA?", "import metadata"),
        ("métadonnées, IMPORTER les métadonnées", "importer metadonnees"),
        ("E1063 on v2.40.1", "2.40.1 e1063"),
        ("GET /api/analytics.json 2.40.1 1", "/api/analytics.json 2.40.1 get"),
        ("2.40.1 2.41.2", None),
        ("amina@example.org cannot log in", None),
        ("password of @amina_k", None),
        ("full width \uff20amina", None),
        ("call 555-12-3 x", "12 3 555 call x"),
        ("call 555-12-34", None),
        ("call +5 (5) 5.12 34", None),
        ("٠١٢٣٤٥٦ مريض", None),
        ("https://example.org/t/1", None),
        ("ftp://h", None),
        ("www.example.org", None),
        ("example.org/secret?token=x", None),
        (
            "one two three four five six seven eight",
            "eight five four one seven six three two",
        ),
        ("red blue green pink brown black white grey gold", None),
        ("a" * 50 + " " + "b" * 40, None),
        ("import " * 100, None),
        ("the of and", None),
        ("", None),
        ("🙂 !!! \0", None),
        ("\ud800 import", "import"),
    ],
)
def test_a_query_is_told_by_its_words_and_nothing_personal_is(
    query: str, told: str | None
) -> None:
    assert told_as(query) == told


def test_what_looks_personal_is_counted_all_the_same(store: Store) -> None:
    searched = Searched(k=2)
    seek(searched, "amina@example.org", *people(40))
    searched.flush(store, NOON)

    assert misses(store) == []
    assert store.searches.days(TODAY, TOMORROW) == [SearchDay(TODAY, 40, 40, 0)]


@pytest.mark.parametrize("k", [-1, 1, 65])
def test_a_k_that_would_name_one_person_or_nobody_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="from 2 to 64"):
        Searched(k=k)


def test_switched_off_it_does_nothing(store: Store) -> None:
    searched = Searched(k=0)
    seek(searched, "offline sync", *people(40))

    assert searched.flush(store, NOON)
    assert store.searches.days(date.min, date.max) == []
    assert misses(store) == []


def test_of_a_crowd_the_first_clients_are_told_apart_and_all_are_counted(
    store: Store,
) -> None:
    searched = Searched()
    seek(searched, "offline sync", *people(100))
    searched.flush(store, NOON)

    assert misses(store) == [Miss("offline sync", 64, 100)]


def test_a_flood_of_queries_drives_out_the_one_of_longest_ago(store: Store) -> None:
    searched = Searched(k=2)
    seek(searched, "first", "a")
    seek(searched, "second", "a")
    for number in range(9_998):
        searched.note(f"flood{number}", "a", in_vain=True, at=NOON)
    seek(searched, "first", "a")  # It is not the oldest any more.
    seek(searched, "third", "a")  # Drives out the second.
    for query in ("first", "second", "third"):
        seek(searched, query, "b")
    searched.flush(store, NOON)

    assert [each.query for each in misses(store)] == ["first", "third"]
    assert store.searches.days(TODAY, TOMORROW)[0].searches == 10_005


def test_a_locked_store_gets_all_of_it_later_and_once(
    store: Store, store_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    searched = Searched(k=2)
    seek(searched, "offline sync", "a", "b")
    with Store.open(store_path, busy_timeout_s=0.01) as other:
        with store.transaction(), caplog.at_level(logging.DEBUG):
            assert not searched.flush(other, NOON)
        assert misses(other) == []
        seek(searched, "offline sync", "c")

        assert searched.flush(other, NOON)
        assert searched.flush(other, NOON)

    assert misses(store) == [Miss("offline sync", 3, 3)]
    assert store.searches.days(TODAY, TOMORROW) == [SearchDay(TODAY, 3, 3, 3)]
    assert "searches are counted later" in caplog.text
    assert "offline" not in caplog.text


def test_a_full_disk_gets_all_of_it_later_and_once(store: Store) -> None:
    searched = Searched(k=2)
    for number in range(300):
        seek(searched, f"query{number} {'x' * 60}", "a", "b")
    (pages,) = store.db.conn.execute("PRAGMA page_count").fetchone()
    store.db.conn.execute(f"PRAGMA max_page_count = {pages}")
    assert not searched.flush(store, NOON)
    assert misses(store) == []
    assert store.searches.days(TODAY, TOMORROW) == []

    store.db.conn.execute("PRAGMA max_page_count = 100000")
    assert searched.flush(store, NOON)

    assert len(store.searches.misses(TODAY, TOMORROW, 1_000)) == 300
    assert store.searches.days(TODAY, TOMORROW) == [SearchDay(TODAY, 600, 600, 600)]


def test_what_few_seek_and_who_does_is_in_no_file(
    store: Store, store_path: Path
) -> None:
    searched = Searched()
    seek(searched, "xylorimba", *people(4))
    seek(searched, "quetzal", *people(5))
    searched.flush(store, NOON)

    files = b"".join(path.read_bytes() for path in store_path.parent.iterdir())
    assert b"quetzal" in files
    assert b"xylorimba" not in files
    assert b"192.0.2." not in files


def test_what_is_over_a_year_old_is_forgotten_on_the_way(store: Store) -> None:
    searched = Searched(k=2)
    seek(searched, "offline sync", "a", "b")
    searched.flush(store, NOON)
    for later, kept in ((400 * DAY, 1), (401 * DAY, 0)):
        assert searched.flush(store, NOON + later)
        assert len(misses(store)) == kept


def test_threads_that_note_while_another_flushes_lose_nothing(
    store_path: Path,
) -> None:
    searched = Searched(k=2)

    def type_in(client: str) -> None:
        for turn in range(140):
            seek(searched, f"query{turn % 7}", client)

    threads = [threading.Thread(target=type_in, args=(who,)) for who in "abcdefgh"]
    with Store.open(store_path) as store:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            searched.flush(store, NOON)
        for thread in threads:
            thread.join()
        searched.flush(store, NOON)

        assert store.searches.days(TODAY, TOMORROW) == [
            SearchDay(TODAY, 1120, 1120, 1120)
        ]
        assert misses(store) == [Miss(f"query{n}", 8, 160) for n in range(7)]


# A search: which query, by whom, whether in vain, on which day; None: a flush.
_SEARCH = st.tuples(
    st.sampled_from(["apple", "pear", "fig"]),
    st.sampled_from("abcdefg"),
    st.booleans(),
    st.integers(0, 70),
)


def test_whatever_the_order_few_are_never_named_and_counts_add_up(
    store: Store,
) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.none() | _SEARCH, max_size=80), st.integers(2, 6))
    def law(events: list[tuple[str, str, bool, int] | None], k: int) -> None:
        _empty(store)
        searched = Searched(k=k)
        sought: defaultdict[str, list[str]] = defaultdict(list)
        found, told = 0, dict[str, Miss]()
        for event in [*events, None]:
            if event is None:
                assert searched.flush(store, NOON + 70 * DAY)
            else:
                query, client, in_vain, day = event
                at = NOON + day * DAY
                searched.note(query, client, in_vain=in_vain, at=at)
                found += not in_vain
                if in_vain:
                    sought[query].append(client)
            told = {each.query: each for each in misses(store)}
            for query, miss in told.items():
                assert k <= miss.people <= len(set(sought[query]))
                assert miss.people <= miss.times <= len(sought[query])
        days = store.searches.days(date.min, date.max)
        vain = sum(map(len, sought.values()))
        assert sum(day.searches for day in days) == found + vain
        assert sum(day.in_vain for day in days) == vain
        assert sum(day.told for day in days) == sum(m.times for m in told.values())

    law()


def test_within_the_window_all_searches_of_many_are_told(store: Store) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(_SEARCH, st.booleans()), max_size=80))
    def law(events: list[tuple[tuple[str, str, bool, int], bool]]) -> None:
        _empty(store)
        searched = Searched(k=3, window=71 * DAY)
        sought: defaultdict[str, list[str]] = defaultdict(list)
        for (query, client, _, day), flush in [*events, (("fig", "a", True, 0), True)]:
            seek(searched, query, client, at=NOON + day * DAY)
            sought[query].append(client)
            if flush:
                searched.flush(store, NOON + 70 * DAY)
        assert {each.query: each for each in misses(store)} == {
            query: Miss(query, len(set(clients)), len(clients))
            for query, clients in sought.items()
            if len(set(clients)) >= 3
        }

    law()


def _empty(store: Store) -> None:
    with store.transaction():
        store.searches.forget(date.max)


def test_what_was_forgotten_is_not_told_again(store: Store) -> None:
    searched = Searched()
    seek(searched, "amina okello", *people(5))
    assert searched.flush(store, NOON)
    with store.transaction():
        # As `baraza forget` does.
        store.db.conn.execute("DELETE FROM search_misses")

    seek(searched, "amina okello", "198.51.100.1")
    assert searched.flush(store, NOON)

    assert misses(store) == []
    # Those who ask from now on are counted anew.
    seek(searched, "amina okello", *people(4))
    assert searched.flush(store, NOON)
    assert misses(store) == []
