"""What the index holds of whole documents, and the corpus that is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kb.corpus import Corpus, DocumentFacts
from kb.errors import CorruptIndexError, StaleIndexError
from kb.index import IndexReport, OpenIndex, build_index, current_directory, open_index
from kb.lexical import TEXTS_FORMAT, TantivyIndex, TantivyTexts
from kb.store import EmbeddingCache, Store
from kb.texts import TextField
from kb.types import (
    PUBLIC,
    DocumentId,
    Kind,
    PassageFacts,
    PassageId,
    content_hash,
)
from tests.kb.linked import RULES, STAFF_ROOM, docs, link, put, thread
from tests.kb.plain_texts import PLAIN_FORMAT, PlainTexts
from tests.kb.stored import delete
from tests.kb.test_index import CountingEmbedder

MANUAL = "https://docs.example/backup"


@dataclass
class Desk:
    """A store, a cache and an index folder, and the two calls with them."""

    store: Store
    cache: EmbeddingCache
    folder: Path
    embedder: CountingEmbedder = field(default_factory=CountingEmbedder)

    def build(self) -> IndexReport:
        return build_index(
            self.store,
            self.embedder,
            self.cache,
            self.folder,
            lexical=TantivyIndex,
            texts=PlainTexts,
            texts_format=PLAIN_FORMAT,
        )

    def open(self, texts_format: str = PLAIN_FORMAT) -> OpenIndex[TantivyIndex]:
        return open_index(
            self.folder,
            store_uuid=self.store.uuid,
            store_generation=self.store.generation,
            model_id=self.embedder.model_id,
            dim=self.embedder.dim,
            lexical_opener=TantivyIndex.open,
            texts_opener=PlainTexts.open,
            texts_format=texts_format,
        )

    def asked(self, query: str, field: TextField = TextField.ASKED) -> list[DocumentId]:
        """Pages that *field* finds."""
        index = self.open()
        index.close()
        found = index.texts.search(query, field, 9, kind=Kind.DOCS)
        return [document for document, _ in found]

    def answered(self, number: int, *links: str, title: str) -> DocumentId:
        """Store a thread whose answer links to these."""
        asked = thread(number, "q", "a", title=title)
        return put(self.store, asked, *(link(asked, 2, href) for href in links))

    def bytes(self) -> bytes:
        """All files of the index."""
        files = sorted(self.folder.rglob("*"))
        return b"".join(path.read_bytes() for path in files if path.is_file())


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Iterator[Desk]:
    with store.transaction():
        store.links.use(RULES)
    with EmbeddingCache.open(tmp_path / "data" / "embeddings.db") as cache:
        yield Desk(store, cache, tmp_path / "data" / "index")


def test_titles_and_questions_are_found_by_their_meaning(desk: Desk) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    first = put(desk.store, thread(1, "The disk is full", title="Import fails"))
    second = put(desk.store, thread(2, "How do I log in", "Like so", title=""))
    put(desk.store, thread(3, "Secret", title="Unlisted", listed=False))

    report = desk.build()
    index = desk.open()
    index.close()

    def nearest(query: str) -> tuple[int, int]:
        vector = desk.embedder.embed_query(query)[None]
        return (
            int(index.titles.search(vector, 1)[1][0, 0]),
            int(index.questions.search(vector, 1)[1][0, 0]),
        )

    assert nearest("Import fails")[0] == first
    assert nearest("Backup")[0] == page
    assert nearest("How do I log in")[1] == second
    assert nearest("Import fails\nThe disk is full")[1] == first
    stamp = index.stamp
    assert (stamp.titles, stamp.questions, stamp.texts) == (2, 2, 3)
    assert (len(index.titles), len(index.questions)) == (2, 2)
    assert (report.embedded, report.titles_embedded) == (report.passages, 2)


def test_a_title_is_embedded_once_and_a_question_never_again(desk: Desk) -> None:
    desk.answered(1, title="Same")
    desk.answered(2, title="Same")
    desk.build()
    assert sorted(desk.embedder.read) == ["Same", "Same\na", "Same\nq"]
    desk.embedder.read.clear()

    desk.answered(3, title="Other")
    report = desk.build()

    assert desk.embedder.read == ["Other\nq", "Other\na", "Other"]
    assert (report.embedded, report.titles_embedded, report.full) == (2, 1, False)


def test_a_lost_cache_costs_time_alone(desk: Desk) -> None:
    desk.answered(1, title="Import fails")
    desk.build()
    desk.cache.keep_only(desk.embedder.model_id, [])

    desk.answered(2, title="Other")
    desk.build()

    index = desk.open()
    index.close()
    assert (len(index.titles), len(index.questions)) == (2, 2)


def test_links_that_change_alone_are_built_in(desk: Desk) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    asked = thread(1, "q", "a", title="Disk full")
    put(desk.store, asked)
    desk.build()
    assert desk.asked("disk") == []

    put(desk.store, asked, link(asked, 2, MANUAL, "the manual"))
    index = desk.open()
    index.close()
    report = desk.build()

    assert index.lag == 1
    assert (report.added, report.removed, report.embedded) == (0, 0, 0)
    assert (report.full, report.titles_embedded) == (False, 0)
    assert desk.asked("disk") == [page]
    assert desk.asked("manual", TextField.ANCHORS) == [page]
    assert desk.open().lag == 0


def test_nothing_changed_means_nothing_written(desk: Desk) -> None:
    asked = thread(1, "q", "a", title="Disk full")
    put(desk.store, asked, link(asked, 2, MANUAL))
    desk.build()
    before = current_directory(desk.folder)

    put(desk.store, replace(asked, views=70, revision="2"), link(asked, 2, MANUAL))
    desk.build()

    assert current_directory(desk.folder) == before


@pytest.mark.parametrize("way", ["deleted", "private", "unlisted"])
def test_what_leaves_is_gone_from_what_others_say_and_from_the_cache(
    desk: Desk, way: str
) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    asked = thread(1, "Quicksilver spilt", "a", title="Xylorimba")
    put(desk.store, asked, link(asked, 2, MANUAL, "glockenspiel"))
    desk.build()
    assert desk.asked("xylorimba quicksilver") == [page]
    assert desk.asked("glockenspiel", TextField.ANCHORS) == [page]
    key = content_hash("Xylorimba")
    assert desk.cache.get(desk.embedder.model_id, [key])

    state = desk.store.documents.state("forum", "1")
    assert state is not None
    if way == "deleted":
        delete(desk.store, state.id)
    else:
        change = {"visibility": STAFF_ROOM} if way == "private" else {"listed": False}
        changed = replace(asked, **change)
        put(desk.store, changed, link(asked, 2, MANUAL, "glockenspiel"))
    desk.build()

    assert desk.asked("xylorimba quicksilver") == []
    assert desk.asked("glockenspiel", TextField.ANCHORS) == []
    titles = desk.open().titles
    assert len(titles) == (2 if way == "private" else 1)
    left = desk.cache.get(desk.embedder.model_id, [key])
    assert bool(left) == (way == "private")
    if way == "deleted":
        assert b"Xylorimba" not in desk.bytes()


def test_a_corpus_is_the_index_with_the_links_and_people_of_the_store(
    desk: Desk,
) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    asked = desk.answered(1, MANUAL, title="Disk full")
    desk.build()
    index = desk.open()

    corpus = index.corpus(desk.store)

    assert isinstance(corpus, Corpus)
    assert corpus.graph.out_of(asked) == {page: 1.0}
    assert corpus.graph.into(page) == {asked: 1.0}
    people = corpus.people
    assert (people.asker(asked), people.answers("forum:2")) == ("forum:1", 1)
    passages = corpus.passages_of([asked])[asked]
    assert [corpus.passage_facts(passages)[i].opening for i in passages] == [
        True,
        False,
    ]
    assert corpus.document_facts([page])[page].kind is Kind.DOCS
    hits = corpus.texts.search("disk", TextField.ASKED, 5, kind=Kind.DOCS)
    assert [document for document, _ in hits] == [page]
    assert corpus.lexical.search("nightly", 5)
    assert (len(corpus.titles), len(corpus.questions)) == (2, 1)
    assert set(corpus.vectors) == {Kind.DOCS, Kind.THREAD}
    index.close()


def test_links_and_people_are_loaded_once_for_each_kind_of_reader(desk: Desk) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    inside = thread(1, "q", "a", visibility=STAFF_ROOM)
    private = put(desk.store, inside, link(inside, 2, MANUAL))
    desk.build()
    index = desk.open()
    staff = frozenset({PUBLIC, STAFF_ROOM})

    first, again = index.corpus(desk.store), index.corpus(desk.store)
    seen = index.corpus(desk.store, visible_to=staff)
    index.close()

    assert first.graph is again.graph
    assert first.people is again.people is seen.people
    assert first.graph.into(page) == {}
    assert seen.graph.into(page) == {private: 1.0}
    assert desk.open().corpus(desk.store).graph is not first.graph


Told = tuple[
    Mapping[DocumentId, Sequence[PassageId]],
    Mapping[PassageId, PassageFacts],
    Mapping[DocumentId, DocumentFacts],
]


def told(desk: Desk, corpus: Corpus, ids: Sequence[DocumentId]) -> tuple[Told, int]:
    """All facts of documents, and how many statements the store took for them."""
    statements: list[str] = []
    desk.store.db.conn.set_trace_callback(statements.append)
    own = corpus.passages_of(ids)
    passages = [i for some in own.values() for i in some]
    facts = own, corpus.passage_facts(passages), corpus.document_facts(ids)
    desk.store.db.conn.set_trace_callback(None)
    return facts, len(statements)


def test_facts_are_held_from_the_second_question_on(desk: Desk) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    ids = [page, desk.answered(1, MANUAL, title="Disk full"), DocumentId(99)]
    desk.build()
    index = desk.open()

    first, statements = told(desk, index.corpus(desk.store), ids)
    second, none = told(desk, index.corpus(desk.store), ids)
    index.close()

    assert first == second
    assert len(first[0]) == len(first[2]) == 2
    assert (bool(statements), none) == (True, 0)


@pytest.mark.parametrize("way", ["deleted", "private", "unlisted"])
def test_held_facts_are_not_told_once_the_store_has_gone_on(
    desk: Desk, way: str
) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    asked = thread(1, "Disk full", "Buy another one")
    ids = [put(desk.store, asked), page]
    desk.build()
    index = desk.open()
    index.corpus(desk.store)
    before, none = told(desk, index.corpus(desk.store), ids)

    if way == "deleted":
        delete(desk.store, ids[0])
    elif way == "private":
        put(desk.store, replace(asked, visibility=STAFF_ROOM))
    else:
        put(desk.store, replace(asked, listed=False))
    after, statements = told(desk, index.corpus(desk.store), ids)
    index.close()

    passages, documents = desk.store.passages, desk.store.evidence
    assert none == 0 < statements
    assert after == (
        documents.passages_of(ids),
        passages.facts([i for some in after[0].values() for i in some]),
        documents.document_facts(ids),
    )
    assert after != before


def test_an_empty_store_makes_an_empty_corpus(desk: Desk) -> None:
    desk.build()
    index = desk.open()
    corpus = index.corpus(desk.store)

    vector = desk.embedder.embed_query("anything")[None]
    assert corpus.titles.search(vector, 1)[1].tolist() == [[-1]]
    assert corpus.questions.search(vector, 1)[1].tolist() == [[-1]]
    assert corpus.graph.latest is None
    index.close()
    assert isinstance(index.texts, PlainTexts)
    assert index.texts.closed


def test_a_document_index_of_another_format_is_refused_and_made_anew(
    desk: Desk,
) -> None:
    desk.answered(1, title="Disk full")
    build_index(
        desk.store, desk.embedder, desk.cache, desk.folder, lexical=TantivyIndex
    )

    with pytest.raises(
        StaleIndexError,
        match=rf"document index has format {TEXTS_FORMAT}, not plain-1; run baraza",
    ):
        desk.open()
    assert desk.build().full
    with pytest.raises(StaleIndexError, match=r"has format plain-1, not plain-2"):
        desk.open("plain-2")
    desk.open().close()


def test_unless_told_otherwise_whole_documents_are_held_by_tantivy(desk: Desk) -> None:
    page = put(desk.store, docs("backup", "Nightly dumps"))
    desk.answered(1, MANUAL, title="Disks are full")
    build_index(
        desk.store, desk.embedder, desk.cache, desk.folder, lexical=TantivyIndex
    )

    index = open_index(
        desk.folder,
        store_uuid=desk.store.uuid,
        store_generation=desk.store.generation,
        model_id=desk.embedder.model_id,
        dim=desk.embedder.dim,
        lexical_opener=TantivyIndex.open,
    )

    found = index.texts.search("my disk", TextField.ASKED, 9, kind=Kind.DOCS)
    index.close()
    assert isinstance(index.texts, TantivyTexts)
    assert [document for document, _ in found] == [page]


@pytest.mark.parametrize(
    "name", ["titles.faiss", "questions.faiss", "texts/documents.json"]
)
def test_a_damaged_file_is_named_and_made_anew(desk: Desk, name: str) -> None:
    desk.answered(1, title="Disk full")
    desk.build()
    directory = current_directory(desk.folder)
    assert directory is not None
    (directory / name).write_bytes(b"garbage")

    with pytest.raises(CorruptIndexError, match="--rebuild") as caught:
        desk.open()
    assert caught.value.path == directory / name
    assert desk.build().full
    desk.open().close()


def test_an_index_from_before_there_were_titles_is_made_anew(desk: Desk) -> None:
    desk.answered(1, title="Disk full")
    desk.build()
    directory = current_directory(desk.folder)
    assert directory is not None
    stamp = json.loads((directory / "stamp.json").read_text())
    for key in ("titles", "questions", "texts", "texts_format"):
        del stamp[key]
    (directory / "stamp.json").write_text(json.dumps(stamp | {"format": 1}))
    desk.embedder.read.clear()

    with pytest.raises(StaleIndexError, match="format 1, not 2; run baraza index"):
        desk.open()
    assert desk.build().full
    assert desk.embedder.read == []
