"""A Discourse forum as a source of threads.

A walk reads the list of topics, latest activity first, and reads anew the topics
whose mark differs from the stored one. Most walks end where the last complete one
began. Now and then, and whenever categories or rules change, the whole list is
read; topics that are stored but not listed are then asked for one by one,
because a topic may miss in a moving list without having left. Each walk also reads
some stored topics again, in turns: the list is silent about edits and hidden posts.
"""

from __future__ import annotations

import json
import logging
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexer.discourse import DiscourseClient
from indexer.source import Batch
from indexer.sources.threads import ForumRules
from indexer.sources.topics import TopicReader
from indexer.wire import Category
from kb.errors import ForumRejectedError, SourceError
from kb.store import SourceState
from kb.types import Clock, StoredState, content_hash, utc_now

log = logging.getLogger(__name__)

# A topic that was bumped just before the last walk began may have entered the
# list just after.
OVERLAP = timedelta(minutes=10)
_MAX_PAGES = 50_000


@dataclass(frozen=True, slots=True)
class _Position:
    """The cursor: what the last complete walk leaves for the next.

    Attributes:
        since: Latest activity that it met.
        listed_at: When the whole list was last read.
        stamp: Of the forum, its categories and our rules at that time.
        reread: The topic that was read again last, where the next turn begins.
    """

    since: datetime
    listed_at: datetime
    stamp: str
    reread: int = 0

    def dump(self) -> str:
        return json.dumps(
            {
                "since": self.since.isoformat(),
                "listed_at": self.listed_at.isoformat(),
                "stamp": self.stamp,
                "reread": self.reread,
            }
        )

    @classmethod
    def load(cls, cursor: str | None) -> _Position | None:
        """The inverse; ``None`` for no cursor, or one that is not ours."""
        if cursor is None:
            return None
        try:
            data = json.loads(cursor)
            return cls(
                datetime.fromisoformat(data["since"]).astimezone(UTC),
                datetime.fromisoformat(data["listed_at"]).astimezone(UTC),
                str(data["stamp"]),
                int(data.get("reread", 0)),
            )
        except (ValueError, KeyError, TypeError):
            log.warning(
                "cursor is not a forum's; the whole list is read: %.80s", cursor
            )
            return None


class ForumSource:
    """Walks a forum; see the module for how.

    Args:
        name: Of the source in the config.
        full_walk_every: Age at which the whole list is read again.
        reread: Stored topics that each walk reads again, in turns, though the list
            shows no change: edits and hidden posts bump nothing.
        max_pages: Bounds a list that never ends.
    """

    # Topics that a walk did not meet were just not listed: what has left is
    # asked for and reported.
    is_exhaustive = False

    def __init__(
        self,
        name: str,
        client: DiscourseClient,
        *,
        rules: ForumRules | None = None,
        full_walk_every: timedelta = timedelta(days=7),
        reread: int = 0,
        overlap: timedelta = OVERLAP,
        max_pages: int = _MAX_PAGES,
        clock: Clock = utc_now,
    ) -> None:
        self.name = name
        self._client = client
        self._rules = rules or ForumRules()
        self._full_walk_every = full_walk_every
        self._reread = reread
        self._overlap = overlap
        self._max_pages = max_pages
        self._clock = clock

    @property
    def requests(self) -> int:
        return self._client.requests

    def walk(
        self,
        state: SourceState,
        known: Mapping[str, StoredState],
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `Source.walk`. An interrupted walk starts over, which costs one
        request for 30 topics: those already read are recognised by their mark.

        Raises:
            SourceError: The forum shows nothing without a login, or refuses ours.
            ForumError: It is down, or does not answer as Discourse does.
        """
        started = self._clock()
        categories = {c.id: c for c in self._categories()}
        stamp = content_hash(
            self._client.base_url, self._rules.stamp, sorted(categories.items())
        )
        before = _Position.load(state.cursor)
        last = before
        if before and (
            full
            or before.stamp != stamp
            or started - before.listed_at >= self._full_walk_every
        ):
            last = None
        reader = TopicReader(
            self.name, self._client, self._rules, categories, known, full, again
        )
        yield from reader.read_list(
            floor=last.since - self._overlap if last else None,
            max_pages=self._max_pages,
        )
        yield from reader.read_unlisted(key for key in again if key.isdecimal())
        if last is None and reader.list_ended:
            yield from reader.read_unlisted(known)
        turn = _next_turn(known, before.reread if before else 0, self._reread)
        if not full:
            yield from reader.read_again(turn)
        if reader.gone:
            # A key that was revoked just now looks as if everything had left.
            self._categories()
        newest = reader.newest or (before and before.since)
        position = _Position(
            since=min(newest or started, started),
            listed_at=last.listed_at if last else started,
            stamp=stamp,
            reread=int(turn[-1]) if turn else 0,
        )
        yield reader.rest(position.dump())

    def _categories(self) -> tuple[Category, ...]:
        try:
            return self._client.categories()
        except ForumRejectedError as exc:
            if exc.error_type == "not_logged_in":
                raise SourceError(
                    self.name,
                    f"{self._client.base_url} shows nothing without a login: "
                    "set api_key_env and api_username",
                ) from exc
            if exc.error_type == "invalid_access":
                raise SourceError(
                    self.name,
                    f"{self._client.base_url} refuses our key or account "
                    f"({exc.problem})",
                ) from exc
            raise


def _next_turn(known: Collection[str], last: int, count: int) -> list[str]:
    """The next *count* topics after *last*, round and round.

    >>> _next_turn({"1", "5", "9"}, 5, 2), _next_turn({"1", "5"}, 5, 3)
    (['9', '1'], ['1', '5'])
    """
    ids = sorted(int(key) for key in known)
    after = bisect_right(ids, last)
    return [str(topic_id) for topic_id in (ids[after:] + ids[:after])[:count]]
