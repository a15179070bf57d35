"""Which pages a website has: by sitemaps, llms.txt, feeds, and the config."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from protego import Protego

from indexer.feeds import read_feed
from indexer.llms_txt import read_llms_txt
from indexer.reader import Reader, Reply
from indexer.robots import PATH as ROBOTS_PATH
from indexer.site import Listed, Site, is_markdown, key_of, pages_of, pair
from indexer.sitemaps import read_sitemap
from kb.errors import DisallowedError, ForumProtocolError, SourceError
from kb.store import Fetch

log = logging.getLogger(__name__)

MAX_DEPTH = 3
"""How deep sitemaps may name others; their protocol allows one step."""
MAX_SITEMAPS = 1000
MAX_LISTED = 1_000_000
"""Addresses that are looked at, wanted or not."""
_XML = "application/xml, text/xml;q=0.9, */*;q=0.5"
_TEXT = "text/plain, text/markdown;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class ListSettings:
    """Where pages are listed, and which of them are wanted.

    Attributes:
        sitemaps: ``None`` for those that robots.txt names, else the usual one.
        include: Searched in a page's key; empty for all. So *exclude*, for none.
        max_pages: More are an error: what is over could only be lost at random.
    """

    sitemaps: tuple[str, ...] | None = None
    feeds: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    max_pages: int = 50_000

    def wants(self, key: str) -> bool:
        if self.include and not any(each.search(key) for each in self.include):
            return False
        return not any(each.search(key) for each in self.exclude)


@dataclass(slots=True)
class Lists:
    """What all lists name together.

    Attributes:
        pages: By key.
        loose_twins: Markdown files of llms.txt whose page no list names.
        elsewhere: How many addresses of other sites there were; *unwanted*, how many
            that the settings leave out.
        problems: ``(address, reason)`` of lists that are named and not there: what no
            list names may stand on these.
        fetched: What the site said, for the next walk.
    """

    pages: dict[str, Listed] = field(default_factory=dict)
    loose_twins: tuple[str, ...] = ()
    elsewhere: list[str] = field(default_factory=list)
    unwanted: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    fetched: list[Fetch] = field(default_factory=list)

    @property
    def are_whole(self) -> bool:
        return not self.problems


class ListReader:
    """Reads all lists of one site.

    Args:
        name: Of the source, for errors.
        full: Ask for the whole lists, whatever is remembered.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        reader: Reader,
        settings: ListSettings,
        *,
        full: bool = False,
    ) -> None:
        self._name = name
        self._site = site
        self._reader = reader
        self._settings = settings
        self._full = full
        self._found = Lists()
        self._listed: dict[str, Listed] = {}

    def read(self) -> Lists:
        """All pages that the lists name.

        Raises:
            SourceError: A list is broken, or something else than a list; there is
                none; or they name no page, or more than are allowed.
            ForumError: The site does not answer.
        """
        self._read_sitemaps()
        for url in self._settings.feeds:
            own = self._own_setting(url, "feeds")
            if (body := self._body(own, _XML, f"feeds: {url}")) is not None:
                self._add(read_feed(own, body), seen_at=own)
        for url in self._settings.pages:
            own = self._own_setting(url, "pages")
            self._listed.setdefault(own, Listed(own))
        self._read_llms_txt()
        return self._chosen()

    # -- sitemaps ------------------------------------------------------------

    def _read_sitemaps(self) -> None:
        named = self._settings.sitemaps
        if named is not None:
            for url in named:
                own = self._own_setting(url, "sitemaps")
                self._read_sitemap(own, must=True)
            return
        named_ones = self._named_by_robots()
        below = [url for url in named_ones if self._site.is_below(url)]
        if below:
            named_ones = below
        elif self._read_sitemap(self._site.at("sitemap.xml"), is_guess=True):
            # That of a folder knows its pages; those of the whole site may not.
            return
        for url in named_ones:
            self._read_sitemap(url)
        usual = self._site.root + "sitemap.xml"
        if not named_ones and usual != self._site.at("sitemap.xml"):
            self._read_sitemap(usual, is_guess=True)

    def _named_by_robots(self) -> list[str]:
        url = self._site.root.rstrip("/") + ROBOTS_PATH
        reply = self._get(url, _TEXT)
        if not (reply.is_whole or reply.is_unchanged):
            return []
        self._found.fetched.append(reply.fetch)
        rules = Protego.parse(reply.body.decode("utf-8-sig", "replace"))
        found = []
        for named in rules.sitemaps:
            own = self._site.own(named, seen_at=url)
            if own is None:
                log.warning("source=%s %s is of another site", self._name, named)
            else:
                found.append(own)
        return list(dict.fromkeys(found))

    def _read_sitemap(
        self, first: str, *, must: bool = False, is_guess: bool = False
    ) -> bool:
        """Read a sitemap and those that it names; False when it is not there."""
        is_there = False
        waiting = [(first, 0)]
        seen = {first}
        while waiting:
            url, depth = waiting.pop(0)
            what = f"sitemaps: {url}" if must and not depth else ""
            body = self._body(url, _XML, what, is_guess=is_guess and not depth)
            if body is None:
                continue
            is_there = is_there or url == first
            sitemap = read_sitemap(url, body)
            self._add(sitemap.pages, seen_at=url)
            for nested in sitemap.nested:
                own = self._site.own(nested, seen_at=url)
                if own is None:
                    self._found.elsewhere.append(nested)
                elif own not in seen:
                    seen.add(own)
                    waiting.append((own, depth + 1))
                if depth >= MAX_DEPTH or len(seen) > MAX_SITEMAPS:
                    raise SourceError(
                        first,
                        f"names sitemaps more than {MAX_DEPTH} deep, or more than "
                        f"{MAX_SITEMAPS}",
                    )
        return is_there

    # -- llms.txt ------------------------------------------------------------

    def _read_llms_txt(self) -> None:
        url = self._site.at("llms.txt")
        try:
            reply = self._get(url, _TEXT)
        except DisallowedError as exc:
            log.info("source=%s no llms.txt: %s", self._name, exc)
            return
        if not (reply.is_whole or reply.is_unchanged):
            return
        self._found.fetched.append(reply.fetch)
        twins = []
        for link in read_llms_txt(reply.body):
            own = self._site.own(link, seen_at=url)
            if own is None:
                self._found.elsewhere.append(link)
            elif is_markdown(own):
                twins.append(own)
            else:
                self._add([Listed(own)], seen_at=url)
        pairs = pair(self._listed, frozenset(twins))
        for page, twin in pairs.items():
            self._listed[page] = replace(self._listed[page], twin=twin)
        paired = set(pairs.values())
        self._found.loose_twins = tuple(
            twin
            for twin in twins
            if twin not in paired
            and self._site.is_below(twin)
            # A page that is left out by its name must not come back by its twin's.
            and any(self._settings.wants(key_of(page)) for page in pages_of(twin))
        )

    # -- all together --------------------------------------------------------

    def _add(self, pages: Iterable[Listed], *, seen_at: str) -> None:
        for page in pages:
            own = self._site.own(page.url, seen_at=seen_at)
            if own is None or not self._site.is_below(own):
                self._found.elsewhere.append(page.url)
            elif own not in self._listed:
                self._listed[own] = replace(page, url=own)
            elif page.lastmod and not self._listed[own].lastmod:
                self._listed[own] = replace(self._listed[own], lastmod=page.lastmod)
            self._refuse_to_drown()

    def _refuse_to_drown(self) -> None:
        """Before all lists are read: they may be endless."""
        if len(self._listed) + len(self._found.elsewhere) > MAX_LISTED:
            raise SourceError(
                self._name,
                f"the lists name more than {MAX_LISTED} addresses; name those lists "
                "that are wanted under sitemaps",
            )

    def _chosen(self) -> Lists:
        found = self._found
        for url, page in self._listed.items():
            key = key_of(url)
            if self._settings.wants(key):
                found.pages.setdefault(key, page)
            else:
                found.unwanted += 1
        count = len(found.pages)
        if count > self._settings.max_pages:
            raise SourceError(
                self._name,
                f"{count} pages are listed, more than max_pages "
                f"({self._settings.max_pages}); raise it, or leave some out with "
                "include and exclude",
            )
        if not count and not found.loose_twins:
            raise SourceError(
                self._name,
                self._nothing(found),
            )
        return found

    def _nothing(self, found: Lists) -> str:
        """Why no page is left, and what to do."""
        setting = f"sources.{self._name}"
        if found.unwanted:
            return (
                f"all {found.unwanted} pages that are listed are left out: look at "
                f"{setting}.include and exclude, which see all of a path after the host"
            )
        if found.elsewhere:
            return (
                f"none of {len(found.elsewhere)} pages that are listed is below "
                f"{self._site.base}: look at {setting}.url"
            )
        return (
            f"no sitemap, llms.txt or feed of {self._site.base} names a page; is "
            f"{setting}.url right? Else name some under {setting}.sitemaps, feeds or "
            "pages"
        )

    # -- asking --------------------------------------------------------------

    def _own_setting(self, url: str, setting: str) -> str:
        own = self._site.own(url)
        if own is None:
            raise SourceError(
                self._name,
                f"{setting}: expected an address of {self._site.root}, got {url}",
            )
        return own

    def _body(
        self, url: str, accept: str, what: str, *, is_guess: bool = False
    ) -> bytes | None:
        """A list, or ``None`` when it is not there: then what names it is wrong, unless
        nothing does.

        Args:
            what: The setting that names it, which is wrong then.
        """
        try:
            reply = self._get(url, accept)
        except DisallowedError as exc:
            if what:
                raise
            self._found.problems.append((url, str(exc)))
            return None
        if reply.is_whole or reply.is_unchanged:
            self._found.fetched.append(reply.fetch)
            return reply.body
        problem = f"the list answers {reply.status} {reply.problem}".rstrip()
        if what:
            raise SourceError(self._name, f"{what}: {problem}")
        if not (is_guess and reply.is_missing):
            self._found.problems.append((url, problem))
        return None

    def _get(self, url: str, accept: str) -> Reply:
        try:
            return self._reader.get(
                url, accept=accept, keep_body=True, fresh=self._full
            )
        except ForumProtocolError as exc:
            raise SourceError(
                self._name, f"{exc} (a list may have as many as max_page_bytes)"
            ) from exc
