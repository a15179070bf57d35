"""What words of one language mean in another, as learned from parallel texts; pure.

A word is looked up as it is written, and else by its stem, so that plural, gender and
forms that were never met find what was learned of others. Accents never count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kb.words import stem, words

# Words in a term: "tableau de bord", "unité d'organisation".
MAX_TERM_WORDS = 4


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
        words: Senses of words, as they are written. The first of those with one stem
            stands for it; others are there where they mean something else.
        terms: Senses of several words together, as they are written.
    """

    source: str
    target: str
    texts: int = 0
    words: Mapping[str, Senses] = field(default_factory=dict)
    terms: Mapping[str, Senses] = field(default_factory=dict)

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

    @cached_property
    def longest(self) -> int:
        """Words of the longest term; 1 where there are none."""
        return max(map(len, self._terms), default=1)

    def over(self, other: WordTable) -> WordTable:
        """This table, and what only *other* knows."""
        more = {
            written: senses
            for written, senses in other.words.items()
            if not any(self.knows(word) for word in words(written))
        }
        terms = {
            written: senses
            for written, senses in other.terms.items()
            if self.term(words(written)) is None
        }
        return WordTable(
            self.source,
            self.target,
            self.texts,
            {**self.words, **more},
            {**self.terms, **terms},
        )

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
    def _terms(self) -> Mapping[tuple[str, ...], Senses]:
        return {
            tuple(stem(word, self.source) for word in words(written)): senses
            for written, senses in self.terms.items()
        }
