"""Who is notified of a post: the forum's order, at most one notice per member."""

from __future__ import annotations

from collections.abc import Iterator

from bot.sandbox.pings import calls
from bot.sandbox.records import (
    Link,
    NoticeType,
    Notification,
    Post,
    PostType,
    Topic,
    User,
)
from bot.sandbox.state import State

WATCHING = 3


def notify(
    state: State, post: Post, *, known: tuple[Link, ...] = (), fresh: bool
) -> None:
    """Record the notices that *post* causes.

    Args:
        known: Links that the post held before an edit: their notice was given.
        fresh: The post is new; an edit tells nobody that there is a reply.
    """
    if post.type is PostType.SMALL_ACTION:
        return
    topic = state.topics[post.topic_id]
    told = {post.user_id}
    for user, reason in _candidates(state, topic, post, known, fresh=fresh):
        hears = topic.levels.get(user.id, 1) > 0 or reason is NoticeType.MENTIONED
        if user.id in told or user.id <= 0 or not hears:
            continue
        if not state.may_see(topic, user):
            continue
        if post.type is PostType.WHISPER and not state.may_whisper(user):
            continue
        told.add(user.id)
        if fresh or not _was_told(state, user, post, reason):
            tell(state, user.id, reason, post, by=post.user_id)


def tell(
    state: State, user_id: int, reason: NoticeType, post: Post, *, by: int
) -> None:
    """Record one notice about *post*."""
    state.notifications.append(
        Notification(
            id=len(state.notifications) + 1,
            user_id=user_id,
            type=reason,
            topic_id=post.topic_id,
            post_number=post.number,
            from_user_id=by,
            created_at=state.now(),
        )
    )


def _was_told(state: State, user: User, post: Post, reason: NoticeType) -> bool:
    return any(
        (notice.user_id, notice.type, notice.topic_id, notice.post_number)
        == (user.id, reason, post.topic_id, post.number)
        for notice in state.notifications
    )


def _candidates(
    state: State, topic: Topic, post: Post, known: tuple[Link, ...], *, fresh: bool
) -> Iterator[tuple[User, NoticeType]]:
    called = calls(post.cooked)
    for group in sorted(called.groups):
        for user in state.group_members(group):
            yield user, NoticeType.GROUP_MENTIONED
    for name in sorted(called.mentioned):
        if state.has_user(name):
            yield state.user(name), NoticeType.MENTIONED
    parent = state.post_at(topic.id, post.reply_to) if post.reply_to else None
    if fresh and parent is not None:
        yield state.users[parent.user_id], NoticeType.REPLIED
    for name, _topic_id, _number in called.quoted:
        if state.has_user(name):
            yield state.user(name), NoticeType.QUOTED
    if post.type is not PostType.WHISPER and not topic.private:
        yield from _linked(state, topic, post, known)
    if fresh:
        reason = NoticeType.PRIVATE_MESSAGE if topic.private else NoticeType.POSTED
        for user_id in sorted({*topic.levels, *topic.recipients}):
            if topic.levels.get(user_id) == WATCHING or topic.private:
                yield state.users[user_id], reason


def _linked(
    state: State, topic: Topic, post: Post, known: tuple[Link, ...]
) -> Iterator[tuple[User, NoticeType]]:
    noted = {link.url for link in known}
    for link in post.links:
        target = state.topics.get(link.topic_id or 0)
        if link.url in noted or target is None or target.id == topic.id:
            continue
        linked = state.post_at(target.id, link.post_number)
        if linked is not None and not target.private and linked.deleted_at is None:
            yield state.users[linked.user_id], NoticeType.LINKED
