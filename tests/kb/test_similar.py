"""Older questions like a new one, and what they lead to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.asked import Asked
from kb.graph import ACCEPTED_WEIGHT, Edge, LinkGraph
from kb.question import Question
from kb.similar import (
    NEIGHBOURS,
    Similar,
    linked_beside,
    linked_from,
    linking_to,
    similar_questions,
)
from kb.types import PUBLIC, DocumentId, Kind, LinkRole
from tests.kb.world import EMBEDDER, STAFF_ROOM, World

# A busy machine is no failure.
untimed = settings(deadline=None)
IDS = st.integers(1, 6).map(DocumentId)
EDGES = st.lists(
    st.builds(
        Edge, IDS, IDS, st.sampled_from(LinkRole), st.none(), accepted=st.booleans()
    ),
    max_size=20,
)
LIKENESS = st.dictionaries(IDS, st.floats(0, 1), max_size=6)


@pytest.fixture
def world() -> World:
    return World()


def alike(world: World, question: Question, *exclude: int) -> Similar:
    return similar_questions(
        Asked.of(question, EMBEDDER),
        world.corpus(),
        exclude=[DocumentId(number) for number in exclude],
    )


def edge(source: int, target: int, *, accepted: bool = False) -> Edge:
    ends = DocumentId(source), DocumentId(target)
    return Edge(*ends, LinkRole.HELPER, accepted=accepted)


# -- questions alike ---------------------------------------------------------------


def test_the_likest_question_is_found_in_each_way(world: World) -> None:
    world.put(1, "How do I make a nightly backup?", "Zebras graze.", title="Backup")
    world.put(2, "My screen is dark.", "How do I make a nightly backup?", title="Dark")

    found = alike(world, Question("Backup", "How to make a nightly backup"))

    assert max(found.by_meaning, key=found.by_meaning.__getitem__) == 1
    assert 0.5 < found.by_meaning[DocumentId(1)] <= 1
    assert found.by_meaning[DocumentId(2)] < 0.1
    # The question that opens a thread counts, not what was answered.
    assert found.by_words == {1: 1.0}
    assert found.by_titles == {1: 1.0}


def test_the_same_question_is_wholly_alike_and_an_opposite_one_not_at_all(
    world: World,
) -> None:
    world.put(1, "nightly backup")
    same = Asked.of(Question("", "nightly backup"), EMBEDDER)

    by_meaning = similar_questions(same, world.corpus()).by_meaning
    opposite = similar_questions(
        replace(same, vectors=-same.vectors), world.corpus()
    ).by_meaning

    assert by_meaning == {1: pytest.approx(1.0, abs=1e-5)}
    assert opposite == {1: 0.0}


def test_private_threads_take_no_place_among_those_alike_in_meaning(
    world: World,
) -> None:
    for number in range(1, NEIGHBOURS + 2):
        world.put(number, f"How do I make a backup {number}?")
    question = Question("", "nightly backup")
    asked = Asked.of(question, EMBEDDER)

    def seen(*visible_to: str) -> Similar:
        reader = frozenset(visible_to)
        return similar_questions(asked, world.corpus(), visible_to=reader)

    before = seen(PUBLIC)
    assert len(before.by_meaning) == NEIGHBOURS
    for number in range(100, 100 + 5 * NEIGHBOURS):
        world.put(number, "nightly backup", visibility=STAFF_ROOM)

    assert seen(PUBLIC) == before
    assert list(before.by_meaning) == list(seen(PUBLIC).by_meaning)
    assert min(seen(PUBLIC, STAFF_ROOM).by_meaning) == 100


def test_pages_are_no_questions(world: World) -> None:
    world.put(1, "nightly backup", title="Backup", kind=Kind.DOCS)

    assert alike(world, Question("Backup", "nightly backup")) == Similar({}, {}, {})


def test_words_count_by_place_and_no_better_one_counts_less(world: World) -> None:
    for number in range(1, 9):
        world.put(number, "backup " + "zebra " * number)

    places = alike(world, Question("", "backup")).by_words

    assert list(places) == list(range(1, 9))
    values = list(places.values())
    assert values == sorted(values, reverse=True)
    assert values[0] == 1.0
    assert values[-1] > 0


def test_a_title_is_met_by_titles_and_a_text_without_one_as_well(
    world: World,
) -> None:
    world.put(1, "Zebras graze.", title="Nightly backup")

    assert alike(world, Question("Backup", "My screen")).by_titles == {1: 1.0}
    assert alike(world, Question("", "A backup")).by_titles == {1: 1.0}
    assert alike(world, Question("My screen", "A backup")).by_titles == {}


@pytest.mark.parametrize("how", ["document", "exclude"])
def test_what_is_left_out_is_in_no_list_and_takes_no_place(
    world: World, how: str
) -> None:
    for number in range(1, NEIGHBOURS + 3):
        world.put(number, "nightly backup", title="Backup")
    itself = DocumentId(1)
    question = Question(
        "Backup", "nightly backup", document=itself if how == "document" else None
    )

    found = alike(world, question, *([] if how == "document" else [1]))

    others = set(range(2, NEIGHBOURS + 2))
    assert set(found.by_meaning) == others
    assert set(found.by_words) == others
    assert set(found.by_titles) == others
    assert found.by_words[DocumentId(2)] == 1.0


def test_words_of_what_may_not_be_seen_are_not_met(world: World) -> None:
    world.put(1, "nightly backup", title="Backup", visibility=STAFF_ROOM)
    world.put(2, "nightly backup of it all", title="Backup of all")
    question = Question("Backup", "nightly backup")
    asked = Asked.of(question, EMBEDDER)

    found = similar_questions(asked, world.corpus(), visible_to=frozenset({PUBLIC}))

    assert (found.by_words, found.by_titles) == ({2: 1.0}, {2: 1.0})


def test_nothing_is_like_a_question_that_nobody_asked_before(world: World) -> None:
    assert alike(world, Question("Backup", "nightly")) == Similar({}, {}, {})


# -- what they lead to -------------------------------------------------------------


def test_what_similar_questions_were_answered_with_adds_up() -> None:
    graph = LinkGraph([edge(1, 9), edge(2, 9, accepted=True), edge(2, 8), edge(3, 7)])
    similar = {DocumentId(1): 0.5, DocumentId(2): 0.25, DocumentId(4): 1.0}

    assert linked_from(graph, similar) == {9: 0.5 + 0.25 * ACCEPTED_WEIGHT, 8: 0.25}


def test_what_links_to_similar_questions_adds_up() -> None:
    graph = LinkGraph([edge(9, 1), edge(9, 2), edge(8, 2), edge(7, 3), edge(1, 6)])
    similar = {DocumentId(1): 0.5, DocumentId(2): 0.25}

    assert linking_to(graph, similar) == {9: 0.75, 8: 0.25}


def test_beside_a_link_is_what_it_links_and_what_links_it() -> None:
    graph = LinkGraph([edge(1, 2), edge(3, 1), edge(3, 4), edge(2, 5)])

    assert linked_beside(graph, [DocumentId(1)]) == {2: 1.0, 3: 1.0}
    assert linked_beside(graph, []) == {}


@untimed
@given(EDGES, LIKENESS, LIKENESS)
def test_two_groups_of_questions_say_together_what_they_say_apart(
    edges: list[Edge], some: dict[DocumentId, float], more: dict[DocumentId, float]
) -> None:
    graph = LinkGraph(edges)
    others = {i: likeness for i, likeness in more.items() if i not in some}

    for lead in (linked_from, linking_to):
        together = lead(graph, some | others)
        apart = lead(graph, some), lead(graph, others)
        assert set(together) == set(apart[0]) | set(apart[1])
        for target, score in together.items():
            assert score == pytest.approx(sum(one.get(target, 0) for one in apart))


@untimed
@given(EDGES, LIKENESS)
def test_looking_from_either_end_is_the_same_on_a_turned_graph(
    edges: list[Edge], similar: dict[DocumentId, float]
) -> None:
    turned = [Edge(e.target, e.source, e.role, e.at, e.accepted) for e in edges]

    there = linked_from(LinkGraph(edges), similar)

    assert there == pytest.approx(linking_to(LinkGraph(turned), similar))
