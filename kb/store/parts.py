"""A part as columns and back: stored in a document, or loose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kb.store.rows import clean, to_moment, to_text
from kb.types import Part

# In the order of `part_values` and `part_of`.
PART_COLUMNS = (
    "number",
    "body",
    "format",
    "external_id",
    "author_id",
    "author",
    "created_at",
    "updated_at",
    "likes",
    "accepted",
    "reply_to",
    "staff",
    "anchor",
    "heading",
)


def part_values(part: Part) -> tuple[Any, ...]:
    """A part as it is stored, by `PART_COLUMNS`."""
    return (
        part.number,
        clean(part.body),
        part.format,
        part.external_id,
        part.author_id,
        part.author,
        to_text(part.created_at),
        to_text(part.updated_at),
        part.likes,
        part.accepted,
        part.reply_to,
        part.staff,
        clean(part.anchor),
        clean(part.heading),
    )


def part_of(row: Sequence[Any]) -> Part:
    """The inverse of `part_values`."""
    return Part(
        number=row[0],
        body=row[1],
        format=row[2],
        external_id=row[3],
        author_id=row[4],
        author=row[5],
        created_at=to_moment(row[6]),
        updated_at=to_moment(row[7]),
        likes=row[8],
        accepted=bool(row[9]),
        reply_to=row[10],
        staff=bool(row[11]),
        anchor=row[12],
        heading=row[13],
    )
