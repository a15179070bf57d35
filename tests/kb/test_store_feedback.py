"""What the marks on a reply come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kb.store import Mark, Rating, Store
from kb.types import TopicId

NOW, TOPIC = datetime(2026, 6, 1, tzinfo=UTC), TopicId(7)


def mark(kind: str, user_id: int, value: int, *, staff: bool = False) -> Mark:
    return Mark(TOPIC, kind, user_id, value, staff, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("marks", "value"),
    [
        ([mark("like", 2, 1)], 1),
        ([mark("like", 2, 1), mark("word", 3, -1)], -1),
        # One person who says it twice is one.
        (
            [
                mark("word", 2, -1),
                mark("reaction", 2, -1),
                mark("like", 3, 1),
                mark("like", 4, 1),
            ],
            1,
        ),
        # Who takes it back has said so.
        ([mark("like", 2, 1), mark("word", 2, -1), mark("like", 3, 1)], -1),
        # Whoever marked the solution, and whoever flagged it, were two.
        ([mark("solution", 0, 1), mark("flag", 0, -1), mark("like", 2, 1)], 1),
        ([mark("word", 1, -1, staff=True), mark("like", 2, 1), mark("like", 3, 1)], -1),
        ([mark("word", 1, -1, staff=True), mark("like", 1, 1)], -1),
    ],
)
def test_each_person_has_one_word(
    marks: list[Mark], value: int, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "baraza.db") as store:
        with store.transaction():
            store.feedback.replace("forum", TOPIC, marks)
            store.feedback.replace("other", TopicId(8), [mark("like", 2, 1)])

        assert store.feedback.ratings("forum") == [Rating(TOPIC, value, NOW)]


def test_the_newest_come_first(tmp_path: Path) -> None:
    with Store.open(tmp_path / "baraza.db") as store:
        with store.transaction():
            for number in (3, 1, 2):
                at = NOW + timedelta(days=number)
                given = Mark(TopicId(number), "like", 2, 1, False, at)
                store.feedback.replace("forum", TopicId(number), [given])

        found = store.feedback.ratings("forum", limit=2)
        assert [each.topic_id for each in found] == [3, 2]


def test_what_was_said_later_does_not_count(tmp_path: Path) -> None:
    later = Mark(TOPIC, "word", 3, -1, True, NOW + timedelta(days=1))
    with Store.open(tmp_path / "baraza.db") as store:
        with store.transaction():
            store.feedback.replace("forum", TOPIC, [mark("like", 2, 1), later])

        assert store.feedback.ratings("forum")[0].value == -1
        then = store.feedback.ratings("forum", before=later.at)
        assert then == [Rating(TOPIC, 1, NOW)]
        assert store.feedback.ratings("forum", before=NOW) == []
