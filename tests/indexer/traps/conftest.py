"""A sandbox forum on a real socket, and a knowledge base beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox import Community, Library, Sandbox, Settings
from kb.store import Store
from tests.indexer.traps.world import Hands, World, without_feed


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def community(clock: Hands) -> Community:
    made = Community.empty(clock)
    made.add_category("Support")
    return made


@pytest.fixture
def box(community: Community) -> Iterator[Sandbox]:
    with Sandbox(community, library=Library()) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kb.db") as opened:
        yield opened


@pytest.fixture
def world(box: Sandbox, store: Store, clock: Hands) -> World:
    return World(box.url, store, clock)


@pytest.fixture(params=["2022", "2026"])
def generation(request: pytest.FixtureRequest, box: Sandbox) -> str:
    """Both ages of the software, one after the other."""
    box.settings = Settings(generation=request.param)
    return str(request.param)


@pytest.fixture(params=["by the feed", "topic by topic"])
def road(request: pytest.FixtureRequest, box: Sandbox) -> str:
    """Both roads to the posts of a forum, one after the other."""
    if request.param == "topic by topic":
        without_feed(box)
    return str(request.param)
