"""How good rankings are, against what people found useful; pure.

One question at a time: a *ranking* (ids, best first, without repeats) and the
non-empty set of *relevant* ids. Averages over questions are the caller's; a
question without relevant ids cannot be scored and must be left out, not
counted as 0 or 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet


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


def _discount(place: int) -> float:
    return 1 / math.log2(place + 1)


def _check(relevant: AbstractSet[object], k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
    if not relevant:
        raise ValueError("nothing is relevant")
