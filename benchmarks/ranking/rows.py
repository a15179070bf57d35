"""The rows of the table. To add one, add it to `ROWS`, with a function that ranks.

The function is given the `Task` and yields a row of the run for each of `Task.asked`,
in the format of `baraza replay`. That command's own runs (with other settings, or with
signals left out) need no row here: they are given as files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.ranking import txtai_peer
from benchmarks.ranking.peers import (
    DocumentsByMeaning,
    DocumentsByWords,
    PassagesByMeaning,
    PassagesByWords,
    ReciprocalRanks,
    walk,
)
from benchmarks.ranking.task import Task

RunRows = Iterator[dict[str, Any]]

# What the rows are compared with, when a run of that name is given.
REFERENCE = "baraza"


@dataclass(frozen=True, slots=True)
class Row:
    """A way of ranking, as the table calls it."""

    title: str
    run: Callable[[Task], RunRows]


def topic_vectors(task: Task) -> RunRows:
    return walk(task, DocumentsByMeaning(task.embedder, task.history, task.depth))


def bm25(task: Task) -> RunRows:
    return walk(task, PassagesByWords(task.depth))


def bm25_whole(task: Task) -> RunRows:
    return walk(task, DocumentsByWords(task.depth))


def dense(task: Task) -> RunRows:
    return walk(task, PassagesByMeaning(task.embedder, task.vectors, task.depth))


def rrf(task: Task) -> RunRows:
    parts = (
        PassagesByWords(task.depth),
        PassagesByMeaning(task.embedder, task.vectors, task.depth),
    )
    return walk(task, ReciprocalRanks(*parts))


def txtai(task: Task) -> RunRows:
    hybrid = txtai_peer.TxtaiHybrid(task.embedder, task.vectors, task.depth)
    return walk(task, hybrid)


ROWS: Mapping[str, Row] = {
    "topic-vectors": Row(
        "one vector per topic (title and first post) or page", topic_vectors
    ),
    "bm25-whole": Row("BM25 of whole threads and pages", bm25_whole),
    "bm25": Row("BM25, best passage", bm25),
    "dense": Row("cosine, best passage", dense),
    "rrf": Row("reciprocal rank fusion of the last two", rrf),
    "txtai": Row("txtai, hybrid search", txtai),
}


def missing(name: str) -> str | None:
    """Why a row cannot be made here, or ``None``."""
    if name == "txtai" and not txtai_peer.installed():
        return "txtai is not installed here; `make bench-ranking` does"
    return None
