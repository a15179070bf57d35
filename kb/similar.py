"""Older questions like a new one, and what they were answered with.

Link propagation: a target scores the sum, over the older questions that link it, of
how much the link says times how much the question is like the new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kb.corpus import Corpus
from kb.embed import Float32
from kb.graph import LinkGraph
from kb.question import Question
from kb.texts import TextField
from kb.types import DocumentId, Kind

# Older questions that are asked what they were answered with.
NEIGHBOURS = 50
# Cosines of unlike questions are not far from those of like ones; a power of them is.
_SHARPNESS = 4
# Damps the head of a ranking by BM25, whose scores mean nothing across questions.
_DAMPING = 10


@dataclass(frozen=True, slots=True)
class Similar:
    """Older questions with how much each is like the new one, in [0, 1]."""

    by_meaning: Mapping[DocumentId, float]
    by_words: Mapping[DocumentId, float]
    by_titles: Mapping[DocumentId, float]


def similar_questions(question: Question, corpus: Corpus, vector: Float32) -> Similar:
    """Find the threads whose opening question is like *question*, itself left out.

    Args:
        vector: Of the question, shape ``(dim,)``.
    """
    cosines, ids = corpus.questions.search(vector[None], NEIGHBOURS + 1)
    near = {
        DocumentId(int(i)): max(float(cosine), 0.0) ** _SHARPNESS
        for cosine, i in zip(cosines[0], ids[0], strict=True)
        if i >= 0 and i != question.document
    }
    return Similar(
        by_meaning=near,
        by_words=_by_words(question, corpus, TextField.OPENING),
        by_titles=_by_words(question, corpus, TextField.TITLE),
    )


def _by_words(
    question: Question, corpus: Corpus, field: TextField
) -> dict[DocumentId, float]:
    hits = corpus.texts.search(
        # A title is met by a title, if there is one.
        "" if field is TextField.TITLE and question.title else question.body,
        field,
        NEIGHBOURS + 1,
        kind=Kind.THREAD,
        title=question.title,
    )
    others = [i for i, _ in hits if i != question.document]
    return {i: _DAMPING / (rank + _DAMPING) for rank, i in enumerate(others)}


def linked_from(
    graph: LinkGraph, similar: Mapping[DocumentId, float]
) -> dict[DocumentId, float]:
    """What the similar questions were answered with."""
    scores: defaultdict[DocumentId, float] = defaultdict(float)
    for source, likeness in similar.items():
        for target, weight in graph.out_of(source).items():
            scores[target] += likeness * weight
    return scores


def linking_to(
    graph: LinkGraph, similar: Mapping[DocumentId, float]
) -> dict[DocumentId, float]:
    """Threads whose answers link to the similar questions: much the same was asked."""
    scores: defaultdict[DocumentId, float] = defaultdict(float)
    for target, likeness in similar.items():
        for source, weight in graph.into(target).items():
            scores[source] += likeness * weight
    return scores


def linked_beside(
    graph: LinkGraph, linked: Iterable[DocumentId]
) -> dict[DocumentId, float]:
    """What is linked by, or beside, or links to what the question itself links."""
    scores: defaultdict[DocumentId, float] = defaultdict(float)
    for document in linked:
        for other, weight in graph.out_of(document).items():
            scores[other] += weight
        for other, weight in graph.into(document).items():
            scores[other] += weight
    return scores
