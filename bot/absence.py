"""What a forum says is gone: taken for gone when it says so twice.

A proxy, a firewall or a key that was revoked refuses with the same numbers as a forum
does for what is not there; so one refusal ends nothing.
"""

from __future__ import annotations

from kb.errors import ForumRejectedError
from kb.store import Store
from kb.types import Clock

_GONE = frozenset({404, 410})
# Of as many watches.
_ENOUGH = 2


def says_gone(exc: ForumRejectedError) -> bool:
    """Whether a forum itself says that something is not there.

    >>> says_gone(ForumRejectedError("u", 404, "no", error_type="not_found"))
    True
    >>> says_gone(ForumRejectedError("u", 404, "a proxy's page"))
    False
    >>> says_gone(ForumRejectedError("u", 403, "no", error_type="invalid_access"))
    False
    """
    return exc.status in _GONE and exc.error_type is not None


class Absences:
    """How often in a row something of a forum was not there, over all watches.

    Writes in transactions of its own.

    Args:
        what: Kind of the keys: ``topic``, ``draft``.
    """

    def __init__(self, forum: str, what: str, store: Store, clock: Clock) -> None:
        self._source = f"gone:{what}:{forum}"
        self._store = store
        self._clock = clock

    def is_gone(self, key: str, exc: ForumRejectedError) -> bool:
        """Whether a refusal is the last word on *key*; to be asked once per watch."""
        if not says_gone(exc):
            self.is_there(key)
            return False
        return self.is_missing(key, str(exc))

    def is_missing(self, key: str, reason: str) -> bool:
        """As `is_gone`, of what was looked for and is not there."""
        times = self._times(key) + 1
        with self._store.transaction():
            if times >= _ENOUGH:
                self._store.progress.take_back(self._source, key)
            else:
                self._store.progress.set_aside(
                    self._source, key, reason, at=self._clock()
                )
        return times >= _ENOUGH

    def is_doubtful(self, key: str) -> bool:
        """Whether it was missed, and not yet often enough."""
        return self._times(key) > 0

    def is_there(self, key: str) -> None:
        """It can be read, or nobody knows: what was noted before counts no more."""
        if self._times(key):
            with self._store.transaction():
                self._store.progress.take_back(self._source, key)

    def _times(self, key: str) -> int:
        return self._store.progress.times(self._source, key)
