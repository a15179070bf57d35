"""Link rot: whether what may be suggested still answers, asked on schedule and again
before the bot links it.

A forum's topics are not asked for here: a harvest compares them, and the bot reads
those that it links again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.config_sources import ArchiveSource, ForumSource, TermsSource
from indexer.alive import ALIVE, AliveChecker, Verdict
from kb.errors import ConfigError
from kb.store import Store, Target
from kb.types import PUBLIC, Clock, DocumentId

if TYPE_CHECKING:
    from bot.app import App
    from bot.sources import Sources

log = logging.getLogger(__name__)

Ask = Callable[[Target], Verdict]
"""Asks whether a document's address answers."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of one source did so far.

    Attributes:
        total: Documents to be asked for.
        alive: Of those asked for; so *died* and *unknown*.
        dead: All that is dead now, since this check or before, longest dead first.
    """

    source: str
    total: int
    alive: int = 0
    died: int = 0
    unknown: int = 0
    dead: tuple[Target, ...] = ()

    @property
    def asked(self) -> int:
        return self.alive + self.died + self.unknown


Look = Callable[[CheckReport], None]
"""Called with the report so far, after each document."""


def names_to_check(sources: Sources, names: Collection[str] = ()) -> list[str]:
    """The sources to check: those named, else all enabled ones that can be.

    Raises:
        ConfigError: One of those named is not enabled, a forum's, or has no pages.
    """
    for name in names:
        if not _can_be_checked(sources, name):
            raise ConfigError(
                f"sources.{name}.type",
                f"expected another than {sources.settings(name).type}: a forum's "
                "topics are read again before they are linked, and files of "
                "translations are never linked",
            )
    chosen = dict.fromkeys(names) or [
        name for name in sources.names() if _can_be_checked(sources, name)
    ]
    return list(chosen)


def _can_be_checked(sources: Sources, name: str) -> bool:
    # Files of translations are nothing to be led to.
    exempt = ForumSource | ArchiveSource | TermsSource
    return not isinstance(sources.settings(name), exempt)


def check(
    app: App,
    names: Sequence[str],
    *,
    whole: bool = False,
    progress: Look = lambda _report: None,
) -> Iterator[CheckReport]:
    """Ask for what was not seen within `links.alive_within`, those never seen first.

    What was found is kept after each answer: broken off anywhere, it goes on there.

    Args:
        names: As `names_to_check` has them.
        whole: Ask for everything, whenever it was seen.

    Yields:
        A report of each source.

    Raises:
        StoppedError: It was told to stop.
    """
    for name in names:
        with app.open_store() as store, app.sources.checker(name) as checker:
            now = app.clock()
            # Seen this moment is seen before the next.
            before = now + _MOMENT if whole else now - app.config.links.alive_within
            targets = store.targets.oldest(
                name, before=before, dead_before=max(before, now - _DEAD_FOR)
            )
            tally = _Tally(name, len(targets))
            for target in targets:
                app.check_stopped()
                verdict = ask(checker, target)
                keep(store, target, verdict, at=app.clock())
                tally.add(verdict)
                progress(tally.report())
            dead = [each for each in store.targets.dead() if each.source == name]
            yield tally.report(dead)


# What is dead is asked for again that soon.
_DEAD_FOR = timedelta(days=1)
_MOMENT = timedelta(seconds=1)


@dataclass(slots=True)
class _Tally:
    source: str
    total: int
    found: dict[str, int] = field(
        default_factory=lambda: {"alive": 0, "dead": 0, "unknown": 0}
    )

    def add(self, verdict: Verdict) -> None:
        self.found[verdict.state] += 1

    def report(self, dead: Sequence[Target] = ()) -> CheckReport:
        return CheckReport(
            self.source,
            self.total,
            alive=self.found["alive"],
            died=self.found["dead"],
            unknown=self.found["unknown"],
            dead=tuple(dead),
        )


def ask(checker: AliveChecker, target: Target) -> Verdict:
    """Ask for a document as its visibility allows."""
    return checker.check(target.url, private=target.visibility != PUBLIC)


def keep(store: Store, target: Target, verdict: Verdict, *, at: datetime) -> None:
    """Note what is certain; of what is not, what was known before stands."""
    if verdict.state == "unknown":
        # Not by its address, which may be private and may stand in the reason.
        log.info(
            "source=%s document=%d is not known to be alive",
            target.source,
            target.document_id,
        )
        return
    with store.transaction():
        store.targets.mark(
            target.document_id, target.url, problem=verdict.reason, at=at
        )


class AskAny:
    """Asks for documents of all sources, each as its source is asked.

    Args:
        stack: Closes what was opened.
    """

    def __init__(self, sources: Sources, stack: ExitStack) -> None:
        self._sources = sources
        self._stack = stack
        self._checkers: dict[str, AliveChecker] = {}

    def __call__(self, target: Target) -> Verdict:
        if target.source not in self._checkers:
            self._checkers[target.source] = self._stack.enter_context(
                self._sources.checker(target.source)
            )
        return ask(self._checkers[target.source], target)


class SeenAlive:
    """Vouches for links before the bot posts them; see `bot.responder.Vouch`.

    Args:
        ask: Asks where nothing is known that is young enough.
        alive_within: How old what is known may be.
        trusted: Sources whose documents are vouched for unseen: other forums, which
            their harvests compare.
    """

    def __init__(
        self,
        store: Store,
        ask: Ask,
        *,
        alive_within: timedelta,
        clock: Clock,
        trusted: Collection[str] = (),
    ) -> None:
        self._store = store
        self._ask = ask
        self._alive_within = alive_within
        self._clock = clock
        self._trusted = frozenset(trusted)
        self._found: dict[DocumentId, tuple[Target, Verdict, datetime]] = {}

    def problem_with(self, source: str, key: str) -> str:
        return self.trouble_with(source, key)[0]

    def trouble_with(self, source: str, key: str) -> tuple[str, bool]:
        """Why nobody should be led to a document, and whether that is certain."""
        target = self._store.targets.find(source, key)
        document = self._store.documents.find(source, key)
        if target is None or document is None:
            return "it has left the knowledge base", True
        # What was found for an answer that waits may have changed since.
        if not document.listed or document.visibility != PUBLIC:
            return "it is not public", True
        now = self._clock()
        if document.expires_at is not None and document.expires_at <= now:
            return "it is over", True
        if source in self._trusted:
            return "", True
        if target.seen_at is not None and now - target.seen_at <= self._alive_within:
            return target.problem, True
        if target.document_id not in self._found:
            self._found[target.document_id] = target, self._ask(target), now
        verdict = self._found[target.document_id][1]
        if verdict.state == "unknown":
            return f"not known to be alive: {verdict.reason}", False
        return ("" if verdict == ALIVE else verdict.reason), True

    def note(self) -> None:
        for target, verdict, at in self._found.values():
            keep(self._store, target, verdict, at=at)
        self._found.clear()


def seen_alive(app: App, store: Store, stack: ExitStack) -> SeenAlive:
    """See `SeenAlive`, of an installation; what it opens is closed with *stack*."""
    return SeenAlive(
        store,
        AskAny(app.sources, stack),
        alive_within=app.config.links.alive_within,
        clock=app.clock,
        trusted=app.sources.forum_names(),
    )
