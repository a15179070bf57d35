"""The forum as whoever decides and posts sees it; its writing half is `bot.posts`.

Reading decides who may be answered, so everything is read fresh here and not taken
from the knowledge base. Discourse's quirks are named where they are met; the
sources are its API documentation and its code.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from bot.forum_json import as_protocol_error
from bot.posts import Place, Posts, Reply, Votes, check_marker
from bot.reading import CONCEALED, edited_at, is_gone, is_staff, replies_of
from bot.topic import Cited, TopicView, marked_topic
from indexer.channel import Channel, Params
from indexer.fields import Fields
from indexer.wire import (
    PRIVATE_MESSAGE,
    Category,
    read_categories,
    read_tags,
    read_topic_list,
)
from kb.errors import ConfigError, ForumRejectedError
from kb.types import PostId, TopicId

__all__ = [
    "DryRunForum",
    "Forum",
    "Listed",
    "LiveForum",
    "Place",
    "Reply",
    "Standing",
    "Votes",
]

log = logging.getLogger(__name__)

# Categories seldom change; a topic in an unknown one makes them be read again.
CATEGORIES_TTL_S = 300.0
_MAX_PAGES = 100


@dataclass(frozen=True, slots=True)
class Listed:
    """A topic as the list of new ones shows it.

    Attributes:
        author_id: Whom the list names first, who is mostly its author.
    """

    id: TopicId
    title: str = ""
    created_at: datetime | None = None
    author_id: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A topic as it is now, and what of ours is in it, by one look at both.

    Attributes:
        reply: See `Forum.find_own_reply`.
        raw: Its Markdown; ``None`` where the forum does not tell it.
    """

    topic: TopicView
    reply: Reply | None = None
    raw: str | None = None


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

    def categories(self) -> frozenset[str]:
        """The slugs of all categories that we may see."""

    def newest_topic(self) -> TopicId | None:
        """The highest id of a listed topic; ``None`` on an empty forum."""

    def new_topics(self, after: TopicId) -> list[Listed]:
        """The listed topics with an id above *after*, ascending."""

    def find_own_reply(self, topic_id: TopicId, marker: str) -> Reply | None:
        """The bot's reply that holds *marker*: in the whole topic, or queued.

        One that was hidden or withdrawn shows no marker any more, and is taken for it.
        """

    def standing(self, topic_id: TopicId, marker: str) -> Standing:
        """The topic as it is now, with the bot's reply that holds *marker*; at no more
        requests than `find_own_reply`."""

    def forget_categories(self) -> None:
        """Read anew who may read which category, with the next topic."""

    def find_own_post(self, topic_id: TopicId, marker: str) -> Place | None:
        """The bot's post in a topic whose text holds *marker*."""

    def find_message(self, title: str, marker: str) -> Place | None:
        """The bot's post that holds *marker*, in its private messages of that title."""

    def messages_titled(self, title: str) -> list[TopicId]:
        """The private messages of that title that the bot wrote in lately, newest
        first."""

    def queued(self) -> frozenset[TopicId]:
        """Topics where a reply of the bot waits for a moderator."""

    def votes(
        self, topic_id: TopicId, post_ids: Collection[PostId]
    ) -> Mapping[PostId, Votes]:
        """What others made of posts of a topic; without those that are not there."""

    @property
    def writes(self) -> bool:
        """Whether what is posted arrives anywhere."""

    def reply(
        self, topic_id: TopicId, markdown: str, marker: str, *, whisper: bool = False
    ) -> Reply:
        """Post *markdown*, which holds *marker*, at the end of a topic.

        Returns only after the forum accepted it. A `ForumUnavailableError` or
        `ForumProtocolError` leaves open whether it did: call `find_own_reply`
        before anything is sent again.

        Args:
            whisper: For those alone whom the forum lets read whispers.

        Raises:
            ConfigError: The account may not post, or not whisper, anywhere.
            ValueError: The marker is not in the text.
        """

    def message(
        self, title: str, markdown: str, marker: str, recipients: Sequence[str]
    ) -> Place:
        """Begin a private message to members or groups; otherwise as `reply`, and
        `find_message` finds it again."""

    def add_to_message(self, topic_id: TopicId, markdown: str, marker: str) -> Place:
        """Post in a private message; otherwise as `reply`, and `find_own_post` finds
        it again."""


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
        self._posts = Posts(channel, username)
        self._clock = clock
        self._categories: dict[int, Category] = {}
        self._categories_until = float("-inf")

    # -- reading -----------------------------------------------------------

    def topic(self, topic_id: TopicId) -> TopicView:
        """See `Forum.topic`."""
        # With the raw text, by which replies of ours are known.
        data, url = self._posts.topic_page(topic_id)
        with as_protocol_error(url):
            return self._topic_view(Fields(data, url))

    def standing(self, topic_id: TopicId, marker: str) -> Standing:
        """See `Forum.standing`."""
        page = self._posts.topic_page(topic_id)
        with as_protocol_error(page[1]):
            view = self._topic_view(Fields(*page))
        own = self._posts.own_in(topic_id, marker, page)
        answered = view.answered or own.answered
        return Standing(replace(view, answered=answered), own.reply, own.raw)

    def forget_categories(self) -> None:
        """See `Forum.forget_categories`."""
        self._categories_until = float("-inf")

    def _replied_elsewhere(self, topic_id: TopicId, posts: Sequence[Fields]) -> bool:
        marks = {
            marked_topic(post.maybe_text("raw") or "")
            for post in posts
            if self._posts.is_own(post)
        }
        return bool(marks - {None, topic_id})

    def _topic_view(self, fields: Fields) -> TopicView:
        topic_id = TopicId(fields.whole("id"))
        private = fields.maybe_text("archetype") == PRIVATE_MESSAGE
        category_id = fields.maybe_whole("category_id")
        line = [] if category_id is None else self._line(category_id)
        posts = list(fields.inner("post_stream").each("posts"))
        first = next((post for post in posts if post.whole("post_number") == 1), None)
        gone = first is None or any(first.flag(name) for name in CONCEALED)
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
            author_staff=first is not None and is_staff(first),
            edited_at=None if first is None else edited_at(first),
            pinned=fields.flag("pinned") or fields.flag("pinned_globally"),
            replies=replies_of(posts),
            answered=self._replied_elsewhere(topic_id, posts),
        )

    def cited(self, topic_id: TopicId, post_number: int) -> Cited:
        """See `Forum.cited`. The bot's key may see more than the public does, so
        all that restricts a topic is looked at."""
        try:
            found = self._read(f"/t/{topic_id}.json")
            with as_protocol_error(found[1]):
                topic = self._topic_view(Fields(*found))
            if topic.private_message or not topic.public:
                return Cited("its topic is not public")
            if topic.deleted or not topic.listed:
                return Cited("its topic was taken out of the lists")
            data, url = self._read(f"/posts/by_number/{topic_id}/{post_number}.json")
        except ForumRejectedError as exc:
            return Cited(f"it cannot be read any more ({exc.status} {exc.problem})")
        with as_protocol_error(url):
            post = Fields(data, url)
            if is_gone(post):
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
        with as_protocol_error(url):
            found = read_categories(data, url)
        self._categories = {category.id: category for category in found}
        self._categories_until = self._clock() + CATEGORIES_TTL_S

    def categories(self) -> frozenset[str]:
        """See `Forum.categories`."""
        self._load_categories()
        return frozenset(each.slug for each in self._categories.values())

    def newest_topic(self) -> TopicId | None:
        """See `Forum.newest_topic`."""
        found, _ = self._page_of_topics(0)
        return max((topic.id for topic in found), default=None)

    def new_topics(self, after: TopicId) -> list[Listed]:
        """See `Forum.new_topics`."""
        found: dict[TopicId, Listed] = {}
        for page in range(_MAX_PAGES):
            topics, has_more = self._page_of_topics(page)
            # Pinned topics come first whatever their age: only a page without any
            # new one says that the rest is old.
            fresh = [t for t in topics if t.id > after and t.id not in found]
            found |= {topic.id: topic for topic in fresh}
            if not fresh or not has_more:
                break
        return sorted(found.values(), key=lambda topic: topic.id)

    def _page_of_topics(self, page: int) -> tuple[list[Listed], bool]:
        data, url = self._read("/latest.json", {"order": "created", "page": page})
        with as_protocol_error(url):
            topics = read_topic_list(data, url)
        for key, reason in topics.broken:
            log.warning("topic=%s cannot be read from the list: %s", key, reason)
        authors = _authors(data)
        listed = [
            Listed(item.id, item.title, item.created_at, authors.get(item.id))
            for item in topics.items
        ]
        # A broken item with an id may still be readable as a topic.
        broken = [
            Listed(TopicId(int(key))) for key, _ in topics.broken if key.isdecimal()
        ]
        return listed + broken, topics.has_more

    # -- what the account wrote, see `bot.posts` -----------------------------

    def find_own_reply(self, topic_id: TopicId, marker: str) -> Reply | None:
        """See `Forum.find_own_reply`."""
        return self._posts.find_reply(topic_id, marker)

    def find_own_post(self, topic_id: TopicId, marker: str) -> Place | None:
        """See `Forum.find_own_post`."""
        return self._posts.find_post(topic_id, marker)

    def find_message(self, title: str, marker: str) -> Place | None:
        """See `Forum.find_message`."""
        return self._posts.find_message(title, marker)

    def messages_titled(self, title: str) -> list[TopicId]:
        """See `Forum.messages_titled`."""
        return self._posts.messages_titled(title)

    def queued(self) -> frozenset[TopicId]:
        """See `Forum.queued`."""
        return self._posts.queued()

    def votes(
        self, topic_id: TopicId, post_ids: Collection[PostId]
    ) -> Mapping[PostId, Votes]:
        """See `Forum.votes`."""
        return self._posts.votes(topic_id, post_ids)

    # -- writing -----------------------------------------------------------

    @property
    def writes(self) -> bool:
        """See `Forum.writes`."""
        return True

    def reply(
        self, topic_id: TopicId, markdown: str, marker: str, *, whisper: bool = False
    ) -> Reply:
        """See `Forum.reply`; sent once, never repeated blindly."""
        return self._posts.reply(topic_id, markdown, marker, whisper=whisper)

    def message(
        self, title: str, markdown: str, marker: str, recipients: Sequence[str]
    ) -> Place:
        """See `Forum.message`."""
        return self._posts.message(title, markdown, marker, recipients)

    def add_to_message(self, topic_id: TopicId, markdown: str, marker: str) -> Place:
        """See `Forum.add_to_message`."""
        return self._posts.add_to_message(topic_id, markdown, marker)

    # -- both --------------------------------------------------------------

    def _read(self, path: str, params: Params | None = None) -> tuple[Any, str]:
        return self._posts.read(path, params)


class DryRunForum:
    """Reads a forum and keeps to itself what it would have posted there.

    Attributes:
        replies: ``(topic, Markdown)`` of every reply, in order.
        messages: ``(title, Markdown)`` of every private message.
    """

    def __init__(self, forum: Forum) -> None:
        self._forum = forum
        self.replies: list[tuple[TopicId, str]] = []
        self.messages: list[tuple[str, str]] = []

    def topic(self, topic_id: TopicId) -> TopicView:
        """See `Forum.topic`."""
        return self._forum.topic(topic_id)

    def cited(self, topic_id: TopicId, post_number: int) -> Cited:
        """See `Forum.cited`."""
        return self._forum.cited(topic_id, post_number)

    def categories(self) -> frozenset[str]:
        """See `Forum.categories`."""
        return self._forum.categories()

    def newest_topic(self) -> TopicId | None:
        """See `Forum.newest_topic`."""
        return self._forum.newest_topic()

    def new_topics(self, after: TopicId) -> list[Listed]:
        """See `Forum.new_topics`."""
        return self._forum.new_topics(after)

    @property
    def writes(self) -> bool:
        """See `Forum.writes`."""
        return False

    def reply(
        self, topic_id: TopicId, markdown: str, marker: str, *, whisper: bool = False
    ) -> Reply:
        """Keep the reply; nothing is sent."""
        check_marker(markdown, marker)
        self.replies.append((topic_id, markdown))
        return Reply(post_id=None, url=None)

    def message(
        self, title: str, markdown: str, marker: str, recipients: Sequence[str]
    ) -> Place:
        """Keep the message; nothing is sent."""
        check_marker(markdown, marker)
        self.messages.append((title, markdown))
        return Place(TopicId(0), PostId(0))

    def add_to_message(self, topic_id: TopicId, markdown: str, marker: str) -> Place:
        """Keep the post; nothing is sent."""
        check_marker(markdown, marker)
        self.messages.append(("", markdown))
        return Place(topic_id, PostId(0))

    def find_own_reply(self, topic_id: TopicId, marker: str) -> Reply | None:
        """A reply that was kept here."""
        for where, markdown in self.replies:
            if where == topic_id and marker in markdown:
                return Reply(post_id=None, url=None)
        return None

    def standing(self, topic_id: TopicId, marker: str) -> Standing:
        """The topic, and a reply that was kept here."""
        reply = self.find_own_reply(topic_id, marker)
        return Standing(self._forum.topic(topic_id), reply)

    def forget_categories(self) -> None:
        """See `Forum.forget_categories`."""
        self._forum.forget_categories()

    def find_own_post(self, topic_id: TopicId, marker: str) -> Place | None:
        """See `Forum.find_own_post`."""
        return self._forum.find_own_post(topic_id, marker)

    def find_message(self, title: str, marker: str) -> Place | None:
        """See `Forum.find_message`."""
        return self._forum.find_message(title, marker)

    def messages_titled(self, title: str) -> list[TopicId]:
        """See `Forum.messages_titled`."""
        return self._forum.messages_titled(title)

    def queued(self) -> frozenset[TopicId]:
        """See `Forum.queued`."""
        return self._forum.queued()

    def votes(
        self, topic_id: TopicId, post_ids: Collection[PostId]
    ) -> Mapping[PostId, Votes]:
        """See `Forum.votes`."""
        return self._forum.votes(topic_id, post_ids)


def _authors(data: Any) -> dict[TopicId, int]:
    """Whom a list names first for each topic, as far as it can be read."""
    found: dict[TopicId, int] = {}
    for topic in data["topic_list"]["topics"]:
        try:
            found[TopicId(int(topic["id"]))] = int(topic["posters"][0]["user_id"])
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # Only a hint; the topic itself says who wrote it.
    return found


def _missing_posts(topic: Fields) -> int:
    # A post that is removed before others leaves a gap in the numbers. The removal of
    # the last one shows only once somebody has written after it.
    highest = topic.maybe_whole("highest_post_number") or 0
    count = topic.maybe_whole("posts_count") or highest
    return max(highest - count, 0)
