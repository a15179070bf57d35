"""Blocks: what cleaning makes of a body, and what chunking makes passages of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "text", "code", "table", "list", "quote"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text that is read as one: a paragraph, a list item, a code block.

    Attributes:
        kind: ``list`` is one item with its marker, ``table`` a whole table with
            a row on each line, ``quote`` a paragraph that the author cites.
        text: NFC, no control characters but line breaks and tabs, never blank.
        level: Of a heading, 1 to 6; depth of a list item, from 1; of a table, 1 if
            its first row names the columns; else 0.
        anchor: Of a heading: what follows ``#`` in a link to it, or empty.
    """

    kind: BlockKind
    text: str
    level: int = 0
    anchor: str = ""


def separator(before: Block, after: Block) -> str:
    """What stands between two neighbours: list items are joined more tightly."""
    return "\n" if before.kind == after.kind == "list" else "\n\n"


def join_blocks(blocks: Sequence[Block]) -> str:
    """The whole text of *blocks*.

    >>> join_blocks([Block("text", "Two:"), Block("list", "- a"), Block("list", "- b")])
    'Two:\\n\\n- a\\n- b'
    """
    out: list[str] = []
    for index, block in enumerate(blocks):
        if index:
            out.append(separator(blocks[index - 1], block))
        out.append(block.text)
    return "".join(out)


# Control characters, and what takes no space yet breaks words apart: zero width
# space, word joiner, byte order mark, soft hyphen. Joiners that scripts need stay.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def tidy(text: str) -> str:
    r"""NFC, without control characters; line breaks become ``\n``.

    >>> tidy("a\r\nb\x00 cafe\u0301")
    'a\nb café'
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _UNSEEN.sub("", text))
    return unicodedata.normalize("NFC", text)


_SPACES = re.compile(r"[^\S\n]+")
_AROUND_BREAKS = re.compile(r" ?\n ?")


def tidy_lines(text: str) -> str:
    r"""The same, with each run of spaces made one and lines stripped.

    >>> tidy_lines(" a \xa0 b \n c ")
    'a b\nc'
    """
    return _AROUND_BREAKS.sub("\n", _SPACES.sub(" ", tidy(text))).strip()
