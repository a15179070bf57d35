"""How all forms of the report say the same thing: sections, ages, shares, what to do.

Pure, and our own words only: whoever writes them down escapes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.pages import percent
from bot.report import model
from kb.types import Kind


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report, as the documentation numbers it."""

    number: int
    anchor: str
    title: str

    @property
    def heading(self) -> str:
        return f"{self.number}. {self.title}"


SECTIONS = tuple(
    Section(number, anchor, title)
    for number, (anchor, title) in enumerate(
        (
            ("open-now", "Open now"),
            ("same", "Probably the same"),
            ("unmarked", "Answered, but not marked solved"),
            ("helpers", "Who could help"),
            ("gaps", "Gaps"),
            ("trends", "Trends"),
            ("health", "Community health"),
            ("bot", "The bot"),
            ("upkeep", "Upkeep"),
        ),
        start=1,
    )
)
OPEN_NOW, SAME, UNMARKED, HELPERS, GAPS, TRENDS, HEALTH, BOT, UPKEEP = SECTIONS

KIND_NAMES = {
    Kind.THREAD: "thread",
    Kind.DOCS: "documentation",
    Kind.COURSE: "course",
    Kind.VIDEO: "video",
}
ACTION_NAMES = {
    "open": "Open",
    "read_draft": "Read the draft",
    "approve": "Approve the draft",
    "reject": "Reject the draft",
    "not_a_question": "Not a question",
}
NOT_FOUND_MEANS = "asked again although there is something: is it easy to find?"
NOTHING_BEFORE = (
    "no question is held of the time before, so there is nothing to compare with"
)

# A share of fewer is told by its numbers: a percentage would claim too much.
MANY = 10
_HIGH, _MEDIUM = 0.6, 0.35
_AGES = ((1, "hour"), (24, "day"), (24 * 365.25 / 12, "month"))
# 47 hours say more than one day.
_LEAST_OF_UNIT = 2
_POST = re.compile(r"/t/(?:[^/?#]+/)?\d+/(\d+)/?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that a moderator may do now.

    Attributes:
        section: Where it stands.
        count: How much of it there is.
    """

    section: Section
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the bot's suggestion for a question stands.

    Attributes:
        badge: In two words; empty: it is simply not in the topic.
        sentence: The same as a sentence; empty: nothing is to be said.
        why: What else there is to say, in words that may be somebody else's.
    """

    badge: str = ""
    sentence: str = ""
    why: str = ""


def standing(question: model.OpenQuestion) -> Standing:
    """A suggestion that is in the topic, or in a draft, was not held back."""
    if question.silence.startswith(model.BOT_ANSWERED):
        return Standing("bot replied", "The bot replied, and no person has.")
    if question.silence.startswith(model.DRAFT_WAITS):
        return Standing("draft waits", "A draft waits for a moderator's word.")
    if not question.silence:
        return Standing()
    asked = "it is not in the topic" if question.suggestion else "the bot is silent"
    return Standing(sentence=f"Why {asked}:", why=question.silence)


def listed_open(report: model.Report) -> frozenset[tuple[str, str]]:
    """Source and key of the topics that are told of as open."""
    return frozenset((q.topic.source, q.topic.key) for q in report.open_now.questions)


def last_read(source: model.SourceHealth) -> str:
    """When a source was last read through."""
    if source.age_hours is None:
        return "never read"
    return f"read {age(source.age_hours)} ago"


def tasks(report: model.Report) -> tuple[Task, ...]:
    """What there is to do, in the order of the sections."""
    return tuple(task for task in _tasks(report) if task.count)


def summary(report: model.Report) -> str:
    """What there is to do, in one line."""
    return " · ".join(task.text for task in tasks(report)) or "Nothing is to be done"


def _tasks(report: model.Report) -> Iterator[Task]:
    listed = report.open_now.questions
    total = report.open_now.total.count
    high = sum(need_level(question.need) == "high" for question in listed)
    more = " or more" if 0 < high == len(listed) < total else ""
    told = counted(total, "open question")
    yield Task(OPEN_NOW, total, f"{told}, {high}{more} of them high" if high else told)
    drafts = sum(waits_for_a_word(question) for question in listed)
    yield Task(OPEN_NOW, drafts, f"{counted(drafts, 'draft')} to approve")
    repeats, clusters = report.repeats.repeats, report.repeats.clusters
    yield Task(SAME, len(repeats), counted(len(repeats), "repeat"))
    groups = counted(len(clusters), "group")
    yield Task(SAME, len(clusters), f"{groups} of questions that ask the same")
    unmarked = len(report.unmarked)
    yield Task(UNMARKED, unmarked, f"{counted(unmarked, 'reply', 'replies')} to mark")
    gaps = len(report.gaps.gaps)
    yield Task(GAPS, gaps, counted(gaps, "gap"))
    links = len(report.upkeep.links)
    yield Task(UPKEEP, links, f"{counted(links, 'link')} to mend")
    failing = sum(bool(source.error) for source in report.upkeep.sources)
    yield Task(UPKEEP, failing, f"{counted(failing, 'source')} not read")


def waits_for_a_word(question: model.OpenQuestion) -> bool:
    """A moderator is asked about a draft."""
    return any(action.name == "approve" for action in question.actions) or bool(
        standing(question).badge == "draft waits"
    )


def counted(count: int, one: str, many: str = "") -> str:
    """
    >>> counted(1, "topic"), counted(1234, "topic"), counted(2, "reply", "replies")
    ('1 topic', '1,234 topics', '2 replies')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def searched(searches: model.Searches) -> str:
    """How much was searched, and how much of it in vain.

    >>> searched(model.Searches(1234, 86)), searched(model.Searches(1, 0))
    ('1,234 searches, 86 of them in vain (7 %)', '1 search, none in vain')
    """
    total = counted(searches.searches, "search", "searches")
    if not searches.in_vain:
        return f"{total}, none in vain"
    told = f"{total}, {searches.in_vain:,} of them in vain"
    # Of few, the numbers say it.
    if searches.searches < MANY:
        return told
    return f"{told} ({share(searches.in_vain / searches.searches)})"


def sought_by(each: model.Sought) -> str:
    """
    >>> sought_by(model.Sought("import tracker", 5, 7))
    '5 people, 7 times'
    """
    # Never fewer than two people, and so two times.
    return f"{each.people:,} people, {each.times:,} times"


def gaps_in_order(gaps: Sequence[model.Gap]) -> list[model.Gap]:
    """Where nothing exists, first: that is what writers can do most about."""
    return sorted(gaps, key=lambda gap: gap.verdict != "missing")


def need_level(need: float) -> str:
    """
    >>> [need_level(need) for need in (0.6, 0.59, 0.35, 0.34)]
    ['high', 'medium', 'medium', 'low']
    """
    return "high" if need >= _HIGH else "medium" if need >= _MEDIUM else "low"


def share(value: float) -> str:
    """
    >>> share(0.15), share(0.004), share(0.0)
    ('15 %', '< 1 %', '0 %')
    """
    return percent(value).replace("\u00a0", " ")


def share_of(value: float, n: int) -> str:
    """A share, told by its numbers where they are few.

    >>> share_of(2 / 3, 3), share_of(2 / 3, 30)
    ('2 of 3', '67 %')
    """
    return f"{round(value * n)} of {n}" if 0 < n < MANY else share(value)


def amount(figure: model.Figure) -> str:
    """The value of a figure with its unit; a dash where there is none.

    >>> [amount(model.Figure("a", value, unit, 90, model.Rows(9))) for value, unit in (
    ...     (1234, "count"), (0.25, "share"), (3.5, "hours"), (None, "share"))]
    ['1,234', '25 %', '3.5 hours', '–']
    """
    if figure.value is None:
        return "–"
    if figure.unit == "share":
        return share_of(figure.value, figure.n)
    if figure.unit == "hours":
        return waited(figure.value)
    return f"{figure.value:,.0f}"


def interval(figure: model.Figure) -> str:
    """The 95 % interval of a share; empty where there is none, or it is of few."""
    if figure.low is None or figure.high is None or figure.n < MANY:
        return ""
    return f"{share(figure.low)} – {share(figure.high)}"


def basis(figure: model.Figure) -> str:
    """Of how many a figure tells, where its value does not say so.

    >>> basis(model.Figure("a", 0.5, "share", 90, model.Rows(9)))
    'of 90'
    """
    says_so = figure.unit == "share" and 0 < figure.n < MANY
    is_told = figure.unit != "count" and not (says_so and figure.value is not None)
    return f"of {figure.n:,}" if is_told else ""


def age(hours: float) -> str:
    """How long ago something was, in whole units as people say it.

    >>> [age(hours) for hours in (0.025, 1, 47, 48, 24 * 20, 24 * 90, 24 * 800)]
    ['1 min', '1 hour', '47 hours', '2 days', '20 days', '2 months', '26 months']
    """
    if hours < 1:
        return f"{max(1, int(hours * 60))} min"
    count, unit = 0, ""
    for length, name in _AGES:
        if hours >= (1 if name == "hour" else _LEAST_OF_UNIT) * length:
            count, unit = int(hours / length), name
    return counted(count, unit)


def waited(hours: float) -> str:
    """A wait that was computed from many, with a decimal where it tells something.

    >>> waited(0.025), waited(1), waited(3.54), waited(30), waited(60)
    ('2 min', '1 hour', '3.5 hours', '30 hours', '2.5 days')
    """
    if hours < 0.995:
        return f"{hours * 60:.0f} min"
    value, unit = (hours, "hour") if hours < 48 else (hours / 24, "day")
    told = f"{value:.{1 if value < 9.95 else 0}f}".removesuffix(".0")
    return f"{told} {unit}" + ("" if told == "1" else "s")


def post_of(url: str) -> int | None:
    """Which post of its topic an address leads to.

    >>> post_of("https://f.org/t/a-title/141/4"), post_of("https://f.org/t/141")
    (4, None)
    """
    found = _POST.search(url)
    return int(found[1]) if found else None


def solved_there(repeat: model.Repeat) -> str:
    """Where a question was solved that another one repeats.

    The title of the topic stands beside it already.
    """
    number = post_of(repeat.answer.url)
    where = f" in post {number}" if number is not None else ""
    return f"{'solved' if repeat.marked else 'probably solved'} there{where}"


def language_name(code: str) -> str:
    """What a language is called in English; what is no language, stays as it is.

    >>> language_name("pt-BR"), language_name("others")
    ('Portuguese', 'others')
    """
    from babel import Locale

    from kb.tongues import primary

    return str(Locale("en").languages.get(primary(code) or "", code))
