"""What answers lead to, and what became of it: for who keeps answers up.

An answer is what somebody else than the asker wrote in a thread. Links are compared by
their keys, see `kb.links`; what is wrong with where they lead is for the caller to say.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from kb.store.rows import (
    batches,
    conditions,
    placeholders,
    seen_by,
    to_kind,
    to_moment,
    to_text,
)
from kb.types import DocumentId, Kind, LinkRole

# As it was written, before rules of moved hosts were applied: "http://old.example/".
_ORIGIN = "substr(l.href, 1, 8 + instr(substr(l.href, 9), '/'))"


@dataclass(frozen=True, slots=True)
class Linked:
    """An address that answers lead to.

    Attributes:
        key: What all addresses of the same thing share.
        url: Canonical, without the place within the page.
        origin: Scheme and host as they were written, with a slash at the end.
    """

    key: str
    url: str
    origin: str


@dataclass(frozen=True, slots=True)
class Page:
    """A stored document as something that links lead to.

    Attributes:
        key: As of links to it.
        current: It is the version of its page that is searched.
        outdated: Newer versions of what it belongs to have no such page any more.
        problem: Why it is dead; empty: nothing says so.
        dead_at: Since when.
    """

    id: DocumentId
    key: str
    source: str
    kind: Kind
    title: str
    url: str
    version: str | None
    current: bool
    outdated: bool
    problem: str
    dead_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stray:
    """An address of a harvested site at which there is no page of its own.

    Attributes:
        leads_to: The document that people land on; ``None``: the site does not give
            out anything there.
        failed_at, checked_at: From when until when that was so.
    """

    source: str
    url: str
    leads_to: Page | None
    failed_at: datetime | None
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A post that leads to an address, with the thread that it stands in."""

    linked: Linked
    document_id: DocumentId
    part_number: int
    views: int


@dataclass(frozen=True, slots=True)
class Spot:
    """A thread in which something is linked.

    Attributes:
        author: Who began it; empty where nobody knows.
    """

    id: DocumentId
    source: str
    key: str
    title: str
    url: str
    created_at: datetime
    author: str
    category: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class OfSource:
    """How much is held of a source.

    Attributes:
        documents: All of it.
        shown: Of which the reader may know.
    """

    documents: int
    shown: int


class Upkeep:
    """Reads only.

    *visible_to* says what the reader may see; ``None``: everything. Nothing is told of
    other documents, nor of links in them.
    """

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    # -- links ---------------------------------------------------------------

    def linked(
        self,
        *,
        before: datetime,
        visible_to: Collection[str] | None,
        sources: Collection[str] | None = None,
    ) -> list[Linked]:
        """The addresses that answers written before a time lead to, each once, those
        that lead back into their own thread left out.

        Args:
            sources: Only answers in these; ``None``: in all.
        """
        answers, values = _answers(before, visible_to, sources)
        rows = self._conn.execute(
            f"SELECT DISTINCT l.link_key, l.url, {_ORIGIN} {answers} ORDER BY 1, 2, 3",
            values,
        )
        return [Linked(*row) for row in rows]

    def places(
        self,
        linked: Collection[Linked],
        *,
        before: datetime,
        visible_to: Collection[str] | None,
        sources: Collection[str] | None = None,
    ) -> list[Place]:
        """Where answers lead to some of these, by document and part; see `linked`."""
        wanted = frozenset(linked)
        answers, values = _answers(before, visible_to, sources)
        found: list[Place] = []
        for some in batches(sorted({each.key for each in wanted})):
            rows = self._conn.execute(
                f"SELECT DISTINCT l.link_key, l.url, {_ORIGIN}, l.document_id,"
                f" l.part_number, d.views {answers}"
                f" AND l.link_key IN ({placeholders(some)})",
                [*values, *some],
            )
            for key, url, origin, document_id, number, views in rows:
                place = Linked(key, url, origin)
                if place in wanted:
                    found.append(Place(place, DocumentId(document_id), number, views))
        return sorted(found, key=lambda p: (p.document_id, p.part_number, p.linked.url))

    def pages(
        self,
        keys: Collection[str],
        *,
        before: datetime,
        visible_to: Collection[str] | None,
    ) -> list[Page]:
        """The listed documents at some keys, by id.

        Args:
            before: What died later is not dead.
        """
        found: list[Page] = []
        for condition, some in conditions("d.link_key", sorted(set(keys) - {""})):
            found += self._pages(condition, some, before, visible_to)
        return sorted(found, key=lambda page: page.id)

    def pages_with(
        self,
        ids: Collection[DocumentId],
        *,
        before: datetime,
        visible_to: Collection[str] | None,
    ) -> list[Page]:
        """As `pages`, those with some ids."""
        found: list[Page] = []
        for condition, some in conditions("d.id", sorted(set(ids))):
            found += self._pages(condition, some, before, visible_to)
        return sorted(found, key=lambda page: page.id)

    def dead(
        self, *, before: datetime, visible_to: Collection[str] | None
    ) -> list[Page]:
        """The listed documents that do not answer, by id."""
        return self._pages("t.dead_at IS NOT NULL", (), before, visible_to, dead=True)

    def _pages(
        self,
        condition: str,
        values: Sequence[object],
        before: datetime,
        visible_to: Collection[str] | None,
        *,
        dead: bool = False,
    ) -> list[Page]:
        seen, may = seen_by(visible_to)
        # What a look found holds for the address that was looked at, until the
        # document's own source sees it: see `kb.store.targets`.
        join = (
            f"{'' if dead else 'LEFT '}JOIN targets t ON t.document_id = d.id"
            " AND t.url = d.url AND t.checked_at >= coalesce(d.verified_at, '')"
            " AND t.dead_at < ?"
        )
        rows = self._conn.execute(
            "SELECT d.id, d.link_key, d.source, d.kind, d.title, d.url,"  # noqa: S608
            " d.version, d.current, d.outdated, t.problem, t.dead_at"
            f" FROM documents d {join} WHERE {condition} AND d.listed AND {seen}"
            " ORDER BY d.id",
            [to_text(before), *values, *may],
        )
        return [_page(row) for row in rows]

    def strays(
        self,
        leads_to: str,
        *,
        before: datetime,
        visible_to: Collection[str] | None,
    ) -> list[Stray]:
        """The addresses of harvested sites, by source and address, that are none of
        pages any more: they lead to another one, or the site gave out nothing there
        time and again.

        Args:
            leads_to: What stands before another document's key as the reason why an
                address became none.
            before: What failed later has not failed, and what was looked at later
                had not moved.
        """
        # The document's own address may be another one than what was asked for.
        key = "CASE WHEN f.key = '' THEN substr(f.reason, length(:sign) + 1) ELSE f.key"
        rows = self._conn.execute(
            "SELECT f.source, f.url, d.id, f.failed_at, f.checked_at FROM fetches f"  # noqa: S608
            f" LEFT JOIN documents d ON d.source = f.source AND d.key = {key} END"
            " AND (f.key != '' OR substr(f.reason, 1, length(:sign)) = :sign)"
            " WHERE CASE WHEN d.id IS NULL THEN f.key = '' AND f.reason = ''"
            " AND f.failures > 1 AND f.failed_at < :before"
            " ELSE f.failures = 0 AND d.url != f.url AND f.checked_at < :before END"
            " ORDER BY f.source, f.url",
            {"sign": leads_to, "before": to_text(before)},
        ).fetchall()
        ids = [DocumentId(row[2]) for row in rows if row[2] is not None]
        pages = {
            page.id: page
            for page in self.pages_with(ids, before=before, visible_to=visible_to)
        }
        return [
            Stray(
                source=row[0],
                url=row[1],
                leads_to=None if row[2] is None else pages[DocumentId(row[2])],
                failed_at=to_moment(row[3]),
                # How long it had failed by then, and not by now.
                checked_at=min(datetime.fromisoformat(row[4]), before),
            )
            for row in rows
            if row[2] is None or row[2] in pages
        ]

    # -- where they stand ------------------------------------------------------

    def spots(self, ids: Collection[DocumentId]) -> dict[DocumentId, Spot]:
        """The threads among *ids*, by id; whoever asks has seen to who may know."""
        found: dict[DocumentId, Spot] = {}
        for some in batches(sorted(set(ids))):
            rows = self._conn.execute(
                "SELECT d.id, d.source, d.key, d.title, d.url, d.created_at,"  # noqa: S608
                " (SELECT p.author FROM parts p WHERE p.document_id = d.id"
                " AND p.number = 1), d.category, d.language FROM documents d"
                f" WHERE d.id IN ({placeholders(some)}) AND d.created_at IS NOT NULL",
                some,
            )
            for row in rows:
                found[DocumentId(row[0])] = Spot(
                    id=DocumentId(row[0]),
                    source=row[1],
                    key=row[2],
                    title=row[3],
                    url=row[4],
                    created_at=datetime.fromisoformat(row[5]),
                    author=row[6] or "",
                    category=row[7],
                    language=row[8],
                )
        return found

    # -- sources ---------------------------------------------------------------

    def held(self, *, visible_to: Collection[str] | None) -> dict[str, OfSource]:
        """How much is held of each source that holds anything."""
        seen, may = seen_by(visible_to)
        rows = self._conn.execute(
            f"SELECT d.source, count(*), sum({seen}) FROM documents d"  # noqa: S608
            " GROUP BY d.source ORDER BY d.source",
            may,
        )
        return {row[0]: OfSource(row[1], row[2]) for row in rows}


def _answers(
    before: datetime,
    visible_to: Collection[str] | None,
    sources: Collection[str] | None,
) -> tuple[str, list[object]]:
    """The SQL for links ``l`` in answers of threads ``d``, and its values."""
    seen, may = seen_by(visible_to)
    if sources is not None:
        seen += f" AND d.source IN ({placeholders(sources)})"
        may = [*may, *sorted(sources)]
    roles = [LinkRole.HELPER.value, LinkRole.STAFF.value]
    condition = (
        "FROM links l JOIN documents d ON d.id = l.document_id"
        f" WHERE l.role IN ({placeholders(roles)}) AND d.kind = ? AND d.listed"
        " AND d.created_at < ? AND coalesce(l.created_at, d.created_at) < ?"
        f" AND l.link_key != d.link_key AND {seen}"
    )
    moment = to_text(before)
    return condition, [*roles, Kind.THREAD.value, moment, moment, *may]


def _page(row: Sequence[Any]) -> Page:
    return Page(
        id=DocumentId(row[0]),
        key=row[1],
        source=row[2],
        kind=to_kind(row[3]),
        title=row[4],
        url=row[5],
        version=row[6],
        current=bool(row[7]),
        outdated=bool(row[8]),
        problem=row[9] or "",
        dead_at=to_moment(row[10]),
    )
