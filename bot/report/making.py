"""From an installation to its report: reads the store once, and asks each section."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bot.config_sources import ArchiveSource, ForumSource
from bot.manners import has_manners
from bot.report.actions import actions_for
from bot.report.clusters import common_words
from bot.report.gaps import gaps
from bot.report.health import first_reply_hours, health, topic_of
from bot.report.helpers import HelperSettings, RegionsOf, suggest
from bot.report.holding import Holding, Search
from bot.report.model import (
    FORMAT,
    Action,
    Helper,
    Load,
    OpenNow,
    Report,
    Resource,
    Row,
    Scorecard,
    Topic,
    Unmarked,
    Upkeep,
)
from bot.report.open_now import Held, Looked, look, open_now
from bot.report.period import period_of
from bot.report.profiles import regions
from bot.report.reading import StoreTexts, Visible, read_past, read_searches
from bot.report.records import Meanings, Past, Period, Thread
from bot.report.repeats import repeats
from bot.report.scorecard import scorecard, voice_of
from bot.report.solutions import NEWEST, likely_solution, unmarked
from bot.report.trends import trends
from bot.report.upkeep import upkeep
from kb.errors import ConfigError, EmbeddingError, SearchIndexError
from kb.store import Store
from kb.types import PUBLIC, DocumentId, Kind, LinkRole, PassageId

if TYPE_CHECKING:
    from bot.app import App
    from kb.index import OpenIndex
    from kb.lexical import TantivyIndex

log = logging.getLogger(__name__)
T = TypeVar("T")

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_NO_INDEX = (
    "There is no index that can be used ({why}): repeated questions, gaps and rising "
    "clusters are not told, and nothing was searched for. Run baraza index."
)

Progress = Callable[[str, int, int], None]
"""Told of each step: its name, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is to tell of.

    Attributes:
        sources: Forums and archives; of a topic that two hold that of the first counts.
        private: Also of what not everybody may read.
        limit: Entries of each section.
    """

    period: Period
    sources: tuple[str, ...]
    private: bool
    limit: int


def wanted(
    app: App,
    *,
    since: str = "",
    until: str = "",
    whole: bool = False,
    sources: Sequence[str] = (),
    private: bool = False,
    limit: int | None = None,
) -> Wanted:
    """What somebody asks for, and where nothing is said the config.

    Args:
        since, until: See `bot.report.period.period_of`.
        whole: From the first topic on.

    Raises:
        ConfigError: A source is none, or no forum.
        PeriodError: See `bot.report.period.period_of`.
    """
    settings = app.config.report
    zone = ZoneInfo(app.config.schedule.timezone)
    period = period_of(
        app.clock(), since=since, until=until, length=settings.period, zone=zone
    )
    if whole:
        period = Period(_BEGINNING, period.until)
    return Wanted(
        period,
        _sources(app, sources),
        private or settings.private,
        settings.limit if limit is None else limit,
    )


def _sources(app: App, named: Sequence[str]) -> tuple[str, ...]:
    configured = app.config.sources
    for name in named:
        if not isinstance(app.sources.settings(name), ForumSource | ArchiveSource):
            raise ConfigError(
                f"sources.{name}.type", "expected a forum or an archive for a report"
            )
    chosen = list(named or app.config.report.sources)
    if not chosen and app.config.bot.forum is not None:
        chosen = [app.config.bot.forum]
    if not chosen:
        # What is read live tells more than what was once written to a file.
        chosen = [n for n, s in configured.items() if isinstance(s, ForumSource)]
        chosen += [n for n, s in configured.items() if isinstance(s, ArchiveSource)]
    if not chosen:
        raise ConfigError("sources", "expected a forum or an archive for a report")
    return tuple(dict.fromkeys(chosen))


def make(
    app: App,
    wanted: Wanted,
    *,
    progress: Progress = lambda _step, _done, _todo: None,
    look_up: RegionsOf | None = None,
) -> Report:
    """Make the report. The same store, index and wish give the same report.

    Args:
        look_up: Finds out where those are from who are suggested as helpers; without
            it, what is known is told.

    Raises:
        StoreError: The store cannot be read.
        StoppedError: See `bot.app.App.check_stopped`.
    """
    with app.open_store(readonly=True) as store, store.snapshot():
        return _Making(app, store, wanted, progress, look_up).report()


class _Making:
    """One report on its way. Each step reads what the store had at its beginning."""

    def __init__(
        self,
        app: App,
        store: Store,
        wanted: Wanted,
        progress: Progress,
        look_up: RegionsOf | None,
    ) -> None:
        self._app = app
        self._store = store
        self._wanted = wanted
        self._progress = progress
        self._look_up = look_up
        self._visible: Visible = None if wanted.private else frozenset({PUBLIC})
        self._forum = app.config.bot.forum
        self._notes: list[str] = []

    def report(self) -> Report:
        past = self._past()
        period = past.period
        texts = StoreTexts(self._store, period.until, visible_to=self._visible)
        recent = self._recent(past)
        with self._index() as index:
            meanings = self._meanings(index)
            looked = self._look(recent, texts)
            # What is no question repeats none, is no gap and no trend.
            past_questions = _without(past, looked.no_questions)
            recent_questions = _without(recent, looked.no_questions)
            open_ids = {thread.id for thread in looked.unanswered}
            common = self._step("words", lambda: common_words(past.threads, texts))
            still_open = self._open_now(recent, looked, texts, meanings, index)
            solved_by = _Solutions(texts)
            found_repeats = self._step(
                "repeats",
                lambda: repeats(
                    recent_questions,
                    texts,
                    meanings,
                    is_solved=solved_by,
                    open_ids=open_ids,
                    common=common,
                    limit=self._wanted.limit,
                ),
            )
            solutions = self._step(
                "solutions", lambda: self._unmarked(recent_questions, texts, open_ids)
            )
            found_gaps = self._step(
                "gaps",
                lambda: gaps(
                    past_questions,
                    texts,
                    meanings,
                    linked=self._linked(past),
                    describe=self._describe,
                    common=common,
                    limit=self._wanted.limit,
                ),
            )
            risen = self._step(
                "trends",
                lambda: trends(
                    past_questions,
                    texts,
                    meanings,
                    common=common,
                    limit=self._wanted.limit,
                ),
            )
        return Report(
            format=FORMAT,
            community=self._app.config.community.name,
            private=self._wanted.private,
            since=period.since,
            until=period.until,
            as_of=period.until,
            topics=len(past.asked),
            open_now=still_open.now,
            repeats=found_repeats,
            unmarked=solutions,
            who_could_help=still_open.load,
            gaps=replace(found_gaps, searches=read_searches(self._store, period)),
            trends=risen,
            health=self._step("health", lambda: health(past, open_ids=open_ids)),
            scorecard=self._step("bot", lambda: self._scorecard(past)),
            upkeep=self._step("upkeep", lambda: self._upkeep(period)),
            notes=tuple(self._notes),
            rows=self._rows(recent, period, looked, open_ids),
        )

    def _step(self, name: str, work: Callable[[], T]) -> T:
        self._app.check_stopped()
        self._progress(name, 0, 0)
        return work()

    # -- what there is ---------------------------------------------------------

    def _past(self) -> Past:
        settings, bot = self._app.config.report, self._app.config.bot
        past = self._step(
            "threads",
            lambda: read_past(
                self._store,
                self._wanted.sources,
                self._wanted.period,
                visible_to=self._visible,
                bots=[bot.username, *settings.bots],
                unsuggested=[*settings.not_helpers, *bot.exclude_authors],
            ),
        )
        if self._wanted.period.since == _BEGINNING:
            # All of it begins with the first topic.
            first = past.threads[0].created_at if past.threads else past.period.until
            since = min(first, past.period.until - settings.period)
            past = replace(past, period=Period(since, past.period.until))
        if not past.threads:
            self._notes.append(
                "No topic is held of "
                + ", ".join(self._wanted.sources)
                + " from before the end of this period: run baraza harvest."
            )
        elif not past.asked:
            newest = past.threads[-1].created_at
            self._notes.append(
                "Nobody began a topic in this period; the newest before its end is of "
                f"{newest:%Y-%m-%d %H:%M} UTC."
            )
        return past

    def _recent(self, past: Past) -> Past:
        """What a moderator may still do something about: of the period, and of as long
        as an open question is told of."""
        until = past.period.until
        since = min(past.period.since, until - self._app.config.report.open_for)
        return replace(past, period=Period(since, until))

    @contextmanager
    def _index(self) -> Iterator[OpenIndex[TantivyIndex] | None]:
        try:
            index = self._app.open_index(self._store)
        except (SearchIndexError, EmbeddingError) as exc:
            log.warning("the report is made without an index: %s", exc)
            # Not the message: it names files of this machine.
            self._notes.append(_NO_INDEX.format(why=type(exc).__name__))
            yield None
            return
        try:
            yield index
        finally:
            index.close()

    def _meanings(self, index: OpenIndex[TantivyIndex] | None) -> Meanings | None:
        if index is None:
            return None
        from bot.report.reading import IndexMeanings

        return IndexMeanings(index.corpus(self._store))

    # -- open questions ----------------------------------------------------------

    def _look(self, recent: Past, texts: StoreTexts) -> Looked:
        marked = {
            (source, str(topic_id))
            for source in self._wanted.sources
            for topic_id in self._store.verdicts.of(source, before=recent.period.until)
        }
        todo = len(recent.asked)
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            self._app.check_stopped()
            self._progress("questions", done, todo)

        return look(recent, texts, marked=marked, progress=more)

    def _open_now(
        self,
        recent: Past,
        looked: Looked,
        texts: StoreTexts,
        meanings: Meanings | None,
        index: OpenIndex[TantivyIndex] | None,
    ) -> _Open:
        load: list[Load] = []

        everything = [thread.id for thread in recent.threads]
        vectors = None if meanings is None else meanings.of(everything)

        def helpers(asked: Sequence[Thread]) -> Mapping[DocumentId, tuple[Helper, ...]]:
            found = suggest(
                recent,
                [thread.id for thread in asked],
                vectors,
                at=recent.period.until,
                profile_url=self._profile_url,
                settings=HelperSettings(load=self._app.config.report.load),
                regions=self._regions if self._look_up is None else self._look_up,
            )
            load.extend(found.load)
            return found.by_question

        now = self._step(
            "open now",
            lambda: open_now(
                looked,
                texts,
                at=recent.period.until,
                limit=self._wanted.limit,
                hold=Holding(
                    self._store,
                    forum=self._forum,
                    search=None if index is None else self._search(index),
                    settings=self._app.policy_settings(),
                    until=recent.period.until,
                ),
                helpers=helpers,
                actions=self._actions,
            ),
        )
        return _Open(now, tuple(load))

    def _search(self, index: OpenIndex[TantivyIndex]) -> Search:
        searcher = self._app.searcher_of(self._store, index)
        return partial(self._app.look_for, searcher)

    def _actions(self, thread: Thread, held: Held | None) -> tuple[Action, ...]:
        waits = held is not None and held.draft
        return actions_for(
            topic_of(thread),
            forum_url=self._url_of(self._forum) if self._forum else "",
            bot=self._app.config.bot.username if self._takes_orders() else None,
            bot_source=self._forum,
            draft_waits=waits,
            draft_url=self._draft_url(thread) if waits else "",
        )

    def _takes_orders(self) -> bool:
        # Else nobody reads the bot's mail.
        return has_manners(self._app)

    def _draft_url(self, thread: Thread) -> str:
        versions = self._store.messages.about(thread.source, "draft", thread.key)
        topic_id = next((m.topic_id for m in reversed(versions) if m.topic_id), None)
        forum = self._url_of(thread.source)
        return f"{forum}/t/{topic_id}" if forum and topic_id else ""

    def _url_of(self, source: str) -> str:
        settings = self._app.config.sources.get(source)
        match settings:
            case ForumSource():
                return settings.url.rstrip("/")
            case ArchiveSource():
                return settings.forum_url.rstrip("/")
            case _:
                return ""

    def _profile_url(self, source: str, name: str) -> str:
        forum = self._url_of(source)
        return f"{forum}/u/{quote(name, safe='')}" if forum and name else ""

    def _regions(self, _members: Mapping[str, str]) -> dict[str, str]:
        """What is known of anybody."""
        found: dict[str, str] = {}
        for source in self._wanted.sources:
            found |= regions(self._store, source)
        return found

    def _unmarked(
        self, recent: Past, texts: StoreTexts, open_ids: Collection[DocumentId]
    ) -> tuple[Unmarked, ...]:
        may_be = sum(not t.solved and bool(t.by_people) for t in recent.asked)
        if may_be > NEWEST:
            self._notes.append(
                f"Of {may_be} topics that were replied to and are not marked solved"
                f" the newest {NEWEST} were looked at for solutions."
            )
        return unmarked(recent, texts, left_out=open_ids, limit=self._wanted.limit)

    # -- gaps ----------------------------------------------------------------------

    def _linked(self, past: Past) -> dict[DocumentId, tuple[Resource, ...]]:
        """The pages, courses and videos that helpers linked, by thread."""
        links = [
            link
            for link in self._store.links.between_documents(
                before=past.period.until,
                roles=(LinkRole.HELPER, LinkRole.STAFF),
                visible_to=self._readers(),
            )
            if _is_by_people(past.by_id.get(link.document_id), link.part_number)
        ]
        targets = sorted({target for link in links for target in link.targets})
        documents = self._store.documents.summaries(targets)
        standing = self._store.editions.standing()
        found: defaultdict[DocumentId, dict[DocumentId, Resource]] = defaultdict(dict)
        for link in links:
            for target in link.targets:
                # Whatever version of a page was linked, that page was.
                document = documents.get(standing.get(target, target))
                if document is not None and document.kind is not Kind.THREAD:
                    resource = Resource(document.kind, document.title, document.url)
                    found[link.document_id][document.id] = resource
        return {i: tuple(found[i][j] for j in sorted(found[i])) for i in sorted(found)}

    def _readers(self) -> frozenset[str]:
        return self._visible or self._store.documents.visibilities()

    def _describe(self, ids: Sequence[PassageId]) -> dict[PassageId, Resource]:
        """Passages that the reader may be led to; the index may know others."""
        passages = self._store.passages.load(ids)
        documents = self._store.documents.summaries(
            sorted({passage.document_id for passage in passages.values()})
        )
        found: dict[PassageId, Resource] = {}
        for i, passage in passages.items():
            document = documents[passage.document_id]
            is_there = document.listed and document.current and not document.dead
            if is_there and (
                self._visible is None or document.visibility in self._visible
            ):
                section = passage.heading.rsplit(" › ", 1)[-1]
                named = section and section.casefold() != document.title.casefold()
                found[i] = Resource(
                    document.kind,
                    f"{document.title} › {section}" if named else document.title,
                    document.url + passage.anchor,
                )
        return found

    # -- the rest ----------------------------------------------------------------

    def _scorecard(self, past: Past) -> Scorecard | None:
        if self._forum not in self._wanted.sources:
            return None
        known = {(t.source, t.key): t for t in past.threads}

        def named(source: str, key: str) -> Topic | None:
            thread = known.get((source, key))
            return None if thread is None else topic_of(thread)

        return scorecard(
            self._store,
            self._forum,
            past.period,
            topic_of=named,
            visible_to=self._visible,
        )

    def _upkeep(self, period: Period) -> Upkeep:
        return upkeep(
            self._store,
            period,
            visible_to=self._visible,
            sources=self._wanted.sources,
            limit=self._wanted.limit,
        )

    def _rows(
        self,
        recent: Past,
        period: Period,
        looked: Looked,
        open_ids: Collection[DocumentId],
    ) -> tuple[Row, ...]:
        states = self._states(period)
        return tuple(
            Row(
                topic=topic_of(thread),
                newcomer=thread.newcomer,
                replies=len(thread.by_people),
                first_reply_hours=_rounded(first_reply_hours(thread)),
                answered=bool(thread.by_people),
                solved=thread.solved,
                question=_is_question(thread.id, looked),
                open=thread.id in open_ids,
                views=thread.views,
                bot=states.get((thread.source, thread.key), ""),
                in_period=period.holds(thread.created_at),
            )
            for thread in recent.asked
        )

    def _states(self, period: Period) -> dict[tuple[str, str], str]:
        if self._forum is None:
            return {}
        decided = self._store.ledger.decided_between(
            self._forum, _BEGINNING, period.until
        )
        return {(d.forum, str(d.topic_id)): voice_of(d, period.until) for d in decided}


@dataclass(frozen=True, slots=True)
class _Open:
    now: OpenNow
    load: tuple[Load, ...]


class _Solutions:
    """Which post solves a thread: the one that is marked, or else looks like it."""

    def __init__(self, texts: StoreTexts) -> None:
        self._texts = texts

    def __call__(self, thread: Thread) -> int | None:
        for reply in thread.replies:
            if reply.accepted and reply.voice != "bot":
                return reply.number
        posts = self._texts.posts([thread.id]).get(thread.id, {})
        guess = likely_solution(thread, posts)
        return None if guess is None else guess.number


def _without(past: Past, left_out: Collection[DocumentId]) -> Past:
    threads = tuple(t for t in past.threads if t.id not in left_out)
    return replace(past, threads=threads, by_id={t.id: t for t in threads})


def _is_by_people(thread: Thread | None, number: int) -> bool:
    """Whether a post of a thread is known, and no program's."""
    if thread is None:
        return False
    bots = (reply.number for reply in thread.replies if reply.voice == "bot")
    return number not in bots


def _is_question(thread: DocumentId, looked: Looked) -> bool | None:
    if thread in looked.questions:
        return True
    return False if thread in looked.no_questions else None


def _rounded(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 4)
