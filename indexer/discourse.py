"""A Discourse forum, read only."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from indexer import wire
from indexer.channel import MOVED, Params
from indexer.http import Transport
from indexer.wire import Category, FeedPage, Posts, TopicList, TopicPage
from kb.errors import ForumProtocolError, ForumRejectedError, RecordError
from kb.types import PostId, TopicId

log = logging.getLogger(__name__)

# The server takes any number; a URL may not be much longer than this makes it.
POSTS_PER_REQUEST = 50
# The most that a server gives; elder ones ignore the wish and give 30.
TOPICS_PER_PAGE = 100
# The most that a topic may have; forums close them at a tenth of it.
MAX_POSTS = 100_000
# Answers in a row without any of the posts that were asked for: then the others that
# the topic lists are not served either.
_MAX_EMPTY_ANSWERS = 3
# Posts of one page of the feed, or post ids of one window of an elder server's.
FEED_PAGE = 50
# Beside the HTML, to tell a translation from the original.
_WITH_RAW = ("include_raw", "true")
# A forum that translates posts serves anonymous readers the original with this.
_ORIGINALS = {"Cookie": "automatically_translate=false"}


class DiscourseClient:
    """Reads categories, lists of topics and whole topics.

    Every method raises the errors of `Channel.request` and `Transport.get_json`.

    Args:
        max_posts: A topic that has more is not read.
    """

    def __init__(self, transport: Transport, *, max_posts: int = MAX_POSTS) -> None:
        self._transport = transport
        self._max_posts = max_posts

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    @property
    def requests(self) -> int:
        return self._transport.requests

    def categories(self) -> tuple[Category, ...]:
        """The categories that we may see; a large forum may name only some.

        Raises:
            ForumProtocolError: The answer is not a list of categories.
        """
        path = "/site.json"
        data = self._get(path)
        if isinstance(data, dict) and "categories" not in data:
            # Forums with very many categories leave them out here.
            path = "/categories.json"
            data = self._get(path, {"include_subcategories": "true"})
        try:
            return wire.read_categories(data, path)
        except RecordError as exc:
            raise self._protocol_error(path, exc) from exc

    def category(self, category_id: int) -> Category | None:
        """One category, or ``None`` when it does not exist for us."""
        path = f"/c/{category_id}/show.json"
        try:
            data = self._get(path)
        except ForumRejectedError as exc:
            # Only Discourse's own word counts: a proxy's page knows no categories.
            if exc.status in {403, 404} and exc.error_type is not None:
                return None
            raise
        item = data.get("category") if isinstance(data, dict) else None
        try:
            found = wire.read_categories({"categories": [item]}, path)
        except RecordError as exc:
            raise self._protocol_error(path, exc) from exc
        return found[0]

    def feed(self, before: PostId | None = None) -> FeedPage:
        """The newest public posts of all topics that we may see, newest first.

        Some 50 of them; an elder server gives those among the last 50 *ids*, which
        may be none in the middle of its history.

        Args:
            before: Only this post and elder ones.

        Raises:
            ForumProtocolError: The answer is not a list of posts.
        """
        path = "/posts.json"
        data = self._get(path, {} if before is None else {"before": before})
        where = path if before is None else f"{path}?before={before}"
        try:
            return wire.read_feed(data, where)
        except RecordError as exc:
            raise self._protocol_error(path, exc) from exc

    def latest(self, page: int, *, per_page: int = TOPICS_PER_PAGE) -> TopicList:
        """One page of topics, the latest activity first.

        The list moves while it is read: a topic may be met twice, or slip past.

        Args:
            page: Counted from 0. A page past the end is empty.
            per_page: A wish; an elder server gives 30.

        Raises:
            ForumProtocolError: The answer is not a list of topics.
        """
        path = "/latest.json"
        data = self._get(
            path, {"order": "activity", "per_page": per_page, "page": page}
        )
        try:
            return wire.read_topic_list(data, f"{path}?page={page}")
        except RecordError as exc:
            raise self._protocol_error(path, exc) from exc

    def topic(self, topic_id: TopicId, *, have: Collection[int] = ()) -> TopicPage:
        """A topic with all its posts, by number.

        Posts that the forum lists but does not serve, asked twice, are left out:
        they were deleted in between.

        Args:
            have: Ids of posts that need no request of their own; those that come
                along are in the result all the same.

        Raises:
            ForumRejectedError: It is not there for us. Its ``error_type`` is
                ``moved`` when the forum leads to another topic instead.
            ForumProtocolError: It does not end.
            RecordError: A field of the topic, or what tells its posts apart, is bad.
        """
        path = f"/t/{topic_id}.json"
        topic = wire.read_topic(self._get(path, [_WITH_RAW]), path)
        if topic.id != topic_id:
            raise ForumRejectedError(
                self.base_url + path,
                301,
                f"leads to topic {topic.id}",
                error_type=MOVED,
            )
        if topic.stream is None:
            parts = [topic.posts, *self._following(topic_id, topic.posts.last_number)]
        else:
            parts = [topic.posts, *self._listed(topic_id, topic, have)]
        return replace(topic, posts=_merged(parts))

    def _listed(
        self, topic_id: TopicId, topic: TopicPage, have: Collection[int]
    ) -> Iterator[Posts]:
        missing = _without(topic.stream or (), {*topic.posts.met, *have})
        self._refuse_endless(topic_id, len(missing))
        for _ in range(2):
            met: set[PostId] = set()
            empty = 0
            for start in range(0, len(missing), POSTS_PER_REQUEST):
                some = missing[start : start + POSTS_PER_REQUEST]
                posts = self._posts(topic_id, [("post_ids[]", i) for i in some])
                met.update(posts.met)
                yield posts
                empty = 0 if met.intersection(some) else empty + 1
                if empty >= _MAX_EMPTY_ANSWERS:
                    break
            # From the end, the second time: what stopped us may be a gap.
            missing = _without(missing, met)[::-1]
        if missing:
            log.info("topic=%d listed but not served: %d posts", topic_id, len(missing))

    def _following(self, topic_id: TopicId, number: int) -> Iterator[Posts]:
        """The rest of a topic so long that it comes without a list of its posts."""
        count = 0
        while True:
            posts = self._posts(topic_id, [("post_number", number), ("asc", "true")])
            if posts.last_number <= number:
                return
            yield posts
            number = posts.last_number
            count += len(posts.met)
            self._refuse_endless(topic_id, count)

    def _refuse_endless(self, topic_id: TopicId, posts: int) -> None:
        if posts > self._max_posts:
            raise ForumProtocolError(
                f"{self.base_url}/t/{topic_id}.json",
                f"does not end after {self._max_posts:,} posts",
            )

    def _posts(self, topic_id: TopicId, params: list[tuple[str, str | int]]) -> Posts:
        path = f"/t/{topic_id}/posts.json"
        data = self._get(path, [*params, _WITH_RAW])
        return wire.read_posts(data, path, topic_id)

    def _get(self, path: str, params: Params | None = None) -> Any:
        return self._transport.get_json(path, params, headers=_ORIGINALS)

    def _protocol_error(self, path: str, exc: RecordError) -> ForumProtocolError:
        return ForumProtocolError(self.base_url + path, exc.problem, field=exc.field)


def _without(ids: Sequence[PostId], met: Iterable[int]) -> list[PostId]:
    """Ids that are not in *met*, in order, each once."""
    done = set(met)
    return [i for i in dict.fromkeys(ids) if i not in done]


def _merged(parts: Sequence[Posts]) -> Posts:
    """All posts, each once; what one answer leaves out, no other brings back."""
    dropped = {item.external_id: item for part in parts for item in part.dropped}
    broken = {
        item.external_id: item
        for part in parts
        for item in part.broken
        if item.external_id not in dropped
    }
    kept = {
        post.id: post
        for part in parts
        for post in part.kept
        if post.id not in dropped and post.id not in broken
    }
    return Posts(
        kept=tuple(sorted(kept.values(), key=lambda post: post.number)),
        met=tuple(i for part in parts for i in part.met),
        last_number=max(part.last_number for part in parts),
        dropped=tuple(dropped.values()),
        broken=tuple(broken.values()),
    )
