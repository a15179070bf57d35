"""Posts, topics and lists of topics → the JSON that a reader of the forum gets.

Pure: everything is read through a `View`, which knows the reader and the settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from bot.sandbox.pings import plain_text
from bot.sandbox.records import Post, Topic, User
from bot.sandbox.settings import Settings
from bot.sandbox.state import State

Json = dict[str, Any]

HIDDEN = "<p>This post was flagged by the community and is temporarily hidden.</p>"
# Flags that a member may raise: off topic, inappropriate, spam, for moderators.
FLAGS = (3, 4, 8, 7)


# Keys of a post that forums of 2022 did not send.
_LATER = (
    "posts_count post_url topic_accepted_answer badges_granted can_see_hidden_post"
    " flair_group_id"
)


# Keys of a post that is served by itself; within its topic they are not told.
_ALONE = ("posts_count", "post_url", "flair_group_id", "badges_granted")


@dataclass(frozen=True, slots=True)
class View:
    """A forum as one reader sees it.

    Attributes:
        reader: ``None`` for a visitor who is not logged in.
        original: The visitor asked for untranslated text.
    """

    state: State
    settings: Settings
    reader: User | None = None
    original: bool = False

    @property
    def staff(self) -> bool:
        return self.reader is not None and self.reader.staff

    def owns(self, post: Post) -> bool:
        return self.reader is not None and self.reader.id == post.user_id

    def title(self, topic: Topic) -> str:
        return self._translated(topic.translations, topic.title)

    def cooked(self, post: Post) -> str:
        if self.conceals(post):
            return HIDDEN
        return self._translated(post.translations, post.cooked)

    def conceals(self, post: Post) -> bool:
        return post.hidden and not (self.staff or self.owns(post))

    def _translated(self, translations: dict[str, str], text: str) -> str:
        locale = self.settings.localise_to
        if locale is None or self.original:
            return text
        return translations.get(locale, text)


def stamp(moment: datetime | None) -> str | None:
    """A time as the forum writes it.

    >>> from datetime import UTC
    >>> stamp(datetime(2024, 3, 1, 10, 0, 0, 5000, tzinfo=UTC))
    '2024-03-01T10:00:00.005Z'
    """
    if moment is None:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def avatar(user: User) -> str:
    letter = user.username[:1].lower()
    return f"/letter_avatar_proxy/v4/letter/{letter}/5f9b8f/{{size}}.png"


def user_json(view: View, user: User) -> Json:
    """The short form of a member that stands in lists and topics."""
    named: Json = {"name": user.name or None} if view.settings.names else {}
    return {
        "id": user.id,
        "username": user.username,
        **named,
        "avatar_template": avatar(user),
    }


def tags_json(view: View, tags: Iterable[str]) -> list[Any]:
    """Tags as strings, or as objects since 2026."""
    if not view.settings.modern:
        return list(tags)
    return [
        {"id": view.state.tags.get(tag, 0), "name": tag, "slug": tag} for tag in tags
    ]


def aged(view: View, found: Json, later: str) -> Json:
    """*found* as the settings' generation knew it: *later* names keys of today's."""
    if not view.settings.modern:
        for key in later.split():
            found.pop(key, None)
    return found


def post_url(topic: Topic, post: Post) -> str:
    return f"/t/{topic.slug}/{topic.id}/{post.number}"


@dataclass(frozen=True, slots=True)
class Thread:
    """What a post tells of the others in its topic, counted once for many posts.

    Attributes:
        posts: That visitors see.
        replies: How many posts that the reader sees answer a post, by its number.
    """

    posts: int
    replies: Counter[int | None]


def thread_of(view: View, topic: Topic) -> Thread:
    seen = view.state.seen_posts(topic, view.reader)
    return Thread(
        posts=len(view.state.seen_posts(topic, None)),
        replies=Counter(post.reply_to for post in seen),
    )


def post_json(
    view: View,
    post: Post,
    thread: Thread | None = None,
    *,
    raw: bool = False,
    in_topic: bool = False,
) -> Json:
    """One post.

    Args:
        thread: Of its topic, where many posts of it are served; counted if ``None``.
        raw: Include the Markdown, unless the text is concealed from this reader.
        in_topic: As part of a topic rather than alone.
    """
    state, settings = view.state, view.settings
    topic, author = state.topics[post.topic_id], state.users[post.user_id]
    mine = view.owns(post)
    may_edit = view.staff or (mine and not post.user_deleted)
    thread = thread or thread_of(view, topic)
    accepted = post.id in topic.accepted
    may_solve = view.staff or (
        view.reader is not None and view.reader.id == topic.user_id
    )
    answerable = post.number > 1 and not topic.private
    found: Json = {
        "id": post.id,
        "name": author.name or None,
        "username": author.username,
        "avatar_template": avatar(author),
        "created_at": stamp(post.created_at),
        "cooked": view.cooked(post),
        "post_number": post.number,
        "post_type": int(post.type),
        "posts_count": thread.posts,
        "updated_at": stamp(post.updated_at),
        "reply_count": thread.replies[post.number],
        "reply_to_post_number": post.reply_to,
        "quote_count": sum(link.quoted for link in post.links),
        "incoming_link_count": 0,
        "reads": 3 + post.number % 7,
        "readers_count": 2 + post.number % 7,
        "score": 0.6 + post.like_count * 15,
        "yours": mine,
        "topic_id": topic.id,
        "topic_slug": topic.slug,
        "display_username": author.name or None,
        "primary_group_name": None,
        "flair_name": None,
        "flair_url": None,
        "flair_bg_color": None,
        "flair_color": None,
        "flair_group_id": None,
        "badges_granted": [],
        "version": post.version,
        "can_edit": may_edit,
        "can_delete": may_edit and post.number > 1,
        "can_recover": view.staff and post.deleted_at is not None,
        "can_see_hidden_post": view.staff,
        "can_wiki": view.staff,
        "user_title": None,
        "bookmarked": False,
        "actions_summary": _actions(view, post),
        "moderator": author.moderator,
        "admin": author.admin,
        "staff": author.staff,
        "user_id": author.id,
        "hidden": post.hidden,
        "trust_level": author.trust_level,
        "deleted_at": stamp(post.deleted_at),
        "user_deleted": post.user_deleted,
        "edit_reason": post.edit_reason,
        "can_view_edit_history": view.reader is not None,
        "wiki": False,
        "post_url": post_url(topic, post),
        "can_accept_answer": may_solve and answerable and not accepted,
        "can_unaccept_answer": may_solve and accepted,
        "accepted_answer": accepted,
        "topic_accepted_answer": bool(topic.accepted),
    }
    aged(view, found, _LATER)
    if not settings.names:
        del found["name"], found["display_username"]
    if view.staff:
        found |= {
            "reviewable_id": 0,
            "reviewable_score_count": 0,
            "reviewable_score_pending_count": 0,
        }
    parent = state.post_at(topic.id, post.reply_to) if post.reply_to else None
    quotes_parent = any(
        link.quoted and link.topic_id == topic.id for link in post.links
    )
    if parent is not None and not quotes_parent:
        found["reply_to_user"] = user_json(view, state.users[parent.user_id])
    if raw and not view.conceals(post):
        found["raw"] = post.raw
    if view.conceals(post):
        found["cooked_hidden"] = True
    if post.hidden:
        found["hidden_reason_id"] = 1
    if author.suspended:
        found["user_suspended"] = True
    if post.via_email:
        found["via_email"] = True
    if post.auto_generated:
        found["is_auto_generated"] = True
    if settings.reactions:
        found |= reactions_json(view, post)
    if post.action_code:
        found["action_code"] = post.action_code
    translated = found["cooked"] != post.cooked and not view.conceals(post)
    if translated and settings.marks_translations:
        found["is_localized"] = True
    if in_topic:
        for key in _ALONE:
            found.pop(key, None)
        found["read"] = True
        counts = link_counts(view, post)
        if counts:
            found["link_counts"] = counts
    return found


def reactors(view: View, post: Post) -> dict[str, list[User]]:
    """Who reacted to a post with which emoji, the most frequent first."""
    found: dict[str, list[User]] = {}
    for user_id in sorted(post.liked_by):
        found.setdefault("heart", []).append(view.state.users[user_id])
    for user_id, name in post.reactions.items():
        found.setdefault(name, []).append(view.state.users[user_id])
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def reactions_json(view: View, post: Post) -> Json:
    """What the plug-in for reactions adds to a post."""
    by_name, reader = reactors(view, post), view.reader
    counts = {name: len(users) for name, users in by_name.items()}
    if post.likes:
        counts["heart"] = counts.get("heart", 0) + post.likes
    own = next((n for n, users in by_name.items() if reader in users), None)
    return {
        "reactions": [
            {"id": name, "type": "emoji", "count": count}
            for name, count in counts.items()
        ],
        "current_user_reaction": own and {"id": own, "type": "emoji", "can_undo": True},
        "reaction_users_count": sum(counts.values()),
        "current_user_used_main_reaction": own == "heart",
    }


def _actions(view: View, post: Post) -> list[Json]:
    like: Json = {"id": 2}
    if post.like_count:
        like["count"] = post.like_count
    reader = view.reader
    if reader is None:
        return [like] if post.like_count else []
    if reader.id in post.liked_by:
        like |= {"acted": True, "can_undo": True}
    elif reader.id != post.user_id:
        like["can_act"] = True
    flags: list[Json] = [{"id": number, "can_act": True} for number in FLAGS]
    return [*([like] if len(like) > 1 else []), *flags]


def link_counts(view: View, post: Post) -> list[Json]:
    """Links of a post and, as reflections, the posts elsewhere that link to it."""
    state = view.state
    counts: list[Json] = []
    for link in post.links:
        target = state.topics.get(link.topic_id or 0)
        if link.topic_id == post.topic_id or (
            target is not None and not state.may_see(target, view.reader)
        ):
            continue
        title = view.title(target) if target is not None else link.title
        counts.append(_count(link.url, title, internal=target is not None))
    for source_id in sorted(state.backlinks.get((post.topic_id, post.number), ())):
        source = state.posts[source_id]
        topic = state.topics[source.topic_id]
        if topic.id == post.topic_id or not state.may_list(topic, view.reader):
            continue
        if source.deleted_at is None:
            url = state.addresses.forum + post_url(topic, source)
            found = _count(url, view.title(topic), internal=True)
            counts.append(found | {"reflection": True})
    return counts


def _count(url: str, title: str, *, internal: bool) -> Json:
    return {
        "url": url,
        "internal": internal,
        "reflection": False,
        "title": title,
        "clicks": 0,
    }


def feed_post_json(view: View, post: Post, thread: Thread) -> Json:
    """A post of the stream of newest posts."""
    topic = view.state.topics[post.topic_id]
    text = plain_text(post.cooked)
    found = post_json(view, post, thread, raw=True) | {
        "topic_title": view.title(topic),
        "topic_html_title": escape(view.title(topic)),
        "category_id": topic.category_id,
    }
    if view.settings.modern:
        found["excerpt"] = escape(text[:300], quote=False)
        if len(text) > 300:
            found["truncated"] = True
    if view.staff:
        found["reviewable_id"] = None
    return found
