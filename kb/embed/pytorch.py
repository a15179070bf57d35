"""Embedding with sentence-transformers on PyTorch: slow to start, reads all models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kb.embed.models import ModelSource
from kb.embed.protocol import Float32, readable
from kb.errors import EmbeddingError

_BATCH = 32
# Texts that are tokenized at one time; sentence-transformers sorts them by length.
_WINDOW = 1024


class TorchEmbedder:
    """A sentence-transformers model, on a GPU where PyTorch finds one."""

    def __init__(self, source: ModelSource, *, device: str | None = None) -> None:
        self.model_id = source.model_id
        self.multilingual = source.multilingual
        self._source = source
        self._model = load_model(source, device=device)
        self.dim = int(self._model.get_embedding_dimension())
        # Tokenizers keep their truncation setting as state, and refuse two threads.
        self._lock = threading.Lock()

    def embed_passages(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Float32:
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _WINDOW):
            some = texts[start : start + _WINDOW]
            rows[start : start + len(some)] = self._encode(
                some, self._source.passage_prompt
            )
            if progress is not None:
                progress(len(some))
        return rows

    def embed_query(self, text: str) -> Float32:
        vector: Float32 = self.embed_queries([text])[0]
        return vector

    def embed_queries(self, texts: Sequence[str]) -> Float32:
        return self._encode(texts, self._source.query_prompt)

    def _encode(self, texts: Sequence[str], prompt: str) -> Float32:
        try:
            with self._lock:
                vectors = self._model.encode(
                    [readable(text) for text in texts],
                    # Not None: that would look for a prompt of the model's own.
                    prompt=prompt,
                    batch_size=_BATCH,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
        except RuntimeError as exc:
            raise EmbeddingError(self.model_id, f"failed: {exc}") from exc
        return np.asarray(vectors, dtype=np.float32)


def load_model(source: ModelSource, *, device: str | None = None) -> Any:
    """A ``SentenceTransformer`` read from the source's folder, never from a network.

    Raises:
        EmbeddingError: The folder does not hold a model that can be read.
    """
    try:
        # Seconds and hundreds of MB: only where this backend is really used.
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging
    except ImportError as exc:
        raise EmbeddingError(
            source.name, f"needs sentence-transformers and torch ({exc})"
        ) from exc
    # It reports progress and advice that mean nothing to a reader of our logs.
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(
            str(source.folder), device=device, local_files_only=True
        )
    except Exception as exc:
        # Whatever a damaged folder makes it raise, it is the folder's fault.
        raise EmbeddingError(
            source.name, f"{source.folder} does not load: {exc}"
        ) from exc
