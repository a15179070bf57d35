"""Section 6: what rises, which messages are new, which versions are named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.model import Rising, Trends
from bot.report.records import Thread
from bot.report.trends import MESSAGE_CHARS, key_of, messages_in, numbers_in, trends
from tests.bot.report.test_clusters import (
    FILLERS,
    Openings,
    Points,
    past,
    placed,
    thread,
)


class Asked:
    """Questions of the week, of the week before, and of long ago, by what they say."""

    def __init__(self) -> None:
        self.threads: list[Thread] = []
        self.said: dict[int, str] = {}

    def ask(
        self, *texts: str, days: float = 3.0, asker: str | None = None
    ) -> list[int]:
        ids = [len(self.threads) + place + 1 for place in range(len(texts))]
        for i, text in zip(ids, texts, strict=True):
            self.threads.append(
                thread(i, f"Title {i}", days=days + i / 1e4, asker=asker)
            )
            self.said[i] = text
        return ids

    def found(self, meanings: Points | None = None, *, limit: int = 10) -> Trends:
        return trends(past(self.threads), Openings(self.said), meanings, limit=limit)


def told(some: Sequence[Rising]) -> list[tuple[str, int, int]]:
    return [(each.label, each.now, each.before) for each in some]


@pytest.fixture
def world() -> Asked:
    """As many and the same questions in both weeks."""
    world = Asked()
    world.ask(*FILLERS, days=-4)
    world.ask(*FILLERS, days=3)
    return world


# -- words and clusters --------------------------------------------------------


def test_a_word_that_is_asked_for_more_often_rises(world: Asked) -> None:
    world.ask("The Predictor")
    before = world.ask("Why predictors?", days=-4)
    new = world.ask(*["Why predictors?"] * 12)

    made = world.found()

    assert (made.asked, made.asked_before) == (77, 65)
    assert told(made.words) == [("predictors", 13, 1)]
    (word,) = made.words
    assert word.what == "word"
    assert word.score == 3.22
    assert [int(topic.key) for topic in word.topics] == new[:-6:-1]
    assert before[0] not in {int(topic.key) for topic in word.topics}


def test_what_is_asked_as_often_as_before_does_not_rise(world: Asked) -> None:
    world.ask(*["Why predictors?"] * 12, days=-4)
    world.ask(*["Why predictors?"] * 14)
    assert world.found().words == ()


def test_what_one_person_asks_again_and_again_is_no_trend(world: Asked) -> None:
    world.ask(*["Why predictors?"] * 12, asker="ann")
    assert world.found().words == ()
    world.ask("Why predictors?", asker="bob")
    world.ask("Why predictors?", asker="cleo")
    assert told(world.found().words) == [("predictors", 14, 0)]


def test_of_askers_that_nobody_knows_each_is_somebody(world: Asked) -> None:
    world.ask(*["Why predictors?"] * 12, asker="")
    assert told(world.found().words) == [("predictors", 12, 0)]


def test_words_of_the_same_questions_are_told_once(world: Asked) -> None:
    world.ask(*["Predictor overflow"] * 12)
    world.ask(*["Kidney"] * 12)
    assert told(world.found().words) == [("Kidney", 12, 0), ("overflow", 12, 0)]
    assert told(world.found(limit=1).words) == [("Kidney", 12, 0)]


def test_what_programs_ask_does_not_count(world: Asked) -> None:
    for i in range(500, 520):
        world.threads.append(thread(i, by_bot=True))
        world.said[i] = "Error: the predictor failed, Slicer 5.0.3"
    made = world.found()
    assert (made.asked, made.asked_before) == (64, 64)
    assert (made.words, made.errors, made.versions) == ((), (), ())


def test_where_nothing_was_asked_before_nothing_rises() -> None:
    world = Asked()
    ids = world.ask(*["Error: the predictor failed. Slicer 5.0.3"] * 12)
    made = world.found(Points(dict(zip(ids, placed([0] * 12), strict=True))))
    assert (made.asked, made.asked_before) == (12, 0)
    assert (made.words, made.clusters) == ((), ())
    (error,), (version,) = made.errors, made.versions
    assert (error.label, error.now, error.before, error.score) == (
        "the predictor failed. Slicer …",
        12,
        0,
        0.0,
    )
    assert (version.label, version.before, version.score) == ("5.0.3", 0, 0.0)


def test_a_cluster_that_is_asked_for_more_often_rises(world: Asked) -> None:
    new = world.ask(*["Predictor overflow"] * 9)
    old = world.ask("Predictor overflow", days=-4)
    as_before = world.ask(*["Kidney mask"] * 6, days=-4) + world.ask(
        *["Kidney mask"] * 6
    )
    subjects = [
        0 if i in {*new, *old} else 1 if i in as_before else None for i in world.said
    ]
    points = Points(dict(zip(world.said, placed(subjects), strict=True)))

    made = world.found(points)

    assert told(made.clusters) == [("overflow, Predictor", 9, 1)]
    assert made.clusters[0].what == "cluster"
    assert world.found(None).clusters == ()
    assert world.found(None).words == made.words


def test_without_questions_nothing_is_told() -> None:
    world = Asked()
    assert world.found() == Trends(0, 0, (), (), (), ())
    world.ask("Error: it failed", days=-4)
    assert world.found() == Trends(0, 1, (), (), (), ())
    assert world.found(Points({1: np.ones(1, dtype=np.float32)})).clusters == ()


# -- errors ----------------------------------------------------------------------


def test_a_message_that_nobody_had_before_is_new(world: Asked) -> None:
    world.ask("It says\nError: no route to 10.0.0.1 in /srv/a/b.csv")
    world.ask("Now Error: No route to 10.0.0.7 in /home/ann/x/y.csv")
    (error,) = world.found().errors
    assert (error.what, error.now, error.before) == ("error", 2, 0)
    assert error.label == "No route to … in …"


@pytest.mark.parametrize("days", [-4.0, -300.0])
def test_a_message_that_somebody_had_before_is_not_new(
    world: Asked, days: float
) -> None:
    world.ask(*["Error: no such predictor"] * 3)
    world.ask("error: No such predictor!", days=days)
    assert world.found().errors == ()


def test_a_message_that_is_met_far_more_often_is_told_with_its_past(
    world: Asked,
) -> None:
    world.ask("Error: no such predictor", days=-4)
    world.ask(*["Error: no such predictor"] * 15)
    assert told(world.found().errors) == [("no such predictor", 15, 1)]


def test_what_was_new_in_the_period_before_is_no_longer(world: Asked) -> None:
    world.ask(*FILLERS * 4, days=-300)
    world.ask(*["Error: no such predictor"] * 15, days=-4)
    world.ask(*["Error: no such predictor"] * 15)
    assert world.found().errors == ()


def test_a_message_of_one_person_is_not_told(world: Asked) -> None:
    world.ask(*["Error: no such predictor"] * 3, asker="ann")
    assert world.found().errors == ()


def test_messages_of_one_log_are_told_once(world: Asked) -> None:
    world.ask(*["Error: no such predictor\nError: cannot start worker"] * 2)
    world.ask(*["Error: kidney mask is missing"] * 3)
    assert told(world.found().errors) == [
        ("kidney mask is missing", 3, 0),
        ("cannot start worker", 2, 0),
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("java.lang.NullPointerException", ["NullPointerException"]),
        (
            "Caused by: org.orm.QueryException: could not resolve property: x ->",
            ["QueryException: could not resolve property: x ->"],
        ),
        (
            "TypeError: 'NoneType' object is None",
            ["TypeError: 'NoneType' object is None"],
        ),
        ("ORA-00942: table or view does not exist", ["ORA-00942"]),
        ("ERROR: duplicate key value (SQLSTATE 23505)", ["SQLSTATE 23505"]),
        ("It fails with SQLSTATE[42P01].", ["SQLSTATE 42P01"]),
        ("Conflict: E1063 and e1064", ["E1063"]),
        ("HTTP 409", ["HTTP 409"]),
        ("HTTP/1.1 500 Internal Server Error", ["HTTP 500"]),
        ("the server said 409 Conflict", ["HTTP 409"]),
        ("Request failed with status code 503", ["HTTP 503"]),
        ("Erreur 404", ["HTTP 404"]),
        ("código de erro: 502", ["HTTP 502"]),
        ("Erreur : impossible de lire /a/b/c", ["impossible de lire …"]),
        ("Fehler: Datei 12 wurde nicht gefunden", ["Datei … wurde nicht gefunden"]),
        ("* ERROR 2024-01-02 11:12:13 Could not commit", ["… Could not commit"]),
        ("It says “Unable to load 12 rows”.", ["Unable to load … rows"]),
        ("No se pudo: «No se pudo guardar el valor»", ["No se pudo guardar el valor"]),
        (
            "Error: user 2f1e4a6c-0f6b-4a51-9d0e-8a52c1f8a001 of http://x.org/u denied",
            ["user … of … denied"],
        ),
        (
            r"Error: cannot open C:\Users\ann\a.nrrd, skipped",
            ["cannot open …, skipped"],
        ),
        ("Error: program stage Zj7UnCAulEk not found", ["program stage … not found"]),
        ("Error: at 0x7f3a2b and deadbeef01 failed", ["at … and … failed"]),
        ("Error: mail of ann@example.org refused", ["mail of … refused"]),
        # What tells of no failure, or of nothing.
        ("", []),
        ("How do I import 500 rows into 404 tables?", []),
        ("See http://example.org/404 and “the long user guide”", []),
        ("Error: 12", []),
        ("An error occurs, and I cannot go on", []),
        ("born in E2020x, COVID-19", []),
    ],
)
def test_what_of_a_text_is_an_error_message(text: str, messages: list[str]) -> None:
    assert messages_in(text) == messages


def test_each_message_is_told_once_on_one_line_and_not_too_long() -> None:
    long = "Error: cannot " + "read the file " * 40
    found = messages_in(f"{long}\n{long.upper()}\nError:\tthe\u202e end\x00 is missing")
    assert found[-1] == "the end is missing"
    assert len(found) == 2
    assert all(len(message) <= MESSAGE_CHARS for message in found)


def test_of_a_huge_log_the_first_messages_are_told() -> None:
    lines = [f"Error: cannot read {'x' * (i + 2)}" for i in range(5_000)]
    assert messages_in("\n".join(lines)) == [line[7:] for line in lines[:40]]


@given(
    st.text(
        alphabet="Error: ‘’'\"/\\.…<>|@#\n\u202e0123456789abcİßE-HTTP", max_size=300
    )
)
def test_any_text_gives_messages_that_are_one_short_line_each(text: str) -> None:
    found = messages_in(text)
    assert len({key_of(message) for message in found}) == len(found)
    assert all(0 < len(message) <= MESSAGE_CHARS for message in found)
    assert all(message.isprintable() for message in found)


# -- versions ----------------------------------------------------------------------


def test_the_versions_that_are_named_most_come_first(world: Asked) -> None:
    world.ask("Slicer 5.0.3", "With v5.0.3, not 0.5", "On 5.0.3: 0.5")
    world.ask("version 2.41", "Versión: 2.41")
    world.ask("DHIS2 v2.41", days=-4)
    world.ask("Only Slicer 9.9.9")
    made = world.found().versions
    assert told(made) == [("5.0.3", 3, 0), ("2.41", 2, 1)]
    assert {each.what for each in made} == {"version"}
    assert told(world.found(limit=1).versions) == [("5.0.3", 3, 0)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Slicer-4.11.20210226", [("4.11.20210226", True)]),
        ("since v2.40.1", [("2.40.1", True)]),
        ("2.40.1 and 2.40.1.", [("2.40.1", True)]),
        ("Ubuntu 20.04, python 3.9", [("20.04", True), ("3.9", False)]),
        ("versão 2.38 / version: 2.39", [("2.38", True), ("2.39", True)]),
        ("2.38 is new; Release 2.38", [("2.38", True)]),
        ("0.5 mm, 12.5%, 1.5T, 3.5°, 1.000,5", [("0.5", False)]),
        ("2022.03.08 or 8.3.2022 at 10.0.0.1", []),
        ("10.0.19041.1", [("10.0.19041.1", True)]),
        ("https://example.org/2.40/a.1.2.html", []),
        ("1.2.3.4.5 12:30.5", []),
        ("x" * 2_000 + " Slicer 5.0.3", []),
        ("", []),
    ],
)
def test_which_numbers_are_versions(text: str, numbers: list[tuple[str, bool]]) -> None:
    assert numbers_in(text) == numbers
