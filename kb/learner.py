"""Learning as time passes: each question is ranked by what was known when it came.

So every confidence that was given is one about the unseen, and how often those were
right calibrates the next: nothing needs to be held back, because everything was.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from kb.calibrate import Floor, fit_calibration, fit_floor
from kb.errors import LeakError
from kb.learn import MIN_EXAMPLES, Example, fit_weights
from kb.model import KindModel, RankingModel
from kb.rank import Ranked
from kb.signals import SIGNALS
from kb.thresholds import Outcome, Thresholds, choose_thresholds
from kb.types import DocumentId, Kind

# Weights are learned anew after so many new questions, and such a share more of them;
# confidence, which is cheap and must follow the forum, after so many new questions.
_STEP, _GROWTH = 50, 1.25
_STEP_CONFIDENCE = 25
# Suggestions per question whose outcome is looked at: about what is ever shown.
_SHOWN = 3
# The newest questions, from which confidence is learned, and thresholds are chosen: a
# forum changes, and ranking gets better with what it learns. So an outcome counts half
# as much as another that is so many questions newer.
_RECENT, _NEWEST = 1_500, 200
_HALF_LIFE = 200
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
        columns: Sequence[str],
    ) -> Shown:
        some = ranked[:_SHOWN]
        rows = [[each.evidence[name] for name in columns] for each in some]
        return cls(
            asked_at=asked_at,
            language=language or "",
            ids=tuple(each.candidate.document_id for each in some),
            confidences=tuple(each.confidence for each in some),
            evidence=np.array(rows).reshape(len(some), len(columns)),
            linked=linked,
        )

    def right(self, at: datetime) -> NDArray[np.bool_]:
        """Which of them had been linked before a moment."""
        known = [i in self.linked and self.linked[i] < at for i in self.ids]
        return np.array(known, dtype=bool)

    def is_answered(self, at: datetime) -> bool:
        """Whether anything had been linked before a moment."""
        return any(when < at for when in self.linked.values())


class Learner:
    """Holds what was asked and linked so far, and learns from it when it is time.

    Args:
        start: What to begin with, and to stay close to while little is known.
        names: Signals that may be used; all by default.

    Attributes:
        start: The same with these signals alone.
    """

    def __init__(
        self, start: RankingModel, names: Sequence[str] = tuple(SIGNALS)
    ) -> None:
        self._names = tuple(names)
        self.start = start.only(self._names)
        # Nothing has been learned here, wherever the start was.
        kinds = self.start.kinds
        kinds = {kind: replace(model, examples=0) for kind, model in kinds.items()}
        self._start = replace(start, kinds=kinds)
        self._model = self._start
        self._begun: dict[Kind, KindModel] = {}
        self._examples: defaultdict[Kind, list[Example]] = defaultdict(list)
        self._shown: defaultdict[Kind, list[Shown]] = defaultdict(list)
        # When each example was first answered, in the order of time.
        self._answered: defaultdict[Kind, list[datetime]] = defaultdict(list)
        self._weighed: defaultdict[Kind, int] = defaultdict(int)
        self._calibrated: defaultdict[Kind, int] = defaultdict(int)

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
            linked: Of that kind, what it was answered with, and when; much of it may
                lie ahead.
        """
        if linked:
            found = [each.candidate for each in ranked]
            self._examples[kind].append(
                Example.of(kind, asked_at, found, linked, self._names)
            )
            columns = self._start.of(kind).calibration.names
            self._shown[kind].append(
                Shown.of(asked_at, language, ranked, linked, columns)
            )
            insort(self._answered[kind], min(linked.values()))

    def at(self, moment: datetime) -> RankingModel:
        """The model for a question of that moment, learned anew if that is due.

        Raises:
            LeakError: A question of that moment or later has an answer before it.
        """
        for kind, answered in self._answered.items():
            known = bisect_left(answered, moment)
            last = self._weighed[kind]
            if known >= max(last + _STEP, last * _GROWTH):
                self._weigh(kind, moment)
            if known >= self._calibrated[kind] + _STEP_CONFIDENCE:
                self._calibrate(kind, moment)
        return self._model

    @property
    def model(self) -> RankingModel:
        """What has been learned so far."""
        return self._model

    def learn(self, at: datetime) -> RankingModel:
        """Learn from all that was linked before a moment.

        Raises:
            LeakError: As `at`.
        """
        for kind in sorted(self._examples):
            self._weigh(kind, at)
            self._calibrate(kind, at)
        return self._model

    def _is_taught(self, kind: Kind, known: int) -> bool:
        """Whether a kind has a model of its own, or enough to get one: until then it
        is ranked as another is (`RankingModel.of`), and learns with that."""
        return kind in self._model.kinds or known >= MIN_EXAMPLES

    def _begun_with(self, kind: Kind) -> KindModel:
        """What a kind starts from: of one that the start does not know, what ranked it
        until it was taught."""
        if kind not in self._begun:
            known = self._start.kinds.get(kind)
            self._begun[kind] = known or replace(self._model.of(kind), examples=0)
        return self._begun[kind]

    def _weigh(self, kind: Kind, at: datetime) -> None:
        examples = [e for e in self._examples[kind] if e.known(at)]
        self._weighed[kind] = len(examples)
        if not self._is_taught(kind, len(examples)):
            return
        now = self._model.of(kind)
        weights = fit_weights(
            examples,
            at=at,
            start=self._begun_with(kind).weights,
            guess=now.weights,
        )
        self._put(kind, replace(now, weights=weights, examples=len(examples)), at)

    def _calibrate(self, kind: Kind, at: datetime) -> None:
        known = [s for s in self._shown[kind] if s.is_answered(at)]
        for each in known:
            if each.asked_at >= at:
                raise LeakError("a question to learn from", dated=each.asked_at, at=at)
        self._calibrated[kind] = len(known)
        if len(known) < MIN_EXAMPLES or not self._is_taught(kind, len(known)):
            return
        recent = known[-_RECENT:]
        prior = self._begun_with(kind).calibration
        ages = np.arange(len(recent))[::-1]
        weights = 0.5 ** (ages / _HALF_LIFE)
        calibration = fit_calibration(
            np.concatenate([s.evidence for s in recent]),
            np.concatenate([s.right(at) for s in recent]),
            prior.names,
            weight=np.repeat(weights, [len(s.ids) for s in recent]),
            prior=prior,
        )
        floors = tuple(self._floor(floor, kind, known) for floor in prior.floors)
        calibration = replace(calibration, floors=floors)
        self._put(kind, replace(self._model.of(kind), calibration=calibration), at)
        self._model = replace(self._model, thresholds=self.thresholds(at))

    def _floor(self, floor: Floor, kind: Kind, known: Sequence[Shown]) -> Floor:
        column = self._start.of(kind).calibration.names.index(floor.name)
        return fit_floor(floor, [s.evidence[0, column] for s in known if s.ids])

    def thresholds(
        self,
        at: datetime,
        precisions: Sequence[float] = PRECISIONS,
        rated: Sequence[Outcome] = (),
    ) -> tuple[Thresholds, ...]:
        """Thresholds for some precisions of first suggestions, all of them unseen.

        Args:
            rated: First suggestions that people rated, beside those of the history.
        """
        outcomes = [*self._outcomes(at), *rated]
        return tuple(choose_thresholds(outcomes, precision) for precision in precisions)

    def _put(self, kind: Kind, learned: KindModel, at: datetime) -> None:
        kinds = {**self._model.kinds, kind: learned}
        self._model = replace(self._model, kinds=kinds, learned_until=at)

    def _outcomes(self, at: datetime) -> Iterator[Outcome]:
        """What became of the newest first suggestions, as sure as they were then."""
        for kind, shown in self._shown.items():
            known = [s for s in shown if s.is_answered(at) and s.ids]
            for each in known[-_NEWEST:]:
                right = bool(each.right(at)[0])
                yield Outcome(kind, each.language, each.confidences[0], right)
