"""The outline of a course, as the Blocks API of Open edX tells it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bot.sandbox.answers import Answer, json_answer
from bot.sandbox.library import Course
from bot.sandbox.serialise import Json

PATHS = ("/api/courses/v1/blocks", "/api/courses/v2/blocks")
_NOT_FOUND = {"developer_message": "Course not found.", "error_code": "not_found"}
_REFUSED = {"detail": "You do not have permission to perform this action."}


@dataclass(frozen=True, slots=True)
class _Block:
    type: str
    name: str
    id: str
    children: tuple[str, ...] = ()
    html: str = ""


def serve_blocks(
    courses: Mapping[str, Course], academy: str, query: Mapping[str, str]
) -> Answer:
    """Answer for the course of *query*: to visitors, who have an empty ``username``.

    All blocks, and what other people see, is for staff.
    """
    course = courses.get(query.get("course_id", ""))
    if course is None:
        return json_answer(_NOT_FOUND, 404)
    if "username" not in query and "all_blocks" not in query:
        problem = "This field is required unless all_blocks is requested."
        return json_answer({"field_errors": {"username": problem}}, 400)
    if query.get("username") != "" or not course.public:
        return json_answer(_REFUSED, 403)
    wanted = query.get("requested_fields", "").split(",")
    views = query.get("student_view_data", "").split(",")
    shown = {
        _usage_id(course, block): _block_json(course, block, academy, wanted, views)
        for block in _blocks(course)
    }
    return json_answer({"root": next(iter(shown)), "blocks": shown})


def has_block(course: Course, block_id: str) -> bool:
    return any(block.id == block_id for block in _blocks(course))


def unit_id(course: Course, unit: str) -> str:
    """What a unit is called in addresses."""
    return _id(course, "vertical", unit)


def _blocks(course: Course) -> Iterator[_Block]:
    """Depth first, each before what is in it; a chapter has one section."""
    names = [chapter for chapter, _ in course.outline]
    chapters = tuple(_usage(course, "chapter", name) for name in names)
    yield _Block("course", course.name, "course", chapters)
    for number, (chapter, units) in enumerate(course.outline, start=1):
        section = f"Section {number}"
        inner = (_usage(course, "sequential", section),)
        yield _Block("chapter", chapter, _id(course, "chapter", chapter), inner)
        below = tuple(_usage(course, "vertical", unit) for unit in units)
        own = _id(course, "sequential", section)
        yield _Block("sequential", section, own, below)
        for unit in units:
            html = course.texts.get(unit, "")
            kind = "html" if html else "video"
            leaf = (_usage(course, kind, unit),)
            yield _Block("vertical", unit, unit_id(course, unit), leaf)
            yield _Block(kind, unit, _id(course, kind, unit), html=html)


def _id(course: Course, kind: str, name: str) -> str:
    text = f"{course.id} {kind} {name}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _usage(course: Course, kind: str, name: str) -> str:
    return _usage_of(course, kind, _id(course, kind, name))


def _usage_of(course: Course, kind: str, block_id: str) -> str:
    return f"block-v1:{course.id.partition(':')[2]}+type@{kind}+block@{block_id}"


def _usage_id(course: Course, block: _Block) -> str:
    return _usage_of(course, block.type, block.id)


def _block_json(
    course: Course, block: _Block, academy: str, wanted: list[str], views: list[str]
) -> Json:
    usage = _usage_id(course, block)
    page = f"{academy}/courses/{quote(course.id, safe=':+')}/jump_to/{usage}"
    told: Json = {
        "id": usage,
        "block_id": block.id,
        "lms_web_url": page,
        "legacy_web_url": f"{page}?experience=legacy",
        "student_view_url": f"{academy}/xblock/{usage}",
        "type": block.type,
        "display_name": block.name,
    }
    if "children" in wanted and block.children:
        told["children"] = list(block.children)
    if block.type in views and block.type == "html":
        told["student_view_data"] = {"enabled": True, "html": block.html}
    if block.type in views and block.type == "video":
        told["student_view_data"] = {"only_on_web": False, "transcripts": {}}
    return told
