"""Probabilities and thresholds, against synthetic communities whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.calibrate import Calibration, Float, Floor, fit_calibration, fit_floor
from kb.metrics import expected_calibration_error
from kb.thresholds import (
    MIN_KIND,
    MIN_LANGUAGE,
    MIN_SHOWN,
    Outcome,
    Threshold,
    Thresholds,
    choose_threshold,
    choose_thresholds,
)
from kb.types import Kind

NAMES = ("score", "margin", "noise")
PRIOR = Calibration(
    names=NAMES,
    means=(0.4, 0.1, 0.0),
    deviations=(0.2, 0.05, 1.0),
    weights=(1.2, 0.5, 0.0),
    intercept=-1.0,
)
# How long an example takes depends on what else the machine does.
untimed = settings(deadline=None)
SAFE = st.floats(-50, 50, allow_nan=False)


def sigmoid(log_odds: Float) -> Float:
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)


def community(
    rng: np.random.Generator, n: int, *, intercept: float = -1.0
) -> tuple[Float, Float, Float]:
    """Evidence, the true probabilities, and what came of them."""
    evidence = rng.normal((0.4, 0.1, 0.0), (0.2, 0.05, 1.0), size=(n, 3))
    log_odds = (
        intercept
        + 1.5 * (evidence[:, 0] - 0.4) / 0.2
        + 0.7 * (evidence[:, 1] - 0.1) / 0.05
    )
    truth = sigmoid(log_odds)
    return evidence, truth, (rng.random(n) < truth).astype(np.float64)


def test_true_weights_and_probabilities_are_found() -> None:
    rng = np.random.default_rng(1)
    evidence, _, right = community(rng, 4000)
    fresh, truth, came = community(rng, 4000)

    found = fit_calibration(evidence, right, NAMES)
    given_to_fresh = found.probability(fresh)

    assert found.outcomes == 4000
    assert found.weights == pytest.approx((1.5, 0.7, 0.0), abs=0.15)
    assert np.abs(given_to_fresh - truth).mean() < 0.02
    outcomes = list(zip(given_to_fresh.tolist(), came.astype(bool), strict=True))
    assert expected_calibration_error(outcomes) < 0.03


def test_a_prior_is_kept_without_outcomes_and_forgotten_with_many() -> None:
    rng = np.random.default_rng(2)
    distance = []
    for n in (0, 5, 30, 3000):
        evidence, _, right = community(rng, n, intercept=0.5)
        found = fit_calibration(evidence, right, NAMES, prior=PRIOR)
        assert (found.means, found.deviations) == (PRIOR.means, PRIOR.deviations)
        distance.append(abs(found.intercept - PRIOR.intercept))
        if n == 0:
            assert found is PRIOR
    assert distance == sorted(distance)
    assert distance[-1] == pytest.approx(1.5, abs=0.2)


@pytest.mark.parametrize("outcome", [False, True])
def test_outcomes_of_one_class_only_move_a_prior_a_little(outcome: bool) -> None:
    rng = np.random.default_rng(3)
    evidence, _, _ = community(rng, 8)
    found = fit_calibration(evidence, [outcome] * 8, NAMES, prior=PRIOR)
    before, after = PRIOR.probability(evidence), found.probability(evidence)
    assert ((after > before) == outcome).all()
    assert (after > 0.01).all()
    assert (after < 0.99).all()


@pytest.mark.parametrize("outcome", [False, True])
def test_one_class_only_without_a_prior_gives_no_certainty(outcome: bool) -> None:
    found = fit_calibration([[1.0], [2.0], [3.0]], [outcome] * 3, ["score"])
    probability = found.probability([[2.0]])[0]
    assert 0.02 < probability < 0.98
    assert (probability > 0.5) == outcome


def test_few_outcomes_with_a_prior_beat_few_outcomes_alone() -> None:
    rng = np.random.default_rng(4)
    alone: list[float] = []
    drawn: list[float] = []
    for _ in range(30):
        evidence, _, right = community(rng, 15)
        fresh, truth, _ = community(rng, 200)
        for errors, prior in ((alone, None), (drawn, PRIOR)):
            found = fit_calibration(evidence, right, NAMES, prior=prior)
            errors.append(np.abs(found.probability(fresh) - truth).mean())
    assert np.mean(drawn) < 0.8 * np.mean(alone)


def test_a_weight_of_two_is_the_outcome_seen_twice_and_of_none_not_at_all() -> None:
    rng = np.random.default_rng(5)
    evidence, _, right = community(rng, 60)
    weighted = fit_calibration(evidence, right, NAMES, weight=[2.0] * 30 + [0.0] * 30)
    repeated = fit_calibration(
        np.repeat(evidence[:30], 2, axis=0), np.repeat(right[:30], 2), NAMES
    )
    assert weighted.outcomes == 30
    assert weighted.weights == pytest.approx(repeated.weights, abs=1e-4)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-4)


def test_a_column_that_never_changes_tells_nothing() -> None:
    evidence = [[0.1, 7.0], [0.9, 7.0]] * 20
    found = fit_calibration(evidence, [False, True] * 20, ["score", "constant"])
    assert found.contributions([[0.5, 7.0]])[0, 1] == pytest.approx(0.0)


@untimed
@given(st.lists(st.tuples(SAFE, SAFE, SAFE), min_size=1, max_size=5))
def test_contributions_add_up_to_the_probability(
    rows: list[tuple[float, float, float]],
) -> None:
    log_odds = PRIOR.intercept + PRIOR.contributions(rows).sum(axis=1)
    probability = PRIOR.probability(rows)
    assert probability == pytest.approx(sigmoid(log_odds))
    assert ((probability >= 0) & (probability <= 1)).all()


def test_evidence_beyond_all_that_was_seen_makes_nothing_surer() -> None:
    far, farther = PRIOR.probability([[0.4 + 4 * 0.2, 0.1, 0.0], [1e9, 0.1, 0.0]])
    assert far == farther


def test_what_lies_below_its_floor_is_not_believed_however_it_compares() -> None:
    floored = replace(PRIOR, floors=(Floor("margin", 0.0, 0.1),))
    rows = [[0.9, margin, 0.0] for margin in (-1.0, 0.0, 0.05, 0.1, 0.3)]

    shares = floored.probability(rows) / PRIOR.probability(rows)

    assert shares == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])
    # Learning keeps them, and whoever leaves the column out leaves them out.
    assert fit_calibration(rows, [1] * 5, NAMES, prior=floored).floors
    assert not floored.only(["score"]).floors
    assert floored.only(["margin"]).floors == floored.floors


def test_a_floor_lies_under_nearly_all_that_a_community_asked() -> None:
    given = Floor("score", 0.1, 0.2)
    asked = np.linspace(0.0, 1.0, 1_001)

    assert fit_floor(given, asked) == Floor("score", 0.01, 0.05)
    assert fit_floor(given, asked[:50]) == given
    assert fit_floor(given, []) == given
    assert fit_floor(given, [0.7] * 500) == given


def test_columns_can_be_left_out() -> None:
    fewer = PRIOR.only({NAMES[0], NAMES[2], "unknown"})

    assert fewer.names == (NAMES[0], NAMES[2])
    rows = [[0.7, 0.2, 1.0], [0.1, 0.3, 0.0]]
    at_mean = [[a, PRIOR.means[1], c] for a, _, c in rows]
    assert fewer.probability([[a, c] for a, _, c in rows]) == pytest.approx(
        PRIOR.probability(at_mean)
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: fit_calibration([], [], NAMES), "no outcomes, and no prior"),
        (
            lambda: fit_calibration([[1.0, 2.0]], [True], NAMES),
            r"evidence: expected shape \(n, 3\), got \(1, 2\)",
        ),
        (
            lambda: fit_calibration([[0.0, math.nan, 0.0]], [True], NAMES),
            "evidence.margin: expected finite",
        ),
        (lambda: fit_calibration([[0.0] * 3], [], NAMES), "one outcome and weight"),
        (
            lambda: fit_calibration([[0.0] * 3], [True], NAMES, weight=[-1.0]),
            "weight: expected finite",
        ),
        (
            lambda: fit_calibration([[0.0]], [True], ["other"], prior=PRIOR),
            "prior: expected columns",
        ),
        (lambda: replace(PRIOR, weights=(1.2, 0.5)), "weights: expected 3"),
        (lambda: Floor("score", 0.2, 0.2), "low below high"),
        (
            lambda: replace(PRIOR, floors=(Floor("other", 0.0, 1.0),)),
            "floors: no column 'other'",
        ),
        (lambda: replace(PRIOR, deviations=(0.0, 1.0, 1.0)), "deviations"),
        (lambda: choose_threshold([(0.5, True)], 1.0), "precision must be in"),
        (lambda: choose_threshold([(1.5, True)], 0.5), "confidence must be in"),
    ],
)
def test_wrong_input_is_an_error_that_says_what(
    wrong: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()


def distorted(truth: Float, slope: float, shift: float) -> Float:
    return sigmoid(shift + slope * np.log(truth / (1 - truth)))


@pytest.mark.parametrize("asked", [0.3, 0.5, 0.7])
@pytest.mark.parametrize(
    ("slope", "shift", "slack"),
    [(1.0, 0.0, 0.01), (1.5, 0.4, 0.02), (0.6, -0.3, 0.04)],
    ids=["calibrated", "too sure", "not sure enough"],
)
def test_the_precision_asked_for_is_the_precision_got(
    asked: float, slope: float, shift: float, slack: float
) -> None:
    """Chosen on some histories, met on average on a large fresh one.

    *slack* is beyond sampling error (two standard errors), for confidences that
    are distorted more than a calibration would leave them.
    """
    rng = np.random.default_rng(int(asked * 100 + slope * 10))
    fresh_truth = np.clip(rng.beta(0.8, 2.2, 50_000), 1e-6, 1 - 1e-6)
    fresh = distorted(fresh_truth, slope, shift)
    got = []
    for _ in range(30):
        truth = np.clip(rng.beta(0.8, 2.2, 800), 1e-6, 1 - 1e-6)
        right = rng.random(800) < truth
        confidences = distorted(truth, slope, shift)
        threshold = choose_threshold(
            list(zip(confidences.tolist(), right.tolist(), strict=True)), asked
        )
        assert threshold.confidence is not None
        assert threshold.coverage * 800 >= MIN_SHOWN
        got.append(fresh_truth[fresh >= threshold.confidence].mean())
    assert np.mean(got) == pytest.approx(
        asked, abs=slack + 2 * np.std(got) / math.sqrt(len(got))
    )
    assert np.std(got) < 0.05


def test_one_lucky_tail_of_three_opens_no_mouth() -> None:
    lucky = [(0.95, True)] * 3
    rest = [(0.3 + i / 1000, i % 5 == 0) for i in range(100)]
    assert choose_threshold(lucky + rest, 0.7).confidence is None


def test_a_precision_out_of_reach_gives_silence() -> None:
    hopeless = [(0.4, i % 4 == 0) for i in range(200)]
    assert choose_threshold(hopeless, 0.9) == Threshold(
        asked=0.9, confidence=None, precision=None, interval=None, coverage=0.0, n=200
    )
    assert not choose_threshold(hopeless, 0.9).shows(1.0)


def test_everything_is_shown_where_everything_is_right_enough() -> None:
    threshold = choose_threshold([(0.8, i % 5 > 0) for i in range(100)], 0.7)
    assert (threshold.confidence, threshold.precision, threshold.coverage) == (
        0.8,
        0.8,
        1.0,
    )
    assert threshold.shows(0.8)
    assert not threshold.shows(0.79)


def test_what_nothing_speaks_for_is_not_carried_by_the_others() -> None:
    """Three in four are right, and half would do: still nobody is told what is as
    good as certain to be wrong."""
    history = [(0.9, True)] * 150 + [(0.0, False)] * 50

    threshold = choose_threshold(history, 0.5)

    assert not threshold.shows(0.0)
    assert threshold.shows(0.9)
    assert threshold.coverage == 0.75


def test_a_lucky_one_that_nothing_spoke_for_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    confidences = rng.uniform(0.05, 0.95, 300)
    history = [(float(c), bool(rng.random() < c)) for c in confidences]

    chosen, other = (
        choose_threshold(h, 0.6) for h in (history, [*history, (0.0, True)])
    )

    assert chosen.confidence == other.confidence is not None


def test_a_head_that_history_refutes_is_not_believed() -> None:
    """Two parameters cannot mend a few that are sure and wrong; the count sees them."""
    rng = np.random.default_rng(6)
    truth = rng.uniform(0.05, 0.6, 600)
    honest = list(zip(truth.tolist(), (rng.random(600) < truth).tolist(), strict=True))
    boasting = [(0.97, i < 5) for i in range(25)]
    assert choose_threshold(honest + boasting, 0.7).confidence is None


@untimed
@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.6, 0.9]), st.booleans())).flatmap(
        lambda items: st.tuples(st.just(items), st.permutations(items))
    )
)
def test_a_threshold_does_not_depend_on_the_order_of_outcomes(
    both: tuple[list[tuple[float, bool]], list[tuple[float, bool]]],
) -> None:
    first, shuffled = both
    assert choose_threshold(first, 0.5) == choose_threshold(shuffled, 0.5)


def outcomes_of(kind: Kind, language: str, n: int, sure: float) -> list[Outcome]:
    return [Outcome(kind, language, sure, i < sure * n) for i in range(n)]


def test_a_language_with_few_outcomes_uses_its_kinds_threshold() -> None:
    thresholds = choose_thresholds(
        [
            *outcomes_of(Kind.THREAD, "en", MIN_LANGUAGE, 0.8),
            *outcomes_of(Kind.THREAD, "fr", MIN_LANGUAGE - 1, 0.6),
            *outcomes_of(Kind.DOCS, "", MIN_KIND, 0.7),
            *outcomes_of(Kind.VIDEO, "en", MIN_KIND - 1, 0.9),
        ],
        0.5,
    )
    assert [(g.kind, g.language) for g in thresholds.groups] == [
        (Kind.DOCS, None),
        (Kind.THREAD, None),
        (Kind.THREAD, "en"),
    ]
    english = thresholds.find(Kind.THREAD, "en")
    french = thresholds.find(Kind.THREAD, "fr")
    assert english is not None
    assert french is not None
    assert english.confidence == 0.8
    assert french.confidence == 0.6
    assert thresholds.find(Kind.DOCS, "en") == thresholds.find(Kind.DOCS, "")
    assert thresholds.find(Kind.VIDEO, "en") is None


def test_a_language_known_to_be_poor_stays_silent_whatever_its_kind_allows() -> None:
    thresholds = choose_thresholds(
        [
            *outcomes_of(Kind.THREAD, "en", 300, 0.8),
            *outcomes_of(Kind.THREAD, "fr", MIN_LANGUAGE, 0.1),
        ],
        0.6,
    )
    french = thresholds.find(Kind.THREAD, "fr")
    assert french is not None
    assert french.confidence is None
    spanish = thresholds.find(Kind.THREAD, "es")
    assert spanish is not None
    assert spanish.shows(0.8)


def test_no_history_gives_no_thresholds() -> None:
    assert choose_thresholds([], 0.5) == Thresholds(0.5)
    assert choose_threshold([], 0.5).confidence is None
