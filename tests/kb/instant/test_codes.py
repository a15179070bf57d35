"""Nearest vectors by their signs, held against all of them."""

from __future__ import annotations

import numpy as np
import pytest

from kb.instant.codes import FEW, SignCodes
from kb.vectors import Float32


def vectors(count: int, dim: int = 384, seed: int = 0) -> Float32:
    """Like those of texts: near some of few subjects."""
    rng = np.random.default_rng(seed)
    subjects = rng.normal(size=(20, dim))
    made = subjects[rng.integers(20, size=count)] + 0.7 * rng.normal(size=(count, dim))
    rows = made / np.linalg.norm(made, axis=1, keepdims=True)
    return np.asarray(rows, dtype=np.float32)


def exact(stored: Float32, query: Float32, k: int) -> list[int]:
    cosines = stored @ query
    return [int(i) for i in np.lexsort((np.arange(len(stored)), -cosines))[:k]]


@pytest.mark.parametrize("count", [0, 1, 5, FEW])
def test_of_few_all_are_compared(count: int) -> None:
    stored = vectors(count)
    query = vectors(1, seed=1)[0]

    rows, cosines = SignCodes(stored).nearest(query, 10)

    assert rows.tolist() == exact(stored, query, 10)
    assert cosines == pytest.approx(stored[rows] @ query, abs=1e-6)


def test_of_many_the_nearest_is_found() -> None:
    stored = vectors(6_000)
    codes = SignCodes(stored)
    rng = np.random.default_rng(2)
    rows = range(0, 6_000, 61)
    blurred = [stored[i] + 0.05 * rng.normal(size=384).astype("f4") for i in rows]
    queries = [each / np.linalg.norm(each) for each in blurred]

    found = [codes.nearest(query, 5)[0].tolist() for query in queries]

    # At half the length of a vector in noise each is still nearest to what it was.
    assert [near[0] for near in found] == [*rows]
    assert [near[:1] for near in found] == [exact(stored, q, 1) for q in queries]


@pytest.mark.parametrize("allowed_share", [0.0, 0.001, 0.05, 0.5, 1.0])
def test_only_what_is_allowed_is_found_and_enough_of_it(allowed_share: float) -> None:
    stored = vectors(6_000)
    rng = np.random.default_rng(3)
    allowed = rng.random(6_000) < allowed_share
    query = vectors(1, seed=4)[0]

    rows, _ = SignCodes(stored).nearest(query, 20, allowed=allowed)

    assert allowed[rows].all()
    assert len(rows) == min(20, int(allowed.sum()))


def test_equal_vectors_come_in_their_order() -> None:
    stored = np.repeat(vectors(3), 4, axis=0)

    rows, _ = SignCodes(stored).nearest(stored[0], 4)

    assert rows.tolist() == [0, 1, 2, 3]
