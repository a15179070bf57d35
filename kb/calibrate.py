"""Evidence of a suggestion → the probability that it is right; and from which
probability on to show it, for a stated precision. Pure functions.

A probability is learned by logistic regression, with a prior that a community with
little history stays close to: few outcomes, or outcomes of one class only, need no
case of their own. Thresholds are chosen on outcomes that the calibration has not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kb.metrics import check_outcomes, wilson_interval
from kb.types import Kind

Float = NDArray[np.float64]
_Value = TypeVar("_Value")

# Evidence lower than that of nearly all that was ever asked is not to be reasoned from:
# in a community's own past it hardly occurs, so that no outcome tells what it means. At
# the first of these quantiles a suggestion is not believed at all, at the second fully.
_FLOOR_QUANTILES = (0.01, 0.05)
# Fewer questions than this have no such quantiles.
_MIN_FLOOR = 100

# How strongly a weight is held to its prior: 1 / variance, per standardised column. An
# outcome of a balanced column tells 0.25 at most, usually 0.2, so thirty outcomes
# weigh as much as the prior. The intercept, a community's base rate, is held less.
_PRIOR_WEIGHTS, _PRIOR_INTERCEPT = 6.0, 1.0
# The same without a prior: just enough for one class only, and for twin columns.
_RIDGE_WEIGHTS, _RIDGE_INTERCEPT = 1.0, 0.1
# Standard deviations from the mean beyond which evidence counts no further: what was
# never seen must not make a suggestion surer than any that was.
_REACH = 4.0

# Fewer right or wrong suggestions than this say nothing of a precision: with twenty,
# a 95 % interval is still as wide as ±0.2.
MIN_SHOWN = 20
# Where most suggestions are right, all of them together may reach a precision. One
# that is so much less sure than that must not be carried by the others.
LEAST_SHARE = 1 / 10
# A language has its own threshold from here on; below, its kind's is used.
MIN_LANGUAGE = 100
# A kind likewise; below, nothing is known.
MIN_KIND = 40
# Log-odds of a probability of 0 or 1 are cut here.
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Floor:
    """Evidence below which a suggestion is not believed, however it compares.

    Attributes:
        name: The column.
        low: At and below it nothing is believed.
        high: From it on the floor says nothing; between the two, the share of the way.
    """

    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError("floor: expected low below high")

    def share(self, values: Float) -> Float:
        """How much is believed of each, in [0, 1].

        >>> Floor("familiar", 0.4, 0.6).share(np.array([0.1, 0.45, 0.6])).round(2)
        array([0.  , 0.25, 1.  ])
        """
        return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression on named columns of evidence, above some floors.

    Attributes:
        names: The columns, in their order.
        means, deviations: What each is standardised with.
        weights: Log-odds per standard deviation.
        intercept: Log-odds where all columns are at their mean.
        outcomes: How many it was learned from; 0 for a shipped one.
        floors: Each takes its share off the probability.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    outcomes: int = 0
    floors: tuple[Floor, ...] = ()

    def __post_init__(self) -> None:
        columns = len(self.names)
        for floor in self.floors:
            if floor.name not in self.names:
                raise ValueError(f"floors: no column {floor.name!r}")
        for what in ("means", "deviations", "weights"):
            if len(getattr(self, what)) != columns:
                raise ValueError(f"{what}: expected {columns} numbers")
        if any(deviation <= 0 for deviation in self.deviations):
            raise ValueError("deviations: expected numbers above 0")

    def probability(self, evidence: ArrayLike) -> Float:
        """Probability of being right per row of *evidence*; shape ``(n,)``.

        Args:
            evidence: Shape ``(n, m)``, columns as in `names`.

        Raises:
            ValueError: *evidence* has another shape, or holds what is not finite.

        >>> sure = Calibration(("score",), (0.5,), (0.1,), (2.0,), 0.0)
        >>> sure.probability([[0.5], [0.6]]).round(3).tolist()
        [0.5, 0.881]
        """
        log_odds = self.intercept + self.contributions(evidence).sum(axis=1)
        believed = _sigmoid(log_odds)
        columns = _columns(evidence, self.names)
        for floor in self.floors:
            believed *= floor.share(columns[:, self.names.index(floor.name)])
        return believed

    def contributions(self, evidence: ArrayLike) -> Float:
        """Log-odds that each column adds; shape ``(n, m)``.

        A row's sum and the intercept are the log-odds of `probability`, above the
        floors. A column at its mean adds nothing.

        Raises:
            ValueError: As `probability`.
        """
        columns = _columns(evidence, self.names)
        standard = _standardised(columns, self.means, self.deviations)
        return standard * np.asarray(self.weights, dtype=np.float64)

    def only(self, names: Collection[str]) -> Calibration:
        """The same without the columns that are not named."""
        kept = [place for place, name in enumerate(self.names) if name in names]

        def some(values: tuple[_Value, ...]) -> tuple[_Value, ...]:
            return tuple(values[place] for place in kept)

        return replace(
            self,
            names=some(self.names),
            means=some(self.means),
            deviations=some(self.deviations),
            weights=some(self.weights),
            floors=tuple(floor for floor in self.floors if floor.name in names),
        )


def fit_calibration(
    evidence: ArrayLike,
    right: ArrayLike,
    names: Sequence[str],
    *,
    weight: ArrayLike | None = None,
    prior: Calibration | None = None,
) -> Calibration:
    """Learn a calibration from suggestions whose outcome is known.

    Args:
        evidence: Shape ``(n, m)``.
        right: Whether each was right; shape ``(n,)``.
        names: Of the columns.
        weight: How much each outcome counts, at least 0; shape ``(n,)``. All alike
            if not given.
        prior: What to stay close to, and what comes back for want of outcomes. Its
            standardisation and its floors are kept. Without one, weights are drawn
            towards 0.

    Returns:
        The most probable weights, given a Gaussian around the prior's; with thirty
        outcomes both count about alike, with some hundred the prior is forgotten.

    Raises:
        ValueError: Shapes do not agree, a number is not finite, a weight is negative,
            the prior has other columns, or there are neither outcomes nor a prior.

    Source:
        Platt, Advances in Large Margin Classifiers, 1999, for calibrating by logistic
        regression; Chelba and Acero, EMNLP 2004, for the Gaussian around a prior.

    >>> sure = fit_calibration([[0.0], [1.0]] * 50, [False, True] * 50, ["score"])
    >>> sure.probability([[0.0], [0.5], [1.0]]).round(2).tolist()
    [0.03, 0.5, 0.97]
    """
    columns = _columns(evidence, names)
    target = np.asarray(right, dtype=np.float64)
    counts = np.ones(len(target)) if weight is None else np.asarray(weight, np.float64)
    if target.shape != (len(columns),) or counts.shape != target.shape:
        raise ValueError(
            f"expected one outcome and weight per row, got {columns.shape}, "
            f"{target.shape} and {counts.shape}"
        )
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise ValueError("weight: expected finite numbers, at least 0")
    if prior is not None and prior.names != tuple(names):
        raise ValueError(f"prior: expected columns {tuple(names)}, got {prior.names}")
    if not counts.sum():
        if prior is None:
            raise ValueError("no outcomes, and no prior")
        return prior
    means, deviations = (
        _moments(columns, counts) if prior is None else (prior.means, prior.deviations)
    )
    centre = np.zeros(len(names) + 1)
    held = np.full(len(names) + 1, _RIDGE_WEIGHTS)
    held[0] = _RIDGE_INTERCEPT
    if prior is not None:
        centre[:] = (prior.intercept, *prior.weights)
        held[:] = _PRIOR_WEIGHTS
        held[0] = _PRIOR_INTERCEPT
    standard = _standardised(columns, means, deviations)
    found = _most_probable(standard, target, counts, centre, held)
    return Calibration(
        names=tuple(names),
        means=means,
        deviations=deviations,
        weights=tuple(found[1:].tolist()),
        intercept=float(found[0]),
        outcomes=int(np.count_nonzero(counts)),
        floors=() if prior is None else prior.floors,
    )


def fit_floor(floor: Floor, values: ArrayLike) -> Floor:
    """The floor of a column that a community's own questions have.

    Args:
        floor: What comes back for want of questions.
        values: Of the questions that were asked so far, whatever became of them;
            shape ``(n,)``.
    """
    known = np.asarray(values, dtype=np.float64)
    if len(known) < _MIN_FLOOR:
        return floor
    low, high = np.quantile(known, _FLOOR_QUANTILES).tolist()
    return Floor(floor.name, low, high) if low < high else floor


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which confidence on suggestions are as often right as was asked.

    Attributes:
        asked: The precision that was asked for.
        confidence: Shown are suggestions that are at least so sure; ``None``: the
            precision cannot be reached, nothing is shown.
        precision: Share of right ones among those shown, on the history it was
            chosen on; ``None`` where nothing is shown.
        interval: 95 % interval of that share (Wilson).
        coverage: Share of the history's suggestions that is shown.
        n: The history's suggestions.
    """

    asked: float
    confidence: float | None
    precision: float | None
    interval: tuple[float, float] | None
    coverage: float
    n: int

    def shows(self, probability: float) -> bool:
        """Whether a suggestion of that *probability* is shown."""
        return self.confidence is not None and probability >= self.confidence


def choose_threshold(
    outcomes: Sequence[tuple[float, bool]], precision: float
) -> Threshold:
    """The lowest confidence that buys *precision*.

    Precision above a confidence, as counted, jumps with each outcome, and the
    luckiest of its jumps would be chosen. So outcomes first correct the
    probabilities (two parameters, drawn towards no correction), and the average of
    these is what must reach *precision*. Simulated with 200 to 1,000 outcomes of
    calibrated probabilities, fresh suggestions were right as often as asked within
    0.01 on average wherever 50 or more were shown; counted precision and isotonic
    regression scattered more. Near what can just be reached every method falls
    short, as it speaks when it was lucky: by 0.03 to 0.05 with 20 to 30 shown.

    Args:
        outcomes: Probability and whether it was right, of suggestions that
            the probabilities were not learned from.
        precision: In (0, 1).

    Returns:
        A threshold that shows `MIN_SHOWN` of the outcomes or more, or none.
        It also shows none where the precision as counted speaks against it: where
        its interval ends below *precision*. What it shows is as sure as
        `LEAST_SHARE` of *precision* at least, as outcomes correct it.

    Raises:
        ValueError: *precision* or a probability is out of range.

    >>> history = [(0.9, True)] * 45 + [(0.9, False)] * 5 + [(0.2, False)] * 50
    >>> threshold = choose_threshold(history, 0.8)
    >>> threshold.confidence, threshold.precision, threshold.coverage
    (0.9, 0.9, 0.5)
    >>> choose_threshold(history, 0.99).confidence is None
    True
    """
    if not 0 < precision < 1:
        raise ValueError(f"precision must be in (0, 1), got {precision}")
    check_outcomes(outcomes)
    silent = Threshold(precision, None, None, None, 0.0, len(outcomes))
    if len(outcomes) < MIN_SHOWN:
        return silent
    surest_first = sorted(outcomes, reverse=True)
    confidences = np.array([sure for sure, _ in surest_first])
    right = np.array([hit for _, hit in surest_first], dtype=np.float64)
    corrected = _corrected(confidences, right)
    expected = np.cumsum(corrected)
    hits = np.cumsum(right)
    for shown in range(len(outcomes), MIN_SHOWN - 1, -1):
        border = confidences[shown - 1]
        if shown < len(outcomes) and confidences[shown] == border:
            continue  # Equal confidences are shown together.
        if corrected[shown - 1] < LEAST_SHARE * precision:
            continue
        if expected[shown - 1] / shown < precision:
            continue
        interval = wilson_interval(int(hits[shown - 1]), shown)
        if interval[1] >= precision:
            return Threshold(
                asked=precision,
                confidence=float(border),
                precision=float(hits[shown - 1] / shown),
                interval=interval,
                coverage=shown / len(outcomes),
                n=len(outcomes),
            )
    return silent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one suggestion.

    Attributes:
        language: Of the question; "" if not known.
        confidence: The probability that was given to it.
    """

    kind: Kind
    language: str
    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class GroupThreshold:
    """A threshold, and for what: a *language* of ``None`` stands for all of them."""

    kind: Kind
    language: str | None
    threshold: Threshold


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds of one precision, per kind and, where enough is known, language."""

    asked: float
    groups: tuple[GroupThreshold, ...] = ()

    def find(self, kind: Kind, language: str) -> Threshold | None:
        """The language's threshold, or else its kind's.

        ``None``: too little is known of the kind. That is not the same as a threshold
        that shows nothing, which is known to be right.
        """
        by_group = {(g.kind, g.language): g.threshold for g in self.groups}
        return by_group.get((kind, language)) or by_group.get((kind, None))

    def shows(self, kind: Kind, language: str, confidence: float) -> bool:
        """Whether a suggestion that is so sure is shown.

        Where nothing is known, the confidence must reach the precision itself.
        """
        known = self.find(kind, language)
        if known is None:
            return confidence >= self.asked
        return known.shows(confidence)


def choose_thresholds(outcomes: Iterable[Outcome], precision: float) -> Thresholds:
    """`choose_threshold` for each kind and language with enough outcomes.

    Raises:
        ValueError: As `choose_threshold`.
    """
    by_group: defaultdict[tuple[Kind, str | None], list[tuple[float, bool]]]
    by_group = defaultdict(list)
    for outcome in outcomes:
        known = (outcome.confidence, outcome.right)
        by_group[outcome.kind, None].append(known)
        if outcome.language:
            by_group[outcome.kind, outcome.language].append(known)
    enough = [
        (kind, language)
        for (kind, language), known in by_group.items()
        if len(known) >= (MIN_KIND if language is None else MIN_LANGUAGE)
    ]
    return Thresholds(
        precision,
        tuple(
            GroupThreshold(
                kind, language, choose_threshold(by_group[kind, language], precision)
            )
            for kind, language in sorted(enough, key=lambda g: (g[0], g[1] or ""))
        ),
    )


def _corrected(confidences: Float, right: Float) -> Float:
    """*confidences*, as the outcomes correct them; the order stays or turns as one."""
    clipped = np.clip(confidences, _EDGE, 1 - _EDGE)
    log_odds = np.log(clipped / (1 - clipped))[:, None]
    found = _most_probable(
        log_odds,
        right,
        np.ones(len(right)),
        np.array([0.0, 1.0]),
        np.array([_PRIOR_INTERCEPT, _PRIOR_WEIGHTS]),
    )
    return _sigmoid(found[0] + log_odds[:, 0] * found[1])


def _most_probable(
    columns: Float, right: Float, counts: Float, centre: Float, held: Float
) -> Float:
    """Intercept and weights that outcomes and a Gaussian prior agree on.

    The loss is convex, and strictly so as *held* is above 0: there is one answer.
    """
    # Half a second of imports, which a server that only reads probabilities spares.
    from scipy.optimize import minimize

    design = np.column_stack([np.ones(len(columns)), columns])

    def loss(point: Float) -> tuple[float, Float]:
        log_odds = design @ point
        away = point - centre
        value = counts @ (np.logaddexp(0, log_odds) - right * log_odds)
        slope = design.T @ (counts * (_sigmoid(log_odds) - right))
        return float(value + held @ away**2 / 2), slope + held * away

    found = minimize(loss, centre, jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)


def _moments(
    columns: Float, counts: Float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    means = np.average(columns, axis=0, weights=counts)
    spread = np.sqrt(np.average((columns - means) ** 2, axis=0, weights=counts))
    # A column that never changes tells nothing, whatever it is divided by.
    spread[spread <= 1e-9 * np.maximum(1, np.abs(means))] = 1.0
    return tuple(means.tolist()), tuple(spread.tolist())


def _standardised(
    columns: Float, means: Sequence[float], deviations: Sequence[float]
) -> Float:
    standard: Float = (columns - np.asarray(means)) / np.asarray(deviations)
    return np.clip(standard, -_REACH, _REACH)


def _columns(evidence: ArrayLike, names: Sequence[str]) -> Float:
    columns = np.asarray(evidence, dtype=np.float64)
    if columns.size == 0:
        columns = columns.reshape(0, len(names))
    if columns.ndim != 2 or columns.shape[1] != len(names):
        raise ValueError(
            f"evidence: expected shape (n, {len(names)}), got {columns.shape}"
        )
    for name, column in zip(names, columns.T, strict=True):
        if not np.isfinite(column).all():
            raise ValueError(f"evidence.{name}: expected finite numbers")
    return columns


def _sigmoid(log_odds: Float) -> Float:
    # By tanh, as exp overflows.
    return np.asarray(0.5 * (1 + np.tanh(log_odds / 2)), dtype=np.float64)
