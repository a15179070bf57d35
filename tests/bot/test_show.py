"""Search results as lines for people and as values for machines."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.show import hit_lines, hit_values
from bot.terminal import plain
from kb.types import Details, Kind
from tests.bot.making import NOW, hit

COURSE = hit(
    kind=Kind.COURSE,
    title="Server care",
    language="fr",
    text="Backups, upgrades.",
    details=Details(
        pacing="instructor",
        starts_at=datetime(2026, 9, 1, tzinfo=UTC),
        enrolment_ends_at=datetime(2026, 9, 15, tzinfo=UTC),
    ),
)


def test_people_see_what_a_result_is() -> None:
    assert hit_lines(COURSE, at=NOW).splitlines() == [
        "0.90  Server care (course in French, starts on 1 September 2026,"
        " enrolment open until 15 September 2026)",
        "      https://docs.example/page-1",
        "      Backups, upgrades.",
    ]


def test_what_others_wrote_breaks_no_line() -> None:
    details = Details(starts_at=NOW, place="Oslo\x1b[2J\nhere")

    first, *_ = hit_lines(hit(details=details), at=NOW).splitlines()

    assert first == "0.90  Page 1 (event in English, Oslo[2J here, 1 June 2026)"


def test_machines_get_what_is_known_and_iso_dates() -> None:
    assert plain(hit_values(COURSE)) == {
        "title": "Server care",
        "url": "https://docs.example/page-1",
        "kind": "course",
        "source": "docs",
        "language": "fr",
        "version": None,
        "solved": False,
        "closed": False,
        "heading": "",
        "passage": "Backups, upgrades.",
        "details": {
            "pacing": "instructor",
            "starts_at": "2026-09-01T00:00:00+00:00",
            "enrolment_ends_at": "2026-09-15T00:00:00+00:00",
        },
        "score": 0.9,
        "confidence": 0.9,
    }
