"""Where members are from who are suggested as helpers, as far as their profiles tell.

Profiles are read from the forum, kept for a month, and of nobody else. What they hold
is anybody's text: one visible line of it is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.care import Person
from bot.escape import shortened, visible
from bot.opt_outs import Profiles
from kb.errors import ForumError, ForumProtocolError, ForumRejectedError
from kb.store import Profile, Store
from kb.store.evidence import person_key
from kb.types import Clock, utc_now

log = logging.getLogger(__name__)

MAX_REGION_CHARS = 80
MAX_AGE = timedelta(days=30)
# Of one report: each costs a request of the rate that is polite.
LIMIT = 50


@dataclass(slots=True)
class LookedUp:
    """What reading profiles came to.

    Attributes:
        read: Profiles that were read.
        hidden: Those that the forum does not show, or not to everybody.
        failed: What could not be read now; tried again next time.
        dropped: Of who wants less of us, or is not suggested any more.
        left: For next time.
    """

    read: int = 0
    hidden: int = 0
    failed: int = 0
    dropped: int = 0
    left: int = 0


def regions(store: Store, source: str) -> dict[str, str]:
    """What is known of members, by their keys (``source:ID``); those of whom nothing is
    are absent."""
    known = store.profiles.of(source)
    return {
        person_key(source, user_id) or "": profile.region
        for user_id, profile in known.items()
        if profile.region
    }


def look_up(
    forum: Profiles,
    store: Store,
    source: str,
    members: Mapping[str, str],
    *,
    field: str | None,
    clock: Clock = utc_now,
    max_age: timedelta = MAX_AGE,
    limit: int = LIMIT,
) -> LookedUp:
    """Read the profiles of members, and forget those that are not needed any more.

    Nothing that the forum does is an error here: a report is made all the same.

    Args:
        forum: See `bot.care.Care`.
        members: Their names, by keys as of `bot.report.records.Reply.member`; the
            first are read first. Those whose account is not known are passed over.
        field: Name or number of the field of profiles that tells the region; without
            one, or where it is empty, the location does, or else the group.
        max_age: Of what is known, until it is read again.
        limit: Profiles that are read at most.

    Raises:
        StoreError: It cannot be kept.
    """
    report = LookedUp()
    asked = {
        user_id: name
        for member, name in members.items()
        if (user_id := _account(source, member)) is not None and name
    }
    known = store.profiles.of(source)
    now = clock()
    stale = {i for i, each in known.items() if abs(now - each.fetched_at) > max_age}
    names = {i: each.name for i, each in known.items()} | asked
    unwanted = {i for i, name in names.items() if _wants_less(store, source, i, name)}
    with store.transaction():
        report.dropped = store.profiles.drop(
            source, sorted(unwanted | (stale - asked.keys()))
        )
    fresh = known.keys() - stale
    due = [(i, name) for i, name in asked.items() if i not in unwanted | fresh]
    report.left = max(0, len(due) - limit)
    for profile in _read(forum, due[:limit], field=field, now=now, report=report):
        with store.transaction():
            store.profiles.keep(source, profile)
    log.info("profiles of %s: %s", source, report)
    return report


def _read(
    forum: Profiles,
    due: Sequence[tuple[int, str]],
    *,
    field: str | None,
    now: datetime,
    report: LookedUp,
) -> Iterator[Profile]:
    """What the profiles of some members tell now."""
    tried = 0
    try:
        number = _number_of(forum, field) if due else None
        for user_id, name in due:
            region = _region(forum, user_id, name, number, report)
            tried += 1
            if region is not None:
                yield Profile(user_id, name, region, now)
    except ForumError as exc:
        # What follows would fail alike: it waits for the next report.
        log.warning("profiles are not read now: %s", exc)
        report.failed += len(due) - tried


def _region(
    forum: Profiles, user_id: int, name: str, number: int | None, report: LookedUp
) -> str | None:
    """What one profile tells; ``None``: nobody knows.

    Raises:
        ForumUnavailableError: The forum does not answer, or asks to wait.
    """
    try:
        person = forum.person(name)
    except (ForumRejectedError, ForumProtocolError) as exc:
        log.info("a profile cannot be read: %s", exc)
        if isinstance(exc, ForumRejectedError) and exc.error_type is not None:
            # The forum itself says so, and no proxy: it is not asked again soon.
            report.hidden += 1
            return ""
        report.failed += 1
        return None
    if person.hidden:
        report.hidden += 1
    else:
        report.read += 1
    # The name may be somebody else's by now: what that profile says is not theirs.
    return region_of(person, number) if person.id == user_id else ""


def region_of(person: Person, number: int | None = None) -> str:
    """The group or region that a profile tells everybody, on one line; empty: none.

    Args:
        number: Of the field that tells it, if one does.

    >>> region_of(Person(7, "amina", location="Dar es Salaam", group="hisp-tanzania"))
    'Dar es Salaam'
    """
    if person.hidden:
        return ""
    told = (person.fields or {}).get(number, "") if number is not None else ""
    for text in (told, person.location, person.group):
        line = shortened(visible(text), MAX_REGION_CHARS)
        if line:
            return line
    return ""


def _number_of(forum: Profiles, field: str | None) -> int | None:
    if field is None:
        return None
    number = int(field) if field.isdecimal() else forum.field_number(field)
    if number is None:
        log.warning("report.region_field: the forum's profiles have no such field")
    return number


def _account(source: str, member: str) -> int | None:
    """The account of a member's key; ``None``: only a name is known.

    >>> _account("forum", "forum:12"), _account("forum", "forum:@amina")
    (12, None)
    """
    before, _, rest = member.rpartition(":")
    is_account = before == source and rest.isascii() and rest.isdecimal()
    # A forum's own bots have no profile, and numbers from zero down.
    return int(rest) or None if is_account else None


def _wants_less(store: Store, source: str, user_id: int, name: str) -> bool:
    found = store.members.find(source, username=name, user_id=user_id)
    return found is not None and not found.answers
