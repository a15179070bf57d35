"""The bridge on a community's real translations; skipped where these are absent."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict

import pytest

from indexer.terms.wording import words_of
from kb.bridge import Bridge, shipped_bridge
from kb.bridge.learning import learn_bridge
from kb.bridge.rendering import likeliest, render
from kb.tongues import primary
from tests.conftest import shared_path


@pytest.fixture(scope="module")
def learned() -> Bridge:
    texts: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    path = shared_path("dhis2/terms.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            pair = words_of(row["en"]), words_of(row["text"])
            texts["en", primary(row["lang"])].append(pair)
    return learn_bridge(texts)


CARRIED = [
    ("fr", "unité d'organisation", "organisation unit"),
    ("fr", "UNITES D’ORGANISATION", "organisation unit"),
    ("fr", "tableau de bord", "dashboard"),
    ("fr", "donnees", "data"),
    ("es", "unidad organizativa", "organisation unit"),
    ("es", "contraseña", "password"),
    ("es", "contrasena", "password"),
    ("pt", "entidade rastreada", "tracked entity"),
    ("pt", "senha", "password"),
    ("ar", "البيانات", "data"),
]


@pytest.mark.parametrize(("language", "text", "english"), CARRIED)
def test_what_a_community_translated_is_understood(
    learned: Bridge, language: str, text: str, english: str
) -> None:
    table = learned.table(language, "en")

    assert table is not None
    assert likeliest(render(text, table)) == english


@pytest.mark.parametrize(
    ("language", "text", "english"), [row for row in CARRIED if row[0] != "ar"]
)
def test_a_first_run_understands_it_too(language: str, text: str, english: str) -> None:
    table = shipped_bridge().table(language, "en")

    assert table is not None
    assert likeliest(render(text, table)) == english


@pytest.mark.parametrize("language", ["fr", "es", "pt"])
def test_both_ways_lead_between_all_languages_that_are_shipped(language: str) -> None:
    others = {"en", "fr", "es", "pt"} - {language}

    assert shipped_bridge().targets(language) == others
    for other in others:
        table = shipped_bridge().table(language, other)
        assert table is not None
        assert len(table.words) > 1_000
        assert table.longest > 1


def test_words_without_a_meaning_of_their_own_have_none(learned: Bridge) -> None:
    table = learned.table("fr", "en")

    assert table is not None
    assert [table.senses(word) for word in ("de", "la", "d", "l")] == [()] * 4
    # However often a word stands in a text, it does not mean all that stands there.
    assert max(len(senses) for senses in table.words.values()) <= 4
