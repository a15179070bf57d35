"""At most once, whatever the forum answers: each way of not knowing is reconciled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.forum import LiveForum, Place, Reply, Votes
from bot.sandbox import Community, PostType, Sandbox
from bot.topic import marker
from kb.errors import ConfigError, ForumReadOnlyError, ForumRejectedError
from kb.store import Store
from kb.types import PostId, TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW
from tests.bot.test_forum import QUESTION, ask, own_posts, text_for
from tests.bot.test_responder import (
    Make,
    claim,
    find,
    make,
    posts_sent,
)

__all__ = ["find", "make"]  # Fixtures.


# -- what a moderator must approve ------------------------------------------


def queue_one(
    make: Make, box: Sandbox, community: Community, clock: FakeClock
) -> TopicId:
    box.settings = replace(box.settings, approve_posts_of=frozenset({BOT}))
    topic_id = ask(community)
    assert make().respond(topic_id).state == "queued"
    clock.forward(minutes=5)
    assert make().reconcile() == ()
    return topic_id


def test_a_queued_reply_that_is_approved_is_posted(
    make: Make, box: Sandbox, community: Community, clock: FakeClock
) -> None:
    topic_id = queue_one(make, box, community, clock)
    post = community.approve(community.pending[0].id)

    [settled] = make().reconcile()

    assert (settled.state, settled.post_id) == ("posted", post.id)
    assert settled.post_url == f"{box.url}/t/{topic_id}/2"
    assert posts_sent(box) == 1


def test_a_queued_reply_that_is_not_approved_is_refused_for_good(
    make: Make, box: Sandbox, community: Community, clock: FakeClock
) -> None:
    topic_id = queue_one(make, box, community, clock)
    community.pending.clear()
    box.settings = replace(box.settings, approve_posts_of=frozenset())

    [settled] = make().reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1] == "a moderator did not approve it"
    assert make().respond(topic_id) == settled
    assert own_posts(community, topic_id) == []


# -- what the forum answers --------------------------------------------------


def test_a_text_that_is_too_similar_to_itself_was_posted(
    box: Sandbox, forum: LiveForum, community: Community, clock: FakeClock
) -> None:
    """The first post arrived unseen, and its memo is gone."""
    topic_id = ask(community)
    mine = community.add_post(topic_id, text_for(topic_id), user=BOT, literal=True)
    clock.forward(minutes=3)

    reply = forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert reply == Reply(PostId(mine.id), f"{box.url}/t/{topic_id}/2")
    assert len(own_posts(community, topic_id)) == 1


def test_too_many_replies_in_a_row_are_refused_for_good(
    make: Make, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    box.settings = replace(box.settings, max_consecutive_replies=1)
    community.add_post(topic_id, "Something that the bot's owner wrote.", user=BOT)

    decision = make().respond(topic_id)

    assert decision.state == "refused"
    assert "No more than 1 consecutive replies" in decision.reasons[-1]
    assert len(own_posts(community, topic_id)) == 1


def test_a_forum_that_is_read_only_gets_the_reply_afterwards(
    make: Make, box: Sandbox, community: Community, store: Store
) -> None:
    topic_id = ask(community)
    box.settings = replace(box.settings, read_only=True)
    with pytest.raises(ForumReadOnlyError):
        make().respond(topic_id)
    assert len(store.ledger.claimed("forum")) == 1

    box.settings = replace(box.settings, read_only=False)

    assert [each.state for each in make().reconcile()] == ["posted"]
    assert len(own_posts(community, topic_id)) == 1


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_key_that_was_revoked_is_no_fault_of_the_topic(
    make: Make,
    box: Sandbox,
    community: Community,
    store: Store,
    when: str,
) -> None:
    make().watch()
    topic_id = ask(community)
    bad = b'{"errors":["The API username or key is invalid."]}'
    if when == "before":
        box.desk.keys.revoke(box.key_for(BOT))
    else:
        box.faults.fail_next(path="/posts.json", method="POST", status=403, body=bad)

    with pytest.raises(ConfigError, match=r"bot\.api_key_env: expected a key"):
        make().watch()

    assert len(store.ledger.claimed("forum")) == (when == "between")
    if when == "between":
        assert [each.state for each in make().reconcile()] == ["posted"]
        assert len(own_posts(community, topic_id)) == 1


def test_a_forum_at_another_address_refuses_no_topic(
    make: Make, box: Sandbox, community: Community, store: Store
) -> None:
    moved = {"Location": "https://new.example/posts.json"}
    box.faults.fail_next(
        path="/posts.json", method="POST", status=301, headers=moved, body=""
    )

    with pytest.raises(ConfigError, match=r"bot\.forum: expected the address"):
        make().respond(ask(community))

    assert len(store.ledger.claimed("forum")) == 1


# -- whispers ----------------------------------------------------------------


def test_a_whisper_is_for_those_who_may_read_it(
    make: Make, box: Sandbox, community: Community, forum: LiveForum
) -> None:
    community.user(BOT).moderator = True
    topic_id = ask(community)

    decision = make("whisper").respond(topic_id)

    post = community.posts_of(topic_id)[1]
    assert (decision.state, decision.mode) == ("posted", "whisper")
    assert post.type is PostType.WHISPER
    assert make("whisper").respond(topic_id) == decision


def test_who_may_not_whisper_is_told_the_setting(
    make: Make, community: Community, store: Store
) -> None:
    topic_id = ask(community)

    with pytest.raises(ConfigError, match=r"bot\.mode: .* whispers_allowed_groups"):
        make("whisper").respond(topic_id)

    assert own_posts(community, topic_id) == []
    community.user(BOT).moderator = True
    assert [each.state for each in make("whisper").reconcile()] == ["posted"]


def test_a_claimed_whisper_is_not_said_aloud(
    make: Make, community: Community, store: Store
) -> None:
    topic_id = ask(community)
    claim(store, make("whisper").consider(topic_id))

    [settled] = make("public").reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1] == (
        "never posted, and now its mode is public, and was whisper"
    )
    assert own_posts(community, topic_id) == []


def test_a_claim_whose_words_were_forgotten_is_never_sent(
    make: Make, box: Sandbox, community: Community, store: Store
) -> None:
    topic_id = ask(community)
    claim(store, replace(make().consider(topic_id), body=""))

    [settled] = make().reconcile()

    assert (settled.state, settled.reasons[-1]) == (
        "refused",
        "never posted, and what it said is forgotten",
    )
    assert posts_sent(box) == 0


def test_a_reply_whose_words_were_forgotten_is_found_and_looked_after(
    make: Make, forum: LiveForum, community: Community, store: Store
) -> None:
    topic_id = ask(community)
    decided = make().consider(topic_id)
    assert decided.body is not None
    forum.reply(topic_id, decided.body, marker(topic_id), whisper=False)
    gone = {"url": "https://docs.example/page-1", "forgotten": True}
    claim(store, replace(decided, body="", suggestions=(gone,)))

    [settled] = make().reconcile()

    assert (settled.state, settled.body) == ("posted", "")
    assert list(settled.suggestions) == [gone]


# -- a new machine -----------------------------------------------------------


def test_its_reply_is_found_that_was_hidden_by_flags(
    make: Make, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    mine = community.add_post(topic_id, f"Earlier.\n\n{marker(topic_id)}", user=BOT)
    community.hide_post(mine.id)

    assert make().respond(topic_id).state == "posted"
    assert posts_sent(box) == 0


def test_its_reply_is_found_that_was_withdrawn(
    make: Make, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    mine = community.add_post(topic_id, f"Earlier.\n\n{marker(topic_id)}", user=BOT)
    community.withdraw_post(mine.id)

    decision = make().respond(topic_id)

    assert (decision.state, decision.post_id) == ("withdrawn", mine.id)
    assert make().respond(topic_id) == decision
    assert posts_sent(box) == 0


def test_its_reply_is_found_that_it_wrote_under_another_name(
    make: Make, box: Sandbox, community: Community, store: Store
) -> None:
    topic_id = ask(community)
    mine = community.add_post(topic_id, f"Earlier.\n\n{marker(topic_id)}", user=BOT)
    # The topic still names the account as it was called.
    box.faults.alter(rename, f"/t/{topic_id}.json")

    assert make().respond(topic_id).post_id == mine.id
    assert posts_sent(box) == 0


def rename(topic: dict[str, dict[str, list[dict[str, object]]]]) -> object:
    for post in topic["post_stream"]["posts"]:
        if post["username"] == BOT:
            post["username"] = "old-name"
    return topic


def test_a_gap_from_before_this_ledger_may_have_been_its_reply(
    make: Make, box: Sandbox, community: Community, clock: FakeClock
) -> None:
    old = ask(community)
    removed = community.add_post(old, f"Earlier.\n\n{marker(old)}", user=BOT)
    community.delete_post(removed.id)
    community.add_post(old, "The same here, since last month.", user="ben")
    clock.forward(minutes=1)
    make().watch()
    new = ask(community, f"{QUESTION} Later")
    spam = community.add_post(new, "Buy something that nobody needs.", user="ben")
    community.delete_post(spam.id)
    community.add_post(new, "The same here, since yesterday.", user="ben")

    silent, posted = make().respond(old), make().respond(new)

    assert silent.reasons == (
        "a post was removed before this ledger began, and it may have been a reply "
        "of the bot",
    )
    # Who has watched since before a topic began knows what was its own.
    assert posted.state == "posted"
    assert posts_sent(box) == 1


# -- pauses and clocks -------------------------------------------------------


def test_a_paused_bot_posts_nothing_and_says_why(
    make: Make, box: Sandbox, community: Community, store: Store
) -> None:
    claim(store, make().consider(ask(community)))
    with store.transaction():
        store.pauses.start("forum", "stop it", "operator", at=NOW)

    decision = make().respond(ask(community, f"{QUESTION} Second"))

    assert decision.reasons == ("the bot is paused",)
    assert make().reconcile() == ()
    assert posts_sent(box) == 0
    with store.transaction():
        store.pauses.end("forum", at=NOW)
    assert [each.state for each in make().reconcile()] == ["posted"]


@pytest.mark.parametrize("days", [-400, -1, 1])
def test_a_clock_that_jumps_doubles_no_reply_and_closes_no_quota_for_good(
    make: Make, box: Sandbox, community: Community, clock: FakeClock, days: int
) -> None:
    responder = make(max_replies_per_hour=1, max_replies_per_author=9)
    first = ask(community)
    posted = responder.respond(first)

    clock.forward(days=days)
    later = [ask(community, f"{QUESTION} Number {n}") for n in range(2)]
    states = [responder.respond(each).state for each in later]

    assert responder.respond(first) == posted
    assert states == ["posted", "decided"]
    assert len(own_posts(community, first)) == 1


# -- private messages --------------------------------------------------------


def test_a_private_message_is_begun_once_when_its_answer_gets_lost(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)

    place = forum.message(
        "Some title here", text_for(topic_id), marker(topic_id), ["root"]
    )

    [message] = [each for each in community.topics.values() if each.private]
    [post] = community.posts_of(message.id)
    assert place == Place(TopicId(message.id), PostId(post.id))
    assert forum.messages_titled("Some title here") == [message.id]
    assert forum.messages_titled("Another title") == []
    assert forum.find_message("Some title here", marker(topic_id)) == place
    assert forum.find_message("Some title here", marker(TopicId(99))) is None


def test_a_group_gets_a_message_and_nobody_else_does(
    forum: LiveForum, community: Community
) -> None:
    community.add_user("mod", moderator=True)
    one, two = TopicId(1), TopicId(2)

    place = forum.message("A title", text_for(one), marker(one), ["moderators"])

    members = {community.user("mod").id}
    assert community.topics[place.topic_id].recipients == members
    with pytest.raises(ForumRejectedError):
        forum.message("A title", text_for(two), marker(two), ["nobody"])


def test_votes_are_what_others_said(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    place = forum.message("Some title here", text_for(TopicId(1)), "<!--", ["root"])
    last = forum.add_to_message(place.topic_id, text_for(TopicId(2)), "<!--")
    one, other = place.post_id, last.post_id
    before = len(box.requests)

    def votes() -> Mapping[PostId, Votes]:
        return forum.votes(place.topic_id, {one, other})

    assert votes() == {one: Votes(), other: Votes()}
    assert len(box.requests) == before + 1

    community.like(one, "root")
    assert votes() == {one: Votes(likes=1), other: Votes()}

    reactions: list[dict[str, object]] = [
        {"id": name, "type": "emoji", "count": 1} for name in ("-1", "heart", "owl")
    ]
    box.faults.alter(react_with(one, reactions), f"/t/{place.topic_id}/posts.json")
    community.delete_post(other)
    assert votes() == {one: Votes(likes=1, against=1)}

    community.withdraw_post(one)
    assert votes() == {one: Votes(likes=1, against=1, removed=True)}
    community.delete_topic(place.topic_id)
    with pytest.raises(ForumRejectedError):
        votes()


def react_with(
    post_id: int, reactions: list[dict[str, object]]
) -> Callable[[dict[str, Any]], object]:
    """A forum with the plug-in for reactions, which a post of a topic got."""

    def change(found: dict[str, Any]) -> object:
        for post in found["post_stream"]["posts"]:
            if post["id"] == post_id:
                post["reactions"] = reactions
        return found

    return change
