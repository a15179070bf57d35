"""What is wrong with a forum's answers is shown, and costs no other topic."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bot.app import App
from bot.cli import main
from bot.sandbox import Community, Sandbox
from bot.show import status_lines
from bot.status import status_of
from kb.errors import RateLimitedError
from tests.bot.test_app import app_for

Json = dict[str, Any]


def told(app: App) -> list[str]:
    """The lines of the status about what is wrong."""
    lines = status_lines(status_of(app)).splitlines()
    return [line for line in lines if "set aside" in line or "last error" in line]


def held(app: App) -> list[int]:
    with app.open_store(readonly=True) as store:
        return sorted(int(key) for key in store.documents.states("forum"))


@pytest.fixture
def app(tmp_path: Path, box: Sandbox) -> App:
    return app_for(tmp_path, box)


@pytest.fixture
def ids(community: Community) -> list[int]:
    return [topic.id for topic in community.add_topics(5, category="support")]


ZIPPED = gzip.compress(b" " * 30_000_000)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"status": 301, "headers": {"Location": "/t/2.json"}},
            "more than 5 redirects",
        ),
        ({"status": 200, "body": "<html>Log in, please"}, "is not JSON"),
        ({"status": 200, "body": "[" * 100_000}, "JSON nested too deeply"),
        (
            {"status": 200, "body": ZIPPED, "headers": {"Content-Encoding": "gzip"}},
            "answer is larger than 20,971,520 bytes",
        ),
        ({"status": 404, "body": "<html>nginx"}, "404 Not Found"),
        ({"status": 400, "body": "no"}, "400 Bad Request"),
        (
            {"status": 200, "body": json.dumps({"id": 2, "title": None})},
            "post_stream: expected object, but it is missing",
        ),
    ],
    ids=["loop", "login", "deep", "gzip bomb", "proxy", "bad", "no posts"],
)
def test_a_broken_topic_is_shown_with_its_reason_and_the_others_are_read(
    app: App,
    box: Sandbox,
    ids: list[int],
    answer: Mapping[str, Any],
    reason: str,
) -> None:
    """Read topic by topic, because the forum has no feed of posts."""
    refusal = {"errors": ["No such page."], "error_type": "not_found"}
    box.faults.fail_next(99, "/posts.json", status=404, body=json.dumps(refusal))
    bad = ids[1]
    assert bad == 2
    box.faults.fail_next(99, f"/t/{bad}.json", **answer)

    report = app.harvest("forum")

    assert (report.complete, report.set_aside) == (True, 1)
    assert held(app) == [each for each in ids if each != bad]
    source, aside = told(app)
    assert source.startswith("source forum: 4 threads (4 passages)")
    assert source.endswith("; 1 set aside")
    assert aside.startswith(f"set aside: forum {bad}, 1×: ")
    assert reason in aside

    # It is tried again with each walk, and taken back when it can be read.
    app.harvest("forum")
    assert told(app)[1].startswith(f"set aside: forum {bad}, 2×: ")
    box.faults.clear()
    app.harvest("forum")
    assert (told(app), held(app)) == ([], ids)


def test_a_feed_that_repeats_and_a_list_without_end_are_shown_first(
    app: App, box: Sandbox, community: Community
) -> None:
    """However many topics are set aside beside them."""
    topics = community.add_topics(90, posts=2, category="support")
    bad = {topic.id for topic in topics[:25]}
    pages: list[Json] = []
    items: list[Json] = []

    def same_page(data: Json) -> Json:
        pages.append(data)
        return pages[0]

    def same_list(data: Json) -> Json:
        items.append(data)
        whole = {**items[0]["topic_list"], "more_topics_url": "/latest?page=1"}
        return {**data, "topic_list": whole}

    box.faults.alter(same_page, "/posts.json")
    box.faults.alter(same_list, "/latest.json")
    for topic_id in bad:
        box.faults.alter(lambda data: {}, f"/t/{topic_id}.json")

    report = app.harvest("forum")

    assert report.complete
    assert held(app) == sorted(topic.id for topic in topics if topic.id not in bad)
    source, *aside = told(app)
    # Beside the topics: the list, the feed, and the two pages before it was given up.
    assert source.endswith("; 29 set aside")
    assert [line.partition(": ")[2].partition(", ")[0] for line in aside[:5]] == [
        "forum feed",
        "forum feed below 130",
        "forum feed below 80",
        "forum list",
        "forum 1",
    ]
    assert "answers with newer posts than asked for" in aside[0]
    assert "repeats itself from page 1 on" in aside[3]
    box.faults.clear()
    app.harvest("forum")
    assert (told(app), len(held(app))) == ([], 90)


def test_a_wait_beyond_all_patience_is_shown_as_the_last_error(
    app: App, box: Sandbox, ids: list[int]
) -> None:
    app.harvest("forum")
    box.faults.fail_next(99, "/", status=429, headers={"Retry-After": "99999999"})
    since = len(box.requests)

    with pytest.raises(RateLimitedError):
        app.harvest("forum", full=True)

    assert len(box.requests) == since + 1
    assert held(app) == ids
    [line] = told(app)
    assert "a newer walk is unfinished" in line
    assert "last error: " in line
    assert line.endswith("rate limited, asked to wait 86400 s")


def test_people_and_machines_are_shown_the_same_from_the_command_line(
    tmp_path: Path, box: Sandbox, ids: list[int]
) -> None:
    config = tmp_path / "config.yaml"
    forum = {"type": "forum", "url": box.url, "requests_per_second": 1000}
    values = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "data_dir": "data",
        "sources": {"forum": forum},
        "embedding": {"model": "hashing"},
        "schedule": {"refresh": {"forum": {"every": "1h"}}},
    }
    config.write_text(yaml.safe_dump(values), "utf-8")
    box.faults.alter(lambda data: {**data, "latest_posts": "none"}, "/posts.json")
    box.faults.alter(lambda data: {**data, "title": 7}, f"/t/{ids[0]}.json")

    def baraza(*words: str) -> str:
        result = CliRunner().invoke(main, ["--config", str(config), *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    done = baraza("harvest")
    for_people = baraza("status")
    for_machines = json.loads(baraza("status", "--json"))

    assert "4 new" in done
    assert "2 set aside" in done
    reasons = {each["key"]: each["reason"] for each in for_machines["set_aside"]}
    assert reasons == {
        "feed": f"{box.url}/posts.json: latest_posts: expected list, got str",
        "1": "/t/1.json: title: expected str, got int",
    }
    for key, reason in reasons.items():
        assert f"set aside: forum {key}, 1×: {reason}" in for_people
