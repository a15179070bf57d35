"""A Discourse forum, as far as our own posts and our private messages go.

Beside `bot.forum` the only module that can write to a forum.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from bot.care import (
    Around,
    Conversation,
    Letter,
    Letters,
    OwnPost,
    Person,
    Reaction,
    Written,
)
from bot.forum_json import as_protocol_error, json_of
from indexer.channel import Channel, Params
from indexer.fields import Fields
from kb.errors import (
    ForumError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.types import PostId, TopicId

log = logging.getLogger(__name__)

LIKE = 2
# What of a forum's posts people write: no small actions, no whispers.
_WRITTEN = frozenset({1, 2})
_CONCEALED = ("hidden", "cooked_hidden", "user_deleted")
_GONE = frozenset({404, 410})
# A private message of more than so many pages is no conversation.
_MAX_PAGES = 10


class LiveCare:
    """See `bot.care.Care`.

    Args:
        channel: To the forum, carrying the bot's key.
        username: The bot's account.
    """

    def __init__(self, channel: Channel, username: str) -> None:
        self._channel = channel
        self._username = username
        self._field_numbers: Mapping[str, int] | None = None
        self._people: dict[str, Person] = {}

    # -- our own replies ---------------------------------------------------

    def own_post(self, post_id: PostId) -> OwnPost:
        """See `Care.own_post`."""
        with self._read(f"/posts/{post_id}.json") as post:
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

    def around(self, topic_id: TopicId, number: int) -> Around:
        """See `Care.around`."""
        params = {"include_raw": "true"}
        with self._read(f"/t/{topic_id}/{number}.json", params) as topic:
            below = [
                letter for letter in self._letters_in(topic) if letter.number > number
            ]
            return Around(self._solution(topic), tuple(below))

    def _solution(self, topic: Fields) -> int | None:
        # A list since May 2026, an object before, which may be null.
        if isinstance(topic.raw("accepted_answers"), list):
            answers = list(topic.each("accepted_answers"))
        elif topic.has("accepted_answer"):
            answers = [topic.inner("accepted_answer")]
        else:
            answers = []
        for answer in answers:
            if not self._is_own(answer):
                return answer.whole("post_number")
        return None

    def likers(self, post_id: PostId) -> list[Person]:
        """See `Care.likers`."""
        params = {"id": post_id, "post_action_type_id": LIKE}
        with self._read("/post_action_users.json", params) as found:
            return [
                Person(each.whole("id"), each.text("username"))
                for each in found.each("post_action_users")
            ]

    def reactions(self, post_id: PostId) -> list[Reaction]:
        """See `Care.reactions`; their profiles are read for their ids."""
        path = f"/discourse-reactions/posts/{post_id}/reactions-users.json"
        with self._read(path) as found:
            names = [
                (each.text("id"), user.text("username"))
                for each in found.each("reaction_users")
                for user in each.each("users")
            ]
        return [Reaction(name, self._known(username)) for name, username in names]

    def _known(self, username: str) -> Person:
        """Who reacts to one reply often reacts to others: each is read once."""
        if username not in self._people:
            self._people[username] = self.person(username)
        return self._people[username]

    def person(self, username: str) -> Person:
        """See `Care.person`. Asked once: what is repeated is logged, and a member's
        name stands in the address."""
        path = f"/u/{quote(username, safe='')}.json"
        with _nameless(path), self._read(path, repeat=False) as found:
            user = found.inner("user")
            fields = user.raw("user_fields")
            told = fields if isinstance(fields, dict) else {}
            return Person(
                id=user.whole("id"),
                username=user.text("username"),
                staff=user.flag("admin") or user.flag("moderator"),
                fields={
                    int(number): str(value)
                    for number, value in told.items()
                    if number.isdecimal() and value is not None
                },
            )

    def field_number(self, name: str) -> int | None:
        """See `Care.field_number`; read once."""
        if self._field_numbers is None:
            with self._read("/site.json") as site:
                self._field_numbers = {
                    each.text("name").casefold(): each.whole("id")
                    for each in (
                        site.each("user_fields") if site.has("user_fields") else ()
                    )
                }
        return self._field_numbers.get(name.casefold())

    def edit(self, post: OwnPost, markdown: str, reason: str) -> None:
        """See `Care.edit`."""
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
        """See `Care.withdraw`."""
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

    # -- our mail ----------------------------------------------------------

    def conversations(self, page: int) -> tuple[list[Conversation], bool]:
        """See `Care.conversations`."""
        return self._box("private-messages", page)

    def _box(self, box: str, page: int) -> tuple[list[Conversation], bool]:
        path = f"/topics/{box}/{quote(self._username, safe='')}.json"
        with self._read(path, {"page": page}) as found:
            topics = found.inner("topic_list")
            return [
                Conversation(
                    TopicId(each.whole("id")),
                    each.maybe_whole("highest_post_number") or 0,
                )
                for each in topics.each("topics")
            ], topics.has("more_topics_url")

    def letters(self, topic_id: TopicId, after: int) -> Letters:
        """See `Care.letters`."""
        with self._read(f"/t/{topic_id}.json") as topic:
            direct = self._is_direct(topic)
            highest = topic.maybe_whole("highest_post_number") or 0
        letters: list[Letter] = []
        reached, pages = after, 0
        for page in self._pages(topic_id, after):
            letters += self._letters_in(page)
            reached, pages = _last(page), pages + 1
        # A last post that was removed keeps its number, and is not waited for.
        last = reached if pages == _MAX_PAGES else max(reached, highest)
        return Letters(direct, tuple(letters), last)

    def _pages(self, topic_id: TopicId, after: int) -> Iterator[Fields]:
        """The posts after one, twenty at a time."""
        for _ in range(_MAX_PAGES):
            params: Params = {
                "post_number": after,
                "asc": "true",
                "include_raw": "true",
            }
            with self._read(f"/t/{topic_id}/posts.json", params) as page:
                last = _last(page)
                if last <= after:
                    return
                yield page
            after = last

    def _is_direct(self, topic: Fields) -> bool:
        details = topic.inner("details")
        began = details.inner("created_by") if details.has("created_by") else None
        users = details.count("allowed_users") if details.has("allowed_users") else 0
        groups = details.count("allowed_groups") if details.has("allowed_groups") else 0
        return (
            began is not None and not self._is_own(began) and not groups and users <= 2
        )

    def answer_message(self, topic_id: TopicId, markdown: str, marker: str) -> Written:
        """See `Care.answer_message`; sent once, never repeated blindly."""
        body = {"topic_id": topic_id, "raw": markdown, "auto_track": "false"}
        try:
            return self._written(body, marker)
        except RateLimitedError:
            raise
        except (ForumUnavailableError, ForumProtocolError):
            found = self.find_answer(topic_id, marker)
            if found is None:
                raise
            return found

    def find_answer(self, topic_id: TopicId, marker: str) -> Written | None:
        """See `Care.find_answer`."""
        for page in self._pages(topic_id, 0):
            for post in page.inner("post_stream").each("posts"):
                if self._is_own(post) and marker in (post.maybe_text("raw") or ""):
                    return _as_written(post)
        return None

    def write_to(
        self, recipients: Sequence[str], title: str, markdown: str, marker: str
    ) -> Written:
        """See `Care.write_to`."""
        body = {
            "archetype": "private_message",
            "target_recipients": ",".join(recipients),
            "title": title,
            "raw": markdown,
            "auto_track": "false",
        }
        try:
            return self._written(body, marker)
        except RateLimitedError:
            raise
        except (ForumUnavailableError, ForumProtocolError):
            found = self.find_sent(title, marker)
            if found is None:
                raise
            return found

    def find_sent(self, title: str, marker: str) -> Written | None:
        """See `Care.find_sent`."""
        path = f"/topics/private-messages-sent/{quote(self._username, safe='')}.json"
        with self._read(path) as found:
            ids = [
                TopicId(each.whole("id"))
                for each in found.inner("topic_list").each("topics")
                if each.maybe_text("title") == title
            ]
        for topic_id in ids:
            there = self.find_answer(topic_id, marker)
            if there is not None:
                return there
        return None

    def _written(self, body: Mapping[str, Any], marker: str) -> Written:
        if marker not in body["raw"]:
            raise ValueError("a message without its marker could not be found again")
        answer = self._channel.request("POST", "/posts.json", body=body)
        with as_protocol_error(answer.url):
            fields = Fields(json_of(answer), answer.url)
            return _as_written(fields.inner("post") if fields.has("post") else fields)

    # -- all of these ------------------------------------------------------

    def _letters_in(self, found: Fields) -> list[Letter]:
        posts = found.inner("post_stream").each("posts")
        return [
            _letter(post)
            for post in posts
            if not self._is_own(post)
            and (post.maybe_whole("post_type") or 1) in _WRITTEN
        ]

    def _is_own(self, who: Fields) -> bool:
        username = who.maybe_text("username") or ""
        return username.casefold() == self._username.casefold()

    @contextmanager
    def _read(
        self, path: str, params: Params | None = None, *, repeat: bool = True
    ) -> Iterator[Fields]:
        answer = self._channel.request("GET", path, params=params, repeat=repeat)
        with as_protocol_error(answer.url):
            yield Fields(json_of(answer), answer.url)


@contextmanager
def _nameless(path: str) -> Iterator[None]:
    """Errors are logged: those about a profile must not tell whose it is."""
    try:
        yield
    except ForumError as exc:
        exc.url = exc.url.replace(path, "/u/….json")
        exc.args = (str(exc).replace(path, "/u/….json"),)
        raise


def _likes(post: Fields) -> int:
    if not post.has("actions_summary"):
        return 0
    return sum(
        action.maybe_whole("count") or 0
        for action in post.each("actions_summary")
        if action.whole("id") == LIKE
    )


def _reactions(post: Fields) -> Mapping[str, int]:
    if not post.has("reactions"):
        return {}
    return {each.text("id"): each.whole("count") for each in post.each("reactions")}


def _letter(post: Fields) -> Letter:
    concealed = any(post.flag(name) for name in _CONCEALED) or post.has("deleted_at")
    return Letter(
        number=post.whole("post_number"),
        author=post.maybe_text("username") or "",
        # Without an account there is nobody left to hear, as with a bot.
        author_id=post.maybe_whole("user_id") or 0,
        staff=post.flag("staff") or post.flag("admin") or post.flag("moderator"),
        raw="" if concealed else post.maybe_text("raw") or "",
        created_at=post.moment("created_at"),
        reply_to=post.maybe_whole("reply_to_post_number"),
        automatic=post.flag("is_auto_generated"),
    )


def _last(page: Fields) -> int:
    posts = page.inner("post_stream").each("posts")
    return max((post.whole("post_number") for post in posts), default=0)


def _as_written(post: Fields) -> Written:
    return Written(
        TopicId(post.whole("topic_id")),
        PostId(post.whole("id")),
        post.whole("post_number"),
    )
