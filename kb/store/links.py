"""Who linked what: written with the document, and read from both ends."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlite_utils import Database

from kb.links import LinkRules, forum_of, normalize, rules_from_json
from kb.store.generation import next_generation
from kb.store.rows import BATCH, batches, clean, placeholders, to_moment, to_text
from kb.types import (
    PUBLIC,
    Document,
    DocumentId,
    Kind,
    Link,
    LinkDraft,
    LinkRelation,
    LinkRole,
)

_PUBLIC = frozenset({PUBLIC})
_META_KEY = "link_rules"

_READ = (
    "SELECT l.document_id, l.part_number, l.relation, l.url, l.anchor, l.link_key,"
    " l.text, l.role, l.author_id, l.created_at, coalesce(p.accepted, 0), l.post_id,"
    " d.link_key"
    " FROM links l JOIN documents d ON d.id = l.document_id"
    " LEFT JOIN parts p ON p.document_id = l.document_id AND p.number = l.part_number"
)


class Links:
    """Reads links; they are written with their document, by the rules in the store.

    Whoever reads says what its reader may see: a link tells that its document
    exists, and what is in it.
    """

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    # -- rules -------------------------------------------------------------

    @property
    def rules(self) -> LinkRules:
        """By which places and keys are worked out, whoever writes."""
        return stored_rules(self._conn)

    def use(self, rules: LinkRules) -> int:
        """Work out places and keys by *rules* from now on, and anew for what is
        stored if they are other ones; belongs inside ``Store.transaction``.

        Nothing is harvested. A link that *rules* do not keep goes.

        Returns:
            How many documents and links changed or went.
        """
        text = rules.to_json()
        if text == _stored_text(self._conn):
            return 0
        self._conn.execute(
            "INSERT INTO meta VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [_META_KEY, text],
        )
        changed = self._place_documents(rules) + self._place_links(rules)
        if changed:
            next_generation(self._conn)
        return changed

    def _place_documents(self, rules: LinkRules) -> int:
        changed: list[tuple[str, int]] = []
        rows = self._conn.execute("SELECT id, kind, url, link_key FROM documents")
        for document_id, kind, url, key in rows:
            new = rules.key(url, home=_home(kind, url))
            if new != key:
                changed.append((new, document_id))
        self._conn.executemany(
            "UPDATE documents SET link_key = ? WHERE id = ?", changed
        )
        return len(changed)

    def _place_links(self, rules: LinkRules) -> int:
        changed: list[tuple[Any, ...]] = []
        gone: list[tuple[Any, ...]] = []
        rows = self._conn.execute(
            "SELECT l.document_id, l.part_number, l.ordinal, l.href, d.kind, d.url,"
            " l.url, l.anchor, l.link_key, l.post_id"
            " FROM links l JOIN documents d ON d.id = l.document_id"
        )
        for *identity, href, kind, url, old_url, anchor, key, post_id in rows:
            place = rules.place(href, home=_home(kind, url))
            if place is None:
                gone.append(tuple(identity))
                continue
            new = (place.url, place.anchor, place.key, place.post_id)
            if new != (old_url, anchor, key, post_id):
                changed.append((*new, *identity))
        which = "document_id = ? AND part_number = ? AND ordinal = ?"
        self._conn.executemany(
            "UPDATE links SET url = ?, anchor = ?, link_key = ?, post_id = ? "  # noqa: S608
            f"WHERE {which}",
            changed,
        )
        self._conn.executemany(f"DELETE FROM links WHERE {which}", gone)  # noqa: S608
        return len(changed) + len(gone)

    # -- reading -----------------------------------------------------------

    def of_document(
        self, document_id: DocumentId, *, visible_to: Collection[str] = _PUBLIC
    ) -> tuple[Link, ...]:
        """The links in one document, in its order; none if it may not be seen."""
        found = self.from_documents([document_id], visible_to=visible_to)
        return found.get(document_id, ())

    def from_documents(
        self,
        ids: Sequence[DocumentId],
        *,
        before: datetime | None = None,
        roles: Collection[LinkRole] = tuple(LinkRole),
        visible_to: Collection[str] = _PUBLIC,
    ) -> dict[DocumentId, tuple[Link, ...]]:
        """The links in several documents, each in its order.

        Args:
            ids: Those without a link, and those that may not be seen, are absent
                from the result.
            before: Only what was written earlier than this; what was written
                nobody knows when is then left out.
            roles: Only links of these: of helpers and staff, what a question was
                answered with.
            visible_to: What the reader may see, of linking documents and targets.
        """
        found: dict[DocumentId, tuple[Link, ...]] = {}
        for some in batches(list(dict.fromkeys(ids))):
            named: dict[str, Any] = {}
            rows = self._rows(
                f"l.document_id IN ({_bind(named, 'id', some)})",
                named,
                "l.document_id, l.part_number, l.ordinal",
                before=before,
                roles=roles,
                visible_to=visible_to,
            )
            grouped: defaultdict[DocumentId, list[Link]] = defaultdict(list)
            for link in self._links(rows, visible_to):
                grouped[link.document_id].append(link)
            found.update((i, tuple(links)) for i, links in grouped.items())
        return found

    def to(
        self,
        url: str,
        *,
        before: datetime | None = None,
        roles: Collection[LinkRole] = tuple(LinkRole),
        visible_to: Collection[str] = _PUBLIC,
        limit: int = -1,
    ) -> tuple[Link, ...]:
        """Who links to a page, newest first; any address of it, or of a post, will do.

        Args:
            url: With or without its scheme.
            before: See `from_documents`; so for *roles* and *visible_to*.
            limit: How many at most; -1 for all.

        Returns:
            Links from elsewhere: a topic's links to itself are no news.
        """
        place = self.rules.place(url if "://" in url else f"https://{url}")
        if place is None:
            return ()
        key = place.key
        if place.post_id is not None:
            topics = self._topics_of_posts([place.post_id])[place.post_id]
            key = next((t.key for t in topics if t.has_post_at(key)), key)
        rows = self._rows(
            "d.link_key != :key AND (l.link_key = :key OR (l.post_id IN"
            " (SELECT external_id FROM parts WHERE document_id IN"
            " (SELECT id FROM documents WHERE link_key = :key))"
            " AND l.link_key = :forum || '/p/' || l.post_id))",
            {"key": key, "forum": key.rpartition("/t/")[0]},
            "l.created_at DESC, l.document_id DESC, l.part_number, l.ordinal",
            before=before,
            roles=roles,
            visible_to=visible_to,
            limit=limit,
        )
        return tuple(self._links(rows, visible_to))

    def documents_at(
        self,
        urls: Iterable[str],
        *,
        origin: str,
        visible_to: Collection[str] = _PUBLIC,
    ) -> frozenset[DocumentId]:
        """The stored documents that links in a topic lead to.

        Args:
            urls: Absolute, as `kb.links.normalize` spells them.
            origin: Address of the topic: stored or not, it is not among them.
            visible_to: What the reader may see.
        """
        rules, home = self.rules, forum_of(origin)
        found = (rules.place(url, home=home) for url in urls)
        places = [place for place in found if place is not None]
        by_key = self._documents_of({p.key for p in places if p.post_id is None})
        by_post = self._topics_of_posts([p.post_id for p in places if p.post_id])
        own = rules.key(origin, home=home)
        targets: list[_Target] = []
        for place in places:
            if place.post_id is None:
                targets += by_key.get(place.key, ())
            else:
                topics = by_post.get(place.post_id, ())
                targets += [topic for topic in topics if topic.has_post_at(place.key)]
        return frozenset(
            target.id
            for target in targets
            if target.key != own and target.visibility in visible_to
        )

    def between_documents(
        self,
        *,
        before: datetime | None = None,
        roles: Collection[LinkRole] = tuple(LinkRole),
        visible_to: Collection[str] = _PUBLIC,
    ) -> Iterator[Link]:
        """All links that lead to another stored document, oldest first, lazily.

        See `from_documents` for the arguments. Of what was written nobody knows
        when comes first, unless *before* is given.
        """
        rows = self._rows(
            "TRUE",
            {},
            "l.created_at, l.document_id, l.part_number, l.ordinal",
            before=before,
            roles=roles,
            visible_to=visible_to,
        )
        return (link for link in self._links(rows, visible_to) if link.targets)

    def counts(self) -> list[dict[str, Any]]:
        """Per relation and role: links, and those that lead to a stored document."""
        rows = self._conn.execute(
            "SELECT relation, role, count(*), sum(EXISTS (SELECT 1 FROM documents t"
            " WHERE t.link_key = l.link_key AND t.link_key != d.link_key))"
            " FROM links l JOIN documents d ON d.id = l.document_id"
            " GROUP BY relation, role ORDER BY relation, role"
        )
        names = ("relation", "role", "links", "to_documents")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def by_source(self) -> dict[str, int]:
        """How many links the documents of each source hold."""
        return dict(
            self._conn.execute(
                "SELECT d.source, count(*) FROM links l"
                " JOIN documents d ON d.id = l.document_id"
                " GROUP BY d.source ORDER BY d.source"
            )
        )

    def _rows(
        self,
        where: str,
        values: dict[str, Any],
        order: str,
        *,
        before: datetime | None,
        roles: Collection[LinkRole],
        visible_to: Collection[str],
        limit: int = -1,
    ) -> sqlite3.Cursor:
        named = dict(values)
        conditions = [f"({where})"]
        conditions.append(f"d.visibility IN ({_bind(named, 'may', visible_to)})")
        if len(set(roles)) < len(LinkRole):
            conditions.append(f"l.role IN ({_bind(named, 'role', roles)})")
        if before is not None:
            named["before"] = to_text(before)
            conditions.append("l.created_at < :before")
        return self._conn.execute(
            f"{_READ} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT :limit",
            {**named, "limit": limit},
        )

    def _links(
        self, rows: Iterable[Sequence[Any]], visible_to: Collection[str]
    ) -> Iterator[Link]:
        """Records of rows, lazily, with their targets."""
        left = iter(rows)
        while some := list(islice(left, BATCH)):
            by_key = self._documents_of({row[5] for row in some})
            posts = [row[11] for row in some if row[11] is not None]
            by_post = self._topics_of_posts(posts) if posts else {}
            for row in some:
                found = by_key.get(row[5], [])
                if row[11] is not None:
                    topics = by_post[row[11]]
                    found = [topic for topic in topics if topic.has_post_at(row[5])]
                targets = {
                    target.id
                    for target in found
                    if target.visibility in visible_to and target.key != row[12]
                }
                yield _link(row, tuple(sorted(targets)))

    def _documents_of(self, keys: set[str]) -> dict[str, list[_Target]]:
        found: defaultdict[str, list[_Target]] = defaultdict(list)
        for some in batches(sorted(keys - {""})):
            rows = self._conn.execute(
                "SELECT id, link_key, visibility FROM documents "  # noqa: S608
                f"WHERE link_key IN ({placeholders(some)})",
                some,
            )
            for row in rows:
                found[row[1]].append(_Target(DocumentId(row[0]), *row[1:]))
        return found

    def _topics_of_posts(self, ids: Collection[int]) -> dict[int, list[_Target]]:
        """Where posts of these ids stand, on whichever forum."""
        found: defaultdict[int, list[_Target]] = defaultdict(list)
        for some in batches(sorted(set(ids))):
            rows = self._conn.execute(
                "SELECT p.external_id, d.id, d.link_key, d.visibility"  # noqa: S608
                " FROM parts p JOIN documents d ON d.id = p.document_id"
                f" WHERE p.external_id IN ({placeholders(some)})",
                some,
            )
            for row in rows:
                found[row[0]].append(_Target(DocumentId(row[1]), *row[2:]))
        return found


@dataclass(frozen=True, slots=True)
class _Target:
    """A document that a link may lead to."""

    id: DocumentId
    key: str
    visibility: str

    def has_post_at(self, key: str) -> bool:
        """Whether the key of a post's short address is one on its own forum."""
        return self.key.rpartition("/t/")[0] == key.rpartition("/p/")[0]


# -- writing ---------------------------------------------------------------


def stored_rules(conn: sqlite3.Connection) -> LinkRules:
    """The rules that `Links.use` put into the store; else none of its own."""
    text = _stored_text(conn)
    return LinkRules() if text is None else rules_from_json(text)


def document_key(document: Document, rules: LinkRules) -> str:
    """The key of a document, as that of links to it."""
    return rules.key(document.url, home=_home(document.kind, document.url))


def replace_links(
    conn: sqlite3.Connection,
    document_id: DocumentId,
    document: Document,
    drafts: Sequence[LinkDraft],
    rules: LinkRules,
) -> None:
    """Write all links of a document in place of those that are stored of it."""
    conn.execute("DELETE FROM links WHERE document_id = ?", [document_id])
    home = _home(document.kind, document.url)
    rows: list[tuple[Any, ...]] = []
    for ordinal, draft in enumerate(drafts):
        href = normalize(draft.href)
        place = rules.place(href, home=home) if href is not None else None
        if place is None:
            continue
        rows.append(
            (
                document_id,
                draft.part_number,
                ordinal,
                draft.relation.value,
                href,
                place.url,
                place.anchor,
                place.key,
                place.post_id,
                clean(draft.text),
                draft.role.value,
                draft.author_id,
                to_text(draft.created_at),
            )
        )
    conn.executemany(
        "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
    )


def _stored_text(conn: sqlite3.Connection) -> str | None:
    row = conn.execute("SELECT value FROM meta WHERE key = ?", [_META_KEY]).fetchone()
    return None if row is None else str(row[0])


def _home(kind: str, url: str) -> str | None:
    return forum_of(url) if kind == Kind.THREAD else None


def _bind(named: dict[str, Any], prefix: str, values: Iterable[str | int]) -> str:
    """Name *values* for a statement; what stands in its ``IN``."""
    names = []
    for number, value in enumerate(values):
        # A StrEnum is text to SQLite, too.
        named[f"{prefix}{number}"] = value
        names.append(f":{prefix}{number}")
    return ", ".join(names)


def _link(row: Sequence[Any], targets: tuple[DocumentId, ...]) -> Link:
    return Link(
        document_id=DocumentId(row[0]),
        part_number=row[1],
        relation=LinkRelation(row[2]),
        url=row[3],
        anchor=row[4],
        link_key=row[5],
        text=row[6],
        role=LinkRole(row[7]),
        author_id=row[8],
        created_at=to_moment(row[9]),
        accepted=bool(row[10]),
        targets=targets,
    )
