"""Reading a site only for what changed, and how sure it is that something left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from indexer.http import Transport
from indexer.reader import Reader
from kb.errors import ForumUnavailableError
from kb.store import Fetch
from tests.indexer.loopback import Loopback, Reply

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = Reply(
    body=b"<p>Hello</p>",
    headers={"ETag": '"one"', "Content-Type": "Text/HTML; charset=latin-1"},
)
UNCHANGED = Reply(304, b"")


class Site:
    """A reader whose memory is what its replies say should be kept."""

    def __init__(self, server: Loopback) -> None:
        self.server = server
        self.now = NOON
        self.kept: dict[str, Fetch] = {}
        transport = Transport(
            f"{server.url}/docs",
            requests_per_second=None,
            max_attempts=1,
            sleep=lambda _s: None,
        )
        self.reader = Reader(transport, self.kept.get, clock=lambda: self.now)

    def get(self, path: str, **more: object):  # type: ignore[no-untyped-def]
        reply = self.reader.get(self.server.url + path, **more)  # type: ignore[arg-type]
        self.kept[reply.fetch.url] = reply.fetch
        return reply


@pytest.fixture
def site() -> Iterator[Site]:
    with Loopback() as server:
        yield Site(server)


def test_a_whole_answer_is_remembered_by_its_marks(site: Site) -> None:
    site.server.on("/a", PAGE)

    reply = site.get("/a", accept="text/html")

    assert (reply.status, reply.body, reply.content_type, reply.charset) == (
        200,
        b"<p>Hello</p>",
        "text/html",
        "latin-1",
    )
    assert reply.is_whole
    assert not reply.is_unchanged
    assert reply.fetch == Fetch(site.server.url + "/a", NOON, etag='"one"')
    assert site.server.seen[-1]["accept"] == "text/html"


def test_the_second_time_only_a_change_is_asked_for(site: Site) -> None:
    site.server.on("/a", PAGE, UNCHANGED)
    site.get("/a")
    site.now += timedelta(hours=1)

    reply = site.get("/a")

    assert site.server.seen[-1]["if-none-match"] == '"one"'
    assert reply.is_unchanged
    assert reply.body == b""
    assert reply.fetch.etag == '"one"'
    assert reply.fetch.checked_at == site.now


def test_a_list_is_at_hand_again_when_it_did_not_change(site: Site) -> None:
    site.server.on("/list", PAGE, UNCHANGED)
    site.get("/list", keep_body=True)

    reply = site.get("/list", keep_body=True)

    assert reply.is_unchanged
    assert reply.body == b"<p>Hello</p>"


@pytest.mark.parametrize(
    "more", [{"stamp": "other settings"}, {"fresh": True}, {"keep_body": True}]
)
def test_the_whole_is_asked_for_when_the_old_answer_would_not_do(
    site: Site, more: dict[str, object]
) -> None:
    site.server.on("/a", PAGE)
    site.get("/a")

    site.get("/a", **more)

    assert "if-none-match" not in site.server.seen[-1]


def test_what_is_missing_is_gone_when_it_is_missing_a_day_later(site: Site) -> None:
    site.server.on("/a", PAGE, Reply(404))
    site.get("/a")

    verdicts = []
    for hours in (0, 23, 24):
        site.now = NOON + timedelta(hours=hours)
        reply = site.get("/a")
        assert reply.is_missing
        verdicts.append((reply.is_gone, reply.fetch.failures, reply.fetch.failed_at))

    assert verdicts == [(False, 1, NOON), (False, 2, NOON), (True, 3, NOON)]


def test_what_comes_back_was_never_gone(site: Site) -> None:
    site.server.on("/a", PAGE, Reply(404), UNCHANGED, Reply(404))
    for _ in range(3):
        site.get("/a")
    site.now += timedelta(days=2)

    reply = site.get("/a")

    assert (reply.is_gone, reply.fetch.failures) == (False, 1)


@pytest.mark.parametrize(
    ("status", "missing", "refused", "gone"),
    [
        (410, True, False, True),
        (404, True, False, False),
        (401, False, True, False),
        (403, False, True, False),
        (400, False, False, False),
    ],
)
def test_a_refusal_is_a_reply_that_says_why(
    site: Site, status: int, missing: bool, refused: bool, gone: bool
) -> None:
    site.server.on("/a", Reply(status))

    reply = site.get("/a")

    assert (reply.is_missing, reply.is_refused, reply.is_gone) == (
        missing,
        refused,
        gone,
    )
    assert reply.status == status
    assert reply.problem
    assert not reply.is_whole


def test_a_redirect_to_another_host_is_not_followed(site: Site) -> None:
    site.server.on("/a", Reply(302, b"", {"Location": "http://other.example/x"}))

    reply = site.get("/a")

    assert reply.status == 302
    assert "another host, other.example" in reply.problem
    assert not reply.is_gone
    assert len(site.server.requests) == 1


def test_a_server_that_fails_tells_nothing(site: Site) -> None:
    site.server.on("/a", Reply(500))

    with pytest.raises(ForumUnavailableError):
        site.get("/a")

    assert site.kept == {}


@pytest.mark.parametrize(
    "url", ["http://other.example/a", "http://xn--/a", "/a", "http://[", ""]
)
def test_other_sites_are_not_asked(site: Site, url: str) -> None:
    assert not site.reader.is_own(url)
    with pytest.raises(ValueError, match="is not of"):
        site.reader.get(url)
    assert site.server.requests == []


def test_an_address_keeps_its_query_and_its_place_outside_the_base(site: Site) -> None:
    site.server.on("/api/x?b=2&a=%C3%A9", PAGE)

    assert site.get("/api/x?b=2&a=%C3%A9").status == 200
    assert site.server.requests == ["GET /api/x?b=2&a=%C3%A9"]
