"""A report as a screenful for a terminal: what to open now, and how much else there is.

Pure. Whoever prints it takes care of control signs, see `bot.terminal.say`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.escape import shortened, visible
from bot.report.definitions import DEFINITIONS
from bot.report.model import Figure, OpenQuestion, Report, Topic

_TITLE_CHARS, _WHY_CHARS = 90, 200
_FEW = 3


def brief(report: Report) -> str:
    """The report in lines."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    span = f"{report.since:%Y-%m-%d} to {report.until:%Y-%m-%d %H:%M} UTC"
    yield f"{visible(report.community)}: {span}, {report.topics} topics asked"
    if report.private:
        yield "It may hold what not everybody may read."
    for note in report.notes:
        yield f"! {visible(note)}"
    total = report.open_now.total.count
    yield ""
    yield f"1 Open now: {total}, of which the first {len(report.open_now.questions)}"
    for place, question in enumerate(report.open_now.questions, start=1):
        yield from _question(place, question)
    repeats = report.repeats
    yield f"2 Probably the same: {len(repeats.repeats)} that repeat a solved question"
    for repeat in repeats.repeats[:_FEW]:
        yield f"  {_title(repeat.topic)}"
        yield f"    as {repeat.earlier.url} ({repeat.similarity:.2f})"
    yield f"  {len(repeats.clusters)} groups of open questions that ask the same"
    yield f"3 Answered, but not marked solved: {len(report.unmarked)}"
    for unmarked in report.unmarked[:_FEW]:
        yield f"  {_title(unmarked.topic)}"
        yield f"    {unmarked.url} ({unmarked.sure:.2f})"
    yield f"4 Who could help: {len(report.who_could_help)} members"
    for load in report.who_could_help[:_FEW]:
        yield f"  {visible(load.name)}: {load.questions} questions"
    yield f"5 Gaps: {len(report.gaps.gaps)} in {report.gaps.questions} questions"
    for gap in report.gaps.gaps[:_FEW]:
        kind = "nothing exists" if gap.verdict == "missing" else "exists, is not found"
        yield f"  {', '.join(map(visible, gap.words))}: {gap.size} questions, {kind}"
    trends = report.trends
    yield f"6 Trends: {trends.asked} questions, {trends.asked_before} before"
    for name, found in (
        ("words", trends.words),
        ("clusters", trends.clusters),
        ("errors", trends.errors),
        ("versions", trends.versions),
    ):
        told = (f"{visible(r.label)} ({r.now}, {r.before} before)" for r in found)
        if found:
            yield f"  {name}: {'; '.join(list(told)[:_FEW])}"
    yield "7 Community health"
    yield from _figures(report.health.overall)
    yield "8 Bot"
    if report.scorecard is None:
        yield "  there is no bot here, or it has decided nothing yet"
    else:
        yield from _figures(report.scorecard.figures)
    upkeep = report.upkeep
    yield f"9 Upkeep: {len(upkeep.links)} links in answers need somebody"
    for link in upkeep.links[:_FEW]:
        yield f"  {link.problem}: {visible(link.url)} ({link.links} posts)"
    for source in upkeep.sources:
        age = "never read" if source.age_hours is None else f"{source.age_hours:.0f} h"
        trouble = f", {visible(source.error)}" if source.error else ""
        yield f"  {visible(source.name)}: {source.documents} documents, {age}{trouble}"


def _question(place: int, question: OpenQuestion) -> Iterator[str]:
    yield f"  {place}. {_title(question.topic)}"
    yield f"     {visible(question.topic.url)}"
    why = shortened(visible("; ".join(question.why)), _WHY_CHARS)
    yield f"     need {question.need:.2f}: {why}"
    if question.suggestion is not None:
        best = question.suggestion
        sure = "" if best.confidence is None else f" ({best.confidence:.2f} sure)"
        yield f"     held back: {visible(best.url)}{sure}"
    if question.silence:
        yield f"     silent: {shortened(visible(question.silence), _WHY_CHARS)}"
    if question.helpers:
        names = ", ".join(visible(helper.name) for helper in question.helpers)
        yield f"     could help: {names}"


def _title(topic: Topic) -> str:
    return shortened(visible(topic.title), _TITLE_CHARS) or f"topic {topic.key}"


def _figures(figures: tuple[Figure, ...]) -> Iterator[str]:
    for figure in figures:
        title = DEFINITIONS[figure.name].title
        if figure.value is None:
            value = "–"
        elif figure.unit == "share":
            value = f"{figure.value:.0%} of {figure.n}"
        elif figure.unit == "hours":
            value = f"{figure.value:.1f} h"
        else:
            value = f"{figure.value:.0f}"
        yield f"  {title}: {value}"
