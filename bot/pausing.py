"""When the bot stops by itself, and whom it tells.

Of its newest rated replies too few helped: then it is paused until somebody resumes
it, and moderators get one private message. Ratings of before the last resumption do
not count again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from bot.care import Care
from bot.catalogue import Catalogues, shipped
from kb.errors import ForumRejectedError
from kb.metrics import wilson_interval
from kb.store import Message, Rating, Store
from kb.types import Clock, utc_now

log = logging.getLogger(__name__)

# A row of replies that moderators disapproved of is no chance where a bot that is as
# precise as it should be meets one in fewer than so many windows.
ROW_BY_CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class Rated:
    """What people made of one reply.

    Attributes:
        helped: By all marks on it.
        by_staff: A moderator said so.
    """

    helped: bool
    by_staff: bool


def too_bad(rated: Sequence[Rated], *, window: int, precision: float) -> str:
    """Why the bot should stop; empty when it may go on. Pure.

    Args:
        rated: The rated replies that count, newest first.
        window: As many are judged together; with fewer, only a row of moderators'
            words is enough, see `staff_row`.
        precision: The share that should help; above it a reply is worth posting.

    >>> bad, good = Rated(False, False), Rated(True, False)
    >>> too_bad([bad] * 17 + [good] * 3, window=20, precision=0.4)
    'only 3 of the newest 20 rated replies helped'
    >>> too_bad([bad] * 16 + [good] * 4, window=20, precision=0.4)
    ''
    >>> too_bad([Rated(False, True)] * 12, window=20, precision=0.4)
    'moderators disapproved of 12 replies in a row'
    """
    length = staff_row(window, precision)
    row = rated[:length]
    if len(row) == length and all(r.by_staff and not r.helped for r in row):
        return f"moderators disapproved of {length} replies in a row"
    newest = rated[:window]
    if len(newest) < window:
        return ""
    helped = sum(each.helped for each in newest)
    if wilson_interval(helped, window)[1] >= precision:
        return ""
    return f"only {helped} of the newest {window} rated replies helped"


@cache
def staff_row(window: int, precision: float) -> int:
    """How many disapprovals of moderators in a row are no chance any more: where they
    rate every reply, even half of all that are wrong come five at a time, often.

    Returns:
        The least length that is met within *window* ratings with a probability below
        `ROW_BY_CHANCE`, of replies that help with *precision*; else the window.

    >>> [staff_row(20, precision) for precision in (0.3, 0.4, 0.5, 0.7, 0.9)]
    [16, 12, 10, 6, 4]
    """
    for length in range(1, window):
        if row_probability(length, window, 1 - precision) < ROW_BY_CHANCE:
            return length
    return window


def row_probability(length: int, tries: int, chance: float) -> float:
    """The probability that an event of *chance* happens *length* times in a row at
    least once in so many independent tries.

    >>> row_probability(2, 2, 0.5), row_probability(2, 3, 0.5)
    (0.25, 0.375)
    """
    # By how many times in a row it has just happened, of all that had no such row.
    states = [1.0] + [0.0] * (length - 1)
    for _ in range(tries):
        ended = (1 - chance) * sum(states)
        states = [ended, *(chance * each for each in states[:-1])]
    return 1 - sum(states)


class Breaker:
    """Pauses the bot of one forum when too few replies help.

    Args:
        name: The forum's source in the config.
        recipients: Groups or members who are told.
        language: In which they are told.
        window, precision: See `too_bad`.
    """

    def __init__(
        self,
        name: str,
        *,
        care: Care,
        store: Store,
        recipients: Sequence[str],
        language: str,
        window: int,
        precision: float,
        clock: Clock = utc_now,
        catalogues: Catalogues | None = None,
    ) -> None:
        self._name = name
        self._care = care
        self._store = store
        self._recipients = tuple(recipients)
        self._words = (catalogues or shipped()).of(language)
        self._window = window
        self._precision = precision
        self._clock = clock

    def run(self) -> bool:
        """Pause if that is due, and tell the moderators what was not told yet.

        Returns:
            True if the bot was paused now.

        Raises:
            ForumError: They cannot be told now; the pause holds, and with the next
                run it is told.
        """
        paused = self._pause()
        for message in self._store.messages.in_state(
            self._name, "claimed", purpose="notice"
        ):
            self._tell(message)
        return paused

    def _pause(self) -> bool:
        with self._store.transaction():
            if self._store.pauses.get(self._name) is not None:
                return False
            reason = too_bad(
                self._rated(), window=self._window, precision=self._precision
            )
            if not reason:
                return False
            now = self._clock()
            self._store.pauses.start(self._name, reason, "precision", at=now)
            key = f"pause:{now.isoformat()}"
            if self._recipients:
                self._store.messages.claim(
                    self._name, "notice", key, self._body(key), at=now
                )
        log.warning("paused: %s; baraza resume goes on", reason)
        return True

    def _rated(self) -> list[Rated]:
        since = self._store.pauses.ended_at(self._name)
        ratings = self._store.feedback.ratings(self._name, limit=self._window)
        return [self._judged(each) for each in ratings if _counts(each, since)]

    def _judged(self, rating: Rating) -> Rated:
        marks = self._store.feedback.of(self._name, rating.topic_id)
        return Rated(rating.value > 0, any(mark.staff for mark in marks))

    def _body(self, key: str) -> str:
        words = self._words
        # Translators: tells moderators that the bot has stopped by itself.
        why = words.gettext(
            "Too few of my newest answers helped, so I have stopped answering."
        )
        # Translators: tells moderators how the bot starts again; {command} stays as it
        # is.
        how = words.gettext(
            "Write {command} to me in a private message, and I go on.",
            command="`resume, please`",
        )
        return f"{words.line_start}{why}\n\n{words.line_start}{how}\n\n{_marker(key)}"

    def _tell(self, message: Message) -> None:
        # Translators: title of a private message to moderators.
        title = self._words.gettext("I have stopped answering questions")
        mark = _marker(message.key)
        written = self._care.find_sent(title, mark)
        try:
            written = written or self._care.write_to(
                self._recipients, title, message.body, mark
            )
        except ForumRejectedError as exc:
            log.warning("moderators cannot be told of the pause (%d)", exc.status)
            with self._store.transaction():
                self._store.messages.settle(message, "failed")
            return
        with self._store.transaction():
            self._store.messages.settle(
                message, "sent", topic_id=written.topic_id, post_id=written.post_id
            )


def _counts(rating: Rating, since: datetime | None) -> bool:
    return since is None or rating.at > since


def _marker(key: str) -> str:
    return f"<!-- baraza:notice={key} -->"
