"""What people made of replies, and how sure the bot must be from then on."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rated import outcome_of, rated_outcomes
from kb.store import Decision, Mark, Rating, Store
from kb.thresholds import Outcome, choose_thresholds
from kb.types import Kind, TopicId
from tests.bot.making import NOW


def decided(topic_id: int = 7, **first: Any) -> Decision:
    values: dict[str, Any] = {"kind": "docs", "confidence": 0.8}
    return Decision(
        "forum",
        TopicId(topic_id),
        "?",
        "public",
        "claimed",
        ("sure",),
        NOW,
        suggestions=[values | first, {"kind": "thread", "confidence": 0.1}],
        body="See this.",
        language="fr",
    )


@pytest.mark.parametrize("value", [1, -1])
def test_the_first_link_of_a_reply_is_right_or_wrong(value: int) -> None:
    rating = Rating(TopicId(7), value, NOW)

    found = outcome_of(rating, decided())

    assert found == Outcome(Kind.DOCS, "fr", 0.8, value > 0)


@pytest.mark.parametrize(
    "first",
    [{"kind": "poem"}, {"confidence": None}, {"confidence": 1.5}, {"kind": None}],
)
def test_what_an_old_ledger_does_not_tell_is_left_out(first: dict[str, Any]) -> None:
    assert outcome_of(Rating(TopicId(7), 1, NOW), decided(**first)) is None


def test_ratings_of_a_forum_are_read_with_their_decisions(store: Store) -> None:
    with store.transaction():
        store.ledger.record(decided(7))
        store.ledger.record(decided(8, kind="course"))
        for topic_id, value in ((7, 1), (8, -1), (9, 1)):
            mark = Mark(TopicId(topic_id), "like", 5, value, False, NOW)
            store.feedback.replace("forum", TopicId(topic_id), [mark])

    found = rated_outcomes(store, "forum")

    assert sorted(found, key=lambda each: each.kind) == [
        Outcome(Kind.COURSE, "fr", 0.8, False),
        Outcome(Kind.DOCS, "fr", 0.8, True),
    ]
    assert rated_outcomes(store, "elsewhere") == []


def history() -> list[Outcome]:
    """Suggestions that are as often right as they say."""
    return [
        Outcome(Kind.THREAD, "", tenth / 10, number % 10 < tenth)
        for tenth in range(1, 10)
        for number in range(40)
    ]


def border(rated: list[Outcome]) -> float:
    thresholds = choose_thresholds([*history(), *rated], 0.6)
    found = thresholds.find(Kind.THREAD, "")
    assert found is not None
    assert found.confidence is not None
    return found.confidence


def test_bad_ratings_make_it_more_careful_and_good_ones_less() -> None:
    def rated(confidence: float, *, right: bool) -> list[Outcome]:
        return [Outcome(Kind.THREAD, "", confidence, right)] * 60

    usual = border([])

    assert border(rated(usual, right=False)) > usual
    assert border(rated(usual, right=True)) <= usual
