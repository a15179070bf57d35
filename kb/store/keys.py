"""Keys of the query endpoint: who may see more than everybody; hashed at rest."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.rows import to_json, to_moment, to_text
from kb.types import PUBLIC

PREFIX = "baraza_"
"""How keys begin, by which people and scanners of leaked secrets know them."""

PRIVATE = "private"
"""The scope that shows all that is restricted."""

RESTRICTED = ("category:", "source:")
"""How scopes begin that show one restricted category, or private source; they are
written as `kb.types.Document.visibility` is."""

METRICS = "metrics"
"""The scope that shows the figures of the service."""

_BYTES = 32
_NAME_CHARS = 40


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret.

    Attributes:
        name: Given by the operator; unique, and never used again.
        scopes: See `PRIVATE`, `RESTRICTED`, `METRICS`.
        revoked_at: Since when it lets nobody in.
    """

    name: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def visible_to(self) -> frozenset[str] | None:
        """The visibilities that it shows, what is public among them; ``None``: all."""
        if PRIVATE in self.scopes:
            return None
        return frozenset(
            {PUBLIC, *(s for s in self.scopes if s.startswith(RESTRICTED))}
        )


class ApiKeys:
    """Reads and writes keys; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def add(self, name: str, scopes: Collection[str], at: datetime) -> str:
        """Make a key; gives its secret, which cannot be had again.

        Raises:
            ValueError: The name is taken, also by a revoked key, or no name; or a
                scope is none, or there is not one.
        """
        problem = name_problem(name) or next(
            filter(None, map(scope_problem, scopes)), ""
        )
        if problem or not scopes:
            raise ValueError(problem or "a key without a scope shows nothing more")
        if any(key.name == name for key in self.list()):
            raise ValueError(f"there is, or was, a key called {name}; choose another")
        secret = PREFIX + secrets.token_urlsafe(_BYTES)
        self._conn.execute(
            "INSERT INTO api_keys (name, hash, scopes, created_at) VALUES (?, ?, ?, ?)",
            [name, _hash(secret), to_json(sorted(set(scopes))), to_text(at)],
        )
        return secret

    def find(self, secret: str) -> ApiKey | None:
        """The key of a secret; ``None``: it is none of ours, or was revoked.

        Looked up by its hash: how long that takes tells of the hash at most, from which
        nobody comes to a secret.
        """
        row = self._conn.execute(
            f"SELECT {_COLUMNS} FROM api_keys WHERE hash = ? AND revoked_at IS NULL",  # noqa: S608
            [_hash(secret)],
        ).fetchone()
        return None if row is None else _key(row)

    def list(self) -> list[ApiKey]:
        """All keys, revoked ones too, by name."""
        rows = self._conn.execute(f"SELECT {_COLUMNS} FROM api_keys ORDER BY name")  # noqa: S608
        return [_key(row) for row in rows]

    def revoke(self, name: str, at: datetime) -> bool:
        """Let nobody in by a key any more; False where none of this name did."""
        cursor = self._conn.execute(
            "UPDATE api_keys SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL",
            [to_text(at), name],
        )
        return cursor.rowcount == 1


def name_problem(name: str) -> str:
    """What is wrong with the name of a key; empty: nothing.

    >>> name_problem("the wiki"), name_problem("a\\tb")
    ('', 'a name has 1 to 40 characters, all of them visible')
    """
    # isprintable is False for control, format and lone surrogate characters.
    is_fine = (
        0 < len(name) <= _NAME_CHARS and name.isprintable() and name == name.strip()
    )
    return (
        ""
        if is_fine
        else f"a name has 1 to {_NAME_CHARS} characters, all of them visible"
    )


def scope_problem(scope: str) -> str:
    """What is wrong with a scope; empty: nothing, as far as its form goes.

    >>> scope_problem("category:Staff"), scope_problem("category:") == ""
    ('', False)
    """
    name = scope.partition(":")[2]
    is_restricted = scope.startswith(RESTRICTED) and name and name.isprintable()
    if scope in (PRIVATE, METRICS) or is_restricted:
        return ""
    one = ", ".join(f"{each}NAME" for each in RESTRICTED)
    return f"expected {PRIVATE}, {one} or {METRICS}, got {scope[:80]!r}"


# The hash of a password must be slow and salted, because people choose passwords that
# can be tried out. These are 256 random bits, of which nobody tries a part worth
# mention; so one round, and the same for the same key, by which it can be looked up.
def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


_COLUMNS = "name, scopes, created_at, revoked_at"


def _key(row: tuple[Any, ...]) -> ApiKey:
    return ApiKey(
        row[0],
        frozenset(json.loads(row[1])),
        datetime.fromisoformat(row[2]),
        to_moment(row[3]),
    )
