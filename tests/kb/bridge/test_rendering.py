"""Questions carried into another language: what changes, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge import Bridge, Sense, WordTable
from kb.bridge.rendering import (
    MAX_RENDERED_CHARS,
    Meant,
    Rendering,
    likeliest,
    render,
    renderings,
)
from kb.question import Question
from kb.words import identifiers, words
from tests.kb.bridge.parallel import LANGUAGES, bridge, table

# A busy machine is no failure.
untimed = settings(deadline=None)
FR_EN = table("fr", "en")
# Everything that stands in codes, versions and paths is a known word here.
KNOWING = WordTable(
    "en",
    "fr",
    1,
    {
        word: (Sense(f"{word}x", 1.0),)
        for word in ("api", "data", "element", "users", "2", "40", "1", "help", "use")
    },
    {"2 40": (Sense("deux", 1.0),)},
)


def said(text: str, into: WordTable = FR_EN) -> str:
    return likeliest(render(text, into))


# -- words -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("supprimer la carte", "delete map"),
        ("SUPPRIMER LA CARTE", "delete map"),
        ("Importer les donne\u0301es", "import the data"),
        ("importer les donnees", "import the data"),
        # Glued by whoever is in a hurry.
        ("bonjour,supprimer le rapport?merci", "bonjour delete the report merci"),
        ("Importer les données.Supprimer la carte", "import the data delete map"),
        ("Importer les données…Supprimer?", "import the data delete"),
        ("«données»/(rapport)", "data report"),
        # Words of nobody, of a third language, and names.
        ("supprimer mon zèbre", "delete mon zebre"),
        ("please delete le rapport", "please delete the report"),
        ("supprimer das Gerät DHIS2", "delete das gerat DHIS2"),
        ("احذف le rapport", "احذف the report"),
        ("", ""),
        ("?!…", ""),
        ("la", ""),
    ],
)
def test_known_words_are_carried_and_unknown_ones_stay(
    text: str, expected: str
) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("احذف لوحة المعلومات", "delete the dashboard"),
        ("كيف احذف التقرير؟", "كيف delete report"),
        ("\u202bاحذف التقرير\u202c", "delete report"),
    ],
)
def test_text_from_right_to_left_is_carried_in_its_own_order(
    text: str, expected: str
) -> None:
    assert said(text, table("ar", "en")) == expected


@pytest.mark.parametrize(
    "code",
    [
        "2.40",
        "v2.40.1",
        "/api/users",
        "/api/data.element",
        "https://example.org/api/users",
        "data_element",
        "use_data.element",
        "E1063",
        "NullPointerException",
        "org.example.data",
    ],
)
def test_codes_paths_versions_and_names_of_code_stay_though_their_parts_are_known(
    code: str,
) -> None:
    found = render(f"help {code}, data", KNOWING)

    first, kept, last = found
    assert (first.senses[0].text, last.senses[0].text) == ("helpx", "datax")
    assert kept.senses[0].text.rstrip(",") == code
    assert not kept.known
    assert identifiers(likeliest(found)) == identifiers(code)


def test_what_means_something_else_has_all_its_senses_and_its_words() -> None:
    found = render("bord zèbre la", FR_EN)

    bord = FR_EN.senses("bord")
    assert found == (
        Meant(("bord",), bord or ()),
        Meant(("zebre",), (Sense("zebre", 1.0),), known=False),
        Meant(("la",), ()),
    )
    assert [sense.text for sense in bord or ()] == ["dashboard", "edge"]


def test_the_longest_term_goes_first_and_none_crosses_a_code() -> None:
    some = WordTable(
        "fr",
        "en",
        1,
        {"a": (Sense("1", 1.0),), "b": (Sense("2", 1.0),), "c": (Sense("3", 1.0),)},
        {"a b": (Sense("12", 1.0),), "a b c": (Sense("123", 1.0),)},
    )

    assert said("a b c a b a c b", some) == "123 12 1 3 2"
    assert said("a b x_y c", some) == "12 x_y 3"
    assert said("a x_y b", some) == "1 x_y 2"


@untimed
@given(st.text(max_size=200), st.sampled_from(sorted(bridge().tables)))
def test_no_text_breaks_it_and_each_word_is_carried_once(
    text: str, languages: tuple[str, str]
) -> None:
    found = render(text, table(*languages))

    assert [word for each in found for word in each.said] == words(text)
    assert all(each.senses for each in found if not each.known)


@untimed
@given(st.text(max_size=200))
def test_a_table_that_knows_nothing_leaves_the_words_as_they_are(text: str) -> None:
    found = render(text, WordTable("fr", "en"))

    assert words(likeliest(found)) == words(text)
    assert not any(each.known for each in found)


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 100_000,
        "a." * 50_000,
        "/" * 100_000,
        "\0\x01\x1b[31m" * 1_000,
        "\ud800\udfff",
        "é" * 100_000,
        "\u0301" * 100_000,
    ],
)
def test_hostile_text_says_nothing_and_hides_nothing(hostile: str) -> None:
    found = said(f"supprimer {hostile} rapport")
    assert found.startswith("delete")
    assert found.endswith("report")


# -- questions ---------------------------------------------------------------------


def carried(question: Question, *spoken: str) -> dict[str, tuple[str, str]]:
    return {
        each.language: (each.title_text, each.text)
        for each in renderings(question, bridge(), spoken)
    }


def test_a_question_is_carried_into_each_language_that_is_spoken_and_led_to() -> None:
    question = Question("Delete a map", "Print the report", language="en")

    assert carried(question, *LANGUAGES, "de") == {
        "ar": ("احذف الخريطة", "احذف الخريطة\nاطبع التقرير"),
        "es": ("eliminar un mapa", "eliminar un mapa\nimprimir el informe"),
        "fr": ("supprimer un carte", "supprimer un carte\nimprimer le rapport"),
        "pt": ("apagar um mapa", "apagar um mapa\nimprimir o relatório"),
    }
    assert [*carried(question, "pt", "es", "es", "en")] == ["es", "pt"]
    assert carried(question) == {}


@pytest.mark.parametrize("language", [None, "", "und", "de", "xx"])
def test_a_question_in_an_unknown_or_another_language_is_asked_as_it_is(
    language: str | None,
) -> None:
    assert carried(Question("Delete", "", language=language), *LANGUAGES) == {}


def test_a_region_says_which_language_it_is() -> None:
    question = Question("Apagar o mapa", "", language="pt_BR")
    assert carried(question, "en", "pt") == {"en": ("delete the map",) * 2}


def test_a_question_without_headline_or_text_is_carried_without() -> None:
    bare = Question("", "Supprimer la carte", language="fr")
    nothing = Question("La", "l'", language="fr")

    assert carried(bare, "en") == {"en": ("", "delete map")}
    assert carried(nothing, "en") == {"en": ("", "")}


def test_of_an_endless_question_the_beginning_is_carried() -> None:
    text = "carte " * 50_000

    (found,) = renderings(Question("", text, language="fr"), bridge(), ["en"])

    assert len(found.body) <= MAX_RENDERED_CHARS / 6 + 1
    # The last may be a part of a word.
    assert set(found.text.split()[:-1]) == {"map"}


def test_without_a_bridge_nothing_is_carried() -> None:
    question = Question("Supprimer", "", language="fr")
    assert renderings(question, Bridge(), ["en"]) == ()


def test_two_renderings_are_never_the_same_to_what_remembers_by_them() -> None:
    one, other = (Rendering("en", (), ()) for _ in range(2))
    assert one != other
    assert len({one, other}) == 2
