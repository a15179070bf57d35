"""Learning as time passes: each question is ranked by what was known when it came.

So every confidence that was given is one about the unseen, and how often those were
right calibrates the next: nothing needs to be held back, because everything was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from kb.calibrate import Outcome, Thresholds, choose_thresholds, fit_calibration
from kb.learn import Example, fit_weights
from kb.model import KindModel, RankingModel
from kb.rank import EVIDENCE, Ranked
from kb.signals import SIGNALS
from kb.types import DocumentId, Kind

# Learning anew after so many new questions, and after such a share more of them.
_STEP, _GROWTH = 50, 1.25
# Suggestions per question whose outcome is looked at.
_SHOWN = 10
# The newest questions, from which confidence is learned: a forum changes.
_RECENT = 2_000
PRECISIONS = (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True, slots=True)
class Shown:
    """What was suggested for a question, best first, when nobody knew the answer."""

    asked_at: datetime
    language: str
    ids: tuple[DocumentId, ...]
    confidences: tuple[float, ...]
    evidence: NDArray[np.float64]
    linked: Mapping[DocumentId, datetime]

    @classmethod
    def of(
        cls,
        asked_at: datetime,
        language: str | None,
        ranked: Sequence[Ranked],
        linked: Mapping[DocumentId, datetime],
    ) -> Shown:
        some = ranked[:_SHOWN]
        rows = [[each.evidence[name] for name in EVIDENCE] for each in some]
        return cls(
            asked_at=asked_at,
            language=language or "",
            ids=tuple(each.candidate.document_id for each in some),
            confidences=tuple(each.confidence for each in some),
            evidence=np.array(rows).reshape(len(some), len(EVIDENCE)),
            linked=linked,
        )

    def right(self, at: datetime) -> NDArray[np.bool_]:
        """Which of them had been linked before a moment."""
        return np.array([i in self.linked and self.linked[i] < at for i in self.ids])


class Learner:
    """Holds what was asked and linked so far, and learns from it when it is time.

    Args:
        start: What to begin with, and to stay close to while little is known.
        names: Signals that may be used; all by default.
    """

    def __init__(
        self, start: RankingModel, names: Sequence[str] = tuple(SIGNALS)
    ) -> None:
        self._names = tuple(names)
        self._start = start.only(self._names)
        self._model = self._start
        self._examples: defaultdict[Kind, list[Example]] = defaultdict(list)
        self._shown: defaultdict[Kind, list[Shown]] = defaultdict(list)
        self._learned_from: defaultdict[Kind, int] = defaultdict(int)

    def take(
        self,
        kind: Kind,
        asked_at: datetime,
        language: str | None,
        ranked: Sequence[Ranked],
        linked: Mapping[DocumentId, datetime],
    ) -> None:
        """Take in a question as it was ranked, to learn from as it gets its answers.

        Args:
            ranked: By the model of that moment, see `at`.
            linked: What it was answered with, and when; much of it may lie ahead.
        """
        if linked:
            found = [each.candidate for each in ranked]
            self._examples[kind].append(
                Example.of(kind, asked_at, found, linked, self._names)
            )
            self._shown[kind].append(Shown.of(asked_at, language, ranked, linked))

    def at(self, moment: datetime) -> RankingModel:
        """The model for a question of that moment, learned anew if that is due."""
        due = {
            kind
            for kind, examples in self._examples.items()
            if self._is_due(kind, sum(bool(e.known(moment)) for e in examples))
        }
        return self.learn(moment, due) if due else self._model

    def _is_due(self, kind: Kind, known: int) -> bool:
        last = self._learned_from[kind]
        return known >= max(last + _STEP, last * _GROWTH)

    def learn(self, at: datetime, kinds: set[Kind] | None = None) -> RankingModel:
        """Learn from all that was linked before a moment."""
        models = dict(self._model.kinds)
        for kind in sorted(self._examples if kinds is None else kinds):
            models[kind] = self._learned(kind, at)
        self._model = replace(self._model, kinds=models, learned_until=at)
        return self._model

    def _learned(self, kind: Kind, at: datetime) -> KindModel:
        examples = [e for e in self._examples[kind] if e.known(at)]
        self._learned_from[kind] = len(examples)
        start = self._start.of(kind)
        now = self._model.of(kind)
        weights = fit_weights(examples, at=at, start=start.weights, guess=now.weights)
        shown = [s for s in self._shown[kind] if s.asked_at < at and s.right(at).size]
        known = [s for s in shown if any(when < at for when in s.linked.values())]
        calibration = start.calibration
        if known:
            recent = known[-_RECENT:]
            calibration = fit_calibration(
                np.concatenate([s.evidence for s in recent]),
                np.concatenate([s.right(at) for s in recent]),
                EVIDENCE,
                prior=start.calibration,
            )
        return KindModel(weights, calibration, examples=len(examples))

    def thresholds(self, at: datetime) -> tuple[Thresholds, ...]:
        """Thresholds for some precisions of first suggestions, all of them unseen."""
        outcomes = [
            Outcome(kind, s.language, s.confidences[0], bool(s.right(at)[0]))
            for kind, shown in self._shown.items()
            for s in shown[-_RECENT:]
            if s.ids and any(when < at for when in s.linked.values())
        ]
        return tuple(choose_thresholds(outcomes, precision) for precision in PRECISIONS)
