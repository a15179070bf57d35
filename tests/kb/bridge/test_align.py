"""Alignment: which words of parallel texts stand for each other."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge.align import Links, align

# A busy machine is no failure.
untimed = settings(deadline=None)
SENTENCES = st.lists(st.integers(0, 5), min_size=1, max_size=6)
TEXTS = st.lists(st.tuples(SENTENCES, SENTENCES), max_size=8)


def surest(links: Links, text: int) -> list[tuple[int, int]]:
    """Of each word of a text, the place of its surest translation."""
    own = links.text == text
    found = {}
    for source in sorted(set(links.source[own].tolist())):
        rows = np.flatnonzero(own & (links.source == source))
        found[source] = int(links.target[rows[links.probability[rows].argmax()]])
    return [*found.items()]


def test_words_are_told_by_what_else_they_meet() -> None:
    # Of each text the words in another order, and 9 in every one.
    sources = [[0, 1], [0, 2], [1, 2], [0], [3, 1]]
    targets = [[11, 10, 9], [12, 10, 9], [12, 11, 9], [10, 9], [11, 13, 9]]

    links = align(sources, targets)

    assert surest(links, 0) == [(0, 1), (1, 0)]
    assert surest(links, 2) == [(0, 1), (1, 0)]
    assert surest(links, 4) == [(0, 1), (1, 0)]


def test_nothing_aligned_is_nothing() -> None:
    links = align([], [])
    assert [len(column) for column in (links.text, links.source, links.target)] == [
        0,
        0,
        0,
    ]
    assert len(links.probability) == 0


@untimed
@given(TEXTS)
def test_there_is_a_row_for_each_two_places_and_each_is_a_probability(
    texts: list[tuple[list[int], list[int]]],
) -> None:
    links = align([s for s, _ in texts], [t for _, t in texts])

    assert list(
        zip(
            links.text.tolist(),
            links.source.tolist(),
            links.target.tolist(),
            strict=True,
        )
    ) == [
        (text, source, target)
        for text, (some, others) in enumerate(texts)
        for source in range(len(some))
        for target in range(len(others))
    ]
    assert np.isfinite(links.probability).all()
    assert (links.probability >= 0).all()
    assert (links.probability <= 1).all()


@untimed
@given(TEXTS)
def test_the_other_way_round_it_says_the_same(
    texts: list[tuple[list[int], list[int]]],
) -> None:
    there = align([s for s, _ in texts], [t for _, t in texts])
    back = align([t for _, t in texts], [s for s, _ in texts])

    def told(links: Links) -> dict[tuple[int, int, int], float]:
        rows = zip(
            links.text.tolist(),
            links.source.tolist(),
            links.target.tolist(),
            links.probability.tolist(),
            strict=True,
        )
        return {(text, s, t): p for text, s, t, p in rows}

    swapped = {(text, t, s): p for (text, s, t), p in told(back).items()}
    assert told(there) == pytest.approx(swapped)


def test_as_much_memory_is_taken_as_is_told() -> None:
    """By how many texts are learned from at most, see `kb.bridge.learning`."""
    rng = random.Random(1)
    some, others = (
        [[rng.randrange(3_000) for _ in range(20)] for _ in range(1_000)]
        for _ in range(2)
    )
    tracemalloc.start()
    try:
        links = align(some, others, iterations=2)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(links.text) == 400_000
    assert most < 130 * 400_000


def test_before_anything_was_seen_each_word_may_be_any() -> None:
    """What is thought before anything was seen: all words alike, less the share of
    those that come from none."""
    links = align([[0, 1]], [[0, 1]], iterations=1)
    assert len(set(np.round(links.probability, 12).tolist())) == 1
