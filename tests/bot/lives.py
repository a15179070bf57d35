"""Many short lives of one bot, each killed at a step of its own.

Run as ``python -m tests.bot.lives STORE URL KEY MODE``. Each line on stdin is a JSON
object: ``die`` is the step at which the life ends as by ``kill -9`` (0: it lives on to
its end), ``now`` is the time by its clock. After each life a JSON line tells how it
ended. A step is the moment before or after a request, and before or after a commit.

One process imports everything, and each life is a fork of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from bot.compose import compose
from bot.config import Mode
from bot.forum import LiveForum
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.topic import TopicView
from indexer.answers import Answer
from indexer.channel import Channel
from kb.errors import KBError
from kb.question import Question
from kb.store import Store
from kb.types import SearchHit, TopicId
from tests.bot.making import NOW, hit

SURVIVED, FAILED = 0, 3
SILENT = "nothing"


class Steps:
    """Counts the steps of a life, and ends it at one of them."""

    def __init__(self, die: int) -> None:
        self.taken = 0
        self._die = die

    def take(self) -> None:
        self.taken += 1
        if self.taken == self._die:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalChannel(Channel):
    """Steps before and after each request."""

    steps: Steps

    def request(self, *args: Any, **options: Any) -> Answer:
        self.steps.take()
        try:
            return super().request(*args, **options)
        finally:
            self.steps.take()


class MortalStore(Store):
    """Steps before and after each commit."""

    steps: Steps

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with super().transaction():
            yield
            self.steps.take()
        self.steps.take()


def find(topic: TopicView, question: Question) -> Sequence[SearchHit]:
    """The same for every topic, but for those that nothing is found for."""
    return [] if SILENT in topic.title else [hit()]


def live(path: str, url: str, key: str, mode: Mode, steps: Steps, now: str) -> int:
    """One life: a watch over the forum.

    Returns:
        Its exit status.
    """
    moment = datetime.fromisoformat(now)
    headers = {"Api-Key": key, "Api-Username": "baraza"}
    with (
        MortalChannel(
            url,
            headers=headers,
            requests_per_second=None,
            timeout_s=5,
            max_attempts=2,
            sleep=lambda _seconds: None,
        ) as channel,
        MortalStore.open(Path(path)) as store,
    ):
        channel.steps = store.steps = steps
        responder = Responder(
            "forum",
            forum=LiveForum(channel, "baraza"),
            store=store,
            find=find,
            languages=["en"],
            settings=PolicySettings(
                "baraza",
                0.5,
                max_replies_per_hour=1000,
                max_replies_per_day=1000,
                max_replies_per_author=1000,
                max_topics_per_author=1000,
            ),
            mode=mode,
            community="Example Forum",
            clock=lambda: moment,
            draft_expires=timedelta(days=30),
        )
        try:
            responder.watch()
        except KBError:
            return FAILED
    return SURVIVED


def main(path: str, url: str, key: str, mode: str) -> None:
    # What takes long the first time is no part of any life.
    Channel(url).close()
    compose(
        [hit()],
        topic_id=TopicId(1),
        question="",
        language="en",
        community="Example Forum",
        at=NOW,
    )
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            steps = Steps(order["die"])
            status = live(path, url, key, cast("Mode", mode), steps, order["now"])
            os.write(writing, str(steps.taken).encode())
            # Nothing of the parent's is flushed or closed twice.
            os._exit(status)
        os.close(writing)
        _, ended = os.waitpid(child, 0)
        taken = os.read(reading, 20)
        os.close(reading)
        told = {
            "killed": os.WIFSIGNALED(ended),
            "status": os.waitstatus_to_exitcode(ended),
            "steps": int(taken or 0),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
