"""Refreshing a source: harvest → plan → apply.

Each batch of a source is one transaction, its cursor included. Killed anywhere,
the next refresh goes on and ends in the state of an undisturbed one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from indexer.cutting import Chunk, Cutter, Prepare, as_it_is, rechunk, recut, relearn
from indexer.plan import plan_document
from indexer.source import Batch, Source
from indexer.tally import RefreshReport, Tally
from kb.errors import KBError, RecordError, SourceError, StoreError
from kb.store import SetAside, SourceState, Store
from kb.types import Clock, Document, DocumentId, PassageDraft, StoredState, utc_now

__all__ = ["Chunk", "Prepare", "Progress", "RefreshReport", "rechunk", "refresh"]

log = logging.getLogger(__name__)

Progress = Callable[[RefreshReport], None]

# Fewer deletions than this need no confirmation, however small the source is.
_FEW_DELETIONS = 20
# How often a broken record is tried with every walk, and how long it then rests.
_SOON = 3
_FIRST_PAUSE = timedelta(minutes=15)
_LAST_PAUSE = timedelta(days=1)


def in_silence(report: RefreshReport) -> None:
    """The `Progress` that shows nothing."""


def refresh(
    source: Source,
    store: Store,
    chunk: Chunk,
    chunker: str,
    *,
    clock: Clock = utc_now,
    progress: Progress = in_silence,
    full: bool = False,
    accept_deletions: bool = False,
    prepare: Prepare = as_it_is,
    version: str | None = None,
) -> RefreshReport:
    """Bring the store up to date with *source*.

    Idempotent: without a change at the source, a second refresh changes nothing.

    Args:
        chunk: Cuts a document into passages; may raise `RecordError`.
        chunker: Stamp of *chunk*. Stored documents with another one are cut
            anew first, from what is stored.
        progress: Told what was done so far, after every batch.
        full: Read everything again, unchanged revisions too.
        accept_deletions: Delete even if most documents have left.
        prepare: Fills in what a source cannot know, such as the language.
        version: Of pages that come in several versions the one to search, see
            `kb.versions`; the newest when ``None``.

    Raises:
        SourceError: The source cannot be read, or most of it seems to have left.
        ForumError: Network or forum failed. What was read is kept, and the next
            refresh goes on from there.
        StoreError: SQLite failed.
    """
    cut = Cutter(chunk, chunker, prepare, store.templates.stamp)
    run = _Run(source, store, cut, clock, progress, accept_deletions, full, version)
    run.rechunk()
    run.begin()
    try:
        walk = source.walk(run.state, run.known, full=full, again=run.again)
        for batch in walk:
            run.apply(batch)
        run.finish()
    except StoreError:
        raise
    except KBError as exc:
        log.info("source=%s walk stopped: %s", source.name, exc)
        with store.transaction():
            store.progress.fail(source.name, str(exc))
        raise
    return run.report(complete=True)


class _Run:
    """One refresh of one source."""

    def __init__(
        self,
        source: Source,
        store: Store,
        cut: Cutter,
        clock: Clock,
        progress: Progress,
        accept_deletions: bool,
        full: bool,
        version: str | None,
    ) -> None:
        self._source = source
        self._store = store
        self._cut = cut
        self._clock = clock
        self._progress = progress
        self._accept_deletions = accept_deletions
        self._full = full
        self._version = version
        self._tally = Tally()
        self._started = clock()
        self._requests_before = source.requests
        self.state: SourceState = store.progress.source(source.name)
        self.known = store.holdings(source.name)
        self._stored_before = 0
        self.again: frozenset[str] = frozenset()

    def rechunk(self) -> None:
        recut(self._store, self._source.name, self._cut, self._tally, self._clock)

    def begin(self) -> None:
        name = self._source.name
        before = self.state
        with self._store.transaction():
            self.state = self._store.progress.begin(name, at=self._clock())
        self._stored_before = len(self.known)
        aside = self._store.progress.all_set_aside(name)
        now = self._clock()
        self.again = frozenset(
            item.key for item in aside if self._full or _is_due(item, now)
        )
        self.known.resting = frozenset(item.key for item in aside) - self.again
        if before.walk > before.complete_walk:
            # Going on: what this walk set aside before it was interrupted may
            # not be tried again.
            since = _started_at(self.state)
            self._tally.set_aside.update(i.key for i in aside if i.last_at >= since)

    def apply(self, batch: Batch) -> None:
        """One batch, in one transaction; cutting, which takes time, outside it."""
        ready: list[tuple[Document, tuple[PassageDraft, ...]]] = []
        aside = list(batch.set_aside)
        for document in batch.documents:
            try:
                ready.append(self._cut(document, source=self._source.name))
            except RecordError as exc:
                aside.append((document.key, str(exc)))
        self._refuse_to_lose(batch.gone)
        self._refuse_to_lose_files(batch.parallel_files)
        with self._store.transaction():
            for document, drafts in ready:
                self._write(document, drafts)
            self._touch(batch.unchanged)
            self._tally.unchanged += len(batch.unchanged)
            self._touch([key for key, _ in aside])
            self._delete(batch.gone)
            self._delete([key for key, _ in batch.skipped])
            self._tally.skipped.update(reason for _, reason in batch.skipped)
            for key, reason in aside:
                self._set_aside(key, reason)
            self._note(batch)
            self._write_parallel(batch)
            self._store.editions.settle(self._source.name, self._version)
            if batch.cursor is not None:
                self._store.progress.advance(self._source.name, batch.cursor)
        self._tally.spend(batch.phase, self._source.requests - self._requests_before)
        self._tally.remaining = batch.remaining
        self._progress(self.report())

    def _note(self, batch: Batch) -> None:
        """What a batch tells of documents that it does not bring."""
        store, name = self._store, self._source.name
        store.fetches.put(name, batch.fetched)
        store.fetches.forget(name, batch.forgotten)
        store.loose.add(name, batch.loose)
        if batch.closed:
            store.loose.drop_categories(name, batch.closed)
        for key, reason in batch.looks:
            # As if it were noted at the start: reading it in this walk settles it.
            store.looks.add(name, [key], reason, self._started)
        store.looks.done(name, batch.settled, before=self._started)
        store.documents.count_again(
            (found.id, views, likes)
            for key, views, likes in batch.counts
            if (found := self._stored(key))
        )
        if batch.verified_at is not None:
            store.documents.verify(
                [found.id for key in batch.verified if (found := self._stored(key))],
                at=batch.verified_at,
            )

    def _write_parallel(self, batch: Batch) -> None:
        """What files of translations say."""
        parallel, name = self._store.parallel, self._source.name
        for file in batch.parallel:
            self._tally.texts += len({(t.unit, t.language) for t in file.texts})
            self._tally.texts_changed += parallel.replace(name, file.name, file.texts)
        if batch.parallel_files is not None:
            gone = parallel.forget_files(name, keep=batch.parallel_files)
            self._tally.texts_changed += gone
            # With those of files that did not change, and were not read again.
            self._tally.texts = sum(parallel.files(name).values())

    def _settle(self, keys: Sequence[str]) -> None:
        """Nothing waits for these documents any more."""
        self._store.loose.drop(self._source.name, keys)
        self._store.looks.done(self._source.name, keys, before=self._started)

    def finish(self) -> None:
        """The end of a walk: what an exhaustive one did not meet has left."""
        name = self._source.name
        left: list[str] = []
        if self._source.is_exhaustive:
            not_met = self._store.documents.not_met(name, walk=self.state.walk)
            left = [key for _, key in not_met]
            self._refuse_to_lose(left)
        with self._store.transaction():
            self._delete(left)
            self._store.editions.settle(name, self._version)
            for key in self.again - self._tally.set_aside:
                self._store.progress.take_back(name, key)
            self._store.progress.finish(name, at=self._clock())
        relearn(self._store, name, self._cut, self._tally, self._clock)
        log.info("source=%s walk=%d complete", name, self.state.walk)
        for reason, times in sorted(self._tally.skipped.items()):
            log.info("source=%s skipped=%d reason=%s", name, times, reason)

    def report(self, *, complete: bool = False) -> RefreshReport:
        return self._tally.report(
            self._source.name,
            seconds=(self._clock() - self._started).total_seconds(),
            requests=self._source.requests - self._requests_before,
            complete=complete,
        )

    def _write(self, document: Document, drafts: Sequence[PassageDraft]) -> None:
        # Read now: an earlier batch of this walk may have written it.
        stored = self._store.documents.state(self._source.name, document.key)
        passages = self._store.passages.of_document(stored.id) if stored else ()
        stamp = self._cut.stamp_of(document)
        change = plan_document(stored, passages, document, drafts, stamp)
        if change is not None:
            self._store.documents.apply(change, walk=self.state.walk)
            self._tally.count(change, stored)
        elif stored is not None:
            self._store.documents.touch([stored.id], walk=self.state.walk)
            self._tally.unchanged += 1
        if stored is not None and document.verified_at is not None:
            self._store.documents.verify([stored.id], at=document.verified_at)
        self._settle([document.key])
        self._take_back(document.key)

    def _touch(self, keys: Collection[str]) -> None:
        ids = [found.id for key in keys if (found := self._stored(key))]
        self._store.documents.touch(ids, walk=self.state.walk)

    def _delete(self, keys: Collection[str]) -> None:
        ids = [found.id for key in keys if (found := self._stored(key))]
        self._tally.passages_removed += _count_passages(self._store, ids)
        self._tally.deleted += self._store.documents.delete(ids)
        self._settle(list(keys))
        for key in keys:
            self._take_back(key)

    def _stored(self, key: str) -> StoredState | None:
        return self._store.documents.state(self._source.name, key)

    def _set_aside(self, key: str, reason: str) -> None:
        log.warning("source=%s key=%s set aside: %s", self._source.name, key, reason)
        self._tally.set_aside.add(key)
        # It is read again later, whole.
        self._settle([key])
        if key in self.known.resting:
            # Met, and not tried: its rest does not begin anew.
            return
        self._store.progress.set_aside(self._source.name, key, reason, at=self._clock())

    def _take_back(self, key: str) -> None:
        if key in self.again or key in self._tally.set_aside:
            self._store.progress.take_back(self._source.name, key)
            self._tally.set_aside.discard(key)

    def _refuse_to_lose(self, keys: Collection[str]) -> None:
        """Most of a source leaves at once when something else is wrong: a wrong
        folder, an empty checkout, a key that lost its rights."""
        self._refuse(len(keys), self._stored_before, "documents")

    def _refuse_to_lose_files(self, here: Collection[str] | None) -> None:
        if here is not None:
            stored = self._store.parallel.files(self._source.name).keys()
            self._refuse(len(stored - set(here)), len(stored), "files")

    def _refuse(self, leaving: int, stored: int, what: str) -> None:
        if self._accept_deletions or leaving <= _FEW_DELETIONS:
            return
        if leaving * 2 > stored:
            raise SourceError(
                self._source.name,
                f"{leaving} of {stored} {what} have left it all at once; "
                "nothing was deleted. If that is so, confirm it with "
                "--accept-deletions",
            )


def _is_due(aside: SetAside, now: datetime) -> bool:
    """Whether a record that was set aside is tried again now: soon at first, then
    after twice as long each time, and once a day for good.

    What is wrong with more than a record, such as a page, has no number for a key.
    """
    if not aside.key.isdecimal() or aside.times <= _SOON:
        return True
    doublings = min(aside.times - _SOON, 20)
    return now - aside.last_at >= min(_LAST_PAUSE, _FIRST_PAUSE * (1 << doublings))


def _count_passages(store: Store, ids: Sequence[DocumentId]) -> int:
    return sum(len(store.passages.of_document(i)) for i in ids)


def _started_at(state: SourceState) -> datetime:
    if state.started_at is None:  # begin() always sets it
        raise ValueError(f"{state.name}: no walk was begun")
    return state.started_at
