"""What was found, in order, with how likely each helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kb.instant.asking import Query
from kb.instant.codes import Rows
from kb.instant.retrieving import Found
from kb.instant.shelves import Shelf
from kb.model import KindModel
from kb.rank import score
from kb.search import FOREIGN_ODDS, OUTDATED_ODDS
from kb.store.columns import DocumentRow
from kb.table import Float64, Row, Table
from kb.types import DocumentId, PassageId
from kb.versions import is_named

# What shares no word and is no nearer than this is found by chance, unless older
# questions of like meaning were answered with it. On titles of 250 topics of Slicer's
# forum that brings back pages that people linked: nDCG@10 0.33 in place of 0.31.
MIN_COSINE, MIN_LINKED = 0.35, 0.15

SIGNALS = (
    "bm25_passage",
    "bm25_share",
    "cosine_passage",
    "familiar",
    "linked_by_meaning",
    "in_links",
    "log_parts",
    "log_likes",
    "solved",
    "same_language",
    "named_version",
)
"""What is ranked by here, of `kb.signals`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A document in its place.

    Attributes:
        at: Where it is on its shelf.
        score: Comparable within one kind and query alone.
        signals: By the names of `SIGNALS`; so *contributions*, what each added.
    """

    shelf: Shelf
    at: int
    passage: PassageId
    score: float = 0.0
    confidence: float = 0.0
    signals: Row | Mapping[str, float] | None = None
    contributions: Row | Mapping[str, float] | None = None

    @property
    def row(self) -> DocumentRow:
        return self.shelf.documents[self.at]

    @property
    def document_id(self) -> DocumentId:
        return self.row.id


def ordered(
    found: Sequence[Found],
    query: Query,
    model: Callable[[Shelf], KindModel],
    weights: Mapping[str, float],
    *,
    multilingual: bool,
) -> list[Place]:
    """Documents of all kinds, best first: each kind in its own order, and of those that
    head what is left of their kind the surest next.

    Args:
        model: For the documents of a shelf, of `SIGNALS` alone.
        weights: By source, what odds are multiplied with.
        multilingual: See `kb.embed.Embedder`.
    """
    familiar = max((float(each.cosines.max()) for each in found), default=-1.0)
    columns = [
        _ordered(each, query, model(each.shelf), weights, familiar, multilingual)
        for each in found
    ]
    return [*_merged([column for column in columns if column])]


def _merged(columns: Sequence[Sequence[Place]]) -> Iterator[Place]:
    left = [list(reversed(column)) for column in columns]
    while left:
        surest = max(left, key=lambda column: column[-1].confidence)
        yield surest.pop()
        if not surest:
            left = [column for column in left if column]


def _ordered(
    found: Found,
    query: Query,
    model: KindModel,
    weights: Mapping[str, float],
    familiar: float,
    multilingual: bool,
) -> list[Place]:
    shelf = found.shelf
    rows = np.flatnonzero(
        (found.words > 0) | (found.cosines >= MIN_COSINE) | (found.linked >= MIN_LINKED)
    )
    if not len(rows):
        return []
    places = found.places[rows]
    signals = Table(SIGNALS, _signals(found, rows, query, familiar))
    foreign = _foreign(shelf, places, query)
    own = frozenset(each.language for each in query.carried)
    carried = None
    if own and not multilingual:
        carried = shelf.in_any(own)[places].tolist()
    scored = score(
        signals,
        model,
        odds=_odds(shelf, places, query, foreign, weights),
        carried=carried,
    )
    order = scored.order
    told, parts = signals.rows(), Table(tuple(model.weights), scored.parts).rows()
    passages = found.passages
    every = [
        Place(shelf, at, passages[rows[row]], points, sure, told[row], parts[row])
        for row, at, points, sure in zip(
            order.tolist(),
            places[order].tolist(),
            scored.scores[order].tolist(),
            scored.confidences[order].tolist(),
            strict=True,
        )
    ]
    return _one_of_each_work(every, query.language) if shelf.has_works else every


def _signals(found: Found, rows: Rows, query: Query, familiar: float) -> Float64:
    """Shape ``(rows, SIGNALS)``."""
    shelf, places = found.shelf, found.places[rows]
    by_words = found.words[rows]
    named = [_is_named(shelf.documents[at], query.named) for at in places.tolist()]
    columns = {
        "bm25_passage": by_words,
        "bm25_share": by_words / (float(by_words.max()) or 1.0),
        "cosine_passage": found.cosines[rows],
        "familiar": np.full(len(rows), familiar),
        "linked_by_meaning": np.sqrt(found.linked[rows]),
        "in_links": shelf.in_links[places],
        "log_parts": shelf.log_parts[places],
        "log_likes": shelf.log_likes[places],
        "solved": shelf.solved[places],
        "same_language": ~_foreign(shelf, places, query),
        "named_version": named,
    }
    table = np.empty((len(rows), len(SIGNALS)))
    for at, name in enumerate(SIGNALS):
        table[:, at] = np.asarray(columns[name], dtype=np.float64)
    return table


def _foreign(
    shelf: Shelf, places: Rows, query: Query
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which documents are in another language than the query, as far as is known."""
    if not query.language:
        return np.zeros(len(places), dtype=bool)
    return ~shelf.in_any({query.language, ""})[places]


def _odds(
    shelf: Shelf,
    places: Rows,
    query: Query,
    foreign: np.ndarray[tuple[int], np.dtype[np.bool_]],
    weights: Mapping[str, float],
) -> list[float] | None:
    """As `kb.search.Searcher` has them; ``None``: all are 1."""
    documents = [shelf.documents[at] for at in places.tolist()]
    odds = [
        weights.get(document.source, 1.0)
        * (FOREIGN_ODDS if other else 1.0)
        * (
            OUTDATED_ODDS
            if document.outdated and not _is_named(document, query.named)
            else 1.0
        )
        for document, other in zip(documents, foreign.tolist(), strict=True)
    ]
    return odds if any(each != 1 for each in odds) else None


def _is_named(document: DocumentRow, named: frozenset[str]) -> bool:
    return bool(named) and any(is_named(v, named) for v in document.versions)


def _one_of_each_work(every: Sequence[Place], spoken: str) -> list[Place]:
    """Of a page and its translations one, in the language of the query where there is
    such, in the place of the best."""
    works: dict[tuple[str, str], int] = {}
    kept: list[Place] = []
    for each in every:
        row = each.row
        if not row.work:
            kept.append(each)
            continue
        place = works.setdefault((row.source, row.work), len(kept))
        if place == len(kept):
            kept.append(each)
        elif spoken and row.language == spoken != kept[place].row.language:
            kept[place] = each
    return kept
