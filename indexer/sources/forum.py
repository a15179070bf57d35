"""A Discourse forum as a source of threads, read by the cheapest road.

A walk reads the *posts of all topics*, newest first and fifty at a time, down to
where the last complete walk began; then the *list of topics*, latest activity first,
which says what the topics are and how many posts they have. Topics whose posts are
all known are put together without another request; the others are read one by one.

What bumps nothing (edits, deletions, moves, a changed author) is found by *looking
again*: a walk through all posts goes on and on in turns, within a budget of requests
a day. Now and then the whole list is read; topics that are stored and not listed
are then asked for one by one, because a topic may miss in a moving list without
having left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from indexer.discourse import DiscourseClient
from indexer.source import Batch
from indexer.sources.position import Position
from indexer.sources.verifying import Verifier
from indexer.sources.walking import ForumWalk, WalkSettings
from kb.errors import ForumError, ForumRejectedError, SourceError
from kb.store import Holdings, SourceState
from kb.types import Clock, utc_now

_NOT_FOUND = 404

__all__ = ["ForumSource", "Verifier", "WalkSettings"]


class ForumSource:
    """Walks a forum; see the module for how.

    Args:
        name: Of the source in the config.
    """

    # Topics that a walk did not meet were just not listed: what has left is
    # asked for and reported.
    is_exhaustive = False

    def __init__(
        self,
        name: str,
        client: DiscourseClient,
        settings: WalkSettings | None = None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self.name = name
        self._client = client
        self._settings = settings or WalkSettings()
        self._clock = clock

    @property
    def requests(self) -> int:
        return self._client.requests

    def walk(
        self,
        state: SourceState,
        known: Holdings,
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `Source.walk`. An interrupted walk goes on where it was in the posts;
        its list starts over, where topics already stored are known by their mark.

        Raises:
            SourceError: The forum shows nothing without a login, or refuses ours.
            ForumError: It is down, or does not answer as Discourse does.
        """
        walk = ForumWalk(
            self.name,
            self._client,
            self._settings,
            known,
            Position.load(state.cursor),
            full=full,
            again=again,
            clock=self._clock,
            begun=state.started_at,
        )
        try:
            yield from walk.run()
        except ForumRejectedError as exc:
            raise self._without_access(exc) from exc

    def verifier(self, known: Holdings) -> Verifier:
        """Compares what is stored of the forum with it; reads its categories now.

        Raises:
            SourceError, ForumError: As for `walk`.
        """
        try:
            return Verifier(
                self.name, self._client, self._settings, known, clock=self._clock
            )
        except ForumRejectedError as exc:
            raise self._without_access(exc) from exc

    def _without_access(self, exc: ForumRejectedError) -> ForumError | SourceError:
        """The error as it helps: who cannot see the forum at all needs a key."""
        url = self._client.base_url
        if exc.error_type == "not_logged_in":
            return SourceError(
                self.name,
                f"{url} shows nothing without a login: set api_key_env and "
                "api_username, or user_api_key_env",
            )
        if exc.error_type == "invalid_access":
            return SourceError(
                self.name,
                f"{url} refuses our key or account ({exc.problem}); a key for all "
                "users needs api_username",
            )
        if exc.status == _NOT_FOUND and exc.url.endswith("/site.json"):
            return SourceError(
                self.name,
                f"{exc.url} is not there ({exc.problem}): is {url} the address of a "
                "Discourse forum?",
            )
        return exc
