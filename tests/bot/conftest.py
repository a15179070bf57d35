"""A small forum on a real socket, and what speaks with it as the bot does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.forum import LiveForum
from bot.sandbox import Community, Library, Sandbox, Settings
from indexer.channel import Channel
from kb.store import Store
from tests.bot.making import NOW

BOT = "baraza"


class FakeClock:
    """A `Clock` that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **delta: float) -> None:
        self.time += timedelta(**delta)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def community(clock: FakeClock) -> Community:
    """Members, the bot, and a category of each kind; no topics."""
    made = Community.empty(clock)
    made.add_user("root", admin=True, trust_level=4)
    made.add_user("amina")
    made.add_user("ben")
    made.add_user(BOT)
    made.add_category("Support")
    made.add_category("Android", parent="support")
    made.add_category("Staff room", slug="staff", read_restricted=True)
    made.add_category("Rota", slug="rota", parent="staff")
    return made


@pytest.fixture
def box(community: Community) -> Iterator[Sandbox]:
    with Sandbox(community, Settings(), library=Library()) as running:
        yield running


@pytest.fixture
def channel_to(box: Sandbox) -> Iterator[Callable[[], Channel]]:
    """Channels that carry the bot's key, wait for nobody, and are closed again."""
    opened: list[Channel] = []

    def make() -> Channel:
        channel = Channel(
            box.url,
            headers={"Api-Key": box.key_for(BOT), "Api-Username": BOT},
            requests_per_second=None,
            timeout_s=5,
            sleep=lambda _seconds: None,
        )
        opened.append(channel)
        return channel

    yield make
    for channel in opened:
        channel.close()


@pytest.fixture
def forum(channel_to: Callable[[], Channel]) -> LiveForum:
    return LiveForum(channel_to(), BOT)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "baraza.db") as opened:
        yield opened
