"""What a person's browser gets: plain pages, robots.txt, sitemaps, pictures."""

from __future__ import annotations

import base64
from html import escape

from bot.sandbox.answers import HTML_TYPE, Answer, Refusal, not_found, text_answer
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.reading import readable_topic
from bot.sandbox.records import Post, Topic
from bot.sandbox.serialise import View
from bot.sandbox.style import LOOKS

SITEMAP_SIZE = 10_000
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAA"
    "AABJRU5ErkJggg=="
)
_DISALLOWED = (
    "/admin/",
    "/auth/",
    "/assets/browser-update*.js",
    "/email/",
    "/session",
    "/user-api-key",
    "/*?api_key*",
    "/*?*api_key*",
    "/badges",
    "/my",
    "/search",
    "/tag/*/l",
    "/g",
    "/t/*/*.rss",
    "/c/*.rss",
)


def _page(title: str, body: str) -> Answer:
    return text_answer(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}'
        f"</title>{LOOKS}</head>\n<body>\n{body}\n</body></html>\n",
        kind=HTML_TYPE,
    )


def home(desk: Desk, ask: Ask) -> Answer:
    """The newest topics, as links."""
    state, view = desk.community, ask.view
    listed = [t for t in state.topics.values() if state.may_list(t, view.reader)]
    listed.sort(key=lambda topic: topic.bumped_at, reverse=True)
    items = "\n".join(
        f'<li><a href="/t/{topic.slug}/{topic.id}">{escape(topic.title)}</a> '
        f"({len(state.seen_posts(topic, None))} posts){_solved_mark(topic)}</li>"
        for topic in listed
    )
    title = escape(state.title)
    return _page(title, f"<h1>{title}</h1>\n<ul>\n{items}\n</ul>")


def _solved_mark(topic: Topic) -> str:
    return ' <span class="solved">✓ solved</span>' if topic.accepted else ""


def thread(desk: Desk, ask: Ask) -> Answer:
    """A topic for a person to read: all its posts, nothing to click but links."""
    try:
        found = readable_topic(desk, ask, ask.capture("id"))
    except Refusal as refusal:
        page = "<h1>Oops! That page does not exist or is private.</h1>"
        return text_answer(page, refusal.answer.status, HTML_TYPE)
    if ask.captured.get("slug") != found.slug:
        number = f"/{ask.captured['number']}" if "number" in ask.captured else ""
        return ask.redirect(f"/t/{found.slug}/{found.id}{number}")
    posts = desk.community.seen_posts(found, ask.view.reader)
    shown = "\n".join(_post(ask.view, found, post) for post in posts)
    title = escape(ask.view.title(found))
    category = desk.community.categories.get(found.category_id or 0)
    place = " · ".join([category.name if category else "Message", *found.tags])
    head = f'<p><a href="/">{escape(desk.community.title)}</a></p>\n<h1>{title}</h1>\n'
    marks = f'<p class="by">{escape(place)}{_solved_mark(found)}</p>\n'
    return _page(title, head + marks + shown)


def _post(view: View, topic: Topic, post: Post) -> str:
    author = view.state.users[post.user_id].username
    accepted = (
        ' <span class="solved">✓ solution</span>' if post.id in topic.accepted else ""
    )
    body = view.cooked(post) or f"<p><em>{escape(post.action_code or '')}</em></p>"
    return (
        f'<article id="post_{post.number}">\n<p class="by">#{post.number} '
        f"<b>{escape(author)}</b> {post.created_at:%Y-%m-%d %H:%M}{accepted}</p>\n"
        f"{body}\n</article>"
    )


def robots(desk: Desk, ask: Ask) -> Answer:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in _DISALLOWED), ""]
    if desk.settings.sitemap and not desk.settings.login_required:
        lines.append(f"Sitemap: {desk.community.addresses.forum}/sitemap.xml")
    return text_answer("\n".join(lines) + "\n")


def sitemap_index(desk: Desk, ask: Ask) -> Answer:
    if not desk.settings.sitemap:
        raise Refusal(not_found())
    forum = desk.community.addresses.forum
    count = max(1, -(-len(_mapped(desk)) // SITEMAP_SIZE))
    names = [f"sitemap_{number}" for number in range(1, count + 1)]
    rows = "".join(
        f"<sitemap><loc>{forum}/{name}.xml</loc></sitemap>"
        for name in [*names, "sitemap_recent"]
    )
    return _sitemap("sitemapindex", rows)


def sitemap(desk: Desk, ask: Ask) -> Answer:
    """A page of all public topics, or those of the last three days."""
    if not desk.settings.sitemap:
        raise Refusal(not_found())
    topics, which = _mapped(desk), ask.captured["which"]
    if which == "recent":
        now = desk.community.now()
        topics = [topic for topic in topics if (now - topic.bumped_at).days < 3]
    else:
        start = (int(which) - 1) * SITEMAP_SIZE
        topics = topics[start : start + SITEMAP_SIZE]
    forum = desk.community.addresses.forum
    rows = "".join(
        f"<url><loc>{forum}/t/{topic.slug}/{topic.id}</loc>"
        f"<lastmod>{topic.bumped_at:%Y-%m-%dT%H:%M:%SZ}</lastmod></url>"
        for topic in topics
    )
    return _sitemap("urlset", rows)


def _mapped(desk: Desk) -> list[Topic]:
    state = desk.community
    return [t for t in state.topics.values() if t.visible and state.may_list(t, None)]


def _sitemap(kind: str, rows: str) -> Answer:
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    text = f'{head}<{kind} xmlns="{space}">{rows}</{kind}>'
    return text_answer(text, kind="text/xml; charset=utf-8")


def picture(desk: Desk, ask: Ask) -> Answer:
    """Every upload, avatar and emoji is the same transparent pixel."""
    return Answer(200, _PIXEL, {"Content-Type": "image/png"})


def login(desk: Desk, ask: Ask) -> Answer:
    return _page("Log in", "<h1>You need to be logged in.</h1>")


ROUTES = (
    route("GET", r"/(?:latest|categories)?", "list/latest", home, "html"),
    route(
        "GET",
        r"/t/(?:(?P<slug>[^/]*[^/\d][^/]*)/)?(?P<id>\d+)(?:/(?P<number>\d+))?",
        "topics/show",
        thread,
        "html",
    ),
    route("GET", r"/robots\.txt", "robots_txt/index", robots, "any"),
    route("GET", r"/sitemap\.xml", "sitemap/index", sitemap_index, "any"),
    route(
        "GET", r"/sitemap_(?P<which>\d+|recent)\.xml", "sitemap/page", sitemap, "any"
    ),
    route(
        "GET", r"/(?:uploads|images|letter_avatar_proxy)/.+", "uploads", picture, "any"
    ),
    route("GET", r"/login", "static/enter", login, "any"),
)
