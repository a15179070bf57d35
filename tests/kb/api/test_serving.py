"""What comes over the wire and is no request, or never becomes one; by raw sockets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from kb.api import ApiSettings, create_app
from kb.api.limits import Limits
from kb.api.serving import Patience, server_config
from tests.kb.api.stand import Stand, served

SHORT = Patience(head_s=0.4, rest_s=0.4, read_s=0.4)
GET = b"GET /api/search?q=backup HTTP/1.1\r\nHost: example.org\r\n\r\n"


@contextmanager
def door(
    *,
    stand: Stand | None = None,
    patience: Patience = SHORT,
    limits: Limits | None = None,
    settings: ApiSettings | None = None,
    **more: Any,
) -> Iterator[tuple[str, int]]:
    """The endpoint as strangers meet it."""
    app = create_app(
        stand or Stand(),
        settings or ApiSettings(requests_per_minute=0),
        limits or Limits(),
    )
    configure = partial(server_config, patience=patience)
    with served(app, configure, **more) as url:
        host, port = url.removeprefix("http://").split(":")
        yield host, int(port)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """A door that is as patient as it is by itself."""
    with door(patience=Patience()) as opened:
        yield opened


@pytest.fixture(scope="module")
def hurried() -> Iterator[tuple[str, int]]:
    """A door that soon gives up."""
    with door(limits=Limits(body_timeout_s=0.4)) as opened:
        yield opened


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side ends."""
    connection.settimeout(20)
    read = b""
    try:
        while part := connection.recv(65536):
            read += part
    except ConnectionResetError:
        pass
    return read


def told(raw: bytes) -> tuple[int, dict[str, str], Any]:
    """The last answer in *raw*: status, headers, JSON."""
    head, _, body = raw[raw.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(body) if body else None


def exchange(
    address: tuple[str, int], *parts: bytes
) -> tuple[int, dict[str, str], Any]:
    with socket.create_connection(address) as connection:
        for part in parts:
            connection.sendall(part)
        return told(everything(connection))


def is_problem(answer: tuple[int, dict[str, str], Any], status: int) -> bool:
    got, headers, body = answer
    return (
        (got, body["status"]) == (status, status)
        and headers["content-type"] == "application/problem+json"
        and headers["x-content-type-options"] == "nosniff"
        and headers["connection"] == "close"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        b"SELECT * FROM documents; --\r\n\r\n",
        b"GET /api/search?q=a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/search?q=\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\nHost a\n\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /api/feedback HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/feedback HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        b"Content-Length: 2\r\n\r\n",
        b"POST /api/feedback HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_400(address: tuple[str, int], raw: bytes) -> None:
    assert is_problem(exchange(address, raw), 400)


def test_a_method_that_there_is_not_is_no_bad_request(
    address: tuple[str, int],
) -> None:
    raw = b"FOO /api/search HTTP/1.1\r\nHost: a\r\n\r\n"

    assert is_problem(exchange(address, raw), 501)


WORD = b'{"document_id": 1, "helped": true}'
POST = b"POST /api/feedback HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = b"%x\r\n%s\r\n" % (len(WORD), WORD)


@pytest.mark.parametrize("is_in_pieces", [False, True])
@pytest.mark.parametrize(
    ("head", "rest", "problem"),
    [
        (POST + b"\r\n", WORD, "the body is not JSON"),
        (CHUNKED, b"xyz\r\n{", "the body ended early"),
        (CHUNKED, b"f" * 20 + b"\r\n{", "the body ended early"),
        # What came of it is all of a body by itself.
        (CHUNKED, WHOLE + b"xyz\r\n", "the body ended early"),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n", WORD, "the body ended early"),
    ],
)
def test_who_sends_a_body_that_cannot_be_read_is_told_so(
    head: bytes, rest: bytes, problem: str, is_in_pieces: bool
) -> None:
    stand = Stand()
    with (
        door(stand=stand, patience=Patience()) as address,
        socket.create_connection(address) as connection,
    ):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head + rest if not is_in_pieces else head)
        if is_in_pieces:
            # It is answered before, or waits for the rest.
            time.sleep(0.05)
            connection.sendall(rest)
        raw = everything(connection)

    got, _, body = told(b"HTTP/1.1 " + raw.split(b"HTTP/1.1 ")[1])
    assert (got, body["status"]) == (400, 400)
    assert body["detail"].startswith(problem)
    assert stand.words == set()


@pytest.mark.parametrize(
    "after", [b"\x16\x03\x01", b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\nX y: z\r\n\r\n"]
)
def test_what_can_be_read_is_answered_whatever_comes_after_it(
    address: tuple[str, int], after: bytes
) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(GET + GET + after)
        raw = everything(connection)

    assert raw.count(b"HTTP/1.1 ") == raw.count(b"HTTP/1.1 200 OK") == 2
    assert raw.count(b"connection: close") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Host: a\r\nHost: b\r\n",
        b"Host: \r\n",
        b"Host: a/b\r\n",
        b"Host: a@b\r\n",
        b'Host: a"><script>\r\n',
        b"Host: a b\r\n",
        b"Host: " + b"a" * 300 + b"\r\n",
    ],
)
def test_a_host_that_is_none_is_refused(address: tuple[str, int], head: bytes) -> None:
    answer = exchange(address, b"GET /opensearch.xml HTTP/1.1\r\n" + head + b"\r\n")

    assert is_problem(answer, 400)


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET /api/search?q=" + b"x" * 1_000_000, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1_000_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100_000, 431),
    ],
)
@pytest.mark.parametrize("end", [b"", b" HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_a_head_of_a_megabyte_is_refused_whether_or_not_it_ends(
    address: tuple[str, int], start: bytes, end: bytes, status: int
) -> None:
    assert is_problem(exchange(address, start, end), status)


def test_a_query_of_forty_kilobytes_is_one_that_goes_by_post(
    address: tuple[str, int],
) -> None:
    long = b"GET /api/related?text=" + b"x" * 40_000
    status, _, body = exchange(
        address, long + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )

    assert (status, body["detail"]) == (
        414,
        "expected at most 32768 bytes; longer texts go by POST",
    )


@pytest.mark.parametrize("before", [b"", GET])
@pytest.mark.parametrize("started", [b"GET /heal", b"GET / HTTP/1.1\r\nHos", b"\r\n"])
def test_a_head_that_never_ends_is_given_up_also_after_a_request(
    hurried: tuple[str, int], before: bytes, started: bytes
) -> None:
    with socket.create_connection(hurried) as connection:
        if before:
            connection.sendall(before)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(started)
        answer = told(everything(connection))

    assert is_problem(answer, 408)


def test_a_head_that_trickles_is_given_up_however_lively_it_is(
    hurried: tuple[str, int],
) -> None:
    until = time.monotonic() + 20
    with socket.create_connection(hurried) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        read = b""
        while b"408" not in read:
            assert time.monotonic() < until
            connection.sendall(b"X: y\r\n")
            try:
                read += connection.recv(65536)
            except TimeoutError:
                continue

    assert read.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_who_connects_and_says_nothing_is_left_without_a_word(
    hurried: tuple[str, int],
) -> None:
    with socket.create_connection(hurried) as connection:
        assert everything(connection) == b""


@pytest.mark.parametrize(
    "declared",
    [b"Content-Length: 40\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"],
)
def test_a_body_that_never_ends_is_given_up(
    hurried: tuple[str, int], declared: bytes
) -> None:
    head = (
        b"POST /api/feedback HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    )

    assert is_problem(exchange(hurried, head + declared), 408)


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
        b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nx",
    ],
)
def test_who_is_answered_and_still_sends_keeps_no_connection(
    hurried: tuple[str, int], request_head: bytes
) -> None:
    with socket.create_connection(hurried) as connection:
        connection.sendall(request_head)
        raw = everything(connection)

    assert told(raw)[0] in (200, 408)


def test_who_was_answered_is_not_answered_again_for_the_rest(
    address: tuple[str, int],
) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(address) as connection:
        connection.sendall(head)
        raw = connection.recv(65536)
        while not raw.endswith(b"}"):
            raw += connection.recv(65536)
        connection.sendall(b"xyz\r\n")
        raw += everything(connection)

    assert (raw.count(b"HTTP/1.1 "), told(raw)[0]) == (1, 200)


def test_a_body_without_a_length_is_read_to_its_end(address: tuple[str, int]) -> None:
    body = b'{"document_id": 1, "helped": true}'
    chunks = b"".join(b"1\r\n%c\r\n" % each for each in body) + b"0\r\n\r\n"
    head = (
        b"POST /api/feedback HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    assert exchange(address, head, chunks)[0] == 204


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_that_is_too_long_is_a_413_whether_or_not_it_says_so(
    address: tuple[str, int], is_chunked: bool
) -> None:
    body = b'{"text": "' + b"x" * 20_000 + b'"}'
    if is_chunked:
        declared = b"Transfer-Encoding: chunked\r\n\r\n"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        declared = b"Content-Length: %d\r\n\r\n" % len(body)
    head = (
        b"POST /api/related HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\n"
    )

    assert is_problem(exchange(address, head + declared, body), 413)


def test_requests_in_one_breath_are_answered_one_after_the_other(
    address: tuple[str, int],
) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with socket.create_connection(address) as connection:
        connection.sendall(GET + GET + last)
        raw = everything(connection)

    assert raw.count(b"HTTP/1.1 200 OK") == 3


def test_many_requests_in_one_piece_are_not_taken_for_a_long_head(
    address: tuple[str, int],
) -> None:
    health = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2_000 + b"\r\n\r\n"
    last = health.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with socket.create_connection(address) as connection:
        connection.sendall(health * 50 + last)
        raw = everything(connection)

    assert raw.count(b"HTTP/1.1 200 OK") == 51


def test_a_long_body_in_one_piece_is_not_taken_for_a_long_head(
    address: tuple[str, int],
) -> None:
    head = (
        b"POST /api/related HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: 300000\r\n\r\n"
    )
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with socket.create_connection(address) as connection:
        connection.sendall(head + b"x" * 300_000)
        connection.sendall(last)
        raw = everything(connection)

    assert raw.count(b"HTTP/1.1 ") == 2
    assert raw.startswith(b"HTTP/1.1 413 ")
    assert told(raw)[0] == 200


@pytest.mark.parametrize("count", [66, 200, 1_000])
def test_who_asks_more_ahead_than_is_answered_is_answered_so_many(
    address: tuple[str, int], count: int
) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(GET * count)
        raw = everything(connection)

    # One is at work while as many wait.
    assert raw.count(b"HTTP/1.1 200 OK") == Patience().ahead + 1
    assert told(raw)[1]["connection"] == "close"


def test_an_upgrade_that_is_not_spoken_is_answered_as_a_request(
    address: tuple[str, int],
) -> None:
    status, headers, body = exchange(
        address,
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\n\r\n",
    )

    assert (status, body, headers["connection"]) == (200, {"status": "ok"}, "close")


def test_too_many_connections_are_told_to_come_later_and_leave_places_again() -> None:
    patience = Patience(head_s=60)
    with door(patience=patience, connections=4) as address, ExitStack() as held:
        silent = [
            held.enter_context(socket.create_connection(address)) for _ in range(4)
        ]
        ended = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        crowded = exchange(address, ended)
        for each in silent:
            each.close()
        until = time.monotonic() + 20
        while (later := exchange(address, ended)[0]) == 503:
            assert time.monotonic() < until

    assert is_problem(crowded, 503)
    assert crowded[1]["retry-after"] == "2"
    assert later == 200


def test_who_does_not_read_is_left(hurried: tuple[str, int]) -> None:
    """Answers pile up until the server waits; then it waits no longer than told."""
    long = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(hurried)
        connection.settimeout(20)
        # Some at a time, as one may ask so many ahead; the system keeps the first
        # megabytes of answers, whoever reads them.
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_slowly(connection, long * 10)


def send_slowly(connection: socket.socket, part: bytes) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        connection.sendall(part)
        time.sleep(0.02)


def test_a_body_without_end_is_refused_while_it_still_comes(
    address: tuple[str, int],
) -> None:
    head = (
        b"POST /api/related HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    # One byte more than is read in the hope that it ends.
    last = b"4001\r\n" + b"x" * 0x4001 + b"\r\n"

    with socket.create_connection(address) as connection:
        connection.sendall(head + chunk * 16 + last)
        answer = told(everything(connection))

    assert is_problem(answer, 413)


@pytest.mark.parametrize(
    ("proxies", "scheme"), [((), "http"), (("127.0.0.1",), "https")]
)
def test_what_a_proxy_says_counts_if_it_is_ours(
    proxies: tuple[str, ...], scheme: str
) -> None:
    with door(proxies=proxies) as (host, port):
        reply = httpx.get(
            f"http://{host}:{port}/opensearch.xml",
            headers={
                "Host": "search.example.org",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-For": '203.0.113.9, evil"><script>',
                "X-Forwarded-Host": "evil.example",
            },
            trust_env=False,
        )

    assert f'template="{scheme}://search.example.org/search?q=' in reply.text
    assert "evil" not in reply.text
    assert "server" not in reply.headers
