"""What ``baraza run`` does: its jobs, and the forums that it listens to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.app import App, StoppedError
from bot.bridging import bridge_is_due, has_translations, learn_bridge
from bot.checking import check, names_to_check
from bot.config import Trigger, secret
from bot.config_sources import ArchiveSource, ForumSource
from bot.indexing import Turn, bring_up
from bot.schedule import Job
from bot.sources import key_headers
from bot.windows import is_within
from kb.errors import ConfigError, ForumError, ForumRejectedError, KBError
from kb.store import EmbeddingCache
from kb.types import Document, Kind, Part

if TYPE_CHECKING:
    from bot.calls import Calls
    from bot.inbox import InboxReport
    from bot.manners import Manners
    from bot.report.model import Report
    from indexer.pipeline import RefreshReport
    from kb.index import IndexReport

log = logging.getLogger(__name__)

# Mail is read that often while many topics are looked at.
MAIL_EVERY_S = 15.0
# Cut once, so that what is loaded for it is there when something new comes.
_ANY = Document(
    "any", Kind.THREAD, "1", "", "Any", (Part(1, "<p>Any text at all.</p>"),)
)
_INDEX = "index"
_WATCH = "watch"
_LEARN = "learn"
_BRIDGE = "bridge"
_REPORT = "report"
_FILES = "report files"
# Making a report takes a processor for seconds: not with every post that is edited.
_FILES_APART = timedelta(minutes=10)


class Service:
    """The work of one installation, cut into jobs that can be told to stop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._calls: Calls | None = None
        self._categories_checked = False
        self._files_are_old = False
        self._files_called_at: datetime | None = None

    def jobs(self) -> list[Job]:
        """What ``baraza run`` does; each comes to an end when `stopped` says so."""
        schedule = self._app.config.schedule
        jobs = [
            Job(
                _refresh_name(name),
                partial(self._refresh_job, name),
                self._app.config.refresh_trigger(name),
                lane="harvest",
            )
            for name in self._app.sources.names()
        ]
        if names_to_check(self._app.sources):
            # Its own lane: a first check of a large site takes hours, and whatever asks
            # a host shares its budget.
            jobs.append(Job("check", self._check_job, schedule.check, lane="check"))
        jobs.append(Job(_INDEX, self._index_job, schedule.index, lane="index"))
        if self._watches():
            jobs.append(Job(_WATCH, self._watch_job, schedule.watch, lane="watch"))
        learn = Job(
            _LEARN,
            self._learn_job,
            schedule.learn,
            # Its own: it only reads the store, and nothing waits for it.
            lane="learn",
            at_start=not self._app.model_path.exists(),
        )
        jobs.append(learn)
        # Also where what was learned must go because no source brings any more.
        if self._has_translations() or self._app.bridge_path.exists():
            # In the same lane: both take a processor for themselves.
            bridge = Job(_BRIDGE, self._bridge_job, schedule.bridge, lane="learn")
            jobs.append(bridge)
        if self._has_threads():
            report = Job(
                _REPORT,
                self._report_job,
                schedule.report,
                # Its own: no question waits for it. The watch sends it.
                lane="report",
                at_start=False,
            )
            files = Job(
                _FILES,
                self._renew_job,
                # What left must leave these, too, whatever else tells of it.
                Trigger(every=timedelta(days=1)),
                lane="report",
                at_start=False,
            )
            jobs += [report, files]
        return jobs

    def _has_threads(self) -> bool:
        sources = self._app.config.sources.values()
        return any(isinstance(s, ForumSource | ArchiveSource) for s in sources)

    def _has_translations(self) -> bool:
        sources = self._app.sources
        return any(has_translations(sources.settings(name)) for name in sources.names())

    def _watches(self) -> bool:
        bot = self._app.config.bot
        if bot.forum is None or bot.all_modes == {"off"}:
            return False
        if not self._app.config.sources[bot.forum].enabled:
            log.warning("bot.forum: %s is switched off, and not watched", bot.forum)
            return False
        return True

    def check(self) -> None:
        """Look for what only a person can mend, before a service starts.

        Raises:
            ConfigError: A secret that the config names is not in the environment, or
                something is wrong with the community's own sentences.
            StoreError: The store cannot be opened or made.
            EmbeddingError: The model cannot be used.
        """
        for name in self._app.sources.names():
            settings = self._app.sources.settings(name)
            if isinstance(settings, ForumSource):
                key_headers(name, settings)
                self._webhook_secret(name, settings)
        if self._watches():
            secret(self._app.config.bot.api_key_env, key="bot.api_key_env")
        self._check_sentences()
        with self._app.open_store(), EmbeddingCache.open(self._app.cache_path):
            log.info("model=%s", self._app.answering_embedder().model_id)

    def _check_sentences(self) -> None:
        """Tell which languages are answered in English.

        Raises:
            ConfigError: Something is wrong with the community's own sentences.
        """
        languages = self._app.config.community.languages
        missing = self._app.catalogues.missing(languages)
        if missing:
            log.warning(
                "community.languages: no sentences in %s, so answers are in English: "
                "add them, see community.translations",
                ", ".join(missing),
            )

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
        self._calls = calls
        secrets = {
            name: (found, settings.url)
            for name in self._app.sources.names()
            if isinstance(settings := self._app.sources.settings(name), ForumSource)
            and (found := self._webhook_secret(name, settings)) is not None
        }
        if not secrets:
            yield None
            return
        from bot.listening import serving
        from bot.webhook import Notebook, Sender, create_app

        note = Notebook(
            self._app.store_path,
            lambda name: calls.call(_refresh_name(name)),
            look=partial(self._look, calls),
            bot=self._app.config.bot.username,
            clock=self._app.clock,
            replay_window=self._app.config.webhook.replay_window,
        )
        senders = {name: Sender(*values) for name, values in secrets.items()}
        where = self._app.config.webhook
        receiver = create_app(senders, note)
        with serving(receiver, host=where.host, port=where.port) as address:
            for name in senders:
                log.info("listening on %s/webhook/%s", address, name)
            yield address

    def _look(self, calls: Calls, name: str) -> None:
        """The bot should look: for new topics, or at its mail."""
        if name == self._app.config.bot.forum and self._watches():
            calls.call(_WATCH)

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
            if self._calls is not None and (
                report.passages_added or report.passages_removed
            ):
                # What was told within seconds should be found as soon.
                self._calls.call(_INDEX, settled=True)
            if (
                self._calls is not None
                and has_translations(self._app.sources.settings(name))
                and (report.texts_changed or report.passages_removed)
            ):
                # What left must leave the bridge, too, and not a day later.
                self._calls.call(_BRIDGE)
            # What is private now, or called otherwise, was updated.
            has_left = report.deleted or report.passages_removed or report.updated
            self._see_to_files(left=bool(has_left))
            return True
        return False

    def _harvest_by_hours(self, name: str) -> RefreshReport | None:
        """Harvest; outside a forum's hours for heavy work read only what is new, and
        leave the first reading of all of it for later: then there is no report.
        Heavy work that is not done when its hours end goes on in the next."""
        settings = self._app.sources.settings(name)
        hours = settings.heavy_hours if isinstance(settings, ForumSource) else None
        if hours is None:
            return self._app.harvest(name)
        zone = ZoneInfo(self._app.config.schedule.timezone)
        with self._app.open_store() as store:
            is_first = store.progress.source(name).complete_walk == 0
        is_heavy = is_within(hours, self._app.clock(), zone)
        if not is_heavy and is_first:
            log.info("source=%s is read first between %s", name, hours)
            return None
        if not is_heavy:
            return self._app.harvest(name, light=True)
        return self._app.harvest(
            name, may_go_on=lambda: is_within(hours, self._app.clock(), zone)
        )

    def _check_job(self) -> bool:
        names = names_to_check(self._app.sources)
        with suppress(StoppedError):
            for report in check(self._app, names):
                log.info(
                    "source=%s asked=%d alive=%d died=%d unknown=%d dead=%d",
                    report.source,
                    report.asked,
                    report.alive,
                    report.died,
                    report.unknown,
                    len(report.dead),
                )
            return True
        return False

    def _index_job(self) -> bool:
        # What was embedded so far is kept; the index in use still stands.
        with suppress(StoppedError):
            while (report := self._index_for_a_while()) is None:
                log.info("what is new is looked at before more is embedded")
            if self._watches():
                self._warm()
            if report.replaced is not None and self._calls is not None:
                # Meaning weighs otherwise in another model's cosines.
                self._calls.call(_LEARN)
            return True
        return False

    def _warm(self) -> None:
        """Open what was just built: a question that comes next must not wait for it."""
        try:
            self._app.live_index.warm()
            with self._app.open_store(readonly=True) as store:
                self._app.cutter(store)(_ANY, source=_ANY.source)
        except KBError as exc:
            # Nothing is lost: whoever asks opens it, or tells what is wrong.
            log.warning("the index cannot be opened: %s", exc)

    def _index_for_a_while(self) -> IndexReport | None:
        """Bring the index up; see `bring_up`. On the way to another model it ends when
        there is something new to be found, or after a while."""
        if self._calls is not None:
            self._calls.begin(_INDEX)
        return bring_up(
            self._app,
            progress=lambda _done, _all: self._app.check_stopped(),
            go_on=Turn(lambda: self._calls is not None and self._calls.is_due(_INDEX)),
        )

    def _learn_job(self) -> bool:
        # The model in use stays until another one is complete.
        from bot.learning import learn

        with suppress(StoppedError):
            report = learn(self._app, progress=lambda *_step: self._app.check_stopped())
            log.info(
                "learned from questions=%d of threads=%d saved=%s",
                report.questions,
                report.threads,
                report.saved,
            )
            return True
        return False

    def _bridge_job(self) -> bool:
        # The bridge in use stays until another one is complete.
        with suppress(StoppedError):
            if not bridge_is_due(self._app):
                return True
            report = learn_bridge(
                self._app, progress=lambda *_step: self._app.check_stopped()
            )
            if report.forgotten:
                log.info("bridge forgotten: there are no translations any more")
            for table in report.tables:
                log.info(
                    "bridge from=%s to=%s texts=%d words=%d phrases=%d",
                    table.source,
                    table.target,
                    table.texts,
                    table.words,
                    table.terms,
                )
            return True
        return False

    def _check_categories(self) -> None:
        """Tell of categories that the config names and the forum does not have: where
        one is misspelt the bot answers where it should not. Once: it costs a request.

        Raises:
            ForumError: The forum does not answer; it is asked again next time.
        """
        if self._categories_checked:
            return
        named = self._app.config.bot.category_keys
        if any(named.values()):
            with self._app.forum(only_read=True) as forum:
                known = {slug.casefold() for slug in forum.categories()}
            for key, slugs in named.items():
                for slug in sorted(slugs):
                    if slug.casefold() not in known:
                        log.warning("%s: the forum has no category %s", key, slug)
        self._categories_checked = True

    def _watch_job(self) -> bool:
        from bot.manners import has_manners, open_manners

        with suppress(StoppedError):
            self._check_categories()
            if has_manners(self._app):
                with open_manners(self._app) as manners:
                    self._mind(manners)
                    self._look_for_topics(
                        MailBetween(manners, self._app.stopped, heard=self._heard)
                    )
            else:
                self._look_for_topics(self._app.stopped)
            # Last: who asked comes first.
            self._finish_reports()
            return True
        return False

    def _report_job(self) -> bool:
        from bot.report.making import make
        from bot.report.sending import (
            expire_reports,
            profile_reader,
            scheduled,
            write_report,
        )

        with suppress(StoppedError):
            expire_reports(self._app)
            made = make(
                self._app,
                scheduled(self._app),
                progress=self._look_for_a_stop,
                look_up=profile_reader(self._app),
            )
            log.info("report written to %s", write_report(self._app, made))
            if self._app.config.report.send != "off":
                self._send_report(made)
            return True
        return False

    def _look_for_a_stop(self, *_step: object) -> None:
        self._app.check_stopped()

    def _renew_job(self) -> bool:
        from bot.report.sending import expire_reports, renew_report

        with suppress(StoppedError):
            expire_reports(self._app)
            if renew_report(self._app, progress=self._look_for_a_stop):
                log.info("the written report was made anew")
            return True
        return False

    def _see_to_files(self, *, left: bool = False) -> None:
        """Ask for the written report to be made anew, where something that it may tell
        of has left, now or a while ago."""
        self._files_are_old |= left
        if not self._files_are_old or self._calls is None:
            return
        from bot.report.writing import written_json

        now, last = self._app.clock(), self._files_called_at
        is_due = last is None or abs(now - last) >= _FILES_APART
        if is_due and written_json(self._app.data_dir).exists():
            self._files_are_old, self._files_called_at = False, now
            self._calls.call(_FILES)

    def _send_report(self, made: Report) -> None:
        """Of two that write to the forum at a time each would send it: where there is a
        watch, that does."""
        from bot.report.sending import queue_report, send_report

        if not self._watches():
            log.info("report: %s", send_report(self._app, made))
        elif queue_report(self._app, made) and self._calls is not None:
            self._calls.call(_WATCH)

    def _finish_reports(self) -> None:
        """Whatever becomes of a report, it ends no watch."""
        from bot.report.sending import finish_reports

        try:
            told = finish_reports(self._app)
        except KBError as exc:
            log.warning("reports are not sent now: %s", exc)
            return
        if told.sent:
            log.info("report: %d parts sent", told.sent)
        if told.stale and self._calls is not None:
            self._calls.call(_REPORT)

    def _mind(self, manners: Manners) -> None:
        """What people said to the bot holds for all that it does next."""
        try:
            report = manners.run(self._app.stopped)
        except ForumRejectedError as exc:
            # A key with fewer rights: it can still answer, and be paused here.
            log.error("the bot cannot read its mail, or see to its replies: %s", exc)
            return
        self._heard(report.inbox)
        if report.paused:
            log.warning("the bot pauses: too few of its newest replies helped")

    def _heard(self, mail: InboxReport) -> None:
        """Somebody may have opted out, or a topic be no question any more."""
        self._see_to_files(left=bool(mail.obeyed))

    def _look_for_topics(self, stopped: Callable[[], bool]) -> None:
        with self._app.responder() as responder:
            report = responder.watch(stopped=stopped)
        # Without reasons: they name members, and quote the forum.
        for decision in (*report.decisions, *report.drafts, *report.reconciled):
            log.info(
                "topic=%d state=%s mode=%s silent=%s",
                decision.topic_id,
                decision.state,
                decision.mode,
                decision.is_silent,
            )


class MailBetween:
    """Asked between topics whether to stop; reads the bot's mail now and then, so that
    an order of staff holds for the next topic, and not after all of them.

    Args:
        heard: Told what came of it.
        every_s: How often.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        manners: Manners,
        stopped: Callable[[], bool],
        *,
        heard: Callable[[InboxReport], None] = lambda _report: None,
        every_s: float = MAIL_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manners = manners
        self._stopped = stopped
        self._heard = heard
        self._every_s = every_s
        self._clock = clock
        self._read_at = clock()

    def __call__(self) -> bool:
        """See `Manners.run`; what cannot be read now is read with the next watch."""
        if self._clock() - self._read_at >= self._every_s:
            try:
                self._heard(self._manners.inbox.run(self._stopped))
            except ForumError as exc:
                log.warning("the bot's mail cannot be read now: %s", exc)
            self._read_at = self._clock()
        return self._stopped()


def _refresh_name(source: str) -> str:
    return f"refresh {source}"
