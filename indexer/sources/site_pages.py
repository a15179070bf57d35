"""One page of a website: asked for if need be, and what became of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import replace

from selectolax.lexbor import LexborHTMLParser

from indexer.events import Event, events_of
from indexer.page_head import refuses_indexing
from indexer.page_text import WebPage, looks_like_html, parsed_page, read_page
from indexer.reader import Reader, Reply
from indexer.site import Listed, Site, key_of, order, pages_of, twins_of
from indexer.sitemaps import is_html
from indexer.sources.pages import PAGE_FORMAT, PageRules, markdown_page
from indexer.sources.site_copies import (
    EMPTY,
    LEADS,
    SAME,
    SAYS,
    are_versions,
    is_unread,
    same_page,
    still_stands,
)
from indexer.sources.site_documents import event_document, html_document, text_of
from indexer.sources.site_memory import SiteMemory
from indexer.sources.site_outcomes import (
    Notes,
    Outcome,
    PageSettings,
    Walk,
    doubt,
    kept_since,
)
from kb.errors import (
    DisallowedError,
    ForumProtocolError,
    ForumReadOnlyError,
    ForumUnavailableError,
    RateLimitedError,
    SourceError,
)
from kb.store import Fetch
from kb.types import NO_DETAILS, Clock, Document, content_hash

log = logging.getLogger(__name__)

WEB_FORMAT = 1
"""Grows with every change of what a web page is read as."""

_HTML = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
_MARKDOWN = "text/markdown, text/plain;q=0.9, */*;q=0.1"
_MARKDOWN_TYPES = frozenset(
    {"", "text/markdown", "text/x-markdown", "text/plain", "application/octet-stream"}
)
# Why an address that might have been a Markdown twin is none.
_NO_TWIN = "is no Markdown twin"
_PRIVATE = "is for people with an account only"
_LOGIN = re.compile(r"/(?:wp-)?(?:log|sign)[-_]?in\b", re.IGNORECASE)


class PageReader:
    """Reads the pages of one site.

    Args:
        name: Of the source.
        memory: What is known; whoever uses the outcomes notes them there.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        reader: Reader,
        memory: SiteMemory,
        settings: PageSettings,
        rules: PageRules,
        walk: Walk,
        *,
        clock: Clock,
    ) -> None:
        self._name = name
        self._site = site
        self._reader = reader
        self._memory = memory
        self._settings = settings
        self._rules = rules
        self._walk = walk
        self._clock = clock
        self._mark = content_hash(
            WEB_FORMAT, PAGE_FORMAT, *settings.stamp, *rules.settings
        )[:16]

    def read(self, page: Listed) -> Outcome:
        """Read a page, or find that this is not needed.

        Raises:
            RateLimitedError: The site wants to be left alone.
            ForumReadOnlyError: So.
        """
        key = key_of(page.url)
        try:
            return self._without_asking(page, key) or self._asked(page, key)
        except DisallowedError:
            reason = "robots.txt does not let it be read"
            if self._memory.holds(key):
                return Outcome(key, set_aside=f"{reason} any more")
            return Outcome(key, skipped=reason)
        except (RateLimitedError, ForumReadOnlyError):
            raise
        except ForumUnavailableError as exc:
            return Outcome(key, set_aside=str(exc), failure=exc)
        except (ForumProtocolError, SourceError) as exc:
            return Outcome(key, set_aside=str(exc))

    def resolve(self, twin: str) -> tuple[Listed | None, tuple[Fetch, ...]]:
        """The page that people read in place of a Markdown file of llms.txt, and what
        was asked to find it: nothing, when it is known.

        Raises:
            ForumError: The site does not answer.
        """
        asked: list[Fetch] = []
        candidates = pages_of(twin)
        for url in candidates:
            known = self._memory.fetch(url)
            if known is not None and not known.failures:
                return Listed(url, twin=twin), ()
        for url in candidates:
            try:
                reply = self._reader.get(url, accept=_HTML)
            except (DisallowedError, SourceError, ForumProtocolError):
                continue
            if reply.is_whole and looks_like_html(reply.body, reply.content_type):
                asked.append(replace(reply.fetch, etag="", last_modified=""))
                return Listed(url, twin=twin), tuple(asked)
        return None, ()

    # -- without a request -----------------------------------------------------

    def _without_asking(self, page: Listed, key: str) -> Outcome | None:
        known = self._memory.content_of(key) or self._memory.fetch(page.url)
        if known is None or known.failures or not self._is_usable(known, key):
            return None
        since = self._walk.since
        by_this_walk = since is not None and known.checked_at >= since
        if not by_this_walk and not self._is_fresh(known, page, key):
            return None
        if known.reason:
            return Outcome(key, skipped=known.reason)
        return Outcome(key, unchanged=True)

    def _is_fresh(self, known: Fetch, page: Listed, key: str) -> bool:
        if self._walk.full or key in self._walk.again or not page.lastmod:
            return False
        is_dated_so = known.stamp == self._stamp(page)
        age = self._clock() - known.checked_at
        return is_dated_so and age < self._settings.recheck_every

    def _stamp(self, page: Listed) -> str:
        return f"{self._mark} {page.lastmod}"

    def _is_usable(self, known: Fetch, key: str) -> bool:
        """Whether an answer still tells what became of the page, if the site has
        nothing newer."""
        if known.stamp.partition(" ")[0] != self._mark:
            return False
        if known.reason:
            return still_stands(known, self._memory, self._walk.listed)
        if known.key != key or not known.content_hash or not self._memory.holds(key):
            return False
        if self._memory.borrows(key, self._walk.listed):
            return False
        if self._memory.is_shared(known.content_hash):
            # A walk that was interrupted may have left both.
            same = same_page(known.content_hash, key, self._memory, self._rules)
            if same is not None and order(same.key) < order(key):
                return False
        return not (self._settings.events and self._is_over(key))

    def _is_over(self, key: str) -> bool:
        """An event that ended since: its page may tell of the next one."""
        document = self._memory.known.document(key)
        if document is None or document.expires_at is None:
            return False
        return document.expires_at <= self._clock()

    # -- asking ------------------------------------------------------------------

    def _asked(self, page: Listed, key: str) -> Outcome:
        twin = self._twin(page, key)
        outcome = self._from_twin(page, key, twin) if twin else None
        return outcome or self._from_html(page, key)

    def _get(self, url: str, key: str, accept: str) -> Reply:
        """Ask for *url*; for the whole of it, unless what is held was made of it."""
        known = self._memory.fetch(url)
        usable = known is not None and self._is_usable(known, key)
        return self._reader.get(
            url,
            accept=accept,
            # The date of a list does not matter here: the site itself is asked.
            stamp=known.stamp if known is not None and usable else "",
            fresh=self._walk.full or not usable,
        )

    def _twin(self, page: Listed, key: str) -> str:
        """Where the Markdown twin of a page may be; empty when it is not looked for."""
        if self._settings.twins == "never" or self._settings.events:
            return ""
        known = self._memory.content_of(key)
        if known is not None and known.url != page.url:
            return known.url
        told = page.twin
        if not told and self._settings.twins == "always":
            told = next(iter(twins_of(page.url)), "")
        return told if self._may_be_twin(told, key) else ""

    def _may_be_twin(self, url: str, key: str) -> bool:
        """Whether to try: an address that was no twin is not tried with every walk."""
        known = self._memory.fetch(url) if url else None
        if known is None or known.reason != _NO_TWIN or self._walk.full:
            return bool(url)
        age = self._clock() - known.checked_at
        return key in self._walk.again or age >= self._settings.recheck_every

    def _from_twin(self, page: Listed, key: str, twin: str) -> Outcome | None:
        """The page as its twin has it; if there is none that is noted, at once: the
        page itself may name it, too."""
        try:
            reply = self._get(twin, key, _MARKDOWN)
        except (DisallowedError, ForumProtocolError, SourceError) as exc:
            log.info("source=%s twin=%s: %s", self._name, twin, exc)
            self._memory.noted[twin] = Fetch(twin, self._clock(), reason=_NO_TWIN)
            return None
        if reply.is_unchanged:
            return self._unchanged(page, key, reply)
        text = self._markdown(reply) if reply.is_whole else ""
        if not text.strip():
            self._memory.noted[twin] = Fetch(twin, self._clock(), reason=_NO_TWIN)
            return None
        document = markdown_page(
            self._name,
            key,
            page.url,
            text,
            self._rules,
            revision=content_hash(text, page.url, self._mark),
        )
        return self._settled(page, document, reply.fetch)

    def _markdown(self, reply: Reply) -> str:
        """The text of a Markdown file; empty where it is something else: many sites
        answer with a page where a file is missing."""
        if reply.content_type not in _MARKDOWN_TYPES or is_html(reply.body):
            return ""
        # Meant for engines that show pages: the page itself is the one to be shown.
        # Whether it is, it says itself.
        if refuses_indexing((reply.headers or {}).get("x-robots-tag", "")):
            return ""
        try:
            return reply.body.decode("utf-8-sig")
        except UnicodeDecodeError:
            return ""

    def _from_html(self, page: Listed, key: str) -> Outcome:
        reply = self._get(page.url, key, _HTML)
        if reply.is_unchanged:
            return self._unchanged(page, key, reply)
        if not reply.is_whole:
            return self._missing(page, key, reply)
        headers = reply.headers or {}
        if refuses_indexing(headers.get("x-robots-tag", "")):
            return self._skipped(page, key, reply, "asks not to be indexed")
        if not looks_like_html(reply.body, reply.content_type):
            kind = reply.content_type or "of an unknown type"
            return self._skipped(page, key, reply, f"is {kind}, not a page")
        tree = parsed_page(page.url, reply.body, headers.get("content-type", ""))
        # Before the text is taken out of it, and the rest thrown away.
        events = events_of(tree) if self._settings.events else ()
        return self._from_page(page, key, reply, tree, events)

    def _from_page(
        self,
        page: Listed,
        key: str,
        reply: Reply,
        tree: LexborHTMLParser,
        events: tuple[Event, ...],
    ) -> Outcome:
        asks_password = tree.css_first("input[type=password]") is not None
        told = read_page(page.url, tree, content=self._settings.content)
        landed = self._site.own(reply.url) or page.url
        if told.leads_to:
            landed = self._site.own(told.leads_to, seen_at=landed) or landed
        is_login = asks_password or _LOGIN.search(landed)
        if landed != page.url and is_login and not _LOGIN.search(page.url):
            return self._refused(page, key)
        if landed != page.url and key_of(landed) in self._walk.listed:
            return self._skipped(page, key, reply, f"{LEADS}{key_of(landed)}")
        if not told.is_indexable:
            return self._skipped(page, key, reply, "asks not to be indexed")
        if original := self._original(told, key, landed):
            return self._skipped(page, key, reply, f"{SAYS}{original}")
        if told.twin and (outcome := self._from_named_twin(page, key, reply, told)):
            return outcome
        url = self._address(told, key, landed)
        revision = content_hash(told.body, url, self._mark)
        document = html_document(
            self._name, key, url, told, self._rules, revision=revision
        )
        if self._settings.events:
            events = self._own_events(events, {page.url, landed, url})
            dated = event_document(
                document, told, events, self._rules, now=self._clock()
            )
            if isinstance(dated, str):
                return self._skipped(page, key, reply, dated)
            document = dated
        return self._settled(page, document, reply.fetch)

    def _from_named_twin(
        self, page: Listed, key: str, reply: Reply, told: WebPage
    ) -> Outcome | None:
        twin = self._site.own(told.twin, seen_at=reply.url)
        if self._settings.twins != "auto" or self._settings.events or twin is None:
            return None
        if not self._may_be_twin(twin, key):
            return None
        return self._from_twin(page, key, twin)

    def _own_events(
        self, events: tuple[Event, ...], urls: Collection[str]
    ) -> tuple[Event, ...]:
        """Those that name the page at *urls* as their own; all where none does. A list
        of what comes next stands beside what is over, too."""
        bare = {url.rstrip("/") for url in urls}
        own = tuple(
            event
            for event in events
            if event.url
            and (self._site.own(event.url, seen_at=min(urls)) or "").rstrip("/") in bare
        )
        return own or events

    def _original(self, told: WebPage, key: str, landed: str) -> str:
        """The key of the page that this one says to be a copy of, if that is so."""
        canonical = self._canonical(told, landed)
        other = key_of(canonical) if canonical else key
        if other == key or other not in self._walk.listed:
            return ""
        if are_versions(self._rules, key, other):
            return ""
        # Where that one is missing, or a copy itself, this is all that there is.
        is_there = self._memory.holds(other) or is_unread(
            other, self._memory, self._walk.listed
        )
        return other if is_there else ""

    def _canonical(self, told: WebPage, landed: str) -> str:
        if not told.canonical:
            return ""
        return self._site.own(told.canonical, seen_at=landed) or ""

    def _address(self, told: WebPage, key: str, landed: str) -> str:
        """Where people read it: where it says, if it can be read there."""
        canonical = self._canonical(told, landed)
        if not canonical or canonical == landed:
            return landed
        other = key_of(canonical)
        if (
            other == key
            or other in self._walk.listed
            or self._memory.holds(other)
            or are_versions(self._rules, key, other)
        ):
            return landed
        try:
            reply = self._reader.get(canonical, accept=_HTML, fresh=True)
        except (DisallowedError, ForumProtocolError, SourceError):
            return landed
        return canonical if reply.is_whole else landed

    # -- what became of it -------------------------------------------------------

    def _settled(self, page: Listed, document: Document, fetch: Fetch) -> Outcome:
        """A page that was read: itself, or one that is held under another address."""
        key = document.key
        text = text_of(document)
        if not text and document.details == NO_DETAILS:
            return self._skipped_fetch(page, key, fetch, EMPTY)
        digest = content_hash(document.title, text)
        noted = replace(
            fetch, key=key, stamp=self._stamp(page), content_hash=digest, reason=""
        )
        same = same_page(digest, key, self._memory, self._rules)
        if same is not None and order(same.key) < order(key):
            reason = f"{SAME}{same.key}"
            return self._skipped_fetch(page, key, noted, reason)
        displaced: tuple[tuple[str, Notes], ...] = ()
        if same is not None:
            copy = replace(same, key="", reason=f"{SAME}{key}")
            url = self._walk.listed.get(same.key, Listed(same.url)).url
            displaced = ((same.key, _as_copy(copy, url)),)
        others = self._others(page, key, fetch)
        return Outcome(
            key,
            document=replace(document, verified_at=fetch.checked_at),
            verified=True,
            noted=(*others, (fetch.url, noted)),
            displaced=displaced,
        )

    def _unchanged(self, page: Listed, key: str, reply: Reply) -> Outcome:
        fetch = replace(reply.fetch, stamp=self._stamp(page))
        noted = ((fetch.url, fetch),)
        if fetch.reason:
            return Outcome(key, skipped=fetch.reason, verified=True, noted=noted)
        return Outcome(key, unchanged=True, verified=True, noted=noted)

    def _skipped(self, page: Listed, key: str, reply: Reply, reason: str) -> Outcome:
        return self._skipped_fetch(page, key, reply.fetch, reason)

    def _skipped_fetch(
        self, page: Listed, key: str, fetch: Fetch, reason: str
    ) -> Outcome:
        noted = replace(fetch, key="", stamp=self._stamp(page), reason=reason)
        notes = (*self._others(page, key, fetch), *_as_copy(noted, page.url))
        return Outcome(key, skipped=reason, verified=True, noted=notes)

    def _others(self, page: Listed, key: str, fetch: Fetch) -> Notes:
        """What is to be forgotten of a page that *fetch* tells of now."""
        urls = {each.url for each in self._memory.of_key(key)}
        known = self._memory.fetch(page.url)
        if known is not None and known.reason:
            urls.add(page.url)
        return tuple((url, None) for url in sorted(urls - {fetch.url}))

    def _refused(self, page: Listed, key: str) -> Outcome:
        """A page that leads to a login, which no list tells from others; one that is
        held goes when that is certain."""
        if not self._memory.holds(key):
            return Outcome(key, skipped=_PRIVATE)
        found = doubt(self._memory.of_key(key), self._clock())
        if not found.is_certain:
            return Outcome(
                key,
                set_aside=kept_since(_PRIVATE, found.since),
                noted=tuple((each.url, each) for each in found.fetched),
            )
        forgotten = self._forgotten(page, key)
        return Outcome(key, skipped=_PRIVATE, verified=True, noted=forgotten)

    def _forgotten(self, page: Listed, key: str) -> Notes:
        urls = {page.url, *(each.url for each in self._memory.of_key(key))}
        return tuple((url, None) for url in sorted(urls))

    def _missing(self, page: Listed, key: str, reply: Reply) -> Outcome:
        """A page that the site does not give out: one that is held goes when that is
        certain."""
        held = self._memory.holds(key)
        # To another site, and no list names it any more.
        has_moved = reply.status < 400 and key not in self._walk.listed
        if not (reply.is_missing or reply.is_refused or has_moved):
            problem = f"{reply.status} {reply.problem}".rstrip()
            if held or reply.status >= 400:
                failed = replace(reply.fetch, key=key)
                noted: Notes = ((failed.url, failed),) if held else ()
                return Outcome(key, set_aside=f"answers {problem}", noted=noted)
            return Outcome(key, skipped="is sent on to another site")
        reason = _PRIVATE if reply.is_refused else "is not there"
        is_gone = reply.is_gone or (has_moved and reply.has_failed_long)
        if held and not is_gone:
            fetch = replace(reply.fetch, key=key)
            since = fetch.failed_at or fetch.checked_at
            return Outcome(
                key,
                set_aside=kept_since(f"answers {reply.status}", since),
                noted=((fetch.url, fetch),),
            )
        forgotten = self._forgotten(page, key)
        if key not in self._walk.listed:
            return Outcome(key, skipped=reason, verified=True, noted=forgotten)
        # Known to be missing: no other page is a copy of it.
        missing = replace(reply.fetch, key="", content_hash="")
        return Outcome(
            key,
            skipped=reason,
            verified=True,
            noted=(*forgotten, (page.url, missing)),
        )


def _as_copy(fetch: Fetch, url: str) -> Notes:
    """An answer that became no page, also under the address of the page itself, by
    which it is found again when the reason is none any more."""
    if fetch.url == url:
        return ((url, fetch),)
    return (
        (fetch.url, fetch),
        (url, replace(fetch, url=url, etag="", last_modified="")),
    )
