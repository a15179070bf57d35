"""What a resource is said to be, in every language that replies have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.escape import inline
from bot.facts import facts_of
from kb.types import Details, Kind
from tests.bot.making import hit

NOW = datetime(2027, 2, 1, 12, tzinfo=UTC)
MARCH_5 = datetime(2027, 3, 5, 9, tzinfo=UTC)
MARCH_7 = datetime(2027, 3, 7, 17, tzinfo=UTC)
APRIL_30 = datetime(2027, 4, 30, 23, 59, tzinfo=UTC)
JANUARY_4 = datetime(2027, 1, 4, tzinfo=UTC)


def told(kind: Kind, *, reader: str | None = "en", **document: Any) -> list[str]:
    """Of a document in the reader's language, unless another one is given."""
    document = {"language": reader, **document}
    return facts_of(hit(kind=kind, **document), reader=reader, at=NOW)


# -- threads and pages -----------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "solved", "open_"),
    [
        ("en", ["thread", "solved ✓"], ["thread", "open"]),
        ("fr", ["discussion", "résolue ✓"], ["discussion", "ouverte"]),
        ("es", ["conversación", "resuelta ✓"], ["conversación", "abierta"]),
        ("pt", ["tópico", "resolvido ✓"], ["tópico", "aberto"]),
        ("sw", ["thread", "solved ✓"], ["thread", "open"]),
    ],
)
def test_a_thread_is_solved_or_open(
    reader: str, solved: list[str], open_: list[str]
) -> None:
    assert told(Kind.THREAD, reader=reader, solved=True) == solved
    assert told(Kind.THREAD, reader=reader, solved=True, closed=True) == solved
    assert told(Kind.THREAD, reader=reader) == open_


def test_a_thread_that_was_closed_unsolved_is_neither() -> None:
    assert told(Kind.THREAD, closed=True) == ["thread"]


@pytest.mark.parametrize(
    ("reader", "facts"),
    [
        ("en", ["documentation", "version 2.41"]),
        ("fr", ["documentation", "version 2.41"]),
        ("es", ["documentación", "versión 2.41"]),
        ("pt", ["documentação", "versão 2.41"]),
    ],
)
def test_a_page_tells_its_version(reader: str, facts: list[str]) -> None:
    assert told(Kind.DOCS, reader=reader, version="2.41") == facts


# -- courses ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "language", "kind"),
    [
        ("en", "fr", "course in French"),
        ("en", "pt-BR", "course in Portuguese"),
        ("en", "por", "course in Portuguese"),
        ("fr", "en", "cours en anglais"),
        ("es", "fr", "curso en francés"),
        ("pt", "lo", "curso em laosiano"),
        ("sw", "en", "course in English"),
        ("sw", "sw", "course"),
        (None, "en", "course in English"),
        ("en", "en", "course"),
        ("en", "en-GB", "course"),
        ("pt", "pt_BR", "curso"),
        ("pt_BR", "pt", "curso"),
        ("pt-BR", "pt_PT", "curso"),
        ("fr", "fra", "cours"),
        ("en", None, "course"),
        ("en", "zz", "course"),
        ("en", "multiple", "course"),
        ("en", "mul", "course"),
        ("en", "und", "course"),
        ("en", "zxx", "course"),
    ],
)
def test_a_course_names_its_language_where_it_is_another(
    reader: str | None, language: str | None, kind: str
) -> None:
    assert told(Kind.COURSE, reader=reader, language=language) == [kind]


@pytest.mark.parametrize(
    ("reader", "names"),
    [
        ("en", ["thread in French", "documentation in French", "video in French"]),
        ("es", ["conversación en francés", "documentación en francés"]),
        ("pt", ["tópico em francês", "documentação em francês", "vídeo em francês"]),
        ("fr", ["discussion", "documentation", "vidéo"]),
    ],
)
def test_so_does_everything_else(reader: str, names: list[str]) -> None:
    kinds = [Kind.THREAD, Kind.DOCS, Kind.VIDEO][: len(names)]

    assert [told(kind, reader=reader, language="fr")[0] for kind in kinds] == names


def test_an_event_names_its_language_as_well() -> None:
    details = Details(starts_at=MARCH_5, mode="online")

    assert told(Kind.DOCS, reader="fr", language="en", details=details) == [
        "événement en anglais",
        "en ligne",
        "5 mars 2027",
    ]


@pytest.mark.parametrize(
    ("reader", "date"),
    [
        ("en", "1 March 2027"),
        ("fr", "1er mars 2027"),
        ("es", "1 de marzo de 2027"),
        ("pt", "1 de março de 2027"),
    ],
)
def test_the_first_of_a_month_is_written_as_people_do(reader: str, date: str) -> None:
    details = Details(starts_at=MARCH_5.replace(day=1), mode="online")

    assert told(Kind.DOCS, reader=reader, details=details)[2] == date


@pytest.mark.parametrize(
    ("details", "facts"),
    [
        (Details(), []),
        (Details(pacing="self"), ["self-paced"]),
        (Details(pacing="self", starts_at=JANUARY_4), ["self-paced"]),
        (
            Details(pacing="self", starts_at=MARCH_5),
            ["self-paced", "starts on 5 March 2027"],
        ),
        (
            Details(pacing="instructor", starts_at=MARCH_5),
            ["starts on 5 March 2027"],
        ),
        (
            Details(pacing="instructor", starts_at=JANUARY_4),
            ["started on 4 January 2027"],
        ),
        (Details(starts_at=JANUARY_4), []),
        (
            Details(pacing="self", enrolment_ends_at=APRIL_30),
            ["self-paced", "enrolment open until 30 April 2027"],
        ),
        (
            Details(enrolment_starts_at=MARCH_5, enrolment_ends_at=APRIL_30),
            ["enrolment opens on 5 March 2027"],
        ),
        (
            Details(enrolment_starts_at=JANUARY_4, enrolment_ends_at=APRIL_30),
            ["enrolment open until 30 April 2027"],
        ),
        (Details(enrolment_ends_at=JANUARY_4), []),
    ],
)
def test_a_course_tells_when_one_can_take_it(
    details: Details, facts: list[str]
) -> None:
    assert told(Kind.COURSE, details=details) == ["course", *facts]


@pytest.mark.parametrize(
    ("reader", "facts"),
    [
        (
            "fr",
            [
                "cours en anglais",
                "débute le 5 mars 2027",
                "inscriptions ouvertes jusqu’au 30 avril 2027",
            ],
        ),
        (
            "es",
            [
                "curso en inglés",
                "empieza el 5 de marzo de 2027",
                "inscripción abierta hasta el 30 de abril de 2027",
            ],
        ),
        (
            "pt",
            [
                "curso em inglês",
                "começa em 5 de março de 2027",
                "inscrições abertas até 30 de abril de 2027",
            ],
        ),
    ],
)
def test_dates_are_written_as_the_reader_writes_them(
    reader: str, facts: list[str]
) -> None:
    details = Details(
        pacing="instructor", starts_at=MARCH_5, enrolment_ends_at=APRIL_30
    )
    assert told(Kind.COURSE, reader=reader, language="en", details=details) == facts


# -- events ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "facts"),
    [
        (Details(starts_at=MARCH_5), ["5 March 2027"]),
        (
            Details(starts_at=MARCH_5, ends_at=MARCH_5.replace(hour=17)),
            ["5 March 2027"],
        ),
        (
            Details(starts_at=MARCH_5, ends_at=MARCH_7, place="Oslo", mode="in person"),
            ["Oslo", "5 March 2027 – 7 March 2027"],
        ),
        (
            Details(starts_at=MARCH_5, place="Zoom", mode="online"),
            ["online", "5 March 2027"],
        ),
        (
            Details(starts_at=MARCH_5, place="Oslo", mode="both"),
            ["Oslo and online", "5 March 2027"],
        ),
        (
            Details(starts_at=MARCH_5, mode="both"),
            ["in person and online", "5 March 2027"],
        ),
        (Details(starts_at=MARCH_5, mode="in person"), ["in person", "5 March 2027"]),
        (Details(starts_at=MARCH_5, place="Oslo"), ["Oslo", "5 March 2027"]),
    ],
)
def test_an_event_tells_where_and_when(details: Details, facts: list[str]) -> None:
    assert told(Kind.DOCS, details=details) == ["event", *facts]


@pytest.mark.parametrize("ahead_h", [3, -9])
def test_the_days_of_an_event_are_those_of_the_clocks_there(ahead_h: int) -> None:
    ahead = timedelta(hours=ahead_h)
    details = Details(
        starts_at=datetime(2027, 3, 5, tzinfo=UTC) - ahead,
        ends_at=datetime(2027, 3, 7, 23, 59, 59, tzinfo=UTC) - ahead,
        utc_offset_s=ahead_h * 3600,
    )

    assert told(Kind.DOCS, details=details) == [
        "event",
        "5 March 2027 – 7 March 2027",
    ]


def test_an_event_without_end_has_days_as_well() -> None:
    for_good = datetime.max.replace(tzinfo=UTC)
    details = Details(starts_at=MARCH_5, ends_at=for_good, utc_offset_s=10_800)

    assert told(Kind.DOCS, details=details) == [
        "event",
        "5 March 2027 – 31 December 9999",
    ]


def test_events_that_are_harvested_as_courses_tell_where_and_when() -> None:
    academy = Details(
        starts_at=MARCH_5, ends_at=MARCH_7, place="Kampala", mode="in person"
    )

    assert told(Kind.COURSE, details=academy) == [
        "event",
        "Kampala",
        "5 March 2027 – 7 March 2027",
    ]


def test_an_event_is_called_so_in_every_language() -> None:
    details = Details(starts_at=MARCH_5, mode="online")
    facts = [told(Kind.DOCS, reader=each, details=details) for each in ("fr", "pt")]

    assert facts == [
        ["événement", "en ligne", "5 mars 2027"],
        ["evento", "online", "5 de março de 2027"],
    ]


# -- videos ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration_s", "anchor", "facts"),
    [
        (None, "", []),
        (412, "", ["6:52"]),
        (3723, "", ["1:02:03"]),
        (412, "&t=155", ["6:52", "from 2:35"]),
        (412, "&t=155s", ["6:52", "from 2:35"]),
        (9000, "#t=3723", ["2:30:00", "from 1:02:03"]),
        (412, "&t=0", ["6:52"]),
        (412, "&list=PL1", ["6:52"]),
        (412, "&t=soon", ["6:52"]),
        (None, "?t=8", ["from 0:08"]),
    ],
)
def test_a_video_tells_its_length_and_where_the_link_leads_into_it(
    duration_s: int | None, anchor: str, facts: list[str]
) -> None:
    details = Details(duration_s=duration_s)
    assert told(Kind.VIDEO, details=details, anchor=anchor) == ["video", *facts]


def test_a_video_in_another_language_says_so() -> None:
    details = Details(duration_s=412)
    facts = told(
        Kind.VIDEO, reader="es", language="fr", details=details, anchor="&t=155"
    )
    assert facts == ["vídeo en francés", "6:52", "desde 2:35"]


# -- words and foreign text ------------------------------------------------


def test_what_others_wrote_is_made_safe_and_our_words_stay() -> None:
    event = hit(details=Details(starts_at=MARCH_5, place="@ann https://x.example"))
    page = hit(version="2.41.example.org")

    shown = [facts_of(each, reader="en", at=NOW, foreign=inline) for each in (event,)]
    version = facts_of(page, reader="en", at=NOW, foreign=inline)

    assert shown == [
        ["event", inline("@ann https://x.example"), "5 March 2027"],
    ]
    assert version == ["documentation", "version `2.41.example.org`"]


def test_kinds_may_have_other_names() -> None:
    kinds = {kind: kind.value for kind in Kind}

    facts = [
        facts_of(hit(kind=kind, language="fr"), reader=None, at=NOW, kinds=kinds)[0]
        for kind in Kind
    ]

    assert facts == [
        "thread in French",
        "docs in French",
        "course in French",
        "video in French",
    ]
