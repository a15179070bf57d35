"""What a moderator can do about a topic from the report: links, and commands. Pure.

A page that nobody serves cannot act by itself. A link opens the forum's own composer
with an order to the bot filled in, which `bot.commands` understands: the moderator sees
what is ordered, and sends it under their own name.
"""

from __future__ import annotations

import shlex
from urllib.parse import quote, urlencode

from bot.report.model import Action, Topic


def actions_for(
    topic: Topic,
    *,
    forum_url: str = "",
    bot: str | None = None,
    bot_source: str | None = None,
    draft_waits: bool = False,
    draft_url: str = "",
    commands: bool = True,
) -> tuple[Action, ...]:
    """What can be done about a topic: open it, read its draft, approve or reject that,
    say that it is no question.

    Args:
        forum_url: Of the forum that the bot watches.
        bot: Its account there; ``None``: it reads no mail, and takes no orders.
        bot_source: Name of that forum in the config. Topics of others, as of an
            archive, have no drafts, and are marked at a terminal alone.
        draft_waits: For a moderator's word.
        draft_url: Where it can be read; a like of it approves it, too.
        commands: The reader has a terminal.

    Returns:
        In that order; an action that nothing does is left out.
    """
    is_watched = topic.source == bot_source
    takes_orders = is_watched and bool(bot) and _is_web(forum_url)
    found = [Action("open", _web(topic.url))]
    # Without a number of its own a topic cannot be named.
    if topic.key.isascii() and topic.key.isdecimal():
        if draft_waits and is_watched:
            if _web(draft_url):
                found.append(Action("read_draft", _web(draft_url)))
            for name, order in (
                ("approve", "approve draft"),
                ("reject", "reject draft"),
            ):
                found.append(
                    Action(
                        name,
                        order_link(
                            forum_url, bot or "", f"{order} {topic.key}", topic.key
                        )
                        if takes_orders
                        else "",
                        f"baraza {name} {topic.key}" if commands else "",
                    )
                )
        order = f"not a question {topic.key}"
        where = "" if is_watched else f" --source {shlex.quote(topic.source)}"
        found.append(
            Action(
                "not_a_question",
                order_link(forum_url, bot or "", order, topic.key)
                if takes_orders
                else "",
                f"baraza mark {topic.key} not-a-question{where}" if commands else "",
            )
        )
    return tuple(action for action in found if action.url or action.command)


def order_link(forum_url: str, bot: str, order: str, key: str) -> str:
    """Opens the composer of the forum with a private message to the bot.

    The order is the text: forums refuse one of less than ten characters. The subject
    is none, so that whoever writes something else orders nothing.

    >>> order_link("https://forum.example/", "baraza", "approve draft 812", "812")
    'https://forum.example/new-message?username=baraza&title=About%20topic%20812&body=approve%20draft%20812'
    """
    asked = {"username": bot, "title": f"About topic {key}", "body": order}
    query = urlencode(asked, quote_via=quote, safe="")
    return f"{forum_url.rstrip('/')}/new-message?{query}"


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _web(url: str) -> str:
    """Nobody is led to what is no address of the web."""
    return url if _is_web(url) else ""
