"""A scripted HTTP server on 127.0.0.1: it says what it is told, good or bad."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; *announce* is a false Content-Length, *drop* hangs up at once."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    announce: int | None = None
    drop: bool = False


def as_json(data: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps(data).encode()
    return Reply(status, body, {"Content-Type": "application/json", **named})


def as_text(text: str, status: int = 200, kind: str = "text/plain") -> Reply:
    return Reply(status, text.encode(), {"Content-Type": kind})


class Loopback:
    """Serves replies by path, with the query; the last one is repeated.

    HEAD is answered as GET is, but where ``HEAD /path`` has replies of its own.

    Attributes:
        requests: What was asked: method, a blank, path with query.
        seen: The headers of each request.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.seen: list[dict[str, str]] = []
        self._replies: defaultdict[str, deque[Reply]] = defaultdict(deque)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def on(self, path: str, *replies: Reply) -> None:
        """Answer *path* with these from now on."""
        self._replies[path] = deque(replies)

    def answer(self, path: str) -> Reply:
        waiting = self._replies.get(path) or self._replies.get(path.partition("?")[0])
        if not waiting:
            missing = {"errors": ["No such page."], "error_type": "not_found"}
            return as_json(missing, 404)
        return waiting.popleft() if len(waiting) > 1 else waiting[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                loopback.requests.append(f"{self.command} {self.path}")
                loopback.seen.append(
                    {name.lower(): value for name, value in self.headers.items()}
                )
                named = f"{self.command} {self.path}"
                own = named in loopback._replies
                reply = loopback.answer(named if own else self.path)
                self.close_connection = True
                if reply.drop:
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                length = reply.announce if reply.announce else len(reply.body)
                self.send_header("Content-Length", str(length))
                self.send_header("Connection", "close")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)

            do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - named by http.server

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
