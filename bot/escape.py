"""Foreign text → text that is safe to post or to print. Pure functions.

Discourse brings text to life after Markdown's own escapes have been resolved: a
``\\@name`` still pings. So what it looks for is broken up with a zero-width space,
or put into a code span, where it looks for nothing.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

ZERO_WIDTH = "\u200b"

# Control, format (bidirectional overrides, zero-width), surrogate, private use,
# unassigned: nothing that a reader would miss, and all of it can deceive one.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&$^])")
_LINE_START = re.compile(r"^(\d+(?=[.)])|(?=[-+=/]))")
# The forum looks for its own tags in raw text, also within code and behind backslashes:
# one that is counted opens or ends a block of ours. We look there for our marker.
_TAG = re.compile(
    r"<(?=!--)|\[(?=\s*/?\s*(?:quote|details|spoiler|hide|poll|date|date-range|wrap|code|event"
    r"|chat|policy|placeholder|timezones|grid|aside)\b)",
    re.IGNORECASE,
)
# What some linkifier may take for an address: it goes into a code span.
_ADDRESS = re.compile(r"//|^\W*www\.|[\w-]\.[^\W\d_]{2,}|\w@\w|mailto:", re.IGNORECASE)
_WRAPPED = re.compile(r"^([^\w/]*)(.*?)([^\w/]*)$", re.DOTALL)
_LIVE = re.compile(
    r"@"
    r"|\#(?=[\w:-])"
    r"|:(?=[\w+-]+:)"
    r"|[:;](?=['’-]?[()DPpOoXx|/\\*3$](?!\w))"
)
_MAX_WORD_CHARS = 60
_URL_SAFE = "/:?#@!$&'*+,;=%~-._"


def visible(text: str) -> str:
    """*text* on one line, without anything that cannot be seen.

    >>> visible("a\\x1b[31m\\u202eb\\n\\tc")
    'a[31mb c'
    """
    if text.isprintable():
        # As nearly all is; then the one space among it is that.
        return " ".join(text.split())
    kept = (
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in _INVISIBLE
    )
    return " ".join("".join(kept).split())


def printable(text: str) -> str:
    """*text* for a terminal or a log: lines stay, control sequences do not.

    >>> printable("one\\ntwo\\x1b]0;title\\x07")
    'one\\ntwo]0;title'
    """
    return "".join(
        char
        for char in text
        if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE
    )


def shortened(text: str, max_chars: int) -> str:
    """*text*, cut at a word's end with an ellipsis when it is too long.

    >>> shortened("one two three", 9)
    'one two…'
    >>> shortened("abcdefghij", 5)
    'abcd…'
    """
    if len(text) <= max_chars:
        return text
    head = text[:max_chars]
    cut = head.rfind(" ")
    kept = head[:cut] if cut >= max_chars // 2 else head[: max_chars - 1]
    return kept.rstrip(" ,;:.–-") + "…"


def prose(text: str) -> str:
    """One line of Markdown that shows *text* and does nothing else.

    >>> prose("Ask *bob* at bob@example.org, see [this](https://x.org/a)!")
    'Ask \\\\*bob\\\\* at `bob@example.org`, see \\\\[`this](https://x.org/a`)!'
    >>> prose("# 1. thing").replace(ZERO_WIDTH, "|")
    '\\\\# 1. thing'
    >>> prose("ping @ann #help").replace(ZERO_WIDTH, "|")
    'ping @|ann \\\\#|help'
    """
    return _LINE_START.sub(r"\1\\", inline(text))


def inline(text: str) -> str:
    """As `prose`, for text that stands within a line.

    >>> inline("2.41"), inline("a.example.org")
    ('2.41', '`a.example.org`')
    """
    return " ".join(_word(word) for word in visible(text).split(" "))


def label(text: str, *, max_chars: int = 120) -> str:
    """The text of a link; nothing inside a link is made a link.

    >>> label("[Solved] a|b \\\\ c.org")
    '\\\\[Solved\\\\] a\\\\|b \\\\\\\\ c.org'
    """
    return _escaped(shortened(visible(text), max_chars))


def code_span(text: str, *, max_chars: int = 160) -> str:
    """*text* as inline code, on one line; the fence outlasts every backtick in it.

    >>> code_span("SELECT `a`\\nFROM b")
    '``SELECT `a` FROM b``'
    >>> code_span("`x`")
    '`` `x` ``'
    """
    line = _broken_tags(shortened(visible(text), max_chars))
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def link_target(url: str) -> str:
    """*url* as the target of a Markdown link.

    >>> link_target("https://x.org/a_(b)?q=1&r=<2>#c")
    'https://x.org/a_%28b%29?q=1&amp;r=%3C2%3E#c'

    Raises:
        ValueError: It is not a web address.
    """
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"not a web address: {url!r}")
    quoted = quote(visible(url), safe=_URL_SAFE)
    return quoted.replace("&", "&amp;")


def _word(word: str) -> str:
    if len(word) > _MAX_WORD_CHARS:
        word = word[: _MAX_WORD_CHARS - 1] + "…"
    if not _ADDRESS.search(word):
        return _escaped(word)
    before, address, after = _WRAPPED.sub(r"\1\0\2\0\3", word).split("\0")
    return _escaped(before) + code_span(address) + _escaped(after)


def _escaped(text: str) -> str:
    broken = _LIVE.sub(lambda found: found[0] + ZERO_WIDTH, _broken_tags(text))
    return _MARKDOWN.sub(r"\\\1", broken)


def _broken_tags(text: str) -> str:
    return _TAG.sub(lambda found: found[0] + ZERO_WIDTH, text)
