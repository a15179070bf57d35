"""Runs that are asked for between those of the clock: soon, bundled, not too often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# One change is told in several hints (a topic and its post): wait for them all. A
# forum sends them within milliseconds.
SETTLE_S = 0.5
APART_S = 10.0
# So many called runs may follow one another at once, after a while without any: who
# asks is answered within seconds, and a storm is not followed gust by gust.
BURST = 4


class Calls:
    """Who calls for a job, and when its run is due. For many threads.

    A call holds until a run of that job begins, whatever that run was started by:
    a run that had begun before may have looked already, and does not count.

    Args:
        settle_s: How long after a first call others are waited for.
        apart_s: The time between called runs, in the long run.
        burst: How many may follow one another before that.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        settle_s: float = SETTLE_S,
        apart_s: float = APART_S,
        burst: int = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settle_s = settle_s
        self._apart_s = apart_s
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        self._burst = burst
        # When so many further runs will be as if they had been apart (a leaky bucket).
        self._level_until: dict[str, float] = {}

    def call(self, job: str, *, settled: bool = False) -> None:
        """Ask for a run; more calls before it change nothing.

        Args:
            settled: There is nothing to wait for: it is due now, if it may be.
        """
        with self._lock:
            now = self._clock()
            level = self._level_until.get(job, now) - (self._burst - 1) * self._apart_s
            due = max(now if settled else now + self._settle_s, level)
            self._due[job] = min(due, self._due.get(job, due))

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
            now = self._clock()
            level = max(now, self._level_until.get(job, now))
            full = now + self._burst * self._apart_s
            self._level_until[job] = min(level + self._apart_s, full)
