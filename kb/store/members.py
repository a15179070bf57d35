"""Members who want less of us: no answers, or to be forgotten.

Their names are not kept: a hash, which is salted with the store's identity, tells a
name that is met from one that is not.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from kb.store.rows import to_text

Origin = Literal["message", "field", "operator"]


@dataclass(frozen=True, slots=True)
class Member:
    """What somebody wants.

    Attributes:
        answers: May be answered, and suggested as a helper.
        indexed: May be held at all; False is what is left of who was forgotten.
    """

    name_hash: str
    user_id: int | None
    answers: bool
    indexed: bool
    origin: Origin
    at: datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Who must not be held, told by account or by name.

    Attributes:
        salt: What names are hashed with.
    """

    salt: str = ""
    ids: frozenset[int] = frozenset()
    hashes: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.hashes)

    def covers(self, username: str | None, user_id: int | None) -> bool:
        """Whether this is one of them.

        >>> gone = Forgotten("x", frozenset({7}), frozenset({name_hash("x", "A")}))
        >>> gone.covers("a", None), gone.covers("renamed", 7), gone.covers("b", 8)
        (True, True, False)
        >>> NOBODY.covers("a", 7)
        False
        """
        if not self:
            return False
        if user_id is not None and user_id in self.ids:
            return True
        return bool(username) and name_hash(self.salt, username or "") in self.hashes


NOBODY = Forgotten()


def name_hash(salt: str, username: str) -> str:
    """What is kept in place of a name; case and form make no difference."""
    name = unicodedata.normalize("NFKC", username).casefold()
    return hashlib.sha256(f"{salt}\0{name}".encode()).hexdigest()


class Members:
    """Reads and writes wishes; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    @property
    def _salt(self) -> str:
        row = self._conn.execute("SELECT value FROM meta WHERE key = 'uuid'").fetchone()
        return str(row[0])

    def hash_of(self, username: str) -> str:
        """See `name_hash`."""
        return name_hash(self._salt, username)

    def forgotten(self, forum: str) -> Forgotten:
        """All of whom nothing may be held."""
        gone = [member for member in self.all(forum) if not member.indexed]
        return Forgotten(
            self._salt,
            frozenset(m.user_id for m in gone if m.user_id is not None),
            frozenset(m.name_hash for m in gone),
        )

    def find(self, forum: str, *, username: str, user_id: int | None) -> Member | None:
        """What a member wants, known by id or by name; ``None``: nothing special."""
        row = self._conn.execute(
            "SELECT name_hash, user_id, answers, indexed, origin, at FROM members"
            " WHERE forum = ? AND (name_hash = ? OR user_id = ?)"
            " ORDER BY indexed, answers LIMIT 1",
            [forum, self.hash_of(username), user_id],
        ).fetchone()
        return None if row is None else _member(row)

    def all(self, forum: str) -> list[Member]:
        """All who want something, oldest first."""
        rows = self._conn.execute(
            "SELECT name_hash, user_id, answers, indexed, origin, at FROM members"
            " WHERE forum = ? ORDER BY at, name_hash",
            [forum],
        )
        return [_member(row) for row in rows]

    def wish(
        self,
        forum: str,
        *,
        username: str,
        user_id: int | None,
        answers: bool,
        origin: Origin,
        at: datetime,
        indexed: bool = True,
    ) -> None:
        """Note what somebody wants; who was forgotten stays so."""
        self._conn.execute(
            "INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (forum, name_hash) DO UPDATE SET"
            " user_id = coalesce(excluded.user_id, user_id),"
            " answers = excluded.answers, indexed = min(indexed, excluded.indexed),"
            " origin = excluded.origin, at = excluded.at",
            [
                forum,
                self.hash_of(username),
                user_id,
                answers,
                indexed,
                origin,
                to_text(at),
            ],
        )

    def take_back(self, forum: str, *, username: str, user_id: int | None) -> bool:
        """Forget a wish, also that to be forgotten; False if there was none."""
        cursor = self._conn.execute(
            "DELETE FROM members WHERE forum = ? AND (name_hash = ? OR user_id = ?)",
            [forum, self.hash_of(username), user_id],
        )
        return cursor.rowcount > 0


def _member(row: tuple[Any, ...]) -> Member:
    return Member(
        row[0],
        row[1],
        bool(row[2]),
        bool(row[3]),
        row[4],
        datetime.fromisoformat(row[5]),
    )
