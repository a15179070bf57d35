"""The link graph: both ends of each link, and how much it says."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.graph import Edge, LinkGraph
from kb.types import DocumentId, LinkRole

# A busy machine is no failure.
untimed = settings(deadline=None)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDS = st.integers(1, 5).map(DocumentId)
EDGES = st.lists(
    st.builds(
        Edge,
        IDS,
        IDS,
        st.sampled_from(LinkRole),
        st.none() | st.integers(0, 9).map(lambda days: NOON + timedelta(days=days)),
        st.booleans(),
    ),
    max_size=25,
)


def edge(
    source: int,
    target: int,
    *,
    role: LinkRole = LinkRole.HELPER,
    at: datetime | None = None,
    accepted: bool = False,
) -> Edge:
    return Edge(DocumentId(source), DocumentId(target), role, at, accepted)


def test_links_are_known_from_both_ends() -> None:
    graph = LinkGraph([edge(1, 2), edge(1, 3), edge(4, 3)])

    assert graph.out_of(DocumentId(1)) == {2: 1.0, 3: 1.0}
    assert graph.into(DocumentId(3)) == {1: 1.0, 4: 1.0}
    assert graph.out_of(DocumentId(3)) == graph.into(DocumentId(1)) == {}


def test_who_links_twice_does_not_recommend_twice() -> None:
    """The strongest of the links counts, whichever came first."""
    strong = edge(1, 2, accepted=True)
    weak = edge(1, 2, role=LinkRole.PAGE)

    for order in ([strong, weak], [weak, strong], [weak, strong, weak]):
        graph = LinkGraph(order)
        assert graph.out_of(DocumentId(1)) == {2: strong.weight}
        assert graph.into(DocumentId(2)) == {1: strong.weight}


@pytest.mark.parametrize("role", LinkRole)
def test_an_accepted_link_says_more_and_each_says_something(role: LinkRole) -> None:
    plain, accepted = edge(1, 2, role=role), edge(1, 2, role=role, accepted=True)
    assert accepted.weight > plain.weight > 0


def test_a_page_says_less_than_a_person() -> None:
    page = edge(1, 2, role=LinkRole.PAGE).weight
    people = {edge(1, 2, role=role).weight for role in set(LinkRole) - {LinkRole.PAGE}}
    assert page < min(people)


def test_the_newest_link_is_told() -> None:
    graph = LinkGraph()
    assert graph.latest is None

    for days in (3, 8, 5):
        graph.add(edge(1, days, at=NOON + timedelta(days=days)))
    graph.add(edge(1, 99))

    assert graph.latest == NOON + timedelta(days=8)


def test_looking_at_a_document_does_not_make_one() -> None:
    graph = LinkGraph([edge(1, 2)])
    held = graph.out_of(DocumentId(7))

    graph.add(edge(7, 2))

    assert held == {}
    assert graph.out_of(DocumentId(7)) == {2: 1.0}


@untimed
@given(EDGES, st.randoms(use_true_random=False))
def test_the_order_of_links_does_not_matter_and_both_ends_agree(
    edges: list[Edge], draw: random.Random
) -> None:
    shuffled = draw.sample(edges, len(edges))
    graph, other = LinkGraph(edges), LinkGraph(shuffled)

    for one in map(DocumentId, range(1, 6)):
        assert graph.out_of(one) == other.out_of(one)
        assert graph.into(one) == other.into(one)
        for target, weight in graph.out_of(one).items():
            assert graph.into(target)[one] == weight
        for source, weight in graph.into(one).items():
            assert graph.out_of(source)[one] == weight
    assert graph.latest == other.latest


def test_who_answered_with_a_document_is_told_without_pages_that_link_it() -> None:
    graph = LinkGraph(
        [
            edge(1, 9),
            edge(1, 9, role=LinkRole.PAGE),
            edge(2, 9, role=LinkRole.PAGE),
            edge(3, 9, role=LinkRole.ASKER),
            edge(4, 9, role=LinkRole.STAFF),
            edge(4, 9, role=LinkRole.STAFF, accepted=True),
            edge(9, 1, role=LinkRole.PAGE),
        ]
    )

    assert set(graph.answered_with(DocumentId(9))) == {1, 3, 4}
    assert set(graph.answered_with(DocumentId(1))) == set()
    assert set(graph.answered_with(DocumentId(99))) == set()
    # Where links lead is another question: pages have a say there.
    assert set(graph.into(DocumentId(9))) == {1, 2, 3, 4}


@untimed
@given(EDGES)
def test_who_answered_is_all_that_link_but_for_pages(edges: list[Edge]) -> None:
    graph = LinkGraph(edges)

    for target in {each.target for each in edges}:
        said = set(graph.answered_with(target))
        assert said <= set(graph.into(target))
        assert said == {
            each.source
            for each in edges
            if each.target == target and each.role is not LinkRole.PAGE
        }
