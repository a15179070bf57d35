"""Categories decide who may read, and so what may be held: at all times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox, Settings
from indexer.sources.threads import ForumRules
from kb.errors import ForumUnavailableError, SourceError
from kb.store import CATEGORIES
from tests.indexer.forum_world import (
    START,
    SUPPORT,
    Hands,
    World,
    asked,
    feed,
    ids,
    listed,
    page,
    scripted_topic,
    serve,
    topics_asked,
)
from tests.indexer.loopback import Loopback, as_json


@pytest.fixture
def offices(community: Community) -> dict[str, int]:
    """One topic in each kind of place, by name."""
    community.add_category("Support")
    community.add_category("Staff", read_restricted=True)
    community.add_category("Board", read_restricted=True)
    community.add_category("Jobs", parent="support")
    community.add_user("boss", admin=True)
    support = community.category("support")
    places = {
        slug: community.add_topic(
            f"A question for {slug}", "What about it?", user="boss", category=slug
        ).id
        for slug in ("support", "staff", "board", "jobs")
    }
    about = community.add_topic(
        "About the Support category", "This is for support.", category="support"
    )
    support.topic_id = about.id
    message = community.add_topic(
        "A private word with you", "Between us.", user="boss", recipients=["amina"]
    )
    unlisted = community.add_topic(
        "A topic that is not listed", "Hidden from lists.", visible=False
    )
    return {
        **places,
        "about": about.id,
        "message": message.id,
        "unlisted": unlisted.id,
    }


def test_a_visitor_harvests_the_public_part(
    world: World, offices: dict[str, int]
) -> None:
    world.harvest()
    assert world.keys == sorted([offices["support"], offices["jobs"]])


def test_an_admin_harvests_the_public_part_and_allowed_private_categories(
    box: Sandbox, world: World, offices: dict[str, int]
) -> None:
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    world.rules = ForumRules.of(private=["STAFF"])
    report = world.harvest()
    assert world.keys == sorted(offices[n] for n in ("support", "jobs", "staff"))
    assert world.document(offices["staff"]).visibility == "category:Staff"
    assert world.document(offices["jobs"]).visibility == "public"
    assert report.skipped["private category"] == 1


def test_excluded_categories_are_left_out_with_what_is_in_them(
    world: World, offices: dict[str, int]
) -> None:
    world.harvest()
    world.rules = ForumRules.of(excluded=["support"])
    report = world.harvest()
    assert (world.keys, report.deleted) == ([], 2)
    assert report.skipped["excluded category"] >= 2


# -- categories that change --------------------------------------------------


@pytest.fixture
def as_boss(box: Sandbox, world: World, offices: dict[str, int]) -> dict[str, int]:
    """The offices, harvested by an administrator."""
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    world.recrawl = 1
    world.harvest()
    return offices


def test_a_category_that_becomes_private_leaves_with_the_next_refresh(
    community: Community, box: Sandbox, world: World, as_boss: dict[str, int]
) -> None:
    """Where there is a budget for looking again: categories are looked at first."""
    community.category("support").read_restricted = True
    count = len(box.requests)
    report = world.harvest()
    assert (world.keys, report.deleted) == ([], 2)
    assert report.skipped["private category"] >= 2
    assert world.store.passages.count() == 0
    assert topics_asked(box, count) == []


def test_without_a_budget_it_leaves_when_the_whole_list_is_read(
    community: Community, world: World, clock: Hands, as_boss: dict[str, int]
) -> None:
    world.recrawl = 0
    community.category("support").read_restricted = True
    assert world.harvest().deleted == 0
    clock.now += timedelta(days=1)
    assert world.harvest(full_walk_every=timedelta(days=1)).deleted == 2
    assert world.keys == []


def test_a_hint_makes_the_next_walk_look_at_the_categories(
    community: Community, box: Sandbox, world: World, as_boss: dict[str, int]
) -> None:
    world.recrawl = 0
    community.category("support").read_restricted = True
    with world.store.transaction():
        world.store.looks.add("forum", [CATEGORIES], "category_updated", START)
    assert world.harvest().deleted == 2
    count = len(box.requests)
    world.harvest()
    assert "/site.json" not in asked(box, count)


def test_a_category_that_becomes_private_to_us_leaves_too(
    community: Community, world: World, offices: dict[str, int]
) -> None:
    world.recrawl = 1
    world.harvest()
    community.category("jobs").read_restricted = True
    report = world.harvest()
    assert (world.keys, report.deleted) == ([offices["support"]], 1)


@pytest.mark.parametrize("boss", [False, True], ids=["visitor", "admin"])
def test_a_category_that_is_closed_costs_no_request_a_topic(
    community: Community, box: Sandbox, world: World, boss: bool
) -> None:
    """Neither where it is still there for us, nor where it is not any more."""
    world.recrawl = 1
    if boss:
        world.headers = {"Api-Key": box.admin_key, "Api-Username": "system"}
    community.add_category("Support")
    kept = community.add_topics(60)
    community.add_topics(40, category="support")
    world.harvest()
    community.category("support").read_restricted = True
    count = len(box.requests)
    report = world.harvest()
    assert (world.keys, report.deleted) == (ids(kept), 40)
    assert topics_asked(box, count) == []


def test_topics_that_moved_out_of_a_category_before_it_was_deleted_stay(
    community: Community, box: Sandbox, world: World
) -> None:
    """Those that stayed in it have left with it."""
    world.recrawl = 1
    support = community.add_category("Support")
    others = community.add_topics(60)
    moved, left = community.add_topics(2, posts=2, category="support")
    world.harvest()
    community.set_category(moved.id, "uncategorized")
    community.delete_topic(left.id)
    del community.categories[support.id]
    count = len(box.requests)
    report = world.harvest()
    assert (world.keys, report.deleted) == (ids([*others, moved]), 1)
    assert world.document(moved.id).category == "Uncategorized"
    assert topics_asked(box, count) == [moved.id]


def test_most_categories_do_not_leave_without_a_confirmation(
    community: Community, world: World
) -> None:
    """That we may not see them any more may be the fault of our key."""
    world.recrawl = 1
    community.add_category("Support")
    community.add_topics(3)
    community.add_topics(25, category="support")
    world.harvest()
    community.category("support").read_restricted = True

    with pytest.raises(SourceError, match="25 of 28 documents have left it"):
        world.harvest()
    assert len(world.keys) == 28

    # It is not forgotten meanwhile.
    with pytest.raises(SourceError, match="25 of 28 documents have left it"):
        world.harvest()
    assert world.harvest(accept_deletions=True).deleted == 25


def test_a_category_that_opens_is_harvested_whole(
    community: Community, world: World, clock: Hands
) -> None:
    """Its posts are elder than those that the feed has brought since."""
    world.recrawl = 1
    community.add_category("Support", read_restricted=True)
    before = community.add_topics(40, posts=2, category="support")
    others = community.add_topics(40, posts=2)
    world.harvest()
    assert world.keys == ids(others)
    community.category("support").read_restricted = False
    assert world.harvest().inserted == 40
    assert world.keys == ids([*before, *others])


def test_a_new_category_does_not_make_us_read_everything(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(70, posts=2)
    world.harvest()
    support = community.add_category("Support")
    new = community.add_topic("The first in its category", "Hi.", category="support")
    count = len(box.requests)
    assert world.harvest().inserted == 1
    assert world.document(new.id).category == "Support"
    assert asked(box, count) == [
        "/posts.json",
        f"/c/{support.id}/show.json",
        "/latest.json",
    ]


def test_a_category_with_another_name_is_renamed_in_its_topics(
    community: Community, box: Sandbox, world: World
) -> None:
    world.recrawl = 1
    community.add_category("Support")
    topics = community.add_topics(70, category="support")
    world.harvest()
    community.category("support").name = "Help"
    count = len(box.requests)
    report = world.harvest()
    assert report.updated == 70
    assert {world.document(topic.id).category for topic in topics} == {"Help"}
    assert topics_asked(box, count) == []


def test_a_topic_that_moves_to_another_category_moves_here(
    community: Community, box: Sandbox, world: World
) -> None:
    """Into one that may be read, and into one that may not."""
    community.add_category("Support")
    community.add_category("Staff", read_restricted=True)
    topics = community.add_topics(3)
    world.harvest()
    community.set_category(topics[0].id, "support")
    community.set_category(topics[1].id, "staff")
    report = world.harvest()
    assert (world.keys, report.deleted) == (ids([topics[0], topics[2]]), 1)
    assert world.document(topics[0].id).category == "Support"


# -- categories that are looked up -------------------------------------------


def test_a_category_that_nobody_can_look_up_is_not_harvested(
    server: Loopback, scripted: World
) -> None:
    extra = {**SUPPORT, "id": 8, "name": "Extra"}
    server.on("/c/8/show.json", as_json({"category": extra}))
    items = [listed(1, category_id=7), listed(2, category_id=7)]
    items += [listed(3, category_id=None), listed(4, category_id=8)]
    serve(server, [page(*items)], [4])
    server.on("/t/4.json", as_json({**scripted_topic(server, 4), "category_id": 8}))
    report = scripted.harvest()
    assert (scripted.keys, report.skipped) == ([4], {"unknown category": 3})
    assert scripted.document(4).category == "Extra"
    assert asked(server).count("/c/7/show.json") == 1


def test_a_category_is_never_more_open_than_one_above_it_that_is_looked_up(
    server: Loopback, scripted: World
) -> None:
    """A large forum names neither the category nor the ones above it."""
    serve(server, [page(listed(1, category_id=8), listed(2, category_id=9))], [1, 2])
    for number, topic_id in ((8, 1), (9, 2)):
        below = {**SUPPORT, "id": number, "name": "Below", "parent_category_id": 70}
        if number == 9:
            below["parent_category_id"] = 71
        server.on(f"/c/{number}/show.json", as_json({"category": below}))
        topic = {**scripted_topic(server, topic_id), "category_id": number}
        server.on(f"/t/{topic_id}.json", as_json(topic))
    above = {**SUPPORT, "id": 70, "name": "Above", "read_restricted": True}
    server.on("/c/70/show.json", as_json({"category": above}))

    report = scripted.harvest()

    # Nobody knows what 71 is, so nobody knows who may read what is below it.
    assert (scripted.keys, report.skipped) == ([], {"private category": 2})


def test_posts_of_a_category_that_nobody_can_look_up_are_not_kept(
    server: Loopback, scripted: World
) -> None:
    feed(server, 1, 2, category_id=7)
    serve(server, [page(listed(1, category_id=7), listed(2, category_id=7))], [])
    report = scripted.harvest()
    assert (scripted.keys, report.skipped) == ([], {"unknown category": 2})
    assert scripted.store.loose.count_keys("forum") == 0
    assert asked(server).count("/c/7/show.json") == 1


def test_categories_that_a_large_forum_does_not_name_are_asked_for_once_a_day(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    box.settings = Settings(lazy_categories=True)
    for number in range(1, 29):
        community.add_category(f"Country {number}", slug=f"country-{number}")
        community.add_topics(1, category=f"country-{number}")
    world.harvest()
    assert len(world.keys) == 28
    clock.now += timedelta(hours=1)

    count = len(box.requests)
    world.harvest()
    assert [each.partition("?")[0] for each in box.requests[count:]] == [
        "GET /posts.json",
        "GET /latest.json",
    ]

    community.category("country-27").read_restricted = True
    clock.now += timedelta(days=1)
    world.harvest()
    assert len(world.keys) == 27


def test_what_was_read_of_a_category_that_closes_meanwhile_goes_at_once(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """Its posts wait for the list that the forum could not serve yet."""
    community.add_category("Open", slug="open")
    community.add_category("Inner", slug="inner")
    community.add_topics(2, posts=2, category="open")
    community.add_topics(2, posts=2, category="inner")
    box.faults.fail_next(3, "/latest.json", status=500)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    assert world.store.loose.count_keys("forum") == 4
    community.category("inner").read_restricted = True
    box.faults.fail_next(3, "/latest.json", status=500)
    with pytest.raises(ForumUnavailableError):
        world.harvest()

    assert world.store.loose.count_keys("forum") == 2


def test_a_private_category_is_not_taken_for_its_namesake(
    community: Community, box: Sandbox, world: World
) -> None:
    """Below other parents a forum allows the same name and the same slug."""
    community.add_user("boss", admin=True)
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    topics = {}
    for country in ("Kenya", "Nepal"):
        parent = community.add_category(country, slug=country.lower())
        staff = community.add_category(
            "Staff", slug="staff", parent=parent.slug, read_restricted=True
        )
        topics[country] = community.add_topic(
            f"What the staff of {country} ask", "Between us.", category="staff"
        )
        topics[country].category_id = staff.id
    for names, held in (
        (["staff"], []),
        (["kenya/staff"], ["Kenya"]),
        ([str(topics["Nepal"].category_id)], ["Nepal"]),
        (["kenya/staff", "nepal/staff"], ["Kenya", "Nepal"]),
    ):
        world.rules = ForumRules.of(private=names)
        world.harvest()
        assert world.keys == sorted(topics[country].id for country in held)

    seen = {world.document(topic.id).visibility for topic in topics.values()}
    assert seen == {
        f"category:Staff ({topic.category_id})" for topic in topics.values()
    }


# -- a category that the list leaves out -------------------------------------


@pytest.fixture
def quiet(community: Community, box: Sandbox, world: World, clock: Hands) -> list[int]:
    """Topics that are stored, and met by looking again alone since then."""
    community.add_category("Support")
    community.add_category("Quiet")
    community.add_user("boss", admin=True)
    community.add_topics(5, posts=2, category="support")
    found = ids(community.add_topics(3, posts=2, category="quiet"))
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    world.rules = ForumRules.of(private=["quiet"])
    world.recrawl = 2400
    world.harvest()

    def leave_out(answer: dict[str, Any]) -> dict[str, Any]:
        items = answer["topic_list"]["topics"]
        shown = [item for item in items if item["id"] not in found]
        return {"topic_list": {**answer["topic_list"], "topics": shown}}

    box.faults.alter(leave_out, "/latest.json")
    clock.now += timedelta(hours=8)
    world.harvest()
    return found


def test_what_the_list_leaves_out_takes_over_who_may_read_it(
    community: Community, world: World, clock: Hands, quiet: list[int]
) -> None:
    community.category("quiet").read_restricted = True
    clock.now += timedelta(hours=8)

    world.harvest()

    assert {world.document(i).visibility for i in quiet} == {"category:Quiet"}


def test_what_the_list_leaves_out_takes_over_the_name_of_its_category_once(
    community: Community,
    box: Sandbox,
    world: World,
    clock: Hands,
    quiet: list[int],
) -> None:
    community.category("quiet").name = "Very quiet"
    clock.now += timedelta(hours=8)
    world.harvest()
    assert {world.document(i).category for i in quiet} == {"Very quiet"}
    count = len(box.requests)

    clock.now += timedelta(days=1)
    world.harvest()

    assert topics_asked(box, count) == []


def test_what_the_list_leaves_out_takes_over_the_address_of_the_forum(
    world: World, clock: Hands, quiet: list[int]
) -> None:
    """Else it would look as if another forum had been stored."""
    world.url = world.url.replace("127.0.0.1", "localhost")
    clock.now += timedelta(hours=8)

    world.harvest()

    assert {world.document(i).url for i in quiet} == {
        f"{world.url}/t/{i}" for i in quiet
    }


@pytest.mark.parametrize(
    "rules",
    [ForumRules.of(excluded=["quiet"]), ForumRules.of()],
    ids=["excluded", "no more allowed"],
)
def test_what_the_list_leaves_out_follows_our_rules(
    community: Community,
    world: World,
    clock: Hands,
    quiet: list[int],
    rules: ForumRules,
) -> None:
    community.category("quiet").read_restricted = True
    world.harvest()
    assert set(quiet) <= set(world.keys)
    clock.now += timedelta(hours=8)
    world.rules = rules

    world.harvest()

    assert not set(quiet) & set(world.keys)


# -- a category that cannot be read ------------------------------------------


@pytest.fixture
def odd(community: Community, box: Sandbox, world: World) -> int:
    """A category with two topics, which the forum does not name by itself."""
    community.add_category("Support")
    community.add_category("Odd")
    community.add_topics(5, posts=2, category="support")
    community.add_topics(2, posts=2, category="odd")
    found = community.category("odd").id
    box.faults.alter(lambda answer: _without_category(answer, found), "/site.json")
    world.recrawl = 100
    return found


def _without_category(answer: dict[str, Any], category_id: int) -> dict[str, Any]:
    named = [each for each in answer["categories"] if each["id"] != category_id]
    return {**answer, "categories": named}


FAILURES: dict[str, dict[str, Any]] = {
    "a proxy refuses": {"status": 403},
    "half an answer": {"malformed": True},
    "no category": {"status": 200, "body": "{}"},
    "a page": {"status": 200, "body": "<html>"},
    "a failure": {"status": 500},
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_category_that_cannot_be_read_keeps_no_other_from_us(
    box: Sandbox, world: World, clock: Hands, odd: int, failure: dict[str, Any]
) -> None:
    box.faults.fail_next(1_000, f"/c/{odd}/show.json", **failure)
    for _ in range(2):
        world.harvest()
        clock.now += timedelta(days=1)
        assert len(world.keys) == 5
        assert [key for key, _ in world.aside()] == [f"category {odd}"]
    box.faults.clear()
    box.faults.alter(lambda answer: _without_category(answer, odd), "/site.json")

    world.harvest()

    assert (len(world.keys), world.aside()) == (7, [])


def test_nothing_is_dropped_because_a_category_cannot_be_read(
    box: Sandbox, world: World, clock: Hands, odd: int
) -> None:
    """What was told of it before holds; when that is forgotten, nobody knows."""
    world.harvest()
    box.faults.fail_next(1_000, f"/c/{odd}/show.json", status=403)
    clock.now += timedelta(days=1)
    world.harvest()
    assert (len(world.keys), world.aside()) == (7, [])
    clock.now += timedelta(days=1)
    world.rules = ForumRules.of(ignored=["nobody"])

    world.harvest()

    assert len(world.keys) == 7
    assert [key for key, _ in world.aside()] == [f"category {odd}"]
