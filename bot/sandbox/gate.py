"""The outermost layer of the server: records requests, spoils the planned ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.sandbox.answers import (
    Answer,
)
from bot.sandbox.faults import Fault, Faults

Scope = MutableMapping[str, Any]


Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


class FaultGate:
    """Outermost ASGI layer: records every request and spoils the planned ones.

    Args:
        connection: Finds the connection of a client's address.
    """

    def __init__(
        self,
        app: App,
        faults: Faults,
        record: Callable[[Recorded], None],
        connection: Callable[[tuple[str, int]], asyncio.Transport | None],
    ) -> None:
        self._app = app
        self._faults = faults
        self._record = record
        self._connection = connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        names = (
            (k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]
        )
        self._record(Recorded(scope["method"], target, dict(names)))
        fault = self._faults.take(scope["method"], target)
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.drop:
            await self._cut(scope, receive)
            return
        answer = fault.answer or await self._answered(scope, receive)
        if fault.lose:
            await self._cut(scope, receive)
            return
        if fault.change is not None and answer.status == 200:
            changed = fault.change(json.loads(answer.body))
            answer = replace(answer, body=json.dumps(changed).encode())
        await _send(answer, fault, send)
        if fault.truncate:
            await self._cut(scope, receive)

    async def _cut(self, scope: Scope, receive: Receive) -> None:
        transport = self._connection(tuple(scope["client"]))
        if transport is not None:
            # What was sent still arrives, then the end of the connection.
            transport.close()
        # The server thinks an unanswered request an error until it sees the closing.
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _answered(self, scope: Scope, receive: Receive) -> Answer:
        """What the application answers, held back."""
        status, headers, body = 500, {}, b""

        async def hold(message: MutableMapping[str, Any]) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                body += message.get("body", b"")

        await self._app(scope, receive, hold)
        headers.pop("content-length", None)
        return Answer(status, body, headers)


async def _send(answer: Answer, fault: Fault, send: Send) -> None:
    body = answer.body
    # An answer that has no body cannot be half of it.
    if fault.malformed and body:
        body = body[: len(body) // 2] or b"{"
    headers = {name.lower(): value for name, value in answer.headers.items()}
    headers["content-length"] = str(len(body) + (not body and fault.truncate))
    pairs = [
        (name.encode("latin-1"), v.encode("latin-1")) for name, v in headers.items()
    ]
    start = {"type": "http.response.start", "status": answer.status, "headers": pairs}
    await send(start)
    if fault.truncate:
        half = body[: len(body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return
    await send({"type": "http.response.body", "body": body})
