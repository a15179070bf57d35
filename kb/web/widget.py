"""The widget: what is related to a page or to a question that is being written, shown
on other sites in a frame that can do nothing but show it.

Import this module only to serve: it brings FastAPI with it.

A site that shows it needs one script tag, see `kb.web.widget_embed`. The frame is made
on the server, keeps nothing (no cookie, no storage: it is sandboxed by its own policy,
whoever frames it), loads nothing from elsewhere, and is shown by those sites alone that
`ApiSettings.origins` names. It tells what anybody may read, to nobody else.

Beside a composer the frame asks again for each text, at ``/widget/related``. A
sandboxed document has the origin ``null``, which any site can make for itself; so that
route answers only who has the token that stands in our own frame. It is no secret:
whoever fetches the frame, from a server of theirs for one, can read it, and asks for
nothing but what anybody may read. It keeps pages of other sites, which cannot read our
frame, from asking through the browser of a visitor. What was typed comes in the body of
a request: it stands in no address, and is neither stored nor logged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kb.api.backend import ANYBODY, About, Backend
from kb.api.desk import BusyError, Desk, LateError
from kb.api.settings import ApiSettings
from kb.errors import InvalidQueryError, KBError
from kb.tongues import language_code
from kb.types import Kind, TopicId
from kb.web.widget_frame import Frames, Scheme, Shown, leads_out, show
from kb.web.widget_words import Words, words_for

log = logging.getLogger(__name__)

MAX_HITS = 10
DEFAULT_HITS = 5
MAX_TITLE_CHARS = 300
MAX_TEXT_CHARS = 1_000
MAX_URL_CHARS = 2_000
MAX_BODY_BYTES = 16_384
MAX_VALUES = 20

_KEPT = "public, max-age=3600"
_ASSETS = {
    "/widget.js": ("widget.js", "text/javascript"),
    "/widget/frame.js": ("widget-frame.js", "text/javascript"),
    "/widget/frame.css": ("widget.css", "text/css"),
}

_Found = tuple[HTTPStatus, list[Shown]]
_Language = Annotated[str, Field(max_length=20), AfterValidator(language_code)]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted in a frame, apart from what it is about."""

    kinds: frozenset[Kind] | None = None
    languages: frozenset[str] | None = None
    k: int = DEFAULT_HITS

    @classmethod
    def of(cls, kinds: Iterable[Kind], languages: Iterable[str], k: int) -> Wish:
        """Of none named, all."""
        return cls(frozenset(kinds) or None, frozenset(languages) or None, k)


class FrameAsked(BaseModel):
    """What the address of a frame asks; what else it names is passed over."""

    model_config = ConfigDict(frozen=True)

    url: str = Field("", max_length=MAX_URL_CHARS)
    topic_id: int | None = Field(None, ge=1, le=2**63 - 1)
    text: str = Field("", max_length=MAX_TEXT_CHARS)
    title: str = Field("", max_length=MAX_URL_CHARS)
    kind: list[Kind] = Field([], max_length=MAX_VALUES)
    lang: list[_Language] = Field([], max_length=MAX_VALUES)
    k: int = Field(DEFAULT_HITS, ge=1, le=MAX_HITS)
    scheme: Scheme | None = None
    ui: str = Field("", max_length=50)

    @property
    def about(self) -> About | None:
        """None: a frame that waits for a composer to ask."""
        if self.topic_id is not None:
            return About(topic_id=TopicId(self.topic_id))
        if self.url:
            return About(url=self.url)
        if self.text or self.title:
            return About(text=self.text, title=self.title)
        return None


class Asked(BaseModel):
    """What a frame beside a composer asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str = Field(max_length=100)
    title: str = Field(max_length=MAX_TITLE_CHARS)
    text: str = Field(max_length=MAX_TEXT_CHARS)
    kind: list[Kind] = Field(max_length=len(Kind))
    lang: list[_Language] = Field(max_length=MAX_VALUES)
    k: int = Field(ge=1, le=MAX_HITS)
    ui: str = Field(max_length=20)


def add_widget(app: FastAPI, backend: Backend, settings: ApiSettings) -> None:
    """Serve the widget: ``/widget.js`` and all below ``/widget``.

    Whatever is wrong, with a request or here, is an empty frame, which the page around
    it takes away.

    Args:
        app: Of `kb.api.create_app`: its desks search, so that what is related waits no
            longer, and for no more, than the endpoint lets it.
    """
    frames = Frames(settings)
    finder = _Finder(backend)

    for path, (name, media_type) in _ASSETS.items():
        _add_asset(app, path, name, media_type)

    async def find(about: About, wish: Wish, words: Words) -> _Found:
        state = app.state
        desk: Desk = getattr(state, "related_desk", None) or state.desk
        try:
            return await desk.run(lambda: finder.find(about, wish, words))
        except (BusyError, LateError):
            return HTTPStatus.SERVICE_UNAVAILABLE, []

    @app.get("/widget", include_in_schema=False)
    async def frame(request: Request) -> Response:
        """The frame; about nothing it is one that waits for a composer to ask."""
        asked = _frame_asked(request)
        ui = asked.ui if asked else ""
        words = words_for([ui, *_accepted(request), *settings.languages])
        if asked is None:
            wrong = HTTPStatus.UNPROCESSABLE_ENTITY
            return frames.showing(words, None, [], wrong, is_private=True)
        about, kind, lang, k = asked.about, asked.kind, asked.lang, asked.k
        if about is None:
            asks = {"kind": kind, "lang": lang, "k": k, "ui": ui[:20]}
            return frames.waiting(words, asked.scheme, asks)
        status, hits = await find(about, Wish.of(kind, lang, k), words)
        is_private = about.text is not None
        return frames.showing(words, asked.scheme, hits, status, is_private=is_private)

    @app.post("/widget/related", include_in_schema=False)
    async def related(
        request: Request, asked: Annotated[Asked | None, Depends(_asked)]
    ) -> Response:
        """Hits for a text that is being written, as a part of the frame."""
        if asked is None:
            return frames.part(request, "", HTTPStatus.UNPROCESSABLE_ENTITY)
        if not frames.is_ours(asked.token):
            return frames.part(request, "", HTTPStatus.FORBIDDEN)
        words = words_for([asked.ui, *_accepted(request), *settings.languages])
        wish = Wish.of(asked.kind, asked.lang, asked.k)
        about = About(text=asked.text, title=asked.title)
        status, hits = await find(about, wish, words)
        return frames.part(request, frames.render_hits(words, hits), status)


@dataclass(frozen=True, slots=True)
class _Finder:
    """Asks the knowledge base, as anybody."""

    backend: Backend

    def find(self, about: About, wish: Wish, words: Words) -> _Found:
        """What is shown, and how it went; nothing where nothing is known of it."""
        try:
            hits = self.backend.related(
                about,
                kinds=wish.kinds,
                languages=wish.languages,
                k=wish.k,
                reader=ANYBODY,
            )
        except (InvalidQueryError, LookupError):
            return HTTPStatus.OK, []
        except KBError as exc:
            # Its message may name files of ours; what was asked is nobody's business.
            log.warning("widget: cannot search: %s", type(exc).__name__)
            return HTTPStatus.SERVICE_UNAVAILABLE, []
        return HTTPStatus.OK, [show(each, words) for each in hits if leads_out(each)]


def _add_asset(app: FastAPI, path: str, name: str, media_type: str) -> None:
    content = (resources.files("kb.web") / "static" / name).read_bytes()
    headers = {
        "Cache-Control": _KEPT,
        # The frame has no origin, and the script runs on other sites.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }

    @app.get(path, include_in_schema=False, name=name)
    def asset() -> Response:
        return Response(content, headers=headers, media_type=media_type)


def _frame_asked(request: Request) -> FrameAsked | None:
    named = request.query_params
    lists = {name: named.getlist(name) for name in ("kind", "lang")}
    try:
        return FrameAsked.model_validate({**named, **lists})
    except ValidationError:
        return None


async def _asked(request: Request) -> Asked | None:
    # It comes as plain text, so that browsers need not ask for leave first.
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    try:
        return Asked.model_validate_json(body)
    except ValidationError:
        return None


def _accepted(request: Request) -> list[str]:
    # Browsers write them in order of preference.
    header = request.headers.get("accept-language", "")[:200]
    return [each.partition(";")[0].strip() for each in header.split(",")]
