"""The link graph that helpers left behind: who linked what, in answer to what.

Held in memory, built from the store's links when an index is opened, or grown post
by post in a replay. What it tells about a new question comes by way of older
questions that are like it: what those were answered with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kb.types import DocumentId, LinkRole

# How much a link says, by who set it. An asker who comes back with a link says
# what helped in the end; one that was accepted as the solution did help.
ROLE_WEIGHTS: Mapping[LinkRole, float] = {
    LinkRole.HELPER: 1.0,
    LinkRole.STAFF: 1.0,
    LinkRole.ASKER: 1.0,
    LinkRole.PAGE: 0.5,
}
ACCEPTED_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A link from a document, not its first post, to another document.

    Attributes:
        source: Of a thread, what it links was linked in answer to its question.
        at: When its post was written.
    """

    source: DocumentId
    target: DocumentId
    role: LinkRole
    at: datetime | None = None
    accepted: bool = False

    @property
    def weight(self) -> float:
        return ROLE_WEIGHTS[self.role] * (ACCEPTED_WEIGHT if self.accepted else 1.0)


class LinkGraph:
    """Edges by both ends. Grows; what must leave is left out when it is built."""

    def __init__(self, edges: Iterable[Edge] = ()) -> None:
        # Per pair the strongest link: who links twice does not recommend twice.
        self._out: defaultdict[DocumentId, dict[DocumentId, float]] = defaultdict(dict)
        self._into: defaultdict[DocumentId, dict[DocumentId, float]] = defaultdict(dict)
        self._people: defaultdict[DocumentId, set[DocumentId]] = defaultdict(set)
        self._latest: datetime | None = None
        for edge in edges:
            self.add(edge)

    def add(self, edge: Edge) -> None:
        weight = max(edge.weight, self._out[edge.source].get(edge.target, 0.0))
        self._out[edge.source][edge.target] = weight
        self._into[edge.target][edge.source] = weight
        if edge.role is not LinkRole.PAGE:
            self._people[edge.target].add(edge.source)
        if edge.at is not None and (self._latest is None or edge.at > self._latest):
            self._latest = edge.at

    @property
    def latest(self) -> datetime | None:
        """When the newest edge was written."""
        return self._latest

    def out_of(self, source: DocumentId) -> Mapping[DocumentId, float]:
        """What a document links, with the weight of it."""
        return self._out.get(source, {})

    def into(self, target: DocumentId) -> Mapping[DocumentId, float]:
        """What links a document, with the weight of it."""
        return self._into.get(target, {})

    def answered_with(self, target: DocumentId) -> Collection[DocumentId]:
        """Threads in which somebody linked a document; pages that link it, as a manual
        does in its own chapters, recommend it to nobody."""
        return self._people.get(target, frozenset())
