"""One contract for both vector indexes, and FAISS against the exact one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import CorruptIndexError, DimensionMismatchError, SearchIndexError
from kb.vectors import ExactIndex, FaissIndex, Float32, Int64, nearest_seen

AnyIndex = ExactIndex | FaissIndex
BOTH = pytest.mark.parametrize("make", [ExactIndex, FaissIndex])
Make = Callable[[int], AnyIndex]


def ids(*values: int) -> Int64:
    return np.array(values, dtype=np.int64)


def rows(*values: list[float]) -> Float32:
    return np.array(values, dtype=np.float32)


def random_rows(count: int, dim: int, seed: int) -> Float32:
    made = np.random.default_rng(seed).normal(size=(count, dim))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float32)


@BOTH
def test_the_most_similar_passage_comes_first(make: Make) -> None:
    index = make(2)
    index.add(ids(10, 20, 30), rows([1, 0], [0, 1], [0.6, 0.8]))

    similarities, found = index.search(rows([0, 1], [1, 0]), 2)

    assert found.tolist() == [[20, 30], [10, 30]]
    assert similarities.tolist() == [
        [1.0, pytest.approx(0.8)],
        [1.0, pytest.approx(0.6)],
    ]
    assert [similarities.dtype.name, found.dtype.name] == ["float32", "int64"]


class Counting(ExactIndex):
    """Remembers for how many it was asked."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.asked: list[int] = []

    def search(self, queries: Float32, k: int) -> tuple[Float32, Int64]:
        self.asked.append(k)
        return super().search(queries, k)


@pytest.mark.parametrize(
    ("hidden", "found", "asked"),
    [
        ((), [0, 1, 2], [3]),
        ((50, 60), [0, 1, 2], [3]),
        ((1,), [0, 2, 3], [3, 12]),
        (range(40), [40, 41, 42], [3, 12, 48]),
        (range(98), [98, 99], [3, 12, 48, 100]),
        (range(100), [], [3, 12, 48, 100]),
    ],
)
def test_what_may_not_be_seen_takes_no_place_among_the_nearest(
    hidden: Sequence[int], found: list[int], asked: list[int]
) -> None:
    index = Counting(2)
    angles = np.linspace(0, 1, 100)
    index.add(
        np.arange(100), np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    )

    near = nearest_seen(
        index, rows([1, 0])[0], 3, lambda some: {i for i in some if i not in hidden}
    )

    assert [i for i, _ in near] == found
    assert [cosine for _, cosine in near] == pytest.approx(np.cos(angles[found]))
    assert index.asked == asked


@BOTH
def test_fewer_than_asked_for_are_near_where_there_are_no_more(make: Make) -> None:
    index = make(2)
    query = rows([1, 0])[0]
    assert nearest_seen(index, query, 3, set) == []

    index.add(ids(7), rows([1, 0]))

    assert nearest_seen(index, query, 3, set) == [(7, 1.0)]
    assert nearest_seen(index, query, 3, set, depth=12) == [(7, 1.0)]
    assert nearest_seen(index, query, 3, lambda _: ()) == []


@BOTH
def test_equal_passages_come_by_id_whatever_the_order_they_came_in(make: Make) -> None:
    index = make(2)
    order = np.random.default_rng(3).permutation(500)
    index.add(order + 7, np.tile(rows([0.6, 0.8]), (500, 1)))

    similarities, found = index.search(rows([0.6, 0.8]), 4)

    assert found.tolist() == [[7, 8, 9, 10]]
    assert len(set(similarities[0].tolist())) == 1


@BOTH
def test_a_short_result_is_padded(make: Make) -> None:
    index = make(2)
    index.add(ids(5), rows([1, 0]))

    similarities, found = index.search(rows([1, 0]), 3)

    assert found.tolist() == [[5, -1, -1]]
    assert similarities.tolist() == [[1.0, -np.inf, -np.inf]]


@BOTH
def test_an_empty_index_finds_nothing(make: Make) -> None:
    similarities, found = make(2).search(rows([1, 0], [0, 1]), 2)

    assert found.tolist() == [[-1, -1], [-1, -1]]
    assert np.isneginf(similarities).all()


@BOTH
def test_all_that_it_holds_comes_by_id_and_as_a_copy(make: Make) -> None:
    index = make(2)
    assert [part.shape for part in index.stored()] == [(0,), (0, 2)]
    index.add(ids(30, 10), rows([0, 1], [1, 0]))

    found, vectors = index.stored()
    vectors[0] = 7

    assert found.tolist() == [10, 30]
    assert index.stored()[1].tolist() == [[1, 0], [0, 1]]


@BOTH
def test_no_query_is_an_empty_result(make: Make) -> None:
    index = make(2)
    index.add(ids(5), rows([1, 0]))

    similarities, found = index.search(np.empty((0, 2), dtype=np.float32), 3)

    assert (similarities.shape, found.shape) == ((0, 3), (0, 3))


@BOTH
def test_removed_passages_are_not_found_and_unknown_ids_are_passed_over(
    make: Make,
) -> None:
    index = make(2)
    index.add(ids(1, 2, 3), rows([1, 0], [0.6, 0.8], [0, 1]))

    removed = index.remove(ids(1, 3, 3, 99))

    assert (removed, len(index)) == (2, 1)
    assert index.search(rows([1, 0]), 2)[1].tolist() == [[2, -1]]
    assert index.remove(ids()) == 0


@BOTH
def test_a_removed_id_may_come_back(make: Make) -> None:
    index = make(2)
    index.add(ids(1), rows([1, 0]))
    index.remove(ids(1))

    index.add(ids(1), rows([0, 1]))

    assert index.search(rows([0, 1]), 1)[0].tolist() == [[1.0]]


@BOTH
def test_other_dimensions_are_refused(make: Make) -> None:
    index = make(2)

    with pytest.raises(DimensionMismatchError, match=r"\(1, 3\).*\(n, 2\)"):
        index.add(ids(1), rows([1, 0, 0]))
    with pytest.raises(DimensionMismatchError):
        index.search(rows([1, 0, 0]), 1)
    with pytest.raises(DimensionMismatchError):
        index.search(np.ones(2, dtype=np.float32), 1)


@BOTH
@pytest.mark.parametrize(
    ("new_ids", "vectors", "problem"),
    [
        (ids(2, 1), rows([1, 0], [0, 1]), "added twice"),
        (ids(2, 2), rows([1, 0], [0, 1]), "added twice"),
        (ids(-1), rows([1, 0]), ">= 0"),
        (ids(2, 3), rows([1, 0]), "2,.*1 vectors"),
        (ids(2), rows([np.nan, 0]), "not finite"),
        (ids(2), rows([np.inf, 0]), "not finite"),
    ],
)
def test_a_refused_addition_changes_nothing(
    make: Make, new_ids: Int64, vectors: Float32, problem: str
) -> None:
    index = make(2)
    index.add(ids(1), rows([1, 0]))

    with pytest.raises(ValueError, match=problem):
        index.add(new_ids, vectors)

    assert index.search(rows([1, 0]), 2)[1].tolist() == [[1, -1]]


@BOTH
def test_nothing_may_be_asked_for_less_than_one_passage(make: Make) -> None:
    with pytest.raises(ValueError, match="k must be >= 1, got 0"):
        make(2).search(rows([1, 0]), 0)


@BOTH
def test_a_saved_index_answers_as_before_and_can_be_changed(
    make: type[AnyIndex], tmp_path: Path
) -> None:
    index = make(8)
    index.add(np.arange(50), random_rows(50, 8, seed=1))
    queries = random_rows(3, 8, seed=2)
    index.save(tmp_path / "saved")

    loaded = make.load(tmp_path / "saved")

    assert (len(loaded), loaded.dim) == (50, 8)
    before, after = index.search(queries, 9), loaded.search(queries, 9)
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert loaded.remove(ids(3)) == 1
    loaded.add(ids(3), random_rows(1, 8, seed=4))
    assert len(loaded) == 50


@BOTH
def test_an_empty_index_can_be_saved(make: type[AnyIndex], tmp_path: Path) -> None:
    make(4).save(tmp_path / "saved")

    loaded = make.load(tmp_path / "saved")

    assert (len(loaded), loaded.dim) == (0, 4)


@BOTH
def test_damaged_files_are_named(make: type[AnyIndex], tmp_path: Path) -> None:
    index = make(8)
    index.add(np.arange(50), random_rows(50, 8, seed=1))
    path = tmp_path / "saved"
    index.save(path)
    whole = path.read_bytes()

    damaged = [b"", b"garbage" * 100, whole[:10], whole[: len(whole) // 2], whole[:-1]]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(CorruptIndexError, match=r"saved: .*--rebuild"):
            make.load(path)
    with pytest.raises(CorruptIndexError, match="missing"):
        make.load(tmp_path / "missing")


def test_a_faiss_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    import faiss

    for foreign in (
        faiss.IndexFlatIP(4),
        faiss.IndexIDMap2(faiss.IndexFlatL2(4)),
        faiss.IndexIDMap2(faiss.IndexHNSWFlat(4, 8, faiss.METRIC_INNER_PRODUCT)),
    ):
        faiss.write_index(foreign, str(tmp_path / "foreign"))
        with pytest.raises(CorruptIndexError, match="not a flat index of passages"):
            FaissIndex.load(tmp_path / "foreign")


@BOTH
def test_an_index_that_cannot_be_written_says_so(
    make: type[AnyIndex], tmp_path: Path
) -> None:
    with pytest.raises(
        SearchIndexError, match=f"cannot be written.*{os.strerror(errno.ENOENT)}"
    ):
        make(4).save(tmp_path / "no" / "folder")


# Components are small multiples of 1/2, so that every product and sum is exact
# in float32 too: what FAISS and NumPy make of them may not differ at all.
_GRID = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])
_ROW = st.tuples(_GRID, _GRID, _GRID).map(list)


@settings(deadline=None, max_examples=60)
@given(
    vectors=st.lists(_ROW, min_size=1, max_size=60),
    doomed=st.sets(st.integers(0, 70)),
    query=_ROW,
    k=st.integers(1, 70),
    seed=st.integers(0, 5),
)
def test_faiss_finds_exactly_what_comparing_everything_finds(
    vectors: list[list[float]], doomed: set[int], query: list[float], k: int, seed: int
) -> None:
    """Ties included, of which such vectors have many."""
    order = np.random.default_rng(seed).permutation(len(vectors)).astype(np.int64)
    oracle, index = ExactIndex(3), FaissIndex(3)
    for each in (oracle, index):
        each.add(order, rows(*vectors))
        each.remove(ids(*doomed))

    expected = oracle.search(rows(query), k)
    found = index.search(rows(query), k)

    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    assert len(index) == len(oracle)


@pytest.mark.parametrize("queries", [1, 40])
def test_faiss_agrees_to_the_bit_on_vectors_of_a_real_size(queries: int) -> None:
    """FAISS computes few and many queries differently; neither may show."""
    vectors = random_rows(2000, 384, seed=5)
    vectors[1000:] = vectors[:1000]
    oracle, index = ExactIndex(384), FaissIndex(384)
    for each in (oracle, index):
        each.add(np.arange(2000), vectors)
    questions = random_rows(queries, 384, seed=6)

    expected, found = oracle.search(questions, 51), index.search(questions, 51)

    assert np.array_equal(found[1], expected[1])
    assert np.array_equal(found[0], expected[0])
