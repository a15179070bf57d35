"""Hours of the day, such as a forum's quiet ones: ``22:00-06:00``; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_WINDOW = re.compile(r"(\d{2}):(\d{2})\s*-\s*(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of every day, by a clock on the wall.

    Attributes:
        start: The first moment within.
        end: The first moment after; before *start*, it is that of the next day.
    """

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def parse_window(text: object) -> Window:
    """``"22:00-06:00"`` as hours of the day; ``24:00`` is midnight.

    >>> print(parse_window("20:30-24:00"))
    20:30-00:00

    Raises:
        ValueError: If *text* is anything else, or no time at all.
    """
    if isinstance(text, Window):
        return text
    match = _WINDOW.fullmatch(text.strip()) if isinstance(text, str) else None
    wrong = ValueError("expected hours of the day such as 22:00-06:00")
    if match is None:
        raise wrong
    first, last = f"{match[1]}:{match[2]}", f"{match[3]}:{match[4]}"
    if last == "24:00":
        last = "00:00"
    try:
        window = Window(time.fromisoformat(first), time.fromisoformat(last))
    except ValueError:
        raise wrong from None
    if window.start == window.end:
        raise ValueError("expected two different times of the day")
    return window


def is_within(window: Window, now: datetime, zone: tzinfo) -> bool:
    """Whether *now*, an aware time, is within *window* by the clocks of *zone*.

    >>> from datetime import UTC
    >>> night = parse_window("22:00-06:00")
    >>> [is_within(night, datetime(2026, 3, 1, h, tzinfo=UTC), UTC) for h in (5, 6, 22)]
    [True, False, True]
    """
    at = now.astimezone(zone).time()
    if window.start < window.end:
        return window.start <= at < window.end
    return at >= window.start or at < window.end


def end_of(window: Window, now: datetime, zone: tzinfo) -> datetime:
    """When *window*, which *now* is within, is over by the clocks of *zone*; in UTC.

    Where clocks are put back the window may begin anew a moment later; where they jump
    over its end it is over at the latest when the old clocks would have shown it.

    >>> print(end_of(parse_window("22:00-06:00"),
    ...              datetime(2026, 3, 1, 23, tzinfo=UTC), UTC))
    2026-03-02 06:00:00+00:00

    Raises:
        ValueError: If *now* is not within.
    """
    if not is_within(window, now, zone):
        raise ValueError(f"{now} is not within {window}")
    today = now.astimezone(zone).date()
    # A date that a zone left out, and an hour that it had twice, are among these.
    days = (today + timedelta(days=ahead) for ahead in range(4))
    ends = (
        datetime.combine(day, window.end, zone).replace(fold=fold).astimezone(UTC)
        for day in days
        for fold in (0, 1)
    )
    return min(end for end in ends if end > now and not is_within(window, end, zone))
