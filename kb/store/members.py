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

from kb.store.rows import placeholders, to_text

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
    """Who must not be held.

    An account tells who somebody is, and whoever holds the name next is somebody else.
    A name tells where no account is known: of what was written, or of who is forgotten.

    Attributes:
        salt: What names are hashed with.
        ids: Of accounts.
        hashes: Of all names.
        accountless: Of the names that no account is known of.
    """

    salt: str = ""
    ids: frozenset[int] = frozenset()
    hashes: frozenset[str] = frozenset()
    accountless: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.hashes)

    def covers(self, username: str | None, user_id: int | None) -> bool:
        """Whether this is one of them.

        >>> a = name_hash("x", "A")
        >>> gone = Forgotten("x", frozenset({7}), frozenset({a}))
        >>> gone.covers("a", None), gone.covers("renamed", 7), gone.covers("a", 8)
        (True, True, False)
        >>> NOBODY.covers("a", 7)
        False
        """
        if not self:
            return False
        if user_id is not None and user_id in self.ids:
            return True
        among = self.hashes if user_id is None else self.accountless
        return (
            bool(username and among) and name_hash(self.salt, username or "") in among
        )


NOBODY = Forgotten()


def folded(username: str) -> str:
    """A name in the one form in which names are compared.

    >>> folded("ÉLOÏSE_Ünal") == folded("éloïse_ünal")
    True
    """
    return unicodedata.normalize("NFKC", username).casefold()


def name_hash(salt: str, username: str) -> str:
    """What is kept in place of a name; case and form make no difference."""
    return hashlib.sha256(f"{salt}\0{folded(username)}".encode()).hexdigest()


_COLUMNS = "name_hash, nullif(user_id, 0), answers, indexed, origin, at"
# The rows of somebody: the account tells, or where none is known the name.
_THEIRS = (
    "forum = :forum AND ((user_id = 0 AND name_hash = :name)"
    " OR (user_id != 0 AND user_id = :user_id))"
)
# Where only a name is asked for, all rows of it.
_NAMED = "forum = :forum AND :user_id = 0 AND name_hash = :name"


class Members:
    """Reads and writes wishes; writes belong inside ``Store.transaction``.

    One row for each name of an account; a row without an account is of whoever has the
    name.
    """

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
            frozenset(m.name_hash for m in gone if m.user_id is None),
        )

    def find(self, forum: str, *, username: str, user_id: int | None) -> Member | None:
        """What a member wants; ``None``: nothing special.

        Args:
            user_id: Of the account; without it the name tells, whosever it was.
        """
        row = self._conn.execute(
            f"SELECT {_COLUMNS} FROM members"  # noqa: S608
            f" WHERE ({_THEIRS}) OR ({_NAMED})"
            " ORDER BY indexed, answers LIMIT 1",
            self._who(forum, username, user_id),
        ).fetchone()
        return None if row is None else _member(row)

    def accounts(self, forum: str, username: str) -> frozenset[int]:
        """The accounts that want something and were known under a name."""
        rows = self._conn.execute(
            "SELECT user_id FROM members"
            " WHERE forum = ? AND name_hash = ? AND user_id != 0",
            [forum, self.hash_of(username)],
        )
        return frozenset(user_id for (user_id,) in rows)

    def all(self, forum: str) -> list[Member]:
        """All who want something, oldest first."""
        rows = self._conn.execute(
            f"SELECT {_COLUMNS} FROM members"  # noqa: S608
            " WHERE forum = ? ORDER BY at, name_hash, user_id",
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
        who = self._who(forum, username, user_id)
        if user_id is not None:
            # Whose it was is known now; the next of that name is somebody else.
            self._conn.execute(
                "DELETE FROM members WHERE forum = :forum AND name_hash = :name"
                " AND user_id = 0 AND indexed",
                who,
            )
        gone = self._conn.execute(
            f"SELECT 1 FROM members WHERE NOT indexed AND {_THEIRS}",  # noqa: S608
            who,
        ).fetchone()
        values = {
            **who,
            "answers": answers,
            "indexed": indexed and gone is None,
            "origin": origin,
            "at": to_text(at),
        }
        self._conn.execute(
            "UPDATE members SET answers = :answers, indexed = :indexed,"  # noqa: S608
            f" origin = :origin, at = :at WHERE {_THEIRS}",
            values,
        )
        self._conn.execute(
            "INSERT INTO members VALUES"
            " (:forum, :name, :user_id, :answers, :indexed, :origin, :at)"
            " ON CONFLICT DO NOTHING",
            values,
        )

    def take_back(self, forum: str, *, username: str, user_id: int | None) -> bool:
        """Drop a wish; False if there was none. Who was forgotten stays so."""
        cursor = self._conn.execute(
            f"DELETE FROM members WHERE indexed AND {_THEIRS}",  # noqa: S608
            self._who(forum, username, user_id),
        )
        return cursor.rowcount > 0

    def remember(self, forum: str, username: str) -> bool:
        """Whoever was forgotten under a name, and their other names, no longer are;
        False if nobody was. For the operator alone."""
        name = self.hash_of(username)
        ids = [
            user_id
            for (user_id,) in self._conn.execute(
                "SELECT user_id FROM members"
                " WHERE forum = ? AND name_hash = ? AND NOT indexed",
                [forum, name],
            )
        ]
        self._conn.execute(
            "DELETE FROM members WHERE forum = ? AND NOT indexed"  # noqa: S608
            " AND (name_hash = ? OR"
            f" user_id != 0 AND user_id IN ({placeholders(ids)}))",
            [forum, name, *ids],
        )
        return bool(ids)

    def _who(self, forum: str, username: str, user_id: int | None) -> dict[str, Any]:
        return {
            "forum": forum,
            "name": self.hash_of(username),
            "user_id": user_id or 0,
        }


def _member(row: tuple[Any, ...]) -> Member:
    return Member(
        row[0],
        row[1],
        bool(row[2]),
        bool(row[3]),
        row[4],
        datetime.fromisoformat(row[5]),
    )
