"""What can be known of documents and passages at the time that a walk has reached."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

from bot.timeline import AcceptanceKnown, HistoryDocument, PostWritten
from kb.corpus import DocumentFacts
from kb.types import (
    PUBLIC,
    DocumentId,
    IndexablePassage,
    PassageFacts,
    PassageId,
)


class Present:
    """Grows post by post; knows no more of a document than was written by then.

    Args:
        documents: Of the whole history; those without a post yet are unknown.
    """

    def __init__(self, documents: Mapping[DocumentId, HistoryDocument]) -> None:
        self._documents = documents
        # By number: posts can be moved, and then are not in the order of time.
        self._posts: defaultdict[DocumentId, list[tuple[int, PostWritten]]]
        self._posts = defaultdict(list)
        self._accepted: defaultdict[DocumentId, set[int]] = defaultdict(set)
        self._passages: dict[PassageId, tuple[IndexablePassage, int]] = {}

    def happen(self, event: PostWritten) -> None:
        """Take in what was written next."""
        posts = self._posts[event.document_id]
        insort(posts, (event.number, event), key=lambda post: post[0])
        for passage in event.passages:
            self._passages[passage.id] = (passage, event.number)

    def accept(self, acceptance: AcceptanceKnown) -> None:
        """Take in that a post was accepted."""
        post = acceptance.post
        self._accepted[post.document_id].add(post.number)

    def __contains__(self, document_id: DocumentId) -> bool:
        """Whether anything of the document was written by now."""
        return document_id in self._posts

    def document(self, document_id: DocumentId) -> HistoryDocument:
        """A document, without its text."""
        return self._documents[document_id]

    def passages(self, document_id: DocumentId) -> list[IndexablePassage]:
        """The passages of a document, in its order."""
        posts = self._posts.get(document_id, ())
        return list(chain.from_iterable(post.passages for _, post in posts))

    def accepted(self, document_id: DocumentId) -> frozenset[int]:
        """The numbers of the posts of which it is known that they were accepted."""
        return frozenset(self._accepted.get(document_id, ()))

    def texts(self, ids: Sequence[PassageId]) -> dict[PassageId, str]:
        """The texts of passages; those not yet written are absent."""
        return {i: self._passages[i][0].text for i in ids if i in self._passages}

    # -- as `kb.corpus.Corpus` asks ----------------------------------------------

    def facts(self, ids: Sequence[PassageId]) -> dict[PassageId, PassageFacts]:
        """What ranking must know of passages; those not yet written are absent."""
        known = {i: self._passages[i] for i in ids if i in self._passages}
        return {i: self._facts(*passage) for i, passage in known.items()}

    def document_facts(
        self, ids: Sequence[DocumentId]
    ) -> dict[DocumentId, DocumentFacts]:
        """The same of documents; likes are left out, see `bot.timeline`."""
        return {i: self._document_facts(self._documents[i]) for i in ids if i in self}

    def passages_of(
        self, ids: Sequence[DocumentId]
    ) -> dict[DocumentId, Sequence[PassageId]]:
        """The passages of documents, in their order."""
        return {i: [p.id for p in self.passages(i)] for i in ids if i in self}

    def _facts(self, passage: IndexablePassage, number: int) -> PassageFacts:
        document = self._documents[passage.document_id]
        return PassageFacts(
            document_id=document.id,
            kind=passage.kind,
            visibility=passage.visibility,
            opening=passage.opening,
            part_number=number,
            parts_count=len(self._posts[document.id]),
            created_at=document.created_at,
            accepted=number in self._accepted.get(document.id, ()),
        )

    def _document_facts(self, document: HistoryDocument) -> DocumentFacts:
        return DocumentFacts(
            id=document.id,
            kind=document.kind,
            visibility=PUBLIC,
            language=document.language,
            version=document.version,
            category=document.category,
            tags=document.tags,
            created_at=document.created_at,
            parts_count=len(self._posts[document.id]),
            solved=bool(self._accepted.get(document.id)),
            versions=document.versions,
        )
