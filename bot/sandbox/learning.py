"""Courses as an Open edX site serves them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from urllib.parse import quote, unquote, urlencode

from bot.sandbox.answers import HTML_TYPE, Answer, json_answer, text_answer
from bot.sandbox.conditional import tagged
from bot.sandbox.library import Course, Library
from bot.sandbox.outline import PATHS, has_block, serve_blocks
from bot.sandbox.records import Addresses
from bot.sandbox.serialise import Json
from bot.sandbox.style import LOOKS, missing_page, page

_COURSES = "/api/courses/v1/courses"
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


def serve_academy(
    library: Library,
    sites: Addresses,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> Answer:
    """Answer a GET of *path*, given without the site's own prefix.

    Args:
        headers: Of the request, names in lower case.
    """
    courses = {course.id: course for course in library.courses}
    if path in {"", "/"}:
        return text_answer(_catalogue(library, sites), kind=HTML_TYPE)
    if path.rstrip("/") in PATHS:
        return tagged(serve_blocks(courses, sites.academy, query), headers)
    if path.rstrip("/") == _COURSES:
        return tagged(_course_list(library, sites, query), headers)
    if path.startswith(_COURSES + "/"):
        course = courses.get(unquote(path[len(_COURSES) + 1 :]).rstrip("/"))
        if course is None:
            body = {"developer_message": "Course not found.", "error_code": "not_found"}
            return json_answer(body, 404)
        overview = {"overview": _outline(course)}
        return tagged(json_answer(_course_json(course) | overview), headers)
    if path.startswith("/courses/"):
        return _page(courses, unquote(path[len("/courses/") :]))
    return text_answer(missing_page(), 404, HTML_TYPE)


def _page(courses: Mapping[str, Course], path: str) -> Answer:
    """The course's own page, what it is about, or one of its units."""
    key, _, rest = path.partition("/")
    course = courses.get(key)
    action, _, block = rest.partition("/")
    is_there = rest in {"", "about"} or action == "jump_to_id"
    if course is None or not is_there or (block and not has_block(course, block)):
        return text_answer(missing_page(), 404, HTML_TYPE)
    return text_answer(_about(course), kind=HTML_TYPE)


def _catalogue(library: Library, sites: Addresses) -> str:
    items = "".join(
        f'<li><a href="{sites.academy}/courses/{quote(course.id)}/about">'
        f"{escape(course.name)}</a> ({course.language})</li>\n"
        for course in library.courses
        if course.listed
    )
    data = f'<p><a href="{sites.academy}{_COURSES}/">As data</a></p>'
    return page("Courses", f"<h1>Courses</h1>\n<ul>\n{items}</ul>\n{data}")


def _course_list(
    library: Library, sites: Addresses, query: Mapping[str, str]
) -> Answer:
    try:
        number = int(query.get("page", "1"))
        size = min(100, max(1, int(query.get("page_size", "10"))))
    except ValueError:
        return json_answer({"detail": "Invalid page."}, 404)
    courses = [course for course in library.courses if course.listed]
    pages = max(1, -(-len(courses) // size))
    if not 1 <= number <= pages:
        return json_answer({"detail": "Invalid page."}, 404)

    def address(other: int) -> str | None:
        if not 1 <= other <= pages:
            return None
        rest = urlencode({"page": other, "page_size": size})
        return f"{sites.academy}{_COURSES}/?{rest}"

    shown = courses[(number - 1) * size : number * size]
    return json_answer(
        {
            "results": [_course_json(course) for course in shown],
            "pagination": {
                "next": address(number + 1),
                "previous": address(number - 1),
                "count": len(courses),
                "num_pages": pages,
            },
        }
    )


def _course_json(course: Course) -> Json:
    organisation, number, _run = course.id.partition(":")[2].split("+")

    def stamp(moment: datetime | None) -> str | None:
        return moment.strftime(_STAMP) if moment else None

    return {
        "effort": course.effort,
        "end": stamp(course.end),
        "enrollment_start": stamp(course.enrollment_start),
        "enrollment_end": stamp(course.enrollment_end),
        "id": course.id,
        "media": {"course_image": {"uri": None}, "course_video": {"uri": None}},
        "name": course.name,
        "number": number,
        "org": organisation,
        "short_description": course.short_description,
        "start": course.start.strftime(_STAMP),
        "start_display": f"{course.start:%B} {course.start.day}, {course.start.year}",
        "start_type": "timestamp",
        "pacing": course.pacing,
        "mobile_available": False,
        "hidden": course.hidden,
        "invitation_only": course.invitation_only,
        "course_id": course.id,
    }


def _outline(course: Course) -> str:
    chapters = "".join(
        f"<li>{escape(chapter)}<ul>"
        + "".join(f"<li>{escape(unit)}</li>" for unit in units)
        + "</ul></li>"
        for chapter, units in course.outline
    )
    return (
        f"<h2>About this course</h2><p>{escape(course.short_description)}</p>"
        f"<p>Level: {escape(course.level)}</p><h2>Outline</h2><ol>{chapters}</ol>"
    )


def _about(course: Course) -> str:
    return (
        f'<!doctype html>\n<html lang="{course.language}">\n<head>'
        f"<title>{escape(course.name)}</title>{LOOKS}</head>\n<body>\n"
        '<nav class="nav-wrapper">Courses · Sign in</nav>\n'
        f'<section class="course-info"><h1>{escape(course.name)}</h1>\n'
        f'<section class="about">{_outline(course)}</section></section>\n'
        "<footer>All courses are free.</footer>\n</body>\n</html>\n"
    )
