"""Documents of the store, field by field: what they say, and what others say of them.

By the rules of `kb.said`; here is only where it all stands.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from kb.said import Piece, Said, document_text, question_text
from kb.store.incoming import FROM_OPENING, OF_THE_FORUM
from kb.store.rows import batches, placeholders
from kb.texts import DocumentText, Text
from kb.types import PUBLIC, DocumentId, Kind

# Documents that are in memory with their text, and with the questions answered
# with them.
_STEP = 50


def document_texts(
    conn: sqlite3.Connection, ids: Sequence[DocumentId] | None = None
) -> Iterator[DocumentText]:
    """The listed ones among *ids*, or all, by id; memory does not grow with their
    number."""
    if ids is not None:
        for some in batches(sorted(set(ids)), _STEP):
            yield from _texts_of(conn, some)
        return
    last = 0
    while True:
        rows = conn.execute(
            "SELECT id FROM documents WHERE id > ? ORDER BY id LIMIT ?", [last, _STEP]
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield from _texts_of(conn, [DocumentId(i) for (i,) in rows])


def _texts_of(
    conn: sqlite3.Connection, ids: Sequence[DocumentId]
) -> Iterator[DocumentText]:
    documents = conn.execute(
        "SELECT id, kind, title, language, visibility FROM documents"  # noqa: S608
        f" WHERE listed AND current AND id IN ({placeholders(ids)}) ORDER BY id",
        ids,
    ).fetchall()
    passages = _passages(conn, ids)
    said = _said(conn, ids)
    questions = _questions(conn, {i for each in said.values() for i in each.asked})
    for number, kind, title, language, visibility in documents:
        document_id = DocumentId(number)
        others = said[document_id]
        yield document_text(
            document_id,
            Kind(kind),
            visibility,
            title,
            language,
            passages[document_id],
            (questions[thread] for thread in others.asked),
            others.anchors,
        )


def _passages(
    conn: sqlite3.Connection, ids: Sequence[DocumentId]
) -> defaultdict[DocumentId, list[Piece]]:
    found: defaultdict[DocumentId, list[Piece]] = defaultdict(list)
    rows = conn.execute(
        "SELECT document_id, heading, text, opening FROM passages"  # noqa: S608
        f" WHERE document_id IN ({placeholders(ids)})"
        " ORDER BY document_id, ordinal, id",
        ids,
    )
    for document_id, heading, text, opening in rows:
        found[DocumentId(document_id)].append(Piece(heading, text, bool(opening)))
    return found


def _said(
    conn: sqlite3.Connection, ids: Sequence[DocumentId]
) -> defaultdict[DocumentId, Said]:
    """What public documents say of these, and of versions of them that are not
    searched; whoever may read these."""
    standing = _standing(conn, ids)
    targets = [*ids, *standing]
    marks = placeholders(targets)
    columns = (
        "SELECT t.id, l.document_id, d.kind, l.text, d.language,"
        " d.created_at AS started, l.part_number, l.ordinal FROM documents t"
    )
    source = (
        " CROSS JOIN documents d ON d.id = l.document_id"
        f" WHERE t.id IN ({marks}) AND d.listed AND d.current AND d.visibility = ?"
        f" AND NOT {FROM_OPENING}"
    )
    rows = conn.execute(
        f"{columns} CROSS JOIN links l ON l.link_key = t.link_key {source}"
        " AND t.link_key NOT IN ('', d.link_key)"
        f" UNION ALL {columns}"
        " CROSS JOIN parts p INDEXED BY parts_order ON p.document_id = t.id"
        " CROSS JOIN links l INDEXED BY links_post ON l.post_id = p.external_id"
        f" {source} AND t.link_key != d.link_key AND {OF_THE_FORUM}"
        " ORDER BY started DESC, l.document_id DESC, l.part_number DESC,"
        " l.ordinal DESC",
        [*targets, PUBLIC, *targets, PUBLIC],
    )
    found: defaultdict[DocumentId, Said] = defaultdict(Said)
    # A link may fit the addresses of several versions of one page.
    met: set[tuple[int, ...]] = set()
    for number, linking, kind, text, language, _, part, ordinal in rows:
        target = standing.get(number, DocumentId(number))
        link = (target, linking, part, ordinal)
        if standing and (link in met or target == linking):
            continue
        met.add(link)
        found[target].add(DocumentId(linking), Kind(kind), text, language)
    return found


def _standing(
    conn: sqlite3.Connection, ids: Sequence[DocumentId]
) -> dict[int, DocumentId]:
    """For each version of these that is not searched the one that is."""
    rows = conn.execute(
        "SELECT o.id, c.id FROM documents c CROSS JOIN documents o"  # noqa: S608
        " INDEXED BY documents_page ON o.source = c.source AND o.page = c.page"
        f" WHERE c.id IN ({placeholders(ids)}) AND c.current AND o.page != ''"
        " AND NOT o.current",
        ids,
    )
    return {old: DocumentId(new) for old, new in rows}


def _questions(
    conn: sqlite3.Connection, threads: Collection[DocumentId]
) -> dict[DocumentId, Text]:
    """The questions of threads, as text of what they were answered with."""
    found: dict[DocumentId, Text] = {}
    for some in batches(sorted(threads)):
        marks = placeholders(some)
        opening: defaultdict[int, list[str]] = defaultdict(list)
        rows = conn.execute(
            "SELECT document_id, text FROM passages INDEXED BY passages_opening"  # noqa: S608
            f" WHERE opening AND document_id IN ({marks})"
            " ORDER BY document_id, ordinal, id",
            some,
        )
        for thread, text in rows:
            opening[thread].append(text)
        titles = conn.execute(
            "SELECT id, title, language FROM documents"  # noqa: S608
            f" WHERE id IN ({marks})",
            some,
        )
        for thread, title, language in titles:
            found[DocumentId(thread)] = question_text(title, opening[thread], language)
    return found
