"""Which mode is earned: each step rests on what the one before has shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.app import App
from bot.cli import main
from bot.cli_base import Session
from bot.drafts import APPROVED
from bot.figures import Measured, load_figures, save_figures
from bot.readiness import Evidence, Judged, gather, lines, readiness
from bot.sandbox import Community, Sandbox
from kb.errors import SourceError
from kb.store import Decision, Mark, State
from kb.types import Kind, TopicId
from tests.bot.making import NOW
from tests.bot.test_app import app_for

GOOD = Measured(Kind.THREAD, 0.4, 400, 100, 42, 0.31)
ALL = Evidence(
    asked=0.4,
    history=(GOOD,),
    shadow_topics=20,
    shadow_span=timedelta(days=7),
    drafts=Judged(20, 12),
    ratings=Judged(20, 8),
)


@pytest.mark.parametrize(
    ("changes", "earned"),
    [
        ({}, "public"),
        # history
        ({"history": ()}, "shadow"),
        ({"history": (replace(GOOD, asked=0.5),)}, "shadow"),
        ({"history": (replace(GOOD, confidence=None),)}, "shadow"),
        ({"history": (replace(GOOD, questions=99, shown=60, right=30),)}, "shadow"),
        ({"history": (replace(GOOD, shown=19, right=10),)}, "shadow"),
        ({"history": (replace(GOOD, right=20),)}, "shadow"),
        ({"history": (replace(GOOD, right=40),)}, "public"),
        # That it may have been bad luck is no merit.
        ({"history": (replace(GOOD, right=39),)}, "shadow"),
        ({"history": (replace(GOOD, shown=20, right=4),)}, "shadow"),
        # One kind that is good enough suffices: the others keep silent.
        ({"history": (replace(GOOD, kind=Kind.DOCS, right=0), GOOD)}, "public"),
        # shadow
        ({"shadow_topics": 19}, "shadow"),
        ({"shadow_span": timedelta(days=6)}, "shadow"),
        # drafts, or what people linked
        ({"drafts": Judged(19, 19)}, "draft"),
        ({"drafts": Judged(20, 7)}, "draft"),
        ({"drafts": Judged(), "shadow": Judged(20, 8)}, "public"),
        # ratings
        ({"ratings": Judged(20, 7)}, "whisper"),
        ({"ratings": Judged()}, "whisper"),
        ({"paused": "too many were wrong"}, "whisper"),
        # A later step does not make up for an earlier one.
        ({"history": (), "ratings": Judged(100, 100)}, "shadow"),
    ],
)
def test_a_mode_is_earned_by_what_the_one_before_has_shown(
    changes: dict[str, Any], earned: str
) -> None:
    assert readiness(replace(ALL, **changes)).earned == earned


def test_it_tells_what_is_needed_and_what_there_is() -> None:
    told = lines(readiness(replace(ALL, drafts=Judged(3, 2)), ("shadow", "public")))

    assert told == (
        "asked: a precision of 0.40 (bot.precision)\n"
        "shadow: earned\n"
        "draft: earned\n"
        "  ✓ on 100 questions of the past or more, a kind of link whose first is right "
        "0.40 of the time when shown (run baraza learn, or baraza replay --figures)\n"
        "      thread: 0.42 (0.33 to 0.52) of 100 shown, 400 questions\n"
        "  ✓ 20 new topics decided in mode shadow, over 7 days\n"
        "      20 over 7 days\n"
        "whisper: not earned yet\n"
        "  ✗ 20 drafts that moderators judged, of which they approved 0.40; or 20 "
        "answers withheld in topics where people then linked something, which led with "
        "what they linked 0.40 of the time\n"
        "      drafts: 2 of 3, 0.67 (0.21 to 0.94 with 95 % certainty); withheld: none "
        "so far\n"
        "public: not earned yet\n"
        "  ✓ 20 replies, approved or whispered, that were rated, of which 0.40 helped\n"
        "      8 of 20, 0.40 (0.22 to 0.61 with 95 % certainty)\n"
        "  ✓ no pause (baraza resume ends one)\n"
        "      none\n"
        "earned so far: draft; the config says shadow, public\n"
        "not earned, and set in the config: public"
    )


# -- what a replay found -----------------------------------------------------


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    found = (GOOD, replace(GOOD, kind=Kind.DOCS, confidence=None, shown=0, right=0))

    save_figures(file, found)

    assert load_figures(file) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "measured": []}',
        '{"format": 1, "measured": [{"kind": "thread"}]}',
        '{"format": 1, "measured": [{"kind": "poem", "asked": 0.4, "questions": 1,'
        ' "shown": 1, "right": 1, "confidence": 0.1}]}',
        '{"format": 1, "measured": [{"kind": "thread", "asked": 0.4, "questions": 1,'
        ' "shown": 1, "right": 2, "confidence": 0.1}]}',
    ],
)
def test_what_is_no_figures_is_told_so(text: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text, "utf-8")

    with pytest.raises(SourceError, match="expected what baraza replay --figures"):
        load_figures(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nothing\.json: cannot be read: No such"):
        load_figures(tmp_path / "nothing.json")


# -- what an installation has to show ----------------------------------------


@pytest.fixture
def app(tmp_path: Path, box: Sandbox, community: Community) -> App:
    """Three topics; in the first two a helper linked the one before them all."""
    asked = [
        community.add_topic(
            f"How do I back up the database number {n}?",
            "It should run every night, without anybody.",
            user="amina",
            category="support",
        )
        for n in range(4)
    ]
    for topic in asked[1:3]:
        community.add_post(
            topic.id, f"As in [this one]({box.url}/t/{asked[0].id}).", user="ben"
        )
    # What the asker links is no judgement of anybody else.
    community.add_post(
        asked[3].id, f"I read [this]({box.url}/t/{asked[0].id}).", user="amina"
    )
    made = app_for(tmp_path, box)
    made.harvest("forum")
    return made


def withheld(topic_id: int, lead: int, **more: Any) -> Decision:
    values: dict[str, Any] = {
        "title": "A title",
        "mode": "shadow",
        "state": "decided",
        "reasons": ("because",),
        "decided_at": NOW + timedelta(days=topic_id),
        "suggestions": ({"source": "forum", "key": str(lead), "part": 1},),
        "body": "See this",
    }
    return Decision("forum", TopicId(topic_id), **(values | more))


def test_withheld_answers_are_judged_by_what_people_then_linked(
    app: App, community: Community
) -> None:
    old, right, wrong, unanswered = sorted(community.topics)
    with app.open_store() as store, store.transaction():
        store.ledger.record(withheld(right, lead=old))
        store.ledger.record(withheld(wrong, lead=unanswered))
        store.ledger.record(withheld(unanswered, lead=old))
        store.ledger.record(withheld(old, lead=right, body=None))
        store.ledger.record(withheld(900, lead=old, mode="draft"))

    evidence = gather(app)

    assert evidence == Evidence(
        asked=0.4,
        shadow_topics=4,
        shadow_span=timedelta(days=3),
        shadow=Judged(2, 1),
    )


def test_drafts_and_ratings_are_counted(app: App) -> None:
    with app.open_store() as store, store.transaction():
        for number, state in enumerate(("posted", "rejected", "expired"), 900):
            decision = withheld(number, lead=1, mode="draft", state="claimed")
            approved = (*decision.reasons, APPROVED) if state == "posted" else ("so",)
            store.ledger.record(replace(decision, reasons=approved))
            store.ledger.end(
                "forum",
                TopicId(number),
                state,  # type: ignore[arg-type]
                at=NOW,
                reason="so",
            )
        for topic_id, value in ((900, 1), (901, -1)):
            mark = Mark(TopicId(topic_id), "like", 5, value, False, NOW)
            store.feedback.replace("forum", TopicId(topic_id), [mark])
        store.pauses.start("forum", "to look at it", "operator", at=NOW)

    evidence = gather(app)

    assert (evidence.drafts, evidence.ratings) == (Judged(2, 1), Judged(2, 1))
    assert evidence.paused == "to look at it"


@pytest.mark.parametrize(
    ("state", "is_approved", "by_staff", "judged"),
    [
        ("refused", False, False, Judged()),
        ("withdrawn", False, False, Judged()),
        ("refused", True, False, Judged(1, 1)),
        ("withdrawn", True, False, Judged(1, 1)),
        ("withdrawn", True, True, Judged(1, 0)),
        ("decided", True, False, Judged(1, 1)),
        ("decided", False, False, Judged()),
    ],
)
def test_a_draft_counts_as_approved_when_somebody_approved_it(
    state: State, is_approved: bool, by_staff: bool, judged: Judged, app: App
) -> None:
    reasons = ("it is sure", APPROVED) if is_approved else ("it is sure",)
    decision = withheld(900, lead=1, mode="draft", state=state, reasons=reasons)
    with app.open_store() as store, store.transaction():
        store.ledger.record(decision)
        if by_staff:
            mark = Mark(TopicId(900), "removal", 0, -1, True, NOW)
            store.feedback.replace("forum", TopicId(900), [mark])

    assert gather(app).drafts == judged


def test_without_a_knowledge_base_nothing_is_earned_but_shadow(
    tmp_path: Path, box: Sandbox
) -> None:
    app = app_for(tmp_path, box)

    assert gather(app) == Evidence(asked=0.4)
    assert not app.store_path.exists()


def test_the_command_takes_a_replays_figures(app: App, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    save_figures(file, [GOOD])
    session = Session()
    session.__dict__["app"] = app

    done = CliRunner().invoke(
        main, ["readiness", "--replay", str(file), "--json"], obj=session
    )

    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["earned"] == "shadow"
    assert found["steps"][1]["needs"][0]["met"] is True
