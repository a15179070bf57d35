"""How good rankings are, against what people found useful; pure.

One question at a time: a *ranking* (ids, best first, without repeats) and the
non-empty set of *relevant* ids. Averages over questions are the caller's; a
question without relevant ids cannot be scored and must be left out, not
counted as 0 or 1.

And how good confidences are: *outcomes*, each the confidence of a suggestion, in
[0, 1], and whether it was right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Outcomes = Sequence[tuple[float, bool]]

# Standard deviations of a normal distribution that hold 95 % of it.
_Z95 = 1.959964


def recall_at_k(
    ranking: Sequence[object], relevant: AbstractSet[object], k: int
) -> float:
    """Share of the relevant ids among the first *k*.

    >>> recall_at_k(["a", "x", "b"], {"a", "b", "c", "d"}, k=3)
    0.5

    Raises:
        ValueError: *k* is less than 1, or nothing is relevant.
    """
    _check(relevant, k)
    return len(relevant & set(ranking[:k])) / len(relevant)


def mrr_at_k(ranking: Sequence[object], relevant: AbstractSet[object], k: int) -> float:
    """Reciprocal rank of the first relevant id; 0 if none is among the first *k*.

    Source:
        Voorhees, TREC-8 question answering track, 1999.

    >>> mrr_at_k(["x", "a", "b"], {"a", "b"}, k=3), mrr_at_k(["x", "a"], {"a"}, k=1)
    (0.5, 0.0)

    Raises:
        ValueError: *k* is less than 1, or nothing is relevant.
    """
    _check(relevant, k)
    for place, item in enumerate(ranking[:k], start=1):
        if item in relevant:
            return 1 / place
    return 0.0


def ndcg_at_k(
    ranking: Sequence[object], relevant: AbstractSet[object], k: int
) -> float:
    """Discounted gain of the first *k*, as a share of the best that was possible.

    A relevant id at rank r gains 1 / log2(r + 1).

    Source:
        Järvelin and Kekäläinen, ACM TOIS 20(4), 2002, doi:10.1145/582415.582418.

    >>> ndcg_at_k(["a", "b", "x"], {"a", "b"}, k=3)
    1.0
    >>> round(ndcg_at_k(["x", "a"], {"a"}, k=10), 4)
    0.6309

    Raises:
        ValueError: *k* is less than 1, or nothing is relevant.
    """
    _check(relevant, k)
    gained = math.fsum(
        _discount(place)
        for place, item in enumerate(ranking[:k], start=1)
        if item in relevant
    )
    possible = math.fsum(
        _discount(place) for place in range(1, min(k, len(relevant)) + 1)
    )
    return gained / possible


def precision_at_coverage(
    outcomes: Sequence[tuple[float, bool]], coverage: float
) -> float:
    """Precision if only the surest share of the questions were answered.

    Args:
        outcomes: Per question the confidence of its first result, and whether
            that result was right.
        coverage: Share of the questions that is answered, in (0, 1]; at least
            one is.

    Returns:
        Share of right ones among the answered. Where equal confidences straddle
        the border they count with their average, whichever came first.

    >>> precision_at_coverage([(0.9, True), (0.8, True), (0.4, False)], 2 / 3)
    1.0
    >>> precision_at_coverage([(0.5, True), (0.5, False)], 0.5)
    0.5

    Raises:
        ValueError: There are no outcomes, or *coverage* is out of range.
    """
    if not outcomes:
        raise ValueError("no outcomes")
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage must be in (0, 1], got {coverage}")
    answered = max(1, round(coverage * len(outcomes)))
    border = sorted((sure for sure, _ in outcomes), reverse=True)[answered - 1]
    above = [right for sure, right in outcomes if sure > border]
    tied = [right for sure, right in outcomes if sure == border]
    share = sum(tied) / len(tied)
    return (sum(above) + share * (answered - len(above))) / answered


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """Suggestions of about the same confidence.

    Attributes:
        confidence: Their average.
        share: How many of them were right, in [0, 1].
        low, high: 95 % interval of that share (Wilson).
        n: How many they are.
    """

    confidence: float
    share: float
    low: float
    high: float
    n: int


def reliability_curve(
    outcomes: Outcomes, bins: int = 10, *, by: Literal["mass", "width"] = "mass"
) -> list[ReliabilityPoint]:
    """Confidence against what became of it, least sure first.

    Args:
        outcomes: In any order.
        bins: Groups at most.
        by: ``mass``: groups hold as many outcomes as each other, as far as equal
            confidences, which stay together, allow. ``width``: groups span equal
            ranges of [0, 1]; empty ones are left out.

    Source:
        Niculescu-Mizil and Caruana, ICML 2005, doi:10.1145/1102351.1102430.

    >>> [point] = reliability_curve([(0.2, False), (0.6, True)], bins=1)
    >>> point.confidence, point.share, point.n
    (0.4, 0.5, 2)

    Raises:
        ValueError: There are no outcomes, *bins* is less than 1, or a confidence is
            out of range.
    """
    if not outcomes:
        raise ValueError("no outcomes")
    if bins < 1:
        raise ValueError(f"bins must be >= 1, got {bins}")
    check_outcomes(outcomes)
    ordered = sorted(outcomes)
    if by == "width":
        groups = [
            list(members)
            for _, members in groupby(
                ordered, key=lambda outcome: min(int(outcome[0] * bins), bins - 1)
            )
        ]
    else:
        groups = _of_equal_mass(ordered, bins)
    return [_reliability(group) for group in groups]


def expected_calibration_error(
    outcomes: Outcomes, bins: int = 10, *, by: Literal["mass", "width"] = "mass"
) -> float:
    """How far confidence is from being right, averaged over the outcomes.

    Equal mass is the default: with equal widths a few bins hold nearly all outcomes
    of a ranking, and the error depends on where their borders happen to lie.

    Args:
        outcomes, bins, by: As for `reliability_curve`.

    Returns:
        Average of ``|confidence - share|`` over its points, weighted by their
        size; in [0, 1]. Sampling alone makes it greater than 0: about
        ``0.8 * sqrt(p * (1 - p) * bins / n)`` for perfect confidences around p.

    Source:
        Naeini, Cooper and Hauskrecht, AAAI 2015, doi:10.1609/aaai.v29i1.9602; equal
        mass: Nixon et al., CVPR workshops 2019, arXiv:1904.01685.

    >>> round(expected_calibration_error([(0.8, True)] * 8 + [(0.8, False)] * 2), 9)
    0.0
    >>> round(expected_calibration_error([(0.9, False), (0.1, False)], bins=2), 9)
    0.5

    Raises:
        ValueError: As `reliability_curve`.
    """
    points = reliability_curve(outcomes, bins, by=by)
    return math.fsum(
        point.n * abs(point.confidence - point.share) for point in points
    ) / len(outcomes)


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """What showing all from one confidence on would give.

    Attributes:
        confidence: The least sure that is shown.
        coverage: Share of the outcomes that is shown, in (0, 1].
        precision: Share of right ones among them.
        low, high: 95 % interval of the precision (Wilson).
        n: How many are shown.
    """

    confidence: float
    coverage: float
    precision: float
    low: float
    high: float
    n: int


def precision_coverage_curve(outcomes: Outcomes) -> list[CoveragePoint]:
    """Precision for every coverage that a threshold can give, surest first.

    Equal confidences cannot be told apart by a threshold: they make one point.

    Source:
        El-Yaniv and Wiener, JMLR 11, 2010 (the risk-coverage curve, turned over).

    >>> curve = precision_coverage_curve([(0.9, True), (0.4, False)])
    >>> [(point.coverage, point.precision) for point in curve]
    [(0.5, 1.0), (1.0, 0.5)]

    Raises:
        ValueError: There are no outcomes, or a confidence is out of range.
    """
    if not outcomes:
        raise ValueError("no outcomes")
    check_outcomes(outcomes)
    points = []
    shown = right = 0
    surest_first = sorted(outcomes, key=lambda outcome: -outcome[0])
    for confidence, tied in groupby(surest_first, key=lambda outcome: outcome[0]):
        hits = [hit for _, hit in tied]
        shown += len(hits)
        right += sum(hits)
        low, high = wilson_interval(right, shown)
        points.append(
            CoveragePoint(
                confidence, shown / len(outcomes), right / shown, low, high, shown
            )
        )
    return points


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of which *right* of *n* were seen.

    Source:
        Wilson, JASA 22, 1927, doi:10.1080/01621459.1927.10502953.

    >>> [round(end, 3) for end in wilson_interval(8, 10)]
    [0.49, 0.943]
    >>> [round(end, 3) for end in wilson_interval(0, 10)]
    [0.0, 0.278]

    Raises:
        ValueError: *n* is less than 1, or *right* is not in 0..n.
    """
    if n < 1 or not 0 <= right <= n:
        raise ValueError(f"expected 0 <= right <= n and n >= 1, got {right} of {n}")
    share, z2 = right / n, _Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # Rounding would leave a hair beyond 0 and 1, or past the share itself.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def check_outcomes(outcomes: Outcomes) -> None:
    """Raise ValueError unless all confidences are in [0, 1]."""
    for confidence, _ in outcomes:
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence must be in [0, 1], got {confidence}")


def _of_equal_mass(ordered: Outcomes, bins: int) -> list[list[tuple[float, bool]]]:
    groups: list[list[tuple[float, bool]]] = [[]]
    done = 0
    for _, tied in groupby(ordered, key=lambda outcome: outcome[0]):
        members = list(tied)
        # A group is closed where it is nearest to its fair border.
        border = len(groups) * len(ordered) / bins
        if groups[-1] and done + len(members) / 2 > border and len(groups) < bins:
            groups.append([])
        groups[-1].extend(members)
        done += len(members)
    return groups


def _reliability(group: Outcomes) -> ReliabilityPoint:
    right = sum(hit for _, hit in group)
    low, high = wilson_interval(right, len(group))
    return ReliabilityPoint(
        confidence=math.fsum(sure for sure, _ in group) / len(group),
        share=right / len(group),
        low=low,
        high=high,
        n=len(group),
    )


def _discount(place: int) -> float:
    return 1 / math.log2(place + 1)


def _check(relevant: AbstractSet[object], k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
    if not relevant:
        raise ValueError("nothing is relevant")
