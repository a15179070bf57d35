"""The store's generation: whether what is derived from it is still up to date."""

from __future__ import annotations

import sqlite3

from kb.store.incoming import ACCEPTED
from kb.types import DocumentId, content_hash


def next_generation(conn: sqlite3.Connection) -> None:
    """Note that something changed that derived indexes hold."""
    conn.execute(
        "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'"
    )


def outline(conn: sqlite3.Connection, document_id: DocumentId) -> str:
    """Hash of all that derived indexes hold of a document, but its passages' text.

    The text has marks of its own: the ids of passages. What matters here is what
    others are told of the document, and what it tells of them: title, readers,
    address, author of each post, links and whether they were accepted. Views, likes
    and the like are read from the store whenever they are needed, or held by an open
    index, where it does no harm that they are a little old.
    """
    document = conn.execute(
        "SELECT kind, title, language, visibility, listed, link_key, created_at,"
        " version FROM documents WHERE id = ?",
        [document_id],
    ).fetchone()
    passages = conn.execute(
        "SELECT id FROM passages WHERE document_id = ? ORDER BY ordinal, id",
        [document_id],
    )
    parts = conn.execute(
        "SELECT number, external_id, author_id FROM parts INDEXED BY parts_order"
        " WHERE document_id = ? ORDER BY number",
        [document_id],
    )
    # Without ordinals: a link that goes moves those after it.
    links = conn.execute(
        "SELECT l.part_number, l.link_key, l.post_id, l.text, l.role, l.created_at,"  # noqa: S608
        f" {ACCEPTED} FROM links l WHERE l.document_id = ?",
        [document_id],
    )
    return content_hash(
        document, passages.fetchall(), parts.fetchall(), sorted(map(repr, links))
    )
