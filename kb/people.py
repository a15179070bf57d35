"""Who asked and who helped, as far as ranking cares; held in memory.

Names a person by an opaque key, equal for one account within one forum. A post
that is gone, or whose author opted out, is not here, because it is not stored.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from kb.types import DocumentId

_NOBODY: Mapping[str, int] = {}


class People:
    """Grows post by post; what must leave is left out when it is built."""

    def __init__(self) -> None:
        self._askers: dict[DocumentId, str] = {}
        self._helpers: defaultdict[DocumentId, Counter[str]] = defaultdict(Counter)
        self._answers: Counter[str] = Counter()

    def wrote(self, document: DocumentId, person: str, *, opening: bool) -> None:
        """Take in a post of a thread; its author's own replies are no help."""
        if opening:
            self._askers[document] = person
        elif self._askers.get(document) != person:
            self._helpers[document][person] += 1
            self._answers[person] += 1

    def asker(self, document: DocumentId) -> str | None:
        """Who opened a thread."""
        return self._askers.get(document)

    def helpers(self, document: DocumentId) -> Mapping[str, int]:
        """Who answered in a thread, and how often."""
        return self._helpers.get(document, _NOBODY)

    def answers(self, person: str) -> int:
        """How many answers a person gave anywhere."""
        return self._answers[person]
