"""Signals as columns say what reading passage after passage says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.candidates import Passages, candidates, of_links, of_texts
from kb.lexical import LexicalScore
from kb.texts import TextField
from kb.types import DocumentId, Kind, PassageFacts, PassageId

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def fact(document: int, *, opening: bool, accepted: bool) -> PassageFacts:
    return PassageFacts(
        DocumentId(document),
        Kind.THREAD,
        "public",
        opening,
        1,
        3,
        NOON,
        accepted=accepted,
    )


# BM25 (None: not in the word index), cosines (None: no vector), opening, accepted.
_halves = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
PASSAGE = st.tuples(
    st.none() | _halves, st.none() | _halves, _halves, st.booleans(), st.booleans()
)
DOCUMENTS = st.lists(st.lists(PASSAGE, min_size=1, max_size=4), min_size=1, max_size=5)

Drawn = tuple[float | None, float | None, float, bool, bool]


def passages_of(drawn: Sequence[Sequence[Drawn]]) -> Passages:
    own: list[list[PassageId]] = []
    facts: dict[PassageId, PassageFacts] = {}
    words: dict[PassageId, LexicalScore] = {}
    cosines: list[tuple[float, float]] = []
    for document, some in enumerate(drawn, start=1):
        own.append([])
        for score, cosine, title_cosine, opening, accepted in some:
            passage_id = PassageId(len(facts) + 10)
            own[-1].append(passage_id)
            facts[passage_id] = fact(document, opening=opening, accepted=accepted)
            if score is not None:
                words[passage_id] = LexicalScore(score, score / 2)
            cosines.append(
                (math.nan, math.nan) if cosine is None else (cosine, title_cosine)
            )
    return Passages.of(own, facts, words, np.array(cosines, dtype=np.float32).T)


@given(DOCUMENTS)
def test_each_document_has_the_best_and_the_second_best_of_its_own(
    drawn: list[list[Drawn]],
) -> None:
    columns = passages_of(drawn).columns()

    scores = [score for some in drawn for score, *_ in some if score is not None]
    most = max(scores, default=0.0) or 1.0
    for row, some in enumerate(drawn):
        by_words = sorted((p[0] for p in some if p[0] is not None), reverse=True)
        near = sorted((p[1] for p in some if p[1] is not None), reverse=True)
        expected = {
            "bm25_passage": by_words[:1],
            "bm25_second": [*by_words, 0.0][1:2] if by_words else [],
            "bm25_share": [best / most for best in by_words[:1]],
            "coverage": [best / 2 for best in by_words[:1]],
            "cosine_passage": near[:1],
            "cosine_second": near[1:2],
            "cosine_opening": [p[1] for p in some if p[1] is not None and p[3]],
            "cosine_reply": [p[1] for p in some if p[1] is not None and not p[3]],
            "cosine_solution": [p[1] for p in some if p[1] is not None and p[4]],
            "cosine_title_passage": [p[2] for p in some if p[1] is not None],
        }
        found = {name: float(column[row]) for name, column in columns.items()}
        assert found == pytest.approx(
            {name: max(v, default=math.nan) for name, v in expected.items()},
            nan_ok=True,
        )


@given(DOCUMENTS)
def test_the_passage_to_show_fits_by_words_and_meaning_and_is_the_first_of_equals(
    drawn: list[list[Drawn]],
) -> None:
    some = passages_of(drawn)

    scores = [score for each in drawn for score, *_ in each if score is not None]
    most = max(scores, default=0.0) or 1.0
    place, expected = 10, []
    for each in drawn:
        fits = [(score or 0.0) / most + (cosine or 0.0) for score, cosine, *_ in each]
        expected.append(place + fits.index(max(fits)))
        place += len(each)
    assert some.best() == expected


def test_what_is_not_known_is_absent_and_what_is_zero_is_there() -> None:
    documents = [DocumentId(4), DocumentId(9)]
    columns = {
        "cosine_title": np.array([math.nan, 0.5]),
        **of_texts(documents, {TextField.TITLE: {DocumentId(9): 2.0}}),
        **of_links(documents, {"linked_by_words": {DocumentId(4): 4.0}}),
    }

    first, second = candidates(
        Kind.DOCS, documents, [PassageId(1), PassageId(2)], columns
    )

    nothing_said = dict.fromkeys([f"bm25_{f}" for f in TextField], 0.0)
    assert first.signals == nothing_said | {"linked_by_words": 2.0}
    assert second.signals == nothing_said | {
        "cosine_title": 0.5,
        "bm25_title": 2.0,
        "linked_by_words": 0.0,
    }
    assert (second.document_id, second.kind, second.passage_id) == (9, Kind.DOCS, 2)
