"""Ranking and confidence: order, explanation, and what the evidence must do."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.calibrate import Calibration
from kb.model import KindModel, RankingModel, plain_model, shipped_model
from kb.rank import EVIDENCE, evidence, rank, standardised
from kb.types import Candidate, DocumentId, Kind, PassageId

# A busy machine is no failure.
untimed = settings(deadline=None)
WEIGHTS = {"bm25_passage": 1.0, "cosine_passage": 1.0, "log_age": -0.5}
# Every piece of evidence speaks for the candidate.
SURE = Calibration(
    names=EVIDENCE,
    means=(0.0,) * len(EVIDENCE),
    deviations=(1.0,) * len(EVIDENCE),
    weights=(0.5,) * len(EVIDENCE),
    intercept=-1.0,
)
PLAIN = KindModel(WEIGHTS, SURE)
SIGNALS: st.SearchStrategy[Mapping[str, float]] = st.fixed_dictionaries(
    {},
    optional={
        "bm25_passage": st.floats(0, 200),
        "cosine_passage": st.floats(-1, 1),
        "coverage": st.floats(0, 1),
        "log_age": st.floats(0, 10),
    },
)
ANY_NUMBER = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 1e-300])
)


def candidate(number: int, **signals: float) -> Candidate:
    return Candidate(DocumentId(number), Kind.THREAD, PassageId(number * 10), signals)


def order(candidates: list[Candidate], model: KindModel = PLAIN) -> list[int]:
    return [ranked.candidate.document_id for ranked in rank(candidates, model)]


# -- standardised signals ----------------------------------------------------------


def test_signals_have_mean_0_and_deviation_1_among_the_candidates() -> None:
    rows = standardised(
        [candidate(i, bm25_passage=value) for i, value in enumerate([2.0, 4.0, 6.0])],
        ["bm25_passage"],
    )

    apart = math.sqrt(1.5)
    assert rows[:, 0].tolist() == pytest.approx([-apart, 0.0, apart])


def test_what_a_candidate_lacks_is_neither_for_nor_against_it() -> None:
    """Nor does it move the others: their mean is of those that have it."""
    known = [candidate(1, cosine_passage=0.8), candidate(2, cosine_passage=0.2)]
    names = ["cosine_passage"]

    rows = standardised([*known, candidate(3)], names)

    assert rows[:, 0].tolist() == pytest.approx([1.0, -1.0, 0.0])
    assert standardised(known, names)[:, 0].tolist() == pytest.approx([1.0, -1.0])


def test_a_signal_in_which_none_differs_says_nothing() -> None:
    twins = [candidate(i, bm25_passage=0.1, coverage=0.5) for i in range(7)]

    rows = standardised(twins, ["bm25_passage", "coverage", "log_age"])

    assert rows.tolist() == [[0.0, 0.0, 0.0]] * 7


def test_one_link_among_many_pages_is_no_landslide() -> None:
    pages = [candidate(i, in_links=math.log(2) if i == 1 else 0.0) for i in range(100)]
    linked = [candidate(i, in_links=math.log1p(i)) for i in range(100)]

    few = standardised(pages, ["in_links"])[:, 0]
    many = standardised(linked, ["in_links"])[:, 0].astype(np.float64)

    # A hundredth of them would be ten deviations away.
    assert few.max() == pytest.approx(math.log(2) * 0.99 / 0.25, rel=1e-4)
    assert many.std() == pytest.approx(1, abs=1e-4)


def test_signals_of_nobody_and_no_signals_at_all_keep_their_shape() -> None:
    assert standardised([], ["coverage", "log_age"]).shape == (0, 2)
    assert standardised([candidate(1)], []).shape == (1, 0)


@untimed
@given(st.lists(ANY_NUMBER, min_size=1, max_size=12))
def test_whatever_a_signal_holds_it_is_standardised_to_numbers(
    values: list[float],
) -> None:
    rows = standardised(
        [candidate(i, coverage=value) for i, value in enumerate(values)], ["coverage"]
    )

    column = rows[:, 0].astype(np.float64)
    finite = np.isfinite(values)
    assert np.isfinite(column).all()
    assert not column[~finite].any()
    if column.any():
        assert column[finite].mean() == pytest.approx(0, abs=1e-4)
        assert column[finite].std() == pytest.approx(1, abs=1e-4)


# -- order and score ---------------------------------------------------------------


def test_both_retrievers_are_heard_whatever_their_scale() -> None:
    words_only = candidate(1, bm25_passage=80.0, cosine_passage=0.1)
    meaning_only = candidate(2, bm25_passage=5.0, cosine_passage=0.5)
    both = candidate(3, bm25_passage=70.0, cosine_passage=0.49)

    assert order([words_only, meaning_only, both])[0] == 3


def test_scaling_one_signal_for_all_changes_nothing() -> None:
    draw = random.Random(1)
    plain = [
        candidate(i, bm25_passage=draw.uniform(0, 9), cosine_passage=draw.uniform(0, 1))
        for i in range(20)
    ]
    scaled = [
        candidate(
            c.document_id,
            bm25_passage=c.signals["bm25_passage"] * 1000 + 7,
            cosine_passage=c.signals["cosine_passage"],
        )
        for c in plain
    ]

    assert order(plain) == order(scaled)


def test_a_negative_weight_counts_against() -> None:
    assert order([candidate(1, log_age=6.0), candidate(2, log_age=1.0)]) == [2, 1]


def test_ties_go_to_the_smaller_id() -> None:
    twins = [candidate(i, bm25_passage=2.0, cosine_passage=0.5) for i in (5, 3, 4)]
    best = candidate(9, bm25_passage=3.0, cosine_passage=0.9)
    assert order([*twins, best]) == [9, 3, 4, 5]


def test_the_score_is_the_sum_of_the_contributions() -> None:
    ranked = rank(
        [
            candidate(1, bm25_passage=4.0, cosine_passage=0.25, log_age=1.0),
            candidate(2, bm25_passage=2.0, cosine_passage=0.75, log_age=3.0),
        ],
        PLAIN,
    )

    assert [r.candidate.document_id for r in ranked] == [1, 2]
    assert [r.contributions for r in ranked] == [
        {"bm25_passage": 1.0, "cosine_passage": -1.0, "log_age": 0.5},
        {"bm25_passage": -1.0, "cosine_passage": 1.0, "log_age": -0.5},
    ]
    assert [r.score for r in ranked] == [0.5, -0.5]


def test_odds_that_are_told_multiply_those_that_were_found() -> None:
    some = [candidate(1, bm25_passage=2.0), candidate(2, bm25_passage=1.0)]

    def chance(**odds: float) -> float:
        told = {DocumentId(int(name[1:])): value for name, value in odds.items()}
        first = {int(r.candidate.document_id): r for r in rank(some, PLAIN, told)}[1]
        return math.exp(first.evidence["chance"])

    assert chance(_1=3.0) == pytest.approx(3 * chance())
    assert chance(_2=2.0) == pytest.approx(chance() / 2)
    assert chance(_1=5.0, _2=5.0) == pytest.approx(chance())
    assert [int(r.candidate.document_id) for r in rank(some, PLAIN, {})] == [1, 2]
    assert [
        int(r.candidate.document_id) for r in rank(some, PLAIN, {DocumentId(2): 100.0})
    ] == [2, 1]


def test_signals_without_weight_have_no_say() -> None:
    two = [candidate(1, coverage=0.1, solved=0.0), candidate(2, coverage=0.9)]

    assert order(two) == [1, 2]
    assert rank(two, PLAIN)[0].contributions.keys() == WEIGHTS.keys()
    assert order(two, KindModel({"coverage": 1.0}, SURE)) == [2, 1]
    assert order(two, PLAIN.only(("coverage",))) == [1, 2]


def test_nothing_to_rank_is_no_ranking() -> None:
    assert rank([], PLAIN) == []


@untimed
@given(st.lists(SIGNALS, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    signals: list[dict[str, float]], draw: random.Random
) -> None:
    candidates = [candidate(i, **s) for i, s in enumerate(signals)]
    shuffled = draw.sample(candidates, len(candidates))

    ranked = rank(candidates, PLAIN)

    assert rank(shuffled, PLAIN) == ranked
    scores = [r.score for r in ranked]
    assert scores == sorted(scores, reverse=True)
    for each in ranked:
        assert each.score == pytest.approx(sum(each.contributions.values()), abs=1e-9)


@untimed
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["bm25_passage", "cosine_passage", "coverage", "in_links"]),
            ANY_NUMBER,
        ),
        min_size=1,
        max_size=8,
    ),
    st.floats(-1e3, 1e3),
)
def test_no_signal_and_no_weight_makes_a_score_or_a_confidence_that_is_no_number(
    signals: list[dict[str, float]], weight: float
) -> None:
    model = KindModel({"bm25_passage": weight, "coverage": -weight}, SURE)

    ranked = rank([candidate(i, **s) for i, s in enumerate(signals)], model)

    assert len(ranked) == len(signals)
    for each in ranked:
        assert math.isfinite(each.score)
        assert 0 <= each.confidence <= 1
        assert all(map(math.isfinite, each.evidence.values()))


# -- evidence and confidence -------------------------------------------------------


def test_the_chance_is_the_log_odds_of_being_picked() -> None:
    """Two to one to one: half of all, and a quarter for each of the others."""
    some = [candidate(i, coverage=i / 10) for i in (1, 2, 3)]
    scores = np.log([2.0, 1.0, 1.0])

    rows = evidence(some, scores)

    chance, lead = EVIDENCE.index("chance"), EVIDENCE.index("lead")
    third = -math.log(3)
    assert rows[:, chance].tolist() == pytest.approx([0.0, third, third])
    half = math.log(2)
    assert rows[:, lead].tolist() == pytest.approx([half, -half, -half])


def test_who_shares_the_first_place_leads_nobody() -> None:
    rows = evidence([candidate(1), candidate(2), candidate(3)], np.array([1.0, 1.0, 0]))

    assert rows[:, EVIDENCE.index("lead")].tolist() == [0.0, 0.0, -1.0]


def test_evidence_of_signals_is_as_it_stands_and_0_where_nothing_is_known() -> None:
    (one,) = rank([candidate(1, cosine_passage=0.7, in_links=2.0)], PLAIN)

    assert one.evidence["cosine_passage"] == 0.7
    assert one.evidence["coverage"] == 0.0
    assert tuple(one.evidence) == EVIDENCE


@untimed
@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20), st.floats(-50, 50))
def test_evidence_is_bounded_and_does_not_move_with_all_scores(
    scores: list[float], shift: float
) -> None:
    some = [candidate(i) for i in range(len(scores))]

    rows = evidence(some, np.array(scores))

    assert np.isfinite(rows).all()
    assert evidence(some, np.array(scores) + shift) == pytest.approx(rows, abs=1e-6)
    standing = rows[np.argsort(scores)][:, [EVIDENCE.index("chance")]]
    assert (np.diff(standing, axis=0) >= -1e-9).all()


def test_a_lone_candidate_scores_nothing_and_is_judged_by_its_evidence() -> None:
    judging = KindModel(WEIGHTS, SURE)
    (good,) = rank([candidate(1, cosine_passage=0.9, coverage=0.9)], judging)
    (bad,) = rank([candidate(1, cosine_passage=0.1, coverage=0.0)], judging)

    assert (good.score, bad.score) == (0.0, 0.0)
    assert good.confidence > bad.confidence


@untimed
@given(st.lists(SIGNALS, min_size=1, max_size=8))
def test_a_confidence_is_the_calibrated_probability_of_the_evidence(
    signals: list[dict[str, float]],
) -> None:
    swapped = Calibration(
        names=("coverage", "lead"),
        means=(0.4, -1.0),
        deviations=(0.2, 2.0),
        weights=(1.5, 0.5),
        intercept=-2.0,
    )

    ranked = rank(
        [candidate(i, **s) for i, s in enumerate(signals)], KindModel(WEIGHTS, swapped)
    )

    rows = [[each.evidence["coverage"], each.evidence["lead"]] for each in ranked]
    assert [each.confidence for each in ranked] == swapped.probability(rows).tolist()


@untimed
@given(st.lists(st.floats(-9, 9), min_size=2, max_size=8), st.floats(0, 9))
def test_a_higher_score_never_looks_worse_nor_the_others_better(
    scores: list[float], more: float
) -> None:
    some = [candidate(i) for i in range(len(scores))]
    columns = [EVIDENCE.index("chance"), EVIDENCE.index("lead")]

    before = evidence(some, np.array(scores))[:, columns]
    after = evidence(some, np.array([scores[0] + more, *scores[1:]]))[:, columns]

    assert (after[0] >= before[0] - 1e-9).all()
    assert (after[1:] <= before[1:] + 1e-9).all()


@untimed
@given(st.lists(SIGNALS, min_size=1, max_size=8), st.floats(0, 1))
def test_more_evidence_never_lowers_confidence(
    signals: list[dict[str, float]], more: float
) -> None:
    def confidences(coverage: float) -> dict[int, float]:
        first, *others = signals
        candidates = [candidate(0, **first | {"coverage": coverage})]
        candidates += [candidate(i, **s) for i, s in enumerate(others, start=1)]
        return {r.candidate.document_id: r.confidence for r in rank(candidates, PLAIN)}

    known = signals[0].get("coverage", 0.0)
    before, after = confidences(known), confidences(known + more)

    assert after.pop(0) >= before.pop(0)
    assert after == before


def test_a_clear_winner_is_surer_than_one_of_a_crowd() -> None:
    crowd = [
        candidate(i, bm25_passage=5.0, cosine_passage=0.6, coverage=0.4) for i in (1, 2)
    ]
    clear = [crowd[0], candidate(2, bm25_passage=1.0, cosine_passage=0.2, coverage=0.1)]

    in_crowd = rank(crowd, PLAIN)[0].confidence
    in_clear, loser = (r.confidence for r in rank(clear, PLAIN))

    assert in_clear > in_crowd > loser


@pytest.mark.parametrize("model", [shipped_model(), plain_model()])
@pytest.mark.parametrize("kind", Kind)
def test_what_comes_with_baraza_rests_on_no_retriever_alone(
    model: RankingModel, kind: Kind
) -> None:
    """A page that shares the words and one that shares the meaning both rise."""
    nothing = {"bm25_passage": 1.0, "cosine_passage": 0.2, "coverage": 0.1}
    words = nothing | {"bm25_passage": 20.0, "coverage": 0.8}
    meaning = nothing | {"cosine_passage": 0.9}
    crowd = [candidate(i, **nothing) for i in range(3, 9)]

    found = order(
        [*crowd, candidate(20, **words), candidate(30, **meaning)], model.of(kind)
    )

    assert set(found[:2]) == {20, 30}
