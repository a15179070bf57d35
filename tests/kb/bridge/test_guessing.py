"""The language of a few words, told by those that the bridge knows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge import Bridge, Sense, WordTable, shipped_bridge
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


def table(source: str, target: str, **words: str) -> WordTable:
    some = {word: (Sense(text, 1.0),) for word, text in words.items()}
    return WordTable(source, target, 1, some)


def both_ways(one: WordTable, other: WordTable) -> Bridge:
    return Bridge({(each.source, each.target): each for each in (one, other)})


def test_what_some_texts_left_untranslated_is_of_the_language_that_translates_it() -> (
    None
):
    left = both_ways(
        table("fr", "en", dashboard="dashboard", table="table", tableau="dashboard"),
        table("en", "fr", dashboard="tableau", table="table"),
    )

    assert guess("dashboard", left, among=["en", "fr"]) == "en"
    assert guess("tableau", left, among=["en", "fr"]) == "fr"
    # The same in both, it is of both.
    assert guess("table", left, among=["en", "fr"]) is None
    assert guess("table", left, among=["fr"]) == "fr"


def test_a_word_that_two_languages_share_is_not_told_by_its_plural() -> None:
    kin = both_ways(
        table("es", "pt", indicadores="indicador"),
        table("pt", "es", indicador="indicadores"),
    )

    assert guess("indicador", kin, among=["es", "pt"]) is None
    assert guess("indicadores", kin, among=["es", "pt"]) is None


def test_with_the_bridge_that_comes_along_what_people_type_first_is_told() -> None:
    shipped = shipped_bridge()
    told = {
        text: guess(text, shipped, among=shipped.sources)
        for text in (
            *("tableau de bord", "mot de passe", "dashboard", "help"),
            *("contraseña", "senha", "indicador", "configuration", "table", "dhis2"),
        )
    }

    assert told == {
        "tableau de bord": "fr",
        "mot de passe": "fr",
        "dashboard": "en",
        "help": "en",
        "contraseña": "es",
        "senha": "pt",
        "indicador": None,
        "configuration": None,
        "table": None,
        "dhis2": None,
    }
