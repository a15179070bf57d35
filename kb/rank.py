"""Order candidates, and say how likely each of them helps; pure.

Every signal is standardised among the candidates of one kind and one question
(mean 0, deviation 1) and enters a weighted sum: BM25 and cosines live on
different scales, and both drift with the length of the question. The sum orders
the candidates of a question; it says nothing across questions. That is the part
of the confidence, a calibrated probability from evidence with a fixed meaning.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kb.signals import SIGNALS
from kb.table import Float64, Table, gathered
from kb.types import Candidate, DocumentId

if TYPE_CHECKING:
    from kb.calibrate import Calibration

    # A model is checked against `EVIDENCE` when it is read.
    from kb.model import KindModel

# Candidates whose signal differs by less than this do not differ.
_SMALLEST_DEVIATION = 1e-6
# Log-odds and leads beyond this count no further.
_LIMIT = 8.0

# What confidence rests on: how the candidate stands among the others, and signals
# that mean the same whatever is asked.
STANDING = ("chance", "lead")
ABSOLUTE = (
    "familiar",
    "cosine_passage",
    "cosine_title",
    "coverage",
    "linked_by_meaning",
    "linked_by_words",
    "in_links",
)
EVIDENCE = STANDING + ABSOLUTE


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its place.

    Attributes:
        score: Unitless, comparable within one call of `rank` only.
        confidence: The probability that somebody who helps would link it.
        contributions: What each signal added to the score; the logarithm of its odds
            comes beside them.
        evidence: What the confidence was made from, see `EVIDENCE`.
    """

    candidate: Candidate
    score: float
    confidence: float
    contributions: Mapping[str, float]
    evidence: Mapping[str, float]


def rank(
    candidates: Sequence[Candidate],
    model: KindModel,
    odds: Mapping[DocumentId, float] | None = None,
    carried: Collection[DocumentId] = (),
) -> list[Ranked]:
    """Order the candidates of one kind, best first; ties go to the smaller id.

    A signal that a candidate lacks counts as the mean of those that have it.

    Args:
        odds: What the odds of a candidate are multiplied with; 1 where none is told.
            Scores are log-odds, so its logarithm is added.
        carried: Candidates in another language than the question, which were asked by
            what its words mean there: other weights hold for these, see
            `kb.model.KindModel.carried`.
    """
    if not candidates:
        return []
    # Sums of floats depend on their order: results must not on that of arrival.
    candidates = sorted(candidates, key=lambda candidate: candidate.document_id)
    known = tuple(dict.fromkeys([*model.weights, *ABSOLUTE]))
    scored = score(
        Table(known, gathered([c.signals for c in candidates], known)),
        model,
        odds=None if not odds else [odds.get(c.document_id, 1.0) for c in candidates],
        carried=[c.document_id in carried for c in candidates] if carried else None,
    )
    order = scored.order
    return [
        Ranked(candidates[row], score, confidence, contributions, evidences)
        for row, score, confidence, contributions, evidences in zip(
            order.tolist(),
            scored.scores[order].tolist(),
            scored.confidences[order].tolist(),
            Table(tuple(model.weights), scored.parts[order]).rows(),
            Table(EVIDENCE, scored.evidence[order]).rows(),
            strict=True,
        )
    ]


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """Candidates in the order in which they were given, as columns.

    Attributes:
        parts: What each signal added, shape ``(candidates, weights)``.
        evidence: Columns as in `EVIDENCE`.
    """

    scores: NDArray[np.float64]
    confidences: NDArray[np.float64]
    parts: NDArray[np.float64]
    evidence: NDArray[np.float64]

    @property
    def order(self) -> NDArray[np.intp]:
        """Rows, best first; on a tie the earlier one."""
        return np.argsort(-self.scores, kind="stable")


def score(
    signals: Table,
    model: KindModel,
    *,
    odds: Sequence[float] | None = None,
    carried: Sequence[bool] | None = None,
) -> Scored:
    """What `rank` says of candidates, for whoever has their signals as a table.

    Args:
        signals: A row for each, at least one, by ascending id; NaN where nothing is
            known, as is a signal that the table has no column of.
        odds: Of each, see `rank`; so *carried*, whether it is one.
    """
    names = tuple(model.weights)
    weights = np.array([model.weights[name] for name in names])
    known = _standardised(signals.columns(names), names).astype(np.float64)
    parts = known * weights
    if carried is not None:
        others = model.carried().weights
        rows = np.array(carried, dtype=bool)
        parts[rows] = known[rows] * np.array([others[name] for name in names])
    scores = parts.sum(axis=1)
    if odds is not None:
        scores += np.log(odds)
    told = _evidence(signals.columns(ABSOLUTE), scores)
    confidences = model.calibration.probability(told[:, columns_of(model.calibration)])
    return Scored(scores, confidences, parts, told)


def columns_of(calibration: Calibration) -> list[int]:
    """Which columns of `Scored.evidence` a calibration is about."""
    return [EVIDENCE.index(name) for name in calibration.names]


def standardised(
    candidates: Sequence[Candidate], names: Sequence[str]
) -> NDArray[np.float32]:
    """Signals with mean 0 and deviation 1 among the candidates; with a smaller one
    where they differ by less than `kb.signals.Signal.least`.

    What a candidate lacks is 0, as is what is not finite, and a signal in which
    none differs.

    Returns:
        Shape ``(len(candidates), len(names))``.
    """
    return _standardised(gathered([c.signals for c in candidates], names), names)


def _standardised(values: Float64, names: Sequence[str]) -> NDArray[np.float32]:
    """The same of columns, which it changes."""
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    values[~known] = 0.0
    values -= values.sum(axis=0) / counts
    values[~known] = 0.0
    deviations = np.sqrt((values**2).sum(axis=0) / counts)
    flat = deviations < _SMALLEST_DEVIATION
    least = [SIGNALS[name].least if name in SIGNALS else 0.0 for name in names]
    values /= np.where(flat, 1.0, np.maximum(deviations, least))
    values[:, flat] = 0.0
    return values.astype(np.float32)


def evidence(
    candidates: Sequence[Candidate], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What confidence rests on, per candidate; columns as in `EVIDENCE`.

    ``chance`` is the log-odds of being picked among the candidates (softmax of the
    scores), ``lead`` the distance to the best other one. A signal that is absent, or
    not finite, is 0.
    """
    return _evidence(gathered([c.signals for c in candidates], ABSOLUTE), scores)


def _evidence(absolute: Float64, scores: NDArray[np.float64]) -> Float64:
    """The same of columns as in `ABSOLUTE`, which it changes."""
    powers = np.exp(scores - scores.max())
    shares = powers / powers.sum()
    with np.errstate(divide="ignore"):
        chance = np.log(shares) - np.log1p(-np.minimum(shares, 1 - 1e-12))
    ordered = np.sort(scores)
    best, second = ordered[-1], ordered[-2] if len(ordered) > 1 else -math.inf
    lead = scores - np.where(scores == best, second, best)
    absolute[~np.isfinite(absolute)] = 0.0
    standing = np.clip(np.column_stack([chance, lead]), -_LIMIT, _LIMIT)
    return np.hstack([standing, absolute])
