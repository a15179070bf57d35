"""The report as one HTML page that needs nothing else: no script, nothing to fetch.

Pure: a report in, text out. The forum's words are not to be trusted: templates escape
all of them, and only web addresses become links.
"""

from __future__ import annotations

import base64
import csv as comma_separated
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bot.pages import templates
from bot.report import model, phrases
from bot.report.charts import (
    activity_chart,
    bar,
    figure_of,
    sureness_chart,
    waiting_chart,
)
from bot.report.definitions import DEFINITIONS

if TYPE_CHECKING:
    from jinja2 import Environment

# All tables that a page carries; a longer one is left to a command. What a browser
# takes as one address goes further, what a mail takes does not.
MAX_TABLES_BYTES = 8_000_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Section:
    """An entry of the table of contents.

    Attributes:
        count: How much is to be done in it, as text; empty: nothing.
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

    # A line through a handful of topics shows chance alone.
    over_time = report.health.over_time if report.topics >= phrases.MANY else ()
    calibration = report.scorecard.calibration if report.scorecard else ()
    if sum(each.n for each in calibration) < phrases.MANY:
        calibration = ()
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
            sections={each.anchor: each for each in phrases.SECTIONS},
            phrases=phrases,
            definitions=DEFINITIONS,
            charts={name: Markup(svg) for name, svg in drawn.items()},  # noqa: S704
            columns=_columns,
            figure_of=figure_of,
            bar=lambda part, share: Markup(bar(part, share)),  # noqa: S704
            downloads=_downloads(csv or {}),
            before={figure.name: figure for figure in report.health.before},
            open_topics=phrases.listed_open(report),
        )
    )


@cache
def _environment() -> Environment:
    """Compiled once: an endpoint writes many pages."""
    environment = templates()
    environment.filters |= {
        "amount": lambda figure: _unbroken(phrases.amount(figure)),
        "interval": lambda figure: _unbroken(phrases.interval(figure)),
        "basis": phrases.basis,
        "age": lambda hours: _unbroken(phrases.age(hours)),
        "counted": phrases.counted,
        "level": phrases.need_level,
        "standing": phrases.standing,
        "language_name": phrases.language_name,
        "day": lambda moment: f"{moment:%Y-%m-%d}",
        "minute": lambda moment: f"{moment:%Y-%m-%d %H:%M}",
        "machine": lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "number": lambda count: f"{count:,}",
        "kind": lambda kind: phrases.KIND_NAMES[kind],
        "asked_of": lambda group: _value(group, "asked"),
        "answered_of": lambda group: _value(group, "answered"),
    }
    environment.tests["language"] = lambda tag: bool(_LANGUAGE.fullmatch(tag or ""))
    return environment


def _contents(report: model.Report) -> list[_Section]:
    """The menu; counts are of what is to be done."""
    to_do = Counter[str]()
    for task in phrases.tasks(report):
        # Of drafts, the questions are counted already.
        if task.section is not phrases.OPEN_NOW:
            to_do[task.section.anchor] += task.count
    to_do[phrases.OPEN_NOW.anchor] = report.open_now.total.count
    return [
        *(
            _Section(
                each.anchor,
                each.heading,
                f"{to_do[each.anchor]:,}" if to_do[each.anchor] else "",
            )
            for each in phrases.SECTIONS
        ),
        _Section("tables", "Tables"),
        _Section("definitions", "Definitions"),
    ]


def _unbroken(text: str) -> str:
    return text.replace(" ", "\u00a0")


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
