"""A search box over a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.store import Store
from tests.kb.instant.world import Box


@pytest.fixture
def box(store: Store, tmp_path: Path) -> Iterator[Box]:
    made = Box(store, tmp_path)
    yield made
    made.close()
