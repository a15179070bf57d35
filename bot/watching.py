"""The watch over many topics: what is new waits until it is due, and is decided once.

A new topic is noted in the ledger, together with how far the list was read, before
anything else happens to it: so nothing that a crash, a failure or a night without
network interrupts is ever passed over, and no topic is looked at twice for nothing.
What the list itself passes over (it moves while it is read; a topic may be recovered,
or made public, later) is noted once it was harvested.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.absence import Absences
from bot.config import Mode
from bot.forum import Forum, Listed
from bot.policy import PolicySettings
from bot.quotas import sent_so_far, used_up
from bot.settling import fingerprint_of_document, is_material
from kb.errors import (
    ConfigError,
    EmbeddingError,
    ForumRejectedError,
    ForumUnavailableError,
    KBError,
    RateLimitedError,
    SearchIndexError,
    StoreError,
)
from kb.store import Decision, Store
from kb.types import Clock, TopicId

log = logging.getLogger(__name__)

# A topic that fails this often is left to people.
MAX_TRIES = 5
_BATCH = 1_000
# So many topics are read in one watch; the others stay due. At the usual half request a
# second that is some two minutes, in which nobody else waits.
MAX_READ = 40
_BEGUN_WITHIN = timedelta(hours=1)
# Clocks differ by less.
_CLOCKS_DIFFER = timedelta(hours=1)
# Beside people's time and the settling of edits nothing makes a topic wait longer
# than the quiet hours of one day.
_LONGEST_WAIT = timedelta(days=1)


class Respond(Protocol):
    """Decides about a topic, records it, and acts on it; see `Responder.respond`."""

    def __call__(self, topic_id: TopicId, *, patiently: bool) -> Decision: ...


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What one look at the forum led to.

    Attributes:
        decisions: On topics that were due, in their order; those that wait on are not
            among them.
        failed: ``(topic, reason)`` of those that will be tried again.
        given_up: Topics that failed too often.
        reconciled: Claims of a crash, and queued replies, that were settled.
        drafts: Drafts that were posted, rejected or expired.
        noted: New topics.
    """

    decisions: tuple[Decision, ...] = ()
    failed: tuple[tuple[TopicId, str], ...] = ()
    given_up: tuple[TopicId, ...] = ()
    reconciled: tuple[Decision, ...] = ()
    drafts: tuple[Decision, ...] = ()
    noted: int = 0

    @property
    def answered(self) -> int:
        return sum(
            each.state in ("posted", "queued")
            for each in (*self.decisions, *self.drafts)
        )


@dataclass(slots=True)
class _Progress:
    decisions: list[Decision] = field(default_factory=list)
    failed: list[tuple[TopicId, str]] = field(default_factory=list)
    given_up: list[TopicId] = field(default_factory=list)
    limited: bool = False
    read: int = 0


class Watch:
    """Looks at one forum; see `bot.responder.Responder`.

    Args:
        respond: See `Respond`.
        record: Keeps a silence; see `bot.posting.Poster.record`.
    """

    def __init__(
        self,
        name: str,
        *,
        forum: Forum,
        store: Store,
        respond: Respond,
        record: Callable[[Decision], Decision],
        settings: PolicySettings,
        mode: Mode,
        clock: Clock,
    ) -> None:
        self._name = name
        self._forum = forum
        self._store = store
        self._respond = respond
        self._record = record
        self._settings = settings
        self._mode = mode
        self._clock = clock
        self._absences = Absences(name, "topic", store, clock)

    def note_new(self) -> int:
        """Note the topics that are new, with the time when each is due.

        The first watch of a forum only notes which topic is the newest, so that no
        backlog is ever answered.

        Returns:
            How many were noted.

        Raises:
            ForumError: The list of topics cannot be read.
        """
        ledger, now = self._store.ledger, self._clock()
        mark = ledger.watermark(self._name)
        if mark is None:
            newest = self._forum.newest_topic() or TopicId(0)
            with self._store.transaction():
                ledger.set_watermark(self._name, newest, at=now)
            return 0
        listed = self._forum.new_topics(mark)
        passed = self._passed_over(now)
        gone = self._store.members.forgotten(self._name)
        noted = 0
        with self._store.transaction():
            self._store.watched.reopen(self._name, now + _CLOCKS_DIFFER, due_at=now)
            for topic in (*listed, *passed):
                if topic.author_id is not None and gone.covers(None, topic.author_id):
                    # Nothing of theirs is held; that there is a topic tells nothing.
                    topic = replace(topic, title="", author_id=None)
                # A person may have asked for it to be decided already.
                if ledger.get(self._name, topic.id) is None:
                    ledger.record(self._waiting(topic, now))
                    noted += 1
            if listed:
                ledger.set_watermark(self._name, listed[-1].id, at=now)
        return noted

    def _passed_over(self, now: datetime) -> list[Listed]:
        """Topics that were harvested, and that no list brought."""
        began = self._store.ledger.began(self._name)
        since = now - self._settings.max_topic_age
        found = self._store.watched.unnoted(
            self._name, since if began is None else max(since, began)
        )
        return [
            Listed(each.topic_id, each.title, each.created_at, each.author_id)
            for each in found
        ]

    def _waiting(self, topic: Listed, now: datetime) -> Decision:
        # What else it waits for is known when it is read; it is due not before this.
        least = self._settings.grace
        return Decision(
            forum=self._name,
            topic_id=topic.id,
            title=topic.title,
            mode=self._mode,
            state="waiting",
            reasons=("people come first",) if least else ("it is new",),
            decided_at=now,
            author_id=topic.author_id,
            due_at=(topic.created_at or now) + least,
        )

    def decide_due(self, stopped: Callable[[], bool]) -> _Progress:
        """Decide about the topics that are due, those that waited longest first.

        One that fails stays due and is tried again with every watch, up to `MAX_TRIES`
        times; the others go on.

        Raises:
            SearchIndexError, EmbeddingError, StoreError, ConfigError: Nothing can be
                decided at all.
        """
        progress = _Progress()
        if self._rests():
            return progress
        for waiting in self._due():
            if progress.limited or progress.read >= MAX_READ or stopped():
                break
            self._look_at(waiting, progress)
        return progress

    def _rests(self) -> bool:
        """Whether nothing is decided now: what falls due waits, and costs nothing."""
        if self._settings.is_quiet(self._clock()):
            return True
        # Where nothing is ever posted a pause changes nothing.
        return self._forum.writes and self._store.pauses.get(self._name) is not None

    def _due(self) -> Iterator[Decision]:
        """Each topic that is due, once: those of members who wait for few come first,
        so that nobody waits behind a storm."""
        seen: set[TopicId] = set()
        while True:
            now = self._clock()
            longest = self._settings.grace + self._settings.settle + _LONGEST_WAIT
            found = self._store.ledger.due(
                self._name, now, beyond=now + longest, limit=_BATCH + len(seen)
            )
            fresh = [each for each in found if each.topic_id not in seen]
            if not fresh:
                return
            seen.update(each.topic_id for each in fresh)
            crowd = Counter(each.author_id for each in fresh)
            yield from sorted(fresh, key=lambda each: crowd[each.author_id])

    def _look_at(self, waiting: Decision, progress: _Progress) -> None:
        topic_id = waiting.topic_id
        against = self._unread_objections(waiting)
        if against:
            # Not even read: a storm of topics must not become one of requests.
            progress.decisions.append(self._silence(waiting, *against))
            return
        progress.read += 1
        try:
            decision = self._respond(topic_id, patiently=True)
        except (StoreError, SearchIndexError, EmbeddingError, ConfigError):
            raise  # It would be the same with every topic.
        except ForumRejectedError as exc:
            if not self._absences.is_gone(str(topic_id), exc):
                log.warning("topic=%d cannot be read: %s", topic_id, exc)
                self._note_failure(waiting, exc, progress)
                return
            decision = self._silence(waiting, f"unreadable: {exc}")
        except RateLimitedError as exc:
            log.warning("topic=%d later: %s", topic_id, exc)
            progress.failed.append((topic_id, _named(exc)))
            progress.limited = True
            return
        except Exception as exc:
            # Anything: one topic, or a mistake of ours, must not stop the others.
            ours = not isinstance(exc, KBError)
            log.warning("topic=%d failed: %s", topic_id, exc, exc_info=ours)
            self._note_failure(waiting, exc, progress)
            return
        self._absences.is_there(str(topic_id))
        self._forget_failures(topic_id)
        if decision.state != "waiting":
            progress.decisions.append(decision)

    def _unread_objections(self, waiting: Decision) -> tuple[str, ...]:
        """What speaks against an answer whatever the topic may hold."""
        now, author_id = self._clock(), waiting.author_id
        if author_id is not None:
            since = now - _BEGUN_WITHIN
            begun = self._store.watched.begun_by(self._name, author_id, since)
            if begun > self._settings.max_topics_per_author:
                return (f"its author began {begun} topics within the hour",)
        sent = sent_so_far(self._store, self._name, now, author_id=author_id)
        return used_up(sent, self._settings)

    def _silence(self, waiting: Decision, *reasons: str) -> Decision:
        return self._record(
            replace(
                waiting,
                state="decided",
                reasons=reasons,
                body=None,
                decided_at=self._clock(),
                updated_at=None,
                due_at=None,
            )
        )

    def _note_failure(
        self, waiting: Decision, exc: Exception, progress: _Progress
    ) -> None:
        topic_id, reason = waiting.topic_id, _named(exc)
        stored = self._store.ledger.get(self._name, topic_id)
        if stored is not None and stored.state != "waiting":
            # It was claimed, or drafted, before it failed: that is seen to later.
            progress.failed.append((topic_id, reason))
            return
        with self._store.transaction():
            self._store.progress.set_aside(
                self._notes, str(topic_id), reason, at=self._clock()
            )
        if not self._is_hopeless(waiting, exc):
            progress.failed.append((topic_id, reason))
            return
        given_up = f"given up after {self._tries(topic_id)} tries: {reason}"
        self._silence(waiting, given_up)
        self._forget_failures(topic_id)
        self._absences.is_there(str(topic_id))
        progress.given_up.append(topic_id)

    def _is_hopeless(self, waiting: Decision, exc: Exception) -> bool:
        if isinstance(exc, ForumUnavailableError):
            # The forum's trouble and not the topic's: as long as it is young enough.
            age = abs(self._clock() - waiting.decided_at)
            return age > self._settings.max_topic_age
        return self._tries(waiting.topic_id) >= MAX_TRIES

    def _tries(self, topic_id: TopicId) -> int:
        return self._store.progress.times(self._notes, str(topic_id))

    def _forget_failures(self, topic_id: TopicId) -> None:
        if self._tries(topic_id):
            with self._store.transaction():
                self._store.progress.take_back(self._notes, str(topic_id))

    @property
    def _notes(self) -> str:
        return f"watch:{self._name}"

    # -- edits -------------------------------------------------------------

    def decide_edited(self, stopped: Callable[[], bool]) -> _Progress:
        """Decide again about questions that were rewritten since: the silent and the
        drafted ones. Told by what was harvested, without a request."""
        progress = _Progress()
        if self._rests():
            return progress
        for decision in self._undecided_for_good():
            if progress.limited or progress.read >= MAX_READ or stopped():
                break
            if not self._is_rewritten(decision) or self._unread_objections(decision):
                continue
            self._look_at(decision, progress)
            if self._absences.is_doubtful(str(decision.topic_id)):
                continue  # The next watch knows.
            if self._is_rewritten(self._stored(decision)):
                # The forum is ahead of what was harvested: that must be read.
                with self._store.transaction():
                    self._store.looks.add(
                        self._name,
                        [str(decision.topic_id)],
                        "edited since it was read",
                        self._clock(),
                    )
        return progress

    def _undecided_for_good(self) -> Sequence[Decision]:
        ledger = self._store.ledger
        since = self._clock() - self._settings.max_topic_age
        silent = [d for d in ledger.silences(self._name, since) if d.is_silent]
        return silent + ledger.in_state(self._name, "drafted")

    def _is_rewritten(self, decision: Decision) -> bool:
        key = str(decision.topic_id)
        if not decision.fingerprint or self._store.looks.has(self._name, key):
            return False
        found = self._store.documents.find(self._name, key)
        document = None if found is None else self._store.documents.load(found.id)
        return document is not None and is_material(
            decision.fingerprint, fingerprint_of_document(document)
        )

    def _stored(self, decision: Decision) -> Decision:
        stored = self._store.ledger.get(self._name, decision.topic_id)
        return decision if stored is None else stored


def _named(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"
