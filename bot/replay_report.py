"""What a replay found, for people to read: one HTML page that needs nothing else.

Pure: plain records in, text out. The forum's words are not to be trusted: the
template escapes all of them, and only web addresses become links.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.pages import templates
from bot.replay_charts import Mark, calibration_chart, coverage_chart
from kb.metrics import (
    CoveragePoint,
    ReliabilityPoint,
    expected_calibration_error,
    ndcg_at_k,
    precision_at_coverage,
    precision_coverage_curve,
    recall_at_k,
    reliability_curve,
    wilson_interval,
)
from kb.thresholds import Threshold, Thresholds
from kb.types import Kind

# Shares of the questions, surest first, whose precision the table tells.
SUREST = (0.10, 0.25, 0.50)
# Mistakes listed per kind; reasons told for each.
WORST = 10
_REASONS = 4
# Rows of the table beside a curve.
_STEPS = 10
_HEADINGS = {
    Kind.THREAD: "Threads",
    Kind.DOCS: "Documentation",
    Kind.COURSE: "Courses",
    Kind.VIDEO: "Videos",
}


@dataclass(frozen=True, slots=True)
class ReplaySuggestion:
    """What would have been suggested.

    Attributes:
        confidence: Probability of being right, in [0, 1].
        right: Whether people linked it in answer.
        contributions: Log-odds per piece of evidence; empty where not kept.
    """

    title: str
    url: str
    confidence: float
    right: bool
    contributions: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """A question of the past, and what would have been suggested of one kind.

    Attributes:
        language: "" if not known.
        suggestions: Best first; ten or more for nDCG@10 to be what it says.
        linked: Title and address of what people linked of that kind; may be cut.
        relevant: How many they linked; 0: silence would have been right.
        shown_for: The stated precisions for which the first suggestion would have been
            shown, by the thresholds that were in force when it was asked.
    """

    topic_id: int
    kind: Kind
    title: str
    url: str
    asked_at: datetime
    language: str
    suggestions: tuple[ReplaySuggestion, ...]
    linked: tuple[tuple[str, str], ...]
    relevant: int
    shown_for: frozenset[float] = frozenset()

    def __post_init__(self) -> None:
        found = sum(suggestion.right for suggestion in self.suggestions)
        if found > self.relevant:
            raise ValueError(
                f"topic {self.topic_id}: {found} suggestions are right, "
                f"but only {self.relevant} linked"
            )


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """A threshold, and what it did on held-back time.

    Attributes:
        language: ``None``: all of them, each with the threshold that serves it.
        chosen: ``None`` where too little was known of the kind.
        precision, interval: Of what would have been shown; ``None`` if nothing.
        coverage: Share of the *n* questions with something shown.
        spoken: The same among questions that nobody answered with a link; ``None``
            without any.
    """

    asked: float
    language: str | None
    chosen: Threshold | None
    precision: float | None
    interval: tuple[float, float] | None
    coverage: float
    n: int
    spoken: float | None = None


@dataclass(frozen=True, slots=True)
class KindFigures:
    """A kind on held-back time.

    Attributes:
        questions: With a suggestion; confidence figures are over them.
        scored: Questions for which people linked something; ranking figures are
            averages over them, ``None`` if there are none.
        surest: Precision of the first suggestion per share of `SUREST`.
        unanswered: Questions that nobody answered with a link; only what would have
            been shown for them is told.
    """

    kind: Kind
    questions: int
    scored: int
    ndcg_10: float | None
    recall_5: float | None
    precision_1: float
    surest: tuple[float, ...]
    calibration_error: float
    outcomes: tuple[tuple[float, bool], ...]
    curve: tuple[CoveragePoint, ...]
    reliability: tuple[ReliabilityPoint, ...]
    thresholds: tuple[ThresholdFigures, ...]
    worst: tuple[ReplayOutcome, ...]
    unanswered: int = 0

    @property
    def heading(self) -> str:
        return _HEADINGS[self.kind]


def summarise(
    held_back: Sequence[ReplayOutcome],
    thresholds: Sequence[Thresholds],
    *,
    unanswered: Sequence[ReplayOutcome] = (),
    worst: int = WORST,
) -> list[KindFigures]:
    """The figures of a replay, per kind that had a suggestion.

    Args:
        held_back: Later than all that weights, calibration and thresholds were
            learned from; one per question and kind.
        thresholds: One per stated precision, as they are in the end.
        unanswered: Questions of that time that nobody answered with a link: what was
            right for them nobody knows.
        worst: Mistakes to list per kind: wrong first suggestions, surest first.
    """
    by_kind = {kind: [o for o in held_back if o.kind is kind] for kind in Kind}
    return [
        _figures(
            kind, outcomes, [o for o in unanswered if o.kind is kind], thresholds, worst
        )
        for kind, outcomes in by_kind.items()
        if any(outcome.suggestions for outcome in outcomes)
    ]


def render_report(
    figures: Sequence[KindFigures], *, community: str, made_at: datetime
) -> str:
    """The page. The same figures give the same text, byte for byte.

    Args:
        figures: From `summarise`.
        community: Its name, as the heading tells it.
        made_at: Printed below the heading.
    """
    # Not needed before there is something to report.
    from markupsafe import Markup

    environment = templates()
    environment.filters |= {"figure": _figure, "reasons": _reasons, "place": _place}
    # Our own drawings, of numbers and fixed words; all else is escaped.
    charts = {
        kind.kind: tuple(Markup(svg) for svg in _charts(kind))  # noqa: S704
        for kind in figures
    }
    return environment.get_template("replay.html").render(
        kinds=figures,
        charts=charts,
        community=community,
        made_at=made_at,
        surest=SUREST,
        steps={kind.kind: _steps(kind.curve) for kind in figures},
    )


def _figures(
    kind: Kind,
    held_back: Sequence[ReplayOutcome],
    unanswered: Sequence[ReplayOutcome],
    thresholds: Sequence[Thresholds],
    worst: int,
) -> KindFigures:
    answered = [o for o in held_back if o.suggestions]
    scored = [o for o in held_back if o.relevant]
    firsts = [(o.suggestions[0].confidence, o.suggestions[0].right) for o in answered]
    mistakes = sorted(
        (o for o in answered if not o.suggestions[0].right),
        key=lambda o: (-o.suggestions[0].confidence, o.topic_id),
    )
    return KindFigures(
        kind=kind,
        questions=len(answered),
        scored=len(scored),
        ndcg_10=_mean([ndcg_at_k(*_as_ranking(o), 10) for o in scored]),
        recall_5=_mean([recall_at_k(*_as_ranking(o), 5) for o in scored]),
        precision_1=sum(right for _, right in firsts) / len(firsts),
        surest=tuple(precision_at_coverage(firsts, share) for share in SUREST),
        calibration_error=expected_calibration_error(firsts),
        outcomes=tuple(firsts),
        curve=tuple(precision_coverage_curve(firsts)),
        reliability=tuple(reliability_curve(firsts)),
        thresholds=tuple(
            _threshold_figures(kind, language, chosen, answered, unanswered)
            for chosen in thresholds
            for language in (None, *_languages(kind, chosen, answered))
        ),
        worst=tuple(mistakes[:worst]),
        unanswered=len(unanswered),
    )


def _languages(
    kind: Kind, thresholds: Thresholds, answered: Sequence[ReplayOutcome]
) -> list[str]:
    """Those with thresholds of their own, if not all was asked in one of them."""
    if len({outcome.language for outcome in answered}) < 2:
        return []
    return [g.language for g in thresholds.groups if g.kind is kind and g.language]


def _as_ranking(outcome: ReplayOutcome) -> tuple[list[int], set[int]]:
    """Places as ids; what people linked and nobody suggested is behind them all."""
    places = list(range(len(outcome.suggestions)))
    found = {place for place in places if outcome.suggestions[place].right}
    missing = outcome.relevant - len(found)
    return places, found | {len(places) + i for i in range(missing)}


def _threshold_figures(
    kind: Kind,
    language: str | None,
    thresholds: Thresholds,
    answered: Sequence[ReplayOutcome],
    unanswered: Sequence[ReplayOutcome],
) -> ThresholdFigures:
    def asked_in_it(outcomes: Sequence[ReplayOutcome]) -> list[ReplayOutcome]:
        return [o for o in outcomes if language is None or o.language == language]

    asked_in = asked_in_it(answered)
    shown = [
        outcome.suggestions[0].right
        for outcome in asked_in
        if thresholds.asked in outcome.shown_for
    ]
    others = [thresholds.asked in o.shown_for for o in asked_in_it(unanswered)]
    return ThresholdFigures(
        asked=thresholds.asked,
        language=language,
        chosen=thresholds.find(kind, language or ""),
        precision=_mean(shown),
        interval=wilson_interval(sum(shown), len(shown)) if shown else None,
        coverage=len(shown) / len(asked_in) if asked_in else 0.0,
        n=len(asked_in),
        spoken=_mean(others),
    )


def _charts(figures: KindFigures) -> tuple[str, str]:
    marks: list[Mark] = [
        (t.asked, t.coverage, t.precision)
        for t in figures.thresholds
        if t.language is None and t.precision is not None
    ]
    name, heading = str(figures.kind), figures.heading
    return (
        coverage_chart(
            f"{name}-coverage",
            f"{heading}: precision against coverage",
            figures.curve,
            marks,
        ),
        calibration_chart(
            f"{name}-calibration",
            f"{heading}: confidence against the share that was right",
            figures.reliability,
            figures.outcomes,
        ),
    )


def _steps(curve: Sequence[CoveragePoint]) -> list[CoveragePoint]:
    """The curve's points nearest to each tenth of coverage."""
    steps: list[CoveragePoint] = []
    for number in range(1, _STEPS + 1):
        wanted = number / _STEPS
        nearest = min(curve, key=lambda point: abs(point.coverage - wanted))
        if nearest not in steps:
            steps.append(nearest)
    return steps


def _reasons(suggestion: ReplaySuggestion) -> list[tuple[str, float]]:
    """What told most for or against it, strongest first."""
    by_strength = sorted(
        suggestion.contributions, key=lambda reason: (-abs(reason[1]), reason[0])
    )
    return [reason for reason in by_strength if reason[1]][:_REASONS]


def _place(outcome: ReplayOutcome) -> int | None:
    """Where the first right suggestion stood, counted from 1."""
    for place, suggestion in enumerate(outcome.suggestions, start=1):
        if suggestion.right:
            return place
    return None


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
