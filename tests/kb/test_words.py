"""Words, stems and identifiers: what is indexed, and what finds it again."""

from __future__ import annotations

import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.words import STEMMERS, identifiers, spans, stemmed, variants, words


@pytest.mark.parametrize(
    ("indexed", "language", "asked"),
    [
        ("Données", "fr", "donnees"),
        ("donnees", "fr", "Données"),
        ("Configurações", "pt", "configuração"),
        ("sessoes", "pt", "sessão"),
        ("utilisées", "fr", "utiliser"),
        ("contraseñas", "es", "contrasena"),
        ("Importing", "en", "imports"),
        ("Straße", "de", "strasse"),
        ("الجزائر", "ar", "الجزائر"),
        ("reports", None, "reports"),
        ("cafe\u0301", "fr", "café"),
        ("ﬁle", "en", "files"),
        ("Relatórios", "pt_BR", "relatorio"),
    ],
)
def test_a_word_is_found_however_it_is_accented_cased_or_inflected(
    indexed: str, language: str | None, asked: str
) -> None:
    (word,) = words(asked)
    assert stemmed(indexed, language) in variants(word)


def test_unstemmed_languages_keep_their_endings() -> None:
    assert stemmed("Die Daten importieren", "de") == "die daten importieren"
    assert stemmed("importing data", None) == "importing data"


@pytest.mark.parametrize("text", ["", " ", "?!… — «»", "👍🏽 🎉", "\0\0", "\ud800"])
def test_text_without_a_word_yields_none(text: str) -> None:
    assert words(text) == []
    assert stemmed(text, "en") == ""
    assert identifiers(text) == ()


@given(st.text(), st.sampled_from([*STEMMERS, None]))
def test_every_indexed_word_is_among_the_variants_of_a_word(
    text: str, language: str | None
) -> None:
    """The law that makes words of a passage findable by the words of a question."""
    known = {form for word in words(text) for form in variants(word)}
    assert set(stemmed(text, language).split()) <= known


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Error E1063: see log", ("e1063",)),
        ("on 2.40.1, not v2.39", ("2.40.1", "2.39")),
        ("GET /api/analytics?dimension=dx fails", ("/api/analytics",)),
        ("GET /api/analytics.", ("/api/analytics",)),
        ("https://play.example.org/api/me/ is slow", ("/api/me",)),
        ("`slicer.util.loadVolume()` returns", ("slicer.util.loadvolume",)),
        ("a NullPointerException.", ("nullpointerexception",)),
        ("vtkMRMLNode and dataElement_id", ("vtkmrmlnode", "dataelement_id")),
        ("set DHIS2_HOME, please", ("dhis2_home",)),
        ("E1063 e1063 E1063", ("e1063",)),
        ("Plain words and/or prose, e.g. this one. Done", ()),
        ("at 12:30 I paid 100", ()),
    ],
)
def test_codes_versions_paths_and_names_are_kept_whole(
    text: str, expected: tuple[str, ...]
) -> None:
    assert identifiers(text) == expected


def test_a_passage_also_stands_for_the_beginnings_of_its_versions_and_paths() -> None:
    assert identifiers("/api/tracker/events/x on 2.40.1", prefixes=True) == (
        "/api/tracker/events/x",
        "/api/tracker/events",
        "/api/tracker",
        "2.40.1",
        "2.40",
    )


def test_identifiers_of_a_log_are_bounded() -> None:
    log = " ".join(f"E{number}" for number in range(20_000))
    assert len(identifiers(log)) == 5_000


@given(st.text())
def test_identifiers_of_any_text_are_single_tokens_of_bounded_length(
    text: str,
) -> None:
    for identifier in identifiers(text, prefixes=True):
        assert identifier.split() == [identifier]
        # Folding case may lengthen a letter: ß becomes ss.
        assert len(identifier) <= 600


def test_words_may_be_sought_from_many_threads_at_once() -> None:
    wrong: list[str] = []

    def work() -> None:
        for number in range(300):
            if words(f"Größe {number}") != ["grosse", str(number)]:
                wrong.append(str(number))
            variants(f"importing{number}")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


# -- words as they are written -----------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L’unité d'une", [("l", "L"), ("unite", "unité"), ("d", "d"), ("une", "une")]),
        ("donne\u0301es ﬁn", [("donnees", "données"), ("fin", "fin")]),
        ("x_y 2.40", [("x", "x"), ("y", "y"), ("2", "2"), ("40", "40")]),
        # To the tokenizer vowel signs are letters.
        ("भाषा, சேவை", [("भाषा", "भाषा"), ("சேவை", "சேவை")]),
        ("مُحَمَّد", [("مُحَمَّد", "مُحَمَّد")]),
        ("a" * 65, []),
        ("\ud800…", []),
    ],
)
def test_words_come_with_how_they_are_written(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert spans(text) == expected


@given(st.text())
def test_words_with_how_they_are_written_are_the_words_of_a_text(text: str) -> None:
    found = spans(text)

    assert [word for word, _ in found] == words(text)
    plain = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode())
    place = 0
    for _, written in found:
        place = plain.index(written, place) + len(written)
