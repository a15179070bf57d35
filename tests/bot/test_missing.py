"""What a community wants every question to hold, from the config to the reply."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.forum import DryRunForum, LiveForum
from bot.missing import lacking, wanted
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.sandbox import Community, Sandbox
from bot.topic import TopicView
from kb.question import Question
from kb.store import Store
from kb.types import SearchHit
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import hit
from tests.bot.test_app import app_for
from tests.bot.test_forum import ask

MISSING = [
    {"what": "version", "unless": r"\b2\.\d\d\b", "categories": ["support"]},
    {"what": "roof", "unless": "TIN|tiles", "ask": {"en": "what roof it is"}},
]


def find(topic: TopicView, question: Question) -> list[SearchHit]:
    return [hit()]


def settings_of(folder: Path, box: Sandbox) -> PolicySettings:
    return app_for(folder, box, missing=MISSING, username=BOT).policy_settings()


def test_the_rules_of_the_config_decide_what_an_answer_asks_for(
    tmp_path: Path,
    box: Sandbox,
    store: Store,
    forum: LiveForum,
    community: Community,
    clock: FakeClock,
) -> None:
    responder = Responder(
        "forum",
        forum=DryRunForum(forum),
        store=store,
        find=find,
        languages=["en"],
        settings=settings_of(tmp_path, box),
        mode="shadow",
        community="Example Forum",
        clock=clock,
    )
    rest = "does the backup stop, under a roof of tin?"
    both = ask(community, "Why does the backup stop every night?", category="android")
    one = ask(community, f"Why {rest}")
    none = ask(community, f"Why in 2.41 {rest}")

    bodies = [responder.consider(topic_id).body or "" for topic_id in (both, one, none)]

    wish = "So that others can help, please add: "
    assert [body.count(wish) for body in bodies] == [1, 1, 0]
    assert f"{wish}the version that you use, what roof it is.\n" in bodies[0]
    assert f"{wish}the version that you use.\n" in bodies[1]


def test_an_expression_that_takes_for_ever_asks_for_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Beside others, which still do."""
    endless = wanted("logs", r"(a|aa)+$")
    rules = (endless, wanted("version", r"2\.\d\d"))

    lacks = lacking("a" * 60 + "!", ("support",), rules)

    assert [rule.what for rule in lacks] == ["version"]
    assert "the expression for logs takes too long" in caplog.text
    assert "aaa" not in caplog.text
