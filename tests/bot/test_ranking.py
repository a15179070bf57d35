"""Which model ranks, and what becomes of a file that does not read."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import parse_config
from bot.ranking import ModelOnDisk, thresholds_for
from bot.sandbox import Sandbox
from kb.errors import ConfigError
from kb.model import RankingModel, plain_model, shipped_model
from kb.thresholds import GroupThreshold, Threshold, Thresholds
from kb.types import Kind
from tests.bot.conftest import FakeClock
from tests.bot.test_app import app_for


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ranking.json"


def learned(clock: FakeClock) -> RankingModel:
    return replace(plain_model(), learned_on="https://f.example", learned_until=clock())


def test_until_something_is_learned_the_shipped_model_ranks(path: Path) -> None:
    assert ModelOnDisk(path).current() == shipped_model()


def test_what_was_learned_ranks_from_the_moment_it_is_saved(
    path: Path, clock: FakeClock
) -> None:
    on_disk = ModelOnDisk(path)
    assert on_disk.learned() is None

    learned(clock).save(path)
    assert on_disk.current() == learned(clock)

    clock.forward(days=7)
    learned(clock).save(path)
    assert on_disk.current() == learned(clock)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "kinds: Field required"),
        ("", "Invalid JSON"),
        ('{"kinds": {}, "format": 99}', "has format 99, not"),
    ],
)
def test_a_file_that_does_not_read_is_told_of_once_and_the_shipped_model_ranks(
    path: Path, text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(text)
    on_disk = ModelOnDisk(path)

    with caplog.at_level(logging.WARNING):
        found = [on_disk.current(), on_disk.current()]

    assert found == [shipped_model()] * 2
    [record] = caplog.records
    assert str(path) in record.message
    assert problem in record.message
    assert "run baraza learn" in record.message


def test_a_folder_in_its_place_is_no_model(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.mkdir()

    assert ModelOnDisk(path).current() == shipped_model()
    assert "cannot be read" in caplog.text


def test_signals_that_are_switched_off_do_not_rank(path: Path) -> None:
    weights = ModelOnDisk(path, without=["words", "solved"]).current()

    names = set(weights.of(Kind.THREAD).weights)
    assert not names & {"bm25_passage", "coverage", "solved"}
    assert names == set(shipped_model().of(Kind.THREAD).weights) - {
        *("bm25_passage", "bm25_second", "bm25_share", "bm25_title", "bm25_opening"),
        *("bm25_whole", "coverage", "solved"),
    }


def test_thresholds_are_those_of_the_precision_that_is_asked_for() -> None:
    model = replace(plain_model(), thresholds=(Thresholds(0.3), Thresholds(0.4)))

    assert thresholds_for(model, 0.4) is model.thresholds[1]
    assert thresholds_for(model, 0.45) == Thresholds(0.45)


def test_thresholds_of_another_forum_do_not_decide_on_this_one(
    tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until something was learned here, the precision itself is what is needed."""
    app = app_for(tmp_path, box)
    low = Threshold(0.4, 0.1, 0.5, (0.4, 0.6), 1.0, 100)
    theirs = Thresholds(0.4, (GroupThreshold(Kind.THREAD, None, low),))
    foreign = replace(shipped_model(), thresholds=(theirs,))
    monkeypatch.setattr("bot.ranking.shipped_model", lambda: foreign)
    assert app.ranking_model().thresholds == (theirs,)

    assert app.policy_settings().thresholds == Thresholds(0.4)

    known = Threshold(0.4, 0.2, 0.5, (0.4, 0.6), 0.5, 100)
    own = Thresholds(0.4, (GroupThreshold(Kind.THREAD, None, known),))
    replace(plain_model(), thresholds=(own,)).save(app.model_path)
    assert app.policy_settings().thresholds == own


def test_the_config_says_what_is_not_used(tmp_path: Path, box: Sandbox) -> None:
    app = app_for(tmp_path, box)
    assert app.model_path == tmp_path / "data" / "ranking.json"

    with pytest.raises(ConfigError) as caught:
        parse_config(
            {
                "community": {"name": "E", "contact": "ops@example.org"},
                "ranking": {"without": ["words", "luck"]},
            },
            folder=tmp_path,
        )

    assert caught.value.key == "ranking.without"
    assert "no signal or group 'luck'; there are words, meaning" in str(caught.value)
