"""All real payloads at hand are read, and no post of them is lost.

They lie beside the checkout on some machines only; skipped elsewhere.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from typing import Any

import pytest

from indexer.wire import Post, read_feed, read_posts, read_topic, read_topic_list
from kb.types import LeftOut
from tests.conftest import shared_path

Json = dict[str, Any]


@cache
def samples(name: str) -> tuple[Json, ...]:
    path = shared_path(f"discourse/samples/{name}.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def why_not(post: Json) -> str:
    """Why a post's text must not be kept, read from the payload by hand."""
    if post["post_type"] not in {1, 2}:
        return {3: "small action", 4: "whisper"}[post["post_type"]]
    if post["hidden"] or post.get("cooked_hidden"):
        return "hidden"
    return "deleted" if post["user_deleted"] or post["deleted_at"] else ""


def expected(post: Json) -> tuple[int, int, str] | Json:
    """A post as it should be read: what is left out, or all its fields."""
    cause = why_not(post)
    if cause:
        return post["id"], post["post_number"], cause
    likes = [a.get("count", 0) for a in post["actions_summary"] if a["id"] == 2]
    return {
        "id": post["id"],
        "number": post["post_number"],
        "body": post["cooked"],
        "format": "html",
        "user_id": post["user_id"],
        "username": post["username"],
        "reply_to": post["reply_to_post_number"],
        "likes": sum(likes),
        "accepted": post.get("accepted_answer"),
        "staff": post["admin"] or post["moderator"] or post["staff"],
    }


def _id(content: Post | LeftOut) -> int:
    return content.external_id if isinstance(content, LeftOut) else content.id


def as_read(content: Post | LeftOut) -> tuple[int, int, str] | Json:
    if isinstance(content, LeftOut):
        return content.external_id, content.number, content.cause
    names = (
        "id", "number", "body", "format", "user_id", "username", "reply_to", "likes",
        "accepted", "staff",
    )  # fmt: skip
    return {name: getattr(content, name) for name in names}


def test_every_post_of_every_real_topic_is_kept_or_left_out_with_its_cause() -> None:
    read, causes = 0, Counter[str]()
    for data in samples("topics"):
        topic = read_topic(data, f"/t/{data['id']}.json")
        posts = data["post_stream"]["posts"]

        contents: list[Post | LeftOut] = [*topic.posts.kept, *topic.posts.dropped]
        assert topic.posts.broken == ()
        assert sorted(topic.posts.met) == sorted(post["id"] for post in posts)
        found = {_id(content): as_read(content) for content in contents}
        assert found == {post["id"]: expected(post) for post in posts}
        assert (topic.id, topic.title) == (data["id"], data["title"])
        assert topic.stream == tuple(data["post_stream"]["stream"])
        assert topic.category_id == data["category_id"]
        assert (topic.visible, topic.closed, topic.archived) == (
            data["visible"],
            data["closed"],
            data["archived"],
        )
        solution = data.get("accepted_answer")
        assert topic.accepted == ({solution["post_number"]} if solution else set())
        read += len(topic.posts.kept)
        causes.update(item.cause for item in topic.posts.dropped)
    assert len(samples("topics")) == 297
    assert read > 1000
    assert set(causes) <= {"small action", "hidden", "deleted", "whisper"}


def test_every_real_post_of_a_feed_is_kept_or_left_out_with_its_cause() -> None:
    posts = samples("posts")
    page = read_feed({"latest_posts": list(posts)}, "/posts.json")

    assert (len(posts), page.broken, page.nameless) == (300, (), 0)
    # One post was sampled twice.
    by_id = {post["id"]: post for post in reversed(posts)}
    assert set(page.ids) == set(by_id)
    assert len(page.posts) == len(by_id)
    for found in page.posts:
        post = by_id[found.id]
        assert as_read(found.content) == expected(post)
        assert (found.topic_id, found.category_id, found.title) == (
            post["topic_id"],
            post["category_id"],
            post["topic_title"],
        )


def test_the_posts_of_real_topics_are_read_alike_by_all_roads() -> None:
    """As a chunk of the topic, and as they would stand in the feed of all topics."""
    for data in samples("topics"):
        posts = data["post_stream"]["posts"]
        topic = read_topic(data, "/t.json").posts

        assert read_posts({"post_stream": {"posts": posts}}, "/x", data["id"]) == topic

        facts = {"topic_title": data["title"], "category_id": data["category_id"]}
        page = read_feed({"latest_posts": [{**p, **facts} for p in posts]}, "/x")
        kept = [p.content for p in page.posts if isinstance(p.content, Post)]
        left = [p.content for p in page.posts if isinstance(p.content, LeftOut)]
        assert (page.broken, tuple(kept), tuple(left)) == (
            (),
            topic.kept,
            topic.dropped,
        )
        assert page.ids == topic.met
        assert {(p.topic_id, p.title) for p in page.posts} <= {
            (data["id"], data["title"])
        }


def test_the_topics_that_real_topics_suggest_are_read_as_items_of_a_list() -> None:
    items = [each for data in samples("topics") for each in data["suggested_topics"]]
    if not items:
        pytest.skip("these samples suggest no topics")

    page = read_topic_list({"topic_list": {"topics": items}}, "/latest.json")

    assert page.broken == ()
    assert [(item.id, item.title, item.posts_count) for item in page.items] == [
        (each["id"], each["title"], each["posts_count"]) for each in items
    ]
