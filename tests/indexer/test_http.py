"""The polite client against a real socket that misbehaves on command."""

from __future__ import annotations

import gzip
import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from indexer.channel import Channel, default_user_agent
from indexer.http import Transport
from indexer.validators import Validators
from kb.errors import (
    ConfigError,
    ForumError,
    ForumProtocolError,
    ForumReadOnlyError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from tests.indexer.loopback import Loopback, Reply, as_json, as_text

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "k3y-that-must-not-leak"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def reader(server: Loopback, waits: list[float]) -> Iterator[Transport]:
    with reading(server.url, waits) as transport:
        yield transport


def reading(url: str, waits: list[float], **options: Any) -> Transport:
    settings: dict[str, Any] = {
        "requests_per_second": None,
        "sleep": waits.append,
        "now": lambda: NOW,
        "max_attempts": 3,
        "timeout_s": 5.0,
        **options,
    }
    return Transport(url, **settings)


# -- what is sent ----------------------------------------------------------


def test_a_request_names_us_and_asks_for_json(
    server: Loopback, reader: Transport
) -> None:
    server.on("/site.json", as_json({"a": 1}))

    assert reader.get_json("/site.json") == {"a": 1}

    assert server.requests == ["GET /site.json"]
    sent = server.seen[0]
    assert (sent["user-agent"], sent["accept"]) == ("Baraza/0.1.0", "application/json")


def test_the_user_agent_carries_a_contact() -> None:
    assert (
        default_user_agent("https://a.org/bot") == "Baraza/0.1.0 (+https://a.org/bot)"
    )


def test_a_base_in_a_folder_keeps_its_folder(
    server: Loopback, waits: list[float]
) -> None:
    server.on("/forum/t/1.json", as_json(1))
    with reading(server.url + "/forum/", waits) as transport:
        assert transport.get_json("/t/1.json") == 1
        assert transport.base_url == server.url + "/forum"


def test_repeated_query_names_are_sent_one_by_one(
    server: Loopback, reader: Transport
) -> None:
    server.on("/posts.json", as_json([]))
    reader.get_json("/posts.json", [("post_ids[]", 1), ("post_ids[]", 2)])
    assert server.requests == ["GET /posts.json?post_ids%5B%5D=1&post_ids%5B%5D=2"]


def test_requests_keep_their_distance(server: Loopback, waits: list[float]) -> None:
    """At half a request per second the second and third wait two seconds each."""
    server.on("/x", as_json(0))
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    with reading(
        server.url, waits, requests_per_second=0.5, sleep=sleep, clock=lambda: now
    ) as transport:
        for _ in range(3):
            transport.get_json("/x")
        now += 60
        transport.get_json("/x")
    assert waits == [2.0, 2.0]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://a.org", "expected an http(s) URL of a site, got 'ftp://a.org'"),
        ("a.org", "expected an http(s) URL of a site, got 'a.org'"),
        ("https://me:pw@a.org", "a URL must not carry a name or password"),
    ],
)
def test_a_base_that_is_no_site_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Transport(url)
    assert str(caught.value) == problem


def test_a_key_with_a_line_break_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as caught:
        Transport("https://a.org", headers={"Api-Key": SECRET + "\n"})
    assert str(caught.value) == "Api-Key: holds characters that an HTTP header must not"


# -- waiting and repeating -------------------------------------------------


@pytest.mark.parametrize(
    ("limited", "waited"),
    [
        (as_json({}, 429, Retry_After="7"), 7.0),
        (as_json({}, 429, Retry_After="Mon, 23 Nov 2026 12:00:30 GMT"), 30.0),
        (as_json({"extras": {"wait_seconds": 39}}, 429), 40.0),
        (as_text("Slow down.\nPlease retry again in 8 seconds.\n", 429), 9.0),
        (as_text("<html>429 Too Many Requests</html>", 429, "text/html"), 10.0),
        (as_json({"failed": "FAILED", "message": "too many times"}, 429), 10.0),
        (Reply(429, b'{"extras": {"wait_sec'), 10.0),
        (as_json({"errors": ["read only"]}, 503, Retry_After="5"), 5.0),
    ],
)
def test_told_to_slow_down_it_waits_as_told_and_asks_again(
    server: Loopback,
    reader: Transport,
    waits: list[float],
    limited: Reply,
    waited: float,
) -> None:
    server.on("/latest.json", limited, as_json("done"))

    assert reader.get_json("/latest.json") == "done"

    assert waits == [waited]
    assert server.requests == ["GET /latest.json"] * 2
    assert reader.requests == 2


def test_a_wait_that_is_too_long_is_an_error_that_names_it(
    server: Loopback, reader: Transport, waits: list[float]
) -> None:
    server.on("/x", as_json({}, 429, Retry_After="3600"))
    with pytest.raises(RateLimitedError) as caught:
        reader.get_json("/x")
    assert caught.value.retry_after_s == 3600
    assert str(caught.value) == f"{server.url}/x: rate limited, asked to wait 3600 s"
    assert waits == []


def test_a_limit_that_never_ends_is_given_up(
    server: Loopback, reader: Transport, waits: list[float]
) -> None:
    server.on("/x", as_json({}, 429, Retry_After="2"))
    with pytest.raises(RateLimitedError):
        reader.get_json("/x")
    assert waits == [2.0, 2.0]
    assert reader.requests == 3


@pytest.mark.parametrize(
    "failure",
    [
        Reply(500),
        Reply(502, b"<html>Bad gateway"),
        Reply(drop=True),
        Reply(body=b'{"a": 1', announce=4000),
        Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["500", "502", "drop", "short", "no-gzip"],
)
def test_a_failure_that_may_pass_is_tried_again_after_a_growing_wait(
    server: Loopback, reader: Transport, waits: list[float], failure: Reply
) -> None:
    server.on("/x", failure, failure, as_json("done"))

    assert reader.get_json("/x") == "done"

    assert reader.requests == 3
    assert len(waits) == 2
    assert 1 <= waits[0] <= 2 <= waits[1] <= 3


def test_a_failure_that_stays_is_unavailable(
    server: Loopback, reader: Transport
) -> None:
    server.on("/x", as_json({"errors": ["Overloaded."]}, 503))
    with pytest.raises(ForumUnavailableError) as caught:
        reader.get_json("/x")
    assert str(caught.value) == f"{server.url}/x: 503 Overloaded."
    assert caught.value.status == 503


def test_a_forum_in_read_only_mode_is_left_alone_for_longer_each_time(
    server: Loopback, waits: list[float]
) -> None:
    busy = as_json({"errors": ["Read only."], "error_type": "read_only"}, 503)
    server.on("/x", busy, busy, as_json("done"))
    with reading(server.url, waits) as transport:
        assert transport.get_json("/x") == "done"
    assert waits == [60.0, 120.0]


def test_a_forum_that_stays_read_only_is_given_up_with_a_word_on_what_comes_next(
    server: Loopback, waits: list[float]
) -> None:
    server.on("/x", as_json({"errors": ["Read only."], "error_type": "read_only"}, 503))
    with (
        reading(server.url, waits, max_attempts=5) as transport,
        pytest.raises(ForumReadOnlyError) as caught,
    ):
        transport.get_json("/x")
    assert str(caught.value) == (
        f"{server.url}/x: the forum is read-only, as for a backup or an upgrade "
        "(Read only.); what is missing is read next time"
    )
    assert caught.value.status == 503
    assert waits == [60.0, 120.0, 120.0, 120.0]


def test_nobody_there_is_unavailable(waits: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            reading(url, waits) as transport,
            pytest.raises(ForumUnavailableError, match="ConnectError") as caught,
        ):
            transport.get_json("/x")
    assert caught.value.status is None
    assert len(waits) == 2


def test_a_silent_server_ends_in_a_time_out(waits: list[float]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            reading(url, waits, timeout_s=0.05, max_attempts=1) as transport,
            pytest.raises(ForumUnavailableError, match="ReadTimeout"),
        ):
            transport.get_json("/x")


def test_an_answer_that_drips_is_ended(server: Loopback, waits: list[float]) -> None:
    """Each read takes 9 s of a clock; the whole may take 4 times the time-out."""
    server.on("/x", Reply(body=b"x" * 500_000))
    ticks = iter(range(0, 9_000_000, 9))
    with (
        reading(
            server.url, waits, max_attempts=1, timeout_s=5, clock=lambda: next(ticks)
        ) as transport,
        pytest.raises(ForumUnavailableError, match="drips too slowly"),
    ):
        transport.get_text("/x")


# -- refusals --------------------------------------------------------------


def test_a_refusal_carries_the_forums_words_shortened(
    server: Loopback, reader: Transport, waits: list[float]
) -> None:
    page = "<p>not here</p>" * 5000
    body = {
        "errors": ["No such topic. " * 90],
        "error_type": "not_found",
        "extras": {"html": page},
    }
    server.on("/t/1.json", as_json(body, 404))
    with pytest.raises(ForumRejectedError) as caught:
        reader.get_json("/t/1.json")
    assert (caught.value.status, caught.value.error_type) == (404, "not_found")
    assert str(caught.value).startswith(f"{server.url}/t/1.json: 404 No such topic.")
    assert len(str(caught.value)) < 400
    assert "<p>" not in str(caught.value)
    assert waits == []


@pytest.mark.parametrize(
    ("reply", "problem", "error_type"),
    [
        (as_text("Try it with a browser.", 403), "Try it with a browser.", None),
        (as_text("<html>a page</html>", 404, "text/html"), "Not Found", None),
        (as_json(["BAD CSRF"], 403), "Forbidden", None),
        (as_json({"errors": ["Too long."]}, 422), "Too long.", ""),
        (as_json({"errors": [], "error_type": 7}, 400), "Bad Request", ""),
        (Reply(410, b'{"errors'), "Gone", None),
    ],
)
def test_every_form_of_refusal_is_understood(
    server: Loopback,
    reader: Transport,
    reply: Reply,
    problem: str,
    error_type: str | None,
) -> None:
    server.on("/x", reply)
    with pytest.raises(ForumRejectedError) as caught:
        reader.get_json("/x")
    assert (caught.value.problem, caught.value.error_type) == (problem, error_type)


def test_an_agent_that_is_not_let_in_learns_whom_to_ask(
    server: Loopback, reader: Transport
) -> None:
    server.on("/x", as_text("Crawler is not allowed!", 403))
    with pytest.raises(ForumRejectedError) as caught:
        reader.get_json("/x")
    # No word of the application's: no topic has left for it.
    assert caught.value.error_type is None
    assert str(caught.value) == (
        f"{server.url}/x: 403 Crawler is not allowed! The forum lists which programs "
        "may read it: ask its owners to add Baraza to allowed_crawler_user_agents, or "
        "use a user API key"
    )


@pytest.mark.parametrize("name", ["Api-Key", "User-Api-Key"])
def test_no_error_and_no_log_shows_the_key(
    server: Loopback, waits: list[float], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    bad = [
        Reply(500),
        as_json({"errors": ["no"]}, 403),
        Reply(body=b"{"),
        Reply(301, headers={"Location": "https://elsewhere.example/"}),
        Reply(drop=True),
    ]
    headers = {name: SECRET, "Api-Username": "baraza"}
    memory = Validators()
    with reading(
        server.url, waits, headers=headers, max_attempts=2, validators=memory
    ) as transport:
        shown = repr(transport) + repr(memory)
        for reply in bad:
            server.on("/x", reply)
            with pytest.raises(ForumError) as caught:
                transport.get_json("/x")
            shown += str(caught.value) + repr(caught.value)
    assert all(sent[name.lower()] == SECRET for sent in server.seen)
    assert SECRET not in shown + caplog.text


# -- bodies ----------------------------------------------------------------


def test_malformed_json_is_read_once_more(server: Loopback, reader: Transport) -> None:
    cut = gzip.compress(b'{"a": "a long text"}')[:-12]
    packed = {"Content-Encoding": "gzip"}
    for broken in (Reply(body=b'{"a": [1, 2'), Reply(body=cut, headers=packed)):
        server.on("/x", broken, as_json("whole"))
        assert reader.get_json("/x") == "whole"
    assert reader.requests == 4


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"a": ', "is not JSON: Expecting value at character 6 of 6"),
        (b"<html>", "is not JSON: Expecting value at character 0 of 6"),
        (b"", "is not JSON: Expecting value at character 0 of 0"),
        (b'"\xff"', "is not UTF-8 at byte 1"),
        (b'"a\x00b"', "is not JSON: Invalid control character at at character 2 of 5"),
        (b"[" * 200_000, "JSON nested too deeply"),
        (b"9" * 5_000, "is not JSON that can be read: a number has too many digits"),
    ],
    ids=["truncated", "html", "empty", "utf-8", "nul", "nested", "digits"],
)
def test_a_body_that_stays_malformed_is_named(
    server: Loopback, reader: Transport, body: bytes, problem: str
) -> None:
    server.on("/x", Reply(body=body))
    with pytest.raises(ForumProtocolError) as caught:
        reader.get_json("/x")
    assert str(caught.value) == f"{server.url}/x: {problem}"


def test_a_compressed_body_is_unpacked(server: Loopback, reader: Transport) -> None:
    packed = gzip.compress(b'{"a": "\xc3\xa9"}')
    server.on("/x", Reply(body=packed, headers={"Content-Encoding": "gzip"}))
    assert reader.get_json("/x") == {"a": "é"}
    assert "gzip" in server.seen[0]["accept-encoding"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"x" * 1001),
        Reply(body=b"", announce=40_000_000),
        Reply(body=gzip.compress(b"x" * 10**6), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["large", "announced", "bomb"],
)
def test_a_body_over_the_cap_is_refused_once(
    server: Loopback, waits: list[float], reply: Reply
) -> None:
    server.on("/x", reply)
    with reading(server.url, waits, max_bytes=1000) as transport:
        with pytest.raises(ForumProtocolError) as caught:
            transport.get_json("/x")
        assert transport.requests == 1
    assert str(caught.value) == f"{server.url}/x: answer is larger than 1,000 bytes"


def test_text_is_decoded_as_the_answer_says(
    server: Loopback, reader: Transport
) -> None:
    kind = {"Content-Type": "text/plain; charset=ISO-8859-1"}
    server.on("/latin", Reply(body=b"caf\xe9", headers=kind))
    server.on("/bad", Reply(body=b"caf\xe9"))
    assert reader.get_text("/latin") == "café"
    with pytest.raises(ForumProtocolError, match="is not text in utf-8"):
        reader.get_text("/bad")


# -- redirects -------------------------------------------------------------


def test_a_redirect_on_the_same_host_is_followed(
    server: Loopback, reader: Transport
) -> None:
    server.on("/t/old/1.json", Reply(301, headers={"Location": "/t/new/1.json"}))
    server.on("/t/new/1.json", as_json("here"))
    assert reader.get_json("/t/old/1.json") == "here"
    assert reader.get("/t/old/1.json").url == server.url + "/t/new/1.json"


@pytest.mark.parametrize("name", ["Api-Key", "User-Api-Key"])
@pytest.mark.parametrize(("status", "error_type"), [(301, "moved"), (302, None)])
def test_a_redirect_to_another_host_is_refused_and_sends_nothing_there(
    server: Loopback,
    waits: list[float],
    status: int,
    error_type: str | None,
    name: str,
) -> None:
    with Loopback() as other:
        target = {"Location": other.url + "/t/1.json"}
        server.on("/t/1.json", Reply(status, headers=target))
        with (
            reading(server.url, waits, headers={name: SECRET}) as transport,
            pytest.raises(ForumRejectedError) as caught,
        ):
            transport.get_json("/t/1.json")
        assert other.requests == []
    assert caught.value.error_type == error_type
    assert caught.value.problem == "redirects to another host, 127.0.0.1"


def test_redirects_in_a_circle_end(server: Loopback, reader: Transport) -> None:
    server.on("/a", Reply(302, headers={"Location": "/b"}))
    server.on("/b", Reply(302, headers={"Location": "/a"}))
    with pytest.raises(ForumProtocolError, match="more than 5 redirects"):
        reader.get_json("/a")
    assert reader.requests == 6


def test_a_redirect_without_an_address_is_a_protocol_error(
    server: Loopback, reader: Transport
) -> None:
    server.on("/a", Reply(302))
    with pytest.raises(ForumProtocolError, match="Location: redirects to nowhere"):
        reader.get_json("/a")


def test_a_redirect_to_what_is_no_url_is_tried_again(
    server: Loopback, reader: Transport
) -> None:
    nonsense = Reply(302, headers={"Location": "http://a.org:port/"})
    server.on("/a", nonsense, as_json("better"))
    assert reader.get_json("/a") == "better"


@pytest.mark.parametrize(
    "target", ["mailto:a@b.org", "tel:123", "javascript:alert(1)", "https://xn--/"]
)
def test_a_redirect_to_what_is_no_web_address_is_a_refusal(
    server: Loopback, reader: Transport, target: str
) -> None:
    """Administrators may point a permalink anywhere."""
    server.on("/a", Reply(301, headers={"Location": target}))
    with pytest.raises(ForumRejectedError) as caught:
        reader.get_json("/a")
    assert caught.value.error_type == "moved"
    assert caught.value.problem == f"redirects to what is no web address: {target!r}"


@pytest.mark.parametrize(
    "limited",
    [
        as_json({"extras": {"wait_seconds": 10**400}}, 429),
        as_json({"extras": {"wait_seconds": 1e300}}, 429),
        as_text(f"Please retry again in {'9' * 400} seconds.", 429),
        as_json({}, 429, Retry_After="9" * 400),
    ],
)
def test_a_wait_beyond_all_numbers_is_an_error_that_names_a_day(
    server: Loopback, reader: Transport, limited: Reply
) -> None:
    server.on("/a", limited)
    with pytest.raises(RateLimitedError) as caught:
        reader.get_json("/a")
    assert caught.value.retry_after_s in (86_400, 86_401)


def test_being_led_to_the_login_page_is_a_refusal(
    server: Loopback, reader: Transport
) -> None:
    server.on("/x", Reply(302, headers={"Location": "/login"}))
    server.on("/login", as_text("<html>", kind="text/html"))
    with pytest.raises(ForumRejectedError) as caught:
        reader.get_json("/x")
    assert caught.value.error_type == "not_logged_in"


# -- writing ---------------------------------------------------------------


@pytest.mark.parametrize("failure", [Reply(500), Reply(drop=True)])
def test_a_write_is_sent_once(
    server: Loopback, waits: list[float], failure: Reply
) -> None:
    server.on("/posts.json", failure)
    with writing(server.url, waits) as channel:
        with pytest.raises(ForumUnavailableError):
            channel.request("POST", "/posts.json", body={"raw": "Hello"})
        assert (channel.requests, waits) == (1, [])


def test_a_write_that_is_limited_tells_the_wait(
    server: Loopback, waits: list[float]
) -> None:
    server.on("/posts.json", as_json({}, 429, Retry_After="5"))
    with writing(server.url, waits) as channel:
        with pytest.raises(RateLimitedError) as caught:
            channel.request("POST", "/posts.json", body={"raw": "Hello"})
        assert (caught.value.retry_after_s, waits) == (5.0, [])


def test_a_write_is_repeated_when_told_that_it_may_be(
    server: Loopback, waits: list[float]
) -> None:
    server.on("/posts.json", Reply(500), as_json({"id": 1}))
    with writing(server.url, waits) as channel:
        answer = channel.request("POST", "/posts.json", body={}, repeat=True)
    assert (answer.status, answer.body) == (200, b'{"id": 1}')


def test_a_redirected_write_is_not_sent_on(
    server: Loopback, waits: list[float]
) -> None:
    server.on("/posts.json", Reply(307, headers={"Location": "/elsewhere"}))
    with (
        writing(server.url, waits) as channel,
        pytest.raises(ForumRejectedError, match="nothing was sent on"),
    ):
        channel.request("POST", "/posts.json", body={})
    assert server.requests == ["POST /posts.json"]


def test_the_reader_has_no_way_to_write() -> None:
    public = {name for name in dir(Transport) if not name.startswith("_")}
    assert public == {
        "base_url",
        "close",
        "get",
        "get_from_root",
        "get_json",
        "get_text",
        "look",
        "requests",
    }


def writing(url: str, waits: list[float]) -> Channel:
    return Channel(url, requests_per_second=None, sleep=waits.append)


# -- looking ---------------------------------------------------------------


def test_a_look_gives_every_answer_as_it_is_and_reads_no_body(
    server: Loopback, reader: Transport
) -> None:
    server.on("/moved", Reply(302, headers={"Location": "https://elsewhere.example"}))
    server.on("/page", as_text("a body"))

    moved, page = reader.look("/moved"), reader.look("/page", method="GET")
    missing = reader.look("/missing?v=1")

    assert (moved.status, moved.headers["location"]) == (
        302,
        "https://elsewhere.example",
    )
    assert (page.status, page.body) == (200, b"")
    assert missing.status == 404
    assert server.requests == ["HEAD /moved", "GET /page", "HEAD /missing?v=1"]


def test_a_look_waits_as_told_and_tries_again(
    server: Loopback, reader: Transport, waits: list[float]
) -> None:
    server.on("/x", Reply(429, headers={"Retry-After": "7"}), Reply(200))

    assert reader.look("/x").status == 200

    assert waits == [7.0]
    assert server.requests == ["HEAD /x", "HEAD /x"]


def test_a_path_that_looks_like_a_host_leads_to_none(
    server: Loopback, reader: Transport
) -> None:
    server.on("/elsewhere.example/x", as_json(1))

    reader.get_from_root("//elsewhere.example/x")
    reader.look("//elsewhere.example/x")

    # Python's server takes two slashes at the start for one.
    assert server.requests == ["GET /elsewhere.example/x", "HEAD /elsewhere.example/x"]
