"""A plan changes what differs, and nothing else."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.plan import check_document, plan_document
from kb.errors import RecordError
from kb.store import Store
from kb.store.documents import document_hash, passage_hash
from kb.types import (
    Document,
    DocumentChange,
    DocumentId,
    Part,
    Passage,
    PassageDraft,
    PassageId,
    StoredState,
)
from tests.indexer.samples import CHUNKER, NOW, by_line, page

STORED_ID = DocumentId(4)


def as_stored(
    document: Document, chunker: str = CHUNKER
) -> tuple[StoredState, tuple[Passage, ...]]:
    """What the store holds after *document* was applied; passages 100, 101, …"""
    state = StoredState(
        STORED_ID,
        document.revision,
        document_hash(document),
        chunker,
        document.title,
    )
    passages = tuple(
        Passage(
            id=PassageId(100 + draft.ordinal),
            document_id=STORED_ID,
            part_number=draft.part_number,
            ordinal=draft.ordinal,
            anchor=draft.anchor,
            heading=draft.heading,
            text=draft.text,
            language=document.language,
            visibility=document.visibility,
            content_hash=passage_hash(document, draft),
            created_at=draft.created_at,
            opening=draft.part_number == document.parts[0].number,
        )
        for draft in by_line(document)
    )
    return state, passages


def plan(old: Document, new: Document, chunker: str = CHUNKER) -> DocumentChange | None:
    state, passages = as_stored(old)
    return plan_document(state, passages, new, by_line(new), chunker)


def ids(*numbers: int) -> tuple[PassageId, ...]:
    return tuple(PassageId(number) for number in numbers)


def kept(*pairs: tuple[int, int]) -> tuple[tuple[PassageId, int], ...]:
    return tuple((PassageId(number), ordinal) for number, ordinal in pairs)


def test_a_new_document_is_inserted_whole() -> None:
    new = page("a", "one\ntwo")
    assert plan_document(None, (), new, by_line(new), CHUNKER) == DocumentChange(
        new, None, CHUNKER, insert=by_line(new)
    )


def test_the_same_again_changes_nothing() -> None:
    same = page("a", "one\ntwo", "three")
    assert plan(same, same) is None


def test_more_views_change_nothing() -> None:
    old = page("a", "one")
    assert plan(old, replace(old, views=99)) is None


def test_a_new_revision_of_the_same_content_is_noted() -> None:
    old = page("a", "one")
    new = replace(old, revision="other")
    assert plan(old, new) == DocumentChange(
        new, STORED_ID, CHUNKER, keep=kept((100, 0))
    )


def test_another_chunker_is_noted_even_if_it_cuts_alike() -> None:
    old = page("a", "one")
    assert plan(old, old, "lines-2") == DocumentChange(
        old, STORED_ID, "lines-2", keep=kept((100, 0))
    )


def test_an_edited_line_is_replaced_and_its_neighbours_stay() -> None:
    new = page("a", "one\nTWO\nthree")
    assert plan(page("a", "one\ntwo\nthree"), new) == DocumentChange(
        new,
        STORED_ID,
        CHUNKER,
        keep=kept((100, 0), (102, 2)),
        insert=(by_line(new)[1],),
        delete=ids(101),
    )


def test_a_passage_that_moves_keeps_its_id() -> None:
    new = page("a", "zero\none\ntwo")
    assert plan(page("a", "one\ntwo"), new) == DocumentChange(
        new,
        STORED_ID,
        CHUNKER,
        keep=kept((100, 1), (101, 2)),
        insert=(by_line(new)[0],),
    )


def test_equal_passages_are_paired_in_order() -> None:
    new = page("a", "same\nsame")
    assert plan(page("a", "same\nsame\nsame"), new) == DocumentChange(
        new, STORED_ID, CHUNKER, keep=kept((100, 0), (101, 1)), delete=ids(102)
    )


@pytest.mark.parametrize(
    "new",
    [
        page("a", "one", title="Another title"),
        page("a", "one", language="fr"),
        page("a", "one", visibility="category:Staff"),
        page("a", "one", parts=(Part(2, "one"),)),
        page("a", "one", parts=(Part(1, "one", created_at=NOW),)),
    ],
    ids=["title", "language", "visibility", "part", "time"],
)
def test_whatever_an_index_knows_of_a_passage_makes_it_new(new: Document) -> None:
    change = plan(page("a", "one"), new)
    assert change is not None
    assert (change.keep, change.insert, change.delete) == ((), by_line(new), ids(100))


def test_a_title_that_the_heading_repeats_still_makes_passages_new() -> None:
    """Their hash stays, for the heading is all that is embedded; the word index
    holds the title, too."""
    old = page("a", "one", title="Backup")
    new = replace(old, title="Back")
    drafts = [PassageDraft(1, 0, "#n", "Backup › Nightly", "one")]
    assert passage_hash(old, drafts[0]) == passage_hash(new, drafts[0])
    state, _ = as_stored(old)
    stored = Passage(
        *(PassageId(100), STORED_ID, 1, 0, "#n", "Backup › Nightly", "one"),
        *(None, "public", passage_hash(old, drafts[0]), None, True),
    )
    change = plan_document(state, [stored], new, drafts, CHUNKER)
    assert change is not None
    assert (change.keep, change.delete) == ((), ids(100))


def test_when_the_question_is_gone_the_next_post_becomes_the_opening() -> None:
    old = page("a", "question", "answer")
    new = replace(old, parts=old.parts[1:])
    change = plan(old, new)
    assert change is not None
    assert (change.keep, change.delete) == ((), ids(100, 101))


def test_the_same_instant_in_another_zone_is_the_same() -> None:
    at = NOW.astimezone(timezone(timedelta(hours=3)))
    old = page("a", "one", parts=(Part(1, "one", created_at=NOW),))
    new = replace(old, parts=(Part(1, "one", created_at=at),))
    change = plan(old, new)
    assert change is not None  # the document is written again, its passages not
    assert (change.insert, change.delete) == ((), ())


# -- what cannot be stored -------------------------------------------------


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (page("a"), "docs:a: parts: expected at least one, got none"),
        (
            page("a", parts=(Part(2, "x"), Part(2, "y"))),
            "docs:a: parts[1].number: expected more than 2, got 2",
        ),
        (
            page("a", parts=(Part(2, "x"), Part(1, "y"))),
            "docs:a: parts[1].number: expected more than 2, got 1",
        ),
        (page("a", "x", source="forum"), "docs:a: source: expected docs, got forum"),
    ],
)
def test_a_document_that_cannot_be_stored_is_refused(
    document: Document, message: str
) -> None:
    with pytest.raises(RecordError) as caught:
        check_document(document, (), source="docs")
    assert str(caught.value) == message


def test_a_passage_of_no_part_is_refused() -> None:
    with pytest.raises(
        RecordError, match=r"passages\[0\].part_number: no part has number 9"
    ):
        check_document(page("a", "x"), [PassageDraft(9, 0, "", "", "x")], source="docs")


# -- laws ------------------------------------------------------------------

LINES = st.lists(st.sampled_from(["one", "two", "a\x00b", "Été", "\ud800"]), max_size=5)
DOCUMENTS = st.builds(
    lambda bodies, title, language, late: page(
        "a",
        title=title,
        language=language,
        revision=title,
        parts=tuple(
            Part(number, "\n".join(lines), created_at=NOW + timedelta(days=late))
            for number, lines in bodies.items()
        ),
    ),
    bodies=st.dictionaries(st.integers(1, 4), LINES, min_size=1, max_size=3).map(
        lambda found: dict(sorted(found.items()))
    ),
    title=st.sampled_from(["T", "U\x00"]),
    language=st.sampled_from([None, "fr"]),
    late=st.integers(0, 1),
)


def test_applied_plans_make_the_passages_equal_the_drafts_and_keep_what_stays() -> None:
    """For any history of a document: after each step the store holds the drafts,
    a second plan is empty, and passages that are still wanted keep their id."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder) / "kb.db") as store,
    ):

        @settings(max_examples=60, deadline=None)
        @given(history=st.lists(DOCUMENTS, min_size=1, max_size=4))
        def law(history: list[Document]) -> None:
            for document in history:
                before = _passages(store)
                _apply(store, document)
                after = _passages(store)
                assert [p.ordinal for p in after] == list(range(len(after)))
                assert [_shown(p) for p in after] == [
                    _drafted(document, draft) for draft in by_line(document)
                ]
                old = [_shown(p) for p in before]
                wanted = [_shown(p) for p in after]
                stays = sum(min(old.count(one), wanted.count(one)) for one in set(old))
                same = {p.id for p in before} & {p.id for p in after}
                assert len(same) == stays
                assert _apply(store, document) is None
            with store.transaction():
                found = store.documents.find("docs", "a")
                assert found is not None
                store.documents.delete([found.id])

        law()


def _apply(store: Store, document: Document) -> DocumentChange | None:
    with store.transaction():
        state = store.documents.state("docs", "a")
        drafts = by_line(document)
        change = plan_document(state, _passages(store), document, drafts, CHUNKER)
        if change is not None:
            store.documents.apply(change, walk=1)
    return change


def _passages(store: Store) -> tuple[Passage, ...]:
    found = store.documents.find("docs", "a")
    return store.passages.of_document(found.id) if found else ()


def _shown(passage: Passage) -> tuple[object, ...]:
    return (
        passage.part_number,
        passage.anchor,
        passage.content_hash,
        passage.language,
        passage.created_at,
        passage.opening,
        passage.text,
    )


def _drafted(document: Document, draft: PassageDraft) -> tuple[object, ...]:
    return (
        draft.part_number,
        draft.anchor,
        passage_hash(document, draft),
        document.language,
        draft.created_at,
        draft.part_number == document.parts[0].number,
        draft.text.replace("\x00", "").replace("\ud800", ""),
    )
