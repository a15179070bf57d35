"""The report as tables: what their columns hold, and that no cell is a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.report import model
from bot.report.tables import TABLES, tables
from tests.bot.report.sample import (
    empty_report,
    hostile_report,
    sample_report,
    topic,
)
from tests.conftest import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "report.md"
NAMES = [
    *("topics", "open", "repeats", "unmarked", "helpers", "gaps", "searches"),
    *("trends", "health", "scorecard", "decisions", "links", "sources"),
]
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def rows_of(name: str, report: model.Report) -> list[dict[str, str]]:
    return read(tables(report)[name])


def cells(texts: Mapping[str, str]) -> set[str]:
    return {
        cell
        for text in texts.values()
        for row in csv.reader(StringIO(text, newline=""), strict=True)
        for cell in row
    }


def test_there_is_a_table_for_each_section_and_one_of_all_topics() -> None:
    assert list(tables(sample_report())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_column_has_a_name_of_its_own_and_is_filled_and_documented(
    name: str,
) -> None:
    columns = TABLES[name].names
    rows = rows_of(name, sample_report())

    assert len(set(columns)) == len(columns)
    assert [column for column in columns if not any(r[column] for r in rows)] == []
    documented = DOCUMENT.read_text("utf-8").split(f"\n### `{name}`\n", 1)[1]
    shown = re.findall(r"^- ((?:`\w+`(?:, )?)+):", documented.split("\n#", 1)[0], re.M)
    assert re.findall(r"`(\w+)`", " ".join(shown)) == columns


def test_a_gap_is_one_row_that_an_author_can_work_from() -> None:
    [_, gap] = rows_of("gaps", sample_report())

    assert gap == {
        "verdict": "not_found",
        "words": "partager | compartir | share",
        "questions": "7",
        "unanswered": "2",
        "sample_titles": (
            "¿Cómo comparto un informe con otro grupo de usuarios? | "
            "¿Cómo comparto un informe con otro grupo de usuarios? (2) | "
            "¿Cómo comparto un informe con otro grupo de usuarios? (3)"
        ),
        "sample_urls": (
            "https://forum.example.org/t/102 https://forum.example.org/t/110 "
            "https://forum.example.org/t/118"
        ),
        "nearest": "Using sharing (0.71) | Using academy (0.66)",
        "nearest_urls": (
            "https://docs.example.org/sharing.html "
            "https://docs.example.org/academy.html"
        ),
        "linked": "Using sharing ×4 | Using clip ×1",
        "linked_urls": (
            "https://docs.example.org/sharing.html https://docs.example.org/clip.html"
        ),
    }


def test_what_was_searched_in_vain_is_a_row_each() -> None:
    report = sample_report()
    formula = model.Searches(9, 9, (model.Sought('=cmd|"/c calc"', 5, 9),))
    hostile = replace(report, gaps=replace(report.gaps, searches=formula))
    unserved = replace(report, gaps=replace(report.gaps, searches=None))

    assert rows_of("searches", report) == [
        {"query": "dhis2 hors ligne", "people": "12", "times": "31"},
        {"query": "2.41 e1063 import", "people": "5", "times": "5"},
    ]
    assert rows_of("searches", hostile)[0]["query"] == '\'=cmd|"/c calc"'
    assert rows_of("searches", unserved) == []


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        (
            "topics",
            1,
            {
                "key": "101",
                "created_at": "2024-04-30T20:00:00+00:00",
                "newcomer": "no",
                "first_reply_hours": "1.5",
                "answered": "yes",
                "in_period": "yes",
                "bot": "spoke",
            },
        ),
        # Nobody looked whether it asks anything.
        ("topics", 10, {"question": "", "first_reply_hours": "10.5"}),
        ("open", 2, {"suggestion": "", "confidence": "", "need": "0.71"}),
        (
            "open",
            0,
            {
                "suggestion": "Using maps",
                "confidence": "0.41",
                "helpers": "helper1 | helper2 | helper3",
            },
        ),
        ("repeats", 0, {"repeats": "solved", "group": "1", "similarity": "0.87"}),
        ("repeats", 1, {"repeats": "looks solved", "group": "2"}),
        ("repeats", 4, {"repeats": "open", "group": "1", "earlier_url": ""}),
        ("unmarked", 1, {"post": "2", "author": "", "sure": "0.62"}),
        ("helpers", 0, {"name": "helper1", "solved": "12", "load": "5"}),
        ("trends", 0, {"what": "cluster", "now": "6", "before": "2"}),
        (
            "health",
            1,
            {
                "by": "period",
                "figure": "answered",
                "value": "0.6667",
                "n": "60",
                "rows": "40",
                "table": "topics",
                "where": "in_period = yes and answered = yes",
            },
        ),
        # What is in no table.
        ("health", 7, {"figure": "by_bots", "rows": "10", "table": "", "where": ""}),
        (
            "scorecard",
            0,
            {"rows": "52", "table": "decisions", "where": 'voice != "waiting"'},
        ),
        ("scorecard", 8, {"what": "silence", "figure": "not sure enough"}),
        (
            "scorecard",
            13,
            {"what": "rating", "figure": "liked, or reacted to well, by members"},
        ),
        (
            "decisions",
            0,
            {
                "key": "104",
                "voice": "silent",
                "why": "not sure enough | not a question",
                "draft": "no",
                "helped": "",
            },
        ),
        ("decisions", 2, {"voice": "spoke", "helped": "no", "why": ""}),
        ("decisions", 4, {"key": "9", "title": "", "url": ""}),
        ("links", 0, {"instead_title": "Using maps", "posts": "14"}),
        ("links", 1, {"instead_title": "", "instead_url": ""}),
        ("sources", 1, {"age_hours": "216", "set_aside": "3", "dead": "2"}),
        ("sources", 2, {"refreshed_at": "", "age_hours": ""}),
    ],
)
def test_a_row_says_what_the_report_does(
    name: str, number: int, expected: dict[str, str]
) -> None:
    row = rows_of(name, sample_report())[number]

    assert {column: row[column] for column in expected} == expected


def test_who_is_named_for_no_listed_question_stands_last() -> None:
    report = sample_report()
    rows = rows_of(
        "helpers", replace(report, open_now=replace(report.open_now, questions=()))
    )

    assert [(r["url"], r["name"], r["load"]) for r in rows] == [
        ("", "helper1", "5"),
        ("", "helper2", "3"),
        ("", "helper3", "1"),
    ]


@pytest.mark.parametrize("name", ["health", "scorecard"])
def test_the_rows_of_a_figure_are_found_by_the_columns_of_a_table(name: str) -> None:
    told = [row for row in rows_of(name, sample_report()) if row["where"]]
    for row in told:
        bare = re.sub(r'"[^"]*"', "", row["where"])
        for condition in bare.split(" and "):
            assert condition.split(" ")[0] in TABLES[row["table"]].names
    assert len(told) >= 8


def test_languages_are_told_as_the_report_groups_them() -> None:
    sample = sample_report().rows[0]
    rows = tuple(
        replace(sample, topic=topic(0, language=language), in_period=language == "pt")
        for language in ("pt-BR", "pt", "und", None)
    )

    shown = rows_of("topics", sample_report(rows=rows))

    assert [row["language"] for row in shown] == ["pt", "pt", "", ""]
    assert [row["in_period"] for row in shown] == ["no", "yes", "no", "no"]


def test_of_nothing_there_is_the_header_alone() -> None:
    report = empty_report()

    empty = {name: read(text) for name, text in tables(report).items()}

    assert [name for name, rows in empty.items() if rows] == ["health"]
    assert {row["value"] for row in empty["health"]} == {"0", ""}


def test_a_hostile_report_stays_in_its_cells() -> None:
    report = hostile_report()
    for name, text in tables(report).items():
        for row in read(text):
            assert list(row) == TABLES[name].names
            assert None not in row.values()
    assert_harmless(tables(report))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["=", "+", "-", "@", "\t", "\r", "\n", "\u200b", "＝", '"', ","]
        )
        | st.text(max_size=8),
        max_size=5,
    ).map("".join)
)
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    evil = topic(0, title=text, author=text, url=text, category=text, key=text)
    report = empty_report()
    row = replace(sample_report().rows[0], topic=evil)
    gap = replace(sample_report().gaps.gaps[0], words=(text,), topics=(evil,))

    found = tables(replace(report, rows=(row,), gaps=model.Gaps(1, (gap,))))

    assert_harmless(found)
    [shown] = read(found["topics"])
    assert shown["title"].removeprefix("'") == shown["author"].removeprefix("'")
    assert len(read(found["gaps"])) == 1
    # What people said is still there, but for what nobody sees.
    letters = [char for char in text if char.isalnum() and char.isascii()]
    assert [c for c in shown["title"] if c.isalnum() and c.isascii()] == letters


def assert_harmless(texts: Mapping[str, str]) -> None:
    for cell in cells(texts):
        assert _NUMBER.fullmatch(cell) or not _FORMULA.match(cell), cell
        assert not re.search(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069]", cell)
        cell.encode("utf-8")


def test_a_report_gives_the_same_tables_each_time() -> None:
    assert tables(sample_report()) == tables(sample_report())


def test_times_are_told_in_utc_whatever_zone_they_came_in() -> None:
    local = datetime.fromisoformat("2024-05-01T05:00:00+03:00")
    row = replace(sample_report().rows[0], topic=topic(0, created_at=local))

    [shown] = rows_of("topics", sample_report(rows=(row,)))

    assert shown["created_at"] == "2024-05-01T02:00:00+00:00"
