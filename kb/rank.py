"""Order candidates, and say how likely each of them helps; pure.

Every signal is standardised among the candidates of one kind and one question
(mean 0, deviation 1) and enters a weighted sum: BM25 and cosines live on
different scales, and both drift with the length of the question. The sum orders
the candidates of a question; it says nothing across questions. That is the part
of `confidence`, which rests on evidence with a fixed meaning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from kb.types import Candidate, Kind

# Candidates whose signal differs by less than this do not differ.
_SMALLEST_DEVIATION = 1e-9


_PAGE_SIGNALS: Mapping[str, float] = MappingProxyType(
    {"bm25_best": 1.0, "bm25_second": 0.5, "dense_best": 1.5, "dense_second": 0.5}
)
# A thread that many wrote in is likelier to be linked, an old one less so.
_THREAD_SIGNALS: Mapping[str, float] = MappingProxyType(
    {
        "bm25_best": 1.0,
        "bm25_second": 0.3,
        "dense_best": 1.5,
        "dense_second": 0.7,
        "coverage": 0.3,
        "log_parts": 0.6,
        "log_age": -1.0,
    }
)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each piece of evidence counts.

    The defaults are the best of some thirty combinations set by hand, and were
    chosen on the questions they are measured on: nDCG@10 of what helpers of one
    Discourse community linked, 0.29 for 1,027 threads (BM25 alone 0.21, cosine
    alone 0.23) and 0.32 for 960 pages (0.26, 0.28). They are meant to be
    replaced by weights learned on a community's own history. Those of
    confidence were only set so that clear cases fall on the right side.

    Attributes:
        signals: Weight of each standardised signal by its name in
            `Candidate.signals`; a negative one counts against. Signals without
            weight are not used.
        intercept: Log-odds that a candidate helps when no evidence speaks for it.
        similarity: Log-odds for a cosine of 1 between question and best passage.
        coverage: Log-odds for holding all of the question's words.
        margin: Log-odds per unit by which the score leads the next best.
        margin_limit: Leads beyond this count no further.
    """

    signals: Mapping[str, float] = field(default_factory=lambda: _PAGE_SIGNALS)
    intercept: float = -5.0
    similarity: float = 6.0
    coverage: float = 4.0
    margin: float = 0.25
    margin_limit: float = 8.0


DEFAULT_WEIGHTS: Mapping[Kind, Weights] = MappingProxyType(
    {
        kind: Weights(_THREAD_SIGNALS) if kind is Kind.THREAD else Weights()
        for kind in Kind
    }
)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its place.

    Attributes:
        score: Unitless, comparable within one call of `rank` only.
        confidence: In [0, 1]; comparable across questions, but a probability
            only once its weights were fitted.
        contributions: What each signal added to the score.
    """

    candidate: Candidate
    score: float
    confidence: float
    contributions: Mapping[str, float]


def rank(candidates: Sequence[Candidate], weights: Weights) -> list[Ranked]:
    """Order the candidates of one kind, best first; ties go to the smaller id.

    A signal that a candidate lacks counts as the least favourable value that
    another has.

    >>> from kb.types import DocumentId, PassageId
    >>> def candidate(i, bm25, cosine):
    ...     signals = {"bm25_best": bm25, "dense_best": cosine}
    ...     return Candidate(DocumentId(i), Kind.DOCS, PassageId(i), signals)
    >>> best, other = rank([candidate(1, 3.0, 0.2), candidate(2, 9.0, 0.7)], Weights())
    >>> best.candidate.document_id, round(best.score, 6), round(other.score, 6)
    (2, 2.5, -2.5)
    >>> [(name, round(part, 6)) for name, part in best.contributions.items() if part]
    [('bm25_best', 1.0), ('dense_best', 1.5)]
    """
    columns = {
        name: _standardised([c.signals.get(name) for c in candidates], weight)
        for name, weight in weights.signals.items()
    }
    scored = []
    for row, candidate in enumerate(candidates):
        contributions = {
            name: weight * columns[name][row]
            for name, weight in weights.signals.items()
        }
        scored.append((math.fsum(contributions.values()), candidate, contributions))
    scored.sort(key=lambda item: (-item[0], item[1].document_id))
    scores = [score for score, _, _ in scored]
    return [
        Ranked(
            candidate=candidate,
            score=score,
            confidence=confidence(
                candidate.signals, margin=_lead(scores, place), weights=weights
            ),
            contributions=contributions,
        )
        for place, (score, candidate, contributions) in enumerate(scored)
    ]


def confidence(
    signals: Mapping[str, float], *, margin: float, weights: Weights
) -> float:
    """How likely a candidate helps, from evidence that means the same everywhere.

    Grows with the cosine of its best passage, with the share of the question's
    words that it holds, and with *margin*, its lead over the other candidates
    (negative for all but the first).

    >>> signals = {"dense_best": 0.7, "coverage": 0.6}
    >>> round(confidence(signals, margin=1.0, weights=Weights()), 2)
    0.86
    >>> weak = {"dense_best": 0.2, "coverage": 0.1}
    >>> round(confidence(weak, margin=1.0, weights=Weights()), 2)
    0.04
    """
    limit = weights.margin_limit
    log_odds = (
        weights.intercept
        + weights.similarity * max(signals.get("dense_best", 0.0), 0.0)
        + weights.coverage * signals.get("coverage", 0.0)
        + weights.margin * min(max(margin, -limit), limit)
    )
    return 1 / (1 + math.exp(-log_odds))


def _lead(scores: Sequence[float], place: int) -> float:
    """By how much a score leads the best of the others; *scores* are descending.

    >>> [_lead([5.0, 3.0, 1.0], place) for place in range(3)], _lead([5.0], 0)
    ([2.0, -2.0, -4.0], 0.0)
    """
    if len(scores) < 2:
        return 0.0
    return scores[place] - (scores[1] if place == 0 else scores[0])


def _standardised(values: Sequence[float | None], weight: float) -> list[float]:
    """Mean 0, deviation 1; all 0 where nothing differs.

    >>> _standardised([1.0, None, 3.0, 3.0], weight=1.0)
    [-1.0, -1.0, 1.0, 1.0]
    >>> _standardised([2.0, 2.0], weight=1.0), _standardised([None], weight=1.0)
    ([0.0, 0.0], [0.0])
    """
    known = [value for value in values if value is not None]
    if not known:
        return [0.0] * len(values)
    worst = min(known) if weight >= 0 else max(known)
    filled = [worst if value is None else value for value in values]
    mean = math.fsum(filled) / len(filled)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in filled) / len(filled))
    if deviation < _SMALLEST_DEVIATION:
        return [0.0] * len(filled)
    return [(value - mean) / deviation for value in filled]
