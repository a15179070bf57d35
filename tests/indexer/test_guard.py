"""Nothing is sent into a private network, whatever name or spelling leads there."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from indexer.guard import PublicOnly, is_public
from indexer.http import Transport
from kb.errors import SourceError
from tests.indexer.loopback import Loopback, Reply, as_json

PUBLIC = "8.8.8.8"
Found = list[tuple[Any, ...]]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def reading(url: str, guard: Any) -> Transport:
    return Transport(
        url,
        requests_per_second=None,
        sleep=lambda _s: None,
        max_attempts=1,
        timeout_s=5.0,
        guard=guard,
    )


class Watching:
    """A guard that refuses nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.peers: list[tuple[str, str]] = []

    def check_url(self, url: str) -> None:
        self.urls.append(url)

    def check_peer(self, url: str, address: str) -> None:
        self.peers.append((url, address))


def port_of(server: Loopback) -> str:
    return server.url.rpartition(":")[2]


def resolving(monkeypatch: pytest.MonkeyPatch, name: str, *answers: str) -> list[str]:
    """Have *name* resolve to each of *answers* in turn, the last again and again.

    Returns:
        What was answered so far.
    """
    given: list[str] = []
    real: Callable[..., Found] = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **more: Any) -> Found:
        if host not in (name, name.encode()):
            return real(host, port, *args, **more)
        given.append(answers[min(len(given), len(answers) - 1)])
        return real(given[-1], port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return given


# -- before a request ------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://10.1.2.3/x",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://localhost/",
        # As getaddrinfo takes them: decimal, octal, hexadecimal, shortened.
        "http://2130706433/",
        "http://0177.1/",
        "http://0x7f000001/",
        "http://0x7f.0.0.0x1/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:c0a8:101::1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[64:ff9b:1::10.0.0.1]/",
        "http://[2001:0:a00:1::1]/",
    ],
)
def test_private_addresses_are_refused_in_every_spelling(url: str) -> None:
    guard = PublicOnly(base_url="https://8.8.8.8")
    with pytest.raises(SourceError, match="points into a private network"):
        guard.check_url(url)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_public_addresses_are_public_whatever_carries_them(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_public_addresses_and_the_configured_host_pass() -> None:
    guard = PublicOnly(base_url="http://10.1.2.3:3000/forum")
    guard.check_url("http://10.1.2.3/x")
    guard.check_peer("http://10.1.2.3/x", "10.1.2.3")
    guard.check_url("https://8.8.8.8/x")
    guard.check_peer("https://8.8.8.8/x", "8.8.8.8")


def test_one_private_address_among_public_ones_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def both(host: Any, port: Any, *args: Any, **more: Any) -> Found:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
            for address in (PUBLIC, "10.0.0.7")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(SourceError, match=r"private network \(10\.0\.0\.7\)"):
        PublicOnly(base_url="https://a.example").check_url("https://b.example/")


@pytest.mark.parametrize(
    "url", ["http://0177.0.0.1/", "http://[::zz]/", "http://xn--/"]
)
def test_what_is_no_address_for_us_is_refused(url: str) -> None:
    with pytest.raises(SourceError, match="is no web address"):
        PublicOnly(base_url="https://8.8.8.8").check_url(url)


def test_a_host_without_address_is_refused() -> None:
    guard = PublicOnly(base_url="https://8.8.8.8")
    with pytest.raises(SourceError, match="has no address"):
        guard.check_url("http://bad..name/")


# -- with a request --------------------------------------------------------


def test_a_guard_sees_every_address_before_it_is_asked(server: Loopback) -> None:
    guard = Watching()
    server.on("/a", Reply(302, headers={"Location": "/b"}))
    server.on("/b", as_json(1))

    with reading(server.url, guard) as transport:
        transport.get_json("/a")

    addresses = [server.url + "/a", server.url + "/b"]
    assert guard.urls == addresses
    assert guard.peers == [(url, "127.0.0.1") for url in addresses]


def test_a_name_that_turns_private_while_connecting_is_sent_nothing(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = resolving(monkeypatch, "rebind.example", PUBLIC, "127.0.0.1")
    guard = PublicOnly(base_url="https://docs.example.org")

    with (
        reading(f"http://rebind.example:{port_of(server)}", guard) as transport,
        pytest.raises(SourceError, match=r"private network \(127\.0\.0\.1\)") as caught,
    ):
        transport.get("/secret")

    assert answered == [PUBLIC, "127.0.0.1"]
    assert f"http://rebind.example:{port_of(server)}/secret" in str(caught.value)
    assert server.requests == []


def test_a_site_that_is_private_on_purpose_is_read(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, "wiki.corp", "127.0.0.1")
    server.on("/page", as_json({"ok": True}))
    url = f"http://wiki.corp:{port_of(server)}"

    with reading(url, PublicOnly(base_url=url)) as transport:
        assert transport.get_json("/page") == {"ok": True}


def test_a_proxy_of_the_environment_may_be_private(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the proxy that looks the name up, and the operator who chose it."""
    resolving(monkeypatch, "far.example", PUBLIC)
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.on("http://far.example/page", as_json({"ok": True}))
    guard = PublicOnly(base_url="https://docs.example.org")

    with reading("http://far.example", guard) as transport:
        assert transport.get_json("/page") == {"ok": True}

    assert server.requests == ["GET http://far.example/page"]
