"""A report as a screenful for a terminal: what to open now, and how much else there is.

Pure. Whoever prints it takes care of control signs, see `bot.terminal.say`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.escape import shortened, visible
from bot.report.definitions import DEFINITIONS
from bot.report.markdown import period_of
from bot.report.model import (
    Figure,
    OpenQuestion,
    Report,
    Searches,
    Topic,
    Trends,
)
from bot.report.phrases import (
    BOT,
    GAPS,
    HEALTH,
    HELPERS,
    NOTHING_BEFORE,
    OPEN_NOW,
    SAME,
    TRENDS,
    UNMARKED,
    UPKEEP,
    amount,
    basis,
    counted,
    gaps_in_order,
    last_read,
    listed_open,
    need_level,
    searched,
    share,
    solved_there,
    sought_by,
    standing,
    summary,
)

_TITLE_CHARS, _WHY_CHARS = 90, 200
_FEW = 3


def brief(report: Report) -> str:
    """The report in lines."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    span = period_of(report.since, report.until)
    topics = counted(report.topics, "topic")
    yield f"{visible(report.community)}: {span}, {topics} asked"
    if report.private:
        yield "It may hold what not everybody may read."
    for note in report.notes:
        yield f"! {visible(note)}"
    yield f"{summary(report)}."
    yield ""
    count, listed = report.open_now.total.count, len(report.open_now.questions)
    first = f", of which the first {listed}" if listed < count else ""
    yield f"{OPEN_NOW.heading}: {count}{first}"
    for place, question in enumerate(report.open_now.questions, start=1):
        yield from _open_question(place, question)
    repeats = report.repeats
    told = counted(len(repeats.repeats), "repeats", "repeat")
    yield f"{SAME.heading}: {told} an earlier question"
    still_open = listed_open(report)
    for repeat in repeats.repeats[:_FEW]:
        is_open = (repeat.topic.source, repeat.topic.key) in still_open
        also = f" (also under {OPEN_NOW.title})" if is_open else ""
        yield f"  {_title(repeat.topic)}{also}"
        address = visible(repeat.answer.url) or visible(repeat.earlier.url)
        alike = share(repeat.similarity)
        yield f"    {alike} alike, {solved_there(repeat)}: {address}"
    if repeats.clusters:
        groups = counted(len(repeats.clusters), "group")
        yield f"  {groups} of open questions that ask the same"
    yield f"{UNMARKED.heading}: {len(report.unmarked)}"
    for unmarked in report.unmarked[:_FEW]:
        yield f"  {_title(unmarked.topic)}"
        yield f"    {visible(unmarked.url)} ({share(unmarked.sure)} sure)"
    yield f"{HELPERS.heading}: {counted(len(report.who_could_help), 'member')}"
    for load in report.who_could_help[:_FEW]:
        yield f"  {visible(load.name)}: {counted(load.questions, 'question')}"
    asked = counted(report.gaps.questions, "question")
    yield f"{GAPS.heading}: {len(report.gaps.gaps)} in {asked}"
    by_verdict = gaps_in_order(report.gaps.gaps)
    for gap in by_verdict[:_FEW]:
        kind = DEFINITIONS[f"gap_{gap.verdict}"].title
        size = counted(gap.size, "question")
        yield f"  {kind}: {', '.join(map(visible, gap.words))} ({size})"
    if report.gaps.searches is not None:
        yield from _searches(report.gaps.searches)
    yield from _trends(report.trends)
    yield HEALTH.heading
    yield from _figures(report.health.overall)
    yield BOT.heading
    if report.scorecard is None:
        yield "  there is no bot here, or it has decided nothing yet"
    else:
        yield from _figures(report.scorecard.figures)
    upkeep = report.upkeep
    yield f"{UPKEEP.heading}: {counted(len(upkeep.links), 'link')} to mend"
    for link in upkeep.links[:_FEW]:
        problem = link.problem.replace("_", " ")
        yield f"  {problem}: {visible(link.url)} ({counted(link.links, 'post')})"
    for source in upkeep.sources:
        trouble = f", {visible(source.error)}" if source.error else ""
        held = counted(source.documents, "document")
        yield f"  {visible(source.name)}: {held}, {last_read(source)}{trouble}"


def _searches(found: Searches) -> Iterator[str]:
    yield f"  searched: {searched(found)}"
    for each in found.sought[:_FEW]:
        query = shortened(visible(each.query), _TITLE_CHARS)
        yield f"    not found: {query} ({sought_by(each)})"


def _trends(trends: Trends) -> Iterator[str]:
    asked = counted(trends.asked, "question")
    before = f"{trends.asked_before} before" if trends.asked_before else NOTHING_BEFORE
    yield f"{TRENDS.heading}: {asked}, {before}"
    for name, found in (
        ("words", trends.words),
        ("subjects", trends.clusters),
        ("errors", trends.errors),
        ("versions", trends.versions),
    ):
        told = [
            f"{visible(each.label)} ({each.now}"
            + (f", {each.before} before)" if trends.asked_before else ")")
            for each in found[:_FEW]
        ]
        if told:
            yield f"  {name}: {'; '.join(told)}"


def _open_question(place: int, question: OpenQuestion) -> Iterator[str]:
    yield f"  {place}. {_title(question.topic)}"
    yield f"     {visible(question.topic.url)}"
    why = shortened(visible("; ".join(question.why)), _WHY_CHARS)
    yield f"     need {need_level(question.need)} ({share(question.need)}): {why}"
    if question.suggestion is not None:
        best = question.suggestion
        sure = "" if best.confidence is None else f" ({share(best.confidence)} sure)"
        yield f"     best suggestion: {visible(best.url)}{sure}"
    stands = standing(question)
    if stands.sentence:
        reason = shortened(visible(stands.why), _WHY_CHARS)
        yield f"     {stands.sentence} {reason}".rstrip()
    if question.helpers:
        names = ", ".join(visible(helper.name) for helper in question.helpers)
        yield f"     could help: {names}"


def _title(topic: Topic) -> str:
    return shortened(visible(topic.title), _TITLE_CHARS) or f"topic {topic.key}"


def _figures(figures: tuple[Figure, ...]) -> Iterator[str]:
    for figure in figures:
        title = DEFINITIONS[figure.name].title
        of = f" {basis(figure)}" if figure.unit == "share" and basis(figure) else ""
        yield f"  {title}: {amount(figure)}{of}"
