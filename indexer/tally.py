"""What a refresh did, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from kb.store.documents import document_hash
from kb.types import DocumentChange, StoredState


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did, or has done so far.

    Attributes:
        updated: Documents whose content or passages changed; a new revision of
            the same content counts as unchanged.
        unchanged: Met, and held as they are.
        skipped: How many the source has that we must not hold, by reason.
        set_aside: How many records could not be read.
        recut: Stored documents that were cut anew, before anything was read.
        texts: In several languages, that files of translations say.
        texts_changed: How many of these came, changed or went.
        requests: Network requests, repeated ones included.
        phases: How many of them by what they were for.
        remaining: How many more are expected; ``None`` when nobody can tell.
        complete: The walk reached its end.
    """

    source: str
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    set_aside: int = 0
    recut: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    passages_added: int = 0
    passages_removed: int = 0
    texts: int = 0
    texts_changed: int = 0
    requests: int = 0
    phases: Mapping[str, int] = field(default_factory=dict)
    remaining: int | None = None
    seconds: float = 0.0
    complete: bool = False


@dataclass(slots=True)
class Tally:
    """Counts while a refresh goes on; the fields are `RefreshReport`'s."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    recut: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    passages_added: int = 0
    passages_removed: int = 0
    texts: int = 0
    texts_changed: int = 0
    # Keys, because a record may be met twice in a walk.
    set_aside: set[str] = field(default_factory=set)
    phases: Counter[str] = field(default_factory=Counter)
    remaining: int | None = None

    def spend(self, phase: str, requests: int) -> None:
        """Count all requests since the last time as spent in *phase*.

        Args:
            requests: Since the start.
        """
        since = requests - self.phases.total()
        if phase and since:
            self.phases[phase] += since

    def count_passages(self, change: DocumentChange) -> None:
        self.passages_added += len(change.insert)
        self.passages_removed += len(change.delete)

    def count(self, change: DocumentChange, stored: StoredState | None) -> None:
        """Count a document that a walk met, and its passages."""
        self.count_passages(change)
        if stored is None:
            self.inserted += 1
        elif (
            change.insert
            or change.delete
            or document_hash(change.document) != stored.content_hash
        ):
            self.updated += 1
        else:
            self.unchanged += 1

    def report(
        self,
        source: str,
        *,
        seconds: float,
        requests: int = 0,
        complete: bool = True,
    ) -> RefreshReport:
        return RefreshReport(
            source=source,
            inserted=self.inserted,
            updated=self.updated,
            unchanged=self.unchanged,
            deleted=self.deleted,
            set_aside=len(self.set_aside),
            recut=self.recut,
            skipped=dict(sorted(self.skipped.items())),
            passages_added=self.passages_added,
            passages_removed=self.passages_removed,
            texts=self.texts,
            texts_changed=self.texts_changed,
            requests=requests,
            phases=dict(self.phases),
            remaining=0 if complete else self.remaining,
            seconds=seconds,
            complete=complete,
        )
