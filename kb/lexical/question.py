"""A question as a query: which of its words are sought, and what each weighs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from tantivy import Occur, Query, Schema, Searcher

from kb.words import identifiers, variants, words

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


class Question:
    """The distinct words and identifiers of a question, in order; see `question_of`."""

    def __init__(self, query: str, title: str) -> None:
        in_title = dict.fromkeys(words(title))
        self.words = list(in_title | dict.fromkeys(words(query)))
        self.identifiers = identifiers(f"{title}\n{query}")
        self._in_title = in_title

    def weight(self, word: str) -> float:
        return TITLE_WORD_WEIGHT if word in self._in_title else 1.0


@lru_cache(maxsize=16)
def question_of(query: str, title: str) -> Question:
    """The one `Question` of a text: each kind, index and field is asked the same."""
    return Question(query, title)


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

    def chosen(self, question: Question, field: str) -> list[str]:
        """The words that are searched: the first, and of the rest *field*'s rarest."""
        first, rest = question.words[:FIRST_WORDS], question.words[FIRST_WORDS:]
        known = []
        for word in rest:
            frequency = max(self.frequency(field, form) for form in variants(word))
            if frequency:
                known.append((frequency, word))
        return first + [word for _, word in sorted(known)[:RARE_WORDS]]

    def shared_words(
        self,
        question: Question,
        chosen: Iterable[str],
        fields: Iterable[tuple[str, float]],
    ) -> list[Clause]:
        """BM25 of each chosen word in each of *fields*, a field by its weight."""
        return [
            (Occur.Should, _boosted(term(self.schema, name, form), weight))
            for word in chosen
            for form in variants(word)
            for name, field_weight in fields
            if self.frequency(name, form)
            for weight in (question.weight(word) * field_weight,)
        ]

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
    option = "basic" if name == EXACT else "freq"
    return Query.term_query(schema, name, form, index_option=option)


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
