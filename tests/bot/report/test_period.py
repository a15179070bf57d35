"""Of which time a report tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.report.period import PeriodError, period_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("asked", "since", "until"),
    [
        ({}, "2026-06-08T12:00:00", "2026-06-15T12:00:00"),
        ({"until": "2026-06-15"}, "2026-06-08T12:00:00", "2026-06-15T12:00:00"),
        ({"until": "2026-06-14"}, "2026-06-08T00:00:00", "2026-06-15T00:00:00"),
        ({"since": "2026-06-01"}, "2026-06-01T00:00:00", "2026-06-15T12:00:00"),
        (
            {"since": "2026-06-01T18:00", "until": "2026-06-01T18:00:01"},
            "2026-06-01T18:00:00",
            "2026-06-01T18:00:01",
        ),
        (
            {"since": "2026-06-01T18:00+02:00"},
            "2026-06-01T16:00:00",
            "2026-06-15T12:00:00",
        ),
        ({"since": "0900-01-01"}, "0900-01-01T00:00:00", "2026-06-15T12:00:00"),
    ],
)
def test_a_period_is_what_is_asked_for(
    asked: dict[str, str], since: str, until: str
) -> None:
    found = period_of(NOW, **asked)  # type: ignore[arg-type]

    assert found.since == datetime.fromisoformat(f"{since}+00:00")
    assert found.until == datetime.fromisoformat(f"{until}+00:00")


@pytest.mark.parametrize(
    "asked",
    [
        {"until": "2026-06-16"},
        {"until": "2026-06-15T12:01"},
        {"since": "2026-06-15T12:00"},
        {"since": "2026-06-10", "until": "2026-06-09"},
        {"since": "yesterday"},
        {"until": "2026-13-01"},
        {"since": "2026-6-1"},
        {"until": "9999-12-31"},
        {"since": ""} | {"length": timedelta(days=10**6)},
    ],
)
def test_what_is_no_period_is_told(asked: dict[str, object]) -> None:
    with pytest.raises(PeriodError):
        period_of(NOW, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("day", ["2026-03-22", "2026-03-29", "2026-04-05"])
def test_weeks_follow_each_other_where_clocks_are_changed(day: str) -> None:
    """One hour less or more: no topic is told of twice, or never."""
    before = (datetime.fromisoformat(day) - timedelta(days=7)).date().isoformat()

    week = period_of(NOW, until=day, zone=BERLIN)

    assert week.since == period_of(NOW, until=before, zone=BERLIN).until


def test_days_are_those_of_the_zone() -> None:
    found = period_of(NOW, since="2026-06-01", until="2026-06-01", zone=BERLIN)

    assert found.since == datetime(2026, 5, 31, 22, tzinfo=UTC)
    assert found.length == timedelta(days=1)
