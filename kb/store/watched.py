"""Topics as the bot's watch sees them: what it has not noted, and who begins many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from kb.store.rows import to_moment, to_text
from kb.types import PUBLIC, TopicId


@dataclass(frozen=True, slots=True)
class Unnoted:
    """A harvested topic that the ledger knows nothing of."""

    topic_id: TopicId
    title: str
    created_at: datetime
    author_id: int | None


class Watched:
    """Reads and writes; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def unnoted(self, forum: str, since: datetime) -> list[Unnoted]:
        """Public topics of a forum, begun since a time, that were harvested and never
        noted: the list passed them over, or they were not public then. By topic."""
        rows = self._conn.execute(
            "SELECT CAST(d.key AS INTEGER), d.title, d.created_at, p.author_id"
            " FROM documents d"
            " LEFT JOIN parts p ON p.document_id = d.id AND p.number = 1"
            " WHERE d.source = ? AND d.created_at >= ? AND d.visibility = ?"
            " AND d.listed AND NOT EXISTS (SELECT 1 FROM decisions e WHERE e.forum = ?"
            " AND e.topic_id = CAST(d.key AS INTEGER)) ORDER BY 1",
            [forum, to_text(since), PUBLIC, forum],
        )
        return [
            Unnoted(TopicId(key), title, moment, author_id)
            for key, title, text, author_id in rows
            if (moment := to_moment(text)) is not None
        ]

    def begun_by(self, forum: str, author_id: int, since: datetime) -> int:
        """How many topics of one member were noted or decided since a time."""
        row = self._conn.execute(
            "SELECT count(*) FROM decisions WHERE forum = ? AND author_id = ?"
            " AND decided_at >= ?",
            [forum, author_id, to_text(since)],
        ).fetchone()
        return int(row[0])

    def reopen(self, forum: str, after: datetime, *, due_at: datetime) -> int:
        """Have decided again what was decided after a time that is still to come: the
        clock was wrong then. Gives how many."""
        return self._conn.execute(
            "UPDATE decisions SET state = 'waiting', due_at = ?, decided_at = ?"
            " WHERE forum = ? AND state = 'decided' AND decided_at > ?",
            [to_text(due_at), to_text(due_at), forum, to_text(after)],
        ).rowcount
