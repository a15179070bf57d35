"""Webhooks, delivered to a real receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from bot.sandbox import Community, PostType, Sandbox

SECRET = "a secret of some length"


class Receiver(ThreadingHTTPServer):
    """Keeps what arrives; answers *status*."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver = self.server
        assert isinstance(receiver, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.got.append((dict(self.headers), body))
        self.send_response(receiver.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what arrived is kept."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def told(box: Sandbox, receiver: Receiver) -> list[tuple[str, str]]:
    """What arrived, as (event, kind)."""
    box.webhooks.flush()
    return [
        (headers["X-Discourse-Event"], headers["X-Discourse-Event-Type"])
        for headers, _body in receiver.got
    ]


def test_a_new_topic_is_told_and_signed_over_the_raw_bytes(
    community: Community, box: Sandbox, receiver: Receiver
) -> None:
    box.webhooks.register(receiver.url, SECRET)

    community.add_topic("A new topic", "Its text – with “typography”.", user="amina")

    assert told(box, receiver) == [("topic_created", "topic"), ("post_created", "post")]
    for number, (headers, body) in enumerate(receiver.got, start=1):
        signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Discourse-Event-Signature"] == f"sha256={signed}"
        assert headers["X-Discourse-Instance"] == box.url
        assert headers["X-Discourse-Event-Id"] == str(number)
        assert headers["User-Agent"].startswith("Discourse/")
    topic = json.loads(receiver.got[0][1])["topic"]
    assert (topic["posts_count"], topic["highest_post_number"]) == (1, 1)
    assert topic["last_posted_at"] is not None
    post = json.loads(receiver.got[1][1])["post"]
    assert (post["raw"], post["topic_title"], post["topic_archetype"]) == (
        "Its text – with “typography”.",
        "A new topic",
        "regular",
    )


def test_payloads_hold_the_keys_of_the_real_ones(
    community: Community, box: Sandbox, receiver: Receiver
) -> None:
    box.webhooks.register(receiver.url)
    community.add_topic("A new topic", "Its text.", category="support")
    box.webhooks.flush()
    topic, post = (json.loads(body) for _headers, body in receiver.got)

    expected = (
        "id name username avatar_template created_at cooked post_number post_type "
        "posts_count updated_at reply_count reply_to_post_number quote_count "
        "incoming_link_count reads score topic_id topic_slug topic_title category_id "
        "display_username primary_group_name flair_name flair_group_id version "
        "user_title bookmarked raw moderator admin staff user_id hidden trust_level "
        "deleted_at user_deleted edit_reason wiki reviewable_id reviewable_score_count "
        "reviewable_score_pending_count post_url topic_posts_count "
        "topic_filtered_posts_count topic_archetype category_slug"
    )
    assert set(expected.split()) - post["post"].keys() == set()
    assert "actions_summary" not in post["post"]
    assert post["post"]["category_slug"] == "support"
    assert (
        topic["topic"].keys() & {"post_stream", "details", "suggested_topics"} == set()
    )
    assert topic["topic"]["created_by"]["username"] == "member"


def test_each_change_has_its_event(
    community: Community, box: Sandbox, receiver: Receiver
) -> None:
    community.add_topic("A topic", "Its text.")
    box.webhooks.register(receiver.url)

    reply = community.add_post(1, "A reply.", user="ben")
    community.edit_post(reply.id, "An edited reply.")
    community.like(reply.id, "amina")
    community.solve(reply.id)
    community.unsolve(reply.id)
    community.retitle(1, "Another title")
    community.delete_post(reply.id)
    community.set_status(1, "closed", enabled=True)
    community.delete_topic(1)

    assert told(box, receiver) == [
        ("post_created", "post"),
        ("post_edited", "post"),
        ("post_liked", "like"),
        ("accepted_solution", "solved"),
        ("unaccepted_solution", "solved"),
        ("topic_edited", "topic"),
        ("post_destroyed", "post"),
        ("post_created", "post"),
        ("topic_closed_status_updated", "topic"),
        ("topic_destroyed", "topic"),
    ]


def test_one_edit_of_a_topic_is_told_once(
    community: Community, box: Sandbox, receiver: Receiver, root: httpx.Client
) -> None:
    community.add_topic("A topic of some length", "Its text.")
    box.webhooks.register(receiver.url)
    support = community.category("support").id
    form = {"title": "Another title for it", "category_id": support, "tags": ["api"]}

    root.put("/t/-/1.json", json=form)
    root.put("/t/-/1.json", json=form)

    assert told(box, receiver) == [("topic_edited", "topic")]
    topic = json.loads(receiver.got[0][1])["topic"]
    assert (topic["title"], topic["category_id"], topic["tags"][0]["name"]) == (
        "Another title for it",
        support,
        "api",
    )


@pytest.mark.parametrize(
    ("number", "extra", "expected"),
    [
        (1, {"title": "Another title for it"}, "topic_edited"),
        (1, {"tags": ["api"]}, "topic_edited"),
        (1, {"title": "A topic of some length"}, "post_edited"),
        (1, {}, "post_edited"),
        (2, {"title": "Another title for it"}, "post_edited"),
    ],
)
def test_an_edit_of_the_first_post_with_its_topic_is_told_of_the_topic(
    community: Community,
    box: Sandbox,
    receiver: Receiver,
    root: httpx.Client,
    number: int,
    extra: dict[str, Any],
    expected: str,
) -> None:
    community.add_topic("A topic of some length", "Its text.")
    community.add_post(1, "A reply to it.")
    box.webhooks.register(receiver.url)

    raw = "A text that is long enough to be taken."
    root.put(f"/posts/{number}.json", json={"post": {"raw": raw}, **extra})

    assert [event for event, _kind in told(box, receiver)] == [expected]
    assert community.posts[number].raw == raw
    changed = expected == "topic_edited" and "title" in extra
    assert (community.topics[1].title == "Another title for it") == changed


def test_a_receiver_gets_the_events_it_asked_for_private_ones_too(
    community: Community, box: Sandbox, receiver: Receiver
) -> None:
    box.webhooks.register(receiver.url, events=["post_created"])

    community.add_topic("Private", "A private text.", recipients=["ben"])
    community.add_post(1, "A whisper.", user="root", type=PostType.WHISPER)

    assert told(box, receiver) == [("post_created", "post")] * 2
    posts = [json.loads(body)["post"] for _headers, body in receiver.got]
    assert [(post["topic_archetype"], post["post_type"]) for post in posts] == [
        ("private_message", 1),
        ("private_message", 4),
    ]
    assert "X-Discourse-Event-Signature" not in receiver.got[0][0]


def test_a_failed_delivery_is_noted_and_not_repeated(
    community: Community, box: Sandbox, receiver: Receiver
) -> None:
    receiver.status = 500
    box.webhooks.register(receiver.url, events=["post_created"])
    box.webhooks.register("http://127.0.0.1:1/nobody", events=["post_created"])

    community.add_topic("A topic", "Its text.")
    box.webhooks.flush()

    assert [(each.url, each.status) for each in box.webhooks.deliveries] == [
        (receiver.url, 500),
        ("http://127.0.0.1:1/nobody", None),
    ]
    assert box.webhooks.deliveries[1].problem != ""
    assert len(receiver.got) == 1


def test_a_ping_says_ok(box: Sandbox, receiver: Receiver) -> None:
    box.webhooks.ping(box.webhooks.register(receiver.url, SECRET))

    assert told(box, receiver) == [("ping", "ping")]
    assert json.loads(receiver.got[0][1]) == {"ping": "OK"}


def test_a_short_secret_is_refused(box: Sandbox) -> None:
    with pytest.raises(ValueError, match="at least 12 characters"):
        box.webhooks.register("http://127.0.0.1:1/", "short")
