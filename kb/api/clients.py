"""Who asks, and how often one may."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Beyond, the one that was longest away is forgotten: it was not counted for nothing.
_MOST_CLIENTS = 20_000
_WINDOW_S = 60.0
# What a provider gives a household is a network, not an address (RFC 6177).
_IPV6_PREFIX = 64
_MAX_KEY_CHARS = 200


def client_of(host: str | None) -> str:
    """Tells clients apart by their address.

    >>> client_of("203.0.113.9"), client_of("::ffff:203.0.113.9")
    ('203.0.113.9', '203.0.113.9')
    >>> client_of("2001:db8:1:2:3:4:5:6"), client_of("2001:db8:1:2::1%eth0")
    ('2001:db8:1:2::', '2001:db8:1:2::')
    >>> client_of("somebody"), client_of(None)
    ('unknown', 'unknown')
    """
    try:
        address = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    network = ipaddress.ip_network((address, _IPV6_PREFIX), strict=False)
    return str(network.network_address)


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key that a request names, which may be none of ours.

    An ``Authorization`` of another scheme is no key, but an attempt at one.

    >>> key_of({"authorization": "bearer  abc"}), key_of({"x-api-key": " abc "})
    ('abc', 'abc')
    >>> key_of({}) is None, key_of({"authorization": "Basic YWJj"})
    (True, '')
    """
    authorization = headers.get("authorization")
    if authorization is None:
        own = headers.get("x-api-key")
        return None if own is None else own.strip()[:_MAX_KEY_CHARS]
    scheme, _, rest = authorization.partition(" ")
    return rest.strip()[:_MAX_KEY_CHARS] if scheme.casefold() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a client may still ask.

    Attributes:
        limit: Requests a minute.
        remaining: That it may make now.
        reset_s: Until it may make all of them at once again.
        retry_after_s: Until it may make this one; 0: it may.
    """

    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int = 0

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them, in version 10."""
        told = {
            "RateLimit-Policy": f'"minute";q={self.limit};w={_WINDOW_S:.0f}',
            "RateLimit": f'"minute";r={self.remaining};t={self.reset_s}',
        }
        if self.retry_after_s:
            told["Retry-After"] = str(self.retry_after_s)
        return told


class RateLimit:
    """So many requests a minute for each client, in one burst or evenly.

    What is kept of a client is one moment: when it would have made its last request,
    had it spread all of them evenly (the generic cell rate algorithm of ATM). There is
    neither an edge of a window, across which twice as many fit, nor anything to tidy
    up.
    """

    def __init__(
        self, per_minute: int, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = per_minute
        self._apart_s = _WINDOW_S / per_minute
        self._now_s = now_s
        self._until_s: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str, cost: int = 1) -> Allowance:
        """Count a request that weighs as much as *cost* of them; if it may not be made,
        it is not counted."""
        now = self._now_s()
        until = max(self._until_s.get(client, now), now)
        # What weighs more than a minute's requests can be made once a minute.
        after = until + min(cost, self._limit) * self._apart_s
        wait_s = after - now - _WINDOW_S
        # Sums of floats miss the edge by a hair.
        if wait_s > 1e-6:
            return self._allowance(until - now, math.ceil(wait_s))
        self._until_s[client] = after
        self._until_s.move_to_end(client)
        if len(self._until_s) > _MOST_CLIENTS:
            self._until_s.popitem(last=False)
        return self._allowance(after - now, 0)

    def _allowance(self, used_s: float, retry_after_s: int) -> Allowance:
        left = max(0, math.floor((_WINDOW_S - used_s) / self._apart_s + 1e-6))
        return Allowance(self._limit, left, math.ceil(used_s), retry_after_s)
