"""What moderators say of topics: that one is no question, and so wants no answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlite_utils import Database

from kb.store.rows import before_text, to_text
from kb.types import TopicId

Verdict = Literal["not_a_question"]
VerdictOrigin = Literal["operator", "staff"]


class Verdicts:
    """Reads and writes verdicts; writes belong inside ``Store.transaction``.

    Kept by topic, not by document: a verdict may come before its topic is harvested,
    and outlasts its being read again. When one was taken back stays known: what staff
    wrote before may be read later.
    """

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def get(self, forum: str, topic_id: TopicId) -> Verdict | None:
        """What is said of a topic; ``None``: nothing, or it was taken back."""
        row = self._conn.execute(
            "SELECT verdict FROM verdicts WHERE forum = ? AND topic_id = ?"
            " AND verdict != 'question'",
            [forum, topic_id],
        ).fetchone()
        return None if row is None else row[0]

    def of(
        self, forum: str, *, before: datetime | None = None
    ) -> dict[TopicId, Verdict]:
        """All that is said of a forum's topics, by topic.

        Args:
            before: Only what was said earlier than this.
        """
        rows = self._conn.execute(
            "SELECT topic_id, verdict FROM verdicts WHERE forum = ?"
            " AND verdict != 'question' AND at < ? ORDER BY topic_id",
            [forum, before_text(before)],
        )
        return {TopicId(topic_id): verdict for topic_id, verdict in rows}

    def taken_back_since(self, forum: str, topic_id: TopicId, at: datetime) -> bool:
        """Whether what was said at a time was taken back later."""
        row = self._conn.execute(
            "SELECT 1 FROM verdicts WHERE forum = ? AND topic_id = ?"
            " AND verdict = 'question' AND at > ?",
            [forum, topic_id, to_text(at)],
        ).fetchone()
        return row is not None

    def mark(
        self,
        forum: str,
        topic_id: TopicId,
        verdict: Verdict,
        origin: VerdictOrigin,
        at: datetime,
    ) -> bool:
        """Say something of a topic; False where it was said before, by whomever.

        An operator speaks now; what staff said is void where it was taken back later.
        """
        cursor = self._conn.execute(
            "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (forum, topic_id) DO UPDATE SET verdict = excluded.verdict,"
            " origin = excluded.origin, at = excluded.at"
            " WHERE verdict != excluded.verdict"
            " AND (excluded.origin = 'operator' OR excluded.at >= at)",
            [forum, topic_id, verdict, origin, to_text(at)],
        )
        return cursor.rowcount == 1

    def unmark(self, forum: str, topic_id: TopicId, at: datetime) -> bool:
        """Take it back, as an operator; False if nothing was said."""
        was_said = self.get(forum, topic_id) is not None
        self._conn.execute(
            "INSERT INTO verdicts VALUES (?, ?, 'question', 'operator', ?)"
            " ON CONFLICT (forum, topic_id) DO UPDATE SET verdict = excluded.verdict,"
            " origin = excluded.origin, at = max(at, excluded.at)",
            [forum, topic_id, to_text(at)],
        )
        return was_said
