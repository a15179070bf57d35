"""Work that keeps the event loop waiting, in threads: so many at once, none for ever.

Who comes when all threads are at work waits a moment, if not too many do already; then
it is better to be told to come later than to wait for an answer that nobody expects any
more. A thread cannot be stopped: one that is given up keeps its place until it ends, so
that what is slow is not begun again and again beside itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from kb.api.problems import RETRY_AFTER_S, ProblemError

T = TypeVar("T")


class BusyError(ProblemError):
    """All threads are at work, and enough requests wait already."""

    def __init__(self, what: str) -> None:
        super().__init__(
            503,
            f"too many {what} at once; ask again in some seconds",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )


class LateError(ProblemError):
    """It took longer than anybody waits; it goes on by itself."""

    def __init__(self) -> None:
        super().__init__(504, "it took too long, and was given up")


class Desk:
    """Runs functions in threads.

    Args:
        what: Is done there, in the plural; for who is told to come later.
        at_once: Threads.
        waiting: Requests that may wait for one, each for *wait_s*.
        timeout_s: What takes longer is given up.

    Attributes:
        at_work: Threads that are.
        waiting: Requests that wait for one of them.
    """

    def __init__(
        self,
        name: str,
        *,
        at_once: int,
        waiting: int,
        wait_s: float,
        timeout_s: float,
        what: str = "searches",
    ) -> None:
        self._what = what
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._places = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self.waiting = 0
        self._wait_s = wait_s
        self._timeout_s = timeout_s
        self.at_work = 0

    async def run(self, work: Callable[[], T]) -> T:
        """What *work* returns, or raises.

        Raises:
            BusyError: There is no place for it.
            LateError: See there.
        """
        await self._take_place()
        loop = asyncio.get_running_loop()
        self.at_work += 1
        job = self._threads.submit(work)

        def leave(_: Future[T]) -> None:
            # The loop may have ended before the thread.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._leave_place)

        job.add_done_callback(leave)
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                return await asyncio.wrap_future(job)
        except TimeoutError:
            if limit.expired():
                raise LateError from None
            raise

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self.waiting >= self._most_waiting:
            raise BusyError(self._what)
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise BusyError(self._what) from None
        finally:
            self.waiting -= 1

    def _leave_place(self) -> None:
        self.at_work -= 1
        self._places.release()
