"""The Tantivy indexes that one word index is made of: one for each kind of document
and each visibility.

How rare a word is and how long a text usually is differ between threads and manuals,
and a small kind should not be weighed by the numbers of a large one. Nor may the
score of a public text tell which words stand in private ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Self

from tantivy import Index, Schema

from kb.errors import CorruptIndexError, IndexMissingError, SearchIndexError
from kb.lexical.errors import tantivy_errors
from kb.lexical.shard import MIN_HEAP_BYTES, Shard
from kb.types import PUBLIC, Kind

_MEMORY = Path("memory")


class Shards:
    """The shards of one word index, in a folder or in memory.

    Those of `PUBLIC` are always there; others come when they are first needed.

    Args:
        path: ``None`` keeps them in memory.
        heap_bytes: What a writer may gather in memory before it makes a segment.
        made: By kind and name, see `_name`.
    """

    def __init__(
        self,
        schema: Schema,
        path: Path | None,
        heap_bytes: int,
        made: dict[Kind, dict[str, Shard]],
    ) -> None:
        self._schema = schema
        self._path = path
        self._heap_bytes = heap_bytes
        self._made = made

    @classmethod
    def create(
        cls, schema: Schema, path: Path | None, heap_bytes: int = MIN_HEAP_BYTES
    ) -> Self:
        """Empty ones in a new or empty folder.

        Raises:
            SearchIndexError: The folder holds something, or cannot be written.
        """
        shards = cls(schema, path, heap_bytes, {kind: {} for kind in Kind})
        for kind in Kind:
            shards.of(kind, PUBLIC)
        return shards

    @classmethod
    def open(cls, schema: Schema, path: Path, heap_bytes: int = MIN_HEAP_BYTES) -> Self:
        """Those that were made in a folder.

        Raises:
            IndexMissingError: There is no such folder.
            CorruptIndexError: Its files are damaged or incomplete.
        """
        if not path.is_dir():
            raise IndexMissingError(path, "no word index here; run baraza index")
        shards = cls(schema, path, heap_bytes, {kind: {} for kind in Kind})
        for kind in Kind:
            private = sorted(path.glob(f"{kind.value}-*"))
            for folder in [path / _name(kind, PUBLIC), *private]:
                shards._open(kind, folder)
        return shards

    def of(self, kind: Kind, visibility: str) -> Shard:
        """The one for documents of this kind and visibility.

        Raises:
            SearchIndexError: It is not there yet, and cannot be made.
        """
        name = _name(kind, visibility)
        shard = self._made[kind].get(name)
        if shard is None:
            shard = self._made[kind][name] = self._new(name)
        return shard

    def seen(self, kind: Kind, visible_to: frozenset[str] | None) -> list[Shard]:
        """Those of a kind that hold what the reader may see; ``None`` for all."""
        made = self._made[kind]
        if visible_to is None:
            return list(made.values())
        names = (_name(kind, visibility) for visibility in sorted(visible_to))
        return [made[name] for name in names if name in made]

    def all(self) -> list[Shard]:
        return [shard for made in self._made.values() for shard in made.values()]

    def _new(self, name: str) -> Shard:
        if self._path is None:
            index = Index(self._schema)
            return Shard(self._schema, index, _MEMORY, self._heap_bytes)
        folder = self._path / name
        try:
            folder.mkdir(parents=True)
        except OSError as exc:
            raise SearchIndexError(folder, f"cannot make it: {exc}") from exc
        with tantivy_errors(folder, SearchIndexError):
            index = Index(self._schema, str(folder))
            return Shard(self._schema, index, folder, self._heap_bytes)

    def _open(self, kind: Kind, folder: Path) -> None:
        with tantivy_errors(folder, CorruptIndexError):
            if not Index.exists(str(folder)):
                raise CorruptIndexError(folder, "its files are missing")
            index = Index.open(str(folder))
            shard = Shard(self._schema, index, folder, self._heap_bytes)
        self._made[kind][folder.name] = shard


def remove_elsewhere(shards: Iterable[Shard], own: Shard, number: int) -> None:
    """Remove a document from all of *shards* but its own."""
    for shard in shards:
        if shard is not own and shard.holds(number):
            shard.remove([number])


def _name(kind: Kind, visibility: str) -> str:
    """What a shard and its folder are called: ``thread``, or ``thread-`` and a digest,
    since the name of a category may be no name for a folder.
    """
    if visibility == PUBLIC:
        return kind.value
    return f"{kind.value}-{sha256(visibility.encode()).hexdigest()[:32]}"
