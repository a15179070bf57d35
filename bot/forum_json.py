"""A forum's answers as JSON, and what is wrong with one as an error of the forum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from indexer.answers import Answer
from kb.errors import ForumProtocolError, RecordError


def json_of(answer: Answer) -> Any:
    """What an answer holds.

    Raises:
        ForumProtocolError: It is not JSON.
    """
    try:
        return json.loads(answer.body.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise ForumProtocolError(answer.url, f"is not JSON ({exc})") from exc


@contextmanager
def as_protocol_error(url: str) -> Iterator[None]:
    """A malformed record is, here, an answer that cannot be trusted."""
    try:
        yield
    except RecordError as exc:
        raise ForumProtocolError(url, exc.problem, field=exc.field) from exc
