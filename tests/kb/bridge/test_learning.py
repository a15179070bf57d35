"""What is learned from parallel texts, and what is not."""

from __future__ import annotations

import random
import string
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge import Bridge, WordTable, learning
from kb.bridge.learning import learn_bridge
from kb.bridge.rendering import likeliest, render
from kb.bridge.table import LEAST_PROBABILITY, MAX_SENSES
from kb.words import words
from tests.kb.bridge.parallel import LANGUAGES, bridge, table, texts

# A busy machine is no failure.
untimed = settings(deadline=None, max_examples=30)
FR_EN, EN_FR = texts("fr", "en"), texts("en", "fr")
VERBS = [
    ("ouvrir", "open"),
    ("fermer", "close"),
    ("lire", "read"),
    ("garder", "keep"),
    ("imprimer", "print"),
    ("chercher", "find"),
]
WRITTEN = st.text("abcdé' ", max_size=20)
PAIRS = st.lists(st.tuples(WRITTEN, WRITTEN), max_size=12)


def learned(*pairs: tuple[str, str]) -> Bridge:
    return learn_bridge({("fr", "en"): pairs})


def there(*pairs: tuple[str, str]) -> WordTable:
    found = learned(*pairs).table("fr", "en")
    assert found is not None
    return found


def meant(word: str, found: WordTable | None = None) -> dict[str, float] | None:
    senses = (found or table("fr", "en")).senses(word)
    return None if senses is None else {s.text: s.probability for s in senses}


# -- words -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "word", "expected"),
    [
        ("fr", "en", "supprimer", "delete"),
        ("en", "fr", "delete", "supprimer"),
        ("es", "en", "informe", "report"),
        ("en", "es", "report", "informe"),
        ("pt", "en", "relatorio", "report"),
        ("en", "pt", "report", "relatório"),
        ("ar", "en", "البيانات", "data"),
        ("en", "ar", "data", "البيانات"),
    ],
)
def test_a_word_is_told_from_those_that_stand_beside_it_both_ways(
    source: str, target: str, word: str, expected: str
) -> None:
    senses = table(source, target).senses(word)

    assert senses is not None
    assert [sense.text for sense in senses] == [expected]


def test_every_two_languages_with_texts_get_tables_both_ways_and_no_others() -> None:
    pairs = {("en", "fr"), ("en", "es"), ("en", "pt"), ("en", "ar")}

    assert {*bridge().tables} == pairs | {(b, a) for a, b in pairs}
    assert bridge().sources == frozenset(LANGUAGES)
    assert bridge().targets("en") == {"ar", "es", "fr", "pt"}
    assert bridge().targets("fr") == {"en"}
    for (source, target), found in bridge().tables.items():
        assert (found.source, found.target) == (source, target)
        # "Unidade de medida" is one text, however often it stands there.
        assert found.texts == len(
            set(texts("en", target if source == "en" else source))
        )


def test_codes_of_one_language_make_one_table_under_the_shortest() -> None:
    both = learn_bridge(
        {
            ("en", "fra"): EN_FR[::2],
            ("fr", "en"): FR_EN[1::2],
            ("fr", "fra"): [("carte", "map")],
            ("en", "und"): [("map", "carte")],
        }
    )

    assert {*both.tables} == {("en", "fr"), ("fr", "en")}
    assert both.tables == learn_bridge({("en", "fr"): EN_FR}).tables


def test_accents_case_plural_and_typographic_signs_find_the_same_word() -> None:
    for written in ("données", "donnees", "DONNÉES", "donne\u0301es", "Donnée"):
        (word,) = words(written)
        assert meant(word) == {"data": 1.0}, written
    assert meant("cartes") == meant("carte") == {"map": 1.0}
    assert meant("supprime") == {"delete": 1.0}


def test_an_article_means_nothing_by_itself_and_that_is_known() -> None:
    found = table("fr", "en")

    assert meant("la") == meant("l") == {}
    assert found.knows("la")
    assert not found.knows("zebre")


def test_a_word_of_every_text_is_not_what_every_word_means() -> None:
    """Else a question would be carried into stop words."""
    rng = random.Random(3)
    syllables = ["ba", "co", "du", "fi", "ge", "lu"]
    names = [a + b + c for a in syllables for b in syllables for c in syllables]
    rng.shuffle(names)
    nouns, translations = names[:40], [f"{name}x" for name in names[40:80]]
    both = [
        (f"{nouns[i]} de la {nouns[j]}", f"the {translations[j]} of {translations[i]}")
        for i, j in (rng.sample(range(40), 2) for _ in range(200))
    ]

    found = there(*both)

    for noun, translation in zip(nouns, translations, strict=True):
        assert max(meant(noun, found) or {"": 0}) == translation
    stop = Counter(
        sense.text
        for word, senses in found.words.items()
        if word in nouns
        for sense in senses
        if sense.text in {"the", "of"}
    )
    assert not stop


def test_a_form_with_a_meaning_of_its_own_is_kept_apart_from_its_stem() -> None:
    """The stems of both are the same."""
    both = [
        *((f"{verb} note", f"{to} grade") for verb, to in VERBS),
        *((f"{verb} notes", f"{to} remarks") for verb, to in VERBS),
    ]

    found = there(*both)

    assert likeliest(render("note", found)) == "grade"
    assert likeliest(render("notes", found)) == "remarks"


def test_probabilities_of_senses_are_shares_the_likeliest_first() -> None:
    for found in bridge().tables.values():
        for senses in (*found.words.values(), *found.terms.values()):
            assert len(senses) <= MAX_SENSES
            assert all(LEAST_PROBABILITY <= sense.probability <= 1 for sense in senses)
            assert sum(sense.probability for sense in senses) <= 1.002
            ordered = [sense.probability for sense in senses]
            assert ordered == sorted(ordered, reverse=True)


def test_words_are_learned_as_they_are_sought_in_scripts_with_vowel_signs() -> None:
    nouns = {"डेटा": "data", "मानचित्र": "map", "रिपोर्ट": "report"}
    verbs = {"खोलें": "open", "हटाएं": "delete", "छापें": "print"}
    both = [(f"{n} {v}", f"{verbs[v]} {nouns[n]}") for n in nouns for v in verbs]

    found = learn_bridge({("hi", "en"): both}).table("hi", "en")

    assert found is not None
    assert likeliest(render("मानचित्र हटाएं", found)) == "map delete"


# -- terms -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("fr", "en", "tableau de bord", "dashboard"),
        ("fr", "en", "TABLEAUX DE BORD", "dashboard"),
        ("fr", "en", "l'unité d'organisation", "organisation unit"),
        ("fr", "en", "l’unité d’organisation", "organisation unit"),
        ("en", "fr", "the dashboard", "le tableau de bord"),
        ("en", "fr", "organisation units", "l unité d organisation"),
        ("es", "en", "la unidad organizativa", "organisation unit"),
        ("pt", "en", "a unidade organizacional", "organisation unit"),
        ("ar", "en", "الوحدة التنظيمية", "organisation unit"),
        # By themselves the words of a term mean what they mean.
        ("fr", "en", "supprimer l'unité", "delete unit"),
        ("fr", "en", "le bord de la carte", "the dashboard of the map"),
    ],
)
def test_terms_go_before_words(
    source: str, target: str, text: str, expected: str
) -> None:
    assert likeliest(render(text, table(source, target))) == expected


def test_what_its_words_mean_one_by_one_is_no_term() -> None:
    found = table("fr", "en")

    assert found.term(words("supprimer la carte")) is None
    assert found.term(words("ouvrir")) is None
    assert found.longest == 4


@pytest.mark.parametrize(
    ("target", "said", "expected"),
    [
        ("fr", "dashboard", "tableau de bord"),
        ("fr", "print dashboards", "imprimer tableau de bord"),
        ("es", "dashboard", "tablero"),
        # An article is no part of what a word means.
        ("fr", "map", "carte"),
    ],
)
def test_a_word_means_several_where_it_takes_these_to_say_it(
    target: str, said: str, expected: str
) -> None:
    assert likeliest(render(said, table("en", target))) == expected


def test_a_term_must_be_met_twice() -> None:
    once = [pair for pair in FR_EN if "de bord" not in pair[0]]
    one, two = [p for p in FR_EN if p[0].endswith("le tableau de bord")][:2]

    assert there(*once, one).term(words("tableau de bord")) is None
    assert there(*once, one, two).term(words("tableau de bord")) is not None


# -- what is not learned from ------------------------------------------------------


@pytest.mark.parametrize(
    "useless",
    [
        ("", ""),
        ("", "Nothing"),
        ("Rien", ""),
        ("…!?", "Nothing"),
        ("Import CSV", "Import CSV"),
        ("Import CSV", "IMPORT csv"),
        ("mot " * (learning.MAX_WORDS + 1), "word"),
        ("mot", "word " * (learning.MAX_WORDS + 1)),
        ("mot " * 100_000, "word " * 100_000),
    ],
)
def test_untranslated_empty_and_overlong_texts_teach_nothing(
    useless: tuple[str, str],
) -> None:
    assert learned(useless) == Bridge()
    assert learned(useless, *FR_EN) == learned(*FR_EN)


def test_texts_of_the_greatest_length_are_learned_from() -> None:
    longest = "mot " * learning.MAX_WORDS, "word"
    assert there(longest).texts == 1


def test_nothing_to_learn_from_makes_an_empty_bridge() -> None:
    assert learn_bridge({}) == Bridge()
    assert learn_bridge({("fr", "en"): []}) == Bridge()


def test_untranslated_strings_do_not_teach_that_words_mean_themselves() -> None:
    names = [(f"Rapport {a}", f"Report {a}") for a in ("mensuel", "annuel")]
    found = there(*FR_EN, *names, *[(f"Carte {i}", f"carte {i}") for i in range(9)])

    assert meant("carte", found) == {"map": 1.0}


# -- order, and how much -----------------------------------------------------------


def test_texts_in_any_order_and_repeated_make_the_same_file(tmp_path: Path) -> None:
    shuffled = [*FR_EN, *FR_EN[:7]]
    random.Random(8).shuffle(shuffled)

    learned(*FR_EN).save(tmp_path / "one")
    learned(*shuffled).save(tmp_path / "other")
    learn_bridge({("fr", "en"): iter(shuffled)}).save(tmp_path / "lazy")

    one = (tmp_path / "one").read_bytes()
    assert one == (tmp_path / "other").read_bytes() == (tmp_path / "lazy").read_bytes()


@untimed
@given(PAIRS, st.randoms(use_true_random=False))
def test_no_texts_break_it_and_their_order_never_counts(
    pairs: list[tuple[str, str]], rng: random.Random
) -> None:
    shuffled = rng.sample(pairs, len(pairs))

    found = learned(*pairs)

    assert found == learned(*shuffled)
    for (source, target), each in found.tables.items():
        assert {source, target} == {"fr", "en"}
        side = 0 if source == "fr" else 1
        known = {w for pair in pairs for w in words(pair[side])}
        assert {w for written in each.words for w in words(written)} <= known


def test_what_is_too_much_is_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not cut off in the middle of the alphabet, nor at long texts."""
    both = [
        (f"{letter}o{n:02} " * length, f"{letter}i{n:02} " * length)
        for letter in string.ascii_lowercase
        for n in range(20)
        for length in (1, 4)
    ]
    places = sum(len(a.split()) * len(b.split()) for a, b in both)
    monkeypatch.setattr(learning, "MAX_PLACES", places // 4)

    found = there(*both)

    letters = Counter(word[0] for word in found.words)
    assert set(letters) == set(string.ascii_lowercase)
    assert max(letters.values()) <= min(letters.values()) + 3
    assert len(both) // 8 < found.texts < len(both) // 2


def test_as_much_as_is_allowed_is_all_used(monkeypatch: pytest.MonkeyPatch) -> None:
    places = sum(len(words(a)) * len(words(b)) for a, b in set(FR_EN))
    monkeypatch.setattr(learning, "MAX_PLACES", places)

    assert there(*FR_EN).texts == len(set(FR_EN))


def test_progress_is_told_before_each_two_languages() -> None:
    told: list[tuple[tuple[str, str], int, int]] = []

    learn_bridge(
        {("fr", "en"): FR_EN[:3], ("en", "es"): []},
        progress=lambda *step: told.append(step),
    )

    assert told == [(("en", "es"), 0, 2), (("fr", "en"), 1, 2)]
