"""Asks an HTTP service from many connections, and costs the machine next to nothing.

    python benchmarks/load.py < JOB

A process of its own for `benchmarks/serve.py`, whose machine it shares with what it
measures: one thread, requests whose bytes are made before the clock starts, and answers
that are read to their last byte but not understood. *JOB* is a line of JSON (`Job`);
an endless one is asked until a second line comes. What was measured is printed as JSON
(`Load`), its own time on the processor included.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_TIMINGS = b'"timings":{'
_CHUNK = 1 << 18
_PATIENCE_S = 60.0
_MOST_COMPLAINTS = 5


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask of whom.

    Attributes:
        pid: Of the service, whose time on the processor is told.
        marker: Stands in each answer that found something.
        warm: Addresses to ask first, which are not counted.
        paths: Addresses, each taken by whichever connection is free.
        endless: *paths* begin anew until a line is read.
    """

    port: int
    pid: int
    clients: int
    marker: str
    warm: Sequence[str]
    paths: Sequence[str]
    endless: bool = False


@dataclass(slots=True)
class Load:
    """What came of it.

    Attributes:
        calls: When each was sent and when it was answered, on the machine's own
            clock, which all processes share.
        failures: Answers other than 200, or in which nothing was found; *failed* has
            the first few of them.
        generator_s: Time on the processor here; *service_s* there.
        timings: Of each answer that tells them, as JSON.
    """

    calls: list[tuple[float, float]] = field(default_factory=list)
    failures: int = 0
    failed: list[str] = field(default_factory=list)
    wall_s: float = 0.0
    generator_s: float = 0.0
    service_s: float = 0.0
    timings: list[str] = field(default_factory=list)


def processor_s(pid: int) -> float:
    """Time on the processor that a process has had, in all its threads."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    # What stands before is its name, which may hold anything.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Client:
    """A connection that is kept, and the answer that is being read on it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answer = bytearray()
        self._length = 0
        self.since = 0.0
        self.path = ""
        self.open()

    def open(self) -> None:
        address = ("127.0.0.1", self._port)
        self.socket = socket.create_connection(address, timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, path: str, request: bytes) -> None:
        self.answer.clear()
        self._length, self.path = 0, path
        self.since = time.monotonic()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Read what is there; True once the answer is whole, or none will come."""
        try:
            some = self.socket.recv(_CHUNK)
        except OSError:
            some = b""
        if not some:
            self.answer.clear()
            return True
        self.answer += some
        if not self._length:
            end = self.answer.find(_HEAD_END)
            if end < 0:
                return False
            said = _LENGTH.search(self.answer, 0, end + 2)
            self._length = end + len(_HEAD_END) + (int(said[1]) if said else 0)
        return len(self.answer) >= self._length


def request_to(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"
    ).encode("ascii")


def ask(job: Job, stop: TextIO | None = None) -> Load:
    """Ask all of it.

    Args:
        stop: An endless job ends when a line comes from there.
    """
    with selectors.DefaultSelector() as ready:
        for _ in range(job.clients):
            client = _Client(job.port)
            ready.register(client.socket, selectors.EVENT_READ, client)
        if job.warm:
            _drive(ready, iter(_requests(job.warm)), job.marker, Load())
        requests = _requests(job.paths)
        left = itertools.cycle(requests) if job.endless else iter(requests)
        if stop is not None:
            ready.register(stop, selectors.EVENT_READ)
        load = Load()
        own, theirs, began = time.process_time(), processor_s(job.pid), time.monotonic()
        _drive(ready, left, job.marker, load)
        load.wall_s = time.monotonic() - began
        load.generator_s = time.process_time() - own
        load.service_s = processor_s(job.pid) - theirs
        for key in list(ready.get_map().values()):
            if key.data is not None:
                key.data.socket.close()
    return load


def _requests(paths: Iterable[str]) -> list[tuple[str, bytes]]:
    return [(path, request_to(path)) for path in paths]


def _drive(
    ready: selectors.BaseSelector,
    left: Iterator[tuple[str, bytes]],
    marker: str,
    load: Load,
) -> None:
    """Each client asks for the next as soon as it is answered."""
    found = marker.encode()
    busy = 0
    for key in list(ready.get_map().values()):
        if key.data is not None and (request := next(left, None)) is not None:
            key.data.send(*request)
            busy += 1
    while busy:
        events = ready.select(_PATIENCE_S)
        if not events:
            raise TimeoutError(f"no answer in {_PATIENCE_S:.0f} s")
        for key, _ in events:
            client = key.data
            if client is None:
                left = iter(())
                ready.unregister(key.fileobj)
            elif client.is_answered():
                load.calls.append((client.since, time.monotonic()))
                _note(client, found, load)
                if not client.answer:
                    ready.unregister(key.fileobj)
                    client.socket.close()
                    client.open()
                    ready.register(client.socket, selectors.EVENT_READ, client)
                request = next(left, None)
                if request is None:
                    busy -= 1
                else:
                    client.send(*request)


def _note(client: _Client, found: bytes, load: Load) -> None:
    answer = client.answer
    if answer[9:12] != b"200" or found not in answer:
        load.failures += 1
        if len(load.failed) < _MOST_COMPLAINTS:
            load.failed.append(f"{client.path}: {bytes(answer[:200])!r}")
    start = answer.rfind(_TIMINGS)
    if start >= 0:
        start += len(_TIMINGS) - 1
        load.timings.append(answer[start : answer.index(b"}", start) + 1].decode())


def main() -> None:
    job = Job(**json.loads(sys.stdin.readline()))
    print(json.dumps(asdict(ask(job, sys.stdin if job.endless else None))))


if __name__ == "__main__":
    main()
