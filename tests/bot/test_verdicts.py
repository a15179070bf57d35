"""A topic that a moderator calls no question is left alone, whatever waits in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.config import Mode
from bot.forum import LiveForum
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.sandbox import Community
from bot.topic import TopicView
from bot.verdicts import NO_QUESTION, against_answering, mark, mark_no_question
from kb.question import Question
from kb.store import Decision, State, Store
from kb.types import SearchHit, TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW
from tests.bot.test_forum import ask, own_posts
from tests.bot.test_responder import Finder

Make = Callable[..., Responder]


class Interrupted(Finder):
    """Something happens while it looks."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def __call__(self, topic: TopicView, question: Question) -> Sequence[SearchHit]:
        self.meanwhile()
        return super().__call__(topic, question)


@pytest.fixture
def find() -> Interrupted:
    return Interrupted()


@pytest.fixture
def make(forum: LiveForum, store: Store, find: Interrupted, clock: FakeClock) -> Make:
    def responder(mode: Mode = "public", **settings: Any) -> Responder:
        return Responder(
            "forum",
            forum=forum,
            store=store,
            find=find,
            languages=["en"],
            settings=PolicySettings(BOT, 0.5, **settings),
            mode=mode,
            community="Example Forum",
            clock=clock,
            moderators=("root",),
        )

    return responder


def say(store: Store, topic_id: TopicId) -> bool:
    with store.transaction():
        return mark_no_question(store, "forum", topic_id, origin="staff", at=NOW)


def decision_of(store: Store, topic_id: TopicId) -> Decision:
    found = store.ledger.get("forum", topic_id)
    assert found is not None
    return found


def test_it_is_not_answered_and_nothing_is_sought_for_it(
    make: Make, community: Community, store: Store, find: Interrupted
) -> None:
    asked, other = ask(community), ask(community, user="ben")
    assert say(store, asked)
    assert not say(store, asked), "known"

    silent, answered = make().respond(asked), make().respond(other)

    assert (silent.state, silent.reasons) == ("decided", (NO_QUESTION,))
    assert answered.state == "posted"
    assert [topic_id for topic_id, _ in find.asked] == [other]
    assert own_posts(community, asked) == []


def test_one_that_people_are_given_time_for_is_decided_at_once(
    make: Make, community: Community, store: Store
) -> None:
    asked = ask(community)
    bot = make(grace=timedelta(hours=1))
    bot.respond(asked, patiently=True)
    assert decision_of(store, asked).state == "waiting"

    say(store, asked)

    closed = decision_of(store, asked)
    assert (closed.state, closed.reasons) == ("decided", (NO_QUESTION,))
    assert store.ledger.next_due("forum") is None
    assert bot.respond(asked, patiently=True).reasons == (NO_QUESTION,)


def test_its_draft_is_closed_and_a_like_of_it_posts_nothing(
    make: Make, community: Community, store: Store
) -> None:
    asked = ask(community)
    make("draft").respond(asked)
    [message] = store.messages.about("forum", "draft", str(asked))
    say(store, asked)
    assert message.post_id is not None
    community.like(message.post_id, "root")

    report = make("draft").watch()

    assert report.drafts == ()
    assert own_posts(community, asked) == []
    assert [
        each.state for each in store.messages.about("forum", "draft", str(asked))
    ] == ["closed"]


def test_it_is_not_claimed_where_the_word_comes_while_it_is_decided(
    make: Make, community: Community, store: Store, find: Interrupted
) -> None:
    asked = ask(community)
    find.meanwhile = lambda: say(store, asked)

    decision = make().respond(asked)

    assert (decision.state, decision.reasons) == ("decided", (NO_QUESTION,))
    assert own_posts(community, asked) == []


def test_a_draft_is_not_shown_where_the_word_comes_while_it_is_written(
    make: Make, community: Community, store: Store
) -> None:
    asked = ask(community)
    considered = make("draft")._decider.consider(asked)
    say(store, asked)

    decision = make("draft").drafts.propose(considered)

    assert (decision.state, decision.reasons) == ("decided", (NO_QUESTION,))
    assert store.messages.about("forum", "draft", str(asked)) == []


def test_a_reply_that_was_about_to_be_sent_is_not(
    make: Make, community: Community, store: Store
) -> None:
    asked = ask(community)
    wanted = make().consider(asked)
    with store.transaction():
        store.ledger.record(replace(wanted, state="claimed"))
    say(store, asked)
    assert decision_of(store, asked).state == "claimed", "it may have been sent"

    [settled] = make().reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1] == f"never posted, and now {NO_QUESTION}"
    assert own_posts(community, asked) == []


@pytest.mark.parametrize("state", ["posted", "decided", "refused", "rejected"])
def test_what_is_decided_or_said_already_stays_as_it_is(
    state: State, store: Store
) -> None:
    before = Decision(
        "forum", TopicId(7), "?", "public", state, ("because",), NOW, body="Hello"
    )
    with store.transaction():
        store.ledger.record(replace(before, state="claimed"))
        store.ledger.settle("forum", TopicId(7), state, at=NOW)
    known = decision_of(store, TopicId(7))

    say(store, TopicId(7))

    assert decision_of(store, TopicId(7)) == known


# -- what an operator says -----------------------------------------------------


def test_an_operator_marks_topics_of_any_source_and_takes_it_back(
    make: Make, community: Community, store: Store
) -> None:
    asked = ask(community)

    def says(*, is_question: bool, forum: str = "forum") -> bool:
        return mark(store, forum, asked, is_question=is_question, at=NOW)

    assert not says(is_question=True), "as before"
    assert [says(is_question=False) for _ in range(2)] == [True, False]
    assert says(is_question=False, forum="history")
    assert against_answering(store, "forum", asked) == NO_QUESTION
    assert make().respond(asked).reasons == (NO_QUESTION,)

    assert says(is_question=True)
    with store.transaction():
        before = NOW - timedelta(seconds=1)
        assert not mark_no_question(store, "forum", asked, origin="staff", at=before)
    assert against_answering(store, "forum", asked) == ""
    assert store.verdicts.of("history") == {asked: "not_a_question"}
    assert make().respond(asked).state == "posted"
