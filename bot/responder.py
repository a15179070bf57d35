"""A new topic → search → policy → compose → at most one reply, ever.

This room puts the others together: `bot.deciding` says what is to be said,
`bot.posting` posts it once at most, `bot.drafts` has it approved first, and
`bot.watching` finds the topics and knows when they are due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.catalogue import Catalogues
from bot.config import Mode
from bot.deciding import SWITCHED_OFF, Considered, Decider, Find, ModeFor, Unwanted
from bot.drafts import Drafts
from bot.forum import Forum
from bot.policy import PolicySettings
from bot.posting import Poster
from bot.rechecking import LinkCheck, Vouch
from bot.topic import TopicView
from bot.watching import MAX_TRIES, Watch, WatchReport
from kb.store import Decision, Store
from kb.types import Clock, TopicId, utc_now

__all__ = ["MAX_TRIES", "Find", "Responder", "Vouch", "WatchReport"]


def _nobody(_topic: TopicView) -> str:
    """The `Unwanted` of a community where everybody welcomes answers."""
    return ""


class Responder:
    """Answers topics of one forum.

    Args:
        name: The forum's source in the config; the ledger's key.
        forum: Where no mode writes it should be a `DryRunForum`, so that even a
            mistake here cannot post.
        store: For the ledger; used from one thread only.
        find: See `Find`.
        languages: Those that members write in; the first is used when none is
            detected.
        settings: When to speak.
        mode: Everywhere, or what holds in a category. ``off`` does nothing, ``shadow``
            decides and records, ``draft`` asks the moderators, ``whisper`` and
            ``public`` post.
        community: Name of the community, for the reply.
        clock: Aware, UTC.
        catalogues: Our words; without them, those that are shipped.
        vouch: See `Vouch`; without one, what is in the store is taken for alive.
        moderators: Groups or members who approve drafts.
        draft_expires: How long a draft may be approved.
        unwanted: See `bot.deciding.Unwanted`.

    Attributes:
        drafts: What waits for the moderators.
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
        mode: Mode | ModeFor,
        community: str,
        clock: Clock = utc_now,
        catalogues: Catalogues | None = None,
        vouch: Vouch | None = None,
        moderators: Sequence[str] = ("moderators",),
        draft_expires: timedelta = timedelta(days=2),
        unwanted: Unwanted = _nobody,
    ) -> None:
        self._name = name
        self._forum = forum
        self._store = store
        self._clock = clock
        self._off = mode == "off"
        mode_for = mode if callable(mode) else _everywhere(mode)
        self._links = LinkCheck(name, forum, vouch)
        self._decider = Decider(
            name,
            forum=forum,
            store=store,
            find=find,
            links=self._links,
            languages=languages,
            settings=settings,
            mode_for=mode_for,
            community=community,
            clock=clock,
            catalogues=catalogues,
            unwanted=unwanted,
        )
        self._poster = Poster(
            name,
            forum=forum,
            store=store,
            links=self._links,
            settings=settings,
            mode_for=mode_for,
            clock=clock,
            unwanted=unwanted,
        )
        self.drafts = Drafts(
            name,
            forum=forum,
            store=store,
            decider=self._decider,
            poster=self._poster,
            settings=settings,
            moderators=moderators,
            expires_after=draft_expires,
            clock=clock,
        )
        self._watch = Watch(
            name,
            forum=forum,
            store=store,
            respond=self.respond,
            record=self._poster.record,
            settings=settings,
            mode=mode_for(()),
            clock=clock,
        )

    # -- one topic ---------------------------------------------------------

    def consider(self, topic_id: TopicId) -> Decision:
        """Decide about a topic; nothing is recorded, nothing is posted.

        Raises:
            ForumError: The topic cannot be read.
            SearchIndexError: There is no usable index.
        """
        return self._decider.consider(topic_id).decision

    def respond(self, topic_id: TopicId, *, patiently: bool = False) -> Decision:
        """Decide about a topic, record it, and do what the mode says.

        A topic with a claim or a reply is left as it is: its stored decision is
        returned.

        Args:
            patiently: A topic that it is too early for waits; else it is decided now,
                as somebody asks for it.

        Raises:
            ForumUnavailableError, ForumProtocolError: The topic cannot be read, or
                whether the reply was posted is open; the claim stays, and
                `reconcile` settles it.
            ForumRejectedError: The topic cannot be read.
            SearchIndexError: There is no usable index.
            ConfigError: The account may not do what the mode asks for.
        """
        earlier = self._store.ledger.get(self._name, topic_id)
        if earlier is not None and not earlier.is_open:
            return earlier
        if self._off:
            blank = self._decider.blank(topic_id, mode="off")
            return replace(blank, reasons=(SWITCHED_OFF,))
        considered = self._decider.consider(topic_id, patiently=patiently)
        self._read_again(considered.outdated)
        self._links.note()
        return self._act(considered, earlier)

    def _act(self, considered: Considered, earlier: Decision | None) -> Decision:
        decision = considered.decision
        is_drafted = earlier is not None and earlier.state == "drafted"
        if decision.state == "waiting" and is_drafted and earlier is not None:
            return earlier  # It is decided again before it is posted, in any case.
        if decision.is_silent or decision.mode == "shadow":
            return self._poster.record(decision)
        if decision.mode != "draft":
            return self._poster.post(considered)
        if is_drafted and earlier is not None and _says_the_same(earlier, decision):
            # The moderators have it before them; only that it was read again is new.
            return self._poster.record(
                replace(earlier, fingerprint=decision.fingerprint, title=decision.title)
            )
        return self.drafts.propose(considered)

    def _read_again(self, outdated: Mapping[str, str]) -> None:
        """Have the next harvest read threads whatever the forum's list says."""
        if not outdated:
            return
        with self._store.transaction():
            for key, problem in outdated.items():
                self._store.progress.set_aside(
                    self._name, key, f"cannot be linked: {problem}", at=self._clock()
                )

    # -- all of them -------------------------------------------------------

    def reconcile(self) -> tuple[Decision, ...]:
        """See `Poster.reconcile`."""
        return self._poster.reconcile()

    def watch(self, *, stopped: Callable[[], bool] = lambda: False) -> WatchReport:
        """Settle what is open, note the new topics, and decide about those due.

        The first watch of a forum answers none: it only notes where it starts.

        Args:
            stopped: Asked between topics; True ends the watch early.

        Raises:
            ForumError: The list of topics cannot be read.
            SearchIndexError, EmbeddingError, StoreError, ConfigError: Nothing can be
                decided at all.
        """
        if self._off:
            return WatchReport()
        try:
            reconciled = self.reconcile()
        finally:
            # Whatever is wrong with a claim, what is new is noted.
            noted = self._watch.note_new()
        due = self._watch.decide_due(stopped)
        edited = self._watch.decide_edited(stopped)
        drafts: tuple[Decision, ...] = ()
        if self._forum.writes:
            try:
                self.drafts.settle()
            finally:
                # Drafts that stand are not to blame for one that cannot be shown.
                drafts = self.drafts.collect()
        return WatchReport(
            (*due.decisions, *edited.decisions),
            (*due.failed, *edited.failed),
            (*due.given_up, *edited.given_up),
            reconciled,
            drafts,
            noted,
        )


def _everywhere(mode: Mode) -> ModeFor:
    return lambda _category: mode


def _says_the_same(one: Decision, other: Decision) -> bool:
    return one.body == other.body
