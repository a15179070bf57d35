"""A knowledge base that is kept for years: what must not go wrong with time."""

from __future__ import annotations

from bot.sandbox import Community, Sandbox
from tests.indexer.forum_world import World, topics_asked


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
