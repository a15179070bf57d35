"""Blocks to texts of bounded length: what `indexer.chunk` fills passages with. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from indexer.blocks import Block, join_blocks, separator, tidy_lines
from kb.types import passage_input

HEADING_SEPARATOR = " › "

TokenCounter = Callable[[str], int]
"""Tokens of a text, special tokens left out. Two texts joined by white space must
not count more than both together, as is so with word-piece and unigram models."""

# A word-piece model reads any string of letters that it does not know as one token;
# with this, a passage stays short whatever the model counts.
_MAX_CHARS_PER_TOKEN = 16


@dataclass(slots=True)
class _Unit:
    """A block, or a piece of one, that goes into a passage as a whole.

    Attributes:
        before: What parts it from its predecessor.
        cost: In tokens.
    """

    text: str
    before: str
    cost: int
    is_heading: bool = False


class Packer:
    """Packs the blocks of one document's sections.

    Args:
        title: Of the document; every passage is embedded with it.
        max_tokens: Of the whole embedded text, title and headings included.
        min_tokens: What a passage should have at least, where blocks allow it.
    """

    def __init__(
        self, title: str, count_tokens: TokenCounter, max_tokens: int, min_tokens: int
    ) -> None:
        self._title = title
        self._count = count_tokens
        self._max = max_tokens
        self._min = min_tokens
        self._heads: dict[str, tuple[str, int]] = {}

    def texts(self, heading: str, blocks: Sequence[Block]) -> list[str]:
        """The texts of the passages of one section, in order."""
        if not blocks:
            return []
        _, budget = self._head(heading)
        whole = join_blocks(blocks)
        if self._fits(whole, budget):
            return [whole.strip("\n")]
        return [
            _joined(group)
            for group in self._balanced(
                self._packed(self._units(blocks, budget), budget), budget
            )
        ]

    def title_text(self) -> str:
        """The title as a text, as far as one passage holds it; maybe empty."""
        _, budget = self._head("")
        pieces = self._pieces(tidy_lines(self._title), budget)
        return next((piece.text for piece in pieces), "")

    def shown_heading(self, heading: str) -> str:
        """The heading path, without the outermost ones where it is too long."""
        return self._head(heading)[0]

    def _head(self, heading: str) -> tuple[str, int]:
        """The heading that passages carry, and the tokens it leaves to their text."""
        if heading not in self._heads:
            half = self._max // 2
            shown = heading
            cost = self._cost(passage_input(self._title, shown, ""))
            while shown and cost > half:
                _, _, shown = shown.partition(HEADING_SEPARATOR)
                cost = self._cost(passage_input(self._title, shown, ""))
            self._heads[heading] = (shown, max(self._max - cost, half))
        return self._heads[heading]

    def _cost(self, text: str) -> int:
        by_length = -(-len(text) // _MAX_CHARS_PER_TOKEN)
        # What is over by its length is not worth counting.
        return by_length if by_length > self._max else max(by_length, self._count(text))

    def _fits(self, text: str, budget: int) -> bool:
        # No model makes more tokens than there are bytes.
        if len(text) * 4 <= budget:
            return True
        return len(text) <= budget * _MAX_CHARS_PER_TOKEN and self._cost(text) <= budget

    def _units(self, blocks: Sequence[Block], budget: int) -> Iterator[_Unit]:
        for index, block in enumerate(blocks):
            before = separator(blocks[index - 1], block) if index else ""
            cost = self._cost(block.text)
            if cost <= budget:
                is_heading = block.kind == "heading"
                yield _Unit(block.text, before, cost, is_heading)
                continue
            pieces = (
                self._rows if block.kind == "table" and block.level else self._pieces
            )
            for number, piece in enumerate(pieces(block.text, budget)):
                if number == 0:
                    piece.before = before
                yield piece

    def _packed(self, units: Iterable[_Unit], budget: int) -> list[list[_Unit]]:
        """Fill passages one after the other; a heading begins one if it may."""
        groups: list[list[_Unit]] = []
        room = 0
        for unit in units:
            group = groups[-1] if groups else None
            ends_here = (
                group is not None
                and unit.is_heading
                and not group[-1].is_heading
                and budget - room >= self._min
            )
            if group is None or unit.cost > room or ends_here:
                group = self._begin(groups, unit, budget)
                room = budget - sum(each.cost for each in group[:-1])
            else:
                group.append(unit)
            room -= unit.cost
        return groups

    def _begin(
        self, groups: list[list[_Unit]], unit: _Unit, budget: int
    ) -> list[_Unit]:
        """Start a passage with *unit*, and with the heading right above it."""
        group = [unit]
        if groups and len(groups[-1]) > 1 and groups[-1][-1].is_heading:
            heading = groups[-1][-1]
            if not unit.is_heading and heading.cost + unit.cost <= budget:
                groups[-1].pop()
                group = [heading, unit]
        groups.append(group)
        return group

    def _balanced(self, groups: list[list[_Unit]], budget: int) -> list[list[_Unit]]:
        """Where the last passage is a scrap, move blocks into it from its neighbour."""
        if len(groups) < 2:
            return groups
        before, last = groups[-2], groups[-1]
        cost, left = (sum(unit.cost for unit in group) for group in (last, before))
        while len(before) > 1 and (cost < self._min or before[-1].is_heading):
            moved = before[-1].cost
            if left - moved < self._min or cost + moved > budget:
                break
            last.insert(0, before.pop())
            cost, left = cost + moved, left - moved
        return groups

    # -- cutting what is too long ------------------------------------------

    def _pieces(self, text: str, budget: int) -> Iterator[_Unit]:
        """Cut by lines; too long lines by sentences, words and, at last, letters.

        Pieces are as long as they may be; each carries what stood before it.
        """
        return self._filled(self._cut(text, "", budget, _BORDERS), budget)

    def _rows(self, table: str, budget: int) -> Iterator[_Unit]:
        """Cut a table whose first line is its head; each piece begins with it.

        Values without their names say nothing. A head that would take more than a
        third of each piece stands in the first one only.
        """
        head, _, body = table.partition("\n")
        cost = self._cost(head)
        if not body or cost * 3 > budget:
            yield from self._pieces(table, budget)
            return
        for piece in self._pieces(body, budget - cost):
            text = f"{head}\n{piece.text}"
            yield _Unit(text, piece.before, piece.cost + cost)

    def _cut(
        self, text: str, before: str, budget: int, borders: Sequence[re.Pattern[str]]
    ) -> Iterator[_Unit]:
        if not borders:
            yield from self._words(text, before, budget)
            return
        for piece, gap in _split(text, borders[0]):
            lead, before = before, ""
            if (cost := self._cost(piece)) <= budget:
                yield _Unit(piece, gap or lead, cost)
            else:
                finer = self._cut(piece, gap or lead, budget, borders[1:])
                yield from self._filled(finer, budget)

    def _words(self, text: str, before: str, budget: int) -> Iterator[_Unit]:
        """Halve at a word until the pieces fit, so that each word is counted rarely."""
        words = list(_split(text, _SPACE))
        spans = [(0, len(words))]
        while spans:
            start, stop = spans.pop()
            piece = "".join(gap + word for word, gap in words[start:stop])
            gap = words[start][1]
            piece = piece[len(gap) :]
            lead = before if start == 0 else gap
            if (cost := self._cost(piece)) <= budget:
                yield _Unit(piece, lead, cost)
            elif stop - start == 1:
                yield from self._letters(piece, lead, budget)
            else:
                middle = (start + stop) // 2
                spans += [(middle, stop), (start, middle)]

    def _letters(self, text: str, before: str, budget: int) -> Iterator[_Unit]:
        size = budget * _MAX_CHARS_PER_TOKEN
        start = 0
        while start < len(text):
            piece = text[start : start + size]
            cost = self._cost(piece)
            if cost > budget and size > 1:
                size //= 2
                continue
            yield _Unit(piece, "" if start else before, cost)
            start += len(piece)

    def _filled(self, atoms: Iterable[_Unit], budget: int) -> Iterator[_Unit]:
        group: list[_Unit] = []
        cost = 0
        for atom in atoms:
            if group and cost + atom.cost > budget:
                yield _Unit(_joined(group), group[0].before, cost)
                group, cost = [], 0
            group.append(atom)
            cost += atom.cost
        if group:
            yield _Unit(_joined(group), group[0].before, cost)


# Where a text is cut that is too long: between lines, then between sentences (Western,
# Ethiopic, Arabic, Indic and East Asian full stops), then between words.
_BORDERS = (
    re.compile(r"\n+"),
    re.compile(r"(?<=[.!?;:…።؟।])[^\S\n]+|(?<=[。！？])"),
)
_SPACE = re.compile(r"\s+")


def _split(text: str, border: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The pieces between borders, each with the border before it."""
    start = 0
    gap = ""
    for match in border.finditer(text):
        if match.start() > start:
            yield text[start : match.start()], gap
            gap = ""
        start, gap = match.end(), gap + match[0]
    if start < len(text):
        yield text[start:], gap


def _joined(units: Sequence[_Unit]) -> str:
    first, *others = units
    pieces = [first.text, *(unit.before + unit.text for unit in others)]
    return "".join(pieces).strip("\n")
