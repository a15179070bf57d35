"""Documents and passages: whole changes, generations, tombstones, ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from kb.errors import StoreError
from kb.store import Store
from kb.store.documents import document_hash
from kb.types import (
    Details,
    Document,
    DocumentChange,
    DocumentId,
    DocumentSummary,
    IndexablePassage,
    Kind,
    Part,
    Passage,
    PassageDraft,
    content_hash,
)
from tests.kb.stored import NOON, delete, drafts, insert, page, passage_ids, rewrite

THREAD = Document(
    source="forum",
    kind=Kind.THREAD,
    key="812",
    url="https://forum.example.org/t/import-fails/812",
    title="Import fails",
    parts=(
        Part(
            1,
            "<p>It fails.</p>",
            external_id=4001,
            author_id=7,
            author="amina",
            created_at=NOON,
            updated_at=NOON + timedelta(hours=1, microseconds=5),
            likes=3,
        ),
        Part(3, "Try **this**", "markdown", accepted=True, reply_to=1),
    ),
    language="en",
    visibility="category:staff",
    category="Support",
    tags=("import", "2.41"),
    version="2.41",
    created_at=NOON,
    updated_at=NOON + timedelta(days=2),
    solved=True,
    closed=True,
    listed=False,
    views=99,
    revision="r7",
)


def test_languages_are_those_of_listed_documents_that_a_reader_may_see(
    store: Store,
) -> None:
    staff = "category:staff"
    for key, language, visibility, listed in (
        ("a", "fr-CA", "public", True),
        ("b", "fr", "public", True),
        ("c", "und", "public", True),
        ("d", None, "public", True),
        ("e", "es", "public", False),
        ("f", "pt_BR", staff, True),
        ("g", "fr", staff, True),
    ):
        document = page(key, "x", visibility=visibility)
        insert(store, replace(document, language=language, listed=listed))

    assert store.documents.languages({"public"}) == {"fr"}
    assert store.documents.languages({staff}) == {"fr", "pt"}
    assert store.documents.languages({"public", staff}) == {"fr", "pt"}
    assert store.documents.languages(()) == frozenset()


def test_documents_are_counted_by_language(store: Store) -> None:
    for key, language in (("a", "fr"), ("b", None), ("c", "en"), ("d", "fr")):
        insert(store, replace(page(key, "x"), language=language))

    assert list(store.documents.count_by_language().items()) == [
        ("fr", 2),
        (None, 1),
        ("en", 1),
    ]


def test_a_document_comes_back_as_it_went_in(store: Store) -> None:
    document = insert(store, THREAD)

    assert store.documents.load(document) == THREAD
    assert store.documents.find("forum", "812") == DocumentSummary(
        id=document,
        source="forum",
        kind=Kind.THREAD,
        key="812",
        url=THREAD.url,
        title="Import fails",
        language="en",
        visibility="category:staff",
        category="Support",
        tags=("import", "2.41"),
        version="2.41",
        created_at=NOON,
        updated_at=NOON + timedelta(days=2),
        solved=True,
        closed=True,
        listed=False,
        views=99,
        parts_count=2,
    )
    assert store.documents.find("forum", "813") is None
    assert store.documents.load(DocumentId(document + 1)) is None


COURSE = Document(
    source="academy",
    kind=Kind.COURSE,
    key="course-v1:A+B+C",
    url="https://academy.example.org/courses/course-v1:A+B+C",
    title="Tracker",
    parts=(
        Part(1, "About.", "text", anchor="/about"),
        Part(2, "<p>Unit</p>", anchor="/jump_to_id/1f", heading="One › Unit\0"),
    ),
    page="*/tracker",
    details=Details(
        duration_s=412,
        level="advanced",
        pacing="self",
        starts_at=NOON,
        enrolment_ends_at=NOON + timedelta(days=30),
        lists=("SEMIS", "EMIS"),
    ),
    expires_at=NOON + timedelta(days=30),
    verified_at=NOON,
)


def test_a_course_comes_back_with_its_places_and_details(store: Store) -> None:
    document = insert(store, COURSE)

    found = store.documents.load(document)
    summary = store.documents.summaries([document])[document]

    assert found == replace(
        COURSE, parts=(COURSE.parts[0], replace(COURSE.parts[1], heading="One › Unit"))
    )
    assert (summary.page, summary.details, summary.expires_at, summary.verified_at) == (
        COURSE.page,
        COURSE.details,
        COURSE.expires_at,
        COURSE.verified_at,
    )
    assert summary.current
    assert not summary.dead


@pytest.mark.parametrize(
    "change",
    [
        {"page": "*/other"},
        {"details": Details(level="advanced")},
        {"expires_at": None},
        {"parts": (COURSE.parts[0], replace(COURSE.parts[1], anchor="/x"))},
        {"parts": (COURSE.parts[0], replace(COURSE.parts[1], heading="Two"))},
    ],
)
def test_another_place_or_detail_is_another_content(change: dict[str, Any]) -> None:
    assert document_hash(replace(COURSE, **change)) != document_hash(COURSE)


def test_documents_without_places_and_details_keep_the_hash_of_earlier_stores() -> None:
    assert document_hash(THREAD) == "a821e5ad57b1b061181c15cbbd26b03d"


def test_a_passage_comes_back_with_what_it_inherits_from_its_document(
    store: Store,
) -> None:
    draft = PassageDraft(1, 0, "/1", "Steps", "It fails.", created_at=NOON)
    with store.transaction():
        document = store.documents.apply(
            DocumentChange(THREAD, None, "c1", insert=(draft,)), walk=1
        )

    [passage] = store.passages.of_document(document)

    hashed = content_hash("Import fails › Steps\nIt fails.")
    assert passage == Passage(
        id=passage.id,
        document_id=document,
        part_number=1,
        ordinal=0,
        anchor="/1",
        heading="Steps",
        text="It fails.",
        language="en",
        visibility="category:staff",
        content_hash=hashed,
        created_at=NOON,
        opening=True,
    )
    assert store.passages.load([passage.id]) == {passage.id: passage}
    assert list(store.passages.indexable()) == [
        IndexablePassage(
            id=passage.id,
            document_id=document,
            kind=Kind.THREAD,
            title="Import fails",
            heading="Steps",
            text="It fails.",
            language="en",
            visibility="category:staff",
            opening=True,
            content_hash=hashed,
            created_at=NOON,
        )
    ]


def test_times_of_any_zone_are_stored_in_utc_and_naive_ones_refused(
    store: Store,
) -> None:
    nairobi = datetime(2026, 3, 1, 15, tzinfo=timezone(timedelta(hours=3)))
    document = insert(store, replace(page("a", "x"), created_at=nairobi))
    loaded = store.documents.load(document)

    assert loaded is not None
    assert loaded.created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert str(loaded.created_at) == "2026-03-01 12:00:00+00:00"
    with pytest.raises(ValueError, match="time without zone"):
        insert(store, replace(page("b", "x"), created_at=datetime(2026, 1, 1)))  # noqa: DTZ001
    assert store.documents.find("handbook", "b") is None


def test_times_of_any_year_come_back(store: Store) -> None:
    """A forum once said year 1; text order stays time order."""
    years = (1, 999, 2026, 9999)
    documents = [
        insert(
            store, replace(page(f"y{y}", "x"), created_at=datetime(y, 1, 1, tzinfo=UTC))
        )
        for y in years
    ]
    rows = store.db.conn.execute("SELECT created_at FROM documents ORDER BY created_at")

    assert [text[:4] for (text,) in rows] == ["0001", "0999", "2026", "9999"]
    found = store.documents.summaries(documents)
    assert [
        made.year for i in documents if (made := found[i].created_at) is not None
    ] == list(years)


def test_what_sqlite_and_utf8_cannot_hold_is_left_out(store: Store) -> None:
    dirty = replace(page("a", "te\0xt \ud800here"), title="Ti\0tle\udfff")
    with store.transaction():
        document = store.documents.apply(
            DocumentChange(
                dirty,
                None,
                "c",
                insert=(PassageDraft(1, 0, "", "He\0ad", "te\0xt \ud800here"),),
            ),
            walk=1,
        )

    loaded = store.documents.load(document)
    [passage] = store.passages.of_document(document)

    assert loaded is not None
    assert (loaded.title, loaded.parts[0].body) == ("Title", "text here")
    assert (passage.heading, passage.text) == ("Head", "text here")
    # The hash is that of the text that is read back, or it would never be cached.
    [indexable] = store.passages.indexable()
    assert content_hash(indexable.input) == passage.content_hash


def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    kept = insert(store, page("kept", "stays"))
    before = store.generation

    new = DocumentChange(page("new", "x"), None, "c", insert=drafts(page("new", "x")))

    def fail_at_the_end() -> None:
        with store.transaction():
            store.documents.apply(new, walk=1)
            store.documents.delete([kept])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_at_the_end()

    assert store.generation == before
    assert store.documents.load(kept) == page("kept", "stays")
    assert store.documents.find("handbook", "new") is None
    assert store.passages.removed(after_generation=-1) == []
    insert(store, page("later", "works again"))


def test_a_refused_statement_undoes_the_whole_transaction(store: Store) -> None:
    insert(store, page("taken", "first"))

    def insert_both() -> None:
        with store.transaction():
            for key in ("fine", "taken"):
                store.documents.apply(DocumentChange(page(key, "x"), None, "c"), walk=1)

    with pytest.raises(StoreError, match="UNIQUE"):
        insert_both()

    assert store.documents.find("handbook", "fine") is None


def test_generations_grow_with_passages_alone(store: Store) -> None:
    document = insert(store, page("a", "one"))
    [passage] = passage_ids(store, document)
    keep = DocumentChange(
        replace(page("a", "one"), views=5), document, "c", keep=((passage, 0),)
    )
    steps: list[Callable[[], object]] = [
        lambda: store.documents.apply(keep, walk=2),
        lambda: store.documents.touch([document], walk=3),
        lambda: store.documents.delete([]),
        lambda: store.progress.begin("handbook", at=NOON),
    ]
    before = store.generation

    for step in steps:
        with store.transaction():
            step()
    assert (before, store.generation) == (1, 1)

    rewrite(store, document, page("a", "two"))
    assert store.generation == 2
    delete(store, document)
    assert store.generation == 3


def test_kept_passages_keep_their_id_and_take_their_new_place(store: Store) -> None:
    document = insert(store, page("a", "one", "two"))
    one, two = passage_ids(store, document)
    changed = replace(page("a", "zero", "one", "two"), revision="2")
    change = DocumentChange(
        changed,
        document,
        "c",
        keep=((one, 1), (two, 2)),
        insert=(PassageDraft(1, 0, "#1", "", "zero"),),
    )
    with store.transaction():
        assert store.documents.apply(change, walk=2) == document

    found = store.passages.of_document(document)

    assert [(p.ordinal, p.text) for p in found] == [
        (0, "zero"),
        (1, "one"),
        (2, "two"),
    ]
    assert [p.id for p in found][1:] == [one, two]
    assert store.documents.load(document) == changed
    assert [p.text for p in store.passages.indexable(after_generation=1)] == ["zero"]


def test_deleted_passages_leave_a_tombstone_however_they_went(store: Store) -> None:
    rewritten = insert(store, page("a", "one"))
    deleted = insert(store, page("b", "two", "three"))
    [one] = passage_ids(store, rewritten)
    others = passage_ids(store, deleted)

    rewrite(store, rewritten, page("a", "uno"))
    after_rewriting = store.generation
    assert delete(store, deleted) == 1

    assert store.passages.removed(after_generation=-1) == [one, *others]
    assert store.passages.removed(after_generation=after_rewriting) == others
    assert store.passages.removed(after_generation=store.generation) == []


def test_deleting_a_document_leaves_nothing_of_it(store: Store) -> None:
    gone = insert(store, page("gone", "secret", "more"))
    insert(store, page("stays", "x"))
    found = passage_ids(store, gone)

    assert delete(store, gone, DocumentId(999)) == 1

    assert store.documents.load(gone) is None
    assert store.documents.state("handbook", "gone") is None
    assert store.passages.load(found) == {}
    assert store.passages.count() == 1
    for table in ("documents", "parts", "passages"):
        dump = store.db.conn.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        assert "secret" not in str(dump)


def test_deleted_text_is_overwritten_on_disk(store: Store, store_path: Path) -> None:
    """A copy of the file must not carry what has left the forum."""
    text = "a name that its owner wants gone " * 40
    gone = insert(store, page("gone", text))
    insert(store, page("stays", "x"))
    delete(store, gone)
    store.close()

    assert b"its owner wants gone" not in store_path.read_bytes()


def test_ids_are_never_used_again(store: Store, store_path: Path) -> None:
    first = insert(store, page("a", "one"))
    [passage] = passage_ids(store, first)
    delete(store, first)
    store.close()

    with Store.open(store_path) as again:
        second = insert(again, page("a", "one"))

        assert second > first
        assert passage_ids(again, second)[0] > passage


def test_a_walk_knows_what_it_did_not_meet(store: Store) -> None:
    a, b, c = (insert(store, page(key, "x")) for key in "abc")
    with store.transaction():
        store.documents.touch([a], walk=2)
        store.documents.apply(DocumentChange(page("c", "x"), c, "c"), walk=2)

    assert store.documents.not_met("handbook", walk=2) == [(b, "b")]
    assert store.documents.not_met("elsewhere", walk=2) == []


def test_states_tell_changed_content_from_mere_views(store: Store) -> None:
    document = insert(store, page("a", "one"))
    before = store.documents.states("handbook")["a"]
    with store.transaction():
        store.documents.apply(
            DocumentChange(replace(page("a", "one"), views=9), document, "c"), walk=1
        )
    viewed = store.documents.states("handbook")["a"]
    with store.transaction():
        store.documents.apply(DocumentChange(page("a", "two"), document, "c"), walk=1)
    changed = store.documents.states("handbook")["a"]

    assert viewed.content_hash == before.content_hash != changed.content_hash
    assert store.documents.state("handbook", "a") == changed
    assert changed.id == document


def test_documents_cut_by_other_code_are_listed(store: Store) -> None:
    document = insert(store, page("a", "one"))

    assert list(store.documents.with_other_chunker("handbook", "test-1")) == []
    assert list(store.documents.with_other_chunker("handbook", "test-2")) == [document]


def test_counts_are_per_source_and_kind(store: Store) -> None:
    insert(store, page("a", "one", "two"))
    insert(store, page("b", "one"))
    insert(store, page("v", "one", kind=Kind.VIDEO))

    assert store.documents.counts() == [
        {
            "source": "handbook",
            "kind": "docs",
            "documents": 2,
            "parts": 3,
            "passages": 3,
        },
        {
            "source": "handbook",
            "kind": "video",
            "documents": 1,
            "parts": 1,
            "passages": 1,
        },
    ]


def test_more_ids_than_fit_one_statement_are_all_found(store: Store) -> None:
    document = insert(store, page("long", *(f"text {n}" for n in range(1201))))
    found = passage_ids(store, document)

    assert list(store.passages.load(found)) == found
    assert store.passages.count() == 1201
    assert store.passages.count(after_generation=store.generation) == 0
    assert len(set(store.passages.content_hashes())) == 1201
    copies = [insert(store, page(f"p{n}", "x")) for n in range(501)]
    assert list(store.documents.summaries(copies)) == copies
    assert delete(store, *copies) == 501


def test_a_snapshot_does_not_see_what_others_write(
    store: Store, store_path: Path
) -> None:
    insert(store, page("a", "one"))
    with Store.open(store_path) as other:
        with store.snapshot():
            before = store.generation
            insert(other, page("b", "two"))
            seen = (store.generation, store.passages.count())

        assert seen == (before, 1)
        assert (store.generation, store.passages.count()) == (before + 1, 2)
    insert(store, page("c", "writes again"))
