"""What people made of replies, as outcomes that thresholds are chosen from.

The first link of a rated reply is one more first suggestion, right or wrong, as sure
as it was then. It says nothing of which topics are answered: only members' links do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kb.store import Decision, Rating, Store
from kb.thresholds import Outcome
from kb.types import Kind

# As many of the newest ratings have a say; those before are of another forum.
NEWEST = 200


def outcome_of(rating: Rating, decision: Decision) -> Outcome | None:
    """What a rating says of the reply's first link; ``None``: its ledger is too old
    to tell how sure that was. Pure."""
    if not decision.suggestions:
        return None
    first: Mapping[str, Any] = decision.suggestions[0]
    kinds = {each.value: each for each in Kind}
    kind, confidence = kinds.get(str(first.get("kind"))), first.get("confidence")
    if kind is None or not isinstance(confidence, int | float):
        return None
    if not 0 <= confidence <= 1:
        return None
    return Outcome(kind, decision.language or "", confidence, rating.value > 0)


def rated_outcomes(store: Store, forum: str) -> list[Outcome]:
    """The outcomes of a forum's newest ratings."""
    found: list[Outcome] = []
    for rating in store.feedback.ratings(forum, limit=NEWEST):
        decision = store.ledger.get(forum, rating.topic_id)
        outcome = None if decision is None else outcome_of(rating, decision)
        if outcome is not None:
            found.append(outcome)
    return found
