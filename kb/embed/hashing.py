"""An embedder without a model: hashed words and pieces of words.

It sees shared words and shared spelling, not meaning. It costs nothing, is the
same on every machine, and is what tests and the smallest installations use.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kb.accents import unaccented
from kb.embed.protocol import Float32

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+|[^\w\s]")

# Raise it when the features change, so that old vectors are not mixed with new.
_VERSION = 1
_GRAM_SIZES = (3, 4)
# A pair of words rarely repeats; pieces see through endings and typing errors.
_PAIR_WEIGHT = 0.4
_GRAM_WEIGHT = 1.2
# Long words carry the topic, short ones the grammar.
_FULL_WEIGHT_LENGTH = 6


class HashingEmbedder:
    """Signed feature hashing of words, pairs of words and character n-grams.

    Source:
        Weinberger et al., ICML 2009, doi:10.1145/1553374.1553516.

    >>> embedder = HashingEmbedder()
    >>> close, far = embedder.embed_passages(["Resetting a password", "Blue whales"])
    >>> query = embedder.embed_query("reset my passwords")
    >>> bool(query @ close > 0.3 > query @ far)
    True
    """

    def __init__(self, dim: int = 256) -> None:
        if dim < 1:
            raise ValueError(f"dim must be >= 1, got {dim}")
        self.dim = dim
        # Words that share no spelling share nothing here.
        self.multilingual = False
        self.model_id = f"hashing-{dim}-v{_VERSION}"

    def embed_passages(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Float32:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self.embed_query(text)
            if progress is not None:
                progress(1)
        return rows

    def embed_queries(self, texts: Sequence[str]) -> Float32:
        return self.embed_passages(texts)

    def embed_query(self, text: str) -> Float32:
        words = _WORD.findall(unaccented(text))
        # Sorted, so that the same words always add up in the same order.
        places, weights = [], []
        for word, count in sorted(Counter(words).items()):
            some, base = _word_features(word)
            places.append(some)
            # A word said ten times is not ten times as much said.
            weights.append(base * count**0.5)
        for pair, count in sorted(Counter(map(" ".join, pairwise(words))).items()):
            places.append(np.array([_hash(pair)], dtype=np.int64))
            weights.append(np.array([count**0.5 * _PAIR_WEIGHT]))
        if not places:
            places, weights = [np.array([_hash("")], dtype=np.int64)], [np.ones(1)]
        hashed = np.concatenate(places)
        vector = np.bincount(
            (hashed >> 1) % self.dim,
            weights=np.concatenate(weights) * np.where(hashed & 1, 1.0, -1.0),
            minlength=self.dim,
        )
        length = float(np.linalg.norm(vector))
        if length == 0.0:
            # Features that cancelled out.
            vector[0] = length = 1.0
        return (vector / length).astype(np.float32)


def count_words(text: str) -> int:
    """Words and punctuation marks: the token count of the hashing embedder.

    >>> count_words("Reset it, please!")
    5
    """
    return sum(1 for _ in _TOKEN.finditer(text))


@lru_cache(maxsize=50_000)
def _word_features(word: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Hashes and weights of a word and its pieces."""
    # Long "words" are encoded data; their pieces say nothing.
    marked = f"<{word[:40]}>"
    grams = [
        marked[start : start + size]
        for size in _GRAM_SIZES
        for start in range(len(marked) - size + 1)
    ]
    hashes = np.array([_hash(feature) for feature in (word, *grams)], dtype=np.int64)
    weights = np.full(len(hashes), _GRAM_WEIGHT / max(len(grams), 1) ** 0.5)
    weights[0] = 1.0
    return hashes, weights * min(len(word) / _FULL_WEIGHT_LENGTH, 1.0)


def _hash(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "surrogatepass"))
