"""Did an edit change what a topic asks? Pure.

A fingerprint stands for title and question in a few hundred characters, none of which
tells a word of them. Two tell whether an edit is material: a typo, a line break or
another markup is not; another meaning of the title, another version, an error log is.
To decide anew costs a search, so doubts are material.

A set of words, or of pieces of a title, is kept by its smallest hashes (a bottom-k
sketch: Cohen and Kaplan, PODC 2007, doi:10.1145/1281100.1281133); of a short text that
is all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from bot.topic import TopicView
from indexer.blocks import join_blocks
from indexer.clean import clean_body
from kb.accents import unaccented
from kb.types import Document, Format

# Hashes that are kept of each set; beyond, sets are compared by a sample.
K = 64
# Of the text that counts: what comes after it are logs and signatures.
OPENING_CHARS = 8_000
_HASH_BYTES = 3
# So many words may come or go unnoticed, "thanks in advance!" among them.
_FEW_WORDS = 3
# And of longer texts such a share; a sketch of 64 errs by some 3 hundredths there.
_LIKE_TEXT = 0.9
# A typo changes three of a title's pieces, another word nearly all of its own.
_LIKE_TITLE = 0.75
_TEXT = re.compile(r"[^\W_]+(?:[.,:/_-][^\W_]+)*")
_NUMBER = re.compile(r"\d")
_FORMAT = re.compile(r"1(?:;\d+:(?:[0-9a-f]{6})*){3}")


@dataclass(frozen=True, slots=True)
class _Sketch:
    """A set by its size and its smallest hashes."""

    size: int
    hashes: frozenset[str]

    def likeness(self, other: _Sketch) -> float:
        """The share of what is in either that is in both, of all or of a sample."""
        smallest = sorted(self.hashes | other.hashes)[:K]
        shared = sum(h in self.hashes and h in other.hashes for h in smallest)
        return shared / len(smallest) if smallest else 1.0

    def __str__(self) -> str:
        return f"{self.size}:{''.join(sorted(self.hashes))}"


def fingerprint(topic: TopicView) -> str:
    """What stands for the question of a topic as the forum shows it."""
    return _fingerprint(topic.title, topic.opening, "html")


def fingerprint_of_document(document: Document) -> str:
    """The same of a thread as it was harvested: of its first post."""
    first = next((part for part in document.parts if part.number == 1), None)
    if first is None:
        return _fingerprint(document.title, "", "html")
    return _fingerprint(document.title, first.body, first.format)


def is_material(before: str, after: str) -> bool:
    """Whether a topic with the fingerprint *before* asks something else *after*.

    What is no fingerprint, or one of another making, differs from all but itself.
    """
    if before == after:
        return False
    if not _FORMAT.fullmatch(before) or not _FORMAT.fullmatch(after):
        return True
    title, numbers, text = map(_read, before.split(";")[1:])
    new_title, new_numbers, new_text = map(_read, after.split(";")[1:])
    return (
        numbers != new_numbers
        or title.likeness(new_title) < _LIKE_TITLE
        or _differ(text, new_text)
    )


def _differ(one: _Sketch, other: _Sketch) -> bool:
    likeness = one.likeness(other)
    if max(one.size, other.size) > K:
        return likeness < _LIKE_TEXT
    gone, come = len(one.hashes - other.hashes), len(other.hashes - one.hashes)
    # Of two words two are everything.
    return max(gone, come) > _FEW_WORDS or likeness < 0.5


def _fingerprint(title: str, body: str, format: Format) -> str:
    text = join_blocks(clean_body(body, format))[:OPENING_CHARS]
    written = _words(text)
    numbers = {word for word in (*_words(title), *written) if _NUMBER.search(word)}
    said = {_blurred(word) for word in written if word not in numbers}
    sketches = (_sketch(_pieces(title)), _sketch(numbers), _sketch(said))
    return ";".join(("1", *map(str, sketches)))


def _words(text: str) -> list[str]:
    return _TEXT.findall(unaccented(text))


def _blurred(word: str) -> str:
    """What letters turned round or doubled leave as it is.

    >>> _blurred("bakcup") == _blurred("backup"), _blurred("erorr") == _blurred("error")
    (True, True)
    """
    return "".join(sorted(set(word)))


def _pieces(title: str) -> set[str]:
    """Three letters each; of a title of signs alone these are the pieces."""
    words = _words(title) or unaccented(title).split()
    return {
        f" {word} "[start : start + 3]
        for word in words
        for start in range(max(1, len(word)))
    }


def _sketch(values: Iterable[str]) -> _Sketch:
    hashes = sorted(
        blake2b(value.encode("utf-8", "replace"), digest_size=_HASH_BYTES).hexdigest()
        for value in values
    )
    return _Sketch(len(hashes), frozenset(hashes[:K]))


def _read(written: str) -> _Sketch:
    size, _, joined = written.partition(":")
    width = 2 * _HASH_BYTES
    starts = range(0, len(joined), width)
    return _Sketch(int(size), frozenset(joined[at : at + width] for at in starts))
