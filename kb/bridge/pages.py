"""Translated pages as parallel texts: headings, paragraphs and sentences that say the
same. Pure, but for `page_pairs`, which reads the store.

What pairs wrongly teaches wrong words, and there is plenty: where two pages differ too
much to tell what belongs together, nothing is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from kb.bridge.lengths import align_lengths
from kb.store import Store
from kb.types import DocumentId, Passage

Pair = tuple[str, str]

MAX_CHARS = 2_000
"""Of a text: longer ones are data."""

# A translation has about as many characters; below the first length anything goes.
_FREE_CHARS = 25
_MOST_TIMES = 2.5
# Of all characters, those that prose rarely has: code is not translated.
_CODE_SIGNS = frozenset('{}[]<>=;\\/_$#@|^~`"')
_MOST_SIGNS = 0.12
# Of their words two languages share names and numbers; with more it was not translated.
_MOST_SHARED = 0.5
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[\"“«(¿¡]?\s?[^\W\d_a-z])")
_MARKER = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+")
_CELLS = " | "
_HEADINGS = " › "


@dataclass(slots=True)
class Section:
    """What stands below one heading of a page.

    Attributes:
        anchor: Where it is landed on; the same in all languages on many sites.
        heading: Its own, without those above.
        items: Paragraphs, list items and rows of tables, in order.
    """

    anchor: str
    heading: str
    items: list[str] = field(default_factory=list)


def page_pairs(store: Store, a: str, b: str) -> Iterator[Pair]:
    """All that public pages and their translations say in the languages *a* and *b*.

    The same pair may come several times.
    """
    for one, other in store.works.translated(a, b):
        titles = store.documents.summaries([one, other])
        yield from _worth_it([(titles[one].title, titles[other].title)])
        yield from pairs_of(sections_of(store, one), sections_of(store, other))


def sections_of(store: Store, document_id: DocumentId) -> list[Section]:
    """The sections of a stored page."""
    return sections(store.passages.of_document(document_id))


def sections(passages: Iterable[Passage]) -> list[Section]:
    """Passages put together to sections again, without code."""
    found: list[Section] = []
    last: tuple[str, str] | None = None
    for passage in passages:
        place = passage.anchor, passage.heading
        if place != last:
            own = passage.heading.rpartition(_HEADINGS)[2]
            found.append(Section(passage.anchor, own))
            last = place
        found[-1].items.extend(_items(passage.text))
    return found


def pairs_of(one: Sequence[Section], other: Sequence[Section]) -> Iterator[Pair]:
    """What two pages say both.

    Sections are paired by their anchors. Those between two that agree are paired by
    their order if there are as many; if not, their texts are aligned as one.

    >>> fr = [Section("#save", "Garder", ["Cliquez ici.", "Merci à tous."])]
    >>> en = [Section("#save", "Save", ["Click here.", "Thanks to all."])]
    >>> for pair in pairs_of(fr, en):
    ...     print(pair)
    ('Garder', 'Save')
    ('Cliquez ici.', 'Click here.')
    ('Merci à tous.', 'Thanks to all.')
    """
    for some, others in _matched(one, other):
        if len(some) == len(others):
            for mine, yours in zip(some, others, strict=True):
                yield from _worth_it([(mine.heading, yours.heading)])
                yield from _section_pairs(mine.items, yours.items)
        else:
            yield from _section_pairs(
                [item for section in some for item in section.items],
                [item for section in others for item in section.items],
            )


def _matched(
    one: Sequence[Section], other: Sequence[Section]
) -> Iterator[tuple[Sequence[Section], Sequence[Section]]]:
    """Sections that belong together: one by one where anchors agree, else all that
    stand between two such."""
    mine = [section.anchor for section in one]
    yours = [section.anchor for section in other]
    matcher = SequenceMatcher(None, mine, yours, autojunk=False)
    for how, i, j, k, m in matcher.get_opcodes():
        if how == "equal":
            yield from zip(
                ([each] for each in one[i:j]),
                ([each] for each in other[k:m]),
                strict=True,
            )
        elif how == "replace":
            yield one[i:j], other[k:m]


def _section_pairs(one: Sequence[str], other: Sequence[str]) -> Iterator[Pair]:
    """Items that say the same, cut into sentences where both have as many or these
    can be aligned by their lengths."""
    for item, translation in _worth_it(_aligned(one, other)):
        cells, more = item.split(_CELLS), translation.split(_CELLS)
        if len(cells) > 1 or len(more) > 1:
            if len(cells) == len(more):
                yield from _worth_it(zip(cells, more, strict=True))
            continue
        mine, yours = _SENTENCE_END.split(item), _SENTENCE_END.split(translation)
        if len(mine) == len(yours) == 1:
            yield item, translation
        else:
            yield from _worth_it(_aligned(mine, yours))


def _aligned(one: Sequence[str], other: Sequence[str]) -> Iterator[Pair]:
    """One to one where there are as many and none rules that out, else by lengths."""
    if len(one) == len(other):
        pairs = list(zip(one, other, strict=True))
        if all(_could_be(*pair) for pair in pairs):
            yield from pairs
            return
    for some, others in align_lengths([*map(len, one)], [*map(len, other)]):
        yield (
            " ".join(one[some.start : some.stop]),
            " ".join(other[others.start : others.stop]),
        )


def _worth_it(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Pairs of prose that was translated, without the markers of lists."""
    for one, other in pairs:
        mine, yours = (" ".join(_MARKER.sub("", each).split()) for each in (one, other))
        if (
            0 < len(mine) <= MAX_CHARS
            and 0 < len(yours) <= MAX_CHARS
            and _could_be(mine, yours)
            and _is_translated(mine, yours)
        ):
            yield mine, yours


def _could_be(one: str, other: str) -> bool:
    """Whether lengths and numbers let one be a translation of the other.

    >>> _could_be("Version 41", "La version 41"), _could_be("124 visites", "125 visits")
    (True, False)
    """
    numbers, others = ({*_NUMBER.findall(each)} for each in (one, other))
    if numbers and others and not numbers & others:
        return False
    short, long = sorted((len(one), len(other)))
    return long <= _FREE_CHARS or long <= _MOST_TIMES * short


def _is_translated(one: str, other: str) -> bool:
    """
    >>> _is_translated("Données", "Data"), _is_translated("API", "api")
    (True, False)
    >>> _is_translated("Open the Data Entry app.", "Open the new Data Entry app.")
    False
    """
    mine, yours = ({*_WORD.findall(each.casefold())} for each in (one, other))
    if not mine or not yours:
        return False
    return len(mine & yours) <= _MOST_SHARED * min(len(mine), len(yours))


def _items(text: str) -> Iterator[str]:
    """Paragraphs, list items and rows of a passage's text, but no code."""
    for paragraph in text.split("\n\n"):
        if _is_code(paragraph):
            continue
        for line in paragraph.split("\n"):
            if line.strip(" |") and not _is_code(line):
                yield line.strip()


def _is_code(text: str) -> bool:
    """Whether too much of it is what programs are made of.

    >>> _is_code('{"name": "OAuth2"}'), _is_code("curl -X POST $URL/api?a=$1")
    (True, True)
    >>> _is_code("Open Data Entry (or press Enter), and choose a period.")
    False
    """
    bare = text.replace(_CELLS, " ")
    signs = sum(sign in _CODE_SIGNS for sign in bare)
    return signs > _MOST_SIGNS * len(bare) or "://" in bare.split(" ", 1)[0]
