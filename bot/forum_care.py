"""A Discourse forum, as far as our own posts and our private messages go.

What is written, `bot.posts` writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

from bot.care import (
    Around,
    Conversation,
    Letter,
    Letters,
    OwnPost,
    Person,
    Reaction,
)
from bot.forum_json import as_protocol_error, json_of
from bot.posts import Place, Posted, Posts
from bot.reading import is_gone, is_staff
from indexer.channel import Channel, Params
from indexer.fields import Fields
from kb.errors import ForumError
from kb.types import PostId, TopicId

LIKE = 2
# What of a forum's posts people write: no small actions, and whispers only where what
# is looked after is one itself.
_WRITTEN, _WHISPER = frozenset({1, 2}), 4
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
        self._posts = Posts(channel, username)
        self._field_numbers: Mapping[str, int] | None = None
        self._people: dict[str, Person] = {}

    @property
    def base_url(self) -> str:
        """See `Care.base_url`."""
        return self._channel.base_url

    # -- our own replies ---------------------------------------------------

    def own_post(self, post_id: PostId) -> OwnPost:
        """See `Care.own_post`."""
        return self._posts.own_post(post_id)

    def around(self, topic_id: TopicId, number: int) -> Around:
        """See `Care.around`."""
        params = {"include_raw": "true"}
        with self._read(f"/t/{topic_id}/{number}.json", params) as topic:
            is_whisper = _type_of(topic, number) == _WHISPER
            types = _WRITTEN | {_WHISPER} if is_whisper else _WRITTEN
            letters = self._letters_in(topic, types)
            below = tuple(each for each in letters if each.number > number)
            return Around(self._solution(topic), below)

    def _solution(self, topic: Fields) -> int | None:
        # A list since May 2026, an object before, which may be null.
        if isinstance(topic.raw("accepted_answers"), list):
            answers = list(topic.each("accepted_answers"))
        elif topic.has("accepted_answer"):
            answers = [topic.inner("accepted_answer")]
        else:
            answers = []
        for answer in answers:
            if not self._posts.is_own(answer):
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
                    int(number): _said(value)
                    for number, value in told.items()
                    if number.isdecimal() and value is not None
                },
                location=user.maybe_text("location") or "",
                group=user.maybe_text("primary_group_name")
                or user.maybe_text("flair_name")
                or "",
                hidden=_is_hidden(user),
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
        self._posts.edit(post, markdown, reason)

    def withdraw(self, post_id: PostId) -> None:
        """See `Care.withdraw`."""
        self._posts.withdraw(post_id)

    # -- our mail ----------------------------------------------------------

    def conversations(self, page: int) -> tuple[list[Conversation], bool]:
        """See `Care.conversations`."""
        path = f"/topics/private-messages/{quote(self._username, safe='')}.json"
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
            title = topic.maybe_text("title") or ""
        letters: list[Letter] = []
        reached, pages = after, 0
        for page in self._pages(topic_id, after):
            letters += self._letters_in(page)
            reached, pages = _last(page), pages + 1
        # A last post that was removed keeps its number, and is not waited for.
        last = reached if pages == _MAX_PAGES else max(reached, highest)
        # Many say all that they want in the subject.
        first = (
            replace(each, subject=title) if each.number == 1 else each
            for each in letters
        )
        return Letters(direct, tuple(first), last)

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
            began is not None
            and not self._posts.is_own(began)
            and not groups
            and users <= 2
        )

    def answer_message(self, topic_id: TopicId, markdown: str, marker: str) -> Place:
        """See `Care.answer_message`."""
        return self._posts.add_to_message(topic_id, markdown, marker)

    def find_answer(self, topic_id: TopicId, marker: str) -> Place | None:
        """See `Care.find_answer`."""
        return self._posts.find_post(topic_id, marker)

    def write_to(
        self, recipients: Sequence[str], title: str, markdown: str, marker: str
    ) -> Place:
        """See `Care.write_to`."""
        return self._posts.message(title, markdown, marker, recipients)

    def find_sent(self, title: str, marker: str) -> Place | None:
        """See `Care.find_sent`."""
        return self._posts.find_message(title, marker)

    # -- what everybody may read, see `bot.report.delivery.Outbox` ------------

    def add_to_topic(self, topic_id: TopicId, markdown: str, marker: str) -> Posted:
        """See `Outbox.add_to_topic`."""
        return self._posts.add_to_topic(topic_id, markdown, marker)

    def find_in_topic(self, topic_id: TopicId, marker: str) -> Posted | None:
        """See `Outbox.find_in_topic`."""
        return self._posts.find_in_topic(topic_id, marker)

    # -- all of these ------------------------------------------------------

    def _letters_in(
        self, found: Fields, types: frozenset[int] = _WRITTEN
    ) -> list[Letter]:
        posts = found.inner("post_stream").each("posts")
        return [
            _letter(post)
            for post in posts
            if not self._posts.is_own(post)
            and (post.maybe_whole("post_type") or 1) in types
        ]

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


def _is_hidden(user: Fields) -> bool:
    """Staff are told all that a hidden profile holds, and that it is one among the
    member's options alone; older forums have one for it and for presence."""
    if not user.has("user_option"):
        return user.flag("profile_hidden")
    options = user.inner("user_option")
    both = options.flag("hide_profile_and_presence")
    return options.flag("hide_profile", default=both)


def _said(value: object) -> str:
    """What a field of a profile says; of some, several things may be chosen."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _letter(post: Fields) -> Letter:
    return Letter(
        number=post.whole("post_number"),
        author=post.maybe_text("username") or "",
        # Without an account there is nobody left to hear, as with a bot.
        author_id=post.maybe_whole("user_id") or 0,
        staff=is_staff(post),
        raw="" if is_gone(post) else post.maybe_text("raw") or "",
        created_at=post.moment("created_at"),
        reply_to=post.maybe_whole("reply_to_post_number"),
        automatic=post.flag("is_auto_generated"),
    )


def _type_of(topic: Fields, number: int) -> int | None:
    for post in topic.inner("post_stream").each("posts"):
        if post.whole("post_number") == number:
            return post.maybe_whole("post_type")
    return None


def _last(page: Fields) -> int:
    posts = page.inner("post_stream").each("posts")
    return max((post.whole("post_number") for post in posts), default=0)
