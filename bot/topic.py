"""What the bot must know of a topic before it may answer, and how it marks its own.

Pure. `bot.forum` fills a `TopicView`, `bot.policy` judges it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from kb.types import TopicId

_MARKER = re.compile(r"<!-- baraza:topic=(\d+) -->")


@dataclass(frozen=True, slots=True)
class ReplyView:
    """A reply in a topic, as far as it says whether somebody was helped.

    Attributes:
        number: Of the post.
        author_id: Zero and below are the forum's own bots.
        staff: Its author is a moderator or administrator.
        cooked: Its HTML; empty when it is hidden or withdrawn.
        likes: Of whomever.
        accepted: It is marked as the solution.
    """

    number: int
    author: str
    author_id: int
    staff: bool
    cooked: str
    created_at: datetime
    likes: int = 0
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic as it stands on the forum now.

    Attributes:
        opening: HTML of the first post; empty when it is hidden or withdrawn.
        author_id: Zero and below are the forum's own bots.
        category: Slugs, outermost first; empty for a private message.
        category_name: Of the innermost; empty likewise.
        public: Everybody may read its category and all categories above it.
        deleted: Only staff still sees it.
        listed: False when moderators took it out of the lists.
        solved: A reply is marked as the solution.
        missing_posts: Numbers that were given to posts which are not there for us:
            they were removed, or are whispers.
        author_staff: Its author is a moderator or administrator.
        edited_at: When its first post was last changed; ``None``: never.
        pinned: Moderators keep it at the top of its list.
        replies: What others wrote below, in order, small actions and whispers left
            out; of a long topic the first ones.
        answered: A reply that the bot wrote in another topic stands here, since topics
            were merged or split; looked for among the posts that were read.
    """

    id: TopicId
    title: str
    url: str
    opening: str
    author: str
    author_id: int
    created_at: datetime
    category: tuple[str, ...] = ()
    category_name: str = ""
    tags: tuple[str, ...] = ()
    public: bool = True
    private_message: bool = False
    closed: bool = False
    archived: bool = False
    deleted: bool = False
    listed: bool = True
    solved: bool = False
    missing_posts: int = 0
    author_staff: bool = False
    edited_at: datetime | None = None
    pinned: bool = False
    replies: tuple[ReplyView, ...] = ()
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Cited:
    """A post that a reply would link to, as everybody may read it now.

    Attributes:
        problem: Why it must not be linked; empty when it may.
        cooked: Its HTML; empty when there is a problem.
    """

    problem: str = ""
    cooked: str = ""


def marker(topic_id: TopicId) -> str:
    """Stands in the raw text of every reply of ours; the forum shows it to nobody.

    By it a reply is found again when the confirmation of its posting got lost.

    >>> marker(TopicId(12))
    '<!-- baraza:topic=12 -->'
    """
    return f"<!-- baraza:topic={topic_id} -->"


def marked_topic(raw: str) -> TopicId | None:
    """The topic that the marker in *raw* names, or ``None`` without a marker.

    >>> marked_topic("See [this](https://x.org).\\n\\n<!-- baraza:topic=12 -->")
    12
    """
    found = _MARKER.search(raw)
    return TopicId(int(found[1])) if found else None
