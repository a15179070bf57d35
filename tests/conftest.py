"""What all tests share: where they write, and where other people's data may lie."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is: no test is about that.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

CHECKOUT = Path(__file__).resolve().parent.parent
# Other people's data: beside the checkout on some machines, never in it.
SHARED = CHECKOUT.parent / "shared"
# A file system in memory (Linux), and what must be free there: containers often have
# 64 MiB only. All tests at once need some hundreds.
MEMORY = Path("/dev/shm")  # noqa: S108
MEMORY_BYTES = 4 * 2**30


def pytest_configure() -> None:
    """Write to memory where there is room: each new database waits for the disk some
    eight times, which is more than half of the time of many tests.

    Nothing is tested less: what a killed process leaves is the same, and a power cut
    is not among the tests.
    """
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK):
        found = os.statvfs(MEMORY)
        if found.f_bavail * found.f_frsize >= MEMORY_BYTES:
            # The first is for processes that tests start, the second for pytest.
            os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


def shared_path(relative: str) -> Path:
    """A file or folder of the shared data; skips the test where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs the shared data: {relative}")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands set up logging for their process; the next test starts without."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in root.handlers[:]:
        # Not pytest's own handlers, which come and go with each phase.
        if type(handler).__module__ == "bot.terminal":
            root.removeHandler(handler)
