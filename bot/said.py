"""Documents field by field at one moment: what they say, and what was said of them.

By the rules of `kb.store.document_texts`, which does the same for a live index; a
replay needs them without a store, and as of a moment.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.present import Present
from bot.timeline import HistoryDocument, PostWritten
from kb.texts import DocumentText, Text, TextField
from kb.types import PUBLIC, DocumentId, IndexablePassage, Kind

# Of a document that everybody links: more say nothing new.
_MAX_QUESTIONS = 200
_MAX_ANCHORS = 500
# The end of a long question is logs and thanks.
_QUESTION_CHARS = 1_500
_ANCHOR_CHARS = 200
_ADDRESS = re.compile(r"(?:https?:|www\.)\S*|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S*", re.I)


@dataclass(slots=True)
class _Of:
    """What was said of one document, oldest first.

    Attributes:
        asked: Threads that were answered with it, each once.
    """

    asked: dict[DocumentId, None] = field(default_factory=dict)
    anchors: list[Text] = field(default_factory=list)


class Said:
    """What was said so far. Grows with *present*."""

    def __init__(self, present: Present) -> None:
        self._present = present
        self._of: defaultdict[DocumentId, _Of] = defaultdict(_Of)

    def add(self, event: PostWritten) -> list[DocumentId]:
        """Take in the links of a post; of which documents more is said now."""
        source = self._present.document(event.document_id)
        answers = source.kind is Kind.THREAD and not event.opening
        changed: dict[DocumentId, None] = {}
        for link in event.links:
            text = link.text.strip()
            is_told = bool(text) and not _ADDRESS.fullmatch(text)
            for target in link.targets:
                if answers and source.id not in self._of[target].asked:
                    self._of[target].asked[source.id] = None
                    changed[target] = None
                if is_told:
                    anchor = Text(link.text[:_ANCHOR_CHARS], source.language)
                    self._of[target].anchors.append(anchor)
                    changed[target] = None
        return list(changed)

    def text(self, document_id: DocumentId) -> DocumentText:
        """All fields of a document of which something was written by now."""
        document = self._present.document(document_id)
        passages = self._present.passages(document_id)
        opening = (
            _opening(passages) if document.kind is Kind.THREAD else passages[0].text
        )
        of = self._of.get(document_id, _Of())
        fields = {
            TextField.TITLE: _one(document.title, document),
            TextField.OPENING: _one(opening, document),
            TextField.WHOLE: _one(_whole(passages), document),
            TextField.ASKED: tuple(map(self._question, self._newest(of.asked))),
            TextField.ANCHORS: tuple(of.anchors[-_MAX_ANCHORS:]),
        }
        return DocumentText(
            id=document_id,
            kind=document.kind,
            visibility=PUBLIC,
            fields={name: texts for name, texts in fields.items() if texts},
        )

    def _newest(self, threads: Iterable[DocumentId]) -> list[DocumentId]:
        def started(thread: DocumentId) -> tuple[datetime, DocumentId]:
            return self._present.document(thread).started, thread

        return sorted(threads, key=started, reverse=True)[:_MAX_QUESTIONS]

    def _question(self, thread: DocumentId) -> Text:
        document = self._present.document(thread)
        opening = _opening(self._present.passages(thread))[:_QUESTION_CHARS]
        return Text(f"{document.title}\n{opening}".strip(), document.language)


def _one(text: str, document: HistoryDocument) -> tuple[Text, ...]:
    return (Text(text, document.language),) if text.strip() else ()


def _opening(passages: Sequence[IndexablePassage]) -> str:
    return "\n\n".join(passage.text for passage in passages if passage.opening)


def _whole(passages: Sequence[IndexablePassage]) -> str:
    texts: list[str] = []
    before = ""
    for passage in passages:
        # A long section is several passages, and has one heading.
        if passage.heading and passage.heading != before:
            texts.append(passage.heading)
        before = passage.heading
        texts.append(passage.text)
    return "\n\n".join(texts)
