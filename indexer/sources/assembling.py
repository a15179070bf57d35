"""A topic put together from what is stored, what was read since, and a list's word.

Pure. It costs no request, and so it must be sure: whatever does not add up is not
put together, and the topic is read instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from indexer.sources.threads import (
    ForumRules,
    is_begun_by_forgotten,
    last_change,
    sorted_parts,
    under_rules,
)
from indexer.wire import WHISPER, TopicItem
from kb.types import Document, LeftOut, Part

Content = Part | LeftOut


def put_together(
    stored: Document | None,
    loose: Iterable[Content],
    item: TopicItem,
    rules: ForumRules,
    *,
    compared: bool,
    read_at: datetime,
) -> tuple[Content, ...] | None:
    """All posts of a topic, if they are known.

    Args:
        stored: What is held of it.
        loose: Posts that were read since, or that differ from the stored ones.
        item: What the list says of it now.
        compared: All that is stored was compared with the forum just now; else a
            topic that moved without a new post is not trusted: its last post may
            have been edited, or one deleted.
        read_at: When the reading of posts began. A topic that moved later must have
            done so by a post that is known: its last one may have been edited after
            it was read.

    Returns:
        ``None`` when the posts are not those that the list counts.
    """
    known = _known(stored, loose)
    if known is None or item.posts_count != _counted(known.values()):
        return None
    if item.bumped_at > read_at and not _was_bumped_by(known.values(), item):
        return None
    # A deleted post and one that the feed does not tell, as when a moderator closes
    # the topic, make up for each other in the count, and not in the numbers.
    last_number = max((content.number for content in known.values()), default=0)
    if item.last_number not in {None, last_number}:
        return None
    if stored is not None and not compared:
        held = {content.external_id for content in stored.contents}
        moved = activity_of(stored.revision) != item.activity
        if moved and not _follow(stored, last_number, len(known.keys() - held)):
            return None
    contents = [under_rules(each, rules) for each in known.values()]
    solved = any(isinstance(each, Part) and each.accepted for each in contents)
    if item.solved and not solved:
        # By which post? A bot's own, which is left out, is none.
        return None
    if item.solved is False and solved:
        contents = [
            replace(each, accepted=False) if isinstance(each, Part) else each
            for each in contents
        ]
    return tuple(contents)


def with_edits(
    stored: Document, loose: Iterable[Content], rules: ForumRules
) -> Document | None:
    """The stored document with some of its posts as they are now.

    Returns:
        ``None`` when one of them is not a post of it, or none is left to be kept.
    """
    held = {content.external_id for content in stored.contents}
    edits = tuple(loose)
    known = _known(stored, edits)
    if known is None or not known.keys() <= held:
        return None
    parts, left_out = sorted_parts(under_rules(each, rules) for each in known.values())
    if not parts or is_begun_by_forgotten(left_out):
        return None
    return replace(
        stored,
        parts=parts,
        left_out=left_out,
        updated_at=last_change(parts),
        solved=any(part.accepted for part in parts),
        verified_at=None,
    )


def revision_of(facts: str, activity: str) -> str:
    """A document's revision: what the list said of it."""
    return f"{facts}:{activity}"


def activity_of(revision: str) -> str:
    """The half of a revision that moves with posts."""
    return revision.rpartition(":")[2]


def _counted(contents: Iterable[Content]) -> int:
    """How many of these a list counts: whispers are not, for staff neither."""
    return sum(
        not (isinstance(each, LeftOut) and each.cause == WHISPER) for each in contents
    )


def _was_bumped_by(contents: Iterable[Content], item: TopicItem) -> bool:
    """Whether the topic was last moved by one of these, as it is known."""
    latest = last_change([each for each in contents if isinstance(each, Part)])
    return latest is not None and latest >= item.bumped_at


def _follow(stored: Document, last_number: int, new: int) -> bool:
    """Whether so many new posts, at least one, are all that came after the stored."""
    before = max((content.number for content in stored.contents), default=0)
    return new > 0 and last_number - before == new


def _known(
    stored: Document | None, loose: Iterable[Content]
) -> dict[int, Content] | None:
    """Posts by id; ``None`` when ids or numbers do not tell them apart."""
    known: dict[int, Content] = {}
    for content in (*(stored.contents if stored else ()), *loose):
        if content.external_id is None:
            return None
        known[content.external_id] = content
    numbers = {content.number for content in known.values()}
    return known if len(numbers) == len(known) else None
