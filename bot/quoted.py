"""What a member wrote, without what is quoted from somebody else. Pure."""

from __future__ import annotations

import re

# What the tag says may hold brackets, where it stands in quotation marks.
_TAG = re.compile(
    r"\[(?P<end>/)?quote\b(?>(?:=\s*\"[^\"\n]*\"|[^\]\n])*)\]", re.IGNORECASE
)


def without_quotes(raw: str) -> str:
    """*raw* without quotes, and quotes within quotes; what follows a tag that has no
    partner may be anybody's, and is left out as well.

    >>> without_quotes("[quote][quote]a[/quote]\\n\\nb\\n[/quote]\\nc").split()
    ['c']
    >>> without_quotes("a [quote]b[/quote] c [/quote] d").split()
    ['a', 'c']
    """
    kept: list[str] = []
    depth, start = 0, 0
    for tag in _TAG.finditer(raw):
        if not depth:
            kept.append(raw[start : tag.start()])
        if not tag["end"]:
            depth += 1
        elif depth:
            depth -= 1
        else:
            return "\n".join(kept)
        start = tag.end()
    if not depth:
        kept.append(raw[start:])
    return "\n".join(kept)


def own_lines(raw: str) -> list[str]:
    """The lines of a member's own, without blank ones.

    A line right below one that begins with ``>`` is shown as part of the quote.

    >>> own_lines("> Tell them to\\nresume\\n\\nWhat is that?")
    ['What is that?']
    """
    lines: list[str] = []
    is_quoted = False
    for line in without_quotes(raw).splitlines():
        text = line.strip()
        is_quoted = bool(text) and (is_quoted or text.startswith(">"))
        if text and not is_quoted:
            lines.append(text)
    return lines
