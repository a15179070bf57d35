"""What goes wrong, as problem documents (RFC 9457, ``application/problem+json``).

They say what the caller can mend, and of what only the operator can no more than of
which kind it is: messages of the store name files of the server. Nothing that came in
is repeated at length, and there is never a traceback. People are shown a page, see
`kb.api.people`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from kb.api.answers import Complaint, Problem
from kb.api.asking import nearest, shown
from kb.api.people import is_for_script, problem_page, wants_page
from kb.errors import InvalidQueryError, KBError

MEDIA_TYPE = "application/problem+json"
# Of an answer that is for programs: no page, and nothing that another site shows.
API_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
RETRY_AFTER_S = 2

log = logging.getLogger(__name__)

_to_json = TypeAdapter(Problem).serializer.to_json
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
# Whose details are for whoever asks.
_TOLD = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE})
_REASONS = {
    "IndexMissingError": "no index was built yet",
    "StaleIndexError": "the index is being replaced by one that fits the store",
    "CorruptIndexError": "the index is damaged and must be rebuilt",
    "StoreError": "the store is missing, locked or damaged",
    "EmbeddingError": "the embedding model is missing or failed",
}


class ProblemError(Exception):
    """A request is refused, or cannot be answered now.

    Args:
        detail: For whoever asked.
        errors: What is wrong with which parameter.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Complaint] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {detail}")
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def refused(parameter: str, problem: str) -> ProblemError:
    """A 422 because of one parameter."""
    return ProblemError(
        422, f"{parameter}: {problem}", errors=[Complaint(parameter, problem)]
    )


def problem_body(
    status: int,
    detail: str,
    *,
    errors: Sequence[Complaint] = (),
    error: str | None = None,
    trouble: str | None = None,
) -> bytes:
    """A problem document.

    >>> problem_body(404, "no such address").decode()
    '{"title":"Not Found","status":404,"detail":"no such address","type":"about:blank"}'
    """
    problem = Problem(
        title=_title(status),
        status=int(status),
        detail=detail,
        errors=tuple(errors) or None,
        error=error,
        trouble=trouble,
    )
    return bytes(_to_json(problem, exclude_none=True))


def _title(status: int) -> str:
    return _TITLES.get(status) or HTTPStatus(status).phrase


def problem_response(
    scope: Scope,
    status: int,
    detail: str,
    *,
    errors: Sequence[Complaint] = (),
    error: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that says it.

    Args:
        scope: Of the request: people are told otherwise than programs.
    """
    extra = {**API_HEADERS, "Cache-Control": "no-store", **(headers or {})}
    path = scope["path"]
    accept = Headers(scope=scope).get("accept", "")
    if wants_page(path, accept, status):
        page = problem_page(_title(status), detail, path)
        return Response(page, status, media_type="text/html", headers=extra)
    shown_there = detail if is_for_script(path) else None
    body = problem_body(status, detail, errors=errors, error=error, trouble=shown_there)
    return Response(body, status, media_type=MEDIA_TYPE, headers=extra)


def trouble_response(scope: Scope, exc: KBError) -> Response:
    """What only the operator can mend."""
    log.warning("cannot answer: %s: %s", type(exc).__name__, exc)
    return problem_response(
        scope,
        503,
        f"{trouble(exc)}; the operator finds more in the log",
        error=type(exc).__name__,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def trouble(exc: KBError) -> str:
    """What is the matter, without what is nobody's business.

    >>> from kb.errors import StoreError
    >>> trouble(StoreError("/secret/kb.db", "database is locked"))
    'the store is missing, locked or damaged'
    """
    for each in type(exc).__mro__:
        if each.__name__ in _REASONS:
            return _REASONS[each.__name__]
    return "the knowledge base cannot be read"


def add_problems(app: FastAPI) -> None:
    """Answer errors of all routes as problem documents; bugs are `kb.api.edge`'s."""

    async def on_problem(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, ProblemError)  # noqa: S101 -- for the type checker
        return problem_response(
            request.scope,
            exc.status,
            exc.detail,
            errors=exc.errors,
            headers=exc.headers,
        )

    async def on_bad_input(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)  # noqa: S101 -- likewise
        # The first part of a location says where: in the path, the query, the body.
        errors = [each | {"loc": each["loc"][1:]} for each in exc.errors()]
        return await on_problem(request, unfit(errors, ()))

    async def on_bad_query(request: Request, exc: Exception) -> Response:
        errors = [Complaint("q", str(exc))]
        return problem_response(request.scope, 422, f"q: {exc}", errors=errors)

    async def on_trouble(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, KBError)  # noqa: S101 -- likewise
        return trouble_response(request.scope, exc)

    app.add_exception_handler(ProblemError, on_problem)
    app.add_exception_handler(RequestValidationError, on_bad_input)
    app.add_exception_handler(InvalidQueryError, on_bad_query)
    app.add_exception_handler(KBError, on_trouble)
    app.add_exception_handler(HTTPException, _on_http_error)


def unfit(errors: Sequence[Any], known: Collection[str]) -> ProblemError:
    """A 422 because of values that do not fit.

    Args:
        errors: As pydantic has them, the name of a parameter first in their location.
        known: Names that there are.
    """
    complaints = [_complaint(error, known) for error in errors[:_MOST]]
    detail = "; ".join(f"{each.parameter}: {each.problem}" for each in complaints)
    return ProblemError(422, detail, errors=complaints)


# More mistakes are not told at once.
_MOST = 10


def _complaint(error: Any, known: Collection[str]) -> Complaint:
    # The input itself is not told: it may be long, and the caller has it. What follows
    # the name is the position where it repeats; there is none where all of a body is
    # no object.
    name = str(error["loc"][0]) if error["loc"] else "body"
    if error["type"] == "extra_forbidden":
        return Complaint(shown(name), nearest(name, known))
    # What a check of our own says, pydantic begins with its kind.
    return Complaint(shown(name), str(error["msg"]).removeprefix("Value error, "))


async def _on_http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 -- for the type checker
    status, headers = exc.status_code, exc.headers
    detail = exc.detail if status in _TOLD else _OWN.get(status, "")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(_methods(request))}
    # Else: how to log in, when to come again.
    return problem_response(
        request.scope,
        status,
        detail or "no such address or method here",
        headers=headers,
    )


def _methods(request: Request) -> list[str]:
    # Each method of an address is a route of its own, and knows of no other.
    path = request.scope["path"]
    methods: set[str] = set()
    for route in request.app.routes:
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(path):
            methods |= getattr(route, "methods", None) or set()
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


_OWN = {
    400: "the request cannot be read",
    404: "no such address here",
    405: "this address does not take that method",
}
