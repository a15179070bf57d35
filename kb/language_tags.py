"""Codes of languages, as files and addresses write them; pure."""

from __future__ import annotations

import re

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


def primary(language: str) -> str:
    """The language alone, without where it is spoken.

    >>> primary("pt-BR"), primary("fr")
    ('pt', 'fr')
    """
    return language.partition("-")[0]
