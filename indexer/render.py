"""Markdown as documentation is written in it, to HTML. Pure.

CommonMark with tables, and what MkDocs and MyST add: front matter, heading
attributes, admonitions, tabs, directives, roles and targets.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from indexer.blocks import Block

# Deeper nesting is not rendered; each level costs several Python frames.
_MAX_NESTING = 60


# A page is rendered for its text and for its links, and a batch holds a hundred pages:
# most of a harvest of documentation is spent here.
@lru_cache(maxsize=128)
def render_markdown(source: str) -> str:
    """Render Markdown to HTML; HTML in it passes through.

    >>> render_markdown("---\\ntitle: A\\n---\\n# B { #c }")
    '<h1 id="c">B</h1>\\n'
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    lines = without_front_matter(source).split("\n")
    return str(_MARKDOWN.render("\n".join(_plain_lines(lines))))


_FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*\n(.*?\n)?\1[ \t]*(?:\n|\Z)", re.DOTALL
)


def front_matter(source: str) -> str:
    r"""The lines between the marks at the top of a page, or nothing.

    >>> front_matter("---\ntitle: A\n---\ntext")
    'title: A\n'
    """
    match = _FRONT_MATTER.match(source)
    return match[2] or "" if match else ""


def without_front_matter(source: str) -> str:
    r"""The page without it.

    >>> without_front_matter("---\ntitle: A\n---\ntext")
    'text'
    """
    return _FRONT_MATTER.sub("", source, count=1)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# -- before parsing --------------------------------------------------------

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*(.*)$")
_DIRECTIVE = re.compile(r"\{([\w:+-]+)\}[ \t]*(.*)$")
_COLONS = re.compile(r":{3,}[ \t]*(?:\{([\w:+-]+)\}[ \t]*(.*)|[\w-]*)$")
_OPTION = re.compile(r":[\w-]+:(?:[ \t].*)?$")
_ADMONITION = re.compile(
    r"(?:!!!|\?\?\?\+?)[ \t]+([\w-]+)(?:[ \t]+[\w -]*)?(?:[ \t]*\"(.*)\")?[ \t]*$"
)
_TAB = re.compile(r"===[!+]?[ \t]+\"(.*)\"[ \t]*$")
_GRID = re.compile(r"!{4,}[ \t]*$")
_TARGET = re.compile(r"\([\w .:/-]+\)=[ \t]*$")
_INDENT = 4

# Directives whose body is shown as it stands, and those that show nothing of their
# own. The body of any other is Markdown.
_CODE = _names(
    "code code-block code-cell literalinclude math mermaid parsed-literal prompt "
    "sourcecode"
)
_NOTHING = _names(
    "contents eval-rst figure highlight image include index jsonschema raw toctree "
    "video"
)


def _plain_lines(lines: Sequence[str]) -> Iterator[str]:
    """The lines as CommonMark, with what the generators add taken out."""
    bodies: list[int] = []  # columns at which the open admonitions' bodies begin
    fence = ""  # what ends the fence that is open
    fence_is = "code"
    may_be_option = False
    for raw in lines:
        stripped = raw.strip()
        if stripped:
            indent = len(raw) - len(raw.lstrip(" "))
            while bodies and indent < bodies[-1] and not raw.startswith("\t"):
                bodies.pop()
        line = _dedent(raw, _INDENT * len(bodies))
        text = line.strip()
        was_option, may_be_option = may_be_option, False
        if fence:
            if text.startswith(fence) and not text.strip(fence[0]):
                if fence_is == "code":
                    yield line
                fence = ""
            elif fence_is == "code":
                yield line
            elif fence_is == "markdown":
                may_be_option = was_option and _OPTION.match(text) is not None
                if not may_be_option:
                    yield _plain_line(line)
            continue
        lead = line[: len(line) - len(line.lstrip())]
        if match := _FENCE.match(text):
            fence = match[1]
            directive = _DIRECTIVE.match(match[2])
            fence_is = _shown_as(directive[1] if directive else "code")
            may_be_option = fence_is == "markdown"
            if fence_is == "code":
                yield f"{lead}{fence}" if directive else line
            elif fence_is == "markdown" and directive and directive[2]:
                yield from ("", f"{lead}**{directive[2]}**", "")
        elif match := _COLONS.match(text):
            may_be_option = match[1] is not None
            title = match[2] if match[1] not in _NOTHING else None
            yield from ("", f"{lead}**{title}**", "") if title else ("",)
        elif was_option and _OPTION.match(text):
            may_be_option = True
        elif match := _ADMONITION.match(text):
            bodies.append(len(lead) + _INDENT * len(bodies) + _INDENT)
            title = match[2] if match[2] is not None else match[1].capitalize()
            yield from ("", f"{lead}**{title}**" if title.strip() else "", "")
        elif match := _TAB.match(text):
            bodies.append(len(lead) + _INDENT * len(bodies) + _INDENT)
            yield from ("", f"{lead}**{match[1]}**" if match[1].strip() else "", "")
        elif _TARGET.match(text) or _GRID.match(text):
            yield ""
        else:
            yield _plain_line(line)


def _shown_as(directive: str) -> str:
    if directive in _CODE:
        return "code"
    return "nothing" if directive in _NOTHING else "markdown"


def _dedent(line: str, columns: int) -> str:
    if line.startswith("\t"):
        line = line.expandtabs(_INDENT)
    lead = len(line) - len(line.lstrip(" "))
    return line[min(lead, columns) :]


_ROLE = re.compile(r"\{[a-zA-Z][\w:+-]*\}(`+)([^`\n]*)\1")
_DEFINITION = re.compile(r"^:[ \t]+")
_ROLE_TARGET = re.compile(r"\s*<[^<>]*>$")


def _plain_line(line: str) -> str:
    """Roles become their text: ``{ref}`Install <install>` `` reads "Install"."""
    line = _DEFINITION.sub("", line)
    if "}`" not in line:
        return line
    return _ROLE.sub(lambda match: _ROLE_TARGET.sub("", match[2]), line)


# -- while parsing ---------------------------------------------------------

_HEADING_ATTRIBUTES = re.compile(r"[ \t]*\{:?([^{}\n]*)\}[ \t]*$")
_ID = re.compile(r"#([^\s}]+)")
# Attributes of images and links: ![](map.png){ width=50% }
_INLINE_ATTRIBUTES = re.compile(r"(?<=\))\{:?[^{}\n]*[=.#][^{}\n]*\}")


# Inline parsing is quadratic in brackets that are left open, and slow in the others.
_MAX_BRACKETS = 3_000
_MAX_MARKS = 20_000
_MARKS = re.compile(r"[*_`<~&\\]")


def _is_tangled(content: str) -> bool:
    """Whether it is better shown as it stands than parsed."""
    if len(content) <= _MAX_BRACKETS:
        return False
    marks = sum(1 for _ in _MARKS.finditer(content))
    return content.count("[") > _MAX_BRACKETS or marks > _MAX_MARKS


def _read_attributes(state: StateCore) -> None:
    """Take attribute lists out of the text, and give headings the id they state."""
    opening: Token | None = None
    for token in state.tokens:
        if token.type == "inline" and _is_tangled(token.content):
            token.type = "text"
        elif token.type == "inline":
            if opening is not None:
                match = _HEADING_ATTRIBUTES.search(token.content)
                if match and (stated := _ID.search(match[1])):
                    opening.attrSet("id", stated[1])
                if match and re.search(r"[#.=]|^\s*-?\s*$", match[1]):
                    token.content = token.content[: match.start()]
            if "){" in token.content:
                token.content = _INLINE_ATTRIBUTES.sub("", token.content)
        opening = token if token.type == "heading_open" else None


# A browser takes all that follows such a tag for its content.
_SWALLOWS = re.compile(
    r"</?(?:iframe|math|noembed|noframes|noscript|plaintext|script|select|style|svg|"
    r"template|textarea|title|xmp|frameset)\b",
    re.IGNORECASE,
)


def _html_inline(
    self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    content = tokens[index].content
    return escapeHtml(content) if _SWALLOWS.match(content) else content


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.before("inline", "attributes", _read_attributes)
    parser.add_render_rule("html_inline", _html_inline)
    return parser


_MARKDOWN = _parser()


# -- after cleaning --------------------------------------------------------


def with_anchors(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Give each heading that states no id the one that a generator derives.

    Source:
        Python-Markdown's ``toc`` extension, which MkDocs uses.

    >>> found = with_anchors([Block("heading", "Wi-Fi & LAN", 2)] * 2)
    >>> [block.anchor for block in found]
    ['wi-fi-lan', 'wi-fi-lan_1']
    """
    taken = {block.anchor for block in blocks if block.anchor}
    numbers: Counter[str] = Counter()
    out: list[Block] = []
    for block in blocks:
        if block.kind == "heading" and not block.anchor:
            anchor = slug = _slug(block.text)
            while not anchor or anchor in taken:
                numbers[slug] += 1
                anchor = f"{slug}_{numbers[slug]}"
            taken.add(anchor)
            block = replace(block, anchor=anchor)
        out.append(block)
    return tuple(out)


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
