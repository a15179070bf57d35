"""txtai's hybrid search over the same passages and the same vectors.

txtai (https://github.com/neuml/txtai) adds normalised BM25 and cosine with equal
weights. It keeps its defaults (tokenizer, BM25 parameters, weights) with three
exceptions, the first two in its favour: its vectors come from the model that all
rows use, the vector index is exact rather than clustered, and it stores no content,
which does not bear on ranking. Each kind has an index of its own, as in Baraza. The
query is the question's title and text, and a document has the score of its best
passage, of the best `depth` of each kind.

txtai cannot look back in time, and each addition costs it a pass over all that it
holds. So it is brought up to date week by week (`upsert`) to the end of the week of
the next question, asked for as many passages more as it holds later ones, and what
is later than the question is taken out of the answer. What remains of those at most
seven days is a trace in word frequencies and in BM25's average length.
"""

from __future__ import annotations

import importlib
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.ranking.peers import KINDS, Ranking, best_by_document
from bot.timeline import BEGINNING, PostWritten
from kb.asked import MAX_EMBEDDED_CHARS
from kb.embed import Embedder, Float32
from kb.question import Question
from kb.types import DocumentId, Kind


def installed() -> bool:
    """Whether txtai is there; it is no dependency of Baraza."""
    return find_spec("txtai") is not None


class TxtaiHybrid:
    """`Peer` on `txtai.Embeddings`."""

    step = timedelta(days=7)

    def __init__(self, embedder: Embedder, vectors: Float32, depth: int) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._depth = depth
        # What txtai asks for vectors of, it was given just before.
        self._known: dict[str, Float32] = {}
        self._indexes = {kind: self._empty() for kind in KINDS}
        self._passages: dict[Kind, dict[int, tuple[DocumentId, datetime]]] = {
            kind: {} for kind in KINDS
        }

    def _empty(self) -> Any:
        known = self._known

        def transform(texts: Sequence[str]) -> Float32:
            return np.stack([known[text] for text in texts])

        return importlib.import_module("txtai").Embeddings(
            method="external",
            transform=transform,
            hybrid=True,
            content=False,
            faiss={"components": "IDMap,Flat"},
        )

    def take_in(self, events: Sequence[PostWritten]) -> None:
        for kind, index in self._indexes.items():
            new = [p for event in events for p in event.passages if p.kind is kind]
            if not new:
                continue
            self._known.update({p.input: self._vectors[p.id - 1] for p in new})
            self._passages[kind].update(
                {int(p.id): (p.document_id, p.created_at or BEGINNING) for p in new}
            )
            index.upsert((int(p.id), p.input, None) for p in new)
            self._known.clear()

    def rank(self, question: Question, kind: Kind, at: datetime) -> Ranking:
        passages = self._passages[kind]
        if not passages:
            return []
        text = question.text[:MAX_EMBEDDED_CHARS]
        self._known[text] = self._embedder.embed_query(text)
        # In the order of time, which is that of the passages' ids.
        times = [written for _, written in passages.values()]
        later = len(times) - bisect_left(times, at)
        found = self._indexes[kind].search(text, self._depth + later)
        self._known.clear()
        return best_by_document(
            (passages[i][0], float(score)) for i, score in found if passages[i][1] < at
        )
