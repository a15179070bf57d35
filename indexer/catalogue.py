"""Courses as the catalogue and the outline of an Open edX site tell of them. Pure.

Source: https://docs.openedx.org, the Courses API and its Blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from indexer.fields import Fields, moment_of
from indexer.olx import Export
from indexer.units import Unit, titled, unit_parts
from kb.errors import RecordError
from kb.store.rows import clean
from kb.types import Details, Document, Kind, Part

COURSE_FORMAT = 1
"""Grows with every change of what a course is read as."""

# What a course starts at as long as nobody has said when.
_NOT_SET = datetime(2030, 1, 1, tzinfo=UTC)
_LANGUAGE = re.compile(r"[a-z]{2}(?![a-z])")
_OUTLINE = ("course", "chapter", "sequential", "vertical")
_ABOUT = 1


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What a catalogue says of a course.

    Attributes:
        overview: HTML.
        pacing: ``self`` or ``instructor``.
        refused: Why it is not for everybody; empty where it is.
    """

    key: str
    name: str
    short_description: str = ""
    overview: str = ""
    effort: str | None = None
    level: str | None = None
    pacing: str | None = None
    language: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    enrolment_starts_at: datetime | None = None
    enrolment_ends_at: datetime | None = None
    refused: str = ""

    @property
    def expires_at(self) -> datetime | None:
        """From when on nobody can enrol."""
        return min(filter(None, (self.enrolment_ends_at, self.ends_at)), default=None)


def course_key(fields: Fields) -> str:
    """The key of a course in a list; older releases call it otherwise.

    Raises:
        RecordError: It has none.
    """
    name = "course_id" if fields.has("course_id") else "id"
    key = fields.text(name).strip()
    if (
        not key
        or len(key) > 255
        or any(c.isspace() or not c.isprintable() for c in key)
    ):
        raise fields.bad(name, f"expected a course key, got {key[:60]!r}")
    return key


def refused_of(fields: Fields) -> str:
    """Why a course is not for everybody; empty where it is.

    Raises:
        RecordError: What tells that is not as documented.
    """
    if fields.flag("hidden") or fields.maybe_text("catalog_visibility") == "none":
        return "hidden from the catalogue"
    return "by invitation only" if fields.flag("invitation_only") else ""


def course_facts(fields: Fields) -> CourseFacts:
    """What the course's own address tells.

    Raises:
        RecordError: It is not as documented.
    """
    name = " ".join(fields.text("name").split())
    if not name:
        raise fields.bad("name", "is empty")
    starts_at = fields.maybe_moment("start")
    return CourseFacts(
        key=course_key(fields),
        name=name,
        short_description=fields.maybe_text("short_description") or "",
        overview=fields.maybe_text("overview") or "",
        effort=_told(fields.maybe_text("effort")),
        level=_told(fields.maybe_text("level")),
        pacing=_told(fields.maybe_text("pacing")),
        language=_language(fields.maybe_text("language")),
        starts_at=None if starts_at == _NOT_SET else starts_at,
        ends_at=fields.maybe_moment("end"),
        enrolment_starts_at=fields.maybe_moment("enrollment_start"),
        enrolment_ends_at=fields.maybe_moment("enrollment_end"),
        refused=refused_of(fields),
    )


def exported_facts(export: Export) -> CourseFacts:
    """What an export tells of a course that no catalogue lists.

    Raises:
        RecordError: It has no name.
    """
    told = {name: clean(value) for name, value in export.facts.items()}
    name = " ".join(told.get("name", "").split())
    if not name:
        raise RecordError(export.key, "display_name", "is empty")
    starts_at = moment_of(told.get("start", ""))
    refused = ""
    if told.get("catalog_visibility") == "none":
        refused = "hidden from the catalogue"
    elif told.get("invitation_only", "").lower() == "true":
        refused = "by invitation only"
    return CourseFacts(
        key=export.key,
        name=name,
        short_description=told.get("short_description", ""),
        overview=told.get("overview", ""),
        effort=_told(told.get("effort")),
        pacing=_told(told.get("pacing")),
        language=_language(told.get("language")),
        starts_at=None if starts_at == _NOT_SET else starts_at,
        ends_at=moment_of(told.get("end", "")),
        enrolment_starts_at=moment_of(told.get("enrollment_start", "")),
        enrolment_ends_at=moment_of(told.get("enrollment_end", "")),
        refused=refused,
    )


def outline_units(fields: Fields) -> tuple[Unit, ...]:
    """The units of the Blocks API's answer, in the order of the course.

    Blocks that are named and not there are left out: they are not for everybody.

    Raises:
        RecordError: It is not as documented.
    """
    blocks = fields.raw("blocks")
    if not isinstance(blocks, dict):
        raise fields.bad("blocks", "expected object")
    units: list[Unit] = []
    seen: set[str] = set()

    def descend(name: Any, headings: tuple[str, ...], level: int) -> None:
        block = blocks.get(name) if isinstance(name, str) else None
        if not isinstance(block, dict) or name in seen:
            return
        seen.add(name)
        told = Fields(block, fields.source, f"blocks.{name}")
        if told.maybe_text("type") != _OUTLINE[level]:
            return
        here = (*headings, _title(told)) if level else ()
        if level + 1 < len(_OUTLINE):
            for child in _children(told):
                descend(child, here, level + 1)
        else:
            html = "\n".join(filter(None, _block_texts(told, blocks, seen)))
            units.append(Unit(_block_id(told, name), here, html))

    descend(fields.text("root"), (), 0)
    return tuple(units)


def course_document(
    source: str,
    site_url: str,
    facts: CourseFacts,
    units: tuple[Unit, ...],
    *,
    language: str | None,
    visibility: str,
    revision: str,
) -> Document:
    """A course as one document, each unit with an address of its own.

    Args:
        site_url: Without a trailing slash.
        language: Of the source; comes before what the catalogue tells.
    """
    short = clean(facts.short_description).strip()
    about = (f"<p>{escape(short)}</p>\n" if short else "") + facts.overview
    return Document(
        source=source,
        kind=Kind.COURSE,
        key=facts.key,
        url=f"{site_url}/courses/{quoted(facts.key)}",
        title=facts.name,
        parts=(Part(number=_ABOUT, body=about, anchor="/about"), *unit_parts(units)),
        language=language or facts.language,
        visibility=visibility,
        revision=revision,
        details=Details(
            level=facts.level,
            effort=facts.effort,
            pacing=facts.pacing,
            starts_at=facts.starts_at,
            ends_at=facts.ends_at,
            enrolment_starts_at=facts.enrolment_starts_at,
            enrolment_ends_at=facts.enrolment_ends_at,
        ),
        expires_at=facts.expires_at,
    )


def quoted(key: str) -> str:
    """A course key within an address, as people know it.

    >>> quoted("course-v1:Org+C 1+2024")
    'course-v1:Org+C%201+2024'
    """
    return quote(key, safe=":+")


def _told(text: str | None) -> str | None:
    """On one line; ``None`` where nothing is said."""
    return " ".join((text or "").split()) or None


def _language(text: str | None) -> str | None:
    found = _LANGUAGE.match((text or "").strip().lower())
    return found[0] if found else None


def _title(block: Fields) -> str:
    return " ".join((block.maybe_text("display_name") or "").split())


def _children(block: Fields) -> list[Any]:
    children = block.raw("children")
    return children if isinstance(children, list) else []


def _block_id(block: Fields, name: str) -> str:
    told = block.maybe_text("block_id") or name.rpartition("@")[2]
    return quote(told, safe="")


def _block_texts(unit: Fields, blocks: Mapping[str, Any], seen: set[str]) -> list[str]:
    """Each block once: no outline is longer than its answer."""
    texts: list[str] = []
    for name in _children(unit):
        child = blocks.get(name) if isinstance(name, str) else None
        if not isinstance(child, dict) or name in seen:
            continue
        seen.add(name)
        block = Fields(child, unit.source, f"blocks.{name}")
        kind = block.maybe_text("type")
        if kind == "html":
            view = block.raw("student_view_data")
            html = view.get("html") if isinstance(view, dict) else None
            texts.append(clean(html) if isinstance(html, str) else "")
        elif kind in ("video", "problem"):
            texts.append(titled(_title(block)))
    return texts
