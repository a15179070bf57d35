"""The peer's way: the list of topics by 30, then one request for each topic.

The best public connector reads no further, and so sees 20 posts of each topic at most;
the complete variant goes on by pages of 20.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from tqdm import tqdm


@dataclass(slots=True)
class Walk:
    """What was asked and found.

    Attributes:
        requests: With the first page of each topic only.
        further: Requests for its other pages.
        first: Ids of the posts on first pages.
        rest: Ids of the posts on the others.
    """

    requests: int = 0
    further: int = 0
    first: set[int] = field(default_factory=set)
    rest: set[int] = field(default_factory=set)


def walk(url: str, topics: int) -> Walk:
    """Read the whole forum at *url*, which has some *topics*."""
    found = Walk()
    with httpx.Client(base_url=url, trust_env=False) as web:
        for topic_id in tqdm(_listed(web, found), "peer", topics, leave=False):
            found.requests += 1
            stream = _json(web, f"/t/{topic_id}.json")["post_stream"]
            found.first.update(post["id"] for post in stream["posts"])
            for page in range(2, -(-len(stream["stream"]) // 20) + 1):
                found.further += 1
                stream = _json(web, f"/t/{topic_id}.json?page={page}")["post_stream"]
                found.rest.update(post["id"] for post in stream["posts"])
    return found


def _listed(web: httpx.Client, found: Walk) -> Iterator[int]:
    met: set[int] = set()
    path: str | None = "/latest.json?page=0"
    page = 0
    while path is not None:
        found.requests += 1
        topics = _json(web, path)["topic_list"]
        for topic in topics["topics"]:
            if topic["id"] not in met:
                met.add(topic["id"])
                yield topic["id"]
        page += 1
        path = f"/latest.json?page={page}" if "more_topics_url" in topics else None


def _json(web: httpx.Client, path: str) -> Any:
    return web.get(path).raise_for_status().json()
