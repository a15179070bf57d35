"""An answer as the search page shows it: every word that is on it, nothing escaped yet.

Pure. Templates show it, and as JSON the script does: it is put into words here alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from kb.api.answers import SearchAnswer, Value
from kb.api.asking import moment
from kb.types import Kind
from kb.web.asked import PAGES, Asked, Chosen
from kb.web.hits import HitView, hit_view, is_web_address, language_name
from kb.web.texts import counted, day, fill, grouped, texts

SHOWN_VALUES = 8
SINCE_DAYS = (30, 365, 1_095)
# Discourse takes no longer title.
_ASK_TITLE_CHARS = 255


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter as a link that turns it on, or off where it is on."""

    key: str
    name: str
    count: str
    href: str
    on: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Filters of one name."""

    name: str
    title: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Pager:
    """Ways to other pages; empty where there is none."""

    previous: str
    next: str
    now: str


@dataclass(frozen=True, slots=True)
class FoundView:
    """A page of results.

    Attributes:
        chips: The filters that are on, kinds apart; *chosen*: there is any.
        clear: The address of this search without filters.
        hits: None where nothing was found, and *near* has what is close.
        ask: Where the question can be asked; empty: nowhere.
    """

    status: str
    kinds: tuple[Choice, ...]
    groups: tuple[Group, ...]
    chips: tuple[Choice, ...]
    chosen: bool
    clear: str
    notes: tuple[str, ...]
    did_you_mean: str
    did_you_mean_href: str
    hits: tuple[HitView, ...]
    pager: Pager | None
    near: tuple[HitView, ...]
    ask: str


def found_view(
    answer: SearchAnswer,
    asked: Asked,
    *,
    language: str,
    ask_url: str,
    now: datetime,
) -> FoundView:
    """What a page of results shows."""
    t = texts(language)
    kinds = _kinds(answer, asked, language)
    text = answer.understood.text.strip() or asked.q.strip()
    return FoundView(
        status=_status(answer, asked, language),
        kinds=kinds,
        groups=tuple(_groups(answer, asked, language, now)),
        chips=tuple(_chips(asked, language, now)),
        chosen=bool(asked.chosen),
        clear=asked.without(),
        notes=tuple(_notes(answer, asked, t)),
        did_you_mean=answer.did_you_mean or "",
        did_you_mean_href=asked.with_query(answer.did_you_mean or ""),
        hits=tuple(hit_view(hit, language=language, now=now) for hit in answer.hits),
        pager=_pager(answer, asked, t),
        near=tuple(hit_view(hit, language=language, now=now) for hit in answer.near),
        ask=ask_link(ask_url, text),
    )


def ask_link(ask_url: str, text: str) -> str:
    """Where a question is asked, with what was searched as its title; what is too long
    for one goes into the text as well. Empty where members cannot ask.

    >>> ask_link("https://forum.example.org/new-topic", "a&b c?")
    'https://forum.example.org/new-topic?title=a%26b%20c%3F'
    """
    if not is_web_address(ask_url):
        return ""
    if not text:
        return ask_url
    title = text[:_ASK_TITLE_CHARS]
    link = f"{ask_url}{'&' if '?' in ask_url else '?'}title={_quoted(title)}"
    return link if title == text else f"{link}&body={_quoted(text)}"


def _quoted(text: str) -> str:
    # As the script of a browser does it.
    return quote(text, safe="!'()*~", errors="replace")


def _status(answer: SearchAnswer, asked: Asked, language: str) -> str:
    """How much was found, to be read aloud."""
    t = texts(language)
    if not answer.total:
        return _nothing(asked, t)
    told = counted(language, "count", answer.total)
    if answer.page == 1:
        return told
    pages = str(_pages(answer))
    return fill(t["count.page"], results=told, page=str(answer.page), pages=pages)


def _nothing(asked: Asked, t: Mapping[str, str]) -> str:
    query = asked.q.strip()
    return fill(t["none"], query=query) if query else t["none.filtered"]


def _pages(answer: SearchAnswer) -> int:
    return max(1, min(-(-answer.total // answer.k), PAGES))


def _pager(answer: SearchAnswer, asked: Asked, t: Mapping[str, str]) -> Pager | None:
    page, pages = answer.page, _pages(answer)
    if pages == 1 and page == 1:
        return None
    told = f"{min(page, pages)} / {pages}"
    return Pager(
        previous=asked.address(page=page - 1) if page > 1 else "",
        next=asked.address(page=page + 1) if page < pages else "",
        now=told,
    )


def _kinds(answer: SearchAnswer, asked: Asked, language: str) -> tuple[Choice, ...]:
    t = texts(language)
    counts = {each.value: each.count for each in answer.facets.get("kind", ())}
    # Also those that were typed into the box: "kind:docs reset".
    on = set(answer.understood.filters.get("kind", ()))
    on |= {value for name, value in asked.chosen if name == "kind"}
    choices = [
        replace(
            _choice(asked, language, "kind", kind.value, counts.get(kind.value)),
            on=kind.value in on,
        )
        for kind in Kind
        if kind.value in counts or kind.value in on
    ]
    if not choices:
        return ()
    everything = Choice("kind=", t["all"], "", asked.without("kind"), not on)
    return (everything, *choices)


def _groups(
    answer: SearchAnswer, asked: Asked, language: str, now: datetime
) -> Iterator[Group]:
    t = texts(language)
    for name in ("lang", "version", "category", "tag", "solved"):
        values = list(answer.facets.get(name, ()))[:SHOWN_VALUES]
        there = {each.value.casefold() for each in values}
        values += [
            Value(value=value, count=-1)
            for each, value in asked.chosen
            if each == name and value.casefold() not in there
        ]
        choices = tuple(
            _choice(asked, language, name, each.value, each.count) for each in values
        )
        # One alone parts nothing.
        if len(choices) > 1 or any(each.on for each in choices):
            yield Group(name, t[f"facet.{name}"], choices)
    choices = tuple(
        _choice(asked, language, "since", _days_ago(now, days), None, f"since.{days}")
        for days in SINCE_DAYS
    )
    if answer.total or any(each.on for each in choices):
        yield Group("since", t["facet.since"], choices)


def _days_ago(now: datetime, days: int) -> str:
    return f"{now - timedelta(days=days):%Y-%m-%d}"


def _choice(
    asked: Asked,
    language: str,
    name: str,
    value: str,
    count: int | None,
    told: str = "",
) -> Choice:
    shown = "" if count is None or count < 0 else grouped(language, count)
    called = texts(language)[told] if told else _value_name((name, value), language)
    return Choice(
        key=f"{name}={value}",
        name=called,
        count=shown,
        href=asked.toggled(name, value),
        on=asked.has(name, value),
    )


def _value_name(chosen: Chosen, language: str) -> str:
    """A value of a filter, for people."""
    t = texts(language)
    match chosen:
        case ("kind", value):
            return t[f"kinds.{value}"]
        case ("lang", value):
            name = language_name(value, language)
            return name[:1].upper() + name[1:]
        case ("solved", value):
            return t[f"solved.{value}"]
        case ("since" | "before" as name, value):
            # Of a year or a month it is the first: "the 2024" is no date.
            return fill(t[name], date=day(language, moment(value)))
        case (_, value):
            return value


def _chips(asked: Asked, language: str, now: datetime) -> Iterator[Choice]:
    """The filters that are on, kinds apart, which are always in sight."""
    spans = {_days_ago(now, days): f"since.{days}" for days in SINCE_DAYS}
    for name, value in asked.chosen:
        if name != "kind":
            told = spans.get(value, "") if name == "since" else ""
            yield _choice(asked, language, name, value, None, told)


def _notes(answer: SearchAnswer, asked: Asked, t: Mapping[str, str]) -> Iterator[str]:
    for note in answer.understood.notes:
        yield fill(t[f"note.{note.code.value}"], piece=note.token)
    for left_out in asked.left_out:
        yield fill(t["note.left_out"], piece=left_out)
    for word, right in answer.corrected.items():
        yield fill(t["corrected"], right=right, word=word)
    if answer.weak and answer.total:
        yield t["weak"]


def holdings(counts: Mapping[Kind, int], language: str) -> str:
    """What is searched, in a sentence; empty where there is nothing."""
    there = [
        counted(language, f"holds.{kind.value}", counts[kind])
        for kind in Kind
        if counts.get(kind)
    ]
    if not there:
        return ""
    return fill(texts(language)["holds"], holdings=", ".join(there))
