"""Search: a plain match of words, with the paging and limits of the real one."""

from __future__ import annotations

import re

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
from bot.sandbox.listing import FEED, in_feed
from bot.sandbox.pings import plain_text
from bot.sandbox.records import Post, Topic
from bot.sandbox.serialise import Json, View, avatar, stamp, tags_json
from bot.sandbox.serialise_topics import list_item_json

_SEARCH_PAGES = 10


def search(desk: Desk, ask: Ask) -> Answer:
    """Posts that hold all words; ``@user``, ``#category`` and ``tags:`` narrow."""
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
    filters = re.findall(r"(?:[@#]|\w+:)\S+", term)
    words = [word.lower() for word in term.split() if word not in filters]
    # Older forums find nothing and say so within an ordinary answer.
    matching = (
        []
        if slowed
        else [
            post
            for post in sorted(state.posts.values(), key=lambda post: -post.id)
            if in_feed(view, post) and _matches(view, post, words, filters)
        ]
    )
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
    return json_answer(
        {
            "posts": [_found_post(view, post) for post in shown],
            "topics": [_found_topic(view, topic) for topic in topics.values()],
            "users": [],
            "categories": [],
            "tags": tags_json(view, [w for w in words if w in state.tags]),
            "groups": [],
            "grouped_search_result": result,
        }
    )


def _matches(view: View, post: Post, words: list[str], filters: list[str]) -> bool:
    state = view.state
    topic = state.topics[post.topic_id]
    text = f"{topic.title} {post.raw}".lower()
    for each in filters:
        name, value = each[0], each[1:]
        if name == "@" and state.users[post.user_id].username != value:
            return False
        if name == "#" and state.categories[topic.category_id or 0].slug != value:
            return False
        if each.startswith("tags:") and not set(each[5:].split(",")) & set(topic.tags):
            return False
        if each == "status:solved" and not topic.accepted:
            return False
    return all(word in text for word in words)


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
        del found[key]
    return found


ROUTES = (route("GET", r"/search", "search/show", search),)
