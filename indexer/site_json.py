"""JSON of a site that is no forum, asked for only when it changed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from indexer.answers import is_login_page
from indexer.fields import Fields
from indexer.reader import Reader, Reply
from kb.errors import ForumProtocolError
from kb.store import Fetch, Holdings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What a site answered.

    Attributes:
        fields: ``None`` where it has no such thing, or not for us.
    """

    reply: Reply
    fields: Fields | None


class SiteJson:
    """Asks a site, and knows what it was asked in this walk.

    Args:
        fresh: Ask for everything whole.
    """

    def __init__(self, reader: Reader, *, fresh: bool = False) -> None:
        self._reader = reader
        self._fresh = fresh
        self.asked: set[str] = set()

    def get(self, url: str) -> Told:
        """Read the JSON object at *url*, or learn why there is none.

        Its reply's ``fetch`` must reach the store, unless what is told is of no use.

        Raises:
            ForumProtocolError: What came is no JSON object, twice; nothing of it is
                remembered.
            ForumUnavailableError: No answer, or a 5xx.
        """
        self.asked.add(url)
        reply = self._ask(url, fresh=self._fresh)
        if not (reply.is_whole or reply.is_unchanged):
            return Told(reply, None)
        if is_login_page(reply.url):
            return Told(_refused(reply), None)
        try:
            return Told(reply, _parsed(reply))
        except ForumProtocolError as exc:
            # Proxies cut answers short without a sign of it, mostly just once.
            _log.warning("read again: %s", exc)
        reply = self._ask(url, fresh=True)
        if not (reply.is_whole or reply.is_unchanged):
            return Told(reply, None)
        return Told(reply, _parsed(reply))

    def failed_lately(self, url: str, within: timedelta) -> Fetch | None:
        """See `Reader.failed_lately`; never when everything is asked for. It counts as
        asked for."""
        self.asked.add(url)
        return None if self._fresh else self._reader.failed_lately(url, within)

    def _ask(self, url: str, *, fresh: bool) -> Reply:
        return self._reader.get(
            url, accept="application/json", keep_body=True, fresh=fresh
        )


def not_asked(known: Holdings, asked: set[str]) -> Iterator[str]:
    """Addresses that no walk asks for any more."""
    return (fetch.url for fetch in _all(known) if fetch.url not in asked)


def _all(known: Holdings) -> list[Fetch]:
    # Now: what is written while it is read may be left out.
    return list(known.fetches())


def _refused(reply: Reply) -> Reply:
    """What leads to a login page; that page is not remembered."""
    at = reply.fetch.checked_at
    failed = Fetch(reply.fetch.url, at, failures=1, failed_at=at)
    return replace(
        reply, fetch=failed, status=401, body=b"", problem="asks for a login"
    )


def _parsed(reply: Reply) -> Fields:
    try:
        data = json.loads(reply.body.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise ForumProtocolError(reply.url, f"is not JSON: {exc}") from exc
    if not isinstance(data, dict):
        raise ForumProtocolError(reply.url, "is JSON, but no object")
    return Fields(data, reply.url)
