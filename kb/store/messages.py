"""What the bot writes beside its replies: each message at most once.

As with replies, a message is claimed before it is sent, and what a crash left claimed
is looked for on the forum, by its marker, before it is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from kb.store.rows import clean, to_text
from kb.types import PostId, TopicId

Purpose = Literal["draft", "answer", "notice", "report"]
MessageState = Literal["claimed", "sent", "failed", "closed"]

_COLUMNS = "forum, purpose, key, state, body, topic_id, post_id, at"


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        key: Of what it is about: a topic, a message that it answers, an event.
        state: ``closed``: what it asked for has been decided.
        topic_id: The private message that it stands in, once it is sent.
    """

    forum: str
    purpose: Purpose
    key: str
    state: MessageState
    body: str
    at: datetime
    topic_id: TopicId | None = None
    post_id: PostId | None = None


class Messages:
    """Reads and writes messages; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def get(self, forum: str, purpose: Purpose, key: str) -> Message | None:
        """One message, or ``None``."""
        row = self._conn.execute(
            f"SELECT {_COLUMNS} FROM messages"  # noqa: S608
            " WHERE forum = ? AND purpose = ? AND key = ?",
            [forum, purpose, key],
        ).fetchone()
        return None if row is None else _message(row)

    def in_state(
        self, forum: str, state: MessageState, *, purpose: Purpose | None = None
    ) -> list[Message]:
        """All messages of a state, oldest first."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM messages"  # noqa: S608
            " WHERE forum = ? AND state = ? AND (? IS NULL OR purpose = ?)"
            " ORDER BY at, purpose, key",
            [forum, state, purpose, purpose],
        )
        return [_message(row) for row in rows]

    def latest(self, forum: str, purpose: Purpose) -> Message | None:
        """The newest that was sent: where others of its purpose may be added."""
        row = self._conn.execute(
            f"SELECT {_COLUMNS} FROM messages"  # noqa: S608
            " WHERE forum = ? AND purpose = ? AND topic_id IS NOT NULL"
            " ORDER BY at DESC, post_id DESC LIMIT 1",
            [forum, purpose],
        ).fetchone()
        return None if row is None else _message(row)

    def count_since(
        self, forum: str, purpose: Purpose, since: datetime, until: datetime
    ) -> int:
        """How many were sent, or are about to be, within a time: for quotas."""
        row = self._conn.execute(
            "SELECT count(*) FROM messages WHERE forum = ? AND purpose = ?"
            " AND at >= ? AND at <= ?",
            [forum, purpose, to_text(since), to_text(until)],
        ).fetchone()
        return int(row[0])

    def count_for(self, forum: str, asker: str, since: datetime) -> int:
        """How many answers to one asker were claimed since a time."""
        row = self._conn.execute(
            "SELECT count(*) FROM messages WHERE forum = ? AND purpose = 'answer'"
            " AND asker = ? AND at >= ?",
            [forum, asker, to_text(since)],
        ).fetchone()
        return int(row[0])

    def forget_askers(self, forum: str, before: datetime) -> None:
        """Who was answered before a time is not kept any longer."""
        self._conn.execute(
            "UPDATE messages SET asker = '' WHERE forum = ? AND purpose = 'answer'"
            " AND asker != '' AND at < ?",
            [forum, to_text(before)],
        )

    def claim(
        self,
        forum: str,
        purpose: Purpose,
        key: str,
        body: str,
        *,
        at: datetime,
        asker: str = "",
    ) -> bool:
        """Be the one who sends it; False when somebody did, or is about to.

        What failed may be claimed again.

        Args:
            asker: A hash of who is answered, for `count_for`.
        """
        cursor = self._conn.execute(
            "INSERT INTO messages (forum, purpose, key, state, body, at, asker)"
            " VALUES (?, ?, ?, 'claimed', ?, ?, ?)"
            " ON CONFLICT (forum, purpose, key) DO UPDATE SET state = 'claimed',"
            " body = excluded.body, at = excluded.at WHERE state = 'failed'",
            [forum, purpose, key, clean(body), to_text(at), asker],
        )
        return cursor.rowcount == 1

    def settle(
        self,
        message: Message,
        state: MessageState,
        *,
        topic_id: TopicId | None = None,
        post_id: PostId | None = None,
    ) -> None:
        """Say what became of it; where it stands stays known."""
        self._conn.execute(
            "UPDATE messages SET state = ?, topic_id = coalesce(?, topic_id),"
            " post_id = coalesce(?, post_id)"
            " WHERE forum = ? AND purpose = ? AND key = ?",
            [state, topic_id, post_id, message.forum, message.purpose, message.key],
        )

    def forget_text(self, message: Message) -> None:
        """What a message said is not kept: it is sent, or never will be."""
        self._conn.execute(
            "UPDATE messages SET body = '' WHERE forum = ? AND purpose = ?"
            " AND key = ? AND state != 'claimed'",
            [message.forum, message.purpose, message.key],
        )

    def give_up(
        self,
        purpose: Purpose,
        *,
        forum: str | None = None,
        before: datetime | None = None,
    ) -> int:
        """End what is claimed of messages in parts (``key.1``, ``key.2``, …), and
        forget what it said. What nothing was sent of may be claimed again.

        Args:
            forum: Only there.
            before: Only what was claimed before then.

        Returns:
            How many parts.
        """
        return self._conn.execute(
            "UPDATE messages SET body = '', state = CASE WHEN EXISTS"
            " (SELECT 1 FROM messages AS m WHERE m.forum = messages.forum"
            " AND m.purpose = messages.purpose AND m.state = 'sent'"
            " AND rtrim(m.key, '0123456789') = rtrim(messages.key, '0123456789'))"
            " THEN 'closed' ELSE 'failed' END"
            " WHERE purpose = ? AND state = 'claimed' AND (? IS NULL OR forum = ?)"
            " AND (? IS NULL OR at < ?)",
            [purpose, forum, forum, to_text(before), to_text(before)],
        ).rowcount

    def close(self, forum: str, purpose: Purpose, key: str) -> None:
        """What a message and its later versions (``key.2``, …) asked for is decided."""
        self._conn.execute(
            "UPDATE messages SET state = 'closed' WHERE forum = ? AND purpose = ?"
            " AND (key = ? OR substr(key, 1, length(?) + 1) = ? || '.')",
            [forum, purpose, key, key, key],
        )

    def about(self, forum: str, purpose: Purpose, key: str) -> list[Message]:
        """A message and its later versions, oldest first."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM messages"  # noqa: S608
            " WHERE forum = ? AND purpose = ?"
            " AND (key = ? OR substr(key, 1, length(?) + 1) = ? || '.')"
            " ORDER BY length(key), key",
            [forum, purpose, key, key, key],
        )
        return [_message(row) for row in rows]

    # -- the inbox ---------------------------------------------------------

    def read_until(self, forum: str, topic_id: TopicId) -> int:
        """The number of the last post of a private message that was read; 0: none."""
        row = self._conn.execute(
            "SELECT post_number FROM inbox WHERE forum = ? AND topic_id = ?",
            [forum, topic_id],
        ).fetchone()
        return 0 if row is None else int(row[0])

    def set_read(self, forum: str, topic_id: TopicId, post_number: int) -> None:
        """A private message was read and acted upon, up to a post."""
        self._conn.execute(
            "INSERT INTO inbox VALUES (?, ?, ?) ON CONFLICT (forum, topic_id)"
            " DO UPDATE SET post_number = max(post_number, excluded.post_number)",
            [forum, topic_id, post_number],
        )

    def is_behind(self, forum: str) -> bool:
        """Whether older messages may lie unread below newer ones that were read."""
        row = self._conn.execute(
            "SELECT 1 FROM meta WHERE key = ?", [_behind(forum)]
        ).fetchone()
        return row is not None

    def set_behind(self, forum: str, *, behind: bool) -> None:
        if behind:
            self._conn.execute(
                "INSERT INTO meta VALUES (?, '1') ON CONFLICT (key) DO NOTHING",
                [_behind(forum)],
            )
        else:
            self._conn.execute("DELETE FROM meta WHERE key = ?", [_behind(forum)])


def _behind(forum: str) -> str:
    return f"inbox_behind:{forum}"


def _message(row: tuple[Any, ...]) -> Message:
    return Message(
        forum=row[0],
        purpose=row[1],
        key=row[2],
        state=row[3],
        body=row[4],
        topic_id=None if row[5] is None else TopicId(row[5]),
        post_id=None if row[6] is None else PostId(row[6]),
        at=datetime.fromisoformat(row[7]),
    )
