"""Links as they are now: what would be posted is looked at again before it is.

The store lags behind: a thread may have been deleted, hidden, edited or made private
since it was read, a page may be gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bot.forum import Forum
from bot.topic import Cited
from indexer.blocks import join_blocks
from indexer.clean import clean_html
from kb.types import SearchHit, TopicId

# A post that has lost more of a passage's words than this was rewritten.
_MAX_LOST_WORDS = 0.1
_WORD = re.compile(r"\w{3,}")


class Vouch(Protocol):
    """Knows whether what is no topic of the watched forum still answers."""

    def problem_with(self, source: str, key: str) -> str:
        """Why nobody should be led to a document; empty when it is alive. Writes
        nothing."""

    def note(self) -> None:
        """Keep what was found out since the last time."""


class LinkCheck:
    """Looks whether links may be posted.

    Args:
        source: The watched forum's name.
        vouch: See `Vouch`; without one, what is in the store is taken for alive.
    """

    def __init__(self, source: str, forum: Forum, vouch: Vouch | None) -> None:
        self._source = source
        self._forum = forum
        self._vouch = vouch

    def problem_with(self, hit: SearchHit) -> str:
        """Why a link must not be posted; empty when it may."""
        document, passage = hit.document, hit.passage
        if document.source != self._source:
            return self._problem_at(document.source, document.key)
        cited = self._forum.cited(TopicId(int(document.key)), passage.part_number)
        if cited.problem or _still_says(cited, passage.text):
            return cited.problem
        return "its post was rewritten since it was read"

    def first_problem(self, suggestions: Sequence[Mapping[str, Any]]) -> str:
        """As `problem_with`, of the links of a stored decision: the first problem."""
        problems = (self._problem_of(each) for each in suggestions)
        return next(filter(None, problems), "")

    def note(self) -> None:
        """Keep what was found out of pages; see `Vouch.note`."""
        if self._vouch is not None:
            self._vouch.note()

    def _problem_of(self, suggestion: Mapping[str, Any]) -> str:
        source, key = suggestion.get("source"), suggestion.get("key")
        if source is None or key is None:
            # As ledgers of before have them.
            return ""
        if source != self._source:
            problem = self._problem_at(source, key)
        else:
            part = suggestion.get("part", 1)
            problem = self._forum.cited(TopicId(int(key)), part).problem
        return f"{suggestion['url']} must not be linked: {problem}" if problem else ""

    def _problem_at(self, source: str, key: str) -> str:
        return "" if self._vouch is None else self._vouch.problem_with(source, key)


def _still_says(cited: Cited, passage: str) -> bool:
    """Whether a post still holds what a passage of it said; pure.

    >>> said = "Run the backup"
    >>> _still_says(Cited(cooked="<p>Run the <b>backup</b> at night.</p>"), said)
    True
    >>> _still_says(Cited(cooked="<p>Never mind, solved.</p>"), said)
    False
    """
    said = set(_WORD.findall(passage.casefold()))
    says = set(_WORD.findall(join_blocks(clean_html(cited.cooked)).casefold()))
    return len(said - says) <= _MAX_LOST_WORDS * len(said)
