"""Lists that move, end early, repeat or lead back: pages of topics and of posts.

Numbers are those of the known traps of Discourse's API, see `test_all_traps`.
"""

from __future__ import annotations

from datetime import timedelta

from bot.sandbox import Community, Sandbox, Settings
from tests.indexer.traps.world import (
    Hands,
    Json,
    World,
    asked,
    relist,
    rows,
    shown,
    topics_asked,
    without_feed,
)


def test_trap_04_pages_of_a_topic_are_not_asked_for(
    community: Community, box: Sandbox, world: World, generation: str, road: str
) -> None:
    """Past the end they were 404, and lead back to the last one since 2026."""
    community.add_topics(2, posts=41)

    world.harvest()

    assert world.held() == shown(community)
    paged = [each for each in box.requests if "/t/" in each and "page=" in each]
    assert paged == []


def test_trap_05_an_empty_page_in_mid_history_does_not_end_the_feed(
    community: Community, box: Sandbox, world: World
) -> None:
    """An elder server tells of fifty ids, whatever of them is left."""
    box.settings = Settings(generation="2022")
    old = community.add_topics(3, posts=10)
    removed = community.add_topics(6, posts=30)
    new = community.add_topics(3, posts=10)
    for topic in removed:
        community.delete_topic(topic.id)

    report = world.harvest()

    assert world.held() == shown(community)
    assert world.keys == sorted(topic.id for topic in [*old, *new])
    # All of it from the feed: six windows over 240 ids, three of them empty, and the
    # newest once more at the end.
    assert (topics_asked(box), report.complete) == ([], True)
    assert asked(box).count("/posts.json") == 7


def test_trap_05_a_short_page_of_todays_server_is_the_last(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    community.add_topics(3, posts=40)

    world.harvest()

    # 120 posts in three pages, and the newest once more at the end.
    assert (topics_asked(box), world.held()) == ([], shown(community))
    assert asked(box).count("/posts.json") == 4


def test_trap_09_each_page_of_a_list_is_read_to_its_end(
    community: Community, box: Sandbox, world: World, clock: Hands, road: str
) -> None:
    """Thirty topics a page, on an elder server whatever is asked for."""
    box.settings = Settings(generation="2022")
    topics = community.add_topics(95)
    world.harvest()
    assert (len(world.keys), world.held()) == (95, shown(community))

    clock.now += timedelta(hours=1)
    for topic in topics[:50]:
        community.add_post(topic.id, "One more thing about this.")
    world.harvest()

    assert world.held() == shown(community)


def test_trap_11_a_page_without_anything_new_does_not_end_the_list(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """Pinned topics fill the first page, and of some nobody says when they moved."""
    without_feed(box)
    pinned = community.add_topics(31)
    for topic in pinned:
        topic.pinned = "globally"
    clock.now += timedelta(days=400)
    others = community.add_topics(3, posts=2)
    world.harvest()
    clock.now += timedelta(hours=1)
    community.add_post(others[0].id, "One more thing about this.")
    # By activity they would stand where they belong; many lists begin with them.
    items = rows(box)
    lead = [item for item in items if item["pinned"]]
    rest = [{**item, "last_posted_at": None} for item in items if not item["pinned"]]
    assert (len(lead), len(rest)) == (31, 3)
    relist(box, lead, rest)

    world.harvest()

    assert world.held() == shown(community)


def test_trap_12_a_topic_that_slips_through_a_moving_list_is_neither_lost_nor_dropped(
    community: Community, box: Sandbox, world: World, clock: Hands, road: str
) -> None:
    """A bump while the list is read shifts all others over the borders of pages."""
    topics = community.add_topics(5, posts=2)
    world.harvest()
    clock.now += timedelta(days=8)
    new = community.add_topics(1, posts=2)[0]
    items = {item["id"]: item for item in rows(box)}
    first, second, _third, fourth, fifth = (items[topic.id] for topic in topics)
    # The new one and a stored one are in no page, and another one is in two.
    relist(box, [fifth, fourth, second], [second, first])

    report = world.harvest()

    stored = {topic.id for topic in topics}
    assert report.deleted == 0
    assert stored <= set(world.keys)
    assert world.document(topics[2].id).parts[0].number == 1
    box.faults.clear()
    if road == "topic by topic":
        without_feed(box)
    world.harvest(full=True)
    assert (world.held(), new.id in world.keys) == (shown(community), True)


def test_trap_12_a_bump_while_pages_are_read_loses_nothing(
    community: Community, box: Sandbox, world: World, clock: Hands, generation: str
) -> None:
    """Thirty-one topics, and the last of them rises after the first page is read."""
    topics = community.add_topics(131, posts=1)
    bumped = topics[0]

    def bump(data: Json) -> Json:
        clock.now += timedelta(minutes=1)
        community.add_post(bumped.id, "I just found something out.")
        return data

    box.faults.alter(bump, "/latest.json?order=activity&per_page=100&page=0", n=1)

    world.harvest()
    assert set(world.keys) == {topic.id for topic in topics}
    world.harvest()

    assert world.held() == shown(community)


def test_trap_16_pages_of_categories_that_never_end_are_read_once(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """Some versions answer every page with all of them, and others with twenty."""
    box.settings = Settings(lazy_categories=True)
    for number in range(30):
        community.add_category(f"Land {number}")
    community.add_topics(2, category="land-2")
    far = community.add_topics(2, category="land-29")

    report = world.harvest()

    assert (report.set_aside, world.held()) == (0, shown(community))
    assert asked(box).count("/categories.json") == 1
    # What is beyond the first page is asked for by itself, once.
    path = f"/c/{far[0].category_id}/show.json"
    assert [each for each in asked(box) if each.startswith("/c/")] == [path]


def test_server_a_page_is_thirty_topics_and_only_a_full_one_names_the_next(
    community: Community, box: Sandbox, world: World
) -> None:
    """Sixty topics: the third page is empty, and it is the last that is asked for."""
    box.settings = Settings(generation="2022")
    community.add_topics(60)

    world.harvest()

    assert world.held() == shown(community)
    assert asked(box).count("/latest.json") == 3
    # Its address comes without .json and would lead to a page for people.
    assert not [path for path in asked(box) if path == "/latest"]


def test_server_before_is_inclusive_in_both_windows_and_no_post_is_met_twice(
    community: Community, box: Sandbox, world: World, generation: str
) -> None:
    topics = community.add_topics(4, posts=50)
    met: list[int] = []

    def noted(data: Json) -> Json:
        met.extend(post["id"] for post in data["latest_posts"])
        return data

    # At its end, the newest page is read once more.
    box.faults.alter(noted, "/posts.json", n=4)

    world.harvest()

    assert (topics_asked(box), world.held()) == ([], shown(community))
    assert sorted(met) == sorted(
        post.id for topic in topics for post in community.posts_of(topic.id)
    )


def test_server_pinned_topics_lead_and_the_rest_is_read(
    community: Community, box: Sandbox, world: World, clock: Hands, road: str
) -> None:
    topics = community.add_topics(3, posts=2)
    topics[0].pinned = "globally"
    world.harvest()
    clock.now += timedelta(hours=1)
    community.add_post(topics[1].id, "One more thing about this.")
    items = sorted(rows(box), key=lambda item: not item["pinned"])
    relist(box, items[:1], items[1:])

    world.harvest()

    assert world.held() == shown(community)
    assert world.document(topics[0].id).pinned
