"""Pages that announce events: those that can still be attended are held."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.library import WRITTEN
from indexer.sources.pages import PageRules
from kb.types import Details, Kind
from tests.indexer.web_world import WebWorld

PATH = "academies/en/dakar"
KEY = f"docs-site/{PATH}.html"


@pytest.fixture(autouse=True)
def rules(web: WebWorld) -> None:
    web.rules = PageRules(kind=Kind.COURSE)


def announce(docs: Sandbox, *events: dict[str, Any], path: str = PATH) -> None:
    """A page that announces *events*; the clock begins on 1 March 2026."""
    items = [{"@type": "EducationEvent", "name": "Academy", **each} for each in events]
    head = f'<script type="application/ld+json">{json.dumps(items)}</script>'
    docs.library.put_page(path, f"# Page {path}\n\nCome to {path}.", WRITTEN, head=head)


def test_an_event_is_held_with_what_people_ask_until_it_is_over(
    docs: Sandbox, web: WebWorld
) -> None:
    announce(
        docs,
        {
            "startDate": "2026-03-02",
            "endDate": "2026-03-06",
            "location": {"name": "Dakar"},
            "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
            "inLanguage": "fr",
            "description": "Five days of <data>.",
        },
    )

    web.harvest(events=True)

    document = web.document(KEY)
    ends_at = datetime(2026, 3, 6, 23, 59, 59, tzinfo=UTC)
    assert (document.kind, document.title, document.language) == (
        Kind.COURSE,
        "Academy",
        "fr",
    )
    assert document.details == Details(
        starts_at=datetime(2026, 3, 2, tzinfo=UTC),
        ends_at=ends_at,
        place="Dakar",
        mode="in person",
    )
    assert document.expires_at == ends_at
    assert [p.text for p in web.passages(KEY)] == [
        "Five days of <data>.",
        f"Come to {PATH}.",
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"startDate": "2026-02-20", "endDate": "2026-02-27"}, "is over"),
        ({"startDate": "2026-02-27"}, "is over"),
        ({"startDate": "in spring"}, "tells no date"),
        ({}, "tells no date"),
        (
            {
                "startDate": "2026-05-01",
                "eventStatus": "https://schema.org/EventCancelled",
            },
            "is cancelled",
        ),
        (
            {
                "startDate": "2026-05-01",
                "eventStatus": "https://schema.org/EventPostponed",
            },
            "is cancelled",
        ),
    ],
)
def test_what_nobody_can_attend_is_skipped_with_a_reason(
    docs: Sandbox, web: WebWorld, fields: dict[str, Any], reason: str
) -> None:
    announce(docs, fields)
    docs.library.put_page("academies/en/none", "# No event", has_twin=False)

    first, second = web.harvest(events=True), web.harvest(events=True)

    expected = {"tells no date": 1}
    expected[reason] = expected.get(reason, 0) + 1
    assert (web.keys, first.skipped) == ([], expected)
    assert (second.skipped, second.requests) == (expected, 2)


def test_what_comes_next_does_not_stand_for_what_is_over(
    docs: Sandbox, web: WebWorld
) -> None:
    announce(
        docs,
        {"startDate": "2026-02-02", "url": f"/docs-site/{PATH}.html"},
        {"startDate": "2026-05-01", "url": "/docs-site/academies/en/kigali.html"},
    )

    report = web.harvest(events=True)

    assert (web.keys, report.skipped) == ([], {"is over": 1})


def test_an_event_on_its_last_day_is_held(docs: Sandbox, web: WebWorld) -> None:
    announce(docs, {"startDate": "2026-02-20", "endDate": "2026-03-01"})
    web.harvest(events=True)
    assert web.keys == [KEY]


def test_an_event_that_ends_leaves_though_its_page_stays_as_it_is(
    docs: Sandbox, web: WebWorld
) -> None:
    announce(docs, {"startDate": "2026-03-02"})
    web.harvest(events=True)
    web.later(days=3)

    ended, after = web.harvest(events=True), web.harvest(events=True)

    assert (ended.deleted, web.keys) == (1, [])
    assert (after.skipped, after.requests) == ({"is over": 1}, 2)


def test_the_next_date_of_an_event_takes_the_place_of_the_last(
    docs: Sandbox, web: WebWorld
) -> None:
    announce(docs, {"startDate": "2026-03-02"}, {"startDate": "2026-09-01"})
    web.harvest(events=True)
    first = web.document(KEY).details.starts_at
    web.later(days=3)

    report = web.harvest(events=True)

    assert first == datetime(2026, 3, 2, tzinfo=UTC)
    assert (report.updated, report.deleted) == (1, 0)
    assert web.document(KEY).details.starts_at == datetime(2026, 9, 1, tzinfo=UTC)
    assert web.document(KEY).expires_at == datetime(2026, 9, 2, tzinfo=UTC)


def test_twins_are_not_read_for_events(docs: Sandbox, web: WebWorld) -> None:
    """Markdown does not tell when an event is."""
    announce(docs, {"startDate": "2026-03-02"})
    web.harvest(events=True, twins="always", recheck_every=timedelta(0))
    assert not [each for each in docs.requests if each.endswith(".md")]
    assert web.keys == [KEY]
