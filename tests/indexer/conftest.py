"""A sandbox forum, an empty store, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox import Community, Library, Sandbox
from kb.store import Store
from tests.indexer.forum_world import SUPPORT, Hands, World
from tests.indexer.loopback import Loopback, as_json
from tests.indexer.web_world import WebWorld


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def community(clock: Hands) -> Community:
    return Community.empty(now=clock)


@pytest.fixture
def box(community: Community) -> Iterator[Sandbox]:
    with Sandbox(community=community) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kb.db") as opened:
        yield opened


@pytest.fixture
def world(box: Sandbox, store: Store, clock: Hands) -> World:
    return World(box.url, store, clock)


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A scripted forum with one category, and no feed unless it is given one."""
    with Loopback() as running:
        running.on("/site.json", as_json({"categories": [SUPPORT]}))
        yield running


@pytest.fixture
def scripted(server: Loopback, store: Store, clock: Hands) -> World:
    """What harvests the scripted forum."""
    return World(server.url, store, clock)


@pytest.fixture
def docs(community: Community) -> Iterator[Sandbox]:
    """A documentation site without pages."""
    with Sandbox(community=community, library=Library()) as running:
        yield running


@pytest.fixture
def web(docs: Sandbox, store: Store, clock: Hands) -> WebWorld:
    """What reads the documentation site."""
    return WebWorld(docs.docs_url, store, clock)


@pytest.fixture
def host() -> Iterator[Loopback]:
    """A website that answers as it is told."""
    with Loopback() as running:
        yield running


@pytest.fixture
def site(host: Loopback, store: Store, clock: Hands) -> WebWorld:
    """What reads the scripted website."""
    return WebWorld(host.url, store, clock)
