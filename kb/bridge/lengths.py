"""Which texts of two languages belong together, by their lengths alone; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import erfc, inf, log, sqrt

# How likely so many texts of one language make so many of the other, as counted by
# hand in the parallel texts of the paper.
_PRIORS = {
    (1, 1): 0.89,
    (1, 0): 0.00495,
    (0, 1): 0.00495,
    (2, 1): 0.0445,
    (1, 2): 0.0445,
    (2, 2): 0.011,
}
_STEP_COSTS = [(*step, -log(prior)) for step, prior in _PRIORS.items()]
# A character makes as many in the other language, give or take: variance per character.
_VARIANCE = 6.8
# Beyond so many pairs of places one looks for the wrong thing, and for long.
_MAX_PLACES = 40_000
# Lengths always fit somehow; where so few fit one to one, the texts are about
# different things.
_LEAST_SINGLE = 0.6
# The texts that no other stands for cost as if they were most unlikely.
_LEAST = 1e-300


def align_lengths(
    one: Sequence[int], other: Sequence[int]
) -> Iterator[tuple[range, range]]:
    """Pair texts so that their lengths fit best, keeping their order.

    Args:
        one: Lengths in characters; so *other*.

    Yields:
        Which texts of the one say the same as which of the other: one or two of
        either, never two with two. What has nothing on the other side is left out, and
        so is all where there is too much to compare, or too little fits one to one.

    Source:
        Gale and Church, Computational Linguistics 1993, doi:10.3115/981344.981367.

    >>> list(align_lengths([50, 100, 20], [52, 60, 41, 21]))
    [(range(0, 1), range(0, 1)), (range(1, 2), range(1, 3)), (range(2, 3), range(3, 4))]
    """
    rows, columns = len(one), len(other)
    if not rows or not columns or rows * columns > _MAX_PLACES:
        return
    costs = [[inf] * (columns + 1) for _ in range(rows + 1)]
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    costs[0][0] = 0.0
    for i in range(rows + 1):
        for j in range(columns + 1):
            for di, dj, step_cost in _STEP_COSTS:
                k, m = i - di, j - dj
                if k < 0 or m < 0:
                    continue
                cost = costs[k][m] + step_cost
                # Most are too dear before the lengths are looked at.
                if cost >= costs[i][j]:
                    continue
                cost += _cost(sum(one[k:i]), sum(other[m:j]))
                if cost < costs[i][j]:
                    costs[i][j] = cost
                    steps[i, j] = di, dj
    yield from _path(steps, rows, columns)


def _cost(one: int, other: int) -> float:
    """How unlikely two lengths are of texts that say the same: ``-log`` of it."""
    mean = (one + other) / 2
    if mean == 0:
        return 0.0
    deviation = abs(one - other) / sqrt(_VARIANCE * mean)
    return -log(max(erfc(deviation / sqrt(2)), _LEAST))


def _path(
    steps: dict[tuple[int, int], tuple[int, int]], rows: int, columns: int
) -> Iterator[tuple[range, range]]:
    found = []
    i, j = rows, columns
    beads = single = 0
    while i or j:
        di, dj = steps[i, j]
        beads += 1
        single += (di, dj) == (1, 1)
        if di and dj and (di, dj) != (2, 2):
            found.append((range(i - di, i), range(j - dj, j)))
        i, j = i - di, j - dj
    if single >= _LEAST_SINGLE * beads:
        yield from reversed(found)
