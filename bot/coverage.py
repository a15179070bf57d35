"""How much of a forum is held, and how true that still is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.config_sources import ForumSource
from indexer.discourse import FEED_PAGE
from indexer.sources.position import FeedWalk, Position
from kb.store import Store


@dataclass(frozen=True, slots=True)
class ForumStatus:
    """How much of a forum is held, and how true that still is.

    Attributes:
        posts: Whose text is held.
        left_out: Posts that are known and not held, by cause.
        loose: Posts that were read and wait for their topic.
        looks: Topics that wait to be read, because something told of a change.
        first_read: Share of the posts that the first reading has met, in [0, 1];
            ``None`` when it is over.
        sweep: Share of the posts that the current looking again has met; ``None``
            when it is between two.
        swept_at: When the last complete looking again began.
        oldest_at: When the topic that was not compared the longest was compared
            with the forum.
        oldest_age_s: Since then.
        stale: Topics that were not compared within *max_age_s*.
        max_age_s: What the config asks for.
        sweep_days: How long looking again at all posts takes with the budget of the
            config; ``None`` when it never happens.
    """

    posts: int
    left_out: Mapping[str, int]
    loose: int
    looks: int
    first_read: float | None
    sweep: float | None
    swept_at: datetime | None
    oldest_at: datetime | None
    oldest_age_s: float | None
    stale: int
    max_age_s: float
    sweep_days: float | None


def forum_status(
    name: str, settings: ForumSource, store: Store, *, now: datetime
) -> ForumStatus:
    """Look at what is stored of a forum."""
    coverage = store.holdings(name).coverage(stale_before=now - settings.max_age)
    at = Position.load(store.progress.source(name).cursor)
    is_first = at is not None and at.feed is not None and at.newest == 0
    return ForumStatus(
        posts=coverage.parts,
        left_out=coverage.left_out,
        loose=coverage.loose,
        looks=coverage.looks,
        first_read=_share(at.feed) if at is not None and is_first else None,
        sweep=_share(at.sweep) if at is not None else None,
        swept_at=at.swept_at if at is not None else None,
        oldest_at=coverage.oldest_at,
        oldest_age_s=None
        if coverage.oldest_at is None
        else (now - coverage.oldest_at).total_seconds(),
        stale=coverage.stale,
        max_age_s=settings.max_age.total_seconds(),
        sweep_days=_sweep_days(coverage.parts, settings.recrawl_per_day),
    )


def _share(walk: FeedWalk | None) -> float | None:
    """How far a walk through the posts has come, by their ids."""
    if walk is None:
        return None
    if walk.before is None or walk.top <= walk.floor:
        return 0.0
    done = (walk.top - walk.before) / (walk.top - walk.floor)
    return round(min(1.0, max(0.0, done)), 3)


def _sweep_days(posts: int, per_day: int) -> float | None:
    """At least so long: windows of an elder server are not full.

    >>> _sweep_days(100_000, 2000), _sweep_days(100_000, 0)
    (1.0, None)
    """
    return round(posts / FEED_PAGE / per_day, 2) if per_day else None
