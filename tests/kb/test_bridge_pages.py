"""Translated pages as parallel texts: what belongs together, and what is left out."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kb.bridge.lengths import align_lengths
from kb.bridge.pages import Section, page_pairs, pairs_of
from kb.store import Store
from kb.types import DocumentChange, DocumentId, PassageDraft
from tests.kb.stored import insert, page

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def section(anchor: str, heading: str, *items: str) -> Section:
    return Section(anchor, heading, list(items))


def test_sections_are_paired_by_anchor_and_their_texts_one_to_one() -> None:
    fr = [
        section("#maps", "Cartes", "Ouvrez l'application Cartes.", "Merci à tous."),
        section("#only", "Ici seulement", "Cette partie n'existe que dans une langue."),
        section("#save", "Enregistrer", "- Cliquez sur le bouton."),
    ]
    en = [
        section("#maps", "Maps", "Open the app for that.", "Thanks to all."),
        section("#save", "Save", "- Click on the button."),
        section("#new", "New", "This part is not translated."),
    ]

    assert list(pairs_of(fr, en)) == [
        ("Cartes", "Maps"),
        ("Ouvrez l'application Cartes.", "Open the app for that."),
        ("Merci à tous.", "Thanks to all."),
        ("Enregistrer", "Save"),
        ("Cliquez sur le bouton.", "Click on the button."),
    ]


def test_sections_with_other_anchors_are_paired_by_order_where_there_are_as_many() -> (
    None
):
    fr = [section("#intro", "", "Bonjour."), section("#cartes", "Cartes", "Voici.")]
    en = [section("#intro", "", "Hello."), section("#maps", "Maps", "Here you are.")]

    assert list(pairs_of(fr, en)) == [
        ("Bonjour.", "Hello."),
        ("Cartes", "Maps"),
        ("Voici.", "Here you are."),
    ]


def test_paragraphs_that_are_not_as_many_are_aligned_by_their_lengths() -> None:
    fr = section(
        "#a",
        "",
        "Choisissez la période et l'unité d'organisation dans le menu de gauche",
        "puis attendez que le formulaire de saisie soit affiché à l'écran",
        "Enregistrez vos données en cliquant sur le bouton vert en bas de la page, "
        "car elles seraient perdues si vous fermiez la fenêtre avant de le faire",
        "Fermez la fenêtre",
    )
    en = section(
        "#a",
        "",
        "Choose the period and the organisation unit in the menu on the left, then "
        "wait until the form for data entry is shown on the screen in front of you",
        "Save your data with a click on the green button at the bottom of the page, "
        "as they would be lost if you closed the window before you have done that",
        "Close the window",
    )

    found = list(pairs_of([fr], [en]))

    assert found == [
        (f"{fr.items[0]} {fr.items[1]}", en.items[0]),
        (fr.items[2], en.items[1]),
        (fr.items[3], en.items[2]),
    ]


def test_paragraphs_of_several_sentences_are_cut_where_both_have_as_many() -> None:
    fr = section("#a", "", "Ouvrez le menu. Choisissez une carte ! Merci.")
    en = section("#a", "", "Open the menu. Choose a map! Thank you.")

    assert list(pairs_of([fr], [en])) == [
        ("Ouvrez le menu.", "Open the menu."),
        ("Choisissez une carte !", "Choose a map!"),
        ("Merci.", "Thank you."),
    ]


def test_cells_of_tables_are_paired_where_rows_have_as_many() -> None:
    fr = section("#a", "", "Données | Oui | DHIS2", "Un | Deux | Trois")
    en = section("#a", "", "Data | Yes | DHIS2", "One | Two")

    assert list(pairs_of([fr], [en])) == [("Données", "Data"), ("Oui", "Yes")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Open the Data Entry app now", "Open the Data Entry app now"),
        ("Open the Data Entry app", "Open the new Data Entry app"),
        ("GET /api/users", "GET /api/me"),
        ("12", "13"),
        ("Version 12 publiée", "Version 13 published"),
        ("Court", "Something that is far too long to be what that short word says"),
        ("mot " * 600, "word " * 600),
        ("", "Something"),
    ],
)
def test_what_is_not_translated_or_cannot_be_a_translation_is_left_out(
    one: str, other: str
) -> None:
    assert list(pairs_of([section("#a", "", one)], [section("#a", "", other)])) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([], [10], []),
        ([10], [], []),
        (
            [30, 60, 90],
            [30, 60, 90],
            [((0, 1), (0, 1)), ((1, 2), (1, 2)), ((2, 3),) * 2],
        ),
        # Too little fits one to one to believe any of it.
        ([500, 10, 10], [10, 10, 500], []),
        ([10] * 201, [10] * 201, []),
    ],
)
def test_lengths_tell_what_belongs_together(
    one: Sequence[int],
    other: Sequence[int],
    expected: Sequence[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    found = [
        ((a.start, a.stop), (b.start, b.stop)) for a, b in align_lengths(one, other)
    ]

    assert found == expected


# -- from a store ------------------------------------------------------------


def put(
    store: Store,
    language: str,
    title: str,
    *texts: tuple[str, str, str],
    visibility: str = "public",
    version: str = "",
) -> DocumentId:
    """A page of ``(anchor, heading, text)``, translated under other languages."""
    key = f"{language}/{version}/maps"
    document = replace(
        page(key, "\n".join(text for _, _, text in texts), visibility=visibility),
        title=title,
        language=language,
        work="maps",
        version=version or None,
        page=f"{language}/*/maps" if version else "",
    )
    drafts = tuple(
        PassageDraft(1, ordinal, anchor, heading, text)
        for ordinal, (anchor, heading, text) in enumerate(texts)
    )
    with store.transaction():
        return store.documents.apply(
            DocumentChange(document, None, "test-1", insert=drafts), walk=1
        )


def test_pages_of_a_store_are_paired_without_their_code(store: Store) -> None:
    put(
        store,
        "fr",
        "Cartes",
        ("#a", "Cartes › Couches", "Ajoutez une couche."),
        ("#a", "Cartes › Couches", '{"layer": 1}\n\n- Une chose\n- Une autre'),
    )
    put(
        store,
        "en",
        "Maps",
        ("#a", "Maps › Layers", "Add a layer.\n\n- One thing\n- Something else"),
    )

    assert list(page_pairs(store, "fr", "en")) == [
        ("Cartes", "Maps"),
        ("Couches", "Layers"),
        ("Ajoutez une couche.", "Add a layer."),
        ("Une chose", "One thing"),
        ("Une autre", "Something else"),
    ]
    assert next(page_pairs(store, "en", "fr")) == ("Maps", "Cartes")
    assert list(page_pairs(store, "en", "es")) == []
    assert store.works.languages() == {("en", "fr"): 1}


def test_only_what_everybody_may_read_and_is_searched_is_paired(store: Store) -> None:
    text = ("#a", "", "Text.")
    put(store, "en", "Maps", text, version="2.41")
    put(store, "en", "Old maps", text, version="2.40")
    put(store, "pt", "Mapas", text, visibility="source:private")
    put(store, "fr", "Cartes", text)
    with store.transaction():
        store.editions.settle("handbook", None)

    assert store.works.languages() == {("en", "fr"): 1}
    assert list(page_pairs(store, "fr", "en")) == [("Cartes", "Maps")]


def test_a_region_counts_as_its_language(store: Store) -> None:
    put(store, "pt_BR", "Mapas", ("", "", "Texto."))
    put(store, "en", "Maps", ("", "", "Text."))

    assert store.works.languages() == {("en", "pt"): 1}
    assert list(page_pairs(store, "pt", "en")) == [
        ("Mapas", "Maps"),
        ("Texto.", "Text."),
    ]


def test_the_mark_of_works_moves_with_the_pages_that_have_translations(
    store: Store,
) -> None:
    marks = [store.works.mark()]
    put(store, "fr", "Cartes", ("", "", "Texte."))
    marks.append(store.works.mark())
    insert(store, page("about", "No translation."))
    marks.append(store.works.mark())
    put(store, "en", "Maps", ("", "", "Text."))
    marks.append(store.works.mark())

    assert len(set(marks)) == 3
    assert marks[1] == marks[2]


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "dhis2" / "docs_fr.jsonl.gz").exists(), reason="no real pages here"
)
def test_real_pages_give_thousands_of_pairs(store: Store) -> None:
    """As they stand in Markdown; as the harvest cuts them, there are more."""
    address = re.compile(r"docs\.dhis2\.org/(fr|en)/(.*)")
    for name in ("docs_fr", "docs_en"):
        with gzip.open(SHARED / "dhis2" / f"{name}.jsonl.gz", "rt") as lines:
            for line in list(lines)[:400]:
                record = json.loads(line)
                told = address.search(record["url"])
                if told is None or "version" in told[2]:
                    continue
                put_markdown(store, told[1], told[2], record["markdown"])

    found = set(page_pairs(store, "fr", "en"))

    assert len(found) > 3_000
    alike = [pair for pair in found if pair[0].casefold() == pair[1].casefold()]
    assert alike == []


def put_markdown(store: Store, language: str, path: str, text: str) -> None:
    """A page cut at its headings, by their own anchors."""
    heading = re.compile(r"^#+ (.*?)(?:\{ *(#\S+) *\})?$", re.MULTILINE)
    places = [*heading.finditer(text)]
    drafts = []
    for ordinal, place in enumerate(places):
        stop = places[ordinal + 1].start() if ordinal + 1 < len(places) else None
        body = text[place.end() : stop].strip()
        if body:
            anchor = place[2] or ""
            drafts.append(PassageDraft(1, ordinal, anchor, place[1].strip(), body))
    document = replace(page(f"{language}/{path}", "x"), language=language, work=path)
    with store.transaction():
        store.documents.apply(
            DocumentChange(document, None, "test-1", insert=tuple(drafts)), walk=1
        )
