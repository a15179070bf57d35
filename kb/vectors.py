"""Vector indexes: which passages are most like a query.

`FaissIndex` is what runs. `ExactIndex` is the same thing written so plainly that
it can be checked by eye, and is what the tests hold FAISS against.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.errors import CorruptIndexError, DimensionMismatchError, SearchIndexError

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

# A product sums float32 in an order of its own; two equal vectors come out this near.
_SLACK = 1e-4
# One search more is enough where up to three quarters of what is near is hidden.
DEEPER = 4
_REBUILD = "run baraza index --rebuild"


class VectorIndex(Protocol):
    """Vectors by passage id, searched by inner product.

    Reading is safe from several threads, writing from one, not both at once.
    """

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def __len__(self) -> int:
        """How many vectors it holds."""

    def add(self, ids: Int64, vectors: Float32) -> None:
        """Add vectors.

        Args:
            ids: Shape ``(n,)``, none of them in the index, none negative.
            vectors: Shape ``(n, dim)``, rows L2-normalised.

        Raises:
            DimensionMismatchError: If ``vectors.shape[1] != dim``.
            ValueError: An id is there already, or a value is not finite; nothing
                was added.
        """

    def remove(self, ids: Int64) -> int:
        """Remove vectors; ids that are not there are passed over.

        Returns:
            How many were removed.
        """

    def search(self, queries: Float32, k: int) -> tuple[Float32, Int64]:
        """Find the *k* nearest passages for each query.

        Args:
            queries: Shape ``(q, dim)``, rows L2-normalised.
            k: Neighbours per query, at least 1.

        Returns:
            ``(similarities, passage_ids)``, both of shape ``(q, k)``, best first.
            Similarities are cosines; of equal ones the lower id comes first.
            When the index holds fewer than *k* passages the tail is padded with
            ``-inf`` and id ``-1``.

        Raises:
            DimensionMismatchError: If ``queries.shape[1] != dim``.
            ValueError: If *k* is less than 1.
        """

    def similarities(self, queries: Float32, ids: Int64) -> Float32:
        """Compare one query, shape ``(dim,)``, or several, with given passages.

        Args:
            queries: Shape ``(dim,)`` or ``(q, dim)``.
            ids: Shape ``(n,)``; may repeat.

        Returns:
            Shape ``(n,)`` or ``(q, n)``, in the order of *ids*; NaN for ids that are
            not there.

        Raises:
            DimensionMismatchError: If ``queries.shape[-1] != dim``.
        """

    def stored(self) -> tuple[Int64, Float32]:
        """All that it holds.

        Returns:
            ``(ids, vectors)``, shapes ``(n,)`` and ``(n, dim)``, ids ascending; copies.
        """

    def view(self) -> tuple[Int64, Float32]:
        """All that it holds, as it lies in memory until the next change; ids and
        vectors as `stored` has them, in any order, and not to be written to."""

    def save(self, path: Path) -> None:
        """Write it to a file.

        Raises:
            SearchIndexError: The file cannot be written.
        """


def nearest_seen(
    index: VectorIndex,
    query: Float32,
    k: int,
    seen: Callable[[Sequence[int]], Container[int]],
    *,
    depth: int | None = None,
) -> list[tuple[int, float]]:
    """Find the *k* nearest of what may be seen: what may not takes no place.

    The index is asked again, for more, only if some of what it found may not be seen.

    Args:
        query: Shape ``(dim,)``, L2-normalised.
        seen: Tells which of some ids may be seen.
        depth: For how many the index is asked first; *k* unless told.

    Returns:
        ``(id, similarity)``, best first; fewer than *k* if there are no more.
    """
    depth = depth or k
    while True:
        similarities, ids = index.search(query[None], depth)
        near = [
            (int(i), float(similarity))
            for similarity, i in zip(similarities[0], ids[0], strict=True)
            if i >= 0
        ]
        may = seen([i for i, _ in near])
        kept = [(i, similarity) for i, similarity in near if i in may]
        if len(kept) >= k or depth >= len(index):
            return kept[:k]
        depth = min(depth * DEEPER, len(index))


class ExactIndex:
    """Every vector compared with every query, in float64."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._ids: Int64 = np.empty(0, dtype=np.int64)
        self._vectors: Float32 = np.empty((0, dim), dtype=np.float32)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            CorruptIndexError: The file is missing or damaged.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                ids, vectors = arrays["ids"], arrays["vectors"]
            index = cls(vectors.shape[1])
            index.add(ids, vectors)
        except Exception as exc:
            # Damaged archives raise whatever their reader stumbles over.
            raise CorruptIndexError(
                path, f"does not read: {exc!r}; {_REBUILD}"
            ) from exc
        return index

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Int64, vectors: Float32) -> None:
        _check_new(self._ids, ids, vectors, self.dim)
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors])

    def remove(self, ids: Int64) -> int:
        keep = ~np.isin(self._ids, ids)
        self._ids, self._vectors = self._ids[keep], self._vectors[keep]
        return int(np.count_nonzero(~keep))

    def search(self, queries: Float32, k: int) -> tuple[Float32, Int64]:
        _check_search(queries, k, self.dim)
        similarities, found = _nothing_found(len(queries), k)
        for row, query in enumerate(queries):
            _fill(similarities[row], found[row], query, self._ids, self._vectors)
        return similarities, found

    def similarities(self, queries: Float32, ids: Int64) -> Float32:
        _check_queries(queries, self.dim)
        rows = {int(known): row for row, known in enumerate(self._ids)}
        found = np.full((*queries.shape[:-1], len(ids)), np.nan, dtype=np.float32)
        for place, i in enumerate(map(int, ids)):
            if i in rows:
                found[..., place] = _exact(self._vectors[rows[i]][None], queries)[
                    ..., 0
                ]
        return found

    def stored(self) -> tuple[Int64, Float32]:
        order = np.argsort(self._ids)
        return self._ids[order], self._vectors[order]

    def view(self) -> tuple[Int64, Float32]:
        return self._ids, self._vectors

    def save(self, path: Path) -> None:
        try:
            with path.open("wb") as stream:
                np.savez(stream, ids=self._ids, vectors=self._vectors)
        except OSError as exc:
            raise SearchIndexError(path, f"cannot be written: {exc}") from exc


class FaissIndex:
    """FAISS, flat: exact, and fast enough for some 100,000 passages a kind.

    An approximate index is faster, but deleting from one is slow or leaves the
    vector behind, and deleted text must go.
    """

    def __init__(self, dim: int) -> None:
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            CorruptIndexError: The file is missing, damaged or of another kind.
        """
        try:
            loaded: Any = faiss.read_index(str(path))
        except (RuntimeError, MemoryError) as exc:
            # A garbled length makes FAISS ask for absurd amounts of memory.
            reason = str(exc).strip().splitlines()[-1] if str(exc).strip() else "empty"
            raise CorruptIndexError(
                path, f"does not read: {reason}; {_REBUILD}"
            ) from exc
        inner = loaded.index if isinstance(loaded, faiss.IndexIDMap2) else None
        if (
            inner is None
            or not isinstance(faiss.downcast_index(inner), faiss.IndexFlat)
            or loaded.metric_type != faiss.METRIC_INNER_PRODUCT
            or loaded.ntotal != loaded.id_map.size()
        ):
            raise CorruptIndexError(
                path, f"is not a flat index of passages; {_REBUILD}"
            )
        index = cls.__new__(cls)
        index._index = loaded
        return index

    @property
    def dim(self) -> int:
        return int(self._index.d)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: Int64, vectors: Float32) -> None:
        _check_new(self._ids(), ids, vectors, self.dim)
        if len(ids):
            self._index.add_with_ids(np.ascontiguousarray(vectors), ids)

    def remove(self, ids: Int64) -> int:
        return int(self._index.remove_ids(np.asarray(ids, dtype=np.int64)))

    def search(self, queries: Float32, k: int) -> tuple[Float32, Int64]:
        _check_search(queries, k, self.dim)
        similarities, found = _nothing_found(len(queries), k)
        if not len(self):
            return similarities, found
        # NumPy over FAISS's own memory: for one query FAISS takes more than twice the
        # time, and cuts a row of equals wherever it happens to. Row by row, because
        # the threads of a matrix product spin, and take the processor from others.
        stored, ids = self._stored(), self._ids()
        for row, query in enumerate(queries):
            near = _nearest(np.vecdot(stored, query), k)
            _fill(similarities[row], found[row], query, ids[near], stored[near])
        return similarities, found

    def similarities(self, queries: Float32, ids: Int64) -> Float32:
        _check_queries(queries, self.dim)
        try:
            return _exact(self._vectors(ids), queries)
        except RuntimeError:
            # FAISS's way of saying that it does not hold all of the ids.
            known = np.isin(ids, self._ids())
        found = np.full((*queries.shape[:-1], len(ids)), np.nan, dtype=np.float32)
        found[..., known] = _exact(self._vectors(ids[known]), queries)
        return found

    def stored(self) -> tuple[Int64, Float32]:
        ids = self._ids()
        order = np.argsort(ids)
        # Nothing lies in memory of an empty index.
        vectors = self._stored()[order] if len(ids) else np.empty((0, self.dim), "f4")
        return ids[order], vectors

    def view(self) -> tuple[Int64, Float32]:
        if not len(self):
            return self._ids(), np.empty((0, self.dim), dtype=np.float32)
        return self._ids(), self._stored()

    def save(self, path: Path) -> None:
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as exc:
            raise SearchIndexError(path, f"cannot be written: {exc}") from exc

    def _stored(self) -> Float32:
        """All vectors in the order of `_ids`, as they lie in memory until the next
        change: shape ``(len(self), dim)``, not to be written to."""
        flat: Any = faiss.downcast_index(self._index.index)
        vectors: Float32 = faiss.rev_swig_ptr(flat.get_xb(), len(self) * self.dim)
        return vectors.reshape(len(self), self.dim)

    def _vectors(self, ids: Int64) -> Float32:
        vectors: Float32 = self._index.reconstruct_batch(ids)
        return vectors

    def _ids(self) -> Int64:
        ids: Int64 = faiss.vector_to_array(self._index.id_map)
        return ids


def _nothing_found(rows: int, k: int) -> tuple[Float32, Int64]:
    return (
        np.full((rows, k), -np.inf, dtype=np.float32),
        np.full((rows, k), -1, dtype=np.int64),
    )


def _nearest(similarities: Float32, k: int) -> NDArray[np.intp]:
    """Rows of the *k* most similar, and of all that may tie with the last of them."""
    if k >= len(similarities):
        return np.arange(len(similarities))
    last = np.partition(similarities, -k)[-k]
    return np.flatnonzero(similarities >= last - 2 * _SLACK)


def _fill(
    similarities: Float32, found: Int64, query: Float32, ids: Int64, vectors: Float32
) -> None:
    """Write the best candidates into one row of a result."""
    # In float64 the order of summing leaves no trace after rounding to float32,
    # so that passages of the same text tie, and both indexes agree to the bit.
    rounded = _exact(vectors, query)
    best = np.lexsort((ids, -rounded))[: len(found)]
    similarities[: len(best)] = rounded[best]
    found[: len(best)] = ids[best]


def _exact(vectors: Float32, queries: Float32) -> Float32:
    """Inner products: shape ``(n,)`` of one query, ``(q, n)`` of several."""
    wide = queries.astype(np.float64)[..., None, :]
    exact = np.vecdot(vectors.astype(np.float64), wide)
    return np.asarray(exact, dtype=np.float32)


def _check_new(known: Int64, ids: Int64, vectors: Float32, dim: int) -> None:
    _check_shape(vectors, dim)
    if ids.shape != (len(vectors),):
        raise ValueError(f"{ids.shape} ids for {len(vectors)} vectors")
    if len(np.unique(ids)) != len(ids) or np.isin(ids, known).any():
        raise ValueError("an id was added twice")
    if (ids < 0).any():
        raise ValueError("ids must be >= 0")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds a value that is not finite")


def _check_search(queries: Float32, k: int, dim: int) -> None:
    _check_shape(queries, dim)
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")


def _check_queries(queries: Float32, dim: int) -> None:
    _check_shape(np.atleast_2d(queries), dim)


def _check_shape(vectors: Float32, dim: int) -> None:
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise DimensionMismatchError(
            "vectors", f"shape {vectors.shape} where (n, {dim}) was expected"
        )
