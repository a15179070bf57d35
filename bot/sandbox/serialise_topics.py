"""Whole topics → the JSON that a reader of the forum gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import chain, islice

from bot.sandbox.kitchen import parts_of
from bot.sandbox.pings import plain_text
from bot.sandbox.records import Post, Topic
from bot.sandbox.serialise import (
    Json,
    View,
    aged,
    link_counts,
    post_json,
    post_url,
    stamp,
    thread_of,
    user_json,
)
from bot.sandbox.serialise_lists import basic_topic_json, list_item_json

CHUNK = 20
_STAFF_MAY = (
    "can_move_posts can_delete can_remove_allowed_users can_convert_topic"
    " can_review_topic can_close_topic can_archive_topic can_split_merge_topic"
    " can_edit_staff_notes can_toggle_topic_visibility can_pin_unpin_topic"
    " can_moderate_category"
)


def topic_json(
    view: View, topic: Topic, page: Sequence[Post], *, raw: bool, current: int = 1
) -> Json:
    """A whole topic, with the posts of one *page* and the ids of all."""
    state = view.state
    seen = state.seen_posts(topic, view.reader)
    thread = thread_of(view, topic)
    first_day = topic.created_at.date()
    lookup = [
        [position, (view.state.now().date() - post.created_at.date()).days]
        for position, post in enumerate(seen, start=1)
        if position == 1 or post.created_at.date() != first_day
    ]
    words = sum(len(post.raw.split()) for post in seen)
    found = {
        "post_stream": {
            "posts": [
                post_json(view, post, thread, raw=raw, in_topic=True) for post in page
            ],
            "stream": [post.id for post in seen],
        },
        "timeline_lookup": lookup,
        "suggested_topics": [
            list_item_json(view, other, suggested=True)
            for other in _suggested(view, topic)
        ],
        **basic_topic_json(view, topic),
        "word_count": words,
        "deleted_at": stamp(topic.deleted_at),
        "user_id": topic.user_id,
        "pinned_at": stamp(topic.created_at) if topic.pinned else None,
        "pinned_until": None,
        "slow_mode_seconds": topic.slow_mode_s,
        "draft": None,
        "draft_key": f"topic_{topic.id}",
        "draft_sequence": None if view.reader is None else 0,
        "unpinned": None,
        "current_post_number": current,
        "deleted_by": None,
        "actions_summary": [
            {"id": number, "count": 0, "hidden": False, "can_act": bool(view.reader)}
            for number in (4, 7, 8)
        ],
        "chunk_size": CHUNK,
        "bookmarked": False,
        "bookmarks": [],
        "topic_timer": None,
        "message_bus_last_id": 0,
        "participant_count": len({post.user_id for post in seen}),
        "show_read_indicator": False,
        "thumbnails": None,
        "slow_mode_enabled_until": None,
        "details": _details(view, topic, seen),
        **_solution(view, topic),
    }
    if view.staff:
        everything = state.posts_of(topic.id)
        found["has_deleted"] = any(post.deleted_at for post in everything)
    return found


def _suggested(view: View, topic: Topic) -> list[Topic]:
    """The newest topics of its category, then of the others."""
    state = view.state
    newest = sorted(state.topics, reverse=True)
    near = (id_ for id_ in newest if state.topics[id_].category_id == topic.category_id)
    far = (id_ for id_ in newest if state.topics[id_].category_id != topic.category_id)
    others = (
        state.topics[id_]
        for id_ in chain(near, far)
        if id_ != topic.id and state.may_list(state.topics[id_], view.reader)
    )
    return list(islice(others, 5))


def _details(view: View, topic: Topic, seen: Sequence[Post]) -> Json:
    state, reader = view.state, view.reader
    last = state.last_post(topic)
    written = Counter(post.user_id for post in seen)
    found: Json = {
        "can_edit": view.staff,
        "notification_level": topic.levels.get(reader.id, 1) if reader else 1,
        **_permissions(view, topic),
        "participants": [
            _participant(view, user_id, count)
            for user_id, count in written.most_common(24)
        ],
        "created_by": user_json(view, state.users[topic.user_id]),
        "last_poster": user_json(
            view, state.users[last.user_id if last else topic.user_id]
        ),
    }
    if topic.private:
        allowed = sorted(topic.recipients | {topic.user_id})
        found["allowed_users"] = [user_json(view, state.users[id_]) for id_ in allowed]
        found["allowed_groups"] = []
    links = [] if view.settings.modern else _links(view, seen)
    if links:
        found["links"] = links
    return found


def _permissions(view: View, topic: Topic) -> Json:
    """What the reader may do; what one may not is not mentioned."""
    if view.reader is None:
        return {}
    found: Json = {"can_reply_as_new_topic": True, "can_flag_topic": True}
    if view.staff or not topic.closed:
        found["can_create_post"] = True
    if view.staff:
        found |= dict.fromkeys(_STAFF_MAY.split(), True)
    if view.staff or topic.private:
        found["can_remove_self_id"] = view.reader.id
    return found


def _participant(view: View, user_id: int, count: int) -> Json:
    user = view.state.users[user_id]
    found = user_json(view, user) | {
        "post_count": count,
        "primary_group_name": None,
        "flair_name": None,
        "flair_url": None,
        "flair_color": None,
        "flair_bg_color": None,
        "flair_group_id": None,
        "trust_level": user.trust_level,
    }
    marks = {"admin": user.admin, "moderator": user.moderator}
    found |= {mark: True for mark, is_so in marks.items() if is_so}
    return aged(view, found, "flair_group_id")


def _links(view: View, seen: Sequence[Post]) -> list[Json]:
    """The links of a topic, as they stood in its summary."""
    found: dict[str, Json] = {}
    for post in seen:
        for count in link_counts(view, post):
            parts = parts_of(count["url"])
            host = parts.netloc if parts else ""
            extra = {"attachment": False, "user_id": post.user_id, "domain": host}
            root = ".".join(host.split(".")[-2:])
            found.setdefault(count["url"], count | extra | {"root_domain": root})
    return list(found.values())


def _solution(view: View, topic: Topic) -> Json:
    """The accepted answers, in the shape of the settings' generation."""
    if not topic.accepted:
        return {}
    if view.settings.modern:
        return {"accepted_answers": accepted_answers(view, topic)}
    answers = [post for post in _accepted(view, topic) if not post.hidden]
    if not answers:
        return {"accepted_answer": None}
    author = view.state.users[answers[0].user_id]
    excerpt = plain_text(view.cooked(answers[0]))[:300]
    return {
        "accepted_answer": {
            "post_number": answers[0].number,
            "username": author.username,
            "name": author.name or None,
            "excerpt": escape(excerpt, quote=False),
            **_accepter(view, topic, answers[0]),
        }
    }


def accepted_answers(view: View, topic: Topic) -> list[Json]:
    """The accepted answers as they are since 2026, oldest first; what is hidden stays
    among them, without its text."""
    return [
        {
            **user_json(view, view.state.users[post.user_id]),
            "id": post.id,
            "created_at": stamp(post.created_at),
            "cooked": view.cooked(post),
            **({"cooked_hidden": True} if view.conceals(post) else {}),
            "post_number": post.number,
            "topic_id": topic.id,
            "url": post_url(topic, post),
            **_accepter(view, topic, post),
        }
        for post in _accepted(view, topic)
    ]


def _accepted(view: View, topic: Topic) -> list[Post]:
    seen = view.state.seen_posts(topic, view.reader)
    answers = [post for post in seen if post.id in topic.accepted]
    return sorted(answers, key=lambda post: post.created_at)


def _accepter(view: View, topic: Topic, post: Post) -> Json:
    user = view.state.users[topic.accepted_by.get(post.id, topic.user_id)]
    named: Json = {"accepter_name": user.name} if view.settings.names else {}
    return named | {"accepter_username": user.username}
