"""Quality figures, against values worked out by hand and laws they must obey."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.metrics import (
    ReliabilityPoint,
    expected_calibration_error,
    mrr_at_k,
    ndcg_at_k,
    precision_at_coverage,
    precision_coverage_curve,
    recall_at_k,
    reliability_curve,
    wilson_interval,
)

# How long an example takes depends on what else the machine does.
untimed = settings(deadline=None)
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


OUTCOMES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.35, 0.5, 0.9, 1.0]), st.booleans()),
    min_size=1,
    max_size=40,
)


def test_reliability_is_that_worked_out_by_hand() -> None:
    outcomes = [(0.75, True), (1.0, False), (0.125, False), (0.375, True)]
    low, high = wilson_interval(1, 2)
    assert reliability_curve(outcomes, 2) == [
        ReliabilityPoint(0.25, 0.5, low, high, 2),
        ReliabilityPoint(0.875, 0.5, low, high, 2),
    ]
    assert expected_calibration_error(outcomes, 2) == (0.25 + 0.375) / 2


def test_bins_of_equal_width_may_be_empty_and_hold_both_ends() -> None:
    outcomes = [(0.0, False), (0.05, False), (1.0, True)]
    points = reliability_curve(outcomes, 10, by="width")
    assert [(point.n, point.share) for point in points] == [(2, 0.0), (1, 1.0)]
    assert expected_calibration_error(outcomes, 10, by="width") == pytest.approx(
        2 / 3 * 0.025
    )


def test_bins_of_equal_mass_hold_as_many_each() -> None:
    outcomes = [(i / 100, i % 2 == 0) for i in range(100)]
    assert [point.n for point in reliability_curve(outcomes, 10)] == [10] * 10


@untimed
@given(OUTCOMES, st.integers(1, 12), st.sampled_from(["mass", "width"]))
def test_each_outcome_is_in_one_bin_and_equal_confidences_in_the_same(
    outcomes: list[tuple[float, bool]], bins: int, by: Literal["mass", "width"]
) -> None:
    points = reliability_curve(outcomes, bins, by=by)
    assert 1 <= len(points) <= bins
    assert sum(point.n for point in points) == len(outcomes)
    assert sum(point.share * point.n for point in points) == pytest.approx(
        sum(right for _, right in outcomes)
    )
    ends = [point.confidence for point in points]
    assert ends == sorted(set(ends))
    assert all(0 <= p.low <= p.share <= p.high <= 1 for p in points)
    assert 0 <= expected_calibration_error(outcomes, bins, by=by) <= 1


@untimed
@given(OUTCOMES, st.randoms())
def test_calibration_does_not_depend_on_the_order(
    outcomes: list[tuple[float, bool]], random: Random
) -> None:
    shuffled = outcomes.copy()
    random.shuffle(shuffled)
    assert reliability_curve(shuffled) == reliability_curve(outcomes)


def test_perfect_confidences_err_by_sampling_alone() -> None:
    random = Random(3)
    chances = [random.random() for _ in range(20_000)]
    outcomes = [(chance, random.random() < chance) for chance in chances]
    assert expected_calibration_error(outcomes) < 0.015
    flattered = [(chance**0.5, right) for chance, right in outcomes]
    assert expected_calibration_error(flattered) > 0.1


@untimed
@given(OUTCOMES)
def test_each_point_of_the_curve_is_what_its_threshold_gives(
    outcomes: list[tuple[float, bool]],
) -> None:
    points = precision_coverage_curve(outcomes)
    assert points[-1].coverage == 1.0
    for point in points:
        shown = [right for sure, right in outcomes if sure >= point.confidence]
        assert point.n == len(shown)
        assert point.coverage == len(shown) / len(outcomes)
        assert point.precision == sum(shown) / len(shown)
        assert (point.low, point.high) == wilson_interval(sum(shown), len(shown))


@pytest.mark.parametrize("figure", [reliability_curve, precision_coverage_curve])
def test_curves_of_nothing_or_of_no_probabilities_are_errors(
    figure: Callable[[Sequence[tuple[float, bool]]], object],
) -> None:
    with pytest.raises(ValueError, match="no outcomes"):
        figure([])
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="confidence must be in"):
            figure([(wrong, True)])
    with pytest.raises(ValueError, match="bins must be >= 1"):
        reliability_curve([(0.5, True)], 0)


@pytest.mark.parametrize(("right", "n"), [(0, 0), (-1, 3), (4, 3)])
def test_an_impossible_count_has_no_interval(right: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= right <= n"):
        wilson_interval(right, n)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = Random(4)
    held = 0
    for _ in range(2000):
        low, high = wilson_interval(sum(random.random() < 0.3 for _ in range(25)), 25)
        held += low <= 0.3 <= high
    # Counts are whole: no interval can hit 0.95 for each n and share.
    assert held / 2000 == pytest.approx(0.95, abs=0.04)
