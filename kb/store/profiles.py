"""What profiles tell of members who are suggested as helpers: where they are from.

Of nobody else anything is kept, and nothing of who wants less of us.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from kb.store.rows import clean, placeholders, to_text


@dataclass(frozen=True, slots=True)
class Profile:
    """What was read of a member's profile.

    Attributes:
        name: Under which it was read.
        region: Group or region; empty where the profile does not tell.
    """

    user_id: int
    name: str
    region: str
    fetched_at: datetime


class Profiles:
    """Reads and writes profiles; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def of(self, source: str) -> dict[int, Profile]:
        """Those of a source, by the number of the account."""
        rows = self._conn.execute(
            "SELECT user_id, name, region, fetched_at FROM profiles"
            " WHERE source = ? ORDER BY user_id",
            [source],
        )
        return {
            row[0]: Profile(row[0], row[1], row[2], datetime.fromisoformat(row[3]))
            for row in rows
        }

    def keep(self, source: str, profile: Profile) -> None:
        """Keep one in the place of what was known of that member."""
        self._conn.execute(
            "INSERT OR REPLACE INTO profiles VALUES (?, ?, ?, ?, ?)",
            [
                source,
                profile.user_id,
                clean(profile.name),
                clean(profile.region),
                to_text(profile.fetched_at),
            ],
        )

    def drop(self, source: str, ids: Collection[int]) -> int:
        """Drop those of some accounts; gives how many there were."""
        return self._conn.execute(
            "DELETE FROM profiles WHERE source = ?"  # noqa: S608
            f" AND user_id IN ({placeholders(ids)})",
            [source, *ids],
        ).rowcount
