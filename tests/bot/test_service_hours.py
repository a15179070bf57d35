"""Hours for heavy work: what a service leaves for the night, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import App
from bot.config import parse_config
from bot.sandbox import Community, Sandbox
from bot.service import Service
from kb.store import Store
from tests.bot.conftest import FakeClock
from tests.bot.making import NOW
from tests.bot.test_forum import ask

NIGHT = "22:00-06:00"


@pytest.fixture
def app(tmp_path: Path, box: Sandbox, clock: FakeClock) -> App:
    data = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": {
            "forum": {
                "type": "forum",
                "url": box.url,
                "requests_per_second": 1000,
                "respect_robots": False,
                "heavy_hours": NIGHT,
            },
        },
        "embedding": {"model": "hashing"},
        "bot": {"mode": "off"},
    }
    return App(parse_config(data, folder=tmp_path), clock=clock)


def at(clock: FakeClock, hour: int, *, day: int = 0) -> None:
    clock.time = NOW.replace(hour=hour, minute=0)
    clock.forward(days=day)


def refresh(app: App) -> object:
    [job] = [job for job in Service(app).jobs() if job.lane == "harvest"]
    return job.run()


def held(app: App) -> list[str]:
    with Store.open(app.store_path, readonly=True) as store:
        return sorted(store.documents.states("forum"))


def test_the_first_reading_waits_for_its_hours(
    app: App, community: Community, box: Sandbox, clock: FakeClock
) -> None:
    topic = ask(community)
    at(clock, 12)
    assert refresh(app) is True
    assert (box.recorded, held(app)) == ([], [])

    at(clock, 23)
    assert refresh(app) is True
    assert held(app) == [str(topic)]


def test_what_is_new_is_read_at_all_hours_and_the_rest_at_night(
    app: App, community: Community, clock: FakeClock
) -> None:
    gone = ask(community)
    community.add_post(gone, "It has a reply.", user="ben")
    at(clock, 23)
    refresh(app)
    at(clock, 12, day=3)
    community.delete_topic(gone)
    new = ask(community, "Another question?")

    refresh(app)
    by_day = held(app)
    at(clock, 23, day=3)
    refresh(app)

    assert by_day == sorted([str(gone), str(new)])
    assert held(app) == [str(new)]


def test_work_of_the_night_ends_with_it(
    app: App, community: Community, clock: FakeClock
) -> None:
    """Wherever the morning breaks it off, the next night goes on."""
    topics = [str(ask(community, f"Question number {n}?")) for n in range(8)]
    at(clock, 23)
    refresh(app)
    community.delete_topic(int(topics[0]))

    ended: list[object] = []
    for day in range(3, 7):
        at(clock, 5, day=day)
        app.stopped = morning_after(day - 3, clock)
        ended.append(refresh(app))
        app.stopped = lambda: False
        at(clock, 12, day=day)
        assert refresh(app) is True
        assert set(held(app)) >= set(topics[1:])
    at(clock, 23, day=7)
    refresh(app)

    assert ended[0] is False
    assert held(app) == topics[1:]


def morning_after(looks: int, clock: FakeClock) -> Callable[[], bool]:
    """What a run asks between batches: after so many it is seven o'clock."""
    left = iter(range(looks))

    def stopped() -> bool:
        if next(left, None) is None:
            clock.time = clock.time.replace(hour=7)
        return False

    return stopped
