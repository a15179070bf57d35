"""Codes of languages; pure."""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale
from babel.core import get_global

_PRIMARY = re.compile(r"([a-z]{2,3})(?=$|[-_])", re.IGNORECASE)
# ISO 639 has codes for "cannot tell", "several", "none" and "no code".
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "mis"})
# BCP 47 asks for a hyphen; gettext and Java write an underscore, Android "pt-rBR".
# A script (Latn), a region (BR, 419) and gettext's variant (@latin) may follow.
_TAG = re.compile(
    r"(?P<language>[A-Za-z]{2,3})"
    r"(?:[-_](?P<script>[A-Za-z]{4}))?"
    r"(?:[-_]r?(?P<region>[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:\.[\w-]+)?(?:@\w+)?\Z"
)
# Codes that were withdrawn; Java and Android write them to this day.
_NOW = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}


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


def tag(text: str) -> str | None:
    """A code of a language in one form; ``None`` for what is none.

    >>> [tag(each) for each in ("FR", "pt_BR", "es-r419", "zh_Hans_CN", "pt_BR.UTF-8")]
    ['fr', 'pt-BR', 'es-419', 'zh-Hans-CN', 'pt-BR']
    >>> tag("messages"), tag("")
    (None, None)
    """
    found = _TAG.match(text.strip())
    if found is None:
        return None
    language = found["language"].lower()
    script, region = found["script"], found["region"]
    parts = (
        _NOW.get(language, language),
        script and script.title(),
        region and region.upper(),
    )
    return "-".join(part for part in parts if part)
