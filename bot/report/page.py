"""The report as one HTML page that needs nothing else: no script, nothing to fetch.

Pure: a report in, text out. The forum's words are not to be trusted: templates escape
all of them, and only web addresses become links.
"""

from __future__ import annotations

import base64
import csv as comma_separated
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bot.pages import percent, templates
from bot.report import model
from bot.report.charts import (
    activity_chart,
    bar,
    figure_of,
    sureness_chart,
    waiting_chart,
)
from bot.report.definitions import DEFINITIONS
from kb.types import Kind

if TYPE_CHECKING:
    from jinja2 import Environment

# All tables that a page carries; a longer one is left to a command. What a browser
# takes as one address goes further, what a mail takes does not.
MAX_TABLES_BYTES = 8_000_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)
_KINDS = {
    Kind.THREAD: "thread",
    Kind.DOCS: "documentation",
    Kind.COURSE: "course",
    Kind.VIDEO: "video",
}
_AGES = ((1, "hour"), (24, "day"), (24 * 7, "week"), (24 * 365.25 / 12, "month"))
# Three weeks say more than 21 days, 13 days more than one week.
_LEAST_OF_UNIT = 2


@dataclass(frozen=True, slots=True)
class _Section:
    """An entry of the table of contents.

    Attributes:
        count: How much is in it, as text; empty: nothing that is counted.
    """

    anchor: str
    title: str
    count: str = ""


@dataclass(frozen=True, slots=True)
class _Download:
    """A table that can be saved from the page.

    Attributes:
        address: Its text as an address; empty: it is too long to be in here.
    """

    name: str
    rows: int
    address: str


def render_page(report: model.Report, *, csv: Mapping[str, str] | None = None) -> str:
    """Write the page. The same report gives the same text, byte for byte.

    Args:
        csv: Tables to be saved from the page, as comma-separated text with a heading,
            by name; ``topics`` is the one that figures are counted from. As many as
            fit in `MAX_TABLES_BYTES`; of others, and without any, the page says which
            command writes them.
    """
    # Not needed before there is something to report.
    from markupsafe import Markup

    over_time = report.health.over_time
    calibration = report.scorecard.calibration if report.scorecard else ()
    # Our own drawings, of numbers and fixed words; all else is escaped.
    drawn = {
        "activity": activity_chart(
            "activity", "Topics asked, answered and solved over time", over_time
        ),
        "waiting": waiting_chart(
            "waiting", "Time to the first human reply over time", over_time
        ),
        "sureness": sureness_chart(
            "sureness", "Confidence against the share that helped", calibration
        ),
    }
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            contents=_contents(report),
            definitions=DEFINITIONS,
            charts={name: Markup(svg) for name, svg in drawn.items()},  # noqa: S704
            columns=_columns,
            figure_of=figure_of,
            bar=lambda part, share: Markup(bar(part, share)),  # noqa: S704
            downloads=_downloads(csv or {}),
            before={figure.name: figure for figure in report.health.before},
        )
    )


@cache
def _environment() -> Environment:
    """Compiled once: an endpoint writes many pages."""
    environment = templates()
    environment.filters |= {
        "amount": amount,
        "age": age,
        "day": lambda moment: f"{moment:%Y-%m-%d}",
        "minute": lambda moment: f"{moment:%Y-%m-%d %H:%M}",
        "machine": lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "number": lambda count: f"{count:,}",
        "kind": lambda kind: _KINDS[kind],
        "asked_of": lambda group: _value(group, "asked"),
        "answered_of": lambda group: _value(group, "answered"),
    }
    environment.tests["language"] = lambda tag: bool(_LANGUAGE.fullmatch(tag or ""))
    return environment


def amount(figure: model.Figure) -> str:
    """The value of a figure with its unit; a dash where there is none.

    >>> [amount(model.Figure("a", value, unit, 9, model.Rows(9))) for value, unit in (
    ...     (1234, "count"), (0.25, "share"), (3.5, "hours"), (None, "share"))]
    ['1,234', '25\\xa0%', '3.5\\xa0hours', '–']
    """
    if figure.value is None:
        return "–"
    if figure.unit == "share":
        return percent(figure.value)
    if figure.unit == "hours":
        return _waited(figure.value)
    return f"{figure.value:,.0f}"


def age(hours: float) -> str:
    """How long ago something was, in whole units as people say it.

    >>> [age(hours) for hours in (0.3, 1, 47, 48, 24 * 20, 24 * 90, 24 * 800)]
    ['18 minutes', '1 hour', '47 hours', '2 days', '2 weeks', '2 months', '26 months']
    """
    count, unit = max(0, int(hours * 60)), "minute"
    for length, name in _AGES:
        least = 1 if name == "hour" else _LEAST_OF_UNIT
        if hours >= least * length:
            count, unit = int(hours / length), name
    return f"{count} {unit}" + ("" if count == 1 else "s")


def _waited(hours: float) -> str:
    if hours < 0.995:
        return f"{hours * 60:.0f}\u00a0min"
    value, unit = (hours, "hours") if hours < 48 else (hours / 24, "days")
    return f"{value:.{1 if value < 9.95 else 0}f}\u00a0{unit}"


def _contents(report: model.Report) -> list[_Section]:
    trends = report.trends
    rising = (trends.words, trends.clusters, trends.errors, trends.versions)
    failing = sum(bool(source.error) for source in report.upkeep.sources)
    repeats = report.repeats
    decided = (
        next((f for f in report.scorecard.figures if f.name == "bot_decided"), None)
        if report.scorecard
        else None
    )
    return [
        _Section("open-now", "Open now", f"{report.open_now.total.count:,}"),
        _counted("same", "Probably the same", repeats.repeats, repeats.clusters),
        _counted("unmarked", "Answered, not marked solved", report.unmarked),
        _counted("helpers", "Who could help", report.who_could_help),
        _counted("gaps", "Gaps", report.gaps.gaps),
        _counted("trends", "Trends", *rising),
        _Section("health", "Community health", f"{report.topics:,}"),
        _Section("bot", "Bot scorecard", amount(decided) if decided else "0"),
        _Section("upkeep", "Upkeep", f"{len(report.upkeep.links) + failing:,}"),
        _Section("tables", "Tables"),
        _Section("definitions", "Definitions"),
    ]


def _counted(anchor: str, title: str, *some: Sequence[object]) -> _Section:
    return _Section(anchor, title, f"{sum(map(len, some)):,}")


def _columns(groups: Sequence[model.Group]) -> list[str]:
    """Names of the figures that any of the groups has, in their order."""
    names = (figure.name for group in groups for figure in group.figures)
    return list(dict.fromkeys(names))


def _value(group: model.Group, name: str) -> float:
    figure = figure_of(group, name)
    return 0.0 if figure is None or figure.value is None else figure.value


def _downloads(tables: Mapping[str, str]) -> list[_Download]:
    left = MAX_TABLES_BYTES
    downloads = []
    for name, text in tables.items():
        encoded = base64.b64encode(text.encode()).decode()
        fits = len(encoded) <= left
        left -= len(encoded) if fits else 0
        address = f"data:text/csv;charset=utf-8;base64,{encoded}" if fits else ""
        lines = sum(1 for _ in comma_separated.reader(io.StringIO(text)))
        downloads.append(_Download(name, max(0, lines - 1), address))
    return downloads
