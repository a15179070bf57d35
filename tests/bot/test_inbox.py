"""Private messages to the bot, on a real socket."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.forum_care import LiveCare
from bot.inbox import MAX_ANSWERS_A_DAY, Inbox, InboxReport
from bot.opt_outs import OptOuts
from bot.sandbox import Community, Sandbox
from bot.sandbox.faults import RandomKind
from bot.sandbox.records import Topic
from indexer.channel import Channel
from kb.errors import (
    ForumError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.store import Store
from kb.types import TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW
from tests.bot.making import topic as view

KINDS: tuple[RandomKind, ...] = ("503", "drop", "lose", "truncate", "malformed")


class Replies:
    """Withdraws what stands in topic 7; topic 8 is refused, 9 unavailable."""

    def __init__(self) -> None:
        self.withdrawn: list[TopicId] = []

    def __call__(self, topic_id: TopicId, reason: str) -> bool:
        assert reason == "a moderator asked for it"
        if topic_id == 8:
            raise ForumRejectedError("https://f.org", 422, "too old")
        if topic_id == 9:
            raise ForumUnavailableError("https://f.org", "is away")
        self.withdrawn.append(topic_id)
        return topic_id == 7


@pytest.fixture
def replies() -> Replies:
    return Replies()


@pytest.fixture
def care(channel_to: Callable[[], Channel]) -> LiveCare:
    return LiveCare(channel_to(), BOT)


@pytest.fixture
def inbox(care: LiveCare, store: Store, clock: FakeClock, replies: Replies) -> Inbox:
    return made(care, store, clock, replies)


def made(care: LiveCare, store: Store, clock: FakeClock, replies: Replies) -> Inbox:
    return Inbox(
        "forum",
        care=care,
        store=store,
        withdraw=replies,
        languages=["en", "fr", "es", "pt"],
        clock=clock,
    )


def write(community: Community, raw: str, *, by: str = "amina", **more: Any) -> Topic:
    values: dict[str, Any] = {"recipients": [BOT]}
    return community.add_topic("A message to you", raw, user=by, **(values | more))


def answers(community: Community, topic: Topic) -> list[str]:
    """What the bot wrote there, without markers."""
    bot = community.user(BOT).id
    return [
        post.raw.partition("\n\n<!--")[0]
        for post in community.posts_of(topic.id)
        if post.user_id == bot
    ]


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ("opt out", "I will not answer your questions any more."),
        ("Ne plus répondre, merci", "Je ne répondrai plus à vos questions."),
        ("no responder más", "Ya no responderé a sus preguntas."),
        ("Não responder mais", "Não responderei mais às suas perguntas."),
    ],
)
def test_whoever_wants_no_answers_is_told_so_and_gets_none(
    raw: str,
    answer: str,
    inbox: Inbox,
    community: Community,
    store: Store,
    care: LiveCare,
) -> None:
    topic = write(community, raw)

    assert inbox.run() == InboxReport(read=1, obeyed=1, answered=1)
    assert answers(community, topic) == [answer]
    amina = community.user("amina").id
    member = store.members.find("forum", username="AMINA", user_id=None)
    assert member is not None
    assert (member.user_id, member.answers, member.origin) == (amina, False, "message")
    wanted = OptOuts("forum", store=store, profiles=care, field=None)
    assert (
        wanted(view(author="amina", author_id=amina)) == "its author wants no answers"
    )

    community.add_post(topic.id, "opt in please", user="amina")
    inbox.run()
    assert answers(community, topic)[1] == "I may answer your questions again."
    assert wanted(view(author="amina", author_id=amina)) == ""


def test_orders_are_obeyed_also_where_so_many_answers_in_a_row_are_refused(
    inbox: Inbox, community: Community, store: Store, replies: Replies
) -> None:
    topic = write(community, "pause", by="root")
    for raw in ("resume", "withdraw 7", "pause"):
        community.add_post(topic.id, raw, user="root")

    assert inbox.run() == InboxReport(read=4, obeyed=4, answered=3)
    assert store.pauses.get("forum") is not None
    assert replies.withdrawn == [7]
    assert inbox.run() == InboxReport()


def test_nothing_new_costs_one_request(
    inbox: Inbox, community: Community, box: Sandbox
) -> None:
    write(community, "opt out")
    inbox.run()
    inbox.run()
    before = len(box.requests)

    assert inbox.run() == InboxReport()
    assert box.requests[before:] == [f"GET /topics/private-messages/{BOT}.json?page=0"]


def test_staff_stop_it_and_let_it_go_on(
    inbox: Inbox, community: Community, store: Store, replies: Replies
) -> None:
    topic = write(community, "pause: the forum is moving", by="root")

    inbox.run()
    pause = store.pauses.get("forum")
    assert pause is not None
    assert (pause.reason, pause.origin) == ("the forum is moving", "staff")
    link = "withdraw https://f.org/t/x/7/2"
    for raw in ("status", "withdraw", link, "withdraw 8", "resume", "status"):
        community.add_post(topic.id, raw, user="root")
        inbox.run()

    assert answers(community, topic) == [
        "I post nothing until you write `resume, please`.",
        "I am paused. I wrote 0 answers within the last day.",
        "No answer of mine stands there.",
        "I have withdrawn it.",
        "The forum does not let me withdraw it; please delete it yourself.",
        "I may post again.",
        "I may post. I wrote 0 answers within the last day.",
    ]
    assert replies.withdrawn == [7]
    [rating] = store.feedback.ratings("forum")
    assert (rating.topic_id, rating.value) == (7, -1)
    assert store.pauses.get("forum") is None


@pytest.mark.parametrize("order", ["pause", "resume", "withdraw 7", "status"])
def test_who_only_says_to_be_staff_is_not_obeyed(
    order: str, inbox: Inbox, community: Community, store: Store, replies: Replies
) -> None:
    topic = write(community, f"{order}\n\nI am a moderator.", by="amina")

    assert inbox.run() == InboxReport(read=1, answered=1)
    assert store.pauses.get("forum") is None
    assert replies.withdrawn == []
    [answer] = answers(community, topic)
    assert answer.startswith("I am a bot")
    assert "withdraw" not in answer


def test_what_it_does_not_understand_is_answered_once_for_each_conversation(
    inbox: Inbox, community: Community
) -> None:
    topic = write(community, "Bonjour, pouvez-vous m'aider avec mes données ?")
    inbox.run()
    community.add_post(topic.id, "C'est toujours la même chose.", user="amina")

    assert inbox.run() == InboxReport(read=1)
    [answer] = answers(community, topic)
    assert "`ne plus répondre`" in answer


def test_programs_and_the_forums_own_bots_get_no_answer(
    inbox: Inbox, community: Community, store: Store
) -> None:
    letter = write(community, "opt out", by="amina")
    community.posts_of(letter.id)[0].auto_generated = True
    system = write(community, "opt out", by="system")

    assert inbox.run() == InboxReport(read=2)
    assert answers(community, letter) == answers(community, system) == []
    assert store.members.all("forum") == []


def test_another_bot_is_not_answered_for_ever(
    inbox: Inbox, community: Community, store: Store, clock: FakeClock
) -> None:
    """Whether it goes on in one message or begins new ones."""
    topics = [write(community, "opt out") for _ in range(MAX_ANSWERS_A_DAY - 2)]
    other = write(community, "opt out", by="ben")
    for _ in range(4):
        community.add_post(topics[0].id, "opt out", user="amina")
        inbox.run()

    assert sum(len(answers(community, each)) for each in topics) == MAX_ANSWERS_A_DAY
    assert len(answers(community, other)) == 1
    clock.forward(days=1, seconds=1)
    community.add_post(topics[0].id, "opt in", user="amina")
    assert inbox.run() == InboxReport(read=1, obeyed=1, answered=1)
    ben = store.members.hash_of(f"id:{community.user('ben').id}")
    assert store.messages.count_for("forum", ben, NOW) == 0, "whose is not kept"


def test_in_a_message_of_a_group_orders_of_staff_and_ones_own_wish_count(
    inbox: Inbox, community: Community, store: Store
) -> None:
    """There the bot shows drafts, and moderators speak with each other."""
    topic = write(
        community, "May I post this answer?", by=BOT, recipients=["root", "ben"]
    )
    for by, raw in (
        ("ben", "pause"),
        ("ben", "Tell her to opt out."),
        ("root", "Looks fine to me."),
        ("root", "pause"),
    ):
        community.add_post(topic.id, raw, user=by)

    assert inbox.run() == InboxReport(read=4, obeyed=1, answered=1)
    assert store.pauses.get("forum") is not None
    assert store.members.all("forum") == []
    community.add_post(topic.id, "opt out", user="ben")
    assert inbox.run() == InboxReport(read=1, obeyed=1, answered=1)


def test_a_wish_is_heard_where_somebody_else_reads_along(
    inbox: Inbox, community: Community, store: Store
) -> None:
    topic = write(community, "opt out", recipients=[BOT, "ben"])
    community.add_post(topic.id, "What is this about?", user="ben")

    assert inbox.run() == InboxReport(read=2, obeyed=1, answered=1)
    [member] = store.members.all("forum")
    assert member.user_id == community.user("amina").id


def test_old_orders_are_void_but_wishes_hold(
    inbox: Inbox, community: Community, store: Store, replies: Replies
) -> None:
    """As on a new machine, which reads all the mail there ever was."""
    long_ago = NOW - timedelta(days=30)
    write(community, "resume", by="root", at=long_ago + timedelta(days=1))
    write(community, "withdraw 7", by="root", at=long_ago)
    write(community, "What are you?", at=long_ago)
    write(community, "opt in", by="ben", at=long_ago)
    write(community, "opt out", by="ben", at=long_ago + timedelta(days=2))
    write(community, "pause", by="root", at=long_ago)

    assert inbox.run() == InboxReport(read=6, obeyed=2, answered=2)
    assert replies.withdrawn == []
    assert store.pauses.get("forum") is not None
    [member] = store.members.all("forum")
    assert not member.answers


PAGE = 30
LIST = f"/topics/private-messages/{BOT}.json"


def long_ago(
    community: Community, raw: str, *, by: str, after: int = PAGE + 5
) -> Topic:
    """A message below so many newer ones."""
    topic = write(community, raw, by=by, at=NOW - timedelta(days=1))
    for number in range(after):
        at = NOW - timedelta(hours=1) + timedelta(seconds=number)
        write(community, "Hello there, who are you?", at=at)
    return topic


@pytest.mark.parametrize("fault", [{"status": 404}, {"malformed": True}])
def test_a_wish_is_not_lost_below_a_page_that_was_read(
    fault: dict[str, Any],
    inbox: Inbox,
    community: Community,
    store: Store,
    box: Sandbox,
) -> None:
    """The second page fails twice; meanwhile the first one is read."""
    long_ago(community, "opt out", by="ben")
    box.faults.fail_next(2, re.compile("page=1$"), **fault)

    first = inbox.run()
    assert (first.read, first.failed) == (PAGE, 1)
    inbox.run()
    assert store.members.all("forum") == []

    assert inbox.run() == InboxReport(read=6, obeyed=1, answered=1)
    assert len(store.members.all("forum")) == 1
    inbox.run()
    inbox.run()
    before = len(box.requests)
    assert inbox.run() == InboxReport()
    assert box.requests[before:] == [f"GET {LIST}?page=0"], "all is read"


def test_a_pause_comes_before_all_that_was_written_earlier(
    inbox: Inbox, community: Community, store: Store, box: Sandbox
) -> None:
    for number in range(6):
        write(community, "Hello there?", at=NOW - timedelta(minutes=30 + number))
    write(community, "resume", by="root", at=NOW - timedelta(minutes=20))
    write(community, "pause", by="root", at=NOW - timedelta(minutes=10))
    box.faults.fail_next(
        path=re.compile(r"/t/3\.json"), status=429, headers={"Retry-After": "3000"}
    )

    with pytest.raises(RateLimitedError):
        inbox.run()

    assert store.pauses.get("forum") is not None
    assert next(each for each in box.requests if "/t/" in each) == "GET /t/8.json"
    assert not [each for each in box.requests if each.startswith("POST")]


def test_an_older_order_does_not_undo_a_newer_one(
    inbox: Inbox, community: Community, store: Store
) -> None:
    older = write(community, "resume", by="root", at=NOW - timedelta(minutes=20))
    newer = write(community, "pause", by="root", at=NOW - timedelta(minutes=10))

    assert inbox.run() == InboxReport(read=2, obeyed=1, answered=2)
    assert store.pauses.get("forum") is not None
    assert answers(community, newer) == [
        "I post nothing until you write `resume, please`."
    ]
    [told] = answers(community, older)
    assert told.startswith("I am paused.")


def test_a_resumption_ends_no_pause_that_began_later(
    inbox: Inbox, community: Community, store: Store
) -> None:
    write(community, "resume", by="root", at=NOW - timedelta(minutes=20))
    with store.transaction():
        store.pauses.start("forum", "to look at it", "operator", at=NOW)

    assert inbox.run() == InboxReport(read=1, answered=1)
    assert store.pauses.get("forum") is not None


def test_the_newest_wish_holds_in_whatever_order_they_are_read(
    inbox: Inbox, community: Community, store: Store
) -> None:
    for minutes, raw in ((30, "opt out"), (20, "opt in"), (40, "opt in")):
        write(community, raw, at=NOW - timedelta(minutes=minutes))

    assert inbox.run() == InboxReport(read=3, obeyed=1, answered=1)
    assert store.members.all("forum") == []


def test_a_long_conversation_is_read_to_its_end(
    inbox: Inbox, community: Community, store: Store
) -> None:
    topic = write(community, "Hello there, who are you?")
    for number in range(45):
        community.add_post(topic.id, f"One more thing, number {number}.", user="amina")
    community.add_post(topic.id, "opt out", user="amina")

    assert inbox.run() == InboxReport(read=47, obeyed=1, answered=2)
    assert len(store.members.all("forum")) == 1
    assert inbox.run() == InboxReport()


@pytest.mark.parametrize(
    "fault", [{"lose": True}, {"truncate": True}, {"drop": True}, {"status": 503}]
)
def test_whatever_becomes_of_an_answer_it_is_sent_once(
    fault: dict[str, Any], inbox: Inbox, community: Community, box: Sandbox
) -> None:
    topic = write(community, "opt out")
    box.faults.fail_next(path="/posts.json", method="POST", **fault)

    inbox.run()
    inbox.run()

    assert len(answers(community, topic)) == 1


def test_killed_before_the_answer_is_confirmed_it_is_found(
    inbox: Inbox,
    community: Community,
    store: Store,
    clock: FakeClock,
    replies: Replies,
    channel_to: Callable[[], Channel],
) -> None:
    class KilledError(BaseException):
        pass

    class Mortal(LiveCare):
        def answer_message(self, *args: Any, **more: Any) -> Any:
            super().answer_message(*args, **more)
            raise KilledError

    topic = write(community, "opt out")
    with pytest.raises(KilledError):
        made(Mortal(channel_to(), BOT), store, clock, replies).run()

    assert inbox.run() == InboxReport(answered=1)
    assert len(answers(community, topic)) == 1
    assert store.messages.in_state("forum", "claimed") == []


def test_an_order_that_the_forum_does_not_take_now_is_read_again(
    inbox: Inbox, community: Community, store: Store
) -> None:
    topic = write(community, "withdraw 9", by="root")
    community.add_post(topic.id, "status", user="root")
    other = write(community, "opt out")

    assert inbox.run() == InboxReport(read=3, obeyed=1, answered=1, failed=1)
    assert store.messages.read_until("forum", TopicId(topic.id)) == 0
    assert len(answers(community, other)) == 1


def test_a_profile_may_say_it(
    care: LiveCare, store: Store, community: Community, box: Sandbox, clock: FakeClock
) -> None:
    box.settings = replace(box.settings, user_fields=("Team", "No answers of bots"))
    amina = community.user("amina")
    author = view(author="amina", author_id=amina.id)
    asked = OptOuts(
        "forum", store=store, profiles=care, field="no answers of bots", clock=clock
    )

    assert asked(author) == ""
    amina.fields[2] = "Oui"
    assert asked(author) == "", "it is asked once an hour"
    clock.forward(hours=1)
    assert asked(author) == "its author's profile wants no answers"
    [member] = store.members.all("forum")
    assert (member.answers, member.origin) == (False, "field")

    amina.fields[2] = "false"
    clock.forward(hours=1)
    assert asked(author) == ""
    by_number = OptOuts("forum", store=store, profiles=care, field="1", clock=clock)
    amina.fields[1] = "true"
    assert by_number(author) == "its author's profile wants no answers"


def test_a_message_that_cannot_be_read_keeps_no_other_from_being_read(
    inbox: Inbox, community: Community, box: Sandbox
) -> None:
    broken = write(community, "opt out")
    other = write(community, "opt out", by="ben")
    path = f"/t/{broken.id}.json"
    box.faults.alter(lambda answer: {**answer, "details": None}, path, n=1)

    assert inbox.run() == InboxReport(read=1, obeyed=1, answered=1, failed=1)
    assert len(answers(community, other)) == 1
    assert inbox.run() == InboxReport(read=1, obeyed=1, answered=1)
    assert len(answers(community, broken)) == 1


def test_a_last_word_that_was_taken_back_is_not_waited_for(
    inbox: Inbox, community: Community, box: Sandbox
) -> None:
    topic = write(community, "Hello there, who are you?")
    inbox.run()
    gone = community.add_post(topic.id, "Never mind, thank you.", user="amina")
    community.delete_post(gone.id)
    path = f"/topics/private-messages/{BOT}.json"

    def as_counted(answer: Any) -> Any:
        """Some forums count what was removed."""
        answer["topic_list"]["topics"][0]["highest_post_number"] = 3
        return answer

    box.faults.alter(as_counted, path, n=3)
    box.faults.alter(
        lambda answer: {**answer, "highest_post_number": 3}, f"/t/{topic.id}.json"
    )
    inbox.run()
    before = len(box.requests)

    inbox.run()

    assert len(box.requests) == before + 1


@pytest.mark.parametrize("seed", range(4))
def test_over_a_forum_that_fails_now_and_then_each_is_answered_once(
    seed: int,
    community: Community,
    store: Store,
    clock: FakeClock,
    replies: Replies,
    box: Sandbox,
    channel_to: Callable[[], Channel],
) -> None:
    topics = [
        write(community, raw, by=by)
        for by, raw in (("amina", "opt out"), ("ben", "Hello?"), ("root", "pause"))
    ]
    box.faults.at_random(0.3, seed, kinds=KINDS)
    for _ in range(20):
        with suppress(ForumError):
            made(LiveCare(channel_to(), BOT), store, clock, replies).run()
    box.faults.clear()
    made(LiveCare(channel_to(), BOT), store, clock, replies).run()

    assert [len(answers(community, topic)) for topic in topics] == [1, 1, 1]
    assert store.messages.in_state("forum", "claimed") == []
    assert store.pauses.get("forum") is not None


@pytest.mark.parametrize(
    ("subject", "by", "found"),
    [
        ("Opt out", "ben", "opt_out"),
        ("pause, please", "root", "paused"),
        ("pause, please", "ben", None),
        ("About the pause between posts", "ben", None),
    ],
)
def test_who_says_it_in_the_subject_is_heard(
    inbox: Inbox,
    community: Community,
    store: Store,
    subject: str,
    by: str,
    found: str | None,
) -> None:
    community.add_topic(subject, "I have had enough.", user=by, recipients=[BOT])

    inbox.run()

    known = store.members.find("forum", username=by, user_id=community.user(by).id)
    assert (known is not None) == (found == "opt_out")
    assert (store.pauses.get("forum") is not None) == (found == "paused")
