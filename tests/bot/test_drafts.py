"""Drafts: shown to the moderators once, posted when they say so, and not otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.config import Mode
from bot.draft_text import TITLE, draft_text
from bot.forum import LiveForum
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.sandbox import Community, Sandbox
from bot.sandbox.records import Post
from bot.topic import marker
from kb.errors import ConfigError, ForumUnavailableError, NotFoundError
from kb.store import Decision, Store
from kb.types import TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW, hit
from tests.bot.test_forum import QUESTION, ask, own_posts
from tests.bot.test_posting import react_with
from tests.bot.test_responder import Finder

Make = Callable[..., Responder]


@pytest.fixture
def find() -> Finder:
    return Finder()


@pytest.fixture
def make(forum: LiveForum, store: Store, find: Finder, clock: FakeClock) -> Make:
    def responder(
        mode: Mode = "draft", moderators: Sequence[str] = ("root",), **settings: Any
    ) -> Responder:
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
            moderators=moderators,
        )

    return responder


def shown(community: Community) -> list[Post]:
    """The drafts on the forum, in order."""
    bot = community.user(BOT).id
    return [
        post
        for post in community.posts.values()
        if post.user_id == bot and community.topics[post.topic_id].private
    ]


def state_of(store: Store, topic_id: TopicId) -> str:
    decision = store.ledger.get("forum", topic_id)
    assert decision is not None
    return decision.state


def test_a_draft_is_shown_to_the_moderators_and_nothing_is_posted(
    make: Make, community: Community, store: Store, box: Sandbox
) -> None:
    topic_id = ask(community)
    community.notifications.clear()

    decision = make().respond(topic_id)

    [post] = shown(community)
    message = community.topics[post.topic_id]
    assert decision.state == "drafted"
    assert message.title == TITLE
    assert message.recipients == {community.user("root").id}
    assert post.raw == draft_text(
        decision,
        str(topic_id),
        url=f"{box.url}/t/{topic_id}",
        expires=NOW.replace(day=3),
    )
    assert own_posts(community, topic_id) == []
    assert store.ledger.get("forum", topic_id) == replace(decision, updated_at=NOW)
    # Nobody but the moderators hears of it: neither the asker nor whom it links.
    assert {n.user_id for n in community.notifications} == {community.user("root").id}


def test_all_drafts_stand_in_one_private_message(
    make: Make, community: Community
) -> None:
    for number in range(5):
        make().respond(ask(community, f"{QUESTION} Number {number}", user=f"u{number}"))

    posts = shown(community)
    assert len(posts) == 5
    assert len({post.topic_id for post in posts}) == 1


def test_a_draft_that_is_liked_is_posted(
    make: Make, community: Community, store: Store
) -> None:
    topic_id = ask(community)
    draft = make().respond(topic_id)
    assert make().watch().drafts == ()

    community.like(shown(community)[0].id, "root")
    [posted] = make().watch().drafts

    assert (posted.state, posted.mode) == ("posted", "draft")
    assert posted.reasons[-1] == "a moderator approved it"
    assert own_posts(community, topic_id) == [draft.body]
    assert make().watch().drafts == ()
    assert store.messages.in_state("forum", "closed", purpose="draft")


REJECTIONS = ["thumb", "deleted", "withdrawn"]


@pytest.mark.parametrize("how", REJECTIONS)
def test_a_draft_that_is_rejected_is_never_posted(
    make: Make, community: Community, box: Sandbox, store: Store, how: str
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)
    [post] = shown(community)
    # One moderator is for it and another against it: it is not posted.
    community.like(post.id, "root")
    match how:
        case "thumb":
            reaction: dict[str, object] = {"id": "-1", "type": "emoji", "count": 1}
            box.faults.alter(
                react_with(post.id, [reaction]), f"/t/{post.topic_id}/posts.json"
            )
        case "deleted":
            community.add_post(post.topic_id, "A word about this one.", user="root")
            make().respond(ask(community, f"{QUESTION} Second"))
            post = shown(community)[1]
            topic_id = TopicId(community.last_topic_id)
            community.delete_post(post.id)
        case "withdrawn":
            community.withdraw_post(post.id)

    make().watch()
    # What is not there may be so for a moment.
    assert state_of(store, topic_id) == ("drafted" if how == "deleted" else "rejected")
    make().watch()

    assert state_of(store, topic_id) == "rejected"
    assert own_posts(community, topic_id) == []
    assert make().respond(topic_id).state == "rejected"


def test_a_draft_expires(
    make: Make, community: Community, clock: FakeClock, store: Store
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)
    clock.forward(days=2, seconds=1)
    community.like(shown(community)[0].id, "root")

    [expired] = make().watch().drafts

    assert expired.state == "expired"
    assert expired.reasons[-1] == "no moderator approved it in time"
    assert own_posts(community, topic_id) == []


def change(community: Community, find: Finder, topic_id: TopicId, how: str) -> None:
    match how:
        case "closed":
            community.set_status(topic_id, "closed", enabled=True)
        case "deleted":
            community.delete_topic(topic_id)
        case "made private":
            community.privatise(topic_id)
        case "solved":
            answer = community.add_post(topic_id, "Use cron for that.", user="ben")
            community.solve(answer.id, by="amina")
        case "found otherwise":
            find.hits = [hit(2)]
        case "found no more":
            find.hits = []


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("closed", "but it is closed"),
        ("deleted", "but its topic cannot be read: 404"),
        ("made private", "but its topic cannot be read: 404"),
        ("solved", "but it is already solved"),
        ("found otherwise", "but it would lead elsewhere than what was shown"),
        ("found no more", "but the search found nothing to link"),
    ],
)
def test_a_draft_that_does_not_hold_any_more_is_not_posted(
    make: Make, community: Community, find: Finder, how: str, reason: str
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)
    change(community, find, topic_id, how)
    community.like(shown(community)[0].id, "root")

    drafts = make().watch().drafts
    if how in {"deleted", "made private"}:
        assert drafts == ()
        drafts = make().watch().drafts

    [decision] = drafts
    assert (decision.state, decision.is_silent) == ("decided", True)
    assert decision.reasons[:2] == ("a moderator approved it", reason)
    assert own_posts(community, topic_id) == []


def test_a_draft_of_which_a_link_has_left_is_posted_without_it(
    make: Make, community: Community, find: Finder
) -> None:
    find.hits = [hit(1), hit(2)]
    topic_id = ask(community)
    make().respond(topic_id)
    find.hits = [hit(2)]

    posted = make().drafts.approve(topic_id)

    [body] = own_posts(community, topic_id)
    assert posted.body == body
    assert "page-2" in body
    assert "page-1" not in body


def test_a_private_message_that_is_closed_or_gone_is_followed_by_a_new_one(
    make: Make, community: Community
) -> None:
    first = ask(community)
    make().respond(first)
    community.set_status(shown(community)[0].topic_id, "closed", enabled=True)
    make().respond(ask(community, f"{QUESTION} Second"))
    community.delete_topic(shown(community)[1].topic_id)
    make().respond(ask(community, f"{QUESTION} Third"))

    assert len({post.topic_id for post in shown(community)}) == 3


def test_a_new_ledger_goes_on_in_the_same_private_message(
    make: Make, community: Community, store: Store
) -> None:
    make().respond(ask(community))
    with store.transaction():
        store.db.conn.execute("DELETE FROM messages")
        store.db.conn.execute("DELETE FROM decisions")

    make().respond(ask(community, f"{QUESTION} Second"))

    assert len({post.topic_id for post in shown(community)}) == 1


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("fault", ["drop", "lose"])
def test_a_draft_whose_answer_got_lost_is_shown_once(
    make: Make,
    community: Community,
    box: Sandbox,
    clock: FakeClock,
    fault: str,
    number: int,
) -> None:
    if number == 2:
        make().respond(ask(community, f"{QUESTION} Earlier"))
    topic_id = ask(community)
    lost, dropped = fault == "lose", fault == "drop"
    box.faults.fail_next(path="/posts.json", method="POST", lose=lost, drop=dropped)
    if fault == "drop":
        with pytest.raises(ForumUnavailableError):
            make().respond(topic_id)
    else:
        make().respond(topic_id)
    clock.forward(minutes=5)

    make().watch()
    make().watch()

    assert len(shown(community)) == number


def test_a_draft_that_nobody_may_approve_any_more_is_not_shown(
    make: Make, community: Community, box: Sandbox, store: Store, clock: FakeClock
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", drop=True)
    with pytest.raises(ForumUnavailableError):
        make().respond(topic_id)
    decision = store.ledger.get("forum", topic_id)
    assert decision is not None
    with store.transaction():
        store.ledger.record(replace(decision, state="decided", body=""))
    clock.forward(minutes=5)

    assert make().drafts.settle() == 0

    assert shown(community) == []
    [message] = store.messages.in_state("forum", "closed")
    assert message.key == str(topic_id)


def test_moderators_who_are_nobody_are_a_mistake_of_the_config(
    make: Make, community: Community, store: Store
) -> None:
    topic_id = ask(community)

    with pytest.raises(ConfigError, match=r"bot\.moderators: expected groups or memb"):
        make(moderators=["nobody"]).respond(topic_id)

    assert shown(community) == []
    make().watch()
    assert len(shown(community)) == 1
    assert state_of(store, topic_id) == "drafted"


def test_drafts_stay_within_the_quotas(make: Make, community: Community) -> None:
    topics = [ask(community, f"{QUESTION} Number {n}", user=f"u{n}") for n in range(4)]

    decisions = [make(max_replies_per_hour=2).respond(each) for each in topics]

    assert [each.state for each in decisions] == ["drafted"] * 2 + ["decided"] * 2
    assert len(shown(community)) == 2


def test_a_paused_bot_shows_and_posts_no_draft(
    make: Make, community: Community, store: Store
) -> None:
    first, second = ask(community), ask(community, f"{QUESTION} Second")
    make().respond(first)
    community.like(shown(community)[0].id, "root")
    with store.transaction():
        store.pauses.start("forum", "too many wrong links", "staff", at=NOW)

    assert make().respond(second).reasons == ("the bot is paused",)
    assert make().watch().drafts == ()
    assert own_posts(community, first) == []

    with store.transaction():
        store.pauses.end("forum", at=NOW)
    assert [each.state for each in make().watch().drafts] == ["posted"]


def test_what_is_no_draft_can_be_neither_approved_nor_rejected(
    make: Make, community: Community
) -> None:
    topic_id = ask(community)
    with pytest.raises(NotFoundError):
        make().drafts.approve(topic_id)

    make(mode="public").respond(topic_id)
    with pytest.raises(NotFoundError):
        make().drafts.reject(topic_id)


def test_approved_while_another_process_works_it_is_left_to_that(
    make: Make, community: Community
) -> None:
    topic_id = ask(community)
    make().respond(topic_id)

    claimed = make().drafts.approve(topic_id, at_once=False)

    assert claimed.state == "claimed"
    assert own_posts(community, topic_id) == []
    assert [each.state for each in make().watch().reconciled] == ["posted"]
    assert len(own_posts(community, topic_id)) == 1


def test_a_draft_shows_wild_words_as_words_and_ends_its_quote_itself() -> None:
    decision = Decision(
        forum="forum",
        topic_id=TopicId(7),
        title="Ask @ben [x](https://evil.example) https://evil.example",
        mode="draft",
        state="drafted",
        reasons=("left out https://x.example/a: it says @here",),
        decided_at=NOW,
        body=f"Look.\n\n[quote]\na\n[/quote]\n[/quote]\n@ben\n\n{marker(TopicId(7))}",
    )

    text = draft_text(decision, "7", url="https://forum.example/t/7", expires=NOW)

    assert text.count("[quote]") == text.count("[/quote]") == 2
    assert text.endswith("<!-- baraza:draft=7 -->")
    assert marker(TopicId(7)) not in text
    outside = text.replace(text[text.index("[quote]") : text.rindex("[/quote]")], "")
    assert "@ben" not in outside
    assert "@here" not in outside
    assert "](https://evil" not in outside
