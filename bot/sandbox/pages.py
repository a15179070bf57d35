"""What a person's browser gets: plain pages, robots.txt, sitemaps, pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace
from html import escape
from urllib.parse import quote

from bot.sandbox.answers import HTML_TYPE, Answer, Refusal, not_found, text_answer
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.reading import readable_topic
from bot.sandbox.records import Post, Topic
from bot.sandbox.serialise import View
from bot.sandbox.state import State
from bot.sandbox.style import missing_page, page

SITEMAP_SIZE = 10_000
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAA"
    "AABJRU5ErkJggg=="
)
_DISALLOWED: tuple[str, ...] = (
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
    return text_answer(page(title, body), kind=HTML_TYPE)


def home(desk: Desk, ask: Ask) -> Answer:
    """The newest topics, as links."""
    state, view = desk.community, ask.view
    listed = [t for t in state.topics.values() if state.may_list(t, view.reader)]
    return _topics_page(view, state.title, listed)


def of_category(desk: Desk, ask: Ask) -> Answer:
    state, view = desk.community, ask.view
    found = state.categories.get(ask.capture("id"))
    if found is None or not state.may_read(found, view.reader):
        return _missing()
    return _topics_page(view, found.name, _listed(view, category_id=found.id))


def of_tag(desk: Desk, ask: Ask) -> Answer:
    name = ask.captured["name"]
    if name not in desk.community.tags:
        return _missing()
    return _topics_page(ask.view, f"#{name}", _listed(ask.view, tag=name))


def of_member(desk: Desk, ask: Ask) -> Answer:
    """A member's topics; nothing else of people is shown."""
    name = ask.captured["username"]
    if not desk.community.has_user(name):
        return _missing()
    user = desk.community.user(name)
    return _topics_page(ask.view, user.username, _listed(ask.view, user_id=user.id))


def of_group(desk: Desk, ask: Ask) -> Answer:
    """A group's members; empty groups are not known."""
    name = ask.captured["name"]
    members = desk.community.group_members(name)
    if not members:
        return _missing()
    items = "\n".join(
        f'<li><a href="/u/{quote(user.username.lower())}">{escape(user.username)}</a>'
        "</li>"
        for user in members
    )
    return _page(name, f"{_way_home(desk.community)}<h1>{name}</h1>\n<ul>{items}</ul>")


def _listed(
    view: View,
    *,
    category_id: int | None = None,
    tag: str | None = None,
    user_id: int | None = None,
) -> list[Topic]:
    return [
        topic
        for topic in view.state.topics.values()
        if view.state.may_list(topic, view.reader)
        and category_id in {None, topic.category_id}
        and (tag is None or tag in topic.tags)
        and user_id in {None, topic.user_id}
    ]


def _topics_page(view: View, title: str, topics: list[Topic]) -> Answer:
    state = view.state
    topics.sort(key=lambda topic: topic.bumped_at, reverse=True)
    items = "\n".join(
        f'<li><a href="/t/{topic.slug}/{topic.id}">{escape(topic.title)}</a> '
        f"({len(state.seen_posts(topic, None))} posts){_solved_mark(topic)}</li>"
        for topic in topics
    )
    above = "" if title == state.title else _way_home(state)
    return _page(title, f"{above}<h1>{escape(title)}</h1>\n<ul>\n{items}\n</ul>")


def _way_home(state: State) -> str:
    return f'<p><a href="/">{escape(state.title)}</a></p>\n'


def _missing() -> Answer:
    words = "Oops! That page does not exist or is private."
    return text_answer(missing_page(words), 404, HTML_TYPE)


def _solved_mark(topic: Topic) -> str:
    return ' <span class="solved">✓ solved</span>' if topic.accepted else ""


def thread(desk: Desk, ask: Ask) -> Answer:
    """A topic for a person to read: all its posts, nothing to click but links."""
    try:
        found = readable_topic(desk, ask, ask.capture("id"))
    except Refusal as refusal:
        raise Refusal(replace(_missing(), status=refusal.answer.status)) from None
    if ask.captured.get("slug") != found.slug:
        number = f"/{ask.captured['number']}" if "number" in ask.captured else ""
        return ask.redirect(f"/t/{found.slug}/{found.id}{number}")
    posts = desk.community.seen_posts(found, ask.view.reader)
    shown = "\n".join(_post(ask.view, found, post) for post in posts)
    title = ask.view.title(found)
    category = desk.community.categories.get(found.category_id or 0)
    place = " · ".join([category.name if category else "Message", *found.tags])
    head = f"{_way_home(desk.community)}<h1>{escape(title)}</h1>\n"
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
    settings = desk.settings
    if settings.overridden_robots_txt:
        return text_answer(settings.overridden_robots_txt)
    if not settings.allow_index_in_robots_txt:
        return text_answer("\n".join(_rules("*", ["/"])))
    for_agent: dict[str, tuple[str, ...]]
    if settings.allowed_crawler_user_agents:
        for_agent = dict.fromkeys(settings.allowed_crawler_user_agents, _DISALLOWED)
        for_agent["*"] = ("/",)
    else:
        for_agent = {name: ("/",) for name in settings.blocked_crawler_user_agents}
        for_agent["*"] = _DISALLOWED
    lines = [line for each in for_agent.items() for line in _rules(*each)]
    if settings.sitemap and not settings.login_required:
        lines.append(f"Sitemap: {desk.community.addresses.forum}/sitemap.xml")
    return text_answer("\n".join(lines) + "\n")


def _rules(agent: str, paths: Iterable[str]) -> list[str]:
    return [f"User-agent: {agent}", *(f"Disallow: {path}" for path in paths), ""]


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
        start = (ask.capture("which") - 1) * SITEMAP_SIZE
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
    route(
        "GET",
        r"/c/(?:[^/]+/){1,2}(?P<id>\d+)(?:/none|/l/latest)?",
        "list/category_default",
        of_category,
        "html",
    ),
    route("GET", r"/tag/(?P<name>[^/]+)(?:/\d+)?", "tags/show", of_tag, "html"),
    route("GET", r"/u/(?P<username>[\w.-]+)", "users/show", of_member, "html"),
    route("GET", r"/(?:g|groups)/(?P<name>[\w.-]+)", "groups/show", of_group, "html"),
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
