"""The only module that can write to a forum.

Reading decides who may be answered, so everything is read fresh here and not taken
from the knowledge base. Discourse's quirks are named where they are met; the
sources are its API documentation and its code.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from bot.topic import Cited, TopicView
from indexer.answers import Answer
from indexer.channel import Channel, Params
from indexer.fields import Fields
from indexer.wire import (
    PRIVATE_MESSAGE,
    Category,
    read_categories,
    read_tags,
    read_topic_list,
)
from kb.errors import (
    ConfigError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
    RecordError,
)
from kb.types import PostId, TopicId

log = logging.getLogger(__name__)

# Categories seldom change; a topic in an unknown one makes them be read again.
CATEGORIES_TTL_S = 300.0
# Post ids per request; a longer query meets the limits of web servers.
_IDS_PER_REQUEST = 40
_MAX_PAGES = 100
# Any of these flags of a post means that its readers see something else.
_CONCEALED = ("hidden", "cooked_hidden", "user_deleted")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the bot.

    Attributes:
        post_id: ``None`` while it waits for a moderator, or in a dry run.
        url: Where people read it, when they can.
        queued: A moderator must approve it first.
    """

    post_id: PostId | None
    url: str | None
    queued: bool = False


class Forum(Protocol):
    """What the responder needs of a forum.

    Raises, from every method:
        ForumUnavailableError: Later it may work.
        ForumRejectedError: It is not there, not for us, or not acceptable.
        ForumProtocolError: The answer is not Discourse's.
        ConfigError: The key may not read what every decision needs.
    """

    def topic(self, topic_id: TopicId) -> TopicView:
        """The topic as it is now."""

    def cited(self, topic_id: TopicId, post_number: int) -> Cited:
        """What a link to a post leads to; one that is not there is a problem."""

    def newest_topic(self) -> TopicId | None:
        """The highest id of a listed topic; ``None`` on an empty forum."""

    def new_topics(self, after: TopicId) -> list[TopicId]:
        """Ids of the listed topics above *after*, ascending."""

    def reply(self, topic_id: TopicId, markdown: str, marker: str) -> Reply:
        """Post *markdown*, which holds *marker*, at the end of a topic.

        Returns only after the forum accepted it. A `ForumUnavailableError` or
        `ForumProtocolError` leaves open whether it did: call `find_own_reply`
        before anything is sent again.

        Raises:
            ValueError: The marker is not in the text.
        """

    def find_own_reply(self, topic_id: TopicId, marker: str) -> Reply | None:
        """The bot's reply that holds *marker*: in the whole topic, or queued."""


class LiveForum:
    """A Discourse forum over its API.

    Args:
        channel: To the forum, carrying the bot's key; without a key only reading
            public topics works.
        username: The bot's account.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        channel: Channel,
        username: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._username = username
        self._clock = clock
        self._categories: dict[int, Category] = {}
        self._categories_until = float("-inf")

    # -- reading -----------------------------------------------------------

    def topic(self, topic_id: TopicId) -> TopicView:
        """See `Forum.topic`."""
        data, url = self._read(f"/t/{topic_id}.json")
        with _as_protocol_error(url):
            return self._topic_view(Fields(data, url))

    def _topic_view(self, fields: Fields) -> TopicView:
        topic_id = TopicId(fields.whole("id"))
        private = fields.maybe_text("archetype") == PRIVATE_MESSAGE
        category_id = fields.maybe_whole("category_id")
        line = [] if category_id is None else self._line(category_id)
        first = next(
            (
                post
                for post in fields.inner("post_stream").each("posts")
                if post.whole("post_number") == 1
            ),
            None,
        )
        gone = first is None or any(first.flag(name) for name in _CONCEALED)
        return TopicView(
            id=topic_id,
            title=fields.text("title"),
            url=f"{self._channel.base_url}/t/{topic_id}",
            opening="" if first is None or gone else first.text("cooked"),
            author=(first and first.maybe_text("username")) or "",
            # Without an account there is nobody left to answer, as with a bot.
            author_id=(first and first.maybe_whole("user_id")) or 0,
            created_at=fields.moment("created_at"),
            deleted=fields.has("deleted_at"),
            category=tuple(category.slug for category in line),
            category_name=line[-1].name if line else "",
            tags=read_tags(fields.raw("tags")),
            public=bool(line) and not any(category.restricted for category in line),
            private_message=private,
            closed=fields.flag("closed"),
            archived=fields.flag("archived"),
            listed=fields.flag("visible", default=True),
            # An object once, a list since May 2026; empty or null when unsolved.
            solved=bool(
                fields.raw("accepted_answers") or fields.raw("accepted_answer")
            ),
            missing_posts=_missing_posts(fields),
        )

    def cited(self, topic_id: TopicId, post_number: int) -> Cited:
        """See `Forum.cited`. The bot's key may see more than the public does, so
        all that restricts a topic is looked at."""
        try:
            topic = self.topic(topic_id)
            if topic.private_message or not topic.public:
                return Cited("its topic is not public")
            if topic.deleted or not topic.listed:
                return Cited("its topic was taken out of the lists")
            data, url = self._read(f"/posts/by_number/{topic_id}/{post_number}.json")
        except ForumRejectedError as exc:
            return Cited(f"it cannot be read any more ({exc.status} {exc.problem})")
        with _as_protocol_error(url):
            post = Fields(data, url)
            if any(post.flag(name) for name in _CONCEALED) or post.has("deleted_at"):
                return Cited("its post is hidden or was withdrawn")
            return Cited(cooked=post.text("cooked"))

    def _line(self, category_id: int) -> list[Category]:
        """A category below its parents, outermost first; empty when unknown."""
        if (
            category_id not in self._categories
            or self._clock() > self._categories_until
        ):
            self._load_categories()
        line: list[Category] = []
        step: int | None = category_id
        while step is not None:
            category = self._categories.get(step)
            if category is None or category in line:
                return []
            line.insert(0, category)
            step = category.parent_id
        return line

    def _load_categories(self) -> None:
        try:
            data, url = self._read("/site.json")
        except ForumRejectedError as exc:
            # A key of narrow scopes: no topic is to blame, and none can be judged.
            raise ConfigError(
                "bot.api_key_env",
                f"expected a key that may read {exc.url} ({exc.status} {exc.problem})",
            ) from exc
        with _as_protocol_error(url):
            found = read_categories(data, url)
        self._categories = {category.id: category for category in found}
        self._categories_until = self._clock() + CATEGORIES_TTL_S

    def newest_topic(self) -> TopicId | None:
        """See `Forum.newest_topic`."""
        ids, _ = self._page_of_topics(0)
        return max(ids, default=None)

    def new_topics(self, after: TopicId) -> list[TopicId]:
        """See `Forum.new_topics`."""
        found: set[TopicId] = set()
        for page in range(_MAX_PAGES):
            ids, has_more = self._page_of_topics(page)
            # Pinned topics come first whatever their age: only a page without any
            # new one says that the rest is old.
            fresh = {topic_id for topic_id in ids if topic_id > after} - found
            found |= fresh
            if not fresh or not has_more:
                break
        return sorted(found)

    def _page_of_topics(self, page: int) -> tuple[list[TopicId], bool]:
        data, url = self._read("/latest.json", {"order": "created", "page": page})
        with _as_protocol_error(url):
            topics = read_topic_list(data, url)
        for key, reason in topics.broken:
            log.warning("topic=%s cannot be read from the list: %s", key, reason)
        # A broken item with an id may still be readable as a topic.
        broken = [TopicId(int(key)) for key, _ in topics.broken if key.isdecimal()]
        return [item.id for item in topics.items] + broken, topics.has_more

    def find_own_reply(self, topic_id: TopicId, marker: str) -> Reply | None:
        """See `Forum.find_own_reply`."""
        for post in self._posts(topic_id):
            if not self._is_own(post):
                continue
            # A moderator hid it, and its text with it: it counts all the same.
            if marker in (post.maybe_text("raw") or marker):
                return self._as_reply(post)
        return self._find_queued(topic_id, marker)

    def _is_own(self, post: Fields) -> bool:
        username = post.maybe_text("username") or ""
        return username.casefold() == self._username.casefold()

    def _posts(self, topic_id: TopicId) -> Iterator[Fields]:
        """All posts of a topic that we may see, with their raw text."""
        data, url = self._read(f"/t/{topic_id}.json", {"include_raw": "true"})
        with _as_protocol_error(url):
            stream = Fields(data, url).inner("post_stream")
            # Topics of 10,000 posts and more have no list of ids; it is far too
            # late to answer there, so the missing field is an error like another.
            waiting = stream.wholes("stream")
            first = list(stream.each("posts"))
            seen = {post.whole("id") for post in first}
        yield from first
        rest = [post_id for post_id in waiting if post_id not in seen]
        for start in range(0, len(rest), _IDS_PER_REQUEST):
            some = rest[start : start + _IDS_PER_REQUEST]
            params: list[tuple[str, str | int]] = [("post_ids[]", i) for i in some]
            params.append(("include_raw", "true"))
            data, url = self._read(f"/t/{topic_id}/posts.json", params)
            with _as_protocol_error(url):
                yield from list(Fields(data, url).inner("post_stream").each("posts"))

    def _find_queued(self, topic_id: TopicId, marker: str) -> Reply | None:
        data, url = self._read(f"/posts/{self._username}/pending.json")
        with _as_protocol_error(url):
            for post in Fields(data, url).each("pending_posts"):
                raw = post.maybe_text("raw_text") or post.maybe_text("raw") or ""
                if post.maybe_whole("topic_id") == topic_id and marker in raw:
                    return Reply(post_id=None, url=None, queued=True)
        return None

    # -- writing -----------------------------------------------------------

    def reply(self, topic_id: TopicId, markdown: str, marker: str) -> Reply:
        """See `Forum.reply`; sent once, never repeated blindly."""
        _check_marker(markdown, marker)
        # auto_track: the account must not follow every topic that it answers.
        # As text, because the forum compares form values.
        body = {"topic_id": topic_id, "raw": markdown, "auto_track": "false"}
        try:
            answer = self._channel.request("POST", "/posts.json", body=body)
            return self._accepted(answer)
        except RateLimitedError:
            raise  # It was refused before anything was posted.
        except (ForumUnavailableError, ForumProtocolError) as exc:
            log.warning(
                "topic=%d reading it again, the answer got lost: %s", topic_id, exc
            )
            found = self._look_again(topic_id, marker)
            if found is None:
                raise
            return found

    def _look_again(self, topic_id: TopicId, marker: str) -> Reply | None:
        try:
            return self.find_own_reply(topic_id, marker)
        except ForumRejectedError as exc:
            # Not the reply was refused: whether it is there is still open.
            log.warning("topic=%d cannot be read again: %s", topic_id, exc)
            return None

    def _accepted(self, answer: Answer) -> Reply:
        data = _json(answer)
        with _as_protocol_error(answer.url):
            fields = Fields(data, answer.url)
            if fields.raw("action") == "enqueued":
                return Reply(post_id=None, url=None, queued=True)
            return self._as_reply(
                fields.inner("post") if fields.has("post") else fields
            )

    def _as_reply(self, post: Fields) -> Reply:
        path = f"/t/{post.whole('topic_id')}/{post.whole('post_number')}"
        return Reply(PostId(post.whole("id")), f"{self._channel.base_url}{path}")

    # -- both --------------------------------------------------------------

    def _read(self, path: str, params: Params | None = None) -> tuple[Any, str]:
        answer = self._channel.request("GET", path, params=params)
        return _json(answer), answer.url


class DryRunForum:
    """Reads a forum and keeps to itself what it would have posted there.

    Attributes:
        replies: ``(topic, Markdown)`` of every reply, in order.
    """

    def __init__(self, forum: Forum) -> None:
        self._forum = forum
        self.replies: list[tuple[TopicId, str]] = []

    def topic(self, topic_id: TopicId) -> TopicView:
        """See `Forum.topic`."""
        return self._forum.topic(topic_id)

    def cited(self, topic_id: TopicId, post_number: int) -> Cited:
        """See `Forum.cited`."""
        return self._forum.cited(topic_id, post_number)

    def newest_topic(self) -> TopicId | None:
        """See `Forum.newest_topic`."""
        return self._forum.newest_topic()

    def new_topics(self, after: TopicId) -> list[TopicId]:
        """See `Forum.new_topics`."""
        return self._forum.new_topics(after)

    def reply(self, topic_id: TopicId, markdown: str, marker: str) -> Reply:
        """Keep the reply; nothing is sent."""
        _check_marker(markdown, marker)
        self.replies.append((topic_id, markdown))
        return Reply(post_id=None, url=None)

    def find_own_reply(self, topic_id: TopicId, marker: str) -> Reply | None:
        """A reply that was kept here."""
        for where, markdown in self.replies:
            if where == topic_id and marker in markdown:
                return Reply(post_id=None, url=None)
        return None


def _missing_posts(topic: Fields) -> int:
    # A post that is removed before others leaves a gap in the numbers. The removal of
    # the last one shows only once somebody has written after it.
    highest = topic.maybe_whole("highest_post_number") or 0
    count = topic.maybe_whole("posts_count") or highest
    return max(highest - count, 0)


def _check_marker(markdown: str, marker: str) -> None:
    if marker not in markdown:
        raise ValueError("a reply without its marker could not be found again")


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise ForumProtocolError(answer.url, f"is not JSON ({exc})") from exc


@contextmanager
def _as_protocol_error(url: str) -> Iterator[None]:
    """A malformed record is, here, an answer that cannot be trusted."""
    try:
        yield
    except RecordError as exc:
        raise ForumProtocolError(url, exc.problem, field=exc.field) from exc
