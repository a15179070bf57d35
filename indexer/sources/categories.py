"""The categories of a forum, as a walk knows them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from indexer.discourse import DiscourseClient
from indexer.sources.failures import MAX_FAILURES_IN_A_ROW, WHOLE_FORUM
from indexer.sources.threads import (
    PRIVATE_CATEGORY,
    UNKNOWN_CATEGORY,
    ForumRules,
    reason_by_category,
    visibility_of,
)
from indexer.wire import Category
from kb.errors import (
    DisallowedError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
)
from kb.types import TopicId

log = logging.getLogger(__name__)


class Categories:
    """Those that the forum named, and those that it is asked for one by one.

    Args:
        named: By the forum itself; a large one names only some.
        asked: For by their id, earlier.
        unknown: Ids that the forum told nothing about when it was asked.
    """

    def __init__(
        self,
        client: DiscourseClient,
        rules: ForumRules,
        named: Iterable[Category],
        *,
        asked: Iterable[Category] = (),
        unknown: Iterable[int] = (),
    ) -> None:
        self._client = client
        self._rules = rules
        self._asked = {category.id: category for category in asked}
        self._unknown = set(unknown)
        # What was told earlier, for when nobody tells now.
        self._earlier = dict(self._asked)
        self._failed: dict[int, str] = {}
        self._failures_in_a_row = 0
        self.by_id = self._asked | {category.id: category for category in named}

    def renew(self, named: Iterable[Category], *, ask_again: bool) -> None:
        """Take what the forum names now.

        Args:
            ask_again: Forget what it was asked for by id, and did not tell.
        """
        if ask_again:
            self._earlier = dict(self._asked)
            self._asked.clear()
            self._unknown.clear()
        fresh = {category.id: category for category in named}
        self._unknown -= fresh.keys()
        self._asked = {i: c for i, c in self._asked.items() if i not in fresh}
        self.by_id = self._asked | fresh

    @property
    def asked(self) -> tuple[Category, ...]:
        """Those that the forum did not name by itself."""
        return tuple(self._asked.values())

    @property
    def unknown(self) -> tuple[int, ...]:
        """Ids that the forum told nothing about."""
        return tuple(sorted(self._unknown))

    def find(self, category_id: int | None) -> Category | None:
        """A category, asked for once when the forum did not name it before, and
        those above it: they decide with it who may read."""
        found, step = None, category_id
        seen: set[int] = set()
        while step is not None and step not in seen:
            seen.add(step)
            one = self._one(step)
            found = found or one
            step = one.parent_id if one else None
        return found

    def _one(self, category_id: int) -> Category | None:
        if (
            category_id not in self.by_id
            and category_id not in self._unknown
            and category_id not in self._failed
        ):
            found = self._ask(category_id)
            if found is not None:
                self._asked[category_id] = self.by_id[category_id] = found
        return self.by_id.get(category_id)

    def _ask(self, category_id: int) -> Category | None:
        try:
            found = self._client.category(category_id)
        except WHOLE_FORUM:
            raise
        except (
            DisallowedError,
            ForumProtocolError,
            ForumRejectedError,
            ForumUnavailableError,
        ) as exc:
            # One that cannot be read must not keep all the others from us; when the
            # forum fails for some in a row, it is down.
            is_down = isinstance(exc, ForumUnavailableError)
            self._failures_in_a_row = self._failures_in_a_row + 1 if is_down else 0
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                raise
            log.warning("category=%d cannot be read: %s", category_id, exc)
            self._failed[category_id] = str(exc)
            return self._earlier.get(category_id)
        self._failures_in_a_row = 0
        if found is None:
            self._unknown.add(category_id)
        return found

    def undecided(self, category_id: int | None, reason: str) -> tuple[str, str] | None:
        """What is to be set aside, and why, where nobody can say now whether what is
        in a category may be held; else ``None``.

        Args:
            reason: Why it must not, as far as it is known.
        """
        step, seen = category_id, set[int]()
        if reason not in {UNKNOWN_CATEGORY, PRIVATE_CATEGORY}:
            return None
        while step is not None and step not in seen:
            seen.add(step)
            one = self.by_id.get(step)
            if one is None:
                problem = self._failed.get(step)
                return None if problem is None else (f"category {step}", problem)
            if one.restricted:
                return None
            step = one.parent_id
        return None

    def reason_to_skip(self, topic_id: TopicId, category: Category | None) -> str:
        """Why a topic in *category* must not be held; empty when it may."""
        return reason_by_category(topic_id, category, self.by_id, self._rules)

    def visibility(self, category: Category) -> str:
        return visibility_of(category, self.by_id)
