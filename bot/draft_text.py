"""How a draft is shown to the moderators. Pure.

They read English here, whatever language the reply is in; the reply itself stands in a
quote without a name, where a forum pings nobody and tells nobody of links.
"""

from __future__ import annotations

import re
from datetime import datetime

from bot.escape import ZERO_WIDTH, inline, label, link_target
from bot.topic import marker
from kb.store import Decision
from kb.types import TopicId

TITLE = "Baraza: replies to approve"
_KEY = re.compile(r"(\d+)(?:\.\d+)?")


def draft_key(topic_id: TopicId, version: int) -> str:
    """The key of a topic's draft among messages.

    >>> draft_key(TopicId(12), 1), draft_key(TopicId(12), 2)
    ('12', '12.2')
    """
    return str(topic_id) if version == 1 else f"{topic_id}.{version}"


def topic_of_key(key: str) -> TopicId | None:
    """The topic that a draft is about.

    >>> topic_of_key("12.2"), topic_of_key("x")
    (12, None)
    """
    found = _KEY.fullmatch(key)
    return TopicId(int(found[1])) if found else None


def draft_marker(key: str) -> str:
    """Stands in the raw text of a draft, so that it is found again.

    >>> draft_marker("12")
    '<!-- baraza:draft=12 -->'
    """
    return f"<!-- baraza:draft={key} -->"


def draft_text(decision: Decision, key: str, *, url: str, expires: datetime) -> str:
    """The Markdown of one draft.

    Args:
        decision: With a body.
        url: Of the topic.
        expires: When it is too late to approve it.

    Raises:
        ValueError: There is nothing to approve.
    """
    if decision.body is None:
        raise ValueError(f"topic {decision.topic_id} has no reply to approve")
    reply = decision.body.replace(marker(decision.topic_id), "").rstrip()
    title = label(decision.title) or f"topic {decision.topic_id}"
    return "\n\n".join(
        (
            f"To be posted in [{title}]({link_target(url)}):",
            f"[quote]\n{_closed(reply)}\n[/quote]",
            "\n".join(f"- {inline(reason)}" for reason in decision.reasons),
            "**Like** this post to have it posted; react with :-1: or delete this post "
            f"to reject it. It expires at {expires:%Y-%m-%d %H:%M} UTC. Just before it "
            "is posted the topic and the links are looked at again.",
            draft_marker(key),
        )
    )


def _closed(reply: str) -> str:
    """A reply's text for within a quote: no end of a quote too many.

    >>> _closed("[quote]\\na\\n[/quote]\\nb [/quote] c").count("[/quote]")
    1
    """
    depth, parts = 0, re.split(r"(\[/?quote\])", reply, flags=re.IGNORECASE)
    kept: list[str] = []
    for part in parts:
        lowered = part.lower()
        if lowered == "[/quote]" and depth == 0:
            kept.append(part[0] + ZERO_WIDTH + part[1:])
            continue
        depth += {"[quote]": 1, "[/quote]": -1}.get(lowered, 0)
        kept.append(part)
    return "".join(kept) + "\n[/quote]" * depth
