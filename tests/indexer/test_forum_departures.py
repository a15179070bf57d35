"""What leaves a forum leaves here; what only seems to, stays."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox, Settings
from kb.errors import SourceError
from tests.indexer.forum_world import (
    Hands,
    World,
    ids,
    listed,
    page,
    serve,
    topics_asked,
)
from tests.indexer.loopback import Loopback, Reply


@pytest.mark.parametrize("detailed", [False, True])
def test_a_topic_that_becomes_a_private_message_or_unlisted_leaves(
    community: Community, box: Sandbox, world: World, detailed: bool
) -> None:
    box.settings = Settings(detailed_404=detailed)
    topics = community.add_topics(3)
    world.harvest()
    community.privatise(topics[0].id)
    community.set_status(topics[1].id, "visible", enabled=False)
    report = world.harvest(full=True)
    assert (world.keys, report.deleted) == ([topics[2].id], 2)


@pytest.mark.parametrize("detailed", [False, True], ids=["404", "410"])
def test_a_deleted_topic_leaves_on_the_forums_word(
    community: Community, box: Sandbox, world: World, detailed: bool
) -> None:
    box.settings = Settings(detailed_404=detailed)
    topics = community.add_topics(3)
    world.harvest()
    community.delete_topic(topics[1].id)
    world.harvest(full=True)
    assert world.keys == ids([topics[0], topics[2]])
    assert world.aside() == []


def test_a_deleted_topic_that_admins_may_still_read_leaves(
    community: Community, box: Sandbox, world: World
) -> None:
    """To staff a forum goes on showing deleted topics, and marks them."""
    topics = community.add_topics(3)
    community.add_user("boss", admin=True)
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    world.harvest()
    community.delete_topic(topics[1].id)

    report = world.harvest(full=True)

    assert world.keys == ids([topics[0], topics[2]])
    assert report.skipped == {"deleted": 1}
    assert world.aside() == []


@pytest.mark.parametrize("status", [404, 403, 502, 503])
def test_a_proxys_page_deletes_nothing(
    community: Community, box: Sandbox, world: World, status: int
) -> None:
    topics = community.add_topics(3)
    world.harvest()
    community.delete_topic(topics[1].id)
    page = {"Content-Type": "text/html"}
    gone = f"/t/{topics[1].id}.json"
    box.faults.fail_next(3, gone, status=status, headers=page, body="<html>Sorry")
    report = world.harvest(full=True)
    assert (world.keys, report.set_aside, report.complete) == (ids(topics), 1, True)

    box.faults.clear()
    report = world.harvest()
    assert (world.keys, world.aside()) == (ids([topics[0], topics[2]]), [])
    assert report.deleted == 1


def test_a_key_that_is_revoked_while_we_read_deletes_nothing(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(3)
    world.harvest()
    community.delete_topic(topics[1].id)
    refusal = json.dumps({"errors": ["no"], "error_type": "invalid_access"})

    # The first look at the categories passes, the one after all topics does not.
    box.faults.fail_next(1, "/site.json", delay_s=0.001)
    box.faults.fail_next(1, "/site.json", status=403, body=refusal)
    with pytest.raises(SourceError, match="refuses our key or account"):
        world.harvest(full=True)
    assert world.keys == ids(topics)


def test_most_topics_do_not_leave_at_once_without_a_confirmation(
    community: Community, world: World
) -> None:
    topics = community.add_topics(30)
    world.harvest()
    for topic in topics[:25]:
        community.delete_topic(topic.id)
    with pytest.raises(SourceError, match="25 of 30 documents have left it"):
        world.harvest(full=True)
    assert world.keys == ids(topics)
    assert world.harvest(full=True, accept_deletions=True).deleted == 25
    assert world.keys == ids(topics[25:])


@pytest.mark.parametrize("full", [True, False], ids=["full", "daily"])
def test_a_topic_bumped_while_the_list_was_read_is_kept(
    community: Community, box: Sandbox, world: World, clock: Hands, full: bool
) -> None:
    """A stored topic that slips through a moving list is not dropped: its posts were
    met just now, or else it is asked for."""
    topics = community.add_topics(101)
    world.harvest()
    clock.now += timedelta(days=1)
    # The second page comes back empty, as if topic 1 had just moved to the top.
    empty = json.dumps({"topic_list": {"topics": []}})
    second = re.compile("^/latest.json.*page=1$")
    box.faults.fail_next(1, second, status=200, body=empty)
    count = len(box.requests)
    report = world.harvest(full=full)
    assert (report.deleted, world.keys) == (0, ids(topics))
    assert topics_asked(box, count) == ([] if full else [topics[0].id])


def test_a_category_that_the_list_leaves_out_is_not_asked_for_topic_by_topic(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """Looking again meets its posts; that is all that a request could tell."""
    topics = community.add_topics(40)
    world.recrawl = 2400
    world.harvest()
    hidden: dict[str, Any] = {"topic_list": {"topics": [], "more_topics_url": None}}
    for _ in range(2):
        clock.now += timedelta(days=1)
        box.faults.fail_next(1, "/latest.json", status=200, body=json.dumps(hidden))
        count = len(box.requests)
        world.harvest()
        assert topics_asked(box, count) == []
    assert world.keys == ids(topics)


def test_a_topic_that_moved_to_another_site_leaves(
    server: Loopback, scripted: World
) -> None:
    serve(server, [page(listed(1), listed(2))], [1, 2])
    scripted.harvest()
    serve(server, [page(listed(2))], [])
    server.on("/t/1.json", Reply(301, headers={"Location": "https://else.example/"}))
    scripted.harvest(full=True)
    assert scripted.keys == [2]


def test_a_key_that_may_read_lists_and_no_topics_deletes_nothing(
    community: Community, box: Sandbox, world: World
) -> None:
    """To the forum such a key is one that may not see the topic."""
    topics = community.add_topics(5, posts=2)
    world.recrawl = 2400
    world.harvest()
    community.delete_post(community.posts_of(topics[0].id)[1].id)
    refusal = json.dumps({"errors": ["No."], "error_type": "invalid_access"})
    box.faults.fail_next(9, "/t/", status=403, body=refusal)

    with pytest.raises(SourceError, match="An API key needs the scope topics: read"):
        world.harvest()

    assert world.keys == ids(topics)
    box.faults.clear()
    assert world.harvest().updated == 1


def test_a_topic_leaves_though_the_one_that_proves_our_rights_is_broken(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = community.add_topics(5, posts=2)
    world.harvest()
    left, others = topics[2], [*topics[:2], *topics[3:]]
    community.privatise(left.id)
    refusal = json.dumps({"errors": ["No."], "error_type": "invalid_access"})
    box.faults.fail_next(9, f"/t/{left.id}.json", status=403, body=refusal)
    for topic in others:
        path = f"/t/{topic.id}.json"
        box.faults.alter(lambda answer: {**answer, "title": None}, path)
    clock.now += timedelta(days=1)

    world.harvest(recrawl_per_day=10)

    assert world.keys == ids(others)
