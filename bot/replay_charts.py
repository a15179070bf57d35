"""A replay's curves, as `bot.drawing` writes them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.drawing import CURVE, MARK, MUTED, drawing, percent, percentages, svg
from kb.metrics import CoveragePoint, Outcomes, ReliabilityPoint

# A share among fewer is a dice throw, and would draw a cliff at the left.
_LEAST_DRAWN = 5

Mark = tuple[float, float, float]
"""Precision asked for, coverage and precision got."""


def coverage_chart(
    name: str, title: str, points: Sequence[CoveragePoint], marks: Sequence[Mark]
) -> str:
    """Precision against coverage, with its 95 % interval and the thresholds.

    Args:
        name: Unique in the page; letters, digits and hyphens.
        title: For who cannot see it.
    """
    drawn = [point for point in points if point.n >= _LEAST_DRAWN]
    with drawing() as figure:
        axes = figure.add_subplot()
        percentages(axes, "questions that get one", "suggestions that were right")
        coverage = [point.coverage for point in drawn]
        axes.fill_between(
            coverage,
            [point.low for point in drawn],
            [point.high for point in drawn],
            color=CURVE,
            alpha=0.18,
            linewidth=0,
        )
        axes.plot(
            coverage, [point.precision for point in drawn], color=CURVE, linewidth=1.8
        )
        for asked, got_coverage, got in marks:
            axes.axhline(asked, color=MARK, linewidth=0.8, linestyle=(0, (2, 3)))
            axes.plot(
                got_coverage,
                got,
                "D",
                color=MARK,
                markersize=6,
                zorder=3,
                clip_on=False,
            )
            # Beside the plot, where no curve runs through it.
            axes.annotate(
                percent(asked),
                (1, asked),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                color=MARK,
                fontsize=8.5,
                annotation_clip=False,
            )
        described = "; ".join(
            f"{percent(asked)} asked: {percent(got)} right "
            f"at {percent(coverage)} coverage"
            for asked, coverage, got in marks
        )
        return svg(figure, name, title, described or "No threshold can be reached.")


def calibration_chart(
    name: str,
    title: str,
    points: Sequence[ReliabilityPoint],
    outcomes: Outcomes,
    *,
    did: str = "were right",
) -> str:
    """How often suggestions of a confidence were right; below, how many there are.

    Args:
        name, title: As for `coverage_chart`.
        points: With their 95 % intervals.
        outcomes: What the points were made of.
        did: What those did that the share counts.
    """
    with drawing() as figure:
        upper, lower = figure.subplots(
            2, sharex=True, height_ratios=(4, 1), gridspec_kw={"hspace": 0.08}
        )
        percentages(upper, "", did)
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        upper.errorbar(
            [point.confidence for point in points],
            [point.share for point in points],
            yerr=(
                [point.share - point.low for point in points],
                [point.high - point.share for point in points],
            ),
            fmt="o-",
            color=CURVE,
            markersize=4.5,
            linewidth=1.4,
            elinewidth=1,
            capsize=2.5,
        )
        percentages(lower, "confidence", "how many")
        lower.hist(
            [confidence for confidence, _ in outcomes],
            bins=[i / 20 for i in range(21)],
            color=CURVE,
            alpha=0.55,
            rwidth=0.86,
        )
        lower.set_ylim(auto=True)
        lower.yaxis.set_major_formatter("{x:.0f}")
        lower.locator_params(axis="y", nbins=2, integer=True)
        figure.align_ylabels()
        described = "; ".join(
            f"{percent(point.confidence)} sure: "
            f"{percent(point.share)} of {point.n} right"
            for point in points
        )
        return svg(figure, name, title, described)
