"""A forum harvested from the sandbox: what becomes of it, and what a walk costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import Community, PostType, Sandbox, Settings
from indexer.sources.threads import ForumRules
from kb.errors import ForumUnavailableError, SourceError
from kb.types import Document, DocumentId, Kind, LeftOut, Part
from tests.indexer.forum_world import (
    START,
    Hands,
    World,
    asked,
    complicate,
    ids,
    topics_asked,
)
from tests.indexer.samples import content

# -- what a thread becomes -------------------------------------------------


def test_a_topic_becomes_a_thread_with_its_posts(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_category("Support")
    topic = community.add_topic(
        "How do I <import> data?",
        "I have a CSV file.",
        cooked="<p>I have a CSV file.</p>",
        user="amina",
        category="support",
        tags=["import", "csv"],
        at=START - timedelta(hours=5),
    )
    answer = community.add_post(
        topic.id,
        "Use the app.",
        cooked="<p>Use the app.</p>",
        user="bo",
        reply_to=1,
        at=START - timedelta(hours=4),
    )
    community.like(answer.id, "amina")
    community.solve(answer.id)

    report = world.harvest()

    assert (report.inserted, report.complete, report.set_aside) == (1, True, 0)
    # Fifty posts come in one request: no topic is asked for by itself.
    assert asked(box) == ["/site.json", "/posts.json", "/latest.json"]
    assert report.requests == 3
    assert report.phases == {"categories": 1, "posts": 1, "topics": 1}
    question = community.posts_of(topic.id)[0]
    stored = world.document(topic.id)
    assert stored == Document(
        source="forum",
        kind=Kind.THREAD,
        key=str(topic.id),
        url=f"{box.url}/t/{topic.id}",
        title="How do I <import> data?",
        parts=(
            Part(
                number=1,
                body="<p>I have a CSV file.</p>",
                external_id=question.id,
                author_id=community.user("amina").id,
                author="amina",
                created_at=START - timedelta(hours=5),
                updated_at=question.updated_at,
            ),
            Part(
                number=2,
                body="<p>Use the app.</p>",
                external_id=answer.id,
                author_id=community.user("bo").id,
                author="bo",
                created_at=START - timedelta(hours=4),
                updated_at=answer.updated_at,
                likes=1,
                accepted=True,
                reply_to=1,
            ),
        ),
        category="Support",
        category_id=community.category("support").id,
        tags=("import", "csv"),
        created_at=START - timedelta(hours=5),
        updated_at=answer.updated_at,
        solved=True,
        revision=stored.revision,
        views=stored.views,
        likes=1,
        verified_at=START,
    )


@pytest.mark.parametrize("alone", [False, True], ids=["put together", "read"])
@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_both_ages_of_the_software_give_the_same_documents(
    community: Community, box: Sandbox, world: World, generation: Any, alone: bool
) -> None:
    """From the feed and the list, and from the topic itself."""
    box.settings = Settings(generation=generation)
    topic = community.add_topics(1, posts=3)[0]
    community.set_tags(topic.id, ["a", "b"])
    community.solve(community.posts_of(topic.id)[2].id)
    if alone:
        complicate(community, topic)
    world.harvest()
    found = world.document(topic.id)
    assert (found.tags, found.solved) == (("a", "b"), True)
    assert [part.accepted for part in found.parts] == [False, False, True]
    assert topics_asked(box) == ([topic.id] if alone else [])


def test_our_own_replies_are_no_evidence_and_solve_nothing(
    community: Community, world: World
) -> None:
    world.rules = ForumRules.of(ignored=["Baraza"])
    topic = community.add_topics(1, posts=2)[0]
    ours = community.add_post(topic.id, "See these links.", user="baraza")
    community.solve(ours.id)
    world.harvest()
    found = world.document(topic.id)
    assert [part.number for part in found.parts] == [1, 2]
    assert not found.solved
    assert found.left_out == (LeftOut(ours.id, 3, "ignored author"),)


def test_what_readers_do_not_see_is_not_kept(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_user("boss", admin=True)
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    topic = community.add_topics(1, posts=4)[0]
    posts = community.posts_of(topic.id)
    community.hide_post(posts[1].id)
    community.withdraw_post(posts[2].id)
    whisper = community.add_post(
        topic.id, "Only for us, the staff.", type=PostType.WHISPER
    )
    community.set_status(topic.id, "closed", enabled=True)
    world.harvest()
    found = world.document(topic.id)
    assert [part.number for part in found.parts] == [1, 4]
    assert found.closed
    small = community.posts_of(topic.id)[-1]
    assert found.left_out == (
        LeftOut(posts[1].id, 2, "hidden"),
        LeftOut(posts[2].id, 3, "deleted"),
        LeftOut(whisper.id, 5, "whisper"),
        LeftOut(small.id, 6, "small action"),
    )


def test_a_topic_without_a_readable_post_is_skipped_and_leaves(
    community: Community, world: World
) -> None:
    world.rules = ForumRules.of(ignored=["discobot"])
    community.add_topic("Welcome to this forum", "Hello and welcome.", user="discobot")
    topic = community.add_topics(1)[0]
    assert world.harvest().skipped == {"no readable post": 1}
    community.hide_post(community.posts_of(topic.id)[0].id)
    report = world.harvest(full=True)
    assert (report.deleted, report.skipped) == (1, {"no readable post": 2})
    assert world.keys == []


def test_a_forum_that_wants_a_login_says_what_to_do(box: Sandbox, world: World) -> None:
    box.settings = Settings(login_required=True)
    with pytest.raises(SourceError) as caught:
        world.harvest()
    assert str(caught.value) == (
        f"forum: {box.url} shows nothing without a login: "
        "set api_key_env and api_username, or user_api_key_env"
    )
    assert world.store.progress.source("forum").last_error == str(caught.value)


def test_a_wrong_key_is_said_without_showing_it(box: Sandbox, world: World) -> None:
    world.headers = {"Api-Key": "wr0ng-k3y", "Api-Username": "amina"}
    with pytest.raises(SourceError, match="refuses our key or account") as caught:
        world.harvest()
    assert "wr0ng-k3y" not in str(caught.value)


# -- the next walks --------------------------------------------------------


def test_a_second_walk_reads_no_topic_again(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(65)
    world.harvest()
    before, count = content(world.store, "forum"), len(box.requests)
    report = world.harvest()
    assert (report.unchanged, report.inserted, report.updated) == (30, 0, 0)
    assert asked(box, count) == ["/posts.json", "/latest.json"]
    assert content(world.store, "forum") == before


def test_a_new_reply_is_read_and_the_rest_is_not(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = community.add_topics(65, posts=2)
    world.harvest()
    kept = world.store.passages.of_document(_id(world, topics[3].id))[0].id
    clock.now += timedelta(hours=1)
    community.add_post(topics[3].id, "One more thing about it.")
    clock.now += timedelta(hours=1)
    count = len(box.requests)
    report = world.harvest()
    assert (report.updated, report.passages_added) == (1, 1)
    assert asked(box, count) == ["/posts.json", "/latest.json"]
    assert world.store.passages.of_document(_id(world, topics[3].id))[0].id == kept


def test_a_new_topic_is_read_with_all_that_was_said_in_it(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    community.add_topics(65, posts=2)
    world.harvest()
    clock.now += timedelta(hours=1)
    new = community.add_topic("A question that came later", "How is it done?")
    community.add_post(new.id, "Like this, as far as I know.", user="helper")
    clock.now += timedelta(hours=1)
    count = len(box.requests)
    report = world.harvest()
    assert (report.inserted, world.numbers(new.id)) == (1, [1, 2])
    assert world.document(new.id).verified_at == clock.now
    assert asked(box, count) == ["/posts.json", "/latest.json"]


def test_a_stopped_walk_goes_on_where_no_topic_was_read(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(110)
    box.faults.fail_next(3, re.compile("^/latest.json.*page=1$"), status=503)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    assert world.keys == ids(topics[10:])
    count = len(box.requests)
    report = world.harvest()
    assert (report.inserted, report.unchanged) == (10, 100)
    assert world.keys == ids(topics)
    # Their posts were kept: not one is read again, nor is a topic.
    assert asked(box, count) == [
        "/site.json",
        "/posts.json",
        *["/latest.json"] * 2,
    ]


@pytest.mark.parametrize(("generation", "pages"), [("2022", 3), ("2026", 1)])
def test_the_whole_list_is_read_when_it_was_long_ago(
    community: Community,
    box: Sandbox,
    world: World,
    clock: Hands,
    generation: Any,
    pages: int,
) -> None:
    """It tells what has left that is elder than the newest page of posts."""
    box.settings = Settings(generation=generation)
    topics = community.add_topics(65)
    world.harvest()
    community.delete_topic(topics[0].id)
    clock.now += timedelta(days=6)
    assert world.harvest(full_walk_every=timedelta(days=7)).deleted == 0
    clock.now += timedelta(days=1)
    count = len(box.requests)
    report = world.harvest(full_walk_every=timedelta(days=7))
    assert (report.deleted, world.keys) == (1, ids(topics[1:]))
    assert asked(box, count) == [
        "/site.json",
        "/posts.json",
        *["/latest.json"] * pages,
        f"/t/{topics[0].id}.json",
        "/site.json",
    ]


def test_edits_that_bump_nothing_are_found_by_a_full_walk(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topic = community.add_topics(30, posts=2)[0]
    world.harvest()
    clock.now += timedelta(hours=1)
    community.edit_post(community.posts_of(topic.id)[0].id, "A question, put better.")
    assert world.harvest().updated == 0
    count = len(box.requests)
    report = world.harvest(full=True)
    assert (report.updated, report.passages_added, report.passages_removed) == (1, 1, 1)
    # By two pages of posts and a look at what came meanwhile, not by thirty topics.
    assert asked(box, count) == [
        "/site.json",
        *["/posts.json"] * 3,
        "/latest.json",
    ]


def test_edits_among_the_newest_posts_are_found_by_the_next_walk(
    community: Community, box: Sandbox, world: World
) -> None:
    topic = community.add_topics(1, posts=3)[0]
    world.harvest()
    community.edit_post(community.posts_of(topic.id)[0].id, "A question, put better.")
    count = len(box.requests)
    report = world.harvest()
    assert (report.updated, report.passages_added, report.passages_removed) == (1, 1, 1)
    assert asked(box, count) == ["/posts.json", "/latest.json"]


def _id(world: World, topic_id: int) -> DocumentId:
    return world.store.documents.states("forum")[str(topic_id)].id
