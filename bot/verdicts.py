"""What a moderator says of a topic, and what becomes of it in the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kb.store import Store, VerdictOrigin
from kb.types import TopicId

NO_QUESTION = "a moderator says that it is no question"


def against_answering(store: Store, forum: str, topic_id: TopicId) -> str:
    """Why moderators want no answer in a topic; empty when none said so."""
    return NO_QUESTION if store.verdicts.get(forum, topic_id) is not None else ""


def mark_no_question(
    store: Store,
    forum: str,
    topic_id: TopicId,
    *,
    origin: VerdictOrigin,
    at: datetime,
) -> bool:
    """A topic is no question: what waits there for its time, or for approval, is
    closed. Inside a transaction.

    A reply that stands is left to whoever withdraws it. One that is about to be sent
    is refused when its claim is settled. What staff said before an operator took it
    back is void.

    Returns:
        False where that was known, or is void.
    """
    is_new = store.verdicts.mark(forum, topic_id, "not_a_question", origin, at)
    if not against_answering(store, forum, topic_id):
        return False
    decision = store.ledger.get(forum, topic_id)
    if decision is not None and decision.state in ("waiting", "drafted"):
        store.ledger.record(
            replace(
                decision,
                state="decided",
                reasons=(NO_QUESTION,),
                body=None,
                due_at=None,
                decided_at=at,
                updated_at=at,
            )
        )
        store.messages.close(forum, "draft", str(topic_id))
    return is_new


def mark(
    store: Store, forum: str, topic_id: TopicId, *, is_question: bool, at: datetime
) -> bool:
    """An operator says whether a topic is a question; in a transaction of its own.

    One that is a question after all is taken up again when it is edited, or when the
    bot is told to.

    Args:
        forum: Name of the source that holds the topic.

    Returns:
        False where that was known.

    Raises:
        StoreError: It cannot be noted.
    """
    with store.transaction():
        if is_question:
            return store.verdicts.unmark(forum, topic_id, at)
        return mark_no_question(store, forum, topic_id, origin="operator", at=at)
