"""The commands about drafts, and what the status tells of a bot that waits."""

from __future__ import annotations

import json

from bot.app import App
from bot.config import load_config
from bot.inbox import InboxReport
from bot.lock import single_instance
from bot.manners import open_manners
from bot.service import MailBetween
from kb.store import Store
from kb.types import utc_now
from tests.bot.test_cli import Install, clock, filled, install, site
from tests.bot.test_forum import ask, own_posts

__all__ = ["clock", "filled", "install", "site"]  # Fixtures.

ASKED = "How do I run PostgreSQL backups every night?"


def test_drafts_are_listed_approved_and_rejected(filled: Install) -> None:
    filled.change("bot", {"mode": "draft", "moderators": ["root"]})
    first = ask(filled.community, ASKED)
    second = ask(filled.community, f"{ASKED} Second", user="ben")
    assert "no drafts wait" in filled.ok("drafts")
    for topic_id in (first, second):
        assert "reply (drafted), mode draft" in filled.ok("answer", str(topic_id))

    listed = [json.loads(line) for line in filled.ok("drafts", "--json").splitlines()]
    text, status = filled.ok("drafts"), filled.ok("status")
    approved = filled.ok("approve", str(first))
    rejected = filled.ok("reject", str(second), "--reason", "another question")

    assert [each["topic_id"] for each in listed] == [first, second]
    assert f"topic {first}: reply (drafted), mode draft\n  {ASKED}\n" in text
    assert "  drafts to approve: 2; see baraza drafts\n" in status
    assert approved == f"topic {first}: posted at {filled.box.url}/t/{first}/2\n"
    assert rejected == (
        f"topic {second}: rejected: a moderator rejected it: another question\n"
    )
    assert len(own_posts(filled.community, first)) == 1
    assert own_posts(filled.community, second) == []
    gone = filled.baraza("approve", str(second))
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert gone.stderr.endswith(f"no draft waits for {second}: its reply is rejected\n")


def test_while_the_bot_runs_an_approved_draft_is_left_to_it(filled: Install) -> None:
    filled.change("bot", {"mode": "draft", "moderators": ["root"]})
    topic_id = ask(filled.community, ASKED)
    filled.ok("answer", str(topic_id))

    with single_instance(filled.data, "baraza run"):
        told = filled.ok("approve", str(topic_id))

    assert told.startswith(f"topic {topic_id}: approved: baraza run posts it")
    assert own_posts(filled.community, topic_id) == []


def test_drafts_are_judged_by_the_messages_that_the_report_opens(
    filled: Install,
) -> None:
    """All of it at once: as the service reads its mail, between two topics."""
    filled.change("bot", {"mode": "draft", "moderators": ["root"]})
    topics = [
        ask(filled.community, f"{ASKED} Number {n}", user=user)
        for n, user in enumerate(("amina", "ben", "root"))
    ]
    for topic_id in topics:
        filled.ok("answer", str(topic_id))
    orders = ("approve draft", "reject draft", "not a question")
    for order, topic_id in zip(orders, topics, strict=True):
        filled.community.add_topic(
            f"About topic {topic_id}",
            f"{order} {topic_id}",
            user="root",
            recipients=["baraza"],
            at=utc_now(),  # The forum's clock stands still, the bot's does not.
        )
    app = App(load_config(filled.config))

    with open_manners(app) as manners, app.responder() as responder:
        mail = MailBetween(manners, lambda: False, every_s=0)
        assert not mail()
        report = responder.watch()
        assert manners.inbox.run() == InboxReport()

    assert [each.state for each in report.reconciled] == ["posted"]
    assert [len(own_posts(filled.community, t)) for t in topics] == [1, 0, 0]
    with Store.open(filled.data / "baraza.db", readonly=True) as store:
        found = [store.ledger.get("forum", topic_id) for topic_id in topics]
        assert list(store.verdicts.of("forum")) == topics[2:]
    assert [each.state for each in found if each] == ["posted", "rejected", "decided"]


def test_the_status_tells_of_modes_and_a_pause(filled: Install) -> None:
    filled.change("bot", {"modes": {"android": "off"}})
    with Store.open(filled.data / "baraza.db") as store, store.transaction():
        store.pauses.start("forum", "wrong links", "staff", at=utc_now())

    text, status = filled.ok("status"), json.loads(filled.ok("status", "--json"))

    assert "bot: mode shadow, android: off; decisions: none\n" in text
    assert "  paused by staff since " in text
    assert " UTC: wrong links; baraza resume ends it\n" in text
    assert (status["modes"], status["drafts"], status["next_due"]) == (
        {"android": "off"},
        [],
        None,
    )
    assert status["pause"]["reason"] == "wrong links"
