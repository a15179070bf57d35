"""Runs that are asked for between those of the clock: soon, bundled, not too often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# One change is told in several hints (a topic and its post): wait for them all.
SETTLE_S = 3.0
APART_S = 30.0


class Calls:
    """Who calls for a job, and when its run is due. For many threads.

    A call holds until a run of that job begins, whatever that run was started by:
    a run that had begun before may have looked already, and does not count.

    Args:
        settle_s: How long after a first call others are waited for.
        apart_s: The shortest time from the beginning of a run to a called one.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        settle_s: float = SETTLE_S,
        apart_s: float = APART_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settle_s = settle_s
        self._apart_s = apart_s
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        self._begun: dict[str, float] = {}

    def call(self, job: str) -> None:
        """Ask for a run; more calls before it change nothing."""
        with self._lock:
            earliest = self._begun.get(job, float("-inf")) + self._apart_s
            due = max(self._clock() + self._settle_s, earliest)
            self._due.setdefault(job, due)

    def due(self) -> list[str]:
        """The jobs whose time has come, longest due first."""
        with self._lock:
            now = self._clock()
            ready = [job for job, due in self._due.items() if due <= now]
            return sorted(ready, key=self._due.__getitem__)

    def is_due(self, job: str) -> bool:
        """Whether its time has come."""
        return job in self.due()

    def begin(self, job: str) -> None:
        """A run of it begins: all that was called for so far is served by it."""
        with self._lock:
            self._due.pop(job, None)
            self._begun[job] = self._clock()
