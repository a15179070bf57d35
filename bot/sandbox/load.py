"""Written data (YAML) → `Community`.

The format, one file for the site and one or more for threads::

    site.yaml
        users: [{id, username, name, trust_level, admin?, moderator?, groups?}]
        categories: [{id, name, slug, parent?, description, read_restricted?, groups?}]
        tags: [name]
    threads/*.yaml
        [{id, title, category, tags, user, created_at, visible?, closed?, archived?,
          pinned?, archetype?, recipients?, deleted?, views?, solved?,
          title_translations?,
          posts: [{user, at, raw, cooked?, likes?, reply_to?, hidden?, user_deleted?,
                   deleted?, type?, action_code?, via_email?, edited_at?,
                   translations?}]}]

Post numbers are positions from 1; post ids follow the time of writing over the whole
community, so both are stable as long as nothing older is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.sandbox.community import STUB, TOPIC_STUB, Community
from bot.sandbox.records import Pinned, Post, PostType, Topic
from kb.errors import RecordError

SAMPLE = Path(__file__).parent / "community"
_BEFORE_ALL = timedelta(days=1)


def load_sample(community: Community) -> Community:
    """Fill *community* with the sample that comes with the package."""
    return load(community, SAMPLE)


def load(community: Community, folder: Path) -> Community:
    """Fill an empty *community* from a folder in the format above.

    Raises:
        RecordError: A thread names a user or category that does not exist, or a
            field is missing.
    """
    site = _read(folder / "site.yaml")
    community.title = site.get("title", community.title)
    _add_site(community, site)
    threads = [
        (path.name, thread)
        for path in sorted((folder / "threads").glob("*.yaml"))
        for thread in _read(path) or ()
    ]
    entries = [
        (moment(post["at"]), thread["id"], number, thread, post)
        for name, thread in threads
        for number, post in enumerate(_checked(community, name, thread), start=1)
    ]
    entries.sort(key=lambda entry: entry[:3])
    if entries:
        _add_definitions(
            community, entries[0][0] - _BEFORE_ALL, max(e[1] for e in entries)
        )
    for _name, thread in threads:
        _add_topic(community, thread)
    for _at, topic_id, number, _thread, written in entries:
        _add_post(community, topic_id, number, written)
    for _name, thread in threads:
        _finish(community, thread)
    for post in community.posts.values():
        community.cook(post)
    return community


def moment(value: object) -> datetime:
    """A time as YAML gives it, in UTC.

    >>> moment("2024-03-01T10:00:00Z").isoformat()
    '2024-03-01T10:00:00+00:00'
    """
    when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506


# The C loader is the same safe loader, and ten times as fast where it is built in.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _add_site(community: Community, site: Mapping[str, Any]) -> None:
    for user in site.get("users", ()):
        known = {"id", "username", "name", "trust_level", "admin", "moderator"}
        options = {key: user[key] for key in known & user.keys()}
        community.add_user(**options, groups=user.get("groups", ()))
    for category in site.get("categories", ()):
        if any(
            known.slug == category["slug"] for known in community.categories.values()
        ):
            del community.categories[community.category(category["slug"]).id]
        known = {
            "id",
            "name",
            "slug",
            "parent",
            "description",
            "read_restricted",
            "groups",
        }
        community.add_category(
            **{key: category[key] for key in known & category.keys()}
        )
    for tag in site.get("tags", ()):
        community.add_tag(tag)


def _checked(
    community: Community, name: str, thread: Mapping[str, Any]
) -> Iterable[Mapping[str, Any]]:
    """The posts of *thread*, once its names are known to exist."""
    where = f"{name} topic {thread.get('id')}"
    for field in ("id", "title", "user", "created_at", "posts"):
        if field not in thread:
            raise RecordError(where, field, "expected a value, found none")
    posts: list[Mapping[str, Any]] = thread["posts"]
    writers = {thread["user"], *thread.get("recipients", ())}
    for username in writers | {post["user"] for post in posts}:
        if not community.has_user(username):
            raise RecordError(where, "user", f"no user is called {username!r}")
    slugs = {category.slug for category in community.categories.values()}
    if (
        thread.get("archetype") != "private_message"
        and thread.get("category") not in slugs
    ):
        problem = f"no category has the slug {thread.get('category')!r}"
        raise RecordError(where, "category", problem)
    return posts


def _add_definitions(community: Community, at: datetime, above: int) -> None:
    """The topics that introduce categories: each forum has them."""
    community.last_topic_id = max(community.last_topic_id, above)
    for category in community.categories.values():
        if not category.description or category.topic_id is not None:
            continue
        topic = community.start_topic(
            f"About the {category.name} category",
            user="system",
            category=category.slug,
            tags=(),
            at=at,
        )
        category.topic_id = topic.id
        topic.pinned = "category"
        _add_post(
            community,
            topic.id,
            1,
            {"user": "system", "at": at, "raw": category.description},
        )


def _add_topic(community: Community, thread: Mapping[str, Any]) -> None:
    private = thread.get("archetype") == "private_message"
    topic = community.start_topic(
        thread["title"],
        user=thread["user"],
        category=None if private else thread["category"],
        tags=thread.get("tags") or (),
        at=moment(thread["created_at"]),
        id=thread["id"],
    )
    if private:
        topic.archetype = "private_message"
        names = thread.get("recipients", ())
        topic.recipients = {community.user(name).id for name in names}
    topic.visible = thread.get("visible", True)
    topic.closed = thread.get("closed", False)
    topic.archived = thread.get("archived", False)
    topic.pinned = _pinned(thread.get("pinned", False))
    topic.views = thread.get("views", 0)
    topic.translations = dict(thread.get("title_translations", {}))


def _pinned(value: object) -> Pinned:
    if value == "category":
        return "category"
    return "globally" if value else ""


def _add_post(
    community: Community, topic_id: int, number: int, written: Mapping[str, Any]
) -> Post:
    at = moment(written["at"])
    changed = moment(written["edited_at"]) if "edited_at" in written else at
    withdrawn = written.get("user_deleted", False)
    stub = TOPIC_STUB if number == 1 else STUB
    post = Post(
        id=community.last_post_id + 1,
        topic_id=topic_id,
        number=number,
        user_id=community.user(written["user"]).id,
        raw=stub if withdrawn else written.get("raw", ""),
        cooked="",
        given_cooked=None if withdrawn else written.get("cooked"),
        created_at=at,
        updated_at=changed,
        counted_at=changed,
        version=1 if changed == at else 2,
        type=PostType(written.get("type", 1)),
        reply_to=written.get("reply_to"),
        likes=written.get("likes", 0),
        hidden=written.get("hidden", False),
        user_deleted=withdrawn,
        deleted_at=changed if written.get("deleted") else None,
        action_code=written.get("action_code"),
        via_email=written.get("via_email", False),
        translations=dict(written.get("translations", {})),
    )
    topic = community.topics[topic_id]
    topic.highest = max(topic.highest, number)
    topic.levels.setdefault(post.user_id, 2)
    community.index([post])
    return post


def _finish(community: Community, thread: Mapping[str, Any]) -> None:
    topic: Topic = community.topics[thread["id"]]
    last = community.last_post(topic)
    topic.bumped_at = last.created_at if last else topic.created_at
    if thread.get("deleted"):
        topic.deleted_at = topic.bumped_at + timedelta(days=1)
    solution = thread.get("solved")
    if solution:
        post = community.post_at(topic.id, int(solution))
        if post is None:
            raise RecordError(f"topic {topic.id}", "solved", f"has no post {solution}")
        topic.accepted = [post.id]
