"""Passages by their words: BM25 over title, heading and body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from tantivy import Document, Occur, Query

from kb.bridge.rendering import Rendering
from kb.lexical.protocol import LexicalHit, LexicalScore
from kb.lexical.question import (
    EXACT,
    LANGUAGE,
    UNKNOWN,
    Clause,
    Question,
    Terms,
    Wording,
    all_of,
    idf,
    in_languages,
    question_of,
    term,
)
from kb.lexical.shard import Shard, View, schema_of
from kb.lexical.shards import Shards, remove_elsewhere
from kb.tongues import primary
from kb.types import DocumentId, IndexablePassage, Kind, PassageId
from kb.words import identifiers, stemmed, variants

# Part of the index's stamp: raise it whenever fields or their analysis change.
LEXICAL_FORMAT = "words-3"

# Measured on 1,027 questions of a Discourse forum, nDCG@10 of the threads that
# helpers linked: body alone 0.154, with titles at half weight 0.184. Titles at
# full weight lose (0.198 v 0.201, with the question's title counted twice).
FIELD_WEIGHTS = {"body": 1.0, "title": 0.5, "heading": 0.5}

# Coverage leaves out words in more than an eighth of all passages, once those
# are many: they carry little of the mass and cost nearly all of the time.
COMMON_IDF = 2.0
COMMON_PASSAGES = 1_000

_SHARE_DIGITS = 3
_SCHEMA = schema_of(FIELD_WEIGHTS, numbers=["document"])


class TantivyIndex:
    """`LexicalIndex` on Tantivy, in a folder or in memory; see `Shards`."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    @classmethod
    def create(cls, path: Path | None) -> Self:
        """Make an empty index in a new or empty folder; ``None`` keeps it in memory.

        Raises:
            SearchIndexError: The folder holds something, or cannot be written.
        """
        return cls(Shards.create(_SCHEMA, path))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open what `create` made.

        Raises:
            IndexMissingError: There is no such folder.
            CorruptIndexError: Its files are damaged or incomplete.
        """
        return cls(Shards.open(_SCHEMA, path))

    def add(self, passages: Iterable[IndexablePassage]) -> None:
        for passage in passages:
            own = self._shards.of(passage.kind, passage.visibility)
            own.put(passage.id, _document(passage))
            others = self._shards.seen(passage.kind, None)
            remove_elsewhere(others, own, passage.id)

    def remove(self, ids: Iterable[PassageId]) -> None:
        # Ids of gone passages come without their kind and visibility.
        some = list(ids)
        for shard in self._shards.all():
            shard.remove(some)

    def commit(self) -> None:
        for shard in self._shards.all():
            shard.commit()

    def search(
        self,
        query: str,
        k: int,
        *,
        kinds: frozenset[Kind] | None = None,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
        languages: frozenset[str] | None = None,
    ) -> list[LexicalHit]:
        if k < 1:
            raise ValueError(f"k must be >= 1, got {k}")
        question = question_of(query, title, renderings)
        hits = [
            hit
            for kind in Kind
            if kinds is None or kind in kinds
            for shard in self._shards.seen(kind, visible_to)
            for hit in _search(shard, question, k, languages)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]

    def score(
        self,
        query: str,
        ids: Sequence[PassageId],
        kind: Kind,
        *,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
    ) -> dict[PassageId, LexicalScore]:
        question = question_of(query, title, renderings)
        scores: dict[PassageId, LexicalScore] = {}
        left = list(dict.fromkeys(ids))
        for shard in self._shards.seen(kind, visible_to):
            if left:
                scores |= _score(shard, question, left)
                left = [i for i in left if i not in scores]
        return dict(sorted(scores.items()))

    def holding(
        self,
        sought: Sequence[str],
        k: int,
        *,
        kind: Kind,
        visible_to: frozenset[str] | None = None,
    ) -> list[LexicalHit]:
        """Passages of one kind that hold all of these words, the best *k* by BM25.

        Args:
            sought: As `kb.words.words` gives them; at least one.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """
        return [
            hit
            for shard in self._shards.seen(kind, visible_to)
            for hit in _holding(shard, sought, k)
        ]

    def frequency(self, word: str, *, visible_to: frozenset[str] | None = None) -> int:
        """How many passages that may be seen hold a word, in its commonest form."""
        return sum(
            max(
                view.terms.frequency(name, form)
                for name in FIELD_WEIGHTS
                for form in variants(word)
            )
            for kind in Kind
            for shard in self._shards.seen(kind, visible_to)
            for view in (shard.view,)
            if view.terms.documents
        )

    def like(
        self,
        word: str,
        k: int,
        *,
        distance: int,
        visible_to: frozenset[str] | None = None,
    ) -> list[LexicalHit]:
        """Passages that hold a word spelled about like this one; 0 as *distance*: one
        that begins with it.

        Args:
            distance: Edits apart at most, 0 to 2; two letters that changed places are
                one.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """
        return [
            hit
            for kind in Kind
            for shard in self._shards.seen(kind, visible_to)
            for hit in _like(shard, word, k, distance)
        ]

    def close(self) -> None:
        for shard in self._shards.all():
            shard.close()


def _document(passage: IndexablePassage) -> Document:
    document = Document()
    document.add_unsigned("id", passage.id)
    document.add_unsigned("document", passage.document_id)
    for name, text in (
        ("title", passage.title),
        ("heading", passage.heading),
        ("body", passage.text),
    ):
        document.add_text(name, stemmed(text, passage.language))
    whole = f"{passage.title}\n{passage.heading}\n{passage.text}"
    document.add_text(EXACT, " ".join(identifiers(whole, prefixes=True)))
    document.add_text(LANGUAGE, primary(passage.language) or UNKNOWN)
    return document


def _search(
    shard: Shard, question: Question, k: int, languages: frozenset[str] | None
) -> list[LexicalHit]:
    with shard.reading() as view:
        if not view.terms.documents:
            return []
        query = _ranking(view, question)
        if query is None:
            return []
        return _hits(view, in_languages(query, _SCHEMA, languages), k)


def _holding(shard: Shard, sought: Sequence[str], k: int) -> list[LexicalHit]:
    with shard.reading() as view:
        if not view.terms.documents:
            return []
        clauses = []
        for word in dict.fromkeys(sought):
            places = [
                term(_SCHEMA, name, form)
                for name in FIELD_WEIGHTS
                for form in variants(word)
                if view.terms.frequency(name, form)
            ]
            if not places:
                return []
            clauses.append((Occur.Must, Query.disjunction_max_query(places)))
        return _hits(view, Query.boolean_query(clauses), k)


def _like(shard: Shard, word: str, k: int, distance: int) -> list[LexicalHit]:
    with shard.reading() as view:
        if not view.terms.documents:
            return []
        forms = dict.fromkeys([word, *variants(word)] if distance else [word])
        queries = [
            Query.fuzzy_term_query(
                _SCHEMA,
                name,
                form,
                distance=distance,
                transposition_cost_one=True,
                prefix=not distance,
            )
            for name in ("body", "title")
            for form in forms
        ]
        return _hits(view, Query.disjunction_max_query(queries), k)


def _hits(view: View, query: Query, k: int) -> list[LexicalHit]:
    found = view.best(query, k)
    ids = view.column("id", found)
    documents = view.column("document", found)
    hits = [
        LexicalHit(PassageId(i), DocumentId(d), score)
        for score, i, d in zip(found.scores, ids, documents, strict=True)
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]


def _score(
    shard: Shard, question: Question, ids: Sequence[PassageId]
) -> dict[PassageId, LexicalScore]:
    with shard.reading() as view:
        if not view.terms.documents:
            return {}
        among = view.among(ids)
        ranking = _ranking(view, question) or Query.empty_query()
        parts, mass = _coverage(view, question)
        scores = _scores(view, all_of(among, ranking), len(ids))
        covered = _scores(view, all_of(among, parts), len(ids))
    return {
        passage_id: LexicalScore(
            score=score,
            coverage=round(covered[passage_id] / mass, _SHARE_DIGITS) if mass else 0.0,
        )
        for passage_id, score in scores.items()
    }


def _scores(view: View, query: Query, limit: int) -> dict[PassageId, float]:
    found = view.found(query, limit)
    ids = view.column("id", found)
    return {PassageId(i): score for i, score in zip(ids, found.scores, strict=True)}


def _ranking(view: View, question: Question) -> Query | None:
    """Any of the question's words, ranked by BM25; ``None`` if none is known."""

    def make() -> Query | None:
        terms = view.terms
        fields = list(FIELD_WEIGHTS.items())
        clauses = [
            *terms.shared_words(question, fields, by="body"),
            *terms.shared_identifiers(question),
        ]
        return Query.boolean_query(clauses) if clauses else None

    return view.once(question, make)


def _coverage(view: View, question: Question) -> tuple[Query, float]:
    """A query whose score is the idf mass of the words held, and the whole mass."""
    terms = view.terms
    own, mass = _held(terms, question.own)
    others = terms.others(question)
    if not others:
        return Query.boolean_query(own), mass
    # A share is one in whatever language: that of each is brought to one mass.
    mass = mass or 1.0
    asked = [Query.boolean_query(own)] if own else []
    for wording in others:
        clauses, whole = _held(terms, wording)
        if clauses:
            held = Query.boolean_query([*clauses, terms.of(wording)])
            asked.append(Query.boost_query(held, mass / whole))
    return Query.disjunction_max_query(asked), mass


def _held(terms: Terms, wording: Wording) -> tuple[list[Clause], float]:
    """Each word that is known here, by its idf, and that of all words together."""
    clauses: list[Clause] = []
    mass = 0.0
    for word in terms.chosen(wording, "body"):
        if word not in wording.likeliest:
            continue
        forms = wording.forms(word)
        places = [(name, form) for name in FIELD_WEIGHTS for form in forms]
        frequency = max(terms.frequency(name, form) for name, form in places)
        # A word that was never seen weighs most: its absence is telling.
        weight = wording.weights[word]
        rarity = weight * idf(frequency, terms.documents)
        if frequency > COMMON_PASSAGES and rarity < COMMON_IDF * weight:
            continue
        mass += rarity
        if frequency:
            held = Query.disjunction_max_query(
                [term(_SCHEMA, *p) for p in places if terms.frequency(*p)]
            )
            clauses.append((Occur.Should, Query.const_score_query(held, rarity)))
    return clauses, mass
