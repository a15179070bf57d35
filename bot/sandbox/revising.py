"""Posts are edited and topics revised, once they are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.sandbox.authoring import Authoring
from bot.sandbox.notices import notify
from bot.sandbox.records import Post, Topic, slugify

# Edits within this time of the last counted one are part of the same version.
GRACE = timedelta(minutes=5)


class Revising(Authoring):
    """A forum to which one can add, and whose authors change their minds."""

    def edit_post(
        self,
        post_id: int,
        raw: str,
        *,
        cooked: str | None = None,
        reason: str | None = None,
        bump: bool = True,
        literal: bool = False,
        title: str | None = None,
        category: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> Post:
        """Replace a post's text; a version counts five minutes after the last.

        Args:
            title, category, tags: Of the topic, changed along with its first post;
                listeners are then told of the topic instead of the post.
        """
        with self.lock:
            post, known = self.posts[post_id], self.posts[post_id].links
            post.raw = raw if literal else self._settled(raw)
            post.given_cooked = None if cooked is None else self._settled(cooked)
            post.edit_reason = reason
            self._touch(post)
            self.cook(post)
            topic = self.topics[post.topic_id]
            if bump and self.last_post(topic) is post:
                topic.bumped_at = post.updated_at
            notify(self, post, known=known, fresh=False)
            if self._change_topic(topic, title, category, tags):
                self.emit("topic_edited", "topic", topic)
            else:
                self.emit("post_edited", "post", topic, post)
            return post

    def revise_topic(
        self,
        topic_id: int,
        *,
        title: str | None = None,
        category: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        """Change what is given, and tell of it once; old addresses redirect.

        Args:
            category: A slug.
        """
        with self.lock:
            topic = self.topics[topic_id]
            if self._change_topic(topic, title, category, tags):
                self.emit("topic_edited", "topic", topic)

    def _change_topic(
        self,
        topic: Topic,
        title: str | None,
        category: str | None,
        tags: Sequence[str] | None,
    ) -> bool:
        """Whether anything of it changed."""
        before = (topic.title, topic.category_id, topic.tags)
        if title is not None:
            topic.title, topic.slug = title, slugify(title)
        if category is not None:
            topic.category_id = self.category(category).id
        if tags is not None:
            topic.tags = list(tags)
            for tag in tags:
                self.add_tag(tag)
        return before != (topic.title, topic.category_id, topic.tags)

    def _touch(self, post: Post) -> None:
        now = self.now()
        if now - post.counted_at > GRACE:
            post.version += 1
            post.counted_at = now
        post.updated_at = now
