"""The exported courses in the folders that the config names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.olx import Export, read_export
from kb.errors import RecordError, SourceError

_COURSE = "course.xml"


@dataclass(frozen=True, slots=True)
class Exports:
    """What lies in the folders now.

    Attributes:
        courses: By key.
        unread: Some course could not be read: it may be any.
        set_aside: ``(file, reason)`` of what is missing or broken.
    """

    courses: dict[str, Export]
    unread: bool
    set_aside: tuple[tuple[str, str], ...]


def read_exports(source: str, folders: Sequence[Path]) -> Exports:
    """Read *folders*: each is a course, or holds some in folders of their own.

    Raises:
        SourceError: One of them is not there, or cannot be listed.
    """
    courses: dict[str, Export] = {}
    aside: list[tuple[str, str]] = []
    unread = False
    for folder in folders:
        for root in _roots(source, folder):
            try:
                export = read_export(root)
            except RecordError as exc:
                unread = True
                aside.append((f"{root.name}/{_COURSE}", str(exc)))
                continue
            aside += export.set_aside
            if export.key in courses:
                reason = f"{export.key} was exported twice; the first one is read"
                aside.append((f"{root.name}/{_COURSE}", reason))
            courses.setdefault(export.key, export)
    return Exports(courses, unread, tuple(aside))


def _roots(source: str, folder: Path) -> list[Path]:
    if (folder / _COURSE).is_file():
        return [folder]
    try:
        inner = sorted(folder.iterdir())
    except OSError as exc:
        raise SourceError(
            source, f"{folder}: {exc.strerror or exc}; see sources.{source}.exports"
        ) from exc
    # The archive that a site makes holds its files in a folder "course".
    roots = [each for each in inner if (each / _COURSE).is_file()]
    # One without is read all the same, to be set aside by name.
    return roots or [folder]
