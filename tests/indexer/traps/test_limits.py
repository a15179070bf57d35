"""Servers that ask to wait, in every form they have, and some that turn away.

Numbers are those of the known traps of Discourse's API, see `test_all_traps`.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox, Settings
from indexer.channel import default_user_agent
from kb.errors import ForumRejectedError, RateLimitedError
from tests.indexer.traps.world import Hands, World, asked, shown, without_feed

# A backfill of so many topics, each by itself, is over what is allowed in a minute.
MANY = 70
# Beside its topics: the categories, the feed that is refused, and a page of the list.
ALONE = 3


def keyed(box: Sandbox, community: Community) -> dict[str, str]:
    community.add_user("boss", admin=True)
    return {"Api-Key": box.admin_key, "Api-Username": "boss"}


def test_trap_21_the_budget_of_all_keys_together_is_waited_for(
    community: Community, box: Sandbox, world: World
) -> None:
    """Another integration has used most of the minute before we come."""
    box.settings = Settings(limits=True)
    without_feed(box)
    world.keyed = keyed(box, community)
    community.add_topics(MANY)
    for _ in range(50):
        box.desk.limits.allow("admin api", 60, timedelta(minutes=1))

    report = world.harvest()

    assert (report.complete, report.set_aside) == (True, 0)
    assert world.held() == shown(community)
    # Once for the minute that others began, and once for our own.
    assert world.waits == [60.0, 60.0]


def test_trap_22_the_body_of_a_real_429_is_waited_out(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """As it was caught in the wild: a whole sequence of reads died of it."""
    body = {
        "errors": [
            "You’ve performed this action too many times. "
            "Please wait 39 seconds before trying again."
        ],
        "error_type": "rate_limit",
        "extras": {"wait_seconds": 39, "time_left": "39 seconds"},
    }
    community.add_topics(3, posts=25)
    box.faults.fail_next(
        2,
        "/latest.json",
        status=429,
        headers={"Content-Type": "application/json"},
        body=json.dumps(body),
    )

    world.harvest()

    assert world.held() == shown(community)
    assert world.waits == [40.0, 40.0]


SLOW_DOWN = (
    "Slow down, you're making too many requests.\n"
    "Please retry again in 12 seconds.\nError code: ip_10_secs_limit.\n"
)
IN_JSON = json.dumps({"errors": ["x"], "extras": {"wait_seconds": 5}})


@pytest.mark.parametrize(
    ("headers", "body", "wait_s"),
    [
        ({"Retry-After": "7"}, IN_JSON, 7.0),
        ({"Retry-After": "Sun, 01 Mar 2026 00:00:20 GMT"}, IN_JSON, 20.0),
        ({}, IN_JSON, 6.0),
        ({"Content-Type": "text/plain"}, SLOW_DOWN, 13.0),
        ({"Content-Type": ""}, SLOW_DOWN, 13.0),
        ({"Content-Type": "application/json"}, "", 10.0),
    ],
    ids=["header", "date", "json", "text", "no type", "nothing"],
)
def test_trap_23_the_wait_is_found_wherever_it_is_told(
    community: Community,
    box: Sandbox,
    world: World,
    headers: dict[str, str],
    body: str,
    wait_s: float,
) -> None:
    community.add_topics(3, posts=2)
    box.faults.fail_next(1, "/posts.json", status=429, headers=headers, body=body)

    world.harvest()

    assert world.held() == shown(community)
    assert world.waits == [wait_s]


def test_trap_24_nothing_is_asked_before_the_wait_is_over(
    community: Community, box: Sandbox, world: World
) -> None:
    """Who asks too early is counted again, and stays refused."""
    box.settings = Settings(limits=True)
    without_feed(box)
    community.add_topics(MANY)

    world.harvest()

    assert world.held() == shown(community)
    # Fifty requests in ten seconds pass; one is refused, and none after the wait.
    assert (len(box.requests), world.waits) == (ALONE + MANY + 1, [10.0])


def test_trap_25_a_key_may_be_counted_by_address_as_well(
    community: Community, box: Sandbox, world: World
) -> None:
    """Until 2024 the limits for visitors held for keys too."""
    box.settings = Settings(generation="2022", limits=True)
    without_feed(box)
    world.keyed = keyed(box, community)
    community.add_topics(MANY)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    # First the fifty of ten seconds, then the sixty of a minute; and such a forum
    # lists thirty topics a page, which makes two pages more.
    assert (len(box.requests), world.waits) == (ALONE + MANY + 4, [10.0, 50.0])


def test_trap_26_a_used_up_key_costs_nothing_that_is_stored(
    community: Community, box: Sandbox, world: World, clock: Hands, road: str
) -> None:
    """The forum refuses for an hour: we stop at once, and what we hold still serves."""
    topics = community.add_topics(5, posts=2)
    world.harvest()
    before = world.held()
    clock.now += timedelta(days=8)
    community.add_post(topics[0].id, "One more thing about this.")
    box.faults.limit_next(1, "/", wait_s=3600)
    since = len(box.requests)

    with pytest.raises(RateLimitedError) as caught:
        world.harvest()

    assert (caught.value.retry_after_s, len(box.requests) - since) == (3600.0, 1)
    assert (world.held(), world.waits) == (before, [])
    state = world.store.progress.source("forum")
    assert (state.is_complete, state.last_error) == (False, str(caught.value))
    world.harvest()
    assert world.held() == shown(community)


def test_trap_28_a_429_without_any_time_is_waited_out_for_ten_seconds(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """The search's own form; we never search, but a plugin may answer like it."""
    community.add_topics(3, posts=2)
    box.faults.limit_next(1, "/latest.json", kind="search")

    world.harvest()

    assert (world.held(), world.waits) == (shown(community), [10.0])


def test_trap_29_the_web_servers_own_429_is_no_json_and_waited_out(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    topics = community.add_topics(3, posts=25)
    path = f"/t/{topics[1].id}" if road == "topic by topic" else "/posts.json"
    box.faults.limit_next(2, path, kind="nginx")

    report = world.harvest()

    assert (report.set_aside, world.held()) == (0, shown(community))
    assert world.waits == [10.0, 10.0]


def test_trap_30_our_name_is_honest_and_none_that_forums_slow(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(2)
    world.user_agent = default_user_agent("https://example.org/bot")

    world.harvest()

    [agent] = {request.headers["user-agent"] for request in box.recorded}
    assert agent.startswith("Baraza/")
    assert agent.endswith(" (+https://example.org/bot)")
    slowed = ("claudebot", "gptbot", "anthropic-ai", "brightbot")
    assert not [word for word in slowed if word in agent.lower()]


@pytest.mark.parametrize("with_key", [False, True])
def test_trap_30_a_forum_that_admits_only_some_programs_says_so_and_loses_nothing(
    community: Community, box: Sandbox, world: World, with_key: bool
) -> None:
    """An administrator's key does not help a program that is not on the list."""
    community.add_topics(3, posts=2)
    world.keyed = keyed(box, community) if with_key else {}
    world.harvest()
    before = world.held()
    box.settings = Settings(allowed_crawlers=frozenset({"googlebot"}))

    with pytest.raises(ForumRejectedError, match="403 Crawler is not allowed!"):
        world.harvest(full=True)

    assert world.held() == before
    error = world.store.progress.source("forum").last_error
    assert error is not None
    assert "Crawler is not allowed!" in error
    box.settings = Settings(allowed_crawlers=frozenset({"baraza"}))
    assert world.harvest().complete


def test_trap_36_a_members_key_has_a_far_smaller_budget(
    community: Community, box: Sandbox, world: World
) -> None:
    """Twenty requests a minute; a harvest goes on after each wait."""
    box.settings = Settings(limits=True)
    without_feed(box)
    community.add_user("amina")
    world.keyed = {"User-Api-Key": box.user_api_key_for("amina")}
    community.add_topics(45)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert (len(box.requests), world.waits) == (ALONE + 45 + 2, [60.0, 60.0])


@pytest.mark.parametrize("kind", ["rails", "tracker", "nginx"])
def test_server_three_forms_of_429_lose_nothing(
    community: Community, box: Sandbox, world: World, road: str, kind: Any
) -> None:
    community.add_topics(45, posts=2)
    box.faults.limit_next(1, "/site.json", kind=kind, wait_s=3)
    box.faults.limit_next(1, "/latest.json", kind=kind, wait_s=3)

    report = world.harvest()

    assert (report.complete, world.held()) == (True, shown(community))
    assert world.waits == [10.0 if kind == "nginx" else 3.0] * 2
    assert asked(box).count("/site.json") == 2
