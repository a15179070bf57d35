"""Which words of a passage answer a query, and which part of it to show; pure.

Words are compared as `kb.words` has them, without case, accents and endings; what is
marked is what stands in the text. Places are counted in code points of the text as it
is, whatever its words become when they are compared: ``ﬁle`` is three signs long.

Passages are marked while somebody waits. So most words are not looked at: no stemmer
takes away the first two letters of a word, and what begins as a sought word does is
found by a search for bytes, in a copy of the text that has one for each of its signs.
What is found is judged once per query.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise

import regex

from kb.instant.records import Span
from kb.tongues import primary
from kb.words import STEMMERS, is_stopword, stem
from kb.words import words as words_of

# One letter begins too many words to say which is meant.
_MIN_PREFIX_CHARS = 2
# Words are of at most 64 bytes; accents typed as marks of their own add to that.
_MAX_RUN_CHARS = 128
_MAX_SEQUENCE_WORDS = 64
# Distinct words that are remembered of one query.
_MAX_JUDGED = 5_000

# Texts whose letters all have a byte in cp1252, as those of English, French, Spanish
# and Portuguese; beside them signs that part words: punctuation, arrows, emoji.
_LATIN = re.compile(
    "[\x00-\x7f\xa0-\xff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u2000-\u2064"
    "\u20a0-\u20bf\u20e3\u2122\u2190-\u22ff\ufe0f\U0001f300-\U0001faff]*"
)
_UNCOMMON = re.compile(rb"[\x80-\xff]")
# Letters, digits and the marks on them, of all scripts. What selects how a sign is
# drawn (an emoji, in colour) is a mark as well, and on no letter.
_RUN = regex.compile(
    r"[\p{Alphabetic}\p{N}]"
    r"[[\p{Alphabetic}\p{N}\p{M}]--[\p{Me}\uFE00-\uFE0F]]*",
    regex.VERSION1,
)
_SENTENCE = re.compile(r"[.!?…]\s+(?=\S)|\n\s*(?=\S)")
_SPACES = re.compile(r"\s+(?=\S)")

_CUT = "…"


def highlights(
    text: str,
    words: Collection[str],
    phrases: Collection[str] = (),
    identifiers: Collection[str] = (),
    languages: Collection[str] = (),
    *,
    prefix: str = "",
) -> tuple[Span, ...]:
    """Where words of a query stand in *text*, whatever their case, accents and endings.

    A phrase or identifier is one place, from its first word to its last. Words of
    grammar are not marked, unless the query has no others. Of places that overlap the
    first counts, and of those the longest.

    Args:
        words: Of the query, as `kb.words.words` has them.
        phrases: As they were typed; signs between their words do not matter.
        identifiers: As `kb.words.identifiers` has them; signs between their words do.
        languages: In whose stems words are compared; none: all that have a stemmer.
        prefix: The query's last word, if it may be unfinished (and is among *words*, or
            not): marks words that begin so, from two letters on.

    Returns:
        Ascending, without overlaps; two words side by side are two places.

    >>> highlights("Importer les données: l'import", ["import", "donnee"])
    ((0, 8), (13, 20), (24, 30))
    >>> highlights("From v2.40 on", [], (), ["2.40"]), highlights("on ﬁle", ["files"])
    (((5, 10),), ((3, 6),))
    """
    sought = _sought(
        frozenset(words),
        tuple(phrases),
        tuple(identifiers),
        frozenset(languages),
        prefix,
    )
    if not (sought.initials or sought.sequences):
        return ()
    found: list[Span] = []
    last = 0
    for start, end in _places(text, sought):
        if start >= last:
            found.append((start, end))
            last = end
    return tuple(found)


def snippet(
    text: str, spans: Sequence[Span], max_chars: int
) -> tuple[str, tuple[Span, ...]]:
    """The part of *text* that shows most of what is marked, and where it stands there.

    Different words count more than one that is repeated; what comes first counts more
    among equals. The part begins with a sentence or a word, and has a ``…`` where
    something was cut.

    Args:
        spans: Ascending, without overlaps.
        max_chars: Of the part, its ``…`` included; at least 3.

    Raises:
        ValueError: If *max_chars* is less.

    >>> snippet("First, log in. Then open the Data entry app.", [(29, 33)], 20)
    ('…the Data entry…', ((5, 9),))
    """
    if max_chars < 3:
        raise ValueError(f"max_chars must be >= 3, got {max_chars}")
    if len(text) <= max_chars:
        return text, tuple(spans)
    room = max_chars - 2 * len(_CUT)
    first, last = _fullest(text, spans, room)
    start = _start(text, first, last, room)
    end = _end(text, last, start + room)
    lead = _CUT if start else ""
    moved = len(lead) - start
    shown = tuple(
        (max(each, start) + moved, min(stop, end) + moved)
        for each, stop in spans
        if each < end and stop > start
    )
    return f"{lead}{text[start:end]}{_CUT if end < len(text) else ''}", shown


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Words that must follow each other.

    Attributes:
        between: What must stand between them; ``None``: signs of any kind.
        before: What is marked with them where it stands before them.
        number: Of which no more may stand before: 2.40 is no part of 1.2.40.
    """

    words: tuple[str, ...]
    between: tuple[str, ...] | None = None
    before: str = ""
    number: bool = False


@dataclass(frozen=True, slots=True)
class _Sought:
    """What a query has of words.

    Attributes:
        stems: By language, of those that have a stemmer.
        sequences: By their first word.
        initials: Of *words* and *prefix*: no stem begins otherwise.
        heads: What all of this begins with, as far as it is of plain letters, after
            what parts words.
        judged: Whether runs of letters are meant, and what they may begin, as far as
            was asked.
    """

    words: frozenset[str]
    stems: tuple[tuple[str, frozenset[str]], ...]
    sequences: dict[str, tuple[_Sequence, ...]]
    prefix: str
    stopwords: bool
    initials: frozenset[str]
    heads: tuple[bytes, ...]
    judged: dict[str | bytes, tuple[bool, tuple[_Sequence, ...]]] = field(
        default_factory=dict
    )


@lru_cache(maxsize=128)
def _sought(
    words: frozenset[str],
    phrases: tuple[str, ...],
    identifiers: tuple[str, ...],
    languages: frozenset[str],
    prefix: str,
) -> _Sought:
    typed = "".join(words_of(prefix)[-1:])
    stopwords = all(map(is_stopword, words | {typed} - {""}))
    codes = list(_codes(identifiers))
    # The 2 of 2.40 is none that was asked for.
    parts = {word for code in codes for word in code.words if len(code.words) > 1}
    wanted = frozenset(
        word
        for word in words
        if (stopwords or not is_stopword(word))
        and not (word in parts and word.isdigit())
    )
    known = {primary(language) for language in languages} if languages else STEMMERS
    # A stem of one letter (of "cs", in French) is that of anything.
    stems = tuple(
        (language, frozenset(each for each in stemmed if len(each) > 1))
        for language in STEMMERS
        if language in known
        for stemmed in [[stem(word, language) for word in wanted]]
    )
    by_first: dict[str, list[_Sequence]] = {}
    for each in [*map(_phrase, phrases), *codes]:
        if each.words:
            by_first.setdefault(each.words[0], []).append(each)
    # The longest first: it is what is marked.
    sequences = {
        word: tuple(sorted(some, key=lambda each: -len(each.words)))
        for word, some in by_first.items()
    }
    beginning = typed if len(typed) >= _MIN_PREFIX_CHARS else ""
    meant = wanted | ({beginning} if beginning else set())
    return _Sought(
        words=wanted,
        stems=stems if wanted else (),
        sequences=sequences,
        prefix=beginning,
        stopwords=stopwords,
        initials=frozenset(word[0] for word in meant),
        heads=tuple(
            {head for word in meant | sequences.keys() for head in _heads(word)}
        ),
    )


def _heads(word: str) -> tuple[bytes, ...]:
    """What runs begin with that have a stem of *word*, after what parts them."""
    if not word.isascii():
        return ()
    signs = word.encode()
    if len(signs) == 1:
        return (b" %b " % signs,)
    if word[1] in "iy":
        # The one exception: "dying" and "die" have one stem.
        return b" %bi" % signs[:1], b" %by" % signs[:1]
    return (b" %b" % signs[:2],)


def _phrase(text: str) -> _Sequence:
    return _Sequence(tuple(words_of(text)[:_MAX_SEQUENCE_WORDS]))


def _codes(identifiers: Collection[str]) -> Iterator[_Sequence]:
    for identifier in identifiers:
        runs = list(_RUN.finditer(identifier))
        said = tuple(words_of(identifier)[:_MAX_SEQUENCE_WORDS])
        if len(runs) != len(said):
            # It is of other letters: its words will do.
            yield _Sequence(said)
            continue
        between = tuple(
            identifier[one.end() : other.start()] for one, other in pairwise(runs)
        )
        number = identifier[:1].isdigit()
        before = identifier[: runs[0].start()] if runs else ""
        yield _Sequence(said, between, before, number)
        if number:
            yield _Sequence((f"v{said[0]}", *said[1:]), between)


def _places(text: str, sought: _Sought) -> Iterator[Span]:
    """What is meant, ascending; of what begins at one place, the longest first."""
    judged = sought.judged
    for start, end, written in _runs(text, sought):
        verdict = judged.get(written)
        if verdict is None:
            verdict = _judge(written, sought)
            if len(judged) >= _MAX_JUDGED:
                judged.clear()
            judged[written] = verdict
        meant, sequences = verdict
        for sequence in sequences:
            span = _whole(text, start, sequence)
            if span:
                yield span
        if meant:
            yield start, end


def _runs(text: str, sought: _Sought) -> Iterator[tuple[int, int, str | bytes]]:
    """Where runs of letters stand, as far as they may be meant, and what they are."""
    if not text.isascii() and not _LATIN.fullmatch(text):
        for match in _RUN.finditer(text):
            yield match.start(), match.end(), match[0]
        return
    # A byte for a sign; what has none is "?", which parts words as it does.
    signs = b" %b " % text.encode("cp1252", "replace").translate(_plain_signs())
    starts = {at for head in sought.heads for at in _found(signs, head)}
    if not signs.isascii():
        starts.update(_uncommon(signs))
    for start in sorted(starts):
        end = signs.find(b" ", start + 1)
        yield start, end - 1, signs[start + 1 : end]


def _found(signs: bytes, head: bytes) -> Iterator[int]:
    at = signs.find(head)
    while at >= 0:
        yield at
        at = signs.find(head, at + 1)


def _uncommon(signs: bytes) -> Iterator[int]:
    """Where runs begin that have a sign of which is not known what it becomes."""
    end = 0
    for sign in _UNCOMMON.finditer(signs):
        if sign.start() >= end:
            yield signs.rfind(b" ", end, sign.start())
            end = signs.find(b" ", sign.start())


@cache
def _plain_signs() -> bytes:
    """For each byte of cp1252 what it is to `words_of`: a small letter or digit, or a
    space; itself if it is more than one (½, æ) or of another alphabet (µ)."""
    plain = bytearray()
    for code in range(256):
        sign = bytes([code])
        said = "".join(words_of(sign.decode("cp1252", "ignore"))) or " "
        plain += said.encode() if len(said) == 1 and said.isascii() else sign
    return bytes(plain)


def _judge(written: str | bytes, sought: _Sought) -> tuple[bool, tuple[_Sequence, ...]]:
    forms = _forms(written)
    sequences = sought.sequences.get(forms[0], ()) if forms else ()
    return any(_is_meant(form, sought) for form in forms), sequences


def _is_meant(form: str, sought: _Sought) -> bool:
    if form in sought.words:
        return True
    if form[0] not in sought.initials:
        return False
    begun = sought.prefix and form.startswith(sought.prefix)
    if not begun and not any(
        stem(form, language) in stems for language, stems in sought.stems
    ):
        return False
    # A word of grammar that has the stem of another, or begins as it does.
    return sought.stopwords or not is_stopword(form)


def _whole(text: str, start: int, sequence: _Sequence) -> Span | None:
    """Where *sequence* stands if it begins at *start*."""
    left = sequence.words
    # What is too long to be a word stands between words, as signs do.
    nth, end = 0, start
    for run in _RUN.finditer(text, start):
        forms = _forms(run[0])
        if not forms:
            continue
        if forms != left[: len(forms)]:
            return None
        if (
            nth
            and sequence.between is not None
            and (text[end : run.start()] != sequence.between[nth - 1])
        ):
            return None
        nth, end = nth + 1, run.end()
        left = left[len(forms) :]
        if not left:
            break
    if left:
        return None
    if (
        sequence.number
        and start > 1
        and text[start - 1] == "."
        and text[start - 2].isdigit()
    ):
        return None
    if sequence.before and text.endswith(sequence.before, 0, start):
        start -= len(sequence.before)
    return start, end


@lru_cache(maxsize=20_000)
def _forms(written: str | bytes) -> tuple[str, ...]:
    """The words of a run of letters: mostly one, several in some scripts."""
    if len(written) > _MAX_RUN_CHARS:
        return ()
    text = written if isinstance(written, str) else written.decode("cp1252")
    return tuple(words_of(text))


def _fullest(text: str, spans: Sequence[Span], room: int) -> Span:
    """From the first to the last of those *spans* that say most within *room*."""
    best, most = (0, 0), (0, 0)
    said: Counter[str] = Counter()
    right = 0
    for left, (start, end) in enumerate(spans):
        while right < len(spans) and (right == left or spans[right][1] - start <= room):
            said[text[slice(*spans[right])].casefold()] += 1
            right += 1
        if (len(said), right - left) > most:
            most = (len(said), right - left)
            best = start, min(spans[right - 1][1], start + room)
        word = text[start:end].casefold()
        said[word] -= 1
        if not said[word]:
            del said[word]
    return best


def _start(text: str, first: int, last: int, room: int) -> int:
    """Where a sentence or word begins, so that a third of the room is before *first*,
    or what is not needed after *last*."""
    spare = room - (last - first)
    start = min(first - spare // 3, len(text) - room)
    if start <= 0:
        return 0
    found = _SENTENCE.search(text, start - 1, first + 1)
    if found is None:
        found = _SPACES.search(text, start - 1, first)
    return found.end() if found else first


def _end(text: str, last: int, limit: int) -> int:
    """Where a word ends, the last before *limit*; there itself if none does."""
    if limit >= len(text):
        return len(text)
    end = next((at for at in range(limit, last, -1) if text[at].isspace()), limit)
    # What is put on a letter stays on it.
    while end > last and unicodedata.combining(text[end]):
        end -= 1
    return last + len(text[last:end].rstrip())
