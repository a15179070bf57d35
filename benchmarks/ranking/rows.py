"""The rows of the table. To add one, add it to `ROWS`, with a function that ranks.

The function is given the `Past` and yields a row of the run for each of `Past.asked`,
in the format of `baraza replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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

REFERENCE = "baraza"


@dataclass(frozen=True, slots=True)
class Row:
    """A way of ranking, as the table calls it."""

    title: str
    run: Callable[[Past], RunRows]


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
    "topic-vectors": Row(
        "one vector per topic (title and first post) or page", topic_vectors
    ),
    "bm25-whole": Row("BM25 of whole threads and pages", bm25_whole),
    "bm25": Row("BM25, best passage", bm25),
    "dense": Row("cosine, best passage", dense),
    "rrf": Row("reciprocal rank fusion of the last two", rrf),
    "txtai": Row("txtai, hybrid search", txtai),
    REFERENCE: Row("Baraza", baraza),
}


def missing(name: str) -> str | None:
    """Why a row cannot be made here, or ``None``."""
    if name == "txtai" and not txtai_peer.installed():
        return "txtai is not installed here; `make bench-ranking` does"
    return None
