"""One Tantivy index, in a folder or in memory: how it is written and read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tantivy import (
    DocAddress,
    Document,
    Index,
    IndexWriter,
    Query,
    Schema,
    SchemaBuilder,
    Searcher,
)

from kb.errors import CorruptIndexError, SearchIndexError
from kb.lexical.errors import tantivy_errors
from kb.lexical.question import EXACT, LANGUAGE, Terms

# Equal scores come in no particular order; fetching a few more than asked for
# keeps most ties from being cut at random.
_TIE_SLACK = 32
_SCORE_DIGITS = 4
# The smallest that Tantivy takes; larger ones only make fewer, larger segments.
MIN_HEAP_BYTES = 15_000_000

# Some queries for each of a few questions that are asked at once.
_MAX_MADE = 64

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Found:
    """Scores, rounded, and where the values of what was found are."""

    scores: list[float]
    places: list[DocAddress]


def schema_of(texts: Iterable[str], numbers: Iterable[str] = ()) -> Schema:
    """A schema with an id, identifiers, a language, and these fields.

    Texts are analysed by `kb.words` in the language of each before they get into
    a field; one field for all languages, since BM25's statistics are a field's.
    """
    builder = SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    for name in numbers:
        builder.add_unsigned_field(name, fast=True)
    for name in texts:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field(EXACT, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(LANGUAGE, tokenizer_name="raw", index_option="basic")
    return builder.build()


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A shard as it was at its last commit.

    Attributes:
        made: What was made of the latest questions, see `once`.
    """

    schema: Schema
    searcher: Searcher
    terms: Terms
    made: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What *make* returns, made once: a question is searched and then scored.

        Args:
            key: Names the question and what is made of it.
        """
        # One look: between two, another thread may have cleared it.
        known: Made | None = self.made.get(key)
        if known is not None:
            return known
        made = make()
        if len(self.made) >= _MAX_MADE:
            self.made.clear()
        self.made[key] = made
        return made

    def best(self, query: Query, k: int) -> Found:
        """The best *k* and some more, best first."""
        return self.found(query, k + _TIE_SLACK)

    def among(self, ids: Iterable[int]) -> Query:
        """What has one of these ids."""
        return Query.term_set_query(self.schema, "id", list(dict.fromkeys(ids)))

    def found(self, query: Query, limit: int) -> Found:
        hits = self.searcher.search(query, limit=limit, count=False).hits
        scores = np.array([score for score, _ in hits], dtype=np.float64)
        return Found(scores.round(_SCORE_DIGITS).tolist(), [place for _, place in hits])

    def column(self, name: str, found: Found) -> list[int]:
        """The numbers of a field, in the order of *found*."""
        numbers: list[int] = self.searcher.fast_field_values(name, found.places)
        return numbers


class Shard:
    """A Tantivy index with one writer, that shows what was committed."""

    def __init__(
        self, schema: Schema, index: Index, path: Path, heap_bytes: int
    ) -> None:
        self._schema = schema
        self._index = index
        self._path = path
        self._heap_bytes = heap_bytes
        self._writer: IndexWriter | None = None
        self._put: set[int] = set()
        with tantivy_errors(path, CorruptIndexError):
            # Only our own commit moves the reader: no watching thread.
            index.config_reader("manual")
            self._refresh()

    @contextmanager
    def reading(self) -> Iterator[View]:
        """What was last committed; errors within are those of damaged files."""
        with tantivy_errors(self._path, CorruptIndexError):
            yield self._view

    @property
    def view(self) -> View:
        """What was last committed, to look up words in; `reading` is for searches."""
        return self._view

    def holds(self, number: int) -> bool:
        """Whether a document with that id was put and not removed, committed or
        not; an id whose removal is not committed yet may still count."""
        if number in self._put:
            return True
        with self.reading() as view:
            if not view.terms.documents:
                return False
            found = view.found(Query.term_query(self._schema, "id", number), 1)
            return bool(found.scores)

    def put(self, number: int, document: Document) -> None:
        """Take a document in, in place of the one with that id."""
        with self._writing() as writer:
            # Adding twice must not show twice: upkeep that was killed is repeated.
            self._delete(writer, number)
            writer.add_document(document)
            self._put.add(number)

    def remove(self, ids: Iterable[int]) -> None:
        if self._writer is None and not self._view.searcher.num_docs:
            return
        with self._writing() as writer:
            for number in ids:
                self._delete(writer, number)
                self._put.discard(number)

    def commit(self, *, settled: bool = False) -> None:
        """Show and keep all changes.

        Args:
            settled: Wait until segments are merged. Merging drops what was
                replaced from the numbers behind BM25: in the background, scores
                would depend on how far it has come.
        """
        if self._writer is None:
            return
        with self._writing() as writer:
            writer.commit()
        self._put.clear()
        if settled:
            self.close()
        with tantivy_errors(self._path, SearchIndexError):
            self._refresh()

    def close(self) -> None:
        writer, self._writer = self._writer, None
        self._put.clear()
        if writer is not None:
            with tantivy_errors(self._path, SearchIndexError):
                writer.wait_merging_threads()

    @contextmanager
    def _writing(self) -> Iterator[IndexWriter]:
        with tantivy_errors(self._path, SearchIndexError):
            if self._writer is None:
                # One thread: the same documents always make the same index.
                self._writer = self._index.writer(self._heap_bytes, 1)
            yield self._writer

    def _delete(self, writer: IndexWriter, number: int) -> None:
        # By query: tantivy 0.27 takes the number in delete_documents_by_term for a
        # signed one, which no unsigned field holds, and deletes nothing.
        writer.delete_documents_by_query(Query.term_query(self._schema, "id", number))

    def _refresh(self) -> None:
        self._index.reload()
        searcher = self._index.searcher()
        # Swapped as one: a search in another thread sees the old or the new.
        self._view = View(self._schema, searcher, Terms(self._schema, searcher))
