"""The report as a command, on schedule, as a message, and at its address."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from bot.app import App
from bot.calls import Calls
from bot.config import load_config
from bot.inbox import InboxReport
from bot.lock import single_instance
from bot.manners import open_manners
from bot.report.delivery import HOLDS, Delivered
from bot.report.making import make, wanted
from bot.report.sending import in_words, profile_reader
from bot.report.served import Served
from bot.report.web import BusyError
from bot.sandbox import Community
from bot.schedule import Job
from bot.service import MailBetween, Service
from kb.errors import StoreError
from kb.store import Profile, Store
from kb.types import Clock, TopicId, utc_now
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
        (["--table", "gaps"], 2, "--table goes with --format csv"),
        (["--json", "--format", "html"], 2, "--json goes with no other --format"),
        (["--send"], 2, "report.send: expected message or topic in "),
        (["--send", "--json"], 2, "--send goes with no --format, --out or --json"),
        (["--out", "r.csv"], 2, "csv is several tables"),
    ],
)
def test_what_cannot_be_told_is_one_clear_line(
    install: Install, words: list[str], code: int, complaint: str
) -> None:
    result = install.baraza("report", *words)

    assert (result.exit_code, result.stdout) == (code, "")
    assert complaint in result.stderr


def test_what_cannot_be_written_is_one_clear_line(told: Install) -> None:
    table = told.baraza("report", "--format", "csv", "--table", "tea")
    several = told.baraza("report", "--format", "csv")
    nowhere = told.baraza("report", "--out", "/proc/no/report.html")

    assert (table.exit_code, table.stdout) == (2, "")
    assert "expected one of topics" in table.stderr
    assert "csv is several tables" in several.stderr
    assert (nowhere.exit_code, nowhere.stdout) == (1, "")
    assert "cannot be written" in nowhere.stderr


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
    assert "1. Open now: 0" in told_then


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

    title = "Which tablet is good for data entry?"
    assert marked == f"topic {topic_id} is no question: {title}\n"
    assert again == f"topic {topic_id} is no question, as before: {title}\n"
    assert "1. Open now: 1" in left
    assert "1. Open now: 2" in told.ok("report")


def test_a_topic_is_marked_by_number_or_address(told: Install) -> None:
    topic_id = next(
        t.id for t in told.community.topics.values() if t.title.startswith("Which")
    )
    url = f"{told.box.url}/t"

    for word in (str(topic_id), f"{url}/{topic_id}", f"{url}/a-slug/{topic_id}/3"):
        told.ok("mark", word, "not-a-question")
        assert "1. Open now: 1" in told.ok("report")
        told.ok("mark", word, "question")
    unknown = told.ok("mark", "99999", "not-a-question")
    assert unknown == (
        "topic 99999 is no question; it is not held here, and that is noted\n"
    )


@pytest.mark.parametrize("word", ["0", "-5", "tea", "https://x.org/u/5", ""])
def test_what_is_no_topic_is_wrong_usage(install: Install, word: str) -> None:
    result = install.baraza("mark", "--", word, "not-a-question")

    assert result.exit_code == 2
    assert "expected the number of a topic, such as 812" in result.stderr


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

    period = r"\d+ topics from [\d-]+ to [\d-]+ UTC\n"
    assert re.fullmatch(period + r"1 of 1 parts sent in topic \d+\n", first)
    assert "that of this period was sent before" in second
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


def test_while_the_bot_runs_the_report_is_left_to_it(told: Install) -> None:
    told.change("report", {"send": "message"})
    told.change("bot", {"moderators": ["root"]})

    with single_instance(told.data, "baraza run"):
        left = told.ok("report", "--send")
        again = told.ok("report", "--send")
    watch = next(j for j in Service(app_of(told)).jobs() if j.name == "watch")
    watch.run()

    assert "baraza run is running, and sends it with its next watch" in left
    assert "it has that of this period already" in again
    assert len(messages_of(told.community, "root")) == 1


def test_beside_another_command_it_is_sent_later_by_hand(told: Install) -> None:
    told.change("report", {"send": "message"})

    with single_instance(told.data, "baraza harvest"):
        refused = told.baraza("report", "--send")

    assert refused.exit_code == 1
    assert "already running: baraza harvest" in refused.stderr


def test_it_is_posted_into_a_topic_where_that_is_wanted(told: Install) -> None:
    place = ask(told.community, "Reports of the bot, week by week", user="root")
    told.change("report", {"send": "topic", "topic": int(place)})

    told.ok("report", "--send")
    told.ok("report", "--send")

    assert len(own_posts(told.community, place)) == 1


def test_a_paused_bot_leaves_a_topic_alone_and_says_so(told: Install) -> None:
    place = ask(told.community, "Reports of the bot, week by week", user="root")
    told.change("report", {"send": "topic", "topic": int(place)})
    told.ok("pause", "--reason", "wrong links")
    jobs = {job.name: job for job in Service(app_of(told)).jobs()}

    by_hand = told.ok("report", "--send")
    for name in ("report", "watch"):
        jobs[name].run()

    assert "not sent: the bot is paused, and others read that topic\n" in by_hand
    assert own_posts(told.community, place) == []
    assert reports_in(told) == []
    told.ok("resume")
    assert "1 of 1 parts sent" in told.ok("report", "--send")


def reports_in(told: Install) -> list[tuple[str, str, str]]:
    """``(key, state, text)`` of what the ledger has of reports."""
    with Store.open(told.data / "baraza.db", readonly=True) as store:
        return store.db.conn.execute(
            "SELECT key, state, body FROM messages WHERE purpose = 'report'"
            " ORDER BY forum, key"
        ).fetchall()


def claim(told: Install, *keys: str, age: timedelta, sent: str = "") -> None:
    """Reports on their way; one part was sent."""
    with Store.open(told.data / "baraza.db") as store, store.transaction():
        for key in (sent, *keys):
            at = utc_now() - age
            if key:
                store.messages.claim("forum", "report", key, f"Of {key}.", at=at)
        part = store.messages.get("forum", "report", sent)
        if part is not None:
            store.messages.settle(part, "sent", topic_id=TopicId(9))
            store.messages.forget_text(part)


PERIOD = "2026-01-01T00:00:00+00:00/2026-01-08T00:00:00+00:00"


@dataclass(slots=True)
class Running:
    """A service as `baraza run` has it, at a time that is moved."""

    app: App
    calls: Calls
    jobs: dict[str, Job]
    real: Clock
    later: timedelta

    def forward(self, **delta: float) -> None:
        self.later += timedelta(**delta)

    def run(self, *names: str) -> list[str]:
        """Jobs, as the clock runs them; gives which ones are called for then."""
        for name in names:
            self.calls.begin(name)
            assert self.jobs[name].run() is True
        return sorted(self.calls.due())


@pytest.fixture
def service(told: Install) -> Iterator[Running]:
    """Two days after all that there is was written."""
    told.change("report", {"send": "message"})
    told.change("bot", {"moderators": ["root"], "mode": "public"})
    yield from serviced(told)


def serviced(told: Install) -> Iterator[Running]:
    app = app_of(told)
    made = Service(app)
    calls = Calls(settle_s=0, apart_s=0)
    with made.webhooks(calls):
        jobs = {job.name: job for job in made.jobs()}
        running = Running(app, calls, jobs, app.clock, timedelta(days=2))
        app.clock = lambda: running.real() + running.later
        yield running


def test_a_report_that_waited_too_long_is_made_and_sent_anew(
    told: Install, service: Running
) -> None:
    assert service.run("report") == ["watch"]
    service.forward(minutes=11)

    assert service.run("watch") == ["report"]
    assert messages_of(told.community, "root") == []
    assert [state for _, state, _ in reports_in(told)] == ["failed"]
    assert service.run("report", "watch") == []
    assert len(messages_of(told.community, "root")) == 1


def test_texts_of_reports_do_not_stay(told: Install) -> None:
    """Whatever the config says by now, and also of a forum that it does not name."""
    told.change("bot", {"mode": "off"})
    jobs = {job.name: job for job in Service(app_of(told)).jobs()}
    for name in ("report", "report files"):
        old = HOLDS + timedelta(minutes=1)
        claim(told, f"{PERIOD}/{name}:1.1", f"{PERIOD}/{name}:1.2", age=old)
        begun = f"{PERIOD}/{name}:12"
        claim(told, f"{begun}.10", f"{begun}.11", sent=f"{begun}.1", age=old)
        young = f"{PERIOD}/{name}:2.1"
        claim(told, young, age=HOLDS - timedelta(minutes=1))
        with Store.open(told.data / "baraza.db") as store, store.transaction():
            store.db.conn.execute(
                "UPDATE messages SET forum = 'elsewhere' WHERE key LIKE '%:1.2'"
            )

        assert jobs[name].run() is True

        assert [row for row in reports_in(told) if f"/{name}:" in row[0]] == [
            (f"{PERIOD}/{name}:1.2", "failed", ""),
            (f"{PERIOD}/{name}:1.1", "failed", ""),
            (f"{begun}.1", "sent", ""),
            (f"{begun}.10", "closed", ""),
            (f"{begun}.11", "closed", ""),
            (young, "claimed", f"Of {young}."),
        ]


def test_where_reports_are_not_sent_any_more_none_waits(told: Install) -> None:
    claim(told, f"{PERIOD}/message.1", age=timedelta(0))

    jobs = {job.name: job for job in Service(app_of(told)).jobs()}
    assert jobs["watch"].run() is True

    assert reports_in(told) == [(f"{PERIOD}/message.1", "failed", "")]


def test_a_report_goes_where_the_config_says_now(
    told: Install, service: Running
) -> None:
    place = ask(told.community, "Reports of the bot, week by week", user="root")
    claim(told, f"{PERIOD}/topic:{place}.1", age=timedelta(days=-2))

    service.run("report", "watch")

    assert own_posts(told.community, place) == []
    assert [state for _, state, _ in reports_in(told)] == ["failed", "sent"]
    assert len(messages_of(told.community, "root")) == 1


def test_nothing_about_a_report_ends_a_watch(
    told: Install, caplog: pytest.LogCaptureFixture
) -> None:
    claim(told, f"{PERIOD}/message.1", age=timedelta(0))
    with Store.open(told.data / "baraza.db") as store, store.transaction():
        store.db.conn.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON messages"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )

    jobs = {job.name: job for job in Service(app_of(told)).jobs()}
    assert jobs["watch"].run() is True

    assert "reports are not sent now: " in caplog.text
    assert "the disk is full" in caplog.text


@pytest.mark.parametrize(
    ("told_of", "words"),
    [
        (Delivered(TopicId(7), 3, 2, before=1), "2 of 3 parts sent in topic 7"),
        (
            Delivered(TopicId(7), 3, 0, before=3),
            "that of this period was sent before in topic 7",
        ),
        (
            Delivered(TopicId(7), 3, 0, before=1),
            "that of this period was sent in part: 1 of 3 parts in topic 7; the rest "
            "would be old news",
        ),
        (
            Delivered(None, 3, 0),
            "nothing of that of this period was sent, and it is not tried again",
        ),
    ],
)
def test_what_became_of_it_is_told_apart(told_of: Delivered, words: str) -> None:
    assert in_words(told_of) == words


def test_who_is_forgotten_leaves_what_was_written_and_what_waits(
    told: Install,
) -> None:
    told.change("report", {"send": "message"})
    told.change("bot", {"moderators": ["root"]})
    told.ok("report", "--out", str(told.data / "report" / "report.html"))
    told.box.faults.fail_next(path="/posts.json", method="POST", drop=True)
    assert told.baraza("report", "--send").exit_code == 1
    [(waits, state, _)] = reports_in(told)
    assert state == "claimed"
    begun = f"{PERIOD}/message"
    claim(told, f"{begun}.2", sent=f"{begun}.1", age=timedelta(0))

    told.ok("forget", "amina", "--yes")

    assert list((told.data / "report").iterdir()) == []
    assert reports_in(told) == [
        (f"{begun}.1", "sent", ""),
        (f"{begun}.2", "closed", ""),
        (waits, "failed", ""),
    ]
    assert "1 of 1 parts sent" in told.ok("report", "--send")
    assert len(messages_of(told.community, "root")) == 1


# -- what was written ------------------------------------------------------------


def written(told: Install) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((told.data / "report/report.json").read_text())
    return values


def files_say(told: Install) -> str:
    """All that the files say."""
    return "".join(
        path.read_text("utf-8") for path in sorted((told.data / "report").iterdir())
    )


def delete_topic(told: Install, title: str) -> None:
    found = next(t for t in told.community.topics.values() if t.title.startswith(title))
    told.community.delete_topic(found.id)


def test_what_leaves_the_forum_leaves_the_written_report(
    told: Install, service: Running
) -> None:
    service.run("report", "watch")
    before = written(told)
    assert "Which tablet" in files_say(told)
    assert service.run("refresh forum") == []
    delete_topic(told, "Which tablet")
    service.forward(days=2)

    assert "report files" in service.run("refresh forum")
    assert service.run("report files") == ["index"]

    after = written(told)
    assert "Which tablet" not in files_say(told)
    assert "How do you back up" in files_say(told)
    same = ("since", "until", "as_of", "private", "community")
    assert [after[key] for key in same] == [before[key] for key in same]


def test_the_written_report_is_not_made_anew_again_and_again(
    told: Install, service: Running
) -> None:
    service.run("report", "watch")
    delete_topic(told, "Which tablet")
    assert "report files" in service.run("refresh forum")
    service.run("report files", "index")
    delete_topic(told, "How do you")

    assert service.run("refresh forum", "index") == []
    service.forward(minutes=9)
    assert service.run("watch") == []
    service.forward(minutes=1)
    assert service.run("watch") == ["report files"]
    assert service.run("report files") == []
    assert "How do you" not in files_say(told)
    service.forward(minutes=10)
    assert service.run("watch") == []


def test_who_opts_out_leaves_the_written_report(
    told: Install, service: Running
) -> None:
    service.run("report", "watch")
    told.community.add_topic(
        "Leave me alone", "opt out", user="ben", recipients=["baraza"]
    )

    assert service.run("watch") == ["report files"]

    with open_manners(service.app) as manners:
        heard: list[InboxReport] = []
        told.community.add_topic(
            "About topic 1", "opt out", user="amina", recipients=["baraza"]
        )
        between = MailBetween(manners, lambda: False, heard=heard.append, every_s=0)
        assert not between()
    assert [each.obeyed for each in heard] == [1]


def test_what_was_never_written_is_not_made(told: Install, service: Running) -> None:
    delete_topic(told, "Which tablet")

    assert service.run("refresh forum", "index") == []
    assert service.run("report files") == []

    assert not (told.data / "report").exists()
    assert not service.jobs["report files"].at_start


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        "{}",
        '{"since": 1, "until": 2}',
        '{"since": "2026-01-01", "until": "2026-01-02"}',
        '{"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}',
        '{"since": "2026-01-02T00:00:00Z", "until": "2199-01-01T00:00:00Z"}',
        '{"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00"}',
    ],
    ids=lambda text: text[:60],
)
def test_what_no_report_of_ours_is_is_removed(
    told: Install, service: Running, text: str
) -> None:
    folder = told.data / "report"
    folder.mkdir()
    for name in ("report.html", "report.json", "gaps.csv", "notes.txt"):
        (folder / name).write_text(text)

    service.run("report files")

    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_what_cannot_be_made_anew_is_removed(told: Install, service: Running) -> None:
    service.run("report")
    with Store.open(told.data / "baraza.db") as store:
        store.db.conn.execute("DROP TABLE verdicts")

    with pytest.raises(StoreError, match="verdicts"):
        service.run("report files")

    assert list((told.data / "report").iterdir()) == []


def test_a_harvest_by_hand_removes_a_report_that_tells_of_what_left(
    told: Install, service: Running
) -> None:
    service.run("report")
    told.ok("harvest")
    assert "Which tablet" in files_say(told)
    delete_topic(told, "Which tablet")

    told.ok("harvest", "--full")

    assert list((told.data / "report").iterdir()) == []


# -- profiles --------------------------------------------------------------------


def test_profiles_of_those_who_are_suggested_are_read(told: Install) -> None:
    ben = told.community.user("ben")
    ben.location = "Dodoma"
    members = {f"forum:{ben.id}": "ben", "history:@kofi": "kofi"}
    read = profile_reader(app_of(told))

    assert read is not None
    assert read(members) == {f"forum:{ben.id}": "Dodoma"}
    ben.location = "Kampala"
    told.box.faults.fail_next(99, path="/u/", drop=True)
    assert read(members) == {f"forum:{ben.id}": "Dodoma"}
    assert read({}) == {}


def test_the_job_reads_the_profiles_of_who_is_suggested_and_of_nobody_else(
    told: Install, service: Running
) -> None:
    ask(told.community, "How do you back up PostgreSQL each night?", user="root")
    told.ok("harvest")
    told.ok("index")
    told.community.user("ben").location = "Dodoma"

    service.run("report")

    asked = {each.split("?")[0] for each in told.box.requests if " /u/" in each}
    assert asked == {"GET /u/ben.json"}
    assert [each["name"] for each in written(told)["who_could_help"]] == ["ben"]
    assert "Dodoma" in files_say(told)


def test_where_the_forum_cannot_be_reached_what_is_known_is_told(
    told: Install, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(told.data / "baraza.db") as store, store.transaction():
        store.profiles.keep("forum", Profile(5, "ben", "Dodoma", utc_now()))
        store.profiles.keep("forum", Profile(6, "amina", "Kampala", utc_now()))
    told.change("bot", {"api_key_env": "BARAZA_TEST_KEY"})
    app = app_of(told)
    forum = app.config.sources["forum"]
    off = forum.model_copy(update={"enabled": False})
    app.config = app.config.model_copy(update={"sources": {"forum": off}})
    read = profile_reader(app)

    assert read is not None
    assert read({"forum:5": "ben"}) == {"forum:5": "Dodoma"}
    assert "profiles of helpers are not read now: bot.forum" in caplog.text


@pytest.mark.parametrize("missing", ["forum", "api_key_env"])
def test_without_a_key_no_profile_is_read(told: Install, missing: str) -> None:
    told.change("bot", {missing: None, "mode": "off"})

    assert profile_reader(app_of(told)) is None


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
    assert values.json()["format"] == 2
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


def test_of_many_that_ask_at_once_one_waits(told: Install) -> None:
    """The threads of the others answer searches."""
    app = app_of(told)
    begun, go_on = threading.Event(), threading.Event()
    tell = app.clock

    def slowly() -> datetime:
        # The report is begun by asking for the time.
        begun.set()
        go_on.wait(30)
        return tell()

    served = Served(app)
    app.clock = slowly
    made: list[int] = []
    first = threading.Thread(target=lambda: made.append(served().topics))
    first.start()
    assert begun.wait(30)

    with pytest.raises(BusyError):
        served()
    go_on.set()
    first.join()
    assert made == [2]
    assert served().topics == 2


def test_without_a_key_there_is_no_such_address(told: Install) -> None:
    process = told.start("serve", "--port", "0")
    with running(process, lambda line: line.rstrip().endswith("/search")) as line:
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
