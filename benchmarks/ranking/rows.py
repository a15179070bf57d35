"""The rows of the table, by name. To add one, add a function that makes its run.

A row is given the `Past` and yields rows of the run for `Past.asked`, in the format
of `baraza replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.ranking import txtai_peer
from benchmarks.ranking.past import Past
from benchmarks.ranking.peers import (
    DocumentsByMeaning,
    DocumentsByWords,
    PassagesByMeaning,
    PassagesByWords,
    ReciprocalRanks,
    walk,
)
from bot import replay

RunRows = Iterator[dict[str, Any]]
Row = Callable[[Past], RunRows]

REFERENCE = "baraza"


def baraza(past: Past) -> RunRows:
    return replay.walk(
        past.history,
        past.vectors,
        past.asked,
        past.embedder,
        depth=past.depth,
        progress=past.progress,
    )


def topic_vectors(past: Past) -> RunRows:
    return walk(past, DocumentsByMeaning(past.embedder, past.history, past.depth))


def bm25(past: Past) -> RunRows:
    return walk(past, PassagesByWords(past.depth))


def bm25_whole(past: Past) -> RunRows:
    return walk(past, DocumentsByWords(past.depth))


def dense(past: Past) -> RunRows:
    return walk(past, PassagesByMeaning(past.embedder, past.vectors, past.depth))


def rrf(past: Past) -> RunRows:
    parts = (
        PassagesByWords(past.depth),
        PassagesByMeaning(past.embedder, past.vectors, past.depth),
    )
    return walk(past, ReciprocalRanks(*parts))


def txtai(past: Past) -> RunRows:
    hybrid = txtai_peer.TxtaiHybrid(past.embedder, past.vectors, past.depth)
    return walk(past, hybrid)


ROWS: Mapping[str, Row] = {
    "topic-vectors": topic_vectors,
    "bm25-whole": bm25_whole,
    "bm25": bm25,
    "dense": dense,
    "rrf": rrf,
    "txtai": txtai,
    REFERENCE: baraza,
}

TITLES: Mapping[str, str] = {
    "topic-vectors": "one vector per topic (title and first post) or page",
    "bm25-whole": "BM25 of whole threads and pages",
    "bm25": "BM25, best passage",
    "dense": "cosine, best passage",
    "rrf": "reciprocal rank fusion of the last two",
    "txtai": "txtai, hybrid search",
    REFERENCE: "Baraza",
}


def missing(name: str) -> str | None:
    """Why a row cannot be made here, or ``None``."""
    if name == "txtai" and not txtai_peer.installed():
        return "txtai is not installed here; `make bench-ranking` does"
    return None
