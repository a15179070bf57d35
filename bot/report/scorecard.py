"""Section 8, the bot's scorecard: what it did, why it was silent, whether it helped.

Counted from the ledger and from what people made of replies, as both were at the end of
the period. The bot's own replies are told here and nowhere else: in no other section
do they answer anything.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from bot.drafts import APPROVED
from bot.escape import shortened, visible
from bot.rated import outcome_of
from bot.report.cells import equal, filled, other_than
from bot.report.health import share_of
from bot.report.model import (
    Bin,
    Count,
    DecisionRow,
    Figure,
    Mistake,
    Resource,
    Rows,
    Scorecard,
    Topic,
)
from bot.report.records import Period
from kb.metrics import reliability_curve
from kb.store import Decision, Mark, Pause, Rating, State, Store
from kb.types import PUBLIC, TopicId

TopicOf = Callable[[str, str], Topic | None]
"""The topic of a source and a key; ``None`` where the reader may not see it, or it is
not held: it is counted then, and not named."""

Voice = Literal["waiting", "draft", "spoke", "silent"]

_ROWS, _ROWS_OF_COUNT, _MISTAKES = 25, 5, 10
# A bin of fewer replies tells nothing.
_BINS, _LEAST_OF_BIN = 10, 5
_MAX_REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class Rated:
    """A reply that people judged.

    Attributes:
        link: What it led with, where the reader may be led there.
        verdict: What was said against it; empty where it helped.
        said: See `what_was_said`.
    """

    decision: Decision
    rating: Rating
    link: Resource | None = None
    verdict: str = ""
    said: tuple[str, ...] = ()

    @property
    def helped(self) -> bool:
        return self.rating.value > 0


def scorecard(
    store: Store,
    forum: str | None,
    period: Period,
    *,
    topic_of: TopicOf,
    visible_to: Collection[str] | None = frozenset({PUBLIC}),
) -> Scorecard | None:
    """Read the ledger of a forum; ``None``: no bot watches it, or it did nothing yet.

    What was decided again later counts in the later period alone: the ledger keeps the
    last decision on a topic.

    Args:
        forum: Name of the source that the bot watches; ``None``: there is none.
        topic_of: Of what the reader may know. Who may not see everything is not even
            told how many decisions there were of other topics.
        visible_to: What the reader may see; ``None``: everything.
    """
    if forum is None or not store.ledger.knows(forum, period.until):
        return None

    def may_be_counted(decision: Decision) -> bool:
        key = str(decision.topic_id)
        return visible_to is None or topic_of(decision.forum, key) is not None

    decided = store.ledger.decided_between(forum, period.since, period.until)
    rated = _rated(store, forum, period, visible_to)
    return score(
        [decision for decision in decided if may_be_counted(decision)],
        [each for each in rated if may_be_counted(each.decision)],
        period,
        topic_of=topic_of,
        pause=store.pauses.get(forum),
        private=visible_to is None,
    )


def _rated(
    store: Store, forum: str, period: Period, visible_to: Collection[str] | None
) -> Iterator[Rated]:
    for rating in store.feedback.ratings(forum, before=period.until):
        decision = store.ledger.get(forum, rating.topic_id)
        if decision is None:
            continue
        marks = store.feedback.of(forum, rating.topic_id)
        said = what_was_said(marks, period.until)
        if rating.value > 0:
            yield Rated(decision, rating, said=said)
            continue
        link = _link(store, decision, visible_to)
        yield Rated(decision, rating, link, verdict_of(marks, period.until), said)


def _link(
    store: Store, decision: Decision, visible_to: Collection[str] | None
) -> Resource | None:
    """What a reply led with, if the reader may still know of it."""
    first: Mapping[str, Any] = next(iter(decision.suggestions), {})
    source, key = str(first.get("source")), str(first.get("key"))
    document = store.documents.find(source, key)
    if document is None or not document.listed or first.get("forgotten"):
        return None
    if visible_to is not None and document.visibility not in visible_to:
        return None
    return Resource(
        document.kind, document.title, str(first.get("url") or document.url)
    )


# -- pure from here on ---------------------------------------------------------------


def score(
    decisions: Sequence[Decision],
    rated: Sequence[Rated],
    period: Period,
    *,
    topic_of: TopicOf,
    pause: Pause | None = None,
    private: bool = False,
) -> Scorecard:
    """Count.

    Args:
        decisions: Of the period.
        rated: Whatever was rated before its end, of any time.
        private: The reader may know in what words somebody paused the bot, and of
            decisions on topics that are not held.
    """
    until = period.until
    newest = _newest(decisions)
    told = _Telling(topic_of)
    by_voice: defaultdict[Voice, list[Decision]] = defaultdict(list)
    states: defaultdict[str, list[Decision]] = defaultdict(list)
    silences: defaultdict[str, list[Decision]] = defaultdict(list)
    for decision in newest:
        by_voice[voice_of(decision, until)].append(decision)
        states[outcome_label(decision, until)].append(decision)
        for label in why_silent(decision, until):
            silences[label].append(decision)
    now = {decision.topic_id: decision for decision in by_voice["spoke"]}
    judged = {
        each.decision.topic_id: each for each in rated if each.decision.topic_id in now
    }
    helped = {topic_id: each.helped for topic_id, each in judged.items()}
    said: defaultdict[str, list[Decision]] = defaultdict(list)
    for topic_id, decision in now.items():
        for label in judged[topic_id].said if topic_id in judged else ():
            said[label].append(decision)
    rows = [told.row(each, until, helped.get(each.topic_id)) for each in newest[::-1]]
    return Scorecard(
        figures=_figures(newest, by_voice, helped, until, told),
        silences=told.counts(sorted(silences), silences),
        states=told.counts([*_LABELS.values()], states),
        calibration=_calibration(rated, told),
        mistakes=_mistakes(judged.values(), told),
        paused=_paused(pause, until, private=private),
        decisions=tuple(row for row in rows if private or row.topic is not None),
        ratings=told.counts(sorted(said), said),
    )


class _Telling:
    """Names topics where it may."""

    def __init__(self, topic_of: TopicOf) -> None:
        self._topic_of = topic_of

    def topic(self, decision: Decision) -> Topic | None:
        return self._topic_of(decision.forum, str(decision.topic_id))

    def first(self, decisions: Iterable[Decision], limit: int) -> tuple[Topic, ...]:
        found: list[Topic] = []
        for decision in decisions:
            if len(found) == limit:
                break
            topic = self.topic(decision)
            if topic is not None:
                found.append(topic)
        return tuple(found)

    def rows(self, decisions: Sequence[Decision], where: str) -> Rows:
        first = self.first(decisions, _ROWS)
        return Rows(len(decisions), where, first, table="decisions")

    def row(
        self, decision: Decision, until: datetime, helped: bool | None
    ) -> DecisionRow:
        return DecisionRow(
            topic=self.topic(decision),
            key=str(decision.topic_id),
            decided_at=decision.decided_at,
            mode=decision.mode,
            outcome=outcome_label(decision, until),
            voice=voice_of(decision, until),
            draft=was_draft(decision, until),
            why=why_silent(decision, until),
            helped=helped,
        )

    def counts(
        self, labels: Iterable[str], groups: Mapping[str, Sequence[Decision]]
    ) -> tuple[Count, ...]:
        """Those that there are, most often first, else in the order of *labels*."""
        there = [label for label in labels if groups.get(label)]
        order = sorted(there, key=lambda label: -len(groups[label]))
        return tuple(
            Count(label, len(groups[label]), self.first(groups[label], _ROWS_OF_COUNT))
            for label in order
        )


def _figures(
    newest: Sequence[Decision],
    by_voice: Mapping[Voice, Sequence[Decision]],
    helped: Mapping[TopicId, bool],
    until: datetime,
    told: _Telling,
) -> tuple[Figure, ...]:
    spoke, silent = by_voice.get("spoke", ()), by_voice.get("silent", ())
    drafts = [each for each in newest if was_draft(each, until)]
    decided = [each for each in newest if voice_of(each, until) != "waiting"]
    withdrawn = [each for each in spoke if stood(each, until) == "withdrawn"]
    rated = [each for each in spoke if each.topic_id in helped]
    right = [each for each in rated if helped[each.topic_id]]

    def count(name: str, some: Sequence[Decision], where: str) -> Figure:
        return Figure(name, len(some), "count", len(some), told.rows(some, where))

    def share(
        name: str, some: Sequence[Decision], of: Sequence[Decision], where: str
    ) -> Figure:
        return share_of(name, len(some), len(of), told.rows(some, where))

    # By the columns of the table of decisions.
    return (
        count("bot_decided", decided, other_than("voice", "waiting")),
        count("bot_spoke", spoke, equal("voice", "spoke")),
        count("bot_silent", silent, equal("voice", "silent")),
        count("bot_drafts", drafts, equal("draft", True)),
        count("bot_rated", rated, filled("helped")),
        share("bot_precision", right, rated, equal("helped", True)),
        share("bot_coverage", spoke, decided, equal("voice", "spoke")),
        count("bot_withdrawn", withdrawn, equal("outcome", _LABELS["withdrawn"])),
    )


def _calibration(rated: Iterable[Rated], told: _Telling) -> tuple[Bin, ...]:
    """Of replies that were about as sure how often they helped, least sure first."""
    outcomes = sorted(
        (
            (outcome.confidence, outcome.right, each.decision)
            for each in rated
            if (outcome := outcome_of(each.rating, each.decision)) is not None
        ),
        key=lambda each: (*each[:2], each[2].topic_id),
    )
    if not outcomes:
        return ()
    bins = max(1, min(_BINS, len(outcomes) // _LEAST_OF_BIN))
    # Each bin holds those that follow the bin before.
    following = (decision for _, _, decision in outcomes)
    return tuple(
        Bin(
            point.confidence,
            point.share,
            point.low,
            point.high,
            point.n,
            told.first(_newest(islice(following, point.n)), _ROWS_OF_COUNT),
        )
        for point in reliability_curve([each[:2] for each in outcomes], bins)
    )


def _newest(decisions: Iterable[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda d: (d.decided_at, d.topic_id), reverse=True)


def _mistakes(judged: Iterable[Rated], told: _Telling) -> tuple[Mistake, ...]:
    """The surest replies that did not help, as far as they may be named."""
    found: list[tuple[float, int, Mistake]] = []
    for each in judged:
        outcome = outcome_of(each.rating, each.decision)
        topic = None if each.helped else told.topic(each.decision)
        if outcome is None or topic is None or each.link is None:
            continue
        what = Resource(
            each.link.kind, each.link.title, each.link.url, outcome.confidence
        )
        mistake = Mistake(topic, what, each.verdict)
        found.append((-outcome.confidence, -each.decision.topic_id, mistake))
    found.sort(key=lambda each: each[:2])
    return tuple(mistake for _, _, mistake in found[:_MISTAKES])


def _paused(pause: Pause | None, until: datetime, *, private: bool) -> str:
    if pause is None or pause.at >= until:
        return ""
    # What the bot says itself holds figures; staff write to it in private.
    if private or pause.origin == "precision":
        reason = shortened(visible(pause.reason), _MAX_REASON_CHARS)
        return reason or f"paused ({pause.origin})"
    return f"since {pause.at:%Y-%m-%d}, by {_PAUSED_BY[pause.origin]}"


_PAUSED_BY = {"operator": "an operator", "staff": "a moderator"}


# -- what became of decisions --------------------------------------------------------


def stood(decision: Decision, until: datetime) -> State:
    """The state of a decision at a moment, as far as its latest one tells: what is
    known to have come later is taken back."""
    state = decision.state
    ended = decision.updated_at or decision.decided_at
    before: State = "drafted" if decision.mode == "draft" else "claimed"
    if state in ("posted", "queued", "withdrawn"):
        if (decision.sent_at or decision.decided_at) >= until:
            return before
        return "posted" if state == "withdrawn" and ended >= until else state
    if state in ("rejected", "expired", "refused") and ended >= until:
        return before
    return state


def voice_of(decision: Decision, until: datetime) -> Voice:
    """What the bot made of a topic, in a word.

    What is about to be sent has not been said; a draft that nobody wants never will be.
    """
    match stood(decision, until):
        case "waiting":
            return "waiting"
        case "drafted":
            return "draft"
        case "posted" | "queued" | "withdrawn":
            return "spoke"
        case _:
            return "silent"


def was_draft(decision: Decision, until: datetime) -> bool:
    """Whether a moderator was asked, as far as the ledger still knows."""
    state = stood(decision, until)
    if state in ("drafted", "rejected", "expired") or APPROVED in decision.reasons:
        return True
    return decision.mode == "draft" and state not in ("waiting", "decided")


_LABELS = {
    "waiting": "waits until it is due",
    "decided": "silent",
    "shadow": "would have answered, where nothing is posted",
    "unheld": "decided, but no draft came of it",
    "drafted": "a draft waits for a moderator",
    "rejected": "a moderator rejected its draft",
    "expired": "its draft expired",
    "claimed": "about to be posted",
    "refused": "could not be posted",
    "queued": "waits in the forum's queue for approval",
    "posted": "posted",
    "approved": "posted, as a moderator approved it",
    "withdrawn": "posted, and withdrawn since",
}


def outcome_label(decision: Decision, until: datetime) -> str:
    """What became of a decision, for people."""
    state = stood(decision, until)
    if state == "decided" and APPROVED in decision.reasons:
        return _LABELS["unheld"]
    if state == "decided" and decision.body:
        return _LABELS["shadow"]
    is_approved = decision.mode == "draft" or APPROVED in decision.reasons
    return _LABELS["approved" if state == "posted" and is_approved else state]


# -- why it was silent ---------------------------------------------------------------

BY_POLICY = "left alone by the bot's policy"
NOT_SURE = "not sure enough of what it found"
_NO_REASON = "no reason was told"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), label)
    for pattern, label in (
        # Who opted out, or is forgotten, is nobody's business: one of many wishes.
        (
            r"its author(?:'s profile)? wants no answers|its author was forgotten"
            r"|its author, .*, is not to be answered"
            r"|its category, .*, is (?:excluded|not among)"
            r"|it has a tag that is excluded|it has none of the tags",
            BY_POLICY,
        ),
        (r"the best .* has a confidence of", NOT_SURE),
        (r"left out ", "what it found must not be linked any more"),
        (
            r"neither its title nor its text|it is pinned, as"
            r"|it tells what its category|it is an announcement|it is a poll"
            r"|the staff wrote it|it introduces its|it announces something",
            "it asks nothing",
        ),
        (r"a member has answered", "a member had answered already"),
        (r"it is .* old, and .* is the limit", "it is too old"),
        (r"\d+ replies within the ", "a quota of replies was used up"),
        (
            r"its author began \d+ topics",
            "its author began too many topics within the hour",
        ),
        (r"unreadable: |its topic cannot be read", "it could not be read"),
        (r"given up after", "it failed too often"),
        (
            r"never posted, and|it was never posted",
            "it was too late, or not right any more, to post it",
        ),
        (r"(?:the|its) mode is \w+", "the mode was changed"),
    )
)
_BUT = re.compile(r"(?:but )+")
# What is no part of a stable reason: what follows a colon was often said by others.
_DETAIL = re.compile(r": .*|https?://\S+|\([^)]*\)|\d+(?:[.,]\d+)*", re.DOTALL)


# Thousands of topics have the same few reasons.
@lru_cache(maxsize=4_096)
def silence_label(reason: str) -> str:
    """A reason for silence without what differs from topic to topic: numbers, names,
    addresses, and what others said.

    >>> silence_label("the best thread has a confidence of 0.31, and 0.40 is needed")
    'not sure enough of what it found'
    >>> silence_label("but its author, amina, is not to be answered")
    "left alone by the bot's policy"
    >>> silence_label("the forum refused the reply: Body is too short (5 characters)")
    'the forum refused the reply'
    >>> silence_label("it is already solved")
    'it is already solved'
    """
    text = _BUT.sub("", visible(reason))
    for pattern, label in _RULES:
        if pattern.match(text):
            return label
    bare = visible(_DETAIL.sub(" ", text)).strip(" :,;")
    label = shortened(bare, _MAX_REASON_CHARS) or _NO_REASON
    # What was taken out may have joined what is to be taken out, too.
    return label if label == text else silence_label(label)


def why_silent(decision: Decision, until: datetime) -> tuple[str, ...]:
    """Why nothing was posted; each label once, none where the bot spoke or may yet."""
    if voice_of(decision, until) != "silent":
        return ()
    state = stood(decision, until)
    if state != "decided":
        # Of a claim, or a draft, the reasons are those why it would have spoken.
        ended = state in ("refused", "rejected") and decision.reasons
        return (silence_label(decision.reasons[-1]) if ended else _LABELS[state],)
    if decision.body:
        return (_LABELS["shadow"],)
    if decision.body is not None:
        # It was to speak once, and what it said went with who is forgotten.
        return (BY_POLICY,)
    reasons = [reason for reason in decision.reasons if reason != APPROVED]
    return tuple(dict.fromkeys(map(silence_label, reasons))) or (_NO_REASON,)


# -- what people said ----------------------------------------------------------------

_SAID = {
    ("like", True): "liked, or reacted to well",
    ("reaction", True): "liked, or reacted to well",
    ("like", False): "reacted to badly",
    ("reaction", False): "reacted to badly",
    ("solution", True): "accepted as the solution",
    ("flag", False): "hidden after flags",
    ("removal", False): "removed",
    ("word", True): "a word that it helped",
    ("word", False): "a word that it did not help",
}


def what_was_said(marks: Iterable[Mark], until: datetime) -> tuple[str, ...]:
    """What people said of a reply, each thing once, and whether those were moderators,
    where the forum tells who it was.

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> marks = [Mark(TopicId(1), "word", user, -1, False, at) for user in (5, 6)]
    >>> what_was_said(marks, at.replace(year=2027))
    ('a word that it did not help, by members',)
    """
    found = {
        _SAID.get((mark.kind, mark.value > 0), "judged otherwise") + _by(mark)
        for mark in marks
        if mark.value and mark.at < until
    }
    return tuple(sorted(found))


def _by(mark: Mark) -> str:
    if mark.staff:
        return ", by moderators"
    return ", by members" if mark.user_id else ""


def verdict_of(marks: Iterable[Mark], until: datetime) -> str:
    """What was said against a reply, without who said it.

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> marks = [Mark(TopicId(1), "word", user, -1, False, at) for user in (5, 6)]
    >>> verdict_of(marks, at.replace(year=2027))
    '2 members said that it did not help'
    """
    against = [mark for mark in marks if mark.value < 0 and mark.at < until]
    kinds = Counter(mark.kind for mark in against)
    words = {mark.user_id for mark in against if mark.user_id and not mark.staff}
    staff = any(mark.staff and mark.kind != "removal" for mark in against)
    members = "1 member" if len(words) == 1 else f"{len(words)} members"
    told = {
        "a moderator removed it": kinds["removal"] > 0,
        "a moderator said that it did not help": staff,
        "the forum hid it after flags": kinds["flag"] > 0,
        f"{members} said that it did not help": bool(words),
    }
    return "; ".join(what for what, holds in told.items() if holds)
