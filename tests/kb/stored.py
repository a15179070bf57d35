"""Documents for the stores of these tests, and the few ways of changing them."""

from __future__ import annotations

from datetime import UTC, datetime

from kb.store import Store
from kb.types import (
    Document,
    DocumentChange,
    DocumentId,
    Kind,
    Part,
    PassageDraft,
    PassageId,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def page(
    key: str, *texts: str, kind: Kind = Kind.DOCS, visibility: str = "public"
) -> Document:
    """A document whose parts are *texts*, one passage each."""
    return Document(
        source="handbook",
        kind=kind,
        key=key,
        url=f"https://example.org/{key}",
        title=key.title(),
        parts=tuple(
            Part(number, text, format="text", created_at=NOON)
            for number, text in enumerate(texts, start=1)
        ),
        visibility=visibility,
    )


def drafts(document: Document) -> tuple[PassageDraft, ...]:
    return tuple(
        PassageDraft(part.number, part.number - 1, f"#{part.number}", "", part.body)
        for part in document.parts
    )


def insert(store: Store, document: Document) -> DocumentId:
    """Store a new document, in a transaction of its own."""
    change = DocumentChange(document, None, "test-1", insert=drafts(document))
    with store.transaction():
        return store.documents.apply(change, walk=1)


def rewrite(store: Store, document_id: DocumentId, document: Document) -> None:
    """Replace a document and all its passages, in a transaction of its own."""
    old = tuple(passage.id for passage in store.passages.of_document(document_id))
    change = DocumentChange(
        document, document_id, "test-1", insert=drafts(document), delete=old
    )
    with store.transaction():
        store.documents.apply(change, walk=1)


def delete(store: Store, *ids: DocumentId) -> int:
    with store.transaction():
        return store.documents.delete(ids)


def passage_ids(store: Store, document_id: DocumentId) -> list[PassageId]:
    return [passage.id for passage in store.passages.of_document(document_id)]
