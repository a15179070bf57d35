"""How good instant search is: titles of topics as queries, against what people linked.

    python benchmarks/instant.py --labels FILE [--questions 500] [--folder FOLDER]
        [--archive FILE --forum-url URL] [--docs FILE --docs-url URL]
        [--vectors FILE] [--max-tokens 200] [--json]

Finds or makes an installation (`installed.py`) and asks it the titles of topics that
members answered with links (`benchmarks.ranking` has the format), beside the whole
ranking, BM25 alone and cosine alone, of the best passage of each document. A question's
own topic is taken out of what is searched before it is asked, its replies and its links
included; later topics are not, so that the figures are higher than those of a replay,
and are to be read against each other. So are the reliability's: who was not linked may
have helped all the same.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from installed import add_options, installed
from ranking.scoring import difference

from bot.app import App
from bot.config import load_config
from bot.labels import KIND_NAMES, Label, read_labels
from kb.bridge import Bridge
from kb.embed import Embedder
from kb.graph import LinkGraph
from kb.instant.engine import InstantSearch
from kb.instant.keeping import Keeper
from kb.instant.records import Filters, ParsedQuery
from kb.instant.shelves import Segment, Shelf, Snapshot
from kb.metrics import (
    expected_calibration_error,
    ndcg_at_k,
    recall_at_k,
    reliability_curve,
)
from kb.question import Question
from kb.search import Searcher
from kb.store import Store
from kb.types import PUBLIC, DocumentId, Kind, SearchHit

# Topics of the archive, as `installed` names their source.
_HISTORY = "history"
_PUBLIC = frozenset({PUBLIC})
# Passages that are looked at for ten documents.
_DEPTH = 400
TOP = 10
METRICS = {
    "nDCG@10": lambda ranking, relevant: ndcg_at_k(ranking, relevant, TOP),
    "R@5": lambda ranking, relevant: recall_at_k(ranking, relevant, 5),
}
BOTH, FIRST = "both", "first"
REFERENCE = "instant"


# -- what is left out ------------------------------------------------------------------


class GraphWithout(LinkGraph):
    """A graph of which one document set no link."""

    def __init__(self, graph: LinkGraph, hidden: DocumentId) -> None:
        super().__init__()
        self._graph = graph
        self._hidden = hidden

    def out_of(self, source: DocumentId) -> Mapping[DocumentId, float]:
        return {} if source == self._hidden else self._graph.out_of(source)

    def into(self, target: DocumentId) -> Mapping[DocumentId, float]:
        found = self._graph.into(target)
        return {source: w for source, w in found.items() if source != self._hidden}

    def answered_with(self, target: DocumentId) -> Collection[DocumentId]:
        return frozenset(self._graph.answered_with(target)) - {self._hidden}


def without(snapshot: Snapshot, hidden: DocumentId) -> Snapshot:
    """As if a topic had never been opened, but for what words are known."""
    graph = GraphWithout(snapshot.graph, hidden)
    targets = list(snapshot.graph.out_of(hidden))
    shelves = {
        kind: _shelf_without(shelf, hidden, targets, graph)
        for kind, shelf in snapshot.shelves.items()
    }
    return replace(snapshot, shelves=shelves, graph=graph)


def _shelf_without(
    shelf: Shelf,
    hidden: DocumentId,
    targets: Sequence[DocumentId],
    graph: LinkGraph,
) -> Shelf:
    in_links = shelf.in_links.copy()
    for target, place in zip(targets, shelf.places(targets).tolist(), strict=True):
        if place >= 0:
            in_links[place] = np.log1p(len(graph.answered_with(target)))
    own = int(shelf.places([hidden])[0])
    segments = shelf.segments
    if own >= 0:
        segments = tuple(
            replace(
                segment,
                documents=np.where(segment.documents == own, -1, segment.documents),
                has_gaps=True,
            )
            for segment in segments
        )
    return replace(shelf, in_links=in_links, segments=segments)


# -- ways of ranking ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Keys of documents by kind, best first; of both kinds together with how sure."""

    by_kind: Mapping[Kind, Sequence[str]]
    both: Sequence[tuple[Kind, str, float]] = ()


@dataclass(frozen=True)
class Ways:
    """All ways, over one open installation."""

    store: Store
    snapshot: Snapshot
    engine: InstantSearch
    searcher: Searcher
    embedder: Embedder

    def ask(self, title: str, own: DocumentId) -> dict[str, Found]:
        seen = without(self.snapshot, own)
        return {
            REFERENCE: self.instant(title, seen),
            "whole ranking": self.whole(title, own),
            "BM25": Found(
                {kind: self.by_words(title, seen.shelves[kind]) for kind in KIND_NAMES}
            ),
            "cosine": Found(
                {
                    kind: self.by_meaning(title, seen.shelves[kind])
                    for kind in KIND_NAMES
                }
            ),
        }

    def instant(self, title: str, snapshot: Snapshot) -> Found:
        """As somebody finds it who wants one kind, and who wants both."""

        def search(filters: Filters) -> list[SearchHit]:
            # No operator is meant by whoever writes a title.
            found = self.engine.search(
                ParsedQuery(title, filters=filters),
                snapshot,
                self.store,
                k=TOP,
                visible_to=_PUBLIC,
            )
            return [each.hit for each in found.hits]

        by_kind = {
            kind: [h.document.key for h in search(Filters(kinds=frozenset({kind})))]
            for kind in KIND_NAMES
        }
        return Found(by_kind, _sure(search(Filters())))

    def whole(self, title: str, own: DocumentId) -> Found:
        hits = self.searcher.search(
            Question(title, "", document=own),
            limit=TOP * len(Kind),
            per_kind=dict.fromkeys(Kind, TOP),
        )
        by_kind = {
            kind: [h.document.key for h in hits if h.document.kind is kind]
            for kind in KIND_NAMES
        }
        return Found(by_kind, _sure(hits[:TOP]))

    def by_words(self, title: str, shelf: Shelf) -> list[str]:
        best = np.zeros(len(shelf.ids))
        for segment in shelf.segments:
            kinds = frozenset({shelf.kind})
            hits = segment.lexical.search(title, _DEPTH, kinds=kinds)
            rows = segment.rows_of([hit.passage_id for hit in hits])
            scores = np.array([hit.score for hit in hits])
            _take_best(best, segment, rows[rows >= 0], scores[rows >= 0])
        return self._keys(shelf, best, 0.0)

    def by_meaning(self, title: str, shelf: Shelf) -> list[str]:
        best = np.full(len(shelf.ids), -1.0)
        vector = self.embedder.embed_query(title)
        for segment in shelf.segments:
            if len(segment.ids):
                rows = np.arange(len(segment.ids))
                _take_best(best, segment, rows, segment.vectors @ vector)
        return self._keys(shelf, best, -1.0)

    def _keys(self, shelf: Shelf, scores: Any, nothing: float) -> list[str]:
        order = np.argsort(-scores, kind="stable")[:TOP]
        ids = [DocumentId(int(shelf.ids[i])) for i in order if scores[i] > nothing]
        documents = self.store.documents.summaries(ids)
        return [documents[i].key for i in ids]


def _take_best(best: Any, segment: Segment, rows: Any, scores: Any) -> None:
    documents = segment.documents[rows]
    there = documents >= 0
    np.maximum.at(best, documents[there], scores[there])


def _sure(hits: Iterable[SearchHit]) -> list[tuple[Kind, str, float]]:
    return [(h.document.kind, h.document.key, h.confidence) for h in hits]


# -- scores ---------------------------------------------------------------------------


@dataclass(slots=True)
class Scores:
    """Of one way: a value per question, by kind and metric, and what its confidences
    came to, by kind."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    outcomes: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)

    def add(self, found: Found, label: Label) -> None:
        for kind, name in KIND_NAMES.items():
            self._score(name, found.by_kind[kind], label.linked[kind])
        if not found.both:
            return
        linked = {(k, key) for k in KIND_NAMES for key in label.linked[k]}
        self._score(BOTH, [(kind, key) for kind, key, _ in found.both], linked)
        for place, (kind, key, sure) in enumerate(found.both):
            if kind in KIND_NAMES:
                names = (KIND_NAMES[kind], BOTH, *((FIRST,) if not place else ()))
                for name in names:
                    some = self.outcomes.setdefault(name, [])
                    some.append((sure, (kind, key) in linked))

    def _score(
        self, name: str, ranking: Sequence[object], relevant: Collection[object]
    ) -> None:
        if relevant:
            of_kind = self.values.setdefault(name, {})
            for metric, score in METRICS.items():
                value = score(ranking, frozenset(relevant))
                of_kind.setdefault(metric, []).append(value)

    def summary(self) -> dict[str, dict[str, float]]:
        return {
            kind: {name: round(statistics.fmean(v), 4) for name, v in of.items()}
            for kind, of in self.values.items()
        }

    def reliability(self) -> dict[str, Any]:
        return {kind: reliability(some) for kind, some in self.outcomes.items()}


def reliability(outcomes: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """How far confidences are from being right, over hits."""
    return {
        "hits": len(outcomes),
        "mean_confidence": round(statistics.fmean(sure for sure, _ in outcomes), 4),
        "share_right": round(statistics.fmean(right for _, right in outcomes), 4),
        "ece": round(expected_calibration_error(outcomes), 4),
        "curve": [
            {"confidence": round(p.confidence, 3), "share": round(p.share, 3), "n": p.n}
            for p in reliability_curve(outcomes)
        ],
    }


def figures(scores: Mapping[str, Scores]) -> dict[str, Any]:
    ours = scores[REFERENCE]
    told: dict[str, Any] = {"ways": {}, "reliability": {}, "differences": {}}
    for name, of in scores.items():
        told["ways"][name] = of.summary()
        if of.outcomes:
            told["reliability"][name] = of.reliability()
        if name != REFERENCE:
            told["differences"][name] = {
                kind: _difference(ours.values[kind], values)
                for kind, values in of.values.items()
            }
    return told


def _difference(
    ours: Mapping[str, Sequence[float]], theirs: Mapping[str, Sequence[float]]
) -> list[float]:
    apart = difference(ours["nDCG@10"], theirs["nDCG@10"])
    return [round(each, 4) for each in (apart.mean, apart.low, apart.high)]


def measure(app: App, labels: Sequence[Label], count: int, seed: int) -> dict[str, Any]:
    with app.open_store(readonly=True) as store:
        index = app.open_index(store)
        try:
            embedder = app.models.of(index.directory, index.stamp)
            snapshot = Keeper(index, store, embedder).refreshed(store)
            engine = InstantSearch(
                embedder,
                model=app.ranking_model,
                bridge=lambda: app.bridge_on_disk.current() or Bridge(),
                weights={n: s.weight for n, s in app.config.sources.items()},
                clock=app.clock,
            )
            searcher = app.searcher_of(store, index, embedder)
            ways = Ways(store, snapshot, engine, searcher, embedder)
            asked = some_of(store, labels, count, seed)
            scores: dict[str, Scores] = {}
            for title, own, label in asked:
                for name, found in ways.ask(title, own).items():
                    scores.setdefault(name, Scores()).add(found, label)
            head = {
                "passages": snapshot.passages,
                "questions": len(asked),
                "with": {
                    name: sum(bool(label.linked[kind]) for _, _, label in asked)
                    for kind, name in KIND_NAMES.items()
                },
            }
            return head | figures(scores)
        finally:
            index.close()


def some_of(
    store: Store, labels: Iterable[Label], count: int, seed: int
) -> list[tuple[str, DocumentId, Label]]:
    """Topics that are held and were answered with links, with their titles."""
    known = []
    for label in labels:
        topic = store.documents.find(_HISTORY, str(label.topic_id))
        if topic is not None and topic.listed and any(label.linked.values()):
            known.append((topic.title, topic.id, label))
    assert known, "none of the labelled topics is held"
    source = random.Random(seed)  # noqa: S311 - a sample, not secrets
    return source.sample(known, min(count, len(known)))


def show(told: Mapping[str, Any]) -> Iterator[str]:
    asked = ", ".join(f"{count} with {name}" for name, count in told["with"].items())
    yield f"{told['passages']} passages; {told['questions']} questions, {asked}"
    for kind in (*KIND_NAMES.values(), BOTH):
        yield f"\n{kind:16} {'nDCG@10':>8} {'R@5':>8}   nDCG@10, instant apart (95 %)"
        for name, of in told["ways"].items():
            if kind in of:
                apart = told["differences"].get(name, {}).get(kind)
                mean, low, high = apart or (0, 0, 0)
                far = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" if apart else ""
                cells = (of[kind][metric] for metric in METRICS)
                yield (
                    f"  {name:14} " + " ".join(f"{c:8.3f}" for c in cells) + f"   {far}"
                )
    yield "\nconfidences of the first ten"
    for name, by_kind in told["reliability"].items():
        for kind, of in by_kind.items():
            yield (
                f"  {name:14} {kind:8} ECE {of['ece']:.3f}, {of['hits']} hits, "
                f"sure {of['mean_confidence']:.3f}, right {of['share_right']:.3f}"
            )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    labels = read_labels(options.labels)
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        app = App(load_config(installed(options, folder)))
        told = measure(app, labels, options.questions, options.seed)
    print(json.dumps(told) if options.json else "\n".join(show(told)))


if __name__ == "__main__":
    main()
