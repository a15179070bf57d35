"""The way through a website's pages: those that are listed, those that are held and no
list names any more, and those that something else made way for."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from indexer.site import Listed, Site, key_of, order
from indexer.source import Batch
from indexer.sources.site_copies import is_copy, is_doubtful, still_stands, told
from indexer.sources.site_lists import Lists
from indexer.sources.site_memory import SiteMemory
from indexer.sources.site_outcomes import Notes, Outcome, doubt, kept_since
from indexer.sources.site_pages import PageReader
from kb.errors import ForumError
from kb.store import Fetch
from kb.types import Clock, Document

log = logging.getLogger(__name__)

MANY_ALIKE = 3
"""Held pages that become one and the same in one walk; fewer were put together by
whoever writes them."""

MAX_FAILURES_IN_A_ROW = 5
"""Pages that a site does not answer for; after so many it is down."""

BATCH_PAGES = 100
_BATCH_CHARS = 8_000_000
_LEFT_OUT = "is left out by include and exclude"


@dataclass(slots=True)
class _Harvest:
    """What was read since the last batch.

    Attributes:
        leaving: Stored pages that go, with what to note once they are gone: all in one
            batch at the end, so that a mass deletion is refused as a whole.
        became: Why those go that turned out to be no page of their own.
    """

    memory: SiteMemory
    leaving: dict[str, Notes] = field(default_factory=dict)
    became: dict[str, str] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    set_aside: list[tuple[str, str]] = field(default_factory=list)
    count: int = 0
    chars: int = 0

    def add(self, outcome: Outcome) -> None:
        self.count += 1
        self.chars += outcome.chars
        key = outcome.key
        if outcome.skipped and self.memory.stores(key):
            log.info("key=%s leaves: %s", key, outcome.skipped)
            self.let_go(key, outcome.noted)
            self.became[key] = outcome.skipped
            return
        self.memory.noted.update(outcome.noted)
        if outcome.document is not None:
            self.documents.append(outcome.document)
            self.memory.written.add(key)
        elif outcome.skipped:
            self.skipped.append((key, told(outcome.skipped)))
        elif outcome.set_aside:
            self.set_aside.append((key, outcome.set_aside))
        else:
            self.unchanged.append(key)
            self.verified += [key] if outcome.verified else []
        for other, noted in outcome.displaced:
            self.let_go(other, noted)

    def let_go(self, key: str, noted: Notes) -> None:
        self.memory.leaving.add(key)
        self.leaving[key] = noted

    @property
    def is_full(self) -> bool:
        return self.count >= BATCH_PAGES or self.chars >= _BATCH_CHARS

    def batches(self, clock: Clock, remaining: int | None) -> Iterator[Batch]:
        """What there is, as one batch; it is stored when this goes on."""
        if not self.count:
            return
        noted = self.memory.noted
        yield Batch(
            documents=tuple(self.documents),
            unchanged=tuple(self.unchanged),
            skipped=tuple(self.skipped),
            set_aside=tuple(self.set_aside),
            verified=tuple(self.verified),
            verified_at=clock(),
            fetched=tuple(each for each in noted.values() if each is not None),
            forgotten=tuple(url for url, each in noted.items() if each is None),
            phase="pages",
            remaining=remaining,
        )
        self.memory.stored()
        for each in (self.documents, self.unchanged, self.skipped, self.set_aside):
            each.clear()
        self.verified.clear()
        self.count = self.chars = 0

    def departures(self, clock: Clock) -> Iterator[Batch]:
        """What goes, as one batch; and what stays in doubt, before it."""
        yield from self._doubts(clock())
        if not self.leaving:
            return
        noted = dict(each for notes in self.leaving.values() for each in notes)
        yield Batch(
            gone=tuple(self.leaving),
            fetched=tuple(each for each in noted.values() if each is not None),
            forgotten=tuple(url for url, each in noted.items() if each is None),
            phase="pages",
        )
        self.leaving.clear()
        self.memory.leaving.clear()

    def _doubts(self, now: datetime) -> Iterator[Batch]:
        """Pages that became one and the same, many at once: the site is in maintenance,
        or answers with a page where it misses one. Like what is missing they go when
        that is so for a day."""
        alike = Counter(
            reason for reason in self.became.values() if is_doubtful(reason)
        )
        kept: dict[str, str] = {}
        fetched: list[Fetch] = []
        for key, reason in self.became.items():
            made_of = self.memory.known.fetches_of(key)
            if alike[reason] < MANY_ALIKE or not made_of:
                continue
            found = doubt(made_of, now)
            if found.is_certain:
                continue
            kept[key] = kept_since(f"{told(reason)}, as others do", found.since)
            fetched += found.fetched
        self.became.clear()
        for key in kept:
            del self.leaving[key]
            self.memory.leaving.discard(key)
        if kept:
            yield Batch(
                set_aside=tuple(kept.items()), fetched=tuple(fetched), phase="pages"
            )


class SiteWalk:
    """Reads what the lists of a site name, and what is held of it beside.

    Args:
        wants: Whether the settings let a page in, by its key.
    """

    def __init__(
        self,
        site: Site,
        lists: Lists,
        reader: PageReader,
        memory: SiteMemory,
        wants: Callable[[str], bool],
        *,
        clock: Clock,
    ) -> None:
        self._site = site
        self._lists = lists
        self._reader = reader
        self._memory = memory
        self._wants = wants
        self._clock = clock
        self._harvest = _Harvest(memory)
        self._failures = 0

    def batches(self) -> Iterator[Batch]:
        """All of it; the last but one batch is what leaves.

        Raises:
            ForumError: The site is down, or wants to be left alone.
        """
        try:
            yield from self._listed()
            yield from self._unlisted()
        except ForumError:
            # What was read until then is not read again.
            yield from self._harvest.batches(self._clock, None)
            raise
        yield from self._harvest.batches(self._clock, 0)
        yield from self._harvest.departures(self._clock)
        yield from self._read(self._made_way_for())
        yield from self._harvest.batches(self._clock, 0)
        yield from self._harvest.departures(self._clock)

    def _listed(self) -> Iterator[Batch]:
        pages = self._lists.pages
        for twin in self._lists.loose_twins:
            page, asked = self._reader.resolve(twin)
            self._memory.noted.update((each.url, each) for each in asked)
            if page is None:
                self._harvest.add(Outcome(key_of(twin), skipped="has no page beside"))
            elif self._wants(key_of(page.url)):
                pages.setdefault(key_of(page.url), page)
            if self._harvest.is_full:
                yield from self._harvest.batches(self._clock, None)
        # Of two with the same text the first to be read is the one that stays.
        yield from self._read([pages[key] for key in sorted(pages, key=order)])

    def _unlisted(self) -> Iterator[Batch]:
        """What is held and not named: only the site itself can tell that it is gone."""
        if not self._lists.are_whole:
            return
        unlisted = [key for key in self._memory.known if key not in self._lists.pages]
        asked: list[Listed] = []
        for key in unlisted:
            if not self._wants(key):
                self._harvest.add(self._left_out(key))
            elif url := self._url_of(key):
                asked.append(Listed(url))
            else:
                reason = "is not listed any more, and its address is not known"
                self._harvest.add(Outcome(key, set_aside=reason))
        yield from self._read(asked)

    def _left_out(self, key: str) -> Outcome:
        noted = tuple((each.url, None) for each in self._memory.of_key(key))
        return Outcome(key, skipped=_LEFT_OUT, noted=noted)

    def _url_of(self, key: str) -> str:
        """The address of a page that is held, by its key."""
        urls = [each.url for each in self._memory.of_key(key)]
        for url in (*urls, self._site.own(self._site.root + key), self._site.root):
            if url and key_of(url) == key:
                return url
        return ""

    def _made_way_for(self) -> list[Listed]:
        """Pages that were copies of what has left or changed in this walk."""
        pages = self._lists.pages
        return [
            pages[key_of(each.url)]
            for each in list(self._memory.known.fetches())
            if is_copy(each)
            and key_of(each.url) in pages
            and not still_stands(each, self._memory, pages)
        ]

    def _read(self, pages: Collection[Listed]) -> Iterator[Batch]:
        for left, page in zip(range(len(pages) - 1, -1, -1), pages, strict=True):
            outcome = self._reader.read(page)
            self._harvest.add(outcome)
            self._failures = self._failures + 1 if outcome.failure else self._failures
            if outcome.verified:
                self._failures = 0
            if outcome.failure and self._failures >= MAX_FAILURES_IN_A_ROW:
                raise outcome.failure
            if self._harvest.is_full:
                yield from self._harvest.batches(self._clock, left)
