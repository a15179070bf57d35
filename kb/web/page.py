"""The search page: ``GET /search``, and what it is made of.

It is written on the server and works without a script. Where scripts run,
``static/page.js`` asks ``/search.json`` as one types: what the page would show, in the
same words, so that dates, plurals and the rest are put into them once. Nothing is
fetched from elsewhere, and nothing is kept of who searches: no cookie, and recent
searches are known to the browser alone.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kb.api.asking import DEFAULT_K, MAX_QUERY_CHARS
from kb.api.backend import ANYBODY, Backend, count_search
from kb.api.desk import BusyError, Desk, LateError
from kb.api.meters import Meters
from kb.api.problems import RETRY_AFTER_S
from kb.api.reading import search_answer
from kb.api.settings import ApiSettings
from kb.errors import InvalidQueryError, KBError
from kb.types import Clock, Kind, utc_now
from kb.web.asked import Asked, language_for, read
from kb.web.texts import FOR_SCRIPT, fill, languages, texts
from kb.web.view import FoundView, found_view, holdings

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language",
    "X-Content-Type-Options": "nosniff",
}
_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
# Results of searches are for people: a crawler would walk through all of them.
_ROBOTS = "User-agent: *\nDisallow: /search\nDisallow: /api/\n"
# Searches that a browser remembers.
_RECENT = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Static:
    content: bytes
    media_type: str
    mark: str


@dataclass(frozen=True, slots=True)
class _Visit:
    """What is asked, in which language it is answered, and when.

    Attributes:
        typing: Somebody is still at it.
        counts: It is what somebody meant, for the first time.
    """

    asked: Asked
    language: str
    now: datetime
    typing: bool = False
    counts: bool = False


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of it.

    Attributes:
        trouble: Names a sentence; empty: there is none.
        retry_s: When to come again; 0: it is not told.
        holdings: Documents by kind, where nothing is asked.
    """

    status: int = 200
    trouble: str = ""
    retry_s: int = 0
    total: int = 0
    weak: bool = False
    found: FoundView | None = None
    holdings: Mapping[Kind, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the script shows."""

    title: str
    found: FoundView | None
    trouble: str | None


_to_json = TypeAdapter(_Shown).dump_json


def add_page(
    app: FastAPI, backend: Backend, settings: ApiSettings, *, clock: Clock = utc_now
) -> None:
    """Add the search page, with its files and ``/robots.txt``.

    Args:
        app: Of `kb.api.create_app`: who asks too often and what takes too long is
            dealt with there, for the page as for the endpoint.
    """

    desk: Desk = app.state.desk
    meters: Meters = app.state.meters

    @app.get("/", include_in_schema=False)
    def root(request: Request) -> Response:
        """Leads to the page, with what was asked."""
        query = request.url.query
        return RedirectResponse(
            f"search?{query}" if query else "search", HTTPStatus.TEMPORARY_REDIRECT
        )

    async def outcome_of(request: Request, visit: _Visit) -> _Outcome:
        client: str = request.state.client
        try:
            outcome = await desk.run(lambda: _outcome(backend, settings, visit, client))
        except (BusyError, LateError) as exc:
            return _Outcome(exc.status, "trouble.busy", RETRY_AFTER_S)
        if outcome.found is not None and visit.counts:
            meters.searched(outcome.total, weak=outcome.weak)
        return outcome

    @app.get("/search", include_in_schema=False)
    async def search_page(request: Request) -> Response:
        """The page; it shows what was found where something is asked."""
        visit = _visit(request, settings, clock)
        outcome = await outcome_of(request, visit)
        html = _rendered(visit, outcome, settings)
        return HTMLResponse(html, outcome.status, _headers(outcome))

    @app.get("/search.json", include_in_schema=False)
    async def search_found(request: Request) -> Response:
        """What the page would show, for its script."""
        visit = _visit(request, settings, clock)
        outcome = await outcome_of(request, visit)
        trouble = texts(visit.language)[outcome.trouble] if outcome.trouble else None
        body = _Shown(_title(visit, settings), outcome.found, trouble)
        return Response(
            _to_json(body), outcome.status, _headers(outcome), "application/json"
        )

    @app.get("/static/{name}", include_in_schema=False)
    def static_file(name: str, request: Request) -> Response:
        """A file of the page; for good where its address has the mark of its text."""
        file = _files().get(name)
        if file is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        is_this = request.query_params.get("v") == file.mark
        headers = {
            "Cache-Control": _FOR_GOOD if is_this else "no-cache",
            "ETag": f'"{file.mark}"',
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(file.content, headers=headers, media_type=file.media_type)

    @app.get("/robots.txt", include_in_schema=False)
    def robots() -> Response:
        """What crawlers may read."""
        return PlainTextResponse(_ROBOTS)


def _first(settings: ApiSettings) -> str:
    """The first language of the community that there is a page in."""
    return next((each for each in settings.languages if each in languages()), "en")


def _visit(request: Request, settings: ApiSettings, clock: Clock) -> _Visit:
    asked = read(request.query_params.multi_items(), tuple(languages()))
    accepted = request.headers.get("accept-language", "")
    language = asked.ui or language_for(accepted, tuple(languages()), _first(settings))
    typing = request.query_params.get("typing") == "true"
    counts = asked.page == 1 and not typing and not request.state.is_head
    return _Visit(asked, language, clock(), typing, counts)


def _outcome(
    backend: Backend, settings: ApiSettings, visit: _Visit, client: str
) -> _Outcome:
    asked = visit.asked
    if asked.too_long:
        return _Outcome(422, "trouble.long")
    try:
        if not asked.is_search:
            return _Outcome(holdings=backend.stats(ANYBODY).documents)
        results = backend.search(
            asked.q,
            asked.filters,
            page=asked.page,
            k=DEFAULT_K,
            reader=ANYBODY,
            typing=visit.typing,
        )
    except InvalidQueryError:
        return _Outcome(422, "trouble.empty")
    except KBError as exc:
        log.warning("cannot search: %s: %s", type(exc).__name__, exc)
        return _Outcome(503, "trouble.down", RETRY_AFTER_S)
    if visit.counts:
        count_search(backend, results, client=client)
    answer = search_answer(
        results, query=asked.q, page=asked.page, k=DEFAULT_K, took_ms=0
    )
    return _Outcome(
        total=results.total,
        weak=results.weak,
        found=found_view(
            answer,
            asked,
            language=visit.language,
            ask_url=settings.ask_url,
            now=visit.now,
        ),
    )


def _headers(outcome: _Outcome) -> dict[str, str]:
    again = {"Retry-After": str(outcome.retry_s)} if outcome.retry_s else {}
    return {**_HEADERS, **again}


def _title(visit: _Visit, settings: ApiSettings) -> str:
    t, query = texts(visit.language), visit.asked.q.strip()
    if not query:
        return fill(t["title"], community=settings.community)
    return fill(t["title.found"], query=query, community=settings.community)


def _rendered(visit: _Visit, outcome: _Outcome, settings: ApiSettings) -> str:
    language = visit.language
    t = texts(language)
    return (
        _environment()
        .get_template("search.html")
        .render(
            t=t,
            asked=visit.asked,
            found=outcome.found,
            trouble=t[outcome.trouble] if outcome.trouble else "",
            holdings=holdings(outcome.holdings, language),
            heading=fill(t["title"], community=settings.community),
            title=_title(visit, settings),
            language=language,
            languages=languages(),
            static={name: f"static/{name}?v={_files()[name].mark}" for name in _TYPES},
            max_chars=MAX_QUERY_CHARS,
            data={
                "t": {name: t[name] for name in FOR_SCRIPT},
                "language": language,
                "recentMost": _RECENT,
            },
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("kb.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _files() -> Mapping[str, _Static]:
    folder = resources.files("kb.web") / "static"
    found = {}
    for name, media_type in _TYPES.items():
        content = (folder / name).read_bytes()
        mark = hashlib.blake2b(content, digest_size=6).hexdigest()
        found[name] = _Static(content, media_type, mark)
    return found
