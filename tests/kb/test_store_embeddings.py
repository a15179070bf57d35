"""The embedding cache: by model and text, whole batches, easily replaced."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from kb.errors import StoreError
from kb.store import EmbeddingCache


def vector(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[EmbeddingCache]:
    with EmbeddingCache.open(tmp_path / "data" / "embeddings.db") as opened:
        yield opened


def listed(cache: EmbeddingCache, model: str, *hashes: str) -> dict[str, list[float]]:
    return {key: found.tolist() for key, found in cache.get(model, hashes).items()}


def test_vectors_come_back_to_the_bit_and_models_do_not_mix(
    cache: EmbeddingCache,
) -> None:
    odd = np.frombuffer(b"\x01\x00\x80\x7f\x00\x00\x00\x80", dtype=np.float32)
    cache.put("m1", {"a": odd, "b": vector(0.1, 0.2)})
    cache.put("m2", {"a": vector(3, 4)})

    found = cache.get("m1", ["a", "b", "missing"])

    assert {key: value.tobytes() for key, value in found.items()} == {
        "a": odd.tobytes(),
        "b": vector(0.1, 0.2).tobytes(),
    }
    assert found["b"].dtype == np.float32
    assert listed(cache, "m2", "a", "b") == {"a": [3.0, 4.0]}
    assert cache.models() == ["m1", "m2"]


def test_what_is_missing_comes_in_order_and_once(cache: EmbeddingCache) -> None:
    cache.put("m", {"known": vector(1)})

    missing = list(cache.missing("m", ["z", "known", "a", "z"]))

    assert missing == ["z", "a"]


def test_more_hashes_than_fit_one_statement(cache: EmbeddingCache) -> None:
    many = {f"h{n}": vector(n) for n in range(1100)}
    cache.put("m", many)

    assert listed(cache, "m", *many) == {f"h{n}": [float(n)] for n in range(1100)}


def test_only_the_named_model_forgets_what_is_gone(cache: EmbeddingCache) -> None:
    for model in ("m1", "m2"):
        cache.put(model, {"keep": vector(1), "gone": vector(2)})

    assert cache.keep_only("m1", iter(["keep", "keep", "unknown"])) == 1
    assert cache.keep_only("m1", ["keep"]) == 0

    assert listed(cache, "m1", "keep", "gone") == {"keep": [1.0]}
    assert listed(cache, "m2", "keep", "gone") == {"keep": [1.0], "gone": [2.0]}


def test_vectors_outlive_the_program(tmp_path: Path) -> None:
    path = tmp_path / "embeddings.db"
    with EmbeddingCache.open(path) as cache:
        cache.put("m", {"a": vector(1, 2)})

    with EmbeddingCache.open(path) as again:
        assert listed(again, "m", "a") == {"a": [1.0, 2.0]}


def test_a_full_disk_keeps_none_of_a_batch_and_all_before_it(
    cache: EmbeddingCache,
) -> None:
    cache.put("m", {"a": vector(1)})
    connection = cache._conn
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    big = {f"h{n}": np.zeros(500, dtype=np.float32) for n in range(50)}

    with pytest.raises(StoreError, match=r"full.*free space and run again"):
        cache.put("m", big)

    assert listed(cache, "m", "a", *big) == {"a": [1.0]}
    connection.execute("PRAGMA max_page_count = 1000000")
    cache.put("m", big)
    assert len(listed(cache, "m", *big)) == 50


def test_a_locked_cache_says_so(cache: EmbeddingCache) -> None:
    cache._conn.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(cache.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="locked"):
            cache.put("m", {"a": vector(1)})

        other.execute("ROLLBACK")
    cache.put("m", {"a": vector(1)})


@pytest.mark.parametrize(
    "content", [b"junk" * 500, b"SQLite format 3\0" + b"\xff" * 99]
)
def test_a_damaged_cache_may_be_deleted_and_says_so(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "embeddings.db"
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"not a database.*may be deleted"):
        EmbeddingCache.open(path)


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        EmbeddingCache.open(tmp_path)
