"""Keys are found by their secret alone, which is kept nowhere."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path

import pytest

from kb.errors import StoreError
from kb.store import ApiKey, Store
from tests.kb.stored import NOON


def add(store: Store, name: str, *scopes: str) -> str:
    with store.transaction():
        return store.api_keys.add(name, scopes, NOON)


def test_a_key_is_found_by_its_secret_and_by_nothing_else(store: Store) -> None:
    wiki = add(store, "wiki", "private", "metrics", "private")
    staff = add(store, "staff portal", "category:Staff")

    assert store.api_keys.find(wiki) == ApiKey(
        "wiki", frozenset({"private", "metrics"}), NOON
    )
    assert store.api_keys.find(staff) == ApiKey(
        "staff portal", frozenset({"category:Staff"}), NOON
    )
    for wrong in ("", "wiki", wiki[:-1], wiki + "x", wiki.upper(), "\ud800", "é\0"):
        assert store.api_keys.find(wrong) is None


def test_a_secret_is_random_and_long_and_safe_in_a_url(store: Store) -> None:
    secrets = {add(store, f"key {n}", "metrics") for n in range(20)}

    assert len(secrets) == 20
    assert all(re.fullmatch(r"baraza_[A-Za-z0-9_-]{43}", each) for each in secrets)


def test_a_secret_is_not_in_the_files(store: Store, store_path: Path) -> None:
    secret = add(store, "wiki", "private")

    files = b"".join(path.read_bytes() for path in store_path.parent.iterdir())

    assert b"wiki" in files
    assert hashlib.sha256(secret.encode()).digest() in files
    assert secret.encode() not in files
    assert secret.removeprefix("baraza_").encode() not in files


def test_a_revoked_key_lets_nobody_in_and_stays_listed(store: Store) -> None:
    wiki, later = add(store, "wiki", "private"), NOON + timedelta(days=1)
    other = add(store, "a", "metrics")

    with store.transaction():
        revoked = [store.api_keys.revoke("wiki", later) for _ in range(2)]
        assert not store.api_keys.revoke("nobody's", later)

    assert revoked == [True, False]
    assert store.api_keys.find(wiki) is None
    assert store.api_keys.find(other) is not None
    assert [(key.name, key.revoked_at) for key in store.api_keys.list()] == [
        ("a", None),
        ("wiki", later),
    ]


def test_a_name_is_given_once_for_ever(store: Store) -> None:
    first = add(store, "wiki", "private")
    with store.transaction():
        store.api_keys.revoke("wiki", NOON)

    with pytest.raises(ValueError, match="is, or was, a key called wiki"):
        add(store, "wiki", "metrics")

    assert store.api_keys.find(first) is None
    assert len(store.api_keys.list()) == 1


@pytest.mark.parametrize(
    "name", ["", " ", " wiki", "a\nb", "a\x1b[31m", "a\u202eb", "\ud800", "x" * 41]
)
def test_a_name_that_people_cannot_read_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 40 characters"):
        add(store, name, "private")

    assert store.api_keys.list() == []


@pytest.mark.parametrize("name", ["x", "x" * 40, "Équipe terrain", "社区", "a b"])
def test_any_name_that_people_can_read_will_do(store: Store, name: str) -> None:
    add(store, name, "private")

    assert [key.name for key in store.api_keys.list()] == [name]


@pytest.mark.parametrize(
    "scopes",
    [
        (),
        ("",),
        ("public",),
        ("Private",),
        ("category:",),
        ("source:",),
        ("category:a\nb",),
        ("private", "admin"),
    ],
)
def test_a_scope_that_is_none_is_refused(store: Store, scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"scope|expected private"):
        add(store, "wiki", *scopes)

    assert store.api_keys.list() == []


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        (("metrics",), {"public"}),
        (
            ("category:Staff", "source:wiki"),
            {"public", "category:Staff", "source:wiki"},
        ),
        (("private", "category:Staff"), None),
    ],
)
def test_a_key_shows_what_its_scopes_say(
    store: Store, scopes: tuple[str, ...], seen: set[str] | None
) -> None:
    key = store.api_keys.find(add(store, "wiki", *scopes))

    assert key is not None
    assert key.visible_to == seen


def test_a_reader_finds_keys_and_cannot_make_them(
    store: Store, store_path: Path
) -> None:
    secret = add(store, "wiki", "private")

    with Store.open(store_path, readonly=True) as reader:
        assert reader.api_keys.find(secret) == store.api_keys.find(secret) is not None
        with pytest.raises(StoreError, match="readonly"):
            add(reader, "mine", "private")
