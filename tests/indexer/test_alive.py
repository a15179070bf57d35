"""Whether an address answers, asked of real sites that answer in every way."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from indexer.alive import ALIVE, AliveChecker, Verdict
from indexer.guard import PublicOnly
from indexer.http import Transport
from indexer.robots import Robots
from tests.indexer.loopback import Loopback, Reply, as_json, as_text

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def checker(server: Loopback) -> Iterator[AliveChecker]:
    with checking(server) as made:
        yield made


@contextmanager
def checking(
    server: Loopback, *, robots: bool = False, oembed: bool = False
) -> Iterator[AliveChecker]:
    guard = PublicOnly(base_url=server.url)

    def connect(root: str) -> Transport:
        options: dict[str, Any] = {"robots": Robots(now=lambda: NOW)} if robots else {}
        return Transport(
            root,
            requests_per_second=None,
            sleep=lambda _s: None,
            max_attempts=2,
            max_wait_s=30.0,
            timeout_s=5.0,
            now=lambda: NOW,
            guard=guard,
            **options,
        )

    with closing(AliveChecker(connect, own=server.url, oembed=oembed)) as checker:
        yield checker


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(status, headers={"Location": location})


# -- what a page answers ---------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "verdict", "methods"),
    [
        (as_text("here"), ALIVE, ["HEAD"]),
        (Reply(204, b""), ALIVE, ["HEAD"]),
        (Reply(404), Verdict("dead", "404, it is not there"), ["HEAD", "GET"]),
        (Reply(410), Verdict("dead", "410, it is gone"), ["HEAD"]),
        (Reply(401), Verdict("dead", "401, it asks for an account"), ["HEAD"]),
        (Reply(403), Verdict("dead", "403, it asks for an account"), ["HEAD", "GET"]),
        (
            Reply(403, headers={"cf-mitigated": "challenge"}),
            Verdict("unknown", "403, it turns programs away"),
            ["HEAD", "GET"],
        ),
        (Reply(418), Verdict("unknown", "it answers 418"), ["HEAD"]),
    ],
)
def test_an_answer_tells_whether_a_page_is_alive(
    server: Loopback,
    checker: AliveChecker,
    reply: Reply,
    verdict: Verdict,
    methods: list[str],
) -> None:
    server.on("/page", reply)

    assert checker.check(f"{server.url}/page#part") == verdict

    assert server.requests == [f"{method} /page" for method in methods]


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_where_head_is_refused_get_decides(
    server: Loopback, checker: AliveChecker, status: int
) -> None:
    server.on("HEAD /page", Reply(status))
    server.on("/page", as_text("here"))

    assert checker.check(f"{server.url}/page") == ALIVE

    assert server.requests == ["HEAD /page", "GET /page"]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_proves_nothing(
    server: Loopback, checker: AliveChecker, status: int
) -> None:
    server.on("/page", Reply(status))

    verdict = checker.check(f"{server.url}/page")

    assert verdict.state == "unknown"
    assert f"{server.url}/page: {status}" in verdict.reason


def test_a_host_that_wants_to_be_left_alone_is(
    server: Loopback, checker: AliveChecker
) -> None:
    server.on("/page", Reply(429, headers={"Retry-After": "600"}))

    first, second = (checker.check(f"{server.url}/{name}") for name in ("page", "b"))

    assert (first.state, second.state) == ("unknown", "unknown")
    assert "rate limited" in first.reason
    assert server.requests == ["HEAD /page"]


def test_what_robots_txt_forbids_is_not_asked(server: Loopback) -> None:
    server.on("/robots.txt", as_text("User-agent: *\nDisallow: /private/"))
    server.on("/page", as_text("here"))

    with checking(server, robots=True) as checker:
        found = [checker.check(f"{server.url}{at}") for at in ("/private/x", "/page")]

    assert found == [Verdict("unknown", "robots.txt does not let us look"), ALIVE]
    assert server.requests == ["GET /robots.txt", "HEAD /page"]


def test_rules_for_crawlers_that_lie_elsewhere_prove_nothing(server: Loopback) -> None:
    server.on("/robots.txt", redirect("https://elsewhere.example/robots.txt"))

    with checking(server, robots=True) as checker:
        verdict = checker.check(f"{server.url}/page")

    assert verdict.state == "unknown"
    assert "redirects to another host" in verdict.reason
    assert server.requests == ["GET /robots.txt"]


def test_a_host_that_stays_silent_is_not_asked_for_every_page(
    server: Loopback, checker: AliveChecker
) -> None:
    server.on("/a", Reply(drop=True))

    found = [checker.check(f"{server.url}/a") for _ in range(5)]

    assert [verdict.state for verdict in found] == ["unknown"] * 5
    assert found[-1].reason.endswith("did not answer time and again")
    assert server.requests == ["HEAD /a"] * 6  # two attempts each, three times


@pytest.mark.parametrize(
    ("code", "state"), [(socket.EAI_NONAME, "dead"), (socket.EAI_AGAIN, "unknown")]
)
def test_a_name_that_is_not_there_is_dead_and_a_resolver_that_fails_is_not(
    server: Loopback,
    checker: AliveChecker,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    state: str,
) -> None:
    def look_up(*_args: Any, **_more: Any) -> Any:
        raise socket.gaierror(code, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    verdict = checker.check("http://gone.example/page")

    assert verdict.state == state
    if state == "dead":
        assert verdict.reason == "its host has no address"


@pytest.mark.parametrize(
    "url", ["mailto:a@b.example", "http://[::zz]/", "http://xn--/", "page.html"]
)
def test_what_is_no_web_address_is_dead(
    server: Loopback, checker: AliveChecker, url: str
) -> None:
    verdict = checker.check(url)

    assert verdict.state == "dead"
    assert verdict.reason.startswith("it is no web address")


# -- redirects -------------------------------------------------------------


def test_redirects_are_followed_to_other_hosts(
    server: Loopback, other: Loopback, checker: AliveChecker
) -> None:
    server.on("/old", redirect("/newer", 301))
    server.on("/newer", redirect(f"{other.url}/new", 308))
    other.on("/new", as_text("here"))

    assert checker.check(f"{server.url}/old") == ALIVE

    assert server.requests == ["HEAD /old", "HEAD /newer"]
    assert other.requests == ["HEAD /new"]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/login?next=/page", "it leads to a login page, {url}/login"),
        ("/wp-login.php?x=1", "it leads to a login page, {url}/wp-login.php"),
        ("/users/sign_in", "it leads to a login page, {url}/users/sign_in"),
        (
            "https://accounts.example.org/o/auth?x=1",
            "it leads to a login page, https://accounts.example.org/o/auth",
        ),
        ("/", "it leads to a front page, {url}/"),
        ("/fr/index.html", "it leads to a front page, {url}/fr/index.html"),
    ],
)
def test_a_redirect_to_a_login_or_the_front_page_is_a_dead_page(
    server: Loopback, checker: AliveChecker, location: str, reason: str
) -> None:
    server.on("/en/page", redirect(location))

    verdict = checker.check(f"{server.url}/en/page")

    assert verdict == Verdict("dead", reason.format(url=server.url))
    assert server.requests == ["HEAD /en/page"]


def test_a_front_page_may_redirect_to_another(
    server: Loopback, checker: AliveChecker
) -> None:
    server.on("/", redirect("/en/"))
    server.on("/en/", as_text("here"))

    assert checker.check(f"{server.url}/") == ALIVE


def test_redirects_in_circles_prove_nothing(
    server: Loopback, checker: AliveChecker
) -> None:
    server.on("/page", redirect("/page?again"))

    verdict = checker.check(f"{server.url}/page")

    assert verdict == Verdict("unknown", "it redirects more than 5 times")
    assert len(server.requests) == 6


def test_a_redirect_into_a_private_network_is_dead_and_not_followed(
    server: Loopback, other: Loopback, checker: AliveChecker
) -> None:
    inside = other.url.replace("127.0.0.1", "localhost")
    server.on("/page", redirect(f"{inside}/admin/reboot"))

    verdict = checker.check(f"{server.url}/page")

    assert verdict.state == "dead"
    assert "points into a private network" in verdict.reason
    assert other.requests == []


@pytest.mark.parametrize(
    "location", ["mailto:someone@example.org", "android-app://x.y", "//xn--/"]
)
def test_a_redirect_to_what_is_no_web_address_is_dead(
    server: Loopback, checker: AliveChecker, location: str
) -> None:
    server.on("/page", redirect(location))

    verdict = checker.check(f"{server.url}/page")

    assert verdict.state == "dead"
    assert "redirects to what is no web address" in verdict.reason


@pytest.mark.parametrize(
    "location", ["http://[::zz]/", "https://a b.example/", "view-source:x", ""]
)
def test_a_redirect_that_cannot_be_followed_is_not_alive(
    server: Loopback, checker: AliveChecker, location: str
) -> None:
    server.on("/page", redirect(location))

    assert checker.check(f"{server.url}/page").state != "alive"


# -- what not everybody may know of ----------------------------------------


def test_a_private_page_is_asked_of_its_own_host_alone(
    server: Loopback, other: Loopback, checker: AliveChecker
) -> None:
    inside = other.url.replace("127.0.0.1", "localhost")
    server.on("/here", as_text("here"))
    server.on("/there", redirect(f"{inside}/there"))
    kept = Verdict("unknown", "localhost must not know of what is not public")

    found = [
        checker.check(url, private=True)
        for url in (f"{server.url}/here", f"{server.url}/there", f"{inside}/elsewhere")
    ]

    assert found == [ALIVE, kept, kept]
    assert other.requests == []


# -- videos ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (as_json({"title": "A video"}), ALIVE),
        (Reply(401), Verdict("unknown", "401, it may not be embedded")),
        (Reply(403), Verdict("dead", "403, the video is not public")),
        (Reply(404), Verdict("dead", "404, it is not there")),
        (Reply(400), Verdict("unknown", "it answers 400")),
    ],
)
def test_a_video_is_alive_when_its_site_describes_it(
    server: Loopback, reply: Reply, verdict: Verdict
) -> None:
    """The page itself answers 200 for every video that ever was."""
    video = "https://www.youtube.com/watch?v=a_1&t=20"
    asked = f"/oembed?url={quote(video, safe='')}&format=json"
    server.on(asked, reply)

    with checking(server, oembed=True) as checker:
        assert checker.check(video) == verdict

    assert server.requests == [f"GET {asked}"]


def test_a_private_video_of_another_host_is_not_asked_for(server: Loopback) -> None:
    with checking(server, oembed=True) as checker:
        verdict = checker.check("https://youtu.be/a_1", private=True)

    assert verdict == Verdict("unknown", "youtu.be must not know of what is not public")
    assert server.requests == []
