"""Crontab lines, read as crontab(5) has them → triggers of APScheduler.

APScheduler reads them otherwise: it counts weekdays from Monday as 0, knows no 7,
takes ``mon-5`` for ``mon``, and wants day and weekday to fit both. So every field is
spelled out in numbers before it sees one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from bot.config_errors import show

# What does not come after this never comes: the calendar repeats itself.
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_PART = re.compile(
    r"(?:\*|(?P<first>[0-9]{1,2}|[a-z]+)(?:-(?P<last>[0-9]{1,2}|[a-z]+))?)"
    r"(?:/(?P<step>[0-9]{1,2}))?"
)


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a crontab line; *names* stand for the numbers from *low* on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{named}"

    def number(self, text: str) -> int | None:
        if text in self.names:
            return self.low + self.names.index(text)
        fits = text.isdecimal() and self.low <= int(text) <= self.high
        return int(text) if fits else None


_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_WEEKDAY = _Field("weekday", 0, 7, _DAYS)
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _WEEKDAY,
)


def cron_trigger(text: str, zone: tzinfo) -> BaseTrigger:
    """When a crontab line fires.

    Weekdays are 0-7, both ends Sunday, or names, and their ranges go on over the end
    of the week (``fri-mon``). When day and weekday are both restricted (do not start
    with ``*``), either is enough.

    Raises:
        ValueError: *text* is no such line, or never fires; says what was expected.
    """
    texts = text.lower().split()
    if len(texts) != len(_FIELDS):
        names = " ".join(field.name for field in _FIELDS)
        raise ValueError(f"expected five cron fields ({names})")
    minute, hour, day, month, weekday = map(_spelled_out, _FIELDS, texts)

    def when(day: str = "*", weekday: str = "*") -> BaseTrigger:
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=weekday,
            timezone=zone,
        )

    if texts[2].startswith("*") or texts[4].startswith("*"):
        triggers = [when(day, weekday)]
    else:
        triggers = [when(day=day), when(weekday=weekday)]
    # Searching ten thousand years for 30 February takes a while: only once.
    fire = [each for each in triggers if each.get_next_fire_time(None, _SOME_DAY)]
    if not fire:
        raise ValueError("expected a date that exists")
    return fire[0] if len(fire) == 1 else OrTrigger(fire)


def _spelled_out(field: _Field, text: str) -> str:
    """All numbers of a field as APScheduler counts them."""
    if text == "*":
        return text
    numbers = {number for part in text.split(",") for number in _span(field, part)}
    if field is _WEEKDAY:
        numbers = {(number - 1) % 7 for number in numbers}
    return ",".join(map(str, sorted(numbers)))


def _span(field: _Field, part: str) -> range:
    wrong = ValueError(
        f"expected five cron fields ({field.name} {show(part)} does not fit {field})"
    )
    match = _PART.fullmatch(part)
    if match is None:
        raise wrong
    step = int(match["step"] or 1)
    first, last = field.low, field.high
    if match["first"]:
        start = field.number(match["first"])
        # A step without an end runs to that of the field.
        end = field.number(match["last"]) if match["last"] else last
        if start is None or end is None:
            raise wrong
        first, last = start, end if match["last"] or match["step"] else start
    if field is _WEEKDAY and last < first:
        last += 7
    if last < first or not 1 <= step <= max(1, last - first):
        raise wrong
    return range(first, last + 1, step)
