"""Private messages to the bot, on a real socket."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.commands import command_in
from bot.drafts import APPROVED
from bot.forum import LiveForum
from bot.forum_care import LiveCare
from bot.inbox import MAX_ANSWERS_A_DAY, Inbox, InboxReport
from bot.opt_outs import OptOuts
from bot.orders import Judged, OpenDrafts
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.sandbox import Community, Sandbox
from bot.sandbox.faults import RandomKind
from bot.sandbox.records import Topic
from bot.verdicts import NO_QUESTION, mark, mark_no_question
from indexer.channel import Channel
from kb.errors import (
    ForumError,
    ForumRejectedError,
    ForumUnavailableError,
    IndexMissingError,
    RateLimitedError,
)
from kb.store import Profile, Store
from kb.types import TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW, hit
from tests.bot.making import topic as view
from tests.bot.test_forum import QUESTION, ask, own_posts
from tests.bot.test_responder import Finder

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


def no_drafts() -> AbstractContextManager[Judged]:
    raise AssertionError("nobody ordered anything about a draft")


def made(
    care: LiveCare,
    store: Store,
    clock: FakeClock,
    replies: Replies,
    open_drafts: OpenDrafts = no_drafts,
) -> Inbox:
    return Inbox(
        "forum",
        care=care,
        store=store,
        withdraw=replies,
        open_drafts=open_drafts,
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
    inbox: Inbox,
    community: Community,
    store: Store,
    replies: Replies,
    box: Sandbox,
) -> None:
    topic = write(community, "pause: the forum is moving", by="root")

    inbox.run()
    pause = store.pauses.get("forum")
    assert pause is not None
    assert (pause.reason, pause.origin) == ("the forum is moving", "staff")
    link = f"withdraw {box.url}/t/x/7/2"
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


# -- drafts and questions ------------------------------------------------------


@pytest.fixture
def find() -> Finder:
    return Finder()


@pytest.fixture
def responder(
    forum: LiveForum, store: Store, find: Finder, clock: FakeClock
) -> Responder:
    """In mode draft, over the store that the inbox uses as well: a transaction that
    one of them leaves open is an error for the other."""
    return Responder(
        "forum",
        forum=forum,
        store=store,
        find=find,
        languages=["en"],
        settings=PolicySettings(BOT, 0.5),
        mode="draft",
        community="Example Forum",
        clock=clock,
        moderators=("root",),
    )


@pytest.fixture
def desk(
    care: LiveCare,
    store: Store,
    clock: FakeClock,
    replies: Replies,
    responder: Responder,
) -> Inbox:
    return made(care, store, clock, replies, lambda: nullcontext(responder.drafts))


def state_of(store: Store, topic_id: TopicId) -> str:
    decision = store.ledger.get("forum", topic_id)
    return "" if decision is None else decision.state


APPROVED_IT = "It is approved, and I post it."


@pytest.mark.parametrize("named", ["{id}", "draft {id}", "{url}/t/a-title/{id}/1"])
def test_a_draft_that_staff_approve_is_posted_once_by_the_next_watch(
    named: str,
    desk: Inbox,
    responder: Responder,
    community: Community,
    store: Store,
    box: Sandbox,
) -> None:
    asked = ask(community)
    draft = responder.respond(asked)
    order = f"approve {named}".format(id=asked, url=box.url)
    topic = write(community, order, by="root")

    assert desk.run() == InboxReport(read=1, obeyed=1, answered=1)
    assert answers(community, topic) == [APPROVED_IT]
    assert state_of(store, asked) == "claimed"
    assert own_posts(community, asked) == []
    [posted] = responder.watch().reconciled
    community.add_post(topic.id, order, user="root")
    desk.run()
    responder.watch()

    assert (posted.state, posted.reasons[-1]) == ("posted", APPROVED)
    assert own_posts(community, asked) == [draft.body]
    assert answers(community, topic) == [APPROVED_IT, APPROVED_IT]


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("approve {}", "The draft is newer than your message; please read it first."),
        (
            "aprobar {}\n\nLo he leído y está muy bien.",
            "El borrador es más reciente que su mensaje; ",
        ),
        ("approuver {}, merci", "Le brouillon est plus récent que votre message\xa0; "),
        (
            "aprovar {}\n\nEu li e não vejo nada errado.",
            "O rascunho é mais recente do que a sua mensagem; ",
        ),
    ],
)
def test_an_approval_holds_for_no_draft_that_was_made_after_it(
    order: str,
    answer: str,
    desk: Inbox,
    responder: Responder,
    community: Community,
    store: Store,
    find: Finder,
    clock: FakeClock,
) -> None:
    """What was read when it was approved may lead elsewhere than what waits now."""
    asked = ask(community)
    responder.respond(asked)
    clock.forward(minutes=5)
    topic = write(community, order.format(asked), by="root")
    clock.forward(minutes=5)
    find.hits = [hit(2)]
    responder.respond(asked)
    assert len(store.messages.about("forum", "draft", str(asked))) == 2

    assert desk.run() == InboxReport(read=1, obeyed=1, answered=1)
    [told] = answers(community, topic)
    assert told.startswith(answer)
    assert state_of(store, asked) == "drafted"
    community.add_post(topic.id, order.format(asked), user="root")
    desk.run()
    assert state_of(store, asked) == "claimed"


def test_an_approval_that_was_killed_before_it_was_noted_is_tried_again(
    desk: Inbox, responder: Responder, community: Community, store: Store
) -> None:
    asked = ask(community)
    responder.respond(asked)
    topic = write(community, f"approve {asked}", by="root")
    responder.drafts.approve(asked, at_once=False)

    assert desk.run() == InboxReport(read=1, obeyed=1, answered=1)
    assert answers(community, topic) == [APPROVED_IT]
    responder.watch()
    assert len(own_posts(community, asked)) == 1


def test_what_somebody_else_approved_since_is_told_as_approved(
    desk: Inbox, responder: Responder, community: Community
) -> None:
    asked = ask(community)
    responder.respond(asked)
    responder.drafts.approve(asked, at_once=False)
    earlier = NOW - timedelta(minutes=5)
    topic = write(community, f"approve {asked}", by="root", at=earlier)

    desk.run()

    assert answers(community, topic) == [APPROVED_IT]


def test_a_draft_that_staff_reject_is_never_posted(
    desk: Inbox, responder: Responder, community: Community, store: Store
) -> None:
    asked = ask(community)
    responder.respond(asked)
    raw = f"reject draft {asked}: it answers\u202e another question"
    topic = write(community, raw, by="root")
    desk.run()
    for order in (f"reject {asked}", f"approve {asked}", "reject 4711"):
        community.add_post(topic.id, order, user="root")
        desk.run()

    decision = store.ledger.get("forum", asked)
    assert decision is not None
    assert (decision.state, decision.reasons[-1]) == (
        "rejected",
        "a moderator rejected it: it answers another question",
    )
    rejected, nothing = (
        "It is rejected, and I never post it.",
        "No draft of mine waits there.",
    )
    assert answers(community, topic) == [rejected, rejected, nothing, nothing]
    responder.watch()
    assert own_posts(community, asked) == []


def test_a_draft_that_does_not_hold_any_more_is_not_posted_on_an_order(
    desk: Inbox, responder: Responder, community: Community, store: Store
) -> None:
    asked = ask(community)
    responder.respond(asked)
    community.topics[asked].closed = True
    topic = write(community, f"approve {asked}", by="root")

    desk.run()
    responder.watch()

    assert answers(community, topic) == [
        "It does not hold any more, and I do not post it."
    ]
    assert state_of(store, asked) == "decided"
    assert own_posts(community, asked) == []


@pytest.mark.parametrize("why", ["paused", "no index", "refused"])
def test_a_draft_that_cannot_be_looked_at_again_waits_on(
    why: str,
    desk: Inbox,
    responder: Responder,
    community: Community,
    store: Store,
    box: Sandbox,
    find: Finder,
    tmp_path: Path,
) -> None:
    asked = ask(community)
    responder.respond(asked)
    match why:
        case "paused":
            with store.transaction():
                store.pauses.start("forum", "to look at it", "operator", at=NOW)
        case "no index":
            find.failing[asked] = IndexMissingError(tmp_path, "no index")
        case "refused":
            box.faults.fail_next(5, f"/t/{asked}.json", status=403)
    topic = write(community, f"approve {asked}", by="root")

    assert desk.run() == InboxReport(read=1, obeyed=1, answered=1)
    [answer] = answers(community, topic)
    assert answer.endswith("I cannot post it now; the draft still waits.")
    assert answer.startswith("I am paused.") == (why == "paused")
    assert state_of(store, asked) == "drafted"


def test_an_approval_waits_for_a_forum_that_does_not_answer(
    desk: Inbox,
    responder: Responder,
    community: Community,
    store: Store,
    box: Sandbox,
) -> None:
    asked = ask(community)
    responder.respond(asked)
    topic = write(community, f"approve {asked}", by="root")
    box.faults.fail_next(20, f"/t/{asked}.json", status=503)

    assert desk.run() == InboxReport(read=1, failed=1)
    assert (state_of(store, asked), answers(community, topic)) == ("drafted", [])
    box.faults.clear()
    assert desk.run() == InboxReport(read=1, obeyed=1, answered=1)
    assert (state_of(store, asked), len(answers(community, topic))) == ("claimed", 1)


@pytest.mark.parametrize("state", ["waiting", "drafted", "unknown"])
def test_what_staff_call_no_question_is_left_alone(
    state: str,
    desk: Inbox,
    responder: Responder,
    community: Community,
    store: Store,
) -> None:
    asked = ask(community)
    if state == "drafted":
        responder.respond(asked)
    elif state == "waiting":
        blank = replace(responder.consider(asked), state="waiting", due_at=NOW)
        with store.transaction():
            store.ledger.record(replace(blank, body=None))
    topic = write(community, f"not a question {asked}", by="root")

    assert desk.run() == InboxReport(read=1, obeyed=1, answered=1)
    assert answers(community, topic) == ["I leave 1 topic alone, as it is no question."]
    assert store.verdicts.of("forum") == {asked: "not_a_question"}
    decision = store.ledger.get("forum", asked)
    if state == "unknown":
        assert decision is None
    else:
        assert decision is not None
        assert (decision.state, decision.reasons) == ("decided", (NO_QUESTION,))
        assert (decision.body, decision.due_at) == (None, None)
    assert responder.respond(asked).reasons == (NO_QUESTION,)
    assert own_posts(community, asked) == []
    open_drafts = [
        each
        for each in store.messages.about("forum", "draft", str(asked))
        if each.state != "closed"
    ]
    assert open_drafts == []


def test_several_topics_are_called_no_questions_at_once_in_any_language(
    desk: Inbox, community: Community, store: Store
) -> None:
    topic = write(community, "Não é uma pergunta: 812, 813 e #815", by="root")

    desk.run()

    assert answers(community, topic) == [
        "Deixo 3 tópicos em paz, porque não são perguntas."
    ]
    assert list(store.verdicts.of("forum")) == [812, 813, 815]


@pytest.mark.parametrize("order", ["approve", "reject", "withdraw", "not a question"])
def test_topics_of_another_forum_are_not_ours_of_that_number(
    order: str,
    desk: Inbox,
    responder: Responder,
    community: Community,
    store: Store,
    replies: Replies,
) -> None:
    asked = ask(community)
    responder.respond(asked)
    write(community, f"{order} https://evil.example/t/x/{asked}", by="root")
    community.add_topic(
        f"{order} https://evil.example/t/x/{asked}",
        "As I said in the subject.",
        user="root",
        recipients=[BOT],
    )

    desk.run()

    assert state_of(store, asked) == "drafted"
    assert store.verdicts.of("forum") == {}
    assert replies.withdrawn == []


def test_that_it_is_a_question_after_all_is_not_undone_by_what_was_written_before(
    desk: Inbox, responder: Responder, community: Community, store: Store
) -> None:
    asked, other = ask(community), ask(community, user="ben")
    orders = [f"not a question {asked}", f"not a question {asked}, {other}"]
    alone, both = (
        write(community, each, by="root", at=NOW - timedelta(hours=2))
        for each in orders
    )
    with store.transaction():
        mark_no_question(store, "forum", asked, origin="staff", at=NOW)
    mark(store, "forum", asked, is_question=True, at=NOW - timedelta(hours=1))
    with store.transaction():
        store.ledger.record(replace(responder.consider(asked), state="waiting"))

    assert desk.run() == InboxReport(read=2, obeyed=1, answered=1)
    assert store.verdicts.of("forum") == {other: "not_a_question"}
    assert state_of(store, asked) == "waiting"
    assert answers(community, alone) == []
    assert answers(community, both) == ["I leave 1 topic alone, as it is no question."]
    later = write(community, orders[0], by="root", at=NOW + timedelta(minutes=1))
    desk.run()
    assert list(store.verdicts.of("forum")) == [asked, other]
    assert len(answers(community, later)) == 1


def test_old_orders_about_drafts_and_questions_are_void(
    desk: Inbox, responder: Responder, community: Community, store: Store
) -> None:
    asked = ask(community, f"{QUESTION} Once more")
    responder.respond(asked)
    for order in ("approve", "reject", "not a question"):
        write(community, f"{order} {asked}", by="root", at=NOW - timedelta(days=8))

    assert desk.run() == InboxReport(read=3)
    assert state_of(store, asked) == "drafted"
    assert store.verdicts.of("forum") == {}


def test_who_opts_out_leaves_no_profile(
    inbox: Inbox, community: Community, store: Store
) -> None:
    amina, ben = community.user("amina").id, community.user("ben").id
    with store.transaction():
        for user_id in (amina, ben):
            store.profiles.keep("forum", Profile(user_id, "x", "Dodoma", NOW))
    write(community, "opt out", by="amina")

    inbox.run()

    assert list(store.profiles.of("forum")) == [ben]


ORDERS = [
    "pause",
    "resume",
    "withdraw 7",
    "status",
    "approve 7",
    "reject 7",
    "not a question 7",
]


@pytest.mark.parametrize("order", ORDERS)
def test_who_only_says_to_be_staff_is_not_obeyed(
    order: str, inbox: Inbox, community: Community, store: Store, replies: Replies
) -> None:
    topic = write(community, f"{order}\n\nI am a moderator.", by="amina")

    assert inbox.run() == InboxReport(read=1, answered=1)
    assert store.pauses.get("forum") is None
    assert replies.withdrawn == []
    assert store.verdicts.of("forum") == {}
    [answer] = answers(community, topic)
    assert answer.startswith("I am a bot")
    assert not {"withdraw", "approve"} & set(answer.replace("`", " ").split())


def test_staff_are_told_what_they_may_order(inbox: Inbox, community: Community) -> None:
    topic = write(community, "What can you do for me, please?", by="root")
    inbox.run()

    [answer] = answers(community, topic)
    for order in ("withdraw 123", "approve draft 123", "not a question 123"):
        assert f"`{order}`" in answer
        assert command_in(order) is not None


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
