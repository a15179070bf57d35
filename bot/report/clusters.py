"""Questions that mean about the same, and the words that tell them from others. Pure.

Vectors are compared as whole numbers, small enough that single precision adds them up
without an error, in whatever order and on however many threads: so the same questions
always make the same clusters.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bot.report.records import Float32, Int64, Meanings, Past, Texts, Thread
from kb.tongues import primary
from kb.types import DocumentId
from kb.words import is_stopword, spans, stem, words

# The square of what a vector is multiplied with, and some for rounding, is less than
# 2 ** 24, up to which single precision knows each whole number. It costs 0.0007 of a
# cosine at most.
_LENGTH = 4_000.0
_ONE = _LENGTH * _LENGTH

# Rows that are multiplied at a time: with 50,000 columns that takes 100 MB.
_ROWS = 512
# Questions of which neighbours are sought. Of more, every second, third ... may be the
# middle of a cluster: what is lost are clusters that are small among so many.
_MIDDLES = 8_000
# Neighbours that are kept of one of them.
_NEIGHBOURS = 1_000

# Of more, it makes no difference to the middle and the width of their cosines.
_SAMPLE = 1_000
_FEW = 30


# -- meaning -------------------------------------------------------------------


def whole(vectors: Float32) -> Float32:
    """Vectors as whole numbers, for `cosines`.

    Args:
        vectors: Rows L2-normalised.
    """
    rounded: Float32 = np.rint(vectors * np.float32(_LENGTH))
    return rounded


def cosines(rows: Float32, columns: Float32) -> Float32:
    """Cosine of each row with each column, both as `whole` makes them.

    Exact but for the rounding of `whole`, thus at most 0.001 above 1, of which what is
    shown must be cut.

    >>> np.round(cosines(whole(np.eye(2)), whole(np.array([[0.6, 0.8]]))), 3).tolist()
    [[0.6], [0.8]]
    """
    found: Float32 = (rows @ columns.T) / np.float32(_ONE)
    return found


def shown(cosine: float) -> float:
    """A cosine as a report tells it.

    >>> shown(1.0004), shown(0.65432)
    (1.0, 0.654)
    """
    return round(min(max(float(cosine), -1.0), 1.0), 3)


# Of subjects, which are wider than repeats: one page may answer all that are about one
# thing. With the packaged model 0.6 on the Slicer forum.
_SUBJECT_DEVIATIONS, _SUBJECT_LEAST = 3.5, 0.55


def subject_near(past: Past, meanings: Meanings) -> float:
    """From which cosine on two questions are about one subject, see `near_enough`."""
    _, vectors = meanings.of([thread.id for thread in past.threads])
    return near_enough(vectors, deviations=_SUBJECT_DEVIATIONS, least=_SUBJECT_LEAST)


def near_enough(vectors: Float32, *, deviations: float, least: float) -> float:
    """From which cosine on two questions of a forum are more alike than by chance.

    Models differ in what they give to unlike texts: one 0.1, another 0.8. So it is the
    middle of the cosines of any two questions and some *deviations*. How wide they
    spread is seen below the middle, where no pair is that asks the same.

    Args:
        vectors: Of questions of the whole forum, rows L2-normalised.
        least: Never less than this; all there is to go by where questions are few.
    """
    if len(vectors) < _FEW:
        return least
    step = math.ceil(len(vectors) / _SAMPLE)
    some = whole(vectors[::step])
    pairs = cosines(some, some)[np.triu_indices(len(some), 1)]
    low, middle = np.quantile(pairs, [0.1587, 0.5])
    return float(min(max(middle + deviations * (middle - low), least), 0.97))


def nearest(
    rows: Float32,
    columns: Float32,
    *,
    threshold: float,
    most: int,
    before: Int64 | None = None,
) -> Iterator[tuple[Int64, Float32]]:
    """For each row the columns that are near it, and their cosines; by column.

    Args:
        rows, columns: As `whole` makes them.
        threshold: Least cosine.
        most: Of more, the nearest; of equals the first.
        before: Of each row: only columns before this one.
    """
    for start in range(0, len(rows), _ROWS):
        block = cosines(rows[start : start + _ROWS], columns)
        for place, line in enumerate(block, start):
            seen = line if before is None else line[: before[place]]
            near = np.flatnonzero(seen >= threshold)
            if len(near) > most:
                last = np.partition(seen[near], -most)[-most]
                above = near[seen[near] > last]
                ties = near[seen[near] == last][: most - len(above)]
                near = np.sort(np.concatenate([above, ties]))
            yield near, seen[near]


def clusters(vectors: Float32, *, threshold: float, size: int) -> list[Int64]:
    """Questions that lie around one of them, largest cluster first.

    All members are near the middle one, which comes first; then the nearer. So nothing
    is drawn out into a chain of which the ends have nothing in common. The largest
    possible cluster is taken first, then the largest of what is left; last, each
    question goes to the middle that is nearest. What is near none is in no cluster.

    Args:
        vectors: Rows L2-normalised, in an order that does not change: of equals the
            first counts.
        threshold: Least cosine to the middle.
        size: The least number of members.

    Returns:
        Rows of *vectors*, each in one cluster at most.
    """
    if len(vectors) < size:
        return []
    points = whole(vectors)
    middles = _middles(points, threshold, size)
    # What was in the middle of everything near it need not be in the middle of what
    # the other clusters left to it.
    parted = [each for each in _parted(points, middles, threshold) if len(each) >= size]
    middles = [_middle_of(points, each) for each in parted]
    parted = [each for each in _parted(points, middles, threshold) if len(each) >= size]
    return sorted(parted, key=lambda each: (-len(each), int(each[0])))


def _middles(points: Float32, threshold: float, size: int) -> list[int]:
    """Rows that have many neighbours which no earlier one of them has."""
    rows = np.arange(0, len(points), math.ceil(len(points) / _MIDDLES))
    near = [
        columns
        for columns, _ in nearest(
            points[rows], points, threshold=threshold, most=max(_NEIGHBOURS, size)
        )
    ]
    taken = np.zeros(len(points), dtype=np.bool_)
    queue = [(-len(each), place) for place, each in enumerate(near)]
    heapq.heapify(queue)
    middles: list[int] = []
    while queue:
        promised, place = heapq.heappop(queue)
        left = int(np.count_nonzero(~taken[near[place]]))
        if taken[rows[place]] or left < size:
            continue
        if left < -promised:
            heapq.heappush(queue, (-left, place))
            continue
        taken[near[place]] = True
        middles.append(int(rows[place]))
    return middles


def _parted(points: Float32, middles: Sequence[int], threshold: float) -> list[Int64]:
    """The rows that are nearest to each of *middles*, itself first, then the nearer."""
    if not middles:
        return []
    centres = points[list(middles)]
    own = np.full(len(points), -1, dtype=np.int64)
    cosine = np.zeros(len(points), dtype=np.float32)
    for start in range(0, len(points), _ROWS):
        block = cosines(points[start : start + _ROWS], centres)
        best = block.argmax(axis=1)
        height = block[np.arange(len(block)), best]
        own[start : start + _ROWS] = np.where(height >= threshold, best, -1)
        cosine[start : start + _ROWS] = height
    own[list(middles)] = np.arange(len(middles))
    cosine[list(middles)] = np.inf
    # By cluster, then by cosine, then by row.
    order = np.lexsort((-cosine, own))
    starts = np.searchsorted(own[order], np.arange(len(middles) + 1))
    return [order[a:b] for a, b in pairwise(starts)]


def _middle_of(points: Float32, members: Int64) -> int:
    """The member that is most like all of them together; of equals the first."""
    ordered = np.sort(members)
    some = points[ordered].astype(np.float64)
    return int(ordered[np.argmax(some @ some.sum(axis=0))])


# -- words ---------------------------------------------------------------------

# The end of a long question is logs and thanks.
_CHARS = 2_000
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
# Threads that tell how common a word is; of more, every second, third ...
_SEEN = 3_000
_BATCH = 500
# What is known of a word before a cluster is looked at weighs as much as so many
# questions: a word that two of three share tells little, one of twenty of thirty much.
_PRIOR = 10.0
_SURE = 2.0
_WRITTEN = 30
_SAYS_ENOUGH = math.log(10)
_RARE = 0.03
_RARE_COUNT = 3


def words_of(text: str, language: str | None) -> frozenset[str]:
    """Stems of the words in the beginning of a text; numbers, addresses and words of
    grammar are none.

    >>> sorted(words_of("Importing 3 files, v2, see https://example.org", "en"))
    ['file', 'import', 'see', 'v2']
    """
    said = set(words(_beginning(text)))
    return frozenset(stem(word, language) for word in said if _is_word(word))


def _beginning(text: str) -> str:
    return _ADDRESS.sub(" ", text[:_CHARS])


def _is_word(word: str) -> bool:
    return len(word) > 1 and not word.isdecimal() and not is_stopword(word)


def in_batches(
    texts: Texts, ids: Iterable[DocumentId]
) -> Iterator[tuple[DocumentId, str]]:
    """What threads open with, by id; those of which nothing may be told are absent."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), _BATCH):
        some = texts.openings(ordered[start : start + _BATCH])
        yield from sorted(some.items())


@dataclass(frozen=True, slots=True)
class Common:
    """How common words are in the questions of a forum.

    Attributes:
        size: Of how many questions that is told.
        counts: How many of them have a word, by stem.
        known: Their words; to tell a cluster from the *others*.
        sizes, by_language: The same for each language.
    """

    size: int
    counts: Mapping[str, int]
    known: Mapping[DocumentId, frozenset[str]]
    sizes: Mapping[str, int]
    by_language: Mapping[str, Mapping[str, int]]

    def is_rare(self, word: str, language: str | None) -> bool:
        """Whether a stem says what a question of a language is about.

        That is what three in a hundred have, and three more: all of a small forum is
        about a few things.
        """
        count, size = self._known_of(word, language)
        return count <= _RARE_COUNT + _RARE * size

    def weight(self, word: str, language: str | None) -> float:
        """How much a stem says: the logarithm of one in how many questions of a
        language has it.

        A word never seen counts as seen half a time: the rarer the more are known.
        """
        count, size = self._known_of(word, language)
        return math.log((size + 1) / (count + 0.5))

    def rarity(self, word: str) -> float:
        """The same among questions of all languages."""
        return math.log((self.size + 1) / (self.counts.get(word, 0) + 0.5))

    def _known_of(self, word: str, language: str | None) -> tuple[int, int]:
        name = primary(language) or ""
        count = self.by_language.get(name, {}).get(word, 0)
        return count, self.sizes.get(name, 0)


def common_words(threads: Sequence[Thread], texts: Texts) -> Common:
    """How common words are, told by a part of *threads*, evenly spread over them."""
    step = max(math.ceil(len(threads) / _SEEN), 1)
    languages = {
        thread.id: primary(thread.language) or "" for thread in threads[::step]
    }
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    by_language: dict[str, Counter[str]] = {}
    known: dict[DocumentId, frozenset[str]] = {}
    for i, text in in_batches(texts, languages):
        language = languages[i]
        known[i] = words_of(text, language)
        counts.update(known[i])
        sizes[language] += 1
        by_language.setdefault(language, Counter()).update(known[i])
    return Common(len(known), counts, known, sizes, by_language)


def telling(
    members: Mapping[DocumentId, frozenset[str]], common: Common, *, limit: int
) -> list[str]:
    """Stems that tell some questions from all others, most telling first.

    By how much likelier a question of them has the word than another: the logarithm of
    the ratio of odds, with what is known of all questions as prior, divided by its
    standard deviation. Greetings and small words are as likely everywhere, and need no
    list to be left out. Of those that are left, words of more than one in ten of all
    questions count the less the more have them.

    Args:
        members: The words of each.

    Source:
        Monroe, Colaresi and Quinn, Fightin' Words, 2008, doi:10.1093/pan/mpn018.
    """
    own = Counter(word for each in members.values() for word in each)
    both = [common.known[i] for i in members if i in common.known]
    shared = Counter(word for each in both for word in each)
    others = max(common.size - len(both), 0)
    scores = {}
    for word, count in own.items():
        if count < 2:
            continue
        elsewhere = common.counts.get(word, 0) - shared[word]
        prior = _PRIOR * (common.counts.get(word, 0) + 0.5) / (common.size + 1)
        scores[word] = _log_odds(count, len(members), elsewhere, others, prior)
    told = {
        word: score * min(common.rarity(word) / _SAYS_ENOUGH, 1.0)
        for word, score in scores.items()
        if score >= _SURE
    }
    return sorted(told, key=lambda word: (-told[word], word))[:limit]


def _log_odds(now: int, of: int, before: int, of_before: int, prior: float) -> float:
    """How sure it is that something is likelier here than there: a z-score.

    Args:
        now, before: How often it is, among *of* and among *of_before*.
        prior: How often it is among `_PRIOR` of which nothing is known yet.

    >>> round(_log_odds(12, 100, 2, 100, 0.7), 2), _log_odds(5, 50, 5, 50, 1.0)
    (2.4, 0.0)
    """
    here, not_here = now + prior, max(of + _PRIOR - now - prior, 0.5)
    there, not_there = before + prior, max(of_before + _PRIOR - before - prior, 0.5)
    difference = math.log(here / not_here) - math.log(there / not_there)
    return difference / math.sqrt(
        sum(1 / n for n in (here, not_here, there, not_there))
    )


def as_written(
    stems: Sequence[str], texts: Iterable[tuple[str, str | None]]
) -> tuple[str, ...]:
    """Stems as people write them: each in its most common form.

    Args:
        texts: With their language; some of those that have the words. A form that is
            written with small letters comes before others as common.
    """
    forms: dict[str, Counter[str]] = {each: Counter() for each in stems}
    for text, language in texts:
        found = {
            (each, written)
            for word, written in spans(_beginning(text))
            if (each := stem(word, language)) in forms
        }
        for each, written in found:
            forms[each][written] += 1
    return tuple(
        min(forms[each], key=lambda form: (-forms[each][form], form.swapcase()))
        if forms[each]
        else each
        for each in stems
    )


def labelled(
    members: Sequence[Thread],
    openings: Mapping[DocumentId, str],
    common: Common,
    *,
    limit: int,
) -> tuple[str, ...]:
    """The words that tell questions from all others, as people write them.

    Args:
        openings: What they say; those that are absent say nothing.
    """
    said = {
        thread.id: words_of(openings[thread.id], thread.language)
        for thread in members
        if thread.id in openings
    }
    stems = telling(said, common, limit=limit)
    some = [thread for thread in members if thread.id in said][:_WRITTEN]
    return as_written(stems, [(openings[each.id], each.language) for each in some])
