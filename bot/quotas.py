"""How much the bot has said, and whether that is enough for now."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.policy import PolicySettings, Sent
from bot.verdicts import against_answering
from kb.store import Decision, Store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def sent_so_far(
    store: Store, forum: str, now: datetime, *, author_id: int | None = None
) -> Sent:
    """Replies and drafts so far, those about to be sent included.

    What was sent later than now, as seen after the clock went back, counts for as long
    as what was sent before: a wrong clock neither lifts a quota nor closes it for good.

    Args:
        author_id: Of the topic; without it nothing counts as sent to its author.
    """
    return Sent(
        hour=_count(store, forum, now, HOUR),
        day=_count(store, forum, now, DAY),
        author=0
        if author_id is None
        else store.ledger.replies_since(
            forum, now - DAY, until=now + DAY, author_id=author_id
        ),
    )


def replies_sent(store: Store, forum: str, now: datetime) -> Sent:
    """As `sent_so_far`, without drafts and without what is only about to be sent."""
    hour, day = (
        store.ledger.replies_since(forum, now - span, until=now + span, sent=True)
        for span in (HOUR, DAY)
    )
    return Sent(hour=hour, day=day)


def _count(store: Store, forum: str, now: datetime, span: timedelta) -> int:
    since, until = now - span, now + span
    replies = store.ledger.replies_since(forum, since, until=until)
    # A draft that was approved is both: the larger count holds all that people saw.
    drafts = store.messages.count_since(forum, "draft", since, until)
    return max(replies, drafts)


def used_up(sent: Sent, settings: PolicySettings) -> tuple[str, ...]:
    """Which quotas are, in words; empty when there is room for one more.

    >>> used_up(Sent(hour=10, day=10), PolicySettings("baraza"))
    ('10 replies within the hour are the limit',)
    """
    return tuple(
        f"{limit} replies within the {span} are the limit"
        for count, limit, span in (
            (sent.hour, settings.max_replies_per_hour, "hour"),
            (sent.day, settings.max_replies_per_day, "day"),
            (sent.author, settings.max_replies_per_author, "day to one author"),
        )
        if count >= limit
    )


def against_one_more(
    store: Store,
    decision: Decision,
    settings: PolicySettings,
    now: datetime,
    *,
    counted: bool = True,
) -> tuple[str, ...]:
    """What has come between an answer and its sending since it was decided; to be
    asked within the transaction that claims it.

    Args:
        counted: Against the quotas; else a pause or a moderator's word alone speaks
            against it.
    """
    forum = decision.forum
    if store.pauses.get(forum) is not None:
        return ("the bot is paused",)
    verdict = against_answering(store, forum, decision.topic_id)
    if verdict:
        return (verdict,)
    if not counted:
        return ()
    sent = sent_so_far(store, forum, now, author_id=decision.author_id)
    return used_up(sent, settings)
