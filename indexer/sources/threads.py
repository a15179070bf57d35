"""Topics as documents, and which topics must not become one. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from indexer.wire import PRIVATE_MESSAGE, Category, Post, TopicPage
from kb.types import PUBLIC, Document, Kind, Part, TopicId, content_hash


@dataclass(frozen=True, slots=True)
class ForumRules:
    """What of a forum is harvested; names are compared in any case.

    Attributes:
        private: Names or slugs of restricted categories that are harvested all
            the same, for readers who may see them.
        excluded: Names or slugs of categories that are not, nor what is in them.
        ignored: Accounts whose posts are no evidence: bots, our own among them.
    """

    private: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        *,
        private: Iterable[str] = (),
        excluded: Iterable[str] = (),
        ignored: Iterable[str] = (),
    ) -> ForumRules:
        """Rules from names as people write them."""
        return cls(_folded(private), _folded(excluded), _folded(ignored))

    @property
    def stamp(self) -> str:
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
    if category is None:
        return "unknown category"
    if category.about_topic_id == topic_id:
        return "category description"
    line = list(_with_parents(category, categories))
    if any(_named(above, rules.excluded) for above in line):
        return "excluded category"
    if is_restricted(category, categories) and not _named(category, rules.private):
        return "private category"
    return ""


def is_restricted(category: Category, categories: Mapping[int, Category]) -> bool:
    """Whether not everybody may read it: a category is never more open than
    the one that it is in, and one below an unknown one is taken for restricted."""
    line = list(_with_parents(category, categories))
    above = line[-1].parent_id
    unknown = above is not None and above not in categories
    return unknown or any(one.restricted for one in line)


def visibility_of(category: Category, categories: Mapping[int, Category]) -> str:
    if is_restricted(category, categories):
        return f"category:{category.name}"
    return PUBLIC


def to_document(
    topic: TopicPage,
    *,
    source: str,
    base_url: str,
    category: Category,
    visibility: str,
    revision: str,
    rules: ForumRules,
) -> Document | None:
    """A topic as a document, or ``None`` when it has no post that may be kept.

    It is solved only by a post that is kept: a bot's own reply never makes a
    question look answered.
    """
    parts = tuple(
        _part(post, accepted=post.accepted or post.number in topic.accepted)
        for post in topic.posts.kept
        if (post.username or "").casefold() not in rules.ignored
    )
    if not parts:
        return None
    return Document(
        source=source,
        kind=Kind.THREAD,
        key=str(topic.id),
        # Never by slug: slugs are not unique, and they change with the title.
        url=f"{base_url}/t/{topic.id}",
        title=topic.title,
        parts=parts,
        visibility=visibility,
        category=category.name,
        tags=topic.tags,
        created_at=topic.created_at or parts[0].created_at,
        updated_at=max(
            at for part in parts for at in (part.created_at, part.updated_at) if at
        ),
        solved=any(part.accepted for part in parts),
        closed=topic.closed,
        listed=topic.visible,
        views=topic.views,
        revision=revision,
    )


def _part(post: Post, *, accepted: bool) -> Part:
    return Part(
        number=post.number,
        body=post.cooked,
        format="html",
        external_id=post.id,
        author_id=post.user_id,
        author=post.username,
        created_at=post.created_at,
        updated_at=post.updated_at,
        likes=post.likes,
        accepted=accepted,
        reply_to=post.reply_to,
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


def _named(category: Category, names: frozenset[str]) -> bool:
    return category.name.casefold() in names or category.slug.casefold() in names


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)
