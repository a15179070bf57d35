"""How long work shows that it goes on: a bar for people, JSON lines for machines.

Both go to stderr: what comes out of a command is on stdout.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bot.terminal import plain, progress_bar

if TYPE_CHECKING:
    from bot.checking import CheckReport
    from indexer.sources.verifying import Checked
    from indexer.tally import RefreshReport
    from indexer.verify import Look, VerifyReport

# A machine that follows a harvest needs no more lines than this.
_EVERY_S = 1.0


@contextmanager
def harvest_progress(
    name: str, *, as_json: bool
) -> Iterator[Callable[[RefreshReport], None]]:
    """What a harvest is to call with its report so far.

    The bar counts requests where there are any, with the rate and the time that is
    left by what the source expects; else documents.
    """
    if as_json:
        yield _json_lines()
        return
    with progress_bar(name, "documents") as bar:

        def look(report: RefreshReport) -> None:
            documents = report.inserted + report.updated + report.unchanged
            if report.texts:
                bar.unit = " texts"
                bar.update(report.texts - bar.n)
                return
            if not report.requests:
                bar.update(documents - bar.n)
                return
            bar.unit = " requests"
            if report.remaining is not None:
                bar.total = report.requests + report.remaining
            phase = next(reversed(list(report.phases)), "")
            bar.set_postfix_str(f"{documents} documents, {phase}", refresh=False)
            bar.update(report.requests - bar.n)

        yield look


def _json_lines() -> Callable[[RefreshReport], None]:
    tell = _Telling()

    def look(report: RefreshReport) -> None:
        tell(report, report.requests, report.seconds, report.remaining)

    return look


class _Telling:
    """Writes lines of JSON to stderr, the first at once and then one a second."""

    def __init__(self) -> None:
        self._last = float("-inf")

    def __call__(
        self, report: object, requests: int, seconds: float, remaining: int | None
    ) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY_S:
            return
        self._last = now
        rate = requests / seconds if seconds else 0.0
        known = remaining is not None and rate
        line = {
            "progress": plain(report),
            "requests_per_second": round(rate, 2),
            "eta_s": round((remaining or 0) / rate, 1) if known else None,
        }
        click.echo(json.dumps(line, ensure_ascii=True), err=True)


@contextmanager
def verify_progress(name: str, *, as_json: bool) -> Iterator[Look]:
    """What a comparison is to call after every topic."""
    if as_json:
        tell = _Telling()

        def look_as_json(report: VerifyReport, _: Checked | None) -> None:
            # A topic is read whole by itself, and takes a request at least.
            left = report.total - report.checked
            tell(report, report.requests, report.seconds, left)

        yield look_as_json
        return
    with progress_bar(f"verify {name}", "topics") as bar:

        def look(report: VerifyReport, _: Checked | None) -> None:
            bar.total = report.total
            bar.set_postfix_str(
                f"{len(report.different)} different, {report.requests} requests",
                refresh=False,
            )
            bar.update(report.checked - bar.n)

        yield look


@contextmanager
def check_progress() -> Iterator[Callable[[CheckReport], None]]:
    """What a check of addresses is to call after each of them."""
    with progress_bar("check", "pages") as bar:

        def look(report: CheckReport) -> None:
            bar.set_description(f"check {report.source}", refresh=False)
            bar.total = report.total
            bar.set_postfix_str(f"{report.died} dead", refresh=False)
            bar.update(report.asked - bar.n)

        yield look
