"""One topic → what the bot would do about it. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from bot.asking import question_of_topic
from bot.catalogue import Catalogues
from bot.compose import compose, title_of
from bot.config import Mode
from bot.forum import Forum
from bot.missing import lacking
from bot.policy import (
    PolicySettings,
    Sent,
    Verdict,
    Wait,
    judge,
    objections,
    waiting_for,
)
from bot.quotas import sent_so_far
from bot.rechecking import LinkCheck
from bot.settling import fingerprint
from bot.topic import TopicView
from bot.verdicts import against_answering
from kb.errors import InvalidQueryError
from kb.question import Question
from kb.store import Decision, Store
from kb.types import Clock, DocumentId, SearchHit, TopicId

ModeFor = Callable[[Sequence[str]], Mode]
"""The mode that holds in a category, given as slugs, outermost first."""

Unwanted = Callable[[TopicView], str]
"""Why the author of a topic is not to be answered; empty when an answer is welcome.

Raises `ForumUnavailableError` or `ForumProtocolError` when that cannot be found out."""

SWITCHED_OFF = "the bot is switched off (bot.mode)"


class Find(Protocol):
    """Searches the knowledge base for a topic, itself excluded, as the public sees it.

    Raises:
        InvalidQueryError: The topic holds nothing that can be searched.
        SearchIndexError: There is no usable index.
    """

    def __call__(self, topic: TopicView, question: Question) -> Sequence[SearchHit]:
        """*question* is what the topic asks; the result is best first."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A decision, and what was seen on the way to it.

    Attributes:
        topic: As it was read.
        outdated: Topics that are not what the store holds, and why.
    """

    decision: Decision
    topic: TopicView
    outdated: Mapping[str, str] = field(default_factory=dict)


class Decider:
    """Decides about topics of one forum; see `bot.responder.Responder`."""

    def __init__(
        self,
        name: str,
        *,
        forum: Forum,
        store: Store,
        find: Find,
        links: LinkCheck,
        languages: Sequence[str],
        settings: PolicySettings,
        mode_for: ModeFor,
        community: str,
        clock: Clock,
        catalogues: Catalogues | None,
        unwanted: Unwanted,
    ) -> None:
        self._name = name
        self._forum = forum
        self._store = store
        self._find = find
        self._links = links
        self._languages = tuple(languages)
        self._settings = settings
        self._mode_for = mode_for
        self._community = community
        self._clock = clock
        self._catalogues = catalogues
        self._unwanted = unwanted

    def consider(
        self,
        topic_id: TopicId,
        *,
        patiently: bool = False,
        counted: bool = True,
    ) -> Considered:
        """Read a topic and decide.

        Args:
            patiently: A topic that it is too early for waits; else it is decided now.
            counted: Against the quotas; a draft that people saw was counted before.

        Raises:
            ForumError: The topic cannot be read.
            SearchIndexError: There is no usable index.
        """
        topic = self._forum.topic(topic_id)
        mode = self._mode_for(topic.category)
        blank = self.blank(topic_id, mode=mode, topic=topic)
        if mode == "off":
            return Considered(replace(blank, reasons=(SWITCHED_OFF,)), topic)
        against = self._objections(topic, counted=counted)
        if against:
            return Considered(replace(blank, reasons=against), topic)
        wait = waiting_for(topic, self._settings, self._clock())
        if patiently and wait is not None:
            return Considered(_waiting(blank, wait), topic)
        # Last, as it may cost a request; and before anything is sought for them.
        unwanted = self._unwanted(topic)
        if unwanted:
            return Considered(replace(blank, reasons=(unwanted,)), topic)
        return self._judged(topic, blank)

    def blank(
        self, topic_id: TopicId, *, mode: Mode, topic: TopicView | None = None
    ) -> Decision:
        """A silent decision whose reasons are still to be named.

        Of a topic of somebody who is forgotten it says that there is one, alone.
        """
        if topic is not None and self._is_forgotten(topic):
            topic = None
        return Decision(
            forum=self._name,
            topic_id=topic_id,
            title="" if topic is None else topic.title,
            mode=mode,
            state="decided",
            reasons=(),
            decided_at=self._clock(),
            author_id=None if topic is None else topic.author_id,
            fingerprint="" if topic is None else fingerprint(topic),
        )

    def _is_forgotten(self, topic: TopicView) -> bool:
        gone = self._store.members.forgotten(self._name)
        return gone.covers(topic.author, topic.author_id or None)

    def _objections(self, topic: TopicView, *, counted: bool) -> tuple[str, ...]:
        earlier = self._store.ledger.get(self._name, topic.id)
        replied = earlier is not None and not earlier.is_open
        now = self._clock()
        sent = Sent()
        if counted:
            sent = sent_so_far(self._store, self._name, now, author_id=topic.author_id)
        return objections(
            topic,
            self._settings,
            now,
            replied=replied,
            sent=sent,
            verdict=against_answering(self._store, self._name, topic.id),
        )

    def _judged(self, topic: TopicView, blank: Decision) -> Considered:
        question = question_of_topic(
            topic, self._store, source=self._name, languages=self._languages
        )
        blank = replace(blank, language=question.language)
        try:
            hits = self._find(topic, question)
        except InvalidQueryError as exc:
            reason = f"nothing to search for: {exc}"
            return Considered(replace(blank, reasons=(reason,)), topic)
        verdict, outdated = self._judge(topic, hits, question.language)
        decision = replace(
            blank,
            reasons=verdict.reasons,
            suggestions=tuple(_suggestion(hit) for hit in verdict.picks),
            body=self._body(topic, verdict, question) if verdict.speak else None,
        )
        return Considered(decision, topic, outdated)

    def _judge(
        self, topic: TopicView, hits: Sequence[SearchHit], language: str | None
    ) -> tuple[Verdict, Mapping[str, str]]:
        """Judge, and look whether what would be linked still stands; what does not is
        left out, and judged is what remains."""
        problems: dict[DocumentId, str] = {}  # Empty text: it may be linked.
        while True:
            left = [hit for hit in hits if not problems.get(hit.document.id)]
            verdict = judge(topic, left, self._settings, language=language)
            # Silence needs no check: nothing is shown to anybody.
            new = [h for h in verdict.picks if h.document.id not in problems]
            if not verdict.speak or not new:
                break
            if not problems:
                # The topic and what would be linked are judged by who may read now.
                self._forum.forget_categories()
            for hit in new:
                problems[hit.document.id] = self._links.problem_with(hit)
        bad = [hit for hit in hits if problems.get(hit.document.id)]
        left_out = [f"left out {h.url}: {problems[h.document.id]}" for h in bad]
        topics = [hit for hit in bad if hit.document.source == self._name]
        outdated = {h.document.key: problems[h.document.id] for h in topics}
        return replace(verdict, reasons=(*verdict.reasons, *left_out)), outdated

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


def _waiting(blank: Decision, wait: Wait) -> Decision:
    return replace(blank, state="waiting", reasons=wait.reasons, due_at=wait.until)


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
