"""Of which time a report tells, from what somebody asks for. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.report.records import Period
from kb.errors import KBError


class PeriodError(KBError, ValueError):
    """What was asked for is no period that can be told of."""


def period_of(
    now: datetime,
    *,
    since: str = "",
    until: str = "",
    length: timedelta = timedelta(days=7),
    zone: tzinfo = UTC,
) -> Period:
    """The period that somebody names; without anything the last days.

    Args:
        since: A date, whose beginning is meant, or a time, ISO 8601; empty: *length*
            before the end.
        until: A date, whose end is meant, or a time; empty: now.
        zone: Of dates, and of times that name none.

    Raises:
        PeriodError: They are no times, in the wrong order, or still to come.

    >>> now = datetime(2026, 6, 15, 12, tzinfo=UTC)
    >>> week = period_of(now)
    >>> week.since.isoformat(), week.until.isoformat()
    ('2026-06-08T12:00:00+00:00', '2026-06-15T12:00:00+00:00')
    >>> may = period_of(now, since="2026-05-01", until="2026-05-31")
    >>> may.since.isoformat(), may.until.isoformat()
    ('2026-05-01T00:00:00+00:00', '2026-06-01T00:00:00+00:00')
    """
    end = now if not until else _moment("until", until, zone, end=True)
    begun = end if not until else _moment("until", until, zone, end=False)
    if begun > now:
        raise PeriodError(f"until: {until} is still to come: nothing is known of it")
    # The day that is not over yet ends now.
    end = min(end, now)
    try:
        # By the clocks of the zone: seven days are so many, whatever an hour does.
        start = (
            _moment("since", since, zone, end=False)
            if since
            else (end.astimezone(zone) - length).astimezone(UTC)
        )
    except OverflowError as exc:
        raise PeriodError("since: no time is so long ago") from exc
    if start >= end:
        raise PeriodError(
            f"since: expected a time before {end.isoformat()}, got {start.isoformat()}"
        )
    return Period(start, end)


def _moment(name: str, text: str, zone: tzinfo, *, end: bool) -> datetime:
    try:
        if len(text) <= len("2026-01-31"):
            day = date.fromisoformat(text)
            day = day + timedelta(days=1) if end else day
            moment = datetime.combine(day, time(), zone)
        else:
            read = datetime.fromisoformat(text)
            moment = read if read.tzinfo else read.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise PeriodError(
            f"{name}: expected a date such as 2026-01-31, or a time such as "
            f"2026-01-31T18:00, got {text!r}"
        ) from exc
