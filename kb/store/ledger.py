"""The bot's ledger: one row per topic, so that it can speak once at most.

``waiting`` → to be decided when it is due
``decided`` (silent, or shadow) → may be decided again
``drafted`` → waits for a moderator's word; may be decided again
``claimed`` → about to post: after a crash the topic is read before anything is sent
``posted`` | ``queued`` (a moderator must approve) → may still be ``withdrawn``
``refused`` (by the forum), ``rejected`` (by a moderator), ``expired`` (none said a
word), ``withdrawn`` → final: nothing is ever posted there
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from kb.store.rows import before_text, clean, to_json, to_moment, to_text
from kb.types import PostId, TopicId

State = Literal[
    "waiting",
    "decided",
    "drafted",
    "claimed",
    "posted",
    "queued",
    "refused",
    "rejected",
    "expired",
    "withdrawn",
]
# What may still become anything else.
OPEN: frozenset[State] = frozenset({"waiting", "decided", "drafted"})

_COLUMNS = (
    "forum, topic_id, title, mode, state, reasons, suggestions, body, post_id,"
    " post_url, decided_at, updated_at, author_id, language, due_at, fingerprint,"
    " sent_at, looked_at"
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bot made of a topic, silence included, and why.

    Attributes:
        mode: In which it was decided: ``public``, ``whisper``, ``draft``, ….
        reasons: Why it spoke or stayed silent, for people; never empty.
        suggestions: What it would link, as plain JSON values, best first.
        body: The Markdown of the reply; ``None`` for silence.
        author_id: Of the topic, where it is known.
        language: Of the question, where it is known.
        due_at: When a topic that waits is decided.
        fingerprint: Of the topic's words, see `bot.settling`; empty: not known.
        sent_at: When its reply was claimed, and once it is settled, when it was.
        looked_at: When its reply was last looked after.
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
    author_id: int | None = None
    language: str | None = None
    due_at: datetime | None = None
    fingerprint: str = ""
    sent_at: datetime | None = None
    looked_at: datetime | None = None

    @property
    def is_silent(self) -> bool:
        return self.body is None

    @property
    def is_open(self) -> bool:
        """Whether it may still be decided otherwise."""
        return self.state in OPEN


class Ledger:
    """Reads and writes decisions; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def get(self, forum: str, topic_id: TopicId) -> Decision | None:
        """The decision on a topic, or ``None``."""
        found = self._select("forum = ? AND topic_id = ?", [forum, topic_id])
        return found[0] if found else None

    def recent(self, limit: int = 20) -> list[Decision]:
        """The latest decisions, newest first."""
        return self._select(
            "1 ORDER BY updated_at DESC, topic_id DESC LIMIT ?", [limit]
        )

    def claimed(self, forum: str) -> list[Decision]:
        """Topics where a reply was about to be sent and was never confirmed."""
        return self.in_state(forum, "claimed")

    def in_state(self, forum: str, state: State) -> list[Decision]:
        """All decisions of a state, by topic."""
        return self._select("forum = ? AND state = ? ORDER BY topic_id", [forum, state])

    def due(
        self,
        forum: str,
        now: datetime,
        *,
        beyond: datetime | None = None,
        limit: int = 100,
    ) -> list[Decision]:
        """Topics whose waiting is over, those that waited longest first.

        Args:
            beyond: Nothing waits for so long: the clock was wrong, and it is over, too.
        """
        return self._select(
            "forum = ? AND state = 'waiting' AND (due_at <= ? OR due_at > ?)"
            " ORDER BY due_at, topic_id LIMIT ?",
            [forum, to_text(now), before_text(beyond), limit],
        )

    def next_due(self, forum: str) -> datetime | None:
        """When the first of the topics that wait is due; ``None``: none waits."""
        row = self._conn.execute(
            "SELECT min(due_at) FROM decisions WHERE forum = ? AND state = 'waiting'",
            [forum],
        ).fetchone()
        return to_moment(row[0])

    def silences(self, forum: str, since: datetime) -> list[Decision]:
        """Topics that were decided, and nothing posted, since a time; by topic."""
        return self._select(
            "forum = ? AND state = 'decided' AND decided_at >= ? ORDER BY topic_id",
            [forum, to_text(since)],
        )

    def decided_between(
        self, forum: str, since: datetime, until: datetime
    ) -> list[Decision]:
        """Topics that were last decided, or noted, from a time on and before another
        one; oldest first."""
        return self._select(
            "forum = ? AND decided_at >= ? AND decided_at < ?"
            " ORDER BY decided_at, topic_id",
            [forum, to_text(since), to_text(until)],
        )

    def knows(self, forum: str, before: datetime) -> bool:
        """Whether anything was decided, or noted, of a forum before a time."""
        row = self._conn.execute(
            "SELECT EXISTS (SELECT 1 FROM decisions"
            " WHERE forum = ? AND decided_at < ?)",
            [forum, to_text(before)],
        ).fetchone()
        return bool(row[0])

    def replies(self, forum: str, since: datetime) -> list[Decision]:
        """Replies that stand on the forum, sent since a time, or of any time as long as
        they show what was forgotten: those first that were not looked after the
        longest."""
        return self._select(
            "forum = ? AND state IN ('posted', 'queued') AND (sent_at >= ?"
            " OR EXISTS (SELECT 1 FROM json_each(suggestions)"
            " WHERE json_extract(value, '$.forgotten')"
            " AND json_extract(value, '$.removed') IS NOT 1))"
            " ORDER BY coalesce(looked_at, ''), topic_id",
            [forum, to_text(since)],
        )

    def _select(self, where: str, values: Sequence[object]) -> list[Decision]:
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM decisions WHERE {where}",  # noqa: S608
            list(values),
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
            decision.author_id,
            decision.language,
            to_text(decision.due_at),
            decision.fingerprint,
            stamp if decision.state == "claimed" else to_text(decision.sent_at),
        ]
        cursor = self._conn.execute(
            "INSERT INTO decisions (forum, topic_id, title, mode, state, reasons,"
            " suggestions, body, decided_at, updated_at, author_id, language, due_at,"
            " fingerprint, sent_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (forum, topic_id) DO UPDATE SET title = excluded.title,"
            " mode = excluded.mode, state = excluded.state, reasons = excluded.reasons,"
            " suggestions = excluded.suggestions, body = excluded.body,"
            " decided_at = excluded.decided_at, updated_at = excluded.updated_at,"
            " author_id = excluded.author_id, language = excluded.language,"
            " due_at = excluded.due_at, fingerprint = excluded.fingerprint,"
            " sent_at = excluded.sent_at"
            " WHERE state IN ('waiting', 'decided', 'drafted')",
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
        self._conn.execute(
            "UPDATE decisions SET state = ?, post_id = ?, post_url = ?, reasons = ?, "
            "updated_at = ?, sent_at = ? WHERE forum = ? AND topic_id = ?",
            [
                state,
                post_id,
                post_url,
                self._reasons(forum, topic_id, reason),
                to_text(at),
                to_text(at),
                forum,
                topic_id,
            ],
        )

    def end(
        self, forum: str, topic_id: TopicId, state: State, *, at: datetime, reason: str
    ) -> None:
        """Say what became of a draft or a reply; where it stood stays known."""
        self._conn.execute(
            "UPDATE decisions SET state = ?, reasons = ?, updated_at = ?"
            " WHERE forum = ? AND topic_id = ?",
            [
                state,
                self._reasons(forum, topic_id, reason),
                to_text(at),
                forum,
                topic_id,
            ],
        )

    def revise(
        self,
        forum: str,
        topic_id: TopicId,
        *,
        body: str,
        suggestions: Sequence[Mapping[str, Any]],
        at: datetime,
        reason: str,
    ) -> None:
        """A posted reply reads otherwise now."""
        self._conn.execute(
            "UPDATE decisions SET body = ?, suggestions = ?, reasons = ?,"
            " updated_at = ? WHERE forum = ? AND topic_id = ?",
            [
                clean(body),
                clean(to_json(suggestions)),
                self._reasons(forum, topic_id, reason),
                to_text(at),
                forum,
                topic_id,
            ],
        )

    def looked(self, forum: str, topic_id: TopicId, *, at: datetime) -> None:
        """A reply was looked after."""
        self._conn.execute(
            "UPDATE decisions SET looked_at = ? WHERE forum = ? AND topic_id = ?",
            [to_text(at), forum, topic_id],
        )

    def _reasons(self, forum: str, topic_id: TopicId, more: str | None) -> str:
        decision = self.get(forum, topic_id)
        reasons = decision.reasons if decision else ()
        # Told once: what is tried again fails for the same reason.
        is_new = more is not None and more not in reasons
        return clean(to_json((*reasons, more) if is_new else reasons))

    def replies_since(
        self,
        forum: str,
        since: datetime,
        *,
        sent: bool = False,
        author_id: int | None = None,
        until: datetime | None = None,
    ) -> int:
        """Replies since a time, for quotas: those about to be sent as well,
        unless only the *sent* ones are asked for.

        Args:
            author_id: Only those to topics of this member.
            until: What is later than that was sent by a wrong clock.
        """
        row = self._conn.execute(
            "SELECT count(*) FROM decisions WHERE forum = ? AND sent_at >= ? "
            "AND sent_at <= ? AND (state IN ('posted', 'queued', 'withdrawn')"
            " OR (state = 'claimed' AND NOT ?)) AND (? IS NULL OR author_id = ?)",
            [
                forum,
                to_text(since),
                before_text(until),
                sent,
                author_id,
                author_id,
            ],
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
            "INSERT INTO watches (forum, topic_id, updated_at, began_at)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (forum) DO UPDATE SET"
            " topic_id = excluded.topic_id, updated_at = excluded.updated_at",
            [forum, topic_id, to_text(at), to_text(at)],
        )

    def began(self, forum: str) -> datetime | None:
        """Since when all that the bot did is known; ``None`` before its first watch."""
        row = self._conn.execute(
            "SELECT began_at FROM watches WHERE forum = ?", [forum]
        ).fetchone()
        return None if row is None else to_moment(row[0])

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
        author_id=row[12],
        language=row[13],
        due_at=to_moment(row[14]),
        fingerprint=row[15],
        sent_at=to_moment(row[16]),
        looked_at=to_moment(row[17]),
    )
