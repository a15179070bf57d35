"""How the pieces of a post look as HTML, where it is not plain Markdown's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from bot.sandbox.kitchen import Kitchen
from bot.sandbox.markup import sanitised

_SIZED = re.compile(r"^(?P<name>.*?)\|(?P<width>\d+)x(?P<height>\d+)(?:,\s*\d+%)?$")


def onebox(url: str, kitchen: Kitchen) -> str:
    """The card of *url*: a quote for a topic of this forum, a box for other sites."""
    link, card = escape(url), kitchen.card(url)
    if card is not None:
        return (
            f'<aside class="quote" data-post="{card.post_number}" '
            f'data-topic="{card.topic_id}">\n<div class="title">\n'
            '<div class="quote-controls"></div>\n'
            f'<a href="{link}">{escape(card.title)}</a>\n</div>\n'
            f"<blockquote>\n{escape(card.excerpt)}\n</blockquote>\n</aside>"
        )
    parts = urlsplit(url)
    name = parts.path.rstrip("/").rpartition("/")[2].rpartition(".")[0]
    title = escape(re.sub(r"[-_]+", " ", name).strip().capitalize() or parts.netloc)
    rel = 'target="_blank" rel="noopener nofollow ugc"'
    return (
        f'<aside class="onebox allowlistedgeneric" data-onebox-src="{link}">\n'
        f'  <header class="source">\n      <a href="{link}" {rel}>{parts.netloc}</a>\n'
        f'  </header>\n\n  <article class="onebox-body">\n<h3><a href="{link}" {rel}>'
        f"{title}</a></h3>\n\n  <p>What {escape(parts.netloc)} says of itself.</p>\n"
        "  </article>\n</aside>"
    )


def render_fence(
    self: RendererHTML, tokens: Sequence[Token], index: int, *_: object
) -> str:
    token = tokens[index]
    language = escape(token.info.split()[0]) if token.info.strip() else "auto"
    return (
        f'<pre><code class="lang-{language}">{escape(token.content, quote=False)}'
        "</code></pre>\n"
    )


def render_html(
    self: RendererHTML, tokens: Sequence[Token], index: int, *_: object
) -> str:
    return sanitised(tokens[index].content)


def render_ready(
    self: RendererHTML, tokens: Sequence[Token], index: int, *_: object
) -> str:
    return tokens[index].content


def render_table(
    self: RendererHTML, tokens: Sequence[Token], index: int, *_: object
) -> str:
    opens = tokens[index].nesting == 1
    return '<div class="md-table">\n<table>\n' if opens else "</table>\n</div>\n"


def render_heading(
    self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: object,
    environment: dict[str, Any],
) -> str:
    environment["headings"] += 1
    words = re.sub(r"[^a-z0-9]+", "-", tokens[index + 1].content.lower()).strip("-")
    name = f"{words or 'heading'}-{environment['headings']}"
    return (
        f'<{tokens[index].tag}><a name="{name}" class="anchor" href="#{name}" '
        'aria-label="Heading link"></a>'
    )


def render_image(
    self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: object,
    environment: dict[str, Any],
) -> str:
    token = tokens[index]
    base: str = environment["kitchen"].base_url
    source, alt = str(token.attrs.get("src", "")), token.content
    stored = source.removeprefix("upload://")
    original = escape(f"{base}/uploads/default/original/1X/{stored}")
    if stored == source:
        return f'<img src="{escape(source)}" alt="{escape(alt)}">'
    sized = _SIZED.match(alt)
    if sized is None:
        return f'<img src="{original}" alt="{escape(alt)}">'
    name, width, height = escape(sized["name"]), sized["width"], sized["height"]
    small = original.replace("/original/", "/optimized/")
    return (
        f'<div class="lightbox-wrapper"><a class="lightbox" href="{original}" '
        f'data-download-href="{base}/uploads/default/{escape(stored)}" '
        f'title="{name}"><img src="{small}" alt="{name}" width="{width}" '
        f'height="{height}"><div class="meta">\n<svg class="fa d-icon '
        'd-icon-far-image svg-icon" aria-hidden="true"><use href="#far-image"></use>'
        f'</svg><span class="filename">{name}</span><span class="informations">'
        f"{width}×{height} 45 KB</span></div></a></div>"
    )
