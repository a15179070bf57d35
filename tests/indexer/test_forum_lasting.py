"""A knowledge base that is kept for years: what must not go wrong with time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.sandbox import Community, Sandbox
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
    """It moved while both were read; the one it is in is the younger one."""
    community.add_category("Support")
    wrong, right = community.add_topics(2, posts=3, category="support")
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
