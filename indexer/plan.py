"""Stored × fetched → what to change. Pure functions."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Sequence

from indexer.links import document_links
from kb.errors import RecordError
from kb.store.documents import document_hash, passage_hash
from kb.store.rows import clean
from kb.types import (
    Document,
    DocumentChange,
    Passage,
    PassageDraft,
    PassageId,
    StoredState,
)


def plan_document(
    stored: StoredState | None,
    stored_passages: Sequence[Passage],
    document: Document,
    drafts: Sequence[PassageDraft],
    chunker: str,
) -> DocumentChange | None:
    """What makes the store hold *document*, cut into *drafts*.

    A stored passage that equals a draft in all but its position keeps its id, so
    that it is neither embedded nor indexed again. Equal ones are paired in order.

    Args:
        stored: The document as it is stored; ``None`` for a new one.
        stored_passages: Its passages.
        document: As it was fetched now.
        drafts: Its passages, in order.
        chunker: Stamp of the code and settings that cut them.

    Returns:
        The change, or ``None`` when the store already holds exactly this.

    >>> from kb.types import Kind, Part
    >>> page = Document("docs", Kind.DOCS, "a", "u", "A", (Part(1, "x"),))
    >>> draft = PassageDraft(1, 0, "", "", "x")
    >>> plan_document(None, (), page, [draft], "v1").insert == (draft,)
    True
    """
    if stored is None:
        return DocumentChange(
            document,
            None,
            chunker,
            insert=tuple(drafts),
            links=document_links(document),
        )
    waiting: defaultdict[Hashable, deque[Passage]] = defaultdict(deque)
    # The word index holds a document's title with each of its passages.
    if stored.title == clean(document.title):
        for passage in sorted(stored_passages, key=lambda p: (p.ordinal, p.id)):
            waiting[_stored_identity(passage)].append(passage)
    keep: list[tuple[PassageId, int]] = []
    insert: list[PassageDraft] = []
    moved = False
    for draft in drafts:
        same = waiting[_draft_identity(document, draft)]
        if same:
            passage = same.popleft()
            keep.append((passage.id, draft.ordinal))
            moved = moved or passage.ordinal != draft.ordinal
        else:
            insert.append(draft)
    kept = {passage_id for passage_id, _ in keep}
    delete = tuple(p.id for p in stored_passages if p.id not in kept)
    unchanged = (
        stored.content_hash == document_hash(document)
        and stored.revision == document.revision
        and stored.chunker == chunker
    )
    if unchanged and not (insert or delete or moved):
        return None
    return DocumentChange(
        document,
        stored.id,
        chunker,
        tuple(keep),
        tuple(insert),
        delete,
        document_links(document),
    )


def check_document(
    document: Document, drafts: Sequence[PassageDraft], *, source: str
) -> None:
    """Refuse what the store could not hold as it is.

    Raises:
        RecordError: It names the field.
    """
    where = f"{source}:{document.key}"
    if document.source != source:
        raise RecordError(where, "source", f"expected {source}, got {document.source}")
    if not document.parts:
        raise RecordError(where, "parts", "expected at least one, got none")
    numbers = [part.number for part in document.parts]
    for index in range(1, len(numbers)):
        if numbers[index - 1] >= numbers[index]:
            raise RecordError(
                where,
                f"parts[{index}].number",
                f"expected more than {numbers[index - 1]}, got {numbers[index]}",
            )
    known = set(numbers)
    for index, draft in enumerate(drafts):
        if draft.part_number not in known:
            raise RecordError(
                where,
                f"passages[{index}].part_number",
                f"no part has number {draft.part_number}",
            )


def _stored_identity(passage: Passage) -> Hashable:
    return (
        passage.part_number,
        passage.anchor,
        passage.heading,
        passage.content_hash,
        passage.language,
        passage.visibility,
        passage.opening,
        passage.created_at,
    )


def _draft_identity(document: Document, draft: PassageDraft) -> Hashable:
    return (
        draft.part_number,
        draft.anchor,
        clean(draft.heading),
        passage_hash(document, draft),
        document.language,
        document.visibility,
        draft.part_number == document.parts[0].number,
        draft.created_at,
    )
