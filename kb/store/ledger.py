"""The bot's ledger: one row per topic, so that it can speak once at most.

``decided`` (silent, or shadow) → may be decided again
``claimed`` → about to post: after a crash the topic is read before anything is sent
``posted`` | ``queued`` (a moderator must approve) | ``refused`` (by the forum) → final
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from kb.store.rows import clean, to_json, to_text
from kb.types import PostId, TopicId

State = Literal["decided", "claimed", "posted", "queued", "refused"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bot made of a topic, silence included, and why.

    Attributes:
        reasons: Why it spoke or stayed silent, for people; never empty.
        suggestions: What it would link, as plain JSON values, best first.
        body: The Markdown of the reply; ``None`` for silence.
    """

    forum: str
    topic_id: TopicId
    title: str
    mode: str
    state: State
    reasons: tuple[str, ...]
    decided_at: datetime
    suggestions: Sequence[Mapping[str, Any]] = field(default=())
    body: str | None = None
    post_id: PostId | None = None
    post_url: str | None = None
    updated_at: datetime | None = None

    @property
    def is_silent(self) -> bool:
        return self.body is None


class Ledger:
    """Reads and writes decisions; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def get(self, forum: str, topic_id: TopicId) -> Decision | None:
        """The decision on a topic, or ``None``."""
        row = self._conn.execute(
            "SELECT forum, topic_id, title, mode, state, reasons, suggestions, body, "
            "post_id, post_url, decided_at, updated_at FROM decisions "
            "WHERE forum = ? AND topic_id = ?",
            [forum, topic_id],
        ).fetchone()
        return None if row is None else _decision(row)

    def recent(self, limit: int = 20) -> list[Decision]:
        """The latest decisions, newest first."""
        rows = self._conn.execute(
            "SELECT forum, topic_id, title, mode, state, reasons, suggestions, body, "
            "post_id, post_url, decided_at, updated_at FROM decisions "
            "ORDER BY updated_at DESC, topic_id DESC LIMIT ?",
            [limit],
        )
        return [_decision(row) for row in rows]

    def claimed(self, forum: str) -> list[Decision]:
        """Topics where a reply was about to be sent and was never confirmed."""
        rows = self._conn.execute(
            "SELECT forum, topic_id, title, mode, state, reasons, suggestions, body, "
            "post_id, post_url, decided_at, updated_at FROM decisions "
            "WHERE forum = ? AND state = 'claimed' ORDER BY topic_id",
            [forum],
        )
        return [_decision(row) for row in rows]

    def record(self, decision: Decision) -> bool:
        """Keep a decision unless the topic already has a claim or a reply.

        With state ``claimed`` this is the claim: of two callers one gets True.

        Returns:
            True if it was kept.
        """
        stamp = to_text(decision.updated_at or decision.decided_at)
        values = [
            decision.forum,
            decision.topic_id,
            clean(decision.title),
            decision.mode,
            decision.state,
            to_json(decision.reasons),
            clean(to_json(decision.suggestions)),
            None if decision.body is None else clean(decision.body),
            to_text(decision.decided_at),
            stamp,
        ]
        cursor = self._conn.execute(
            "INSERT INTO decisions (forum, topic_id, title, mode, state, reasons,"
            " suggestions, body, decided_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (forum, topic_id) DO UPDATE SET title = excluded.title,"
            " mode = excluded.mode, state = excluded.state, reasons = excluded.reasons,"
            " suggestions = excluded.suggestions, body = excluded.body,"
            " decided_at = excluded.decided_at, updated_at = excluded.updated_at"
            " WHERE state = 'decided'",
            values,
        )
        return cursor.rowcount == 1

    def settle(
        self,
        forum: str,
        topic_id: TopicId,
        state: State,
        *,
        at: datetime,
        post_id: PostId | None = None,
        post_url: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Say how a claim ended; a further *reason* is added to the stored ones."""
        decision = self.get(forum, topic_id)
        reasons = decision.reasons if decision else ()
        if reason is not None:
            reasons = (*reasons, reason)
        self._conn.execute(
            "UPDATE decisions SET state = ?, post_id = ?, post_url = ?, reasons = ?, "
            "updated_at = ? WHERE forum = ? AND topic_id = ?",
            [state, post_id, post_url, to_json(reasons), to_text(at), forum, topic_id],
        )

    def replies_since(self, forum: str, since: datetime, *, sent: bool = False) -> int:
        """Replies since a time, for the quota: those about to be sent as well,
        unless only the *sent* ones are asked for."""
        row = self._conn.execute(
            "SELECT count(*) FROM decisions WHERE forum = ? AND updated_at >= ? "
            "AND (state IN ('posted', 'queued') OR (state = 'claimed' AND NOT ?))",
            [forum, to_text(since), sent],
        ).fetchone()
        return int(row[0])

    def watermark(self, forum: str) -> TopicId | None:
        """The newest topic that the watch has dealt with; ``None`` before its start."""
        row = self._conn.execute(
            "SELECT topic_id FROM watches WHERE forum = ?", [forum]
        ).fetchone()
        return None if row is None else TopicId(row[0])

    def set_watermark(self, forum: str, topic_id: TopicId, *, at: datetime) -> None:
        self._conn.execute(
            "INSERT INTO watches VALUES (?, ?, ?) ON CONFLICT (forum) DO UPDATE SET "
            "topic_id = excluded.topic_id, updated_at = excluded.updated_at",
            [forum, topic_id, to_text(at)],
        )

    def counts(self) -> dict[str, int]:
        """How many decisions are in each state."""
        rows = self._conn.execute(
            "SELECT state, count(*) FROM decisions GROUP BY state ORDER BY state"
        )
        return {state: int(count) for state, count in rows}


def _decision(row: tuple[Any, ...]) -> Decision:
    return Decision(
        forum=row[0],
        topic_id=TopicId(row[1]),
        title=row[2],
        mode=row[3],
        state=row[4],
        reasons=tuple(json.loads(row[5])),
        suggestions=tuple(json.loads(row[6])),
        body=row[7],
        post_id=None if row[8] is None else PostId(row[8]),
        post_url=row[9],
        decided_at=datetime.fromisoformat(row[10]),
        updated_at=datetime.fromisoformat(row[11]),
    )
