"""The bot's manners as an installation has them, and the commands that stop it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.aftercare import CareReport
from bot.cli import main
from bot.inbox import InboxReport
from bot.manners import MannersReport, has_manners, open_manners, open_opt_outs
from bot.sandbox import Community, Sandbox
from kb.errors import ConfigError
from kb.store import Decision, Store
from kb.types import PostId, TopicId
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW, topic
from tests.bot.test_app import app_for

KEY = "BARAZA_TEST_KEY"


def test_mail_and_replies_are_seen_to_in_one_run(
    tmp_path: Path,
    box: Sandbox,
    community: Community,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KEY, box.key_for(BOT))
    app = app_for(tmp_path, box, mode="public", api_key_env=KEY, moderators=["root"])
    app.clock = clock
    asked = community.add_topic("How do I back up?", "Every night.", user="amina")
    reply = community.add_post(asked.id, "See the page on it, please.", user=BOT)
    raw = f"withdraw {box.url}/t/{asked.id}"
    community.add_topic("An answer of yours", raw, user="root", recipients=[BOT])
    community.add_topic("No more of it", "opt out", user="ben", recipients=[BOT])
    with app.open_store() as store, store.transaction():
        claimed = Decision(
            "forum",
            TopicId(asked.id),
            "?",
            "public",
            "claimed",
            ("sure",),
            NOW,
            body="",
        )
        store.ledger.record(claimed)
        store.ledger.settle(
            "forum", TopicId(asked.id), "posted", at=NOW, post_id=PostId(reply.id)
        )

    with open_manners(app) as manners:
        report = manners.run()
    ben = community.user("ben").id
    with app.open_store() as store, open_opt_outs(app, store) as opted_out:
        wants = opted_out(topic(author="ben", author_id=ben))

    assert report == MannersReport(
        InboxReport(read=2, obeyed=2, answered=2), CareReport(), False
    )
    assert wants == "its author wants no answers"
    assert community.posts[reply.id].user_deleted
    assert has_manners(app)


def test_without_a_key_it_is_told_which(tmp_path: Path, box: Sandbox) -> None:
    app = app_for(tmp_path, box, mode="public", api_key_env=KEY)

    told = pytest.raises(ConfigError, match=rf"bot\.api_key_env: .*{KEY}")
    with told, open_manners(app):
        pass


def test_a_bot_that_writes_nothing_needs_none(tmp_path: Path, box: Sandbox) -> None:
    assert not has_manners(app_for(tmp_path, box, mode="shadow"))


# -- pause and resume --------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    settings = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "data_dir": "data",
        "sources": {"forum": {"type": "forum", "url": "https://forum.example.org"}},
        "bot": {"forum": "forum"},
    }
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def baraza(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), *words])


def test_an_operator_pauses_and_resumes_it(config: Path, tmp_path: Path) -> None:
    first = baraza(config, "pause", "--reason", "we are moving")
    again = baraza(config, "pause")
    with Store.open(tmp_path / "data" / "baraza.db") as store:
        pause = store.pauses.get("forum")
    shown = baraza(config, "status").output
    ended = baraza(config, "resume")
    nothing = baraza(config, "resume")

    assert pause is not None
    assert (pause.reason, pause.origin) == ("we are moving", "operator")
    assert "  paused by operator since " in shown
    assert "UTC: we are moving; baraza resume ends it" in shown
    assert "paused by" not in baraza(config, "status").output
    assert first.output == "paused: nothing is posted until baraza resume\n"
    assert again.output.startswith("it was paused already, since ")
    assert (ended.output, nothing.output) == ("it posts again\n", "it was not paused\n")
    assert {each.exit_code for each in (first, again, ended, nothing)} == {0}


def test_without_a_forum_there_is_nothing_to_pause(config: Path) -> None:
    config.write_text(
        config.read_text("utf-8").replace('"bot": {"forum": "forum"}', '"bot": {}'),
        encoding="utf-8",
    )

    result = baraza(config, "pause")

    assert result.exit_code == 2
    assert "bot.forum" in result.output
