"""Members, categories, topics and posts come into being.

Every change stamps times with the injected clock, notifies whom the forum would
notify, and tells the listeners (webhooks) about it. Names of members that do not
exist yet are made on the way, so that a test needs one line per topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.sandbox.notices import WATCHING, notify
from bot.sandbox.records import (
    Addresses,
    Category,
    Event,
    Pinned,
    Post,
    PostType,
    Topic,
    User,
    slugify,
)
from bot.sandbox.state import State

TRACKING = 2


class Authoring(State):
    """A `State` to which one can add; `Community` adds what moderators do."""

    def add_user(
        self,
        username: str,
        *,
        id: int | None = None,
        name: str = "",
        trust_level: int = 2,
        admin: bool = False,
        moderator: bool = False,
        groups: Iterable[str] = (),
    ) -> User:
        with self.lock:
            number = max([0, *self.users]) + 1 if id is None else id
            user = User(
                id=number,
                username=username,
                name=name,
                created_at=self.now(),
                trust_level=trust_level,
                admin=admin,
                moderator=moderator,
                groups=frozenset(groups),
            )
            self.index_user(user)
            return user

    def member(self, username: str) -> User:
        """The member of this name, made an ordinary one when new."""
        if self.has_user(username):
            return self.user(username)
        return self.add_user(username)

    def add_category(
        self,
        name: str,
        *,
        slug: str = "",
        id: int | None = None,
        parent: str | None = None,
        description: str = "",
        read_restricted: bool = False,
        groups: Iterable[str] = ("staff",),
    ) -> Category:
        with self.lock:
            number = max([0, *self.categories]) + 1 if id is None else id
            category = Category(
                id=number,
                name=name,
                slug=slug or slugify(name),
                parent_id=self.category(parent).id if parent else None,
                description=description,
                read_restricted=read_restricted,
                groups=frozenset(groups),
            )
            self.categories[number] = category
            return category

    def add_tag(self, name: str) -> int:
        with self.lock:
            return self.tags.setdefault(name, len(self.tags) + 1)

    def add_topic(
        self,
        title: str,
        raw: str,
        *,
        user: str = "member",
        category: str = "uncategorized",
        tags: Sequence[str] = (),
        at: datetime | None = None,
        id: int | None = None,
        recipients: Sequence[str] | None = None,
        cooked: str | None = None,
        visible: bool = True,
        pinned: Pinned = "",
        literal: bool = False,
    ) -> Topic:
        """A topic with its first post; with *recipients*, a private message."""
        with self.lock:
            topic = self.start_topic(
                title,
                user=user,
                category=None if recipients is not None else category,
                tags=tags,
                at=at or self.now(),
                id=id,
            )
            if recipients is not None:
                topic.archetype = "private_message"
                topic.recipients = {self.member(name).id for name in recipients}
            topic.visible = visible
            topic.pinned = pinned
            first = self._write_post(
                topic, raw, user=user, at=at, cooked=cooked, literal=literal
            )
            self.emit("topic_created", "topic", topic)
            self.emit("post_created", "post", topic, first)
            return topic

    def start_topic(
        self,
        title: str,
        *,
        user: str,
        category: str | None,
        tags: Sequence[str],
        at: datetime,
        id: int | None = None,
    ) -> Topic:
        """A topic without any post yet, and without telling anybody."""
        author = self.member(user)
        topic = Topic(
            id=self.last_topic_id + 1 if id is None else id,
            title=title,
            slug=slugify(title),
            category_id=None if category is None else self.category(category).id,
            user_id=author.id,
            created_at=at,
            bumped_at=at,
            tags=list(tags),
            levels={author.id: WATCHING},
        )
        for tag in tags:
            self.add_tag(tag)
        self.index_topic(topic)
        return topic

    def add_topics(
        self,
        count: int,
        *,
        posts: int = 1,
        user: str = "member",
        category: str = "uncategorized",
    ) -> list[Topic]:
        """*count* plain topics of *posts* posts each, a minute between all posts."""
        with self.lock:
            start = self.now() - timedelta(minutes=count * posts)
            added = []
            for number in range(count):
                at = start + timedelta(minutes=number * posts)
                title = f"Question number {len(self.topics) + 1} of many"
                topic = self.add_topic(
                    title, f"{title}, in full.", user=user, category=category, at=at
                )
                for reply in range(1, posts):
                    raw = f"Reply number {reply} to question {topic.id}."
                    later = at + timedelta(minutes=reply)
                    self.add_post(topic.id, raw, user="helper", at=later)
                added.append(topic)
            return added

    def add_post(
        self,
        topic_id: int,
        raw: str,
        *,
        user: str = "member",
        at: datetime | None = None,
        reply_to: int | None = None,
        type: PostType = PostType.REGULAR,
        cooked: str | None = None,
        action_code: str | None = None,
        auto_track: bool = True,
        bump: bool = True,
        literal: bool = False,
    ) -> Post:
        """A post at the end of a topic.

        Args:
            raw: May name the sites as ``{forum}`` and so on, unless *literal*.
            cooked: HTML to serve instead of the cooked *raw*.
            auto_track: The author follows the topic from now on.
        """
        with self.lock:
            topic = self.topics[topic_id]
            post = self._write_post(
                topic,
                raw,
                user=user,
                at=at,
                reply_to=reply_to,
                type=type,
                cooked=cooked,
                action_code=action_code,
                auto_track=auto_track,
                bump=bump,
                literal=literal,
            )
            self.emit("post_created", "post", topic, post)
            return post

    def _write_post(
        self,
        topic: Topic,
        raw: str,
        *,
        user: str,
        at: datetime | None,
        cooked: str | None,
        literal: bool,
        reply_to: int | None = None,
        type: PostType = PostType.REGULAR,
        action_code: str | None = None,
        auto_track: bool = True,
        bump: bool = True,
    ) -> Post:
        """All of `add_post` but telling the listeners."""
        author, when = self.member(user), at or self.now()
        topic.highest += 1
        post = Post(
            id=self.last_post_id + 1,
            topic_id=topic.id,
            number=topic.highest,
            user_id=author.id,
            raw=raw if literal else self._settled(raw),
            cooked="",
            given_cooked=None if cooked is None else self._settled(cooked),
            created_at=when,
            updated_at=when,
            counted_at=when,
            type=type,
            reply_to=reply_to,
            action_code=action_code,
        )
        self.index([post])
        self.cook(post)
        if bump and type in {PostType.REGULAR, PostType.MODERATOR_ACTION}:
            topic.bumped_at = when
        notify(self, post, fresh=True)
        if auto_track and type is not PostType.SMALL_ACTION:
            level = topic.levels.get(author.id, 1)
            topic.levels[author.id] = max(level, TRACKING)
        return post

    def emit(
        self, name: str, kind: str, topic: Topic, post: Post | None = None
    ) -> None:
        for listener in self.listeners:
            listener(Event(name, kind, topic, post))

    def _settled(self, text: str) -> str:
        return Addresses().replaced(text, self.addresses)
