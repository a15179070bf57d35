"""A forum's past as it grew: topics, posts and passages in the order of time.

Pure apart from reading the sources. A passage exists from the moment its post
was written, so that whoever walks the timeline never meets what came later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.languages import with_language
from indexer.blocks import join_blocks
from indexer.clean import clean_body
from indexer.sources.lines import JsonLines
from kb.retrieve import Question
from kb.store import SourceState
from kb.types import (
    PUBLIC,
    Document,
    DocumentId,
    IndexablePassage,
    Kind,
    PassageDraft,
    PassageFacts,
    PassageId,
    content_hash,
    passage_input,
)

# Before everything: what has no date, such as documentation, was always there.
BEGINNING = datetime.min.replace(tzinfo=UTC)

Chunk = Callable[[Document], tuple[PassageDraft, ...]]


@dataclass(frozen=True, slots=True)
class PostWritten:
    """A post came into being, with its passages (none when it holds no text)."""

    at: datetime
    document_id: DocumentId
    passages: tuple[IndexablePassage, ...]


@dataclass(frozen=True, slots=True)
class History:
    """All that happened, and the questions that were asked.

    Attributes:
        events: In the order of time, ties by document and post.
        keys: The sources' own ids of the documents: topic ids, paths of pages.
        questions: What opened each thread, by document id.
        skipped: ``(key, reason)`` of records that could not be read.
    """

    events: Sequence[PostWritten]
    keys: Mapping[DocumentId, str]
    questions: Mapping[DocumentId, Question]
    started: Mapping[DocumentId, datetime]
    skipped: Sequence[tuple[str, str]] = ()

    @property
    def passages(self) -> Iterator[IndexablePassage]:
        """All passages in the order of time, which is the order of their ids."""
        for event in self.events:
            yield from event.passages

    def thread(self, topic_id: int) -> DocumentId | None:
        """The thread with a topic id, or ``None``."""
        document_id = DocumentId(topic_id)
        return document_id if document_id in self.questions else None


def read_history(
    threads: JsonLines,
    pages: JsonLines | None,
    *,
    chunk: Chunk,
    languages: tuple[str, ...],
    progress: Callable[[int], None] = lambda _count: None,
) -> History:
    """Read an archive, and documentation beside it, into a timeline.

    Threads keep their topic id as document id; pages get ids after them. A post
    that carries an earlier date than its topic (posts can be moved) exists from
    the topic's start on.

    Raises:
        SourceError: A file cannot be read at all.
    """
    skipped: list[tuple[str, str]] = []
    questions: dict[DocumentId, Question] = {}
    started: dict[DocumentId, datetime] = {}
    keys: dict[DocumentId, str] = {}
    drafts: list[_Draft] = []
    for document in _documents(threads, languages, skipped):
        document_id = DocumentId(int(document.key))
        started[document_id] = document.created_at or BEGINNING
        keys[document_id] = document.key
        questions[document_id] = question_of(document)
        drafts += _drafts(document, document_id, chunk)
        progress(1)
    next_id = max(keys, default=0) + 1
    if pages is not None:
        for number, document in enumerate(_documents(pages, languages, skipped)):
            document_id = DocumentId(next_id + number)
            started[document_id] = document.created_at or BEGINNING
            keys[document_id] = document.key
            drafts += _drafts(document, document_id, chunk)
            progress(1)
    return History(_timeline(drafts), keys, questions, started, tuple(skipped))


def question_of(document: Document) -> Question:
    """What the first post of a thread asks, as the bot would search for it."""
    first = document.parts[0]
    return Question(document.title, join_blocks(clean_body(first.body, first.format)))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A post on its way to the timeline."""

    at: datetime
    document: DocumentId
    number: int
    opening: bool
    kind: Kind
    title: str
    language: str | None
    texts: tuple[PassageDraft, ...]


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


def _drafts(
    document: Document, document_id: DocumentId, chunk: Chunk
) -> Iterator[_Draft]:
    start = document.created_at or BEGINNING
    texts: dict[int, list[PassageDraft]] = {}
    for draft in chunk(document):
        texts.setdefault(draft.part_number, []).append(draft)
    for part in document.parts:
        yield _Draft(
            at=max(part.created_at or BEGINNING, start),
            document=document_id,
            number=part.number,
            opening=part is document.parts[0],
            kind=document.kind,
            title=document.title,
            language=document.language,
            texts=tuple(texts.get(part.number, ())),
        )


def _timeline(drafts: Iterable[_Draft]) -> tuple[PostWritten, ...]:
    ordered = sorted(drafts, key=lambda d: (d.at, d.document, d.number))
    events: list[PostWritten] = []
    count = 0
    for draft in ordered:
        passages = []
        for text in draft.texts:
            count += 1
            passages.append(_passage(draft, text, PassageId(count)))
        events.append(PostWritten(draft.at, draft.document, tuple(passages)))
    return tuple(events)


def _passage(draft: _Draft, text: PassageDraft, number: PassageId) -> IndexablePassage:
    return IndexablePassage(
        id=number,
        document_id=draft.document,
        kind=draft.kind,
        title=draft.title,
        heading=text.heading,
        text=text.text,
        language=draft.language,
        visibility=PUBLIC,
        opening=draft.opening,
        content_hash=content_hash(passage_input(draft.title, text.heading, text.text)),
        created_at=draft.at,
    )


@dataclass(slots=True)
class Present:
    """What can be known of passages at the time that a walk has reached."""

    started: Mapping[DocumentId, datetime]
    posts: dict[DocumentId, int] = field(default_factory=dict)
    passages: dict[PassageId, IndexablePassage] = field(default_factory=dict)

    def happen(self, event: PostWritten) -> None:
        """Take in what was written next."""
        self.posts[event.document_id] = self.posts.get(event.document_id, 0) + 1
        self.passages.update({passage.id: passage for passage in event.passages})

    def facts(self, ids: Sequence[PassageId]) -> dict[PassageId, PassageFacts]:
        """What ranking must know of passages; those not yet written are absent."""
        known = {i: self.passages[i] for i in ids if i in self.passages}
        return {i: self._facts(passage) for i, passage in known.items()}

    def _facts(self, passage: IndexablePassage) -> PassageFacts:
        started = self.started[passage.document_id]
        return PassageFacts(
            document_id=passage.document_id,
            kind=passage.kind,
            visibility=passage.visibility,
            opening=passage.opening,
            part_number=0,
            parts_count=self.posts[passage.document_id],
            created_at=None if started == BEGINNING else started,
        )
