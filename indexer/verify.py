"""Verifying a source: is what is stored what is there? Reported, and noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from indexer.sources.verifying import Checked
from kb.store import Store
from kb.types import Clock, utc_now


class Comparison(Protocol):
    """Compares stored documents of one source with the source."""

    def keys(self, *, sample: int | None = None, seed: int = 0) -> list[str]: ...

    def check(self, key: str) -> Checked: ...


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a comparison found, or has found so far.

    Attributes:
        total: Documents to compare.
        checked: How many of them were.
        different: Those that are not stored as they are, with the differences.
        failed: Those that could not be compared, and why.
        requests: Network requests, repeated ones included.
    """

    source: str
    total: int
    checked: int = 0
    different: tuple[Checked, ...] = ()
    failed: tuple[Checked, ...] = ()
    requests: int = 0
    seconds: float = 0.0


Look = Callable[[VerifyReport, Checked | None], None]


def verify(
    name: str,
    comparison: Comparison,
    store: Store,
    *,
    sample: int | None,
    seed: int = 0,
    requests: Callable[[], int],
    clock: Clock = utc_now,
    progress: Look = lambda _report, _checked: None,
) -> VerifyReport:
    """Compare what is stored of a source with the source.

    What differs is noted, and the next refresh reads it; what does not counts as
    verified now. The documents themselves are not touched.

    Args:
        sample: How many to compare, drawn at random; ``None`` for all.
        requests: Tells how many were sent so far.
        progress: Told after every document, and once before the first.

    Raises:
        ForumError: The network or the forum failed for more than a document.
        StoreError: SQLite failed.
    """
    started, before = clock(), requests()
    keys = comparison.keys(sample=sample, seed=seed)
    different: list[Checked] = []
    failed: list[Checked] = []

    def report(checked: int) -> VerifyReport:
        return VerifyReport(
            source=name,
            total=len(keys),
            checked=checked,
            different=tuple(different),
            failed=tuple(failed),
            requests=requests() - before,
            seconds=(clock() - started).total_seconds(),
        )

    progress(report(0), None)
    for number, key in enumerate(keys, start=1):
        asked = clock()
        checked = comparison.check(key)
        if checked.failed:
            failed.append(checked)
        elif checked.differences:
            different.append(checked)
        with store.transaction():
            if checked.differences:
                store.looks.add(name, [key], "differs from the forum", asked)
            elif not checked.failed and (state := store.documents.state(name, key)):
                store.documents.verify([state.id], at=asked)
        progress(report(number), checked)
    return report(len(keys))
