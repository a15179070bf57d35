"""Whether somebody wants no answers: asked right before one would be posted."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Protocol

from bot.care import Person
from bot.topic import TopicView
from kb.errors import ForumRejectedError
from kb.store import Store
from kb.types import Clock, utc_now

log = logging.getLogger(__name__)

# What people write into a field, or a box to tick says, when they mean it.
_YES = frozenset(
    {"true", "yes", "y", "1", "on", "oui", "sí", "si", "sim", "x", "ndiyo"}
)
_MAX_CACHED, _CACHED_FOR = 1_000, timedelta(hours=1)


class Profiles(Protocol):
    """What this needs of `bot.care.Care`."""

    def person(self, username: str) -> Person:
        """See `bot.care.Care.person`."""

    def field_number(self, name: str) -> int | None:
        """See `bot.care.Care.field_number`."""


class OptOuts:
    """Says of a topic's author whether an answer is unwanted.

    Args:
        name: The forum's source in the config.
        field: Name or number of the field of profiles that says so; ``None``: none.
    """

    def __init__(
        self,
        name: str,
        *,
        store: Store,
        profiles: Profiles,
        field: str | None,
        clock: Clock = utc_now,
    ) -> None:
        self._name = name
        self._store = store
        self._profiles = profiles
        self._field = field
        self._clock = clock
        self._asked: dict[int, tuple[bool, datetime]] = {}

    def __call__(self, topic: TopicView) -> str:
        """Why the author of a topic is not to be answered; empty when it is wanted.

        What the profile says is noted, so that it is known without asking.

        Raises:
            ForumUnavailableError, ForumProtocolError: It cannot be found out now.
        """
        known = self._store.members.find(
            self._name, username=topic.author, user_id=topic.author_id or None
        )
        if known is not None and not known.answers and known.origin != "field":
            return "its author wants no answers"
        says = self._says_profile(topic)
        if says:
            self._note(topic)
            return "its author's profile wants no answers"
        if known is not None and known.origin == "field" and not known.answers:
            if self._field is None:
                return "its author wants no answers"
            self._note(topic, answers=True)
        return ""

    def _says_profile(self, topic: TopicView) -> bool:
        if self._field is None or not topic.author or topic.author_id <= 0:
            return False
        now = self._clock()
        says, until = self._asked.get(topic.author_id, (False, now))
        if until <= now:
            if len(self._asked) >= _MAX_CACHED:
                self._asked.clear()
            says = self._ask(topic.author, self._field)
            self._asked[topic.author_id] = says, now + _CACHED_FOR
        return says

    def _ask(self, username: str, field: str) -> bool:
        number = int(field) if field.isdecimal() else self._profiles.field_number(field)
        if number is None:
            log.warning("bot.opt_out_field: the forum's profiles have no such field")
            return False
        try:
            fields = self._profiles.person(username).fields or {}
        except ForumRejectedError as exc:
            # A hidden profile says nothing.
            log.info("a profile cannot be read (%d)", exc.status)
            return False
        return fields.get(number, "").strip().casefold() in _YES

    def _note(self, topic: TopicView, *, answers: bool = False) -> None:
        with self._store.transaction():
            self._store.members.wish(
                self._name,
                username=topic.author,
                user_id=topic.author_id or None,
                answers=answers,
                origin="field",
                at=self._clock(),
            )
