"""The index's folder: what it holds, whether it is whole, and which one is current.

::

    index/
    ├── CURRENT                 name of the directory in use; replaced in one step
    └── gen-<generation>-<n>/   never changed once CURRENT names it
        ├── words/              the word index of passages
        ├── texts/              the word index of whole documents
        ├── vectors-<kind>.faiss
        ├── titles.faiss        by document id, as the next
        ├── questions.faiss
        └── stamp.json          what it was made from, and a checksum of each file
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kb.embed.models import ModelRef
from kb.errors import CorruptIndexError, StaleIndexError
from kb.types import Kind

FORMAT = 2
METRIC = "inner product"
STAMP = "stamp.json"
WORDS = "words"
TEXTS = "texts"
TITLES = "titles.faiss"
QUESTIONS = "questions.faiss"

_CURRENT = "CURRENT"
_NAME = re.compile(r"gen-(\d+)-(\d+)")
_CHUNK = 1 << 20
_REBUILD = "run baraza index --rebuild"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an index was made from.

    Attributes:
        generation: The store's, when it was made.
        vectors: Number of passages of each kind that has any.
        newest: Highest passage id it has seen, with its content hash: a store
            that was restored and went on differently does not know the pair.
        texts: Whole documents in their word index.
        titles: Documents whose title has a vector.
        questions: Threads whose question has a vector.
        files: Size and CRC-32 of every file, by path within the directory.
        model: How its model is opened; an index that was made by an earlier
            version does not know.
    """

    store_uuid: str
    generation: int
    model_id: str
    dim: int
    lexical_format: str
    texts_format: str
    vectors: Mapping[Kind, int]
    newest: tuple[int, str] | None
    texts: int = 0
    titles: int = 0
    questions: int = 0
    files: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    model: ModelRef | None = None
    metric: str = METRIC
    format: int = FORMAT

    @property
    def passages(self) -> int:
        return sum(self.vectors.values())

    def stale_reason(
        self,
        *,
        store_uuid: str,
        store_generation: int,
        model_id: str,
        dim: int,
        lexical_format: str,
        texts_format: str,
    ) -> str | None:
        """Why this index is not one of that store and model, or ``None``."""
        if self.store_uuid != store_uuid:
            return "made from another knowledge base"
        if (self.model_id, self.dim, self.metric) != (model_id, dim, METRIC):
            return (
                f"made with model {self.model_id} ({self.dim} dimensions), "
                f"not {model_id} ({dim})"
            )
        if self.lexical_format != lexical_format:
            return (
                f"its word index has format {self.lexical_format}, not {lexical_format}"
            )
        if self.texts_format != texts_format:
            return (
                f"its document index has format {self.texts_format}, not {texts_format}"
            )
        if self.generation > store_generation:
            return "newer than the knowledge base, which was restored from a backup"
        return None


def vectors_file(kind: Kind) -> str:
    return f"vectors-{kind.value}.faiss"


def current_directory(folder: Path) -> Path | None:
    """The index directory in use; ``None`` when none was ever built.

    Cheap: readers compare it with the one that they hold, to see a swap.

    Raises:
        CorruptIndexError: The pointer file does not name a directory.
    """
    pointer = folder / _CURRENT
    try:
        name = pointer.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        raise CorruptIndexError(pointer, f"does not read: {exc}; {_REBUILD}") from exc
    if not _NAME.fullmatch(name):
        raise CorruptIndexError(pointer, f"names no index; {_REBUILD}")
    return folder / name


def new_directory(folder: Path, generation: int) -> Path:
    """Make the next directory; its number is higher than any that is there."""
    matches = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    numbers = [int(match[2]) for match in matches if match]
    directory = folder / f"gen-{generation}-{max(numbers, default=0) + 1}"
    directory.mkdir()
    return directory


def publish(directory: Path) -> None:
    """Make a stamped directory the current one, even if the power fails now."""
    for path in [*directory.rglob("*"), directory, directory.parent]:
        _sync(path)
    pointer = directory.parent / _CURRENT
    partial = pointer.with_suffix(".partial")
    partial.write_text(directory.name, encoding="utf-8")
    _sync(partial)
    partial.replace(pointer)
    _sync(directory.parent)


def sweep(folder: Path) -> None:
    """Remove every directory but the current one.

    Deleted text must not live on in an old index. Readers that have one open
    keep its files; one that is just opening it tries again with the new one.
    """
    current = current_directory(folder)
    for path in folder.iterdir():
        if path != current and _NAME.fullmatch(path.name):
            shutil.rmtree(path)


def write_stamp(directory: Path, stamp: Stamp) -> None:
    (directory / STAMP).write_text(json.dumps(asdict(stamp), indent=1), "utf-8")


def read_stamp(directory: Path) -> Stamp:
    """The stamp of a directory.

    Raises:
        CorruptIndexError: It is missing or garbled.
        StaleIndexError: Another version of this program wrote it.
    """
    path = directory / STAMP
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise StaleIndexError(
                directory,
                f"has format {values['format']}, not {FORMAT}; run baraza index",
            )
        newest = values["newest"]
        return Stamp(
            store_uuid=str(values["store_uuid"]),
            generation=int(values["generation"]),
            model_id=str(values["model_id"]),
            dim=int(values["dim"]),
            lexical_format=str(values["lexical_format"]),
            texts_format=str(values["texts_format"]),
            vectors={Kind(kind): int(n) for kind, n in values["vectors"].items()},
            newest=None if newest is None else (int(newest[0]), str(newest[1])),
            texts=int(values["texts"]),
            titles=int(values["titles"]),
            questions=int(values["questions"]),
            files={
                str(name): (int(size), int(crc))
                for name, (size, crc) in values["files"].items()
            },
            model=_model(values.get("model")),
            metric=str(values["metric"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CorruptIndexError(path, f"does not read: {exc!r}; {_REBUILD}") from exc


def _model(value: Any) -> ModelRef | None:
    if value is None:
        return None
    return ModelRef(
        model=str(value["model"]),
        query_prompt=value["query_prompt"],
        passage_prompt=value["passage_prompt"],
        multilingual=value["multilingual"],
    )


def checksums(directory: Path) -> dict[str, tuple[int, int]]:
    """Size and CRC-32 of all files below a directory, the stamp excepted."""
    return {
        path.relative_to(directory).as_posix(): (path.stat().st_size, _crc32(path))
        for path in sorted(directory.rglob("*"))
        # Tantivy makes its locks anew whenever it opens a folder.
        if path.is_file() and path.name != STAMP and path.suffix != ".lock"
    }


def check_files(directory: Path, stamp: Stamp) -> None:
    """Compare all files with the stamp.

    Raises:
        CorruptIndexError: One is missing, truncated or changed.
    """
    for name, (size, crc) in stamp.files.items():
        path = directory / name
        try:
            whole = path.stat().st_size == size and _crc32(path) == crc
        except OSError as exc:
            raise CorruptIndexError(
                path, f"does not read: {exc.strerror}; {_REBUILD}"
            ) from exc
        if not whole:
            raise CorruptIndexError(path, f"is damaged; {_REBUILD}")


def _crc32(path: Path) -> int:
    crc = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
