"""What happens to a topic while it is decided, and while a claim of it waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.config import Mode
from bot.deciding import ModeFor, Unwanted
from bot.forum import LiveForum
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.sandbox import Community, Sandbox
from bot.topic import TopicView, marker
from bot.windows import parse_window
from kb.errors import ConfigError, ForumRejectedError
from kb.question import Question
from kb.store import Decision, Store
from kb.types import Kind, SearchHit, TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import hit
from tests.bot.test_forum import QUESTION, ask, own_posts

Act = Callable[[TopicId], object]
REWRITTEN = "Never mind. What is the colour of the sky on planet Mars at noon, please?"
REFUSED = b'{"errors":["You are not permitted to do that."],"error_type":"no"}'


class Meanwhile:
    """Finds the same for every topic; what *act* does to one happens meanwhile."""

    def __init__(self) -> None:
        self.act: Act = lambda topic_id: None
        self.hits: Sequence[SearchHit] = [hit()]

    def __call__(self, topic: TopicView, question: Question) -> Sequence[SearchHit]:
        self.act(topic.id)
        return self.hits


def welcome(topic: TopicView) -> str:
    return ""


@pytest.fixture
def find() -> Meanwhile:
    return Meanwhile()


class Make:
    """Responders over one forum and clock; of the ledger at *store*."""

    def __init__(
        self, forum: LiveForum, store: Store, find: Meanwhile, clock: FakeClock
    ) -> None:
        self.store = store
        self._forum, self._find, self._clock = forum, find, clock

    def __call__(
        self,
        mode: Mode | ModeFor = "public",
        *,
        unwanted: Unwanted = welcome,
        **settings: Any,
    ) -> Responder:
        return Responder(
            "forum",
            forum=self._forum,
            store=self.store,
            find=self._find,
            languages=["en"],
            settings=PolicySettings(BOT, 0.5, **settings),
            mode=mode,
            community="Example Forum",
            clock=self._clock,
            moderators=["root"],
            unwanted=unwanted,
        )

    def decision(self, topic_id: TopicId) -> Decision:
        found = self.store.ledger.get("forum", topic_id)
        assert found is not None
        return found


@pytest.fixture
def make(forum: LiveForum, store: Store, find: Meanwhile, clock: FakeClock) -> Make:
    return Make(forum, store, find, clock)


def claimed(make: Make, box: Sandbox, topic_id: TopicId, mode: Mode = "public") -> None:
    """A claim whose reply the forum did not take yet."""
    box.faults.limit_next(1, path="/posts.json", wait_s=30)
    make(mode).watch()
    assert make.decision(topic_id).state == "claimed"


def solve(community: Community, topic_id: TopicId) -> None:
    answer = community.add_post(topic_id, "Use cron and pg_dump for it.", user="ben")
    community.solve(answer.id)


def happen(community: Community, how: str) -> Act:
    """What members and moderators do to a topic."""

    def act(topic_id: TopicId) -> None:
        match how:
            case "answered":
                said = "See https://docs.example/the-answer for how it is done."
                community.add_post(topic_id, said, user="ben")
            case "solved":
                solve(community, topic_id)
            case "merged away":
                other = ask(community, "Another topic of the same sort here")
                posts = [post.id for post in community.posts_of(topic_id)]
                community.move_posts(posts, to_topic=other)
            case "tagged":
                community.set_tags(topic_id, ["no-bot"])
            case "moved":
                community.set_category(topic_id, "staff")
            case "unlisted":
                community.set_status(topic_id, "visible", enabled=False)
            case _:
                community.set_status(topic_id, how, enabled=True)

    return act


# -- while it is decided -------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("answered", "a member has answered (post 2: it has a link)"),
        ("solved", "it is already solved"),
        ("merged away", "it is closed"),
        ("tagged", "it has a tag that is excluded, no-bot"),
        ("moved", "its category is not public"),
        ("unlisted", "it is not listed"),
        ("closed", "it is closed"),
        ("archived", "it is archived"),
    ],
)
def test_what_happens_to_a_topic_while_it_is_decided_is_seen(
    make: Make, community: Community, find: Meanwhile, how: str, reason: str
) -> None:
    # As a moderator the account could post all the same.
    community.user(BOT).moderator = True
    find.act = happen(community, how)
    topic_id = ask(community)

    decision = make(exclude_tags=["no-bot"]).respond(topic_id)

    assert (decision.state, decision.is_silent) == ("decided", True)
    assert decision.reasons[0] == reason
    assert own_posts(community, topic_id) == []
    assert make.decision(topic_id).reasons == decision.reasons


def test_a_question_that_is_rewritten_while_it_is_decided_is_decided_again(
    make: Make, community: Community, find: Meanwhile, clock: FakeClock
) -> None:
    def rewrite(topic_id: TopicId) -> None:
        clock.forward(seconds=20)
        community.edit_post(community.posts_of(topic_id)[0].id, REWRITTEN)

    settle = timedelta(minutes=5)
    make(settle=settle).watch()
    find.act, topic_id = rewrite, ask(community)

    assert make(settle=settle).watch().decisions == ()

    waiting = make.decision(topic_id)
    assert (waiting.state, waiting.due_at, waiting.body, waiting.suggestions) == (
        "waiting",
        clock() + settle,
        None,
        (),
    )
    assert waiting.reasons == ("it was rewritten while it was decided",)
    find.act = lambda topic_id: None
    clock.forward(minutes=5)
    assert [each.state for each in make(settle=settle).watch().decisions] == ["posted"]


def test_a_topic_that_moves_to_where_another_mode_holds_is_decided_by_that(
    make: Make, community: Community, find: Meanwhile, box: Sandbox
) -> None:
    def mode(category: Sequence[str]) -> Mode:
        return "whisper" if "android" in category else "public"

    community.user(BOT).moderator = True
    make(mode).watch()
    find.act = lambda topic_id: community.set_category(topic_id, "android")
    topic_id = ask(community)

    assert make(mode).watch().decisions == ()
    assert make.decision(topic_id).reasons == ("the mode is whisper now",)

    [decision] = make(mode).watch().decisions
    assert (decision.state, decision.mode) == ("posted", "whisper")


def test_who_wants_no_answers_any_more_gets_none(
    make: Make, community: Community, box: Sandbox
) -> None:
    said = iter(["", "its author wants no answers"])
    make().watch()
    topic_id = ask(community)

    decision = make(unwanted=lambda _topic: next(said)).respond(topic_id)

    assert decision.reasons == ("its author wants no answers",)
    second = ask(community, f"{QUESTION} Second", user="ben")
    claimed(make, box, second)
    [refused] = make(unwanted=lambda _topic: "its author left").reconcile()
    assert (refused.state, refused.reasons[-1]) == (
        "refused",
        "never posted, and now its author left",
    )
    assert own_posts(community, topic_id) == own_posts(community, second) == []


def test_the_last_look_costs_no_request_of_its_own(
    make: Make, community: Community, box: Sandbox
) -> None:
    topic_id = ask(community)

    make().respond(topic_id)

    topic = f"GET /t/{topic_id}.json?include_raw=true"
    assert box.requests == [
        topic,
        "GET /site.json",
        topic,
        "GET /site.json",
        f"GET /posts/{BOT}/pending.json",
        "POST /posts.json",
    ]


@pytest.mark.parametrize("what", ["topic", "link"])
def test_a_category_that_was_closed_to_the_public_a_moment_ago_is_private(
    make: Make, community: Community, box: Sandbox, find: Meanwhile, what: str
) -> None:
    """To the bot, too: who may read what is not taken from minutes ago."""
    community.user(BOT).moderator = True
    old = ask(community, "An older thread about it", category="android", user="ben")
    link = hit(
        2,
        kind=Kind.THREAD,
        source="forum",
        key=str(old),
        url=f"{box.url}/t/{old}",
        text="Please help.",
    )
    find.hits = [link]
    first = make().respond(ask(community))
    assert first.state == "posted"

    def close(_topic_id: TopicId) -> None:
        closed = "support" if what == "topic" else "android"
        for category in community.categories.values():
            if category.slug == closed:
                category.read_restricted = True

    find.act = close
    decision = make().respond(ask(community, f"{QUESTION} Second", user="ben"))

    assert (decision.state, decision.is_silent) == ("decided", True)
    assert "not public" in " ".join(decision.reasons)


# -- merged and split ----------------------------------------------------------


def test_merged_topics_get_one_reply(
    make: Make, community: Community, clock: FakeClock
) -> None:
    make().watch()
    answered, topic_id = ask(community), ask(community, f"{QUESTION} B", user="ben")
    make().respond(answered)
    posts = [post.id for post in community.posts_of(answered)]
    community.move_posts(posts, to_topic=topic_id)

    [*_, decision] = make().watch().decisions

    assert decision.reasons == ("the bot has already answered",)
    assert len(own_posts(community, topic_id)) == 1


def test_a_reply_far_down_a_merged_topic_counts_for_a_new_one_and_for_a_claim(
    make: Make, community: Community, box: Sandbox
) -> None:
    make().watch()
    topic_id = ask(community)
    claimed(make, box, topic_id)
    second = ask(community, f"{QUESTION} B", user="ben")
    for where in (topic_id, second):
        for number in range(25):
            community.add_post(where, f"The same here, {number}.", user="ben")
        moved = f"Look there.\n\n{marker(TopicId(999))}"
        community.add_post(where, moved, user=BOT, literal=True)

    [refused] = make().reconcile()

    assert refused.state == "refused"
    assert refused.reasons[-1] == "never posted, and now the bot has already answered"
    assert make().respond(second).reasons == ("the bot has already answered",)


def test_a_reply_that_waits_for_approval_in_a_merged_topic_counts(
    make: Make, community: Community
) -> None:
    topic_id = ask(community)
    waiting = f"Look there.\n\n{marker(TopicId(999))}"
    community.enqueue(BOT, waiting, topic_id=topic_id, title=None)

    assert make().respond(topic_id).reasons == ("the bot has already answered",)


def test_a_claim_knows_its_own_reply_beside_that_of_another_topic(
    make: Make, community: Community, box: Sandbox
) -> None:
    make().watch()
    topic_id = ask(community)
    claimed(make, box, topic_id)
    for where in (TopicId(999), topic_id):
        community.add_post(topic_id, f"Look.\n\n{marker(where)}", user=BOT)

    [settled] = make().reconcile()

    mine = community.posts_of(topic_id)[-1].id
    assert (settled.state, settled.post_id) == ("posted", mine)


# -- while a claim waits -------------------------------------------------------


def test_a_claim_keeps_quiet_hours(
    make: Make, community: Community, box: Sandbox, clock: FakeClock
) -> None:
    make().watch()
    topic_id = ask(community)
    claimed(make, box, topic_id)
    quiet = parse_window("13:00-20:00")
    clock.forward(hours=2)

    assert make(quiet_hours=quiet).reconcile() == ()
    clock.forward(hours=7)

    assert [d.state for d in make(quiet_hours=quiet).reconcile()] == ["posted"]


def test_a_claim_of_another_question_is_not_posted(
    make: Make, community: Community, box: Sandbox
) -> None:
    make().watch()
    topic_id = ask(community)
    claimed(make, box, topic_id)
    community.edit_post(community.posts_of(topic_id)[0].id, REWRITTEN)

    [refused] = make().reconcile()

    assert refused.reasons[-1] == "never posted, and now its question was rewritten"
    assert own_posts(community, topic_id) == []


@pytest.mark.parametrize(
    "answer",
    [
        (403, b'{"errors":["Interdit."],"error_type":"invalid_access"}'),
        (404, b"<html>no such page at this gateway</html>"),
    ],
)
def test_what_a_firewall_says_settles_no_claim(
    make: Make, community: Community, box: Sandbox, answer: tuple[int, bytes]
) -> None:
    make().watch()
    topic_id = ask(community)
    claimed(make, box, topic_id)
    status, body = answer
    box.faults.fail_next(9, path=f"/t/{topic_id}", status=status, body=body)
    for _ in range(3):
        assert make().reconcile() == ()
    box.faults.clear()

    assert [each.state for each in make().reconcile()] == ["posted"]


def test_what_a_firewall_says_ends_no_reply_that_waited_for_a_moderator(
    make: Make, community: Community, box: Sandbox
) -> None:
    box.settings = replace(box.settings, approve_posts_of=frozenset({BOT}))
    topic_id = ask(community)
    assert make().respond(topic_id).state == "queued"
    community.approve(community.pending[0].id)
    box.faults.fail_next(3, path=f"/t/{topic_id}", status=403, body="<html>no</html>")
    for _ in range(3):
        assert make().reconcile() == ()

    assert [each.state for each in make().reconcile()] == ["posted"]


def test_a_whisper_that_one_topic_does_not_take_holds_up_nothing(
    make: Make, community: Community, box: Sandbox
) -> None:
    community.user(BOT).moderator = True
    make("whisper").watch()
    topic_id = ask(community)
    claimed(make, box, topic_id, "whisper")
    later = ask(community, f"{QUESTION} Second", user="ben")
    refuse = {"path": "/posts.json", "method": "POST", "status": 403, "body": REFUSED}
    box.faults.fail_next(**refuse)  # type: ignore[arg-type]

    # As long as nobody knows whether it may whisper anywhere, that is told.
    with pytest.raises(ConfigError, match="whispers_allowed_groups"):
        make("whisper").watch()
    assert make.decision(later).state == "waiting"

    box.faults.alter(read_only, f"/t/{topic_id}.json")
    box.faults.fail_next(**refuse)  # type: ignore[arg-type]
    report = make("whisper").watch()

    assert [(d.topic_id, d.state) for d in report.reconciled] == [(topic_id, "refused")]
    assert [(d.topic_id, d.state) for d in report.decisions] == [(later, "posted")]
    third = ask(community, f"{QUESTION} Third", user="root")
    box.faults.fail_next(**refuse)  # type: ignore[arg-type]
    assert make("whisper").respond(third).state == "refused"


def test_claims_that_the_account_may_not_send_hold_up_no_other(
    make: Make, community: Community, box: Sandbox
) -> None:
    community.user(BOT).moderator = True
    make("whisper").watch()
    topics = [ask(community), ask(community, f"{QUESTION} Second", user="ben")]
    for topic_id in topics:
        decision = make("whisper").consider(topic_id)
        with make.store.transaction():
            make.store.ledger.record(replace(decision, state="claimed"))
    box.faults.fail_next(path="/posts.json", method="POST", status=403, body=REFUSED)

    with pytest.raises(ConfigError, match="whispers_allowed_groups"):
        make("whisper").reconcile()

    states = [make.decision(topic_id).state for topic_id in topics]
    assert states == ["claimed", "posted"]


def read_only(topic: dict[str, Any]) -> object:
    topic["details"].pop("can_create_post")
    return topic


# -- a new machine -------------------------------------------------------------


def test_of_a_reply_of_before_is_kept_what_it_says(
    make: Make, community: Community, find: Meanwhile, tmp_path: Path
) -> None:
    find.hits = [hit(1), hit(2)]
    topic_id = ask(community)
    make().respond(topic_id)
    find.hits = [hit(2), hit(7)]

    with Store.open(tmp_path / "new.db") as fresh:
        make.store = fresh
        adopted = make().respond(topic_id)

    assert [adopted.body] == own_posts(community, topic_id)
    assert [each["key"] for each in adopted.suggestions] == ["page-2"]


def test_who_may_not_see_what_waits_for_a_moderator_answers_nothing(
    make: Make, community: Community, box: Sandbox, tmp_path: Path
) -> None:
    box.settings = replace(box.settings, approve_posts_of=frozenset({BOT}))
    topic_id = ask(community)
    assert make().respond(topic_id).state == "queued"
    box.faults.fail_next(9, path=f"/posts/{BOT}/pending", status=403, body=REFUSED)

    with Store.open(tmp_path / "new.db") as fresh:
        make.store = fresh
        with pytest.raises(ForumRejectedError):
            make().respond(topic_id)
        assert fresh.ledger.claimed("forum") == []

    assert len(community.pending) == 1
