"""The write client against a forum on a socket: what it reads, and posting once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.forum import DryRunForum, Forum, Listed, LiveForum, Reply
from bot.sandbox import Community, PostType, Sandbox
from bot.topic import Cited, ReplyView, TopicView, marked_topic, marker
from indexer.channel import Channel
from kb.errors import (
    ConfigError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.types import PostId, TopicId
from tests.bot.conftest import BOT, FakeClock

QUESTION = "How do I back up the database?"


def ask(community: Community, title: str = QUESTION, **options: Any) -> TopicId:
    values = {"user": "amina", "category": "support"} | options
    return TopicId(community.add_topic(title, f"{title} Please help.", **values).id)


def text_for(topic_id: TopicId) -> str:
    return f"These may already answer your question.\n\n{marker(topic_id)}"


def own_posts(community: Community, topic_id: TopicId) -> list[str]:
    """Raw texts of the bot's posts in a topic."""
    bot = community.user(BOT).id
    return [post.raw for post in community.posts_of(topic_id) if post.user_id == bot]


# -- reading ---------------------------------------------------------------


def test_what_only_the_bots_key_may_read_is_not_to_be_linked(
    box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    headers = {"Api-Key": box.admin_key, "Api-Username": "root"}
    with Channel(box.url, headers=headers, requests_per_second=None) as channel:
        forum = LiveForum(channel, "root")
        assert QUESTION in forum.cited(topic_id, 1).cooked

        community.set_category(topic_id, "staff")
        assert forum.topic(topic_id).title
        assert forum.cited(topic_id, 1) == Cited("its topic is not public")

        community.set_category(topic_id, "support")
        community.delete_topic(topic_id)
        assert forum.cited(topic_id, 1).problem


def test_a_topic_is_read_with_its_replies(
    forum: LiveForum, box: Sandbox, community: Community, clock: FakeClock
) -> None:
    """Of one request, and without what is no reply to everybody."""
    topic_id = ask(community, user="root")
    asked_at = clock()
    clock.forward(minutes=1)
    first = community.posts_of(topic_id)[0]
    community.edit_post(first.id, first.raw + " It is urgent.")
    liked = community.add_post(topic_id, "Write it to another disk.", user="amina")
    community.like(liked.id, "root")
    community.add_post(topic_id, "Seen.", user="root", type=PostType.WHISPER)
    community.add_post(
        topic_id, "", user="root", type=PostType.SMALL_ACTION, action_code="pinned"
    )
    hidden = community.add_post(topic_id, "Buy my pills.", user="ben")
    community.hide_post(hidden.id)
    solved = community.add_post(topic_id, "That was it.", user="root")
    community.solve(solved.id)
    before = len(box.requests)

    view = forum.topic(topic_id)

    assert box.requests[before:] == [
        f"GET /t/{topic_id}.json?include_raw=true",
        "GET /site.json",
    ]
    amina, ben, root = (community.user(name).id for name in ("amina", "ben", "root"))
    text = "<p>Write it to another disk.</p>"
    assert view.replies == (
        ReplyView(liked.number, "amina", amina, False, text, clock(), likes=1),
        ReplyView(hidden.number, "ben", ben, False, "", clock()),
        ReplyView(
            solved.number, "root", root, True, "<p>That was it.</p>", clock(), 0, True
        ),
    )
    assert (view.created_at, view.edited_at) == (asked_at, clock())
    assert (view.author_staff, view.pinned) == (True, False)


@pytest.mark.parametrize("pinned", ["category", "globally"])
def test_a_pinned_topic_is_known_as_such(
    forum: LiveForum, community: Community, pinned: str
) -> None:
    assert forum.topic(ask(community, pinned=pinned)).pinned


def test_a_topic_is_read_with_what_decides_about_an_answer(
    forum: LiveForum, box: Sandbox, community: Community, clock: FakeClock
) -> None:
    topic_id = ask(community, category="android")

    view = forum.topic(topic_id)

    assert view == TopicView(
        id=topic_id,
        title=QUESTION,
        url=f"{box.url}/t/{topic_id}",
        opening=f"<p>{QUESTION} Please help.</p>",
        author="amina",
        author_id=community.user("amina").id,
        created_at=clock(),
        category=("support", "android"),
        category_name="Android",
        public=True,
    )


@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_a_solution_is_seen_in_the_shape_of_every_age(
    forum: LiveForum, box: Sandbox, community: Community, generation: Any
) -> None:
    box.settings = replace(box.settings, generation=generation)
    topic_id = ask(community)
    assert not forum.topic(topic_id).solved

    community.solve(community.add_post(topic_id, "Use pg_dump.", user="ben").id)

    assert forum.topic(topic_id).solved


def test_closed_archived_and_unlisted_topics_are_told_apart(
    forum: LiveForum, community: Community
) -> None:
    states = {}
    for status, enabled in (("closed", True), ("archived", True), ("visible", False)):
        topic_id = ask(community, f"{QUESTION} {status}")
        community.set_status(topic_id, status, enabled=enabled)
        view = forum.topic(topic_id)
        states[status] = (view.closed, view.archived, view.listed)

    assert states == {
        "closed": (True, False, True),
        "archived": (False, True, True),
        "visible": (False, False, False),
    }


@pytest.mark.parametrize("slug", ["staff", "rota"])
def test_what_lies_in_or_below_a_restricted_category_is_not_public(
    box: Sandbox, community: Community, slug: str
) -> None:
    topic_id = ask(community, category=slug, user="root")
    headers = {"Api-Key": box.key_for("root"), "Api-Username": "root"}

    with Channel(box.url, headers=headers, requests_per_second=None) as channel:
        view = LiveForum(channel, "root").topic(topic_id)

    assert (view.public, view.category[0]) == (False, "staff")


def test_a_private_message_is_recognised(
    forum: LiveForum, community: Community
) -> None:
    topic_id = ask(community, recipients=[BOT])

    view = forum.topic(topic_id)

    assert (view.private_message, view.public, view.category) == (True, False, ())


@pytest.mark.parametrize("change", ["hide_post", "withdraw_post"])
def test_a_hidden_or_withdrawn_question_has_no_text(
    forum: LiveForum, community: Community, change: str
) -> None:
    topic_id = ask(community)
    getattr(community, change)(community.posts_of(topic_id)[0].id)

    assert forum.topic(topic_id).opening == ""


def test_a_missing_topic_is_rejected(forum: LiveForum) -> None:
    with pytest.raises(ForumRejectedError) as refused:
        forum.topic(TopicId(404))

    assert refused.value.status == 404


def test_a_topic_without_its_title_is_a_protocol_error_that_names_the_field(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    body = '{"id": 1, "post_stream": {"posts": []}, "category_id": null}'
    box.faults.fail_next(path=f"/t/{topic_id}", status=200, body=body)

    with pytest.raises(ForumProtocolError) as refused:
        forum.topic(topic_id)

    assert refused.value.field == "title"


def test_categories_are_read_once_and_again_for_an_unknown_one(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    first, second = ask(community), ask(community, f"{QUESTION} Again")
    forum.topic(first)
    forum.topic(second)
    assert box.requests.count("GET /site.json") == 1

    community.add_category("Brand new", slug="new")
    third = ask(community, f"{QUESTION} Third", category="new")

    assert forum.topic(third).category == ("new",)
    assert box.requests.count("GET /site.json") == 2


def test_a_key_that_may_not_read_the_categories_is_no_fault_of_the_topic(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/site.json", status=403)

    with pytest.raises(ConfigError) as caught:
        forum.topic(topic_id)

    assert str(caught.value) == (
        f"bot.api_key_env: expected a key that may read {box.url}/site.json "
        "(403 Forbidden)"
    )


def test_a_category_that_is_closed_to_the_public_later_is_noticed(
    channel_to: Callable[[], Channel], community: Community
) -> None:
    seconds = [0.0]
    forum = LiveForum(channel_to(), BOT, clock=lambda: seconds[0])
    community.category("staff").groups = frozenset({"trust_level_1"})
    topic_id = ask(community)
    assert forum.topic(topic_id).public

    community.category("support").read_restricted = True
    community.category("support").groups = frozenset({"trust_level_1"})
    seconds[0] = 301.0

    assert not forum.topic(topic_id).public


def test_new_topics_come_in_order_over_all_pages(
    forum: LiveForum, community: Community
) -> None:
    old = ask(community)
    community.add_topics(65, category="support")

    found = forum.new_topics(old)

    assert [topic.id for topic in found] == list(range(old + 1, old + 66))
    first = community.topics[old + 1]
    assert found[0] == Listed(
        TopicId(first.id), first.title, first.created_at, first.user_id
    )


def test_a_pinned_old_topic_does_not_hide_the_new_ones(
    forum: LiveForum, community: Community
) -> None:
    old = ask(community)
    community.set_status(old, "pinned_globally", enabled=True)
    new = ask(community, f"{QUESTION} New")

    assert [topic.id for topic in forum.new_topics(old)] == [new]
    assert forum.new_topics(new) == []


def test_the_newest_topic_is_the_one_with_the_highest_id(
    forum: LiveForum, community: Community
) -> None:
    assert forum.newest_topic() is None
    topics = community.add_topics(3, category="support")

    assert forum.newest_topic() == topics[-1].id


# -- posting ---------------------------------------------------------------


def test_a_reply_is_posted_and_says_where(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)

    reply = forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    [post] = [post for post in community.posts_of(topic_id) if post.number == 2]
    assert reply == Reply(PostId(post.id), f"{box.url}/t/{topic_id}/2")
    assert post.raw == text_for(topic_id)
    assert "baraza:topic" not in post.cooked


def test_a_reply_does_not_make_the_bot_follow_the_topic(
    forum: LiveForum, community: Community
) -> None:
    topic_id = ask(community)

    forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert community.user(BOT).id not in community.topics[topic_id].levels


def test_a_text_without_its_marker_is_never_sent(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)

    with pytest.raises(ValueError, match="could not be found again"):
        forum.reply(topic_id, "These may help.", marker(topic_id))

    assert not any(request.startswith("POST") for request in box.requests)


def test_a_reply_that_waits_for_approval_is_known_as_queued(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    box.settings = replace(box.settings, approve_posts_of=frozenset({BOT}))
    topic_id = ask(community)

    reply = forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert reply == Reply(post_id=None, url=None, queued=True)
    assert forum.find_own_reply(topic_id, marker(topic_id)) == reply
    assert own_posts(community, topic_id) == []


def test_a_reply_to_a_closed_topic_is_refused_with_the_forums_words(
    forum: LiveForum, community: Community
) -> None:
    topic_id = ask(community)
    community.set_status(topic_id, "closed", enabled=True)

    with pytest.raises(ForumRejectedError) as refused:
        forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert refused.value.status in (403, 422)
    assert own_posts(community, topic_id) == []


@pytest.mark.parametrize(
    "how", [{"lose": True}, {"truncate": True}, {"malformed": True}]
)
def test_when_the_answer_gets_lost_the_reply_is_found_in_the_topic(
    forum: LiveForum, box: Sandbox, community: Community, how: dict[str, Any]
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", **how)

    reply = forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert reply.url == f"{box.url}/t/{topic_id}/2"
    assert own_posts(community, topic_id) == [text_for(topic_id)]
    assert sum(request.startswith("POST") for request in box.requests) == 1


@pytest.mark.parametrize("how", [{"drop": True}, {"status": 502}, {"status": 503}])
def test_a_reply_that_never_arrived_is_not_sent_again_blindly(
    forum: LiveForum, box: Sandbox, community: Community, how: dict[str, Any]
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", **how)

    with pytest.raises(ForumUnavailableError):
        forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert own_posts(community, topic_id) == []
    assert sum(request.startswith("POST") for request in box.requests) == 1


def test_a_lost_answer_that_may_not_be_looked_for_is_no_refusal(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)
    box.faults.fail_next(path=f"/t/{topic_id}.json", status=403)

    with pytest.raises(ForumUnavailableError):
        forum.reply(topic_id, text_for(topic_id), marker(topic_id))


def test_a_rate_limit_is_passed_on_without_reading_the_topic(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    box.faults.limit_next(path="/posts.json", wait_s=30)

    with pytest.raises(RateLimitedError) as limited:
        forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert limited.value.retry_after_s == 30
    assert box.requests == ["POST /posts.json"]


# -- finding its own reply -------------------------------------------------


def test_its_own_reply_is_found_far_down_a_long_topic(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    for number in range(70):
        community.add_post(topic_id, f"Reply number {number}, in full.", user="ben")
    mine = community.add_post(topic_id, text_for(topic_id), user=BOT)

    reply = forum.find_own_reply(topic_id, marker(topic_id))

    assert reply == Reply(PostId(mine.id), f"{box.url}/t/{topic_id}/{mine.number}")


def test_a_marker_that_a_member_copied_is_not_taken_for_a_reply(
    forum: LiveForum, community: Community
) -> None:
    topic_id = ask(community)
    community.add_post(topic_id, text_for(topic_id), user="ben")
    community.add_post(topic_id, "I am here, without a marker.", user=BOT)

    assert forum.find_own_reply(topic_id, marker(topic_id)) is None


def test_a_queued_reply_to_another_topic_is_not_taken_for_this_one(
    forum: LiveForum, community: Community
) -> None:
    topic_id, other = ask(community), ask(community, f"{QUESTION} Other")
    community.enqueue(BOT, text_for(other), topic_id=other, title=None)

    assert forum.find_own_reply(topic_id, marker(topic_id)) is None


def test_small_actions_are_passed_over(forum: LiveForum, community: Community) -> None:
    topic_id = ask(community)
    community.add_post(topic_id, "", user="root", type=PostType.SMALL_ACTION)

    assert forum.find_own_reply(topic_id, marker(topic_id)) is None


# -- dry run ---------------------------------------------------------------


def test_a_dry_run_reads_and_keeps_its_replies_to_itself(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)
    dry: Forum = DryRunForum(forum)

    assert dry.topic(topic_id) == forum.topic(topic_id)
    assert dry.newest_topic() == topic_id
    assert dry.new_topics(TopicId(0)) == forum.new_topics(TopicId(0))
    assert dry.find_own_reply(topic_id, marker(topic_id)) is None
    reply = dry.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert reply == Reply(post_id=None, url=None)
    assert dry.find_own_reply(topic_id, marker(topic_id)) == reply
    assert isinstance(dry, DryRunForum)
    assert dry.replies == [(topic_id, text_for(topic_id))]
    assert own_posts(community, topic_id) == []
    assert not any(request.startswith("POST") for request in box.requests)


def test_a_marker_names_its_topic() -> None:
    assert marked_topic(text_for(TopicId(812))) == 812
    assert marked_topic("<!-- baraza:topic=x -->") is None
