"""Lists: topics by recency, category or tag; newest posts; search; the site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice, takewhile
from urllib.parse import urlencode

from bot.sandbox.answers import (
    Answer,
    Refusal,
    bad_parameter,
    forbidden,
    json_answer,
    not_found,
    not_logged_in,
)
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.filtering import ORDERS, below, filtered
from bot.sandbox.records import Category, Post, PostType, Topic, User
from bot.sandbox.serialise import Json, Thread, View, feed_post_json, thread_of
from bot.sandbox.serialise_lists import list_json
from bot.sandbox.state import State

PER_PAGE = 30
FEED = 50


def _page_of_topics(
    ask: Ask,
    topics: Iterable[Topic],
    *,
    pinned: frozenset[str] = frozenset(),
    by: str = "default",
    **extra: object,
) -> Answer:
    """One page of a list, ordered as asked; pinned ones lead the default order."""
    view, query = ask.view, ask.query
    number = query.number("page", least=0) or 0
    per_page = PER_PAGE
    if view.settings.modern:
        asked = query.number("per_page", least=1)
        if asked is not None and asked > 100:
            raise Refusal(bad_parameter("per_page"))
        per_page = asked or PER_PAGE
    order = query.get("order") or by
    sort_key = ORDERS.get(order, ORDERS["default"])
    up = query.flag("ascending")
    chosen = sorted(
        filtered(ask, topics), key=lambda t: (sort_key(view, t), t.id), reverse=not up
    )
    if order == "default":
        # Stable: within each half the order by activity stays.
        chosen.sort(key=lambda topic: topic.pinned not in pinned)
    shown = chosen[number * per_page : (number + 1) * per_page]
    more = dict(extra)
    if len(shown) == per_page:
        pairs = [pair for pair in query.pairs if pair[0] != "page"]
        rest = urlencode([*pairs, ("page", str(number + 1))])
        more["more_topics_url"] = f"{ask.path}?{rest}"
    return json_answer(list_json(view, shown, more, per_page=per_page))


def _listed(view: View) -> list[Topic]:
    state = view.state
    return [
        topic for topic in state.topics.values() if state.may_list(topic, view.reader)
    ]


def latest(desk: Desk, ask: Ask) -> Answer:
    """All listed topics but those that introduce categories."""
    about = {each.topic_id for each in desk.community.categories.values()}
    topics = [topic for topic in _listed(ask.view) if topic.id not in about]
    return _page_of_topics(ask, topics, pinned=frozenset({"globally"}))


def top(desk: Desk, ask: Ask) -> Answer:
    """Listed topics, most read first."""
    period = ask.query.get("period") or "all"
    return _page_of_topics(ask, _listed(ask.view), by="views", for_period=period)


def category(desk: Desk, ask: Ask) -> Answer:
    """Topics of a category and those below it; a wrong slug is redirected."""
    state, view = desk.community, ask.view
    found = state.categories.get(ask.capture("id"))
    if found is None:
        raise Refusal(not_found())
    if not state.may_read(found, view.reader):
        raise Refusal(forbidden() if desk.settings.detailed_404 else not_found())
    tail = ask.captured.get("tail", "")
    right = category_path(desk, found)
    if ask.path.removesuffix(tail) != right:
        return ask.redirect(right + tail, ask.query_string)
    within = {found.id}
    if tail != "/none" and not ask.query.flag("no_subcategories"):
        within |= below(state, found.id)
    topics = [topic for topic in _listed(view) if topic.category_id in within]
    return _page_of_topics(ask, topics, pinned=frozenset({"globally", "category"}))


def category_path(desk: Desk, found: Category) -> str:
    """The one right path of a category."""
    parent = desk.community.categories.get(found.parent_id or 0)
    above = f"{parent.slug}/" if parent else ""
    return f"/c/{above}{found.slug}/{found.id}"


def tag(desk: Desk, ask: Ask) -> Answer:
    """Topics with a tag, by name, or since 2026 also by id."""
    state, name = desk.community, ask.captured["name"]
    by_id = {str(number): known for known, number in state.tags.items()}
    if name not in state.tags and desk.settings.modern:
        name = by_id.get(name, name)
    if name not in state.tags:
        raise Refusal(not_found())
    topics = [topic for topic in _listed(ask.view) if name in topic.tags]
    described: Json = {"id": state.tags[name], "name": name, "slug": name}
    tags = [described | {"topic_count": len(topics), "staff": False}]
    return _page_of_topics(ask, topics, tags=tags)


def private_messages(desk: Desk, ask: Ask) -> Answer:
    """The inbox of a member, for that member and admins."""
    view, state = ask.view, desk.community
    name = ask.captured["username"]
    if view.reader is None:
        raise Refusal(not_logged_in())
    if not state.has_user(name):
        raise Refusal(not_found())
    owner = state.user(name)
    if view.reader is not owner and not view.reader.admin:
        raise Refusal(forbidden())
    sent = ask.captured.get("sent") is not None
    topics = [
        topic
        for topic in state.topics.values()
        if topic.private
        and topic.deleted_at is None
        and owner.id in topic.recipients | {topic.user_id}
        and _in_box(state, topic, owner, sent=sent)
    ]
    return _page_of_topics(ask, topics)


def _in_box(state: State, topic: Topic, owner: User, *, sent: bool) -> bool:
    """Whether a message of *owner* is in the sent box, or else in the inbox.

    What one began is in the inbox too, once somebody else has written there.
    """
    writers = {post.user_id for post in state.seen_posts(topic, None)}
    if sent:
        return owner.id in writers
    return topic.user_id != owner.id or writers != {owner.id}


def newest_posts(desk: Desk, ask: Ask) -> Answer:
    """The stream of public posts, newest first; *before* is inclusive."""
    state, view = desk.community, ask.view
    # Read like Ruby's ``to_i``; what gives no number above zero asks for the newest.
    number = re.match(r"\s*\+?(\d{1,18})", ask.query.get("before") or "")
    last = (int(number[1]) if number else 0) or state.last_post_id
    posts = state.newest(last)
    if not desk.settings.modern:
        # A window of ids, whatever of it may be shown.
        posts = takewhile(lambda post: post.id > last - FEED, posts)
    shown = islice((post for post in posts if in_feed(view, post)), FEED)
    threads: dict[int, Thread] = {}
    found = []
    for post in shown:
        if post.topic_id not in threads:
            threads[post.topic_id] = thread_of(view, state.topics[post.topic_id])
        found.append(feed_post_json(view, post, threads[post.topic_id]))
    return json_answer({"latest_posts": found})


def in_feed(view: View, post: Post) -> bool:
    """Whether a post shows among the newest posts, and in what a search finds."""
    return (
        post.type is PostType.REGULAR
        and post.deleted_at is None
        and not post.hidden
        and view.state.topics[post.topic_id].visible
        and view.state.may_list(view.state.topics[post.topic_id], view.reader)
    )


_NAME = r"(?P<username>[\w.-]+)"
ROUTES = (
    route("GET", r"/(?:latest)?", "list/latest", latest),
    route("GET", r"/new", "list/new", latest),
    route("GET", r"/top(?:/\w+)?", "list/top", top),
    route(
        "GET",
        r"/c/(?:[^/]+/){1,2}(?P<id>\d+)(?P<tail>/none|/l/latest)?",
        "list/category_default",
        category,
    ),
    route("GET", r"/tag/(?:[^/]+/(?=\d))?(?P<name>[^/]+)", "tags/show", tag),
    route("GET", r"/posts", "posts/latest", newest_posts),
    route(
        "GET",
        r"/topics/private-messages(?P<sent>-sent)?/" + _NAME,
        "list/private_messages",
        private_messages,
    ),
)
