"""Whole documents by their words: what a document says, and what is said of it.

The passage index (`kb.lexical`) finds the place that answers. This one scores the
document around it, field by field, so that ranking can weigh a word in a title
otherwise than one in the ninth reply, or one in the question that somebody
answered with a link to this document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from kb.types import DocumentId, Kind

if TYPE_CHECKING:
    # The store knows these records, and must open without Tantivy.
    from kb.bridge.rendering import Rendering


class TextField(StrEnum):
    """A field of a document; each has a BM25 of its own."""

    TITLE = "title"
    OPENING = "opening"
    """The first post of a thread; of a page all before its first heading."""
    WHOLE = "whole"
    """All of its text, replies included. Codes, versions, paths and names of code
    in it or in the title are matched whole as well, and add to its score."""
    ASKED = "asked"
    """Title and text of the questions that were answered with a link to it."""
    ANCHORS = "anchors"
    """What others wrote as the text of their links to it."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, in a language or in none that is known."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentText:
    """What the document index needs to know of one document.

    Attributes:
        language: Of the document; what others say of it may be in others.
        fields: A field that is empty may be absent. `ASKED` and `ANCHORS` come from
            documents that everybody may read, whoever may read this one.
            Very long fields may be cut: what matters most comes first.
    """

    id: DocumentId
    kind: Kind
    visibility: str
    fields: Mapping[TextField, Sequence[Text]]
    language: str | None = None


class TextIndex(Protocol):
    """Documents by their words. Searches may run in several threads at once.

    Each document is scored by the words and lengths of those of its own kind and
    visibility alone, so that no score tells what stands where the reader may not
    look. What a reader who may see several finds is merged by score.
    """

    def put(self, documents: Iterable[DocumentText]) -> None:
        """Take documents in, from the next `commit` on.

        A document replaces all that is held under its id, of whatever kind and
        visibility that was. None is ever removed: an index without a document is
        made anew, which also clears its files of the text.
        """

    def commit(self) -> None:
        """Make all changes visible to this object's searches, and durable.

        The same `put` and `commit` calls always lead to the same scores.
        """

    def search(
        self,
        query: str,
        field: TextField,
        k: int,
        *,
        kind: Kind,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
        languages: frozenset[str] | None = None,
    ) -> list[tuple[DocumentId, float]]:
        """The *k* best documents of a kind in one field: ``(id, BM25)``, best first,
        ties by id; only those that share a word.

        Args:
            query: Plain text of any length; none of its signs is an operator.
            k: At least 1.
            title: Headline of the question, searched with it and worth more.
            renderings: What the question means in other languages: a text in one of
                these is asked that instead.
            languages: Only documents in one of these; ``None`` means all.
            visible_to: Only documents with one of these visibilities; ``None``
                means all.

        Returns:
            Scores above 0, comparable within one question, kind and field. Nothing
            when the question holds no word, or none that is known.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """

    def score(
        self,
        query: str,
        ids: Sequence[DocumentId],
        *,
        kind: Kind,
        fields: Iterable[TextField] = tuple(TextField),
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
    ) -> dict[TextField, dict[DocumentId, float]]:
        """BM25 of given documents of one kind, per field, as `search` gives it.

        Returns:
            Each of *fields*, even if nothing scores in it; in it the documents
            that share a word with the question, by id. Ids that are unknown, or not to
            be seen, are absent.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """

    def close(self) -> None:
        """Let go of files and locks; changes since the last `commit` are lost."""
