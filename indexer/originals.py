"""Whether a post's HTML is a translation of its Markdown. Pure.

Forums may translate posts for their readers, and have served the translation
without any sign of it (discourse/discourse PR 43301).
"""

from __future__ import annotations

import html
import re

# What the forum adds to a post, or replaces: quotes, cards, code.
_FOREIGN = frozenset(["aside", "code", "pre", "script", "style", "svg"])
_TAG = re.compile(r"<(/?)([a-z]*+)[^<>]*>", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{3,}")
# Fewer words may all be names, or those of an expanded emoji.
_MIN_WORDS = 12
# The HTML of an untranslated post has nearly all of its words from the Markdown.
_MIN_SHARED = 0.4


def is_translation(raw: str, cooked: str) -> bool:
    """Whether *cooked* says in other words what *raw* says.

    >>> is_translation("Hello **world**", "<p>Hello <strong>world</strong></p>")
    False
    """
    shown = _words(_own_text(cooked))
    if len(shown) < _MIN_WORDS:
        return False
    written = _words(raw)
    return len(shown & written) < _MIN_SHARED * len(shown)


def _own_text(cooked: str) -> str:
    """The text outside of foreign elements; one that is never closed is none.

    In one pass: searching the end of each anew takes hours with a hostile post.
    """
    tags = list(_TAG.finditer(cooked))
    last_ends = {tag[2].lower(): number for number, tag in enumerate(tags) if tag[1]}
    pieces: list[str] = []
    foreign = ""
    start = 0
    for number, tag in enumerate(tags):
        name = tag[2].lower()
        if not foreign:
            pieces.append(cooked[start : tag.start()])
            start = tag.end()
            if name in _FOREIGN and not tag[1] and number < last_ends.get(name, 0):
                foreign = name
        elif name == foreign and tag[1]:
            foreign = ""
            start = tag.end()
    pieces.append(cooked[start:])
    return " ".join(pieces)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(html.unescape(text))}
