"""Reading the posts of all topics, newest first: fifty of them in one request.

Each page is compared with what is stored. What is new or differs is kept as loose
parts until its topic is put together; what is stored and not in the page has been
deleted, hidden or moved, and its topic must be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from indexer.discourse import FEED_PAGE, DiscourseClient
from indexer.source import Batch
from indexer.sources.categories import Categories
from indexer.sources.failures import MAX_FAILURES_IN_A_ROW, WHOLE_FORUM
from indexer.sources.position import FeedWalk
from indexer.sources.threads import ForumRules, part_of, under_rules
from indexer.wire import FeedPage, FeedPost, Post
from kb.errors import (
    ForumError,
    ForumProtocolError,
    ForumUnavailableError,
)
from kb.store import Held, Holdings
from kb.types import LeftOut, LoosePart, Part, PostId

# No post has an id above it: SQLite's integers end here.
_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FeedReader:
    """Compares pages of the feed with what is stored."""

    client: DiscourseClient
    rules: ForumRules
    categories: Categories
    known: Holdings

    def read(
        self, walk: FeedWalk, *, verify: bool = False
    ) -> Iterator[tuple[FeedWalk, Batch]]:
        """Read on, page by page: where the walk is then, and what the page told.

        Every step takes the walk down by fifty ids at least.

        Args:
            verify: The walk meets every post: topics of which it met all count as
                compared with the forum.

        Raises:
            ForumError: The forum fails for the first page, or for several in a
                row, or refuses.
        """
        failures = 0
        while not walk.is_over:
            try:
                page = self._page(walk)
            except WHOLE_FORUM:
                raise
            except (ForumUnavailableError, ForumProtocolError) as exc:
                failures += 1
                if walk.before is None or failures >= MAX_FAILURES_IN_A_ROW:
                    raise
                # One post that the forum cannot serve must not hide all before it.
                low = max(walk.floor, walk.before - FEED_PAGE)
                batch = self._not_compared(_Window(low, walk.before), exc)
                walk = replace(walk, before=low, has_gaps=True)
                yield walk, batch
                continue
            failures = 0
            walk, window = _step(walk, page)
            batch = self._compare(page, window)
            if verify:
                # A topic whose first post is in the window: its others are above.
                begun = self.known.begun_between(
                    window.low, window.high, unsolved=_hides_solutions(page)
                )
                batch = replace(
                    batch,
                    verified=_settled(begun, batch),
                    verified_at=walk.started_at,
                )
            yield walk, batch

    def _page(self, walk: FeedWalk) -> FeedPage:
        if walk.before is None:
            return self.client.feed()
        page = self.client.feed(PostId(walk.before))
        if page.ids and min(page.ids) > walk.before:
            raise ForumProtocolError(
                f"{self.client.base_url}/posts.json?before={walk.before}",
                "answers with newer posts than asked for",
            )
        return page

    def _not_compared(self, window: _Window, exc: ForumError) -> Batch:
        """A page that the forum cannot serve: stored topics with posts in it must be
        read by themselves. New ones will be: the list counts more than is known."""
        held = self.known.held_between(window.low, window.high)
        why = "some of its posts cannot be read otherwise"
        return Batch(
            looks=tuple((key, why) for key in dict.fromkeys(key for _, key in held)),
            set_aside=((window.name, str(exc)),),
        )

    def _compare(self, page: FeedPage, window: _Window) -> Batch:
        held = self.known.parts(page.ids)
        looks: dict[str, str] = {}
        aside: list[tuple[str, str]] = []
        loose: list[LoosePart] = []
        for post in page.posts:
            before = held.get(post.id)
            reason = _reason_to_look(post, before)
            if before is not None and reason:
                looks[before.key] = reason
            new = self._difference(post, before)
            if new is not None:
                loose.append(new)
        for topic_id, problem in page.broken:
            if topic_id is not None:
                looks[str(topic_id)] = problem
            else:
                aside.append((window.name, problem))
        # Two topics may hold a post that moved between them while they were read.
        places: dict[int, str | None] = dict.fromkeys(page.ids)
        places.update((post.id, str(post.topic_id)) for post in page.posts)
        for external_id, key in self.known.held_between(window.low, window.high):
            # A broken post does not say where it is.
            if places.get(external_id, "") not in {None, key}:
                looks.setdefault(key, f"post {external_id} is not where it was")
        return Batch(
            loose=tuple(loose),
            looks=tuple(looks.items()),
            set_aside=tuple(aside),
        )

    def _difference(self, post: FeedPost, before: Held | None) -> LoosePart | None:
        """The post if it is not stored like this; ``None`` also when it must not be."""
        category = self.categories.find(post.category_id)
        if self.categories.reason_to_skip(post.topic_id, category):
            return None
        content = self._content(post, before)
        key = str(post.topic_id)
        if self.known.is_resting(key):
            return None
        if before is not None and (before.key, before.content) == (key, content):
            return None
        return LoosePart(key, content, post.category_id)

    def _content(self, post: FeedPost, before: Held | None) -> Part | LeftOut:
        if isinstance(post.content, LeftOut):
            return under_rules(post.content, self.rules)
        # An elder forum says with the topic alone what its solution is.
        was = before.content if before is not None else None
        accepted = isinstance(was, Part) and was.accepted
        return part_of(post.content, self.rules, accepted=accepted)


@dataclass(frozen=True, slots=True)
class _Window:
    """The ids that a page tells of: those above *low*, up to *high*."""

    low: int
    high: int

    @property
    def name(self) -> str:
        """What is wrong with it is set aside under this name."""
        return "feed" if self.high == _NEWEST else f"feed below {self.high}"


def _step(walk: FeedWalk, page: FeedPage) -> tuple[FeedWalk, _Window]:
    """Where the walk is after *page*, and which ids the page tells of."""
    ids: set[int] = set(page.ids)
    if walk.before is None:
        if not ids:
            # No post, or on an elder server: the last fifty are not for us.
            end = replace(walk, top=walk.floor, before=walk.floor, has_gaps=True)
            return end, _Window(0, 0)
        top = last = max(ids)
        high = _NEWEST
    else:
        top, last, high = walk.top, walk.before, walk.before
        ids = {each for each in ids if each <= last}
    lowest: int = min(ids, default=last)
    # Only a server that counts posts and not ids reaches below the window.
    windowed = walk.windowed and lowest > last - FEED_PAGE
    # A post of which not even the id can be read counts among those of a full page.
    if len(ids) + page.nameless >= FEED_PAGE:
        low = min(lowest - 1, last - FEED_PAGE)
    elif windowed and walk.before is None:
        # Of which id the window hangs is not known: it may be of a hidden post.
        low = lowest - 1
    elif windowed:
        low = last - FEED_PAGE
    else:
        low = 0
    return replace(walk, top=top, before=low, windowed=windowed), _Window(low, high)


def _reason_to_look(post: FeedPost, before: Held | None) -> str:
    """Why the topic that held this post must be read; empty when it need not."""
    if before is None:
        return ""
    if before.key != str(post.topic_id):
        return f"post {post.id} moved to topic {post.topic_id}"
    # One that was stored before categories were noted by id tells nothing.
    if before.category_id not in {None, post.category_id}:
        return "it moved to another category"
    if post.title and post.title != before.title:
        return "its title changed"
    return ""


def _hides_solutions(page: FeedPage) -> bool:
    """Whether the feed does not say which posts are solutions, as those of elder
    forums: that of a solved topic may be another one by now."""
    return any(
        isinstance(post.content, Post) and post.content.accepted is None
        for post in page.posts
    )


def pages_left(walk: FeedWalk) -> int:
    """How many requests the walk still needs at most, once it has begun."""
    if walk.before is None:
        return 1
    return -(-max(0, walk.before - walk.floor) // FEED_PAGE)


def _settled(keys: Iterable[str], batch: Batch) -> tuple[str, ...]:
    """Those of *keys* that a page found as they are stored."""
    waiting = {part.key for part in batch.loose} | {key for key, _ in batch.looks}
    return tuple(key for key in keys if key not in waiting)
