"""Whom a post calls, and where it links: read from its cooked HTML.

The rules are the forum's: what stands in code, in a quote with a card of its own or
in trimmed mail calls nobody, but a mention in a ``>`` block quote does; a link in
any quote is not extracted, though a quote that names its post is itself a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.sandbox.kitchen import parts_of
from bot.sandbox.records import Link

_BY_ID = re.compile(r"/t/(\d{1,18})(?:/(\d{1,18}))?/?")
_BY_SLUG = re.compile(r"/t/[^/]+/(\d{1,18})(?:/(\d{1,18}))?/?")
_UNMENTIONED = "pre .mention, aside.quote, .onebox, .elided"
_UNLINKED = "aside.quote a, aside.onebox a, .elided a"


@dataclass(frozen=True, slots=True)
class Calls:
    """Names as they stand in the post.

    Attributes:
        quoted: ``(username, topic id, post number)``; the ids may be missing.
    """

    mentioned: frozenset[str]
    groups: frozenset[str]
    quoted: tuple[tuple[str, int | None, int | None], ...]


def topic_address(url: str, base_url: str) -> tuple[int, int] | None:
    """The topic id and post number that *url* names on this forum.

    >>> topic_address("/t/a-slug/12/3", "http://f"), topic_address("/t/12", "http://f")
    ((12, 3), (12, 1))
    >>> topic_address("http://elsewhere/t/12", "http://f") is None
    True
    """
    relative = url.startswith("/") and not url.startswith("//")
    if not relative and not url.startswith(base_url + "/"):
        return None
    parts = parts_of(url)
    path = parts.path if parts else ""
    found = _BY_ID.fullmatch(path) or _BY_SLUG.fullmatch(path)
    return (int(found[1]), int(found[2] or 1)) if found else None


def calls(cooked: str) -> Calls:
    """Whom *cooked* mentions and quotes.

    >>> sorted(calls('<a class="mention" href="/u/ann">@ann</a>').mentioned)
    ['ann']
    """
    page = LexborHTMLParser(cooked)
    quoted = tuple(
        (name, _number(aside, "data-topic"), _number(aside, "data-post"))
        for aside in page.css("aside.quote[data-username]")
        if (name := aside.attributes.get("data-username"))
    )
    for node in page.css(_UNMENTIONED):
        node.decompose()
    return Calls(
        frozenset(_names(page, "u")), frozenset(_names(page, "groups")), quoted
    )


def _names(page: LexborHTMLParser, kind: str) -> Iterator[str]:
    css = "a.mention" if kind == "u" else "a.mention-group"
    for node in page.css(css):
        yield (node.attributes.get("href") or "").rpartition("/")[2]


def links(cooked: str, base_url: str) -> tuple[Link, ...]:
    """The links the forum notes for a post, each address once, in order.

    >>> [link.url for link in links('<a href="/t/1">a</a><a href="/t/1">b</a>', "")]
    ['/t/1']
    """
    page = LexborHTMLParser(cooked)
    asides = page.css("aside.quote[data-topic]")
    quoted = [_quoted(aside) for aside in asides]
    boxed = [
        Link(source, source, *(topic_address(source, base_url) or (None, 1)))
        for box in page.css("aside.onebox[data-onebox-src]")
        if (source := box.attributes.get("data-onebox-src"))
    ]
    for node in page.css(_UNLINKED):
        node.decompose()
    plain = []
    for node in page.css("a[href]"):
        url = node.attributes.get("href") or ""
        marks = (node.attributes.get("class") or "").split()
        own = {"mention", "mention-group", "anchor", "lightbox", "hashtag-cooked"}
        if url and not url.startswith("#") and own.isdisjoint(marks):
            address = topic_address(url, base_url) or (None, 1)
            plain.append(Link(url, node.text(strip=True), *address))
    once = {link.url: link for link in reversed([*plain, *quoted, *boxed])}
    return tuple(reversed(once.values()))


def _quoted(aside: LexborNode) -> Link:
    topic_id, number = _number(aside, "data-topic"), _number(aside, "data-post")
    url = f"/t/{topic_id}" + (f"/{number}" if number else "")
    return Link(url, "", topic_id, number or 1, quoted=True)


def _number(node: LexborNode, name: str) -> int | None:
    value = node.attributes.get(name) or ""
    return int(value) if value.isdecimal() and len(value) < 19 else None


def plain_text(html: str) -> str:
    """The words of *html*, in one line.

    >>> plain_text("<p>a</p><p>b &amp; c</p>")
    'a b & c'
    """
    return " ".join(LexborHTMLParser(html).text(separator=" ").split())
