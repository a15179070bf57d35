"""Answers that are not sent again to who has them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from bot.sandbox.answers import Answer


def tagged(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """*answer* with an ``ETag``, or 304 to who names that; refusals as they are.

    Args:
        headers: Of the request, names in lower case.
    """
    if answer.status != 200:
        return answer
    tag = f'"{hashlib.blake2b(answer.body, digest_size=8).hexdigest()}"'
    known = [each.strip() for each in headers.get("if-none-match", "").split(",")]
    if tag in known:
        return Answer(304, b"", {"ETag": tag})
    return replace(answer, headers={**answer.headers, "ETag": tag})


def dated(answer: Answer, changed: datetime, headers: Mapping[str, str]) -> Answer:
    """*answer* with a ``Last-Modified``, or 304 to who has it since then."""
    mark = {"Last-Modified": format_datetime(changed, usegmt=True)}
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
    except ValueError:
        # An unreadable date counts as none.
        return replace(answer, headers={**answer.headers, **mark})
    if changed.replace(microsecond=0) <= since:
        return Answer(304, b"", mark)
    return replace(answer, headers={**answer.headers, **mark})
