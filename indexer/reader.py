"""Reading a website politely: only what changed since, and nothing lost on one failure.

`indexer.http` sends; here is what is remembered of each address, and how sure it is
that something left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx

from indexer.http import Transport
from kb.errors import ForumRejectedError
from kb.store import Fetch
from kb.types import Clock

# One answer that something is missing may be a mistake of an hour.
CERTAIN_AFTER = timedelta(hours=24)
_GONE = 410
_MISSING = 404
_NOT_MODIFIED = 304
_REFUSED = frozenset({401, 403})
_REDIRECTS = range(300, 400)

Remembered = Callable[[str], Fetch | None]
"""What is known of an address; see `kb.store.Holdings.fetch`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a site said to one request.

    Attributes:
        fetch: What must be remembered of it: yield it in ``Batch.fetched``.
        status: 200 for a whole answer, 304 for none because nothing changed, or why
            there is none: 4xx, or 3xx for a redirect that is not followed.
        url: Where it came from, after redirects.
        body: Empty without a whole answer, unless one was kept from before.
        problem: Why there is none, in words.
        error_type: The site's own word for that, where it has one.
    """

    fetch: Fetch
    status: int
    url: str
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    charset: str = "utf-8"
    problem: str = ""
    error_type: str = ""

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case; empty where none is told."""
        told = (self.headers or {}).get("content-type", "")
        return told.partition(";")[0].strip().lower()

    @property
    def is_whole(self) -> bool:
        return self.status < _REDIRECTS.start

    @property
    def is_unchanged(self) -> bool:
        return self.status == _NOT_MODIFIED

    @property
    def is_missing(self) -> bool:
        return self.status in (_MISSING, _GONE)

    @property
    def is_refused(self) -> bool:
        """For people with an account only, or not for us."""
        return self.status in _REFUSED

    @property
    def is_gone(self) -> bool:
        """Certainly: the site says so, or said so again a day after the first time."""
        if self.status == _GONE:
            return True
        return (self.is_missing or self.is_refused) and self.has_failed_long

    @property
    def has_failed_long(self) -> bool:
        """It was not to be had a day ago either, nor since."""
        first = self.fetch.failed_at
        return first is not None and self.fetch.checked_at - first >= CERTAIN_AFTER


class Reader:
    """Reads the addresses of one site.

    Args:
        transport: Of that site; others are refused.
        remembered: What earlier walks were told.
    """

    def __init__(
        self, transport: Transport, remembered: Remembered, *, clock: Clock
    ) -> None:
        self._transport = transport
        self._remembered = remembered
        self._clock = clock
        self._origin = httpx.URL(transport.base_url)

    def is_own(self, url: str) -> bool:
        """Whether *url* is an address of the site itself."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        own = (self._origin.scheme, self._origin.raw_host, self._origin.port)
        return (parsed.scheme, parsed.raw_host, parsed.port) == own

    def failed_lately(self, url: str, within: timedelta) -> Fetch | None:
        """What is remembered of *url*, if it was missing or refused the last time and
        that is not longer ago."""
        known = self._remembered(url)
        if known is None or not known.failures:
            return None
        return known if self._clock() - known.checked_at < within else None

    def get(
        self,
        url: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        keep_body: bool = False,
        stamp: str = "",
        fresh: bool = False,
    ) -> Reply:
        """Read *url*, or learn that it did not change.

        Args:
            url: Absolute, of this site.
            accept: The media types that are wanted.
            headers: Sent as well.
            keep_body: Remember the whole answer, and give it again when nothing
                changed: for lists, which every walk needs.
            stamp: All else that the answer's meaning depends on; when that changed
                the whole is asked for.
            fresh: Ask for the whole in any case.

        Raises:
            ValueError: *url* is of another site.
            DisallowedError: robots.txt forbids it; nothing was asked.
            SourceError: The guard forbids it: a private address, after a redirect.
            ForumUnavailableError: No answer, or a 5xx: nothing is known.
            ForumProtocolError: Too large, or redirects in circles.
        """
        if not self.is_own(url):
            raise ValueError(f"{url} is not of {self._origin}")
        known = self._remembered(url)
        usable = (
            known is not None
            and not fresh
            and known.stamp == stamp
            and (known.body is not None or not keep_body)
        )
        conditions = known.conditions if known is not None and usable else {}
        sent = {"Accept": accept, **(headers or {}), **conditions}
        now = self._clock()
        path = httpx.URL(url).raw_path.decode("ascii")
        try:
            answer = self._transport.get_from_root(path, headers=sent)
        except ForumRejectedError as exc:
            failed = replace((known or Fetch(url, now)).failed(now), checked_at=now)
            return Reply(
                failed,
                exc.status,
                exc.url,
                problem=exc.problem,
                error_type=exc.error_type or "",
            )
        if answer.status == _NOT_MODIFIED and known is not None:
            again = replace(known, checked_at=now, failures=0, failed_at=None)
            return Reply(
                again, _NOT_MODIFIED, answer.url, known.body or b"", answer.headers
            )
        fetch = Fetch(
            url,
            now,
            etag=answer.headers.get("etag", ""),
            last_modified=answer.headers.get("last-modified", ""),
            body=answer.body if keep_body else None,
            stamp=stamp,
        )
        return Reply(
            fetch,
            answer.status,
            answer.url,
            answer.body,
            answer.headers,
            answer.charset,
        )
