"""The fault switch: what a network and a tired server do to the best of answers."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.sandbox.answers import (
    Answer,
    nginx_429,
    rails_429,
    search_429,
    text_answer,
    tracker_429,
)

Where = str | re.Pattern[str] | None

RandomKind = Literal[
    "500",
    "502",
    "503",
    "504",
    "429",
    "429-tracker",
    "429-nginx",
    "drop",
    "lose",
    "truncate",
    "malformed",
    "delay",
]
# Those that are mixed when none are named; the others are asked for by name.
RANDOM_KINDS: tuple[RandomKind, ...] = ("503", "429", "drop", "truncate", "malformed")
LimitKind = Literal["rails", "tracker", "nginx", "search"]
_BROKEN = "<html><body><h1>We're down for maintenance</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """One spoilt answer.

    Attributes:
        answer: Sent instead of asking the server, when given.
        delay_s: Waited before anything is sent.
        truncate: The body stops half-way and the connection closes.
        malformed: The body stops half-way, but the answer looks whole.
        drop: The connection closes before anything is done.
        lose: The server does what was asked, and the answer is lost.
        change: What is sent in place of the JSON of the right answer.
    """

    answer: Answer | None = None
    delay_s: float = 0.0
    truncate: bool = False
    malformed: bool = False
    drop: bool = False
    lose: bool = False
    change: Callable[[Any], Any] | None = None


@dataclass(slots=True)
class _Planned:
    fault: Fault
    left: int | None
    where: Where
    method: str | None


class Faults:
    """Which of the coming requests are spoilt, and how; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._random: random.Random | None = None
        self._rate = 0.0
        self._kinds: Sequence[RandomKind] = RANDOM_KINDS
        self._random_where: Where = None
        self._random_delay_s = 0.0

    def fail_next(
        self,
        n: int = 1,
        path: Where = None,
        *,
        method: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        delay_s: float = 0.0,
        truncate: bool = False,
        malformed: bool = False,
        drop: bool = False,
        lose: bool = False,
    ) -> None:
        """Spoil the next *n* requests; several plans are used up in turn.

        Args:
            path: A prefix of, or pattern found in, ``path?query``; any when ``None``.
            method: Only requests of this method.
            status: Answer this instead, with *headers* and *body* (a maintenance
                page when ``None``).
            delay_s: Seconds to wait first; alone, the right answer follows.
            truncate: Close half-way through the body.
            malformed: Send half the body as if it were all.
            drop: Close without any answer, and without doing anything.
            lose: Do what was asked, then close without any answer.
        """
        answer = None
        if status is not None:
            shown = _BROKEN if body is None else body
            data = shown.encode() if isinstance(shown, str) else shown
            sent = {"Content-Type": "text/html; charset=utf-8", **(headers or {})}
            answer = Answer(status, data, sent)
        fault = Fault(answer, delay_s, truncate, malformed, drop, lose)
        self._plan(fault, n, path, method)

    def alter(
        self,
        change: Callable[[Any], Any],
        path: Where = None,
        *,
        n: int | None = None,
    ) -> None:
        """Lie in the next *n* answers, or in all: *change* gets the JSON of the right
        one and returns what is sent; refusals pass as they are."""
        self._plan(Fault(change=change), n, path, None)

    def limit_next(
        self,
        n: int = 1,
        path: Where = None,
        *,
        kind: LimitKind = "rails",
        wait_s: int = 7,
    ) -> None:
        """Answer the next *n* requests with one of the forms of 429."""
        answer = {
            "rails": lambda: rails_429(wait_s),
            "tracker": lambda: tracker_429(wait_s),
            "nginx": nginx_429,
            "search": search_429,
        }[kind]()
        self._plan(Fault(answer), n, path, None)

    def at_random(
        self,
        rate: float,
        seed: int,
        kinds: Sequence[RandomKind] = RANDOM_KINDS,
        path: Where = None,
        *,
        delay_s: float = 0.05,
    ) -> None:
        """Spoil each request with probability *rate*, reproducibly per *seed*.

        Args:
            kinds: Chosen among with equal probability; a number is the status of a
                maintenance page, but ``429`` and what begins with it are the three
                forms of too many requests.
            delay_s: How long the kind ``delay`` waits before the right answer.
        """
        with self._lock:
            self._random = random.Random(seed)
            self._rate, self._kinds, self._random_where = rate, kinds, path
            self._random_delay_s = delay_s

    def clear(self) -> None:
        """No more faults, planned or random."""
        with self._lock:
            self._planned.clear()
            self._random = None

    def take(self, method: str, target: str) -> Fault | None:
        """The fault for this request; planned ones go first and are used up."""
        with self._lock:
            for planned in self._planned:
                if planned.method not in {None, method}:
                    continue
                if not _matches(planned.where, target):
                    continue
                if planned.left is not None:
                    planned.left -= 1
                if planned.left == 0:
                    self._planned.remove(planned)
                return planned.fault
            if self._random is None or not _matches(self._random_where, target):
                return None
            if self._random.random() >= self._rate:
                return None
            kind = self._random.choice(self._kinds)
            return _random_fault(kind, self._random_delay_s)

    def _plan(
        self, fault: Fault, n: int | None, where: Where, method: str | None
    ) -> None:
        if n is not None and n < 1:
            raise ValueError(f"n must be >= 1, got {n}")
        with self._lock:
            self._planned.append(_Planned(fault, n, where, method))


def _matches(where: Where, target: str) -> bool:
    if where is None:
        return True
    if isinstance(where, str):
        return target.startswith(where)
    return where.search(target) is not None


def _random_fault(kind: RandomKind, delay_s: float) -> Fault:
    match kind:
        case "429":
            return Fault(rails_429(1))
        case "429-tracker":
            return Fault(tracker_429(1))
        case "429-nginx":
            return Fault(nginx_429())
        case "drop":
            return Fault(drop=True)
        case "lose":
            return Fault(lose=True)
        case "truncate":
            return Fault(truncate=True)
        case "malformed":
            return Fault(malformed=True)
        case "delay":
            return Fault(delay_s=delay_s)
        case _:
            return Fault(text_answer(_BROKEN, int(kind), "text/html; charset=utf-8"))
