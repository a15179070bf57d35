"""What is said in a video, and when: out of caption files, into passages. Pure.

Captions that a machine made roll: each repeats the line before it. Here every line is
said once.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

from indexer.chapters import Chapter
from kb.errors import RecordError

SUFFIXES = (".vtt", ".srt", ".txt")
"""Of the files that are read, the best first."""

# A passage of speech is as long as people listen for; it ends with a sentence.
_LONG_ENOUGH_S = 60.0
_TOO_LONG_S = 90.0
# Lines that fit on a screen.
_MAX_SHOWN = 20
_SENTENCE_END = re.compile(r"[.!?…。！？؟।]['\"”’»)\]]*$")


@dataclass(frozen=True, slots=True)
class Cue:
    """A line or two, and when they are said, in seconds."""

    start_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A minute or so of speech within one chapter.

    Attributes:
        heading: Title of its chapter; empty without chapters.
    """

    start_s: int
    heading: str
    text: str


def read_cues(data: bytes, suffix: str, source: str) -> tuple[Cue, ...]:
    """The cues of a ``.vtt`` or ``.srt`` file, in order of time.

    Args:
        source: Names the file in errors.

    Raises:
        RecordError: It is not UTF-8, not of its format, or says nothing.
    """
    text = decoded(data, source).replace("\r\n", "\n").replace("\r", "\n")
    try:
        found = webvtt.from_buffer(io.StringIO(text), suffix.lstrip("."))
        captions = [
            (_start(caption.start), unescape(caption.text).splitlines())
            for caption in found
        ]
    except (MalformedFileError, MalformedCaptionError, ValueError) as exc:
        raise RecordError(source, "cues", f"cannot be read: {exc}") from exc
    cues = tuple(_said_once(sorted(captions, key=lambda caption: caption[0])))
    if not cues:
        raise RecordError(source, "cues", "expected at least one, got none")
    return cues


def decoded(data: bytes, source: str) -> str:
    """Text of a file, without a mark of its byte order.

    Raises:
        RecordError: It is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise RecordError(source, "text", f"not UTF-8 at byte {exc.start}") from exc


def _start(time: str) -> float:
    """Seconds of a time such as ``01:02:03.500``."""
    hours, minutes, seconds = time.replace(",", ".").split(":")
    return (int(hours) * 60 + int(minutes)) * 60 + float(seconds)


def _said_once(captions: Iterable[tuple[float, list[str]]]) -> Iterator[Cue]:
    """Cues without the lines that the cue before showed at its end."""
    shown: list[str] = []
    for start, raw in captions:
        lines = [line for each in raw if (line := " ".join(each.split()))]
        if not lines:
            continue
        most = min(len(lines), len(shown), _MAX_SHOWN)
        known = max(n for n in range(most + 1) if not n or shown[-n:] == lines[:n])
        shown = lines
        if known < len(lines):
            yield Cue(start, " ".join(lines[known:]))


def pieces(cues: Sequence[Cue], chapters: Sequence[Chapter]) -> tuple[Piece, ...]:
    """Passages of 60 to 90 seconds that end with a sentence, where there is one, and
    with their chapter in any case.

    >>> said = [Cue(0, "One."), Cue(40, "Two"), Cue(70, "three."), Cue(85, "Four.")]
    >>> [(piece.start_s, piece.text) for piece in pieces(said, ())]
    [(0, 'One. Two three.'), (85, 'Four.')]
    """
    made: list[Piece] = []
    held: list[Cue] = []
    within = -1

    def end() -> None:
        if held:
            heading = chapters[within].title if within >= 0 else ""
            text = " ".join(cue.text for cue in held)
            made.append(Piece(int(held[0].start_s), heading, text))
            held.clear()

    for cue in cues:
        chapter = _chapter_at(chapters, cue.start_s, within)
        if chapter != within or (held and _is_full(held, cue)):
            end()
            within = chapter
        held.append(cue)
    end()
    return tuple(made)


def _chapter_at(chapters: Sequence[Chapter], start_s: float, within: int) -> int:
    while within + 1 < len(chapters) and chapters[within + 1].start_s <= start_s:
        within += 1
    return within


def _is_full(held: Sequence[Cue], following: Cue) -> bool:
    # By starts alone: how long a cue stays on the screen says nothing.
    length = following.start_s - held[0].start_s
    ends = _SENTENCE_END.search(held[-1].text)
    return length >= _TOO_LONG_S or bool(length >= _LONG_ENOUGH_S and ends)
