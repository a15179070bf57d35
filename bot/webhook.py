"""The webhook entrance: ``POST /webhook/{source}``, for hints from a forum.

Import this module only to listen: it brings Starlette with it.

Whoever may reach the port can send; the signature tells a forum from all others.
Answers say nothing but their status, and are chosen by what a forum makes of them:
it may repeat what met a 503, and gives up a hook that met many a 404.

============  ==========================================================
200           noted, or nothing that we would read; on disk when it is told
400           signed, but not a delivery
403           not signed with the secret of this source, or another forum's
404, 405      no such source (or it has no secret); only POST is taken
408, 413, 415 too slow, too large, neither JSON nor a form
503           the store is locked or full, or too many come at once
============  ==========================================================
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.escape import shortened, visible
from bot.hints import (
    FORM,
    JSON,
    Delivery,
    DeliveryError,
    is_signature,
    is_signed,
    read_delivery,
    site,
)
from kb.errors import StoreError
from kb.store import Store
from kb.types import Clock

# A post of the longest kind that a forum allows, as raw and as HTML, fits.
MAX_BODY_BYTES = 2 * 1024 * 1024
BODY_TIMEOUT_S = 10.0
# A forum waits 20 s for an answer.
NOTE_TIMEOUT_S = 5.0
# A forum that repeats deliveries does so for two and a half hours.
REPLAY_WINDOW = timedelta(days=1)
_MAX_SHOWN_CHARS = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """The forum of a source: its secret, and the address that it says it has."""

    secret: str = field(repr=False)
    url: str


Note = Callable[[str, Delivery], int]
"""Keeps what was told of a source, and gives how many hints; raises `StoreError`.

Called from several threads at once; what it returns from is on disk."""


class Notebook:
    """Keeps hints in the store, as looks that the next refresh follows.

    Args:
        path: The store's; each call opens it anew, as it comes from another thread.
        told: Called with the source's name whenever something was noted, unless the bot
            itself wrote it: that is read with what comes next.
        look: Called likewise when there may be a question, or mail, for the bot.
        bot: Username of the bot.
        replay_window: So long a repeated delivery is known as such; one that tells of
            something older is taken for a repeated one.
    """

    def __init__(
        self,
        path: Path,
        told: Callable[[str], object],
        *,
        clock: Clock,
        timeout_s: float = NOTE_TIMEOUT_S,
        replay_window: timedelta = REPLAY_WINDOW,
        look: Callable[[str], object] = lambda _source: None,
        bot: str = "",
    ) -> None:
        self._look = look
        self._bot = bot.casefold()
        self._path = path
        self._told = told
        self._clock = clock
        self._timeout_s = timeout_s
        self._replay_window = replay_window

    def __call__(self, source: str, delivery: Delivery) -> int:
        # Before waiting for a writer: a refresh that began since has read it all.
        at = self._clock()
        oldest = at - self._replay_window
        if delivery.told_at is not None and delivery.told_at < oldest:
            log.info("source=%s a delivery is too old, and ignored", source)
            return 0
        with Store.open(self._path, busy_timeout_s=self._timeout_s) as store:
            noted = self._add(store, source, delivery, at, oldest)
        is_own = bool(self._bot) and delivery.author.casefold() == self._bot
        if noted and not is_own:
            self._told(source)
        if delivery.mail or (noted and delivery.asked):
            self._look(source)
        return noted

    def _add(
        self,
        store: Store,
        source: str,
        delivery: Delivery,
        at: datetime,
        oldest: datetime,
    ) -> int:
        kept = [
            hint
            for hint in delivery.hints
            if not hint.only_stored or store.documents.find(source, hint.key)
        ]
        if not kept:
            return 0
        with store.transaction():
            store.deliveries.forget(oldest)
            if not store.deliveries.take(source, delivery.mark, at=at):
                return 0
            for hint in kept:
                store.looks.add(source, [hint.key], hint.reason, at)
        return len(kept)


class _RefusedError(Exception):
    """A delivery is not taken; *why* is for the log alone."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


def create_app(
    senders: Mapping[str, Sender],
    note: Note,
    *,
    body_timeout_s: float = BODY_TIMEOUT_S,
) -> Starlette:
    """The application; hand it to a server such as uvicorn.

    Args:
        senders: By source.
        body_timeout_s: How long a body may take to arrive.
    """
    complaints = _Complaints()

    async def receive(request: Request) -> Response:
        source = request.path_params["source"]
        sender = senders.get(source)
        if sender is None:
            return _answer(HTTPStatus.NOT_FOUND)
        try:
            body = await _checked_body(request, sender, body_timeout_s)
            await run_in_threadpool(_take, request, body, source, note)
        except ClientDisconnect:
            # Nobody is there to read this.
            return _answer(HTTPStatus.BAD_REQUEST)
        except _RefusedError as exc:
            complaints.add(source, exc)
            return _answer(exc.status)
        return _answer(HTTPStatus.OK)

    app = Starlette(routes=[Route("/webhook/{source}", receive, methods=["POST"])])
    # A forum follows no redirects.
    app.router.redirect_slashes = False
    return app


async def _checked_body(request: Request, sender: Sender, timeout_s: float) -> bytes:
    """The body, once it is known to come from *sender*.

    What can be told from the headers is told before a body is waited for.
    """
    headers = request.headers
    signature = headers.get("x-discourse-event-signature", "")
    if _content_type(request) not in (JSON, FORM):
        raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "neither JSON nor form")
    if not is_signature(signature):
        raise _RefusedError(HTTPStatus.FORBIDDEN, "it is not signed")
    try:
        async with asyncio.timeout(timeout_s):
            body = await _body(request)
    except TimeoutError as exc:
        raise _RefusedError(HTTPStatus.REQUEST_TIMEOUT, "it came too slowly") from exc
    if not is_signed(body, signature, secret=sender.secret):
        raise _RefusedError(HTTPStatus.FORBIDDEN, "signed with another secret")
    instance = headers.get("x-discourse-instance", "")
    if site(instance) != site(sender.url):
        shown = shortened(visible(instance), _MAX_SHOWN_CHARS) or "no forum"
        raise _RefusedError(HTTPStatus.FORBIDDEN, f"it comes from {shown}")
    return body


async def _body(request: Request) -> bytes:
    too_large = _RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"larger than {MAX_BODY_BYTES} bytes"
    )
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise too_large
    return bytes(body)


def _take(request: Request, body: bytes, source: str, note: Note) -> None:
    event = request.headers.get("x-discourse-event", "")
    try:
        delivery = read_delivery(
            body,
            content_type=_content_type(request),
            event=event,
            event_id=request.headers.get("x-discourse-event-id", ""),
        )
        noted = note(source, delivery) if delivery.hints or delivery.mail else 0
    except DeliveryError as exc:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, str(exc)) from exc
    except StoreError as exc:
        raise _RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, str(exc)) from exc
    shown = shortened(visible(event), _MAX_SHOWN_CHARS)
    log.info("source=%s event=%s noted=%d", source, shown, noted)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _answer(status: HTTPStatus) -> Response:
    return PlainTextResponse(f"{status.phrase}\n", status)


class _Complaints:
    """Logs refusals the 1st, 2nd, 4th, 8th, … time: strangers must not fill a log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: Counter[tuple[str, HTTPStatus]] = Counter()

    def add(self, source: str, refused: _RefusedError) -> None:
        with self._lock:
            self._times[source, refused.status] += 1
            times = self._times[source, refused.status]
        if times & (times - 1) == 0:
            log.warning(
                "source=%s refused a webhook status=%d times=%d: %s",
                source,
                refused.status,
                times,
                refused,
            )
