"""Opening the index for searching."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from kb.errors import CorruptIndexError, IndexMissingError, StaleIndexError
from kb.index.stamp import (
    WORDS,
    Stamp,
    check_files,
    current_directory,
    read_stamp,
    vectors_file,
)
from kb.lexical import LEXICAL_FORMAT
from kb.types import Kind
from kb.vectors import FaissIndex, VectorIndex


class Closable(Protocol):
    def close(self) -> None: ...


Lexical = TypeVar("Lexical", bound=Closable)


@dataclass(frozen=True, slots=True)
class OpenIndex(Generic[Lexical]):
    """An index that is being searched; its files stay until it is closed.

    Attributes:
        vectors: By kind; a kind without passages is absent.
        lag: Generations that the store was ahead when it was opened: hits may
            be gone from the store, and its newest passages are not found.
    """

    directory: Path
    lexical: Lexical
    vectors: Mapping[Kind, VectorIndex]
    stamp: Stamp
    lag: int

    def close(self) -> None:
        self.lexical.close()


def open_index(
    folder: Path,
    *,
    store_uuid: str,
    store_generation: int,
    model_id: str,
    dim: int,
    lexical_opener: Callable[[Path], Lexical],
    lexical_format: str = LEXICAL_FORMAT,
) -> OpenIndex[Lexical]:
    """Open the current index.

    Raises:
        IndexMissingError: None was built.
        StaleIndexError: It belongs to another store, model or format, or is
            newer than the store.
        CorruptIndexError: A file is missing, truncated or changed.
    """
    while True:
        directory = current_directory(folder)
        if directory is None:
            raise IndexMissingError(folder, "no index yet; run baraza index")
        try:
            stamp = read_stamp(directory)
            reason = stamp.stale_reason(
                store_uuid=store_uuid,
                store_generation=store_generation,
                model_id=model_id,
                dim=dim,
                lexical_format=lexical_format,
            )
            if reason is not None:
                raise StaleIndexError(directory, f"{reason}; run baraza index")
            check_files(directory, stamp)
            vectors = {
                kind: FaissIndex.load(directory / vectors_file(kind))
                for kind in stamp.vectors
            }
            return OpenIndex(
                directory=directory,
                lexical=lexical_opener(directory / WORDS),
                vectors=vectors,
                stamp=stamp,
                lag=store_generation - stamp.generation,
            )
        except (CorruptIndexError, IndexMissingError):
            # Replaced and swept away while it was being opened?
            if current_directory(folder) == directory:
                raise
