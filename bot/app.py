"""The composition root: from a `Config` to the parts that do the work.

Everything heavy is imported where it is first needed: ``baraza status`` must not
wait for a model runtime, nor ``baraza ask`` for PyTorch.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.bridging import BridgeOnDisk
from bot.config import WRITING, Config, secret
from bot.config_sources import ForumSource
from bot.lock import Owner, single_instance
from bot.models import Models
from bot.sources import Sources, admin_key
from kb.errors import (
    ConfigError,
    CorruptIndexError,
    SearchIndexError,
    StaleIndexError,
)
from kb.index.stamp import current_directory, read_stamp
from kb.store import Store
from kb.types import PUBLIC, Clock, Document, Kind, LinkFrom, SearchHit, utc_now

if TYPE_CHECKING:
    from bot.catalogue import Catalogues
    from bot.forum import Forum
    from bot.live_index import LiveIndex
    from bot.policy import PolicySettings
    from bot.ranking import ModelOnDisk
    from bot.responder import Responder
    from bot.topic import TopicView
    from indexer.channel import Channel
    from indexer.cutting import Cutter
    from indexer.pipeline import Progress, RefreshReport
    from indexer.verify import Look, VerifyReport
    from kb.embed import Embedder
    from kb.index import IndexReport, OpenIndex
    from kb.lexical import TantivyIndex
    from kb.model import RankingModel
    from kb.question import Question
    from kb.search import Explained, Searcher

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
    and the sources are shared.

    Attributes:
        stopped: Asked between batches, and while waiting for a forum; True ends
            what is going on with a `StoppedError`.
    """

    def __init__(self, config: Config, *, clock: Clock = utc_now) -> None:
        self.config = config
        self.clock = clock
        self.stopped: Callable[[], bool] = lambda: False
        self.sources = Sources(config, clock=lambda: self.clock(), sleep=self._sleep)

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

    @property
    def model_path(self) -> Path:
        """Where what `baraza learn` learned lies."""
        return self.data_dir / "ranking.json"

    @property
    def bridge_path(self) -> Path:
        """Where what `baraza learn bridge` learned lies."""
        return self.data_dir / "bridge.json.gz"

    def open_store(self, *, readonly: bool = False) -> Store:
        """See `Store.open`."""
        return Store.open(self.store_path, readonly=readonly)

    def single_instance(self, command: str) -> AbstractContextManager[Owner]:
        """Hold the data folder; see `bot.lock.single_instance`."""
        return single_instance(self.data_dir, command, clock=self.clock)

    @cached_property
    def models(self) -> Models:
        """The model of the config, and that of the index in use."""
        return Models(self.config.embedding, self.models_folder)

    @property
    def embedder(self) -> Embedder:
        """The model of the config; opening it takes a moment, the first time minutes.

        Raises:
            EmbeddingError: It is nowhere, damaged, or does not fit the backend.
        """
        return self.models.configured

    def answering_embedder(self) -> Embedder:
        """The model that searches use now: that of the index, while the one of the
        config is still being embedded for. Without an index that can be searched, that
        of the config, which will be used next.

        Raises:
            EmbeddingError: It is nowhere, damaged, or does not fit the backend.
        """
        try:
            directory = current_directory(self.index_folder)
            if directory is not None:
                return self.models.of(directory, read_stamp(directory))
        except SearchIndexError as exc:
            log.info("no index to search: %s", exc)
        return self.models.configured

    @cached_property
    def catalogues(self) -> Catalogues:
        """What answers are put together from, the community's own sentences included.

        Raises:
            ConfigError: There is something wrong with these.
        """
        from bot.translations import load_catalogues

        return load_catalogues(self.config.community.translations)

    @cached_property
    def bridge_on_disk(self) -> BridgeOnDisk:
        """What carries questions from one language to another."""
        return BridgeOnDisk(self.bridge_path, self.config.search.bridge)

    @cached_property
    def model_on_disk(self) -> ModelOnDisk:
        """What was learned here, if anything was."""
        from bot.ranking import ModelOnDisk

        return ModelOnDisk(self.model_path, without=self.config.ranking.without)

    def ranking_model(self) -> RankingModel:
        """How to rank: as was learned here, else as shipped, without the signals that
        the config switches off. A file that does not read is told of in the log."""
        return self.model_on_disk.current()

    @cached_property
    def live_index(self) -> LiveIndex:
        """The index that answers now, for whoever asks more than once."""
        from bot.live_index import LiveIndex

        return LiveIndex(self)

    # -- harvest -----------------------------------------------------------

    def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until told to stop."""
        until = time.monotonic() + seconds
        while True:
            self.check_stopped()
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(left_s, _POLL_S))

    def check_stopped(self) -> None:
        """Raise `StoppedError` when told to stop."""
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
        from indexer.pipeline import refresh

        def look(report: RefreshReport) -> None:
            if progress is not None:
                progress(report)
            self.check_stopped()
            if not may_go_on():
                raise StoppedError

        with self.open_store() as store, ExitStack() as stack:
            gone = store.members.forgotten(name)
            source = stack.enter_context(
                self.sources.open(name, light=light, forgotten=gone)
            )
            if not accept_deletions:
                self._refuse_another_forum(store, name)
            with store.transaction():
                store.links.use(self.config.link_rules())
            cut = self.cutter(store)
            return refresh(
                source,
                store,
                cut.chunk,
                cut.stamp,
                clock=self.clock,
                progress=look,
                full=full,
                accept_deletions=accept_deletions,
                prepare=cut.prepare,
                version=self.sources.current_version(name),
            )

    def cutter(self, store: Store) -> Cutter:
        """How documents become passages, by the config and by what was learned of
        templates."""
        from indexer.chunk import chunk_document, chunker_stamp
        from indexer.cutting import Cutter
        from kb.embed import open_tokenizer

        settings = self.config.chunking
        count_tokens = open_tokenizer(settings.tokenizer, self.models_folder)
        return Cutter(
            lambda document: chunk_document(
                document,
                count_tokens=count_tokens,
                max_tokens=settings.max_tokens,
                templates=store.templates.of(document.source, document.category),
            ),
            chunker_stamp(settings.tokenizer, max_tokens=settings.max_tokens),
            lambda document: self._with_language(document, store),
            store.templates.stamp,
        )

    def _refuse_another_forum(self, store: Store, name: str) -> None:
        """Another address under the name of a source that is stored is mostly another
        config on the same data: one forum would take the other one's place.

        Raises:
            ConfigError: What is stored of the source is from another address.
        """
        settings = self.sources.settings(name)
        if not isinstance(settings, ForumSource):
            return
        held = store.holdings(name)
        stored = held.any_url()
        # After a move, topics that cannot be read keep the old address.
        if stored is not None and not held.has_url_below(f"{settings.url}/t/"):
            raise ConfigError(
                f"sources.{name}.url",
                f"what is stored under this name is from elsewhere ({stored}): take "
                "another data_dir or name, or confirm that the forum moved with "
                "--accept-deletions",
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

        settings = self.sources.settings(name)
        if not isinstance(settings, ForumSource):
            raise ConfigError(
                f"sources.{name}.type",
                f"expected forum, got {settings.type}: only a forum can be verified",
            )
        with self.open_store() as store, ExitStack() as stack:
            gone = store.members.forgotten(name)
            forum = stack.enter_context(
                self.sources.forum(name, settings, forgotten=gone)
            )
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

    def _with_language(self, document: Document, store: Store) -> Document:
        from bot.languages import with_language

        among = tuple(self.config.community.languages)
        if document.language is not None or len(among) == 1:
            return with_language(document, among=among)
        known = store.templates.of(document.source, document.category).opening
        return with_language(document, among=among, templates=known)

    def links_to(self, url: str, *, limit: int) -> list[LinkFrom]:
        """Who links to a page, newest first, as the public may see it.

        Raises:
            StoreError: There is no knowledge base yet, or it cannot be read.
        """
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
        """Bring the index up to the store and to the model of the config, however
        long that takes; see `bot.indexing.bring_up`."""
        from bot.indexing import bring_up

        report = bring_up(self, rebuild=rebuild, progress=progress)
        if report is None:  # Nothing tells it to end before.
            raise SearchIndexError(self.index_folder, "is not complete; please report")
        return report

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
        from kb.lexical import TEXTS_FORMAT, TantivyIndex, TantivyTexts

        while True:
            directory, embedder = self._embedder_of_index(store)
            try:
                return open_index(
                    self.index_folder,
                    store_uuid=store.uuid,
                    store_generation=store.generation,
                    model_id=embedder.model_id,
                    dim=embedder.dim,
                    lexical_opener=TantivyIndex.open,
                    texts_opener=TantivyTexts.open,
                    texts_format=TEXTS_FORMAT,
                )
            except StaleIndexError:
                # Did one of another model take its place just now?
                if current_directory(self.index_folder) == directory:
                    raise

    def _embedder_of_index(self, store: Store) -> tuple[Path | None, Embedder]:
        """The directory of the index in use, and the model to search it with. Where
        `open_index` refuses it in any case, no model is looked for."""
        while True:
            directory = current_directory(self.index_folder)
            if directory is None:
                return None, self.models.configured
            try:
                stamp = read_stamp(directory)
            except CorruptIndexError:
                # Swept away while it was being read?
                if current_directory(self.index_folder) == directory:
                    raise
                continue
            if stamp.store_uuid != store.uuid:
                return directory, self.models.configured
            return directory, self.models.of(directory, stamp)

    def searcher_of(
        self,
        store: Store,
        index: OpenIndex[TantivyIndex],
        embedder: Embedder | None = None,
    ) -> Searcher:
        """A searcher as the config wants it, over an index that is open already.

        Args:
            embedder: In place of the index's own, by the same model.
        """
        from kb.search import Searcher

        return Searcher(
            store,
            index,
            embedder or self.models.of(index.directory, index.stamp),
            self.ranking_model(),
            depth=self.config.search.depth,
            clock=self.clock,
            weights=self.source_weights,
            bridge=self.bridge_on_disk.current(),
        )

    @property
    def source_weights(self) -> dict[str, float]:
        """By source, what odds are multiplied with."""
        return {name: source.weight for name, source in self.config.sources.items()}

    def ask(
        self,
        query: str,
        *,
        limit: int,
        kinds: Collection[Kind] = (),
        languages: Collection[str] = (),
    ) -> tuple[SearchHit, ...]:
        """What the public may find, best first.

        Args:
            kinds: Only of these; none: of all.
            languages: Only in these; none: in all.

        Raises:
            InvalidQueryError: There is no word in *query*.
            StoreError, SearchIndexError, EmbeddingError: They cannot be used.
        """
        with self.open_store(readonly=True) as store:
            index = self.open_index(store)
            try:
                if index.lag:
                    log.warning(
                        "the index is %d changes behind the knowledge base: run baraza "
                        "index, or wait for the job of baraza run",
                        index.lag,
                    )
                return self.searcher_of(store, index).search(
                    query,
                    limit=limit,
                    kinds=frozenset(kinds) if kinds else None,
                    languages=frozenset(languages) if languages else None,
                )
            finally:
                index.close()

    # -- bot ---------------------------------------------------------------

    def bot_forum(self) -> tuple[str, ForumSource]:
        """Name and settings of the forum that the bot watches.

        Raises:
            ConfigError: None is configured, or it is switched off.
        """
        name = self.config.bot.forum
        settings = self.config.sources.get(name) if name is not None else None
        if name is None or not isinstance(settings, ForumSource):
            raise ConfigError("bot.forum", "expected the name of a forum source")
        if not settings.enabled:
            raise ConfigError(
                "bot.forum",
                f"expected a source that is enabled: {name} is switched off",
            )
        return name, settings

    @contextmanager
    def forum(self, *, only_read: bool = False) -> Iterator[Forum]:
        """The watched forum; it can be written to where a mode is set that writes.

        Args:
            only_read: Nothing is written in any mode, and a key that is not there is
                not missed.
        """
        from bot.forum import DryRunForum, LiveForum

        bot = self.config.bot
        with self.bot_channel(only_read=only_read) as channel:
            live = LiveForum(channel, bot.username)
            writes = bool(bot.all_modes & WRITING) and not only_read
            yield live if writes else DryRunForum(live)

    @contextmanager
    def bot_channel(self, *, only_read: bool = False) -> Iterator[Channel]:
        """To the watched forum, with the bot's key.

        Args:
            only_read: A key that is not there is not missed.

        Raises:
            ConfigError: There is no forum, or the key is not in the environment.
        """
        from indexer.channel import Channel

        _, settings = self.bot_forum()
        bot = self.config.bot
        is_set = bool(os.environ.get(bot.api_key_env or "", "").strip())
        named = bot.api_key_env if is_set or not only_read else None
        key = secret(named, key="bot.api_key_env")
        headers = {} if key is None else admin_key(key, bot.username)
        options = self.sources.channel_options(settings, headers)
        with Channel(settings.url, **options) as channel:
            yield channel

    @contextmanager
    def responder(self) -> Iterator[Responder]:
        """The bot, with a store of its own; the index is opened when first needed."""
        from bot.checking import seen_alive
        from bot.manners import open_opt_outs
        from bot.responder import Responder

        name, _ = self.bot_forum()
        bot = self.config.bot
        with ExitStack() as stack:
            forum = stack.enter_context(self.forum())
            store = stack.enter_context(self.open_store())

            def find(topic: TopicView, question: Question) -> Sequence[SearchHit]:
                searcher = self.searcher_of(store, self.live_index.current(store))
                return self.look_for(searcher, question).hits

            yield Responder(
                name,
                forum=forum,
                store=store,
                find=find,
                languages=self.config.community.languages,
                settings=self.policy_settings(),
                # One mode everywhere is told apart: where it is off nothing is read.
                mode=bot.mode_for if bot.modes else bot.mode,
                moderators=bot.moderators,
                draft_expires=bot.draft_expires,
                unwanted=stack.enter_context(open_opt_outs(self, store)),
                community=self.config.community.name,
                catalogues=self.catalogues,
                clock=self.clock,
                vouch=seen_alive(self, store, stack),
            )

    def look_for(self, searcher: Searcher, question: Question) -> Explained:
        """What the bot finds for a question, and all that it chose from.

        Raises:
            InvalidQueryError: There is no word in it.
            StoreError, SearchIndexError, EmbeddingError: They cannot be used.
        """
        return searcher.explain(
            question,
            limit=len(Kind) * _CANDIDATES_PER_KIND,
            visible_to=frozenset({PUBLIC}),
            per_kind=dict.fromkeys(Kind, _CANDIDATES_PER_KIND),
        )

    def policy_settings(self) -> PolicySettings:
        """When the bot speaks, by the config and by what was learned here: how sure
        is sure enough on another forum says little of this one."""
        from bot.missing import wanted
        from bot.policy import PolicySettings
        from bot.ranking import thresholds_for
        from kb.thresholds import Thresholds

        bot = self.config.bot
        thresholds = Thresholds(bot.precision)
        if self.model_on_disk.learned() is not None:
            thresholds = thresholds_for(self.model_on_disk.current(), bot.precision)
        return PolicySettings(
            username=bot.username,
            min_confidence=bot.min_confidence,
            precision=bot.precision,
            thresholds=thresholds,
            max_links=bot.max_links,
            max_per_kind=bot.max_per_kind,
            categories=bot.categories,
            exclude_categories=bot.exclude_categories,
            exclude_authors=bot.exclude_authors,
            max_topic_age=bot.max_topic_age,
            max_replies_per_hour=bot.max_replies_per_hour,
            max_replies_per_day=bot.max_replies_per_day,
            max_replies_per_author=bot.max_replies_per_author,
            max_topics_per_author=bot.max_topics_per_author,
            tags=bot.tags,
            exclude_tags=bot.exclude_tags,
            grace=bot.grace,
            settle=bot.settle,
            quiet_hours=bot.quiet_hours,
            zone=ZoneInfo(self.config.schedule.timezone),
            missing=tuple(
                wanted(each.what, each.unless, categories=each.categories, ask=each.ask)
                for each in bot.missing
            ),
        )
