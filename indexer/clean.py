"""From what a source serves to blocks of plain text: cooked HTML, Markdown, text.

Pure functions that take any input and never raise. What somebody else wrote goes
(quotes of other posts, previews of linked pages, quoted mail), and so does what the
forum software adds; what the author wrote stays, code with its line breaks.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from indexer.bbcode import without_bbcode_quotes
from indexer.blocks import Block, tidy_lines
from indexer.html_blocks import html_blocks
from indexer.mail import without_mail
from indexer.render import render_markdown, with_anchors
from kb.types import Format

CLEANER_VERSION = 2
"""Grows with every change of what cleaning yields; part of the chunker's stamp."""

MAX_CHARS = 1_000_000
"""What is read of a body; the rest is cut off. Discourse takes 150,000 at most."""

# A tree grows quadratically, or worse, with tags that are left open; nothing that
# people write comes near these depths.
_MAX_DEPTH = 512
_MAX_OPEN_FORMATS = 32


# The first post of a thread is asked for again at once: it tells the language, it is
# the question, and it is cut into passages. A page is compared with others before its
# batch of a hundred is cut.
@lru_cache(maxsize=128)
def clean_body(body: str, format: Format, *, mail: bool = True) -> tuple[Block, ...]:
    """Clean a part of a document by its format.

    Args:
        mail: See `clean_html`; not for pages, where what looks like mail is meant.
    """
    match format:
        case "html":
            return clean_html(body, mail=mail)
        case "markdown":
            return clean_markdown(body)
        case "text":
            return clean_text(body, mail=mail)


def clean_html(cooked: str, *, mail: bool = True) -> tuple[Block, ...]:
    r"""Clean HTML: the cooked text of a post, or a web page.

    Args:
        cooked: HTML, however broken; read up to `MAX_CHARS`.
        mail: Also remove quoted mail, its attribution lines and signatures, as
            posts that came by mail carry them, and quotes left as BBCode.

    >>> [block.text for block in clean_html("<p>See <b>this</b><pre>a\n b</pre>")]
    ['See this', 'a\n b']
    """
    cooked = cooked[:MAX_CHARS]
    if is_tangled(cooked):
        return clean_text(_without_tags(cooked), mail=mail)
    blocks, quotes = html_blocks(cooked)
    return _own(blocks, quotes) if mail else tuple(blocks)


def clean_markdown(source: str) -> tuple[Block, ...]:
    """Clean a page written in Markdown, as MkDocs and MyST read it.

    Front matter goes. Headings carry the id that the rendered page gives them:
    the one stated by ``{ #id }``, or else derived from their text.

    >>> clean_markdown("# Back up { #backup }")
    (Block(kind='heading', text='Back up', level=1, anchor='backup'),)
    """
    rendered = render_markdown(source[:MAX_CHARS])
    return with_anchors(clean_html(rendered, mail=False))


def clean_text(text: str, *, mail: bool = True) -> tuple[Block, ...]:
    r"""Clean plain text: paragraphs are what blank lines part.

    >>> [block.text for block in clean_text("One\nline.\n\n\nAnother.")]
    ['One\nline.', 'Another.']
    """
    paragraphs = re.split(r"\n{2,}", tidy_lines(text[:MAX_CHARS]))
    blocks = [Block("text", paragraph) for paragraph in paragraphs if paragraph]
    return _own(blocks) if mail else tuple(blocks)


def _own(
    blocks: Sequence[Block], quotes: Sequence[tuple[int, int]] = ()
) -> tuple[Block, ...]:
    return without_bbcode_quotes(without_mail(blocks, quotes))


def is_truncated(body: str) -> bool:
    """Whether cleaning reads a part of *body* only."""
    return len(body) > MAX_CHARS


# -- hostile HTML ----------------------------------------------------------


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# Closed by what follows them, or never open.
_NEVER_DEEP = _names(
    "area br col dd dt embed hr img input li link meta option p param source tbody "
    "td tfoot th thead tr track wbr"
)
_FORMATS = _names("a b big code em font i nobr s small strike strong tt u")


def is_tangled(text: str) -> bool:
    """Whether so many tags are left open that a tree of it would cost minutes.

    >>> is_tangled("<div>" * 10_000), is_tangled("<p><b>x</b></p>" * 10_000)
    (True, False)
    """
    if text.count("<") <= _MAX_DEPTH:
        return False
    is_open: Counter[str] = Counter()
    depth = formats = 0
    for slash, name in _TAG.findall(text):
        tag = name.lower()
        if tag in _NEVER_DEEP:
            continue
        if not slash:
            change = 1
        elif is_open[tag]:
            change = -1
        else:
            continue
        is_open[tag] += change
        depth += change
        formats += change if tag in _FORMATS else 0
        if depth > _MAX_DEPTH or formats > _MAX_OPEN_FORMATS:
            return True
    return False


def _without_tags(text: str) -> str:
    """The text between tags, for HTML that is not worth a tree."""
    return html.unescape(re.sub(r"<[^<>]*>", "\n", text))
