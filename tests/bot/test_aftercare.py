"""What becomes of a reply that stands, on a real socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.aftercare import Aftercare, CareReport
from bot.amending import folded, links_left, unfolded, withdrawn, without_links
from bot.care import OwnPost
from bot.catalogue import shipped
from bot.compose import compose
from bot.forum import LiveForum
from bot.forum_care import LiveCare
from bot.sandbox import Community, Sandbox
from bot.sandbox.faults import RandomKind
from bot.sandbox.records import Post, PostType, Topic
from bot.topic import marker
from indexer.channel import Channel
from kb.store import Decision, Store
from kb.types import PostId, TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW, hit

ENGLISH = shipped().of("en")

KINDS: tuple[RandomKind, ...] = ("503", "drop", "lose", "truncate", "malformed")


class Pages:
    """Knows which pages of other sources are gone; see `KnownDead`."""

    def __init__(self) -> None:
        self.dead: dict[str, tuple[str, bool]] = {}

    def trouble_with(self, source: str, key: str) -> tuple[str, bool]:
        return self.dead.get(key, ("", True))

    def note(self) -> None:
        """Nothing to keep."""


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def care(channel_to: Callable[[], Channel]) -> LiveCare:
    return LiveCare(channel_to(), BOT)


@pytest.fixture
def after(
    box: Sandbox,
    care: LiveCare,
    forum: LiveForum,
    store: Store,
    clock: FakeClock,
    pages: Pages,
) -> Aftercare:
    return made(box, care, forum, store, clock, pages)


def made(
    box: Sandbox,
    care: LiveCare,
    forum: LiveForum,
    store: Store,
    clock: FakeClock,
    pages: Pages,
) -> Aftercare:
    return Aftercare(
        "forum",
        care=care,
        forum=forum,
        store=store,
        languages=["en"],
        base_url=box.url,
        dead=pages,
        clock=clock,
    )


@pytest.fixture
def old(community: Community) -> Topic:
    """A thread that may be linked."""
    return community.add_topic("An older thread here", "It is told here.", user="ben")


@pytest.fixture
def asked(community: Community, old: Topic) -> Topic:
    return community.add_topic(
        "How do I back up?", "Every night, if I can.", user="amina"
    )


@pytest.fixture
def reply(
    box: Sandbox, community: Community, store: Store, asked: Topic, old: Topic
) -> Post:
    """The bot's reply, which links two pages and a thread."""
    thread = f"{box.url}/t/{old.id}/1"
    picks = [hit(1), hit(2), hit(3, source="forum", key=str(old.id), url=thread)]
    topic_id = TopicId(asked.id)
    body = compose(
        picks,
        topic_id=topic_id,
        question="backup",
        language="en",
        community="Example",
        at=NOW,
    )
    post = community.add_post(asked.id, body, user=BOT, literal=True)
    suggestions = [
        {
            "url": each.url,
            "source": each.document.source,
            "key": each.document.key,
            "part": 1,
            "kind": "docs",
            "confidence": 0.9,
        }
        for each in picks
    ]
    claimed = Decision(
        "forum",
        topic_id,
        asked.title,
        "public",
        "claimed",
        ("it is sure",),
        NOW,
        suggestions=suggestions,
        body=body,
        language="en",
    )
    with store.transaction():
        store.ledger.record(claimed)
        store.ledger.settle(
            "forum", topic_id, "posted", at=NOW, post_id=PostId(post.id)
        )
    return post


def stored(store: Store, topic: Topic) -> Decision:
    found = store.ledger.get("forum", TopicId(topic.id))
    assert found is not None
    return found


def writes(box: Sandbox) -> list[str]:
    return [each for each in box.requests if not each.startswith("GET ")]


def told(store: Store, topic: Topic) -> list[tuple[str, int, bool]]:
    return [
        (each.kind, each.value, each.staff)
        for each in store.feedback.of("forum", TopicId(topic.id))
    ]


def test_a_reply_that_nobody_speaks_of_is_left_alone(
    after: Aftercare, box: Sandbox, store: Store, asked: Topic, reply: Post
) -> None:
    before = stored(store, asked)

    assert after.run() == CareReport(looked=1)
    assert stored(store, asked) == replace(before, looked_at=NOW)
    assert box.requests == [
        f"GET /posts/{reply.id}.json",
        f"GET /t/{asked.id}/2.json?include_raw=true",
        # The store knows nothing of the thread, so the forum is asked.
        f"GET /t/{before.suggestions[2]['key']}.json",
        "GET /site.json",
        f"GET /posts/by_number/{before.suggestions[2]['key']}/1.json",
    ]
    assert after.run() == CareReport(), "it is looked at again later"


def test_what_members_make_of_it_is_noted(
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    box.settings = replace(box.settings, reactions=True)
    community.like(reply.id, "amina")
    community.react(reply.id, "ben", "-1")
    community.add_post(asked.id, ":-1: not this", user="cara", reply_to=2)
    community.add_post(asked.id, "👎", user="dan")

    after.run()

    assert told(store, asked) == [
        ("like", 1, False),
        ("reaction", -1, False),
        ("word", -1, False),
    ]
    assert writes(box) == []

    community.unlike(reply.id, "amina")
    community.take_reaction_back(reply.id, "ben")
    community.solve(reply.id)
    community.hide_post(reply.id)
    clock.forward(hours=1)
    after.run()
    assert told(store, asked) == [
        ("word", -1, False),
        ("flag", -1, False),
        ("solution", 1, False),
    ]
    assert stored(store, asked).state == "posted"


def test_what_staff_say_below_a_whisper_is_heard(
    after: Aftercare,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    """An answer to a whisper is one; below a reply for all it is staff's talk."""
    community.user(BOT).moderator = True
    said = community.add_post(asked.id, "👎", user="root", reply_to=2)
    said.type = PostType.WHISPER

    assert after.run() == CareReport(looked=1)
    reply.type = PostType.WHISPER
    clock.forward(hours=1)
    assert after.run() == CareReport(looked=1, withdrawn=1)
    assert told(store, asked) == [("word", -1, True)]


def test_a_reply_that_was_moved_is_looked_after_where_it_stands(
    after: Aftercare, community: Community, store: Store, asked: Topic, reply: Post
) -> None:
    moved = community.move_posts([reply.id], title="Another question of the same kind")
    community.add_post(moved.id, "👎", user="ben", reply_to=1)

    assert after.run() == CareReport(looked=1)
    assert told(store, asked) == [("word", -1, False)]


@pytest.mark.parametrize("way", ["reaction", "word"])
def test_a_moderator_who_disapproves_is_heeded(
    way: str,
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
) -> None:
    box.settings = replace(box.settings, reactions=True)
    if way == "reaction":
        community.react(reply.id, "root", "-1")
    else:
        community.add_post(asked.id, "Please withdraw this.", user="root", reply_to=2)

    assert after.run() == CareReport(looked=1, withdrawn=1)
    assert community.posts[reply.id].user_deleted
    assert stored(store, asked).state == "withdrawn"
    assert stored(store, asked).reasons[-1] == "a moderator disapproves of it"
    assert told(store, asked) == [(way, -1, True)]
    assert after.run() == CareReport()


def test_what_may_not_be_deleted_is_edited_down_to_one_line(
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
) -> None:
    community.add_post(asked.id, "Withdraw.", user="root", reply_to=2)
    box.faults.fail_next(
        path=f"/posts/{reply.id}", method="DELETE", status=403, body="{}"
    )

    after.run()

    kept = community.posts[reply.id]
    assert kept.raw == withdrawn(TopicId(asked.id), ENGLISH)
    assert kept.edit_reason == "withdrawn"
    assert stored(store, asked).state == "withdrawn"


def test_a_refusal_to_change_it_is_not_asked_for_again_at_once(
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    """The time in which authors may change their posts is over."""
    clock.forward(days=20)
    community.user(BOT).trust_level = 1
    community.add_post(asked.id, "Withdraw.", user="root", reply_to=2)

    assert after.run() == CareReport(looked=1, failed=1)
    assert (
        stored(store, asked).reasons[-1] == "the forum does not let us see to it (422)"
    )
    assert stored(store, asked).state == "posted"
    assert after.run() == CareReport()
    assert told(store, asked) == [("word", -1, True)]


@pytest.mark.parametrize("fault", [{"lose": True}, {"truncate": True}])
def test_a_lost_answer_to_a_withdrawal_changes_nothing(
    fault: dict[str, Any],
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
) -> None:
    community.add_post(asked.id, "Withdraw.", user="root", reply_to=2)
    box.faults.fail_next(path=f"/posts/{reply.id}", method="DELETE", **fault)

    assert after.run() == CareReport(looked=1, withdrawn=1)
    assert stored(store, asked).state == "withdrawn"
    assert writes(box) == [f"DELETE /posts/{reply.id}.json"]


def test_moderators_who_remove_it_are_heard_once_it_is_sure(
    after: Aftercare,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    community.delete_post(reply.id)

    assert after.run() == CareReport(looked=1)
    assert stored(store, asked).state == "posted"
    clock.forward(hours=1)
    assert after.run() == CareReport(looked=1, withdrawn=1)
    assert stored(store, asked).state == "withdrawn"
    assert told(store, asked) == [("removal", -1, True)]


def test_a_topic_that_went_says_nothing_of_the_reply(
    after: Aftercare,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    community.delete_topic(asked.id)

    after.run()
    clock.forward(hours=1)
    after.run()

    assert stored(store, asked).reasons[-1] == "its topic is gone"
    assert told(store, asked) == []


def test_a_solution_of_a_member_goes_first(
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    answer = community.add_post(asked.id, "Use this script for it.", user="ben")
    community.solve(answer.id)
    before, called = reply.raw, community.pings()

    assert after.run() == CareReport(looked=1, edited=1)

    there = f"{box.url}/t/{asked.id}/3"
    raw = community.posts[reply.id].raw
    first = f"A member has answered this: [to the solution]({there})"
    assert raw.startswith(f'{first}\n\n[details="What I pointed to before"]\n\nThese')
    assert raw.endswith(f"*\n\n{marker(TopicId(asked.id))}")
    assert community.posts[reply.id].edit_reason == "brought up to date"
    assert stored(store, asked).body == raw
    assert raw.replace(first, "").split() == folded_words(before)
    assert community.pings() == called, "nobody is called by it"
    clock.forward(days=1)
    assert after.run() == CareReport(looked=1), "and only once"


@pytest.mark.parametrize("end", ["unmarked", "deleted", "ours"])
def test_the_first_line_follows_the_solution(
    end: str,
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    before = reply.raw
    first = community.add_post(asked.id, "Use this script for it.", user="ben")
    second = community.add_post(asked.id, "No, use that script.", user="root")
    community.solve(first.id)
    after.run()
    once = community.posts[reply.id].raw

    community.solve(second.id)
    clock.forward(hours=1)
    assert after.run() == CareReport(looked=1, edited=1)
    raw = community.posts[reply.id].raw
    assert raw == once.replace(f"/t/{asked.id}/3)", f"/t/{asked.id}/4)")

    if end == "unmarked":
        community.unsolve(second.id)
    elif end == "deleted":
        community.delete_post(second.id)
    else:
        community.solve(reply.id)
    clock.forward(hours=1)
    assert after.run() == CareReport(looked=1, edited=1)
    assert community.posts[reply.id].raw == before
    assert stored(store, asked).body == before
    clock.forward(days=1)
    assert after.run() == CareReport(looked=1)


@pytest.mark.parametrize("gone", ["page", "thread", "forgotten"])
def test_one_dead_link_in_a_sentence_takes_the_reply_along_only_if_it_is_private(
    gone: str,
    after: Aftercare,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    pages: Pages,
    old: Topic,
) -> None:
    if gone == "thread":
        community.set_category(old.id, "staff")
        url = f"/t/{old.id}/1"
    else:
        pages.dead["page-1"] = "it is gone (404)", True
        url = "https://docs.example/page-1"
    if gone == "forgotten":
        suggestions = [
            {**each, "forgotten": "page-1" in str(each["url"])}
            for each in stored(store, asked).suggestions
        ]
        with store.transaction():
            store.ledger.revise(
                "forum",
                TopicId(asked.id),
                body=reply.raw,
                suggestions=suggestions,
                at=NOW,
                reason="forgotten",
            )
    body = "\n".join(
        f"See {line[2:]}" if line.startswith("- [") and url in line else line
        for line in reply.raw.splitlines()
    )
    community.edit_post(reply.id, body, literal=True)

    report = after.run()

    if gone == "page":
        assert report == CareReport(looked=1)
        assert stored(store, asked).reasons[-1] == (
            "cannot take out https://docs.example/page-1: it is gone (404)"
        )
    else:
        assert report == CareReport(looked=1, withdrawn=1)


def without_blocks(body: str, urls: set[str]) -> str:
    """What a composed reply is without some of its items."""
    blocks = body.split("\n\n")
    return "\n\n".join(
        block
        for block in blocks
        if not any(block.startswith("- [") and f"]({url})" in block for url in urls)
    )


def folded_words(before: str) -> list[str]:
    head, tail = before.split("\n\n*I am a bot")
    fold = '[details="What I pointed to before"]'
    return f"{fold} {head} [/details] *I am a bot{tail}".split()


def test_a_reply_of_ours_that_is_the_solution_stays(
    after: Aftercare, box: Sandbox, community: Community, asked: Topic, reply: Post
) -> None:
    community.solve(reply.id)

    assert after.run() == CareReport(looked=1)
    assert writes(box) == []


def test_a_paused_bot_steps_back_later(
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
) -> None:
    community.solve(community.add_post(asked.id, "Use this script.", user="ben").id)
    with store.transaction():
        store.pauses.start("forum", "because", "staff", at=NOW)

    assert after.run() == CareReport(looked=1)
    with store.transaction():
        store.pauses.end("forum", at=NOW)
    clock.forward(hours=1)
    assert after.run() == CareReport(looked=1, edited=1)
    assert len(writes(box)) == 1


def test_a_dead_link_is_taken_out_and_the_last_one_takes_the_reply_along(
    after: Aftercare,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    pages: Pages,
    old: Topic,
    clock: FakeClock,
) -> None:
    before = reply.raw
    pages.dead["page-1"] = "it is gone (404)", True
    pages.dead["page-2"] = "not known to be alive", False

    assert after.run() == CareReport(looked=1, edited=1)
    raw = community.posts[reply.id].raw
    assert raw == without_blocks(before, {"https://docs.example/page-1"})
    decision = stored(store, asked)
    assert [each.get("removed") for each in decision.suggestions] == [True, None, None]
    assert decision.body == raw
    assert decision.reasons[-1] == (
        "taken out https://docs.example/page-1: it is gone (404)"
    )

    clock.forward(hours=1)
    assert after.run() == CareReport(looked=1)
    community.set_category(old.id, "staff")
    pages.dead["page-2"] = "it is over", True
    clock.forward(days=1)
    assert after.run() == CareReport(looked=1, withdrawn=1)
    assert stored(store, asked).reasons[-1] == "nothing that it points to is left"


def test_a_reply_that_moderators_rewrote_is_theirs(
    after: Aftercare, box: Sandbox, community: Community, reply: Post, pages: Pages
) -> None:
    pages.dead["page-1"] = "it is gone", True
    community.edit_post(reply.id, "See https://docs.example/page-1 for more of this.")

    assert after.run() == CareReport(looked=1)
    assert writes(box) == []


def test_what_a_moderator_changed_meanwhile_is_not_overwritten(
    box: Sandbox,
    care: LiveCare,
    forum: LiveForum,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
    pages: Pages,
    channel_to: Callable[[], Channel],
) -> None:
    class Late(LiveCare):
        def edit(self, post: OwnPost, markdown: str, reason: str) -> None:
            if "Note" not in community.posts[reply.id].raw:
                community.edit_post(reply.id, f"Note.\n\n{post.raw}", literal=True)
            super().edit(post, markdown, reason)

    pages.dead["page-1"] = "it is gone", True
    after = made(box, Late(channel_to(), BOT), forum, store, clock, pages)

    assert after.run() == CareReport(looked=1, failed=1)
    assert after.run() == CareReport(looked=1, edited=1)
    raw = community.posts[reply.id].raw
    assert raw.startswith("Note.\n\nThese")
    assert links_left(raw, ["https://docs.example/page-1"]) == 0


@pytest.mark.parametrize(
    "fault", [{"lose": True}, {"malformed": True}, {"status": 503}, {"drop": True}]
)
def test_after_any_fault_of_an_edit_the_same_text_stands(
    fault: dict[str, Any],
    after: Aftercare,
    box: Sandbox,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    pages: Pages,
) -> None:
    pages.dead["page-1"] = "it is gone", True
    wanted = without_links(reply.raw, ["https://docs.example/page-1"])
    box.faults.fail_next(path=f"/posts/{reply.id}", method="PUT", **fault)

    after.run()
    after.run()

    assert community.posts[reply.id].raw == wanted
    assert stored(store, asked).body == wanted
    assert stored(store, asked).looked_at == NOW


def test_killed_between_edit_and_record_it_is_found_done(
    box: Sandbox,
    after: Aftercare,
    forum: LiveForum,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
    pages: Pages,
    channel_to: Callable[[], Channel],
) -> None:
    class KilledError(BaseException):
        pass

    class Mortal(LiveCare):
        def edit(self, post: OwnPost, markdown: str, reason: str) -> None:
            super().edit(post, markdown, reason)
            raise KilledError

    pages.dead["page-1"] = "it is gone", True
    mortal = made(box, Mortal(channel_to(), BOT), forum, store, clock, pages)
    with pytest.raises(KilledError):
        mortal.run()
    assert stored(store, asked).body != community.posts[reply.id].raw

    assert after.run() == CareReport(looked=1)
    assert stored(store, asked).body == community.posts[reply.id].raw
    assert stored(store, asked).suggestions[0]["removed"] is True
    assert [each[:3] for each in writes(box)] == ["PUT"]


def test_asked_to_wait_nothing_more_is_looked_at(
    after: Aftercare,
    box: Sandbox,
    forum: LiveForum,
    store: Store,
    asked: Topic,
    reply: Post,
    pages: Pages,
    clock: FakeClock,
    channel_to: Callable[[], Channel],
) -> None:
    pages.dead["page-1"] = "it is gone", True
    wait = {"Retry-After": "3000"}
    path = f"/posts/{reply.id}"
    box.faults.fail_next(path=path, method="PUT", status=429, headers=wait)

    assert after.run() == CareReport(looked=1, failed=1)
    assert stored(store, asked).looked_at is None
    later = made(box, LiveCare(channel_to(), BOT), forum, store, clock, pages)
    assert later.run() == CareReport(looked=1, edited=1)


def test_a_run_stops_when_told_to(after: Aftercare, box: Sandbox, reply: Post) -> None:
    assert after.run(lambda: True) == CareReport()
    assert box.requests == []


@given(
    titles=st.lists(st.text(), min_size=1, max_size=4),
    text=st.text(),
    gone=st.sets(st.integers(1, 4)),
)
def test_without_some_links_a_reply_has_exactly_the_others(
    titles: list[str], text: str, gone: set[int]
) -> None:
    numbers = range(1, len(titles) + 1)
    picks = [
        hit(number, title=title, text=text)
        for number, title in zip(numbers, titles, strict=True)
    ]
    body = compose(
        picks,
        topic_id=TopicId(7),
        question=text,
        language="en",
        community="Example",
        at=NOW,
    )
    urls = {number: picks[number - 1].url for number in numbers}
    dead = {urls[number] for number in gone if number in urls}
    left = [number for number in numbers if urls[number] not in dead]

    found = without_links(body, dead)

    if not left:
        assert found is None
        return
    assert found is not None
    assert found == without_blocks(body, dead)
    assert without_links(found, dead) == found


def test_folding_twice_changes_nothing() -> None:
    body = "Intro.\n\n- [A](https://x.org) · docs\n\n*I am a bot.*"
    once = folded(
        body, solution="https://f.org/t/7/3", topic_id=TopicId(7), words=ENGLISH
    )

    again = folded(
        once, solution="https://f.org/t/7/4", topic_id=TopicId(7), words=ENGLISH
    )
    assert again == once.replace("/t/7/3", "/t/7/4")
    assert without_links(once, ["https://x.org"]) is None


@pytest.mark.parametrize("bullet", ["-", "*", "+", "1.", "*  ", "  *"])
def test_an_item_is_one_whatever_bullet_an_editor_gave_it(bullet: str) -> None:
    body = (
        f"{bullet} [A](https://x.org) · docs\n  > yes\n"
        f"{bullet} [B](https://y.org) · docs\n\nA bot."
    )

    left = without_links(body, ["https://x.org"])
    assert left == f"{bullet} [B](https://y.org) · docs\n\nA bot."


def test_a_link_that_stands_in_a_sentence_stays() -> None:
    body = "See [A](https://x.org).\n\n- [B](https://y.org) · docs"

    assert without_links(body, ["https://x.org"]) == body
    assert without_links(body, ["https://z.org"]) == body
    text = "See [A](https://x.org) or [B](https://y.org)."
    assert without_links(text, ["https://x.org"]) is None
    assert without_links(text, ["https://x.org"], others=["https://y.org"]) == text


def test_unfolded_a_reply_reads_as_before() -> None:
    mark = marker(TopicId(7))
    body = (
        f"Intro.\n\n[quote]\n\n- [A](https://x.org) · docs\n\n[/quote]\n\n*B*\n\n{mark}"
    )
    once = folded(
        body, solution="https://f.org/t/7/3", topic_id=TopicId(7), words=ENGLISH
    )
    nested = once.replace("Intro.", '[details="More"]\nI\n[/details]')

    assert unfolded(once) == body
    assert unfolded(body) == body
    assert unfolded(nested).count("[/details]") == 1
    theirs = '[details="More"]\n\nIntro.\n\n[/details]'
    assert unfolded(theirs) == theirs


@pytest.mark.parametrize("seed", range(4))
def test_over_a_forum_that_fails_now_and_then_it_ends_the_same(
    seed: int,
    box: Sandbox,
    forum: LiveForum,
    community: Community,
    store: Store,
    asked: Topic,
    reply: Post,
    clock: FakeClock,
    pages: Pages,
    channel_to: Callable[[], Channel],
) -> None:
    pages.dead["page-1"] = "it is gone", True
    community.solve(community.add_post(asked.id, "Use this script.", user="ben").id)
    wanted = folded(
        without_blocks(reply.raw, {"https://docs.example/page-1"}),
        solution=f"{box.url}/t/{asked.id}/3",
        topic_id=TopicId(asked.id),
        words=ENGLISH,
    )
    box.faults.at_random(0.4, seed, kinds=KINDS)

    for _ in range(20):
        made(box, LiveCare(channel_to(), BOT), forum, store, clock, pages).run()
        clock.forward(hours=1)
    box.faults.clear()
    clock.forward(days=1)
    made(box, LiveCare(channel_to(), BOT), forum, store, clock, pages).run()

    assert community.posts[reply.id].raw == wanted
    assert stored(store, asked).body == wanted
    assert stored(store, asked).state == "posted"
    assert community.posts[reply.id].version <= 2
