"""Reading a community's past: from an archive and pages, or from the store.

A passage exists from the moment its post was written, see `bot.timeline`. Documents
are in memory one after the other; what stays is their passages and links.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from bot.gathering import Gathering, LinkFound, TextFound, by_part
from bot.languages import with_language
from bot.timeline import History
from indexer.blocks import join_blocks
from indexer.clean import clean_body
from indexer.links import document_links
from indexer.sources.lines import JsonLines
from indexer.templates import without_templates
from kb.links import LinkRules, forum_of
from kb.question import Question
from kb.store import SourceState, Store
from kb.store.links import document_key
from kb.types import (
    NO_TEMPLATES,
    PUBLIC,
    Document,
    DocumentId,
    DocumentSummary,
    Kind,
    PassageDraft,
    Templates,
    content_hash,
    passage_input,
)

Chunk = Callable[[Document], tuple[PassageDraft, ...]]

_NO_RULES = LinkRules()


def read_history(
    threads: JsonLines,
    pages: JsonLines | None,
    *,
    chunk: Chunk,
    languages: tuple[str, ...],
    rules: LinkRules = _NO_RULES,
    progress: Callable[[int], None] = lambda _count: None,
) -> History:
    """Read an archive, and documentation beside it, into a timeline.

    Threads keep their topic id as document id; pages get ids after them. A post
    that carries an earlier date than its topic (posts can be moved) exists from
    the topic's start on.

    Args:
        rules: By which it is told where links lead; with the archive's forum.

    Raises:
        SourceError: A file cannot be read at all.
    """
    gathering = Gathering()
    places = _Places(rules)

    def take(document: Document, document_id: DocumentId) -> None:
        places.add(document, document_id)
        question = question_of(document)
        texts = [_text(document, draft) for draft in chunk(document)]
        links = by_part(places.links(document))
        gathering.take(document, document_id, texts, links, question)
        progress(1)

    for document in _documents(threads, languages, gathering.skipped):
        take(document, DocumentId(int(document.key)))
    if pages is not None:
        next_id = max(gathering.documents, default=0) + 1
        found = _documents(pages, languages, gathering.skipped)
        for number, document in enumerate(found, start=next_id):
            take(document, DocumentId(number))
    return gathering.history(places.targets)


def history_of_store(
    store: Store, *, progress: Callable[[int], None] = lambda _count: None
) -> History:
    """The past of all that the store holds and everybody may find.

    Documents keep their ids; passages are those that are stored, templates left
    out of them, and get new ids in the order of time. Links are the stored ones.

    Raises:
        StoreError: The store cannot be read.
    """
    gathering = Gathering()
    with store.snapshot():
        standing = store.editions.standing()
        for source in store.progress.sources():
            templates = store.templates.of_source(source.name)
            for key in store.holdings(source.name):
                summary = store.documents.find(source.name, key)
                if summary and _may_be_found(summary):
                    _take_stored(store, summary.id, templates, gathering, standing)
                    progress(1)
    return gathering.history(lambda _document_id, link: link.targets)


def _may_be_found(document: DocumentSummary) -> bool:
    return document.visibility == PUBLIC and document.listed and document.current


def _take_stored(
    store: Store,
    document_id: DocumentId,
    templates: Templates,
    gathering: Gathering,
    standing: Mapping[DocumentId, DocumentId],
) -> None:
    document = store.documents.load(document_id)
    if document is None or not document.parts:
        return
    texts = [
        TextFound(p.part_number, p.heading, p.text, p.content_hash)
        for p in store.passages.of_document(document_id)
    ]
    links = by_part(
        (
            link.part_number,
            LinkFound(
                link.role,
                link.text,
                # Whatever version of a page was linked, that page was.
                targets=tuple({standing.get(i, i): None for i in link.targets}),
            ),
        )
        for link in store.links.of_document(document_id)
        if link.targets
    )
    question = question_of(document, templates)
    versions = tuple(v for _, v in store.editions.of(document_id) if v)
    gathering.take(document, document_id, texts, links, question, versions=versions)


def question_of(document: Document, templates: Templates = NO_TEMPLATES) -> Question:
    """What the first post of a thread asks, as the bot would search for it; a page
    is asked for by its title."""
    if document.kind is not Kind.THREAD:
        return Question(document.title, "")
    first = document.parts[0]
    blocks = clean_body(first.body, first.format)
    return Question(
        document.title, join_blocks(without_templates(blocks, templates.opening))
    )


def _documents(
    source: JsonLines, languages: tuple[str, ...], skipped: list[tuple[str, str]]
) -> Iterator[Document]:
    """What a source holds; of records with one key the last."""
    state = SourceState(source.name, None, 1, 0, None, None, None)
    documents: dict[str, Document] = {}
    for batch in source.walk(state, {}):
        documents.update({document.key: document for document in batch.documents})
        skipped += batch.set_aside
        skipped += batch.skipped
    for document in documents.values():
        # Of the first post alone: nothing that was written later has a say.
        yield with_language(document, among=languages)


def _text(document: Document, draft: PassageDraft) -> TextFound:
    hashed = content_hash(passage_input(document.title, draft.heading, draft.text))
    return TextFound(draft.part_number, draft.heading, draft.text, hashed)


class _Places:
    """Where links lead, once all documents are known."""

    def __init__(self, rules: LinkRules) -> None:
        self._rules = rules
        self._keys: dict[DocumentId, str] = {}
        self._by_key: defaultdict[str, list[DocumentId]] = defaultdict(list)
        self._by_post: defaultdict[int, list[DocumentId]] = defaultdict(list)

    def add(self, document: Document, document_id: DocumentId) -> None:
        key = document_key(document, self._rules)
        self._keys[document_id] = key
        if key:
            self._by_key[key].append(document_id)
        for part in document.parts:
            if part.external_id is not None:
                self._by_post[part.external_id].append(document_id)

    def links(self, document: Document) -> Iterator[tuple[int, LinkFound]]:
        """The links of a document, each with the number of its part."""
        home = forum_of(document.url) if document.kind is Kind.THREAD else None
        for link in document_links(document):
            place = self._rules.place(link.href, home=home)
            if place is not None:
                found = LinkFound(link.role, link.text, place.key, place.post_id)
                yield link.part_number, found

    def targets(self, source: DocumentId, link: LinkFound) -> Iterator[DocumentId]:
        found = self._by_key.get(link.key, ())
        if link.post_id is not None:
            # Posts of other forums may have the same id.
            forum = link.key.rpartition("/p/")[0]
            found = [
                topic
                for topic in self._by_post.get(link.post_id, ())
                if self._keys[topic].rpartition("/t/")[0] == forum
            ]
        return (i for i in found if self._keys[i] != self._keys[source])
