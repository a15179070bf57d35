"""The report's charts, as `bot.drawing` writes them: numbers and our own words only.

Names of groups are the forum's, so bars beside them are drawn by the page's table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.drawing import CURVE, GRID, MARK, MUTED, drawing, svg
from bot.replay_charts import calibration_chart
from bot.report.model import Bin, Figure, Group
from kb.metrics import ReliabilityPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (4.6, 2.9)
# As many dates as fit below a chart of that width.
_MOST_DATES = 4
# Single points can be told apart up to here.
_MOST_MARKED = 31
# Where a line across helps, in hours; waits span four powers of ten.
_WAITS = (
    (1 / 60, "1 min"),
    (0.25, "15 min"),
    (1, "1 hour"),
    (6, "6 hours"),
    (24, "1 day"),
    (72, "3 days"),
    (168, "1 week"),
    (730, "1 month"),
    (8766, "1 year"),
    (87660, "10 years"),
)


def figure_of(group: Group, name: str) -> Figure | None:
    """The figure of that name, if the group has it."""
    return next((figure for figure in group.figures if figure.name == name), None)


def activity_chart(name: str, title: str, groups: Sequence[Group]) -> str:
    """How many topics were asked, answered and solved, in the order of *groups*.

    Args:
        groups: Named by their dates.
        name: Unique in the page; letters, digits and hyphens.
        title: For who cannot see it.

    Returns:
        An SVG element; empty when there is nothing to draw.
    """
    asked = _counts(groups, "asked")
    if not any(asked):
        return ""
    with drawing(_SIZE) as figure:
        axes = figure.add_subplot()
        places = range(len(groups))
        axes.bar(places, asked, color=MUTED, alpha=0.3, width=0.8, label="asked")
        style = _style(groups)
        for each, colour in (("answered", CURVE), ("solved", MARK)):
            axes.plot(places, _counts(groups, each), style, color=colour, label=each)
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="y", nbins=5, integer=True)
        _finish(axes, groups)
        return svg(
            figure,
            name,
            title,
            f"{sum(asked):.0f} asked, {sum(_counts(groups, 'answered')):.0f} answered "
            f"by a person, {sum(_counts(groups, 'solved')):.0f} solved, "
            f"from {groups[0].name} to {groups[-1].name}.",
        )


def waiting_chart(name: str, title: str, groups: Sequence[Group]) -> str:
    """How long topics waited for a person, half of them and nine of ten.

    Args and result as of `activity_chart`.
    """
    lines = (
        ("first_reply_median", "median", CURVE),
        ("first_reply_p90", "90th percentile", MARK),
    )
    # Less than a minute is as good as a minute, and no place on a logarithmic axis.
    waits = {
        each: [
            None if hours is None else max(hours, _WAITS[0][0])
            for hours in _values(groups, each)
        ]
        for each, _, _ in lines
    }
    known = [hours for each in waits.values() for hours in each if hours is not None]
    if not known:
        return ""
    with drawing(_SIZE) as figure:
        axes = figure.add_subplot()
        axes.set_yscale("log")
        for each, label, colour in lines:
            heights = [
                float("nan") if hours is None else hours for hours in waits[each]
            ]
            axes.plot(
                range(len(groups)), heights, _style(groups), color=colour, label=label
            )
        low, high = min(known) / 1.5, max(known) * 1.5
        axes.set_ylim(low, high)
        ticks = [(hours, label) for hours, label in _WAITS if low <= hours <= high]
        axes.set_yticks([hours for hours, _ in ticks], [label for _, label in ticks])
        axes.minorticks_off()
        _finish(axes, groups)
        ends = "; ".join(
            f"{label} from {min(some):.1f} to {max(some):.1f} hours"
            for each, label, _ in lines
            if (some := [hours for hours in waits[each] if hours is not None])
        )
        return svg(figure, name, title, f"{ends}.")


def sureness_chart(name: str, title: str, bins: Sequence[Bin]) -> str:
    """How often replies that were about as sure helped; below, how many there are.

    Args and result as of `activity_chart`.
    """
    if not bins:
        return ""
    points = [
        ReliabilityPoint(each.confidence, each.share, each.low, each.high, each.n)
        for each in bins
    ]
    # How each of them ended is no part of the drawing.
    outcomes = [(each.confidence, True) for each in bins for _ in range(each.n)]
    return calibration_chart(name, title, points, outcomes, did="helped")


def bar(part: float | None, share: float | None) -> str:
    """A bar as long as *part* of the longest, full for *share* of it."""
    length = 100 * min(max(part or 0.0, 0.0), 1.0)
    full = length * min(max(share or 0.0, 0.0), 1.0)
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" '
        'aria-hidden="true" focusable="false">'
        f'<rect class="all" width="{length:.1f}" height="8"/>'
        f'<rect class="part" width="{full:.1f}" height="8"/></svg>'
    )


def _values(groups: Sequence[Group], name: str) -> list[float | None]:
    found = (figure_of(group, name) for group in groups)
    return [None if figure is None else figure.value for figure in found]


def _counts(groups: Sequence[Group], name: str) -> list[float]:
    """How many topics it is of each group, also where the figure is a share."""
    counts = []
    for group in groups:
        figure = figure_of(group, name)
        value = 0.0 if figure is None or figure.value is None else figure.value
        counts.append(
            round(value * figure.n) if figure and figure.unit == "share" else value
        )
    return counts


def _style(groups: Sequence[Group]) -> str:
    return "o-" if len(groups) <= _MOST_MARKED else "-"


def _finish(axes: Axes, groups: Sequence[Group]) -> None:
    step = -(-len(groups) // _MOST_DATES)
    places = range(0, len(groups), step)
    axes.set_xticks(places, [groups[place].name for place in places])
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for line in axes.lines:
        line.set(markersize=3.5, linewidth=1.6)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=1.4,
    )
