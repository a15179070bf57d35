"""What a report says: frozen records, the same for a page, Markdown, JSON and CSV.

Texts in here come from a forum and are nobody's markup: whoever writes them down
escapes them. Confidences, shares and similarities are in [0, 1], times are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kb.types import Kind

# Grows with every change that a reader of the JSON would notice.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that the report points to.

    Attributes:
        key: Its id on the forum.
        author: Name of who began it; empty where nobody knows.
    """

    source: str
    key: str
    title: str
    url: str
    created_at: datetime
    author: str = ""
    category: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """What a figure was counted from.

    Attributes:
        count: How many rows there are.
        where: The condition that tells them in *table*, by its columns:
            ``in_period = yes and answered = no``; empty: all rows of the table;
            ``None``: no condition tells them.
        first: The newest of them.
        table: ``topics`` or ``decisions``.
    """

    count: int
    where: str | None = None
    first: tuple[Topic, ...] = ()
    table: str = "topics"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, with what it was counted from.

    Attributes:
        name: By which `bot.report.definitions` tells what it is.
        value: ``None`` where there is nothing to tell it from.
        unit: ``count``, ``share`` or ``hours``.
        n: How many it is a share or a quantile of.
        low, high: 95 % interval of a share.
    """

    name: str
    value: float | None
    unit: str
    n: int
    rows: Rows
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """A document that may be shown to somebody.

    Attributes:
        confidence: That it helps; ``None`` where it was not asked.
        similarity: Cosine to what was asked; ``None`` likewise.
        passage: What of it answers, as plain text; empty: not looked for.
    """

    kind: Kind
    title: str
    url: str
    confidence: float | None = None
    similarity: float | None = None
    passage: str = ""


@dataclass(frozen=True, slots=True)
class Helper:
    """A member who could answer a question.

    Attributes:
        name: As the forum shows it.
        score: Higher is better; comparable within one question.
        solved: How many of the similar questions were answered first by this member,
            or solved.
        last_at: When this member last answered anybody.
        region: Group or region, where the profile tells; else empty.
        why: One line for people.
    """

    name: str
    url: str
    score: float
    solved: int
    last_at: datetime
    region: str
    why: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a moderator can do about a topic with one click.

    Attributes:
        name: ``open``, ``read_draft``, ``approve``, ``reject`` or ``not_a_question``.
        url: Where; empty where only *command* does it.
        command: What does the same at a terminal; empty: nothing does.
    """

    name: str
    url: str = ""
    command: str = ""


# -- 1 ---------------------------------------------------------------------------


# How the silence of a suggestion begins that is not held back: `OpenQuestion.silence`.
BOT_ANSWERED = "the bot answered"
DRAFT_WAITS = "a draft waits"


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that no person has answered.

    Attributes:
        need: In [0, 1]: how much it needs somebody; questions are ordered by it.
        why: What that is made of, strongest first, for people.
        replies: By people, that tell nothing ("the same here", a question back).
        suggestion: The best that the bot has for it, or would find now.
        silence: Why that is not in the topic, or that it is.
        helpers: See section 4.
    """

    topic: Topic
    age_hours: float
    newcomer: bool
    views: int
    replies: int
    need: float
    why: tuple[str, ...]
    suggestion: Resource | None = None
    silence: str = ""
    helpers: tuple[Helper, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenNow:
    """Attributes:
    total: All of them.
    questions: Those that need somebody most.
    """

    total: Rows
    questions: tuple[OpenQuestion, ...]


# -- 2 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Repeat:
    """A new question that repeats one that was solved, or looks solved.

    Attributes:
        similarity: Cosine between the two questions.
        answer: The post that solved the earlier one, with its words.
        shared: Words that both have, those of their titles first, then the rarest.
        marked: Somebody marked that post as the solution; else it only looks like it.
    """

    topic: Topic
    earlier: Topic
    similarity: float
    answer: Resource
    shared: tuple[str, ...]
    marked: bool = True


@dataclass(frozen=True, slots=True)
class OpenCluster:
    """Open questions that ask the same.

    Attributes:
        words: What they share, most telling first.
        similarity: Least cosine between a question and the first one.
    """

    words: tuple[str, ...]
    similarity: float
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    repeats: tuple[Repeat, ...]
    clusters: tuple[OpenCluster, ...]


# -- 3 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A question with a reply that looks like its solution, and no mark on it.

    Attributes:
        number: Of that post.
        sure: How likely it is the solution.
        excerpt: What it says, as plain text.
        why: What speaks for it, strongest first.
    """

    topic: Topic
    number: int
    url: str
    author: str
    sure: float
    excerpt: str
    why: tuple[str, ...]


# -- 4 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load:
    """How many of the open questions a member was named for."""

    name: str
    url: str
    questions: int
    region: str = ""


# -- 5 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions about one thing that no page, course or video answers.

    Attributes:
        verdict: ``missing``: nothing is near most of them, and hardly anybody (one in
            ten at most) linked anything; ``not_found``: there is something, and people
            ask all the same.
        words: What they are about, most telling first.
        size: How many questions.
        unanswered: To how many of them no other person replied at all.
        topics: Those in the middle of the cluster first.
        nearest: Resources most like them.
        linked: What helpers linked in them, most often first, with how often.
    """

    verdict: str
    words: tuple[str, ...]
    size: int
    unanswered: int
    topics: tuple[Topic, ...]
    nearest: tuple[Resource, ...]
    linked: tuple[tuple[Resource, int], ...]


@dataclass(frozen=True, slots=True)
class Sought:
    """A query that many people searched in vain.

    Attributes:
        query: Its words, sorted, without those of grammar.
        people: At least so many different ones.
        times: How often they did.
    """

    query: str
    people: int
    times: int


@dataclass(frozen=True, slots=True)
class Searches:
    """What the query endpoint was asked on the days of UTC that the period touches.

    Attributes:
        searches: All of them.
        in_vain: Those that found nothing.
        sought: What several different people searched in vain, that of most people
            first; what fewer searched is nowhere.
    """

    searches: int
    in_vain: int
    sought: tuple[Sought, ...] = ()


@dataclass(frozen=True, slots=True)
class Gaps:
    """Attributes:
    questions: How many were looked at.
    searches: ``None``: nothing was searched.
    """

    questions: int
    gaps: tuple[Gap, ...]
    searches: Searches | None = None


# -- 6 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rising:
    """A subject that is asked for more often than before.

    Attributes:
        what: ``word``, ``cluster``, ``error`` or ``version``.
        label: The word, or the words of a cluster, or the message.
        now, before: Questions of the period, and of the one before it.
        score: How sure the rise is no chance: a z-score; 0 where none is told.
        topics: The newest of the period.
    """

    what: str
    label: str
    now: int
    before: int
    score: float
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Trends:
    """Attributes:
    asked, asked_before: Questions of the period, and of the one before it.
    """

    asked: int
    asked_before: int
    words: tuple[Rising, ...]
    clusters: tuple[Rising, ...]
    errors: tuple[Rising, ...]
    versions: tuple[Rising, ...]


# -- 7 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of one category, one language, or one week or month.

    Attributes:
        rest: It is all the others together, and *name* is nobody's.
    """

    name: str
    figures: tuple[Figure, ...]
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """Attributes:
    overall, before: Of the period, and of the one before it.
    by_category, by_language: Largest first.
    over_time: By week, or by month where the period is long; oldest first.
    """

    overall: tuple[Figure, ...]
    before: tuple[Figure, ...]
    by_category: tuple[Group, ...]
    by_language: tuple[Group, ...]
    over_time: tuple[Group, ...]


# -- 8 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was so, with some of the topics."""

    label: str
    count: int
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """A reply that did not help.

    Attributes:
        what: It led with this.
        verdict: What people made of it.
    """

    topic: Topic
    what: Resource
    verdict: str


@dataclass(frozen=True, slots=True)
class Bin:
    """Replies that were about as sure: how often they helped.

    Attributes:
        topics: The newest of them.
    """

    confidence: float
    share: float
    low: float
    high: float
    n: int
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision of the period, as the table has it from which figures are counted.

    Attributes:
        topic: ``None`` where the forum's topic is not held.
        key: The topic's id on the forum.
        outcome: What became of it, as people say it.
        voice: ``spoke``, ``draft``, ``silent`` or ``waiting``.
        draft: A moderator was asked.
        why: Why nothing was posted.
        helped: What people made of its reply; ``None``: nobody said, or there is none.
    """

    topic: Topic | None
    key: str
    decided_at: datetime
    mode: str
    outcome: str
    voice: str
    draft: bool = False
    why: tuple[str, ...] = ()
    helped: bool | None = None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """What the bot did in the period.

    Attributes:
        figures: ``bot_decided``, ``bot_spoke``, ``bot_silent``, ``bot_drafts``,
            ``bot_rated``, ``bot_precision``, ``bot_coverage``, ``bot_withdrawn``;
            their rows are *decisions*.
        silences: Why it was silent, most often first.
        states: What became of decisions.
        calibration: On all that was ever rated.
        mistakes: The surest first.
        paused: Why it posts nothing now; empty: it may.
        decisions: All of the period whose topic the reader may know, oldest first.
        ratings: Rated replies, by what was said of them and by whom.
    """

    figures: tuple[Figure, ...]
    silences: tuple[Count, ...]
    states: tuple[Count, ...]
    calibration: tuple[Bin, ...]
    mistakes: tuple[Mistake, ...]
    paused: str = ""
    decisions: tuple[DecisionRow, ...] = ()
    ratings: tuple[Count, ...] = ()


# -- 9 ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadLink:
    """Something that answers lead to, and should not any more.

    Attributes:
        problem: ``dead``, ``moved`` or ``old_version``.
        detail: What is wrong with it, for people.
        links: How many posts lead there.
        instead: The page that should be linked, where there is one.
        topics: Where it is linked, the most read first.
    """

    problem: str
    title: str
    url: str
    detail: str
    links: int
    instead: Resource | None
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source is.

    Attributes:
        documents: That are held.
        refreshed_at: When it was last read through.
        age_hours: Since then; ``None``: it never was.
        error: Why it was not, the last time; empty: it was.
        set_aside: Records that could not be read.
        dead: Documents that do not answer.
    """

    name: str
    documents: int
    refreshed_at: datetime | None
    age_hours: float | None
    error: str
    set_aside: int
    dead: int


@dataclass(frozen=True, slots=True)
class Upkeep:
    links: tuple[BadLink, ...]
    sources: tuple[SourceHealth, ...]


# -- all of it ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A topic, as the table has it from which figures are counted.

    The table holds those of the period, and all that are young enough to be open.

    Attributes:
        first_reply_hours: Until the first reply by a person other than who asked.
        answered: There is such a reply.
        question: It asks something; ``None`` where that was not looked at.
        open: See section 1.
        bot: What the bot made of it; empty: nothing.
        in_period: It was begun in the period.
    """

    topic: Topic
    newcomer: bool
    replies: int
    first_reply_hours: float | None
    answered: bool
    solved: bool
    question: bool | None
    open: bool
    views: int
    bot: str
    in_period: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """The moderators' triage report.

    Attributes:
        format: See `FORMAT`.
        private: It may hold what not everybody may read.
        as_of: The moment that it is true of.
        notes: What could not be told, and why, for people.
    """

    format: int
    community: str
    private: bool
    since: datetime
    until: datetime
    as_of: datetime
    topics: int
    open_now: OpenNow
    repeats: Repeats
    unmarked: tuple[Unmarked, ...]
    who_could_help: tuple[Load, ...]
    gaps: Gaps
    trends: Trends
    health: Health
    scorecard: Scorecard | None
    upkeep: Upkeep
    notes: tuple[str, ...]
    rows: tuple[Row, ...] = ()
