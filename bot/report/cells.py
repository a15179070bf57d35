"""What stands in cells of tables, and conditions that tell some of their rows. Pure.

A spreadsheet takes some texts for formulas, and a forum's members choose theirs: such
cells begin with an apostrophe. A condition names values as the cells show them, so that
whoever filters a table by it has exactly the rows that were counted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeAlias

from bot.escape import visible

Cell: TypeAlias = str | int | float | bool | datetime | None

# https://owasp.org/www-community/attacks/CSV_Injection, and the wide forms that some
# programs take for the same. Tabs and line ends are spaces by then.
# At the beginning, and behind what a spreadsheet of another country parts cells by.
_FORMULA = re.compile(r"(^|[;|\t]\s*)(?=[=+\-@＝＋－＠﹦﹢﹣﹫−])")


def cell(value: Cell) -> str:
    """One cell, on one line, that no spreadsheet takes for a formula.

    >>> cell("=1+1"), cell(" \\t@SUM(A1)"), cell("a\\n=b"), cell(-0.25)
    ("'=1+1", "'@SUM(A1)", 'a =b', '-0.25')
    >>> cell("a; =1+1"), cell("well-known; a=b")
    ("a; '=1+1", 'well-known; a=b')
    >>> cell(True), cell(None), cell(datetime(2026, 6, 1, tzinfo=UTC))
    ('yes', '', '2026-06-01T00:00:00+00:00')
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case float():
            return f"{value:.4f}".rstrip("0").rstrip(".")
        case int():
            return str(value)
    return _FORMULA.sub(r"\1'", visible(value))


# -- conditions --------------------------------------------------------------------


def equal(column: str, value: Cell) -> str:
    """The rows that hold a value in a column.

    >>> equal("answered", True), equal("category", None)
    ('answered = yes', 'category is empty')
    >>> equal("category", 'Say\\n"hi" now')
    'category = "Say ""hi"" now"'
    """
    return f"{column} = {_told(value)}" if cell(value) else f"{column} is empty"


def other_than(column: str, value: Cell) -> str:
    """The rows that hold something else there, or nothing.

    >>> other_than("voice", "waiting")
    'voice != "waiting"'
    """
    return f"{column} != {_told(value)}"


def filled(column: str) -> str:
    """The rows that hold anything there."""
    return f"{column} is not empty"


def between(column: str, since: datetime, until: datetime) -> str:
    """The rows of the days from one midnight on, before another.

    >>> between("created_at", datetime(2026, 3, 2), datetime(2026, 3, 9))
    'created_at >= 2026-03-02 and created_at < 2026-03-09'
    """
    # As texts, the times of a day come after its date, and before the next one.
    first, last = f"{since:%Y-%m-%d}", f"{until:%Y-%m-%d}"
    return every(f"{column} >= {first}", f"{column} < {last}")


def every(*conditions: str) -> str:
    """The rows that all of these tell; empty: all rows."""
    return " and ".join(filter(None, conditions))


def _told(value: Cell) -> str:
    """Words of people in quotes, those within doubled."""
    text = cell(value)
    return '"' + text.replace('"', '""') + '"' if isinstance(value, str) else text
