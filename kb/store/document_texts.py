"""Documents, field by field: what they say, and what others say of them."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from kb.store.incoming import FROM_OPENING, OF_THE_FORUM
from kb.store.rows import batches, placeholders
from kb.texts import DocumentText, Text, TextField
from kb.types import PUBLIC, DocumentId, Kind

# Documents that are in memory with their text, and with the questions answered
# with them.
_STEP = 50
# Of a document that everybody links: more say nothing new, and the index would
# grow with the square of the store.
_MAX_QUESTIONS = 200
_MAX_ANCHORS = 500
# The end of a long question is logs and thanks.
_QUESTION_CHARS = 1_500
_ANCHOR_CHARS = 200
_ADDRESS = re.compile(r"(?:https?:|www\.)\S*|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S*", re.I)


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


@dataclass(slots=True)
class _Passages:
    """The text of one document."""

    first: list[str] = field(default_factory=list)
    opening: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    heading: str = ""

    def add(self, ordinal: int, heading: str, text: str, opening: bool) -> None:
        if ordinal == 0:
            self.first.append(text)
        if opening:
            self.opening.append(text)
        # A long section is several passages, and has one heading.
        if heading and heading != self.heading:
            self.whole.append(heading)
        self.heading = heading
        self.whole.append(text)


@dataclass(slots=True)
class _Said:
    """What others say of one document.

    Attributes:
        asked: Threads that were answered with it, newest first, each once.
    """

    asked: dict[DocumentId, None] = field(default_factory=dict)
    anchors: list[Text] = field(default_factory=list)


def _texts_of(
    conn: sqlite3.Connection, ids: Sequence[DocumentId]
) -> Iterator[DocumentText]:
    documents = conn.execute(
        "SELECT id, kind, title, language, visibility FROM documents"  # noqa: S608
        f" WHERE listed AND id IN ({placeholders(ids)}) ORDER BY id",
        ids,
    ).fetchall()
    passages = _passages(conn, ids)
    said = _said(conn, ids)
    questions = _questions(conn, {i for each in said.values() for i in each.asked})
    for number, kind, title, language, visibility in documents:
        document_id = DocumentId(number)
        own, others = passages[document_id], said[document_id]
        opening = own.opening if kind == Kind.THREAD else own.first
        fields = {
            TextField.TITLE: _one(title, language),
            TextField.OPENING: _one("\n\n".join(opening), language),
            TextField.WHOLE: _one("\n\n".join(own.whole), language),
            TextField.ASKED: tuple(questions[thread] for thread in others.asked),
            TextField.ANCHORS: tuple(others.anchors),
        }
        yield DocumentText(
            id=document_id,
            kind=Kind(kind),
            visibility=visibility,
            fields={name: texts for name, texts in fields.items() if texts},
        )


def _one(text: str, language: str | None) -> tuple[Text, ...]:
    return (Text(text, language),) if text.strip() else ()


def _passages(
    conn: sqlite3.Connection, ids: Sequence[DocumentId]
) -> defaultdict[DocumentId, _Passages]:
    found: defaultdict[DocumentId, _Passages] = defaultdict(_Passages)
    rows = conn.execute(
        "SELECT document_id, ordinal, heading, text, opening FROM passages"  # noqa: S608
        f" WHERE document_id IN ({placeholders(ids)})"
        " ORDER BY document_id, ordinal, id",
        ids,
    )
    for document_id, *passage in rows:
        found[DocumentId(document_id)].add(*passage)
    return found


def _said(
    conn: sqlite3.Connection, ids: Sequence[DocumentId]
) -> defaultdict[DocumentId, _Said]:
    """What public documents say of these; whoever may read these."""
    marks = placeholders(ids)
    columns = (
        "SELECT t.id, l.document_id, l.text, d.language,"  # noqa: S608
        f" d.kind = 'thread' AND NOT {FROM_OPENING},"
        " d.created_at AS started, l.part_number, l.ordinal FROM documents t"
    )
    source = (
        " CROSS JOIN documents d ON d.id = l.document_id"
        f" WHERE t.id IN ({marks}) AND d.listed AND d.visibility = ?"
    )
    rows = conn.execute(
        f"{columns} CROSS JOIN links l ON l.link_key = t.link_key {source}"
        " AND t.link_key NOT IN ('', d.link_key)"
        f" UNION ALL {columns}"
        " CROSS JOIN parts p INDEXED BY parts_order ON p.document_id = t.id"
        " CROSS JOIN links l INDEXED BY links_post ON l.post_id = p.external_id"
        f" {source} AND t.link_key != d.link_key AND {OF_THE_FORUM}"
        " ORDER BY started DESC, l.document_id DESC, l.part_number, l.ordinal",
        [*ids, PUBLIC, *ids, PUBLIC],
    )
    found: defaultdict[DocumentId, _Said] = defaultdict(_Said)
    for target, thread, text, language, answers, *_ in rows:
        said = found[DocumentId(target)]
        if answers and len(said.asked) < _MAX_QUESTIONS:
            said.asked[DocumentId(thread)] = None
        if (
            text.strip()
            and not _ADDRESS.fullmatch(text.strip())
            and len(said.anchors) < _MAX_ANCHORS
        ):
            said.anchors.append(Text(text[:_ANCHOR_CHARS], language))
    return found


def _questions(
    conn: sqlite3.Connection, threads: Collection[DocumentId]
) -> dict[DocumentId, Text]:
    """Title and the beginning of the first post of threads."""
    found: dict[DocumentId, Text] = {}
    for some in batches(sorted(threads)):
        marks = placeholders(some)
        opening: defaultdict[int, str] = defaultdict(str)
        rows = conn.execute(
            "SELECT document_id, text FROM passages INDEXED BY passages_opening"  # noqa: S608
            f" WHERE opening AND document_id IN ({marks})"
            " ORDER BY document_id, ordinal, id",
            some,
        )
        for thread, text in rows:
            if len(opening[thread]) < _QUESTION_CHARS:
                opening[thread] += f"\n\n{text}" if opening[thread] else text
        titles = conn.execute(
            "SELECT id, title, language FROM documents"  # noqa: S608
            f" WHERE id IN ({marks})",
            some,
        )
        for thread, title, language in titles:
            text = f"{title}\n{opening[thread][:_QUESTION_CHARS]}"
            found[DocumentId(thread)] = Text(text.strip(), language)
    return found
