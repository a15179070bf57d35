"""Text with the words of a query marked in it, whole or the best piece of it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.api.answers import Span

# Passages up to this length are shown whole; of longer ones a piece.
EXCERPT_CHARS = 320
_BEFORE_CHARS = 60
# As far is looked for the end of a word.
_WORD_CHARS = 24


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text; *marked*: it has words of the query."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a passage that is shown at first; *whole* is empty where that is
    all of it."""

    pieces: tuple[Piece, ...]
    whole: tuple[Piece, ...] = ()


def pieces(
    text: str, highlights: Sequence[Span], start: int = 0, end: int | None = None
) -> tuple[Piece, ...]:
    """*text* from *start* to *end*, cut at its highlights.

    >>> pieces("a 🎒 bag", [(2, 3), (4, 99)])[1:]
    (Piece(text='🎒', marked=True), Piece(text=' ', marked=False), \
Piece(text='bag', marked=True))
    """
    stop = len(text) if end is None else end
    found: list[Piece] = []
    at = start
    for first, last in highlights:
        first, last = max(first, at), min(last, stop)
        if first >= last:
            continue
        if first > at:
            found.append(Piece(text[at:first]))
        found.append(Piece(text[first:last], marked=True))
        at = last
    if at < stop:
        found.append(Piece(text[at:stop]))
    return tuple(found)


def excerpt(text: str, highlights: Sequence[Span]) -> Excerpt:
    """The piece of a passage with the most highlights in it, the first of such."""
    if len(text) <= EXCERPT_CHARS:
        return Excerpt(pieces(text, highlights))
    starts = [max(0, first - _BEFORE_CHARS) for first, _ in highlights] or [0]

    def inside(start: int) -> int:
        # All of them, or none: half a word is of no use.
        end = start + EXCERPT_CHARS
        return sum(start <= first and last <= end for first, last in highlights)

    start = max(starts, key=lambda each: (inside(each), -each))
    start = min(start, len(text) - EXCERPT_CHARS)
    end = start + EXCERPT_CHARS
    marked = min((first for first, _ in highlights if first >= start), default=end)
    begin = _after_space(text, start, min(marked, start + _WORD_CHARS))
    finish = _before_space(text, end)
    shown = pieces(text, highlights, begin, finish)
    shown = (Piece("… "), *shown) if begin > 0 else shown
    shown = (*shown, Piece(" …")) if finish < len(text) else shown
    return Excerpt(shown, pieces(text, highlights))


def _after_space(text: str, start: int, latest: int) -> int:
    """Where the first whole word begins, but not after *latest*."""
    if start == 0:
        return 0
    for at in range(start, latest):
        if text[at] in " \n":
            return at + 1
    return start


def _before_space(text: str, end: int) -> int:
    if end >= len(text):
        return len(text)
    for at in range(end, end - _WORD_CHARS, -1):
        if text[at] in " \n":
            return at
    return end
