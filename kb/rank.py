"""Order candidates, and say how likely each of them helps; pure.

Every signal is standardised among the candidates of one kind and one question
(mean 0, deviation 1) and enters a weighted sum: BM25 and cosines live on
different scales, and both drift with the length of the question. The sum orders
the candidates of a question; it says nothing across questions. That is the part
of the confidence, a calibrated probability from evidence with a fixed meaning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.model import KindModel
from kb.types import Candidate

# Candidates whose signal differs by less than this do not differ.
_SMALLEST_DEVIATION = 1e-6
# Log-odds and leads beyond this count no further.
_LIMIT = 8.0

# What confidence rests on: how the candidate stands among the others, and signals
# that mean the same whatever is asked.
STANDING = ("chance", "lead")
ABSOLUTE = (
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
        contributions: What each signal added to the score.
        evidence: What the confidence was made from, see `EVIDENCE`.
    """

    candidate: Candidate
    score: float
    confidence: float
    contributions: Mapping[str, float]
    evidence: Mapping[str, float]


def rank(candidates: Sequence[Candidate], model: KindModel) -> list[Ranked]:
    """Order the candidates of one kind, best first; ties go to the smaller id.

    A signal that a candidate lacks counts as the mean of those that have it.
    """
    if not candidates:
        return []
    names = tuple(model.weights)
    weights = np.array([model.weights[name] for name in names])
    parts = standardised(candidates, names).astype(np.float64) * weights
    scores = parts.sum(axis=1)
    rows = evidence(candidates, scores)
    confidences = model.calibration.probability(
        rows[:, [EVIDENCE.index(name) for name in model.calibration.names]]
    )
    ids = np.array([candidate.document_id for candidate in candidates])
    return [
        Ranked(
            candidate=candidates[row],
            score=float(scores[row]),
            confidence=float(confidences[row]),
            contributions=dict(zip(names, parts[row].tolist(), strict=True)),
            evidence=dict(zip(EVIDENCE, rows[row].tolist(), strict=True)),
        )
        for row in np.lexsort((ids, -scores))
    ]


def standardised(
    candidates: Sequence[Candidate], names: Sequence[str]
) -> NDArray[np.float32]:
    """Signals with mean 0 and deviation 1 among the candidates.

    What a candidate lacks is 0, as is a signal in which none differs.

    Returns:
        Shape ``(len(candidates), len(names))``.
    """
    values = np.array(
        [[c.signals.get(name, math.nan) for name in names] for c in candidates],
        dtype=np.float64,
    ).reshape(len(candidates), len(names))
    known = ~np.isnan(values)
    counts = np.maximum(known.sum(axis=0), 1)
    values -= np.where(known, values, 0.0).sum(axis=0) / counts
    values[~known] = 0.0
    deviations = np.sqrt((values**2).sum(axis=0) / counts)
    flat = deviations < _SMALLEST_DEVIATION
    values /= np.where(flat, 1.0, deviations)
    values[:, flat] = 0.0
    return values.astype(np.float32)


def evidence(
    candidates: Sequence[Candidate], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What confidence rests on, per candidate; columns as in `EVIDENCE`.

    ``chance`` is the log-odds of being picked among the candidates (softmax of the
    scores), ``lead`` the distance to the best other one. A signal that is absent is 0.
    """
    powers = np.exp(scores - scores.max())
    shares = powers / powers.sum()
    with np.errstate(divide="ignore"):
        chance = np.log(shares) - np.log1p(-np.minimum(shares, 1 - 1e-12))
    ordered = np.sort(scores)
    best, second = ordered[-1], ordered[-2] if len(ordered) > 1 else -math.inf
    lead = scores - np.where(scores == best, second, best)
    absolute = np.array(
        [[c.signals.get(name, 0.0) for name in ABSOLUTE] for c in candidates]
    )
    standing = np.clip(np.column_stack([chance, lead]), -_LIMIT, _LIMIT)
    return np.hstack([standing, absolute])
