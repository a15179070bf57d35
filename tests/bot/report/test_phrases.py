"""How all forms of the report say the same: what is to be done, and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report import model
from bot.report.phrases import (
    SECTIONS,
    age,
    gaps_in_order,
    language_name,
    post_of,
    searched,
    share_of,
    summary,
    tasks,
)
from tests.bot.report.sample import empty_report, open_question, sample_report

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "report.md"


def test_sections_are_numbered_and_named_as_in_the_documentation() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert [section.number for section in SECTIONS] == list(range(1, 10))
    for section in SECTIONS:
        assert f"\n{section.number}. **{section.title}**: " in text


def test_only_what_is_there_is_to_be_done() -> None:
    assert tasks(empty_report()) == ()
    assert summary(empty_report()) == "Nothing is to be done"
    report = sample_report()
    one = replace(
        empty_report(),
        open_now=model.OpenNow(model.Rows(1), (open_question(0, actions=()),)),
        upkeep=replace(report.upkeep, links=report.upkeep.links[:1], sources=()),
    )
    assert summary(one) == "1 open question, 1 of them high · 1 link to mend"


@pytest.mark.parametrize(
    ("searches", "in_vain", "told"),
    [
        (1_234, 86, "1,234 searches, 86 of them in vain (7 %)"),
        (10, 1, "10 searches, 1 of them in vain (10 %)"),
        (9, 2, "9 searches, 2 of them in vain"),
        (1, 1, "1 search, 1 of them in vain"),
        (500, 0, "500 searches, none in vain"),
    ],
)
def test_how_much_was_searched_is_told_by_numbers_where_they_are_few(
    searches: int, in_vain: int, told: str
) -> None:
    assert searched(model.Searches(searches, in_vain)) == told


@pytest.mark.parametrize(
    ("needs", "total", "told"),
    [
        ((0.9, 0.5), 5, "5 open questions, 1 of them high"),
        ((0.9, 0.7), 2, "2 open questions, 2 of them high"),
        # Those that are not listed may be high, too.
        ((0.9, 0.7), 5, "5 open questions, 2 or more of them high"),
        ((0.5,), 5, "5 open questions"),
        ((), 5, "5 open questions"),
    ],
)
def test_high_ones_are_counted_as_far_as_they_are_known(
    needs: tuple[float, ...], total: int, told: str
) -> None:
    some = tuple(open_question(0, need=need, actions=()) for need in needs)
    report = empty_report(open_now=model.OpenNow(model.Rows(total), some))

    assert summary(report) == told


def test_a_draft_is_counted_whether_or_not_it_can_be_approved_from_here() -> None:
    waits = open_question(0, need=0.1, silence="a draft waits for me", actions=())
    report = empty_report(open_now=model.OpenNow(model.Rows(1), (waits,)))

    assert summary(report) == "1 open question · 1 draft to approve"


@given(st.floats(0, 10**6), st.floats(0, 10**6))
def test_ages_are_never_nothing_and_never_more_than_they_are(
    one: float, other: float
) -> None:
    hours = {"min": 1 / 60, "hour": 1, "day": 24, "month": 24 * 365.25 / 12}

    def told(value: float) -> float:
        count, unit = age(value).replace(",", "").split()
        assert int(count) >= 1
        return int(count) * hours[unit.removesuffix("s")]

    assert told(one) <= max(one, 1 / 60) + 1e-6
    if one <= other:
        assert told(one) <= told(other) + 1e-6


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_of_few_is_told_by_its_numbers(few: tuple[int, int]) -> None:
    part, n = few
    assert share_of(part / n, n) == f"{part} of {n}"


def test_what_is_no_language_keeps_its_name() -> None:
    assert [language_name(code) for code in ("fr", "pt-BR", "", "xx", "others")] == [
        "French",
        "Portuguese",
        "",
        "xx",
        "others",
    ]


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("https://f.org/t/141/4", 4),
        ("https://f.org/sub/t/some-title/141/4/", 4),
        ("https://f.org/t/some-title/141", None),
        ("https://docs.org/2.40/4", None),
        ("", None),
    ],
)
def test_a_post_is_known_by_its_address(url: str, number: int | None) -> None:
    assert post_of(url) == number


def test_where_nothing_exists_comes_first() -> None:
    gaps = sample_report().gaps.gaps

    assert gaps_in_order(gaps[::-1]) == list(gaps)
