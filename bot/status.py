"""What ``baraza status`` tells: how the knowledge base, the index and the bot stand.

Writes nothing but the hashes of a model that it sees for the first time, and needs
neither model nor index libraries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from bot.bridging import BridgeFacts, bridge_facts
from bot.config_sources import ForumSource
from bot.coverage import ForumStatus, forum_status
from bot.lock import Owner, owner
from bot.ranking import ModelFacts
from kb.errors import SearchIndexError
from kb.index.known import count_texts, known_of
from kb.index.stamp import Stamp, current_directory, read_stamp
from kb.store import (
    Decision,
    EmbeddingCache,
    Pause,
    SetAside,
    SourceState,
    Store,
    Target,
)
from kb.thresholds import Thresholds
from kb.tongues import primary
from kb.types import TopicId

if TYPE_CHECKING:
    from bot.app import App

# People read the first of them; the whole list is in the store.
_MAX_SET_ASIDE = 20
_MAX_RECENT = 20
_MAX_DEAD = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of one kind a source holds."""

    kind: str
    documents: int
    parts: int
    passages: int


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source stands.

    Attributes:
        age_s: Since the end of the last complete walk; ``None`` before the first.
        complete: The latest walk reached its end.
        set_aside: Records that could not be read.
        texts: In several languages, of files of translations.
        templates: Lines that its posts share, which passages leave out.
        links: Links in its posts or pages.
        dead: Documents whose address does not answer as it should.
        forum: More, of a forum.
    """

    name: str
    enabled: bool
    counts: tuple[Counts, ...]
    finished_at: datetime | None
    age_s: float | None
    complete: bool
    last_error: str | None
    set_aside: int
    templates: int
    links: int
    dead: int
    forum: ForumStatus | None
    texts: int = 0


@dataclass(frozen=True, slots=True)
class SwitchStatus:
    """How far it is to the model that the config names, while another one answers.

    Attributes:
        model: As the config names it.
        model_id: Its id; ``None`` if it is not on this machine.
        embedded: Texts that it has read: passages and titles, equal ones once.
        texts: How many there are.
    """

    model: str
    model_id: str | None
    embedded: int
    texts: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How the index stands.

    Attributes:
        model_id: Of the model that answers.
        lag: Changes of the store that it does not know; ``None`` if it belongs to
            another store.
        problem: Why it cannot be used.
        switch: The way to another model, when there is one to go.
    """

    generation: int | None = None
    passages: int = 0
    model_id: str = ""
    lag: int | None = None
    problem: str | None = None
    switch: SwitchStatus | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """All of it.

    Attributes:
        running: Who holds the data folder.
        ranking: Which model ranks.
        bridge: What leads from one language to another.
        min_confidence: Of the config; it overrules *thresholds*.
        languages: How many documents there are in each, most first.
        undetermined: How many are in a language that nobody knows.
        unanswered_in: Languages of the config that have no sentences; answers are in
            English.
        thresholds: For the precision of the config, as far as they are known.
        modes: Of categories where another one holds.
        decisions: How many, by state.
        drafts: Topics whose reply waits for a moderator's word.
        next_due: When the next topic that waits is decided.
        pause: Why the bot posts nothing, if it is paused.
        recent: The latest decisions, newest first.
        set_aside: The first records that could not be read, with reasons.
        dead: The first documents that do not answer, with reasons.
    """

    data_dir: Path
    mode: str
    running: Owner | None
    sources: tuple[SourceStatus, ...]
    languages: Mapping[str, int]
    undetermined: int
    unanswered_in: tuple[str, ...]
    index: IndexStatus
    ranking: ModelFacts
    bridge: BridgeFacts
    min_confidence: float | None
    thresholds: Thresholds
    modes: Mapping[str, str]
    decisions: Mapping[str, int]
    drafts: tuple[TopicId, ...]
    next_due: datetime | None
    pause: Pause | None
    recent: tuple[Decision, ...]
    set_aside: tuple[SetAside, ...]
    dead: tuple[Target, ...]


def status_of(app: App) -> Status:
    """Look at an installation.

    Raises:
        ConfigError: Something is wrong with the community's own sentences.
        StoreError: There is no knowledge base yet, or it cannot be read.
    """
    running = owner(app.data_dir)
    with app.open_store(readonly=True) as store:
        aside = store.progress.all_set_aside()
        # What is wrong with a whole list or feed is told before single records.
        aside.sort(key=lambda each: (each.source, each.key.isdecimal()))
        languages = _languages(store)
        undetermined = languages.pop("", 0)
        return Status(
            data_dir=app.data_dir,
            mode=app.config.bot.mode,
            running=running,
            sources=_sources(app, store, aside),
            languages=languages,
            undetermined=undetermined,
            unanswered_in=tuple(app.catalogues.missing(app.config.community.languages)),
            index=_index(app, store),
            ranking=app.model_on_disk.facts(),
            bridge=bridge_facts(app, store),
            min_confidence=app.config.bot.min_confidence,
            thresholds=app.policy_settings().thresholds,
            modes=app.config.bot.modes,
            decisions=store.ledger.counts(),
            drafts=_drafts(app, store),
            next_due=store.ledger.next_due(app.config.bot.forum or ""),
            pause=store.pauses.get(app.config.bot.forum or ""),
            recent=tuple(store.ledger.recent(_MAX_RECENT)),
            set_aside=tuple(aside[:_MAX_SET_ASIDE]),
            dead=tuple(islice(store.targets.dead(), _MAX_DEAD)),
        )


def _drafts(app: App, store: Store) -> tuple[TopicId, ...]:
    drafted = store.ledger.in_state(app.config.bot.forum or "", "drafted")
    return tuple(decision.topic_id for decision in drafted)


def _sources(app: App, store: Store, aside: list[SetAside]) -> tuple[SourceStatus, ...]:
    enabled = app.sources.names()
    stored = [state.name for state in store.progress.sources()]
    # Sources that left the config are shown as long as their documents are there.
    names = dict.fromkeys([*enabled, *stored])
    counts = store.documents.counts()
    templates = store.templates.counts()
    links = store.links.by_source()
    dead = store.targets.dead_by_source()
    texts = store.parallel.by_source()
    return tuple(
        _source(
            store.progress.source(name),
            enabled=name in enabled,
            counts=tuple(
                Counts(row["kind"], row["documents"], row["parts"], row["passages"])
                for row in counts
                if row["source"] == name
            ),
            set_aside=sum(each.source == name for each in aside),
            templates=templates.get(name, 0),
            links=links.get(name, 0),
            dead=dead.get(name, 0),
            texts=texts.get(name, 0),
            forum=_forum(app, name, store),
            now=app.clock(),
        )
        for name in names
    )


def _languages(store: Store) -> dict[str, int]:
    """Documents by language, whatever its region; empty where it is not known."""
    counts: Counter[str] = Counter()
    for language, count in store.documents.count_by_language().items():
        counts[primary(language)] += count
    return dict(counts.most_common())


def _forum(app: App, name: str, store: Store) -> ForumStatus | None:
    settings = app.config.sources.get(name)
    if not isinstance(settings, ForumSource):
        return None
    return forum_status(name, settings, store, now=app.clock())


def _source(
    state: SourceState,
    *,
    enabled: bool,
    counts: tuple[Counts, ...],
    set_aside: int,
    templates: int,
    links: int,
    dead: int,
    texts: int,
    forum: ForumStatus | None,
    now: datetime,
) -> SourceStatus:
    finished = state.finished_at
    return SourceStatus(
        name=state.name,
        enabled=enabled,
        counts=counts,
        finished_at=finished,
        age_s=None if finished is None else (now - finished).total_seconds(),
        complete=state.is_complete,
        last_error=state.last_error,
        set_aside=set_aside,
        templates=templates,
        links=links,
        dead=dead,
        forum=forum,
        texts=texts,
    )


def _index(app: App, store: Store) -> IndexStatus:
    try:
        directory = current_directory(app.index_folder)
        if directory is None:
            return IndexStatus(problem="not built yet; run baraza index")
        stamp = read_stamp(directory)
    except SearchIndexError as exc:
        return IndexStatus(problem=str(exc))
    ours = stamp.store_uuid == store.uuid
    return IndexStatus(
        generation=stamp.generation,
        passages=stamp.passages,
        model_id=stamp.model_id,
        lag=store.generation - stamp.generation if ours else None,
        problem=None if ours else "made from another knowledge base; run baraza index",
        switch=_switch(app, store, stamp) if ours else None,
    )


def _switch(app: App, store: Store, stamp: Stamp) -> SwitchStatus | None:
    if app.models.made(stamp):
        return None
    coming = app.models.configured_id()
    if coming is None or not app.cache_path.exists():
        # Nothing was embedded yet, and a cache is not made by looking at it.
        texts, embedded = count_texts(store), 0
    else:
        with EmbeddingCache.open(app.cache_path) as cache:
            embedded, texts = known_of(store, cache, coming)
    return SwitchStatus(app.config.embedding.model, coming, embedded, texts)
