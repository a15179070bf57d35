"""Questions that come at about the same time, embedded together and remembered.

What a model costs is reading its weights, which one question needs as much as eight:
on two cores without instructions for matrices eight short questions take some 16 ms
together, and 6 each alone. So whoever comes while others are being embedded waits for
them, and is embedded with all who wait.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from kb.embed.protocol import Embedder, Float32

# More at once take longer for the first than they spare for all.
MAX_BATCH = 8
# Three megabytes at 384 dimensions: pages, filters and common questions ask again.
REMEMBERED = 2_048


class BatchingEmbedder:
    """An embedder for many threads; passages go straight to the one that it wraps.

    Remembers the vectors of the newest questions, in memory alone.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        max_batch: int = MAX_BATCH,
        remembered: int = REMEMBERED,
    ) -> None:
        self._embedder = embedder
        self._max_batch = max_batch
        self._remembered = remembered
        self._known: OrderedDict[str, Float32] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Future[Float32]]] = []
        # One at a time: two would share the processors that one has to itself.
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="embedding")

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
    def waiting(self) -> tuple[str, ...]:
        """What nobody has begun to embed."""
        with self._lock:
            return tuple(text for text, _ in self._waiting)

    def embed_passages(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Float32:
        return self._embedder.embed_passages(texts, progress=progress)

    def embed_queries(self, texts: Sequence[str]) -> Float32:
        futures = [self._asked(text) for text in texts]
        rows = [future.result() for future in futures]
        return np.stack(rows) if rows else np.empty((0, self.dim), dtype=np.float32)

    def embed_query(self, text: str) -> Float32:
        return self._asked(text).result()

    def _asked(self, text: str) -> Future[Float32]:
        future: Future[Float32] = Future()
        with self._lock:
            known = self._known.get(text)
            if known is not None:
                self._known.move_to_end(text)
                future.set_result(known)
                return future
            self._waiting.append((text, future))
        # Whoever has its turn embeds all who wait: later turns may find nobody.
        self._turns.submit(self._turn)
        return future

    def _turn(self) -> None:
        with self._lock:
            some = self._waiting[: self._max_batch]
            del self._waiting[: self._max_batch]
        if some:
            self._embed(some)

    def _embed(self, some: Sequence[tuple[str, Future[Float32]]]) -> None:
        texts = list(dict.fromkeys(text for text, _ in some))
        try:
            found = dict(zip(texts, self._embedder.embed_queries(texts), strict=True))
        except BaseException as exc:
            # Each of them is told.
            for _, future in some:
                future.set_exception(exc)
            return
        with self._lock:
            self._known.update(found)
            while len(self._known) > self._remembered:
                self._known.popitem(last=False)
        for text, future in some:
            future.set_result(found[text])
