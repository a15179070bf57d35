"""What all tests share: where the community data of other people may lie."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
# Other people's data: beside the checkout on some machines, never in it.
SHARED = CHECKOUT.parent / "shared"


def shared_path(relative: str) -> Path:
    """A file or folder of the shared data; skips the test where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs the shared data: {relative}")
    return path


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
