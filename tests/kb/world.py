"""A small community in memory, and the corpus that ranking works on there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from kb.bridge.rendering import Rendering
from kb.corpus import Corpus, DocumentFacts
from kb.embed import Embedder, HashingEmbedder
from kb.graph import Edge, LinkGraph
from kb.lexical import TantivyIndex, TantivyTexts
from kb.people import People
from kb.question import Question
from kb.retrieve import retrieve
from kb.texts import DocumentText, Text, TextField
from kb.types import (
    PUBLIC,
    Candidate,
    DocumentId,
    IndexablePassage,
    Kind,
    LinkRole,
    PassageFacts,
    PassageId,
)
from kb.vectors import FaissIndex, VectorIndex

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGE = timedelta(days=9)
STAFF_ROOM = "category:staff"
EMBEDDER = HashingEmbedder(256)


def passage_id(document: int, part: int) -> PassageId:
    return PassageId(document * 100 + part)


@dataclass
class World:
    """Documents, who wrote and linked them, and a corpus made of it all.

    Each text of a document is a part of it and one passage, whose id is that of
    `passage_id`; facts may be changed after they were indexed.
    """

    make: Callable[[int], VectorIndex] = FaissIndex
    passages: list[IndexablePassage] = field(default_factory=list)
    documents: dict[DocumentId, DocumentFacts] = field(default_factory=dict)
    facts: dict[PassageId, PassageFacts] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    anchors: dict[DocumentId, list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    people: People = field(default_factory=People)
    unseen: set[PassageId] = field(default_factory=set)
    _corpus: Corpus | None = None

    def put(
        self,
        number: int,
        *texts: str,
        title: str = "",
        kind: Kind = Kind.THREAD,
        visibility: str = PUBLIC,
        language: str | None = "en",
        accepted: int | None = None,
        authors: Sequence[str] = (),
        embed: bool = True,
        **facts: object,
    ) -> DocumentId:
        """Take a document in; *facts* are more of `DocumentFacts`."""
        self._corpus = None
        document = DocumentId(number)
        known = DocumentFacts(
            id=document,
            kind=kind,
            visibility=visibility,
            language=language,
            created_at=NOW - AGE,
            parts_count=len(texts),
            solved=accepted is not None,
        )
        self.documents[document] = replace(known, **facts)  # type: ignore[arg-type]
        for part, text in enumerate(texts, start=1):
            own = passage_id(number, part)
            self.passages.append(
                IndexablePassage(
                    id=own,
                    document_id=document,
                    kind=kind,
                    title=title,
                    heading="",
                    text=text,
                    language=language,
                    visibility=visibility,
                    opening=part == 1,
                    content_hash="",
                    created_at=None,
                )
            )
            self.facts[own] = PassageFacts(
                document_id=document,
                kind=kind,
                visibility=visibility,
                opening=part == 1,
                part_number=part,
                parts_count=len(texts),
                created_at=NOW - AGE,
                accepted=part == accepted,
            )
            if not embed:
                self.unseen.add(own)
        for part, author in enumerate(authors):
            self.people.wrote(document, author, opening=not part)
        return document

    def link(
        self,
        source: int,
        *targets: int,
        role: LinkRole = LinkRole.HELPER,
        accepted: bool = False,
        text: str = "",
    ) -> None:
        """Let an answer in a document link others."""
        self._corpus = None
        for target in targets:
            self.edges.append(
                Edge(DocumentId(source), DocumentId(target), role, NOW, accepted)
            )
            if text:
                self.anchors[DocumentId(target)].append(text)

    def corpus(self) -> Corpus:
        if self._corpus is None:
            self._corpus = self._made()
        return self._corpus

    def ask(
        self,
        body: str,
        *,
        title: str = "",
        kinds: frozenset[Kind] = frozenset(Kind),
        visible_to: frozenset[str] | None = None,
        depth: int = 10,
        at: datetime = NOW,
        exclude: Sequence[int] = (),
        document: int | None = None,
        linked: Sequence[int] = (),
        asker: str | None = None,
        category: str | None = None,
        tags: tuple[str, ...] = (),
        language: str | None = None,
        renderings: tuple[Rendering, ...] = (),
        languages: frozenset[str] | None = None,
        embedder: Embedder = EMBEDDER,
    ) -> list[Candidate]:
        question = Question(
            title,
            body,
            document=None if document is None else DocumentId(document),
            asker=asker,
            category=category,
            tags=tags,
            language=language,
            linked=frozenset(map(DocumentId, linked)),
        )
        return retrieve(
            question,
            corpus=self.corpus(),
            embedder=embedder,
            kinds=kinds,
            visible_to=visible_to,
            depth=depth,
            at=at,
            exclude=[DocumentId(number) for number in exclude],
            renderings=renderings,
            languages=languages,
        )

    def signals(
        self, number: int, body: str = "backup", **more: object
    ) -> dict[str, float]:
        """What one candidate for a question has, see `ask`."""
        (found,) = [
            candidate
            for candidate in self.ask(body, **more)  # type: ignore[arg-type]
            if candidate.document_id == number
        ]
        return dict(found.signals)

    def _made(self) -> Corpus:
        lexical, texts = TantivyIndex.create(None), TantivyTexts.create(None)
        lexical.add(self.passages)
        lexical.commit()
        texts.put(self._text(document) for document in self.documents.values())
        texts.commit()
        vectors: dict[Kind, VectorIndex] = {}
        titles, questions = self.make(EMBEDDER.dim), self.make(EMBEDDER.dim)
        titled = set()
        for passage in self.passages:
            document, row = passage.document_id, EMBEDDER.embed_query(passage.input)
            if passage.id not in self.unseen:
                index = vectors.setdefault(passage.kind, self.make(EMBEDDER.dim))
                index.add(np.array([passage.id]), row[None])
            if passage.opening and passage.kind is Kind.THREAD:
                questions.add(np.array([document]), row[None])
            if passage.title and document not in titled:
                titled.add(document)
                row = EMBEDDER.embed_query(passage.title)
                titles.add(np.array([document]), row[None])
        return Corpus(
            lexical=lexical,
            texts=texts,
            vectors=vectors,
            titles=titles,
            questions=questions,
            graph=LinkGraph(self.edges),
            people=self.people,
            passage_facts=self._facts_of,
            document_facts=self._documents_of,
            passages_of=self._passages_of,
        )

    def _text(self, document: DocumentFacts) -> DocumentText:
        own = [p for p in self.passages if p.document_id == document.id]
        asked = [
            Text(p.input, p.language)
            for edge in self.edges
            if edge.target == document.id
            for p in self.passages
            if p.opening and p.document_id == edge.source and p.kind is Kind.THREAD
        ]
        return DocumentText(
            document.id,
            document.kind,
            document.visibility,
            {
                TextField.TITLE: [Text(p.title, p.language) for p in own[:1]],
                TextField.OPENING: [Text(p.text, p.language) for p in own[:1]],
                TextField.WHOLE: [Text(p.text, p.language) for p in own],
                TextField.ASKED: asked,
                TextField.ANCHORS: [Text(t, "en") for t in self.anchors[document.id]],
            },
            document.language,
        )

    def _facts_of(self, ids: Sequence[PassageId]) -> Mapping[PassageId, PassageFacts]:
        return {i: self.facts[i] for i in ids if i in self.facts}

    def _documents_of(
        self, ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, DocumentFacts]:
        return {i: self.documents[i] for i in ids if i in self.documents}

    def _passages_of(
        self, ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Sequence[PassageId]]:
        found: defaultdict[DocumentId, list[PassageId]] = defaultdict(list)
        for own, fact in self.facts.items():
            if fact.document_id in ids:
                found[fact.document_id].append(own)
        return found
