"""Answer or stay silent, and why. Pure: no I/O, no clock.

Silence is an answer. Each rule gives its reason in words that a moderator
understands without knowing the program; all rules that speak against an answer
are named, not only the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.topic import TopicView
from kb.types import Kind, SearchHit

# A link beside the best one may be weaker, but not so weak that it is noise.
LINK_FLOOR = 0.55


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """When the bot speaks, and how much it says.

    Attributes:
        username: The bot's own account.
        min_confidence: What the best link must reach, in [0, 1].
        link_floor: The share of `min_confidence` that every other link must reach.
        max_links: Links in one answer.
        max_per_kind: Links per kind; a kind that is not named has no limit of its own.
        categories: Slugs where it may answer; empty means all public ones.
        exclude_categories: Slugs where it never answers. Subcategories follow.
        exclude_authors: Members whom it never answers.
        max_topic_age: An older topic is left to people.
        max_replies_per_hour: A brake, should anything go wrong.
    """

    username: str
    min_confidence: float
    link_floor: float = LINK_FLOOR
    max_links: int = 5
    max_per_kind: Mapping[Kind, int] = field(default_factory=dict)
    categories: Collection[str] = ()
    exclude_categories: Collection[str] = ()
    exclude_authors: Collection[str] = ()
    max_topic_age: timedelta = timedelta(days=2)
    max_replies_per_hour: int = 10


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
    replies_last_hour: int = 0,
) -> Verdict:
    """Judge one topic.

    Args:
        hits: What the search found, best first.
        now: Aware, UTC.
        replied: The bot has a reply in the topic, or waiting for approval.
        replies_last_hour: On this forum.
    """
    against = objections(
        topic, settings, now, replied=replied, replies_last_hour=replies_last_hour
    )
    if against:
        return Verdict(False, against)
    return judge(topic, hits, settings)


def objections(
    topic: TopicView,
    settings: PolicySettings,
    now: datetime,
    *,
    replied: bool = False,
    replies_last_hour: int = 0,
) -> tuple[str, ...]:
    """What speaks against answering whatever the search may find; empty if nothing."""
    age = now - topic.created_at
    slugs = _folded(topic.category)
    wanted = _folded(settings.categories)
    rules = {
        "the bot has already answered": replied,
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
        f"it is {_days(age)} old, and {_days(settings.max_topic_age)} is the limit": (
            age > settings.max_topic_age
        ),
        f"{replies_last_hour} replies within the hour, and "
        f"{settings.max_replies_per_hour} is the limit": (
            replies_last_hour >= settings.max_replies_per_hour
        ),
    }
    return tuple(reason for reason, holds in rules.items() if holds)


def judge(
    topic: TopicView, hits: Sequence[SearchHit], settings: PolicySettings
) -> Verdict:
    """Judge what the search found for a topic that may be answered."""
    candidates = [hit for hit in hits if _linkable(hit) and not _is_topic(hit, topic)]
    if not candidates:
        return Verdict(False, ("the search found nothing to link",))
    picks = choose(candidates, settings)
    best = max(hit.confidence for hit in candidates)
    figures = f"{best:.2f}, and {settings.min_confidence:.2f} is needed"
    if best < settings.min_confidence:
        return Verdict(False, (f"the best link has a confidence of {figures}",), picks)
    if not picks:
        return Verdict(False, ("no link is left within the limits per kind",))
    return Verdict(True, (f"the best link has a confidence of {figures}",), picks)


def choose(
    hits: Sequence[SearchHit], settings: PolicySettings
) -> tuple[SearchHit, ...]:
    """The links worth posting: best first, within all limits.

    One page is linked once, also when several versions of it were found.
    """
    floor = settings.link_floor * settings.min_confidence
    chosen: list[SearchHit] = []
    per_kind: Counter[Kind] = Counter()
    seen: set[object] = set()
    for hit in sorted(hits, key=lambda hit: -hit.confidence):
        kind = hit.document.kind
        limit = settings.max_per_kind.get(kind, settings.max_links)
        same = _identity(hit)
        if hit.confidence < floor or per_kind[kind] >= limit or same in seen:
            continue
        chosen.append(hit)
        per_kind[kind] += 1
        seen.add(same)
        if len(chosen) == settings.max_links:
            break
    return tuple(chosen)


def _identity(hit: SearchHit) -> object:
    document = hit.document
    if document.version is None:
        return document.url
    return (document.source, document.kind, document.language, document.title)


def _is_topic(hit: SearchHit, topic: TopicView) -> bool:
    # By address: other sources, an archive for one, may hold the topic as well.
    url = hit.document.url.rstrip("/")
    return url == topic.url.rstrip("/")


def _linkable(hit: SearchHit) -> bool:
    return hit.document.url.startswith(("https://", "http://"))


def _folded(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _days(span: timedelta) -> str:
    """A span as people say it.

    >>> _days(timedelta(days=3)), _days(timedelta(hours=5)), _days(timedelta(days=1))
    ('3 days', '5 hours', '24 hours')
    """
    hours = span // timedelta(hours=1)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
