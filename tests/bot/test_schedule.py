"""Jobs: run at start and by the clock, apart from each other, and end cleanly."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger

from bot.config import Trigger
from bot.schedule import Job, Stop, crontab_weekdays, run_jobs, stopping_on_signals
from kb.errors import StoreError

HOURLY = Trigger(every=timedelta(hours=1))
SECONDLY = Trigger(every=timedelta(seconds=1))


class Runs:
    """Collects what ran, and asks for the end after so many runs."""

    def __init__(self, stop: Stop, *, until: int) -> None:
        self.names: list[str] = []
        self._stop = stop
        self._until = until
        self._lock = threading.Lock()

    def job(
        self,
        name: str,
        trigger: Trigger = HOURLY,
        *,
        lane: str = "",
        then: Callable[[], object] = lambda: None,
    ) -> Job:
        def run() -> None:
            with self._lock:
                self.names.append(name)
                if len(self.names) >= self._until:
                    self._stop.ask()
            then()

        return Job(name, run, trigger, lane or name)


def test_at_start_every_job_runs_once_in_order() -> None:
    stop = Stop()
    runs = Runs(stop, until=3)

    run_jobs([runs.job("refresh"), runs.job("index"), runs.job("watch")], stop)

    assert runs.names == ["refresh", "index", "watch"]


def test_jobs_run_again_by_the_clock() -> None:
    stop = Stop()
    runs = Runs(stop, until=4)

    run_jobs([runs.job("watch", SECONDLY), runs.job("refresh")], stop)

    assert runs.names == ["watch", "refresh", "watch", "watch"]


def test_a_job_that_fails_is_logged_and_runs_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop = Stop()
    runs = Runs(stop, until=2)

    def fail() -> None:
        raise StoreError("kb.db", "disk full")

    run_jobs([runs.job("refresh", SECONDLY, then=fail)], stop)

    assert runs.names == ["refresh", "refresh"]
    assert "job=refresh failed: kb.db: disk full" in caplog.messages


def test_a_mistake_of_ours_keeps_its_traceback_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop = Stop()
    runs = Runs(stop, until=2)

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    run_jobs([runs.job("first", then=fail), runs.job("second")], stop)

    assert runs.names == ["first", "second"]
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info is not None


def test_jobs_of_one_lane_never_run_at_the_same_time() -> None:
    stop = Stop()
    runs = Runs(stop, until=6)
    running: list[str] = []
    overlaps: list[str] = []

    def work() -> None:
        if running:
            overlaps.append("overlap")
        running.append("x")
        threading.Event().wait(0.2)
        running.pop()

    jobs = [
        runs.job(name, SECONDLY, lane="harvest", then=work) for name in ("a", "b", "c")
    ]
    run_jobs(jobs, stop)

    assert len(runs.names) >= 6
    assert overlaps == []


def test_a_long_job_does_not_hold_up_another_lane() -> None:
    stop = Stop()
    runs = Runs(stop, until=100)
    first = threading.Event()
    met = threading.Event()

    def harvest() -> None:
        if first.is_set():
            # Returns only when the watch ran while this was running.
            met.wait(20)
            stop.ask()
        first.set()

    watched: list[bool] = []

    def watch() -> None:
        if runs.names.count("harvest") > 1:
            watched.append(True)
            met.set()

    jobs = [
        runs.job("harvest", SECONDLY, then=harvest),
        runs.job("watch", SECONDLY, then=watch),
    ]
    run_jobs(jobs, stop)

    assert watched


def test_a_long_first_harvest_does_not_hold_up_the_watch() -> None:
    """The clock runs from the start on, not only after the first round."""
    stop = Stop()
    watched = threading.Event()
    in_time: list[bool] = []

    def harvest() -> None:
        in_time.append(watched.wait(20))
        stop.ask()

    jobs = [
        Job("harvest", harvest, HOURLY, "harvest"),
        Job("watch", watched.set, SECONDLY, "watch"),
    ]
    run_jobs(jobs, stop)

    assert in_time == [True]


def test_what_runs_is_finished_before_the_end() -> None:
    stop = Stop()
    ended: list[str] = []

    def work() -> None:
        stop.ask()
        threading.Event().wait(0.3)
        ended.append("done")

    runs = Runs(stop, until=100)
    run_jobs([runs.job("index", then=work), runs.job("watch")], stop)

    assert (ended, runs.names) == (["done"], ["index"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_the_end_and_handlers_are_put_back(
    number: signal.Signals,
) -> None:
    before = signal.getsignal(number)
    stop = Stop()

    with stopping_on_signals(stop):
        os.kill(os.getpid(), number)
        stop.wait()

    assert stop()
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", "sun"),
        ("7", "sun"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("5,6", "fri,sat"),
        ("0-6/3", "sun,wed,sat"),
        ("mon-fri", "mon-fri"),
        ("1,fri", "mon,fri"),
        ("sat,0-1", "sat,sun,mon"),
        ("*", "*"),
    ],
)
def test_weekdays_are_counted_as_in_every_crontab(field: str, days: str) -> None:
    assert crontab_weekdays(field) == days
    CronTrigger(day_of_week=days)
