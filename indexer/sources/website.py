"""A website: documentation, or events, as its lists name the pages and it serves them.

A walk reads the lists, then each page that may have changed, then what is held and no
list names any more. A page leaves only when the site itself says that it is gone.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from selectolax.lexbor import LexborHTMLParser

from indexer.http import Transport
from indexer.page_text import read_page
from indexer.reader import Reader
from indexer.site import Site
from indexer.source import Batch
from indexer.sources.pages import PageRules
from indexer.sources.site_lists import ListReader, ListSettings
from indexer.sources.site_memory import SiteMemory
from indexer.sources.site_outcomes import PageSettings, Twins, Walk
from indexer.sources.site_pages import PageReader
from indexer.sources.site_walk import SiteWalk
from kb.store import Holdings, SourceState
from kb.types import Clock, utc_now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WebsiteSettings:
    """What the config says of a website; see `ListSettings` and `PageSettings`."""

    sitemaps: tuple[str, ...] | None = None
    feeds: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    twins: Twins = "auto"
    content: str = ""
    events: bool = False
    recheck_every: timedelta = timedelta(days=7)
    max_pages: int = 50_000

    @property
    def of_lists(self) -> ListSettings:
        return ListSettings(
            self.sitemaps,
            self.feeds,
            self.pages,
            self.include,
            self.exclude,
            self.max_pages,
        )

    @property
    def of_pages(self) -> PageSettings:
        return PageSettings(self.twins, self.content, self.events, self.recheck_every)


class WebsiteSource:
    """Reads the pages of a website.

    A page's key is its path, see `indexer.site.key_of`.

    Args:
        name: In the config.
        transport: Of the site, by the address that stands in the config.

    Raises:
        SourceError: ``content`` is no CSS selector.
    """

    is_exhaustive = False

    def __init__(
        self,
        name: str,
        transport: Transport,
        settings: WebsiteSettings,
        *,
        rules: PageRules,
        clock: Clock = utc_now,
    ) -> None:
        self._name = name
        self._transport = transport
        self._settings = settings
        self._rules = rules
        self._clock = clock
        self._site = Site(transport.base_url)
        # Now, and not with the first page.
        read_page(name, LexborHTMLParser(""), content=settings.content)

    @property
    def name(self) -> str:
        return self._name

    @property
    def requests(self) -> int:
        return self._transport.requests

    def walk(
        self,
        state: SourceState,
        known: Holdings,
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `indexer.source.Source.walk`; shorter addresses come first.

        Raises:
            SourceError: A list is broken, or names nothing that can be read.
            ForumError: The site is down, or wants to be left alone. What was read
                is kept; the next walk goes on after it.
        """
        reader = Reader(self._transport, known.fetch, clock=self._clock)
        lists = ListReader(
            self._name, self._site, reader, self._settings.of_lists, full=full
        ).read()
        resumed = _cursor(state, full) == state.cursor
        yield Batch(
            skipped=tuple((url, "is of another site") for url in lists.elsewhere),
            set_aside=tuple(lists.problems),
            fetched=tuple(lists.fetched),
            cursor=_cursor(state, full),
            phase="lists",
        )
        log.info(
            "source=%s pages=%d left out=%d",
            self._name,
            len(lists.pages),
            lists.unwanted,
        )
        memory = SiteMemory(known)
        walk = Walk(
            listed=lists.pages,
            again=frozenset(again),
            full=full,
            since=state.started_at if resumed else None,
        )
        pages = PageReader(
            self._name,
            self._site,
            reader,
            memory,
            self._settings.of_pages,
            self._rules,
            walk,
            clock=self._clock,
        )
        yield from SiteWalk(
            self._site,
            lists,
            pages,
            memory,
            self._settings.of_lists.wants,
            clock=self._clock,
        ).batches()


def _cursor(state: SourceState, full: bool) -> str:
    """Tells that a walk began, and how: one that goes on need not ask again, unless
    everything is to be asked for now."""
    return json.dumps({"walk": state.walk, "full": full})
