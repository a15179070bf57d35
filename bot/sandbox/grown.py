"""A forum of any size, grown from a seed: for benchmarks and tests of a whole harvest.

Its shares are those of real forums: 5,046 public topics with 36,990 posts, read in
2022, and 4,725 posts of a forum's stream until 2026. Its words are nobody's.

What visitors see are the topics and posts that were asked for. Beside them lie, as on
any forum, private categories, messages, unlisted and deleted topics: they take ids.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal

from bot.sandbox.community import STUB, TOPIC_STUB, Community
from bot.sandbox.prose import LANGUAGES, Prose
from bot.sandbox.records import Post, PostType, Topic

# Posts of a topic, at every twentieth of 297 real ones that somebody picked so that
# long topics are not missed; `tilted` takes that back.
SIZES = (1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 12, 17, 41, 437)
# Shares of topics
GAPPED = 0.045  # a post was deleted between others
SOLVED = 0.13
CLOSED = 0.01
ARCHIVED = 0.003
PINNED = 0.001
TAGGED = 0.4
# Of posts
SMALL_ACTIONS = 0.0025
EMPTY_ACTIONS = 0.6  # of these
MODERATOR_ACTIONS = 0.0001
HIDDEN = 0.0006
WITHDRAWN = 0.012
EDITED = 0.08
QUOTING = 0.02
LINKING = 0.1
REPLYING = 0.4
# Topics that visitors are not shown, per topic that they are
PRIVATE = 0.02
MESSAGES = 0.01
UNLISTED = 0.005
DELETED = 0.01
# Posts in a row that are all private: older servers then answer with empty pages.
PRIVATE_RUN = 160

# Only topics of several posts can be solved or have gaps: these are chosen the more.
_OF_SEVERAL = 1.12

_AGE = timedelta(days=8 * 365)
_REST = timedelta(days=1)
_MEMBERS = 300
_TAGS = 30
_LANGUAGE_WEIGHTS = (80, 8, 6, 6)
_CATEGORIES = ("Support", "Development", "Android", "Implementation", "Announcements")

Kind = Literal["shown", "private", "message", "unlisted", "deleted"]


@dataclass(frozen=True, slots=True)
class Growth:
    """What to grow.

    Attributes:
        topics: That visitors are shown, besides those that introduce categories.
        posts: In these topics, withdrawn and hidden ones and small actions included.
        longest: Posts of the longest topic; there is always one.
        sizes: Real topics' numbers of posts, drawn from with a tilt that meets
            *posts*.
    """

    topics: int = 5_000
    posts: int = 37_000
    longest: int = 1_200
    seed: int = 1
    sizes: Sequence[int] = SIZES

    def __post_init__(self) -> None:
        if not 2 <= self.topics <= self.posts - self.longest:
            raise ValueError(f"no forum is made like this: {self}")


@dataclass(slots=True)
class _Plan:
    """A topic before it is written: when each of its posts comes, by number."""

    kind: Kind
    times: list[datetime]
    language: str
    removed: frozenset[int]
    writers: list[str]
    topic: Topic | None = field(default=None)


def grow(community: Community, growth: Growth) -> Community:
    """Fill an empty *community*, the same way for the same *growth* and clock."""
    return _Gardener(community, growth).grow()


def tilted(sizes: Sequence[int], mean: float) -> list[float]:
    """Weights for drawing from *sizes* so that the mean is *mean*: powers of the size.

    >>> weights = tilted([1, 2, 4, 100], 3)
    >>> round(sum(w * s for w, s in zip(weights, [1, 2, 4, 100])) / sum(weights), 6)
    3.0
    """
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        weights = [math.exp(middle * math.log(size)) for size in sizes]
        reached = sum(w * s for w, s in zip(weights, sizes, strict=True))
        if reached / sum(weights) < mean:
            low = middle
        else:
            high = middle
    return weights


class _Gardener:
    def __init__(self, community: Community, growth: Growth) -> None:
        self._forum = community
        self._growth = growth
        self._rng = random.Random(growth.seed)
        self._prose = Prose(self._rng)
        self._end = community.now() - _REST
        self._start = self._end - _AGE
        self._members = [f"member{number}" for number in range(_MEMBERS)]
        self._busyness = list(accumulate(1 / (n + 3) for n in range(_MEMBERS)))

    def grow(self) -> Community:
        self._settle_people()
        plans = [self._plan("shown", size) for size in self._sizes()]
        plans.extend(self._unseen())
        order = sorted(
            (at, place, number)
            for place, plan in enumerate(plans)
            for number, at in enumerate(plan.times, start=1)
        )
        for at, place, number in order:
            plan = plans[place]
            if plan.topic is None:
                plan.topic = self._topic(plan)
            self._post(plan, plan.topic, number, at)
        for plan in plans:
            if plan.topic is not None:
                self._finish(plan, plan.topic)
        for post in self._forum.posts.values():
            self._forum.cook(post)
        return self._forum

    # Plans

    def _sizes(self) -> list[int]:
        """Posts of each topic; together they are what was asked for."""
        growth, count = self._growth, self._growth.topics - 1
        left = growth.posts - growth.longest
        known = [size for size in growth.sizes if size <= growth.longest]
        sizes = self._rng.choices(known, tilted(known, left / count), k=count)
        over = sum(sizes) - left
        while over:
            place = self._rng.randrange(count)
            if over < 0 or sizes[place] > 1:
                step = 1 if over > 0 else -1
                sizes[place] -= step
                over -= step
        return [*sizes, growth.longest]

    def _unseen(self) -> Iterator[_Plan]:
        shares: tuple[tuple[Kind, float], ...] = (
            ("private", PRIVATE),
            ("message", MESSAGES),
            ("unlisted", UNLISTED),
            ("deleted", DELETED),
        )
        for kind, share in shares:
            for _ in range(max(1, round(share * self._growth.topics))):
                yield self._plan(kind, self._rng.randint(1, 6))
        run = self._plan("private", PRIVATE_RUN)
        middle = self._start + _AGE * 0.6
        # So close together that nobody else's post comes between them.
        run.times = [middle + timedelta(microseconds=n) for n in range(PRIVATE_RUN)]
        yield run

    def _plan(self, kind: Kind, size: int) -> _Plan:
        rng = self._rng
        removed: set[int] = set()
        if size > 1 and rng.random() < GAPPED * _OF_SEVERAL:
            # The first and the last are never among them: those leave no gap.
            removed = {
                rng.randint(2, size) for _ in range(min(size - 1, rng.randint(1, 4)))
            }
        total = size + len(removed)
        start = self._start + _AGE * math.sqrt(rng.random())
        gaps = [0.0] + [12 * rng.lognormvariate(0, 1.5) for _ in range(total - 1)]
        offsets = list(accumulate(gaps))
        room = (self._end - start) / timedelta(hours=1)
        shrink = min(1.0, room / (offsets[-1] or 1.0))
        helpers = min(size, 1 + round(1.5 * math.sqrt(size)))
        return _Plan(
            kind=kind,
            # A second for each post more, so that none comes at the same time.
            times=[
                start + timedelta(hours=offset * shrink, seconds=number)
                for number, offset in enumerate(offsets)
            ],
            language=rng.choices(LANGUAGES, _LANGUAGE_WEIGHTS)[0],
            removed=frozenset(removed),
            writers=rng.choices(self._members, cum_weights=self._busyness, k=helpers),
        )

    # People and places

    def _settle_people(self) -> None:
        forum = self._forum
        forum.add_user("root", admin=True, trust_level=4)
        forum.add_user("keeper", moderator=True, trust_level=4)
        for name in self._members:
            forum.add_user(name, name=name.capitalize())
        for name in _CATEGORIES:
            forum.add_category(name, description=f"All about {name.lower()}.")
        forum.add_category("Sync", parent="android", description="When nothing moves.")
        forum.add_category("Staff room", slug="staff", read_restricted=True)
        for number in range(1, _TAGS + 1):
            forum.add_tag(f"topic-{number}")
        self._public = [c.slug for c in forum.categories.values() if c.description]
        for category in forum.categories.values():
            if not category.description:
                continue
            title = f"About the {category.name} category"
            at = self._start - _REST
            topic = forum.start_topic(
                title, user="system", category=category.slug, tags=(), at=at
            )
            category.topic_id, topic.pinned = topic.id, "category"
            self._write(topic, 1, "system", category.description, None, at)

    # Writing

    def _topic(self, plan: _Plan) -> Topic:
        rng = self._rng
        category: str | None = rng.choice(self._public)
        if plan.kind in {"private", "message"}:
            category = "staff" if plan.kind == "private" else None
        tags = rng.sample(range(1, _TAGS + 1), rng.randint(1, 3))
        tagged = rng.random() < TAGGED
        topic = self._forum.start_topic(
            self._prose.title(plan.language),
            user=plan.writers[0],
            category=category,
            tags=[f"topic-{n}" for n in tags] if tagged else (),
            at=plan.times[0],
        )
        if plan.kind == "message":
            topic.archetype, topic.recipients = "private_message", {1}
        topic.visible = plan.kind != "unlisted"
        topic.views = round(80 * rng.lognormvariate(0, 1.2))
        return topic

    def _post(self, plan: _Plan, topic: Topic, number: int, at: datetime) -> None:
        rng, forum = self._rng, self._forum
        writer = plan.writers[0] if number == 1 else rng.choice(plan.writers)
        chance = rng.random()
        removed = number in plan.removed
        if number > 1 and not removed and chance < SMALL_ACTIONS:
            said = (
                "" if rng.random() < EMPTY_ACTIONS else "<p>Two posts were moved.</p>"
            )
            post = self._write(topic, number, "keeper", "", said, at)
            post.type, post.action_code = PostType.SMALL_ACTION, "split_topic"
            return
        raw, cooked = self._said(plan, topic, number)
        post = self._write(topic, number, writer, raw, cooked, at)
        if number > 1 and chance < SMALL_ACTIONS + MODERATOR_ACTIONS:
            post.type = PostType.MODERATOR_ACTION
        if number > 1 and rng.random() < REPLYING:
            post.reply_to = rng.randint(1, number - 1)
        post.likes = int(rng.expovariate(1.2))
        if rng.random() < EDITED:
            post.updated_at = post.counted_at = at + timedelta(hours=rng.random() * 99)
            post.version = 2
        if removed:
            post.deleted_at = at + timedelta(hours=1)
        elif rng.random() < HIDDEN:
            post.hidden = True
        elif rng.random() < WITHDRAWN:
            post.user_deleted, post.given_cooked = True, None
            post.raw = TOPIC_STUB if number == 1 else STUB
        forum.topics[topic.id].levels.setdefault(post.user_id, 2)

    def _said(self, plan: _Plan, topic: Topic, number: int) -> tuple[str, str | None]:
        """A post's Markdown, and its HTML unless the forum is to cook it."""
        rng, link = self._rng, ""
        if rng.random() < LINKING and topic.id > 20:
            link = rng.choice(
                (
                    f"{{forum}}/t/{rng.randint(1, topic.id - 1)}",
                    f"https://docs.example.org/pages/{rng.randint(1, 400)}.html",
                )
            )
        text = self._prose.text(plan.language, link)
        if number > 1 and rng.random() < QUOTING:
            words = self._prose.words(plan.language, 12)
            source = f"{plan.writers[0]}, post:1, topic:{topic.id}"
            return f'[quote="{source}"]\n{words}\n[/quote]\n\n{text.raw}', None
        return text.raw, text.cooked

    def _write(
        self,
        topic: Topic,
        number: int,
        user: str,
        raw: str,
        cooked: str | None,
        at: datetime,
    ) -> Post:
        post = Post(
            id=self._forum.last_post_id + 1,
            topic_id=topic.id,
            number=number,
            user_id=self._forum.user(user).id,
            raw=raw,
            cooked="",
            given_cooked=cooked,
            created_at=at,
            updated_at=at,
            counted_at=at,
        )
        topic.highest = max(topic.highest, number)
        self._forum.index([post])
        return post

    def _finish(self, plan: _Plan, topic: Topic) -> None:
        """What comes to a topic once it is written."""
        rng, forum = self._rng, self._forum
        last = forum.last_post(topic)
        topic.bumped_at = last.created_at if last else topic.created_at
        topic.closed, topic.archived = rng.random() < CLOSED, rng.random() < ARCHIVED
        if rng.random() < PINNED:
            topic.pinned = rng.choice(("category", "globally"))
        if plan.kind == "deleted":
            topic.deleted_at = topic.bumped_at + _REST
        answers = [
            post
            for post in forum.posts_of(topic.id)
            if post.number > 1
            and post.type is PostType.REGULAR
            and not (post.hidden or post.user_deleted or post.deleted_at)
        ]
        if answers and rng.random() < SOLVED * _OF_SEVERAL:
            topic.accepted = [rng.choice(answers).id]
