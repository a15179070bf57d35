"""People first, edits settle, nights are quiet; and clocks may jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import PolicySettings, waiting_for
from bot.waiting import Patience, Wait, wait_of
from bot.windows import Window, end_of, is_within, parse_window
from tests.bot.making import NOW, topic

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PATIENCE = Patience(grace=15 * MINUTE, settle=5 * MINUTE, longest=2 * DAY)
NIGHT = parse_window("22:00-06:00")
ZONES = [
    "UTC",
    "Europe/Oslo",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
]


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


def test_a_young_topic_waits_for_people() -> None:
    assert wait_of(ago(5), None, PATIENCE, NOW) == Wait(
        NOW + 10 * MINUTE,
        ("people come first, until 2026-06-01 12:10 UTC (bot.grace)",),
    )
    assert wait_of(ago(15), None, PATIENCE, NOW) is None


def test_an_edited_question_settles_first() -> None:
    assert wait_of(ago(60), ago(2), PATIENCE, NOW) == Wait(
        NOW + 3 * MINUTE,
        ("it was just edited and settles until 2026-06-01 12:03 UTC (bot.settle)",),
    )
    assert wait_of(ago(60), ago(5), PATIENCE, NOW) is None


def test_the_longest_wait_holds_and_all_are_told() -> None:
    waits = wait_of(ago(1), ago(0), PATIENCE, NOW)

    assert waits is not None
    assert waits.until == NOW + 14 * MINUTE
    assert len(waits.reasons) == 2


def test_a_topic_that_is_edited_for_ever_waits_no_longer_than_it_may_be_old() -> None:
    edited = wait_of(NOW - 2 * DAY + MINUTE, NOW, PATIENCE, NOW)

    assert edited is not None
    assert edited.until == NOW + MINUTE
    assert wait_of(NOW - 2 * DAY, NOW, PATIENCE, NOW) is None


def test_what_is_due_at_night_waits_for_the_morning() -> None:
    evening = datetime(2026, 6, 1, 21, 50, tzinfo=UTC)
    quiet = Patience(grace=15 * MINUTE, quiet_hours=NIGHT)
    morning = datetime(2026, 6, 2, 6, tzinfo=UTC)

    waits = wait_of(evening, None, quiet, evening)

    assert waits is not None
    assert waits.until == morning
    assert waits.reasons == (
        "people come first, until 2026-06-01 22:05 UTC (bot.grace)",
        "quiet hours, until 2026-06-02 06:00 UTC (bot.quiet_hours)",
    )
    assert wait_of(evening, None, quiet, morning) is None


def test_a_policy_waits_as_its_settings_say() -> None:
    settings = PolicySettings(
        "baraza", grace=15 * MINUTE, quiet_hours=NIGHT, zone=ZoneInfo("Asia/Tokyo")
    )

    # 21:00 in Tokyo.
    assert waiting_for(topic(created_at=ago(20)), settings, NOW) is None
    waits = waiting_for(topic(created_at=ago(20)), settings, NOW + 90 * MINUTE)
    assert waits is not None
    assert waits.until == datetime(2026, 6, 1, 21, tzinfo=UTC)


MOMENTS = st.timedeltas(-700 * DAY, 700 * DAY).map(lambda ahead: NOW + ahead)
SPANS = st.timedeltas(timedelta(0), timedelta(days=3))
WINDOWS = st.builds(Window, st.times(), st.times()).filter(lambda w: w.start != w.end)


@given(MOMENTS, st.none() | MOMENTS, MOMENTS, SPANS, SPANS)
def test_no_jump_of_a_clock_makes_anything_wait_longer(
    created_at: datetime,
    edited_at: datetime | None,
    now: datetime,
    grace: timedelta,
    settle: timedelta,
) -> None:
    patience = Patience(grace=grace, settle=settle)

    waits = wait_of(created_at, edited_at, patience, now)

    if waits is not None:
        assert now < waits.until <= now + max(grace, settle)
        # Then the topic as it is now waits no more.
        assert (
            wait_of(
                min(created_at, now),
                edited_at and min(edited_at, now),
                patience,
                waits.until,
            )
            is None
        )


@given(MOMENTS, st.none() | MOMENTS, MOMENTS, SPANS, WINDOWS, st.sampled_from(ZONES))
def test_nothing_is_due_in_quiet_hours(
    created_at: datetime,
    edited_at: datetime | None,
    now: datetime,
    grace: timedelta,
    window: Window,
    zone: str,
) -> None:
    patience = Patience(grace=grace, quiet_hours=window, zone=ZoneInfo(zone))

    waits = wait_of(created_at, edited_at, patience, now)

    due = now if waits is None else waits.until
    assert not is_within(window, due, patience.zone)
    # A day of 25 hours, and a morning that the clocks jump over.
    assert now <= due <= now + grace + DAY + 2 * timedelta(hours=1)


@given(MOMENTS, WINDOWS, st.sampled_from(ZONES))
def test_a_window_ends_by_the_clocks_of_its_zone(
    now: datetime, window: Window, zone: str
) -> None:
    place = ZoneInfo(zone)
    if not is_within(window, now, place):
        with pytest.raises(ValueError, match="is not within"):
            end_of(window, now, place)
        return

    end = end_of(window, now, place)

    # A day of 25 hours, and a morning that the clocks jump over.
    assert now < end <= now + DAY + 2 * timedelta(hours=1)
    assert not is_within(window, end, place)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # Clocks go forward from 2 to 3, and back from 3 to 2.
        ("2026-03-28T23:00+01:00", "2026-03-29T06:00+02:00"),
        ("2026-10-24T23:00+02:00", "2026-10-25T06:00+01:00"),
    ],
)
def test_a_night_in_which_clocks_change_ends_at_six(now: str, end: str) -> None:
    oslo = ZoneInfo("Europe/Oslo")

    over = end_of(NIGHT, datetime.fromisoformat(now), oslo)

    assert over == datetime.fromisoformat(end)


@pytest.mark.parametrize(
    ("window", "now", "end"),
    [
        # The end is never shown: over when the old clocks would show it.
        ("22:00-02:30", "2026-03-29T01:00+01:00", "2026-03-29T03:30+02:00"),
        # The end is shown twice: over for good the second time, seen from there.
        ("22:00-02:30", "2026-10-25T02:10+02:00", "2026-10-25T02:30+02:00"),
        ("22:00-02:30", "2026-10-25T02:10+01:00", "2026-10-25T02:30+01:00"),
    ],
)
def test_an_end_that_is_shown_never_or_twice(window: str, now: str, end: str) -> None:
    oslo = ZoneInfo("Europe/Oslo")

    over = end_of(parse_window(window), datetime.fromisoformat(now), oslo)

    assert over == datetime.fromisoformat(end)
