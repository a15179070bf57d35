"""Words that nothing here holds, or hardly anything, and what was meant by them.

Taken from what the reader may see: a word is looked up by its stem among those that
the index holds, and read as somebody wrote it in what was found. No dictionary is
kept, so none can be old, or tell a word of a private text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import OSA

from kb.lexical import TantivyIndex
from kb.types import PassageId
from kb.words import words

# A word of so many letters may have one edit, of so many two: with fewer every word
# is like many.
ONE_EDIT, TWO_EDITS = 4, 8
# Passages that are read for how a word is written.
_READ = 12
# A word in so few passages may be an error, if another one is in so many times more.
_RARE, _TIMES = 10, 50
# More are no typing errors, but another language, or a log.
MAX_CORRECTED = 3

Texts = Callable[[Sequence[PassageId]], Iterable[str]]
"""Gives titles and texts of passages, as far as the reader may see them."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """By words as they were asked, what may be meant.

    Attributes:
        certain: Of words that nothing here holds: the others are sought in their place.
        possible: Of words that hardly anything holds: others mistype as well, but who
            typed one of them may mean it.
    """

    certain: Mapping[str, str] = field(default_factory=dict)
    possible: Mapping[str, str] = field(default_factory=dict)


def corrections(
    asked: Sequence[str],
    indexes: Sequence[TantivyIndex],
    texts: Texts,
    *,
    visible_to: frozenset[str] | None,
    unfinished: bool = False,
    means_something: Callable[[str], bool] = lambda _word: False,
) -> Corrections:
    """What to seek in the place of words that are not known.

    Args:
        asked: As `kb.words.words` gives them.
        unfinished: The last of them may be the beginning of one.
        means_something: Tells words that are no errors, though nothing here holds them.

    Raises:
        CorruptIndexError: The files of an index are damaged.
    """

    def held(word: str) -> int:
        return sum(index.frequency(word, visible_to=visible_to) for index in indexes)

    rare = {
        word: frequency
        for word in dict.fromkeys(asked)
        if (frequency := held(word)) <= _RARE and not means_something(word)
    }
    certain: dict[str, str] = {}
    possible: dict[str, str] = {}
    for word, frequency in [*rare.items()][:MAX_CORRECTED]:
        other = None
        if unfinished and word == asked[-1] and not frequency:
            other = _completed(word, indexes, texts, visible_to)
        other = other or _nearest(word, indexes, texts, visible_to)
        if other and held(other) > _TIMES * frequency:
            (possible if frequency else certain)[word] = other
    return Corrections(certain, possible)


def edits(word: str) -> int:
    """How many edits away a word may be meant.

    >>> edits("api"), edits("traker"), edits("analtyics"), edits("e1063")
    (0, 1, 2, 0)
    """
    if not word.isalpha() or len(word) < ONE_EDIT:
        return 0
    return 1 if len(word) < TWO_EDITS else 2


def _nearest(
    word: str,
    indexes: Sequence[TantivyIndex],
    texts: Texts,
    visible_to: frozenset[str] | None,
) -> str | None:
    for distance in range(1, edits(word) + 1):
        counted = _written(
            indexes,
            texts,
            visible_to,
            word,
            distance,
            lambda other, distance=distance: (  # type: ignore[misc]
                OSA.distance(word, other, score_cutoff=distance) <= distance
            ),
        )
        if counted:
            # People mistype the end and the middle, hardly ever the first letter.
            return min(
                counted,
                key=lambda other: (
                    OSA.distance(word, other),
                    other[0] != word[0],
                    -counted[other],
                    other,
                ),
            )
    return None


def _completed(
    word: str,
    indexes: Sequence[TantivyIndex],
    texts: Texts,
    visible_to: frozenset[str] | None,
) -> str | None:
    if len(word) < 2:
        return None
    counted = _written(
        indexes, texts, visible_to, word, 0, lambda other: other.startswith(word)
    )
    return min(
        counted, key=lambda other: (-counted[other], len(other), other), default=None
    )


def _written(
    indexes: Sequence[TantivyIndex],
    texts: Texts,
    visible_to: frozenset[str] | None,
    word: str,
    distance: int,
    fits: Callable[[str], bool],
) -> Counter[str]:
    """The words that fit, as they are written in what was found, with their numbers."""
    ids = [
        hit.passage_id
        for index in indexes
        for hit in index.like(word, _READ, distance=distance, visible_to=visible_to)
    ]
    counted: Counter[str] = Counter()
    for text in texts(ids[: 4 * _READ]):
        counted.update(other for other in words(text) if other != word and fits(other))
    return counted
