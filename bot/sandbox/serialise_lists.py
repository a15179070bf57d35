"""Topics as they stand in lists → the JSON that a reader of the forum gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from bot.sandbox.pings import plain_text
from bot.sandbox.records import PostType, Topic
from bot.sandbox.serialise import Json, View, aged, stamp, tags_json, user_json


def basic_topic_json(view: View, topic: Topic) -> Json:
    """What every form of a topic shares."""
    seen = view.state.seen_posts(topic, None)
    title = view.title(topic)
    last = view.state.last_post(topic)
    return {
        "id": topic.id,
        "title": title,
        "fancy_title": escape(title),
        "slug": topic.slug,
        "posts_count": len(seen),
        "created_at": stamp(topic.created_at),
        "views": topic.views,
        "reply_count": sum(post.reply_to is not None for post in seen),
        "like_count": sum(post.like_count for post in seen),
        "last_posted_at": stamp(last.created_at if last else None),
        "visible": topic.visible,
        "closed": topic.closed,
        "archived": topic.archived,
        "has_summary": False,
        "archetype": topic.archetype,
        "category_id": topic.category_id,
        "featured_link": None,
        "pinned": bool(topic.pinned),
        "pinned_globally": topic.pinned == "globally",
        # Falls back when the last post is removed, though its number is never given
        # again; a post that is removed before others leaves a gap. Staff have their
        # own: whispers count.
        "highest_post_number": max(
            (post.number for post in view.state.seen_posts(topic, view.reader)),
            default=0,
        ),
        "image_url": None,
        "tags": tags_json(view, topic.tags),
        "tags_descriptions": {},
    }


def list_item_json(view: View, topic: Topic, *, suggested: bool = False) -> Json:
    """A topic in a list."""
    state = view.state
    posters = _posters(view, topic)
    found = basic_topic_json(view, topic) | {
        "bumped": True,
        "bumped_at": stamp(topic.bumped_at),
        "unseen": False,
        "unpinned": None,
        "bookmarked": None if view.reader is None else False,
        "liked": None if view.reader is None else False,
        "has_accepted_answer": bool(topic.accepted),
        "can_have_answer": not topic.private,
    }
    first = state.post_at(topic.id, 1)
    if topic.pinned and first is not None:
        found["excerpt"] = escape(plain_text(first.cooked)[:220], quote=False)
    if suggested:
        for poster in posters:
            poster["user"] = user_json(view, state.users[poster.pop("user_id")])
            del poster["primary_group_id"]
        del found["has_summary"], found["pinned_globally"]
    else:
        last = state.last_post(topic)
        author = state.users[last.user_id if last else topic.user_id]
        found["last_poster_username"] = author.username
        found["op_like_count"] = first.like_count if first else 0
    found["posters"] = posters
    if topic.private:
        found["allowed_user_count"] = len(topic.recipients | {topic.user_id})
        found["participants"] = []
    return aged(view, found, "can_have_answer op_like_count")


def _posters(view: View, topic: Topic) -> list[Json]:
    """Up to five members: the asker first, whoever wrote last marked as latest."""
    last = view.state.last_post(topic)
    latest = last.user_id if last else topic.user_id
    counted = Counter(
        post.user_id
        for post in view.state.seen_posts(topic, None)
        if post.type is not PostType.SMALL_ACTION
    )
    frequent = [user_id for user_id, _count in counted.most_common()]
    chosen = list(dict.fromkeys([topic.user_id, *frequent]))[:4]
    if latest not in chosen:
        chosen.append(latest)
    posters: list[Json] = []
    for user_id in chosen:
        roles = ["Original Poster"] if user_id == topic.user_id else []
        if user_id == latest:
            roles.append("Most Recent Poster")
        elif not roles:
            roles.append("Frequent Poster")
        extras = "latest" if user_id == latest else None
        if len(chosen) == 1:
            extras = "latest single"
        posters.append(
            {
                "extras": extras,
                "description": ", ".join(roles),
                "user_id": user_id,
                "primary_group_id": None,
            }
        )
    return posters


def list_json(
    view: View, topics: Sequence[Topic], more: Json, *, per_page: int
) -> Json:
    """The envelope of a list.

    Args:
        more: Keys of this kind of list, such as ``more_topics_url``.
    """
    items = [list_item_json(view, topic) for topic in topics]
    ids = {poster["user_id"] for item in items for poster in item["posters"]}
    users = [user_json(view, view.state.users[user_id]) for user_id in sorted(ids)]
    top = Counter(tag for topic in topics for tag in topic.tags).most_common(10)
    logged_in: Json = {}
    if view.reader is not None:
        logged_in = {"draft": None, "draft_key": "new_topic", "draft_sequence": 0}
    found: Json = {
        "users": users,
        "primary_groups": [],
        "flair_groups": [],
        "topic_list": {
            "can_create_topic": view.reader is not None,
            **logged_in,
            **more,
            "per_page": per_page,
            "top_tags": tags_json(view, [tag for tag, _count in top]),
            "topics": items,
        },
    }
    return aged(view, found, "flair_groups")
