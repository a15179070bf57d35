"""One pace for all who ask the same site, whatever thread they run in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Spaces requests to one site.

    The harvest and the bot are two clients of one forum, whose patience they share.

    Args:
        per_second: The most requests a second, all callers together.
        sleep: Waits that many seconds.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        per_second: float,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval_s = 1 / per_second
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._next_at = float("-inf")

    def __call__(self, _url: str = "") -> None:
        """Wait for the next free moment and take it."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next_at)
            self._next_at = at + self._interval_s
        if at > now:
            self._sleep(at - now)
