"""A new topic → search → policy → compose → at most one reply, ever.

Before a reply is sent its topic is claimed in the ledger, in a transaction; after
it the claim is settled. A claim that was never settled is what a crash left: the
topic is read, and only when our marker is nowhere is the same text sent again
(within two minutes the forum itself recognises it).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from bot.asking import question_of_topic
from bot.catalogue import Catalogues
from bot.compose import compose, title_of
from bot.config import Mode
from bot.forum import Forum, Reply
from bot.missing import lacking
from bot.policy import PolicySettings, Sent, Verdict, judge, objections
from bot.topic import Cited, TopicView, marker
from indexer.blocks import join_blocks
from indexer.clean import clean_html
from kb.errors import (
    ConfigError,
    EmbeddingError,
    ForumError,
    ForumRejectedError,
    InvalidQueryError,
    KBError,
    SearchIndexError,
    StoreError,
)
from kb.question import Question
from kb.store import Decision, Store
from kb.types import Clock, DocumentId, SearchHit, TopicId, utc_now

log = logging.getLogger(__name__)

# A topic that fails this often is left to people.
MAX_TRIES = 5
_QUOTA_SPAN = timedelta(hours=1)
# A post that has lost more of a passage's words than this was rewritten.
_MAX_LOST_WORDS = 0.1
_WORD = re.compile(r"\w{3,}")


class Find(Protocol):
    """Searches the knowledge base for a topic, itself excluded, as the public sees it.

    Raises:
        InvalidQueryError: The topic holds nothing that can be searched.
        SearchIndexError: There is no usable index.
    """

    def __call__(self, topic: TopicView, question: Question) -> Sequence[SearchHit]:
        """*question* is what the topic asks; the result is best first."""


class Vouch(Protocol):
    """Knows whether what is no topic of the watched forum still answers."""

    def problem_with(self, source: str, key: str) -> str:
        """Why nobody should be led to a document; empty when it is alive. Writes
        nothing."""

    def note(self) -> None:
        """Keep what was found out since the last time."""


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What one look at the forum led to.

    Attributes:
        decisions: On new topics, in their order.
        failed: ``(topic, reason)`` of those that will be tried again.
        given_up: Topics that failed too often.
        reconciled: Claims of a crash that were settled.
    """

    decisions: tuple[Decision, ...] = ()
    failed: tuple[tuple[TopicId, str], ...] = ()
    given_up: tuple[TopicId, ...] = ()
    reconciled: tuple[Decision, ...] = ()

    @property
    def answered(self) -> int:
        return sum(each.state in ("posted", "queued") for each in self.decisions)


@dataclass(slots=True)
class _Progress:
    decisions: list[Decision] = field(default_factory=list)
    failed: list[tuple[TopicId, str]] = field(default_factory=list)
    given_up: list[TopicId] = field(default_factory=list)


class Responder:
    """Answers topics of one forum.

    Args:
        name: The forum's source in the config; the ledger's key.
        forum: In any mode but ``public`` it should be a `DryRunForum`, so that
            even a mistake here cannot post.
        store: For the ledger; used from one thread only.
        find: See `Find`.
        languages: Those that members write in; the first is used when none is
            detected.
        settings: When to speak.
        mode: ``off`` does nothing, ``shadow`` decides and records, ``public``
            posts as well.
        community: Name of the community, for the reply.
        clock: Aware, UTC.
        catalogues: Our words; without them, those that are shipped.
        vouch: See `Vouch`; without one, what is in the store is taken for alive.
    """

    def __init__(
        self,
        name: str,
        *,
        forum: Forum,
        store: Store,
        find: Find,
        languages: Sequence[str],
        settings: PolicySettings,
        mode: Mode,
        community: str,
        clock: Clock = utc_now,
        catalogues: Catalogues | None = None,
        vouch: Vouch | None = None,
    ) -> None:
        self._name = name
        self._forum = forum
        self._store = store
        self._find = find
        self._languages = tuple(languages)
        self._settings = settings
        self._mode = mode
        self._community = community
        self._clock = clock
        self._catalogues = catalogues
        self._vouch = vouch

    # -- one topic ---------------------------------------------------------

    def consider(self, topic_id: TopicId) -> Decision:
        """Decide about a topic; nothing is recorded, nothing is posted.

        Raises:
            ForumError: The topic cannot be read.
            SearchIndexError: There is no usable index.
        """
        return self._considered(topic_id)[0]

    def _considered(self, topic_id: TopicId) -> tuple[Decision, Mapping[str, str]]:
        """The decision, and the topics that are not what the store holds."""
        topic = self._forum.topic(topic_id)
        earlier = self._store.ledger.get(self._name, topic_id)
        verdict, question, outdated = self._verdict(topic, earlier)
        body = None
        if verdict.speak and question is not None:
            body = self._body(topic, verdict, question)
        decision = Decision(
            forum=self._name,
            topic_id=topic_id,
            title=topic.title,
            mode=self._mode,
            state="decided",
            reasons=verdict.reasons,
            decided_at=self._clock(),
            suggestions=tuple(_suggestion(hit) for hit in verdict.picks),
            body=body,
            author_id=topic.author_id,
            language=None if question is None else question.language,
        )
        return decision, outdated

    def _verdict(
        self, topic: TopicView, earlier: Decision | None
    ) -> tuple[Verdict, Question | None, Mapping[str, str]]:
        against = objections(
            topic,
            self._settings,
            self._clock(),
            replied=earlier is not None and not earlier.is_open,
            sent=self._sent(topic.author_id),
        )
        if against:
            return Verdict(False, against), None, {}
        question = question_of_topic(
            topic, self._store, source=self._name, languages=self._languages
        )
        try:
            hits = self._find(topic, question)
        except InvalidQueryError as exc:
            return Verdict(False, (f"nothing to search for: {exc}",)), question, {}
        verdict, outdated = self._judge(topic, hits, question.language)
        return verdict, question, outdated

    def _judge(
        self, topic: TopicView, hits: Sequence[SearchHit], language: str | None
    ) -> tuple[Verdict, Mapping[str, str]]:
        """Judge, and look whether what would be linked still stands.

        The store lags behind: a thread may have been deleted, hidden, edited or
        made private since it was read, a page may be gone. Such a link is left out,
        and judged is what remains.
        """
        problems: dict[DocumentId, str] = {}  # Empty text: it may be linked.
        while True:
            left = [hit for hit in hits if not problems.get(hit.document.id)]
            verdict = judge(topic, left, self._settings, language=language)
            # Silence needs no check: nothing is shown to anybody.
            new = [h for h in verdict.picks if h.document.id not in problems]
            if not verdict.speak or not new:
                break
            for hit in new:
                problems[hit.document.id] = self._problem_with(hit)
        bad = [hit for hit in hits if problems.get(hit.document.id)]
        left_out = [f"left out {h.url}: {problems[h.document.id]}" for h in bad]
        topics = [hit for hit in bad if hit.document.source == self._name]
        outdated = {h.document.key: problems[h.document.id] for h in topics}
        return replace(verdict, reasons=(*verdict.reasons, *left_out)), outdated

    def _problem_with(self, hit: SearchHit) -> str:
        """Why a link must not be posted; empty when it may."""
        document, passage = hit.document, hit.passage
        if document.source != self._name:
            return self._problem_at(document.source, document.key)
        cited = self._forum.cited(TopicId(int(document.key)), passage.part_number)
        if cited.problem or _still_says(cited, passage.text):
            return cited.problem
        return "its post was rewritten since it was read"

    def _problem_at(self, source: str, key: str) -> str:
        return "" if self._vouch is None else self._vouch.problem_with(source, key)

    def _note_looks(self) -> None:
        if self._vouch is not None:
            self._vouch.note()

    def _body(self, topic: TopicView, verdict: Verdict, question: Question) -> str:
        return compose(
            verdict.picks,
            topic_id=topic.id,
            question=question.text,
            language=question.language or self._languages[0],
            community=self._community,
            at=self._clock(),
            catalogues=self._catalogues,
            lacks=lacking(question.text, topic.category, self._settings.missing),
        )

    def _sent(self, author_id: int) -> Sent:
        now, ledger = self._clock(), self._store.ledger
        day = now - timedelta(days=1)
        return Sent(
            hour=self._replies_last_hour(),
            day=ledger.replies_since(self._name, day),
            author=ledger.replies_since(self._name, day, author_id=author_id),
        )

    def _replies_last_hour(self, *, sent: bool = False) -> int:
        since = self._clock() - _QUOTA_SPAN
        return self._store.ledger.replies_since(self._name, since, sent=sent)

    def respond(self, topic_id: TopicId) -> Decision:
        """Decide about a topic, record it and, in mode ``public``, answer.

        A topic with a claim or a reply is left as it is: its stored decision is
        returned.

        Raises:
            ForumUnavailableError, ForumProtocolError: The topic cannot be read, or
                whether the reply was posted is open; the claim stays, and
                `reconcile` settles it.
            ForumRejectedError: The topic cannot be read.
            SearchIndexError: There is no usable index.
        """
        earlier = self._store.ledger.get(self._name, topic_id)
        if earlier is not None and not earlier.is_open:
            return earlier
        if self._mode == "off":
            return self._switched_off(topic_id)
        decision, outdated = self._considered(topic_id)
        self._read_again(outdated)
        self._note_looks()
        if decision.is_silent or self._mode == "shadow":
            return self._record(decision)
        known = self._known_reply(topic_id)
        claimed = self._claim(decision)
        if claimed is None:
            return self._stored(topic_id)
        if claimed.state != "claimed":
            return claimed
        if known is not None:
            return self._settle(claimed, known, "the reply was already there")
        return self._send(claimed)

    def _read_again(self, outdated: Mapping[str, str]) -> None:
        """Have the next harvest read threads whatever the forum's list says."""
        if not outdated:
            return
        with self._store.transaction():
            for key, problem in outdated.items():
                self._store.progress.set_aside(
                    self._name, key, f"cannot be linked: {problem}", at=self._clock()
                )

    def _switched_off(self, topic_id: TopicId) -> Decision:
        return Decision(
            forum=self._name,
            topic_id=topic_id,
            title="",
            mode=self._mode,
            state="decided",
            reasons=("the bot is switched off (bot.mode)",),
            decided_at=self._clock(),
        )

    def _known_reply(self, topic_id: TopicId) -> Reply | None:
        """A reply that this ledger knows nothing of: it may be a new ledger."""
        try:
            return self._forum.find_own_reply(topic_id, marker(topic_id))
        except ForumRejectedError as exc:
            log.warning("topic=%d cannot look for an earlier reply: %s", topic_id, exc)
            return None

    def _claim(self, decision: Decision) -> Decision | None:
        """The claimed decision, a silent one when the quota is used up meanwhile,
        or ``None`` when somebody else was first."""
        with self._store.transaction():
            count = self._replies_last_hour()
            if count >= self._settings.max_replies_per_hour:
                reason = f"{count} replies within the hour are the limit"
                decision = replace(decision, reasons=(reason,), body=None)
            else:
                decision = replace(decision, state="claimed")
            return decision if self._store.ledger.record(decision) else None

    def _send(self, claimed: Decision) -> Decision:
        """Post a claimed reply and settle it."""
        if claimed.body is None:
            raise ValueError(f"topic {claimed.topic_id} is claimed without a reply")
        topic_id = claimed.topic_id
        try:
            reply = self._forum.reply(topic_id, claimed.body, marker(topic_id))
        except ForumRejectedError as exc:
            log.warning("topic=%d the forum refuses the reply: %s", topic_id, exc)
            return self._refuse(claimed, f"the forum refused the reply: {exc.problem}")
        return self._settle(claimed, reply)

    def _settle(
        self, claimed: Decision, reply: Reply, reason: str | None = None
    ) -> Decision:
        with self._store.transaction():
            self._store.ledger.settle(
                self._name,
                claimed.topic_id,
                "queued" if reply.queued else "posted",
                at=self._clock(),
                post_id=reply.post_id,
                post_url=reply.url,
                reason=reason,
            )
        log.info("topic=%d replied post=%s", claimed.topic_id, reply.post_id)
        return self._stored(claimed.topic_id)

    def _refuse(self, claimed: Decision, reason: str) -> Decision:
        with self._store.transaction():
            self._store.ledger.settle(
                self._name, claimed.topic_id, "refused", at=self._clock(), reason=reason
            )
        return self._stored(claimed.topic_id)

    def _record(self, decision: Decision) -> Decision:
        with self._store.transaction():
            kept = self._store.ledger.record(decision)
        return decision if kept else self._stored(decision.topic_id)

    def _stored(self, topic_id: TopicId) -> Decision:
        decision = self._store.ledger.get(self._name, topic_id)
        if decision is None:
            raise StoreError(self._store.path, f"the decision on {topic_id} is gone")
        return decision

    # -- after a crash -----------------------------------------------------

    def reconcile(self) -> tuple[Decision, ...]:
        """Settle the claims that a crash or a lost answer left behind.

        Only in mode ``public``: in the others nothing may be sent, so the claims
        wait. One that cannot be settled now stays, and is logged.
        """
        if self._mode != "public":
            return ()
        settled: list[Decision] = []
        for claimed in self._store.ledger.claimed(self._name):
            if (
                self._replies_last_hour(sent=True)
                >= self._settings.max_replies_per_hour
            ):
                log.warning(
                    "topic=%d stays claimed: too many replies", claimed.topic_id
                )
                continue
            try:
                settled.append(self._settle_claim(claimed))
            except ForumError as exc:
                log.warning("topic=%d stays claimed: %s", claimed.topic_id, exc)
        return tuple(settled)

    def _settle_claim(self, claimed: Decision) -> Decision:
        topic_id = claimed.topic_id
        try:
            found = self._forum.find_own_reply(topic_id, marker(topic_id))
        except ForumRejectedError as exc:
            return self._refuse(
                claimed, f"whether it was posted cannot be found out: {exc.problem}"
            )
        if found is not None:
            return self._settle(claimed, found, "found after its confirmation got lost")
        age = self._clock() - claimed.decided_at
        if age > self._settings.max_topic_age:
            return self._refuse(claimed, "it was never posted, and now it is too late")
        topic = self._forum.topic(topic_id)
        if topic.missing_posts:
            # It may have been posted, and removed by a moderator since.
            return self._refuse(
                claimed, "a post of the topic was removed, and it may have been this"
            )
        # Since the claim it may have been solved, closed, or moved out of bounds.
        against = objections(topic, self._settings, self._clock())
        if against:
            return self._refuse(claimed, f"never posted, and now {'; '.join(against)}")
        problems = list(filter(None, map(self._problem_of, claimed.suggestions)))
        self._note_looks()
        if problems:
            return self._refuse(claimed, f"never posted, and now {problems[0]}")
        return self._send(claimed)

    def _problem_of(self, suggestion: Mapping[str, Any]) -> str:
        """As `_problem_with`, of a link that was claimed to be posted."""
        source, key = suggestion.get("source"), suggestion.get("key")
        if source is None or key is None:
            # As ledgers of before have them.
            return ""
        if source != self._name:
            problem = self._problem_at(source, key)
        else:
            part = suggestion.get("part", 1)
            problem = self._forum.cited(TopicId(int(key)), part).problem
        return f"{suggestion['url']} must not be linked: {problem}" if problem else ""

    # -- all new topics ----------------------------------------------------

    def watch(self, *, stopped: Callable[[], bool] = lambda: False) -> WatchReport:
        """Look for new topics and respond to each, in order.

        The first watch of a forum only notes which topic is the newest, so that
        no backlog is ever answered. A topic that fails holds the watermark back
        and is tried again with every watch, up to `MAX_TRIES` times; the others go on.

        Args:
            stopped: Asked between topics; True ends the watch early.

        Raises:
            ForumError: The list of topics cannot be read.
            SearchIndexError, EmbeddingError, StoreError, ConfigError: Nothing can be
                decided at all.
        """
        if self._mode == "off":
            return WatchReport()
        reconciled = self.reconcile()
        mark = self._store.ledger.watermark(self._name)
        if mark is None:
            self._advance(self._forum.newest_topic() or TopicId(0))
            return WatchReport(reconciled=reconciled)
        progress = _Progress()
        for topic_id in self._forum.new_topics(mark):
            if stopped():
                break
            self._look_at(topic_id, progress)
            if not progress.failed:
                self._advance(topic_id)
        return WatchReport(
            tuple(progress.decisions),
            tuple(progress.failed),
            tuple(progress.given_up),
            reconciled,
        )

    def _look_at(self, topic_id: TopicId, progress: _Progress) -> None:
        if self._store.ledger.get(self._name, topic_id) is not None:
            return  # Dealt with by an earlier watch that another topic held back.
        try:
            decision = self.respond(topic_id)
        except (StoreError, SearchIndexError, EmbeddingError, ConfigError):
            raise  # It would be the same with every topic.
        except ForumRejectedError as exc:
            # Gone between the list and now, or not for us: no reason to ask again.
            decision = self._record(self._silence(topic_id, f"unreadable: {exc}"))
        except Exception as exc:
            # Anything: one topic, or a mistake of ours, must not stop the others.
            ours = not isinstance(exc, KBError)
            log.warning("topic=%d failed: %s", topic_id, exc, exc_info=ours)
            self._note_failure(topic_id, f"{type(exc).__name__}: {exc}", progress)
            return
        self._forget_failures(topic_id)
        progress.decisions.append(decision)

    def _note_failure(
        self, topic_id: TopicId, reason: str, progress: _Progress
    ) -> None:
        if self._store.ledger.get(self._name, topic_id) is not None:
            # It was claimed before it failed: `reconcile` sees to it.
            progress.failed.append((topic_id, reason))
            return
        with self._store.transaction():
            self._store.progress.set_aside(
                self._notes, str(topic_id), reason, at=self._clock()
            )
        if self._tries(topic_id) < MAX_TRIES:
            progress.failed.append((topic_id, reason))
            return
        given_up = f"given up after {MAX_TRIES} tries: {reason}"
        self._record(self._silence(topic_id, given_up))
        self._forget_failures(topic_id)
        progress.given_up.append(topic_id)

    def _tries(self, topic_id: TopicId) -> int:
        notes = self._store.progress.all_set_aside(self._notes)
        return next((note.times for note in notes if note.key == str(topic_id)), 0)

    def _forget_failures(self, topic_id: TopicId) -> None:
        if self._tries(topic_id):
            with self._store.transaction():
                self._store.progress.take_back(self._notes, str(topic_id))

    @property
    def _notes(self) -> str:
        return f"watch:{self._name}"

    def _silence(self, topic_id: TopicId, reason: str) -> Decision:
        return replace(self._switched_off(topic_id), reasons=(reason,))

    def _advance(self, topic_id: TopicId) -> None:
        with self._store.transaction():
            self._store.ledger.set_watermark(self._name, topic_id, at=self._clock())


def _suggestion(hit: SearchHit) -> dict[str, Any]:
    """A link as the ledger keeps it."""
    return {
        "kind": hit.document.kind.value,
        "title": title_of(hit),
        "url": hit.url,
        "confidence": round(hit.confidence, 4),
        "source": hit.document.source,
        "key": hit.document.key,
        "part": hit.passage.part_number,
    }


def _still_says(cited: Cited, passage: str) -> bool:
    """Whether a post still holds what a passage of it said; pure.

    >>> said = "Run the backup"
    >>> _still_says(Cited(cooked="<p>Run the <b>backup</b> at night.</p>"), said)
    True
    >>> _still_says(Cited(cooked="<p>Never mind, solved.</p>"), said)
    False
    """
    said = set(_WORD.findall(passage.casefold()))
    says = set(_WORD.findall(join_blocks(clean_html(cited.cooked)).casefold()))
    return len(said - says) <= _MAX_LOST_WORDS * len(said)
