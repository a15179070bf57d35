"""Deciding, answering once at most, surviving crashes, and watching a forum."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import WRITING, Mode
from bot.forum import DryRunForum, Forum, LiveForum
from bot.policy import PolicySettings
from bot.responder import MAX_TRIES, Responder
from bot.sandbox import Community, Sandbox
from bot.settling import fingerprint
from bot.topic import TopicView, marker
from kb.errors import (
    ConfigError,
    EmbeddingError,
    ForumRejectedError,
    ForumUnavailableError,
    IndexMissingError,
    InvalidQueryError,
    RateLimitedError,
)
from kb.question import Question
from kb.store import Decision, Store, TemplateSet
from kb.types import Kind, SearchHit, Templates, TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import hit
from tests.bot.test_forum import QUESTION, ask, own_posts

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., Responder]


class Finder:
    """Finds the same for every topic, and remembers what it was asked."""

    def __init__(self) -> None:
        self.hits: Sequence[SearchHit] = [hit()]
        self.asked: list[tuple[TopicId, Question]] = []
        self.failing: dict[TopicId, Exception] = {}

    def __call__(self, topic: TopicView, question: Question) -> Sequence[SearchHit]:
        self.asked.append((topic.id, question))
        if topic.id in self.failing:
            raise self.failing[topic.id]
        return self.hits


@pytest.fixture
def find() -> Finder:
    return Finder()


@pytest.fixture
def make(forum: LiveForum, store: Store, find: Finder, clock: FakeClock) -> Make:
    """Responders over the same forum, ledger and clock."""

    def responder(mode: Mode = "public", **settings: Any) -> Responder:
        own: Forum = forum if mode in WRITING else DryRunForum(forum)
        return Responder(
            "forum",
            forum=own,
            store=store,
            find=find,
            languages=["en"],
            settings=PolicySettings(BOT, 0.5, **settings),
            mode=mode,
            community="Example Forum",
            clock=clock,
        )

    return responder


def posts_sent(box: Sandbox) -> int:
    return box.requests.count("POST /posts.json")


def claim(store: Store, decision: Decision) -> None:
    """What a crash leaves: a claim that nobody settled."""
    with store.transaction():
        assert store.ledger.record(replace(decision, state="claimed"))


# -- one topic -------------------------------------------------------------


def test_in_public_a_topic_is_answered_and_the_ledger_knows_where(
    make: Make,
    box: Sandbox,
    forum: LiveForum,
    store: Store,
    community: Community,
    clock: FakeClock,
) -> None:
    topic_id = ask(community)

    decision = make().respond(topic_id)

    [body] = own_posts(community, topic_id)
    mine = community.posts_of(topic_id)[1]
    assert decision == Decision(
        forum="forum",
        topic_id=topic_id,
        title=QUESTION,
        mode="public",
        state="posted",
        reasons=(
            "the best docs page has a confidence of 0.90, and 0.50 is needed "
            "(bot.min_confidence)",
        ),
        decided_at=clock(),
        suggestions=(
            {
                "kind": "docs",
                "title": "Page 1",
                "url": "https://docs.example/page-1",
                "confidence": 0.9,
                "source": "docs",
                "key": "page-1",
                "part": 1,
            },
        ),
        body=body,
        post_id=mine.id,  # type: ignore[arg-type]
        post_url=f"{box.url}/t/{topic_id}/2",
        updated_at=clock(),
        author_id=community.user("amina").id,
        language="en",
        fingerprint=fingerprint(forum.topic(topic_id)),
        sent_at=clock(),
    )
    assert store.ledger.get("forum", topic_id) == decision


def test_the_search_gets_the_cleaned_question(
    make: Make, community: Community, find: Finder
) -> None:
    raw = "See **this**:\n\n> an old quote\n\nHow do I back up?"
    topic_id = TopicId(
        community.add_topic(QUESTION, raw, user="amina", category="support").id
    )

    make("shadow").respond(topic_id)

    [(asked, question)] = find.asked
    assert asked == topic_id
    assert question.title == QUESTION
    assert "How do I back up?" in question.body
    assert "<" not in question.body


def test_the_search_gets_no_labels_of_the_form_that_was_filled_in(
    make: Make, community: Community, find: Finder, store: Store, clock: FakeClock
) -> None:
    raw = "Version: 2.38\n\nSteps to reproduce:\n\nOpen the map."
    topic_id = TopicId(
        community.add_topic(QUESTION, raw, user="amina", category="support").id
    )
    learned = Templates(opening=frozenset(["version", "steps to reproduce"]))
    with store.transaction():
        store.templates.keep(
            TemplateSet("forum", "Support", learned.stamp, "1", 20, clock()), learned
        )

    make("shadow").respond(topic_id)

    [(_, question)] = find.asked
    assert question.body == "2.38\n\nOpen the map."


def test_a_reply_pings_nobody_however_wild_its_quotes_are(
    make: Make, community: Community, find: Finder
) -> None:
    wild = '@ben @here [quote="ben, post:1, topic:1"]\nhi\n[/quote]\nhttps://x.example'
    find.hits = [hit(title="Ask @ben :smile:", text=wild)]
    topic_id = ask(community)
    community.notifications.clear()

    make().respond(topic_id)

    told = {(notice.type.name, notice.user_id) for notice in community.notifications}
    assert community.pings() == []
    # The asker hears of a new reply, and nobody of anything else.
    assert {user for _, user in told} <= {community.user("amina").id}


def test_in_shadow_the_decision_is_recorded_and_nothing_is_posted(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)

    decision = make("shadow").respond(topic_id)

    assert (decision.state, decision.mode, decision.is_silent) == (
        "decided",
        "shadow",
        False,
    )
    assert store.ledger.get("forum", topic_id) == replace(
        decision, updated_at=decision.decided_at
    )
    assert posts_sent(box) == 0


def test_switched_off_the_forum_is_not_even_read(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)

    decision = make("off").respond(topic_id)

    assert decision.reasons == ("the bot is switched off (bot.mode)",)
    assert store.ledger.get("forum", topic_id) is None
    assert box.requests == []


def test_silence_is_recorded_with_its_reason_and_the_links_it_did_not_post(
    make: Make, box: Sandbox, store: Store, community: Community, find: Finder
) -> None:
    find.hits = [hit(confidence=0.4)]
    topic_id = ask(community)

    decision = make().respond(topic_id)

    assert decision.is_silent
    assert decision.reasons == (
        "the best docs page has a confidence of 0.40, and 0.50 is needed "
        "(bot.min_confidence)",
    )
    assert [each["confidence"] for each in decision.suggestions] == [0.4]
    assert store.ledger.counts() == {"decided": 1}
    assert posts_sent(box) == 0


def test_a_topic_that_is_not_to_be_answered_costs_no_search(
    make: Make, community: Community, find: Finder
) -> None:
    topic_id = ask(community)
    community.set_status(topic_id, "closed", enabled=True)

    assert make().respond(topic_id).reasons == ("it is closed",)
    assert find.asked == []


def test_a_question_without_a_word_is_silence(
    make: Make, community: Community, find: Finder
) -> None:
    topic_id = ask(community)
    find.failing[topic_id] = InvalidQueryError("no word in it")

    assert make().respond(topic_id).reasons == ("nothing to search for: no word in it",)


# -- what it would link, as it is now ----------------------------------------


def thread_hit(box: Sandbox, community: Community, *, number: int = 2) -> SearchHit:
    """A thread whose reply answers, found as it was when it was harvested."""
    topic_id = ask(community, f"An older thread, number {number}")
    community.add_post(topic_id, "Let cron run pg_dump every night.", user="ben")
    found = hit(
        number,
        kind=Kind.THREAD,
        source="forum",
        key=str(topic_id),
        url=f"{box.url}/t/{topic_id}",
        text="Let cron run pg_dump every night.",
    )
    return replace(found, passage=replace(found.passage, part_number=2))


def change_the_thread(community: Community, topic_id: int, how: str) -> None:
    second = community.posts_of(topic_id)[1].id
    match how:
        case "deleted":
            community.delete_topic(topic_id)
        case "privatised":
            community.privatise(topic_id)
        case "moved":
            community.set_category(topic_id, "staff")
        case "unlisted":
            community.set_status(topic_id, "visible", enabled=False)
        case "post deleted":
            community.delete_post(second)
        case "post hidden":
            community.hide_post(second)
        case "post withdrawn":
            community.withdraw_post(second)
        case "post rewritten":
            community.edit_post(second, "Never mind, I was thinking of MySQL here.")


CHANGES = {
    "deleted": "it cannot be read any more (404 ",
    "privatised": "it cannot be read any more (404 ",
    "moved": "it cannot be read any more (404 ",
    "unlisted": "its topic was taken out of the lists",
    "post deleted": "it cannot be read any more (404 ",
    "post hidden": "its post is hidden or was withdrawn",
    "post withdrawn": "its post is hidden or was withdrawn",
    "post rewritten": "its post was rewritten since it was read",
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_thread_that_is_no_longer_what_was_read_is_not_linked(
    make: Make,
    box: Sandbox,
    store: Store,
    community: Community,
    find: Finder,
    how: str,
) -> None:
    old = thread_hit(box, community)
    find.hits = [old, hit(confidence=0.8)]
    change_the_thread(community, int(old.document.key), how)

    decision = make().respond(ask(community))

    assert [each["key"] for each in decision.suggestions] == ["page-1"]
    assert decision.body is not None
    assert old.url not in decision.body
    assert "pg_dump every night" not in decision.body
    assert decision.reasons[1].startswith(f"left out {old.url}: {CHANGES[how]}")
    # The next harvest reads it whatever the list says.
    [aside] = store.progress.all_set_aside("forum")
    assert (aside.key, aside.reason[:18]) == (old.document.key, "cannot be linked: ")


def test_without_the_thread_that_has_left_there_is_nothing_to_say(
    make: Make, box: Sandbox, community: Community, find: Finder
) -> None:
    old = thread_hit(box, community)
    find.hits = [old, hit(confidence=0.2)]
    community.delete_topic(int(old.document.key))

    decision = make().respond(ask(community))

    assert decision.is_silent
    assert decision.reasons[0].startswith("the best docs page has a confidence of 0.20")
    assert posts_sent(box) == 0


def test_a_thread_that_still_stands_is_linked(
    make: Make, box: Sandbox, store: Store, community: Community, find: Finder
) -> None:
    old = thread_hit(box, community)
    find.hits = [old]
    # A word more is no other answer.
    second = community.posts_of(int(old.document.key))[1].id
    community.edit_post(second, "Let cron run pg_dump every night. Good luck!")

    decision = make().respond(ask(community))

    assert decision.body is not None
    assert f"]({old.url})" in decision.body
    assert store.progress.all_set_aside() == []


def test_a_claimed_reply_whose_link_has_left_is_not_posted(
    make: Make, box: Sandbox, store: Store, community: Community, find: Finder
) -> None:
    old = thread_hit(box, community)
    find.hits = [old]
    topic_id = ask(community)
    claim(store, make().consider(topic_id))
    community.privatise(int(old.document.key))

    [settled] = make().reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1].startswith(f"never posted, and now {old.url} must not")
    assert posts_sent(box) == 0


def test_claims_that_piled_up_are_sent_within_the_quota(
    make: Make, box: Sandbox, store: Store, community: Community, clock: FakeClock
) -> None:
    """The forum was read-only for hours."""
    topics = [ask(community, f"{QUESTION} Number {n}") for n in range(5)]
    for topic_id in topics:
        claim(store, make(max_replies_per_author=5).consider(topic_id))
    clock.forward(hours=3)
    responder = make(max_replies_per_hour=2)

    first, again = responder.reconcile(), responder.reconcile()
    clock.forward(minutes=61)
    later = responder.reconcile()

    assert [each.topic_id for each in first] == topics[:2]
    assert again == ()
    assert [each.topic_id for each in later] == topics[2:4]
    assert posts_sent(box) == 4


def test_considering_a_topic_leaves_no_trace(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)

    decision = make().consider(topic_id)

    assert decision.body is not None
    assert store.ledger.get("forum", topic_id) is None
    assert posts_sent(box) == 0


def test_a_silent_decision_may_be_taken_again(
    make: Make, community: Community, find: Finder
) -> None:
    topic_id = ask(community)
    find.hits = []
    assert make().respond(topic_id).is_silent

    find.hits = [hit()]

    assert make().respond(topic_id).state == "posted"


# -- once at most ----------------------------------------------------------


def test_a_topic_is_answered_once_however_often_it_is_asked_for(
    make: Make, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)

    first = make().respond(topic_id)
    again = make().respond(topic_id)

    assert again == first
    assert posts_sent(box) == 1


def test_a_reply_of_an_earlier_life_is_found_when_the_ledger_was_lost(
    make: Make, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    mine = community.add_post(topic_id, f"Earlier.\n\n{marker(topic_id)}", user=BOT)

    decision = make().respond(topic_id)

    assert (decision.state, decision.post_id) == ("posted", mine.id)
    assert decision.reasons[-1] == "the reply was already there"
    assert posts_sent(box) == 0


def test_a_reply_that_a_moderator_must_approve_is_queued_once(
    make: Make, box: Sandbox, community: Community
) -> None:
    box.settings = replace(box.settings, approve_posts_of=frozenset({BOT}))
    topic_id = ask(community)

    decision = make().respond(topic_id)

    assert (decision.state, decision.post_id) == ("queued", None)
    assert make().respond(topic_id) == decision
    assert len(community.pending) == 1


def test_a_refused_reply_is_final_and_says_why(
    make: Make, box: Sandbox, community: Community
) -> None:
    box.settings = replace(box.settings, blocked_words=frozenset({"bot"}))
    topic_id = ask(community)

    decision = make().respond(topic_id)

    assert decision.state == "refused"
    assert decision.reasons[-1].startswith("the forum refused the reply: ")
    assert make().respond(topic_id) == decision
    assert posts_sent(box) == 1


def test_the_quota_is_checked_again_when_the_topic_is_claimed(
    make: Make, box: Sandbox, community: Community
) -> None:
    topics = [ask(community, f"{QUESTION} Number {n}") for n in range(3)]
    responder = make(max_replies_per_hour=2)

    states = [responder.respond(topic_id) for topic_id in topics]

    assert [each.is_silent for each in states] == [False, False, True]
    assert states[2].reasons == ("2 replies within the hour, and 2 is the limit",)
    assert posts_sent(box) == 2


def test_after_an_hour_the_bot_may_speak_again(
    make: Make, community: Community, clock: FakeClock
) -> None:
    responder = make(max_replies_per_hour=1)
    responder.respond(ask(community))
    clock.forward(minutes=61)

    assert responder.respond(ask(community, f"{QUESTION} Later")).state == "posted"


# -- crashes ---------------------------------------------------------------


def run_process(
    store: Store, box: Sandbox, topic_id: TopicId, when: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.bot.crashing",
            str(store.path),
            box.url,
            box.key_for(BOT),
            str(topic_id),
            when,
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("later_s", [1, 3600])
def test_killed_around_the_post_the_reply_is_there_once_in_the_end(
    make: Make,
    box: Sandbox,
    store: Store,
    community: Community,
    clock: FakeClock,
    when: str,
    later_s: int,
) -> None:
    """Soon after, the forum's memo would help; an hour later nothing but we do."""
    topic_id = ask(community)
    process = run_process(store, box, topic_id, when)
    process.communicate("go\n")
    assert process.returncode == -9
    assert [each.topic_id for each in store.ledger.claimed("forum")] == [topic_id]

    clock.forward(seconds=later_s)
    [settled] = make().reconcile()

    [body] = own_posts(community, topic_id)
    assert settled.state == "posted"
    assert settled.body == body
    assert make().reconcile() == ()


def test_of_two_processes_that_race_for_a_topic_one_answers(
    box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)
    racers = [run_process(store, box, topic_id, "never") for _ in range(2)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    states = [racer.communicate()[0] for racer in racers]

    assert "posted" in states
    assert set(states) <= {"posted", "claimed"}
    # The forum would forgive an identical second post; none may be sent at all.
    assert posts_sent(box) == 1
    assert len(own_posts(community, topic_id)) == 1
    decision = store.ledger.get("forum", topic_id)
    assert decision is not None
    assert decision.state == "posted"


def test_a_lost_answer_is_settled_at_once_without_a_second_post(
    make: Make, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)

    assert make().respond(topic_id).state == "posted"
    assert (posts_sent(box), len(own_posts(community, topic_id))) == (1, 1)


def test_a_reply_that_never_arrived_stays_claimed_and_is_sent_by_the_next_look(
    make: Make, box: Sandbox, store: Store, community: Community, clock: FakeClock
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", drop=True)
    with pytest.raises(ForumUnavailableError):
        make().respond(topic_id)
    assert len(store.ledger.claimed("forum")) == 1

    clock.forward(minutes=5)
    [settled] = make().reconcile()

    assert settled.state == "posted"
    assert len(own_posts(community, topic_id)) == 1


def test_a_claim_is_not_answered_by_a_second_responder_meanwhile(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)
    claim(store, make().consider(topic_id))

    assert make().respond(topic_id).state == "claimed"
    assert posts_sent(box) == 0


def test_a_rate_limit_leaves_the_claim_for_later(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)
    box.faults.limit_next(path="/posts.json", wait_s=30)

    with pytest.raises(RateLimitedError):
        make().respond(topic_id)

    [settled] = make().reconcile()
    assert settled.state == "posted"
    assert len(own_posts(community, topic_id)) == 1


def test_a_claim_in_a_topic_that_vanished_is_settled_as_refused(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)
    claim(store, make().consider(topic_id))
    community.delete_topic(topic_id)

    assert make().reconcile() == ()
    [settled] = make().reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1].startswith("whether it was posted cannot be found out")
    assert posts_sent(box) == 0


def test_a_claim_of_long_ago_is_not_posted_any_more(
    make: Make, box: Sandbox, store: Store, community: Community, clock: FakeClock
) -> None:
    topic_id = ask(community)
    claim(store, make().consider(topic_id))
    clock.forward(days=3)

    [settled] = make().reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1] == "it was never posted, and now it is too late"
    assert posts_sent(box) == 0


def test_a_claim_in_a_topic_that_was_closed_meanwhile_is_not_posted(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)
    claim(store, make().consider(topic_id))
    community.set_status(topic_id, "closed", enabled=True)

    [settled] = make().reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1].startswith("never posted, and now ")
    assert posts_sent(box) == 0


def test_a_claimed_reply_that_a_moderator_removed_is_not_posted_again(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topic_id = ask(community)
    run_process(store, box, topic_id, "after").communicate("go\n")
    [reply] = [p for p in community.posts.values() if p.topic_id == topic_id][1:]
    community.delete_post(reply.id)
    community.add_post(topic_id, "The same here, since last month.", user="ben")

    [settled] = make().reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1] == (
        "a post of the topic was removed, and it may have been this"
    )
    assert posts_sent(box) == 1


def test_one_claim_that_cannot_be_settled_does_not_keep_the_others(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    first, second = ask(community), ask(community, f"{QUESTION} Second")
    for topic_id in (first, second):
        claim(store, make().consider(topic_id))
    box.faults.fail_next(20, path=f"/t/{first}.json", status=502)

    settled = make().reconcile()

    assert [each.topic_id for each in settled] == [second]
    assert [each.topic_id for each in store.ledger.claimed("forum")] == [first]


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_outside_public_claims_are_left_alone(
    make: Make, box: Sandbox, store: Store, community: Community, mode: Mode
) -> None:
    claim(store, make().consider(ask(community)))
    before = len(box.requests)

    assert make(mode).reconcile() == ()
    assert len(box.requests) == before


# -- watching --------------------------------------------------------------


def test_the_first_watch_answers_no_backlog(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    topics = [ask(community, f"{QUESTION} Number {n}") for n in range(3)]

    report = make().watch()

    assert report.decisions == ()
    assert store.ledger.watermark("forum") == topics[-1]
    assert posts_sent(box) == 0


def test_new_topics_are_answered_in_order_and_once(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    make().watch()
    topics = [ask(community, f"{QUESTION} Number {n}") for n in range(3)]

    report = make().watch()

    assert [each.topic_id for each in report.decisions] == topics
    assert report.answered == 3
    assert store.ledger.watermark("forum") == topics[-1]
    assert make().watch().decisions == ()
    assert posts_sent(box) == 3


def test_a_failing_topic_is_tried_again_and_keeps_nobody_waiting(
    make: Make, store: Store, community: Community, find: Finder
) -> None:
    make().watch()
    first, bad, last = (ask(community, f"{QUESTION} Number {n}") for n in range(3))
    find.failing[bad] = ZeroDivisionError("a bug")

    report = make().watch()

    assert [each.topic_id for each in report.decisions] == [first, last]
    assert report.failed == ((bad, "ZeroDivisionError: a bug"),)
    assert store.ledger.watermark("forum") == last
    assert store.ledger.counts() == {"posted": 2, "waiting": 1}

    find.failing.clear()
    again = make().watch()

    assert [each.topic_id for each in again.decisions] == [bad]
    assert store.ledger.counts() == {"posted": 3}
    assert store.progress.all_set_aside() == []


def test_a_topic_that_always_fails_is_given_up_with_its_reason(
    make: Make, store: Store, community: Community, find: Finder
) -> None:
    make().watch()
    bad = ask(community)
    find.failing[bad] = ZeroDivisionError("a bug")

    reports = [make().watch() for _ in range(MAX_TRIES)]

    assert [report.given_up for report in reports] == [()] * (MAX_TRIES - 1) + [(bad,)]
    decision = store.ledger.get("forum", bad)
    assert decision is not None
    assert decision.reasons == (
        f"given up after {MAX_TRIES} tries: ZeroDivisionError: a bug",
    )
    assert make().watch().failed == ()


def test_a_topic_that_vanished_is_silence_and_no_failure(
    make: Make, box: Sandbox, store: Store, community: Community
) -> None:
    make().watch()
    topic_id = ask(community)
    # Neither a firewall's word, nor one word of the forum alone.
    for status in (404, 403):
        box.faults.fail_next(path=f"/t/{topic_id}", status=status)
        assert make().watch().decisions == ()
    community.delete_topic(topic_id)
    assert make().watch().decisions == ()

    report = make().watch()

    [decision] = report.decisions
    assert decision.is_silent
    assert decision.reasons[0].startswith("unreadable: ")
    assert store.ledger.watermark("forum") == topic_id


def test_without_an_index_nothing_is_decided_and_nothing_passed_over(
    make: Make, store: Store, community: Community, find: Finder
) -> None:
    make().watch()
    topic_id = ask(community)
    find.failing[topic_id] = IndexMissingError("index", "no index yet")

    with pytest.raises(IndexMissingError):
        make().watch()

    assert store.ledger.counts() == {"waiting": 1}


@pytest.mark.parametrize(
    "error",
    [
        EmbeddingError("packaged", "its files are gone"),
        ConfigError("bot.api_key_env", "expected a key that may read"),
    ],
)
def test_what_no_topic_can_help_gives_up_no_topic(
    make: Make,
    store: Store,
    find: Finder,
    community: Community,
    error: Exception,
) -> None:
    make().watch()
    find.failing[ask(community)] = error

    for _ in range(MAX_TRIES + 1):
        with pytest.raises(type(error)):
            make().watch()

    assert store.ledger.counts() == {"waiting": 1}


def test_a_watch_settles_what_a_crash_left_first(
    make: Make, store: Store, community: Community
) -> None:
    make().watch()
    topic_id = ask(community)
    claim(store, make().consider(topic_id))

    report = make().watch()

    assert [each.topic_id for each in report.reconciled] == [topic_id]
    assert report.decisions == ()
    assert len(own_posts(community, topic_id)) == 1


def test_a_watch_that_is_told_to_stop_leaves_the_rest_for_the_next(
    make: Make, store: Store, community: Community
) -> None:
    make().watch()
    topics = [ask(community, f"{QUESTION} Number {n}") for n in range(3)]
    answers = iter([False, True])

    report = make().watch(stopped=lambda: next(answers))

    assert [each.topic_id for each in report.decisions] == topics[:1]
    assert [each.topic_id for each in make().watch().decisions] == topics[1:]


def test_switched_off_a_watch_does_nothing(make: Make, box: Sandbox) -> None:
    assert make("off").watch().decisions == ()
    assert box.requests == []


def test_a_forum_that_is_down_stops_the_watch_with_a_clear_error(
    make: Make, box: Sandbox
) -> None:
    box.faults.fail_next(10, path="/latest.json", status=503)

    with pytest.raises(ForumUnavailableError):
        make().watch()


def test_a_key_without_rights_stops_the_watch_with_a_clear_error(
    make: Make, box: Sandbox
) -> None:
    box.settings = replace(box.settings, login_required=True)
    box.faults.fail_next(path="/latest.json", status=403)

    with pytest.raises(ForumRejectedError):
        make().watch()
