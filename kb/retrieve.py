"""Candidates for an answer: whatever any retriever finds, by document, with signals.

Passages by words and by meaning, whole documents by what they say and by what was
said of them, and whatever older questions like this one were answered with: all
are united, each candidate gets all signals (what one retriever found is scored by
the others), and `kb.rank` orders them.

Works on a `Corpus` alone, so that a replay of the past needs no store.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np

from kb.corpus import Corpus, DocumentFacts
from kb.embed import Embedder, Float32
from kb.lexical import LexicalScore
from kb.question import Question, compact
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

_Id = TypeVar("_Id", bound=int)

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
        facts = dict(self._facts(passages))
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
            if facts[passage_id].document_id in documents:
                own[facts[passage_id].document_id].append(passage_id)
        return list(self._scored(own, facts, documents, links))

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

    def _scored(
        self,
        own: Mapping[DocumentId, Sequence[PassageId]],
        facts: Mapping[PassageId, PassageFacts],
        documents: Mapping[DocumentId, DocumentFacts],
        links: Mapping[str, Mapping[DocumentId, float]],
    ) -> Iterator[Candidate]:
        question, ids = self.asked.question, sorted(own)
        passage_ids = [i for document_id in ids for i in own[document_id]]
        near = self.corpus.vectors.get(self.kind)
        words = self.corpus.lexical.score(
            question.body, passage_ids, self.kind, title=question.title
        )
        cosines = _cosines(near, self.asked.vector, passage_ids)
        title_cosines = _cosines(near, self.asked.title_vector, passage_ids)
        titles = _cosines(self.corpus.titles, self.asked.title_vector, ids)
        texts = self.corpus.texts.score(
            question.body, ids, kind=self.kind, title=question.title
        )
        most = max((score.score for score in words.values()), default=0.0) or 1.0
        for document_id in ids:
            evidence = _Passages(own[document_id], facts, words, cosines)
            signals = evidence.signals(most)
            signals |= {
                f"bm25_{field}": texts.get(field, {}).get(document_id, 0.0)
                for field in TextField
            }
            if document_id in titles:
                signals["cosine_title"] = titles[document_id]
            by_title = [title_cosines[i] for i in evidence.ids if i in title_cosines]
            if by_title:
                signals["cosine_title_passage"] = max(by_title)
            signals |= {
                name: math.sqrt(scores.get(document_id, 0.0))
                for name, scores in links.items()
            }
            signals |= self._known(documents[document_id])
            yield Candidate(document_id, self.kind, evidence.best(most), signals)

    def _known(self, document: DocumentFacts) -> dict[str, float]:
        """What holds of a document whatever is asked, and how it meets the asker."""
        question, graph, people = (
            self.asked.question,
            self.corpus.graph,
            self.corpus.people,
        )
        into = graph.into(document.id)
        signals = {
            "in_links": math.log1p(len(into) - sum(i in into for i in self.hidden)),
            "out_links": math.log1p(len(graph.out_of(document.id))),
            "in_question": float(document.id in question.linked),
            "log_parts": math.log1p(document.parts_count),
            "log_likes": math.log1p(document.likes),
            "solved": float(document.solved),
            "same_category": float(
                question.category is not None and document.category == question.category
            ),
            "shared_tags": math.log1p(len({*question.tags} & {*document.tags})),
            "same_language": float(
                question.language is None
                or document.language in (None, question.language)
            ),
            "named_version": float(
                document.version is not None
                and compact(document.version) in question.versions
            ),
        }
        if document.created_at is not None:
            age = max(self.at - document.created_at, timedelta(0))
            signals["log_age"] = math.log1p(age / timedelta(days=1))
        helpers = people.helpers(document.id)
        if question.asker is not None:
            signals["same_asker"] = float(people.asker(document.id) == question.asker)
            signals["took_part"] = float(question.asker in helpers)
        signals["helper_answers"] = math.log1p(
            max((people.answers(person) for person in helpers), default=0)
        )
        return signals


@dataclass(frozen=True, slots=True)
class _Passages:
    """The passages of one candidate, with how each meets the question."""

    ids: Sequence[PassageId]
    facts: Mapping[PassageId, PassageFacts]
    words: Mapping[PassageId, LexicalScore]
    cosines: Mapping[PassageId, float]

    def best(self, most: float) -> PassageId:
        """The one to show: both halves in [0, 1], equally trusted."""

        def fit(passage_id: PassageId) -> float:
            known = self.words.get(passage_id)
            by_words = known.score / most if known else 0.0
            return by_words + self.cosines.get(passage_id, 0.0)

        return max(self.ids, key=lambda i: (fit(i), -i))

    def signals(self, most: float) -> dict[str, float]:
        signals: dict[str, float] = {}
        scores = sorted(
            (self.words[i].score for i in self.ids if i in self.words), reverse=True
        )
        if scores:
            signals["bm25_passage"] = scores[0]
            signals["bm25_second"] = scores[1] if len(scores) > 1 else 0.0
            signals["bm25_share"] = scores[0] / most
            signals["coverage"] = max(
                self.words[i].coverage for i in self.ids if i in self.words
            )
        near = sorted(self._near(lambda _: True), reverse=True)
        if near:
            signals["cosine_passage"] = near[0]
        if len(near) > 1:
            signals["cosine_second"] = near[1]
        for name, which in _PLACES.items():
            some = self._near(which)
            if some:
                signals[name] = max(some)
        return signals

    def _near(self, which: Callable[[PassageFacts], bool]) -> list[float]:
        return [
            self.cosines[i]
            for i in self.ids
            if i in self.cosines and which(self.facts[i])
        ]


_PLACES: Mapping[str, Callable[[PassageFacts], bool]] = {
    "cosine_opening": lambda fact: fact.opening,
    "cosine_reply": lambda fact: not fact.opening,
    "cosine_solution": lambda fact: fact.accepted,
}


def _nearest(index: VectorIndex | None, query: Float32, depth: int) -> list[PassageId]:
    if index is None:
        return []
    _, ids = index.search(query[None], depth)
    return [PassageId(int(i)) for i in ids[0] if i >= 0]


def _cosines(
    index: VectorIndex | None, query: Float32, ids: Sequence[_Id]
) -> dict[_Id, float]:
    if index is None or not ids:
        return {}
    cosines = index.similarities(query, np.array(ids, dtype=np.int64))
    return {
        item: float(cosine)
        for item, cosine in zip(ids, cosines, strict=True)
        if not math.isnan(cosine)
    }
