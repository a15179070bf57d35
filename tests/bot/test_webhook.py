"""Webhooks over real sockets: what is noted, refused, and leaves no trace."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bot.app import App
from bot.calls import Calls
from bot.config import parse_config
from bot.hints import FORM, Delivery
from bot.listening import serving
from bot.sandbox import Community, PostType, Sandbox
from bot.sandbox.webhooks import Hook, signature
from bot.schedule import Stop, run_jobs
from bot.service import Service
from bot.webhook import MAX_BODY_BYTES, Note, Notebook, Sender, create_app
from kb.errors import ConfigError, StoreError
from kb.store import Look, Store
from tests.bot.conftest import FakeClock
from tests.bot.making import NOW
from tests.bot.test_forum import ask

SECRET = "a secret of some length"
SECRET_ENV = "BARAZA_TEST_WEBHOOK_SECRET"
FORUM = "https://forum.example"
POST = {"post": {"id": 9, "topic_id": 7, "post_type": 1, "raw": "zanzibar"}}


@dataclass
class Entrance:
    """A listener on a store, and what it called for."""

    address: str
    store_path: Path
    called: list[str]
    looked: list[str]

    @property
    def url(self) -> str:
        return f"{self.address}/webhook/forum"

    def post(
        self,
        payload: object = POST,
        *,
        body: bytes | None = None,
        path: str = "/webhook/forum",
        secret: str = SECRET,
        **headers: str | None,
    ) -> httpx.Response:
        """A delivery as a forum makes it, but for *headers* (``None``: left out)."""
        raw = json.dumps(payload).encode() if body is None else body
        values = {
            "content_type": "application/json",
            "x_discourse_instance": FORUM,
            "x_discourse_event": "post_created",
            "x_discourse_event_signature": signature(secret, raw),
        }
        return httpx.post(
            self.address + path,
            content=raw,
            headers={
                name.replace("_", "-"): value
                for name, value in (values | headers).items()
                if value is not None
            },
            trust_env=False,
        )

    def looks(self, source: str = "forum") -> list[Look]:
        with Store.open(self.store_path, readonly=True) as store:
            return store.looks.keys(source)


@contextmanager
def entrance(
    path: Path,
    *,
    url: str = FORUM,
    timeout_s: float = 60,
    body_timeout_s: float = 60,
    head_timeout_s: float = 60,
) -> Iterator[Entrance]:
    with Store.open(path):
        pass
    called: list[str] = []
    looked: list[str] = []
    note = Notebook(
        path,
        called.append,
        clock=lambda: NOW,
        timeout_s=timeout_s,
        look=looked.append,
        bot="Baraza",
    )
    app = create_app(
        {"forum": Sender(SECRET, url)}, note, body_timeout_s=body_timeout_s
    )
    with serving(
        app, host="127.0.0.1", port=0, head_timeout_s=head_timeout_s
    ) as address:
        yield Entrance(address, path, called, looked)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Entrance]:
    with entrance(tmp_path / "baraza.db") as opened:
        yield opened


@pytest.fixture
def door_of_box(tmp_path: Path, box: Sandbox) -> Iterator[Entrance]:
    """An entrance for the forum that runs."""
    with entrance(tmp_path / "baraza.db", url=box.url) as opened:
        yield opened


@pytest.fixture
def hook(door_of_box: Entrance, box: Sandbox) -> Hook:
    return box.webhooks.register(door_of_box.url, SECRET)


def statuses(box: Sandbox) -> list[tuple[str, int | None]]:
    """What was delivered, and how it was answered."""
    box.webhooks.flush()
    return [(each.event, each.status) for each in box.webhooks.deliveries]


def trace(folder: Path, word: str) -> list[str]:
    """The files that hold *word*: the store, its log and all else."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes()
    ]


# -- what a forum tells ----------------------------------------------------


def test_each_change_of_a_topic_is_noted_under_its_number(
    community: Community, box: Sandbox, door_of_box: Entrance
) -> None:
    topic = ask(community)
    other = ask(community, "Another question?")
    box.webhooks.register(door_of_box.url, SECRET)

    reply = community.add_post(topic, "A reply.", user="ben")
    community.edit_post(reply.id, "An edited reply.")
    community.like(reply.id, "amina")
    community.solve(reply.id)
    community.retitle(other, "Another title")
    community.delete_post(reply.id)

    assert statuses(box) == [
        ("post_created", 200),
        ("post_edited", 200),
        ("post_liked", 200),
        ("accepted_solution", 200),
        ("topic_edited", 200),
        ("post_destroyed", 200),
    ]
    assert door_of_box.looks() == [
        Look(str(topic), "post_destroyed", NOW),
        Look(str(other), "topic_edited", NOW),
    ]
    assert door_of_box.called == ["forum"] * 5


def test_a_ping_is_answered_and_calls_for_nothing(
    box: Sandbox, door_of_box: Entrance, hook: Hook
) -> None:
    box.webhooks.ping(hook)

    assert statuses(box) == [("ping", 200)]
    assert (door_of_box.looks(), door_of_box.called) == ([], [])


def test_private_messages_and_whispers_leave_no_trace(
    community: Community,
    box: Sandbox,
    door_of_box: Entrance,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    topic = ask(community)
    box.webhooks.register(door_of_box.url, SECRET)

    private = community.add_topic("Zanzibar title", "A zanzibar.", recipients=["ben"])
    community.add_post(private.id, "More zanzibar.", user="ben")
    community.add_post(topic, "A zanzibar whisper.", user="root", type=PostType.WHISPER)
    staff = community.add_topic("Zanzibar plan", "A zanzibar.", category="staff")

    assert {status for _event, status in statuses(box)} == {200}
    assert any(b"zanzibar" in each.body for each in box.webhooks.deliveries)
    # A restricted category's topic may have been public: the forum will say.
    assert door_of_box.looks() == [Look(str(staff.id), "post_created", NOW)]
    assert trace(tmp_path, "zanzibar") == trace(tmp_path, "Zanzibar") == []
    assert "zanzibar" not in caplog.text.lower()


def test_a_stored_topic_that_becomes_a_private_message_is_looked_at(
    community: Community,
    box: Sandbox,
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = ask(community)
    app = app_for(tmp_path, box, monkeypatch, clock)
    app.harvest("forum")
    with Service(app).webhooks(Calls()) as address:
        box.webhooks.register(f"{address}/webhook/forum", SECRET)
        community.privatise(topic)
        assert statuses(box) == [("topic_edited", 200)]

    with app.open_store(readonly=True) as store:
        assert [(look.key, look.reason) for look in store.looks.keys("forum")] == [
            (str(topic), "topic_edited")
        ]


def test_a_delivery_that_is_repeated_is_one_hint(door: Entrance) -> None:
    first = door.post(x_discourse_event_id="1")
    again = door.post(x_discourse_event_id="1")
    renewed = door.post(x_discourse_event_id="2")

    assert [each.status_code for each in (first, again, renewed)] == [200] * 3
    assert door.looks() == [Look("7", "post_created", NOW)]


@pytest.mark.parametrize(
    ("payload", "noted", "called", "looked"),
    [
        ({"topic": {"id": 7}}, 1, 1, 1),
        ({"post": {"topic_id": 7, "post_number": 1}}, 1, 1, 1),
        ({"post": {"topic_id": 7, "post_number": 2}}, 1, 1, 0),
        # What it wrote itself is no news.
        ({"post": {"topic_id": 7, "post_number": 2, "username": "baraza"}}, 1, 0, 0),
        # Not stored, so that nothing is to be read; it may be to the bot.
        ({"post": {"topic_id": 8, "topic_archetype": "private_message"}}, 0, 0, 1),
        ({"ping": "OK"}, 0, 0, 0),
    ],
)
def test_the_bot_looks_when_there_may_be_something_for_it(
    door: Entrance, payload: dict[str, Any], noted: int, called: int, looked: int
) -> None:
    door.post(payload)

    assert (len(door.looks()), door.called, door.looked) == (
        noted,
        ["forum"] * called,
        ["forum"] * looked,
    )


def test_a_repeated_delivery_notes_nothing(door: Entrance) -> None:
    first = door.post(x_discourse_event_id="1")
    read_meanwhile(door)
    again = door.post(x_discourse_event_id="1")

    assert (first.status_code, again.status_code) == (200, 200)
    assert (door.looks(), door.called) == ([], ["forum"])


def test_the_same_under_another_id_is_another(door: Entrance) -> None:
    """A title may be changed, and back, and back again."""
    door.post(x_discourse_event_id="1")
    read_meanwhile(door)
    door.post(x_discourse_event_id="2")

    assert [look.key for look in door.looks()] == ["7"]


def test_what_tells_of_long_ago_notes_nothing_under_whatever_id(door: Entrance) -> None:
    def told(at: datetime) -> dict[str, Any]:
        return {"post": {"topic_id": 7, "updated_at": at.isoformat()}}

    stale = door.post(told(NOW - timedelta(days=1, seconds=1)))
    looks = door.looks()
    fresh = door.post(told(NOW - timedelta(hours=23)))

    assert (stale.status_code, looks) == (200, [])
    assert fresh.status_code == 200
    assert [look.key for look in door.looks()] == ["7"]


def test_deliveries_are_not_remembered_for_ever(door: Entrance) -> None:
    with Store.open(door.store_path) as store, store.transaction():
        store.deliveries.take("forum", b"mark", at=NOW - timedelta(days=2))
    door.post()

    with Store.open(door.store_path) as store, store.transaction():
        assert store.deliveries.take("forum", b"mark", at=NOW)


def read_meanwhile(door: Entrance) -> None:
    """A refresh follows what was noted."""
    with Store.open(door.store_path) as store, store.transaction():
        store.looks.done("forum", ["7"], before=NOW)


def test_a_changed_category_is_noted_for_the_categories(door: Entrance) -> None:
    category = {"category": {"id": 4, "name": "zanzibar"}}

    answer = door.post(category, x_discourse_event="category_destroyed")

    assert answer.status_code == 200
    assert door.looks() == [Look("categories", "category_destroyed", NOW)]


def test_what_names_no_topic_is_answered_and_forgotten(door: Entrance) -> None:
    user = {"user": {"id": 5, "username": "zanzibar"}}

    answer = door.post(user, x_discourse_event="user_destroyed")

    assert answer.status_code == 200
    assert (door.looks(), door.called) == ([], [])


def test_the_label_of_a_form_is_taken(door: Entrance) -> None:
    answer = door.post(content_type=f"{FORM}; charset=utf-8")

    assert answer.status_code == 200
    assert door.looks() == [Look("7", "post_created", NOW)]


def test_a_forum_that_takes_itself_for_http_is_known(door: Entrance) -> None:
    answer = door.post(x_discourse_instance="http://forum.example/")

    assert answer.status_code == 200


# -- what is refused -------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"secret": "another secret of some length"}, 403),
        ({"x_discourse_event_signature": None}, 403),
        ({"x_discourse_event_signature": "sha256="}, 403),
        ({"x_discourse_event_signature": "sha256=" + "0" * 64}, 403),
        ({"x_discourse_event_signature": signature(SECRET, b"{}")}, 403),
        ({"x_discourse_instance": "https://evil.example"}, 403),
        ({"x_discourse_instance": "https://[evil"}, 403),
        ({"x_discourse_instance": None}, 403),
        ({"path": "/webhook/other"}, 404),
        ({"path": "/webhook/forum/"}, 404),
        ({"path": "/"}, 404),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": None}, 415),
        ({"body": b"{"}, 400),
        ({"body": b"[]"}, 400),
        ({"body": b""}, 400),
        ({"payload": {"post": {"topic_id": "zanzibar"}}}, 400),
        ({"body": b" " * (MAX_BODY_BYTES + 1)}, 413),
    ],
)
def test_what_is_refused_notes_nothing_and_tells_nothing(
    door: Entrance, changes: dict[str, Any], status: int
) -> None:
    answer = door.post(**changes)

    assert answer.status_code == status
    assert answer.text in {
        "Forbidden\n",
        "Not Found\n",
        "Not Found",
        "Unsupported Media Type\n",
        "Bad Request\n",
        "Request Entity Too Large\n",
        "Content Too Large\n",
    }
    assert "server" not in answer.headers
    assert (door.looks(), door.called) == ([], [])


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post_is_taken(door: Entrance, method: str) -> None:
    answer = httpx.request(method, door.url, trust_env=False)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_the_largest_body_is_taken(door: Entrance) -> None:
    start, end = b'{"post": {"topic_id": 7, "raw": "', b'"}}'
    body = start + b"x" * (MAX_BODY_BYTES - len(start) - len(end)) + end

    assert door.post(body=body).status_code == 200


def test_a_body_that_hides_its_length_is_bounded(door: Entrance) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 65_536

    headers = {
        "content-type": "application/json",
        "x-discourse-event-signature": signature(SECRET, b""),
    }
    with httpx.Client(trust_env=False) as client:
        answer = client.post(door.url, content=endless(), headers=headers)

    assert answer.status_code == 413
    assert door.looks() == []


def test_a_refusal_is_logged_once_for_many_and_on_one_line(
    door: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(9):
        door.post(x_discourse_instance="https://evil\x1b[31m.example" + "x" * 500)

    lines = [line for line in caplog.messages if "refused a webhook" in line]
    assert [line.split(":")[0] for line in lines] == [
        f"source=forum refused a webhook status=403 times={times}"
        for times in (1, 2, 4, 8)
    ]
    assert "it comes from https://evil[31m.example" in lines[0]
    assert "\x1b" not in caplog.text
    assert max(map(len, lines)) < 200


def test_what_a_header_or_a_body_holds_does_not_reach_the_log(
    door: Entrance, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG, "bot")

    door.post(x_discourse_event="post_created\x1b[2J")
    door.post(body=b'{"post": "zanzibar", ')
    door.post({"post": {"topic_id": "zanzibar"}})
    door.post({"zanzibar": "zanzibar"})

    assert "zanzibar" not in caplog.text
    assert "\x1b" not in caplog.text
    assert SECRET not in caplog.text
    assert trace(tmp_path, "zanzibar") == []


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(Sender(SECRET, FORUM))


# -- slow and interrupted senders ------------------------------------------


def raw_request(door: Entrance, body: bytes, *, length: int) -> bytes:
    headers = {
        "Host": urlsplit(door.address).netloc,
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(length),
        "X-Discourse-Instance": FORUM,
        "X-Discourse-Event": "post_created",
        "X-Discourse-Event-Signature": signature(SECRET, body),
    }
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(["POST /webhook/forum HTTP/1.1", *lines, "", ""])
    return head.encode()


def connected(door: Entrance) -> socket.socket:
    parts = urlsplit(door.address)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80))


def answer_of(sender: socket.socket) -> bytes:
    received = b""
    while piece := sender.recv(65_536):
        received += piece
    return received.split(b"\r\n", 1)[0]


def test_a_slow_body_holds_up_nobody_and_is_taken_when_it_is_there(
    door: Entrance,
) -> None:
    body = json.dumps(POST).encode()
    with connected(door) as slow:
        slow.sendall(raw_request(door, body, length=len(body)) + body[:10])
        meanwhile = door.post({"topic": {"id": 8}})
        slow.sendall(body[10:])
        answer = answer_of(slow)

    assert (meanwhile.status_code, answer) == (200, b"HTTP/1.1 200 OK")
    assert {look.key for look in door.looks()} == {"7", "8"}


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    body = json.dumps(POST).encode()
    with (
        entrance(tmp_path / "baraza.db", body_timeout_s=0.05) as door,
        connected(door) as slow,
    ):
        slow.sendall(raw_request(door, body, length=len(body)) + body[:10])
        answer = answer_of(slow)

    assert answer == b"HTTP/1.1 408 Request Timeout"


def test_a_sender_that_hangs_up_leaves_nothing_behind(
    door: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps(POST).encode()
    with connected(door) as hasty:
        hasty.sendall(raw_request(door, body, length=len(body)) + body[:10])

    assert door.post({"topic": {"id": 8}}).status_code == 200
    assert [look.key for look in door.looks()] == ["8"]
    assert "Traceback" not in caplog.text


def test_an_end_does_not_wait_for_a_body_that_does_not_come(tmp_path: Path) -> None:
    with entrance(tmp_path / "baraza.db") as door:
        slow = connected(door)
        slow.sendall(raw_request(door, b"{}", length=2))
        door.post({"topic": {"id": 8}})

    with slow:
        assert b"200" not in answer_of(slow)


# -- the store is busy -----------------------------------------------------


def test_deliveries_wait_for_a_writer_and_none_is_lost(door: Entrance) -> None:
    """The harvest's transactions are short, but deliveries come in bursts."""
    payloads = [{"topic": {"id": number}} for number in range(1, 17)]
    with Store.open(door.store_path) as writer, ThreadPoolExecutor(8) as senders:
        with writer.transaction():
            writer.looks.add("other", ["1"], "post_created", NOW)
            answers = [senders.submit(door.post, payload) for payload in payloads]
            while not any(each.running() for each in answers):
                pass
        codes = [each.result().status_code for each in answers]

    assert codes == [200] * 16
    assert sorted(int(look.key) for look in door.looks()) == [*range(1, 17)]


def test_a_store_that_stays_locked_lets_the_forum_try_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "baraza.db"
    with entrance(path, timeout_s=0) as door, Store.open(path) as writer:
        with writer.transaction():
            locked = door.post()
        free = door.post()

    assert (locked.status_code, locked.text) == (503, "Service Unavailable\n")
    assert free.status_code == 200
    assert door.called == ["forum"]
    assert "database is locked" in caplog.text


def test_a_full_disk_lets_the_forum_try_again(tmp_path: Path) -> None:
    def full(_source: str, _delivery: Delivery) -> int:
        raise StoreError(tmp_path, "database or disk is full")

    note: Note = full
    with serving(
        create_app({"forum": Sender(SECRET, FORUM)}, note), host="127.0.0.1", port=0
    ) as address:
        answer = Entrance(address, tmp_path, [], []).post()

    assert (answer.status_code, answer.text) == (503, "Service Unavailable\n")


def test_who_connects_and_asks_nothing_keeps_no_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "baraza.db"
    with entrance(path, head_timeout_s=1.0) as door, ExitStack() as idle:
        host, port = door.address.removeprefix("http://").split(":")
        for number in range(40):
            silent = socket.create_connection((host, int(port)))
            idle.enter_context(silent)
            if number % 2:
                silent.sendall(b"POST /webhook/forum HTTP/1.1\r\nX-Discourse-")
        crowded = door.post().status_code
        until = time.monotonic() + 20
        while door.post().status_code != 200 and time.monotonic() < until:
            time.sleep(0.1)
        later = door.post().status_code

    assert (crowded, later) == (503, 200)
    assert [r.name for r in caplog.records if r.name.startswith("uvicorn")] == []


# -- within baraza run -----------------------------------------------------


def app_for(
    folder: Path,
    box: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    clock: Callable[[], Any],
    secret: str = SECRET,
) -> App:
    """An installation on *box* that listens; nothing in it runs often."""
    monkeypatch.setenv(SECRET_ENV, secret)
    data = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": {
            "forum": {
                "type": "forum",
                "url": box.url,
                "requests_per_second": 1000,
                "webhook_secret_env": SECRET_ENV,
            },
            "quiet": {"type": "forum", "url": "https://quiet.example"},
        },
        "embedding": {"model": "hashing"},
        "bot": {"mode": "off"},
        "schedule": {"refresh": {"forum": {"every": "1h"}}},
        "webhook": {"port": 0},
    }
    return App(parse_config(data, folder=folder), clock=clock)


@dataclass
class Watched:
    """A job that tells when it began, and what was noted by then."""

    app: App
    run: Callable[[], object]
    found: list[list[tuple[str, str]]] = field(default_factory=list)
    ends: list[threading.Event] = field(
        default_factory=lambda: [threading.Event(), threading.Event()]
    )

    def __call__(self) -> object:
        with self.app.open_store(readonly=True) as store:
            looks = store.looks.keys("forum")
        self.found.append([(look.key, look.reason) for look in looks])
        done = self.run()
        self.ends[len(self.found) - 1].set()
        return done


def test_an_edit_in_the_grace_period_is_noted_and_wakes_the_refresh(
    tmp_path: Path,
    box: Sandbox,
    community: Community,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It moves nothing and makes no version: only the hint tells of it."""
    topic = ask(community)
    [post] = community.posts_of(topic)
    app = app_for(tmp_path, box, monkeypatch, clock)
    [job] = [job for job in Service(app).jobs() if job.name == "refresh forum"]
    watched = Watched(app, job.run)
    stop, calls = Stop(), Calls(settle_s=0, apart_s=0)
    Service(app).check()
    with Service(app).webhooks(calls) as address:
        box.webhooks.register(f"{address}/webhook/forum", SECRET)
        running = threading.Thread(
            target=run_jobs,
            args=([replace(job, run=watched)], stop),
            kwargs={"calls": calls},
        )
        running.start()
        try:
            assert watched.ends[0].wait(60)
            clock.forward(minutes=1)
            community.edit_post(post.id, "Something else, at once.")
            woken = watched.ends[1].wait(60)
        finally:
            stop.ask()
            running.join()

    assert woken
    assert statuses(box) == [("post_edited", 200)]
    assert community.posts[post.id].version == 1
    assert watched.found == [[], [(str(topic), "post_edited")]]


def test_only_sources_with_a_secret_listen(
    tmp_path: Path,
    box: Sandbox,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = app_for(tmp_path, box, monkeypatch, clock)
    Service(app).check()
    with Service(app).webhooks(Calls()) as address:
        assert address is not None
        door = Entrance(address, app.store_path, [], [])
        quiet = door.post(path="/webhook/quiet", secret="")
        ours = door.post({"ping": "OK"}, x_discourse_instance=box.url)

    assert (quiet.status_code, ours.status_code) == (404, 200)
    with pytest.raises(httpx.ConnectError):
        door.post()


def test_without_a_secret_nobody_listens(
    tmp_path: Path, box: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_for(tmp_path, box, monkeypatch, clock)
    forum = app.config.sources["forum"].model_copy(update={"webhook_secret_env": None})
    config = app.config.model_copy(update={"sources": {"forum": forum}})

    with Service(App(config)).webhooks(Calls()) as address:
        assert address is None


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("eleven char", f"expected at least 12 characters in {SECRET_ENV}"),
        ("", f"the environment variable {SECRET_ENV} is not set"),
    ],
)
def test_a_secret_that_no_forum_takes_is_refused_before_anything_starts(
    tmp_path: Path,
    box: Sandbox,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
    problem: str,
) -> None:
    app = app_for(tmp_path, box, monkeypatch, clock, secret)

    with pytest.raises(ConfigError) as refused:
        Service(app).check()

    assert refused.value.key == "sources.forum.webhook_secret_env"
    assert refused.value.problem.startswith(problem)
    assert secret == "" or secret not in str(refused.value)


def test_what_a_refresh_changed_wakes_the_index_and_nothing_else_does(
    tmp_path: Path,
    box: Sandbox,
    community: Community,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was told within seconds should be found as soon."""
    ask(community)
    app = app_for(tmp_path, box, monkeypatch, clock)
    service, calls = Service(app), Calls(settle_s=0, apart_s=0)
    with service.webhooks(calls):
        [refresh] = [job for job in service.jobs() if job.name == "refresh forum"]
        assert refresh.run()
        assert calls.due() == ["index"]
        calls.begin("index")
        clock.forward(minutes=1)

        assert refresh.run()

        assert calls.due() == []
