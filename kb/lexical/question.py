"""A question as a query: which of its words are sought, and what each weighs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tantivy import Occur, Query, Schema, Searcher

from kb.bridge.rendering import Rendering
from kb.words import identifiers, stem, variants, words

# Measured on 1,027 questions of a Discourse forum, nDCG@10 of the threads that
# helpers linked: passages with their titles 0.184, and with the words of the
# question's title counted twice 0.207. A list of stop words loses (0.197 v
# 0.200: BM25 knows by itself how little they say), and so does keeping only the
# rarest 48 (0.193) or 24 words (0.190).
TITLE_WORD_WEIGHT = 2.0
# A code or path shared in full says more than its words apart.
EXACT_WEIGHT = 1.0

# A post opens with the question and ends in logs: the first words (some 1,500
# characters of prose) are all used, of the rest those that few passages hold.
FIRST_WORDS = 160
RARE_WORDS = 32
MAX_IDENTIFIERS = 32
# Of a view; the words of a few thousand questions, at some 150 bytes each.
_MAX_FREQUENCIES = 50_000

EXACT = "exact"
"""The field of identifiers, in each index that has one."""

Clause = tuple[Occur, Query]


LANGUAGE = "language"
"""The field of the language of a text, `UNKNOWN` where nobody knows."""
UNKNOWN = "und"


@dataclass(frozen=True, eq=False, slots=True)
class Wording:
    """The words of a question in one language.

    Attributes:
        language: Of the texts that it is meant for; ``None``: as it was asked.
        weights: Of each word, in order.
        likeliest: Those of its words that are no second thoughts.
        unknown: Words that were left as they are. Their stem may be known: that of
            "économique" is also that of "economic".
    """

    language: str | None
    weights: Mapping[str, float]
    likeliest: frozenset[str]
    unknown: frozenset[str] = frozenset()

    def forms(self, word: str) -> tuple[str, ...]:
        """The forms under which a word may be indexed, without repeats."""
        if self.language is None or word in self.unknown:
            return variants(word)
        return tuple(dict.fromkeys([stem(word, self.language), word]))


class Question:
    """The words and identifiers of a question, in order; see `question_of`.

    Attributes:
        own: As it was asked.
        others: What it means in other languages.
    """

    def __init__(
        self, query: str, title: str, renderings: Sequence[Rendering] = ()
    ) -> None:
        in_title = dict.fromkeys(words(title), TITLE_WORD_WEIGHT)
        weights = in_title | {
            word: 1.0 for word in words(query) if word not in in_title
        }
        self.own = Wording(None, weights, frozenset(weights))
        self.others = tuple(map(_wording, renderings))
        self.identifiers = identifiers(f"{title}\n{query}")


def _wording(rendering: Rendering) -> Wording:
    weights: dict[str, float] = {}
    likeliest: set[str] = set()
    unknown: set[str] = set()
    for meant, factor in (
        (rendering.title, TITLE_WORD_WEIGHT),
        (rendering.body, 1.0),
    ):
        for each in meant:
            if not each.known:
                unknown.update(each.said)
            for place, sense in enumerate(each.senses):
                for word in sense.words:
                    weight = factor * sense.probability
                    weights[word] = max(weight, weights.get(word, 0.0))
                    if place == 0:
                        likeliest.add(word)
    return Wording(
        rendering.language, weights, frozenset(likeliest), frozenset(unknown)
    )


@lru_cache(maxsize=16)
def question_of(
    query: str, title: str, renderings: tuple[Rendering, ...] = ()
) -> Question:
    """The one `Question` of a text: each kind, index and field is asked the same."""
    return Question(query, title, renderings)


class Terms:
    """What an index knows of the words of questions, as it was at one commit."""

    def __init__(self, schema: Schema, searcher: Searcher) -> None:
        self.schema = schema
        self.documents: int = searcher.num_docs
        self._searcher = searcher
        self._frequencies: dict[tuple[str, str], int] = {}

    def frequency(self, name: str, form: str) -> int:
        """How many hold a form of a word in a field."""
        key = name, form
        known = self._frequencies.get(key)
        if known is None:
            if len(self._frequencies) >= _MAX_FREQUENCIES:
                self._frequencies.clear()
            known = self._frequencies[key] = self._searcher.doc_freq(name, form)
        return known

    def others(self, question: Question) -> list[Wording]:
        """What the question means in languages that some texts here are in."""
        return [
            wording
            for wording in question.others
            if self.frequency(LANGUAGE, wording.language or UNKNOWN)
        ]

    def chosen(self, wording: Wording, field: str) -> list[str]:
        """The words that are searched: the first, and of the rest *field*'s rarest."""
        all_words = list(wording.weights)
        first, rest = all_words[:FIRST_WORDS], all_words[FIRST_WORDS:]
        known = []
        for word in rest:
            frequency = max(self.frequency(field, form) for form in wording.forms(word))
            if frequency:
                known.append((frequency, word))
        return first + [word for _, word in sorted(known)[:RARE_WORDS]]

    def shared_words(
        self,
        question: Question,
        fields: Sequence[tuple[str, float]],
        *,
        by: str,
        mixed: bool = False,
    ) -> list[Clause]:
        """BM25 of the chosen words in each of *fields*, a field by its weight: each
        text is asked in its own language, as far as that is known.

        Args:
            by: The field that tells which words are rare.
            mixed: The fields hold what others wrote, in whatever language.
        """
        others = self.others(question)
        own = self._shared(question.own, fields, by)
        if not others:
            return own
        asked = [own if mixed else [*own, *self._none_of(others)]] if own else []
        for wording in others:
            clauses = self._shared(wording, fields, by)
            if clauses and not mixed:
                # Must: else all texts in the language are found, for nothing.
                some = Query.boolean_query(clauses)
                clauses = [self.of(wording), (Occur.Must, some)]
            if clauses:
                asked.append(clauses)
        # Not a sum: who writes in two languages has not said twice as much.
        queries = [Query.boolean_query(clauses) for clauses in asked]
        return [(Occur.Should, Query.disjunction_max_query(queries))] if queries else []

    def _shared(
        self, wording: Wording, fields: Sequence[tuple[str, float]], by: str
    ) -> list[Clause]:
        return [
            (Occur.Should, _boosted(term(self.schema, name, form), weight))
            for word in self.chosen(wording, by)
            for form in wording.forms(word)
            for name, field_weight in fields
            if self.frequency(name, form)
            for weight in (wording.weights[word] * field_weight,)
        ]

    def _none_of(self, others: Iterable[Wording]) -> list[Clause]:
        """Not in a language that the question was carried into."""
        return [
            (Occur.MustNot, term(self.schema, LANGUAGE, wording.language))
            for wording in others
            if wording.language is not None
        ]

    def of(self, wording: Wording) -> Clause:
        """In the language of a wording, or in one that nobody knows."""
        return within(self.schema, {wording.language or UNKNOWN, UNKNOWN})

    def shared_identifiers(self, question: Question) -> list[Clause]:
        """A constant for each identifier shared, the rarest ones if they are many."""
        frequencies = [(self.frequency(EXACT, i), i) for i in question.identifiers]
        rarest = sorted((number, i) for number, i in frequencies if number)
        clauses = []
        for frequency, identifier in rarest[:MAX_IDENTIFIERS]:
            # A constant: how often or in how long a text an error code stands
            # says nothing.
            weight = EXACT_WEIGHT * idf(frequency, self.documents)
            sought = term(self.schema, EXACT, identifier)
            query = Query.const_score_query(sought, weight)
            clauses.append((Occur.Should, query))
        return clauses


def idf(frequency: int, documents: int) -> float:
    """BM25's idf as Tantivy counts it; *frequency* may be 0.

    >>> round(idf(1, 1000), 2), round(idf(1000, 1000), 4)
    (6.5, 0.0005)
    """
    frequency = min(frequency, documents)
    return math.log1p((documents - frequency + 0.5) / (frequency + 0.5))


def term(schema: Schema, name: str, form: str) -> Query:
    option = "basic" if name in (EXACT, LANGUAGE) else "freq"
    return Query.term_query(schema, name, form, index_option=option)


def within(schema: Schema, languages: Iterable[str]) -> Clause:
    """The condition that a text is in one of *languages*."""
    queries = [term(schema, LANGUAGE, language) for language in sorted(set(languages))]
    return _condition(Query.disjunction_max_query(queries))


def in_languages(
    query: Query, schema: Schema, languages: frozenset[str] | None
) -> Query:
    """What a query finds in texts of these languages; ``None`` for all texts."""
    if languages is None:
        return query
    return Query.boolean_query([(Occur.Must, query), within(schema, languages)])


def all_of(condition: Query, query: Query) -> Query:
    """All that meets the condition, scored by the query; 0 if that finds it not."""
    return Query.boolean_query([_condition(condition), (Occur.Should, query)])


def those_of(condition: Query, query: Query) -> Query:
    """What the query finds and the condition lets pass, scored by the query."""
    return Query.boolean_query([_condition(condition), (Occur.Must, query)])


def _condition(query: Query) -> Clause:
    return Occur.Must, Query.const_score_query(query, 0.0)


def _boosted(query: Query, weight: float) -> Query:
    return query if weight == 1.0 else Query.boost_query(query, weight)
