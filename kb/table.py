"""Named numbers of many things: kept as one array, read as a mapping of each; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


class Row(Mapping[str, float]):
    """One row of a table. What is not a number is absent.

    Made for hundreds of candidates per question, of which few are ever looked at: it
    holds no values of its own.
    """

    __slots__ = ("_place", "_table")

    def __init__(self, table: Table, place: int) -> None:
        self._table = table
        self._place = place

    def __getitem__(self, name: str) -> float:
        value = float(self._table.values[self._place, self._table.places[name]])
        if value != value:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> dict[str, float]:
        values = self._table.values[self._place].tolist()
        pairs = zip(self._table.places, values, strict=True)
        # What is not a number is not equal to itself.
        return {name: value for name, value in pairs if value == value}


class Table:
    """
    Args:
        names: Of the columns.
        values: Shape ``(rows, names)``, NaN where nothing is known; not to be
            changed any more.

    >>> rows = Table(["a", "b"], np.array([[1.0, np.nan], [2.0, 3.0]])).rows()
    >>> rows[0], rows[1]["b"]
    ({'a': 1.0}, 3.0)
    """

    __slots__ = ("places", "values")

    def __init__(self, names: Sequence[str], values: Float64) -> None:
        self.places = {name: place for place, name in enumerate(names)}
        self.values = values

    def rows(self) -> list[Row]:
        return [Row(self, place) for place in range(len(self.values))]

    def columns(self, names: Sequence[str]) -> Float64:
        """The values of some names, NaN for those that it does not have.

        Returns:
            Shape ``(rows, names)``, an array of its own.

        >>> Table(["a", "b"], np.array([[1.0, 2.0]])).columns(["b", "c"]).tolist()
        [[2.0, nan]]
        """
        found = np.full((len(self.values), len(names)), np.nan)
        held = [place for place, name in enumerate(names) if name in self.places]
        found[:, held] = self.values[:, [self.places[names[place]] for place in held]]
        return found


def gathered(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> Float64:
    """The values of some names, NaN where a row has none.

    Returns:
        Shape ``(rows, names)``, an array of its own.

    >>> gathered([{"a": 1.0, "b": 2.0}, {"b": 3.0}], ["a"]).tolist()
    [[1.0], [nan]]
    """
    table = _table_of(rows)
    if table is None:
        values = [[row.get(name, np.nan) for name in names] for row in rows]
        return np.array(values, dtype=np.float64).reshape(len(rows), len(names))
    found = np.full((len(rows), len(names)), np.nan)
    held = [place for place, name in enumerate(names) if name in table.places]
    columns = [table.places[names[place]] for place in held]
    places = [row._place for row in rows if isinstance(row, Row)]
    found[:, held] = table.values[np.ix_(places, columns)]
    return found


def _table_of(rows: Sequence[Mapping[str, float]]) -> Table | None:
    """The table of all of them, if they are of one."""
    tables = {id(row._table) if isinstance(row, Row) else None for row in rows}
    first = next(iter(rows), None)
    return first._table if isinstance(first, Row) and len(tables) == 1 else None
