"""Drafts that a forum refuses, that a firewall hides, that go out of date."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.draft_text import TITLE
from bot.forum import LiveForum
from bot.sandbox import Community, Sandbox
from bot.windows import parse_window
from kb.errors import ConfigError, ForumUnavailableError
from kb.store import Store
from kb.types import TopicId
from tests.bot.conftest import FakeClock
from tests.bot.making import hit
from tests.bot.test_drafts import Make, find, make, shown, state_of
from tests.bot.test_forum import QUESTION, ask, own_posts
from tests.bot.test_responder import Finder
from tests.bot.test_watching import harvested

__all__ = ["find", "make"]  # Fixtures.

REWRITTEN = "Never mind. What is the colour of the sky on planet Mars at noon, please?"


def rewrite(community: Community, store: Store, topic_id: TopicId) -> None:
    """A question becomes another, and the harvest sees it."""
    harvested(store, community, topic_id)
    community.edit_post(community.posts_of(topic_id)[0].id, REWRITTEN)
    harvested(store, community, topic_id)


# -- refused -------------------------------------------------------------------


def test_a_draft_with_a_word_that_is_blocked_holds_up_no_other(
    make: Make, community: Community, box: Sandbox, store: Store, find: Finder
) -> None:
    good = ask(community)
    make().respond(good)
    box.settings = replace(box.settings, blocked_words=frozenset({"casino"}))
    find.hits = [hit(2, title="Casino reports", text="The casino report.")]
    bad = ask(community, "How do I read the weekly reports?", user="ben")

    decision = make().respond(bad)

    assert (decision.state, decision.is_silent) == ("decided", True)
    assert decision.reasons[-1].startswith("the forum refused its draft: ")
    [message] = store.messages.about("forum", "draft", str(bad))
    assert message.state == "failed"
    assert len({post.topic_id for post in shown(community)}) == 1
    find.hits = [hit()]
    community.like(shown(community)[0].id, "root")
    assert [each.state for each in make().watch().drafts] == ["posted"]


def test_a_first_draft_that_is_refused_holds_up_none_that_stands(
    make: Make, community: Community, box: Sandbox, store: Store, clock: FakeClock
) -> None:
    first = ask(community)
    make().respond(first)
    community.like(shown(community)[0].id, "root")
    second = ask(community, f"{QUESTION} Second")
    box.faults.fail_next(path="/posts.json", method="POST", drop=True)
    with pytest.raises(ForumUnavailableError):
        make().respond(second)
    clock.forward(minutes=5)
    community.set_status(shown(community)[0].topic_id, "closed", enabled=True)

    # Where else to write to is not known, and drafts that stand are heard.
    with pytest.raises(ConfigError, match=r"bot\.moderators"):
        make(moderators=["nobody"]).watch()

    assert (state_of(store, first), state_of(store, second)) == ("posted", "drafted")


# -- hidden --------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404])
def test_what_a_firewall_says_rejects_no_draft(
    make: Make, community: Community, box: Sandbox, store: Store, status: int
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)
    community.like(shown(community)[0].id, "root")
    wall = "<html>Attention required!</html>"
    box.faults.fail_next(9, path="/t/", status=status, body=wall)
    for _ in range(3):
        assert make().watch().drafts == ()
    box.faults.clear()

    assert [each.state for each in make().watch().drafts] == ["posted"]


def test_drafts_whose_message_is_gone_stay_until_their_time_is_over(
    make: Make, community: Community, clock: FakeClock, store: Store
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)
    community.delete_topic(shown(community)[0].topic_id)
    for _ in range(3):
        assert make().watch().drafts == ()

    clock.forward(days=2, minutes=1)

    assert [each.state for each in make().watch().drafts] == ["expired"]


def test_a_draft_that_is_missed_once_is_there_again(
    make: Make, community: Community, box: Sandbox, store: Store
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)
    where = re.compile(r"/t/\d+/posts\.json")
    for _ in range(2):
        box.faults.alter(without_posts, where, n=1)
        make().watch()
        make().watch()

    assert state_of(store, topic_id) == "drafted"


def without_posts(found: dict[str, dict[str, object]]) -> object:
    found["post_stream"]["posts"] = []
    return found


def test_many_drafts_are_read_at_once(
    make: Make, community: Community, box: Sandbox
) -> None:
    quotas = {"max_replies_per_hour": 99, "max_replies_per_author": 99}
    for number in range(12):
        make(**quotas).respond(ask(community, f"{QUESTION} Number {number}"))
    make(**quotas).watch()
    before = len(box.requests)

    make(**quotas).watch()

    # The list of topics, and the drafts.
    assert len(box.requests) == before + 2


# -- out of date ---------------------------------------------------------------


def test_a_like_of_an_earlier_draft_approves_no_later_one(
    make: Make, community: Community, store: Store, find: Finder
) -> None:
    make().watch()
    topic_id = ask(community)
    make().watch()
    rewrite(community, store, topic_id)
    find.hits = [hit(2)]

    make().watch()

    first, second = shown(community)
    assert "page-2" in second.raw
    community.like(first.id, "root")
    assert make().watch().drafts == ()
    community.like(second.id, "root")
    assert [each.state for each in make().watch().drafts] == ["posted"]
    assert "page-2" in own_posts(community, topic_id)[0]


def test_a_drafted_topic_that_is_gone_is_silent_and_its_draft_is_closed(
    make: Make, community: Community, store: Store
) -> None:
    make().watch()
    topic_id = ask(community)
    make().watch()
    rewrite(community, store, topic_id)
    community.delete_topic(topic_id)

    make().watch()
    assert state_of(store, topic_id) == "drafted"
    [decision] = make().watch().decisions

    assert (decision.state, decision.is_silent) == ("decided", True)
    assert store.ledger.get("forum", topic_id) == replace(
        decision, updated_at=decision.decided_at
    )
    [message] = store.messages.about("forum", "draft", str(topic_id))
    assert message.state == "closed"


def test_a_paused_bot_shows_no_draft_that_a_crash_left(
    make: Make, community: Community, box: Sandbox, store: Store, clock: FakeClock
) -> None:
    box.faults.fail_next(path="/posts.json", method="POST", drop=True)
    with pytest.raises(ForumUnavailableError):
        make().respond(ask(community))
    with store.transaction():
        store.pauses.start("forum", "wrong links", "staff", at=clock())

    make().watch()

    assert shown(community) == []
    with store.transaction():
        store.pauses.end("forum", at=clock())
    make().watch()
    assert len(shown(community)) == 1


def test_a_draft_of_a_clock_that_was_ahead_expires_too(
    make: Make, community: Community, clock: FakeClock, store: Store
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)
    clock.forward(days=-3)

    assert [each.state for each in make().watch().drafts] == ["expired"]
    assert state_of(store, topic_id) == "expired"


def test_what_is_approved_in_quiet_hours_is_posted_after_them(
    make: Make, community: Community, store: Store, clock: FakeClock
) -> None:
    quiet: dict[str, object] = {
        "quiet_hours": parse_window("11:00-14:00"),
        "max_topic_age": timedelta(days=9),
    }
    topic_id = ask(community)
    make(**quiet).respond(topic_id)
    # It would expire within them, two days later.
    assert "It expires at 2026-06-03 15:00 UTC" in shown(community)[0].raw
    clock.forward(days=2, hours=1)
    community.like(shown(community)[0].id, "root")
    assert make(**quiet).watch().drafts == ()

    clock.forward(hours=1, minutes=1)

    assert [each.state for each in make(**quiet).watch().drafts] == ["posted"]


def test_a_draft_whose_answer_is_lost_late_is_looked_for_in_its_message(
    make: Make, forum: LiveForum, community: Community, box: Sandbox, clock: FakeClock
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)
    box.faults.fail_next(9, path="/topics/private-messages-sent", status=502)
    with pytest.raises(ForumUnavailableError):
        make().respond(topic_id)
    box.faults.clear()
    # So long after, the forum does not know it for the same.
    clock.forward(minutes=5)

    make().watch()

    assert len(shown(community)) == 1
    assert len(forum.messages_titled(TITLE)) == 1
