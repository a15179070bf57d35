"""The seam of the passage index: what it finds and how it is kept up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kb.bridge.rendering import Rendering
from kb.types import DocumentId, IndexablePassage, Kind, PassageId


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage that shares words with a question.

    Attributes:
        score: BM25, at least 0; comparable within one kind and one question.
    """

    passage_id: PassageId
    document_id: DocumentId
    score: float


@dataclass(frozen=True, slots=True)
class LexicalScore:
    """How one given passage meets a question.

    Attributes:
        score: As in `LexicalHit`; 0 when no word is shared.
        coverage: Share, in [0, 1], of the question's words that the passage
            holds, each word weighing as much as it is rare (idf); the most
            common words are not counted.
    """

    score: float
    coverage: float


class LexicalIndex(Protocol):
    """Passages by their words. Searches may run in several threads at once.

    Each passage is scored by the words and lengths of those of its own kind and
    visibility alone, so that no score tells what stands where the reader may not
    look. What a reader who may see several finds is merged by score.
    """

    def add(self, passages: Iterable[IndexablePassage]) -> None:
        """Take passages in; they are found after the next `commit`.

        A passage replaces the one of its id and kind, of whatever visibility.
        """

    def remove(self, ids: Iterable[PassageId]) -> None:
        """Forget passages from the next `commit` on; unknown ids do no harm."""

    def commit(self) -> None:
        """Make all changes visible to this object's searches, and durable."""

    def search(
        self,
        query: str,
        k: int,
        *,
        kinds: frozenset[Kind] | None = None,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
        languages: frozenset[str] | None = None,
    ) -> list[LexicalHit]:
        """Find the *k* best passages, best first, ties by id.

        Args:
            query: Plain text of any length; none of its signs is an operator.
            k: At least 1.
            kinds: Only passages of these; ``None`` means all.
            visible_to: Only passages with one of these visibilities; ``None``
                means all.
            title: Headline of the question, searched with it and worth more.
            renderings: What the question means in other languages: a text in one of
                these is asked that instead.
            languages: Only passages of documents in one of these; ``None`` means
                all.

        Returns:
            Nothing when the question holds no word, or none that is known.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """

    def score(
        self,
        query: str,
        ids: Sequence[PassageId],
        kind: Kind,
        *,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
    ) -> dict[PassageId, LexicalScore]:
        """Score given passages of one kind, as `search` would; ids that are unknown,
        or not to be seen, are absent.

        Raises:
            CorruptIndexError: The files of the index are damaged.
        """

    def close(self) -> None:
        """Let go of files and locks; changes since the last `commit` are lost."""
