"""Whether who answered a question is among those whom the report would have suggested.

    python benchmarks/who_helps.py --config FILE [--source NAME ...] [--json]

Goes through the history of an installation, harvested and indexed. Each question is
looked at as of the moment it was asked: what was written then or later counts for
nothing. (Its vector is of its own words alone.)

In many forums a few members answer nearly everything, and need nobody who suggests
them. So the three who wrote most in others' threads in the 90 days before are left out,
and with them each question that one of them was first to answer. Of the others: is who
was first to answer among the three suggested?

* active: the next three by the same count.
* vote: who answered in most of the 50 most similar threads.
* ours: the ranking of `bot.report.helpers`.
* by day, by week: ours again, where all these questions of a day, or of a week, are one
  report, and nobody is suggested for more than the load of one.

The first 180 days only fill what is known. The weights of ours were fitted to the
earlier half of the Slicer forum's history, so for that forum the later half is the
figure to trust; which parts it is made of was decided with both halves in view. The
last lines tell the same of questions whoever answered them, with nobody left out: of
every fourth, as they are many.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bot.app import App
from bot.config import load_config
from bot.config_sources import ArchiveSource, ForumSource
from bot.report.clusters import cosines
from bot.report.helpers import (
    HelperSettings,
    Ranking,
    Record,
    Standing,
    Vectors,
    assign,
)
from bot.report.reading import IndexMeanings, read_past
from bot.report.records import Past, Period, Thread

LEFT_OUT = 3
WINDOW = timedelta(days=90)
WARMING = timedelta(days=180)
NEIGHBOURS = 50
EVERY = 4
WAYS = ("active", "vote", "ours", "by day", "by week")
SETTINGS = HelperSettings()


@dataclass(frozen=True, slots=True)
class Tried:
    """One question, and whom each way suggests, as `Record` numbers people."""

    thread: Thread
    answerer: int
    ranking: Ranking
    suggested: dict[str, list[int]]

    def hit(self, way: str) -> bool:
        return self.answerer in self.suggested[way]


def load(app: App, sources: Sequence[str]) -> tuple[Past, Vectors]:
    """All threads of some forums, and the vectors of those that are indexed."""
    everything = Period(datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC))
    with app.open_store(readonly=True) as store:
        past = read_past(store, sources, everything, visible_to=None)
        index = app.open_index(store)
        try:
            meanings = IndexMeanings(index.corpus(store, visible_to=_everybody(past)))
            return past, meanings.of([thread.id for thread in past.threads])
        finally:
            index.close()


def _everybody(past: Past) -> frozenset[str]:
    return frozenset(thread.visibility for thread in past.threads)


def attempts(
    past: Past, record: Record, *, left_out: int, every: int = 1
) -> Iterator[Tried]:
    """Questions whose first answer is by nobody of those left out, in their order."""
    answered = [t for t in past.threads if _answerer(record, t) >= 0 and not t.by_bot]
    for thread in answered[::every]:
        answerer = _answerer(record, thread)
        active = _most_active(record, thread)
        top = active[:left_out]
        if answerer in top:
            continue
        out = {*top, record.person(thread.asker)}
        standing = Standing(record, thread.created_at, SETTINGS.recent, left_out=top)
        (ranking,) = standing.rankings([thread], SETTINGS.neighbours)
        voted = _voted(record, thread)
        most = SETTINGS.per_question
        suggested = {
            "active": [person for person in active if person not in out][:most],
            "vote": [person for person in voted if person not in out][:most],
            "ours": ranking.people[:most].tolist(),
        }
        yield Tried(thread, answerer, ranking, suggested)


def _answerer(record: Record, thread: Thread) -> int:
    first = thread.first_human
    return -1 if first is None else record.person(first.member)


def _most_active(record: Record, thread: Thread) -> list[int]:
    """By posts in others' threads in the days before, most first."""
    now = thread.created_at.timestamp()
    window = now - WINDOW.total_seconds(), now
    start, end = np.searchsorted(record.post_at, window)
    return _by_count(record.post_by[start:end])


def _voted(record: Record, thread: Thread) -> list[int]:
    """By the most similar threads in which they answered, most first."""
    now = thread.created_at.timestamp()
    earlier = int(np.searchsorted(record.begun, now))
    row = record.rows[thread.id]
    line = cosines(record.points[row : row + 1], record.points[:earlier])[0]
    chosen = np.zeros(earlier, np.bool_)
    chosen[np.argsort(-line, kind="stable")[:NEIGHBOURS]] = True
    answers = slice(0, int(np.searchsorted(record.at, now)))
    return _by_count(record.who[answers][chosen[record.row[answers]]])


def _by_count(people: Any) -> list[int]:
    found, counts = np.unique(people, return_counts=True)
    return [int(person) for person in found[np.lexsort((found, -counts))]]


def capped(tried: Sequence[Tried], way: str) -> int:
    """Add what is suggested when a day, or a week, is one report; tells the highest
    load of anybody in one of them."""
    reports: defaultdict[tuple[int, ...], list[Tried]] = defaultdict(list)
    for each in tried:
        day = tuple(each.thread.created_at.isocalendar())
        reports[day if way == "by day" else day[:2]].append(each)
    highest = 0
    for report in reports.values():
        load: Counter[int] = Counter()
        rankings = [each.ranking for each in report]
        for each, places in zip(report, assign(rankings, SETTINGS), strict=True):
            each.suggested[way] = each.ranking.people[places].tolist()
            load.update(each.suggested[way])
        highest = max(highest, *load.values(), 0)
    return highest


def shares(tried: Sequence[Tried], past: Past) -> dict[str, dict[str, float]]:
    """How often each way has who answered, in parts of the history."""
    first, last = past.threads[0].created_at, past.threads[-1].created_at
    warm, middle = first + WARMING, first + (last - first) / 2
    parts = {
        "after the first 180 days": (warm, last),
        "of these, earlier half": (warm, middle),
        "of these, later half": (max(warm, middle), last),
    }
    told = {}
    for name, (since, until) in parts.items():
        some = [each for each in tried if since <= each.thread.created_at <= until]
        told[name] = {"questions": float(len(some))} | {
            way: round(sum(each.hit(way) for each in some) / max(len(some), 1), 4)
            for way in WAYS
        }
    return told


def measure(past: Past, vectors: Vectors) -> dict[str, Any]:
    started = time.perf_counter()
    record = Record(past.threads, vectors)
    made = time.perf_counter()
    some = list(attempts(past, record, left_out=LEFT_OUT))
    everything = list(attempts(past, record, left_out=0, every=EVERY))
    highest = max(
        capped(tried, way)
        for tried in (some, everything)
        for way in ("by day", "by week")
    )
    assert highest <= SETTINGS.load, f"{highest} suggestions of one member in a report"
    answered = sum(_answerer(record, thread) >= 0 for thread in past.threads)
    return {
        "threads": len(past.threads),
        "indexed": int(record.indexed.sum()),
        "answered": answered,
        "first_by_left_out": round(1 - len(some) / max(answered, 1), 4),
        "load": SETTINGS.load,
        "highest_load": highest,
        "left_out": shares(some, past),
        "nobody_left_out": shares(everything, past),
        "made_s": round(made - started, 2),
        "measured_s": round(time.perf_counter() - made, 1),
    }


def show(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{figures['threads']} threads, {figures['indexed']} of them indexed;"
        f" {figures['answered']} answered by a member with a name"
    )
    yield (
        f"{figures['first_by_left_out']:.1%} first answered by one of the"
        f" {LEFT_OUT} most active"
    )
    for name in ("left_out", "nobody_left_out"):
        yield f"\n{name.replace('_', ' '):28}{'questions':>10}" + "".join(
            f"{way:>9}" for way in WAYS
        )
        for part, row in figures[name].items():
            told = "".join(f"{row[way]:9.3f}" for way in WAYS)
            yield f"{part:28}{row['questions']:10.0f}{told}"
    yield (
        f"\nnobody suggested for more than {figures['highest_load']} questions of one"
        f" report, of {figures['load']} that are allowed"
    )
    yield f"{figures['made_s']} s to read who answered"
    yield f"{figures['measured_s']} s to ask"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--source", action="append", help="all forums and archives")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    app = App(load_config(options.config))
    sources = options.source or [
        name
        for name, source in app.config.sources.items()
        if isinstance(source, ForumSource | ArchiveSource)
    ]
    figures = measure(*load(app, sources))
    print(json.dumps(figures) if options.json else "\n".join(show(figures)))


if __name__ == "__main__":
    main()
