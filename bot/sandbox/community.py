"""A community that can be changed the way members and moderators change one."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.notices import tell
from bot.sandbox.records import (
    DISCOBOT_ID,
    SYSTEM_ID,
    Flag,
    NoticeType,
    PendingPost,
    Post,
    PostType,
    Topic,
)
from bot.sandbox.revising import Revising
from kb.types import Clock, utc_now

STUB = "(post deleted by author)"
TOPIC_STUB = "(topic deleted by author)"


class Community(Revising):
    """The whole forum; see `State` for how to look things up."""

    @classmethod
    def empty(cls, now: Clock = utc_now) -> Community:
        """A forum with its two built-in bots and the category *Uncategorized*."""
        community = cls(now)
        community.add_user("system", id=SYSTEM_ID, admin=True, trust_level=4)
        community.add_user("discobot", id=DISCOBOT_ID, trust_level=4)
        community.add_category("Uncategorized", slug="uncategorized")
        return community

    @classmethod
    def sample(cls, now: Clock = utc_now) -> Community:
        """The sample community that comes with the package."""
        from bot.sandbox.load import load_sample

        return load_sample(cls.empty(now))

    # Moderation

    def delete_post(self, post_id: int) -> None:
        """What a moderator does: it vanishes; the first post takes its topic along."""
        with self.lock:
            post = self.posts[post_id]
            if post.number == 1:
                self.delete_topic(post.topic_id)
                return
            topic = self.topics[post.topic_id]
            post.deleted_at = self.now()
            last = self.last_post(topic)
            topic.bumped_at = last.created_at if last else topic.created_at
            topic.accepted = [id_ for id_ in topic.accepted if id_ != post_id]
            self.emit("post_destroyed", "post", topic, post)

    def withdraw_post(self, post_id: int) -> None:
        """What an author does: a stub stands in its place."""
        with self.lock:
            post = self.posts[post_id]
            post.user_deleted = True
            post.raw = TOPIC_STUB if post.number == 1 else STUB
            post.given_cooked = None
            self._touch(post)
            self.cook(post)
            self.emit("post_destroyed", "post", self.topics[post.topic_id], post)

    def hide_post(self, post_id: int, *, hidden: bool = True) -> None:
        """Flagged by members: readers get a notice in place of its text."""
        with self.lock:
            post = self.posts[post_id]
            post.hidden = hidden
            post.updated_at = self.now()
            self.emit("post_edited", "post", self.topics[post.topic_id], post)

    def delete_topic(self, topic_id: int) -> None:
        with self.lock:
            topic = self.topics[topic_id]
            topic.deleted_at = self.now()
            self.emit("topic_destroyed", "topic", topic)

    def recover_topic(self, topic_id: int) -> None:
        with self.lock:
            self.topics[topic_id].deleted_at = None
            self.emit("topic_recovered", "topic", self.topics[topic_id])

    def set_slow_mode(self, topic_id: int, seconds: int) -> None:
        """Let each member reply only every *seconds*; 0 ends it."""
        with self.lock:
            self.topics[topic_id].slow_mode_s = seconds

    def add_permalink(self, path: str, url: str) -> None:
        """Send who asks for *path* (``/t/slug/12``) on to *url* once it is missing."""
        with self.lock:
            self.permalinks[path] = url

    def retitle(self, topic_id: int, title: str) -> None:
        """A new title, hence a new slug; old addresses redirect."""
        self.revise_topic(topic_id, title=title)

    def set_category(self, topic_id: int, slug: str) -> None:
        self.revise_topic(topic_id, category=slug)

    def set_tags(self, topic_id: int, tags: Sequence[str]) -> None:
        self.revise_topic(topic_id, tags=tags)

    def privatise(self, topic_id: int) -> None:
        """Make a topic a private message of its author."""
        with self.lock:
            topic = self.topics[topic_id]
            topic.archetype, topic.category_id = "private_message", None
            topic.recipients = {topic.user_id}
            for post in self.posts_of(topic_id):
                self.cook(post)
            self.emit("topic_edited", "topic", topic)

    def set_status(
        self, topic_id: int, status: str, *, enabled: bool, by: str = "system"
    ) -> None:
        """Close, archive, hide from lists or pin; leaves a small action behind.

        Args:
            status: ``closed``, ``archived``, ``visible``, ``pinned`` or
                ``pinned_globally``.
        """
        with self.lock:
            topic = self.topics[topic_id]
            match status:
                case "closed":
                    topic.closed = enabled
                case "archived":
                    topic.archived = enabled
                case "visible":
                    topic.visible = enabled
                case "pinned":
                    topic.pinned = "category" if enabled else ""
                case "pinned_globally":
                    topic.pinned = "globally" if enabled else ""
                case _:
                    raise ValueError(f"no such status: {status}")
            code = f"{status}.{'enabled' if enabled else 'disabled'}"
            small = PostType.SMALL_ACTION
            self.add_post(topic_id, "", user=by, type=small, action_code=code)
            self.emit(f"topic_{status}_status_updated", "topic", topic)

    def move_posts(
        self, post_ids: Sequence[int], *, title: str = "", to_topic: int | None = None
    ) -> Topic:
        """Move posts to a new topic (*title*) or an existing one.

        A first post stays where it is; its copy in the target has a new id. A topic
        of which all posts were moved is closed.
        """
        with self.lock:
            moved = [self.posts[post_id] for post_id in post_ids]
            source, first = self.topics[moved[0].topic_id], moved[0]
            if to_topic is None:
                target = self.start_topic(
                    title,
                    user=self.users[first.user_id].username,
                    category=self.categories[source.category_id or 1].slug,
                    tags=source.tags,
                    at=first.created_at,
                )
            else:
                target = self.topics[to_topic]
            rest = [p for p in self.posts_of(source.id) if p.type is PostType.REGULAR]
            source.closed |= {post.id for post in rest} <= set(post_ids)
            for post in moved:
                self._move(post, target)
            link = f'<a href="/t/{target.slug}/{target.id}">{target.title}</a>'
            self.add_post(
                source.id,
                "",
                user="system",
                type=PostType.SMALL_ACTION,
                cooked=f"<p>{len(moved)} posts were moved to a topic: {link}</p>",
                action_code="split_topic",
            )
            return target

    def _move(self, post: Post, target: Topic) -> None:
        if post.number == 1:
            author = self.users[post.user_id].username
            at = post.created_at
            self.add_post(target.id, post.raw, user=author, at=at, literal=True)
            return
        self.unindex(post)
        target.highest += 1
        post.topic_id, post.number = target.id, target.highest
        post.reply_to = None
        self.index([post])
        self.cook(post)
        target.bumped_at = max(target.bumped_at, post.created_at)
        self.emit("post_edited", "post", target, post)

    # Reactions

    def like(self, post_id: int, user: str) -> None:
        with self.lock:
            post, fan = self.posts[post_id], self.member(user)
            post.liked_by.add(fan.id)
            tell(self, post.user_id, NoticeType.LIKED, post, by=fan.id)
            self.emit("post_liked", "like", self.topics[post.topic_id], post)

    def unlike(self, post_id: int, user: str) -> None:
        with self.lock:
            self.posts[post_id].liked_by.discard(self.member(user).id)

    def react(self, post_id: int, user: str, reaction: str) -> None:
        """Let a member react to a post, in place of what it reacted with before.

        Args:
            reaction: Name of an emoji; ``heart`` is a like.
        """
        with self.lock:
            post, member = self.posts[post_id], self.member(user)
            post.liked_by.discard(member.id)
            post.reactions.pop(member.id, None)
            if reaction == "heart":
                self.like(post_id, user)
            else:
                post.reactions[member.id] = reaction

    def take_reaction_back(self, post_id: int, user: str) -> None:
        with self.lock:
            post, member = self.posts[post_id], self.member(user)
            post.liked_by.discard(member.id)
            post.reactions.pop(member.id, None)

    def flag(self, post_id: int, user: str, kind: int) -> None:
        """A member calls a moderator's attention; nothing is hidden by it."""
        with self.lock:
            self.flags.append(Flag(post_id, self.member(user).id, kind))

    def solve(
        self, post_id: int, *, by: str | None = None, several: bool = False
    ) -> None:
        """Mark a post as the solution, in place of another unless *several*.

        Args:
            by: Who marks it; the asker when ``None``.
        """
        with self.lock:
            post = self.posts[post_id]
            topic = self.topics[post.topic_id]
            if post_id in topic.accepted:
                return
            kept = topic.accepted if several else []
            topic.accepted = [*kept, post_id]
            accepter = self.member(by).id if by else topic.user_id
            topic.accepted_by[post_id] = accepter
            if accepter != post.user_id:
                tell(self, post.user_id, NoticeType.CUSTOM, post, by=accepter)
            self.emit("accepted_solution", "solved", topic, post)

    def unsolve(self, post_id: int) -> None:
        with self.lock:
            post = self.posts[post_id]
            topic = self.topics[post.topic_id]
            topic.accepted = [id_ for id_ in topic.accepted if id_ != post_id]
            self.emit("unaccepted_solution", "solved", topic, post)

    # Moderation queue

    def enqueue(
        self,
        user: str,
        raw: str,
        *,
        topic_id: int | None,
        title: str | None,
        reply_to: int | None = None,
        category_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> PendingPost:
        with self.lock:
            waiting = PendingPost(
                id=max([0, *(waiting.id for waiting in self.pending)]) + 1,
                user_id=self.member(user).id,
                topic_id=topic_id,
                title=title,
                raw=raw,
                created_at=self.now(),
                reply_to=reply_to,
                category_id=category_id,
                tags=tuple(tags),
            )
            self.pending.append(waiting)
            return waiting

    def approve(self, pending_id: int) -> Post:
        """Publish what waits for approval; `StopIteration` when nothing does."""
        with self.lock:
            waiting = next(each for each in self.pending if each.id == pending_id)
            self.pending.remove(waiting)
            author = self.users[waiting.user_id].username
            if waiting.topic_id is not None:
                return self.add_post(
                    waiting.topic_id,
                    waiting.raw,
                    user=author,
                    reply_to=waiting.reply_to,
                    literal=True,
                )
            category = self.categories.get(waiting.category_id or 0)
            topic = self.add_topic(
                waiting.title or "",
                waiting.raw,
                user=author,
                category=category.slug if category else "uncategorized",
                tags=waiting.tags,
                literal=True,
            )
            return self.posts_of(topic.id)[0]

    def reject(self, pending_id: int) -> None:
        with self.lock:
            self.pending = [each for each in self.pending if each.id != pending_id]
