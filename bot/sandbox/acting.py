"""Acting on what is there: likes, flags, solutions, the state of topics."""

from __future__ import annotations

from html import escape

from bot.sandbox.answers import (
    Answer,
    Refusal,
    bad_parameter,
    errors,
    forbidden,
    json_answer,
    missing_parameter,
    not_found,
)
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.reading import alone, readable_post, readable_topic
from bot.sandbox.records import Post, PostType
from bot.sandbox.revision import sent_revision, sent_tags
from bot.sandbox.serialise import avatar, post_url, reactors, stamp, user_json
from bot.sandbox.serialise_topics import accepted_answers
from bot.sandbox.validation import CONFLICT

LIKE = 2


FLAG_TYPES = frozenset({3, 4, 6, 7, 8, 10})


def act_on_post(desk: Desk, ask: Ask) -> Answer:
    """A like or a flag."""
    number, kind = ask.form.number("id"), ask.form.number("post_action_type_id")
    if number is None:
        raise Refusal(missing_parameter("id"))
    post, user = readable_post(desk, ask, number), ask.user
    if kind == LIKE:
        if post.user_id == user.id or user.id in post.liked_by:
            raise Refusal(forbidden())
        desk.count(user, "like")
        desk.community.like(post.id, user.username)
    elif kind in FLAG_TYPES:
        if kind == 7 and not ask.form.get("message"):
            raise Refusal(errors(422, "Message can't be blank"))
        desk.count(user, "flag")
        desk.community.flag(post.id, user.username, kind)
    else:
        raise Refusal(bad_parameter("post_action_type_id"))
    return json_answer(alone(ask, post))


def undo_action(desk: Desk, ask: Ask) -> Answer:
    post = readable_post(desk, ask, ask.capture("id"))
    kind = ask.query.number("post_action_type_id")
    if kind is None:
        kind = ask.form.number("post_action_type_id")
    if kind != LIKE or ask.user.id not in post.liked_by:
        raise Refusal(not_found())
    desk.community.unlike(post.id, ask.user.username)
    return json_answer(alone(ask, post))


def toggle_reaction(desk: Desk, ask: Ask) -> Answer:
    """React to a post, or take the same reaction back."""
    _need_reactions(desk)
    post, user = readable_post(desk, ask, ask.capture("id")), ask.user
    name = ask.captured["reaction"]
    if post.user_id == user.id:
        raise Refusal(forbidden())
    desk.count(user, "like")
    now = "heart" if user.id in post.liked_by else post.reactions.get(user.id)
    if now == name:
        desk.community.take_reaction_back(post.id, user.username)
    else:
        desk.community.react(post.id, user.username, name)
    return json_answer(alone(ask, post))


def reaction_users(desk: Desk, ask: Ask) -> Answer:
    """Who reacted with what; their ids are not told."""
    _need_reactions(desk)
    post = readable_post(desk, ask, ask.capture("id"))
    wanted = ask.query.get("reaction_value")
    found = [
        {
            "id": name,
            "count": len(users),
            "users": [
                {
                    "username": user.username,
                    "name": user.name or None,
                    "avatar_template": avatar(user),
                    "can_undo": False,
                    "created_at": stamp(post.updated_at),
                }
                for user in users
            ],
        }
        for name, users in reactors(ask.view, post).items()
        if wanted is None or wanted == name
    ]
    return json_answer({"reaction_users": found})


def _need_reactions(desk: Desk) -> None:
    if not desk.settings.reactions:
        raise Refusal(not_found())


def action_users(desk: Desk, ask: Ask) -> Answer:
    """Who likes a post; who flagged it is for moderators."""
    number, kind = ask.query.number("id"), ask.query.number("post_action_type_id")
    if number is None or kind is None:
        raise Refusal(bad_parameter("id" if number is None else "post_action_type_id"))
    post = readable_post(desk, ask, number)
    if kind != LIKE:
        raise Refusal(forbidden())
    users = [desk.community.users[user_id] for user_id in sorted(post.liked_by)]
    url = post_url(desk.community.topics[post.topic_id], post)
    shown = [
        user_json(ask.view, user)
        | {
            "post_url": url,
            "username_lower": user.username.lower(),
            "unknown": None,
        }
        for user in users
    ]
    return json_answer({"post_action_users": shown})


def accept_answer(desk: Desk, ask: Ask) -> Answer:
    post = _answerable(desk, ask)
    desk.count(ask.user, "solve")
    several = desk.settings.several_solutions
    desk.community.solve(post.id, by=ask.user.username, several=several)
    return _solution(desk, ask, post)


def unaccept_answer(desk: Desk, ask: Ask) -> Answer:
    post = _answerable(desk, ask)
    desk.community.unsolve(post.id)
    return _solution(desk, ask, post)


def _answerable(desk: Desk, ask: Ask) -> Post:
    number, user = ask.form.number("id"), ask.user
    if number is None:
        raise Refusal(missing_parameter("id"))
    post = readable_post(desk, ask, number)
    topic = desk.community.topics[post.topic_id]
    own = topic.user_id == user.id and not topic.closed
    privileged = user.staff or user.trust_level == 4
    if post.type is not PostType.REGULAR or topic.private or post.number == 1:
        raise Refusal(forbidden())
    if not (own or privileged):
        raise Refusal(forbidden())
    return post


def _solution(desk: Desk, ask: Ask, post: Post) -> Answer:
    if not desk.settings.modern:
        return json_answer({"success": "OK"})
    topic = desk.community.topics[post.topic_id]
    return json_answer({"accepted_answers": accepted_answers(ask.view, topic)})


def set_status(desk: Desk, ask: Ask) -> Answer:
    topic = readable_topic(desk, ask, ask.capture("id"))
    if not (ask.user.staff or ask.user.trust_level == 4):
        raise Refusal(forbidden())
    status, enabled = ask.form.require("status"), ask.form.flag("enabled")
    try:
        desk.community.set_status(
            topic.id, status, enabled=enabled, by=ask.user.username
        )
    except ValueError:
        raise Refusal(bad_parameter("status")) from None
    return json_answer({"success": "OK", "topic_status_update": None})


def update_topic(desk: Desk, ask: Ask) -> Answer:
    """A new title, category or tags, by the author or staff."""
    state, form = desk.community, ask.form
    topic = readable_topic(desk, ask, ask.capture("id"))
    if not (ask.user.staff or ask.user.id == topic.user_id):
        raise Refusal(forbidden())
    seen_title, seen_tags = (
        form.get("original_title"),
        sent_tags(desk, ask, "original_tags"),
    )
    changed = seen_title is not None and seen_title != topic.title
    if changed or (seen_tags is not None and sorted(seen_tags) != sorted(topic.tags)):
        raise Refusal(errors(409, CONFLICT))
    revision = sent_revision(desk, ask, topic)
    desk.count(ask.user, "edit")
    state.revise_topic(topic.id, **revision)
    shown = {
        "id": topic.id,
        "title": topic.title,
        "fancy_title": escape(topic.title),
        "slug": topic.slug,
        "posts_count": len(state.seen_posts(topic, None)),
    }
    return json_answer({"basic_topic": shown})


def follow(desk: Desk, ask: Ask) -> Answer:
    topic = readable_topic(desk, ask, ask.capture("id"))
    level = ask.form.number("notification_level", least=0)
    if level is None or level > 3:
        raise Refusal(bad_parameter("notification_level"))
    topic.levels[ask.user.id] = level
    return json_answer({"success": "OK"})


def mark_read(desk: Desk, ask: Ask) -> Answer:
    """One notice of the reader, or all."""
    number, state = ask.form.number("id"), desk.community
    own = {each.id for each in state.notifications if each.user_id == ask.user.id}
    state.read_notices |= own if number is None else own & {number}
    return json_answer({"success": "OK"})


_REACTIONS = r"/discourse-reactions/posts/(?P<id>\d+)"
_TOPIC = r"/t/(?:[^/]+/)?(?P<id>\d+)"


ROUTES = (
    route("POST", r"/post_actions", "post_actions/create", act_on_post),
    route("DELETE", r"/post_actions/(?P<id>\d+)", "post_actions/destroy", undo_action),
    route("GET", r"/post_action_users", "post_action_users/index", action_users),
    route(
        "PUT",
        _REACTIONS + r"/custom-reactions/(?P<reaction>[^/]+)/toggle",
        "custom_reactions/toggle",
        toggle_reaction,
    ),
    route(
        "GET",
        _REACTIONS + "/reactions-users",
        "custom_reactions/post_reactions_users",
        reaction_users,
    ),
    route("POST", r"/solution/accept", "answer/accept", accept_answer),
    route("POST", r"/solution/unaccept", "answer/unaccept", unaccept_answer),
    route("PUT", _TOPIC + "/status", "topics/status", set_status),
    route("PUT", _TOPIC, "topics/update", update_topic),
    route("POST", _TOPIC + "/notifications", "topics/set_notifications", follow),
    route("PUT", r"/notifications/mark-read", "notifications/mark_read", mark_read),
)
