"""Search: a plain match of words, with the operators and limits of the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.answers import (
    TOO_MANY,
    Answer,
    Refusal,
    bad_parameter,
    json_answer,
    search_429,
)
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.filtering import STATUSES, below, category_named
from bot.sandbox.listing import FEED, in_feed
from bot.sandbox.load import moment
from bot.sandbox.pings import plain_text
from bot.sandbox.records import Post, Topic
from bot.sandbox.serialise import Json, View, aged, avatar, stamp, tags_json
from bot.sandbox.serialise_lists import list_item_json

_SEARCH_PAGES = 10
Check = Callable[[View, Topic, Post], bool]
# What an operator makes of its value; ``None`` when it makes nothing of it.
Operator = Callable[[View, str], Check | None]


@dataclass(frozen=True, slots=True)
class _Query:
    """A search term taken apart: words that must all be there, checks, an order."""

    words: tuple[str, ...]
    checks: tuple[Check, ...]
    order: str
    titles_only: bool


def search(desk: Desk, ask: Ask) -> Answer:
    """Posts that hold all words and pass all operators."""
    view, state = ask.view, desk.community
    slowed = desk.settings.limits and not desk.limits.may_search(ask)
    if slowed and desk.settings.modern:
        raise Refusal(search_429())
    term = ask.query.get("q") or ask.query.get("term[term]") or ""
    number = ask.query.number("page", least=1) or 1
    if len(term.strip()) < 3:
        raise Refusal(bad_parameter("q"))
    if number > _SEARCH_PAGES:
        raise Refusal(bad_parameter("page"))
    query = _parsed(view, term)
    # Older forums find nothing and say so within an ordinary answer.
    matching = [] if slowed else _matching(view, query)
    shown = matching[(number - 1) * FEED : number * FEED]
    topics = {post.topic_id: state.topics[post.topic_id] for post in shown}
    result: Json = {
        "more_posts": None,
        "more_users": None,
        "more_categories": None,
        "term": term,
        "search_log_id": 1,
        "more_full_page_results": len(matching) > number * FEED or None,
        "can_create_topic": view.reader is not None,
        "error": TOO_MANY if slowed else None,
        "extra": {},
        "post_ids": [post.id for post in shown],
        "user_ids": [],
        "category_ids": [],
        "tag_ids": [],
        "group_ids": [],
    }
    aged(view, result, "extra")
    return json_answer(
        {
            "posts": [_found_post(view, post) for post in shown],
            "topics": [_found_topic(view, topic) for topic in topics.values()],
            "users": [],
            "categories": [],
            "tags": tags_json(view, [w for w in query.words if w in state.tags]),
            "groups": [],
            "grouped_search_result": result,
        }
    )


def _matching(view: View, query: _Query) -> list[Post]:
    state = view.state
    found = [
        post
        for post in sorted(state.posts.values(), key=lambda post: -post.id)
        if in_feed(view, post) and _matches(view, post, query)
    ]
    order = _ORDERS.get(query.order)
    # Stable: what is equal stays newest first.
    return sorted(found, key=lambda post: order(view, post)) if order else found


def _matches(view: View, post: Post, query: _Query) -> bool:
    topic = view.state.topics[post.topic_id]
    text = topic.title if query.titles_only else f"{topic.title} {post.raw}"
    lowered = text.lower()
    return all(word in lowered for word in query.words) and all(
        check(view, topic, post) for check in query.checks
    )


def _parsed(view: View, term: str) -> _Query:
    words: list[str] = []
    checks: list[Check] = []
    order, titles_only = "", False
    for token in term.split():
        name, colon, value = token.partition(":")
        if token[0] in "@#" and len(token) > 1:
            name, colon, value = token[0], ":", token[1:]
        operator = _OPERATORS.get(name.lower()) if colon and value else None
        if operator is not None:
            check = operator(view, value)
            checks += [check] if check is not None else []
        elif name.lower() == "order" and colon:
            order = value.lower()
        else:
            words.append(token.lower())
        titles_only = titles_only or token.lower() == "in:title"
    return _Query(tuple(words), tuple(checks), order, titles_only)


# Operators


def _by_user(_view: View, value: str) -> Check:
    wanted = value.lower()
    return lambda view, _topic, post: (
        view.state.users[post.user_id].username.lower() == wanted
    )


def _by_category(view: View, value: str) -> Check:
    # ``parent:child`` names the child; an equals sign leaves out what lies below.
    exact = value.startswith("=")
    named = value.removeprefix("=").rpartition(":")[2]
    found = category_named(view.state, named)
    if found is None:
        return lambda _view, topic, _post: named.lower() in topic.tags
    within = {found} if exact else {found, *below(view.state, found)}
    return lambda _view, topic, _post: topic.category_id in within


def _by_tags(_view: View, value: str) -> Check:
    if "+" in value:
        wanted = set(value.lower().split("+"))
        return lambda _view, topic, _post: wanted <= set(topic.tags)
    any_of = set(value.lower().split(","))
    return lambda _view, topic, _post: not any_of.isdisjoint(topic.tags)


def _by_status(_view: View, value: str) -> Check | None:
    name = value.lower()
    if name == "noreplies":
        return lambda view, topic, _post: len(view.state.seen_posts(topic, None)) == 1
    if name == "single_user":
        return lambda view, topic, _post: (
            len({p.user_id for p in view.state.seen_posts(topic, None)}) == 1
        )
    check = STATUSES.get(name)
    return None if check is None else lambda _view, topic, _post: check(topic)


def _day(value: str) -> datetime | None:
    try:
        return moment(value)
    except (ValueError, OverflowError):
        return None


def _before(_view: View, value: str) -> Check | None:
    day = _day(value)
    return None if day is None else lambda _view, _topic, post: post.created_at < day


def _after(_view: View, value: str) -> Check | None:
    day = _day(value)
    return None if day is None else lambda _view, _topic, post: post.created_at > day


def _within(_view: View, value: str) -> Check | None:
    match value.lower():
        case "title" | "first":
            return lambda _view, _topic, post: post.number == 1
        case "pinned":
            return lambda _view, topic, _post: bool(topic.pinned)
        case "wiki":
            return lambda _view, _topic, _post: False
    return None


def _min_posts(_view: View, value: str) -> Check | None:
    if not value.isdecimal():
        return None
    least = int(value[:9])
    return lambda view, topic, _post: len(view.state.seen_posts(topic, None)) >= least


def _max_posts(_view: View, value: str) -> Check | None:
    if not value.isdecimal():
        return None
    most = int(value[:9])
    return lambda view, topic, _post: len(view.state.seen_posts(topic, None)) <= most


_OPERATORS: dict[str, Operator] = {
    "@": _by_user,
    "user": _by_user,
    "#": _by_category,
    "category": _by_category,
    "tag": _by_tags,
    "tags": _by_tags,
    "status": _by_status,
    "before": _before,
    "after": _after,
    "in": _within,
    "min_posts": _min_posts,
    "max_posts": _max_posts,
}
_ORDERS: dict[str, Callable[[View, Post], float]] = {
    "latest": lambda _view, post: -post.created_at.timestamp(),
    "oldest": lambda _view, post: post.created_at.timestamp(),
    "likes": lambda _view, post: -post.like_count,
    "views": lambda view, post: -view.state.topics[post.topic_id].views,
    "latest_topic": lambda view, post: (
        -view.state.topics[post.topic_id].created_at.timestamp()
    ),
}


def _found_post(view: View, post: Post) -> Json:
    author = view.state.users[post.user_id]
    return {
        "id": post.id,
        "name": author.name,
        "username": author.username,
        "avatar_template": avatar(author),
        "created_at": stamp(post.created_at),
        "like_count": post.like_count,
        "blurb": plain_text(post.cooked)[:200],
        "post_number": post.number,
        "topic_id": post.topic_id,
    }


def _found_topic(view: View, topic: Topic) -> Json:
    found = list_item_json(view, topic)
    for key in ("posters", "views", "last_poster_username", "op_like_count"):
        found.pop(key, None)
    return found


ROUTES = (route("GET", r"/search", "search/show", search),)
