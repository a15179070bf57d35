"""robots.txt: kept by who reads without a key, read once a day, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sandbox import Community, Library, Sandbox, Settings
from indexer.budget import HostBudget
from indexer.guard import PublicOnly
from indexer.http import Transport
from indexer.robots import Robots, Rules
from indexer.validators import Validators
from kb.errors import (
    DisallowedError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
    SourceError,
)
from tests.indexer.loopback import Loopback, Reply, as_json, as_text

FILE = "https://a.org/robots.txt"


class Hands:
    """A `Clock` that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def robots(hands: Hands) -> Robots:
    return Robots(now=hands)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        running.on("/x", as_json("read"))
        yield running


def reading(url: str, robots: Robots, **options: Any) -> Transport:
    settings: dict[str, Any] = {
        "requests_per_second": None,
        "sleep": lambda _seconds: None,
        "max_attempts": 2,
        **options,
    }
    return Transport(url, robots=robots, **settings)


# -- rules -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "allowed", "forbidden"),
    [
        ("", ["/", "/t/1.json"], []),
        ("User-agent: *\nDisallow:", ["/t/1.json"], []),
        ("User-agent: *\nDisallow: /", ["/robots.txt"], ["/", "/t/1.json"]),
        # A wildcard, and the end of an address.
        ("User-agent: *\nDisallow: /t/*/*.rss$", ["/t/a/1.json"], ["/t/a/1.rss"]),
        # The longest rule that fits counts, whichever stands first.
        ("User-agent: *\nDisallow: /\nAllow: /t/", ["/t/1.json"], ["/latest.json"]),
        # Rules for us stand in place of those for all.
        (
            "User-agent: baraza\nDisallow: /t/\n\nUser-agent: *\nDisallow: /",
            ["/latest.json"],
            ["/t/1.json"],
        ),
        ("User-agent: GPTBot\nDisallow: /", ["/t/1.json"], []),
        ("<html>Not a file of rules</html>\x00", ["/t/1.json"], []),
        ("User-agent: *\nDisallow: /t/*?*api_key*", ["/t/1"], ["/t/1?x=1&api_key=2"]),
    ],
)
def test_rules_are_read_as_the_standard_says(
    text: str, allowed: list[str], forbidden: list[str]
) -> None:
    rules = Rules(FILE, text)
    assert [path for path in allowed if not rules.allow("https://a.org" + path)] == []
    assert [path for path in forbidden if rules.allow("https://a.org" + path)] == []


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("10", 10.0), ("2.5", 2.5), ("86400", 60.0), ("-3", 0.0), ("soon", 0.0)]
    + [(odd, 0.0) for odd in ("nan", "inf", "")],
)
def test_the_delay_is_kept_within_reason(asked: str, kept: float) -> None:
    assert Rules(FILE, f"User-agent: *\nCrawl-delay: {asked}").delay_s == kept


def test_a_refusal_names_the_file_and_the_way_out() -> None:
    rules = Rules(FILE, "User-agent: *\nDisallow: /")
    with pytest.raises(DisallowedError) as caught:
        rules.check("https://a.org/latest.json")
    assert isinstance(caught.value, SourceError)
    assert str(caught.value) == (
        "https://a.org/latest.json: https://a.org/robots.txt does not let Baraza read "
        "it without an account; ask the owners of the site for a key, or to allow it"
    )


# -- reading them ----------------------------------------------------------


def test_the_rules_are_asked_for_first_and_once_by_all_clients_of_a_day(
    server: Loopback, robots: Robots, hands: Hands
) -> None:
    server.on("/robots.txt", as_text("User-agent: *\nDisallow: /secret"))
    with reading(server.url, robots) as transport:
        transport.get_json("/x")
        transport.get_json("/x")
        assert transport.requests == 3
    hands.now += timedelta(hours=23)
    with reading(server.url, robots) as transport:
        transport.get_json("/x")
        with pytest.raises(DisallowedError):
            transport.get_json("/secret/1.json")
        assert transport.requests == 1
    assert server.requests == ["GET /robots.txt", *["GET /x"] * 3]
    hands.now += timedelta(hours=2)
    with reading(server.url, robots) as transport:
        transport.get_json("/x")
    assert server.requests[4:] == ["GET /robots.txt", "GET /x"]


def test_the_rules_of_a_forum_in_a_folder_lie_at_the_root(
    server: Loopback, robots: Robots
) -> None:
    server.on("/robots.txt", as_text("User-agent: *\nDisallow: /forum/t/"))
    server.on("/forum/latest.json", as_json("read"))
    with reading(server.url + "/forum", robots) as transport:
        transport.get_json("/latest.json")
        with pytest.raises(DisallowedError):
            transport.get_json("/t/1.json")
    assert server.requests == ["GET /robots.txt", "GET /forum/latest.json"]


def test_where_a_redirect_leads_must_be_allowed_too(
    server: Loopback, robots: Robots
) -> None:
    server.on("/robots.txt", as_text("User-agent: *\nDisallow: /secret"))
    server.on("/old", Reply(301, headers={"Location": "/secret/1"}))
    with reading(server.url, robots) as transport, pytest.raises(DisallowedError):
        transport.get_json("/old")
    assert server.requests == ["GET /robots.txt", "GET /old"]


def test_rules_that_moved_on_the_same_host_are_followed(
    server: Loopback, robots: Robots
) -> None:
    server.on("/robots.txt", Reply(301, headers={"Location": "/files/robots.txt"}))
    server.on("/files/robots.txt", as_text("User-agent: *\nDisallow: /"))
    with reading(server.url, robots) as transport, pytest.raises(DisallowedError):
        transport.get_json("/x")


def test_rules_on_another_host_are_not_followed(
    server: Loopback, robots: Robots
) -> None:
    with Loopback() as other:
        target = {"Location": other.url + "/robots.txt"}
        server.on("/robots.txt", Reply(301, headers=target))
        with (
            reading(server.url, robots) as transport,
            pytest.raises(ForumRejectedError, match="redirects to another host"),
        ):
            transport.get_json("/x")
        assert other.requests == []


@pytest.mark.parametrize("status", [404, 410, 403, 401])
def test_without_a_file_everything_is_allowed(
    server: Loopback, robots: Robots, status: int
) -> None:
    server.on("/robots.txt", as_text("no", status))
    with reading(server.url, robots) as transport:
        assert transport.get_json("/x") == "read"
        transport.get_json("/x")
    assert server.requests == ["GET /robots.txt", "GET /x", "GET /x"]


@pytest.mark.parametrize("failure", [Reply(500), Reply(503), Reply(drop=True)])
def test_a_file_that_cannot_be_read_forbids_everything_this_time(
    server: Loopback, robots: Robots, failure: Reply
) -> None:
    server.on("/robots.txt", failure)
    with reading(server.url, robots) as transport:
        with pytest.raises(ForumUnavailableError) as caught:
            transport.get_json("/x")
        assert str(caught.value).startswith(
            f"{server.url}/robots.txt: cannot be read, and without the site's rules "
            "for crawlers nothing is read this time; is the address right? ("
        )
        assert server.requests == ["GET /robots.txt"] * 2
        server.on("/robots.txt", as_text(""))
        assert transport.get_json("/x") == "read"


def test_a_site_that_asks_to_wait_before_it_tells_its_rules_is_told_apart(
    server: Loopback, robots: Robots
) -> None:
    server.on("/robots.txt", as_json({}, 429, Retry_After="900"))
    with reading(server.url, robots) as transport, pytest.raises(RateLimitedError):
        transport.get_json("/x")


def test_a_copy_stands_in_for_a_file_that_cannot_be_read_for_a_month(
    server: Loopback, robots: Robots, hands: Hands
) -> None:
    """And while it does, the file is asked for once an hour, not each time."""
    server.on("/robots.txt", as_text("User-agent: *\nDisallow: /secret"), Reply(500))
    with reading(server.url, robots, max_attempts=1) as transport:
        transport.get_json("/x")
        hands.now += timedelta(days=2)
        transport.get_json("/x")
        with pytest.raises(DisallowedError):
            transport.get_json("/secret")
        assert server.requests.count("GET /robots.txt") == 2
        hands.now += timedelta(hours=1)
        transport.get_json("/x")
        assert server.requests.count("GET /robots.txt") == 3
        hands.now += timedelta(days=29)
        with pytest.raises(ForumUnavailableError, match=r"robots\.txt: cannot be read"):
            transport.get_json("/x")


def test_rules_are_read_again_only_if_they_have_changed(
    server: Loopback, robots: Robots, hands: Hands
) -> None:
    rules = as_text("User-agent: *\nDisallow: /secret")
    tagged = Reply(200, rules.body, {**rules.headers, "ETag": '"one"'})
    server.on("/robots.txt", tagged, Reply(304, b""))
    with reading(server.url, robots, validators=Validators()) as transport:
        transport.get_json("/x")
        hands.now += timedelta(days=1)
        transport.get_json("/x")
        with pytest.raises(DisallowedError):
            transport.get_json("/secret")
    asked = [sent.get("if-none-match") for sent in server.seen]
    assert asked == [None, None, '"one"', None]


def test_a_delay_that_the_rules_ask_for_slows_all_clients_of_the_host(
    server: Loopback, robots: Robots, hands: Hands
) -> None:
    server.on("/robots.txt", as_text("User-agent: *\nCrawl-delay: 10"), as_text(""))
    now, waits = 0.0, list[float]()

    def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    budget = HostBudget(0.5, sleep=sleep, clock=lambda: now)
    with (
        reading(server.url, robots, budget=budget) as reader,
        Transport(server.url, budget=budget) as with_key,
    ):
        reader.get_json("/x")
        with_key.get_json("/x")
        assert waits == [10.0, 10.0]
        hands.now += timedelta(days=1)
        reader.get_json("/x")  # the rules of today are asked for first
        reader.get_json("/x")
    assert waits == [10.0, 10.0, 10.0, 2.0, 2.0]


def test_a_guard_refuses_before_any_rules_are_asked_for(
    server: Loopback, robots: Robots
) -> None:
    guard = PublicOnly(base_url="https://8.8.8.8")

    with (
        reading(server.url, robots, guard=guard) as transport,
        pytest.raises(SourceError, match="private network"),
    ):
        transport.get_json("/x")
    assert server.requests == []


# -- a forum's own ---------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "forbidden"),
    [
        (Settings(), False),
        (Settings(allow_index_in_robots_txt=False), True),
        (Settings(overridden_robots_txt="User-agent: *\nDisallow: /t/"), True),
        (Settings(allowed_crawler_user_agents=("googlebot",)), True),
        (Settings(allowed_crawler_user_agents=("googlebot", "baraza")), False),
        (Settings(blocked_crawler_user_agents=("baraza",)), True),
    ],
)
def test_a_forum_says_who_may_read_its_topics(
    settings: Settings, forbidden: bool
) -> None:
    community = Community.empty()
    community.add_user("amina")
    community.add_topics(1)
    with (
        Sandbox(community, settings, library=Library()) as box,
        reading(box.url, Robots()) as transport,
    ):
        if forbidden:
            with pytest.raises(DisallowedError):
                transport.get_json("/t/1.json")
        else:
            assert transport.get_json("/t/1.json")["id"] == 1
