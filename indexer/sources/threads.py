"""Topics as documents, and which topics must not become one. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from indexer.forgetting import FORGOTTEN_AUTHOR, begun_by, without_quotes_of
from indexer.wire import PRIVATE_MESSAGE, Category, Post
from kb.store import NOBODY, Forgotten
from kb.types import PUBLIC, Document, Kind, LeftOut, Part, TopicId, content_hash

IGNORED_AUTHOR = "ignored author"
UNKNOWN_CATEGORY = "unknown category"
PRIVATE_CATEGORY = "private category"


@dataclass(frozen=True, slots=True)
class ForumRules:
    """What of a forum is harvested; names are compared in any case.

    Attributes:
        private: Restricted categories that are harvested all the same, for readers
            who may see them: by name or slug, or where several are called the
            same, by ``parent-slug/slug`` or id.
        excluded: Names or slugs of categories that are not, nor what is in them.
        ignored: Accounts whose posts are no evidence: bots, our own among them.
        forgotten: Members of whom nothing is held. A topic that one of them began is
            not held at all: its title is theirs.
    """

    private: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    forgotten: Forgotten = NOBODY

    @classmethod
    def of(
        cls,
        *,
        private: Iterable[str] = (),
        excluded: Iterable[str] = (),
        ignored: Iterable[str] = (),
        forgotten: Forgotten = NOBODY,
    ) -> ForumRules:
        """Rules from names as people write them."""
        return cls(_folded(private), _folded(excluded), _folded(ignored), forgotten)

    @property
    def stamp(self) -> str:
        # Without who is forgotten: that is done at once, and not by the next walk.
        parts = (self.private, self.excluded, self.ignored)
        return content_hash(*(sorted(part) for part in parts))


def reason_to_skip(
    topic_id: TopicId,
    *,
    archetype: str,
    visible: bool,
    category: Category | None,
    categories: Mapping[int, Category],
    rules: ForumRules,
) -> str:
    """Why a topic must not be in the knowledge base; empty when it may.

    Args:
        category: Its category; ``None`` for one that we cannot look up, of which
            nobody knows who may read it.
        categories: All known ones by id, to find those above it.
    """
    if archetype == PRIVATE_MESSAGE:
        return "private message"
    if not visible:
        return "unlisted"
    return reason_by_category(topic_id, category, categories, rules)


def reason_by_category(
    topic_id: TopicId,
    category: Category | None,
    categories: Mapping[int, Category],
    rules: ForumRules,
) -> str:
    """The part of `reason_to_skip` that the category decides alone."""
    if category is None:
        return UNKNOWN_CATEGORY
    if category.about_topic_id == topic_id:
        return "category description"
    line = list(_with_parents(category, categories))
    if any(_named(above, rules.excluded) for above in line):
        return "excluded category"
    if is_restricted(category, categories):
        names = _own_names(category, categories)
        if not names & rules.private:
            return PRIVATE_CATEGORY
    return ""


def is_restricted(category: Category, categories: Mapping[int, Category]) -> bool:
    """Whether not everybody may read it: a category is never more open than
    the one that it is in, and one below an unknown one is taken for restricted."""
    line = list(_with_parents(category, categories))
    above = line[-1].parent_id
    unknown = above is not None and above not in categories
    return unknown or any(one.restricted for one in line)


def visibility_of(category: Category, categories: Mapping[int, Category]) -> str:
    """Who may read what is in it: everybody, or who may read this very category."""
    if not is_restricted(category, categories):
        return PUBLIC
    if not _has_namesake(category, categories):
        return f"category:{category.name}"
    return f"category:{category.name} ({category.id})"


class TopicFacts(Protocol):
    """What a topic is beside its posts; a list tells it, and so does the topic."""

    @property
    def id(self) -> TopicId: ...
    @property
    def title(self) -> str: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def created_at(self) -> datetime | None: ...
    @property
    def views(self) -> int: ...
    @property
    def likes(self) -> int: ...
    @property
    def visible(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def archived(self) -> bool: ...
    @property
    def pinned(self) -> bool: ...


def to_document(
    facts: TopicFacts,
    contents: Iterable[Part | LeftOut],
    *,
    source: str,
    base_url: str,
    category: Category,
    visibility: str,
    revision: str,
    verified_at: datetime | None,
) -> Document | None:
    """A topic as a document, or ``None`` when it has no post that may be kept.

    It is solved only by a post that is kept: a bot's own reply never makes a
    question look answered.
    """
    parts, left_out = sorted_parts(contents)
    if not parts or is_begun_by_forgotten(left_out):
        return None
    return Document(
        source=source,
        kind=Kind.THREAD,
        key=str(facts.id),
        url=address(base_url, str(facts.id)),
        title=facts.title,
        parts=parts,
        visibility=visibility,
        category=category.name,
        category_id=category.id,
        tags=facts.tags,
        created_at=facts.created_at or parts[0].created_at,
        updated_at=last_change(parts),
        solved=any(part.accepted for part in parts),
        closed=facts.closed or facts.archived,
        archived=facts.archived,
        pinned=facts.pinned,
        listed=facts.visible,
        views=facts.views,
        likes=facts.likes,
        revision=revision,
        left_out=left_out,
        verified_at=verified_at,
    )


def address(base_url: str, key: str) -> str:
    """Of a topic. Never by slug: slugs are not unique, and change with the title."""
    return f"{base_url}/t/{key}"


def part_of(
    post: Post, rules: ForumRules, *, accepted: bool | None = None
) -> Part | LeftOut:
    """A post as a part, or why it must not be kept.

    Args:
        accepted: Whether it is a solution, where the post itself does not say.
    """
    part = Part(
        number=post.number,
        body=post.body,
        format=post.format,
        external_id=post.id,
        author_id=post.user_id,
        author=post.username,
        created_at=post.created_at,
        updated_at=post.updated_at,
        likes=post.likes,
        accepted=bool(accepted if post.accepted is None else post.accepted),
        reply_to=post.reply_to,
        staff=post.staff,
    )
    return under_rules(part, rules)


def under_rules(part: Part | LeftOut, rules: ForumRules) -> Part | LeftOut:
    """The part, or why *rules* keep it out; quotes of who is forgotten go as well.

    Of what is left out already it is told when it was theirs who is forgotten.
    """
    if isinstance(part, LeftOut):
        if not begun_by(part, rules.forgotten):
            return part
        return LeftOut(part.external_id, part.number, FORGOTTEN_AUTHOR)
    if part.external_id is not None and rules.forgotten.covers(
        part.author, part.author_id
    ):
        return LeftOut(part.external_id, part.number, FORGOTTEN_AUTHOR)
    if (part.author or "").casefold() in rules.ignored and part.external_id is not None:
        author_id = part.author_id if part.number == 1 else None
        return LeftOut(part.external_id, part.number, IGNORED_AUTHOR, author_id)
    return without_quotes_of(part, rules.forgotten)


def is_begun_by_forgotten(left_out: Iterable[LeftOut]) -> bool:
    """Whether a topic is one of somebody who is forgotten."""
    return any(each.number == 1 and each.cause == FORGOTTEN_AUTHOR for each in left_out)


def sorted_parts(
    contents: Iterable[Part | LeftOut],
) -> tuple[tuple[Part, ...], tuple[LeftOut, ...]]:
    """Parts and what is left out, each in the order of the topic."""
    parts: list[Part] = []
    left_out: list[LeftOut] = []
    for content in contents:
        if isinstance(content, LeftOut):
            left_out.append(content)
        else:
            parts.append(content)
    parts.sort(key=lambda part: part.number)
    left_out.sort(key=lambda item: (item.number, item.external_id))
    return tuple(parts), tuple(left_out)


def last_change(parts: Sequence[Part]) -> datetime | None:
    """When a post was last written or edited."""
    return max(
        (at for part in parts for at in (part.created_at, part.updated_at) if at),
        default=None,
    )


def _with_parents(
    category: Category, categories: Mapping[int, Category]
) -> Iterator[Category]:
    """A category and those above it; a circle ends where it closes."""
    seen: set[int] = set()
    above: Category | None = category
    while above is not None and above.id not in seen:
        seen.add(above.id)
        yield above
        above = categories.get(above.parent_id) if above.parent_id else None


def _own_names(
    category: Category, categories: Mapping[int, Category]
) -> frozenset[str]:
    """What means this category and no other: its id, its slug below its parent's, and,
    unless another is called the same, its name and its slug."""
    names = {str(category.id)}
    parent = categories.get(category.parent_id) if category.parent_id else None
    if parent is not None:
        names.add(f"{parent.slug}/{category.slug}".casefold())
    if not _has_namesake(category, categories):
        names |= {category.name.casefold(), category.slug.casefold()}
    return frozenset(names)


def _has_namesake(category: Category, categories: Mapping[int, Category]) -> bool:
    """Whether another category has its name or its slug: below other parents, forums
    allow that."""
    return any(
        other.id != category.id
        and (
            other.name.casefold() == category.name.casefold()
            or (other.slug and other.slug.casefold() == category.slug.casefold())
        )
        for other in categories.values()
    )


def _named(category: Category, names: frozenset[str]) -> bool:
    return category.name.casefold() in names or category.slug.casefold() in names


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)
