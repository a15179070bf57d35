"""What is private, gone, elsewhere, or only says so; nothing is dropped on a
proxy's word, and no key leaves the forum.

Numbers are those of the known traps of Discourse's API, see `test_all_traps`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from bot.sandbox import Community, Library, Sandbox, Settings
from kb.errors import ForumReadOnlyError, ForumUnavailableError, SourceError
from kb.store import Store
from tests.indexer.loopback import Loopback, as_json
from tests.indexer.traps.world import (
    NO_CERTIFICATES,
    Hands,
    Json,
    World,
    alter_items,
    asked,
    shown,
    without_feed,
)

HTML = {"Content-Type": "text/html"}


@pytest.fixture
def elsewhere() -> Iterator[Loopback]:
    with Loopback() as other:
        other.on("/", as_json({}))
        yield other


@pytest.mark.parametrize("detailed", [False, True], ids=["404", "403 and 410"])
def test_trap_31_a_404_may_mean_private_and_403_or_410_the_same(
    community: Community, box: Sandbox, world: World, road: str, detailed: bool
) -> None:
    """Private, deleted or missing: it is not there for us, and it leaves."""
    box.settings = Settings(detailed_404=detailed)
    topics = community.add_topics(5, posts=2)
    world.harvest()
    community.privatise(topics[0].id)
    community.delete_topic(topics[1].id)
    community.add_category("Staff", read_restricted=True)
    community.set_category(topics[2].id, "staff")

    report = world.harvest(full=True)

    assert (report.deleted, report.set_aside) == (3, 0)
    assert world.held() == shown(community)
    assert world.keys == [topics[3].id, topics[4].id]


def test_trap_31_a_key_that_does_not_fit_says_so_and_deletes_nothing(
    community: Community, box: Sandbox, world: World
) -> None:
    """A key's scope or name that does not match is a 403 of its own."""
    community.add_topics(3, posts=2)
    world.harvest()
    before = world.held()
    world.keyed = {"Api-Key": "n0t-y0urs", "Api-Username": "amina"}

    with pytest.raises(SourceError, match="refuses our key or account") as caught:
        world.harvest(full=True)

    assert world.held() == before
    assert "n0t-y0urs" not in str(caught.value)
    assert world.store.progress.source("forum").last_error == str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "<html>Not Found"),
        (403, "<html>Forbidden"),
        (502, "<html>Bad Gateway"),
        (503, "<html>Service Unavailable"),
    ],
    ids=["404", "403", "502", "503"],
)
def test_trap_32_one_refusal_by_somebody_else_deletes_nothing(
    community: Community, box: Sandbox, world: World, road: str, status: int, body: str
) -> None:
    topics = community.add_topics(4, posts=2)
    world.harvest()
    community.delete_topic(topics[1].id)
    path = f"/t/{topics[1].id}.json"
    box.faults.fail_next(3, path, status=status, headers=HTML, body=body)

    report = world.harvest(full=True)

    assert (report.deleted, report.complete) == (0, True)
    assert world.keys == [topic.id for topic in topics]
    assert list(world.aside()) == [str(topics[1].id)]

    # The next walk tries it again, and now the forum itself speaks.
    box.faults.clear()
    report = world.harvest(full=True)

    assert (report.deleted, world.aside()) == (1, {})
    assert world.held() == shown(community)


def test_trap_32_a_forum_that_is_down_deletes_nothing_and_is_read_next_time(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    community.add_topics(4, posts=2)
    world.harvest()
    before = world.held()
    box.faults.fail_next(99, "/", status=502)

    with pytest.raises(ForumUnavailableError):
        world.harvest(full=True)

    assert world.held() == before
    box.faults.clear()
    assert world.harvest(full=True).complete
    assert world.held() == shown(community)


def test_trap_32_a_forum_that_is_read_only_for_a_while_deletes_nothing(
    community: Community, box: Sandbox, world: World
) -> None:
    """For a backup or an upgrade; a walk pauses there, and goes on next time."""
    without_feed(box)
    topics = community.add_topics(4, posts=2)
    world.harvest()
    before = world.held()
    community.delete_topic(topics[1].id)
    body = json.dumps({"errors": ["Read only."], "error_type": "read_only"})
    kind = {"Content-Type": "application/json"}
    path = f"/t/{topics[2].id}.json"
    box.faults.fail_next(9, path, status=503, headers=kind, body=body)

    with pytest.raises(ForumReadOnlyError):
        world.harvest(full=True)

    assert world.held() == before
    box.faults.clear()
    report = world.harvest(full=True)
    assert (report.deleted, world.held()) == (1, shown(community))


def test_trap_33_being_led_to_the_login_page_says_what_to_do(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(2)
    box.faults.fail_next(99, "/site.json", status=302, headers={"Location": "/login"})

    with pytest.raises(SourceError) as caught:
        world.harvest()

    assert str(caught.value) == (
        f"forum: {box.url} shows nothing without a login: "
        "set api_key_env and api_username, or user_api_key_env"
    )


def test_trap_33_a_login_page_instead_of_one_topic_deletes_nothing(
    community: Community, box: Sandbox, world: World
) -> None:
    """The site is open; so it is the one topic that is not for us."""
    without_feed(box)
    topics = community.add_topics(3)
    world.harvest()
    path = f"/t/{topics[0].id}.json"
    page = "<html><form action='/session'>Log in</form></html>"
    box.faults.fail_next(9, path, status=200, headers=HTML, body=page)

    report = world.harvest(full=True)

    assert (report.deleted, report.set_aside) == (0, 1)
    assert world.held() == shown(community)
    assert "is not JSON" in world.aside()[str(topics[0].id)]


@pytest.mark.parametrize("kind", ["another port", "another name"])
def test_trap_34_a_redirect_to_another_host_is_not_followed_with_our_key(
    community: Community,
    box: Sandbox,
    world: World,
    elsewhere: Loopback,
    road: str,
    kind: str,
) -> None:
    """A deleted topic may lead anywhere: an administrator made a permalink of it."""
    community.add_user("amina")
    world.keyed = {"Api-Key": box.key_for("amina"), "Api-Username": "amina"}
    topics = community.add_topics(3, posts=2)
    world.harvest()
    other = elsewhere.url
    if kind == "another name":
        other = box.url.replace("127.0.0.1", "localhost")
    community.delete_topic(topics[0].id)
    community.add_permalink(f"/t/{topics[0].id}", f"{other}/led-astray")

    report = world.harvest(full=True)

    assert elsewhere.requests == []
    assert not [path for path in asked(box) if path == "/led-astray"]
    assert (report.deleted, report.set_aside) == (1, 0)
    assert world.held() == shown(community)


def test_trap_35_the_page_that_comes_with_a_refusal_is_not_logged(
    community: Community,
    box: Sandbox,
    world: World,
    caplog: pytest.LogCaptureFixture,
    road: str,
) -> None:
    """Tens of kilobytes of HTML stand beside the error of a topic."""
    caplog.set_level(logging.DEBUG)
    topics = community.add_topics(3, posts=2)
    world.harvest()
    page = {"title": "Oops", "html": "<div>That page is private</div>" * 2000}
    body = {"errors": ["You asked for too much. " * 50], "extras": {**page}}
    path = f"/t/{topics[0].id}.json"
    kind = {"Content-Type": "application/json"}
    box.faults.fail_next(9, path, status=400, headers=kind, body=json.dumps(body))
    community.delete_topic(topics[1].id)
    alter_items(box, lambda item: {**item, "posts_count": 7})

    world.harvest(full=True)

    reason = world.aside()[str(topics[0].id)]
    assert "You asked for too much." in reason
    assert len(reason) < 400
    assert max(len(record.getMessage()) for record in caplog.records) < 600
    assert "That page is private" not in caplog.text
    # The 404 of the deleted one carries a page too, and that topic has left.
    assert world.keys == [topics[0].id, topics[2].id]


def test_trap_45_a_forum_in_a_folder_is_asked_there_and_linked_there(
    community: Community, store: Store, clock: Hands
) -> None:
    topics = community.add_topics(2, posts=25)
    with Sandbox(community, library=Library(), folder="/forum") as box:
        world = World(box.url, store, clock)
        without_feed(box)

        report = world.harvest()

        assert (report.set_aside, world.held()) == (0, shown(community))
        assert [world.document(topic.id).url for topic in topics] == [
            f"{box.url}/t/{topic.id}" for topic in topics
        ]
        assert box.url.endswith("/forum")
        assert all(path.startswith("/forum/") for path in asked(box))


def test_trap_45_no_address_of_a_picture_of_a_member_is_kept(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """They are templates with a size to be filled in, and nothing for a search."""
    topic = community.add_topics(1, posts=2)[0]
    with httpx.Client(trust_env=False, verify=NO_CERTIFICATES) as visitor:
        served = visitor.get(f"{box.url}/t/{topic.id}.json").text

    world.harvest()

    assert "{size}" in served
    assert "{size}" not in str(world.document(topic.id))


def test_server_404_with_a_page_of_html_is_the_forums_own_word(
    community: Community, box: Sandbox, world: World, clock: Hands, road: str
) -> None:
    topics = community.add_topics(3, posts=2)
    world.harvest()
    community.delete_topic(topics[0].id)
    clock.now += timedelta(days=8)

    report = world.harvest()

    assert (report.deleted, report.set_aside) == (1, 0)
    assert world.held() == shown(community)


@pytest.mark.parametrize("detailed", [False, True])
def test_server_403_and_410_where_the_site_tells_more(
    community: Community, box: Sandbox, world: World, road: str, detailed: bool
) -> None:
    """Listed a moment ago, and not there any more when it is asked for."""
    box.settings = Settings(detailed_404=detailed)
    topics = community.add_topics(4, posts=2)
    private, deleted = topics[0], topics[1]

    def leave(item: Json) -> Json:
        if private.archetype == "regular":
            community.privatise(private.id)
            community.delete_topic(deleted.id)
        # One more than is known, so that the topic is read.
        return {**item, "posts_count": 3}

    alter_items(box, leave)

    report = world.harvest()

    assert (report.set_aside, world.aside()) == (0, {})
    assert sum(report.skipped.values()) == 2
    assert world.held() == shown(community)
