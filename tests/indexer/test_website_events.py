"""Events that pages announce: dates, places, and which of several counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.events import Event, events_of, next_of
from indexer.page_text import parsed_page

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_FIELDS = [
    *("@type", "@graph", "name", "startDate", "endDate", "location", "address"),
    *("inLanguage", "item", "hasCourseInstance", "eventAttendanceMode", "eventStatus"),
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=5)
        | st.just({"@type": "Event", "startDate": "2026-04-01"})
    ),
    max_leaves=12,
)


def page(data: Any) -> tuple[Event, ...]:
    script = json.dumps(data).replace("</", "<\\/")
    html = f'<script type="application/ld+json">{script}</script>'
    return events_of(parsed_page("u", html.encode()))


def event(**fields: Any) -> Event:
    [found] = page({"@type": "Event", **fields})
    return found


def test_an_event_tells_all_that_people_ask() -> None:
    assert page(
        {
            "@context": "https://schema.org",
            "@type": ["EducationEvent"],
            "name": "Data  use\nacademy",
            "startDate": "2026-05-04T09:00:00+02:00",
            "endDate": "2026-05-08",
            "eventAttendanceMode": "https://schema.org/MixedEventAttendanceMode",
            "inLanguage": "fr-FR",
            "description": "Five days.",
            "location": [
                {"@type": "VirtualLocation", "url": "https://stream.example.org"},
                {
                    "@type": "Place",
                    "name": "The hall",
                    "address": {
                        "@type": "PostalAddress",
                        "addressLocality": "Dakar",
                        "addressCountry": {"@type": "Country", "name": "Senegal"},
                    },
                },
            ],
        }
    ) == (
        Event(
            name="Data use academy",
            starts_at=datetime(2026, 5, 4, 7, 0, tzinfo=UTC),
            ends_at=datetime(2026, 5, 8, 21, 59, 59, tzinfo=UTC),
            utc_offset_s=7200,
            place="The hall, Dakar, Senegal",
            mode="both",
            language="fr",
            description="Five days.",
        ),
    )


def test_microdata_tells_the_same() -> None:
    html = """
    <div itemscope itemtype="https://schema.org/EducationEvent">
      <h1 itemprop="name">Academy</h1>
      <time itemprop="startDate" datetime="2026-05-04">May 4</time>
      <meta itemprop="endDate" content="2026-05-08">
      <link itemprop="eventAttendanceMode"
        href="https://schema.org/OfflineEventAttendanceMode">
      <div itemprop="location" itemscope itemtype="https://schema.org/Place">
        <b itemprop="name">Hall</b>
        <p itemprop="address" itemscope itemtype="https://schema.org/PostalAddress">
          <span itemprop="addressLocality">Dakar</span></p>
      </div>
      <div itemprop="organizer" itemscope itemtype="https://schema.org/Person">
        <b itemprop="name">Nobody</b></div>
    </div>
    """
    assert events_of(parsed_page("u", html.encode())) == (
        Event(
            name="Academy",
            starts_at=datetime(2026, 5, 4, tzinfo=UTC),
            ends_at=datetime(2026, 5, 8, 23, 59, 59, tzinfo=UTC),
            place="Hall, Dakar",
            mode="in person",
        ),
    )


@pytest.mark.parametrize(
    "wrap",
    [
        lambda item: [item],
        lambda item: {"@graph": [{"@type": "WebPage"}, item]},
        lambda item: {"@type": "WebPage", "mainEntity": item},
        lambda item: {"@type": "ItemList", "itemListElement": [{"item": item}]},
        lambda item: {"@type": "Course", "name": "C", "hasCourseInstance": [item]},
    ],
)
def test_an_event_is_found_however_it_is_wrapped(wrap: Any) -> None:
    found = page(wrap({"@type": "Event", "name": "E", "startDate": "2026-05-04"}))
    assert [each.name for each in found] == ["E"]


def test_the_dates_of_a_course_are_called_as_it_is() -> None:
    instances = [{"startDate": "2026-05-04", "courseMode": "Online"}, {"name": "Two"}]
    found = page(
        {
            "@type": "schema:Course",
            "name": "Course",
            "inLanguage": {"@type": "Language", "alternateName": "es"},
            "hasCourseInstance": instances,
        }
    )
    assert [(e.name, e.mode, e.language) for e in found] == [
        ("Course", "online", "es"),
        ("Two", None, "es"),
    ]


@pytest.mark.parametrize(
    ("fields", "over_at"),
    [
        ({"startDate": "2026-05-04"}, "2026-05-05T00:00:00+00:00"),
        ({"startDate": "2026-05-04T10:00"}, "2026-05-05T10:00:00+00:00"),
        ({"startDate": "20260504"}, "2026-05-05T00:00:00+00:00"),
        ({"endDate": "2026-05-04"}, "2026-05-04T23:59:59+00:00"),
        (
            {"startDate": "2026-05-04", "endDate": "2026-05-01"},
            "2026-05-05T00:00:00+00:00",
        ),
        ({"startDate": ["2026-05-04", "2026-06-04"]}, "2026-05-05T00:00:00+00:00"),
        ({"startDate": {"@value": "2026-05-04"}}, "2026-05-05T00:00:00+00:00"),
        ({"startDate": "9999-12-31"}, None),
        ({"startDate": "0001-01-01T00:00:00+14:00"}, None),
        ({"startDate": "4 May 2026"}, None),
        ({"startDate": 20260504}, None),
        ({}, None),
    ],
)
def test_when_an_event_is_over(fields: dict[str, Any], over_at: str | None) -> None:
    over = event(**fields).over_at
    assert (over.isoformat() if over else None) == over_at


def test_the_whole_last_day_is_not_over() -> None:
    last = event(endDate="2026-03-01")
    assert next_of((last,), datetime(2026, 3, 1, 23, 59, 58, tzinfo=UTC)) == last
    assert last.over_at is not None
    assert last.over_at <= datetime(2026, 3, 2, tzinfo=UTC)


def test_of_several_the_first_that_is_not_over_counts() -> None:
    past, undated = Event("past", NOW - timedelta(days=9)), Event("undated")
    off = Event("off", NOW, is_cancelled=True)
    next_one, later = Event("next", NOW), Event("later", NOW + timedelta(days=9))
    assert next_of((undated, past, off, next_one, later), NOW) == next_one
    assert next_of((undated, past), NOW) == past
    assert next_of((undated, off), NOW) == off
    assert next_of((undated,), NOW) is None
    assert next_of((), NOW) is None


def test_a_cancelled_event_says_so() -> None:
    assert event(eventStatus="https://schema.org/EventCancelled").is_cancelled
    assert not event(eventStatus="https://schema.org/EventScheduled").is_cancelled


@pytest.mark.parametrize(
    ("fields", "place", "mode"),
    [
        ({"location": "Oslo"}, "Oslo", None),
        ({"location": {"name": "Oslo", "address": "Oslo"}}, "Oslo", None),
        ({"location": {"@type": "VirtualLocation"}}, None, "online"),
        (
            {"location": {"address": "Gate 1"}, "courseMode": "onsite"},
            "Gate 1",
            "in person",
        ),
        ({"eventAttendanceMode": "OnlineEventAttendanceMode"}, None, "online"),
        ({"eventAttendanceMode": "by pigeon", "location": []}, None, None),
    ],
)
def test_where_an_event_is(
    fields: dict[str, Any], place: str | None, mode: str | None
) -> None:
    found = event(**fields)
    assert (found.place, found.mode) == (place, mode)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("//<![CDATA[\n", "\n//]]>"),
        ("/* <![CDATA[ */", "/* ]]> */"),
        ("<![CDATA[", "]]>"),
        ("\n<!--\n", "\n//-->\n"),
    ],
)
def test_an_event_is_found_in_a_script_that_is_hidden(before: str, after: str) -> None:
    data = '{"@type": "Event", "name": "Academy"}'
    html = f'<script type="application/ld+json">{before}{data}{after}</script>'
    assert events_of(parsed_page("u", html.encode())) == (Event("Academy"),)


@pytest.mark.parametrize("kind", ["EventSeries", "EducationEvent"])
def test_an_event_without_a_date_has_those_of_its_parts(kind: str) -> None:
    parts = [{"@type": "Event", "name": "Day", "startDate": "2026-04-01"}]
    found = next_of(page({"@type": kind, "name": "All", "subEvent": parts}), NOW)
    assert found == Event("Day", datetime(2026, 4, 1, tzinfo=UTC))


def test_names_do_not_multiply_what_is_read() -> None:
    names = " ".join(f"p{i}" for i in range(60))
    html = (
        '<div itemscope itemtype="https://schema.org/Event">'
        + f'<div itemscope itemprop="{names}">' * 5
    )
    started = process_time()
    assert events_of(parsed_page("u", html.encode())) == (Event(""),)
    assert process_time() - started < 5


@pytest.mark.parametrize(
    "html",
    [
        "<p>No event.</p>",
        '<script type="application/ld+json">{"@type": "Event",</script>',
        f'<script type="application/ld+json">{"[" * 100_000}</script>',
        '<script type="application/json">{"@type": "Event"}</script>',
        '<div itemscope itemtype="https://schema.org/Person">x</div>',
        "<div itemscope>x</div>",
    ],
)
def test_what_does_not_read_is_no_event(html: str) -> None:
    assert events_of(parsed_page("u", html.encode())) == ()


@given(data=_JSON)
def test_whatever_is_told_is_read_without_an_error(data: Any) -> None:
    for found in page(data):
        assert found.over_at is None or found.over_at.tzinfo is not None
        assert "\n" not in found.name
