"""Links as their authors set them: out of cooked HTML, Markdown and plain text. Pure.

Any input, never an error. What others wrote gives no link: quoted posts and mail,
signatures, the insides of previews; nor does what the forum adds: mentions, hashtags,
enlarged images, anchors of headings. That a post quotes another is itself kept, and
so is the address of a preview.

Source of the class names: the HTML that Discourse serves as ``cooked``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexer.blocks import join_blocks, tidy_lines
from indexer.clean import MAX_CHARS, clean_html, clean_text, is_tangled
from indexer.render import render_markdown
from kb.links import MAX_URL_CHARS, forum_of, normalize
from kb.types import (
    Document,
    Format,
    Kind,
    LinkDraft,
    LinkRelation,
    LinkRole,
    Part,
)

LINKS_VERSION = 1
"""Grows with every change of which links are found; part of the chunker's stamp."""

MAX_LINKS = 500
"""What is kept of a part; the rest is an index of something, not advice."""

MAX_TEXT_CHARS = 200


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link in a body; the fields are `LinkDraft`'s."""

    relation: LinkRelation
    href: str
    text: str = ""


def document_links(document: Document) -> tuple[LinkDraft, ...]:
    """The links in all parts of a document, with who set them."""
    opening = document.parts[0] if document.parts else None
    return tuple(
        LinkDraft(
            part_number=part.number,
            relation=link.relation,
            href=link.href,
            text=link.text,
            role=_role(document, part, opening),
            author_id=part.author_id,
            created_at=part.created_at,
        )
        for part in document.parts
        for link in links_in(part.body, part.format, url=document.url)
    )


def _role(document: Document, part: Part, opening: Part | None) -> LinkRole:
    if document.kind is not Kind.THREAD:
        return LinkRole.PAGE
    # Without the post that asks, nobody knows who asked.
    if opening is not None and opening.number == 1:
        if part.number == 1:
            return LinkRole.ASKER
        if part.author_id is not None and opening.author_id is not None:
            is_asker = part.author_id == opening.author_id
        else:
            # Archives may know names alone.
            is_asker = part.author is not None and part.author == opening.author
        if is_asker:
            return LinkRole.ASKER
    return LinkRole.STAFF if part.staff else LinkRole.HELPER


def links_in(body: str, format: Format, *, url: str) -> tuple[FoundLink, ...]:
    """The links in one body, in its order, each once.

    Args:
        body: As the source serves it; read up to `indexer.clean.MAX_CHARS`.
        url: Of the document that it belongs to, for relative addresses.

    >>> body = '<p>See <a href="/t/backup/812/4">this <b>thread</b></a>.</p>'
    >>> [(link.href, link.text) for link in links_in(body, "html", url="https://f/t/9")]
    [('https://f/t/backup/812/4', 'this thread')]
    """
    body = body[:MAX_CHARS]
    match format:
        case "html":
            found = _in_html(body, url, mail=True)
        case "markdown":
            found = _in_html(render_markdown(body), url, mail=False, pages=True)
        case "text":
            found = _in_text(body)
    return tuple(dict.fromkeys(found))[:MAX_LINKS]


# -- HTML ------------------------------------------------------------------


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What is below them is shown to nobody, or not the author's words.
_CLOSED = _names(
    "canvas embed head link math meta noscript object option script select style svg "
    "template textarea title"
)
_CLOSED_CLASSES = _names("elided poll quote-controls show-more-container")
_NO_LINKS = _names(
    "anchor badge-category__wrapper badge-wrapper footnote-backref hashtag "
    "hashtag-cooked headerlink lightbox mention mention-group show-more"
)
_PLAYERS = _names("lazy-video-container lazyYT")
# Marks a link in text: private characters that are not found in what people write.
_FIRST_MARK = 0xF0000
_MARKS = re.compile(f"[{chr(_FIRST_MARK)}-{chr(_FIRST_MARK + 0xFFF)}]")


def _in_html(
    source: str, url: str, *, mail: bool, pages: bool = False
) -> Iterable[FoundLink]:
    source = _MARKS.sub("", source)
    if is_tangled(source):
        # It is not worth a tree, see `indexer.clean`.
        return _addresses(join_blocks(clean_html(source, mail=mail)))
    parser = LexborHTMLParser(source.encode("utf-8", "replace"))
    if parser.body is None:
        return ()
    reader = _Reader(url, pages=pages)
    reader.walk(parser.body)
    if not mail or not reader.marked:
        return reader.found
    # Whatever cleaning takes for quoted mail or a signature takes its marks along.
    for number, node in enumerate(reader.marked.values()):
        node.insert_before(chr(_FIRST_MARK + number))
    left = set(_MARKS.findall(join_blocks(clean_html(parser.html or ""))))
    quoted = {
        index
        for number, index in enumerate(reader.marked)
        if chr(_FIRST_MARK + number) not in left
    }
    return (link for index, link in enumerate(reader.found) if index not in quoted)


@dataclass(slots=True)
class _Reader:
    """Walks a tree, without recursion, and collects links.

    Attributes:
        url: Of the document.
        pages: Relative addresses are those of Markdown files.
        marked: Of the links in the text, by their place in `found`: the element.
    """

    url: str
    pages: bool
    found: list[FoundLink] = field(default_factory=list)
    marked: dict[int, LexborNode] = field(default_factory=dict)

    def walk(self, root: LexborNode) -> None:
        stack = [root.first_child]
        while stack and len(self.found) < 2 * MAX_LINKS:
            node = stack.pop()
            if node is None:
                continue
            stack.append(node.next)
            tag = node.tag or ""
            if not tag.startswith(("-", "!")) and self._enter(node, tag):
                stack.append(node.first_child)

    def _enter(self, node: LexborNode, tag: str) -> bool:
        """Take an element's link; whether to look into it."""
        if tag in _CLOSED:
            return False
        attributes = node.attributes
        classes = frozenset((attributes.get("class") or "").split())
        if classes & _CLOSED_CLASSES:
            return False
        if tag == "aside" and "quote" in classes:
            self._quote(node)
            return False
        if tag != "a" and ("onebox" in classes or classes & _PLAYERS):
            self._card(_card_target(node))
            return False
        if tag == "iframe":
            self._card(attributes.get("src"))
            return False
        if tag == "a" and not classes & _NO_LINKS:
            self._link(node, attributes.get("href"))
        # A broken page may have one link within another.
        return True

    def _link(self, node: LexborNode, target: str | None) -> None:
        href = self._absolute(target)
        if href is not None:
            self.marked[len(self.found)] = node
            text = _own_text(node.text(), target or "")
            self.found.append(FoundLink(LinkRelation.LINK, href, text))

    def _card(self, target: str | None) -> None:
        href = self._absolute(target)
        if href is not None:
            self.found.append(FoundLink(LinkRelation.CARD, href))

    def _quote(self, node: LexborNode) -> None:
        attributes = node.attributes
        if "data-username" not in attributes:
            # A link to a topic on a line of its own is also served as a quote.
            title = node.css_first("div.title a[href]")
            if title is not None:
                self._card(title.attributes.get("href"))
                return
        forum = forum_of(self.url)
        post = _number(attributes.get("data-post"))
        if forum is None or post is None:
            return
        topic = _number(attributes.get("data-topic"))
        address = self.url if topic is None else f"{forum}/t/{topic}"
        href = normalize(f"{address}/{post}")
        if href is not None:
            self.found.append(FoundLink(LinkRelation.QUOTE, href))

    def _absolute(self, target: str | None) -> str | None:
        """Where a link leads, or ``None`` if it leads to no other place."""
        target = (target or "").strip()
        if not target or (target.startswith("#") and not _POST_ANCHOR.match(target)):
            return None
        try:
            if self.pages:
                return normalize(_page_address(self.url, target))
            return normalize(urljoin(self.url, target))
        except ValueError:
            # Brackets that are no address of a host.
            return None


_POST_ANCHOR = re.compile(r"#post_[0-9]+$")


def _card_target(node: LexborNode) -> str | None:
    attributes = node.attributes
    if source := attributes.get("data-onebox-src"):
        return source
    link = node.css_first("a[href]")
    if link is not None:
        return link.attributes.get("href")
    video = attributes.get("data-youtube-id")
    return f"https://www.youtube.com/watch?v={video}" if video else None


def _number(text: str | None) -> str | None:
    return text if text is not None and re.fullmatch("[1-9][0-9]{0,17}", text) else None


def _own_text(text: str, target: str) -> str:
    """What an author called a link; nothing if it is the address itself.

    >>> _own_text(" the\\n guide ", "https://example.org/guide")
    'the guide'
    >>> _own_text("example.org/gui…", "https://example.org/guide")
    ''
    """
    text = " ".join(tidy_lines(text).split())
    shown = _SCHEME.sub("", text).rstrip("/")
    start = shown.rstrip("….")
    whole = _SCHEME.sub("", target.strip())
    is_cut = len(start) < len(shown)
    if shown == whole.rstrip("/") or (is_cut and start and whole.startswith(start)):
        return ""
    if len(text) > MAX_TEXT_CHARS:
        text = text[: MAX_TEXT_CHARS - 1].rstrip() + "…"
    return text


_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?", re.IGNORECASE)


# -- Markdown pages --------------------------------------------------------


def _page_address(url: str, target: str) -> str:
    """Where a link between Markdown files leads once they are pages.

    Files link files (``../maps.md``); pages end as the page at *url* does.

    Raises:
        ValueError: *target* has brackets that are no address.

    >>> _page_address("https://docs.example/use/data.html", "../api/maps.md#layers")
    'https://docs.example/api/maps.html#layers'
    >>> _page_address("https://docs.example/use/data/", "maps.md")
    'https://docs.example/use/maps/'
    """
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not parts.path.endswith(".md"):
        return urljoin(url, target)
    if url.endswith("/"):
        # The file lies beside the folder that it is shown as.
        joined = urlsplit(urljoin(url.rstrip("/"), target))
        path = joined.path.removesuffix(".md")
        path = re.sub(r"(?:^|(?<=/))(?:index|README)$", "", path)
        return urlunsplit(joined._replace(path=path.rstrip("/") + "/"))
    suffix = re.search(r"\.html?$", urlsplit(url).path)
    joined = urlsplit(urljoin(url, target))
    path = joined.path.removesuffix(".md") + (suffix[0] if suffix else "")
    return urlunsplit(joined._replace(path=path))


# -- plain text ------------------------------------------------------------


def _in_text(text: str) -> Iterator[FoundLink]:
    return _addresses(join_blocks(clean_text(text)))


_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'`{}|\\^\[\]]+", re.IGNORECASE)


def _addresses(text: str) -> Iterator[FoundLink]:
    """Bare addresses, without the punctuation that ends a sentence."""
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(".,;:!?*_…»”’")
        # Nothing that long is kept, and it might end in a million brackets.
        if len(address) > MAX_URL_CHARS:
            continue
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1].rstrip(".,;:!?*_…»”’")
        href = normalize(address)
        if href is not None:
            yield FoundLink(LinkRelation.LINK, href)
