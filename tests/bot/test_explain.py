"""Why something is suggested, for people and machines."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from kb.model import shipped_model
from kb.signals import SIGNALS
from kb.types import Kind
from tests.bot.test_cli import KEY, Install, clock, filled, install, site
from tests.bot.test_forum import ask

__all__ = ["clock", "filled", "install", "site"]


def told(install: Install, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(install.ok("explain", *words, "--json"))
    return found


def test_a_text_is_explained_to_the_last_signal(filled: Install) -> None:
    found = told(filled, "run pg_dump from cron every night")

    assert found["topic_id"] is None
    assert found["speaks"]
    kinds = {each["kind"]: each for each in found["kinds"]}
    assert list(kinds) == ["thread", "docs", "course", "video"]
    best = kinds["docs"]["suggestions"][0]
    assert best["title"] == "Backup"
    assert best["linked"]
    assert best["place"] == 1
    added = [each["added"] for each in best["contributions"]]
    assert sum(added) == pytest.approx(best["score"])
    sizes = [abs(each) for each in added]
    assert sizes == sorted(sizes, reverse=True)
    for each in best["contributions"]:
        assert each["about"] == SIGNALS[each["name"]].about
        assert each["value"] == best["signals"].get(each["name"])
    assert {"chance", "lead"} <= best["evidence"].keys()
    calibration = shipped_model().of(Kind.DOCS).calibration
    log_odds = calibration.intercept + sum(best["sure_by"].values())
    assert best["confidence"] == pytest.approx(
        best["believed"] / (1 + math.exp(-log_odds))
    )


def test_for_people_it_fits_a_terminal(filled: Install) -> None:
    text = filled.ok("explain", "run pg_dump from cron every night")

    wide = [line for line in text.splitlines() if len(line) > 80]
    assert all("http" in line for line in wide)
    assert "ranking: as shipped" in text
    assert "     linked: sure enough to open an answer" in text
    assert "     confidence raised or lowered by " in text
    assert "signals that added less (--all)" in text
    assert text.index("the bot would answer") < text.index("docs page: ")
    everything = filled.ok("explain", "run pg_dump from cron every night", "--all")
    assert "--all" not in everything
    assert len(everything) > len(text)
    assert "the bot would answer" in text
    assert "bm25_passage: BM25 of its best passage" in text


def test_candidates_may_be_limited_to_languages_and_tell_theirs(
    filled: Install,
) -> None:
    question = "run pg_dump from cron every night"
    text = filled.ok("explain", question, "--language", "en")
    french = told(filled, question, "--language", "fr")
    english = told(filled, question, "--language", "en")

    assert "  1. Backup (en)\n" in text
    assert [kind["suggestions"] for kind in french["kinds"]] == [[]] * 4
    assert french["speaks"] == english["speaks"]
    found = [each["language"] for k in english["kinds"] for each in k["suggestions"]]
    assert found == ["en"] * 4


def test_it_is_told_how_a_question_was_understood(filled: Install) -> None:
    """What a few words are in, the words of the bridge tell."""
    question = "tableau de bord"
    text = filled.ok("explain", question)
    found = told(filled, question)

    assert text.splitlines()[:2] == [
        "question: tableau de bord (fr)",
        "  in en, 100% known: dashboard",
    ]
    assert (found["language"], found["carried"]) == (
        "fr",
        [{"language": "en", "share": 1.0, "text": "dashboard"}],
    )
    assert told(filled, "dashboard")["carried"] == []


def test_a_stored_topic_is_explained_without_the_forum(filled: Install) -> None:
    topic_id = ask(filled.community, "Which cron line runs pg_dump at night?")
    filled.ok("harvest", "forum")
    filled.ok("index")
    before = len(filled.box.requests)

    found = told(filled, str(topic_id), "--kind", "thread", "-k", "1")

    assert len(filled.box.requests) == before
    assert (found["topic_id"], found["stored"]) == (topic_id, True)
    assert found["language"] == "en"
    [threads] = found["kinds"]
    assert threads["found"] >= 1
    [best] = threads["suggestions"]
    assert best["title"] == "How do you back up PostgreSQL every night?"


def test_a_new_topic_is_read_and_what_speaks_against_it_is_told(
    filled: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody may read it: no key is missed."""
    monkeypatch.delenv(KEY)
    topic_id = ask(filled.community, "Which cron line runs pg_dump at night?")
    filled.community.set_status(topic_id, "closed", enabled=True)

    found = told(filled, str(topic_id))

    assert not found["speaks"]
    assert found["reasons"][0] == "it is closed"
    assert not any(s["linked"] for k in found["kinds"] for s in k["suggestions"])
    why = {s["why"] for k in found["kinds"] for s in k["suggestions"]}
    assert "sure enough to open an answer, but there is no answer" in why


def test_what_is_asked_for_a_link_is_told(filled: Install) -> None:
    filled.change("bot", {"min_confidence": 0.99})

    text = filled.ok("explain", "run pg_dump from cron every night", "--kind", "docs")

    assert "0.99 opens one" in text
    assert "the bot stays silent" in text
    assert "(bot.min_confidence)" in text


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["99999"], 1, "/t/99999.json"),
        (["..."], 1, "no word"),
        (["x", "--kind", "song"], 2, "song"),
        (["x", "-k", "0"], 2, "0"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    filled: Install, words: list[str], code: int, problem: str
) -> None:
    result = filled.baraza("explain", *words)

    assert result.exit_code == code
    assert problem in result.stderr


def test_before_there_is_an_index_that_is_said(install: Install) -> None:
    install.ok("harvest")

    result = install.baraza("explain", "backup")

    assert result.exit_code == 1
    assert "run baraza index" in result.stderr


def test_the_command_says_that_there_is_too_little_to_learn_from(
    filled: Install,
) -> None:
    assert "too little to learn from" in filled.ok("learn")
    assert json.loads(filled.ok("learn", "--json"))["saved"] is False


def test_the_status_tells_what_ranks_and_what_is_needed(filled: Install) -> None:
    fixed = filled.ok("status")
    filled.change("bot", {"min_confidence": None, "precision": 0.55})
    learned = filled.ok("status")
    (filled.data / "ranking.json").write_text("{}")
    broken = json.loads(filled.ok("status", "--json"))

    assert "ranking: as shipped" in fixed
    assert "needed: 0.00 for every kind (bot.min_confidence)" in fixed
    assert "needed for a precision of 0.55:" in learned
    assert "  thread, docs page, course, video: 0.55, as too little is known" in learned
    assert broken["ranking"]["learned"] is False
    assert broken["thresholds"]["asked"] == 0.55
