"""Words that are alive in a post: bare links, mentions, emoji, hashtags.

Two rules for the Markdown parser. Links come before typography, which would spoil
them; the rest comes last, when escapes have become text again: ``\\@ann`` still calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from bot.sandbox.kitchen import Kitchen, parts_of

_EMOJI_NAMES = (
    "+1 -1 blush bug bulb cat clap coffee confused cry eyes grin grinning heart"
    " heavy_check_mark hugs joy laughing memo muscle ok_hand pensive point_down"
    " point_right pray question rocket sad slight_smile slightly_smiling_face smile"
    " smiley sob star sunglasses sweat sweat_smile tada thinking thumbsup"
    " upside_down_face warning wave white_check_mark wink x"
)
EMOJI = frozenset(_EMOJI_NAMES.split())


_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


_LIVE = re.compile(
    r"(?P<mention>(?<![\w@/])@(?P<name>\w[\w.-]{0,58}[^\W_]|\w))"
    r"|:(?P<emoji>[a-z0-9_+-]+):"
    r"|(?P<hashtag>(?<![\w/&])#(?P<slug>[\w-]+(?::[\w-]+)?))",
    re.ASCII,
)


def bare_urls(text: str) -> Iterator[tuple[int, int]]:
    """Where bare links stand in *text*; trailing punctuation is not theirs.

    >>> text = "see (http://a.b/c), ok"
    >>> [text[start:end] for start, end in bare_urls(text)]
    ['http://a.b/c']
    """
    for found in _URL.finditer(text):
        end = found.end()
        while end > found.start() and text[end - 1] in ".,;:!?'*_)”’":
            url = text[found.start() : end]
            if text[end - 1] == ")" and url.count("(") >= url.count(")"):
                break
            end -= 1
        if parts_of(text[found.start() : end]) is not None:
            yield found.start(), end


def linkify(state: StateCore) -> None:
    """Turn bare links into links; before typography, which would spoil them."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = list(_linkified(token.children or []))


def _linkified(children: Sequence[Token]) -> Iterator[Token]:
    inside = 0
    for child in children:
        inside += _link_step(child)
        if child.type != "text" or inside:
            yield child
            continue
        position = 0
        for start, end in bare_urls(child.content):
            url = child.content[start:end]
            yield _text(child.content[position:start])
            opening = Token("link_open", "a", 1, {"href": url}, info="auto")
            opening.markup = "linkify"
            yield opening
            yield _text(url)
            yield Token("link_close", "a", -1, markup="linkify", info="auto")
            position = end
        yield _text(child.content[position:])


def _link_step(token: Token) -> int:
    if token.type in {"link_open", "link_close"}:
        return token.nesting
    if token.type == "html_inline":
        lowered = token.content.lower()
        return lowered.startswith("<a ") - lowered.startswith("</a>")
    return 0


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def ready(html: str) -> Token:
    return Token("ready", "", 0, content=html)


def enliven(state: StateCore) -> None:
    """Mentions, emoji and hashtags; last, when escapes have become text again."""
    kitchen: Kitchen = state.env["kitchen"]
    for token in state.tokens:
        if token.type == "inline":
            inside = 0
            lively: list[Token] = []
            for child in token.children or []:
                inside += _link_step(child)
                if child.type == "text":
                    lively.extend(_lively(child.content, kitchen, linked=inside > 0))
                else:
                    lively.append(child)
            token.children = lively


def _lively(text: str, kitchen: Kitchen, *, linked: bool) -> Iterator[Token]:
    position = 0
    for found in _LIVE.finditer(text):
        html = _live(found, kitchen, linked=linked)
        if html is not None:
            yield _text(text[position : found.start()])
            yield ready(html)
            position = found.end()
    yield _text(text[position:])


def _live(found: re.Match[str], kitchen: Kitchen, *, linked: bool) -> str | None:
    if found["emoji"]:
        return _emoji(found["emoji"], kitchen) if found["emoji"] in EMOJI else None
    if linked:
        return None
    if found["mention"]:
        name = found["name"]
        member = kitchen.member(name)
        if member is not None:
            path = escape(member.lower())
            return f'<a class="mention" href="/u/{path}">@{escape(name)}</a>'
        if kitchen.group(name):
            return f'<a class="mention-group" href="/groups/{name}">@{name}</a>'
        return f'<span class="mention">@{escape(name)}</span>'
    known = kitchen.hashtag(found["slug"])
    if known is None:
        return None
    path, kind, name = known
    return (
        f'<a class="hashtag-cooked" href="{path}" data-type="{kind}" '
        f'data-slug="{escape(found["slug"])}"><span class="hashtag-icon-placeholder">'
        f"</span><span>{escape(name)}</span></a>"
    )


def _emoji(name: str, kitchen: Kitchen) -> str:
    return (
        f'<img src="{kitchen.base_url}/images/emoji/twitter/{name}.png?v=12" '
        f'title=":{name}:" class="emoji" alt=":{name}:" loading="lazy" '
        'width="20" height="20">'
    )
