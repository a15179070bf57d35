"""Learning templates from a store, and cutting anew just what they change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from indexer.chunk import chunk_document
from indexer.learning import learn_templates
from indexer.pipeline import RefreshReport, refresh
from indexer.source import Batch
from kb.errors import SourceError
from kb.store import Store
from kb.types import Document, Kind, Part, PassageDraft, Templates
from tests.indexer.samples import NOW, ListSource

LABELS = frozenset(["version", "expected", "actual"])


def thread(
    key: int, *bodies: str, category: str | None = "Support", kind: Kind = Kind.THREAD
) -> Document:
    """A thread; its posts are by different people."""
    return Document(
        source="forum",
        kind=kind,
        key=str(key),
        url=f"https://f.org/t/{key}",
        title=f"Topic {key}",
        parts=tuple(
            Part(number, body, author_id=key % 7 + number)
            for number, body in enumerate(bodies, start=1)
        ),
        revision=str(hash(bodies)),
        category=category,
    )


def form(key: int, *, category: str | None = "Support") -> Document:
    body = f"<p>Version: 2.{key}<br>Expected:<br>word{key}<br>Actual:</p>"
    return thread(key, body, "<p>Try it again.</p>", category=category)


def plain(key: int, *, category: str | None = "Support") -> Document:
    return thread(key, f"<p>Something else, word{key}.</p>", category=category)


class Forum:
    """A forum, its store, and refreshes of one from the other."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.now = NOW
        self.documents: list[Document] = []

    def chunk(self, document: Document) -> tuple[PassageDraft, ...]:
        return chunk_document(
            document,
            count_tokens=lambda text: len(text.split()),
            templates=self.store.templates.of(document.source, document.category),
        )

    def refresh(self) -> RefreshReport:
        return refresh(
            ListSource(Batch(tuple(self.documents)), name="forum"),
            self.store,
            self.chunk,
            "v1",
            clock=lambda: self.now,
            accept_deletions=True,
        )

    def text(self, key: int) -> list[str]:
        summary = self.store.documents.find("forum", str(key))
        assert summary is not None
        return [p.text for p in self.store.passages.of_document(summary.id)]

    def passages(self) -> set[tuple[int, str]]:
        rows = self.store.db.conn.execute("SELECT id, text FROM passages")
        return {(int(i), str(text)) for i, text in rows}

    def chunkers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for category, stamp in self.store.db.conn.execute(
            "SELECT category, chunker FROM documents"
        ):
            found.setdefault(category, set()).add(stamp)
        return found


@pytest.fixture
def forum(tmp_path: Path) -> Iterator[Forum]:
    made = Forum(tmp_path / "kb.db")
    yield made
    made.store.close()


def forms(numbers: Sequence[int]) -> list[Document]:
    return [form(number) for number in numbers]


def test_a_complete_refresh_leaves_the_forms_of_a_category_out(forum: Forum) -> None:
    forum.documents = [*forms(range(1, 31)), plain(90, category="News")]

    report = forum.refresh()

    known = Templates(opening=LABELS, reply=frozenset(["try it again"]))
    assert forum.store.templates.of("forum", "Support") == known
    assert forum.text(3) == ["2.3\nword3", "Try it again."]
    assert report.recut == 30
    assert forum.chunkers() == {"Support": {f"v1{known.stamp}"}, "News": {"v1"}}
    assert forum.store.templates.counts() == {"forum": 4}


def test_a_refresh_without_news_learns_and_cuts_nothing(forum: Forum) -> None:
    forum.documents = forms(range(1, 31))
    forum.refresh()
    before = forum.store.templates.sets("forum"), forum.passages()

    report = forum.refresh()

    assert (forum.store.templates.sets("forum"), forum.passages()) == before
    assert (report.recut, report.unchanged) == (0, 30)


def test_new_threads_are_cut_with_what_is_known(forum: Forum) -> None:
    forum.documents = forms(range(1, 31))
    forum.refresh()
    forum.documents += forms([31])

    report = forum.refresh()

    assert forum.text(31) == ["2.31\nword31", "Try it again."]
    assert report.recut == 0


def test_only_the_changed_category_is_cut_anew_and_the_rest_keeps_its_ids(
    forum: Forum,
) -> None:
    """Passages that read the same keep their id, so nothing embeds them again."""
    replies = [thread(n, f"<p>word{n}</p>", category="Chat") for n in range(200, 240)]
    forum.documents = [*(plain(n) for n in range(1, 31)), *replies]
    forum.refresh()
    before = forum.passages()
    forum.documents += [form(n) for n in range(40, 70)]

    report = forum.refresh()

    assert report.recut == 60
    assert before <= forum.passages()
    stamps = forum.chunkers()
    assert stamps["Chat"] == {"v1"}
    assert (
        stamps["Support"]
        == {"v1" + forum.store.templates.stamp("forum", "Support")}
        != {"v1"}
    )


def test_a_thread_that_moves_is_cut_by_the_templates_of_its_new_category(
    forum: Forum,
) -> None:
    forum.documents = [*forms(range(1, 31)), form(90, category="News")]
    forum.refresh()
    assert forum.text(90)[0] == "Version: 2.90\nExpected:\nword90\nActual:"
    forum.documents[-1] = form(90)

    forum.refresh()

    assert forum.text(90)[0] == "2.90\nword90"


def test_what_no_thread_has_any_more_is_forgotten(forum: Forum) -> None:
    forum.documents = forms(range(1, 31))
    forum.refresh()
    forum.documents = [plain(n) for n in range(1, 31)]

    forum.refresh()
    assert forum.store.templates.of("forum", "Support").opening == LABELS
    forum.now += timedelta(days=8)
    forum.refresh()

    assert forum.store.templates.of("forum", "Support") == Templates()
    assert forum.chunkers() == {"Support": {"v1"}}
    assert forum.text(3) == ["Something else, word3."]


def test_a_category_that_is_gone_leaves_nothing(forum: Forum) -> None:
    forum.documents = [*forms(range(1, 31)), plain(90, category="News")]
    forum.refresh()
    forum.documents = forum.documents[-1:]

    forum.refresh()

    assert forum.store.templates.sets("forum") == {}
    assert forum.store.templates.counts() == {}


@pytest.mark.parametrize(
    ("more", "days", "is_due"),
    [(0, 1, False), (2, 6, False), (3, 1, True), (0, 7, True)],
)
def test_a_category_is_looked_at_again_after_a_tenth_more_or_a_week(
    forum: Forum, more: int, days: int, is_due: bool
) -> None:
    forum.documents = forms(range(1, 31))
    forum.refresh()
    forum.documents += [plain(n) for n in range(40, 40 + more)]
    forum.now += timedelta(days=days)

    forum.refresh()

    learned_at = forum.store.templates.sets("forum")["Support"].learned_at
    assert learned_at == (forum.now if is_due else NOW)


def test_threads_without_a_category_are_one_and_pages_are_none(forum: Forum) -> None:
    body = form(1).parts[0].body
    forum.documents = [
        *(form(n, category=None) for n in range(1, 31)),
        *(thread(n, body, category=None, kind=Kind.DOCS) for n in range(50, 90)),
    ]

    forum.refresh()

    assert forum.text(3)[0] == "2.3\nword3"
    assert forum.text(50) == ["Version: 2.1\nExpected:\nword1\nActual:"]
    assert list(forum.store.documents.with_other_chunker("forum", "v1")) == []


def test_an_interrupted_walk_learns_nothing(forum: Forum) -> None:
    """What is learned depends on what is stored, not on where a harvest stopped."""

    stopped = SourceError("forum", "the plug was pulled")
    source = ListSource(Batch(tuple(forms(range(1, 31)))), stopped, name="forum")

    with pytest.raises(SourceError):
        refresh(source, forum.store, forum.chunk, "v1", clock=lambda: forum.now)

    assert forum.store.templates.sets("forum") == {}


def test_of_a_large_category_a_part_is_read_spread_over_all_of_it(
    forum: Forum,
) -> None:
    forum.documents = forms(range(1, 91))
    forum.refresh()

    every = [p.document_id for p in forum.store.templates.posts("forum", "Support")]
    third = [
        post.document_id
        for post in forum.store.templates.posts("forum", "Support", every=3)
        if post.opening
    ]
    assert (len(set(every)), len(third)) == (90, 30)


def test_learning_needs_no_refresh(forum: Forum) -> None:
    """A store that was filled before templates were known has them learned, too."""
    forum.documents = forms(range(1, 31))
    forum.refresh()
    with forum.store.transaction():
        forum.store.templates.forget("forum", "Support")

    assert learn_templates(forum.store, "forum", clock=lambda: NOW) == ("Support",)
    assert len(forum.store.templates.of("forum", "Support")) == 4
    assert len(forum.store.templates.of_source("forum")) == 4
