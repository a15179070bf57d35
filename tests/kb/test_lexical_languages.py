"""Words of a question in several languages: which texts are asked in which of them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge import Bridge, Sense, WordTable
from kb.bridge.rendering import Rendering, renderings
from kb.lexical import TantivyIndex, TantivyTexts
from kb.question import Question
from kb.texts import DocumentText, Text, TextField
from kb.types import PUBLIC, DocumentId, IndexablePassage, Kind, PassageId
from tests.kb.bridge.parallel import bridge

# A busy machine is no failure.
untimed = settings(deadline=None, max_examples=40)
TITLE, OPENING, WHOLE, ASKED, ANCHORS = TextField
STAFF = "category:staff"


def passage(
    number: int,
    text: str,
    language: str | None,
    *,
    title: str = "",
    visibility: str = PUBLIC,
) -> IndexablePassage:
    return IndexablePassage(
        id=PassageId(number),
        document_id=DocumentId(number),
        kind=Kind.DOCS,
        title=title,
        heading="",
        text=text,
        language=language,
        visibility=visibility,
        opening=False,
        content_hash="",
        created_at=None,
    )


def passages(*some: IndexablePassage) -> TantivyIndex:
    index = TantivyIndex.create(None)
    index.add(some)
    index.commit()
    return index


def document(
    number: int,
    fields: dict[TextField, list[Text]],
    language: str | None,
    visibility: str = PUBLIC,
) -> DocumentText:
    return DocumentText(DocumentId(number), Kind.DOCS, visibility, fields, language)


def documents(*some: DocumentText) -> TantivyTexts:
    index = TantivyTexts.create(None)
    index.put(some)
    index.commit()
    return index


def carried(
    title: str,
    body: str,
    language: str = "fr",
    into: Iterable[str] = ("en",),
    over: Bridge | None = None,
) -> tuple[Rendering, ...]:
    """A question in other languages."""
    question = Question(title, body, language=language)
    return renderings(question, over or bridge(), into)


def hits(
    index: TantivyIndex,
    query: str,
    some: tuple[Rendering, ...] = (),
    **more: frozenset[str] | None,
) -> dict[int, float]:
    return {
        hit.passage_id: hit.score
        for hit in index.search(query, 10, renderings=some, **more)  # type: ignore[arg-type]
    }


FILLERS = [
    passage(90, "Weather of the north", "en"),
    passage(91, "Le temps du nord", "fr"),
    passage(92, "El tiempo del norte", "es"),
]


# -- what is found -----------------------------------------------------------------


def test_a_question_finds_its_own_language_and_over_the_bridge_another() -> None:
    index = passages(
        passage(1, "Deleting dashboards", "en"),
        passage(2, "Suppression des tableaux de bord", "fr"),
        passage(3, "Eliminar tableros", "es"),
        *FILLERS,
    )
    query = "supprimer un tableau de bord"

    alone = hits(index, query)
    over = hits(index, query, carried("", query))

    assert {*alone} == {2}
    assert {*over} == {1, 2}
    # What is asked in its own words is scored as before.
    assert over[2] == alone[2]
    spanish = hits(
        index,
        "delete the dashboard",
        carried("", "delete the dashboard", language="en", into=["es", "fr"]),
    )
    assert {1, 2, 3} <= {*spanish}


def test_the_headline_of_a_question_counts_more_over_the_bridge_as_well() -> None:
    index = passages(
        passage(1, "Of reports alone", "en"),
        passage(2, "Of maps alone", "en"),
        *FILLERS,
    )

    def best(title: str, body: str) -> int:
        found = hits(index, body, carried(title, body), title=title)  # type: ignore[arg-type]
        return max(found, key=found.__getitem__)

    assert best("carte", "rapport") == 2
    assert best("rapport", "carte") == 1


def test_a_less_likely_sense_finds_and_counts_less() -> None:
    table = WordTable(
        "fr", "en", 1, {"bord": (Sense("dashboard", 0.7), Sense("edge", 0.3))}
    )
    over = Bridge({("fr", "en"): table})
    index = passages(
        passage(1, "the edge here", "en"),
        passage(2, "the dashboard here", "en"),
        *FILLERS,
    )

    found = hits(index, "bord", carried("", "bord", over=over))

    assert [*found] == [2, 1]
    assert found[1] == pytest.approx(found[2] * 3 / 7, rel=1e-3)


def test_a_word_that_may_mean_anything_does_not_drown_the_others() -> None:
    nouns = [f"noun{chr(97 + i)}" for i in range(20)]
    table = WordTable(
        "fr",
        "en",
        1,
        {
            "carte": (Sense("map", 1.0),),
            "de": tuple(Sense(noun, 0.05) for noun in nouns),
        },
    )
    query = "de carte de"
    some = carried("", query, over=Bridge({("fr", "en"): table}))
    index = passages(
        passage(1, "the map", "en"),
        *(passage(i, f"the {noun}", "en") for i, noun in enumerate(nouns, start=2)),
        passage(50, " ".join(nouns), "en"),
    )

    found = hits(index, query, some)
    covered = index.score(
        query, [PassageId(1), PassageId(50)], Kind.DOCS, renderings=some
    )

    assert max(found, key=found.__getitem__) == 1
    assert all(
        score < found[1] / 5
        for number, score in found.items()
        if number < 50 and number != 1
    )
    assert covered[PassageId(50)].coverage < 0.1 < 0.9 < covered[PassageId(1)].coverage


def test_a_text_in_a_language_that_was_carried_into_is_not_asked_as_it_was() -> None:
    """ "table" is one thing in French and another in English."""
    table = WordTable("fr", "en", 1, {"table": (Sense("desk", 1.0),)})
    some = carried("", "table", over=Bridge({("fr", "en"): table}))
    index = passages(
        passage(1, "the table", "en"),
        passage(2, "the desk", "en"),
        passage(3, "la table", "fr"),
        passage(4, "la tabla, table", "es"),
        *FILLERS,
    )

    assert {*hits(index, "table")} == {1, 3, 4}
    assert {*hits(index, "table", some)} == {2, 3, 4}


def test_codes_find_their_text_in_every_language() -> None:
    index = passages(
        passage(1, "Conflict E1063 here", "en"),
        passage(2, "Conflit E1063 ici", "fr"),
        passage(3, "Conflicto E1063 aqui", None),
        *FILLERS,
    )
    query = "que veut dire E1063"

    assert {*hits(index, query, carried("", query))} == {1, 2, 3}


def test_an_unknown_word_is_sought_in_all_its_forms() -> None:
    """ "économique" is no word of the bridge, and its stem is that of "economic"."""
    index = passages(passage(1, "An economic model", "en"), *FILLERS)
    query = "modèle économique"

    assert {*hits(index, query, carried("", query))} == {1}


# -- texts whose language nobody knows ---------------------------------------------


def test_a_text_of_unknown_language_has_the_better_of_both_not_the_sum() -> None:
    query = "supprimer la carte"
    some = carried("", query)
    english, french, both = "delete map", "supprimer la carte", "supprimer carte delete"
    index = passages(
        passage(1, english, None),
        passage(2, french, None),
        passage(3, both, None),
        *FILLERS,
    )

    own = hits(index, query)
    found = hits(index, query, some)

    assert {*own} == {2, 3}
    assert {*found} == {1, 2, 3}
    assert found[2] == own[2]
    # By no more than one of the languages gives it.
    as_english = hits(index, "delete map")
    assert found[3] == max(own[3], as_english[3]) < own[3] + as_english[3]


def test_coverage_is_a_share_in_whatever_language() -> None:
    query = "supprimer la carte"
    index = passages(
        passage(1, "delete map", "en"),
        passage(2, "delete", "en"),
        passage(3, "supprimer la carte", "fr"),
        passage(4, "supprimer la carte delete map", None),
        *FILLERS,
    )
    ids = [PassageId(number) for number in (1, 2, 3, 4, 90)]

    found = index.score(query, ids, Kind.DOCS, renderings=carried("", query))
    alone = index.score(query, ids, Kind.DOCS)

    coverage = {i: score.coverage for i, score in found.items()}
    assert coverage[PassageId(1)] == pytest.approx(1.0, abs=0.002)
    assert 0 < coverage[PassageId(2)] < 0.8
    assert coverage[PassageId(3)] == alone[PassageId(3)].coverage == 1.0
    assert coverage[PassageId(4)] == pytest.approx(1.0, abs=0.002)
    assert coverage[PassageId(90)] == 0.0


# -- nothing else changes ----------------------------------------------------------

WORD = st.sampled_from(["carte", "map", "supprimer", "delete", "the", "la", "E1063"])
SAID = st.lists(WORD, max_size=5).map(" ".join)
LANGUAGE = st.sampled_from(["fr", "en", "es", "ar", None])


@untimed
@given(st.lists(st.tuples(SAID, LANGUAGE), max_size=6), SAID)
def test_scores_are_bounded_by_what_each_language_would_give(
    texts: list[tuple[str, str | None]], query: str
) -> None:
    index = passages(*(passage(i, t, spoken) for i, (t, spoken) in enumerate(texts)))
    some = carried("", query)

    own, found = hits(index, query), hits(index, query, some)
    nowhere = hits(index, query, carried("", query, into=["en", "ar"]))

    spoken = {number: language for number, (_, language) in enumerate(texts)}
    for number, language in spoken.items():
        if language in {"fr", "es", "ar"}:
            assert found.get(number) == own.get(number)
        if language is None:
            assert found.get(number, 0) >= own.get(number, 0)
    if "en" not in spoken.values():
        assert found == own == nowhere


@untimed
@given(SAID)
def test_a_language_that_no_text_is_in_changes_nothing(query: str) -> None:
    index = passages(
        passage(1, "supprimer la carte", "fr"), passage(2, "delete the map", None)
    )
    ids = [PassageId(1), PassageId(2)]
    some = carried("", query)

    assert hits(index, query, some) == hits(index, query)
    assert index.score(query, ids, Kind.DOCS, renderings=some) == index.score(
        query, ids, Kind.DOCS
    )


# -- only some languages -----------------------------------------------------------


def test_only_texts_in_some_languages_are_found() -> None:
    index = passages(
        passage(1, "map E1063", "en"),
        passage(2, "carte E1063", "fr-CA"),
        passage(3, "mapa E1063", "es"),
        passage(4, "carte map E1063", None),
    )
    query = "carte E1063"

    def within(*languages: str) -> set[int]:
        return {*hits(index, query, carried("", query), languages=frozenset(languages))}

    assert within("en") == {1}
    assert within("fr") == {2}
    assert within("fr", "es") == {2, 3}
    assert within("pt") == set()
    assert within() == set()
    assert {*hits(index, query, carried("", query), languages=None)} == {1, 2, 3, 4}


def test_what_is_filtered_keeps_its_score() -> None:
    index = passages(
        passage(1, "map E1063", "en"), passage(2, "carte E1063", "fr"), *FILLERS
    )
    query = "carte E1063"
    everything = hits(index, query, carried("", query))

    for language, number in (("en", 1), ("fr", 2)):
        found = hits(index, query, carried("", query), languages=frozenset({language}))
        assert found == {number: everything[number]}


# -- what is private ---------------------------------------------------------------


def test_no_score_tells_of_what_may_not_be_seen_nor_of_its_language() -> None:
    """Not though it be the only text in a language that the question was carried to."""
    query = "supprimer la carte"
    public = [
        passage(1, "supprimer la carte", "fr"),
        passage(2, "delete the map", None),
        *FILLERS[1:],
    ]
    secret = [
        passage(number, "delete the secret map", "en", visibility=STAFF)
        for number in range(50, 60)
    ]
    seen = frozenset({PUBLIC})
    some = carried("", query)
    without, beside = passages(*public), passages(*public, *secret)
    ids = [PassageId(number) for number in (1, 2, 50)]

    assert hits(beside, query, some, visible_to=seen) == hits(
        without, query, some, visible_to=seen
    )
    assert beside.score(query, ids, Kind.DOCS, visible_to=seen, renderings=some) == (
        without.score(query, ids, Kind.DOCS, visible_to=seen, renderings=some)
    )
    assert set(range(50, 58)) <= {*hits(beside, query, some)}


# -- whole documents ---------------------------------------------------------------


def found_in(
    index: TantivyTexts,
    query: str,
    field: TextField,
    some: tuple[Rendering, ...] = (),
    **more: frozenset[str] | None,
) -> dict[int, float]:
    found = index.search(
        query,
        field,
        10,
        kind=Kind.DOCS,
        renderings=some,
        visible_to=more.get("visible_to"),
        languages=more.get("languages"),
    )
    scored = index.score(
        query,
        [*map(DocumentId, range(100))],
        kind=Kind.DOCS,
        renderings=some,
        visible_to=more.get("visible_to"),
    )[field]
    # What is searched is what is scored.
    assert all(scored[number] == score for number, score in found)
    return dict(found)


def test_documents_are_asked_in_their_language_in_each_field_of_their_own() -> None:
    query = "supprimer la carte"
    some = carried("", query)
    for field in (TITLE, OPENING, WHOLE):
        index = documents(
            document(1, {field: [Text("Deleting maps", "en")]}, "en"),
            document(2, {field: [Text("Suppression des cartes", "fr")]}, "fr"),
            document(3, {field: [Text("Carte", "en")]}, "en"),
            document(4, {field: [Text("Weather", "en")]}, "en"),
        )

        assert {*found_in(index, query, field)} == {2, 3}
        assert {*found_in(index, query, field, some)} == {1, 2}
        assert (
            found_in(index, query, field, some)[2] == (found_in(index, query, field)[2])
        )


def test_what_others_wrote_of_a_document_is_asked_in_every_language() -> None:
    """A French question was answered with an English page: it is found by both."""
    query = "supprimer la carte"
    some = carried("", query)
    for field in (ASKED, ANCHORS):
        index = documents(
            document(1, {field: [Text("Supprimer une carte ?", "fr")]}, "en"),
            document(2, {field: [Text("How to delete a map?", "en")]}, "en"),
            document(
                3,
                {
                    field: [
                        Text("Supprimer une carte ?", "fr"),
                        Text("How to delete a map?", "en"),
                    ]
                },
                "en",
            ),
            document(4, {field: [Text("Weather", "en")]}, "en"),
        )

        own = found_in(index, query, field)
        found = found_in(index, query, field, some)

        assert {*own} == {1, 3}
        assert {*found} == {1, 2, 3}
        assert found[1] == own[1]
        # The better, not the sum of two languages.
        assert found[3] <= max(found[1], found[2])


def test_documents_are_found_in_some_languages_alone() -> None:
    query = "supprimer la carte"
    index = documents(
        document(1, {WHOLE: [Text("delete the map", "en")]}, "en"),
        document(2, {WHOLE: [Text("supprimer la carte", "fr")]}, "fr"),
        document(3, {WHOLE: [Text("supprimer la carte", None)]}, None),
    )
    some = carried("", query)

    def within(*languages: str) -> set[int]:
        return {*found_in(index, query, WHOLE, some, languages=frozenset(languages))}

    assert within("en") == {1}
    assert within("fr") == {2}
    assert within("fr", "en") == {1, 2}
    assert within("ar") == within() == set()
    assert {*found_in(index, query, WHOLE, some)} == {1, 2, 3}


def test_no_score_of_a_document_tells_of_private_ones() -> None:
    query = "supprimer la carte"
    public = [
        document(1, {WHOLE: [Text("supprimer la carte", "fr")]}, "fr"),
        document(2, {WHOLE: [Text("delete the map", None)]}, None),
    ]
    secret = document(3, {WHOLE: [Text("delete the map", "en")]}, "en", STAFF)
    some, seen = carried("", query), frozenset({PUBLIC})

    beside = found_in(documents(*public, secret), query, WHOLE, some, visible_to=seen)

    assert beside == found_in(documents(*public), query, WHOLE, some, visible_to=seen)
    assert {*beside} == {1}
