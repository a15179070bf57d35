"""The report as JSON, and the schema that documents it. Pure.

The schema is made from the records of `bot.report.model`, so neither can be older than
the other: ``python -m bot.report.schema > docs/report.schema.json``.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any

from bot.report import model

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What our docstrings say of attributes: "name: ...", "low, high: ...".
_ATTRIBUTE = re.compile(r"^([a-z_]+(?:, [a-z_]+)*): (.*)$")
_MARKUP = re.compile(r"[`*]")


def to_json(report: model.Report) -> str:
    """The report as one line of JSON: ASCII, keys in the order of the records.

    Times are ISO 8601 with their zone; what is not known is null.

    Raises:
        ValueError: A number in it is none.
    """
    return json.dumps(report, ensure_ascii=True, allow_nan=False, default=_plain)


def _plain(value: Any) -> object:
    """A time, or a record with what it holds; all else is JSON already."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _names(type(value))}
    raise TypeError(f"no JSON for {type(value).__name__}")


@cache
def _names(record: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))


def json_schema() -> dict[str, Any]:
    """The schema of `to_json`; with every change `bot.report.model.FORMAT` grows."""
    from pydantic import TypeAdapter

    made = TypeAdapter(model.Report).json_schema(mode="serialization")
    definitions = made.pop("$defs")
    for name, definition in {"Report": made, **definitions}.items():
        record = getattr(model, name, None)
        if record is not None and is_dataclass(record):
            _describe(definition, inspect.getdoc(record) or "")
            definition["additionalProperties"] = False
    made["properties"]["format"] |= {
        "const": model.FORMAT,
        "description": "Grows with every change that a reader of this would notice.",
    }
    return {
        "$schema": _DIALECT,
        "$id": f"urn:baraza:report:{model.FORMAT}",
        **made,
        "$defs": definitions,
    }


def _describe(definition: dict[str, Any], doc: str) -> None:
    """Put a record's docstring where readers of the schema look for it."""
    head, _, attributes = f"\n{doc}".partition("\nAttributes:\n")
    about = _joined(head)
    definition.pop("description", None)
    if about and not about.startswith(f"{definition.get('title')}("):
        definition["description"] = about
    for names, text in _attributes(attributes):
        for name in names.split(", "):
            definition["properties"][name]["description"] = text


def _attributes(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in inspect.cleandoc(text).splitlines():
        begins = _ATTRIBUTE.match(line)
        if begins:
            found.append((begins[1], _joined(begins[2])))
        elif found:
            names, told = found.pop()
            found.append((names, _joined(f"{told} {line}")))
    return found


def _joined(text: str) -> str:
    return " ".join(_MARKUP.sub("", text.replace("``None``", "null")).split())


def schema_text() -> str:
    """The schema as it stands in the documentation."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
