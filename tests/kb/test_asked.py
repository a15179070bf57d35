"""A question with its vectors: which of them a text is compared with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.asked import MAX_EMBEDDED_CHARS, Asked
from kb.bridge.rendering import Meant, Rendering
from kb.bridge.table import Sense
from kb.embed import HashingEmbedder
from kb.question import Question
from kb.vectors import ExactIndex, FaissIndex, VectorIndex
from tests.kb.world import EMBEDDER

# A busy machine is no failure.
untimed = settings(deadline=None)
QUESTION = Question("Supprimer", "la carte", language="fr")
LANGUAGES = st.sampled_from(["en", "es", "fr", "en-GB", "es_MX", "ar", "und", None])


def rendering(language: str, title: str, body: str) -> Rendering:
    def meant(text: str) -> tuple[Meant, ...]:
        return tuple(Meant((word,), (Sense(word, 1.0),)) for word in text.split())

    return Rendering(language, meant(title), meant(body))


EN = rendering("en", "Delete", "the map")
ES = rendering("es", "Eliminar", "el mapa")
BOTH = Asked.of(QUESTION, EMBEDDER, (EN, ES))
OWN = Asked.of(QUESTION, EMBEDDER)


@pytest.fixture(params=[FaissIndex, ExactIndex])
def index(request: pytest.FixtureRequest) -> VectorIndex:
    made: VectorIndex = request.param(EMBEDDER.dim)
    texts = {1: "Delete\nthe map", 2: "Supprimer\nla carte", 3: "Eliminar\nel mapa"}
    made.add(np.array([*texts]), EMBEDDER.embed_passages([*texts.values()]))
    return made


def test_the_question_as_asked_comes_first_then_each_language() -> None:
    texts = ["Supprimer\nla carte", "Delete\nthe map", "Eliminar\nel mapa"]
    titles = ["Supprimer", "Delete", "Eliminar"]

    assert BOTH.languages == ("en", "es")
    assert BOTH.vectors.tolist() == [EMBEDDER.embed_query(t).tolist() for t in texts]
    assert BOTH.titles.tolist() == [EMBEDDER.embed_query(t).tolist() for t in titles]
    assert BOTH.renderings == (EN, ES)


def test_without_a_headline_the_whole_question_stands_in_for_it() -> None:
    bare = Question("", "la carte", language="fr")
    asked = Asked.of(bare, EMBEDDER, (rendering("en", "", "the map"),))

    assert asked.titles.tolist() == asked.vectors.tolist()


def test_a_model_of_all_languages_is_asked_once_and_words_in_each() -> None:
    embedder = HashingEmbedder(EMBEDDER.dim)
    embedder.multilingual = True
    asked = Asked.of(QUESTION, embedder, (EN, ES))

    assert asked.languages == ()
    assert asked.vectors.shape == asked.titles.shape == (1, EMBEDDER.dim)
    assert asked.renderings == (EN, ES)
    assert {asked.place_of(each) for each in ("en", "es", "fr", "und", None)} == {0}
    assert all(asked.suits(0, each) for each in ("en", "es", "fr", "und", None))


def test_a_question_that_means_nothing_in_a_language_has_no_vector_for_it() -> None:
    """That of an empty text is as near to one document as to another."""
    asked = Asked.of(QUESTION, EMBEDDER, (rendering("en", "", ""), ES))

    assert asked.languages == ("es",)
    assert asked.place_of("en") == 0
    assert len(asked.vectors) == len(asked.titles) == 2
    assert len(asked.renderings) == 2


@pytest.mark.parametrize(
    ("language", "place"),
    [
        ("en", 1),
        ("en-GB", 1),
        ("es_MX", 2),
        ("fr", 0),
        ("ar", 0),
        ("de", 0),
        (None, -1),
        ("", -1),
        ("und", -1),
        ("mul", -1),
    ],
)
def test_a_text_is_compared_with_the_question_in_its_own_language(
    language: str | None, place: int
) -> None:
    assert BOTH.place_of(language) == place
    assert [BOTH.suits(each, language) for each in range(3)] == [
        place in (-1, each) for each in range(3)
    ]
    assert OWN.place_of(language) == 0


def test_cosines_are_those_to_what_each_text_is_compared_with(
    index: VectorIndex,
) -> None:
    ids = [1, 2, 3]
    to_each = index.similarities(BOTH.vectors, np.array(ids))

    def cosines(*languages: str | None) -> list[float]:
        return [*map(float, BOTH.cosines(BOTH.vectors, index, ids, languages))]

    assert cosines("en", "fr", "es") == pytest.approx([1.0, 1.0, 1.0])
    assert cosines("fr", "en", "ar") == pytest.approx(
        [to_each[0, 0], to_each[1, 1], to_each[0, 2]]
    )
    # Of an unknown language: whatever is nearest.
    assert cosines(None, None, "und") == pytest.approx([1.0, 1.0, 1.0])
    alone = OWN.cosines(OWN.vectors, index, ids, ["en", None, "es"])
    assert alone.tolist() == pytest.approx(to_each[0].tolist())


def test_what_has_no_vector_has_no_cosine_in_any_language(index: VectorIndex) -> None:
    found = BOTH.cosines(BOTH.vectors, index, [99, 1, 99], ["en", "en", None])

    assert np.isnan(found).tolist() == [True, False, True]
    assert np.isnan(BOTH.cosines(BOTH.vectors, None, [1, 2], ["en", None])).all()
    assert BOTH.cosines(BOTH.vectors, index, [], []).shape == (0,)
    assert BOTH.cosines(BOTH.vectors, None, [], []).shape == (0,)


@untimed
@given(st.lists(LANGUAGES, min_size=1, max_size=6), st.booleans())
def test_no_text_is_nearer_than_to_the_nearest_and_each_suits_some_vector(
    languages: list[str | None], titles: bool
) -> None:
    index = ExactIndex(EMBEDDER.dim)
    ids = [*range(len(languages))]
    index.add(np.array(ids), EMBEDDER.embed_passages([f"the map {i}" for i in ids]))
    vectors = BOTH.titles if titles else BOTH.vectors

    found = BOTH.cosines(vectors, index, ids, languages)

    to_each = index.similarities(vectors, np.array(ids))
    for column, language in enumerate(languages):
        suited = [p for p in range(len(vectors)) if BOTH.suits(p, language)]
        assert suited
        assert found[column] == to_each[suited, column].max()


def test_of_an_endless_question_no_more_than_models_read_is_embedded() -> None:
    long = "carte " * 10_000
    asked = Asked.of(
        Question("", long), EMBEDDER, (rendering("en", "", "map " * 9999),)
    )

    assert asked.vectors[0].tolist() == (
        EMBEDDER.embed_query(long[:MAX_EMBEDDED_CHARS]).tolist()
    )
    assert asked.vectors[1].tolist() == (
        EMBEDDER.embed_query(("map " * 9999)[:MAX_EMBEDDED_CHARS]).tolist()
    )
