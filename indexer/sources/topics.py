"""A forum's list of topics; those that changed are put together, or else read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from indexer.channel import MOVED
from indexer.discourse import TOPICS_PER_PAGE, DiscourseClient
from indexer.source import Batch
from indexer.sources.assembling import put_together, revision_of, with_edits
from indexer.sources.categories import Categories
from indexer.sources.failures import MAX_FAILURES_IN_A_ROW, WHOLE_FORUM
from indexer.sources.threads import (
    ForumRules,
    part_of,
    reason_to_skip,
    to_document,
    under_rules,
)
from indexer.wire import TopicItem, TopicList, TopicPage
from kb.errors import (
    DisallowedError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RecordError,
)
from kb.store import Holdings
from kb.types import Clock, Document, LeftOut, Part, StoredState, TopicId, content_hash

# Pages without anything new: a burst of bumps repeats one, not several.
_MAX_STALE_PAGES = 3
_FORBIDDEN = 403
# The key of what is told of the list as a whole; no topic has it.
_LIST = "list"
# Why a topic without a post that may be held is not.
_EMPTY = "no readable post"
# What is in the first list page of a forum where little happened.
_SHORT_PAGE = 30
# Posts in one batch, which is one transaction and in memory at once.
_PARTS_PER_BATCH = 200


@dataclass(slots=True)
class TopicReader:
    """One walk: what it met so far, and how to come by a topic.

    Attributes:
        compared: All stored posts were compared with the forum in this walk.
        read_at: When the reading of posts began; they may have been edited since.
        overlap: Topics that moved so little before it are not trusted either.
        again: What was set aside: topics to be read whatever the list says of them,
            and pages of the list that failed.
        moved: Topics that something happened to since, beside known posts.
        met: Ids that need not be looked at again in this walk.
        read: Ids of topics that were asked for by themselves.
        gone: Stored topics that have left, reported at the end in one batch.
        shown: A topic that the list showed and that is stored as it is.
        is_refused: Some have left because the forum says that they are not for us.
        failed: Topics for which the forum failed; it may yet turn out to be down.
        newest: Latest activity when the list was begun.
        list_ended: The whole list was read.
    """

    source: str
    client: DiscourseClient
    rules: ForumRules
    categories: Categories
    known: Holdings
    clock: Clock
    compared: bool
    read_at: datetime
    must_read_all: bool
    overlap: timedelta = timedelta()
    again: Collection[str] = ()
    moved: set[str] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    read: set[int] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    shown: TopicId | None = None
    is_refused: bool = False
    failed: list[tuple[str, str]] = field(default_factory=list)
    failures_in_a_row: int = 0
    newest: datetime | None = None
    list_ended: bool = False

    # -- the list ------------------------------------------------------------

    def read_list(self, *, floor: datetime | None, max_pages: int) -> Iterator[Batch]:
        """Read the list down to *floor*, and the topics that changed."""
        stale = failures = 0
        per_page = TOPICS_PER_PAGE if floor is None else _SHORT_PAGE
        for number in range(max_pages):
            try:
                page = self.client.latest(number, per_page=per_page)
            except WHOLE_FORUM:
                raise
            except (ForumUnavailableError, ForumProtocolError) as exc:
                failures += 1
                name = f"{_LIST} page {number}"
                if number > 0:
                    yield Batch(set_aside=((name, str(exc)),))
                # One topic that the forum cannot list must not hide all before it,
                # walk after walk: those of the page that are known are asked for by
                # themselves. Once, it may just be down.
                if name not in self.again or failures >= MAX_FAILURES_IN_A_ROW:
                    raise
                if floor is not None:
                    # The next walk reads as far down as this one.
                    self.newest = None
                continue
            failures = 0
            if number == 0:
                self.newest = max((i.bumped_at for i in page.items), default=None)
            stale = 0 if self._brings_news(page) else stale + 1
            yield from self._read_page(page, floor)
            if not page.has_more:
                self.list_ended = True
                return
            if stale >= _MAX_STALE_PAGES:
                # What it does not show may be on pages that are never served.
                yield _list_aside(f"repeats itself from page {number - stale + 1} on")
                return
            if floor is not None and _ends_below(page, floor):
                return
        yield _list_aside(f"does not end after {max_pages} pages")

    def _brings_news(self, page: TopicList) -> bool:
        return any(item.id not in self.met for item in page.items)

    def _read_page(self, page: TopicList, floor: datetime | None) -> Iterator[Batch]:
        unchanged: list[tuple[str, int, int]] = []
        skipped: list[tuple[str, str]] = []
        changed: list[tuple[str, TopicItem, str]] = []
        aside = dict(page.broken)
        # One that was set aside before is read by itself: its item may stay broken.
        self.met.update(
            int(key)
            for key, _ in page.broken
            if key.isdecimal() and key not in self.again
        )
        for item in page.items:
            if item.id in self.met:
                continue
            self.met.add(item.id)
            key, reason = str(item.id), self._reason_to_skip(item)
            revision = self._revision(item)
            if self.known.is_resting(key):
                continue
            undecided = self.categories.undecided(item.category_id, reason)
            if undecided is not None:
                aside[undecided[0]] = undecided[1]
            elif reason:
                skipped.append((key, reason))
            elif self._is_unchanged(key, revision):
                unchanged.append((key, item.views, item.likes))
                self.shown = item.id
            elif floor is not None and self._was_passed_over(item, floor):
                skipped.append((key, _EMPTY))
            else:
                changed.append((key, item, revision))
        yield Batch(
            unchanged=tuple(key for key, _, _ in unchanged),
            counts=tuple(unchanged),
            skipped=tuple(skipped),
            set_aside=tuple(aside.items()),
        )
        yield from self._settle_listed(changed)

    def _settle_listed(
        self, changed: Iterable[tuple[str, TopicItem, str]]
    ) -> Iterator[Batch]:
        """Put changed topics together where that is possible, and read the others."""
        ready: list[Document] = []
        to_read: list[tuple[str, str]] = []
        for key, item, revision in changed:
            document = self._put_together(key, item, revision)
            if document is None:
                to_read.append((key, revision))
                continue
            ready.append(document)
            if sum(len(each.parts) for each in ready) >= _PARTS_PER_BATCH:
                yield Batch(documents=tuple(ready))
                ready.clear()
        yield Batch(documents=tuple(ready))
        for key, revision in to_read:
            yield from self._read(key, revision)

    def _is_unchanged(self, key: str, revision: str) -> bool:
        stored = self.known.get(key)
        return (
            stored is not None
            and stored.revision == revision
            and not self.must_read_all
            and key not in self.again
            and not self.known.loose(key)
        )

    def _was_passed_over(self, item: TopicItem, floor: datetime) -> bool:
        """Whether an earlier walk met the topic as it is, and held nothing of it."""
        key = str(item.id)
        return (
            item.bumped_at < floor
            and key not in self.known
            and not self._must_read(key)
            and not any(isinstance(each, Part) for each in self.known.loose(key))
        )

    def _put_together(
        self, key: str, item: TopicItem, revision: str
    ) -> Document | None:
        """The topic if all of it is known already, else ``None``."""
        category = self.categories.find(item.category_id)
        if category is None or self._must_read(key):
            return None
        stored = self.known.document(key)
        contents = put_together(
            stored,
            self.known.loose(key),
            item,
            self.rules,
            compared=self.compared,
            read_at=self.read_at - self.overlap,
        )
        if contents is None:
            if item.bumped_at > self.read_at - self.overlap:
                self.moved.add(key)
            return None
        # Of a topic that was not known, each post was read just now.
        whole = stored is None or self.compared
        return to_document(
            item,
            contents,
            source=self.source,
            base_url=self.client.base_url,
            category=category,
            visibility=self.categories.visibility(category),
            revision=revision,
            verified_at=self.read_at if whole else None,
        )

    def _must_read(self, key: str) -> bool:
        """What is known of the topic must not be trusted."""
        return self.must_read_all or key in self.again or self.known.must_read(key)

    # -- topics by themselves --------------------------------------------------

    def settle_loose(self, keys: Iterable[str]) -> Iterator[Batch]:
        """Topics of which posts were read that the list did not account for: their
        posts were edited, which no list tells, or it slipped past."""
        for key in keys:
            stored = self.known.document(key)
            edited = None
            if stored is not None and not self._must_read(key):
                edited = with_edits(stored, self.known.loose(key), self.rules)
            if edited is not None:
                yield Batch(documents=(edited,))
            elif not self._is_met(key):
                yield from self._read_as_stored(key)

    def read_unlisted(self, keys: Iterable[str]) -> Iterator[Batch]:
        """Read topics that the list did not show: they may have left."""
        for key in keys:
            if not self._is_met(key):
                yield from self._read_as_stored(key)

    def read_again(self, keys: Iterable[str]) -> Iterator[Batch]:
        """Read topics of which the list may say that nothing changed."""
        for key in keys:
            if int(key) not in self.read:
                yield from self._read_as_stored(key)

    def leave(self, keys: Iterable[str]) -> None:
        """Topics of a category that is gone have left, and are not asked for, but
        for those that the list shows elsewhere."""
        for key in keys:
            if not self._is_met(key):
                self.read.add(int(key))
                self.gone.append(key)

    def rest(self, cursor: str) -> Batch:
        """What is still to be reported at the end of the walk."""
        return Batch(gone=tuple(self.gone), set_aside=self._failed(), cursor=cursor)

    def _is_met(self, key: str) -> bool:
        """Whether this walk met the topic; if not, it has now."""
        if not key.isdecimal() or int(key) in self.met:
            return True
        self.met.add(int(key))
        return False

    def _read_as_stored(self, key: str) -> Iterator[Batch]:
        stored: StoredState | None = self.known.get(key)
        return self._read(key, stored.revision if stored else "")

    def _read(self, key: str, revision: str) -> Iterator[Batch]:
        """Read a topic: it becomes a document, or it is told why it does not.

        Raises:
            ForumError: The forum seems to be down, or asks for too long a wait.
        """
        topic_id = TopicId(int(key))
        self.read.add(topic_id)
        have = self._read_just_now(key)
        try:
            topic = self.client.topic(topic_id, have=have)
        except WHOLE_FORUM:
            raise
        except ForumUnavailableError as exc:
            self.failed.append((key, str(exc)))
            self.failures_in_a_row += 1
            if self.failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                raise
            return
        except ForumRejectedError as exc:
            self.failures_in_a_row = 0
            if not has_left(exc):
                yield Batch(set_aside=((key, str(exc)), *self._failed()))
            elif key in self.known:
                self.is_refused = self.is_refused or exc.status == _FORBIDDEN
                if key not in self.gone:
                    self.gone.append(key)
            else:
                yield Batch(skipped=((key, "listed but not there for us"),))
            return
        except (ForumProtocolError, RecordError, DisallowedError) as exc:
            self.failures_in_a_row = 0
            yield Batch(set_aside=((key, str(exc)), *self._failed()))
            return
        self.failures_in_a_row = 0
        yield self.as_batch(topic, revision, have)

    def _read_just_now(self, key: str) -> dict[int, Part | LeftOut]:
        """Posts of a topic that came with the feed in this walk, by id: a gap in
        them costs no more than the posts that are missing."""
        if key in self.again or key in self.moved or self.known.must_read(key):
            return {}
        stored = self.known.document(key) if self.compared else None
        contents = (*(stored.contents if stored else ()), *self.known.loose(key))
        return {each.external_id: each for each in contents if each.external_id}

    def as_batch(
        self,
        topic: TopicPage,
        revision: str,
        have: Mapping[int, Part | LeftOut] = MappingProxyType({}),
    ) -> Batch:
        """A topic that was read, as what the store is told of it.

        Args:
            have: Posts that were read otherwise, by id; the topic's own go first.
        """
        reason = "deleted" if topic.deleted else self._reason_to_skip(topic)
        category = self.categories.find(topic.category_id)
        undecided = self.categories.undecided(topic.category_id, reason)
        if undecided is not None:
            return Batch(set_aside=(undecided, *self._failed()))
        document = None
        broken, met = topic.posts.broken, frozenset(topic.posts.met)
        if category is not None and not reason:
            document = to_document(
                topic,
                [
                    *(
                        part_of(
                            post, self.rules, accepted=post.number in topic.accepted
                        )
                        for post in topic.posts.kept
                    ),
                    *(under_rules(each, self.rules) for each in topic.posts.dropped),
                    *(LeftOut(b.external_id, b.number, "broken") for b in broken),
                    *(
                        _marked(have[post_id], topic)
                        for post_id in dict.fromkeys(topic.stream or ())
                        if post_id in have and post_id not in met
                    ),
                ],
                source=self.source,
                base_url=self.client.base_url,
                category=category,
                visibility=self.categories.visibility(category),
                revision=revision,
                verified_at=self.read_at if have else self.clock(),
            )
        key, aside = str(topic.id), self._failed()
        if not reason and broken:
            # The other posts are kept; the topic is read again later.
            problems = "; ".join(f"post {b.number}: {b.cause}" for b in broken)
            aside = (*aside, (key, problems))
        elif document is None:
            skipped = (key, reason or _EMPTY)
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
            category=self.categories.find(topic.category_id),
            categories=self.categories.by_id,
            rules=self.rules,
        )

    def _revision(self, item: TopicItem) -> str:
        """Changes with all that the list tells, and with what we make of it."""
        category = self.categories.find(item.category_id)
        facts = content_hash(
            self.client.base_url,
            sorted(self.rules.ignored),
            category and category.name,
            category and self.categories.visibility(category),
            item.facts,
        )
        return revision_of(facts, item.activity)


def _marked(content: Part | LeftOut, topic: TopicPage) -> Part | LeftOut:
    """A post that the feed brought, which may not have said that it is the solution."""
    if isinstance(content, Part) and content.number in topic.accepted:
        return replace(content, accepted=True)
    return content


def _list_aside(problem: str) -> Batch:
    """What is wrong with the list, to be told: topics that it does not show are
    neither looked for nor dropped."""
    return Batch(set_aside=((_LIST, problem),))


def has_left(exc: ForumRejectedError) -> bool:
    """Whether a refusal means that a topic is not there for us any more.

    Only Discourse's own word counts: a proxy's page says nothing about topics.
    """
    if exc.error_type == MOVED:
        return True
    if exc.status == _FORBIDDEN:
        return exc.error_type in {"invalid_access", "not_logged_in"}
    return exc.status in {404, 410} and exc.error_type is not None


def _ends_below(page: TopicList, floor: datetime) -> bool:
    """Whether a page ends, and so the rest of the list is, before *floor*.

    Pinned topics stand above their time and tell nothing.
    """
    times = [item.bumped_at for item in page.items if not item.pinned]
    return bool(times) and times[-1] < floor
