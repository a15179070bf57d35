"""Instant search: words and meaning, filters, and what helpers linked, in milliseconds.

Fewer signals than `kb.search` ranks a question by, of fewer candidates, worked out as
whole columns. What each of them counts is what the community taught, as far as it is of
these signals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kb.asked import Asked
from kb.bridge import Bridge
from kb.embed import Embedder
from kb.errors import InvalidQueryError
from kb.instant.asking import Query, understood
from kb.instant.ordering import Place, narrowed, ordered
from kb.instant.records import Filters, InstantHit, ParsedQuery, Results, Why
from kb.instant.retrieving import (
    Wanted,
    gather,
    nearest,
    seek,
    similar_answers,
)
from kb.instant.shelves import Mask, Shelf, Snapshot
from kb.instant.showing import counted, shown
from kb.instant.wording import Demands, demands
from kb.model import KindModel, RankingModel
from kb.question import Question
from kb.store import Store
from kb.types import Clock, DocumentId, Kind, PassageId, utc_now
from kb.words import words

# Documents on all pages together.
MAX_SHOWN = 200
# Less sure than this of the best, nothing that was found is likely to help: questions
# about bread and solar panels stay below on the sample community.
WEAK = 0.1
# Shown where nothing was found.
_NEAR, _LEAST_NEAR = 4, 0.2


@dataclass(slots=True)
class _Stages:
    """Milliseconds by stage."""

    taken: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def end(self, name: str) -> None:
        now = time.perf_counter()
        self.taken[name] = round(1000 * (now - self._since), 2)
        self._since = now


class InstantSearch:
    """Answers what a search box asks; for many threads at once.

    Args:
        embedder: That of the index.
        model: Gives the ranking in use.
        bridge: Gives what carries words between languages.
        weights: By source, see `kb.search.Searcher`.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        model: Callable[[], RankingModel],
        bridge: Callable[[], Bridge],
        weights: Mapping[str, float] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._embedder = embedder
        self._model = model
        self._bridge = bridge
        self._weights = dict(weights or {})
        self._clock = clock
        # Of each model in use, what is left of it here.
        self._narrowed: dict[Kind, tuple[KindModel, KindModel]] = {}

    def search(
        self,
        parsed: ParsedQuery,
        snapshot: Snapshot,
        store: Store,
        *,
        page: int = 1,
        k: int = 10,
        visible_to: frozenset[str] | None,
        unfinished: bool = False,
    ) -> Results:
        """A page of what was found; what left the store meanwhile is not in it.

        Args:
            parsed: See `kb.instant.query.parse`.
            store: Of this thread.
            page: From 1.
            k: Hits on a page.
            visible_to: Visibilities that the reader may see; ``None`` for all.
            unfinished: Somebody may still be typing the last word.

        Raises:
            InvalidQueryError: There is neither a word to search for nor a filter.
            StoreError, SearchIndexError, EmbeddingError: They cannot be used.
        """
        if page < 1 or k < 1:
            raise ValueError(f"page and k must be >= 1, got {page} and {k}")
        stages = _Stages()
        has_words = bool(words(parsed.text))
        if not has_words and parsed.filters == Filters():
            raise InvalidQueryError("the query holds no word to search for")
        if has_words:
            query = understood(
                parsed,
                snapshot,
                store,
                self._bridge(),
                visible_to=visible_to,
                unfinished=unfinished,
                clock=self._clock,
            )
        else:
            query = Query(
                parsed, Question("", ""), visible_to, named=parsed.filters.versions
            )
        wishes = demands(parsed, snapshot, store, visible_to)
        stages.end("understand")
        if has_words:
            found = self._found(query, snapshot, wishes, stages)
        else:
            found = _newest(query, snapshot, wishes, self._now())
        facets = counted(found[:MAX_SHOWN])
        kinds = parsed.filters.kinds
        if kinds is not None:
            # Counted before: of other kinds is told how many there would be.
            found = [place for place in found if place.row.kind in kinds]
            facets = counted(found[:MAX_SHOWN]) | {"kind": facets["kind"]}
        kept = found[:MAX_SHOWN]
        some = kept[(page - 1) * k : page * k]
        if not has_words:
            some = _with_openings(some, store)
        hits = shown(some, query, store, self._clock, wishes=wishes)
        near: tuple[InstantHit, ...] = ()
        if has_words and not hits and page == 1:
            near = self._near(query, snapshot, store)
        sure = max((place.confidence for place in kept), default=0.0)
        exact = page > 1 or any(Why.EXACT in hit.why for hit in hits)
        stages.end("load")
        return Results(
            query=parsed,
            hits=hits,
            language=query.question.language,
            total=len(kept),
            weak=has_words and bool(kept) and sure < WEAK and not exact,
            facets=facets,
            did_you_mean=query.meant,
            corrected=query.corrected,
            near=near,
            timings=stages.taken,
            generation=snapshot.generation,
        )

    def _found(
        self,
        query: Query,
        snapshot: Snapshot,
        wishes: Demands,
        stages: _Stages,
    ) -> list[Place]:
        """Documents of all kinds, best first, whichever kinds are wanted."""
        wanted = Wanted(query.typed, query.carried, query.visible_to)
        shelves = _narrowed(query, snapshot, wishes, self._now())
        # Words are sought while the model reads the query.
        sought = seek(wanted, shelves)
        asked = Asked.of(query.question, self._embedder, query.carried)
        stages.end("embed")
        linked = similar_answers(asked, snapshot)
        by_words = sought.result()
        gathered = [
            gather(asked, wanted, shelf, some, linked, allowed)
            for (shelf, allowed), some in zip(shelves, by_words, strict=True)
        ]
        stages.end("retrieve")
        model = self._model()
        places = ordered(
            [each for each in gathered if each is not None],
            query,
            lambda shelf: self._narrow(shelf.kind, model.of(shelf.kind)),
            self._weights,
            multilingual=self._embedder.multilingual,
        )
        stages.end("rank")
        return places

    def _now(self) -> float:
        return self._clock().timestamp()

    def _narrow(self, kind: Kind, model: KindModel) -> KindModel:
        known = self._narrowed.get(kind)
        if known is None or known[0] is not model:
            known = self._narrowed[kind] = (model, narrowed(model))
        return known[1]

    def _near(
        self, query: Query, snapshot: Snapshot, store: Store
    ) -> tuple[InstantHit, ...]:
        """What is nearest by meaning alone, whatever the filters."""
        asked = Asked.of(query.question, self._embedder, query.carried)
        wanted = Wanted(query.typed, query.carried, query.visible_to, _NEAR)
        found: list[Place] = []
        for shelf in snapshot.shelves.values():
            allowed = shelf.allowed(Filters(), query.visible_to, self._now())
            gathered = nearest(asked, wanted, shelf, allowed)
            if gathered is not None:
                found += [
                    Place(shelf, at, passage, cosine)
                    for at, passage, cosine in zip(
                        gathered.places.tolist(),
                        gathered.passages,
                        gathered.cosines.tolist(),
                        strict=True,
                    )
                    # Of letters in no order everything is as far as anything.
                    if cosine >= _LEAST_NEAR
                ]
        found.sort(key=lambda place: (-place.score, place.document_id))
        return shown(found[:_NEAR], query, store, self._clock)


def _narrowed(
    query: Query, snapshot: Snapshot, wishes: Demands, at: float
) -> list[tuple[Shelf, Mask | None]]:
    """Each shelf with which of its documents may be found."""
    filters = query.parsed.filters
    return [
        (shelf, wishes.narrowed(shelf, shelf.allowed(filters, query.visible_to, at)))
        for shelf in snapshot.shelves.values()
        if len(shelf.ids)
    ]


def _newest(
    query: Query, snapshot: Snapshot, wishes: Demands, at: float
) -> list[Place]:
    """What is wanted where no word is sought: what changed last comes first."""
    found: list[tuple[float, DocumentId, Place]] = []
    for shelf, allowed in _narrowed(query, snapshot, wishes, at):
        there = shelf.has_passages
        places = np.flatnonzero(there if allowed is None else there & allowed)
        changed = np.nan_to_num(shelf.changed[places], nan=-np.inf)
        # No more of each kind than are shown of all.
        newest = np.argsort(-changed, kind="stable")[:MAX_SHOWN]
        found += [
            (-when, shelf.documents[row].id, Place(shelf, row, PassageId(0)))
            for when, row in zip(
                changed[newest].tolist(), places[newest].tolist(), strict=True
            )
        ]
    return [place for *_, place in sorted(found, key=lambda each: each[:2])]


def _with_openings(places: list[Place], store: Store) -> list[Place]:
    """With the passage that each document begins with."""
    openings = store.columns.openings([place.document_id for place in places])
    return [
        Place(place.shelf, place.at, openings[place.document_id])
        for place in places
        if place.document_id in openings
    ]
