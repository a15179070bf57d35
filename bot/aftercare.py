"""Looks after what the bot posted: its marks, and whether it should still stand.

A reply that a moderator disapproves of is withdrawn. One whose topic a member solved
steps back behind that solution. A link whose target is gone is taken out. Each change
starts from the text on the forum and is recorded once the forum has it, so after a
crash it is found done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bot.amending import (
    folded,
    is_folded,
    links_left,
    unfolded,
    withdrawn,
    without_links,
)
from bot.care import Around, Care, OwnPost
from bot.catalogue import Catalogue, Catalogues, shipped
from bot.feedback import LOOKED_AFTER, is_due, withdrawn_by_staff
from bot.linked import Citing, KnownDead, Targets, is_out
from bot.marks import marks_on
from bot.topic import marker
from kb.errors import (
    ForumError,
    ForumReadOnlyError,
    ForumRejectedError,
    RateLimitedError,
)
from kb.store import Decision, Mark, State, Store
from kb.types import Clock, PostId, TopicId, utc_now

log = logging.getLogger(__name__)

_GONE = frozenset({404, 410})
_CONFLICT = 409
# Said in the ledger when a reply is missed for the first time; the second time it is
# believed: a forum may answer so for other reasons.
_MISSED = "its post could not be found"


@dataclass(slots=True)
class CareReport:
    """What looking after replies came to.

    Attributes:
        looked: Replies that were looked at.
        edited: Replies that read otherwise now.
        withdrawn: Replies that are gone, by us or by moderators.
        failed: Replies that are tried again, because the forum did not answer.
    """

    looked: int = 0
    edited: int = 0
    withdrawn: int = 0
    failed: int = 0


class Aftercare:
    """Looks after the replies of one forum.

    Args:
        name: The forum's source in the config; the ledger's key.
        care: For our own posts.
        forum: For the topics that are linked.
        store: Used from one thread only.
        languages: As of `bot.responder.Responder`.
        dead: See `KnownDead`; without one, other sources are taken for alive.
        base_url: Of the forum, without a trailing slash.
        clock: Aware, UTC.
        catalogues: Our words; without them, those that are shipped.
        unheard: Names of members whose opinion does not count: bots, mostly.
    """

    def __init__(
        self,
        name: str,
        *,
        care: Care,
        forum: Citing,
        store: Store,
        languages: Sequence[str],
        base_url: str,
        dead: KnownDead | None = None,
        clock: Clock = utc_now,
        catalogues: Catalogues | None = None,
        unheard: Collection[str] = (),
    ) -> None:
        self._unheard = tuple(unheard)
        self._name = name
        self._care = care
        self._store = store
        self._languages = tuple(languages)
        self._base_url = base_url
        self._dead = dead
        self._targets = Targets(name, forum=forum, store=store, dead=dead)
        self._clock = clock
        self._catalogues = catalogues or shipped()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> CareReport:
        """Look after the replies that it is time for, the longest unseen first.

        A reply that the forum does not answer for is tried again with the next run;
        when the forum asks to wait, all of them are.

        Args:
            stopped: Asked between replies; True ends the run early.

        Raises:
            ConfigError, StoreError: Nothing can be looked after at all.
        """
        report = CareReport()
        now = self._clock()
        for decision in self._store.ledger.replies(self._name, now - LOOKED_AFTER):
            if stopped():
                break
            if not is_due(decision.sent_at or now, decision.looked_at, now):
                continue
            try:
                self._look_after(decision, report)
            except (RateLimitedError, ForumReadOnlyError) as exc:
                log.warning("looking after replies waits: %s", exc)
                report.failed += 1
                break
            except ForumError as exc:
                log.warning("topic=%d not looked after: %s", decision.topic_id, exc)
                report.failed += 1
                self._put_off(decision, exc)
        if self._dead is not None:
            self._dead.note()
        log.info(
            "looked after %d replies: %d edited, %d withdrawn, %d to be tried again",
            report.looked,
            report.edited,
            report.withdrawn,
            report.failed,
        )
        return report

    def withdraw(self, topic_id: TopicId, reason: str) -> bool:
        """Withdraw the reply in a topic; False when none stands there.

        Raises:
            ForumError: The forum does not let us, or does not answer.
        """
        decision = self._store.ledger.get(self._name, topic_id)
        if decision is None or decision.post_id is None or decision.state != "posted":
            return False
        self._withdraw(decision, reason)
        return True

    # -- one reply ---------------------------------------------------------

    def _look_after(self, decision: Decision, report: CareReport) -> None:
        if decision.post_id is None:
            return  # It waits for a moderator: whoever posts sees to that.
        report.looked += 1
        post = self._post(decision.post_id)
        if post is None or post.deleted or post.withdrawn:
            self._gone(decision, post, report)
        else:
            # A moderator may have moved it to another topic.
            around = self._care.around(post.topic_id, post.number)
            if withdrawn_by_staff(self._rate(decision, post, around)):
                self._withdraw(decision, "a moderator disapproves of it")
                report.withdrawn += 1
            else:
                self._keep_up(decision, post, around, report)
        self._looked(decision)

    def _put_off(self, decision: Decision, error: ForumError) -> None:
        """What the forum refuses it refuses again: that has time."""
        if isinstance(error, ForumRejectedError) and error.status != _CONFLICT:
            self._note(
                decision, f"the forum does not let us see to it ({error.status})"
            )
            self._looked(decision)

    def _looked(self, decision: Decision) -> None:
        with self._store.transaction():
            self._store.ledger.looked(self._name, decision.topic_id, at=self._clock())

    def _post(self, post_id: PostId) -> OwnPost | None:
        try:
            return self._care.own_post(post_id)
        except ForumRejectedError as exc:
            if exc.status in _GONE:
                return None
            raise

    def _gone(
        self, decision: Decision, post: OwnPost | None, report: CareReport
    ) -> None:
        if post is not None and post.withdrawn:
            self._end(decision, "withdrawn", "it was withdrawn")
        elif post is not None:
            self._removed(decision)
        elif _MISSED not in decision.reasons:
            self._note(decision, _MISSED)
            return
        elif self._topic_is_there(decision.topic_id):
            self._removed(decision)
        else:
            # No word on the reply: its whole topic went.
            self._end(decision, "withdrawn", "its topic is gone")
        report.withdrawn += 1

    def _topic_is_there(self, topic_id: TopicId) -> bool:
        try:
            self._care.around(topic_id, 1)
        except ForumRejectedError as exc:
            if exc.status in _GONE:
                return False
            raise
        return True

    def _removed(self, decision: Decision) -> None:
        """A moderator took the reply away, which is a word on it."""
        topic_id, now = decision.topic_id, self._clock()
        mark = Mark(topic_id, "removal", 0, -1, True, now)
        with self._store.transaction():
            marks = [*self._store.feedback.of(self._name, topic_id), mark]
            self._store.feedback.replace(self._name, topic_id, marks)
            self._store.ledger.end(
                self._name,
                topic_id,
                "withdrawn",
                at=now,
                reason="a moderator removed it",
            )

    # -- its marks ---------------------------------------------------------

    def _rate(
        self, decision: Decision, post: OwnPost, around: Around
    ) -> Sequence[Mark]:
        marks = marks_on(
            self._care, post, around, at=self._clock(), ignored=self._unheard
        )
        # Nothing is held of who is forgotten, what they make of us neither.
        gone = self._store.members.forgotten(self._name)
        marks = [each for each in marks if not gone.covers(None, each.user_id or None)]
        with self._store.transaction():
            self._store.feedback.replace(self._name, decision.topic_id, marks)
        return marks

    # -- what it says ------------------------------------------------------

    def _keep_up(
        self, decision: Decision, post: OwnPost, around: Around, report: CareReport
    ) -> None:
        """Bring a reply up to what has changed around it."""
        topic_id = decision.topic_id
        if marker(topic_id) not in post.raw:
            return  # Rewritten by a moderator, or not told: no longer ours to mend.
        left, told, end = self._without_dead(decision, post)
        if end:
            self._withdraw(decision, end)
            report.withdrawn += 1
            return
        mended = self._behind_solution(left, decision, post, around)
        reasons = list(told)
        if mended != left:
            reasons.append(
                "no member's answer is the solution any more"
                if around.solution is None
                else "a member's answer is the solution"
            )
        if mended.strip() != post.raw.strip():
            # Translators: why an answer was changed; stands in its history.
            reason = self._words(decision).gettext("brought up to date")
            self._care.edit(post, mended, reason)
            report.edited += 1
        reason = "; ".join(reasons)
        is_new = bool(told) and reason not in decision.reasons
        if is_new or mended.strip() != (decision.body or "").strip():
            self._record(decision, mended, reason)

    def _without_dead(
        self, decision: Decision, post: OwnPost
    ) -> tuple[str, list[str], str]:
        """A reply without its dead links, what is to be said of each, and why the
        whole reply must go; empty when it may stay."""
        today = self._clock().date()
        whole = decision.looked_at is not None and decision.looked_at.date() != today
        dead = self._targets.dead_links(decision.suggestions, post.raw, whole=whole)
        urls = {str(each["url"]) for each in decision.suggestions if each.get("url")}
        left = without_links(post.raw, dead, others=urls - dead.keys())
        if left is None:
            return post.raw, [], "nothing that it points to is left"
        # Moderators may have put a link where it cannot be taken out: that it leads
        # nowhere is no reason to take the others along.
        stuck = {url for url in dead if links_left(left, [url])}
        if any(dead[url].must_go for url in stuck):
            return post.raw, [], "a link that must go cannot be taken out of it"
        reasons = [
            f"{'cannot take' if url in stuck else 'taken'} out {url}: {each.problem}"
            for url, each in dead.items()
        ]
        return left, reasons, ""

    def _behind_solution(
        self, body: str, decision: Decision, post: OwnPost, around: Around
    ) -> str:
        """A member's solution goes first, as long as it is one."""
        if self._store.pauses.get(self._name) is not None:
            return body
        if around.solution is None:
            return unfolded(body)
        # A reply that is the last post would bring its topic back to the top; then the
        # solution stands above it anyway. A wrong address does not wait for that.
        below = around.solution > post.number or bool(around.letters)
        if not below and not is_folded(body):
            return body
        return folded(
            body,
            solution=f"{self._base_url}/t/{post.topic_id}/{around.solution}",
            topic_id=decision.topic_id,
            words=self._words(decision),
        )

    def _record(self, decision: Decision, body: str, reason: str) -> None:
        with self._store.transaction():
            self._store.ledger.revise(
                self._name,
                decision.topic_id,
                body=body,
                suggestions=[
                    {**each, "removed": True} if is_out(each, body) else each
                    for each in decision.suggestions
                ],
                at=self._clock(),
                reason=reason or "it was changed on the forum",
            )

    # -- the end of it -----------------------------------------------------

    def _withdraw(self, decision: Decision, reason: str) -> None:
        if decision.post_id is None:
            raise ValueError(f"topic {decision.topic_id} has no reply to withdraw")
        words = self._words(decision)
        try:
            self._care.withdraw(decision.post_id)
        except ForumRejectedError:
            # Where it must not be deleted, nothing but a line of it is left.
            post = self._care.own_post(decision.post_id)
            left = withdrawn(decision.topic_id, words)
            if post.raw.strip() != left:
                # Translators: why an answer was changed; stands in its history.
                self._care.edit(post, left, words.gettext("withdrawn"))
        self._end(decision, "withdrawn", reason)

    def _end(self, decision: Decision, state: State, reason: str) -> None:
        with self._store.transaction():
            self._store.ledger.end(
                self._name, decision.topic_id, state, at=self._clock(), reason=reason
            )

    def _note(self, decision: Decision, reason: str) -> None:
        self._end(decision, decision.state, reason)

    def _words(self, decision: Decision) -> Catalogue:
        return self._catalogues.of(decision.language or self._languages[0])
