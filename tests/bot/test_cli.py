"""The commands, as people and machines use them, against a forum on a socket."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import yaml
from click.testing import CliRunner, Result

from bot.cli import main
from bot.lock import single_instance
from bot.sandbox import Community, Sandbox
from kb.types import utc_now
from tests.bot.catalogues import SWAHILI, written
from tests.bot.conftest import BOT, FakeClock
from tests.bot.test_forum import ask, own_posts
from tests.indexer.loopback import Loopback, Reply, as_text

ROOT = Path(__file__).resolve().parents[2]
KEY = "BARAZA_TEST_KEY"
BARAZA = [sys.executable, "-c", "from bot.cli import main; main()"]
HEAVY = ["torch", "faiss", "openvino", "fastapi", "transformers", "tantivy"]


@dataclass(frozen=True, slots=True)
class Install:
    """A configured installation on a small forum and two pages."""

    config: Path
    box: Sandbox
    community: Community
    site: Loopback

    @property
    def data(self) -> Path:
        return self.config.parent / "data"

    def baraza(self, *words: str, **options: Any) -> Result:
        return CliRunner().invoke(main, ["--config", str(self.config), *words])

    def ok(self, *words: str) -> str:
        """Stdout of a command that must succeed."""
        result = self.baraza(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def change(self, section: str, values: Mapping[str, Any]) -> None:
        data = yaml.safe_load(self.config.read_text("utf-8"))
        data[section] = data.get(section, {}) | dict(values)
        self.config.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The command in a process of its own."""
        return subprocess.Popen(
            [*BARAZA, *words, "--config", str(self.config)],
            cwd=ROOT,
            env={**os.environ, KEY: self.box.key_for(BOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


# A source without a schedule is refreshed all the same.
RUNNING = (
    "running: refresh forum, refresh docs, check, index, watch, learn, bridge, report, "
    "report files"
)


@pytest.fixture
def clock() -> FakeClock:
    """The forum's: other processes go by the real one, and so must it."""
    real = FakeClock()
    real.time = utc_now()
    return real


@pytest.fixture
def site() -> Iterator[Loopback]:
    """Where the documentation can be read: what is not there is not linked."""
    with Loopback() as running:
        for page in ("backup", "maps"):
            running.on(f"/en/{page}.html", as_text("A page."))
        yield running


@pytest.fixture
def install(
    tmp_path: Path,
    box: Sandbox,
    site: Loopback,
    community: Community,
    monkeypatch: pytest.MonkeyPatch,
) -> Install:
    thread = ask(community, "How do you back up PostgreSQL every night?")
    community.add_post(thread, "Let cron run pg_dump at night.", user="ben")
    ask(community, "Which tablet is good for data entry?")
    docs = tmp_path / "docs" / "en"
    docs.mkdir(parents=True)
    (docs / "backup.md").write_text(
        "# Backup\n\n## Nightly { #nightly }\n\nRun pg_dump from cron every night.\n"
    )
    (docs / "maps.md").write_text("# Maps\n\nA layer shows organisation units.\n")
    config = tmp_path / "config.yaml"
    values = {
        "community": {"name": "Example Forum", "contact": "ops@example.org"},
        "data_dir": "data",
        "sources": {
            "forum": {"type": "forum", "url": box.url, "requests_per_second": 1000},
            "docs": {
                "type": "markdown",
                "path": "docs",
                "base_url": site.url,
                "rules": [{"pattern": "^(?P<language>[a-z]{2})/"}],
            },
        },
        "embedding": {"model": "hashing"},
        "bot": {
            "mode": "shadow",
            "grace": "0s",
            "forum": "forum",
            "api_key_env": KEY,
            "min_confidence": 0.0,
        },
        "schedule": {
            "refresh": {"forum": {"every": "1h"}},
            "watch": {"every": "1s"},
        },
    }
    config.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
    monkeypatch.setenv(KEY, box.key_for(BOT))
    return Install(config, box, community, site)


@pytest.fixture
def filled(install: Install) -> Install:
    install.ok("harvest")
    install.ok("index")
    return install


@contextmanager
def gone_afterwards(process: subprocess.Popen[str]) -> Iterator[None]:
    """Whatever a test finds, its process does not outlive it."""
    try:
        yield
    finally:
        process.kill()
        process.communicate()


@contextmanager
def running(
    process: subprocess.Popen[str], until: Callable[[str], bool]
) -> Iterator[str]:
    """Wait for a line on stderr, and give it; see `gone_afterwards`."""
    assert process.stderr is not None
    with gone_afterwards(process):
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if until(line):
                yield line
                return
        pytest.fail("".join(lines))


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ask a process to end; its exit code, and what else it wrote to stderr."""
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    return process.returncode, rest


# -- help and errors -------------------------------------------------------


def commands() -> list[tuple[str, click.Command]]:
    return [("baraza", main), *sorted(main.commands.items())]


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_has_help_with_an_example(
    name: str, command: click.Command
) -> None:
    words = [] if name == "baraza" else [name]

    result = CliRunner().invoke(main, [*words, "--help"])

    assert result.exit_code == 0
    assert re.search(r"Example:\n +baraza ", result.stdout)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_all_the_promised_commands_are_there() -> None:
    assert set(main.commands) == {
        "harvest",
        "check",
        "index",
        "learn",
        "explain",
        "ask",
        "links",
        "answer",
        "run",
        "pause",
        "resume",
        "serve",
        "sandbox",
        "demo",
        "status",
        "replay",
        "readiness",
        "drafts",
        "approve",
        "reject",
        "forget",
        "export",
        "report",
        "mark",
        "keys",
        "widget",
    }


def test_a_config_error_is_one_line_and_exit_code_2(install: Install) -> None:
    install.change("search", {"dept": 5})

    result = install.baraza("status")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "baraza: config: search.dept: unknown key (did you mean depth?)\n"
    )


def test_wrong_usage_is_exit_code_2(install: Install) -> None:
    assert install.baraza("ask").exit_code == 2
    assert install.baraza("ask", "x", "--kind", "song").exit_code == 2
    assert install.baraza("harvest", "nowhere").exit_code == 2
    assert install.baraza("answer", "0").exit_code == 2


def test_what_a_person_must_see_to_is_one_line_and_exit_code_1(
    install: Install,
) -> None:
    result = install.baraza("status")

    assert result.exit_code == 1
    assert result.stderr == (
        f"baraza: {install.data}/baraza.db: no knowledge base here; "
        "run baraza harvest\n"
    )


def test_a_missing_key_is_named_before_anything_is_asked(
    filled: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY)
    before = len(filled.box.requests)

    result = filled.baraza("answer", "1")

    assert (result.exit_code, len(filled.box.requests)) == (2, before)
    assert KEY in result.stderr


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_the_config_may_be_named_before_or_after_or_in_the_environment(
    filled: Install, place: str
) -> None:
    named = ["--config", str(filled.config)]
    words = {
        "before": [*named, "status"],
        "after": ["status", *named],
        "environment": ["status"],
    }[place]
    env = {"BARAZA_CONFIG": str(filled.config)} if place == "environment" else {}

    result = CliRunner().invoke(main, words, env=env)

    assert result.exit_code == 0
    assert result.stdout.startswith(f"data: {filled.data}\n")


def test_a_topic_that_is_not_there_is_one_line_and_exit_code_1(
    install: Install,
) -> None:
    result = install.baraza("answer", "999")

    assert result.exit_code == 1
    assert result.stderr == (
        f"baraza: {install.box.url}/t/999.json?include_raw=true: 404 The requested URL "
        "or resource could not be found.\n"
    )


# -- harvest, index, ask, status -------------------------------------------


def test_a_harvest_tells_what_it_did_and_a_second_one_changes_nothing(
    install: Install,
) -> None:
    first = [json.loads(line) for line in install.ok("harvest", "--json").splitlines()]
    again = [json.loads(line) for line in install.ok("harvest", "--json").splitlines()]

    assert [(each["source"], each["inserted"]) for each in first] == [
        ("forum", 2),
        ("docs", 2),
    ]
    assert [(each["inserted"], each["updated"], each["deleted"]) for each in again] == [
        (0, 0, 0)
    ] * 2
    assert all(each["complete"] for each in [*first, *again])


def test_a_harvest_for_people_is_one_line_a_source(install: Install) -> None:
    assert re.fullmatch(
        r"docs: 2 new, 0 updated, 0 unchanged, 0 deleted, 0 skipped, 0 set aside; "
        r"\d+ passages added, 0 removed; 0 requests, \d+\.\d s\n",
        install.ok("harvest", "docs"),
    )


def test_a_source_that_cannot_be_read_stops_no_other(install: Install) -> None:
    install.box.settings = replace(install.box.settings, login_required=True)

    result = install.baraza("harvest", "--json")

    assert result.exit_code == 1
    read = [json.loads(line)["source"] for line in result.stdout.splitlines()]
    assert read == ["docs"]
    assert install.box.url in result.stderr


def test_a_harvest_is_refused_while_another_runs_and_says_which(
    install: Install,
) -> None:
    with single_instance(install.data, "baraza run"):
        result = install.baraza("harvest")

    assert result.exit_code == 1
    assert f"already running: baraza run (process {os.getpid()} on" in result.stderr


def test_ask_says_when_nothing_it_found_is_convincing(filled: Install) -> None:
    filled.change("bot", {"min_confidence": 0.9})

    answered = filled.ok("ask", "zebra crossing paint")

    assert answered.endswith("nothing convincing: see the numbers\n")


def test_an_index_is_made_and_then_only_kept_up(install: Install) -> None:
    install.ok("harvest")

    first = json.loads(install.ok("index", "--json"))
    again = json.loads(install.ok("index", "--json"))
    rebuilt = json.loads(install.ok("index", "--rebuild", "--json"))

    assert (first["full"], first["embedded"]) == (True, first["passages"])
    assert (again["full"], again["embedded"], again["added"]) == (False, 0, 0)
    assert (rebuilt["full"], rebuilt["embedded"]) == (True, 0)


def test_a_question_finds_thread_and_page_best_first(filled: Install) -> None:
    lines = filled.ok("ask", "pg_dump cron night", "--json").splitlines()
    hits = [json.loads(line) for line in lines]

    assert {hits[0]["kind"], hits[1]["kind"]} == {"docs", "thread"}
    assert hits[0]["confidence"] >= hits[1]["confidence"]
    assert {each["url"] for each in hits[:2]} == {
        f"{filled.site.url}/en/backup.html#nightly",
        f"{filled.box.url}/t/1/2",
    }


def test_a_question_may_be_limited_by_number_and_kind(filled: Install) -> None:
    lines = filled.ok("ask", "cron night", "-k", "1", "--kind", "docs").splitlines()

    assert re.fullmatch(r"\d\.\d\d  Backup › Nightly \(docs in English\)", lines[0])
    assert lines[1:] == [
        f"      {filled.site.url}/en/backup.html#nightly",
        "      Run pg_dump from cron every night.",
    ]


def test_a_question_may_be_limited_to_languages(filled: Install) -> None:
    """Threads of this forum are told to be English by its only language."""
    french = filled.config.parent / "docs" / "fr"
    french.mkdir()
    (french / "backup.md").write_text("# Sauvegarde\n\nLancez pg_dump par cron.\n")
    filled.ok("harvest", "docs")
    filled.ok("index")

    def languages(*options: str) -> list[str]:
        found = filled.ok("ask", "pg_dump cron", "--json", *options)
        return sorted({json.loads(line)["language"] for line in found.splitlines()})

    assert languages() == ["en", "fr"]
    assert languages("--language", "fr-CA") == ["fr"]
    assert languages("--language", "fr", "--language", "en") == ["en", "fr"]
    assert filled.ok("ask", "pg_dump", "--language", "pt") == "nothing found\n"
    [line] = filled.ok("status").split("languages: ")[1:]
    assert line.startswith("en 4, fr 1\n")


@pytest.mark.parametrize("command", ["ask", "explain"])
def test_what_is_no_language_is_wrong_usage(filled: Install, command: str) -> None:
    result = filled.baraza(command, "pg_dump", "--language", "french")

    assert result.exit_code == 2
    assert (
        "Invalid value for '--language': expected the code of a language, such as fr, "
        "not 'french'" in result.stderr
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_result_that_a_full_disk_refuses_is_one_line(
    filled: Install, more: list[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*BARAZA, "ask", "pg_dump", "--config", str(filled.config), *more],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (
        1,
        "baraza: the result cannot be written: No space left on device\n",
    )


def test_a_question_without_a_word_is_refused(filled: Install) -> None:
    result = filled.baraza("ask", "?!")

    assert (result.exit_code, result.stdout) == (1, "")


def test_without_an_index_a_question_says_what_to_do(install: Install) -> None:
    install.ok("harvest")

    result = install.baraza("ask", "backup")

    assert result.exit_code == 1
    assert "run baraza index" in result.stderr


def test_the_status_shows_sources_index_and_bot(filled: Install) -> None:
    filled.ok("answer", "1")

    text = filled.ok("status")

    assert re.fullmatch(
        rf"data: {filled.data}\n"
        r"running: nothing\n"
        r"source forum: 2 threads \(\d+ passages\); last complete \d+ s ago\n"
        r"  \d+ posts held\n"
        r"  compared with the forum: the oldest topic \d+ s ago, 0 longer than 14 days "
        r"ago or never\n"
        r"  looking again: a round takes less than an hour\n"
        r"source docs: 2 docs pages \(\d+ passages\); last complete \d+ s ago\n"
        r"languages: en 4\n"
        r"index: \d+ passages, up to date, model hashing\S*\n"
        r"ranking: as shipped.*; run baraza learn\n"
        r"bridge: as shipped; baraza learn bridge\n"
        r"needed: 0\.00 for every kind \(bot\.min_confidence\)\n"
        r"bot: mode shadow; decisions: 1 decided\n"
        r"topic 1: reply \(decided\), mode shadow\n"
        r"  How do you back up PostgreSQL every night\?\n"
        r"(  because the best .+ has a confidence of \S+, and 0.00 is needed "
        r"\(bot.min_confidence\)\n)+"
        r"(  \d\.\d\d .+ https?://\S+\n)+",
        text,
    )


def test_the_status_tells_which_languages_are_not_known_or_not_answered_in(
    filled: Install,
) -> None:
    filled.change("community", {"languages": ["en", "sw"]})
    filled.community.add_topic("2.41", "409", user="amina", category="support")
    filled.ok("harvest", "forum")

    text, status = filled.ok("status"), json.loads(filled.ok("status", "--json"))

    assert (
        "\nlanguages: en 4, not determined 1\n"
        "no sentences in sw: answered in English (community.translations)\n" in text
    )
    assert (status["languages"], status["undetermined"]) == ({"en": 4}, 1)
    assert status["unanswered_in"] == ["sw"]


def test_a_community_answers_in_sentences_of_its_own(filled: Install) -> None:
    written(filled.config.parent / "words", "sw.po", SWAHILI)
    filled.change("community", {"languages": ["sw"], "translations": "words"})

    told = filled.ok("answer", "1", "--dry-run")

    assert "question, though they are all in English:\n" in told
    assert " · nyaraka kwa Kiingereza" in told
    assert json.loads(filled.ok("status", "--json"))["unanswered_in"] == []


@pytest.mark.parametrize("command", [["answer", "1"], ["status"], ["run"]])
def test_a_translation_that_cannot_be_used_stops_the_command(
    filled: Install, command: list[str]
) -> None:
    folder = written(
        filled.config.parent / "words", "sw.po", 'msgid "online"\nmsgstr "<b>"\n'
    )
    filled.change("community", {"translations": "words"})

    result = filled.baraza(*command)

    assert (result.exit_code, result.stdout) == (2, "")
    start = f"baraza: config: community.translations: {folder}/sw.po: line 5: “<b>”: "
    assert start in result.stderr


def test_the_status_tells_the_latest_decisions_and_machines_the_replies(
    filled: Install,
) -> None:
    asked = [ask(filled.community, f"Night cron number {n}?") for n in range(7)]
    for topic_id in asked:
        filled.ok("answer", str(topic_id))

    lines = filled.ok("status").splitlines()
    recent = json.loads(filled.ok("status", "--json"))["recent"]

    heads = [line for line in lines if line.startswith("topic ")]
    assert heads == [
        f"topic {topic_id}: reply (decided), mode shadow" for topic_id in asked[:1:-1]
    ]
    assert [each["topic_id"] for each in recent] == asked[::-1]
    assert all("baraza:topic=" in each["body"] for each in recent)
    assert "baraza:topic=" not in "\n".join(lines)


def test_the_status_for_machines_holds_what_was_set_aside_and_who_runs(
    filled: Install,
) -> None:
    (filled.config.parent / "docs" / "en" / "bad.md").write_bytes(b"# A\xff\n")
    filled.ok("harvest", "docs")

    with single_instance(filled.data, "baraza run"):
        status = json.loads(filled.ok("status", "--json"))

    assert status["running"]["pid"] == os.getpid()
    assert status["index"]["problem"] is None
    [aside] = status["set_aside"]
    assert (aside["source"], aside["key"]) == ("docs", "en/bad")
    assert [each["set_aside"] for each in status["sources"]] == [0, 1]
    assert [each["templates"] for each in status["sources"]] == [0, 0]


def test_nothing_from_the_forum_moves_the_cursor_of_a_terminal(
    filled: Install,
) -> None:
    ask(filled.community, "\x1b[2J\x1b]0;owned\x07Night cron \u202epg_dump?")
    filled.ok("harvest", "forum")
    filled.ok("index")

    told = filled.ok("ask", "night cron pg_dump", "-k", "9")
    told += filled.ok("answer", "3", "--dry-run")
    told += filled.ok("ask", "night cron pg_dump", "--json")

    assert "Night cron" in told
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", told)


# -- the bot ---------------------------------------------------------------


def test_a_dry_run_shows_the_reply_and_leaves_no_trace(filled: Install) -> None:
    topic_id = ask(filled.community, "Night cron for PostgreSQL backups?")

    told = filled.ok("answer", str(topic_id), "--dry-run")

    assert told.startswith(f"topic {topic_id}: reply (decided), mode shadow\n")
    assert f"<!-- baraza:topic={topic_id} -->" in told
    assert own_posts(filled.community, topic_id) == []
    assert json.loads(filled.ok("status", "--json"))["decisions"] == {}


def test_a_page_that_is_gone_is_left_out_and_a_dry_run_keeps_that_to_itself(
    filled: Install,
) -> None:
    filled.site.on("/en/backup.html", Reply(404))
    topic_id = ask(filled.community, "Night cron for PostgreSQL backups?")
    left_out = f"left out {filled.site.url}/en/backup.html#nightly: 404"

    tried = filled.ok("answer", str(topic_id), "--dry-run")
    dead_before = json.loads(filled.ok("status", "--json"))["dead"]
    answered = filled.ok("answer", str(topic_id))
    dead_after = json.loads(filled.ok("status", "--json"))["dead"]
    found = filled.ok("ask", "pg_dump cron night", "--json")

    assert left_out in tried
    assert left_out in answered
    assert f"]({filled.site.url}/en/backup" not in answered
    assert dead_before == []
    assert [each["key"] for each in dead_after] == ["en/backup"]
    kinds = [json.loads(line)["title"] for line in found.splitlines()]
    assert "Backup" not in kinds


def test_in_shadow_an_answer_is_recorded_and_not_posted(filled: Install) -> None:
    topic_id = ask(filled.community, "Night cron for PostgreSQL backups?")

    decision = json.loads(filled.ok("answer", str(topic_id), "--json"))

    assert (decision["state"], decision["mode"]) == ("decided", "shadow")
    assert own_posts(filled.community, topic_id) == []


def test_in_public_an_answer_is_posted_once(filled: Install) -> None:
    filled.change("bot", {"mode": "public"})
    topic_id = ask(filled.community, "Night cron for PostgreSQL backups?")

    first = filled.ok("answer", str(topic_id))
    filled.ok("answer", str(topic_id))

    assert f"posted at {filled.box.url}/t/{topic_id}/2" in first
    [body] = own_posts(filled.community, topic_id)
    assert f"{filled.site.url}/en/backup.html#nightly" in body


def test_an_answer_never_links_its_own_topic(filled: Install) -> None:
    told = filled.ok("answer", "1", "--dry-run")

    assert f"{filled.box.url}/t/1" not in told


# -- long-running commands -------------------------------------------------


def test_run_answers_a_new_topic_refuses_a_second_and_ends_on_sigterm(
    install: Install,
) -> None:
    install.change("bot", {"mode": "public"})
    process = install.start("run")
    with running(process, lambda line: RUNNING in line):
        topic_id = ask(install.community, "Night cron for PostgreSQL backups?")
        second = install.baraza("run")
        assert second.exit_code == 1
        assert f"baraza run (process {process.pid} on" in second.stderr
        harvest = install.baraza("harvest")
        assert harvest.exit_code == 1
        assert f"(process {process.pid} on" in harvest.stderr
        assert process.stderr is not None
        answered = f"topic={topic_id} state=posted"
        assert any(answered in line for line in process.stderr)
        code, rest = end(process)

    assert code == 0
    assert "Traceback" not in rest
    assert len(own_posts(install.community, topic_id)) == 1
    install.ok("harvest")  # The folder is free again.


def test_run_takes_hints_and_ends_on_sigterm(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARAZA_TEST_HOOK", "a secret of some length")
    sources = yaml.safe_load(install.config.read_text("utf-8"))["sources"]
    forum = sources["forum"] | {"webhook_secret_env": "BARAZA_TEST_HOOK"}
    install.change("sources", {"forum": forum})
    install.change("webhook", {"port": 0})
    process = install.start("run")
    with running(process, lambda line: "/webhook/forum" in line) as line:
        url = re.search(r"http://\S+", line)
        assert url is not None
        hooks = install.box.webhooks
        hooks.ping(hooks.register(url[0], "a secret of some length"))
        hooks.ping(hooks.register(url[0], "another secret of some length"))
        install.community.add_post(1, "Another reply.", user="ben")
        hooks.flush()
        code, rest = end(process)

    assert [each.status for each in hooks.deliveries] == [200, 403, 200, 403]
    assert "source=forum event=post_created noted=1" in rest
    assert (code, "Traceback" in rest) == (0, False)


def test_a_short_webhook_secret_is_a_config_error(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARAZA_TEST_HOOK", "short")
    sources = yaml.safe_load(install.config.read_text("utf-8"))["sources"]
    forum = sources["forum"] | {"webhook_secret_env": "BARAZA_TEST_HOOK"}
    install.change("sources", {"forum": forum})

    result = install.baraza("run")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "baraza: config: sources.forum.webhook_secret_env: expected at least 12 "
        "characters in BARAZA_TEST_HOOK, as the forum does"
    )


def test_run_that_was_killed_blocks_nobody(install: Install) -> None:
    process = install.start("run")
    with running(process, lambda line: RUNNING in line):
        process.kill()
        process.wait()

    assert "running: nothing" in install.ok("status")
    install.ok("harvest")


def test_sigterm_during_the_first_harvest_ends_cleanly_and_loses_nothing(
    install: Install,
) -> None:
    install.community.add_topics(60, posts=5, category="support")
    install.box.faults.fail_next(1000, "/posts.json", delay_s=0.05)
    process = install.start("run")
    while not any("before=" in request for request in install.box.requests):
        time.sleep(0.01)
    with gone_afterwards(process):
        code, rest = end(process)
    install.box.faults.clear()

    assert (code, "Traceback" in rest) == (0, False)
    install.ok("harvest")
    install.ok("index")
    assert "62 threads" in install.ok("status")


def test_serve_answers_searches_and_health(filled: Install) -> None:
    process = filled.start("serve", "--port", "0")
    with running(process, lambda line: line.rstrip().endswith("/search")) as line:
        url = re.search(r"http://[\d.:]+", line)
        assert url is not None
        found = httpx.get(f"{url[0]}/api/search", params={"q": "pg_dump cron"})
        health = httpx.get(f"{url[0]}/healthz")
        ready = httpx.get(f"{url[0]}/readyz")
        page = httpx.get(f"{url[0]}/search", params={"q": "pg_dump cron"})
        # A new index takes the place of the old one while it serves.
        (filled.config.parent / "docs" / "en" / "new.md").write_text(
            "# Zanzibar\n\nThe zanzibar setting.\n"
        )
        filled.ok("harvest", "docs")
        filled.ok("index")
        until = time.monotonic() + 30
        fresh: list[str] = []
        while not fresh and time.monotonic() < until:
            answer = httpx.get(
                f"{url[0]}/api/search", params={"q": "zanzibar kind:docs", "k": 1}
            )
            fresh = [hit["title"] for hit in answer.json()["hits"]]
        code, _ = end(process)

    assert found.json()["hits"][0]["kind"] in {"docs", "thread"}
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert page.status_code == 200
    assert "<mark>" in page.text
    assert fresh == ["Zanzibar"]
    assert code == 0


def test_serve_says_when_its_port_is_taken(filled: Install) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = filled.baraza("serve", "--port", str(port))

    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


def test_serve_without_an_index_does_not_start(install: Install) -> None:
    install.ok("harvest")

    assert install.baraza("serve", "--port", "0").exit_code == 1


def test_the_sandbox_runs_until_it_is_told_to_end() -> None:
    process = subprocess.Popen(
        [*BARAZA, "sandbox"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        topics = httpx.get(f"{url}/latest.json").json()["topic_list"]["topics"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()

    assert len(topics) == 30
    assert process.returncode == 0


# -- what is imported ------------------------------------------------------


def imported(*words: str) -> set[str]:
    """The heavy libraries that a command imports, in a process of its own."""
    code = (
        "import sys; from click.testing import CliRunner; from bot.cli import main; "
        f"result = CliRunner().invoke(main, {list(words)!r}); "
        "assert result.exit_code == 0, result.output; "
        "print(*(m for m in sys.argv[1:] if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *HEAVY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_help_and_status_import_nothing_heavy(filled: Install) -> None:
    assert imported("--help") == set()
    assert imported("status", "--config", str(filled.config)) == set()


# -- the demo --------------------------------------------------------------


def test_the_demo_leaves_foreign_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    result = CliRunner().invoke(main, ["demo", "--folder", str(tmp_path)])

    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_serve_refuses_an_index_whose_store_was_replaced(filled: Install) -> None:
    process = filled.start("serve", "--port", "0")
    with running(process, lambda line: line.rstrip().endswith("/search")) as line:
        url = re.search(r"http://[\d.:]+", line)
        assert url is not None
        data = filled.config.parent / "data"
        for path in data.glob("baraza.db*"):
            path.unlink()
        filled.ok("harvest")  # Another knowledge base, of the same forum.
        found = httpx.get(f"{url[0]}/api/search", params={"q": "pg_dump cron"})
        ready = httpx.get(f"{url[0]}/readyz")
        health = httpx.get(f"{url[0]}/healthz")

    assert (found.status_code, ready.status_code) == (503, 503)
    assert health.status_code == 200
    assert found.json()["error"] == "StaleIndexError"
