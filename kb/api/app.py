"""The query endpoint: ``GET /api/search`` and ``GET /healthz``; public text only.

Import this module only to serve: it brings FastAPI with it.

Errors are problem documents (RFC 9457, ``application/problem+json``): 422 for
what the caller can mend, 503 for what only the operator can, never a traceback.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from kb.errors import InvalidQueryError, KBError
from kb.store.details import known_details
from kb.tongues import language_code
from kb.types import Kind, SearchHit

MAX_QUERY_CHARS = 10_000
MAX_K = 50
DEFAULT_K = 10

log = logging.getLogger(__name__)

# As in zh-Hans-CN; what is longer is not repeated in the complaint.
_Language = Annotated[str, Field(max_length=20), AfterValidator(language_code)]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, best first.

    Attributes:
        language: Of the query, where that can be told.
    """

    hits: Sequence[SearchHit] = ()
    language: str | None = None


Search = Callable[[str, int, frozenset[Kind] | None, frozenset[str] | None], Found]
"""Searches public documents: query, at most how many, kinds and languages (``None``
for all).

Called from several threads at once; since a store's connection belongs to one
thread, each call opens its own.
"""

Health = Callable[[], dict[str, Any]]
"""Says what is served (passages, model, age of the index); raises `KBError` when
nothing can be. Called from several threads at once."""


class Hit(BaseModel):
    """One document, with the passage of it that answers best, as plain text.

    Attributes:
        closed: Of a thread: nobody may answer.
        details: What is known of a course, an event or a video, by the names of
            `kb.types.Details`; what is not known is not in it.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    url: str
    kind: Kind
    source: str
    language: str | None
    version: str | None
    solved: bool
    closed: bool
    updated_at: datetime | None
    passage: str
    heading: str
    details: dict[str, str | int | datetime | tuple[str, ...]]
    score: float
    confidence: float


class Answer(BaseModel):
    """What ``GET /api/search`` returns; hits best first.

    Attributes:
        language: Of the query, where that can be told.
    """

    model_config = ConfigDict(frozen=True)

    query: str
    language: str | None
    took_ms: float
    hits: list[Hit]


def create_app(search: Search, health: Health) -> FastAPI:
    """The application; hand it to a server such as uvicorn.

    Handlers are plain functions, so each request runs in a thread of its own
    and a slow search does not hold up the others.
    """
    app = FastAPI(
        title="Baraza",
        description="Searches a community's threads, manuals, courses and videos.",
        # Their pages load scripts from a foreign host.
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(RequestValidationError, _on_bad_input)
    app.add_exception_handler(InvalidQueryError, _on_bad_query)
    app.add_exception_handler(KBError, _on_trouble)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_bug)

    @app.get("/api/search")
    def search_endpoint(
        q: Annotated[str, Query(min_length=1, max_length=MAX_QUERY_CHARS)],
        k: Annotated[int, Query(ge=1, le=MAX_K)] = DEFAULT_K,
        kind: Annotated[list[Kind] | None, Query()] = None,
        language: Annotated[list[_Language] | None, Query()] = None,
    ) -> Answer:
        """Documents that answer *q*; repeat *kind* or *language* to search in
        several."""
        started = time.perf_counter()
        kinds = frozenset(kind) if kind else None
        found = search(q, k, kinds, frozenset(language) if language else None)
        took_ms = round((time.perf_counter() - started) * 1000, 1)
        return Answer(
            query=q,
            language=found.language,
            took_ms=took_ms,
            hits=[_hit(hit) for hit in found.hits],
        )

    @app.get("/healthz")
    def health_endpoint() -> dict[str, Any]:
        """200 while searches can be answered, with what they are answered from."""
        return {"status": "ok", **health()}

    return app


def _hit(hit: SearchHit) -> Hit:
    return Hit(
        title=hit.document.title,
        url=hit.url,
        kind=hit.document.kind,
        source=hit.document.source,
        language=hit.document.language,
        version=hit.document.version,
        solved=hit.document.solved,
        closed=hit.document.closed,
        updated_at=hit.document.updated_at,
        passage=hit.passage.text,
        heading=hit.passage.heading,
        details=known_details(hit.document.details),
        score=round(hit.score, 4),
        confidence=round(hit.confidence, 4),
    )


def _problem(status: HTTPStatus, detail: str, **more: Any) -> JSONResponse:
    body = {"title": status.phrase, "status": status.value, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def _on_bad_input(_: Request, exc: Exception) -> JSONResponse:
    errors = exc.errors() if isinstance(exc, RequestValidationError) else []
    problems = [
        # Not the input itself: it may be long, and the caller has it. The
        # location is ("query", name), and a position where the name repeats.
        {"parameter": str(error["loc"][1]), "problem": _problem_of(error)}
        for error in errors
    ]
    detail = "; ".join(f"{p['parameter']}: {p['problem']}" for p in problems)
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=problems)


def _problem_of(error: dict[str, Any]) -> str:
    # What a check of our own says, pydantic begins with its kind.
    return str(error["msg"]).removeprefix("Value error, ")


def _on_bad_query(_: Request, exc: Exception) -> JSONResponse:
    errors = [{"parameter": "q", "problem": str(exc)}]
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"q: {exc}", errors=errors)


def _on_trouble(_: Request, exc: Exception) -> JSONResponse:
    log.warning("cannot search: %s: %s", type(exc).__name__, exc)
    # The message names files of the server: for the log, not for the world.
    reason = _REASONS.get(type(exc).__name__, "the knowledge base cannot be read")
    return _problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"{reason}; the operator finds more in the log",
        error=type(exc).__name__,
    )


# Whose details are for whoever asks.
_TOLD = (HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)
_REASONS = {
    "IndexMissingError": "no index was built yet",
    "StaleIndexError": "the index is being replaced by one that fits the store",
    "CorruptIndexError": "the index is damaged and must be rebuilt",
    "StoreError": "the store is missing, locked or damaged",
    "EmbeddingError": "the embedding model is missing or failed",
}


def _on_http_error(_: Request, exc: Exception) -> JSONResponse:
    status, headers, detail = 500, None, ""
    if isinstance(exc, HTTPException):
        status, headers = exc.status_code, exc.headers
        detail = exc.detail if status in _TOLD else ""
    answer = _problem(HTTPStatus(status), detail or "no such address or method here")
    # How to log in, which methods there are.
    answer.headers.update(headers or {})
    return answer


def _on_bug(request: Request, _: Exception) -> JSONResponse:
    # The server logs the traceback itself.
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, f"a bug, met at {request.url.path}"
    )
