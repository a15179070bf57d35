"""The jobs of ``baraza run``: when, in which lane, and a clean end.

APScheduler decides when; this module decides what may run beside what. Jobs of one
lane wait for each other (two harvests share the forum's patience and the disk),
jobs of different lanes do not: a harvest of hours must not keep the watch from its
minutes. A job never runs twice at a time, and missed runs are made up by one.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.calls import Calls
from bot.config import Trigger
from bot.cron import cron_trigger
from kb.errors import KBError

log = logging.getLogger(__name__)

_POLL_S = 0.2


class Stop:
    """Asked for by a signal; jobs look at it between two pieces of work.

    A plain flag and not an `Event`: a signal handler that takes a lock may find it
    taken by the very thread that it interrupted.
    """

    def __init__(self) -> None:
        self._asked = False

    def ask(self) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked

    def wait(self) -> None:
        """Return once it was asked for."""
        while not self._asked:
            time.sleep(_POLL_S)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again.

    Attributes:
        name: For the log.
        run: Does it once, and returns False when it was told to stop on the way.
        trigger: When.
        lane: Jobs of one lane wait for each other.
        at_start: It is also done once at the start, and not only by the clock.
    """

    name: str
    run: Callable[[], object]
    trigger: Trigger
    lane: str
    at_start: bool = True


def run_jobs(
    jobs: Sequence[Job],
    stop: Stop,
    *,
    timezone: str = "UTC",
    misfire_grace: timedelta = timedelta(minutes=10),
    calls: Calls | None = None,
) -> None:
    """Run jobs once, in order, and then by the clock, until *stop* is asked for.

    Returns when the jobs that are running then have come to an end. A job that
    fails is logged, and its next run takes place.

    Args:
        timezone: For cron triggers.
        misfire_grace: A job that could not start in time is still started when it
            is no later than this.
        calls: Where runs between those of the clock are asked for, by the names
            of jobs.
    """
    calls = Calls() if calls is None else calls
    lanes = {job.lane: threading.Lock() for job in jobs}
    scheduler = _scheduler(jobs, lanes, stop, calls, timezone, misfire_grace)
    # Before the first round: a harvest of hours must not hold up the watch.
    scheduler.start()
    answering = [
        threading.Thread(
            target=_answer_calls, args=(jobs, lane, lock, stop, calls), daemon=True
        )
        for lane, lock in lanes.items()
    ]
    for thread in answering:
        thread.start()
    for job in jobs:
        if job.at_start and not stop():
            _attempt(job, lanes[job.lane], stop, calls)
    log.info("running: %s", ", ".join(job.name for job in jobs))
    stop.wait()
    log.info("stopping")
    for thread in answering:
        thread.join()
    scheduler.shutdown(wait=True)


@contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """SIGTERM and SIGINT ask for *stop*; a second one ends the process at once."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.ask()

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _answer_calls(
    jobs: Sequence[Job], lane: str, lock: threading.Lock, stop: Stop, calls: Calls
) -> None:
    """Run the jobs of one lane that are called for, until *stop* is asked for."""
    while not stop():
        due = calls.due()
        for job in jobs:
            if job.lane == lane and job.name in due:
                _attempt(job, lock, stop, calls, called=True)
        time.sleep(_POLL_S)


def _attempt(
    job: Job,
    lane: threading.Lock,
    stop: Stop,
    calls: Calls,
    *,
    called: bool = False,
) -> None:
    with lane:
        # While this waited, a run by the clock may have served the call.
        if stop() or (called and not calls.is_due(job.name)):
            return
        calls.begin(job.name)
        started = time.monotonic()
        try:
            complete = job.run() is not False
        except KBError as exc:
            log.error("job=%s failed: %s", job.name, exc)
        except Exception:
            # A mistake of ours: the other jobs, and this one's next run, go on.
            log.exception("job=%s failed", job.name)
        else:
            how = "done" if complete else "interrupted, goes on next time"
            seconds = time.monotonic() - started
            log.info("job=%s %s seconds=%.1f", job.name, how, seconds)


def _scheduler(
    jobs: Sequence[Job],
    lanes: dict[str, threading.Lock],
    stop: Stop,
    calls: Calls,
    timezone: str,
    misfire_grace: timedelta,
) -> Any:
    zone = ZoneInfo(timezone)
    scheduler = BackgroundScheduler(
        # A thread each: a job that waits for its lane has started in time, and is
        # not taken for a misfire.
        executors={"default": ThreadPoolExecutor(max(1, len(jobs)))},
        job_defaults={
            "max_instances": 1,
            "coalesce": True,
            "misfire_grace_time": max(1, round(misfire_grace.total_seconds())),
        },
        timezone=zone,
    )
    # Its own log repeats what the listener says.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler.add_listener(_report, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
    for job in jobs:
        scheduler.add_job(
            _attempt,
            _trigger(job.trigger, zone),
            args=(job, lanes[job.lane], stop, calls),
            id=job.name,
        )
    return scheduler


def _trigger(trigger: Trigger, zone: ZoneInfo) -> BaseTrigger:
    if trigger.cron is not None:
        return cron_trigger(trigger.cron, zone)
    every = trigger.every or timedelta(hours=1)
    return IntervalTrigger(seconds=round(every.total_seconds()), timezone=zone)


def _report(event: Any) -> None:
    if event.code == EVENT_JOB_MISSED:
        log.warning("job=%s came too late and waits for its next time", event.job_id)
    else:
        log.info("job=%s is still running; this run is left out", event.job_id)
