"""What the bot's account wrote on a forum, and the requests that write there.

The only module that writes to a forum. Each request that writes is sent once; after a
lost answer the forum is read, and nothing is sent again blindly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.care import OwnPost
from bot.feedback import BAD, GOOD
from bot.forum_json import as_protocol_error, json_of
from bot.topic import marked_topic
from indexer.answers import Answer
from indexer.channel import Channel, Params
from indexer.fields import Fields
from kb.errors import (
    ConfigError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.types import PostId, TopicId

log = logging.getLogger(__name__)

# Post ids per request; a longer query meets the limits of web servers.
_IDS_PER_REQUEST = 40
_FORBIDDEN, _LIKE = 403, 2
_GONE = frozenset({404, 410})
# The forum's words for a key that was revoked, or that speaks for somebody else.
_BAD_KEY = "key is invalid"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the bot.

    Attributes:
        post_id: ``None`` while it waits for a moderator, or in a dry run.
        url: Where people read it, when they can.
        queued: A moderator must approve it first.
        withdrawn: The account took it back; what it said is not known any more.
    """

    post_id: PostId | None
    url: str | None
    queued: bool = False
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """What the account has in a topic.

    Attributes:
        reply: The one that holds the topic's own marker, posted or queued.
        raw: Its Markdown; ``None`` where the forum does not tell it any more.
        answered: There is a reply that it wrote in another topic.
    """

    reply: Reply | None = None
    raw: str | None = None
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a private message of the bot stands."""

    topic_id: TopicId
    post_id: PostId


@dataclass(frozen=True, slots=True)
class Posted:
    """A post of the bot in a topic, for all who may read that.

    Attributes:
        place: ``None`` while it waits for a moderator.
    """

    place: Place | None


@dataclass(frozen=True, slots=True)
class Votes:
    """What people said of a post without a word.

    Attributes:
        removed: It was deleted or withdrawn.
    """

    likes: int = 0
    against: int = 0
    removed: bool = False


class Posts:
    """The account's posts over a channel; see `bot.forum.Forum` for its promises."""

    def __init__(self, channel: Channel, username: str) -> None:
        self._channel = channel
        self._username = username

    # -- reading -----------------------------------------------------------

    def find_reply(self, topic_id: TopicId, marker: str) -> Reply | None:
        """See `Forum.find_own_reply`."""
        return self.own_in(topic_id, marker, self.topic_page(topic_id)).reply

    def own_in(self, topic_id: TopicId, marker: str, page: tuple[Any, str]) -> Own:
        """What the account has in a topic, of which the first *page* was read."""
        withdrawn: Reply | None = None
        answered = False
        for post in self._of_topic(topic_id, page):
            if not self.is_own(post):
                continue
            raw = post.maybe_text("raw") or ""
            if post.flag("user_deleted"):
                # A stub stands in its place, without the marker.
                withdrawn = Reply(PostId(post.whole("id")), None, withdrawn=True)
            # A moderator hid it, and its text with it: it counts all the same.
            elif not raw or marker in raw:
                return Own(self._as_reply(post), raw or None)
            elif marked_topic(raw) is not None:
                answered = True
        if withdrawn is not None:
            return Own(withdrawn)
        for where, raw in self._waiting():
            if marker in raw:
                return Own(Reply(post_id=None, url=None, queued=True), raw)
            answered |= where == topic_id and marked_topic(raw) is not None
        return Own(answered=answered)

    def find_post(self, topic_id: TopicId, marker: str) -> Place | None:
        """See `Forum.find_own_post`."""
        for post in self._of_topic(topic_id, self.topic_page(topic_id)):
            if self.is_own(post) and marker in (post.maybe_text("raw") or ""):
                return Place(topic_id, PostId(post.whole("id")))
        return None

    def find_message(self, title: str, marker: str) -> Place | None:
        """See `Forum.find_message`."""
        for topic_id in self.messages_titled(title):
            try:
                found = self.find_post(topic_id, marker)
            except ForumRejectedError as exc:
                # It left between the list and now, with all that was in it.
                log.warning("message=%d cannot be read: %s", topic_id, exc.status)
                continue
            if found is not None:
                return found
        return None

    def messages_titled(self, title: str) -> list[TopicId]:
        """See `Forum.messages_titled`."""
        path = f"/topics/private-messages-sent/{self._username}.json"
        data, url = self.read(path)
        with as_protocol_error(url):
            topics = Fields(data, url).inner("topic_list").each("topics")
            return sorted(
                (
                    TopicId(topic.whole("id"))
                    for topic in topics
                    if topic.maybe_text("title") == title
                ),
                reverse=True,
            )

    def find_in_topic(self, topic_id: TopicId, marker: str) -> Posted | None:
        """What we wrote in a topic, by its marker, or what waits for a moderator."""
        place = self.find_post(topic_id, marker)
        if place is not None:
            return Posted(place)
        waits = any(marker in raw for _topic, raw in self._waiting())
        return Posted(None) if waits else None

    def queued(self) -> frozenset[TopicId]:
        """See `Forum.queued`."""
        marked = (marked_topic(raw) for _topic, raw in self._waiting())
        return frozenset(topic_id for topic_id in marked if topic_id is not None)

    def votes(
        self, topic_id: TopicId, post_ids: Collection[PostId]
    ) -> dict[PostId, Votes]:
        """See `Forum.votes`."""
        found: dict[PostId, Votes] = {}
        for data, url in self._chosen(topic_id, sorted(post_ids)):
            with as_protocol_error(url):
                stream = Fields(data, url).inner("post_stream")
                posts = [_own_post(post) for post in stream.each("posts")]
            found |= {post.id: _votes(post) for post in posts}
        return found

    def own_post(self, post_id: PostId) -> OwnPost:
        """See `bot.care.Care.own_post`."""
        data, url = self.read(f"/posts/{post_id}.json")
        with as_protocol_error(url):
            return _own_post(Fields(data, url))

    def is_own(self, post: Fields) -> bool:
        """Whether the account wrote a post."""
        # The account may have had another name when it wrote.
        username = post.maybe_text("username") or ""
        return post.flag("yours") or username.casefold() == self._username.casefold()

    def topic_page(self, topic_id: TopicId) -> tuple[Any, str]:
        """A topic with its first posts and their raw text, and its address."""
        return self.read(f"/t/{topic_id}.json", {"include_raw": "true"})

    def _of_topic(self, topic_id: TopicId, page: tuple[Any, str]) -> Iterator[Fields]:
        """All posts of a topic that we may see, with their raw text."""
        data, url = page
        with as_protocol_error(url):
            stream = Fields(data, url).inner("post_stream")
            # Topics of 10,000 posts and more have no list of ids; it is far too
            # late to answer there, so the missing field is an error like another.
            waiting = stream.wholes("stream")
            first = list(stream.each("posts"))
            seen = {post.whole("id") for post in first}
        yield from first
        rest = [post_id for post_id in waiting if post_id not in seen]
        for data, url in self._chosen(topic_id, rest):
            with as_protocol_error(url):
                yield from list(Fields(data, url).inner("post_stream").each("posts"))

    def _chosen(
        self, topic_id: TopicId, post_ids: Sequence[int]
    ) -> Iterator[tuple[Any, str]]:
        """Pages of chosen posts of a topic, with their raw text."""
        for start in range(0, len(post_ids), _IDS_PER_REQUEST):
            some = post_ids[start : start + _IDS_PER_REQUEST]
            params: list[tuple[str, str | int]] = [("post_ids[]", i) for i in some]
            params.append(("include_raw", "true"))
            yield self.read(f"/t/{topic_id}/posts.json", params)

    def _waiting(self) -> list[tuple[int | None, str]]:
        """``(topic, raw)`` of the posts that wait for a moderator."""
        # A key of narrow scopes may not read this one, and is no bad key.
        data, url = self._got(f"/posts/{self._username}/pending.json")
        with as_protocol_error(url):
            return [
                (
                    post.maybe_whole("topic_id"),
                    post.maybe_text("raw_text") or post.maybe_text("raw") or "",
                )
                for post in Fields(data, url).each("pending_posts")
            ]

    # -- writing -----------------------------------------------------------

    def reply(
        self, topic_id: TopicId, markdown: str, marker: str, *, whisper: bool = False
    ) -> Reply:
        """See `Forum.reply`."""
        check_marker(markdown, marker)
        # auto_track: the account must not follow every topic that it answers.
        # As text, because the forum compares form values.
        body = {"topic_id": topic_id, "raw": markdown, "auto_track": "false"}
        if whisper:
            body["whisper"] = "true"
        try:
            return self._sent(
                body, self._accepted, lambda: self.find_reply(topic_id, marker)
            )
        except ForumRejectedError as exc:
            if exc.status == _FORBIDDEN:
                self._blame(topic_id, exc, whisper=whisper)
            raise

    def message(
        self, title: str, markdown: str, marker: str, recipients: Sequence[str]
    ) -> Place:
        """See `Forum.message`."""
        check_marker(markdown, marker)
        body = {
            "title": title,
            "raw": markdown,
            "archetype": "private_message",
            "target_recipients": ",".join(recipients),
        }
        return self._sent(body, self._placed, lambda: self.find_message(title, marker))

    def add_to_message(self, topic_id: TopicId, markdown: str, marker: str) -> Place:
        """See `Forum.add_to_message`."""
        check_marker(markdown, marker)
        return self._sent(
            {"topic_id": topic_id, "raw": markdown},
            self._placed,
            lambda: self.find_post(topic_id, marker),
        )

    def add_to_topic(self, topic_id: TopicId, markdown: str, marker: str) -> Posted:
        """Post in a topic what is no answer to it; otherwise as `reply`, and
        `find_in_topic` finds it again."""
        check_marker(markdown, marker)
        body = {"topic_id": topic_id, "raw": markdown, "auto_track": "false"}
        return self._sent(
            body, self._posted, lambda: self.find_in_topic(topic_id, marker)
        )

    def edit(self, post: OwnPost, markdown: str, reason: str) -> None:
        """See `bot.care.Care.edit`."""
        body = {
            "post": {
                "raw": markdown,
                "edit_reason": reason,
                # What somebody else changed meanwhile is not overwritten.
                "original_text": post.raw,
            }
        }
        try:
            self._channel.request("PUT", f"/posts/{post.id}.json", body=body)
        except RateLimitedError:
            raise  # Nothing was changed.
        except (ForumUnavailableError, ForumProtocolError):
            if self.own_post(post.id).raw != markdown:
                raise
            log.info("post=%d was edited, only the answer got lost", post.id)

    def withdraw(self, post_id: PostId) -> None:
        """See `bot.care.Care.withdraw`."""
        try:
            self._channel.request("DELETE", f"/posts/{post_id}.json")
        except RateLimitedError:
            raise
        except ForumUnavailableError:
            if not self._is_gone(post_id):
                raise
        except ForumRejectedError as exc:
            # Refused to who has withdrawn it before, as well.
            if exc.status not in _GONE and not self._is_gone(post_id):
                raise

    def _is_gone(self, post_id: PostId) -> bool:
        try:
            post = self.own_post(post_id)
        except ForumRejectedError as exc:
            if exc.status in _GONE:
                return True
            raise
        return post.withdrawn or post.deleted

    def _sent(
        self,
        body: Mapping[str, Any],
        read: Callable[[Answer], T],
        find: Callable[[], T | None],
    ) -> T:
        """Post once; where that leaves open what happened, look."""
        try:
            return read(self._channel.request("POST", "/posts.json", body=body))
        except RateLimitedError:
            raise  # It was refused before anything was posted.
        except (ForumUnavailableError, ForumProtocolError) as exc:
            log.warning("looking for a post, its answer got lost: %s", exc)
            found = self._looked(find)
            if found is None:
                raise
            return found
        except ForumRejectedError as exc:
            _refuse_setup(exc)
            # "Body is too similar", "No more than 3 consecutive replies": it may be
            # there, or what was refused a moment ago is refused from memory.
            found = self._looked(find)
            if found is None:
                raise
            return found

    def _looked(self, find: Callable[[], T | None]) -> T | None:
        try:
            return find()
        except ForumRejectedError as exc:
            # Not the post was refused: whether it is there is still open.
            log.warning("nothing can be read to look for a post: %s", exc)
            return None

    def _blame(
        self, topic_id: TopicId, exc: ForumRejectedError, *, whisper: bool
    ) -> None:
        """Say what is wrong with our rights, if it is not the topic that is closed
        to us.

        Raises:
            ConfigError: The account may not do this anywhere.
        """
        try:
            data, url = self.read(f"/t/{topic_id}.json")
        except ForumRejectedError as reading:
            if reading.status != _FORBIDDEN:
                return
            raise _bad_key(exc) from exc
        with as_protocol_error(url):
            may_post = _may_post(Fields(data, url))
        # Where the account may only read, no right to whisper helps.
        if whisper and may_post:
            raise ConfigError(
                "bot.mode",
                "mode whisper needs an account in one of the forum's "
                f"whispers_allowed_groups ({exc.status} {exc.problem})",
            ) from exc

    def _accepted(self, answer: Answer) -> Reply:
        data = json_of(answer)
        with as_protocol_error(answer.url):
            fields = Fields(data, answer.url)
            if fields.raw("action") == "enqueued":
                return Reply(post_id=None, url=None, queued=True)
            return self._as_reply(_inner_post(fields))

    def _as_reply(self, post: Fields) -> Reply:
        path = f"/t/{post.whole('topic_id')}/{post.whole('post_number')}"
        return Reply(PostId(post.whole("id")), f"{self._channel.base_url}{path}")

    def _posted(self, answer: Answer) -> Posted:
        data = json_of(answer)
        with as_protocol_error(answer.url):
            if Fields(data, answer.url).raw("action") == "enqueued":
                return Posted(None)
        return Posted(self._placed(answer))

    def _placed(self, answer: Answer) -> Place:
        data = json_of(answer)
        with as_protocol_error(answer.url):
            post = _inner_post(Fields(data, answer.url))
            return Place(TopicId(post.whole("topic_id")), PostId(post.whole("id")))

    # -- both --------------------------------------------------------------

    def read(self, path: str, params: Params | None = None) -> tuple[Any, str]:
        """The JSON at *path*, and its address.

        Raises:
            ConfigError: The key is not accepted.
        """
        try:
            return self._got(path, params)
        except ForumRejectedError as exc:
            if exc.status == _FORBIDDEN and _BAD_KEY in exc.problem.casefold():
                raise _bad_key(exc) from exc
            raise

    def _got(self, path: str, params: Params | None = None) -> tuple[Any, str]:
        answer = self._channel.request("GET", path, params=params)
        return json_of(answer), answer.url


def _inner_post(fields: Fields) -> Fields:
    return fields.inner("post") if fields.has("post") else fields


def _own_post(post: Fields) -> OwnPost:
    return OwnPost(
        id=PostId(post.whole("id")),
        topic_id=TopicId(post.whole("topic_id")),
        number=post.whole("post_number"),
        author_id=post.maybe_whole("user_id") or 0,
        raw=post.maybe_text("raw") or "",
        likes=_likes(post),
        reactions=_reactions(post),
        hidden=post.flag("hidden") or post.flag("cooked_hidden"),
        withdrawn=post.flag("user_deleted"),
        deleted=post.has("deleted_at"),
        accepted=post.flag("accepted_answer"),
    )


def _votes(post: OwnPost) -> Votes:
    def count(names: Collection[str]) -> int:
        found = post.reactions or {}
        return sum(found.get(name, 0) for name in names)

    return Votes(
        likes=max(post.likes, count(GOOD)),
        against=count(BAD),
        removed=post.deleted or post.withdrawn,
    )


def _may_post(topic: Fields) -> bool:
    """Whether the account may post in a topic; said of what it may, and of nothing
    else."""
    return not topic.has("details") or topic.inner("details").flag("can_create_post")


def _likes(post: Fields) -> int:
    if not post.has("actions_summary"):
        return 0
    return sum(
        action.maybe_whole("count") or 0
        for action in post.each("actions_summary")
        if action.whole("id") == _LIKE
    )


def _reactions(post: Fields) -> Mapping[str, int]:
    if not post.has("reactions"):
        return {}
    return {each.text("id"): each.whole("count") for each in post.each("reactions")}


def _bad_key(exc: ForumRejectedError) -> ConfigError:
    return ConfigError(
        "bot.api_key_env",
        f"expected a key that the forum accepts for this account "
        f"({exc.status} {exc.problem})",
    )


def _refuse_setup(exc: ForumRejectedError) -> None:
    """Tell what refuses every post from what refuses this one.

    Raises:
        ConfigError: Nothing can be posted with this key, or to this address.
    """
    if exc.status == _FORBIDDEN and _BAD_KEY in exc.problem.casefold():
        raise _bad_key(exc) from exc
    if exc.status // 100 == 3:
        raise ConfigError(
            "bot.forum",
            f"expected the address that the forum itself uses: writing to it "
            f"leads elsewhere ({exc.status})",
        ) from exc


def check_marker(markdown: str, marker: str) -> None:
    """Refuse what could not be found again.

    Raises:
        ValueError: *marker* is not in the text.
    """
    if marker not in markdown:
        raise ValueError("a reply without its marker could not be found again")
