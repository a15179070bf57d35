"""Collected pages, course units and videos as the sandbox serves them.

Other people's texts, read from files: see `benchmarks/resources.py` for their format.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.library import WRITTEN, Course, DocPage, Library, Playlist, Video

# What the files do not tell.
_EFFORT = "2 hours a week"
_WORDS_A_MINUTE = 150
_PLAYLIST = 200


def library(folder: Path, *, languages: tuple[str, ...] = ("en",)) -> Library:
    """What lies in *folder*: pages in some languages, all courses and videos."""
    pages = [
        page
        for language in languages
        for page in map(_page, _rows(folder / f"docs_{language}.jsonl.gz"))
    ]
    return Library(
        pages={page.path: page for page in pages},
        courses=list(_courses(_rows(folder / "academy_units.jsonl.gz"))),
        playlists=list(_playlists(_rows(folder / "videos.jsonl.gz"))),
    )


def transcripts(folder: Path) -> Mapping[str, str]:
    """What is said in videos, by their ids, for a folder of transcripts."""
    rows = _rows(folder / "videos.jsonl.gz")
    return {row["youtube"]: row["transcript"] for row in rows if row["transcript"]}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _page(row: Mapping[str, Any]) -> DocPage:
    path = urlsplit(row["url"]).path.strip("/").removesuffix(".html")
    return DocPage(path, row["markdown"])


def _courses(rows: Iterator[dict[str, Any]]) -> Iterator[Course]:
    courses: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        courses[row["course_key"], row["course"]].append(row)
    for (key, name), units in courses.items():
        outline: defaultdict[str, list[str]] = defaultdict(list)
        texts: dict[str, str] = {}
        met: Counter[str] = Counter()
        for unit in units:
            # The sandbox tells units by their names.
            name_of_unit = unit["unit"]
            met[name_of_unit] += 1
            if met[name_of_unit] > 1:
                name_of_unit = f"{name_of_unit} ({met[name_of_unit]})"
            outline[f"{unit['chapter']} › {unit['section']}"].append(name_of_unit)
            texts[name_of_unit] = f"<p>{escape(unit['text'])}</p>"
        yield Course(
            id=key,
            name=name,
            short_description=name,
            language="en",
            level="introductory",
            effort=_EFFORT,
            start=WRITTEN,
            enrollment_start=None,
            pacing="self",
            outline=tuple((chapter, tuple(some)) for chapter, some in outline.items()),
            public=True,
            texts=texts,
        )


def _playlists(rows: Iterator[dict[str, Any]]) -> Iterator[Playlist]:
    videos = list({row["youtube"]: _video(row) for row in rows}.values())
    for number, start in enumerate(range(0, len(videos), _PLAYLIST), start=1):
        some = tuple(videos[start : start + _PLAYLIST])
        yield Playlist(f"PLcollected{number:02}", f"Collected {number}", some)


def _video(row: Mapping[str, Any]) -> Video:
    minutes = len((row["transcript"] or "").split()) / _WORDS_A_MINUTE
    return Video(
        id=row["youtube"],
        title=row["title"] or row["youtube"],
        description="",
        published=WRITTEN,
        duration_s=round(minutes * 60) or 180,
        language="en",
    )
