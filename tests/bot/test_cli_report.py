"""The report as a command, on schedule, as a message, and at its address."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import jsonschema
import pytest

from bot.app import App
from bot.config import load_config
from bot.report.making import make, wanted
from bot.report.served import Served
from bot.sandbox import Community
from bot.service import Service
from kb.store import Store
from kb.types import utc_now
from tests.bot.test_cli import Install, clock, end, filled, install, running, site
from tests.bot.test_forum import ask, own_posts

__all__ = ["clock", "filled", "install", "site"]  # Fixtures.

SECRET = "a-key-of-more-than-20-characters"


@pytest.fixture
def told(filled: Install) -> Install:
    return filled


def app_of(told: Install) -> App:
    return App(load_config(told.config))


def test_the_report_is_told_in_short_and_written_in_every_form(
    told: Install, tmp_path: Path
) -> None:
    short = told.ok("report")
    told.ok("report", "--out", str(tmp_path / "page.html"))
    told.ok("report", "--format", "csv", "--out", str(tmp_path / "tables"))
    values = json.loads(told.ok("report", "--json"))
    schema = json.loads(told.ok("report", "--schema"))
    table = told.ok("report", "--format", "csv", "--table", "open")
    markdown = told.ok("report", "--format", "markdown")

    assert "Which tablet is good for data entry?" in short
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "Which tablet is good for data entry?" in page
    jsonschema.validate(values, schema)
    assert values["open_now"]["total"]["count"] == 2
    rows = list(csv.DictReader(table.splitlines()))
    assert len(rows) == 2
    assert {"open.csv", "gaps.csv", "topics.csv"} <= {
        each.name for each in (tmp_path / "tables").iterdir()
    }
    assert "Which tablet is good for data entry?" in markdown


def test_the_same_store_gives_the_same_report(told: Install) -> None:
    app = app_of(told)
    at = app.clock()
    app.clock = lambda: at

    once = make(app, wanted(app))
    again = make(app, wanted(app))

    assert once == again
    # A reply of six words may be one; somebody should look.
    assert sorted(row.topic.title for row in once.rows if row.open) == [
        "How do you back up PostgreSQL every night?",
        "Which tablet is good for data entry?",
    ]


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["--until", "2199-01-01"], 2, "2199-01-01 is still to come"),
        (["--since", "2026-02-31"], 2, "--since: expected a date such as 2026-01-31"),
        (
            ["--since", "2020-02-01", "--until", "2020-01-01"],
            2,
            "expected a time before",
        ),
        (["--all", "--since", "2020-01-01"], 2, "--all goes without --since"),
        (["--source", "docs"], 2, "expected a forum or an archive"),
        (["--source", "nowhere"], 2, "nowhere"),
        (["--out", "report.pdf"], 2, "expected a name that ends in .html"),
        (["--format", "csv"], 2, "csv is several tables"),
        (["--format", "csv", "--table", "tea"], 2, "expected one of topics"),
        (["--table", "gaps"], 2, "--table goes with --format csv"),
        (["--json", "--format", "html"], 2, "--json goes with no other --format"),
        (["--send"], 2, "report.send: expected message or topic, got off"),
        (["--out", "/proc/no/report.html"], 1, "cannot be written"),
    ],
)
def test_what_cannot_be_told_is_one_clear_line(
    told: Install, words: list[str], code: int, complaint: str
) -> None:
    result = told.baraza("report", *words)

    assert (result.exit_code, result.stdout) == (code, "")
    assert complaint in result.stderr


def test_without_a_store_it_says_what_to_do(install: Install) -> None:
    result = install.baraza("report")

    assert result.exit_code == 1
    assert "run baraza harvest" in result.stderr


def test_without_an_index_the_rest_is_told_all_the_same(install: Install) -> None:
    install.ok("harvest")

    told = install.ok("report")

    assert "There is no index that can be used" in told
    assert "Which tablet is good for data entry?" in told


def test_a_period_without_a_topic_says_so(told: Install) -> None:
    told_then = told.ok("report", "--since", "2001-01-01", "--until", "2001-01-31")

    assert "No topic is held of forum" in told_then
    assert "1 Open now: 0" in told_then


def test_what_not_everybody_may_read_is_told_only_when_asked_for(
    told: Install,
) -> None:
    with Store.open(told.data / "baraza.db") as store, store.transaction():
        store.db.conn.execute(
            "UPDATE documents SET visibility = 'category:x' WHERE title LIKE 'Which%'"
        )

    public = [told.ok("report", "--format", form) for form in ("html", "json", "brief")]
    private = told.ok("report", "--private")

    assert not any("Which tablet" in text for text in public)
    assert "Which tablet" in private
    assert "It may hold what not everybody may read." in private


def test_a_topic_that_is_no_question_is_left_out(told: Install) -> None:
    topic_id = next(
        t.id for t in told.community.topics.values() if t.title.startswith("Which")
    )

    marked = told.ok("mark", str(topic_id), "not-a-question")
    left = told.ok("report")
    again = told.ok("mark", str(topic_id), "not-a-question")
    told.ok("mark", str(topic_id), "question")

    assert marked == f"topic {topic_id} is no question\n"
    assert again == f"topic {topic_id} is no question, as before\n"
    assert "1 Open now: 1" in left
    assert "1 Open now: 2" in told.ok("report")


# -- sending -------------------------------------------------------------------


def messages_of(community: Community, user: str) -> list[str]:
    return [
        topic.title
        for topic in community.topics.values()
        if topic.archetype == "private_message" and topic.title.startswith("Baraza: ")
    ]


def test_it_is_sent_once_for_a_period(told: Install) -> None:
    told.change("report", {"send": "message"})
    told.change("bot", {"moderators": ["root"]})

    first = told.ok("report", "--send")
    second = told.ok("report", "--send")

    assert re.fullmatch(r"1 of 1 parts sent in topic \d+\n", first)
    assert second.startswith("that of this period was sent before")
    assert len(messages_of(told.community, "root")) == 1


def test_the_job_writes_the_report_and_sends_it(told: Install) -> None:
    told.change("report", {"send": "message"})
    told.change("bot", {"moderators": ["root"]})
    service = Service(app_of(told))
    jobs = {job.name: job for job in service.jobs()}
    job = jobs["report"]

    assert job.run() is True
    assert messages_of(told.community, "root") == []
    assert jobs["watch"].run() is True
    assert job.run() is True
    assert jobs["watch"].run() is True

    names = {each.name for each in (told.data / "report").iterdir()}
    assert {"report.html", "report.json", "gaps.csv"} <= names
    assert not job.at_start
    assert len(messages_of(told.community, "root")) == 1


def test_where_nothing_is_watched_the_job_sends_it_itself(told: Install) -> None:
    told.change("report", {"send": "message"})
    told.change("bot", {"moderators": ["root"], "mode": "off"})
    jobs = {job.name: job for job in Service(app_of(told)).jobs()}

    assert "watch" not in jobs
    assert jobs["report"].run() is True
    assert len(messages_of(told.community, "root")) == 1


def test_it_is_posted_into_a_topic_where_that_is_wanted(told: Install) -> None:
    place = ask(told.community, "Reports of the bot, week by week", user="root")
    told.change("report", {"send": "topic", "topic": int(place)})

    told.ok("report", "--send")
    told.ok("report", "--send")

    assert len(own_posts(told.community, place)) == 1


def test_who_is_forgotten_leaves_what_was_written_and_what_waits(
    told: Install,
) -> None:
    told.ok("report", "--out", str(told.data / "report" / "report.html"))
    with Store.open(told.data / "baraza.db") as store, store.transaction():
        store.messages.claim("forum", "report", "x/y/message.1", "of ben", at=utc_now())

    told.ok("forget", "ben", "--yes")

    assert list((told.data / "report").iterdir()) == []
    with Store.open(told.data / "baraza.db") as store:
        waits = store.messages.get("forum", "report", "x/y/message.1")
    assert waits is not None
    assert (waits.state, waits.body) == ("closed", "")


# -- its address ---------------------------------------------------------------


@pytest.fixture
def served(told: Install, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("BARAZA_TEST_REPORT", SECRET)
    told.change("report", {"key_env": "BARAZA_TEST_REPORT"})
    process = told.start("serve", "--port", "0")
    with running(process, lambda line: line.rstrip().endswith("/report")) as line:
        yield line.strip()
        end(process)


def test_whoever_has_the_key_sees_the_report(served: str) -> None:
    as_password = httpx.get(served, auth=("anybody", SECRET))
    as_token = {"Authorization": f"Bearer {SECRET}"}
    values = httpx.get(f"{served}.json", headers=as_token)
    table = httpx.get(f"{served}/open.csv", headers=as_token)
    markdown = httpx.get(f"{served}.md", headers=as_token)

    assert as_password.status_code == 200
    assert "Which tablet is good for data entry?" in as_password.text
    assert as_password.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in as_password.headers["content-security-policy"]
    assert values.json()["format"] == 1
    assert table.headers["content-disposition"] == 'attachment; filename="open.csv"'
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    for address in (f"{served}/tea.csv", f"{served}/..%2Fopen.csv"):
        assert httpx.get(address, headers=as_token).status_code == 404
    assert httpx.post(served, headers=as_token).status_code == 405
    for wrong in (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {SECRET[:-1]}"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /w=="},
        {"Authorization": SECRET},
    ):
        for address in (served, f"{served}.json", f"{served}/open.csv"):
            refused = httpx.get(address, headers=wrong)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic ")
            assert "tablet" not in refused.text
            assert refused.json()["status"] == 401


def test_without_a_key_there_is_no_such_address(told: Install) -> None:
    process = told.start("serve", "--port", "0")
    with running(process, lambda line: "/api/search" in line) as line:
        url = re.search(r"http://[\d.:]+", line)
        assert url is not None
        assert httpx.get(f"{url[0]}/report").status_code == 404
        end(process)


@pytest.mark.parametrize(
    ("key", "complaint"),
    [("short", "expected at least 20 characters"), ("", "is not set")],
)
def test_a_key_that_can_be_guessed_is_a_config_error(
    told: Install, monkeypatch: pytest.MonkeyPatch, key: str, complaint: str
) -> None:
    monkeypatch.setenv("BARAZA_TEST_REPORT", key)
    told.change("report", {"key_env": "BARAZA_TEST_REPORT"})

    result = told.baraza("serve", "--port", "0")

    assert result.exit_code == 2
    assert "report.key_env" in result.stderr
    assert complaint in result.stderr


def test_a_served_report_is_kept_for_a_while(told: Install) -> None:
    app = app_of(told)
    at = app.clock()
    app.clock = lambda: at
    served = Served(app, max_age=timedelta(minutes=5))

    first = served()
    assert served() is first
    at += timedelta(minutes=5)
    assert served() is not first
    at -= timedelta(hours=1)  # A clock that was put back.
    assert served().as_of == at
    at += timedelta(hours=1)
    assert served().topics == 2
    # What left the store leaves the report at once.
    told.ok("forget", "amina", "--yes")
    assert served().topics == 0
