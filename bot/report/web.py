"""The report at an address of the query endpoint, for moderators alone.

Import this module only to serve: it brings FastAPI with it. Who asks names the key as
the password of HTTP Basic (any user name will do), which each browser can, or as a
bearer token. Reading changes nothing, and nothing is kept by caches on the way.
"""

from __future__ import annotations

import base64
import hmac
import logging
from collections.abc import Callable

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from bot.report.model import Report
from kb.errors import KBError

log = logging.getLogger(__name__)

# Of a page that holds its own styles and drawings, and asks for nothing.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

Made = Callable[[], Report]
"""Gives a report that is young enough; called from several threads at once. Raises
`BusyError` while one is being made, and `KBError` where the store cannot be read."""

# About as long as it takes.
RETRY_AFTER_S = 20


class BusyError(KBError):
    """A report is being made for somebody else: no thread that answers searches waits
    for it."""


def add_report(
    app: FastAPI,
    made: Made,
    *,
    key: str,
    page: Callable[[Report], str],
    as_json: Callable[[Report], str],
    as_table: Callable[[Report, str], str],
    markdown: Callable[[Report], str],
) -> None:
    """Answer at ``/report``, ``/report.json``, ``/report.md`` and
    ``/report/TABLE.csv``.

    Args:
        key: What lets in, compared in constant time.
        page, as_json, markdown: How a report is written down.
        as_table: The same for one table, by its name; raises `LookupError` for what is
            none.
    """

    def check(request: Request) -> None:
        if not _is_let_in(request, key):
            client = request.client.host if request.client else "unknown"
            log.warning("report asked for without its key, from %s", client)
            raise HTTPException(
                401,
                "the report needs its key (report.key_env), as a password",
                {"WWW-Authenticate": 'Basic realm="Baraza report", charset="UTF-8"'},
            )

    let_in = [Depends(check)]

    def report() -> Report:
        try:
            return made()
        except BusyError as exc:
            raise HTTPException(
                503,
                "the report is being made; ask again in some seconds",
                {"Retry-After": str(RETRY_AFTER_S)},
            ) from exc

    @app.get("/report", dependencies=let_in, include_in_schema=False)
    def report_page() -> Response:
        return _answer(page(report()), "text/html")

    @app.get("/report.json", dependencies=let_in, include_in_schema=False)
    def report_json() -> Response:
        return _answer(as_json(report()), "application/json")

    @app.get("/report.md", dependencies=let_in, include_in_schema=False)
    def report_markdown() -> Response:
        return _answer(markdown(report()), "text/markdown")

    @app.get("/report/{table}.csv", dependencies=let_in, include_in_schema=False)
    def report_table(table: str) -> Response:
        made = report()
        try:
            text = as_table(made, table)
        except LookupError as exc:
            raise HTTPException(404) from exc
        # A name of ours: it is one of them.
        named = {"Content-Disposition": f'attachment; filename="{table}.csv"'}
        return _answer(text, "text/csv", **named)


def _is_let_in(request: Request, key: str) -> bool:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        # Headers are bytes, which are read here as what they may not be.
        given = rest.strip().encode("latin-1", "replace").decode("utf-8", "replace")
    elif scheme.casefold() == "basic":
        given = _password(rest.strip())
    else:
        return False
    return hmac.compare_digest(given.encode(), key.encode())


def _password(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except ValueError:  # Of base64, of UTF-8, of what is no ASCII to begin with.
        return ""
    return decoded.partition(":")[2]


def _answer(text: str, media_type: str, **headers: str) -> Response:
    return Response(
        text, media_type=f"{media_type}; charset=utf-8", headers=_HEADERS | headers
    )
