"""What becomes of the bot's posts, and what members write to it: plain records, and
what a forum must be able to do for whoever looks after them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from kb.types import PostId, TopicId

if TYPE_CHECKING:
    from bot.posts import Place


@dataclass(frozen=True, slots=True)
class OwnPost:
    """A reply of ours as it stands now.

    Attributes:
        author_id: Our own account.
        raw: Its Markdown; empty where the forum does not tell it any more.
        likes: How many like it.
        reactions: How often it was reacted to with which emoji; empty without the
            plug-in, or without a reaction.
        hidden: Flags of members hid it.
        withdrawn: A stub stands in its place.
        deleted: A moderator removed it, and we may still see it.
        accepted: It is marked as the solution.
    """

    id: PostId
    topic_id: TopicId
    number: int
    author_id: int
    raw: str
    likes: int = 0
    reactions: Mapping[str, int] | None = None
    hidden: bool = False
    withdrawn: bool = False
    deleted: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A member, as far as it matters for a mark, or for who could help.

    Attributes:
        staff: A moderator or administrator.
        fields: What the profile says, by the number of the field.
        location: As the member wrote it; empty: not told.
        group: That the member stands for on the forum; empty: none.
        hidden: The member does not want the profile to be seen. Staff see it, and so
            do we with a key of theirs.
    """

    id: int
    username: str
    staff: bool = False
    fields: Mapping[int, str] | None = None
    location: str = ""
    group: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """Somebody's reaction to a post.

    Attributes:
        name: Of the emoji.
    """

    name: str
    person: Person


@dataclass(frozen=True, slots=True)
class Letter:
    """A post that somebody else wrote, in a topic or in a private message.

    Attributes:
        author_id: Zero and below are the forum's own bots.
        staff: The forum says that its author is a moderator or administrator.
        raw: Its Markdown; empty when it is hidden or withdrawn.
        reply_to: Number of the post that it answers.
        automatic: A program sent it.
        subject: Of the conversation, where it begins one: many say all in it.
    """

    number: int
    author: str
    author_id: int
    staff: bool
    raw: str
    created_at: datetime
    reply_to: int | None = None
    automatic: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a reply of ours.

    Attributes:
        solution: Number of the post that is marked as the solution, where it is
            somebody else's.
        letters: Posts of others below ours, the next ones.
    """

    solution: int | None
    letters: tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A private message that we may read.

    Attributes:
        highest: Number of its last post.
    """

    topic_id: TopicId
    highest: int


@dataclass(frozen=True, slots=True)
class Letters:
    """What is new in a private message.

    Attributes:
        direct: Somebody wrote to us alone; else it is a group's, or we began it.
        letters: What others wrote, in order; the first with the subject above it.
        last: Number of the last post that was read, ours included.
    """

    direct: bool
    letters: tuple[Letter, ...]
    last: int


class Care(Protocol):
    """What looking after our own posts, and our mail, needs of a forum.

    Raises, from every method:
        ForumUnavailableError: Later it may work; whether something was written is
            open, and writing the same again does no harm where it is said.
        ForumRejectedError: It is not there, not for us, or not acceptable.
        ForumProtocolError: The answer is not Discourse's.
    """

    @property
    def base_url(self) -> str:
        """Address of the forum."""

    def own_post(self, post_id: PostId) -> OwnPost:
        """A post of ours."""

    def around(self, topic_id: TopicId, number: int) -> Around:
        """The topic around our post of that number."""

    def likers(self, post_id: PostId) -> list[Person]:
        """Who likes a post; whether they are staff is not told."""

    def reactions(self, post_id: PostId) -> list[Reaction]:
        """Who reacted to a post with what."""

    def person(self, username: str) -> Person:
        """A member's public profile."""

    def field_number(self, name: str) -> int | None:
        """The number of a field of profiles; ``None`` when there is none of it."""

    def edit(self, post: OwnPost, markdown: str, reason: str) -> None:
        """Replace the text of a post of ours that reads as in *post*.

        Raises:
            ForumRejectedError: Status 409: it reads otherwise by now.
        """

    def withdraw(self, post_id: PostId) -> None:
        """Delete a post of ours; one that is gone is no error."""

    def conversations(self, page: int) -> tuple[list[Conversation], bool]:
        """Our private messages, newest activity first, and whether more follow."""

    def letters(self, topic_id: TopicId, after: int) -> Letters:
        """What is new in a private message since the post of that number."""

    def answer_message(self, topic_id: TopicId, markdown: str, marker: str) -> Place:
        """Write into a private message; *markdown* holds *marker*, by which
        `find_answer` finds it again when it is not known whether it was written."""

    def find_answer(self, topic_id: TopicId, marker: str) -> Place | None:
        """What we wrote into a private message, by its marker."""

    def write_to(
        self, recipients: Sequence[str], title: str, markdown: str, marker: str
    ) -> Place:
        """Begin a private message; *markdown* holds *marker*."""

    def find_sent(self, title: str, marker: str) -> Place | None:
        """A private message that we began, by title and marker, among the newest."""
