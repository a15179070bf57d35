"""Posts on their way to the timeline: read in any order, put into that of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from bot.timeline import (
    BEGINNING,
    History,
    HistoryDocument,
    PostLink,
    PostWritten,
)
from kb.question import Question
from kb.store.evidence import person_key
from kb.types import (
    PUBLIC,
    Document,
    DocumentId,
    IndexablePassage,
    Kind,
    LinkRole,
    Part,
    PassageId,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TextFound:
    """A passage without an id."""

    part_number: int
    heading: str
    text: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class LinkFound:
    """A link before it is known what there is for it to lead to.

    Attributes:
        key: See `kb.links.Place`; so for *post_id*.
        targets: Where it is known.
    """

    role: LinkRole
    text: str
    key: str = ""
    post_id: int | None = None
    targets: tuple[DocumentId, ...] = ()


Targets = Callable[[DocumentId, LinkFound], Iterable[DocumentId]]
"""Tells what a link in a document leads to, once all documents are known."""


@dataclass(frozen=True, slots=True)
class _Draft:
    post: PostWritten
    texts: Sequence[TextFound]
    links: Sequence[LinkFound]


class Gathering:
    """What was read so far."""

    def __init__(self) -> None:
        self.documents: dict[DocumentId, HistoryDocument] = {}
        self.skipped: list[tuple[str, str]] = []
        self._drafts: list[_Draft] = []

    def take(
        self,
        document: Document,
        document_id: DocumentId,
        texts: Iterable[TextFound],
        links: Mapping[int, Sequence[LinkFound]],
        question: Question,
        *,
        versions: tuple[str, ...] = (),
    ) -> None:
        """Take in a document with at least one part.

        Args:
            texts: Its passages; *links* its links by the number of their part.
            question: See `HistoryDocument`; so *versions*.
        """
        described = replace(
            _described(document, document_id, question), versions=versions
        )
        self.documents[document_id] = described
        texts_of = by_part((text.part_number, text) for text in texts)
        for part in document.parts:
            post = _post(
                part,
                described,
                author=_person(document, part),
                opening=part is document.parts[0],
            )
            number = part.number
            self._drafts.append(
                _Draft(post, texts_of.get(number, ()), links.get(number, ()))
            )

    def history(self, targets: Targets) -> History:
        """The timeline; passages are numbered from 1 in its order."""
        events: list[PostWritten] = []
        count = 0
        for draft in sorted(self._drafts, key=_order):
            document = self.documents[draft.post.document_id]
            passages = []
            for text in draft.texts:
                count += 1
                passages.append(_passage(document, draft.post, text, PassageId(count)))
            links = tuple(self._links(draft, targets))
            events.append(replace(draft.post, passages=tuple(passages), links=links))
        return History(tuple(events), self.documents, tuple(self.skipped))

    def _links(self, draft: _Draft, targets: Targets) -> Iterator[PostLink]:
        for link in draft.links:
            there = tuple(
                target
                for target in targets(draft.post.document_id, link)
                if target in self.documents
                # Else an edit added it later, and nobody knows when.
                and self.documents[target].started <= draft.post.at
            )
            if there:
                yield PostLink(there, link.role, link.text)


def _order(draft: _Draft) -> tuple[object, ...]:
    return draft.post.at, draft.post.document_id, draft.post.number


def _described(
    document: Document, document_id: DocumentId, question: Question
) -> HistoryDocument:
    is_thread = document.kind is Kind.THREAD
    first = document.parts[0]
    return HistoryDocument(
        id=document_id,
        kind=document.kind,
        key=document.key,
        title=document.title,
        url=document.url,
        language=document.language,
        version=document.version,
        category=document.category,
        tags=document.tags,
        created_at=document.created_at,
        question=question,
        # Without the post that asks, nobody knows who asked.
        asker=_person(document, first) if is_thread and first.number == 1 else None,
        source=document.source,
        work=document.work,
    )


def _person(document: Document, part: Part) -> str | None:
    return person_key(document.source, part.author_id, part.author)


def _post(
    part: Part, document: HistoryDocument, *, author: str | None, opening: bool
) -> PostWritten:
    return PostWritten(
        at=max(part.created_at or BEGINNING, document.started),
        document_id=document.id,
        passages=(),
        number=part.number,
        opening=opening,
        author=author,
        accepted=part.accepted,
    )


def _passage(
    document: HistoryDocument, post: PostWritten, text: TextFound, number: PassageId
) -> IndexablePassage:
    return IndexablePassage(
        id=number,
        document_id=document.id,
        kind=document.kind,
        title=document.title,
        heading=text.heading,
        text=text.text,
        language=document.language,
        visibility=PUBLIC,
        opening=post.opening,
        content_hash=text.content_hash,
        created_at=None if post.at == BEGINNING else post.at,
    )


def by_part(items: Iterable[tuple[int, T]]) -> dict[int, list[T]]:
    """``(number of a part, item)`` as the items of each part, in their order."""
    found: defaultdict[int, list[T]] = defaultdict(list)
    for number, item in items:
        found[number].append(item)
    return found
