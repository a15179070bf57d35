"""What was worked out for a question is used again, but never after a change."""

from __future__ import annotations

import numpy as np
import pytest

from kb.errors import DimensionMismatchError
from kb.lexical import TantivyIndex, TantivyTexts
from kb.texts import DocumentText, Text, TextField
from kb.types import DocumentId, IndexablePassage, Kind, PassageId
from kb.vectors import ExactIndex, FaissIndex


def passage(number: int, text: str) -> IndexablePassage:
    return IndexablePassage(
        id=PassageId(number),
        document_id=DocumentId(number),
        kind=Kind.THREAD,
        title="",
        heading="",
        text=text,
        language="en",
        visibility="public",
        opening=True,
        content_hash="",
        created_at=None,
    )


def test_a_question_meets_passages_that_came_after_it_was_first_asked() -> None:
    index = TantivyIndex.create(None)
    fresh = TantivyIndex.create(None)
    for each in (index, fresh):
        each.add([passage(1, "restore the backup"), passage(2, "the weather")])
        each.commit()
    ids = [PassageId(i) for i in (1, 2, 3)]
    asked = "restore a nightly backup E1063"
    before = index.search(asked, 5), index.score(asked, ids, Kind.THREAD)

    for each in (index, fresh):
        each.add([passage(3, "a nightly dump stops with E1063")])
        each.commit()
    after = index.search(asked, 5), index.score(asked, ids, Kind.THREAD)

    assert [hit.passage_id for hit in before[0]] == [1]
    assert {hit.passage_id for hit in after[0]} == {1, 3}
    assert after == (fresh.search(asked, 5), fresh.score(asked, ids, Kind.THREAD))
    assert after[1][PassageId(1)] != before[1][PassageId(1)]


def test_one_question_is_one_thing_in_each_field_and_with_each_title() -> None:
    index = TantivyTexts.create(None)
    fields = {
        TextField.TITLE: [Text("Nightly backup", "en")],
        TextField.WHOLE: [Text("Restore it. Restore it again.", "en")],
    }
    index.put([DocumentText(DocumentId(1), Kind.DOCS, "public", fields)])
    index.commit()

    def found(field: TextField, query: str, title: str = "") -> list[int]:
        return [
            i for i, _ in index.search(query, field, 3, kind=Kind.DOCS, title=title)
        ]

    for _ in range(2):
        assert found(TextField.TITLE, "backup") == [1]
        assert found(TextField.WHOLE, "backup") == []
        assert found(TextField.WHOLE, "backup", "restore") == [1]
        assert found(TextField.TITLE, "restore") == []


def test_more_questions_than_are_kept_are_all_answered_anew() -> None:
    index = TantivyIndex.create(None)
    index.add([passage(n, f"word{n} of all") for n in range(1, 200)])
    index.commit()

    for _ in range(2):
        for number in range(1, 200):
            (hit,) = index.search(f"word{number}", 3)
            assert hit.passage_id == number


@pytest.mark.parametrize("make", [FaissIndex, ExactIndex])
def test_several_queries_are_compared_as_each_would_be(
    make: type[FaissIndex] | type[ExactIndex],
) -> None:
    draw = np.random.default_rng(3)
    vectors = draw.standard_normal((40, 8), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = make(8)
    index.add(np.arange(5, 45), vectors)
    index.remove(np.array([9]))
    ids = np.array([44, 5, 9, 44, 10**12, -1, 6])

    both = index.similarities(vectors[:2], ids)

    assert both.shape == (2, 7)
    for row, query in zip(both, vectors[:2], strict=True):
        assert np.array_equal(row, index.similarities(query, ids), equal_nan=True)
    assert np.isnan(both[0]).tolist() == [False, False, True, False, True, True, False]
    assert both[0][1] == pytest.approx(1.0)
    with pytest.raises(DimensionMismatchError):
        index.similarities(vectors[:2, :5], ids)
