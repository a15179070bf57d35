"""The watch: waiting, quotas in a storm, edits, modes per category, wrong clocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.config import Mode
from bot.forum import LiveForum
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.sandbox import Community, Sandbox
from bot.watching import MAX_READ, WatchReport
from bot.windows import parse_window
from kb.store import Decision, Store
from kb.types import Document, DocumentChange, Kind, Part, TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW
from tests.bot.test_forum import QUESTION, ask, own_posts
from tests.bot.test_responder import Finder, Make, find, make

__all__ = ["find", "make"]  # Fixtures.

GRACE = timedelta(minutes=15)


def decision_on(store: Store, topic_id: TopicId) -> Decision:
    decision = store.ledger.get("forum", topic_id)
    assert decision is not None
    return decision


def reads(box: Sandbox, topic_id: TopicId) -> int:
    return sum(each.startswith(f"GET /t/{topic_id}.json") for each in box.requests)


# -- the forgotten -----------------------------------------------------------


@pytest.mark.parametrize("by_number", [True, False])
def test_of_a_topic_of_the_forgotten_only_the_fact_is_kept(
    make: Make,
    store: Store,
    community: Community,
    clock: FakeClock,
    *,
    by_number: bool,
) -> None:
    amina = community.user("amina").id
    with store.transaction():
        store.members.wish(
            "forum",
            username="old_name" if by_number else "Amina",
            user_id=amina if by_number else None,
            answers=True,
            indexed=False,
            origin="operator",
            at=NOW,
        )
    make(grace=GRACE).watch()
    topic_id = ask(community)

    make(grace=GRACE).watch()
    waiting = decision_on(store, topic_id)
    clock.forward(minutes=15)
    make(grace=GRACE).watch()
    decided = decision_on(store, topic_id)

    if by_number:  # The list of topics tells no name.
        assert (waiting.title, waiting.author_id) == ("", None)
    assert (waiting.state, decided.state) == ("waiting", "posted")
    assert (decided.title, decided.author_id, decided.fingerprint) == ("", None, "")


# -- waiting -----------------------------------------------------------------


def test_a_new_topic_waits_unread_until_people_had_their_time(
    make: Make, box: Sandbox, store: Store, community: Community, clock: FakeClock
) -> None:
    make(grace=GRACE).watch()
    topic_id = ask(community)
    clock.forward(minutes=5)

    report = make(grace=GRACE).watch()

    assert (report.noted, report.decisions) == (1, ())
    assert decision_on(store, topic_id) == Decision(
        forum="forum",
        topic_id=topic_id,
        title=QUESTION,
        mode="public",
        state="waiting",
        reasons=("people come first",),
        decided_at=clock(),
        updated_at=clock(),
        author_id=community.user("amina").id,
        due_at=NOW + GRACE,
    )
    assert store.ledger.next_due("forum") == NOW + GRACE
    assert reads(box, topic_id) == 0

    clock.forward(minutes=10)
    [decision] = make(grace=GRACE).watch().decisions
    assert (decision.topic_id, decision.state) == (topic_id, "posted")


def test_what_is_still_too_early_waits_on_and_is_read_once_for_each_wait(
    make: Make, box: Sandbox, store: Store, community: Community, clock: FakeClock
) -> None:
    make().watch()
    topic_id = ask(community)
    # The operator gives people more time than was planned.
    for _ in range(3):
        assert make(grace=GRACE).watch().decisions == ()

    waiting = decision_on(store, topic_id)
    assert (waiting.state, waiting.due_at) == ("waiting", NOW + GRACE)
    assert reads(box, topic_id) == 0

    with store.transaction():
        store.ledger.record(replace(waiting, due_at=NOW))
    for _ in range(3):
        assert make(grace=GRACE).watch().decisions == ()
    assert reads(box, topic_id) == 1
    assert decision_on(store, topic_id).due_at == NOW + GRACE


def test_topics_of_a_night_without_us_are_caught_up(
    make: Make, community: Community, clock: FakeClock, store: Store
) -> None:
    make(grace=GRACE).watch()
    topics = [ask(community, f"{QUESTION} Number {n}", user=f"u{n}") for n in range(3)]
    clock.forward(hours=9)

    report = make(grace=GRACE).watch()

    assert [each.topic_id for each in report.decisions] == topics
    assert report.answered == 3


def test_who_asks_for_an_answer_waits_for_nobody(
    make: Make, community: Community, store: Store
) -> None:
    make(grace=GRACE).watch()
    topic_id = ask(community)
    make(grace=GRACE).watch()
    assert decision_on(store, topic_id).state == "waiting"

    assert make(grace=GRACE).respond(topic_id).state == "posted"
    assert make(grace=GRACE).watch().decisions == ()
    assert len(own_posts(community, topic_id)) == 1


def test_a_topic_answered_on_demand_is_not_new_to_the_watch(
    make: Make, community: Community
) -> None:
    make().watch()
    topic_id = ask(community)
    make().respond(topic_id)

    assert make().watch().decisions == ()
    assert len(own_posts(community, topic_id)) == 1


def test_a_forum_in_trouble_costs_no_topic_its_answer(
    make: Make, box: Sandbox, community: Community, store: Store, clock: FakeClock
) -> None:
    make().watch()
    topic_id = ask(community)
    box.faults.fail_next(100, path=f"/t/{topic_id}.json", status=502)
    for _ in range(7):
        assert len(make().watch().failed) == 1
        clock.forward(minutes=10)
    box.faults.clear()

    assert [each.state for each in make().watch().decisions] == ["posted"]


def test_a_rate_limit_ends_the_watch_and_loses_nothing(
    make: Make, box: Sandbox, community: Community, store: Store
) -> None:
    make().watch()
    topics = [ask(community, f"{QUESTION} Number {n}", user=f"u{n}") for n in range(3)]
    box.faults.limit_next(1, path="/posts.json", wait_s=30)

    report = make().watch()

    assert [topic_id for topic_id, _ in report.failed] == topics[:1]
    assert report.decisions == ()
    again = make().watch()
    assert [each.topic_id for each in again.reconciled] == topics[:1]
    assert [each.topic_id for each in again.decisions] == topics[1:]
    assert [len(own_posts(community, each)) for each in topics] == [1, 1, 1]


# -- a storm -----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["public", "draft"])
def test_a_storm_of_a_thousand_topics_costs_few_requests_and_few_replies(
    forum: LiveForum,
    store: Store,
    find: Finder,
    box: Sandbox,
    community: Community,
    clock: FakeClock,
    mode: Mode,
) -> None:
    responder = Responder(
        "forum",
        forum=forum,
        store=store,
        find=find,
        languages=["en"],
        settings=PolicySettings(BOT, 0.5, max_replies_per_hour=4),
        mode=mode,
        community="Example Forum",
        clock=clock,
        moderators=["root"],
    )
    responder.watch()
    # Template spam: half of it from one account, half from as many as topics.
    for number in range(1000):
        name = "spammer" if number % 2 else f"spammer{number}"
        community.add_topic(
            f"How do I buy offer {number}?",
            "Please help!",
            user=name,
            category="support",
        )
    before = len(box.requests)

    first, second = responder.watch(), responder.watch()

    assert (first.noted, len(first.decisions)) == (1000, 1000)
    assert (second.noted, second.decisions) == (0, ())
    # 34 pages of the list, and a handful for each of the four.
    assert len(box.requests) - before < 34 + 4 * 5 + 10
    said = [each for each in first.decisions if not each.is_silent]
    assert len(said) == 4
    assert store.ledger.counts() == {
        "decided": 996,
        "posted" if mode == "public" else "drafted": 4,
    }
    why = Counter(each.reasons for each in first.decisions if each.is_silent)
    assert why == {
        ("its author began 500 topics within the hour",): 500,
        ("4 replies within the hour are the limit",): 496,
    }
    assert len({post.topic_id for post in community.posts.values()}) >= 1000


def test_one_account_gets_few_answers_and_its_storm_few_looks(
    make: Make, box: Sandbox, community: Community
) -> None:
    responder = make(max_replies_per_author=2, max_topics_per_author=30)
    responder.watch()
    topics = [ask(community, f"{QUESTION} Number {n}") for n in range(30)]

    report = responder.watch()

    assert report.answered == 2
    assert report.decisions[-1].reasons == (
        "2 replies within the day to one author are the limit",
    )
    assert sum(reads(box, topic_id) > 0 for topic_id in topics) == 2


def test_a_storm_in_which_nothing_is_found_is_read_a_few_at_a_time(
    make: Make, box: Sandbox, community: Community, find: Finder, store: Store
) -> None:
    """No quota stops it: nothing is said. Who began one topic does not wait for it."""
    responder = make()
    responder.watch()
    find.hits = []
    for number in range(3 * MAX_READ):
        ask(community, f"How do I buy offer {number}?", user=f"spammer{number // 3}")
    alone = ask(community, f"{QUESTION} Alone.", user="ben")
    before = len(box.requests)

    first = responder.watch()

    assert len(first.decisions) == MAX_READ
    assert first.decisions[0].topic_id == alone
    assert len(box.requests) - before < MAX_READ + 10
    assert store.ledger.counts() == {"decided": MAX_READ, "waiting": 2 * MAX_READ + 1}


# -- what the list does not bring ---------------------------------------------


def test_a_topic_that_the_list_passed_over_is_noted_once_it_was_harvested(
    make: Make, community: Community, store: Store
) -> None:
    """It was not public when newer ones came: the list is not read so far back."""
    responder = make()
    responder.watch()
    hidden = ask(community)
    community.set_status(hidden, "visible", enabled=False)
    newer = ask(community, f"{QUESTION} Newer.", user="ben")
    assert [each.topic_id for each in responder.watch().decisions] == [newer]

    community.set_status(hidden, "visible", enabled=True)
    harvested(store, community, hidden)

    assert [each.topic_id for each in responder.watch().decisions] == [hidden]
    assert responder.watch() == WatchReport()


def test_what_was_asked_before_the_first_watch_stays_with_people(
    make: Make, community: Community, store: Store, clock: FakeClock
) -> None:
    old = ask(community)
    clock.forward(minutes=5)
    responder = make()
    responder.watch()
    harvested(store, community, old)

    assert responder.watch() == WatchReport()


def test_what_a_clock_of_next_year_decided_is_decided_again(
    make: Make, community: Community, store: Store, clock: FakeClock
) -> None:
    responder = make()
    responder.watch()
    topic_id = ask(community)
    now = clock.time
    clock.forward(days=365)
    [wrong] = responder.watch().decisions
    clock.time = now

    [right] = responder.watch().decisions

    assert (wrong.topic_id, wrong.is_silent) == (topic_id, True)
    assert (right.topic_id, right.state) == (topic_id, "posted")


# -- when nothing is decided -------------------------------------------------


def test_in_quiet_hours_and_in_a_pause_topics_wait_and_cost_nothing(
    make: Make, box: Sandbox, community: Community, store: Store, clock: FakeClock
) -> None:
    quiet = make(quiet_hours=parse_window("11:00-13:00"))
    quiet.watch()
    topic_id = ask(community)
    before = len(box.requests)

    assert quiet.watch().decisions == ()
    with store.transaction():
        store.pauses.start("forum", "to look at it", "operator", at=NOW)
    assert make().watch().decisions == ()
    assert reads(box, topic_id) == 0
    assert len(box.requests) - before <= 4

    with store.transaction():
        store.pauses.end("forum", at=NOW)
    assert [each.state for each in make().watch().decisions] == ["posted"]


# -- edits -------------------------------------------------------------------


def harvested(store: Store, community: Community, topic_id: TopicId) -> None:
    """What a harvest keeps of a topic, as it is now."""
    first = community.posts_of(topic_id)[0]
    document = Document(
        source="forum",
        kind=Kind.THREAD,
        key=str(topic_id),
        url=f"https://forum.example/t/{topic_id}",
        title=community.topics[topic_id].title,
        parts=(Part(1, first.cooked, created_at=NOW),),
        created_at=first.created_at,
    )
    stored = store.documents.find("forum", document.key)
    known = None if stored is None else stored.id
    with store.transaction():
        store.documents.apply(DocumentChange(document, known, "test-1"), walk=1)


def test_a_silent_decision_is_taken_again_when_the_question_was_rewritten(
    make: Make,
    box: Sandbox,
    store: Store,
    community: Community,
    find: Finder,
    clock: FakeClock,
) -> None:
    make().watch()
    topic_id = ask(community)
    found, find.hits = find.hits, []
    assert [each.is_silent for each in make().watch().decisions] == [True]
    harvested(store, community, topic_id)
    find.hits = found
    before = len(box.requests)
    assert make().watch().decisions == ()
    assert len(box.requests) == before + 1

    community.edit_post(
        community.posts_of(topic_id)[0].id, "How do I restore a backup of yesterday?"
    )
    harvested(store, community, topic_id)

    assert [each.state for each in make().watch().decisions] == ["posted"]
    assert make().watch().decisions == ()


# -- modes -------------------------------------------------------------------


def test_each_category_has_its_own_mode(
    forum: LiveForum,
    store: Store,
    find: Finder,
    box: Sandbox,
    community: Community,
    clock: FakeClock,
) -> None:
    community.add_category("Off topic", slug="off-topic")
    community.add_category("Trial", slug="trial")
    community.add_category("Team", slug="team")
    modes: dict[str, Mode] = {
        "off-topic": "off",
        "trial": "shadow",
        "team": "draft",
        "android": "public",
    }

    def mode_for(category: Sequence[str]) -> Mode:
        return next((modes[each] for each in category if each in modes), "shadow")

    responder = Responder(
        "forum",
        forum=forum,
        store=store,
        find=find,
        languages=["en"],
        settings=PolicySettings(BOT, 0.5),
        mode=mode_for,
        community="Example Forum",
        clock=clock,
        moderators=["root"],
    )
    responder.watch()
    topics = {
        slug: ask(community, f"{QUESTION} In {slug}", category=slug, user=f"u-{slug}")
        for slug in ("off-topic", "trial", "team", "android", "support")
    }

    responder.watch()
    once = {slug: reads(box, topic_id) for slug, topic_id in topics.items()}
    responder.watch()

    told = {
        slug: (decision_on(store, t).mode, decision_on(store, t).state)
        for slug, t in topics.items()
    }
    assert told == {
        "off-topic": ("off", "decided"),
        "trial": ("shadow", "decided"),
        "team": ("draft", "drafted"),
        "android": ("public", "posted"),
        "support": ("shadow", "decided"),
    }
    assert decision_on(store, topics["off-topic"]).is_silent
    assert {s for s, t in topics.items() if own_posts(community, t)} == {"android"}
    # What is decided, or switched off, is not read again.
    assert {s: reads(box, t) for s, t in topics.items()} == once


# -- clocks ------------------------------------------------------------------


@pytest.mark.parametrize("days", [-500, -1, 1])
def test_a_clock_that_jumps_makes_no_topic_wait_for_good(
    make: Make, community: Community, clock: FakeClock, store: Store, days: int
) -> None:
    make(grace=GRACE).watch()
    topic_id = ask(community)
    make(grace=GRACE).watch()
    asked_at = community.posts_of(topic_id)[0].created_at

    # The forum's clock goes with ours here; its stamps of before stay.
    clock.forward(days=days)
    reports = [make(grace=GRACE).watch()]
    clock.forward(days=1, minutes=20)
    reports.append(make(grace=GRACE).watch())
    clock.time = asked_at + timedelta(hours=1)
    reports.append(make(grace=GRACE).watch())

    decided = [each.state for report in reports for each in report.decisions]
    assert len(own_posts(community, topic_id)) <= 1
    assert decision_on(store, topic_id).state in {"posted", "decided", "waiting"}
    if days != -500:
        assert decided == ["posted"]


def test_names_and_titles_do_not_reach_the_log(
    make: Make, community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    make().watch()
    ask(community, "A title with a secret word in it", user="shy-person")

    with caplog.at_level("DEBUG", logger="bot"):
        make().watch()

    assert "secret" not in caplog.text
    assert "shy-person" not in caplog.text


def test_a_forum_that_is_ahead_of_the_harvest_is_read_again_by_that(
    make: Make, box: Sandbox, store: Store, community: Community, find: Finder
) -> None:
    make().watch()
    topic_id = ask(community)
    find.hits = []
    harvested(store, community, topic_id)
    community.edit_post(
        community.posts_of(topic_id)[0].id, "How do I restore a backup of yesterday?"
    )
    make().watch()
    make().watch()
    once = reads(box, topic_id)

    assert make().watch().decisions == ()

    assert reads(box, topic_id) == once
    [look] = store.looks.keys("forum")
    assert (look.key, look.reason) == (str(topic_id), "edited since it was read")


@pytest.mark.parametrize("how", ["deleted", "closed", "made private", "moved"])
def test_what_happens_to_a_topic_until_it_is_due_is_seen(
    make: Make, community: Community, clock: FakeClock, store: Store, how: str
) -> None:
    make(grace=GRACE).watch()
    topic_id = ask(community)
    other = ask(community, f"{QUESTION} Another", user="ben")
    make(grace=GRACE).watch()
    match how:
        case "deleted":
            community.delete_topic(topic_id)
        case "closed":
            community.set_status(topic_id, "closed", enabled=True)
        case "made private":
            community.privatise(topic_id)
        case "moved":
            community.set_category(topic_id, "staff")
    clock.forward(minutes=16)

    reports = [make(grace=GRACE).watch() for _ in range(2)]

    decisions = [each for report in reports for each in report.decisions]
    silent, posted = sorted(decisions, key=lambda decision: decision.topic_id)
    assert (silent.topic_id, silent.is_silent) == (topic_id, True)
    assert (posted.topic_id, posted.state) == (other, "posted")
    assert own_posts(community, topic_id) == []
