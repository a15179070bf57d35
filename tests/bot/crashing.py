"""A responder in a process of its own, which may be told to die on the way.

Run as ``python -m tests.bot.crashing STORE URL KEY TOPIC WHEN``; *WHEN* is one of
``never``, ``before`` (the post) and ``after`` (it, before its confirmation).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from bot.forum import LiveForum, Reply
from bot.policy import PolicySettings
from bot.responder import Responder
from indexer.channel import Channel
from kb.store import Store
from kb.types import TopicId
from tests.bot.making import NOW, hit


class MortalForum(LiveForum):
    """Dies at a given point of posting, as by ``kill -9``."""

    when = "never"

    def reply(
        self, topic_id: TopicId, markdown: str, marker: str, *, whisper: bool = False
    ) -> Reply:
        if self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        reply = super().reply(topic_id, markdown, marker, whisper=whisper)
        if self.when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return reply


def main(path: str, url: str, key: str, topic_id: str, when: str) -> None:
    headers = {"Api-Key": key, "Api-Username": "baraza"}
    with (
        Channel(url, headers=headers, requests_per_second=None) as channel,
        Store.open(Path(path)) as store,
    ):
        forum = MortalForum(channel, "baraza")
        forum.when = when
        responder = Responder(
            "forum",
            forum=forum,
            store=store,
            find=lambda _topic, _text: [hit()],
            languages=["en"],
            settings=PolicySettings("baraza", 0.5),
            mode="public",
            community="Example Forum",
            clock=lambda: NOW,
        )
        sys.stdin.readline()  # Racers start together.
        sys.stdout.write(responder.respond(TopicId(int(topic_id))).state)


if __name__ == "__main__":
    main(*sys.argv[1:])
