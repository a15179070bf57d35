"""What is held of one person, and what goes when that person is to be forgotten."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.rows import batches, placeholders, to_json, to_text
from kb.types import DocumentId, TopicId

_FORGOTTEN = {"forgotten": True}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in one source: the names that an account was met under.

    Attributes:
        ids: Of accounts; a source may not tell any.
        names: As they were written, with the one that was asked for.
    """

    source: str
    ids: frozenset[int]
    names: frozenset[str]


class Forgetting:
    """Finds and removes; removing belongs inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def person(self, source: str, username: str) -> Person:
        """The account of a name, with all its names."""
        ids = {
            row[0]
            for table in (
                "parts p JOIN documents d ON d.id = p.document_id",
                "loose_parts p",
            )
            for row in self._conn.execute(
                f"SELECT DISTINCT p.author_id FROM {table}"  # noqa: S608
                " WHERE source = ? AND p.author = ? COLLATE NOCASE"
                " AND p.author_id IS NOT NULL",
                [source, username],
            )
        }
        names = {
            row[0]
            for row in self._conn.execute(
                "SELECT DISTINCT p.author FROM parts p"  # noqa: S608
                " JOIN documents d ON d.id = p.document_id WHERE d.source = ?"
                f" AND p.author_id IN ({placeholders(ids)})",
                [source, *ids],
            )
            if row[0]
        }
        return Person(source, frozenset(ids), frozenset({username, *names}))

    def documents(self, person: Person) -> list[DocumentId]:
        """Those that hold a post of theirs, or quote one, oldest first."""
        named = " OR ".join("p.author = ? COLLATE NOCASE" for _ in person.names)
        quoted = " OR ".join("instr(lower(p.body), ?)" for _ in person.names)
        rows = self._conn.execute(
            "SELECT DISTINCT d.id, d.created_at FROM documents d"  # noqa: S608
            " JOIN parts p ON p.document_id = d.id"
            f" WHERE d.source = ? AND (p.author_id IN ({placeholders(person.ids)})"
            f" OR {named} OR {quoted}) ORDER BY d.created_at, d.id",
            [
                person.source,
                *person.ids,
                *person.names,
                *(f'data-username="{name.lower()}"' for name in person.names),
            ],
        )
        return [DocumentId(row[0]) for row in rows]

    def begun_by(self, person: Person) -> list[TopicId]:
        """Topics that the bot met and that are theirs."""
        rows = self._conn.execute(
            "SELECT topic_id FROM decisions WHERE forum = ?"  # noqa: S608
            f" AND author_id IN ({placeholders(person.ids)}) ORDER BY topic_id",
            [person.source, *person.ids],
        )
        return [TopicId(row[0]) for row in rows]

    def marks_of(self, person: Person) -> list[dict[str, Any]]:
        """What they made of the bot's replies."""
        rows = self._conn.execute(
            "SELECT topic_id, kind, value, at FROM feedback WHERE forum = ?"  # noqa: S608
            f" AND user_id IN ({placeholders(person.ids)}) ORDER BY at",
            [person.source, *person.ids],
        )
        return [
            {"topic_id": row[0], "kind": row[1], "value": row[2], "at": row[3]}
            for row in rows
        ]

    # -- removing ----------------------------------------------------------

    def drop_loose(self, person: Person) -> int:
        """Posts that wait for the rest of their topic."""
        named = " OR ".join("author = ? COLLATE NOCASE" for _ in person.names)
        return self._conn.execute(
            "DELETE FROM loose_parts WHERE source = ?"  # noqa: S608
            f" AND (author_id IN ({placeholders(person.ids)}) OR {named})",
            [person.source, *person.ids, *person.names],
        ).rowcount

    def drop_marks(self, person: Person) -> int:
        """What they made of the bot's replies."""
        return self._conn.execute(
            "DELETE FROM feedback WHERE forum = ?"  # noqa: S608
            f" AND user_id IN ({placeholders(person.ids)})",
            [person.source, *person.ids],
        ).rowcount

    def blank_topics(
        self, person: Person, keys: Collection[str], *, at: datetime
    ) -> int:
        """Leave of the decisions on their topics that there was one: a topic must not
        be answered twice because its asker is forgotten."""
        ids = sorted({*map(int, keys), *self.begun_by(person)})
        changed = 0
        for some in batches(ids):
            changed += self._conn.execute(
                "UPDATE decisions SET title = '', author_id = NULL, fingerprint = '',"  # noqa: S608
                " reasons = '[\"its author was forgotten\"]', suggestions = '[]',"
                " body = CASE WHEN body IS NULL THEN NULL ELSE '' END,"
                " due_at = NULL, updated_at = ?,"
                " state = CASE WHEN state IN ('waiting', 'drafted') THEN 'decided'"
                " WHEN state = 'claimed' THEN 'refused' ELSE state END"
                f" WHERE forum = ? AND topic_id IN ({placeholders(some)})",
                [to_text(at), person.source, *some],
            ).rowcount
        return changed

    def drop_messages(self) -> int:
        """Texts of messages that were sent: drafts quote people, and what they are
        about is all that is still needed."""
        return self._conn.execute(
            "UPDATE messages SET body = '' WHERE state != 'claimed' AND body != ''"
        ).rowcount

    def unlink(self, source: str, *, at: datetime) -> list[TopicId]:
        """Take out of all decisions what they link and is not held any more: a topic
        that went, a post that is left out. Bodies, which quote, go with it. Of a link
        in a reply that stands on the forum the address stays, marked as forgotten,
        until it is taken out there.

        Returns:
            The topics where a reply on the forum shows such a link.
        """
        rows = self._conn.execute(
            "SELECT topic_id, state, suggestions FROM decisions"
            " WHERE forum = ? AND suggestions != '[]' ORDER BY topic_id",
            [source],
        ).fetchall()
        shown: list[TopicId] = []
        for topic_id, state, text in rows:
            stands = state in ("posted", "queued")
            links = json.loads(text)
            kept = [
                link if self._is_held(source, link) else _FORGOTTEN | _place(link)
                for link in links
                if stands or self._is_held(source, link)
            ]
            if kept == links:
                continue
            self._conn.execute(
                "UPDATE decisions SET suggestions = ?, updated_at = ?,"
                " body = CASE WHEN body IS NULL THEN NULL ELSE '' END,"
                # Never to be sent as it was.
                " state = CASE state WHEN 'claimed' THEN 'refused'"
                " WHEN 'drafted' THEN 'decided' ELSE state END,"
                # The next to be looked after.
                " looked_at = NULL"
                " WHERE forum = ? AND topic_id = ?",
                [to_json(kept), to_text(at), source, topic_id],
            )
            if stands:
                shown.append(TopicId(topic_id))
        return shown

    def _is_held(self, source: str, link: Mapping[str, Any]) -> bool:
        if link.get("source") != source:
            return True
        row = self._conn.execute(
            "SELECT 1 FROM documents d JOIN parts p ON p.document_id = d.id"
            " WHERE d.source = ? AND d.key = ? AND p.number = ?",
            [source, link.get("key"), link.get("part", 1)],
        ).fetchone()
        return row is not None

    def left_out(self) -> dict[str, list[str]]:
        """Documents without a post of somebody who is forgotten, by source."""
        found: dict[str, list[str]] = {}
        for source, key in self._conn.execute(
            "SELECT DISTINCT d.source, d.key FROM left_out l"
            " JOIN documents d ON d.id = l.document_id"
            " WHERE l.cause = 'forgotten author' ORDER BY d.source, d.key"
        ):
            found.setdefault(source, []).append(key)
        return found

    def truncate_log(self) -> None:
        """Take what was deleted out of the write-ahead log; no transaction is open."""
        self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _place(link: Mapping[str, Any]) -> dict[str, Any]:
    """All that is kept of a link to something that is not held any more."""
    return {
        name: link[name] for name in ("source", "key", "part", "url") if name in link
    }
