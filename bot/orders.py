"""What staff order about drafts: carried out, and said in a sentence.

What comes to the same by another way (a like, ``baraza approve``) holds as well: an
order that finds it done is no failure, so one that a crash interrupts is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from bot import mail_words
from bot.catalogue import Catalogue
from bot.drafts import APPROVED
from bot.escape import visible
from kb.errors import (
    ConfigError,
    EmbeddingError,
    ForumRejectedError,
    NotFoundError,
    SearchIndexError,
)
from kb.store import Decision, Store
from kb.types import TopicId

log = logging.getLogger(__name__)

_UNDER_WAY = frozenset({"claimed", "posted", "queued"})


class Judged(Protocol):
    """What this needs of `bot.drafts.Drafts`."""

    def approve(self, topic_id: TopicId, *, at_once: bool) -> Decision:
        """See `bot.drafts.Drafts.approve`."""

    def reject(self, topic_id: TopicId, reason: str) -> Decision:
        """See `bot.drafts.Drafts.reject`."""


OpenDrafts = Callable[[], AbstractContextManager[Judged]]
"""Opens the drafts of the forum, for one order: orders are few."""


class Orders:
    """Approves and rejects drafts by private message.

    Nothing is to be open of *store*: a draft is decided again, which reads the forum
    and writes in transactions of its own.

    Args:
        name: The forum's source in the config.
        store: For what became of a draft.
        open_drafts: See `OpenDrafts`.
    """

    def __init__(self, name: str, *, store: Store, open_drafts: OpenDrafts) -> None:
        self._name = name
        self._store = store
        self._open_drafts = open_drafts

    def approve(self, topic_id: TopicId, words: Catalogue, *, written: datetime) -> str:
        """Have a draft posted with the next watch, if it still holds.

        Args:
            written: When the order was: one that was made since, nobody has approved.

        Raises:
            ForumError: Whether it holds cannot be found out now.
        """
        if self._store.pauses.get(self._name) is not None:
            return mail_words.approved_in_vain(words, is_paused=True)
        if self._is_newer(topic_id, written):
            log.info("topic=%d its draft is newer than its approval", topic_id)
            return mail_words.draft_is_newer(words)
        try:
            with self._open_drafts() as drafts:
                decision = drafts.approve(topic_id, at_once=False)
        except NotFoundError:
            known = self._store.ledger.get(self._name, topic_id)
            is_done = known is not None and _is_approved(known)
            return mail_words.approved(words) if is_done else mail_words.no_draft(words)
        except ForumRejectedError as exc:
            log.warning("topic=%d cannot be approved (%d)", topic_id, exc.status)
            return mail_words.approved_in_vain(words)
        except (ConfigError, EmbeddingError, SearchIndexError) as exc:
            log.warning("topic=%d cannot be approved: %s", topic_id, exc)
            return mail_words.approved_in_vain(words)
        log.info("topic=%d approved by staff state=%s", topic_id, decision.state)
        if _is_approved(decision):
            return mail_words.approved(words)
        return mail_words.draft_is_stale(words)

    def _is_newer(self, topic_id: TopicId, written: datetime) -> bool:
        """Whether the draft that waits now was made after an order was written."""
        known = self._store.ledger.get(self._name, topic_id)
        if known is None or known.state != "drafted":
            return False
        shown = self._store.messages.about(self._name, "draft", str(topic_id))
        return bool(shown) and shown[-1].at > written

    def reject(self, topic_id: TopicId, reason: str, words: Catalogue) -> str:
        """Never post a draft."""
        try:
            with self._open_drafts() as drafts:
                drafts.reject(topic_id, visible(reason))
        except NotFoundError:
            known = self._store.ledger.get(self._name, topic_id)
            if known is None or known.state != "rejected":
                return mail_words.no_draft(words)
        return mail_words.rejected(words)


def _is_approved(decision: Decision) -> bool:
    return decision.state in _UNDER_WAY and APPROVED in decision.reasons
