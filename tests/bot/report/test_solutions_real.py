"""Real topics whose solution is marked: is it the reply that we would name?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.solutions import (
    BASELINES,
    Outcome,
    Solved,
    cross_validated,
    groups,
    learn,
    outcome,
    read,
    tally,
)
from bot.report.solutions import WEIGHTS
from kb.metrics import wilson_interval
from tests.conftest import shared_path

FIRST_PAGE = "marked, and others replied, on the first page"
# Where the same people took several tries.
SEVERAL = "two or more replies by others"


@pytest.fixture(scope="module")
def topics() -> tuple[Solved, ...]:
    return read(shared_path("discourse/samples/topics.jsonl.gz"))


@pytest.fixture(scope="module")
def outcomes(topics: tuple[Solved, ...]) -> list[Outcome]:
    return cross_validated(topics)


def test_no_mark_reaches_who_guesses(topics: tuple[Solved, ...]) -> None:
    sizes = {name: len(places) for name, places in groups(topics).items()}

    assert sizes == {
        FIRST_PAGE: 120,
        "marked, and others replied": 122,
        SEVERAL: 81,
        "all that are marked": 133,
    }
    assert not any(topic.thread.solved for topic in topics)
    assert not any(r.accepted for topic in topics for r in topic.thread.replies)
    for topic in topics:
        assert topic.accepted in {reply.number for reply in topic.thread.replies}


@pytest.mark.parametrize("learned", ["from the other topics", "as shipped"])
def test_of_ten_that_are_named_more_than_seven_are_marked(
    topics: tuple[Solved, ...], outcomes: list[Outcome], learned: str
) -> None:
    if learned == "as shipped":
        outcomes = [outcome(topic) for topic in topics]
    places = groups(topics)

    some = places[FIRST_PAGE]
    right, named = tally(outcomes[i] for i in some)
    low, _ = wilson_interval(right, named)
    assert low >= 0.7, f"{right} of {named}"
    assert named >= 0.5 * len(some)

    right, named = tally(outcomes[i] for i in places[SEVERAL])
    assert right >= 0.7 * named > 0.7 * 20


def test_it_beats_whoever_takes_the_first_the_last_or_the_most_liked_reply(
    topics: tuple[Solved, ...], outcomes: list[Outcome]
) -> None:
    """Also where it must name one in every topic, as they do."""
    some = groups(topics)[FIRST_PAGE]
    ours, _ = tally((outcomes[i] for i in some), least=0)

    theirs = {name: _right(topics, some, name) for name in BASELINES}

    assert ours > max(theirs.values()) + 10, theirs


def _right(topics: Sequence[Solved], some: Sequence[int], name: str) -> int:
    choose = BASELINES[name]
    return sum(choose(topics[i].thread) == topics[i].accepted for i in some)


def test_the_weights_are_those_that_the_topics_teach(
    topics: tuple[Solved, ...],
) -> None:
    assert learn(topics) == pytest.approx(WEIGHTS, abs=0.02)
