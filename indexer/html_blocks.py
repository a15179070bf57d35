"""A tree of HTML to blocks of text: what the author wrote, as a reader sees it.

What others wrote goes (quotes of other posts, previews of linked pages), and so does
what the forum software adds. Iterative, because HTML may nest to any depth.

Source of the class names: the HTML that Discourse serves as ``cooked``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexer.blocks import Block, BlockKind, tidy, tidy_lines

_MAX_LIST_INDENT = 8


def html_blocks(source: str) -> tuple[list[Block], list[tuple[int, int]]]:
    """The blocks of an HTML text, and the spans of them that are blockquotes.

    >>> html_blocks("<p>He said:</p><blockquote>No.</blockquote>")[1]
    [(1, 2)]
    """
    body = LexborHTMLParser(source.encode("utf-8", "replace")).body
    walker = _Walker()
    if body is not None:
        walker.walk(body)
    return walker.blocks, walker.quotes


def _names(text: str, *, between: str | None = None) -> frozenset[str]:
    return frozenset(text.split(between))


_DROPPED = _names(
    "audio button canvas embed head input link math meta nav noscript object option "
    "script select style svg template textarea title video"
)
_BLOCKS = _names(
    "address article aside body caption center dd details div dl dt fieldset "
    "figcaption figure footer form header hr legend main p section summary"
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# Classes of what a forum or a documentation generator adds.
_CHROME = _names(
    "anchor avatar elided footnote-backref headerlink poll quote-controls "
    "show-more-container"
)
# What a forum makes of the address of a video or an image.
_PREVIEWS = _names("large-image-placeholder lazy-video-container onebox")
_HAVE_CLASSES = frozenset(["a", "aside", "details", "div", "img", "span"])
_WHITE = re.compile(r"[ \t\n\r\f]+")
_BLANK_LINES = re.compile(r"\n{2,}")


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int


@dataclass(slots=True)
class _Walker:
    """Walks the tree, without recursion, and collects blocks.

    Attributes:
        quotes: Spans of `blocks` that the outermost blockquotes gave.
        inline: The text of the block at hand, in pieces.
        links: For each open link, where its text begins in `inline`, and its target.
        rows: Of the outermost table that is open; nested ones end up in a cell.
        has_head: Its first row ends with a heading.
    """

    blocks: list[Block] = field(default_factory=list)
    quotes: list[tuple[int, int]] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    links: list[tuple[int, str]] = field(default_factory=list)
    lists: list[_List] = field(default_factory=list)
    marker: str = ""
    heading: tuple[int, str] | None = None
    quote_starts: list[int] = field(default_factory=list)
    tables: int = 0
    rows: list[list[str]] = field(default_factory=list)
    has_head: bool = False

    def walk(self, root: LexborNode) -> None:
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, is_leaving = stack.pop()
            tag = node.tag or ""
            if is_leaving:
                self._leave(tag)
                continue
            if node is not root and (sibling := node.next) is not None:
                stack.append((sibling, False))
            if tag == "-text":
                self.inline.append(_WHITE.sub(" ", node.text_content or ""))
            elif self._enter(node, tag):
                stack.append((node, True))
                if (child := node.first_child) is not None:
                    stack.append((child, False))
        self._flush()

    def _enter(self, node: LexborNode, tag: str) -> bool:
        """Take note of an element; whether to look into it."""
        if tag in _DROPPED or tag.startswith(("-", "!")):
            return False
        if tag in _HAVE_CLASSES and not self._is_own(node, tag):
            return False
        match tag:
            case "br":
                self.inline.append("\n")
                return False
            case "img":
                self.inline.append(_image_text(node.attributes))
                return False
            case "iframe":
                self._link_alone(node.attributes.get("src"))
                return False
            case "pre":
                self._code(node)
                return False
            case "span" if box := _checkbox(node.attributes):
                self.inline.append(box)
                return False
            case "a":
                self.links.append((len(self.inline), node.attributes.get("href") or ""))
            case "table":
                if not self.tables:
                    self._flush()
                    self.rows = []
                    self.has_head = False
                self.tables += 1
            case "tr" | "td" | "th" if self.tables == 1:
                self._stray_cell()
                if tag == "tr" or not self.rows:
                    self.rows.append([])
                if tag != "tr" and len(self.rows) == 1:
                    self.has_head = tag == "th"
            case "blockquote":
                self._flush()
                self.quote_starts.append(len(self.blocks))
            case "ul" | "ol":
                self._flush()
                self.lists.append(_List(tag == "ol", _first_number(node)))
            case "li":
                self._flush()
                self.marker = self._next_marker()
            case _ if tag in _HEADINGS:
                self._flush()
                self.heading = (_HEADINGS[tag], _anchor(node))
            case _ if tag in _BLOCKS:
                self._flush()
        return True

    def _leave(self, tag: str) -> None:
        match tag:
            case "a":
                self._end_link()
            case "table":
                self.tables -= 1
                if not self.tables:
                    self._end_table()
            case "td" | "th" if self.tables == 1:
                self.rows[-1].append(self._take_line())
            case "td" | "th" | "tr":
                self.inline.append(" ")
            case "blockquote":
                self._flush()
                start = self.quote_starts.pop()
                if not self.quote_starts and start < len(self.blocks):
                    self.quotes.append((start, len(self.blocks)))
            case "ul" | "ol":
                self._flush()
                self.lists.pop()
                self.marker = ""
            case "li":
                self._flush()
                self.marker = ""
            case _ if tag in _HEADINGS:
                self._flush()
                self.heading = None
            case _ if tag in _BLOCKS:
                self._flush()

    def _is_own(self, node: LexborNode, tag: str) -> bool:
        """Whether the author wrote it; of what others wrote, its address is kept."""
        attributes = node.attributes
        classes = frozenset((attributes.get("class") or "").split())
        if not classes:
            return True
        if tag == "aside" and "onebox" in classes:
            self._link_alone(attributes.get("data-onebox-src") or _first_href(node))
            return False
        if tag == "div" and classes & _PREVIEWS:
            self._link_alone(_first_href(node))
            return False
        if tag == "aside" and "quote" in classes:
            # A link to a topic on a line of its own is also served as a quote, of
            # nobody: then the author wrote its address.
            if attributes.get("data-username"):
                return False
            title = node.css_first("div.title")
            self._link_alone(_first_href(title) if title is not None else None)
            return False
        if tag == "img" and "emoji" in classes:
            return True
        return not (classes & _CHROME or (tag == "div" and "meta" in classes))

    # -- blocks ------------------------------------------------------------

    def _take(self) -> str:
        text = tidy_lines("".join(self.inline))
        self.inline.clear()
        self.links = [(0, target) for _, target in self.links]
        return text

    def _take_line(self) -> str:
        return " ".join(self._take().split())

    def _flush(self) -> None:
        """End the block at hand; in a table, the word."""
        if self.tables:
            self.inline.append(" ")
        elif self.inline and (text := self._take()):
            self._add(text)

    def _add(self, text: str) -> None:
        if self.heading is not None:
            level, anchor = self.heading
            self.blocks.append(Block("heading", " ".join(text.split()), level, anchor))
        elif self.lists:
            depth = min(len(self.lists), _MAX_LIST_INDENT)
            lead = self.marker or "  " * depth
            self.marker = ""
            text = lead + text.replace("\n", "\n" + " " * len(lead))
            self.blocks.append(Block("list", text, len(self.lists)))
        else:
            kind: BlockKind = "quote" if self.quote_starts else "text"
            self.blocks += [Block(kind, part) for part in _BLANK_LINES.split(text)]

    def _next_marker(self) -> str:
        if not self.lists:
            return ""
        here = self.lists[-1]
        here.number += 1
        indent = "  " * (min(len(self.lists), _MAX_LIST_INDENT) - 1)
        return f"{indent}{here.number - 1}. " if here.ordered else f"{indent}- "

    def _code(self, node: LexborNode) -> None:
        code = tidy(_raw_text(node))
        if self.tables:
            self.inline.append(code)
            return
        self._flush()
        text = "\n".join(line.rstrip() for line in code.split("\n")).strip("\n")
        if text:
            self.blocks.append(Block("code", text))

    # -- links and tables --------------------------------------------------

    def _link_alone(self, target: str | None) -> None:
        if target and _ABSOLUTE.match(target):
            self._flush()
            self.inline.append(target)
            self._flush()

    def _end_link(self) -> None:
        start, target = self.links.pop()
        text = " ".join("".join(self.inline[start:]).split())
        told = _link_text(text, target.strip())
        if told != text:
            self.inline[start:] = [told]

    def _stray_cell(self) -> None:
        """Text between cells: a caption, or what broken HTML leaves there."""
        if text := self._take_line():
            self.rows.append([text])

    def _end_table(self) -> None:
        self._stray_cell()
        rows = [row for row in self.rows if any(row)]
        lines = [" | ".join(row) for row in rows]
        if all(len(row) == 1 for row in rows):
            # One column only lays text out: its rows are paragraphs.
            self.blocks += [Block("text", line) for line in lines]
        else:
            level = int(self.has_head and bool(self.rows[0]) and any(self.rows[0]))
            self.blocks.append(Block("table", "\n".join(lines), level))


# -- elements --------------------------------------------------------------

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?", re.IGNORECASE)
# Addresses that a forum shows shortened, at the end or in the middle.
_CUT_SHORT = re.compile(r" ?(?:…|\.{3}) ?")
# Link texts that say nothing about where the link goes.
_VAGUE = _names(
    "here|this|link|this link|the link|click here|see here|this page|this post|"
    "this thread|this topic|ici|lien|ce lien|le lien|cliquez ici|cette page|"
    "aquí|enlace|este enlace|haga clic aquí|esta página|aqui|este link|"
    "clique aqui|ligação",
    between="|",
)


def _link_text(text: str, target: str) -> str:
    """How a link reads in plain text.

    >>> _link_text("backup guide", "https://docs.example.org/backup")
    'backup guide'
    >>> _link_text("here", "https://docs.example.org/backup")
    'here (https://docs.example.org/backup)'
    >>> _link_text("docs.example.org/ba…", "https://docs.example.org/backup")
    'https://docs.example.org/backup'
    >>> _link_text("e.org/a … c.html", "http://e.org/a/b/c.html")
    'http://e.org/a/b/c.html'
    """
    if not text or not _ABSOLUTE.match(target):
        return text
    shown = _SCHEME.sub("", text).rstrip("/")
    whole = _SCHEME.sub("", target).rstrip("/")
    if shown == whole:
        return text
    cut = _CUT_SHORT.search(shown, 1)
    if cut is not None:
        first, last = shown[: cut.start()], shown[cut.end() :]
        if first and whole.startswith(first) and whole.endswith(last):
            return target
    if text.lower().strip(" .:!") in _VAGUE:
        return f"{text} ({target})"
    return text


_EXTENSION = re.compile(r"\.(?:bmp|gif|jpe?g|png|svg|tiff?|webp)$", re.IGNORECASE)
_WORD = re.compile(r"\b[^\W\d_]{2,}\b")
# What programs and cameras call images.
_NAMED_BY_A_PROGRAM = re.compile(
    r"\b(?:am|at|attachment|bildschirmfoto|captura|capture|de|desde|du|from|grafik|"
    r"ima?ge?n?s?|immagine|jpe?g|le|pantalla|pasted|photo|picture|png|pm|"
    r"schermata|screen|screenshot|shot|snip|untitled|whatsapp|écran)\b",
    re.IGNORECASE,
)


def _image_text(attributes: Mapping[str, str | None]) -> str:
    """What an image says to who does not see it; nothing if named by a program.

    >>> _image_text({"alt": "tracker_capture form.png"})
    ' tracker_capture form '
    >>> _image_text({"alt": "Screenshot from 2020-08-07 11-07-53"})
    ''
    """
    alt = (attributes.get("alt") or "").strip()
    if "emoji" in (attributes.get("class") or ""):
        return alt
    words = _EXTENSION.sub("", unquote(alt))
    told = _NAMED_BY_A_PROGRAM.sub(" ", words.replace("_", " "))
    return f" {words} " if len(_WORD.findall(told)) > 1 else ""


def _checkbox(attributes: Mapping[str, str | None]) -> str:
    """What the author typed, where the forum draws a box for it; else nothing.

    >>> _checkbox({"class": "chcklst-box checked fa fa-square-check-o fa-fw"})
    '[x]'
    """
    classes = (attributes.get("class") or "").split()
    if "chcklst-box" not in classes:
        return ""
    is_ticked = any("check" in name for name in classes if name != "chcklst-box")
    return "[x]" if is_ticked else "[ ]"


def _anchor(node: LexborNode) -> str:
    """The id of a heading: its own, or that of the anchor in it."""
    if own := node.attributes.get("id"):
        return own.strip()
    child = node.first_child
    while child is not None and child.tag != "a":
        child = child.next
    if child is None:
        return ""
    return (child.attributes.get("name") or child.attributes.get("id") or "").strip()


def _first_href(node: LexborNode) -> str | None:
    link = node.css_first("a[href]")
    return None if link is None else link.attributes.get("href")


def _first_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if re.fullmatch(r"[0-9]{1,6}", start) else 1


def _raw_text(node: LexborNode) -> str:
    """All text below *node*, as it stands; without recursion."""
    pieces: list[str] = []
    stack = [node.first_child]
    while stack:
        here = stack.pop()
        if here is None:
            continue
        stack.append(here.next)
        if here.tag == "-text":
            pieces.append(here.text_content or "")
        elif here.tag == "br":
            pieces.append("\n")
        elif here.tag not in _DROPPED:
            stack.append(here.first_child)
    return "".join(pieces)
