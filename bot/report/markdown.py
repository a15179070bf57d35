"""The report as posts of a forum, for reading on a phone. Pure.

Whatever people wrote goes through `bot.escape`, and all links stand in quotes of nobody
(see `bot.compose`): no post calls anybody, shows a card or a picture, or leaves a link
back where it leads. A post holds whole entries, never half of one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from bot.compose import excerpt
from bot.escape import code_span, label, link_target, prose, shortened, visible
from bot.report import model
from bot.report.definitions import DEFINITIONS
from bot.report.phrases import (
    ACTION_NAMES,
    BOT,
    GAPS,
    HEALTH,
    HELPERS,
    KIND_NAMES,
    NOT_FOUND_MEANS,
    NOTHING_BEFORE,
    OPEN_NOW,
    SAME,
    TRENDS,
    UNMARKED,
    UPKEEP,
    Section,
    age,
    amount,
    basis,
    counted,
    gaps_in_order,
    interval,
    language_name,
    last_read,
    listed_open,
    need_level,
    searched,
    share,
    share_of,
    solved_there,
    sought_by,
    standing,
    summary,
)

# Discourse takes 32,000 characters; the rest is for a marker.
MAX_CHARS = 30_000
MAX_PARTS = 4
TOP = 5
# Below, not even what stands around the entries fits.
_LEAST_CHARS = 3_000
_MAX_URL_CHARS = 500
_MAX_TEXT_CHARS = 200
_MAX_NOTES = 10
_MAX_WORDS = 6
_MAX_REASONS = 3
_MAX_TOPICS = 3
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_QUOTE, _END_QUOTE = "[quote]", "[/quote]"
_BETWEEN = "\n\n"

# What of a category or a language is told; the page tells the rest.
_OF_A_GROUP = frozenset({"asked", "answered", "first_reply_median", "open"})


@dataclass(frozen=True, slots=True)
class _Section:
    """One section of the report.

    Attributes:
        about: Lines without a link.
        entries: Of which each stays in one piece.
    """

    title: str
    about: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


@dataclass(slots=True)
class _Frame:
    """What of a section stands in one part."""

    section: _Section
    continued: bool = False
    entries: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        again = " (continued)" if self.continued else ""
        blocks = [f"## {self.section.title}{again}"]
        if not self.continued:
            blocks += self.section.about
        if self.entries:
            blocks += [_QUOTE, *self.entries, _END_QUOTE]
        return _BETWEEN.join(blocks)

    def length(self, *more: str) -> int:
        """How long it is, with what follows it, once it has *more* entries."""
        entries = [*self.entries, *more]
        longer = _Frame(self.section, self.continued, entries)
        return len(longer.text) + len(_BETWEEN)


def render_markdown(
    report: model.Report,
    *,
    max_chars: int = MAX_CHARS,
    max_parts: int = MAX_PARTS,
    top: int = TOP,
    whole: str = "",
) -> tuple[str, ...]:
    """The report as posts, in order.

    Open questions are told in full, of all else the first ones.

    Args:
        max_chars: Of each post.
        max_parts: What does not fit in so many posts is left out, which the last one
            says.
        top: Entries per list.
        whole: Address of the page that holds everything; empty: there is none.

    Returns:
        At least one post, each at most *max_chars* long.

    Raises:
        ValueError: *max_chars* or *max_parts* is too small for any report.
    """
    if max_chars < _LEAST_CHARS or max_parts < 1:
        raise ValueError(
            f"expected {_LEAST_CHARS} characters in 1 part at least, "
            f"got {max_chars} in {max_parts}"
        )
    sections = tuple(_sections(report, top))
    # What frames every part, at its longest.
    worst = {section.title: 10**6 for section in sections}
    room = max_chars - sum(
        len(text) + len(_BETWEEN)
        for text in (
            _head(report, 10**3, 10**3),
            _glance(report),
            _whole(whole),
            _left_out(worst, whole),
        )
    )
    parts = _Parts(room, max_parts)
    left = {section.title: parts.add(section) for section in sections}
    missing = {title: count for title, count in left.items() if count is not None}
    posts = []
    for number, frames in enumerate(parts.frames, start=1):
        is_first, is_last = number == 1, number == len(parts.frames)
        blocks = (
            _head(report, number, len(parts.frames)),
            *((_glance(report), _whole(whole)) if is_first else ()),
            *(frame.text for frame in frames),
            _left_out(missing, whole) if is_last and missing else "",
        )
        posts.append(_BETWEEN.join(block for block in blocks if block))
    return tuple(posts)


# -- parts -------------------------------------------------------------------------


class _Parts:
    """Posts that are filled one after the other.

    Args:
        room: Characters in each.
    """

    def __init__(self, room: int, max_parts: int) -> None:
        self.frames: list[list[_Frame]] = [[]]
        self._room = room
        self._max_parts = max_parts
        self._is_full = False

    def add(self, section: _Section) -> int | None:
        """Put a section after the others.

        Returns:
            How many of its entries found no room; ``None``: it is there as a whole.
        """
        fitting = [each for each in section.entries if self._fits_alone(section, each)]
        frame = _Frame(section)
        # A heading alone at the end of a post would tell nothing.
        first = frame.length(fitting[0]) if fitting else frame.length()
        if not self._begin(frame, min(first, self._room)):
            return len(section.entries)
        placed = 0
        for entry in fitting:
            if self._used + frame.length(entry) - frame.length() > self._room:
                frame = _Frame(section, continued=True)
                if not self._begin(frame, self._room):
                    break
            frame.entries.append(entry)
            placed += 1
        return len(section.entries) - placed or None

    def _fits_alone(self, section: _Section, entry: str) -> bool:
        return _Frame(section, continued=True).length(entry) <= self._room

    def _begin(self, frame: _Frame, least: int) -> bool:
        """Begin a frame where so much is free; False when that is nowhere any more."""
        if self._is_full:
            return False
        if self.frames[-1] and self._used + least > self._room:
            if len(self.frames) == self._max_parts:
                self._is_full = True
                return False
            self.frames.append([])
        self.frames[-1].append(frame)
        return True

    @property
    def _used(self) -> int:
        return sum(frame.length() for frame in self.frames[-1])


def _head(report: model.Report, number: int, parts: int) -> str:
    name = _text(report.community, 80) or "a community"
    which = f" Part {number} of {parts}." if parts > 1 else ""
    return (
        f"Triage report of {name}, {period_of(report.since, report.until)}, as of "
        f"{moment(report.as_of)}.{which}"
    )


def _glance(report: model.Report) -> str:
    """What there is to do in one line, and what there is nothing of in another."""
    told = f"{summary(report)}."
    empty = ", ".join(section.heading for section in _empty(report))
    return f"{told}\n\nNothing in: {empty}." if empty else told


def _empty(report: model.Report) -> Iterator[Section]:
    repeats, trends, upkeep = report.repeats, report.trends, report.upkeep
    for section, *found in (
        (OPEN_NOW, report.open_now.total.count),
        (SAME, repeats.repeats, repeats.clusters),
        (UNMARKED, report.unmarked),
        (HELPERS, report.who_could_help),
        (GAPS, report.gaps.gaps, report.gaps.searches),
        (TRENDS, trends.words, trends.clusters, trends.errors, trends.versions),
        (HEALTH, report.topics),
        (BOT, report.scorecard),
        (UPKEEP, upkeep.links, upkeep.sources),
    ):
        if not any(found):
            yield section


def _whole(url: str) -> str:
    """Where the rest of it is; nothing where that is nowhere."""
    link = _link("the whole report", url) if _target(url) else ""
    return (
        f"{_QUOTE}\n\nDefinitions of all figures, and the rows behind them: {link}"
        f"\n\n{_END_QUOTE}"
        if link
        else ""
    )


def _left_out(left: dict[str, int], whole: str) -> str:
    told = ", ".join(f"{t} ({count})" if count else t for t, count in left.items())
    where = "see the whole report" if _target(whole) else "`baraza report` shows them"
    return f"Left out for want of room: {told}; {where}."


# -- sections ----------------------------------------------------------------------


def _sections(report: model.Report, top: int) -> Iterator[_Section]:
    about = [f"- {_text(note, 300)}" for note in report.notes[:_MAX_NOTES]]
    if about:
        yield _Section("What could not be told", ("\n".join(about),))
    empty = frozenset(section.heading for section in _empty(report))
    told = [
        _open_now(report.open_now),
        _repeats(report, top),
        _unmarked(report.unmarked, top),
        _who_could_help(report.who_could_help, top),
        _gaps(report.gaps, top),
        _trends(report.trends, top),
        _health(report.health, top),
        *([_scorecard(report.scorecard, top)] if report.scorecard else []),
        _upkeep(report.upkeep, top),
    ]
    yield from (section for section in told if section.title not in empty)


def _open_now(found: model.OpenNow) -> _Section:
    count, listed = found.total.count, len(found.questions)
    open_ones = counted(
        count,
        "question that no person has answered",
        "questions that no person has answered",
    )
    about = f"{open_ones}."
    if count > listed:
        about += f" Those that need somebody most, {listed} of them:"
    entries = tuple(map(_open_question, found.questions))
    return _Section(OPEN_NOW.heading, (about,), entries)


def _open_question(question: model.OpenQuestion) -> str:
    stands = standing(question)
    facts = [
        age(question.age_hours),
        *(["newcomer"] if question.newcomer else []),
        *([counted(question.views, "view")] if question.views else []),
        *(
            [f"{counted(question.replies, 'reply', 'replies')} without an answer"]
            if question.replies
            else []
        ),
        f"need {need_level(question.need)} ({share(question.need)})",
        *([stands.badge] if stands.badge else []),
    ]
    lines = [f"{_topic(question.topic)} · {' · '.join(facts)}"]
    lines.append(_why(question.why))
    if question.helpers:
        names = (_helper(helper) for helper in question.helpers[:3])
        lines.append(f"Could help: {', '.join(names)}")
    actions = [_action(a, question.topic) for a in question.actions]
    if any(actions):
        lines.append(f"Do: {' · '.join(filter(None, actions))}")
    quoted = ""
    if question.suggestion is not None:
        lines.append(f"Best suggestion: {_resource(question.suggestion)}")
        quoted = excerpt(question.suggestion.passage, question.topic.title)
    if stands.sentence:
        lines.append(" ".join(filter(None, (stands.sentence, _text(stands.why)))))
    return _entry(lines, quoted)


def _helper(helper: model.Helper) -> str:
    region = _text(helper.region, 60)
    name = _link(helper.name, helper.url, otherwise="somebody")
    return f"{name} ({region})" if region else name


def _action(action: model.Action, topic: model.Topic) -> str:
    """What can be done; opening the topic is what its title does."""
    if action.name == "open" and action.url == topic.url:
        return ""
    name = ACTION_NAMES.get(action.name) or _text(action.name, 40)
    if _target(action.url):
        return _link(name, action.url)
    return f"{name}: {code_span(action.command)}" if action.command else ""


def _repeats(report: model.Report, top: int) -> _Section:
    found = report.repeats
    listed = listed_open(report)
    repeats = [
        _entry(
            [
                f"{_topic(each.topic)} · {share(each.similarity)} alike"
                + (
                    f" · also under {OPEN_NOW.title}"
                    if (each.topic.source, each.topic.key) in listed
                    else ""
                ),
                *([f"Both: {_words(each.shared)}"] if each.shared else []),
                f"Repeats {_topic(each.earlier)}, "
                f"{_link(solved_there(each), each.answer.url)}",
            ],
            excerpt(each.answer.passage, each.topic.title),
        )
        for each in found.repeats[:top]
    ]
    clusters = [
        _entry(
            [
                f"{len(each.topics)} ask the same: {_words(each.words)}",
                f"Open: {_topics(each.topics)}",
            ]
        )
        for each in found.clusters[:top]
    ]
    about = (
        _shown(
            len(found.repeats),
            top,
            "question repeats an earlier one",
            "questions repeat earlier ones",
        ),
        _shown(
            len(found.clusters),
            top,
            "group of open questions asks the same",
            "groups of open questions ask the same",
        ),
    )
    return _Section(SAME.heading, about, (*repeats, *clusters))


def _unmarked(found: Sequence[model.Unmarked], top: int) -> _Section:
    entries = []
    for each in found[:top]:
        post = _link(f"post {each.number}", each.url)
        by = f" by {_isolated(_text(each.author, 60))}" if each.author else ""
        lines = [f"{_topic(each.topic)}: {post}{by} · {share(each.sure)} sure"]
        lines.append(_why(each.why))
        entries.append(_entry(lines, excerpt(each.excerpt, each.topic.title)))
    about = _shown(
        len(found),
        top,
        "question has a reply that looks like its solution",
        "questions have a reply that looks like their solution",
    )
    return _Section(UNMARKED.heading, (about,), tuple(entries))


def _who_could_help(found: Sequence[model.Load], top: int) -> _Section:
    entries = []
    for each in found[:top]:
        facts = [counted(each.questions, "open question")]
        facts += [_text(each.region, 60)] if each.region else []
        name = _link(each.name, each.url, otherwise="somebody")
        entries.append(_entry([f"{name} · {' · '.join(facts)}"]))
    about = _shown(
        len(found),
        top,
        "member is named above",
        "members are named above",
    )
    return _Section(HELPERS.heading, (about,), tuple(entries))


def _gaps(found: model.Gaps, top: int) -> _Section:
    entries = []
    some = gaps_in_order(found.gaps)
    for each in some[:top]:
        definition = DEFINITIONS.get(f"gap_{each.verdict}")
        verdict = definition.title if definition else _text(each.verdict, 40)
        lines = [
            f"{verdict}: {_words(each.words)} · "
            f"{counted(each.size, 'question')}, "
            f"{each.unanswered} without any reply",
            f"Such as: {_topics(each.topics)}",
        ]
        if each.nearest:
            near = (_resource(page) for page in each.nearest[:_MAX_TOPICS])
            lines.append(f"Nearest: {', '.join(near)}")
        if each.linked:
            told = (f"{_resource(page)} ×{n}" for page, n in each.linked[:_MAX_TOPICS])
            lines.append(f"Members linked: {', '.join(told)}")
        entries.append(_entry(lines))
    looked = counted(found.questions, "question")
    about = _shown(
        len(found.gaps),
        top,
        f"subject of {looked} has no answer that people find",
        f"subjects of {looked} have no answer that people find",
    )
    if any(each.verdict == "not_found" for each in some[:top]):
        title = DEFINITIONS["gap_not_found"].title
        about += f" “{title}”: {NOT_FOUND_MEANS}"
    searches = "" if found.searches is None else _searches(found.searches, top)
    paragraphs = tuple(text for text in (about, searches) if text)
    return _Section(GAPS.heading, paragraphs, tuple(entries))


def _searches(found: model.Searches, top: int) -> str:
    title = DEFINITIONS["searched_in_vain"].title
    lines = [
        f"- {_isolated(_text(each.query, 100))} · {sought_by(each)}"
        for each in found.sought[:top]
    ]
    more = f" The first {top}:" if len(found.sought) > top else ""
    return "\n".join(
        [f"{title}: {searched(found)}.{more}", *([""] if lines else []), *lines]
    )


def _trends(found: model.Trends, top: int) -> _Section:
    kinds = (
        ("Subject", found.clusters),
        ("Word", found.words),
        ("Error message", found.errors),
        ("Version", found.versions),
    )
    entries = [
        _entry(
            [
                f"{name} “{_isolated(_text(each.label))}”: {each.now}"
                + (f", before {each.before}" if found.asked_before else "")
                + (f" · {_topics(each.topics[:1])}" if each.topics else "")
            ]
        )
        for name, rising in kinds
        for each in rising[:top]
    ]
    more = sum(max(len(rising) - top, 0) for _, rising in kinds)
    rest = f" {more} more are not shown here." if more else ""
    asked = counted(found.asked, "question")
    if found.asked_before:
        about = f"{asked}, before {found.asked_before}.{rest}"
    else:
        about = f"{asked}; {NOTHING_BEFORE}. Those named most often:{rest}"
    return _Section(TRENDS.heading, (about,), tuple(entries))


def _health(found: model.Health, top: int) -> _Section:
    before = {figure.name: figure for figure in found.before}
    lines = [f"- {_figure(f, before.get(f.name))}" for f in found.overall]
    entries = [
        _entry([f"{what} {_isolated(_text(named(group.name), 60))}: {_short(group)}"])
        for what, groups, named in (
            ("Category", found.by_category, str),
            ("Language", found.by_language, language_name),
        )
        # One is the whole.
        if len(groups) > 1
        for group in groups[:top]
    ]
    about = ("\n".join(lines),) if lines else ()
    return _Section(HEALTH.heading, about, tuple(entries))


def _short(group: model.Group) -> str:
    chosen = [figure for figure in group.figures if figure.name in _OF_A_GROUP]
    return " · ".join(map(_figure, chosen or group.figures))


def _scorecard(found: model.Scorecard, top: int) -> _Section:
    paused = f"It posts nothing now: {_text(found.paused)}" if found.paused else ""
    lists = (
        "\n".join(f"- {_figure(figure)}" for figure in found.figures),
        _counts("Silent because", found.silences, top),
        _counts("What became of decisions", found.states, top),
        _counts("What people said of replies", found.ratings, top),
        _calibration(found.calibration),
    )
    entries = [
        _entry(
            [
                f"{_topic(each.topic)} was led to {_resource(each.what)}: "
                f"{_text(each.verdict)}"
            ]
        )
        for each in found.mistakes[:top]
    ]
    about = tuple(text for text in (paused, *lists) if text)
    return _Section(BOT.heading, about, tuple(entries))


def _counts(title: str, counts: Sequence[model.Count], top: int) -> str:
    told = (f"{_text(each.label)} ({each.count})" for each in counts[:top])
    return f"{title}: {'; '.join(told)}." if counts else ""


def _calibration(bins: Sequence[model.Bin]) -> str:
    told = (f"{share(b.confidence)} → {_helped(b)}" for b in bins)
    return f"How sure, and how many helped: {'; '.join(told)}." if bins else ""


def _helped(each: model.Bin) -> str:
    told = share_of(each.share, each.n)
    return told if "of" in told else f"{told} of {each.n}"


def _upkeep(found: model.Upkeep, top: int) -> _Section:
    links = []
    for bad in found.links[:top]:
        definition = DEFINITIONS.get(bad.problem)
        problem = definition.title if definition else _text(bad.problem, 40)
        lines = [
            f"{problem}: {_link(bad.title, bad.url, otherwise=bad.url)} · "
            f"in {counted(bad.links, 'post')} · {_text(bad.detail)}"
        ]
        if bad.instead is not None:
            lines.append(f"Instead: {_resource(bad.instead)}")
        if bad.topics:
            lines.append(f"Linked in: {_topics(bad.topics)}")
        links.append(_entry(lines))
    sources = [_entry([_source(each)]) for each in found.sources[: 4 * top]]
    about = _shown(
        len(found.links),
        top,
        "link needs to be mended",
        "links need to be mended",
    )
    return _Section(UPKEEP.heading, (about,), (*links, *sources))


def _source(source: model.SourceHealth) -> str:
    facts = [counted(source.documents, "document"), last_read(source)]
    facts += [f"{source.set_aside} could not be read"] if source.set_aside else []
    facts += [f"{source.dead} do not answer"] if source.dead else []
    facts += [f"failed: {_text(source.error)}"] if source.error else []
    return f"Source {_isolated(_text(source.name, 60))}: {' · '.join(facts)}"


# -- words -------------------------------------------------------------------------


def period_of(since: datetime, until: datetime) -> str:
    """A period for people; whole days without hours, the last one included.

    >>> period_of(datetime(2026, 6, 1), datetime(2026, 6, 8))
    '2026-06-01 to 2026-06-07 UTC'
    >>> period_of(datetime(2026, 6, 1), datetime(2026, 6, 8, 12))
    '2026-06-01 00:00 UTC to 2026-06-08 12:00 UTC'
    """
    if since.time() == until.time() == time():
        return f"{since:%Y-%m-%d} to {until - timedelta(days=1):%Y-%m-%d} UTC"
    return f"{moment(since)} to {moment(until)}"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _figure(figure: model.Figure, before: model.Figure | None = None) -> str:
    definition = DEFINITIONS.get(figure.name)
    title = definition.title if definition else _text(figure.name.replace("_", " "))
    told = f"{title}: {amount(figure)}"
    if figure.unit == "share" and figure.value is not None:
        told += f" {basis(figure)}" if basis(figure) else ""
        told += f" ({interval(figure)})" if interval(figure) else ""
    is_told = before is not None and before.value is not None
    return f"{told}, before {amount(before)}" if before and is_told else told


def _shown(total: int, top: int, one: str, many: str) -> str:
    """A sentence on how many there are, and on how many of them stand here; empty
    where there is none."""
    rest = f" The first {top}:" if total > top else ""
    return f"{counted(total, one, many)}.{rest}" if total else ""


def _entry(lines: Iterable[str], quoted: str = "") -> str:
    """An item of a list. Each line begins with words of ours; what it quotes is last,
    as text below it would be taken for its continuation."""
    text = "\n  ".join(line for line in lines if line)
    return f"- {text}\n  > {quoted}" if quoted else f"- {text}"


def _topic(topic: model.Topic) -> str:
    return _link(topic.title, topic.url, otherwise=f"topic {topic.key}")


def _topics(topics: Sequence[model.Topic]) -> str:
    more = len(topics) - _MAX_TOPICS
    shown = ", ".join(map(_topic, topics[:_MAX_TOPICS]))
    return f"{shown} and {more} more" if more > 0 else shown


def _resource(resource: model.Resource) -> str:
    facts = [KIND_NAMES[resource.kind]]
    if resource.confidence is not None:
        facts.append(f"{share(resource.confidence)} sure")
    elif resource.similarity is not None:
        facts.append(f"{share(resource.similarity)} alike")
    link = _link(resource.title, resource.url, otherwise=resource.url)
    return f"{link} ({', '.join(facts)})"


def _words(words: Sequence[str]) -> str:
    told = (_isolated(_text(word, 40)) for word in words[:_MAX_WORDS])
    return ", ".join(filter(None, told))


def _why(reasons: Sequence[str]) -> str:
    """What speaks for something, as a line; empty where nothing does."""
    told = "; ".join(filter(None, map(_text, reasons[:_MAX_REASONS])))
    return f"Why: {told}" if told else ""


def _text(text: str, max_chars: int = _MAX_TEXT_CHARS) -> str:
    """Text of somebody else, wherever it stands: one may begin as a list does."""
    return prose(shortened(visible(text), max_chars))


def _link(text: str, url: str, *, otherwise: str = "") -> str:
    """A link, or its text alone where it leads nowhere on the web."""
    target = _target(url)
    chosen = text if visible(text) else otherwise
    if not target:
        return _isolated(_text(chosen, 120)) or "untitled"
    return f"[{_isolated(label(chosen)) or 'untitled'}]({target})"


def _target(url: str) -> str:
    try:
        target = link_target(url)
    except ValueError:
        return ""
    return target if len(target) <= _MAX_URL_CHARS else ""


def _isolated(text: str) -> str:
    """*text* so that its direction does not change what stands around it."""
    if any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text):
        return f"{_ISOLATE}{text}{_END_ISOLATE}"
    return text
