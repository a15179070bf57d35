"""Small communities for tests of the past: threads and pages, written by day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.history import read_history
from bot.timeline import History
from indexer.chunk import chunk_document
from indexer.pipeline import refresh
from indexer.sources.archive import ArchiveSource
from indexer.sources.markdown import DocsArchive
from indexer.sources.pages import PageRules
from kb.links import LinkRules
from kb.store import Store
from kb.types import Document, PassageDraft

START = datetime(2024, 1, 1, tzinfo=UTC)
FORUM = "https://forum.example.org"
RULES = LinkRules(forums=(FORUM,), fold=((r"/v\d+/", "/any/"),))


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def post(written: float, text: str = "", by: str = "ben", **more: Any) -> Any:
    """A post on a day, as an archive has it; its number is set by `topic`."""
    cooked = f"<p>{text or 'It works since yesterday.'}</p>"
    created_at = day(written).isoformat()
    return {"username": by, "created_at": created_at, "cooked": cooked, **more}


def topic(number: int, title: str, *posts: Any, started: float | None = None) -> Any:
    """A thread, begun with its first post; post ids are 10 times its own and more."""
    created_at = posts[0]["created_at"] if started is None else day(started).isoformat()
    numbered = [
        {"id": number * 10 + place, "post_number": place, **each}
        for place, each in enumerate(posts, start=1)
    ]
    return {"id": number, "title": title, "created_at": created_at, "posts": numbered}


def page(path: str, markdown: str) -> Any:
    url = f"https://docs.example.org/{path}.html"
    return {"path": path, "url": url, "markdown": markdown}


def link(number: int, text: str = "") -> str:
    """A link to a topic; without a text, its bare address."""
    url = f"{FORUM}/t/{number}"
    return f'<a href="{url}">{text or url}</a>'


def tell(folder: Path, topics: Sequence[Any], pages: Sequence[Any] = ()) -> History:
    """The history of a forum, and of the documentation beside it."""
    return read_history(
        ArchiveSource(
            "forum", written_to(folder / "topics.jsonl", *topics), forum_url=FORUM
        ),
        DocsArchive("docs", written_to(folder / "docs.jsonl", *pages))
        if pages
        else None,
        chunk=by_words,
        languages=("en",),
        rules=RULES,
    )


def by_words(document: Document) -> tuple[PassageDraft, ...]:
    return chunk_document(document, count_tokens=lambda text: len(text.split()))


def harvest(
    store: Store, folder: Path, topics: Sequence[Any], pages: Sequence[Any]
) -> None:
    """Fill a store with the same."""
    with store.transaction():
        store.links.use(RULES)
    archive = written_to(folder / "topics.jsonl", *topics)
    docs = written_to(folder / "docs.jsonl", *pages)
    sources = [
        ArchiveSource("forum", archive, forum_url=FORUM, language="en"),
        DocsArchive("docs", docs, rules=PageRules(language="en")),
    ]
    for source in sources:
        refresh(source, store, by_words, "1")


def written_to(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
