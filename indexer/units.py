"""A course's units, whichever way they are told: by its site, or by an export. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from indexer.packing import HEADING_SEPARATOR
from kb.types import Part

_FIRST_UNIT = 2


@dataclass(frozen=True, slots=True)
class Unit:
    """What people open at once: a page of a course.

    Attributes:
        block_id: The site's own id of it, as its address has it.
        headings: Titles of its chapter, its section and itself.
        html: Of all that stands in it.
        starts_at: Nobody sees it earlier; ``None`` where the course alone says.
    """

    block_id: str
    headings: tuple[str, ...]
    html: str
    starts_at: datetime | None = None


def unit_parts(units: Sequence[Unit]) -> tuple[Part, ...]:
    """Parts from number 2 on, those without text left out.

    >>> unit_parts([Unit("u1", ("Maps", "", "Layers"), "<p>Add one.</p>")])[0].anchor
    '/jump_to_id/u1'
    """
    return tuple(
        Part(
            number=number,
            body=unit.html,
            anchor=f"/jump_to_id/{unit.block_id}",
            heading=HEADING_SEPARATOR.join(filter(None, unit.headings)),
        )
        for number, unit in enumerate(
            (unit for unit in units if unit.html.strip()), start=_FIRST_UNIT
        )
    )


def titled(name: str) -> str:
    """The name of a video or an exercise, as a paragraph; empty without one.

    It is no heading: what follows it is not below it.

    >>> titled("A & B")
    '<p>A &amp; B</p>'
    """
    name = " ".join(name.split())
    return f"<p>{escape(name)}</p>" if name else ""
