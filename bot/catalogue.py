"""The sentences of the bot, in the language of who reads them; see `kb.catalogue`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from kb.catalogue import (
    DOMAIN,
    SOURCE_LANGUAGE,
    Catalogue,
    Catalogues,
    Value,
    catalogue,
    compiled,
    files_in,
    read_po,
    shipped_in,
)

LOCALE_FOLDER = Path(__file__).parent / "locale"


@cache
def shipped() -> Catalogues:
    """The catalogues that come with Baraza; English is what stands in the code."""
    return shipped_in(LOCALE_FOLDER)


def shipped_files() -> dict[str, Path]:
    """The ``.po`` files that come with Baraza, by language."""
    return files_in(LOCALE_FOLDER)


__all__ = [
    "DOMAIN",
    "LOCALE_FOLDER",
    "SOURCE_LANGUAGE",
    "Catalogue",
    "Catalogues",
    "Value",
    "catalogue",
    "compiled",
    "read_po",
    "shipped",
    "shipped_files",
]
