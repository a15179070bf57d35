"""What was learned of two languages, as lines for people; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.escape import visible
from bot.terminal import ago

if TYPE_CHECKING:
    from bot.bridging import BridgeFacts, BridgeReport, Meaning, TableReport

_NOTHING = (
    "nothing says the same in several languages yet. Name files of"
    " translations as a source of type terms, or tell the languages of pages "
    "by a rule with a group named language; then run baraza harvest"
)
_FORGOTTEN = (
    "nothing says the same in several languages any more: what was learned from it is "
    "forgotten"
)


def bridge_lines(report: BridgeReport) -> str:
    """What was learned, with samples."""
    if report.saved is None:
        return _FORGOTTEN if report.forgotten else _NOTHING
    lines = []
    for table in report.tables:
        if table.source < table.target:
            lines.append(_sources_line(table, report))
        lines.append(f"{table.source} → {table.target}: {_size(table)}")
        lines += [f"  {_meaning(each)}" for each in table.samples]
    return "\n".join([*lines, f"saved as {report.saved}, {report.seconds:.1f} s"])


def sample_lines(tables: Sequence[TableReport], sample: str) -> str:
    """What a word or term means, in each pair of languages that has it."""
    lines = []
    for table in tables:
        if table.samples:
            lines.append(f"{table.source} → {table.target}")
            lines += [f"  {_meaning(each)}" for each in table.samples]
    return "\n".join(lines) or f"{visible(sample)}: not known in any language"


def bridge_line(facts: BridgeFacts) -> str:
    """Which bridge is in use."""
    if facts.use == "off":
        return "bridge: off (search.bridge)"
    otherwise = "as shipped" if facts.use == "shipped" else "none yet"
    if facts.problem is not None:
        return f"bridge: {otherwise}; {visible(facts.problem)}"
    if facts.age_s is None:
        return f"bridge: {otherwise}; baraza learn bridge"
    texts = ", ".join(
        f"{table.source}-{table.target} {table.texts}"
        for table in facts.tables
        if table.source < table.target
    )
    due = "; translations have changed since: baraza learn bridge"
    return (
        f"bridge: learned {ago(facts.age_s)} from parallel texts: {texts}"
        f"{due if facts.is_due else ''}"
    )


def _sources_line(table: TableReport, report: BridgeReport) -> str:
    pair = f"{table.source}-{table.target}"
    terms, pages = report.terms.get(pair, 0), report.pages.get(pair, 0)
    return (
        f"{table.source} and {table.target}: {table.texts} parallel texts, from "
        f"{terms} texts of files and {pages} pages with their translations"
    )


def _size(table: TableReport) -> str:
    return f"{table.words} words, {table.terms} phrases"


def _meaning(meaning: Meaning) -> str:
    senses = ", ".join(f"{visible(text)} {share:.2f}" for text, share in meaning.senses)
    return f"{visible(meaning.text)} → {senses or 'nothing by itself'}"
