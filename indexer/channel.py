"""Polite HTTP requests: bounded, paced, patient, and pinned to one host."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from indexer.answers import Answer, asked_wait_s, limits_everybody, refusal
from indexer.budget import REQUESTS_PER_SECOND, HostBudget
from indexer.guard import Guard, peer_check
from indexer.robots import PATH as ROBOTS_PATH
from indexer.robots import Robots
from indexer.validators import Validators, conditions, identity_of
from kb.errors import (
    ConfigError,
    ForumProtocolError,
    ForumReadOnlyError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.types import Clock, utc_now

log = logging.getLogger(__name__)

Params = Mapping[str, str | int] | Sequence[tuple[str, str | int]]

MAX_BYTES = 20 * 1024 * 1024
_REPEATABLE = frozenset({"GET", "HEAD"})
# Our own `error_type`: what was asked for lives elsewhere now.
MOVED = "moved"
_FOR_GOOD = frozenset({301, 308})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOO_EARLY = frozenset({408, 425})
_TOO_MANY = 429
_NOT_IMPLEMENTED = 501
_NOT_MODIFIED = 304
_ANY = {"Accept": "*/*"}
_CONDITIONS = frozenset({"if-none-match", "if-modified-since"})
# A backup or an upgrade takes minutes; with each attempt twice as long is waited.
READ_ONLY_WAIT_S = 60.0


class _LaterError(Exception):
    """A failure that may pass.

    Attributes:
        wait_s: What the server asked for, if it did.
        for_all: Not this request failed but the host is not to be asked.
    """

    def __init__(
        self,
        error: ForumUnavailableError,
        wait_s: float | None = None,
        *,
        for_all: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s
        self.for_all = for_all


@dataclass(frozen=True, slots=True)
class _Question:
    """One request as it is meant, whatever redirects and repeats make of it.

    Attributes:
        fresh: What is remembered of earlier answers does not do.
        bound: By the site's rules for crawlers; the request for these is not.
        glance: Nothing but the status and the headers of its answer matter.
    """

    method: str
    url: httpx.URL
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    fresh: bool = False
    bound: bool = True
    glance: bool = False


class ChannelOptions(TypedDict, total=False):
    """How a `Channel` behaves; every option has a default.

    Attributes:
        user_agent: Who we are and where to complain; see `default_user_agent`.
        headers: Sent with every request, API keys among them. They never leave
            the site's own host: redirects to others are refused.
        budget: Of the host, shared with the other clients that ask it. Without one
            the channel makes its own, of the rate, the sleep and the clock below.
        requests_per_second: The most we send; ``None`` for no limit (tests).
        timeout_s: Silence that ends a connection; a whole answer may take four
            times as long.
        max_bytes: The largest body we read, after decompression.
        max_wait_s: The longest wait that we accept when told to slow down, whichever
            client of the host was told.
        max_attempts: How often a repeatable request is sent before giving up.
        sleep: Waits that many seconds.
        clock: Seconds that only grow.
        now: The time of day, for a ``Retry-After`` that is a date.
        guard: Asked before every request, redirects included, and about every peer
            that is connected; it raises to refuse (private addresses).
        robots: The site's rules for crawlers, which the channel reads and keeps to;
            ``None`` for whom the site has given a key.
        validators: What is remembered of earlier answers, to ask only whether they
            have changed; ``None`` for reading everything anew.
    """

    user_agent: str
    headers: Mapping[str, str]
    budget: HostBudget | None
    requests_per_second: float | None
    timeout_s: float
    max_bytes: int
    max_wait_s: float
    max_attempts: int
    max_redirects: int
    sleep: Callable[[float], object]
    clock: Callable[[], float]
    now: Clock
    guard: Guard | None
    robots: Robots | None
    validators: Validators | None


class Channel:
    """Requests to one site, a folder included (``https://x.org/forum``).

    It repeats only what is safe to repeat. Threads may share it.

    Attributes:
        requests: How many requests were sent: repeated ones, and those for
            robots.txt, included.
    """

    def __init__(self, base_url: str, **options: Unpack[ChannelOptions]) -> None:
        self.base_url = _checked_base(base_url)
        self.requests = 0
        self._counting = threading.Lock()
        self._origin = httpx.URL(self.base_url)
        self._clock = options.get("clock", time.monotonic)
        self._budget = options.get("budget") or HostBudget(
            options.get("requests_per_second", REQUESTS_PER_SECOND),
            sleep=options.get("sleep", time.sleep),
            clock=self._clock,
        )
        self._timeout_s = options.get("timeout_s", 30.0)
        self._max_bytes = options.get("max_bytes", MAX_BYTES)
        self._max_wait_s = options.get("max_wait_s", 120.0)
        self._max_attempts = options.get("max_attempts", 5)
        self._max_redirects = options.get("max_redirects", 5)
        self._now = options.get("now", utc_now)
        self._guard = options.get("guard")
        self._robots = options.get("robots")
        self._validators = options.get("validators")
        self._client = httpx.Client(
            headers={
                "Accept": "application/json",
                "User-Agent": options.get("user_agent") or default_user_agent(),
                **_checked_headers(options.get("headers", {})),
            },
            timeout=self._timeout_s,
            follow_redirects=False,
            event_hooks={"response": [_refuse_other_schemes]},
            verify=_ssl_context(),
            # A proxy of the environment cannot reach our own loopback servers.
            trust_env=self._origin.host not in {"127.0.0.1", "::1", "localhost"},
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        fresh: bool = False,
        from_root: bool = False,
    ) -> Answer:
        """Send a request and return the answer, a 2xx; or the 304 that *headers* of
        the caller's own ask for.

        An answer that is remembered, and that the site says still holds, is
        returned as if it had been sent anew.

        Args:
            method: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
            path: Below the base, with a leading slash.
            params: The query.
            body: Sent as JSON.
            headers: For this request only.
            repeat: Send again after a failure that may pass. By default only
                reads are: a write may have been carried out before its answer
                got lost.
            fresh: Have the whole answer sent, whatever is remembered.
            from_root: *path* starts at the root of the site, not below the base.

        Raises:
            RateLimitedError: This client or another of the host is asked to wait
                longer than ``max_wait_s``, or again and again; for a write always,
                with the wait that was asked for. A write was not carried out.
            ForumReadOnlyError: The forum stays in read-only mode.
            ForumUnavailableError: No connection, a broken answer, a 5xx; or its
                robots.txt cannot be read.
            DisallowedError: Its robots.txt forbids it.
            ForumRejectedError: Any other status, or a redirect to another host.
            ForumProtocolError: The answer is too large, or redirects in circles.
        """
        url = self._at(path) if from_root else httpx.URL(self.base_url + path)
        if params:
            pairs = params.items() if isinstance(params, Mapping) else params
            url = url.copy_merge_params(list(pairs))
        if repeat is None:
            repeat = method in _REPEATABLE
        return self._ask(_Question(method, url, body, headers, fresh), repeat=repeat)

    def look(self, method: str, path: str) -> Answer:
        """See how the site answers for *path*, which starts at its root.

        Returns:
            Any answer that will not pass by itself, refusals among them, and a
            redirect as it is; without a body.

        Raises:
            As `request`, but for `ForumRejectedError` and `ForumProtocolError`.
            ForumRejectedError: A redirect to what is no web address; or robots.txt
                lies on another host.
        """
        question = _Question(method, self._at(path), headers=_ANY, glance=True)
        return self._ask(question, repeat=True)

    def _at(self, path: str) -> httpx.URL:
        # Not joined: a path of //x.org/y would lead to another host.
        return self._origin.copy_with(raw_path=path.encode())

    def _ask(self, question: _Question, *, repeat: bool) -> Answer:
        retrying = Retrying(
            retry=retry_if_exception_type(_LaterError),
            stop=stop_after_attempt(self._max_attempts if repeat else 1),
            wait=self._wait,
            sleep=self._budget.wait,
            before_sleep=self._before_wait,
            reraise=True,
        )
        try:
            return retrying(self._send, question)
        except _LaterError as exc:
            if exc.for_all:
                self._budget.pause(
                    READ_ONLY_WAIT_S if exc.wait_s is None else exc.wait_s
                )
            raise exc.error from exc.__cause__

    def _wait(self, state: RetryCallState) -> float:
        """Exactly what the server asked for, else longer with every failure."""
        error = _error_of(state)
        if error.wait_s is not None:
            return error.wait_s
        if error.for_all:
            doubled = READ_ONLY_WAIT_S * 2.0 ** (state.attempt_number - 1)
            return min(doubled, self._max_wait_s)
        return _back_off(state)

    def _before_wait(self, state: RetryCallState) -> None:
        error, wait_s = _error_of(state), state.upcoming_sleep
        if error.for_all:
            self._budget.pause(wait_s)
        log.info("attempt=%d waiting_s=%.1f %s", state.attempt_number, wait_s, error)

    def _send(self, question: _Question) -> Answer:
        """One attempt, redirects followed."""
        if question.glance:
            answer = self._exchange(question)
            self._refuse_passing(answer, writing=False)
            return answer
        for _ in range(self._max_redirects + 1):
            answer = self._exchange(question)
            if answer.status not in _REDIRECTS:
                return self._accept(answer, writing=question.method not in _REPEATABLE)
            target = self._redirected(answer)
            if question.method not in _REPEATABLE:
                raise ForumRejectedError(
                    answer.url, answer.status, "redirects; nothing was sent on"
                )
            question = replace(question, url=target)
        raise ForumProtocolError(
            answer.url, f"more than {self._max_redirects} redirects"
        )

    def _redirected(self, answer: Answer) -> httpx.URL:
        location = answer.headers.get("location", "")
        if not location:
            raise ForumProtocolError(
                answer.url, "redirects to nowhere", field="Location"
            )
        # httpx, and the hook below, have refused what is no URL.
        target = httpx.URL(answer.url).join(location)
        if not _same_site(self._origin, target):
            raise ForumRejectedError(
                answer.url,
                answer.status,
                f"redirects to another host, {target.host}",
                error_type=MOVED if answer.status in _FOR_GOOD else None,
            )
        return target

    def _admit(self, question: _Question) -> None:
        """Refuse here what must not be asked; nothing was sent then."""
        if self._guard is not None:
            self._guard.check_url(str(question.url))
        if self._robots is not None and question.bound:
            robots_url = self._origin.join(ROBOTS_PATH)
            rules = self._robots.rules(
                str(robots_url), lambda: self._read_robots(robots_url)
            )
            self._budget.keep_apart(rules.delay_s)
            rules.check(str(question.url))
        held_s = self._budget.paused_s
        if held_s > self._max_wait_s:
            raise RateLimitedError(str(question.url), retry_after_s=round(held_s))

    def _read_robots(self, url: httpx.URL) -> Answer:
        plain = {"Accept": "text/plain, */*;q=0.5"}
        return self._ask(_Question("GET", url, headers=plain, bound=False), repeat=True)

    def _exchange(self, question: _Question) -> Answer:
        self._admit(question)
        request = self._client.build_request(
            question.method, question.url, json=question.body, headers=question.headers
        )
        if self._guard is not None:
            request.extensions["trace"] = peer_check(self._guard, request.url)
        memory = None if _asks_for_changes(question) else self._validators
        memory = memory if question.method == "GET" else None
        identity = identity_of(str(request.url), request.headers)
        known = None if memory is None else memory.known(identity)
        if known is not None and not question.fresh:
            request.headers.update(conditions(known))
        answer = self._answer_to(request, glance=question.glance)
        if answer.status == _NOT_MODIFIED and not _asks_for_changes(question):
            if known is None or question.fresh:
                raise ForumProtocolError(
                    answer.url, "says that an answer which we do not have still holds"
                )
            return known
        if memory is not None:
            memory.keep(identity, answer)
        return answer

    def _answer_to(self, request: httpx.Request, *, glance: bool) -> Answer:
        url = str(request.url)
        with self._budget.slot():
            with self._counting:
                self.requests += 1
            started = self._clock()
            try:
                with closing(self._client.send(request, stream=True)) as got:
                    # How long to wait may stand in the body.
                    whole = not glance or got.status_code == _TOO_MANY
                    data = self._read(got, started) if whole else b""
            except (httpx.TransportError, httpx.DecodingError) as exc:
                name = type(exc).__name__
                problem = f"{name}: {exc}" if str(exc) else name
                raise _LaterError(ForumUnavailableError(url, problem)) from exc
        return Answer(got.status_code, url, got.headers, data, got.reason_phrase)

    def _read(self, response: httpx.Response, started: float) -> bytes:
        announced = response.headers.get("content-length", "")
        too_large = announced.isdecimal() and int(announced) > self._max_bytes
        body = bytearray()
        # Chunks are not collected first: a body without end must not fill memory.
        for chunk in () if too_large else response.iter_bytes():
            body += chunk
            if too_large := len(body) > self._max_bytes:
                break
            if self._clock() - started > 4 * self._timeout_s:
                raise httpx.ReadTimeout("the answer drips too slowly")
        if too_large:
            raise ForumProtocolError(
                str(response.url), f"answer is larger than {self._max_bytes:,} bytes"
            )
        return bytes(body)

    def _accept(self, answer: Answer, *, writing: bool) -> Answer:
        """The answer if it is a 2xx, else the error that it is."""
        status = answer.status
        if 200 <= status < 300 or status == _NOT_MODIFIED:
            return answer
        self._refuse_passing(answer, writing=writing)
        problem, error_type = refusal(answer)
        raise ForumRejectedError(answer.url, status, problem, error_type=error_type)

    def _refuse_passing(self, answer: Answer, *, writing: bool) -> None:
        """Raise what asks for another attempt, or none for now."""
        status = answer.status
        if status == _TOO_MANY:
            wait_s = asked_wait_s(answer, now=self._now())
            raise self._later(
                RateLimitedError(answer.url, retry_after_s=wait_s),
                wait_s,
                for_all=limits_everybody(answer, writing=writing),
            )
        problem, error_type = refusal(answer)
        if (status >= 500 and status != _NOT_IMPLEMENTED) or status in _TOO_EARLY:
            unavailable = ForumUnavailableError(
                answer.url, f"{status} {problem}", status=status
            )
            if "retry-after" in answer.headers:
                wait_s = asked_wait_s(answer, now=self._now())
                raise self._later(unavailable, wait_s, for_all=True)
            if error_type == "read_only":
                raise _LaterError(_read_only(answer, problem), for_all=True)
            raise _LaterError(unavailable)

    def _later(
        self, error: ForumUnavailableError, wait_s: float, *, for_all: bool
    ) -> Exception:
        """What to raise when told to wait: too long a wait is not repeated."""
        if wait_s <= self._max_wait_s:
            return _LaterError(error, wait_s, for_all=for_all)
        if for_all:
            self._budget.pause(wait_s)
        return error

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def default_user_agent(contact: str = "") -> str:
    """Our honest name; *contact* is a URL or address where to complain.

    Discourse slows or blocks agents whose name holds certain words, so nothing
    but the contact may be added.
    """
    name = f"Baraza/{metadata.version('baraza')}"
    return f"{name} (+{contact})" if contact else name


@cache
def _ssl_context() -> ssl.SSLContext:
    """Made once: reading all certificates takes longer than a request."""
    return httpx.create_ssl_context()


def _asks_for_changes(question: _Question) -> bool:
    """Whether the caller asks itself for what changed, and takes a 304."""
    sent = {name.lower() for name in question.headers or ()}
    return not sent.isdisjoint(_CONDITIONS)


def _checked_base(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as exc:
        raise ConfigError("", f"expected a URL, got {base_url!r}: {exc}") from exc
    if url.userinfo:
        raise ConfigError("", "a URL must not carry a name or password")
    if url.scheme not in {"http", "https"} or not url.host or url.query:
        raise ConfigError("", f"expected an http(s) URL of a site, got {base_url!r}")
    return base_url.rstrip("/")


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Refuse here what httpx would refuse with the value, a key, in its message."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise ConfigError(name, "holds characters that an HTTP header must not")
    return dict(headers)


def _refuse_other_schemes(response: httpx.Response) -> None:
    """Refuse a redirect to mailto:, tel: or javascript:, where a permalink may lead.

    As a hook, because httpx looks at the address before we do, and fails on it.
    """
    location = response.headers.get("location", "")
    if response.status_code in _REDIRECTS and _is_no_web_address(location):
        raise ForumRejectedError(
            str(response.url),
            response.status_code,
            f"redirects to what is no web address: {location[:80]!r}",
            error_type=MOVED if response.status_code in _FOR_GOOD else None,
        )


def _is_no_web_address(location: str) -> bool:
    """Whether *location* has another scheme, or a host that is no name.

    >>> _is_no_web_address("mailto:a@b.org"), _is_no_web_address("https://xn--/")
    (True, True)
    >>> _is_no_web_address("/x:y"), _is_no_web_address("https://b.org/")
    (False, False)
    """
    scheme, colon, _ = location.partition(":")
    if colon and scheme.isalpha() and scheme.lower() not in {"http", "https"}:
        return True
    try:
        httpx.URL(location).host  # noqa: B018 - it is decoded when it is read
    except UnicodeError:
        return True
    except httpx.InvalidURL:
        # httpx takes it for a broken answer, which is asked for again.
        return False
    return False


def _read_only(answer: Answer, problem: str) -> ForumReadOnlyError:
    return ForumReadOnlyError(
        answer.url,
        f"the forum is read-only, as for a backup or an upgrade ({problem}); "
        "what is missing is read next time",
        status=answer.status,
    )


def _same_site(origin: httpx.URL, target: httpx.URL) -> bool:
    """The same host and port, or its step from http to https.

    >>> at = httpx.URL
    >>> _same_site(at("http://a.org"), at("https://a.org/x"))
    True
    >>> _same_site(at("https://a.org"), at("http://a.org/x"))
    False
    >>> _same_site(at("https://a.org"), at("https://a.org.evil.com/x"))
    False
    """
    if origin.host != target.host:
        return False
    if (origin.scheme, origin.port) == (target.scheme, target.port):
        return True
    upgrade = (origin.scheme, target.scheme) == ("http", "https")
    return upgrade and origin.port is None and target.port is None


_back_off = wait_exponential_jitter(initial=1, max=60, jitter=1)


def _error_of(state: RetryCallState) -> _LaterError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, _LaterError):  # tenacity asks only after a retried error
        raise TypeError(f"unexpected outcome: {error!r}")
    return error
