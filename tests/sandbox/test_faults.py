"""The fault switch, seen from a client, on a real socket."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest

from bot.sandbox import Community, Sandbox
from bot.sandbox.faults import LimitKind, RandomKind

RAW = "A reply that is long enough to be taken."


@pytest.fixture(autouse=True)
def topics(community: Community) -> None:
    community.add_topics(2)


def outcome(web: httpx.Client, path: str = "/latest.json") -> str:
    """How a request ended, in a word."""
    try:
        answer = web.get(path)
    except httpx.RemoteProtocolError as error:
        return (
            "cut" if "incomplete" in str(error) or "complete" in str(error) else "drop"
        )
    if answer.status_code != 200:
        return str(answer.status_code)
    try:
        answer.json()
    except ValueError:
        return "malformed"
    return "ok"


def test_a_status_is_answered_as_often_as_planned(
    box: Sandbox, web: httpx.Client
) -> None:
    box.faults.fail_next(2, status=502)

    assert [outcome(web) for _ in range(3)] == ["502", "502", "ok"]


def test_a_planned_answer_carries_its_headers_and_body(
    box: Sandbox, web: httpx.Client
) -> None:
    box.faults.fail_next(status=503, headers={"Retry-After": "9"}, body="later")

    answer = web.get("/latest.json")

    assert (answer.status_code, answer.headers["retry-after"], answer.text) == (
        503,
        "9",
        "later",
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"drop": True}, "drop"),
        ({"lose": True}, "drop"),
        ({"truncate": True}, "cut"),
        ({"malformed": True}, "malformed"),
        ({"delay_s": 0.001}, "ok"),
        ({"status": 500, "truncate": True}, "cut"),
        ({"status": 200, "body": "", "truncate": True}, "cut"),
    ],
)
def test_each_fault_spoils_one_answer_and_the_next_is_whole(
    box: Sandbox, web: httpx.Client, options: dict[str, Any], expected: str
) -> None:
    box.faults.fail_next(**options)

    assert [outcome(web), outcome(web)] == [expected, "ok"]


@pytest.mark.parametrize(
    "path", ["/t/1.json", "/t/1.json?page", re.compile(r"t/\d+\.json\?page=1$")]
)
def test_faults_can_be_bound_to_a_path(
    box: Sandbox, web: httpx.Client, path: str | re.Pattern[str]
) -> None:
    box.faults.fail_next(path=path, status=500)

    assert [outcome(web), outcome(web, "/t/2.json")] == ["ok", "ok"]
    assert [outcome(web, "/t/1.json?page=1") for _ in range(2)] == ["500", "ok"]


def test_plans_are_used_up_in_turn(box: Sandbox, web: httpx.Client) -> None:
    box.faults.fail_next(status=500)
    box.faults.fail_next(status=502)

    assert [outcome(web) for _ in range(3)] == ["500", "502", "ok"]


def test_cleared_plans_are_forgotten(box: Sandbox, web: httpx.Client) -> None:
    box.faults.fail_next(9, status=500)
    box.faults.at_random(1.0, seed=1)
    box.faults.clear()

    assert outcome(web) == "ok"


def test_a_plan_for_no_request_is_refused(box: Sandbox) -> None:
    with pytest.raises(ValueError, match="n must be >= 1, got 0"):
        box.faults.fail_next(0, status=500)


def test_random_faults_repeat_with_their_seed(box: Sandbox, web: httpx.Client) -> None:
    def run(seed: int) -> list[str]:
        box.faults.at_random(0.5, seed)
        return [outcome(web) for _ in range(40)]

    first = run(7)

    assert first == run(7)
    assert first != run(8)
    assert set(first) == {"ok", "503", "429", "drop", "cut", "malformed"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("500", "500"),
        ("502", "502"),
        ("503", "503"),
        ("504", "504"),
        ("429", "application/json; charset=utf-8"),
        ("429-tracker", "text/plain; charset=utf-8"),
        ("429-nginx", "text/html"),
        ("drop", "drop"),
        ("lose", "drop"),
        ("truncate", "cut"),
        ("malformed", "malformed"),
        ("delay", "ok"),
    ],
)
def test_random_faults_are_of_the_kinds_asked_for(
    box: Sandbox, web: httpx.Client, kind: RandomKind, expected: str
) -> None:
    box.faults.at_random(1.0, seed=1, kinds=[kind], delay_s=0.2)
    started = time.monotonic()

    if kind.startswith("429"):
        answer = web.get("/latest.json")
        assert (answer.status_code, answer.headers["content-type"]) == (429, expected)
    else:
        assert outcome(web) == expected
    # The others may take as long on a busy machine.
    assert kind != "delay" or time.monotonic() - started >= 0.2


def test_random_faults_mix_the_kinds_asked_for(box: Sandbox, web: httpx.Client) -> None:
    box.faults.at_random(0.6, 3, ["504", "429-nginx", "delay"], delay_s=0.001)

    found = [outcome(web) for _ in range(40)]

    assert set(found) == {"ok", "504", "429"}


def test_a_dropped_write_was_not_done_and_a_lost_one_was(
    community: Community, box: Sandbox, ben: httpx.Client
) -> None:
    box.faults.fail_next(method="POST", drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        ben.post("/posts.json", data={"topic_id": 1, "raw": RAW})
    after_drop = len(community.posts_of(1))

    box.faults.fail_next(method="POST", lose=True)
    with pytest.raises(httpx.RemoteProtocolError):
        ben.post("/posts.json", data={"topic_id": 1, "raw": RAW})
    after_loss = len(community.posts_of(1))

    assert (after_drop, after_loss) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "content_type", "retry_after", "text"),
    [
        ("rails", "application/json; charset=utf-8", "39", "Please wait 39 seconds"),
        ("tracker", "text/plain; charset=utf-8", "39", "retry again in 39 seconds."),
        ("nginx", "text/html", None, "<h1>429 Too Many Requests</h1>"),
        ("search", "application/json; charset=utf-8", None, '"failed":"FAILED"'),
    ],
)
def test_too_many_requests_come_in_four_forms(
    box: Sandbox,
    web: httpx.Client,
    kind: LimitKind,
    content_type: str,
    retry_after: str | None,
    text: str,
) -> None:
    box.faults.limit_next(kind=kind, wait_s=39)

    answer = web.get("/latest.json")

    assert answer.status_code == 429
    assert answer.headers["content-type"] == content_type
    assert answer.headers.get("retry-after") == retry_after
    assert text in answer.text


def test_the_rails_form_tells_the_wait_twice(box: Sandbox, web: httpx.Client) -> None:
    box.faults.limit_next(wait_s=1)

    answer = web.get("/latest.json")

    assert answer.json()["extras"] == {"wait_seconds": 1, "time_left": "1 second"}
    assert answer.json()["error_type"] == "rate_limit"
    assert answer.headers["discourse-rate-limit-error-code"] == (
        "admin_api_key_rate_limit"
    )


def test_every_request_is_recorded_as_it_came(
    box: Sandbox, web: httpx.Client, ben: httpx.Client
) -> None:
    web.get("/latest.json?page=0&order=created", headers={"X-Mark": "1"})
    box.faults.fail_next(drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        web.get("/t/1.json")
    ben.post("/posts.json", data={"topic_id": 1, "raw": RAW})

    assert box.requests == [
        "GET /latest.json?page=0&order=created",
        "GET /t/1.json",
        "POST /posts.json",
    ]
    assert box.recorded[0].headers["x-mark"] == "1"
    assert "api-key" not in repr(box.recorded[2])
