"""Learning templates from what is stored, when there is enough that is new."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from indexer.clean import CLEANER_VERSION, clean_body
from indexer.templates import (
    LEARNER_VERSION,
    MIN_DOCUMENTS,
    PostLines,
    keys_of,
    learn,
)
from kb.store import Store, TemplateSet
from kb.types import Clock, Templates, utc_now

_log = logging.getLogger(__name__)

_LEARNER = f"{LEARNER_VERSION}, clean {CLEANER_VERSION}"

_AGAIN_AFTER = timedelta(days=7)
_GROWTH = 0.1

# What is read of a category, spread over all of it: enough to tell a share of a
# twentieth from nothing, and the work does not grow with the forum.
_MAX_DOCUMENTS = 3_000
_MAX_POSTS = 30


def learn_templates(
    store: Store, source: str, *, clock: Clock = utc_now
) -> tuple[str, ...]:
    """Learn the templates of the categories of *source* that changed enough.

    A category is looked at again when the number of its threads changed by a tenth,
    after a week, or with other code. Whoever calls it cuts anew what has another
    stamp then: `indexer.cutting.recut`.

    Memory and, per category, time do not grow with the forum.

    Returns:
        The categories whose templates are others now.
    """
    changed: list[str] = []
    known = store.templates.sets(source)
    threads = store.templates.threads(source)
    for category in sorted({*known, *threads}):
        count, at = threads.get(category, 0), clock()
        before = known.get(category)
        if not _is_due(before, count, at):
            continue
        if _learn_one(store, source, category, count, at):
            changed.append(category)
    return tuple(changed)


def _is_due(before: TemplateSet | None, count: int, at: datetime) -> bool:
    if before is None:
        return count >= MIN_DOCUMENTS
    return (
        before.learner != _LEARNER
        or abs(count - before.documents) >= max(_GROWTH * before.documents, 1)
        or at - before.learned_at >= _AGAIN_AFTER
    )


def _learn_one(
    store: Store, source: str, category: str, count: int, at: datetime
) -> bool:
    """Look at one category; whether its templates are others now."""
    before = store.templates.of(source, category)
    every = -(-count // _MAX_DOCUMENTS) or 1

    def lines(scope: Literal["opening", "reply"]) -> Iterator[PostLines]:
        return _lines(store, source, category, every, opening=scope == "opening")

    learned = Templates(
        opening=learn(lambda: lines("opening"), before.opening),
        reply=learn(lambda: lines("reply"), before.reply),
    )
    with store.transaction():
        if count < MIN_DOCUMENTS and not learned:
            store.templates.forget(source, category)
        else:
            store.templates.keep(
                TemplateSet(source, category, learned.stamp, _LEARNER, count, at),
                learned,
            )
    if learned == before:
        return False
    _log.info(
        "source=%s category=%s templates=%d lines: %d new, %d gone",
        source,
        category,
        len(learned),
        len((learned.opening | learned.reply) - (before.opening | before.reply)),
        len((before.opening | before.reply) - (learned.opening | learned.reply)),
    )
    return True


def _lines(
    store: Store, source: str, category: str, every: int, *, opening: bool
) -> Iterator[PostLines]:
    document, posts = None, 0
    for post in store.templates.posts(source, category, every=every):
        posts = posts + 1 if post.document_id == document else 1
        document = post.document_id
        if post.opening is opening and posts <= _MAX_POSTS:
            keys = keys_of(clean_body(post.body, post.format))
            yield PostLines(post.document_id, post.author, keys)
