"""Hours of the day: on the hour, over midnight, and where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.windows import Window, is_within, parse_window

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def hours_of(text: str, zone: str = "UTC") -> list[int]:
    """The whole hours, by UTC, that are within."""
    window, where = parse_window(text), ZoneInfo(zone)
    return [
        hour
        for hour in range(24)
        if is_within(window, MIDNIGHT + timedelta(hours=hour), where)
    ]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("01:00-04:00", [1, 2, 3]),
        ("22:00-03:00", [0, 1, 2, 22, 23]),
        (" 22:30 - 01:30 ", [0, 1, 23]),
        ("21:00-24:00", [21, 22, 23]),
        ("00:00-02:00", [0, 1]),
    ],
)
def test_hours_begin_with_the_first_time_and_end_before_the_second(
    text: str, hours: list[int]
) -> None:
    assert hours_of(text) == hours


def test_hours_are_those_of_the_zone() -> None:
    assert hours_of("22:00-02:00", "Africa/Nairobi") == [19, 20, 21, 22]


def test_hours_follow_the_clocks_when_they_are_changed() -> None:
    """In Paris 02:30 is skipped in March, and comes twice in October."""
    paris, window = ZoneInfo("Europe/Paris"), parse_window("02:00-03:00")
    march = datetime(2026, 3, 29, tzinfo=UTC)
    october = datetime(2026, 10, 25, tzinfo=UTC)
    quarters = [timedelta(minutes=15 * n) for n in range(16)]
    assert not any(is_within(window, march + each, paris) for each in quarters)
    assert sum(is_within(window, october + each, paris) for each in quarters) == 8


@pytest.mark.parametrize(
    "text",
    [
        "22-6",
        "22:00",
        "25:00-06:00",
        "22:60-06:00",
        "24:00-06:00",
        "night",
        "",
        22,
        None,
    ],
)
def test_what_are_no_hours_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected hours of the day such as 22:00-06"):
        parse_window(text)


def test_no_time_at_all_is_refused() -> None:
    for text in ("06:00-06:00", "00:00-24:00"):
        with pytest.raises(ValueError, match="two different times of the day"):
            parse_window(text)


@given(st.times(), st.times(), st.datetimes(timezones=st.just(UTC)))
def test_every_moment_is_within_hours_or_within_all_others(
    start: object, end: object, now: datetime
) -> None:
    first = Window(start, end)  # type: ignore[arg-type]
    others = Window(end, start)  # type: ignore[arg-type]
    expected = start != end
    assert (is_within(first, now, UTC) != is_within(others, now, UTC)) == expected
