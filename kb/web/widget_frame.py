"""The frame of the widget as HTML, and the headers that keep it harmless."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from kb.api.settings import ApiSettings
from kb.instant.records import InstantHit, Span
from kb.web.hits import is_web_address
from kb.web.widget_words import Words

EXCERPT_CHARS = 160
# What is shown before the first word that was sought.
LEAD_CHARS = 50

Scheme = Literal["light", "dark"]

_SANDBOX = "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox"
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.:\[\]-]+")
_NOT_KEPT = "no-store"
# What leaves the forum leaves the frames with it.
_ASKED_AGAIN = "public, no-cache"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an excerpt; *marked*: it was sought."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit as the frame shows it, in the reader's words.

    Attributes:
        language: Of its text, for those who have it read out; empty: unknown.
    """

    title: str
    url: str
    kind: str
    language: str
    version: str
    solved: bool
    pieces: tuple[Piece, ...]


def leads_out(found: InstantHit) -> bool:
    # A link that is harvested is somebody's text: "javascript:" would be one, too.
    return is_web_address(found.hit.url)


def show(found: InstantHit, words: Words) -> Shown:
    document = found.hit.document
    return Shown(
        title=document.title.strip() or found.hit.url,
        url=found.hit.url,
        kind=words.kinds[document.kind],
        language=document.language or "",
        version=document.version or "",
        solved=document.solved,
        pieces=excerpt(found.hit.passage.text, found.highlights),
    )


def excerpt(text: str, highlights: Sequence[Span]) -> tuple[Piece, ...]:
    """A part of *text* to be shown: that with the first highlight, cut between words.

    >>> [piece.text for piece in excerpt("Stop, then restore it.", [(11, 18)])]
    ['Stop, then ', 'restore', ' it.']
    """
    first = min((start for start, _ in highlights), default=0)
    begin = 0 if first <= LEAD_CHARS else _word_start(text, first - LEAD_CHARS, first)
    end = begin + EXCERPT_CHARS
    end = len(text) if end >= len(text) else _word_end(text, end, begin)
    pieces = [Piece("… ")] if begin else []
    at = begin
    for start, stop in highlights:
        start, stop = max(start, at), min(stop, end)
        if start < stop:
            pieces += [Piece(text[at:start]), Piece(text[start:stop], marked=True)]
            at = stop
    pieces.append(Piece(text[at:end]))
    pieces += [Piece(" …")] if end < len(text) else []
    return tuple(piece for piece in pieces if piece.text)


def _word_start(text: str, begin: int, limit: int) -> int:
    space = text.find(" ", begin, limit)
    return begin if space < 0 else space + 1


def _word_end(text: str, end: int, begin: int) -> int:
    # A text without spaces is cut all the same.
    space = text.rfind(" ", begin + EXCERPT_CHARS // 2, end)
    return end if space < 0 else space


@dataclass(frozen=True, slots=True)
class Frames:
    """Writes frames and parts of them, with what keeps them harmless.

    Attributes:
        token: Stands in each frame that waits for a composer; new at each start. No
            secret: see `kb.web.widget`.
    """

    settings: ApiSettings
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    templates: Environment = field(
        default_factory=lambda: Environment(
            loader=PackageLoader("kb.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
    )

    def is_ours(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    def waiting(
        self, words: Words, scheme: Scheme | None, asks: dict[str, object]
    ) -> Response:
        ask = json.dumps({"token": self.token, **asks})
        return self._page(words, scheme, (), HTTPStatus.OK, ask=ask, cached=_NOT_KEPT)

    def showing(
        self,
        words: Words,
        scheme: Scheme | None,
        hits: Sequence[Shown],
        status: HTTPStatus,
        *,
        is_private: bool,
    ) -> Response:
        keep = status is HTTPStatus.OK and not is_private
        cached = _ASKED_AGAIN if keep else _NOT_KEPT
        return self._page(words, scheme, hits, status, ask="", cached=cached)

    def render_hits(self, words: Words, hits: Sequence[Shown]) -> str:
        part = self.templates.get_template("widget_hits.html")
        return part.render(words=words, hits=hits)

    def part(self, request: Request, html: str, status: HTTPStatus) -> Response:
        headers = {"Cache-Control": _NOT_KEPT, "X-Content-Type-Options": "nosniff"}
        # Any page can have this origin: what it gets without the token is empty.
        if request.headers.get("origin") == "null":
            headers["Access-Control-Allow-Origin"] = "null"
        return Response(_bytes(html), status, headers, "text/html; charset=utf-8")

    def _page(
        self,
        words: Words,
        scheme: Scheme | None,
        hits: Sequence[Shown],
        status: HTTPStatus,
        *,
        ask: str,
        cached: str,
    ) -> Response:
        html = self.templates.get_template("widget.html").render(
            words=words,
            scheme=scheme,
            hits=hits,
            ask=ask,
            origins=" ".join(self._origins()),
            community=self.settings.community,
            more_url=f"{self.settings.public_url}/" if self.settings.public_url else "",
        )
        headers = {
            "Cache-Control": cached,
            "Content-Security-Policy": self._policy(asks=bool(ask)),
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept-Language",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        }
        return Response(_bytes(html), status, headers, "text/html; charset=utf-8")

    def _policy(self, *, asks: bool) -> str:
        # Not every browser takes the address of a sandboxed document for 'self'.
        known = self.settings.public_url
        ours = f"'self' {known}/" if known else "'self'"
        shown_by = " ".join(self._origins()) or "'none'"
        directives = [
            "default-src 'none'",
            f"script-src {ours}",
            f"style-src {ours}",
            *([f"connect-src {ours}"] if asks else []),
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {shown_by}",
            _SANDBOX,
        ]
        return "; ".join(directives)

    def _origins(self) -> list[str]:
        return [each for each in self.settings.origins if _ORIGIN.fullmatch(each)]


def _bytes(html: str) -> bytes:
    # What was harvested may hold half a character.
    return html.encode("utf-8", "replace")
