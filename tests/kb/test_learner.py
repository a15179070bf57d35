"""Learning as time passes: when it is due, and from nothing that came later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from kb.errors import LeakError
from kb.learn import MIN_EXAMPLES
from kb.learner import PRECISIONS, Learner
from kb.model import KindModel, RankingModel, plain_model
from kb.rank import Ranked, rank
from kb.thresholds import Outcome, Thresholds, choose_thresholds
from kb.types import Candidate, DocumentId, Kind, PassageId

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PRIOR = plain_model()
NAMES = ("coverage", "solved")
SIZE = 12


@dataclass(frozen=True)
class Asked:
    """A question, its candidates, and what it was answered with and when."""

    at: datetime
    candidates: Sequence[Candidate]
    linked: Mapping[DocumentId, datetime]


def questions(count: int, *, by: str = "coverage", seed: int = 1) -> list[Asked]:
    """An hour apart; a minute later somebody links what has most of a signal."""
    draw = np.random.default_rng(seed)
    asked = []
    for number in range(count):
        values = draw.uniform(size=(SIZE, len(NAMES)))
        candidates = [
            Candidate(
                DocumentId(i),
                Kind.THREAD,
                PassageId(i),
                dict(zip(NAMES, values[i].tolist(), strict=True)),
            )
            for i in range(SIZE)
        ]
        best = DocumentId(int(values[:, NAMES.index(by)].argmax()))
        at = START + number * HOUR
        asked.append(Asked(at, candidates, {best: at + MINUTE}))
    return asked


def walk(learner: Learner, asked: Sequence[Asked]) -> list[RankingModel]:
    """Rank each question by what was known when it came; the models that did."""
    models = []
    for question in asked:
        model = learner.at(question.at)
        models.append(model)
        ranked = rank(question.candidates, model.of(Kind.THREAD))
        learner.take(Kind.THREAD, question.at, "en", ranked, question.linked)
    return models


def threads(model: RankingModel) -> KindModel:
    return model.of(Kind.THREAD)


def counted(thresholds: Iterable[Thresholds]) -> set[int]:
    """How many suggestions they rest on."""
    return {group.threshold.n for each in thresholds for group in each.groups}


# -- when --------------------------------------------------------------------------


def test_it_learns_when_enough_is_new_and_not_with_each_question() -> None:
    models = walk(Learner(PRIOR, NAMES), questions(150))

    seen = [threads(model).examples for model in models]
    learned = sorted(set(seen) - {0})
    assert models[0] == PRIOR.only(NAMES)
    assert learned[0] >= MIN_EXAMPLES
    assert 2 <= len(learned) < 15
    assert len({id(model) for model in models}) < 30
    assert seen == sorted(seen)
    # As soon as it is due, from every question that has its answer by then.
    assert seen[learned[0]] == learned[0]


def test_a_question_counts_once_its_answer_is_there_and_not_before() -> None:
    late = [
        replace(each, linked=dict.fromkeys(each.linked, START + 1_000 * HOUR))
        for each in questions(80)
    ]
    learner = Learner(PRIOR, NAMES)

    models = walk(learner, late)

    assert {id(model) for model in models} == {id(models[0])}
    assert threads(learner.at(START + 1_000 * HOUR)).examples == 0
    assert threads(learner.at(START + 1_001 * HOUR)).examples == 80


def test_it_can_be_told_to_learn_now() -> None:
    learner = Learner(PRIOR, NAMES)
    walk(learner, questions(MIN_EXAMPLES + 2))
    now = START + 500 * HOUR

    model = learner.learn(now)

    assert model.learned_until == now
    assert threads(model).examples == MIN_EXAMPLES + 2
    assert learner.at(now) is learner.model is model


def test_without_a_question_the_start_stands() -> None:
    learner = Learner(PRIOR)

    assert learner.at(START) == learner.learn(START) == learner.model == PRIOR


# -- what --------------------------------------------------------------------------


@pytest.mark.parametrize("by", NAMES)
def test_it_finds_out_what_this_community_goes_by(by: str) -> None:
    models = walk(Learner(PRIOR, NAMES), questions(200, by=by))
    other = next(name for name in NAMES if name != by)

    before, after = threads(models[0]).weights, threads(models[-1]).weights

    assert after[by] > before[by] + 0.5
    assert after[by] > 2 * abs(after[other])


def test_it_is_the_surer_the_more_often_it_was_right() -> None:
    asked = questions(200)
    wrong = [
        replace(each, linked={DocumentId(SIZE - 1): each.at + MINUTE}) for each in asked
    ]

    right_model, wrong_model = (
        walk(Learner(PRIOR, NAMES), some)[-1] for some in (asked, wrong)
    )

    def first(model: RankingModel) -> Ranked:
        return rank(asked[0].candidates, threads(model))[0]

    assert first(right_model).confidence > 0.6
    assert first(wrong_model).confidence < 0.3


def test_a_kind_that_few_linked_is_ranked_as_documentation_is() -> None:
    """Also by what documentation learned; from enough questions on it goes on alone."""
    learner = Learner(PRIOR, NAMES)
    for kind, count in ((Kind.DOCS, 60), (Kind.VIDEO, 3)):
        for each in questions(count):
            ranked = rank(each.candidates, PRIOR.of(kind))
            learner.take(kind, each.at, "en", ranked, each.linked)
    few = learner.learn(START + 100 * HOUR)

    assert Kind.VIDEO not in few.kinds
    assert few.of(Kind.VIDEO) == few.of(Kind.DOCS) != PRIOR.of(Kind.DOCS)

    for each in questions(60, by="solved"):
        at = each.at + 100 * HOUR
        linked = dict.fromkeys(each.linked, at + MINUTE)
        ranked = rank(each.candidates, few.of(Kind.VIDEO))
        learner.take(Kind.VIDEO, at, "en", ranked, linked)
    many = learner.learn(START + 200 * HOUR)

    assert many.of(Kind.VIDEO).examples == 63
    assert many.of(Kind.VIDEO).weights["solved"] > many.of(Kind.DOCS).weights["solved"]


def test_confidence_follows_what_is_new() -> None:
    """Ranking gets better as it learns; it must not be as unsure as it once was."""
    wrong_first = [
        replace(each, linked={DocumentId(SIZE - 1): each.at + MINUTE})
        if number < 400
        else each
        for number, each in enumerate(questions(800))
    ]
    right_first = [
        replace(each, linked={DocumentId(SIZE - 1): each.at + MINUTE})
        if number >= 400
        else each
        for number, each in enumerate(questions(800))
    ]
    # The same questions by and by, with the same share of them right.
    learner, other = Learner(PRIOR, NAMES), Learner(PRIOR, NAMES)
    ranked = [rank(each.candidates, threads(PRIOR)) for each in wrong_first]
    for order, up, down in zip(ranked, wrong_first, right_first, strict=True):
        learner.take(Kind.THREAD, up.at, "en", order, up.linked)
        other.take(Kind.THREAD, down.at, "en", order, down.linked)
    end = wrong_first[-1].at + HOUR

    up_model, down_model = learner.learn(end), other.learn(end)

    def believed(model: RankingModel) -> float:
        return rank(wrong_first[0].candidates, threads(model))[0].confidence

    assert believed(up_model) > 2 * believed(down_model)


def test_the_floor_is_that_of_the_communitys_own_questions() -> None:
    names = (*NAMES, "familiar")
    asked = questions(300)
    learner = Learner(PRIOR, names)
    for number, each in enumerate(asked):
        near = 0.5 + number / 1_000
        candidates = [
            replace(c, signals={**c.signals, "familiar": near}) for c in each.candidates
        ]
        order = rank(candidates, threads(PRIOR))
        learner.take(Kind.THREAD, each.at, "en", order, each.linked)

    [floor] = threads(learner.learn(asked[-1].at + HOUR)).calibration.floors

    assert floor.name == "familiar"
    assert 0.5 < floor.low < 0.51 < floor.high < 0.52
    [before] = threads(PRIOR).calibration.floors
    assert before != floor


def test_signals_that_are_switched_off_get_no_weight() -> None:
    models = walk(Learner(PRIOR, ("solved",)), questions(80))

    assert {tuple(threads(model).weights) for model in models} == {("solved",)}


def test_what_nobody_answered_teaches_nothing() -> None:
    learner = Learner(PRIOR, NAMES)

    walk(learner, [replace(each, linked={}) for each in questions(60)])

    assert threads(learner.learn(START + 99 * HOUR)).examples == 0


def test_kinds_are_learned_apart() -> None:
    learner = Learner(PRIOR, NAMES)
    walk(learner, questions(60))

    model = learner.learn(START + 99 * HOUR)

    assert model.of(Kind.THREAD) != PRIOR.only(NAMES).of(Kind.THREAD)
    assert model.of(Kind.DOCS) == PRIOR.only(NAMES).of(Kind.DOCS)


def test_a_question_for_which_nothing_was_found_does_no_harm() -> None:
    learner = Learner(PRIOR, NAMES)
    walk(learner, questions(140))
    for number in range(140, 145):
        asked_at = START + number * HOUR
        learner.take(Kind.THREAD, asked_at, None, [], {DocumentId(1): asked_at})

    model = learner.learn(START + 199 * HOUR)

    assert threads(model).examples == 145
    assert counted(model.thresholds) == {140}


# -- nothing later -----------------------------------------------------------------


def test_a_link_has_no_say_before_it_was_written() -> None:
    """Planted: from the first question on, all will be linked by the other signal,
    but only at the end."""
    asked = questions(120)
    end = asked[-1].at
    planted = []
    for each in asked:
        most = max(each.candidates, key=lambda c: c.signals["solved"])
        later = {most.document_id: end + MINUTE}
        planted.append(replace(each, linked=later | dict(each.linked)))
    plain, trapped = Learner(PRIOR, NAMES), Learner(PRIOR, NAMES)

    models = walk(plain, asked)

    assert walk(trapped, planted) == models
    assert trapped.learn(end) == plain.learn(end)
    # It would have been seen.
    caught, honest = trapped.learn(end + HOUR), plain.learn(end + HOUR)
    solved = threads(caught).weights["solved"]
    assert solved > threads(honest).weights["solved"] + 0.3
    assert threads(caught).calibration != threads(honest).calibration
    assert caught.thresholds != honest.thresholds


def test_a_question_that_is_not_yet_asked_is_a_leak() -> None:
    """Its link is dated before it, as a clock that went wrong would have it."""
    learner = Learner(PRIOR, NAMES)
    asked = questions(60)
    walk(learner, asked)
    future = asked[-1].at + 50 * HOUR
    ranked = rank(asked[0].candidates, threads(PRIOR))
    learner.take(Kind.THREAD, future, "en", ranked, {DocumentId(1): START})

    with pytest.raises(LeakError) as caught:
        learner.learn(asked[-1].at + HOUR)
    assert caught.value.dated == future


def test_nothing_is_learned_on_the_way_from_questions_that_are_not_yet_asked() -> None:
    learner = Learner(PRIOR, NAMES)

    def ask_early() -> None:
        for question in questions(200):
            assert learner.at(START - HOUR) == PRIOR.only(NAMES)
            ranked = rank(question.candidates, threads(PRIOR))
            linked = {DocumentId(1): START - 2 * HOUR}
            learner.take(Kind.THREAD, question.at, "en", ranked, linked)

    with pytest.raises(LeakError):
        ask_early()
    assert learner.model == PRIOR.only(NAMES)


# -- thresholds --------------------------------------------------------------------


def test_thresholds_rest_on_first_suggestions_as_they_were_given() -> None:
    learner = Learner(PRIOR, NAMES)
    given = []
    for number, question in enumerate(questions(150)):
        model = learner.at(question.at)
        ranked = rank(question.candidates, threads(model))
        language = "fr" if number % 7 else None
        learner.take(Kind.THREAD, question.at, language, ranked, question.linked)
        first = ranked[0]
        right = first.candidate.document_id in question.linked
        given.append(Outcome(Kind.THREAD, language or "", first.confidence, right))
    end = START + 999 * HOUR

    thresholds = learner.learn(end).thresholds

    assert thresholds == tuple(choose_thresholds(given, p) for p in PRECISIONS)
    assert [group.language for group in thresholds[0].groups] == [None, "fr"]
    # Learning again changes no confidence that was given.
    assert learner.learn(end).thresholds == thresholds


def test_a_threshold_counts_what_has_its_answer_by_then() -> None:
    learner = Learner(PRIOR, NAMES)
    walk(learner, questions(160))

    part = learner.learn(START + 120 * HOUR)

    assert counted(part.thresholds) == {120}
