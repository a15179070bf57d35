"""Sends the report to the moderators, or into a topic: once per period.

All its parts are claimed before the first one is sent, so that whatever comes between,
the rest is of the same report. As with drafts (`bot.drafts`), what a crash or a lost
answer left claimed is looked for on the forum, by its invisible marker, before it is
sent again. Texts are kept no longer than that: they name people.

Whoever calls holds the data folder (`bot.lock`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol, Self

from bot.posts import Place, Posted
from bot.report import model
from bot.report.markdown import MAX_CHARS, MAX_PARTS, period_of, render_markdown
from kb.errors import (
    ConfigError,
    ForumError,
    ForumReadOnlyError,
    ForumRejectedError,
    RateLimitedError,
)
from kb.store import Message, Store
from kb.types import Clock, TopicId, utc_now

log = logging.getLogger(__name__)

# A report that could not be sent for so long is no news any more.
HOLDS = timedelta(days=2)

_PURPOSE: Final = "report"
_MESSAGE, _TOPIC = "message", "topic:"


class Outbox(Protocol):
    """What sending a report needs of a forum; raises as `bot.care.Care`."""

    def write_to(
        self, recipients: Sequence[str], title: str, markdown: str, marker: str
    ) -> Place:
        """See `Care.write_to`; `find_sent` finds it again."""

    def find_sent(self, title: str, marker: str) -> Place | None:
        """See `Care.find_sent`."""

    def answer_message(self, topic_id: TopicId, markdown: str, marker: str) -> Place:
        """See `Care.answer_message`; `find_answer` finds it again."""

    def find_answer(self, topic_id: TopicId, marker: str) -> Place | None:
        """See `Care.find_answer`."""

    def add_to_topic(self, topic_id: TopicId, markdown: str, marker: str) -> Posted:
        """Post at the end of a topic; *markdown* holds *marker*."""

    def find_in_topic(self, topic_id: TopicId, marker: str) -> Posted | None:
        """What we posted in a topic, or what waits for a moderator, by its marker."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a report.

    Attributes:
        topic_id: Of the message or topic that it stands in; ``None``: nowhere yet.
        parts: How many it has; of a second delivery, those of the first.
        sent: How many of them were sent now, or found after their answer got lost.
        waiting: How many are still to be sent: the bot is paused.
    """

    topic_id: TopicId | None
    parts: int
    sent: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Errand:
    """What is delivered where; its key is that of all parts among messages.

    Attributes:
        topic: ``None``: a private message to the moderators.
    """

    since: datetime
    until: datetime
    topic: TopicId | None

    @property
    def key(self) -> str:
        """In UTC, as the same period may be told in two zones."""
        since, until = (at.astimezone(UTC) for at in (self.since, self.until))
        where = _MESSAGE if self.topic is None else f"{_TOPIC}{self.topic}"
        return f"{since.isoformat()}/{until.isoformat()}/{where}"

    @classmethod
    def of(cls, part: str) -> Self:
        """By the key of one of its parts."""
        since, until, where = part.rpartition(".")[0].split("/")
        topic = None if where == _MESSAGE else TopicId(int(where.removeprefix(_TOPIC)))
        return cls(datetime.fromisoformat(since), datetime.fromisoformat(until), topic)

    @property
    def title(self) -> str:
        """Of its message, by which it is found again."""
        return f"Baraza: report of {period_of(self.since, self.until)}"


class Courier:
    """Delivers the reports of one forum.

    Args:
        name: The forum's source in the config.
        recipients: Groups or members who get the private message.
        max_chars, max_parts: See `bot.report.markdown.render_markdown`.
    """

    def __init__(
        self,
        name: str,
        *,
        outbox: Outbox,
        store: Store,
        recipients: Sequence[str],
        clock: Clock = utc_now,
        max_chars: int = MAX_CHARS,
        max_parts: int = MAX_PARTS,
    ) -> None:
        self._name = name
        self._outbox = outbox
        self._store = store
        self._recipients = tuple(recipients)
        self._clock = clock
        self._max_chars = max_chars
        self._max_parts = max_parts

    def deliver(
        self, report: model.Report, *, topic: TopicId | None = None, whole: str = ""
    ) -> Delivered:
        """Send a report, unless that of the same period was sent there before.

        One of which something is still to be sent is gone on with, as it was then.

        Args:
            topic: In which it is posted; without one, it is a private message.
            whole: Address of the page that holds everything.

        Raises:
            ConfigError: It may not go there; nothing was sent.
            ForumError: It cannot be sent now; with `finish` it is gone on with.
        """
        self._check(report, topic)
        errand = _Errand(report.since, report.until, topic)
        is_new = self._claim(report, errand, whole)
        parts = self._parts(errand)
        if self._must_wait(errand):
            log.info("the report waits: the bot is paused")
            return self._told(errand, 0)
        return self._told(errand, self._send(errand, parts, again=not is_new))

    def queue(
        self, report: model.Report, *, topic: TopicId | None = None, whole: str = ""
    ) -> bool:
        """Note all that is to be sent, and leave it to `finish`: for who makes a report
        beside whoever writes to the forum.

        Args:
            topic, whole: As for `deliver`.

        Returns:
            False where that of the same period was noted before.

        Raises:
            ConfigError: It may not go there.
        """
        self._check(report, topic)
        return self._claim(report, _Errand(report.since, report.until, topic), whole)

    def finish(self) -> int:
        """Send what was queued, and what a crash, a lost answer, a tired forum or a
        pause left unsent.

        Returns:
            How many parts.

        Raises:
            ConfigError: The forum refuses a report; others were sent.
            ForumError: The forum takes nothing now.
        """
        sent = 0
        mistake: ConfigError | None = None
        for errand in dict.fromkeys(_Errand.of(each.key) for each in self._claimed()):
            parts = self._parts(errand)
            if self._is_too_late(parts):
                log.warning("the report of %s was never sent whole", errand.key)
                self._end(parts, "closed")
                continue
            if self._must_wait(errand):
                continue
            try:
                sent += self._send(errand, parts, again=True)
            except (RateLimitedError, ForumReadOnlyError):
                raise
            except ForumError as exc:
                log.warning("the report of %s is sent later: %s", errand.key, exc)
            except ConfigError as exc:
                mistake = exc
        if mistake is not None:
            raise mistake
        return sent

    # -- the ledger --------------------------------------------------------

    def _check(self, report: model.Report, topic: TopicId | None) -> None:
        if topic is not None and report.private:
            raise ConfigError(
                "report.private",
                "expected false for a report that is sent to a topic, as others may "
                "read there",
            )
        if topic is None and not self._recipients:
            raise ConfigError(
                "bot.moderators", "expected groups or members who get the report"
            )

    def _claim(self, report: model.Report, errand: _Errand, whole: str) -> bool:
        """Be the one who sends it; False when it was sent before, or is being sent.

        What failed from the first part on may be claimed again.
        """
        texts = render_markdown(
            report, max_chars=self._max_chars, max_parts=self._max_parts, whole=whole
        )
        now = self._clock()
        with self._store.transaction():
            for number, text in enumerate(texts, start=1):
                key = f"{errand.key}.{number}"
                is_mine = self._store.messages.claim(
                    self._name, _PURPOSE, key, f"{text}\n\n{_marker(key)}", at=now
                )
                if number == 1 and not is_mine:
                    return False
        return True

    def _claimed(self) -> list[Message]:
        return self._store.messages.in_state(self._name, "claimed", purpose=_PURPOSE)

    def _parts(self, errand: _Errand) -> list[Message]:
        found = self._store.messages.about(self._name, _PURPOSE, errand.key)
        return [each for each in found if each.state != "failed"]

    def _is_too_late(self, parts: Sequence[Message]) -> bool:
        return any(self._clock() - each.at > HOLDS for each in parts)

    def _must_wait(self, errand: _Errand) -> bool:
        """A paused bot says nothing where others read; moderators want to know more
        than ever."""
        is_paused = self._store.pauses.get(self._name) is not None
        return is_paused and errand.topic is not None

    def _told(self, errand: _Errand, sent: int) -> Delivered:
        parts = self._parts(errand)
        where = errand.topic if errand.topic is not None else _place_of(parts)
        waiting = sum(each.state == "claimed" for each in parts)
        stands = any(each.state == "sent" for each in parts)
        return Delivered(where if stands else None, len(parts), sent, waiting)

    # -- the forum ---------------------------------------------------------

    def _send(self, errand: _Errand, parts: Sequence[Message], *, again: bool) -> int:
        """Send in order what is still claimed.

        Args:
            again: It may be there already.
        """
        sent = 0
        where = errand.topic if errand.topic is not None else _place_of(parts)
        for part in parts:
            if part.state != "claimed":
                continue
            try:
                posted = self._post(errand, part, where, again=again)
            except ForumRejectedError as exc:
                if part == parts[0]:
                    self._end(parts, "failed")
                    raise self._mistake(errand, exc) from exc
                log.warning("%s is refused, others are sent: %s", part.key, exc)
                self._end([part], "failed")
                continue
            self._keep(part, posted.place)
            if where is None and posted.place is not None:
                where = posted.place.topic_id
            sent += 1
        return sent

    def _post(
        self, errand: _Errand, part: Message, where: TopicId | None, *, again: bool
    ) -> Posted:
        mark, box = _marker(part.key), self._outbox
        if errand.topic is not None:
            posted = box.find_in_topic(errand.topic, mark) if again else None
            return posted or box.add_to_topic(errand.topic, part.body, mark)
        if where is None:
            place = box.find_sent(errand.title, mark) if again else None
            place = place or box.write_to(
                self._recipients, errand.title, part.body, mark
            )
        else:
            place = box.find_answer(where, mark) if again else None
            place = place or box.answer_message(where, part.body, mark)
        return Posted(place)

    def _keep(self, part: Message, place: Place | None) -> None:
        with self._store.transaction():
            self._store.messages.settle(
                part,
                "sent",
                topic_id=place.topic_id if place else None,
                post_id=place.post_id if place else None,
            )
            self._store.messages.forget_text(part)
        log.info("sent %s post=%s", part.key, place and place.post_id)

    def _end(
        self, parts: Sequence[Message], state: Literal["closed", "failed"]
    ) -> None:
        with self._store.transaction():
            for part in parts:
                if part.state == "claimed":
                    self._store.messages.settle(part, state)
                    self._store.messages.forget_text(part)

    def _mistake(self, errand: _Errand, exc: ForumRejectedError) -> ConfigError:
        told = f"({exc.status} {exc.problem})"
        if errand.topic is None:
            return ConfigError(
                "bot.moderators",
                f"expected groups or members whom the bot may send a report {told}",
            )
        return ConfigError(
            "report.topic", f"expected a topic that takes a report from the bot {told}"
        )


def _place_of(parts: Sequence[Message]) -> TopicId | None:
    return next((each.topic_id for each in parts if each.topic_id is not None), None)


def _marker(key: str) -> str:
    return f"<!-- baraza:report={key} -->"
