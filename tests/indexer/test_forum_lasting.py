"""A knowledge base that is kept for years: what must not go wrong with time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sandbox import Community, Sandbox
from kb.errors import ForumUnavailableError
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
            " author, created_at, updated_at, likes, accepted, reply_to, staff"
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
