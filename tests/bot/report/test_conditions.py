"""Conditions: whoever filters a table by one has exactly the rows that were counted."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app import App
from bot.config import parse_config
from bot.report.cells import between, cell, equal, every, filled, other_than
from bot.report.making import make, wanted
from bot.report.model import Figure, Group, Report, Rows
from bot.report.tables import tables
from kb.store import State, Store
from kb.types import Document
from tests.bot.report.test_health import MONTH, random_forum
from tests.bot.report.test_scorecard import decided, mark, record
from tests.bot.report.world import DAY, HOUR, URL, keep

Table = list[dict[str, str]]

# What a condition may hold, each with what it asks for.
_TERM = re.compile(
    r"(?P<column>\w+) (?:(?P<fill>is(?: not)? empty)|(?P<sign>=|!=|>=|<) "
    r'(?:"(?P<words>(?:[^"]|"")*)"|(?P<bare>[\w-]+)))'
)
CATEGORIES = (
    *("Support", 'Say "hi"', "=x", "'=x", "no category", "all others", "not known"),
    *("a and open = yes", "a\u200bb", "ab", " a\nb ", "a b", "\u200b", "", "; =1"),
    *("#", "مرحبا", "\u202egnp", "is empty", "yes", "yes ", "category is empty"),
    *(f"c{number}" for number in range(90)),
    None,
)
LANGUAGES = ("en", "EN", "pt-BR", "pt", "iw", "he", "und", "zh-Hans", "", "?", None)


def filtered(rows: Table, where: str) -> Table:
    """As somebody would do it who knows nothing of the program."""
    place = 0
    while place < len(where):
        term = _TERM.match(where, place)
        assert term is not None, where
        rows = [row for row in rows if holds(row[term["column"]], term)]
        place = term.end()
        if place < len(where):
            assert where.startswith(" and ", place), where
            place += len(" and ")
    return rows


def holds(shown: str, term: re.Match[str]) -> bool:
    if term["fill"]:
        return bool(shown) == (term["fill"] == "is not empty")
    words = term["words"]
    value = term["bare"] if words is None else words.replace('""', '"')
    return {
        "=": shown == value,
        "!=": shown != value,
        ">=": shown >= value,
        "<": shown < value,
    }[term["sign"]]


@given(st.text(), st.text())
def test_a_value_is_found_by_what_its_cell_shows(one: str, other: str) -> None:
    rows = [{"a": cell(text), "b": "yes"} for text in (one, other, "", "yes")]
    same = [row for row in rows if row["a"] == cell(one)]

    where = every(equal("a", one), equal("b", True))

    assert filtered(rows, where) == same
    # Also where the condition itself stands in a table.
    assert cell(where) == where
    assert filtered(rows, other_than("a", "yes")) == [
        r for r in rows if r["a"] != "yes"
    ]
    assert filtered(rows, filled("a")) == [row for row in rows if row["a"]]
    assert filtered(rows, every()) == rows


def test_days_are_told_by_their_dates() -> None:
    begun = [MONTH.since.replace(hour=0) + n * DAY / 2 for n in range(8)]
    rows = [{"at": cell(at)} for at in begun]

    found = filtered(rows, between("at", begun[2], begun[6]))

    assert found == rows[2:6]


@pytest.fixture
def app(tmp_path: Path) -> App:
    values = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": {"forum": {"type": "forum", "url": URL}},
        "embedding": {"model": "hashing"},
        "bot": {"forum": "forum"},
    }
    return App(parse_config(values, folder=tmp_path), clock=lambda: MONTH.until)


def odd_forum(seed: int) -> list[Document]:
    rng = random.Random(seed)
    return [
        replace(
            document,
            category=rng.choice(CATEGORIES),
            language=rng.choice(LANGUAGES),
        )
        for document in random_forum(seed, 350)
    ]


def decide(store: Store, seed: int) -> None:
    """What a bot may have made of these topics, and people of that."""
    rng = random.Random(seed)
    states: tuple[State, ...] = (
        *("waiting", "decided", "drafted", "claimed", "posted", "posted", "queued"),
        *("refused", "rejected", "expired", "withdrawn"),
    )
    for number in range(1, 350, 2):
        state = rng.choice(states)
        at = MONTH.until - rng.uniform(-2, 20) * DAY
        more: dict[str, Any] = {
            "decided_at": at,
            "mode": rng.choice(["public", "draft"]),
        }
        if state in ("posted", "queued", "withdrawn"):
            more["sent_at"] = at + rng.uniform(0, 48) * HOUR
        record(store, decided(number, state, **more))
        if rng.random() < 0.6:
            mark(store, number, rng.choice([1, -1]), at=at + 50 * HOUR)


def told(report: Report) -> Iterator[tuple[str, Figure]]:
    """All figures, with what they are of."""
    found = report.health
    groups = (
        ("period", (Group("", found.overall),)),
        ("before", (Group("", found.before),)),
        ("category", found.by_category),
        ("language", found.by_language),
        ("time", found.over_time),
    )
    for of, some in groups:
        for group in some:
            for figure in group.figures:
                yield "rest" if group.rest else of, figure
    assert report.scorecard is not None
    for figure in report.scorecard.figures:
        yield "bot", figure


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("private", [False, True])
def test_every_condition_of_a_report_tells_exactly_the_rows_that_were_counted(
    app: App, seed: int, private: bool
) -> None:
    with app.open_store() as store:
        keep(store, odd_forum(seed))
        decide(store, seed)
    since = (MONTH.until - timedelta(days=20)).isoformat()

    report = make(app, wanted(app, since=since, private=private))
    by_name = {
        name: list(csv.DictReader(StringIO(text, newline="")))
        for name, text in tables(report).items()
    }

    def check(rows: Rows) -> None:
        assert rows.where is not None
        found = filtered(by_name[rows.table], rows.where)
        assert len(found) == rows.count, rows.where
        assert {topic.key for topic in rows.first} <= {row["key"] for row in found}

    check(report.open_now.total)
    untold = set()
    for of, figure in told(report):
        if figure.rows.where is None:
            untold.add(of if figure.name != "by_bots" else "by_bots")
        else:
            check(figure.rows)
    assert {"before", "by_bots"} <= untold <= {"before", "by_bots", "rest"}
    in_tables = [
        row["where"] for name in ("health", "scorecard") for row in by_name[name]
    ]
    assert [where for where in in_tables if where] == [
        figure.rows.where for _, figure in told(report) if figure.rows.where
    ]
    # All of it is there to be told apart.
    assert {row["in_period"] for row in by_name["topics"]} == {"yes", "no"}
    assert report.open_now.total.count > 10
    assert len(by_name["decisions"]) > 20
    assert {row["helped"] for row in by_name["decisions"]} == {"yes", "no", ""}
    if not private:
        # Whom nobody may see is not even counted.
        assert all(row["url"] for row in by_name["decisions"])
