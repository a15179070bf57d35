"""A forum's topics from a file: one JSON object a line, gzipped or not."""

from __future__ import annotations

from pathlib import Path

from indexer.fields import Fields
from indexer.forgetting import FORGOTTEN_AUTHOR, without_forgotten
from indexer.sources.lines import JsonLines, Skip
from kb.store import NOBODY, Forgotten
from kb.types import PUBLIC, Document, Kind, Part

_FORMAT = 1
"""Grows with every change of what a line is read as."""


class ArchiveSource(JsonLines):
    """Reads topics, each with all its posts, from JSON Lines.

    A line holds ``id``, ``title``, ``created_at`` and ``posts``, a list of objects
    with ``post_number``, ``created_at`` and ``cooked``, and if known ``id``,
    ``username``, ``user_id``, ``updated_at``, ``like_count``, ``accepted_answer``
    and ``reply_to_post_number``. Of topics with one id the last in the file wins,
    and so of posts with one number.

    Args:
        name: In the config.
        path: The file; ``.gz`` is told by its content.
        forum_url: Where the topics can be read.
        forgotten: Members of whom nothing is held, nor a topic that they began.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        forum_url: str,
        language: str | None = None,
        visibility: str = PUBLIC,
        forgotten: Forgotten = NOBODY,
    ) -> None:
        self._forgotten = forgotten
        self._forum_url = forum_url.rstrip("/")
        self._language = language
        self._visibility = visibility
        super().__init__(
            name,
            path,
            self._topic,
            key_fields=("id",),
            settings=(
                *(_FORMAT, self._forum_url, language, visibility),
                *(sorted(each) for each in (forgotten.ids, forgotten.hashes) if each),
            ),
        )

    def _topic(self, fields: Fields) -> Document | Skip:
        topic_id = fields.whole("id")
        if topic_id < 1:
            raise fields.bad("id", f"expected int >= 1, got {topic_id}")
        posts = {post.number: post for post in map(_post, fields.each("posts"))}
        title, created_at = fields.text("title"), fields.moment("created_at")
        if not posts:
            return Skip(str(topic_id), "no posts")
        parts = tuple(posts[number] for number in sorted(posts))
        document = Document(
            source=self._name,
            kind=Kind.THREAD,
            key=str(topic_id),
            url=f"{self._forum_url}/t/{topic_id}",
            title=title,
            parts=parts,
            language=self._language,
            visibility=self._visibility,
            created_at=created_at,
            updated_at=max(part.created_at for part in parts if part.created_at),
            solved=any(part.accepted for part in parts),
        )
        kept = without_forgotten(document, self._forgotten)
        return Skip(str(topic_id), FORGOTTEN_AUTHOR) if kept is None else kept


def _post(fields: Fields) -> Part:
    return Part(
        number=fields.whole("post_number"),
        body=fields.text("cooked"),
        external_id=fields.maybe_whole("id"),
        author_id=fields.maybe_whole("user_id"),
        author=fields.maybe_text("username"),
        created_at=fields.moment("created_at"),
        updated_at=fields.maybe_moment("updated_at"),
        likes=fields.maybe_whole("like_count") or 0,
        accepted=fields.flag("accepted_answer"),
        reply_to=fields.maybe_whole("reply_to_post_number"),
    )
