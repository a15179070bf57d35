"""Section 7, how the community is: how soon people answer each other, and how often.

Pure. What programs write never counts as an answer, and each figure has the topics that
it was counted from. Quantiles are by nearest rank, so that each is a wait that somebody
had.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from bot.report.cells import between, cell, equal, every
from bot.report.model import Figure, Group, Health, Rows, Topic
from bot.report.records import Past, Period, Thread
from kb.metrics import wilson_interval
from kb.tongues import primary
from kb.types import DocumentId

_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)
# A chart of more weeks than these is drawn by month.
_MOST_WEEKS = 26
_ROWS, _ROWS_OF_GROUP = 25, 5
# Below the largest ones, all others together.
_MOST_GROUPS = 30
NO_CATEGORY, NO_LANGUAGE, OTHERS = "no category", "not known", "all others"
# Of the table of topics, which holds some of before the period as well.
_IN_PERIOD = equal("in_period", True)


def topic_of(thread: Thread) -> Topic:
    """A thread as the report points to it."""
    return Topic(
        source=thread.source,
        key=thread.key,
        title=thread.title,
        url=thread.url,
        created_at=thread.created_at,
        author=thread.asker_name,
        category=thread.category,
        language=thread.language,
    )


def first_reply_hours(thread: Thread) -> float | None:
    """Until the first reply by another person; ``None``: there is none."""
    first = thread.first_human
    return None if first is None else (first.at - thread.created_at) / _HOUR


def newest_of(threads: Iterable[Thread], limit: int) -> list[Thread]:
    """The threads that were begun last, newest first."""
    return heapq.nlargest(limit, threads, key=lambda t: (t.created_at, t.id))


def share_of(name: str, some: int, of: int, rows: Rows) -> Figure:
    """The figure of a share, with its interval; without a value of none."""
    low, high = wilson_interval(some, of) if of else (None, None)
    return Figure(name, some / of if of else None, "share", of, rows, low, high)


def nearest_rank(values: Sequence[float], share: float) -> float | None:
    """The smallest of *values* that is not below *share* of them; ``None`` of none.

    >>> nearest_rank([3, 1, 2, 4], 0.5), nearest_rank([3, 1, 2, 4], 0.9)
    (2, 4)
    >>> nearest_rank([], 0.5) is None
    True
    """
    if not values:
        return None
    # In whole numbers: 0.9 * 10 is more than 9.
    place = -(-len(values) * round(share * 100) // 100)
    return sorted(values)[max(place, 1) - 1]


def health(past: Past, *, open_ids: Collection[DocumentId] | None = None) -> Health:
    """Measure the period, the one before it, and groups of the period.

    Args:
        open_ids: Questions that nobody answered, see `bot.report.open_now`; ``None``:
            that was not looked at.
    """
    asked, before = past.asked, past.period.before
    earlier = past.asked_in(before)
    still_open = None if open_ids is None else frozenset(open_ids)
    return Health(
        overall=(
            *_figures(asked, still_open, _IN_PERIOD, _ROWS),
            _by_bots(past.threads, past.period),
        ),
        # What is open now says nothing of what was open then.
        before=(
            *_figures(earlier, None, None, _ROWS),
            _by_bots(past.threads, before),
        ),
        by_category=_groups(
            asked, still_open, "category", lambda t: t.category, NO_CATEGORY
        ),
        by_language=_groups(
            asked, still_open, "language", lambda t: primary(t.language), NO_LANGUAGE
        ),
        over_time=tuple(
            Group(
                name,
                _figures(
                    [t for t in asked if span.holds(t.created_at)],
                    still_open,
                    every(_IN_PERIOD, between("created_at", span.since, span.until)),
                    0,
                ),
            )
            for name, span in _spans(past.period, asked)
        ),
    )


def _figures(
    threads: Sequence[Thread],
    still_open: frozenset[DocumentId] | None,
    where: str | None,
    rows: int,
) -> tuple[Figure, ...]:
    """Args:
    where: Condition of the table of topics; ``None``: there is none.
    """
    waits = ((thread.id, first_reply_hours(thread)) for thread in threads)
    hours = {i: waited for i, waited in waits if waited is not None}
    answered = [thread for thread in threads if thread.id in hours]
    slowest = sorted(answered, key=lambda t: (-hours[t.id], t.id))

    def share(name: str, column: str, some: Sequence[Thread]) -> Figure:
        shown = _rows(some, where, equal(column, True), rows)
        return share_of(name, len(some), len(threads), shown)

    def wait(name: str, quantile: float) -> Figure:
        value = nearest_rank(list(hours.values()), quantile)
        shown = _rows(slowest, where, equal("answered", True), rows, newest=False)
        return Figure(name, value, "hours", len(hours), shown)

    count = _rows(threads, where, "", rows)
    found = [
        Figure("asked", len(threads), "count", len(threads), count),
        share("answered", "answered", answered),
        share("solved", "solved", [t for t in threads if t.solved]),
        wait("first_reply_median", 0.5),
        wait("first_reply_p90", 0.9),
        share("newcomers", "newcomer", [t for t in threads if t.newcomer]),
    ]
    if still_open is not None:
        found.insert(
            3, share("open", "open", [t for t in threads if t.id in still_open])
        )
    return tuple(found)


def _by_bots(threads: Iterable[Thread], period: Period) -> Figure:
    """What programs wrote. No table holds the topics in which they did."""

    def count(thread: Thread) -> int:
        is_begun = thread.by_bot and period.holds(thread.created_at)
        replies = (r for r in thread.replies if r.voice == "bot" and period.holds(r.at))
        return is_begun + sum(1 for _ in replies)

    wrote = [(thread, written) for thread in threads if (written := count(thread))]
    total = sum(written for _, written in wrote)
    shown = _rows([thread for thread, _ in wrote], None, "", _ROWS)
    return Figure("by_bots", total, "count", total, shown)


def _rows(
    threads: Sequence[Thread],
    where: str | None,
    condition: str,
    limit: int,
    *,
    newest: bool = True,
) -> Rows:
    first = newest_of(threads, limit) if newest else threads[:limit]
    told = None if where is None else every(where, condition)
    return Rows(len(threads), told, tuple(map(topic_of, first)))


def _groups(
    threads: Iterable[Thread],
    still_open: frozenset[DocumentId] | None,
    column: str,
    value_of: Callable[[Thread], str | None],
    nothing: str,
) -> tuple[Group, ...]:
    """Groups of what the table of topics shows in a column; *nothing* names the one
    where that is nothing."""
    groups: defaultdict[str, list[Thread]] = defaultdict(list)
    for thread in threads:
        # What looks the same in the table cannot be told apart by it.
        groups[cell(value_of(thread))].append(thread)
    largest = sorted(groups, key=lambda shown: (-len(groups[shown]), shown))
    told = []
    for shown in largest[:_MOST_GROUPS]:
        name = min(value_of(thread) or "" for thread in groups[shown])
        where = every(_IN_PERIOD, equal(column, name))
        figures = _figures(groups[shown], still_open, where, _ROWS_OF_GROUP)
        told.append(Group(name if shown else nothing, figures))
    rest = [thread for shown in largest[_MOST_GROUPS:] for thread in groups[shown]]
    if rest:
        figures = _figures(rest, still_open, None, _ROWS_OF_GROUP)
        told.append(Group(OTHERS, figures, rest=True))
    return tuple(told)


def _spans(period: Period, threads: Sequence[Thread]) -> Iterator[tuple[str, Period]]:
    """The weeks of a period, or its months where it is long, from the first in which
    something was asked; the first and the last may reach beyond it."""
    if not threads:
        return
    start = max(period.since, min(thread.created_at for thread in threads))
    by_month = period.until - start > _MOST_WEEKS * _WEEK
    begin = _month(start) if by_month else _monday(start)
    while begin < period.until:
        end = _month(begin + timedelta(days=32)) if by_month else begin + _WEEK
        name = begin.strftime("%Y-%m") if by_month else begin.strftime("%Y-%m-%d")
        yield name, Period(begin, end)
        begin = end


def _month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _monday(moment: datetime) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())
