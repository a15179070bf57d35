"""Discourse's JSON as records.

Pure functions. What decides who may read a text, or what the text is, must be
as expected, and a bad field is named. Decorations (tags, likes, views) are read
leniently: they have changed shape before and must not stop a harvest.

`fancy_title` is never used: it is escaped HTML, and maybe a translation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from indexer.fields import Fields
from indexer.originals import is_translation
from kb.errors import RecordError
from kb.store.rows import clean
from kb.types import Format, LeftOut, PostId, TopicId, content_hash

_REGULAR_POSTS = frozenset({1, 2})  # regular, and a moderator's: both are text
WHISPER = "whisper"
_POST_TYPES = {3: "small action", 4: WHISPER}
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
        posts_count: Of all its posts, small actions included.
        last_number: The number of its last post.
        solved: Whether it has an accepted answer; ``None`` where nobody says.
        facts: Changes with all that a list tells of it beside its posts.
        activity: Changes with its number of posts, and when it is bumped.
    """

    id: TopicId
    title: str
    category_id: int | None
    archetype: str
    bumped_at: datetime
    pinned: bool
    visible: bool
    facts: str
    activity: str
    created_at: datetime | None = None
    tags: tuple[str, ...] = ()
    closed: bool = False
    archived: bool = False
    solved: bool | None = None
    posts_count: int | None = None
    last_number: int | None = None
    views: int = 0
    likes: int = 0


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
        body: Its HTML, or its Markdown where the HTML is a translation of it.
        user_id: ``None`` when the account is gone; below 1 for the forum's own.
        accepted: The forum marks it as the solution; ``None`` where nobody says.
        staff: Its author is a moderator or administrator.
    """

    id: PostId
    number: int
    body: str
    format: Format
    created_at: datetime
    updated_at: datetime | None
    user_id: int | None
    username: str | None
    reply_to: int | None
    likes: int
    accepted: bool | None
    staff: bool = False


@dataclass(frozen=True, slots=True)
class FeedPost:
    """A post among the newest of all topics.

    Attributes:
        content: The post, or why its text must not be kept.
        title: Of its topic.
    """

    topic_id: TopicId
    category_id: int | None
    title: str
    content: Post | LeftOut

    @property
    def id(self) -> PostId:
        content = self.content
        return PostId(
            content.external_id if isinstance(content, LeftOut) else content.id
        )


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Some of the newest posts of all topics, newest first.

    Attributes:
        ids: Of all posts in the answer, each once, broken ones included.
        broken: ``(topic id, problem)`` of posts that cannot be read; the topic is
            ``None`` when not even that can.
        nameless: How many of these have no id that can be read.
    """

    posts: tuple[FeedPost, ...]
    ids: tuple[PostId, ...]
    broken: tuple[tuple[TopicId | None, str], ...] = ()
    nameless: int = 0


@dataclass(frozen=True, slots=True)
class Posts:
    """Some posts of a topic, in its order.

    Attributes:
        met: Ids of all posts in the answer, dropped ones included.
        dropped: What must not be kept, and why.
        broken: What cannot be read, and why; the others of its topic can.
    """

    kept: tuple[Post, ...]
    met: tuple[PostId, ...]
    last_number: int
    dropped: tuple[LeftOut, ...] = ()
    broken: tuple[LeftOut, ...] = ()


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
    likes: int
    visible: bool
    closed: bool
    archived: bool
    pinned: bool
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


def _collect_categories(
    fields: Fields, name: str, found: dict[int, Category], above: int | None = None
) -> None:
    for item in fields.each(name):
        category = _category(item)
        if category.parent_id is None:
            # Its place may say alone what it is in, and so who may read it.
            category = replace(category, parent_id=above)
        found[category.id] = category
        if item.has("subcategory_list"):
            _collect_categories(item, "subcategory_list", found, category.id)


def _category(item: Fields) -> Category:
    topic_url = item.raw("topic_url")
    path = topic_url if isinstance(topic_url, str) else ""
    last = path.rstrip("/").rpartition("/")[2]
    return Category(
        id=item.whole("id"),
        name=item.text("name"),
        slug=item.maybe_text("slug") or "",
        parent_id=item.maybe_whole("parent_category_id"),
        # Who may read it must be said; a category that says nothing is not for all.
        restricted=item.flag("read_restricted", default=True),
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
    pinned = item.flag("pinned") or item.flag("pinned_globally")
    closed, archived = item.flag("closed"), item.flag("archived")
    tags = read_tags(item.raw("tags"))
    solved = item.raw("has_accepted_answer")
    posts_count = item.raw("posts_count")
    last_number = item.raw("highest_post_number")
    return TopicItem(
        id=TopicId(item.number("id")),
        title=title,
        category_id=category_id,
        archetype=item.maybe_text("archetype") or "regular",
        bumped_at=bumped_at,
        pinned=pinned,
        visible=visible,
        facts=content_hash(
            title, category_id, visible, pinned, closed, archived, solved, tags
        ),
        activity=content_hash(bumped_at, posts_count, last_number),
        created_at=item.maybe_moment("created_at"),
        tags=tags,
        closed=closed,
        archived=archived,
        solved=solved if isinstance(solved, bool) else None,
        posts_count=posts_count if type(posts_count) is int else None,
        last_number=last_number if type(last_number) is int else None,
        views=_count(item.raw("views")),
        likes=_count(item.raw("like_count")),
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
    topic_id = TopicId(fields.number("id"))
    stream = fields.inner("post_stream")
    ids = stream.wholes("stream") if stream.has("stream") else None
    return TopicPage(
        id=topic_id,
        title=fields.text("title"),
        category_id=fields.maybe_whole("category_id"),
        archetype=fields.maybe_text("archetype") or "regular",
        tags=read_tags(fields.raw("tags")),
        created_at=fields.maybe_moment("created_at"),
        views=_count(fields.raw("views")),
        likes=_count(fields.raw("like_count")),
        visible=fields.flag("visible", default=True),
        closed=fields.flag("closed"),
        archived=fields.flag("archived"),
        pinned=fields.flag("pinned") or fields.flag("pinned_globally"),
        deleted=fields.has("deleted_at"),
        posts=_posts(stream, topic_id),
        stream=None if ids is None else tuple(PostId(i) for i in ids),
        accepted=_accepted_numbers(fields),
    )


def read_posts(data: Any, source: str, topic_id: TopicId | None = None) -> Posts:
    """Posts from ``/t/{id}/posts.json``.

    Args:
        topic_id: Posts that say that they are of another topic are passed over.

    Raises:
        RecordError: As for `read_topic`.
    """
    return _posts(Fields(data, source).inner("post_stream"), topic_id)


def read_feed(data: Any, source: str) -> FeedPage:
    """Posts of all topics from ``/posts.json``.

    Raises:
        RecordError: There is no list; a bad post is reported in ``broken``.
    """
    fields = Fields(data, source)
    posts: list[FeedPost] = []
    ids: dict[PostId, None] = {}
    broken: list[tuple[TopicId | None, str]] = []
    nameless = 0
    for index in range(fields.count("latest_posts")):
        post_id: int | None = None
        topic_id: int | None = None
        try:
            item = fields.item("latest_posts", index)
            post_id, topic_id = (
                _maybe_number(item, "id"),
                _maybe_number(item, "topic_id"),
            )
            if post_id in ids:
                continue
            posts.append(_feed_post(item))
        except RecordError as exc:
            where = None if topic_id is None else TopicId(topic_id)
            broken.append((where, f"{exc.field}: {exc.problem}"))
        if post_id is None:
            nameless += 1
        else:
            ids[PostId(post_id)] = None
    return FeedPage(tuple(posts), tuple(ids), tuple(broken), nameless)


def _maybe_number(item: Fields, name: str) -> int | None:
    """An id as far as it can be read, to tell whose the problem is."""
    try:
        return item.number(name)
    except RecordError:
        return None


def _feed_post(item: Fields) -> FeedPost:
    post_id, topic_id = PostId(item.number("id")), TopicId(item.number("topic_id"))
    number = item.number("post_number")
    cause = _cause_to_drop(item)
    return FeedPost(
        topic_id=topic_id,
        category_id=item.maybe_whole("category_id"),
        title=item.maybe_text("topic_title") or "",
        content=(
            _left_out(item, post_id, number, cause) if cause else _post(item, number)
        ),
    )


def _posts(stream: Fields, topic_id: TopicId | None) -> Posts:
    kept: list[Post] = []
    met: list[PostId] = []
    dropped: list[LeftOut] = []
    broken: list[LeftOut] = []
    last = 0
    for item in stream.each("posts"):
        own = item.maybe_whole("topic_id")
        if topic_id is not None and own is not None and own != topic_id:
            continue
        met.append(PostId(item.number("id")))
        number = item.number("post_number")
        last = max(last, number)
        cause = _cause_to_drop(item)
        if cause:
            dropped.append(_left_out(item, met[-1], number, cause))
            continue
        try:
            kept.append(_post(item, number))
        except RecordError as exc:
            broken.append(LeftOut(met[-1], number, f"{exc.field}: {exc.problem}"))
    return Posts(tuple(kept), tuple(met), last, tuple(dropped), tuple(broken))


def _left_out(item: Fields, post_id: PostId, number: int, cause: str) -> LeftOut:
    """Of a first post its author is kept: the topic's title is theirs."""
    author_id = _maybe_number(item, "user_id") if number == 1 else None
    return LeftOut(post_id, number, cause, author_id)


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
    body, format = _body(item)
    accepted = item.raw("accepted_answer")
    return Post(
        id=PostId(item.number("id")),
        number=number,
        body=body,
        format=format,
        created_at=item.moment("created_at"),
        updated_at=item.maybe_moment("updated_at"),
        user_id=item.maybe_whole("user_id"),
        username=item.maybe_text("username"),
        reply_to=item.maybe_whole("reply_to_post_number"),
        likes=_likes(item.raw("actions_summary")),
        accepted=accepted if isinstance(accepted, bool) else None,
        staff=any(item.raw(name) is True for name in ("admin", "moderator", "staff")),
    )


def _body(item: Fields) -> tuple[str, Format]:
    """The text as its author wrote it: HTML, for its structure and links.

    A forum may serve a machine's translation as HTML; the Markdown never is one.

    Raises:
        RecordError: It is a translation, and the original is not served.
    """
    cooked = item.text("cooked")
    raw = item.maybe_text("raw")
    translated = item.flag("is_localized")
    if raw is not None and (translated or is_translation(raw, cooked)):
        return raw, "markdown"
    if translated:
        raise item.bad("cooked", "is a translation, and there is no raw beside it")
    return cooked, "html"


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
