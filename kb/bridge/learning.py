"""Learning word tables from parallel texts; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

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
from kb.tongues import primary
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
    merged = _merged(pairs)
    for done, languages in enumerate(sorted(merged)):
        if progress is not None:
            progress(languages, done, len(merged))
        source, target = languages
        tables += _learn(source, target, merged[languages])
    return Bridge({(t.source, t.target): t for t in tables if t.words})


def _merged(pairs: Mapping[Pair, Iterable[Pair]]) -> dict[Pair, Iterable[Pair]]:
    """By languages as `primary` has them: so they are looked up, and "tl" of one source
    is "fil" of another."""
    merged: dict[Pair, Iterable[Pair]] = {}
    for languages in sorted(pairs):
        source, target = map(primary, languages)
        texts = pairs[languages]
        if (target, source) in merged:
            source, target = target, source
            texts = ((translation, text) for text, translation in texts)
        # What is no language, or the same one, is nobody's to carry.
        if source and target and source != target:
            merged[source, target] = chain(merged.get((source, target), ()), texts)
    return merged


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
    back = Links(links.text, links.target, links.source, links.probability)
    forth_words, back_words = _words(own, other, links), _words(other, own, back)
    yield _table(own, other, links, forth_words, _means(back_words[0]))
    yield _table(other, own, back, back_words, _means(forth_words[0]))


def _means(known: Mapping[str, Senses]) -> frozenset[str]:
    """The words that mean something by themselves."""
    return frozenset(written for written, senses in known.items() if senses)


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


def _table(
    own: _Side,
    other: _Side,
    links: Links,
    known: tuple[dict[str, Senses], dict[str, int]],
    meaning: Collection[str],
) -> WordTable:
    runs = _runs_of(own, other, links)
    found, times = _whole(known[0], own, runs, meaning), known[1]
    table = WordTable(own.language, other.language, len(own.forms), found)
    terms, more = _terms(runs, table)
    return replace(table, terms=terms, times={**times, **more})


_Counts = defaultdict[str, defaultdict[int, float]]
"""By a word, how often each stem of the other language stood for it."""

_Run = tuple[int, ...]
"""Words in a row, by the numbers of their stems."""

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


@dataclass(slots=True)
class _Runs:
    """Words in a row, by the numbers of their stems, with what stands for them.

    Attributes:
        met: How often.
        spelled: How, where something stands for them.
        meant: The runs of the other language that do.
        texts: How these are spelled: singular and plural are one sense.
    """

    met: Counter[_Run] = field(default_factory=Counter)
    spelled: defaultdict[_Run, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    meant: defaultdict[_Run, Counter[_Run]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    texts: defaultdict[_Run, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def senses(self, key: _Run) -> Senses:
        """None where nothing stands for it as a rule."""
        met, meant = self.met[key], self.meant[key]
        if met < _TERM_TIMES:
            return ()
        best = sorted(meant, key=lambda sense: (-meant[sense], sense))
        senses = tuple(
            Sense(_usual(self.texts[sense]), round(meant[sense] / met, 3))
            for sense in best[:MAX_SENSES]
            if meant[sense] >= LEAST_PROBABILITY * met
        )
        return senses if senses and senses[0].probability >= _TERM_PROBABILITY else ()


def _runs_of(own: _Side, other: _Side, links: Links) -> _Runs:
    """
    Source:
        Koehn, Och and Marcu, Statistical Phrase-Based Translation, NAACL 2003,
        https://aclanthology.org/N03-1017 (which runs of words belong together).
    """
    sure: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for text, source, target, _ in _rows(links, _SURE):
        sure[text].append((source, target))
    runs = _Runs()
    for text, numbers in enumerate(own.numbers):
        for start, end in _runs(len(numbers)):
            key = tuple(numbers[start:end])
            runs.met[key] += 1
            run = _translation(start, end, sure[text], len(other.numbers[text]))
            if run is None:
                continue
            runs.spelled[key][" ".join(own.written[text][start:end])] += 1
            sense = tuple(other.numbers[text][slice(*run)])
            runs.meant[key][sense] += 1
            runs.texts[sense][" ".join(other.written[text][slice(*run)])] += 1
    return runs


def _whole(
    known: Mapping[str, Senses], own: _Side, runs: _Runs, meaning: Collection[str]
) -> dict[str, Senses]:
    """Words with several for their sense where it takes these to say it: a dashboard
    is a "tableau de bord", and neither a "tableau" nor a "bord".

    Args:
        meaning: Words of the other language that mean something: "la carte" is a map
            with an article, and no sense of its own.
    """
    whole = dict(known)
    for written in known:
        number = own.stems.get(stem("".join(words(written)), own.language))
        senses = () if number is None else runs.senses((number,))
        said = senses[0].text.split() if senses else []
        # One by one it would mean either of them: no company that a word often keeps.
        parts = {sense.text for sense in known[written]} & {*said}
        if len(parts) > 1 and said[0] in meaning and said[-1] in meaning:
            whole[written] = senses
    return whole


def _terms(runs: _Runs, table: WordTable) -> tuple[dict[str, Senses], dict[str, int]]:
    """Several words together that do not mean what their words mean one by one."""
    found: dict[str, Senses] = {}
    times: dict[str, int] = {}
    for key in sorted(runs.meant, key=lambda k: (-runs.met[k], k)):
        senses = runs.senses(key) if len(key) > 1 else ()
        if not senses:
            continue
        written = _usual(runs.spelled[key])
        if senses[0].text != _one_by_one(written, table):
            found[written], times[written] = senses, runs.met[key]
    return found, times


def _usual(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda text: (-spellings[text], text))


def _runs(length: int) -> Iterator[tuple[int, int]]:
    for start in range(length):
        for end in range(start + 1, min(start + MAX_TERM_WORDS, length) + 1):
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
