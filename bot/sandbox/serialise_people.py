"""Members and what they are told → JSON."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from bot.sandbox.records import NoticeType, Notification, Post
from bot.sandbox.serialise import Json, View, avatar, stamp, user_json


def about_json(view: View) -> Json:
    state = view.state
    topics = [topic for topic in state.topics.values() if state.may_list(topic, None)]
    admins = [user for user in state.users.values() if user.admin and user.id > 0]
    moderators = [user for user in state.users.values() if user.moderator]
    return {
        "users": [
            user_json(view, user)
            for user in {u.id: u for u in [*admins, *moderators]}.values()
        ],
        "about": {
            "stats": {
                "topics_count": len(topics),
                "posts_count": sum(len(state.seen_posts(t, None)) for t in topics),
                "users_count": sum(user_id > 0 for user_id in state.users),
            },
            "title": state.title,
            "description": "A community to try things on",
            "locale": view.settings.locale,
            "version": "2026.8.0" if view.settings.modern else "2.9.0.beta10",
            "https": False,
            "admin_ids": [user.id for user in admins],
            "moderator_ids": [user.id for user in moderators],
        },
    }


def notifications_json(view: View, notices: Iterable[Notification]) -> Json:
    """Notices, newest first."""
    found = [_notification(view, notice) for notice in notices]
    return {
        "notifications": list(reversed(found)),
        "total_rows_notifications": len(found),
        "seen_notification_id": 0,
        "load_more_notifications": "/notifications?offset=60",
    }


def _notification(view: View, notice: Notification) -> Json:
    topic = view.state.topics[notice.topic_id]
    sender = view.state.users[notice.from_user_id]
    post: Post | None = view.state.post_at(topic.id, notice.post_number)
    data: Json = {
        "topic_title": topic.title,
        "original_post_id": post.id if post else None,
        "original_username": sender.username,
        "display_username": sender.username,
    }
    if notice.type is NoticeType.CUSTOM:
        data["message"] = "solved.accepted_notification"
    return {
        "id": notice.id,
        "user_id": notice.user_id,
        "notification_type": int(notice.type),
        "read": notice.id in view.state.read_notices,
        "high_priority": notice.type is NoticeType.PRIVATE_MESSAGE,
        "created_at": stamp(notice.created_at),
        "post_number": notice.post_number,
        "topic_id": notice.topic_id,
        "fancy_title": escape(topic.title),
        "slug": topic.slug,
        "acting_user_avatar_template": avatar(sender),
        "data": data,
    }
