"""Reading topics and posts."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from bot.sandbox.answers import (
    TOO_MANY,
    Answer,
    Refusal,
    errors,
    forbidden,
    gone_topic,
    json_answer,
    missing_topic,
    not_found,
    not_logged_in,
    text_answer,
)
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.records import Post, Topic
from bot.sandbox.serialise import Json, post_json, post_url, thread_of
from bot.sandbox.serialise_topics import CHUNK, topic_json

PRINTED = 1000
PRINTS_PER_HOUR = 5
RAW_PER_PAGE = 100
_RULE = "\n\n-------------------------\n\n"


def readable_topic(desk: Desk, ask: Ask, topic_id: int) -> Topic:
    """The topic, or the refusal that fits why the reader may not have it."""
    state, reader = desk.community, ask.view.reader
    topic, detailed = state.topics.get(topic_id), desk.settings.detailed_404
    if topic is None:
        raise Refusal(missing_topic())
    if state.may_see(topic, reader):
        return topic
    if detailed and topic.deleted_at is not None:
        raise Refusal(gone_topic())
    if detailed:
        raise Refusal(not_logged_in() if reader is None else forbidden())
    raise Refusal(missing_topic())


def readable_post(desk: Desk, ask: Ask, post_id: int) -> Post:
    """The post, or the refusal that fits why the reader may not have it."""
    state, view = desk.community, ask.view
    post = state.posts.get(post_id)
    topic = state.topics.get(post.topic_id) if post else None
    if post is None or topic is None:
        raise Refusal(not_found())
    if topic.deleted_at is not None and not view.staff:
        raise Refusal(not_found())
    seen = state.seen_posts(topic, view.reader, deleted=True)
    if not state.may_see(topic, view.reader) or post not in seen:
        raise Refusal(forbidden() if desk.settings.detailed_404 else not_found())
    return post


def topic(desk: Desk, ask: Ask) -> Answer:
    """A topic: 20 posts of a page, or around a post number, and the ids of all."""
    found = readable_topic(desk, ask, ask.capture("id"))
    slug = ask.captured.get("slug")
    near = ask.capture("number") if "number" in ask.captured else None
    if slug is not None and slug != found.slug:
        kept = [pair for pair in ask.query.pairs if pair[0] in {"page", "print"}]
        tail = f"/{near}" if near is not None else ""
        return ask.redirect(f"/t/{found.slug}/{found.id}{tail}", urlencode(kept))
    chunk = _chunk(desk, ask)
    shown = ask.view.state.seen_posts(
        found, ask.view.reader, deleted=ask.query.flag("show_deleted")
    )
    number = ask.query.number("page")
    if number is not None and number < 0:
        raise Refusal(missing_topic())
    last_page = max(1, -(-len(shown) // chunk))
    if number is not None and number > last_page:
        if not desk.settings.modern:
            raise Refusal(missing_topic())
        kept = [("page", str(last_page))]
        if ask.query.flag("print"):
            kept.append(("print", "true"))
        return ask.redirect(f"/t/{found.slug}/{found.id}", urlencode(kept))
    if near is not None and number is None:
        start = _start_near(shown, near, chunk)
    else:
        start = ((number or 1) - 1) * chunk
    page = shown[start : start + chunk]
    raw = "include_raw" in ask.query
    content = topic_json(ask.view, found, page, raw=raw, current=near or 1)
    unlisted = {} if found.visible else {"X-Robots-Tag": "noindex"}
    return json_answer(content, headers=unlisted)


def _chunk(desk: Desk, ask: Ask) -> int:
    """Posts per page; the printed form is rationed, all visitors share one ration."""
    if not ask.query.flag("print"):
        return CHUNK
    reader = ask.view.reader
    if reader is None or not reader.admin:
        whose = reader.id if reader else None
        if desk.limits.allow(f"print {whose}", PRINTS_PER_HOUR, timedelta(hours=1)):
            raise Refusal(errors(422, TOO_MANY))
    return PRINTED


def _start_near(posts: list[Post], number: int, chunk: int) -> int:
    """Where a page of posts around post *number* starts."""
    before = sum(post.number < number for post in posts)
    return max(0, min(before - 5, len(posts) - chunk))


def topic_by_slug(desk: Desk, ask: Ask) -> Answer:
    for found in desk.community.topics.values():
        if found.slug == ask.captured["slug"]:
            readable_topic(desk, ask, found.id)
            return ask.redirect(f"/t/{found.slug}/{found.id}")
    raise Refusal(missing_topic())


def topic_posts(desk: Desk, ask: Ask) -> Answer:
    """Chosen posts of a topic; ids that are not its own are dropped silently."""
    found = readable_topic(desk, ask, ask.capture("id"))
    seen = ask.view.state.seen_posts(found, ask.view.reader)
    # Superscripts are digits too, but no numbers.
    asked = ask.query.many("post_ids")
    wanted = {int(each) for each in asked if each.isdecimal() and len(each) < 19}
    after = ask.query.number("post_number")
    if asked:
        chosen = [post for post in seen if post.id in wanted]
    elif after is not None and ask.query.flag("asc"):
        chosen = [post for post in seen if post.number > after][:CHUNK]
    elif after is not None:
        chosen = [post for post in seen if post.number < after][-CHUNK:]
    else:
        chosen = seen[:CHUNK]
    raw = "include_raw" in ask.query
    thread = thread_of(ask.view, found)
    posts = [
        post_json(ask.view, post, thread, raw=raw, in_topic=True) for post in chosen
    ]
    return json_answer({"post_stream": {"posts": posts}, "id": found.id})


def topic_post_ids(desk: Desk, ask: Ask) -> Answer:
    found = readable_topic(desk, ask, ask.capture("id"))
    after = ask.query.number("post_number") or 0
    seen = ask.view.state.seen_posts(found, ask.view.reader)
    return json_answer({"post_ids": [p.id for p in seen if p.number > after]})


def raw_topic(desk: Desk, ask: Ask) -> Answer:
    """The Markdown of a topic, 100 posts a page, or of one post."""
    found = readable_topic(desk, ask, ask.capture("id"))
    state = desk.community
    seen = [
        post
        for post in state.seen_posts(found, ask.view.reader)
        if not ask.view.conceals(post)
    ]
    if "number" in ask.captured:
        for post in seen:
            if post.number == ask.capture("number"):
                return text_answer(post.raw)
        raise Refusal(not_found())
    start = ((ask.query.number("page", least=1) or 1) - 1) * RAW_PER_PAGE
    text = "".join(
        f"{state.users[post.user_id].username} | "
        f"{post.updated_at:%Y-%m-%d %H:%M:%S} UTC | #{post.number}\n\n"
        f"{post.raw}{_RULE}"
        for post in seen[start : start + RAW_PER_PAGE]
    )
    return text_answer(text)


def post(desk: Desk, ask: Ask) -> Answer:
    found = readable_post(desk, ask, ask.capture("id"))
    return json_answer(alone(ask, found))


def alone(ask: Ask, post: Post) -> Json:
    """A post as it is served by itself: with its raw text."""
    found = post_json(ask.view, post, raw=True)
    if ask.view.staff:
        found["reviewable_id"] = None
    return found


def post_by_number(desk: Desk, ask: Ask) -> Answer:
    found = readable_topic(desk, ask, ask.capture("id"))
    for each in desk.community.seen_posts(found, ask.view.reader):
        if each.number == ask.capture("number"):
            return json_answer(alone(ask, each))
    raise Refusal(not_found())


def post_raw(desk: Desk, ask: Ask) -> Answer:
    found = readable_post(desk, ask, ask.capture("id"))
    if ask.view.conceals(found):
        raise Refusal(forbidden())
    return text_answer(found.raw)


def post_cooked(desk: Desk, ask: Ask) -> Answer:
    found = readable_post(desk, ask, ask.capture("id"))
    return json_answer({"cooked": ask.view.cooked(found)})


def post_replies(desk: Desk, ask: Ask) -> Answer:
    """Up to 20 replies to a post."""
    found = readable_post(desk, ask, ask.capture("id"))
    after = ask.query.number("after") or 1
    topic = desk.community.topics[found.topic_id]
    replies = [
        each
        for each in desk.community.seen_posts(topic, ask.view.reader)
        if each.reply_to == found.number and each.number > after
    ]
    thread = thread_of(ask.view, topic)
    return json_answer([post_json(ask.view, each, thread) for each in replies[:CHUNK]])


def post_address(desk: Desk, ask: Ask) -> Answer:
    found = readable_post(desk, ask, ask.capture("id"))
    topic = desk.community.topics[found.topic_id]
    return ask.redirect(post_url(topic, found))


ROUTES = (
    route("GET", r"/t/(?P<id>\d+)(?:/(?P<number>\d+))?", "topics/show", topic),
    route("GET", r"/t/(?P<id>\d+)/posts", "topics/posts", topic_posts),
    route("GET", r"/t/(?P<id>\d+)/post_ids", "topics/post_ids", topic_post_ids),
    route(
        "GET",
        r"/t/(?P<slug>[^/]+)/(?P<id>\d+)(?:/(?P<number>\d+))?",
        "topics/show",
        topic,
    ),
    route("GET", r"/t/(?P<slug>[^/]+)", "topics/id_for_slug", topic_by_slug),
    route(
        "GET",
        r"/raw/(?P<id>\d+)(?:/(?P<number>\d+))?",
        "posts/markdown_num",
        raw_topic,
        "any",
    ),
    route("GET", r"/posts/(?P<id>\d+)", "posts/show", post),
    route("GET", r"/posts/(?P<id>\d+)/raw", "posts/markdown_id", post_raw, "any"),
    route("GET", r"/posts/(?P<id>\d+)/cooked", "posts/cooked", post_cooked),
    route("GET", r"/posts/(?P<id>\d+)/replies", "posts/replies", post_replies),
    route(
        "GET",
        r"/posts/by_number/(?P<id>\d+)/(?P<number>\d+)",
        "posts/by_number",
        post_by_number,
    ),
    route("GET", r"/p/(?P<id>\d+)", "posts/short_link", post_address, "any"),
)
