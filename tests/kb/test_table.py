"""Rows of a table read as mappings, and gathered again."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping

import numpy as np
import pytest

from kb.table import Row, Table, gathered

NAN = float("nan")
PLAIN: tuple[dict[str, float], ...] = ({"a": 1.0, "c": 3.0}, {"b": float("inf")}, {})


def rows() -> list[Row]:
    return Table(
        ("a", "b", "c"),
        np.array([[1.0, NAN, 3.0], [NAN, float("inf"), NAN], [NAN, NAN, NAN]]),
    ).rows()


def test_a_row_is_a_mapping_without_what_is_not_known() -> None:
    for row, plain in zip(rows(), PLAIN, strict=True):
        assert row == plain
        assert (dict(row), list(row), len(row)) == (plain, list(plain), len(plain))
        assert repr(row) == repr(plain)
        assert {name: row.get(name) for name in "abcd"} == {
            name: plain.get(name) for name in "abcd"
        }
    with pytest.raises(KeyError, match="b"):
        rows()[0]["b"]
    assert type(rows()[0]["a"]) is float


@pytest.mark.parametrize("names", ["abc", "c", "dba", ""])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0], [1, 1], []])
def test_rows_of_one_table_are_gathered_as_any_mappings_are(
    names: str, order: list[int]
) -> None:
    held = rows()
    of_one = [held[place] for place in order]
    of_many = [rows()[place] for place in order]
    plain: list[Mapping[str, float]] = [PLAIN[place] for place in order]

    expected = gathered(plain, names)

    assert expected.shape == (len(order), len(names))
    for some in (of_one, of_many, [*of_one[:1], *plain[1:]]):
        np.testing.assert_array_equal(gathered(some, names), expected)


def test_what_is_gathered_can_be_changed_without_changing_the_rows() -> None:
    some = rows()

    gathered(some, "abc")[:] = 7.0

    assert some == list(PLAIN)


def test_a_row_can_be_copied_and_sent_to_another_process() -> None:
    row = rows()[0]

    assert copy.deepcopy(row) == pickle.loads(pickle.dumps(row)) == PLAIN[0]  # noqa: S301
