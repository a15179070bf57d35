"""Opening the index for searching."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from kb.corpus import Corpus
from kb.errors import CorruptIndexError, IndexMissingError, StaleIndexError
from kb.graph import LinkGraph
from kb.index.facts import HeldFacts
from kb.index.stamp import (
    QUESTIONS,
    TEXTS,
    TITLES,
    WORDS,
    Stamp,
    check_files,
    current_directory,
    read_stamp,
    vectors_file,
)
from kb.lexical import LEXICAL_FORMAT, TEXTS_FORMAT, LexicalIndex, TantivyTexts
from kb.people import People
from kb.store import Store
from kb.texts import TextIndex
from kb.types import PUBLIC, Kind
from kb.vectors import FaissIndex, VectorIndex

_PUBLIC = frozenset({PUBLIC})

Lexical = TypeVar("Lexical", bound=LexicalIndex)


class _Loaded:
    """Links, people and facts of a store, each loaded once, whichever thread asks
    first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._graphs: dict[frozenset[str], LinkGraph] = {}
        self._people: People | None = None
        self._languages: dict[frozenset[str], frozenset[str]] = {}
        self._is_asked_again = False
        self._facts: HeldFacts | None = None

    def graph(self, store: Store, visible_to: frozenset[str]) -> LinkGraph:
        with self._lock:
            if visible_to not in self._graphs:
                edges = store.evidence.edges(visible_to=visible_to)
                self._graphs[visible_to] = LinkGraph(edges)
            return self._graphs[visible_to]

    def people(self, store: Store) -> People:
        with self._lock:
            if self._people is None:
                self._people = store.evidence.people()
            return self._people

    def languages(self, store: Store, visible_to: frozenset[str]) -> frozenset[str]:
        with self._lock:
            if visible_to not in self._languages:
                self._languages[visible_to] = store.documents.languages(visible_to)
            return self._languages[visible_to]

    def facts(self, store: Store, generation: int) -> HeldFacts | None:
        """Those of a store of this generation; ``None``: ask the store itself.

        Once the store went on, what was held may have been deleted or hidden. What
        changes without a new generation (likes, solved, category and the like) stays
        as it was: it shifts an order a little, and shows nobody anything.
        """
        if store.generation != generation:
            return None
        with self._lock:
            # A command that asks one question need not wait for the facts of all.
            if self._facts is None and self._is_asked_again:
                facts = HeldFacts.read(store)
                if store.generation == generation:
                    self._facts = facts
            self._is_asked_again = True
            return self._facts


@dataclass(frozen=True, slots=True)
class OpenIndex(Generic[Lexical]):
    """An index that is being searched; its files stay until it is closed.

    Attributes:
        vectors: By kind; a kind without passages is absent.
        texts: Whole documents.
        titles: Of listed documents, by document id.
        questions: Of threads, by document id.
        lag: Generations that the store was ahead when it was opened: hits may
            be gone from the store, and its newest passages are not found.
    """

    directory: Path
    lexical: Lexical
    texts: TextIndex
    vectors: Mapping[Kind, VectorIndex]
    stamp: Stamp
    lag: int
    titles: VectorIndex
    questions: VectorIndex
    _loaded: _Loaded = field(default_factory=_Loaded, repr=False, compare=False)

    def corpus(self, store: Store, *, visible_to: frozenset[str] = _PUBLIC) -> Corpus:
        """What ranking works on: this index, with the links and people of *store*.

        Cheap but for the first calls: links and languages are loaded once for each
        *visible_to*, people once, and stay as they were until the index is opened
        again. From the second call on, facts are held too, as long as the store does
        not go on beyond this index; else they are read from *store* when they are asked
        for, so the result belongs to its thread and to the question at hand.

        Args:
            store: The one that the index was opened for.
            visible_to: Whose links count, of linking documents and targets; and whose
                languages.

        Raises:
            StoreError: The store cannot be read.
        """
        facts = self._loaded.facts(store, self.stamp.generation)
        return Corpus(
            lexical=self.lexical,
            texts=self.texts,
            vectors=self.vectors,
            titles=self.titles,
            questions=self.questions,
            graph=self._loaded.graph(store, visible_to),
            people=self._loaded.people(store),
            passage_facts=facts.passage_facts if facts else store.passages.facts,
            document_facts=(
                facts.document_facts if facts else store.evidence.document_facts
            ),
            passages_of=facts.passages_of if facts else store.evidence.passages_of,
            languages=self._loaded.languages(store, visible_to),
        )

    def close(self) -> None:
        self.lexical.close()
        self.texts.close()


def open_index(
    folder: Path,
    *,
    store_uuid: str,
    store_generation: int,
    model_id: str,
    dim: int,
    lexical_opener: Callable[[Path], Lexical],
    lexical_format: str = LEXICAL_FORMAT,
    texts_opener: Callable[[Path], TextIndex] = TantivyTexts.open,
    texts_format: str = TEXTS_FORMAT,
) -> OpenIndex[Lexical]:
    """Open the current index.

    Args:
        lexical_opener: Opens the word index of passages, of *lexical_format*.
        texts_opener: Opens the word index of whole documents, of *texts_format*.

    Raises:
        IndexMissingError: None was built.
        StaleIndexError: It belongs to another store, model or format, or is
            newer than the store.
        CorruptIndexError: A file is missing, truncated or changed.
    """
    while True:
        directory = current_directory(folder)
        if directory is None:
            raise IndexMissingError(folder, "no index yet; run baraza index")
        try:
            stamp = read_stamp(directory)
            reason = stamp.stale_reason(
                store_uuid=store_uuid,
                store_generation=store_generation,
                model_id=model_id,
                dim=dim,
                lexical_format=lexical_format,
                texts_format=texts_format,
            )
            if reason is not None:
                raise StaleIndexError(directory, f"{reason}; run baraza index")
            check_files(directory, stamp)
            vectors = {
                kind: FaissIndex.load(directory / vectors_file(kind))
                for kind in stamp.vectors
            }
            titles = FaissIndex.load(directory / TITLES)
            questions = FaissIndex.load(directory / QUESTIONS)
            lexical = lexical_opener(directory / WORDS)
            try:
                texts = texts_opener(directory / TEXTS)
            except BaseException:
                lexical.close()
                raise
            return OpenIndex(
                directory=directory,
                lexical=lexical,
                texts=texts,
                vectors=vectors,
                stamp=stamp,
                lag=store_generation - stamp.generation,
                titles=titles,
                questions=questions,
            )
        except (CorruptIndexError, IndexMissingError):
            # Replaced and swept away while it was being opened?
            if current_directory(folder) == directory:
                raise
