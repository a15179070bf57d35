"""The bot's scorecard: what it did, why it was silent, and whether it helped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.drafts import APPROVED
from bot.policy import PolicySettings, objections
from bot.report.model import Figure, Scorecard, Topic
from bot.report.records import Period
from bot.report.scorecard import (
    BY_POLICY,
    Rated,
    outcome_label,
    score,
    scorecard,
    silence_label,
    stood,
    verdict_of,
    voice_of,
    was_draft,
    what_was_said,
    why_silent,
)
from kb.store import Decision, Mark, Pause, Rating, State, Store
from kb.store.feedback import FeedbackKind
from kb.types import Kind, TopicId
from tests.bot.making import NOW, topic
from tests.kb.linked import STAFF_ROOM, docs, put

WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
UNLINKED = "what it found must not be linked any more"
QUOTA = "a quota of replies was used up"
TOO_LATE = "it was too late, or not right any more, to post it"
STORM = "its author began too many topics within the hour"
PERIOD = Period(NOW - WEEK, NOW)
BEFORE = NOW - HOUR
AFTER = NOW + HOUR
SURE = "the best docs page has a confidence of 0.81, and 0.40 is needed"
MAPS: dict[str, Any] = {
    "kind": "docs",
    "source": "docs",
    "key": "maps",
    "title": "As it was called",
    "url": "https://docs.example/maps#zoom",
    "confidence": 0.8,
}


def decided(topic_id: int = 1, state: State = "decided", **changes: Any) -> Decision:
    spoke = state not in ("decided", "waiting")
    values: dict[str, Any] = {
        "mode": "public",
        "reasons": (SURE,) if spoke else ("it is already solved",),
        "decided_at": BEFORE,
        "suggestions": (MAPS,) if spoke else (),
        "body": "See this." if spoke else None,
        "sent_at": BEFORE if state in ("posted", "queued", "withdrawn") else None,
    }
    return Decision(
        "forum", TopicId(topic_id), "?", state=state, **{**values, **changes}
    )


def named(source: str, key: str) -> Topic | None:
    """Every topic but the 13th, which the reader may not see."""
    if key == "13":
        return None
    return Topic(source, key, f"Topic {key}", f"https://forum.example/t/{key}", NOW)


def rated(decision: Decision, value: int = 1, at: datetime = BEFORE) -> Rated:
    return Rated(decision, Rating(decision.topic_id, value, at))


def card(*decisions: Decision, ratings: tuple[Rated, ...] = ()) -> Scorecard:
    return score(decisions, ratings, PERIOD, topic_of=named)


def values(found: Scorecard) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in found.figures}


def figure(found: Scorecard, name: str) -> Figure:
    return next(each for each in found.figures if each.name == name)


def counts(found: Scorecard) -> dict[str, int]:
    return {each.label: each.count for each in found.silences}


# -- what became of decisions ----------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "state", "voice", "draft"),
    [
        (decided(1, "waiting"), "waiting", "waiting", False),
        (decided(1), "decided", "silent", False),
        (decided(1, mode="draft"), "decided", "silent", False),
        (decided(1, reasons=(APPROVED, "but it is closed")), "decided", "silent", True),
        (decided(1, "drafted", mode="draft"), "drafted", "draft", True),
        (decided(1, "claimed"), "claimed", "silent", False),
        (decided(1, "posted"), "posted", "spoke", False),
        (decided(1, "posted", mode="draft"), "posted", "spoke", True),
        (decided(1, "posted", sent_at=None), "posted", "spoke", False),
        (decided(1, "queued"), "queued", "spoke", False),
        (decided(1, "refused"), "refused", "silent", False),
        (decided(1, "rejected", mode="draft"), "rejected", "silent", True),
        (decided(1, "expired", mode="draft"), "expired", "silent", True),
        (decided(1, "withdrawn"), "withdrawn", "spoke", False),
        # What came after the period had not come.
        (decided(1, "posted", sent_at=NOW), "claimed", "silent", False),
        (decided(1, "posted", sent_at=NOW, mode="draft"), "drafted", "draft", True),
        (decided(1, "withdrawn", sent_at=AFTER), "claimed", "silent", False),
        (decided(1, "withdrawn", updated_at=AFTER), "posted", "spoke", False),
        (decided(1, "refused", updated_at=AFTER), "claimed", "silent", False),
        (
            decided(1, "rejected", mode="draft", updated_at=AFTER),
            "drafted",
            "draft",
            True,
        ),
        (
            decided(1, "expired", mode="draft", updated_at=NOW - timedelta(seconds=1)),
            "expired",
            "silent",
            True,
        ),
    ],
)
def test_a_decision_is_seen_as_it_stood(
    decision: Decision, state: str, voice: str, draft: bool
) -> None:
    assert stood(decision, NOW) == state
    assert voice_of(decision, NOW) == voice
    assert was_draft(decision, NOW) == draft


def test_every_decision_is_counted_once() -> None:
    states: tuple[State, ...] = (
        "waiting",
        "decided",
        "drafted",
        "claimed",
        "posted",
        "queued",
        "refused",
        "rejected",
        "expired",
        "withdrawn",
    )
    drafts = ("drafted", "rejected", "expired")
    found = card(
        *(
            decided(n, state, mode="draft" if state in drafts else "public")
            for n, state in enumerate(states, start=1)
        ),
        decided(11, "posted", mode="draft"),
    )

    assert values(found) == {
        "bot_decided": 10,
        "bot_spoke": 4,
        "bot_silent": 5,
        "bot_drafts": 4,
        "bot_rated": 0,
        "bot_precision": None,
        "bot_coverage": 0.4,
        "bot_withdrawn": 1,
    }
    assert sum(each.count for each in found.states) == 11
    assert {each.label: each.count for each in found.states} == {
        "waits until it is due": 1,
        "silent": 1,
        "a draft waits for a moderator": 1,
        "a moderator rejected its draft": 1,
        "its draft expired": 1,
        "about to be posted": 1,
        "could not be posted": 1,
        "waits in the forum's queue for approval": 1,
        "posted": 1,
        "posted, as a moderator approved it": 1,
        "posted, and withdrawn since": 1,
    }
    rows = figure(found, "bot_spoke").rows
    assert (rows.where, rows.table) == ('voice = "spoke"', "decisions")
    keys = [each.key for each in figure(found, "bot_spoke").rows.first]
    assert keys == ["11", "10", "6", "5"]


def test_a_row_says_of_each_decision_what_the_figures_count() -> None:
    found = card(
        decided(1, "posted", decided_at=BEFORE),
        decided(2, "drafted", mode="draft", decided_at=BEFORE - HOUR),
        decided(3, reasons=("it is closed", "it is already solved")),
        decided(4, "waiting"),
        ratings=(rated(decided(1, "posted"), -1), rated(decided(3), 1)),
    )

    assert [
        (row.key, row.mode, row.outcome, row.voice, row.draft, row.why, row.helped)
        for row in found.decisions
    ] == [
        ("2", "draft", "a draft waits for a moderator", "draft", True, (), None),
        ("1", "public", "posted", "spoke", False, (), False),
        (
            "3",
            "public",
            "silent",
            "silent",
            False,
            ("it is closed", "it is already solved"),
            # Nobody can have judged what was never said.
            None,
        ),
        ("4", "public", "waits until it is due", "waiting", False, (), None),
    ]
    assert {row.decided_at for row in found.decisions} == {BEFORE, BEFORE - HOUR}


def test_an_approved_draft_that_did_not_hold_is_told_as_one() -> None:
    unheld = decided(1, mode="draft", reasons=(APPROVED, "but it is closed"))

    assert outcome_label(unheld, NOW) == "decided, but no draft came of it"
    assert why_silent(unheld, NOW) == ("it is closed",)


def test_shares_come_with_their_interval_and_with_what_they_are_of() -> None:
    spoke = [decided(n, "posted") for n in range(1, 11)]
    marks = tuple(rated(each, 1 if each.topic_id > 2 else -1) for each in spoke)
    found = card(*spoke, *(decided(n) for n in range(11, 31)), ratings=marks)

    precision = figure(found, "bot_precision")
    assert (precision.value, precision.n, precision.rows.count) == (0.8, 10, 8)
    assert precision.low == pytest.approx(0.49, abs=0.001)
    assert precision.high == pytest.approx(0.943, abs=0.001)
    coverage = figure(found, "bot_coverage")
    assert coverage.value == pytest.approx(1 / 3)
    assert coverage.n == 30
    assert figure(found, "bot_rated").value == 10


def test_ratings_of_other_periods_are_in_the_calibration_alone() -> None:
    here, there = decided(1, "posted"), decided(2, "posted", decided_at=NOW - 3 * WEEK)

    found = card(here, ratings=(rated(here), rated(there, -1)))

    assert figure(found, "bot_rated").value == 1
    assert figure(found, "bot_precision").value == 1.0
    [point] = found.calibration
    assert (point.n, point.share, point.confidence) == (2, 0.5, 0.8)
    assert found.mistakes == ()


def test_a_bin_holds_enough_replies_to_tell_something() -> None:
    def of(count: int) -> list[int]:
        replies = (
            decided(n, "posted", suggestions=({**MAPS, "confidence": n / 100},))
            for n in range(1, count + 1)
        )
        found = card(ratings=tuple(rated(each) for each in replies))
        return [point.n for point in found.calibration]

    assert of(0) == []
    assert of(9) == [9]
    assert of(10) == [5, 5]
    assert of(100) == [10] * 10


def test_a_reply_of_an_old_ledger_has_no_say_in_the_calibration() -> None:
    old = decided(1, "posted", suggestions=({"url": "https://docs.example"},))

    assert card(old, ratings=(rated(old),)).calibration == ()


# -- why it was silent -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "labels"),
    [
        (decided(1, "posted"), ()),
        (decided(1, "waiting"), ()),
        (decided(1, "drafted", mode="draft"), ()),
        (decided(1), ("it is already solved",)),
        (decided(1, reasons=("it is closed", "it is closed")), ("it is closed",)),
        (decided(1, reasons=()), ("no reason was told",)),
        (
            decided(1, reasons=(SURE, SURE.replace("docs page", "thread"))),
            ("not sure enough of what it found",),
        ),
        (
            decided(1, mode="shadow", body="See this.", reasons=(SURE,)),
            ("would have answered, where nothing is posted",),
        ),
        (decided(1, body="", reasons=(SURE,)), (BY_POLICY,)),
        (decided(1, "claimed"), ("about to be posted",)),
        (
            decided(1, "refused", reasons=(SURE, "the forum refused the reply: no")),
            ("the forum refused the reply",),
        ),
        (
            decided(1, "rejected", reasons=(SURE, "a moderator rejected it: by Amina")),
            ("a moderator rejected it",),
        ),
        (
            decided(1, "expired", reasons=(SURE, "no moderator approved it in time")),
            ("its draft expired",),
        ),
    ],
)
def test_a_silence_has_its_reasons(decision: Decision, labels: tuple[str, ...]) -> None:
    assert why_silent(decision, NOW) == labels


def objected(**changes: Any) -> tuple[str, ...]:
    """What the policy really says of a topic."""
    settings = PolicySettings(
        "baraza",
        exclude_authors=["ben"],
        categories=["support"],
        exclude_categories=["secret"],
        exclude_tags=["private"],
    )
    return objections(topic(**{"category": ("support",), **changes}), settings, NOW)


@pytest.mark.parametrize(
    ("reasons", "label"),
    [
        (objected(author="ben"), BY_POLICY),
        (objected(category=("support", "secret")), BY_POLICY),
        (objected(category=("other",)), BY_POLICY),
        (objected(tags=("private",)), BY_POLICY),
        (objected(created_at=NOW - timedelta(days=3)), "it is too old"),
        (objected(created_at=NOW - timedelta(days=30)), "it is too old"),
        (objected(solved=True), "it is already solved"),
        (objected(author_staff=True, title="Release 2.41"), "it asks nothing"),
        (objected(pinned=True), "it asks nothing"),
        (("10 replies within the hour, and 10 is the limit",), QUOTA),
        (("3 replies within the day to one author are the limit",), QUOTA),
        (("its author wants no answers",), BY_POLICY),
        (("its author's profile wants no answers",), BY_POLICY),
        (("its author was forgotten",), BY_POLICY),
        (("its author began 40 topics within the hour",), STORM),
        (
            ("a member has answered (post 3: it has a link)",),
            "a member had answered already",
        ),
        (
            ("given up after 5 tries: https://forum.example: 500",),
            "it failed too often",
        ),
        (("unreadable: https://forum.example/t/9: 404",), "it could not be read"),
        (("nothing to search for: no word",), "nothing to search for"),
        (("the search found nothing to link",), "the search found nothing to link"),
        (("left out https://docs.example/a: 404, it is gone",), UNLINKED),
        (("the mode is off now",), "the mode was changed"),
        (("the bot is switched off (bot.mode)",), "the bot is switched off"),
        (("never posted, and now it is closed",), TOO_LATE),
        (("\u202ereason\x00 7 of 9",), "reason of"),
        (("123",), "no reason was told"),
    ],
)
def test_reasons_of_one_sort_have_one_label(
    reasons: tuple[str, ...], label: str
) -> None:
    assert [silence_label(reason) for reason in reasons] == [label]
    assert silence_label(f"but {reasons[0]}") == label


@example(":0<", 1, 2)
@example("but but x", 1, 2)
@example("1but x", 1, 2)
@given(st.text(max_size=60), st.integers(0, 999), st.integers(0, 999))
def test_a_label_is_stable_and_holds_neither_numbers_nor_addresses(
    text: str, one: int, other: int
) -> None:
    label = silence_label(text)

    assert label
    assert silence_label(label) == label
    assert not re.search(r"\d|https?://", label)
    varied = [
        silence_label(f"a thing {n} https://a.org/{n} of it") for n in (one, other)
    ]
    assert varied == ["a thing of it"] * 2


def test_silences_come_most_often_first_with_the_newest_topics() -> None:
    found = card(
        *(
            decided(
                n, decided_at=BEFORE + timedelta(minutes=n), reasons=("it is closed",)
            )
            for n in range(8, 14)
        ),
        decided(1, reasons=("it is archived", "it is closed")),
        decided(2, reasons=("it is deleted",)),
    )

    assert list(counts(found).items()) == [
        ("it is closed", 7),
        ("it is archived", 1),
        ("it is deleted", 1),
    ]
    # The 13th is counted, and not named.
    assert [each.key for each in found.silences[0].topics] == [
        "12",
        "11",
        "10",
        "9",
        "8",
    ]
    assert figure(found, "bot_silent").rows.count == 8
    assert "13" not in {each.key for each in figure(found, "bot_silent").rows.first}


# -- over a store --------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "baraza.db") as opened:
        yield opened


def record(store: Store, *decisions: Decision) -> None:
    with store.transaction():
        for each in decisions:
            claimed = replace(each, state="claimed" if each.sent_at else each.state)
            store.ledger.record(claimed)
            if each.sent_at:
                at = each.sent_at
                store.ledger.settle("forum", each.topic_id, each.state, at=at)


def mark(
    store: Store,
    topic_id: int,
    value: int,
    *,
    kind: FeedbackKind = "word",
    at: datetime = BEFORE,
    user_id: int = 5,
) -> None:
    topic_id = TopicId(topic_id)
    with store.transaction():
        known = store.feedback.of("forum", topic_id)
        new = Mark(topic_id, kind, user_id, value, kind == "removal", at)
        store.feedback.replace("forum", topic_id, [*known, new])


def told(store: Store, **options: Any) -> Scorecard:
    found = scorecard(store, "forum", PERIOD, topic_of=named, **options)
    assert found is not None
    return found


def test_without_a_forum_or_a_decision_there_is_nothing_to_tell(kept: Store) -> None:
    assert scorecard(kept, None, PERIOD, topic_of=named) is None
    assert scorecard(kept, "forum", PERIOD, topic_of=named) is None
    record(kept, decided(1, decided_at=NOW))
    assert scorecard(kept, "forum", PERIOD, topic_of=named) is None
    assert scorecard(kept, "other", PERIOD, topic_of=named) is None


def test_a_period_in_which_nothing_was_decided_has_figures_all_the_same(
    kept: Store,
) -> None:
    record(kept, decided(1, decided_at=NOW - 2 * WEEK), decided(2, decided_at=AFTER))

    found = told(kept)

    assert set(values(found).values()) == {0, None}
    assert (found.silences, found.states, found.paused) == ((), (), "")


def test_what_people_made_of_replies_is_counted_as_of_the_end(kept: Store) -> None:
    put(kept, docs("maps", "Maps."))
    for number in (1, 2, 3, 13):
        record(kept, decided(number, "posted"))
    mark(kept, 1, 1)
    mark(kept, 2, -1)
    mark(kept, 3, -1, at=NOW)
    mark(kept, 13, -1)

    found = told(kept)

    assert figure(found, "bot_rated").value == 2
    assert figure(found, "bot_precision").value == 0.5
    [point] = found.calibration
    assert (point.n, [topic.key for topic in point.topics]) == (2, ["2", "1"])
    # Of the 13th nothing is told to whom it is not for, not even that it was rated.
    everything = told(kept, visible_to=None)
    assert figure(everything, "bot_rated").value == 3
    assert [row.key for row in found.decisions] == ["1", "2", "3"]
    assert [row.key for row in everything.decisions] == ["1", "2", "3", "13"]
    assert everything.decisions[3].topic is None
    [mistake] = found.mistakes
    assert (mistake.topic.key, mistake.verdict) == (
        "2",
        "1 member said that it did not help",
    )
    # As the page is called now.
    assert (mistake.what.kind, mistake.what.title, mistake.what.url) == (
        Kind.DOCS,
        "Maps",
        "https://docs.example/maps#zoom",
    )
    assert mistake.what.confidence == 0.8


def test_the_surest_mistakes_come_first(kept: Store) -> None:
    put(kept, docs("maps", "Maps."))
    for number in range(20, 32):
        links = ({**MAPS, "confidence": (number % 3 + 1) / 4},)
        record(kept, decided(number, "posted", suggestions=links))
        mark(kept, number, -1, kind="removal")

    mistakes = told(kept).mistakes

    assert [each.topic.key for each in mistakes] == [
        *("29", "26", "23", "20"),
        *("31", "28", "25", "22"),
        *("30", "27"),
    ]


def test_a_mistake_that_led_to_what_the_reader_may_not_see_is_not_named(
    kept: Store,
) -> None:
    put(kept, replace(docs("maps", "Maps."), visibility=STAFF_ROOM))
    gone = {**MAPS, "key": "gone"}
    forgotten = {"forgotten": True, "source": "docs", "key": "maps", "url": MAPS["url"]}
    record(
        kept,
        decided(1, "posted"),
        decided(2, "posted", suggestions=(gone,)),
        decided(3, "posted", suggestions=(forgotten,)),
        decided(4, "posted", suggestions=()),
    )
    for number in (1, 2, 3, 4):
        mark(kept, number, -1)

    assert told(kept).mistakes == ()
    assert figure(told(kept), "bot_rated").value == 4
    assert [m.topic.key for m in told(kept, visible_to=None).mistakes] == ["1"]


@pytest.mark.parametrize(
    ("marks", "verdict"),
    [
        ([("removal", 0, -1, True)], "a moderator removed it"),
        ([("flag", 0, -1, False)], "the forum hid it after flags"),
        ([("word", 1, -1, True)], "a moderator said that it did not help"),
        ([("word", 5, -1, False)], "1 member said that it did not help"),
        (
            [("word", 5, -1, False), ("reaction", 5, -1, False), ("like", 6, 1, False)],
            "1 member said that it did not help",
        ),
        (
            [("flag", 0, -1, False), ("word", 5, -1, False), ("word", 6, -1, False)],
            "the forum hid it after flags; 2 members said that it did not help",
        ),
        ([("like", 5, 1, False)], ""),
    ],
)
def test_a_verdict_says_what_and_not_who(
    marks: list[tuple[FeedbackKind, int, int, bool]], verdict: str
) -> None:
    found = [
        Mark(TopicId(1), kind, user, value, staff, BEFORE)
        for kind, user, value, staff in marks
    ]

    assert verdict_of(found, NOW) == verdict
    assert verdict_of(found, BEFORE) == ""


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([], ()),
        ([("word", 5, 0, False)], ()),
        ([("like", 0, 1, False)], ("liked, or reacted to well",)),
        (
            [("like", 5, 1, False), ("reaction", 6, 1, False), ("like", 7, 1, True)],
            (
                "liked, or reacted to well, by members",
                "liked, or reacted to well, by moderators",
            ),
        ),
        ([("reaction", 5, -1, False)], ("reacted to badly, by members",)),
        (
            [("solution", 0, 1, False), ("flag", 0, -1, False)],
            ("accepted as the solution", "hidden after flags"),
        ),
        ([("removal", 0, -1, True)], ("removed, by moderators",)),
        (
            [("word", 5, 1, False), ("word", 6, -1, True)],
            (
                "a word that it did not help, by moderators",
                "a word that it helped, by members",
            ),
        ),
        ([("solution", 5, -1, False)], ("judged otherwise, by members",)),
    ],
)
def test_what_people_said_is_told_by_sort(
    marks: list[tuple[FeedbackKind, int, int, bool]], said: tuple[str, ...]
) -> None:
    found = [
        Mark(TopicId(1), kind, user, value, staff, BEFORE)
        for kind, user, value, staff in marks
    ]

    assert what_was_said(found, NOW) == said
    assert what_was_said(found, BEFORE) == ()


def test_rated_replies_are_counted_by_what_was_said(kept: Store) -> None:
    put(kept, docs("maps", "Maps."))
    for number in (1, 2, 3):
        record(kept, decided(number, "posted"))
    record(kept, decided(4, "posted", decided_at=NOW - 2 * WEEK))
    for number in (1, 2, 4):
        mark(kept, number, 1)
    mark(kept, 2, 1, kind="like", user_id=6)
    mark(kept, 3, -1, kind="removal", user_id=0)

    assert [(each.label, each.count) for each in told(kept).ratings] == [
        ("a word that it helped, by members", 2),
        ("liked, or reacted to well, by members", 1),
        ("removed, by moderators", 1),
    ]
    assert [t.key for t in told(kept).ratings[0].topics] == ["2", "1"]


@pytest.mark.parametrize(
    ("pause", "told"),
    [
        (None, ""),
        (Pause("the forum is\nmoving\u202e", "staff", BEFORE), "the forum is moving"),
        (Pause("", "operator", BEFORE), "paused (operator)"),
        (Pause("later", "staff", NOW), ""),
    ],
)
def test_a_pause_is_told_with_its_reason(pause: Pause | None, told: str) -> None:
    found = score([], [], PERIOD, topic_of=named, pause=pause, private=True)
    assert found.paused == told


def test_a_pause_is_read_from_the_store(kept: Store) -> None:
    record(kept, decided(1))
    with kept.transaction():
        kept.pauses.start("forum", "it moves", "staff", at=BEFORE)

    assert told(kept, visible_to=None).paused == "it moves"
    # What moderators write to the bot is not for everybody.
    assert told(kept).paused == f"since {BEFORE:%Y-%m-%d}, by a moderator"


@given(st.permutations(range(6)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    states: tuple[State, ...] = ("decided", "posted", "drafted", "queued", "refused")
    decisions = [decided(n + 1, state) for n, state in enumerate((*states, "posted"))]
    marks = [rated(each, (-1) ** each.topic_id) for each in decisions]

    found = card(*(decisions[i] for i in order), ratings=tuple(marks[i] for i in order))

    assert found == card(*decisions, ratings=tuple(marks))
