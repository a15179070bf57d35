"""Profiles of those who are suggested as helpers: kept, replaced, dropped."""

from __future__ import annotations

from datetime import timedelta

from kb.store import Profile, Store
from tests.kb.stored import NOON

AMINA = Profile(7, "amina", "HISP Tanzania", NOON)
BEN = Profile(8, "ben", "", NOON)


def keep(store: Store, *profiles: Profile, source: str = "forum") -> None:
    with store.transaction():
        for profile in profiles:
            store.profiles.keep(source, profile)


def test_profiles_are_of_one_source_by_the_number_of_the_account(
    store: Store,
) -> None:
    other = Profile(7, "somebody_else", "Lima", NOON)
    keep(store, BEN, AMINA)
    keep(store, other, source="history")

    assert list(store.profiles.of("forum").items()) == [(7, AMINA), (8, BEN)]
    assert store.profiles.of("history") == {7: other}
    assert store.profiles.of("nowhere") == {}


def test_what_is_read_again_takes_the_place_of_what_was_known(store: Store) -> None:
    keep(store, AMINA, BEN)
    later = Profile(7, "amina_k", "Dodoma", NOON + timedelta(days=40))
    keep(store, later)

    assert store.profiles.of("forum") == {7: later, 8: BEN}


def test_text_that_no_file_can_hold_is_cleaned(store: Store) -> None:
    keep(store, Profile(7, "am\0ina", "Do\ud800doma", NOON))

    assert store.profiles.of("forum")[7] == Profile(7, "amina", "Dodoma", NOON)


def test_who_is_dropped_leaves_the_others(store: Store) -> None:
    keep(store, AMINA, BEN)
    keep(store, AMINA, source="history")
    with store.transaction():
        counts = [store.profiles.drop("forum", ids) for ids in ([], [7, 99], [7])]

    assert counts == [0, 1, 0]
    assert store.profiles.of("forum") == {8: BEN}
    assert store.profiles.of("history") == {7: AMINA}
