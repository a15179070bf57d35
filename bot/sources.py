"""The sources of the config, ready to be read, and how their hosts are asked.

What concerns a host is shared by all that ask it, the bot included: its budget, its
rules for crawlers, what is remembered of its answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.config import Config, secret
from bot.config_sources import (
    ArchiveSource,
    CoursesSource,
    ForumSource,
    MarkdownSource,
    TermsSource,
    VideosSource,
    WebsiteSource,
)
from bot.config_sources import Source as AnySource
from indexer.budget import HostBudget
from indexer.validators import Validators
from kb.errors import ConfigError
from kb.store import NOBODY, Forgotten
from kb.types import PUBLIC, Clock

if TYPE_CHECKING:
    from indexer.alive import AliveChecker
    from indexer.channel import ChannelOptions
    from indexer.http import Transport
    from indexer.robots import Robots
    from indexer.source import Source
    from indexer.sources.forum import ForumSource as ForumThreads
    from indexer.sources.pages import PageRules

# Of a site with thousands of pages one may fail; it is tried with the next refresh.
_SITE_ATTEMPTS = 3
# What is only looked at is looked at again another day.
_LOOKS = 2
_LOOK_S = 15.0
# Requests a second to a host that no source names.
_STRANGERS_RATE = 1.0


class Sources:
    """What the config names as sources.

    Args:
        sleep: Waits that many seconds, or ends what is going on.
    """

    def __init__(
        self, config: Config, *, clock: Clock, sleep: Callable[[float], object]
    ) -> None:
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._budgets: dict[str, HostBudget] = {}
        self._robots: dict[str, Robots] = {}
        self._validators = Validators()

    def names(self) -> list[str]:
        """Enabled sources, in the config's order."""
        return [name for name, source in self._config.sources.items() if source.enabled]

    def forum_names(self) -> list[str]:
        """Enabled forums, in the config's order."""
        return [
            name
            for name in self.names()
            if isinstance(self._config.sources[name], ForumSource)
        ]

    def settings(self, name: str) -> AnySource:
        """Settings of an enabled source.

        Raises:
            ConfigError: There is no such source, or it is not enabled.
        """
        settings = self._config.sources.get(name)
        if settings is None:
            known = ", ".join(self.names()) or "none"
            raise ConfigError(f"sources.{name}", f"no such source (enabled: {known})")
        if not settings.enabled:
            raise ConfigError(
                f"sources.{name}.enabled", "expected true: this source is switched off"
            )
        return settings

    def current_version(self, name: str) -> str | None:
        """The version of its pages to search, if the config names one."""
        settings = self._config.sources.get(name)
        if isinstance(settings, MarkdownSource | WebsiteSource):
            return settings.current_version
        return None

    @contextmanager
    def open(
        self, name: str, *, light: bool = False, forgotten: Forgotten = NOBODY
    ) -> Iterator[Source]:
        """A source that is ready to be read, for the time of the block.

        Args:
            light: Only what is new in a forum is read now.
            forgotten: Members of whom nothing must be held.

        Raises:
            ConfigError: See `settings`; or its key is not in the environment.
        """
        settings = self.settings(name)
        match settings:
            case ForumSource():
                with self.forum(
                    name, settings, light=light, forgotten=forgotten
                ) as forum:
                    yield forum
            case ArchiveSource():
                from indexer.sources.archive import ArchiveSource as Archive

                yield Archive(
                    name,
                    settings.path,
                    forum_url=settings.forum_url,
                    forgotten=forgotten,
                )
            case MarkdownSource():
                yield self._markdown_source(name, settings)
            case WebsiteSource():
                with self._website(name, settings) as website:
                    yield website
            case CoursesSource():
                with self._courses(name, settings) as courses:
                    yield courses
            case VideosSource():
                with self._videos(name, settings) as videos:
                    yield videos
            case TermsSource():
                with self._terms(name, settings) as terms:
                    yield terms

    def _markdown_source(self, name: str, settings: MarkdownSource) -> Source:
        from indexer.sources.markdown import MarkdownSource as Markdown

        return Markdown(
            name,
            settings.path,
            base_url=settings.base_url,
            url_suffix=settings.url_suffix,
            nav=settings.nav,
            rules=page_rules(name, settings),
        )

    @contextmanager
    def _website(self, name: str, settings: WebsiteSource) -> Iterator[Source]:
        from indexer.sources.website import WebsiteSettings
        from indexer.sources.website import WebsiteSource as Website

        with self.site(
            settings.url, settings, max_bytes=settings.max_page_bytes
        ) as transport:
            yield Website(
                name,
                transport,
                WebsiteSettings(
                    sitemaps=(
                        None if settings.sitemaps is None else tuple(settings.sitemaps)
                    ),
                    feeds=tuple(settings.feeds),
                    pages=tuple(settings.pages),
                    include=tuple(map(re.compile, settings.include)),
                    exclude=tuple(map(re.compile, settings.exclude)),
                    twins=settings.twins,
                    content=settings.content,
                    events=settings.events,
                    recheck_every=settings.recheck_every,
                    max_pages=settings.max_pages,
                ),
                rules=page_rules(name, settings),
                clock=self._clock,
            )

    @contextmanager
    def _courses(self, name: str, settings: CoursesSource) -> Iterator[Source]:
        from indexer.sources.courses import CoursesSettings
        from indexer.sources.courses import CoursesSource as Courses

        with self.site(settings.url, settings) as transport:
            yield Courses(
                name,
                transport,
                CoursesSettings(
                    catalogue=settings.catalogue,
                    exports=tuple(settings.exports),
                    exclude=frozenset(settings.exclude),
                    language=settings.language,
                    visibility=visibility_of(name, settings.visibility),
                ),
                clock=self._clock,
            )

    @contextmanager
    def _videos(self, name: str, settings: VideosSource) -> Iterator[Source]:
        from indexer.sources.videos import VideosSettings
        from indexer.sources.videos import VideosSource as Videos

        key = secret(settings.api_key_env, key=f"sources.{name}.api_key_env")
        # As a header: what stands in an address stands in logs.
        headers = {} if key is None else {"X-Goog-Api-Key": key}
        with ExitStack() as stack:
            site = stack.enter_context(self.site(settings.url, settings))
            api = None
            if key is not None:
                api = stack.enter_context(
                    self.site(settings.api_url, settings, headers=headers)
                )
            yield Videos(
                name,
                site,
                api,
                VideosSettings(
                    playlists=tuple((p.id, p.language) for p in settings.playlists),
                    language=settings.language,
                    visibility=visibility_of(name, settings.visibility),
                    transcripts=settings.transcripts,
                ),
                clock=self._clock,
            )

    @contextmanager
    def _terms(self, name: str, settings: TermsSource) -> Iterator[Source]:
        from indexer.sources.terms import TermsSettings
        from indexer.sources.terms import TermsSource as Terms
        from indexer.terms import MAX_FILE_BYTES

        with ExitStack() as stack:
            sites: dict[str, Transport] = {}
            for url in settings.urls:
                root = urlsplit(url)._replace(path="", query="").geturl()
                if root not in sites:
                    site = self.site(root, settings, max_bytes=MAX_FILE_BYTES)
                    sites[root] = stack.enter_context(site)
            yield Terms(
                name,
                settings.path,
                tuple(sites.values()),
                TermsSettings(
                    include=tuple(settings.include),
                    urls=tuple(settings.urls),
                    rules=tuple(re.compile(rule.pattern) for rule in settings.rules),
                    language=settings.language,
                    source_language=settings.source_language,
                    columns=settings.columns,
                ),
                clock=self._clock,
            )

    @contextmanager
    def site(
        self,
        url: str,
        settings: WebsiteSource | CoursesSource | VideosSource | TermsSource,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
    ) -> Iterator[Transport]:
        """A client of one site that is no forum, for the time of the block."""
        from indexer.guard import PublicOnly
        from indexer.http import Transport

        options = self._site_options(
            url, settings.requests_per_second, headers or {}, settings.respect_robots
        )
        options["guard"] = PublicOnly(base_url=url)
        if max_bytes is not None:
            options["max_bytes"] = max_bytes
        options["max_attempts"] = _SITE_ATTEMPTS
        with Transport(url, **options) as transport:
            yield transport

    @contextmanager
    def checker(self, name: str) -> Iterator[AliveChecker]:
        """Asks whether the addresses of a source's documents answer, for the time of
        the block; the source may have left the config."""
        from indexer.alive import AliveChecker
        from indexer.guard import PublicOnly
        from indexer.http import Transport

        settings = self._config.sources.get(name)
        own = "" if settings is None else home_of(settings)
        guard = PublicOnly(base_url=own)

        def connect(root: str) -> Transport:
            rate, respect_robots = self._manners(root)
            options = self._site_options(root, rate, {}, respect_robots)
            options["guard"] = guard
            options["max_attempts"] = _LOOKS
            options["max_wait_s"] = options["timeout_s"] = _LOOK_S
            return Transport(root, **options)

        oembed = isinstance(settings, VideosSource)
        with closing(AliveChecker(connect, own=own, oembed=oembed)) as checker:
            yield checker

    def _manners(self, url: str) -> tuple[float, bool]:
        """How fast a host is asked, and whether its robots.txt binds us: as the
        sources on it say, else as any stranger's."""
        rates, robots = [], []
        for settings in self._config.sources.values():
            if _site(url) not in map(_site, homes_of(settings)):
                continue
            match settings:
                case ForumSource():
                    rates.append(settings.rate)
                    robots.append(settings.respect_robots)
                case WebsiteSource() | CoursesSource() | VideosSource() | TermsSource():
                    rates.append(settings.requests_per_second)
                    robots.append(settings.respect_robots)
        return min(rates, default=_STRANGERS_RATE), any(robots) or not robots

    @contextmanager
    def forum(
        self,
        name: str,
        settings: ForumSource,
        *,
        light: bool = False,
        forgotten: Forgotten = NOBODY,
    ) -> Iterator[ForumThreads]:
        from indexer.discourse import DiscourseClient
        from indexer.http import Transport
        from indexer.sources.forum import ForumSource as ForumThreads
        from indexer.sources.forum import WalkSettings
        from indexer.sources.threads import ForumRules

        options = self.channel_options(settings, key_headers(name, settings))
        options["validators"] = self._validators
        with Transport(settings.url, **options) as transport:
            yield ForumThreads(
                name,
                DiscourseClient(transport),
                WalkSettings(
                    rules=ForumRules.of(
                        private=settings.private_categories,
                        excluded=settings.exclude_categories,
                        # What the bot says is never evidence for what it says.
                        ignored=[*settings.ignore_authors, self._config.bot.username],
                        forgotten=forgotten,
                    ),
                    full_walk_every=settings.full_walk_every,
                    recrawl_per_day=settings.recrawl_per_day,
                    max_age=settings.max_age,
                    light=light,
                ),
                clock=self._clock,
            )

    def channel_options(
        self, settings: ForumSource, key_headers: Mapping[str, str]
    ) -> ChannelOptions:
        return self._site_options(
            settings.url, settings.rate, key_headers, settings.respect_robots
        )

    def _site_options(
        self,
        url: str,
        rate: float,
        key_headers: Mapping[str, str],
        respect_robots: bool,
    ) -> ChannelOptions:
        options: ChannelOptions = {
            "user_agent": self._config.user_agent,
            "headers": key_headers,
            "budget": self._budget_of(url, rate),
            "now": self._clock,
        }
        if respect_robots and not key_headers:
            from indexer.robots import Robots

            options["robots"] = self._robots.setdefault(
                _site(url), Robots(now=self._clock)
            )
        return options

    def _budget_of(self, url: str, rate: float) -> HostBudget:
        """The budget of a host; the slowest of its sources sets the rate."""
        budget = self._budgets.setdefault(
            _site(url), HostBudget(rate, sleep=self._sleep)
        )
        budget.at_most(rate)
        return budget


def page_rules(name: str, settings: MarkdownSource | WebsiteSource) -> PageRules:
    """What the config says of the pages of a source."""
    from indexer.sources.pages import PageRules, PathRule

    return PageRules(
        path_rules=tuple(
            PathRule(re.compile(rule.pattern), rule.version) for rule in settings.rules
        ),
        kind=settings.kind,
        language=settings.language,
        version=settings.version,
        visibility=visibility_of(name, settings.visibility),
    )


def home_of(settings: AnySource) -> str:
    """The address of the site that a source's documents are on; empty without any."""
    match settings:
        case ArchiveSource():
            return settings.forum_url
        case MarkdownSource():
            return settings.base_url
        case ForumSource() | WebsiteSource() | CoursesSource() | VideosSource():
            return settings.url
        case TermsSource():
            return ""


def homes_of(settings: AnySource) -> tuple[str, ...]:
    """Addresses on all sites that a source reads, or whose documents it has."""
    if isinstance(settings, TermsSource):
        return tuple(settings.urls)
    return (home_of(settings),)


def visibility_of(name: str, visibility: str) -> str:
    """As documents carry it: who may read one private source may not read another."""
    return PUBLIC if visibility == "public" else f"source:{name}"


def key_headers(name: str, settings: ForumSource) -> dict[str, str]:
    """What a harvest shows the forum to be let in; nothing when it is a visitor.

    Raises:
        ConfigError: The key is not in the environment.
    """
    key = secret(settings.api_key_env, key=f"sources.{name}.api_key_env")
    if key is not None:
        return admin_key(key, settings.api_username)
    key = secret(settings.user_api_key_env, key=f"sources.{name}.user_api_key_env")
    return {} if key is None else {"User-Api-Key": key}


def admin_key(key: str, username: str | None) -> dict[str, str]:
    account = {} if username is None else {"Api-Username": username}
    return {"Api-Key": key, **account}


def _site(url: str) -> str:
    """Host and port: what counts our requests, whatever the folder.

    >>> _site("https://A.org/forum"), _site("http://127.0.0.1:4200")
    ('a.org:443', '127.0.0.1:4200')
    """
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    return f"{parts.hostname}:{parts.port or usual}"
