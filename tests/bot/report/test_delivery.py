"""The report on its way: to whom it goes, once, whole and in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from bot.forum_care import LiveCare
from bot.report.delivery import FRESH, HOLDS, Courier, Delivered, Finished
from bot.report.markdown import render_markdown
from bot.report.model import Report
from bot.sandbox import Community, Sandbox
from bot.sandbox.pings import links
from bot.sandbox.records import PINGS, Post
from indexer.channel import Channel
from kb.errors import (
    ConfigError,
    ForumError,
    ForumProtocolError,
    ForumReadOnlyError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.store import Store
from kb.types import TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.report.sample import hostile_report, sample_report
from tests.bot.test_forum import ask

Make = Callable[..., Courier]

# Small parts, so that there are several of one report.
SMALL = 6_000
REPORT = sample_report()
PARTS = render_markdown(REPORT, max_chars=SMALL)
TITLE = "Baraza: report of 2024-04-03 12:00 UTC to 2024-05-01 12:00 UTC"
NOTHING = Finished(0, stale=False)
STALE = Finished(0, stale=True)
SENT_LIST = "/topics/private-messages-sent"


@pytest.fixture
def make(channel_to: Callable[[], Channel], store: Store, clock: FakeClock) -> Make:
    def courier(
        recipients: Sequence[str] = ("root",), max_chars: int = SMALL, **more: Any
    ) -> Courier:
        return Courier(
            "forum",
            outbox=more.pop("outbox", None) or LiveCare(channel_to(), BOT),
            store=more.pop("store", store),
            recipients=recipients,
            clock=clock,
            max_chars=max_chars,
        )

    return courier


@pytest.fixture
def room(community: Community) -> TopicId:
    """A topic of the moderators' own, which reports go to."""
    return ask(community, "What our bot reports each week", user="root")


def written(community: Community) -> list[Post]:
    """The bot's posts in order."""
    bot = community.user(BOT).id
    return [post for post in community.posts.values() if post.user_id == bot]


def texts(community: Community) -> list[str]:
    """The same without their markers."""
    return [post.raw.partition("\n\n<!--")[0] for post in written(community)]


def posts_sent(box: Sandbox) -> int:
    return sum(each.startswith("POST") for each in box.requests)


def states(store: Store) -> list[str]:
    rows = store.db.conn.execute(
        "SELECT state FROM messages WHERE purpose = 'report' ORDER BY key"
    )
    return [row[0] for row in rows]


def kept_texts(store: Store) -> int:
    """How many parts' texts the ledger still has."""
    found = store.db.conn.execute("SELECT count(*) FROM messages WHERE body != ''")
    return int(found.fetchone()[0])


def next_of(report: Report, days: int = 28) -> Report:
    """That of another period."""
    later = timedelta(days=days)
    return replace(report, since=report.since + later, until=report.until + later)


def stop_after(
    number: int, make: Make, box: Sandbox, topic: TopicId | None = None
) -> None:
    """Deliver so many parts; then the forum is gone."""
    for _ in range(number):
        box.faults.fail_next(path="/posts.json", method="POST", delay_s=0.001)
    box.faults.fail_next(path="/posts.json", method="POST", drop=True)
    with pytest.raises(ForumUnavailableError):
        make().deliver(REPORT, topic=topic)
    box.faults.clear()


# -- to whom -------------------------------------------------------------------


def test_moderators_get_it_as_one_private_message_whose_parts_are_in_order(
    make: Make, community: Community, box: Sandbox, store: Store
) -> None:
    told = make().deliver(replace(REPORT, private=True))

    [topic] = community.topics.values()
    assert (topic.private, topic.title) == (True, TITLE)
    assert community.user("root").id in topic.recipients
    assert len(PARTS) > 2
    assert texts(community) == list(PARTS)
    assert told == Delivered(TopicId(topic.id), len(PARTS), len(PARTS))
    # Nothing was looked for that nobody can have sent.
    assert posts_sent(box) == len(box.requests) == len(PARTS)
    # What it says, names included, is on the forum alone.
    assert kept_texts(store) == 0


def test_a_topic_gets_it_as_replies(
    make: Make, community: Community, room: TopicId
) -> None:
    told = make().deliver(REPORT, topic=room)

    assert {post.topic_id for post in written(community)} == {room}
    assert texts(community) == list(PARTS)
    assert told == Delivered(room, len(PARTS), len(PARTS))


def test_nobody_is_called_by_it_and_nothing_links_back(
    make: Make, community: Community, box: Sandbox, room: TopicId
) -> None:
    asked = ask(community, "Where does the backup go?", user="ben")
    linked = replace(
        REPORT.open_now.questions[0].topic,
        title="As @ben and @amina say: #support [/quote]",
        url=f"{box.url}/t/{asked}",
    )
    question = replace(REPORT.open_now.questions[0], topic=linked)
    report = replace(REPORT, open_now=replace(REPORT.open_now, questions=(question,)))
    before = list(community.notifications)

    make().deliver(report, topic=room)

    new = [each for each in community.notifications if each not in before]
    # Who watches the topic hears of it, as of each post.
    assert [each.type for each in new if each.type in PINGS] == []
    posts = written(community)
    assert f'href="{box.url}/t/{asked}"' in posts[0].cooked
    assert [links(post.cooked, box.url) for post in posts] == [()] * len(posts)


def test_a_hostile_report_is_delivered_too(make: Make, community: Community) -> None:
    report = hostile_report()

    make(max_chars=30_000).deliver(report)

    assert texts(community) == list(render_markdown(report))


def test_a_report_of_what_is_private_goes_into_no_topic(
    make: Make, box: Sandbox, store: Store, room: TopicId
) -> None:
    with pytest.raises(ConfigError, match=r"report\.private: expected false"):
        make().deliver(replace(REPORT, private=True), topic=room)

    assert (states(store), box.requests) == ([], [])


def test_without_moderators_there_is_nobody_to_send_it_to(
    make: Make, box: Sandbox
) -> None:
    with pytest.raises(ConfigError, match=r"bot\.moderators: expected groups"):
        make(recipients=[]).deliver(REPORT)

    assert box.requests == []


# -- once ----------------------------------------------------------------------


def test_a_period_is_told_of_once_in_each_place(
    make: Make, community: Community, room: TopicId
) -> None:
    make().deliver(REPORT)
    # Made anew, of the same days, it may say something else.
    again = make().deliver(replace(REPORT, notes=("Something new.",)))
    make().deliver(REPORT, topic=room)
    make().deliver(next_of(REPORT))

    [message, next_one] = [t for t in community.topics.values() if t.private]
    assert again == Delivered(TopicId(message.id), len(PARTS), 0, before=len(PARTS))
    assert texts(community)[: 2 * len(PARTS)] == [*PARTS, *PARTS]
    assert len(community.posts_of(next_one.id)) == len(PARTS)


@pytest.mark.parametrize(
    ("fault", "number", "to_topic"),
    [
        ({"lose": True}, 1, False),
        ({"lose": True}, 2, False),
        ({"drop": True}, 1, False),
        ({"malformed": True}, 2, False),
        ({"lose": True}, 1, True),
        ({"status": 502}, 2, True),
    ],
    ids=str,
)
def test_whatever_becomes_of_an_answer_each_part_is_there_once_and_in_order(
    fault: dict[str, Any],
    number: int,
    to_topic: bool,
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    clock: FakeClock,
    room: TopicId,
) -> None:
    topic = room if to_topic else None
    for _ in range(number - 1):
        box.faults.fail_next(path="/posts.json", method="POST", delay_s=0.001)
    box.faults.fail_next(path="/posts.json", method="POST", **fault)
    # Nor can it be looked for, for now.
    box.faults.fail_next(9, path="/t/", status=502)
    box.faults.fail_next(9, path=SENT_LIST, status=502)
    with pytest.raises((ForumUnavailableError, ForumProtocolError)):
        make().deliver(REPORT, topic=topic)
    assert states(store).count("claimed") == len(PARTS) - number + 1
    box.faults.clear()
    # So long after, the forum does not know it for the same.
    clock.forward(minutes=6)

    told = make().deliver(replace(REPORT, notes=("Made anew.",)), topic=topic)

    assert texts(community) == list(PARTS)
    assert told.sent == len(PARTS) - number + 1
    assert set(states(store)) == {"sent"}
    assert make().finish(topic=topic) == NOTHING


@pytest.mark.parametrize("to_topic", [False, True])
def test_who_may_not_look_sends_nothing_and_gives_nothing_up(
    to_topic: bool,
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    clock: FakeClock,
    room: TopicId,
) -> None:
    topic, look = (room, "/t/") if to_topic else (None, SENT_LIST)
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)
    box.faults.fail_next(9, path=look, status=502)
    with pytest.raises(ForumUnavailableError):
        make().deliver(REPORT, topic=topic)
    box.faults.clear()
    clock.forward(minutes=6)
    # A proxy before the forum; the forum itself refused nothing.
    box.faults.fail_next(3, path=look, status=403)

    assert make().finish(topic=topic) == NOTHING
    with pytest.raises(ForumRejectedError, match="403"):
        make().deliver(REPORT, topic=topic)
    # Nor does it grow old enough to be made anew.
    clock.forward(minutes=6)
    assert make().finish(topic=topic) == NOTHING
    assert states(store) == ["claimed"] * len(PARTS)
    clock.forward(minutes=-6)

    assert make().deliver(REPORT, topic=topic).sent == len(PARTS)
    assert texts(community) == list(PARTS)


def test_what_was_given_up_is_looked_for_before_it_is_sent_anew(
    make: Make, community: Community, box: Sandbox, store: Store, clock: FakeClock
) -> None:
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)
    box.faults.fail_next(9, path=SENT_LIST, status=502)
    with pytest.raises(ForumUnavailableError):
        make().deliver(REPORT)
    box.faults.clear()
    clock.forward(minutes=6)
    with store.transaction():
        store.messages.give_up("report")
    assert states(store) == ["failed"] * len(PARTS)

    assert make().deliver(REPORT).sent == len(PARTS)

    assert len(community.topics) == 1
    assert texts(community) == list(PARTS)


@pytest.mark.parametrize("died_after", range(len(PARTS) + 1))
def test_a_crash_between_claim_and_confirmation_sends_nothing_twice(
    died_after: int,
    make: Make,
    community: Community,
    channel_to: Callable[[], Channel],
    store: Store,
    clock: FakeClock,
) -> None:
    class Mortal(LiveCare):
        """Dies after so many posts, before anybody hears of the last one."""

        left = died_after

        def write_to(self, *args: Any) -> Any:
            return self.counted(super().write_to, args)

        def answer_message(self, *args: Any) -> Any:
            return self.counted(super().answer_message, args)

        def counted(self, write: Callable[..., Any], args: Any) -> Any:
            if self.left == 0:
                raise KeyboardInterrupt
            place = write(*args)
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
            return place

    with pytest.raises(KeyboardInterrupt):
        make(outbox=Mortal(channel_to(), BOT)).deliver(REPORT)
    clock.forward(minutes=6)

    told = make().finish()

    assert texts(community) == list(PARTS)
    assert told.sent == len(PARTS) - max(died_after - 1, 0)
    assert make().deliver(REPORT).sent == 0
    assert len(texts(community)) == len(PARTS)


@contextmanager
def separate_store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


def test_of_two_deliveries_at_once_one_is_seen(
    make: Make, community: Community, store: Store
) -> None:
    start, failed = Barrier(4), list[BaseException]()

    def run() -> None:
        try:
            with separate_store(store.path) as own:
                courier = make(store=own)
                start.wait(5)
                courier.deliver(REPORT)
        except BaseException as exc:
            failed.append(exc)

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert failed == []
    assert len(community.topics) == 1
    assert sorted(texts(community)) == sorted(PARTS)
    assert set(states(store)) == {"sent"}


# -- refused, and held up ------------------------------------------------------


def test_where_nobody_can_be_written_to_it_may_be_tried_again(
    make: Make, community: Community, store: Store, clock: FakeClock
) -> None:
    with pytest.raises(ConfigError, match=r"bot\.moderators: .* \(422 You must select"):
        make(recipients=["nobody"]).deliver(REPORT)
    assert set(states(store)) == {"failed"}
    clock.forward(minutes=6)

    assert make().deliver(REPORT).sent == len(PARTS)
    assert texts(community) == list(PARTS)


def test_a_topic_that_is_closed_takes_no_report(
    make: Make, community: Community, store: Store, room: TopicId
) -> None:
    community.set_status(room, "closed", enabled=True)

    with pytest.raises(ConfigError, match=r"report\.topic: expected a topic that"):
        make().deliver(REPORT, topic=room)

    assert set(states(store)) == {"failed"}
    assert make().finish(topic=room) == NOTHING


def test_a_topic_of_somebody_else_takes_a_few_parts_and_the_way_out_is_told(
    make: Make,
    community: Community,
    box: Sandbox,
    room: TopicId,
    caplog: pytest.LogCaptureFixture,
) -> None:
    way_out = (
        "max_consecutive_replies posts in a row from an account in a topic of somebody "
        "else: make the bot's account the owner of it"
    )
    box.settings = replace(box.settings, max_consecutive_replies=len(PARTS) - 1)

    make().deliver(REPORT, topic=room)
    assert texts(community) == list(PARTS[:-1])
    assert way_out in caplog.text
    with pytest.raises(ConfigError, match=f"report.topic: .*{way_out}"):
        make().deliver(next_of(REPORT), topic=room)

    box.settings = replace(box.settings, blocked_words=frozenset({"open"}))
    with pytest.raises(ConfigError, match=r"bot\.moderators: .*422") as refused:
        make().deliver(REPORT)
    assert "max_consecutive" not in str(refused.value)


def test_a_part_that_is_refused_holds_up_no_other(
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    word = "academy"
    kept = [part for part in PARTS if word not in part.lower()]
    assert PARTS[0] in kept
    assert len(kept) == len(PARTS) - 1
    box.settings = replace(box.settings, blocked_words=frozenset({word}))

    told = make().deliver(REPORT)

    assert texts(community) == kept
    assert (told.parts, told.sent) == (len(kept), len(kept))
    assert states(store).count("failed") == 1
    assert "is refused, others are sent: " in caplog.text
    assert "max_consecutive" not in caplog.text
    assert make().finish() == NOTHING
    assert make().deliver(REPORT) == replace(told, sent=0, before=len(kept))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (
            lambda box: box.faults.limit_next(9, path="/posts", wait_s=900),
            RateLimitedError,
        ),
        (
            lambda box: setattr(box, "settings", replace(box.settings, read_only=True)),
            ForumReadOnlyError,
        ),
    ],
    ids=["rate limit", "read-only"],
)
def test_a_forum_that_takes_nothing_now_gets_it_later(
    spoil: Callable[[Sandbox], None],
    error: type[ForumError],
    make: Make,
    community: Community,
    box: Sandbox,
) -> None:
    spoil(box)
    with pytest.raises(error):
        make().deliver(REPORT)
    assert make().finish() == NOTHING
    box.faults.clear()
    box.settings = replace(box.settings, read_only=False)

    assert make().finish() == Finished(len(PARTS), stale=False)
    assert texts(community) == list(PARTS)


def test_one_report_that_fails_holds_up_no_other(
    make: Make, community: Community, box: Sandbox
) -> None:
    make().queue(REPORT)
    make().queue(next_of(REPORT))
    box.faults.fail_next(path=SENT_LIST, status=403)

    assert make().finish() == Finished(len(PARTS), stale=False)
    assert [t.title for t in community.topics.values()] != [TITLE]
    assert len(texts(community)) == len(PARTS)

    assert make().finish() == Finished(len(PARTS), stale=False)
    assert len(texts(community)) == 2 * len(PARTS)


def test_one_that_the_forum_refuses_ends_and_others_are_sent(
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make().queue(replace(REPORT, community="Unspeakable"))
    make().queue(next_of(REPORT))
    box.settings = replace(box.settings, blocked_words=frozenset({"unspeakable"}))

    assert make().finish() == Finished(len(PARTS), stale=False)

    assert states(store) == ["failed"] * len(PARTS) + ["sent"] * len(PARTS)
    assert "bot.moderators: expected groups" in caplog.text
    assert kept_texts(store) == 0


# -- old -----------------------------------------------------------------------


@pytest.mark.parametrize("to_topic", [False, True])
def test_what_waited_too_long_is_given_up_and_may_be_made_anew(
    to_topic: bool,
    make: Make,
    community: Community,
    store: Store,
    clock: FakeClock,
    room: TopicId,
) -> None:
    topic = room if to_topic else None
    assert make().queue(REPORT, topic=topic)
    assert not make().queue(REPORT, topic=topic)
    clock.forward(seconds=FRESH.total_seconds() + 1)

    assert make().finish(topic=topic) == STALE

    assert (states(store), texts(community)) == (["failed"] * len(PARTS), [])
    assert kept_texts(store) == 0
    anew = replace(REPORT, notes=("Made anew.",))
    assert make().queue(anew, topic=topic)
    assert make().finish(topic=topic) == Finished(len(PARTS), stale=False)
    assert texts(community) == list(render_markdown(anew, max_chars=SMALL))


def test_a_clock_that_was_put_back_makes_nothing_young(
    make: Make, community: Community, clock: FakeClock
) -> None:
    make().queue(REPORT)
    clock.forward(seconds=-FRESH.total_seconds() - 1)

    assert make().finish() == STALE
    assert texts(community) == []


def test_who_sends_by_hand_what_waited_too_long_sends_what_is_new(
    make: Make, community: Community, box: Sandbox, clock: FakeClock
) -> None:
    stop_after(0, make, box)
    clock.forward(seconds=FRESH.total_seconds() + 1)
    anew = replace(REPORT, notes=("Made anew.",))

    assert make().deliver(anew).sent == len(PARTS)

    assert texts(community) == list(render_markdown(anew, max_chars=SMALL))


def test_a_message_that_was_begun_is_gone_on_with_for_days(
    make: Make, community: Community, box: Sandbox, clock: FakeClock
) -> None:
    stop_after(1, make, box)
    clock.forward(seconds=HOLDS.total_seconds() - 1)

    assert make().finish() == Finished(len(PARTS) - 1, stale=False)

    assert texts(community) == list(PARTS)


def test_what_could_not_be_sent_for_days_is_no_news(
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop_after(1, make, box)
    clock.forward(seconds=HOLDS.total_seconds() + 1)

    assert make().finish() == NOTHING

    [message] = community.topics.values()
    assert texts(community) == list(PARTS[:1])
    assert states(store) == ["sent"] + ["closed"] * (len(PARTS) - 1)
    assert kept_texts(store) == 0
    assert "was never sent whole" in caplog.text
    in_part = Delivered(TopicId(message.id), len(PARTS), 0, before=1)
    assert make().deliver(REPORT) == in_part


def test_in_a_topic_the_rest_is_soon_no_news(
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    clock: FakeClock,
    room: TopicId,
) -> None:
    stop_after(1, make, box, room)
    clock.forward(seconds=FRESH.total_seconds() + 1)

    assert make().finish(topic=room) == NOTHING

    assert texts(community) == list(PARTS[:1])
    assert states(store) == ["sent"] + ["closed"] * (len(PARTS) - 1)


@pytest.mark.parametrize("to_topic", [False, True])
def test_what_is_old_may_have_been_begun_without_our_knowing(
    to_topic: bool,
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    clock: FakeClock,
    room: TopicId,
) -> None:
    topic = room if to_topic else None
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)
    box.faults.fail_next(9, path="/t/" if to_topic else SENT_LIST, status=502)
    with pytest.raises(ForumUnavailableError):
        make().deliver(REPORT, topic=topic)
    box.faults.clear()
    clock.forward(seconds=FRESH.total_seconds() + 1)

    told = make().finish(topic=topic)

    kept = 1 if to_topic else len(PARTS)
    assert told == Finished(kept, stale=False)
    assert texts(community) == list(PARTS[:kept])
    assert states(store).count("closed") == len(PARTS) - kept


@pytest.mark.parametrize("begun", [False, True])
def test_what_was_to_go_elsewhere_goes_nowhere(
    begun: bool,
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    room: TopicId,
) -> None:
    other = ask(community, "Another topic of the staff", user="root")
    stop_after(int(begun), make, box, other)
    make().queue(next_of(REPORT))
    make().queue(REPORT, topic=room)

    assert make().finish(topic=room) == Finished(len(PARTS), stale=False)

    posted = {post.topic_id for post in written(community)}
    assert posted == ({room, other} if begun else {room})
    ended = {"closed", "failed"} if begun else {"failed"}
    assert set(states(store)) == ended | {"sent"}
    assert kept_texts(store) == 0


def test_a_paused_bot_reports_to_moderators_and_in_no_topic(
    make: Make, community: Community, store: Store, clock: FakeClock, room: TopicId
) -> None:
    make().queue(next_of(REPORT), topic=room)
    with store.transaction():
        store.pauses.start("forum", "wrong links", "staff", at=clock())

    told = make().deliver(REPORT, topic=room)

    assert told == Delivered(None, 0, 0, paused=True)
    assert not make().queue(REPORT, topic=room)
    assert make().finish(topic=room) == NOTHING
    # What was claimed before waits for no end of the pause.
    assert states(store) == ["claimed"] * len(PARTS)
    clock.forward(seconds=FRESH.total_seconds() + 1)
    assert make().finish(topic=room) == STALE
    assert texts(community) == []
    assert make().deliver(REPORT).sent == len(PARTS)
    assert all(community.topics[p.topic_id].private for p in written(community))
    with store.transaction():
        store.pauses.end("forum", at=clock())
    assert make().finish(topic=room) == NOTHING
    assert make().deliver(REPORT, topic=room).sent == len(PARTS)


def test_parts_that_wait_for_approval_are_sent_once(
    make: Make,
    community: Community,
    box: Sandbox,
    store: Store,
    clock: FakeClock,
    room: TopicId,
) -> None:
    box.settings = replace(box.settings, approve_posts_of=frozenset({BOT}))
    box.faults.fail_next(path="/posts.json", method="POST", lose=True)
    box.faults.fail_next(9, path="/t/", status=502)
    with pytest.raises(ForumUnavailableError):
        make().deliver(REPORT, topic=room)
    box.faults.clear()
    clock.forward(minutes=6)

    told = make().deliver(REPORT, topic=room)

    assert told == Delivered(room, len(PARTS), len(PARTS))
    assert len(community.pending) == len(PARTS)
    for waiting in list(community.pending):
        community.approve(waiting.id)
    assert texts(community) == list(PARTS)
    assert make().deliver(REPORT, topic=room).sent == 0
    assert set(states(store)) == {"sent"}
