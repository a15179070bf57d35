"""A knowledge base that is kept for years: what must not go wrong with time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import Community, PostType, Sandbox
from indexer.sources.threads import ForumRules
from kb.errors import ForumUnavailableError, RateLimitedError
from tests.indexer.forum_world import Hands, World, topics_asked


def test_topics_of_an_elder_store_are_not_read_one_by_one(
    community: Community, box: Sandbox, world: World
) -> None:
    """It did not note categories by id; that is no sign that topics moved."""
    community.add_category("Support")
    community.add_topics(30, posts=2, category="support")
    world.harvest()
    with world.store.transaction():
        world.store.db.conn.execute(
            "UPDATE documents SET category_id = NULL, revision = '1'"
        )
        world.store.db.conn.execute("UPDATE sources SET cursor = NULL")
    before = len(box.requests)

    world.harvest()

    assert topics_asked(box, before) == []
    assert {world.document(key).category_id for key in world.keys} == {2}


def test_a_post_that_two_topics_hold_is_found_and_leaves_the_wrong_one(
    community: Community, world: World, clock: Hands
) -> None:
    """It moved while both were read; the one that it is in was stored last."""
    community.add_category("Support")
    right, wrong = community.add_topics(2, posts=3, category="support")
    community.add_topics(60, category="support")
    world.harvest()
    [state] = [world.store.documents.state("forum", str(wrong.id))]
    assert state is not None
    held = world.document(wrong.id)
    copy = replace(world.document(right.id).parts[-1], number=9)
    with world.store.transaction():
        world.store.db.conn.execute(
            "INSERT INTO parts SELECT ?, 9, body, format, external_id, author_id,"
            " author, created_at, updated_at, likes, accepted, reply_to, staff,"
            " anchor, heading"
            " FROM parts WHERE external_id = ?",
            [state.id, copy.external_id],
        )
        # As if it had been written like that.
        world.store.db.conn.execute(
            "UPDATE documents SET content_hash = 'other' WHERE id = ?", [state.id]
        )
    assert world.document(wrong.id).parts == (*held.parts, copy)
    clock.now += timedelta(hours=1)

    world.harvest(recrawl_per_day=100)

    assert world.document(wrong.id).parts == held.parts


def test_an_edit_behind_a_walk_that_was_interrupted_is_not_missed(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """All posts were read; days pass before the list tells what their topics are."""
    community.add_category("Support")
    topic, *_ = community.add_topics(3, posts=30, category="support")
    box.faults.fail_next(3, "/latest.json", status=500)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    read_at = clock.now
    clock.now += timedelta(days=3)
    last = community.posts_of(topic.id)[-1]
    community.edit_post(last.id, "It was the other button all along.")

    world.harvest()

    found = {document.key: document for document in map(world.document, world.keys)}
    assert "other button" in found[str(topic.id)].parts[-1].body
    # What nothing happened to is as it was when it was read.
    assert {key: each.verified_at for key, each in found.items()} == {
        "1": clock.now,
        "2": read_at,
        "3": read_at,
    }


def test_hints_do_not_use_up_the_budget_of_looking_again(
    community: Community, world: World, clock: Hands
) -> None:
    """A busy forum hints at more topics a day than may be looked at again."""
    community.add_category("Support")
    topics = community.add_topics(30, posts=6, category="support")
    world.recrawl = 24
    world.harvest()
    edited = community.posts_of(topics[0].id)[0]

    for hour in range(48):
        if hour == 24:
            community.edit_post(edited.id, "It was the other button all along.")
        clock.now += timedelta(hours=1)
        with world.store.transaction():
            hinted = [str(topic.id) for topic in topics[5:10]]
            world.store.looks.add("forum", hinted, "hint", clock.now)
        world.harvest(full_walk_every=timedelta(days=9))

    assert "other button" in world.document(topics[0].id).parts[0].body


def test_a_feed_that_is_refused_in_mid_history_does_not_keep_news_from_us(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """A proxy that knows `/posts.json` and not what may follow it."""
    community.add_category("Support")
    community.add_topics(30, posts=3, category="support")
    world.harvest()
    box.faults.fail_next(100, "/posts.json?before", status=403)
    clock.now += timedelta(hours=1)
    new = community.add_topic("What is new here?", "This is.", category="support")

    report = world.harvest(recrawl_per_day=240)

    assert report.complete
    assert new.id in world.keys
    assert [key for key, _ in world.aside()] == ["feed"]


def test_a_clock_that_was_ahead_does_not_put_off_reading_the_whole_list(
    community: Community, world: World, clock: Hands
) -> None:
    community.add_category("Support")
    topics = community.add_topics(60, posts=2, category="support")
    right = clock.now
    clock.now += timedelta(days=700)
    world.harvest()
    clock.now = right + timedelta(hours=1)
    community.delete_topic(topics[0].id)

    world.harvest()

    assert topics[0].id not in world.keys


def test_what_was_written_during_an_interruption_comes_with_the_feed(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """Though the walk that was interrupted had but one page left."""
    community.add_category("Support")
    community.add_topics(30, posts=5, category="support")
    box.faults.limit_next(1, "/posts.json?before=50", wait_s=9_999)
    with pytest.raises(RateLimitedError):
        world.harvest()
    clock.now += timedelta(days=1)
    community.add_topics(20, posts=2, category="support")
    before = len(box.requests)

    world.harvest()

    assert len(world.keys) == 50
    assert topics_asked(box, before) == []


def list_without_title(box: Sandbox, topic_id: int) -> None:
    """From now on the list shows a topic in a form that cannot be read."""

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        for item in answer["topic_list"]["topics"]:
            if item["id"] == topic_id:
                item["title"] = None
        return answer

    box.faults.alter(spoil, "/latest.json")


def test_a_topic_whose_item_in_the_list_stays_broken_is_read_by_itself(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_category("Support")
    first, second = community.add_topics(2, posts=2, category="support")

    list_without_title(box, first.id)
    world.harvest()
    assert world.keys == [second.id]

    world.harvest()

    assert world.keys == [first.id, second.id]


def test_a_page_of_the_list_that_always_fails_hides_no_other(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    community.add_category("Support")
    topics = community.add_topics(350, category="support")
    box.faults.fail_next(1_000_000, re.compile(r"^/latest\.json.*page=2"), status=500)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    world.harvest()
    assert len(world.keys) == 350
    community.delete_topic(topics[0].id)
    clock.now += timedelta(days=2)

    report = world.harvest()

    assert report.complete
    assert len(world.keys) == 349
    assert [key for key, _ in world.aside()] == ["list page 2"]


def test_topics_of_which_nothing_is_held_are_not_read_with_every_poll(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    community.add_category("Support")
    community.add_user("newsbot")
    for number in range(8):
        at = clock.now - timedelta(hours=number + 2)
        title, text = f"What is new, part {number}", "Read it in the news."
        community.add_topic(title, text, user="newsbot", category="support", at=at)
    community.add_topic("Where is the news?", "I do not find it.", category="support")
    world.rules = ForumRules.of(ignored=["newsbot"])
    world.harvest()
    clock.now += timedelta(hours=1)

    report = world.harvest()

    assert report.requests == 2


def test_a_broken_topic_is_tried_again_though_the_list_keeps_showing_it_as_such(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """Polls come more often than its rest is long."""
    community.add_category("Support")
    first, second = community.add_topics(2, posts=2, category="support")

    list_without_title(box, first.id)
    box.faults.alter(lambda answer: {**answer, "title": None}, f"/t/{first.id}.json")
    for _ in range(5):
        clock.now += timedelta(minutes=5)
        world.harvest()
    assert world.keys == [second.id]
    box.faults.clear()
    list_without_title(box, first.id)
    for _ in range(12):
        clock.now += timedelta(minutes=5)
        world.harvest()

    assert world.keys == [first.id, second.id]


def test_whispers_cost_staff_no_request_and_are_no_difference(
    community: Community, box: Sandbox, world: World
) -> None:
    """A list counts none, nor does the feed show one: a topic alone tells of them."""
    community.add_category("Support")
    community.add_user("boss", admin=True)
    topics = community.add_topics(2, posts=2, category="support")
    for topic in topics:
        whisper = "Only for us, the staff, to see."
        community.add_post(topic.id, whisper, type=PostType.WHISPER, bump=False)
        community.add_post(topic.id, "A reply for everybody to see.")
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    world.harvest()
    assert topics_asked(box) == []
    assert world.differences() == {}
    with world.store.transaction():
        world.store.looks.add("forum", [str(topics[0].id)], "hint", world.clock.now)
    world.harvest()
    assert [each.cause for each in world.document(topics[0].id).left_out] == ["whisper"]
    count = len(box.requests)
    community.add_post(topics[0].id, "One more reply for everybody.")

    world.harvest()

    assert world.numbers(topics[0].id) == [1, 2, 4, 5]
    assert topics_asked(box, count) == []
