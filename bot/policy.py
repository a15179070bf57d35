"""Answer or stay silent, and why. Pure: no I/O, no clock.

Silence is an answer. Each rule gives its reason in words that a moderator
understands without knowing the program; all rules that speak against an answer
are named, not only the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from bot.helped import has_answer
from bot.missing import Wanted
from bot.naming import NAMES
from bot.questions import not_a_question
from bot.topic import TopicView
from bot.waiting import Patience, wait_of
from bot.waiting import Wait as Wait  # For who asks here.
from bot.windows import Window, is_within
from kb.thresholds import Thresholds
from kb.types import Kind, SearchHit

# A link beside the best one may be weaker, but not so weak that it is noise.
LINK_FLOOR = 0.55
DEFAULT_PRECISION = 0.4


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """When the bot speaks, and how much it says.

    Attributes:
        username: The bot's own account.
        min_confidence: What links of every kind must reach, in [0, 1], whatever
            *thresholds* say; ``None`` leaves it to them.
        precision: How often answers should lead with a link that helps, in (0, 1).
        thresholds: From which confidence on links are as often right as that.
        link_floor: The share of what its kind needs that every other link must reach.
        max_links: Links in one answer.
        max_per_kind: Links per kind; a kind that is not named has no limit of its own.
        categories: Slugs where it may answer; empty means all public ones.
        exclude_categories: Slugs where it never answers. Subcategories follow.
        exclude_authors: Members whom it never answers.
        max_topic_age: An older topic is left to people.
        max_replies_per_hour, max_replies_per_day: Brakes, should anything go wrong.
        max_replies_per_author: To one member within a day.
        max_topics_per_author: Who begins more within an hour is not answered.
        tags: A topic must have one of them; empty: it need not.
        exclude_tags: A topic that has one of them is not answered.
        grace: How long people come first.
        settle: How long a question must have stood still.
        quiet_hours, zone: When nothing is posted, and by which clocks.
        missing: What answers ask for where the question lacks it.
    """

    username: str
    min_confidence: float | None = None
    precision: float = DEFAULT_PRECISION
    thresholds: Thresholds = field(default=Thresholds(DEFAULT_PRECISION))
    link_floor: float = LINK_FLOOR
    max_links: int = 5
    max_per_kind: Mapping[Kind, int] = field(default_factory=dict)
    categories: Collection[str] = ()
    exclude_categories: Collection[str] = ()
    exclude_authors: Collection[str] = ()
    max_topic_age: timedelta = timedelta(days=2)
    max_replies_per_hour: int = 10
    max_replies_per_day: int = 50
    max_replies_per_author: int = 3
    max_topics_per_author: int = 10
    tags: Collection[str] = ()
    exclude_tags: Collection[str] = ()
    grace: timedelta = timedelta(0)
    settle: timedelta = timedelta(0)
    quiet_hours: Window | None = None
    zone: tzinfo = UTC
    missing: Sequence[Wanted] = ()

    def is_quiet(self, moment: datetime) -> bool:
        """Whether *moment* is in the quiet hours."""
        quiet = self.quiet_hours
        return quiet is not None and is_within(quiet, moment, self.zone)

    def limit(self, kind: Kind) -> int:
        """Links of a kind in one answer."""
        return self.max_per_kind.get(kind, self.max_links)


@dataclass(frozen=True, slots=True)
class Sent:
    """Replies so far, those about to be sent included: for the quotas.

    Attributes:
        hour, day: On this forum, within so long.
        author: To topics of this one's author, within a day.
    """

    hour: int = 0
    day: int = 0
    author: int = 0


def waiting_for(
    topic: TopicView, settings: PolicySettings, now: datetime
) -> Wait | None:
    """What a topic that may be answered waits for; ``None``: it is decided now.

    Ask first what speaks against an answer: who waits may as well be told so at once.
    """
    patience = Patience(
        grace=settings.grace,
        settle=settings.settle,
        longest=settings.max_topic_age,
        quiet_hours=settings.quiet_hours,
        zone=settings.zone,
    )
    return wait_of(topic.created_at, topic.edited_at, patience, now)


@dataclass(frozen=True, slots=True)
class Needed:
    """How sure a link of one kind must be.

    Attributes:
        confidence: To open an answer; ``None``: no confidence is enough.
        beside: To stand in an answer that another link opens.
        why: Where that comes from, to be read after "is needed".
    """

    confidence: float | None
    beside: float
    why: str

    def opens(self, confidence: float) -> bool:
        """Whether a link that is so sure may open an answer."""
        return self.confidence is not None and confidence >= self.confidence


@dataclass(frozen=True, slots=True)
class Weighed:
    """What becomes of one link.

    Attributes:
        chosen: It stands in the answer, if there is one.
        opens: It is sure enough to be the reason for one.
        why: In words that follow its name.
    """

    hit: SearchHit
    chosen: bool
    opens: bool
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a topic.

    Attributes:
        reasons: Why; never empty.
        picks: The links of the answer, best first. They are kept for a silence
            that was only a matter of confidence, so that people can judge it.
    """

    speak: bool
    reasons: tuple[str, ...]
    picks: tuple[SearchHit, ...] = ()


def decide(
    topic: TopicView,
    hits: Sequence[SearchHit],
    settings: PolicySettings,
    now: datetime,
    *,
    replied: bool = False,
    sent: Sent = Sent(),
    opted_out: str = "",
    language: str | None = None,
) -> Verdict:
    """Judge one topic.

    Args:
        hits: What the search found, best first.
        now: Aware, UTC.
        replied: The bot has a reply in the topic, or waiting for approval.
        sent: Replies so far.
        opted_out: See `objections`.
        language: Of the question, where it is known.
    """
    against = objections(
        topic, settings, now, replied=replied, sent=sent, opted_out=opted_out
    )
    if against:
        return Verdict(False, against)
    return judge(topic, hits, settings, language=language)


def objections(
    topic: TopicView,
    settings: PolicySettings,
    now: datetime,
    *,
    replied: bool = False,
    sent: Sent = Sent(),
    opted_out: str = "",
    verdict: str = "",
) -> tuple[str, ...]:
    """What speaks against answering whatever the search may find; empty if nothing.

    Args:
        opted_out: Why its author, category or the like is not to be answered, in words
            that follow "because"; empty when nobody wished so.
        verdict: What moderators say against an answer; empty when they say nothing.
    """
    age = now - topic.created_at
    slugs = _folded(topic.category)
    wanted = _folded(settings.categories)
    tags = _folded(topic.tags)
    shunned = tags & _folded(settings.exclude_tags)
    # What is hidden or private is not read for more than that.
    readable = bool(topic.opening) and not topic.private_message
    no_question = not_a_question(topic) if readable else ""
    helped = has_answer(topic, bot=settings.username)
    rules = {
        "the bot has already answered": replied or topic.answered,
        "it is a private message": topic.private_message,
        "it is the bot's own topic": _same(topic.author, settings.username),
        "its author is the forum's system or a bot": topic.author_id <= 0,
        f"its author, {topic.author}, is not to be answered": (
            topic.author.casefold() in _folded(settings.exclude_authors)
        ),
        "it is closed": topic.closed,
        "it is archived": topic.archived,
        "it was deleted": topic.deleted,
        "it is not listed": not topic.listed,
        "it is already solved": topic.solved,
        "its first post is hidden or was withdrawn": not topic.opening,
        "its category is not public": not topic.public and not topic.private_message,
        f"its category, {'/'.join(topic.category)}, is excluded": bool(
            slugs & _folded(settings.exclude_categories)
        ),
        f"its category, {'/'.join(topic.category)}, is not among those to answer": (
            bool(wanted) and not topic.private_message and not slugs & wanted
        ),
        f"it has a tag that is excluded, {_listed(shunned)}": bool(shunned),
        "it has none of the tags to answer": (
            bool(settings.tags)
            and not topic.private_message
            and not tags & _folded(settings.tags)
        ),
        opted_out: bool(opted_out),
        verdict: bool(verdict),
        no_question: bool(no_question),
        helped: bool(helped),
        f"it is {_days(age)} old, and {_days(settings.max_topic_age)} is the limit": (
            age > settings.max_topic_age
        ),
        **_used_up(sent, settings),
    }
    return tuple(reason for reason, holds in rules.items() if holds)


def _used_up(sent: Sent, settings: PolicySettings) -> dict[str, bool]:
    """The quotas, and whether they are used up."""
    return {
        f"{count} replies within the {span}{whom}, and {limit} is the limit": (
            count >= limit
        )
        for count, span, whom, limit in (
            (sent.hour, "hour", "", settings.max_replies_per_hour),
            (sent.day, "day", "", settings.max_replies_per_day),
            (sent.author, "day to its author", "", settings.max_replies_per_author),
        )
    }


def judge(
    topic: TopicView,
    hits: Sequence[SearchHit],
    settings: PolicySettings,
    *,
    language: str | None = None,
) -> Verdict:
    """Judge what the search found for a topic that may be answered.

    Args:
        language: Of the question, where it is known.
    """
    others = [hit for hit in hits if not same_address(hit, topic.url)]
    return judge_links(others, settings, language=language)


def judge_links(
    hits: Sequence[SearchHit],
    settings: PolicySettings,
    *,
    language: str | None = None,
) -> Verdict:
    """As `judge`, of links that are none to the topic itself."""
    candidates = [hit for hit in hits if _linkable(hit)]
    if not candidates:
        return Verdict(False, ("the search found nothing to link",))
    allowed = [hit for hit in candidates if settings.limit(hit.document.kind) > 0]
    if not allowed:
        return Verdict(False, ("no link is left within the limits per kind",))
    picks = choose(allowed, settings, language=language)
    opening: list[str] = []
    others: list[str] = []
    pages = _pages(allowed)
    firsts = _first([hit for hit in allowed if pages[_identity(hit)] is hit])
    for kind, hit in firsts.items():
        need = needed(kind, settings, language=language)
        is_enough = need.opens(hit.confidence)
        (opening if is_enough else others).append(_figures(hit, need))
    return Verdict(bool(opening), tuple(opening or others), picks)


def _first(hits: Sequence[SearchHit]) -> dict[Kind, SearchHit]:
    """The first of each kind: the one whose confidence thresholds were chosen for.

    Another of its kind may be surer, since confidence rests on less than the order.
    """
    first: dict[Kind, SearchHit] = {}
    for hit in hits:
        first.setdefault(hit.document.kind, hit)
    return first


def _figures(hit: SearchHit, need: Needed) -> str:
    name = NAMES[hit.document.kind]
    if need.confidence is None:
        return (
            f"the best {name} has a confidence of {hit.confidence:.2f}, and {need.why}"
        )
    return (
        f"the best {name} has a confidence of {hit.confidence:.2f}, and "
        f"{need.confidence:.2f} is needed {need.why}"
    )


def needed(
    kind: Kind, settings: PolicySettings, *, language: str | None = None
) -> Needed:
    """How sure a link of a kind must be, for a question in a language.

    A kind that is known not to reach the stated precision opens no answer; beside
    another link it may stand where it is as sure as that.
    """
    if settings.min_confidence is not None:
        fixed = settings.min_confidence
        return Needed(fixed, settings.link_floor * fixed, "(bot.min_confidence)")
    precision = settings.precision
    found = settings.thresholds.find(kind, language or "")
    if found is not None and found.confidence is None:
        why = f"no confidence of one gives a precision of {precision:.2f}"
        return Needed(None, precision, why)
    confidence = (
        precision if found is None or found.confidence is None else (found.confidence)
    )
    why = f"for a precision of {precision:.2f}"
    if found is None:
        why += ", as long as little is known"
    return Needed(confidence, settings.link_floor * confidence, why)


def choose(
    hits: Sequence[SearchHit],
    settings: PolicySettings,
    *,
    language: str | None = None,
) -> tuple[SearchHit, ...]:
    """The links worth posting, within all limits.

    The surest that opens an answer leads, the others follow by how sure they are. One
    page is linked once, also when several versions of it were found.
    """
    weighed = weigh(hits, settings, language=language)
    return tuple(each.hit for each in weighed if each.chosen)


def weigh(
    hits: Sequence[SearchHit],
    settings: PolicySettings,
    *,
    language: str | None = None,
) -> list[Weighed]:
    """What becomes of each link, in the order of `choose`.

    Args:
        hits: Those of a kind best first; only the first of a kind opens an answer.
    """
    needs = {kind: needed(kind, settings, language=language) for kind in Kind}
    pages = _pages(hits)
    first = _first([hit for hit in hits if pages.get(_identity(hit)) is hit])

    def opens(hit: SearchHit) -> bool:
        kind = hit.document.kind
        return first.get(kind) is hit and needs[kind].opens(hit.confidence)

    lead = max(filter(opens, hits), key=lambda hit: hit.confidence, default=None)
    weighed: list[Weighed] = []
    per_kind: Counter[Kind] = Counter()
    for hit in sorted(hits, key=lambda hit: (hit is not lead, -hit.confidence)):
        kind = hit.document.kind
        limit, floor = settings.limit(kind), needs[kind].beside
        against = ""
        if not _linkable(hit):
            against = _unlinkable(hit)
        elif hit.confidence < floor:
            against = f"less sure than {floor:.2f}, the least beside a better link"
        elif pages[_identity(hit)] is not hit:
            against = "the same page, in another version, is linked"
        elif per_kind[kind] >= limit:
            against = f"{limit} of its kind is the limit in one answer"
        elif sum(per_kind.values()) >= settings.max_links:
            against = f"{settings.max_links} links are the limit in one answer"
        if not against:
            per_kind[kind] += 1
        why = (
            "sure enough to open an answer" if opens(hit) else "sure enough beside one"
        )
        weighed.append(Weighed(hit, not against, opens(hit), against or why))
    return weighed


def _pages(hits: Sequence[SearchHit]) -> dict[object, SearchHit]:
    """The surest link to each page, whatever its version."""
    pages: dict[object, SearchHit] = {}
    for hit in sorted(hits, key=lambda hit: -hit.confidence):
        if _linkable(hit):
            pages.setdefault(_identity(hit), hit)
    return pages


def _identity(hit: SearchHit) -> object:
    document = hit.document
    if document.version is None:
        return document.url
    return (document.source, document.kind, document.language, document.title)


def same_address(hit: SearchHit, url: str) -> bool:
    """Whether a link leads to an address; other sources may hold a topic as well."""
    return hit.document.url.rstrip("/") == url.rstrip("/")


def _linkable(hit: SearchHit) -> bool:
    return not _unlinkable(hit)


def _unlinkable(hit: SearchHit) -> str:
    """Why nobody should be led there; empty when they may be."""
    document = hit.document
    if not document.url.startswith(("https://", "http://")):
        return "its address is none of the web"
    if document.kind is Kind.THREAD and document.parts_count <= 1:
        # The same question once more; often by the one who asks again.
        return "nobody has answered there"
    return ""


def _folded(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _days(span: timedelta) -> str:
    """A span as people say it.

    >>> _days(timedelta(days=3)), _days(timedelta(hours=5)), _days(timedelta(days=1))
    ('3 days', '5 hours', '24 hours')
    """
    hours = span // timedelta(hours=1)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
