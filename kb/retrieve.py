"""Candidates for an answer: whatever any retriever finds, by document, with signals.

Passages by words and by meaning, whole documents by what they say and by what was
said of them, and whatever older questions like this one were answered with: all
are united, each candidate gets all signals (what one retriever found is scored by
the others), and `kb.rank` orders them.

Works on a `Corpus` alone, so that a replay of the past needs no store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from kb.candidates import (
    Columns,
    Passages,
    candidates,
    of_documents,
    of_links,
    of_texts,
)
from kb.corpus import Corpus
from kb.embed import Embedder, Float32
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
from kb.vectors import VectorIndex

__all__ = ["Question", "retrieve"]

# Models read some 256 tokens; more would only be cut and thrown away.
MAX_EMBEDDED_CHARS = 8_000
# Documents that each retriever of whole documents contributes, per kind.
DOCUMENT_DEPTH = 60
# Of a document that no retriever of passages found, so many are scored.
MAX_PASSAGES = 48


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
    asked = _Asked.of(question, embedder)
    hidden = frozenset(exclude)
    if question.document is not None:
        hidden |= {question.document}
    similar = similar_questions(
        question, corpus, asked.vector, visible_to=visible_to, exclude=hidden
    )
    wanted = frozenset(kinds)
    found: list[Candidate] = []
    for kind in (kind for kind in Kind if kind in wanted):
        look = _Look(asked, corpus, kind, visible_to, hidden, similar, at)
        found += look.candidates(depth)
    return found


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
class _Look:
    """The search among the documents of one kind."""

    asked: _Asked
    corpus: Corpus
    kind: Kind
    visible_to: frozenset[str] | None
    hidden: frozenset[DocumentId]
    similar: Similar
    at: datetime

    def candidates(self, depth: int) -> list[Candidate]:
        passages = self._passages(depth)
        facts = self._facts(passages)
        held = {fact.document_id for fact in facts.values()}
        links = self._links()
        more = self._documents(links) - held
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
        own: defaultdict[DocumentId, list[PassageId]] = defaultdict(list)
        for passage_id in sorted(facts):
            document_id = facts[passage_id].document_id
            if document_id in documents:
                own[document_id].append(passage_id)
        if not own:
            return []
        ids = sorted(own)
        some = self._known_of([own[i] for i in ids], facts)
        columns = (
            some.columns()
            | self._by_title(ids)
            | of_texts(ids, self._texts(ids))
            | of_links(ids, links)
            | of_documents(
                [documents[i] for i in ids],
                self.asked.question,
                self.corpus.graph,
                self.corpus.people,
                hidden=self.hidden,
                at=self.at,
            )
        )
        return candidates(self.kind, ids, some.best(), columns)

    # -- what is found -----------------------------------------------------

    def _passages(self, depth: int) -> list[PassageId]:
        question = self.asked.question
        hits = self.corpus.lexical.search(
            question.body,
            depth,
            kinds=frozenset({self.kind}),
            visible_to=self.visible_to,
            title=question.title,
        )
        near = self.corpus.vectors.get(self.kind)
        by_words = [hit.passage_id for hit in hits]
        return list(dict.fromkeys(by_words + _nearest(near, self.asked.vector, depth)))

    def _facts(self, ids: Sequence[PassageId]) -> dict[PassageId, PassageFacts]:
        return {
            passage_id: fact
            for passage_id, fact in self.corpus.passage_facts(ids).items()
            if fact.kind is self.kind
            and (self.visible_to is None or fact.visibility in self.visible_to)
        }

    def _links(self) -> dict[str, Mapping[DocumentId, float]]:
        graph, similar = self.corpus.graph, self.similar
        return {
            "linked_by_meaning": linked_from(graph, similar.by_meaning),
            "linked_by_words": linked_from(graph, similar.by_words),
            "linked_by_titles": linked_from(graph, similar.by_titles),
            "linking": linking_to(graph, similar.by_meaning),
            "linked_beside": linked_beside(graph, self.asked.question.linked),
        }

    def _documents(
        self, links: Mapping[str, Mapping[DocumentId, float]]
    ) -> set[DocumentId]:
        """Documents that retrievers other than those of passages find."""
        question = self.asked.question
        found: set[DocumentId] = set()
        for field in (TextField.WHOLE, TextField.TITLE, TextField.ASKED):
            hits = self.corpus.texts.search(
                question.body,
                field,
                DOCUMENT_DEPTH,
                kind=self.kind,
                visible_to=self.visible_to,
                title=question.title,
            )
            found.update(document_id for document_id, _ in hits)
        for scores in links.values():
            best = sorted(scores, key=lambda i: (-scores[i], i))
            found.update(best[: 2 * DOCUMENT_DEPTH])
        return found | set(question.linked)

    # -- what is known of it -----------------------------------------------

    def _known_of(
        self,
        own: Sequence[Sequence[PassageId]],
        facts: Mapping[PassageId, PassageFacts],
    ) -> Passages:
        question = self.asked.question
        ids = [i for some in own for i in some]
        words = self.corpus.lexical.score(
            question.body, ids, self.kind, title=question.title
        )
        vectors = np.stack([self.asked.vector, self.asked.title_vector])
        cosines = _cosines(self.corpus.vectors.get(self.kind), vectors, ids)
        return Passages.of(own, facts, words, cosines)

    def _by_title(self, ids: Sequence[DocumentId]) -> Columns:
        cosines = _cosines(self.corpus.titles, self.asked.title_vector, ids)
        return {"cosine_title": cosines.astype(np.float64)}

    def _texts(
        self, ids: Sequence[DocumentId]
    ) -> Mapping[TextField, Mapping[DocumentId, float]]:
        question = self.asked.question
        return self.corpus.texts.score(
            question.body, ids, kind=self.kind, title=question.title
        )


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
