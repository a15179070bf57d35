"""What the posts of a category share, as it was learned, and posts to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from kb.store.rows import clean, to_text
from kb.types import DocumentId, Format, Templates


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """What is known of one category of a source.

    Attributes:
        category: Its name; empty for threads without one.
        stamp: Of its templates; see `Templates.stamp`.
        learner: Stamp of the code that learned them.
        documents: How many threads it held then.
    """

    source: str
    category: str
    stamp: str
    learner: str
    documents: int
    learned_at: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """A stored post, as far as its category is to be learned from it.

    Attributes:
        author: Tells authors apart; empty when it is not known.
    """

    document_id: DocumentId
    opening: bool
    body: str
    format: Format
    author: str


class LearnedTemplates:
    """Reads and writes templates; writes belong inside ``Store.transaction``."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def of(self, source: str, category: str | None) -> Templates:
        """The templates of the threads in one category; maybe none."""
        rows = self._conn.execute(
            "SELECT scope, line FROM templates WHERE source = ? AND category = ?",
            [source, category or ""],
        ).fetchall()
        return _templates(rows)

    def of_source(self, source: str) -> Templates:
        """Those of all its categories together."""
        rows = self._conn.execute(
            "SELECT scope, line FROM templates WHERE source = ?", [source]
        ).fetchall()
        return _templates(rows)

    def stamp(self, source: str, category: str | None) -> str:
        """The stamp of the same, without reading them."""
        row = self._conn.execute(
            "SELECT stamp FROM template_sets WHERE source = ? AND category = ?",
            [source, category or ""],
        ).fetchone()
        return "" if row is None else str(row[0])

    def sets(self, source: str) -> dict[str, TemplateSet]:
        """What was learned of *source*, by category."""
        rows = self._conn.execute(
            "SELECT source, category, stamp, learner, documents, learned_at"
            " FROM template_sets WHERE source = ? ORDER BY category",
            [source],
        )
        return {
            row[1]: TemplateSet(
                source=row[0],
                category=row[1],
                stamp=row[2],
                learner=row[3],
                documents=row[4],
                learned_at=datetime.fromisoformat(row[5]),
            )
            for row in rows
        }

    def counts(self) -> dict[str, int]:
        """How many lines were learned, by source."""
        return dict(
            self._conn.execute(
                "SELECT source, count(*) FROM templates GROUP BY source ORDER BY source"
            )
        )

    def threads(self, source: str) -> dict[str, int]:
        """How many threads are stored of *source*, by category."""
        return dict(
            self._conn.execute(
                "SELECT coalesce(category, ''), count(*) FROM documents"
                " WHERE source = ? AND kind = 'thread' GROUP BY 1 ORDER BY 1",
                [source],
            )
        )

    def posts(self, source: str, category: str, *, every: int = 1) -> Iterator[Post]:
        """The posts of each *every*-th thread of a category, thread by thread.

        By the threads' keys, so that it does not matter when each was stored. They
        are read one by one; write nothing meanwhile.
        """
        rows = self._conn.execute(
            "WITH numbered AS (SELECT id, row_number() OVER (ORDER BY key) AS place"
            " FROM documents WHERE source = ? AND kind = 'thread'"
            " AND coalesce(category, '') = ?)"
            " SELECT p.document_id, p.body, p.format,"
            " coalesce(p.author_id, p.author, '')"
            " FROM numbered JOIN parts AS p ON p.document_id = numbered.id"
            " WHERE numbered.place % ? = 0 ORDER BY numbered.place, p.number",
            [source, category, every],
        )
        before = None
        for document_id, body, format, author in rows:
            yield Post(
                DocumentId(document_id),
                document_id != before,
                body,
                format,
                str(author),
            )
            before = document_id

    def keep(self, learned: TemplateSet, templates: Templates) -> None:
        """Replace what is known of a category."""
        self.forget(learned.source, learned.category)
        self._conn.execute(
            "INSERT INTO template_sets VALUES (?, ?, ?, ?, ?, ?)",
            [
                learned.source,
                learned.category,
                learned.stamp,
                learned.learner,
                learned.documents,
                to_text(learned.learned_at),
            ],
        )
        self._conn.executemany(
            "INSERT INTO templates VALUES (?, ?, ?, ?)",
            [
                (learned.source, learned.category, scope, clean(line))
                for scope, lines in (
                    ("opening", templates.opening),
                    ("reply", templates.reply),
                )
                for line in sorted(lines)
            ],
        )

    def forget(self, source: str, category: str) -> None:
        """Nothing is known of the category any more."""
        for table in ("templates", "template_sets"):
            self._conn.execute(
                f"DELETE FROM {table} WHERE source = ? AND category = ?",  # noqa: S608
                [source, category],
            )


def _templates(rows: list[tuple[str, str]]) -> Templates:
    return Templates(
        opening=frozenset(line for scope, line in rows if scope == "opening"),
        reply=frozenset(line for scope, line in rows if scope == "reply"),
    )
