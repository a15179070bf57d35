"""The language of a few words, told by those that the bridge knows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge import Bridge, Sense, WordTable
from kb.bridge.guessing import guess
from tests.kb.bridge.parallel import LANGUAGES, bridge

# A busy machine is no failure.
untimed = settings(deadline=None)


def told(text: str, *among: str) -> str | None:
    return guess(text, bridge(), among=among or LANGUAGES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tableau de bord", "fr"),
        ("TABLEAUX DE BORD", "fr"),
        ("Supprimer", "fr"),
        ("dashboard", "en"),
        ("delete the units", "en"),
        ("tablero", "es"),
        ("relatorio", "pt"),
        ("لوحة المعلومات", "ar"),
        # Of two languages, of none, or of nobody.
        ("importar", None),
        ("organisation", None),
        ("configuration", None),
        ("zebra", None),
        ("E1063 2.40", None),
        ("", None),
        ("?!", None),
        # Most of it must be known, and clearly more than in any other.
        ("supprimer le rapport zebra", "fr"),
        ("tableau zebra gnu", None),
        ("dashboard rapport", None),
    ],
)
def test_a_few_words_are_of_the_language_that_has_them(
    text: str, expected: str | None
) -> None:
    assert told(text) == expected


def test_only_the_languages_that_are_asked_for_are_told() -> None:
    assert told("importar", "es", "en") == "es"
    assert told("importar", "pt", "en") == "pt"
    assert told("tableau de bord", "en", "de") is None
    assert guess("tableau de bord", bridge(), among=()) is None
    assert guess("tableau de bord", Bridge(), among=LANGUAGES) is None


def test_a_word_that_means_nothing_by_itself_is_of_its_language_all_the_same() -> None:
    stop = Bridge({("fr", "en"): WordTable("fr", "en", 1, {"les": ()})})
    assert guess("les", stop, among=["fr", "en"]) == "fr"


def test_a_word_said_often_counts_once_and_only_the_first_words_are_looked_at() -> None:
    assert told("bord " * 9 + "gnu") is None
    assert told("tableau de bord " + " ".join(f"gnu{i}" for i in range(60))) is None
    fillers = " ".join(["supprimer", "imprimer", "ouvrir", "carte", "rapport", "mois"])
    assert told(fillers + " " + "x" * 100_000) == "fr"


@untimed
@given(st.text(max_size=60), st.lists(st.sampled_from(LANGUAGES)))
def test_no_text_breaks_it_and_an_answer_is_one_of_those_asked_for(
    text: str, among: list[str]
) -> None:
    found = guess(text, bridge(), among=among)

    assert found is None or found in among
    assert guess(text, bridge(), among=[*reversed(among)]) == found


@untimed
@given(st.sampled_from(LANGUAGES), st.data())
def test_words_that_one_language_alone_has_are_told_in_any_order(
    language: str, data: st.DataObject
) -> None:
    tables = {
        (own, "xx"): WordTable(
            own, "xx", 1, {f"{own}{i}": (Sense("x", 1.0),) for i in range(9)}
        )
        for own in LANGUAGES
    }
    said = data.draw(
        st.lists(st.integers(0, 8), min_size=1).map(
            lambda numbers: [f"{language}{i}" for i in numbers]
        )
    )

    assert guess(" ".join(said), Bridge(tables), among=LANGUAGES) == language
