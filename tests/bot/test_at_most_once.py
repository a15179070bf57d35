"""Killed at every step, over a forum that fails at random: one reply at most, ever."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.listening import serving
from bot.sandbox import Community, Library, Sandbox, Settings
from bot.sandbox.faults import RandomKind
from bot.sandbox.records import Post
from bot.topic import marked_topic
from bot.webhook import Notebook, Sender, create_app
from kb.store import Store
from kb.types import TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.test_forum import QUESTION, ask

ROOT = Path(__file__).resolve().parents[2]
FAULTS: tuple[RandomKind, ...] = (
    "503",
    "429",
    "drop",
    "lose",
    "truncate",
    "malformed",
)
# Of all modes together; each step is died at once, then steps by chance.
KILLS = 200
SEEDS = {"public": 20260601, "whisper": 20260602, "draft": 20260603}
DRAFT = re.compile(r"<!-- baraza:draft=([\d.]+) -->")
SECRET = "a secret of the test"

Life = Callable[[int], dict[str, Any]]


@contextmanager
def lives(box: Sandbox, path: Path, clock: FakeClock, mode: str) -> Iterator[Life]:
    """Lives of the bot, one after the other; each gets the step that it dies at."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.bot.lives",
            str(path),
            box.url,
            box.key_for(BOT),
            mode,
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def live(die: int) -> dict[str, Any]:
        stdin.write(json.dumps({"die": die, "now": clock().isoformat()}) + "\n")
        stdin.flush()
        told: dict[str, Any] = json.loads(stdout.readline())
        return told

    try:
        yield live
    finally:
        stdin.close()
        process.wait(10)
        stdout.close()


@pytest.fixture
def world(clock: FakeClock) -> Iterator[tuple[Community, Sandbox]]:
    community = Community.empty(clock)
    community.add_user("root", admin=True, moderator=True, trust_level=4)
    community.add_user("amina")
    community.add_category("Support")
    with Sandbox(community, Settings(), library=Library()) as box:
        yield community, box


@contextmanager
def listening(box: Sandbox, path: Path, clock: FakeClock) -> Iterator[list[str]]:
    """The entrance for webhooks, on the same store as all lives: each delivery is
    written between, and while, others die. Gives the sources that were told of."""
    told: list[str] = []
    note = Notebook(path, told.append, clock=clock)
    app = create_app({"forum": Sender(SECRET, box.url)}, note)
    with serving(app, host="127.0.0.1", port=0) as address:
        box.webhooks.register(f"{address}/webhook/forum", SECRET)
        yield told
        box.webhooks.flush()


def replies(community: Community) -> dict[TopicId, list[Post]]:
    """The bot's posts that are a reply, by the topic that they answer."""
    bot = community.user(BOT).id
    found: dict[TopicId, list[Post]] = {}
    for post in community.posts.values():
        topic_id = marked_topic(post.raw)
        if post.user_id == bot and topic_id is not None:
            found.setdefault(topic_id, []).append(post)
    return found


def drafts(community: Community) -> Counter[str]:
    """How often each draft was shown, by its marker."""
    bot = community.user(BOT).id
    found = (
        DRAFT.search(post.raw)
        for post in community.posts.values()
        if post.user_id == bot and community.topics[post.topic_id].private
    )
    return Counter(each[1] for each in found if each is not None)


def approve_all(community: Community) -> None:
    """A moderator likes every draft, and approves what waits for that."""
    bot = community.user(BOT).id
    for waiting in list(community.pending):
        community.approve(waiting.id)
    for post in list(community.posts.values()):
        private = community.topics[post.topic_id].private
        if private and post.user_id == bot and not post.liked_by:
            community.like(post.id, "root")


@pytest.mark.parametrize("mode", ["public", "whisper", "draft"])
def test_killed_at_every_step_and_failed_by_the_forum_it_answers_each_topic_once(
    world: tuple[Community, Sandbox], tmp_path: Path, clock: FakeClock, mode: str
) -> None:
    community, box = world
    path, chance = tmp_path / "baraza.db", random.Random(SEEDS[mode])
    # Whispers are for those whom the forum lets read them; whoever is no moderator may
    # have to wait for one.
    community.add_user(BOT, moderator=mode == "whisper")
    asked: list[TopicId] = []

    def ask_more() -> None:
        number = len(asked)
        what = "nothing to find" if number % 5 == 4 else QUESTION
        asked.append(ask(community, f"{what} Number {number}"))

    with (
        lives(box, path, clock, mode) as live,
        listening(box, path, clock) as told,
    ):
        assert live(0)["status"] == 0  # It notes where it starts.
        ask_more()
        ask_more()
        # What a life with something to do takes.
        steps = live(0)["steps"]
        kills, lived = 0, 0
        while kills < KILLS // 3 + 1:
            # Steps in turn, from the first to the last, then by chance; half of it on a
            # forum that fails, too.
            lived += 1
            stride = max(1, steps * 3 // KILLS)
            die = lived * stride
            if die > steps:
                die = chance.randint(1, steps)
            box.faults.clear()
            queues = mode == "public" and chance.random() < 0.2
            box.settings = replace(
                box.settings, approve_posts_of=frozenset({BOT} if queues else ())
            )
            if chance.random() < 0.5:
                box.faults.at_random(0.1, chance.randrange(1000), FAULTS)
            if chance.random() < 0.6:
                ask_more()
            kills += live(die)["killed"]
            # The memo of the forum helps for two minutes; mostly it must not.
            clock.forward(seconds=chance.choice([5, 150, 400]))
            if chance.random() < 0.5:
                approve_all(community)
        box.faults.clear()
        box.settings = Settings()
        for _ in range(8):
            clock.forward(minutes=6)
            approve_all(community)
            assert live(0)["status"] == 0

    assert (kills, steps > 20) == (KILLS // 3 + 1, True)
    assert len(told) >= len(asked)
    assert {each.status for each in box.webhooks.deliveries} == {200}
    found = replies(community)
    assert {topic: len(posts) for topic, posts in found.items() if len(posts) != 1} == (
        {}
    )
    shown = drafts(community)
    assert {key: times for key, times in shown.items() if times != 1} == {}
    assert bool(shown) == (mode == "draft")
    with Store.open(path) as store:
        hinted = {look.key for look in store.looks.keys("forum")}
        decided = {t: store.ledger.get("forum", t) for t in asked}
    assert {str(topic_id) for topic_id in asked} <= hinted
    for topic_id, decision in decided.items():
        assert decision is not None, topic_id
        assert decision.reasons
        if decision.state == "posted":
            [post] = found.pop(topic_id)
            assert (post.id, post.topic_id) == (decision.post_id, topic_id)
            assert (post.type.name == "WHISPER") == (mode == "whisper")
        else:
            assert decision.state in {"decided", "refused", "rejected"}
    assert found == {}
    states = [each.state for each in decided.values() if each is not None]
    assert states.count("posted") > len(asked) / 2
