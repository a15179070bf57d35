"""Which topics of a list are asked for, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from bot.sandbox.answers import Refusal, bad_parameter
from bot.sandbox.exchange import Ask
from bot.sandbox.records import Topic
from bot.sandbox.serialise import View
from bot.sandbox.state import State

_MAX_IDS = 100
Check = Callable[[Topic], bool]

ORDERS: dict[str, Callable[[View, Topic], object]] = {
    "default": lambda _view, topic: topic.bumped_at,
    "activity": lambda _view, topic: topic.bumped_at,
    "created": lambda _view, topic: topic.created_at,
    "views": lambda _view, topic: topic.views,
    "posts": lambda view, topic: _size(view, topic),
    "category": lambda _view, topic: topic.category_id or 0,
    "likes": lambda view, topic: sum(
        post.like_count for post in view.state.seen_posts(topic, None)
    ),
    "op_likes": lambda view, topic: sum(
        post.like_count for post in view.state.posts_of(topic.id)[:1]
    ),
    "posters": lambda view, topic: len(
        {post.user_id for post in view.state.seen_posts(topic, None)}
    ),
}
STATUSES: dict[str, Check] = {
    "open": lambda topic: not (topic.closed or topic.archived),
    "closed": lambda topic: topic.closed,
    "archived": lambda topic: topic.archived,
    "listed": lambda topic: topic.visible,
    "unlisted": lambda topic: not topic.visible,
    "solved": lambda topic: bool(topic.accepted),
    "unsolved": lambda topic: not topic.accepted,
}


def filtered(ask: Ask, topics: Iterable[Topic]) -> list[Topic]:
    """Those of *topics* that the query asks for; unknown words ask for nothing.

    Raises:
        Refusal: A number is none, as 400.
    """
    checks = [*_by_numbers(ask), *_by_tags(ask), *_by_category(ask)]
    status = ask.query.get("status")
    if status in STATUSES:
        checks.append(STATUSES[status])
    solved = ask.query.get("solved")
    if solved in {"yes", "no"}:
        checks.append(STATUSES["solved" if solved == "yes" else "unsolved"])
    return [topic for topic in topics if all(check(topic) for check in checks)]


def _size(view: View, topic: Topic) -> int:
    return len(view.state.seen_posts(topic, None))


def _by_numbers(ask: Ask) -> Iterable[Check]:
    view, query = ask.view, ask.query
    now = view.state.now()
    least, most = query.number("min_posts", least=0), query.number("max_posts", least=0)
    if least is not None:
        yield lambda topic: _size(view, topic) >= least
    if most is not None:
        yield lambda topic: _size(view, topic) <= most
    # Both are numbers of days, and 0 asks for nothing.
    before = query.number("before", least=0)
    if before:
        yield lambda topic: topic.created_at < now - timedelta(days=before)
    bumped_before = query.number("bumped_before", least=0)
    if bumped_before:
        yield lambda topic: topic.bumped_at < now - timedelta(days=bumped_before)
    listed = query.many("topic_ids") or (query.get("topic_ids") or "").split(",")
    ids = [each.strip() for each in listed if each.strip()]
    if len(ids) > _MAX_IDS or not all(each.isdecimal() for each in ids):
        raise Refusal(bad_parameter("topic_ids"))
    if ids:
        yield lambda topic: str(topic.id) in ids


def _by_tags(ask: Ask) -> Iterable[Check]:
    query = ask.query
    tags = set(query.many("tags"))
    if tags and query.flag("match_all_tags"):
        yield lambda topic: tags <= set(topic.tags)
    elif tags:
        yield lambda topic: not tags.isdisjoint(topic.tags)
    unwanted = {*query.many("exclude_tag"), query.get("exclude_tag")}
    yield lambda topic: unwanted.isdisjoint(topic.tags)
    if query.flag("no_tags"):
        yield lambda topic: not topic.tags


def _by_category(ask: Ask) -> Iterable[Check]:
    state, named = ask.view.state, ask.query.get("category")
    found = category_named(state, named) if named else None
    if found is not None:
        within = {found}
        if not ask.query.flag("no_subcategories"):
            within |= below(state, found)
        yield lambda topic: topic.category_id in within


def category_named(state: State, named: str) -> int | None:
    """The id of the category with this id, slug or name, in any case."""
    for category in state.categories.values():
        if named.lower() in {str(category.id), category.slug, category.name.lower()}:
            return category.id
    return None


def below(state: State, category_id: int) -> set[int]:
    """The categories below this one."""
    return {c.id for c in state.categories.values() if c.parent_id == category_id}
