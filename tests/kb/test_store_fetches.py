"""What was asked of websites: kept per source and address, as it was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kb.store import Fetch, Store
from tests.kb.stored import NOON

A = Fetch(
    "https://docs.example/a.html",
    NOON,
    etag='"one"',
    last_modified="Sun, 01 Mar 2026 12:00:00 GMT",
    body=b"\x00<urlset/>",
    key="a",
    reason="",
    stamp="2026-03-01",
    content_hash="c1",
    failures=2,
    failed_at=NOON - timedelta(days=1),
)
B = Fetch("https://docs.example/b.html", NOON, key="a", content_hash="c1")


def put(store: Store, source: str, *fetches: Fetch) -> None:
    with store.transaction():
        store.fetches.put(source, fetches)


def test_a_fetch_comes_back_as_it_was(store: Store, store_path: Path) -> None:
    put(store, "docs", A, B)
    store.close()

    with Store.open(store_path) as again:
        assert again.fetches.get("docs", A.url) == A
        assert again.fetches.get("docs", B.url) == B
        assert again.fetches.get("other", A.url) is None
        assert again.fetches.get("docs", "https://docs.example/c.html") is None


def test_the_newest_takes_the_place_of_the_one_before(store: Store) -> None:
    put(store, "docs", A)
    newer = replace(A, etag='"two"', body=None, failures=0, failed_at=None)
    put(store, "docs", newer)

    assert store.fetches.get("docs", A.url) == newer
    assert list(store.fetches.all("docs")) == [newer]


def test_they_are_found_by_what_became_of_them(store: Store) -> None:
    other = replace(B, url="https://docs.example/c.html", key="c", content_hash="c2")
    put(store, "docs", B, A, other)
    put(store, "wiki", A)
    known = store.holdings("docs")

    assert known.fetches_of("a") == [A, B]
    assert known.fetches_like("c2") == [other]
    assert list(known.fetches()) == [replace(A, body=None), B, other]
    assert known.fetch(A.url) == A


def test_what_is_forgotten_is_gone_for_its_source_alone(store: Store) -> None:
    put(store, "docs", A, B)
    put(store, "wiki", A)

    with store.transaction():
        store.fetches.forget("docs", [A.url, "https://docs.example/never.html"])

    assert list(store.fetches.all("docs")) == [B]
    assert store.fetches.get("wiki", A.url) == A


def test_a_thousand_and_more_come_in_order(store: Store) -> None:
    urls = [f"https://docs.example/{number:05}" for number in range(2_345)]
    put(store, "docs", *(Fetch(url, NOON) for url in reversed(urls)))

    assert [fetch.url for fetch in store.fetches.all("docs")] == urls


@given(st.text(max_size=20), st.text(max_size=20))
def test_only_what_was_told_is_asked_with(etag: str, modified: str) -> None:
    conditions = Fetch("u", NOON, etag=etag, last_modified=modified).conditions

    assert conditions.get("If-None-Match", "") == etag
    assert conditions.get("If-Modified-Since", "") == modified
    assert all(conditions.values())
