"""Quality figures, against values worked out by hand and laws they must obey."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.metrics import mrr_at_k, ndcg_at_k, precision_at_coverage, recall_at_k

RANKINGS = st.lists(st.integers(0, 30), unique=True, max_size=20)
RELEVANT = st.frozensets(st.integers(0, 30), min_size=1, max_size=10)
DEPTHS = st.integers(1, 25)
Figure = Callable[[Sequence[object], AbstractSet[object], int], float]


@pytest.mark.parametrize(
    ("ranking", "relevant", "k", "recall", "mrr", "ndcg"),
    [
        ([1, 2, 3], {1}, 3, 1.0, 1.0, 1.0),
        ([9, 1, 8], {1, 2}, 3, 0.5, 0.5, (1 / math.log2(3)) / (1 + 1 / math.log2(3))),
        ([9, 8, 1], {1}, 2, 0.0, 0.0, 0.0),
        ([], {1}, 5, 0.0, 0.0, 0.0),
        ([2, 1], {1, 2, 3}, 1, 1 / 3, 1.0, 1.0),
        (["a", "x", "b"], {"a", "b"}, 10, 1.0, 1.0, 1.5 / (1 + 1 / math.log2(3))),
    ],
)
def test_figures_are_those_worked_out_by_hand(
    ranking: list[object],
    relevant: set[object],
    k: int,
    recall: float,
    mrr: float,
    ndcg: float,
) -> None:
    assert recall_at_k(ranking, relevant, k) == pytest.approx(recall)
    assert mrr_at_k(ranking, relevant, k) == pytest.approx(mrr)
    assert ndcg_at_k(ranking, relevant, k) == pytest.approx(ndcg)


@given(RANKINGS, RELEVANT, DEPTHS)
def test_all_figures_lie_between_nothing_and_perfection(
    ranking: list[int], relevant: frozenset[int], k: int
) -> None:
    perfect = sorted(relevant) + [i for i in ranking if i not in relevant]
    for figure in (recall_at_k, mrr_at_k, ndcg_at_k):
        assert 0 <= figure(ranking, relevant, k) <= figure(perfect, relevant, k) <= 1


@given(RANKINGS, RELEVANT, DEPTHS)
def test_looking_deeper_never_lowers_recall_or_reciprocal_rank(
    ranking: list[int], relevant: frozenset[int], k: int
) -> None:
    for figure in (recall_at_k, mrr_at_k):
        assert figure(ranking, relevant, k) <= figure(ranking, relevant, k + 1)


@pytest.mark.parametrize("figure", [recall_at_k, mrr_at_k, ndcg_at_k])
def test_what_cannot_be_scored_is_an_error(figure: Figure) -> None:
    with pytest.raises(ValueError, match="nothing is relevant"):
        figure([1], set(), 1)
    with pytest.raises(ValueError, match="k must be >= 1, got 0"):
        figure([1], {1}, 0)


@pytest.mark.parametrize(
    ("coverage", "expected"), [(0.25, 1.0), (0.5, 0.5), (0.75, 2 / 3), (1.0, 0.5)]
)
def test_precision_counts_the_surest_share_of_questions(
    coverage: float, expected: float
) -> None:
    outcomes = [(0.2, False), (0.9, True), (0.4, True), (0.6, False)]
    assert precision_at_coverage(outcomes, coverage) == pytest.approx(expected)


def test_at_least_one_question_is_answered() -> None:
    assert precision_at_coverage([(0.1, False), (0.9, True)], 0.001) == 1.0


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1
    ).flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))),
    st.floats(0.01, 1),
)
def test_precision_does_not_depend_on_the_order_of_equals(
    both: tuple[list[tuple[float, bool]], list[tuple[float, bool]]], coverage: float
) -> None:
    first, shuffled = both
    assert precision_at_coverage(first, coverage) == pytest.approx(
        precision_at_coverage(shuffled, coverage)
    )


@pytest.mark.parametrize("coverage", [0.0, -0.5, 1.01, math.nan])
def test_a_coverage_out_of_range_is_an_error(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage must be in"):
        precision_at_coverage([(0.5, True)], coverage)


def test_no_outcomes_are_an_error() -> None:
    with pytest.raises(ValueError, match="no outcomes"):
        precision_at_coverage([], 0.5)
