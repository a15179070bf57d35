"""Codes of languages; pure."""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale
from babel.core import get_global

_PRIMARY = re.compile(r"([a-z]{2,3})(?=$|[-_])", re.IGNORECASE)
# ISO 639 has codes for "cannot tell", "several", "none" and "no code".
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "mis"})


@lru_cache(maxsize=1_000)
def primary(code: str | None) -> str:
    """The language of a code that may name a region or script as well, by its
    shortest code; empty when it names none.

    >>> primary("pt_BR"), primary("zh-Hans-CN"), primary("FRA"), primary("en")
    ('pt', 'zh', 'fr', 'en')
    >>> primary("und"), primary("multiple"), primary(None)
    ('', '', '')
    """
    found = _PRIMARY.match(code or "")
    if found is None:
        return ""
    language = found[1].lower()
    shortest = str(get_global("language_aliases").get(language, language))
    # An alias may bring a script or region: "sh" is "sr_Latn".
    language = shortest.partition("_")[0]
    return "" if language in _NO_LANGUAGE else language


def language_code(text: str) -> str:
    """What a person means by a code of a language, as `primary` has it.

    >>> language_code("pt-BR")
    'pt'

    Raises:
        ValueError: There is no such language.
    """
    language = primary(text.strip())
    # No more than a code, a script and a region: "en" is not meant by "en-anything".
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", text.strip()) or (
        language not in Locale("en").languages
    ):
        raise ValueError(f"expected the code of a language, such as fr, not {text!r}")
    return language
