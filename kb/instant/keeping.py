"""Keeping what is searched in step with the store, without holding anybody up.

The index on disk is brought up now and then, which takes seconds. What was harvested
since is held in memory beside it: a small word index and the vectors of new passages,
so that a post is found as soon as it is stored. What was deleted since is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kb.embed import Embedder
from kb.index import OpenIndex
from kb.instant.codes import SignCodes
from kb.instant.shelves import Segment, Shelf, Snapshot, places_of
from kb.lexical import TantivyIndex
from kb.store import Store
from kb.store.columns import NO_ROWS, DocumentRow
from kb.types import PUBLIC, IndexablePassage, Kind, PassageId
from kb.vectors import Float32, Int64, VectorIndex

_PUBLIC = frozenset({PUBLIC})

# Passages that are held beside the index. A first harvest brings more: those wait for
# `baraza index`, which embeds them once and for all.
MAX_TAIL = 2_000
# Of these so many at a time, the newest first: they are embedded meanwhile.
_SLICE = 128


@dataclass(frozen=True, slots=True)
class _Base:
    """Passages of a kind in the index on disk: they never change."""

    ids: Int64
    documents: Int64
    vectors: Float32
    codes: SignCodes


@dataclass(slots=True)
class _Tail:
    """Passages of a kind that came since, by id."""

    documents: dict[int, int] = field(default_factory=dict)
    vectors: dict[int, Float32] = field(default_factory=dict)


class Keeper:
    """Makes snapshots of one open index; for one thread at a time.

    Args:
        index: Stays open as long as any of its snapshots is used.
        store: As it is now; later ones are given to `refreshed`.
        embedder: The index's.
    """

    def __init__(
        self,
        index: OpenIndex[TantivyIndex],
        store: Store,
        embedder: Embedder,
        *,
        max_tail: int = MAX_TAIL,
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._max_tail = max_tail
        self._graph = index.corpus(store, visible_to=_PUBLIC).graph
        stored, documents = store.columns.passages()
        self._bases = {
            kind: _base(index.vectors.get(kind), stored, documents) for kind in Kind
        }
        self._questions, vectors = _ascending(index.questions)
        self._question_codes = SignCodes(vectors)
        self._lexical = TantivyIndex.create(None)
        self._tails = {kind: _Tail() for kind in Kind}
        self._seen = index.stamp.generation
        self._waiting = 0
        self._is_pending = False
        self._documents = NO_ROWS
        self._linking: frozenset[int] | None = None

    @property
    def is_pending(self) -> bool:
        """There is room for more than the last snapshot took in."""
        return self._is_pending

    def refreshed(self, store: Store) -> Snapshot:
        """The index with all that came and went since it was built.

        Raises:
            StoreError: The store cannot be read.
            EmbeddingError: The model failed.
        """
        with store.snapshot():
            generation = store.generation
            built = self._index.stamp.generation
            removed = {int(i) for i in store.passages.removed(after_generation=built)}
            self._drop(removed)
            fresh, self._waiting = self._came(store)
            self._documents = store.columns.documents(self._documents)
        self._take(fresh)
        if not self._waiting:
            self._seen = generation
        return self._snapshot(self._documents.rows, removed, generation)

    def _drop(self, removed: set[int]) -> None:
        gone = [
            i for tail in self._tails.values() for i in tail.documents if i in removed
        ]
        if gone:
            for tail in self._tails.values():
                for i in gone:
                    tail.documents.pop(i, None)
                    tail.vectors.pop(i, None)
            self._lexical.remove([PassageId(i) for i in gone])
            self._lexical.commit()

    def _came(self, store: Store) -> tuple[list[IndexablePassage], int]:
        """The newest passages that are not held yet, some of those that there is room
        for, and how many are left."""
        held = {i for tail in self._tails.values() for i in tail.documents}
        newest = store.passages.newest(
            after_generation=self._seen, limit=self._max_tail
        )
        wanted = [i for i in newest if i not in held]
        room = self._max_tail - len(held)
        some = set(wanted[: min(room, _SLICE)])
        self._is_pending = room > len(some) < len(wanted)
        left = store.passages.count(after_generation=self._seen)
        left -= len(some) + sum(1 for i in newest if i in held)
        if not some:
            return [], left
        after = PassageId(min(some) - 1)
        found = store.passages.indexable(after_generation=self._seen, after_id=after)
        return [passage for passage in found if passage.id in some], left

    def _take(self, fresh: Sequence[IndexablePassage]) -> None:
        if not fresh:
            return
        vectors = self._embedder.embed_passages([passage.input for passage in fresh])
        self._lexical.add(fresh)
        self._lexical.commit()
        for passage, vector in zip(fresh, vectors, strict=True):
            tail = self._tails[passage.kind]
            tail.documents[passage.id] = passage.document_id
            tail.vectors[passage.id] = vector

    def _snapshot(
        self, rows: Sequence[DocumentRow], removed: set[int], generation: int
    ) -> Snapshot:
        gone = np.array(sorted(removed), dtype=np.int64)
        public = frozenset(int(row.id) for row in rows if row.visibility == PUBLIC)
        if self._linking is None:
            self._linking = public
        # Their links were there when the index was opened.
        silent = self._linking - public
        shelves = {
            kind: self._shelf(
                kind, [row for row in rows if row.kind is kind], gone, silent
            )
            for kind in Kind
        }
        return Snapshot(
            shelves=shelves,
            graph=self._graph,
            questions=self._questions,
            question_codes=self._question_codes,
            generation=generation,
            lag=generation - self._index.stamp.generation,
            waiting=self._waiting,
            # Others' are not to be told of.
            languages=frozenset(
                {row.language for row in rows if row.visibility == PUBLIC} - {""}
            ),
            silent=silent,
        )

    def _shelf(
        self,
        kind: Kind,
        rows: Sequence[DocumentRow],
        gone: Int64,
        silent: frozenset[int],
    ) -> Shelf:
        ids = np.array([row.id for row in rows], dtype=np.int64)
        base = self._bases[kind]
        documents = places_of(ids, base.documents).astype(np.int32)
        if len(gone):
            documents[np.isin(base.ids, gone)] = -1
        segments = [
            Segment(
                self._index.lexical,
                base.ids,
                documents,
                base.vectors,
                base.codes,
                has_gaps=bool(np.any(documents < 0)),
            )
        ]
        tail = self._tails[kind]
        if tail.documents:
            segments.append(self._segment(ids, tail))
        linked = [
            sum(1 for i in linking if i not in silent) if silent else len(linking)
            for linking in (self._graph.answered_with(row.id) for row in rows)
        ]
        return Shelf(
            kind=kind,
            documents=rows,
            ids=ids,
            in_links=np.log1p(np.array(linked, dtype=np.float64)),
            log_parts=np.array([math.log1p(row.parts_count) for row in rows]),
            log_likes=np.array([math.log1p(max(row.likes, 0)) for row in rows]),
            solved=np.array([row.solved for row in rows], dtype=bool),
            changed=np.array([row.changed for row in rows], dtype=np.float64),
            expires=np.array([row.expires for row in rows], dtype=np.float64),
            segments=tuple(segments),
        )

    def _segment(self, ids: Int64, tail: _Tail) -> Segment:
        passages = np.array(sorted(tail.documents), dtype=np.int64)
        vectors = np.stack([tail.vectors[int(i)] for i in passages])
        own = np.array([tail.documents[int(i)] for i in passages], dtype=np.int64)
        return Segment(
            self._lexical,
            passages,
            places_of(ids, own).astype(np.int32),
            vectors,
            SignCodes(vectors),
            has_gaps=True,
        )


def _base(index: VectorIndex | None, stored: Int64, documents: Int64) -> _Base:
    if index is None:
        empty = np.empty(0, dtype=np.int64)
        none = np.empty((0, 8), dtype=np.float32)
        return _Base(empty, empty, none, SignCodes(none))
    ids, vectors = _ascending(index)
    places = places_of(stored, ids)
    own = np.where(places >= 0, documents[places] if len(documents) else -1, -1)
    return _Base(ids, own, vectors, SignCodes(vectors))


def _ascending(index: VectorIndex) -> tuple[Int64, Float32]:
    """All of an index by id, as it lies in memory where that is so ordered: it is, as
    new ids are the highest, and what is removed leaves no gap."""
    ids, vectors = index.view()
    if len(ids) > 1 and not bool(np.all(ids[1:] > ids[:-1])):
        return index.stored()
    return ids, vectors
