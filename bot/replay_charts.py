"""A replay's curves as SVG that stands in a page: no script, no address, no date.

Colours are the page's: the drawing names CSS variables (``--ink``, ``--muted``,
``--grid``, ``--curve``, ``--mark``), so one drawing serves light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from kb.metrics import CoveragePoint, Outcomes, ReliabilityPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib knows no CSS: these stand for the page's variables until the SVG is
# written. Not black, which it leaves out.
_INK, _MUTED, _GRID, _CURVE, _MARK = (
    "#010101",
    "#020202",
    "#030303",
    "#040404",
    "#050505",
)
_VARIABLES = {
    _INK: "--ink",
    _MUTED: "--muted",
    _GRID: "--grid",
    _CURVE: "--curve",
    _MARK: "--mark",
}
# Inches at 72 dots: about a phone's width, so that text there is as big as it says.
_SIZE = (4.3, 3.3)
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
    with _drawing() as figure:
        axes = figure.add_subplot()
        _percentages(axes, "questions that get one", "suggestions that were right")
        coverage = [point.coverage for point in drawn]
        axes.fill_between(
            coverage,
            [point.low for point in drawn],
            [point.high for point in drawn],
            color=_CURVE,
            alpha=0.18,
            linewidth=0,
        )
        axes.plot(
            coverage, [point.precision for point in drawn], color=_CURVE, linewidth=1.8
        )
        for asked, got_coverage, got in marks:
            axes.axhline(asked, color=_MARK, linewidth=0.8, linestyle=(0, (2, 3)))
            axes.plot(
                got_coverage,
                got,
                "D",
                color=_MARK,
                markersize=6,
                zorder=3,
                clip_on=False,
            )
            # Beside the plot, where no curve runs through it.
            axes.annotate(
                _percent(asked),
                (1, asked),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                color=_MARK,
                fontsize=8.5,
                annotation_clip=False,
            )
        described = "; ".join(
            f"{_percent(asked)} asked: {_percent(got)} right "
            f"at {_percent(coverage)} coverage"
            for asked, coverage, got in marks
        )
        return _svg(figure, name, title, described or "No threshold can be reached.")


def calibration_chart(
    name: str, title: str, points: Sequence[ReliabilityPoint], outcomes: Outcomes
) -> str:
    """How often suggestions of a confidence were right; below, how many there are.

    Args:
        name, title: As for `coverage_chart`.
        points: With their 95 % intervals.
        outcomes: What the points were made of.
    """
    with _drawing() as figure:
        upper, lower = figure.subplots(
            2, sharex=True, height_ratios=(4, 1), gridspec_kw={"hspace": 0.08}
        )
        _percentages(upper, "", "were right")
        upper.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        upper.errorbar(
            [point.confidence for point in points],
            [point.share for point in points],
            yerr=(
                [point.share - point.low for point in points],
                [point.high - point.share for point in points],
            ),
            fmt="o-",
            color=_CURVE,
            markersize=4.5,
            linewidth=1.4,
            elinewidth=1,
            capsize=2.5,
        )
        _percentages(lower, "confidence", "how many")
        lower.hist(
            [confidence for confidence, _ in outcomes],
            bins=[i / 20 for i in range(21)],
            color=_CURVE,
            alpha=0.55,
            rwidth=0.86,
        )
        lower.set_ylim(auto=True)
        lower.yaxis.set_major_formatter("{x:.0f}")
        lower.locator_params(axis="y", nbins=2, integer=True)
        figure.align_ylabels()
        described = "; ".join(
            f"{_percent(point.confidence)} sure: "
            f"{_percent(point.share)} of {point.n} right"
            for point in points
        )
        return _svg(figure, name, title, described)


@contextmanager
def _drawing() -> Iterator[Figure]:
    # A second of imports, which only a report is worth.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Any: matplotlib's own type lists its three hundred names.
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "baraza",
        "font.size": 9.5,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _MUTED,
        "xtick.color": _MUTED,
        "ytick.color": _MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with rc_context(settings):
        yield Figure(figsize=_SIZE, layout="constrained")


def _percentages(axes: Axes, across: str, up: str) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=across, ylabel=up)
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol="\u00a0%"))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol="\u00a0%"))
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _percent(share: float) -> str:
    return f"{share * 100:.0f}\u00a0%"


def _svg(figure: Figure, name: str, title: str, described: str) -> str:
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # Ids are unique in a drawing only; a page has several.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = text.replace("url(#", f"url(#{name}-")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    # The page's own font.
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    head = (
        f'<svg class="chart" viewBox="0 0 {_SIZE[0] * 72:g} {_SIZE[1] * 72:g}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-desc">{escape(described)}</desc>'
    )
    return re.sub(r"<svg[^>]*>", lambda _: head, text, count=1)
