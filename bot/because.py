"""Why a link stands in a reply, from what ranked it and never made up. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from enum import StrEnum

from bot.catalogue import Catalogue
from bot.facts import is_foreign
from kb.types import SearchHit
from kb.versions import is_named


class Reason(StrEnum):
    """What speaks for a link."""

    VERSION = "version"
    LINKED = "linked"
    OFTEN = "often"
    WORDS = "words"
    MEANING = "meaning"


_OF_SIGNAL = {
    "linked_by_meaning": Reason.LINKED,
    "linked_by_words": Reason.LINKED,
    "linked_by_titles": Reason.LINKED,
    "bm25_asked": Reason.LINKED,
    "in_links": Reason.OFTEN,
}
# ln(1 + in how many threads it was linked): "often" begins with three.
_OFTEN = 1.38


def reasons_of(
    hit: SearchHit, *, named: Collection[str], reader: str | None
) -> tuple[Reason, ...]:
    """What speaks most for a hit, at most two reasons; none where nothing is known.

    Args:
        named: The versions that the question names, see `kb.versions.versions_in`.
        reader: The language of the question.

    A signal counts by what it added to the score, as far as it is there at all: that a
    page lacks links, as others do, is no reason for it.
    """
    found = []
    if named and is_named(hit.document.version, named):
        found.append(Reason.VERSION)
    strongest = _strongest(hit)
    # In another language it has no word of the question, only what these mean.
    foreign = is_foreign(hit.document.language, reader) or hit.stands_for is not None
    if strongest is Reason.WORDS and foreign:
        strongest = Reason.MEANING
    return (*found, strongest) if strongest else tuple(found)


def _strongest(hit: SearchHit) -> Reason | None:
    sums: defaultdict[Reason, float] = defaultdict(float)
    for name, added in hit.contributions.items():
        reason = _reason_of(name)
        if reason and added > 0 and hit.signals.get(name, 0.0) > _least(name):
            sums[reason] += added
    return max(sums, key=lambda reason: sums[reason], default=None)


def _least(signal: str) -> float:
    return _OFTEN if signal == "in_links" else 0.0


def _reason_of(signal: str) -> Reason | None:
    if signal.startswith("cosine_"):
        return Reason.MEANING
    if signal == "coverage" or (
        signal.startswith("bm25_") and signal not in ("bm25_asked", "bm25_anchors")
    ):
        return Reason.WORDS
    return _OF_SIGNAL.get(signal)


def told(reason: Reason, words: Catalogue) -> str:
    """A reason in a few words of the reader's language."""
    match reason:
        case Reason.VERSION:
            # Translators: why a page is linked.
            return words.pgettext("why", "for the version that you name")
        case Reason.LINKED:
            # Translators: why it is linked: where others asked so, members linked it.
            return words.pgettext("why", "members linked it for questions like yours")
        case Reason.OFTEN:
            # Translators: why it is linked.
            return words.pgettext("why", "members often link it")
        case Reason.WORDS:
            # Translators: why it is linked: it has words of the question.
            return words.pgettext("why", "uses your words")
        case Reason.MEANING:
            # Translators: why it is linked: it means the like.
            return words.pgettext("why", "close to what you mean")
