"""Who may ask what, how often, from where, and what happens when many do at once."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.api import ApiSettings, create_app
from kb.api.clients import RateLimit, client_of
from kb.api.desk import Desk
from kb.api.limits import Limits
from kb.errors import StoreError
from tests.kb.api.conftest import FORUM
from tests.kb.api.stand import KEY, Stand, served


@contextmanager
def endpoint(
    stand: Stand | None = None, *, limits: Limits | None = None, **settings: Any
) -> Iterator[httpx.Client]:
    app = create_app(stand or Stand(), ApiSettings(**settings), limits or Limits())
    with (
        served(app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


# -- keys ------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"X-Api-Key": "wrong"},
        {"X-Api-Key": ""},
        {"X-Api-Key": KEY + "x" * 10_000},
        {"X-Api-Key": "wrong", "Authorization": "Bearer wrong"},
    ],
)
def test_a_key_that_is_none_of_ours_is_not_taken_for_nobody(
    client: httpx.Client, stand: Stand, headers: dict[str, str]
) -> None:
    reply = client.get("/api/search?q=backup", headers=headers)

    assert (reply.status_code, stand.asked) == (401, [])
    assert reply.headers["www-authenticate"].startswith("Bearer realm=")
    assert "wrong" not in reply.text


def test_a_key_in_the_address_is_an_unknown_parameter(client: httpx.Client) -> None:
    reply = client.get(f"/api/search?q=a&key={KEY}")

    assert (reply.status_code, KEY in reply.text) == (422, False)


def test_keys_that_cannot_be_read_now_are_not_refused(
    client: httpx.Client, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_: str) -> None:
        raise StoreError("/secret/kb.db", "locked")

    monkeypatch.setattr(stand, "reader", locked)
    reply = client.get("/api/stats", headers={"X-Api-Key": KEY})

    assert (reply.status_code, "secret" in reply.text) == (503, False)


# -- other sites -----------------------------------------------------------


def test_a_site_that_is_ours_may_ask_and_others_may_not(client: httpx.Client) -> None:
    ours = client.get("/api/stats", headers={"Origin": FORUM})
    other = client.get("/api/stats", headers={"Origin": "https://evil.example"})
    report = client.get("/report", headers={"Origin": FORUM})

    name = "access-control-allow-origin"
    told = [reply.headers.get(name) for reply in (ours, other, report)]
    assert told == [FORUM, None, None]
    assert "access-control-allow-credentials" not in ours.headers
    assert "Origin" in other.headers["vary"]


def test_also_a_refusal_can_be_read_by_a_site_that_is_ours(
    client: httpx.Client,
) -> None:
    reply = client.get("/api/search?k=x", headers={"Origin": FORUM})

    assert reply.headers["access-control-allow-origin"] == FORUM


@pytest.mark.parametrize(
    ("origin", "allowed"), [(FORUM, FORUM), ("https://evil.example", None)]
)
def test_a_browser_that_asks_first_is_told(
    client: httpx.Client, origin: str, allowed: str | None
) -> None:
    reply = client.options(
        "/api/feedback",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-evil",
        },
    )

    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers.get("access-control-allow-origin") == allowed
    assert ("access-control-allow-methods" in reply.headers) is (allowed is not None)
    assert "evil" not in str(reply.headers)


def test_all_sites_may_ask_where_that_is_set() -> None:
    with endpoint(origins=("*",)) as client:
        reply = client.get("/api/stats", headers={"Origin": "https://any.example"})

    assert reply.headers["access-control-allow-origin"] == "*"


# -- addresses, methods, formats -------------------------------------------


@pytest.mark.parametrize(
    ("method", "address", "status", "allow"),
    [
        ("GET", "/nothing", 404, None),
        ("GET", "/docs", 404, None),
        ("GET", "/api/../etc/passwd", 404, None),
        ("GET", "/api/search/", 404, None),
        ("POST", "/api/search?q=x", 405, "GET, HEAD"),
        ("DELETE", "/api/related", 405, "GET, HEAD, POST"),
        ("OPTIONS", "/api/search", 405, "GET, HEAD"),
        ("GET", "/api/feedback", 405, "POST"),
    ],
)
def test_other_addresses_and_methods_are_refused_as_problems(
    client: httpx.Client, method: str, address: str, status: int, allow: str | None
) -> None:
    reply = client.request(method, address)

    assert reply.status_code == reply.json()["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers.get("allow") == allow


@pytest.mark.parametrize(
    ("accepted", "status"),
    [("text/html", 406), ("application/json;q=0", 406), ("text/html, */*;q=0.1", 200)],
)
def test_who_cannot_read_json_is_told(
    client: httpx.Client, accepted: str, status: int
) -> None:
    reply = client.get("/api/stats", headers={"Accept": accepted})

    assert reply.status_code == status


@pytest.mark.parametrize(
    "address", ["/healthz", "/api/search?q=a", "/api/search", "/no", "/openapi.json"]
)
def test_every_answer_is_safe_by_its_headers(
    client: httpx.Client, address: str
) -> None:
    headers = client.get(address).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == (
        "default-src 'none'; frame-ancestors 'none'"
    )
    assert headers["x-robots-tag"] == "noindex, nofollow"


# -- people ----------------------------------------------------------------

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("/search?q=" + "x" * 40_000, {}, 414),
        ("/?q=%E9", {}, 400),
        ("/search", {"Host": 'a"><script>alert(1)</script>'}, 400),
        ("/serach", {}, 404),
        ("/a/b%22%3E%3Cscript%3E", {}, 404),
    ],
)
def test_people_are_shown_a_page_that_leads_back(
    client: httpx.Client, address: str, headers: dict[str, str], status: int
) -> None:
    reply = client.get(address, headers=BROWSER | headers)
    for_programs = client.get(address, headers=headers)

    back = "../search" if address.startswith("/a/") else "search"
    assert reply.status_code == for_programs.status_code == status
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert for_programs.headers["content-type"] == "application/problem+json"
    assert html.escape(for_programs.json()["detail"]) in reply.text
    assert f'<a href="{back}">' in reply.text
    assert not any(word in reply.text for word in ("<script", "<style", "style="))
    for name in ("content-security-policy", "x-content-type-options", "cache-control"):
        assert reply.headers[name] == for_programs.headers[name]


def test_people_who_search_too_often_are_told_so_and_so_is_the_script() -> None:
    with endpoint(requests_per_minute=1) as client:
        client.get("/search")
        page = client.get("/search", headers=BROWSER)
        data = client.get("/search.json", headers=BROWSER)
        program = client.get("/api/search", headers=BROWSER)

    assert (page.status_code, data.status_code, program.status_code) == (429,) * 3
    assert "<p>too many requests a minute</p>" in page.text
    assert "retry-after" in page.headers
    assert data.headers["content-type"] == "application/problem+json"
    assert data.json()["trouble"] == data.json()["detail"]
    assert "trouble" not in program.json()


# -- how often -------------------------------------------------------------


def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    with endpoint(requests_per_minute=6) as client:
        replies = [client.get("/api/search?q=backup") for _ in range(7)]
        keyed = client.get("/api/search?q=backup", headers={"X-Api-Key": KEY})
        free = [client.get(path) for path in ("/healthz", "/readyz", "/openapi.json")]
        figures = client.get("/metrics")

    assert [reply.status_code for reply in replies] == [200] * 6 + [429]
    assert replies[0].headers["ratelimit-policy"] == '"minute";q=6;w=60'
    assert replies[0].headers["ratelimit"] == '"minute";r=5;t=10'
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 10
    assert replies[-1].json()["title"] == "Too Many Requests"
    assert keyed.status_code == 200
    assert [reply.status_code for reply in free] == [200] * 3
    assert figures.status_code == 401


def test_what_is_related_weighs_as_four_searches() -> None:
    with endpoint(requests_per_minute=6) as client:
        statuses = [
            client.get("/api/related?text=backup").status_code,
            client.get("/api/related?text=backup").status_code,
            client.get("/api/search?q=backup").status_code,
        ]

    assert statuses == [200, 429, 200]


def test_a_frame_of_the_widget_weighs_as_much_and_its_files_nothing() -> None:
    """There are none here, so all are missing; what they weigh is told before."""
    with endpoint(requests_per_minute=6) as client:
        for path in ("/widget.js", "/widget/frame.js", "/widget/frame.css"):
            assert "ratelimit" not in client.get(path).headers
        told = [
            client.get("/widget?text=backup").headers["ratelimit"],
            client.post("/widget/related").headers["ratelimit"],
        ]

    assert told == ['"minute";r=2;t=40', '"minute";r=2;t=40']


def test_guessing_keys_is_counted_for_who_guesses() -> None:
    with endpoint(requests_per_minute=3) as client:
        statuses = [
            client.get("/metrics", headers={"X-Api-Key": f"{n}"}).status_code
            for n in range(5)
        ]

    assert statuses == [401, 401, 401, 429, 429]


def test_time_gives_back_what_was_used_and_no_more() -> None:
    now = 1000.0
    rate = RateLimit(6, now_s=lambda: now)

    used = [rate.take("a").retry_after_s for _ in range(7)]
    now += 10
    again = [rate.take("a").retry_after_s for _ in range(2)]
    now += 3600
    rested = rate.take("a")

    assert used == [0] * 6 + [10]
    assert again == [0, 10]
    assert (rested.remaining, rested.retry_after_s) == (5, 0)


@given(
    limit=st.integers(1, 300),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 9)), max_size=60),
)
def test_nobody_ever_has_more_than_twice_a_minutes_requests_in_a_minute(
    limit: int, steps: list[tuple[float, int]]
) -> None:
    """One burst, and what comes back meanwhile; who waits as told is let in."""
    now = 0.0
    rate = RateLimit(limit, now_s=lambda: now)
    taken: list[tuple[float, int]] = []
    for apart_s, cost in steps:
        now += apart_s
        allowance = rate.take("a", cost)
        if allowance.retry_after_s == 0:
            taken.append((now, min(cost, limit)))
        else:
            now += allowance.retry_after_s
            assert rate.take("a", cost).retry_after_s == 0
            taken.append((now, min(cost, limit)))
    for start, _ in taken:
        within = sum(cost for at, cost in taken if start <= at < start + 60)
        assert within <= 2 * limit


@given(st.text(max_size=60) | st.ip_addresses().map(str))
def test_a_client_is_always_an_address_or_nobody(host: str) -> None:
    client = client_of(host)

    assert client == "unknown" or client_of(client) == client


# -- how much at once ------------------------------------------------------


def test_when_enough_searches_wait_the_next_is_told_to_come_later() -> None:
    gate = threading.Event()
    stand = Stand(gate=gate)
    limits = Limits(searches_at_once=2, searches_waiting=1, search_wait_s=30)
    app = create_app(stand, ApiSettings(), limits)
    desk: Desk = app.state.desk
    with (
        served(app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
        ThreadPoolExecutor(3) as readers,
    ):
        asked = [readers.submit(client.get, f"/api/search?q=a{n}") for n in range(3)]
        until = time.monotonic() + 20
        while (desk.at_work, desk.waiting) != (2, 1):
            assert time.monotonic() < until
        refused = client.get("/api/search?q=b")
        lives = client.get("/healthz")
        gate.set()
        answered = [each.result(20).status_code for each in asked]

    assert refused.status_code == 503
    assert refused.json()["detail"].startswith("too many searches at once")
    assert refused.headers["retry-after"] == "2"
    assert lives.status_code == 200
    assert answered == [200, 200, 200]


def test_neither_what_is_related_nor_feedback_keeps_searches_waiting() -> None:
    gate = threading.Event()
    stand = Stand(gate=gate)
    limits = Limits(
        searches_at_once=1,
        searches_waiting=0,
        related_at_once=1,
        related_waiting=0,
        feedback_waiting=0,
    )
    word = {"document_id": 1, "helped": True}
    related = "/api/related?text=backup"
    app = create_app(stand, ApiSettings(search_timeout_s=20), limits)
    with (
        served(app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
        ThreadPoolExecutor(3) as readers,
    ):
        slow = [
            readers.submit(client.get, related),
            readers.submit(client.post, "/api/feedback", json=word),
        ]
        for _ in slow:
            assert stand.entered.acquire(timeout=20)
        late = [client.get(related), client.post("/api/feedback", json=word)]
        slow.append(readers.submit(client.get, "/api/search?q=backup"))
        is_searched = stand.entered.acquire(timeout=20)
        gate.set()
        statuses = [each.result(20).status_code for each in slow]

    assert is_searched
    assert statuses == [200, 204, 200]
    assert [reply.status_code for reply in late] == [503, 503]
    assert late[1].json()["detail"].startswith("too many words on hits at once")


def test_a_search_that_takes_too_long_is_given_up_and_its_place_comes_back() -> None:
    gate = threading.Event()
    stand = Stand(gate=gate)
    limits = Limits(searches_at_once=1, searches_waiting=0)
    with endpoint(
        stand, limits=limits, requests_per_minute=0, search_timeout_s=0.2
    ) as client:
        late = client.get("/api/search?q=backup")
        busy = client.get("/api/search?q=backup")
        gate.set()
        until = time.monotonic() + 20
        while (again := client.get("/api/search?q=backup")).status_code == 503:
            assert time.monotonic() < until

    assert (late.status_code, late.json()["title"]) == (504, "Gateway Timeout")
    assert busy.status_code == 503
    assert again.status_code == 200


def test_many_readers_are_answered_each_for_itself(
    client: httpx.Client, stand: Stand
) -> None:
    def ask(number: int) -> tuple[str, list[str]]:
        reply = client.get(f"/api/search?q=indicator+{number}+question&k=1").json()
        return reply["query"], [hit["title"] for hit in reply["hits"]]

    with ThreadPoolExecutor(8) as readers:
        answers = list(readers.map(ask, range(21, 31)))

    assert answers == [
        (f"indicator {n} question", [f"Indicator question {n}"]) for n in range(21, 31)
    ]
