"""Other ways of ranking the same passages, with nothing later than the question.

Each is as good as it gets without learning: the words go through Baraza's own
Tantivy index, with its stemming and field weights, and the vectors are its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np

from benchmarks.ranking.task import Task
from bot.replay import LISTED
from bot.timeline import History, PostWritten
from kb.asked import MAX_EMBEDDED_CHARS
from kb.embed import Embedder, Float32
from kb.lexical import TantivyIndex
from kb.question import Question
from kb.types import DocumentId, IndexablePassage, Kind, PassageId
from kb.vectors import FaissIndex

KINDS: Mapping[Kind, str] = {Kind.THREAD: "threads", Kind.DOCS: "docs"}
# Of the paper's: it damps the weight of the very first places.
RRF_K = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Ranking = list[tuple[DocumentId, float]]
"""Documents with their scores, best first, none twice."""


class Peer(Protocol):
    """A way of ranking documents that grow with the forum.

    Attributes:
        step: It is told of posts up to the end of the step in which a question was
            asked, and leaves out itself what came after the question; 0 where it
            can be brought to the very moment of each question.
    """

    @property
    def step(self) -> timedelta: ...

    def take_in(self, events: Sequence[PostWritten]) -> None:
        """Learn of posts, in the order of time."""

    def rank(self, question: Question, kind: Kind, at: datetime) -> Ranking:
        """Rank the documents of a kind by what was written before *at*."""


def walk(task: Task, peer: Peer) -> Iterator[dict[str, Any]]:
    """Rank for one question after another; yields a row of the run for each."""
    events = iter(task.history.events)
    pending = next(events, None)
    for number, label in enumerate(task.asked, start=1):
        end = _end_of_step(label.created_at, peer.step)
        new: list[PostWritten] = []
        # Strictly earlier: what was opened in the same moment was not to be seen.
        while pending is not None and pending.at < end:
            new.append(pending)
            pending = next(events, None)
        peer.take_in(new)
        topic = DocumentId(label.topic_id)
        question = task.history.documents[topic].question
        row: dict[str, Any] = {"topic_id": label.topic_id}
        confidence = {}
        for kind, name in KINDS.items():
            ranking = [
                (document, score)
                for document, score in peer.rank(question, kind, label.created_at)
                # Its own posts may be older than its label says.
                if document != topic
            ]
            row[name] = [
                {"id": _key(task.history, kind, document), "score": round(score, 6)}
                for document, score in ranking[:LISTED]
            ]
            if ranking:
                # None of them has a probability: the first score must do.
                confidence[name] = round(ranking[0][1], 6)
        yield row | {"confidence": confidence}
        task.progress("ranking", number, len(task.asked))


class PassagesByWords:
    """BM25 of passages; a document has the score of its best one."""

    step = timedelta(0)

    def __init__(self, depth: int) -> None:
        self._index = TantivyIndex.create(None)
        self._depth = depth

    def take_in(self, events: Sequence[PostWritten]) -> None:
        self._index.add(passage for event in events for passage in event.passages)
        self._index.commit()

    def rank(self, question: Question, kind: Kind, at: datetime) -> Ranking:
        hits = self._index.search(
            question.body, self._depth, kinds=frozenset({kind}), title=question.title
        )
        return best_by_document((hit.document_id, hit.score) for hit in hits)


class DocumentsByWords:
    """BM25 of whole threads, all replies so far, and whole pages."""

    step = timedelta(0)

    def __init__(self, depth: int) -> None:
        self._index = TantivyIndex.create(None)
        self._depth = depth
        self._passages: dict[DocumentId, list[IndexablePassage]] = defaultdict(list)

    def take_in(self, events: Sequence[PostWritten]) -> None:
        for event in events:
            self._passages[event.document_id] += event.passages
        changed = dict.fromkeys(event.document_id for event in events if event.passages)
        # A grown thread takes the place of what was held under its id.
        self._index.add(as_one(self._passages[document]) for document in changed)
        self._index.commit()

    def rank(self, question: Question, kind: Kind, at: datetime) -> Ranking:
        hits = self._index.search(
            question.body, self._depth, kinds=frozenset({kind}), title=question.title
        )
        return [(hit.document_id, hit.score) for hit in hits]


class PassagesByMeaning:
    """Cosine of passages; a document has the score of its best one."""

    step = timedelta(0)

    def __init__(self, embedder: Embedder, vectors: Float32, depth: int) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._depth = depth
        self._indexes = {kind: FaissIndex(embedder.dim) for kind in KINDS}
        self._documents: dict[int, DocumentId] = {}

    def take_in(self, events: Sequence[PostWritten]) -> None:
        passages = [passage for event in events for passage in event.passages]
        self._documents.update({p.id: p.document_id for p in passages})
        for kind, index in self._indexes.items():
            ids = np.array([p.id for p in passages if p.kind is kind], dtype=np.int64)
            index.add(ids, self._vectors[ids - 1])

    def rank(self, question: Question, kind: Kind, at: datetime) -> Ranking:
        near = _nearest(self._indexes[kind], self._embedder, question, self._depth)
        return best_by_document((self._documents[i], cosine) for i, cosine in near)


class DocumentsByMeaning:
    """One vector per document: title and first post of a topic, as forum plug-ins
    have it, or title and text of a page; the model cuts off what is too long."""

    step = timedelta(0)

    def __init__(self, embedder: Embedder, history: History, depth: int) -> None:
        self._embedder = embedder
        self._documents = history.documents
        self._depth = depth
        self._indexes = {kind: FaissIndex(embedder.dim) for kind in KINDS}

    def take_in(self, events: Sequence[PostWritten]) -> None:
        new: dict[Kind, dict[DocumentId, Float32]] = {kind: {} for kind in KINDS}
        for event in events:
            document = self._documents[event.document_id]
            if event.opening and document.kind is Kind.THREAD:
                vector = _embed(self._embedder, document.question)
                new[document.kind][document.id] = vector
            elif event.opening and event.passages:
                whole = as_one(event.passages).input[:MAX_EMBEDDED_CHARS]
                vector = self._embedder.embed_passages([whole])[0]
                new[document.kind][document.id] = vector
        for kind, vectors in new.items():
            if vectors:
                ids = np.array(list(vectors), dtype=np.int64)
                self._indexes[kind].add(ids, np.stack(list(vectors.values())))

    def rank(self, question: Question, kind: Kind, at: datetime) -> Ranking:
        near = _nearest(self._indexes[kind], self._embedder, question, self._depth)
        return [(DocumentId(i), cosine) for i, cosine in near]


class ReciprocalRanks:
    """Reciprocal rank fusion of several ways.

    Source:
        Cormack, Clarke and Büttcher, SIGIR 2009, doi:10.1145/1571941.1572114.
    """

    step = timedelta(0)

    def __init__(self, *parts: Peer) -> None:
        if any(part.step for part in parts):
            raise ValueError("all parts must be brought to the moment of a question")
        self._parts = parts

    def take_in(self, events: Sequence[PostWritten]) -> None:
        for part in self._parts:
            part.take_in(events)

    def rank(self, question: Question, kind: Kind, at: datetime) -> Ranking:
        return fuse(part.rank(question, kind, at) for part in self._parts)


def fuse(rankings: Iterable[Ranking]) -> Ranking:
    """Add up 1 / (60 + rank) of each document, ties by id.

    >>> a, b, c = DocumentId(1), DocumentId(2), DocumentId(3)
    >>> [document for document, _ in fuse([[(a, 9.0), (b, 8.0)], [(c, 1.0), (b, 0.5)]])]
    [2, 1, 3]
    """
    scores: dict[DocumentId, float] = defaultdict(float)
    for ranking in rankings:
        for rank, (document, _) in enumerate(ranking, start=1):
            scores[document] += 1 / (RRF_K + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def best_by_document(passages: Iterable[tuple[DocumentId, float]]) -> Ranking:
    """From passages, best first, to documents.

    >>> a, b = DocumentId(1), DocumentId(2)
    >>> best_by_document([(b, 0.9), (a, 0.8), (b, 0.7)])
    [(2, 0.9), (1, 0.8)]
    """
    best: dict[DocumentId, float] = {}
    for document, score in passages:
        best.setdefault(document, score)
    return list(best.items())


def as_one(passages: Sequence[IndexablePassage]) -> IndexablePassage:
    """A document's passages as a single one, under the document's id."""
    parts = [part for p in passages for part in (p.heading, p.text) if part]
    # Neighbours repeat the heading that they share.
    text = "\n".join(dict.fromkeys(parts))
    first = passages[0]
    return replace(first, id=PassageId(first.document_id), heading="", text=text)


def _embed(embedder: Embedder, question: Question) -> Float32:
    return embedder.embed_query(question.text[:MAX_EMBEDDED_CHARS])


def _nearest(
    index: FaissIndex, embedder: Embedder, question: Question, depth: int
) -> list[tuple[int, float]]:
    cosines, ids = index.search(_embed(embedder, question)[None], depth)
    return [
        (int(i), float(cosine))
        for i, cosine in zip(ids[0], cosines[0], strict=True)
        if i >= 0
    ]


def _end_of_step(at: datetime, step: timedelta) -> datetime:
    """*at* itself, or the end of the step that it lies in.

    >>> _end_of_step(datetime(1970, 1, 10, tzinfo=UTC), timedelta(days=7)).day
    15
    """
    return at + (_EPOCH - at) % step if step else at


def _key(history: History, kind: Kind, document: DocumentId) -> int | str:
    key = history.documents[document].key
    return int(key) if kind is Kind.THREAD else key
