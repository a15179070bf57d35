"""What the bot held back for questions that nobody answered, and why.

The ledger tells what was decided. Of a topic that it knows nothing of it is looked up
what would be found now, and what the policy would say of it: without a bot, as in an
archive, moderators still see what there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.asking import question_of_stored
from bot.compose import title_of
from bot.escape import shortened, visible
from bot.policy import PolicySettings, judge_links, same_address
from bot.report.model import BOT_ANSWERED, DRAFT_WAITS, Resource
from bot.report.open_now import Held
from bot.report.records import Thread
from bot.report.scorecard import NOT_SURE, stood, why_silent
from kb.errors import InvalidQueryError
from kb.question import Question
from kb.search import Explained
from kb.store import Decision, Store
from kb.types import PUBLIC, DocumentId, Kind, SearchHit, TopicId

_KINDS = {kind.value: kind for kind in Kind}
# What the policy says of its own figures; other reasons may name people and places.
_FIGURES = re.compile(
    r"the best [a-z ]+ has a confidence of ([0-9.]+), and (?:([0-9.]+) is needed)?"
)
# Less likely ones are no suggestion, and cost whoever looks at them.
LEAST = 0.15
_MAX_PASSAGE_CHARS = 280

Search = Callable[[Question], Explained]
"""See `bot.app.App.look_for`."""


class Holding:
    """Tells of some threads what was held back.

    Args:
        forum: The source that the bot watches; ``None``: there is none.
        search: ``None``: there is no index, and only the ledger is asked.
        until: Nothing later counts.
    """

    def __init__(
        self,
        store: Store,
        *,
        forum: str | None,
        search: Search | None,
        settings: PolicySettings,
        until: datetime,
    ) -> None:
        self._store = store
        self._forum = forum
        self._search = search
        self._settings = settings
        self._until = until

    def __call__(self, threads: Sequence[Thread]) -> Mapping[DocumentId, Held]:
        """What was held back, by thread; those of which nothing is known are absent."""
        found = ((thread.id, self._of(thread)) for thread in threads)
        return {i: held for i, held in found if held is not None}

    def _of(self, thread: Thread) -> Held | None:
        decision = self._decision(thread)
        if decision is not None:
            told = self._decided(decision)
            if told.suggestion is not None or self._search is None:
                return told
            # The ledger says why it was silent; what there is, a search tells.
            now = self._searched(thread)
            if now is not None and now.suggestion is not None:
                return Held(now.suggestion, told.silence)
            return told
        return self._searched(thread)

    def _decision(self, thread: Thread) -> Decision | None:
        if thread.source != self._forum or not thread.key.isdecimal():
            return None
        decision = self._store.ledger.get(thread.source, TopicId(int(thread.key)))
        if decision is None or decision.decided_at >= self._until:
            return None
        return decision

    def _decided(self, decision: Decision) -> Held:
        resources = (self._resource(each) for each in decision.suggestions)
        best = next((each for each in resources if each is not None), None)
        match stood(decision, self._until):
            case "drafted":
                return Held(best, f"{DRAFT_WAITS} for a moderator's word", draft=True)
            case "posted" | "queued":
                return Held(best, f"{BOT_ANSWERED}, and no person has")
            case "withdrawn":
                return Held(best, "the bot's answer was withdrawn")
            case "waiting":
                return Held(best, "the bot gives people some time first")
            case _:
                return Held(best, "; ".join(dict.fromkeys(self._why(decision))))

    def _why(self, decision: Decision) -> Iterator[str]:
        """Why it was silent, without whom and what others are not to know of: who
        opted out, what a moderator wrote, where a private topic is."""
        for why in why_silent(decision, self._until):
            yield not_sure(decision.reasons) if why == NOT_SURE else why

    def _resource(self, suggestion: Mapping[str, Any]) -> Resource | None:
        """What the ledger suggests, if everybody may still be led there."""
        kind = _KINDS.get(str(suggestion.get("kind")))
        source, key = suggestion.get("source"), suggestion.get("key")
        url, confidence = suggestion.get("url"), suggestion.get("confidence")
        if kind is None or suggestion.get("forgotten") or suggestion.get("removed"):
            return None
        if isinstance(confidence, int | float) and confidence < LEAST:
            return None
        document = self._store.documents.find(str(source), str(key))
        if document is None or not document.listed or document.dead:
            return None
        if document.visibility != PUBLIC:
            return None
        return Resource(
            kind,
            # Of a topic the title as it is now: it may have been changed for a reason.
            document.title
            if kind is Kind.THREAD
            else str(suggestion.get("title") or document.title),
            str(url or document.url),
            float(confidence) if isinstance(confidence, int | float) else None,
        )

    def _searched(self, thread: Thread) -> Held | None:
        if self._search is None:
            return None
        question = question_of_stored(self._store, thread.id)
        if question is None:
            return None
        try:
            found = self._search(question)
        except InvalidQueryError:
            return None
        hits = [
            hit
            for hit in found.hits
            if not same_address(hit, thread.url) and self._was_there(hit)
        ]
        verdict = judge_links(
            hits, self._settings, language=found.question.language or thread.language
        )
        # What the verdict is about: of each kind the first, however sure the next are.
        firsts: dict[Kind, SearchHit] = {}
        for hit in hits:
            firsts.setdefault(hit.document.kind, hit)
        best = (
            next(iter(verdict.picks), None)
            if verdict.speak
            else max(firsts.values(), key=lambda hit: hit.confidence, default=None)
        )
        if best is None:
            return Held(None, "nothing was found")
        if best.confidence < LEAST:
            return Held(None, "nothing was found that is likely to help")
        would = "would answer" if verdict.speak else f"is {not_sure(verdict.reasons)}"
        return Held(resource_of(best), f"the bot has not looked at it, and {would}")

    def _was_there(self, hit: SearchHit) -> bool:
        # How sure it is rests on all that is known today; what it says must not.
        times = (hit.document.created_at, hit.passage.created_at)
        return all(at is None or at < self._until for at in times)


def not_sure(reasons: Sequence[str]) -> str:
    """Why what was found is not enough, with the figures of the surest kind of link.

    >>> not_sure(["the best thread has a confidence of 0.31, and 0.40 is needed for …"])
    'not sure enough of what it found (31 %, and 40 % is needed)'
    >>> not_sure(["the search found nothing to link"])
    'not sure enough of what it found'
    """
    known = [found for found in map(_FIGURES.match, reasons) if found is not None]
    if not known:
        return NOT_SURE
    found = max(known, key=lambda each: float(each[1]))
    sure = _percent(found[1])
    need = f", and {_percent(found[2])} is needed" if found[2] else ""
    return f"{NOT_SURE} ({sure}{need})"


def _percent(share: str) -> str:
    return f"{float(share):.0%}".replace("%", " %")


def resource_of(hit: SearchHit) -> Resource:
    """A hit as the report shows it."""
    return Resource(
        hit.document.kind,
        title_of(hit),
        hit.url,
        round(hit.confidence, 4),
        passage=shortened(visible(hit.passage.text), _MAX_PASSAGE_CHARS),
    )
