"""What a query finds among the documents of one kind, as columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kb.asked import Asked
from kb.bridge.rendering import Rendering
from kb.instant.codes import Rows
from kb.instant.shelves import Mask, Segment, Shelf, Snapshot
from kb.lexical import LexicalScore
from kb.similar import SHARPNESS, linked_from
from kb.types import DocumentId, PassageId
from kb.vectors import Float32

# Passages that words and meaning contribute, per kind: whatever the page, or the order
# of what is on it would be another one.
DEPTH = 60
# Older questions like this one, whose answers are looked at, and of what these link
# the most linked documents.
_SIMILAR, _LINKED = 40, 15
# Of a document that only links lead to, so many passages are looked at.
_PASSAGES = 48
# Documents of a kind whose best passage is scored in full, the likeliest first: each
# takes a twentieth of a millisecond.
_SCORED = 16
# Where few documents are wanted words are sought deeper, but not for ever.
_DEEPER, _DEEPEST = 8, 5_000

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Wanted:
    """What is sought, the same for all kinds.

    Attributes:
        text: To be sought by words.
        visible_to: Visibilities that the reader may see; ``None`` for all.
        depth: Passages that each way of searching contributes.
    """

    text: str
    renderings: tuple[Rendering, ...]
    visible_to: frozenset[str] | None
    depth: int = DEPTH


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """Documents of one kind, by their places on the shelf, ascending.

    Attributes:
        passages: The best one of each.
        words: BM25 of the best passage, 0 where no word is shared.
        coverage: Share of the query's words that it holds, rare ones more, see
            `kb.lexical.LexicalScore`; NaN where it was not looked up.
        cosines: Of the best passage by meaning.
        linked: What older questions like this one were answered with, see
            `kb.similar.linked_from`.
    """

    shelf: Shelf
    places: Rows
    passages: list[PassageId]
    words: Float64
    coverage: Float64
    cosines: Float64
    linked: Float64


ByWords = Sequence[tuple[Rows, Float64]]
"""What words find in each segment of a shelf: rows, and their scores."""


def seek(
    wanted: Wanted, shelves: Sequence[tuple[Shelf, Mask | None]]
) -> Future[list[ByWords]]:
    """Begin to search by words, beside what else is to be done.

    Args:
        shelves: Each with which of its documents may be found; ``None`` for all.
    """

    def work() -> list[ByWords]:
        return [
            [_by_words(wanted, shelf, segment, allowed) for segment in shelf.segments]
            for shelf, allowed in shelves
        ]

    return _pool().submit(work)


def similar_answers(asked: Asked, snapshot: Snapshot) -> Mapping[DocumentId, float]:
    """What older questions like this one were answered with, by links that everybody
    may see."""
    likeness: dict[DocumentId, float] = {}
    for vector in asked.vectors:
        rows, cosines = snapshot.question_codes.nearest(vector, _SIMILAR)
        for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True):
            question = DocumentId(int(snapshot.questions[row]))
            if question in snapshot.silent:
                continue
            like = max(cosine, 0.0) ** SHARPNESS
            likeness[question] = max(like, likeness.get(question, 0.0))
    return linked_from(snapshot.graph, likeness)


def gather(
    asked: Asked,
    wanted: Wanted,
    shelf: Shelf,
    by_words: ByWords,
    linked: Mapping[DocumentId, float],
    allowed: Mask | None,
) -> Found | None:
    """Unite what words, meaning and links find; ``None`` where that is nothing."""
    depth = wanted.depth
    spoken = _spoken(asked, shelf)
    parts = []
    for segment, (rows, scores) in zip(shelf.segments, by_words, strict=True):
        near = _near(asked, segment, allowed, depth)
        more = _linked_rows(shelf, segment, linked, allowed)
        every = np.unique(np.concatenate([rows, *near, more]))
        if not len(every):
            continue
        shared = np.zeros(len(every))
        shared[np.searchsorted(every, rows)] = scores
        documents = segment.documents[every]
        cosines = _cosines(asked, segment.vectors[every], spoken, documents)
        parts.append((segment.ids[every], documents, shared, cosines))
    if not parts:
        return None
    ids, documents, shared, cosines = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    # The best passage is the one that both agree on, each in [0, 1].
    fit = shared / (shared.max() or 1.0) + cosines
    order = np.lexsort((ids, -fit, documents))
    places, starts = np.unique(documents[order], return_index=True)
    links = _column(linked, shelf.ids[places].tolist())
    best = [PassageId(i) for i in ids[order][starts].tolist()]
    shared_by = np.maximum.reduceat(shared[order], starts)
    by_meaning = np.maximum.reduceat(cosines[order], starts)
    coverage = np.full(len(best), np.nan)
    # What meaning or links found may share words, too.
    fits = shared_by / (shared_by.max() or 1.0) + by_meaning
    likely = np.lexsort((-by_meaning, -fits))
    scored = likely[:_SCORED].tolist()
    known = _scores(wanted, shelf, [best[row] for row in scored])
    for row in scored:
        if best[row] in known:
            shared_by[row] = known[best[row]].score
            coverage[row] = known[best[row]].coverage
    return Found(
        shelf=shelf,
        places=places.astype(np.intp),
        passages=best,
        words=shared_by,
        coverage=coverage,
        cosines=by_meaning,
        linked=links,
    )


def nearest(
    asked: Asked, wanted: Wanted, shelf: Shelf, allowed: Mask | None
) -> Found | None:
    """What meaning alone finds."""
    nothing = (np.empty(0, dtype=np.intp), np.empty(0))
    by_words = [nothing for _ in shelf.segments]
    return gather(asked, wanted, shelf, by_words, {}, allowed)


def _scores(
    wanted: Wanted, shelf: Shelf, ids: Sequence[PassageId]
) -> dict[PassageId, LexicalScore]:
    scores: dict[PassageId, LexicalScore] = {}
    for segment in shelf.segments:
        rows = segment.rows_of(ids)
        own = [i for i, row in zip(ids, rows.tolist(), strict=True) if row >= 0]
        if own:
            scores |= segment.lexical.score(
                wanted.text,
                own,
                shelf.kind,
                visible_to=wanted.visible_to,
                renderings=wanted.renderings,
            )
    return scores


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads for searches by words, which let go of the interpreter's lock."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="instant")


def _by_words(
    wanted: Wanted, shelf: Shelf, segment: Segment, allowed: Mask | None
) -> tuple[Rows, Float64]:
    depth = wanted.depth
    while True:
        hits = segment.lexical.search(
            wanted.text,
            depth,
            kinds=frozenset({shelf.kind}),
            visible_to=wanted.visible_to,
            renderings=wanted.renderings,
        )
        rows = segment.rows_of([hit.passage_id for hit in hits])
        scores = np.array([hit.score for hit in hits], dtype=np.float64)
        may = _may(segment, rows, allowed)
        kept = int(np.count_nonzero(may))
        if kept >= wanted.depth or len(hits) < depth or depth >= _DEEPEST:
            some = np.flatnonzero(may)[: wanted.depth]
            return rows[some], scores[some]
        depth = min(depth * _DEEPER, _DEEPEST)


def _may(segment: Segment, rows: Rows, allowed: Mask | None) -> Mask:
    """Which rows may be found: of passages that are still there, and of documents that
    are wanted."""
    documents = np.where(
        rows >= 0, segment.documents[rows] if len(segment.ids) else -1, -1
    )
    may: Mask = documents >= 0
    return may if allowed is None else may & allowed[documents]


def _near(
    asked: Asked, segment: Segment, allowed: Mask | None, depth: int
) -> list[Rows]:
    """The rows nearest to each vector of the query."""
    if not len(segment.ids):
        return []
    mask = None
    if allowed is not None or segment.has_gaps:
        mask = _may(segment, np.arange(len(segment.ids)), allowed)
    return [
        segment.codes.nearest(vector, depth, allowed=mask)[0]
        for vector in asked.vectors
    ]


def _linked_rows(
    shelf: Shelf,
    segment: Segment,
    linked: Mapping[DocumentId, float],
    allowed: Mask | None,
) -> Rows:
    """Rows of the documents that links lead to most."""
    ids = list(linked)
    places = shelf.places(ids)
    here = [
        (-linked[i], place)
        for i, place in zip(ids, places.tolist(), strict=True)
        if place >= 0 and (allowed is None or allowed[place])
    ]
    found = [
        segment.rows_of_document(place)[:_PASSAGES]
        for _, place in sorted(here)[:_LINKED]
    ]
    return np.concatenate([np.empty(0, dtype=np.intp), *found])


def _spoken(asked: Asked, shelf: Shelf) -> NDArray[np.intp] | None:
    """Which vector the documents of a shelf are compared with, see `Asked.place_of`;
    ``None`` where there is but one."""
    if len(asked.vectors) == 1:
        return None
    return shelf.by_language(asked.place_of)


def _cosines(
    asked: Asked, vectors: Float32, spoken: NDArray[np.intp] | None, documents: Rows
) -> Float64:
    every = np.stack(
        [np.vecdot(vectors, vector) for vector in asked.vectors], axis=1
    ).astype(np.float64)
    if spoken is None:
        return np.asarray(every[:, 0])
    places = spoken[documents]
    chosen = np.take_along_axis(every, np.maximum(places, 0)[:, None], axis=1)[:, 0]
    # In a language that nobody knows: whatever is nearest.
    return np.where(places < 0, every.max(axis=1, initial=-1.0), chosen)


def _column(values: Mapping[DocumentId, float], ids: Sequence[int]) -> Float64:
    get = values.get
    return np.array([get(DocumentId(i), 0.0) for i in ids], dtype=np.float64)
