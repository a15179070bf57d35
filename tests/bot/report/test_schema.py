"""The report as JSON: by its schema, and the schema by its records."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import jsonschema
import pytest

from bot.report import model
from bot.report.schema import json_schema, schema_text, to_json
from bot.terminal import plain
from tests.bot.report.sample import empty_report, hostile_report, sample_report
from tests.conftest import CHECKOUT

SCHEMA = json_schema()
CHECK = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


def problems(value: Any) -> list[str]:
    return [error.json_path for error in CHECK.iter_errors(value)]


@pytest.mark.parametrize("make", [sample_report, hostile_report, empty_report])
def test_a_report_is_as_its_schema_says_and_says_all_that_the_report_does(
    make: Callable[[], model.Report],
) -> None:
    report = make()

    text = to_json(report)

    assert problems(json.loads(text)) == []
    assert json.loads(text) == plain(report)
    assert text.isascii()
    assert "\n" not in text
    assert to_json(make()) == text


def test_keys_stand_in_the_order_of_the_records_and_times_have_a_zone() -> None:
    found = json.loads(to_json(sample_report()))

    assert list(found) == [field.name for field in fields(model.Report)]
    assert (found["format"], found["as_of"]) == (
        model.FORMAT,
        "2024-05-01T12:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 0),
        ("format", "1"),
        ("private", None),
        ("since", 5),
        ("topics", 1.5),
        ("scorecard", []),
        ("notes", [1]),
        ("surprise", True),
    ],
)
def test_the_schema_takes_nothing_else(path: str, value: object) -> None:
    found = json.loads(to_json(sample_report()))

    assert problems(found | {path: value}) != []
    found.pop("gaps")
    assert problems(found) == ["$"]


def test_the_schema_is_a_schema_and_knows_all_records() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    records = {
        name
        for name, record in vars(model).items()
        if is_dataclass(record) and record.__module__ == model.__name__
    }

    assert records == {"Report", *SCHEMA["$defs"]} - {"Kind"}
    assert SCHEMA["$id"] == f"urn:baraza:report:{model.FORMAT}"


def test_docstrings_explain_records_and_their_fields() -> None:
    gap, repeats = (SCHEMA["$defs"][name] for name in ("Gap", "Repeats"))

    assert SCHEMA["description"] == "The moderators' triage report."
    assert gap["description"].startswith("Questions about one thing that no page")
    assert gap["properties"]["verdict"]["description"] == (
        "missing: nothing is near most of them, and hardly anybody (one in ten at most)"
        " linked anything; not_found: there is something, and people ask all the same."
    )
    # What two fields share is said of both.
    figure = SCHEMA["$defs"]["Figure"]["properties"]
    assert figure["low"]["description"] == figure["high"]["description"]
    # A record without words of its own has none that were made up.
    assert "description" not in repeats


def test_the_documented_schema_is_the_one_in_use() -> None:
    documented = CHECKOUT / "docs" / "report.schema.json"

    assert documented.read_text("utf-8") == schema_text(), (
        "run python -m bot.report.schema > docs/report.schema.json"
    )


def test_what_is_no_number_is_refused() -> None:
    report = sample_report()
    figure = replace(report.health.overall[0], value=float("nan"))
    health = replace(report.health, overall=(figure,))

    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(replace(report, health=health))
