"""Codes of languages; pure."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"[-_]")


@lru_cache(maxsize=1_000)
def language_of(code: str) -> str:
    """A language without its region or script.

    >>> language_of("pt_BR"), language_of("zh-Hans"), language_of("fr")
    ('pt', 'zh', 'fr')
    """
    return _PARTS.split(code, maxsplit=1)[0].lower()


def primary(code: str | None) -> str | None:
    """The same; ``None`` stays ``None``."""
    return None if code is None else language_of(code)
