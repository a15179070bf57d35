"""Columns to values and back: times, booleans, lists."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from kb.types import Kind

T = TypeVar("T")

# SQLite takes far more bound variables; this keeps statements short.
BATCH = 500


def to_text(moment: datetime | None) -> str | None:
    """A time as it is stored: UTC, fixed width, so that text order is time order.

    >>> to_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05.000000Z'

    Raises:
        ValueError: If *moment* has no time zone.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"time without zone: {moment}")
    # Not strftime: it writes the year 1 with one digit, which nothing reads back.
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return naive.isoformat(timespec="microseconds") + "Z"


def to_moment(text: str | None) -> datetime | None:
    """The inverse of `to_text`."""
    return None if text is None else datetime.fromisoformat(text)


# A call of the class takes many times as long, and each question makes a thousand.
to_kind = {kind.value: kind for kind in Kind}.__getitem__


@lru_cache(maxsize=4_096)
def to_tags(text: str) -> tuple[str, ...]:
    """A JSON list of short texts; few documents have one of their own.

    >>> to_tags('["import","2.40"]')
    ('import', '2.40')
    """
    return tuple(json.loads(text))


def to_json(items: object) -> str:
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def clean(text: str) -> str:
    """Drop what SQLite or UTF-8 cannot hold: NUL bytes and lone surrogates.

    >>> clean("a\\x00b\\ud800c")
    'abc'
    """
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def primary_of(alias: str) -> str:
    """SQL for the language alone of a row's code such as pt-BR, which an address may
    write pt_br."""
    code = f"replace({alias}.language, '_', '-')"
    return f"lower(substr({code}, 1, instr({code} || '-', '-') - 1))"


def batches(items: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """Cut *items* into pieces that fit into one statement.

    >>> list(batches([1, 2, 3], size=2))
    [[1, 2], [3]]
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]


def conditions(
    column: str, ids: Sequence[T] | None
) -> Iterator[tuple[str, Sequence[T]]]:
    """``(condition, values)`` of a statement for each batch of *ids*; one that is
    always met for ``None``.

    >>> list(conditions("id", [7, 8])), list(conditions("id", None))
    ([('id IN (?,?)', [7, 8])], [('TRUE', ())])
    """
    if ids is None:
        yield "TRUE", ()
        return
    for some in batches(ids):
        yield f"{column} IN ({placeholders(some)})", some


def seen_by(visible_to: Collection[str] | None) -> tuple[str, list[str]]:
    """``(condition, values)`` by which a reader sees documents, named ``d``, of some
    visibilities; ``None`` means all.

    >>> seen_by(frozenset({"public"})), seen_by(None)
    (('d.visibility IN (?)', ['public']), ('TRUE', []))
    """
    if visible_to is None:
        return "TRUE", []
    may = sorted(visible_to)
    return f"d.visibility IN ({placeholders(may)})", may


def before_text(moment: datetime | None) -> str:
    """A time that stored ones are compared with; nothing comes after ``None``.

    >>> before_text(None) > "2026-01-02T03:04:05.000000Z"
    True
    """
    return to_text(moment) or "~"


def placeholders(items: Iterable[object]) -> str:
    """``?,?,?`` for an ``IN`` list; values never enter the SQL text."""
    return ",".join("?" for _ in items)
