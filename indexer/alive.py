"""Whether an address still answers, asked politely.

Only what is certain counts as dead; what may be over in an hour does not.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import httpx

from indexer.answers import Answer
from indexer.http import Transport
from indexer.robots import PATH as ROBOTS_PATH
from kb.errors import (
    DisallowedError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    SourceError,
)

MAX_REDIRECTS = 5
# A host that was silent so often in a row is not asked again.
MAX_SILENCES = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Some sites answer HEAD with these, and GET as they should.
_HEAD_REFUSED = frozenset({400, 403, 404, 405, 501})
_NOT_EMBEDDED = 401
_FOR_MEMBERS = frozenset({401, 403})
_GONE = {404: "404, it is not there", 410: "410, it is gone"}
_UNRESOLVED = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)})
_LOGIN = re.compile(r"(^|/)(wp-)?(log|sign)[-_]?(in|on)(\.\w+)?(/|$)", re.IGNORECASE)
_LOGIN_HOST = re.compile(r"^(accounts?|auth|idp|login|signin|sso)\.", re.IGNORECASE)
# Of a site, or of its part in one language.
_FRONT = re.compile(r"^/([a-z]{2}([-_][a-z]{2})?/?)?(index\.\w+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at an address found.

    Attributes:
        reason: Why it is not known to be alive, in words.
    """

    state: Literal["alive", "dead", "unknown"]
    reason: str = ""


ALIVE = Verdict("alive")


class AliveChecker:
    """Asks whether the addresses of one source answer.

    Args:
        connect: Opens a client for the root of a site, asked once for each; it paces,
            keeps to robots.txt, and has a guard.
        own: Address of the source's own site.
        oembed: That site answers for videos that were deleted, too; ask it for their
            description instead.
    """

    def __init__(
        self,
        connect: Callable[[str], Transport],
        *,
        own: str,
        oembed: bool = False,
    ) -> None:
        self._connect = connect
        self._own = own.rstrip("/")
        self._oembed = oembed
        self._sites: dict[str, Transport] = {}
        self._silences: Counter[str] = Counter()

    def check(self, url: str, *, private: bool = False) -> Verdict:
        """Ask for *url*.

        Args:
            private: Not everybody may know of it: it is told to no host but the
                source's own.
        """
        try:
            asked = httpx.URL(url).copy_with(fragment=None)
            if not _is_web(asked):
                return Verdict("dead", "it is no web address")
            if self._oembed:
                return self._video(asked, private=private)
            return self._page(asked, private=private)
        except (httpx.InvalidURL, UnicodeError) as exc:
            return Verdict("dead", f"it is no web address: {exc}")
        except DisallowedError:
            return Verdict("unknown", "robots.txt does not let us look")
        except (SourceError, ForumUnavailableError) as exc:
            return _failed(exc)
        except ForumProtocolError as exc:
            return Verdict("unknown", str(exc))
        except ForumRejectedError as exc:
            of_robots = httpx.URL(exc.url).path == ROBOTS_PATH
            return Verdict("unknown" if of_robots else "dead", str(exc))

    def _video(self, url: httpx.URL, *, private: bool) -> Verdict:
        if private and not self._is_own(url):
            return _kept_private(url)
        asked = f"{self._own}/oembed?url={quote(str(url), safe='')}&format=json"
        status = self._look(httpx.URL(asked), "GET").status
        if status == _NOT_EMBEDDED:
            # Everybody may watch it on YouTube; one that is private answers 403:
            # https://github.com/extractus/oembed-extractor/issues/168
            return Verdict("unknown", f"{status}, it may not be embedded")
        if status in _FOR_MEMBERS:
            return Verdict("dead", f"{status}, the video is not public")
        return _of_status(status)

    def _page(self, url: httpx.URL, *, private: bool) -> Verdict:
        at = url
        for _ in range(MAX_REDIRECTS + 1):
            if private and not self._is_own(at):
                return _kept_private(at)
            answer = self._answer(at)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return _of_answer(answer)
            at = at.join(answer.headers["location"]).copy_with(fragment=None)
            if not _is_web(at):
                return Verdict("dead", "it redirects to what is no web address")
            misled = _misled(url, at)
            if misled:
                return Verdict("dead", misled)
        return Verdict("unknown", f"it redirects more than {MAX_REDIRECTS} times")

    def _answer(self, url: httpx.URL) -> Answer:
        answer = self._look(url, "HEAD")
        return self._look(url, "GET") if answer.status in _HEAD_REFUSED else answer

    def _look(self, url: httpx.URL, method: Literal["HEAD", "GET"]) -> Answer:
        root = _root(url)
        if self._silences[root] >= MAX_SILENCES:
            raise ForumUnavailableError(root, "did not answer time and again")
        if root not in self._sites:
            self._sites[root] = self._connect(root)
        try:
            answer = self._sites[root].look(url.raw_path.decode("ascii"), method=method)
        except ForumUnavailableError as exc:
            # A 5xx may be one page's own.
            if exc.status in (None, 429, 503) and not _is_nameless(exc):
                self._silences[root] += 1
            raise
        self._silences[root] = 0
        return answer

    def _is_own(self, url: httpx.URL) -> bool:
        return url.host == httpx.URL(self._own).host

    def close(self) -> None:
        for site in self._sites.values():
            site.close()


def _is_web(url: httpx.URL) -> bool:
    return url.scheme in {"http", "https"} and bool(url.host)


def _root(url: httpx.URL) -> str:
    """Where a site starts, without anything that could be a name or password.

    >>> _root(httpx.URL("https://me:pw@a.org:8443/x?y"))
    'https://a.org:8443'
    """
    return str(url.copy_with(raw_path=b"/", fragment=None, userinfo=b"")).rstrip("/")


def _kept_private(url: httpx.URL) -> Verdict:
    return Verdict("unknown", f"{url.host} must not know of what is not public")


def _of_answer(answer: Answer) -> Verdict:
    if answer.status in _FOR_MEMBERS and "cf-mitigated" in answer.headers:
        # A gatekeeper in front of the site, which lets people through.
        return Verdict("unknown", f"{answer.status}, it turns programs away")
    return _of_status(answer.status)


def _of_status(status: int) -> Verdict:
    if 200 <= status < 300:
        return ALIVE
    if status in _GONE:
        return Verdict("dead", _GONE[status])
    if status in _FOR_MEMBERS:
        return Verdict("dead", f"{status}, it asks for an account")
    return Verdict("unknown", f"it answers {status}")


def _misled(asked: httpx.URL, target: httpx.URL) -> str:
    """Why what *asked* leads to is not what was asked for; empty if it may be.

    >>> at = httpx.URL
    >>> _misled(at("https://a.org/x"), at("https://a.org/login?next=/x"))
    'it leads to a login page, https://a.org/login'
    >>> _misled(at("https://a.org/en/old"), at("https://a.org/en/"))
    'it leads to a front page, https://a.org/en/'
    >>> _misled(at("https://a.org/old"), at("https://a.org/new"))
    ''
    """
    shown = target.copy_with(query=None)
    if _is_login(target) and not _is_login(asked):
        return f"it leads to a login page, {shown}"
    if _is_front(target) and not _is_front(asked):
        return f"it leads to a front page, {shown}"
    return ""


def _is_login(url: httpx.URL) -> bool:
    return bool(_LOGIN.search(url.path) or _LOGIN_HOST.match(url.host))


def _is_front(url: httpx.URL) -> bool:
    # With a query it may be any page: /?p=123.
    return not url.query and bool(_FRONT.match(url.path))


def _failed(exc: SourceError | ForumUnavailableError) -> Verdict:
    if _is_nameless(exc):
        return Verdict("dead", "its host has no address")
    if isinstance(exc, SourceError) and exc.__cause__ is None:
        return Verdict("dead", str(exc))
    return Verdict("unknown", str(exc))


def _is_nameless(exc: BaseException | None) -> bool:
    """Whether there is no such host; a resolver that fails is another matter."""
    while exc is not None:
        if isinstance(exc, socket.gaierror):
            return exc.errno in _UNRESOLVED
        exc = exc.__cause__
    return False
