"""The word index: which passages share words with a question, and how many.

BM25 over title, heading and body; what stemming would blur (error codes,
versions, paths, class names) is matched whole. Questions are never parsed:
``AND``, quotes and brackets in them are text like any other.

Derived from the store, and rebuilt from it at will.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from tantivy import (
    Document,
    Index,
    IndexWriter,
    Occur,
    Query,
    Schema,
    SchemaBuilder,
    Searcher,
)

from kb.errors import CorruptIndexError, IndexMissingError, SearchIndexError
from kb.types import DocumentId, IndexablePassage, Kind, PassageId
from kb.words import identifiers, stemmed, variants, words

# Part of the index's stamp: raise it whenever fields or their analysis change.
LEXICAL_FORMAT = "words-1"

# Measured on 1,027 questions of a Discourse forum, nDCG@10 of the threads that
# helpers linked: body alone 0.154, with titles at half weight 0.184, and with
# the words of the question's title counted twice 0.207. Titles at full weight
# lose (0.198 v 0.201), and so do a list of stop words (0.197 v 0.200: BM25
# knows by itself how little they say) and keeping only the rarest 48 (0.193)
# or 24 words (0.190).
FIELD_WEIGHTS = {"body": 1.0, "title": 0.5, "heading": 0.5}
TITLE_WORD_WEIGHT = 2.0
# A code or path shared in full says more than its words apart.
EXACT_WEIGHT = 1.0

# A post opens with the question and ends in logs: the first words (some 1,500
# characters of prose) are all used, of the rest those that few passages hold.
FIRST_WORDS = 160
RARE_WORDS = 32
MAX_IDENTIFIERS = 32

# Coverage leaves out words in more than an eighth of all passages, once those
# are many: they carry little of the mass and cost nearly all of the time.
COMMON_IDF = 2.0
COMMON_PASSAGES = 1_000

# Equal scores come in no particular order; fetching a few more than asked for
# keeps most ties from being cut at random.
_TIE_SLACK = 32
_SCORE_DIGITS = 4
_SHARE_DIGITS = 3
# The smallest that Tantivy takes; larger ones only make fewer, larger segments.
_WRITER_HEAP_BYTES = 15_000_000


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage that shares words with a question.

    Attributes:
        score: BM25, at least 0; comparable within one kind and one question.
    """

    passage_id: PassageId
    document_id: DocumentId
    score: float


@dataclass(frozen=True, slots=True)
class LexicalScore:
    """How one given passage meets a question.

    Attributes:
        score: As in `LexicalHit`; 0 when no word is shared.
        coverage: Share, in [0, 1], of the question's words that the passage
            holds, each word weighing as much as it is rare (idf); the most
            common words are not counted.
    """

    score: float
    coverage: float


class LexicalIndex(Protocol):
    """Passages by their words. Searches may run in several threads at once."""

    def add(self, passages: Iterable[IndexablePassage]) -> None:
        """Take passages in; they are found after the next `commit`."""

    def remove(self, ids: Iterable[PassageId]) -> None:
        """Forget passages from the next `commit` on; unknown ids do no harm."""

    def commit(self) -> None:
        """Make all changes visible to this object's searches, and durable."""

    def search(
        self,
        query: str,
        k: int,
        *,
        kinds: frozenset[Kind] | None = None,
        visible_to: frozenset[str] | None = None,
        title: str = "",
    ) -> list[LexicalHit]:
        """Find the *k* best passages, best first, ties by id.

        Args:
            query: Plain text of any length; none of its signs is an operator.
            k: At least 1.
            kinds: Only passages of these; ``None`` means all.
            visible_to: Only passages with one of these visibilities; ``None``
                means all.
            title: Headline of the question, searched with it and worth more.

        Returns:
            Nothing when the question holds no word, or none that is known.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """

    def score(
        self, query: str, ids: Sequence[PassageId], kind: Kind, *, title: str = ""
    ) -> dict[PassageId, LexicalScore]:
        """Score given passages of one kind, as `search` would; unknown ids are absent.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """

    def close(self) -> None:
        """Let go of files and locks; changes since the last `commit` are lost."""


class TantivyIndex:
    """`LexicalIndex` on Tantivy, in a folder or in memory.

    Each kind has an index of its own: how rare a word is and how long a passage
    usually is differ between threads and manuals, and a small kind should not
    be weighed by the numbers of a large one.
    """

    def __init__(self, shards: Mapping[Kind, _Shard]) -> None:
        self._shards = shards

    @classmethod
    def create(cls, path: Path | None) -> Self:
        """Make an empty index in a new or empty folder; ``None`` keeps it in memory.

        Raises:
            SearchIndexError: The folder holds something, or cannot be written.
        """
        if path is None:
            return cls({kind: _Shard(Index(_SCHEMA), Path("memory")) for kind in Kind})
        shards = {}
        for kind in Kind:
            folder = path / kind.value
            try:
                folder.mkdir(parents=True)
            except OSError as exc:
                raise SearchIndexError(folder, f"cannot make it: {exc}") from exc
            with _tantivy_errors(folder, SearchIndexError):
                shards[kind] = _Shard(Index(_SCHEMA, str(folder)), folder)
        return cls(shards)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open what `create` made.

        Raises:
            IndexMissingError: There is no such folder.
            CorruptIndexError: Its files are damaged or incomplete.
        """
        if not path.is_dir():
            raise IndexMissingError(path, "no word index here; run baraza index")
        shards = {}
        for kind in Kind:
            folder = path / kind.value
            with _tantivy_errors(folder, CorruptIndexError):
                if not Index.exists(str(folder)):
                    raise CorruptIndexError(folder, "its files are missing")
                shards[kind] = _Shard(Index.open(str(folder)), folder)
        return cls(shards)

    def add(self, passages: Iterable[IndexablePassage]) -> None:
        for passage in passages:
            self._shards[passage.kind].add(passage)

    def remove(self, ids: Iterable[PassageId]) -> None:
        # Ids of gone passages come without their kind.
        some = list(ids)
        for shard in self._shards.values():
            shard.remove(some)

    def commit(self) -> None:
        for shard in self._shards.values():
            shard.commit()

    def search(
        self,
        query: str,
        k: int,
        *,
        kinds: frozenset[Kind] | None = None,
        visible_to: frozenset[str] | None = None,
        title: str = "",
    ) -> list[LexicalHit]:
        if k < 1:
            raise ValueError(f"k must be >= 1, got {k}")
        question = _Question(query, title)
        hits = [
            hit
            for kind, shard in self._shards.items()
            if kinds is None or kind in kinds
            for hit in shard.search(question, k, visible_to)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]

    def score(
        self, query: str, ids: Sequence[PassageId], kind: Kind, *, title: str = ""
    ) -> dict[PassageId, LexicalScore]:
        return self._shards[kind].score(_Question(query, title), ids)

    def close(self) -> None:
        for shard in self._shards.values():
            shard.close()


class _Question:
    """The distinct words and identifiers of a question, in order."""

    def __init__(self, query: str, title: str) -> None:
        in_title = dict.fromkeys(words(title))
        self.words = list(in_title | dict.fromkeys(words(query)))
        self.identifiers = identifiers(f"{title}\n{query}")
        self._in_title = in_title

    def weight(self, word: str) -> float:
        return TITLE_WORD_WEIGHT if word in self._in_title else 1.0


def _schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_unsigned_field("document", fast=True)
    builder.add_text_field("visibility", tokenizer_name="raw", index_option="basic")
    # Analysed by kb.words in the passage's language before they get here; one
    # field for all languages, since BM25's statistics are those of a field.
    for name in FIELD_WEIGHTS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("exact", tokenizer_name="whitespace", index_option="basic")
    return builder.build()


_SCHEMA = _schema()


class _Shard:
    """The passages of one kind."""

    def __init__(self, index: Index, path: Path) -> None:
        self._index = index
        self._path = path
        self._writer: IndexWriter | None = None
        with _tantivy_errors(path, CorruptIndexError):
            # Only our own commit moves the reader: no watching thread.
            index.config_reader("manual")
            self._refresh()

    def add(self, passage: IndexablePassage) -> None:
        document = Document()
        document.add_unsigned("id", passage.id)
        document.add_unsigned("document", passage.document_id)
        document.add_text("visibility", passage.visibility)
        for name, text in (
            ("title", passage.title),
            ("heading", passage.heading),
            ("body", passage.text),
        ):
            document.add_text(name, stemmed(text, passage.language))
        whole = f"{passage.title}\n{passage.heading}\n{passage.text}"
        document.add_text("exact", " ".join(identifiers(whole, prefixes=True)))
        with self._writing() as writer:
            # Adding twice must not show twice: upkeep that was killed is repeated.
            _delete(writer, passage.id)
            writer.add_document(document)

    def remove(self, ids: Iterable[PassageId]) -> None:
        if self._writer is None and not self._view[0].num_docs:
            return
        with self._writing() as writer:
            for passage_id in ids:
                _delete(writer, passage_id)

    def commit(self) -> None:
        if self._writer is None:
            return
        with self._writing() as writer:
            writer.commit()
            self._refresh()

    def search(
        self, question: _Question, k: int, visible_to: frozenset[str] | None
    ) -> list[LexicalHit]:
        with _tantivy_errors(self._path, CorruptIndexError):
            searcher, visibilities = self._view
            query = _ranking(searcher, question)
            if query is None:
                return []
            if visible_to is not None and not visibilities <= visible_to:
                # A filter costs the shortcuts of a pure ranking, so it is left
                # out where it would let everything pass.
                query = _only(query, _visible(visible_to))
            found = searcher.search(query, limit=k + _TIE_SLACK, count=False).hits
            places = [place for _, place in found]
            ids = _column(searcher, "id", places)
            documents = _column(searcher, "document", places)
        hits = [
            LexicalHit(PassageId(i), DocumentId(d), round(score, _SCORE_DIGITS))
            for (score, _), i, d in zip(found, ids, documents, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]

    def score(
        self, question: _Question, ids: Sequence[PassageId]
    ) -> dict[PassageId, LexicalScore]:
        if not ids:
            return {}
        with _tantivy_errors(self._path, CorruptIndexError):
            searcher, _ = self._view
            among = Query.term_set_query(_SCHEMA, "id", list(dict.fromkeys(ids)))
            ranking = _ranking(searcher, question) or Query.empty_query()
            parts, mass = _coverage(searcher, question)
            scores = _scores(searcher, _only(ranking, among), len(ids))
            covered = _scores(searcher, _only(parts, among), len(ids))
        return {
            passage_id: LexicalScore(
                score=score,
                coverage=round(covered[passage_id] / mass, _SHARE_DIGITS)
                if mass
                else 0.0,
            )
            for passage_id, score in sorted(scores.items())
        }

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with _tantivy_errors(self._path, SearchIndexError):
                writer.wait_merging_threads()

    @contextmanager
    def _writing(self) -> Iterator[IndexWriter]:
        with _tantivy_errors(self._path, SearchIndexError):
            if self._writer is None:
                # One thread: the same passages always make the same index.
                self._writer = self._index.writer(_WRITER_HEAP_BYTES, 1)
            yield self._writer

    def _refresh(self) -> None:
        self._index.reload()
        searcher = self._index.searcher()
        known = searcher.terms_with_prefix("visibility", "")
        # Swapped as one: a search in another thread sees the old or the new.
        self._view = (searcher, frozenset(name for name, _ in known))


def _delete(writer: IndexWriter, passage_id: int) -> None:
    # By query: tantivy 0.27 takes the number in delete_documents_by_term for a
    # signed one, which no unsigned field holds, and deletes nothing.
    writer.delete_documents_by_query(Query.term_query(_SCHEMA, "id", passage_id))


def _ranking(searcher: Searcher, question: _Question) -> Query | None:
    """Any of the question's words, ranked by BM25; ``None`` if none is known."""
    clauses: list[tuple[Occur, Query]] = []
    for word in _chosen(searcher, question):
        for form in variants(word):
            for name, field_weight in FIELD_WEIGHTS.items():
                if searcher.doc_freq(name, form):
                    weight = question.weight(word) * field_weight
                    query = Query.boost_query(_term(name, form), weight)
                    clauses.append((Occur.Should, query))
    frequencies = [(searcher.doc_freq("exact", i), i) for i in question.identifiers]
    rarest = sorted((number, i) for number, i in frequencies if number)
    for frequency, identifier in rarest[:MAX_IDENTIFIERS]:
        # A constant: how often or in how long a passage an error code stands
        # says nothing.
        weight = EXACT_WEIGHT * _idf(frequency, searcher.num_docs)
        query = Query.const_score_query(_term("exact", identifier), weight)
        clauses.append((Occur.Should, query))
    return Query.boolean_query(clauses) if clauses else None


def _coverage(searcher: Searcher, question: _Question) -> tuple[Query, float]:
    """A query whose score is the idf mass of the words held, and the whole mass."""
    clauses: list[tuple[Occur, Query]] = []
    mass = 0.0
    for word in _chosen(searcher, question):
        places = [(name, form) for name in FIELD_WEIGHTS for form in variants(word)]
        frequency = max(searcher.doc_freq(name, form) for name, form in places)
        # A word that was never seen weighs most: its absence is telling.
        idf = question.weight(word) * _idf(frequency, searcher.num_docs)
        if frequency > COMMON_PASSAGES and idf < COMMON_IDF * question.weight(word):
            continue
        mass += idf
        if frequency:
            held = Query.disjunction_max_query([_term(*place) for place in places])
            clauses.append((Occur.Should, Query.const_score_query(held, idf)))
    return Query.boolean_query(clauses), mass


def _chosen(searcher: Searcher, question: _Question) -> list[str]:
    """The words that are searched: the first ones, and the rarest of the rest."""
    first, rest = question.words[:FIRST_WORDS], question.words[FIRST_WORDS:]
    known = []
    for word in rest:
        frequency = max(searcher.doc_freq("body", form) for form in variants(word))
        if frequency:
            known.append((frequency, word))
    return first + [word for _, word in sorted(known)[:RARE_WORDS]]


def _idf(frequency: int, passages: int) -> float:
    """BM25's idf as Tantivy counts it; *frequency* may be 0.

    >>> round(_idf(1, 1000), 2), round(_idf(1000, 1000), 4)
    (6.5, 0.0005)
    """
    frequency = min(frequency, passages)
    return math.log1p((passages - frequency + 0.5) / (frequency + 0.5))


def _term(name: str, form: str) -> Query:
    option = "basic" if name in ("exact", "visibility") else "freq"
    return Query.term_query(_SCHEMA, name, form, index_option=option)


def _visible(visible_to: Iterable[str]) -> Query:
    return Query.boolean_query(
        [(Occur.Should, _term("visibility", name)) for name in sorted(visible_to)]
    )


def _only(query: Query, condition: Query) -> Query:
    """What meets the condition, scored by the query alone; 0 if that finds nothing."""
    return Query.boolean_query(
        [(Occur.Must, Query.const_score_query(condition, 0.0)), (Occur.Should, query)]
    )


def _scores(searcher: Searcher, query: Query, limit: int) -> dict[PassageId, float]:
    found = searcher.search(query, limit=limit, count=False).hits
    ids = _column(searcher, "id", [place for _, place in found])
    return {
        PassageId(passage_id): round(score, _SCORE_DIGITS)
        for (score, _), passage_id in zip(found, ids, strict=True)
    }


def _column(searcher: Searcher, name: str, places: list[object]) -> list[int]:
    return [int(value) for value in searcher.fast_field_values(name, places)]


@contextmanager
def _tantivy_errors(path: Path, error: type[SearchIndexError]) -> Iterator[None]:
    """Tantivy's errors as ours."""
    try:
        yield
    except (ValueError, RuntimeError, OSError) as exc:
        raise error(path, f"{exc}; {_advice(error)}") from exc
    except BaseException as exc:
        # A panic inside Tantivy, as damaged files may cause, arrives as an
        # exception that is no Exception and cannot be imported.
        if type(exc).__name__ != "PanicException":
            raise
        raise error(path, f"{exc}; {_advice(error)}") from exc


def _advice(error: type[SearchIndexError]) -> str:
    if error is CorruptIndexError:
        return "run baraza index --rebuild"
    return "check that there is room and that it may be written"
