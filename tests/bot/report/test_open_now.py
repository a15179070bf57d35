"""Open now: what counts as open, and who needs somebody most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.model import OpenNow, Resource
from bot.report.open_now import Held, Looked, look, open_now, urgency_words
from bot.report.reading import StoreTexts, read_past
from bot.report.records import Thread
from kb.store import Store
from kb.types import Document, DocumentId, Kind, Part
from tests.bot.report.world import (
    ASKS,
    DAY,
    HOUR,
    IDLE,
    START,
    TELLS,
    WEEK,
    keep,
    post,
    thread,
)

PAGE = Resource(Kind.DOCS, "Backup", "https://docs.example.org/backup", 0.8)


def looked_at(store: Store, *documents: Document, **options: object) -> Looked:
    keep(store, documents)
    past = read_past(store, ["forum"], WEEK, bots=["baraza"])
    texts = StoreTexts(store, WEEK.until, visible_to=None)
    return look(past, texts, **options)  # type: ignore[arg-type]


def asked(key: int, *replies: Part, opening: str = ASKS, **more: Any) -> Document:
    return thread(key, post(1, "amina", opening), *replies, **more)


def told(
    store: Store,
    looked: Looked,
    *,
    held: Mapping[str, Held] | None = None,
    limit: int = 10,
) -> OpenNow:
    def hold(threads: Sequence[Thread]) -> Mapping[DocumentId, Held]:
        known = held or {}
        return {t.id: known[t.key] for t in threads if t.key in known}

    return open_now(
        looked,
        StoreTexts(store, WEEK.until, visible_to=None),
        at=WEEK.until,
        limit=limit,
        hold=hold,
        helpers=lambda _threads: {},
        actions=lambda _thread, _held: (),
    )


@pytest.mark.parametrize(
    ("replies", "is_open"),
    [
        ((), True),
        ((post(2, "ben", TELLS),), False),
        ((post(2, "ben", IDLE),), True),
        ((post(2, "ben", "<p>Which version do you use?</p>"),), True),
        ((post(2, "ben", IDLE), post(3, "chidi", TELLS)), False),
        # Who asked answers nothing, and neither does a program.
        ((post(2, "amina", TELLS),), True),
        ((post(2, "Baraza", TELLS),), True),
        ((post(2, "system", TELLS, author_id=-1),), True),
        ((post(2, "ben", TELLS, at=WEEK.until),), True),
        ((post(2, "ben", "<p>Yes, it does so.</p>", likes=1),), False),
    ],
)
def test_open_is_what_no_person_answered(
    store: Store, replies: tuple[Part, ...], is_open: bool
) -> None:
    looked = looked_at(store, asked(1, *replies))

    assert [t.key for t in looked.unanswered] == (["1"] if is_open else [])


@pytest.mark.parametrize(
    "document",
    [
        asked(1, closed=True),
        asked(1, archived=True),
        asked(1, post(2, "amina", IDLE, accepted=True)),
        asked(1, at=START - DAY),
        thread(1, post(1, "baraza", ASKS)),
        thread(1, post(1, "ben", "<p>It is out.</p>"), title="Release notes for 2.41"),
    ],
)
def test_not_open_is_what_is_over_or_asks_nothing(
    store: Store, document: Document
) -> None:
    assert looked_at(store, document).unanswered == ()


def test_what_a_moderator_marked_is_no_question(store: Store) -> None:
    looked = looked_at(store, asked(1), asked(2), marked={("forum", "2")})

    assert [t.key for t in looked.unanswered] == ["1"]
    assert (len(looked.questions), len(looked.no_questions)) == (1, 1)


def test_a_topic_whose_question_is_not_held_is_open_all_the_same(store: Store) -> None:
    looked = looked_at(store, thread(1, post(2, "ben", IDLE)))

    assert [t.key for t in looked.unanswered] == ["1"]


def test_markup_that_is_never_closed_costs_nothing_and_answers_nothing(
    store: Store,
) -> None:
    looked = looked_at(store, asked(1, post(2, "ben", "<div><b>" * 50_000)))

    assert [t.key for t in looked.unanswered] == ["1"]


def test_need_is_explained_and_orders(store: Store) -> None:
    calm = asked(1, at=WEEK.until - HOUR)
    old = asked(2, at=WEEK.until - 3 * DAY)
    urgent = asked(
        3,
        at=WEEK.until - 3 * DAY,
        title="URGENT: production server down since 2.41.2",
        views=500,
    )
    before = thread(9, post(1, "amina", at=START - DAY), at=START - DAY)
    looked = looked_at(store, calm, old, urgent, before)

    found = told(store, looked, held={"2": Held(PAGE, "held back")})

    assert [q.topic.key for q in found.questions] == ["3", "2", "1"]
    first, second, third = found.questions
    assert first.why == (
        "waits for 3 days",
        "says “urgent”, “production server down”",
        "read 500 times",
        "it tells a version",
    )
    assert second.why == ("waits for 3 days", "what may answer it is known")
    assert (second.suggestion, second.silence) == (PAGE, "held back")
    assert third.why[-1:] == ("waits for an hour",)
    assert (third.age_hours, third.suggestion) == (1.0, None)
    assert found.total.count == 3


def test_a_newcomer_is_in_need(store: Store) -> None:
    first = thread(1, post(1, "amina", ASKS), at=START)
    others = [
        thread(2, post(1, "ben", ASKS, at=START - DAY), at=START - DAY),
        thread(3, post(1, "ben", ASKS), at=START),
    ]
    looked = looked_at(store, first, *others)

    found = told(store, looked)

    assert [q.topic.key for q in found.questions] == ["1", "3"]
    assert found.questions[0].why[-1] == "first post of a newcomer"


def test_only_the_neediest_are_told_and_all_are_counted(store: Store) -> None:
    looked = looked_at(
        store, *(asked(k, at=WEEK.until - k * HOUR) for k in range(1, 8))
    )

    found = told(store, looked, limit=2)

    assert [q.topic.key for q in found.questions] == ["7", "6"]
    assert found.total.count == 7
    assert [t.key for t in found.total.first] == list("1234567")


@given(
    views=st.integers(0, 10**9),
    hours=st.floats(0, 100_000),
    confidence=st.floats(0, 1),
)
def test_need_lies_between_none_and_all(
    views: int, hours: float, confidence: float
) -> None:
    from bot.report.open_now import _need, _parts

    asked = Thread(
        DocumentId(1),
        "forum",
        "1",
        "https://forum.example.org/t/1",
        "URGENT asap: data loss 2.41",
        WEEK.until - timedelta(hours=hours),
        newcomer=True,
        views=views,
    )
    held = Held(replace(PAGE, confidence=confidence), "")

    assert (
        0
        <= _need(_parts(asked, "word " * 99 + "NullPointerException", WEEK.until, held))
        <= 1
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Besoin d'aide dès que possible, serveur bloqué",
            ("des que possible", "bloque"),
        ),
        ("Urgente: el sistema está bloqueado", ("urgente", "bloqueado")),
        ("Perda de dados, preciso quanto antes", ("perda de dados", "quanto antes")),
        ("Emergency room module and urgent care forms", ()),
        ("Emergency obstetric care indicator", ()),
        ("", ()),
    ],
)
def test_words_of_urgency(text: str, words: tuple[str, ...]) -> None:
    assert urgency_words(text) == words
