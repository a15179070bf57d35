"""An embedder that remembers: no text is embedded twice, in this run or a later one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kb.embed.protocol import Embedder, Float32
from kb.store import EmbeddingCache
from kb.types import content_hash

# A question and a passage of the same words may get two vectors (prompts).
_QUERY = "query"
# By how much the square of a unit vector's length may be off in float32.
_TOLERANCE = 1e-3


class CachedEmbedder:
    """Wraps an embedder with the cache on disk; bound to the cache's thread."""

    def __init__(self, embedder: Embedder, cache: EmbeddingCache) -> None:
        self._embedder = embedder
        self._cache = cache
        self._embedded = 0

    @property
    def model_id(self) -> str:
        return self._embedder.model_id

    @property
    def dim(self) -> int:
        return self._embedder.dim

    @property
    def multilingual(self) -> bool:
        return self._embedder.multilingual

    @property
    def embedded(self) -> int:
        """Texts that the model had to read; the others were known."""
        return self._embedded

    def embed_passages(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Float32:
        hashes = [content_hash(text) for text in texts]
        by_hash = dict(zip(hashes, texts, strict=True))
        known = self._known(list(by_hash))
        missing = [hashed for hashed in by_hash if hashed not in known]
        if progress is not None:
            progress(len(texts) - len(missing))
        if missing:
            rows = self._embedder.embed_passages(
                [by_hash[hashed] for hashed in missing], progress=progress
            )
            known |= self._keep(dict(zip(missing, rows, strict=True)))
        if not hashes:
            return np.empty((0, self.dim), dtype=np.float32)
        return np.stack([known[hashed] for hashed in hashes])

    def embed_query(self, text: str) -> Float32:
        hashed = content_hash(_QUERY, text)
        known = self._known([hashed])
        if not known:
            known = self._keep({hashed: self._embedder.embed_query(text)})
        return known[hashed]

    def embed_queries(self, texts: Sequence[str]) -> Float32:
        rows = [self.embed_query(text) for text in texts]
        return np.stack(rows) if rows else np.empty((0, self.dim), dtype=np.float32)

    def _known(self, hashes: Sequence[str]) -> dict[str, Float32]:
        stored = self._cache.get(self.model_id, hashes)
        return {h: vector for h, vector in stored.items() if self._is_whole(vector)}

    def _is_whole(self, vector: Float32) -> bool:
        """A damaged row has another length, in one sense or the other (or holds
        what is no number, which compares as false); it is embedded again."""
        if vector.shape != (self.dim,):
            return False
        with np.errstate(over="ignore"):
            return abs(float(vector @ vector) - 1) < _TOLERANCE

    def _keep(self, vectors: dict[str, Float32]) -> dict[str, Float32]:
        # Kept before anything else is done with them: a killed run goes on.
        self._cache.put(self.model_id, vectors)
        self._embedded += len(vectors)
        return vectors
