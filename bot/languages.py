"""The language of what is harvested, where its source does not say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from indexer.blocks import Block, join_blocks
from indexer.clean import clean_body
from indexer.templates import without_templates
from kb.language import detect
from kb.types import Document, Kind

# Enough to tell languages apart, and cheap for a thread of a thousand posts.
_MAX_CHARS = 2_000


def with_language(
    document: Document, *, among: tuple[str, ...], templates: Collection[str] = ()
) -> Document:
    """*document* with the language of its title and first part, unless it has one.

    Of a thread that is the question: answers may be in any language.

    Args:
        among: The languages that there are; a single one is that of all documents.
        templates: Lines that many posts share, see `indexer.templates`: the form that
            members fill in may be in another language than what they write.
    """
    if document.language is not None or not document.parts:
        return document
    if len(among) == 1:
        return replace(document, language=among[0])
    first = document.parts[0]
    is_thread = document.kind is Kind.THREAD
    blocks = clean_body(first.body, first.format, mail=is_thread)
    own = _prose(without_templates(blocks, templates), with_quotes=not is_thread)
    text = f"{document.title}\n\n{join_blocks(own)}"[:_MAX_CHARS]
    return replace(document, language=detect(text, among=among))


def _prose(blocks: Sequence[Block], *, with_quotes: bool) -> list[Block]:
    """What is written in words: code is in the same language everywhere, and whom a
    member quotes may write in another one."""
    foreign = {"code"} if with_quotes else {"code", "quote"}
    return [block for block in blocks if block.kind not in foreign]
