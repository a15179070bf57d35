"""What an index holds of whole documents: their words, their titles, their questions.

Made anew by each build: what others say of a document changes without it, and what
left must not stay in a file. Vectors come from the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from kb.embed.cached import CachedEmbedder
from kb.index.stamp import QUESTIONS, TEXTS, TITLES
from kb.store import Store
from kb.texts import DocumentText, TextIndex
from kb.types import DocumentId
from kb.vectors import FaissIndex

# Texts that are in memory, and lost with a killed build.
_BATCH = 512


class TextsWriter(Protocol):
    """What building needs of a `kb.texts.TextIndex`."""

    def put(self, documents: Iterable[DocumentText]) -> None: ...

    def commit(self) -> None: ...

    def close(self) -> None: ...


class TextsFactory(Protocol):
    """Makes indexes of whole documents; `kb.lexical.TantivyTexts` is one."""

    def create(self, path: Path) -> TextsWriter:
        """Make an empty one in a new folder."""

    def open(self, path: Path) -> TextIndex:
        """Open one that `create` made, for searching."""


def embed_titles(
    titles: Iterable[str], embedder: CachedEmbedder, tick: Callable[[int], None]
) -> None:
    """Let the cache know the vectors of *titles*."""
    left = iter(titles)
    while batch := list(islice(left, _BATCH)):
        embedder.embed_passages(batch, progress=tick)


def write_titles(directory: Path, store: Store, embedder: CachedEmbedder) -> int:
    """Write the vectors of all titles; returns how many."""
    return _write(directory / TITLES, store.evidence.titles(), embedder)


def write_questions(directory: Path, store: Store, embedder: CachedEmbedder) -> int:
    """Write the vectors of the passages that threads open with; returns how many."""
    questions = (
        (passage.document_id, passage.input) for passage in store.evidence.questions()
    )
    return _write(directory / QUESTIONS, questions, embedder)


def _write(
    path: Path, texts: Iterable[tuple[DocumentId, str]], embedder: CachedEmbedder
) -> int:
    index = FaissIndex(embedder.dim)
    left = iter(texts)
    while batch := list(islice(left, _BATCH)):
        ids = np.array([document_id for document_id, _ in batch], dtype=np.int64)
        index.add(ids, embedder.embed_passages([text for _, text in batch]))
    index.save(path)
    return len(index)


def write_texts(directory: Path, store: Store, factory: TextsFactory) -> int:
    """Write the index of whole documents; returns how many it holds."""
    total = 0

    def counted() -> Iterator[DocumentText]:
        nonlocal total
        for document in store.evidence.texts():
            total += 1
            yield document

    writer = factory.create(directory / TEXTS)
    try:
        writer.put(counted())
        writer.commit()
    finally:
        writer.close()
    return total
