"""Text to passages: what is searched, embedded, shown and linked to. Pure.

A passage is made of whole blocks of one part and, in a page, of one section. Only a
block that alone is over the limit is cut: by lines, then sentences, then words.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from indexer.blocks import Block
from indexer.clean import CLEANER_VERSION, MAX_CHARS, clean_body, is_truncated
from indexer.links import LINKS_VERSION
from indexer.packing import HEADING_SEPARATOR, Packer, TokenCounter
from indexer.templates import without_templates
from kb.types import NO_TEMPLATES, Document, Kind, Part, PassageDraft, Templates

_log = logging.getLogger(__name__)

CHUNKER_VERSION = 1
"""Grows with every change of how passages are cut."""

MAX_TOKENS = 200
MIN_TOKENS = 30


def chunker_stamp(
    tokenizer: str, *, max_tokens: int = MAX_TOKENS, min_tokens: int = MIN_TOKENS
) -> str:
    """Names all that passages and links depend on; another one means cutting anew.

    Args:
        tokenizer: What the config calls the one that counts tokens.

    >>> chunker_stamp("some/model", max_tokens=180)
    'chunk 1, clean 2, links 1, some/model, 30 to 180'
    """
    return (
        f"chunk {CHUNKER_VERSION}, clean {CLEANER_VERSION}, "
        f"links {LINKS_VERSION}, {tokenizer}, "
        f"{min_tokens} to {max_tokens}"
    )


def truncated_parts(document: Document) -> int:
    """How many parts are so long that passages cover their beginning only."""
    return sum(is_truncated(part.body) for part in document.parts)


def chunk_document(
    document: Document,
    *,
    count_tokens: TokenCounter,
    max_tokens: int = MAX_TOKENS,
    min_tokens: int = MIN_TOKENS,
    templates: Templates = NO_TEMPLATES,
) -> tuple[PassageDraft, ...]:
    """Cut a document into passages.

    In a thread, passages land on their post, and headings stay in the text: people
    use them as they please. In a page, passages land on the nearest heading, and the
    headings above are the passage's `heading`, its text being what is below them;
    a part with an anchor of its own is landed on as a whole.

    Args:
        document: With its parts as harvested.
        count_tokens: Of the model that will embed the passages.
        max_tokens: Of the whole embedded text, title and headings included. Titles
            that take more than half of it are the exception: the text may still
            have the other half.
        min_tokens: What passages should have at least, where blocks allow it.
        templates: Lines that go from a thread's posts.

    Returns:
        Together they hold the whole cleaned text, in order. Parts without text
        give none; yet the first part always gives one, of the title if need be,
        so that every titled document that has a part can be found.

    Raises:
        ValueError: If *max_tokens* is less than 16.
    """
    if max_tokens < 16:
        raise ValueError(f"max_tokens must be >= 16, got {max_tokens}")
    packer = Packer(document.title, count_tokens, max_tokens, min_tokens)
    drafts: list[PassageDraft] = []
    for index, part in enumerate(document.parts):
        if is_truncated(part.body):
            _log.warning(
                "source=%s key=%s part=%d chars=%d: cut off after %d",
                document.source,
                document.key,
                part.number,
                len(part.body),
                MAX_CHARS,
            )
        is_thread = document.kind is Kind.THREAD
        blocks = clean_body(part.body, part.format, mail=is_thread)
        if is_thread:
            known = templates.reply if index else templates.opening
            blocks = without_templates(blocks, known)
        sections = [_Section("", "", blocks)] if is_thread else _placed(part, blocks)
        texts = [
            (section, text)
            for section in sections
            for text in packer.texts(section.heading, section.blocks)
        ]
        if not texts and index == 0 and (title := packer.title_text()):
            texts = [(_Section(part.heading, part.anchor, ()), title)]
        for section, text in texts:
            drafts.append(
                PassageDraft(
                    part_number=part.number,
                    ordinal=len(drafts),
                    anchor=f"/{part.number}" if is_thread else section.anchor,
                    heading=packer.shown_heading(section.heading),
                    text=text,
                    created_at=part.created_at,
                )
            )
    return tuple(drafts)


# -- sections --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Section:
    """What stands below one heading.

    Attributes:
        heading: The path to it, outermost first.
        anchor: With its ``#``; empty above the first heading.
    """

    heading: str
    anchor: str
    blocks: tuple[Block, ...]


def _placed(part: Part, blocks: Iterable[Block]) -> list[_Section]:
    """The sections of a part; one that has a place of its own is linked to as a whole,
    since nobody knows whether headings within it can be."""
    sections = _sections(blocks)
    if not (part.anchor or part.heading):
        return sections
    names = (part.heading,) if part.heading else ()
    return [
        replace(
            section,
            heading=HEADING_SEPARATOR.join((*names, *filter(None, [section.heading]))),
            anchor=part.anchor or section.anchor,
        )
        for section in sections
    ]


def _sections(blocks: Iterable[Block]) -> list[_Section]:
    """Cut a page at its headings; a heading with nothing below it is text itself."""
    sections: list[_Section] = []
    path: list[Block] = []
    below: list[Block] = []

    def end(following: Block | None) -> None:
        # A heading whose subsections follow is in their path.
        is_told = following is not None and path and following.level > path[-1].level
        if below or (path and not is_told):
            own = below or [replace(path[-1], kind="text")]
            names = [block.text for block in path]
            anchor = path[-1].anchor if path else ""
            sections.append(
                _Section(
                    HEADING_SEPARATOR.join(names),
                    f"#{anchor}" if anchor else "",
                    tuple(own),
                )
            )

    for block in blocks:
        if block.kind != "heading":
            below.append(block)
            continue
        end(block)
        below = []
        while path and path[-1].level >= block.level:
            path.pop()
        path.append(block)
    end(None)
    return sections
