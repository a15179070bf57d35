"""Chapters of a video, as its description lists them. Pure.

YouTube makes chapters of a list of times that starts at 0:00, has three at least, and
goes up by ten seconds or more each; anything else is text in which times occur.

Source: https://support.google.com/youtube/answer/9884579
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

MIN_CHAPTERS = 3
MIN_LENGTH_S = 10

# Longer lines are prose, and take long to look through.
_MAX_LINE_CHARS = 300
_TIME = (
    r"(?<![0-9:.])(?:(?P<h>[0-9]{1,3}):(?P<hm>[0-5]?[0-9])|(?P<m>[0-9]{1,3}))"
    r":(?P<s>[0-5][0-9])(?![0-9:])"
)
_NUMBERING = r"(?:[0-9]{1,3}[.)]\s+)?"
# Whatever stands before a time is no letter: bullets, brackets, arrows, emoji.
_BEFORE = re.compile(rf"[\W_]*?{_NUMBERING}[\W_]*?{_TIME}(?P<title>.*)")
_AFTER = re.compile(rf"(?P<title>.*\w.*?){_TIME}[\W_]*")
_UNTIL = re.compile(rf"[\s\-–—~→]*{_TIME}")
# What leads from a time to its title, and back. Not all that is no letter: the vowel
# signs of many scripts are none.
_BETWEEN = " \t\u00a0\u3000-‐‑‒–—―:：|•·*.,;=>→▶►~_"
_TO_TITLE = _BETWEEN + ")]}】」）"
_TO_TIME = _BETWEEN + "([{【「（"


@dataclass(frozen=True, slots=True)
class Chapter:
    """Where a part of a video starts, in whole seconds, and what it is called."""

    start_s: int
    title: str


@dataclass(frozen=True, slots=True)
class _Entry:
    line: int
    chapter: Chapter
    time_first: bool


def parse_chapters(
    description: str, *, duration_s: int | None = None
) -> tuple[tuple[Chapter, ...], str]:
    r"""``(chapters, the description without them)``; no chapters leave it as it is.

    Args:
        duration_s: Of the video; a list that goes beyond it is about something else.

    >>> parse_chapters("Maps.\n0:00 Intro\n1:10 Layers\n(2:05) Legends")[0][2]
    Chapter(start_s=125, title='Legends')
    >>> parse_chapters("We start at 0:00, rest at 1:00 and end at 2:00.")[0]
    ()
    """
    lines = description.splitlines()
    entries = _first_list([e for i, line in enumerate(lines) if (e := _entry(i, line))])
    chapters = tuple(entry.chapter for entry in entries)
    if not _is_list(chapters, duration_s):
        return (), description
    listed = {entry.line for entry in entries}
    rest = "\n".join(line for i, line in enumerate(lines) if i not in listed)
    return chapters, rest.strip()


def _first_list(entries: list[_Entry]) -> list[_Entry]:
    """From the first 0:00 to the next: a second list is the same in another
    language. All have their times on the same side; else a sentence that ends with a
    time of day would be one of them."""
    found: list[_Entry] = []
    for entry in entries:
        starts = entry.chapter.start_s == 0
        if starts and found:
            break
        if starts or (found and entry.time_first == found[0].time_first):
            found.append(entry)
    return found


def _is_list(chapters: tuple[Chapter, ...], duration_s: int | None) -> bool:
    if len(chapters) < MIN_CHAPTERS:
        return False
    starts = [chapter.start_s for chapter in chapters]
    if duration_s is not None and starts[-1] >= duration_s:
        return False
    return all(after - before >= MIN_LENGTH_S for before, after in pairwise(starts))


def _entry(line: int, text: str) -> _Entry | None:
    text = text.strip()
    if len(text) > _MAX_LINE_CHARS or ":" not in text:
        return None
    if found := _BEFORE.fullmatch(text):
        rest = found["title"]
        # "0:00 - 1:10 Intro" tells its end as well.
        if until := _UNTIL.match(rest):
            rest = rest[until.end() :]
        title = rest.lstrip(_TO_TITLE).strip()
    elif found := _AFTER.fullmatch(text):
        title = found["title"].rstrip(_TO_TIME).lstrip(_BETWEEN)
    else:
        return None
    if not any(letter.isalnum() for letter in title):
        return None
    time_first = found.re is _BEFORE
    return _Entry(line, Chapter(_seconds(found), " ".join(title.split())), time_first)


def _seconds(found: re.Match[str]) -> int:
    hours = int(found["h"] or 0)
    return (hours * 60 + int(found["hm"] or found["m"])) * 60 + int(found["s"])
