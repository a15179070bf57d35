"""The composition root: one budget per host, access, clean stops, safe logs."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.app import App, StoppedError
from bot.config import parse_config
from bot.languages import with_language
from bot.sandbox import Community, Sandbox, Settings
from bot.service import Service
from bot.terminal import SafeFormatter
from bot.topic import marker
from kb.errors import ConfigError, DisallowedError
from kb.types import Document, Kind, Part
from tests.bot.conftest import BOT, FakeClock
from tests.bot.test_forum import ask, own_posts, text_for


def app_for(
    folder: Path, box: Sandbox, source: dict[str, Any] | None = None, **bot: Any
) -> App:
    """An installation on *box*, without any file."""
    forum = {"type": "forum", "url": box.url, "requests_per_second": 1000}
    data = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": {
            "forum": forum | (source or {}),
            "videos": {"type": "videos", "enabled": False},
        },
        "embedding": {"model": "hashing"},
        "bot": {"forum": "forum", "grace": "0s"} | bot,
        "schedule": {"refresh": {"forum": {"every": "1h"}, "videos": {"every": "1h"}}},
    }
    return App(parse_config(data, folder=folder))


# -- sources ---------------------------------------------------------------


def test_only_enabled_sources_are_read(tmp_path: Path, box: Sandbox) -> None:
    app = app_for(tmp_path, box)

    assert app.sources.names() == ["forum"]
    with pytest.raises(ConfigError, match=r"sources\.videos\.enabled: expected true"):
        app.sources.settings("videos")
    with pytest.raises(ConfigError, match=r"no such source \(enabled: forum\)"):
        app.sources.settings("wiki")


def test_a_forum_that_is_switched_off_is_not_asked_for_anything(
    tmp_path: Path, box: Sandbox
) -> None:
    app = app_for(tmp_path, box, {"enabled": False})

    jobs = [job.name for job in Service(app).jobs()]

    assert "watch" not in jobs
    with pytest.raises(ConfigError, match=r"bot\.forum: .* forum is switched off"):
        app.bot_forum()
    assert box.requests == []


def test_a_harvest_says_honestly_who_asks(
    tmp_path: Path, box: Sandbox, community: Community
) -> None:
    ask(community)

    app_for(tmp_path, box).harvest("forum")

    agents = {request.headers["user-agent"] for request in box.recorded}
    assert len(agents) == 1
    assert agents.pop().endswith(" (+ops@example.org)")


def test_a_harvest_that_is_told_to_stop_goes_on_from_there(
    tmp_path: Path, box: Sandbox, community: Community
) -> None:
    community.add_topics(40, category="support")
    app = app_for(tmp_path, box)
    app.stopped = lambda: any("/posts.json" in request for request in box.requests)
    with pytest.raises(StoppedError):
        app.harvest("forum")

    app.stopped = lambda: False
    report = app.harvest("forum")

    assert report.complete
    with app.open_store(readonly=True) as store:
        assert [each["documents"] for each in store.documents.counts()] == [40]
        assert store.progress.source("forum").last_error is None


def test_waiting_for_a_tired_forum_ends_when_told_to_stop(
    tmp_path: Path, box: Sandbox
) -> None:
    box.faults.limit_next(path="/", wait_s=100)
    app = app_for(tmp_path, box)
    app.stopped = lambda: len(box.requests) > 0

    with pytest.raises(StoppedError):
        app.harvest("forum")

    assert len(box.requests) == 1


def test_a_stop_is_not_counted_against_the_topic_it_interrupted(
    tmp_path: Path, box: Sandbox, community: Community
) -> None:
    app = app_for(tmp_path, box)
    with app.responder() as responder:
        responder.watch()
        topic_id = ask(community)
        box.faults.limit_next(path=f"/t/{topic_id}.json", wait_s=100)
        app.stopped = lambda: any(f"/t/{topic_id}.json" in r for r in box.requests)
        with pytest.raises(StoppedError):
            responder.watch()

    with app.open_store(readonly=True) as store:
        assert store.progress.all_set_aside() == []
        assert store.ledger.counts() == {"waiting": 1}


# -- bot -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bot", "posts"),
    [
        ({"mode": "off"}, 0),
        ({"mode": "shadow"}, 0),
        ({"mode": "shadow", "modes": {"android": "off"}}, 0),
        ({"mode": "draft"}, 1),
        ({"mode": "public"}, 1),
        ({"mode": "off", "modes": {"android": "whisper"}}, 1),
    ],
)
def test_only_where_a_mode_writes_is_there_a_way_to_post(
    tmp_path: Path,
    box: Sandbox,
    community: Community,
    monkeypatch: pytest.MonkeyPatch,
    bot: dict[str, Any],
    posts: int,
) -> None:
    """Whatever is asked of the forum of the other modes, nothing leaves it."""
    monkeypatch.setenv("BOT_KEY", box.key_for(BOT))
    app = app_for(tmp_path, box, api_key_env="BOT_KEY", **bot)
    topic_id = ask(community)

    with app.forum() as forum:
        forum.reply(topic_id, text_for(topic_id), marker(topic_id))

    assert len(own_posts(community, topic_id)) == posts
    assert box.requests.count("POST /posts.json") == posts


def test_the_bot_links_nothing_that_only_some_may_read(
    tmp_path: Path,
    box: Sandbox,
    community: Community,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one thread that answers is found by those who may read it, and by no bot."""
    secret, public = "Where is the spare key of the cabinet?", "Which tablet is good?"
    community.add_category("Staff", slug="crew", read_restricted=True)
    for topic_id in (
        ask(community, secret, category="crew", user="root"),
        ask(community, public),
    ):
        community.add_post(topic_id, "I have just seen it there.", user="ben")
    monkeypatch.setenv("ADMIN_KEY", box.admin_key)
    keys = {"api_key_env": "ADMIN_KEY", "api_username": "root"}
    # However unlike the question, whatever the bot may see is good enough.
    app = app_for(
        tmp_path, box, keys | {"private_categories": ["Staff"]}, min_confidence=0.0
    )
    app.clock = clock
    app.harvest("forum")
    app.index()

    with app.responder() as responder:
        decision = responder.respond(ask(community, secret))

    with app.open_store() as store, app.searcher(store) as searcher:
        staff = frozenset({"public", "category:Staff"})
        found = searcher.search(secret, limit=5, visible_to=staff)
    assert [hit.document.title for hit in found] == [secret, public]
    assert [each["title"] for each in decision.suggestions] == [public]


# -- jobs ------------------------------------------------------------------

REPORTS = ["report", "report files"]


@pytest.mark.parametrize(
    ("bot", "names"),
    [
        ({}, ["refresh forum", "index", "watch", "learn", *REPORTS]),
        ({"mode": "off"}, ["refresh forum", "index", "learn", *REPORTS]),
        ({"forum": None}, ["refresh forum", "index", "learn", *REPORTS]),
    ],
)
def test_there_is_a_job_for_each_thing_that_is_switched_on(
    tmp_path: Path, box: Sandbox, bot: dict[str, Any], names: list[str]
) -> None:
    assert [job.name for job in Service(app_for(tmp_path, box, **bot)).jobs()] == names


def test_a_bot_without_a_forum_is_a_clear_error(tmp_path: Path, box: Sandbox) -> None:
    app = app_for(tmp_path, box, forum=None)

    with pytest.raises(ConfigError, match=r"bot\.forum"), app.responder():
        pass


# -- budget, rules for crawlers, access ------------------------------------


def test_a_wait_that_the_harvest_is_told_holds_back_the_bot(
    tmp_path: Path, box: Sandbox
) -> None:
    """Both end while waiting, and only one of them has asked."""
    box.faults.limit_next(path="/site.json", wait_s=100)
    app = app_for(tmp_path, box)
    app.stopped = lambda: "GET /site.json" in box.requests
    with pytest.raises(StoppedError):
        app.harvest("forum")

    with pytest.raises(StoppedError), app.forum() as forum:
        forum.newest_topic()

    assert box.requests == ["GET /robots.txt", "GET /site.json"]


def test_a_forum_may_forbid_reading_it_without_a_key(
    tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the harvest nor the bot reads it then; with a key nobody asks."""
    box.settings = Settings(allow_index_in_robots_txt=False)
    app = app_for(tmp_path, box)
    with pytest.raises(DisallowedError):
        app.harvest("forum")
    with pytest.raises(DisallowedError), app.forum() as forum:
        forum.newest_topic()
    assert box.requests == ["GET /robots.txt"]

    box.recorded.clear()
    monkeypatch.setenv("BOT_KEY", box.key_for(BOT))
    app_for(tmp_path, box, {"api_key_env": "BOT_KEY"}).harvest("forum")
    app_for(tmp_path, box, {"respect_robots": False}).harvest("forum")
    assert "GET /robots.txt" not in box.requests


def test_a_poll_asks_for_the_rules_once_a_day(
    tmp_path: Path, box: Sandbox, clock: FakeClock
) -> None:
    app = app_for(tmp_path, box)
    app.clock = clock

    def polled() -> int:
        box.recorded.clear()
        app.harvest("forum")
        return box.requests.count("GET /robots.txt")

    assert polled() == 1
    clock.forward(hours=23)
    assert polled() == 0
    clock.forward(hours=2)
    assert polled() == 1


@pytest.mark.parametrize("kind", ["visitor", "admin", "member"])
def test_there_are_three_ways_to_be_let_in(
    tmp_path: Path,
    box: Sandbox,
    community: Community,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    ask(community)
    keys = {
        "visitor": {},
        "admin": {"api_key_env": "FORUM_KEY", "api_username": "amina"},
        "member": {"user_api_key_env": "FORUM_KEY"},
    }
    secret = box.admin_key if kind == "admin" else box.user_api_key_for("amina")
    monkeypatch.setenv("FORUM_KEY", secret)

    app_for(tmp_path, box, keys[kind]).harvest("forum")

    names = ("api-key", "api-username", "user-api-key")
    sent = {tuple(each.headers.get(n) for n in names) for each in box.recorded}
    assert (
        sent
        == {
            "visitor": {(None, None, None)},
            "admin": {(secret, "amina", None)},
            "member": {(None, None, secret)},
        }[kind]
    )


def test_a_missing_user_api_key_is_found_before_a_service_starts(
    tmp_path: Path, box: Sandbox
) -> None:
    app = app_for(tmp_path, box, {"user_api_key_env": "NO_SUCH_KEY"})

    with pytest.raises(ConfigError, match=r"sources\.forum\.user_api_key_env"):
        Service(app).check()


# -- languages -------------------------------------------------------------


def test_a_service_tells_which_languages_it_answers_in_english(
    tmp_path: Path, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_for(tmp_path, box)
    languages = ["en", "sw", "fr", "ar"]
    community = app.config.community.model_copy(update={"languages": languages})
    app.config = app.config.model_copy(update={"community": community})

    Service(app).check()

    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [
        "community.languages: no sentences in sw, ar, so answers are in English: add "
        "them, see community.translations"
    ]


def page(body: str, language: str | None = None) -> Document:
    return Document(
        source="docs",
        kind=Kind.DOCS,
        key="page",
        url="https://docs.example/page",
        title="",
        parts=(Part(number=1, body=body, format="markdown"),),
        language=language,
    )


@pytest.mark.parametrize(
    ("body", "known", "found"),
    [
        ("Comment sauvegarder la base de données chaque nuit ?", None, "fr"),
        ("How do I back up the database every night?", None, "en"),
        ("How do I back up the database every night?", "pt", "pt"),
        ("12345", None, None),
    ],
)
def test_a_document_gets_the_language_of_its_text_unless_it_says_its_own(
    body: str, known: str | None, found: str | None
) -> None:
    document = with_language(page(body, known), among=("en", "fr"))

    assert document.language == found


# -- logs ------------------------------------------------------------------


def test_a_log_message_is_one_line_without_control_sequences() -> None:
    record = logging.LogRecord(
        "bot", logging.INFO, "x", 1, "title=%s", ("a\x1b[2J\nERROR forged",), None
    )

    line = SafeFormatter("%(levelname)s %(message)s").format(record)

    assert line == "INFO title=a[2J ERROR forged"


def test_a_traceback_in_the_log_keeps_its_lines() -> None:
    try:
        raise ZeroDivisionError("a\x1bb")
    except ZeroDivisionError:
        record = logging.LogRecord(
            "bot", logging.ERROR, "x", 1, "failed", (), sys.exc_info()
        )

    lines = SafeFormatter("%(message)s").format(record).splitlines()

    assert lines[0] == "failed"
    assert lines[-1] == "ZeroDivisionError: ab"


def test_a_forum_that_moved_is_harvested_though_a_topic_cannot_be_read(
    tmp_path: Path, box: Sandbox, community: Community
) -> None:
    """What is stored of it keeps the old address."""
    for _ in range(3):
        ask(community)
    app_for(tmp_path, box).harvest("forum")
    app = app_for(tmp_path, box)
    with app.open_store(readonly=True) as store:
        # The one that was stored last.
        broken = int([*store.holdings("forum")][-1])
    moved = {"url": box.url.replace("127.0.0.1", "localhost")}
    app = app_for(tmp_path, box, moved)

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        for item in answer["topic_list"]["topics"]:
            if item["id"] == broken:
                item["title"] = None
        return answer

    box.faults.alter(spoil, "/latest.json")
    path = f"/t/{broken}.json"
    box.faults.alter(lambda answer: {**answer, "title": None}, path)
    app.harvest("forum", accept_deletions=True)

    assert app.harvest("forum").complete


def test_another_forum_does_not_take_the_place_of_the_one_that_is_stored(
    tmp_path: Path, box: Sandbox, community: Community
) -> None:
    """As when another config uses the same data."""
    ask(community)
    app_for(tmp_path, box).harvest("forum")
    with Sandbox(Community.empty()) as other:
        app = app_for(tmp_path, other)
        with pytest.raises(ConfigError, match=r"sources\.forum\.url: what is stored"):
            app.harvest("forum")
        with app.open_store(readonly=True) as store:
            assert len(store.holdings("forum")) == 1

        report = app.harvest("forum", accept_deletions=True)

    assert report.deleted == 1
