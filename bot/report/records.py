"""What the report is made from: a forum's threads as they stood at one moment.

Plain data without texts, which are read only where a section needs them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.types import DocumentId, Kind, PassageId

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

Voice = Literal["asker", "person", "bot"]
"""Whose post it is, seen from its thread: of who began it, of another person, or of a
program, ours or another."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A post below the first one of its thread.

    Attributes:
        number: Of the post.
        member: Who wrote it, as `kb.store.evidence.person_key` has it; empty where
            nobody knows.
        name: As the forum shows it; empty likewise.
        at: When it was written.
        accepted: The forum marks it as the solution.
        staff: Its author is a moderator or administrator.
        reply_to: Number of the post that it answers, where the forum tells.
    """

    number: int
    member: str
    name: str
    voice: Voice
    at: datetime
    likes: int = 0
    accepted: bool = False
    staff: bool = False
    reply_to: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A topic as it stood at the moment of the report.

    Attributes:
        key: The topic's id on its forum.
        asker: Who began it, as `Reply.member`; empty where its first post is not held.
        asker_name: As `Reply.name`.
        by_bot: A program began it.
        staff: Who began it is a moderator or administrator.
        newcomer: It is the first thing that its author wrote on this forum, as far as
            it is held.
        visibility: See `kb.types.Document`.
        closed: Nobody may answer.
        solved: A reply is accepted as the solution.
        replies: By number.
    """

    id: DocumentId
    source: str
    key: str
    url: str
    title: str
    created_at: datetime
    asker: str = ""
    asker_name: str = ""
    by_bot: bool = False
    staff: bool = False
    newcomer: bool = False
    category: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    visibility: str = "public"
    views: int = 0
    closed: bool = False
    pinned: bool = False
    solved: bool = False
    replies: tuple[Reply, ...] = ()

    @property
    def by_people(self) -> tuple[Reply, ...]:
        """What other people wrote, not who began it, nor a program."""
        return tuple(reply for reply in self.replies if reply.voice == "person")

    @property
    def first_human(self) -> Reply | None:
        """The earliest of these."""
        return min(
            self.by_people, key=lambda reply: (reply.at, reply.number), default=None
        )


@dataclass(frozen=True, slots=True)
class Period:
    """Of which a report tells: from *since* on, before *until*.

    Attributes:
        until: Also the moment as of which everything is seen: nothing later counts.
    """

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.since <= moment < self.until

    @property
    def before(self) -> Period:
        """The period of the same length just before it, as far as there is time."""
        try:
            begun = self.since - self.length
        except OverflowError:
            begun = datetime.min.replace(tzinfo=self.since.tzinfo)
        return Period(begun, self.since)

    @property
    def length(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True, slots=True)
class Past:
    """All threads that a report may tell of, with those of before its period.

    Attributes:
        threads: By time of their start, then id; none begun at or after
            ``period.until``, and no reply written then.
        opted_out: Members (as `Reply.member`) who want less of us, and are never
            suggested as helpers.
    """

    period: Period
    threads: tuple[Thread, ...]
    opted_out: frozenset[str] = frozenset()
    by_id: Mapping[DocumentId, Thread] = field(default_factory=dict)

    def asked_in(self, period: Period) -> tuple[Thread, ...]:
        """Those that people began within a period."""
        return tuple(
            t for t in self.threads if period.holds(t.created_at) and not t.by_bot
        )

    @property
    def asked(self) -> tuple[Thread, ...]:
        """Those that people began within the one of the report."""
        return self.asked_in(self.period)


@dataclass(frozen=True, slots=True)
class Post:
    """The text of one post, as the forum serves it."""

    number: int
    body: str
    format: str


class Texts(Protocol):
    """Reads texts of the store when a section needs them."""

    def posts(
        self, ids: Collection[DocumentId]
    ) -> Mapping[DocumentId, Mapping[int, Post]]:
        """The posts of threads, by number; of many threads at once, so ask in batches
        of some hundred. What the report may not tell of is absent."""

    def openings(self, ids: Collection[DocumentId]) -> Mapping[DocumentId, str]:
        """Title and question of threads as plain text, templates left out, lines
        kept; cheap, as nothing is parsed."""


class Meanings(Protocol):
    """Compares questions by their meaning; only there when there is an index."""

    def of(self, ids: Collection[DocumentId]) -> tuple[Int64, Float32]:
        """``(ids, vectors)`` of those among *ids* that are indexed, in ascending order
        of id; shapes ``(n,)`` and ``(n, dim)``, rows L2-normalised."""

    def nearest_pages(
        self, vectors: Float32, kind: Kind, k: int
    ) -> list[list[tuple[PassageId, float]]]:
        """The *k* passages of a kind that are nearest to each of *vectors*, best first,
        as ``(passage, cosine)``."""
