"""What a resource is, in a few words of the reader's language. Pure.

What a course, an event or a video says of itself is told as far as it is known; dates
carry the month's name, since 5/3 is two dates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from babel import Locale
from babel.dates import format_date

from kb.types import Details, DocumentSummary, Kind, SearchHit

_MOMENT = re.compile(r"[?&#]t=(\d{1,6})s?(?=&|#|$)")
_PRIMARY = re.compile(r"^[a-z]{2,3}(?=$|[-_])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; ``{…}`` is filled in.

    Attributes:
        locale: How its dates and names of languages are written.
    """

    locale: str
    kinds: Mapping[Kind, str]
    event: str
    in_language: str
    version: str
    solved: str
    open: str
    self_paced: str
    starts: str
    started: str
    enrolment_from: str
    enrolment_until: str
    online: str
    in_person: str
    place_and_online: str
    moment: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        locale="en_GB",
        kinds={
            Kind.THREAD: "thread",
            Kind.DOCS: "documentation",
            Kind.COURSE: "course",
            Kind.VIDEO: "video",
        },
        event="event",
        in_language="{kind} in {language}",
        version="version {version}",
        solved="solved ✓",
        open="open",
        self_paced="self-paced",
        starts="starts on {date}",
        started="started on {date}",
        enrolment_from="enrolment opens on {date}",
        enrolment_until="enrolment open until {date}",
        online="online",
        in_person="in person",
        place_and_online="{place} and online",
        moment="from {time}",
    ),
    "fr": Words(
        locale="fr",
        kinds={
            Kind.THREAD: "discussion",
            Kind.DOCS: "documentation",
            Kind.COURSE: "cours",
            Kind.VIDEO: "vidéo",
        },
        event="événement",
        in_language="{kind} en {language}",
        version="version {version}",
        solved="résolu ✓",
        open="ouverte",
        self_paced="à votre rythme",
        starts="débute le {date}",
        started="a débuté le {date}",
        enrolment_from="inscriptions à partir du {date}",
        enrolment_until="inscriptions ouvertes jusqu’au {date}",
        online="en ligne",
        in_person="en présentiel",
        place_and_online="{place} et en ligne",
        moment="à partir de {time}",
    ),
    "es": Words(
        locale="es",
        kinds={
            Kind.THREAD: "conversación",
            Kind.DOCS: "documentación",
            Kind.COURSE: "curso",
            Kind.VIDEO: "vídeo",
        },
        event="evento",
        in_language="{kind} en {language}",
        version="versión {version}",
        solved="resuelto ✓",
        open="abierta",
        self_paced="a su ritmo",
        starts="empieza el {date}",
        started="empezó el {date}",
        enrolment_from="inscripción a partir del {date}",
        enrolment_until="inscripción abierta hasta el {date}",
        online="en línea",
        in_person="presencial",
        place_and_online="{place} y en línea",
        moment="desde {time}",
    ),
    "pt": Words(
        locale="pt",
        kinds={
            Kind.THREAD: "tópico",
            Kind.DOCS: "documentação",
            Kind.COURSE: "curso",
            Kind.VIDEO: "vídeo",
        },
        event="evento",
        in_language="{kind} em {language}",
        version="versão {version}",
        solved="resolvido ✓",
        open="aberto",
        self_paced="no seu ritmo",
        starts="começa em {date}",
        started="começou em {date}",
        enrolment_from="inscrições a partir de {date}",
        enrolment_until="inscrições abertas até {date}",
        online="on-line",
        in_person="presencial",
        place_and_online="{place} e on-line",
        moment="a partir de {time}",
    ),
}


def words_for(language: str | None) -> Words:
    """The words of a language, English where we have none."""
    return WORDS.get(language or "en", WORDS["en"])


def facts_of(
    hit: SearchHit,
    *,
    reader: str | None,
    at: datetime,
    foreign: Callable[[str], str] = str,
    kinds: Mapping[Kind, str] | None = None,
) -> list[str]:
    """What a hit is, the kind of thing first.

    Args:
        reader: Language of who reads it; ``None`` is not known, and every language of
            a course or video is told then.
        at: Now: a course that has begun does not start.
        foreign: Makes text that others wrote safe where it will stand.
        kinds: What kinds are called; unset, as in the reader's language.
    """
    document, words = hit.document, words_for(reader)
    told = [_kind(document, words, reader, kinds or words.kinds)]
    if document.version:
        told.append(words.version.format(version=foreign(document.version)))
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


def _kind(
    document: DocumentSummary,
    words: Words,
    reader: str | None,
    kinds: Mapping[Kind, str],
) -> str:
    if _is_event(document):
        return words.event
    name = kinds[document.kind]
    if document.kind not in {Kind.COURSE, Kind.VIDEO}:
        return name
    language = _other_language(document.language, reader, words)
    return words.in_language.format(kind=name, language=language) if language else name


def _is_event(document: DocumentSummary) -> bool:
    """A page of a site whose pages are events: no other page has a first day. They may
    be called courses; but no course of a catalogue takes place somewhere."""
    details = document.details
    if document.kind is Kind.COURSE:
        return bool(details.place or details.mode)
    return document.kind is Kind.DOCS and details.starts_at is not None


def _thread(document: DocumentSummary, words: Words) -> Iterator[str]:
    if document.solved:
        yield words.solved
    elif not document.closed:
        yield words.open


def _course(details: Details, words: Words, at: datetime) -> Iterator[str]:
    starts, pacing = details.starts_at, details.pacing
    if pacing == "self":
        yield words.self_paced
    if starts is not None and starts > at:
        yield words.starts.format(date=_date(starts, words))
    elif starts is not None and pacing == "instructor":
        yield words.started.format(date=_date(starts, words))
    opens, closes = details.enrolment_starts_at, details.enrolment_ends_at
    if opens is not None and opens > at:
        yield words.enrolment_from.format(date=_date(opens, words))
    elif closes is not None and closes > at:
        yield words.enrolment_until.format(date=_date(closes, words))


def _event(
    details: Details, words: Words, foreign: Callable[[str], str]
) -> Iterator[str]:
    place = foreign(details.place) if details.place else ""
    if details.mode == "online":
        yield words.online
    elif details.mode == "both":
        yield words.place_and_online.format(place=place or words.in_person)
    elif place or details.mode == "in person":
        yield place or words.in_person
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


def _video(details: Details, anchor: str, words: Words) -> Iterator[str]:
    if details.duration_s:
        yield clock_time(details.duration_s)
    found = _MOMENT.search(anchor)
    if found and int(found[1]) > 0:
        yield words.moment.format(time=clock_time(int(found[1])))


def clock_time(seconds: int) -> str:
    """A length, or a moment within it, as players show them.

    >>> clock_time(8), clock_time(412), clock_time(3723)
    ('0:08', '6:52', '1:02:03')
    """
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _date(moment: datetime, words: Words) -> str:
    return str(format_date(moment.date(), format="long", locale=words.locale))


def _other_language(code: str | None, reader: str | None, words: Words) -> str:
    """The name of a language that the reader did not ask in; empty when it is theirs,
    or has no name."""
    primary = _PRIMARY.match(code or "")
    if primary is None:
        return ""
    ours = _PRIMARY.match(reader or "")
    if ours and ours[0].lower() == primary[0].lower():
        return ""
    name = Locale.parse(words.locale).languages.get(primary[0].lower())
    return str(name) if name else ""
