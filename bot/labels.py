"""What people linked in answer to topics: what a replay is measured by."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kb.errors import RecordError, SourceError
from kb.types import Kind

KIND_NAMES: Mapping[Kind, str] = {Kind.THREAD: "threads", Kind.DOCS: "docs"}
"""The kinds that labels and runs tell of, and what they call them."""


@dataclass(frozen=True, slots=True)
class Label:
    """A topic that people answered with links.

    Attributes:
        linked: Per kind the keys of what they linked: topic ids, paths of pages.
    """

    topic_id: int
    created_at: datetime
    linked: Mapping[Kind, frozenset[str]]


def read_labels(path: Path) -> list[Label]:
    """The topics to rank for, in the order of time.

    Raises:
        SourceError: The file cannot be read, or holds none.
        RecordError: A line is not as it should be; it names file, line and field.
    """
    labels = []
    for where, row in _json_lines(path):
        if not isinstance(row, dict):
            raise RecordError(where, "line", "expected an object")
        topic_id, created_at = row.get("topic_id"), row.get("created_at")
        if not isinstance(topic_id, int) or isinstance(topic_id, bool):
            raise RecordError(where, "topic_id", "expected a whole number")
        linked = {
            kind: _keys(where, name, row.get(name)) for kind, name in KIND_NAMES.items()
        }
        labels.append(Label(topic_id, _moment(where, created_at), linked))
    if not labels:
        raise SourceError(str(path), "it holds no labels")
    return sorted(labels, key=lambda label: (label.created_at, label.topic_id))


def _keys(where: str, name: str, value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(v, int | str) for v in value):
        raise RecordError(where, name, "expected a list of ids")
    return frozenset(map(str, value))


def _json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """``(file:line, value)`` of a JSON Lines file, gzipped or not."""
    number = 0
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        opener = gzip.open if zipped else open
        with opener(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path.name}:{number}", json.loads(line)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as exc:
        raise SourceError(str(path), f"cannot be read: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        where = f"{path.name}:{number}"
        reason = exc.msg if isinstance(exc, json.JSONDecodeError) else str(exc)
        raise RecordError(where, "line", f"expected JSON ({reason})") from exc


def _moment(where: str, text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RecordError(where, "created_at", "expected an ISO 8601 time with zone")
    return moment
