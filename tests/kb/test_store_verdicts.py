"""What moderators say of topics is kept by topic and forum, and taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kb.errors import StoreError
from kb.store import Store, VerdictOrigin
from kb.types import TopicId
from tests.kb.stored import NOON

SEVEN, EIGHT = TopicId(7), TopicId(8)


def mark(
    store: Store,
    topic_id: TopicId,
    forum: str = "forum",
    *,
    origin: VerdictOrigin = "staff",
    at: datetime = NOON,
) -> bool:
    with store.transaction():
        return store.verdicts.mark(forum, topic_id, "not_a_question", origin, at)


def unmark(
    store: Store, topic_id: TopicId, forum: str = "forum", *, at: datetime = NOON
) -> bool:
    with store.transaction():
        return store.verdicts.unmark(forum, topic_id, at)


def test_nothing_is_said_of_a_topic_that_nobody_marked(store: Store) -> None:
    assert store.verdicts.get("forum", SEVEN) is None
    assert store.verdicts.of("forum") == {}
    assert not store.verdicts.taken_back_since("forum", SEVEN, NOON)
    assert not unmark(store, SEVEN)
    assert store.verdicts.get("forum", SEVEN) is None


def test_a_verdict_is_of_one_topic_of_one_forum(store: Store) -> None:
    assert [mark(store, each) for each in (EIGHT, SEVEN)] == [True, True]
    assert mark(store, EIGHT, "history")

    assert list(store.verdicts.of("forum").items()) == [
        (SEVEN, "not_a_question"),
        (EIGHT, "not_a_question"),
    ]
    assert store.verdicts.of("history") == {EIGHT: "not_a_question"}
    assert store.verdicts.get("history", SEVEN) is None


def test_what_is_taken_back_may_be_said_again(store: Store) -> None:
    mark(store, SEVEN)
    mark(store, SEVEN, "history")

    assert [unmark(store, SEVEN) for _ in range(2)] == [True, False]
    assert store.verdicts.get("forum", SEVEN) is None
    assert store.verdicts.of("forum") == {}
    assert store.verdicts.get("history", SEVEN) == "not_a_question"
    assert mark(store, SEVEN)


@pytest.mark.parametrize("was_said", [True, False])
def test_what_staff_said_before_it_was_taken_back_is_void(
    store: Store, was_said: bool
) -> None:
    if was_said:
        mark(store, SEVEN, at=NOON - timedelta(hours=1))
    # The clock goes back between two times: the later one counts.
    for at in (NOON, NOON - timedelta(days=1)):
        unmark(store, SEVEN, at=at)
    before, after = NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)

    assert not mark(store, SEVEN, at=before)
    assert store.verdicts.of("forum") == {}
    times = (before, NOON, after)
    assert [store.verdicts.taken_back_since("forum", SEVEN, at) for at in times] == [
        True,
        False,
        False,
    ]
    assert not store.verdicts.taken_back_since("history", SEVEN, before)
    assert mark(store, SEVEN, at=after)
    assert store.verdicts.of("forum") == {SEVEN: "not_a_question"}
    assert not store.verdicts.taken_back_since("forum", SEVEN, before)


def test_an_operator_speaks_now_whatever_the_clocks_say(store: Store) -> None:
    """The forum's clock, by which staff write, may be ahead of ours."""
    mark(store, SEVEN, at=NOON + timedelta(minutes=1))

    assert unmark(store, SEVEN)
    assert mark(store, SEVEN, origin="operator", at=NOON - timedelta(minutes=1))


def test_who_said_it_first_stays_known(store: Store) -> None:
    mark(store, SEVEN)
    again = mark(store, SEVEN, origin="operator", at=NOON + timedelta(days=1))

    rows = store.db.conn.execute("SELECT origin, at FROM verdicts").fetchall()
    assert not again
    assert [(origin, at[:10]) for origin, at in rows] == [
        ("staff", NOON.date().isoformat())
    ]


def test_a_reader_sees_it_and_cannot_say_it(store: Store, store_path: Path) -> None:
    mark(store, SEVEN)

    with Store.open(store_path, readonly=True) as reader:
        assert reader.verdicts.of("forum") == {SEVEN: "not_a_question"}
        with pytest.raises(StoreError, match="readonly"):
            mark(reader, EIGHT)


def test_what_was_said_later_was_not_said_then(store: Store) -> None:
    mark(store, SEVEN, at=NOON)
    mark(store, EIGHT, at=NOON + timedelta(days=1))

    then = store.verdicts.of("forum", before=NOON + timedelta(days=1))

    assert set(then) == {SEVEN}
    assert store.verdicts.of("forum", before=NOON) == {}
