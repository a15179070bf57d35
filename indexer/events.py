"""Events that a page announces: schema.org as JSON-LD or microdata. Pure.

Any input, never an error: what does not read is no event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexer.blocks import tidy

_SCHEMA = re.compile(r"^(?:https?://(?:www\.)?schema\.org/|schema:)", re.IGNORECASE)
_MODES = {
    "onlineeventattendancemode": "online",
    "offlineeventattendancemode": "in person",
    "mixedeventattendancemode": "both",
    "online": "online",
    "onsite": "in person",
    "offline": "in person",
    "blended": "both",
    "mixed": "both",
}
# What old generators hide scripts in from readers of XML, and of no scripts.
_WRAPPING = re.compile(
    r"(?://|/\*)?[ ]?(?:<!\[CDATA\[|\]\]>)[ ]?(?:\*/)?|\A\s*<!--|(?://)?-->\s*\Z"
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{8}")
_NOT_THEN = ("EventCancelled", "EventPostponed")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_LAST_SECOND = time(23, 59, 59)
# Nothing that people write is nested deeper, or has more items.
_MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """An event as its page tells it.

    Attributes:
        ends_at: Its last moment, where one is told.
        utc_offset_s: Of the clock that it is told by, where that is not UTC.
        is_cancelled: It does not take place, or nobody knows when.
        url: Its own page, as it stands there.
    """

    name: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    utc_offset_s: int | None = None
    place: str | None = None
    mode: str | None = None
    language: str | None = None
    description: str = ""
    is_cancelled: bool = False
    url: str = ""

    @property
    def over_at(self) -> datetime | None:
        """From when on it is over: a day after its beginning where no end is told;
        ``None`` where nothing is."""
        if self.ends_at is not None:
            return self.ends_at
        return None if self.starts_at is None else _later(self.starts_at)


def events_of(tree: LexborHTMLParser) -> tuple[Event, ...]:
    """All events on a page, in its order, JSON-LD first."""
    return tuple(_event(item) for item in (*_from_json(tree), *_from_microdata(tree)))


def next_of(events: tuple[Event, ...], now: datetime) -> Event | None:
    """The event that a page is about now: of those that tell a date the first that
    will take place, else the first; ``None`` where none tells one."""
    dated = [(over, event) for event in events if (over := event.over_at) is not None]
    ahead = [event for over, event in dated if over > now and not event.is_cancelled]
    return next(iter(ahead or [event for _, event in dated]), None)


# -- where they stand ----------------------------------------------------------


def _from_json(tree: LexborHTMLParser) -> Iterator[dict[str, Any]]:
    for node in tree.css("script[type]"):
        kind = (node.attributes.get("type") or "").partition(";")[0].strip().lower()
        if kind != "application/ld+json":
            continue
        try:
            text = node.text_content or node.text() or ""
            data = json.loads(_WRAPPING.sub("", text), strict=False)
        except (ValueError, RecursionError):
            continue
        yield from _items(data)


def _items(data: Any) -> Iterator[dict[str, Any]]:
    """The events in a JSON-LD document, however they are wrapped."""
    waiting = [data]
    for _ in range(_MAX_ITEMS):
        if not waiting:
            return
        item = waiting.pop(0)
        if isinstance(item, list):
            waiting[:0] = item
        elif isinstance(item, dict):
            if _is_event(item):
                yield item
                if not (item.get("startDate") or item.get("endDate")):
                    # Its parts may tell when they are.
                    waiting.insert(0, item.get("subEvent"))
                continue
            waiting[:0] = [item.get("@graph"), item.get("subEvent"), *_instances(item)]
            waiting += [item.get("mainEntity"), item.get("itemListElement")]
            waiting.append(item.get("item"))


def _instances(course: Mapping[str, Any]) -> list[Any]:
    """The dates on which a course is given, called as the course is."""
    told = course.get("hasCourseInstance")
    names = ("name", "description", "inLanguage")
    shared = {name: course[name] for name in names if name in course}
    return [
        {"@type": "CourseInstance", **shared, **each}
        for each in (told if isinstance(told, list) else [told])
        if isinstance(each, dict)
    ]


def _is_event(item: Mapping[str, Any]) -> bool:
    return any(
        kind.endswith("Event") or kind in ("CourseInstance", "Festival")
        for kind in _types(item.get("@type"))
    )


def _types(told: Any) -> list[str]:
    kinds = told if isinstance(told, list) else [told]
    return [_SCHEMA.sub("", kind) for kind in kinds if isinstance(kind, str)]


def _from_microdata(tree: LexborHTMLParser) -> Iterator[dict[str, Any]]:
    for node in tree.css("[itemscope][itemtype]"):
        if _is_event(item := _scope(node)):
            yield item


def _scope(node: LexborNode, depth: int = 0) -> dict[str, Any]:
    """An item of microdata, in the form of JSON-LD."""
    item: dict[str, Any] = {"@type": (node.attributes.get("itemtype") or "").split()}
    stack = [node.first_child]
    while stack:
        here = stack.pop()
        if here is None:
            continue
        stack.append(here.next)
        names = (here.attributes.get("itemprop") or "").split()
        has_own = "itemscope" in here.attributes
        if names:
            # Once, however many names it has: each scope may hold others.
            value = _scope(here, depth + 1) if has_own and depth < 4 else _value(here)
            item |= {name: value for name in names if name not in item}
        if not has_own:
            stack.append(here.first_child)
    return item


def _value(node: LexborNode) -> str:
    told = node.attributes
    for name in ("content", "datetime", "href", "src"):
        if value := told.get(name):
            return value
    return node.text()


# -- what they say -------------------------------------------------------------


def _event(item: Mapping[str, Any]) -> Event:
    told = item.get("startDate"), item.get("endDate")
    offset_s = next(filter(None, map(_offset_s, told)), None)
    clock = timezone(timedelta(seconds=offset_s or 0))
    starts_at = _moment(told[0], last=False, clock=clock)
    ends_at = _moment(told[1], last=True, clock=clock)
    if starts_at is not None and ends_at is not None and ends_at < starts_at:
        ends_at = None
    return Event(
        name=_text(item.get("name")),
        starts_at=starts_at,
        ends_at=ends_at,
        utc_offset_s=offset_s,
        place=_place(item.get("location")) or None,
        mode=_mode(item),
        language=_language(item.get("inLanguage")),
        description=_text(item.get("description")),
        is_cancelled=_text(item.get("eventStatus")).endswith(_NOT_THEN),
        url=_text(item.get("url")),
    )


def _moment(told: Any, *, last: bool, clock: tzinfo = UTC) -> datetime | None:
    """A moment in UTC; of a day without a time its *last* second, or its first, by the
    *clock* of the place.

    >>> _moment("2026-05-04", last=True).isoformat()
    '2026-05-04T23:59:59+00:00'
    >>> _moment("2026-05-04T09:00:00+02:00", last=True).isoformat()
    '2026-05-04T07:00:00+00:00'
    """
    text = _text(told)
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            moment = datetime.combine(day, _LAST_SECOND if last else time())
        else:
            moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=clock)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _offset_s(told: Any) -> int | None:
    """How far the clock that a moment is told by is ahead of UTC.

    >>> _offset_s("2026-05-04T00:00:00+03:00"), _offset_s("2026-05-04")
    (10800, None)
    """
    try:
        offset = datetime.fromisoformat(_text(told)).utcoffset()
    except ValueError:
        return None
    return round(offset.total_seconds()) if offset else None


def _later(moment: datetime) -> datetime | None:
    try:
        return moment + timedelta(days=1)
    except OverflowError:
        return None


def _text(told: Any) -> str:
    """A value as one line; of several the first."""
    if isinstance(told, list):
        told = told[0] if told else ""
    if isinstance(told, dict):
        told = told.get("@value") or told.get("name") or told.get("@id") or ""
    return " ".join(tidy(told).split()) if isinstance(told, str) else ""


def _place(told: Any) -> str:
    """Where it is, in a line: not where its stream is."""
    names = []
    for each in told if isinstance(told, list) else [told]:
        if isinstance(each, dict):
            if "VirtualLocation" in _types(each.get("@type")):
                continue
            names += [_text(each.get("name")), _address(each.get("address"))]
        else:
            names.append(_text(each))
    return ", ".join(dict.fromkeys(filter(None, names)))


def _address(told: Any) -> str:
    if not isinstance(told, dict):
        return _text(told)
    fields = ("streetAddress", "addressLocality", "addressRegion", "addressCountry")
    return ", ".join(filter(None, (_text(told.get(name)) for name in fields)))


def _mode(item: Mapping[str, Any]) -> str | None:
    for name in ("eventAttendanceMode", "courseMode"):
        told = _SCHEMA.sub("", _text(item.get(name))).lower()
        if told in _MODES:
            return _MODES[told]
    places = item.get("location")
    kinds = [
        "VirtualLocation" in _types(each.get("@type"))
        for each in (places if isinstance(places, list) else [places])
        if isinstance(each, dict)
    ]
    return "online" if kinds and all(kinds) else None


def _language(told: Any) -> str | None:
    if isinstance(told, list):
        told = told[0] if len(told) == 1 else ""
    if isinstance(told, dict):
        told = told.get("alternateName") or told.get("name")
    found = _LANGUAGE.match(_text(told).lower())
    return found[0] if found else None
