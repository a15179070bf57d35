"""What a document says, and what others say of it, as the fields of its text; pure.

The one place of these rules: a live index reads by them from the store, a replay of
the past by them from what was written so far.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kb.texts import DocumentText, Text, TextField
from kb.types import DocumentId, Kind

# Of a document that everybody links: more say nothing new, and an index would grow
# with the square of the community.
_MAX_QUESTIONS = 200
_MAX_ANCHORS = 500
# The end of a long question is logs and thanks.
_QUESTION_CHARS = 1_500
_ANCHOR_CHARS = 200
_ADDRESS = re.compile(r"(?:https?:|www\.)\S*|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S*", re.I)


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of a passage, for what stands around it.

    Attributes:
        opening: As `kb.types.IndexablePassage.opening`.
    """

    heading: str
    text: str
    opening: bool


@dataclass(slots=True)
class Said:
    """What other documents say of one, newest first.

    Attributes:
        asked: Threads that were answered with it, each once.
        anchors: What their authors wrote as the text of a link to it.
    """

    asked: dict[DocumentId, None] = field(default_factory=dict)
    anchors: list[Text] = field(default_factory=list)

    def add(
        self, source: DocumentId, kind: Kind, text: str, language: str | None
    ) -> None:
        """Take in the next link.

        Links come by the start of their document, latest first (without a date
        last), then by its id, part and place in the part, highest first. Those in
        the opening post of a thread are part of its question, and never come: as
        `kb.graph.Edge` has it.

        Args:
            source: The document that links; *kind* and *language* are its.
            text: Of the link; a bare address says nothing.
        """
        if kind is Kind.THREAD and len(self.asked) < _MAX_QUESTIONS:
            self.asked[source] = None
        if len(self.anchors) < _MAX_ANCHORS and is_told(text):
            self.anchors.append(Text(text[:_ANCHOR_CHARS], language))


def is_told(text: str) -> bool:
    """Whether the text of a link says anything beside where it leads.

    >>> is_told("the manual"), is_told(" https://docs.example/a "), is_told("  ")
    (True, False, False)
    """
    text = text.strip()
    return bool(text) and not _ADDRESS.fullmatch(text)


def question_text(title: str, opening: Iterable[str], language: str | None) -> Text:
    """A question, as text of what it was answered with.

    Args:
        opening: Passages of the post that asks.

    >>> question_text("Backup", ["It fails.", "Why?"], "en").text
    'Backup\\nIt fails.\\n\\nWhy?'
    """
    body = _joined(opening)[:_QUESTION_CHARS]
    return Text(f"{title}\n{body}".strip(), language)


def document_text(
    document: DocumentId,
    kind: Kind,
    visibility: str,
    title: str,
    language: str | None,
    pieces: Sequence[Piece],
    asked: Iterable[Text] = (),
    anchors: Iterable[Text] = (),
) -> DocumentText:
    """A document field by field; those without a word are absent.

    Args:
        pieces: All of its text, in its order.
        asked: Questions that were answered with it, see `question_text`.
        anchors: See `Said`.
    """
    is_opening = kind is Kind.THREAD
    opening = [p.text for p in pieces if p.opening] if is_opening else _first(pieces)
    fields = {
        TextField.TITLE: _one(title, language),
        TextField.OPENING: _one(_joined(opening), language),
        TextField.WHOLE: _one(_joined(_lines(pieces)), language),
        TextField.ASKED: tuple(asked),
        TextField.ANCHORS: tuple(anchors),
    }
    return DocumentText(
        id=document,
        kind=kind,
        visibility=visibility,
        fields={name: texts for name, texts in fields.items() if texts},
        language=language,
    )


def _first(pieces: Sequence[Piece]) -> list[str]:
    return [piece.text for piece in pieces[:1]]


def _lines(pieces: Iterable[Piece]) -> Iterable[str]:
    before = ""
    for piece in pieces:
        # A long section is several passages, and has one heading.
        if piece.heading and piece.heading != before:
            yield piece.heading
        before = piece.heading
        yield piece.text


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(texts)


def _one(text: str, language: str | None) -> tuple[Text, ...]:
    return (Text(text, language),) if text.strip() else ()
