"""Feeds: the pages that an Atom or RSS feed tells of. Pure."""

from __future__ import annotations

import io
from typing import Any
from xml.sax import SAXException

import feedparser

from indexer.site import Listed
from indexer.sitemaps import is_html
from kb.errors import SourceError


def read_feed(url: str, body: bytes) -> tuple[Listed, ...]:
    """The entries of a feed that name an address, in its order.

    Args:
        url: Where it came from, for errors and relative addresses.

    Raises:
        SourceError: It is empty, broken or something else.
    """
    if not body.strip():
        raise SourceError(url, "expected a feed, and it is empty")
    if is_html(body):
        raise SourceError(url, "expected a feed, found an HTML page")
    if b"<!ENTITY" in body:
        # Entities in entities grow without end.
        raise SourceError(url, "expected a feed, found entities of its own")
    parsed = _parsed(url, body)
    problem = parsed.get("bozo_exception")
    entries = parsed.get("entries") or []
    if isinstance(problem, SAXException) and not entries:
        raise SourceError(url, f"is broken XML: {problem}")
    if not parsed.get("version"):
        raise SourceError(url, "expected a feed, found something else")
    return tuple(
        Listed(str(entry["link"]), _changed(entry))
        for entry in entries
        if entry.get("link")
    )


def _changed(entry: Any) -> str:
    # Not by get(): feedparser makes up the one out of the other, with a warning.
    for name in ("updated", "published"):
        if name in entry:
            return str(entry[name])
    return ""


def _parsed(url: str, body: bytes) -> Any:
    try:
        # As a stream: text that looks like an address or a path would be opened.
        return feedparser.parse(
            io.BytesIO(body),
            response_headers={"content-location": url},
            # Nothing is taken of the texts, and to clean them may take hours.
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except (ValueError, LookupError, TypeError, AssertionError, RecursionError) as exc:
        raise SourceError(url, f"is a feed that cannot be read: {exc}") from exc
