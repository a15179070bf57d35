"""Ranking and confidence: order, explanation, and what the evidence must do."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.rank import DEFAULT_WEIGHTS, Weights, confidence, rank
from kb.types import Candidate, DocumentId, Kind, PassageId

PLAIN = Weights(signals={"bm25_best": 1.0, "dense_best": 1.0, "log_age": -0.5})
SIGNALS = st.fixed_dictionaries(
    {},
    optional={
        "bm25_best": st.floats(0, 200),
        "dense_best": st.floats(-1, 1),
        "coverage": st.floats(0, 1),
        "log_age": st.floats(0, 10),
    },
)


def candidate(number: int, **signals: float) -> Candidate:
    return Candidate(DocumentId(number), Kind.THREAD, PassageId(number * 10), signals)


def order(candidates: list[Candidate], weights: Weights = PLAIN) -> list[int]:
    return [ranked.candidate.document_id for ranked in rank(candidates, weights)]


def test_both_retrievers_are_heard_whatever_their_scale() -> None:
    words_only = candidate(1, bm25_best=80.0, dense_best=0.1)
    meaning_only = candidate(2, bm25_best=5.0, dense_best=0.5)
    both = candidate(3, bm25_best=70.0, dense_best=0.49)

    assert order([words_only, meaning_only, both])[0] == 3


def test_scaling_one_signal_for_all_changes_nothing() -> None:
    draw = random.Random(1)
    plain = [
        candidate(i, bm25_best=draw.uniform(0, 9), dense_best=draw.uniform(0, 1))
        for i in range(20)
    ]
    scaled = [
        candidate(
            c.document_id,
            bm25_best=c.signals["bm25_best"] * 1000,
            dense_best=c.signals["dense_best"],
        )
        for c in plain
    ]

    assert order(plain) == order(scaled)


def test_ties_go_to_the_smaller_id() -> None:
    twins = [candidate(i, bm25_best=2.0, dense_best=0.5) for i in (5, 3, 4)]
    assert order([*twins, candidate(9, bm25_best=3.0, dense_best=0.9)]) == [9, 3, 4, 5]


def test_the_score_is_the_sum_of_the_contributions() -> None:
    ranked = rank(
        [
            candidate(1, bm25_best=4.0, dense_best=0.25, log_age=1.0),
            candidate(2, bm25_best=2.0, dense_best=0.75, log_age=3.0),
        ],
        PLAIN,
    )

    assert [r.candidate.document_id for r in ranked] == [1, 2]
    assert [r.contributions for r in ranked] == [
        {"bm25_best": 1.0, "dense_best": -1.0, "log_age": 0.5},
        {"bm25_best": -1.0, "dense_best": 1.0, "log_age": -0.5},
    ]
    assert [r.score for r in ranked] == [0.5, -0.5]


def test_a_missing_signal_counts_as_the_least_favourable() -> None:
    """Missing dense counts as far away; a missing age, which counts against, as old."""
    known = [
        candidate(1, bm25_best=2.0, dense_best=0.9, log_age=1.0),
        candidate(2, bm25_best=2.0, dense_best=0.3, log_age=5.0),
    ]
    missing = candidate(3, bm25_best=2.0)

    by_id = {r.candidate.document_id: r for r in rank([*known, missing], PLAIN)}

    assert by_id[DocumentId(3)].contributions == pytest.approx(
        by_id[DocumentId(2)].contributions
    )


def test_nothing_to_rank_is_no_ranking() -> None:
    assert rank([], PLAIN) == []


def test_a_lone_candidate_scores_nothing_and_is_judged_by_its_evidence() -> None:
    (good,) = rank([candidate(1, dense_best=0.9, coverage=0.9)], PLAIN)
    (bad,) = rank([candidate(1, dense_best=0.1, coverage=0.0)], PLAIN)

    assert (good.score, bad.score) == (0.0, 0.0)
    assert good.confidence > 0.9
    assert bad.confidence < 0.1


@given(st.lists(SIGNALS, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    signals: list[dict[str, float]], draw: random.Random
) -> None:
    candidates = [candidate(i, **s) for i, s in enumerate(signals)]
    shuffled = draw.sample(candidates, len(candidates))

    ranked = rank(candidates, PLAIN)

    assert rank(shuffled, PLAIN) == ranked
    assert all(0 <= r.confidence <= 1 and math.isfinite(r.score) for r in ranked)
    assert [r.score for r in ranked] == sorted((r.score for r in ranked), reverse=True)


@given(
    st.floats(0, 1), st.floats(0, 1), st.floats(-20, 20), st.floats(0, 1), st.booleans()
)
def test_more_evidence_never_lowers_confidence(
    cosine: float, coverage: float, margin: float, more: float, of_words: bool
) -> None:
    def sure(cosine: float, coverage: float, margin: float) -> float:
        signals = {"dense_best": cosine, "coverage": coverage}
        return confidence(signals, margin=margin, weights=PLAIN)

    before = sure(cosine, coverage, margin)
    assert sure(min(cosine + more, 1), coverage, margin) >= before
    assert sure(cosine, min(coverage + more, 1), margin) >= before
    assert sure(cosine, coverage, margin + more) >= before


def test_a_clear_winner_is_surer_than_one_of_a_crowd() -> None:
    crowd = [candidate(i, bm25_best=5.0, dense_best=0.6, coverage=0.4) for i in (1, 2)]
    clear = [crowd[0], candidate(2, bm25_best=1.0, dense_best=0.2, coverage=0.1)]

    in_crowd = rank(crowd, PLAIN)[0].confidence
    in_clear, loser = (r.confidence for r in rank(clear, PLAIN))

    assert in_clear > in_crowd > loser


def test_every_kind_has_weights_and_none_rests_on_one_retriever() -> None:
    assert set(DEFAULT_WEIGHTS) == set(Kind)
    for weights in DEFAULT_WEIGHTS.values():
        assert min(weights.signals["bm25_best"], weights.signals["dense_best"]) > 0
