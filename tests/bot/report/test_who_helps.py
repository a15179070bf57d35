"""What the benchmark of helpers counts, on a history whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from benchmarks.who_helps import attempts, measure, show
from bot.report.helpers import Record, Vectors
from bot.report.records import Past, Period, Thread
from tests.bot.report.test_helpers import NOW, reply, thread

DAYS = 240
SUBJECTS = 6


def history() -> tuple[Past, Vectors]:
    """A question a day, in turn of six subjects, each with a member of its own who
    answers it; but twice in three days three others answer first, who know it all."""
    threads: list[Thread] = []
    for day in range(DAYS):
        old = float(DAYS - day)
        subject = day // 3 % SUBJECTS
        if day % 3:
            replies = [reply(f"all{i}", old - 0.1 * i, number=i) for i in (2, 3, 4)]
        else:
            replies = [reply(f"one{subject}", old - 0.1)]
        threads.append(thread(day, *replies, days=old))
    points = np.eye(SUBJECTS, dtype=np.float32)[np.arange(DAYS) // 3 % SUBJECTS]
    period = Period(NOW - timedelta(days=7), NOW)
    return Past(period, tuple(threads)), (np.arange(DAYS), points)


def test_who_knows_one_subject_is_found_where_activity_tells_nothing() -> None:
    past, vectors = history()

    figures = measure(past, vectors)
    told = figures["left_out"]["after the first 180 days"]

    assert (figures["threads"], figures["indexed"], figures["answered"]) == (240,) * 3
    assert figures["first_by_left_out"] == 0.6625
    assert told["questions"] == 20
    assert told["ours"] == told["vote"] == told["by day"] == 1.0
    assert told["active"] == 0.55
    assert 1 <= figures["highest_load"] <= figures["load"]
    assert "  0.550    1.000    1.000    1.000" in "\n".join(show(figures))


def test_nothing_that_comes_later_changes_what_is_suggested() -> None:
    past, vectors = history()
    half = DAYS // 2
    others = tuple(
        replace(each, replies=tuple(reply(f"new{each.id % 7}", 0.5) for _ in "ab"))
        for each in past.threads[half:]
    )
    changed = replace(past, threads=past.threads[:half] + others)

    def suggested(some: Past) -> list[tuple[int, dict[str, list[str]]]]:
        record = Record(some.threads, vectors)
        return [
            (
                each.thread.id,
                {
                    way: [record.people.names[person] for person in people]
                    for way, people in each.suggested.items()
                },
            )
            for each in attempts(some, record, left_out=3)
            if each.thread.id < half
        ]

    assert len(suggested(past)) > 30
    assert suggested(changed) == suggested(past)
