"""The corpus as it was: grown in memory, post by post, up to a moment.

Whatever ranks or learns in the past is given a `Past`, which never holds what came
later, and says so: `Past.guard` compares what it holds with the moment of asking.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Generic, Protocol, TypeVar

import numpy as np

from bot.present import Present
from bot.said import Said
from bot.timeline import (
    BEGINNING,
    AcceptanceKnown,
    History,
    PostWritten,
    Progress,
)
from kb.corpus import Corpus
from kb.embed import Embedder, Float32
from kb.errors import LeakError
from kb.graph import Edge, LinkGraph
from kb.lexical import TantivyIndex, TantivyTexts
from kb.people import People
from kb.texts import TextIndex
from kb.types import DocumentId, IndexablePassage, Kind, PassageId
from kb.vectors import FaissIndex, VectorIndex

# Texts that are embedded together, and lost with a killed run.
_BATCH = 1024


def embed_titles(history: History, embedder: Embedder) -> Float32:
    """Vectors of the titles of all documents, one a row in the order of
    ``history.documents``: shape ``(documents, dim)``."""
    return embedder.embed_passages([d.title for d in history.documents.values()])


def embed_history(
    history: History,
    embedder: Embedder,
    *,
    progress: Progress = lambda _step, _done, _todo: None,
) -> Float32:
    """Vectors of all passages: row ``i`` is that of passage ``i + 1``."""
    total = sum(1 for _ in history.passages)
    vectors = np.empty((total, embedder.dim), dtype=np.float32)
    passages = history.passages
    done = 0
    while batch := [passage.input for passage in islice(passages, _BATCH)]:
        vectors[done : done + len(batch)] = embedder.embed_passages(batch)
        done += len(batch)
        progress("embedding", done, total)
    return vectors


def open_past(history: History, vectors: Float32, embedder: Embedder) -> Past:
    """The past of a history before anything happened, with indexes in memory.

    Args:
        vectors: See `embed_history`.
    """
    titles = embed_titles(history, embedder)
    return Past(history, vectors, titles, TantivyTexts.create(None))


class Past:
    """A corpus that grows with a history. Not to be shared between threads.

    Args:
        vectors: Of passages, shape ``(passages, dim)``: row ``i`` is that of passage
            ``i + 1``.
        titles: See `embed_titles`.
        texts: An empty one, in memory; closed by `close`.
    """

    def __init__(
        self, history: History, vectors: Float32, titles: Float32, texts: TextIndex
    ) -> None:
        dim = vectors.shape[1]
        self._history = history
        self._vectors = vectors
        self._titles = titles
        self._title_rows = {i: row for row, i in enumerate(history.documents)}
        self._events = _Pending(history.events)
        self._acceptances = _Pending(history.acceptances)
        self._present = Present(history.documents)
        self._said = Said(self._present)
        self._newest = _Newest()
        self._reached = BEGINNING
        self._lexical = TantivyIndex.create(None)
        self._dense = {
            kind: FaissIndex(dim)
            for kind in Kind
            if any(d.kind is kind for d in history.documents.values())
        }
        self._corpus = Corpus(
            lexical=self._lexical,
            texts=texts,
            vectors=self._dense,
            titles=FaissIndex(dim),
            questions=FaissIndex(dim),
            graph=LinkGraph(),
            people=People(),
            passage_facts=self._present.facts,
            document_facts=self._present.document_facts,
            passages_of=self._present.passages_of,
        )

    @property
    def corpus(self) -> Corpus:
        """All that was there before `reached`; the same object grows."""
        return self._corpus

    @property
    def reached(self) -> datetime:
        """All before this moment has happened, and nothing else."""
        return self._reached

    def advance(self, to: datetime) -> None:
        """Let all happen that happened before *to*, but not at it.

        A question asked at *to* is no candidate itself, nor is a topic that was
        opened in the same moment.

        Raises:
            LeakError: *to* is earlier than what has happened already, or what
                happened carries a later date.
        """
        posts = self._events.before(to)
        acceptances = self._acceptances.before(to)
        self._take_in(posts)
        for acceptance in acceptances:
            self._accept(acceptance)
        self._reached = max(self._reached, to)
        self.guard(to)

    def guard(self, at: datetime) -> None:
        """Make sure that nothing here is dated at *at* or later.

        Raises:
            LeakError: Something is; it names the first that was found.
        """
        latest_edge = self._corpus.graph.latest
        if latest_edge is not None:
            self._newest.note("a link", latest_edge)
        self._newest.check(at)

    def texts(self, ids: Sequence[PassageId]) -> dict[PassageId, str]:
        """The texts of passages; those not yet written are absent."""
        return self._present.texts(ids)

    def close(self) -> None:
        """Let go of the indexes."""
        self._lexical.close()
        self._corpus.texts.close()

    # -- what happens ------------------------------------------------------------

    def _take_in(self, events: Sequence[PostWritten]) -> None:
        changed: dict[DocumentId, None] = {}
        new: list[DocumentId] = []
        for event in events:
            changed[event.document_id] = None
            if event.document_id not in self._present:
                new.append(event.document_id)
            self._present.happen(event)
            self._date(event)
            self._meet(event)
            changed.update(dict.fromkeys(self._said.add(event)))
            self._add_edges(event, accepted=False)
        self._index([passage for event in events for passage in event.passages])
        self._index_titles(new)
        self._index_questions(events)
        if changed:
            # A document of the same moment may be linked before it is taken in.
            there = (i for i in changed if i in self._present)
            self._corpus.texts.put(map(self._said.text, there))
            self._corpus.texts.commit()

    def _date(self, event: PostWritten) -> None:
        note = self._newest.note
        for passage in event.passages:
            if passage.created_at is not None:
                note("a passage", passage.created_at)
        documents = self._history.documents
        note("a post", event.at)
        note("a document", documents[event.document_id].started)
        for link in event.links:
            for target in link.targets:
                note("a linked document", documents[target].started)

    def _meet(self, event: PostWritten) -> None:
        document = self._history.documents[event.document_id]
        if document.kind is Kind.THREAD and event.author is not None:
            # Without the post that asks, nobody knows who asked.
            is_asking = event.opening and document.asker is not None
            self._corpus.people.wrote(document.id, event.author, opening=is_asking)

    def _accept(self, acceptance: AcceptanceKnown) -> None:
        self._newest.note("an acceptance", acceptance.at)
        self._present.accept(acceptance)
        self._add_edges(acceptance.post, accepted=True)

    def _add_edges(self, event: PostWritten, *, accepted: bool) -> None:
        kind = self._history.documents[event.document_id].kind
        if kind is Kind.THREAD and event.opening:
            return
        at = None if event.at == BEGINNING else event.at
        for link in event.links:
            for target in link.targets:
                edge = Edge(event.document_id, target, link.role, at, accepted)
                self._corpus.graph.add(edge)

    def _index(self, passages: Sequence[IndexablePassage]) -> None:
        self._lexical.add(passages)
        self._lexical.commit()
        by_kind: defaultdict[Kind, list[PassageId]] = defaultdict(list)
        for passage in passages:
            by_kind[passage.kind].append(passage.id)
        for kind, ids in by_kind.items():
            _add(self._dense[kind], ids, self._vectors[np.array(ids) - 1])

    def _index_titles(self, new: Sequence[DocumentId]) -> None:
        documents = self._history.documents
        titled = [i for i in new if documents[i].title.strip()]
        if titled:
            rows = [self._title_rows[i] for i in titled]
            _add(self._corpus.titles, titled, self._titles[rows])

    def _index_questions(self, events: Sequence[PostWritten]) -> None:
        """Of each thread the vector of its first passage, which holds the title."""
        rows = {
            event.document_id: event.passages[0].id - 1
            for event in events
            if event.opening
            and event.passages
            and event.passages[0].kind is Kind.THREAD
        }
        if rows:
            vectors = self._vectors[list(rows.values())]
            _add(self._corpus.questions, list(rows), vectors)


class _Newest:
    """When the newest of each sort of thing came, or became known."""

    def __init__(self) -> None:
        self._dated: dict[str, datetime] = {}

    def note(self, what: str, dated: datetime) -> None:
        self._dated[what] = max(dated, self._dated.get(what, dated))

    def check(self, at: datetime) -> None:
        for what, dated in self._dated.items():
            if dated >= at:
                raise LeakError(what, dated=dated, at=at)


class _Dated(Protocol):
    @property
    def at(self) -> datetime: ...


Event = TypeVar("Event", bound=_Dated)


class _Pending(Generic[Event]):
    """What is still to happen, in the order of time."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._next = 0

    def before(self, moment: datetime) -> Sequence[Event]:
        """What happens now: all earlier than *moment* that has not yet."""
        start = self._next
        end = bisect_left(self._events, moment, lo=start, key=lambda event: event.at)
        self._next = end
        return self._events[start:end]


def _add(index: VectorIndex, ids: Sequence[int], vectors: Float32) -> None:
    index.add(np.array(ids, dtype=np.int64), vectors)
