"""Records for tests, with everything that does not matter filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.topic import TopicView
from kb.types import (
    DocumentId,
    DocumentSummary,
    Kind,
    Passage,
    PassageId,
    SearchHit,
    TopicId,
)

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
# What stands below the links of a reply to topic 12 of Example Forum.
REPLY_END = (
    "[/quote]\n"
    "\n"
    "*I am a bot of Example Forum. I only point to what is already written;"
    " members may know better.*\n"
    "*Did this help? Like this post. If not, reply with 👎 and tell why.*\n"
    "*No more answers from me? Send me the private message `opt out, please`."
    " Out of place? Flag this post.*\n"
    "\n"
    "<!-- baraza:topic=12 -->"
)


def topic(topic_id: int = 7, **changes: Any) -> TopicView:
    """A public topic of a member, asked just now."""
    values: dict[str, Any] = {
        "title": "How do I back up the database?",
        "url": f"https://forum.example/t/{topic_id}",
        "opening": "<p>It should run every night.</p>",
        "author": "amina",
        "author_id": 5,
        "created_at": NOW,
        "category": ("support",),
    }
    return TopicView(id=TopicId(topic_id), **(values | changes))


def hit(
    number: int = 1,
    *,
    confidence: float = 0.9,
    kind: Kind = Kind.DOCS,
    text: str = "Use pg_dump.",
    heading: str = "",
    anchor: str = "",
    **document: Any,
) -> SearchHit:
    """A document with one passage; *number* tells it from others."""
    values: Mapping[str, Any] = {
        "source": "docs",
        "key": f"page-{number}",
        "url": f"https://docs.example/page-{number}",
        "title": f"Page {number}",
        "language": "en",
        "visibility": "public",
        "category": None,
        "tags": (),
        "version": None,
        "created_at": NOW,
        "updated_at": NOW,
        "solved": False,
        "closed": False,
        "listed": True,
        "views": 0,
        "parts_count": 2,
    }
    summary = DocumentSummary(
        id=DocumentId(number), kind=kind, **(dict(values) | document)
    )
    passage = Passage(
        id=PassageId(number * 10),
        document_id=summary.id,
        part_number=1,
        ordinal=0,
        anchor=anchor,
        heading=heading,
        text=text,
        language=summary.language,
        visibility=summary.visibility,
        content_hash=f"hash-{number}",
        created_at=NOW,
    )
    return SearchHit(summary, passage, score=confidence, confidence=confidence)
