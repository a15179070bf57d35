"""The marks on a reply, as the forum tells them; one that nobody marked costs none."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

from bot.care import Around, Care, OwnPost, Person, Reaction
from bot.feedback import marks_of, value_of
from kb.errors import ForumRejectedError
from kb.store import Mark

log = logging.getLogger(__name__)


def marks_on(
    care: Care,
    post: OwnPost,
    around: Around,
    *,
    at: datetime,
    ignored: Collection[str] = (),
) -> list[Mark]:
    """See `bot.feedback.marks_of`.

    Raises:
        ForumUnavailableError, ForumProtocolError: They cannot be read now.
    """
    return marks_of(
        post,
        likers=_likers(care, post),
        reactions=_reactions(care, post),
        letters=around.letters,
        at=at,
        ignored=ignored,
    )


def _likers(care: Care, post: OwnPost) -> Sequence[Person]:
    if not post.likes:
        return ()
    try:
        return care.likers(post.id)
    except ForumRejectedError as exc:
        # That somebody likes it is known all the same.
        log.info("post=%d does not tell who likes it (%d)", post.id, exc.status)
        return ()


def _reactions(care: Care, post: OwnPost) -> Sequence[Reaction]:
    names = set(post.reactions or ()) - {"heart"}
    if not any(map(value_of, names)):
        return ()
    try:
        return care.reactions(post.id)
    except ForumRejectedError as exc:
        log.info("post=%d does not tell who reacted (%d)", post.id, exc.status)
        return ()
