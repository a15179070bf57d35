"""Changing a community from a test, loading one, and the sample that ships."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot.sandbox import Community, Library, Sandbox, Settings
from bot.sandbox.load import load
from kb.errors import RecordError
from tests.sandbox.conftest import FakeClock, client

SITE = """
title: A small forum
users:
  - {id: 1, username: ada, name: Ada, trust_level: 4, admin: true}
  - {id: 2, username: bob, name: Bob, trust_level: 1, groups: [testers]}
categories:
  - {id: 4, name: Help, slug: help, description: Ask here.}
  - {id: 5, name: Server, slug: server, parent: help}
tags: [api]
"""
THREADS = """
- id: 12
  title: Where are the backups?
  category: server
  tags: [api, sms]
  user: bob
  created_at: 2024-03-01T10:00:00Z
  views: 7
  solved: 3
  posts:
    - {user: bob, at: 2024-03-01T10:00:00Z, raw: "See {docs}/x.html", likes: 2}
    - {user: ada, at: 2024-03-01T11:00:00Z, raw: "Gone.", deleted: true}
    - {user: ada, at: 2024-03-03T10:00:00Z, raw: "Here.", reply_to: 1,
       edited_at: 2024-03-04T10:00:00Z}
- id: 9
  title: For bob alone
  archetype: private_message
  recipients: [bob]
  user: ada
  created_at: 2024-03-02T10:00:00Z
  posts:
    - {user: ada, at: 2024-03-02T10:00:00Z, raw: "Hello.", cooked: "<p>Given.</p>"}
"""


def written(folder: Path, site: str = SITE, threads: str = THREADS) -> Path:
    (folder / "threads").mkdir()
    (folder / "site.yaml").write_text(site, "utf-8")
    (folder / "threads/all.yaml").write_text(threads, "utf-8")
    return folder


def test_written_data_becomes_a_community(tmp_path: Path, clock: FakeClock) -> None:
    community = load(Community.empty(clock), written(tmp_path))

    topic, message = community.topics[12], community.topics[9]
    seen = community.seen_posts(topic, None)
    assert community.title == "A small forum"
    assert (topic.tags, topic.views, topic.slug) == (
        ["api", "sms"],
        7,
        "where-are-the-backups",
    )
    assert topic.bumped_at.isoformat() == "2024-03-03T10:00:00+00:00"
    assert [(post.number, post.raw) for post in seen] == [
        (1, "See {docs}/x.html"),
        (3, "Here."),
    ]
    assert (seen[0].like_count, seen[1].version, seen[1].reply_to) == (2, 2, 1)
    assert topic.accepted == [seen[1].id]
    assert (message.private, message.recipients) == (True, {2})
    assert community.posts_of(9)[0].cooked == "<p>Given.</p>"
    assert community.notifications == []


def test_post_ids_follow_the_time_of_writing(tmp_path: Path, clock: FakeClock) -> None:
    community = load(Community.empty(clock), written(tmp_path))

    times = [community.posts[number].created_at for number in sorted(community.posts)]

    assert times == sorted(times)
    assert [post.topic_id for post in community.posts.values()][1:] == [12, 12, 9, 12]


def test_described_categories_are_introduced_by_a_topic(
    tmp_path: Path, clock: FakeClock
) -> None:
    community = load(Community.empty(clock), written(tmp_path))

    about = community.topics[community.category("help").topic_id or 0]

    assert (about.id, about.title, about.user_id) == (13, "About the Help category", -1)
    assert community.category("server").topic_id is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("user: bob", "user: eve", "all.yaml topic 12: user: no user is called 'eve'"),
        (
            "category: server",
            "category: nowhere",
            "all.yaml topic 12: category: no category has the slug 'nowhere'",
        ),
        (
            "  title: Where are the backups?\n",
            "",
            "all.yaml topic 12: title: expected a value, found none",
        ),
        ("solved: 3", "solved: 4", "topic 12: solved: has no post 4"),
    ],
)
def test_a_mistake_in_the_data_is_named(
    tmp_path: Path, clock: FakeClock, old: str, new: str, message: str
) -> None:
    folder = written(tmp_path, threads=THREADS.replace(old, new, 1))

    with pytest.raises(RecordError, match=re.escape(message)):
        load(Community.empty(clock), folder)


def test_texts_name_the_addresses_where_the_sites_are_served(
    tmp_path: Path, clock: FakeClock
) -> None:
    community = load(Community.empty(clock), written(tmp_path))

    with Sandbox(community, library=Library()) as box:
        assert community.posts[2].raw == f"See {box.docs_url}/x.html"
        assert f'href="{box.docs_url}/x.html"' in community.posts[2].cooked
        first = box.url
    with Sandbox(community, library=Library()) as box:
        assert box.url != first or community.addresses.forum == first
        assert community.posts[2].raw == f"See {box.docs_url}/x.html"


def test_moved_posts_keep_their_ids_and_the_first_is_copied(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1, posts=4)

    target = community.move_posts([1, 3], title="Moved from elsewhere")

    moved = community.posts_of(target.id)
    kept = community.posts_of(1)
    assert [(post.id, post.number) for post in moved] == [(5, 1), (3, 2)]
    assert moved[0].raw == community.posts[1].raw
    assert [post.id for post in kept] == [1, 2, 4, 6]
    assert kept[-1].action_code == "split_topic"
    assert f'<a href="/t/{target.slug}/{target.id}">' in kept[-1].cooked
    stream = web.get(f"/t/{target.id}.json").json()["post_stream"]["stream"]
    assert stream == [5, 3]


def test_posts_move_to_an_existing_topic(community: Community) -> None:
    community.add_topics(2, posts=2)

    community.move_posts([2], to_topic=2)

    assert [(p.id, p.number) for p in community.posts_of(2)] == [(3, 1), (4, 2), (2, 3)]
    assert community.posts[2].topic_id == 2


def test_deleting_the_last_post_takes_its_bump_back(
    community: Community, clock: FakeClock
) -> None:
    topic = community.add_topic("A topic", "Its text.")
    before = topic.bumped_at
    clock.forward(hours=1)
    reply = community.add_post(topic.id, "A reply.")
    community.solve(reply.id)
    community.delete_post(reply.id)

    assert topic.bumped_at == before
    assert topic.accepted == []


def test_deleting_the_first_post_deletes_the_topic_and_it_can_come_back(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1, posts=2)

    community.delete_post(1)
    gone = web.get("/t/1.json").status_code
    community.recover_topic(1)

    assert (gone, web.get("/t/1.json").status_code) == (404, 200)


def test_written_times_are_the_clocks_unless_given(
    community: Community, clock: FakeClock
) -> None:
    old = clock.time - timedelta(days=9)

    now = community.add_topic("A topic of now", "Its text.")
    then = community.add_topic("A topic of then", "Its text.", at=old)

    assert (now.created_at, now.bumped_at) == (clock.time, clock.time)
    assert (then.created_at, then.bumped_at) == (old, old)
    assert community.posts_of(then.id)[0].created_at == old


def test_an_unknown_status_is_an_error(community: Community) -> None:
    community.add_topics(1)

    with pytest.raises(ValueError, match="no such status: open"):
        community.set_status(1, "open", enabled=True)


def test_a_taken_port_is_an_error_at_once(community: Community) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match="in use"), Sandbox(community, port=port):
            pass


def test_a_sandbox_can_be_started_again_on_its_port(community: Community) -> None:
    community.add_topics(1)
    with Sandbox(community, library=Library()) as box:
        port = int(box.url.rpartition(":")[2])
    with Sandbox(community, port=port, library=Library()) as box, client(box) as web:
        assert web.get("/t/1.json").status_code == 200
        assert box.url.endswith(f":{port}")


@pytest.fixture(scope="module")
def sample() -> Community:
    return Community.sample()


def test_the_sample_has_some_of_everything(sample: Community) -> None:
    topics, posts = sample.topics.values(), sample.posts.values()

    assert len(topics) >= 60
    assert sum(bool(topic.accepted) for topic in topics) >= 10
    assert any(topic.private for topic in topics)
    assert any(topic.deleted_at for topic in topics)
    assert any(not topic.visible for topic in topics)
    assert any(topic.closed for topic in topics)
    assert any(post.hidden for post in posts)
    assert any(post.user_deleted for post in posts)
    assert any(post.deleted_at for post in posts)
    assert {int(post.type) for post in posts} >= {1, 3, 4}
    html = "\n".join(post.cooked for post in posts)
    for mark in ("<pre>", "md-table", "lightbox", '<aside class="quote', "<details"):
        assert mark in html, mark


def test_the_sample_has_translations_and_a_solution_that_is_hidden() -> None:
    # One of its own: serving a community puts addresses in place of the tokens.
    settings = Settings(generation="2022", localise_to="en")
    sandbox = Sandbox(Community.sample(), settings, library=Library())
    with sandbox as box, client(box) as web:
        french = web.get("/t/108.json").json()
        original = {"Cookie": "automatically_translate=false"}
        untold = web.get("/t/108.json", headers=original).json()
        practice = web.get("/t/167.json").json()
        rest = web.get("/t/167.json?page=2").json()

    assert french["title"] == "Form locked: January cannot be entered"
    first, second, third = french["post_stream"]["posts"]
    assert first["cooked"].startswith("<p>Hello everyone,</p>")
    assert [post.get("is_localized") for post in (first, second, third)] == [
        True,
        None,
        True,
    ]
    assert untold["title"].startswith("Formulaire verrouillé")
    assert (practice["accepted_answer"], practice["visible"]) == (None, False)
    assert len(practice["post_stream"]["stream"]) > 20
    shown = practice["post_stream"]["posts"] + rest["post_stream"]["posts"]
    assert [post["action_code"] for post in shown if post["post_type"] == 3] == [
        "pinned.enabled",
        "split_topic",
        "pinned.disabled",
        "visible.disabled",
    ]


def test_every_link_of_the_sample_leads_somewhere() -> None:
    # One of its own: serving a community puts addresses in place of the tokens.
    sample = Community.sample()
    library = Library.sample()
    courses = {course.id for course in library.courses}
    texts = [post.raw for post in sample.posts.values()]
    texts += [page.markdown for page in library.pages.values()]
    leads: dict[str, Callable[[str], bool]] = {
        "{forum}": lambda path: _is_topic(sample, path),
        "{docs}": lambda path: path.strip("/").rpartition(".")[0] in library.pages,
        "{academy}": lambda path: path.split("/")[2] in courses,
        "{videos}": lambda path: path.partition("v=")[2] in library.videos(),
    }
    link = re.compile(r"(\{(?:forum|docs|academy|videos)\})(/[^\s)\]\"'>`#]+)")

    found = [(site, path.rstrip(".,")) for site, path in link.findall("\n".join(texts))]

    assert len(found) > 30
    assert [site + path for site, path in found if not leads[site](path)] == []


def _is_topic(community: Community, path: str) -> bool:
    numbers = [int(part) for part in path.split("/") if part.isdigit()]
    if not path.startswith("/t/") or numbers[0] not in community.topics:
        return False
    return len(numbers) == 1 or community.post_at(numbers[0], numbers[1]) is not None


def test_the_whole_sample_is_served(sample: Community) -> None:
    with Sandbox(sample) as box, client(box) as web:
        found = [
            topic for topic in sample.topics.values() if sample.may_see(topic, None)
        ]
        answers = [web.get(f"/t/{topic.id}.json?include_raw=1") for topic in found]

        assert {answer.status_code for answer in answers} == {200}
        assert not any("{forum}" in answer.text for answer in answers)
        assert web.get("/docs-site/sitemap.xml").text.count("<url>") >= 30
        courses = web.get("/academy/api/courses/v1/courses/").json()
        assert courses["pagination"]["count"] >= 12
        assert sum(len(each.videos) for each in box.library.playlists) >= 15
