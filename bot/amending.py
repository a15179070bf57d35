"""A reply that stands on the forum, as it reads once something has changed. Pure.

It starts from the text that stands there, not from what was once composed: whatever
moderators changed in it stays. Doing it twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.catalogue import Catalogue
from bot.escape import link_target
from bot.topic import marker
from kb.types import TopicId

# A link of ours and what belongs to it, see `bot.compose`; editors of the forum write
# other bullets.
_ITEM = re.compile(r" {0,3}(?:[*+-]|\d{1,2}[.)])[ \t]+[\u200f\u200e\u2068]*\[")
_CLOSING = re.compile(r"\[/(?:quote|details)\]")
_FOLDED = "[details="
# How a reply begins that we folded.
_FOLD = re.compile(
    r"\s*[^\n]*\]\((?P<url>https?://[^)\s]*/t/\d+/\d+)\)[ \t]*\n\s*"
    r"\[details=[^\n]*\][ \t]*\n\s*"
)
_DETAILS = re.compile(r"\[(?P<end>/)?details\b[^\]\n]*\]", re.IGNORECASE)


def without_links(
    body: str, urls: Collection[str], *, others: Collection[str] = ()
) -> str | None:
    """*body* without the items that lead to *urls*; ``None`` when no item is left, and
    none of *others* either. Such a link that is no item of a list stays; see
    `links_left`.

    >>> body = "These may help:\\n\\n- [A](https://x.org/a) · docs\\n  > yes\\n\\n"
    >>> body += "- [B](https://x.org/b) · docs\\n\\n*I am a bot.*"
    >>> print(without_links(body, {"https://x.org/a"}))
    These may help:
    <BLANKLINE>
    - [B](https://x.org/b) · docs
    <BLANKLINE>
    *I am a bot.*
    >>> without_links(body, {"https://x.org/a", "https://x.org/b"}) is None
    True
    """
    targets = [f"]({link_target(url)})" for url in urls]
    if not any(target in body for target in targets):
        return body
    kept: list[str] = []
    items, dropping = 0, False
    for line in body.split("\n"):
        if _ITEM.match(line):
            dropping = any(target in line for target in targets)
            items += not dropping
        elif line and not line.startswith("  "):
            dropping = False
        if not dropping:
            kept.append(line)
    rest = "\n".join(kept).strip("\n")
    return rest if items or links_left(rest, others) else None


def links_left(body: str, urls: Collection[str]) -> int:
    """How many of *urls* a text still links to.

    >>> links_left("[Backups](https://x.org/a)", ["https://x.org/a"])
    1
    >>> links_left("[Backups](https://x.org/a/b)", ["https://x.org/a"])
    0
    """
    return sum(f"]({link_target(url)})" in body for url in urls)


def is_folded(body: str) -> bool:
    """Whether a reply already steps back behind a member's solution."""
    return _FOLDED in body


def folded(body: str, *, solution: str, topic_id: TopicId, words: Catalogue) -> str:
    """*body* behind a first line that leads to the solution of a member; in one that
    is folded already, that line leads there.

    Args:
        solution: Address of the solution.
    """
    fold = _FOLD.match(body)
    if fold:
        url = link_target(solution)
        return f"{body[: fold.start('url')]}{url}{body[fold.end('url') :]}"
    if is_folded(body):
        return body
    mark = marker(topic_id)
    blocks = [block for block in _blocks(body.replace(mark, "")) if block]
    last = max(
        (
            index
            for index, block in enumerate(blocks)
            if _is_item(block) or _CLOSING.search(block)
        ),
        default=len(blocks) - 1,
    )
    # Translators: first line of an answer of the bot, once a member solved the topic.
    solved = words.gettext("A member has answered this:")
    # Translators: the text of a link.
    link = words.gettext("to the solution")
    # Translators: what a fold is called, under which older links of the bot are.
    summary = words.gettext("What I pointed to before").replace('"', "")
    start = words.line_start
    return "\n\n".join(
        [
            f"{start}{solved} [{link}]({link_target(solution)})",
            f'[details="{summary}"]',
            *blocks[: last + 1],
            "[/details]",
            *blocks[last + 1 :],
            mark,
        ]
    )


def unfolded(body: str) -> str:
    """*body* as it was before it was folded; as it is where we did not fold it.

    >>> unfolded('Solved: [here](https://f.org/t/7/3)\\n\\n[details="Before"]\\n\\n'
    ...     '- [A](https://x.org)\\n\\n[/details]\\n\\nA bot.')
    '- [A](https://x.org)\\n\\nA bot.'
    """
    fold = _FOLD.match(body)
    if not fold:
        return body
    depth = 1
    for tag in _DETAILS.finditer(body, fold.end()):
        depth += -1 if tag["end"] else 1
        if not depth:
            inside = body[fold.end() : tag.start()].rstrip()
            return f"{inside}\n\n{body[tag.end() :].lstrip()}"
    return body


def withdrawn(topic_id: TopicId, words: Catalogue) -> str:
    """What is left of a reply that may not be deleted."""
    # Translators: all that is left of an answer of the bot.
    line = words.gettext("I have withdrawn what I wrote here.")
    return f"{words.line_start}{line}\n\n{marker(topic_id)}"


def _blocks(body: str) -> list[str]:
    return re.split(r"\n{2,}", body.strip("\n"))


def _is_item(block: str) -> bool:
    return _ITEM.match(block) is not None
