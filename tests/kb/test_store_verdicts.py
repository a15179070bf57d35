"""What moderators say of topics is kept by topic and forum, and taken back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kb.errors import StoreError
from kb.store import Store
from kb.types import TopicId
from tests.kb.stored import NOON

SEVEN, EIGHT = TopicId(7), TopicId(8)


def mark(store: Store, topic_id: TopicId, forum: str = "forum") -> bool:
    with store.transaction():
        return store.verdicts.mark(forum, topic_id, "not_a_question", "staff", NOON)


def unmark(store: Store, topic_id: TopicId, forum: str = "forum") -> bool:
    with store.transaction():
        return store.verdicts.unmark(forum, topic_id)


def test_nothing_is_said_of_a_topic_that_nobody_marked(store: Store) -> None:
    assert store.verdicts.get("forum", SEVEN) is None
    assert store.verdicts.of("forum") == {}
    assert not unmark(store, SEVEN)


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

    assert unmark(store, SEVEN)
    assert store.verdicts.of("forum") == {}
    assert store.verdicts.get("history", SEVEN) == "not_a_question"
    assert mark(store, SEVEN)


def test_who_said_it_first_stays_known(store: Store) -> None:
    mark(store, SEVEN)
    with store.transaction():
        again = store.verdicts.mark(
            "forum", SEVEN, "not_a_question", "operator", NOON + timedelta(days=1)
        )

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
