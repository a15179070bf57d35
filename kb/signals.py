"""The signals by which candidates are ranked: names, groups and what each means.

A signal is a number that one candidate has for one question; it is absent where
nothing is known. Each may be switched off by its name or by that of its group
(`ranking.without` in the config), which is how its worth is measured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Group(StrEnum):
    """Signals that come from one kind of evidence."""

    WORDS = "words"
    MEANING = "meaning"
    LINKS = "links"
    SAID = "said"
    PEOPLE = "people"
    PRIORS = "priors"
    MATCH = "match"


@dataclass(frozen=True, slots=True)
class Signal:
    """What a signal means.

    Attributes:
        about: For people, in a few words; `baraza explain` shows it.
        least: What candidates differ by at least before it counts in full: where
            hardly anything was linked, one link is no landslide.
    """

    name: str
    group: Group
    about: str
    least: float = 0.0


def _signals() -> Iterable[Signal]:
    yield from _group(
        Group.WORDS,
        bm25_passage="BM25 of its best passage",
        bm25_second="BM25 of its second best passage",
        bm25_share="BM25 of its best passage, as a share of the best candidate's",
        bm25_title="BM25 of its title",
        bm25_opening="BM25 of its first post",
        bm25_whole="BM25 of all of its text",
        coverage="share of the question's words in its best passage, rare ones more",
    )
    yield from _group(
        Group.MEANING,
        cosine_passage="cosine of its best passage",
        cosine_second="cosine of its second best passage",
        cosine_opening="cosine of its first post",
        cosine_reply="cosine of its best reply",
        cosine_solution="cosine of its accepted answer",
        cosine_title="cosine of the two titles",
        cosine_title_passage="cosine of the question's title and its best passage",
        familiar="cosine of the passage nearest to the question, whosever it is",
    )
    yield from _group(
        Group.LINKS,
        linked_by_meaning="linked in answer to older questions of like meaning:"
        " √Σ cosine⁴ × weight of the link",
        linked_by_words="linked in answer to older questions of like words:"
        " √Σ 10 / (10 + place) × weight of the link",
        linked_by_titles="linked in answer to older questions with like titles:"
        " √Σ 10 / (10 + place) × weight of the link",
        linking="was answered with links to older questions of like meaning:"
        " √Σ cosine⁴ × weight of the link",
        in_links="ln(1 + in how many threads it was linked before)",
        out_links="ln(1 + how much its answers link)",
        linked_beside="linked together with what the question links",
        in_question="linked in the question itself",
    )
    yield from _group(
        Group.SAID,
        bm25_asked="BM25 of the questions that were answered with a link to it",
        bm25_anchors="BM25 of what others wrote as the text of their links to it",
    )
    yield from _group(
        Group.PEOPLE,
        same_asker="asked by the same person",
        took_part="the asker wrote in it",
        helper_answers="ln(1 + answers ever given by its busiest helper)",
    )
    yield from _group(
        Group.PRIORS,
        log_parts="ln(1 + posts of its thread)",
        log_age="ln(1 + days since it was started)",
        log_likes="ln(1 + likes of its posts)",
        solved="it has an accepted answer",
    )
    yield from _group(
        Group.MATCH,
        same_category="in the category of the question",
        shared_tags="ln(1 + tags that both have)",
        same_language="in the language of the question",
        named_version="of a version that the question names",
    )


# In units of each signal: ln of a count, a score of BM25.
_LEAST = {
    "in_links": 0.25,
    "out_links": 0.25,
    "log_likes": 0.25,
    "helper_answers": 0.25,
    "bm25_asked": 1.0,
    "bm25_anchors": 1.0,
}


def _group(group: Group, **about: str) -> Iterable[Signal]:
    return (
        Signal(name, group, text, _LEAST.get(name, 0.0)) for name, text in about.items()
    )


SIGNALS: Mapping[str, Signal] = MappingProxyType(
    {signal.name: signal for signal in _signals()}
)
"""All signals by name, in the order in which they are shown."""


def without(names: Collection[str]) -> tuple[str, ...]:
    """The names of all signals but those named, by themselves or by their group.

    Raises:
        ValueError: A name is neither a signal's nor a group's.

    >>> "bm25_title" in without(["words"]), "coverage" in without(["bm25_title"])
    (False, True)
    """
    unknown = sorted(set(names) - set(SIGNALS) - set(Group))
    if unknown:
        known = ", ".join([*Group, *SIGNALS])
        raise ValueError(f"no signal or group {unknown[0]!r}; there are {known}")
    return tuple(
        signal.name
        for signal in SIGNALS.values()
        if signal.name not in names and signal.group not in names
    )
