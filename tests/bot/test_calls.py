"""Runs that are asked for: soon, bundled, and not too often."""

from __future__ import annotations

import pytest

from bot.calls import Calls


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def calls(seconds: Seconds) -> Calls:
    return Calls(settle_s=3, apart_s=30, burst=1, clock=seconds)


def due_at(calls: Calls, seconds: Seconds, *times: float) -> list[list[str]]:
    """What is due, so many seconds after the start."""
    found = []
    for time in times:
        seconds.now = 1000 + time
        found.append(calls.due())
    return found


def test_nobody_called_and_nothing_is_due(calls: Calls) -> None:
    calls.begin("refresh a")

    assert calls.due() == []
    assert not calls.is_due("refresh a")


def test_a_called_job_is_due_once_others_had_time_to_call_and_not_later(
    calls: Calls, seconds: Seconds
) -> None:
    """Forums that never fall silent must not put it off for ever."""
    calls.call("refresh a")
    seconds.now += 2
    calls.call("refresh a")

    assert due_at(calls, seconds, 2.9, 3) == [[], ["refresh a"]]


def test_the_call_that_waited_longest_is_served_first(
    calls: Calls, seconds: Seconds
) -> None:
    calls.call("refresh b")
    seconds.now += 1
    calls.call("refresh a")

    assert due_at(calls, seconds, 60) == [["refresh b", "refresh a"]]


def test_a_run_serves_the_calls_before_it_and_none_after(
    calls: Calls, seconds: Seconds
) -> None:
    calls.call("refresh a")
    seconds.now += 3
    calls.begin("refresh a")
    served = calls.due()
    calls.call("refresh a")

    assert served == []
    assert due_at(calls, seconds, 32.9, 33) == [[], ["refresh a"]]


def test_called_runs_keep_apart_from_those_of_the_clock_too(
    calls: Calls, seconds: Seconds
) -> None:
    calls.begin("refresh a")
    seconds.now += 1
    calls.call("refresh a")
    calls.call("refresh b")

    assert due_at(calls, seconds, 4, 29.9, 30) == [
        ["refresh b"],
        ["refresh b"],
        ["refresh b", "refresh a"],
    ]


def test_what_needs_no_others_is_due_at_once(calls: Calls, seconds: Seconds) -> None:
    calls.call("index")
    calls.call("index", settled=True)

    assert calls.due() == ["index"]


def test_a_few_runs_may_follow_one_another_and_a_storm_keeps_them_apart(
    seconds: Seconds,
) -> None:
    calls = Calls(settle_s=0, apart_s=30, burst=3, clock=seconds)
    begun: list[float] = []
    for tick in range(400):
        seconds.now = 1000 + tick / 2
        calls.call("watch")
        if calls.is_due("watch"):
            calls.begin("watch")
            begun.append(tick / 2)

    assert begun == [0, 0.5, 1, 30, 60, 90, 120, 150, 180]


def test_runs_of_the_clock_put_a_call_off_by_no_more_than_the_usual_distance(
    seconds: Seconds,
) -> None:
    calls = Calls(settle_s=0, apart_s=30, burst=3, clock=seconds)
    for _ in range(100):
        calls.begin("watch")
    calls.call("watch")

    assert due_at(calls, seconds, 29.9, 30) == [[], ["watch"]]
