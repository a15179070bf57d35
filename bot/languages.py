"""The language of what is harvested, where its source does not say."""

from __future__ import annotations

from dataclasses import replace

from indexer.blocks import join_blocks
from indexer.clean import clean_body
from kb.language import detect
from kb.types import Document, Kind

# Enough to tell languages apart, and cheap for a thread of a thousand posts.
_MAX_CHARS = 2_000


def with_language(document: Document, *, among: tuple[str, ...]) -> Document:
    """*document* with the language of its title and first part, unless it has one."""
    if document.language is not None or not document.parts:
        return document
    if len(among) == 1:
        return replace(document, language=among[0])
    first = document.parts[0]
    text = join_blocks(
        clean_body(first.body, first.format, mail=document.kind is Kind.THREAD)
    )
    language = detect(f"{document.title}\n{text}"[:_MAX_CHARS], among=among)
    return replace(document, language=language)
