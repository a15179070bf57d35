"""A web page: its main text with its headings' anchors, and what it says of itself.

Pure functions over what a site serves, however broken. What surrounds the text goes:
navigation, footers, buttons, the signs beside headings.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from charset_normalizer import from_bytes
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError
from w3lib.encoding import html_to_unicode

from indexer.clean import is_tangled
from indexer.page_head import Head, one_line
from indexer.sitemaps import is_html
from kb.errors import SourceError

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})

# What is looked at to find out a charset that nobody tells.
_SAMPLE_BYTES = 64 * 1024
# Of fewer bytes beyond ASCII a guess is no better than none.
_ENOUGH_BYTES = 32
_HEADINGS = "h1, h2, h3, h4, h5, h6"
_CHROME = ", ".join(
    (
        "nav",
        "footer",
        "form",
        "button",
        "script",
        "style",
        "template",
        # What a tab shows is text, too, before somebody chooses it.
        "[hidden]:not([role=tabpanel])",
        "[role=navigation]",
        "[role=search]",
        "[role=contentinfo]",
        ".md-content__button",
        ".md-source-file",
        ".edit-this-page",
        ".theme-edit-this-page",
        "[title^='Edit this page']",
    )
)
# Beside the main text in what marks no main text.
_AROUND = "header, [role=banner], [role=complementary]"
# Notes that are part of the text, which some generators write as asides.
_NOTE = re.compile(r"admonition|aside|callout|footnote|note|tip|topic|warning")
_NAMED_SIGNS = frozenset({"permalink", "link"})
_TEXT_BLOCKS = "p, li, td, th, dd, dt, pre, blockquote"
# Of what is found to be main text, as much is in the element that is taken for it.
_MOST = 0.8


@dataclass(frozen=True, slots=True)
class WebPage:
    """What a page says.

    Attributes:
        title: Empty where it tells none.
        body: HTML of its main part.
        language: Its two or three letters; so *version*, where the page states them.
        canonical: The address that it names as its own, as it stands there.
        twin: Where it says that it can be read as Markdown.
        leads_to: Where it sends every reader at once.
        is_indexable: It does not ask to be left out of indexes.
    """

    title: str
    body: str
    language: str | None = None
    version: str | None = None
    canonical: str = ""
    twin: str = ""
    leads_to: str = ""
    is_indexable: bool = True


def parsed_page(url: str, body: bytes, content_type: str = "") -> LexborHTMLParser:
    """The tree of an HTML page.

    Args:
        url: Where it came from, for errors.
        content_type: The whole header, with the charset if it names one.

    Raises:
        SourceError: It is empty, or so broken that a tree of it would take minutes.
    """
    text = decoded(body, content_type)
    if not text.strip():
        raise SourceError(url, "expected an HTML page, and it is empty")
    if is_tangled(text):
        raise SourceError(url, "leaves so many tags open that it cannot be read")
    return LexborHTMLParser(text.encode("utf-8", "replace"))


def read_page(url: str, tree: LexborHTMLParser, *, content: str = "") -> WebPage:
    """What an HTML page says; *tree* is changed.

    Args:
        content: CSS selector of the main part; where it finds nothing, or is empty,
            the part that the page marks as such, else what looks like it.

    Raises:
        SourceError: *content* is no selector.

    >>> tree = parsed_page("u", b"<title>Maps</title><main><h2 id=a>A</h2>x</main>")
    >>> page = read_page("u", tree)
    >>> page.title, page.body
    ('Maps', '<main><h2 id="a">A</h2>x</main>')
    """
    head = Head(tree)
    main = _main(url, tree, content)
    if main is not None:
        _anchor_headings(main)
        _strip(main)
    heading = main.css_first("h1") if main is not None else None
    heading = heading or tree.css_first("h1")
    return WebPage(
        title=head.title(one_line(heading.text()) if heading is not None else ""),
        body=(main.html or "") if main is not None else "",
        language=head.language,
        version=head.meta("name", "version") or None,
        canonical=head.link("canonical"),
        twin=head.link("alternate", "text/markdown"),
        leads_to=head.leads_to,
        is_indexable=head.is_indexable,
    )


def decoded(body: bytes, content_type: str = "") -> str:
    """The text of an HTML page: by its header, its first bytes, what it says itself,
    or what it looks like; never an error.

    >>> decoded("<p>café".encode("latin-1")), decoded("<p>café".encode())
    ('<p>café', '<p>café')
    """
    if not body.isascii():
        # Text in another charset is hardly ever UTF-8 by accident, whatever is told.
        with suppress(UnicodeDecodeError):
            return body.decode("utf-8-sig")
    _, text = html_to_unicode(content_type, body, auto_detect_fun=_detected)
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    if text.count("\ufffd") * 2 > beyond_ascii:
        # It says what it is not; with less it is that, and has a broken letter.
        return body.decode(_detected(body), "replace")
    return text


def _detected(body: bytes) -> str:
    sample = body[:_SAMPLE_BYTES]
    strange = sum(byte > 127 for byte in sample)
    found = from_bytes(sample).best() if strange >= _ENOUGH_BYTES else None
    # What browsers take where nothing is told.
    return found.encoding if found is not None else "cp1252"


def looks_like_html(body: bytes, content_type: str) -> bool:
    """Whether an answer is an HTML page: by its type, or else by itself."""
    return content_type in HTML_TYPES or (not content_type and is_html(body))


# -- its main part -----------------------------------------------------------


def _main(url: str, tree: LexborHTMLParser, content: str) -> LexborNode | None:
    if content:
        try:
            chosen = tree.css_first(content)
        except (SelectolaxError, ValueError) as exc:
            raise SourceError(
                url, f"content: expected a CSS selector, got {content!r} ({exc})"
            ) from exc
        if chosen is not None:
            return chosen
    for selector in ("main", "[role=main]", "article"):
        found = tree.css(selector)
        if len(found) == 1 and one_line(found[0].text()):
            inner = found[0].css("article") if selector != "article" else []
            # Beside the one article is what belongs to all pages.
            return (
                inner[0] if len(inner) == 1 and one_line(inner[0].text()) else found[0]
            )
    return _looks_main(tree)


def _looks_main(tree: LexborHTMLParser) -> LexborNode | None:
    """The element that holds what a library takes for the main text.

    The element and not the library's own text: that has neither all headings nor
    their anchors.
    """
    body = tree.body
    if body is None:
        return None
    _remove(body.css(_AROUND))
    lines = set(_extracted(tree.html or ""))
    hits: Counter[int] = Counter()
    nodes: dict[int, LexborNode] = {}
    found = 0
    for block in body.css(_TEXT_BLOCKS):
        if one_line(block.text()) not in lines:
            continue
        found += 1
        for above in _ancestors(block):
            hits[above.mem_id] += 1
            nodes[above.mem_id] = above
    most = [nodes[i] for i, count in hits.items() if count >= _MOST * found]
    # The deepest of them: the one that holds none of the others.
    return max(most, key=lambda node: sum(1 for _ in _ancestors(node)), default=body)


def _extracted(html: str) -> Iterator[str]:
    # Loaded here: it takes as long as all the rest of a refresh that reads no page.
    import trafilatura

    # It says a great deal of pages in which it finds nothing.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    text = trafilatura.extract(html, favor_recall=True, include_comments=False)
    for line in (text or "").splitlines():
        if line := one_line(line.strip("-•| ")):
            yield line


def _ancestors(node: LexborNode) -> Iterator[LexborNode]:
    above = node.parent
    while above is not None and above.tag not in ("html", "-undef", None):
        yield above
        above = above.parent


def _anchor_headings(main: LexborNode) -> None:
    """Give headings the id that leads to them, wherever the page has it."""
    for heading in main.css(_HEADINGS):
        if not (heading.attributes.get("id") or "").strip() and (
            anchor := _anchor_of(heading)
        ):
            heading.attrs["id"] = anchor


def _anchor_of(heading: LexborNode) -> str:
    for sign in _signs_in(heading):
        if own := (sign.attributes.get("href") or "").removeprefix("#").strip():
            return unquote(own)
    for inner in heading.css("[id], a[name]"):
        if inner.mem_id != heading.mem_id and (own := _name_of(inner)):
            return own
    before = _sibling_before(heading)
    if before is not None and before.tag in ("a", "span"):
        # An empty mark above the heading.
        return "" if one_line(before.text()) else _name_of(before)
    above = heading.parent
    if before is None and above is not None:
        classes = (above.attributes.get("class") or "").split()
        if above.tag == "section" or "section" in classes:
            return (above.attributes.get("id") or "").strip()
    return ""


def _name_of(node: LexborNode) -> str:
    told = node.attributes.get("id") or node.attributes.get("name") or ""
    return told.strip()


def _sibling_before(node: LexborNode) -> LexborNode | None:
    before = node.prev
    while before is not None and not before.is_element_node:
        if before.is_text_node and one_line(before.text_content or ""):
            return before
        before = before.prev
    return before


def _strip(main: LexborNode) -> None:
    # By id: two nodes are compared by all their HTML.
    _remove(node for node in main.css(_CHROME) if node.mem_id != main.mem_id)
    _remove(
        node
        for node in main.css("aside")
        if not _NOTE.search((node.attributes.get("class") or "").lower())
    )
    for heading in main.css(_HEADINGS):
        _remove(_signs_in(heading))


def _signs_in(heading: LexborNode) -> list[LexborNode]:
    """The links in a heading that lead to itself: a pilcrow, a picture of a chain."""
    found = []
    for link in heading.css("a[href^='#']"):
        text = one_line(link.text()).lower()
        if text in _NAMED_SIGNS or not any(map(str.isalnum, text)):
            found.append(link)
    return found


def _remove(nodes: Iterable[LexborNode]) -> None:
    chosen = list(nodes)
    ids = {node.mem_id for node in chosen}
    # One within another goes with it, and must not be touched after that.
    tops = [
        node
        for node in chosen
        if not any(above.mem_id in ids for above in _ancestors(node))
    ]
    for node in tops:
        node.decompose()
