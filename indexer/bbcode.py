"""Quotes of other posts that the forum left as BBCode, as imported posts have them.

Pure. What stands between ``[quote="ana"]`` and ``[/quote]`` was written by another;
a quote of nobody stays, as a blockquote does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.blocks import Block

# The quotation marks may have been made typographic, the name may be anything.
_MARK = re.compile(r"\[quote(?P<name>\s*=[^\]\n]{0,200})?\]|\[/quote\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Mark:
    block: int
    start: int
    stop: int
    is_end: bool
    is_named: bool


def without_bbcode_quotes(blocks: Sequence[Block]) -> tuple[Block, ...]:
    r"""*blocks* without what is quoted; all of them if nothing would be left.

    A mark without its counterpart is what somebody wrote about BBCode.

    >>> quoting = Block("text", '[quote="ana, post:1"]Does it?[/quote]\nYes.')
    >>> without_bbcode_quotes([quoting])
    (Block(kind='text', text='Yes.', level=0, anchor=''),)
    """
    texts = [block.text for block in blocks]
    for begin, end in reversed(_pairs(_marks(blocks))):
        before = texts[begin.block][: begin.start].rstrip()
        after = texts[end.block][end.stop :].lstrip()
        if not begin.is_named:
            cited = texts[end.block][: end.start].rstrip()
            texts[end.block] = f"{cited}\n{after}".strip("\n")
            cited = texts[begin.block][begin.stop :].lstrip()
            texts[begin.block] = f"{before}\n{cited}".strip("\n")
        elif begin.block == end.block:
            texts[begin.block] = f"{before}\n{after}".strip("\n")
        else:
            between = end.block - begin.block - 1
            texts[begin.block : end.block + 1] = [before, *[""] * between, after]
    kept = [replace(b, text=t) for b, t in zip(blocks, texts, strict=True) if t.strip()]
    return tuple(kept or blocks)


def _marks(blocks: Sequence[Block]) -> list[_Mark]:
    return [
        _Mark(
            index,
            match.start(),
            match.end(),
            match[0].startswith("[/"),
            match["name"] is not None,
        )
        for index, block in enumerate(blocks)
        if block.kind != "code" and "quote" in block.text.lower()
        for match in _MARK.finditer(block.text)
    ]


def _pairs(marks: Sequence[_Mark]) -> list[tuple[_Mark, _Mark]]:
    """The outermost ones that belong together, in their order."""
    pairs: list[tuple[_Mark, _Mark]] = []
    is_open: list[_Mark] = []
    for mark in marks:
        if not mark.is_end:
            is_open.append(mark)
        elif is_open:
            begin = is_open.pop()
            while pairs and _place(pairs[-1][0]) > _place(begin):
                pairs.pop()
            pairs.append((begin, mark))
    return pairs


def _place(mark: _Mark) -> tuple[int, int]:
    return mark.block, mark.start
