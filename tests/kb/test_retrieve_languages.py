"""Candidates in several languages: what a question finds beyond its own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kb.asked import Asked
from kb.bridge.rendering import Rendering, renderings
from kb.embed import HashingEmbedder
from kb.question import Question
from kb.similar import Similar, similar_questions
from kb.types import PUBLIC, Candidate, DocumentId, Kind, LinkRole
from kb.vectors import ExactIndex, FaissIndex
from tests.kb.bridge.parallel import bridge
from tests.kb.world import EMBEDDER, STAFF_ROOM, World, passage_id

TITLE, BODY = "Tableau de bord", "Comment supprimer la carte"
CARRIED_TITLE, CARRIED_BODY = "dashboard", "comment delete map"
ONLY_PUBLIC = frozenset({PUBLIC})


@pytest.fixture(params=[FaissIndex, ExactIndex])
def either(request: pytest.FixtureRequest) -> World:
    """A world on each vector index."""
    return World(request.param)


@pytest.fixture
def world() -> World:
    return World()


def carried(*into: str, title: str = TITLE, body: str = BODY) -> tuple[Rendering, ...]:
    question = Question(title, body, language="fr")
    return renderings(question, bridge(), into or ["en"])


def ask(world: World, *into: str, **more: object) -> dict[int, Candidate]:
    """The French question, carried into some languages; by document."""
    found = world.ask(
        BODY,
        title=TITLE,
        language="fr",
        renderings=carried(*into) if into else (),
        **more,  # type: ignore[arg-type]
    )
    return {candidate.document_id: candidate for candidate in found}


def cosine(asked: str, passage: str) -> float:
    found = EMBEDDER.embed_query(asked) @ EMBEDDER.embed_query(f"\n{passage}")
    return float(found)


# -- what each document is compared with -------------------------------------------


def test_each_document_is_compared_with_the_question_in_its_language(
    either: World,
) -> None:
    english, french = "Delete a map of the dashboard", "Supprimer une carte du tableau"
    for number, text, language in (
        (1, english, "en"),
        (2, french, "fr"),
        (3, english, "es"),
        (4, english, None),
        (5, french, None),
    ):
        either.put(number, text, kind=Kind.DOCS, language=language)
    own = f"{TITLE}\n{BODY}"
    other = f"{CARRIED_TITLE}\n{CARRIED_BODY}"

    found = ask(either, "en")

    cosines = {i: each.signals["cosine_passage"] for i, each in found.items()}
    assert cosines == pytest.approx(
        {
            1: cosine(other, english),
            2: cosine(own, french),
            # Into Spanish it was not carried.
            3: cosine(own, english),
            4: cosine(other, english),
            5: cosine(own, french),
        },
        abs=1e-6,
    )
    assert found[1].signals["bm25_passage"] > 0
    assert found[2].signals["bm25_passage"] > 0
    assert found[3].signals["bm25_passage"] == 0.0


def test_without_renderings_other_languages_are_asked_as_the_question_was(
    world: World,
) -> None:
    world.put(1, "Delete a map", kind=Kind.DOCS, language="en")
    world.put(2, "Supprimer une carte", kind=Kind.DOCS, language="fr")

    alone, over = ask(world), ask(world, "en")

    assert alone[2].signals["cosine_passage"] == over[2].signals["cosine_passage"]
    assert alone[2].signals["bm25_passage"] == over[2].signals["bm25_passage"]
    assert alone[1].signals["cosine_passage"] < over[1].signals["cosine_passage"]
    assert alone[1].signals["bm25_passage"] == 0.0


def test_a_title_is_compared_with_the_headline_in_its_language(either: World) -> None:
    either.put(1, "Text.", title="Dashboard", kind=Kind.DOCS, language="en")
    either.put(2, "Texte.", title="Tableau de bord", kind=Kind.DOCS, language="fr")

    found = ask(either, "en")

    for number in (1, 2):
        assert found[number].signals["cosine_title"] == pytest.approx(1.0, abs=1e-6)
    assert found[1].signals["bm25_title"] > 0


def test_a_model_of_all_languages_compares_with_the_question_as_it_is(
    world: World,
) -> None:
    embedder = HashingEmbedder(EMBEDDER.dim)
    embedder.multilingual = True
    world.put(1, "Delete a map", kind=Kind.DOCS, language="en")

    (found,) = ask(world, "en", embedder=embedder).values()

    assert found.signals["cosine_passage"] == pytest.approx(
        cosine(f"{TITLE}\n{BODY}", "Delete a map"), abs=1e-6
    )
    # Words are carried all the same.
    assert found.signals["bm25_passage"] > 0


def test_each_language_has_its_own_place_among_the_nearest(either: World) -> None:
    """However many there are in the asker's, or in another one that is near."""
    for number in range(1, 40):
        either.put(number, f"Supprimer la carte {number}", language="fr")
    # Found by meaning alone: no word is shared with what the question means there.
    either.put(50, "Undeletable undashboarded", language="en")

    found = ask(either, "en", depth=5)

    assert 50 in found
    assert found[50].signals["bm25_passage"] == 0.0
    assert len([i for i in found if i < 40]) >= 5


def test_texts_of_another_language_take_no_place_that_they_are_not_compared_at(
    either: World,
) -> None:
    """French ones that quote English are near to the question in English, which is
    not what they are asked."""
    for number in range(1, 40):
        either.put(number, f"{CARRIED_TITLE} {CARRIED_BODY} {number}", language="fr")
    either.put(50, "Undeletable undashboarded", language="en")

    found = ask(either, "en", depth=5)

    assert 50 in found
    assert found[50].signals["bm25_passage"] == 0.0


# -- only some languages -----------------------------------------------------------


def test_only_documents_in_some_languages_come_however_deep_they_lie(
    either: World,
) -> None:
    for number in range(1, 80):
        either.put(number, f"{BODY} {number}", language="fr")
    either.put(90, "Nada", language="es-MX")
    either.put(91, BODY, language=None)
    either.put(92, "Delete the map", language="en")

    def within(*languages: str) -> set[int]:
        return {*ask(either, "en", depth=3, languages=frozenset(languages))}

    assert within("es") == {90}
    assert within("en") == {92}
    assert within("es", "en") == {90, 92}
    assert within("pt") == within() == set()
    assert {91, 92} <= {*ask(either, "en", depth=3)}


def test_what_links_lead_to_is_left_out_as_well_in_another_language(
    world: World,
) -> None:
    world.put(1, f"{TITLE} {BODY}", title=TITLE, language="fr")
    world.put(2, "Zebra", kind=Kind.DOCS, language="en", embed=False)
    world.put(3, "Zèbre", kind=Kind.DOCS, language="fr", embed=False)
    world.link(1, 2, 3)

    assert {*ask(world, "en")} == {1, 2, 3}
    assert {*ask(world, "en", languages=frozenset({"fr"}))} == {1, 3}
    assert {*ask(world, "en", languages=frozenset({"en"}), linked=[2, 3])} == {2}
    # An older question may be in any language: what it was answered with counts.
    found = ask(world, "en", languages=frozenset({"en"}))
    assert found[2].signals["linked_by_meaning"] > 0


# -- how familiar a question is ----------------------------------------------------


def test_a_question_is_as_familiar_as_the_nearest_by_how_much_of_it_was_carried(
    either: World,
) -> None:
    either.put(1, f"{CARRIED_TITLE} {CARRIED_BODY}", language="en")
    either.put(2, "Zèbre", language="fr")

    alone, over = ask(either), ask(either, "en")

    nearest = cosine(
        f"{CARRIED_TITLE}\n{CARRIED_BODY}", f"{CARRIED_TITLE} {CARRIED_BODY}"
    )
    (rendering,) = carried("en")
    share = rendering.carried
    # "comment" is not known.
    assert 0.5 < share < 1
    assert over[2].signals["familiar"] == pytest.approx(nearest * share, abs=1e-6)
    assert alone[2].signals["familiar"] < nearest * share - 0.1


def test_what_is_hidden_makes_no_question_familiar(either: World) -> None:
    either.put(1, f"{CARRIED_TITLE} {CARRIED_BODY}", language="en")
    either.put(2, "Supprimer", language="fr")
    either.put(
        3, f"{CARRIED_TITLE} {CARRIED_BODY}", language="en", visibility=STAFF_ROOM
    )

    told = ask(either, "en", visible_to=ONLY_PUBLIC, exclude=[1])

    assert {*told} == {2}
    assert told[2].signals["familiar"] == pytest.approx(
        cosine(f"{TITLE}\n{BODY}", "Supprimer"), abs=1e-6
    )


# -- older questions in another language -------------------------------------------


def alike(
    world: World, *into: str, visible_to: frozenset[str] | None = None
) -> Similar:
    question = Question(TITLE, BODY, language="fr")
    asked = Asked.of(question, EMBEDDER, carried(*into) if into else ())
    return similar_questions(asked, world.corpus(), visible_to=visible_to)


def test_an_older_question_in_another_language_leads_to_what_answered_it(
    either: World,
) -> None:
    either.put(10, "How do I delete the map?", title="Dashboard", language="en")
    either.put(20, "Zebras graze.", kind=Kind.DOCS, language="en", embed=False)
    either.put(30, "It rains.", title="Weather", language="en")
    either.link(10, 20)

    alone, over = ask(either), ask(either, "en")

    for name in ("linked_by_meaning", "linked_by_words", "linked_by_titles"):
        before = alone[20].signals[name] if 20 in alone else 0.0
        assert over[20].signals[name] > before, name
    assert over[20].signals["linked_by_words"] == 1.0
    assert over[20].signals["bm25_asked"] > 0


def test_threads_are_alike_by_what_they_ask_not_by_their_language(
    world: World,
) -> None:
    for number in range(1, 9):
        world.put(number, f"The weather of day {number}", title="Rain", language="en")
    world.put(10, "How do I delete the map?", title="My dashboard", language="en")
    world.put(11, "Supprimer une carte", title="Tableau", language="fr")

    found = alike(world, "en")

    assert {*found.by_words} == {10, 11}
    assert {*found.by_titles} == {10, 11}


def test_a_thread_is_like_the_question_in_its_own_language(either: World) -> None:
    either.put(10, f"{CARRIED_TITLE} {CARRIED_BODY}", language="en")
    either.put(11, f"{CARRIED_TITLE} {CARRIED_BODY}", language="fr")
    either.put(12, f"{CARRIED_TITLE} {CARRIED_BODY}", language=None)

    by_meaning = alike(either, "en").by_meaning
    alone = alike(either).by_meaning

    assert by_meaning[DocumentId(10)] > 0.8
    assert by_meaning[DocumentId(12)] == by_meaning[DocumentId(10)]
    assert by_meaning[DocumentId(11)] == pytest.approx(alone[DocumentId(11)], abs=1e-6)
    assert by_meaning[DocumentId(11)] < by_meaning[DocumentId(10)]


def test_a_private_thread_in_another_language_is_like_nothing(either: World) -> None:
    either.put(10, "How do I delete the map?", title="Dashboard", visibility=STAFF_ROOM)
    either.put(11, "Supprimer une carte", title="Tableau", language="fr")

    found = alike(either, "en", visible_to=ONLY_PUBLIC)

    assert {*found.by_meaning} == {*found.by_words} == {*found.by_titles} == {11}


def test_no_signal_tells_what_may_not_be_seen_in_a_language_carried_into() -> None:
    def signals(world: World) -> dict[int, dict[str, float]]:
        world.put(1, "Delete a map", kind=Kind.DOCS, language="en")
        world.put(2, "Supprimer une carte", kind=Kind.DOCS, language="fr")
        world.put(3, "How do I delete the map?", language="en")
        world.link(3, 1)
        found = ask(world, "en", visible_to=ONLY_PUBLIC)
        return {i: dict(each.signals) for i, each in found.items()}

    beside = World()
    for number in range(10, 30):
        beside.put(number, "delete the map", visibility=STAFF_ROOM, language="en")
        beside.put(
            number + 50,
            "dashboard: delete the map",
            kind=Kind.DOCS,
            visibility=STAFF_ROOM,
            language="en",
        )

    assert signals(beside) == signals(World())


# -- links of pages ----------------------------------------------------------------


def test_what_pages_link_themselves_recommends_nothing_to_anybody(
    world: World,
) -> None:
    """A manual links its own chapters from each of them."""
    world.put(1, "backup", kind=Kind.DOCS)
    for number in range(2, 9):
        world.put(number, f"backup chapter {number}", kind=Kind.DOCS)
        world.link(number, 1, role=LinkRole.PAGE)
        world.link(1, number, role=LinkRole.PAGE)

    assert world.signals(1)["in_links"] == world.signals(1)["out_links"] == 0.0

    world.put(20, "zebra")
    world.link(20, 1)
    world.link(20, 1, role=LinkRole.PAGE)
    assert world.signals(1)["in_links"] == math.log1p(1)
    assert world.signals(20, "zebra")["out_links"] == math.log1p(1)
    assert world.signals(1, exclude=[20])["in_links"] == 0.0


def test_passages_of_a_document_are_found_by_what_they_are_compared_with(
    either: World,
) -> None:
    """The one that is shown is the one that answers in its own language."""
    either.put(
        1, "It rains.", "Delete the map of a dashboard.", "Zebra", kind=Kind.DOCS
    )
    either.put(2, "Autre chose", kind=Kind.DOCS, language="fr")

    found = ask(either, "en")

    assert found[1].passage_id == passage_id(1, 2)
    near = (
        either.corpus()
        .vectors[Kind.DOCS]
        .similarities(
            EMBEDDER.embed_query(f"{CARRIED_TITLE}\n{CARRIED_BODY}"),
            np.array([passage_id(1, 2)]),
        )
    )
    assert found[1].signals["cosine_passage"] == pytest.approx(float(near[0]), abs=1e-6)
