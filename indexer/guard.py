"""A guard against being led into a private network, by an address or by a name.

A name is looked up before a request, and again by whoever connects; the second answer
may be another one (DNS rebinding). So the peer that was really connected is looked at
as well, before anything is sent to it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import httpx

from kb.errors import SourceError

Trace = Callable[[str, Mapping[str, Any]], None]
"""Called by httpx with the name of an event, and what is known of it."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# All that is public in IPv6 (RFC 4291, 2.4), but for the prefix below.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# How a network of IPv6 alone shows all of IPv4 (RFC 6052, 2.1).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_STARTED = "connection.connect_tcp.started"
_CONNECTED = "connection.connect_tcp.complete"


class Guard(Protocol):
    """Says which requests must not be sent."""

    def check_url(self, url: str) -> None:
        """Called with every URL before it is asked, redirects included.

        Raises:
            SourceError: It must not be asked.
        """

    def check_peer(self, url: str, address: str) -> None:
        """Called with the IP address that was connected for *url*, before anything is
        sent; not when a proxy was connected, which looks names up by itself.

        Raises:
            SourceError: Nothing must be sent there.
        """


class PublicOnly:
    """Refuses whatever is not public, but for one host: a site inside a company is
    configured on purpose.

    Args:
        base_url: Of the site whose host may be private.
    """

    def __init__(self, *, base_url: str) -> None:
        self._own = httpx.URL(base_url).host
        # What is allowed stays allowed: one look-up for each host.
        self._accepted = {self._own}

    def check_url(self, url: str) -> None:
        """As `Guard.check_url`; the host is private, has no address, or is no host."""
        try:
            host = httpx.URL(url).host
        except (httpx.InvalidURL, UnicodeError) as exc:
            raise SourceError(url, f"is no web address: {exc}") from exc
        if host in self._accepted:
            return
        for address in _addresses(host, url):
            _refuse_private(address, url)
        self._accepted.add(host)

    def check_peer(self, url: str, address: str) -> None:
        """As `Guard.check_peer`."""
        if httpx.URL(url).host != self._own:
            _refuse_private(_parsed(address), url)


def is_public(address: _Address) -> bool:
    """Whether an address is of the public internet; one that carries an IPv4 address is
    as public as that.

    >>> is_public(ipaddress.ip_address("2001:4860:4860::8888"))
    True
    >>> is_public(ipaddress.ip_address("::ffff:10.0.0.1"))
    False
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    inner = _embedded(address)
    if inner is not None and not is_public(inner):
        return False
    if address in _NAT64 or address.ipv4_mapped is not None:
        return True
    return address.is_global and address in _GLOBAL_UNICAST


def peer_check(
    guard: Guard, url: httpx.URL
) -> Callable[[str, Mapping[str, Any]], None]:
    """What httpx is to call with the events of a request for *url*, as its extension
    ``trace``."""
    asked = url.raw_host.decode("ascii")
    to_proxy = False

    def look(event: str, info: Mapping[str, Any]) -> None:
        nonlocal to_proxy
        if event == _STARTED:
            to_proxy = info["host"] != asked
        if event != _CONNECTED or to_proxy:
            return
        stream = info["return_value"]
        try:
            guard.check_peer(str(url), str(stream.get_extra_info("server_addr")[0]))
        except BaseException:
            # Nobody else knows of it yet.
            stream.close()
            raise

    return look


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _refuse_private(address: _Address, url: str) -> None:
    if not is_public(address):
        raise SourceError(url, f"points into a private network ({address})")


def _addresses(host: str, url: str) -> Iterator[_Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise SourceError(url, f"host {host} has no address: {exc}") from exc
    return (_parsed(str(entry[4][0])) for entry in found)


def _parsed(address: str) -> _Address:
    # A scope such as %eth0 may follow a link-local address.
    return ipaddress.ip_address(address.partition("%")[0])
