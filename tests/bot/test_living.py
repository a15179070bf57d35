"""A whole installation on a forum that lives: told by webhooks, obeying its mail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.calls import Calls
from bot.config import parse_config
from bot.forgetting import forget
from bot.manners import open_manners
from bot.sandbox import Community, Sandbox
from bot.schedule import Stop, run_jobs
from bot.service import Service
from kb.types import TopicId
from tests.bot.conftest import BOT

KEY, SECRET = "BARAZA_TEST_LIVING_KEY", "BARAZA_TEST_LIVING_SECRET"
PATIENCE_S = 60.0


@pytest.fixture
def app(
    tmp_path: Path,
    box: Sandbox,
    community: Community,
    monkeypatch: pytest.MonkeyPatch,
) -> App:
    """It answers whatever it finds, at once; by the clock nothing happens."""
    monkeypatch.setenv(KEY, box.key_for(BOT))
    monkeypatch.setenv(SECRET, "a secret of some length")
    old = community.add_topic(
        "How do I back up the database every night?",
        "The dump should be written while we sleep, and kept for two weeks.",
        user="ben",
        category="support",
    )
    community.add_post(
        old.id, "Write the dump of the database with cron, every night.", user="amina"
    )
    rarely = {"every": "1h"}
    data: dict[str, Any] = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": {
            "forum": {
                "type": "forum",
                "url": box.url,
                "requests_per_second": 1000,
                "webhook_secret_env": SECRET,
            }
        },
        "embedding": {"model": "hashing"},
        "bot": {
            "forum": "forum",
            "mode": "public",
            "grace": "0s",
            "settle": "0s",
            "api_key_env": KEY,
            "min_confidence": 0.0,
            "moderators": ["root"],
        },
        "schedule": {
            "refresh": {"forum": rarely},
            "index": rarely,
            "watch": rarely,
            "learn": {"every": "7d"},
        },
        "webhook": {"port": 0},
    }
    # As the forum's: nothing here is old.
    return App(parse_config(data, folder=tmp_path), clock=community.now)


@contextmanager
def running(app: App, box: Sandbox) -> Iterator[None]:
    """`baraza run` for the time of the block, from when it waits for calls."""
    stop, calls = Stop(), Calls(settle_s=0.05)
    service = Service(app)
    app.stopped = stop
    with service.webhooks(calls) as address:
        box.webhooks.register(f"{address}/webhook/forum", "a secret of some length")
        thread = threading.Thread(
            target=run_jobs, args=(service.jobs(), stop), kwargs={"calls": calls}
        )
        thread.start()
        try:
            wait_for(lambda: watermark(app) is not None)
            yield
        finally:
            stop.ask()
            thread.join()


def watermark(app: App) -> TopicId | None:
    if not app.store_path.is_file():
        return None
    with app.open_store() as store:
        return store.ledger.watermark("forum")


def wait_for(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def replies(community: Community, topic_id: int) -> list[str]:
    bot = community.user(BOT).id
    with community.lock:
        return [p.raw for p in community.posts_of(topic_id) if p.user_id == bot]


def ask(community: Community, title: str, user: str = "amina") -> int:
    raw = "A dump of the database every night, how is that written?"
    return community.add_topic(title, raw, user=user, category="support").id


def finds(app: App, word: str) -> bool:
    return any(word in hit.document.title for hit in app.ask(word, limit=20))


def test_a_question_is_answered_and_found_because_the_forum_told_of_it(
    app: App, box: Sandbox, community: Community
) -> None:
    with running(app, box):
        topic = ask(community, "Nightly dump of the xylorimba database")
        wait_for(lambda: replies(community, topic))
        wait_for(lambda: finds(app, "xylorimba"))

    [reply] = replies(community, topic)
    assert f"/t/{min(community.topics)}" in reply


def test_a_moderator_stops_it_by_a_message_and_a_member_keeps_it_away(
    app: App, box: Sandbox, community: Community
) -> None:
    community.add_topic("No more", "opt out", user="ben", recipients=[BOT])
    with running(app, box):
        bens = ask(community, "Nightly dump of the first database", user="ben")
        aminas = ask(community, "Nightly dump of the second database")
        wait_for(lambda: replies(community, aminas))
        # Nothing but this message tells the bot to look at its mail.
        community.add_topic("Stop it", "pause", user="root", recipients=[BOT])
        wait_for(lambda: is_paused(app))
        later = ask(community, "Nightly dump of the third database")
        wait_for(lambda: reasons(app, later))

    assert reasons(app, bens) == ("its author wants no answers",)
    assert not is_decided(app, later)
    assert (replies(community, bens), replies(community, later)) == ([], [])


def test_a_reply_stops_quoting_who_was_forgotten(
    app: App, box: Sandbox, community: Community
) -> None:
    old = min(community.topics)
    other = community.add_topic(
        "Which dump of the database is the newest of the night?",
        "There are two dumps every night, and the database wants one.",
        user="root",
        category="support",
    )
    community.add_post(other.id, "The one of the night before.", user="amina")
    app.harvest("forum")
    app.index()
    with app.responder() as responder:
        responder.watch()
        topic = ask(community, "Nightly dump of the whole database")
        responder.watch()
    [before] = replies(community, topic)
    app.clock = lambda: community.now() + timedelta(hours=2)

    forget(app, "ben", ["forum"])
    liked = max(p.id for p in community.posts.values() if p.topic_id == topic)
    community.like(liked, "ben")
    with open_manners(app) as manners:
        manners.run()
    with app.open_store() as store:
        assert store.feedback.of("forum", TopicId(topic)) == []

    [after] = replies(community, topic)
    assert f"/t/{old}" in before
    assert f"/t/{old}" not in after
    assert f"/t/{other.id}" in after


def is_paused(app: App) -> bool:
    with app.open_store() as store:
        return store.pauses.get("forum") is not None


def is_decided(app: App, topic_id: int) -> bool:
    with app.open_store() as store:
        found = store.ledger.get("forum", TopicId(topic_id))
        return found is not None and found.state != "waiting"


def reasons(app: App, topic_id: int) -> tuple[str, ...]:
    with app.open_store() as store:
        found = store.ledger.get("forum", TopicId(topic_id))
        return () if found is None else found.reasons


def test_a_misspelt_category_is_told_of_once(
    app: App, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    bot = app.config.bot.model_copy(
        update={"exclude_categories": ["anouncements"], "categories": ["Support"]}
    )
    app.config = app.config.model_copy(update={"bot": bot})
    app.harvest("forum")
    app.index()
    [job] = [job for job in Service(app).jobs() if job.name == "watch"]

    for _ in range(2):
        job.run()

    told = [r.getMessage() for r in caplog.records if "has no category" in r.msg]
    assert told == ["bot.exclude_categories: the forum has no category anouncements"]
