"""One walk through a forum: posts, looking again, the list, and what is left over."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from indexer.discourse import TOPICS_PER_PAGE, DiscourseClient
from indexer.source import Batch
from indexer.sources.categories import Categories
from indexer.sources.failures import WHOLE_FORUM
from indexer.sources.feed import FeedReader, pages_left
from indexer.sources.position import Budget, FeedWalk, Position
from indexer.sources.threads import ForumRules, address, reason_by_category
from indexer.sources.topics import TopicReader
from indexer.wire import Category
from kb.errors import (
    DisallowedError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RecordError,
    SourceError,
)
from kb.store import CATEGORIES, Holdings
from kb.types import Clock, TopicId, content_hash

log = logging.getLogger(__name__)

# A topic that was bumped just before the last walk began may have entered the
# list just after; and our clock is not the forum's.
OVERLAP = timedelta(minutes=10)
_MAX_PAGES = 50_000
# Topics that are read because something about them was odd, in one walk: enough
# for a moderator's busy day, and no flood if the forum itself is confused.
_MAX_LOOKS = 200
# The key of what is told of the feed as a whole; no topic has it.
_FEED = "feed"
_INSTANT = timedelta(microseconds=1)
# No topic has this id; for what is asked of a category alone.
_NO_TOPIC = TopicId(0)


@dataclass(frozen=True, slots=True)
class WalkSettings:
    """How a forum is walked.

    Attributes:
        rules: What of it is harvested.
        full_walk_every: Age at which the whole list is read again.
        recrawl_per_day: Requests a day for looking again at what the forum does
            not announce; 0 for never.
        max_age: Topics that were last compared with the forum longer ago are read
            by themselves, within the same budget.
        max_pages: Bounds a list that never ends.
        light: Nothing is looked at again now, and no list is read whole.
    """

    rules: ForumRules = field(default_factory=ForumRules)
    full_walk_every: timedelta = timedelta(days=1)
    recrawl_per_day: int = 0
    max_age: timedelta = timedelta(days=14)
    overlap: timedelta = OVERLAP
    max_pages: int = _MAX_PAGES
    light: bool = False


class ForumWalk:
    """One walk, and where it is."""

    def __init__(
        self,
        source: str,
        client: DiscourseClient,
        settings: WalkSettings,
        known: Holdings,
        last: Position | None,
        *,
        full: bool,
        again: Collection[str],
        clock: Clock,
        begun: datetime | None = None,
    ) -> None:
        self._source = source
        self._client = client
        self._settings = settings
        self._known = known
        self._full = full
        self._aside = frozenset(again)
        self._again = [key for key in again if key.isdecimal()]
        self._clock = clock
        self._started = clock()
        # Earlier than that, if it goes on where another was interrupted.
        self._begun = begun or self._started
        self._was_whole = False
        self._at = self._begin(last)
        self._listed_before = self._at.listed_at
        self._categories = Categories(
            client,
            settings.rules,
            self._at.categories,
            asked=self._at.asked,
            unknown=self._at.unknown,
        )
        self._feed = FeedReader(client, settings.rules, self._categories, known)

    def _begin(self, last: Position | None) -> Position:
        """Where the last walk left off; at the start if it was of another forum, or
        under other rules."""
        stamp = content_hash(self._client.base_url, self._settings.rules.stamp)
        per_day = self._settings.recrawl_per_day
        budget = last.budget if last else None
        at = last if last is not None and last.stamp == stamp else Position(stamp)
        if self._full:
            # Noted, so that a full walk that is interrupted goes on as one.
            at = replace(at, listed_at=None)
            if at.feed is None or at.feed.floor > 0:
                at = replace(at, newest=0, feed=None, compared=False, read_at=None)
        return replace(
            at,
            budget=budget.refilled(per_day, self._started)
            if budget is not None
            else Budget.full(per_day, self._started),
        )

    def _cursor(self) -> str:
        categories = self._categories
        at = replace(self._at, asked=categories.asked, unknown=categories.unknown)
        return at.dump()

    @property
    def _tokens(self) -> float:
        if self._settings.light:
            return 0.0
        return self._at.budget.tokens if self._at.budget is not None else 0.0

    def _spend(self, requests: int) -> None:
        if self._at.budget is not None:
            self._at = replace(self._at, budget=self._at.budget.spent(requests))

    def run(self) -> Iterator[Batch]:
        """All of it, in order."""
        yield Batch(cursor=self._cursor())
        left = yield from self._read_categories()
        has_feed = yield from self._read_feed()
        topics = TopicReader(
            self._source,
            self._client,
            self._settings.rules,
            self._categories,
            self._known,
            self._clock,
            compared=self._at.compared,
            read_at=self._at.read_at or self._started,
            overlap=self._settings.overlap,
            must_read_all=self._full and not has_feed,
            again=self._aside,
        )
        if has_feed and not self._at.compared:
            yield from self._look_again()
        yield from self._read_list(topics)
        topics.leave(left)
        yield from self._read_rest(topics, has_feed=has_feed)
        if topics.gone:
            # A key that was revoked just now looks as if everything had left.
            self._client.categories()
        if topics.is_refused and topics.shown is not None:
            self._check_rights(topics.shown)
        newest = topics.newest or self._at.since or self._started
        self._at = replace(
            self._at,
            since=min(newest, self._started),
            listed_at=self._at.listed_at or self._started,
            compared=False,
            read_at=None,
        )
        yield replace(topics.rest(self._cursor()), phase="gaps")

    def _check_rights(self, shown: TopicId) -> None:
        """A key that may read lists and no topics looks as if each one had left.

        Raises:
            SourceError: A topic that the list shows is refused, too.
        """
        try:
            self._client.topic(shown)
        except ForumRejectedError as exc:
            raise SourceError(
                self._source,
                f"{exc.url} is listed, and refused when it is read ({exc.problem}); "
                "nothing was deleted. An API key needs the scope topics: read",
            ) from exc
        except (ForumProtocolError, RecordError):
            # Broken, but not refused.
            return

    # -- categories ------------------------------------------------------------

    def _read_categories(self) -> Generator[Batch, None, list[str]]:
        """Read them when it is time. What was stored of those that closed goes.

        Returns:
            Keys of topics in categories that are not there for us any more.
        """
        is_due = (
            self._known.must_read_categories()
            or not self._at.categories
            or self._is_list_due()
        )
        if not is_due:
            # With one token for each walk, nothing would be left for the posts.
            if self._tokens < max(1, min(2, self._settings.recrawl_per_day)):
                return []
            self._spend(1)
        before = dict(self._categories.by_id)
        named = self._client.categories()
        self._categories.renew(named, ask_again=is_due)
        for category_id in before:
            # One that is not named any more may be gone, or not for us.
            self._categories.find(category_id)
        self._at = replace(self._at, categories=named)
        left: list[str] = []
        skipped: list[tuple[str, str]] = []
        closed: list[int] = []
        if before and before != self._categories.by_id:
            if self._has_opened(before):
                self._at = replace(self._at, newest=0, feed=None)
            self._at = replace(self._at, listed_at=None)
            for category_id in before:
                reason = self._reason_closed(category_id)
                if reason is None:
                    continue
                closed.append(category_id)
                keys = self._known.of_categories([category_id])
                if reason:
                    skipped += [(key, reason) for key in keys]
                else:
                    left += keys
        yield Batch(
            skipped=tuple(skipped),
            closed=tuple(closed),
            settled=(CATEGORIES,),
            cursor=self._cursor(),
            phase="categories",
        )
        return left

    def _reason_closed(self, category_id: int) -> str | None:
        """Why what is in a category must not be held any more; empty for one that is
        gone, ``None`` for one that may be."""
        category = self._categories.find(category_id)
        if category is None:
            return ""
        return self._categories.reason_to_skip(_NO_TOPIC, category) or None

    def _has_opened(self, before: Mapping[int, Category]) -> bool:
        """Whether an elder category may be held that could not be before: none of
        its posts was kept when the feed was read."""
        newest = max(before)
        rules = self._settings.rules
        return any(
            category.id <= newest
            and not self._categories.reason_to_skip(_NO_TOPIC, category)
            and reason_by_category(_NO_TOPIC, before.get(category.id), before, rules)
            for category in self._categories.by_id.values()
        )

    def _is_list_due(self) -> bool:
        listed_at = self._at.listed_at
        if listed_at is None:
            return True
        age = self._started - listed_at
        # A clock that was ahead and was set right must not put it off for so long.
        is_due = age >= self._settings.full_walk_every or age < timedelta()
        return is_due and not self._settings.light

    # -- posts -------------------------------------------------------------------

    def _read_feed(self) -> Generator[Batch, None, bool]:
        """Read the posts since the last complete walk, or the rest of all of them.

        Returns:
            Whether there is a feed that shows anything; without one, each topic is
            read by itself.
        """
        begin = self._at.feed or FeedWalk(self._started, floor=self._at.newest)
        pages, read = 2, 0
        # What was written while many pages were read is read at their end, and what
        # was since a walk was interrupted that had but one left.
        while pages > 1:
            pages = 1 if begin.before is not None else 0
            try:
                for walk, batch in self._feed.read(begin, verify=begin.floor == 0):
                    pages += 1
                    read += 1
                    self._at = _after_page(self._at, walk)
                    yield replace(
                        batch,
                        cursor=self._cursor(),
                        phase="posts",
                        remaining=pages_left(walk) + self._lists_left(),
                    )
                    if read >= self._settings.max_pages and not walk.is_over:
                        yield _feed_aside(
                            f"does not end after {read} pages; the next walk goes on"
                        )
                        return True
            except WHOLE_FORUM:
                raise
            except ForumProtocolError as exc:
                # Not down, but wrong: it answers, and nothing can be made of it.
                yield _feed_aside(str(exc))
                return False
            except (
                DisallowedError,
                ForumRejectedError,
                ForumUnavailableError,
            ) as exc:
                is_down = pages > 0
                if is_down or not self._can_do_without_feed(exc):
                    raise
                log.warning(
                    "source=%s no feed of posts, so topics are read one by one: %s",
                    self._source,
                    exc,
                )
                return False
            begin = FeedWalk(self._clock(), floor=self._at.newest)
        return self._at.newest > 0

    def _can_do_without_feed(self, exc: Exception) -> bool:
        if isinstance(exc, DisallowedError):
            return True
        if isinstance(exc, ForumRejectedError):
            return exc.error_type != "not_logged_in"
        # It may be back soon. Until then a few topics are read by themselves, but
        # not a whole forum.
        return self._at.newest > 0

    def _lists_left(self) -> int:
        return -(-self._known.count_loose() // TOPICS_PER_PAGE)

    def _look_again(self) -> Iterator[Batch]:
        """Go on with the walk through all posts, as far as the budget goes."""
        # From the newest post that was just read: on an elder server the first page
        # without a place to begin may show nothing, where nothing new is for us.
        newest = self._at.newest
        walk = self._at.sweep or FeedWalk(self._started, top=newest, before=newest)
        before = self._client.requests
        pages = self._feed.read(walk, verify=True)
        while self._tokens >= 1:
            try:
                step = next(pages, None)
            except WHOLE_FORUM:
                raise
            except (
                DisallowedError,
                ForumProtocolError,
                ForumRejectedError,
                ForumUnavailableError,
            ) as exc:
                # If the forum is down or shuts us out, the list will tell.
                self._spend(self._client.requests - before)
                yield _feed_aside(str(exc))
                break
            if step is None:
                break
            walk, batch = step
            # What it found is read later, and paid now; hints are not paid by it: a
            # busy forum has more of them than a day's budget.
            self._spend(self._client.requests - before + len(batch.looks))
            before = self._client.requests
            self._at = replace(
                self._at,
                sweep=None if walk.is_over else walk,
                swept_at=walk.started_at if walk.is_over else self._at.swept_at,
            )
            yield replace(batch, cursor=self._cursor(), phase="again")

    # -- topics --------------------------------------------------------------------

    def _read_list(self, topics: TopicReader) -> Iterator[Batch]:
        since = self._at.since
        is_whole = self._is_list_due() or since is None
        floor = None if since is None or is_whole else since - self._settings.overlap
        if is_whole:
            self._at = replace(self._at, listed_at=None)
        for batch in topics.read_list(floor=floor, max_pages=self._settings.max_pages):
            yield replace(batch, phase="topics", remaining=self._lists_left())
        self._was_whole = is_whole

    def _read_rest(self, topics: TopicReader, *, has_feed: bool) -> Iterator[Batch]:
        """What the list did not account for."""
        for batch in topics.settle_loose(self._known.loose_keys()):
            yield replace(batch, phase="gaps", remaining=self._known.count_loose())
        for batch in topics.read_unlisted(self._again):
            yield replace(batch, phase="gaps")
        if self._was_whole and topics.list_ended:
            for batch in topics.read_unlisted(self._unlisted()):
                yield replace(batch, phase="unlisted")
        if self._was_whole:
            for batch in topics.read_unlisted(self._misfiled()):
                yield replace(batch, phase="unlisted")
        limit = None if self._full else _MAX_LOOKS
        for batch in topics.read_again(self._known.looks(limit)):
            yield replace(batch, phase="again")
        yield from self._read_stale(topics, has_feed=has_feed)

    def _unlisted(self) -> Iterator[str]:
        """Stored topics that may have left if the list does not show them: not those
        whose posts were met since the last whole list, or in this walk before it was
        interrupted. A forum may keep a whole category out of its list."""
        since = self._listed_before or self._begun
        if self._at.compared and self._at.read_at is not None:
            # What the walk through all posts met counts as compared when it began.
            since = self._at.read_at - _INSTANT
        return self._known.not_compared(since=since)

    def _misfiled(self) -> Iterator[str]:
        """Stored topics whose category or forum changed its name, or who may read it,
        or is not ours to hold any more: posts do not tell that, and a list may not
        show them."""
        for filed in self._known.filed():
            category = self._categories.find(filed.category_id)
            reason = self._categories.reason_to_skip(_NO_TOPIC, category)
            if self._categories.undecided(filed.category_id, reason) is not None:
                continue
            if (
                category is None
                or reason
                or filed.category != category.name
                or filed.visibility != self._categories.visibility(category)
                or filed.url != address(self._client.base_url, filed.key)
            ):
                yield filed.key

    def _read_stale(self, topics: TopicReader, *, has_feed: bool) -> Iterator[Batch]:
        """Read topics by themselves that looking again does not reach in time; all
        of them in turns where there is no feed to look at."""
        count = int(self._tokens)
        if count < 1:
            return
        at = self._started - self._settings.max_age if has_feed else self._started
        before = self._client.requests
        for batch in topics.read_again(self._known.stalest(count, before=at)):
            yield replace(batch, phase="again")
        self._spend(self._client.requests - before)


def _feed_aside(problem: str) -> Batch:
    """What is wrong with the feed, to be told; the topics are read by themselves."""
    return Batch(set_aside=((_FEED, problem),))


def _after_page(at: Position, walk: FeedWalk) -> Position:
    if not walk.is_over:
        return replace(at, feed=walk)
    return replace(
        at,
        feed=None,
        newest=max(at.newest, walk.top),
        compared=at.compared or (walk.floor == 0 and not walk.has_gaps),
        # Posts of an earlier walk may still wait for the list.
        read_at=at.read_at or walk.started_at,
    )
