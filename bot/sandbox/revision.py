"""What of a topic a request asks to change: its title, category and tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from bot.sandbox.answers import Refusal, bad_parameter, errors, forbidden
from bot.sandbox.desk import Desk
from bot.sandbox.exchange import Ask
from bot.sandbox.records import Topic
from bot.sandbox.validation import title_errors


class Revision(TypedDict, total=False):
    """What of a topic is to change."""

    title: str
    category: str
    tags: Sequence[str]


def sent_revision(desk: Desk, ask: Ask, topic: Topic) -> Revision:
    """The new title, category and tags that were sent, once all of them are found good.

    Raises:
        Refusal: One is not.
    """
    state, form, found = desk.community, ask.form, Revision()
    title, tags = form.get("title") or form.get("post[title]"), sent_tags(desk, ask)
    if title is not None and title != topic.title:
        private = topic.private
        wrong = list(
            title_errors(state, desk.settings, title, tags or (), private=private)
        )
        if wrong:
            raise Refusal(errors(422, *wrong))
        found["title"] = title
    number = form.number("category_id") or form.number("post[category_id]")
    if number is not None:
        category = state.categories.get(number)
        if category is None:
            raise Refusal(bad_parameter("category_id"))
        if not state.may_read(category, ask.user):
            raise Refusal(forbidden())
        found["category"] = category.slug
    if tags is not None:
        found["tags"] = tags
    return found


def sent_tags(desk: Desk, ask: Ask, name: str = "tags") -> list[str] | None:
    """The names of the tags that were sent, ``None`` when nothing was said of them.

    Tags come as names or, since 2026, as objects with a name or an id.
    """
    form = ask.form
    keys = (f"{name}[]", f"{name}[][name]", f"{name}[][id]", f"post[{name}][]")
    if not any(key in form for key in keys):
        return None
    known = {str(number): tag for tag, number in desk.community.tags.items()}
    objects = [value for key, value in form.pairs if key == keys[1]] or [
        known[value] for key, value in form.pairs if key == keys[2] and value in known
    ]
    return [*form.many(name), *form.many(f"post[{name}]"), *objects]
