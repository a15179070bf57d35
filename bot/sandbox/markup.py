"""The parts of post markup that Markdown does not know: block tags and HTML.

Pure functions. `blocks` cuts a post into plain Markdown, quotes and folds;
`sanitised` lets the safe subset of HTML through and drops comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_OPENING = re.compile(r"^\[(quote|details)(?:=(.*?))?\](.*)$", re.IGNORECASE)

_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "a": frozenset({"href", "title"}),
    "abbr": frozenset({"title"}),
    "code": frozenset({"class"}),
    "details": frozenset({"class", "open"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "ol": frozenset({"start"}),
    "summary": frozenset({"title"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
}
_PLAIN_TAGS = (
    "b big blockquote br dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark p"
    " pre s small span strike strong sub sup table tbody thead tr ul"
)
_TAGS = frozenset(_ATTRIBUTES) | frozenset(_PLAIN_TAGS.split())
_SILENCED = frozenset({"script", "style", "iframe", "object"})
_SAFE_ADDRESS = re.compile(r"(?:https?://|mailto:|/|#|upload://)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Plain:
    """Markdown without block tags."""

    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """``[quote="who, post:3, topic:12"]``; all empty for a quote of nobody."""

    text: str
    username: str = ""
    post: int | None = None
    topic: int | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """``[details="summary"]``."""

    text: str
    summary: str


Block = Plain | Quote | Fold


def blocks(raw: str) -> Iterator[Block]:
    """Cut *raw* at its top-level block tags; tags inside code fences are text.

    >>> list(blocks('hi\\n[quote="ann, post:2, topic:7"]\\nyes\\n[/quote]\\nok'))
    ... # doctest: +NORMALIZE_WHITESPACE
    [Plain(text='hi'), Quote(text='yes', username='ann', post=2, topic=7),
     Plain(text='ok')]
    """
    lines = raw.split("\n")
    plain: list[str] = []
    closings: dict[str, list[int | None]] = {}
    fence = ""
    index = 0
    while index < len(lines):
        line = lines[index]
        fence = _fence_after(line, fence)
        opening = None if fence else _OPENING.match(line.strip())
        end = None
        if opening is not None:
            tag = opening[1].lower()
            if tag not in closings:
                closings[tag] = _closings(lines, tag)
            end = closings[tag][index]
        if opening is None or end is None:
            plain.append(line)
            index += 1
            continue
        if plain:
            yield Plain("\n".join(plain))
            plain = []
        yield _block(opening, _inside(lines, index, end, opening))
        index = end + 1
    if plain:
        yield Plain("\n".join(plain))


def _fence_after(line: str, fence: str) -> str:
    """The fence that is open after *line*, empty when none is."""
    found = _FENCE.match(line)
    if found is None:
        return fence
    if not fence:
        return found[1]
    closes = found[1].startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence


def _closings(lines: list[str], tag: str) -> list[int | None]:
    """For each line, the line that ends a block of *tag* which it would open.

    One pass, however many blocks: a block ends where it is no deeper than before it.
    """
    opening = re.compile(rf"\[{tag}[=\]]")
    ends: list[int | None] = [None] * len(lines)
    # Line numbers still without an end, with the depth before each.
    waiting: list[tuple[int, int]] = []
    depth, fence = 0, ""
    for index, line in enumerate(lines):
        waiting.append((index, depth))
        fence = _fence_after(line, fence)
        if fence:
            continue
        lowered = line.lower()
        depth += len(opening.findall(lowered)) - lowered.count(f"[/{tag}]")
        while waiting and depth <= waiting[-1][1]:
            ends[waiting.pop()[0]] = index
    return ends


def _inside(lines: list[str], start: int, end: int, opening: re.Match[str]) -> str:
    closing = re.compile(rf"\[/{opening[1]}\].*$", re.IGNORECASE)
    if start == end:
        return closing.sub("", opening[3]).strip("\n")
    last = closing.sub("", lines[end])
    return "\n".join([opening[3], *lines[start + 1 : end], last]).strip("\n")


def _block(opening: re.Match[str], text: str) -> Block:
    value = (opening[2] or "").strip().strip('"“”')
    if opening[1].lower() == "details":
        return Fold(text, value or "Summary")
    who, post, topic = "", None, None
    for position, part in enumerate(value.split(",")):
        name, colon, number = part.strip().partition(":")
        if colon and name == "post" and _is_number(number):
            post = int(number)
        elif colon and name == "topic" and _is_number(number):
            topic = int(number)
        elif (colon and name == "username") or (position == 0 and not colon):
            who = number if colon else name
    return Quote(text, who.strip(), post, topic)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 19


class _Sanitiser(HTMLParser):
    """Re-emits what is allowed; everything else of a tag vanishes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self._silenced = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENCED:
            self._silenced += 1
        if tag not in _TAGS or self._silenced:
            return
        allowed = _ATTRIBUTES.get(tag, frozenset())
        kept = "".join(
            f' {name}="{escape(value or "")}"'
            for name, value in attrs
            if name in allowed
            and (name not in {"href", "src"} or _SAFE_ADDRESS.match(value or ""))
        )
        self.out.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENCED:
            self._silenced = max(0, self._silenced - 1)
        elif tag in _TAGS and not self._silenced:
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silenced:
            self.out.append(escape(data, quote=False))

    def handle_entityref(self, name: str) -> None:
        self.out.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.out.append(f"&#{name};")


def sanitised(html: str) -> str:
    """The safe subset of *html*; comments and scripts are gone.

    >>> sanitised('a<!-- mark --><b onclick="x()">b</b><script>no()</script>')
    'a<b>b</b>'
    """
    parser = _Sanitiser()
    parser.feed(html)
    parser.close()
    return "".join(parser.out)
