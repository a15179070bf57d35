"""Reading a file of JSON objects, one a line, gzipped or not, from where it stopped.

Memory does not grow with the file. A line that cannot be read is set aside with its
number and the bad field; the lines after it are read.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from indexer.fields import Fields
from indexer.source import Batch
from kb.errors import RecordError, SourceError
from kb.store import SourceState
from kb.store.rows import clean
from kb.types import Document, StoredState, content_hash

MAX_LINE_BYTES = 64 * 2**20
"""Longer lines are set aside: nobody writes such a thread."""

BATCH_RECORDS = 200
BATCH_CHARS = 8_000_000

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, or why there is none.

    Attributes:
        number: From 1.
        end: Where the next line begins, in bytes of what was unpacked.
        problem: Why it cannot be read; `data` is what there is of it.
        is_cut_off: The file ends here, and should not.
    """

    number: int
    end: int
    data: bytes
    problem: str = ""
    is_cut_off: bool = False


def read_lines(
    path: Path, *, source: str, start: int = 0, number: int = 0
) -> Iterator[Line]:
    """Read the lines from byte *start* on; blank ones are left out.

    Args:
        source: Named in errors.
        start: The `end` of a line read before, and *number* its number.

    Raises:
        SourceError: The file cannot be opened.
    """
    try:
        with _open(path) as file:
            yield from _lines(file, start, number)
    except OSError as exc:
        raise SourceError(source, f"{path}: {exc.strerror or exc}") from exc


def _open(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        is_packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path, "rb") if is_packed else path.open("rb")


def _lines(file: BufferedIOBase, start: int, number: int) -> Iterator[Line]:
    end = start
    try:
        file.seek(start)
        while data := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            end += len(data)
            if len(data) <= MAX_LINE_BYTES:
                if data.strip():
                    yield Line(number, end, data)
                continue
            head = data[:1000]
            while not data.endswith(b"\n"):
                if not (data := file.readline(MAX_LINE_BYTES)):
                    break
                end += len(data)
            yield Line(number, end, head, f"longer than {MAX_LINE_BYTES} bytes")
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        problem = f"the gzip file is cut off or damaged from here on ({exc})"
        yield Line(number + 1, end, b"", problem, is_cut_off=True)


@dataclass(frozen=True, slots=True)
class Skip:
    """A record that is readable and not wanted."""

    key: str
    reason: str


ReadRecord = Callable[[Fields], Document | Skip]


class JsonLines:
    """A source that is a file of records; subclasses say what a record is.

    Args:
        name: Of the source.
        path: The file.
        read: Makes a document of a record; its `revision` is set here. Raises
            `RecordError`.
        key_fields: The first of these that a record has is the document's key, so
            that a broken record can be told apart from one that has left.
        settings: All that *read* depends on beside the record.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        read: ReadRecord,
        *,
        key_fields: tuple[str, ...],
        settings: tuple[object, ...],
    ) -> None:
        self._name = name
        self._path = path
        self._read = read
        self._key_fields = key_fields
        self._settings = settings
        # Where a line is no JSON, its beginning may still tell.
        self._key_at_start = re.compile(
            rb'\s*\{\s*"' + key_fields[0].encode() + rb'"\s*:\s*("[^"\\]*"|[0-9]+)\s*,'
        )
        self._is_whole = True

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_exhaustive(self) -> bool:
        """Whether each record so far could at least be told by its key."""
        return self._is_whole

    @property
    def requests(self) -> int:
        return 0

    def walk(
        self,
        state: SourceState,
        known: Mapping[str, StoredState],
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `indexer.source.Source.walk`; of records with one key, the last wins."""
        place = self._place(state)
        self._is_whole = place.is_whole
        # A second record with the same key replaces the first even if it is the one
        # that was stored before this walk.
        given: set[str] = set()
        batch = _Filling(place)
        for line in read_lines(
            self._path, source=self._name, start=place.offset, number=place.line
        ):
            key, found = self._parse(line)
            if isinstance(found, str) and key in batch.found:
                key = self._where(line)
            stored = known.get(key)
            if (
                isinstance(found, Document)
                and stored is not None
                and stored.revision == found.revision
                and not (full or key in again or key in given)
            ):
                batch.found[key] = None
            else:
                batch.found[key] = found
                given.add(key)
            batch.chars += len(line.data)
            if not line.is_cut_off:
                batch.place = replace(
                    place, offset=line.end, line=line.number, is_whole=self._is_whole
                )
            if batch.is_full:
                yield batch.done()
                batch = _Filling(batch.place)
        if batch.found:
            batch.place = replace(batch.place, is_whole=self._is_whole)
            yield batch.done()
        elif batch.place.line == 0:
            raise SourceError(self._name, f"{self._path}: it holds no records")

    def _place(self, state: SourceState) -> _Place:
        try:
            stat = self._path.stat()
        except OSError as exc:
            raise SourceError(
                self._name, f"{self._path}: {exc.strerror or exc}"
            ) from exc
        start = _Place(state.walk, f"{stat.st_size}:{stat.st_mtime_ns}")
        stored = _Place.read(state.cursor)
        # Another walk, or another file: from the beginning.
        is_ours = stored and (stored.walk, stored.file) == (start.walk, start.file)
        return stored if stored and is_ours else start

    def _where(self, line: Line) -> str:
        return f"{self._path.name}:{line.number}"

    def _parse(self, line: Line) -> tuple[str, Document | Skip | str]:
        """The key, and the document or why there is none."""
        where = self._where(line)
        key: Any = None
        key_field = ""
        try:
            if line.problem:
                raise RecordError(where, "line", line.problem)
            data = _json(line.data, where)
        except RecordError as exc:
            return self._broken(line, self._key_at_start_of(line), exc)
        try:
            fields = Fields(data, where)
            key_field = next(filter(fields.has, self._key_fields), "")
            key = fields.raw(key_field)
            found = self._read(fields)
        except RecordError as exc:
            is_told = isinstance(key, str | int) and exc.field != key_field
            # Cleaned as the record's own fields are, so that it can be stored.
            told = clean(str(key)) if is_told else ""
            return self._broken(line, told or None, exc)
        if isinstance(found, Skip):
            return found.key, found
        revision = content_hash(line.data, *self._settings)
        return found.key, replace(found, revision=revision)

    def _broken(
        self, line: Line, key: str | None, problem: RecordError
    ) -> tuple[str, str]:
        self._is_whole = self._is_whole and key is not None
        return key or self._where(line), str(problem)

    def _key_at_start_of(self, line: Line) -> str | None:
        match = self._key_at_start.match(line.data)
        return match[1].strip(b'"').decode("utf-8", "replace") if match else None


def _json(data: bytes, where: str) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise RecordError(where, "line", f"not UTF-8 at byte {exc.start}") from exc
    except json.JSONDecodeError as exc:
        problem = f"not JSON: {exc.msg} at character {exc.pos}"
        raise RecordError(where, "line", problem) from exc
    except (ValueError, RecursionError) as exc:
        raise RecordError(where, "line", f"not JSON that can be read: {exc}") from exc


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a walk came.

    Attributes:
        file: Size and time of the file, because offsets are of that one only.
        offset: Bytes read, unpacked; `line` the lines.
    """

    walk: int
    file: str
    offset: int = 0
    line: int = 0
    is_whole: bool = True

    @classmethod
    def read(cls, cursor: str | None) -> _Place | None:
        """The place in a cursor; ``None`` if it is none of ours."""
        try:
            fields = Fields(json.loads(cursor or "null"), "cursor")
            return cls(
                walk=fields.whole("walk"),
                file=fields.text("file"),
                offset=fields.whole("offset"),
                line=fields.whole("line"),
                is_whole=fields.flag("is_whole"),
            )
        except ValueError:
            return None

    def cursor(self) -> str:
        return json.dumps(
            {
                "walk": self.walk,
                "file": self.file,
                "offset": self.offset,
                "line": self.line,
                "is_whole": self.is_whole,
            }
        )


class _Filling:
    """A batch while it is filled."""

    def __init__(self, place: _Place) -> None:
        self.place = place
        self.chars = 0
        # By key; None for a document that is unchanged, a text for what is broken.
        self.found: dict[str, Document | Skip | str | None] = {}

    @property
    def is_full(self) -> bool:
        return len(self.found) >= BATCH_RECORDS or self.chars >= BATCH_CHARS

    def done(self) -> Batch:
        items = self.found.items()
        return Batch(
            documents=tuple(it for _, it in items if isinstance(it, Document)),
            unchanged=tuple(key for key, it in items if it is None),
            skipped=tuple((k, it.reason) for k, it in items if isinstance(it, Skip)),
            set_aside=tuple((key, it) for key, it in items if isinstance(it, str)),
            cursor=self.place.cursor(),
        )
