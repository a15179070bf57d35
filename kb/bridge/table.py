"""What words of one language mean in another, as learned from parallel texts; pure.

A word is looked up as it is written, and else by its stem, so that plural, gender and
forms that were never met find what was learned of others. Accents never count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kb.words import stem, words

# Words in a term: "tableau de bord", "unité d'organisation".
MAX_TERM_WORDS = 4
# What is less likely is noise: the word that happened to stand beside it.
LEAST_PROBABILITY = 0.15
MAX_SENSES = 4
# What words mean where they are asked counts so much more than elsewhere.
OWN_WEIGHT = 3
# And where it was met ten times it has the majority, whatever is usual elsewhere.
OTHER_MOST = 30


@dataclass(frozen=True)
class Sense:
    """One thing that a word or term may mean.

    Attributes:
        text: In the other language, as it is mostly written: a word, or a few.
        probability: In (0, 1]; those of all senses add up to 1 at most.
    """

    text: str
    probability: float

    @cached_property
    def words(self) -> tuple[str, ...]:
        """As `kb.words.words` has them."""
        return tuple(words(self.text))


Senses = tuple[Sense, ...]
"""The likeliest first. None: a known word that means nothing by itself: an article."""


@dataclass(frozen=True)
class WordTable:
    """From one language to another.

    Attributes:
        texts: Parallel texts that it was learned from.
        words: Senses of words, as they are written, those met most often first. The
            first of those with one stem stands for it; others are there where they
            mean something else.
        terms: Senses of several words together, as they are written.
        times: How often words and terms were met in these texts.
    """

    source: str
    target: str
    texts: int = 0
    words: Mapping[str, Senses] = field(default_factory=dict)
    terms: Mapping[str, Senses] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)

    def senses(self, word: str) -> Senses | None:
        """Of a word of `kb.words.words`; ``None`` if it is not known."""
        known = self._forms.get(word)
        return known if known is not None else self._stems.get(stem(word, self.source))

    def term(self, some: Sequence[str]) -> Senses | None:
        """Of several words together; ``None`` if they are no term."""
        return self._terms.get(tuple(stem(word, self.source) for word in some))

    def knows(self, word: str) -> bool:
        """Whether it was met, in whatever form."""
        return self.senses(word) is not None

    def rarity(self, word: str) -> float:
        """How much a word says, in (0, 1]: the less often it was met the more.

        How often a word is met falls with its place among all words, so that the
        logarithm of that place goes with what the word says; one that was never met
        says as much as any.

        >>> words = {"the": (), "map": (Sense("carte", 1.0),)}
        >>> table = WordTable("en", "fr", words=words)
        >>> round(table.rarity("the"), 2), round(table.rarity("maps"), 2)
        (0.5, 0.79)
        >>> table.rarity("bread")
        1.0
        """
        place = self._places.get(stem(word, self.source))
        if place is None:
            return 1.0
        return math.log(2 + place) / math.log(2 + len(self._places))

    @cached_property
    def longest(self) -> int:
        """Words of the longest term; 1 where there are none."""
        return max(map(len, self._terms), default=1)

    def over(self, other: WordTable) -> WordTable:
        """This table, and what *other* knows: as if both had been learned from the
        texts of both. How often a word was met decides whose senses count more.
        """
        words, times = _blended(self, other, self.words, other.words)
        terms, more = _blended(self, other, self.terms, other.terms)
        return WordTable(
            self.source, self.target, self.texts, words, terms, {**times, **more}
        )

    def met(self, written: str) -> int:
        """How often a word or term was met, as it is written here; 1 if not told."""
        return self.times.get(written, 1)

    def samples(self, count: int) -> Iterator[tuple[str, Senses]]:
        """Up to so many terms, and so many words, with what they mean.

        Those met most often: they are what people will ask for.
        """
        for part in (self.terms, self.words):
            shown = [(written, senses) for written, senses in part.items() if senses]
            yield from shown[:count]

    @cached_property
    def _forms(self) -> Mapping[str, Senses]:
        return {"".join(words(w)): senses for w, senses in self.words.items()}

    @cached_property
    def _stems(self) -> Mapping[str, Senses]:
        stems: dict[str, Senses] = {}
        for form, senses in self._forms.items():
            stems.setdefault(stem(form, self.source), senses)
        return stems

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {known: place for place, known in enumerate(self._stems)}

    @cached_property
    def _terms(self) -> Mapping[tuple[str, ...], Senses]:
        return {
            tuple(stem(word, self.source) for word in words(written)): senses
            for written, senses in self.terms.items()
        }


def _blended(
    own: WordTable,
    other: WordTable,
    some: Mapping[str, Senses],
    others: Mapping[str, Senses],
) -> tuple[dict[str, Senses], dict[str, int]]:
    found: dict[str, Senses] = {}
    times: dict[str, int] = {}
    known = {_key(own, written): written for written in some}
    theirs = {_key(other, written): written for written in others}
    for key in [*known, *(key for key in theirs if key not in known)]:
        mine, its = known.get(key), theirs.get(key)
        written = mine or its or ""
        if mine is None or its is None:
            table, senses = (own, some[mine]) if mine else (other, others[written])
            found[written], times[written] = senses, table.met(written)
            continue
        a = OWN_WEIGHT * own.met(mine)
        b = min(other.met(its), max(a, OTHER_MOST))
        found[written] = _mean(some[mine], a, others[its], b)
        times[written] = own.met(mine) + other.met(its)
    # The first of those with one stem stands for it, and the first of all are common.
    order = sorted(found, key=lambda written: (-times[written], written))
    return {written: found[written] for written in order}, times


def _key(table: WordTable, written: str) -> tuple[str, ...]:
    """What tells words and terms apart: a word's form, and the stems of a term."""
    said = words(written)
    return tuple(said if len(said) == 1 else (stem(w, table.source) for w in said))


def _mean(some: Senses, a: int, others: Senses, b: int) -> Senses:
    """The senses of both, each by how often its word was met."""
    weights: dict[tuple[str, ...], float] = {}
    texts: dict[tuple[str, ...], str] = {}
    for senses, times in ((some, a), (others, b)):
        for sense in senses:
            key = sense.words
            weights[key] = weights.get(key, 0.0) + sense.probability * times
            texts.setdefault(key, sense.text)
    best = sorted(weights, key=lambda key: (-weights[key], key))[:MAX_SENSES]
    return tuple(
        Sense(texts[key], round(weights[key] / (a + b), 3))
        for key in best
        if weights[key] >= LEAST_PROBABILITY * (a + b)
    )
