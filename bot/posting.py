"""Claim → post → confirm: a topic gets one reply of ours at most, ever.

Before a reply is sent its topic is claimed in the ledger, in a transaction; after it
the claim is settled. A claim that was never settled is what a crash or a lost answer
left: the topic is read, and only when no reply of ours is anywhere is the same text
sent again (within two minutes the forum itself recognises it).
"""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.absence import Absences
from bot.amending import links_left
from bot.config import WRITING, Mode
from bot.deciding import Considered, ModeFor, Unwanted
from bot.forum import Forum, Reply, Standing
from bot.policy import PolicySettings, objections, waiting_for
from bot.quotas import against_one_more, replies_sent, used_up
from bot.rechecking import LinkCheck
from bot.settling import fingerprint, is_material
from bot.topic import TopicView, marker
from bot.verdicts import against_answering
from kb.errors import (
    ConfigError,
    ForumError,
    ForumRejectedError,
    RateLimitedError,
    StoreError,
)
from kb.store import Decision, State, Store
from kb.types import Clock, TopicId

log = logging.getLogger(__name__)

_ALREADY_THERE = "the reply was already there"


class Poster:
    """Posts what was decided.

    Args:
        name: The forum's source in the config; the ledger's key.
        mode_for: What holds now, where a claim is from before.
    """

    def __init__(
        self,
        name: str,
        *,
        forum: Forum,
        store: Store,
        links: LinkCheck,
        settings: PolicySettings,
        mode_for: ModeFor,
        clock: Clock,
        unwanted: Unwanted,
    ) -> None:
        self._unwanted = unwanted
        self._name = name
        self._forum = forum
        self._store = store
        self._links = links
        self._settings = settings
        self._mode_for = mode_for
        self._clock = clock
        self._absences = Absences(name, "claim", store, clock)

    # -- a new reply -------------------------------------------------------

    def post(self, considered: Considered) -> Decision:
        """Claim the topic and post the reply.

        Returns:
            What the ledger holds then: of somebody else, who was first, or a silence
            where a quota or a pause came first.

        Raises:
            ForumUnavailableError, ForumProtocolError: Whether it was posted is open;
                the claim stays, and `reconcile` settles it.
            ForumRejectedError: Whether there is a reply already cannot be found out;
                nothing is claimed.
        """
        claimed = self.claim(considered)
        return self.send(claimed) if claimed.state == "claimed" else claimed

    def claim(self, considered: Considered, *, counted: bool = True) -> Decision:
        """As `post`, but leave it to `send`, or to `reconcile`, to post it.

        To search and to look at links took its time: the topic is read once more.

        Args:
            counted: Against the quotas.
        """
        decision = considered.decision
        # It may be a new ledger, which knows nothing of a reply that is there.
        found = self._forum.standing(decision.topic_id, marker(decision.topic_id))
        topic = found.topic
        if found.reply is not None:
            return self._adopt(decision, found, found.reply)
        changed = self._objections(topic) or self._unknown_past(topic)
        if changed:
            return self.record(_silent(decision, *changed))
        again = self._again(decision, topic)
        if again is not None:
            return self.record(again)
        with self._store.transaction():
            against = against_one_more(
                self._store, decision, self._settings, self._clock(), counted=counted
            )
            claim = (
                _silent(decision, *against)
                if against
                else replace(decision, state="claimed", updated_at=self._clock())
            )
            kept = self._store.ledger.record(claim)
            if kept and not against:
                self._close_draft(topic.id)
        # Not kept: somebody else was first, and sees to it.
        return claim if kept else self.stored(topic.id)

    def _adopt(self, decision: Decision, found: Standing, reply: Reply) -> Decision:
        """Keep what is known of a reply of an earlier life: what it says, and not
        what would be said now."""
        raw = found.raw or ""
        adopted = replace(
            decision,
            state="claimed",
            body=found.raw,
            suggestions=tuple(
                s for s in decision.suggestions if links_left(raw, [s["url"]])
            ),
        )
        with self._store.transaction():
            kept = self._store.ledger.record(adopted)
            if kept:
                self._close_draft(decision.topic_id)
                self._confirm(decision.topic_id, reply, _ALREADY_THERE)
        return self.stored(decision.topic_id)

    def _objections(self, topic: TopicView) -> tuple[str, ...]:
        """What speaks against a reply as the topic is now, quotas aside."""
        return objections(
            topic,
            self._settings,
            self._clock(),
            opted_out=self._unwanted(topic),
            verdict=against_answering(self._store, self._name, topic.id),
        )

    def _unknown_past(self, topic: TopicView) -> tuple[str, ...]:
        """Why nobody can say whether there was a reply; empty when there was none."""
        began = self._store.ledger.began(self._name)
        if topic.missing_posts and (began is None or topic.created_at < began):
            return (
                "a post was removed before this ledger began, and it may have been a "
                "reply of the bot",
            )
        return ()

    def _again(self, decision: Decision, topic: TopicView) -> Decision | None:
        """To be decided again, where the question or the mode is another now."""
        mode = self._mode_for(topic.category)
        if _is_rewritten(decision, topic):
            reason = "it was rewritten while it was decided"
        elif not _may_send(decision.mode, mode):
            reason = f"the mode is {mode} now"
        else:
            return None
        now = self._clock()
        wait = waiting_for(topic, self._settings, now)
        return replace(
            decision,
            state="waiting",
            reasons=(reason,),
            body=None,
            suggestions=(),
            fingerprint=fingerprint(topic),
            due_at=now if wait is None else wait.until,
        )

    def _close_draft(self, topic_id: TopicId) -> None:
        self._store.messages.close(self._name, "draft", str(topic_id))

    def send(self, claimed: Decision) -> Decision:
        """Post a claimed reply and settle it; raises as `post`."""
        if not claimed.body:
            raise ValueError(f"topic {claimed.topic_id} is claimed without a reply")
        topic_id = claimed.topic_id
        try:
            reply = self._forum.reply(
                topic_id,
                claimed.body,
                marker(topic_id),
                whisper=claimed.mode == "whisper",
            )
        except ForumRejectedError as exc:
            log.warning("topic=%d the forum refuses the reply: %s", topic_id, exc)
            return self._refuse(claimed, f"the forum refused the reply: {exc.problem}")
        except ConfigError as exc:
            if exc.key != "bot.mode" or not self._whispers():
                raise
            log.warning("topic=%d takes no whisper, and others do", topic_id)
            return self._refuse(claimed, f"the forum takes no whisper here: {exc}")
        return self._settle(claimed, reply)

    def _settle(
        self, claimed: Decision, reply: Reply, reason: str | None = None
    ) -> Decision:
        with self._store.transaction():
            self._confirm(claimed.topic_id, reply, reason)
        log.info("topic=%d replied post=%s", claimed.topic_id, reply.post_id)
        return self.stored(claimed.topic_id)

    def _confirm(self, topic_id: TopicId, reply: Reply, reason: str | None) -> None:
        self._store.ledger.settle(
            self._name,
            topic_id,
            _state_of(reply),
            at=self._clock(),
            post_id=reply.post_id,
            post_url=reply.url,
            reason=reason,
        )

    def _whispers(self) -> bool:
        """Whether the account may whisper, as it did lately."""
        since = self._clock() - self._settings.max_topic_age
        posted = self._store.ledger.in_state(self._name, "posted")
        return any(
            each.mode == "whisper" and (each.sent_at or each.decided_at) >= since
            for each in posted
        )

    def _refuse(self, claimed: Decision, reason: str) -> Decision:
        with self._store.transaction():
            self._store.ledger.settle(
                self._name, claimed.topic_id, "refused", at=self._clock(), reason=reason
            )
        self._absences.is_there(str(claimed.topic_id))
        return self.stored(claimed.topic_id)

    # -- the ledger --------------------------------------------------------

    def record(self, decision: Decision) -> Decision:
        """Keep a decision, unless there is a claim or a reply; what is kept then."""
        with self._store.transaction():
            kept = self._store.ledger.record(decision)
            if kept and decision.state != "drafted":
                self._close_draft(decision.topic_id)
        return decision if kept else self.stored(decision.topic_id)

    def stored(self, topic_id: TopicId) -> Decision:
        """What the ledger holds of a topic.

        Raises:
            StoreError: Nothing.
        """
        decision = self._store.ledger.get(self._name, topic_id)
        if decision is None:
            raise StoreError(self._store.path, f"the decision on {topic_id} is gone")
        return decision

    # -- after a crash, or a moderator's word ------------------------------

    def reconcile(self) -> tuple[Decision, ...]:
        """Settle the claims that a crash or a lost answer left behind, and the replies
        that waited for a moderator.

        Where nothing may be sent, claims wait. One that cannot be settled now stays,
        and is logged.

        Raises:
            ConfigError: The account may not do what claims ask for; the others were
                settled.
        """
        if not self._forum.writes:
            return ()
        settled: list[Decision] = []
        mistake: ConfigError | None = None
        for claimed in self._store.ledger.claimed(self._name):
            if self._is_enough():
                log.warning("topic=%d stays claimed: quotas", claimed.topic_id)
                continue
            try:
                found = self._settle_claim(claimed)
            except ForumError as exc:
                log.warning("topic=%d stays claimed: %s", claimed.topic_id, exc)
                if isinstance(exc, RateLimitedError):
                    break  # So would be the others.
                continue
            except ConfigError as exc:
                mistake = exc
                continue
            if found.state != "claimed":
                settled.append(found)
        settled += self._settle_queue()
        if mistake is not None:
            raise mistake
        return tuple(settled)

    def _is_enough(self) -> bool:
        """Whether what was sent uses up a quota; claims are no reason to keep a claim
        from being settled."""
        sent = replies_sent(self._store, self._name, self._clock())
        return bool(used_up(sent, self._settings))

    def _settle_claim(self, claimed: Decision) -> Decision:
        topic_id = claimed.topic_id
        too_late = self._clock() - claimed.decided_at > self._settings.max_topic_age
        # What is private since is not to be answered, nor linked.
        self._forum.forget_categories()
        try:
            found = self._forum.standing(topic_id, marker(topic_id))
        except ForumRejectedError as exc:
            if not too_late and not self._absences.is_gone(str(topic_id), exc):
                raise
            return self._refuse(
                claimed, f"whether it was posted cannot be found out: {exc.problem}"
            )
        self._absences.is_there(str(topic_id))
        if found.reply is not None:
            return self._settle(
                claimed, found.reply, "found after its confirmation got lost"
            )
        if not claimed.body:
            return self._refuse(claimed, "never posted, and what it said is forgotten")
        if too_late:
            return self._refuse(claimed, "it was never posted, and now it is too late")
        topic = found.topic
        if topic.missing_posts:
            # It may have been posted, and removed by a moderator since.
            return self._refuse(
                claimed, "a post of the topic was removed, and it may have been this"
            )
        # Since the claim it may have been solved, closed, or moved out of bounds.
        against = self._objections(topic)
        if _is_rewritten(claimed, topic):
            against = (*against, "its question was rewritten")
        mode = self._mode_for(topic.category)
        if mode in WRITING and not _may_send(claimed.mode, mode):
            against = (*against, f"its mode is {mode}, and was {claimed.mode}")
        if against:
            return self._refuse(claimed, f"never posted, and now {'; '.join(against)}")
        if self._store.pauses.get(self._name) or mode not in WRITING:
            log.info("topic=%d stays claimed mode=%s", topic_id, mode)
            return claimed
        wait = waiting_for(topic, self._settings, self._clock())
        if wait is not None:
            log.info("topic=%d stays claimed until %s", topic_id, wait.until)
            return claimed
        problem = self._links.first_problem(claimed.suggestions)
        self._links.note()
        if problem:
            return self._refuse(claimed, f"never posted, and now {problem}")
        return self.send(claimed)

    def _settle_queue(self) -> list[Decision]:
        """See what moderators made of replies that they had to approve."""
        waiting = self._store.ledger.in_state(self._name, "queued")
        if not waiting:
            return []
        settled: list[Decision] = []
        try:
            queued = self._forum.queued()
            for decision in waiting:
                if decision.topic_id not in queued:
                    self._try_queued(decision, settled)
        except ForumError as exc:
            log.warning("what became of queued replies stays open: %s", exc)
        return settled

    def _try_queued(self, decision: Decision, settled: list[Decision]) -> None:
        try:
            settled.append(self._settle_queued(decision))
        except ForumRejectedError as exc:
            # About this topic alone.
            log.warning("topic=%d stays queued: %s", decision.topic_id, exc)

    def _settle_queued(self, decision: Decision) -> Decision:
        topic_id = decision.topic_id
        try:
            found = self._forum.find_own_reply(topic_id, marker(topic_id))
        except ForumRejectedError as exc:
            if not self._absences.is_gone(str(topic_id), exc):
                raise
            return self._end(decision, f"its topic cannot be read: {exc.status}")
        self._absences.is_there(str(topic_id))
        if found is None:
            return self._end(decision, "a moderator did not approve it")
        return self._settle(decision, found)

    def _end(self, decision: Decision, reason: str) -> Decision:
        with self._store.transaction():
            self._store.ledger.end(
                self._name,
                decision.topic_id,
                "refused",
                at=self._clock(),
                reason=reason,
            )
        return self.stored(decision.topic_id)


def _silent(decision: Decision, *reasons: str) -> Decision:
    return replace(decision, state="decided", reasons=reasons, body=None)


def _is_rewritten(decision: Decision, topic: TopicView) -> bool:
    """Whether a topic asks something else than when it was decided."""
    known = decision.fingerprint
    return bool(known) and is_material(known, fingerprint(topic))


def _state_of(reply: Reply) -> State:
    if reply.withdrawn:
        return "withdrawn"
    return "queued" if reply.queued else "posted"


def _may_send(claimed: str, now: Mode) -> bool:
    """Whether a reply that was claimed in one mode may be sent in another: never to
    more readers than then, and where it was approved, to all.

    >>> _may_send("whisper", "public"), _may_send("public", "whisper")
    (False, False)
    >>> _may_send("draft", "public"), _may_send("draft", "shadow")
    (True, False)
    """
    return now in WRITING and (now == claimed or (claimed, now) == ("draft", "public"))
