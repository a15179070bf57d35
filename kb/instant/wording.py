"""What must stand in a document word for word, and what must not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kb.instant.records import ParsedQuery
from kb.instant.shelves import Mask, Shelf, Snapshot
from kb.lexical import LexicalHit
from kb.store import Store
from kb.types import DocumentId, DocumentSummary, Kind, Passage, PassageId
from kb.words import words

# Passages that hold all words of a phrase, and are read for whether they stand there
# in a row, and how many at a time; and those that hold a word that must not.
_READ, _BATCH, _HELD = 5_000, 500, 20_000


@dataclass(frozen=True, slots=True)
class Demands:
    """Documents by what was demanded of their wording.

    Attributes:
        phrases: Those that hold all phrases, with the passage that holds the first;
            ``None`` where no phrase was demanded.
        excluded: Those that hold what must not stand there.
    """

    phrases: Mapping[DocumentId, PassageId] | None = None
    excluded: frozenset[DocumentId] = frozenset()

    def narrowed(self, shelf: Shelf, allowed: Mask | None) -> Mask | None:
        """Which documents of a shelf may be found, of those that may be anyway."""
        if self.phrases is None and not self.excluded:
            return allowed
        mask = np.ones(len(shelf.ids), dtype=bool) if allowed is None else allowed
        if self.phrases is not None:
            mask = mask & np.isin(shelf.ids, np.array([*self.phrases], dtype=np.int64))
        if self.excluded:
            out = np.array(sorted(self.excluded), dtype=np.int64)
            mask = mask & ~np.isin(shelf.ids, out)
        return mask


NO_DEMANDS = Demands()


def demands(
    parsed: ParsedQuery,
    snapshot: Snapshot,
    store: Store,
    visible_to: frozenset[str] | None,
) -> Demands:
    """Look up the phrases and exclusions of a query.

    Raises:
        CorruptIndexError: The files of an index are damaged.
        StoreError: The store cannot be read.
    """
    found: dict[DocumentId, PassageId] | None = None
    for phrase in parsed.phrases:
        sought = words(phrase)
        if not sought:
            continue
        held = _holding(sought, snapshot, store, visible_to)
        found = held if found is None else {i: p for i, p in found.items() if i in held}
    excluded: set[DocumentId] = set()
    for text in parsed.excluded:
        if sought := words(text):
            excluded.update(_holding(sought, snapshot, store, visible_to))
    return Demands(found, frozenset(excluded))


def _holding(
    sought: Sequence[str],
    snapshot: Snapshot,
    store: Store,
    visible_to: frozenset[str] | None,
) -> dict[DocumentId, PassageId]:
    """Documents that hold these words in a row, each with a passage that does."""
    is_phrase = len(sought) > 1
    found: dict[DocumentId, PassageId] = {}
    for kind in snapshot.shelves:
        hits = [
            *_hits(sought, kind, snapshot, visible_to, _READ if is_phrase else _HELD)
        ]
        if is_phrase:
            hits = [*_in_a_row(sought, hits, store)]
        for hit in hits:
            found.setdefault(hit.document_id, hit.passage_id)
    return found


def _hits(
    sought: Sequence[str],
    kind: Kind,
    snapshot: Snapshot,
    visible_to: frozenset[str] | None,
    k: int,
) -> Iterator[LexicalHit]:
    for lexical in snapshot.lexicals:
        yield from lexical.holding(sought, k, kind=kind, visible_to=visible_to)


def _in_a_row(
    sought: Sequence[str], hits: Sequence[LexicalHit], store: Store
) -> Iterator[LexicalHit]:
    for start in range(0, len(hits), _BATCH):
        some = hits[start : start + _BATCH]
        passages = store.passages.load([hit.passage_id for hit in some])
        documents = store.documents.summaries(sorted({hit.document_id for hit in some}))
        for hit in some:
            passage = passages.get(hit.passage_id)
            document = documents.get(hit.document_id)
            if passage is not None and document is not None:
                texts = (passage.text, passage.heading, document.title)
                if any(holds(sought, text) for text in texts):
                    yield hit


def suits(parsed: ParsedQuery, document: DocumentSummary, passage: Passage) -> bool:
    """Whether a passage that is shown in the place of another has all that must stand
    there word for word, and nothing that must not."""
    texts = (passage.text, passage.heading, document.title)

    def stands(text: str) -> bool:
        sought = words(text)
        return bool(sought) and any(holds(sought, each) for each in texts)

    return all(map(stands, parsed.phrases)) and not any(map(stands, parsed.excluded))


def holds(sought: Sequence[str], text: str) -> bool:
    """Whether words, as `kb.words.words` gives them, stand in a text in a row.

    >>> holds(["data", "entry"], "The Data-Entry app"), holds(["data", "entry"], "data")
    (True, False)
    """
    if text.isascii():
        # As most is: without an analyser.
        return _run(tuple(sought)).search(text.lower()) is not None
    return f" {' '.join(sought)} " in f" {' '.join(words(text))} "


@lru_cache(maxsize=256)
def _run(sought: tuple[str, ...]) -> re.Pattern[str]:
    between = "[^a-z0-9]+"
    return re.compile(
        rf"(?<![a-z0-9]){between.join(map(re.escape, sought))}(?![a-z0-9])"
    )
