"""All word tables of a community, and the file that keeps them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from kb.bridge.table import Sense, Senses, WordTable
from kb.errors import BridgeError
from kb.whole import write_whole

BRIDGE_FORMAT = 1
"""Grows with every change of what the file means."""

# A table of a million words is none that we wrote.
_MAX_BYTES = 200_000_000
# Of all probabilities of a word together, each of which has three digits.
_ROUNDING = 0.005


@dataclass(frozen=True, slots=True)
class Bridge:
    """Word tables by the two languages that they lead from and to.

    Attributes:
        mark: Of the texts that it was learned from: another mark, another bridge.
        learned_at: When that was.
    """

    tables: Mapping[tuple[str, str], WordTable] = field(default_factory=dict)
    mark: str = ""
    learned_at: datetime | None = None

    def table(self, source: str, target: str) -> WordTable | None:
        return self.tables.get((source, target))

    def targets(self, source: str) -> frozenset[str]:
        """The languages that it leads to from one."""
        return frozenset(target for own, target in self.tables if own == source)

    @property
    def sources(self) -> frozenset[str]:
        """The languages that it leads from."""
        return frozenset(source for source, _ in self.tables)

    def over(self, other: Bridge) -> Bridge:
        """This one, and what only *other* knows."""
        tables = dict(other.tables)
        for languages, table in self.tables.items():
            known = other.tables.get(languages)
            tables[languages] = table if known is None else table.over(known)
        return replace(self, tables=tables)

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all.

        Raises:
            BridgeError: The file cannot be written.
        """
        # Without a time of its own: the same tables make the same file.
        text = _written(self).model_dump_json().encode()
        try:
            write_whole(path, gzip.compress(text, mtime=0))
        except OSError as exc:
            raise BridgeError(path, f"cannot be written: {exc}") from exc


def load_bridge(path: Path) -> Bridge:
    """Read what `Bridge.save` wrote.

    Raises:
        BridgeError: The file cannot be read, holds no bridge, or one of another format.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise BridgeError(path, f"cannot be read: {exc}") from exc
    return _read(data, path)


@cache
def shipped_bridge() -> Bridge:
    """The bridge that comes with Baraza; see docs/operations.md for what it is made of.

    It was checked when it was made, and is read as it is: every command that asks a
    question waits for it.
    """
    file = resources.files("kb") / "models" / "bridge.json.gz"
    content = json.loads(gzip.decompress(file.read_bytes()))
    tables = {}
    for table in content["tables"]:
        languages = table["source"], table["target"]
        words, terms = table["words"], table["terms"]
        times = dict(zip((*words, *terms), table["times"], strict=True))
        tables[languages] = WordTable(
            *languages, table["texts"], _Unread(words), _Unread(terms), times
        )
    return Bridge(tables)


class _Unread(Mapping[str, Senses]):
    """Senses that are made when they are asked for: a question needs those of one
    table or two, and there are fifty thousand in all."""

    def __init__(self, flat: Mapping[str, list[str | float]]) -> None:
        self._flat = flat

    def __getitem__(self, written: str) -> Senses:
        return _senses(self._flat[written])

    def __iter__(self) -> Iterator[str]:
        return iter(self._flat)

    def __len__(self) -> int:
        return len(self._flat)


class _TableFile(BaseModel):
    """Senses are flat, ``[text, probability, …]``: a fifth of the size and time."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(pattern=r"^[a-z]{2,3}$")
    target: str = Field(pattern=r"^[a-z]{2,3}$")
    texts: int = Field(ge=0)
    words: dict[str, list[str | float]]
    terms: dict[str, list[str | float]]
    # Of the words and then of the terms, in their order; may be left out.
    times: list[Annotated[int, Field(ge=1)]] = []


class _BridgeFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int
    mark: str
    learned_at: AwareDatetime | None
    tables: list[_TableFile]


def _written(bridge: Bridge) -> _BridgeFile:
    return _BridgeFile(
        format=BRIDGE_FORMAT,
        mark=bridge.mark,
        learned_at=bridge.learned_at,
        tables=[
            _TableFile(
                source=table.source,
                target=table.target,
                texts=table.texts,
                words={key: _flat(senses) for key, senses in table.words.items()},
                terms={key: _flat(senses) for key, senses in table.terms.items()},
                times=_flat_times(table),
            )
            for _, table in sorted(bridge.tables.items())
        ],
    )


def _flat(senses: Iterable[Sense]) -> list[str | float]:
    return [value for sense in senses for value in (sense.text, sense.probability)]


def _read(data: bytes, path: Path) -> Bridge:
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        text = unpacker.decompress(data, _MAX_BYTES)
        if not unpacker.eof:
            raise BridgeError(path, "is cut off, or far too large")
        file = _BridgeFile.model_validate_json(text)
        if file.format != BRIDGE_FORMAT:
            raise BridgeError(path, f"has format {file.format}, not {BRIDGE_FORMAT}")
        tables = {
            (table.source, table.target): WordTable(
                table.source,
                table.target,
                table.texts,
                {key: _senses(flat) for key, flat in table.words.items()},
                {key: _senses(flat) for key, flat in table.terms.items()},
                _times(table),
            )
            for table in file.tables
        }
    except ValidationError as exc:
        error = exc.errors()[0]
        where = ".".join(map(str, error["loc"]))
        raise BridgeError(path, f"{where or 'it'}: {error['msg']}") from exc
    except (zlib.error, ValueError) as exc:
        raise BridgeError(path, f"is no bridge: {exc}") from exc
    return Bridge(tables, file.mark, file.learned_at)


def _flat_times(table: WordTable) -> list[int]:
    if not table.times:
        return []
    return [table.met(written) for written in (*table.words, *table.terms)]


def _times(table: _TableFile) -> dict[str, int]:
    if not table.times:
        return {}
    return dict(zip((*table.words, *table.terms), table.times, strict=True))


def _senses(flat: list[str | float]) -> Senses:
    senses = []
    for text, probability in zip(flat[::2], flat[1::2], strict=True):
        if not isinstance(text, str) or not isinstance(probability, float):
            raise ValueError("expected a text and a probability by turns")
        if not 0 < probability <= 1:
            raise ValueError(f"expected a probability in (0, 1], got {probability}")
        senses.append(Sense(text, probability))
    total = sum(sense.probability for sense in senses)
    if total > 1 + _ROUNDING:
        # A word that meant everything would drown the others of a question.
        raise ValueError(f"expected probabilities that add up to 1, got {total:.3f}")
    return tuple(senses)
