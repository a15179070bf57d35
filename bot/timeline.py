"""What happened in a community, in the order of time; pure.

A replay and learning walk it forwards, so that whoever walks never meets what came
later. Some things are known only as they were when the forum was read, without the
time from which they were so:

- That a post was accepted counts as known from the next post of its thread on, or
  `ACCEPTED_KNOWN_AFTER` after it was written, whichever is first: forums do not
  say when it was accepted, and an asker who comes back usually does so to thank.
- Likes are not known at all: a walk has none.
- A link that leads to what did not yet exist when its post was written was added by
  an edit, nobody knows when: it is left out.
- Titles, categories, tags and texts are as they are now. Edits of them cannot be
  told from what was first written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from kb.question import Question
from kb.types import (
    DocumentId,
    IndexablePassage,
    Kind,
    LinkRole,
    TopicId,
)

Progress = Callable[[str, int, int], None]
"""Called with a step's name, what is done and what is to do (0: not known)."""

# Before everything: what has no date, such as documentation, was always there.
BEGINNING = datetime.min.replace(tzinfo=UTC)

ACCEPTED_KNOWN_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class PostLink:
    """A link in a post, to documents that were there when it was written.

    Attributes:
        targets: By id, at least one: several when versions of a page are folded.
            Never the document that it stands in, nor another version of that.
        text: What the author wrote as its text; empty for a bare address.
    """

    targets: tuple[DocumentId, ...]
    role: LinkRole
    text: str = ""


@dataclass(frozen=True, slots=True)
class PostWritten:
    """A post came into being, or a page: everything in it at once.

    Attributes:
        passages: None when it holds no text.
        number: Of the post, as `kb.types.Part.number`.
        opening: It opens its thread, or it is a page: what it links was not
            linked in answer to anything.
        author: See `kb.store.evidence.person_key`; ``None`` when nobody knows.
        accepted: In the end; see this module for when that is known.
    """

    at: datetime
    document_id: DocumentId
    passages: tuple[IndexablePassage, ...]
    number: int = 1
    opening: bool = False
    author: str | None = None
    accepted: bool = False
    links: tuple[PostLink, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptanceKnown:
    """From now on it counts as known that a post was accepted as the solution."""

    at: datetime
    post: PostWritten


@dataclass(frozen=True, slots=True)
class HistoryDocument:
    """A document of a history, without its text.

    Attributes:
        key: The source's own id of it: topic id, path of a page.
        created_at: ``None`` for what was always there.
        question: What opened a thread, as the bot would search for it; of a page
            its title alone.
        asker: Who opened a thread, see `kb.store.evidence.person_key`.
        versions: See `kb.corpus.DocumentFacts`.
        work: See `kb.types.Document`; unique in its *source*.
    """

    id: DocumentId
    kind: Kind
    key: str
    title: str
    url: str
    question: Question
    language: str | None = None
    version: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    asker: str | None = None
    versions: tuple[str, ...] = ()
    source: str = ""
    work: str = ""

    @property
    def started(self) -> datetime:
        """When it came into being."""
        return BEGINNING if self.created_at is None else self.created_at


@dataclass(frozen=True)
class History:
    """All that happened, and the documents that came of it.

    Attributes:
        events: In the order of time, ties by document and post.
        documents: By id.
        skipped: ``(key, reason)`` of records that could not be read.
    """

    events: Sequence[PostWritten]
    documents: Mapping[DocumentId, HistoryDocument]
    skipped: Sequence[tuple[str, str]] = ()

    @property
    def passages(self) -> Iterator[IndexablePassage]:
        """All passages in the order of time, which is the order of their ids."""
        for event in self.events:
            yield from event.passages

    @property
    def threads(self) -> Iterator[HistoryDocument]:
        """All threads, by id."""
        ids = sorted(i for i, d in self.documents.items() if d.kind is Kind.THREAD)
        return (self.documents[i] for i in ids)

    def thread(self, topic_id: int) -> HistoryDocument | None:
        """The thread with a topic id, or ``None``; of several forums the first."""
        document_id = self._by_topic.get(TopicId(topic_id))
        return None if document_id is None else self.documents[document_id]

    def posts(self, document_id: DocumentId) -> Sequence[PostWritten]:
        """What was written in a document, in the order of time."""
        return self._by_document.get(document_id, ())

    def linked(self, topic: DocumentId) -> dict[DocumentId, datetime]:
        """What a question was answered with: the outcome that ranking learns from.

        Returns:
            What was linked, by whomever, in later posts of the thread and existed
            when it was asked, with the time of the earliest such link. Whoever
            learns at some moment may use the links before that moment only, as
            `kb.learner.Learner` does.
        """
        document = self.documents[topic]
        found: dict[DocumentId, datetime] = {}
        if document.kind is not Kind.THREAD:
            return found
        for event in self.posts(topic):
            for target in () if event.opening else targets_of(event):
                if self.documents[target].started < document.started:
                    found.setdefault(target, event.at)
        return found

    def linked_in_question(self, topic: DocumentId) -> frozenset[DocumentId]:
        """What the opening post of a thread links."""
        return frozenset(
            target
            for event in self.posts(topic)
            if event.opening
            for target in targets_of(event)
        )

    @property
    def acceptances(self) -> list[AcceptanceKnown]:
        """When it became known which posts were accepted, in the order of time."""
        known = [
            AcceptanceKnown(_known_at(event, self.posts(event.document_id)), event)
            for event in self.events
            if event.accepted
        ]
        return sorted(known, key=lambda acceptance: acceptance.at)

    @cached_property
    def _by_document(self) -> Mapping[DocumentId, Sequence[PostWritten]]:
        found: defaultdict[DocumentId, list[PostWritten]] = defaultdict(list)
        for event in self.events:
            found[event.document_id].append(event)
        return found

    @cached_property
    def _by_topic(self) -> Mapping[TopicId, DocumentId]:
        found: dict[TopicId, DocumentId] = {}
        for document in self.documents.values():
            if document.kind is Kind.THREAD and document.key.isdecimal():
                found.setdefault(TopicId(int(document.key)), document.id)
        return found


def targets_of(event: PostWritten) -> Iterable[DocumentId]:
    """All that a post links, each once, in its order."""
    return dict.fromkeys(target for link in event.links for target in link.targets)


def _known_at(post: PostWritten, thread: Sequence[PostWritten]) -> datetime:
    latest = post.at + ACCEPTED_KNOWN_AFTER
    later = (event.at for event in thread if event.at > post.at)
    return min(next(later, latest), latest)
