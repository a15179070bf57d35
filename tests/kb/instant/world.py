"""A store, its index, and instant search over both, kept in step by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kb.bridge import Bridge
from kb.embed import Embedder, HashingEmbedder
from kb.index import OpenIndex, build_index, open_index
from kb.instant.engine import InstantSearch
from kb.instant.keeping import MAX_TAIL, Keeper
from kb.instant.query import parse
from kb.instant.records import Results
from kb.instant.shelves import Snapshot
from kb.lexical import TantivyIndex
from kb.model import plain_model
from kb.store import EmbeddingCache, Store
from kb.types import (
    PUBLIC,
    Document,
    DocumentChange,
    DocumentId,
    Kind,
    Part,
    PassageDraft,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EMBEDDER = HashingEmbedder(256)
STAFF = "category:staff"


def document(key: str, *texts: str, **more: Any) -> Document:
    """A thread, or what *more* says, with a passage for each text."""
    made = Document(
        source="forum",
        kind=Kind.THREAD,
        key=key,
        url=f"https://forum.example.org/t/{key}",
        title=key.replace("-", " ").capitalize(),
        parts=tuple(
            Part(number, text, format="text", created_at=NOW)
            for number, text in enumerate(texts, start=1)
        ),
        language="en",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **more)


def put(store: Store, made: Document, *, over: DocumentId | None = None) -> DocumentId:
    """Store a document, in place of another one's passages if *over* names one."""
    old = () if over is None else store.passages.of_document(over)
    drafts = tuple(
        PassageDraft(part.number, part.number - 1, f"/{part.number}", "", part.body)
        for part in made.parts
    )
    change = DocumentChange(
        made, over, "test-1", insert=drafts, delete=tuple(p.id for p in old)
    )
    with store.transaction():
        return store.documents.apply(change, walk=1)


@dataclass
class Box:
    """A search box over a store: `index` brings its index up, `refresh` what is held
    in memory."""

    store: Store
    folder: Path
    embedder: Embedder = EMBEDDER
    max_tail: int = MAX_TAIL
    bridge: Bridge = field(default_factory=Bridge)
    weights: Mapping[str, float] = field(default_factory=dict)
    opened: list[OpenIndex[TantivyIndex]] = field(default_factory=list)
    keeper: Keeper | None = None
    snapshot: Snapshot | None = None

    def index(self) -> Snapshot:
        with EmbeddingCache.open(self.folder / "embeddings.db") as cache:
            build_index(
                self.store,
                self.embedder,
                cache,
                self.folder / "index",
                lexical=TantivyIndex,
            )
        self.opened.append(
            open_index(
                self.folder / "index",
                store_uuid=self.store.uuid,
                store_generation=self.store.generation,
                model_id=self.embedder.model_id,
                dim=self.embedder.dim,
                lexical_opener=TantivyIndex.open,
            )
        )
        self.keeper = Keeper(
            self.opened[-1], self.store, self.embedder, max_tail=self.max_tail
        )
        return self.refresh()

    def refresh(self) -> Snapshot:
        assert self.keeper is not None
        self.snapshot = self.keeper.refreshed(self.store)
        return self.snapshot

    def search(
        self,
        q: str,
        *,
        visible_to: frozenset[str] | None = frozenset({PUBLIC}),
        **more: Any,
    ) -> Results:
        if self.snapshot is None:
            self.index()
        assert self.snapshot is not None
        engine = InstantSearch(
            self.embedder,
            model=plain_model,
            bridge=lambda: self.bridge,
            weights=self.weights,
            clock=lambda: NOW,
        )
        return engine.search(
            parse(q, now=NOW), self.snapshot, self.store, visible_to=visible_to, **more
        )

    def keys(self, q: str, **more: Any) -> list[str]:
        return [hit.hit.document.key for hit in self.search(q, **more).hits]

    def close(self) -> None:
        for index in self.opened:
            index.close()
