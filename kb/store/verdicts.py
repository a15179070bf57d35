"""What moderators say of topics: that one is no question, and so wants no answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlite_utils import Database

from kb.store.rows import to_text
from kb.types import TopicId

Verdict = Literal["not_a_question"]
VerdictOrigin = Literal["operator", "staff"]


class Verdicts:
    """Reads and writes verdicts; writes belong inside ``Store.transaction``.

    Kept by topic, not by document: a verdict may come before its topic is harvested,
    and outlasts its being read again.
    """

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def get(self, forum: str, topic_id: TopicId) -> Verdict | None:
        """What is said of a topic; ``None``: nothing."""
        row = self._conn.execute(
            "SELECT verdict FROM verdicts WHERE forum = ? AND topic_id = ?",
            [forum, topic_id],
        ).fetchone()
        return None if row is None else row[0]

    def of(self, forum: str) -> dict[TopicId, Verdict]:
        """All that is said of a forum's topics, by topic."""
        rows = self._conn.execute(
            "SELECT topic_id, verdict FROM verdicts WHERE forum = ? ORDER BY topic_id",
            [forum],
        )
        return {TopicId(topic_id): verdict for topic_id, verdict in rows}

    def mark(
        self,
        forum: str,
        topic_id: TopicId,
        verdict: Verdict,
        origin: VerdictOrigin,
        at: datetime,
    ) -> bool:
        """Say something of a topic; False where it was said before, by whomever."""
        cursor = self._conn.execute(
            "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (forum, topic_id) DO UPDATE SET verdict = excluded.verdict,"
            " origin = excluded.origin, at = excluded.at"
            " WHERE verdict != excluded.verdict",
            [forum, topic_id, verdict, origin, to_text(at)],
        )
        return cursor.rowcount == 1

    def unmark(self, forum: str, topic_id: TopicId) -> bool:
        """Take it back; False if nothing was said."""
        cursor = self._conn.execute(
            "DELETE FROM verdicts WHERE forum = ? AND topic_id = ?", [forum, topic_id]
        )
        return cursor.rowcount == 1
