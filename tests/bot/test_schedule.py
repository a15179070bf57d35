"""Jobs: run at start and by the clock, apart from each other, and end cleanly."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from bot.calls import Calls
from bot.config import Trigger
from bot.cron import cron_trigger
from bot.schedule import Job, Stop, run_jobs, stopping_on_signals
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


def test_a_job_that_is_not_for_the_start_waits_for_its_time() -> None:
    stop = Stop()
    runs = Runs(stop, until=2)
    later = replace(runs.job("learn"), at_start=False)

    run_jobs([later, runs.job("refresh"), runs.job("index")], stop)

    assert runs.names == ["refresh", "index"]


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


# -- runs that are called for ----------------------------------------------


def at_once() -> Calls:
    return Calls(settle_s=0, apart_s=0)


def test_a_called_job_runs_between_those_of_the_clock() -> None:
    stop, calls = Stop(), at_once()
    runs = Runs(stop, until=3)

    jobs = [
        runs.job("refresh"),
        runs.job("watch", then=lambda: calls.call("refresh")),
    ]
    run_jobs(jobs, stop, calls=calls)

    assert runs.names == ["refresh", "watch", "refresh"]


def test_a_call_during_a_run_is_served_by_another_and_calls_are_bundled() -> None:
    """The run may have looked already when the hint came."""
    stop, calls = Stop(), at_once()
    runs = Runs(stop, until=2)

    def called_twice() -> None:
        if len(runs.names) == 1:
            calls.call("refresh")
            calls.call("refresh")

    run_jobs([runs.job("refresh", then=called_twice)], stop, calls=calls)

    assert runs.names == ["refresh", "refresh"]
    assert calls.due() == []


def test_a_called_job_waits_for_its_lane() -> None:
    stop, calls = Stop(), at_once()
    runs = Runs(stop, until=2)
    ended: list[int] = []

    def harvest() -> None:
        calls.call("refresh a")
        # Time enough for the called run to begin, if nothing held it back.
        threading.Event().wait(0.5)
        ended.append(len(runs.names))

    jobs = [
        runs.job("refresh b", lane="harvest", then=harvest),
        runs.job("refresh a", lane="harvest"),
    ]
    run_jobs(jobs, stop, calls=calls)

    assert ended == [1]
    assert runs.names[:2] == ["refresh b", "refresh a"]


def test_a_called_job_that_fails_is_logged_and_can_be_called_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, calls = Stop(), at_once()
    runs = Runs(stop, until=3)

    def fail() -> None:
        calls.call("refresh")
        raise StoreError("kb.db", "disk full")

    run_jobs([runs.job("refresh", then=fail)], stop, calls=calls)

    assert runs.names == ["refresh"] * 3
    assert caplog.messages.count("job=refresh failed: kb.db: disk full") == 3


def test_a_call_for_a_job_that_is_not_there_changes_nothing() -> None:
    stop, calls = Stop(), at_once()
    runs = Runs(stop, until=2)
    calls.call("refresh z")

    run_jobs([runs.job("refresh"), runs.job("watch")], stop, calls=calls)

    assert runs.names == ["refresh", "watch"]


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


# -- runs that did not take place in time ----------------------------------


def sleep_whole(seconds: int) -> None:
    """Stop all threads for so long, as a machine that is put to sleep does."""
    # Loaded this way a function is called without letting go of the interpreter.
    ctypes.PyDLL(None).sleep(seconds)


class Times:
    """When a job's runs began; asks for the end at the third."""

    def __init__(self, stop: Stop, *, during_second: Callable[[], object]) -> None:
        self.gap_s = 0.0
        self._count = 0
        self._ended = 0.0
        self._stop = stop
        self._during_second = during_second

    def __call__(self) -> None:
        self._count += 1
        if self._count == 2:
            self._during_second()
            self._ended = time.monotonic()
        elif self._count == 3:
            self.gap_s = time.monotonic() - self._ended
            self._stop.ask()


def test_runs_missed_in_a_sleep_are_made_up_by_one() -> None:
    """Two were missed; after the one for both comes the next of the clock."""
    stop = Stop()
    tick = Times(stop, during_second=lambda: None)

    jobs = [
        Job("tick", tick, SECONDLY, "tick"),
        Job("sleep", lambda: sleep_whole(2), HOURLY, "sleep"),
    ]
    run_jobs(jobs, stop)

    assert tick.gap_s > 0.2


def test_a_run_within_the_grace_is_late_and_not_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """APScheduler's own grace is one second."""
    stop = Stop()
    runs = Runs(stop, until=3)

    jobs = [
        runs.job("tick", Trigger(every=timedelta(seconds=2))),
        runs.job("sleep", then=lambda: sleep_whole(3)),
    ]
    run_jobs(jobs, stop, misfire_grace=timedelta(minutes=1))

    assert runs.names == ["tick", "sleep", "tick"]
    assert "job=tick came too late and waits for its next time" not in caplog.messages


def test_a_run_that_would_meet_the_last_one_is_left_out_and_not_put_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "bot.schedule")
    stop = Stop()
    said = "job=tick is still running; this run is left out"

    def until_the_next_is_left_out() -> None:
        until = time.monotonic() + 20
        while said not in caplog.messages and time.monotonic() < until:
            time.sleep(0.01)

    tick = Times(stop, during_second=until_the_next_is_left_out)
    run_jobs([Job("tick", tick, SECONDLY, "tick")], stop)

    assert said in caplog.messages
    assert tick.gap_s > 0.2


# -- crontab lines ---------------------------------------------------------

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def first_fires(line: str, count: int = 4, zone: tzinfo = UTC) -> list[datetime]:
    """When a crontab line fires from Monday, 1 June 2026, on."""
    trigger = cron_trigger(line, zone)
    fires: list[datetime] = []
    for _ in range(count):
        before = fires[-1] if fires else None
        fires.append(trigger.get_next_fire_time(before, before or MONDAY))
    return fires


def weekdays(field: str) -> str:
    """The days on which a line with such weekdays fires."""
    fires = first_fires(f"0 0 * * {field}", count=7)
    return " ".join(dict.fromkeys(f"{fire:%a}" for fire in fires))


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", "Sun"),
        ("7", "Sun"),
        ("sun", "Sun"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("5-7", "Fri Sat Sun"),
        ("0-6/3", "Wed Sat Sun"),
        ("*/2", "Tue Thu Sat Sun"),
        ("1/2", "Mon Wed Fri Sun"),
        ("*", "Mon Tue Wed Thu Fri Sat Sun"),
        ("mon-fri", "Mon Tue Wed Thu Fri"),
        ("MON-5", "Mon Tue Wed Thu Fri"),
        ("1-wed", "Mon Tue Wed"),
        ("mon-fri/2", "Mon Wed Fri"),
        ("1,fri", "Mon Fri"),
        ("sat,0-1", "Mon Sat Sun"),
        ("fri-sun", "Fri Sat Sun"),
        ("fri-mon", "Mon Fri Sat Sun"),
        ("7-2", "Mon Tue Sun"),
    ],
)
def test_weekdays_are_counted_as_in_every_crontab(field: str, days: str) -> None:
    assert weekdays(field) == days


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        (
            "*/20 8-9 * * *",
            ["01 Jun 08:00", "01 Jun 08:20", "01 Jun 08:40", "01 Jun 09:00"],
        ),
        (
            "5/25 0 1 * *",
            ["01 Jun 00:05", "01 Jun 00:30", "01 Jun 00:55", "01 Jul 00:05"],
        ),
        (
            "30 2 1 jul-9,DEC *",
            ["01 Jul 02:30", "01 Aug 02:30", "01 Sep 02:30", "01 Dec 02:30"],
        ),
        (
            "0 0 29 2 *",
            ["29 Feb 00:00", "29 Feb 00:00", "29 Feb 00:00", "29 Feb 00:00"],
        ),
    ],
)
def test_a_crontab_line_fires_when_its_fields_say(line: str, fires: list[str]) -> None:
    assert [f"{fire:%d %b %H:%M}" for fire in first_fires(line)] == fires


@pytest.mark.parametrize(
    ("line", "days"),
    [
        # Either is enough, and a day that is both counts once.
        ("0 0 1 * 1", ["Mon 01 Jun", "Mon 08 Jun", "Mon 15 Jun", "Mon 22 Jun"]),
        ("0 0 3,4 * wed", ["Wed 03 Jun", "Thu 04 Jun", "Wed 10 Jun", "Wed 17 Jun"]),
        # No February has a 30th: the weekday alone is left.
        ("0 0 30 2 mon", ["Mon 01 Feb", "Mon 08 Feb", "Mon 15 Feb", "Mon 22 Feb"]),
        # What starts with a star restricts nothing: both must fit.
        ("0 0 */2 * 1", ["Mon 01 Jun", "Mon 15 Jun", "Mon 29 Jun", "Mon 13 Jul"]),
        ("0 0 1-9 * */3", ["Wed 03 Jun", "Sat 06 Jun", "Sun 07 Jun", "Wed 01 Jul"]),
    ],
)
def test_of_a_restricted_day_and_a_restricted_weekday_either_is_enough(
    line: str, days: list[str]
) -> None:
    """As in crontab(5)."""
    assert [f"{fire:%a %d %b}" for fire in first_fires(line)] == days


def test_a_crontab_line_goes_by_the_clocks_of_its_zone() -> None:
    nairobi = ZoneInfo("Africa/Nairobi")

    # Midnight in UTC is three o'clock there.
    [fire] = first_fires("0 2 * * *", 1, nairobi)

    assert fire == datetime(2026, 6, 2, 2, tzinfo=nairobi)


def test_a_job_with_a_crontab_line_is_taken_by_the_clock() -> None:
    """APScheduler's own reader of such lines knows no Sunday 7."""
    stop = Stop()
    runs = Runs(stop, until=1)

    run_jobs([runs.job("refresh", Trigger(cron="0 0 1 * 7"))], stop)

    assert runs.names == ["refresh"]
