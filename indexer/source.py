"""What a source of documents promises to the pipeline."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kb.store import Fetch, Holdings, SourceState
from kb.types import Document, LoosePart, ParallelText


@dataclass(frozen=True, slots=True)
class ParallelFile:
    """All that a file of translations says; it replaces what it said before."""

    name: str
    texts: tuple[ParallelText, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source yields: applied in one transaction, together with its cursor.

    Attributes:
        documents: Read anew; the store is made to hold them.
        unchanged: Keys that were met and need not be read again, because the
            stored revision is still the source's.
        gone: Keys that are known to have left the source. Yield all of a walk
            in one batch, so that a mass deletion is refused as a whole.
        skipped: ``(key, reason)`` of what the source has and we must not hold:
            private, unlisted, empty. Counted by reason; deleted if stored.
        set_aside: ``(key, reason)`` of broken records. They are counted, logged,
            tried again later, and never stop a walk; what was stored of
            them before stays.
        loose: Parts that were read before the rest of their document. They are kept
            until it is written, or left its source.
        looks: ``(key, reason)`` of documents that must be read soon.
        closed: Categories that are not for us any more: their loose parts go.
        settled: Keys whose hints were followed, though they are no documents.
        counts: ``(key, views, likes)`` of documents that did not change beside.
        verified: Keys of documents that were compared with the source, whole.
        verified_at: When that was.
        fetched: What was asked of the source's site, for the next walk.
        forgotten: Addresses of which nothing need be known any more.
        parallel: Texts in several languages, of sources that bring these.
        parallel_files: All files of such texts that the source has now; what others
            said is dropped. ``None`` leaves them.
        cursor: Opaque JSON of the source's own; ``None`` leaves it as it is.
        phase: What the walk is doing, in a word, for people.
        remaining: How many more requests the walk expects to make; ``None`` when
            it cannot tell.
    """

    documents: tuple[Document, ...] = ()
    unchanged: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    set_aside: tuple[tuple[str, str], ...] = ()
    loose: tuple[LoosePart, ...] = ()
    looks: tuple[tuple[str, str], ...] = ()
    closed: tuple[int, ...] = ()
    settled: tuple[str, ...] = ()
    counts: tuple[tuple[str, int, int], ...] = ()
    verified: tuple[str, ...] = ()
    verified_at: datetime | None = None
    fetched: tuple[Fetch, ...] = ()
    forgotten: tuple[str, ...] = ()
    parallel: tuple[ParallelFile, ...] = ()
    parallel_files: tuple[str, ...] | None = None
    cursor: str | None = None
    phase: str = ""
    remaining: int | None = None


class Source(Protocol):
    """A place that documents come from, read once from end to end by a walk."""

    @property
    def name(self) -> str:
        """Its name in the config; every document carries it as ``source``."""

    @property
    def is_exhaustive(self) -> bool:
        """Whether a complete walk meets every document (or reports its key).

        If so, what a complete walk did not meet is deleted. If not, only keys in
        ``Batch.gone`` and ``Batch.skipped`` are.
        """

    @property
    def requests(self) -> int:
        """Network requests made so far; 0 for files."""

    def walk(
        self,
        state: SourceState,
        known: Holdings,
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """Read the source, lazily; everything yielded before is already stored.

        Args:
            state: ``state.cursor`` is what the last applied batch carried, of
                this walk if it was interrupted, else of an earlier one. A source
                that must tell them apart writes ``state.walk`` into its cursor.
            known: What is stored of this source, by key.
            full: Read everything again, unchanged revisions too.
            again: Keys that earlier walks set aside; try them in any case.

        Raises:
            SourceError: The source cannot be read at all.
            ForumError: The network or the forum does not answer as it should.
        """
