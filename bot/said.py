"""Documents field by field at one moment: what they say, and what was said of them.

By the rules of `kb.said`, as a live index has it of the store; a replay needs them
without a store, and as of a moment.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.present import Present
from bot.timeline import PostWritten
from kb.said import Piece, document_text, is_told, question_text
from kb.said import Said as SaidOf
from kb.texts import DocumentText, Text
from kb.types import PUBLIC, DocumentId, IndexablePassage, Kind


@dataclass(frozen=True, slots=True, order=True)
class _Mention:
    """A link to a document, by where it stands: the order of `kb.said.Said`."""

    started: datetime
    source: DocumentId
    part: int
    place: int
    text: str


class Said:
    """What was said so far. Grows with *present*."""

    def __init__(self, present: Present) -> None:
        self._present = present
        # Of each document, oldest first.
        self._mentions: defaultdict[DocumentId, list[_Mention]] = defaultdict(list)
        self._asked: defaultdict[DocumentId, set[DocumentId]] = defaultdict(set)

    def add(self, event: PostWritten) -> list[DocumentId]:
        """Take in the links of a post; of which documents more is said now."""
        source = self._present.document(event.document_id)
        answers = source.kind is Kind.THREAD
        if answers and event.opening:
            return []
        changed: dict[DocumentId, None] = {}
        for place, link in enumerate(event.links):
            mention = _Mention(
                source.started, source.id, event.number, place, link.text
            )
            for target in link.targets:
                is_new = answers and source.id not in self._asked[target]
                if is_new or is_told(link.text):
                    insort(self._mentions[target], mention)
                    changed[target] = None
                if is_new:
                    self._asked[target].add(source.id)
        return list(changed)

    def text(self, document_id: DocumentId) -> DocumentText:
        """All fields of a document of which something was written by now."""
        document = self._present.document(document_id)
        said = SaidOf()
        for mention in reversed(self._mentions.get(document_id, ())):
            source = self._present.document(mention.source)
            said.add(source.id, source.kind, mention.text, source.language)
        return document_text(
            document_id,
            document.kind,
            PUBLIC,
            document.title,
            document.language,
            _pieces(self._present.passages(document_id)),
            map(self._question, said.asked),
            said.anchors,
        )

    def _question(self, thread: DocumentId) -> Text:
        document = self._present.document(thread)
        passages = self._present.passages(thread)
        opening = (passage.text for passage in passages if passage.opening)
        return question_text(document.title, opening, document.language)


def _pieces(passages: Iterable[IndexablePassage]) -> list[Piece]:
    return [Piece(p.heading, p.text, p.opening) for p in passages]
