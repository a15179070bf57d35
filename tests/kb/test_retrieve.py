"""Candidates: two indexes united, one document each, no score taken for granted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from kb.embed import HashingEmbedder
from kb.errors import DimensionMismatchError
from kb.lexical import TantivyIndex
from kb.retrieve import Question, retrieve
from kb.types import (
    PUBLIC,
    Candidate,
    DocumentId,
    IndexablePassage,
    Kind,
    PassageFacts,
    PassageId,
)
from kb.vectors import ExactIndex, FaissIndex, VectorIndex

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMBEDDER = HashingEmbedder(64)


@dataclass
class Shelf:
    """Both indexes over a few passages, without a store, as a replay has them."""

    make: Callable[[int], VectorIndex] = FaissIndex
    lexical: TantivyIndex = field(default_factory=lambda: TantivyIndex.create(None))
    vectors: dict[Kind, VectorIndex] = field(default_factory=dict)
    facts: dict[PassageId, PassageFacts] = field(default_factory=dict)

    def put(
        self,
        number: int,
        document: int,
        text: str,
        *,
        kind: Kind = Kind.THREAD,
        part: int = 1,
        visibility: str = PUBLIC,
        embed: bool = True,
    ) -> None:
        passage = IndexablePassage(
            id=PassageId(number),
            document_id=DocumentId(document),
            kind=kind,
            title="",
            heading="",
            text=text,
            language="en",
            visibility=visibility,
            opening=part == 1,
            content_hash="",
            created_at=None,
        )
        self.lexical.add([passage])
        self.lexical.commit()
        if embed:
            index = self.vectors.setdefault(kind, self.make(EMBEDDER.dim))
            index.add(np.array([number]), EMBEDDER.embed_passages([passage.input]))
        self.facts[passage.id] = PassageFacts(
            document_id=passage.document_id,
            kind=kind,
            visibility=visibility,
            opening=passage.opening,
            part_number=part,
            parts_count=3,
            created_at=NOW - timedelta(days=9),
        )

    def describe(self, ids: Sequence[PassageId]) -> Mapping[PassageId, PassageFacts]:
        return {i: self.facts[i] for i in ids if i in self.facts}

    def ask(
        self,
        body: str,
        *,
        title: str = "",
        kinds: frozenset[Kind] = frozenset(Kind),
        visible_to: frozenset[str] | None = None,
        depth: int = 10,
    ) -> list[Candidate]:
        return retrieve(
            Question(title, body),
            lexical=self.lexical,
            vectors=self.vectors,
            embedder=EMBEDDER,
            kinds=kinds,
            describe=self.describe,
            visible_to=visible_to,
            depth=depth,
            at=NOW,
        )


@pytest.fixture(params=[FaissIndex, ExactIndex])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    return Shelf(request.param)


def test_passages_of_a_document_become_one_candidate_with_named_signals(
    shelf: Shelf,
) -> None:
    shelf.put(1, 7, "How do I restore a nightly backup?")
    shelf.put(2, 7, "Restore the backup with pg_restore.", part=2)
    shelf.put(3, 7, "Thank you!", part=3)
    shelf.put(4, 8, "The weather is fine.")

    best, other = shelf.ask("restore the nightly backup")

    cosines = shelf.vectors[Kind.THREAD].similarities(
        EMBEDDER.embed_query("restore the nightly backup"), np.array([1, 2, 3, 4])
    )
    words = shelf.lexical.score(
        "restore the nightly backup", [PassageId(i) for i in (1, 2, 4)], Kind.THREAD
    )
    assert best == Candidate(
        document_id=DocumentId(7),
        kind=Kind.THREAD,
        passage_id=PassageId(1 if cosines[0] > cosines[1] else 2),
        signals=best.signals,
    )
    assert best.signals == pytest.approx(
        {
            "bm25_best": max(words[PassageId(i)].score for i in (1, 2)),
            "bm25_second": min(words[PassageId(i)].score for i in (1, 2)),
            "coverage": max(words[PassageId(i)].coverage for i in (1, 2)),
            "dense_best": max(cosines[:2]),
            "dense_second": sorted(cosines[:3])[1],
            "dense_opening": cosines[0],
            "lexical_rank": 1.0,
            "dense_rank": 1.0,
            "log_parts": math.log(4),
            "log_age": math.log(10),
        }
    )
    assert other.document_id == 8
    assert other.signals["bm25_best"] == words[PassageId(4)].score


def test_what_only_the_words_find_gets_its_cosine(shelf: Shelf) -> None:
    shelf.put(1, 1, "completely different in every way, except for zyzzyva")
    for number in range(2, 12):
        shelf.put(number, 2, "the question about it")

    found = shelf.ask("the question about zyzzyva", depth=1)

    by_words, by_vector = found
    assert "dense_rank" not in by_words.signals
    assert by_words.signals["dense_best"] == pytest.approx(
        float(
            EMBEDDER.embed_query("the question about zyzzyva")
            @ EMBEDDER.embed_passages(
                ["\ncompletely different in every way, except for zyzzyva"]
            )[0]
        ),
        abs=1e-6,
    )
    # And the other way round: only the vectors found it, yet it shares words.
    assert "lexical_rank" not in by_vector.signals
    assert by_vector.signals["bm25_best"] > 0


def test_a_passage_without_a_vector_has_no_cosine_rather_than_none(
    shelf: Shelf,
) -> None:
    shelf.put(1, 1, "nightly backup", embed=False)
    shelf.put(2, 2, "weather")

    candidate = shelf.ask("nightly backup")[0]

    assert candidate.document_id == 1
    assert "dense_best" not in candidate.signals
    assert candidate.signals["bm25_best"] > 0


def test_a_kind_without_vectors_is_searched_by_words() -> None:
    shelf = Shelf()
    shelf.put(1, 1, "nightly backup", kind=Kind.VIDEO, embed=False)

    assert [c.document_id for c in shelf.ask("backup")] == [1]


def test_each_kind_is_searched_for_itself(shelf: Shelf) -> None:
    for number in range(1, 30):
        shelf.put(number, number, f"backup of server {number}")
    shelf.put(50, 50, "a backup, in passing", kind=Kind.DOCS)

    found = shelf.ask("backup of server", depth=3)
    only_docs = shelf.ask("backup of server", kinds=frozenset({Kind.DOCS}))

    assert [c.document_id for c in found if c.kind is Kind.DOCS] == [50]
    assert only_docs == [c for c in found if c.kind is Kind.DOCS]


def test_only_what_still_exists_and_may_be_seen_is_a_candidate(shelf: Shelf) -> None:
    shelf.put(1, 1, "nightly backup")
    shelf.put(2, 2, "nightly backup", visibility="category:staff")
    shelf.put(3, 3, "nightly backup")
    shelf.put(4, 4, "nightly backup")
    del shelf.facts[PassageId(3)]
    # Made private after it was indexed.
    shelf.facts[PassageId(4)] = replace(
        shelf.facts[PassageId(4)], visibility="category:staff"
    )

    public = shelf.ask("nightly backup", visible_to=frozenset({PUBLIC}))
    unrestricted = shelf.ask("nightly backup")

    assert [c.document_id for c in public] == [1]
    assert [c.document_id for c in unrestricted] == [1, 2, 4]


def test_nothing_indexed_gives_no_candidates() -> None:
    assert Shelf().ask("backup") == []


@pytest.mark.parametrize("make", [FaissIndex, ExactIndex])
def test_similarities_are_those_of_a_search_and_unknown_ids_have_none(
    make: Callable[[int], VectorIndex],
) -> None:
    draw = np.random.default_rng(4)
    vectors = draw.normal(size=(30, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = make(8)
    index.add(np.arange(100, 130), vectors)
    near, ids = index.search(vectors[:1], 30)

    assert np.array_equal(index.similarities(vectors[0], ids[0]), near[0])
    assert np.isnan(index.similarities(vectors[0], np.array([99, -1, 10**12]))).all()
    assert index.similarities(vectors[0], np.array([], dtype=np.int64)).shape == (0,)
    with pytest.raises(DimensionMismatchError):
        index.similarities(vectors[0][:5], np.array([100]))
