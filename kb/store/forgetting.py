"""What is held of one person, and what goes when that person is to be forgotten."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.members import Members, folded
from kb.store.messages import Messages
from kb.store.parts import PART_COLUMNS, part_of
from kb.store.rows import batches, placeholders, to_json, to_text
from kb.types import DocumentId, LoosePart, Part, TopicId

_FORGOTTEN = {"forgotten": True}
# Tables that tell who an account is.
_AUTHORS = ("parts p JOIN documents d ON d.id = p.document_id", "loose_parts p")
_QUOTED = re.compile(
    r"""data-username\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE
)


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

    @property
    def folded_names(self) -> frozenset[str]:
        """The names as they are compared, see `kb.store.members.folded`."""
        return frozenset(map(folded, self.names))

    def wrote(self, part: Part) -> bool:
        """Whether a part is theirs: the account tells, or else the name."""
        if part.author_id is not None:
            return part.author_id in self.ids
        return folded(part.author or "") in self.folded_names


class Forgetting:
    """Finds and removes; removing belongs inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn
        self._members = Members(db)
        self._messages = Messages(db)
        # SQLite itself knows the two cases of ASCII letters only.
        self._conn.create_function("folded", 1, _folded, deterministic=True)

    def person(self, source: str, username: str) -> Person:
        """The account of a name, with all its names; also where only a wish, a profile
        or a post that waits for its topic tells them."""
        ids = set(self._members.accounts(source, username))
        ids.update(
            user_id
            for (user_id,) in self._conn.execute(
                "SELECT user_id FROM profiles WHERE source = ? AND folded(name) = ?",
                [source, folded(username)],
            )
        )
        for table in _AUTHORS:
            ids.update(
                user_id
                for (user_id,) in self._conn.execute(
                    f"SELECT DISTINCT p.author_id FROM {table}"  # noqa: S608
                    " WHERE source = ? AND folded(p.author) = ?"
                    " AND p.author_id IS NOT NULL",
                    [source, folded(username)],
                )
            )
        names = {username}
        for table in _AUTHORS:
            names.update(
                name
                for (name,) in self._conn.execute(
                    f"SELECT DISTINCT p.author FROM {table} WHERE source = ?"  # noqa: S608
                    f" AND p.author_id IN ({placeholders(ids)})",
                    [source, *ids],
                )
                if name
            )
        return Person(source, frozenset(ids), frozenset(names))

    def documents(self, person: Person) -> list[DocumentId]:
        """Those that they wrote in or began, or that quote them, oldest first."""
        theirs, values = _theirs(person)
        rows = self._conn.execute(
            "SELECT p.document_id FROM parts p JOIN documents d"  # noqa: S608
            f" ON d.id = p.document_id WHERE d.source = ? AND {theirs}"
            " UNION SELECT l.document_id FROM left_out l JOIN documents d"
            " ON d.id = l.document_id WHERE d.source = ? AND l.number = 1"
            f" AND l.author_id IN ({placeholders(person.ids)})",
            [person.source, *values, person.source, *person.ids],
        )
        found = {row[0] for row in rows}
        rows = self._conn.execute(
            "SELECT p.document_id, p.body FROM parts p JOIN documents d"
            " ON d.id = p.document_id"
            " WHERE d.source = ? AND instr(lower(p.body), 'data-username')",
            [person.source],
        )
        names = person.folded_names
        found.update(row[0] for row in rows if _quotes(row[1], names))
        times = []
        for some in batches(sorted(found)):
            times += self._conn.execute(
                "SELECT coalesce(created_at, ''), id FROM documents"  # noqa: S608
                f" WHERE id IN ({placeholders(some)})",
                list(some),
            ).fetchall()
        return [DocumentId(document_id) for _, document_id in sorted(times)]

    def beginners_unknown(self, source: str) -> list[str]:
        """Keys of documents whose first part is not held, where nothing says whose it
        was, and so whose the title is."""
        rows = self._conn.execute(
            "SELECT d.key FROM documents d WHERE d.source = ? AND NOT EXISTS"
            " (SELECT 1 FROM parts p WHERE p.document_id = d.id AND p.number = 1)"
            " AND NOT EXISTS (SELECT 1 FROM left_out l WHERE l.document_id = d.id"
            " AND l.number = 1 AND l.author_id IS NOT NULL) ORDER BY d.key",
            [source],
        )
        return [key for (key,) in rows]

    def loose(self, person: Person) -> list[LoosePart]:
        """Posts that wait for the rest of their topic: theirs, and those that quote
        them."""
        rows = self._conn.execute(
            f"SELECT key, category_id, {', '.join(PART_COLUMNS)} FROM loose_parts"  # noqa: S608
            " WHERE source = ? AND cause IS NULL ORDER BY key, number",
            [person.source],
        )
        names = person.folded_names
        found = (LoosePart(row[0], part_of(row[2:]), row[1]) for row in rows)
        return [
            each
            for each in found
            if isinstance(each.content, Part)
            and (person.wrote(each.content) or _quotes(each.content.body, names))
        ]

    def suggested(
        self, person: Person
    ) -> list[tuple[str, TopicId, list[dict[str, Any]]]]:
        """``(forum, topic, links)`` of decisions that point to posts of theirs, or to
        topics that they began."""
        theirs, values = _theirs(person)
        found = []
        for forum, topic_id, _, text in self._decisions():
            links = [
                link
                for link in json.loads(text)
                if link.get("source") == person.source
                and self._conn.execute(
                    "SELECT 1 FROM documents d JOIN parts p"  # noqa: S608
                    " ON p.document_id = d.id WHERE d.source = ? AND d.key = ?"
                    f" AND p.number IN (1, ?) AND {theirs}",
                    [person.source, link.get("key"), link.get("part", 1), *values],
                ).fetchone()
            ]
            if links:
                found.append((str(forum), TopicId(topic_id), links))
        return found

    def _decisions(self) -> list[tuple[str, int, str, str]]:
        """Those that link something: ``(forum, topic, state, links)``."""
        return self._conn.execute(
            "SELECT forum, topic_id, state, suggestions FROM decisions"
            " WHERE suggestions != '[]' ORDER BY forum, topic_id"
        ).fetchall()

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

    def profiles_of(self, person: Person) -> list[dict[str, Any]]:
        """What was read of their profile."""
        rows = self._conn.execute(
            "SELECT name, region, fetched_at FROM profiles WHERE source = ?"  # noqa: S608
            f" AND user_id IN ({placeholders(person.ids)}) ORDER BY user_id",
            [person.source, *person.ids],
        )
        return [{"name": row[0], "region": row[1], "read_at": row[2]} for row in rows]

    def verdicts_on(self, person: Person) -> list[dict[str, Any]]:
        """What moderators said of topics that they began."""
        theirs, values = _theirs(person)
        topics = self.begun_by(person)
        rows = self._conn.execute(
            "SELECT topic_id, verdict, at FROM verdicts WHERE forum = ?"  # noqa: S608
            f" AND (topic_id IN ({placeholders(topics)})"
            " OR EXISTS (SELECT 1 FROM documents d JOIN parts p"
            " ON p.document_id = d.id WHERE d.source = forum"
            f" AND d.key = CAST(topic_id AS TEXT) AND p.number = 1 AND {theirs}))"
            " ORDER BY topic_id",
            [person.source, *topics, *values],
        )
        return [{"topic_id": row[0], "verdict": row[1], "at": row[2]} for row in rows]

    # -- removing ----------------------------------------------------------

    def drop_loose(self, person: Person) -> int:
        """Theirs among the posts that wait for the rest of their topic."""
        theirs, values = _theirs(person)
        return self._conn.execute(
            f"DELETE FROM loose_parts AS p WHERE p.source = ? AND {theirs}",  # noqa: S608
            [person.source, *values],
        ).rowcount

    def drop_marks(self, person: Person) -> int:
        """What they made of the bot's replies."""
        return self._conn.execute(
            "DELETE FROM feedback WHERE forum = ?"  # noqa: S608
            f" AND user_id IN ({placeholders(person.ids)})",
            [person.source, *person.ids],
        ).rowcount

    def drop_profiles(self, person: Person) -> int:
        """What was read of their profile."""
        return self._conn.execute(
            "DELETE FROM profiles WHERE source = ?"  # noqa: S608
            f" AND user_id IN ({placeholders(person.ids)})",
            [person.source, *person.ids],
        ).rowcount

    def drop_searches(self, person: Person) -> int:
        """What many searched in vain with a name of theirs in it: rather one query too
        many, as a name may be a common word."""
        queries = self._conn.execute(
            "SELECT DISTINCT query FROM search_misses ORDER BY query"
        ).fetchall()
        if not queries:
            return 0
        # Not above: it takes a moment, and mostly nothing was searched.
        from kb.words import is_stopword, words

        names = [{w for w in words(n) if not is_stopword(w)} for n in person.names]
        gone = [
            (query,)
            for (query,) in queries
            if any(name and name <= set(words(query)) for name in names)
        ]
        self._conn.executemany("DELETE FROM search_misses WHERE query = ?", gone)
        return len(gone)

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
                # What may have been sent must be looked for; without a text it never
                # is sent.
                " state = CASE WHEN state IN ('waiting', 'drafted') THEN 'decided'"
                " ELSE state END"
                f" WHERE forum = ? AND topic_id IN ({placeholders(some)})",
                [to_text(at), person.source, *some],
            ).rowcount
        return changed

    def drop_messages(self) -> int:
        """Texts of messages that were sent, drafts of what is drafted no longer, and
        reports on their way: they name people, and what they are about is all that is
        still needed. A report of which nothing was sent may be made anew."""
        self._conn.execute(
            "UPDATE messages SET state = 'closed' WHERE purpose = 'draft'"
            " AND state = 'claimed' AND NOT EXISTS (SELECT 1 FROM decisions d"
            " WHERE d.forum = messages.forum AND d.state = 'drafted'"
            # The key of a later version is the topic's with a point and its number.
            " AND d.topic_id = CAST(messages.key AS INTEGER))"
        )
        self._messages.give_up("report")
        return self._conn.execute(
            "UPDATE messages SET body = '' WHERE state != 'claimed' AND body != ''"
        ).rowcount

    def unlink(self, source: str, *, at: datetime) -> list[TopicId]:
        """Take out of all decisions, of any forum, what they link in *source* and is
        not held any more: a topic that went, a post that is left out. Bodies, which
        quote, go with it. Of a link in a reply that stands on the forum, or may, the
        address stays, marked as forgotten, until it is taken out there.

        Returns:
            The topics where a reply on the forum shows such a link.
        """
        shown: list[TopicId] = []
        for forum, topic_id, state, text in self._decisions():
            stands = state in ("posted", "queued", "claimed")
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
                # Never to be sent as it was.
                " body = CASE WHEN body IS NULL THEN NULL ELSE '' END,"
                " state = CASE state WHEN 'drafted' THEN 'decided' ELSE state END,"
                # The next to be looked after.
                " looked_at = NULL"
                " WHERE forum = ? AND topic_id = ?",
                [to_json(kept), to_text(at), forum, topic_id],
            )
            if stands and state != "claimed":
                shown.append(TopicId(topic_id))
        return shown

    def _is_held(self, source: str, link: Mapping[str, Any]) -> bool:
        if link.get("source") != source or link.get("forgotten"):
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


def _folded(name: str | None) -> str | None:
    return None if name is None else folded(name)


def _theirs(person: Person) -> tuple[str, list[Any]]:
    """The SQL for what ``p`` is theirs, as `Person.wrote`, and its values."""
    names = sorted(person.folded_names)
    condition = (
        f"(p.author_id IN ({placeholders(person.ids)}) OR"
        f" (p.author_id IS NULL AND folded(p.author) IN ({placeholders(names)})))"
    )
    return condition, [*person.ids, *names]


def _quotes(body: str, names: Collection[str]) -> bool:
    """Whether HTML quotes one of these."""
    return any(
        folded(html.unescape("".join(found))) in names
        for found in _QUOTED.findall(body)
    )


def _place(link: Mapping[str, Any]) -> dict[str, Any]:
    """All that is kept of a link to something that is not held any more."""
    return {
        name: link[name] for name in ("source", "key", "part", "url") if name in link
    }
