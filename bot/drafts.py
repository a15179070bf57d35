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
from datetime import timedelta

from bot.deciding import Considered, Decider
from bot.draft_text import (
    TITLE,
    draft_key,
    draft_marker,
    draft_text,
    topic_of_key,
)
from bot.forum import Forum, Place
from bot.policy import PolicySettings
from bot.posting import Poster
from bot.quotas import sent_so_far, used_up
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

_APPROVED = "a moderator approved it"


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
            against = self._against(decision)
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
        if message is not None:
            self._show(message)
        return decision

    def _against(self, decision: Decision) -> tuple[str, ...]:
        if self._store.pauses.get(self._name) is not None:
            return ("the bot is paused",)
        now = self._clock()
        author = decision.author_id
        return used_up(
            sent_so_far(self._store, self._name, now, author_id=author), self._settings
        )

    def _claim(self, decision: Decision, url: str) -> Message | None:
        messages = self._store.messages
        earlier = messages.about(self._name, "draft", str(decision.topic_id))
        key = draft_key(decision.topic_id, len(earlier) + 1)
        expires = decision.decided_at + self._expires_after
        body = draft_text(decision, key, url=url, expires=expires)
        messages.claim(self._name, "draft", key, body, at=self._clock())
        return messages.get(self._name, "draft", key)

    def settle(self) -> int:
        """Show the drafts that a crash or a lost answer left unshown, each once.

        Returns:
            How many.
        """
        shown = 0
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
            shown += 1
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
        self._keep(message, self._post(message))

    def _post(self, message: Message) -> Place:
        marker = draft_marker(message.key)
        for topic_id in self._private_messages():
            try:
                return self._forum.add_to_message(topic_id, message.body, marker)
            except ForumRejectedError as exc:
                log.info("message=%d takes no drafts any more: %s", topic_id, exc)
        try:
            return self._forum.message(TITLE, message.body, marker, self._moderators)
        except ForumRejectedError as exc:
            raise ConfigError(
                "bot.moderators",
                "expected groups or members whom the bot may write to "
                f"({exc.status} {exc.problem})",
            ) from exc

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
        for decision in self._store.ledger.in_state(self._name, "drafted"):
            try:
                found = self._collected(decision)
            except ForumError as exc:
                log.warning("topic=%d its draft stays open: %s", decision.topic_id, exc)
                if isinstance(exc, RateLimitedError):
                    break
                continue
            if found is not None:
                done.append(found)
        return tuple(done)

    def _collected(self, decision: Decision) -> Decision | None:
        if abs(self._clock() - decision.decided_at) > self._expires_after:
            # Also when the clock went back by so much: nobody waits for it to return.
            return self._end(decision, "expired", "no moderator approved it in time")
        message = self._message(decision.topic_id)
        if message is None or message.post_id is None:
            return None
        votes = self._forum.votes(message.post_id)
        if votes is None or votes.against:
            return self._end(decision, "rejected", "a moderator rejected it")
        if not votes.likes or self._store.pauses.get(self._name) is not None:
            return None
        return self.approve(decision.topic_id)

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
        try:
            now = self._decider.consider(topic_id, counted=False)
        except ForumRejectedError as exc:
            return self._silence(draft, f"its topic cannot be read: {exc.status}")
        decision = now.decision
        if decision.body is None:
            return self._silence(draft, *decision.reasons)
        if decision.mode not in ("draft", "public"):
            return self._silence(draft, f"the mode is {decision.mode} now")
        if not _urls(decision) <= _urls(draft):
            return self._silence(draft, "it would lead elsewhere than what was shown")
        approved = replace(
            decision, mode="draft", reasons=(*decision.reasons, _APPROVED)
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
        why = (
            f"a moderator rejected it: {reason}"
            if reason
            else ("a moderator rejected it")
        )
        return self._end(self._draft(topic_id), "rejected", why)

    def _draft(self, topic_id: TopicId) -> Decision:
        decision = self._store.ledger.get(self._name, topic_id)
        if decision is None or decision.state != "drafted":
            raise NotFoundError(self._store.path, f"no draft waits for {topic_id}")
        return decision

    def _silence(self, draft: Decision, *reasons: str) -> Decision:
        return self._poster.record(
            replace(
                draft,
                state="decided",
                body=None,
                reasons=(_APPROVED, *(f"but {reason}" for reason in reasons)),
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
        return self._poster.stored(decision.topic_id)


def _urls(decision: Decision) -> set[str]:
    return {str(each["url"]) for each in decision.suggestions}
