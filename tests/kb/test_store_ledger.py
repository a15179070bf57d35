"""The ledger: one voice per topic, whatever crashes or races."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kb.store import Decision, Ledger, Store
from kb.types import PostId, TopicId
from tests.kb.stored import NOON

FORUM = "https://forum.example.org"
SILENT = Decision(
    forum=FORUM,
    topic_id=TopicId(812),
    title="Import fails",
    mode="shadow",
    state="decided",
    reasons=("confidence 0.41 < 0.8",),
    decided_at=NOON,
    suggestions=({"url": "https://example.org/a", "score": 0.41},),
)
CLAIM = replace(SILENT, mode="public", state="claimed", body="See [this](…)")


def record(store: Store, decision: Decision) -> bool:
    with store.transaction():
        return store.ledger.record(decision)


def test_silence_is_kept_with_its_reasons(store: Store) -> None:
    assert record(store, SILENT)

    assert store.ledger.get(FORUM, TopicId(812)) == replace(SILENT, updated_at=NOON)
    assert store.ledger.get(FORUM, TopicId(813)) is None
    assert store.ledger.get("https://other.example", TopicId(812)) is None


def test_a_silent_decision_may_be_made_again(store: Store) -> None:
    record(store, SILENT)
    later = replace(CLAIM, decided_at=NOON + timedelta(hours=1))

    assert record(store, later)

    stored = store.ledger.get(FORUM, TopicId(812))
    claimed_at = NOON + timedelta(hours=1)
    assert stored == replace(later, updated_at=claimed_at, sent_at=claimed_at)
    assert not stored.is_silent


@pytest.mark.parametrize("state", ["claimed", "posted", "queued", "refused"])
def test_a_topic_is_claimed_once_only(store: Store, state: str) -> None:
    assert record(store, CLAIM)
    if state != "claimed":
        with store.transaction():
            store.ledger.settle(
                FORUM,
                TopicId(812),
                state,  # type: ignore[arg-type]
                at=NOON,
            )
    before = store.ledger.get(FORUM, TopicId(812))

    assert not record(store, CLAIM)
    assert not record(store, SILENT)

    assert store.ledger.get(FORUM, TopicId(812)) == before


def test_of_many_callers_one_gets_the_claim(store: Store, store_path: Path) -> None:
    record(store, SILENT)
    barrier = threading.Barrier(6)
    won: list[bool] = []

    def claim() -> None:
        with Store.open(store_path) as own:
            barrier.wait()
            won.append(record(own, CLAIM))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False] * 5 + [True]


def test_a_claim_that_was_never_confirmed_is_found_after_a_crash(
    store: Store, store_path: Path
) -> None:
    record(store, CLAIM)
    record(store, replace(SILENT, topic_id=TopicId(5)))
    store.close()

    with Store.open(store_path) as again:
        claimed = again.ledger.claimed(FORUM)

        assert [decision.topic_id for decision in claimed] == [812]
        assert again.ledger.claimed("https://other.example") == []


def test_a_settled_claim_knows_its_post(store: Store) -> None:
    record(store, CLAIM)
    later = NOON + timedelta(seconds=3)
    with store.transaction():
        store.ledger.settle(
            FORUM,
            TopicId(812),
            "posted",
            at=later,
            post_id=PostId(4005),
            post_url=f"{FORUM}/t/812/2",
            reason="accepted by the forum",
        )

    assert store.ledger.get(FORUM, TopicId(812)) == replace(
        CLAIM,
        state="posted",
        post_id=PostId(4005),
        post_url=f"{FORUM}/t/812/2",
        reasons=(*CLAIM.reasons, "accepted by the forum"),
        updated_at=later,
        sent_at=later,
    )
    assert store.ledger.claimed(FORUM) == []


def test_the_quota_counts_replies_and_not_silence(store: Store) -> None:
    record(store, SILENT)
    for number, state in enumerate(("claimed", "posted", "queued", "refused"), 1):
        topic = TopicId(number)
        record(store, replace(CLAIM, topic_id=topic))
        if state != "claimed":
            with store.transaction():
                store.ledger.settle(
                    FORUM,
                    topic,
                    state,  # type: ignore[arg-type]
                    at=NOON + timedelta(minutes=number),
                )

    def replies(after: timedelta) -> int:
        return store.ledger.replies_since(FORUM, NOON + after)

    assert [replies(timedelta(minutes=m)) for m in (-1, 0, 1, 3, 4)] == [3, 3, 2, 1, 0]
    assert store.ledger.replies_since("https://other.example", NOON) == 0
    assert store.ledger.counts() == {
        "claimed": 1,
        "decided": 1,
        "posted": 1,
        "queued": 1,
        "refused": 1,
    }


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ({"url": "a"}, False),
        ({"url": "a", "forgotten": True}, True),
        ({"url": "a", "forgotten": True, "removed": True}, False),
        ({"url": "a", "title": 'So "forgotten":true it is'}, False),
    ],
)
def test_a_reply_that_shows_what_was_forgotten_is_looked_after_at_any_age(
    store: Store, link: dict[str, Any], found: bool
) -> None:
    record(store, replace(CLAIM, suggestions=({"url": "b"}, link)))
    with store.transaction():
        store.ledger.settle(FORUM, CLAIM.topic_id, "posted", at=NOON)

    old = store.ledger.replies(FORUM, NOON + timedelta(days=1))

    assert [each.topic_id for each in old] == [CLAIM.topic_id] * found
    assert len(store.ledger.replies(FORUM, NOON)) == 1


def test_recent_decisions_come_newest_first(store: Store) -> None:
    for topic in (3, 1, 2):
        at = NOON + timedelta(minutes=topic)
        record(store, replace(SILENT, topic_id=TopicId(topic), decided_at=at))

    assert [decision.topic_id for decision in store.ledger.recent(2)] == [3, 2]


def test_decisions_of_a_period_come_oldest_first(store: Store) -> None:
    hours = {4: 0, 3: 2, 2: 2, 1: 3}
    for topic, hour in hours.items():
        at = NOON + timedelta(hours=hour)
        record(store, replace(SILENT, topic_id=TopicId(topic), decided_at=at))
    record(store, replace(SILENT, forum="https://other.example"))

    def decided(since: int, until: int) -> list[int]:
        span = NOON + timedelta(hours=since), NOON + timedelta(hours=until)
        found = store.ledger.decided_between(FORUM, *span)
        return [each.topic_id for each in found]

    assert decided(0, 4) == [4, 2, 3, 1]
    assert decided(0, 3) == [4, 2, 3]
    assert decided(1, 2) == []


def test_the_ledger_knows_whether_anything_was_decided_by_then(store: Store) -> None:
    record(store, SILENT)

    assert store.ledger.knows(FORUM, NOON + timedelta(seconds=1))
    assert not store.ledger.knows(FORUM, NOON)
    assert not store.ledger.knows("https://other.example", NOON + timedelta(days=1))


def test_titles_and_bodies_are_cleaned(store: Store) -> None:
    record(store, replace(CLAIM, title="a\0b\ud800", body="c\0\udfffd"))

    stored = store.ledger.get(FORUM, TopicId(812))

    assert stored is not None
    assert (stored.title, stored.body) == ("ab", "cd")


def test_the_watch_goes_on_from_its_mark(store: Store) -> None:
    def mark(ledger: Ledger, topic: int) -> None:
        with store.transaction():
            ledger.set_watermark(FORUM, TopicId(topic), at=NOON)

    assert store.ledger.watermark(FORUM) is None
    mark(store.ledger, 10)
    mark(store.ledger, 12)

    assert store.ledger.watermark(FORUM) == 12
    assert store.ledger.watermark("https://other.example") is None


def test_the_ledger_knows_since_when_it_watches(store: Store) -> None:
    assert store.ledger.began(FORUM) is None
    for minutes in (0, 5):
        with store.transaction():
            at = NOON + timedelta(minutes=minutes)
            store.ledger.set_watermark(FORUM, TopicId(10 + minutes), at=at)

    assert store.ledger.began(FORUM) == NOON
    assert store.ledger.began("https://other.example") is None


def test_what_waits_is_due_in_its_order_and_at_a_wrong_time_too(store: Store) -> None:
    hours = {1: 2, 2: 1, 3: 9, 4: 24 * 400}
    for number, hour in hours.items():
        at = NOON + timedelta(hours=hour)
        waiting = replace(SILENT, topic_id=TopicId(number), state="waiting", due_at=at)
        record(store, waiting)
    now, beyond = NOON + timedelta(hours=3), NOON + timedelta(days=3)

    def due(**options: Any) -> list[int]:
        return [each.topic_id for each in store.ledger.due(FORUM, now, **options)]

    assert due() == [2, 1]
    assert due(beyond=beyond) == [2, 1, 4]
    assert due(beyond=beyond, limit=1) == [2]
    assert store.ledger.next_due(FORUM) == NOON + timedelta(hours=1)
    assert store.ledger.next_due("https://other.example") is None


def test_a_quota_leaves_out_what_a_wrong_clock_sent(store: Store) -> None:
    record(store, replace(CLAIM, decided_at=NOON + timedelta(days=40)))

    assert store.ledger.replies_since(FORUM, NOON) == 1
    assert store.ledger.replies_since(FORUM, NOON, until=NOON) == 0


def test_a_message_and_its_later_versions_are_one_matter(store: Store) -> None:
    keys = ["12", "12.2", "120", "1"]
    with store.transaction():
        for key in keys:
            assert store.messages.claim(FORUM, "draft", key, "text", at=NOON)
        store.messages.close(FORUM, "draft", "12")

    about = store.messages.about(FORUM, "draft", "12")
    assert [(each.key, each.state) for each in about] == [
        ("12", "closed"),
        ("12.2", "closed"),
    ]
    left = store.messages.in_state(FORUM, "claimed", purpose="draft")
    assert [each.key for each in left] == ["1", "120"]
    hour = timedelta(hours=1)
    assert store.messages.count_since(FORUM, "draft", NOON - hour, NOON) == 4
    assert store.messages.count_since(FORUM, "draft", NOON + hour, NOON + hour) == 0
    assert store.messages.count_since(FORUM, "notice", NOON - hour, NOON) == 0
