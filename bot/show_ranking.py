"""What was learned, and why something is suggested, as lines for people; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.escape import shortened, visible
from bot.naming import NAMES
from kb.learn import MIN_EXAMPLES

if TYPE_CHECKING:
    from bot.explaining import Contribution, Explanation, KindExplained, Suggestion
    from bot.held_back import Figures
    from bot.learning import KindReport, LearnReport
    from bot.ranking import ModelFacts
    from kb.thresholds import Thresholds

_WIDTH = 80
# What weighs less, or adds less to a score, decides nothing.
_SHOWN_FROM = 0.005
# Figures of a ranking that differ by less are the same.
_SAME = 0.001
# Signals of a candidate that are told, unless all are asked for.
_MOST = 6


def model_line(model: ModelFacts) -> str:
    """Which model ranks."""
    if not model.learned:
        where = f", learned on {visible(model.learned_on)}" if model.learned_on else ""
        return f"ranking: as shipped{where}; run baraza learn"
    counts = ", ".join(
        f"{kind} from {n} questions" if n >= MIN_EXAMPLES else f"{kind} as shipped"
        for kind, n in model.examples.items()
    )
    when = f"{model.learned_until:%Y-%m-%d}" if model.learned_until else "no date"
    return f"ranking: learned {when}: {counts}"


def threshold_lines(thresholds: Thresholds, min_confidence: float | None) -> list[str]:
    """What a link's confidence must be."""
    if min_confidence is not None:
        return [f"needed: {min_confidence:.2f} for every kind (bot.min_confidence)"]
    lines = [f"needed for a precision of {thresholds.asked:.2f}:"]
    for group in thresholds.groups:
        known = group.threshold
        name = NAMES[group.kind] + (f" ({group.language})" if group.language else "")
        if known.confidence is None or known.precision is None:
            lines.append(f"  {name}: cannot be reached; opens no answer")
            continue
        low, high = known.interval or (0.0, 1.0)
        lines += _wrapped(
            f"  {name}: {known.confidence:.2f}; of {known.n} questions that members "
            f"answered with one, {known.coverage:.0%} would have got one, and "
            f"{known.precision:.0%} of these led with theirs (likely {low:.0%} to "
            f"{high:.0%})",
            4,
        )
    known_kinds = {group.kind for group in thresholds.groups}
    others = [name for kind, name in NAMES.items() if kind not in known_kinds]
    if others:
        listed = ", ".join(others)
        lines.append(f"  {listed}: {thresholds.asked:.2f}, as too little is known")
    return lines


# -- learning ----------------------------------------------------------------


def learn_lines(report: LearnReport) -> str:
    """What was learned, and how it did."""
    head = (
        f"{report.questions} of {report.threads} questions were answered with links "
        f"to what is stored; {report.seconds:.1f} s, {report.embedded} texts embedded"
    )
    if not report.saved:
        why = "too little to learn from: the weights in use stay"
        return "\n".join([*_wrapped(head), why])
    lines = _wrapped(f"{head}; started from the {report.started_from} weights")
    for kind in report.kinds:
        lines += ["", *_kind_lines(kind, report)]
    lines.append("")
    if report.ratings:
        replies = (
            "1 rated reply"
            if report.ratings == 1
            else (f"{report.ratings} rated replies")
        )
        lines += _wrapped(f"thresholds heed {replies} of the bot")
    for thresholds in report.thresholds:
        if thresholds.asked == report.precision:
            lines += threshold_lines(thresholds, None)
    return "\n".join(lines)


def _kind_lines(kind: KindReport, report: LearnReport) -> list[str]:
    lines = [f"{NAMES[kind.kind]}: learned from {kind.examples} questions"]
    if not kind.is_learned:
        lines = [
            f"{NAMES[kind.kind]}: only {kind.examples} questions; ranked as before"
        ]
    for each in kind.weights:
        if abs(each.weight) >= _SHOWN_FROM:
            lines += _wrapped(f"  {each.weight:+6.2f}  {each.name}: {each.about}", 10)
    if kind.figures is not None:
        since = f"{report.held_back_since:%Y-%m-%d}" if report.held_back_since else ""
        figures = kind.figures
        lines += _wrapped(
            f"  on the {figures.questions} newest questions that were answered with "
            f"them, asked since {since} (each ranked before its answer was known):",
            2,
        )
        lines.append(f"  {'':12}nDCG@10   R@5   P@1  precision  answered    ECE")
        lines.append(_figures_line("learned", figures))
        if kind.before is not None:
            lines.append(_figures_line("before", kind.before))
            lines.append(f"  {_compared(figures.ndcg, kind.before.ndcg)}")
        if figures.spoken is not None:
            lines += _wrapped(
                f"  of that time's questions that nobody answered with a link, "
                f"{round(figures.spoken * figures.unanswered)} of "
                f"{figures.unanswered} tried would have got one",
                2,
            )
    return lines


def _compared(after: float, before: float) -> str:
    """Whether learning helped, in words."""
    if abs(after - before) < _SAME:
        return "the order is as good as before"
    better = "better" if after > before else "worse"
    return f"the order is {better} than before, by {abs(after - before):.3f} of nDCG@10"


def _figures_line(name: str, found: Figures) -> str:
    precision = "-" if found.precision is None else f"{found.precision:.3f}"
    return (
        f"  {name:12}{found.ndcg:7.3f} {found.recall:5.3f} {found.first_right:5.3f}"
        f"  {precision:>9}  {found.coverage:8.3f}  {found.calibration_error:5.3f}"
    )


# -- explaining --------------------------------------------------------------


def explanation_lines(found: Explanation, *, everything: bool = False) -> str:
    """An explanation, at most 80 columns wide where addresses allow it.

    Args:
        everything: All signals of a candidate, and not only those that added most.
    """
    name = "question" if found.topic_id is None else f"topic {found.topic_id}"
    asked = visible(found.title) or shortened(visible(found.text), 60)
    lines = _wrapped(f"{name}: {asked} ({found.language or 'no language detected'})", 2)
    for each in found.carried:
        read = shortened(visible(each.text), 60)
        lines += _wrapped(f"  in {each.language}, {each.share:.0%} known: {read}", 4)
    lines.append(_verdict(found))
    for reason in found.reasons:
        lines += _wrapped(f"  because {visible(reason)}", 4)
    lines.append(model_line(found.model))
    for kind in found.kinds:
        lines += ["", *_explained_lines(kind, everything)]
    return "\n".join(lines)


def _verdict(found: Explanation) -> str:
    if not found.speaks:
        return "the bot stays silent"
    if found.stored:
        return "the bot would answer, were it asked today in a new topic"
    return "the bot would answer"


def _explained_lines(kind: KindExplained, everything: bool) -> list[str]:
    name = NAMES[kind.kind]
    if not kind.suggestions:
        return [f"{name}: nothing found"]
    needed = (
        "opens no answer" if kind.needed is None else f"{kind.needed:.2f} opens one"
    )
    lines = _wrapped(
        f"{name}: {kind.found} candidates, {len(kind.suggestions)} shown; {needed}, "
        f"{kind.beside:.2f} is enough beside another; at most {kind.limit} linked",
        2,
    )
    for each in kind.suggestions:
        lines += _suggestion_lines(each, everything)
    return lines


def _suggestion_lines(found: Suggestion, everything: bool) -> Iterable[str]:
    verdict = "linked" if found.linked else "not linked"
    language = f" ({visible(found.language)})" if found.language else ""
    yield from _wrapped(f"{found.place:3}. {visible(found.title)}{language}", 5)
    yield f"     {visible(found.url)}"
    yield f"     confidence {found.confidence:.2f}, score {found.score:+.2f}"
    yield from _wrapped(f"     confidence {_sure_by(found)}", 5)
    yield from _wrapped(f"     {verdict}: {visible(found.why)}", 5)
    telling = [c for c in found.contributions if abs(c.added) >= _SHOWN_FROM]
    told = telling if everything else telling[:_MOST]
    for each in told:
        yield from _wrapped(_contribution_line(each), 23)
    if len(told) < len(telling):
        yield f"     and {len(telling) - len(told)} signals that added less (--all)"


def _sure_by(found: Suggestion) -> str:
    added = [
        f"{name} {log_odds:+.2f}"
        for name, log_odds in found.sure_by.items()
        if abs(log_odds) >= _SHOWN_FROM
    ]
    told = f"raised or lowered by {', '.join(added)}" if added else "as any other"
    if found.believed < 1:
        taken = "taken to 0" if not found.believed else f"times {found.believed:.2f}"
        told += f"; then {taken}: the question is unlike nearly all that were asked"
    return told


def _contribution_line(found: Contribution) -> str:
    value = "-" if found.value is None else f"{found.value:.2f}"
    return f"     {found.added:+6.2f}  {value:>7}  {found.name}: {found.about}"


def _wrapped(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
