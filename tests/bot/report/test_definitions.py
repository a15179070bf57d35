"""Every figure has its definition, in the program as in the documentation."""

from __future__ import annotations

from pathlib import Path

from bot.report.definitions import DEFINITIONS
from tests.bot.report.sample import sample_report

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "report.md"


def test_every_figure_of_a_report_is_defined() -> None:
    report = sample_report()
    health = report.health
    groups = [health.overall, health.before, *(g.figures for g in health.by_language)]
    groups += [
        g.figures for g in (*report.health.by_category, *report.health.over_time)
    ]
    if report.scorecard is not None:
        groups.append(report.scorecard.figures)

    names = {figure.name for figures in groups for figure in figures}

    assert names <= set(DEFINITIONS)
    assert {"answered", "first_reply_p90", "bot_precision"} <= names


def test_the_documentation_defines_them_in_the_same_words() -> None:
    text = " ".join(DOCUMENT.read_text("utf-8").split())

    for each in DEFINITIONS.values():
        assert f"**{each.title}**: {each.text}" in text
        assert not each.source or f"[{each.source}]({each.url})" in text
