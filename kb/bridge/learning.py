"""Learning word tables from parallel texts; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kb.bridge.align import Links, align
from kb.bridge.bridge import Bridge
from kb.bridge.table import (
    LEAST_PROBABILITY,
    MAX_SENSES,
    MAX_TERM_WORDS,
    Sense,
    Senses,
    WordTable,
)
from kb.words import spans, stem, words

Pair = tuple[str, str]
"""Two languages, or two texts that say the same in them."""

# Beyond, a text is a paragraph whose words are too far apart to be told; and all
# together, at 120 bytes for each two places, should not fill the memory.
MAX_WORDS = 60
MAX_PLACES = 10_000_000

# A word that its texts explain so rarely means nothing by itself ("de": 0.05).
LEAST_ALIGNED = 0.2
# Words whose form was met so often speak half for themselves, half for their stem.
_FORM_COUNT = 2.0
# Forms of a stem are kept apart where a sense of theirs differs by so much.
_FORM_DIFFERENCE = 0.15
# Two words of which this is thought stand for each other, when terms are cut out.
_SURE = 0.1
_TERM_TIMES = 2
_TERM_PROBABILITY = 0.4


def learn_bridge(
    pairs: Mapping[Pair, Iterable[Pair]],
    *,
    progress: Callable[[Pair, int, int], None] | None = None,
) -> Bridge:
    """Learn both ways between each two languages that have texts in common.

    The order of texts does not matter, and of the same two texts one counts. Where
    there are more than `MAX_PLACES` allow, some are left out, evenly spread.

    Args:
        pairs: By two languages, the texts of the one with those of the other.
        progress: Called with each pair before it is learned, with how many are done,
            and how many there are.
    """
    tables: list[WordTable] = []
    for done, languages in enumerate(sorted(pairs)):
        if progress is not None:
            progress(languages, done, len(pairs))
        source, target = languages
        tables += _learn(source, target, pairs[languages])
    return Bridge({(t.source, t.target): t for t in tables if t.words})


@dataclass(slots=True)
class _Side:
    """The texts of one language.

    Attributes:
        written: Of each text, its words as they are written.
        forms: Of each text, its words as `kb.words.words` has them.
        numbers: Of each text, its stems by number.
        stems: The number of each stem.
    """

    language: str
    written: list[list[str]] = field(default_factory=list)
    forms: list[list[str]] = field(default_factory=list)
    numbers: list[list[int]] = field(default_factory=list)
    stems: dict[str, int] = field(default_factory=dict)

    def add(self, text: Sequence[tuple[str, str]]) -> None:
        self.forms.append([form for form, _ in text])
        self.written.append([written.lower() for _, written in text])
        self.numbers.append(
            [
                self.stems.setdefault(stem(form, self.language), len(self.stems))
                for form, _ in text
            ]
        )


def _learn(source: str, target: str, texts: Iterable[Pair]) -> Iterator[WordTable]:
    own, other = _Side(source), _Side(target)
    for text, translation in _chosen(texts):
        own.add(spans(text))
        other.add(spans(translation))
    links = align(own.numbers, other.numbers)
    yield _table(own, other, links)
    back = Links(links.text, links.target, links.source, links.probability)
    yield _table(other, own, back)


def _chosen(texts: Iterable[Pair]) -> Iterator[Pair]:
    """Those to learn from, in order."""
    usable: list[tuple[Pair, int]] = []
    for text, translation in sorted(set(texts)):
        # Untranslated strings say that every word means itself.
        if text.casefold() == translation.casefold():
            continue
        length, other = len(words(text)), len(words(translation))
        if 1 <= length <= MAX_WORDS and 1 <= other <= MAX_WORDS:
            usable.append(((text, translation), length * other))
    most = sum(places for _, places in usable)
    share = min(1.0, MAX_PLACES / most) if most else 1.0
    passed = taken = 0
    for pair, places in usable:
        # From the whole of the alphabet, and long ones as often as short ones.
        passed += places
        if taken < share * passed:
            taken += places
            yield pair


def _table(own: _Side, other: _Side, links: Links) -> WordTable:
    words, times = _words(own, other, links)
    table = WordTable(own.language, other.language, len(own.forms), words)
    terms, more = _terms(own, other, links, table)
    return replace(table, terms=terms, times={**times, **more})


_Counts = defaultdict[str, defaultdict[int, float]]
"""By a word, how often each stem of the other language stood for it."""

# -- words -------------------------------------------------------------------


def _words(
    own: _Side, other: _Side, links: Links
) -> tuple[dict[str, Senses], dict[str, int]]:
    spelled = _spellings(other)
    met = Counter(form for text in own.forms for form in text)
    written: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for forms, texts in zip(own.forms, own.written, strict=True):
        for form, text in zip(forms, texts, strict=True):
            written[form][text] += 1
    of_form: _Counts = defaultdict(lambda: defaultdict(float))
    of_stem: _Counts = defaultdict(lambda: defaultdict(float))
    met_stem: Counter[str] = Counter()
    for form, times in met.items():
        met_stem[stem(form, own.language)] += times
    for place, source, target, probability in _rows(links, 1e-3):
        form, number = own.forms[place][source], other.numbers[place][target]
        of_form[form][number] += probability
        of_stem[stem(form, own.language)][number] += probability

    def senses(counts: Mapping[int, float], times: float) -> Senses:
        total = sum(counts.values())
        if total < LEAST_ALIGNED * times:
            return ()
        best = sorted(counts, key=lambda n: (-counts[n], spelled[n]))[:MAX_SENSES]
        return tuple(
            Sense(spelled[n], round(counts[n] / total, 3))
            for n in best
            if counts[n] >= LEAST_PROBABILITY * total
        )

    found: dict[str, Senses] = {}
    found_times: dict[str, int] = {}
    stands: dict[str, Senses] = {}
    # Those that were met most often first: they stand for their stem.
    for form in sorted(met, key=lambda f: (-met[f], f)):
        root = stem(form, own.language)
        whole, share = of_stem[root], _FORM_COUNT / met_stem[root]
        counts = {n: of_form[form][n] + share * c for n, c in whole.items()}
        meant = senses(counts, met[form] + _FORM_COUNT)
        spelling = _usual(written[form])
        if root not in stands:
            stands[root] = found[spelling] = senses(whole, met_stem[root])
            found_times[spelling] = met_stem[root]
        elif _differ(meant, stands[root]):
            found[spelling], found_times[spelling] = meant, met[form]
    return found, found_times


def _differ(some: Senses, others: Senses) -> bool:
    a = {sense.text: sense.probability for sense in some}
    b = {sense.text: sense.probability for sense in others}
    return any(
        abs(a.get(word, 0.0) - b.get(word, 0.0)) > _FORM_DIFFERENCE for word in a | b
    )


def _spellings(side: _Side) -> list[str]:
    """By number, how a stem is mostly written."""
    counts: list[Counter[str]] = [Counter() for _ in side.stems]
    for numbers, texts in zip(side.numbers, side.written, strict=True):
        for number, text in zip(numbers, texts, strict=True):
            counts[number][text] += 1
    return [_usual(each) for each in counts]


def _rows(links: Links, least: float) -> Iterator[tuple[int, int, int, float]]:
    kept = np.flatnonzero(links.probability >= least)
    return zip(
        links.text[kept].tolist(),
        links.source[kept].tolist(),
        links.target[kept].tolist(),
        links.probability[kept].tolist(),
        strict=True,
    )


# -- terms -------------------------------------------------------------------


def _terms(
    own: _Side, other: _Side, links: Links, table: WordTable
) -> tuple[dict[str, Senses], dict[str, int]]:
    """Several words together that do not mean what their words mean one by one.

    Source:
        Koehn, Och and Marcu, Statistical Phrase-Based Translation, NAACL 2003,
        https://aclanthology.org/N03-1017 (which runs of words belong together).
    """
    sure: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for text, source, target, _ in _rows(links, _SURE):
        sure[text].append((source, target))
    met: Counter[tuple[int, ...]] = Counter()
    spelled: defaultdict[tuple[int, ...], Counter[str]] = defaultdict(Counter)
    meant: defaultdict[tuple[int, ...], Counter[tuple[int, ...]]] = defaultdict(Counter)
    # Of a translation its spelling: singular and plural are one sense.
    texts: defaultdict[tuple[int, ...], Counter[str]] = defaultdict(Counter)
    for text, numbers in enumerate(own.numbers):
        for start, end in _runs(len(numbers)):
            key = tuple(numbers[start:end])
            met[key] += 1
            run = _translation(start, end, sure[text], len(other.numbers[text]))
            if run is None:
                continue
            spelled[key][" ".join(own.written[text][start:end])] += 1
            sense = tuple(other.numbers[text][slice(*run)])
            meant[key][sense] += 1
            texts[sense][" ".join(other.written[text][slice(*run)])] += 1
    found: dict[str, Senses] = {}
    times: dict[str, int] = {}
    for key in sorted(meant, key=lambda k: (-met[k], k)):
        if met[key] < _TERM_TIMES:
            continue
        best = sorted(meant[key], key=lambda sense: (-meant[key][sense], sense))
        senses = tuple(
            Sense(_usual(texts[sense]), round(meant[key][sense] / met[key], 3))
            for sense in best[:MAX_SENSES]
            if meant[key][sense] >= LEAST_PROBABILITY * met[key]
        )
        if not senses or senses[0].probability < _TERM_PROBABILITY:
            continue
        written = _usual(spelled[key])
        if senses[0].text != _one_by_one(written, table):
            found[written], times[written] = senses, met[key]
    return found, times


def _usual(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda text: (-spellings[text], text))


def _runs(length: int) -> Iterator[tuple[int, int]]:
    for start in range(length):
        for end in range(start + 2, min(start + MAX_TERM_WORDS, length) + 1):
            yield start, end


def _translation(
    start: int, end: int, sure: Sequence[tuple[int, int]], length: int
) -> tuple[int, int] | None:
    """The run of words that a run stands for; ``None`` if none stands for it alone.

    Its first and its last word must be explained: "de données" is no term.
    """
    inside = [target for source, target in sure if start <= source < end]
    ends = {source for source, _ in sure}
    if not inside or start not in ends or end - 1 not in ends:
        return None
    first, last = min(inside), max(inside) + 1
    if last - first > MAX_TERM_WORDS or last > length:
        return None
    outside = (target for source, target in sure if not start <= source < end)
    return None if any(first <= t < last for t in outside) else (first, last)


def _one_by_one(written: str, table: WordTable) -> str:
    said = []
    for form, text in spans(written):
        senses = table.senses(form)
        if senses is None:
            said.append(text)
        elif senses:
            said.append(senses[0].text)
    return " ".join(said)
