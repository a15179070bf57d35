"""What a community is made of: users, categories, topics, posts, notices.

Unlike the records that cross the program's borders, these are the mutable state
of a server, so they are not frozen. Only `Community` changes them, under its lock.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Literal

SYSTEM_ID = -1
DISCOBOT_ID = -2


class PostType(IntEnum):
    """What a post is; the numbers are the forum's own."""

    REGULAR = 1
    MODERATOR_ACTION = 2
    SMALL_ACTION = 3
    WHISPER = 4


class NoticeType(IntEnum):
    """Why a member is notified; the numbers are the forum's own."""

    MENTIONED = 1
    REPLIED = 2
    QUOTED = 3
    LIKED = 5
    PRIVATE_MESSAGE = 6
    POSTED = 9
    LINKED = 11
    CUSTOM = 14
    GROUP_MENTIONED = 15


# A post that causes one of these calls on somebody who did not take part.
PINGS = frozenset(
    {
        NoticeType.MENTIONED,
        NoticeType.QUOTED,
        NoticeType.LINKED,
        NoticeType.GROUP_MENTIONED,
    }
)

Pinned = Literal["", "category", "globally"]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each site of the community is served, without a trailing slash.

    The defaults are the placeholders that written content uses; they stand in
    texts until a server knows its port.
    """

    forum: str = "{forum}"
    docs: str = "{docs}"
    academy: str = "{academy}"
    videos: str = "{videos}"

    def replaced(self, text: str, by: Addresses) -> str:
        """*text* with these addresses replaced by those of *by*.

        >>> Addresses().replaced("see {forum}/t/1", Addresses(forum="http://f"))
        'see http://f/t/1'
        """
        # The forum's own address is a prefix of the others when served.
        for name in ("docs", "academy", "videos", "forum"):
            text = text.replace(getattr(self, name), getattr(by, name))
        return text


@dataclass(slots=True)
class User:
    """A member; ids of zero and below are the forum's own bots.

    Attributes:
        fields: What the member's profile says, by the number of the field.
        location: As the member wrote it.
        primary_group: The one of *groups* that the member stands for.
        hides_profile: It is for staff alone.
    """

    id: int
    username: str
    name: str
    created_at: datetime
    trust_level: int = 2
    admin: bool = False
    moderator: bool = False
    suspended: bool = False
    groups: frozenset[str] = frozenset()
    fields: dict[int, str] = field(default_factory=dict)
    location: str = ""
    primary_group: str | None = None
    hides_profile: bool = False

    @property
    def staff(self) -> bool:
        return self.admin or self.moderator

    @property
    def all_groups(self) -> frozenset[str]:
        """Own groups and those that the forum keeps by itself."""
        automatic = {f"trust_level_{level}" for level in range(self.trust_level + 1)}
        if self.staff:
            automatic.add("staff")
        if self.admin:
            automatic.add("admins")
        if self.moderator:
            automatic.add("moderators")
        return self.groups | automatic


@dataclass(slots=True)
class Category:
    """A category; *groups* may read it when it is read-restricted."""

    id: int
    name: str
    slug: str
    parent_id: int | None = None
    description: str = ""
    read_restricted: bool = False
    groups: frozenset[str] = frozenset({"staff"})
    topic_id: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link that a post holds.

    Attributes:
        url: As in the post.
        title: Text of the link.
        topic_id: The topic it leads to, when on this forum.
        post_number: The post it leads to; 1 when the link names none.
        quoted: It stands for a quote of that post.
    """

    url: str
    title: str
    topic_id: int | None = None
    post_number: int = 1
    quoted: bool = False


@dataclass(slots=True)
class Post:
    """A post; *cooked* is what readers are served unless it is hidden.

    Attributes:
        given_cooked: HTML that was given with the data instead of being cooked.
        likes: Likes of members that are not modelled.
        liked_by: Ids of the modelled members who like it.
        reactions: What members reacted with, where it is no like, by their ids.
        user_deleted: Its author withdrew it; a stub shows instead.
        auto_generated: A program sent it, by e-mail.
        translations: Machine-translated HTML by locale.
        counted_at: When its last change counted as a new version.
    """

    id: int
    topic_id: int
    number: int
    user_id: int
    raw: str
    cooked: str
    created_at: datetime
    updated_at: datetime
    counted_at: datetime
    type: PostType = PostType.REGULAR
    given_cooked: str | None = None
    reply_to: int | None = None
    likes: int = 0
    liked_by: set[int] = field(default_factory=set)
    reactions: dict[int, str] = field(default_factory=dict)
    hidden: bool = False
    user_deleted: bool = False
    deleted_at: datetime | None = None
    action_code: str | None = None
    via_email: bool = False
    auto_generated: bool = False
    version: int = 1
    edit_reason: str | None = None
    translations: dict[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()

    @property
    def like_count(self) -> int:
        return self.likes + len(self.liked_by)


@dataclass(slots=True)
class Topic:
    """A topic or a private message.

    Attributes:
        category_id: ``None`` for private messages.
        recipients: Ids of those who may read a private message.
        accepted: Ids of the posts that are marked as its solution.
        levels: Notification level by user id (0 muted … 3 watching).
        highest: The highest post number ever given, deleted posts included.
        accepted_by: Who marked each accepted post as the solution, by its id.
        slow_mode_s: Seconds that a member waits between replies; 0 for none.
    """

    id: int
    title: str
    slug: str
    category_id: int | None
    user_id: int
    created_at: datetime
    bumped_at: datetime
    tags: list[str] = field(default_factory=list)
    visible: bool = True
    closed: bool = False
    archived: bool = False
    pinned: Pinned = ""
    archetype: str = "regular"
    recipients: set[int] = field(default_factory=set)
    deleted_at: datetime | None = None
    views: int = 0
    accepted: list[int] = field(default_factory=list)
    levels: dict[int, int] = field(default_factory=dict)
    translations: dict[str, str] = field(default_factory=dict)
    highest: int = 0
    accepted_by: dict[int, int] = field(default_factory=dict)
    slow_mode_s: int = 0

    @property
    def private(self) -> bool:
        return self.archetype == "private_message"


@dataclass(frozen=True, slots=True)
class Notification:
    """One notice to one member."""

    id: int
    user_id: int
    type: NoticeType
    topic_id: int
    post_number: int
    from_user_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PendingPost:
    """A post that waits for a moderator, with all it will be published with."""

    id: int
    user_id: int
    topic_id: int | None
    title: str | None
    raw: str
    created_at: datetime
    reply_to: int | None = None
    category_id: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """A member's call for a moderator; *kind* is the forum's number for the reason."""

    post_id: int
    user_id: int
    kind: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that webhooks may tell: *kind* is the key of its payload."""

    name: str
    kind: str
    topic: Topic
    post: Post | None = None


def slugify(title: str) -> str:
    """The slug of a title, as the forum's default settings make it.

    >>> slugify("Où est l'indicateur ? (2.41)")
    'ou-est-lindicateur-2-41'
    >>> slugify("???")
    'topic'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.sub(r"['’\"]", "", plain).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:80].strip("-") or "topic"
