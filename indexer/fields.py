"""Typed access to JSON that names the field when it is not as expected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kb.errors import RecordError
from kb.store.rows import clean

# SQLite's integers end here.
_MAX_WHOLE = 2**63 - 1
_DIGITS = re.compile(r"-?[0-9]{1,19}")


class Fields:
    """A JSON object with its address, such as ``post_stream.posts[3]``.

    Args:
        data: What the JSON held.
        source: Where it was read: a URL, or a file with its line.
        path: Its address in there; empty for the whole answer.

    Raises:
        RecordError: *data* is not an object; from the methods: a field is
            missing or of another type.

    >>> Fields({"post": {"cooked": None}}, "t/1").inner("post").text("cooked")
    Traceback (most recent call last):
    kb.errors.RecordError: t/1: post.cooked: expected str, got null
    """

    def __init__(self, data: Any, source: str, path: str = "") -> None:
        self.source = source
        self.path = path
        if not isinstance(data, dict):
            raise RecordError(source, path or "answer", _expected("object", data))
        self._data: dict[str, Any] = data

    def bad(self, name: str, problem: str) -> RecordError:
        """The error for a field, to be raised by the caller."""
        return RecordError(self.source, self._address(name), problem)

    def has(self, name: str) -> bool:
        """The field is there and not null."""
        return self._data.get(name) is not None

    def names(self) -> list[str]:
        """Of all fields, in order."""
        return list(self._data)

    def raw(self, name: str) -> Any:
        """The field as it is; ``None`` when it is missing."""
        return self._data.get(name)

    def text(self, name: str) -> str:
        """A string, without NUL bytes and lone surrogates."""
        value = self._required(name, "str")
        if not isinstance(value, str):
            raise self.bad(name, _expected("str", value))
        return clean(value)

    def maybe_text(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def whole(self, name: str) -> int:
        """A whole number; also one that was written as a string."""
        return _whole(self._required(name, "int"), self, name)

    def number(self, name: str) -> int:
        """A whole number from 1 on, as ids are, and numbers of posts."""
        value = self.whole(name)
        if value < 1:
            raise self.bad(name, "expected 1 or more")
        return value

    def maybe_whole(self, name: str) -> int | None:
        return self.whole(name) if self.has(name) else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false; *default* when missing or null."""
        value = self._data.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.bad(name, _expected("bool", value))
        return value

    def moment(self, name: str) -> datetime:
        """A time in ISO 8601, in UTC; one without zone is taken for UTC."""
        text = self.text(name)
        moment = moment_of(text)
        if moment is None:
            raise self.bad(name, f"expected a time, got {text[:40]!r}")
        return moment

    def maybe_moment(self, name: str) -> datetime | None:
        return self.moment(name) if self.has(name) else None

    def inner(self, name: str) -> Fields:
        """An object within."""
        return Fields(self._required(name, "object"), self.source, self._address(name))

    def wholes(self, name: str) -> list[int]:
        """A list of whole numbers."""
        return [
            _whole(value, self, f"{name}[{index}]")
            for index, value in enumerate(self._list(name))
        ]

    def each(self, name: str) -> Iterator[Fields]:
        """The objects of a list; a bad one raises when its turn comes."""
        for index in range(self.count(name)):
            yield self.item(name, index)

    def count(self, name: str) -> int:
        """How many items a list has."""
        return len(self._list(name))

    def item(self, name: str, index: int) -> Fields:
        """One object of a list."""
        return Fields(
            self._list(name)[index], self.source, self._address(f"{name}[{index}]")
        )

    def _list(self, name: str) -> list[Any]:
        value = self._required(name, "list")
        if not isinstance(value, list):
            raise self.bad(name, _expected("list", value))
        return value

    def _required(self, name: str, kind: str) -> Any:
        if name not in self._data:
            raise self.bad(name, f"expected {kind}, but it is missing")
        return self._data[name]

    def _address(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def moment_of(text: str) -> datetime | None:
    """A time in ISO 8601, in UTC, or ``None`` where it is none; see `Fields.moment`.

    >>> moment_of("2024-02-05T09:00:00+01:00").hour, moment_of("soon")
    (8, None)
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _whole(value: Any, fields: Fields, name: str) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise fields.bad(name, _expected("int", value))
    if abs(value) > _MAX_WHOLE:
        raise fields.bad(name, "is too large")
    return value


def _expected(kind: str, value: Any) -> str:
    """What was found, in JSON's words and without its content.

    >>> _expected("str", [1])
    'expected str, got list'
    """
    names = {dict: "object", type(None): "null"}
    return f"expected {kind}, got {names.get(type(value), type(value).__name__)}"
