"""What a walk through a website asks of each page, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from indexer.reader import CERTAIN_AFTER
from indexer.site import Listed
from kb.errors import ForumUnavailableError
from kb.store import Fetch
from kb.types import Document

Twins = Literal["auto", "always", "never"]

Notes = tuple[tuple[str, Fetch | None], ...]
"""Answers to keep, by address; ``None`` for what to forget."""


@dataclass(frozen=True, slots=True)
class PageSettings:
    """How pages are read.

    Attributes:
        twins: Whether Markdown twins are read: those that are named, all, none.
        content: CSS selector of a page's main part; empty to find it.
        events: Each page is an event.
        recheck_every: After that long a page is asked for though its date stood still.
    """

    twins: Twins = "auto"
    content: str = ""
    events: bool = False
    recheck_every: timedelta = timedelta(days=7)

    @property
    def stamp(self) -> tuple[object, ...]:
        """All that a page's text depends on."""
        return (self.twins, self.content, self.events)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one page; one of the fields after *key* is set.

    Attributes:
        unchanged: It is held as the site has it.
        skipped: Why it is not to be held.
        set_aside: Why nothing is known of it now.
        failure: The site did not answer at all.
        verified: The site itself said so just now.
        displaced: ``(key, notes)`` of pages that turned out to be copies of it.
    """

    key: str
    document: Document | None = None
    unchanged: bool = False
    skipped: str = ""
    set_aside: str = ""
    failure: ForumUnavailableError | None = None
    verified: bool = False
    noted: Notes = ()
    displaced: tuple[tuple[str, Notes], ...] = ()

    @property
    def chars(self) -> int:
        """Of its text."""
        return 0 if self.document is None else len(self.document.parts[0].body)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something against a page that is held, for which it goes when that lasts.

    Attributes:
        since: When it began.
        fetched: The answers that the page was made of, with that failure.
    """

    since: datetime
    is_certain: bool
    fetched: tuple[Fetch, ...]


def doubt(made_of: Sequence[Fetch], now: datetime) -> Doubt:
    """Doubt a page *now*, which may have begun before.

    Args:
        made_of: The answers that it was made of.
    """
    since = min((each.failed_at for each in made_of if each.failed_at), default=now)
    failed = tuple(each.failed(since) for each in made_of)
    return Doubt(since, now - since >= CERTAIN_AFTER, failed)


def kept_since(reason: str, since: datetime) -> str:
    """Why a page is set aside that may have left."""
    when = f"{since:%Y-%m-%d %H:%M} UTC"
    return f"{reason} since {when}; it is kept until that is certain"


@dataclass(frozen=True, slots=True)
class Walk:
    """What holds for one walk.

    Attributes:
        listed: All pages that lists name, by key.
        again: Keys that are asked for in any case.
        full: Everything is read anew.
        since: What was asked after then was asked by this walk, before it was
            interrupted; ``None`` for a walk from the beginning.
    """

    listed: Mapping[str, Listed] = field(default_factory=dict)
    again: Collection[str] = ()
    full: bool = False
    since: datetime | None = None
