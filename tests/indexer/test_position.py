"""Where a walk goes on, and what may be spent on looking again."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from indexer.sources.position import Budget, FeedWalk, Position
from indexer.wire import Category
from kb.types import TopicId
from tests.indexer.forum_world import START

WALK = FeedWalk(START, floor=7, top=900, before=450, windowed=False, has_gaps=True)
WHOLE = Position(
    stamp="s",
    categories=(
        Category(3, "Aide générale", "aide", None, False, TopicId(12)),
        Category(4, "Staff", "staff", 3, True, None),
    ),
    since=START + timedelta(seconds=0.678),
    listed_at=START - timedelta(days=1),
    newest=900,
    feed=WALK,
    compared=True,
    read_at=START - timedelta(hours=1),
    sweep=FeedWalk(START),
    swept_at=START - timedelta(days=2),
    budget=Budget(-2.5, START),
)


@pytest.mark.parametrize("position", [WHOLE, Position("s")], ids=["whole", "fresh"])
def test_a_position_comes_back_as_it_was_written(position: Position) -> None:
    assert Position.load(position.dump()) == position


def test_times_of_other_zones_are_the_same_moments() -> None:
    nairobi = timezone(timedelta(hours=3))
    there = replace(WHOLE, since=datetime(2026, 3, 1, 3, tzinfo=nairobi))
    loaded = Position.load(there.dump())
    assert loaded is not None
    assert loaded.since == datetime(2026, 3, 1, tzinfo=UTC)
    assert loaded.since.tzinfo is UTC


def test_no_cursor_is_no_position() -> None:
    assert Position.load(None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"text"',
        json.dumps({**json.loads(WHOLE.dump()), "stamp": None, "since": "soon"}),
        json.dumps({**json.loads(WHOLE.dump()), "categories": [[1, "short"]]}),
        json.dumps({**json.loads(WHOLE.dump()), "categories": 4}),
        json.dumps({**json.loads(WHOLE.dump()), "feed": [1, 2]}),
        json.dumps({**json.loads(WHOLE.dump()), "feed": ["x", 0, 0, None, 1, 0]}),
        json.dumps({**json.loads(WHOLE.dump()), "newest": "many"}),
        json.dumps({**json.loads(WHOLE.dump()), "budget": [1]}),
        json.dumps({"format": 2}),
    ],
)
def test_a_cursor_that_is_not_ours_is_none_and_told(
    cursor: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert Position.load(cursor) is None
    assert "cursor is not a forum's" in caplog.text


@pytest.mark.parametrize(
    "cursor", ['{"since": null, "listed_at": null, "stamp": "s"}', '{"format": 1}']
)
def test_a_cursor_of_an_earlier_version_is_none_and_no_fault(
    cursor: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert Position.load(cursor) is None
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("before", "floor", "over"),
    [(None, 0, False), (451, 450, False), (450, 450, True), (-49, 0, True)],
)
def test_a_walk_is_over_at_its_floor(
    before: int | None, floor: int, over: bool
) -> None:
    assert replace(WALK, before=before, floor=floor).is_over is over


# -- the budget ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("per_day", "burst"), [(0, 0), (5, 5), (12, 12), (240, 12), (2400, 100)]
)
def test_a_full_budget_is_an_hours_or_a_dozen_requests(
    per_day: int, burst: int
) -> None:
    """And never more than a day's."""
    assert Budget.full(per_day, START).tokens == burst


@pytest.mark.parametrize(
    ("hours", "tokens"), [(0, 3.0), (0.5, 8.0), (0.9, 12.0), (24, 12.0), (-5, 3.0)]
)
def test_a_budget_refills_with_time_up_to_its_burst(
    hours: float, tokens: float
) -> None:
    """And loses nothing when the clock is set back."""
    now = START + timedelta(hours=hours)
    assert Budget(3, START).refilled(240, now) == Budget(tokens, now)


def test_a_debt_is_paid_back_first() -> None:
    spent = Budget(2, START).spent(22)
    assert spent == Budget(-20, START)
    assert spent.refilled(240, START + timedelta(hours=1)).tokens == -10
    assert spent.refilled(240, START + timedelta(hours=2)).tokens == 0


def test_a_smaller_budget_takes_effect_at_once() -> None:
    assert Budget(100, START).refilled(0, START).tokens == 0
    assert Budget(100, START).refilled(5, START).tokens == 5


def test_many_small_steps_refill_as_one_large_one() -> None:
    budget = Budget(-100, START)
    for minutes in range(1, 61):
        budget = budget.refilled(240, START + timedelta(minutes=minutes))
    assert budget.tokens == pytest.approx(-90)
