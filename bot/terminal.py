"""What reaches a terminal or a log: lines for people, JSON for machines.

Whatever comes from a forum goes through `bot.escape.printable` first: a title may
hold control sequences that move the cursor or rename the window.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.escape import printable, visible
from kb.errors import KBError


def say(text: str = "") -> None:
    """One result, on stdout."""
    _write(printable(text))


def say_json(value: object) -> None:
    """One JSON value on a line of its own; ASCII, so nothing in it is live."""
    _write(plain_json(value))


def plain_json(value: object) -> str:
    """A value as one line of JSON, see `plain`."""
    return json.dumps(plain(value), ensure_ascii=True)


def _write(text: str) -> None:
    try:
        click.echo(text)
    except BrokenPipeError:
        raise  # Whoever read it has had enough; click ends in silence.
    except OSError as exc:
        raise KBError(f"the result cannot be written: {exc.strerror}") from exc


def plain(value: object) -> Any:
    """A record as plain JSON values; times are ISO 8601.

    >>> plain({"at": datetime(2026, 1, 2), "where": Path("a")})
    {'at': '2026-01-02T00:00:00', 'where': 'a'}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return value


def ago(seconds: float | None) -> str:
    """A span as people say it.

    >>> ago(None), ago(30), ago(600), ago(7200), ago(200_000)
    ('never', '30 s ago', '10 min ago', '2 h ago', '2 days ago')
    """
    if seconds is None:
        return "never"
    for size, unit in ((172_800, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{round(seconds / _SECONDS[unit])} {unit} ago"
    return f"{round(seconds)} s ago"


_SECONDS = {"days": 86_400, "h": 3_600, "min": 60}


class SafeFormatter(logging.Formatter):
    """A message is one line, whatever a forum put into it; tracebacks keep theirs."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        record.message = visible(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to what stderr is now, like `logging.lastResort`."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        raise AttributeError("stderr is looked up anew for every record")


def log_to_stderr(*, verbose: bool) -> None:
    """Set up logging; warnings always, what happens otherwise only if *verbose*."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _StderrHandler)]:
        root.removeHandler(old)
    handler = _StderrHandler()
    handler.setFormatter(
        SafeFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    )
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    root.addHandler(handler)
    root.setLevel(min(root.level or logging.WARNING, handler.level))
    # One line per request, URLs and all; ours say more.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # It tries libraries for newer CPUs first and reports each that is not there.
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)


@contextmanager
def progress_of_steps(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for work in steps, as `bot.timeline.Progress` tells of it."""
    with progress_bar(title, "") as bar:

        def look(step: str, done: int, todo: int) -> None:
            bar.set_description(step, refresh=False)
            bar.total = todo or None
            bar.update(done - bar.n)

        yield look


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Any]:
    """A progress bar on stderr; nothing where stderr is not a terminal."""
    from tqdm import tqdm

    with tqdm(
        desc=title, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False
    ) as bar:
        yield bar
