"""Shapes that changed under clients: tags, solutions, keys that come and go.

Numbers are those of the known traps of Discourse's API, see `test_all_traps`.
"""

from __future__ import annotations

import re

from bot.sandbox import Community, Sandbox, Settings
from tests.indexer.traps.world import (
    Json,
    World,
    alter_items,
    alter_posts,
    asked,
    shown,
    without_feed,
)


def test_trap_01_tags_are_strings_or_objects(
    community: Community, world: World, generation: str, road: str
) -> None:
    topic = community.add_topics(1, posts=2)[0]
    community.set_tags(topic.id, ["data-import", "csv"])

    world.harvest()

    assert world.held() == shown(community)
    assert world.document(topic.id).tags == ("data-import", "csv")


def test_trap_01_the_change_of_shape_changes_no_document(
    community: Community, box: Sandbox, world: World
) -> None:
    box.settings = Settings(generation="2022")
    topic = community.add_topics(1, posts=2)[0]
    community.set_tags(topic.id, ["csv"])
    world.harvest()
    before = world.held()

    box.settings = Settings(generation="2026")
    report = world.harvest(full=True)

    assert (report.updated, report.deleted, report.set_aside) == (0, 0, 0)
    assert world.held() == before


def test_trap_01_a_tags_translated_name_is_not_its_name(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    topic = community.add_topics(1)[0]
    community.set_tags(topic.id, ["water"])

    def translated(item: Json) -> Json:
        tag = {"id": 1, "name": "maji", "slug": "water", "original_name": "water"}
        return {**item, "tags": [tag]}

    alter_items(box, translated)
    box.faults.alter(translated, re.compile(r"^/t/\d+\.json"))

    world.harvest()

    assert world.document(topic.id).tags == ("water",)


def test_trap_02_the_solution_is_an_object_or_one_of_a_list(
    community: Community, world: World, generation: str, road: str
) -> None:
    solved, other = community.add_topics(2, posts=3)
    community.solve(community.posts_of(solved.id)[2].id)

    world.harvest()

    assert world.held() == shown(community)
    assert (world.document(solved.id).solved, world.document(other.id).solved) == (
        True,
        False,
    )


def test_trap_02_the_solution_may_be_null_and_its_author_gone(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """A null names no post; each post says of itself whether it is the solution."""
    topic = community.add_topics(1, posts=3)[0]
    answer = community.posts_of(topic.id)[1]
    community.solve(answer.id)

    def without_author(post: Json) -> Json:
        gone = {"user_id": None, "username": None, "name": None}
        return {**post, **gone} if post["id"] == answer.id else post

    alter_posts(box, without_author)
    box.faults.alter(
        lambda data: {**data, "accepted_answers": None, "accepted_answer": None},
        f"/t/{topic.id}.json",
    )

    report = world.harvest()

    found = world.document(topic.id)
    assert (report.set_aside, found.solved) == (0, True)
    assert [part.accepted for part in found.parts] == [False, True, False]
    assert (found.parts[1].author_id, found.parts[1].author) == (None, None)
    assert len(found.parts) == 3


def test_trap_02_a_null_alone_solves_nothing(
    community: Community, box: Sandbox, world: World
) -> None:
    """An elder forum sends null where the post of the solution cannot be shown."""
    box.settings = Settings(generation="2022")
    topic = community.add_topics(1, posts=3)[0]
    answer = community.posts_of(topic.id)[1]
    community.solve(answer.id)
    community.hide_post(answer.id)

    report = world.harvest()

    assert (report.set_aside, world.held()) == (0, shown(community))
    assert not world.document(topic.id).solved


def test_trap_03_no_address_of_a_tag_is_needed(
    community: Community, box: Sandbox, world: World, generation: str, road: str
) -> None:
    """They moved twice: /tags/x, /tag/x, /tag/slug/id."""
    for topic in community.add_topics(3):
        community.set_tags(topic.id, ["csv", f"t{topic.id}"])
    box.faults.fail_next(99, "/tag", status=404)

    world.harvest()

    assert world.held() == shown(community)
    assert not [path for path in asked(box) if path.startswith("/tag")]


def test_trap_06_keys_come_and_go_with_settings_and_versions(
    community: Community, box: Sandbox, world: World, generation: str, road: str
) -> None:
    """Only what decides who may read a text, or what the text is, must be there."""
    needed = {
        "id", "post_number", "topic_id", "cooked", "created_at", "user_id",
        "category_id", "topic_title", "accepted_answer",
    }  # fmt: skip
    topics = community.add_topics(3, posts=2)
    box.settings = Settings(generation=box.settings.generation, names=False)

    def thin(post: Json) -> Json:
        kept = {name: value for name, value in post.items() if name in needed}
        return {**kept, "brand_new": {"since": [2027, None]}}

    alter_posts(box, thin)
    alter_items(
        box,
        lambda item: {
            "id": item["id"],
            "title": item["title"],
            "category_id": item["category_id"],
            "created_at": item["created_at"],
            "posts_count": item["posts_count"],
            "brand_new": [],
        },
    )

    report = world.harvest()

    assert (report.inserted, report.set_aside) == (len(topics), 0)
    assert world.held() == shown(community)


def test_trap_07_a_number_may_come_as_a_string(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """The documented types are sampled: an int is called string there."""
    topic = community.add_topics(1, posts=2)[0]
    community.add_post(topic.id, "That is what I meant.", reply_to=2)

    def as_documented(post: Json) -> Json:
        parent = post["reply_to_post_number"]
        text = None if parent is None else str(parent)
        return {**post, "reply_to_post_number": text, "reviewable_id": None}

    alter_posts(box, as_documented)

    report = world.harvest()

    assert (report.set_aside, world.held()) == (0, shown(community))
    parts = world.document(topic.id).parts
    assert [part.reply_to for part in parts] == [None, None, 2]


def test_trap_46_two_topics_of_one_slug_are_two_documents(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """Slugs are not unique, and of some titles nothing is left but "topic"."""
    first = community.add_topic("???", "What is this question about?")
    second = community.add_topic("???", "And what is this one about?")
    assert first.slug == second.slug == "topic"

    world.harvest()

    assert world.held() == shown(community)
    assert [world.document(each.id).url for each in (first, second)] == [
        f"{box.url}/t/{first.id}",
        f"{box.url}/t/{second.id}",
    ]


def test_server_a_new_title_moves_the_slug_and_no_redirect_is_followed(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    topic = community.add_topics(1, posts=2)[0]
    world.harvest()
    before = world.document(topic.id)
    community.retitle(topic.id, "A much better title for it")

    report = world.harvest(full=True)

    assert (report.updated, report.inserted, report.deleted) == (1, 0, 0)
    assert world.held() == shown(community)
    assert world.document(topic.id).url == before.url
    assert not [path for path in asked(box) if topic.slug in path]


def test_server_two_hundred_posts_of_a_topic_come_in_few_requests(
    community: Community, box: Sandbox, world: World, generation: str
) -> None:
    """Twenty posts and the ids of all, then fifty at a time."""
    without_feed(box)
    topic = community.add_topics(1, posts=220)[0]

    world.harvest()

    assert world.held() == shown(community)
    path = f"/t/{topic.id}/posts.json"
    assert asked(box).count(path) == 4
