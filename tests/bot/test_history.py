"""A forum's past: at each moment only what was written by then can be known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.history import History, Present, read_history
from indexer.chunk import chunk_document
from indexer.sources.archive import ArchiveSource
from indexer.sources.markdown import DocsArchive
from kb.types import DocumentId, Kind, PassageFacts, PassageId

START = datetime(2024, 1, 1, tzinfo=UTC)


def on_day(day: int) -> str:
    return (START + timedelta(days=day)).isoformat()


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A thread whose third post came after another thread, and a page."""
    written = {7: [1, 2, 9], 8: [5]}
    threads = [
        {
            "id": number,
            "title": "A backup at night",
            "created_at": on_day(days[0]),
            "posts": [
                {
                    "id": number * 10 + place,
                    "post_number": place,
                    "username": "amina",
                    "created_at": on_day(day),
                    "cooked": f"<p>Post {place} of thread {number}.</p>",
                }
                for place, day in enumerate(days, start=1)
            ],
        }
        for number, days in written.items()
    ]
    page = {
        "path": "manage/backup",
        "url": "https://docs.example.org/manage/backup.html",
        "markdown": "# Backup\n\nRun pg_dump every night.\n",
    }
    return read_history(
        ArchiveSource(
            "archive",
            written_to(tmp_path / "topics.jsonl", *threads),
            forum_url="https://forum.example.org",
        ),
        DocsArchive("docs", written_to(tmp_path / "docs.jsonl", page)),
        chunk=lambda document: chunk_document(
            document, count_tokens=lambda text: len(text.split())
        ),
        languages=("en",),
    )


def written_to(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def thread_facts(number: int, *, opening: bool, posts: int, day: int) -> PassageFacts:
    return PassageFacts(
        document_id=DocumentId(number),
        kind=Kind.THREAD,
        visibility="public",
        opening=opening,
        part_number=0,
        parts_count=posts,
        created_at=START + timedelta(days=day),
    )


def test_a_thread_has_as_many_posts_as_were_written_by_then(history: History) -> None:
    """Passages not yet written are unknown, and no thread knows how it will grow."""
    present = Present(history.started)
    ids = [PassageId(number) for number in range(1, 6)]
    page = PassageFacts(DocumentId(9), Kind.DOCS, "public", True, 0, 1, None)

    known = []
    for event in history.events:
        present.happen(event)
        known.append(present.facts(ids))

    seven = [thread_facts(7, opening=True, posts=n, day=1) for n in (1, 2, 3)]
    reply = [thread_facts(7, opening=False, posts=n, day=1) for n in (2, 3)]
    eight = thread_facts(8, opening=True, posts=1, day=5)
    last = thread_facts(7, opening=False, posts=3, day=1)
    assert known == [
        {1: page},
        {1: page, 2: seven[0]},
        {1: page, 2: seven[1], 3: reply[0]},
        {1: page, 2: seven[1], 3: reply[0], 4: eight},
        {1: page, 2: seven[2], 3: reply[1], 4: eight, 5: last},
    ]
