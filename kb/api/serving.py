"""uvicorn with an end to its patience; how the endpoint is meant to be served.

uvicorn waits for ever for a head that comes byte by byte, for the rest of a body that
was refused, and for a client that does not read its answer. Each keeps a connection and
its memory, and a few hundred of them cost their sender nothing. Heads have no bound
either, and what is no HTTP is told so in plain text. `patient` mends these.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn
from httptools import HttpParserError, HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from kb.api.problems import MEDIA_TYPE, RETRY_AFTER_S, problem_body, problem_response

_HEADERS = (
    b"content-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n"
    b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n\r\n"
)
# In the state of a request: what came after a part of its body cannot be read.
_BROKEN = "kb.api.serving.broken"
_FIRST_LINE = re.compile(rb"[A-Z]{1,20} [!-~]{1,2000} HTTP/1\.[01]\r?\n")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, and how much it may send.

    Attributes:
        head_s: For a head, from when the connection was made or the last request was
            answered; a connection that is idle between requests has less, see
            `server_config`.
        rest_s: For what is left of a request that was answered, or refused, already;
            at most *rest_bytes* of one that was refused.
        read_s: For an answer that is not read.
        head_bytes: Of a head, the address included.
        ahead: Requests that a client may send before the first of them is answered;
            uvicorn makes ready, and keeps, as many as come.
    """

    head_s: float = 10.0
    rest_s: float = 2.0
    rest_bytes: int = 4 * 1024 * 1024
    read_s: float = 20.0
    head_bytes: int = 64 * 1024
    ahead: int = 64


PATIENCE = Patience()


def patient(patience: Patience = PATIENCE) -> type[HttpToolsProtocol]:
    """A protocol for `uvicorn.Config.http`."""

    class Patient(HttpToolsProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # Counted here, so that who is too many is told so as others are.
            self._most = self.limit_concurrency
            self.limit_concurrency = None
            self._head: asyncio.TimerHandle | None = None
            self._rest: asyncio.TimerHandle | None = None
            self._unread: asyncio.TimerHandle | None = None
            self._is_in_head, self._head_bytes, self._heads = True, 0, 0
            self._refusal = 400
            self._is_refused, self._unheard_bytes = False, 0
            self._starts_with_method = False

        # A connection.

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_head()
            # Who is told to come later has a connection while it is told.
            if self._most and len(self.connections) > 2 * self._most:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._head, self._rest, self._unread):
                if timer is not None:
                    timer.cancel()
            self._unset_keepalive_if_required()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            if self._is_refused:
                self._unheard_bytes += len(data)
                if self._unheard_bytes > patience.rest_bytes:
                    self.transport.close()
                return
            was_in_head, heads = self._is_in_head, self._heads
            self._starts_with_method = _FIRST_LINE.match(data) is not None
            super().data_received(data)
            if self.transport.is_closing() or self._is_refused:
                return
            if self._is_in_head:
                self._wait_for_head()
                # Or it is at most what came in one piece, after the end of another.
                if was_in_head and heads == self._heads:
                    self._head_bytes += len(data)
                if self._head_bytes > patience.head_bytes:
                    self._refuse_length()

        # A head.

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._is_in_head = True

        def on_headers_complete(self) -> None:
            length = len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers)
            if length > patience.head_bytes:
                self._refusal = 414 if len(self.url) > length // 2 else 431
                raise HttpParserError("head too long")
            if len(self.pipeline) >= patience.ahead:
                raise HttpParserError("too many requests ahead")
            is_full = self._most is not None and len(self.connections) > self._most
            self.app = _full if is_full else _heard(self.config.loaded_app)
            super().on_headers_complete()
            self._is_in_head, self._heads = False, self._heads + 1
            if self._head is not None:
                self._head.cancel()
                self._head = None
            if self.parser.should_upgrade():
                # Nothing else is spoken here: what follows would not be read.
                self.cycle.keep_alive = False

        def _wait_for_head(self) -> None:
            if self._head is None:
                self._head = self.loop.call_later(patience.head_s, self._give_up)

        def _give_up(self) -> None:
            self._head = None
            if self._is_answering():
                # The next one may be on its way; it is waited for when it is its turn.
                self._wait_for_head()
            elif self._head_bytes:
                self._tell(408, "the head took too long to arrive")
            elif not self.transport.is_closing():
                self.transport.close()

        def _is_answering(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _refuse_length(self) -> None:
            # Whatever came is of the address until a line has ended.
            self._refusal = 431 if self.headers else 414
            self.send_400_response("")

        # An answer.

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._is_in_head, self._head_bytes = True, 0
            if self._rest is not None:
                self._rest.cancel()
                self._rest = None

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.pipeline and not self._is_refused:
                # Or each answer would let in as much as is read in one piece.
                self.flow.pause_reading()
            if not (self._is_in_head or self._is_answering()):
                self._wait_for_rest()

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._unread is None:
                self._unread = self.loop.call_later(
                    patience.read_s, self.transport.abort
                )

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

        def send_400_response(self, msg: str) -> None:
            details = {
                400: "the request is not HTTP",
                414: f"the address is longer than {patience.head_bytes} bytes",
                431: f"the headers are longer than {patience.head_bytes} bytes",
                501: "there is no such method",
            }
            error = sys.exc_info()[1]
            if self._starts_with_method and isinstance(
                error, HttpParserInvalidMethodError
            ):
                self._refusal = 501
            self._tell(self._refusal, details[self._refusal])

        def _tell(self, status: int, detail: str) -> None:
            if self.transport.is_closing() or self._is_refused:
                return
            if self._is_answering():
                self._answer_the_last()
                return
            # Else what is asked was answered before all of it came.
            if self._is_in_head:
                self.transport.write(_alone(status, detail))
            # Who still sends when the connection is closed may never read why.
            self._is_refused = True
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._wait_for_rest()

        def _answer_the_last(self) -> None:
            """Answer what can be read of what came, then end the connection."""
            # A word on what cannot would be taken for the answer to what can.
            self._is_refused = True
            self.cycle.keep_alive = False
            if self.cycle.more_body:
                # A part of a body may look like all of one.
                self.cycle.scope["state"][_BROKEN] = True
                self.cycle.more_body = False
                self.cycle.message_event.set()
            # Who closes with something unread takes back what was answered.
            self.flow.resume_reading()

        def _wait_for_rest(self) -> None:
            if self._rest is None:
                self._rest = self.loop.call_later(patience.rest_s, self.transport.close)

    return Patient


def _alone(status: int, detail: str) -> bytes:
    body = problem_body(status, detail)
    return STATUS_LINE[status] + _HEADERS % (MEDIA_TYPE.encode(), len(body)) + body


def _heard(app: Any) -> Any:
    """*app*, which is told that a body ended early where its rest cannot be read."""

    async def hear(scope: Any, receive: Any, send: Any) -> None:
        async def whole() -> Any:
            message = await receive()
            is_broken = _BROKEN in scope["state"]
            return {"type": "http.disconnect"} if is_broken else message

        await app(scope, whole, send)

    return hear


async def _full(scope: Any, receive: Any, send: Any) -> None:
    response = problem_response(
        scope,
        503,
        "too many connections; come again in some seconds",
        headers={
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Retry-After": str(RETRY_AFTER_S),
            "Connection": "close",
        },
    )
    await response(scope, receive, send)


def server_config(
    app: Any,
    *,
    patience: Patience = PATIENCE,
    connections: int = 500,
    keep_alive_s: int = 5,
    end_s: int = 5,
    proxies: Sequence[str] = (),
    **more: Any,
) -> uvicorn.Config:
    """How *app* is served, for strangers.

    Args:
        connections: At once; those beyond are told to come later (503).
        keep_alive_s: For the first byte of the next request on a connection.
        end_s: What is still being answered when the server ends is given up after that.
        proxies: Addresses and networks whose ``X-Forwarded-For`` and
            ``X-Forwarded-Proto`` say who asks, and how; of others they say nothing.
        more: See `uvicorn.Config`.
    """
    settings: dict[str, Any] = {
        # uvloop gains little here, and raises where a connection has just gone: a log
        # full of tracebacks for whoever leaves early.
        "loop": "asyncio",
        "http": patient(patience),
        "ws": "none",
        "lifespan": "off",
        "log_config": None,
        # It warns of every broken or surplus request: strangers must not fill a log.
        "log_level": "error",
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(proxies),
        "forwarded_allow_ips": list(proxies),
        "limit_concurrency": connections,
        "timeout_keep_alive": keep_alive_s,
        "timeout_graceful_shutdown": end_s,
    }
    return uvicorn.Config(app, **(settings | more))
