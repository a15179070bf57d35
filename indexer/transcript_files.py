"""A folder of transcripts: ``VIDEO.vtt``, ``VIDEO.fr.srt``, ``VIDEO.txt``."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from indexer.transcripts import SUFFIXES
from kb.errors import RecordError, SourceError

MAX_FILE_BYTES = 5 * 2**20
"""Larger files are set aside."""

_NAME = re.compile(
    r"(?P<video>[A-Za-z0-9_-]+)(?:\.(?P<language>[A-Za-z]{2})(?:[-_][A-Za-z0-9-]+)?)?"
    r"(?P<suffix>\.[a-z]+)"
)


@dataclass(frozen=True, slots=True)
class TranscriptFile:
    """A file, and the language that its name tells, as two letters."""

    path: Path
    language: str | None

    @property
    def suffix(self) -> str:
        return self.path.suffix


class TranscriptFiles:
    """The transcripts in a folder, as they lie there now.

    Args:
        source: Its name in the config.
        folder: ``None`` holds none.

    Raises:
        SourceError: The folder cannot be listed.
    """

    def __init__(self, source: str, folder: Path | None) -> None:
        self._folder = folder
        self._files: defaultdict[str, list[TranscriptFile]] = defaultdict(list)
        if folder is None:
            return
        try:
            names = sorted(os.listdir(folder))
        except OSError as exc:
            raise SourceError(
                source,
                f"{folder}: {exc.strerror or exc}; see sources.{source}.transcripts",
            ) from exc
        for name in names:
            found = _NAME.fullmatch(name)
            if found and found["suffix"] in SUFFIXES:
                told = found["language"]
                file = TranscriptFile(folder / name, told.lower() if told else None)
                self._files[found["video"]].append(file)

    def best(self, video: str, language: str | None) -> TranscriptFile | None:
        """In the video's own language, else without one, else any; with times, if
        there is the choice."""

        def rank(file: TranscriptFile) -> tuple[int, int, str]:
            own = language is not None and file.language == language
            kind = 0 if own else 1 if file.language is None else 2
            return kind, SUFFIXES.index(file.suffix), file.path.name

        return min(self._files.get(video, ()), key=rank, default=None)

    def read(self, file: TranscriptFile) -> bytes:
        """Its content.

        Raises:
            RecordError: It cannot be read, is too large, or lies elsewhere.
        """
        name = file.path.name
        try:
            path = file.path.resolve()
            if self._folder is None or not path.is_relative_to(self._folder.resolve()):
                raise RecordError(name, "path", "leads out of the folder")
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise RecordError(name, "file", "not a regular file")
            if status.st_size > MAX_FILE_BYTES:
                problem = f"{status.st_size} bytes, more than {MAX_FILE_BYTES}"
                raise RecordError(name, "file", problem)
            return path.read_bytes()
        except OSError as exc:
            raise RecordError(
                name, "file", f"cannot be read: {exc.strerror or exc}"
            ) from exc
