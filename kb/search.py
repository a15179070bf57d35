"""Searching the knowledge base: one entrance for bot, endpoint, CLI and report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from kb.embed import Embedder
from kb.errors import InvalidQueryError
from kb.lexical import LexicalIndex
from kb.rank import DEFAULT_WEIGHTS, Ranked, Weights, rank
from kb.retrieve import Question, retrieve
from kb.store import Store
from kb.types import (
    PUBLIC,
    Candidate,
    Clock,
    DocumentId,
    DocumentSummary,
    Kind,
    Passage,
    SearchHit,
    utc_now,
)
from kb.vectors import VectorIndex
from kb.words import identifiers, words

# What lies beyond is not a question any more.
MAX_QUERY_CHARS = 100_000
MAX_TITLE_CHARS = 1_000
# Passages per index and kind. A thread may fill dozens of places, a page comes
# in several versions, and ten documents must still be left.
DEPTH = 200

_VERSION = re.compile(r"\d+(?:\.\d+)+")


class SearchableIndex(Protocol):
    """What searching needs of `kb.index.OpenIndex`."""

    @property
    def lexical(self) -> LexicalIndex: ...

    @property
    def vectors(self) -> Mapping[Kind, VectorIndex]: ...


class Searcher:
    """Finds documents for a question.

    Bound to the store's connection, and with it to one thread; index, embedder
    and weights may be shared between the searchers of many threads.
    """

    def __init__(
        self,
        store: Store,
        index: SearchableIndex,
        embedder: Embedder,
        weights: Mapping[Kind, Weights] = DEFAULT_WEIGHTS,
        *,
        depth: int = DEPTH,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._index = index
        self._embedder = embedder
        self._weights = weights
        self._depth = depth
        self._clock = clock

    def search(
        self,
        query: str,
        *,
        title: str = "",
        limit: int = 10,
        kinds: frozenset[Kind] | None = None,
        visible_to: frozenset[str] = frozenset({PUBLIC}),
        exclude: frozenset[DocumentId] = frozenset(),
        per_kind: Mapping[Kind, int] | None = None,
    ) -> tuple[SearchHit, ...]:
        """Find the documents that answer best, each with the passage that does.

        What the index says is checked against the store: what was deleted,
        unlisted or made private since the index was built is not returned. Of
        a page that exists in several versions one is returned: the version that
        the question names, else the newest.

        Args:
            query: Plain text; beyond `MAX_QUERY_CHARS` it is not read.
            title: Headline of the question, if it has one.
            limit: At most so many documents, at least 1.
            kinds: ``None`` means all.
            visible_to: Visibilities that the reader may see.
            exclude: Documents to leave out, such as the question's own topic.
            per_kind: At most so many of a kind; kinds not named are bounded by
                *limit* alone.

        Returns:
            Best first. Within a kind by score, ties by id; the kinds are merged
            by confidence, since scores of two kinds cannot be compared.

        Raises:
            InvalidQueryError: There is not one word in query and title.
            StoreError: The store cannot be read.
            SearchIndexError: The index cannot be read.
            EmbeddingError: The model failed.
        """
        if limit < 1:
            raise ValueError(f"limit must be >= 1, got {limit}")
        question = Question(title[:MAX_TITLE_CHARS], query[:MAX_QUERY_CHARS])
        if not words(question.text):
            raise InvalidQueryError("the query holds no word to search for")
        candidates = retrieve(
            question,
            lexical=self._index.lexical,
            vectors=self._index.vectors,
            embedder=self._embedder,
            kinds=Kind if kinds is None else kinds,
            describe=self._store.passages.facts,
            visible_to=visible_to,
            depth=self._depth,
            at=self._clock(),
        )
        documents = self._store.documents.summaries(
            sorted({candidate.document_id for candidate in candidates})
        )
        allowed = [
            candidate
            for candidate in candidates
            if candidate.document_id not in exclude
            and _may_be_shown(documents.get(candidate.document_id), visible_to)
        ]
        named = _named_versions(question.text)
        columns = []
        for kind in Kind:
            ranked = self._rank(kind, allowed, documents, named)
            quota = limit if per_kind is None else per_kind.get(kind, limit)
            columns.append(ranked[: max(quota, 0)])
        return self._hits(question, merge(columns)[:limit], documents)

    def _rank(
        self,
        kind: Kind,
        candidates: Sequence[Candidate],
        documents: Mapping[DocumentId, DocumentSummary],
        named: frozenset[str],
    ) -> list[Ranked]:
        weights = self._weights[kind]
        ranked = rank([c for c in candidates if c.kind is kind], weights)
        kept = fold_versions([r.candidate for r in ranked], documents, named)
        # Again, without the twins: next to them no page would stand out.
        return rank(kept, weights) if len(kept) < len(ranked) else ranked

    def _hits(
        self,
        question: Question,
        ranked: Sequence[Ranked],
        documents: Mapping[DocumentId, DocumentSummary],
    ) -> tuple[SearchHit, ...]:
        found = self._store.passages.load([r.candidate.passage_id for r in ranked])
        return tuple(
            SearchHit(
                document=documents[r.candidate.document_id],
                passage=self._answering(question, found[r.candidate.passage_id]),
                score=r.score,
                confidence=r.confidence,
                signals=r.candidate.signals,
            )
            for r in ranked
            # Another process may have deleted it since a moment ago.
            if r.candidate.passage_id in found
        )

    def _answering(self, question: Question, found: Passage) -> Passage:
        """What to show of a document: the solution where there is one.

        A thread is mostly found by its question, which looks like the one that
        was asked; what helps is the answer below it.
        """
        solution = {
            p.id: p for p in self._store.passages.of_solution(found.document_id)
        }
        if not solution or found.id in solution:
            return found
        scores = self._index.lexical.score(
            question.body, list(solution), Kind.THREAD, title=question.title
        )
        best = max(solution, key=lambda i: (scores[i].score if i in scores else 0, -i))
        return solution[best]


def merge(columns: Sequence[Sequence[Ranked]]) -> list[Ranked]:
    """Merge rankings of several kinds, each kept in its order.

    The next is always the surest of those that head what is left of their
    ranking; on a tie the earlier ranking goes first.
    """
    left = [list(reversed(column)) for column in columns if column]
    merged = []
    while left:
        surest = max(left, key=lambda column: column[-1].confidence)
        merged.append(surest.pop())
        left = [column for column in left if column]
    return merged


def fold_versions(
    candidates: Sequence[Candidate],
    documents: Mapping[DocumentId, DocumentSummary],
    named: frozenset[str],
) -> list[Candidate]:
    """Keep one version of each page: a *named* one, else the newest, else the best.

    Two documents are versions of a page if kind, language and title are the same
    and their addresses differ in nothing but their version.

    Args:
        candidates: Best first; the order is kept.
        named: Versions in the question, without dots, such as ``240``.
    """
    chosen: dict[tuple[object, ...], Candidate] = {}
    kept: list[tuple[object, ...]] = []
    for candidate in candidates:
        document = documents[candidate.document_id]
        page = _page(document)
        other = chosen.get(page)
        if other is None:
            kept.append(page)
            chosen[page] = candidate
        elif _standing(document, named) > _standing(
            documents[other.document_id], named
        ):
            chosen[page] = candidate
    return [chosen[page] for page in kept]


def _page(document: DocumentSummary) -> tuple[object, ...]:
    if document.version is None:
        return (document.id,)
    address = document.url
    for spelled in (document.version, _compact(document.version)):
        if spelled and spelled in address:
            address = address.replace(spelled, "*")
            break
    return (document.kind, document.language, document.title, address)


def _standing(
    document: DocumentSummary, named: frozenset[str]
) -> tuple[bool, tuple[int, ...]]:
    version = document.version or ""
    # A version without numbers ("master") is nobody's installed one: last.
    numbers = tuple(int(number) for number in re.findall(r"\d+", version))
    return _compact(version) in named, numbers


def _named_versions(text: str) -> frozenset[str]:
    """Versions in a text, without dots; 2.40.1 also stands for its manual's 2.40.

    >>> sorted(_named_versions("Since 2.40.1 it fails, 12 times"))
    ['240', '2401']
    """
    return frozenset(
        _compact(version)
        for version in identifiers(text, prefixes=True)
        if _VERSION.fullmatch(version)
    )


def _compact(version: str) -> str:
    """Digits alone: addresses often leave out the dots.

    >>> _compact("dhis-core-version-2.40"), _compact("master")
    ('240', '')
    """
    return "".join(re.findall(r"[0-9]", version))


def _may_be_shown(document: DocumentSummary | None, visible_to: frozenset[str]) -> bool:
    return (
        document is not None and document.listed and document.visibility in visible_to
    )
