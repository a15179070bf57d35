"""When the bot stops by itself, and how people stop it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.forum_care import LiveCare
from bot.pausing import Breaker, Rated, row_probability, too_bad
from bot.sandbox import Community, Sandbox
from indexer.channel import Channel
from kb.store import Mark, Store
from kb.types import TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW

BAD, GOOD, STAFF = Rated(False, False), Rated(True, False), Rated(False, True)


@pytest.fixture
def care(channel_to: Callable[[], Channel]) -> LiveCare:
    return LiveCare(channel_to(), BOT)


@pytest.fixture
def breaker(care: LiveCare, store: Store, clock: FakeClock) -> Breaker:
    return Breaker(
        "forum",
        care=care,
        store=store,
        recipients=["root"],
        language="fr",
        window=10,
        precision=0.4,
        clock=clock,
    )


def rate(
    store: Store, count: int, *, value: int, staff: bool, minutes: int = 0
) -> None:
    at = NOW + timedelta(minutes=minutes)
    with store.transaction():
        for number in range(count):
            topic_id = TopicId(1000 + 100 * minutes + number)
            mark = Mark(topic_id, "word", 5, value, staff, at)
            store.feedback.replace("forum", topic_id, [mark])


@pytest.mark.parametrize(
    ("rated", "reason"),
    [
        ([], ""),
        ([BAD] * 19, ""),
        ([BAD] * 20, "only 0 of the newest 20 rated replies helped"),
        ([BAD] * 17 + [GOOD] * 3, "only 3 of the newest 20 rated replies helped"),
        # As few as that may be chance.
        ([BAD] * 16 + [GOOD] * 4, ""),
        # Older ones have no say.
        ([BAD] * 10 + [GOOD] * 10 + [BAD] * 50, ""),
        ([STAFF] * 11, ""),
        ([STAFF] * 12, "moderators disapproved of 12 replies in a row"),
        ([STAFF] * 11 + [BAD], ""),
        ([Rated(True, True)] * 12, ""),
    ],
)
def test_it_stops_when_too_few_of_the_newest_help(
    rated: list[Rated], reason: str
) -> None:
    assert too_bad(rated, window=20, precision=0.4) == reason


@given(
    length=st.integers(1, 5),
    tries=st.integers(0, 8),
    chance=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)
def test_a_row_is_as_probable_as_all_the_ways_to_it(
    length: int, tries: int, chance: float
) -> None:
    ways = [way for way in product("xo", repeat=tries) if "x" * length in "".join(way)]
    expected = sum(
        chance ** way.count("x") * (1 - chance) ** way.count("o") for way in ways
    )

    assert row_probability(length, tries, chance) == pytest.approx(expected)


def test_a_bot_that_is_good_enough_goes_on_where_staff_rate_every_reply() -> None:
    """As in mode whisper, where nobody else can."""
    random, paused = Random(7), 0
    for _ in range(50):
        rated: list[Rated] = []
        for _ in range(200):
            rated.insert(0, Rated(random.random() < 0.5, True))
            if too_bad(rated[:20], window=20, precision=0.4):
                paused += 1
                break

    assert paused < 15


def test_it_pauses_itself_and_tells_the_moderators_once(
    breaker: Breaker, store: Store, community: Community, box: Sandbox
) -> None:
    rate(store, 10, value=-1, staff=False)

    assert breaker.run()
    assert not breaker.run()

    pause = store.pauses.get("forum")
    assert pause is not None
    assert (pause.origin, pause.at) == ("precision", NOW)
    [topic] = community.topics.values()
    assert topic.private
    assert topic.title == "J’ai cessé de répondre aux questions"
    assert community.user("root").id in topic.recipients
    assert "`resume, please`" in community.posts_of(topic.id)[0].raw
    assert len([each for each in box.requests if each.startswith("POST")]) == 1


@pytest.mark.parametrize("fault", [{"lose": True}, {"drop": True}, {"status": 503}])
def test_whatever_becomes_of_the_message_it_is_sent_once(
    fault: dict[str, bool],
    breaker: Breaker,
    store: Store,
    community: Community,
    box: Sandbox,
) -> None:
    rate(store, 10, value=-1, staff=True)
    box.faults.fail_next(path="/posts.json", method="POST", **fault)  # type: ignore[arg-type]

    try:
        breaker.run()
    except Exception:
        breaker.run()

    assert len(community.topics) == 1
    assert store.messages.in_state("forum", "claimed") == []


def test_resumed_it_judges_by_newer_ratings_alone(
    breaker: Breaker, store: Store, clock: FakeClock
) -> None:
    rate(store, 10, value=-1, staff=False)
    breaker.run()
    with store.transaction():
        assert store.pauses.end("forum", at=NOW)
        assert not store.pauses.end("forum", at=NOW + timedelta(days=1))

    clock.forward(hours=2)
    assert not breaker.run()
    rate(store, 9, value=-1, staff=False, minutes=60)
    assert not breaker.run()
    rate(store, 1, value=-1, staff=False, minutes=61)
    assert breaker.run()


def test_good_ratings_pause_nothing(breaker: Breaker, store: Store) -> None:
    rate(store, 10, value=1, staff=True)

    assert not breaker.run()
    assert store.pauses.get("forum") is None
