"""What clients lost: long topics, gaps, sub-categories, edits that nothing tells.

Numbers are those of the known traps of Discourse's API, see `test_all_traps`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.sandbox import Community, PostType, Sandbox, Settings
from tests.indexer.traps.world import (
    Hands,
    Json,
    World,
    alter_items,
    asked,
    shown,
    topics_asked,
)


def test_trap_08_all_posts_of_a_topic_are_read_not_twenty(
    community: Community, box: Sandbox, world: World, generation: str, road: str
) -> None:
    topic = community.add_topics(1, posts=45)[0]

    world.harvest()

    assert world.held() == shown(community)
    assert len(world.document(topic.id).parts) == 45


def test_trap_10_subcategories_are_there_where_the_site_names_no_category(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """The flag that asks for them must be the lower-case word."""
    box.settings = Settings(lazy_categories=True)
    community.add_category("Android", parent="support")
    community.add_topics(2, category="android")
    community.add_topics(1, category="support")

    world.harvest()

    assert world.held() == shown(community)
    assert "GET /categories.json?include_subcategories=true" in box.requests
    assert not [path for path in asked(box) if path.startswith("/c/")]


def test_trap_10_what_is_below_a_private_category_is_private(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """Nested in the one above it, a category may say nothing of where it is."""
    box.settings = Settings(lazy_categories=True)
    community.add_user("boss", admin=True)
    community.add_category("Staff", read_restricted=True)
    community.add_category("Rota", parent="staff")
    community.add_topics(2, category="rota")
    open_one = community.add_topics(1, category="support")[0]
    world.keyed = {"Api-Key": box.admin_key, "Api-Username": "boss"}

    world.harvest()

    assert world.keys == [open_one.id]


def test_trap_13_what_bumps_nothing_is_found_by_looking_again(
    community: Community, world: World, clock: Hands, generation: str, road: str
) -> None:
    """Edited, deleted, hidden, moved, solved, recategorised, merged: no list tells."""
    topics = community.add_topics(8, posts=4, category="support")
    world.harvest()
    clock.now += timedelta(days=2)
    posts = [community.posts_of(topic.id) for topic in topics]
    community.edit_post(posts[0][1].id, "Put better, and long enough.")
    community.delete_post(posts[1][1].id)
    community.hide_post(posts[2][1].id)
    community.withdraw_post(posts[3][1].id)
    community.solve(posts[4][2].id)
    community.set_category(topics[5].id, "uncategorized")
    community.move_posts([posts[6][2].id, posts[6][3].id], to_topic=topics[0].id)
    community.delete_topic(topics[7].id)

    # The budget of a day or two; what is odd on one day is settled on the next.
    for _ in range(4):
        world.harvest(recrawl=2000)
        clock.now += timedelta(days=1)

    assert world.held() == shown(community)
    assert world.waiting() == (0, 0)


def test_trap_14_an_edit_within_the_grace_period_is_found_though_no_version_tells(
    community: Community, world: World, clock: Hands, generation: str, road: str
) -> None:
    topic = community.add_topics(1, posts=3)[0]
    world.harvest()
    post = community.posts_of(topic.id)[1]
    version = post.version
    community.edit_post(post.id, "A word was missing here, so I add it.")
    assert post.version == version

    report = world.harvest(full=True)

    assert (report.updated, world.held()) == (1, shown(community))


def test_trap_15_gaps_in_the_numbers_are_no_missing_posts(
    community: Community, box: Sandbox, world: World, generation: str, road: str
) -> None:
    """The highest number counts what was deleted, the number of posts does not."""
    topic = community.add_topics(1, posts=60)[0]
    for post in community.posts_of(topic.id)[10:40:3]:
        community.delete_post(post.id)

    world.harvest()
    since = len(box.requests)
    report = world.harvest()

    assert world.held() == shown(community)
    numbers = [part.number for part in world.document(topic.id).parts]
    assert (len(numbers), numbers[-1]) == (50, 60)
    assert (report.unchanged, topics_asked(box, since)) == (1, [])


@pytest.mark.parametrize(
    "path",
    ["/search", "/sitemap", "/raw", "print=true"],
    ids=["trap_17", "trap_18", "trap_19", "trap_27"],
)
def test_trap_17_18_19_27_roads_that_lose_posts_are_not_taken(
    community: Community,
    box: Sandbox,
    world: World,
    road: str,
    path: str,
) -> None:
    """Search ends after ten pages, sitemaps skip topics, the raw form fails for a
    post whose author is gone, and all visitors share five printed pages an hour."""
    box.settings = Settings(sitemap=False)
    box.faults.fail_next(99, path, status=500)
    community.add_topics(3, posts=45)

    world.harvest(full=True)

    assert world.held() == shown(community)
    assert not [request for request in box.requests if path in request]


def test_trap_20_small_actions_and_descriptions_of_categories_are_no_texts(
    community: Community, box: Sandbox, world: World, generation: str, road: str
) -> None:
    topic = community.add_topics(1, posts=2, category="support")[0]
    community.set_status(topic.id, "closed", enabled=True)
    support = community.category("support")
    about = community.add_topic(
        "About the Support category", "Ask here, and be kind.", category="support"
    )
    support.topic_id = about.id

    world.harvest()

    assert world.held() == shown(community)
    found = world.document(topic.id)
    action = community.posts_of(topic.id)[2]
    assert (action.type, action.cooked) == (PostType.SMALL_ACTION, "")
    assert [(o.external_id, o.cause) for o in found.left_out] == [
        (action.id, "small action")
    ]
    assert found.closed
    assert world.waiting() == (0, 0)


def test_server_ids_that_a_topic_lists_and_does_not_serve_are_no_posts(
    community: Community, box: Sandbox, world: World, generation: str
) -> None:
    """Unknown ids are dropped without a word; they are asked for twice, no more."""
    topic = community.add_topics(1, posts=30)[0]

    def promising(data: Json) -> Json:
        stream = data["post_stream"]
        return {
            **data,
            "post_stream": {**stream, "stream": [*stream["stream"], 901, 902]},
        }

    box.faults.alter(promising, f"/t/{topic.id}.json")
    # The list counts them too, so that the topic is read.
    alter_items(box, lambda item: {**item, "posts_count": 32})

    report = world.harvest()

    assert (report.set_aside, world.held()) == (0, shown(community))
    chunks = [each for each in box.requests if "/posts.json?post_ids" in each]
    assert len(chunks) == 2


def test_server_read_only_mode_is_no_hindrance(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    box.settings = Settings(read_only=True)
    community.add_topics(3, posts=3)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
