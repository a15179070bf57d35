"""Embedding with OpenVINO and `tokenizers` alone; PyTorch is never imported here.

It starts in a fraction of a second, embeds several times faster than PyTorch on
a CPU, and answers a query in a few milliseconds.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kb.embed.convert import ConvertedModel
from kb.embed.models import ModelSource
from kb.embed.protocol import Float32, readable
from kb.embed.runtime import openvino_core
from kb.errors import EmbeddingError

logger = logging.getLogger(__name__)

Precision = Literal["auto", "f32", "bf16"]

_BATCH = 32
# With long texts fewer rows fill the caches already.
_BATCH_TOKENS = 2048
# Texts whose tokens are in memory at one time.
_WINDOW = 1024
# So few are not worth the memory that the model takes when it is compiled for many.
_FEW = 32
# Widths are rounded up to this, because each new shape costs a preparation.
_WIDTH_STEP = 8
# No tokenizer makes a token of more characters; what lies further back in a
# long text cannot be among the tokens that are read, and is not worth the time.
_MAX_CHARS_PER_TOKEN = 100


class OpenVinoEmbedder:
    """A converted model on the CPU; threads share it, each call has its own state.

    Args:
        source: The model that was converted.
        model: What it was converted to.
        precision: ``auto`` takes bf16 where the CPU computes in it (vectors stay
            float32, cosine to f32 about 0.9999), f32 elsewhere.
    """

    def __init__(
        self,
        source: ModelSource,
        model: ConvertedModel,
        *,
        precision: Precision = "auto",
    ) -> None:
        self.model_id = source.model_id
        self.multilingual = source.multilingual
        self.dim = model.dim
        self._source = source
        self._model = model
        try:
            self._tokenizer = Tokenizer.from_file(str(model.tokenizer))
            self._tokenizer.enable_truncation(model.max_seq_length)
            self._tokenizer.no_padding()
            core = openvino_core()
            if precision == "auto":
                able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
                precision = "bf16" if "BF16" in able else "f32"
            self.precision = precision
            self._compiled = self._compile(PERFORMANCE_HINT="LATENCY")
        except Exception as exc:
            # Both libraries raise bare exceptions of their own making.
            raise EmbeddingError(
                source.name, f"{model.folder} does not load: {exc}"
            ) from exc

    def _compile(self, **hints: object) -> Any:
        return openvino_core().compile_model(
            self._model.network,
            "CPU",
            {"INFERENCE_PRECISION_HINT": self.precision, **hints},
        )

    @cached_property
    def _streams(self) -> int:
        # Those that this process may use: a container has fewer than its machine.
        return len(os.sched_getaffinity(0))

    @cached_property
    def _bulk(self) -> Any:
        """Compiled for many texts: a batch on each core, which is a fifth faster than
        all cores on one batch."""
        return self._compile(
            PERFORMANCE_HINT="THROUGHPUT",
            NUM_STREAMS=self._streams,
            INFERENCE_NUM_THREADS=self._streams,
        )

    def embed_passages(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Float32:
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _WINDOW):
            some = texts[start : start + _WINDOW]
            for chosen, vectors in self._embed(some, self._source.passage_prompt):
                rows[start + chosen] = vectors
                if progress is not None:
                    progress(len(chosen))
        return rows

    def embed_query(self, text: str) -> Float32:
        vector: Float32 = self.embed_queries([text])[0]
        return vector

    def embed_queries(self, texts: Sequence[str]) -> Float32:
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        ids, mask = self._inputs(*self._tokens(texts, self._source.query_prompt))
        return self._infer(self._compiled.create_infer_request(), ids, mask)

    def _embed(
        self, texts: Sequence[str], prompt: str
    ) -> Iterator[tuple[NDArray[np.intp], Float32]]:
        """Positions and vectors, batch by batch, short texts first."""
        tokens = self._tokens(texts, prompt)
        lengths = np.array([len(ids) for ids in tokens])
        if len(texts) <= _FEW:
            for chosen in _batches(lengths):
                inputs = self._inputs(*(tokens[position] for position in chosen))
                request = self._compiled.create_infer_request()
                yield chosen, self._infer(request, *inputs)
            return
        own = threading.local()
        # Compiled here: each thread that came first would do it for itself.
        bulk = self._bulk

        def infer(chosen: NDArray[np.intp]) -> Float32:
            if not hasattr(own, "request"):
                own.request = bulk.create_infer_request()
            inputs = self._inputs(*(tokens[position] for position in chosen))
            return self._infer(own.request, *inputs)

        batches = list(_batches(lengths))
        pool = ThreadPoolExecutor(self._streams, thread_name_prefix="embed")
        try:
            waiting = [pool.submit(infer, chosen) for chosen in batches]
            for chosen, vectors in zip(batches, waiting, strict=True):
                yield chosen, vectors.result()
        finally:
            # Who was told to stop does not wait for the rest.
            pool.shutdown(cancel_futures=True)

    def _tokens(self, texts: Sequence[str], prompt: str) -> list[list[int]]:
        longest = self._model.max_seq_length * _MAX_CHARS_PER_TOKEN
        encodings = self._tokenizer.encode_batch_fast(
            [prompt + readable(text[:longest]) for text in texts]
        )
        return [encoding.ids for encoding in encodings]

    def _inputs(self, *tokens: list[int]) -> tuple[NDArray[np.int64], ...]:
        """``(ids, mask)`` of one batch, padded to its longest text."""
        longest = max(map(len, tokens))
        width = -(-longest // _WIDTH_STEP) * _WIDTH_STEP
        width = min(width, self._model.max_seq_length)
        ids = np.full((len(tokens), width), self._model.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        return ids, mask

    def _infer(
        self, request: Any, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> Float32:
        try:
            vectors = np.array(request.infer([ids, mask])[0], dtype=np.float32)
        except RuntimeError as exc:
            raise EmbeddingError(self.model_id, f"failed: {exc}") from exc
        if not np.isfinite(vectors).all():
            raise EmbeddingError(self.model_id, "made a vector that is no number")
        # Reduced precision leaves lengths a little off 1.
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def _batches(lengths: NDArray[np.int_]) -> Iterator[NDArray[np.intp]]:
    """Positions in batches of alike lengths, so that little of it is padding.

    >>> [batch.tolist() for batch in _batches(np.array([3000, 5, 3001, 4]))]
    [[3, 1], [0], [2]]
    """
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while (
            end < len(order)
            and end - start < _BATCH
            and (end - start + 1) * int(lengths[order[end]]) <= _BATCH_TOKENS
        ):
            end += 1
        yield order[start:end]
        start = end
