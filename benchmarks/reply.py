"""How long after a webhook a new question is answered, and can be found itself.

    python benchmarks/reply.py [--questions 8] [--apart 12] [--json]

The sample community runs here, ``baraza run`` and ``baraza serve`` in processes of
their own, as on a server, with the real model and no grace for people. Questions are
posted one by one; watched are the topic, for the bot's reply, and the query endpoint,
for the topic. Seconds count from the moment at which the question was posted, before
its webhook is sent.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sample import BOT, KEY, SECRET, questions, write_config

from bot.sandbox import Sandbox

PATIENCE_S = 60.0
_POLL_S = 0.02
_BARAZA = Path(sys.executable).with_name("baraza")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def schedule() -> dict[str, Any]:
    """Only webhooks call for anything."""
    rarely = {"every": "1h"}
    return {
        "refresh": {"forum": rarely, "docs": {"every": "1d"}},
        "index": rarely,
        "watch": rarely,
    }


@contextmanager
def process(config: Path, *command: str, until: str) -> Iterator[None]:
    """A command that runs for the time of the block, once it has logged *until*."""
    log = config.with_name(f"{command[0]}.log")
    with log.open("wb") as file:
        running = subprocess.Popen(
            [_BARAZA, *command, "--config", config, "--verbose"],
            stdout=file,
            stderr=file,
        )
    try:
        wait_for(lambda: until in log.read_text("utf-8"), running)
        yield
    finally:
        running.terminate()
        running.wait(30)


def wait_for(
    is_so: Callable[[], bool], running: subprocess.Popen[bytes] | None = None
) -> float:
    """Seconds until it is so.

    Raises:
        SystemExit: It never was.
    """
    started = time.monotonic()
    while not is_so():
        is_dead = running is not None and running.poll() is not None
        if is_dead or time.monotonic() - started > 10 * PATIENCE_S:
            raise SystemExit("what is measured does not run; see its log")
        time.sleep(_POLL_S)
    return time.monotonic() - started


def has_reply(box: Sandbox, topic_id: int) -> bool:
    bot = box.community.user(BOT).id
    return any(post.user_id == bot for post in box.community.posts_of(topic_id))


def is_found(api: int, title: str, topic_id: int) -> bool:
    found = httpx.get(
        f"http://127.0.0.1:{api}/api/search",
        params={"q": title, "k": 20, "kind": "thread"},
        trust_env=False,
        timeout=PATIENCE_S,
    )
    return any(f"/t/{topic_id}" in hit["url"] for hit in found.json().get("hits", ()))


def measure(box: Sandbox, api: int, question: dict[str, str]) -> tuple[float, float]:
    """Seconds until it was answered, and until it was found; infinite: it never was."""
    started = time.monotonic()
    topic = box.community.add_topic(
        question["title"], question["raw"], user=question["user"], category="support"
    )
    found_s = float("inf")

    def look() -> None:
        nonlocal found_s
        while time.monotonic() - started < PATIENCE_S:
            if is_found(api, question["title"], topic.id):
                found_s = time.monotonic() - started
                return
            time.sleep(0.1)

    looking = threading.Thread(target=look)
    looking.start()
    answered_s = float("inf")
    while time.monotonic() - started < PATIENCE_S:
        if has_reply(box, topic.id):
            answered_s = time.monotonic() - started
            break
        time.sleep(_POLL_S)
    looking.join()
    return answered_s, found_s


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--apart", type=float, default=12, help="seconds between them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    answerable = [each for each in questions("golden") if each["relevant"]]
    asked = [
        {"title": each["title"], "raw": each["raw"], "user": f"asker_{number}"}
        for number, each in enumerate(answerable[: options.questions])
    ]
    with tempfile.TemporaryDirectory() as name, Sandbox() as box:
        hook, api = free_port(), free_port()
        config = write_config(
            Path(name),
            box,
            schedule=schedule(),
            webhook={"port": hook},
            serve={"port": api},
        )
        os.environ[KEY] = box.key_for(BOT)
        os.environ[SECRET] = "a secret of the benchmark"
        for command in ("harvest", "index"):
            subprocess.run(
                [_BARAZA, command, "--config", config], check=True, capture_output=True
            )
        with (
            process(config, "run", until="running: "),
            process(config, "serve", until="http"),
        ):
            box.webhooks.register(
                f"http://127.0.0.1:{hook}/webhook/forum", os.environ[SECRET]
            )
            is_found(api, "anything", 0)  # The model is loaded with the first search.
            times = []
            for question in asked:
                times.append(measure(box, api, question))
                time.sleep(options.apart)
    answered = [a for a, _ in times if a < PATIENCE_S]
    found = [f for _, f in times if f < PATIENCE_S]
    figures = {
        "questions": len(times),
        "answered": len(answered),
        "answered_median_s": round(statistics.median(answered), 2),
        "answered_max_s": round(max(answered), 2),
        "found": len(found),
        "found_median_s": round(statistics.median(found), 2),
        "found_max_s": round(max(found), 2),
    }
    if options.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:18} {value}")


if __name__ == "__main__":
    main()
