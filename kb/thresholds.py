"""From which confidence on to show a suggestion, for a stated precision. Pure.

Thresholds are chosen on outcomes that the calibration has not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kb.calibrate import Float, most_probable, sigmoid
from kb.metrics import check_outcomes, wilson_interval
from kb.types import Kind

# Fewer right or wrong suggestions than this say nothing of a precision: with twenty,
# a 95 % interval is still as wide as ±0.2.
MIN_SHOWN = 20
# Where most suggestions are right, all of them together may reach a precision. One
# that is so much less sure than that must not be carried by the others.
LEAST_SHARE = 1 / 10
# A language has its own threshold from here on; below, its kind's is used.
MIN_LANGUAGE = 100
# A kind likewise; below, nothing is known.
MIN_KIND = 100
# Log-odds of a probability nearer to 0 or 1 are cut here: one right suggestion that
# nothing spoke for must not outweigh a hundred that were as often right as said.
_EDGE = 0.01
# How strongly the correction of probabilities is held to none: 1 / variance.
_HELD_INTERCEPT, _HELD_SLOPE = 1.0, 6.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which confidence on suggestions are as often right as was asked.

    Attributes:
        asked: The precision that was asked for.
        confidence: Shown are suggestions that are at least so sure; ``None``: the
            precision cannot be reached, nothing is shown.
        precision: Share of right ones among those shown, on the history it was
            chosen on; ``None`` where nothing is shown.
        interval: 95 % interval of that share (Wilson).
        coverage: Share of the history's suggestions that is shown.
        n: The history's suggestions.
    """

    asked: float
    confidence: float | None
    precision: float | None
    interval: tuple[float, float] | None
    coverage: float
    n: int

    def shows(self, probability: float) -> bool:
        """Whether a suggestion of that *probability* is shown."""
        return self.confidence is not None and probability >= self.confidence


def choose_threshold(
    outcomes: Sequence[tuple[float, bool]], precision: float
) -> Threshold:
    """The lowest confidence that buys *precision*.

    Precision above a confidence, as counted, jumps with each outcome, and the
    luckiest of its jumps would be chosen. So outcomes first correct the
    probabilities (two parameters, drawn towards no correction), and the average of
    these is what must reach *precision*. Simulated with 200 to 1,000 outcomes of
    calibrated probabilities, fresh suggestions were right as often as asked within
    0.01 on average wherever 50 or more were shown; counted precision and isotonic
    regression scattered more. Near what can just be reached every method falls
    short, as it speaks when it was lucky: by 0.03 to 0.05 with 20 to 30 shown.

    Args:
        outcomes: Probability and whether it was right, of suggestions that
            the probabilities were not learned from.
        precision: In (0, 1).

    Returns:
        A threshold that shows `MIN_SHOWN` of the outcomes or more, or none.
        It also shows none where the precision as counted speaks against it: where
        its interval ends below *precision*. It is never 0, and what it shows is as
        sure as `LEAST_SHARE` of *precision*, as outcomes correct it.

    Raises:
        ValueError: *precision* or a probability is out of range.

    >>> history = [(0.9, True)] * 45 + [(0.9, False)] * 5 + [(0.2, False)] * 50
    >>> threshold = choose_threshold(history, 0.8)
    >>> threshold.confidence, threshold.precision, threshold.coverage
    (0.9, 0.9, 0.5)
    >>> choose_threshold(history, 0.99).confidence is None
    True
    """
    if not 0 < precision < 1:
        raise ValueError(f"precision must be in (0, 1), got {precision}")
    check_outcomes(outcomes)
    silent = Threshold(precision, None, None, None, 0.0, len(outcomes))
    if len(outcomes) < MIN_SHOWN:
        return silent
    # What is not believed at all is never shown, so it has no say in what is.
    surest_first = sorted((o for o in outcomes if o[0] > 0), reverse=True)
    confidences = np.array([sure for sure, _ in surest_first])
    right = np.array([hit for _, hit in surest_first], dtype=np.float64)
    corrected = _corrected(confidences, right)
    expected = np.cumsum(corrected)
    hits = np.cumsum(right)
    for shown in range(len(surest_first), MIN_SHOWN - 1, -1):
        border = confidences[shown - 1]
        if shown < len(surest_first) and confidences[shown] == border:
            continue  # Equal confidences are shown together.
        if corrected[shown - 1] < LEAST_SHARE * precision:
            continue
        if expected[shown - 1] / shown < precision:
            continue
        interval = wilson_interval(int(hits[shown - 1]), shown)
        if interval[1] >= precision:
            return Threshold(
                asked=precision,
                confidence=float(border),
                precision=float(hits[shown - 1] / shown),
                interval=interval,
                coverage=shown / len(outcomes),
                n=len(outcomes),
            )
    return silent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one suggestion.

    Attributes:
        language: Of the question; "" if not known.
        confidence: The probability that was given to it.
    """

    kind: Kind
    language: str
    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class GroupThreshold:
    """A threshold, and for what: a *language* of ``None`` stands for all of them."""

    kind: Kind
    language: str | None
    threshold: Threshold


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds of one precision, per kind and, where enough is known, language."""

    asked: float
    groups: tuple[GroupThreshold, ...] = ()

    def find(self, kind: Kind, language: str) -> Threshold | None:
        """The language's threshold, or else its kind's.

        ``None``: too little is known of the kind. That is not the same as a threshold
        that shows nothing, which is known to be right.
        """
        by_group = {(g.kind, g.language): g.threshold for g in self.groups}
        return by_group.get((kind, language)) or by_group.get((kind, None))

    def shows(self, kind: Kind, language: str, confidence: float) -> bool:
        """Whether a suggestion that is so sure is shown.

        Where nothing is known, the confidence must reach the precision itself.
        """
        known = self.find(kind, language)
        if known is None:
            return confidence >= self.asked
        return known.shows(confidence)


def choose_thresholds(outcomes: Iterable[Outcome], precision: float) -> Thresholds:
    """`choose_threshold` for each kind and language with enough outcomes.

    Raises:
        ValueError: As `choose_threshold`.
    """
    by_group: defaultdict[tuple[Kind, str | None], list[tuple[float, bool]]]
    by_group = defaultdict(list)
    for outcome in outcomes:
        known = (outcome.confidence, outcome.right)
        by_group[outcome.kind, None].append(known)
        if outcome.language:
            by_group[outcome.kind, outcome.language].append(known)
    enough = [
        (kind, language)
        for (kind, language), known in by_group.items()
        if len(known) >= (MIN_KIND if language is None else MIN_LANGUAGE)
    ]
    return Thresholds(
        precision,
        tuple(
            GroupThreshold(
                kind, language, choose_threshold(by_group[kind, language], precision)
            )
            for kind, language in sorted(enough, key=lambda g: (g[0], g[1] or ""))
        ),
    )


def _corrected(confidences: Float, right: Float) -> Float:
    """*confidences*, as the outcomes correct them; the order stays or turns as one."""
    clipped = np.clip(confidences, _EDGE, 1 - _EDGE)
    log_odds = np.log(clipped / (1 - clipped))[:, None]
    found = most_probable(
        log_odds,
        right,
        np.ones(len(right)),
        np.array([0.0, 1.0]),
        np.array([_HELD_INTERCEPT, _HELD_SLOPE]),
    )
    return sigmoid(found[0] + log_odds[:, 0] * found[1])
