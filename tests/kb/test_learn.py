"""Learning weights: those under which people chose, and of no later choice."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from kb.errors import LeakError
from kb.learn import MAX_CANDIDATES, MIN_EXAMPLES, Example, fit_weights
from kb.types import Candidate, DocumentId, Kind, PassageId

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ("bm25_passage", "cosine_passage", "log_age")
TRUE = {"bm25_passage": 1.5, "cosine_passage": 0.7, "log_age": -1.0}
NOTHING = dict.fromkeys(NAMES, 0.0)


def candidate(number: int, **signals: float) -> Candidate:
    return Candidate(DocumentId(number), Kind.THREAD, PassageId(number), signals)


def choices(
    count: int, *, seed: int = 1, weights: dict[str, float] = TRUE, size: int = 25
) -> list[Example]:
    """Questions, an hour apart; a minute later somebody picks a candidate, the better
    ones more often, as the weights have it."""
    draw = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        signals = draw.normal(size=(size, len(NAMES))).astype(np.float32)
        powers = np.exp(signals @ np.array([weights[name] for name in NAMES]))
        picked = draw.choice(size, p=powers / powers.sum())
        asked_at = START + number * HOUR
        examples.append(
            Example(
                kind=Kind.THREAD,
                asked_at=asked_at,
                names=NAMES,
                ids=tuple(map(DocumentId, range(size))),
                signals=signals,
                linked={DocumentId(int(picked)): asked_at + timedelta(minutes=1)},
            )
        )
    return examples


def after(examples: list[Example]) -> datetime:
    return max(example.asked_at for example in examples) + HOUR


def apart(some: dict[str, float], others: dict[str, float]) -> float:
    return math.dist([some[name] for name in NAMES], [others[name] for name in NAMES])


# -- what is learned ---------------------------------------------------------------


def test_the_weights_that_people_choose_by_are_recovered() -> None:
    examples = choices(1_500)

    found = fit_weights(examples, at=after(examples), start=NOTHING)

    assert found == pytest.approx(TRUE, abs=0.15)


def test_more_examples_come_nearer_to_the_truth() -> None:
    distances = [
        apart(fit_weights(some, at=after(some), start=NOTHING), TRUE)
        for some in (choices(count) for count in (MIN_EXAMPLES, 200, 2_000))
    ]

    assert distances == sorted(distances, reverse=True)


def test_few_examples_move_weights_little_and_a_strong_pull_less() -> None:
    start = {"bm25_passage": -1.0, "cosine_passage": 3.0, "log_age": 2.0}
    few, many = choices(30), choices(1_000)

    from_few = fit_weights(few, at=after(few), start=start)
    from_many = fit_weights(many, at=after(many), start=start)
    pulled = fit_weights(few, at=after(few), start=start, pull=1e6)

    assert 0 < apart(from_few, start) < apart(from_many, start)
    assert pulled == pytest.approx(start, abs=1e-3)
    assert from_many == pytest.approx(TRUE, abs=0.4)


def test_what_tells_nothing_keeps_its_weight() -> None:
    """A signal that is the same for all candidates of every question."""
    examples = []
    for example in choices(100):
        signals = example.signals.copy()
        signals[:, 2] = 0.0
        examples.append(replace(example, signals=signals))

    found = fit_weights(examples, at=after(examples), start={"log_age": 0.625})

    assert found["log_age"] == pytest.approx(0.625, abs=1e-6)


def test_the_same_examples_in_another_order_teach_the_same() -> None:
    examples = choices(80)

    found = fit_weights(examples, at=after(examples), start=NOTHING)
    turned = fit_weights(examples[::-1], at=after(examples), start=NOTHING)

    assert turned == pytest.approx(found, abs=1e-3)


def test_a_guess_saves_time_and_changes_nothing() -> None:
    examples = choices(80)
    at = after(examples)

    found = fit_weights(examples, at=at, start=NOTHING)

    guessed = fit_weights(examples, at=at, start=NOTHING, guess=dict.fromkeys(NAMES, 2))
    assert guessed == pytest.approx(found, abs=1e-2)


def test_several_links_of_one_question_share_its_one_voice() -> None:
    """The most likely weights lie between those of either link alone."""
    one, both = [], []
    for example in choices(60, weights=NOTHING):
        signals = np.zeros_like(example.signals)
        signals[0, 0] = signals[1, 1] = 3.0
        first = {DocumentId(0): example.asked_at}
        second = first | {DocumentId(1): example.asked_at}
        one.append(replace(example, signals=signals, linked=first))
        both.append(replace(example, signals=signals, linked=second))

    alone = fit_weights(one, at=after(one), start=NOTHING)
    shared = fit_weights(both, at=after(both), start=NOTHING)

    assert alone["bm25_passage"] > shared["bm25_passage"] > 0
    assert alone["cosine_passage"] < shared["cosine_passage"]
    assert shared["bm25_passage"] == pytest.approx(shared["cosine_passage"], abs=1e-2)


# -- too little to learn from ------------------------------------------------------


def test_with_too_few_examples_the_start_stands() -> None:
    few = choices(MIN_EXAMPLES - 1)
    enough = choices(MIN_EXAMPLES)
    start = {"bm25_passage": 0.5, "solved": 0.25}

    assert fit_weights(few, at=after(few), start=start) == {
        "bm25_passage": 0.5,
        "cosine_passage": 0.0,
        "log_age": 0.0,
    }
    assert fit_weights(enough, at=after(enough), start=start)["bm25_passage"] != 0.5


def test_without_examples_the_start_stands() -> None:
    assert fit_weights([], at=START, start=TRUE) == TRUE


def test_what_says_nothing_is_not_counted() -> None:
    """Nothing linked that could be ranked, or nothing else to choose from."""
    told = choices(MIN_EXAMPLES - 1)
    elsewhere = [replace(e, linked={DocumentId(999): e.asked_at}) for e in choices(40)]
    everything = [
        replace(e, linked=dict.fromkeys(e.ids, e.asked_at)) for e in choices(40)
    ]
    nobody = [replace(e, ids=(), signals=e.signals[:0]) for e in choices(40)]

    for silent in (elsewhere, everything, nobody):
        found = fit_weights([*told, *silent], at=after(silent), start=TRUE)
        assert found == TRUE
    more = [*choices(60), *elsewhere]
    assert fit_weights(more, at=after(more), start=TRUE) == pytest.approx(
        fit_weights(choices(60), at=after(more), start=TRUE)
    )


# -- nothing later -----------------------------------------------------------------


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), HOUR])
def test_a_question_of_that_moment_or_later_is_a_leak(late: timedelta) -> None:
    examples = choices(40)
    at = after(examples)
    planted = replace(examples[7], asked_at=at + late)

    with pytest.raises(LeakError, match="a question to learn from") as caught:
        fit_weights([*examples, planted], at=at, start=NOTHING)
    assert (caught.value.dated, caught.value.at) == (at + late, at)


def test_one_question_alone_is_a_leak_too() -> None:
    (example,) = choices(1)
    with pytest.raises(LeakError):
        fit_weights([example], at=example.asked_at, start=NOTHING)


def test_a_link_of_that_moment_or_later_is_not_known() -> None:
    examples = choices(60)
    at = after(examples)
    # As if people were to choose by nothing but age, from now on.
    oldest = [DocumentId(int(e.signals[:, 2].argmax())) for e in examples]
    later = [
        replace(e, linked={**e.linked, i: e.linked.get(i, at)})
        for e, i in zip(examples, oldest, strict=True)
    ]

    found = fit_weights(examples, at=at, start=NOTHING)

    assert fit_weights(later, at=at, start=NOTHING) == found
    known = fit_weights(later, at=at + timedelta(microseconds=1), start=NOTHING)
    assert known["log_age"] > found["log_age"] + 0.2


def test_what_is_known_of_an_example_is_what_was_linked_before() -> None:
    (example,) = choices(1)
    linked = {DocumentId(1): START, DocumentId(2): START + HOUR}
    example = replace(example, linked=linked)

    assert example.known(START) == frozenset()
    assert example.known(START + HOUR) == {1}
    assert example.known(START + 2 * HOUR) == {1, 2}


# -- examples ----------------------------------------------------------------------


def test_an_example_holds_standardised_signals() -> None:
    candidates = [candidate(5, coverage=0.9), candidate(3, coverage=0.1), candidate(4)]

    example = Example.of(Kind.THREAD, START, candidates, {}, ["coverage", "solved"])

    assert example.ids == (5, 3, 4)
    assert example.names == ("coverage", "solved")
    assert example.signals.dtype == np.float32
    assert example.signals.tolist() == [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]


def test_of_many_candidates_the_first_are_kept_and_those_that_were_linked() -> None:
    many = [candidate(i, coverage=float(i)) for i in range(MAX_CANDIDATES + 50)]
    last = DocumentId(MAX_CANDIDATES + 49)

    example = Example.of(Kind.DOCS, START, many, {last: START}, ["coverage"])

    assert example.ids == (*range(MAX_CANDIDATES), last)
    assert len(example.signals) == len(example.ids)
    # Among all of them, not among those that are kept.
    every = Example.of(
        Kind.DOCS,
        START,
        many,
        dict.fromkeys(map(DocumentId, range(999)), START),
        ["coverage"],
    )
    assert example.signals[-1] == every.signals[-1]


def test_far_down_what_is_not_linked_yet_is_as_if_it_was_not_there() -> None:
    """Else its place among the examples would tell of the link to come."""
    many = [candidate(i, coverage=float(i % 7)) for i in range(MAX_CANDIDATES + 50)]
    now, later = START + HOUR, START + 2 * HOUR
    soon, far = DocumentId(3), DocumentId(MAX_CANDIDATES + 49)

    def learned(linked: dict[DocumentId, datetime]) -> dict[str, float]:
        some = Example.of(Kind.DOCS, START, many, linked, ["coverage"])
        return fit_weights([some] * MIN_EXAMPLES, at=now, start={})

    assert learned({soon: START, far: later}) == learned({soon: START})
    assert learned({soon: START, far: START}) != learned({soon: START})


def test_a_question_without_candidates_makes_an_empty_example() -> None:
    example = Example.of(Kind.DOCS, START, [], {DocumentId(1): START}, ["coverage"])
    assert (example.ids, example.signals.shape) == ((), (0, 1))
