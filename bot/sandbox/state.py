"""The state of a community and the questions one may ask it.

`State` only looks up; `Community` changes it. Whoever reads or changes it from
another thread holds `State.lock`.
"""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from bot.sandbox.cook import cook
from bot.sandbox.kitchen import Card, Kitchen
from bot.sandbox.pings import links, plain_text, topic_address
from bot.sandbox.records import (
    PINGS,
    Addresses,
    Category,
    Event,
    Flag,
    Notification,
    PendingPost,
    Post,
    PostType,
    Topic,
    User,
)
from kb.types import Clock, utc_now


class State:
    """Users, categories, tags, topics and posts, by id.

    Attributes:
        now: The clock that stamps what is written.
        addresses: Where the community's sites are served; placeholders until then.
        listeners: Called with each `Event`, under the lock.
        backlinks: Ids of the posts that link to ``(topic id, post number)``.
        read_notices: Ids of the notices that were marked as read.
        permalinks: Where a path leads that would be missing; any site will do.
        whisperers: Groups whose members may whisper (``whispers_allowed_groups``).
    """

    def __init__(self, now: Clock = utc_now) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.users: dict[int, User] = {}
        self.categories: dict[int, Category] = {}
        self.tags: dict[str, int] = {}
        self.topics: dict[int, Topic] = {}
        self.posts: dict[int, Post] = {}
        self.notifications: list[Notification] = []
        self.read_notices: set[int] = set()
        self.pending: list[PendingPost] = []
        self.flags: list[Flag] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.addresses = Addresses()
        self.title = "Sandbox community"
        self.last_post_id = 0
        self.last_topic_id = 0
        self.backlinks: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        self.permalinks: dict[str, str] = {}
        self.whisperers = frozenset({"staff", "whisperers"})
        self._numbers: defaultdict[int, dict[int, int]] = defaultdict(dict)
        self._post_ids: list[int] = []
        self._names: dict[str, int] = {}

    # Looking up

    def user(self, username: str) -> User:
        """The member of this name, in any case; `KeyError` when there is none."""
        return self.users[self._names[username.lower()]]

    def has_user(self, username: str) -> bool:
        return username.lower() in self._names

    def category(self, slug: str) -> Category:
        """The category with this slug; `KeyError` when there is none."""
        for category in self.categories.values():
            if category.slug == slug:
                return category
        raise KeyError(slug)

    def posts_of(self, topic_id: int) -> list[Post]:
        """All posts of a topic by number, deleted ones and whispers included."""
        numbers = self._numbers[topic_id]
        return [self.posts[numbers[number]] for number in sorted(numbers)]

    def post_at(self, topic_id: int, number: int) -> Post | None:
        post_id = self._numbers[topic_id].get(number)
        return None if post_id is None else self.posts[post_id]

    def newest(self, last: int) -> Iterator[Post]:
        """All posts from id *last* downwards."""
        for place in range(bisect_right(self._post_ids, last) - 1, -1, -1):
            yield self.posts[self._post_ids[place]]

    def pings(self) -> list[Notification]:
        """The notices that call on people who did not take part in the topic."""
        return [notice for notice in self.notifications if notice.type in PINGS]

    def group_members(self, group: str) -> list[User]:
        return [user for user in self.users.values() if group in user.all_groups]

    # Who may see what; ``None`` is a visitor who is not logged in

    def may_read(self, category: Category | None, reader: User | None) -> bool:
        if category is None or not category.read_restricted:
            return True
        if reader is None:
            return False
        return reader.admin or bool(category.groups & reader.all_groups)

    def may_see(self, topic: Topic, reader: User | None) -> bool:
        """Whether *reader* may open *topic*; unlisted topics may be opened."""
        if topic.deleted_at is not None and not (reader and reader.staff):
            return False
        if topic.private:
            return reader is not None and (
                reader.admin or reader.id in topic.recipients | {topic.user_id}
            )
        category = self.categories.get(topic.category_id or 0)
        return self.may_read(category, reader)

    def may_list(self, topic: Topic, reader: User | None) -> bool:
        """Whether *topic* shows in the lists that *reader* gets."""
        return (
            topic.deleted_at is None
            and not topic.private
            and (topic.visible or (reader is not None and reader.staff))
            and self.may_see(topic, reader)
        )

    def seen_posts(
        self, topic: Topic, reader: User | None, *, deleted: bool = False
    ) -> list[Post]:
        """The posts of *topic* that *reader* is served, hidden ones included."""
        staff = reader is not None and reader.staff
        whispers = self.may_whisper(reader)
        return [
            post
            for post in self.posts_of(topic.id)
            if (post.deleted_at is None or (staff and deleted))
            and (post.type is not PostType.WHISPER or whispers)
        ]

    def may_whisper(self, reader: User | None) -> bool:
        """Whether *reader* may write whispers, and is served those of others."""
        return reader is not None and bool(self.whisperers & reader.all_groups)

    def last_post(self, topic: Topic) -> Post | None:
        """The post that people see last; small actions and whispers do not count."""
        seen = [
            post
            for post in self.posts_of(topic.id)
            if post.deleted_at is None
            and post.type in {PostType.REGULAR, PostType.MODERATOR_ACTION}
        ]
        return seen[-1] if seen else None

    # Cooking and links

    def kitchen(self) -> Kitchen:
        return Kitchen(
            self.addresses.forum, self._member, self._group, self._hashtag, self._card
        )

    def cook(self, post: Post) -> None:
        """Set what follows from a post's raw text: its HTML and its links."""
        cooked = post.given_cooked
        post.cooked = cook(post.raw, self.kitchen()) if cooked is None else cooked
        self._note_links(post)

    def settle(self, addresses: Addresses) -> None:
        """Move the community to *addresses*: texts name them from now on."""
        with self.lock:
            before, self.addresses = self.addresses, addresses
            if before == addresses:
                return
            for post in self.posts.values():
                post.raw = before.replaced(post.raw, addresses)
                if post.given_cooked is not None:
                    post.given_cooked = before.replaced(post.given_cooked, addresses)
                self.cook(post)

    def _member(self, name: str) -> str | None:
        return self.user(name).username if self.has_user(name) else None

    def _group(self, name: str) -> bool:
        return any(name in user.groups for user in self.users.values())

    def _hashtag(self, slug: str) -> tuple[str, str, str] | None:
        for category in self.categories.values():
            if category.slug == slug:
                return f"/c/{slug}/{category.id}", "category", category.name
        if slug in self.tags:
            return f"/tag/{slug}", "tag", slug
        return None

    def _card(self, url: str) -> Card | None:
        address = topic_address(url, self.addresses.forum)
        topic = self.topics.get(address[0]) if address else None
        if address is None or topic is None or not self.may_see(topic, None):
            return None
        target = self.post_at(*address)
        excerpt = plain_text(target.cooked)[:200] if target else ""
        return Card(topic.title, address[0], address[1], excerpt)

    def _note_links(self, post: Post) -> None:
        for link in post.links:
            if link.topic_id is not None:
                self.backlinks[link.topic_id, link.post_number].discard(post.id)
        post.links = ()
        topic = self.topics[post.topic_id]
        silent = {PostType.WHISPER, PostType.SMALL_ACTION}
        if topic.private or post.type in silent:
            return
        post.links = links(post.cooked, self.addresses.forum)
        for link in post.links:
            if link.topic_id is not None and link.topic_id != post.topic_id:
                self.backlinks[link.topic_id, link.post_number].add(post.id)

    def index(self, posts: Iterable[Post]) -> None:
        """Make *posts* findable by topic and number."""
        for post in posts:
            if post.id not in self.posts:
                # Nearly always at the end, which costs nothing.
                insort(self._post_ids, post.id)
            self.posts[post.id] = post
            self.last_post_id = max(self.last_post_id, post.id)
            self._numbers[post.topic_id][post.number] = post.id

    def index_topic(self, topic: Topic) -> None:
        self.topics[topic.id] = topic
        self.last_topic_id = max(self.last_topic_id, topic.id)

    def unindex(self, post: Post) -> None:
        """Forget where *post* stood, before it moves."""
        del self._numbers[post.topic_id][post.number]

    def index_user(self, user: User) -> None:
        self.users[user.id] = user
        self._names[user.username.lower()] = user.id
