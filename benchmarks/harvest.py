"""What reading a whole forum costs, beside the peer's way, in one run.

    python benchmarks/harvest.py [--topics 5000] [--generation 2022|2026] [--json]

The forum is grown (`bot.sandbox.grown`) and served by another process; numbers of
posts per topic are drawn from real topics where those lie beside the checkout, else
from a built-in summary of them. Each harvest runs in a process of its own, so that its
peak memory is its own. Nothing is paced: requests are what counts, seconds tell how
fast this machine parses and stores.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import peer
from harvester import NAME, harvest
from tqdm import tqdm

from kb.store import Store
from kb.types import utc_now

_HERE = Path(__file__).resolve().parent
GENERATIONS = ("2026", "2022")
# What `baraza run` does by default: refreshes, and requests a day for silent changes.
EVERY = timedelta(minutes=15)
BUDGET_PER_DAY = 2_000
FEED = 50
# Edited posts, by how much of the forum is older than they are.
AGES = (0.9, 0.5, 0.1)
FIRST_EDIT, SECOND_EDIT = "Edited before the harvest.", "Edited after it, silently."


class Forum:
    """A running `benchmarks/forum.py`.

    Attributes:
        posts: Ids of the posts that visitors see as text.
        inner: Those that are not the last of their topic, oldest first.
        feed_pages: What reading the whole stream of posts takes.
    """

    def __init__(self, topics: int, generation: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(_HERE / "forum.py"),
                *("--topics", str(topics), "--generation", generation),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self._heard()
        self.url: str = told["url"]
        self.topics: int = told["topics"]
        self.posts: set[int] = set(told["posts"])
        self.inner: list[int] = told["inner"]
        # Elder servers answer with windows of ids, whatever is in them.
        ids = told["last_post_id"] if generation == "2022" else told["in_feed"]
        self.feed_pages = math.ceil(ids / FEED)

    def edit(self, posts: Iterable[int], text: str, after_s: int) -> Mapping[str, Any]:
        return self._ask(do="edit", posts=list(posts), text=text, after_s=after_s)

    @property
    def requests(self) -> int:
        return int(self._ask(do="requests")["requests"])

    def _ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the forum ended with code {self._process.wait()}")
        told: dict[str, Any] = json.loads(line)
        return told

    def close(self) -> None:
        # The end of its orders is the forum's sign to stop.
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(topics: int, generation: str) -> Iterator[Forum]:
    forum = Forum(topics, generation)
    try:
        yield forum
    finally:
        forum.close()


def backfill(forum: Forum, database: Path) -> dict[str, Any]:
    """The first harvest, as a process; its figures, checked against the forum's."""
    before = forum.requests
    command = (sys.executable, str(_HERE / "harvester.py"), forum.url, str(database))
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(result.stdout)
    assert figures["requests"] == forum.requests - before
    found = stored_posts(database)
    return figures | {
        "requests_per_topic": round(figures["requests"] / forum.topics, 3),
        "posts_stored": len(found & forum.posts),
        "posts_too_many": len(found - forum.posts),
        "posts_visible": len(forum.posts),
    }


def stored_posts(database: Path) -> set[int]:
    with Store.open(database) as store:
        loaded = (
            store.documents.load(state.id)
            for state in store.documents.states(NAME).values()
        )
        return {
            part.external_id
            for document in loaded
            if document is not None
            for part in document.parts
            if part.external_id is not None
        }


@dataclass(slots=True)
class JumpingClock:
    """The time now, and what is made of it to have *passed*."""

    start: datetime = field(default_factory=utc_now)
    passed: timedelta = timedelta()

    def __call__(self) -> datetime:
        return self.start + self.passed


def search_for_edits(
    forum: Forum, database: Path, edited: Mapping[str, Any]
) -> dict[str, Any]:
    """Refresh on schedule, by a clock that jumps, until all silent edits are stored.

    Returns:
        Requests for looking again and hours until each was found, from the newest
        post to the oldest.
    """
    requests: dict[str, int] = {}
    hours: dict[str, float] = {}
    clock, spent = JumpingClock(), 0
    # Reading everything as the peer does must have found them.
    limit = 2 * forum.topics + forum.feed_pages
    with tqdm(desc="edits", total=len(edited), leave=False) as bar:
        while len(requests) < len(edited) and spent < limit:
            clock.passed += EVERY
            report = harvest(
                forum.url, database, recrawl_per_day=BUDGET_PER_DAY, clock=clock
            )
            spent += report.phases.get("again", 0)
            for post_id, fact in edited.items():
                if post_id not in requests and holds(
                    database, str(fact["topic"]), int(post_id)
                ):
                    requests[post_id] = spent
                    hours[post_id] = clock.passed / timedelta(hours=1)
                    bar.update()
    return {
        "found_after_requests": [requests.get(post_id) for post_id in edited],
        "found_after_hours": [hours.get(post_id) for post_id in edited],
        "bound_requests": forum.feed_pages,
        "bound_hours": round(24 * forum.feed_pages / BUDGET_PER_DAY, 1),
    }


def holds(database: Path, key: str, post_id: int) -> bool:
    """Whether the new text of a post is stored."""
    with Store.open(database) as store:
        state = store.documents.state(NAME, key)
        document = store.documents.load(state.id) if state else None
        return document is not None and any(
            part.external_id == post_id and SECOND_EDIT in part.body
            for part in document.parts
        )


def measure(topics: int, generation: str, database: Path) -> dict[str, Any]:
    """All figures for one age of the server's software."""
    with running(topics, generation) as forum:
        chosen = [forum.inner[int(age * len(forum.inner))] for age in AGES]
        forum.edit(chosen, FIRST_EDIT, after_s=0)
        ours = backfill(forum, database)
        idle = harvest(forum.url, database)
        edited = forum.edit(chosen, SECOND_EDIT, after_s=120)
        assert all(fact["silent"] for fact in edited.values()), edited
        edits = search_for_edits(forum, database, edited)
        theirs = peer.walk(forum.url, forum.topics)
    all_of_theirs = theirs.requests + theirs.further
    return {
        "topics": forum.topics,
        "ours": ours,
        "idle_poll_requests": idle.requests,
        "edits": edits,
        "peer": {
            "requests": theirs.requests,
            "requests_per_topic": round(theirs.requests / forum.topics, 3),
            "posts": len(theirs.first & forum.posts),
            "ratio": round(theirs.requests / ours["requests"], 2),
        },
        "peer_complete": {
            "requests": all_of_theirs,
            "requests_per_topic": round(all_of_theirs / forum.topics, 3),
            "posts": len((theirs.first | theirs.rest) & forum.posts),
            "ratio": round(all_of_theirs / ours["requests"], 2),
        },
    }


def shown(generation: str, figures: Mapping[str, Any]) -> str:
    """The figures of one generation as a table in Markdown."""
    ours, edits = figures["ours"], figures["edits"]
    visible = ours["posts_visible"]

    def row(name: str, asked: int, per_topic: float, posts: int, more: str) -> str:
        share = f"{posts:,} ({100 * posts / visible:.1f} %)"
        return f"| {name} | {asked:,} | {per_topic:.3f} | {share} | {more} |"

    by_peer, by_all = figures["peer"], figures["peer_complete"]
    found = ", ".join(str(count) for count in edits["found_after_requests"])
    hours = ", ".join(f"{each}" for each in edits["found_after_hours"])
    return "\n".join(
        (
            f"Server of {generation}: {figures['topics']:,} topics, {visible:,} posts "
            "that are text",
            "",
            "| backfill | requests | per topic | posts found | requests, ours = 1 |",
            "| --- | ---: | ---: | ---: | ---: |",
            row(
                "`baraza harvest`",
                ours["requests"],
                ours["requests_per_topic"],
                ours["posts_stored"],
                "1",
            ),
            row(
                "peer: one request a topic",
                by_peer["requests"],
                by_peer["requests_per_topic"],
                by_peer["posts"],
                str(by_peer["ratio"]),
            ),
            row(
                "peer, all pages of 20",
                by_all["requests"],
                by_all["requests_per_topic"],
                by_all["posts"],
                str(by_all["ratio"]),
            ),
            "",
            f"Posts stored that are not shown: {ours['posts_too_many']}. "
            f"Backfill {ours['seconds']:.0f} s, peak memory {ours['peak_mib']} MiB.",
            f"Idle poll: {figures['idle_poll_requests']} requests.",
            "Silent edits of a new, a middle and an old post found after "
            f"{found} requests for looking again, {hours} hours by the clock of the "
            f"schedule; at {BUDGET_PER_DAY:,} a day the {edits['bound_requests']} "
            f"pages of the stream take {edits['bound_hours']} hours.",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--topics", type=int, default=5_000)
    parser.add_argument("--generation", choices=GENERATIONS, help="else both")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # Who ends this ends its processes too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    generations = (options.generation,) if options.generation else GENERATIONS
    few = max(2, options.topics // 5)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for generation in generations:
            figures[generation] = measure(
                options.topics, generation, folder / f"{generation}.db"
            )
        with running(few, generations[0]) as forum:
            small = backfill(forum, folder / "few.db")
    large = figures[generations[0]]["ours"]
    memory = {
        "topics": [few, options.topics],
        "idle_mib": [small["idle_mib"], large["idle_mib"]],
        "peak_mib": [small["peak_mib"], large["peak_mib"]],
        "ratio": round(large["peak_mib"] / small["peak_mib"], 2),
    }
    if options.json:
        print(json.dumps({"generations": figures, "memory": memory}))
        return
    for generation in generations:
        print(shown(generation, figures[generation]), end="\n\n")
    print(
        f"Peak memory: {small['peak_mib']} MiB for {few:,} topics, "
        f"{large['peak_mib']} MiB for {options.topics:,} (ratio {memory['ratio']}); "
        f"{large['idle_mib']} MiB before the first request."
    )


if __name__ == "__main__":
    main()
