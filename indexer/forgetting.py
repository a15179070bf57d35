"""What is left of a document once somebody in it is forgotten. Pure."""

from __future__ import annotations

from dataclasses import replace

from selectolax.lexbor import LexborHTMLParser

from kb.store import Forgotten
from kb.types import Document, LeftOut, Part

# Who asked to be forgotten; nothing else says whose post it was.
FORGOTTEN_AUTHOR = "forgotten author"
_NAMED = "data-username"


def without_forgotten(document: Document, forgotten: Forgotten) -> Document | None:
    """*document* without what they wrote, and without quotes of it; ``None`` when they
    began it, since its title is theirs, or when nothing is left.

    Who began it, its first post tells, also one that is left out; where neither is
    known, the document stays."""
    parts: list[Part] = []
    left_out = list(document.left_out)
    for part in document.parts:
        if not forgotten.covers(part.author, part.author_id):
            parts.append(without_quotes_of(part, forgotten))
        elif part.external_id is not None:
            left_out.append(LeftOut(part.external_id, part.number, FORGOTTEN_AUTHOR))
    if not parts or any(begun_by(each, forgotten) for each in document.contents):
        return None
    left_out.sort(key=lambda item: (item.number, item.external_id))
    return replace(
        document,
        parts=tuple(parts),
        left_out=tuple(left_out),
        solved=any(part.accepted for part in parts),
    )


def begun_by(content: Part | LeftOut, forgotten: Forgotten) -> bool:
    """Whether this is the first post of a thread, and theirs."""
    if content.number != 1:
        return False
    if isinstance(content, Part):
        return forgotten.covers(content.author, content.author_id)
    return content.author_id is not None and forgotten.covers(None, content.author_id)


def without_quotes_of(part: Part, forgotten: Forgotten) -> Part:
    """*part* without what it quotes of somebody who is forgotten.

    Cleaning leaves quotes out of passages anyway; here they leave what is stored.
    """
    if not forgotten or part.format != "html" or _NAMED not in part.body:
        return part
    page = LexborHTMLParser(part.body)
    quotes = [
        aside
        for aside in page.css(f"aside.quote[{_NAMED}]")
        if forgotten.covers(aside.attributes.get(_NAMED), None)
    ]
    if not quotes or page.body is None:
        return part
    for aside in quotes:
        aside.decompose()
    return replace(part, body=page.body.inner_html or "")
