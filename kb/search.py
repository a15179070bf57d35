"""Searching the knowledge base: one entrance for bot, endpoint, CLI and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from kb.bridge import Bridge
from kb.bridge.guessing import guess
from kb.bridge.rendering import Rendering, renderings
from kb.corpus import Corpus
from kb.embed import Embedder
from kb.errors import InvalidQueryError
from kb.language import detect
from kb.lexical import LexicalIndex
from kb.model import RankingModel, shipped_model
from kb.question import Question
from kb.rank import Ranked
from kb.ranking import Ranking, ranking_of
from kb.retrieve import retrieve
from kb.store import Store
from kb.tongues import primary
from kb.types import (
    PUBLIC,
    Candidate,
    Clock,
    DocumentId,
    DocumentSummary,
    Kind,
    Passage,
    PassageId,
    SearchHit,
    utc_now,
)
from kb.versions import is_named, named_among
from kb.words import words

# What lies beyond is not a question any more.
MAX_QUERY_CHARS = 100_000
MAX_TITLE_CHARS = 1_000
# Passages per index and kind. A thread may fill dozens of places, a page comes
# in several versions, and ten documents must still be left.
DEPTH = 200
# What newer versions have no page for is rarely what somebody wants who names none.
OUTDATED_ODDS = 0.2
# What is written in another language than the question takes more effort to read. On
# the sample community 0.5 brings what the own language tells to the front again
# (MRR@10 0.94 in place of 0.92) and loses nothing that only others tell; 0.25 does.
FOREIGN_ODDS = 0.5

_PUBLIC = frozenset({PUBLIC})


class Believed(Protocol):
    """What is merged: a document in its place in the ranking of its kind."""

    @property
    def confidence(self) -> float:
        """That it helps, from 0 to 1; comparable between kinds."""


Sure = TypeVar("Sure", bound=Believed)


class SearchableIndex(Protocol):
    """What searching needs of `kb.index.OpenIndex`."""

    def corpus(self, store: Store, *, visible_to: frozenset[str]) -> Corpus:
        """What ranking works on, as a reader who may see *visible_to* has it."""


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that was found for a question, and what of it is shown.

    Attributes:
        question: With its language, if that could be told.
        carried: What it means in other languages; that was asked of texts in these.
    """

    question: Question
    rankings: tuple[Ranking, ...]
    documents: Mapping[DocumentId, DocumentSummary]
    hits: tuple[SearchHit, ...]
    carried: tuple[Rendering, ...] = ()


@dataclass(frozen=True, slots=True)
class _Translation:
    """A page in the language of a question, for one that was found in another.

    Attributes:
        nearest: The passage by which it was found itself, if it was.
    """

    found: DocumentSummary
    page: DocumentSummary
    nearest: PassageId | None


class Searcher:
    """Finds documents for a question.

    Args:
        weights: By source, what the odds of its documents are multiplied with; 1 where
            none is told.
        bridge: Carries questions into the languages of what may answer; without one
            a question is asked as it is.

    Bound to the store's connection, and with it to one thread; index, embedder
    and model may be shared between the searchers of many threads.
    """

    def __init__(
        self,
        store: Store,
        index: SearchableIndex,
        embedder: Embedder,
        model: RankingModel | None = None,
        *,
        depth: int = DEPTH,
        clock: Clock = utc_now,
        weights: Mapping[str, float] | None = None,
        bridge: Bridge | None = None,
    ) -> None:
        self._store = store
        self._index = index
        self._embedder = embedder
        self._model = shipped_model() if model is None else model
        self._depth = depth
        self._clock = clock
        self._weights = dict(weights or {})
        self._bridge = Bridge() if bridge is None else bridge

    def search(
        self,
        query: str | Question,
        *,
        title: str = "",
        limit: int = 10,
        kinds: frozenset[Kind] | None = None,
        languages: frozenset[str] | None = None,
        visible_to: frozenset[str] = _PUBLIC,
        exclude: frozenset[DocumentId] = frozenset(),
        per_kind: Mapping[Kind, int] | None = None,
    ) -> tuple[SearchHit, ...]:
        """Find the documents that answer best, each with the passage that does.

        What the index says is checked against the store: what was deleted,
        unlisted or made private since the index was built is not returned, nor
        what is over or does not answer any more. Of a page that exists in several
        versions one is returned: the version that the question names, else the
        current one; of its translations that in the language of the question; of near
        copies the best.

        Args:
            query: Plain text, beyond `MAX_QUERY_CHARS` it is not read; or a question
                with what is known of who asks, and where.
            title: Headline of the question, if it has one and *query* is text.
            limit: At most so many documents, at least 1.
            kinds: ``None`` means all.
            languages: Only documents in one of these, as `kb.tongues.primary` has
                them; ``None`` means all, and those whose language nobody knows.
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
        return self.explain(
            query,
            title=title,
            limit=limit,
            kinds=kinds,
            languages=languages,
            visible_to=visible_to,
            exclude=exclude,
            per_kind=per_kind,
        ).hits

    def explain(
        self,
        query: str | Question,
        *,
        title: str = "",
        limit: int = 10,
        kinds: frozenset[Kind] | None = None,
        languages: frozenset[str] | None = None,
        visible_to: frozenset[str] = _PUBLIC,
        exclude: frozenset[DocumentId] = frozenset(),
        per_kind: Mapping[Kind, int] | None = None,
    ) -> Explained:
        """What `search` returns, and all that it chose from; the same arguments."""
        if limit < 1:
            raise ValueError(f"limit must be >= 1, got {limit}")
        question = query if isinstance(query, Question) else Question(title, query)
        question = question.cut(title=MAX_TITLE_CHARS, body=MAX_QUERY_CHARS)
        if not words(question.text):
            raise InvalidQueryError("the query holds no word to search for")
        corpus = self._index.corpus(self._store, visible_to=visible_to)
        question = self._understood(question, corpus)
        at = self._clock()
        carried = renderings(question, self._bridge, corpus.languages)
        candidates = retrieve(
            question,
            corpus=corpus,
            embedder=self._embedder,
            kinds=Kind if kinds is None else kinds,
            visible_to=visible_to,
            depth=self._depth,
            at=at,
            exclude=exclude,
            renderings=carried,
            languages=languages,
        )
        documents = self._store.documents.summaries(
            sorted({candidate.document_id for candidate in candidates})
        )
        allowed = [
            candidate
            for candidate in candidates
            if may_be_shown(documents.get(candidate.document_id), visible_to, at)
        ]
        rankings = tuple(
            self._ranking(
                kind,
                [c for c in allowed if c.kind is kind],
                documents,
                question,
                # A model that reads all languages has compared sentences, not words
                # in a row: then its cosines count as ever.
                frozenset(
                    each.language for each in carried if not self._embedder.multilingual
                ),
            )
            for kind in Kind
        )
        columns = []
        for ranking in rankings:
            quota = limit if per_kind is None else per_kind.get(ranking.kind, limit)
            columns.append(ranking.kept[: max(quota, 0)])
        shown = merge(columns)[:limit]

        def allowed_too(document: DocumentSummary) -> bool:
            return (
                document.id not in exclude
                and may_be_shown(document, visible_to, at)
                and (languages is None or primary(document.language) in languages)
            )

        own = self._own_language(question, shown, documents, rankings, allowed_too)
        hits = self._hits(question, carried, shown, documents, corpus.lexical, own)
        return Explained(question, rankings, documents, hits, carried)

    def _understood(self, question: Question, corpus: Corpus) -> Question:
        """The question with its language, where that can be told and is of use."""
        among = self._bridge.sources | corpus.languages
        if question.language is not None or not among:
            return question
        language = detect(question.text, among=tuple(sorted(among))) or guess(
            question.text, self._bridge, among=among
        )
        return replace(question, language=language)

    def _ranking(
        self,
        kind: Kind,
        candidates: Sequence[Candidate],
        documents: Mapping[DocumentId, DocumentSummary],
        question: Question,
        carried: frozenset[str],
    ) -> Ranking:
        own = [documents[c.document_id] for c in candidates]
        return ranking_of(
            kind,
            candidates,
            self._model.of(kind),
            documents=documents,
            versions=question.versions,
            texts=self._texts,
            odds=self._odds(question, own),
            carried={d.id for d in own if primary(d.language) in carried},
        )

    def _odds(
        self, question: Question, documents: Sequence[DocumentSummary]
    ) -> dict[DocumentId, float]:
        """What the odds of documents are multiplied with, where it is not 1."""
        odds: dict[DocumentId, float] = {}
        named, own = question.versions, primary(question.language)
        for document in documents:
            weight = odds_of(
                self._weights.get(document.source, 1.0),
                outdated=document.outdated and not is_named(document.version, named),
                foreign=bool(own) and primary(document.language) not in ("", own),
            )
            if weight != 1:
                odds[document.id] = weight
        return odds

    def _texts(self, ids: Sequence[PassageId]) -> dict[PassageId, str]:
        found = self._store.passages.load(ids)
        return {i: passage.text for i, passage in found.items()}

    def _hits(
        self,
        question: Question,
        carried: tuple[Rendering, ...],
        ranked: Sequence[Ranked],
        documents: Mapping[DocumentId, DocumentSummary],
        lexical: LexicalIndex,
        own: Mapping[DocumentId, _Translation],
    ) -> tuple[SearchHit, ...]:
        found = self._store.passages.load([r.candidate.passage_id for r in ranked])
        hits = []
        for r in ranked:
            # Another process may have deleted it since a moment ago.
            if r.candidate.passage_id not in found:
                continue
            passage = self._answering(
                question, carried, found[r.candidate.passage_id], lexical
            )
            document = documents[r.candidate.document_id]
            if document.id in own:
                document, passage = self._translated(own[document.id], passage)
            document, passage = edition_of(
                self._store, question.versions, document, passage
            )
            signals = dict(r.candidate.signals)
            found_id = r.candidate.document_id
            hits.append(
                SearchHit(
                    document,
                    passage,
                    r.score,
                    r.confidence,
                    signals,
                    stands_for=None if document.id == found_id else found_id,
                    contributions=dict(r.contributions),
                )
            )
        return tuple(hits)

    def _own_language(
        self,
        question: Question,
        shown: Sequence[Ranked],
        documents: Mapping[DocumentId, DocumentSummary],
        rankings: Sequence[Ranking],
        allowed: Callable[[DocumentSummary], bool],
    ) -> dict[DocumentId, _Translation]:
        """Of pages in another language than the question's, those that are there in
        its own as well: what helps there helps here, and is read with less effort."""
        language = primary(question.language)
        foreign = {
            d.id: d
            for d in (documents[r.candidate.document_id] for r in shown)
            if language and d.work and primary(d.language) not in ("", language)
        }
        there = {
            document_id: other
            for document_id, others in self._store.works.of(foreign).items()
            for other, spoken in others
            if primary(spoken) == language
        }
        if not there:
            return {}
        pages = self._store.documents.summaries(sorted({*there.values()}))
        nearest = {
            r.candidate.document_id: r.candidate.passage_id
            for ranking in rankings
            for r in ranking.ranked
        }
        return {
            document_id: _Translation(foreign[document_id], pages[i], nearest.get(i))
            for document_id, i in there.items()
            if i in pages and not pages[i].outdated and allowed(pages[i])
        }

    def _translated(
        self, translation: _Translation, passage: Passage
    ) -> tuple[DocumentSummary, Passage]:
        """A page in the language of the question, with what *passage* says there. A
        translation without such a section may not say it: then the page that was found.

        Where the two have no anchor in common these are words of each language, and
        tell nothing: then the passage that was found there, if one was. So is that of
        a headline; what stands below it begins either page.
        """
        page = translation.page
        whole = self._store.passages.of_document(translation.found.id)
        there = self._store.passages.of_document(page.id)
        alike = {p.anchor for p in whole} & {p.anchor for p in there if p.anchor}
        nearest = [p for p in there if p.id == translation.nearest]
        section = [p for p in there if p.anchor in alike and p.anchor == passage.anchor]
        if not section and nearest and not alike:
            return page, nearest[0]
        if not section and whole and passage.anchor == whole[0].anchor:
            section = [p for p in there if p.anchor == there[0].anchor]
        if not section:
            return translation.found, passage
        before = [p for p in whole if p.ordinal < passage.ordinal]
        place = sum(p.anchor == passage.anchor for p in before)
        return page, section[min(place, len(section) - 1)]

    def _answering(
        self,
        question: Question,
        carried: tuple[Rendering, ...],
        found: Passage,
        lexical: LexicalIndex,
    ) -> Passage:
        """What to show of a document: the solution where there is one.

        A thread is mostly found by its question, which looks like the one that
        was asked; what helps is the answer below it.
        """
        solution = {
            p.id: p for p in self._store.passages.of_solution(found.document_id)
        }
        if not solution or found.id in solution:
            return found
        scores = lexical.score(
            question.body,
            list(solution),
            Kind.THREAD,
            title=question.title,
            renderings=carried,
        )
        best = max(solution, key=lambda i: (scores[i].score if i in scores else 0, -i))
        return solution[best]


def edition_of(
    store: Store,
    versions: frozenset[str],
    document: DocumentSummary,
    passage: Passage,
) -> tuple[DocumentSummary, Passage]:
    """The version of a page that is named, with what *passage* says there; both as they
    are where there is no such version."""
    if not document.page or not versions:
        return document, passage
    named = named_among(store.editions.of(document.id), versions)
    if named is None or named == document.id:
        return document, passage
    edition = store.documents.summaries([named]).get(named)
    there = counterpart(passage, store.passages.of_document(named))
    if edition is None or edition.dead or there is None:
        return document, passage
    return edition, there


def counterpart(passage: Passage, others: Sequence[Passage]) -> Passage | None:
    """The passage of another version of a page that says what *passage* says: the one
    that shares most words with it, under the same heading where there is one.

    Returns:
        ``None`` when the other version has no passages.
    """
    said = frozenset(words(passage.text))

    def likeness(other: Passage) -> tuple[float, bool, int]:
        says = frozenset(words(other.text))
        shared = len(said & says) / max(1, len(said | says))
        return shared, other.anchor == passage.anchor, -other.ordinal

    there = [other for other in others if other.anchor == passage.anchor]
    return max(there or others, key=likeness, default=None)


def odds_of(weight: float, *, outdated: bool, foreign: bool) -> float:
    """What the odds of a document are multiplied with.

    Args:
        weight: Of its source.
        outdated: It is of a version that newer ones have no page for, and that the
            question does not name.
        foreign: It is in another language than the question.
    """
    if outdated:
        weight *= OUTDATED_ODDS
    if foreign:
        weight *= FOREIGN_ODDS
    return weight


def merge(columns: Sequence[Sequence[Sure]]) -> list[Sure]:
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


def may_be_shown(
    document: DocumentSummary | None, visible_to: frozenset[str] | None, at: datetime
) -> bool:
    """Whether a reader who may see *visible_to* (``None``: everything) is led to a
    document now; ``None`` is one that is gone."""
    return (
        document is not None
        and document.listed
        and document.current
        and not document.dead
        and (visible_to is None or document.visibility in visible_to)
        and (document.expires_at is None or document.expires_at > at)
    )
