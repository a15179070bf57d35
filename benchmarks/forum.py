"""A forum in a process of its own, so that what reads it is measured alone.

    python benchmarks/forum.py [--topics 5000] [--generation 2026] [--samples FILE]

Says on the first line, as JSON, where it is and what it shows. Then each line that it
reads, as JSON, is answered by a line; it ends when there are no more::

    {"do": "edit", "posts": [7, 9], "text": "…", "after_s": 120}
    {"do": "requests"}
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.sandbox import Community, Library, PostType, Sandbox, Settings
from bot.sandbox.grown import SIZES, Growth, grow
from bot.sandbox.listing import in_feed
from bot.sandbox.serialise import View

# 5,046 real topics had 36,990 posts.
POSTS_PER_TOPIC = 7.4
SAMPLES = (
    Path(__file__).resolve().parents[2] / "shared/discourse/samples/topics.jsonl.gz"
)
_NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = _NOW

    def __call__(self) -> datetime:
        return self.time


def sizes(samples: Path) -> Sequence[int]:
    """Posts of each topic in a file of real ones; a built-in summary without it."""
    if not samples.exists():
        return SIZES
    with gzip.open(samples, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["posts_count"] for line in lines]


def shown(community: Community) -> dict[str, Any]:
    """What visitors see: topics in lists, and ids of posts that are text; *inner* are
    those whose edits move no topic to the top."""
    about = {category.topic_id for category in community.categories.values()}
    topics = [
        topic
        for topic in community.topics.values()
        if community.may_list(topic, None) and topic.id not in about
    ]
    posts = [
        post.id
        for topic in topics
        for post in community.seen_posts(topic, None)
        if post.type in {PostType.REGULAR, PostType.MODERATOR_ACTION}
        and not (post.hidden or post.user_deleted)
    ]
    last = {found.id for topic in topics if (found := community.last_post(topic))}
    return {
        "topics": len(topics),
        "posts": sorted(posts),
        "inner": sorted(set(posts) - last),
        "in_feed": sum(
            in_feed(View(community, Settings()), post)
            for post in community.posts.values()
        ),
        "last_post_id": community.last_post_id,
    }


def edit(community: Community, clock: Clock, order: dict[str, Any]) -> dict[str, Any]:
    """Rewrite posts; versions and bumps follow the forum's own rules."""
    clock.time += timedelta(seconds=order["after_s"])
    edited = {}
    for post_id in order["posts"]:
        post = community.posts[post_id]
        topic = community.topics[post.topic_id]
        before = (post.version, topic.bumped_at)
        community.edit_post(post_id, f"{order['text']}\n\n{post.raw}")
        edited[post_id] = {
            "topic": topic.id,
            "silent": before == (post.version, topic.bumped_at),
        }
    return edited


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--topics", type=int, default=5_000)
    parser.add_argument("--generation", choices=("2022", "2026"), default="2026")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    options = parser.parse_args()
    clock = Clock()
    growth = Growth(
        topics=options.topics,
        posts=round(options.topics * POSTS_PER_TOPIC),
        longest=min(1_200, options.topics),
        seed=options.seed,
        sizes=sizes(options.samples),
    )
    community = grow(Community.empty(clock), growth)
    settings = Settings(generation=options.generation)
    with Sandbox(community, settings, library=Library()) as box:
        say({"url": box.url, **shown(community)})
        for line in sys.stdin:
            order = json.loads(line)
            if order["do"] == "edit":
                say(edit(community, clock, order))
            else:
                say({"requests": len(box.recorded)})


def say(content: dict[Any, Any]) -> None:
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    main()
