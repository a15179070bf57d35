"""Answers as bytes, and as HTTP answers that caches understand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from pydantic import TypeAdapter
from pydantic_core import to_json

from kb.api.answers import (
    DocumentAnswer,
    RelatedAnswer,
    SearchAnswer,
    StatsAnswer,
)
from kb.api.backend import ANYBODY, Reader
from kb.api.problems import API_HEADERS

Answer = SearchAnswer | RelatedAnswer | DocumentAnswer | StatsAnswer

_PUBLIC = "public, max-age=0, must-revalidate"
_PRIVATE = "private, no-store"
_WRITERS: Mapping[type, Any] = {
    each: TypeAdapter(each).serializer.to_json
    for each in (SearchAnswer, RelatedAnswer, DocumentAnswer, StatsAnswer)
}
# What is another each time, and tells nothing of what was found.
_TIMES = frozenset({"timings", "took_ms"})


@dataclass(frozen=True, slots=True)
class Written:
    """An answer as JSON, with what it can be recognised by next time."""

    body: bytes
    etag: str


def written(answer: Answer) -> Written:
    """As JSON, once; times come last, and do not make it another answer."""
    body: bytes = _WRITERS[type(answer)](answer, exclude=_TIMES)
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    times = {
        name: value
        for name in ("timings", "took_ms")
        if (value := getattr(answer, name, None)) is not None
    }
    if times:
        body = body[:-1] + b"," + to_json(times)[1:]
    return Written(body, f'W/"{digest}"')


def respond(request: Request, answer: Written, reader: Reader) -> Response:
    """The answer, or that it is still the one that is known."""
    if reader != ANYBODY:
        headers = {**API_HEADERS, "Cache-Control": _PRIVATE}
        return Response(answer.body, media_type="application/json", headers=headers)
    headers = {**API_HEADERS, "Cache-Control": _PUBLIC, "ETag": answer.etag}
    if is_known(request.headers.get("if-none-match"), answer.etag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, media_type="application/json", headers=headers)


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether who asks has the answer, by the weak comparison of RFC 9110.

    >>> is_known('"x", W/"abc"', 'W/"abc"'), is_known('"abc"', 'W/"abc"')
    (True, True)
    >>> is_known("*", 'W/"abc"'), is_known(None, 'W/"abc"'), is_known('"a"', 'W/"b"')
    (True, False, False)
    """
    if if_none_match is None:
        return False
    given = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in given or etag.removeprefix("W/") in given
