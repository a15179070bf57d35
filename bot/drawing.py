"""Charts as SVG that stands in a page: no script, no address, no date.

Colours are the page's: a drawing names CSS variables (``--ink``, ``--muted``,
``--grid``, ``--curve``, ``--mark``), so one drawing serves light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib knows no CSS: these stand for the page's variables until the SVG is
# written. Not black, which it leaves out.
INK, MUTED, GRID, CURVE, MARK = (
    "#010101",
    "#020202",
    "#030303",
    "#040404",
    "#050505",
)
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    CURVE: "--curve",
    MARK: "--mark",
}
# Inches at 72 dots: about a phone's width, so that text there is as big as it says.
SIZE = (4.3, 3.3)
# Matplotlib's settings are those of the process, and an endpoint has several threads.
_SETTINGS = Lock()


@contextmanager
def drawing(size: tuple[float, float] = SIZE) -> Iterator[Figure]:
    """An empty figure of *size* inches, which `svg` writes down.

    Its settings last as long as it is drawn and written.
    """
    # A second of imports, which only a report is worth.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Any: matplotlib's own type lists its three hundred names.
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "baraza",
        "font.size": 9.5,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with _SETTINGS, rc_context(settings):
        yield Figure(figsize=size, layout="constrained")


def percentages(axes: Axes, across: str, up: str) -> None:
    """Both ways from 0 to 100 %, with a grid behind."""
    from matplotlib.ticker import PercentFormatter

    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=across, ylabel=up)
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol="\u00a0%"))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol="\u00a0%"))
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def percent(share: float) -> str:
    """As a text says it; axes have their own."""
    return f"{share * 100:.0f}\u00a0%"


def svg(figure: Figure, name: str, title: str, described: str) -> str:
    """The drawing as an element for a page.

    Args:
        name: Unique in the page; letters, digits and hyphens.
        title, described: For who cannot see it.
    """
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
    width, height = figure.get_size_inches()
    head = (
        f'<svg class="chart" viewBox="0 0 {width * 72:g} {height * 72:g}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-desc">{escape(described)}</desc>'
    )
    return re.sub(r"<svg[^>]*>", lambda _: head, text, count=1)
