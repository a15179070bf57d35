"""The site itself: categories, tags, members, their notices and queues."""

from __future__ import annotations

from bot.sandbox.answers import (
    Answer,
    Refusal,
    forbidden,
    json_answer,
    not_found,
    not_logged_in,
)
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.serialise import (
    avatar,
    stamp,
)
from bot.sandbox.serialise_people import about_json, notifications_json
from bot.sandbox.serialise_profile import profile_json
from bot.sandbox.serialise_site import (
    basic_info_json,
    categories_json,
    flat_category,
    site_json,
    tags_index_json,
)


def categories(desk: Desk, ask: Ask) -> Answer:
    nested = ask.query.flag("include_subcategories")
    page = ask.query.number("page", least=1) or 1
    return json_answer(categories_json(ask.view, nested=nested, page=page))


def category(desk: Desk, ask: Ask) -> Answer:
    """One category by its id."""
    found = desk.community.categories.get(ask.capture("id"))
    if found is None:
        raise Refusal(not_found())
    if not desk.community.may_read(found, ask.view.reader):
        raise Refusal(forbidden() if desk.settings.detailed_404 else not_found())
    return json_answer({"category": flat_category(ask.view, found)})


def site(desk: Desk, ask: Ask) -> Answer:
    return json_answer(site_json(ask.view))


def basic_info(desk: Desk, ask: Ask) -> Answer:
    return json_answer(basic_info_json(ask.view))


def about(desk: Desk, ask: Ask) -> Answer:
    return json_answer(about_json(ask.view))


def tags(desk: Desk, ask: Ask) -> Answer:
    return json_answer(tags_index_json(ask.view))


def profile(desk: Desk, ask: Ask) -> Answer:
    name = ask.captured["username"]
    if not desk.community.has_user(name):
        raise Refusal(not_found())
    return json_answer(profile_json(ask.view, desk.community.user(name)))


def notifications(desk: Desk, ask: Ask) -> Answer:
    """The reader's own notices."""
    reader = ask.view.reader
    if reader is None:
        raise Refusal(not_logged_in())
    own = [each for each in desk.community.notifications if each.user_id == reader.id]
    return json_answer(notifications_json(ask.view, own[-60:]))


def pending(desk: Desk, ask: Ask) -> Answer:
    """The posts of a member that wait for approval, for that member and staff."""
    state, view, name = desk.community, ask.view, ask.captured["username"]
    if not state.has_user(name):
        raise Refusal(not_found())
    owner = state.user(name)
    if view.reader is None or (view.reader is not owner and not view.staff):
        raise Refusal(forbidden())
    found = []
    for waiting in state.pending:
        topic = state.topics.get(waiting.topic_id or 0)
        if waiting.user_id == owner.id:
            found.append(
                {
                    "id": waiting.id,
                    "avatar_template": avatar(owner),
                    "category_id": topic.category_id if topic else waiting.category_id,
                    "created_at": stamp(waiting.created_at),
                    "created_by_id": owner.id,
                    "name": owner.name,
                    "raw_text": waiting.raw,
                    "title": topic.title if topic else waiting.title,
                    "topic_id": waiting.topic_id,
                    "topic_url": f"/t/{topic.slug}/{topic.id}" if topic else None,
                    "username": owner.username,
                }
            )
    return json_answer({"pending_posts": found})


_NAME = r"(?P<username>[\w.-]+)"


ROUTES = (
    route("GET", r"/tags", "tags/index", tags),
    route("GET", r"/posts/" + _NAME + "/pending", "posts/pending", pending),
    route("GET", r"/categories", "categories/index", categories),
    route("GET", r"/c/(?P<id>\d+)/show", "categories/show", category),
    route("GET", r"/site", "site/site", site),
    route("GET", r"/site/basic-info", "site/basic_info", basic_info),
    route("GET", r"/about", "about/index", about),
    route("GET", r"/u/" + _NAME, "users/show", profile),
    route("GET", r"/notifications", "notifications/index", notifications),
)
