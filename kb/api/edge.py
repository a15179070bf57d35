"""What happens to each request before and after its route: the edge of the application.

One piece of plain ASGI around everything, so that also what is refused, and what is a
bug, is counted, has its headers and is a problem document:

- what cannot be read is refused: hosts that are none, addresses and bodies too long;
- who asks is found out, and may not ask too often;
- ``HEAD`` is answered as ``GET``, and noted; browsers of other sites are told what
  they may;
- what a route does not say about safety is said for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kb.api.addresses import host_problem
from kb.api.asking import is_utf8
from kb.api.backend import ANYBODY, Backend, Reader
from kb.api.clients import Allowance, RateLimit, client_of, key_of
from kb.api.desk import Desk
from kb.api.limits import Limits
from kb.api.meters import UNMATCHED, Meters
from kb.api.problems import ProblemError, problem_response, trouble_response
from kb.api.settings import ApiSettings
from kb.errors import KBError

# Where keys count (the report has one of its own), and where scripts of other sites may
# ask (the widget says for itself who may).
_API = "/api/"
_KEYED = (_API, "/metrics")
_SHARED = (_API, "/openapi.json")
_TAKES_JSON = frozenset({"/api/related", "/api/feedback"})
_FREE = frozenset(
    {
        *("/healthz", "/readyz", "/metrics", "/openapi.json", "/opensearch.xml"),
        *("/widget.js", "/widget/frame.js", "/widget/frame.css"),
    }
)
_FREE_BELOW = ("/static/", "/robots.txt", "/favicon.ico")
# How much more it is to find what is related to a long text than to search a few words.
_COSTS = {"/api/related": 4, "/widget": 4, "/widget/related": 4}

_DEFAULTS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_VARY = ("Origin", "Accept-Encoding")
_VARY_KEYED = (*_VARY, "Authorization", "X-Api-Key")
_ALLOWED_HEADERS = "Authorization, Content-Type, If-None-Match, X-Api-Key"
_EXPOSED_HEADERS = b"ETag, RateLimit, RateLimit-Policy, Retry-After"
_PREFLIGHT_S = 600
_GZIP_BYTES = 1024
_GZIP_LEVEL = 4
_CLOSE = {"Connection": "close"}
# A client that still sends does not see that it was refused; so much more is read.
_READ_ON_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


class Edge:
    """See the module.

    Args:
        aside: Where keys are looked up; not where searches wait.
        rate: ``None`` for no bound.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        backend: Backend,
        settings: ApiSettings,
        limits: Limits,
        meters: Meters,
        aside: Desk,
        rate: RateLimit | None,
    ) -> None:
        self._plain = app
        self._gzipped = GZipMiddleware(app, _GZIP_BYTES, _GZIP_LEVEL)
        self._backend = backend
        self._origins = frozenset(settings.origins)
        self._limits = limits
        self._meters = meters
        self._aside = aside
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._plain(scope, receive, send)
            return
        answer = _Answer(scope, send, self._origins)
        # Routes know GET alone; the server leaves the body of a HEAD out.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        state = dict(scope.get("state") or {})
        state["is_head"] = scope["method"] == "HEAD"
        inner = {**scope, "method": method, "state": state}
        self._meters.in_flight.inc()
        started = time.perf_counter()
        try:
            await self._answer(inner, receive, answer)
        except ProblemError as exc:
            response = problem_response(
                scope, exc.status, exc.detail, errors=exc.errors, headers=exc.headers
            )
            await response(scope, receive, answer.send)
        except KBError as exc:
            await trouble_response(scope, exc)(scope, receive, answer.send)
        except Exception:
            log.exception("a bug, met at %s", scope["path"][:200])
            if answer.status:
                # It is too late to say so.
                raise
            response = problem_response(
                scope, 500, "a bug; the operator finds it in the log"
            )
            await response(scope, receive, answer.send)
        finally:
            self._meters.in_flight.dec()
            route = getattr(inner.get("route"), "path", None) or UNMATCHED
            taken_s = time.perf_counter() - started
            self._meters.answered(route, scope["method"], answer.status, taken_s)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        path, headers = scope["path"], answer.asked
        self._check(scope)
        if answer.is_preflight:
            await answer.permit()
            return
        who, reader = await self._who(scope, headers)
        scope["state"] |= {"reader": reader, "client": who}
        answer.allowance = self._take(who, path)
        if path.startswith(_API) and not takes_json(headers.get("accept")):
            raise ProblemError(406, "answers are application/json")
        if scope["method"] in ("POST", "PUT", "PATCH", "DELETE"):
            takes_this = path not in _TAKES_JSON or is_json(headers.get("content-type"))
            if scope["method"] == "POST" and not takes_this:
                raise ProblemError(415, "expected application/json")
            receive = _again(await self._body(receive), receive)
        is_small = accepts_gzip(headers.get("accept-encoding"))
        app = self._gzipped if is_small else self._plain
        await app(scope, receive, answer.send)

    def _check(self, scope: Scope) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if problem := host_problem(hosts, scope["http_version"]):
            raise ProblemError(400, problem, headers=_CLOSE)
        most = self._limits.query_bytes
        if max(len(scope["query_string"]), len(scope["path"])) > most:
            raise ProblemError(
                414, f"expected at most {most} bytes; longer texts go by POST"
            )
        if not is_utf8(scope["query_string"]):
            raise ProblemError(400, "expected UTF-8 after the question mark")

    async def _who(
        self, scope: Scope, headers: Mapping[str, str]
    ) -> tuple[str, Reader]:
        client = scope.get("client")
        address = client_of(client[0] if client else None)
        key = key_of(headers) if scope["path"].startswith(_KEYED) else None
        if key is None:
            return address, ANYBODY
        reader = None
        if key:
            reader = await self._aside.run(lambda: self._backend.reader(key))
        if reader is None:
            self._take(address, scope["path"], is_attempt=True)
            raise ProblemError(
                401,
                "the key is unknown, or was revoked",
                headers={
                    "WWW-Authenticate": 'Bearer realm="Baraza", error="invalid_token"'
                },
            )
        return f"key:{reader.name}", reader

    def _take(
        self, client: str, path: str, *, is_attempt: bool = False
    ) -> Allowance | None:
        is_free = path in _FREE or path.startswith(_FREE_BELOW)
        if self._rate is None or (is_free and not is_attempt):
            return None
        allowance = self._rate.take(client, _COSTS.get(path, 1))
        if allowance.retry_after_s:
            self._meters.rate_limited.inc()
            raise ProblemError(
                429, "too many requests a minute", headers=allowance.headers()
            )
        return allowance

    async def _body(self, receive: Receive) -> bytes:
        most = self._limits.body_bytes
        read, length, is_over = bytearray(), 0, False
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                async for part in _parts(receive):
                    length += len(part)
                    if length <= most:
                        read += part
                    elif length > most + _READ_ON_BYTES:
                        break
                else:
                    is_over = True
        except TimeoutError:
            if length <= most:
                raise ProblemError(
                    408, "the body took too long to arrive", headers=_CLOSE
                ) from None
        if length > most:
            raise ProblemError(
                413,
                f"expected at most {most} bytes",
                headers=None if is_over else _CLOSE,
            )
        return bytes(read)


class _Answer:
    """What is sent, with what its route did not say.

    Attributes:
        asked: Headers of the request; of several of a name the first.
        status: 0 until it began.
    """

    def __init__(self, scope: Scope, send: Send, origins: frozenset[str]) -> None:
        self.asked: dict[str, str] = {}
        for name, value in scope["headers"]:
            self.asked.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        self.status = 0
        self.allowance: Allowance | None = None
        self._send = send
        self._is_shared = scope["path"].startswith(_SHARED)
        self._is_keyed = scope["path"].startswith(_KEYED)
        self._origin = self._allowed(origins) if self._is_shared else None
        self.is_preflight = (
            self._is_shared
            and scope["method"] == "OPTIONS"
            and {"origin", "access-control-request-method"} <= self.asked.keys()
        )

    def _allowed(self, origins: frozenset[str]) -> str | None:
        if "*" in origins:
            return "*"
        origin = self.asked.get("origin")
        return origin if origin in origins else None

    async def permit(self) -> None:
        """Tell a browser what scripts of another site may ask; those that are not
        ours to allow are told nothing."""
        told = []
        if self._origin is not None:
            told = [
                (b"access-control-allow-methods", b"GET, HEAD, POST"),
                (b"access-control-allow-headers", _ALLOWED_HEADERS.encode()),
                (b"access-control-max-age", str(_PREFLIGHT_S).encode()),
            ]
        start: Any = {"type": "http.response.start", "status": 204, "headers": told}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": b""})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._completed(list(message.get("headers", ())))
        await self._send(message)

    def _completed(self, told: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in told}
        told += [each for each in _DEFAULTS if each[0] not in names]
        if self._origin is not None:
            told.append(
                (b"access-control-allow-origin", self._origin.encode("latin-1"))
            )
            told.append((b"access-control-expose-headers", _EXPOSED_HEADERS))
        if self.allowance is not None:
            told += [
                (name.lower().encode(), value.encode())
                for name, value in self.allowance.headers().items()
            ]
        return _varying(told, _VARY_KEYED if self._is_keyed else _VARY)


def _varying(
    told: list[tuple[bytes, bytes]], names: tuple[str, ...]
) -> list[tuple[bytes, bytes]]:
    given = [value.decode("latin-1") for name, value in told if name == b"vary"]
    if not given:
        return [*told, (b"vary", ", ".join(names).encode())]
    listed = [each.strip() for value in given for each in value.split(",")]
    known = {each.casefold() for each in listed}
    listed += [each for each in names if each.casefold() not in known]
    others = [each for each in told if each[0] != b"vary"]
    return [*others, (b"vary", ", ".join(listed).encode("latin-1"))]


async def _parts(receive: Receive) -> Any:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Mostly nobody is there who could be told, and uvicorn takes no answer;
            # or what came could not be read, see `kb.api.serving`.
            raise ProblemError(
                400, "the body ended early, or cannot be read", headers=_CLOSE
            )
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read, as if it came now; then what comes next."""
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": False}
    ]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def is_json(content_type: str | None) -> bool:
    """
    >>> is_json("application/json; charset=utf-8"), is_json("text/plain"), is_json(None)
    (True, False, False)
    """
    media_type = (content_type or "").partition(";")[0].strip().casefold()
    return media_type == "application/json"


def takes_json(accept: str | None) -> bool:
    """Whether who asks can read our answers (RFC 9110, section 12.5.1).

    >>> [takes_json(each) for each in (None, "*/*", "text/html, application/*;q=0.1")]
    [True, True, True]
    >>> takes_json("text/html"), takes_json("application/json;q=0, text/html")
    (False, False)
    """
    if not accept:
        return True
    weights = _weights(accept)
    for name in ("application/json", "application/*", "*/*"):
        if name in weights:
            return weights[name] > 0
    return "application/problem+json" in weights


def accepts_gzip(accept_encoding: str | None) -> bool:
    """
    >>> [accepts_gzip(each) for each in ("br, GZip;q=0.5", "*", "gzip;q=0, *", None)]
    [True, True, False, False]
    """
    if not accept_encoding:
        return False
    weights = _weights(accept_encoding)
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weights(header: str) -> dict[str, float]:
    weights = {}
    for each in header.split(","):
        name, *parameters = (part.strip().casefold() for part in each.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weights[name] = float(weight)
        except ValueError:
            weights[name] = 1.0
    return weights
