"""A website, and a knowledge base that reads it: what tests of websites share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from indexer.chunk import chunk_document
from indexer.guard import PublicOnly
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.robots import Robots
from indexer.sources.pages import PageRules, PathRule
from indexer.sources.website import WebsiteSettings, WebsiteSource
from kb.store import Store
from kb.types import Document, Passage, PassageDraft
from tests.indexer.forum_world import Hands

CHUNKER = "words-1"
RULES = PageRules(
    (PathRule(re.compile(r"(?:^|/)(?P<version>\d\.\d+)/(?P<language>[a-z]{2})/")),)
)


def by_words(document: Document) -> tuple[PassageDraft, ...]:
    """Passages as they are cut for search, with words for tokens."""
    return chunk_document(document, count_tokens=lambda text: len(text.split()))


@dataclass
class WebWorld:
    """A site, and what is held of it.

    Attributes:
        url: Of the site, as in the config.
        waits: Seconds that were waited.
    """

    url: str
    store: Store
    clock: Hands
    rules: PageRules = RULES
    waits: list[float] = field(default_factory=list)

    def harvest(
        self,
        *,
        full: bool = False,
        accept_deletions: bool = False,
        max_bytes: int = 1_000_000,
        robots: bool = False,
        **settings: Any,
    ) -> RefreshReport:
        """One refresh, a minute after the last; *settings* are the website's, which
        has a sitemap below its address unless they say otherwise."""
        settings = {"sitemaps": (f"{self.url}/sitemap.xml",), **settings}
        self.clock.now += timedelta(minutes=1)
        with Transport(
            self.url,
            requests_per_second=None,
            sleep=self.waits.append,
            max_bytes=max_bytes,
            max_attempts=1,
            guard=PublicOnly(base_url=self.url),
            robots=Robots(now=self.clock) if robots else None,
        ) as transport:
            source = WebsiteSource(
                "web",
                transport,
                WebsiteSettings(**settings),
                rules=self.rules,
                clock=self.clock,
            )
            report = refresh(
                source,
                self.store,
                by_words,
                CHUNKER,
                clock=self.clock,
                full=full,
                accept_deletions=accept_deletions,
            )
        return replace(report, seconds=0.0)

    @property
    def keys(self) -> list[str]:
        return sorted(self.store.documents.states("web"))

    def document(self, key: str) -> Document:
        found = self.store.documents.state("web", key)
        assert found is not None, f"{key} is not among {self.keys}"
        document = self.store.documents.load(found.id)
        assert document is not None
        return document

    def passages(self, key: str) -> list[Passage]:
        found = self.store.documents.state("web", key)
        assert found is not None, f"{key} is not among {self.keys}"
        return list(self.store.passages.of_document(found.id))

    def set_aside(self) -> dict[str, str]:
        aside = self.store.progress.all_set_aside("web")
        return {item.key: item.reason for item in aside}

    def later(self, **delta: float) -> None:
        self.clock.now += timedelta(**delta)
