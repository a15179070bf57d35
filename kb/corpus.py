"""What ranking works on: the indexes, the link graph and facts, at one moment.

Made from an open index and its store for a live search (`kb.index`), or grown in
memory, post by post, in a replay of the past. Ranking cannot tell the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kb.types import DocumentId, Kind, PassageFacts, PassageId

if TYPE_CHECKING:
    # The store knows these records, and must open without FAISS and Tantivy.
    from kb.graph import LinkGraph
    from kb.lexical import LexicalIndex
    from kb.people import People
    from kb.texts import TextIndex
    from kb.vectors import VectorIndex

PassageFactsOf = Callable[[Sequence[PassageId]], Mapping[PassageId, PassageFacts]]
"""Tells the facts of the passages that still exist; the others are absent."""


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What ranking must know of a document, without its text.

    Attributes:
        parts_count: Posts of its thread; 1 for a page.
        likes: Of all its posts together.
        versions: Of its page, when that comes in several: one of them is searched.
    """

    id: DocumentId
    kind: Kind
    visibility: str
    language: str | None = None
    version: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    parts_count: int = 1
    likes: int = 0
    solved: bool = False
    versions: tuple[str, ...] = ()

    @property
    def all_versions(self) -> tuple[str, ...]:
        """Those of its page, else its own, else none."""
        return self.versions or ((self.version,) if self.version else ())


DocumentFactsOf = Callable[[Sequence[DocumentId]], Mapping[DocumentId, DocumentFacts]]
"""Tells the facts of the documents that still exist; the others are absent."""

PassagesOf = Callable[[Sequence[DocumentId]], Mapping[DocumentId, Sequence[PassageId]]]
"""Tells the passages of documents, in their order; of those that still exist."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything there is to rank, as it was at one moment.

    Attributes:
        lexical: Passages by their words.
        texts: Whole documents by their words.
        vectors: Passages by meaning, by kind; a kind that is absent is searched by
            words alone.
        titles: Titles of documents by meaning; its ids are document ids.
        questions: Threads by the meaning of the question that opened them: title
            and first passage; its ids are document ids.
        graph: Links that everybody may see.
        languages: That some documents are in which the reader may see, without their
            regions.
    """

    lexical: LexicalIndex
    texts: TextIndex
    vectors: Mapping[Kind, VectorIndex]
    titles: VectorIndex
    questions: VectorIndex
    graph: LinkGraph
    people: People
    passage_facts: PassageFactsOf
    document_facts: DocumentFactsOf
    passages_of: PassagesOf
    languages: frozenset[str] = frozenset()
