"""Stores with forums for the tests of the report, written as a harvest would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.report.records import Period
from kb.store import Store
from kb.types import (
    Document,
    DocumentChange,
    DocumentId,
    Kind,
    Part,
    PassageDraft,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
URL = "https://forum.example.org"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = Period(START, START + 7 * DAY)

ASKS = "<p>How do I restore a backup? I get an error when I try.</p>"
TELLS = (
    "<p>Stop the server first, then restore the dump with pg_restore into an empty"
    " database, and start the server again once that has come to an end.</p>"
)
IDLE = "<p>Same problem here.</p>"


def post(
    number: int,
    author: str,
    body: str = TELLS,
    *,
    at: datetime = START,
    author_id: int | None = None,
    likes: int = 0,
    accepted: bool = False,
    staff: bool = False,
    reply_to: int | None = None,
) -> Part:
    """A post; who has no id is known by name, as in an archive."""
    return Part(
        number,
        body,
        author_id=author_id,
        author=author,
        created_at=at,
        likes=likes,
        accepted=accepted,
        staff=staff,
        reply_to=reply_to,
    )


def thread(
    key: int,
    *posts: Part,
    title: str = "How do I restore a backup?",
    source: str = "forum",
    at: datetime = START,
    **more: Any,
) -> Document:
    """A topic; *more* are fields of `Document`."""
    made = Document(
        source=source,
        kind=Kind.THREAD,
        key=str(key),
        url=f"{URL}/t/{key}",
        title=title,
        parts=tuple(posts),
        created_at=at,
        solved=any(part.accepted for part in posts),
    )
    return replace(made, **more)


def keep(store: Store, documents: Iterable[Document]) -> list[DocumentId]:
    """Store documents, each part one passage, all in one transaction."""
    with store.transaction():
        return [
            store.documents.apply(
                DocumentChange(
                    document, None, "test-1", insert=_passages(document.parts)
                ),
                walk=1,
            )
            for document in documents
        ]


def _passages(parts: Sequence[Part]) -> tuple[PassageDraft, ...]:
    return tuple(
        PassageDraft(
            part.number, place, f"/{part.number}", "", part.body, part.created_at
        )
        for place, part in enumerate(parts)
    )
