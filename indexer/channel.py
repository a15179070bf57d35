"""Polite HTTP requests: bounded, paced, patient, and pinned to one host."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
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

from indexer.answers import Answer, asked_wait_s, refusal
from kb.errors import (
    ConfigError,
    ForumProtocolError,
    ForumRejectedError,
    ForumUnavailableError,
    RateLimitedError,
)
from kb.types import Clock, utc_now

log = logging.getLogger(__name__)

Params = Mapping[str, str | int] | Sequence[tuple[str, str | int]]

# Discourse's default budget is 60 requests a minute for all admin keys of a site
# together; half of it is left to the others.
REQUESTS_PER_SECOND = 0.5
MAX_BYTES = 20 * 1024 * 1024
_REPEATABLE = frozenset({"GET", "HEAD"})
# Our own `error_type`: what was asked for lives elsewhere now.
MOVED = "moved"
_FOR_GOOD = frozenset({301, 308})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOO_EARLY = frozenset({408, 425})
_NOT_IMPLEMENTED = 501


class _LaterError(Exception):
    """A failure that may pass; *wait_s* is what the server asked for, if it did."""

    def __init__(self, error: ForumUnavailableError, wait_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


class ChannelOptions(TypedDict, total=False):
    """How a `Channel` behaves; every option has a default.

    Attributes:
        user_agent: Who we are and where to complain; see `default_user_agent`.
        headers: Sent with every request, API keys among them. They never leave
            the site's own host: redirects to others are refused.
        requests_per_second: The most we send; ``None`` for no limit (tests).
        timeout_s: Silence that ends a connection; a whole answer may take four
            times as long.
        max_bytes: The largest body we read, after decompression.
        max_wait_s: The longest wait that we accept when told to slow down.
        max_attempts: How often a repeatable request is sent before giving up.
        sleep: Waits that many seconds.
        clock: Seconds that only grow.
        now: The time of day, for a ``Retry-After`` that is a date.
        guard: Called with every URL before it is asked, redirects included; it
            raises to refuse (robots.txt, private addresses).
    """

    user_agent: str
    headers: Mapping[str, str]
    requests_per_second: float | None
    timeout_s: float
    max_bytes: int
    max_wait_s: float
    max_attempts: int
    max_redirects: int
    sleep: Callable[[float], object]
    clock: Callable[[], float]
    now: Clock
    guard: Callable[[str], None] | None


class Channel:
    """Requests to one site, a folder included (``https://x.org/forum``).

    It repeats only what is safe to repeat.

    Attributes:
        requests: How many requests were sent, repeated ones included.
    """

    def __init__(self, base_url: str, **options: Unpack[ChannelOptions]) -> None:
        self.base_url = _checked_base(base_url)
        self.requests = 0
        self._origin = httpx.URL(self.base_url)
        rate = options.get("requests_per_second", REQUESTS_PER_SECOND)
        self._interval_s = 1 / rate if rate else 0.0
        self._next_at = float("-inf")
        self._timeout_s = options.get("timeout_s", 30.0)
        self._max_bytes = options.get("max_bytes", MAX_BYTES)
        self._max_wait_s = options.get("max_wait_s", 120.0)
        self._max_attempts = options.get("max_attempts", 5)
        self._max_redirects = options.get("max_redirects", 5)
        self._sleep = options.get("sleep", time.sleep)
        self._clock = options.get("clock", time.monotonic)
        self._now = options.get("now", utc_now)
        self._guard = options.get("guard")
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
    ) -> Answer:
        """Send a request and return the answer, a 2xx.

        Args:
            method: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
            path: Below the base, with a leading slash.
            params: The query.
            body: Sent as JSON.
            headers: For this request only.
            repeat: Send again after a failure that may pass. By default only
                reads are: a write may have been carried out before its answer
                got lost.

        Raises:
            RateLimitedError: Asked to wait longer than ``max_wait_s``, or again
                and again; for a write always, with the wait that was asked for.
            ForumUnavailableError: No connection, a broken answer, a 5xx.
            ForumRejectedError: Any other status, or a redirect to another host.
            ForumProtocolError: The answer is too large, or redirects in circles.
        """
        url = httpx.URL(self.base_url + path)
        if params:
            pairs = params.items() if isinstance(params, Mapping) else params
            url = url.copy_merge_params(list(pairs))
        if repeat is None:
            repeat = method in _REPEATABLE
        retrying = Retrying(
            retry=retry_if_exception_type(_LaterError),
            stop=stop_after_attempt(self._max_attempts if repeat else 1),
            wait=_wait,
            sleep=self._wait_for,
            before_sleep=_log_wait,
            reraise=True,
        )
        try:
            return retrying(self._send, method, url, body, headers)
        except _LaterError as exc:
            raise exc.error from exc.__cause__

    def _send(
        self,
        method: str,
        url: httpx.URL,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        """One attempt, redirects followed."""
        for _ in range(self._max_redirects + 1):
            answer = self._exchange(method, url, body, headers)
            if answer.status not in _REDIRECTS:
                return self._accept(answer)
            target = self._redirected(answer)
            if method not in _REPEATABLE:
                raise ForumRejectedError(
                    answer.url, answer.status, "redirects; nothing was sent on"
                )
            url = target
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

    def _exchange(
        self,
        method: str,
        url: httpx.URL,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        if self._guard is not None:
            self._guard(str(url))
        self._pace()
        self.requests += 1
        started = self._clock()
        try:
            with self._client.stream(method, url, json=body, headers=headers) as got:
                data = self._read(got, started)
        except (httpx.TransportError, httpx.DecodingError) as exc:
            problem = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
            raise _LaterError(ForumUnavailableError(str(url), problem), None) from exc
        return Answer(got.status_code, str(url), got.headers, data, got.reason_phrase)

    def _wait_for(self, seconds: float) -> None:
        self._sleep(seconds)

    def _pace(self) -> None:
        now = self._clock()
        if now < self._next_at:
            self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._interval_s

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

    def _accept(self, answer: Answer) -> Answer:
        """The answer if it is a 2xx, else the error that it is."""
        status = answer.status
        if 200 <= status < 300:
            return answer
        if status == 429:
            wait_s = asked_wait_s(answer, now=self._now())
            limited = RateLimitedError(answer.url, retry_after_s=wait_s)
            if wait_s > self._max_wait_s:
                raise limited
            raise _LaterError(limited, wait_s)
        problem, error_type = refusal(answer)
        if (status >= 500 and status != _NOT_IMPLEMENTED) or status in _TOO_EARLY:
            unavailable = ForumUnavailableError(
                answer.url, f"{status} {problem}", status=status
            )
            told = "retry-after" in answer.headers
            wait = asked_wait_s(answer, now=self._now()) if told else None
            if wait is not None and wait > self._max_wait_s:
                raise unavailable
            raise _LaterError(unavailable, wait)
        raise ForumRejectedError(answer.url, status, problem, error_type=error_type)

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
    scheme, colon, _ = location.partition(":")
    foreign = colon and scheme.isalpha() and scheme.lower() not in {"http", "https"}
    if response.status_code in _REDIRECTS and foreign:
        raise ForumRejectedError(
            str(response.url),
            response.status_code,
            f"redirects to what is no web address: {location[:80]!r}",
            error_type=MOVED if response.status_code in _FOR_GOOD else None,
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


def _wait(state: RetryCallState) -> float:
    """Exactly what the server asked for, else longer with every failure."""
    error = _error_of(state)
    return error.wait_s if error.wait_s is not None else _back_off(state)


def _log_wait(state: RetryCallState) -> None:
    log.info(
        "attempt=%d waiting_s=%.1f %s",
        state.attempt_number,
        state.upcoming_sleep,
        _error_of(state),
    )


def _error_of(state: RetryCallState) -> _LaterError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, _LaterError):  # tenacity asks only after a retried error
        raise TypeError(f"unexpected outcome: {error!r}")
    return error
