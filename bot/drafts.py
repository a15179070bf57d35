"""Mode ``draft``: a reply is shown to the moderators, and posted when they say so.

All drafts of a forum stand in one private message. Each is shown at most once, by the
same steps as a reply: claimed as a message, sent, confirmed; what a crash left claimed
is looked for by its marker. A draft that was approved is decided again before it is
posted: the topic, the quotas of the day it was written and its links may have changed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.absence import Absences
from bot.ballots import Ballots
from bot.deciding import Considered, Decider
from bot.draft_text import (
    TITLE,
    draft_key,
    draft_marker,
    draft_text,
    topic_of_key,
)
from bot.forum import Forum, Place, Votes
from bot.policy import PolicySettings
from bot.posting import Poster
from bot.quotas import against_one_more
from bot.windows import end_of
from kb.errors import (
    ConfigError,
    ForumError,
    ForumRejectedError,
    NotFoundError,
    RateLimitedError,
)
from kb.store import Decision, State, Store
from kb.store.messages import Message
from kb.types import Clock, TopicId

log = logging.getLogger(__name__)

_UNACCEPTABLE = 422

APPROVED = "a moderator approved it"
_REJECTED = "a moderator rejected it"
# From the quiet hours in which a draft would expire until it does.
_MORNING = timedelta(hours=1)


class Drafts:
    """The drafts of one forum; see `bot.responder.Responder`.

    Args:
        moderators: Groups or members who get the private message.
        expires_after: From a draft to the end of its time.
    """

    def __init__(
        self,
        name: str,
        *,
        forum: Forum,
        store: Store,
        decider: Decider,
        poster: Poster,
        settings: PolicySettings,
        moderators: Sequence[str],
        expires_after: timedelta,
        clock: Clock,
    ) -> None:
        self._name = name
        self._forum = forum
        self._store = store
        self._decider = decider
        self._poster = poster
        self._settings = settings
        self._moderators = tuple(moderators)
        self._expires_after = expires_after
        self._clock = clock
        self._posts = Absences(name, "draft", store, clock)
        self._ballots = Ballots(forum, self._posts)
        self._topics = Absences(name, "approved", store, clock)

    # -- showing -----------------------------------------------------------

    def propose(self, considered: Considered) -> Decision:
        """Record a draft and show it.

        Raises:
            ForumError: Whether it was shown is open; `settle` sees to it.
            ConfigError: The moderators cannot be written to.
        """
        decision = replace(considered.decision, state="drafted")
        topic_id = decision.topic_id
        with self._store.transaction():
            against = against_one_more(
                self._store, decision, self._settings, self._clock()
            )
            if against:
                decision = replace(
                    decision, state="decided", reasons=against, body=None
                )
            if not self._store.ledger.record(decision):
                return self._poster.stored(topic_id)
            self._store.messages.close(self._name, "draft", str(topic_id))
            if against:
                return decision
            message = self._claim(decision, considered.topic.url)
        if message is None:
            return decision
        self._show(message)
        stored = self._poster.stored(topic_id)
        return decision if stored.state == "drafted" else stored

    def _claim(self, decision: Decision, url: str) -> Message | None:
        messages = self._store.messages
        earlier = messages.about(self._name, "draft", str(decision.topic_id))
        key = draft_key(decision.topic_id, len(earlier) + 1)
        expires = self._expires(decision)
        body = draft_text(decision, key, url=url, expires=expires)
        messages.claim(self._name, "draft", key, body, at=self._clock())
        return messages.get(self._name, "draft", key)

    def settle(self) -> int:
        """Show the drafts that a crash or a lost answer left unshown, each once.

        Returns:
            How many.

        Raises:
            ConfigError: The moderators cannot be written to.
        """
        shown = 0
        mistake: ConfigError | None = None
        for message in self._store.messages.in_state(
            self._name, "claimed", purpose="draft"
        ):
            if self._store.pauses.get(self._name) is not None:
                break
            if not self._is_open(message):
                continue
            try:
                found = self._find(message)
                self._keep(message, found) if found else self._show(message)
            except ForumError as exc:
                log.warning("draft=%s stays unshown: %s", message.key, exc)
                if isinstance(exc, RateLimitedError):
                    break
                continue
            except ConfigError as exc:
                mistake = exc  # It may be the text of this one alone.
                continue
            shown += 1
        if mistake is not None:
            raise mistake
        return shown

    def _is_open(self, message: Message) -> bool:
        """Whether there still is something to approve; else it is never shown."""
        topic_id = topic_of_key(message.key)
        decision = (
            None if topic_id is None else self._store.ledger.get(self._name, topic_id)
        )
        if decision is not None and decision.state == "drafted":
            return True
        with self._store.transaction():
            self._store.messages.settle(message, "closed")
        return False

    def _find(self, message: Message) -> Place | None:
        marker = draft_marker(message.key)
        latest = self._store.messages.latest(self._name, "draft")
        if latest is not None and latest.topic_id is not None:
            try:
                found = self._forum.find_own_post(latest.topic_id, marker)
            except ForumRejectedError:
                found = None  # That private message is gone; it may be in another.
            if found is not None:
                return found
        return self._forum.find_message(TITLE, marker)

    def _show(self, message: Message) -> None:
        try:
            place = self._post(message)
        except _RefusedError as exc:
            log.warning("draft=%s the forum refuses it: %s", message.key, exc)
            self._refuse(message, f"the forum refused its draft: {exc}")
        else:
            self._keep(message, place)

    def _post(self, message: Message) -> Place:
        marker = draft_marker(message.key)
        for topic_id in self._private_messages():
            try:
                return self._forum.add_to_message(topic_id, message.body, marker)
            except ForumRejectedError as exc:
                if self._takes_posts(topic_id):
                    if exc.status != _UNACCEPTABLE:
                        raise
                    raise _RefusedError(exc.problem) from exc
                log.info("message=%d takes no drafts any more: %s", topic_id, exc)
        try:
            return self._forum.message(TITLE, message.body, marker, self._moderators)
        except ForumRejectedError as exc:
            raise ConfigError(
                "bot.moderators",
                "expected groups or members whom the bot may write to "
                f"({exc.status} {exc.problem})",
            ) from exc

    def _takes_posts(self, topic_id: TopicId) -> bool:
        """Whether a private message is still open to the bot."""
        try:
            topic = self._forum.topic(topic_id)
        except ForumRejectedError:
            return False
        return not (topic.closed or topic.archived or topic.deleted)

    def _refuse(self, message: Message, reason: str) -> None:
        topic_id = topic_of_key(message.key)
        decision = topic_id and self._store.ledger.get(self._name, topic_id)
        latest = decision and self._message(decision.topic_id)
        is_open = decision and decision.state == "drafted"
        if decision and is_open and latest and latest.key == message.key:
            # No moderator has judged it.
            reasons = (*decision.reasons, reason)
            self._poster.record(
                replace(decision, state="decided", body=None, reasons=reasons)
            )
        with self._store.transaction():
            self._store.messages.settle(message, "failed")

    def _private_messages(self) -> list[TopicId]:
        """Where drafts may be added: where the last one is, else as the forum knows."""
        latest = self._store.messages.latest(self._name, "draft")
        if latest is not None and latest.topic_id is not None:
            return [latest.topic_id]
        return self._forum.messages_titled(TITLE)[:1]

    def _keep(self, message: Message, place: Place) -> None:
        with self._store.transaction():
            stored = self._store.messages.get(self._name, "draft", message.key)
            closed = stored is not None and stored.state == "closed"
            self._store.messages.settle(
                message,
                "closed" if closed else "sent",
                topic_id=place.topic_id,
                post_id=place.post_id,
            )

    # -- what moderators say -----------------------------------------------

    def collect(self) -> tuple[Decision, ...]:
        """Read what the moderators made of the open drafts, and act on it."""
        done: list[Decision] = []
        drafted = self._store.ledger.in_state(self._name, "drafted")
        latest = {d.topic_id: self._message(d.topic_id) for d in drafted}
        votes = self._ballots.read(filter(None, latest.values()))
        for decision in drafted:
            message = latest[decision.topic_id]
            try:
                found = self._collected(
                    decision, None if message is None else votes.get(message.key)
                )
            except ForumError as exc:
                log.warning("topic=%d its draft stays open: %s", decision.topic_id, exc)
                if isinstance(exc, RateLimitedError):
                    break
                continue
            if found is not None:
                done.append(found)
        return tuple(done)

    def _collected(self, decision: Decision, votes: Votes | None) -> Decision | None:
        age = abs(self._clock() - decision.decided_at)
        if age > self._expires(decision) - decision.decided_at:
            # Also when the clock went back by so much: nobody waits for it to return.
            return self._end(decision, "expired", "no moderator approved it in time")
        if votes is None:
            return None
        if votes.removed or votes.against:
            return self._end(decision, "rejected", _REJECTED)
        paused = self._store.pauses.get(self._name) is not None
        if not votes.likes or paused or self._settings.is_quiet(self._clock()):
            return None
        return self._approve_for(decision)

    def _approve_for(self, decision: Decision) -> Decision | None:
        key = str(decision.topic_id)
        try:
            found = self.approve(decision.topic_id)
        except ForumRejectedError as exc:
            if not self._topics.is_gone(key, exc):
                raise
            return self._silence(decision, f"its topic cannot be read: {exc.status}")
        self._topics.is_there(key)
        return found

    def _expires(self, decision: Decision) -> datetime:
        """When a draft's time ends: never in the hours when none can be posted."""
        end = decision.decided_at + self._expires_after
        quiet = self._settings.quiet_hours
        if quiet is None or not self._settings.is_quiet(end):
            return end
        return end_of(quiet, end, self._settings.zone) + _MORNING

    def _message(self, topic_id: TopicId) -> Message | None:
        found = self._store.messages.about(self._name, "draft", str(topic_id))
        return found[-1] if found else None

    def approve(self, topic_id: TopicId, *, at_once: bool = True) -> Decision:
        """Post a draft, if it still holds: the topic is read and decided again.

        Args:
            at_once: Else it is claimed, and the next watch posts it.

        Returns:
            What became of it: a silence with its reason, if it does not hold.

        Raises:
            NotFoundError: There is no such draft.
            ForumError: The topic cannot be read, or whether it was posted is open.
        """
        draft = self._draft(topic_id)
        now = self._decider.consider(topic_id, counted=False)
        decision = now.decision
        if decision.body is None:
            return self._silence(draft, *decision.reasons)
        if decision.mode not in ("draft", "public"):
            return self._silence(draft, f"the mode is {decision.mode} now")
        if not _urls(decision) <= _urls(draft):
            return self._silence(draft, "it would lead elsewhere than what was shown")
        approved = replace(
            decision, mode="draft", reasons=(*decision.reasons, APPROVED)
        )
        claimed = self._poster.claim(replace(now, decision=approved), counted=False)
        if claimed.state != "claimed" or not at_once:
            return claimed
        return self._poster.send(claimed)

    def reject(self, topic_id: TopicId, reason: str = "") -> Decision:
        """Never post a draft.

        Raises:
            NotFoundError: There is no such draft.
        """
        why = f"{_REJECTED}: {reason}" if reason else _REJECTED
        return self._end(self._draft(topic_id), "rejected", why)

    def _draft(self, topic_id: TopicId) -> Decision:
        decision = self._store.ledger.get(self._name, topic_id)
        if decision is None or decision.state != "drafted":
            known = "" if decision is None else f": its reply is {decision.state}"
            raise NotFoundError(
                self._store.path, f"no draft waits for {topic_id}{known}"
            )
        return decision

    def _silence(self, draft: Decision, *reasons: str) -> Decision:
        return self._poster.record(
            replace(
                draft,
                state="decided",
                body=None,
                reasons=(APPROVED, *(f"but {reason}" for reason in reasons)),
            )
        )

    def _end(self, decision: Decision, state: State, reason: str) -> Decision:
        with self._store.transaction():
            stored = self._store.ledger.get(self._name, decision.topic_id)
            if stored is not None and stored.state == "drafted":
                self._store.ledger.end(
                    self._name,
                    decision.topic_id,
                    state,
                    at=self._clock(),
                    reason=reason,
                )
                self._store.messages.close(self._name, "draft", str(decision.topic_id))
        self._topics.is_there(str(decision.topic_id))
        for message in self._store.messages.about(
            self._name, "draft", str(decision.topic_id)
        ):
            self._posts.is_there(message.key)
        return self._poster.stored(decision.topic_id)


class _RefusedError(Exception):
    """The forum refuses the text of a draft; its own words."""


def _urls(decision: Decision) -> set[str]:
    return {str(each["url"]) for each in decision.suggestions}
