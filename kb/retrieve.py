"""Candidates for an answer: whatever any retriever finds, by document, with signals.

Passages by words and by meaning, whole documents by what they say and by what was
said of them, and whatever older questions like this one were answered with: all
are united, each candidate gets all signals (what one retriever found is scored by
the others), and `kb.rank` orders them.

Works on a `Corpus` alone, so that a replay of the past needs no store.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import numpy as np

from kb.candidates import (
    Passages,
    candidates,
    of_documents,
    of_links,
    of_texts,
)
from kb.corpus import Corpus, DocumentFacts
from kb.embed import Embedder, Float32
from kb.lexical import LexicalHit, LexicalScore
from kb.question import Question
from kb.similar import (
    Similar,
    linked_beside,
    linked_from,
    linking_to,
    similar_questions,
)
from kb.texts import TextField
from kb.types import Candidate, DocumentId, Kind, PassageFacts, PassageId
from kb.vectors import DEEPER, VectorIndex, nearest_seen

# Models read some 256 tokens; more would only be cut and thrown away.
MAX_EMBEDDED_CHARS = 8_000
# Documents that each retriever of whole documents contributes, per kind.
DOCUMENT_DEPTH = 60
# Of a document that no retriever of passages found, so many are looked at by meaning,
# and of these the closest by words, which costs a hundred times as much.
MAX_PASSAGES = 48
CLOSEST_PASSAGES = 4


def retrieve(
    question: Question,
    *,
    corpus: Corpus,
    embedder: Embedder,
    kinds: Iterable[Kind],
    visible_to: frozenset[str] | None,
    depth: int,
    at: datetime,
    exclude: Collection[DocumentId] = (),
) -> list[Candidate]:
    """Find the documents that may answer a question.

    Args:
        visible_to: Only documents with one of these visibilities; ``None`` for all.
        depth: Passages per index and kind, at least 1.
        at: The present, from which ages are counted.
        exclude: Documents that are left out beside the question's own: they are no
            candidates, and what they were answered with counts for nothing.

    Returns:
        By kind in the order of `Kind`, then by document id.
    """
    hidden = frozenset(exclude)
    if question.document is not None:
        hidden |= {question.document}
    wanted = frozenset(kinds)
    looks = [_Look(question, corpus, kind, visible_to, hidden) for kind in Kind]
    into = [look for look in looks if look.kind in wanted]
    # What words find needs no vector, and what words say of the candidates of one
    # kind none of another kind: the word indexes work beside this thread.
    sought = [look.seek(depth) for look in into]
    asked = _Asked.of(question, embedder)
    close = {look.kind: look.near(asked, depth) for look in looks}
    similar = similar_questions(
        question, corpus, asked.vector, visible_to=visible_to, exclude=hidden
    )
    near = {look.kind: look.seen(asked, close[look.kind].result()) for look in looks}
    gathered = [
        look.gather(asked, similar, by_words, near[look.kind])
        for look, by_words in zip(into, sought, strict=True)
    ]
    # Of all kinds: how familiar a question is does not depend on what is wanted.
    nearest = _highest(look.nearest(asked, near[look.kind]) for look in looks)
    return [
        candidate
        for look, some in zip(into, gathered, strict=True)
        if some.own
        for candidate in look.candidates(asked, some, nearest, at)
    ]


@cache
def _beside() -> ThreadPoolExecutor:
    """Threads for searches, which let go of the interpreter's lock."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="search")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with its vectors."""

    question: Question
    vector: Float32
    title_vector: Float32

    @classmethod
    def of(cls, question: Question, embedder: Embedder) -> _Asked:
        vector = embedder.embed_query(question.text[:MAX_EMBEDDED_CHARS])
        # Without a headline the whole question stands in for it.
        title = question.title[:MAX_EMBEDDED_CHARS]
        return cls(question, vector, embedder.embed_query(title) if title else vector)


@dataclass(frozen=True, slots=True)
class _Sought:
    """What words find, as soon as they have: passages, and whole documents."""

    passages: Future[list[LexicalHit]]
    documents: Future[set[DocumentId]]


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What is to become candidates, with what words say of it as soon as they have.

    Attributes:
        own: By document, in order, the passages that speak for it.
        cosines: Of them all to the question and to its title: shape
            ``(2, passages)``.
    """

    own: Mapping[DocumentId, Sequence[PassageId]]
    cosines: Float32
    passages: Mapping[PassageId, PassageFacts]
    documents: Mapping[DocumentId, DocumentFacts]
    links: Mapping[str, Mapping[DocumentId, float]]
    words: Future[dict[PassageId, LexicalScore]]
    texts: Future[dict[TextField, dict[DocumentId, float]]]


@dataclass(frozen=True, slots=True)
class _Look:
    """The search among the documents of one kind."""

    question: Question
    corpus: Corpus
    kind: Kind
    visible_to: frozenset[str] | None
    hidden: frozenset[DocumentId]

    # -- what is found -----------------------------------------------------

    def seek(self, depth: int) -> _Sought:
        passages = _beside().submit(
            self.corpus.lexical.search,
            self.question.body,
            depth,
            kinds=frozenset({self.kind}),
            visible_to=self.visible_to,
            title=self.question.title,
        )
        return _Sought(passages, _beside().submit(self._documents_by_words))

    def near(self, asked: _Asked, depth: int) -> Future[list[PassageId]]:
        index = self.corpus.vectors.get(self.kind)
        return _beside().submit(_nearest, index, asked.vector, depth)

    def gather(
        self,
        asked: _Asked,
        similar: Similar,
        sought: _Sought,
        near: Sequence[PassageId],
    ) -> _Gathered:
        links = self._links(similar)
        by_words = [hit.passage_id for hit in sought.passages.result()]
        facts = self._facts(list(dict.fromkeys([*by_words, *near])))
        held = {fact.document_id for fact in facts.values()}
        more = self._linked(links) | sought.documents.result() | self.question.linked
        more -= held
        documents = {
            document_id: fact
            for document_id, fact in self.corpus.document_facts(
                sorted(held | more)
            ).items()
            if fact.kind is self.kind
            and document_id not in self.hidden
            and (self.visible_to is None or fact.visibility in self.visible_to)
        }
        # Those that came by another way bring their passages along.
        late = self.corpus.passages_of(sorted(more & documents.keys()))
        facts |= self._facts([i for ids in late.values() for i in ids[:MAX_PASSAGES]])
        own = self._own(facts, documents)
        cosines = _cosines(
            self.corpus.vectors.get(self.kind),
            np.stack([asked.vector, asked.title_vector]),
            [i for some in own.values() for i in some],
        )
        words = _beside().submit(
            self.corpus.lexical.score,
            self.question.body,
            closest([*own.values()], cosines[0], CLOSEST_PASSAGES, {*by_words, *near}),
            self.kind,
            visible_to=self.visible_to,
            title=self.question.title,
        )
        texts = _beside().submit(
            self.corpus.texts.score,
            self.question.body,
            list(own),
            kind=self.kind,
            visible_to=self.visible_to,
            title=self.question.title,
        )
        return _Gathered(own, cosines, facts, documents, links, words, texts)

    def seen(self, asked: _Asked, near: Sequence[PassageId]) -> Sequence[PassageId]:
        """The nearest passages, sought anew if the reader may not see all of them."""
        index = self.corpus.vectors.get(self.kind)
        if index is None or self.visible_to is None:
            return near
        if len(near) == len(index) or len(self._facts(near)) == len(near):
            return near
        # Here, because facts may come from the store, which is this thread's.
        found = nearest_seen(
            index,
            asked.vector,
            len(near),
            lambda ids: self._facts([PassageId(i) for i in ids]),
            depth=DEEPER * len(near),
        )
        return [PassageId(i) for i, _ in found]

    def nearest(self, asked: _Asked, near: Sequence[PassageId]) -> Float32:
        """Cosine to the nearest passage that counts: one number, or none."""
        facts = self._facts(near)
        ids = [
            i for i in near if i in facts and facts[i].document_id not in self.hidden
        ]
        return _cosines(self.corpus.vectors.get(self.kind), asked.vector, ids[:1])

    def _documents_by_words(self) -> set[DocumentId]:
        return {
            document_id
            for field in (TextField.WHOLE, TextField.TITLE, TextField.ASKED)
            for document_id, _ in self.corpus.texts.search(
                self.question.body,
                field,
                DOCUMENT_DEPTH,
                kind=self.kind,
                visible_to=self.visible_to,
                title=self.question.title,
            )
        }

    def _facts(self, ids: Sequence[PassageId]) -> dict[PassageId, PassageFacts]:
        return {
            passage_id: fact
            for passage_id, fact in self.corpus.passage_facts(ids).items()
            if fact.kind is self.kind
            and (self.visible_to is None or fact.visibility in self.visible_to)
        }

    def _links(self, similar: Similar) -> dict[str, Mapping[DocumentId, float]]:
        graph = self.corpus.graph
        return {
            "linked_by_meaning": linked_from(graph, similar.by_meaning),
            "linked_by_words": linked_from(graph, similar.by_words),
            "linked_by_titles": linked_from(graph, similar.by_titles),
            "linking": linking_to(graph, similar.by_meaning),
            "linked_beside": linked_beside(graph, self.question.linked),
        }

    def _linked(
        self, links: Mapping[str, Mapping[DocumentId, float]]
    ) -> set[DocumentId]:
        """The documents that links lead to most, each way."""
        found: set[DocumentId] = set()
        for scores in links.values():
            best = sorted(scores, key=lambda i: (-scores[i], i))
            found.update(best[: 2 * DOCUMENT_DEPTH])
        return found

    def _own(
        self,
        facts: Mapping[PassageId, PassageFacts],
        documents: Mapping[DocumentId, DocumentFacts],
    ) -> dict[DocumentId, list[PassageId]]:
        own: defaultdict[DocumentId, list[PassageId]] = defaultdict(list)
        for passage_id in sorted(facts):
            document_id = facts[passage_id].document_id
            if document_id in documents:
                own[document_id].append(passage_id)
        return {document_id: own[document_id] for document_id in sorted(own)}

    # -- what is known of it -----------------------------------------------

    def candidates(
        self, asked: _Asked, found: _Gathered, nearest: float, at: datetime
    ) -> list[Candidate]:
        ids, own = list(found.own), list(found.own.values())
        titles = _cosines(self.corpus.titles, asked.title_vector, ids)
        known = of_documents(
            [found.documents[i] for i in ids],
            self.question,
            self.corpus.graph,
            self.corpus.people,
            hidden=self.hidden,
            at=at,
        )
        # Last of all, because they may still be at work.
        passages = Passages.of(own, found.passages, found.words.result(), found.cosines)
        columns = (
            passages.columns()
            | {"cosine_title": titles.astype(np.float64)}
            | {"familiar": np.full(len(ids), nearest)}
            | of_texts(ids, found.texts.result())
            | of_links(ids, found.links)
            | known
        )
        return candidates(self.kind, ids, passages.best(), columns)


def closest(
    own: Sequence[Sequence[PassageId]],
    cosines: Float32,
    most: int,
    always: Collection[PassageId] = (),
) -> list[PassageId]:
    """The *most* passages of each document that are closest, and those of *always*.

    Args:
        own: Passages by document.
        cosines: Of each of them, shape ``(passages,)``; NaN comes last.

    >>> closest([[1, 2, 3], [4]], np.float32([0.1, 0.3, 0.2, 0.0]), 1, {3})
    [2, 3, 4]
    """
    lengths = [len(some) for some in own]
    documents = np.repeat(np.arange(len(own)), lengths)
    starts = np.cumsum([0, *lengths])[:-1]
    order = np.lexsort((-cosines, documents))
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order)) - starts[documents]
    ids = [i for some in own for i in some]
    return [i for i, p in zip(ids, place, strict=True) if p < most or i in always]


def _highest(columns: Iterable[Float32]) -> float:
    """The highest of all numbers in some columns; NaN where there is none."""
    return float(np.fmax.reduce(np.concatenate([[np.nan], *columns])))


def _nearest(index: VectorIndex | None, query: Float32, depth: int) -> list[PassageId]:
    if index is None:
        return []
    _, ids = index.search(query[None], depth)
    return [PassageId(int(i)) for i in ids[0] if i >= 0]


def _cosines(
    index: VectorIndex | None, queries: Float32, ids: Sequence[int]
) -> Float32:
    """As `VectorIndex.similarities` has them; NaN without an index."""
    if index is None:
        return np.full((*queries.shape[:-1], len(ids)), np.nan, dtype=np.float32)
    return index.similarities(queries, np.array(ids, dtype=np.int64))
