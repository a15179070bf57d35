"""What is marked in a passage, and which part of it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.instant.highlight import highlights, snippet
from kb.instant.records import Span
from kb.words import STEMMERS, identifiers, is_stopword, stem, words


def marked(text: str, spans: tuple[Span, ...]) -> list[str]:
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        (
            "import data",
            "To import the Data, see IMPORT.",
            ["import", "Data", "IMPORT"],
        ),
        ("donnees", "Les données, la donnée", ["données", "donnée"]),
        ("données", "Les donnees de 2024", ["donnees"]),
        ("configurações", "a configuração", ["configuração"]),
        ("die", "He is dying", ["dying"]),
        ("ids", "One id, two IDs", ["id", "IDs"]),
        (
            "organisation",
            "l’organisation d'organisations",
            ["organisation", "organisations"],
        ),
        ("mail", "e-mail", ["mail"]),
        ("element", "data_element dataElement", ["element"]),
        ("r", "R is not RStudio, nor rs", ["R"]),
        ("data", "database", []),
        # One sign stands for several, or several for one.
        ("file", "The ﬁle: ｆｉｌｅ", ["ﬁle", "ｆｉｌｅ"]),
        ("cafe", "un cafe\u0301, un café", ["cafe\u0301", "café"]),
        ("strasse", "Die Straße", ["Straße"]),
        ("oeuvre", "Une œuvre, un chef-d'Œuvre", ["œuvre", "Œuvre"]),
        ("soeur", "ma sœur", ["sœur"]),
        ("no", "Ficha nº 5", ["nº"]),
        ("half 2", "½ and 2", ["½", "2"]),
        ("istanbul", "i\u0307stanbul istanbul", ["istanbul"]),
        # Other scripts; in some a run of letters is several words.
        ("данные", "Импорт: данные!", ["данные"]),
        ("हिन्दी", "यह हिन्दी है", ["हिन्दी"]),
        ("الجزائر", "في الجزائر (2024)", ["الجزائر"]),
        ("한국", "한국", ["한국"]),
        (
            "한국",
            "\u1112\u1161\u11ab\u1100\u116e\u11a8 x",
            ["\u1112\u1161\u11ab\u1100\u116e\u11a8"],
        ),
        # What is no letter parts words, and shifts nothing.
        ("data", "👍🏽 data → data… “data”™", ["data"] * 3),
        ("data", "❤️data\0data\ud800data\u202edata", ["data"] * 4),
        ("data", "數 data", ["data"]),
        ("data", "", []),
        ("", "data", []),
        ("data", "data" * 100, []),
    ],
)
def test_words_are_marked_whatever_their_case_accents_and_endings(
    query: str, text: str, expected: list[str]
) -> None:
    assert marked(text, highlights(text, words(query))) == expected


def test_stems_are_those_of_the_languages_that_are_named() -> None:
    text = "importing, importaciones"
    for languages, expected in (
        (["en-GB"], ["importing"]),
        (["es", "de"], ["importaciones"]),
        (["es", "en"], ["importing", "importaciones"]),
    ):
        found = highlights(text, ["importar", "imports"], (), (), languages)
        assert marked(text, found) == expected
    assert highlights(text, ["imports"], languages=["de"]) == ()
    assert highlights("The imports", ["imports"], languages=["de"]) == ((4, 11),)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("the data of it", ["data"]),
        ("the of", ["The", "of", "the"]),
        ("unknown the", []),
    ],
)
def test_words_of_grammar_are_marked_when_there_are_no_others(
    query: str, expected: list[str]
) -> None:
    text = "The import of the data"
    assert marked(text, highlights(text, words(query))) == expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("im", ["import", "Importers", "impôt"]),
        ("IMPÔ", ["import", "Importers", "impôt"]),
        ("importe", ["Importers"]),
        ("i", []),
        # A word of grammar that may become another.
        ("de", ["default"]),
        ("", []),
    ],
)
def test_an_unfinished_word_marks_those_that_it_begins(
    prefix: str, expected: list[str]
) -> None:
    text = "An import of Importers: impôt de default, i"
    assert marked(text, highlights(text, ["other"], prefix=prefix)) == expected


def test_a_finished_word_is_marked_in_other_forms_though_it_may_go_on() -> None:
    text = "configuration configurations"
    found = highlights(
        text, ["configurations"], (), (), ["en"], prefix="configurations"
    )
    assert marked(text, found) == ["configuration", "configurations"]


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("date of birth", "The Date  of\nBIRTH", ["Date  of\nBIRTH"]),
        ("donnees agregees", "les Données, agrégées", ["Données, agrégées"]),
        ("date of birth", "date of births, of birth", []),
        ("a b", "a a b a b", ["a b", "a b"]),
        ("data", "data data", ["data", "data"]),
        ("ﬁn", "fin", ["fin"]),
        ("?!", "?!", []),
        ("1 2 3", "½ 3", ["½ 3"]),
        ("हिन्दी है", "यह हिन्दी है", ["हिन्दी है"]),
        ("end of", "the end o", []),
        # What nobody seeks is no word.
        ("a b", f"a {'x' * 99} b", [f"a {'x' * 99} b"]),
    ],
)
def test_a_phrase_is_marked_as_one(phrase: str, text: str, expected: list[str]) -> None:
    assert marked(text, highlights(text, [], [phrase])) == expected


@pytest.mark.parametrize(
    ("typed", "text", "expected"),
    [
        ("E1063", "error e1063: E10634", ["e1063"]),
        ("2.40", "v2.40, 2.40.1, 12.40, 1.2.40, 2-40, 2.401", ["v2.40", "2.40"]),
        (
            "/api/analytics.json",
            "GET http://x/API/analytics.json?a",
            ["/API/analytics.json"],
        ),
        ("/api/me", "api/me api.me", ["api/me"]),
        (
            "org.hisp.dhis.DataValue",
            "at org.hisp.dhis.datavalue(x)",
            ["org.hisp.dhis.datavalue"],
        ),
        ("data_element", "data element, data_element", ["data_element"]),
        ("código_1", "Código_1", ["Código_1"]),
    ],
)
def test_an_identifier_is_marked_whole_and_only_as_it_is_written(
    typed: str, text: str, expected: list[str]
) -> None:
    (identifier,) = identifiers(typed)
    assert marked(text, highlights(text, [], (), [identifier])) == expected


def test_numbers_of_a_version_are_not_marked_apart() -> None:
    text = "Step 2 of 40: tracker 2.40"
    found = highlights(text, ["2", "40", "tracker"], (), ["2.40"])
    assert marked(text, found) == ["tracker", "2.40"]


def test_what_overlaps_is_marked_once_the_longest_first() -> None:
    text = "import data element now"
    found = highlights(
        text, ["import", "data", "now"], ["data", "data element", "element now"]
    )
    assert marked(text, found) == ["import", "data element", "now"]


def test_an_empty_identifier_is_none() -> None:
    assert highlights("any text", [], [""], [""], prefix="") == ()


SOUGHT = [
    "data",
    "imports",
    "donnees",
    "r",
    "2",
    "oeuvre",
    "the",
    "configuracoes",
    "дата",
]
LETTERS = st.characters(categories=["L", "N", "M", "P", "Z", "Sk", "Sm"])
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [*SOUGHT, "Données", "ﬁle", "œuvre", "dat", "½", "e\u0301", "’"]
        ),
        st.sampled_from(" \n-._ÀéßÆ²ªµ"),
        LETTERS,
    ),
    max_size=40,
).map("".join)


def is_meant(word: str, languages: tuple[str, ...], prefix: str) -> bool:
    if word in SOUGHT and not is_stopword(word):
        return True
    if is_stopword(word):
        return False
    return (bool(prefix) and word.startswith(prefix)) or any(
        stem(word, language) == stem(other, language) and len(stem(word, language)) > 1
        for language in languages
        for other in SOUGHT
        if not is_stopword(other)
    )


@given(
    TEXTS,
    st.sampled_from([(), ("en",), ("fr", "pt"), ("de",)]),
    st.sampled_from(["", "im"]),
)
def test_each_place_is_a_word_that_is_meant_and_each_such_word_has_a_place(
    text: str, languages: tuple[str, ...], prefix: str
) -> None:
    """The quick search by first letters finds what taking all words apart does."""
    found = highlights(text, SOUGHT, languages=languages, prefix=prefix)
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in found)

    stemmers = languages or tuple(STEMMERS)
    said = [
        [word for word in words(each) if is_meant(word, stemmers, prefix)]
        for each in marked(text, found)
    ]
    assert all(said)
    assert [word for some in said for word in some] == [
        word for word in words(text) if is_meant(word, stemmers, prefix)
    ]


@given(st.text(), st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_any_text_can_be_marked_with_anything(
    text: str, phrases: list[str], codes: list[str]
) -> None:
    found = highlights(text, words(text)[:3], phrases, codes, prefix=text[:5])
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in found)


@given(TEXTS)
def test_a_phrase_is_found_in_itself(phrase: str) -> None:
    """From its first word to its last."""
    said = words(phrase)
    found = highlights(f"{phrase} other", [], [phrase])
    assert [words(each) for each in marked(phrase, found)] == ([said] if said else [])


TEXT = (
    "Open the app. Choose a period and an organisation unit. Then import the data: "
    "the file must have a header. Ask your administrator for help."
)


@pytest.mark.parametrize(
    ("sought", "max_chars", "expected", "shown"),
    [
        (
            ["import", "file"],
            80,
            "…Then import the data: the file must have a header. Ask your administrator"
            " for…",
            ["import", "file"],
        ),
        (["open"], 30, "Open the app. Choose a…", ["Open"]),
        (["help"], 30, "…your administrator for help.", ["help"]),
        ([], 30, "Open the app. Choose a…", []),
        (["administrator"], 10, "…administ…", ["administ"]),
        (["the"], 30, "…the data: the file must have…", ["the", "the"]),
        (["period"], 1000, TEXT, ["period"]),
    ],
)
def test_the_part_that_says_most_is_shown(
    sought: list[str], max_chars: int, expected: str, shown: list[str]
) -> None:
    part, spans = snippet(TEXT, highlights(TEXT, sought), max_chars)
    assert (part, marked(part, spans)) == (expected, shown)


def test_different_words_are_worth_more_than_one_repeated() -> None:
    text = "data data data data. " + "nothing here " * 10 + "import data."
    part, spans = snippet(text, highlights(text, ["import", "data"]), 40)
    assert marked(part, spans) == ["import", "data"]


def test_text_without_spaces_is_cut_anywhere_but_before_an_accent() -> None:
    assert snippet("x" * 50, (), 10) == ("x" * 8 + "…", ())
    part, _ = snippet("e\u0301" * 50, (), 9)
    assert part == "e\u0301" * 3 + "…"


@pytest.mark.parametrize("max_chars", [-1, 0, 2])
def test_a_part_has_room_for_a_letter(max_chars: int) -> None:
    with pytest.raises(ValueError, match="max_chars must be >= 3"):
        snippet(TEXT, (), max_chars)


@given(
    st.lists(
        st.sampled_from(["data", "import ", "a ", ". ", "\n", "été ", "x" * 30])
    ).map("".join),
    st.integers(3, 120),
)
def test_a_part_is_of_the_text_and_its_places_are_of_the_places(
    text: str, max_chars: int
) -> None:
    spans = highlights(text, ["import", "data", "ete"])
    part, moved = snippet(text, spans, max_chars)
    assert len(part) <= max_chars
    assert bool(moved) == bool(spans)
    assert all(0 <= start < end <= len(part) for start, end in moved)
    # Only the first or last may be cut: what is in the middle is there in full.
    assert set(marked(part, moved[1:-1])) <= set(marked(text, spans))
    shown = part.removeprefix("…").removesuffix("…")
    begins = [at for at in range(len(text) + 1) if text.startswith(shown, at)]
    assert any(at == 0 or not text[at - 1].isalnum() for at in begins)
