"""Which mode the bot has earned, and what the next one needs.

Trust grows in steps, and each rests on what the step before has shown: history, then
decisions that nobody saw, then drafts that moderators judged, then replies that staff
alone could read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Mode
from bot.drafts import APPROVED
from bot.feedback import withdrawn_by_staff
from bot.figures import Measured, load_figures
from bot.naming import NAMES
from kb.metrics import wilson_interval
from kb.types import DocumentId, LinkRole

if TYPE_CHECKING:
    from bot.app import App
    from kb.store import Decision, State, Store
    from kb.thresholds import Thresholds

# Below this many nothing can be said of a share: see `kb.thresholds.MIN_SHOWN`.
ENOUGH = 20
# So many questions of one's own history, see `kb.thresholds.MIN_KIND`.
ENOUGH_QUESTIONS = 100
# The bot has to be seen on busy days and quiet ones.
SHADOW_SPAN = timedelta(days=7)
# What a draft that was judged may have become.
_JUDGED: tuple[State, ...] = (
    "decided",
    "claimed",
    "posted",
    "queued",
    "withdrawn",
    "refused",
    "rejected",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Answers that somebody or something judged.

    Attributes:
        right: How many of *count* were right.
    """

    count: int = 0
    right: int = 0

    def reaches(self, asked: float) -> bool:
        """Whether so many are enough, and often enough right."""
        return self.count >= ENOUGH and self.right >= asked * self.count

    def __str__(self) -> str:
        if not self.count:
            return "none so far"
        low, high = wilson_interval(self.right, self.count)
        return (
            f"{self.right} of {self.count}, {self.right / self.count:.2f} "
            f"({low:.2f} to {high:.2f} with 95 % certainty)"
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that speaks for the bot, or against it.

    Attributes:
        asked: `bot.precision`.
        history: Per kind, on questions of the past that nobody had seen.
        shadow_topics: Topics that were decided and not answered, for that reason.
        shadow_span: From the first of these to the last.
        shadow: Of the answers that were withheld, those to topics in which people
            linked something: right if they linked what would have led the answer.
        drafts: Those that moderators approved or rejected.
        ratings: Replies that people rated.
        paused: Why nothing is posted now; empty: it may be.
    """

    asked: float
    history: tuple[Measured, ...] = ()
    shadow_topics: int = 0
    shadow_span: timedelta = timedelta(0)
    shadow: Judged = Judged()
    drafts: Judged = Judged()
    ratings: Judged = Judged()
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a mode needs.

    Attributes:
        what: That must be.
        have: What there is of it.
    """

    what: str
    have: str
    met: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A mode, and what it needs beside what the modes before it do."""

    mode: Mode
    needs: tuple[Need, ...]

    @property
    def met(self) -> bool:
        return all(need.met for need in self.needs)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What `readiness` found.

    Attributes:
        earned: The last mode that is earned with all before it.
        configured: What the config says.
    """

    asked: float
    steps: tuple[Step, ...]
    earned: Mode
    configured: tuple[Mode, ...]


def readiness(evidence: Evidence, configured: Sequence[Mode] = ()) -> Readiness:
    """Judge what there is; pure.

    Args:
        configured: The modes that the config sets, for comparison.
    """
    asked = evidence.asked
    steps = (
        Step("shadow", ()),
        Step("draft", (_history(evidence), _watched(evidence))),
        Step("whisper", (_judged_before(evidence),)),
        Step("public", (_rated(evidence), _not_paused(evidence))),
    )
    earned: Mode = "shadow"
    for step in steps:
        if not step.met:
            break
        earned = step.mode
    return Readiness(asked, steps, earned, tuple(configured))


def _history(evidence: Evidence) -> Need:
    """At least one kind must be worth a word; the others stay silent by themselves."""
    asked = evidence.asked
    of_asked = [each for each in evidence.history if abs(each.asked - asked) < 1e-6]
    good = [each for each in of_asked if _is_reached(each)]
    told = "; ".join(map(_told, good or of_asked))
    return Need(
        f"on {ENOUGH_QUESTIONS} questions of the past or more, a kind of link whose "
        f"first is right {asked:.2f} of the time when shown (run baraza learn, or "
        "baraza replay --figures)",
        told or f"no figures for {asked:.2f}",
        bool(good),
    )


def _is_reached(each: Measured) -> bool:
    if each.confidence is None or each.interval is None:
        return False
    # The share itself: with few shown, nearly any share may be bad luck.
    is_enough = each.questions >= ENOUGH_QUESTIONS and each.shown >= ENOUGH
    return is_enough and each.right >= each.asked * each.shown


def _told(each: Measured) -> str:
    name = NAMES[each.kind]
    if each.precision is None or each.interval is None:
        return f"{name}: nothing would be shown ({each.questions} questions)"
    low, high = each.interval
    return (
        f"{name}: {each.precision:.2f} ({low:.2f} to {high:.2f}) of {each.shown} "
        f"shown, {each.questions} questions"
    )


def _watched(evidence: Evidence) -> Need:
    days = evidence.shadow_span / timedelta(days=1)
    return Need(
        f"{ENOUGH} new topics decided in mode shadow, over {SHADOW_SPAN.days} days",
        f"{evidence.shadow_topics} over {days:.0f} days",
        evidence.shadow_topics >= ENOUGH and evidence.shadow_span >= SHADOW_SPAN,
    )


def _judged_before(evidence: Evidence) -> Need:
    asked = evidence.asked
    is_met = evidence.drafts.reaches(asked) or evidence.shadow.reaches(asked)
    return Need(
        f"{ENOUGH} drafts that moderators judged, of which they approved {asked:.2f}; "
        f"or {ENOUGH} answers withheld in topics where people then linked something, "
        f"which led with what they linked {asked:.2f} of the time",
        f"drafts: {evidence.drafts}; withheld: {evidence.shadow}",
        is_met,
    )


def _rated(evidence: Evidence) -> Need:
    return Need(
        f"{ENOUGH} replies, approved or whispered, that were rated, of which "
        f"{evidence.asked:.2f} helped",
        str(evidence.ratings),
        evidence.ratings.reaches(evidence.asked),
    )


def _not_paused(evidence: Evidence) -> Need:
    return Need(
        "no pause (baraza resume ends one)",
        evidence.paused or "none",
        not evidence.paused,
    )


# -- where the evidence comes from -------------------------------------------


def gather(app: App, replay: Path | None = None) -> Evidence:
    """What this installation has to show.

    Args:
        replay: What `baraza replay --figures` wrote, in place of what was learned.

    Raises:
        SourceError: *replay* cannot be read.
        StoreError: The knowledge base cannot be read; that there is none yet is no
            error.
        ConfigError: No forum is watched, and no *replay* named.
    """
    asked = app.config.bot.precision
    if replay is not None:
        history = load_figures(replay)
    else:
        learned = app.model_on_disk.learned()
        history = () if learned is None else _of_thresholds(learned.thresholds)
    if app.config.bot.forum is None and replay is not None:
        return Evidence(asked, history)
    name, _ = app.bot_forum()
    if not app.store_path.is_file():
        return Evidence(asked, history)
    with app.open_store(readonly=True) as store:
        return _of_store(store, name, asked, history)


def _of_thresholds(thresholds: Sequence[Thresholds]) -> tuple[Measured, ...]:
    """What was learned here: thresholds were chosen on outcomes that were unseen."""
    return tuple(
        Measured.of_shares(
            group.kind,
            asked=known.asked,
            questions=group.threshold.n,
            coverage=group.threshold.coverage,
            precision=group.threshold.precision,
            confidence=group.threshold.confidence,
        )
        for known in thresholds
        for group in known.groups
        if group.language is None
    )


def _of_store(
    store: Store, name: str, asked: float, history: tuple[Measured, ...]
) -> Evidence:
    decided = [d for d in store.ledger.in_state(name, "decided") if d.mode == "shadow"]
    times = [decision.decided_at for decision in decided]
    ratings = store.feedback.ratings(name)
    pause = store.pauses.get(name)
    return Evidence(
        asked,
        history,
        shadow_topics=len(decided),
        shadow_span=_span(times),
        shadow=_withheld(store, name, decided),
        drafts=_drafts(store, name),
        ratings=Judged(len(ratings), sum(rating.value > 0 for rating in ratings)),
        paused="" if pause is None else pause.reason,
    )


def _span(times: Sequence[datetime]) -> timedelta:
    return max(times) - min(times) if times else timedelta(0)


def _drafts(store: Store, name: str) -> Judged:
    """Drafts that a moderator judged; what became of an approved one is another
    matter, unless moderators took it back."""
    count = right = 0
    for state in _JUDGED:
        for decision in store.ledger.in_state(name, state):
            is_approved = APPROVED in decision.reasons
            if decision.mode != "draft" or not (is_approved or state == "rejected"):
                continue
            marks = store.feedback.of(name, decision.topic_id)
            count += 1
            right += is_approved and not withdrawn_by_staff(marks)
    return Judged(count, right)


def _withheld(store: Store, name: str, decided: Sequence[Decision]) -> Judged:
    """Answers that nobody saw, compared with what people then linked."""
    count = right = 0
    for decision in decided:
        if decision.body is None or not decision.suggestions:
            continue
        topic = store.documents.find(name, str(decision.topic_id))
        if topic is None:
            continue
        linked = _linked(store, topic.id)
        if not linked:
            continue
        lead = decision.suggestions[0]
        count += 1
        right += (lead.get("source"), lead.get("key")) in linked
    return Judged(count, right)


def _linked(store: Store, topic: DocumentId) -> set[tuple[str, str]]:
    """What helpers linked in a topic, by source and key."""
    links = store.links.from_documents([topic], roles=(LinkRole.HELPER, LinkRole.STAFF))
    targets = {target for link in links.get(topic, ()) for target in link.targets}
    found = store.documents.summaries(sorted(targets - {topic}))
    return {(each.source, each.key) for each in found.values()}


def lines(found: Readiness) -> str:
    """For people to read."""
    told = [f"asked: a precision of {found.asked:.2f} (bot.precision)"]
    is_open = True
    for step in found.steps:
        is_open = is_open and step.met
        told.append(f"{step.mode}: {'earned' if is_open else 'not earned yet'}")
        for need in step.needs:
            mark = "✓" if need.met else "✗"
            told += [f"  {mark} {need.what}", f"      {need.have}"]
    order = [step.mode for step in found.steps]
    beyond = [
        mode
        for mode in found.configured
        if mode in order and order.index(mode) > order.index(found.earned)
    ]
    modes = ", ".join(found.configured)
    told.append(f"earned so far: {found.earned}; the config says {modes or 'nothing'}")
    if beyond:
        told.append(f"not earned, and set in the config: {', '.join(beyond)}")
    return "\n".join(told)
