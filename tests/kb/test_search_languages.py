"""The searcher with a bridge, over a real store and index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kb.bridge import Bridge
from kb.embed import HashingEmbedder
from kb.index import OpenIndex, build_index, open_index
from kb.lexical import TantivyIndex
from kb.model import plain_model
from kb.question import Question
from kb.search import Searcher
from kb.store import EmbeddingCache, Store
from kb.types import DocumentChange, Kind, PassageDraft
from tests.kb.bridge.parallel import bridge
from tests.kb.linked import RULES, docs, link, put, thread

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
EMBEDDER = HashingEmbedder(256)
FRENCH = "Comment supprimer la carte du tableau de bord ?"

Open = Callable[..., Searcher]


class ReadsAll(HashingEmbedder):
    """Said to read all languages; its vectors are the same."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.multilingual = True


@pytest.fixture
def searching(store: Store, tmp_path: Path) -> Iterator[Open]:
    """Index what is stored now, and search it over a bridge."""
    opened: list[OpenIndex[TantivyIndex]] = []

    def searcher(over: Bridge | None = None, *, multilingual: bool = False) -> Searcher:
        folder = tmp_path / "index"
        with EmbeddingCache.open(tmp_path / "embeddings.db") as cache:
            build_index(store, EMBEDDER, cache, folder, lexical=TantivyIndex)
        opened.append(
            open_index(
                folder,
                store_uuid=store.uuid,
                store_generation=store.generation,
                model_id=EMBEDDER.model_id,
                dim=EMBEDDER.dim,
                lexical_opener=TantivyIndex.open,
            )
        )
        return Searcher(
            store,
            opened[-1],
            ReadsAll(256) if multilingual else EMBEDDER,
            plain_model(),
            clock=lambda: NOW,
            bridge=bridge() if over is None else over,
        )

    yield searcher
    for index in opened:
        index.close()


def library(store: Store) -> None:
    """Pages in three languages, and what is of no use."""
    put(store, docs("en/maps", "To delete a map, open the dashboard and choose it."))
    put(
        store,
        docs("es/mapas", "Para eliminar un mapa, abrir el tablero.", language="es"),
    )
    put(store, docs("en/weather", "It rains in the north, and snows."))
    put(store, docs("es/tiempo", "Llueve en el norte, y nieva.", language="es"))


def keys(searcher: Searcher, query: str | Question, **more: object) -> list[str]:
    return [hit.document.key for hit in searcher.search(query, **more)]  # type: ignore[arg-type]


def language(searcher: Searcher, query: str | Question, **more: object) -> str | None:
    """What a question is understood to be in."""
    return searcher.explain(query, **more).question.language  # type: ignore[arg-type]


# -- what is found -----------------------------------------------------------------


def test_a_french_question_finds_an_english_page_over_the_bridge(
    store: Store, searching: Open
) -> None:
    library(store)

    over, alone = searching(), searching(Bridge())

    best = over.search(FRENCH)[0]
    assert best.document.key == "en/maps"
    assert best.signals["bm25_passage"] > 0
    before = {h.document.key: h.signals for h in alone.search(FRENCH)}["en/maps"]
    assert before["bm25_passage"] == 0.0
    assert before["cosine_passage"] < best.signals["cosine_passage"]


def test_one_of_the_askers_language_goes_before_as_good_a_one_of_another(
    store: Store, searching: Open
) -> None:
    library(store)
    put(
        store,
        docs(
            "fr/cartes",
            "Pour supprimer une carte, ouvrir le tableau de bord et la choisir.",
            language="fr",
        ),
    )

    assert keys(searching(), FRENCH)[:2] == ["fr/cartes", "en/maps"]


def test_a_question_in_english_finds_pages_in_other_languages(
    store: Store, searching: Open
) -> None:
    put(
        store,
        docs("es/mapas", "Para eliminar un mapa, abrir el tablero.", language="es"),
    )
    put(store, docs("es/tiempo", "Llueve en el norte, y nieva.", language="es"))
    put(store, docs("fr/pluie", "Il pleut dans le nord.", language="fr"))

    found = keys(searching(), "How do I delete a map from the dashboard?")

    assert found[0] == "es/mapas"


def test_an_older_question_in_another_language_leads_to_what_answered_it(
    store: Store, searching: Open
) -> None:
    with store.transaction():
        store.links.use(RULES)
    page = docs("en/pages", "Nothing that anybody would ask for in these words.")
    there = put(store, page)
    for number in range(9):
        put(store, docs(f"en/other{number}", f"The weather of day {number}."))
    asked = thread(
        1, "How do I delete the map of a dashboard?", "See there.", title="Delete a map"
    )
    put(store, asked, link(asked, 2, page.url))

    (hit,) = [
        h
        for h in searching().search(FRENCH, kinds=frozenset({Kind.DOCS}))
        if h.document.id == there
    ]

    assert hit.signals["linked_by_meaning"] > 0
    assert hit.signals["linked_by_words"] > 0


def test_only_documents_in_the_languages_asked_for_are_found_over_the_bridge(
    store: Store, searching: Open
) -> None:
    library(store)
    searcher = searching()

    def within(*languages: str) -> list[str]:
        return keys(searcher, FRENCH, languages=frozenset(languages))

    assert within("en")[0] == "en/maps"
    assert {*within("es")} <= {"es/mapas", "es/tiempo"}
    assert within("fr") == []


def test_the_solution_that_answers_is_told_in_its_own_language(
    store: Store, searching: Open
) -> None:
    """Of a solution of several passages the one that is shown."""
    solved = replace(
        thread(
            1,
            "How do I delete the map of a dashboard?",
            "It depends.",
            accepted=2,
        ),
        solved=True,
    )
    said = [
        (1, "How do I delete the map of a dashboard?"),
        (2, "First of all, make some coffee and wait for the rain."),
        (2, "Open the dashboard, choose the map, and delete it."),
        (2, "Then wait again, and drink the coffee."),
    ]
    drafts = tuple(PassageDraft(p, n, "", "", t) for n, (p, t) in enumerate(said))
    with store.transaction():
        store.documents.apply(
            DocumentChange(solved, None, "test-1", insert=drafts), walk=1
        )

    (hit,) = searching().search(FRENCH, kinds=frozenset({Kind.THREAD}))

    assert hit.passage.text.startswith("Open the dashboard")


# -- which language a question is in -----------------------------------------------


def test_the_language_is_told_by_its_letters_else_by_words_of_the_bridge(
    store: Store, searching: Open
) -> None:
    library(store)
    searcher = searching()

    assert language(searcher, FRENCH) == "fr"
    assert language(searcher, "How do I delete the map of my dashboard?") == "en"
    # Too short for letters to tell.
    assert language(searcher, "tableaux de bord") == "fr"
    assert language(searcher, "dashboards") == "en"
    assert language(searcher, "rapport") == "fr"
    assert language(searcher, "configuration") is None
    assert language(searcher, "E1063") is None


def test_the_headline_has_a_say(store: Store, searching: Open) -> None:
    library(store)
    assert language(searching(), "E1063", title="Supprimer la carte") == "fr"


def test_what_is_told_of_a_question_goes_before_what_is_guessed(
    store: Store, searching: Open
) -> None:
    library(store)
    searcher = searching()
    told = Question("", FRENCH, language="es")

    assert language(searcher, told) == "es"
    assert language(searcher, Question("", "tableau de bord", language="en")) == "en"
    # As Spanish it means nothing that the English page says.
    as_spanish = {h.document.key: h for h in searcher.search(told)}["en/maps"]
    as_french = {h.document.key: h for h in searcher.search(FRENCH)}["en/maps"]
    assert as_spanish.signals["coverage"] < as_french.signals["coverage"]


def test_without_bridge_or_languages_nobody_asks_which_it_is(
    store: Store, searching: Open
) -> None:
    put(store, docs("page", "Supprimer la carte", language=None))

    assert language(searching(Bridge()), FRENCH) is None
    assert language(searching(), FRENCH) == "fr"


def test_an_empty_bridge_is_no_bridge(store: Store, searching: Open) -> None:
    library(store)
    empty = searching(Bridge()).explain(FRENCH)
    unused = searching(replace(bridge(), tables={})).explain(FRENCH)

    assert empty.hits == unused.hits


# -- what is private ---------------------------------------------------------------


def test_what_a_reader_may_not_see_changes_nothing_in_any_language(
    store: Store, searching: Open
) -> None:
    library(store)
    before = searching().search(FRENCH)

    for number in range(9):
        put(
            store,
            replace(
                docs(f"staff/{number}", "To delete the map, open the dashboard."),
                visibility="category:staff",
            ),
        )
    after = searching().search(FRENCH)

    assert [(h.document.key, h.score, dict(h.signals)) for h in after] == [
        (h.document.key, h.score, dict(h.signals)) for h in before
    ]
    # Nor is their language thought of, in which a question could be.
    russian = "Как удалить карту с этой панели и выбрать другую?"
    put(
        store,
        replace(docs("staff/ru", russian, language="ru"), visibility="category:staff"),
    )
    seen = frozenset({"public", "category:staff"})
    searcher = searching()
    assert language(searcher, russian, visible_to=seen) == "ru"
    assert language(searcher, russian) is None
    assert "staff/0" in keys(searching(), FRENCH, visible_to=seen, limit=20)


def test_a_model_that_reads_all_languages_is_believed_as_in_one(
    store: Store, searching: Open
) -> None:
    """Words are carried all the same; other weights hold for a rendering only."""
    library(store)
    found = {
        multilingual: next(
            ranked
            for ranking in searching(multilingual=multilingual)
            .explain(Question("", FRENCH, language="fr"))
            .rankings
            for ranked in ranking.ranked
            if ranking.kind is Kind.DOCS
        )
        for multilingual in (True, False)
    }
    own = plain_model().of(Kind.DOCS).weights

    assert set(found[True].contributions) == set(own)
    assert found[True].candidate.signals["bm25_passage"] > 0
    assert found[True].contributions["bm25_title"] != 0
    assert found[False].contributions["bm25_title"] == 0
