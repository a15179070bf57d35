"""What a forum's JSON says of a topic's posts, as far as a decision needs it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.topic import ReplyView
from indexer.fields import Fields

# Any of these flags of a post means that its readers see something else.
CONCEALED = ("hidden", "cooked_hidden", "user_deleted")
_REGULAR = 1
_LIKE = 2


def is_gone(post: Fields) -> bool:
    """Its readers see something else than what was written, or nothing."""
    return any(post.flag(name) for name in CONCEALED) or post.has("deleted_at")


def edited_at(post: Fields) -> datetime | None:
    """When a post was last changed; ``None``: never, as far as the forum says."""
    updated, created = post.maybe_moment("updated_at"), post.maybe_moment("created_at")
    if updated is None or (created is not None and updated <= created):
        return None
    return updated


def replies_of(posts: Iterable[Fields]) -> tuple[ReplyView, ...]:
    """The replies among *posts*: what is no first post, no small action, no whisper.

    Raises:
        RecordError: A field is missing, or of another type.
    """
    return tuple(
        _reply(post)
        for post in posts
        if post.whole("post_number") > 1
        and (post.maybe_whole("post_type") or _REGULAR) == _REGULAR
    )


def _reply(post: Fields) -> ReplyView:
    return ReplyView(
        number=post.whole("post_number"),
        author=post.maybe_text("username") or "",
        author_id=post.maybe_whole("user_id") or 0,
        staff=is_staff(post),
        cooked="" if is_gone(post) else post.text("cooked"),
        created_at=post.moment("created_at"),
        likes=_likes(post),
        accepted=post.flag("accepted_answer"),
    )


def is_staff(post: Fields) -> bool:
    """Its author is a moderator or administrator."""
    return any(post.flag(name) for name in ("staff", "moderator", "admin"))


def _likes(post: Fields) -> int:
    if not post.has("actions_summary"):
        return 0
    return sum(
        action.maybe_whole("count") or 0
        for action in post.each("actions_summary")
        if action.maybe_whole("id") == _LIKE
    )
