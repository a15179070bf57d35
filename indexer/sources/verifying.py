"""Does the store hold a forum as the forum is now? Compared topic by topic.

Nothing is taken for granted that the harvest takes: each topic is read whole by
itself, and compared post by post.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.discourse import DiscourseClient
from indexer.sources.categories import Categories
from indexer.sources.failures import WHOLE_FORUM
from indexer.sources.threads import reason_to_skip
from indexer.sources.topics import TopicReader, has_left
from indexer.sources.walking import WalkSettings
from indexer.wire import WHISPER, TopicPage
from kb.errors import (
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RecordError,
)
from kb.store import Holdings
from kb.types import Clock, Document, LeftOut, Part, TopicId, utc_now

# A list that does not end is not followed for ever.
_MAX_PAGES = 50_000
_STALE_PAGES = 3

# What a post must be like; likes come and go without anybody being wrong.
_PART_FIELDS = (
    "number",
    "body",
    "format",
    "author",
    "author_id",
    "created_at",
    "accepted",
    "reply_to",
    "staff",
)
_TOPIC_FIELDS = (
    "title",
    "category",
    "category_id",
    "visibility",
    "tags",
    "solved",
    "closed",
    "archived",
    "pinned",
    "listed",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """One topic that was compared.

    Attributes:
        differences: What is not as on the forum; empty when all is.
        stored: It is in the store.
        failed: It could not be compared, and why; empty when it was.
    """

    key: str
    differences: tuple[str, ...] = ()
    stored: bool = True
    failed: str = ""


class Verifier:
    """Compares what is stored of a forum with the forum."""

    def __init__(
        self,
        source: str,
        client: DiscourseClient,
        settings: WalkSettings,
        known: Holdings,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._client = client
        self._settings = settings
        self._known = known
        self._categories = Categories(client, settings.rules, client.categories())
        self._reader = TopicReader(
            source,
            client,
            settings.rules,
            self._categories,
            known,
            clock,
            compared=False,
            read_at=clock(),
            must_read_all=True,
        )

    def keys(self, *, sample: int | None = None, seed: int = 0) -> list[str]:
        """Topics to compare: all that are stored or should be, or some of them.

        Args:
            sample: So many, drawn at random; ``None`` for all.
            seed: The same seed draws the same of the same.

        Raises:
            ForumError: The list of topics cannot be read.
        """
        found = dict.fromkeys(self._known)
        found.update(dict.fromkeys(self._listed()))
        keys = sorted((key for key in found if key.isdecimal()), key=int)
        if sample is None or sample >= len(keys):
            return keys
        return sorted(random.Random(seed).sample(keys, sample), key=int)  # noqa: S311

    def _listed(self) -> Iterator[str]:
        """Topics that the forum lists and that may be held."""
        met: set[int] = set()
        stale = 0
        for number in range(_MAX_PAGES):
            page = self._client.latest(number)
            new = [item for item in page.items if item.id not in met]
            met.update(item.id for item in new)
            for item in new:
                if not reason_to_skip(
                    item.id,
                    archetype=item.archetype,
                    visible=item.visible,
                    category=self._categories.find(item.category_id),
                    categories=self._categories.by_id,
                    rules=self._settings.rules,
                ):
                    yield str(item.id)
            stale = 0 if new else stale + 1
            if not page.has_more or stale >= _STALE_PAGES:
                return

    def check(self, key: str) -> Checked:
        """Compare one topic.

        Raises:
            RateLimitedError: The forum asks for too long a wait.
        """
        stored = self._known.document(key)
        try:
            topic = self._client.topic(TopicId(int(key)))
        except WHOLE_FORUM:
            raise
        except ForumRejectedError as exc:
            if not has_left(exc):
                return Checked(key, stored=stored is not None, failed=str(exc))
            gone = ("stored, but not there for us any more",) if stored else ()
            return Checked(key, gone, stored is not None)
        except (ForumUnavailableError, ForumProtocolError, RecordError) as exc:
            return Checked(key, stored=stored is not None, failed=str(exc))
        return Checked(key, tuple(self._differences(stored, topic)), stored is not None)

    def _differences(self, stored: Document | None, topic: TopicPage) -> Iterator[str]:
        batch = self._reader.as_batch(topic, "")
        if not batch.documents:
            if stored is not None:
                reasons = [reason for _, reason in (*batch.skipped, *batch.set_aside)]
                yield f"stored, but must not be: {'; '.join(reasons)}"
            return
        [fresh] = batch.documents
        if stored is None:
            yield "not stored"
            return
        yield from differences(stored, fresh)
        held = {content.external_id for content in stored.contents}
        met = {content.external_id for content in fresh.contents}
        for post_id in topic.stream or ():
            if post_id not in held | met:
                yield f"post id {post_id} is listed by the forum and not known"


def differences(stored: Document, fresh: Document) -> Iterator[str]:
    """What of a stored topic is not as it is now, in words. Pure."""
    for name in _TOPIC_FIELDS:
        was, now = getattr(stored, name), getattr(fresh, name)
        if was != now:
            yield f"{name} is {now!r} and stored as {was!r}"
    held = {content.external_id: content for content in stored.contents}
    there = {content.external_id: content for content in fresh.contents}
    for external_id, content in there.items():
        post = f"post {content.number} (id {external_id})"
        before = held.pop(external_id, None)
        if before is None:
            # A whisper is no text of ours, and only a topic's own list tells of it.
            if not (isinstance(content, LeftOut) and content.cause == WHISPER):
                yield f"{post} is missing"
        elif isinstance(content, LeftOut) and isinstance(before, Part):
            yield f"{post} must not be held: {content.cause}"
        elif isinstance(content, Part) and isinstance(before, LeftOut):
            yield f"{post} is not held: {before.cause}"
        else:
            changed = [
                name
                for name in _PART_FIELDS
                if getattr(content, name, None) != getattr(before, name, None)
            ]
            if changed:
                yield f"{post} differs in {', '.join(changed)}"
    for external_id, before in held.items():
        yield f"post {before.number} (id {external_id}) is stored and not there"
