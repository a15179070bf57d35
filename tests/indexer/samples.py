"""Documents, and a way to cut them, for tests of what happens around them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from indexer.source import Batch
from kb.store import SourceState, Store
from kb.types import (
    Document,
    DocumentId,
    Kind,
    Part,
    PassageDraft,
    PassageId,
    StoredState,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHUNKER = "lines-1"


def page(key: str, *bodies: str, **changes: Any) -> Document:
    """A document; its bodies are parts 1, 2, …"""
    fields: dict[str, Any] = {
        "source": "docs",
        "kind": Kind.DOCS,
        "key": key,
        "url": f"https://docs.example/{key}",
        "title": f"Page {key}",
        "parts": tuple(Part(n, body) for n, body in enumerate(bodies, start=1)),
        "revision": str(hash(bodies)),
        **changes,
    }
    return Document(**fields)


def by_line(document: Document) -> tuple[PassageDraft, ...]:
    """A passage for every line of every part."""
    drafts: list[PassageDraft] = []
    for part in document.parts:
        for line in part.body.splitlines():
            drafts.append(
                PassageDraft(
                    part_number=part.number,
                    ordinal=len(drafts),
                    anchor=f"/{part.number}",
                    heading="",
                    text=line,
                    created_at=part.created_at,
                )
            )
    return tuple(drafts)


class ListSource:
    """Yields the batches that it is given, and keeps how it was asked."""

    requests = 0

    def __init__(
        self,
        *batches: Batch | Exception,
        name: str = "docs",
        is_exhaustive: bool = True,
    ) -> None:
        self.name = name
        self.is_exhaustive = is_exhaustive
        self.batches: Iterable[Batch | Exception] = batches
        self.asked: list[tuple[str | None, set[str], bool, set[str]]] = []

    def walk(
        self,
        state: SourceState,
        known: Mapping[str, StoredState],
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        self.asked.append((state.cursor, set(known), full, set(again)))
        for batch in self.batches:
            if isinstance(batch, Exception):
                raise batch
            yield batch


def content(store: Store, *sources: str) -> list[object]:
    """What a store holds, by natural keys: no ids, no times of walking."""
    held: list[object] = []
    for source in sources or ("docs",):
        for _, state in sorted(store.documents.states(source).items()):
            passages = [
                replace(passage, id=PassageId(0), document_id=DocumentId(0))
                for passage in store.passages.of_document(state.id)
            ]
            held.append((store.documents.load(state.id), state.chunker, passages))
        aside = store.progress.all_set_aside(source)
        held.append([(item.key, item.reason) for item in aside])
    return held
