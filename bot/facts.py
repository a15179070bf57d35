"""What a resource is, in a few words of the reader's language. Pure.

What a course, an event or a video says of itself is told as far as it is known; dates
carry the month's name, since 5/3 is two dates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial

from babel.dates import format_date

from bot.catalogue import Catalogue, shipped
from kb.tongues import primary
from kb.types import Details, DocumentSummary, Kind, SearchHit

# How it is written where it is no number as the others, which Babel does not know.
_FIRST_OF_MONTH = {"fr": "1er"}
_MOMENT = re.compile(r"[?&#]t=(\d{1,6})s?(?=&|#|$)")


def facts_of(
    hit: SearchHit,
    *,
    reader: str | None,
    at: datetime,
    foreign: Callable[[str], str] = str,
    kinds: Mapping[Kind, str] | None = None,
    words: Catalogue | None = None,
) -> list[str]:
    """What a hit is, the kind of thing first, with its language where it is another.

    Args:
        reader: Language of who reads it; ``None`` is not known, and every language is
            told then.
        at: Now: a course that has begun does not start.
        foreign: Makes text that others wrote safe where it will stand.
        kinds: What kinds are called; unset, as in the reader's language.
        words: In which to tell it; unset, those shipped for the reader's language.
    """
    document = hit.document
    words = shipped().of(reader) if words is None else words
    name = _kind(document, words, kinds or {})
    if is_foreign(document.language, reader):
        language = partial(_language_name, document.language)
        # Translators: a resource and its language: course in French.
        name = words.gettext("{kind} in {language}", kind=name, language=language)
    told = [name]
    if document.version:
        version = foreign(document.version)
        # Translators: of the software that a page describes: version 2.41.
        told.append(words.gettext("version {version}", version=version))
    match document.kind:
        case Kind.THREAD:
            told += _thread(document, words)
        case Kind.DOCS | Kind.COURSE if _is_event(document):
            told += _event(document.details, words, foreign)
        case Kind.COURSE:
            told += _course(document.details, words, at)
        case Kind.VIDEO:
            told += _video(document.details, hit.passage.anchor, words)
    return told


def is_foreign(code: str | None, reader: str | None) -> bool:
    """Whether something is in a language, of those that have a name, that is not the
    reader's, in whatever region."""
    theirs = primary(code)
    return theirs != primary(reader) and bool(shipped().of(None).language_name(theirs))


def _language_name(code: str | None, words: Catalogue) -> str:
    return words.language_name(code)


def _kind(
    document: DocumentSummary, words: Catalogue, kinds: Mapping[Kind, str]
) -> str:
    if _is_event(document):
        # Translators: what a link leads to; it stands after the link.
        return words.pgettext("kind", "event")
    if document.kind in kinds:
        return kinds[document.kind]
    match document.kind:
        case Kind.THREAD:
            # Translators: of a forum: what a link leads to; it stands after the link.
            return words.pgettext("kind", "thread")
        case Kind.DOCS:
            # Translators: what a link leads to; it stands after the link.
            return words.pgettext("kind", "documentation")
        case Kind.COURSE:
            # Translators: what a link leads to; it stands after the link.
            return words.pgettext("kind", "course")
        case Kind.VIDEO:
            # Translators: what a link leads to; it stands after the link.
            return words.pgettext("kind", "video")


def _is_event(document: DocumentSummary) -> bool:
    """A page of a site whose pages are events: no other page has a first day. They may
    be called courses; but no course of a catalogue takes place somewhere."""
    details = document.details
    if document.kind is Kind.COURSE:
        return bool(details.place or details.mode)
    return document.kind is Kind.DOCS and details.starts_at is not None


def _thread(document: DocumentSummary, words: Catalogue) -> Iterator[str]:
    if document.solved:
        # Translators: of a thread: one of its answers was accepted.
        yield words.pgettext("thread", "solved ✓")
    elif not document.closed:
        # Translators: of a thread: nobody has solved it, and one may still answer.
        yield words.pgettext("thread", "open")


def _course(details: Details, words: Catalogue, at: datetime) -> Iterator[str]:
    starts, pacing = details.starts_at, details.pacing
    if pacing == "self":
        # Translators: of a course: everybody takes the time that they need.
        yield words.gettext("self-paced")
    if starts is not None and starts > at:
        # Translators: of a course.
        yield words.gettext("starts on {date}", date=partial(_date, starts))
    elif starts is not None and pacing == "instructor":
        # Translators: of a course.
        yield words.gettext("started on {date}", date=partial(_date, starts))
    opens, closes = details.enrolment_starts_at, details.enrolment_ends_at
    if opens is not None and opens > at:
        # Translators: of a course.
        yield words.gettext("enrolment opens on {date}", date=partial(_date, opens))
    elif closes is not None and closes > at:
        # Translators: of a course; one can still enrol.
        yield words.gettext("enrolment open until {date}", date=partial(_date, closes))


def _event(
    details: Details, words: Catalogue, foreign: Callable[[str], str]
) -> Iterator[str]:
    place = foreign(details.place) if details.place else ""
    if details.mode == "online":
        # Translators: of an event that takes place on the internet.
        yield words.gettext("online")
    elif details.mode == "both" and place:
        # Translators: of an event that one can also attend over the internet.
        yield words.gettext("{place} and online", place=place)
    elif details.mode == "both":
        # Translators: of an event whose place is not known.
        yield words.gettext("in person and online")
    elif place or details.mode == "in person":
        # Translators: of an event that one has to travel to.
        yield words.isolated(place) or words.gettext("in person")
    if details.starts_at is None:
        return
    ahead_s = details.utc_offset_s or 0
    first = _date(_told_there(details.starts_at, ahead_s), words)
    ends_at = details.ends_at
    last = _date(_told_there(ends_at, ahead_s), words) if ends_at else first
    yield first if first == last else f"{first} – {last}"


def _told_there(moment: datetime, ahead_s: int) -> datetime:
    """A moment by the clocks of a place."""
    try:
        return moment.astimezone(timezone(timedelta(seconds=ahead_s)))
    except OverflowError:
        # On the last day that there is: an event without end.
        return moment


def _video(details: Details, anchor: str, words: Catalogue) -> Iterator[str]:
    if details.duration_s:
        yield clock_time(details.duration_s)
    found = _MOMENT.search(anchor)
    if found and int(found[1]) > 0:
        time = clock_time(int(found[1]))
        # Translators: of a video; what helps comes at that minute: from 2:35.
        yield words.gettext("from {time}", time=time)


def clock_time(seconds: int) -> str:
    """A length, or a moment within it, as players show them.

    >>> clock_time(8), clock_time(412), clock_time(3723)
    ('0:08', '6:52', '1:02:03')
    """
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _date(moment: datetime, words: Catalogue) -> str:
    date = str(format_date(moment.date(), format="long", locale=words.locale))
    first = _FIRST_OF_MONTH.get(words.locale.language, "1")
    return f"{first} {date[2:]}" if date.startswith("1 ") else date
