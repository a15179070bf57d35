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

from kb.asked import Asked
from kb.bridge.rendering import Rendering
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
from kb.tongues import primary
from kb.types import Candidate, DocumentId, Kind, PassageFacts, PassageId
from kb.vectors import DEEPER, VectorIndex, nearest_seen

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
    renderings: tuple[Rendering, ...] = (),
    languages: frozenset[str] | None = None,
) -> list[Candidate]:
    """Find the documents that may answer a question.

    Args:
        visible_to: Only documents with one of these visibilities; ``None`` for all.
        depth: Passages per index and kind, at least 1.
        at: The present, from which ages are counted.
        exclude: Documents that are left out beside the question's own: they are no
            candidates, and what they were answered with counts for nothing.
        renderings: What the question means in other languages: a document in one of
            these is asked that instead.
        languages: Only documents in one of these, without regions; ``None`` for all.

    Returns:
        By kind in the order of `Kind`, then by document id.
    """
    hidden = frozenset(exclude)
    if question.document is not None:
        hidden |= {question.document}
    wanted = frozenset(kinds)
    looks = [
        _Look(question, corpus, kind, visible_to, hidden, renderings, languages)
        for kind in Kind
    ]
    into = [look for look in looks if look.kind in wanted]
    # What words find needs no vector, and what words say of the candidates of one
    # kind none of another kind: the word indexes work beside this thread.
    sought = [look.seek(depth) for look in into]
    asked = Asked.of(question, embedder, renderings)
    close = {look.kind: look.near(asked, depth) for look in looks}
    similar = similar_questions(asked, corpus, visible_to=visible_to, exclude=hidden)
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
    renderings: tuple[Rendering, ...]
    languages: frozenset[str] | None

    # -- what is found -----------------------------------------------------

    def seek(self, depth: int) -> _Sought:
        passages = _beside().submit(
            self.corpus.lexical.search,
            self.question.body,
            depth,
            kinds=frozenset({self.kind}),
            visible_to=self.visible_to,
            title=self.question.title,
            renderings=self.renderings,
            languages=self.languages,
        )
        return _Sought(passages, _beside().submit(self._documents_by_words))

    def near(self, asked: Asked, depth: int) -> Future[list[list[PassageId]]]:
        index = self.corpus.vectors.get(self.kind)
        return _beside().submit(_nearest, index, asked.vectors, depth)

    def gather(
        self,
        asked: Asked,
        similar: Similar,
        sought: _Sought,
        near: Sequence[Sequence[PassageId]],
    ) -> _Gathered:
        links = self._links(similar)
        by_words = [hit.passage_id for hit in sought.passages.result()]
        found = list(dict.fromkeys([*by_words, *(i for some in near for i in some)]))
        facts = self._facts(found)
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
            and (self.languages is None or primary(fact.language) in self.languages)
        }
        # Those that came by another way bring their passages along.
        late = self.corpus.passages_of(sorted(more & documents.keys()))
        facts |= self._facts([i for ids in late.values() for i in ids[:MAX_PASSAGES]])
        own = self._own(facts, documents)
        ids = [i for some in own.values() for i in some]
        spoken = [documents[i].language for i, some in own.items() for _ in some]
        index = self.corpus.vectors.get(self.kind)
        cosines = np.stack(
            [
                asked.cosines(vectors, index, ids, spoken)
                for vectors in (asked.vectors, asked.titles)
            ]
        )
        words = _beside().submit(
            self.corpus.lexical.score,
            self.question.body,
            closest([*own.values()], cosines[0], CLOSEST_PASSAGES, {*found}),
            self.kind,
            visible_to=self.visible_to,
            title=self.question.title,
            renderings=self.renderings,
        )
        texts = _beside().submit(
            self.corpus.texts.score,
            self.question.body,
            list(own),
            kind=self.kind,
            visible_to=self.visible_to,
            title=self.question.title,
            renderings=self.renderings,
        )
        return _Gathered(own, cosines, facts, documents, links, words, texts)

    def seen(
        self, asked: Asked, near: Sequence[Sequence[PassageId]]
    ) -> list[Sequence[PassageId]]:
        """The passages nearest to each vector of the question, sought anew if some of
        what was found takes a place that it may not have."""
        return [self._seen(asked, place, some) for place, some in enumerate(near)]

    def _seen(
        self, asked: Asked, place: int, near: Sequence[PassageId]
    ) -> Sequence[PassageId]:
        index = self.corpus.vectors.get(self.kind)
        anybody = self.visible_to is None and self.languages is None
        if index is None or (anybody and not asked.languages):
            return near

        def suiting(ids: Sequence[int]) -> frozenset[int]:
            return self._suiting(asked, place, [PassageId(i) for i in ids])

        if len(suiting(near)) == len(near):
            return near
        if len(near) == len(index):
            fit = suiting(near)
            return [i for i in near if i in fit]
        # Here, because facts may come from the store, which is this thread's.
        found = nearest_seen(
            index,
            asked.vectors[place],
            len(near),
            suiting,
            depth=DEEPER * len(near),
        )
        return [PassageId(i) for i, _ in found]

    def _suiting(
        self, asked: Asked, place: int, ids: Sequence[PassageId]
    ) -> frozenset[PassageId]:
        """Passages that may be seen, and are compared with the vector at *place*."""
        facts = self._facts(ids)
        if self.languages is None and not asked.languages:
            return frozenset(facts)
        documents = self.corpus.document_facts(
            sorted({fact.document_id for fact in facts.values()})
        )
        spoken = {i: document.language for i, document in documents.items()}
        return frozenset(
            i
            for i, fact in facts.items()
            if fact.document_id in spoken
            and asked.suits(place, spoken[fact.document_id])
            and (
                self.languages is None
                or primary(spoken[fact.document_id]) in self.languages
            )
        )

    def nearest(self, asked: Asked, near: Sequence[Sequence[PassageId]]) -> Float32:
        """Cosine to the nearest passage that counts, for each vector that has one.

        What was carried into another language by half is near by half: the few words
        that are known of a question about anything else would be familiar, and models
        that do not read a language find all texts in it alike.
        """
        index = self.corpus.vectors.get(self.kind)
        found = []
        for vector, share, some in zip(
            asked.vectors, asked.carried, near, strict=False
        ):
            facts = self._facts(some)
            ids = [
                i
                for i in some
                if i in facts and facts[i].document_id not in self.hidden
            ]
            found.append(_cosines(index, vector, ids[:1]) * np.float32(share))
        return np.concatenate([np.empty(0, dtype=np.float32), *found])

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
                renderings=self.renderings,
                languages=self.languages,
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
        self, asked: Asked, found: _Gathered, nearest: float, at: datetime
    ) -> list[Candidate]:
        ids, own = list(found.own), list(found.own.values())
        titles = asked.cosines(
            asked.titles,
            self.corpus.titles,
            ids,
            [found.documents[i].language for i in ids],
        )
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


def _nearest(
    index: VectorIndex | None, queries: Float32, depth: int
) -> list[list[PassageId]]:
    """The nearest passages to each query."""
    if index is None:
        return [[] for _ in queries]
    _, ids = index.search(queries, depth)
    return [[PassageId(int(i)) for i in row if i >= 0] for row in ids]


def _cosines(
    index: VectorIndex | None, queries: Float32, ids: Sequence[int]
) -> Float32:
    """As `VectorIndex.similarities` has them; NaN without an index."""
    if index is None:
        return np.full((*queries.shape[:-1], len(ids)), np.nan, dtype=np.float32)
    return index.similarities(queries, np.array(ids, dtype=np.int64))
