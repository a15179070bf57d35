"""The report in a terminal: of what time it tells, and what it claims."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.report import model
from bot.report.brief import brief
from tests.bot.report.sample import sample_report


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        (
            datetime(2024, 4, 3, 12, tzinfo=UTC),
            datetime(2024, 5, 1, 12, tzinfo=UTC),
            "2024-04-03 12:00 UTC to 2024-05-01 12:00 UTC",
        ),
        # Midnight in a zone that is not ours.
        (
            datetime(2024, 4, 2, 22, tzinfo=UTC),
            datetime(2024, 4, 9, 22, tzinfo=UTC),
            "2024-04-02 22:00 UTC to 2024-04-09 22:00 UTC",
        ),
        (
            datetime(2024, 4, 3, tzinfo=UTC),
            datetime(2024, 4, 10, tzinfo=UTC),
            "2024-04-03 to 2024-04-09 UTC",
        ),
    ],
)
def test_it_says_of_what_time_it_tells(
    since: datetime, until: datetime, told: str
) -> None:
    first = brief(sample_report(since=since, until=until)).splitlines()[0]

    assert first == f"Example community: {told}, 60 topics asked"


def test_of_an_earlier_question_it_says_where_that_was_solved() -> None:
    lines = brief(sample_report()).splitlines()

    at = lines.index("2. Probably the same: 2 repeat an earlier question")
    assert lines[at + 2] == (
        "    87 % alike, solved there in post 4: https://forum.example.org/t/141/4"
    )
    assert lines[at + 4] == (
        "    79 % alike, probably solved there: https://docs.example.org/tracker.html"
    )


def test_it_counts_in_singular_and_tells_only_of_what_is_left_out() -> None:
    report = sample_report()
    [first] = report.open_now.questions[:1]
    waits = replace(first, silence="a draft waits for a moderator's word")
    one = replace(
        report,
        topics=1,
        open_now=model.OpenNow(model.Rows(1), (waits,)),
        gaps=replace(report.gaps, questions=1, gaps=()),
        who_could_help=report.who_could_help[2:],
        trends=replace(report.trends, asked=1, asked_before=0),
    )

    lines = brief(one).splitlines()

    assert lines[0].endswith(", 1 topic asked")
    assert "1. Open now: 1" in lines
    assert "1. Open now: 12, of which the first 6" in brief(report).splitlines()
    assert "  1 group of open questions that ask the same" in lines
    assert "4. Who could help: 1 member" in lines
    assert "  helper3: 1 question" in lines
    assert "5. Gaps: 0 in 1 question" in lines
    assert (
        "6. Trends: 1 question, no question is held of the time before, so there is "
        "nothing to compare with"
    ) in lines
    assert "     A draft waits for a moderator's word." in lines


def test_it_tells_shares_as_the_other_forms_do() -> None:
    text = brief(sample_report())

    assert "need high (93 %): urgent" in text
    assert "best suggestion: https://docs.example.org/maps.html (41 % sure)" in text
    assert "Why it is not in the topic: less sure than 60 %" in text
    assert "  Answered by a person: 67 % of 60" in text
    assert "  Time to first human reply, median: 3.5 hours" in text
    assert "  forum: 10,994 documents, read 2 hours ago" in text
    assert not re.search(r"\(0\.\d+", text)


def test_what_was_searched_in_vain_stands_with_the_gaps_if_anything_was() -> None:
    report = sample_report()

    lines = brief(report).splitlines()

    at = lines.index("  searched: 1,234 searches, 86 of them in vain (7 %)")
    assert lines[at + 1 : at + 3] == [
        "    not found: dhis2 hors ligne (12 people, 31 times)",
        "    not found: 2.41 e1063 import (5 people, 5 times)",
    ]
    unserved = brief(replace(report, gaps=replace(report.gaps, searches=None)))
    assert unserved.splitlines() == lines[:at] + lines[at + 3 :]
