"""When it is too early to decide about a topic, and until when. Pure.

People come first, edits settle, nobody is answered at night. Clocks that jump cost a
topic no more than the waits themselves: what seems to lie in the future counts as now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from bot.windows import Window, end_of, is_within


@dataclass(frozen=True, slots=True)
class Wait:
    """It is too early to decide.

    Attributes:
        until: When to look again; aware, UTC.
        reasons: Why; never empty.
    """

    until: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long topics wait.

    Attributes:
        grace: From the start of a topic; people come first.
        settle: From the last edit of the question.
        longest: From the start of a topic; it does not wait for edits beyond.
        quiet_hours, zone: When nothing is posted, and by which clocks.
    """

    grace: timedelta = timedelta(0)
    settle: timedelta = timedelta(0)
    longest: timedelta = timedelta(days=2)
    quiet_hours: Window | None = None
    zone: tzinfo = UTC


def wait_of(
    created_at: datetime, edited_at: datetime | None, patience: Patience, now: datetime
) -> Wait | None:
    """What a topic waits for; ``None``: for nothing.

    Args:
        created_at, edited_at: Of its first post; ``None``: it was never edited.
        now: Aware.
    """
    started = min(created_at, now)
    reasons = []
    until = now
    grace_over = started + patience.grace
    if grace_over > now:
        until = grace_over
        reasons.append(f"people come first, until {_told(grace_over)} (bot.grace)")
    if edited_at is not None:
        settled = min(min(edited_at, now) + patience.settle, started + patience.longest)
        if settled > now:
            until = max(until, settled)
            reasons.append(
                f"it was just edited and settles until {_told(settled)} (bot.settle)"
            )
    quiet = patience.quiet_hours
    if quiet is not None and is_within(quiet, until, patience.zone):
        until = end_of(quiet, until, patience.zone)
        reasons.append(f"quiet hours, until {_told(until)} (bot.quiet_hours)")
    return Wait(until.astimezone(UTC), tuple(reasons)) if reasons else None


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
