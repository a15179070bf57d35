"""Whether a post's HTML is a translation of its Markdown. Pure.

Forums may translate posts for their readers, and have served the translation
without any sign of it (discourse/discourse PR 43301).
"""

from __future__ import annotations

import html
import re

# What the forum adds to a post, or replaces: quotes, cards, code, markup.
_FOREIGN = re.compile(
    r"<(aside|pre|code|script|style|svg)\b.*?</\1\s*>|<[^<>]*>",
    re.DOTALL | re.IGNORECASE,
)
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
    shown = _words(_FOREIGN.sub(" ", cooked))
    if len(shown) < _MIN_WORDS:
        return False
    written = _words(raw)
    return len(shown & written) < _MIN_SHARED * len(shown)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(html.unescape(text))}
