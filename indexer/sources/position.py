"""Where a walk through a forum goes on: the cursor, and the request budget."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.wire import Category
from kb.types import TopicId

log = logging.getLogger(__name__)

_FORMAT = 2
# What may be spent at once after a pause, whatever the budget of a day is: small
# forums are looked over whole by it, and one refresh after the other.
_MIN_BURST = 12
_BURSTS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class FeedWalk:
    """A walk through the posts of all topics, from the newest to an elder one.

    Attributes:
        top: The newest post when it began; 0 before the first answer.
        before: The newest post that was not met yet; ``None`` before the first.
        floor: The walk ends when it has met all that are newer than this one.
        started_at: When it began.
        windowed: The server may answer with a window of ids, an elder one does.
            It is until proven otherwise.
        has_gaps: The forum failed for some of it.
    """

    started_at: datetime
    floor: int = 0
    top: int = 0
    before: int | None = None
    windowed: bool = True
    has_gaps: bool = False

    @property
    def is_over(self) -> bool:
        return self.before is not None and self.before <= self.floor


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests that may be spent on looking again; it refills over the day.

    Attributes:
        tokens: May be negative: then more was needed than there was.
    """

    tokens: float
    at: datetime

    @classmethod
    def full(cls, per_day: int, now: datetime) -> Budget:
        return cls(_burst(per_day), now)

    def refilled(self, per_day: int, now: datetime) -> Budget:
        """As it is *now*, at so many requests a day.

        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> Budget(0, at).refilled(240, at + timedelta(hours=1)).tokens
        10.0
        """
        days = max(timedelta(), now - self.at) / timedelta(days=1)
        return Budget(min(_burst(per_day), self.tokens + per_day * days), now)

    def spent(self, requests: int) -> Budget:
        return replace(self, tokens=self.tokens - requests)


def _burst(per_day: int) -> float:
    return float(max(min(_MIN_BURST, per_day), per_day / _BURSTS_PER_DAY))


@dataclass(frozen=True, slots=True)
class Position:
    """The cursor: how far the posts, the list and the looking again have come.

    Attributes:
        stamp: Of the forum and our rules at that time.
        categories: As the forum last named them.
        asked: Categories that it did not name, and told when it was asked.
        unknown: Ids of categories that it told nothing about.
        since: Latest activity that the last complete walk met.
        listed_at: When the whole list was last read.
        newest: The newest post that a complete walk met.
        feed: A walk through the posts that is not complete.
        compared: A walk through all posts is complete, and the list is not: each
            stored post is as the forum has it, or else waits as a loose part.
        read_at: When the walk through the posts began that the list has yet to
            follow: what was read then may have been edited since.
        sweep: The walk that looks again at all posts, in turns.
        swept_at: When the last complete one began.
        budget: For looking again.
    """

    stamp: str
    categories: tuple[Category, ...] = ()
    asked: tuple[Category, ...] = ()
    unknown: tuple[int, ...] = ()
    since: datetime | None = None
    listed_at: datetime | None = None
    newest: int = 0
    feed: FeedWalk | None = None
    compared: bool = False
    read_at: datetime | None = None
    sweep: FeedWalk | None = None
    swept_at: datetime | None = None
    budget: Budget | None = None

    def dump(self) -> str:
        return json.dumps(
            {
                "format": _FORMAT,
                "stamp": self.stamp,
                "categories": [_category_row(each) for each in self.categories],
                "asked": [_category_row(each) for each in self.asked],
                "unknown": self.unknown,
                "since": _text(self.since),
                "listed_at": _text(self.listed_at),
                "newest": self.newest,
                "feed": _dump_walk(self.feed),
                "compared": self.compared,
                "read_at": _text(self.read_at),
                "sweep": _dump_walk(self.sweep),
                "swept_at": _text(self.swept_at),
                "budget": self.budget
                and [round(self.budget.tokens, 3), _text(self.budget.at)],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def load(cls, cursor: str | None) -> Position | None:
        """The inverse; ``None`` for no cursor, or one that is not ours."""
        if cursor is None:
            return None
        try:
            data = json.loads(cursor)
            if data.get("format") != _FORMAT:  # of an earlier version
                return None
            budget = data["budget"]
            return cls(
                stamp=str(data["stamp"]),
                categories=tuple(_category(each) for each in data["categories"]),
                asked=tuple(_category(each) for each in data["asked"]),
                unknown=tuple(int(each) for each in data["unknown"]),
                since=_moment(data["since"]),
                listed_at=_moment(data["listed_at"]),
                newest=int(data["newest"]),
                feed=_load_walk(data["feed"]),
                compared=bool(data["compared"]),
                read_at=_moment(data["read_at"]),
                sweep=_load_walk(data["sweep"]),
                swept_at=_moment(data["swept_at"]),
                budget=budget
                and Budget(float(budget[0]), datetime.fromisoformat(budget[1])),
            )
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            log.warning("cursor is not a forum's; all of it is read: %.80s", cursor)
            return None


def _dump_walk(walk: FeedWalk | None) -> list[object] | None:
    if walk is None:
        return None
    return [
        _text(walk.started_at),
        walk.floor,
        walk.top,
        walk.before,
        walk.windowed,
        walk.has_gaps,
    ]


def _load_walk(data: Sequence[Any] | None) -> FeedWalk | None:
    if data is None:
        return None
    started_at, floor, top, before, windowed, has_gaps = data
    return FeedWalk(
        datetime.fromisoformat(started_at),
        int(floor),
        int(top),
        None if before is None else int(before),
        bool(windowed),
        bool(has_gaps),
    )


def _category_row(category: Category) -> list[object]:
    return [
        category.id,
        category.name,
        category.slug,
        category.parent_id,
        category.restricted,
        category.about_topic_id,
    ]


def _category(row: Sequence[Any]) -> Category:
    identity, name, slug, parent_id, restricted, about = row
    return Category(
        int(identity),
        str(name),
        str(slug),
        None if parent_id is None else int(parent_id),
        bool(restricted),
        None if about is None else TopicId(int(about)),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
