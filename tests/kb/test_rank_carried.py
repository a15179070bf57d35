"""Documents in another language than the question: other weights, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.calibrate import Calibration
from kb.model import KindModel, plain_model, shipped_model
from kb.rank import EVIDENCE, Ranked, rank, standardised
from kb.ranking import Ranking, ranking_of
from kb.signals import SIGNALS, Group
from kb.types import Candidate, DocumentId, Kind, PassageId

# A busy machine is no failure.
untimed = settings(deadline=None)
SURE = Calibration(
    names=EVIDENCE,
    means=(0.0,) * len(EVIDENCE),
    deviations=(1.0,) * len(EVIDENCE),
    weights=(0.5,) * len(EVIDENCE),
    intercept=-1.0,
)
# How much more than words of the question's own language, see `kb.model`.
MORE = 1.3
# Signals that are known to carry.
KNOWN = {
    *("bm25_passage", "bm25_whole", "coverage"),
    *("cosine_passage", "cosine_opening", "cosine_title"),
}
TEXTS = {n for n, s in SIGNALS.items() if s.group in {Group.WORDS, Group.MEANING}}
EVERY = [each.of(kind) for each in (shipped_model(), plain_model()) for kind in Kind]
VALUES = st.dictionaries(
    st.sampled_from(sorted(SIGNALS)), st.floats(-50, 50), max_size=8
)
WEIGHTS = st.dictionaries(
    st.sampled_from(sorted(SIGNALS)), st.floats(-3, 3), max_size=10
)


def candidate(number: int, **signals: float) -> Candidate:
    return Candidate(DocumentId(number), Kind.DOCS, PassageId(number * 10), signals)


def ids(*numbers: int) -> frozenset[DocumentId]:
    return frozenset(map(DocumentId, numbers))


def by_id(ranked: list[Ranked]) -> dict[int, Ranked]:
    return {each.candidate.document_id: each for each in ranked}


# -- the weights -------------------------------------------------------------------


@pytest.mark.parametrize("model", EVERY)
def test_words_and_meaning_count_a_third_more_together_and_the_rest_as_it_did(
    model: KindModel,
) -> None:
    carried = model.carried()

    def texts(weights: dict[str, float]) -> float:
        return sum(w for name, w in weights.items() if name in TEXTS)

    own, other = dict(model.weights), dict(carried.weights)
    assert texts(other) == pytest.approx(MORE * texts(own))
    assert own != other
    assert [*other] == [*own]
    assert {n: w for n, w in other.items() if n not in TEXTS} == {
        n: w for n, w in own.items() if n not in TEXTS
    }
    assert carried.calibration == model.calibration


@pytest.mark.parametrize("model", EVERY)
def test_signals_that_are_switched_off_stay_off(model: KindModel) -> None:
    for kept in (
        {"cosine_passage", "in_links"},
        {"bm25_passage", "bm25_whole", "coverage"},
        {"in_links", "log_age"},
        {"bm25_asked", "in_links"},
        set(),
    ):
        only = model.only(kept)
        weights = only.carried().weights
        assert weights.keys() == only.weights.keys() <= kept


def test_without_any_signal_that_is_known_to_carry_nothing_changes() -> None:
    # What a second passage shares is known to say little: it is all there is.
    model = KindModel({"bm25_second": 1.0, "in_links": 2.0}, SURE)
    assert model.carried() == model
    assert KindModel({}, SURE).carried() == KindModel({}, SURE)


@untimed
@given(WEIGHTS)
def test_any_weights_count_a_third_more_together_or_as_they_did(
    weights: dict[str, float],
) -> None:
    model = KindModel(weights, SURE)
    carried = model.carried().weights

    def texts(some: dict[str, float]) -> float:
        return sum(w for name, w in some.items() if name in TEXTS)

    # What only counts against a text is left alone.
    more = 1.0 if carried == weights else MORE
    assert texts(dict(carried)) == pytest.approx(more * texts(weights))
    assert more == MORE or texts(weights) <= 0 or not KNOWN & weights.keys()
    assert {n: w for n, w in carried.items() if n not in TEXTS} == {
        n: w for n, w in weights.items() if n not in TEXTS
    }


# -- the order ---------------------------------------------------------------------


def test_other_weights_hold_for_what_was_carried_and_for_nothing_else() -> None:
    model = KindModel(
        {"bm25_passage": 1.0, "bm25_second": 2.0, "in_links": 1.0, "log_age": -1.0},
        SURE,
    )
    some = [
        candidate(1, bm25_passage=9.0, bm25_second=1.0, in_links=1.0, log_age=3.0),
        candidate(2, bm25_passage=4.0, bm25_second=8.0, in_links=2.0, log_age=1.0),
        candidate(3, bm25_passage=1.0, bm25_second=2.0, in_links=0.0, log_age=2.0),
    ]
    names = tuple(model.weights)
    signals = standardised(some, names)

    own = by_id(rank(some, model))
    found = by_id(rank(some, model, carried=ids(2)))

    for number in (1, 3):
        assert found[number].contributions == own[number].contributions
        assert found[number].score == own[number].score
    weights = model.carried().weights
    assert found[2].contributions == pytest.approx(
        {n: float(signals[1, i]) * weights[n] for i, n in enumerate(names)}
    )
    assert found[2].score == pytest.approx(sum(found[2].contributions.values()))
    assert found[2].contributions["bm25_second"] == 0.0
    assert found[2].contributions["bm25_passage"] == pytest.approx(
        own[2].contributions["bm25_passage"] * 3 * MORE
    )
    for name in ("in_links", "log_age"):
        assert found[2].contributions[name] == own[2].contributions[name]


def test_what_was_carried_into_changes_who_comes_first() -> None:
    model = KindModel({"bm25_passage": 1.0, "bm25_second": 1.5}, SURE)
    some = [
        candidate(1, bm25_passage=1.0, bm25_second=9.0),
        candidate(2, bm25_passage=9.0, bm25_second=1.0),
    ]

    def order(*carried: int) -> list[int]:
        ranked = rank(some, model, carried=ids(*carried))
        return [each.candidate.document_id for each in ranked]

    assert order() == [1, 2]
    assert order(1, 2) == [2, 1]
    assert order(99) == [1, 2]


def test_odds_hold_for_what_was_carried_as_well() -> None:
    model = KindModel({"bm25_passage": 1.0}, SURE)
    some = [candidate(1, bm25_passage=2.0), candidate(2, bm25_passage=1.0)]

    plain = by_id(rank(some, model, carried=ids(1, 2)))
    weighed = by_id(rank(some, model, {DocumentId(2): 1e9}, ids(1, 2)))

    assert weighed[1].score == plain[1].score
    assert weighed[2].score == pytest.approx(plain[2].score + 20.723, abs=1e-3)


@untimed
@given(
    st.lists(VALUES, max_size=6),
    WEIGHTS,
    st.frozensets(st.integers(0, 9), max_size=4),
)
def test_nothing_carried_changes_nothing_and_what_is_carried_only_itself(
    signals: list[dict[str, float]], weights: dict[str, float], numbers: frozenset[int]
) -> None:
    some = [candidate(i, **s) for i, s in enumerate(signals)]
    model = KindModel(weights, SURE)
    own = by_id(rank(some, model))

    assert rank(some, model, carried=()) == rank(some, model)
    found = by_id(rank(some, model, carried=ids(*numbers)))

    assert found.keys() == own.keys()
    for number in own.keys() - numbers:
        assert found[number].score == own[number].score
        assert found[number].contributions == own[number].contributions
    for each in found.values():
        assert each.score == pytest.approx(sum(each.contributions.values()), abs=1e-6)


# -- with versions of a page -------------------------------------------------------


@dataclass(frozen=True)
class APage:
    """What tells versions of a page, see `kb.folding.Page`."""

    id: DocumentId
    version: str | None
    kind: Kind = Kind.DOCS
    title: str = "Backup"
    language: str | None = "en"
    source: str = "docs"
    work: str = ""

    @property
    def url(self) -> str:
        return f"https://docs.example/{self.version}/backup"


def test_when_versions_are_folded_other_weights_still_hold() -> None:
    """What is left is ranked again."""
    model = KindModel({"bm25_passage": 1.0, "bm25_second": 1.5}, SURE)
    some = [
        candidate(1, bm25_passage=1.0, bm25_second=9.0),
        candidate(2, bm25_passage=9.0, bm25_second=1.0),
        candidate(3, bm25_passage=8.0, bm25_second=0.5),
    ]
    versions = {1: None, 2: "2.41", 3: "2.40"}
    pages = {DocumentId(i): APage(DocumentId(i), v) for i, v in versions.items()}

    def ranking(*carried: int) -> Ranking:
        return ranking_of(
            Kind.DOCS,
            some,
            model,
            documents=pages,
            versions=frozenset(),
            texts=lambda _: {},
            carried=ids(*carried),
        )

    assert ranking().folded == ranking(1, 2, 3).folded == {3: 2}
    assert [r.candidate.document_id for r in ranking().kept] == [1, 2]
    assert [r.candidate.document_id for r in ranking(1, 2, 3).kept] == [2, 1]
