"""How good a run is, against the links that people posted; pure but for reading.

Labels are incomplete (people link one good thread where several would do): read the
figures against each other, not as absolutes.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from kb.metrics import mrr_at_k, ndcg_at_k, precision_at_coverage, recall_at_k

KIND_NAMES = ("threads", "docs")
SUREST = 0.1
SUREST_NAME = "P@1|top10%"

Metric = Callable[[Sequence[object], AbstractSet[object]], float]

METRICS: Mapping[str, Metric] = {
    "nDCG@10": lambda ranking, relevant: ndcg_at_k(ranking, relevant, 10),
    "R@5": lambda ranking, relevant: recall_at_k(ranking, relevant, 5),
    "MRR@10": lambda ranking, relevant: mrr_at_k(ranking, relevant, 10),
    "P@1": lambda ranking, relevant: float(ranking[0] in relevant if ranking else 0),
}


@dataclass(frozen=True, slots=True)
class KindScores:
    """Figures of one run for one kind.

    Attributes:
        metrics: By name, a value per question, in the order of the labels.
        confidences: Per question; -inf where the run has none.
    """

    metrics: Mapping[str, Sequence[float]]
    confidences: Sequence[float]

    @property
    def questions(self) -> int:
        return len(self.confidences)

    def summary(self) -> dict[str, float]:
        """Means over the questions, and P@1 of the surest tenth."""
        means = {name: math.fsum(v) / len(v) for name, v in self.metrics.items()}
        return means | {SUREST_NAME: self._surest()}

    def _surest(self) -> float:
        right = self.metrics["P@1"]
        by_confidence = sorted(
            range(self.questions), key=lambda i: -self.confidences[i]
        )
        # Places in place of confidences: among equals the label's order decides, so
        # that others who score the same files get the same figure.
        outcomes = [(float(-n), right[i] > 0) for n, i in enumerate(by_confidence)]
        return precision_at_coverage(outcomes, SUREST)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where it lies in 95 % of resamples."""

    mean: float
    low: float
    high: float


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, gzipped or not."""
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def labels_since(
    rows: Iterable[dict[str, Any]], since: datetime | None
) -> list[dict[str, Any]]:
    """Labels of topics that were created at or after *since*."""
    return [
        row
        for row in rows
        if since is None or datetime.fromisoformat(row["created_at"]) >= since
    ]


def score(
    labels: Iterable[Mapping[str, Any]], run: Iterable[Mapping[str, Any]]
) -> dict[str, KindScores]:
    """Score a run, per kind; a kind that no label has is absent.

    Args:
        labels: ``{"topic_id", "threads": [ids], "docs": [ids]}``.
        run: Rows as `baraza replay` writes them. A topic that the run lacks counts
            as answered with nothing.
    """
    answers = {row["topic_id"]: row for row in run}
    wanted = {row["topic_id"]: row for row in labels}
    scores = {}
    for kind in KIND_NAMES:
        values: dict[str, list[float]] = {name: [] for name in METRICS}
        confidences = []
        for topic_id, label in wanted.items():
            relevant = frozenset(label.get(kind) or ())
            if not relevant:
                continue
            answer = answers.get(topic_id, {})
            ranking = _ids(answer.get(kind) or ())
            for name, metric in METRICS.items():
                values[name].append(metric(ranking, relevant))
            sure = (answer.get("confidence") or {}).get(kind)
            confidences.append(-math.inf if sure is None else float(sure))
        if confidences:
            scores[kind] = KindScores(values, confidences)
    return scores


def difference(
    values: Sequence[float],
    reference: Sequence[float],
    *,
    resamples: int = 10_000,
    seed: int = 1,
) -> Interval:
    """Mean of the paired differences, *values* minus *reference*, with the percentile
    bootstrap's interval: whole questions are drawn anew, for both at once.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.

    >>> difference([0.5, 0.25], [0.25, 0.0])
    Interval(mean=0.25, low=0.25, high=0.25)

    Raises:
        ValueError: The two are not of one length.
    """
    pairs = zip(values, reference, strict=True)
    apart = np.array([value - other for value, other in pairs])
    rng = np.random.default_rng(seed)
    means = [
        apart[rng.integers(0, len(apart), len(apart))].mean() for _ in range(resamples)
    ]
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(apart.mean()), float(low), float(high))


def _ids(items: Iterable[Any]) -> list[object]:
    """Ids, best first; a repeat must not score twice."""
    ids = (item["id"] if isinstance(item, Mapping) else item for item in items)
    return list(dict.fromkeys(ids))
