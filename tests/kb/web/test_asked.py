"""Addresses of the search page: whatever they hold, a page comes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.instant.records import Filters
from kb.types import Kind
from kb.web.asked import NAMES, PAGES, Asked, language_for, read

LANGUAGES = ("en", "es", "fr", "pt")


def asked_by(query: str) -> Asked:
    return read(parse_qsl(query, keep_blank_values=True), LANGUAGES)


def test_all_filters_mean_what_those_of_the_endpoint_mean() -> None:
    asked = asked_by(
        "q=map&kind=docs&kind=VIDEO&lang=fr-CA&category=Support&tag=A%26B&version=2.41"
        "&solved=true&since=2024&before=2025-02-01&page=3&ui=pt"
    )

    assert asked.filters == Filters(
        kinds=frozenset({Kind.DOCS, Kind.VIDEO}),
        languages=frozenset({"fr"}),
        categories=frozenset({"support"}),
        tags=frozenset({"a&b"}),
        versions=frozenset({"2.41"}),
        solved=True,
        since=datetime(2024, 1, 1, tzinfo=UTC),
        before=datetime(2025, 2, 1, tzinfo=UTC),
    )
    assert (asked.q, asked.page, asked.ui, asked.left_out) == ("map", 3, "pt", ())


@pytest.mark.parametrize(
    ("query", "left_out"),
    [
        ("kind=banana", ("kind:banana",)),
        (
            "lang=12&since=yesterday&solved=maybe",
            ("lang:12", "since:yesterday", "solved:maybe"),
        ),
        (f"tag={'x' * 101}", (f"tag:{'x' * 36}…",)),
        ("kind=&utm_source=mail&k=9999", ()),
    ],
)
def test_what_is_not_understood_is_left_out_and_told(
    query: str, left_out: tuple[str, ...]
) -> None:
    asked = asked_by(query)

    assert asked.left_out == left_out
    assert asked.filters == Filters()


@pytest.mark.parametrize(
    ("page", "number"),
    [
        ("2", 2),
        ("-1", 1),
        ("0", 1),
        ("x", 1),
        ("²", 1),
        ("9" * 5_000, 1),
        ("9999", PAGES),
    ],
)
def test_a_page_that_is_none_is_the_nearest_that_is(page: str, number: int) -> None:
    assert asked_by(f"q=a&page={page}").page == number


def test_a_query_that_is_too_long_is_cut_and_said_to_be() -> None:
    asked = asked_by("q=" + "a" * 1_001)

    assert (len(asked.q), asked.too_long) == (1_000, True)
    assert not asked_by("q=" + "a" * 1_000).too_long


def test_a_filter_is_turned_on_and_off_by_its_link() -> None:
    asked = asked_by("q=a+b&page=4&category=Support&ui=fr")

    assert (
        asked.toggled("kind", "docs") == "search?q=a+b&kind=docs&category=Support&ui=fr"
    )
    assert asked.toggled("category", "support") == "search?q=a+b&ui=fr"
    dated = asked_by("since=2024&kind=docs")
    assert dated.toggled("since", "2025") == "search?kind=docs&since=2025"
    assert dated.without("kind") == "search?since=2024"
    assert dated.without() == "search"


@given(
    st.lists(
        st.tuples(
            st.sampled_from((*NAMES, "q", "page", "ui", "x")), st.text(max_size=120)
        ),
        max_size=30,
    )
)
def test_an_address_of_any_kind_is_read_and_leads_back(
    pairs: list[tuple[str, str]],
) -> None:
    """What is left out stays out, and the rest is the same search."""
    asked = read(pairs, LANGUAGES)
    assert isinstance(asked.filters, Filters)

    again = asked_by(asked.address().partition("?")[2])
    assert (again.q, again.chosen, again.page, again.ui) == (
        asked.q,
        asked.chosen,
        asked.page,
        asked.ui,
    )
    assert again.left_out == ()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "es"),
        ("fr", "fr"),
        ("de-DE,de;q=0.9,en;q=0.8,fr;q=0.7", "en"),
        ("en;q=0.1, pt-BR;q=0.9", "pt"),
        ("sw, *;q=0.5", "es"),
        ("fr;q=nan, en;q=2, pt;q=-1", "es"),
        ("fr;q=0.3;x=1, ;;, =, en;q=" + "9" * 999, "es"),
        (", " * 5_000 + "fr", "es"),
    ],
)
def test_the_browser_says_which_language(accepted: str, language: str) -> None:
    assert language_for(accepted, LANGUAGES, "es") == language
