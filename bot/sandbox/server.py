"""The sandbox: a forum and the sites beside it on one loopback socket."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.sandbox import (
    acting,
    channel,
    docs_site,
    learning,
    listing,
    pages,
    places,
    reading,
    searching,
    writing,
)
from bot.sandbox.answers import Answer, Refusal, nginx_404
from bot.sandbox.community import Community
from bot.sandbox.desk import Desk
from bot.sandbox.exchange import Ask, Params, read_form
from bot.sandbox.faults import Faults
from bot.sandbox.gate import FaultGate, Recorded
from bot.sandbox.library import Library
from bot.sandbox.records import SYSTEM_ID, Addresses
from bot.sandbox.serialise import View
from bot.sandbox.settings import Settings
from bot.sandbox.webhooks import Webhooks

DOCS, ACADEMY, VIDEOS = "/docs-site", "/academy", "/videos"
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 1.0
TICK_S = 0.01
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
_ROUTES = tuple(
    each
    for room in (pages, listing, places, searching, reading, writing, acting)
    for each in room.ROUTES
)


class _Server(uvicorn.Server):
    """Stops within milliseconds: tests start and stop one each."""

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            await asyncio.sleep(TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        patience = STOP_TIMEOUT_S / TICK_S
        while self.server_state.connections or self.server_state.tasks:
            for connection in list(self.server_state.connections):
                connection.shutdown()
            await asyncio.sleep(TICK_S)
            patience -= 1
            if patience < 0:
                for task in self.server_state.tasks:
                    task.cancel()
                return


class Sandbox:
    """A running community; use it as a context manager.

    Args:
        community: The sample community when ``None``.
        settings: Of the forum; may be replaced while it runs.
        port: 0 picks a free one.
        library: Documentation, courses and videos; the sample's when ``None``.
        folder: Where the forum is installed on its host, such as ``/forum``.

    Attributes:
        url: Of the forum, without a trailing slash; so are *docs_url*,
            *academy_url* and *videos_url*.
        admin_key: An API key that may speak for anybody (send ``Api-Username``).
        faults: The fault switch.
        webhooks: Register receivers here.
        recorded: Every request since the start, with its headers.

    Raises:
        OSError: The port is taken.
    """

    def __init__(
        self,
        community: Community | None = None,
        settings: Settings | None = None,
        port: int = 0,
        library: Library | None = None,
        folder: str = "",
    ) -> None:
        self.community = Community.sample() if community is None else community
        self.desk = Desk(
            self.community,
            settings or Settings(),
            _ROUTES,
        )
        self.faults = Faults()
        self.webhooks = Webhooks(self._system_view)
        self.recorded: list[Recorded] = []
        self._library = library
        self._folder = folder
        self._port = port
        self._connections: dict[tuple[str, int], asyncio.Transport] = {}
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def settings(self) -> Settings:
        return self.desk.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.desk.settings = settings

    @property
    def library(self) -> Library:
        """What is served beside the forum; read from disk when first needed."""
        if self._library is None:
            self._library = Library.sample()
        return self._library

    @property
    def url(self) -> str:
        return self.community.addresses.forum

    @property
    def docs_url(self) -> str:
        return self.community.addresses.docs

    @property
    def academy_url(self) -> str:
        return self.community.addresses.academy

    @property
    def videos_url(self) -> str:
        return self.community.addresses.videos

    @property
    def requests(self) -> list[str]:
        """Every request since the start, as ``METHOD path?query``."""
        return [str(request) for request in self.recorded]

    @property
    def admin_key(self) -> str:
        return self.desk.keys.issue("all_users", None)

    def key_for(self, username: str) -> str:
        """A single-user API key, for the header ``Api-Key``."""
        return self.desk.keys.issue("single_user", username)

    def user_api_key_for(self, username: str) -> str:
        """A key for the header ``User-Api-Key``: no memo, lower limits."""
        return self.desk.keys.issue("user_api", username)

    def start(self) -> None:
        """Bind, move the community to its addresses, and serve in a thread."""
        listener = socket.socket(
            socket.AF_INET,
            socket.SOCK_STREAM,
            # Named, or asyncio leaves Nagle's algorithm on: 40 ms per answer.
            socket.IPPROTO_TCP,
        )
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._port))
        except OSError:
            listener.close()
            raise
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.community.settle(
            Addresses(base + self._folder, base + DOCS, base + ACADEMY, base + VIDEOS)
        )
        self.community.listeners.append(self.webhooks.tell)
        self._server = _Server(self._config())
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.002)

    def stop(self) -> None:
        """Close all connections and wait for the threads."""
        if self._server is None or self._thread is None:
            return
        self.community.listeners.remove(self.webhooks.tell)
        self._server.should_exit = True
        self._thread.join()
        self._server = self._thread = None
        self.webhooks.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _config(self) -> uvicorn.Config:
        connections = self._connections

        class Protocol(H11Protocol):
            """Remembers connections, so that a fault can cut one."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    connections[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    connections.pop(self.client, None)
                super().connection_lost(exc)

        app = Starlette(routes=[Route("/{path:path}", self._serve, methods=_METHODS)])
        gate = FaultGate(app, self.faults, self.recorded.append, self._connections.get)
        return uvicorn.Config(
            gate,
            http=Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
        )

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        answer = await run_in_threadpool(self._answer, request, body)
        response = Response(answer.body, answer.status)
        for name, value in answer.headers.items():
            response.headers[name] = value
        return response

    def _answer(self, request: Request, body: bytes) -> Answer:
        path, query = request.url.path, request.url.query
        headers = {name.lower(): value for name, value in request.headers.items()}
        pairs = parse_qsl(query, keep_blank_values=True)
        sites = self.community.addresses
        if f"{path}/".startswith(DOCS + "/"):
            return docs_site.serve(
                self.library, sites, path.removeprefix(DOCS), headers
            )
        if f"{path}/".startswith(ACADEMY + "/"):
            academy = path.removeprefix(ACADEMY)
            return learning.serve_academy(
                self.library, sites, academy, dict(pairs), headers
            )
        if f"{path}/".startswith(VIDEOS + "/"):
            videos = path.removeprefix(VIDEOS)
            return channel.serve_videos(
                self.library, sites, videos, dict(pairs), headers
            )
        if not f"{path}/".startswith(f"{self._folder}/"):
            return nginx_404()
        path = path.removeprefix(self._folder)
        try:
            form = read_form(headers.get("content-type", ""), body)
        except Refusal as refusal:
            return refusal.answer
        bare = path.removesuffix(".json")
        suffix = path[len(bare) :]
        asked = headers.get("accept", "").startswith("application/json")
        original = self.settings.original_cookie in headers.get("cookie", "")
        ask = Ask(
            method=request.method,
            path=bare,
            suffix=suffix,
            wants_json=bool(suffix) or asked,
            query_string=query,
            headers=headers,
            query=Params(pairs),
            form=form,
            view=View(self.community, self.settings, None, original),
            client=request.client.host if request.client else "",
        )
        return self.desk.serve(ask)

    def _system_view(self) -> View:
        system = self.community.users.get(SYSTEM_ID)
        return View(self.community, self.settings, system, original=True)
