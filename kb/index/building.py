"""Building the index: from nothing, or from the one before it."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

import numpy as np
from filelock import FileLock, Timeout

from kb.embed import Embedder, Float32
from kb.embed.cached import CachedEmbedder
from kb.embed.models import ModelRef
from kb.errors import AlreadyRunningError, SearchIndexError
from kb.index.documents import (
    TextsFactory,
    embed_titles,
    write_questions,
    write_texts,
    write_titles,
)
from kb.index.known import new_titles, title_hashes
from kb.index.stamp import (
    WORDS,
    Stamp,
    check_files,
    checksums,
    current_directory,
    new_directory,
    publish,
    read_stamp,
    sweep,
    vectors_file,
    write_stamp,
)
from kb.lexical import LEXICAL_FORMAT, TEXTS_FORMAT, TantivyTexts
from kb.store import EmbeddingCache, Store
from kb.types import IndexablePassage, Kind, PassageId
from kb.vectors import FaissIndex

logger = logging.getLogger(__name__)

# Passages that are in memory with their text, and lost with a killed build.
_BATCH = 512


class LexicalWriter(Protocol):
    """What building needs of a word index."""

    def add(self, passages: Iterable[IndexablePassage]) -> None: ...

    def commit(self) -> None: ...

    def close(self) -> None: ...


class LexicalFactory(Protocol):
    """Makes word indexes; the class `kb.lexical.TantivyIndex` is one."""

    def create(self, path: Path) -> LexicalWriter:
        """Make an empty one in a new folder."""

    def open(self, path: Path) -> LexicalWriter:
        """Open one that `create` made."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a build did.

    Attributes:
        passages: How many the index holds now.
        embedded: Passages that the model had to read; the others were known.
        added: Passages that came.
        removed: Passages that went.
        full: It was made from nothing, not from the index before it.
        titles_embedded: Titles that the model had to read.
        replaced: The model of the index before, if that was another one.
    """

    passages: int
    embedded: int
    added: int
    removed: int
    generation: int
    full: bool
    seconds: float
    titles_embedded: int = 0
    replaced: str | None = None


def build_index(
    store: Store,
    embedder: Embedder,
    cache: EmbeddingCache,
    folder: Path,
    *,
    lexical: LexicalFactory,
    lexical_format: str = LEXICAL_FORMAT,
    texts: TextsFactory = TantivyTexts,
    texts_format: str = TEXTS_FORMAT,
    rebuild: bool = False,
    progress: Callable[[int, int], None] | None = None,
    model: ModelRef | None = None,
    keep: Collection[str] | None = None,
) -> IndexReport:
    """Bring the index up to the store.

    Only texts that the cache does not know are embedded, and what was embedded
    is kept when the build is killed. Vectors of text that left the store leave
    the cache.

    Args:
        folder: Of the index; made if it is not there.
        lexical: Makes the word index of passages, of *lexical_format*.
        texts: Makes the word index of whole documents, of *texts_format*.
        rebuild: Make it from nothing even if the current one could be added to.
        progress: Called with the texts done and the texts to do: passages, and
            titles that are new.
        model: How *embedder* is opened; the index keeps it.
        keep: Models whose vectors stay in the cache beside those of *embedder*,
            by their ids; ``None``: all.

    Raises:
        AlreadyRunningError: Another build works in *folder*.
        SearchIndexError: The index cannot be written; the current one still stands.
        EmbeddingError: The model failed; likewise.
        StoreError: The store or the cache cannot be read or written; likewise.
    """
    started = time.monotonic()
    with _writing(folder), store.snapshot():
        wanted = Stamp(
            store_uuid=store.uuid,
            generation=store.generation,
            model_id=embedder.model_id,
            dim=embedder.dim,
            lexical_format=lexical_format,
            texts_format=texts_format,
            vectors={},
            newest=None,
            model=model,
        )
        build = _Build(store, embedder, cache, folder, lexical, texts, wanted, progress)
        report = build.run(None if rebuild else _base(folder, store, wanted))
        forget_vectors(
            cache, store, None if keep is None else {*keep, embedder.model_id}
        )
        sweep(folder)
    report = replace(report, seconds=time.monotonic() - started)
    logger.info(
        "index generation=%d passages=%d added=%d removed=%d embedded=%d took_s=%.1f",
        report.generation,
        report.passages,
        report.added,
        report.removed,
        report.embedded,
        report.seconds,
    )
    return report


def forget_vectors(
    cache: EmbeddingCache, store: Store, keep: Collection[str] | None = None
) -> None:
    """Forget vectors that are of no more use, and those of texts that left, of all
    models: any vector still says something about its text.

    Args:
        keep: Models that are of use; ``None``: all.
    """
    for model_id in cache.models():
        if keep is None or model_id in keep:
            hashes = chain(store.passages.content_hashes(), title_hashes(store))
            cache.keep_only(model_id, hashes)
        else:
            gone = cache.keep_only(model_id, ())
            logger.info("model=%s vectors=%d forgotten", model_id, gone)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Hold the folder against other builds; its failures are the index's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "build.lock", blocking=False):
            yield
    except Timeout as exc:
        raise AlreadyRunningError(f"another index build in {folder}") from exc
    except OSError as exc:
        raise SearchIndexError(
            folder, f"cannot be written: {exc}; the index in use still stands"
        ) from exc


def _base(folder: Path, store: Store, wanted: Stamp) -> tuple[Path, Stamp] | None:
    """The current index, if it can be brought up to date by adding to it."""
    try:
        directory = current_directory(folder)
        if directory is None:
            return None
        stamp = read_stamp(directory)
        check_files(directory, stamp)
    except SearchIndexError as exc:
        logger.warning("index is made anew: %s", exc)
        return None
    reason = stamp.stale_reason(
        store_uuid=wanted.store_uuid,
        store_generation=wanted.generation,
        model_id=wanted.model_id,
        dim=wanted.dim,
        lexical_format=wanted.lexical_format,
        texts_format=wanted.texts_format,
    )
    if reason is None and not _shares_history(store, stamp):
        reason = "the knowledge base was restored and went another way"
    if reason is not None:
        logger.warning("index is made anew: %s", reason)
        return None
    return directory, stamp


def _shares_history(store: Store, stamp: Stamp) -> bool:
    if stamp.newest is None:
        return True
    newest, hashed = PassageId(stamp.newest[0]), stamp.newest[1]
    passage = store.passages.load([newest]).get(newest)
    if passage is not None:
        return passage.content_hash == hashed
    return newest in store.passages.removed(after_generation=-1)


@dataclass(frozen=True, slots=True)
class _Build:
    """One build, within one snapshot of the store."""

    store: Store
    embedder: Embedder
    cache: EmbeddingCache
    folder: Path
    lexical: LexicalFactory
    texts: TextsFactory
    wanted: Stamp
    progress: Callable[[int, int], None] | None

    def run(self, base: tuple[Path, Stamp] | None) -> IndexReport:
        count = self.store.passages.count()
        generation = self.wanted.generation
        if base and base[1].generation == generation and base[1].passages == count:
            return IndexReport(count, 0, 0, 0, generation, False, 0.0)
        directory = new_directory(self.folder, generation)
        try:
            report = self._fill(directory, base)
            if report.passages == count:
                publish(directory)
                return report
        finally:
            if current_directory(self.folder) != directory:
                shutil.rmtree(directory, ignore_errors=True)
        if base is None:
            raise SearchIndexError(
                directory, f"holds {report.passages} passages of {count}; please report"
            )
        logger.warning(
            "index is made anew: it would hold %d passages of %d",
            report.passages,
            count,
        )
        return self.run(None)

    def _fill(self, directory: Path, base: tuple[Path, Stamp] | None) -> IndexReport:
        after = -1 if base is None else base[1].generation
        titles = new_titles(self.store, self.cache, self.wanted.model_id)
        tick = _Ticker(
            self.progress,
            self.store.passages.count(after_generation=after) + len(titles),
        )
        embedder = CachedEmbedder(self.embedder, self.cache)
        filled = self._fill_passages(directory, base, embedder, tick)
        questions = write_questions(directory, self.store, embedder)
        embedded = embedder.embedded
        embed_titles(titles, embedder, tick)
        titled = write_titles(directory, self.store, embedder)
        texts = write_texts(directory, self.store, self.texts)
        stamp = replace(
            self.wanted,
            vectors=filled.vectors,
            newest=filled.newest,
            texts=texts,
            titles=titled,
            questions=questions,
            files=checksums(directory),
        )
        write_stamp(directory, stamp)
        return IndexReport(
            passages=stamp.passages,
            embedded=embedded,
            added=filled.added,
            removed=filled.removed,
            generation=stamp.generation,
            full=base is None,
            seconds=0.0,
            titles_embedded=embedder.embedded - embedded,
        )

    def _fill_passages(
        self,
        directory: Path,
        base: tuple[Path, Stamp] | None,
        embedder: CachedEmbedder,
        tick: Callable[[int], None],
    ) -> _Filled:
        after, last, newest = -1, 0, None
        vectors: dict[Kind, FaissIndex] = {}
        removed = 0
        if base is not None:
            source, stamp = base
            after, newest = stamp.generation, stamp.newest
            last = newest[0] if newest else 0
            vectors = {
                kind: FaissIndex.load(source / vectors_file(kind))
                for kind in stamp.vectors
            }
            # Some of them came and went since, and were never in the index.
            gone = self.store.passages.removed(after_generation=after)
            ids = np.array(gone, dtype=np.int64)
            removed = sum(index.remove(ids) for index in vectors.values())
        # A word index only marks what is deleted: its text would stay in the files
        # until they happen to be merged. Writing them anew takes seconds.
        if base is None or removed:
            words, words_after = self.lexical.create(directory / WORDS), -1
        else:
            shutil.copytree(base[0] / WORDS, directory / WORDS)
            words, words_after = self.lexical.open(directory / WORDS), after
        added = 0
        try:
            passages = self.store.passages.indexable(after_generation=words_after)
            while batch := list(islice(passages, _BATCH)):
                words.add(batch)
                # Ids only grow: those up to the base's newest are in it.
                fresh = [passage for passage in batch if passage.id > last]
                newest = (batch[-1].id, batch[-1].content_hash)
                if not fresh:
                    continue
                rows = embedder.embed_passages([p.input for p in fresh], progress=tick)
                _add(vectors, fresh, rows)
                added += len(fresh)
            words.commit()
        finally:
            words.close()
        held = {kind: index for kind, index in sorted(vectors.items()) if len(index)}
        for kind, index in held.items():
            index.save(directory / vectors_file(kind))
        return _Filled(
            {kind: len(index) for kind, index in held.items()}, newest, added, removed
        )


@dataclass(frozen=True, slots=True)
class _Filled:
    """What a build wrote of passages; see `Stamp` and `IndexReport`."""

    vectors: dict[Kind, int]
    newest: tuple[int, str] | None
    added: int
    removed: int


class _Ticker:
    """Counts up towards a total."""

    def __init__(self, report: Callable[[int, int], None] | None, total: int) -> None:
        self._report = report
        self._total = total
        self._done = 0

    def __call__(self, count: int) -> None:
        self._done += count
        if self._report is not None:
            self._report(self._done, self._total)


def _add(
    vectors: dict[Kind, FaissIndex], batch: Sequence[IndexablePassage], rows: Float32
) -> None:
    kinds = np.array([passage.kind for passage in batch])
    ids = np.array([passage.id for passage in batch], dtype=np.int64)
    for kind in sorted(set(kinds)):
        index = vectors.setdefault(Kind(kind), FaissIndex(rows.shape[1]))
        index.add(ids[kinds == kind], rows[kinds == kind])
