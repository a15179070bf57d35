"""`Details` as one JSON column and back: what is not known is not in it."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any

from kb.store.rows import clean, to_json, to_moment, to_text
from kb.types import NO_DETAILS, Details

_TIMES = frozenset(
    name for name in (f.name for f in fields(Details)) if name.endswith("_at")
)


def details_text(details: Details) -> str:
    """As it is stored; empty when nothing is known.

    >>> details_text(Details(duration_s=90, lists=("Training",)))
    '{"duration_s":90,"lists":["Training"]}'
    """
    known = {
        name: to_text(value) if isinstance(value, datetime) else value
        for name, value in known_details(details).items()
    }
    return clean(to_json(known)) if known else ""


def known_details(details: Details) -> dict[str, Any]:
    """What is known, by the names of the fields.

    >>> known_details(Details(duration_s=90, lists=("Training",)))
    {'duration_s': 90, 'lists': ('Training',)}
    """
    values = ((f.name, getattr(details, f.name)) for f in fields(Details))
    return {name: value for name, value in values if value not in (None, ())}


@lru_cache(maxsize=1_024)
def details_of(text: str) -> Details:
    """The inverse of `details_text`.

    >>> details_of('{"duration_s":90}').duration_s
    90
    """
    if not text:
        return NO_DETAILS
    known = json.loads(text)
    for name in _TIMES & known.keys():
        known[name] = to_moment(known[name])
    if "lists" in known:
        known["lists"] = tuple(known["lists"])
    return Details(**known)
