"""The sources of the config, ready to be read, and how their hosts are asked.

What concerns a host is shared by all that ask it, the bot included: its budget, its
rules for crawlers, what is remembered of its answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.config import (
    ArchiveSource,
    Config,
    ForumSource,
    MarkdownSource,
    PlannedSource,
    secret,
)
from indexer.budget import HostBudget
from indexer.validators import Validators
from kb.errors import ConfigError
from kb.types import Clock

if TYPE_CHECKING:
    from indexer.channel import ChannelOptions
    from indexer.robots import Robots
    from indexer.source import Source
    from indexer.sources.forum import ForumSource as ForumThreads


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

    def settings(self, name: str) -> ForumSource | ArchiveSource | MarkdownSource:
        """Settings of an enabled source.

        Raises:
            ConfigError: There is no such source, or it is not enabled.
        """
        settings = self._config.sources.get(name)
        if settings is None:
            known = ", ".join(self.names()) or "none"
            raise ConfigError(f"sources.{name}", f"no such source (enabled: {known})")
        if isinstance(settings, PlannedSource):
            raise ConfigError(
                f"sources.{name}.type", f"{settings.type} is not read by this version"
            )
        if not settings.enabled:
            raise ConfigError(
                f"sources.{name}.enabled", "expected true: this source is switched off"
            )
        return settings

    @contextmanager
    def open(self, name: str, *, light: bool = False) -> Iterator[Source]:
        """A source that is ready to be read, for the time of the block.

        Args:
            light: Only what is new in a forum is read now.

        Raises:
            ConfigError: See `settings`; or its key is not in the environment.
        """
        settings = self.settings(name)
        match settings:
            case ForumSource():
                with self.forum(name, settings, light=light) as forum:
                    yield forum
            case ArchiveSource():
                from indexer.sources.archive import ArchiveSource as Archive

                yield Archive(name, settings.path, forum_url=settings.forum_url)
            case MarkdownSource():
                yield self._markdown_source(name, settings)

    def _markdown_source(self, name: str, settings: MarkdownSource) -> Source:
        from indexer.sources.markdown import MarkdownSource as Markdown
        from indexer.sources.pages import PageRules

        pattern = settings.path_pattern
        return Markdown(
            name,
            settings.path,
            base_url=settings.base_url,
            url_suffix=settings.url_suffix,
            rules=PageRules(
                path_rules=(re.compile(pattern),) if pattern else (),
                language=settings.language,
                version=settings.version,
            ),
        )

    @contextmanager
    def forum(
        self, name: str, settings: ForumSource, *, light: bool = False
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
        options: ChannelOptions = {
            "user_agent": self._config.user_agent,
            "headers": key_headers,
            "budget": self._budget_of(settings),
            "now": self._clock,
        }
        if settings.respect_robots and not key_headers:
            from indexer.robots import Robots

            options["robots"] = self._robots.setdefault(
                _site(settings.url), Robots(now=self._clock)
            )
        return options

    def _budget_of(self, settings: ForumSource) -> HostBudget:
        """The budget of a forum's host; the slowest of its sources sets the rate."""
        budget = self._budgets.setdefault(
            _site(settings.url), HostBudget(settings.rate, sleep=self._sleep)
        )
        budget.at_most(settings.rate)
        return budget


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
