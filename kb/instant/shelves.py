"""All that instant search looks at, in memory: made of an open index and its store.

A snapshot never changes. When the store goes on another one is made beside it, of the
same index and of what came since, and takes its place; searches that are at work keep
theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kb.graph import LinkGraph
from kb.instant.codes import Rows, SignCodes
from kb.instant.records import Filters
from kb.lexical import TantivyIndex
from kb.store.columns import DocumentRow
from kb.types import PUBLIC, DocumentId, Kind, PassageId
from kb.vectors import Float32, Int64

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Segment:
    """Passages of one kind that one word index holds, with their vectors.

    Attributes:
        ids: Ascending.
        documents: The document of each, by its place on the shelf; -1 where it is
            not searched any more.
        vectors: In the order of *ids*, shape ``(n, dim)``.
        has_gaps: Some of *documents* are -1.
    """

    lexical: TantivyIndex
    ids: Int64
    documents: NDArray[np.int32]
    vectors: Float32
    codes: SignCodes
    has_gaps: bool = False

    @cached_property
    def _by_document(self) -> tuple[Rows, NDArray[np.int32]]:
        """Rows in the order of their documents, and these."""
        order = np.argsort(self.documents, kind="stable")
        return order, self.documents[order]

    def rows_of_document(self, place: int) -> Rows:
        """The passages of a document, in their order."""
        order, documents = self._by_document
        start, end = np.searchsorted(documents, [place, place + 1])
        return order[start:end]

    def rows_of(self, passages: Sequence[PassageId]) -> Rows:
        """Where passages are; -1 for what is not here."""
        return places_of(self.ids, np.asarray(passages, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Shelf:
    """The documents of one kind, and their passages.

    Attributes:
        ids: Of documents, ascending; all columns are in their order.
        in_links: ln(1 + in how many threads it was linked), see `kb.signals`; so
            *log_parts* and *log_likes*.
        segments: The index on disk, then what came since.
    """

    kind: Kind
    documents: Sequence[DocumentRow]
    ids: Int64
    in_links: NDArray[np.float64]
    log_parts: NDArray[np.float64]
    log_likes: NDArray[np.float64]
    solved: Mask
    changed: NDArray[np.float64]
    expires: NDArray[np.float64]
    segments: tuple[Segment, ...]

    def places(self, documents: Sequence[DocumentId]) -> Rows:
        """Where documents are; -1 for what is not here."""
        return places_of(self.ids, np.asarray(documents, dtype=np.int64))

    def allowed(
        self, filters: Filters, visible_to: frozenset[str] | None, at: float
    ) -> Mask | None:
        """Which documents a reader may see and wants; ``None`` for all of them.

        Args:
            at: The present, in seconds since 1970.
        """
        masks = []
        if self._ever_expires:
            # What never expires is not a number, and less than nothing.
            masks.append(~(self.expires <= at))
        if visible_to is not None and not self._visibilities.keys() <= visible_to:
            masks.append(self._any(self._visibilities, visible_to))
        if filters.languages is not None:
            masks.append(self._any(self._languages, filters.languages))
        if filters.categories:
            masks.append(self._any(self._categories, map(slug, filters.categories)))
        if filters.tags:
            masks.append(self._any(self._tags, map(slug, filters.tags)))
        if filters.versions:
            masks.append(self._any(self._versions, map(slug, filters.versions)))
        if filters.solved is not None:
            threads = self.kind is Kind.THREAD
            masks.append((self.solved == filters.solved) & threads)
        # What has no date is neither before nor after.
        if filters.since is not None:
            masks.append(self.changed >= filters.since.timestamp())
        if filters.before is not None:
            masks.append(self.changed < filters.before.timestamp())
        return np.logical_and.reduce(masks) if masks else None

    def _any(self, places: Mapping[str, Rows], values: Iterable[str]) -> Mask:
        mask = np.zeros(len(self.ids), dtype=bool)
        for value in values:
            if value in places:
                mask[places[value]] = True
        return mask

    @cached_property
    def _ever_expires(self) -> bool:
        return bool(np.isfinite(self.expires).any())

    @cached_property
    def has_passages(self) -> Mask:
        """Which documents have any."""
        mask = np.zeros(len(self.ids), dtype=bool)
        for segment in self.segments:
            mask[segment.documents[segment.documents >= 0]] = True
        return mask

    @cached_property
    def _visibilities(self) -> Mapping[str, Rows]:
        return _inverted([d.visibility] for d in self.documents)

    @cached_property
    def _languages(self) -> Mapping[str, Rows]:
        return _inverted([d.language] if d.language else [] for d in self.documents)

    @cached_property
    def _categories(self) -> Mapping[str, Rows]:
        return _inverted(
            [slug(d.category)] if d.category else [] for d in self.documents
        )

    @cached_property
    def _tags(self) -> Mapping[str, Rows]:
        return _inverted(map(slug, d.tags) for d in self.documents)

    @cached_property
    def _versions(self) -> Mapping[str, Rows]:
        return _inverted(map(slug, d.versions) for d in self.documents)

    @cached_property
    def _in_unknown_language(self) -> Mask:
        return ~self._any(self._languages, self._languages)

    @cached_property
    def has_works(self) -> bool:
        """Whether any of its documents may be a translation of another."""
        return any(row.work for row in self.documents)

    def in_any(self, languages: Collection[str]) -> Mask:
        """Which documents are in one of these languages; empty: one nobody knows."""
        mask = self._any(self._languages, languages)
        if "" in languages:
            mask |= self._in_unknown_language
        return mask

    def by_language(self, place_of: Callable[[str | None], int]) -> NDArray[np.intp]:
        """What a function says of the language of each document."""
        said = np.full(len(self.ids), place_of(None), dtype=np.intp)
        for language, rows in self._languages.items():
            said[rows] = place_of(language)
        return said


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that is searched, as it was at one moment.

    Attributes:
        graph: Links that everybody may see.
        questions: Threads that ask, by document id, and *question_codes* of them.
        languages: That some public documents are in.
        silent: Documents whose links count no more: they are gone, or not public.
        generation: Of the store, when this was made; *lag* is how far the index on
            disk was behind, and *waiting* how many passages of those that came since
            are too many to be held here.
    """

    shelves: Mapping[Kind, Shelf]
    graph: LinkGraph
    questions: Int64
    question_codes: SignCodes
    generation: int
    lag: int = 0
    waiting: int = 0
    languages: frozenset[str] = frozenset()
    silent: frozenset[int] = frozenset()

    @cached_property
    def lexicals(self) -> Sequence[TantivyIndex]:
        """The word indexes, each once."""
        every = {
            id(segment.lexical): segment.lexical
            for shelf in self.shelves.values()
            for segment in shelf.segments
        }
        return tuple(every.values())

    @property
    def passages(self) -> int:
        """How many can be found."""
        return self._count(None)

    @property
    def public_passages(self) -> int:
        """How many of them everybody may read."""
        return self._count(frozenset({PUBLIC}))

    def _count(self, visible_to: frozenset[str] | None) -> int:
        total = 0
        for shelf in self.shelves.values():
            allowed = shelf.allowed(Filters(), visible_to, -np.inf)
            for segment in shelf.segments:
                there = segment.documents[segment.documents >= 0]
                total += int(
                    len(there) if allowed is None else np.count_nonzero(allowed[there])
                )
        return total


def places_of(ids: Int64, wanted: Int64) -> Rows:
    """Where ids are among ascending ones; -1 for those that are not there."""
    if not len(ids):
        return np.full(len(wanted), -1, dtype=np.intp)
    places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[places] == wanted, places, -1)


def slug(name: str) -> str:
    """A name as it is compared: "Data entry" is also ``data-entry``.

    >>> slug("Data  entry"), slug("data-entry")
    ('data-entry', 'data-entry')
    """
    return "-".join(name.casefold().replace("-", " ").split())


def _inverted(values: Iterable[Iterable[str]]) -> dict[str, Rows]:
    """Which rows have a value, by the value."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row, some in enumerate(values):
        for value in some:
            found[value].append(row)
    return {value: np.array(rows, dtype=np.intp) for value, rows in found.items()}
