"""Sockets that listen, and a web server in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from kb.errors import KBError

# A connection each; those beyond are told to come later (503).
_MAX_CONNECTIONS = 32
# Who connects and asks nothing would keep a place for ever.
HEAD_TIMEOUT_S = 10.0
_START_TIMEOUT_S = 10.0
# What is half received when the server ends is given up after that.
_END_TIMEOUT_S = 2
_POLL_S = 0.01


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; from now on connections wait, not fail.

    Raises:
        KBError: The port is taken, or *host* is no address of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as exc:
        raise KBError(f"cannot listen on {host}:{port}: {exc.strerror}") from exc
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Head and body of an answer are two pieces, and the second one would wait for
        # word of the first: 40 ms. Connections that are taken have it, too.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as exc:
        listener.close()
        raise KBError(f"cannot listen on {host}:{port}: {exc.strerror}") from exc
    return listener


def _impatient(head_timeout_s: float) -> type[H11Protocol]:
    """uvicorn's HTTP, which waits for ever for the head of a request, with an end."""

    class Impatient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.loop.call_later(head_timeout_s, self._give_up)

        def _give_up(self) -> None:
            if not (self.cycle or self.transport.is_closing()):
                self.transport.close()

    return Impatient


@contextmanager
def serving(
    app: Any, *, host: str, port: int, head_timeout_s: float = HEAD_TIMEOUT_S
) -> Iterator[str]:
    """Serve an ASGI application beside what else happens, for the time of the block.

    Args:
        head_timeout_s: How long the head of a request may take to arrive.

    Yields:
        Its address, without a trailing slash.

    Raises:
        KBError: See `listen`; or the server did not start.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        http=_impatient(head_timeout_s),
        ws="none",
        lifespan="off",
        log_config=None,
        # It warns of every broken or surplus request: strangers must not fill a log.
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # Or what is left of a body that was refused would be read to its end.
        headers=[("Connection", "close")],
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_END_TIMEOUT_S,
    )
    server = uvicorn.Server(config)
    with listen(host, port) as listener:
        bound = listener.getsockname()[1]
        thread = threading.Thread(
            target=server.run,
            kwargs={"sockets": [listener]},
            name=f"serving {host}:{bound}",
        )
        thread.start()
        try:
            _wait_for_start(server, thread)
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{bound}"
        finally:
            server.should_exit = True
            thread.join()


def _wait_for_start(server: Any, thread: threading.Thread) -> None:
    until = time.monotonic() + _START_TIMEOUT_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise KBError("the web server did not start")
        time.sleep(_POLL_S)
