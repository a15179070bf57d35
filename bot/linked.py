"""Whether what a reply links still stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.amending import links_left
from bot.topic import Cited
from kb.store import Store
from kb.types import PUBLIC, TopicId


class Citing(Protocol):
    """What this needs of `bot.forum.Forum`."""

    def cited(self, topic_id: TopicId, post_number: int) -> Cited:
        """See `bot.forum.Forum.cited`."""


class KnownDead(Protocol):
    """Knows of what is no topic of the watched forum whether it is gone."""

    def trouble_with(self, source: str, key: str) -> tuple[str, bool]:
        """Why nobody should be led there, and whether that is certain."""

    def note(self) -> None:
        """Keep what was found out since the last time."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A link to which nobody should be led.

    Attributes:
        problem: Why.
        must_go: Nobody may read any more what the reply says of it; else the link
            leads nowhere, and that is all.
    """

    problem: str
    must_go: bool


class Targets:
    """Looks at what replies of one forum link.

    Args:
        name: The forum's source in the config.
        dead: See `KnownDead`; without one, other sources are taken for alive.
    """

    def __init__(
        self, name: str, *, forum: Citing, store: Store, dead: KnownDead | None
    ) -> None:
        self._name = name
        self._forum = forum
        self._store = store
        self._dead = dead

    def dead_links(
        self, suggestions: Sequence[Mapping[str, Any]], raw: str, *, whole: bool
    ) -> dict[str, Dead]:
        """Why nobody should be led to a link that a reply still has, by address.

        Args:
            suggestions: What the reply was made of, as the ledger keeps it.
            raw: The reply as it stands.
            whole: Ask the forum for its threads, whatever the store knows of them.

        Raises:
            ForumUnavailableError, ForumProtocolError: It cannot be found out now.
        """
        found: dict[str, Dead] = {}
        for each in suggestions:
            url, source = each.get("url"), each.get("source")
            if not url or not source or is_out(each, raw):
                continue
            key = str(each.get("key", ""))
            # What left the forum's public view, or whoever wrote it, is private.
            must_go = True
            if each.get("forgotten"):
                problem = "who wrote it is forgotten"
            elif source == self._name:
                problem = self._problem_of_topic(each, whole=whole)
            else:
                problem = self._problem_elsewhere(source, key)
                must_go = self._is_private(source, key)
            if problem:
                found[url] = Dead(problem, must_go)
        return found

    def _is_private(self, source: str, key: str) -> bool:
        stored = self._store.documents.find(source, key)
        return stored is not None and stored.visibility != PUBLIC

    def _problem_of_topic(self, suggestion: Mapping[str, Any], *, whole: bool) -> str:
        key = str(suggestion.get("key", ""))
        stored = self._store.documents.find(self._name, key)
        is_there = stored is not None and stored.listed and stored.visibility == PUBLIC
        if (is_there and not whole) or not key.isdecimal():
            return ""
        part = int(suggestion.get("part", 1))
        return self._forum.cited(TopicId(int(key)), part).problem

    def _problem_elsewhere(self, source: str, key: str) -> str:
        if self._dead is None:
            return ""
        problem, certain = self._dead.trouble_with(source, key)
        return problem if certain else ""


def is_out(suggestion: Mapping[str, Any], body: str) -> bool:
    """Whether a reply does not link any more what it once suggested."""
    url = suggestion.get("url")
    return bool(url) and not links_left(body, [str(url)])
