"""What is wrong with a config, in one line that names the key; pure.

pydantic's own messages speak of inputs, instances and tags; a person who edits
``config.yaml`` knows keys and values.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from kb.errors import ConfigError

_EXPECTED = {
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "string_type": "expected text",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "path_type": "expected a path",
    "none_required": "expected nothing",
}

SOURCE_TYPES = ("forum", "archive", "markdown", "website", "courses", "videos", "terms")


def config_error(
    errors: Sequence[ErrorDetails], *, known_keys: Collection[str]
) -> ConfigError:
    """The first of pydantic's errors, and how many more there are.

    Args:
        known_keys: Names that exist anywhere, to guess what an unknown one meant.
    """
    error = errors[0]
    key = _key_path(error["loc"])
    problem = _problem(error, known_keys)
    if len(errors) > 1:
        problem += f" (and {len(errors) - 1} more)"
    # A model-wide check names the key itself.
    if not key and ": " in problem:
        key, problem = problem.split(": ", 1)
    return ConfigError(key, problem)


def _key_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for index, step in enumerate(location):
        # After sources.NAME pydantic names the type of source: not a key.
        if index == 2 and location[0] == "sources":
            continue
        if step == "[key]":
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _problem(error: ErrorDetails, known_keys: Collection[str]) -> str:
    kind, found, context = error["type"], show(error["input"]), error.get("ctx", {})
    if kind == "missing":
        return "missing, and it has no default"
    if kind == "extra_forbidden":
        return f"unknown key{_guess(error['loc'], known_keys)}"
    if kind == "union_tag_not_found":
        return f"missing type: expected one of {', '.join(SOURCE_TYPES)}"
    if kind == "union_tag_invalid":
        return f"type: expected one of {context['expected_tags']}, got {context['tag']}"
    if kind in ("literal_error", "enum"):
        return f"expected {context['expected']}, got {found}"
    if kind == "value_error":
        problem = str(context["error"])
        # A check of a whole section has said all there is to say, and one that
        # explains itself after a colon may have been given a secret.
        says_all = isinstance(error["input"], Mapping | BaseModel)
        if says_all or ": " in problem or "got" in problem:
            return problem
        return f"{problem}, got {found}"
    if kind == "string_pattern_mismatch":
        return f"expected text like {context['pattern']}, got {found}"
    if kind == "too_short":
        return "expected at least one entry"
    if kind in _EXPECTED:
        return f"{_EXPECTED[kind]}, got {found}"
    message = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"expected {message[0].lower()}{message[1:]}, got {found}"


def _guess(location: tuple[int | str, ...], known_keys: Collection[str]) -> str:
    """The known key that looks most like the unknown one."""
    unknown = str(location[-1])
    if unknown in known_keys:
        return " here: it belongs to another section, or to another type of source"
    close = difflib.get_close_matches(unknown, sorted(known_keys), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def show(value: object) -> str:
    """A value as the person wrote it, short; a mapping may hold secrets."""
    if isinstance(value, Mapping | list):
        return "a list" if isinstance(value, list) else "keys and values"
    if value is None:
        return "nothing"
    text = one_line(f'"{value}"' if isinstance(value, str) else str(value).lower())
    return text if len(text) <= 60 else text[:57] + '…"'


def one_line(text: str) -> str:
    """*text* with all white space folded."""
    return " ".join(text.split())
