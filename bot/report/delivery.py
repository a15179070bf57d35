"""Sends the report to the moderators, or into a topic: once per period.

All its parts are claimed before the first one is sent, so that whatever comes between,
the rest is of the same report. As with drafts (`bot.drafts`), what a crash or a lost
answer left claimed is looked for on the forum, by its invisible marker, before it is
sent again. Texts are kept no longer than that: they name people.

A report grows old while it waits: somebody opts out, a topic goes. One of which nothing
was sent is soon given up, and may be made and claimed anew.

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

# What a report says may be said for so long after it was made.
FRESH = timedelta(minutes=10)
# Moderators who have a part get the rest for so long.
HOLDS = timedelta(days=2)

_PURPOSE: Final = "report"
_MESSAGE, _TOPIC = "message", "topic:"
_UNPROCESSABLE = 422


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
        topic_id: Of the message or topic that it stands in; ``None``: nowhere.
        parts: How many it has; of a second delivery, those of the first.
        sent: How many of them were sent now, or found after their answer got lost.
        before: How many were sent before.
        paused: It was not sent: the bot is paused, and others read that topic.
    """

    topic_id: TopicId | None
    parts: int
    sent: int
    before: int = 0
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of reports that were queued, or left unsent.

    Attributes:
        sent: How many parts were sent.
        stale: One waited for so long that it was given up, and is to be made anew.
    """

    sent: int
    stale: bool


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
        self, report: model.Report, *, topic: TopicId | None = None
    ) -> Delivered:
        """Send a report, unless that of the same period was sent there before.

        One of which something is still to be sent is gone on with, as it was then; if
        nothing of it was sent, only while it is fresh.

        Args:
            topic: In which it is posted; without one, it is a private message.

        Raises:
            ConfigError: It may not go there; nothing was sent.
            ForumError: It cannot be sent now; with `finish` it is gone on with.
        """
        self._check(report, topic)
        errand = _Errand(report.since, report.until, topic)
        if self._must_wait(errand):
            return Delivered(None, 0, 0, paused=True)
        is_known = bool(self._rows(errand))
        if self._claim(report, errand):
            return self._told(errand, self._send(errand, again=is_known))
        told = self._go_on(errand)
        sent = told.sent
        if told.stale and self._claim(report, errand):
            sent += self._send(errand, again=True)
        return self._told(errand, sent)

    def queue(self, report: model.Report, *, topic: TopicId | None = None) -> bool:
        """Note all that is to be sent, and leave it to `finish`: for who makes a report
        beside whoever writes to the forum.

        Args:
            topic: As for `deliver`.

        Returns:
            False where that of the same period was noted before, and where the bot is
            paused and others would read it.

        Raises:
            ConfigError: It may not go there.
        """
        self._check(report, topic)
        errand = _Errand(report.since, report.until, topic)
        return not self._must_wait(errand) and self._claim(report, errand)

    def finish(self, *, topic: TopicId | None = None) -> Finished:
        """Send what was queued, and what a crash, a lost answer or a tired forum left
        unsent. Nothing that the forum does is an error here: it is tried again.

        Args:
            topic: Where reports go now, as for `deliver`; those that were to go
                elsewhere are given up.

        Raises:
            StoreError: The ledger cannot be used.
        """
        sent, stale = 0, False
        for errand in dict.fromkeys(_Errand.of(each.key) for each in self._claimed()):
            if errand.topic != topic:
                log.warning("%s is not sent: reports go elsewhere now", errand.key)
                self._give_up(errand)
                continue
            try:
                told = self._go_on(errand)
            except (RateLimitedError, ForumReadOnlyError) as exc:
                log.warning("reports are sent later: %s", exc)
                break
            except (ForumError, ConfigError) as exc:
                log.warning("the report of %s is not sent now: %s", errand.key, exc)
                continue
            sent += told.sent
            stale |= told.stale
        return Finished(sent, stale)

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

    def _claim(self, report: model.Report, errand: _Errand) -> bool:
        """Be the one who sends it; False when it was sent before, or is being sent.

        What failed from the first part on may be claimed again.
        """
        texts = render_markdown(
            report, max_chars=self._max_chars, max_parts=self._max_parts
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

    def _rows(self, errand: _Errand) -> list[Message]:
        return self._store.messages.about(self._name, _PURPOSE, errand.key)

    def _parts(self, errand: _Errand) -> list[Message]:
        return [each for each in self._rows(errand) if each.state != "failed"]

    def _waits_longer(self, errand: _Errand, limit: timedelta) -> bool:
        now = self._clock()
        return any(
            # A clock may have been put back since.
            each.state == "claimed" and abs(now - each.at) > limit
            for each in self._rows(errand)
        )

    def _must_wait(self, errand: _Errand) -> bool:
        """A paused bot says nothing where others read; moderators want to know more
        than ever."""
        is_paused = self._store.pauses.get(self._name) is not None
        return is_paused and errand.topic is not None

    def _give_up(self, errand: _Errand) -> None:
        """It is not sent any more; if nothing of it was, it may be made anew."""
        parts = self._parts(errand)
        self._end(parts, "closed" if _is_begun(parts) else "failed")

    def _told(self, errand: _Errand, sent: int) -> Delivered:
        parts = self._parts(errand)
        where = errand.topic if errand.topic is not None else _place_of(parts)
        stands = sum(each.state == "sent" for each in parts)
        return Delivered(where if stands else None, len(parts), sent, stands - sent)

    # -- the forum ---------------------------------------------------------

    def _go_on(self, errand: _Errand) -> Finished:
        """Send what is claimed of a report, unless it is too late for that.

        Raises:
            ConfigError, ForumError: See `deliver`.
        """
        found = 0
        if self._waits_longer(errand, FRESH) and not _is_begun(self._parts(errand)):
            first = self._parts(errand)[0]
            # Its answer may have got lost.
            posted = self._found(errand, first, None)
            if posted is None:
                log.info("the report of %s has waited too long", errand.key)
                self._give_up(errand)
                return Finished(0, stale=True)
            self._keep(first, posted.place)
            found = 1
        if self._waits_longer(errand, HOLDS if errand.topic is None else FRESH):
            log.warning("the report of %s was never sent whole", errand.key)
            self._give_up(errand)
        if self._must_wait(errand):
            return Finished(found, stale=False)
        return Finished(found + self._send(errand, again=True), stale=False)

    def _send(self, errand: _Errand, *, again: bool) -> int:
        """Send in order what is still claimed.

        Args:
            again: It may be there already.
        """
        sent = 0
        parts = self._parts(errand)
        where = errand.topic if errand.topic is not None else _place_of(parts)
        for part in parts:
            if part.state != "claimed":
                continue
            # Who may not look knows nothing, and leaves it claimed.
            posted = self._found(errand, part, where) if again else None
            try:
                posted = posted or self._post(errand, part, where)
            except ForumRejectedError as exc:
                if part == parts[0]:
                    self._end(parts, "failed")
                    raise self._mistake(errand, exc) from exc
                log.warning(
                    "%s is refused, others are sent: %s%s",
                    part.key,
                    exc,
                    _way_out(errand, exc),
                )
                self._end([part], "failed")
                continue
            self._keep(part, posted.place)
            if where is None and posted.place is not None:
                where = posted.place.topic_id
            sent += 1
        return sent

    def _found(
        self, errand: _Errand, part: Message, where: TopicId | None
    ) -> Posted | None:
        """What the forum has of a part."""
        mark, box = _marker(part.key), self._outbox
        if errand.topic is not None:
            return box.find_in_topic(errand.topic, mark)
        if where is None:
            place = box.find_sent(errand.title, mark)
        else:
            place = box.find_answer(where, mark)
        return None if place is None else Posted(place)

    def _post(self, errand: _Errand, part: Message, where: TopicId | None) -> Posted:
        mark, box = _marker(part.key), self._outbox
        if errand.topic is not None:
            return box.add_to_topic(errand.topic, part.body, mark)
        if where is None:
            return Posted(box.write_to(self._recipients, errand.title, part.body, mark))
        return Posted(box.answer_message(where, part.body, mark))

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
            "report.topic",
            f"expected a topic that takes a report from the bot {told}"
            f"{_way_out(errand, exc)}",
        )


def _way_out(errand: _Errand, exc: ForumRejectedError) -> str:
    """What may be wrong, and how that is mended; the forum's own words are in any
    language."""
    if errand.topic is None or exc.status != _UNPROCESSABLE:
        return ""
    return (
        "; a forum takes no more than max_consecutive_replies posts in a row from an "
        "account in a topic of somebody else: make the bot's account the owner of it"
    )


def _is_begun(parts: Sequence[Message]) -> bool:
    return any(each.state == "sent" for each in parts)


def _place_of(parts: Sequence[Message]) -> TopicId | None:
    return next((each.topic_id for each in parts if each.topic_id is not None), None)


def _marker(key: str) -> str:
    return f"<!-- baraza:report={key} -->"
