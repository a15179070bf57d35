"""A forum harvested from the sandbox, in good days and bad ones."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Community, PostType, Sandbox, Settings
from indexer.discourse import DiscourseClient
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.sources.forum import ForumSource, WalkSettings
from indexer.sources.threads import ForumRules
from kb.errors import (
    ForumProtocolError,
    ForumUnavailableError,
    RateLimitedError,
    SourceError,
)
from kb.store import Store
from kb.types import Document, Kind, Part
from tests.indexer.loopback import Loopback, Reply, as_json, as_text
from tests.indexer.samples import CHUNKER, by_line, content

START = datetime(2026, 3, 1, tzinfo=UTC)


class Hands:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    """A forum, and a knowledge base that harvests it."""

    url: str
    store: Store
    clock: Hands
    rules: ForumRules = field(default_factory=ForumRules)
    headers: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def harvest(
        self,
        *,
        full: bool = False,
        accept_deletions: bool = False,
        max_bytes: int = 20_000_000,
        max_pages: int = 100,
        recrawl: int = 0,
    ) -> RefreshReport:
        with Transport(
            self.url,
            requests_per_second=None,
            sleep=self.waits.append,
            headers=self.headers,
            max_bytes=max_bytes,
            max_attempts=3,
        ) as transport:
            source = ForumSource(
                "forum",
                DiscourseClient(transport),
                WalkSettings(
                    rules=self.rules, max_pages=max_pages, recrawl_per_day=recrawl
                ),
                clock=self.clock,
            )
            return refresh(
                source,
                self.store,
                by_line,
                CHUNKER,
                clock=self.clock,
                full=full,
                accept_deletions=accept_deletions,
            )

    @property
    def keys(self) -> list[int]:
        return sorted(int(key) for key in self.store.documents.states("forum"))

    def document(self, topic_id: int) -> Document:
        found = self.store.documents.state("forum", str(topic_id))
        assert found is not None
        document = self.store.documents.load(found.id)
        assert document is not None
        return document

    def aside(self) -> list[tuple[str, str]]:
        items = self.store.progress.all_set_aside("forum")
        return [(item.key, item.reason) for item in items]


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def community(clock: Hands) -> Community:
    return Community.empty(now=clock)


@pytest.fixture
def box(community: Community) -> Iterator[Sandbox]:
    with Sandbox(community=community) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kb.db") as opened:
        yield opened


@pytest.fixture
def world(box: Sandbox, store: Store, clock: Hands) -> World:
    return World(box.url, store, clock)


def ids(topics: Iterable[Any]) -> list[int]:
    return sorted(topic.id for topic in topics)


def asked(box: Sandbox, since: int) -> list[str]:
    return [request.partition("?")[0] for request in box.requests[since:]]


def topics_asked(box: Sandbox, since: int) -> list[int]:
    found = [re.search(r"/t/(\d+)\.json", each) for each in asked(box, since)]
    return [int(each[1]) for each in found if each]


# -- what a thread becomes -------------------------------------------------


def test_a_topic_becomes_a_thread_with_its_posts(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_category("Support")
    topic = community.add_topic(
        "How do I <import> data?",
        "I have a CSV file.",
        cooked="<p>I have a CSV file.</p>",
        user="amina",
        category="support",
        tags=["import", "csv"],
        at=START - timedelta(hours=5),
    )
    answer = community.add_post(
        topic.id,
        "Use the app.",
        cooked="<p>Use the app.</p>",
        user="bo",
        reply_to=1,
        at=START - timedelta(hours=4),
    )
    community.like(answer.id, "amina")
    community.solve(answer.id)

    report = world.harvest()

    assert (report.inserted, report.complete, report.set_aside) == (1, True, 0)
    assert report.requests == len(box.requests) == 3
    question = community.posts_of(topic.id)[0]
    stored = world.document(topic.id)
    assert stored == Document(
        source="forum",
        kind=Kind.THREAD,
        key=str(topic.id),
        url=f"{box.url}/t/{topic.id}",
        title="How do I <import> data?",
        parts=(
            Part(
                number=1,
                body="<p>I have a CSV file.</p>",
                external_id=question.id,
                author_id=community.user("amina").id,
                author="amina",
                created_at=START - timedelta(hours=5),
                updated_at=question.updated_at,
            ),
            Part(
                number=2,
                body="<p>Use the app.</p>",
                external_id=answer.id,
                author_id=community.user("bo").id,
                author="bo",
                created_at=START - timedelta(hours=4),
                updated_at=answer.updated_at,
                likes=1,
                accepted=True,
                reply_to=1,
            ),
        ),
        category="Support",
        tags=("import", "csv"),
        created_at=START - timedelta(hours=5),
        updated_at=answer.updated_at,
        solved=True,
        revision=stored.revision,
        views=stored.views,
    )


@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_both_ages_of_the_software_give_the_same_documents(
    community: Community, box: Sandbox, world: World, generation: Any
) -> None:
    box.settings = Settings(generation=generation)
    topic = community.add_topics(1, posts=3)[0]
    community.set_tags(topic.id, ["a", "b"])
    community.solve(community.posts_of(topic.id)[2].id)
    world.harvest()
    found = world.document(topic.id)
    assert (found.tags, found.solved) == (("a", "b"), True)
    assert [part.accepted for part in found.parts] == [False, False, True]


def test_our_own_replies_are_no_evidence_and_solve_nothing(
    community: Community, world: World
) -> None:
    world.rules = ForumRules.of(ignored=["Baraza"])
    topic = community.add_topics(1, posts=2)[0]
    ours = community.add_post(topic.id, "See these links.", user="baraza")
    community.solve(ours.id)
    world.harvest()
    found = world.document(topic.id)
    assert [part.number for part in found.parts] == [1, 2]
    assert not found.solved


def test_what_readers_do_not_see_is_not_kept(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_user("boss", admin=True)
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    topic = community.add_topics(1, posts=4)[0]
    posts = community.posts_of(topic.id)
    community.hide_post(posts[1].id)
    community.withdraw_post(posts[2].id)
    community.add_post(topic.id, "Only for us, the staff.", type=PostType.WHISPER)
    community.set_status(topic.id, "closed", enabled=True)
    world.harvest()
    found = world.document(topic.id)
    assert [part.number for part in found.parts] == [1, 4]
    assert found.closed


def test_a_topic_without_a_readable_post_is_skipped_and_leaves(
    community: Community, world: World
) -> None:
    world.rules = ForumRules.of(ignored=["discobot"])
    community.add_topic("Welcome to this forum", "Hello and welcome.", user="discobot")
    topic = community.add_topics(1)[0]
    assert world.harvest().skipped == {"no readable post": 1}
    community.hide_post(community.posts_of(topic.id)[0].id)
    report = world.harvest(full=True)
    assert (report.deleted, report.skipped) == (1, {"no readable post": 2})
    assert world.keys == []


# -- who may read it -------------------------------------------------------


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


def test_a_category_that_becomes_private_leaves_with_the_next_refresh(
    community: Community, box: Sandbox, world: World, offices: dict[str, int]
) -> None:
    world.headers = {"Api-Key": box.admin_key, "Api-Username": "boss"}
    world.harvest()
    community.category("support").read_restricted = True
    report = world.harvest()
    assert (world.keys, report.deleted) == ([], 2)
    assert world.store.passages.count() == 0


def test_a_category_that_becomes_private_to_us_leaves_too(
    community: Community, world: World, offices: dict[str, int]
) -> None:
    world.harvest()
    community.category("jobs").read_restricted = True
    report = world.harvest()
    assert (world.keys, report.deleted) == ([offices["support"]], 1)


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


def test_a_forum_that_wants_a_login_says_what_to_do(box: Sandbox, world: World) -> None:
    box.settings = Settings(login_required=True)
    with pytest.raises(SourceError) as caught:
        world.harvest()
    assert str(caught.value) == (
        f"forum: {box.url} shows nothing without a login: "
        "set api_key_env and api_username"
    )
    assert world.store.progress.source("forum").last_error == str(caught.value)


def test_a_wrong_key_is_said_without_showing_it(box: Sandbox, world: World) -> None:
    world.headers = {"Api-Key": "wr0ng-k3y", "Api-Username": "amina"}
    with pytest.raises(SourceError, match="refuses our key or account") as caught:
        world.harvest()
    assert "wr0ng-k3y" not in str(caught.value)


# -- the next walks --------------------------------------------------------


def test_a_second_walk_reads_no_topic_again(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(65)
    world.harvest()
    before, count = content(world.store, "forum"), len(box.requests)
    report = world.harvest()
    assert (report.unchanged, report.inserted, report.updated) == (30, 0, 0)
    assert asked(box, count) == ["GET /site.json", "GET /latest.json"]
    assert content(world.store, "forum") == before


def test_a_new_reply_is_read_and_the_rest_is_not(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = community.add_topics(65, posts=2)
    world.harvest()
    kept = world.store.passages.of_document(_id(world, topics[3].id))[0].id
    clock.now += timedelta(hours=1)
    community.add_post(topics[3].id, "One more thing about it.")
    clock.now += timedelta(hours=1)
    count = len(box.requests)
    report = world.harvest()
    assert (report.updated, report.passages_added) == (1, 1)
    assert asked(box, count)[2:] == [f"GET /t/{topics[3].id}.json"]
    assert world.store.passages.of_document(_id(world, topics[3].id))[0].id == kept


def test_a_stopped_walk_goes_on_where_no_topic_was_read(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(40)
    box.faults.fail_next(3, "/latest.json?order=activity&page=1", status=503)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    assert world.keys == ids(topics[10:])
    count = len(box.requests)
    report = world.harvest()
    assert (report.inserted, report.unchanged) == (10, 30)
    assert world.keys == ids(topics)
    assert sum("/t/" in request for request in box.requests[count:]) == 10


def test_the_whole_list_is_read_when_it_was_long_ago(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    topics = community.add_topics(65)
    world.harvest()
    community.delete_topic(topics[0].id)
    clock.now += timedelta(days=6)
    assert world.harvest().deleted == 0
    clock.now += timedelta(days=1)
    count = len(box.requests)
    report = world.harvest()
    assert (report.deleted, world.keys) == (1, ids(topics[1:]))
    assert asked(box, count) == [
        "GET /site.json",
        *["GET /latest.json"] * 3,
        f"GET /t/{topics[0].id}.json",
        "GET /site.json",
    ]


def test_edits_that_bump_nothing_are_found_by_a_full_walk(
    community: Community, world: World, clock: Hands
) -> None:
    topic = community.add_topics(1, posts=3)[0]
    world.harvest()
    clock.now += timedelta(hours=1)
    community.edit_post(community.posts_of(topic.id)[0].id, "A question, put better.")
    assert world.harvest().updated == 0
    report = world.harvest(full=True)
    assert (report.updated, report.passages_added, report.passages_removed) == (1, 1, 1)


def test_stored_topics_are_read_again_in_turns(
    community: Community, box: Sandbox, world: World
) -> None:
    """The list does not tell of edits, nor of posts that moderators hide."""
    topics = community.add_topics(5, posts=2)
    world.harvest()
    turns = []
    for _ in range(4):
        since = len(box.requests)
        world.harvest(reread=2)
        turns.append(topics_asked(box, since))

    first, second, third, fourth, fifth = ids(topics)
    assert turns == [[first, second], [third, fourth], [fifth, first], [second, third]]


def test_a_turn_finds_what_bumped_nothing(community: Community, world: World) -> None:
    topics = community.add_topics(3, posts=3)
    world.harvest()
    for topic, change in zip(
        topics, (community.hide_post, community.withdraw_post, None), strict=True
    ):
        second = community.posts_of(topic.id)[1].id
        if change is None:
            community.edit_post(second, "Put better, and long enough.")
        else:
            change(second)
    assert world.harvest().updated == 0

    report = world.harvest(reread=3)

    assert (report.updated, report.deleted) == (3, 0)
    assert [len(world.document(topic.id).parts) for topic in topics] == [2, 2, 3]


def test_a_turn_notices_that_a_topic_has_left(
    community: Community, world: World
) -> None:
    topics = community.add_topics(3)
    world.harvest()
    community.privatise(topics[0].id)

    report = world.harvest(reread=3)

    assert (report.deleted, world.keys) == (1, ids(topics[1:]))


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


def test_a_topic_bumped_while_the_list_was_read_is_kept_and_read_next_time(
    community: Community, box: Sandbox, world: World, clock: Hands
) -> None:
    """A stored topic that slips through a moving list is asked for, not dropped."""
    topics = community.add_topics(31)
    world.harvest()
    # The second page comes back empty, as if topic 1 had just moved to the top.
    empty = json.dumps({"topic_list": {"topics": []}})
    box.faults.fail_next(
        1, "/latest.json?order=activity&page=1", status=200, body=empty
    )
    report = world.harvest(full=True)
    assert (report.deleted, world.keys) == (0, ids(topics))


# -- broken topics ---------------------------------------------------------


def spoil(box: Sandbox, topic_id: int, body: bytes, times: int = 2) -> None:
    box.faults.fail_next(times, f"/t/{topic_id}.json", status=200, body=body)


BAD_POST = {"id": 1, "post_number": 1, "created_at": "2026-01-01", "cooked": None}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"id": 1, "ti', "is not JSON: Unterminated string"),
        (b"<html>oops", "is not JSON: Expecting value at character 0"),
        (b'{"title": "caf\xe9"}', "is not UTF-8 at byte 14"),
        (b'{"post_stream": 1}', "post_stream: expected object, got int"),
        (
            json.dumps({"post_stream": {"posts": [BAD_POST]}}).encode(),
            "post_stream.posts[0].cooked: expected str, got null",
        ),
    ],
    ids=["truncated", "html", "utf-8", "shape", "no cooked"],
)
def test_a_broken_topic_is_set_aside_and_the_others_are_read(
    community: Community,
    box: Sandbox,
    world: World,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    reason: str,
) -> None:
    topics = community.add_topics(3)
    spoil(box, topics[1].id, body)
    # Fields are read in an order that is not ours to promise: give the bad one.
    if b"post_stream" in body:
        data = json.loads(body)
        spoiled = {"id": topics[1].id, "title": "T", "category_id": 1, **data}
        box.faults.clear()
        spoil(box, topics[1].id, json.dumps(spoiled).encode())
    report = world.harvest()
    assert (report.inserted, report.set_aside, report.complete) == (2, 1, True)
    [(key, why)] = world.aside()
    assert key == str(topics[1].id)
    assert reason in why
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert any(f"key={key} set aside" in r.getMessage() for r in warnings)

    box.faults.clear()
    report = world.harvest()
    assert (report.inserted, world.keys, world.aside()) == (1, ids(topics), [])


def test_a_broken_post_is_told_and_the_rest_of_its_topic_is_kept(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1))], [1])
    data = json.loads(server.answer("/t/1.json").body)
    good = data["post_stream"]["posts"][0]
    bad = {**good, "id": 2, "post_number": 2, "cooked": None}
    stream = {"posts": [good, bad], "stream": [1, 2]}
    server.on("/t/1.json", as_json({**data, "post_stream": stream}))

    report = world.harvest()

    assert (report.inserted, report.set_aside) == (1, 1)
    assert [part.number for part in world.document(1).parts] == [1]
    reason = "post 2: post_stream.posts[1].cooked: expected str, got null"
    assert world.aside() == [("1", reason)]

    # The list shows no change, and it is read again all the same.
    mended = {"posts": [good, {**bad, "cooked": "<p>Well</p>"}], "stream": [1, 2]}
    server.on("/t/1.json", as_json({**data, "post_stream": mended}))
    assert (world.harvest().updated, world.aside()) == (1, [])
    assert [part.number for part in world.document(1).parts] == [1, 2]


def test_a_topic_of_forty_megabytes_is_set_aside(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(2)
    community.edit_post(
        community.posts_of(topics[0].id)[0].id, "x", cooked=f"<p>{'y' * 40_000}</p>"
    )
    report = world.harvest(max_bytes=30_000)
    assert (report.inserted, report.set_aside) == (1, 1)
    assert world.aside() == [
        (
            str(topics[0].id),
            f"{box.url}/t/{topics[0].id}.json: answer is larger than 30,000 bytes",
        )
    ]


def test_nul_bytes_do_not_reach_the_store(community: Community, world: World) -> None:
    topic = community.add_topic(
        "A title with a NUL \x00 byte", "x", cooked="<p>be\x00fore</p>"
    )
    world.harvest()
    found = world.document(topic.id)
    assert (found.title, found.parts[0].body) == (
        "A title with a NUL  byte",
        "<p>before</p>",
    )
    assert world.harvest(full=True).unchanged == 1


def test_a_topic_that_always_fails_does_not_stop_the_walk(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(4)
    box.faults.fail_next(3, f"/t/{topics[2].id}.json", status=500)
    report = world.harvest()
    assert (report.inserted, report.set_aside) == (3, 1)
    assert world.harvest().inserted == 1
    assert (world.keys, world.aside()) == (ids(topics), [])


def test_a_forum_that_is_down_stops_the_walk_after_three_topics(
    community: Community, box: Sandbox, world: World
) -> None:
    topics = community.add_topics(6)
    box.faults.fail_next(99, "/t/", drop=True)
    with pytest.raises(ForumUnavailableError):
        world.harvest()
    assert (world.keys, world.aside()) == ([], [])
    assert sum("/t/" in request for request in box.requests) == 9
    box.faults.clear()
    assert world.harvest().inserted == len(topics)


def test_a_forum_that_asks_for_a_long_wait_stops_the_walk(
    community: Community, box: Sandbox, world: World
) -> None:
    community.add_topics(2)
    box.faults.limit_next(1, "/t/", wait_s=3600)
    with pytest.raises(RateLimitedError):
        world.harvest()
    assert not world.store.progress.source("forum").is_complete


@pytest.mark.parametrize("kind", ["rails", "tracker", "nginx"])
def test_every_form_of_rate_limit_is_waited_out(
    community: Community, box: Sandbox, world: World, kind: Any
) -> None:
    topics = community.add_topics(45)
    box.faults.limit_next(1, "/latest.json", kind=kind, wait_s=7)
    world.harvest()
    assert world.keys == ids(topics)
    assert world.waits == ([10.0] if kind == "nginx" else [7.0])


def test_a_dead_server_is_unavailable(store: Store, clock: Hands) -> None:
    with Loopback() as gone:
        url = gone.url
    with pytest.raises(ForumUnavailableError):
        World(url, store, clock).harvest()
    state = store.progress.source("forum")
    assert (state.is_complete, state.last_error is not None) == (False, True)


# -- odd lists -------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        running.on("/site.json", as_json({"categories": [SUPPORT]}))
        yield running


SUPPORT = {"id": 3, "name": "Support", "slug": "support", "read_restricted": False}


def listed(number: int, days_ago: int = 0, **changes: Any) -> dict[str, Any]:
    at = (START - timedelta(days=days_ago)).isoformat()
    return {
        "id": number,
        "title": f"Topic {number}",
        "category_id": 3,
        "bumped_at": at,
        "created_at": at,
        "posts_count": 1,
        **changes,
    }


def page(*items: Any, more: bool = False) -> Reply:
    url = "/latest?page=1" if more else None
    return as_json({"topic_list": {"topics": list(items), "more_topics_url": url}})


def serve(server: Loopback, pages: Sequence[Reply], topics: Iterable[int]) -> None:
    for number, reply in enumerate(pages):
        server.on(f"/latest.json?order=activity&page={number}", reply)
    for number in topics:
        post = {"id": number, "post_number": 1, "cooked": "<p>Hello there</p>"}
        post["created_at"] = START.isoformat()
        stream = {"posts": [post], "stream": [number]}
        data = {"id": number, "title": f"Topic {number}", "category_id": 3}
        server.on(f"/t/{number}.json", as_json({**data, "post_stream": stream}))


def test_a_list_that_repeats_its_last_page_for_ever_ends(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    last = page(listed(1), more=True)
    server.on("/latest.json", last)
    serve(server, [], [1])
    assert world.harvest().inserted == 1
    assert sum("/latest" in request for request in server.requests) == 4


def test_a_list_that_never_ends_is_bounded_and_deletes_nothing(
    server: Loopback,
    store: Store,
    clock: Hands,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1), listed(9))], [1, 9])
    world.harvest()
    endless = [page(listed(n), more=True) for n in range(1, 6)]
    serve(server, endless, range(1, 6))
    server.on("/t/9.json", as_json({"errors": ["no"], "error_type": "not_found"}, 404))
    world.harvest(full=True, max_pages=5)
    assert world.keys == [1, 2, 3, 4, 5, 9]
    assert "does not end; stopped after 5 pages" in caplog.text


def test_pinned_topics_on_top_do_not_end_a_walk(
    server: Loopback, store: Store, clock: Hands
) -> None:
    """Old pinned topics fill the first page; what is new stands on the second."""
    world = World(server.url, store, clock)
    pins = [listed(n, 400, pinned=True) for n in (1, 2)]
    serve(server, [page(*pins, more=True), page(listed(3))], [1, 2, 3])
    world.harvest()
    clock.now += timedelta(hours=1)
    new = listed(4, bumped_at=clock.now.isoformat())
    serve(server, [page(*pins, more=True), page(new, listed(3))], [4])
    assert world.harvest().inserted == 1


def test_a_walk_reads_on_until_a_page_is_older_than_the_last_walk(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    old = [page(listed(n, days_ago=n), more=n < 5) for n in range(1, 6)]
    serve(server, old, range(1, 6))
    world.harvest()
    count = len(server.requests)
    world.harvest()
    # Page 0 ends with the latest topic of the last walk; page 1 is older.
    assert server.requests[count:] == [
        "GET /site.json",
        "GET /latest.json?order=activity&page=0",
        "GET /latest.json?order=activity&page=1",
    ]


def test_an_empty_list_does_not_hide_what_changed_before_it(
    server: Loopback, store: Store, clock: Hands
) -> None:
    """A cache that serves an empty list once must not move the watermark."""
    world = World(server.url, store, clock)
    serve(server, [page(listed(1))], [1])
    world.harvest()
    clock.now += timedelta(hours=2)
    serve(server, [page()], [])
    world.harvest()
    late, later, latest = (
        listed(number, bumped_at=(START + timedelta(minutes=minutes)).isoformat())
        for number, minutes in ((2, 60), (3, 90), (4, 120))
    )
    pages = [page(latest, more=True), page(later, more=True), page(late, listed(1))]
    serve(server, pages, [2, 3, 4])
    assert world.harvest().inserted == 3


def test_a_broken_item_of_a_list_is_set_aside(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1), listed(2, title=None), "?")], [1, 2])
    report = world.harvest()
    assert (report.inserted, report.set_aside) == (1, 2)
    assert world.aside() == [
        ("2", "topic_list.topics[1].title: expected str, got null"),
        ("topic_list.topics[2]", "topic_list.topics[2]: expected object, got str"),
    ]
    serve(server, [page(listed(1), listed(2))], [])
    assert world.harvest().inserted == 1
    assert world.aside() == []


def test_a_topic_that_moved_to_another_site_leaves(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1), listed(2))], [1, 2])
    world.harvest()
    serve(server, [page(listed(2))], [])
    server.on("/t/1.json", Reply(301, headers={"Location": "https://else.example/"}))
    world.harvest(full=True)
    assert world.keys == [2]


def test_an_empty_thread_is_skipped(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1))], [])
    empty: dict[str, list[int]] = {"posts": [], "stream": []}
    data = {"id": 1, "title": "T", "category_id": 3, "post_stream": empty}
    server.on("/t/1.json", as_json(data))
    assert world.harvest().skipped == {"no readable post": 1}


def test_two_posts_of_one_number_set_their_topic_aside(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1))], [])
    post = {"post_number": 1, "cooked": "x", "created_at": START.isoformat()}
    stream = {"posts": [{"id": 1, **post}, {"id": 2, **post}], "stream": [1, 2]}
    data = {"id": 1, "title": "T", "category_id": 3, "post_stream": stream}
    server.on("/t/1.json", as_json(data))
    assert world.harvest().set_aside == 1
    assert world.aside() == [
        ("1", "forum:1: parts[1].number: expected more than 1, got 1")
    ]


def test_a_category_that_nobody_can_look_up_is_not_harvested(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    extra = {**SUPPORT, "id": 8, "name": "Extra"}
    server.on("/c/8/show.json", as_json({"category": extra}))
    items = [listed(1, category_id=7), listed(2, category_id=7)]
    items += [listed(3, category_id=None), listed(4, category_id=8)]
    serve(server, [page(*items)], [4])
    data = json.loads(server.answer("/t/4.json").body)
    server.on("/t/4.json", as_json({**data, "category_id": 8}))
    report = world.harvest()
    assert (world.keys, report.skipped) == ([4], {"unknown category": 3})
    assert world.document(4).category == "Extra"
    assert server.requests.count("GET /c/7/show.json") == 1


def test_a_category_is_never_more_open_than_one_above_it_that_is_looked_up(
    server: Loopback, store: Store, clock: Hands
) -> None:
    """A large forum names neither the category nor the ones above it."""
    world = World(server.url, store, clock)
    serve(server, [page(listed(1, category_id=8), listed(2, category_id=9))], [1, 2])
    for number, topic_id in ((8, 1), (9, 2)):
        below = {**SUPPORT, "id": number, "name": "Below", "parent_category_id": 70}
        if number == 9:
            below["parent_category_id"] = 71
        server.on(f"/c/{number}/show.json", as_json({"category": below}))
        data = json.loads(server.answer(f"/t/{topic_id}.json").body)
        server.on(f"/t/{topic_id}.json", as_json({**data, "category_id": number}))
    above = {**SUPPORT, "id": 70, "name": "Above", "read_restricted": True}
    server.on("/c/70/show.json", as_json({"category": above}))

    report = world.harvest()

    # Nobody knows what 71 is, so nobody knows who may read what is below it.
    assert (world.keys, report.skipped) == ([], {"private category": 2})


def test_a_topic_that_is_listed_and_not_there_is_counted(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1), listed(2))], [1])
    report = world.harvest()
    assert (world.keys, report.skipped) == ([1], {"listed but not there for us": 1})


def test_a_cursor_that_is_not_ours_leads_to_a_whole_walk(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    serve(server, [page(listed(1))], [1])
    world.harvest()
    for cursor in ("[]", "{", '{"since": "x", "listed_at": "y", "stamp": 1}'):
        with store.transaction():
            store.progress.advance("forum", cursor)
        assert world.harvest().complete
        assert store.progress.source("forum").cursor != cursor


def test_a_list_that_is_no_list_stops_the_walk(
    server: Loopback, store: Store, clock: Hands
) -> None:
    world = World(server.url, store, clock)
    server.on("/latest.json", as_text('{"topic_list": null}'))
    with pytest.raises(ForumProtocolError) as caught:
        world.harvest()
    assert caught.value.field == "topic_list"
    assert not store.progress.source("forum").is_complete


def _id(world: World, topic_id: int) -> Any:
    return world.store.documents.states("forum")[str(topic_id)].id
