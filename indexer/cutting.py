"""Documents to passages, as they are stored; and stored ones cut anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from indexer.learning import learn_templates
from indexer.plan import check_document, plan_document
from indexer.tally import RefreshReport, Tally
from kb.errors import RecordError
from kb.store import Store
from kb.types import Clock, Document, DocumentId, Kind, PassageDraft, utc_now

log = logging.getLogger(__name__)

Chunk = Callable[[Document], tuple[PassageDraft, ...]]
Prepare = Callable[[Document], Document]
TemplateStamp = Callable[[str, str | None], str]

_BATCH = 50


def as_it_is(document: Document) -> Document:
    """The `Prepare` that changes nothing."""
    return document


def no_templates(_source: str, _category: str | None) -> str:
    """The `TemplateStamp` where nothing was learned."""
    return ""


@dataclass(frozen=True, slots=True)
class Cutter:
    """How documents become passages, and the stamp of that.

    Attributes:
        stamp: Of the code and settings.
        template_stamp: Of what was learned of a source's category; see
            `kb.store.LearnedTemplates.stamp`.
    """

    chunk: Chunk
    stamp: str
    prepare: Prepare
    template_stamp: TemplateStamp = no_templates

    def stamp_of(self, document: Document) -> str:
        """All that the passages of *document* depend on."""
        if document.kind is not Kind.THREAD:
            return self.stamp
        return self.stamp + self.template_stamp(document.source, document.category)

    def __call__(
        self, document: Document, *, source: str
    ) -> tuple[Document, tuple[PassageDraft, ...]]:
        """A document as it is stored, with its passages.

        Raises:
            RecordError: It cannot be cut, or not be stored.
        """
        try:
            document = self.prepare(document)
            drafts = self.chunk(document)
        except RecursionError as exc:
            raise RecordError(
                f"{source}:{document.key}", "parts", "nested too deeply"
            ) from exc
        check_document(document, drafts, source=source)
        return document, drafts


def rechunk(
    store: Store,
    source: str,
    chunk: Chunk,
    chunker: str,
    *,
    prepare: Prepare = as_it_is,
    clock: Clock = utc_now,
) -> RefreshReport:
    """Cut what is stored of *source* anew wherever its stamp is not *chunker*.

    Nothing is harvested. A document that cannot be cut keeps its passages and is
    set aside.
    """
    tally = Tally()
    started = clock()
    cut = Cutter(chunk, chunker, prepare, store.templates.stamp)
    recut(store, source, cut, tally, clock)
    return tally.report(source, seconds=(clock() - started).total_seconds())


def recut(store: Store, source: str, cut: Cutter, tally: Tally, clock: Clock) -> None:
    """The work of `rechunk`, counted in *tally*."""
    ids = list(store.documents.with_other_chunker(source, cut.stamp))
    for start in range(0, len(ids), _BATCH):
        with store.transaction():
            for document_id in ids[start : start + _BATCH]:
                _recut_one(store, source, document_id, cut, tally, clock)


def relearn(store: Store, source: str, cut: Cutter, tally: Tally, clock: Clock) -> None:
    """Learn templates, and cut anew the categories whose templates are others now.

    Belongs after a complete walk: what is learned then depends on what is stored
    alone, and not on where a harvest was interrupted.
    """
    if learn_templates(store, source, clock=clock):
        recut(store, source, cut, tally, clock)


def rewrite(store: Store, document: Document, cut: Cutter) -> None:
    """Make the store hold a stored document as it is now, in the caller's transaction.

    Raises:
        RecordError: It cannot be cut.
    """
    source = document.source
    stored = store.documents.state(source, document.key)
    passages = store.passages.of_document(stored.id) if stored else ()
    document, drafts = cut(document, source=source)
    stamp = cut.stamp_of(document)
    change = plan_document(stored, passages, document, drafts, stamp)
    if change is not None:
        store.documents.apply(change, walk=None)


def _recut_one(
    store: Store,
    source: str,
    document_id: DocumentId,
    cut: Cutter,
    tally: Tally,
    clock: Clock,
) -> None:
    document = store.documents.load(document_id)
    stored = store.documents.state(source, document.key) if document else None
    if document is None or stored is None:
        return
    try:
        document, drafts = cut(document, source=source)
    except RecordError as exc:
        log.warning("source=%s key=%s set aside: %s", source, document.key, exc)
        tally.set_aside.add(document.key)
        store.progress.set_aside(source, document.key, str(exc), at=clock())
        return
    passages = store.passages.of_document(document_id)
    change = plan_document(stored, passages, document, drafts, cut.stamp_of(document))
    if change is not None:
        store.documents.apply(change, walk=None)
        tally.recut += 1
        tally.count_passages(change)
