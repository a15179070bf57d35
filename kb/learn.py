"""Learn how much each signal counts, from what a community's helpers linked. Pure.

A small linear model, so that people can read it: candidates of a question are
ordered by a weighted sum of their standardised signals, and the weights are those
under which the documents that were linked are likeliest to be picked, one
question after another (the softmax over a question's candidates, also known as
ListNet's top-one probability, or as conditional logit). Weights are drawn towards
those that the learning starts from: a community with little history keeps the
ones it was given, one with much history overrules them.

Source:
    Cao et al., Learning to Rank: From Pairwise Approach to Listwise Approach,
    ICML 2007, doi:10.1145/1273496.1273513.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from kb.errors import LeakError
from kb.rank import standardised
from kb.types import Candidate, DocumentId, Kind

Float = NDArray[np.float32]

# How strongly weights are drawn to where they start, in questions: so many have to
# agree before a weight moves far.
PULL = 12.0
# Candidates that are kept of a question: those far down teach little.
MAX_CANDIDATES = 250
MIN_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Example:
    """A question of the past: what could be suggested, and what people linked.

    Attributes:
        ids: Candidates of one kind.
        signals: Standardised, shape ``(len(ids), len(names))``, float32.
        linked: When each document was first linked in answer to the question.

    The first `MAX_CANDIDATES` are those that the ranking of that time put first;
    what stands after them was linked, then or later.
    """

    kind: Kind
    asked_at: datetime
    names: tuple[str, ...]
    ids: tuple[DocumentId, ...]
    signals: Float
    linked: Mapping[DocumentId, datetime]

    @classmethod
    def of(
        cls,
        kind: Kind,
        asked_at: datetime,
        candidates: Sequence[Candidate],
        linked: Mapping[DocumentId, datetime],
        names: Sequence[str],
    ) -> Example:
        """Make one.

        Args:
            candidates: Best first.
        """
        signals = standardised(candidates, names)
        ids = [candidate.document_id for candidate in candidates]
        rows = [
            row
            for row, document_id in enumerate(ids)
            if row < MAX_CANDIDATES or document_id in linked
        ]
        return cls(
            kind=kind,
            asked_at=asked_at,
            names=tuple(names),
            ids=tuple(ids[row] for row in rows),
            signals=signals[rows],
            linked=linked,
        )

    def known(self, at: datetime) -> frozenset[DocumentId]:
        """What had been linked before a moment."""
        return frozenset(i for i, when in self.linked.items() if when < at)


def fit_weights(
    examples: Sequence[Example],
    *,
    at: datetime,
    start: Mapping[str, float],
    guess: Mapping[str, float] | None = None,
    pull: float = PULL,
) -> dict[str, float]:
    """The weights that explain best what was linked, of what was known at a moment.

    Args:
        examples: Of one kind, with the same names. Those without a link that was
            known by then, or whose linked documents are no candidates, say nothing.
        at: The moment of learning.
        start: What the weights are drawn to; 0 for those not named.
        guess: Weights near the ones sought, such as the last ones: only saves time.

    Returns:
        A weight per name; *start* itself when fewer than `MIN_EXAMPLES` say something.

    Raises:
        LeakError: An example was asked at or after *at*.
    """
    for example in examples:
        if example.asked_at >= at:
            raise LeakError("a question to learn from", dated=example.asked_at, at=at)
    lists = [_List.of(example, at) for example in examples]
    told = [each for each in lists if each is not None]
    names = examples[0].names if examples else tuple(start)
    origin = np.array([start.get(name, 0.0) for name in names])
    if len(told) < MIN_EXAMPLES:
        return dict(zip(names, origin.tolist(), strict=True))
    # Here and not above: whoever only ranks need not wait for it.
    from scipy.optimize import minimize

    problem = _Problem.of(told, origin, pull)
    first = np.array([(guess or start).get(name, 0.0) for name in names])
    found = minimize(problem, first, jac=True, method="L-BFGS-B")
    return dict(zip(names, found.x.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _List:
    """What an example teaches: rows of signals, and the share of each in the answer."""

    signals: Float
    share: Float

    @classmethod
    def of(cls, example: Example, at: datetime) -> _List | None:
        known = example.known(at)
        right = np.array([i in known for i in example.ids], dtype=bool)
        # What stands far down and is not linked yet must not be known to be special.
        there = right | (np.arange(len(right)) < MAX_CANDIDATES)
        signals, right = example.signals[there], right[there]
        if not right.any() or right.all():
            return None
        return cls(signals, (right / right.sum()).astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Problem:
    """The negative log-likelihood of all lists, with its gradient."""

    signals: Float
    share: Float
    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]
    origin: NDArray[np.float64]
    pull: float

    @classmethod
    def of(
        cls, lists: Sequence[_List], origin: NDArray[np.float64], pull: float
    ) -> _Problem:
        lengths = np.array([len(each.share) for each in lists], dtype=np.intp)
        return cls(
            signals=np.concatenate([each.signals for each in lists]),
            share=np.concatenate([each.share for each in lists]),
            starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp),
            lengths=lengths,
            origin=origin,
            pull=pull,
        )

    def __call__(
        self, weights: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        scores = self.signals @ weights.astype(np.float32)
        scores -= np.repeat(np.maximum.reduceat(scores, self.starts), self.lengths)
        powers = np.exp(scores)
        sums = np.add.reduceat(powers, self.starts)
        # The shares of a list sum to 1, so its normaliser counts once.
        loss = float(np.log(sums).sum() - (self.share * scores).sum())
        chances = powers / np.repeat(sums, self.lengths)
        gradient = (chances - self.share) @ self.signals
        away = weights - self.origin
        return (
            loss + self.pull / 2 * float(away @ away),
            gradient.astype(np.float64) + self.pull * away,
        )
