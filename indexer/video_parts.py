"""A video as parts of a document, each with the moment it is about. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.chapters import parse_chapters
from indexer.transcripts import Cue, pieces
from kb.types import Part

VIDEO_FORMAT = 1
"""Grows with every change of what a video is read as."""

_ABOUT = 1
_UNTIMED = 2
# Then a part's number is its second, so that a new chapter renumbers no other.
_TIMED = 3


def video_parts(
    description: str,
    *,
    duration_s: int | None = None,
    cues: Sequence[Cue] = (),
    text: str = "",
) -> tuple[Part, ...]:
    """What is said of a video, and in it.

    Args:
        description: Its list of chapters, if it has one, becomes parts of their own.
        cues: What is said and when: passages within their chapters.
        text: What is said, where nobody knows when.

    >>> [(part.number, part.anchor) for part in video_parts("0:00 A\\n1:00 B\\n2:00 C")]
    [(1, ''), (3, '&t=0'), (63, '&t=60'), (123, '&t=120')]
    """
    chapters, about = parse_chapters(description, duration_s=duration_s)
    parts = [Part(_ABOUT, about, "text")]
    if text.strip():
        parts.append(Part(_UNTIMED, text, "text"))
    said = pieces(cues, chapters)
    timed = {piece.start_s: (piece.heading, piece.text) for piece in said}
    spoken = {piece.heading for piece in said}
    for chapter in chapters:
        if chapter.title not in spoken:
            timed.setdefault(chapter.start_s, (chapter.title, chapter.title))
    for start_s, (heading, words) in sorted(timed.items()):
        parts.append(
            Part(
                _TIMED + start_s,
                words,
                "text",
                anchor=f"&t={start_s}",
                heading=heading,
            )
        )
    return tuple(parts)
