"""robots.txt: what a site lets a reader without an account read, and how fast.

After RFC 9309: the longest rule that fits counts, ``*`` and ``$`` are wildcards, a
file that is not there for us (4xx) allows everything, one that cannot be read (5xx, no
answer) forbids everything.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from math import isfinite
from urllib.parse import urlsplit

from protego import Protego

from indexer.answers import Answer
from kb.errors import (
    DisallowedError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.types import Clock, utc_now

log = logging.getLogger(__name__)

PATH = "/robots.txt"
# The name that a site's owners write into their rules for us.
AGENT = "Baraza"
MAX_AGE = timedelta(days=1)
# A copy may stand in that long for a file that cannot be read (RFC 9309, 2.3.1.4).
_MAX_COPY_AGE = timedelta(days=30)
_RETRY = timedelta(hours=1)
# At a request a minute a forum of 10,000 topics is still read within two days.
MAX_DELAY_S = 60.0
# What every reader must take in at least (RFC 9309, 2.5), and all that we do.
_MAX_BYTES = 512_000


class Rules:
    """The rules of one file.

    Args:
        url: Where the file lies, for errors.
        text: The file.

    Attributes:
        delay_s: The distance between requests that the site asks for, at most a
            minute; 0 for none.

    >>> rules = Rules("https://a.org/robots.txt", "User-agent: *\\nDisallow: /t/*.rss")
    >>> rules.allow("https://a.org/t/5.json"), rules.allow("https://a.org/t/5.rss")
    (True, False)
    """

    def __init__(self, url: str, text: str) -> None:
        self._url = url
        self._rules = Protego.parse(text)
        asked = self._rules.crawl_delay(AGENT) or 0.0
        self.delay_s = max(0.0, min(asked, MAX_DELAY_S)) if isfinite(asked) else 0.0
        if asked > self.delay_s:
            log.warning(
                "%s asks for %g s between requests; %g s are kept",
                url,
                asked,
                self.delay_s,
            )

    def allow(self, url: str) -> bool:
        """Whether *url*, of this site, may be read; the file itself always may."""
        return urlsplit(url).path == PATH or self._rules.can_fetch(url, AGENT)

    def check(self, url: str) -> None:
        """Nothing, if *url* may be read.

        Raises:
            DisallowedError: It may not.
        """
        if not self.allow(url):
            raise DisallowedError(
                url,
                f"{self._url} does not let {AGENT} read it without an account; ask "
                "the owners of the site for a key, or to allow it",
            )


class Robots:
    """The rules of one site as it published them lately.

    Kept by who lives longer than one client: the file is asked for once a day.

    Args:
        now: The time of day.
    """

    def __init__(self, *, now: Clock = utc_now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._read_at: datetime | None = None
        self._ask_at: datetime | None = None

    def rules(self, url: str, read: Callable[[], Answer]) -> Rules:
        """The rules that hold now.

        Args:
            url: Where the file lies.
            read: Asks the site for it; must not ask for rules itself.

        Raises:
            ForumUnavailableError: The file cannot be read just now, and no copy of the
                last 30 days is at hand.
            RateLimitedError: The site asks to wait for too long first.
            ForumRejectedError: It lies on another host, where nothing is asked.
        """
        # The others wait for the one that asks: it asks for all of them.
        with self._lock:
            now = self._now()
            if self._rules is None or self._ask_at is None or now >= self._ask_at:
                self._rules = self._renewed(url, read, now)
            return self._rules

    def _renewed(self, url: str, read: Callable[[], Answer], now: datetime) -> Rules:
        try:
            answer = read()
            text = answer.body[:_MAX_BYTES].decode("utf-8-sig", "replace")
        except ForumRejectedError as exc:
            # Some hosts answer 403 for all that is missing. A redirect to another
            # host is no answer, and everything else will lead there as well.
            if exc.status < 400:
                raise
            text = ""
        except ForumUnavailableError as exc:
            copy, read_at = self._rules, self._read_at
            if copy and read_at and now - read_at <= _MAX_COPY_AGE:
                log.warning("the rules of %s still stand: %s", read_at, exc)
                self._ask_at = now + _RETRY
                return copy
            if isinstance(exc, RateLimitedError):
                raise
            raise ForumUnavailableError(
                url,
                "cannot be read, and without the site's rules for crawlers nothing "
                f"is read this time; is the address right? ({exc})",
                status=exc.status,
            ) from exc
        self._read_at, self._ask_at = now, now + MAX_AGE
        return Rules(url, text)
