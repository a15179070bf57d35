"""What was learned, as a file: read as it was written, or refused by the bad field."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kb.calibrate import Calibration, Floor
from kb.errors import ModelError
from kb.model import (
    MODEL_FORMAT,
    KindModel,
    RankingModel,
    load_model,
    plain_model,
    shipped_model,
)
from kb.rank import EVIDENCE
from kb.signals import SIGNALS
from kb.thresholds import GroupThreshold, Threshold, Thresholds
from kb.types import Kind

SURE = Calibration(
    ("chance", "coverage"),
    (0.1, 0.2),
    (1.0, 0.3),
    (0.5, 1.5),
    -2.0,
    40,
    (Floor("coverage", 0.1, 0.3),),
)
MODEL = RankingModel(
    kinds={
        Kind.THREAD: KindModel({"bm25_passage": 0.1 + 0.2, "log_age": -1e-17}, SURE, 9),
        Kind.DOCS: KindModel({"coverage": 2.0}, SURE),
    },
    learned_on="https://forum.example",
    learned_until=datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC),
    thresholds=(
        Thresholds(
            0.5,
            (
                GroupThreshold(
                    Kind.DOCS, "fr", Threshold(0.5, 0.7, 0.6, (0.4, 0.8), 0.25, 120)
                ),
                GroupThreshold(
                    Kind.DOCS, None, Threshold(0.5, None, None, None, 0.0, 120)
                ),
            ),
        ),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "model.json"


def test_a_model_is_read_as_it_was_written(path: Path) -> None:
    MODEL.save(path)

    assert load_model(path) == MODEL
    assert [file.name for file in path.parent.iterdir()] == ["model.json"]


def test_a_model_takes_the_place_of_the_one_before(path: Path) -> None:
    MODEL.save(path)
    later = replace(MODEL, learned_on="elsewhere", learned_until=None, thresholds=())

    later.save(path)

    assert load_model(path) == later


@pytest.mark.parametrize("model", [shipped_model(), plain_model()])
def test_what_comes_with_baraza_can_be_learned_on_from(model: RankingModel) -> None:
    for kind in Kind:
        each = model.of(kind)
        assert each.calibration.names == EVIDENCE
        assert set(each.weights) <= set(SIGNALS)


def test_kinds_without_a_model_are_ranked_as_documentation() -> None:
    assert MODEL.of(Kind.THREAD) is MODEL.kinds[Kind.THREAD]
    assert MODEL.of(Kind.COURSE) is MODEL.of(Kind.VIDEO) is MODEL.kinds[Kind.DOCS]


def test_signals_can_be_left_out() -> None:
    only = MODEL.only(("bm25_passage", "solved"))

    assert only.of(Kind.THREAD).weights == {"bm25_passage": 0.1 + 0.2}
    assert only.of(Kind.DOCS).weights == {}
    # Thresholds were those of a ranking by all of them.
    assert (only.thresholds, MODEL.only(SIGNALS)) == ((), MODEL)
    # Nor do they tell how sure to be; how a candidate stands always does.
    assert only.of(Kind.THREAD).calibration == SURE.only(["chance"])
    assert only.learned_on == MODEL.learned_on


# -- files that are no model -------------------------------------------------------


def at(*keys: str | int, value: object) -> Callable[[Any], None]:
    """Sets a value in a model file."""

    def change(data: Any) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return change


def without(*keys: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for key in keys[:-1]:
            data = data[key]
        del data[keys[-1]]

    return change


THREAD = ("kinds", "thread")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (at("format", value=MODEL_FORMAT + 1), f"has format {MODEL_FORMAT + 1}, not"),
        (at("kinds", value=[]), "kinds: "),
        (at("kinds", "blog", value={}), r"kinds\.blog"),
        (without("kinds"), "kinds: Field required"),
        (without("kinds", "docs"), r"kinds\.docs is missing"),
        (without(*THREAD), r"kinds\.thread is missing"),
        (without(*THREAD, "calibration"), r"kinds\.thread\.calibration: Field req"),
        (at(*THREAD, "weights", value=[1.0]), r"kinds\.thread\.weights: "),
        (
            at(*THREAD, "weights", "coverage", value="much"),
            r"kinds\.thread\.weights\.coverage: ",
        ),
        (
            at(*THREAD, "weights", "bm25_best", value=1.0),
            r"kinds\.thread\.weights: no signal 'bm25_best'",
        ),
        (
            at(*THREAD, "weights", "coverage", value=math.nan),
            r"kinds\.thread\.weights: expected finite numbers",
        ),
        (
            at(*THREAD, "calibration", "names", 0, value="luck"),
            r"kinds\.thread\.calibration\.names: no evidence 'luck'",
        ),
        (
            at(*THREAD, "calibration", "means", value=[1.0]),
            r"kinds\.thread\.calibration: .*means: expected 2 numbers",
        ),
        (
            at(*THREAD, "calibration", "deviations", 1, value=0.0),
            r"kinds\.thread\.calibration: .*deviations: expected numbers above 0",
        ),
        *(
            (
                at(*THREAD, "calibration", field, 0, value=math.inf),
                rf"kinds\.thread\.calibration\.{field}: expected finite numbers",
            )
            for field in ("means", "deviations", "weights")
        ),
        (
            at(*THREAD, "calibration", "intercept", value=-math.inf),
            r"kinds\.thread\.calibration\.intercept: expected finite numbers",
        ),
        (at("learned_until", value="yesterday"), "learned_until: "),
        (at("learned_until", value="2026-03-01T12:00:00"), "learned_until: .* zone"),
        (at("thresholds", 0, "asked", value=None), r"thresholds\.0\.asked: "),
    ],
)
def test_a_broken_file_is_refused_by_its_field(
    path: Path, change: Callable[[Any], None], problem: str
) -> None:
    MODEL.save(path)
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data))

    with pytest.raises(
        ModelError, match=rf"model\.json: {problem}.*run baraza learn"
    ) as caught:
        load_model(path)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "data", [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"kinds": {}}', b"0" * 5_000]
)
def test_what_is_no_model_at_all_is_refused(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)

    with pytest.raises(ModelError, match="run baraza learn, or delete it"):
        load_model(path)


def test_half_a_file_is_refused(path: Path) -> None:
    MODEL.save(path)
    whole = path.read_bytes()

    for size in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError):
            load_model(path)


def test_a_file_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be read: .*No such file"):
        load_model(path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(path.parent.parent)


# -- where it cannot be written ----------------------------------------------------


def test_a_full_disk_leaves_the_model_before(path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    MODEL.save(path)
    draft = path.with_name("model.json.part")
    draft.symlink_to("/dev/full")

    with pytest.raises(ModelError, match=r"cannot be written: .*No space left"):
        replace(MODEL, learned_on="elsewhere").save(path)

    assert load_model(path) == MODEL
    assert not draft.is_symlink()


@pytest.mark.parametrize("in_the_way", ["data", "data/model.json/x"])
def test_a_place_that_cannot_be_written_is_told(path: Path, in_the_way: str) -> None:
    """A file where the folder should be; a folder where the file should be."""
    blocking = path.parent.parent / in_the_way
    blocking.parent.mkdir(parents=True, exist_ok=True)
    blocking.write_text("mine")

    with pytest.raises(ModelError, match="cannot be written"):
        MODEL.save(path)

    assert blocking.read_text() == "mine"
    assert not path.with_name("model.json.part").exists()
