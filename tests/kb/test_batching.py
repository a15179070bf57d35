"""Questions that are embedded together, by threads that come at about the same time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kb.embed import HashingEmbedder
from kb.embed.batching import BatchingEmbedder
from kb.embed.protocol import Float32
from kb.errors import EmbeddingError


class Slow(HashingEmbedder):
    """Waits to be let go, and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(32)
        self.batches: list[list[str]] = []
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.error: Exception | None = None

    def embed_queries(self, texts: Sequence[str]) -> Float32:
        self.batches.append([*texts])
        self.begun.set()
        assert self.may_end.wait(10)
        if self.error is not None:
            raise self.error
        return super().embed_queries(texts)


@pytest.fixture
def slow() -> Slow:
    return Slow()


def ask_while_one_is_embedded(
    batching: BatchingEmbedder, slow: Slow, texts: Sequence[str]
) -> list[Float32]:
    """Ask the first, and the others while it is being embedded."""
    with ThreadPoolExecutor(len(texts)) as pool:
        first = pool.submit(batching.embed_query, texts[0])
        assert slow.begun.wait(10)
        others = [pool.submit(batching.embed_query, text) for text in texts[1:]]
        while len(batching.waiting) < len(texts) - 1:
            pass
        slow.may_end.set()
        return [future.result(10) for future in [first, *others]]


def test_who_waits_is_embedded_with_all_who_wait(slow: Slow) -> None:
    texts = ["a", "b", "c", "b"]

    vectors = ask_while_one_is_embedded(BatchingEmbedder(slow), slow, texts)

    assert slow.batches[0] == ["a"]
    assert sorted(slow.batches[1]) == ["b", "c"]
    plain = HashingEmbedder(32)
    for text, vector in zip(texts, vectors, strict=True):
        assert vector.tolist() == plain.embed_query(text).tolist()


def test_no_more_than_a_batch_at_once(slow: Slow) -> None:
    texts = [str(number) for number in range(8)]

    ask_while_one_is_embedded(BatchingEmbedder(slow, max_batch=3), slow, texts)

    assert [len(batch) for batch in slow.batches] == [1, 3, 3, 1]


def test_a_failure_is_told_to_each_and_spoils_nothing(slow: Slow) -> None:
    batching = BatchingEmbedder(slow)
    slow.error = EmbeddingError("model", "failed")
    with pytest.raises(EmbeddingError, match="failed"):
        ask_while_one_is_embedded(batching, slow, ["a", "b"])
    slow.error = None

    assert batching.embed_query("a").shape == (32,)


def test_the_newest_questions_are_remembered(slow: Slow) -> None:
    slow.may_end.set()
    batching = BatchingEmbedder(slow, remembered=2)

    for text in ("a", "b", "a", "c", "a", "b"):
        batching.embed_query(text)

    assert slow.batches == [["a"], ["b"], ["c"], ["b"]]


def test_some_at_once_come_in_their_order(slow: Slow) -> None:
    slow.may_end.set()
    plain = HashingEmbedder(32)
    batching = BatchingEmbedder(slow)

    vectors = batching.embed_queries(["x", "y", "x"])

    assert np.array_equal(vectors, plain.embed_queries(["x", "y", "x"]))
    assert batching.embed_queries([]).shape == (0, 32)
    assert (batching.dim, batching.model_id) == (32, plain.model_id)
    assert np.array_equal(batching.embed_passages(["x"]), plain.embed_passages(["x"]))
