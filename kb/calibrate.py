"""Evidence of a suggestion → the probability that it is right. Pure functions.

A probability is learned by logistic regression, with a prior that a community with
little history stays close to: few outcomes, or outcomes of one class only, need no
case of their own. `kb.thresholds` says how sure is sure enough.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError("floor: expected finite numbers, low below high")

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
        return sigmoid(log_odds) * self.believed(evidence)

    def believed(self, evidence: ArrayLike) -> Float:
        """What the floors leave of the probability, in [0, 1]; shape ``(n,)``.

        Raises:
            ValueError: As `probability`.
        """
        columns = _columns(evidence, self.names)
        left = np.ones(len(columns))
        for floor in self.floors:
            left *= floor.share(columns[:, self.names.index(floor.name)])
        return left

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

    def added(self, evidence: Mapping[str, float]) -> dict[str, float]:
        """Log-odds that each column adds for one suggestion, by its name.

        Args:
            evidence: Its columns by name; others may be among them.
        """
        row = [evidence[name] for name in self.names]
        [log_odds] = self.contributions([row]).tolist()
        return dict(zip(self.names, log_odds, strict=True))

    def without_floors(self) -> Calibration:
        """The same where there is no doubt that evidence is of use."""
        return replace(self, floors=())

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
    found = most_probable(standard, target, counts, centre, held)
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
        values: Of questions that were asked so far, whether the suggestions for them
            were right or not; shape ``(n,)``.
    """
    known = np.asarray(values, dtype=np.float64)
    if len(known) < _MIN_FLOOR:
        return floor
    low, high = np.quantile(known, _FLOOR_QUANTILES).tolist()
    return Floor(floor.name, low, high) if low < high else floor


def most_probable(
    columns: Float, right: Float, counts: Float, centre: Float, held: Float
) -> Float:
    """Intercept and weights that outcomes and a Gaussian prior agree on.

    The loss is convex, and strictly so as *held* is above 0: there is one answer.

    Args:
        columns: Shape ``(n, m)``; *right* and *counts*, how much each outcome weighs,
            ``(n,)``.
        centre: Of the prior, the intercept first; *held*, 1 / its variance: both of
            shape ``(m + 1,)``, as is what is returned.
    """
    # Half a second of imports, which a server that only reads probabilities spares.
    from scipy.optimize import minimize

    design = np.column_stack([np.ones(len(columns)), columns])

    def loss(point: Float) -> tuple[float, Float]:
        log_odds = design @ point
        away = point - centre
        value = counts @ (np.logaddexp(0, log_odds) - right * log_odds)
        slope = design.T @ (counts * (sigmoid(log_odds) - right))
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


def sigmoid(log_odds: Float) -> Float:
    """Log-odds as probabilities."""
    # By tanh, as exp overflows.
    return np.asarray(0.5 * (1 + np.tanh(log_odds / 2)), dtype=np.float64)
