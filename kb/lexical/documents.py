"""Whole documents by their words: BM25 of a question in one field at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from tantivy import Document, Query

from kb.bridge.rendering import Rendering
from kb.lexical.question import (
    EXACT,
    LANGUAGE,
    UNKNOWN,
    Question,
    in_languages,
    question_of,
    those_of,
)
from kb.lexical.shard import Shard, View, schema_of
from kb.lexical.shards import Shards, remove_elsewhere
from kb.texts import DocumentText, Text, TextField
from kb.tongues import primary
from kb.types import DocumentId, Kind
from kb.words import identifiers, stemmed

# Part of the index's stamp: raise it whenever fields or their analysis change.
TEXTS_FORMAT = "texts-3"

# A thread of 1,200 posts is sought by its first few hundred as well, and a page
# that half the forum was sent to by the first hundred questions.
FIELD_CHARS = {
    TextField.TITLE: 2_000,
    TextField.OPENING: 100_000,
    TextField.WHOLE: 200_000,
    TextField.ASKED: 100_000,
    TextField.ANCHORS: 20_000,
}

# What others wrote of a document, in whatever language.
_OF_OTHERS = frozenset({TextField.ASKED, TextField.ANCHORS})

# Every search pays for each segment again: of 10,000 threads in one segment the
# scores of 300 take two thirds of the time that they take in nine. Memory is
# taken as it is needed, and given back by `close`.
_WRITER_HEAP_BYTES = 100_000_000

_SCHEMA = schema_of([field.value for field in TextField])


class TantivyTexts:
    """`kb.texts.TextIndex` on Tantivy, in a folder or in memory; see `Shards`.

    Of each field the first `FIELD_CHARS` characters count. Identifiers of title
    and whole text are matched in full beside the words of `TextField.WHOLE`, and
    add to its score.
    """

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    @classmethod
    def create(cls, path: Path | None) -> Self:
        """Make an empty index in a new or empty folder; ``None`` keeps it in memory.

        Raises:
            SearchIndexError: The folder holds something, or cannot be written.
        """
        return cls(Shards.create(_SCHEMA, path, _WRITER_HEAP_BYTES))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open what `create` made.

        Raises:
            IndexMissingError: There is no such folder.
            CorruptIndexError: Its files are damaged or incomplete.
        """
        return cls(Shards.open(_SCHEMA, path, _WRITER_HEAP_BYTES))

    def put(self, documents: Iterable[DocumentText]) -> None:
        for document in documents:
            own = self._shards.of(document.kind, document.visibility)
            own.put(document.id, _document(document))
            remove_elsewhere(self._shards.all(), own, document.id)

    def commit(self) -> None:
        for shard in self._shards.all():
            shard.commit(settled=True)

    def search(
        self,
        query: str,
        field: TextField,
        k: int,
        *,
        kind: Kind,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
        languages: frozenset[str] | None = None,
    ) -> list[tuple[DocumentId, float]]:
        if k < 1:
            raise ValueError(f"k must be >= 1, got {k}")
        question = question_of(query, title, renderings)
        hits = [
            hit
            for shard in self._shards.seen(kind, visible_to)
            for hit in _search(shard, question, field, k, languages)
        ]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    def score(
        self,
        query: str,
        ids: Sequence[DocumentId],
        *,
        kind: Kind,
        fields: Iterable[TextField] = tuple(TextField),
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
    ) -> dict[TextField, dict[DocumentId, float]]:
        question = question_of(query, title, renderings)
        scores: dict[TextField, dict[DocumentId, float]] = {f: {} for f in fields}
        for shard in self._shards.seen(kind, visible_to) if ids else ():
            with shard.reading() as view:
                if not view.terms.documents:
                    continue
                among = view.among(ids)
                for field, known in scores.items():
                    known |= _scores(view, question, field, among, len(ids))
        return {field: dict(sorted(known.items())) for field, known in scores.items()}

    def close(self) -> None:
        for shard in self._shards.all():
            shard.close()


def _search(
    shard: Shard,
    question: Question,
    field: TextField,
    k: int,
    languages: frozenset[str] | None,
) -> list[tuple[DocumentId, float]]:
    with shard.reading() as view:
        if not view.terms.documents:
            return []
        ranking = _ranking(view, question, field)
        if ranking is None:
            return []
        found = view.best(in_languages(ranking, _SCHEMA, languages), k)
        ids = view.column("id", found)
    return [(DocumentId(i), score) for i, score in zip(ids, found.scores, strict=True)]


def _scores(
    view: View, question: Question, field: TextField, among: Query, limit: int
) -> dict[DocumentId, float]:
    ranking = _ranking(view, question, field)
    if ranking is None:
        return {}
    # Measured on 10,000 threads, 300 ids, five fields: twice as quick as the best
    # 300 of all and then those that are missing, and a quarter of the time of all.
    found = view.found(those_of(among, ranking), limit)
    ids = view.column("id", found)
    scores = {DocumentId(i): s for i, s in zip(ids, found.scores, strict=True)}
    return {number: score for number, score in scores.items() if score}


def _ranking(view: View, question: Question, field: TextField) -> Query | None:
    """Any of the question's words in a field; ``None`` if none is known."""

    def make() -> Query | None:
        terms = view.terms
        clauses = terms.shared_words(
            question, [(field.value, 1.0)], by=field.value, mixed=field in _OF_OTHERS
        )
        if field is TextField.WHOLE:
            clauses += terms.shared_identifiers(question)
        return Query.boolean_query(clauses) if clauses else None

    return view.once((question, field), make)


def _document(text: DocumentText) -> Document:
    document = Document()
    document.add_unsigned("id", text.id)
    fields = {
        field: list(_first(parts, FIELD_CHARS[field]))
        for field, parts in text.fields.items()
    }
    for field, parts in fields.items():
        analysed = " ".join(stemmed(part.text, part.language) for part in parts)
        document.add_text(field.value, analysed)
    whole = [*fields.get(TextField.TITLE, ()), *fields.get(TextField.WHOLE, ())]
    exact = identifiers("\n".join(part.text for part in whole), prefixes=True)
    document.add_text(EXACT, " ".join(exact))
    document.add_text(LANGUAGE, primary(text.language) or UNKNOWN)
    return document


def _first(parts: Iterable[Text], max_chars: int) -> Iterator[Text]:
    """The first *max_chars* characters, without the word at which they are cut."""
    for part in parts:
        if len(part.text) > max_chars:
            # Half a version or path would be another one.
            kept = part.text[:max_chars].rsplit(maxsplit=1)[:1]
            yield from (Text(text, part.language) for text in kept)
            return
        yield part
        max_chars -= len(part.text)
