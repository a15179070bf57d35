"""Reading a forum's list of topics, and the topics that changed, in one walk."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from indexer.channel import MOVED
from indexer.discourse import DiscourseClient
from indexer.source import Batch
from indexer.sources.threads import (
    ForumRules,
    reason_to_skip,
    to_document,
    visibility_of,
)
from indexer.wire import Category, TopicItem, TopicList, TopicPage
from kb.errors import (
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
    RecordError,
)
from kb.types import StoredState, TopicId, content_hash

log = logging.getLogger(__name__)

# A forum that fails for one topic has a broken topic; for three in a row it is down.
_MAX_FAILURES_IN_A_ROW = 3
# Pages without anything new: a burst of bumps repeats one, not several.
_MAX_STALE_PAGES = 3


@dataclass(slots=True)
class TopicReader:
    """One walk: what it met so far, and how to read a topic.

    Attributes:
        met: Keys that need not be looked at again in this walk.
        gone: Stored topics that have left, reported at the end in one batch.
        failed: Topics for which the forum failed; it may yet turn out to be down.
        again: Keys to be read whatever the list says of them.
        newest: Latest activity when the list was begun.
        list_ended: The whole list was read.
    """

    source: str
    client: DiscourseClient
    rules: ForumRules
    categories: dict[int, Category]
    known: Mapping[str, StoredState]
    full: bool
    again: Collection[str] = ()
    met: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    failures_in_a_row: int = 0
    newest: datetime | None = None
    list_ended: bool = False
    _unlisted: set[int] = field(default_factory=set)

    def read_list(self, *, floor: datetime | None, max_pages: int) -> Iterator[Batch]:
        """Read the list down to *floor*, and the topics that changed."""
        stale = 0
        for number in range(max_pages):
            page = self.client.latest(number)
            if number == 0:
                self.newest = max((i.bumped_at for i in page.items), default=None)
            stale = 0 if self._brings_news(page) else stale + 1
            yield from self._read_page(page)
            if not page.has_more or stale >= _MAX_STALE_PAGES:
                self.list_ended = True
                return
            if floor is not None and _ends_below(page, floor):
                return
        log.warning(
            "source=%s the list of topics does not end; stopped after %d pages",
            self.source,
            max_pages,
        )

    def read_unlisted(self, keys: Iterable[str]) -> Iterator[Batch]:
        """Read topics that the list did not show: they may have left."""
        for key in keys:
            if key not in self.met:
                self.met.add(key)
                stored = self.known.get(key)
                yield from self._read(key, stored.revision if stored else "")

    def read_again(self, keys: Iterable[str]) -> Iterator[Batch]:
        """Read stored topics of which the list says that nothing changed."""
        for key in keys:
            yield from self._read(key, self.known[key].revision)

    def rest(self, cursor: str) -> Batch:
        """What is still to be reported at the end of the walk."""
        return Batch(gone=tuple(self.gone), set_aside=self._failed(), cursor=cursor)

    def _must_read(self, key: str) -> bool:
        return self.full or key in self.again

    def _brings_news(self, page: TopicList) -> bool:
        return any(str(item.id) not in self.met for item in page.items)

    def _read_page(self, page: TopicList) -> Iterator[Batch]:
        unchanged: list[str] = []
        skipped: list[tuple[str, str]] = []
        changed: list[tuple[str, str]] = []
        self.met.update(key for key, _ in page.broken)
        for item in page.items:
            key = str(item.id)
            if key in self.met:
                continue
            self.met.add(key)
            reason = self._reason_to_skip(item)
            revision = self._revision(item)
            stored = self.known.get(key)
            if reason:
                skipped.append((key, reason))
            elif stored and stored.revision == revision and not self._must_read(key):
                unchanged.append(key)
            else:
                changed.append((key, revision))
        yield Batch(
            unchanged=tuple(unchanged), skipped=tuple(skipped), set_aside=page.broken
        )
        for key, revision in changed:
            yield from self._read(key, revision)

    def _read(self, key: str, revision: str) -> Iterator[Batch]:
        """Read a topic: it becomes a document, or it is told why it does not.

        Raises:
            ForumError: The forum seems to be down, or asks for too long a wait.
        """
        topic_id = TopicId(int(key))
        try:
            topic = self.client.topic(topic_id)
        except RateLimitedError:
            raise
        except ForumUnavailableError as exc:
            self.failed.append((key, str(exc)))
            self.failures_in_a_row += 1
            if self.failures_in_a_row >= _MAX_FAILURES_IN_A_ROW:
                raise
            return
        except ForumRejectedError as exc:
            self.failures_in_a_row = 0
            if not has_left(exc):
                yield Batch(set_aside=((key, str(exc)), *self._failed()))
            elif key in self.known:
                if key not in self.gone:
                    self.gone.append(key)
            else:
                yield Batch(skipped=((key, "listed but not there for us"),))
            return
        except (ForumProtocolError, RecordError) as exc:
            self.failures_in_a_row = 0
            yield Batch(set_aside=((key, str(exc)), *self._failed()))
            return
        self.failures_in_a_row = 0
        yield self._as_batch(topic, revision)

    def _as_batch(self, topic: TopicPage, revision: str) -> Batch:
        if topic.posts.dropped:
            log.debug("topic=%d dropped_posts=%s", topic.id, topic.posts.dropped)
        reason = "deleted" if topic.deleted else self._reason_to_skip(topic)
        category = self._category(topic.category_id)
        document = None
        if category is not None and not reason:
            document = to_document(
                topic,
                source=self.source,
                base_url=self.client.base_url,
                category=category,
                visibility=visibility_of(category, self.categories),
                revision=revision,
                rules=self.rules,
            )
        key, aside = str(topic.id), self._failed()
        if not reason and topic.posts.broken:
            # The other posts are kept; the topic is read again with every walk.
            problems = "; ".join(f"post {n}: {p}" for n, p in topic.posts.broken)
            aside = (*aside, (key, problems))
        elif document is None:
            skipped = (key, reason or "no readable post")
            return Batch(skipped=(skipped,), set_aside=aside)
        return Batch(documents=(document,) if document else (), set_aside=aside)

    def _failed(self) -> tuple[tuple[str, str], ...]:
        failed = tuple(self.failed)
        self.failed.clear()
        return failed

    def _reason_to_skip(self, topic: TopicItem | TopicPage) -> str:
        return reason_to_skip(
            topic.id,
            archetype=topic.archetype,
            visible=topic.visible,
            category=self._category(topic.category_id),
            categories=self.categories,
            rules=self.rules,
        )

    def _revision(self, item: TopicItem) -> str:
        """Changes with all that the list tells, and with what we make of it."""
        category = self._category(item.category_id)
        return content_hash(
            self.client.base_url,
            sorted(self.rules.ignored),
            category and category.name,
            category and visibility_of(category, self.categories),
            item.mark,
        )

    def _category(self, category_id: int | None) -> Category | None:
        """A category, asked for once when the forum did not name it before, and
        those above it: they decide with it who may read."""
        found, step = None, category_id
        seen: set[int] = set()
        while step is not None and step not in seen:
            seen.add(step)
            one = self._one_category(step)
            found = found or one
            step = one.parent_id if one else None
        return found

    def _one_category(self, category_id: int) -> Category | None:
        if category_id not in self.categories and category_id not in self._unlisted:
            found = self.client.category(category_id)
            if found is None:
                self._unlisted.add(category_id)
            else:
                self.categories[category_id] = found
        return self.categories.get(category_id)


def has_left(exc: ForumRejectedError) -> bool:
    """Whether a refusal means that a topic is not there for us any more.

    Only Discourse's own word counts: a proxy's page says nothing about topics.
    """
    if exc.error_type == MOVED:
        return True
    if exc.status == 403:
        return exc.error_type in {"invalid_access", "not_logged_in"}
    return exc.status in {404, 410} and exc.error_type is not None


def _ends_below(page: TopicList, floor: datetime) -> bool:
    """Whether a page ends, and so the rest of the list is, before *floor*.

    Pinned topics stand above their time and tell nothing.
    """
    times = [item.bumped_at for item in page.items if not item.pinned]
    return bool(times) and times[-1] < floor
