"""Raw Markdown → cooked HTML, the way a Discourse serves it.

Pure: what a post may name (members, topics, hashtags) comes in by `Kitchen`.
Markdown itself is markdown-it's; this module adds what the forum adds: hard line
breaks, typographic quotes, mentions, emoji, hashtags, bare links and their cards,
quotes, folds, lightboxes, heading anchors, ``rel`` on links that leave the forum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from bot.sandbox import render
from bot.sandbox.kitchen import Kitchen, parts_of
from bot.sandbox.markup import Fold, Plain, Quote, blocks
from bot.sandbox.render import onebox
from bot.sandbox.words import enliven, linkify, ready

# Quotes and folds within each other; what lies deeper is text.
MAX_DEPTH = 20


def cook(raw: str, kitchen: Kitchen, depth: int = 0) -> str:
    """Cook *raw*; what it may not hold is escaped or dropped.

    Args:
        depth: How many quotes and folds *raw* stands in.

    >>> cook("Hi @ann & @nobody :smile:", Kitchen("http://f", member=lambda n:
    ...     n if n == "ann" else None))[:70]
    '<p>Hi <a class="mention" href="/u/ann">@ann</a> &amp; <span class="men'
    """
    served = []
    whole = raw.replace("\r\n", "\n").replace("\0", "\ufffd")
    for block in blocks(whole) if depth < MAX_DEPTH else [Plain(whole)]:
        match block:
            case Plain(text):
                served.append(_markdown(text, kitchen))
            case Quote():
                served.append(_quote(block, kitchen, depth + 1))
            case Fold(text, summary):
                inner = cook(text, kitchen, depth + 1)
                served.append(
                    f"<details>\n<summary>\n{escape(summary)}</summary>\n"
                    f"{inner}\n</details>"
                )
    return "\n".join(html for html in served if html)


def _quote(quote: Quote, kitchen: Kitchen, depth: int) -> str:
    inner = f"<blockquote>\n{cook(quote.text, kitchen, depth)}\n</blockquote>"
    if not quote.username:
        return f'<aside class="quote no-group">\n{inner}\n</aside>'
    who = kitchen.member(quote.username) or quote.username
    attributes = f' data-username="{escape(who)}"'
    if quote.post is not None:
        attributes += f' data-post="{quote.post}"'
    if quote.topic is not None:
        attributes += f' data-topic="{quote.topic}"'
    return (
        f'<aside class="quote no-group"{attributes}>\n<div class="title">\n'
        f'<div class="quote-controls"></div>\n{_avatar(who, kitchen)} '
        f"{escape(who)}:</div>\n{inner}\n</aside>"
    )


def _avatar(username: str, kitchen: Kitchen) -> str:
    letter = escape(username[:1].lower())
    source = f"{kitchen.base_url}/letter_avatar_proxy/v4/letter/{letter}/5f9b8f/48.png"
    return (
        f'<img loading="lazy" alt="" width="24" height="24" src="{source}" '
        'class="avatar">'
    )


def _markdown(text: str, kitchen: Kitchen) -> str:
    environment = {"kitchen": kitchen, "headings": 0}
    tokens = _laid_out(_MARKDOWN.parse(text, environment), kitchen)
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, environment)
    return html.strip()


def _laid_out(tokens: Sequence[Token], kitchen: Kitchen) -> list[Token]:
    """Cards for links alone on a line of a top-level paragraph, titles for others."""
    laid: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "paragraph_open" and token.level == 0:
            inline = tokens[index + 1]
            laid.extend(_paragraph(token, inline, tokens[index + 2], kitchen))
            index += 3
            continue
        if token.type == "inline":
            token.children = _outward(token.children or [], kitchen)
        laid.append(token)
        index += 1
    return laid


def _paragraph(
    opening: Token, inline: Token, closing: Token, kitchen: Kitchen
) -> Iterator[Token]:
    """The paragraph cut at its cards, which stand between the pieces."""
    piece: list[Token] = []

    def flush() -> Iterator[Token]:
        while piece and piece[-1].type == "softbreak":
            piece.pop()
        if any(token.content or token.nesting for token in piece):
            part = Token("inline", "", 0, children=_outward(piece, kitchen))
            yield from (opening, part, closing)

    for line in _lines(inline.children or []):
        url = _lone_link(line)
        if url is None:
            piece.extend(line)
            continue
        yield from flush()
        piece = []
        yield ready(onebox(url, kitchen) + "\n")
    yield from flush()


def _lines(children: Sequence[Token]) -> Iterator[list[Token]]:
    line: list[Token] = []
    for child in children:
        line.append(child)
        if child.type in {"softbreak", "hardbreak"}:
            yield line
            line = []
    if line:
        yield line


def _lone_link(line: Sequence[Token]) -> str | None:
    # Empty text is what cutting leaves behind; a break ends every line but the last.
    kept = [
        token
        for token in line
        if token.type not in {"softbreak", "hardbreak"}
        and (token.type != "text" or token.content.strip())
    ]
    if len(kept) != 3 or kept[0].markup != "linkify":
        return None
    return str(kept[0].attrs["href"])


def _outward(children: Sequence[Token], kitchen: Kitchen) -> list[Token]:
    """Mark links that leave the forum; show attachments and topic titles."""
    here = parts_of(kitchen.base_url)
    homes = {"", here.netloc if here else ""}
    for index, child in enumerate(children):
        if child.type != "link_open":
            continue
        href = str(child.attrs.get("href", ""))
        label = children[index + 1] if index + 1 < len(children) else child
        if href.startswith("upload://"):
            short = href.removeprefix("upload://")
            child.attrs["href"] = f"/uploads/short-url/{short}"
            child.attrs["class"] = "attachment"
            label.content = label.content.removesuffix("|attachment")
        elif (parts := parts_of(href)) is None or parts.netloc not in homes:
            child.attrs["rel"] = "noopener nofollow ugc"
        card = kitchen.card(href) if child.markup == "linkify" else None
        if card is not None:
            child.attrs["class"] = "inline-onebox"
            label.content = card.title
    return list(children)


Render = Callable[
    [RendererHTML, Sequence[Token], int, Mapping[str, Any], Mapping[str, Any]], str
]


def _cooker() -> MarkdownIt:
    options = {
        "html": True,
        "breaks": True,
        "typographer": True,
        "xhtmlOut": False,
    }
    cooker = MarkdownIt("commonmark", options)
    cooker.enable(["table", "strikethrough", "replacements", "smartquotes"])
    cooker.core.ruler.before("replacements", "bare_links", linkify)
    cooker.core.ruler.push("live_words", enliven)
    rules: dict[str, Callable[..., str]] = {
        "fence": render.render_fence,
        "html_inline": render.render_html,
        "html_block": render.render_html,
        "ready": render.render_ready,
        "table_open": render.render_table,
        "table_close": render.render_table,
        "heading_open": render.render_heading,
        "image": render.render_image,
    }
    for name, rule in rules.items():
        cooker.add_render_rule(name, rule)
    return cooker


_MARKDOWN = _cooker()
