"""Candidates for an answer: what the word and vector indexes find, by document.

Both indexes return passages. They are united, each passage gets the scores of
both (a passage that only one index found is scored by the other), and each
document becomes one `Candidate` with named signals for `kb.rank`.

Works on indexes alone; what else must be known of a passage is asked of a
callable, so that a replay of the past needs no store.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from kb.embed import Embedder, Float32
from kb.lexical import LexicalIndex, LexicalScore
from kb.types import Candidate, DocumentId, Kind, PassageFacts, PassageId
from kb.vectors import VectorIndex

# Models read some 256 tokens; more would only be cut and thrown away.
MAX_EMBEDDED_CHARS = 8_000

Describe = Callable[[Sequence[PassageId]], Mapping[PassageId, PassageFacts]]
"""Tells the facts of the passages that still exist; the others are absent."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a headline, which may be empty, and the text below it."""

    title: str
    body: str

    @property
    def text(self) -> str:
        """What is embedded.

        >>> Question("Reset", "How?").text, Question("", "How?").text
        ('Reset\\nHow?', 'How?')
        """
        return f"{self.title}\n{self.body}".strip()


def retrieve(
    question: Question,
    *,
    lexical: LexicalIndex,
    vectors: Mapping[Kind, VectorIndex],
    embedder: Embedder,
    kinds: Iterable[Kind],
    describe: Describe,
    visible_to: frozenset[str] | None,
    depth: int,
    at: datetime,
) -> list[Candidate]:
    """Find the documents that may answer a question.

    Args:
        vectors: By kind; a kind that is absent is searched by words alone.
        kinds: Each is searched for itself, so none crowds out another.
        describe: Also decides what still exists: see `Describe`.
        visible_to: Only documents with one of these visibilities; ``None`` for all.
        depth: Passages per index and kind, at least 1.
        at: The present, from which ages are counted.

    Returns:
        By kind in the order of `Kind`, then by document id.
    """
    query = embedder.embed_query(question.text[:MAX_EMBEDDED_CHARS])
    wanted = frozenset(kinds)
    found: list[Candidate] = []
    for kind in (kind for kind in Kind if kind in wanted):
        hits = lexical.search(
            question.body,
            depth,
            kinds=frozenset({kind}),
            visible_to=visible_to,
            title=question.title,
        )
        by_words = [hit.passage_id for hit in hits]
        near = vectors.get(kind)
        by_vector = _nearest(near, query, depth)
        ids = list(dict.fromkeys(by_words + by_vector))
        facts = {
            passage_id: fact
            for passage_id, fact in describe(ids).items()
            if fact.kind is kind
            and (visible_to is None or fact.visibility in visible_to)
        }
        ids = [passage_id for passage_id in ids if passage_id in facts]
        found += _by_document(
            kind,
            facts,
            words=lexical.score(question.body, ids, kind, title=question.title),
            cosines=_cosines(near, query, ids),
            lexical_ranks=_ranks(by_words, facts),
            dense_ranks=_ranks(by_vector, facts),
            at=at,
        )
    return found


def _nearest(index: VectorIndex | None, query: Float32, depth: int) -> list[PassageId]:
    if index is None:
        return []
    _, ids = index.search(query[None], depth)
    return [PassageId(int(i)) for i in ids[0] if i >= 0]


def _cosines(
    index: VectorIndex | None, query: Float32, ids: Sequence[PassageId]
) -> dict[PassageId, float]:
    if index is None or not ids:
        return {}
    cosines = index.similarities(query, np.array(ids, dtype=np.int64))
    return {
        passage_id: float(cosine)
        for passage_id, cosine in zip(ids, cosines, strict=True)
        if not math.isnan(cosine)
    }


def _ranks(
    ids: Iterable[PassageId], facts: Mapping[PassageId, PassageFacts]
) -> dict[DocumentId, int]:
    documents = (facts[i].document_id for i in ids if i in facts)
    return {d: rank for rank, d in enumerate(dict.fromkeys(documents), start=1)}


def _by_document(
    kind: Kind,
    facts: Mapping[PassageId, PassageFacts],
    *,
    words: Mapping[PassageId, LexicalScore],
    cosines: Mapping[PassageId, float],
    lexical_ranks: Mapping[DocumentId, int],
    dense_ranks: Mapping[DocumentId, int],
    at: datetime,
) -> list[Candidate]:
    passages: defaultdict[DocumentId, list[PassageId]] = defaultdict(list)
    for passage_id in sorted(facts):
        passages[facts[passage_id].document_id].append(passage_id)
    most = max((score.score for score in words.values()), default=0.0) or 1.0

    def fit(passage_id: PassageId) -> float:
        # For choosing what to show: both halves in [0, 1], equally trusted.
        known = words.get(passage_id)
        return (known.score / most if known else 0.0) + cosines.get(passage_id, 0.0)

    candidates = []
    for document_id, own in sorted(passages.items()):
        best = max(own, key=lambda i: (fit(i), -i))
        signals = _signals(own, facts, words, cosines, at=at)
        if document_id in lexical_ranks:
            signals["lexical_rank"] = float(lexical_ranks[document_id])
        if document_id in dense_ranks:
            signals["dense_rank"] = float(dense_ranks[document_id])
        candidates.append(Candidate(document_id, kind, best, signals))
    return candidates


def _signals(
    own: Sequence[PassageId],
    facts: Mapping[PassageId, PassageFacts],
    words: Mapping[PassageId, LexicalScore],
    cosines: Mapping[PassageId, float],
    *,
    at: datetime,
) -> dict[str, float]:
    signals = {}
    scores = sorted((words[i].score for i in own if i in words), reverse=True)
    near = sorted((cosines[i] for i in own if i in cosines), reverse=True)
    openings = [cosines[i] for i in own if i in cosines and facts[i].opening]
    if scores:
        signals["bm25_best"] = scores[0]
        signals["bm25_second"] = scores[1] if len(scores) > 1 else 0.0
        signals["coverage"] = max(words[i].coverage for i in own if i in words)
    if near:
        signals["dense_best"] = near[0]
    if len(near) > 1:
        signals["dense_second"] = near[1]
    if openings:
        signals["dense_opening"] = max(openings)
    fact = facts[own[0]]
    signals["log_parts"] = math.log1p(fact.parts_count)
    if fact.created_at is not None:
        age = max(at - fact.created_at, timedelta(0))
        signals["log_age"] = math.log1p(age / timedelta(days=1))
    return signals
