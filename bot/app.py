"""The composition root: from a `Config` to the parts that do the work.

Everything heavy is imported where it is first needed: ``baraza status`` must not
wait for a model runtime, nor ``baraza ask`` for PyTorch.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.config import (
    ArchiveSource,
    Config,
    ForumSource,
    MarkdownSource,
    PlannedSource,
    secret,
)
from bot.lock import Owner, single_instance
from bot.windows import is_within
from indexer.budget import HostBudget
from indexer.validators import Validators
from kb.errors import ConfigError
from kb.store import EmbeddingCache, Store
from kb.types import PUBLIC, Clock, Document, Kind, SearchHit, utc_now

if TYPE_CHECKING:
    from bot.calls import Calls
    from bot.forum import Forum
    from bot.responder import Responder
    from bot.schedule import Job
    from bot.show import LinkFrom
    from bot.topic import TopicView
    from indexer.channel import ChannelOptions
    from indexer.pipeline import Progress, RefreshReport
    from indexer.robots import Robots
    from indexer.source import Source
    from indexer.sources.forum import ForumSource as ForumThreads
    from indexer.verify import Look, VerifyReport
    from kb.embed import Embedder
    from kb.index import IndexReport, OpenIndex
    from kb.lexical import TantivyIndex
    from kb.search import Searcher

log = logging.getLogger(__name__)

# What the bot looks at per kind before its policy chooses.
_CANDIDATES_PER_KIND = 10
_POLL_S = 0.2


class StoppedError(BaseException):
    """A job was told to stop and did so between two batches; nothing is lost.

    No `Exception`: nothing between a job and its requests may take it for a failure.
    """


class App:
    """One installation, put together from its config.

    Stores are opened per call, because a connection belongs to one thread. The model
    is shared, and so is what concerns a host, whoever asks it: its budget, its rules
    for crawlers, what is remembered of its answers.

    Attributes:
        stopped: Asked between batches, and while waiting for a forum; True ends
            what is going on with a `StoppedError`.
    """

    def __init__(self, config: Config, *, clock: Clock = utc_now) -> None:
        self.config = config
        self.clock = clock
        self.stopped: Callable[[], bool] = lambda: False
        self._budgets: dict[str, HostBudget] = {}
        self._robots: dict[str, Robots] = {}
        self._validators = Validators()

    # -- where things lie --------------------------------------------------

    @property
    def data_dir(self) -> Path:
        return self.config.data_dir

    @property
    def store_path(self) -> Path:
        return self.data_dir / "baraza.db"

    @property
    def cache_path(self) -> Path:
        return self.data_dir / "embeddings.db"

    @property
    def index_folder(self) -> Path:
        return self.data_dir / "index"

    @property
    def models_folder(self) -> Path:
        return self.data_dir / "models"

    def open_store(self, *, readonly: bool = False) -> Store:
        """See `Store.open`."""
        return Store.open(self.store_path, readonly=readonly)

    def single_instance(self, command: str) -> AbstractContextManager[Owner]:
        """Hold the data folder; see `bot.lock.single_instance`."""
        return single_instance(self.data_dir, command, clock=self.clock)

    @cached_property
    def embedder(self) -> Embedder:
        """The model; opening it takes a moment, the first time minutes.

        Raises:
            EmbeddingError: It is nowhere, damaged, or does not fit the backend.
        """
        from kb.embed import open_embedder

        return open_embedder(
            self.config.embedding.model,
            cache_dir=self.models_folder,
            backend=self.config.embedding.backend,
        )

    # -- harvest -----------------------------------------------------------

    def source_names(self) -> list[str]:
        """Enabled sources, in the config's order."""
        return [name for name, source in self.config.sources.items() if source.enabled]

    def forum_names(self) -> list[str]:
        """Enabled forums, in the config's order."""
        return [
            name
            for name in self.source_names()
            if isinstance(self.config.sources[name], ForumSource)
        ]

    def source_settings(
        self, name: str
    ) -> ForumSource | ArchiveSource | MarkdownSource:
        """Settings of an enabled source.

        Raises:
            ConfigError: There is no such source, or it is not enabled.
        """
        settings = self.config.sources.get(name)
        if settings is None:
            known = ", ".join(self.source_names()) or "none"
            raise ConfigError(f"sources.{name}", f"no such source (enabled: {known})")
        if not settings.enabled or isinstance(settings, PlannedSource):
            raise ConfigError(f"sources.{name}.enabled", "expected true, got false")
        return settings

    @contextmanager
    def source(self, name: str, *, light: bool = False) -> Iterator[Source]:
        """A source that is ready to be read, for the time of the block.

        Args:
            light: Only what is new in a forum is read now.

        Raises:
            ConfigError: See `source_settings`; or its key is not in the environment.
        """
        settings = self.source_settings(name)
        match settings:
            case ForumSource():
                with self._forum_source(name, settings, light=light) as forum:
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
    def _forum_source(
        self, name: str, settings: ForumSource, *, light: bool = False
    ) -> Iterator[ForumThreads]:
        from indexer.discourse import DiscourseClient
        from indexer.http import Transport
        from indexer.sources.forum import ForumSource as ForumThreads
        from indexer.sources.forum import WalkSettings
        from indexer.sources.threads import ForumRules

        options = self._channel_options(settings, _key_headers(name, settings))
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
                        ignored=[*settings.ignore_authors, self.config.bot.username],
                    ),
                    full_walk_every=settings.full_walk_every,
                    recrawl_per_day=settings.recrawl_per_day,
                    max_age=settings.max_age,
                    light=light,
                ),
                clock=self.clock,
            )

    def _channel_options(
        self, settings: ForumSource, key_headers: Mapping[str, str]
    ) -> ChannelOptions:
        options: ChannelOptions = {
            "user_agent": self.config.user_agent,
            "headers": key_headers,
            "budget": self._budget_of(settings),
            "now": self.clock,
        }
        if settings.respect_robots and not key_headers:
            from indexer.robots import Robots

            options["robots"] = self._robots.setdefault(
                _site(settings.url), Robots(now=self.clock)
            )
        return options

    def _budget_of(self, settings: ForumSource) -> HostBudget:
        """The budget of a forum's host; the slowest of its sources sets the rate."""
        budget = self._budgets.setdefault(
            _site(settings.url), HostBudget(settings.rate, sleep=self._sleep)
        )
        budget.at_most(settings.rate)
        return budget

    def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until told to stop."""
        until = time.monotonic() + seconds
        while True:
            self._check_stopped()
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(left_s, _POLL_S))

    def _check_stopped(self) -> None:
        if self.stopped():
            raise StoppedError

    def harvest(
        self,
        name: str,
        *,
        full: bool = False,
        accept_deletions: bool = False,
        progress: Progress | None = None,
        light: bool = False,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> RefreshReport:
        """Bring the store up to date with one source; see `indexer.pipeline.refresh`.

        Args:
            light: Only what is new in a forum is read now.
            may_go_on: Asked between batches; False ends it with a `StoppedError`.

        Raises:
            StoppedError: It was told to stop; the next harvest goes on from here.
        """
        from indexer.chunk import chunk_document, chunker_stamp
        from indexer.pipeline import refresh
        from kb.embed import open_tokenizer

        model, max_tokens = self.config.embedding.model, self.config.chunking.max_tokens
        count_tokens = open_tokenizer(model, self.models_folder)

        def look(report: RefreshReport) -> None:
            if progress is not None:
                progress(report)
            self._check_stopped()
            if not may_go_on():
                raise StoppedError

        with self.source(name, light=light) as source, self.open_store() as store:
            with store.transaction():
                store.links.use(self.config.link_rules())
            return refresh(
                source,
                store,
                lambda document: chunk_document(
                    document,
                    count_tokens=count_tokens,
                    max_tokens=max_tokens,
                    templates=store.templates.of(document.source, document.category),
                ),
                chunker_stamp(model, max_tokens=max_tokens),
                clock=self.clock,
                progress=look,
                full=full,
                accept_deletions=accept_deletions,
                prepare=self._with_language,
            )

    def verify(
        self,
        name: str,
        *,
        sample: int | None,
        seed: int = 0,
        progress: Look = lambda _report, _checked: None,
    ) -> VerifyReport:
        """Compare what is stored of a forum with it; see `indexer.verify.verify`.

        Raises:
            ConfigError: The source is no forum.
        """
        from indexer.verify import verify

        settings = self.source_settings(name)
        if not isinstance(settings, ForumSource):
            raise ConfigError(
                f"sources.{name}.type",
                f"expected forum, got {settings.type}: only a forum can be verified",
            )
        with self._forum_source(name, settings) as forum, self.open_store() as store:
            return verify(
                name,
                forum.verifier(store.holdings(name)),
                store,
                sample=sample,
                seed=seed,
                requests=lambda: forum.requests,
                clock=self.clock,
                progress=progress,
            )

    def _with_language(self, document: Document) -> Document:
        from bot.languages import with_language

        return with_language(document, among=tuple(self.config.community.languages))

    def links_to(self, url: str, *, limit: int) -> list[LinkFrom]:
        """Who links to a page, newest first, as the public may see it.

        Raises:
            StoreError: There is no knowledge base yet, or it cannot be read.
        """
        from bot.show import LinkFrom

        with self.open_store(readonly=True) as store:
            links = store.links.to(url, limit=limit)
            documents = store.documents.summaries([link.document_id for link in links])
            return [LinkFrom(documents[link.document_id], link) for link in links]

    # -- index and search --------------------------------------------------

    def index(
        self,
        *,
        rebuild: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> IndexReport:
        """Bring the index up to the store; see `kb.index.build_index`."""
        from kb.index import build_index
        from kb.lexical import TantivyIndex

        with self.open_store() as store, EmbeddingCache.open(self.cache_path) as cache:
            return build_index(
                store,
                self.embedder,
                cache,
                self.index_folder,
                lexical=TantivyIndex,
                rebuild=rebuild,
                progress=progress,
            )

    @contextmanager
    def searcher(self, store: Store) -> Iterator[Searcher]:
        """Open the index for searching, together with *store*.

        Raises:
            SearchIndexError, EmbeddingError: One of them cannot be used.
        """
        index = self.open_index(store)
        if index.lag:
            log.info("index is %d changes behind; run baraza index", index.lag)
        try:
            yield self.searcher_of(store, index)
        finally:
            index.close()

    def open_index(self, store: Store) -> OpenIndex[TantivyIndex]:
        """The current index, checked against *store* and the model; see `open_index`.

        Raises:
            SearchIndexError, EmbeddingError: One of them cannot be used.
        """
        from kb.index import open_index
        from kb.lexical import TantivyIndex

        return open_index(
            self.index_folder,
            store_uuid=store.uuid,
            store_generation=store.generation,
            model_id=self.embedder.model_id,
            dim=self.embedder.dim,
            lexical_opener=TantivyIndex.open,
        )

    def searcher_of(self, store: Store, index: OpenIndex[TantivyIndex]) -> Searcher:
        """A searcher as the config wants it, over an index that is open already."""
        from kb.search import Searcher

        return Searcher(
            store,
            index,
            self.embedder,
            depth=self.config.search.depth,
            clock=self.clock,
        )

    def ask(
        self, query: str, *, limit: int, kinds: Collection[Kind] = ()
    ) -> tuple[SearchHit, ...]:
        """What the public may find, best first.

        Raises:
            InvalidQueryError: There is no word in *query*.
            StoreError, SearchIndexError, EmbeddingError: They cannot be used.
        """
        with (
            self.open_store(readonly=True) as store,
            self.searcher(store) as searcher,
        ):
            return searcher.search(
                query, limit=limit, kinds=frozenset(kinds) if kinds else None
            )

    # -- bot ---------------------------------------------------------------

    def bot_forum(self) -> tuple[str, ForumSource]:
        """Name and settings of the forum that the bot watches.

        Raises:
            ConfigError: None is configured.
        """
        name = self.config.bot.forum
        settings = self.config.sources.get(name) if name is not None else None
        if name is None or not isinstance(settings, ForumSource):
            raise ConfigError("bot.forum", "expected the name of a forum source")
        return name, settings

    @contextmanager
    def forum(self) -> Iterator[Forum]:
        """The watched forum; it can be written to in mode ``public`` alone."""
        from bot.forum import DryRunForum, LiveForum
        from indexer.channel import Channel

        _, settings = self.bot_forum()
        bot = self.config.bot
        key = secret(bot.api_key_env, key="bot.api_key_env")
        headers = {} if key is None else _admin_key(key, bot.username)
        options = self._channel_options(settings, headers)
        with Channel(settings.url, **options) as channel:
            live = LiveForum(channel, bot.username)
            yield live if bot.mode == "public" else DryRunForum(live)

    @contextmanager
    def responder(self) -> Iterator[Responder]:
        """The bot, with a store of its own; the index is opened when first needed."""
        from bot.policy import PolicySettings
        from bot.responder import Responder
        from kb.language import detect

        name, _ = self.bot_forum()
        bot, languages = self.config.bot, tuple(self.config.community.languages)
        with ExitStack() as stack:
            forum = stack.enter_context(self.forum())
            store = stack.enter_context(self.open_store())
            opened: list[Searcher] = []

            def find(topic: TopicView, text: str) -> Sequence[SearchHit]:
                if not opened:
                    opened.append(stack.enter_context(self.searcher(store)))
                itself = store.documents.find(name, str(topic.id))
                return opened[0].search(
                    text,
                    title=topic.title,
                    limit=len(Kind) * _CANDIDATES_PER_KIND,
                    visible_to=frozenset({PUBLIC}),
                    exclude=frozenset() if itself is None else frozenset({itself.id}),
                    per_kind=dict.fromkeys(Kind, _CANDIDATES_PER_KIND),
                )

            yield Responder(
                name,
                forum=forum,
                store=store,
                find=find,
                detect=lambda text: detect(text, among=languages) or languages[0],
                settings=PolicySettings(
                    username=bot.username,
                    min_confidence=bot.min_confidence,
                    max_links=bot.max_links,
                    max_per_kind=bot.max_per_kind,
                    categories=bot.categories,
                    exclude_categories=bot.exclude_categories,
                    exclude_authors=bot.exclude_authors,
                    max_topic_age=bot.max_topic_age,
                    max_replies_per_hour=bot.max_replies_per_hour,
                ),
                mode=bot.mode,
                community=self.config.community.name,
                clock=self.clock,
            )

    # -- jobs --------------------------------------------------------------

    def jobs(self) -> list[Job]:
        """What ``baraza run`` does; each comes to an end when `stopped` says so."""
        from bot.schedule import Job

        schedule = self.config.schedule
        jobs = [
            Job(
                _refresh_name(name),
                partial(self._refresh_job, name),
                self.config.refresh_trigger(name),
                lane="harvest",
            )
            for name in self.source_names()
        ]
        jobs.append(Job("index", self._index_job, schedule.index, lane="index"))
        if self._watches():
            jobs.append(Job("watch", self._watch_job, schedule.watch, lane="watch"))
        return jobs

    def _watches(self) -> bool:
        return self.config.bot.forum is not None and self.config.bot.mode != "off"

    def check(self) -> None:
        """Look for what only a person can mend, before a service starts.

        Raises:
            ConfigError: A secret that the config names is not in the environment.
            StoreError: The store cannot be opened or made.
            EmbeddingError: The model cannot be used.
        """
        for name in self.source_names():
            settings = self.source_settings(name)
            if isinstance(settings, ForumSource):
                _key_headers(name, settings)
                self._webhook_secret(name, settings)
        if self._watches():
            secret(self.config.bot.api_key_env, key="bot.api_key_env")
        with self.open_store(), EmbeddingCache.open(self.cache_path):
            log.info("model=%s", self.embedder.model_id)

    @contextmanager
    def webhooks(self, calls: Calls) -> Iterator[str | None]:
        """Listen for what forums tell, for the time of the block.

        What comes is noted in the store, and a refresh of its source called for.

        Yields:
            The address, to which ``/webhook/SOURCE`` is added; ``None`` when no
            source has a secret, and nobody listens.

        Raises:
            ConfigError: A secret is not in the environment, or too short.
            KBError: The port is taken, or the host no address of this machine.
        """
        secrets = {
            name: (found, settings.url)
            for name in self.source_names()
            if isinstance(settings := self.source_settings(name), ForumSource)
            and (found := self._webhook_secret(name, settings)) is not None
        }
        if not secrets:
            yield None
            return
        from bot.listening import serving
        from bot.webhook import Notebook, Sender, create_app

        note = Notebook(
            self.store_path,
            lambda name: calls.call(_refresh_name(name)),
            clock=self.clock,
        )
        senders = {name: Sender(*values) for name, values in secrets.items()}
        where = self.config.webhook
        receiver = create_app(senders, note)
        with serving(receiver, host=where.host, port=where.port) as address:
            for name in senders:
                log.info("listening on %s/webhook/%s", address, name)
            yield address

    def _webhook_secret(self, name: str, settings: ForumSource) -> str | None:
        from bot.hints import MIN_SECRET_CHARS

        key = f"sources.{name}.webhook_secret_env"
        found = secret(settings.webhook_secret_env, key=key)
        if found is not None and len(found) < MIN_SECRET_CHARS:
            # Not its length: that is half of what there is to guess.
            raise ConfigError(
                key,
                f"expected at least {MIN_SECRET_CHARS} characters in "
                f"{settings.webhook_secret_env}, as the forum does",
            )
        return found

    def _refresh_job(self, name: str) -> bool:
        with suppress(StoppedError):
            report = self._harvest_by_hours(name)
            if report is None:
                return True
            log.info(
                "source=%s inserted=%d updated=%d deleted=%d unchanged=%d set_aside=%d",
                name,
                report.inserted,
                report.updated,
                report.deleted,
                report.unchanged,
                report.set_aside,
            )
            return True
        return False

    def _harvest_by_hours(self, name: str) -> RefreshReport | None:
        """Harvest; outside a forum's hours for heavy work read only what is new, and
        leave the first reading of all of it for later: then there is no report."""
        settings = self.source_settings(name)
        hours = settings.heavy_hours if isinstance(settings, ForumSource) else None
        if hours is None:
            return self.harvest(name)
        zone = ZoneInfo(self.config.schedule.timezone)
        with self.open_store() as store:
            is_first = store.progress.source(name).complete_walk == 0
        is_heavy = is_within(hours, self.clock(), zone)
        if not is_first:
            return self.harvest(name, light=not is_heavy)
        if not is_heavy:
            log.info("source=%s is read first between %s", name, hours)
            return None
        return self.harvest(
            name, may_go_on=lambda: is_within(hours, self.clock(), zone)
        )

    def _index_job(self) -> bool:
        # What was embedded so far is kept; the index in use still stands.
        with suppress(StoppedError):
            self.index(progress=lambda _done, _all: self._check_stopped())
            return True
        return False

    def _watch_job(self) -> bool:
        with suppress(StoppedError), self.responder() as responder:
            report = responder.watch(stopped=self.stopped)
            for decision in report.decisions:
                log.info(
                    "topic=%d state=%s reasons=%s",
                    decision.topic_id,
                    decision.state,
                    "; ".join(decision.reasons),
                )
            return True
        return False


def _key_headers(name: str, settings: ForumSource) -> dict[str, str]:
    """What a harvest shows the forum to be let in; nothing when it is a visitor.

    Raises:
        ConfigError: The key is not in the environment.
    """
    key = secret(settings.api_key_env, key=f"sources.{name}.api_key_env")
    if key is not None:
        return _admin_key(key, settings.api_username)
    key = secret(settings.user_api_key_env, key=f"sources.{name}.user_api_key_env")
    return {} if key is None else {"User-Api-Key": key}


def _admin_key(key: str, username: str | None) -> dict[str, str]:
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


def _refresh_name(source: str) -> str:
    return f"refresh {source}"
