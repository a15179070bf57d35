"""What an embedder promises to those who call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

TokenCounter = Callable[[str], int]
"""Counts the tokens that a model makes of a text, its special tokens not included."""


class Embedder(Protocol):
    """Turns texts into vectors whose inner product says how alike they are.

    All methods may be called from several threads at once.
    """

    @property
    def model_id(self) -> str:
        """Name and fingerprint of the weights; vectors of two ids never mix."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def multilingual(self) -> bool:
        """Texts of one meaning are near each other, whatever their languages."""

    def embed_passages(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Float32:
        """Embed texts that are to be found.

        Args:
            texts: Any length; what a model cannot read of a long one is cut off.
            progress: Called with the number of texts that were done since its
                last call.

        Returns:
            Shape ``(len(texts), dim)``, in the order of *texts*, rows L2-normalised.

        Raises:
            EmbeddingError: The model failed.
        """

    def embed_query(self, text: str) -> Float32:
        """Embed a question: shape ``(dim,)``, L2-normalised.

        Raises:
            EmbeddingError: The model failed.
        """

    def embed_queries(self, texts: Sequence[str]) -> Float32:
        """Embed some questions at once: shape ``(len(texts), dim)``; see `embed_query`.

        For a few that came at about the same time, not for thousands.
        """


def readable(text: str) -> str:
    """Drop lone surrogates, which no tokenizer can read.

    >>> readable("a\\ud800b")
    'ab'
    """
    return text.encode("utf-8", "ignore").decode("utf-8")
