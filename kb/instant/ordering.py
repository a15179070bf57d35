"""What was found, in order, with how likely each helps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kb.instant.asking import Query
from kb.instant.codes import Rows
from kb.instant.retrieving import Found
from kb.instant.shelves import Mask, Shelf
from kb.model import KindModel
from kb.rank import columns_of, score
from kb.search import merge, odds_of
from kb.signals import SIGNALS as SIGNALS_KNOWN
from kb.signals import Group
from kb.store.columns import DocumentRow
from kb.table import Float64, Row, Table
from kb.types import DocumentId, PassageId
from kb.versions import is_named

# What holds hardly any of the query's words, and is no nearer in meaning, is found by
# chance: words of grammar stand everywhere.
MIN_COVERAGE, MIN_COSINE = 0.1, 0.35

# What holds all words of the query is believed, however little its meaning is like: an
# error code means nothing to a model.
_ALL_OF_IT = 0.95

SIGNALS = (
    "bm25_passage",
    "coverage",
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

# The signal of a group that stands for those that are not worked out here.
_STANDS_FOR = {Group.WORDS: "bm25_passage", Group.MEANING: "cosine_passage"}


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


def narrowed(model: KindModel) -> KindModel:
    """The same for `SIGNALS` alone: words and meaning count for as much as all signals
    of words and of meaning do there, or links would count for twice as much as what a
    document says."""
    few = model.only(SIGNALS)
    weights = dict(few.weights)
    for group, one in _STANDS_FOR.items():
        names = [name for name in model.weights if SIGNALS_KNOWN[name].group is group]
        others = sum(weights.get(name, 0.0) for name in names if name != one)
        whole = sum(model.weights[name] for name in names) - others
        if one in weights:
            weights[one] = max(weights[one], whole)
    return replace(few, weights=weights)


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
    return merge(columns)


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
        ((found.words > 0) & ~(found.coverage < MIN_COVERAGE))
        | (found.cosines >= MIN_COSINE)
    )
    if not len(rows):
        return []
    places = found.places[rows]
    foreign = _foreign(shelf, places, query)
    signals = Table(SIGNALS, _signals(found, rows, query, familiar, foreign))
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
    confidences = np.where(
        found.coverage[rows] >= _ALL_OF_IT,
        model.calibration.without_floors().probability(
            scored.evidence[:, columns_of(model.calibration)]
        ),
        scored.confidences,
    )
    told, parts = signals.rows(), Table(tuple(model.weights), scored.parts).rows()
    passages = found.passages
    every = [
        Place(shelf, at, passages[rows[row]], points, sure, told[row], parts[row])
        for row, at, points, sure in zip(
            order.tolist(),
            places[order].tolist(),
            scored.scores[order].tolist(),
            confidences[order].tolist(),
            strict=True,
        )
    ]
    return _one_of_each_work(every, query.language) if shelf.has_works else every


def _signals(
    found: Found, rows: Rows, query: Query, familiar: float, foreign: Mask
) -> Float64:
    """Shape ``(rows, SIGNALS)``."""
    shelf, places = found.shelf, found.places[rows]
    named = [_is_named(shelf.documents[at], query.named) for at in places.tolist()]
    columns = {
        "bm25_passage": found.words[rows],
        "coverage": found.coverage[rows],
        "cosine_passage": found.cosines[rows],
        "familiar": np.full(len(rows), familiar),
        "linked_by_meaning": np.sqrt(found.linked[rows]),
        "in_links": shelf.in_links[places],
        "log_parts": shelf.log_parts[places],
        "log_likes": shelf.log_likes[places],
        "solved": shelf.solved[places],
        "same_language": ~foreign,
        "named_version": named,
    }
    table = np.empty((len(rows), len(SIGNALS)))
    for at, name in enumerate(SIGNALS):
        table[:, at] = np.asarray(columns[name], dtype=np.float64)
    return table


def _foreign(shelf: Shelf, places: Rows, query: Query) -> Mask:
    """Which documents are in another language than the query, as far as is known."""
    if not query.language:
        return np.zeros(len(places), dtype=bool)
    return ~shelf.in_any({query.language, ""})[places]


def _odds(
    shelf: Shelf,
    places: Rows,
    query: Query,
    foreign: Mask,
    weights: Mapping[str, float],
) -> list[float] | None:
    """As `kb.search.Searcher` has them; ``None``: all are 1."""
    documents = [shelf.documents[at] for at in places.tolist()]
    odds = [
        odds_of(
            weights.get(document.source, 1.0),
            outdated=document.outdated and not _is_named(document, query.named),
            foreign=other,
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
