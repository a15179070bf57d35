"""The seam of the query endpoint: what it needs of a knowledge base."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kb.errors import KBError
from kb.instant.records import Filters, InstantHit, Results
from kb.types import PUBLIC, DocumentId, DocumentSummary, Kind, Passage, TopicId

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, as far as that matters.

    Attributes:
        visible_to: Visibilities that may be seen, see `kb.types.PUBLIC`; ``None`` for
            all that the store holds.
        scopes: What else the key lets in to, such as ``metrics``.
        name: Of the key, for logs; empty without one.
    """

    visible_to: frozenset[str] | None = frozenset({PUBLIC})
    scopes: frozenset[str] = frozenset()
    name: str = ""


ANYBODY = Reader()
"""Who comes without a key."""


@dataclass(frozen=True, slots=True)
class About:
    """What something related is sought for; exactly one of the three.

    Attributes:
        topic_id: Of the forum that is answered.
        url: Of anything that is harvested.
        text: Of a question that is being written, with its *title*, if it has one.
    """

    topic_id: TopicId | None = None
    url: str | None = None
    text: str | None = None
    title: str = ""


Passages = Sequence[Passage]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document with its text, in its order."""

    document: DocumentSummary
    passages: Passages


@dataclass(frozen=True, slots=True)
class Stats:
    """What the knowledge base holds, of what the reader may see.

    Attributes:
        documents: By kind.
        languages: Documents by language; those of none are left out.
        passages: That are searched.
        model: By which meanings are compared.
        generation: Of the store; *lag* is how far the index on disk is behind.
        newest: When something was last changed.
    """

    documents: Mapping[Kind, int]
    languages: Mapping[str, int]
    passages: int
    model: str
    generation: int
    lag: int
    newest: datetime | None = None


class Backend(Protocol):
    """Answers requests; called from several threads at once.

    Raises, from all methods but `reader`:
        StoreError, SearchIndexError, EmbeddingError: They cannot be used now.
    """

    def search(
        self,
        q: str,
        filters: Filters,
        *,
        page: int,
        k: int,
        reader: Reader,
        typing: bool = False,
    ) -> Results:
        """What a search box asks.

        Args:
            q: With the operators of `kb.instant.query`; its filters and *filters*
                hold together, and where both name one, *filters* counts.
            page: From 1.
            k: Hits on a page.
            typing: Somebody is still at it: the last word may be half of one.

        Raises:
            InvalidQueryError: There is not one word in it, nor a filter.
        """

    def related(
        self,
        about: About,
        *,
        kinds: frozenset[Kind] | None,
        languages: frozenset[str] | None,
        k: int,
        reader: Reader,
    ) -> Sequence[InstantHit]:
        """What may answer a question, by the whole ranking; the thing itself left out.

        Raises:
            InvalidQueryError: There is not one word in the text.
            LookupError: No such topic or page is held, or the reader may not see it.
        """

    def document(self, document_id: DocumentId, reader: Reader) -> StoredDocument:
        """
        Raises:
            LookupError: There is none, or the reader may not see it.
        """

    def feedback(
        self, document_id: DocumentId, *, helped: bool, client: str, reader: Reader
    ) -> bool:
        """Count a word on a hit; False: this client's was counted today.

        Args:
            client: Tells clients apart, for a day, in memory alone.

        Raises:
            LookupError: See `document`.
        """

    def searched(self, results: Results, *, client: str) -> None:
        """Told of each first page of a search that nobody is still typing, for what is
        searched in vain; see `kb.instant.searched`."""

    def stats(self, reader: Reader) -> Stats:
        """What is held."""

    def ready(self) -> Mapping[str, str | int]:
        """What searches are answered from; raises when they cannot be."""

    def reader(self, key: str) -> Reader | None:
        """Whom a key stands for; ``None``: it is none of ours, or was revoked.

        Raises:
            StoreError: Keys cannot be read now.
        """


def count_search(backend: Backend, results: Results, *, client: str) -> None:
    """Tell a backend of a search, see `Backend.searched`; what it cannot count is
    logged, and nobody's search fails for it."""
    try:
        backend.searched(results, client=client)
    except KBError as exc:
        log.warning("a search was not counted: %s: %s", type(exc).__name__, exc)
