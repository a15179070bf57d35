"""Why a suggestion was held back, in words that everybody may read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.policy import PolicySettings
from bot.report.holding import Holding
from bot.report.open_now import Held
from bot.report.records import Thread
from kb.store import Decision, Store
from kb.types import TopicId
from tests.bot.report.world import ASKS, HOUR, START, URL, WEEK, keep, post, thread

FIGURES = "the best thread has a confidence of 0.31, and 0.40 is needed"
DECISION = Decision(
    "forum", TopicId(1), "t", "shadow", "decided", (FIGURES,), START + HOUR
)


def held(store: Store, decision: Decision, *, until: timedelta = 2 * HOUR) -> Held:
    (topic, _) = keep(
        store,
        [
            thread(1, post(1, "amina", ASKS)),
            thread(2, post(1, "ben", ASKS), title="Renamed since"),
        ],
    )
    with store.transaction():
        store.ledger.record(decision)
    holding = Holding(
        store,
        forum="forum",
        search=None,
        settings=PolicySettings(username="baraza"),
        until=START + until,
    )
    asked = Thread(topic, "forum", "1", f"{URL}/t/1", "t", START)
    return holding([asked])[topic]


def link(**more: Any) -> dict[str, Any]:
    return {
        "kind": "thread",
        "title": "As it was called",
        "url": f"{URL}/t/2/1",
        "confidence": 0.31,
        "source": "forum",
        "key": "2",
    } | more


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            FIGURES,
            "not sure enough of what it found (31 %, and 40 % is needed)",
        ),
        ("its author wants no answers", "left alone by the bot's policy"),
        (
            "its author, amina, is not to be answered",
            "left alone by the bot's policy",
        ),
        (
            f"left out {URL}/t/dismissal-of-ben/55/2: its category is not public",
            "what it found must not be linked any more",
        ),
    ],
)
def test_a_reason_names_nobody(store: Store, reason: str, told: str) -> None:
    assert held(store, replace(DECISION, reasons=(reason,))).silence == told


def test_what_a_moderator_wrote_stays_between_them(store: Store) -> None:
    rejected = replace(
        DECISION,
        mode="draft",
        state="rejected",
        body="Text",
        reasons=(FIGURES, "a moderator rejected it: ben is a troll, ignore him"),
    )

    assert held(store, rejected).silence == "a moderator rejected it"


def test_in_shadow_the_mode_is_why_it_was_silent(store: Store) -> None:
    would = "the best thread has a confidence of 0.92, and 0.40 is needed"

    silence = held(store, replace(DECISION, body="Text", reasons=(would,))).silence

    assert silence == "would have answered, where nothing is posted"


def test_a_draft_that_was_posted_later_waits_as_of_before(store: Store) -> None:
    posted = replace(
        DECISION,
        mode="draft",
        state="posted",
        body="Text",
        sent_at=START + 9 * HOUR,
        updated_at=START + 9 * HOUR,
    )

    before = held(store, posted)

    assert (before.draft, before.silence) == (
        True,
        "a draft waits for a moderator's word",
    )


def test_a_suggestion_has_the_title_that_its_topic_has_now(store: Store) -> None:
    found = held(store, replace(DECISION, suggestions=(link(),))).suggestion

    assert found is not None
    assert (found.title, found.confidence) == ("Renamed since", 0.31)


@pytest.mark.parametrize(
    "suggestion",
    [
        link(key="99"),
        link(confidence=0.1),
        link(forgotten=True),
        link(removed=True),
        link(kind="tea"),
        {},
    ],
)
def test_what_is_not_there_any_more_is_not_suggested(
    store: Store, suggestion: dict[str, Any]
) -> None:
    found = held(store, replace(DECISION, suggestions=(suggestion,)))

    assert found.suggestion is None


def test_what_is_decided_later_is_not_known(store: Store) -> None:
    with pytest.raises(KeyError):
        held(store, replace(DECISION, decided_at=WEEK.until))
