"""Videos as YouTube serves them: its feeds, its Data API, its pages.

The API takes a key as the header ``X-Goog-Api-Key`` or in the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from urllib.parse import parse_qs, quote, urlsplit

from bot.sandbox.answers import HTML_TYPE, Answer, json_answer, text_answer
from bot.sandbox.conditional import dated, tagged
from bot.sandbox.library import Library, Playlist, Video
from bot.sandbox.records import Addresses
from bot.sandbox.serialise import Json
from bot.sandbox.style import missing_page, page

_API = "/youtube/v3/"
_FEED_LENGTH = 15
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


def serve_videos(
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
    if path in {"", "/"}:
        return text_answer(_channel(library, sites), kind=HTML_TYPE)
    if path == "/feeds/videos.xml":
        playlist = _playlists(library).get(query.get("playlist_id", ""))
        if playlist is None:
            return text_answer(missing_page("404 Not Found"), 404, HTML_TYPE)
        return dated(_feed(playlist, sites), library.changed, headers)
    if path.startswith(_API):
        refused = _refused(library, query, headers)
        answer = refused or _answer(library, path.removeprefix(_API), query)
        return tagged(answer, headers)
    if path == "/oembed":
        return _embedding(library, sites, query.get("url", ""))
    if path == "/watch":
        video = library.videos().get(query.get("v", ""))
        if video is not None and video.privacy != "deleted":
            return text_answer(_watch(video), kind=HTML_TYPE)
    return text_answer(missing_page(), 404, HTML_TYPE)


def _playlists(library: Library) -> dict[str, Playlist]:
    """Those that everybody may see, by id."""
    return {each.id: each for each in library.playlists if not each.private}


def _refused(
    library: Library, query: Mapping[str, str], headers: Mapping[str, str]
) -> Answer | None:
    """Why the API does not answer, or ``None`` when it does, at the cost of one."""
    key = headers.get("x-goog-api-key") or query.get("key") or ""
    if library.api_keys is not None and not key:
        words = "Method doesn't allow unregistered callers."
        return _api_error(words, "forbidden", 403)
    if library.api_keys is not None and key not in library.api_keys:
        words = "API key not valid. Please pass a valid API key."
        return _api_error(words, "badRequest")
    if library.api_quota is not None:
        if library.api_quota < 1:
            words = "The request cannot be completed: you have exceeded your quota."
            return _api_error(words, "quotaExceeded", 403)
        library.api_quota -= 1
    return None


def _answer(library: Library, name: str, query: Mapping[str, str]) -> Answer:
    playlists = _playlists(library)
    wanted = query.get("id", "").split(",")
    if name == "playlists":
        found = [_list_json(playlists[each]) for each in wanted if each in playlists]
        return _told("playlistListResponse", found, query)
    if name == "playlistItems":
        playlist = playlists.get(query.get("playlistId", ""))
        if playlist is None:
            return _api_error("The playlist cannot be found.", "playlistNotFound", 404)
        return _items(playlist, query)
    if name == "videos":
        known = library.videos()
        # Of private ones the API says nothing at all.
        shown = [known[each] for each in wanted if each in known]
        videos = [_video(video) for video in shown if video.is_shown]
        return _told("videoListResponse", videos, query)
    return _api_error("The requested URL was not found.", "notFound", 404)


def _told(kind: str, items: list[Json], query: Mapping[str, str]) -> Answer:
    shown = [_parts(item, query) for item in items]
    return json_answer({"kind": f"youtube#{kind}", "items": shown})


def _parts(item: Json, query: Mapping[str, str]) -> Json:
    """Of an item what ``part`` asks for."""
    if "part" not in query:
        return item
    wanted = {"kind", "id", *query["part"].split(",")}
    return {name: value for name, value in item.items() if name in wanted}


def _embedding(library: Library, sites: Addresses, url: str) -> Answer:
    """Whether a video may be shown elsewhere: what links are checked by."""
    parts = urlsplit(url)
    video = library.videos().get(parse_qs(parts.query).get("v", [""])[-1])
    if video is None or video.privacy == "deleted":
        return text_answer("Not Found", 404)
    if not video.is_shown:
        return text_answer("Forbidden", 403)
    return json_answer(
        {
            "title": video.title,
            "type": "video",
            "version": "1.0",
            "provider_name": "YouTube",
            "provider_url": f"{sites.videos}/",
        }
    )


def _hidden(video: Video) -> Video:
    """What a playlist shows of a video that is not for everybody."""
    if video.is_shown:
        return video
    kind = "Private" if video.privacy == "private" else "Deleted"
    words = "private" if video.privacy == "private" else "unavailable"
    return replace(video, title=f"{kind} video", description=f"This video is {words}.")


def _list_json(playlist: Playlist) -> Json:
    return {
        "kind": "youtube#playlist",
        "id": playlist.id,
        "snippet": {"title": playlist.title, "description": ""},
        "status": {"privacyStatus": "public"},
    }


def _channel(library: Library, sites: Addresses) -> str:
    return page(
        "Videos",
        "<h1>Videos</h1>\n"
        + "".join(_shelf(each, sites) for each in _playlists(library).values()),
    )


def _shelf(playlist: Playlist, sites: Addresses) -> str:
    feed = f"{sites.videos}/feeds/videos.xml?playlist_id={quote(playlist.id)}"
    items = "".join(
        f'<li><a href="{sites.videos}/watch?v={quote(video.id)}">'
        f"{escape(video.title)}</a> ({video.language})</li>\n"
        for video in playlist.videos
        if video.is_shown
    )
    title = escape(playlist.title)
    return f'<h2>{title}</h2>\n<p><a href="{feed}">Feed</a></p>\n<ul>\n{items}</ul>\n'


def _feed(playlist: Playlist, sites: Addresses) -> Answer:
    shown = [video for video in playlist.videos if video.is_shown]
    newest = sorted(shown, key=lambda video: video.published, reverse=True)
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
    shown = [_hidden(video) for video in playlist.videos[start : start + size]]
    items: list[Json] = [
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
            "status": {"privacyStatus": _privacy(video)},
        }
        for position, video in enumerate(shown, start)
    ]
    found: Json = {
        "kind": "youtube#playlistItemListResponse",
        "pageInfo": {"totalResults": len(playlist.videos), "resultsPerPage": size},
        "items": [_parts(item, query) for item in items],
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
        "status": {"uploadStatus": "processed", "privacyStatus": _privacy(video)},
    }


def _privacy(video: Video) -> str:
    unknown = "privacyStatusUnspecified"
    return unknown if video.privacy == "deleted" else video.privacy


def _api_error(message: str, reason: str, status: int = 400) -> Answer:
    detail = {"message": message, "domain": "global", "reason": reason}
    error = {"code": status, "message": message, "errors": [detail]}
    return json_answer({"error": error}, status)


def _watch(video: Video) -> str:
    video = _hidden(video)
    title, words = escape(video.title), escape(video.description)
    shown = words.replace("\n", "<br>")
    return page(video.title, f"<h1>{title}</h1><p>{shown}</p>", video.language)
