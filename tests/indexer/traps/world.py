"""A forum in trouble, what harvests it, and what should then be held of it."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.sandbox import Community, PostType, Sandbox
from indexer.chunk import chunk_document
from indexer.cutting import Chunk
from indexer.discourse import MAX_POSTS, DiscourseClient
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.sources.forum import ForumSource, WalkSettings
from indexer.sources.threads import ForumRules
from kb.store import Store
from kb.types import Document, PassageDraft
from tests.indexer.samples import CHUNKER, by_line

START = datetime(2026, 3, 1, tzinfo=UTC)
Json = dict[str, Any]
# Nothing here is encrypted, and loading certificates takes longer than a test.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Hands:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Thread:
    """A topic as it should be held, or is.

    Attributes:
        posts: ``(id, number, author's id, body, is the solution)`` of each.
        left_out: ``(id, number, why)`` of the posts whose text must not be held.
    """

    title: str
    category: str
    visibility: str
    tags: tuple[str, ...]
    solved: bool
    closed: bool
    posts: tuple[tuple[int, int, int, str, bool], ...]
    left_out: tuple[tuple[int, int, str], ...] = ()


@dataclass
class World:
    """A forum, and a knowledge base that harvests it.

    Attributes:
        waits: Seconds that were waited before a request; the clock goes on by them.
        keyed: Headers with a key, for who is not a visitor.
    """

    url: str
    store: Store
    clock: Hands
    rules: ForumRules = field(default_factory=ForumRules)
    keyed: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    user_agent: str = ""

    def harvest(
        self,
        *,
        full: bool = False,
        recrawl: int = 0,
        max_pages: int = 40,
        max_bytes: int = 20_000_000,
        max_posts: int = MAX_POSTS,
        chunk: Chunk = by_line,
    ) -> RefreshReport:
        with Transport(
            self.url,
            requests_per_second=None,
            sleep=self._wait,
            now=self.clock,
            headers=self.keyed,
            user_agent=self.user_agent,
            max_bytes=max_bytes,
            max_attempts=3,
        ) as transport:
            source = ForumSource(
                "forum",
                DiscourseClient(transport, max_posts=max_posts),
                WalkSettings(
                    rules=self.rules, recrawl_per_day=recrawl, max_pages=max_pages
                ),
                clock=self.clock,
            )
            return refresh(
                source, self.store, chunk, CHUNKER, clock=self.clock, full=full
            )

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.now += timedelta(seconds=seconds)

    # -- what is held ---------------------------------------------------------

    @property
    def keys(self) -> list[int]:
        return sorted(int(key) for key in self.store.documents.states("forum"))

    def document(self, topic_id: int) -> Document:
        found = self.store.holdings("forum").document(str(topic_id))
        assert found is not None
        return found

    def held(self) -> dict[int, Thread]:
        """All that is stored."""
        return {key: _as_held(self.document(key)) for key in self.keys}

    def passages(self, topic_id: int) -> list[str]:
        found = self.store.documents.state("forum", str(topic_id))
        assert found is not None
        return [each.text for each in self.store.passages.of_document(found.id)]

    def aside(self) -> dict[str, str]:
        """What was set aside, with the reasons."""
        items = self.store.progress.all_set_aside("forum")
        return {item.key: item.reason for item in items}

    def waiting(self) -> tuple[int, int]:
        """How many topics have loose posts, and how many must be looked at."""
        known = self.store.holdings("forum")
        return known.count_loose(), len(known.looks())


def _as_held(document: Document) -> Thread:
    return Thread(
        title=document.title,
        category=document.category or "",
        visibility=document.visibility,
        tags=document.tags,
        solved=document.solved,
        closed=document.closed,
        posts=tuple(
            (
                part.external_id or 0,
                part.number,
                part.author_id or 0,
                part.body,
                part.accepted,
            )
            for part in document.parts
        ),
        left_out=tuple((o.external_id, o.number, o.cause) for o in document.left_out),
    )


def shown(community: Community) -> dict[int, Thread]:
    """What any visitor may read of a forum: what should be held of it."""
    about = {category.topic_id for category in community.categories.values()}
    found: dict[int, Thread] = {}
    for topic in community.topics.values():
        if (
            topic.id in about
            or not topic.visible
            or not community.may_list(topic, None)
        ):
            continue
        posts: list[tuple[int, int, int, str, bool]] = []
        left_out: list[tuple[int, int, str]] = []
        for post in community.seen_posts(topic, None):
            cause = "hidden" if post.hidden else "deleted" if post.user_deleted else ""
            if post.type is PostType.SMALL_ACTION:
                cause = "small action"
            if cause:
                left_out.append((post.id, post.number, cause))
                continue
            accepted = post.id in topic.accepted
            posts.append((post.id, post.number, post.user_id, post.cooked, accepted))
        if posts:
            found[topic.id] = Thread(
                title=topic.title,
                category=community.categories[topic.category_id or 0].name,
                visibility="public",
                tags=tuple(topic.tags),
                solved=any(each[-1] for each in posts),
                closed=topic.closed or topic.archived,
                posts=tuple(posts),
                left_out=tuple(left_out),
            )
    return found


# -- what a test may do to the forum, or look at ------------------------------


def without_feed(box: Sandbox) -> None:
    """The forum refuses the posts of all topics: each topic is read by itself."""
    refusal = {"errors": ["No such page."], "error_type": "not_found"}
    box.faults.fail_next(10_000, "/posts.json", status=404, body=json.dumps(refusal))


def alter_posts(box: Sandbox, change: Callable[[Json], Json]) -> None:
    """Change each post in whatever answer holds it; see `Faults.alter`."""

    def of_feed(data: Json) -> Json:
        return {**data, "latest_posts": [change(p) for p in data["latest_posts"]]}

    def of_topic(data: Json) -> Json:
        stream = data["post_stream"]
        posts = [change(post) for post in stream["posts"]]
        return {**data, "post_stream": {**stream, "posts": posts}}

    box.faults.alter(of_feed, "/posts.json")
    box.faults.alter(of_topic, re.compile(r"^/t/\d+(/posts)?\.json"))


def alter_items(box: Sandbox, change: Callable[[Json], Json]) -> None:
    """Change each topic in lists; see `Faults.alter`."""

    def of_list(data: Json) -> Json:
        whole = data["topic_list"]
        topics = [change(item) for item in whole["topics"]]
        return {**data, "topic_list": {**whole, "topics": topics}}

    box.faults.alter(of_list, "/latest.json")


def rows(box: Sandbox) -> list[Json]:
    """The honest list, as a forum of few topics serves it."""
    answer = get(box, "/latest.json?order=activity&per_page=100")
    found: list[Json] = answer["topic_list"]["topics"]
    return found


def get(box: Sandbox, path: str) -> Json:
    """What a visitor is answered."""
    with httpx.Client(trust_env=False, verify=NO_CERTIFICATES) as visitor:
        found: Json = visitor.get(box.url + path).json()
    return found


def relist(box: Sandbox, *pages: list[Json], ends: bool = True) -> None:
    """Serve the list of topics in these pages; the last one for ever, unless it
    *ends*."""
    for number, items in enumerate(pages):
        is_last = number == len(pages) - 1
        which = "" if is_last and not ends else f"page={number}$"
        box.faults.alter(
            _as_page(items, more=not (is_last and ends)),
            re.compile(rf"^/latest\.json.*{which}"),
        )


def _as_page(items: list[Json], *, more: bool) -> Callable[[Json], Json]:
    url = {"more_topics_url": "/latest?page=7"} if more else {}

    def changed(data: Json) -> Json:
        whole = dict(data["topic_list"])
        whole.pop("more_topics_url", None)
        return {**data, "topic_list": {**whole, **url, "topics": items}}

    return changed


def asked(box: Sandbox, since: int = 0) -> list[str]:
    """The paths asked for, without their queries."""
    return [str(each).split()[1].partition("?")[0] for each in box.recorded[since:]]


def topics_asked(box: Sandbox, since: int = 0) -> list[int]:
    """The topics that were read by themselves, in order."""
    found = [re.fullmatch(r"/t/(\d+)\.json", path) for path in asked(box, since)]
    return [int(match[1]) for match in found if match]


def as_passages(document: Document) -> tuple[PassageDraft, ...]:
    """Cut as the program cuts, with words for tokens."""
    return chunk_document(document, count_tokens=lambda text: len(text.split()))
