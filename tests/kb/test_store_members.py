"""Members who want less of us: an account is one person, a name may pass on."""

from __future__ import annotations

from typing import Any

from kb.store import Store
from tests.kb.stored import NOON

FORUM = "forum"


def wish(store: Store, username: str, user_id: int | None, **more: Any) -> None:
    values: dict[str, Any] = {"answers": False, "origin": "message", "at": NOON}
    with store.transaction():
        store.members.wish(FORUM, username=username, user_id=user_id, **values | more)


def take_back(store: Store, username: str, user_id: int | None) -> bool:
    with store.transaction():
        return store.members.take_back(FORUM, username=username, user_id=user_id)


def answers(store: Store, username: str, user_id: int | None) -> bool:
    """Whether somebody may be answered."""
    found = store.members.find(FORUM, username=username, user_id=user_id)
    return found is None or found.answers


def gone(store: Store, username: str | None, user_id: int | None) -> bool:
    return store.members.forgotten(FORUM).covers(username, user_id)


def test_whoever_takes_an_old_name_takes_over_no_wish(store: Store) -> None:
    wish(store, "alice", 7)
    assert answers(store, "alice", 99)

    wish(store, "alice", 99)
    assert (answers(store, "alicia", 7), answers(store, "alice", 99)) == (False, False)
    assert take_back(store, "alice", 99)

    assert (answers(store, "alicia", 7), answers(store, "alice", 99)) == (False, True)


def test_whoever_takes_the_name_of_the_forgotten_brings_nobody_back(
    store: Store,
) -> None:
    wish(store, "alice", 7, indexed=False, origin="operator")
    wish(store, "alice", 99)
    wish(store, "alice", 99, answers=True)

    assert not gone(store, "alice", 99)
    assert gone(store, "alicia", 7)
    # What tells no account is rather theirs.
    assert gone(store, "alice", None)
    assert not answers(store, "alicia", 7)


def test_no_wish_of_a_member_takes_back_that_they_are_forgotten(store: Store) -> None:
    wish(store, "alice", 7, indexed=False, origin="operator")
    wish(store, "newcomer", None, indexed=False, origin="operator")

    for name, user_id in (("alicia", 7), ("alice", 7), ("newcomer", 8)):
        wish(store, name, user_id, answers=True)
        assert not take_back(store, name, user_id)
        assert gone(store, name, user_id)
        assert answers(store, name, user_id)


def test_of_whom_no_account_is_known_the_name_tells(store: Store) -> None:
    wish(store, "Éloïse_Ünal", None, indexed=False, origin="operator")

    assert gone(store, "éloïse_ünal", 8)
    assert gone(store, "ÉLOÏSE_ÜNAL", None)
    assert not gone(store, "eloise", 8)


def test_a_name_gets_its_account_once_it_is_known(store: Store) -> None:
    wish(store, "alice", None)
    wish(store, "alice", 7)

    assert [m.user_id for m in store.members.all(FORUM)] == [7]
    assert answers(store, "alice", 99)


def test_the_operator_takes_back_all_names_of_an_account(store: Store) -> None:
    for name in ("alice", "alicia"):
        wish(store, name, 7, indexed=False, origin="operator")
    wish(store, "alicia", 8)

    with store.transaction():
        assert store.members.remember(FORUM, "ALICIA")
        assert not store.members.remember(FORUM, "alicia")

    assert not gone(store, "alice", 7)
    assert not gone(store, "alice", None)
    assert [m.user_id for m in store.members.all(FORUM)] == [8]
