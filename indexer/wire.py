"""Discourse's JSON as records.

Pure functions. What decides who may read a text, or what the text is, must be
as expected, and a bad field is named. Decorations (tags, likes, views) are read
leniently: they have changed shape before and must not stop a harvest.

`fancy_title` is never used: it is escaped HTML, and maybe a translation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from indexer.fields import Fields
from kb.errors import RecordError
from kb.store.rows import clean
from kb.types import PostId, TopicId, content_hash

_REGULAR_POSTS = frozenset({1, 2})  # regular, and a moderator's: both are text
_POST_TYPES = {3: "small action", 4: "whisper"}
_LIKE = 2
PRIVATE_MESSAGE = "private_message"


@dataclass(frozen=True, slots=True)
class Category:
    """A category of a forum.

    Attributes:
        restricted: Not everybody may read it.
        about_topic_id: The topic that describes the category.
    """

    id: int
    name: str
    slug: str
    parent_id: int | None
    restricted: bool
    about_topic_id: TopicId | None


@dataclass(frozen=True, slots=True)
class TopicItem:
    """A topic as a list shows it.

    Attributes:
        bumped_at: When it last moved to the top of the list.
        pinned: Shown first, wherever it belongs by time.
        mark: Changes with everything that a list tells of a topic's content.
    """

    id: TopicId
    title: str
    category_id: int | None
    archetype: str
    bumped_at: datetime
    pinned: bool
    visible: bool
    mark: str


@dataclass(frozen=True, slots=True)
class TopicList:
    """One page of a list of topics.

    Attributes:
        broken: ``(key, reason)`` of items that could not be read.
        has_more: Another page follows.
    """

    items: tuple[TopicItem, ...]
    broken: tuple[tuple[str, str], ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Post:
    """A post that its readers see as text.

    Attributes:
        user_id: ``None`` when the account is gone; below 1 for the forum's own.
    """

    id: PostId
    number: int
    cooked: str
    created_at: datetime
    updated_at: datetime | None
    user_id: int | None
    username: str | None
    reply_to: int | None
    likes: int
    accepted: bool


@dataclass(frozen=True, slots=True)
class Posts:
    """Some posts of a topic, in its order.

    Attributes:
        met: Ids of all posts in the answer, dropped ones included.
        dropped: ``(post number, cause)`` of what must not be kept.
        broken: ``(post number, problem)`` of what cannot be read; the others of
            its topic can.
    """

    kept: tuple[Post, ...]
    met: tuple[PostId, ...]
    last_number: int
    dropped: tuple[tuple[int, str], ...] = ()
    broken: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TopicPage:
    """A topic with its first posts.

    Attributes:
        stream: Ids of all its posts; ``None`` for a topic of 10,000 and more,
            where the forum leaves the list out.
        deleted: Only staff still sees it.
        accepted: Numbers of the posts that the topic names as its solutions.
    """

    id: TopicId
    title: str
    category_id: int | None
    archetype: str
    tags: tuple[str, ...]
    created_at: datetime | None
    views: int
    visible: bool
    closed: bool
    deleted: bool
    posts: Posts
    stream: tuple[PostId, ...] | None
    accepted: frozenset[int]


def read_categories(data: Any, source: str) -> tuple[Category, ...]:
    """Categories of ``/site.json`` or ``/categories.json``, nested ones included.

    Raises:
        RecordError: The list is missing, or a category has no id or name.
    """
    fields = Fields(data, source)
    if fields.has("category_list"):
        fields = fields.inner("category_list")
    found: dict[int, Category] = {}
    _collect_categories(fields, "categories", found)
    return tuple(found.values())


def _collect_categories(fields: Fields, name: str, found: dict[int, Category]) -> None:
    for item in fields.each(name):
        category = _category(item)
        found[category.id] = category
        if item.has("subcategory_list"):
            _collect_categories(item, "subcategory_list", found)


def _category(item: Fields) -> Category:
    topic_url = item.raw("topic_url")
    path = topic_url if isinstance(topic_url, str) else ""
    last = path.rstrip("/").rpartition("/")[2]
    return Category(
        id=item.whole("id"),
        name=item.text("name"),
        slug=item.maybe_text("slug") or "",
        parent_id=item.maybe_whole("parent_category_id"),
        restricted=item.flag("read_restricted"),
        about_topic_id=TopicId(int(last)) if last.isdecimal() else None,
    )


def read_topic_list(data: Any, source: str) -> TopicList:
    """One page of ``/latest.json`` or of another list of topics.

    Raises:
        RecordError: There is no list; a bad item is reported in ``broken``.
    """
    fields = Fields(data, source).inner("topic_list")
    items: list[TopicItem] = []
    broken: list[tuple[str, str]] = []
    for index in range(fields.count("topics")):
        try:
            items.append(_topic_item(fields.item("topics", index)))
        except RecordError as exc:
            key = _item_key(fields.raw("topics")[index], exc.field)
            broken.append((key, f"{exc.field}: {exc.problem}"))
    return TopicList(tuple(items), tuple(broken), fields.has("more_topics_url"))


def _item_key(item: Any, address: str) -> str:
    """The topic's id when at least that can be read, else where it stood."""
    number = item.get("id") if isinstance(item, dict) else None
    return str(number) if isinstance(number, int) else address


def _topic_item(item: Fields) -> TopicItem:
    bumped_at = (
        item.maybe_moment("bumped_at")
        or item.maybe_moment("last_posted_at")
        or item.moment("created_at")
    )
    title = item.text("title")
    category_id = item.maybe_whole("category_id")
    visible = item.flag("visible", default=True)
    return TopicItem(
        id=TopicId(item.whole("id")),
        title=title,
        category_id=category_id,
        archetype=item.maybe_text("archetype") or "regular",
        bumped_at=bumped_at,
        pinned=item.flag("pinned") or item.flag("pinned_globally"),
        visible=visible,
        mark=content_hash(
            title,
            category_id,
            visible,
            bumped_at,
            item.raw("posts_count"),
            item.raw("highest_post_number"),
            item.raw("closed"),
            item.raw("archived"),
            item.raw("has_accepted_answer"),
            read_tags(item.raw("tags")),
        ),
    )


def read_tags(value: Any) -> tuple[str, ...]:
    """Names of tags, which are strings, or objects since early 2026.

    >>> read_tags(["a", {"id": 2, "name": "Bé", "slug": "b", "original_name": "b"}])
    ('a', 'b')
    """
    names: list[str] = []
    for tag in value if isinstance(value, list) else []:
        if isinstance(tag, dict):
            # A name may be a translation; then the original stands beside it.
            tag = tag.get("original_name") or tag.get("name") or tag.get("slug")
        if isinstance(tag, str) and tag:
            names.append(clean(tag))
    return tuple(names)


def read_topic(data: Any, source: str) -> TopicPage:
    """A topic from ``/t/{id}.json``.

    Raises:
        RecordError: A field that matters is missing or of another type.
    """
    fields = Fields(data, source)
    stream = fields.inner("post_stream")
    ids = stream.wholes("stream") if stream.has("stream") else None
    return TopicPage(
        id=TopicId(fields.whole("id")),
        title=fields.text("title"),
        category_id=fields.maybe_whole("category_id"),
        archetype=fields.maybe_text("archetype") or "regular",
        tags=read_tags(fields.raw("tags")),
        created_at=fields.maybe_moment("created_at"),
        views=_count(fields.raw("views")),
        visible=fields.flag("visible", default=True),
        closed=fields.flag("closed") or fields.flag("archived"),
        deleted=fields.has("deleted_at"),
        posts=_posts(stream),
        stream=None if ids is None else tuple(PostId(i) for i in ids),
        accepted=_accepted_numbers(fields),
    )


def read_posts(data: Any, source: str) -> Posts:
    """Posts from ``/t/{id}/posts.json``.

    Raises:
        RecordError: As for `read_topic`.
    """
    return _posts(Fields(data, source).inner("post_stream"))


def _posts(stream: Fields) -> Posts:
    kept: list[Post] = []
    met: list[PostId] = []
    dropped: list[tuple[int, str]] = []
    broken: list[tuple[int, str]] = []
    last = 0
    for item in stream.each("posts"):
        met.append(PostId(item.whole("id")))
        number = item.whole("post_number")
        last = max(last, number)
        cause = _cause_to_drop(item)
        if cause:
            dropped.append((number, cause))
            continue
        try:
            kept.append(_post(item, number))
        except RecordError as exc:
            broken.append((number, f"{exc.field}: {exc.problem}"))
    return Posts(tuple(kept), tuple(met), last, tuple(dropped), tuple(broken))


def _cause_to_drop(item: Fields) -> str:
    """Why a post is not text that its readers see; empty when it is."""
    kind = item.maybe_whole("post_type")
    if kind is not None and kind not in _REGULAR_POSTS:
        return _POST_TYPES.get(kind, f"post type {kind}")
    if item.flag("hidden") or item.flag("cooked_hidden"):
        return "hidden"
    if item.flag("user_deleted") or item.has("deleted_at"):
        return "deleted"
    return ""


def _post(item: Fields, number: int) -> Post:
    return Post(
        id=PostId(item.whole("id")),
        number=number,
        cooked=item.text("cooked"),
        created_at=item.moment("created_at"),
        updated_at=item.maybe_moment("updated_at"),
        user_id=item.maybe_whole("user_id"),
        username=item.maybe_text("username"),
        reply_to=item.maybe_whole("reply_to_post_number"),
        likes=_likes(item.raw("actions_summary")),
        accepted=item.raw("accepted_answer") is True,
    )


def _accepted_numbers(fields: Fields) -> frozenset[int]:
    """Post numbers from ``accepted_answers`` (since May 2026) or its elder."""
    several = fields.raw("accepted_answers")
    answers = several if isinstance(several, list) else [fields.raw("accepted_answer")]
    return frozenset(
        answer["post_number"]
        for answer in answers
        if isinstance(answer, dict) and isinstance(answer.get("post_number"), int)
    )


def _likes(actions: Any) -> int:
    """Likes stand among the actions, and are left out when there are none."""
    items: Iterable[Any] = actions if isinstance(actions, list) else ()
    return sum(
        _count(item.get("count"))
        for item in items
        if isinstance(item, dict) and item.get("id") == _LIKE
    )


def _count(value: Any) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool)
    return value if usable and 0 <= value < 2**31 else 0
