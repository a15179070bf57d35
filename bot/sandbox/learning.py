"""Courses as an Open edX site serves them, and videos as YouTube does."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import quote, unquote, urlencode

from bot.sandbox.answers import HTML_TYPE, Answer, json_answer, text_answer
from bot.sandbox.library import Course, Library, Playlist, Video
from bot.sandbox.records import Addresses
from bot.sandbox.serialise import Json
from bot.sandbox.style import LOOKS, missing_page, page

_COURSES = "/api/courses/v1/courses"
_FEED_LENGTH = 15
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


def serve_academy(
    library: Library, sites: Addresses, path: str, query: Mapping[str, str]
) -> Answer:
    """Answer a GET of *path*, given without the site's own prefix."""
    courses = {course.id: course for course in library.courses}
    if path in {"", "/"}:
        return text_answer(_catalogue(library, sites), kind=HTML_TYPE)
    if path.rstrip("/") == _COURSES:
        return _course_list(library, sites, query)
    if path.startswith(_COURSES + "/"):
        course = courses.get(unquote(path[len(_COURSES) + 1 :]).rstrip("/"))
        if course is None:
            body = {"developer_message": "Course not found.", "error_code": "not_found"}
            return json_answer(body, 404)
        overview = {"overview": _outline(course)}
        return json_answer(_course_json(course) | overview)
    if path.startswith("/courses/") and path.endswith("/about"):
        course = courses.get(unquote(path[len("/courses/") : -len("/about")]))
        if course is not None:
            return text_answer(_about(course), kind=HTML_TYPE)
    return text_answer(missing_page(), 404, HTML_TYPE)


def _catalogue(library: Library, sites: Addresses) -> str:
    items = "".join(
        f'<li><a href="{sites.academy}/courses/{quote(course.id)}/about">'
        f"{escape(course.name)}</a> ({course.language})</li>\n"
        for course in library.courses
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
    pages = max(1, -(-len(library.courses) // size))
    if not 1 <= number <= pages:
        return json_answer({"detail": "Invalid page."}, 404)

    def address(other: int) -> str | None:
        if not 1 <= other <= pages:
            return None
        rest = urlencode({"page": other, "page_size": size})
        return f"{sites.academy}{_COURSES}/?{rest}"

    shown = library.courses[(number - 1) * size : number * size]
    return json_answer(
        {
            "results": [_course_json(course) for course in shown],
            "pagination": {
                "next": address(number + 1),
                "previous": address(number - 1),
                "count": len(library.courses),
                "num_pages": pages,
            },
        }
    )


def _course_json(course: Course) -> Json:
    organisation, number, _run = course.id.partition(":")[2].split("+")
    opens = course.enrollment_start
    return {
        "effort": course.effort,
        "end": None,
        "enrollment_start": opens.strftime(_STAMP) if opens else None,
        "enrollment_end": None,
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
        "hidden": False,
        "invitation_only": False,
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


def serve_videos(
    library: Library, sites: Addresses, path: str, query: Mapping[str, str]
) -> Answer:
    """Answer a GET of *path*, given without the site's own prefix."""
    playlists = {playlist.id: playlist for playlist in library.playlists}
    if path in {"", "/"}:
        return text_answer(_channel(library, sites), kind=HTML_TYPE)
    if path == "/feeds/videos.xml":
        playlist = playlists.get(query.get("playlist_id", ""))
        if playlist is None:
            return text_answer(missing_page("404 Not Found"), 404, HTML_TYPE)
        return _feed(playlist, sites)
    if path == "/youtube/v3/playlistItems":
        playlist = playlists.get(query.get("playlistId", ""))
        if playlist is None:
            return _api_error("The playlist cannot be found.", "playlistNotFound")
        return _items(playlist, query)
    if path == "/youtube/v3/videos":
        known = library.videos()
        wanted = [
            known[each] for each in query.get("id", "").split(",") if each in known
        ]
        return json_answer(
            {"kind": "youtube#videoListResponse", "items": [_video(v) for v in wanted]}
        )
    if path == "/watch":
        video = library.videos().get(query.get("v", ""))
        if video is not None:
            return text_answer(_watch(video), kind=HTML_TYPE)
    return text_answer(missing_page(), 404, HTML_TYPE)


def _channel(library: Library, sites: Addresses) -> str:
    return page(
        "Videos",
        "<h1>Videos</h1>\n"
        + "".join(_shelf(playlist, sites) for playlist in library.playlists),
    )


def _shelf(playlist: Playlist, sites: Addresses) -> str:
    feed = f"{sites.videos}/feeds/videos.xml?playlist_id={quote(playlist.id)}"
    items = "".join(
        f'<li><a href="{sites.videos}/watch?v={quote(video.id)}">'
        f"{escape(video.title)}</a> ({video.language})</li>\n"
        for video in playlist.videos
    )
    title = escape(playlist.title)
    return f'<h2>{title}</h2>\n<p><a href="{feed}">Feed</a></p>\n<ul>\n{items}</ul>\n'


def _feed(playlist: Playlist, sites: Addresses) -> Answer:
    newest = sorted(playlist.videos, key=lambda video: video.published, reverse=True)
    entries = "".join(_entry(video, sites) for video in newest[:_FEED_LENGTH])
    content = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" '
        'xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>yt:playlist:{playlist.id}</id><yt:playlistId>{playlist.id}"
        f"</yt:playlistId><title>{escape(playlist.title)}</title>\n{entries}</feed>\n"
    )
    return text_answer(content, kind="text/xml; charset=UTF-8")


def _entry(video: Video, sites: Addresses) -> str:
    when = video.published.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    link = f"{sites.videos}/watch?v={video.id}"
    return (
        f"<entry><id>yt:video:{video.id}</id><yt:videoId>{video.id}</yt:videoId>"
        f'<title>{escape(video.title)}</title><link rel="alternate" href="{link}"/>'
        f"<published>{when}</published><updated>{when}</updated>"
        f"<media:group><media:title>{escape(video.title)}</media:title>"
        f"<media:description>{escape(video.description)}</media:description>"
        "</media:group></entry>\n"
    )


def _items(playlist: Playlist, query: Mapping[str, str]) -> Answer:
    """Items in playlist order; ``maxResults`` is 5 unless asked, 50 at most."""
    try:
        start = int(query.get("pageToken") or "0")
        size = int(query.get("maxResults", "5"))
    except ValueError:
        return _api_error("The request specifies an invalid page token.", "invalid")
    if not 0 <= size <= 50:
        return _api_error("Invalid value for maxResults.", "invalid")
    shown = playlist.videos[start : start + size]
    items = [
        {
            "kind": "youtube#playlistItem",
            "id": quote(f"{playlist.id}.{video.id}"),
            "snippet": {
                "publishedAt": video.published.strftime(_STAMP),
                "title": video.title,
                "description": video.description,
                "playlistId": playlist.id,
                "position": position,
                "resourceId": {"kind": "youtube#video", "videoId": video.id},
            },
            "contentDetails": {
                "videoId": video.id,
                "videoPublishedAt": video.published.strftime(_STAMP),
            },
        }
        for position, video in enumerate(shown, start)
    ]
    found: Json = {
        "kind": "youtube#playlistItemListResponse",
        "pageInfo": {"totalResults": len(playlist.videos), "resultsPerPage": size},
        "items": items,
    }
    if start + size < len(playlist.videos):
        found["nextPageToken"] = str(start + size)
    return json_answer(found)


def _video(video: Video) -> Json:
    minutes, seconds = divmod(video.duration_s, 60)
    return {
        "kind": "youtube#video",
        "id": video.id,
        "snippet": {
            "publishedAt": video.published.strftime(_STAMP),
            "title": video.title,
            "description": video.description,
            "defaultAudioLanguage": video.language,
        },
        "contentDetails": {"duration": f"PT{minutes}M{seconds}S"},
    }


def _api_error(message: str, reason: str) -> Answer:
    status = 404 if reason.endswith("NotFound") else 400
    detail = {"message": message, "reason": reason}
    error = {"code": status, "message": message, "errors": [detail]}
    return json_answer({"error": error}, status)


def _watch(video: Video) -> str:
    title, words = escape(video.title), escape(video.description)
    shown = words.replace("\n", "<br>")
    return page(video.title, f"<h1>{title}</h1><p>{shown}</p>", video.language)
