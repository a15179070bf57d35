"""How much one host may be asked, by all who ask it together.

The harvest and the bot are clients of one forum, whose patience they share: its
limits count the host's clients together, and while it turns one of them away,
whatever another sends prolongs the block.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Discourse's default budget is 60 requests a minute for all admin keys of a site
# together; half of it is left to the others.
REQUESTS_PER_SECOND = 0.5
IN_FLIGHT = 2
# Nobody is held back longer by one answer: asking once an hour does no harm, and
# what a broken server names may be a century.
MAX_PAUSE_S = 3600.0
_NEVER = float("-inf")
_POLL_S = 0.2


class HostBudget:
    """Spaces and bounds the requests to one host, in whatever thread they are made.

    Args:
        per_second: The most requests a second; ``None`` for no limit (tests).
        in_flight: The most requests that wait for their answers at once.
        sleep: Waits that many seconds, and may raise to break off. It is asked for
            0 seconds, again and again, while all places are taken.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        per_second: float | None = REQUESTS_PER_SECOND,
        *,
        in_flight: int = IN_FLIGHT,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = threading.BoundedSemaphore(in_flight)
        self._sleep = sleep
        self._clock = clock
        # Guards the four below; nobody sleeps while holding it.
        self._lock = threading.Lock()
        self._interval_s = 1 / per_second if per_second else 0.0
        self._delay_s = 0.0
        self._last_at = _NEVER
        self._paused_until = _NEVER

    @contextmanager
    def slot(self) -> Iterator[None]:
        """One exchange with the host: wait for a place and for its turn, then keep
        the place until the answer is read.

        A place is taken before the turn, so that those who wait for their turn are
        never more than may go at once.
        """
        while not self._places.acquire(timeout=_POLL_S):
            self._sleep(0)
        try:
            self._take_turn()
            yield
        finally:
            self._places.release()

    def pause(self, seconds: float) -> None:
        """Hold everybody back: from now on for *seconds*, or longer if that was asked
        before. Does not wait itself; requests in flight go on."""
        with self._lock:
            until = self._clock() + min(seconds, MAX_PAUSE_S)
            self._paused_until = max(self._paused_until, until)

    @property
    def paused_s(self) -> float:
        """How long everybody is still held back, in seconds; 0 when nobody is."""
        with self._lock:
            return max(0.0, self._paused_until - self._clock())

    def wait(self, seconds: float) -> None:
        """Sleep; pauses that end meanwhile are over then."""
        with self._lock:
            until = self._clock() + seconds
        if seconds > 0:
            self._sleep(seconds)
        with self._lock:
            # Believes in the sleep rather than in the clock, which tests let stand.
            if self._paused_until <= until:
                self._paused_until = _NEVER

    def at_most(self, per_second: float) -> None:
        """Do not ask faster than this, nor than was said before."""
        with self._lock:
            self._interval_s = max(self._interval_s, 1 / per_second)

    def keep_apart(self, seconds: float) -> None:
        """The distance that the host itself asks for (``Crawl-delay``); 0 for none.

        Unlike `at_most` it can be taken back. The longer distance counts.
        """
        with self._lock:
            self._delay_s = seconds

    def _take_turn(self) -> None:
        while True:
            with self._lock:
                now = self._clock()
                free_at = self._last_at + max(self._interval_s, self._delay_s)
                at = self._last_at = max(now, free_at, self._paused_until)
            self.wait(at - now)
            with self._lock:
                if self._paused_until == _NEVER:
                    return
            # Another one was told to slow down while this one slept.
