"""What moderators say of drafts without a word, read by private message."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping

from bot.absence import Absences
from bot.forum import Forum, Votes
from kb.errors import ForumError, RateLimitedError
from kb.store.messages import Message
from kb.types import PostId, TopicId

log = logging.getLogger(__name__)


class Ballots:
    """Reads the votes on drafts.

    Args:
        absences: Remembers which draft was missed where it should stand.
    """

    def __init__(self, forum: Forum, absences: Absences) -> None:
        self._forum = forum
        self._absences = absences

    def read(self, drafts: Iterable[Message]) -> dict[str, Votes]:
        """The votes on drafts, by key; without those that cannot be read now."""
        places: defaultdict[TopicId, dict[PostId, Message]] = defaultdict(dict)
        for draft in drafts:
            if draft.topic_id is not None and draft.post_id is not None:
                places[draft.topic_id][draft.post_id] = draft
        found: dict[str, Votes] = {}
        for topic_id, posts in places.items():
            try:
                votes = self._forum.votes(topic_id, posts)
            except ForumError as exc:
                log.warning("message=%d its drafts stay open: %s", topic_id, exc)
                if isinstance(exc, RateLimitedError):
                    break
                continue
            found |= {
                draft.key: self._votes_on(draft, post_id, votes)
                for post_id, draft in posts.items()
            }
        return found

    def _votes_on(
        self, draft: Message, post_id: PostId, votes: Mapping[PostId, Votes]
    ) -> Votes:
        if post_id in votes:
            self._absences.is_there(draft.key)
            return votes[post_id]
        # Its private message can be read, and it is not in it.
        reason = "it is not in its private message"
        return Votes(removed=self._absences.is_missing(draft.key, reason))
