"""A forum, and a knowledge base that harvests it: what tests of walks share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox import Community, Sandbox
from bot.sandbox.records import Topic
from indexer.discourse import DiscourseClient
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.sources.forum import ForumSource, WalkSettings
from indexer.sources.position import Position
from indexer.sources.threads import ForumRules
from kb.store import Store
from kb.types import Document
from tests.indexer.loopback import Loopback, Reply, as_json
from tests.indexer.samples import CHUNKER, by_line, content

START = datetime(2026, 3, 1, tzinfo=UTC)


class Hands:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    """A forum, and a knowledge base that harvests it."""

    url: str
    store: Store
    clock: Hands
    rules: ForumRules = field(default_factory=ForumRules)
    headers: dict[str, str] = field(default_factory=dict)
    recrawl: int = 0
    waits: list[float] = field(default_factory=list)

    def harvest(
        self,
        *,
        full: bool = False,
        accept_deletions: bool = False,
        max_bytes: int = 20_000_000,
        max_attempts: int = 3,
        **settings: Any,
    ) -> RefreshReport:
        """One refresh; *settings* are those of the walk."""
        settings = {"max_pages": 100, "recrawl_per_day": self.recrawl, **settings}
        with Transport(
            self.url,
            requests_per_second=None,
            sleep=self.waits.append,
            headers=self.headers,
            max_bytes=max_bytes,
            max_attempts=max_attempts,
        ) as transport:
            source = ForumSource(
                "forum",
                DiscourseClient(transport),
                WalkSettings(rules=self.rules, **settings),
                clock=self.clock,
            )
            return refresh(
                source,
                self.store,
                by_line,
                CHUNKER,
                clock=self.clock,
                full=full,
                accept_deletions=accept_deletions,
            )

    def differences(self) -> dict[str, tuple[str, ...]]:
        """What is not held as the forum has it, by topic."""
        with Transport(
            self.url, requests_per_second=None, headers=self.headers
        ) as transport:
            client = DiscourseClient(transport)
            source = ForumSource("forum", client, WalkSettings(rules=self.rules))
            verifier = source.verifier(self.store.holdings("forum"))
            checked = [verifier.check(key) for key in verifier.keys(sample=None)]
        return {each.key: each.differences for each in checked if each.differences}

    @property
    def keys(self) -> list[int]:
        return sorted(int(key) for key in self.store.documents.states("forum"))

    def document(self, topic_id: int) -> Document:
        found = self.store.documents.state("forum", str(topic_id))
        assert found is not None
        document = self.store.documents.load(found.id)
        assert document is not None
        return document

    def numbers(self, topic_id: int) -> list[int]:
        """Numbers of the posts that are held of a topic."""
        return [part.number for part in self.document(topic_id).parts]

    def aside(self) -> list[tuple[str, str]]:
        items = self.store.progress.all_set_aside("forum")
        return [(item.key, item.reason) for item in items]

    @property
    def position(self) -> Position:
        found = Position.load(self.store.progress.source("forum").cursor)
        assert found is not None
        return found


def ids(topics: Iterable[Any]) -> list[int]:
    return sorted(topic.id for topic in topics)


def asked(box: Sandbox | Loopback, since: int = 0) -> list[str]:
    """The paths that were asked for, without their queries."""
    paths = [request.partition("?")[0] for request in box.requests[since:]]
    return [path.removeprefix("GET ") for path in paths]


def topics_asked(box: Sandbox | Loopback, since: int = 0) -> list[int]:
    """Topics that were read by themselves."""
    found = [re.fullmatch(r"/t/(\d+)\.json", path) for path in asked(box, since)]
    return [int(each[1]) for each in found if each]


def complicate(community: Community, *topics: Topic) -> None:
    """Close topics: that leaves a small action, which only the topic itself tells."""
    for topic in topics:
        community.set_status(topic.id, "closed", enabled=True)


def without_feed(box: Sandbox) -> None:
    """From now on the forum has no feed of posts, as if its proxy refused it."""
    box.faults.fail_next(1_000_000, "/posts.json", status=404)


def as_readers_see(store: Store) -> list[object]:
    """All that a store holds of the forum, but for what reading it changes."""
    return [
        (replace(item[0], views=0, verified_at=None, revision=""), *item[1:])
        if isinstance(item, tuple) and isinstance(item[0], Document)
        else item
        for item in content(store, "forum")
    ]


# -- a scripted forum --------------------------------------------------------

SUPPORT = {"id": 3, "name": "Support", "slug": "support", "read_restricted": False}


def listed(number: int, days_ago: int = 0, **changes: Any) -> dict[str, Any]:
    """A topic as a list shows it."""
    at = (START - timedelta(days=days_ago)).isoformat()
    return {
        "id": number,
        "title": f"Topic {number}",
        "category_id": 3,
        "bumped_at": at,
        "created_at": at,
        "posts_count": 1,
        **changes,
    }


def page(*items: Any, more: bool = False) -> Reply:
    url = "/latest?page=1" if more else None
    return as_json({"topic_list": {"topics": list(items), "more_topics_url": url}})


def post(number: int, **changes: Any) -> dict[str, Any]:
    """The only post of the topic with the same number."""
    return {
        "id": number,
        "post_number": 1,
        "cooked": "<p>Hello there</p>",
        "created_at": START.isoformat(),
        **changes,
    }


def serve(server: Loopback, pages: Sequence[Reply], topics: Iterable[int]) -> None:
    """Serve lists of topics, and topics of one post each."""
    for number, reply in enumerate(pages):
        for per_page in (30, 100):
            query = f"order=activity&per_page={per_page}&page={number}"
            server.on(f"/latest.json?{query}", reply)
    for number in topics:
        stream = {"posts": [post(number)], "stream": [number]}
        data = {"id": number, "title": f"Topic {number}", "category_id": 3}
        server.on(f"/t/{number}.json", as_json({**data, "post_stream": stream}))


def feed(server: Loopback, *numbers: int, **changes: Any) -> None:
    """Serve the posts of topics as `serve` makes them in one page of the feed."""
    posts = [
        post(
            number,
            **{
                "topic_id": number,
                "topic_title": f"Topic {number}",
                "category_id": 3,
                **changes,
            },
        )
        for number in sorted(numbers, reverse=True)
    ]
    server.on("/posts.json", as_json({"latest_posts": posts}))
    for before in range(min(numbers, default=1)):
        empty = as_json({"latest_posts": []})
        server.on(f"/posts.json?before={before}", empty)


def scripted_topic(server: Loopback, number: int) -> Any:
    """What the scripted forum serves as a topic, to be changed."""
    return json.loads(server.answer(f"/t/{number}.json").body)
