"""Words by which members tell the bot to leave them alone, or to speak again. Pure.

They are shown in every reply and read in private messages, so both come from here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

Wish = Literal["opt_out", "opt_in"]

OPT_OUT: Mapping[str, str] = {
    "en": "opt out",
    "fr": "ne plus répondre",
    "es": "no responder más",
    "pt": "não responder mais",
}
OPT_IN: Mapping[str, str] = {
    "en": "opt in",
    "fr": "répondre à nouveau",
    "es": "volver a responder",
    "pt": "voltar a responder",
}
# A wish is a short line; in a longer one its words may mean anything.
_MAX_WORDS = 12
# What may be read of a message: its first lines, never a whole document.
_MAX_CHARS = 2_000
# After "do not" or "how do I", nothing is wished for.
_DENIED = re.compile(
    r"\b(?:do not|don t|dont|not|never|without|how|why|what|"
    r"comment|pourquoi|ne pas|sans|como|por que|porque|no quiero|nao quero|nunca)\b"
)


def opt_out_words(language: str | None) -> str:
    """What to write to be left alone, in a language; English where there is none.

    >>> opt_out_words("fr"), opt_out_words("sw")
    ('ne plus répondre', 'opt out')
    """
    return OPT_OUT.get((language or "en").partition("-")[0].casefold(), OPT_OUT["en"])


def wish_in(text: str) -> Wish | None:
    """What the first line that wishes something wishes; ``None``: none does.

    Case, accents, quotation marks and a few words around make no difference; a line
    that is quoted from elsewhere, or too long, is not read.

    >>> wish_in("Hello! Please “Opt-Out”. Thanks")
    'opt_out'
    >>> wish_in("no responder mas"), wish_in("How do I opt out?")
    ('opt_out', None)
    """
    for line in text[:_MAX_CHARS].splitlines():
        if line.lstrip().startswith(">"):
            continue
        wish = _wish_of(_plain(line))
        if wish is not None:
            return wish
    return None


def _wish_of(line: str) -> Wish | None:
    if not 0 < len(line.split()) <= _MAX_WORDS:
        return None
    for wish, pattern in _PATTERNS.items():
        found = pattern.search(line)
        before = " ".join(line[: found.start()].split()[-3:]) if found else ""
        if found and not _DENIED.search(before):
            return wish
    return None


def _plain(text: str) -> str:
    """Words alone: lower case, no accents, no marks."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in parted if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", bare.replace("_", " ")))


def _pattern(phrases: Mapping[str, str], *others: str) -> re.Pattern[str]:
    told = "|".join(map(re.escape, map(_plain, (*phrases.values(), *others))))
    return re.compile(rf"\b(?:{told})\b")


_PATTERNS: Mapping[Wish, re.Pattern[str]] = {
    "opt_out": _pattern(OPT_OUT, "optout"),
    "opt_in": _pattern(OPT_IN, "optin"),
}
