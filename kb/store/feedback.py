"""What people made of the bot's replies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from kb.store.rows import before_text, to_text
from kb.types import TopicId

FeedbackKind = Literal["like", "reaction", "solution", "flag", "removal", "word"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One person's word on one reply.

    Attributes:
        user_id: 0 where the forum does not say who.
        value: 1: it helped; -1: it did not; 0: neither.
        staff: It is a moderator's.
    """

    topic_id: TopicId
    kind: FeedbackKind
    user_id: int
    value: int
    staff: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Rating:
    """What all marks on one reply come to: 1, it helped, or -1, it did not."""

    topic_id: TopicId
    value: int
    at: datetime


class Feedback:
    """Reads and writes marks; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def replace(self, forum: str, topic_id: TopicId, marks: Iterable[Mark]) -> None:
        """These are the marks on a reply now; one that was there keeps its time."""
        now = list(marks)
        self._conn.executemany(
            "INSERT INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (forum, topic_id, kind, user_id) DO UPDATE SET"
            " at = CASE WHEN value = excluded.value THEN at ELSE excluded.at END,"
            " value = excluded.value, staff = excluded.staff",
            [
                (forum, topic_id, m.kind, m.user_id, m.value, m.staff, to_text(m.at))
                for m in now
            ],
        )
        kept = {(m.kind, m.user_id) for m in now}
        for mark in self.of(forum, topic_id):
            if (mark.kind, mark.user_id) not in kept:
                self._conn.execute(
                    "DELETE FROM feedback WHERE forum = ? AND topic_id = ?"
                    " AND kind = ? AND user_id = ?",
                    [forum, topic_id, mark.kind, mark.user_id],
                )

    def of(self, forum: str, topic_id: TopicId) -> list[Mark]:
        """The marks on one reply, oldest first."""
        rows = self._conn.execute(
            "SELECT topic_id, kind, user_id, value, staff, at FROM feedback"
            " WHERE forum = ? AND topic_id = ? ORDER BY at, kind, user_id",
            [forum, topic_id],
        )
        return [_mark(row) for row in rows]

    def ratings(
        self, forum: str, *, limit: int | None = None, before: datetime | None = None
    ) -> list[Rating]:
        """What people made of each reply that they rated, the newest first.

        A moderator's word outweighs all others; else the more frequent one holds, and
        with as many for it as against it, it did not help. However often a person
        says so, it is one word, and against it if one of them is.

        Args:
            before: Marks of then and later do not count.
        """
        rows = self._conn.execute(
            "SELECT topic_id, sum(value * (CASE WHEN staff THEN 1000 ELSE 1 END)),"
            " max(at) AS last FROM (SELECT topic_id, min(value) AS value,"
            " max(staff) AS staff, max(at) AS at FROM feedback"
            " WHERE forum = ? AND value != 0 AND at < ?"
            # What nobody is told of was done by somebody, each thing by one.
            " GROUP BY topic_id, user_id, CASE WHEN user_id = 0 THEN kind END)"
            " GROUP BY topic_id ORDER BY last DESC, topic_id DESC LIMIT ?",
            [
                forum,
                before_text(before),
                -1 if limit is None else limit,
            ],
        )
        return [
            Rating(TopicId(row[0]), 1 if row[1] > 0 else -1, _moment(row[2]))
            for row in rows
        ]


def _mark(row: tuple[Any, ...]) -> Mark:
    return Mark(TopicId(row[0]), row[1], row[2], row[3], bool(row[4]), _moment(row[5]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
