"""Web pages as documents, of events with what people ask of these. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from html import escape

from indexer.blocks import join_blocks
from indexer.clean import clean_body, clean_html
from indexer.events import Event, next_of
from indexer.page_text import WebPage
from indexer.sources.pages import PageRules, page_title
from kb.types import Details, Document, Part


def html_document(
    source: str, key: str, url: str, told: WebPage, rules: PageRules, *, revision: str
) -> Document:
    """A web page as a document; *rules* come before what the page itself states."""
    version, language = rules.of(key)
    return Document(
        source=source,
        kind=rules.kind,
        key=key,
        url=url,
        title=told.title or page_title("", key.removesuffix(".html")),
        parts=(Part(number=1, body=told.body, format="html"),),
        language=language or told.language,
        visibility=rules.visibility,
        version=version or told.version,
        revision=revision,
        page=rules.page_of(key),
        work=rules.work_of(key),
    )


def event_document(
    document: Document,
    told: WebPage,
    events: tuple[Event, ...],
    rules: PageRules,
    *,
    now: datetime,
) -> Document | str:
    """The page as the event that it announces, or why it announces none."""
    event = next_of(events, now)
    over_at = None if event is None else event.over_at
    if event is None or over_at is None:
        return "tells no date"
    if event.is_cancelled:
        return "is cancelled"
    if over_at <= now:
        return "is over"
    body = told.body
    if event.description and event.description not in text_of(document):
        body = f"<p>{escape(event.description)}</p>\n{body}"
    _, language = rules.of(document.key)
    return replace(
        document,
        title=event.name or document.title,
        language=language or event.language or told.language,
        parts=(replace(document.parts[0], body=body),),
        details=Details(
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            utc_offset_s=event.utc_offset_s,
            place=event.place,
            mode=event.mode,
        ),
        expires_at=over_at,
    )


def text_of(document: Document) -> str:
    """All text of a page, whatever in it looks like mail."""
    part = document.parts[0]
    if part.format == "html":
        return join_blocks(clean_html(part.body, mail=False))
    return join_blocks(clean_body(part.body, part.format, mail=False))
