"""A hit in words: what it is, how sure it is to help, and why it was found; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from babel import Locale

from kb.api.answers import Hit
from kb.instant.records import Why
from kb.tongues import primary
from kb.types import Kind
from kb.web.marked import Excerpt, Piece, excerpt, pieces
from kb.web.texts import day, fill, texts

_SURE = ((0.75, "sure.3"), (0.5, "sure.2"), (0.2, "sure.1"), (0.0, "sure.0"))
_HINT = 0.49
_WHY_SHOWN = 3
_MOMENT = re.compile(r"[?&#]t=(\d{1,6})s?(?=&|#|$)")


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit, in words.

    Attributes:
        href: Empty where its address is none of the web.
        lang: Of its text, as an attribute; empty where it is not known.
        facts: What it is, beside its kind.
        date: When it last changed, for machines; *told_date* for people.
        why: How sure it is, and why it was found.
    """

    id: int
    kind: str
    kind_name: str
    title: tuple[Piece, ...]
    href: str
    lang: str
    facts: tuple[str, ...]
    solved: bool
    date: str
    told_date: str
    source: str
    heading: str
    excerpt: Excerpt
    sure: str
    sure_told: str
    why: str


def hit_view(hit: Hit, *, language: str, now: datetime) -> HitView:
    """A hit in the language of the page."""
    t = texts(language)
    kind = "event" if _is_event(hit) else hit.kind.value
    # Of what takes place, other days are told.
    at = None if hit.details.get("starts_at") else hit.updated_at or hit.created_at
    sure = _sure(hit)
    return HitView(
        id=hit.id,
        kind=kind,
        kind_name=t[f"kind.{kind}"],
        title=pieces(hit.title or hit.url, hit.title_highlights if hit.title else ()),
        href=hit.url if is_web_address(hit.url) else "",
        lang=primary(hit.language),
        facts=tuple(_facts(hit, language, now)),
        solved=hit.solved,
        date=f"{at:%Y-%m-%d}" if at else "",
        told_date=day(language, at) if at else "",
        source=hit.source,
        heading=_below_title(hit),
        excerpt=excerpt(hit.passage, hit.highlights),
        sure=sure,
        sure_told=t[sure],
        why=", ".join(list(_reasons(hit, t))[:_WHY_SHOWN]),
    )


def _sure(hit: Hit) -> str:
    """How likely it is to help. That members were sent there, when they asked something
    like it, is a hint and no more."""
    is_hint = set(hit.why) - {Why.SOLVED} == {Why.LINKED}
    confidence = min(hit.confidence, _HINT) if is_hint else hit.confidence
    return next(name for least, name in _SURE if confidence >= least)


def _below_title(hit: Hit) -> str:
    """The headings that a passage stands under, without the title once more."""
    if hit.heading == hit.title:
        return ""
    return hit.heading.removeprefix(f"{hit.title} › ")


def _reasons(hit: Hit, t: Mapping[str, str]) -> Iterator[str]:
    """Why it was found; that it is solved stands above."""
    is_both = {Why.TITLE, Why.WORDS} <= set(hit.why)
    for each in hit.why:
        if each is Why.TITLE and is_both:
            yield t["why.both"]
        elif each is not Why.SOLVED and not (each is Why.WORDS and is_both):
            yield t[f"why.{each.value}"]


def _facts(hit: Hit, language: str, now: datetime) -> Iterator[str]:
    """What is worth knowing before it is opened."""
    t = texts(language)
    code = primary(hit.language)
    if code and code != language:
        name = language_name(code, language)
        yield fill(t["in_language"], language=name)
    if hit.version:
        yield fill(t["version"], version=hit.version)
    if hit.category:
        yield hit.category
    details = hit.details
    duration = details.get("duration_s")
    if isinstance(duration, int):
        yield _length(duration, t)
    moment = _MOMENT.search(hit.url)
    if hit.kind is Kind.VIDEO and moment:
        yield fill(t["moment"], moment=_clock(int(moment[1])))
    if details.get("place"):
        yield str(details["place"])
    for name in ("mode", "pacing"):
        if f"{name}.{details.get(name)}" in t:
            yield t[f"{name}.{details[name]}"]
    yield from _days(hit, language, now)
    for name in ("level", "effort"):
        if details.get(name):
            yield str(details[name])


def _days(hit: Hit, language: str, now: datetime) -> Iterator[str]:
    t = texts(language)

    def at(name: str) -> datetime | None:
        value = hit.details.get(name)
        return value if isinstance(value, datetime) else None

    def told(sentence: str, moment: datetime) -> str:
        return fill(t[sentence], date=day(language, moment))

    starts, ends = at("starts_at"), at("ends_at")
    if starts and _is_event(hit):
        # Days are those of the place.
        offset = hit.details.get("utc_offset_s")
        ahead = timedelta(seconds=offset if isinstance(offset, int) else 0)
        first = day(language, starts + ahead)
        last = day(language, ends + ahead) if ends else first
        yield first if first == last else fill(t["days"], first=first, last=last)
    elif starts:
        if starts > now:
            yield told("starts", starts)
        elif hit.details.get("pacing") == "instructor":
            yield told("started", starts)
    opens, closes = at("enrolment_starts_at"), at("enrolment_ends_at")
    if opens and opens > now:
        yield told("enrol.from", opens)
    elif closes and closes > now:
        yield told("enrol.until", closes)


def _is_event(hit: Hit) -> bool:
    """Something that takes place: no other page of documentation has a first day, and
    no course of a catalogue a place."""
    if hit.kind is Kind.COURSE:
        return bool(hit.details.get("place") or hit.details.get("mode"))
    return hit.kind is Kind.DOCS and bool(hit.details.get("starts_at"))


def _length(seconds: int, t: Mapping[str, str]) -> str:
    if seconds < 60:
        return fill(t["length.s"], seconds=str(seconds))
    # Half a minute more is one more.
    minutes = (seconds + 30) // 60
    if minutes < 60:
        return fill(t["length.min"], minutes=str(minutes))
    hours, minutes = divmod(minutes, 60)
    return fill(t["length.h"], hours=str(hours), minutes=str(minutes))


def _clock(seconds: int) -> str:
    """
    >>> _clock(93), _clock(3_671)
    ('1:33', '1:01:11')
    """
    hours, rest = divmod(seconds, 3_600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"


def is_web_address(url: str) -> bool:
    """Whether a page of ours may lead there.

    >>> is_web_address("https://docs.example.org/a"), is_web_address("javascript:x()")
    (True, False)
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def language_name(code: str, language: str) -> str:
    """What a language is called in that of the page; its code where it has no name."""
    return str(Locale.parse(language).languages.get(code, code))
